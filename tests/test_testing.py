"""autograd_lite.testing: what is drawn keeps its word, what fails is found, small, and printed as Python that runs."""

import math
import re
import subprocess
import sys
import textwrap
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from support.bits import all_bits, bits
from support.points import TABLE, probes

import autograd_lite
from autograd_lite import Value, check_gradients, detach, greater, jvp, log, primitive, sin, where
from autograd_lite.errors import ArgumentError, GradientMismatch, InputTypeError
from autograd_lite.primitives import ROWS, row_named
from autograd_lite.testing import Expression, Network, assert_gradients, expressions, networks, points, reals

NAMES = {"autograd_lite": autograd_lite, "Expression": Expression, "Network": Network}
NAMES |= {name: getattr(autograd_lite, name) for name in autograd_lite.__all__}
PUBLIC = [row for row in TABLE if hasattr(autograd_lite, row.name)]


@pytest.fixture
def new_row():
    """Make rows that are gone after the test."""
    before = dict(ROWS)
    yield primitive
    for added in set(ROWS) - set(before):
        del ROWS[added]


def falsified(test):
    """What a property test said when it failed."""
    with pytest.raises(AssertionError) as caught:
        settings(max_examples=300, print_blob=False, phases=[Phase.generate, Phase.shrink])(test)()
    return "\n".join(caught.value.__notes__)


# ---- expressions


@given(expressions(primitives=PUBLIC, kinks="anywhere", numbers=reals() | st.floats()))
def test_the_repr_of_an_expression_is_python_that_rebuilds_it(e):
    again = eval(repr(e), NAMES)
    assert again == e
    assert all_bits(again.point) == all_bits(e.point)
    assert bits(again(*again.point)) == bits(e(*e.point))
    assert [row for row, _ in again.steps] == [row for row, _ in e.steps]


@given(expressions(primitives=[ROWS["where"]], kinks="anywhere"))
def test_a_condition_that_is_drawn_is_no_constant(e):
    """where(0, x, x) is x before it is a node: printed, the expression would be another one."""
    assert eval(repr(e), NAMES) == e


@pytest.mark.parametrize("row", PUBLIC, ids=lambda row: row.name)
def test_every_row_is_printed_as_python_that_gives_it_back(row):
    e = Expression(lambda *xs: row(*xs), *probes(row, 1)[0])
    assert eval(repr(e), NAMES) == e
    assert {step for step, _ in eval(repr(e), NAMES).steps} == {row}


@given(expressions(6, depth=3, leaves=2, primitives=["mul", "sin", "relu"]))
def test_an_expression_keeps_to_its_size_depth_leaves_and_primitives(e):
    assert 1 <= len(e.steps) <= 6
    assert e.depth <= 3
    assert len(e.point) <= 2
    assert {row.name for row, _ in e.steps} <= {"mul", "sin", "relu"}
    used = {k for _, operands in e.steps for k in operands if isinstance(k, int)}
    assert used == set(range(len(e.point) + len(e.steps) - 1))  # nothing in it is dead


@given(expressions(20))
def test_away_from_kinks_and_poles_nothing_is_large_and_nothing_near(e):
    values = e.run(e.point)
    for (row, operands), y in zip(e.steps, values[len(e.point) :], strict=True):
        xs = [values[k] if isinstance(k, int) else k for k in operands]
        assert abs(y) <= 100.0
        assert all(local is None or abs(local) <= 100.0 for local in row.partials(y, xs))
        assert row.kink_distance is None or row.kink_distance(*xs) >= 0.01
        assert any(row.partials(y, xs))


def test_near_kinks_they_are_met_and_missed_by_little():
    distances = []

    @settings(max_examples=200)
    @given(expressions(primitives=["relu", "abs", "maximum", "mul", "sin"], kinks="near"))
    def look(e):
        values = e.run(e.point)
        for row, operands in e.steps:
            if row.kink_distance is not None:
                distances.append(row.kink_distance(*[values[k] if isinstance(k, int) else k for k in operands]))

    look()
    assert sum(d == 0.0 for d in distances) >= 20
    assert sum(0.0 < d < 2e-4 for d in distances) >= 50


def test_large_expressions_are_deep_and_share():
    seen = []

    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    @given(expressions(60))
    def look(e):
        seen.append(e)

    look()
    assert max(e.depth for e in seen) >= 20
    uses = [k for e in seen for _, operands in e.steps for k in operands if isinstance(k, int)]
    assert len(uses) > 1.3 * sum(len(e.steps) for e in seen)


