"""The chain rule, as the lectures work it out on paper."""

from __future__ import annotations

import math

import pytest

from autograd_lite import Value, exp, gradients, leaves, sigmoid, softmax, step, topological_order
from nn import bce, cross_entropy_probabilities, squared_error


def jacobian(outputs, inputs):
    return [gradients(y, inputs) for y in outputs]


def matmul(a, b):
    return [
        [math.fsum(x * y for x, y in zip(row, column, strict=True)) for column in zip(*b, strict=True)] for row in a
    ]


# ---- a function of a function


def test_the_square_of_3x_minus_2_at_2():
    """y = 3x − 2 = 4, z = y² = 16, dz/dx = dz/dy · dy/dx = 2y · 3 = 8 · 3 = 24."""
    x = Value(2.0, "x")
    y = (3 * x - 2).named("y")
    z = (y**2).named("z")
    assert (y.data, z.data) == (4.0, 16.0)
    (dz_dy,), (dy_dx,), (dz_dx,) = gradients(z, [y]), gradients(y, [x]), gradients(z, [x])
    assert (dz_dy, dy_dx, dz_dx) == (8.0, 3.0, 24.0)


def test_expanding_the_brackets_gives_the_same_slope():
    """(3x − 2)² = 9x² − 12x + 4, with slope 18x − 12."""
    for at in (2.0, -1.0, 2 / 3, 0.5):
        x = Value(at)
        factored, expanded = (3 * x - 2) ** 2, 9 * x**2 - 12 * x + 4
        assert factored.data == pytest.approx(expanded.data, abs=1e-14)
        assert gradients(expanded, [x]) == pytest.approx([18 * at - 12], abs=1e-14)
        assert gradients(factored, [x]) == pytest.approx([18 * at - 12], abs=1e-14)


def test_a_third_link_multiplies_in():
    """x = v² − 2 at v = 2 is 2, and dz/dv = dz/dy · dy/dx · dx/dv = 8 · 3 · 4 = 96."""
    v = Value(2.0)
    x = v**2 - 2
    z = (3 * x - 2) ** 2
    assert gradients(z, [x, v]) == [24.0, 96.0]


# ---- activations


def test_a_step_has_gradient_zero_everywhere_and_cannot_learn():
    """step(x − 2), a threshold at 2: flat on both sides, and by convention at the jump."""
    for at, y in ((0.0, 0.0), (1.999, 0.0), (2.0, 0.0), (2.001, 1.0), (9.0, 1.0)):
        x = Value(at)
        fired = step(x - 2)
        assert fired.data == y
        assert gradients(fired, [x]) == [0.0]
        assert gradients(squared_error(fired, 1.0 - y), [x]) == [0.0]  # wrong, and yet nothing to go by


def test_a_sigmoid_lies_between_0_and_1_and_its_slope_is_at_most_a_quarter_at_0():
    slopes = {}
    for k in range(-80, 81):
        x = Value(k / 8)
        y = sigmoid(x)
        assert 0.0 < y.data < 1.0
        (slopes[x.data],) = gradients(y, [x])
        assert slopes[x.data] == pytest.approx(y.data * (1 - y.data), rel=1e-10)
    assert max(slopes.values()) == slopes[0.0] == 0.25
    assert list(slopes.values()).count(0.25) == 1
    assert min(slopes.values()) > 0.0


# ---- the circuit 1 / (1 + exp(−(w0·x0 + w1·x1 + w2)))

# wire: (value, gradient), two digits as in the figure (CS231n, "Backpropagation, intuitions").
WIRES = {
    "w0": (2.00, -0.20), "x0": (-1.00, 0.39), "w1": (-3.00, -0.39), "x1": (-2.00, -0.59), "w2": (-3.00, 0.20),
    "w0x0": (-2.00, 0.20), "w1x1": (6.00, 0.20), "sum": (4.00, 0.20), "z": (1.00, 0.20),
    "-z": (-1.00, -0.20), "exp": (0.37, -0.53), "1+exp": (1.37, -0.53), "f": (0.73, 1.00),
}  # fmt: skip


def circuit():
    w0, x0, w1, x1, w2 = leaves(w0=2.0, x0=-1.0, w1=-3.0, x1=-2.0, w2=-3.0)
    both = ((w0 * x0).named("w0x0") + (w1 * x1).named("w1x1")).named("sum")
    z = (both + w2).named("z")
    return (1 / (1 + exp((z * -1.0).named("-z")).named("exp")).named("1+exp")).named("f")


def test_every_wire_of_the_circuit():
    f = circuit()
    f.backward()
    wires = {v.label: (v.data, v.grad) for v in topological_order(f)}
    assert wires.keys() == WIRES.keys()
    for name, (value, gradient) in WIRES.items():
        assert round(wires[name][0], 2) == value, name
        assert round(wires[name][1], 2) == gradient, name


def test_the_circuit_by_hand_with_one_digit():
    """f ≈ 0.7, so the slope of the sigmoid is 0.7 · 0.3 ≈ 0.2; times each partner."""
    by_hand = {"w0": 0.2 * -1, "x0": 0.2 * 2, "w1": 0.2 * -2, "x1": 0.2 * -3, "w2": 0.2}
    f = circuit()
    f.backward()
    for v in topological_order(f):
        if v.is_leaf:
            assert round(v.grad, 1) == pytest.approx(by_hand[v.label])


# ---- vectors and matrices


