"""Neurons and layers: z = w·x + b, a = f(z)."""

from __future__ import annotations

from operator import index

from autograd_lite import Value, dot, scope
from autograd_lite.errors import ArgumentError, AutogradError, InputTypeError, described
from nn.activations import Activation, activation
from nn.init import generator, scheme
from nn.module import Module, as_inputs, as_rows, naming

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from autograd_lite import Primitive
    from nn.init import Scheme


class Neuron(Module):
    """a = f(w·x + b), the dot product one node, the sum one, the activation one.

    Args:
        n_in: number of inputs.
        activation: f, by name or as a primitive.
        nonlin: micrograd's spelling: False is activation="linear".
        bias: whether there is a b; it starts at 0.
        init: the scheme of `nn.init` the weights are drawn with.
        random_state: None draws from Python's `random`, so that `random.seed(1337)` gives
            micrograd's weights; an int or a `random.Random` is private.
        n_out: width of the layer it stands in, which Xavier's scheme asks for.

    >>> neuron = Neuron(2, "tanh", random_state=0)
    >>> round(neuron([1.0, 0.0]).data, 6)
    0.597239
    """

    def __init__(
        self,
        n_in: int,
        activation: str | Primitive | Activation = "relu",
        *,
        nonlin: bool = True,
        bias: bool = True,
        init: str | Scheme = "uniform",
        random_state: Any = None,
        n_out: int = 1,
    ) -> None:
        self.n_in, self.n_out = width(n_in, "Neuron: n_in"), 1
        draw, numbers = scheme(init), generator(random_state)
        self.w = [Value(draw(numbers, n_in, n_out), f"w[{k}]", "parameter") for k in range(1, n_in + 1)]
        self.b = Value(0.0, "b", "parameter") if bias else None
        self.activation = activation_of_neuron(activation if nonlin else "linear")

    def __setattr__(self, name: str, thing: Any) -> None:
        if name == "w" or (name == "b" and thing is not None):
            refuse_numbers(name, thing)
        super().__setattr__(name, thing)

    def __call__(self, x: Sequence[Any]) -> Any:
        x = as_inputs(x, len(self.w), self.describe())
        try:
            return self.both(x)[1]
        except AutogradError as error:
            raise naming(error, self.describe()) from None

    def both(self, x: tuple[Any, ...], name: str = "neuron") -> tuple[Any, Any]:
        """Return z = w·x + b and a = f(z) at len(w) numbers, made in a scope of that name."""
        with scope(name):
            z = dot(x, self.w)
            if self.b is not None:
                z = z + self.b
            return z, z if self.activation.row is None else self.activation.row(z)

    def evaluate(self, X: Any) -> Any:  # noqa: N803
        return _evaluate([self], self.activation, X, self.describe())

    @property
    def final(self) -> Activation:
        return self.activation

    def describe(self) -> str:
        return f"{type(self).__name__}({len(self.w)}, {self.activation.name})"


