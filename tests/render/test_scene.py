"""What a picture shows: gradients of its own sweep, before any engine draws it."""

import pytest

import autograd_lite as ag
from autograd_lite import StaleGraphError, Value, draw, leaves
from autograd_lite.notation import arithmetic
from autograd_lite.render.scene import gate_of, scene_of


def scene(root, gradients=True, limit=2000, digits=4):
    return scene_of(root, with_gradients=gradients, digits=digits, limit=limit)


def test_gradients_are_those_of_the_pure_sweep_and_touch_no_grad():
    x = Value(3.0, label="x")
    y = x * x + x
    before = [node.grad for node in ag.topological_order(y)]
    unit = scene(y).units[0]
    assert (unit.gradient, unit.chain_rule) == ("7", "3 × 1 + 3 × 1 + 1 × 1")
    assert [node.grad for node in ag.topological_order(y)] == before


def test_calling_backward_twice_does_not_double_what_is_drawn():
    x = Value(3.0, label="x")
    y = x * x
    y.backward(), y.backward()
    assert x.grad == 12.0
    assert scene(y).units[0].gradient == "6"


def test_before_backward_there_is_no_gradient_and_after_zero_grad_neither():
    x = Value(3.0, label="x")
    y = x * x
    assert "gradient" not in draw(y).text()
    y.backward()
    assert "gradient" in draw(y).text()
    y.zero_grad()
    assert "gradient" not in draw(y).text()
    assert "gradient" in draw(y, gradients=True).text()


def test_the_root_says_that_its_gradient_is_with_respect_to_itself():
    x = Value(3.0)
    assert scene((x * 2).named("f")).root.chain_rule == "∂f/∂f"
    assert scene(x * 2).root.chain_rule == "∂root/∂root"
    assert scene((x * 2).named("a b")).root.chain_rule == "∂root/∂root"


def test_more_than_three_terms_are_counted():
    x = Value(3.0)
    assert scene(ag.sum([x] * 3)).units[0].chain_rule == "1 × 1 + 1 × 1 + 1 × 1"
    assert scene(ag.sum([x] * 4)).units[0].chain_rule == "Σ of 4 paths"


def test_a_stale_graph_is_not_drawn_with_numbers_that_do_not_belong_together():
    x = Value(3.0, label="x")
    y = x * x
    x.data = 4.0
    with pytest.raises(StaleGraphError, match=r"^draw: node 'x' .* Call root.forward\(\)"):
        draw(y)
    y.forward()
    assert "16" in draw(y).text()


def test_a_drawing_is_a_snapshot():
    x = Value(3.0, label="x")
    y = x * x
    picture = draw(y)
    x.data = 4.0
    y.forward()
    assert "9" in picture.text()


@pytest.mark.parametrize(
    ("make", "gate", "sum_"),
    [
        (lambda x, y: x + y, "+", "3 + (−2)"),
        (lambda x, y: 1 + x, "+1", "1 + 3"),
        (lambda x, y: x + -1, "+(−1)", "3 + (−1)"),
        (lambda x, y: x - 1, "−1", "3 − 1"),
        (lambda x, y: 1 - x, "1−x", "1 − 3"),
        (lambda x, y: x * -1, "×−1", "3 × (−1)"),
        (lambda x, y: 1 / x, "1/x", "1 / 3"),
        (lambda x, y: x / 2, "÷2", "3 / 2"),
        (lambda x, y: y**2, "x²", "(−2)²"),
        (lambda x, y: x**0.5, "x^0.5", "3 ^ 0.5"),
        (lambda x, y: x**-1, "x^(−1)", "3 ^ (−1)"),
        (lambda x, y: 2**x, "2^x", "2³"),
        (lambda x, y: -x, "−x", "−(3)"),
        (lambda x, y: x.sigmoid(), "σ", "σ(3)"),
        (lambda x, y: abs(y), "|x|", "abs(−2)"),
        (lambda x, y: ag.dot([x, y], [2.0, 3.0]), "x·w", "3 × 2 + (−2) × 3"),
        (lambda x, y: ag.dot([x] * 4, [y] * 4), "x·w", "Σ of 4 products"),
        (lambda x, y: ag.sum([x, y]), "Σ", "3 + (−2)"),
        (lambda x, y: ag.sum([x] * 9), "Σ", "Σ of 9 terms"),
        (lambda x, y: ag.logsumexp(x, y, 0.0, 0.0), "logsumexp", "logsumexp(3, −2, 0, …)"),
    ],
)
def test_a_gate_and_its_arithmetic_read_as_one_writes_them(make, gate, sum_):
    root = scene(make(*leaves(x=3.0, y=-2.0))).root
    assert (root.gate, root.arithmetic) == (gate, sum_)


@pytest.mark.parametrize("row", [row for row in ag.primitives.ROWS.values() if row.reserved], ids=lambda row: row.name)
def test_every_row_of_the_table_has_a_gate_and_an_arithmetic(row):
    operands = tuple(Value(1.0) for _ in range(row.arity or 4))
    assert gate_of(row, operands, 4)
    assert "1" in arithmetic(row, ["1"] * len(operands)) or "Σ" in arithmetic(row, ["1"] * len(operands))


def test_a_picture_above_its_limit_keeps_what_is_nearest_to_the_root():
    xs = [Value(float(k), label=f"x{k}") for k in range(10)]
    y = (ag.sum(xs[:5]).named("low") * ag.sum(xs[5:]).named("high")).named("y")
    folded = scene(y, limit=4)
    assert [unit.label for unit in folded.units] == ["x0", "x1", "low", "high", "y"]
    assert [unit.hidden for unit in folded.units] == [0, 0, 3, 5, 0]
    assert folded.folded == "13 values: the 5 nearest to the root are shown."
    assert scene(y).folded == ""


def test_gradients_of_a_folded_picture_count_the_paths_it_leaves_out():
    x = Value(2.0, label="x")
    deep = x
    for _ in range(50):
        deep = deep * 1.0
    y = deep + x
    shown = scene(y, limit=2).units
    assert [unit.chain_rule for unit in shown if unit.label == "x"] == ["1 × 1 + 1 × 1"]


def test_a_graph_with_two_to_the_hundredth_paths_is_drawn_once_per_value():
    v = Value(1.0, label="x")
    for _ in range(100):
        v = v + v
    assert len(scene(v).units) == 101


def test_a_gradient_that_is_a_graph_can_be_drawn():
    x = Value(2.0, label="x")
    (slope,) = ag.gradients(x**3 + x.tanh(), [x], create_graph=True)
    slope.backward()
    unit = next(unit for unit in scene(slope).units if unit.label == "x")
    assert unit.gradient == "11.86"  # 6x + tanh''
    assert unit.value == "2"


def test_an_operand_that_a_selection_did_not_use_gets_nothing():
    """√(relu(x)) at −1: the local gradient of relu is 0, and 0 × inf is not nan."""
    x = Value(-1.0, label="x")
    unit = scene(x.relu().sqrt()).units[0]
    assert (unit.gradient, unit.chain_rule) == ("0", "0 × inf")
