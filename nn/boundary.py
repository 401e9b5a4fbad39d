"""Decision boundaries with matplotlib (extra `plot`), imported where it is used.

"The point asks the line to come closer": one update of a perceptron by the first example, which
it has wrong. The old line is dashed, an arrow leads to the new one, the point that asked is ringed.

>>> from nn import Perceptron
>>> X, y = [[2.0, 1.0], [-1.0, 0.5], [0.5, -1.5]], [1, 0, 0]
>>> line = Perceptron(2)
>>> line.load_state_dict({"w.0": 1.0, "w.1": -1.5, "b": -1.0})
>>> before = line.state_dict()
>>> history = line.fit(X[:1], y[:1], epochs=1, lr=0.4)
>>> ax = plot_decision_boundary(line, X, y, before=before)                # doctest: +SKIP
>>> ax.get_title()                                                        # doctest: +SKIP
'decision boundary · accuracy 33.3% → 66.6%'
"""

from __future__ import annotations

from math import hypot, isclose

from autograd_lite.errors import ArgumentError, InputTypeError
from nn.module import Module
from nn.plotting import BLUE, INK, VERMILION, new_axes
from nn.regions import Plane, Reading, in_state, neurons_of, weighted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

COLOURS = (BLUE, VERMILION, "#14B87A", "#F5B301", "#492148", "#A67594", "#9FC9C5", "#474C53")
"""Of classes: the first five lie more than 30 ΔE apart for every kind of colour vision; markers differ, too."""
TINTS = ("#7FB3E3", "#EDA27C", "#BDEBCB", "#F7D562", "#A58DA3", "#D9BFD0", "#A9E3E6", "#8496AB")
MARKERS = "o^sDvPX*"
LINES = ("#7A3E9D", "#0A7A5A", "#8A6A00", "#B0236A", "#40576B", "#4B7A12", "#0F6E84", "#7B4A2B")
"""Of hidden neurons: none is the colour of one of two classes."""
ASKING = 3
"""How many wrong points may ask the line to come closer."""


def plot_decision_boundary(
    model: Module,
    X: Any,  # noqa: N803
    y: Any,
    *,
    before: Mapping[str, float] | None = None,
    hidden: bool = False,
    features: tuple[int, int] = (0, 1),
    grid_resolution: int = 200,
    eps: float | None = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
    loss: Any = None,
    colorbar: bool = True,
    ax: Any = None,
) -> Any:
    """Draw which class a model says where, and the examples, those it gets wrong ringed; return the axes.

    Args:
        model: a classifier of any kind; a single output is tried against 0 where y has −1 and 1.
        X, y: the examples, as `fit` takes them.
        before: parameters from before a step, `model.state_dict()`: the boundary then is drawn
            dashed, and the points that were wrong ask a single neuron's line to come closer.
        hidden: draw also where each hidden neuron is at 0, straight lines in the first layer; few have
            their names on them, z[layer][neuron], as `model.record(x)` calls them.
        features: the columns of X that are drawn; all others stand at their mean in the surface.
        grid_resolution: points of the surface along each side.
        eps: how far the picture reaches beyond the examples; a quarter of their range unless given.
        xlabel, ylabel: names of the features.
        loss: says what the outputs mean, for a model trained by hand: "bce_logits".
        colorbar: whether two classes get one; among subplots it wants layout="constrained".
        ax: the axes to draw on, those of a new figure unless given. Nothing is shown or saved.

    >>> from nn import MLP, data, fit
    >>> X, y = data.xor()
    >>> model = MLP(2, [4, 1], "tanh", random_state=1)
    >>> history = fit(model, X, y, loss="bce_logits", epochs=5)
    >>> plot_decision_boundary(model, X, y, hidden=True).figure.savefig("xor.png")     # doctest: +SKIP
    """
    who = "plot_decision_boundary"
    if not isinstance(model, Module):
        raise InputTypeError(f"{who}: model must be a Module, got {model!r:.40} of type {type(model).__name__}.")
    if not isinstance(grid_resolution, int) or grid_resolution < 2:
        raise ArgumentError(f"{who}: grid_resolution must be an int, at least 2, got {grid_resolution!r}.")
    plane = Plane(X, model, features, eps, who)
    reading = Reading(model, plane.X, y, loss, who)
    reading.refuse_guess(who)
    ax = new_axes(ax, who)
    picture = _Picture(ax, plane, reading, grid_resolution)
    title, asking, old = "", [], None
    if before is not None:
        with in_state(model, before):
            picture.look()
            title, asking, old = f"{picture.accuracy()} → ", picture.wrong, picture.line()
        picture.boundary("--", "before")
        if hidden:
            picture.hidden("--")
    picture.look()
    image = picture.surface()
    picture.boundary("-", "after" if before is not None else None)
    if hidden:
        picture.hidden("-")
    picture.points()
    picture.arrows(asking, old, picture.line())
    if image is not None and colorbar:
        bar = ax.figure.colorbar(image, cax=ax.inset_axes((1.03, 0.0, 0.04, 1.0)), ticks=[0.0, 0.5, 1.0])
        bar.set_label("output" if reading.signs else f"P({reading.names[1]})")
        if reading.signs:
            bar.set_ticklabels(["−1", "0", "1"])
    across, up = plane.features
    ax.set(
        xlabel=xlabel or f"$x_{{{across + 1}}}$",
        ylabel=ylabel or f"$x_{{{up + 1}}}$",
        title=f"decision boundary · accuracy {title}{picture.accuracy()}",
        xlim=(plane.low[0], plane.high[0]),
        ylim=(plane.low[1], plane.high[1]),
        aspect="equal" if plane.equal else "auto",
    )
    ax.legend(loc="best", fontsize="small", framealpha=0.9, markerscale=0.7, facecolor="white", labelcolor=INK)
    return ax


