"""Slopes by finite differences: a number, a bound of its error, and how it was found.

A function of one number is sampled at steps of every size, on both sides. Quotients of
neighbouring steps are extrapolated to step 0 (Richardson; the step by the smallest estimated
error, as Ridders 1982). A bound of the error is believed only if the shorter steps do not
contradict it: they show rounding noise as it is, and a period that the longer ones missed.
"""

from __future__ import annotations

from itertools import pairwise
from math import copysign, frexp, inf, isfinite, ldexp, log, nan, ulp
from operator import itemgetter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

RATIO = 4.23606797749979  # of two steps: the golden ratio cubed, so that no period fits into several
DEEPEST = 5  # columns of the extrapolation table
FIRST, FINER, FINEST, LONGER = 8, 8, 20, 8  # how many steps are tried, and how many more where they do not suffice
TREND = 6  # changes of the quotient, above noise, from which one tells how fast they fall
WITNESSES = 2  # shorter steps that must be there to contradict an estimate
TINIEST = 5e-324
SMALL = 1e-300  # numbers below have few digits, or none beside their noise
POWERS = {"central": 2, "right": 1, "left": 1, "bend": -1}
SAFETY_TRUNCATION, SAFETY_SCATTER, SAFETY_NOISE, SAFETY_HIDDEN = 4.0, 8.0, 4.0, 200.0
JUMP_FINE, JUMP_COARSE = 32, 512  # neighbouring numbers: over the first, a jump is as large as over the second
SIGNIFICANT = 1e3  # a change of the value by so many roundings is no noise


class Slope:
    """A slope found by differences.

    Attributes:
        value: the number; inf where the quotients grow without bound.
        error: a bound of its error.
        method: "central", "right", "left" or "complex".
        jump: the quotients grow because the function jumps.
        steepest: the quotient of the shortest step, where they grow without bound.
        constant: the function did not change at all at the steps that were used.
        step: at which it was found.
        noise: how far off the values must have been for such an error.
    """

    __slots__ = ("constant", "error", "jump", "method", "noise", "steepest", "step", "value")

    def __init__(self, value: float, error: float, method: str) -> None:
        self.value, self.error, self.method = value, error, method
        self.jump = self.constant = False
        self.step = self.noise = self.steepest = 0.0

    def __repr__(self) -> str:
        return f"<slope {self.value!r} +- {self.error:.1e}, {self.method}>"


class Sample:
    """A function at both ends of a step; None where it has no finite value."""

    __slots__ = ("ahead", "behind", "clean_left", "clean_right", "left", "right")

    def __init__(
        self, ahead: float, behind: float, right: tuple[float | None, bool], left: tuple[float | None, bool]
    ) -> None:
        self.ahead, self.behind = ahead, behind
        self.right, self.clean_right = right
        self.left, self.clean_left = left


