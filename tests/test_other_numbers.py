"""A row serves every kind of number: a forward mode in twenty lines, and its duality with reverse mode."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.points import TABLE, probes
from support.programs import programs_at_points, reals

from autograd_lite import Value, gradients, primitive
from autograd_lite.primitives import ROWS, Traced


class Dual(Traced):
    """A primal and its tangent. It adds nothing to Traced but `apply`: operators come with the base class."""

    level = 1

    def __init__(self, primal, tangent=0.0):
        self.primal, self.tangent = primal, tangent

    def apply(self, row, operands):
        primals = [x.primal if isinstance(x, Dual) else x for x in operands]
        y = row.evaluate(tuple(primals), operands)
        locals_ = row.partials(y, primals)
        tangent = 0.0
        for operand, local in zip(operands, locals_, strict=True):
            if isinstance(operand, Dual) and local and operand.tangent:
                tangent += local * operand.tangent
        return Dual(y, tangent)


@given(programs_at_points(), st.lists(reals(), min_size=3, max_size=3), reals())
def test_forward_and_reverse_mode_are_adjoint(drawn, directions, upstream):
    """ȳ · ẏ = x̄ · ẋ: two sweeps in opposite directions, one table."""
    program, point, _ = drawn
    leaves = [Value(x) for x in point]
    root = program.run(leaves)[-1]
    assume(isinstance(root, Value) and abs(root.data) < 1e30)
    y = program.run([Dual(x, d) for x, d in zip(point, directions, strict=False)])[-1]
    pulled_back = gradients(root, leaves, seed=upstream)
    left = upstream * y.tangent
    terms = [g * d for g, d in zip(pulled_back, directions, strict=False)]
    assert y.primal == root.data
    assert left == pytest.approx(math.fsum(terms), rel=1e-9, abs=1e-10 * (1 + max(map(abs, [*terms, left]))))


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_a_row_hands_itself_to_the_operand_of_the_highest_level(row):
    for xs in probes(row, 2):
        mixed = [Value(xs[0]), *[Dual(x, 1.0) for x in xs[1:]]]
        if len(xs) > 1:
            seen = []

            class Spy(Dual):
                level = 7

                def apply(self, row, operands, seen=seen):
                    seen.append((row, operands))
                    return self

            spy = Spy(xs[-1])
            assert row(*mixed[:-1], spy) is spy
            assert seen == [(row, (*mixed[:-1], spy))]
        assert isinstance(row(*[Dual(x) for x in xs]), Dual)


def test_operators_of_the_base_class_follow_the_rows():
    a, b = Dual(3.0, 1.0), Dual(2.0)
    for result, primal, tangent in [
        (a + 1, 4.0, 1.0),
        (1 + a, 4.0, 1.0),
        (a - b, 1.0, 1.0),
        (1 - a, -2.0, -1.0),
        (a * b, 6.0, 2.0),
        (2 * a, 6.0, 2.0),
        (a / b, 1.5, 0.5),
        (6 / a, 2.0, -2.0 / 3.0),
        (a**2, 9.0, 6.0),
        (2**a, 8.0, 8.0 * math.log(2.0)),
        (-a, -3.0, -1.0),
        (abs(-a), 3.0, 1.0),
    ]:
        assert (result.primal, result.tangent) == (primal, pytest.approx(tangent, rel=1e-15))


def test_a_kind_of_number_without_apply_says_so():
    class Unfinished(Traced):
        level = 3

    with pytest.raises(TypeError, match="Unfinished does not say how to apply exp"):
        ROWS["exp"](Unfinished())
    assert Unfinished().place() == ""


def test_a_gradient_that_raises_on_constants_is_evaluated_on_quiet_leaves():
    """The text of a user's row may divide plain constants by zero: a nan or inf, not an exception."""
    row = primitive("pole_test", lambda a, b: a * b, lambda y, a, b: 1.0 / b, lambda y, a, b: 1.0 / a)
    try:
        x = Value(2.0)
        assert gradients(row(x, 0.0), [x]) == [math.inf]
        (graph,) = gradients(row(x, 0.0), [x], create_graph=True)
        assert graph.data == math.inf
        root = primitive("root_test", lambda x: x**0.5, lambda y, x: root(-x))  # complex for x > 0
        assert math.isnan(gradients(root(x), [x])[0])
        assert math.isnan(gradients(root(x), [x], create_graph=True)[0].data)
        many = primitive("poles_test", lambda *xs: math.fsum(xs), lambda y, *xs: [1.0 / x for x in xs], variadic=True)
        assert [g.data for g in gradients(many(x, 0.0), [x], create_graph=True)] == [0.5]
    finally:
        for name in ("pole_test", "poles_test", "root_test"):
            ROWS.pop(name, None)