def test_a_failure_shrinks_to_the_smallest_expression_and_is_printed_as_python_that_fails_again():
    @given(expressions(8, primitives=["add", "mul", "sin"]))
    def no_product_of_sines(e):
        assert not {"sin", "mul"} <= {row.name for row, _ in e.steps}

    said = falsified(no_product_of_sines)
    source = said[said.index("Expression(") : said.rindex(")")].rstrip().rstrip(",")
    e = eval(textwrap.dedent(source), NAMES)
    assert sorted(row.name for row, _ in e.steps) == ["mul", "sin"]
    assert len(e.point) == 1
    assert abs(e.point[0]) < 0.1


@pytest.mark.full
def test_the_smallest_expression_of_a_kind_has_nothing_in_it_that_is_not_needed():
    rows = ["add", "mul", "sin", "relu"]
    found = [
        find(
            expressions(20, primitives=rows),
            lambda e: len(e.steps) > 1 and e.steps[-1][1] == (len(e.point),) * 2,
            random=Random(seed),
        )
        for seed in range(3)
    ]
    assert [len(e.steps) for e in found] == [2, 2, 2]
    assert min(len(e.point) for e in found) == 1  # which numbers are operands may tie a shrinker to two of them
    kinked = find(
        expressions(20, primitives=rows, kinks="near"), lambda e: any(row.name == "relu" for row, _ in e.steps)
    )
    assert repr(kinked) == "Expression(lambda x: relu(x), 0.0)"


def test_an_expression_can_be_written_by_hand_and_branches_stay_as_they_were_taken():
    e = Expression(lambda x, y: x * y if x > 0 else x + y, 2.0, 3.0)
    assert e(-1.0, 3.0) == -3.0
    assert e.run([-1.0, 3.0]) == [-1.0, 3.0, -3.0]
    assert repr(e) == "Expression(lambda x0, x1: x0 * x1, 2.0, 3.0)"
    x, y = Value(2.0), Value(3.0)
    assert check_gradients(e, x.data, y.data).status == "agrees"
    with pytest.raises(ArgumentError, match="takes 2 numbers, got 1"):
        e(1.0)
    with pytest.raises(InputTypeError, match="must compute one number"):
        Expression(lambda x: 2.0, 1.0)
    with pytest.raises(InputTypeError, match="its arguments alone"):
        Expression(lambda x: x * Value(2.0, label="w"), 1.0)


# ---- points and networks


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
@pytest.mark.parametrize("kinks", ["away", "near", "anywhere"])
def test_a_row_has_a_value_at_its_points(row, kinks):
    if kinks == "near" and not row.kinks and row.name not in ("sqrt", "asin", "acos", "acosh"):
        with pytest.raises(ArgumentError, match="has no kink"):
            points(row, kinks)
        return

    @settings(max_examples=5, suppress_health_check=list(HealthCheck))
    @given(points(row, kinks))
    def look(xs):
        y = row(*xs)
        assert kinks != "away" or math.isfinite(y)

    look()


@given(networks())
def test_a_network_is_what_numpy_computes_and_its_repr_rebuilds_it(network):
    again = eval(repr(network), NAMES)
    assert again.point == network.point
    loss = again(*again.point)
    assert loss == network(*network.point)
    activation = np.vectorize(row_named(network.activation.name), otypes=[float])
    errors = []
    for x, target in zip(network.inputs, network.targets, strict=True):
        values, flat = np.array(x), list(network.point)
        for k, n in enumerate(network.widths[1:]):
            m = len(values)
            weights, biases = np.array(flat[: m * n]).reshape(n, m), np.array(flat[m * n : m * n + n])
            flat = flat[m * n + n :]
            values = weights @ values + biases
            values = activation(values) if k < len(network.widths) - 2 else values
        errors.append(((values - target) ** 2).sum())
    assert loss == pytest.approx(np.mean(errors), rel=1e-12, abs=1e-12)


@settings(max_examples=15)
@given(networks())
def test_gradients_of_networks_agree_with_differences(network):
    check_gradients(network, *network.point)


def test_a_network_of_the_wrong_size_is_refused():
    with pytest.raises(ArgumentError, match="has 4 parameters, got 3"):
        Network([1, 1, 1], "tanh", [[0.0]], [[0.0]], [0.0] * 3)
    with pytest.raises(ArgumentError, match="in each example"):
        Network([1, 1, 1], "tanh", [[0.0, 1.0]], [[0.0]], [0.0] * 4)