class Samples:
    """A function of one number around x, sampled at more and more steps.

    Args:
        function: returns (value, clean): None where there is no finite value; clean is False
            where a kink lies between x and there.
        x: where the slope is wanted.
        here: the value at x.
        epsilon: the spacing of numbers at 1: 2**-52 for float, 2**-23 for float32.
        noise: how far off the values may be, where more is known than `epsilon` says.
    """

    def __init__(
        self,
        function: Callable[[float], tuple[float | None, bool]],
        x: float,
        here: float,
        epsilon: float = 2.0**-52,
        noise: float = 0.0,
    ) -> None:
        self.function, self.x, self.here = function, x, here
        self.epsilon, self.noise = epsilon, noise
        self.rows: dict[int, Sample] = {}
        self._known: dict[tuple[str, bool, int], Slope | None] = {}
        self._shortest = max(4.0 * ulp(x) * (epsilon * 2.0**52), 1e3 * TINIEST)
        self.reach = max(0.25 * min(abs(x) or 1.0, 1.0), TINIEST)

    def run(self, enough: Callable[[Samples], bool]) -> None:
        """Sample until `enough` says so, or until every step that may tell something is taken."""
        x = abs(self.x)
        own = _power_of(x) if x else 0
        ladders = [(own + 1, own + FIRST), (own + FIRST + 1, own + FIRST + FINER)]
        if own:  # the function's own scale may be 1, whatever x is
            ladders.append((-1, FIRST + FINER))
        lowest = own + FIRST + FINER  # down to where numbers lie no closer
        ladders.append((lowest + 1, lowest + FINEST))
        top = min(own, 0) - LONGER
        ladders.append((top, min(own, 0)))
        for first, last in ladders:
            if self.extend(range(first, last + 1)) and enough(self):
                return

    def extend(self, powers: Iterable[int]) -> int:
        """Sample at the steps RATIO**-power that are not there yet; return how many were new."""
        x, new = self.x, 0
        for power in powers:
            if power in self.rows:
                continue
            try:
                step = RATIO**-power
            except OverflowError:
                continue
            ahead = self._rounded(x + step)
            step = ahead - x  # exact where it matters: the two ends lie at the same distance
            behind = self._rounded(x - step)
            if not (isfinite(ahead) or isfinite(behind)) or min(ahead - x, x - behind) < self._shortest:
                continue
            self.rows[power] = Sample(ahead, behind, self._at(ahead), self._at(behind))
            new += 1
        return new

    def _at(self, x: float) -> tuple[float | None, bool]:
        return self.function(x) if isfinite(x) else (None, True)

    def _rounded(self, x: float) -> float:
        """Return x as the function's own numbers have it."""
        if self.epsilon <= 2.0**-52 or not x or not isfinite(x):
            return x
        mantissa, exponent = frexp(x)
        return ldexp(round(mantissa * 2.0 / self.epsilon) * self.epsilon / 2.0, exponent)

    # ---- what the samples say

    def slope(self, side: str, *, clean: bool = True) -> Slope | None:
        """Return the slope on a side ("central", "right", "left"), None where samples are too few.

        "bend" is half of what the slope is larger on the right than on the left: 0 where the function
        is smooth. With `clean`, only samples on this side of every kink count.
        """
        key = side, clean, len(self.rows)
        if key not in self._known:
            self._known[key] = self._slope(side, clean)
        return self._known[key]

    def _slope(self, side: str, clean: bool) -> Slope | None:
        points = self._quotients(side, clean)
        usable = [point for point in points if isfinite(point[1])]
        if len(usable) < len(points):  # a quotient beyond the largest float: so is the slope, or all of it is noise
            signs = {copysign(1.0, q) for _, q, _ in points[-3:] if q in (inf, -inf)}
            if len(signs) == 1 and not any(isfinite(q) for _, q, _ in points[-3:]):
                return Slope(signs.pop() * inf, 0.0, side)
        found = extrapolated(usable, POWERS[side], 2.0 * ulp(self.x) * (self.epsilon * 2.0**52))
        if found is None:
            return None
        value, error, step = found
        error = max(error, remainder(usable, value))
        slope = Slope(value, error, side)
        slope.step, slope.noise = step, error * step
        slope.constant = slope.value == 0.0 and any(q == 0.0 for _, q, _ in usable)
        return slope

    def _quotients(self, side: str, clean: bool) -> list[tuple[float, float, float]]:
        """Return (step, difference quotient, noise of it), the longest step first."""
        points: list[tuple[float, float, float]] = []
        x, here = self.x, self.here
        for power in sorted(self.rows, reverse=True):  # from x outward, up to the first hole
            s = self.rows[power]
            right = s.right if s.clean_right or not clean else None
            left = s.left if s.clean_left or not clean else None
            before, after = here if side == "right" else left, here if side == "left" else right
            if side == "bend" and left is not None and right is not None:
                before, after = here - left, right - here
            width = (x if side == "left" else s.ahead) - (x if side == "right" else s.behind)
            step = width / 2.0 if side in ("central", "bend") else width
            if before is None or after is None or not isfinite(width):
                break
            size = max(abs(here), abs(right or 0.0) * (side != "left"), abs(left or 0.0) * (side != "right"))
            noise = max(self.epsilon * size, self.noise, TINIEST)
            change = after - before
            quotient = change / width
            if not isfinite(quotient) and abs(change) < SIGNIFICANT * noise:
                quotient = nan
            points.append((step, quotient, noise / step))
        return points[::-1]

    def says_nothing(self, slope: Slope) -> bool:
        """Return whether the error of a slope is as large as every change of the function over its step."""
        near = [y for s in self.rows.values() if s.ahead - self.x <= 1.01 * slope.step for y in (s.right, s.left)]
        return slope.noise > max([abs(y - self.here) for y in near if y is not None], default=0.0) > 0.0

    def growth(self, side: str) -> Slope | None:
        """Return the infinite slope of a side whose quotients grow without bound, None where they do not."""
        steps = [p for p in self._quotients(side, clean=False) if isfinite(p[1])][-6:]
        if len(steps) < 6 or any(abs(q) < SIGNIFICANT * noise for _, q, noise in steps):
            return None
        sign = copysign(1.0, steps[0][1])
        exponents = []
        for (h, q, _), (shorter, steeper, _) in pairwise(steps):
            if sign * q <= 0.0 or sign * steeper <= 0.0:
                return None
            exponents.append(log(abs(steeper / q)) / log(h / shorter))
        if min(exponents) < 0.05 or max(exponents) - min(exponents) > 0.05:  # a power of the step, or nothing
            return None
        slope = Slope(sign * inf, 0.0, side)
        slope.jump, slope.steepest = min(exponents) > 0.95, steps[-1][1]
        return slope

    def shows(self, slope: Slope, gap: float) -> bool:
        """Return whether a slope was seen so well that the true one cannot be off by `gap`.

        It was where it is larger than its error. Where the function looks flat, a slope may hide
        in its noise, or between steps whose values do not fit together.
        """
        if abs(slope.value) > 100.0 * slope.error:
            return True
        near = [s for s in self.rows.values() if s.ahead - self.x <= RATIO * self.reach]
        size = max([SMALL, abs(self.here), *[abs(y) for s in near for y in (s.right, s.left) if y is not None]])
        if slope.noise > 1e-6 * size or slope.error > 1e-6 * size / self.reach:
            return False
        return gap > max(100.0 * slope.error, self.hidden())

    def hidden(self) -> float:
        """Return how large a slope may be that these samples cannot show: one within the noise over a short way.

        What is short: a quarter of x or of 1, whichever is less; where numbers are wider apart, anything may hide.
        """
        if self.reach < self._shortest:
            return inf
        size = max(abs(self.here), min(abs(self.x), 1.0))  # inside, numbers may be as large as x
        return SAFETY_HIDDEN * max(self.epsilon * size, self.noise, TINIEST) / self.reach

    def shortest(self) -> float:
        """Return the shortest step that was taken."""
        return self.rows[max(self.rows)].ahead - self.x if self.rows else 0.0

    def steepness(self) -> float:
        """Return the size of the function over x, or 1 where that is more: what a slope of 0 is measured by."""
        unit = max(abs(self.x), 1.0)
        near = [y for s in self.rows.values() if s.ahead - self.x <= unit for y in (s.right, s.left) if y is not None]
        return max(map(abs, [self.here, *near])) / unit

    # ---- rounding inside of the function

    def jump(self, slope: Slope) -> float:
        """Return by how much the function jumps everywhere around x, 0.0 where it does not.

        (1e8 + x) - 1e8 is a staircase: its steps are what `epsilon` does not know of. Of four
        intervals around x, not too near, each must hold a jump: a change that does not shrink with
        the width it takes. How far apart jumps are is not known; a smooth bend may come before them.
        """
        right = [s.ahead - self.x for s in self.rows.values() if self._is_off(slope, s.ahead, s.right)]
        left = [self.x - s.behind for s in self.rows.values() if self._is_off(slope, s.behind, s.left)]
        if not (right and left):
            return 0.0
        far = RATIO * max(min(right), min(left))
        while far < RATIO**2 * max(abs(self.x), 1.0):
            ends = [self.x + k * far for k in (1.0, 2.0, 4.0, -1.0, -2.0, -4.0)]
            found = []
            for a, b in (ends[:2], ends[1:3], ends[3:5], ends[4:]):
                found.append(self._jump_between(a, b, slope.value) or self._jump_between(a, b, 0.0))
                if not found[-1]:
                    break
            else:
                return max(found)
            far *= RATIO**3
        return 0.0

    def _is_off(self, slope: Slope, at: float, y: float | None) -> bool:
        """True for a value that is not on the line through here."""
        if y is None:
            return False
        return abs(y - self.here - slope.value * (at - self.x)) > SAFETY_SCATTER * self._rounding_of(self.here, y)

    def _jump_between(self, a: float, b: float, slope: float) -> float:
        """Return the change beyond that of a slope which stays while an interval is halved again and again."""
        fa, fb = self._at(a)[0], self._at(b)[0]
        finest = ulp(max(abs(a), abs(b))) * (self.epsilon * 2.0**52)
        if not abs(b - a) > 2.0 * JUMP_COARSE * finest:
            return 0.0
        coarse = change = 0.0
        while abs(b - a) > JUMP_FINE * finest:
            middle = a + (b - a) / 2.0
            fm = self._at(middle)[0]
            if fa is None or fb is None or fm is None:
                return 0.0
            first, second = abs(fm - fa - slope * (middle - a)), abs(fb - fm - slope * (b - middle))
            if first > second:
                b, fb, change = middle, fm, first
            else:
                a, fa, change = middle, fm, second
            if abs(b - a) > JUMP_COARSE * finest:
                coarse = change
        return change if change > max(0.5 * coarse, SAFETY_SCATTER * self._rounding_of(fa, fb)) else 0.0

    def _rounding_of(self, a: float | None, b: float | None) -> float:
        return max(self.epsilon * max(abs(a or 0.0), abs(b or 0.0)), self.noise, TINIEST)

    def expect(self, noise: float) -> None:
        """Take it that values may be off by so much."""
        self.noise = noise
        self._known.clear()


