"""`assert_gradients`: check_gradients at points that Hypothesis draws."""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from autograd_lite.checking import check_gradients
from autograd_lite.errors import ArgumentError, GradientMismatch, InputTypeError
from autograd_lite.evaluations import flat, rebuilt
from autograd_lite.primitives import FAILURES, Primitive
from autograd_lite.table import sum as sum_row
from autograd_lite.testing.strategies import kink_points, points, reals
from autograd_lite.transforms import grad, jvp
from autograd_lite.value import Value
from autograd_lite.verdicts import AGREES, KINK, is_same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DIRECTION = (1.0, -0.75, 0.625, -1.25)  # of the second derivatives; no two parts cancel
FARTHEST = 1e50  # beyond, products of a few operands overflow in second derivatives
CONCLUSIVE = (AGREES, KINK)
SAME = 1e-9  # relative: gradients by other ways that differ by more are checked themselves
PHASES = [phase for phase in Phase if phase is not Phase.explain]  # which of our own lines ran explains nothing


def assert_gradients(
    f: Callable[..., Any],
    *arguments: st.SearchStrategy[Any],
    gradient: Callable[..., Any] | None = None,
    rtol: float = 1e-6,
    examples: int | None = None,
) -> None:
    """Check the gradient of a function at points that Hypothesis draws, and shrink a failure to the simplest point.

    Without `gradient`, f is differentiated by this library: in reverse mode, in forward mode,
    and twice. With it, f may belong to any library. Points where f has no value are passed over.

    Args:
        f: any function that returns one number.
        arguments: a strategy for each argument. Left out, those of a primitive are drawn
            in its domain, near and far, and at its kinks, and any others between -2 and 2.
        gradient: a function of the same arguments that returns df/dargument.
        rtol: the smallest relative error that is found; 1e-3 suits float32.
        examples: how many points; as many as the Hypothesis profile says, unless given.

    Raises:
        GradientMismatch: a gradient differs, at the point that its note says.
        ArgumentError: f has no value wherever it was tried.
        AssertionError: no gradient could be told from differences.

    >>> import math
    >>> assert_gradients(math.log, reals(0.1, 9.0), gradient=lambda x: 1.0 / x)
    >>> assert_gradients(lambda x: x ** 3, gradient=lambda x: 3.0 * x)
    Traceback (most recent call last):
    autograd_lite.errors.GradientMismatch: check_gradients:
    ...
    """
    __tracebackhide__ = True
    if not callable(f):
        raise InputTypeError(f"assert_gradients: a function is needed, got {f!r:.60}. Write assert_gradients(f).")
    for strategy in arguments:
        if not isinstance(strategy, st.SearchStrategy):
            raise InputTypeError(
                f"assert_gradients: a strategy is needed for each argument, got {strategy!r:.60}. "
                f"Write assert_gradients(f, reals(0, 1))."
            )
    drawn = st.tuples(*arguments) if arguments else _points_of(f)
    count = settings().max_examples if examples is None else examples
    name = getattr(f, "__name__", "f")
    seen: list[str] = []
    failures: list[str] = []

    @settings(
        max_examples=count, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES, print_blob=False
    )
    @given(drawn)
    def gradients_agree(point: tuple[Any, ...]) -> None:
        __tracebackhide__ = True
        try:
            f(*point)
        except FAILURES as failure:
            failures[:] = [f"at {', '.join(map(repr, point))}, {failure}".rstrip(".")]
            reject()
        seen.extend(_checked(f, point, gradient, rtol))

    try:
        gradients_agree()
    except Unsatisfiable:
        if seen or not failures:
            raise
        raise ArgumentError(
            f"assert_gradients: {name} has no value at any point that was drawn; {failures[0]:.200}. "
            f"Draw others: assert_gradients({name}, reals(1, 9))."
        ) from None
    if not seen:
        raise ArgumentError(
            f"assert_gradients: a point needs numbers, got none in all that were drawn for {name}. "
            f"Draw some: st.lists(reals(), min_size=1)."
        )
    if not any(status in CONCLUSIVE for status in seen):
        raise AssertionError(
            f"assert_gradients: no gradient of {name} could be checked, all {len(seen)} verdicts were inconclusive. "
            f"Draw other points, or see what print(check_gradients({name}, ...)) says."
        )


def _points_of(f: Callable[..., Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    if isinstance(f, Primitive):
        near = [points(f, "near")] if kink_points(f) else []
        return st.one_of(points(f), *near, points(f, "anywhere").filter(_is_far_from_overflow))
    parameters = inspect.signature(f).parameters.values()
    needed = [p for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if not needed:
        raise InputTypeError(
            f"assert_gradients: {getattr(f, '__name__', 'f')} does not say how many arguments it takes. "
            f"Write assert_gradients(f, reals(), reals())."
        )
    return st.tuples(*[reals() for _ in needed])


def _is_far_from_overflow(xs: tuple[float, ...]) -> bool:
    return all(x == 0.0 or 1.0 / FARTHEST <= abs(x) <= FARTHEST for x in xs)


def _checked(f: Callable[..., Any], point: tuple[Any, ...], gradient: Any, rtol: float) -> list[str]:
    """Return the status of each number of the gradient; raise if one differs, in either mode or in the second order."""
    __tracebackhide__ = True
    numbers = flat(point, "assert_gradients: the point")
    if not numbers:
        return []
    name, at = getattr(f, "__name__", "f"), ", ".join(map(repr, point))
    said = "" if gradient is None else f", gradient={getattr(gradient, '__name__', '...')}"
    with _noting(f"check_gradients({name}, {at}{said}) shows it again."):
        report = check_gradients(f, *point, gradient=gradient, rtol=rtol)
    if gradient is None:
        every, direction = tuple(range(len(numbers))), [DIRECTION[k % len(DIRECTION)] for k in range(len(numbers))]

        def of_numbers(*xs: Any) -> Any:
            return f(*rebuilt(point, iter(xs)))

        def by_graphs(*xs: Any) -> list[Any]:  # of Values, it is one that can be differentiated again
            return [getattr(slope, "data", slope) for slope in grad(of_numbers, every)(*map(Value, xs))]

        def by_forward_mode(*xs: Any) -> list[Any]:
            return [jvp(of_numbers, xs, [float(j == k) for j in every])[1] for k in every]

        def slope(*xs: Any) -> Any:
            slopes = grad(of_numbers, every)(*xs)
            return sum_row(*[d * g for d, g in zip(direction, slopes, strict=True)])

        for other, which in ((by_graphs, "as a graph"), (by_forward_mode, "by forward mode")):
            found = other(*numbers)
            if all(is_same(a, v.analytic, SAME) for a, v in zip(found, report.verdicts, strict=True)):
                continue
            with _noting(f"That is the gradient of {name} {which}, at ({at}); the one by backward() is another."):
                check_gradients(of_numbers, *numbers, gradient=other, rtol=rtol)
        with _noting(f"That is the second derivative of {name}, forward over reverse, at ({at})."):
            check_gradients(lambda *xs: jvp(of_numbers, xs, direction)[1], *numbers, rtol=rtol)
        with _noting(f"That is the second derivative of {name}, reverse over reverse, at ({at})."):
            check_gradients(slope, *numbers, rtol=rtol)
    return [verdict.status for verdict in report.verdicts]


@contextmanager
def _noting(note: str) -> Iterator[None]:
    """Say more of a gradient that differs."""
    __tracebackhide__ = True
    try:
        yield
    except GradientMismatch as mismatch:
        mismatch.add_note(note)
        raise