@pytest.mark.parametrize(("low", "high"), [(0.1, 0.3), (0.001, 5.0), (-0.3, -0.1), (-1e-3, 1e-3), (0.3, 0.301), (2, 2)])
def test_reals_keep_to_their_bounds(low, high):
    @given(reals(low, high))
    def within(x):
        assert low <= x <= high

    within()


# ---- assert_gradients


def test_a_primitive_is_checked_in_both_modes_to_the_second_order_and_at_its_kinks(new_row):
    assert_gradients(new_row("cube_test", lambda x: x**3, lambda y, x: 3.0 * x**2), examples=20)
    step = ROWS["step"]
    assert_gradients(new_row("ramp_test", lambda x: max(x, 0.0), lambda y, x: step(x), kinks={(0.0,): (0.0,)}))


@pytest.mark.full
@pytest.mark.parametrize("row", [row for row in TABLE if any(row.gradients)], ids=lambda row: row.name)
def test_every_row_of_the_table_passes(row):
    assert_gradients(row, examples=60)


def test_a_domain_far_from_0_is_found(new_row):
    far = new_row("far_test", lambda x: x * x, lambda y, x: 2.0 * x, domain="(100, inf)")
    assert_gradients(far, examples=5)
    assert_gradients(new_row("below_test", math.exp, lambda y, x: y, domain="(-inf, -7]"), examples=5)

    @settings(max_examples=5)
    @given(expressions(primitives=[far]))
    def look(e):
        assert e.steps

    look()