class Layer(Module):
    """n_out neurons on the same n_in inputs: a = f(W x + b).

    One Value comes out where there is one neuron, a list of them otherwise. The parameters
    are `neurons[to].w[from]` and `neurons[to].b`, labelled w[layer][from][to] and
    b[layer][to], counted from 1 as in the lectures.

    Args:
        n_in, n_out: widths.
        activation, nonlin, bias, init, random_state: as of `Neuron`; "softmax" is possible.

    >>> layer = Layer(2, 3, "tanh", random_state=0)
    >>> layer
    Layer(2, 3, tanh), 9 parameters
    >>> [round(a.data, 4) for a in layer([1.0, 0.0])]
    [0.5972, -0.1575, 0.0225]
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        activation: str | Primitive | Activation = "relu",
        *,
        nonlin: bool = True,
        bias: bool = True,
        init: str | Scheme = "uniform",
        random_state: Any = None,
    ) -> None:
        self.n_in, self.n_out = width(n_in, "Layer: n_in"), width(n_out, "Layer: n_out")
        numbers = generator(random_state)
        function = as_activation(activation if nonlin else "linear")
        function.refuse_one(self.n_out)
        own = as_activation("linear") if function.name == "softmax" else function
        self.neurons = [
            Neuron(n_in, own, bias=bias, init=init, random_state=numbers, n_out=n_out) for _ in range(n_out)
        ]
        self.activation = function
        self.number(None)

    def number(self, layer: int | None) -> None:
        """Label the parameters as those of layer number `layer` of a network, None for one on its own."""
        place = "" if layer is None else f"[{layer}]"
        self.name = "layer" if layer is None else f"layer {layer}"
        self.place = self.describe() if layer is None else f"{self.name}, {self.describe()}"
        for to, neuron in enumerate(self.neurons, 1):
            for from_, w in enumerate(neuron.w, 1):
                w.label = f"w{place}[{from_}][{to}]"
            if neuron.b is not None:
                neuron.b.label = f"b{place}[{to}]"

    def __call__(self, x: Sequence[Any]) -> Any:
        y = self.outputs(x)
        return y[0] if len(y) == 1 else y

    def outputs(self, x: Sequence[Any]) -> list[Any]:
        return self.both(x)[1]

    def both(self, x: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """Return z = W x + b and a = f(z) at one example."""
        x = as_inputs(x, len(self.neurons[0].w), self.place)
        try:
            with scope(self.name):
                pairs = [neuron.both(x, f"neuron {k}") for k, neuron in enumerate(self.neurons, 1)]
                z, a = [z for z, _ in pairs], [a for _, a in pairs]
                return z, self.activation.outputs(a) if self.activation.name == "softmax" else a
        except AutogradError as error:
            raise naming(error, self.place) from None

    def evaluate(self, X: Any) -> Any:  # noqa: N803
        return _evaluate(self.neurons, self.activation, X, self.place)

    @property
    def final(self) -> Activation:
        return self.activation

    def describe(self) -> str:
        return f"{type(self).__name__}({self.n_in}, {self.n_out}, {self.activation.name})"


class Linear(Layer):
    """A layer without activation, z = W x + b: for `Sequential(Linear(4, 8), ReLU(), Linear(8, 3))`.

    >>> Linear(4, 3)
    Linear(4, 3), 15 parameters
    """

    def __init__(
        self, n_in: int, n_out: int, *, bias: bool = True, init: str | Scheme = "uniform", random_state: Any = None
    ) -> None:
        super().__init__(n_in, n_out, "linear", bias=bias, init=init, random_state=random_state)

    def describe(self) -> str:
        return f"Linear({self.n_in}, {self.n_out})"


def refuse_numbers(name: str, thing: Any) -> None:
    """Refuse plain numbers in place of parameters: they would stand still in training, without a word."""
    rule, place = ("w must be a list of Values", "w[0]") if name == "w" else ("b must be a Value or None", "b")
    for weight in thing if name == "w" and isinstance(thing, (list, tuple)) else [thing]:
        if not isinstance(weight, Value) or (name == "w" and weight is thing):
            raise InputTypeError(f"Neuron: {rule}, got {described(weight)}. Set neuron.{place}.data = 0.5.")


as_activation = activation  # under a name that the argument `activation` does not hide


def activation_of_neuron(function: str | Primitive | Activation) -> Activation:
    """Return the activation, unless it is one that needs a whole layer."""
    found = activation(function)
    if found.name == "softmax":
        raise ArgumentError("Neuron: softmax is taken over a layer, got one neuron. Write Layer(n_in, n_out, ...).")
    return found


def width(n: Any, who: str) -> int:
    """Return a number of inputs or neurons, at least 1."""
    try:
        count = index(n)
    except TypeError:
        raise InputTypeError(f"{who}: must be an int, got {n!r} of type {type(n).__name__}.") from None
    if count < 1:
        raise ArgumentError(f"{who}: must be at least 1, got {count}.")
    return count


def _evaluate(neurons: list[Neuron], activation: Activation, X: Any, who: str) -> Any:  # noqa: N803
    """Return f(W x + b) for every row x of X, as an array where X is one, else as lists of floats."""
    for neuron in neurons:
        refuse_numbers("w", neuron.w)  # once more: one may have been set in the list
    weights = [[w.data for w in neuron.w] for neuron in neurons]
    biases = [None if neuron.b is None else neuron.b.data for neuron in neurons]
    n_in = len(weights[0])
    if not hasattr(X, "tolist"):
        rows = [as_inputs(x, n_in, who) for x in as_rows(X, n_in, who)]
        try:
            return activation.evaluate(
                [
                    [dot(x, w) if b is None else dot(x, w) + b for w, b in zip(weights, biases, strict=True)]
                    for x in rows
                ]
            )
        except AutogradError as error:
            raise naming(error, who) from None
    import numpy as np

    if X.ndim != 2 or X.shape[1] != n_in:
        raise ArgumentError(f"{who}: an array of shape (n, {n_in}) expected, got {X.shape}.")
    with np.errstate(all="ignore"):
        try:
            return activation.evaluate(X @ np.array(weights).T + np.array([b or 0.0 for b in biases]))
        except AutogradError as error:
            raise naming(error, who) from None
