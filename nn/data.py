"""Toy data: Iris, xor and spirals from here, moons, circles, blobs and digits through scikit-learn.

>>> from nn import data as toy
>>> train, test = toy.iris(test=1/3, random_state=0)
>>> len(train.X), len(test.X), train.classes
(100, 50, ('setosa', 'versicolor', 'virginica'))
"""

from __future__ import annotations

from math import cos, fsum, isfinite, pi, sin, sqrt

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
    columns = list(zip(*dataset.X, strict=True))
    means = [fsum(column) / len(column) for column in columns]
    return means, [
        sqrt(fsum((x - mean) ** 2 for x in column) / len(column)) or 1.0
        for column, mean in zip(columns, means, strict=True)
    ]


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


def iris(test: float | None = None, random_state: Any = 0) -> Any:
    """Return Fisher's 150 flowers (1936, four lengths in cm, three species): see `datasets/README.md`.

    Args:
        test: None for the whole Dataset as it is; a share for (train, test), split by species and
            standardised by the training part.
        random_state: of the split.

    >>> iris()
    Dataset(150 examples, 4 features, 3 classes)
    >>> iris().X[34], iris().X[37]                  # Fisher's numbers, not those of the UCI copy
    ([4.9, 3.1, 1.5, 0.2], [4.9, 3.6, 1.4, 0.1])
    """
    from importlib.resources import as_file, files

    with as_file(files("nn") / "datasets" / "iris.csv") as path:
        flowers = read_csv(path, label="species")
    if test is None:
        return flowers
    return tuple(standardize(*flowers.split(test, random_state)))


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

    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        header = [name.strip() for name in next(reader, [])]
        lines = [(reader.line_num, row) for row in reader if row]
    if len(header) < 2 or not lines:
        raise ArgumentError(f"read_csv: {path}: a header, a label column and at least one row of numbers are needed.")
    column = label if label is not None else header[-1]
    if column not in header:
        raise ArgumentError(f"read_csv: {path}: the label must be one of {', '.join(header)}, got {label!r}.")
    at = header.index(column)
    X, labels = [], []  # noqa: N806
    for line, row in lines:
        if len(row) != len(header):
            raise ArgumentError(f"read_csv: {path}, line {line}: {len(header)} columns expected, got {len(row)}.")
        labels.append(row[at].strip())
        X.append(
            [
                _cell(text, f"{path}, line {line}, {name}")
                for name, text in zip(header, row, strict=True)
                if name != column
            ]
        )
    classes = sorted(set(labels))
    return Dataset(X, [classes.index(name) for name in labels], [name for name in header if name != column], classes)


def _cell(text: str, place: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ArgumentError(f"read_csv: {place}: a number is needed, got {text!r}.") from None
    if not isfinite(number):
        raise ArgumentError(
            f"read_csv: {place}: a finite number is needed, got {text!r}. Remove the row, or fill it in."
        )
    return number


def xor() -> Dataset:
    """Return the four points no single line separates.

    >>> xor().X, xor().y
    ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0])
    """
    return Dataset([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0], ("x1", "x2"), ("0", "1"))


def spirals(n: int = 100, classes: int = 2, turns: float = 1.0, noise: float = 0.02, random_state: Any = 0) -> Dataset:
    """Return n points on `classes` interleaved spiral arms within the unit circle.

    >>> spirals(300, classes=3)
    Dataset(300 examples, 2 features, 3 classes)
    """
    if classes < 1 or n < classes:
        raise ArgumentError(f"spirals: at least one point per arm is needed, got n={n!r} for {classes!r} classes.")
    numbers = generator(random_state)
    X, y = [], []  # noqa: N806
    for k in range(n):
        arm, place = k % classes, (k // classes + 1) / (n // classes + 1)
        angle = 2.0 * pi * (arm / classes + turns * place)
        X.append([place * cos(angle) + numbers.gauss(0.0, noise), place * sin(angle) + numbers.gauss(0.0, noise)])
        y.append(arm)
    return Dataset(X, y, ("x1", "x2"), [str(k) for k in range(classes)])


def moons(n: int = 100, noise: float = 0.1, random_state: Any = 0) -> Dataset:
    """Return n points on two half circles that reach into each other (scikit-learn's make_moons)."""
    return _points("moons", *_sklearn("moons").make_moons(n, noise=noise, random_state=random_state))


def circles(n: int = 100, noise: float = 0.05, factor: float = 0.5, random_state: Any = 0) -> Dataset:
    """Return n points on two circles, one inside the other (scikit-learn's make_circles)."""
    make = _sklearn("circles").make_circles
    return _points("circles", *make(n, noise=noise, factor=factor, random_state=random_state))


def blobs(n: int = 100, classes: int = 3, spread: float = 1.0, random_state: Any = 0) -> Dataset:
    """Return n points in Gaussian clouds, one per class (scikit-learn's make_blobs)."""
    make = _sklearn("blobs").make_blobs
    return _points("blobs", *make(n, centers=classes, cluster_std=spread, random_state=random_state))


def digits(classes: int = 10) -> Dataset:
    """Return 8 × 8 images of handwritten digits, scaled to 0..1 (scikit-learn's load_digits)."""
    X, y = _sklearn("digits").load_digits(n_class=classes, return_X_y=True)  # noqa: N806
    names = [f"pixel_{row}_{column}" for row in range(8) for column in range(8)]
    return Dataset((X / 16.0).tolist(), y.tolist(), names, [str(k) for k in range(classes)])


def _sklearn(who: str) -> Any:
    try:
        from sklearn import datasets
    except ImportError:
        raise ImportError(
            f"data.{who}: needs scikit-learn, which is not installed. Run pip install 'autograd_lite[data]'."
        ) from None
    return datasets


def _points(who: str, X: Any, y: Any) -> Dataset:  # noqa: N803
    return Dataset(X.tolist(), y.tolist(), ("x1", "x2"), [str(k) for k in range(int(y.max()) + 1)])
