"""Dataset: examples with their targets; split, scaled, read from a file."""

from __future__ import annotations

from math import fsum, isfinite, sqrt

from autograd_lite.errors import ArgumentError
from nn.init import generator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from os import PathLike
    from typing import Any


class Dataset:
    """Examples and their targets; unpacks as `X, y = dataset`.

    Attributes:
        X: n rows of numbers.
        y: n targets, class indices from 0.
        features: the name of each column of X.
        classes: the name of each class.
    """

    def __init__(self, X: Any, y: Any, features: Sequence[str] = (), classes: Sequence[str] = ()) -> None:  # noqa: N803
        self.X: list[list[float]] = [list(row) for row in X]
        self.y: list[int] = list(y)
        self.features, self.classes = tuple(features), tuple(classes)

    @property
    def labels(self) -> list[str]:
        """The name of the class of each example."""
        return [self.classes[k] for k in self.y]

    def __iter__(self) -> Iterator[Any]:
        return iter((self.X, self.y))

    def __repr__(self) -> str:
        width = len(self.X[0]) if self.X else 0
        return f"Dataset({len(self.X)} examples, {width} features, {len(set(self.y))} classes)"

    def take(self, rows: Sequence[int]) -> Dataset:
        """Return the examples with these indices."""
        return Dataset([self.X[k] for k in rows], [self.y[k] for k in rows], self.features, self.classes)

    def split(self, test: float = 1 / 3, random_state: Any = 0) -> tuple[Dataset, Dataset]:
        """Return (train, test), the share `test` of every class drawn at random and held out.

        >>> from nn.data import iris
        >>> train, test = iris().split(test=1/3)
        >>> [test.y.count(k) for k in range(3)]
        [17, 16, 17]
        """
        if not 0.0 < test < 1.0:
            raise ArgumentError(f"split: the share of the test part must lie between 0 and 1, got {test!r}.")
        numbers = generator(random_state)
        held: list[int] = []
        seen = 0
        for k in sorted(set(self.y)):
            rows = [row for row, label in enumerate(self.y) if label == k]
            numbers.shuffle(rows)
            # Rounded on the running total, so that the whole has the share too.
            count = round((seen + len(rows)) * test) - len(held)
            seen += len(rows)
            held += rows[:count]
        if not 0 < len(held) < len(self.y):
            raise ArgumentError(
                f"split: both parts must have examples, got {len(self.y)} examples and test={test!r}. "
                f"Choose another share, or bring more data."
            )
        out = set(held)
        return self.take([row for row in range(len(self.y)) if row not in out]), self.take(sorted(held))


def scaling(dataset: Dataset) -> tuple[list[float], list[float]]:
    """Return mean and standard deviation of every column; a constant one has the deviation 1.

    >>> scaling(Dataset([[1.0, 7.0], [3.0, 7.0]], [0, 1]))
    ([2.0, 7.0], [1.0, 1.0])
    """
    found = [_scaling(column, k) for k, column in enumerate(zip(*dataset.X, strict=True))]
    return [mean for mean, _ in found], [deviation for _, deviation in found]


def _scaling(column: Sequence[float], k: int) -> tuple[float, float]:
    if min(column) == max(column):  # its mean may round to another number, its deviation then is no 0
        return column[0], 1.0
    try:
        mean = fsum(column) / len(column)
        return mean, sqrt(fsum((x - mean) ** 2 for x in column) / len(column)) or 1.0
    except OverflowError:
        raise ArgumentError(
            f"scaling: column {k} must be of a size that can be squared, got up to {max(map(abs, column)):g}. "
            f"Divide it by a power of ten first."
        ) from None


def standardize(train: Dataset, *others: Dataset) -> list[Dataset]:
    """Return the data sets with every column shifted and scaled to mean 0 and deviation 1 in `train`.

    The others use the numbers of `train` as well: nothing is learned from a test part. A column
    that is constant in `train` is only shifted.

    >>> (scaled,) = standardize(Dataset([[1.0], [3.0]], [0, 1]))
    >>> scaled.X
    [[-1.0], [1.0]]
    """
    means, scales = scaling(train)
    return [
        Dataset(
            [[(x - m) / s for x, m, s in zip(row, means, scales, strict=True)] for row in part.X],
            part.y,
            part.features,
            part.classes,
        )
        for part in (train, *others)
    ]


def read_csv(path: str | PathLike[str], label: str | None = None) -> Dataset:
    """Return the Dataset in a CSV file with a header: numbers, and one column of labels.

    Args:
        path: the file, UTF-8.
        label: the name of the label column; the last one unless given.

    Raises:
        ArgumentError: no such column, no rows, a row of another width, or something that is not
            a finite number, with line and column.
    """
    import csv

    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            lines = [(reader.line_num, row) for row in reader if row]
    except (UnicodeDecodeError, csv.Error) as failure:
        raise ArgumentError(f"read_csv: {path}: must be a CSV file in UTF-8, got one that is not: {failure}.") from None
    if len(set(header)) < len(header):
        raise ArgumentError(f"read_csv: {path}: the columns must have different names, got {', '.join(header)}.")
    if len(header) < 2 or not lines:
        raise ArgumentError(
            f"read_csv: {path}: a header, a label column and at least one row of numbers are needed, "
            f"got {_instead(header)}"
        )
    numbers = [name for name in header if _is_number(name)]
    if numbers and len(numbers) >= len(header) - 1:
        raise ArgumentError(
            f"read_csv: {path}, line 1: the columns must have names, got the numbers {', '.join(numbers[:4])}. "
            f"Write a line of names above."
        )
    column = label if label is not None else header[-1]
    if column not in header:
        raise ArgumentError(f"read_csv: {path}: the label must be one of {', '.join(header)}, got {label!r}.")
    at = header.index(column)
    X, labels = [], []  # noqa: N806
    for line, row in lines:
        if len(row) != len(header):
            raise ArgumentError(f"read_csv: {path}, line {line}: {len(header)} columns expected, got {len(row)}.")
        labels.append(row[at].strip())
        if not labels[-1]:
            raise ArgumentError(f"read_csv: {path}, line {line}, {column}: a label is needed, got none.")
        X.append(
            [
                _cell(text, f"{path}, line {line}, {name}")
                for name, text in zip(header, row, strict=True)
                if name != column
            ]
        )
    classes = sorted(set(labels))
    return Dataset(X, [classes.index(name) for name in labels], [name for name in header if name != column], classes)


def _instead(header: list[str]) -> str:
    """Return what a file has that is no table, and the cure."""
    if len(header) == 1:
        other = next((sign for sign in ";\t|" if sign in header[0]), None)
        if other is not None:
            return f"{header[0]!r:.60}. Separate the columns by commas, not by {other!r}."
        return f"one column, {header[0]!r:.60}. Separate the columns by commas."
    return "no row. Write one example per line." if header else "an empty file."


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _cell(text: str, place: str) -> float:
    try:
        number = float(text)
    except ValueError:
        cure = (
            "Remove the column, or put numbers for what it says." if text.strip() else "Fill it in, or remove the row."
        )
        raise ArgumentError(f"read_csv: {place}: a number is needed, got {text!r:.60}. {cure}") from None
    if not isfinite(number):
        raise ArgumentError(
            f"read_csv: {place}: a finite number is needed, got {text!r}. Remove the row, or fill it in."
        )
    return number
