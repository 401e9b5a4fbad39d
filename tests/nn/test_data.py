"""Toy data: provenance, splits, scaling, files."""

from __future__ import annotations

import builtins
import math

import pytest

from autograd_lite.errors import ArgumentError, InputTypeError
from nn import data as toy


def test_iris_has_fishers_numbers():
    """R's `summary(iris)`: the means; and the two flowers in which the UCI copy errs."""
    flowers = toy.iris()
    assert flowers.classes == ("setosa", "versicolor", "virginica")
    assert [flowers.y.count(k) for k in range(3)] == [50, 50, 50]
    columns = list(zip(*flowers.X, strict=True))
    assert [round(math.fsum(c) / 150, 3) for c in columns] == [5.843, 3.057, 3.758, 1.199]
    assert [(min(c), max(c)) for c in columns] == [(4.3, 7.9), (2.0, 4.4), (1.0, 6.9), (0.1, 2.5)]
    assert flowers.X[34] == [4.9, 3.1, 1.5, 0.2]
    assert flowers.X[37] == [4.9, 3.6, 1.4, 0.1]


def test_iris_is_scikit_learns():
    datasets = pytest.importorskip("sklearn.datasets", reason="the peer, scikit-learn, is not installed")
    X, y = datasets.load_iris(return_X_y=True)  # noqa: N806
    assert X.tolist() == toy.iris().X
    assert toy.iris().y == y.tolist()


@pytest.mark.parametrize("test", [0.1, 1 / 3, 0.5])
def test_a_split_has_every_example_once_and_every_class_in_its_share(test):
    whole = toy.iris()
    train, held_out = whole.split(test, random_state=4)
    assert sorted(zip(train.X + held_out.X, train.y + held_out.y, strict=True)) == sorted(
        zip(whole.X, whole.y, strict=True)
    )
    assert len(held_out.y) == round(150 * test)
    assert all(abs(held_out.y.count(k) - 50 * test) < 1 for k in range(3))


def test_a_split_is_decided_by_its_random_state():
    whole = toy.iris()
    assert whole.split(random_state=1)[1].X == whole.split(random_state=1)[1].X != whole.split(random_state=2)[1].X


def test_scaling_learns_from_the_training_part_alone():
    train, held_out = toy.iris(test=1 / 3)
    for column in zip(*train.X, strict=True):
        assert math.fsum(column) / 100 == pytest.approx(0.0, abs=1e-13)
        assert math.fsum(x * x for x in column) / 100 == pytest.approx(1.0, rel=1e-13)
    raw_train, raw = toy.iris().split(1 / 3)
    a, b = [row[0] for row in raw_train.X], [row[0] for row in train.X]
    slope = (b[1] - b[0]) / (a[1] - a[0])
    for x, z in zip(raw.X, held_out.X, strict=True):
        assert z[0] == pytest.approx(b[0] + slope * (x[0] - a[0]), abs=1e-12)


def test_a_constant_column_is_only_shifted():
    (scaled,) = toy.standardize(toy.Dataset([[7.0, 1.0], [7.0, 3.0]], [0, 1]))
    assert scaled.X == [[0.0, -1.0], [0.0, 1.0]]


def test_spirals_are_arms_of_one_shape():
    """Without noise arm k is arm 0 turned by k/n of a circle."""
    points = toy.spirals(90, classes=3, noise=0.0)
    turn = 2 * math.pi / 3
    for (ax, ay), (bx, by) in zip(points.X[::3], points.X[1::3], strict=True):
        assert bx == pytest.approx(ax * math.cos(turn) - ay * math.sin(turn), abs=1e-12)
        assert by == pytest.approx(ax * math.sin(turn) + ay * math.cos(turn), abs=1e-12)
    assert [points.y.count(k) for k in range(3)] == [30, 30, 30]
    assert all(math.hypot(*point) < 1.0 for point in points.X)


