"""The verdict on one number of a gradient: it agrees, it differs, it stands at a kink, or one cannot tell."""

from __future__ import annotations

from math import copysign, inf, isfinite, log10

from autograd_lite.differences import FIRST, RATIO, SMALL, Samples, Slope
from autograd_lite.evaluations import RowAt
from autograd_lite.formulas import expression
from autograd_lite.graph import numbers_of
from autograd_lite.notation import numeral
from autograd_lite.primitives import Primitive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from autograd_lite.evaluations import Evaluation

AGREES, KINK, INCONCLUSIVE, DIFFERS = "agrees", "at a kink", "inconclusive", "differs"
STATUSES = (AGREES, KINK, INCONCLUSIVE, DIFFERS)
"""From good to bad; only the last one fails a check."""

BEND, JUMP = "kink", "jump"
SINGLE = 2.0**-23
COMPLEX_STEPS = (1e-30, 1.37e-30, 0.61e-30)  # relative; nothing is subtracted, so no step is too short
MOST_DIGITS = 16
SHORT = 0.02  # steps: a function that is flat over shorter ones may be so between two jumps
TOO_NEAR = 4  # steps: so many must fit between a point and a kink to tell a slope
DIGITS, LONGEST = 6, 40


class Verdict:
    """What differences say about one number of a gradient.

    Attributes:
        name: of the variable; x: where it stands.
        analytic: the gradient that is checked.
        numeric: the slope that differences find, None where they find none.
        error: a bound of the error of `numeric`.
        method: "central", "right" or "left" (one side only), "complex" (step).
        status: "agrees", "at a kink", "inconclusive", "differs".
        reason: why it is not "agrees", in words.
        left, right: the slopes on both sides, at a kink; None elsewhere.
    """

    __slots__ = ("analytic", "error", "left", "method", "name", "numeric", "reason", "right", "status", "x")

    def __init__(self, name: str, x: float, analytic: float) -> None:
        self.name, self.x, self.analytic = name, x, analytic
        self.numeric: float | None = None
        self.error = inf
        self.method = self.reason = ""
        self.status = INCONCLUSIVE
        self.left: float | None = None
        self.right: float | None = None

    @property
    def digits(self) -> float:
        """How many significant digits agree; 16 for equal numbers, 0 where there is no number to compare."""
        if self.numeric is None or not (isfinite(self.numeric) and isfinite(self.analytic)):
            return 0.0
        return _digits(abs(self.analytic - self.numeric), max(abs(self.analytic), abs(self.numeric)))

    @property
    def digits_of_numeric(self) -> float:
        """How many significant digits the bound of the error leaves to the numeric value."""
        if self.numeric is None or not isfinite(self.numeric):
            return 0.0
        return _digits(self.error, abs(self.numeric))

    def __repr__(self) -> str:
        return f"<{self.name}: {self.analytic!r} {self.status}, numeric {self.numeric!r} +- {self.error:.0e}>"


def _digits(gap: float, size: float) -> float:
    if gap == 0.0:
        return float(MOST_DIGITS)
    return min(float(MOST_DIGITS), max(0.0, -log10(gap / size))) if size else 0.0


def verdict_on(evaluation: Evaluation, i: int, rtol: float) -> Verdict:
    """Return the verdict on the i-th number of the gradient of an evaluation."""
    case = _Case(evaluation, i, rtol)
    if not isfinite(evaluation.value) or not isfinite(case.verdict.x):
        case.say(INCONCLUSIVE, f"the function is {evaluation.value!r} here, and has no slope")
    else:
        case.samples.run(case.is_settled)
        case.decide()
        if case.verdict.status == DIFFERS:
            case.excuse()
    return case.verdict


