"""The promises that are not about single rows, each under its number."""

import contextlib
import contextvars
import gc
import math
import sys
import threading
import tracemalloc

import pytest
from support.bits import all_bits, bits
from support.points import TABLE

from autograd_lite import (
    DomainError,
    StaleGraphError,
    Value,
    derivative,
    errors,
    exp,
    first_nonfinite,
    grad,
    gradients,
    greater,
    jvp,
    leaves,
    log,
    no_grad,
    primitive,
    prod,
    raise_on_nonfinite,
    relu,
    sqrt,
    tanh,
    topological_order,
    where,
)
from autograd_lite.primitives import ROWS

# 1 and 2, forward parity and accurate gradients: test_programs.py and test_accuracy.py.
# 3, backward never raises where forward succeeded: test_programs.py.


def test_promise_4_a_zero_upstream_gradient_stops_before_an_infinite_slope():
    x = Value(0.0)
    for y in (0.0 * sqrt(x), where(greater(x, 0.0), sqrt(x), 1.0), relu(-1.0 + sqrt(x)), sqrt(relu(x - 1.0))):
        assert gradients(y, [x]) == [0.0]
        assert gradients(y, [x], create_graph=True)[0].data == 0.0


def test_promise_4_an_undefined_derivative_is_not_a_made_up_number():
    x = Value(0.0)
    assert gradients(sqrt(x), [x]) == [math.inf]
    assert gradients(1 / (x + 5e-324), [x]) == [-math.inf]
    assert math.isnan(gradients(ROWS["atan2"](x, 0.0), [x])[0])


def test_promise_5_the_order_depends_on_the_structure_alone():
    def build():
        a, b = leaves(a=2.0, b=3.0)
        c = tanh(a * b)
        return c * a + c * c - b

    names = [[n.label or n.primitive.name for n in topological_order(build())] for _ in range(3)]
    assert names[0] == names[1] == names[2]


def test_promise_6_a_second_backward_adds_once_more_to_leaves_alone():
    x = Value(3.0)
    square = x * x
    cube = square * x
    cube.backward()
    assert (x.grad, square.grad, cube.grad) == (27.0, 3.0, 1.0)
    cube.backward()
    assert (x.grad, square.grad, cube.grad) == (54.0, 3.0, 1.0)


def test_promise_6_backward_on_a_part_and_on_the_whole_is_the_sum_of_both():
    x = Value(2.0)
    y = x * x
    z = y * x
    y.backward()
    z.backward()
    assert x.grad == 4.0 + 12.0
    assert y.grad == 2.0


def test_promise_6_zero_grad_clears_everything_below_and_nothing_above():
    x = Value(2.0)
    y = x * x
    z = y * 3
    z.backward()
    y.zero_grad()
    assert (x.grad, y.grad, z.grad) == (0.0, 0.0, 1.0)


# ---- 7: no recursion


