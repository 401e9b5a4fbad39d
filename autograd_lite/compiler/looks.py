"""Looks: how often the like of a result occurs, which tells what belongs to a sample from what samples share.

Two results look alike where they are computed by the same operations from the same leaves, any
constant being as good as another: those of one place in all samples. A sum over the batch, and
what is made of it alone, occurs once, or as often as there are such sums.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from autograd_lite.compiler.normal import Normal

    Hash = NDArray[np.uint64]

TRIES = 4
"""How many numbers are tried that what samples share may occur at most."""

DEEPEST = 2000
"""Operations of a sample that need one another, at most: each takes as long as thousands side by side."""


def guesses(normal: Normal) -> Iterator[tuple[NDArray[np.bool_], list[NDArray[np.intp]]]]:
    """Yield which operations may belong to samples, and all in orders that may be the same in every sample.

    The others are sums over samples and what is made of them. Parameters are told apart at first; then
    not, for samples that choose among them. An order is that of the tape, or by looks, since in a graph
    that was walked through from its root the first sample comes in another order than the rest.
    """
    levels = list(islice(_levels(normal), DEEPEST + 1))
    if len(levels) > DEEPEST:
        return
    level = np.zeros(len(normal.code), np.intp)
    for k, ops in enumerate(levels):
        level[ops] = k
    user, operand = normal.edges()
    for apart in (True, False):
        look, terms = _looks(normal, levels, apart)
        _, which, count = np.unique(look[normal.leaves : -1], return_inverse=True, return_counts=True)
        often = count[which.ravel()]
        gathers_alike = _repeats(normal, terms) & normal.gathers()
        by_look = np.lexsort((_uses(normal, look), look[normal.leaves : -1], level))
        for most in np.unique(often)[:TRIES].tolist():
            inside = often > most
            # What is made of results of a sample is the sample's, unless it gathers those of several.
            rising = ~inside & ~gathers_alike
            above = np.nonzero(rising[user])[0]
            while len(reached := np.unique(user[above[inside[operand[above]]]])):
                inside[reached] = True
                above = above[~inside[user[above]]]
            if 2 * inside.sum() > len(inside):
                yield inside, [np.arange(len(inside)), by_look]


def _levels(normal: Normal) -> Iterator[NDArray[np.intp]]:
    """Yield the operations, operands before users: those whose operands have all been yielded."""
    n = len(normal.code)
    user, operand = normal.edges()
    waiting = np.bincount(user, minlength=n)
    user = user[np.argsort(operand, kind="stable")]
    count = np.bincount(operand, minlength=n)
    first = np.cumsum(count) - count
    ready = np.nonzero(waiting == 0)[0]
    while len(ready):
        yield ready
        users, less = np.unique(user[_spans(first[ready], count[ready])], return_counts=True)
        waiting[users] -= less
        ready = users[waiting[users] == 0]


def _spans(first: NDArray[np.intp], count: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return `count` numbers from `first` on, for each of them, one after the other."""
    start = np.cumsum(count) - count
    spans: NDArray[np.intp] = np.arange(count.sum()) + np.repeat(first - start, count)
    return spans


def _looks(normal: Normal, levels: list[NDArray[np.intp]], apart: bool) -> tuple[Hash, Hash]:
    """Return the look of every node, and of every term of an operation, as numbers that differ where looks do."""
    tape, leaves = normal.tape, normal.leaves
    constants = len(tape.constants)
    look = np.zeros(len(normal) + 1, np.uint64)  # the last of no operand
    name = np.arange(leaves)
    name[:constants] = 0
    if not apart:
        name[constants : constants + tape.parameters] = 1
    look[:leaves] = _mixed(name.astype(np.uint64) + np.uint64(1))
    terms = np.zeros(len(normal.a), np.uint64)
    code = _mixed((normal.code + 2).astype(np.uint64))
    arity = np.diff(normal.first)
    for ops in levels:
        count = arity[ops]
        span, start = _spans(normal.first[ops], count), np.cumsum(count) - count
        place = np.arange(len(span)) - np.repeat(start, count)
        a, b = look[normal.a[span]], look[normal.b[span]]
        terms[span] = _mixed(a + _mixed(b + normal.role[span].astype(np.uint64)))
        ordered = _mixed(terms[span] + place.astype(np.uint64))
        look[leaves + ops] = _mixed(code[ops] + np.add.reduceat(ordered, start))
    return look, terms


def _uses(normal: Normal, look: Hash) -> Hash:
    """Return for every operation how its users look: results that look alike may have different ones."""
    user, operand = normal.edges()
    uses = np.zeros(len(normal.code), np.uint64)
    np.add.at(uses, operand, _mixed(look[normal.leaves + user]))
    return uses


def _mixed(x: Hash) -> Hash:
    """Return other numbers, one for each (splitmix64; overflow is meant)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _repeats(normal: Normal, terms: Hash) -> NDArray[np.bool_]:
    """Return which operations have two terms that look alike, results of others among them."""
    user = np.repeat(np.arange(len(normal.code)), np.diff(normal.first))
    inner = np.nonzero(np.maximum(normal.a, normal.b) >= normal.leaves)[0]
    key = _mixed(terms[inner] + _mixed(user[inner].astype(np.uint64)))
    order = np.argsort(key)
    twice = inner[order[1:][key[order[1:]] == key[order[:-1]]]]
    found = np.zeros(len(normal.code), bool)
    found[user[twice]] = True
    return found
