"""The demo: the chain rule, a neuron, and a classifier that learns."""

from __future__ import annotations

import os
import time

from autograd_lite import Value, draw, exp, leaves
from autograd_lite.cli.console import BOLD, Progress, say, styled
from autograd_lite.render.files import RenderError, install_command
from autograd_lite.render.numerals import numeral

TYPE_CHECKING = False
if TYPE_CHECKING:
    from autograd_lite.render import Drawing

NEURON = "f = 1 / (1 + exp(−(w0·x0 + w1·x1 + w2)))"
COMMANDS = (
    ("demo", "the chain rule, this neuron, and a classifier trained on Iris"),
    ("doctor", "what is installed, what works, what to install"),
    ("--help", "every command and option"),
)


def neuron() -> Value:
    """Return the sigmoid neuron after backward(), with its leaves labelled.

    >>> round(neuron().data, 4)
    0.7311
    """
    weights = w0, w1, w2 = leaves(w0=2.0, w1=-3.0, w2=-3.0)
    inputs = x0, x1 = leaves(x0=-1.0, x1=-2.0)
    for leaf in weights:
        leaf.role = "parameter"
    for leaf in inputs:
        leaf.role = "input"
    f = 1 / (1 + exp(-(w0 * x0 + w1 * x1 + w2)))
    f.backward()
    return f.named("f")


def welcome() -> int:
    """Print the neuron and the commands."""
    say(styled("A sigmoid neuron", BOLD) + f"  {NEURON}")
    say(_tree(draw(neuron())))
    say()
    for command, what in COMMANDS:
        say(f"  python -m autograd_lite {command:8} {what}")
    return 0


def demo(folder: str) -> int:
    """Print the first screen, train on Iris, say what to try next."""
    _chain_rule()
    say()
    say(styled("A sigmoid neuron", BOLD) + f"  {NEURON}")
    picture = draw(neuron())
    say(_tree(picture))
    say(_save(picture, folder))
    say()
    _train()
    say()
    say("Next: python -m autograd_lite doctor")
    return 0


def _chain_rule() -> None:
    x = Value(2.0, label="x")
    y = 3 * x - 2
    z = y**2
    z.backward()
    h = 1e-6
    nudge = ((3 * (2 + h) - 2) ** 2 - (3 * (2 - h) - 2) ** 2) / (2 * h)
    outer, inner = z.local_gradients[0], x.grad / y.grad
    say(styled("The chain rule", BOLD) + "  z = y², y = 3x − 2, at x = 2")
    say(f"  dz/dx = dz/dy · dy/dx = {outer:g}·{inner:g} = {x.grad:g}")
    say(f"  nudge x by ±{numeral(h, 1)} instead: (z(x+h) − z(x−h)) / 2h = {nudge:.6f}")


def _tree(picture: Drawing) -> str:
    return repr(picture)


def _save(picture: Drawing, folder: str) -> str:
    """Write the picture as SVG, or as DOT where there is no renderer, and say where."""
    os.makedirs(folder, exist_ok=True)
    try:
        return f"picture: {picture.save(os.path.join(folder, 'neuron.svg'))}"
    except RenderError:
        path = picture.save(os.path.join(folder, "neuron.dot"))
        return f"picture: {path} (for SVG and PNG: {install_command()})"


def _train() -> None: ...