class _Case:
    """All that is known about one number of a gradient while the verdict on it is found."""

    def __init__(self, evaluation: Evaluation, i: int, rtol: float) -> None:
        self.evaluation, self.i, self.rtol = evaluation, i, rtol
        x, self.analytic = evaluation.numbers[i], evaluation.analytic[i]
        self.verdict = Verdict(evaluation.names[i], x, self.analytic)
        self.samples = Samples(
            lambda at: evaluation.at(i, at), x, evaluation.value, evaluation.epsilon, evaluation.noise
        )

    def smooth(self) -> tuple[Slope | None, Slope | None, Slope | None]:
        """Return the best slope from samples on this side of every kink, and those of both sides."""
        right, left = self.samples.slope("right"), self.samples.slope("left")
        central = self.samples.slope("central")
        if central and self.is_precise(central, 0.1):
            return central, left, right
        found = [slope for slope in (central, right, left) if slope]
        return min(found, key=lambda slope: slope.error, default=None), left, right

    def is_settled(self, samples: Samples) -> bool:
        """True where more samples would change nothing."""
        best, left, right = self.smooth()
        if best is None or self.are_apart(left, right) or self.is_growing() or self.unsettled(left, right):
            return False
        if best.method != "central" and self.crossed():  # a kink at hand: see the other side
            return False
        if best.constant and not samples.rows.keys() & {0, 1}:  # (1e8 + x) - 1e8 is 0 at 1e-12: look further
            return False
        return self.is_precise(best, 0.1) and not self.is_off(best)  # what differs is looked at from all distances

    def decide(self) -> None:
        best, left, right = self.smooth()
        if best and best.method != "central" and self.crossed():
            left, right = self.side("left"), self.side("right")
        if self.is_growing():
            self.at_kink(self.side("left"), self.side("right"))
        elif self.are_apart(left, right):
            self.at_kink(left, right)
        elif sides := self.unsettled(left, right):
            self.say(INCONCLUSIVE, f"on the {sides}, quotients of ever shorter steps settle on no slope{self.beyond()}")
        elif best and (self.is_precise(best) if isfinite(self.analytic) else not isfinite(best.value)):
            self.compare(best)
        else:
            left, right = self.side("left"), self.side("right")
            infinite = any(slope and not isfinite(slope.value) for slope in (left, right))
            if infinite or self.are_apart(left, right) or (left and right and self.crossed()):
                self.at_kink(left, right)
            elif best is None and (one := left or right) and self.crossed():
                self.at_kink_and_edge(one)
            elif best is None:
                self.say(INCONCLUSIVE, f"differences find no slope{self.beyond()}")
            elif not isfinite(self.analytic):
                self.not_finite(best)
            else:
                self.compare(self.by_complex_step(best))

    def unsettled(self, left: Slope | None, right: Slope | None) -> str:
        """Return the sides on which no bound of the error is known, in words: "left", "left and right", ""."""
        sides = {"left": left, "right": right}
        return " and ".join([side for side, slope in sides.items() if slope and slope.error == inf])

    def is_precise(self, slope: Slope, share: float = 0.25) -> bool:
        """True where the slope would tell the analytic value from rtol times it more."""
        if not isfinite(slope.value):
            return True
        size = max(abs(slope.value), abs(self.analytic) if isfinite(self.analytic) else 0.0)
        if self.analytic == 0.0 and abs(slope.value) <= slope.error:  # what 0 is measured by
            size = self.samples.steepness()
        return slope.error <= max(share * self.rtol * size, 0.0 if self.analytic else SMALL)

    # ---- where differences give a number

    def say(self, status: str, reason: str = "") -> None:
        self.verdict.status, self.verdict.reason = status, reason

    def show(self, slope: Slope) -> None:
        self.verdict.numeric, self.verdict.error, self.verdict.method = slope.value, slope.error, slope.method

    def compare(self, slope: Slope) -> None:
        if self.may_be_rough(slope) and (jump := self.samples.jump(slope)):
            self.compare_beyond(jump, slope)
        else:
            self.judge(slope)

    def may_be_rough(self, slope: Slope) -> bool:
        """True where rounding inside of the function could mislead: where few samples did not do, or look flat."""
        if self.evaluation.knows_kinks or not isfinite(slope.value):
            return False
        return len(self.samples.rows) > FIRST or (slope.constant and slope.step < SHORT) or self.is_off(slope)

    def compare_beyond(self, jump: float, slope: Slope) -> None:
        """Compare with the slope between jumps, and with that over steps so long that they do not matter."""
        fits = not self.is_off(slope)
        self.samples.expect(jump)
        far = self.smooth()[0] or slope
        self.judge(far)
        if fits == self.is_off(far) or self.verdict.status == INCONCLUSIVE:  # it is the one, not the other
            self.say(INCONCLUSIVE, f"the function jumps by {numeral(jump, 2)} around here, as if rounded inside")
        elif self.verdict.status == DIFFERS and self.is_precise(slope) and not slope.constant:  # as of floor(x) + x
            self.show(slope)
            self.say(DIFFERS, in_proportion(self.analytic, slope.value, slope.error))

    def judge(self, slope: Slope) -> None:
        self.show(slope)
        if self.is_off(slope) and self.is_sure(slope):
            self.say(DIFFERS, in_proportion(self.analytic, slope.value, slope.error))
        elif self.is_precise(slope) and not self.is_off(slope):
            self.say(AGREES)
        elif self.samples.says_nothing(slope):
            self.verdict.numeric, self.verdict.error, self.verdict.method = None, inf, ""
            self.say(INCONCLUSIVE, f"differences find no slope{self.beyond()}")
        elif self.is_off(slope):  # what their bound excludes may be true all the same, so there is none
            self.verdict.error = inf
            self.say(INCONCLUSIVE, f"differences find another number, and cannot be sure of it{self.beyond()}")
        else:
            digits = int(self.verdict.digits_of_numeric)
            known = f"good for {digits} digit{'s' * (digits != 1)} only" if digits else "all rounding error"
            single = "; float32 asks for rtol=1e-3" * (self.evaluation.epsilon == SINGLE and self.rtol < 1e-3)
            self.say(INCONCLUSIVE, f"the numeric value is {known}{single}{self.beyond()}")

    def is_off(self, slope: Slope) -> bool:
        """True where the gradient lies outside of what the slope leaves open."""
        if self.analytic == slope.value or not isfinite(slope.value):
            return self.analytic != slope.value
        slack = 0.1 * self.rtol * max(abs(self.analytic), abs(slope.value))
        return not abs(self.analytic - slope.value) <= slope.error + slack

    def is_steeper_than_seen(self, slope: Slope) -> bool:
        return slope.steepest != 0.0 and isfinite(self.analytic) and abs(self.analytic) > 0.5 * abs(slope.steepest)

    def is_sure(self, slope: Slope) -> bool:
        if self.is_steeper_than_seen(slope):
            return False
        gap, samples = abs(self.analytic - slope.value), self.samples
        if gap != gap:
            gap = inf
        if 0.0 < abs(self.verdict.x) < samples.shortest():  # x is nothing beside any step
            return False
        if slope.method == "central":  # the mean of both sides: their difference must not hide the gap
            bend = samples.slope("bend")
            if bend is None or gap < 2.0 * (abs(bend.value) + bend.error):
                return False
            if abs(slope.value) <= slope.error:
                left, right = samples.slope("left"), samples.slope("right")
                if not (left and right and samples.shows(left, gap) and samples.shows(right, gap)):
                    return False
        return samples.shows(slope, gap)

    def is_growing(self) -> bool:
        """True where quotients of a side grow without bound: at a jump, or where the slope is infinite."""
        return any(self.samples.growth(side) for side in ("left", "right"))

    def are_apart(self, a: Slope | None, b: Slope | None) -> bool:
        """True where two slopes are there and differ by more than their errors."""
        if a is None or b is None or a.value == b.value:
            return False
        if not (isfinite(a.value) and isfinite(b.value)):
            return True
        gap = abs(a.value - b.value)
        if gap <= a.error + b.error + 1e-8 * max(abs(a.value), abs(b.value)):
            return False
        return self.samples.shows(a, gap) and self.samples.shows(b, gap)

    def by_complex_step(self, slope: Slope) -> Slope:
        """Return the slope by imaginary steps, where the function takes them and differences confirm it.

        Im f(x + ih) / h (Squire and Trapp 1998): no difference, so no cancellation. A function
        that is not analytic would mislead it: two digits of a difference must be there and agree.
        """
        if not slope.error < 1e-2 * abs(slope.value):
            return slope
        x, found = self.verdict.x, []
        for relative in COMPLEX_STEPS:
            h = relative * (abs(x) or 1.0)
            y = self.evaluation.at_complex(self.i, complex(x, h)) if h else None
            if y is None or not isfinite(y.imag / h):
                return slope
            found.append(y.imag / h)
        value = found[0]
        error = 8.0 * (max(found) - min(found)) + 2.0**-48 * abs(value)
        if error < slope.error and abs(value - slope.value) <= slope.error:
            return Slope(value, error, "complex")
        return slope

    def beyond(self) -> str:
        """Say what stands in the way of differences, "" for nothing."""
        return f"; {self.place()}" if self.crossed() else self.failure("; ")

    def failure(self, before: str) -> str:
        failed = self.evaluation.failure.get(self.i)
        return f"{before}near it: {failed[1]!s:.60}" if failed else ""

    # ---- where they give one on each side, or none

    def side(self, side: str) -> Slope | None:
        """Return the slope on a side, whatever lies between; infinite where quotients grow without bound."""
        return self.samples.growth(side) or self.samples.slope(side) or self.samples.slope(side, clean=False)

    def at_kink(self, left: Slope | None, right: Slope | None) -> None:
        """Judge where any number between the slopes of both sides would do."""
        v = self.verdict
        sides = [slope for slope in (left, right) if slope]
        ends = [slope for slope in sides if not slope.jump]
        v.left = left.value if left in ends else None
        v.right = right.value if right in ends else None
        if not isfinite(self.analytic):
            allowed = [self.analytic]
            if v.x == 0.0 and copysign(1.0, v.x) < 0.0:  # 0.5 / sqrt(-0.0) is -inf
                allowed.append(-self.analytic)
            equal = [slope for slope in ends if slope.value in allowed]
            finite = [slope for slope in ends if isfinite(slope.value)] or ends
            if equal:
                self.show(equal[0])
                self.say(KINK, self.place())
            else:
                self.not_finite(min(finite, key=lambda slope: slope.error, default=None))
        elif not ends:  # what a row of the table says at its own jump is known to be a convention
            self.say(KINK if self.crossed() else INCONCLUSIVE, f"{self.place(JUMP)}, on both sides")
        elif len(ends) == 2 and not self.are_apart(*ends):
            best = min(ends, key=lambda slope: slope.error)
            self.compare(best)
        else:
            self.show(min(ends, key=lambda slope: (abs(slope.value - self.analytic), slope.error)))
            slack = 0.1 * self.rtol * max([abs(slope.value) for slope in ends if isfinite(slope.value)], default=0.0)
            low = min(slope.value - slope.error for slope in ends) - slack
            high = max(slope.value + slope.error for slope in ends) + slack
            place = f"{self.place(BEND if len(ends) == len(sides) else JUMP)}{self.slopes()}"
            if low <= self.analytic <= high:
                self.say(KINK, place)
            elif any(self.is_steeper_than_seen(slope) for slope in ends):
                self.say(INCONCLUSIVE, f"{place}, or steeper than differences can tell")
            else:
                self.say(DIFFERS, f"{place}; the gradient {'does not lie between' if len(ends) == 2 else 'is not'}")

    def at_kink_and_edge(self, slope: Slope) -> None:
        """Judge at a kink with no values on its other side."""
        self.show(slope)
        if self.is_off(slope):
            self.say(INCONCLUSIVE, f"{self.place()}, with no values on its other side{self.failure('; ')}")
        else:
            self.say(KINK, self.place())

    def not_finite(self, best: Slope | None) -> None:
        """Judge a gradient that is inf or nan where the slope is not infinite as well."""
        if best:
            self.show(best)
        if best and self.is_sure(best):
            self.say(DIFFERS, f"the gradient is {self.analytic!r}, the slope is not")
        else:
            self.say(INCONCLUSIVE, f"the gradient is {self.analytic!r}; differences are too rough to tell")

    def excuse(self) -> None:
        """Look at a difference again: where every local gradient is right, it may be what they have agreed on.

        At several kinks at once, or where 0 meets inf, the chain rule need not give a slope; and where
        large terms cancel, what is left of a right gradient is rounding.
        """
        crossed = self.crossed()
        vague = crossed and not self.evaluation.vague.isdisjoint({(self.i, False), (self.i, True)})
        if not self.evaluation.order and not vague:
            return
        infinite = unsure = None
        for node, local in local_verdicts(self.evaluation, self.rtol):
            if local.status == DIFFERS:
                return
            if infinite is None and not isfinite(local.analytic):
                infinite = node, local
            elif local.status == INCONCLUSIVE:
                unsure = node
        gap = abs(self.analytic - self.verdict.numeric) if self.verdict.numeric is not None else inf
        if isfinite(gap) and gap <= (rounding := self.evaluation.rounding_of_gradient(self.i)) < inf:
            self.say(INCONCLUSIVE, f"by rounding alone the gradient may be off by {numeral(rounding, 2)}: error_budget")
            return
        found = self.evaluation.chain_rule()[self.i]
        if not is_same(found, self.analytic, self.rtol):
            return
        if vague:
            self.say(INCONCLUSIVE, f"{self.place()}, too near to others or to the point to tell its slopes")
        elif infinite:
            node, local = infinite
            if local.status == AGREES:
                self.say(INCONCLUSIVE, f"the local gradient of {in_words(node)} is larger than any float here")
            else:
                what = f"{in_words(node)} is {local.analytic!r} here"
                self.say(KINK, f"the local gradient of {what}: no chain rule holds")
        elif crossed and None not in crossed:
            self.say(KINK, f"{self.place()}{self.slopes()}; the gradient is what the kinks have agreed on")
        elif unsure:
            self.say(INCONCLUSIVE, f"differences cannot tell the local gradient of {in_words(unsure)}")

    def crossed(self) -> list[Any]:
        """Return what is too near to keep away from: nodes at a kink, None for a branch of Python's own."""
        near = self.samples.shortest() * RATIO**TOO_NEAR
        sides = [self.evaluation.crossings.get((self.i, ahead), (inf, ())) for ahead in (False, True)]
        return list(dict.fromkeys(thing for distance, things in sides if distance <= near for thing in things))

    def slopes(self) -> str:
        """Say what the slopes on both sides are."""
        left, right = self.verdict.left, self.verdict.right
        known = [(left, "left"), (right, "right")]
        said = [f"{numeral(slope, DIGITS)} on the {side}" for slope, side in known if slope is not None]
        return f": the slope is {', '.join(said)}" if said else ""

    def place(self, kind: str = BEND) -> str:
        """Say where the function is not smooth."""
        crossed = self.crossed()
        if None in crossed:
            return "at a branch of Python's own (`if`, `max`, a loop)"
        if crossed:
            return f"at a {kind} of {' and '.join(dict.fromkeys(map(in_words, crossed[:3])))}"
        failed = self.evaluation.failure.get(self.i)
        if failed and (self.verdict.left is None or self.verdict.right is None):
            row = getattr(failed[1], "primitive", "")
            return f"at the edge of the domain{f' of {row}' if row else ''}"
        if inf in (self.verdict.left, self.verdict.right) or -inf in (self.verdict.left, self.verdict.right):
            return "where the slope is infinite"
        for node, local in local_verdicts(self.evaluation, self.rtol):
            if local.status == KINK:
                return f"at a {kind} of {in_words(node)}"
        elsewhere = " of no row: a branch of Python's own (`if`, `max`)" if self.evaluation.order else ""
        return f"at a {kind}{elsewhere}"


