"""Networks: layers one after the other."""

from __future__ import annotations

from autograd_lite.errors import ArgumentError, AutogradError, InputTypeError
from nn.activations import Activation
from nn.activations import activation as as_activation
from nn.init import generator
from nn.layers import Layer, width
from nn.module import Module, naming

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from autograd_lite import Primitive
    from nn.init import Scheme


class Sequential(Module):
    """layerₙ(… layer₂(layer₁(x))): each layer takes what the one before gives.

    >>> from nn import Linear, ReLU
    >>> Sequential(Linear(4, 8), ReLU(), Linear(8, 3))
    Sequential, 67 parameters
      Linear(4, 8), 40 parameters
      ReLU(), 0 parameters
      Linear(8, 3), 27 parameters
    """

    def __init__(self, *layers: Module) -> None:
        if not layers:
            raise ArgumentError("Sequential: at least one layer is needed, got none.")
        for layer in layers:
            if not isinstance(layer, Module):
                raise InputTypeError(f"Sequential: every layer must be a Module, got {_got(layer)}")
        self.layers = list(layers)
        expected, before = None, ""
        for layer in layers:
            if expected is not None and layer.n_in is not None and layer.n_in != expected:
                raise ArgumentError(
                    f"Sequential: {layer.describe()} takes {layer.n_in} inputs, got {expected} from {before}. "
                    f"Make the widths agree."
                )
            if isinstance(layer, Activation):
                layer.refuse_one(expected)
            elif layer.n_out is None:
                expected = None
            else:
                expected, before = layer.n_out, layer.describe()
        self.n_in, self.n_out = layers[0].n_in, expected
        for number, layer in enumerate(self.weighted(), 1):
            layer.number(number)

    def weighted(self) -> Iterator[Layer]:
        """Yield the layers that have weights, those of nested networks too."""
        for layer in self.layers:
            if isinstance(layer, Layer):
                yield layer
            elif isinstance(layer, Sequential):
                yield from layer.weighted()

    def __call__(self, x: Sequence[Any]) -> Any:
        y = self.outputs(x)
        return y[0] if len(y) == 1 else y

    def outputs(self, x: Sequence[Any]) -> list[Any]:
        for k, layer in enumerate(self.layers):
            try:
                x = layer.outputs(x)
            except AutogradError as error:
                raise naming(error, self.place_of(k)) from None
        return list(x)

    def evaluate(self, X: Any) -> Any:  # noqa: N803
        for k, layer in enumerate(self.layers):
            try:
                X = layer.evaluate(X)  # noqa: N806
            except AutogradError as error:
                raise naming(error, self.place_of(k)) from None
        return X

    def place_of(self, k: int) -> str:
        """Return what errors call the part at index k: an activation goes with the layer before it."""
        part = self.layers[k]
        if isinstance(part, Layer):
            return part.place
        before = next((layer.place for layer in reversed(self.layers[:k]) if isinstance(layer, Layer)), None)
        return part.describe() if before is None else f"{part.describe()} after {before}"

    @property
    def final(self) -> Activation | None:
        return self.layers[-1].final

    def describe(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        lines = "\n".join(repr(layer) for layer in self.layers)
        return f"{super().__repr__()}\n  " + lines.replace("\n", "\n  ")


def _got(layer: Any) -> str:
    """Return what was given for a layer, and what to write instead."""
    if isinstance(layer, type):
        return f"the class {layer.__name__}. Write {layer.__name__}(...)."
    if isinstance(layer, (list, tuple)):
        return f"a {type(layer).__name__}. Write Sequential(*layers)."
    return f"{layer!r:.60} of type {type(layer).__name__}. Wrap a function in nn.Activation, or write a Module."


class MLP(Sequential):
    """A multi-layer perceptron: relu between the layers, the last one linear.

    Args:
        n_in: number of inputs.
        n_outs: widths of the layers, the last one that of the output.
        activation: of all layers but the last; or a list, one entry per layer.
        output: of the last layer, where `activation` is not a list.
        bias, init, random_state: as of `Neuron`.

    >>> MLP(2, [16, 16, 1])
    MLP(2, [16, 16, 1]), 337 parameters
      Layer(2, 16, relu), 48 parameters
      Layer(16, 16, relu), 272 parameters
      Layer(16, 1, linear), 17 parameters
    >>> round(MLP(2, [3, 1], "tanh", random_state=0)([1.0, -1.0]).data, 6)
    -0.035545
    """

    layers: list[Any]

    def __init__(
        self,
        n_in: int,
        n_outs: Sequence[int],
        activation: str | Primitive | Sequence[str | Primitive] = "relu",
        output: str | Primitive = "linear",
        *,
        bias: bool = True,
        init: str | Scheme = "uniform",
        random_state: Any = None,
    ) -> None:
        try:
            n_outs = list(n_outs)
        except TypeError:
            raise InputTypeError(f"MLP: n_outs must be a list of widths, got {n_outs!r}. Write [{n_outs}].") from None
        n_outs = [width(n, "MLP: n_outs") for n in n_outs]
        if not n_outs:
            raise ArgumentError("MLP: n_outs must have at least one width, got none.")
        if isinstance(activation, (list, tuple)):
            functions = list(activation)
            if len(functions) != len(n_outs):
                raise ArgumentError(
                    f"MLP: one activation per layer is needed, {len(n_outs)} in all, got {len(functions)}."
                )
        else:
            # Looked up here: with one layer it is not used, and a wrong name would pass unnoticed.
            hidden: Any = activation
            functions = [as_activation(hidden)] * (len(n_outs) - 1) + [output]
        numbers = generator(random_state)
        widths = [width(n_in, "MLP: n_in"), *n_outs]
        super().__init__(
            *[
                Layer(a, b, function, bias=bias, init=init, random_state=numbers)
                for a, b, function in zip(widths, n_outs, functions, strict=False)
            ]
        )

    def describe(self) -> str:
        return f"MLP({self.n_in}, {[layer.n_out for layer in self.layers]})"
