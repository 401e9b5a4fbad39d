"""`explain`: the chain rule path by path, held to the sweep and to plain enumeration."""

import io
import itertools
import math
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.points import TABLE
from support.programs import SMOOTH, programs_at_points

import autograd_lite as ag
from autograd_lite import StaleGraphError, Value, explain, gradients, leaves, paths, topological_order
from autograd_lite.errors import ArgumentError, InputTypeError
from autograd_lite.formulas import ATOM, SIGN
from autograd_lite.symbols import TEXTBOOK
from autograd_lite.table import ROWS
from autograd_lite.typesetting import latex_formula, latex_name


def network():
    """Two inputs, two hidden sigmoids, one output; the quantities of the textbook are labelled."""
    x1, x2, t = leaves(x1=0.05, x2=0.1, t=0.9)
    w = {name: Value(0.1 + 0.07 * k, name) for k, name in enumerate(["w11", "w12", "w21", "w22", "v1", "v2", "b"])}
    h1 = (w["w11"] * x1 + w["w12"] * x2).named("h1")
    h2 = (w["w21"] * x1 + w["w22"] * x2).named("h2")
    h = (w["v1"] * ag.sigmoid(h1) + w["v2"] * ag.sigmoid(h2) + w["b"]).named("h")
    yhat = ag.sigmoid(h).named("yhat")
    return (0.5 * (yhat - t) ** 2.0).named("E"), w["w11"], x1


def test_the_four_factors_of_the_textbook_and_their_numbers():
    """sigma and x are separate nodes without labels: multiplied into the factor between the labelled ones."""
    error, w11, _ = network()
    lines = str(explain(error, w11)).splitlines()
    assert lines[0] == "dE/dw11 = dE/dyhat * dyhat/dh * dh/dh1 * dh1/dw11"
    found = re.fullmatch(r" {7} = (\S+) \* (\S+) \* (\S+) \* (\S+) = (\S+)", lines[1])
    factors = [float(x) for x in found.groups()[:-1]]
    assert math.isclose(math.prod(factors), float(found[5]), rel_tol=4 * 0.5e-3 + 0.5e-3)
    assert math.isclose(float(found[5]), gradients(error, [w11])[0], rel_tol=0.5e-3)
    assert lines[3:] == [
        "  dE/dyhat = yhat - t = " + found[1],
        "  dyhat/dh = yhat * (1 - yhat) = " + found[2],
        "  dh/dh1 = v1 * (sigmoid(h1) * (1 - sigmoid(h1))) = " + found[3],
        "  dh1/dw11 = x1 = " + found[4],
    ]


def test_equal_terms_are_collected():
    a, b = leaves(a=2.0, b=0.5)
    errors = [a - 0.25, b - 1.0]
    assert str(explain(0.5 * ag.dot(errors, errors), a)) == "df/da = a - 0.25 = 1.75"
    assert str(explain(a * a, a)) == "df/da = 2 * a = 4"
    assert str(explain(a * a * a + b * b, a)) == "df/da = 3 * a * a = 12"


def test_several_paths_are_summed_the_largest_first():
    error, _, x1 = network()
    said = explain(error, x1)
    assert said.count == 2
    assert abs(said.paths[0].value) > abs(said.paths[1].value)
    text = str(said)
    assert text.startswith("dE/dx1 = sum over 2 paths, the largest first:\n  dE/dyhat * dyhat/dh * dh/dh2 * dh2/dx1\n")
    a, b, total = map(float, re.search(r"^dE/dx1 = \(?(\S+?)\)? \+ \(?(\S+?)\)? = (\S+)$", text, re.M).groups())
    assert math.isclose(a + b, total, rel_tol=2e-3)
    one = explain(error, x1, paths=1)
    assert f"the largest path is {a:g}, {100 * one.coverage:.3g} % of it." in str(one)
    assert math.isclose(one.coverage, one.covered / one.gradient)