def plot_steps(
    model: Module,
    X: Any,  # noqa: N803
    y: Any,
    before: Mapping[str, float],
    *,
    axes: Any = None,
    **options: Any,
) -> Any:
    """Draw a model side by side, before some steps and after them; return the two axes.

    Args:
        model, X, y: as of `plot_decision_boundary`.
        before: `model.state_dict()` from before the steps.
        axes: two axes to draw on, those of a new figure unless given.
        options: more of `plot_decision_boundary`; hidden=True unless given.

    >>> from nn import MLP, data, fit
    >>> X, y = data.xor()
    >>> model = MLP(2, [2, 1], "tanh", random_state=1)
    >>> before = model.state_dict()
    >>> history = fit(model, X, y, loss="bce_logits", epochs=50)
    >>> left, right = plot_steps(model, X, y, before)                     # doctest: +SKIP
    """
    try:
        left, right = new_axes(axes, "plot_steps", 2, (9.6, 4.2))
    except (TypeError, ValueError):
        raise InputTypeError(
            f"plot_steps: axes must be two, got {axes!r:.40}. Write axes=pyplot.subplots(ncols=2)[1]."
        ) from None
    options = {"hidden": True, "colorbar": False, **options}
    with in_state(model, before):
        plot_decision_boundary(model, X, y, ax=left, **options)
    plot_decision_boundary(model, X, y, before=before, ax=right, **options)
    for ax, word in ((left, "before"), (right, "after")):
        ax.set_title(ax.get_title().replace("decision boundary", word))
    return left, right


