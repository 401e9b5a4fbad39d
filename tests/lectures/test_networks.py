"""The small networks of the lectures, weight by weight."""

from __future__ import annotations

import math

import numpy as np
import pytest

import nn
from autograd_lite import Value, gradients, primitive, sigmoid, topological_order

# ---- 2-2-1, all sigmoid


def two_two_one():
    """Inputs 0.35 and 0.9; weights of no importance, all different."""
    model = nn.MLP(2, [2, 1], "sigmoid", "sigmoid", random_state=3)
    for p, number in zip(model.parameters(), (0.1, 0.8, -0.2, 0.4, 0.6, 0.3, 0.3, 0.9, 0.1), strict=True):
        p.data = number
    return model, [0.35, 0.9]


def test_a_weight_of_the_first_layer_is_a_product_of_four_partial_derivatives():
    """∂E/∂W₁₁ = ∂E/∂ŷ · ∂ŷ/∂H₁ · ∂H₁/∂h₁ · ∂h₁/∂W₁₁, H₁ = σ(h₁): there is one path."""
    model, x = two_two_one()
    recording = model.record(x)
    y, H1, h1 = recording["a[2][1]"], recording["a[1][1]"], recording["z[1][1]"]  # noqa: N806
    W11 = model.layers[0].neurons[0].w[0]  # noqa: N806
    E = nn.squared_error(recording.output, 1.0)  # noqa: N806
    four = [gradients(top, [bottom])[0] for top, bottom in ((E, y), (y, H1), (H1, h1), (h1, W11))]
    assert all(four)
    assert gradients(E, [W11]) == [pytest.approx(math.prod(four), rel=1e-14)]
    out, w21 = y.data, model.layers[1].neurons[0].w[0].data
    by_hand = [out - 1.0, out * (1 - out) * w21, H1.data * (1 - H1.data), x[0]]
    assert four == pytest.approx(by_hand, rel=1e-14)


@pytest.mark.parametrize("y", [0.0, 1.0])
def test_sigmoid_and_cross_entropy_leave_output_minus_target(y):
    """∂E/∂h = ŷ − y at the pre-activation h of the output; the sigmoid's slope cancels."""
    model, x = two_two_one()
    recording = model.record(x)
    nn.bce(recording.output, y).backward()
    assert recording["z[2][1]"].grad == pytest.approx(recording.output.data - y, rel=1e-14)


def test_half_the_squared_error_has_it_at_the_output_itself():
    """∂E/∂ŷ = ŷ − y, and one link further down ∂E/∂h = (ŷ − y)·ŷ(1 − ŷ)."""
    model, x = two_two_one()
    recording = model.record(x)
    nn.squared_error(recording.output, 1.0).backward()
    y = recording["a[2][1]"]
    assert y.grad == y.data - 1.0
    assert recording["z[2][1]"].grad == pytest.approx((y.data - 1.0) * y.data * (1 - y.data), rel=1e-14)


def test_biases_are_the_weights_w31_and_w32_of_a_third_input_that_is_one():
    model, x = two_two_one()
    hidden = model.layers[0]
    extended = nn.Layer(3, 2, "sigmoid", bias=False)
    for wide, neuron in zip(extended.neurons, hidden.neurons, strict=True):
        for w, p in zip(wide.w, neuron.parameters(), strict=True):
            w.data = p.data
    one, two = model(x), model.layers[1](extended([*x, 1.0]))
    assert two.data == pytest.approx(one.data, rel=1e-15)
    w31, w32 = (neuron.w[2] for neuron in extended.neurons)
    assert (w31.label, w32.label) == ("w[3][1]", "w[3][2]")
    assert gradients(two, [w31, w32]) == pytest.approx(gradients(one, [n.b for n in hidden.neurons]), rel=1e-14)


# ---- backpropagation is dynamic programming


@pytest.mark.parametrize(("depth", "width"), [(1, 3), (4, 3), (12, 4)])
def test_every_edge_is_visited_once_however_many_paths_there_are(depth, width):
    """A path chooses a unit in each layer: widthᵈᵉᵖᵗʰ of them; edges grow with depth only."""
    visits = 0

    def counted(y, x):
        nonlocal visits
        visits += 1
        return 1.0

    edge = primitive(f"counted_edge_{depth}_{width}", lambda x: x, counted)
    x = Value(1.0)
    units = [edge(x) for _ in range(width)]
    for _ in range(depth - 1):
        units = [sum((edge(u) for u in units), 0.0) for _ in range(width)]
    y = sum(units, 0.0)
    (paths,) = gradients(y, [x])  # every edge has slope 1, so the gradient counts the paths
    assert paths == width**depth
    assert visits == width + (depth - 1) * width**2
    assert depth < 12 or visits < paths / 90_000


# ---- the batch algorithm


def test_the_gradient_of_a_batch_is_the_mean_of_the_gradients_of_its_examples():
    model = nn.MLP(4, [2, 3], "sigmoid", "sigmoid", random_state=0)
    X, y = nn.data.iris()  # noqa: N806
    rows = range(0, 150, 15)
    each = []
    for k in rows:
        model.zero_grad()
        nn.squared_error(model(X[k]), nn.one_hot(y[k], 3)).backward()
        each.append([p.grad for p in model.parameters()])
    model.zero_grad()
    for k in rows:
        (nn.squared_error(model(X[k]), nn.one_hot(y[k], 3)) / len(rows)).backward()
    mean = [math.fsum(column) / len(rows) for column in zip(*each, strict=True)]
    assert any(mean)
    assert [p.grad for p in model.parameters()] == pytest.approx(mean, rel=1e-12, abs=1e-17)