def all_paths(root, leaf):
    """Every path, one term per edge of the recorded graph: the definition."""
    if root is leaf:
        return [1.0]
    return [
        local * rest
        for operand, local in zip(root.operands, root.local_gradients, strict=True)
        if isinstance(operand, Value)
        for rest in all_paths(operand, leaf)
    ]


@given(programs_at_points(names=SMOOTH, longest=7), st.sampled_from(["all", "half", "none"]))
def test_all_paths_together_are_the_gradient(drawn, labelled):
    program, point, _ = drawn
    inputs = [Value(x) for x in point]
    nodes = program.run(inputs)
    root = nodes[-1]
    assume(isinstance(root, Value))
    for k, node in enumerate(topological_order(root)):
        if labelled == "all" or (labelled == "half" and k % 2):
            node.label = f"n{k}"
    for leaf in inputs:
        said = explain(root, leaf, paths=3000)
        assume(said.count < 3000)
        assert len(said.paths) == said.count
        scale = sum(abs(p.value) for p in said.paths)
        assert abs(said.covered - said.gradient) <= 1e-12 * scale
        assert said.gradient == gradients(root, [leaf])[0]
        if labelled == "all":
            # An edge that carries nothing is no path, and two edges between the same two values are one factor.
            assert math.isclose(math.fsum(all_paths(root, leaf)), said.covered, rel_tol=1e-9, abs_tol=1e-12 * scale)
        if labelled == "none":
            assert said.count <= 1
        sizes = [abs(p.value) for p in said.paths]
        assert all(a >= b * (1 - 1e-12) for a, b in itertools.pairwise(sizes))
        str(said), said.latex, said.markdown()


def layers(depth, weights):
    """A layered graph of two values a layer, each a labelled sum of both below: 2**depth paths and more."""
    x = Value(1.0, label="x")
    a = b = x
    for k in range(depth):
        p, q, r, s = next(weights)
        a, b = (a * p + b * q).named(f"a{k}"), (a * r + b * s).named(f"b{k}")
    return (a + b).named("E"), x


@given(st.lists(st.tuples(*[st.sampled_from([0.5, -0.75, 1.0, 1.25, 2.0])] * 4), min_size=2, max_size=5))
def test_the_k_best_are_those_of_enumeration(weights):
    root, x = layers(len(weights), iter(weights))
    every = explain(root, x, paths=10**6)
    assert len(every.paths) == every.count
    expected = sorted((abs(p.value) for p in every.paths), reverse=True)
    for k in (1, 3, 7):
        assert [abs(p.value) for p in explain(root, x, paths=k).paths] == expected[:k]


@pytest.mark.parametrize("numbers", [(1.0, 1.0, 1.0, 1.0), (0.3, 0.7, -0.9, 0.11), (1e-9, 1e-9, 1e-8, 1e-9)])
def test_two_to_the_forty_paths_are_explained_at_once(numbers):
    """All of the same size too, and with products far below the smallest float."""
    root, x = layers(41, itertools.repeat(numbers))
    said = explain(root, x, paths=50)
    str(said), said.latex
    assert said.count >= 2**40
    assert len(said.paths) == len({tuple((f.user, f.operand) for f in p.factors) for p in said.paths}) == 50
    assert "sum over 2,199,023,255,552 paths" in str(said)


def test_more_paths_than_anyone_counts():
    root, x = layers(400, itertools.repeat((0.5, 0.5, 0.5, 0.5)))
    assert "sum over more than 1,000,000,000,000,000 paths" in str(explain(root, x))


def test_a_very_long_chain_needs_no_recursion(full_lane):
    length = 10**5 if full_lane else 10**4
    x = Value(1.0, label="x")
    y, z = x, x
    for k in range(length):
        y = y * 1.0
        z = (z * 1.0).named(f"z{k}")
    assert explain(y, x).gradient == 1.0
    text = str(explain(z, x))
    assert f"... ({length - 20:,} more)" in text
    assert len(text) < 2000


