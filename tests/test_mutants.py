"""Negative controls: a checker that has never failed is not a checker.

Promise 10: derivatives and sweeps broken on purpose are rejected by the finite-difference
checker; and each row of the table, broken on purpose, is caught by the laws in the other files.
"""

import pytest
import test_accuracy
import test_fast_paths
from support.checker import breadth_first, check, each_operand_once, sweep
from support.points import TABLE, probes

from autograd_lite import gradients, sin, tanh

POINTS = [(0.7, -0.4), (1.3, 0.9), (-0.2, 0.5)]
DIFFERENTIABLE = [row for row in TABLE if any(row.gradients) and row.name not in ("where", "chain", "gate")]


def shared(a, b):
    """`c` is met near the root and again far from it: an order that is not topological gets it wrong."""
    c = a * b
    d = sin(c)
    e = tanh(d) + a
    return e * c + d * d


def test_promise_10_the_checker_accepts_the_engine_and_the_sweep_by_hand():
    for point in POINTS:
        check(shared, point)
        check(shared, point, sweep)


def wrong(**parts):
    return lambda root, leaves: sweep(root, leaves, **parts)


MUTANTS = {
    "a derivative scaled by 1 + 1e-6": wrong(term=lambda upstream, local: upstream * local * (1 + 1e-6)),
    "= for +=": wrong(accumulate=lambda old, new: new),
    "breadth-first order": wrong(order=breadth_first),
    "a dropped repeated operand": wrong(pairs=each_operand_once),
    "a flipped sign": wrong(term=lambda upstream, local: -upstream * local),
    "a forgotten upstream gradient": wrong(term=lambda upstream, local: local),
    "local gradients in reverse": wrong(
        pairs=lambda pairs: [(o, g) for (o, _), (_, g) in zip(pairs, pairs[::-1], strict=True)]
    ),
    "a node visited twice": wrong(order=lambda root: [*breadth_first(root), root]),
}


@pytest.mark.parametrize("name", MUTANTS)
@pytest.mark.parametrize("point", POINTS)
def test_promise_10_the_checker_rejects(name, point):
    with pytest.raises(AssertionError):
        check(shared, point, MUTANTS[name])


@pytest.mark.parametrize("row", DIFFERENTIABLE, ids=lambda row: row.name)
def test_the_checker_accepts_every_row_and_the_gradient_of_its_gradient(row):
    """Recursion: the first derivative, taken as a function, is checked the same way."""
    for xs in probes(row, 3, "check"):
        check(row, xs)
        for i in range(len(xs)):

            def slope(*operands, i=i):
                if not hasattr(operands[0], "data"):
                    return row.partials(row(*operands), list(operands))[i]
                return gradients(row(*operands), list(operands), create_graph=True)[i]

            check(slope, xs)


def mutated(row, monkeypatch, change, *, text=True, fast=True):
    """Change every local gradient of a row, in its text, in its fast form, or in both."""
    if text and row.variadic:
        whole = row.gradients[0]
        monkeypatch.setattr(row, "gradients", (lambda y, *xs: [change(g) for g in whole(y, *xs)],))
    elif text:
        changed = [g and (lambda y, *xs, g=g: change(g(y, *xs))) for g in row.gradients]
        monkeypatch.setattr(row, "gradients", tuple(changed))
    if fast and row.float_gradients is not None:
        old = row.float_gradients
        monkeypatch.setattr(row, "float_gradients", lambda y, *xs: [g if g is None else change(g) for g in old(y, *xs)])
    monkeypatch.setattr(row, "_quiet", None)


CHANGES = {
    "scaled by 1 + 1e-6": lambda g: g * (1 + 1e-6),
    "scaled by 1 + 1e-14": lambda g: g * (1 + 1e-14),
    "of the other sign": lambda g: -1.0 * g,
    "zero": lambda g: 0.0 * g,
}


@pytest.mark.parametrize("row", [row for row in TABLE if any(row.gradients)], ids=lambda row: row.name)
@pytest.mark.parametrize(
    "name", [name if name.endswith("1e-14") else pytest.param(name, marks=pytest.mark.full) for name in CHANGES]
)
def test_the_ulp_law_catches_a_row_whose_gradient_is(name, row, monkeypatch):
    mutated(row, monkeypatch, CHANGES[name])
    with pytest.raises(AssertionError):
        test_accuracy.test_local_gradients_are_within_the_promised_ulps_of_the_truth(row, False)


@pytest.mark.parametrize("row", DIFFERENTIABLE, ids=lambda row: row.name)
def test_the_checker_catches_a_row_whose_gradient_is_off_by_one_in_a_million(row, monkeypatch):
    """By the sweep by hand: the engine's own spells `+` and `*` out, and would not see the change."""
    mutated(row, monkeypatch, CHANGES["scaled by 1 + 1e-6"])
    caught = 0
    for xs in probes(row, 8, "check"):
        try:
            check(row, xs, sweep)
        except AssertionError:
            caught += 1
    assert caught >= 2


@pytest.mark.parametrize("row", [row for row in TABLE if row.float_gradients], ids=lambda row: row.name)
@pytest.mark.parametrize("part", ["text", "fast"])
def test_the_fast_path_law_catches_a_change_to_one_of_two_forms(part, row, monkeypatch):
    one_ulp = CHANGES["scaled by 1 + 1e-14"]
    mutated(row, monkeypatch, one_ulp, text=part == "text", fast=part == "fast")
    with pytest.raises(AssertionError):
        test_fast_paths.test_float_gradients_equal_the_text_of_their_row(row)


@pytest.mark.parametrize("row", [row for row in TABLE if not any(row.gradients) and row.name != "detach"], ids=repr)
def test_the_ulp_law_catches_a_made_up_gradient_where_there_is_none(row, monkeypatch):
    monkeypatch.setattr(row, "gradients", (lambda y, *xs: 1e-9,) * len(row.gradients))
    with pytest.raises(AssertionError):
        test_accuracy.test_local_gradients_are_within_the_promised_ulps_of_the_truth(row, False)


@pytest.mark.parametrize("row", [row for row in TABLE if row.name != "detach"], ids=lambda row: row.name)
def test_the_value_law_catches_a_forward_that_is_off(row, monkeypatch):
    forward = row.forward
    monkeypatch.setattr(row, "forward", lambda *xs: forward(*xs) * (1 + 2e-14))
    with pytest.raises(AssertionError):
        test_accuracy.test_the_value_is_within_the_promised_ulps_of_the_truth(row, False)


SECOND = [
    row for row in DIFFERENTIABLE if row.name not in ("add", "sub", "neg", "identity", "sum", "abs", "relu", "floor")
]
SECOND = [row for row in SECOND if row.name not in ("maximum", "minimum", "max", "min", "clip")]


@pytest.mark.parametrize("row", SECOND, ids=lambda row: row.name)
def test_the_second_derivative_law_catches_a_gradient_cut_from_the_graph(row, monkeypatch):
    """A local gradient that answers with a number where a graph was asked for loses its own derivative."""
    detached = test_accuracy.ROWS["detach"]
    mutated(row, monkeypatch, detached, fast=False)
    with pytest.raises(AssertionError):
        test_accuracy.test_second_derivatives_agree_with_the_truth(row, False)
