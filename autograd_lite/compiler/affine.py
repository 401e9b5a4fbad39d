"""Affine maps: integer sequences as nested loops.

    0 1 2 10 11 12 20 21 22   =   10·i + j,  i < 3, j < 3

Pure integers; several sequences (the columns of a matrix) are fitted by one nest of loops.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Loop(NamedTuple):
    """One loop of a nest: how often it runs, and how far each column moves with it."""

    extent: int
    strides: tuple[int, ...]


def fit(rows: NDArray[np.intp]) -> tuple[Loop, ...] | None:
    """Return loops, outermost first, that walk from rows[0] through all rows, or None.

    >>> fit(np.array([[0], [1], [2], [10], [11], [12]]))
    (Loop(extent=2, strides=(10,)), Loop(extent=3, strides=(1,)))
    >>> fit(np.array([[0], [1], [5]])) is None
    True
    """
    count = len(rows)
    if count == 1:
        return ()
    step = rows[1] - rows[0]
    run = straight_run(rows)
    if run == count:
        return (Loop(count, tuple(step.tolist())),)
    for extent in range(run, 1, -1):
        if count % extent == 0:
            blocks = rows.reshape(count // extent, extent, -1)
            if (blocks - blocks[:, :1] == np.arange(extent)[:, None] * step).all():
                outer = fit(blocks[:, 0])
                return None if outer is None else (*outer, Loop(extent, tuple(step.tolist())))
    return None


def straight_run(rows: NDArray[np.intp]) -> int:
    """Return how many rows from the first on follow one another by the same step."""
    if len(rows) < 3:
        return len(rows)
    even = (rows[1:] - rows[:-1] == rows[1] - rows[0]).all(axis=1)
    return len(rows) if even.all() else int(np.argmin(even)) + 1


def affine_prefix(rows: NDArray[np.intp]) -> int:
    """Return the length of a prefix that two nested loops walk through.

    >>> affine_prefix(np.array([[0], [1], [10], [11], [7]]))
    4
    """
    run = straight_run(rows)
    block, end, stride = rows[:run] - rows[0], run, None
    while end + run <= len(rows):
        jump = rows[end] - rows[end - run]
        if (rows[end : end + run] - rows[end] != block).any() or (stride is not None and (jump != stride).any()):
            break
        stride, end = jump, end + run
    return end


def walk(loops: tuple[Loop, ...], columns: int) -> NDArray[np.intp]:
    """Return what loops walk through, from 0: the inverse of `fit`.

    >>> walk((Loop(2, (10,)), Loop(3, (1,))), 1).ravel()
    array([ 0,  1,  2, 10, 11, 12])
    """
    rows = np.zeros((1, columns), np.intp)
    for extent, strides in loops:
        rows = (rows[:, None] + np.arange(extent)[:, None] * np.array(strides, np.intp)).reshape(-1, columns)
    return rows