def test_trivial_explanations():
    x, y = leaves(x=2.0, y=3.0)
    assert str(explain(x, x)) == "dx/dx = 1"
    assert str(explain(x * 2.0, y)) == "df/dy = 0: f does not depend on y."
    assert str(explain((x * 2.0).named("E"), Value(1.0))) == "dE/dx = 0: E does not depend on x."
    assert str(explain(ag.relu(-x), x)) == "df/dx = 0: every path has a factor 0."
    assert str(explain((3.0 * x - 2.0) ** 2.0, x)) == "df/dx = 6 * (3 * x - 2) = 24"
    assert "df/dx directly\n    = 1\n" in str(explain(x + (x * y).named("p"), x))
    assert explain(x * 2.0, y).paths == []
    assert math.isnan(explain(x * 2.0, y).coverage)


def test_paths_that_cancel_have_no_coverage():
    x = Value(2.0, label="x")
    said = explain((x * 3.0).named("a") - (x * 3.0).named("b"), x)
    assert (said.gradient, said.covered) == (0.0, 0.0)
    assert str(said).splitlines()[5] == "df/dx = 3 + (-3) = 0"
    one = explain((x * 3.0).named("a") - (x * 3.0).named("b"), x, paths=1)
    assert str(one).splitlines()[3] in ("df/dx = 0; the largest path is 3.", "df/dx = 0; the largest path is -3.")


@pytest.mark.parametrize("function", [ag.sqrt, lambda x: 1e200 * (x + 1e200) * 1e200 - 1e308 * 1e308 * x])
def test_infinities_are_shown_and_break_nothing(function):
    x = Value(0.0, label="x")
    y = function(x * 1.0)
    said = explain(y.named("y"), x)
    assert not math.isfinite(said.gradient)
    assert str(said)
    assert said.latex
    assert said.markdown()


def test_what_is_refused():
    x = Value(2.0, label="x")
    y = x * x
    for arguments, kind in [((2.0, x), InputTypeError), ((y, "x"), InputTypeError)]:
        with pytest.raises(kind, match=r"must be a Value|a Value is needed"):
            explain(*arguments)
    for options in ({"paths": 0}, {"paths": 1.5}, {"digits": 0}, {"digits": 18}):
        with pytest.raises(ArgumentError, match="Leave it out"):
            explain(y, x, **options)
    x.data = 3.0
    with pytest.raises(StaleGraphError):
        explain(y, x)


def test_no_grad_is_touched_and_no_mode_is_left_on():
    error, w11, _ = network()
    with ag.no_grad():
        text = str(explain(error, w11))
    assert "yhat * (1 - yhat)" in text
    assert all(node.grad == 0.0 for node in topological_order(error))


@pytest.mark.parametrize("name", TEXTBOOK)
@given(xs=st.lists(st.floats(-3.0, 3.0), min_size=2, max_size=4))
def test_the_textbook_forms_are_the_rows_own(name, xs):
    row = ROWS[name]
    xs = xs if row.variadic else xs[:1]
    y = row(*xs)
    slopes = TEXTBOOK[name](y, *xs)
    assert (slopes if row.variadic else [slopes]) == pytest.approx(row.partials(y, xs), rel=1e-11)


def test_softmax_and_cross_entropy_as_in_the_lecture():
    z = leaves(z1=2.0, z2=1.0)
    p = ag.softmax(z)[0].named("p1")
    assert str(explain(p, z[0])) == "dp1/dz1 = p1 * (1 - p1) = 0.1966"
    assert str(explain(p, z[1])) == "dp1/dz2 = -p1 * softmax([z2, z1])[0] = -0.1966"
    assert str(explain(ag.logsumexp(z).named("S"), z[0])) == "dS/dz1 = exp(z1 - S) = 0.7311"
    assert str(explain(ag.cross_entropy(z, 0).named("E"), z[1])) == "dE/dz2 = exp(z2 - z1 - E) = 0.2689"
    assert explain(p, z[0]).latex.endswith(r"= p_{1} \cdot (1 - p_{1}) = 0.1966")