def long_chain(x, length):
    y = x
    for _ in range(length // 2):
        y = y * 1.0 + 0.0
    return y


@pytest.mark.parametrize("length", [50_000, pytest.param(1_000_000, marks=pytest.mark.full)])
def test_promise_7_a_long_chain_needs_no_recursion(length):
    assert sys.getrecursionlimit() <= 1000 or "pytest" in sys.modules
    x = Value(1.5)
    y = long_chain(x, length)
    assert len(topological_order(y)) == length + 1
    y.backward(2.0)
    assert x.grad == 2.0
    x.data = 2.5
    assert y.forward() == 2.5
    assert gradients(y, [x]) == [1.0]
    assert repr(y) == "Value(data=2.5, grad=2.0)"
    assert first_nonfinite(y) is None
    y.zero_grad()
    assert x.grad == 0.0
    with pytest.raises(TypeError):
        __import__("copy").deepcopy(y)
    del y  # frees the chain from its end; recursion in C would crash here


def test_promise_7_gradients_of_a_long_chain_are_graphs_without_recursion():
    x = Value(0.5)
    y = x
    for _ in range(20_000):
        y = y * 1.0
    (first,) = gradients(y * x, [x], create_graph=True)
    assert (first.data, gradients(first, [x])) == (1.0, [2.0])
    del first, y


def test_promise_7_a_chain_of_functions_and_a_wide_sum_need_no_recursion():
    x = Value(0.1)
    y = x
    for _ in range(30_000):
        y = ROWS["identity"](y)
    wide = ROWS["sum"]([y * float(k % 3) for k in range(30_000)])
    assert gradients(wide, [x]) == [30_000.0]


# ---- 8: no reference cycles


def training_step(parameters, create_graph=False):
    x, y = 0.5, -0.25
    loss = (tanh(parameters[0] * x + parameters[1]) * parameters[2] - y) ** 2 + 0.1 * prod(parameters)
    if create_graph:
        first = gradients(loss, parameters, create_graph=True)
        gradients(first[0] + first[1], parameters)
    loss.zero_grad()
    loss.backward()
    for p in parameters:
        p.data -= 0.01 * p.grad
    return loss.data


@pytest.mark.parametrize("create_graph", [False, True])
def test_promise_8_a_thousand_steps_leave_nothing_behind_without_the_collector(create_graph):
    parameters = leaves(a=0.3, b=-0.2, c=0.8)
    for _ in range(3):
        training_step(parameters, create_graph)
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for _ in range(1000 if not create_graph else 200):
            training_step(parameters, create_graph)
        after = len(gc.get_objects())
    finally:
        gc.enable()
    assert after - before <= 2
    assert gc.collect() <= 20  # pytest's own; a leak of one node a step would be a thousand


def test_promise_8_memory_is_flat_over_replays():
    x = Value(0.5)
    y = tanh(x * x) + exp(x)
    tracemalloc.start()
    try:
        sizes = []
        for step in range(300):
            x.data = step / 300
            y.forward()
            y.backward()
            if step in (100, 299):
                sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert sizes[1] - sizes[0] < 2000


def test_promise_8_errors_keep_no_graph_alive():
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for _ in range(100):
            with contextlib.suppress(ValueError):
                log(Value(1.0) - 2.0)
        assert len(gc.get_objects()) - before <= 2
    finally:
        gc.enable()


# ---- 9: a stale graph never mixes two points


def test_promise_9_a_leaf_that_moved_makes_the_graph_refuse():
    x = Value(3.0, label="x")
    y = (x * x).named("y")
    x.data = 5.0
    for sweep in (y.backward, lambda: gradients(y, [x]), lambda: gradients(y, [x], create_graph=True), y.backward_step):
        with pytest.raises(StaleGraphError, match=r"node 'x' has a newer value than node 'y'.*root\.forward\(\)"):
            sweep()
    assert (x.grad, y.grad, y.data) == (0.0, 0.0, 9.0)
    assert y.forward() == 25.0
    y.backward()
    assert x.grad == 10.0


def test_promise_9_a_part_that_was_replayed_makes_the_rest_refuse():
    x = Value(3.0)
    m = x * x
    y, z = m + 1, m * x
    x.data = 5.0
    y.forward()
    with pytest.raises(StaleGraphError):
        z.backward()
    y.backward()
    assert x.grad == 10.0
    assert z.forward() == 125.0
    assert gradients(z, [x]) == [75.0]
    y.backward()
    assert x.grad == 20.0


def test_promise_9_staleness_far_below_and_in_a_branch_that_gets_nothing():
    """The stale part has upstream gradient 0: the answer would be right by luck, so it refuses."""
    x, other = Value(3.0), Value(2.0)
    dead = where(greater(x, 0.0), x * 2, other * other)
    zero = 0.0 * (other * 3) + x
    other.data = 7.0
    for root in (dead, zero):
        with pytest.raises(StaleGraphError):
            root.backward()
        with pytest.raises(StaleGraphError):
            gradients(root, [x], create_graph=True)
        root.forward()
        root.backward()


def test_promise_9_a_row_that_fails_at_numbers_of_two_points_is_not_to_blame():
    base, exponent = Value(-2.0), Value(2.0)
    y = base**exponent
    exponent.data = 0.5  # a slope of (-2)**-0.5 would be complex
    for sweep in (y.backward, lambda: gradients(y, [base])):
        with pytest.raises(StaleGraphError):
            sweep()
    with pytest.raises(DomainError):
        y.forward()
    with pytest.raises(StaleGraphError):
        y.backward()
    assert base.grad == exponent.grad == 0.0


def test_promise_9_a_stale_graph_is_told_of_once():
    x = Value(2.0)
    y = x * x
    x.data = 3.0
    for sweep in (y.backward, lambda: gradients(y, [x]), lambda: gradients(y, [x], create_graph=True)):
        with pytest.raises(StaleGraphError) as caught:
            sweep()
        assert caught.value.__context__ is None, "a traceback would say everything twice"


def test_promise_9_building_on_a_stale_node_is_noticed():
    x = Value(3.0)
    m = x * x
    x.data = 5.0
    y = m + x  # a new node, made of an old number and a new one
    with pytest.raises(StaleGraphError):
        y.backward()
    assert (y.forward(), gradients(y, [x])) == (30.0, [11.0])


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_promise_9_holds_for_every_row_and_every_operand_that_moves_by_one_step(row):
    for i in range(row.arity or 3):
        xs = [Value(1.0) for _ in range(row.arity or 4)]
        y = row(*xs) if row.name != "atanh" else row(xs[0] * 0.5)
        xs[i].data = 1.0
        with pytest.raises(StaleGraphError):
            y.backward()
        y.forward()
        y.backward()


def test_promise_9_setting_the_same_number_counts_as_moving():
    x = Value(3.0)
    y = x * x
    x.data = 3.0
    with pytest.raises(StaleGraphError):
        y.backward()


def test_promise_9_a_step_by_hand_in_the_wrong_order_stays_stale():
    x = Value(3.0)
    m = x * x
    y = m + 1
    x.data = 5.0
    y.forward_step()
    assert y.data == 10.0
    with pytest.raises(StaleGraphError):
        y.backward()
    m.forward_step()
    with pytest.raises(StaleGraphError):
        y.backward()
    y.forward_step()
    y.backward()
    assert (y.data, x.grad) == (26.0, 10.0)


def test_promise_9_gradient_graphs_go_stale_and_are_replayed_too():
    x = Value(3.0)
    (first,) = gradients(x**3, [x], create_graph=True)
    x.data = 2.0
    with pytest.raises(StaleGraphError):
        gradients(first, [x])
    assert (first.forward(), gradients(first, [x])) == (12.0, [12.0])


def test_promise_9_a_new_leaf_and_an_unrelated_change_leave_a_graph_fresh():
    x, unrelated = Value(3.0), Value(1.0)
    y = x * x
    unrelated.data = 2.0
    z = y + Value(1.0)
    z.backward()
    assert x.grad == 6.0


def test_promise_9_a_forward_that_fails_half_way_leaves_a_graph_that_refuses():
    x = Value(3.0)
    y = log(x * 2) + x * 5
    x.data = -1.0
    with pytest.raises(ValueError, match="log"):
        y.forward()
    with pytest.raises(StaleGraphError):
        y.backward()
    x.data = 4.0
    assert y.forward() == math.log(8.0) + 20.0
    assert gradients(y, [x]) == [5.25]


def test_a_replay_decides_rows_anew_and_keeps_branches_of_python():
    x = Value(2.0)
    by_row, by_python = relu(x), max(x, Value(0.0))
    total = by_row + by_python
    x.data = -3.0
    assert total.forward() == 0.0 + -3.0


def test_the_gradient_of_a_gradient_uses_every_node_as_it_stands():
    """exp' is exp itself: its own node must not be handed out as its gradient."""
    x = Value(1.0)
    y = exp(x)
    (first,) = gradients(y, [x], create_graph=True)
    assert first is not y
    assert gradients(y + first, [x]) == [2 * math.e]
    assert gradients(y * y, [y]) == [2 * math.e]
    a = Value(3.0)
    (by_a,) = gradients(a * 1.0, [a], create_graph=True)
    assert by_a is not a
    (by_b,) = gradients(a * x, [x], create_graph=True)
    assert by_b is not a
    assert by_b.data == 3.0


# ---- modes


def test_no_grad_records_nothing():
    x = Value(3.0, label="x")
    with no_grad():
        y = tanh(x * x + 1.0)
        assert y.is_leaf
        assert y.operands == ()
    assert (x * x).is_leaf is False
    y.data = 1.0
    assert gradients(y, [x]) == [0.0]


def test_no_grad_decorates_functions_and_nests():
    x = Value(3.0)

    @no_grad()
    def square(v):
        "Return the square."
        return v * v

    assert (square(x).is_leaf, square.__name__, square.__doc__) == (True, "square", "Return the square.")
    with no_grad():
        with no_grad():
            assert (x * x).is_leaf
        assert (x + x).is_leaf
        assert square(x).is_leaf
    assert not (x * x).is_leaf


def test_no_grad_ends_with_an_exception_too():
    x = Value(3.0)
    with pytest.raises(KeyError), no_grad():
        raise KeyError
    assert not (x * x).is_leaf


def test_one_mode_object_can_be_entered_again():
    x, off = Value(3.0), no_grad()
    for _ in range(2):
        with off:
            with off:
                assert (x * x).is_leaf
            assert (x * x).is_leaf
        assert not (x * x).is_leaf


def test_backward_works_under_no_grad():
    x = Value(3.0)
    y = x * x
    with no_grad():
        y.backward()
        assert gradients(y, [x]) == [6.0]
        assert gradients(y, [x], create_graph=True)[0].data == 6.0
    assert x.grad == 6.0


def test_no_grad_belongs_to_its_own_context():
    x = Value(3.0)
    seen = {}
    inside, done = threading.Event(), threading.Event()

    def other():
        inside.wait(5)
        seen["other"] = (x * x).is_leaf
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with no_grad():
        inside.set()
        done.wait(5)
        seen["here"] = (x * x).is_leaf
        seen["copied context"] = contextvars.copy_context().run(lambda: (x * x).is_leaf)
        seen["fresh context"] = contextvars.Context().run(lambda: (x * x).is_leaf)
    thread.join()
    assert seen == {"other": False, "here": True, "copied context": True, "fresh context": False}


def test_raise_on_nonfinite_names_the_operation_and_its_operands():
    x = Value(1e200, label="x")
    with raise_on_nonfinite():
        with pytest.raises(
            FloatingPointError, match=r"mul: result .* got inf from 1e\+200 at node 'x', 1e\+200 at node 'x'"
        ) as caught:
            x * x
        assert isinstance(caught.value, errors.NonFiniteError)
        assert (caught.value.primitive, caught.value.numbers) == ("mul", (1e200, 1e200))
        for operation in (
            lambda: x + math.inf,
            lambda: x * math.nan,
            lambda: x - math.inf,
            lambda: Value(math.inf).exp(),
        ):
            with pytest.raises(errors.NonFiniteError):
                operation()
        assert (x + 1.0).data == 1e200
    assert (x * x).data == math.inf


def test_raise_on_nonfinite_watches_replays_and_works_with_no_grad():
    x = Value(1.0, label="x")
    y = x * x
    x.data = 1e200
    with raise_on_nonfinite(), pytest.raises(errors.NonFiniteError, match="at node 'x'"):
        y.forward()
    with raise_on_nonfinite(), no_grad(), pytest.raises(errors.NonFiniteError, match="at node 'x'"):
        x * x


@pytest.mark.parametrize("along", [lambda f, x: jvp(f, (x,), (1.0,)), lambda f, x: derivative(f, 2)(x), grad])
def test_raise_on_nonfinite_watches_forward_mode_and_series(along):
    run = (lambda f, x: grad(f)(x)) if along is grad else along
    run(lambda x: x * x, 1e200)
    with raise_on_nonfinite():
        with pytest.raises(errors.NonFiniteError, match=r"mul: result must be finite, got inf from 1e\+200 at "):
            run(lambda x: x * x, 1e200)
        run(sqrt, 0.0)  # its derivatives may be infinite
        run(lambda x: x * 1e200, 1.0)


def test_raise_on_nonfinite_lets_infinite_gradients_be():
    x = Value(0.0)
    y = sqrt(x)
    with raise_on_nonfinite():
        y.backward()
        assert gradients(y, [x], create_graph=True)[0].data == math.inf
    assert x.grad == math.inf


def test_first_nonfinite_finds_where_it_began():
    x = Value(1e200, label="x")
    square = (x * x).named("square")
    assert first_nonfinite(square * 2 - square).node is square
    assert first_nonfinite(x + 1.0) is None
    broken = Value(math.nan)
    assert first_nonfinite(broken + square).node is broken


# ---- threads and re-entrancy


def test_separate_graphs_in_separate_threads_do_not_disturb_each_other():
    def work(start, results):
        x = Value(start)
        y = tanh(x * x) + exp(-x)
        total = 0.0
        for step in range(300):
            x.data = start + step / 300
            y.forward()
            y.zero_grad()
            y.backward()
            total += x.grad
            with no_grad():
                total += (x * x).data
        results[start] = total

    alone, together = {}, {}
    starts = [0.1, 0.2, 0.3, 0.4]
    for start in starts:
        work(start, alone)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(start, together)) for start in starts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert all_bits(alone[s] for s in starts) == all_bits(together[s] for s in starts)


