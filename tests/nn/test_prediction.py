"""predict, predict_proba, score: what outputs mean, without a graph, and fast."""

from __future__ import annotations

import numpy as np
import pytest

import nn
from autograd_lite.errors import ArgumentError, InputTypeError

X = [[0.0, 0.0], [1.0, 2.0], [-3.0, 1.0]]


def model(loss=None, outputs=3, final="linear"):
    network = nn.MLP(2, [4, outputs], "tanh", final, random_state=0)
    network.loss = loss
    return network


def test_probabilities_are_those_of_the_graph():
    rows = model().predict_proba(X)
    expected = [[p.data for p in nn.Softmax()(model()(x))] for x in X]
    assert rows == [pytest.approx(row, rel=1e-15) for row in expected]
    assert [sum(row) for row in rows] == pytest.approx([1.0] * 3)


@pytest.mark.parametrize(
    ("loss", "outputs", "final"),
    [
        (nn.cross_entropy, 3, "linear"),
        (nn.bce_logits, 1, "linear"),
        (nn.bce, 1, "sigmoid"),
        (nn.cross_entropy_probabilities, 3, "softmax"),
        (nn.squared_error, 3, "sigmoid"),
        (None, 3, "linear"),
    ],
)
def test_the_class_is_the_most_probable_one(loss, outputs, final):
    network = model(loss, outputs, final)
    classes = network.predict(X)
    assert classes == [row.index(max(row)) for row in network.predict_proba(X)]
    assert all(isinstance(k, int) for k in classes)
    assert network.score(X, classes) == 1.0
    if outputs > 1:
        assert network.score(X, [nn.one_hot(k, outputs) for k in classes]) == 1.0
    assert network.score(X, [(k + 1) % 2 for k in classes]) < 1.0


@pytest.mark.parametrize(("loss", "final"), [("bce_logits", "linear"), ("bce", "sigmoid")])
def test_one_output_is_class_1_above_a_half(loss, final):
    """σ(z) > ½ where z > 0: for a logit the threshold is 0, for a probability a half."""
    unit = nn.Layer(1, 1, final, init=lambda *_: 1.0)
    for x, k in ((0.2, 1), (-0.2, 0)):
        assert unit.predict([[x]], loss=loss) == [k]
        assert unit.predict(np.array([[x]]), loss=loss).tolist() == [k]
        assert (unit.predict_proba([[x]], loss=loss)[0][1] > 0.5) == bool(k)


def test_without_probabilities_there_are_signs_or_numbers():
    margins = model(nn.hinge, 1)
    assert margins.predict(X) == [1 if y > 0 else -1 for (y,) in margins.evaluate(X)]
    numbers = model(nn.squared_error, 1)
    assert numbers.predict(X) == [y for (y,) in numbers.evaluate(X)]
    assert model(nn.mse, 2).predict(X) == model(nn.mse, 2).evaluate(X)
    for network in (margins, numbers):
        with pytest.raises(ArgumentError, match="bce_logits"):
            network.predict_proba(X)
    assert len(model(None, 1).predict_proba(X, loss="bce_logits")) == 3


def test_r_squared_is_one_for_the_truth_and_zero_for_the_mean():
    numbers = model(nn.squared_error, 1)
    assert numbers.score(X, numbers.predict(X)) == 1.0
    mean = nn.Linear(2, 1, init="zeros")
    mean.neurons[0].b.data = 2.0
    assert mean.score(X, [1.0, 2.0, 3.0]) == 0.0
    assert mean.score(X, [2.0, 2.0, 2.0]) == 1.0


def test_arrays_in_arrays_out_with_the_same_predictions():
    for loss, outputs in ((nn.cross_entropy, 3), (nn.bce_logits, 1), (nn.squared_error, 2), (nn.hinge, 1)):
        network = model(loss, outputs)
        predictions = network.predict(np.array(X))
        assert isinstance(predictions, np.ndarray)
        assert predictions == pytest.approx(np.array(network.predict(X)), rel=1e-12)
    probabilities = model().predict_proba(np.array(X))
    assert probabilities.shape == (3, 3)
    assert probabilities == pytest.approx(np.array(model().predict_proba(X)), rel=1e-12)


def test_names_in_names_out():
    flowers, held_out = nn.data.iris(test=1 / 3)
    network = nn.MLP(4, [3], random_state=0)
    nn.fit(network, flowers.X, flowers.labels, loss="cross_entropy", optimizer=nn.SGD(network.parameters(), lr=0.5))
    assert network.classes == ("setosa", "versicolor", "virginica")
    assert set(network.predict(held_out.X)) == set(network.classes)
    assert network.score(held_out.X, held_out.labels) == network.score(*held_out) > 0.9
    assert network.predict(np.array(held_out.X)).tolist() == network.predict(held_out.X)
    with pytest.raises(ArgumentError, match=r"row 0 of y must be one of setosa, .* got 'rose'"):
        network.score(held_out.X[:1], ["rose"])
    with pytest.raises(ArgumentError, match=r"0\.\.2, got 3"):
        network.score(held_out.X[:1], [3])
    with pytest.raises(ArgumentError, match="got 1 for 2"):
        network.score(held_out.X[:2], [0])


