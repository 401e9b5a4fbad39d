"""`steps` and `expression`: the chain rule one edge at a time, and the graph as formulas."""

import io
import math
import sys

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.bits import all_bits, bits
from support.programs import ARITIES, WILD, programs_at_points

import autograd_lite as ag
from autograd_lite import StaleGraphError, Value, expression, gradients, leaves, steps, topological_order
from autograd_lite.errors import InputTypeError
from autograd_lite.primitives import ROWS

ALL = (*ARITIES, *WILD)


def built(program, numbers):
    """The program on fresh leaves: (leaves, root)."""
    inputs = [Value(x) for x in numbers]
    try:
        root = program.run(inputs)[-1]
    except (ValueError, ArithmeticError):
        assume(False)
    assume(isinstance(root, Value))
    return inputs, root


def circuit():
    w, x, b = leaves(w=2.0, x=-1.0, b=-3.0)
    return w, x, b, ag.sigmoid(w * x + b * b).named("f")


@given(programs_at_points(names=ALL))
def test_the_last_gradient_of_every_value_is_that_of_the_sweep(drawn):
    """And in between it grows by local x upstream, step by step."""
    program, point, _ = drawn
    _, root = built(program, point)
    found = {}
    for step in steps(root):
        if step.phase == "backward":
            assert bits(step.before) == bits(found.get(step.operand, 0.0))
            assert step.contribution == 0.0 or bits(step.contribution) == bits(step.upstream * step.local)
            assert bits(step.upstream) == bits(found.get(step.node, 0.0))
            found[step.operand] = step.after
        elif step.phase == "seed":
            found[root] = step.after
    order = topological_order(root)
    assert all_bits(found[node] for node in order) == all_bits(gradients(root, order))
    assert all(node.grad == 0.0 for node in order)


def test_one_step_per_operation_the_seed_and_one_step_per_edge():
    *_, f = circuit()
    walk = list(steps(f))
    assert [s.phase for s in walk] == ["forward"] * 4 + ["seed"] + ["backward"] * 7
    assert walk[4].sentence == "Seed: ∂f/∂f = 1."
    assert walk[3].sentence == "Forward through σ: σ(7) = 0.9991, which is f."
    assert walk[-3].sentence.endswith("= −0.002731, added to the gradient of b: −0.002731 + (−0.002731) = −0.005461.")


def test_the_sentence_of_the_textbook():
    w, x = leaves(w0=2.0, x0=-1.0)
    f = ag.sigmoid(w * x + 3.0)
    said = [s.sentence for s in steps(f)]
    said = "Backward through ×: local gradient 2 × upstream gradient 0.1966 = 0.3932, added to the gradient of x0."
    assert said in [s.sentence for s in steps(f)]


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda x: ag.where(ag.greater(x, 0.0), x, 1.0), "no gradient flows to v1."),
        (lambda x: ag.relu(x * -1.0), "v1 was not used, so nothing is added to its gradient."),
        (lambda x: ag.sqrt(x) * 0.0, "the upstream gradient is 0, so nothing is added to the gradient of x."),
    ],
)
def test_where_nothing_flows_the_sentence_says_why(build, said):
    x = Value(2.0, label="x")
    walk = [s for s in steps(build(x)) if said in s.sentence]
    assert walk
    assert walk[0].contribution == 0.0
    assert bits(walk[0].before) == bits(walk[0].after)


def test_steps_refuse_a_stale_graph_before_and_during_the_walk():
    w, _, _, f = circuit()
    walk = steps(f)
    next(walk)
    w.data = 5.0
    with pytest.raises(StaleGraphError):
        list(walk)
    with pytest.raises(StaleGraphError):
        steps(f)
    f.forward()
    assert list(steps(f))


@pytest.mark.parametrize("function", [steps, expression])
def test_a_value_is_needed(function):
    with pytest.raises(InputTypeError, match=r"a Value is needed, got 2\.0 of type float\. Pass the one Value"):
        function(2.0)


def test_a_very_long_chain_is_walked_and_written_without_recursion(full_lane):
    length = 10**5 if full_lane else 10**4
    x = Value(1.0, label="x")
    y = x
    for _ in range(length):
        y = y * 1.0
    limit = sys.getrecursionlimit()
    assert sum(1 for _ in steps(y)) == 2 * length + 1
    assert len(expression(y)) < 30 * length
    assert sys.getrecursionlimit() == limit


def test_shared_parts_are_written_once():
    x = Value(1.0, label="x")
    y = x
    for _ in range(40):
        y = y + y
    lines = expression(y).splitlines()
    assert lines[0] == "v1 = x + x"
    assert lines[-1] == "v39 + v39"
    assert len(lines) == 40


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda a, b: a - (b - a), "a - (b - a)"),
        (lambda a, b: (a + b) + (a + b * 2.0), "a + b + (a + b * 2)"),
        (lambda a, b: (a - b) * -2.0 / (a / b), "(a - b) * (-2) / (a / b)"),
        (lambda a, b: (-a) ** 2.0 - -(b**2.0), "(-a) ** 2 - (-b ** 2)"),
        (lambda a, b: (a**b) ** (a**-0.5), "(a ** b) ** (a ** (-0.5))"),
        (lambda a, b: ag.dot([a, b], [b, 1.5]), "dot([a, b], [b, 1.5])"),
        (lambda a, b: ag.softmax([a, b])[1], "softmax([b, a])[0]"),
        (lambda a, b: ag.maximum(a, -0.0), "maximum(a, -0.0)"),
        (lambda a, b: a, "a"),
        (lambda a, b: (a * b).named("E"), "E = a * b"),
        (lambda a, b: (a * b).named("h 1") + a, "h_1 = a * b\nh_1 + a"),
    ],
)
def test_formulas_read_as_in_python(build, text):
    assert expression(build(*leaves(a=2.0, b=3.0))) == text


@given(programs_at_points(names=ALL, longest=14))
def test_formulas_run_as_python_to_the_same_bits(drawn):
    program, point, _ = drawn
    inputs, root = built(program, point)
    for k, leaf in enumerate(inputs):
        leaf.label = f"x{k}"
    *lines, last = expression(root).splitlines()
    names = {**{f"x{k}": Value(x) for k, x in enumerate(point)}, **vars(ag), "inf": math.inf, "nan": math.nan}
    exec("\n".join(lines), names)
    result = eval(last, names)
    assert bits(result.data) == bits(root.data)


@given(st.lists(st.one_of(st.text(max_size=8), st.sampled_from(["exp", "if", "v1", "x", "x_2"])), min_size=2))
def test_any_labels_become_different_names(labels):
    total = Value(1.0, labels[0])
    for label in labels[1:]:
        total = total + Value(1.0, label)
    text = "; ".join(expression(total).splitlines())
    code = compile(text, "formula", "exec")
    used = set(code.co_names)
    assert len(used) == len(labels) + text.count("=")
    assert not used & {*ROWS, "if"}


def test_a_terminal_without_the_signs_gets_ascii(monkeypatch):
    x = Value(2.0, label="ŷ")
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", stream)
    for step in steps(x * -1.0):
        print(step)
        print([step])
    print(expression(x * -1.0))
    print([expression(x * -1.0)])
    stream.flush()
    text = stream.buffer.getvalue().decode("ascii")
    assert "local gradient -1 * upstream gradient 1 = -1, added to the gradient of \\u0177." in text
