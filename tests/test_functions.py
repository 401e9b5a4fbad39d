"""Compositions of rows against 50 digits: values to 4 ulp and their own rounding, gradients likewise."""

import math
import random

import pytest
from support.oracle import mp, ulps

from autograd_lite import (
    Value,
    bce,
    bce_logits,
    cross_entropy,
    dot,
    gradients,
    log_softmax,
    logsumexp,
    mean,
    norm,
    select,
    softmax,
)
from autograd_lite.errors import ArgumentError


def shares(zs):
    with mp.workdps(400):
        weights = [mp.exp(mp.mpf(z)) for z in zs]
        total = mp.fsum(weights)
        return [w / total for w in weights]


def lists(count, spread, seed):
    """Lists of numbers on a grid of 1/64, so that differences of two are exact."""
    r = random.Random(seed)
    return [[round(r.uniform(-spread, spread) * 64) / 64 for _ in range(r.randint(2, 6))] for _ in range(count)]


@pytest.mark.parametrize("spread", [1.0, 20.0, 300.0])
def test_softmax_is_accurate_in_every_output_and_every_derivative(spread):
    for zs in lists(15, spread, "softmax"):
        truth = shares(zs)
        assert all(ulps(y, t) <= 4 for y, t in zip(softmax(zs), truth, strict=True))
        leaves = [Value(z) for z in zs]
        for k, y in enumerate(softmax(leaves)):
            for j, g in enumerate(gradients(y, leaves)):
                rest = mp.fsum(t for i, t in enumerate(truth) if i != k)
                assert ulps(g, truth[k] * rest if j == k else -truth[k] * truth[j]) <= 16


@pytest.mark.parametrize("spread", [1.0, 20.0, 300.0])
def test_cross_entropy_and_log_softmax_are_accurate_at_both_ends(spread):
    for zs in lists(15, spread, "cross_entropy"):
        truth = shares(zs)
        for k in range(len(zs)):
            with mp.workdps(400):
                loss = -mp.log(truth[k]) if truth[k] < 0.5 else -mp.log1p(-mp.fsum(truth[:k] + truth[k + 1 :]))
            assert ulps(cross_entropy(zs, k), loss) <= 4
            assert ulps(log_softmax(zs)[k], -loss) <= 4
            leaves = [Value(z) for z in zs]
            for j, g in enumerate(gradients(cross_entropy(leaves, k), leaves)):
                others = mp.fsum(t for i, t in enumerate(truth) if i != k)
                assert ulps(g, -others if j == k else truth[j]) <= 8


@pytest.mark.parametrize("target", [0.0, 0.3, 1 - 2**-50, 1.0])
def test_binary_cross_entropies_are_accurate(target):
    t = mp.mpf(target)
    for p in (1e-300, 1e-10, 0.1, 0.5, 0.75, 1 - 2**-50):
        with mp.workdps(400):
            truth = -t * mp.log(mp.mpf(p)) - (1 - t) * mp.log(1 - mp.mpf(p))
            slope = (mp.mpf(p) - t) / (mp.mpf(p) * (1 - mp.mpf(p)))
        assert ulps(bce(p, target), truth) <= 4
        for given in (target, Value(target)):  # as data, it must not be decided on
            x = Value(p)
            y = bce(x, given)
            assert ulps(y.data, truth) <= 4
            assert ulps(gradients(y, [x])[0], slope, scale=max(t / p, (1 - t) / (1 - mp.mpf(p)))) <= 4
    for z in (-700.0, -40.0, -1.5, 0.25, 3.0, 36.0, 700.0):
        with mp.workdps(400):
            sigma = 1 / (1 + mp.exp(-mp.mpf(z)))
            rest = 1 / (1 + mp.exp(mp.mpf(z)))
            truth = -t * mp.log(sigma) - (1 - t) * mp.log(rest)
            slope = (1 - t) * sigma - t * rest
        assert ulps(bce_logits(z, target), truth) <= 4
        for given in (target, Value(target)):
            x = Value(z)
            y = bce_logits(x, given)
            assert ulps(y.data, truth) <= 4
            assert ulps(gradients(y, [x])[0], slope, scale=max(t * rest, (1 - t) * sigma)) <= 4


def test_means_norms_and_dot_products_are_accurate():
    for xs in lists(20, 3.0, "mean"):
        exact = [mp.mpf(x) for x in xs]
        assert ulps(mean(xs), mp.fsum(exact) / len(xs)) <= 1
        assert ulps(norm(xs), mp.sqrt(mp.fsum(x * x for x in exact))) <= 1
        assert ulps(dot(xs, xs[::-1]), mp.fsum(a * b for a, b in zip(exact, exact[::-1], strict=True))) <= 1
        leaves = [Value(x) for x in xs]
        assert gradients(mean(leaves), leaves) == [1.0 / len(xs)] * len(xs)
        assert gradients(dot(leaves, xs[::-1]), leaves) == xs[::-1]


def test_the_gradient_of_logsumexp_is_softmax():
    for zs in lists(20, 30.0, "logsumexp"):
        leaves = [Value(z) for z in zs]
        assert gradients(logsumexp(leaves), leaves) == pytest.approx(softmax(zs), rel=1e-14)


def test_the_hessian_of_logsumexp_has_rows_that_add_up_to_zero():
    """It is diag(s) - s s', and shifting every logit changes nothing."""
    for zs in lists(10, 5.0, "hessian"):
        leaves = [Value(z) for z in zs]
        for first in gradients(logsumexp(leaves), leaves, create_graph=True):
            assert sum(gradients(first, leaves)) == pytest.approx(0.0, abs=1e-16)


def test_second_derivatives_do_not_die_where_one_logit_wins():
    z = [Value(40.0), Value(0.0)]
    by_first, _ = gradients(cross_entropy(z, 0), z, create_graph=True)
    truth = 4.248354255291589e-18
    assert gradients(by_first, z) == pytest.approx([truth, -truth], rel=1e-14)


def test_select_takes_what_the_index_names_and_its_gradient_goes_there():
    items = [Value(x) for x in (10.0, 20.0, 30.0)]
    index = Value(2.0)
    chosen = select(items, index)
    assert chosen.data == 30.0
    assert gradients(chosen, items) == [0.0, 0.0, 1.0]
    assert select(items, 1) is items[1]
    assert [x.data for x in select([items[:2], items[1:]], index - 1.0)] == [20.0, 30.0]
    index.data = 0.0
    assert chosen.forward() == 10.0
    index.data = 3.0  # no such item: not a made-up number
    with pytest.raises(ZeroDivisionError):
        chosen.forward()
    for bad in (3.0, -1.0, 0.5):
        with pytest.raises(ArgumentError, match=r"select: the index must be a whole number in 0\.\.2"):
            select(items, Value(bad))


@pytest.mark.parametrize("logits", [[0.5, -1.0, 2.0], [40.0, 0.0, 1.0], [-700.0, 700.0, 3.0]])
@pytest.mark.parametrize("target", [0, 1, 2])
def test_cross_entropy_of_a_target_that_is_data(logits, target):
    """The same value and gradient as for a plain index, exact where the target wins."""
    plain, traced = [Value(z) for z in logits], [Value(z) for z in logits]
    expected, found = cross_entropy(plain, target), cross_entropy(traced, Value(float(target)))
    assert found.data == expected.data
    want, have = gradients(expected, plain), gradients(found, traced)
    assert all(math.isclose(a, b, rel_tol=1e-14) for a, b in zip(want, have, strict=True))
