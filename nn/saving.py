"""Models as JSON files: readable, written whole or not at all, loaded without running anything in them."""

from __future__ import annotations

from math import isfinite

from autograd_lite import Primitive
from autograd_lite.errors import ArgumentError, InputTypeError
from nn.activations import Activation, ReLU, Sigmoid, Softmax, Tanh
from nn.files import write_whole
from nn.layers import Layer, Linear, Neuron
from nn.loss import Loss
from nn.losses import LOSSES
from nn.module import Module
from nn.networks import MLP, Sequential
from nn.perceptron import Perceptron

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike
    from typing import Any

FORMAT, VERSION = "autograd_lite.nn", 1
LARGEST = 1.7976931348623157e308  # of the floats; a longer integer does not convert
DEPTH = 16
"""How deep networks may stand inside networks in a file."""


def save(model: Module, path: str | PathLike[str]) -> None:
    """Write a model to a JSON file: its layers, their weights, its loss and the names of its classes.

    The file appears complete or not at all; one that is there already is replaced.

    Raises:
        InputTypeError: a part is a class of your own; save its `state_dict()` instead.
        ArgumentError: a weight is nan or inf.

    >>> import tempfile
    >>> from nn import MLP, load
    >>> model = MLP(2, [3, 1], random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(model, folder + "/model.json")
    ...     load(folder + "/model.json").state_dict() == model.state_dict()
    True
    """
    import json

    if not isinstance(model, Module):
        raise InputTypeError(f"save: model must be a Module, got {model!r:.40} of type {type(model).__name__}.")
    known = isinstance(model.loss, Loss) and model.loss.name in LOSSES
    content = {
        "format": FORMAT,
        "version": VERSION,
        "loss": model.loss.name if known and model.loss is not None else None,
        "classes": None if model.classes is None else list(model.classes),
        "model": describe(model),
    }
    write_whole(path, json.dumps(content, indent=1) + "\n")