def extrapolated(
    points: list[tuple[float, float, float]], power: int, grain: float = 0.0
) -> tuple[float, float, float] | None:
    """Return the limit of quotients at step 0, a bound of its error, and the step; None for too few points.

    Args:
        points: (step, quotient, noise of the quotient), the longest step first.
        power: the powers of the step in the series of quotients: 2 for 2, 4, 6, ..., 1 for 1, 2, 3, ...,
            -1 for 1, 3, 5, ...
        grain: how far numbers as large as x are rounded: inside of the function, some may be.

    >>> cubes = [(h, ((1 + h) ** 3 - (1 - h) ** 3) / (2 * h), 1e-16 / h) for h in (0.4, 0.1, 0.02, 0.004, 0.001)]
    >>> slope, error, _ = extrapolated(cubes, 2)
    >>> abs(slope - 3.0) <= error < 1e-12
    True
    """
    table: list[list[float]] = []
    for k, (h, q, _) in enumerate(points):
        row = [q]
        for m in range(1, min(k, DEEPEST) + 1):
            if power > 0:
                ratio = points[k - m][0] / h
            else:  # 1, 3, 5: for steps of a constant ratio, which they have but for rounding
                ratio = min(points[k - 1][0] / h, 1e30) ** (2 * m - 1)
            factor = (ratio * ratio if power == 2 else ratio) - 1.0
            row.append(row[m - 1] + (row[m - 1] - table[k - 1][m - 1]) / factor)
        table.append(row)
    found: list[tuple[float, float, float]] = []  # the best of each step, the shortest step first
    sure: list[tuple[float, float]] = []
    for k in range(len(table) - WITNESSES - 1, 0, -1):
        h, _, noise = points[k]
        row, above = table[k], table[k - 1]
        best, least = 0.0, inf
        for m in range(1, len(row)):
            value = row[m]
            truncation = max(abs(value - row[m - 1]), abs(value - above[m - 1]) / RATIO)
            error = SAFETY_TRUNCATION * truncation + SAFETY_NOISE * noise
            if not error < least:
                continue
            for j in range(k + 1, min(k + 1 + FIRST, len(table))):
                error = max(error, SAFETY_SCATTER * abs(table[j][m] - value) * (points[j][0] / h))
            if error < least:
                best, least = value, error
        for j in range(k + 1 + FIRST, len(table)):
            least = max(least, SAFETY_SCATTER * abs(points[j][1] - best) * (points[j][0] / h))
        # Shorter steps that are sure of another slope refute this one: it spanned several periods.
        if least < inf and all(abs(best - value) <= least + error for value, error in sure):
            found.append((best, least, h))
            sure.append((best, least + abs(best) * (grain / h)))
    return min(found, key=itemgetter(1), default=None)