@pytest.mark.parametrize(
    ("make", "shape"),
    [(toy.moons, (100, 2, 2)), (toy.circles, (100, 2, 2)), (toy.blobs, (100, 2, 3)), (toy.digits, (1797, 64, 10))],
)
def test_scikit_learns_sets(make, shape):
    pytest.importorskip("sklearn.datasets", reason="scikit-learn (extra `data`) is not installed")
    points = make()
    assert (len(points.X), len(points.X[0]), len(points.classes)) == shape
    assert type(points.X[0][0]) is float
    assert type(points.y[0]) is int
    assert set(points.y) == set(range(shape[2]))


def test_without_scikit_learn_the_error_names_the_extra(monkeypatch):
    real = builtins.__import__

    def no_sklearn(name, *arguments):
        if name.startswith("sklearn"):
            raise ImportError(name)
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", no_sklearn)
    with pytest.raises(ImportError, match=r"data\.moons: needs scikit-learn.*python -m pip install scikit-learn"):
        toy.moons()


def test_a_csv_of_ones_own(tmp_path):
    path = tmp_path / "fruit.csv"
    path.write_text("\ufeffweight,kind,size\n1,pear,2.5\n\n3,apple,-4e-1\n", encoding="utf-8")
    fruit = toy.read_csv(path, label="kind")
    assert (fruit.X, fruit.y) == ([[1.0, 2.5], [3.0, -0.4]], [1, 0])
    assert (fruit.features, fruit.classes) == (("weight", "size"), ("apple", "pear"))
    assert fruit.labels == ["pear", "apple"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "header"),
        ("a,b\n", "at least one row"),
        ("a\n1\n", "header"),
        ("a,b\n1,x,2\n", "line 2: 2 columns expected, got 3"),
        ("a,b\n1,x\none,x\n", "line 3, a: a number is needed, got 'one'"),
        ("a,b\nnan,x\n", "line 2, a: a finite number is needed, got 'nan'"),
        ("a,b\n,x\n", "line 2, a: a number is needed, got ''"),
        ("a,b\n1, \n", "line 2, b: a label is needed"),
        ("a,b,a\n1,x,2\n", "different names"),
        ('a,b\n1,"x\n', "must be a CSV file"),
        ("a,b\n1,\udcff\n", "UTF-8"),
        ("a;b\n1;x\n", "got 'a;b'. Separate the columns by commas, not by ';'"),
        ("a\tb\n1\tx\n", "not by '\\t'"),
        ("a,b\n", "got no row"),
        ("1.5,2.5,x\n2.5,3.5,y\n", "line 1: the columns must have names, got the numbers 1.5, 2.5"),
        ("a,b\none,x\n", "Remove the column"),
    ],
)
def test_a_broken_csv_is_an_error_with_line_and_column(text, words, tmp_path):
    path = tmp_path / "broken.csv"
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(ArgumentError) as caught:
        toy.read_csv(path)
    assert words in str(caught.value)


def test_a_constant_is_only_shifted_whatever_its_mean_rounds_to():
    """fsum([0.1] * 3) / 3 is not 0.1: the deviation would be 1e-17, and 0.2 be scaled to 7e15."""
    assert toy.scaling(toy.Dataset([[0.1]] * 3, [0, 1, 0])) == ([0.1], [1.0])


def test_numbers_too_large_to_scale_are_an_error():
    for column in ([1e308, 1e308], [1e308, -1e308], [1e200, 0.0]):
        rows = [[0.0, x] for x in column]
        if column[0] == column[1]:
            assert toy.scaling(toy.Dataset(rows, [0, 1])) == ([0.0, 1e308], [1.0, 1.0])
            continue
        with pytest.raises(ArgumentError, match=r"scaling: column 1 must be of a size .*, got up to 1e"):
            toy.scaling(toy.Dataset(rows, [0, 1]))


def test_errors(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,x\n")
    with pytest.raises(ArgumentError, match="one of a, b, got 'c'"):
        toy.read_csv(path, label="c")
    for share in (0.0, 1.0, -1.0, math.nan):
        with pytest.raises(ArgumentError, match="between 0 and 1"):
            toy.iris(test=share)
    with pytest.raises(ArgumentError, match="both parts"):
        toy.xor().split(0.01)
    with pytest.raises(ArgumentError, match="per arm"):
        toy.spirals(1, classes=2)
    with pytest.raises(InputTypeError, match="spirals: n must be an int, got 'a'"):
        toy.spirals("a")
