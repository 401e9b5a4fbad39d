"""Toy data: Iris, xor and spirals from here, moons, circles, blobs and digits through scikit-learn.

>>> from nn import data as toy
>>> train, test = toy.iris(test=1/3, random_state=0)
>>> len(train.X), len(test.X), train.classes
(100, 50, ('setosa', 'versicolor', 'virginica'))
"""

from __future__ import annotations

from math import cos, pi, sin

from autograd_lite.errors import ArgumentError
from nn.dataset import Dataset, read_csv, scaling, standardize
from nn.init import generator
from nn.optim import whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "Dataset",
    "blobs",
    "circles",
    "digits",
    "iris",
    "moons",
    "read_csv",
    "scaling",
    "spirals",
    "standardize",
    "xor",
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
    n, classes = whole(n, "spirals: n"), whole(classes, "spirals: classes")
    if n < classes:
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
            f"data.{who}: needs scikit-learn, which is not installed. Run `python -m pip install scikit-learn`."
        ) from None
    return datasets


def _points(who: str, X: Any, y: Any) -> Dataset:  # noqa: N803
    return Dataset(X.tolist(), y.tolist(), ("x1", "x2"), [str(k) for k in range(int(y.max()) + 1)])
