"""compiled = eager: on random programs, all rows of the table, loops over samples of every shape."""

from __future__ import annotations

import math
import random
import re

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from support.programs import ARITIES, SMOOTH, programs_at_points

import autograd_lite as ag
from autograd_lite import Value, gradients
from autograd_lite.errors import OperationError
from autograd_lite.primitives import ROWS

np = pytest.importorskip("numpy")

TOLERANCE = 1e-11
"""Of the largest number: sums are added in another order, and a dozen rows are composed of others."""

fewer = settings(max_examples=settings.default.max_examples // 8)
"""A program is compiled for every example: 40 ms each."""

full = pytest.mark.full
native_and_in_full_all = pytest.mark.parametrize(
    "engine", ["native", pytest.param("table", marks=full), pytest.param("numpy", marks=full)]
)
engines_with_samples = pytest.mark.parametrize("engine", ["numpy", "native"])


def assert_agrees(found, expected, what=""):
    found, expected = np.asarray(found), np.asarray(expected)
    finite = np.isfinite(expected)
    assert (np.isfinite(found) == finite).all(), (what, found, expected)
    scale = max(1.0, float(np.abs(expected[finite]).max(initial=0.0)))
    assert np.abs(found[finite] - expected[finite]).max(initial=0.0) <= TOLERANCE * scale, (what, found, expected)


def check(program, root, parameters):
    """The program gives what the graph of `root` gives, on the Values too."""
    expected = gradients(root, parameters)
    value, slopes = program()
    assert_agrees(value, root.data, "value")
    assert_agrees(slopes, expected, "gradient")
    assert_agrees([p.grad for p in parameters], expected, "grad")


@native_and_in_full_all
@fewer
@given(programs_at_points(tuple(ARITIES), 8))
def test_random_programs(engine, drawn):
    program, point, other = drawn
    leaves = [Value(x) for x in point]
    root = program.run(leaves)[-1]
    compiled = ag.compile(root, leaves, engine=engine)
    assert compiled.engine == engine
    check(compiled, root, leaves)
    for leaf, x in zip(leaves, other, strict=True):
        leaf.data = x
    try:
        root.forward()
    except OperationError as error:  # the same error, from the same place
        with pytest.raises(type(error), match=re.escape(str(error))):
            compiled()
    else:
        check(compiled, root, leaves)


@native_and_in_full_all
@fewer
@given(programs_at_points(SMOOTH, 6), st.lists(st.sampled_from([-1.0, 0.5, 0.5, 0.25]), min_size=2, max_size=9))
def test_random_programs_in_a_loop_over_samples(engine, drawn, data):
    """Constants that are equal in some samples, or in all of them, change nothing."""
    program, point, _ = drawn
    leaves = [Value(x) for x in point]

    def loss():
        losses = [program.run([leaves[0] * x, *leaves[1:]])[-1] * x + program.run(leaves)[-1] for x in data]
        return sum(losses) / float(len(losses)) + 0.125 * sum(p * p for p in leaves)

    try:
        root = loss()
    except OperationError:
        reject()
    check(ag.compile(loss, leaves, engine=engine), root, leaves)


@pytest.mark.parametrize("engine", ["native", pytest.param("numpy", marks=full)])
@fewer
@given(programs_at_points(SMOOTH, 6), st.lists(st.floats(-2, 2), min_size=1, max_size=20))
def test_random_programs_of_one_example(engine, drawn, data):
    program, point, _ = drawn
    leaves = [Value(x) for x in point]

    def example(x):
        return program.run([leaves[0] * x, *leaves[1:]])[-1]

    try:
        compiled = ag.compile(example, leaves, batch=data, penalty=lambda: 0.5 * leaves[0] ** 2, engine=engine)
        root = sum(example(x) for x in data) / float(len(data)) + 0.5 * leaves[0] ** 2
    except OperationError:
        reject()
    check(compiled, root, leaves)


def point_of(row):
    """A point inside the domain, away from kinks."""
    count = row.arity or 4
    probes = row.probe * count if len(row.probe) == 1 else row.probe
    return [p.low + (p.high - p.low) * (0.6180339887 * (k + 1) % 0.9 + 0.05) for k, p in enumerate(probes[:count])]


TABLE = [row for row in ROWS.values() if row.reserved]


@native_and_in_full_all
def test_every_row_of_the_table_has_a_form_that_agrees(engine):
    """All of them in one program, each on leaves of its own."""
    leaves = [[Value(x) for x in point_of(row)] for row in TABLE]
    root = ag.sum([row(*own) for row, own in zip(TABLE, leaves, strict=True)])
    flat = [leaf for own in leaves for leaf in own]
    compiled = ag.compile(root, flat, engine=engine)
    assert compiled.engine == engine
    value, slopes = compiled()
    assert math.isclose(value, root.data, rel_tol=1e-13)
    expected = gradients(root, flat)
    names = [row.name for row, own in zip(TABLE, leaves, strict=True) for _ in own]
    for name, found, slope in zip(names, slopes.tolist(), expected, strict=True):
        assert math.isclose(found, slope, rel_tol=1e-12, abs_tol=1e-15), (name, found, slope)


@engines_with_samples
def test_every_row_agrees_on_samples(engine):
    r = random.Random(3)
    points = [point_of(row) for row in TABLE]
    samples = [[[x * (1 + 0.02 * r.random()) for x in point] for _ in range(9)] for point in points]

    def rows(*numbers):
        return [row(*xs) for row, xs in zip(TABLE, numbers, strict=True)]

    values = ag.compile(rows, batch=tuple(samples), engine=engine)()
    for row, found, own in zip(TABLE, values.T.tolist(), samples, strict=True):
        for y, xs in zip(found, own, strict=True):
            assert math.isclose(y, row(*xs), rel_tol=1e-12, abs_tol=1e-15), (row.name, xs, y)


EDGES = [0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, 710.0, -746.0, 1e-310, 5e-324, 0.5, 2.5, -2.5, 1e300]


@engines_with_samples
@pytest.mark.parametrize("arity", [1, 2])
def test_the_forms_agree_at_the_edges(engine, arity):
    """Infinite, nan, denormal, saturated: what the quiet row gives, up to an absolute 1e-14 near 0."""
    rows = [row.quiet for row in TABLE if (row.arity or 2) == arity]
    points = [[a] if arity == 1 else [a, b] for a in EDGES for b in (EDGES if arity == 2 else EDGES[:1])]
    program = ag.compile(
        lambda *xs: [row(*xs) for row in rows], batch=tuple(zip(*points, strict=True)), engine=engine, gradient=False
    )
    program.code.evaluate()
    for row, found in zip(rows, program._values().T.tolist(), strict=True):
        for point, y in zip(points, found, strict=True):
            expected = row.forward(*point)
            if math.isfinite(expected):  # where it is not, the answer comes from the eager passes
                agrees = math.isclose(y, expected, rel_tol=1e-12, abs_tol=1e-14)
                assert agrees or not math.isfinite(y), (row.name, point, y, expected)
            else:
                assert not math.isfinite(y), (row.name, point, y, expected)


def test_every_row_is_known_by_name_in_one_place_each():
    from autograd_lite.compiler import emit_numpy, rows_llvm
    from autograd_lite.compiler.circuit import LINEAR
    from autograd_lite.compiler.forms import ELEMENTARY, FORMS, SMOOTH

    names = {row.name for row in TABLE}
    assert names == {*LINEAR, *ELEMENTARY, *FORMS}
    assert set(emit_numpy.ROWS) == ELEMENTARY == {*rows_llvm.INLINE, *rows_llvm.CALLED}
    assert names >= SMOOTH