def load(path: str | PathLike[str], activations: Mapping[str, Primitive] | None = None) -> Any:
    """Return the model in a file written by `save`.

    Args:
        path: the file.
        activations: primitives of your own that the model uses, by name.

    Raises:
        ArgumentError: the file is not such a file, or what it says does not hold together.
    """
    import json

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not a number a model can have")

    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file, parse_constant=refuse)
    except (ValueError, RecursionError) as failure:  # also UnicodeDecodeError and absurdly long integers
        reason = "nested too deeply" if isinstance(failure, RecursionError) else str(failure)
        raise _broken(path, f"must be a JSON file written by nn.save, got one that does not parse: {reason}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise _broken(path, f'must say "format": {FORMAT!r}, got {_short(content)}')
    if content.get("version") != VERSION:
        raise _broken(path, f"must have version {VERSION}, got {_short(content.get('version'))}")
    try:
        model = build(content.get("model"), activations or {}, "model")
        model.loss = _loss(content.get("loss"))
        model.classes = _classes(content.get("classes"), model)
    except (ArgumentError, InputTypeError) as failure:
        raise _broken(path, str(failure).rstrip(".")) from None
    return model


def describe(model: Module) -> dict[str, Any]:
    """Return a model as plain dicts, lists and numbers."""
    kind = type(model)
    name = NAMES.get(kind)
    if name is None:
        raise InputTypeError(
            f"save: the parts of a model must be those of nn, got {kind.__name__}. "
            f"Save model.state_dict() of a class of your own, and give it back with load_state_dict()."
        )
    if isinstance(model, Sequential):
        return {"type": name, "layers": [describe(layer) for layer in model.layers]}
    if isinstance(model, Activation):
        return {"type": name, "function": model.name}
    assert isinstance(model, (Layer, Neuron))
    neurons = model.neurons if isinstance(model, Layer) else [model]
    biases = [_finite(neuron.b.data) for neuron in neurons if neuron.b is not None]
    return {
        "type": name,
        "activation": model.activation.name,
        "w": [[_finite(w.data) for w in neuron.w] for neuron in neurons],
        "b": biases or None,
    }


def build(spec: Any, activations: Mapping[str, Primitive], place: str, depth: int = 0) -> Module:
    """Return the model that `describe` described. Sizes follow from the weights that are there."""
    if not isinstance(spec, dict):
        raise ArgumentError(f"{place} must be an object, got {_short(spec)}")
    kind = KINDS.get(spec["type"]) if isinstance(spec.get("type"), str) else None
    if kind is None:
        raise ArgumentError(f"{place}.type must be one of {', '.join(KINDS)}, got {_short(spec.get('type'))}")
    if issubclass(kind, Sequential):
        layers = spec.get("layers")
        if not isinstance(layers, list) or depth >= DEPTH:
            raise ArgumentError(f"{place}.layers must be a list, at most {DEPTH} deep, got {_short(layers)}")
        parts = [build(layer, activations, f"{place}.layers[{k}]", depth + 1) for k, layer in enumerate(layers)]
        if kind is MLP and not all(type(part) is Layer for part in parts):
            raise ArgumentError(f"{place}.layers of an MLP must all be of type Layer")
        network = kind.__new__(kind)
        Sequential.__init__(network, *parts)
        return network
    if issubclass(kind, Activation):
        if kind is Activation:
            return Activation(_function(spec.get("function"), activations, place))
        plain: Any = kind
        return plain()  # type: ignore[no-any-return]
    return _weighted(kind, spec, activations, place)


def _weighted(kind: Any, spec: dict[str, Any], activations: Mapping[str, Primitive], place: str) -> Module:
    rows = spec.get("w")
    if not isinstance(rows, list) or not rows or not isinstance(rows[0], list) or not rows[0]:
        raise ArgumentError(f"{place}.w must be one list of weights per neuron, got {_short(rows)}")
    weights = [_numbers(row, len(rows[0]), f"{place}.w[{k}]") for k, row in enumerate(rows)]
    biases = None if spec.get("b") is None else _numbers(spec["b"], len(rows), f"{place}.b")
    options: dict[str, Any] = {"bias": biases is not None, "init": "zeros"}
    function = _function(spec.get("activation"), activations, place)
    model: Any
    if issubclass(kind, Neuron):
        if len(rows) != 1:
            raise ArgumentError(f"{place}.w of one neuron must have one row, got {len(rows)}")
        model = kind(len(rows[0]), function, **options)
        neurons = [model]
    else:
        if kind is Linear and function != "linear":
            raise ArgumentError(f"{place}.activation of Linear must be 'linear', got {_short(function)}")
        arguments = () if kind is Linear else (function,)
        model = kind(len(rows[0]), len(rows), *arguments, **options)
        neurons = model.neurons
    for k, neuron in enumerate(neurons):
        for w, number in zip(neuron.w, weights[k], strict=True):
            w.data = number
        if biases is not None:
            neuron.b.data = biases[k]
    return model  # type: ignore[no-any-return]


def _function(name: Any, activations: Mapping[str, Primitive], place: str) -> Any:
    if not isinstance(name, str):
        raise ArgumentError(f"{place}: the activation must be a name, got {_short(name)}")
    return activations.get(name, name)


def _numbers(row: Any, count: int, place: str) -> list[float]:
    if not isinstance(row, list) or len(row) != count:
        raise ArgumentError(f"{place} must be a list of {count} numbers, got {_short(row)}")
    for number in row:
        if number.__class__ not in (float, int) or abs(number) > LARGEST or not isfinite(number):
            raise ArgumentError(f"{place} must hold finite numbers, got {_short(number)}")
    return [float(number) for number in row]


def _loss(name: Any) -> Loss | None:
    if name is not None and (not isinstance(name, str) or name not in LOSSES):
        raise ArgumentError(f"loss must be null or one of {', '.join(LOSSES)}, got {_short(name)}")
    return None if name is None else LOSSES[name]


def _classes(names: Any, model: Module) -> tuple[str, ...] | None:
    if names is None:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise ArgumentError(f"classes must be null or a list of different names, got {_short(names)}")
    if model.n_out is not None and len(names) != max(model.n_out, 2):
        raise ArgumentError(f"classes must be {max(model.n_out, 2)} names for {model.n_out} outputs, got {len(names)}")
    return tuple(names)


def _finite(number: float) -> float:
    if not isfinite(number):
        raise ArgumentError(
            f"save: every weight must be finite, got {number!r}. Train again with a lower learning rate."
        )
    return number


def _short(thing: Any) -> str:
    text = ascii(thing) if not isinstance(thing, (dict, list)) else f"a {type(thing).__name__} of {len(thing)}"
    return text if len(text) <= 40 else text[:37] + "..."


def _broken(path: Any, rule: str) -> ArgumentError:
    return ArgumentError(f"load: {str(path)!r}: {rule}. Write the file again with nn.save.")


KINDS: dict[str, type[Module]] = {
    kind.__name__: kind
    for kind in (MLP, Sequential, Layer, Linear, Neuron, Perceptron, Activation, ReLU, Tanh, Sigmoid, Softmax)
}
NAMES: dict[type[Module], str] = {kind: name for name, kind in KINDS.items()}
