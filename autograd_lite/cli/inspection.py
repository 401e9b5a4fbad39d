"""An expression typed at a shell: drawn, or its gradient checked."""

from __future__ import annotations

import os
from math import copysign, frexp, inf, isfinite, isinf, ldexp, ulp

from autograd_lite import Value, draw
from autograd_lite.cli.console import BOLD, RED, say, styled
from autograd_lite.cli.expressions import Expression, assignments
from autograd_lite.errors import ArgumentError, OperationError
from autograd_lite.notation import numeral

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DIGITS = 10
DIFFERS = "DIFFERS"
LONGEST_REPEATED = 60
EPSILON = 2.220446049250313e-16
SMALLEST = 1e-290  # a shorter step has too few digits left
STEPS = tuple(2.0**-k for k in range(3, 35, 3))


def draw_expression(text: str, numbers: Sequence[str], output: str | None, *, force: bool) -> int:
    """Print the tree of an expression with its gradients, and write its picture."""
    if output and not force and os.path.exists(output):
        raise ArgumentError(f"draw: no file is overwritten, and there is one at {output!r}. Add --force.")
    expression, _, root = _evaluate(text, numbers)
    if not root.is_leaf and "f" not in expression.variables:
        root.named("f")
    picture = draw(root)
    say(repr(picture))
    if output:
        say(f"picture: {picture.save(output)}")
    _say_next("check", text, numbers)
    return 0


def check_expression(text: str, numbers: Sequence[str]) -> int:
    """Print the gradient of an expression beside finite differences; return 1 where they differ."""
    expression, leaves, root = _evaluate(text, numbers)
    point = {name: leaf.data for name, leaf in leaves.items()}
    place = ", ".join(f"{name} = {numeral(x, DIGITS)}" for name, x in point.items())
    say(f"{text.strip()} = {numeral(root.data, DIGITS)} at {place}")
    rows = [("", "gradient", "finite difference", "")]
    for name, leaf in leaves.items():

        def along(x: float, name: str = name) -> float:
            number: float = expression({**point, name: x})
            return number

        slope, verdict = verdict_on(leaf.grad, along, leaf.data)
        rows.append((name, numeral(leaf.grad, DIGITS), "-" if slope is None else numeral(slope, DIGITS), verdict))
    widths = [max(len(row[k]) for row in rows) for k in range(3)]
    for name, gradient, found, verdict in rows:
        line = f"  {name:{widths[0]}}  {gradient:>{widths[1]}}  {found:>{widths[2]}}  {verdict}".rstrip()
        say(styled(line, RED) if verdict == DIFFERS else line)
    _say_next("draw", text, numbers)
    return int(any(verdict == DIFFERS for *_, verdict in rows))


def verdict_on(gradient: float, function: Callable[[float], float], x: float) -> tuple[float | None, str]:
    """Return the slope that finite differences find, None for none, and what they say of a gradient.

    >>> verdict_on(6.0, lambda x: x * x, 3.0)[1], verdict_on(6.1, lambda x: x * x, 3.0)[1]
    ('agrees', 'DIFFERS')
    >>> verdict_on(0.0, lambda x: abs(x), 0.0)[1]
    'a kink: any number from −1 to 1 would do'
    """
    slope, error = nudge(function, x)
    if slope is None:
        return None, "cannot tell: no finite values on both sides"
    said = corner(function, x)
    if said.startswith("a jump"):  # the quotient is its height divided by the step: any number at all
        return None, said
    if isinf(gradient) and climbs(function, x, copysign(1.0, gradient)):
        return None, "agrees: both are infinite"
    if not isfinite(gradient):
        return slope, f"not finite: {said.replace(':', ',') or 'an inner slope is infinite here'}"
    if said:
        return slope, said
    size = max(abs(gradient), abs(slope))
    if error > max(1e-4 * size, 1e-9):
        return slope, f"cannot tell: too rough, ±{numeral(error, 1)}"
    return slope, "agrees" if abs(gradient - slope) <= 3.0 * error + 1e-8 * size else DIFFERS