def test_a_row_may_differentiate_another_graph_inside_itself():
    """Re-entrancy, bit for bit: the inner sweep neither sees nor disturbs the outer one."""

    def inner_gradient(x):
        leaf = Value(float(x))
        (tanh(leaf) * leaf).backward()
        assert gradients(tanh(leaf) * leaf, [leaf]) == [leaf.grad]
        with no_grad():
            assert (leaf * leaf).is_leaf
        return leaf.grad

    row = primitive("reentrant_test", lambda x: math.tanh(x) * x, lambda y, x: inner_gradient(x))
    try:
        a, b = leaves(a=0.3, b=0.7)
        for _ in range(2):
            y = row(a) * b + row(b) * a
            expected = [inner_gradient(0.3) * 0.7 + row(0.7), inner_gradient(0.7) * 0.3 + row(0.3)]
            assert gradients(y, [a, b]) == pytest.approx(expected, rel=1e-15)
            y.backward()
        assert [bits(v.grad) for v in (a, b)] == [bits(2 * g) for g in gradients(y, [a, b])]
    finally:
        del ROWS["reentrant_test"]


def test_a_row_may_differentiate_what_it_is_itself_a_part_of():
    """The inner sweep runs over nodes whose sums the outer one has not finished; they are put back."""
    a, b = leaves(a=0.3, b=0.7)
    shared = a * b
    spare = Value(5.0)

    def slope(y, x):
        outer = topological_order(shared)
        assert gradients(shared * shared, [a, shared, spare]) == [2 * 0.3 * 0.7 * 0.7, 2 * 0.3 * 0.7, 0.0]
        assert topological_order(shared) == outer
        return 3.0

    row = primitive("selfish_test", lambda x: 3.0 * x, slope)
    try:
        y = shared * 2.0 + row(shared) + row(a) + a * b
        assert gradients(y, [a, b, shared, spare]) == pytest.approx([6.0 * 0.7 + 3.0, 6.0 * 0.3, 5.0, 0.0], rel=1e-15)
    finally:
        del ROWS["selfish_test"]


def test_threads_may_add_up_gradients_of_the_same_leaves():
    w = Value(1.5)

    def work():
        for _ in range(200):
            (w * w * w + w * 2.0).backward()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert w.grad == 800 * (3 * 1.5**2 + 2.0)


def test_building_inside_a_local_gradient_raises_again_afterwards():
    """Rows are quiet inside gradients only: afterwards log(-1) is an error again."""
    x = Value(0.0)
    gradients(sqrt(x), [x], create_graph=True)
    with pytest.raises(ValueError, match="log"):
        log(Value(-1.0))


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_every_row_has_its_columns(row):
    assert row.name
    assert row.symbol
    assert row.__doc__.startswith("Return ")
    assert row.__doc__.endswith(".")
    assert (row.arity is None) == row.variadic
    assert len(row.defaults) < len(row.gradients) + row.variadic
    assert row.kinks == {} or row.kink_distance is not None