@given(programs_at_points(names=SMOOTH, longest=5))
def test_the_symbolic_form_has_the_value_of_its_factor(drawn):
    program, point, _ = drawn
    inputs = [Value(x, f"x{k}") for k, x in enumerate(point)]
    root = program.run(inputs)[-1]
    assume(isinstance(root, Value) and not root.is_leaf)
    root.named("f")
    names = {**vars(ag), "abs": abs, **{leaf.label: leaf.data for leaf in inputs}, "f": root.data}
    for leaf in inputs:
        for path in explain(root, leaf, digits=17).paths:
            for factor in path.factors:
                if factor.formula:
                    value = eval(factor.formula, names)
                    assert math.isclose(value, factor.value, rel_tol=1e-7, abs_tol=1e-9), factor.formula


@given(st.text(max_size=30))
def test_any_label_is_explained_in_every_form(label):
    x, y = Value(2.0, label), Value(3.0, label)
    said = explain(((x * y).named(label) * x).named(label), x)
    assert str(said)
    table = said.markdown()
    assert table.count("\n$$") == 1
    for line in table.splitlines():
        assert not line.startswith("|") or len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == 4
    assert said.latex.count("{") - said.latex.count(r"\{") == said.latex.count("}") - said.latex.count(r"\}")


@pytest.mark.parametrize(
    ("label", "latex"),
    [
        ("E", "E"), ("w11", "w_{11}"), ("w_11", "w_{11}"), ("w[1][2]", "w_{1,2}"), ("w_1_2", "w_{1,2}"),
        ("a_b", "a_{b}"), ("w_in", r"w_{\mathrm{in}}"), ("relu3", r"\mathrm{relu}_{3}"),
        ("theta", r"\theta"), ("theta_1", r"\theta_{1}"), ("θ", "θ"),
        ("yhat", r"\hat{y}"), ("y_hat", r"\hat{y}"), ("ŷ", r"\hat{y}"), ("xbar2", r"\bar{x}_{2}"),
        ("betahat_0", r"\hat{\beta}_{0}"), ("hat", r"\mathrm{hat}"), ("x\u0302_1", r"\hat{x}_{1}"),
        ("11", r"\mathrm{11}"), ("a[]", r"\mathrm{a[]}"), ("_w", r"\mathrm{\_w}"), ("w__1", r"\mathrm{w\_\_1}"),
        ("$&<b>\\", r"\mathrm{\$\&{<}b{>}\backslash{}}"), (r"\end{document}", r"\mathrm{\backslash{}end\{document\}}"),
        ("\u0302x", r"\mathrm{\backslash{}u0302x}"), ("my-label", r"\mathrm{my{-}label}"),
    ],
)  # fmt: skip
def test_labels_in_latex(label, latex):
    """One letter is a symbol with indices; anything else stands upright, as it is, whatever it is."""
    assert latex_name(label) == latex


def test_hostile_labels_are_escaped_in_markdown():
    x = Value(2.0, '<b>|"\n`')
    said = explain((x * 3.0).named("p") * 2.0, x)
    assert r"d\(\<b\>\|" in said.markdown()
    assert str(said).splitlines()[0] == 'df/d(<b>|"\\n`) = df/dp * dp/d(<b>|"\\n`)'


HOSTILE = [
    r"\end{document}", "$", "$$", "%", "#y", "{", "}", "^", "~", "<b>", "'", "''", '"', "`", "|", "\\", "\\\\", "\n",
    "\x1b[31m", "größe", "m²", "x₁", "−x", "…" * 30, "_", "a[]", "\\(", "\\]", "-->", "</script>", "@", "^^41", "a b",
]  # fmt: skip