def test_the_squared_length_of_w_times_x():
    """q = Wx, f = ‖q‖²: ∂f/∂q = 2q, ∂f/∂W = 2qxᵀ, ∂f/∂x = 2Wᵀq."""
    W = [[Value(0.1), Value(0.5)], [Value(-0.3), Value(0.8)]]  # noqa: N806
    x = [Value(0.2), Value(0.4)]
    q = [row[0] * x[0] + row[1] * x[1] for row in W]
    f = q[0] ** 2 + q[1] ** 2
    assert [v.data for v in q] == pytest.approx([0.22, 0.26])
    assert f.data == pytest.approx(0.116)
    assert gradients(f, q) == pytest.approx([0.44, 0.52])
    assert gradients(f, W[0]) == pytest.approx([0.088, 0.176])
    assert gradients(f, W[1]) == pytest.approx([0.104, 0.208])
    assert gradients(f, x) == pytest.approx([-0.112, 0.636])


def test_the_jacobian_of_an_affine_map_is_its_matrix():
    """∂(Wa + b)/∂a = W, and ∂/∂b = 1."""
    W, b = [[1.0, 2.0, -3.0], [0.5, 0.0, 4.0]], [Value(7.0), Value(8.0)]  # noqa: N806
    a = [Value(0.3), Value(-0.2), Value(1.0)]
    y = [sum((w * v for w, v in zip(row, a, strict=True)), bias) for row, bias in zip(W, b, strict=True)]
    assert jacobian(y, a) == W
    assert jacobian(y, b) == [[1.0, 0.0], [0.0, 1.0]]


def outer_and_inner(x):
    h = [x[0] * x[1], x[0] + exp(x[1]), x[1] ** 3]
    return h, [h[0] * h[2], sigmoid(h[1]) - h[0]]


def test_the_jacobian_of_a_composition_is_the_product_the_outer_first():
    """J(f∘h) = J(f)·J(h); here 2×3 times 3×2, which the other way round is 3×3."""
    x = leaves(x0=0.7, x1=-0.4)
    h, f = outer_and_inner(x)
    product = matmul(jacobian(f, h), jacobian(h, x))
    for row, expected in zip(jacobian(f, x), product, strict=True):
        assert row == pytest.approx(expected, rel=1e-14)
    assert len(matmul(jacobian(h, x), jacobian(f, h))) == 3


def test_a_small_step_changes_the_output_by_the_sum_of_the_parts():
    """Δy = Σ ∂y/∂xᵢ Δxᵢ + O(‖Δx‖²): a step ten times shorter leaves an error a hundred times smaller."""
    at, direction = (0.7, -0.4), (1.0, -2.0)
    x = leaves(x0=at[0], x1=at[1])
    y = outer_and_inner(x)[1][1]
    slope = gradients(y, x)

    def error(length):
        moved = [Value(a + length * d) for a, d in zip(at, direction, strict=True)]
        change = outer_and_inner(moved)[1][1].data - y.data
        return change - length * math.fsum(s * d for s, d in zip(slope, direction, strict=True))

    assert error(1e-2) / error(1e-3) == pytest.approx(100.0, rel=0.05)
    assert abs(error(1e-3)) < 1e-4


def test_an_element_wise_activation_has_a_diagonal_jacobian():
    z = [Value(-1.0), Value(0.0), Value(2.0)]
    a = [sigmoid(v) for v in z]
    for i, row in enumerate(jacobian(a, z)):
        for j, slope in enumerate(row):
            assert slope == (pytest.approx(a[i].data * (1 - a[i].data)) if i == j else 0.0)


def test_softmax_has_a_full_one():
    """∂oᵢ/∂zⱼ = oᵢ(δᵢⱼ − oⱼ): no zeros, and every row adds up to 0."""
    z = [Value(-1.0), Value(0.0), Value(2.0)]
    o = softmax(z)
    for i, row in enumerate(jacobian(o, z)):
        assert row == pytest.approx([o[i].data * ((i == j) - o[j].data) for j in range(3)], rel=1e-12)
        assert all(row)
        assert math.fsum(row) == pytest.approx(0.0, abs=1e-16)


# ---- losses


@pytest.mark.parametrize("o", [0.1, 0.5, 0.9, 1.0])
def test_cross_entropy_by_the_output(o):
    """∂/∂o is −1/o for y = 1 and 1/(1 − o) for y = 0.

    A lecture says it is 0 where y = o. It is not: at o = y = 1 the slope is −1. What is 0
    there is the slope by the pre-activation, which has o(1 − o) as a factor.
    """
    p = Value(o)
    assert gradients(bce(p, 1.0), [p]) == [-1.0 / o]
    q = Value(1.0 - o)
    assert gradients(bce(q, 0.0), [q]) == [pytest.approx(1.0 / o)]
    right = Value(1.0)
    assert gradients(bce(right, 1.0), [right]) == [-1.0]


def test_half_the_squared_error_by_the_outputs_is_their_error():
    """∂/∂o ½‖o − y‖² = o − y."""
    o, y = [Value(0.2), Value(0.7), Value(0.1)], [0.0, 1.0, 0.0]
    assert gradients(squared_error(o, y), o) == pytest.approx([0.2, -0.3, 0.1])


def test_cross_entropy_of_a_softmax_output_is_minus_one_over_o_at_the_true_class():
    o = [Value(0.2), Value(0.7), Value(0.1)]
    assert gradients(cross_entropy_probabilities(o, 1), o) == [0.0, -1.0 / 0.7, 0.0]
