"""What `diagnose` reports: findings in words, and the numbers of each layer."""

from __future__ import annotations

from math import isfinite, nan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nn.layers import Neuron


class Finding:
    """One thing that is conspicuous; print it to read it. Everything counts from 1.

    Attributes:
        kind: "off", "saturated", "unreachable", "copies", "update", "dominant", "vanishing",
            "exploding", "settled", "zero" or "nonfinite".
        layer: its name, "layer 1"; None where it concerns all of them.
        neurons: numbers within the layer.
        examples: numbers of the examples.
        parameters: labels.
        value: the number that was conspicuous: a share or a ratio.
        sentence: all of it in words.
    """

    def __init__(self, kind: str, sentence: str, value: float, layer: str | None = None) -> None:
        self.kind, self.sentence, self.value, self.layer = kind, sentence, value, layer
        self.neurons: tuple[int, ...] = ()
        self.examples: tuple[int, ...] = ()
        self.parameters: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return self.sentence


class LayerReport:
    """What was measured in one layer.

    Attributes:
        name: "layer 1".
        neurons: its neurons.
        gradient: rms of dloss/dz over examples and neurons.
        update: norm of the next step over norm of the weights; nan where these are all 0.
        off: for each neuron, the share of examples at which its relu is off; None without relu.
        saturated: the same of sigmoid and tanh.
    """

    def __init__(self, name: str, neurons: list[Neuron]) -> None:
        self.name, self.neurons = name, neurons
        self.gradient, self.update = nan, nan
        self.off: list[float | None] = [None] * len(neurons)
        self.saturated: list[float | None] = [None] * len(neurons)

    def __repr__(self) -> str:
        return f"<{self.name}: gradient {self.gradient:.3g}, update {self.update:.3g}>"


class Diagnosis:
    """What `diagnose` found; print it, or let a REPL show it.

    Attributes:
        findings: a `Finding` for each thing that is conspicuous.
        layers: what was measured in each layer, a `LayerReport`.
        loss: the mean loss of the examples.
        norms: for each example the norm of its gradient; nan where there is none.
    """

    def __init__(self, title: str, layers: list[LayerReport], loss: float, norms: list[float]) -> None:
        self._title, self.layers, self.loss, self.norms = title, layers, loss, norms
        self.findings: list[Finding] = []

    def __repr__(self) -> str:
        width = max([len(layer.name) for layer in self.layers], default=0)
        lines = [self._title]
        if self.layers:
            lines.append(f"  {'':{width}}  dloss/dz  step/weights")
            lines += [f"  {x.name:{width}}  {_short(x.gradient):8}  {_short(x.update)}" for x in self.layers]
        lines += [f"- {finding}" for finding in self.findings] or ["Nothing conspicuous."]
        return "\n".join(lines)


def _short(x: float) -> str:
    return f"{x:.2g}" if isfinite(x) else "-"