def rows_of(latex):
    """The lines of an explanation, each a formula of its own: mathtext knows no `aligned`."""
    inside = latex.removeprefix("\\begin{aligned}\n").removesuffix("\n\\end{aligned}")
    return [row.replace("&=", "=", 1).replace(r"&\quad", "", 1) for row in inside.split(" \\\\[0.3em]\n")]


def test_every_explanation_is_latex_to_another_reader(full_lane):
    """matplotlib's, which knows a part of LaTeX; KaTeX read the same ones in a trial. It has no ampersand."""
    mathtext = pytest.importorskip("matplotlib.mathtext", reason="matplotlib (extra `plot`) is not installed")
    parser = mathtext.MathTextParser("path")
    error, w11, x1 = network()
    said = [explain(error, w11), explain(error, x1), explain(error, x1, paths=1), explain(error, Value(1.0, "β"))]
    for label in [*HOSTILE, "w_11", "theta1", "yhat", "ŷ", "w[1][2][3]"] if full_lane else [*HOSTILE[:1], "ŷ"]:
        x, y = Value(2.0, label), Value(-3.0, label)
        said.append(explain((((x * y).named(label) * x + y) / x).named(label), x))
    for row in TABLE if full_lane else TABLE[:5]:
        if row.arity in (1, 2) and row.domain is None:
            x = Value(0.5, "x")
            said.append(explain(row(x) if row.arity == 1 else row(x, x + 1.0), x))
    for explanation in said:
        for line in rows_of(explanation.latex):
            parser.parse(f"${line}$")
    with pytest.raises(ValueError, match="Expected"):
        parser.parse(r"$\frac{\partial {}{x}$")


def python_of(latex):
    """A formula in LaTeX as Python: read sign by sign, knowing nothing of how it was written."""

    latex = latex.replace(r"\left|", "abs(").replace(r"\right|", ")")

    def group(k):
        depth, start = 0, k
        while True:
            depth += {"{": 1, "}": -1}.get(latex[k], 0)
            k += 1
            if not depth:
                return python_of(latex[start + 1 : k - 1]), k

    out, k = "", 0
    while k < len(latex):
        if latex.startswith(r"\frac", k):
            above, k = group(k + 5)
            below, k = group(k)
            out += f"(({above})/({below}))"
        elif latex.startswith(r"\sqrt", k):
            inside, k = group(k + 5)
            out += f"sqrt({inside})"
        elif latex[k] == "^":
            power, k = group(k + 1)
            out += f"**({power})"
        elif latex[k] == "{":
            inside, k = group(k)
            out += f"({inside})"
        elif latex[k] == "_":
            index, k = group(k + 1)
            out += index
        elif latex[k] == "\\":
            command = re.match(r"\\([A-Za-z]+|.)", latex[k:])[1]
            k += 1 + len(command)
            out += {"cdot": "*", "ln": "log", "times": "*", "left": "", "right": "", "mathrm": "", "infty": "inf",
                    "arctan": "atan"}.get(command, command)  # fmt: skip
        else:
            out += latex[k]
            k += 1
    return out


def operations(parts):
    names = st.sampled_from(["add", "sub", "mul", "div", "neg", "pow", "sqrt", "abs", "sum", "dot", "exp"])
    return st.tuples(names, st.lists(parts, min_size=4, max_size=4))


