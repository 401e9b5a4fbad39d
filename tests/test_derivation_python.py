"""`to_python`: what it prints runs on the standard library alone, to the same bits."""

import ast
import math
import subprocess
import sys

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.bits import all_bits, bits
from support.points import TABLE
from support.programs import ARITIES, WILD, programs_at_points

import autograd_lite as ag
from autograd_lite import Value, gradients, leaves, primitive, to_python, topological_order
from autograd_lite.errors import InputTypeError
from autograd_lite.primitives import ROWS

HARD = ["d_x", "x", "def", "slopes", "exp", "e", "f", "sum", "gate", "power", "inf", "math"]
ALL = (*ARITIES, *WILD, *WILD)


def run(text):
    """The one function of the text that takes defaults, called at them."""
    names = {}
    exec(compile(text, "printed", "exec"), names)
    name = [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)][-1]
    return names[name]


def agrees(root):
    text = to_python(root)
    value, partials = run(text)()
    inputs = [node for node in topological_order(root) if node.is_leaf]
    assert bits(value) == bits(root.data), text
    assert all_bits(partials) == all_bits(gradients(root, inputs)), text


@given(programs_at_points(names=ALL, longest=12))
def test_random_programs_have_the_same_bits(drawn):
    program, point, _ = drawn
    inputs = [Value(x) for x in point]
    try:
        nodes = program.run(inputs)
    except (ValueError, ArithmeticError):
        assume(False)
    assume(isinstance(nodes[-1], Value))
    assume(all(math.isfinite(node.data) for node in topological_order(nodes[-1])))
    agrees(nodes[-1])


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
@given(data=st.data())
def test_every_row_is_written_to_the_same_bits(row, data):
    count = row.arity or 2 * data.draw(st.integers(1, 2))
    intervals = row.probe * count if len(row.probe) == 1 else row.probe
    point = [data.draw(st.floats(i.low, i.high, allow_nan=False)) for i in intervals[:count]]
    try:
        root = row(*[Value(x) for x in point])
    except (ValueError, ArithmeticError):
        assume(False)
    agrees(root * 1.5)


@pytest.mark.parametrize(
    ("build", "at"),
    [
        (ag.sqrt, 0.0), (ag.cbrt, 0.0), (ag.asin, 1.0), (ag.asin, -1.0), (ag.acos, 1.0), (ag.acos, -1.0),
        (ag.acosh, 1.0), (lambda x: x**0.5, 0.0), (lambda x: x**2.0, 0.0), (lambda x: x**0.0, 0.0),
        (lambda x: x**1.0, -3.0), (lambda x: x**-3.0, -0.5), (lambda x: x**7.0, -1.5), (lambda x: 2.0**x, 3.0),
        (lambda x: (-2.0) ** x, 3.0), (lambda x: x**x, 1.5), (lambda x: ag.sqrt(ag.relu(x)), -1.0),
        (lambda x: ag.atan2(x, x), 0.0), (ag.log, 1e-310),
        (lambda x: ag.where(ag.greater(x, 0.0), ag.sqrt(ag.abs(x)), x), 0.0), (lambda x: x**-1.0, 1e-200),
        (lambda x: ag.hypot(x, 0.0), 0.0), (lambda x: ag.prod([x, x, 3.0]), 0.0), (lambda x: ag.max([x, x, 1.0]), 1.0),
        (lambda x: ag.softmax([x, 2.0, x * x])[1], 0.3), (lambda x: ag.logsumexp([x, 1000.0]), 3.0),
        (lambda x: ag.leaky_relu(x), -2.0), (lambda x: ag.elu(x), 800.0), (lambda x: ag.gaussian(x, 2.0), 5.0),
        (lambda x: x * -0.0, 3.0), (lambda x: x, 3.0),
    ],
)  # fmt: skip
def test_edges_and_kinks(build, at):
    agrees(build(Value(at, label="x")))


def test_a_gradient_graph_is_written_too():
    x = Value(0.7, label="x")
    (slope,) = gradients(ag.tanh(x * x) * ag.exp(x), [x], create_graph=True)
    agrees(slope)


def test_it_reads_as_one_would_write_it():
    w, x, t = leaves(w=2.0, x=-1.0, t=1.0)
    p = ag.sigmoid((w * x).named("z")).named("p")
    assert to_python(((p - t) ** 2.0).named("loss")).splitlines() == [
        "from math import exp",
        "",
        "",
        "def sigmoid(x):",
        '    """Return 1 / (1 + exp(-x)); only ever exponentiates a negative number."""',
        "    if x >= 0.0:",
        "        return 1.0 / (1.0 + exp(-x))",
        "    e = exp(x)",
        "    return e / (1.0 + e)",
        "",
        "",
        "def sigmoid_slope(x):",
        '    """Return sigmoid(x) * sigmoid(-x), with one exponential."""',
        "    e = exp(-abs(x))",
        "    return 1.0 / (1.0 + e) * (e / (1.0 + e))",
        "",
        "",
        "def loss(w=2.0, x=-1.0, t=1.0):",
        '    """Return loss and its gradient, one partial derivative per argument."""',
        "    z = w * x",
        "    p = sigmoid(z)",
        "    v1 = p - t",
        "    loss = v1 ** 2.0",
        "",
        "    d_w = d_x = d_z = d_p = d_t = d_v1 = 0.0",
        "    d_loss = 1.0",
        "    d_v1 += d_loss * (2.0 * v1)",
        "    d_p += d_v1",
        "    d_t -= d_v1",
        "    d_z += d_p * sigmoid_slope(z)",
        "    d_w += d_z * x",
        "    d_x += d_z * w",
        "    return loss, (d_w, d_x, d_t)",
    ]


def test_it_is_a_function_of_its_arguments():
    w, x = leaves(w=2.0, x=-1.0)
    f = run(to_python((w * x + ag.exp(x)).named("f")))
    assert f(3.0, 0.0) == (1.0, (0.0, 4.0))
    assert f(x=0.0) == (1.0, (0.0, 3.0))


def test_it_runs_in_a_bare_interpreter():
    x = Value(0.5, label="x")
    text = to_python(ag.gelu(x) + ag.softplus(x) * ag.logsumexp([x, 1.0]))
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"{text}\nprint(repr(f()[0]), 'autograd_lite' in __import__('sys').modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [repr(ag.gelu(0.5) + ag.softplus(0.5) * ag.logsumexp([0.5, 1.0])), "False"]


@given(st.lists(st.one_of(st.text(max_size=6), st.sampled_from(HARD))))
def test_any_labels_give_a_module_that_runs(labels):
    root = Value(1.5, "x") ** 2.5
    for k, label in enumerate(labels):
        root = (ag.relu(root) * Value(k + 1.0, label)).named(label)
    agrees(root)


def test_a_users_row_is_refused_by_name():
    row = primitive("cubed", lambda x: x**3, lambda y, x: 3.0 * x * x)
    try:
        with pytest.raises(InputTypeError, match="only rows of the table can be written, got the primitive 'cubed'"):
            to_python(row(Value(2.0)) + 1.0)
        with pytest.raises(InputTypeError, match="to_python: a Value is needed"):
            to_python(2.0)
    finally:
        del ROWS["cubed"]


def test_very_many_operations_are_written_without_recursion(full_lane):
    length = 10**5 if full_lane else 10**4
    x = Value(1.0, label="x")
    y = x
    for _ in range(length):
        y = y * 1.0
    assert to_python(y).count("\n") > 2 * length