@pytest.mark.parametrize("loss", ["squared_error", "hinge", "bce_logits"])
def test_two_names_for_one_output(loss):
    network = nn.MLP(2, [4, 1], "tanh", random_state=1)
    points, _ = nn.data.xor()
    names = ["even", "odd", "odd", "even"]
    history = nn.fit(network, points, names, loss=loss, optimizer=nn.Adam(network.parameters(), lr=0.1), epochs=100)
    if loss != "squared_error":
        assert network.predict(points) == names
        assert history.accuracy[-1] == 1.0


def test_a_decision_surface_builds_no_graph():
    """40 000 points through 2-16-16-1: node by node this takes 13 s."""
    network = nn.MLP(2, [16, 16, 1], random_state=0)
    network.loss = nn.bce_logits
    side = np.linspace(-1.0, 1.0, 200)
    points = np.array([[a, b] for a in side for b in side])
    classes = network.predict(points)
    some = range(0, 40_000, 1999)
    assert classes[some].tolist() == [int(network(points[k]).data > 0) for k in some]


def test_prediction_leaves_gradients_alone():
    network = model(nn.cross_entropy)
    nn.cross_entropy(network(X[0]), 0).backward()
    before = [p.grad for p in network.parameters()]
    network.score(X, [0, 1, 2])
    assert [p.grad for p in network.parameters()] == before


def test_targets_that_are_no_numbers_are_refused():
    network = nn.MLP(1, [1], random_state=0)
    with pytest.raises(InputTypeError, match=r"score: row 1 of y: a number is needed, got 'b'"):
        network.score([[1.0], [2.0]], [1.0, "b"])
    with pytest.raises(InputTypeError, match="one target per example, got 'ab'"):
        network.score([[1.0], [2.0]], "ab")


def test_bad_examples_are_refused():
    for rows in ([], [[1.0]], [[1.0, float("nan")]], np.zeros(2)):
        with pytest.raises(ArgumentError, match=r"^predict: "):
            model().predict(rows)


class Tensor:
    """What torch's tensors and jax's arrays have in common: an array within, and a dtype of their own."""

    def __init__(self, numbers):
        self.array = np.array(numbers)
        self.ndim, self.shape, self.dtype = self.array.ndim, self.array.shape, "float64"

    def tolist(self):
        return self.array.tolist()

    def __array__(self, dtype=None, copy=None):
        return self.array


class Table:
    """What the tables of pandas and polars have in common: columns with names, and an array of them all."""

    def __iter__(self):
        return iter(["petal length", "petal width"])

    def to_numpy(self):
        return np.array(X)


def test_tables_of_other_libraries_are_taken_as_arrays_are():
    one, other = model(), model()
    nn.fit(one, Table(), [0, 1, 2], loss="cross_entropy", epochs=2)
    nn.fit(other, X, [0, 1, 2], loss="cross_entropy", epochs=2)
    assert one.state_dict() == other.state_dict()
    assert one.predict(Table()).tolist() == one.predict(X)
    assert one.score(Table(), [0, 1, 2]) == one.score(X, [0, 1, 2])


def test_tensors_of_other_libraries_are_taken_as_arrays_are():
    assert model("cross_entropy").predict(Tensor(X)).tolist() == model("cross_entropy").predict(np.array(X)).tolist()
    one, other = model(), model()
    nn.fit(one, Tensor(X), Tensor([0, 1, 2]), loss="cross_entropy", epochs=2, random_state=0)
    nn.fit(other, X, [0, 1, 2], loss="cross_entropy", epochs=2, random_state=0)
    assert one.state_dict() == other.state_dict()


@pytest.mark.parametrize("widths", [[3, 1], [3, 2]])
@pytest.mark.parametrize("loss", ["mse", "squared_error"])
@pytest.mark.parametrize("container", [list, np.array])
def test_names_are_predicted_after_squared_errors_too(widths, loss, container):
    """Of names there are no means: the numbers near 0 and 1 that stand for them are read as classes."""
    rows, names = container([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0]]), ["no", "yes", "no"]
    model = nn.MLP(2, widths, "tanh", random_state=0)
    history = nn.fit(model, rows, names, loss=loss, epochs=100, optimizer=nn.Adam(model.parameters(), lr=0.05),
                     validation=(rows, names))  # fmt: skip
    assert list(model.predict(rows)) == names
    assert model.score(rows, names) == history.accuracy[-1] == history.validation_score[-1] == 1.0
    with pytest.raises(ArgumentError, match="must stand for probabilities, got shares"):
        model.predict_proba(rows)


def test_numbers_are_predicted_as_they_are_after_squared_errors():
    model = nn.MLP(1, [1], random_state=0)
    nn.fit(model, [[0.0], [1.0]], [0.0, 1.0], loss="mse", epochs=2)
    assert isinstance(model.predict([[0.5]])[0], float)