@given(st.recursive(st.sampled_from(["a", "b", "-2", "0.5"]), operations, max_leaves=30))
def test_parentheses_stand_where_they_are_needed(tree):
    """Any operations inside any others: what is written means what was built."""
    point = {"a": 3.0, "b": -1.5}

    def built(part):
        if isinstance(part, str):
            number = point.get(part) or float(part)
            return number, (part, SIGN if part.startswith("-") else ATOM)
        row = ROWS[part[0]]
        parts = [built(below) for below in part[1][: row.arity or 4]]
        numbers = [number for number, _ in parts]
        if row.name == "pow":
            parts[1], numbers[1] = (2.0, ("2", ATOM)), 2.0
        return row.quiet.forward(*numbers), latex_formula(row, [text for _, text in parts])

    number, (latex, _) = built(tree)
    assume(math.isfinite(number) and abs(number) < 1e100)
    try:
        value = eval(python_of(latex), {**vars(ag), "abs": abs, **point})
    except (ZeroDivisionError, OverflowError, ValueError):
        assume(False)
    assert math.isclose(value, number, rel_tol=1e-6, abs_tol=1e-6), latex


@given(programs_at_points(names=SMOOTH, longest=5))
def test_the_latex_form_has_the_value_of_its_factor(drawn):
    program, point, _ = drawn
    inputs = [Value(x, f"x{k}") for k, x in enumerate(point)]
    root = program.run(inputs)[-1]
    assume(isinstance(root, Value) and not root.is_leaf)
    root.named("f")
    names = {**vars(ag), **ROWS, "abs": abs, "sigma": ag.sigmoid}  # softmax(x, y) is the row here
    names |= {leaf.label: leaf.data for leaf in inputs} | {"f": root.data}
    for leaf in inputs:
        for path in explain(root, leaf, digits=17).paths:
            for factor in path.factors:
                if factor.latex:
                    value = eval(python_of(factor.latex), names)
                    assert math.isclose(value, factor.value, rel_tol=1e-7, abs_tol=1e-9), factor.latex


def test_a_notebook_shows_latex_and_a_plain_terminal_ascii(monkeypatch):
    x = Value(2.0, "θ")
    said = explain((x * 3.0).named("p") * 2.0, x)
    assert said._repr_latex_().startswith("$$\n\\begin{aligned}")
    assert r"\frac{\partial f}{\partial p} \cdot \frac{\partial p}{\partial θ}" in said.latex
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert str(said).isascii()
    assert all(repr(path).isascii() and repr(path.factors).isascii() for path in said.paths)


def test_a_users_row_is_explained_with_its_formula_where_it_has_one():
    x = Value(2.0, "x")
    open_row = ag.primitive("opened", lambda x: x**3, lambda y, x: 3.0 * x * x)
    closed_row = ag.primitive("closed", lambda x: x**3, lambda y, x: 3.0 * math.pow(x, 2.0))
    try:
        assert str(explain(open_row(x), x)) == "df/dx = 3 * x * x = 12"
        assert str(explain(closed_row(x), x)) == "df/dx = 12"
        assert ag.expression(closed_row(x) + 1.0) == "closed(x) + 1"
        assert [s.after for s in ag.steps(closed_row(x))][-1] == 12.0
    finally:
        del ROWS["opened"], ROWS["closed"]


def test_the_direct_part_of_a_gradient_is_told_from_all_of_it():
    """∂f/∂x = ... + ∂f/∂x would be read as an equation that cannot hold."""
    x, y = ag.leaves(x=2.0, y=3.0)
    said = explain((x * y + (x * x).named("p") * y).named("f"), x)
    assert "  df/dx directly = y = 3" in str(said).splitlines()
    direct = r"\left. \frac{\partial f}{\partial x} \right|_{\mathrm{directly}}"
    assert said.latex.count(r"\frac{\partial f}{\partial x}") == said.latex.count(direct) + 1 == 3
    assert "| df/dx directly | y | 3 |" in said.markdown()
    assert "directly" not in str(explain((x * y).named("f"), x))


def test_a_path_that_is_lost_is_noticed(monkeypatch):
    """The negative control of the law that all paths together are the gradient."""
    error, _, x1 = network()
    real = paths.PathGraph.largest
    monkeypatch.setattr(paths.PathGraph, "largest", lambda self: itertools.islice(real(self), 1, None))
    said = explain(error, x1, paths=10)
    assert not math.isclose(said.covered, said.gradient)
