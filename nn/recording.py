"""A forward pass in which every number between the layers has a name.

    x[from]             inputs
    z[layer][to]        pre-activations, z = w·x + b
    a[layer][to]        activations, a = f(z)
    w[layer][from][to]  weights, b[layer][to] biases

All count from 1. After `backward()` the `grad` of each is a sensitivity: how much the loss
changes with it.
"""

from __future__ import annotations

from autograd_lite import Value, identity
from autograd_lite.errors import ArgumentError, AutogradError
from nn.activations import Activation
from nn.layers import Layer, Neuron
from nn.module import as_inputs, naming
from nn.networks import Sequential

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from nn.module import Module

SHOWN = 6  # numbers, or names, in a repr


class Stage:
    """One layer of a recorded pass.

    Attributes:
        inputs: what came in, the activations of the layer before.
        z: pre-activations; empty for an activation that stands alone.
        a: activations.
    """

    def __init__(self, inputs: list[Any], z: list[Any], a: list[Any]) -> None:
        self.inputs, self.z, self.a = inputs, z, a

    @property
    def dz(self) -> list[float]:
        """∂loss/∂z, after backward()."""
        return [z.grad for z in self.z]

    @property
    def da(self) -> list[float]:
        """∂loss/∂a, after backward()."""
        return [a.grad for a in self.a]

    def __repr__(self) -> str:
        return f"Stage(z={_shown(self.z)}, a={_shown(self.a)})"


class Recording:
    """What happened in one forward pass: made by `model.record(x)`.

    Attributes:
        inputs: the example, as Values.
        layers: a `Stage` per layer.
        output: what `model(x)` returns.
        values: every Value by name.

    >>> from nn import MLP, squared_error
    >>> model = MLP(2, [2, 1], "sigmoid", "sigmoid", random_state=0)
    >>> pass_ = model.record([1.0, 0.0])
    >>> pass_
    Recording(8 values: x[1], x[2], z[1][1], z[1][2], a[1][1], a[1][2], ...)
    >>> squared_error(pass_.output, 1.0).backward()
    >>> h = pass_["a[2][1]"]
    >>> h.grad == h.data - 1.0                        # ∂E/∂ŷ = ŷ − y
    True
    >>> z = pass_["z[2][1]"]
    >>> z.grad == h.grad * (h.data * (1 - h.data))    # ∂E/∂z = ∂E/∂ŷ · σ′(z)
    True
    """

    def __init__(self, model: Module, x: Sequence[Any]) -> None:
        first = next((part for part in _parts(model) if not isinstance(part, Activation)), None)
        width = first.n_in if first is not None and first.n_in is not None else len(x)
        numbers = as_inputs(x, width, getattr(first, "place", model.describe()))
        self.values: dict[str, Value] = {}
        self.inputs = [v if isinstance(v, Value) else Value(v, f"x[{k}]", "input") for k, v in enumerate(numbers, 1)]
        for k, v in enumerate(self.inputs, 1):
            self.values[f"x[{k}]"] = v
        self.layers: list[Stage] = []
        inputs = self.inputs
        for parts in _stages(model):
            stage = self._run(parts, inputs)
            self.layers.append(stage)
            inputs = stage.a
        self.output: Any = inputs[0] if len(inputs) == 1 else inputs

    def __repr__(self) -> str:
        """Return its names, the first few of them."""
        return f"Recording({len(self.values)} values: {', '.join(list(self.values)[:SHOWN])}, ...)"

    def __getitem__(self, name: str) -> Value:
        if name not in self.values:
            raise ArgumentError(
                f"Recording: {name!r} is not one of its names, {', '.join(list(self.values)[:SHOWN])}, ... . "
                f"Names count from 1: z[layer][to]."
            )
        return self.values[name]

    def _run(self, parts: list[Module], inputs: list[Any]) -> Stage:
        number = len(self.layers) + 1
        z: list[Any] = []
        a = inputs
        try:
            for part in parts:
                if isinstance(part, Layer):
                    z, a = part.both(a)
                elif isinstance(part, Neuron):
                    z, a = ([y] for y in part.both(as_inputs(a, len(part.w), part.describe())))
                else:
                    a = part.outputs(a)
        except AutogradError as error:
            raise naming(error, getattr(parts[0], "place", f"layer {number}, {parts[-1].describe()}")) from None
        if z and a[0] is z[0]:  # a node of its own even then, so that both have a name and a sensitivity
            a = [identity(value) for value in a]
        self._name("z", number, z)
        self._name("a", number, a)
        return Stage(inputs, z, a)

    def _name(self, letter: str, layer: int, values: list[Any]) -> None:
        for k, value in enumerate(values, 1):
            name = f"{letter}[{layer}][{k}]"
            self.values[name] = value if isinstance(value, Value) else Value(value)
            if value.label is None:
                value.label = name


def _shown(values: list[Any]) -> str:
    numbers = [f"{v.data if isinstance(v, Value) else v:.4g}" for v in values[:SHOWN]]
    return f"[{', '.join(numbers)}{', ...' * (len(values) > SHOWN)}]"


def _parts(model: Module) -> Iterator[Module]:
    if not isinstance(model, Sequential):
        yield model
        return
    for layer in model.layers:
        yield from _parts(layer)


def _stages(model: Module) -> list[list[Module]]:
    """Return the parts of a model grouped: an activation belongs to the linear layer before it."""
    groups: list[list[Module]] = []
    for part in _parts(model):
        before = groups[-1][-1] if groups else None
        if isinstance(part, Activation) and isinstance(before, Layer) and before.activation.name == "linear":
            groups[-1].append(part)
        else:
            groups.append([part])
    return groups