WRONG = {
    "a factor of 1 + 1e-6": lambda y, x: 3.0 * x**2 * (1 + 2e-6),
    "a sign": lambda y, x: -3.0 * x**2,
    "no second derivative": lambda y, x: detach(3.0 * x**2),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_primitive_that_is_wrong_by(name, new_row):
    with pytest.raises(GradientMismatch, match="check_gradients"):
        assert_gradients(new_row("wrong_test", lambda x: x**3, WRONG[name]), examples=20)


def test_a_text_that_is_wrong_is_rejected_though_its_float_form_is_right(new_row):
    """On plain floats `float_gradients` are asked, and the text only for graphs and dual numbers of graphs."""
    for factor in (1.5, -1.0):
        row = new_row(
            "wrong_test", lambda x: x * x, lambda y, x, f=factor: f * 2.0 * x, float_gradients=lambda y, x: (2.0 * x,)
        )
        with pytest.raises(GradientMismatch) as caught:
            assert_gradients(row, examples=20)
        (note,) = [n for n in caught.value.__notes__ if "wrong_test" in n]
        assert re.fullmatch(r"That is the gradient of wrong_test as a graph, at \(.*\); the one by .* another\.", note)


def test_forward_mode_is_checked_against_differences_too(new_row, monkeypatch):
    monkeypatch.setattr("autograd_lite.testing.assertions.jvp", lambda f, xs, v: (f(*xs), 2.0 * jvp(f, xs, v)[1]))
    with pytest.raises(GradientMismatch) as caught:
        assert_gradients(sin, examples=20)
    assert any(re.match("That is the gradient of sin by forward mode", note) for note in caught.value.__notes__)


def test_a_primitive_that_is_wrong_far_away_alone_is_rejected(new_row):
    far = new_row("far_test", lambda x: x * x, lambda y, x: where(greater(x, 100.0), x, 2.0 * x))
    with pytest.raises(GradientMismatch, match=r"0\.5 times the slope"):
        assert_gradients(far)


@pytest.mark.parametrize("numbers", [reals(), st.integers(-3, 3), st.lists(reals(), min_size=2, max_size=2)])
def test_second_derivatives_are_checked_wherever_the_numbers_stand(numbers, new_row):
    detached = new_row("detached_test", lambda x: x**3, lambda y, x: 3.0 * getattr(x, "data", x) ** 2)
    with pytest.raises(GradientMismatch):
        assert_gradients(lambda x: detached(x[0] if isinstance(x, list) else x), numbers, examples=20)
    assert_gradients(lambda x: sin(x[0]) * x[1] if isinstance(x, list) else sin(x), numbers, examples=3)


def test_a_function_without_a_value_anywhere_is_said_to_have_none():
    with pytest.raises(ArgumentError, match=r"has no value at any .* drawn; at .*, log: operand must lie"):
        assert_gradients(lambda x: log(-1.0 - x * x))


def test_points_without_numbers_are_passed_over_and_nothing_else_is_an_error():
    squares = lambda xs: autograd_lite.sum([x * x for x in xs])  # noqa: E731
    assert_gradients(squares, st.lists(reals(), max_size=2), examples=20)
    with pytest.raises(ArgumentError, match="a point needs numbers, got none in all that were drawn for <lambda>"):
        assert_gradients(squares, st.just([]))


def test_the_note_of_a_failure_shows_it_again(new_row):
    wrong = new_row("wrong_test", lambda x: x**2, lambda y, x: where_negative(x))
    where_negative = new_row("bent_test", lambda x: 2.0 * x if x < 1.0 else 3.0 * x, lambda y, x: 2.0)
    with pytest.raises(GradientMismatch) as caught:
        assert_gradients(wrong, reals(-3, 3), examples=40)
    note = next(n for n in caught.value.__notes__ if "shows it again" in n)
    assert note == "check_gradients(wrong_test, 1.0) shows it again."
    with pytest.raises(GradientMismatch):
        eval(note.removesuffix(" shows it again."), {"check_gradients": check_gradients, "wrong_test": wrong})


def test_functions_of_other_libraries_are_checked_with_their_gradients():
    vectors = st.lists(reals(), min_size=3, max_size=3).map(np.array)
    assert_gradients(lambda x: (x**3).sum(), vectors, gradient=lambda x: 3.0 * x**2, examples=5)
    assert_gradients(math.log, reals(0.1, 9.0), gradient=lambda x: 1.0 / x, examples=5)
    assert_gradients(
        math.sqrt, gradient=lambda x: 0.5 / math.sqrt(x) if x else math.inf, examples=15
    )  # half the points
    with pytest.raises(GradientMismatch):
        assert_gradients(lambda x: (x**3).sum(), vectors, gradient=lambda x: 3.0 * x, examples=5)


@pytest.mark.full
def test_functions_of_torch_are_checked_with_its_gradients():
    torch = pytest.importorskip("torch")

    def gradient(x):
        x = x.clone().requires_grad_()
        return torch.autograd.grad(torch.logsumexp(x, 0), x)[0]

    vectors = st.lists(reals(), min_size=3, max_size=3).map(lambda xs: torch.tensor(xs, dtype=torch.float64))
    assert_gradients(lambda x: torch.logsumexp(x, 0), vectors, gradient=gradient, examples=15)


def test_a_check_that_could_check_nothing_says_so():
    def endless(x):
        return math.inf

    with pytest.raises(AssertionError, match=r"no gradient of endless could be checked, all \d+ verdicts"):
        assert_gradients(endless, gradient=lambda x: 1.0, examples=5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: assert_gradients(3.0), "a function is needed, got 3.0"),
        (lambda: assert_gradients(math.sin, 3.0), "a strategy is needed for each argument, got 3.0"),
        (lambda: assert_gradients(lambda *xs: sum(xs)), "does not say how many arguments"),
        (lambda: expressions(0), "size must be a whole number from 1 on, got 0"),
        (lambda: expressions(depth=0), "depth must be a whole number from 1 on, got 0"),
        (lambda: expressions(primitives=[]), "at least one primitive is needed"),
        (lambda: expressions(primitives=["sine"]), "no primitive is called 'sine'"),
        (lambda: expressions(primitives=[math.sin]), "a primitive or its name is needed"),
        (lambda: reals(1, 0), "two finite bounds are needed, low <= high, got 1.0 and 0.0"),
        (lambda: reals(0, math.inf), "two finite bounds are needed, low <= high, got 0.0 and inf"),
        (lambda: networks(hidden=0), "networks: hidden must be a whole number from 1 on, got 0"),
        (lambda: expressions(kinks="close"), "kinks must be one of 'away', 'near', 'anywhere', got 'close'"),
    ],
)
def test_bad_input_is_refused_where_it_is_given(call, message):
    with pytest.raises((ArgumentError, InputTypeError), match=re.escape(message)):
        call()


def test_without_hypothesis_the_import_says_what_to_install():
    script = "import sys; sys.modules['hypothesis'] = None; import autograd_lite; import autograd_lite.testing"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "ImportError: autograd_lite.testing needs Hypothesis. Run pip install 'autograd_lite[test]'." in done.stderr
