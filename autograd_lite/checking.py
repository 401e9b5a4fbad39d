"""`check_gradients`: a gradient against finite differences, aware of kinks and of its own limits."""

from __future__ import annotations

from math import inf, isfinite
from warnings import catch_warnings, simplefilter

from autograd_lite.differences import SMALL
from autograd_lite.errors import ArgumentError, GradientMismatch, InputTypeError
from autograd_lite.evaluations import Evaluation, Opaque, Recorded, flat
from autograd_lite.formulas import expression, identifier
from autograd_lite.graph import numbers_of
from autograd_lite.notation import numeral, on_stdout
from autograd_lite.primitives import Traced, to_float
from autograd_lite.verdicts import (
    DIFFERS,
    INCONCLUSIVE,
    KINK,
    MOST_DIGITS,
    STATUSES,
    Verdict,
    in_words,
    is_same,
    local_verdicts,
    verdict_on,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

DIGITS = 10
METHODS = {"right": "right side only", "left": "left side only", "complex": "by a complex step"}
MOST_ROWS, MOST_LINES, MOST_ARGUMENTS = 20, 4, 6


class GradientReport:
    """What `check_gradients` found; print it to read it.

    Attributes:
        status: the worst of all verdicts: "agrees", "at a kink", "inconclusive" or "differs".
        verdicts: one per number of the point, with `name`, `x`, `analytic`, `numeric`, `error`,
            `digits` that agree, `method`, `status` and `reason`.
        value: the function at the point.
        formula: what was computed, in Python's notation; the name of the function where that is not known.
        fault: where a gradient differs, the smallest part that is wrong, in words; what else is found wrong; or "".
    """

    def __init__(self, formula: str, value: float, verdicts: list[Verdict], fault: str = "") -> None:
        self.formula, self.value, self.verdicts, self.fault = formula, value, verdicts, fault

    @property
    def status(self) -> str:
        return max([verdict.status for verdict in self.verdicts], key=STATUSES.index, default=INCONCLUSIVE)

    def __str__(self) -> str:
        return on_stdout("\n".join(self._lines()))

    def __repr__(self) -> str:
        return on_stdout(f"<gradient report: {self.status}, {len(self.verdicts)} checked>")

    def _lines(self) -> list[str]:
        formula = self.formula.split("\n")
        hidden = len(formula) - MOST_LINES
        if hidden > 0:
            formula = [f"... {hidden} lines", *formula[hidden:]]
        lines = [*formula[:-1], f"{formula[-1]} = {numeral(self.value, DIGITS)}"]
        ordered = sorted(self.verdicts, key=lambda verdict: -STATUSES.index(verdict.status))
        shown = ordered[:MOST_ROWS] if len(ordered) > MOST_ROWS else self.verdicts
        rows = [("", "gradient", "numeric", "± error", "digits", ""), *map(_row, shown)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for name, *cells, said in rows:
            padded = [f"{cell:>{width}}" for cell, width in zip(cells, widths[1:5], strict=True)]
            lines.append("  ".join([f"  {name:{widths[0]}}", *padded, said]).rstrip())
        if len(ordered) > len(shown):
            best = STATUSES.index(ordered[len(shown)].status)
            lines.append(f"  ... and {len(ordered) - len(shown)} more: {STATUSES[best]}")
        lines += [f"{v.name}: {v.reason}." for v in shown if v.reason]
        if self.fault:
            lines.append(self.fault)
        return lines


def _row(v: Verdict) -> tuple[str, ...]:
    name, analytic = f"{v.name} = {numeral(v.x, DIGITS)}", numeral(v.analytic, DIGITS)
    status = v.status.upper() if v.status == DIFFERS else v.status
    if v.left is not None and v.right is not None and v.left != v.right:
        return name, analytic, f"{numeral(v.left, DIGITS)} or {numeral(v.right, DIGITS)}", "-", "-", status
    if v.numeric is None:
        return name, analytic, "-", "-", "-", status
    known = isfinite(v.numeric) and isfinite(v.analytic)
    error, digits = (numeral(v.error if v.error > SMALL else 0.0, 1), f"{v.digits:.0f}") if known else ("-", "-")
    if v.error == inf:
        error = "-"
    if v.analytic == 0.0 != v.numeric and v.status != DIFFERS:  # rounding error beside a zero
        digits = "-"
    method = METHODS.get(v.method, "") if v.status != KINK else ""
    return name, analytic, numeral(v.numeric, DIGITS), error, digits, f"{status}, {method}" if method else status


def check_gradients(
    f: Callable[..., Any], *point: Any, gradient: Callable[..., Any] | None = None, rtol: float = 1e-6
) -> GradientReport:
    """Check the gradient of a function at a point against finite differences.

    The verdict on each number is "agrees"; "at a kink" (the gradient lies between the slopes
    of the two sides, or is infinite as they are); "inconclusive" (differences are too rough to
    tell); or "differs", which raises.

    Args:
        f: any function that returns one number. Ours is called with Values and its graph is
            recorded; with `gradient`, it is called with what the point is made of.
        point: its arguments: numbers, lists and nested lists of them; with `gradient` also
            arrays of numpy, torch or jax.
        gradient: a function of the same arguments that returns df/dargument, one number for
            each of the point, in its order. Left out, ours is checked.
        rtol: the smallest relative error that "agrees" excludes; 1e-3 suits float32.

    Raises:
        GradientMismatch: a gradient differs; its `report` says which, and what part is wrong.

    >>> from autograd_lite import check_gradients, relu
    >>> print(check_gradients(lambda x, y: x * y ** 2, 2.0, 3.0))
    x * y ** 2 = 18
             gradient  numeric  ± error  digits
      x = 2         9        9    6e−13      15  agrees
      y = 3        12       12    1e−13      16  agrees
    >>> print(check_gradients(relu, 0.0).verdicts[0].reason)
    at a kink of relu(x): the slope is 0 on the left, 1 on the right
    """
    __tracebackhide__ = True  # pytest then shows the report, not this code
    if not callable(f) or isinstance(f, Traced):
        raise InputTypeError(
            f"check_gradients: a function is needed, got {f!r:.60} of type {type(f).__name__}. "
            f"Write check_gradients(f, x), not check_gradients(f(x))."
        )
    if gradient is not None and not callable(gradient):
        raise InputTypeError(
            f"check_gradients: gradient must be a function, got {gradient!r:.60}. Write gradient=lambda x: ..."
        )
    if not 0.0 < to_float(rtol, "check_gradients: rtol") < 1.0:
        raise ArgumentError(f"check_gradients: rtol must lie between 0 and 1, got {rtol!r}. Write rtol=1e-6.")
    if not point:
        raise ArgumentError("check_gradients: a point is needed, got none. Write check_gradients(f, 2.0).")
    if not flat(point, "check_gradients: the point"):  # check_gradients(f, []): what has no numbers has no gradient
        raise ArgumentError(f"check_gradients: a point is needed, got no number in {point!r:.40}. Pass one at least.")
    evaluation = _evaluation(f, point, gradient)
    with catch_warnings():  # far from the point functions may overflow, and numpy say so
        simplefilter("ignore")
        verdicts = [verdict_on(evaluation, i, rtol) for i in range(len(evaluation.numbers))]
    report = GradientReport(_formula(f, evaluation), evaluation.value, verdicts)
    if report.status in (INCONCLUSIVE, DIFFERS):
        report.fault = _unsteadiness(evaluation)
    if report.status == DIFFERS:
        report.fault = report.fault or _fault(evaluation, verdicts, gradient, rtol)
        error = GradientMismatch(f"check_gradients:\n{report}")
        error.report = report
        raise error
    return report


def _evaluation(f: Any, point: tuple[Any, ...], gradient: Any) -> Evaluation:
    if gradient is None:
        return Recorded(f, point)
    try:
        return Opaque(f, point, gradient)
    except AttributeError:  # x.tanh(), x.named("h"): a function of Values, not of floats
        return Recorded(f, point, gradient)


def _formula(f: Any, evaluation: Evaluation) -> str:
    """Return what was computed; where that is not known, the call."""
    if not evaluation.order:
        name = getattr(f, "__name__", type(f).__name__)
        arguments = [*dict.fromkeys(name.partition("[")[0] for name in evaluation.names)]
        if len(arguments) > MOST_ARGUMENTS:
            arguments[MOST_ARGUMENTS - 2 : -1] = ["..."]
        return f"{name if name.isidentifier() else 'f'}({', '.join(arguments)})"
    text = str(expression(evaluation.order[-1]))
    for name in sorted(evaluation.names, key=len, reverse=True):
        text = text.replace(identifier(name), name) if "[" in name else text
    return text


def _fault(evaluation: Evaluation, verdicts: list[Verdict], gradient: Any, rtol: float) -> str:
    """Say what the smallest part is that is wrong."""
    if gradient is not None:
        return _fault_of_gradient(verdicts, rtol)
    for node, local in local_verdicts(evaluation, rtol):
        if local.status == DIFFERS:
            row, numbers = node.primitive.name, ", ".join(numeral(x, DIGITS) for x in numbers_of(node))
            found = "none" if local.numeric is None else numeral(local.numeric, DIGITS)
            return (
                f"Smallest part at fault: {in_words(node)}. The local gradient of {row} by {local.name} "
                f"at ({numbers}) is {numeral(local.analytic, DIGITS)}, differences find {found}."
            )
    again = evaluation.chain_rule()
    for k, verdict in enumerate(verdicts):
        if verdict.status == DIFFERS and not is_same(again[k], verdict.analytic, rtol):
            return "Every local gradient is right: the sweep that multiplies and adds them up is at fault."
    return "Every local gradient is right, and so is their sum: what f computes depends on numbers that are no nodes."


def _fault_of_gradient(verdicts: list[Verdict], rtol: float) -> str:
    """Say what is wrong with a gradient that came with a function."""
    wrong = [(v.analytic, v.numeric) for v in verdicts if v.status == DIFFERS and v.numeric is not None]
    given, found = sorted(a for a, _ in wrong), sorted(n for _, n in wrong)
    if len(wrong) > 1 and all(is_same(a, n, rtol) for a, n in zip(given, found, strict=True)):
        return "At fault: the order in which gradient returns its numbers, which are right."
    return "At fault: what gradient returns."


def _unsteadiness(evaluation: Evaluation) -> str:
    """Say that the function gives another value when it is called again, "" where it does not."""
    if not isfinite(evaluation.value):
        return ""
    again, _ = evaluation.at(0, evaluation.numbers[0])
    if again == evaluation.value:
        return ""
    first, second = (numeral(y, MOST_DIGITS) for y in (evaluation.value, inf if again is None else again))
    return f"At fault: the function, which gives {first} and then {second} at the same point."
