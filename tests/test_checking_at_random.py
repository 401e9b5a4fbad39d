"""`check_gradients` on random functions: what is right is not rejected, what is wrong does not agree."""

import random

import pytest
from support.exact import true_gradients, true_values
from support.oracle import mp, nearest
from support.points import TABLE, points, probes
from support.wrong_gradients import functions, planted, slopes

from autograd_lite import GradientMismatch, Value, check_gradients
from autograd_lite.testing import Expression

ROWS_TO_CHECK = [row for row in TABLE if row.name != "detach"]  # whose gradient is no derivative, on purpose


def verdicts(f, *point, **options):
    try:
        return check_gradients(f, *point, **options).verdicts
    except GradientMismatch as mismatch:
        return mismatch.report.verdicts


@pytest.mark.parametrize("row", ROWS_TO_CHECK, ids=lambda row: row.name)
def test_every_row_agrees_where_differences_can_be_trusted(row, full_lane):
    for xs in probes(row, 300 if full_lane else 3, "check_gradients"):
        assert check_gradients(row, *xs).status == "agrees", xs


@pytest.mark.full
@pytest.mark.parametrize("row", ROWS_TO_CHECK, ids=lambda row: row.name)
def test_no_row_is_rejected_anywhere(row):
    """From 5e-324 to 1.7e308, at kinks and at the edges of domains."""
    for xs in points(row, 60):
        check_gradients(row, *xs)


@pytest.mark.parametrize("at_kinks", [False, True], ids=["anywhere", "at kinks"])
def test_a_right_gradient_is_never_rejected(at_kinks, many):
    count = 0
    for f, point in functions(f"right {at_kinks}", many(60, 2_500, 10_000), at_kinks=at_kinks):
        count += [verdict.status for verdict in check_gradients(f, *point).verdicts].count("agrees")
    assert count > 60


def test_a_right_gradient_of_a_black_box_is_never_rejected(many):
    """Away from kinks, that is: of conventions where several of them meet a stranger is not told."""
    for f, point in functions("black box", many(40, 1_000, 5_000)):
        if check_gradients(f, *point).status == "agrees":
            found = slopes(f, point)
            check_gradients(f, *point, gradient=lambda *xs, found=found: found)


@pytest.mark.parametrize("factor", [1 + 1e-6, 1 - 1e-6, -1.0, 2.0])
def test_a_wrong_local_gradient_never_agrees_and_its_row_is_named(factor, many):
    """Where the right one agrees, the wrong one differs, or is inconclusive for a reason."""
    r = random.Random(f"planted {factor}")
    seen = {"differs": 0, "inconclusive": 0}
    for f, point in functions(f"planted {factor}", many(40, 500, 2_000)):
        case = planted(f, point, factor, r)
        if case is None:
            continue
        wrong, row = case
        try:
            report = check_gradients(wrong, *point)
        except GradientMismatch as mismatch:
            report = mismatch.report
            assert row.name in report.fault, report
        for verdict, right in zip(report.verdicts, check_gradients(f, *point).verdicts, strict=True):
            moved = abs(verdict.analytic - right.analytic) > 0.5 * abs(factor - 1.0) * abs(right.analytic) > 0.0
            if moved and right.status == "agrees":
                assert verdict.status in seen, (f, point, report)
                assert verdict.reason or verdict.status == "differs"
                seen[verdict.status] += 1
    assert seen["differs"] > 5 * seen["inconclusive"], seen


@pytest.mark.parametrize("factor", [1 + 1e-6, -1.0])
def test_a_wrong_gradient_of_a_black_box_never_agrees(factor, many):
    seen = {"differs": 0, "inconclusive": 0}
    for f, point in functions(f"wrong {factor}", many(25, 500, 3_000)):
        right = check_gradients(f, *point)
        if right.status == "agrees":
            wrong = [factor * verdict.analytic for verdict in right.verdicts]
            for verdict in verdicts(f, *point, gradient=lambda *_, wrong=wrong: wrong):
                if verdict.analytic:
                    seen[verdict.status] += 1
    assert seen["differs"] > 5 * seen["inconclusive"], seen


def test_a_bound_holds_and_verdicts_are_right_against_50_digits(many):
    """Of black boxes, with the slope that mathematics knows: ours has no part in it."""
    seen = {"agrees": 0, "differs": 0}
    for f, point in functions("50 digits", many(20, 300, 5_000)):
        steps_of_floor = any(row.name == "floor" for row, _ in f.steps)  # some are finer than numbers lie
        if steps_of_floor or not isinstance(f(*map(Value, point)), Value):
            continue
        e = Expression(f, *point)
        try:
            slopes = true_gradients(e, true_values(e))
        except ZeroDivisionError:  # hypot(0, 0), a kink: there the oracle knows no convention
            continue
        if not all(isinstance(slope, mp.mpf) for slope in slopes):  # x**y in y, x < 0
            continue
        for factor in (1.0, 1.0 + 1e-6, -1.0):
            given = [nearest(factor * slope) for slope in slopes]
            for verdict, slope in zip(verdicts(f, *point, gradient=lambda *_, given=given: given), slopes, strict=True):
                if verdict.numeric is not None and verdict.status in seen:
                    assert abs(mp.mpf(verdict.numeric) - slope) <= verdict.error, (f, point, verdict)
                if abs(slope) > 1e-9:
                    assert verdict.status != ("differs" if factor == 1.0 else "agrees"), (f, point, verdict)
                seen[verdict.status] = seen.get(verdict.status, 0) + 1
    assert min(seen["agrees"], seen["differs"]) > 5 * seen.get("inconclusive", 0), seen