def remainder(points: list[tuple[float, float, float]], value: float) -> float:
    """Return how far `value` may be off, as far as the shortest steps say; 0.0 where their noise hides it.

    Of a smooth function quotients change by less with every shorter step, as a power of it: that is
    what extrapolation rests on. Where the power is small, all the changes to come are summed up, a
    geometric series; where there is none, as for x log x at 0, they have no bound.

    >>> points = [(4.0**-k, -k * log(4.0), 0.0) for k in range(40)]             # of x log x
    >>> remainder(points, points[-1][1])
    inf
    """
    changes = []
    for (h, q, noise), (_, shorter, more) in pairwise(points):
        change = abs(shorter - q)
        if change > SAFETY_SCATTER * (noise + more):
            changes.append((h, change, shorter))
        elif len(changes) < TREND:
            changes.clear()
        elif SAFETY_SCATTER * (noise + more) < changes[-1][1] / RATIO**0.75:  # it would show: they have settled
            return 0.0
        else:
            break
    if len(changes) < TREND:
        return 0.0
    first, last = changes[-TREND : -TREND // 2], changes[-TREND // 2 :]
    if all(shorter < change / RATIO**0.75 for (_, change, _), (_, shorter, _) in pairwise(last)):
        return 0.0  # at longer steps they need not fall yet
    largest = max([change for _, change, _ in last])
    power = log(max([change for _, change, _ in first]) / largest) / log(first[0][0] / last[0][0])
    if not -0.5 < power < 0.75:  # below, they grow as rounding does
        return 0.0
    return abs(value - last[-1][2]) + 2.0 * largest / (RATIO**power - 1.0) if power > 0.1 else inf


def _power_of(x: float) -> int:
    """Return the power p with RATIO**-p of the size of x."""
    return -round(log(x) / log(RATIO))