class _Picture:
    """One picture in the making; `look` takes in what the model says as it is now."""

    def __init__(self, ax: Any, plane: Plane, reading: Reading, n: int) -> None:
        import numpy as np

        self.np, self.ax, self.plane, self.reading, self.n = np, ax, plane, reading, n
        self.grid = plane.grid(n)
        self.xs, self.ys = (np.linspace(a, b, n) for a, b in zip(plane.low, plane.high, strict=True))
        self.parts = weighted(reading.model)

    def look(self) -> None:
        """Evaluate the model: at the examples, on the grid, and each neuron on the grid."""
        np = self.np
        self.wrong = self.reading.wrong(self.plane.X)
        self.shares = np.asarray(self.reading.shares(self.grid)).reshape(-1, self.n, self.n)
        self.layers: list[Any] = []
        rows = self.grid
        for part in self.parts:
            neurons = neurons_of(part)
            if neurons:
                w = np.array([[v.data for v in neuron.w] for neuron in neurons])
                b = np.array([0.0 if neuron.b is None else neuron.b.data for neuron in neurons])
                self.layers.append((rows @ w.T + b).T.reshape(-1, self.n, self.n))
            rows = part.evaluate(rows)

    def accuracy(self) -> str:
        """Return the accuracy, cut and not rounded: 100% means all."""
        count = len(self.reading.targets)
        return f"{1000 * (count - len(self.wrong)) // count / 10:g}%"

    def surface(self) -> Any:
        """Draw the surface; return the image where it has a scale: between two classes."""
        from matplotlib.colors import LinearSegmentedColormap, to_rgb

        np = self.np
        (left, bottom), (right, top) = self.plane.low, self.plane.high
        half = ((right - left) / (self.n - 1) / 2, (top - bottom) / (self.n - 1) / 2)  # pixels lie around the points
        place = {
            "extent": (left - half[0], right + half[0], bottom - half[1], top + half[1]),
            "origin": "lower",
            "interpolation": "bilinear",
            "zorder": 0,
        }
        if len(self.shares) == 1:
            tints: Any = LinearSegmentedColormap.from_list("classes", (TINTS[0], "#FFFFFF", TINTS[1]))
            return self.ax.imshow(self.shares[0], cmap=tints, vmin=0.0, vmax=1.0, **place)
        tints = np.array([to_rgb(TINTS[k % len(TINTS)]) for k in range(len(self.shares))])
        least = 1.0 / len(self.shares)  # of the best class, where nothing is known
        depth = ((self.shares.max(axis=0) - least) / (1.0 - least)).clip(0.0, 1.0)[..., None]
        self.ax.imshow(1.0 - depth * (1.0 - tints[self.shares.argmax(axis=0)]), **place)
        return None

    def boundary(self, style: str, label: str | None) -> None:
        """Draw the lines between the classes."""
        np, final = self.np, self.reading.model.final
        if len(self.shares) > 1:  # by how much each class leads the best of the others
            fields = [p - np.delete(self.shares, k, axis=0).max(axis=0) for k, p in enumerate(self.shares)]
        elif final is not None and final.name == "step" and len(self.layers) == 1:
            fields = [self.layers[0][0]]  # a step has no slope to find its edge by
        else:
            fields = [self.shares[0] - 0.5]
        for field in fields:
            self.zero(field, INK, style, 2.2 if style == "-" else 1.6)
        if label:
            self.ax.plot([], [], color=INK, linestyle=style, label=label)

    def zero(self, field: Any, colour: str, style: str, width: float) -> Any:
        """Draw where a field is 0; return the pieces of that line."""
        if not field.min() < 0.0 < field.max():
            return []
        look = {"colors": colour, "linestyles": style, "linewidths": width, "zorder": 2}
        return self.ax.contour(self.xs, self.ys, field, levels=[0.0], **look).allsegs[0]

    def hidden(self, style: str) -> None:
        """Draw where each hidden neuron is at 0, with its name where there are few."""
        neurons = [(n, to, z) for n, layer in enumerate(self.layers[:-1], 1) for to, z in enumerate(layer, 1)]
        few = len(neurons) <= len(LINES)
        for k, (number, to, z) in enumerate(neurons):
            colour = LINES[k if few else number % len(LINES)]
            pieces = self.zero(z, colour, style, (1.6 if few else 0.9) / number)
            if pieces and few and style == "-":
                longest = max(pieces, key=len)
                at = longest[int(len(longest) * (k + 0.5) / len(neurons))]  # parallel lines: names side by side
                box = {"boxstyle": "round,pad=0.15", "color": "white", "alpha": 0.8}
                middle = {"ha": "center", "va": "center", "fontsize": 8, "zorder": 5}
                self.ax.text(*at, f"z[{number}][{to}]", color=colour, bbox=box, clip_on=True, **middle)

    def points(self) -> None:
        """Draw the examples, and a ring around each that is wrong."""
        points, targets = self.np.array(self.plane.points), self.np.array(self.reading.targets)
        for k, name in enumerate(self.reading.names):
            look = {"color": COLOURS[k % len(COLOURS)], "marker": MARKERS[k % len(MARKERS)], "edgecolors": "white"}
            self.ax.scatter(*points[targets == k].T, s=42, linewidths=0.8, label=name, zorder=3, **look)
        if self.wrong:
            ring: dict[str, Any] = {"facecolors": "none", "edgecolors": INK, "linewidths": 1.4}
            self.ax.scatter(*points[self.wrong].T, s=150, label="wrong", zorder=4, **ring)

    def line(self) -> tuple[float, float, float] | None:
        """Return (w₁, w₂, b) of a single neuron's line in this plane, None of anything else."""
        neurons = neurons_of(self.parts[0])
        if len(self.parts) > 1 or len(neurons) != 1:
            return None
        (across, up), others = self.plane.features, self.plane.others
        w = [v.data for v in neurons[0].w]
        b = 0.0 if neurons[0].b is None else neurons[0].b.data
        b += sum(w[k] * x for k, x in enumerate(others) if k not in (across, up))
        return w[across], w[up], b

    def arrows(self, asking: list[int], old: Any, new: Any) -> None:
        """Draw how a line has moved below the points that asked for it."""
        if old is None or not (old[0] or old[1]) or not (new[0] or new[1]):
            return
        points = [self.plane.points[k] for k in asking]
        w1, w2, b = (after - now for after, now in zip(new, old, strict=True))
        # The perceptron rule adds lr·(t − o)·(x₁, x₂, 1): what was added says who asked.
        alone = [(x1, x2) for x1, x2 in points if b and isclose(w1 / b, x1) and isclose(w2 / b, x2)]
        points = alone[:1] or sorted(points, key=lambda point: -hypot(*_offset(point, old)))[:ASKING]
        for x1, x2 in points:
            (a1, a2), (b1, b2) = _offset((x1, x2), old), _offset((x1, x2), new)
            look = {"arrowstyle": "-|>", "color": INK, "linewidth": 1.6, "shrinkA": 0, "shrinkB": 0}
            self.ax.annotate("", (x1 - b1, x2 - b2), (x1 - a1, x2 - a2), arrowprops=look, zorder=5)
        if points:
            ring: dict[str, Any] = {"facecolors": "none", "edgecolors": INK, "linewidths": 1.4, "linestyles": "--"}
            self.ax.scatter(*zip(*points, strict=True), s=260, label="asked", zorder=4, **ring)


def _offset(point: tuple[float, float], line: tuple[float, float, float]) -> tuple[float, float]:
    """Return the way from the nearest point of a line to a point."""
    w1, w2, b = line
    far = (w1 * point[0] + w2 * point[1] + b) / (w1 * w1 + w2 * w2)
    return far * w1, far * w2
