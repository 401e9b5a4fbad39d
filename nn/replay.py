"""A training run as one HTML file: the boundary on its way to the points, epoch by epoch."""

from __future__ import annotations

from math import copysign, isfinite, sqrt

from autograd_lite import Value
from autograd_lite.errors import ArgumentError, InputTypeError
from nn.activations import Activation
from nn.files import write_whole
from nn.history import History
from nn.module import Module
from nn.optim import whole
from nn.regions import Plane, Reading, in_state, neurons_of, weighted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import PathLike
    from typing import Any

SIDE, CELLS = 60, 525_000
"""Points of the surface along each side, and in all frames and classes together: 0.7 MB at most."""
POINTS = 1000
"""How many examples are drawn at most; all of them count."""
CURVE = 500
"""How many points of the loss curve are kept."""
WIDEST, EDGES = 32, 1200
"""What is still drawn as a network: neurons side by side, and weights in all."""
STEPS = 32767
"""Of a weight, from 0 to the largest one."""


class Replay:
    """A callback that records a training run, and writes it as one HTML file to play, step and scrub through.

    Make it before training: the boundary of the untrained model is the first picture. The page
    shows the boundary, the points that are wrong, the weights as a network and the loss; it
    needs nothing but a browser, no network either. What was recorded before Ctrl-C is kept.

    Args:
        model: the classifier that is going to be trained.
        X, y: the examples, as `fit` takes them.
        frames: how many pictures are kept at most, evenly spread over the run. With 100 of them
            the file has less than 1 MB.
        features: the columns of X that are drawn; all others stand at their mean.
        eps: how far the picture reaches beyond the examples; a quarter of their range unless given.
        xlabel, ylabel: names of the two features.
        loss: says what the outputs mean, for a model trained by hand: "bce_logits".
        title: the heading of the page; the model unless given.

    >>> import tempfile
    >>> from nn import MLP, data, fit
    >>> X, y = data.xor()
    >>> model = MLP(2, [4, 1], "tanh", random_state=1)
    >>> replay = Replay(model, X, y)
    >>> history = fit(model, X, y, loss="bce_logits", epochs=20, callbacks=replay)
    >>> replay
    Replay(MLP(2, [4, 1]), 20 epochs, 21 frames)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     replay.save(folder + "/xor.html")
    """

    def __init__(
        self,
        model: Module,
        X: Any,  # noqa: N803
        y: Any,
        *,
        frames: int = 100,
        features: tuple[int, int] = (0, 1),
        eps: float | None = None,
        xlabel: str | None = None,
        ylabel: str | None = None,
        loss: Any = None,
        title: str | None = None,
    ) -> None:
        if not isinstance(model, Module):
            raise InputTypeError(f"Replay: model must be a Module, got {model!r:.40} of type {type(model).__name__}.")
        self.frames = whole(frames, "Replay: frames")
        if self.frames < 2:
            raise ArgumentError(f"Replay: frames must be at least 2, the first and the last, got {frames!r}.")
        self.model, self.y, self.loss = model, y, loss
        self.plane = Plane(X, model, features, eps, "Replay")
        Reading(model, self.plane.X, y, loss, "Replay")  # what is wrong with y is said before training
        names = [f"x{k + 1}" for k in range(len(self.plane.others))]
        for k, label in zip(self.plane.features, (xlabel, ylabel), strict=True):
            names[k] = label or names[k]
        self.names, self.title = names, title
        self.losses: list[tuple[float | None, float | None]] = []
        self._every = 1
        self._parameters = model.named_parameters()
        self._kept = [(0, self._state())]
        self._latest = self._kept[0]

    @property
    def epochs(self) -> int:
        """How many epochs were recorded."""
        return len(self.losses)

    def __call__(self, model: Module, history: History) -> None:
        """Record an epoch; `fit` calls this."""
        if model is not self.model:
            raise ArgumentError(f"Replay: made for another model, {self.model.describe()}. Make one for each.")
        self.add(history.loss[-1], history.validation_loss[-1] if history.validation_loss else None)

    def add(self, loss: float | None = None, validation_loss: float | None = None) -> None:
        """Record an epoch of a training loop of your own.

        >>> from nn import MLP, data
        >>> X, y = data.xor()
        >>> model = MLP(2, [4, 1])
        >>> replay = Replay(model, X, y, loss="bce_logits")
        >>> for epoch in range(3):                       # forward, backward, step, and then
        ...     replay.add(loss=0.7)
        >>> replay
        Replay(MLP(2, [4, 1]), 3 epochs, 4 frames)
        """
        state = self._state()
        self.losses.append((_number(loss), _number(validation_loss)))
        self._latest = (self.epochs, state)
        if self.epochs % self._every == 0:
            self._kept.append(self._latest)
        if len(self._kept) >= self.frames:  # the last one, too, needs a place
            self._every *= 2
            self._kept = [frame for frame in self._kept if frame[0] % self._every == 0]

    def _state(self) -> dict[str, float]:
        return {path: parameter.data for path, parameter in self._parameters}

    def save(self, path: str | PathLike[str]) -> None:
        """Write the page; the file appears complete or not at all.

        Raises:
            ArgumentError: the path does not end in .html, or is that of a folder.
        """
        import os

        if os.path.splitext(os.fspath(path))[1].lower() not in (".html", ".htm"):
            raise ArgumentError(f"Replay.save: the path must end in .html, got {os.fspath(path)!r}.")
        write_whole(path, self.html())

    def html(self) -> str:
        """Return the page as text."""
        import json
        import re
        from html import escape
        from importlib.resources import files

        # No sign of this JSON has a meaning in HTML, and all are ASCII.
        run = json.dumps(self._run(), separators=(",", ":"), allow_nan=False)
        run = run.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
        title = self.title or f"{self.model.describe()}, {self.epochs} epochs of training"
        parts = {"title": escape(title).encode("ascii", "xmlcharrefreplace").decode(), "run": run}
        template = files("nn").joinpath("replay.html").read_text(encoding="utf-8")
        return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], template)

    def _repr_html_(self) -> str:
        """Return the page as a notebook shows it."""
        from html import escape

        frame = 'title="Replay of a training run" style="width:100%;height:720px;border:0"'
        return f'<iframe srcdoc="{escape(self.html())}" {frame}></iframe>'

    def _run(self) -> dict[str, Any]:
        """Return all that the page knows, as JSON has it."""
        kept = self._frames()
        plane, reading = self.plane, Reading(self.model, self.plane.X, self.y, self.loss, "Replay")
        reading.refuse_guess("Replay")
        classes = len(reading.names) if len(reading.names) > 2 else 1
        side = min(SIDE, int((CELLS / classes / len(kept)) ** 0.5))
        grid = plane.grid(side)
        if not hasattr(grid, "tolist"):  # without numpy: four times fewer points, or it takes half a minute
            side //= 2
            grid = plane.grid(side)
        shown = range(0, len(plane.points), -(-len(plane.points) // POINTS))
        network = self._network(reading)
        largest = max([abs(x) for _, state in kept for x in state.values() if isfinite(x)], default=0.0) or 1.0
        even = 1.0 / len(reading.names)
        frames = []
        for epoch, state in kept:
            with in_state(self.model, state):
                wrong = set(reading.wrong(plane.X))
                columns = reading.shares(grid)
            columns = columns.tolist() if hasattr(columns, "tolist") else columns
            right = 1000 * (len(reading.targets) - len(wrong)) // len(reading.targets)
            frames.append({
                "epoch": epoch,
                "accuracy": f"{right / 10:g}%",
                "mistakes": len(wrong),
                "wrong": _base64(_bits([k in wrong for k in shown])),
                "surface": _base64(bytes([_byte(p, even) for column in columns for p in column])),
                "weights": _weights(state, largest) if "widths" in network else None,
            })  # fmt: skip
        across, up = plane.features
        return {
            "frames": frames,
            "epochs": self.epochs,
            "count": len(plane.points),
            "points": [[*map(_rounded, plane.points[k]), reading.targets[k]] for k in shown],
            "bounds": [plane.low, plane.high],
            "equal": plane.equal,
            "grid": side,
            "classes": reading.names,
            "features": [self.names[across], self.names[up]],
            "columns": plane.features,
            "others": plane.others,
            "inputs": self.names,
            "loss": _curve([pair[0] for pair in self.losses]),
            "validation": _curve([pair[1] for pair in self.losses]),
            "largest": largest,
            **network,
        }

    def _frames(self) -> list[tuple[int, dict[str, float]]]:
        return self._kept if self._kept[-1] is self._latest else [*self._kept, self._latest]

    def _network(self, reading: Reading) -> dict[str, Any]:
        """Return the widths of the layers and which have biases, or why there is nothing to draw."""
        parts = weighted(self.model)
        layers = [neurons_of(part) for part in parts if neurons_of(part)]
        others = [part for part in parts if not neurons_of(part) and not isinstance(part, Activation)]
        count = sum(len(neuron.parameters()) for neurons in layers for neuron in neurons)
        if others or not layers or isinstance(parts[0], Activation) or count != len(self._parameters):
            return {"unseen": ""}
        widths = [len(layers[0][0].w), *map(len, layers)]
        if max(widths) > WIDEST or count > EDGES:
            return {"unseen": f"{self.model.describe()} is too large to be drawn weight by weight."}
        last = widths[-1]
        outputs = ["y" if last == 1 else reading.names[k] if k < len(reading.names) else "" for k in range(last)]
        single = widths[1:] == [1]
        return {
            "widths": widths,
            "biases": [neurons[0].b is not None for neurons in layers],
            "outputs": outputs,
            "single": single,
            "hard": single and self.model.final is not None and self.model.final.name == "step",
        }

    def __repr__(self) -> str:
        run = f"{self.epochs} epoch{'s' * (self.epochs != 1)}"
        frames = len(self._frames())
        return f"Replay({self.model.describe()}, {run}, {frames} frame{'s' * (frames != 1)})"


def _number(loss: Any) -> float | None:
    """Return a loss as a float, None where there is none to draw."""
    if loss is None:
        return None
    number = loss.data if isinstance(loss, Value) else float(loss)
    return number if isfinite(number) else None


def _byte(share: float, even: float) -> int:
    """Return a share as a byte that is finest about `even`, where the boundary is: its root, with the sign kept."""
    lead = (share - even) / (1.0 - even)
    return round(128 + 127 * copysign(sqrt(abs(lead)), lead)) if share == share else 128


def _bits(claims: list[bool]) -> bytes:
    """Return claims eight to a byte, the first one in the highest bit."""
    claims = claims + [False] * (-len(claims) % 8)
    return bytes(sum(128 >> k for k in range(8) if claims[start + k]) for start in range(0, len(claims), 8))


def _base64(content: bytes) -> str:
    from base64 import b64encode

    return b64encode(content).decode("ascii")


def _weights(state: dict[str, float], largest: float) -> str:
    """Return the parameters as 16-bit integers, STEPS for the largest one."""
    from struct import pack

    numbers = [round(STEPS * x / largest) if isfinite(x) else 0 for x in state.values()]
    return _base64(pack(f"<{len(numbers)}h", *numbers))


def _rounded(x: float) -> float:
    return float(f"{x:.5g}")


def _curve(losses: list[float | None]) -> list[tuple[int, float | None]]:
    """Return (epoch, loss) for at most CURVE epochs, the last one among them."""
    if not any(y is not None for y in losses):
        return []
    step = -(-len(losses) // CURVE)
    epochs = [*range(1, len(losses), step), len(losses)]
    return [(n, None if (y := losses[n - 1]) is None else _rounded(y)) for n in epochs]
