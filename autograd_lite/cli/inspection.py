"""An expression typed at a shell: drawn, or its gradient checked."""

from __future__ import annotations

import os

from autograd_lite import GradientMismatch, Value, check_gradients, draw
from autograd_lite.cli.console import BOLD, RED, say, styled
from autograd_lite.cli.expressions import Expression, assignments
from autograd_lite.errors import ArgumentError
from autograd_lite.render.drawing import FORMATS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

DIFFERS = "DIFFERS"
LONGEST_REPEATED = 60


def draw_expression(text: str, numbers: Sequence[str], output: str | None, *, force: bool) -> int:
    """Print the tree of an expression with its gradients, and write its picture."""
    if output and not force and os.path.exists(output):
        raise ArgumentError(f"draw: no file is overwritten, and there is one at {output!r}. Add --force.")
    if output and not output.lower().endswith(FORMATS):
        raise ArgumentError(
            f"draw: the file must end in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}, got {output!r}. Write -o f.svg."
        )
    expression, root = _evaluate(text, numbers)
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
    expression, leaves = _leaves(text, numbers)
    try:
        report = check_gradients(lambda *xs: expression(dict(zip(leaves, xs, strict=True))), *leaves.values())
    except GradientMismatch as mismatch:
        report = mismatch.report
    report.formula = text.strip()
    for line in str(report).split("\n"):
        say(styled(line, RED) if line.endswith(DIFFERS) else line)
    _say_next("draw", text, numbers)
    return int(report.status == DIFFERS.lower())


def _evaluate(text: str, numbers: Sequence[str]) -> tuple[Expression, Value]:
    """Return an expression and its root after backward()."""
    expression, leaves = _leaves(text, numbers)
    root = expression(leaves)
    assert isinstance(root, Value)
    root.backward()
    return expression, root


def _leaves(text: str, numbers: Sequence[str]) -> tuple[Expression, dict[str, Value]]:
    """Return an expression and a labelled leaf for each of its names."""
    expression = Expression(text)
    given = assignments(numbers, expression.variables)
    if not given:
        raise ArgumentError(f"expression: at least one name is needed, got {text!r:.60}. Write x*x x=2.")
    return expression, {name: Value(number, label=name) for name, number in given.items()}


def _say_next(command: str, text: str, numbers: Sequence[str]) -> None:
    if len(text) <= LONGEST_REPEATED:
        say(f'{styled("Next", BOLD)}  python -m autograd_lite {command} "{text.strip()}" {" ".join(numbers)}')