def is_same(a: float, b: float, rtol: float) -> bool:
    """True for numbers that are equal up to rtol, both nan, or the same infinity.

    >>> is_same(1.0, 1.0 + 1e-9, 1e-6), is_same(inf, inf, 1e-6), is_same(inf, 1.0, 1e-6)
    (True, True, False)
    """
    return a == b or (a != a and b != b) or abs(a - b) <= rtol * min(abs(a), abs(b))


def in_proportion(analytic: float, numeric: float, error: float) -> str:
    """Say what the gradient is in terms of the slope, where that is a plain number.

    >>> in_proportion(-3.0, 3.0, 1e-12), in_proportion(6.0, 3.0, 1e-12), in_proportion(0.0, 3.0, 1e-12)
    ('the sign is wrong', '2 times the slope', 'the gradient is 0')
    """
    if not isfinite(analytic):
        return f"the gradient is {analytic!r}"
    if analytic == 0.0:
        return "the gradient is 0"
    if not abs(numeric) > 1e3 * error:
        return "the slope is 0" if abs(numeric) <= error else ""
    times = analytic / numeric
    if abs(times + 1.0) < 1e-6:
        return "the sign is wrong"
    return f"{times:.9g} times the slope" if 1e-3 < abs(times) < 1e3 else ""


def in_words(node: Any) -> str:
    """Return the operation of a node and where it is: "relu (node 'h3')"."""
    if isinstance(node, Primitive):
        return node.name
    name = node.primitive.name
    if node.label:
        return f"{name} (node {node.label!a})"
    text = str(expression(node))
    return text if len(text) <= LONGEST and "\n" not in text else name


def local_verdicts(evaluation: Evaluation, rtol: float) -> Iterator[tuple[Any, Verdict]]:
    """Yield a verdict on every local gradient of a recorded graph, operands before their users; each is found once."""
    if evaluation.parts is None:
        evaluation.parts = _local_verdicts(evaluation, rtol)
    yield from evaluation.judged
    for part in evaluation.parts:
        evaluation.judged.append(part)
        yield part


def _local_verdicts(evaluation: Evaluation, rtol: float) -> Iterator[tuple[Any, Verdict]]:
    seen = set()
    for node in evaluation.order:
        numbers = numbers_of(node)
        key = (node.primitive, *numbers)
        if node.is_leaf or key in seen:
            continue
        seen.add(key)
        row = RowAt(node.primitive, numbers, node.data)
        for k, operand in enumerate(node.operands):
            if operand.__class__ is not float:
                yield node, verdict_on(row, k, rtol)
