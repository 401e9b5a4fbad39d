"""Loops from integers: fit is the inverse of walk, and finds nothing where there is nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

np = pytest.importorskip("numpy")

from autograd_lite.compiler.affine import Loop, affine_prefix, fit, straight_run, walk  # noqa: E402

nests = st.lists(st.builds(Loop, st.integers(1, 5), st.tuples(st.integers(-9, 9), st.integers(-9, 9))), max_size=3).map(
    tuple
)


@given(nests)
def test_what_loops_walk_through_is_fitted(loops):
    """Perhaps by other loops, but through the same places in the same order."""
    rows = walk(loops, 2)
    found = fit(rows)
    assert found is not None
    assert (walk(found, 2) == rows).all()


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=12))
def test_a_fit_is_right_or_none(rows):
    table = np.array(rows)
    found = fit(table)
    assert found is None or (table[0] + walk(found, 2) == table).all()
    length = affine_prefix(table)
    assert 1 <= length <= len(table)
    prefix = fit(table[:length])
    assert prefix is not None
    assert (table[0] + walk(prefix, 2) == table[:length]).all()


def test_a_straight_run_ends_where_the_step_changes():
    assert straight_run(np.array([[0], [2], [4], [5]])) == 3
    assert fit(np.array([[0], [1], [3], [7]])) is None
