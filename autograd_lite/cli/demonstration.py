"""The demo: the chain rule, a neuron, and a classifier that learns."""

from __future__ import annotations

import os
import sys
from shlex import quote

from autograd_lite import Value, draw, exp, leaves
from autograd_lite.cli.console import BOLD, complain, say, styled
from autograd_lite.cli.examination import trouble_with_nn
from autograd_lite.cli.training import say_result, summary
from autograd_lite.notation import numeral

NEURON = "f = 1 / (1 + exp(−(w0·x0 + w1·x1 + w2)))"
COMMANDS = (
    ("demo", "the chain rule, and learning to tell irises apart"),
    ('draw "EXPR" x=2', "the tree of a formula; its picture: -o f.svg"),
    ('explain "EXPR" x=2', "its chain rule, written out with its numbers"),
    ('check "EXPR" x=2', "its gradient against finite differences"),
    ("train iris", "a classifier, on toy data or your own FILE.csv"),
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
    say(repr(draw(neuron(), sums=False)))
    say()
    say(styled("python -m autograd_lite COMMAND", BOLD))
    for command, what in COMMANDS:
        say(f"  {command:20}{what}")
    return 0


def demo(folder: str) -> int:
    """Print the first screen, train on Iris, say what to try next."""
    _chain_rule()
    say()
    say(styled("A sigmoid neuron", BOLD) + f"  {NEURON}")
    picture = draw(neuron(), sums=False)
    say(repr(picture))
    os.makedirs(folder, exist_ok=True)
    say(f"picture: {picture.save(os.path.join(folder, 'neuron.svg'))}")
    say()
    trouble = trouble_with_nn()
    if trouble:
        complain(f"error: {trouble}")
        return 1
    _train()
    say()
    say(styled("Next", BOLD))
    another = quote(os.path.join(folder, "f.svg"))
    for command in (f'draw "x*exp(-x*x)" x=0.5 -o {another}', 'check "log(1 + exp(x))" x=1.5', "train xor --hidden 8"):
        say(f"  python -m autograd_lite {command}")
    return 0


def _chain_rule() -> None:
    x = Value(2.0, label="x")
    y = 3 * x - 2
    z = y**2
    z.backward()
    h = 1e-6
    nudge = ((3 * (2 + h) - 2) ** 2 - (3 * (2 - h) - 2) ** 2) / (2 * h)
    outer, inner = z.local_gradients[0], x.grad / y.grad
    say(styled("The chain rule", BOLD) + f"  z = (3x − 2)² = y² at x = 2: y = {y.data:g}, z = {z.data:g}")
    say(f"  dz/dx = dz/dy · dy/dx = {outer:g}·{inner:g} = {x.grad:g}")
    say(f"  nudge x by ±{numeral(h, 1)} instead: (z(x+h) − z(x−h)) / 2h = {nudge:.6f}")


def _train() -> None:
    """Train a softmax classifier on two thirds of Iris and try it on the rest; progress goes to stderr."""
    from nn import MLP, SGD, data, fit

    train, test = data.iris(test=1 / 3, random_state=0)
    model = MLP(4, [3], random_state=0)
    say(styled("A softmax classifier", BOLD) + f"  learns from {len(train.X)} irises (Fisher 1936)")
    sys.stdout.flush()  # before the progress line, which goes to stderr
    history = fit(
        model,
        train.X,
        train.y,
        loss="cross_entropy",
        optimizer=SGD(model.parameters(), lr=0.1),
        epochs=100,
        batch_size=10,
        random_state=0,
    )
    say_result(summary(model, history, test))