def corner(function: Callable[[float], float], x: float) -> str:
    """Say what kind of corner a function has at x, "" where it is smooth.

    At a kink the slopes to the left and to the right differ by the same amount however small
    the step is, at a jump the values do; those of a smooth function come together.
    """
    jumps, kinks = [], []
    for h in steps_at_corners(x):
        try:
            left, here, right = function(x - h), function(x), function(x + h)
        except OperationError:
            return ""
        slopes = sorted([(here - left) / h, (right - here) / h])
        jumps.append(abs(right - left))
        kinks.append(slopes[1] - slopes[0])
    noise = 1e-6 * max(1.0, abs(here))
    if jumps[1] > max(noise, 0.5 * jumps[0]):
        return "a jump: the gradient there is a convention"
    if kinks[1] > max(noise, 0.5 * kinks[0], 1e-3 * max(map(abs, slopes))):
        return f"a kink: any number from {numeral(slopes[0], 4)} to {numeral(slopes[1], 4)} would do"
    return ""


def steps_at_corners(x: float) -> tuple[float, float]:
    """Return two steps that x can be moved by exactly, the second an eighth of the first."""
    h = max(min(2.0**-20, ldexp(1.0, frexp(x)[1] - 4)) if x else 2.0**-20, 64.0 * ulp(x))  # short of 0
    return h, h / 8.0


def climbs(function: Callable[[float], float], x: float, sign: float) -> bool:
    """Return whether the slopes on both sides of x grow without bound, up or down as `sign` says.

    >>> climbs(lambda x: x ** 3, 0.0, 1.0)
    False
    """
    slopes = []
    for h in steps_at_corners(x):
        try:
            left, here, right = function(x - h), function(x), function(x + h)
        except OperationError:
            return False
        slopes.append(min(sign * (here - left), sign * (right - here)) / h)
    return slopes[1] > 1.2 * slopes[0] > 0.0


def nudge(function: Callable[[float], float], x: float) -> tuple[float | None, float]:
    """Return the slope of a function at x and a bound of its error; (None, inf) where it is not defined around x.

    Central differences at a step and its half, extrapolated (Richardson), at the step whose
    estimated error is the smallest: that of the formula, or that of rounding.

    >>> slope, error = nudge(lambda x: x ** 5, 1.0)
    >>> abs(slope - 5.0) <= error < 1e-7
    True
    """
    best: tuple[float | None, float] = (None, inf)
    scales = {1.0, ldexp(1.0, frexp(x)[1] - 1) if x else 1.0}
    for h in [step * scale for scale in sorted(scales) for step in STEPS]:
        # Powers of two, so that x ± h is no other number: at 1e6 a rounded one is 1e-7 off in the slope.
        if h < SMALLEST or (x + h / 2.0) - x != h / 2.0 or x - (x - h / 2.0) != h / 2.0:
            continue
        try:
            values = [function(x + s) for s in (h, -h, h / 2.0, -h / 2.0)]
        except OperationError:
            continue
        wide, narrow = (values[0] - values[1]) / (2.0 * h), (values[2] - values[3]) / h
        slope = narrow + (narrow - wide) / 3.0
        error = abs(slope - narrow) + 4.0 * EPSILON * max(map(abs, values)) / h
        if isfinite(slope) and error < best[1]:
            best = slope, error
    return best


def _evaluate(text: str, numbers: Sequence[str]) -> tuple[Expression, dict[str, Value], Value]:
    """Return an expression, its leaves, and its root after backward()."""
    expression = Expression(text)
    leaves = {name: Value(number, label=name) for name, number in assignments(numbers, expression.variables).items()}
    root = expression(leaves)
    if not isinstance(root, Value):
        raise ArgumentError(f"expression: at least one name is needed, got {text!r:.60}. Write x*x x=2.")
    root.backward()
    return expression, leaves, root


def _say_next(command: str, text: str, numbers: Sequence[str]) -> None:
    if len(text) <= LONGEST_REPEATED:
        say(f'{styled("Next", BOLD)}  python -m autograd_lite {command} "{text.strip()}" {" ".join(numbers)}')
