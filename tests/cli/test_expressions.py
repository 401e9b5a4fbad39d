"""Expressions from a shell: the whitelist, its limits, and that they mean what Python means."""

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_lite import Value
from autograd_lite.cli.expressions import FUNCTIONS, Expression, assignments
from autograd_lite.errors import ArgumentError, AutogradError


@pytest.mark.parametrize(
    "text",
    [
        "1 / (1 + exp(-(w*x)))",
        "-x**2",
        "2**-x",
        "x - w - 1",
        "x / w / 2",
        "+x * -w",
        "log1p(x) + pi*e",
        "max(x, w, 0) ** 2",
    ],
)
def test_an_expression_means_what_it_means_in_python(text):
    names = {"x": 1.25, "w": 0.5}
    python = {"exp": math.exp, "log1p": math.log1p, "max": max, "pi": math.pi, "e": math.e, **names}
    assert Expression(text)(names) == pytest.approx(eval(text, {"__builtins__": {}}, python), rel=1e-15)


@given(st.recursive(st.sampled_from(["x", "1.5", "2"]), lambda inner: st.builds(
    lambda a, sign, b: f"({a} {sign} {b})", inner, st.sampled_from(["+", "-", "*"]), inner)))  # fmt: skip
def test_floats_and_values_give_the_same_bits(text):
    expression = Expression(f"{text} + 0*x")
    assert expression({"x": Value(0.3)}).data == expression({"x": 0.3}) == eval(text + " + 0*x", {"x": 0.3})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "cannot be read"),
        ("x +", "cannot be read"),
        ("2x", "cannot be read, got '2x': .*Write it as in Python: 2\\*x"),
        ("x\0", "cannot be read"),
        ("x^2", "Write x\\*\\*2"),
        ("x // 2", "got FloorDiv"),
        ("x @ x", "got MatMult"),
        ("~x", "got Invert"),
        ("not x", "got Not"),
        ("x.__class__", "got Attribute"),
        ("x[0]", "got Subscript"),
        ("[x]", "got List"),
        ("x if x else 1", "got IfExp: x if x else 1. Write where"),
        ("lambda: x", "got Lambda"),
        ("x < 1", "got Compare"),
        ("(y := x)", "got NamedExpr"),
        ("f'{x}'", "got JoinedStr"),
        ("'x'", "constants are numbers, got 'x'"),
        ("True", "constants are numbers, got True"),
        ("1j * x", "constants are numbers, got 1j"),
        ("__import__('os').system('true')", "no such function"),
        ("eval('1')", "no such function: eval. There are abs, "),
        ("sigmod(x)", "no such function: sigmod. Did you mean sigmoid\\?"),
        ("arctan(x)", "Did you mean atan\\?"),
        ("ln(x)", "no such function: ln. Did you mean log\\?"),
        ("math.exp(x)", "no such function: math.exp. Did you mean exp\\?"),
        ("math.qqq(x)", "no such function: math.qqq. There are abs, "),
        (
            "softmax(x, y)",
            "softmax gives several values, a formula one. Write exp\\(a\\) / \\(exp\\(a\\) \\+ exp\\(b\\)\\)",
        ),
        ("log_softmax(x, y)", "gives several values, a formula one. Write a - logsumexp\\(a, b\\)"),
        ("dot(x, y)", "dot takes lists, a formula has none. Write a\\*b \\+ c\\*d"),
        ("x > 0", "got Compare: x > 0. Write greater\\(a, b\\)"),
        ("where(x)", "where takes 3 operands, got 1"),
        ("exp(x)(x)", "no such function"),
        ("exp(x=1)", "plain operands"),
        ("exp(*x)", "got Starred"),
    ],
)
def test_what_is_no_formula_is_refused_with_a_reason(text, said):
    with pytest.raises(ArgumentError, match=said):
        Expression(text)


@pytest.mark.parametrize(
    "text",
    [
        "-" * 10**6 + "x",
        "-" * 1900 + "x",
        "(" * 1900 + "x",
        "(" * 40 + "x" + "+1)" * 40 + "**2" * 120,
        "exp(" * 400 + "x" + ")" * 400,
    ],
    ids=["million", "signs", "open", "powers", "calls"],
)
def test_length_and_nesting_are_limited(text):
    with pytest.raises(ArgumentError) as caught:
        Expression(text)
    assert len(str(caught.value)) < 250


@given(st.text(st.sampled_from("x1.*/-+()e, ^'\\_ \n"), max_size=40))
def test_any_text_is_an_expression_or_an_error_that_says_so(text):
    with suppress(AutogradError):
        Expression(text)({"x": 1.0, **dict.fromkeys(Expression(text).variables, 0.5)})


def test_numbers_too_large_are_an_error_not_a_crash():
    for text in ("9" * 400, "9**9**9**9 * x", "1e308 * 10 ** 10 ** x"):
        with pytest.raises(AutogradError):
            Expression(text)({"x": 9.0})


def test_variables_are_listed_in_order_and_functions_and_constants_are_none():
    assert Expression("w*x + b + exp(x) + pi").variables == ["w", "x", "b"]
    assert {"exp", "relu", "max", "logsumexp"} <= set(FUNCTIONS)
    assert not {"chain", "detach", "identity", "eval"} & set(FUNCTIONS)


def test_functions_of_several_numbers_take_them_one_by_one():
    names = {"x": 3.0, "y": 4.0}
    assert Expression("mean(x, y)")(names) == 3.5
    assert Expression("norm(x, y)")(names) == 5.0
    assert Expression("where(greater(x, y), x, y)")(names) == 4.0
    x, y = Value(3.0), Value(4.0)
    Expression("where(greater(x, y), x*x, y*y) + mean(x, y)")({"x": x, "y": y}).backward()
    assert (x.grad, y.grad) == (0.5, 8.5)
    for text in ("mean()", "mean(1, where(x))"):
        with pytest.raises(AutogradError):
            Expression(text)({})


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([], "none for x, y. Add x=1 y=1"),
        (["x=1"], "none for y. Add y=1"),
        (["x=1", "y=a"], "y must be a number, got 'a'"),
        (["x=1", "y=nan"], "y must be finite"),
        (["x=1", "y=1", "z=1"], "variables are x, y, got 'z=1'. Leave it out"),
        (["x"], "given as name=number, got 'x'"),
    ],
)
def test_numbers_are_given_by_name(texts, said):
    with pytest.raises(ArgumentError, match=said):
        assignments(texts, ["x", "y"])
    assert assignments(["y=2", "x=-1e3"], ["x", "y"]) == {"x": -1000.0, "y": 2.0}
