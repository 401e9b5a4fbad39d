"""What else compiles, what is refused and with which words, and what an import costs."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

import autograd_lite as ag
import nn
from autograd_lite import Value, gradients
from autograd_lite.errors import ArgumentError, DomainError, InputTypeError

np = pytest.importorskip("numpy")


def test_prediction_and_decision_surfaces():
    """Values alone, one row per example, of any number of examples up to the first."""
    model = nn.MLP(2, [5, 3], "tanh", random_state=0)
    points = [[0.1 * k, 1.0 - 0.2 * k] for k in range(200)]
    program = ag.compile(model, model.parameters(), batch=points, gradient=False, verify=True)
    expected = np.array([[y.data for y in model(x)] for x in points])
    assert np.allclose(program(), expected, rtol=1e-13)
    assert np.allclose(program(points[7:20]), expected[7:20], rtol=1e-13)
    model.parameters()[0].data += 1.0
    assert np.allclose(program(points[:1]), [[y.data for y in model(points[0])]], rtol=1e-13)


def test_a_graph_with_inputs():
    x, y, w = ag.leaves(x=1.0, y=2.0, w=3.0)
    program = ag.compile(ag.sin(w * x) + y * y, [w], inputs=[x, y], verify=True)
    value, gradient = program(0.5, -1.0)
    assert value == pytest.approx(np.sin(1.5) + 1.0, rel=1e-15)
    assert gradient.tolist() == [pytest.approx(0.5 * np.cos(1.5), rel=1e-15)]
    assert x.data == 0.5  # visible on the Values
    x.data = 2.0
    assert program()[0] == pytest.approx(np.sin(6.0) + 1.0, rel=1e-15)
    with pytest.raises(ArgumentError, match="takes 2 inputs, got 1"):
        program(1.0)


def test_gradients_of_gradients_and_jacobians():
    """The gradient is a graph: Hessian-vector products and Jacobians compile as any other."""
    x = [Value(0.3 * k + 0.1) for k in range(4)]
    v = [Value(0.5 - 0.2 * k) for k in range(4)]
    root = ag.logsumexp(*[a * a for a in x]) + ag.tanh(x[0] * x[1]) * x[2] ** 3
    slopes = gradients(root, x, create_graph=True)
    product = gradients(ag.dot(slopes, v), x, create_graph=True)
    for engine in ("native", "table", "numpy"):
        program = ag.compile(product, inputs=[*x, *v], engine=engine, verify=True)
        assert np.allclose(program(), [p.data for p in product], rtol=1e-12)
    outputs = [ag.sin(x[0] * x[1]), x[2] / x[3]]
    rows = [g for y in outputs for g in gradients(y, x, create_graph=True)]
    assert ag.compile(rows, inputs=x, verify=True)(1.0, 2.0, 3.0, 4.0).tolist() == pytest.approx(
        [2 * np.cos(2.0), np.cos(2.0), 0, 0, 0, 0, 0.25, -3 / 16]
    )


@pytest.mark.parametrize(
    ("branch", "what"),
    [
        (lambda v: v if v > 0.0 else -v, "if, while, max, min or sorted"),
        (lambda v: max([v, -v]), "if, while, max, min or sorted"),
        (lambda v: v or -v, "if, while, and, or"),
    ],
)
def test_a_branch_of_an_example_is_refused_with_its_line(branch, what):
    w = Value(1.0, label="w")
    with pytest.raises(
        InputTypeError, match=r"may not depend on a Value, got one at line \d+ of test_uses\.py"
    ) as error:
        ag.compile(lambda x: branch(w * x), [w], batch=[1.0, -1.0])
    assert what in str(error.value)
    assert (w * w > 0.5) is True  # and everything is as before
    assert w.data == 1.0


def test_reading_a_number_is_refused_and_detach_is_not():
    w = Value(2.0, label="w")
    with pytest.raises(InputTypeError, match=r"\.data may not be read inside the function, got node 'w' at line"):
        ag.compile(lambda: w * w.data, [w])
    assert ag.compile(lambda: w * ag.detach(w), [w], verify=True)() == (4.0, [2.0])
    with pytest.raises(InputTypeError, match="a Value was used where a plain number is needed"):
        ag.compile(lambda: w * int(w), [w])


@pytest.mark.full
def test_a_deep_recurrence_is_a_loop():
    """A thousand steps are no wall of code: one step of them is written, forward and backward."""
    w = [Value(0.9), Value(0.1)]

    def loss():
        h = Value(0.5)
        for _ in range(1000):
            h = ag.tanh(w[0] * h + w[1])
        return h

    program = ag.compile(loss, w, verify=True)
    assert program.engine == "native"
    assert program.lowered.length < 30
    assert "99" in str(program).split(" times, each time further on")[0][-4:]


@pytest.mark.full
def test_a_recurrent_net_over_numbers_of_its_own_is_a_loop():
    """The numbers of a sequence lie in the order they are met in, so that a step finds its own a place further on."""
    w = [Value(0.1 * k - 0.3) for k in range(8)]

    def loss(steps):
        state, total = [Value(0.0), Value(0.0)], 0.0
        for k in range(steps):
            x = math.cos(1.7 * k * k)
            state = [ag.tanh(w[j] * state[0] + w[2 + j] * state[1] + w[4 + j] * x + w[6 + j]) for j in range(2)]
            total = total + (state[0] - x) ** 2
        return total / steps

    programs = [ag.compile(lambda n=n: loss(n), w, verify=True) for n in (30, 60)]
    assert programs[0].lowered.length == programs[1].lowered.length < 70


def test_a_row_of_ones_own_falls_back_and_is_right():
    own = ag.primitive("own row of test_uses", lambda x: x * x * x, lambda y, x: 3.0 * x * x)
    w = Value(2.0)
    program = ag.compile(lambda x: own(w * x), [w], batch=[1.0, 2.0])
    assert program.engine == "eager"
    value, slopes = program()
    assert (value, slopes.tolist(), w.grad) == (36.0, [54.0], 54.0)


def test_constants_are_told_apart_by_their_bits():
    x = Value(1.0)
    program = ag.compile([x / 0.5, ag.atan2(0.0, -x), ag.atan2(-0.0, -x)], inputs=[x])
    assert program().tolist() == [2.0, np.pi, -np.pi]


def test_wrong_arguments():
    w = Value(1.0)
    with pytest.raises(InputTypeError, match="a function or a Value is needed, got 3"):
        ag.compile(3)
    with pytest.raises(InputTypeError, match="parameters must be Values that are leaves"):
        ag.compile(w * w, [w * 2.0])
    with pytest.raises(ArgumentError, match="got one of them twice"):
        ag.compile(w * w, [w, w])
    with pytest.raises(ArgumentError, match="a parameter cannot be an input too"):
        ag.compile(w * w, [w], inputs=[w])
    with pytest.raises(ArgumentError, match="one entry per example"):
        ag.compile(lambda x, y: w * x * y, [w], batch=([1.0, 2.0], [1.0]))
    with pytest.raises(InputTypeError, match="must return a Value"):
        ag.compile(lambda: "loss", [w])
    with pytest.raises(ArgumentError, match="engine must be one of"):
        ag.compile(w * w, [w], engine="fortran")


def test_an_index_that_does_not_exist_is_no_number():
    table = [Value(1.0), Value(2.0), Value(3.0)]
    program = ag.compile(lambda k: ag.select(table, k) ** 2, table, batch=[0.0, 2.0])
    assert program([1.0, 1.0])[0] == 4.0
    with pytest.raises(ArgumentError, match=r"select: the index must be a whole number in 0\.\.2, got 3\.0"):
        program([1.0, 3.0])


def test_the_error_of_a_sample_is_the_eager_one():
    w = Value(1.0, label="w")
    program = ag.compile(lambda x: ag.sqrt(w * x), [w], batch=[1.0, 2.0])
    with pytest.raises(DomainError, match=r"sqrt: operand must lie in \[0, inf\), got -3.0"):
        program([1.0, -3.0])


def test_without_the_extra_compile_says_what_to_install_and_import_needs_none():
    script = (
        "import sys\n"
        "import autograd_lite as ag\n"
        "assert not {'numpy', 'llvmlite'} & set(sys.modules)\n"
        "sys.modules['llvmlite'] = None\n"
        "try:\n"
        "    ag.compile(lambda: ag.Value(1.0))\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "pip install 'autograd_lite[fast]'" in done.stdout


@pytest.mark.parametrize("engine", ["native", "table", "numpy"])
def test_graphs_with_nothing_in_them(engine):
    """A parameter that is not used, one that is the root, a root that is a constant."""
    w, unused = Value(2.0), Value(5.0)
    value, slopes = ag.compile(w * w, [w, unused], engine=engine, verify=True)()
    assert (value, slopes.tolist()) == (4.0, [4.0, 0.0])
    value, slopes = ag.compile(w, [w, unused], engine=engine, verify=True)()
    assert (value, slopes.tolist()) == (2.0, [1.0, 0.0])
    value, slopes = ag.compile(lambda: Value(3.0), [w], engine=engine, verify=True)()
    assert (value, slopes.tolist()) == (3.0, [0.0])
    program = ag.compile(w * 3.0 + unused, [unused, w], engine=engine)
    assert program.step(nn.SGD([unused, w], lr=1.0)) == 11.0
    assert (w.data, unused.data) == (-1.0, 4.0)


def test_a_softmax_takes_one_exponential_an_output():
    """Each of its rows begins with the output that is chosen; what they add up and the largest are the same."""
    w = [Value(0.1 * k) for k in range(5)]

    def loss(x):
        return sum(p * p for p in ag.softmax([v * x for v in w]))

    program = ag.compile(loss, w, batch=[1.0, 2.0], engine="numpy", verify=True)
    assert sum(i.count for i in program.lowered.rolled.instructions if i.op == "exp") == 5


def test_examples_that_do_not_matter():
    w = Value(2.0)
    value, slopes = ag.compile(lambda x: w * w, [w], batch=[1.0, 2.0, 3.0], verify=True)()
    assert (value, slopes.tolist()) == (pytest.approx(4.0), [pytest.approx(4.0)])
    value, slopes = ag.compile(lambda x: x * x, [w], batch=[1.0, 2.0, 3.0], verify=True)()
    assert (value, slopes.tolist()) == (pytest.approx(14 / 3), [0.0])
    assert ag.compile(lambda x: [x, w, x * w], [w], batch=[1.0, 2.0], gradient=False)().tolist() == [
        [1, 2, 2],
        [2, 2, 4],
    ]


def test_parameters_that_a_program_holds_are_copied_and_pickled_as_values():
    import copy
    import pickle

    w = Value(2.0, label="w")
    program = ag.compile(lambda x: w * x, [w], batch=[1.0, 3.0])
    program()
    twin = copy.deepcopy(w)
    assert (type(twin), twin.data, twin.grad, twin.label) == (Value, 2.0, 2.0, "w")
    program()
    assert pickle.loads(pickle.dumps(w)).data == 2.0
    program()
    assert w in {w}
    assert ag.gradients(w * w, [w]) == [4.0]


def test_what_does_not_go_together_is_refused():
    """Each of these was ignored once, without a word."""
    w, x = Value(2.0), Value(1.0)
    one = {"batch": [1.0, 2.0]}
    for what, options, words in (
        (w * w, one, "batch goes with a function of one example, got a graph"),
        (lambda a: w * a + x, {**one, "inputs": [x]}, "inputs of a function of one example are its arguments"),
        (lambda a: w * a, {**one, "gradient": False, "penalty": lambda: w * w}, "a penalty is added to a loss"),
        (lambda: w * w, {"penalty": lambda: w * w}, "penalty goes with batch, got none"),
        ([w * w, w], {"gradient": True}, "a gradient is that of one Value, got 2"),
        (lambda a: w, {"batch": [[], []]}, r"one entry per example, got shapes \(2, 0\)"),
    ):
        with pytest.raises(ArgumentError, match=f"compile: .*{words}"):
            ag.compile(what, [w], **options)
    program = ag.compile(lambda a: w * a, [w], **one)
    for rows in ([0.7, 1.9], [True, False], [[0], [1]], [-1, 0], [], [0, 1, 2]):
        with pytest.raises(ArgumentError, match=r"run: a batch is 1 to 2 numbers of rows in 0\.\.2, got"):
            program.run(nn.SGD([w], lr=0.1), data=[1.0, 2.0, 3.0], batches=[[0, 1], rows])
    with pytest.raises(ArgumentError, match="run: steps must be at least 0, got -1"):
        program.run(nn.SGD([w], lr=0.1), -1)
    assert w.data == 2.0


def test_verify_notices_a_wrong_program(monkeypatch):
    """A checker that has never failed is not a checker."""
    from autograd_lite.compiler import emit_numpy, rows_llvm

    w = Value(0.5)
    for error in (1.0 + 1e-6, math.nan, math.inf):
        monkeypatch.setattr(emit_numpy, "ROWS", {**emit_numpy.ROWS, "sin": lambda x, error=error: np.sin(x) * error})
        with pytest.raises(AssertionError, match="the value of the numpy program must agree with the tape's"):
            ag.compile(ag.sin(w), [w], engine="numpy", verify=True)
    monkeypatch.setattr(rows_llvm, "CALLED", {**rows_llvm.CALLED, "cos": rows_llvm.CALLED["sin"]})
    with pytest.raises(AssertionError, match="the gradient of the native program must agree with the tape's"):
        ag.compile(ag.sin(w), [w], engine="native", verify=True)