# ---- 4-2-3 on Iris, all sigmoid, no biases, E = ½ · mean over examples of ‖o − y‖²


def flower_network():
    return nn.MLP(4, [2, 3], "sigmoid", "sigmoid", bias=False, random_state=1)


def cost(model, X, Y):  # noqa: N803
    return nn.squared_error.batch([model(x) for x in X], Y)


def by_matrices(model, X, Y):  # noqa: N803
    """The lecture's lines, with X of shape (N, 4), W1 (4, 2), W2 (2, 3)."""
    W1, W2 = (np.array([[w.data for w in n.w] for n in layer.neurons]).T for layer in model.layers)  # noqa: N806
    X, Y = np.array(X), np.array(Y)  # noqa: N806
    N = len(X)  # noqa: N806
    H = 1 / (1 + np.exp(-X @ W1))  # noqa: N806
    O = 1 / (1 + np.exp(-H @ W2))  # noqa: N806, E741
    O_delta = (O - Y) * O * (1 - O)  # noqa: N806
    W2_update = H.T @ O_delta / N  # noqa: N806
    H_error = O_delta @ W2.T  # noqa: N806
    H_delta = H_error * H * (1 - H)  # noqa: N806
    W1_update = X.T @ H_delta / N  # noqa: N806
    return W1_update, W2_update, H, O_delta


@pytest.fixture
def flowers():
    X, y = nn.data.iris()  # noqa: N806
    return X, [nn.one_hot(k, 3) for k in y]


@pytest.mark.parametrize("count", [1, 2, 150])
def test_gradients_equal_the_matrix_formulas(flowers, count):
    X, Y = (part[:: 150 // count][:count] for part in flowers)  # noqa: N806
    model = flower_network()
    E = cost(model, X, Y)  # noqa: N806
    E.backward()
    updates = by_matrices(model, X, Y)[:2]
    for layer, update in zip(model.layers, updates, strict=True):
        got = np.array([[w.grad for w in neuron.w] for neuron in layer.neurons]).T
        assert got.shape == update.shape
        assert np.abs(update).min() > 0
        assert got == pytest.approx(update, rel=1e-12)


@pytest.mark.parametrize(("count", "paths"), [(1, 3), (2, 6)])
def test_three_paths_per_example_lead_to_a_weight_of_the_first_layer(flowers, count, paths):
    """From E by each of the three outputs to the one hidden unit that w₁₁₁ feeds."""
    model = flower_network()
    X, Y = flowers  # noqa: N806
    errors = [
        0.5 * sum((o - t) ** 2 for o, t in zip(model(x), y, strict=True)) for x, y in zip(X[:count], Y, strict=False)
    ]
    E = sum(errors) / count  # noqa: N806
    ways = dict.fromkeys(topological_order(E), 0)
    ways[E] = 1
    for node in reversed(topological_order(E)):
        for operand in node.operands:
            if isinstance(operand, Value):
                ways[operand] += ways[node]
    assert ways[model.layers[0].neurons[0].w[0]] == paths
    assert ways[model.layers[1].neurons[0].w[0]] == count


def test_w112_uses_the_second_row_of_w2(flowers):
    """∂E/∂w₁₁₂ = mean of x₁ · H₂(1 − H₂) · Σₖ w₂₂ₖ O_deltaₖ: the weights that leave hidden unit 2."""
    X, Y = (part[::30] for part in flowers)  # noqa: N806
    model = flower_network()
    _, _, H, O_delta = by_matrices(model, X, Y)  # noqa: N806
    w112 = model.layers[0].neurons[1].w[0]
    assert w112.label == "w[1][1][2]"
    rows = {k: np.array([neuron.w[k].data for neuron in model.layers[1].neurons]) for k in (0, 1)}
    assert [neuron.w[1].label for neuron in model.layers[1].neurons] == ["w[2][2][1]", "w[2][2][2]", "w[2][2][3]"]

    def formula(row):
        return np.mean(np.array(X)[:, 0] * H[:, 1] * (1 - H[:, 1]) * (O_delta @ row))

    (got,) = gradients(cost(model, X, Y), [w112])
    assert got == pytest.approx(formula(rows[1]), rel=1e-12)
    assert got != pytest.approx(formula(rows[0]), rel=1e-3)


def test_one_step_of_gradient_descent_is_the_optimisers(flowers):
    """W ← W − η · update."""
    X, Y = flowers  # noqa: N806
    model, eta = flower_network(), 0.5
    before = [np.array([[w.data for w in n.w] for n in layer.neurons]).T for layer in model.layers]
    updates = by_matrices(model, X, Y)[:2]
    E = cost(model, X, Y).data  # noqa: N806
    nn.fit(model, X, Y, loss="squared_error", optimizer=nn.SGD(model.parameters(), lr=eta), epochs=1)
    for layer, W, update in zip(model.layers, before, updates, strict=True):  # noqa: N806
        after = np.array([[w.data for w in n.w] for n in layer.neurons]).T
        assert after == pytest.approx(W - eta * update, rel=1e-12)
    assert cost(model, X, Y).data < E


def test_five_classes_one_hot():
    names = ["cat", "dog", "camel", "hat", "flower"]
    assert nn.one_hot(names.index("camel"), 5) == [0, 0, 1, 0, 0]
    vectors = [nn.one_hot(k, 5) for k in range(5)]
    for i, a in enumerate(vectors):
        for j, b in enumerate(vectors):
            assert sum(x * y for x, y in zip(a, b, strict=True)) == (i == j)
    scores = [0.1, 0.5, 2.0, -1.0, 0.0]
    assert nn.cross_entropy(scores, vectors[2]) == nn.cross_entropy(scores, 2)
    assert sigmoid(0.0) == 0.5
