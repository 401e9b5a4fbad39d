"""Module: what every part of a network can do."""

from __future__ import annotations

from autograd_lite import Value, no_grad
from autograd_lite.errors import ArgumentError, AutogradError, InputTypeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any, TypeAlias

    from nn.activations import Activation
    from nn.loss import Loss
    from nn.recording import Recording

    Place: TypeAlias = "tuple[Place, Any] | None"  # where something is in a module: the place around it, and its name


ELSEWHERE = {
    "train": "Leave it out: nothing here behaves otherwise in training.",
    "eval": "Leave it out: nothing here behaves otherwise in training.",
    "to": "Leave it out: there is one device.",
    "cpu": "Leave it out: there is one device.",
    "cuda": "Leave it out: there is one device.",
    "weight": "Write layer.neurons[to].w[from_], or parameters().",
    "weights": "Write layer.neurons[to].w[from_], or parameters().",
    "bias": "Write layer.neurons[to].b, or parameters().",
    "forward": "Write model(x), and __call__ in a class of your own.",
    "backward": "Write loss.backward().",
    "compile": "Leave it out: fit takes the loss and the optimizer.",
    "summary": "Write print(model).",
    "fit": "Write nn.fit(model, X, y, loss=...).",
    "save": "Write nn.save(model, 'model.json').",
    "load": "Write nn.load('model.json').",
}
"""Attributes of models in other libraries, and what to write here."""


class Module:
    """Something with parameters: a neuron, a layer, a network, or a class of your own.

    A subclass sets its Values and Modules as attributes (or in lists, tuples and dicts of
    them) and says in `__call__` what it does with one example. Everything else follows.

    >>> from autograd_lite import Value
    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.w, self.b = Value(2.0), Value(1.0)
    ...     def __call__(self, x):
    ...         return self.w * x[0] + self.b
    >>> line = Line()
    >>> line.state_dict()
    {'w': 2.0, 'b': 1.0}
    >>> line.evaluate([[3.0], [4.0]])
    [[7.0], [9.0]]
    """

    n_in: int | None = None
    """How many numbers an example has; None where it was not said."""
    n_out: int | None = None
    """How many numbers come out; None where it was not said."""
    loss: Loss | None = None
    """The loss it was trained with; set by `fit`, it decides what predictions mean."""
    classes: tuple[str, ...] | None = None
    """The names of the classes, where the targets were names."""

    if not TYPE_CHECKING:  # a type checker shall go on saying that there is no such attribute

        def __getattr__(self, name: str) -> Any:
            kind, cure = type(self).__name__, ELSEWHERE.get(name)
            raise AttributeError(
                f"{kind!r} object has no attribute {name!r}" + (f". {cure}" if cure else ""), name=name, obj=self
            )

    def __call__(self, x: Sequence[Any]) -> Any:
        """Return the output at one example: a Value, or a list where there are several."""
        raise NotImplementedError(f"{type(self).__name__}: write __call__(self, x), the output at one example x")

    def outputs(self, x: Sequence[Any]) -> list[Any]:
        """Return the output at one example as a list, of length 1 where there is one."""
        y = self(x)
        return list(y) if isinstance(y, (list, tuple)) else [y]

    @property
    def final(self) -> Activation | None:
        """The activation its outputs come from, None where there is none to name."""
        return None

    def activations(self) -> list[Activation]:
        """Return the activations inside, in order."""
        from nn.activations import Activation

        return [part for part in modules(self) if isinstance(part, Activation)]

    # ---- parameters

    def parameters(self) -> list[Value]:
        """Return every parameter once, in the order of definition: neuron by neuron, weights, then bias."""
        return list(dict.fromkeys([value for _, value in _walk(self)]))

    def named_parameters(self) -> list[tuple[str, Value]]:
        """Return (path, parameter) for each of `parameters()`.

        >>> from nn import Neuron
        >>> [path for path, _ in Neuron(2).named_parameters()]
        ['w.0', 'w.1', 'b']
        """
        paths: dict[int, str] = {}
        for place, value in _walk(self):
            if id(value) not in paths:
                paths[id(value)] = _path(place)
        return [(paths.get(id(p), f"parameters.{k}"), p) for k, p in enumerate(self.parameters())]

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0."""
        for parameter in self.parameters():
            parameter.grad = 0.0

    def state_dict(self) -> dict[str, float]:
        """Return the number of every parameter under its path."""
        return {path: parameter.data for path, parameter in self.named_parameters()}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Set every parameter from such a dict; all of them or, if anything is wrong, none.

        Raises:
            ArgumentError: a path is missing or unknown.
            InputTypeError: an entry is not a number.
        """
        if not hasattr(state, "keys"):
            raise InputTypeError(
                f"load_state_dict: the state must be a dict, got {state!r:.40} of type {type(state).__name__}. "
                f"state_dict() makes one."
            )
        named = dict(self.named_parameters())
        missing, unknown = [k for k in named if k not in state], [k for k in state if k not in named]
        if missing or unknown:
            wrong = [f"{len(missing)} missing ({missing[0]!r} first)"] if missing else []
            wrong += [f"{len(unknown)} unknown ({unknown[0]!r} first)"] if unknown else []
            raise ArgumentError(
                f"load_state_dict: the paths must be those of this model, got {' and '.join(wrong)}. "
                f"Build the model with the widths it was saved with."
            )
        numbers = {path: Value(state[path]).data for path in named}
        for path, parameter in named.items():
            parameter.data = numbers[path]

    # ---- numbers without a graph

    def evaluate(self, X: Any) -> Any:  # noqa: N803
        """Return the outputs at many examples as plain numbers; no graph is built.

        X: n rows of n_in numbers. A numpy array gives an array, anything else a list of lists.
        """
        with no_grad():
            rows = [[_plain(y) for y in self.outputs(x)] for x in (X.tolist() if hasattr(X, "tolist") else X)]
        if not hasattr(X, "tolist"):
            return rows
        import numpy as np

        return np.array(rows)

    def predict(self, X: Any, *, loss: Loss | str | None = None) -> Any:  # noqa: N803
        """Return the prediction for each row of X: a class for a classifier, else the output.

        The loss the model was fitted with says which: see `nn.prediction`. Pass `loss` for a
        model trained by hand.
        """
        from nn.prediction import predict

        return predict(self, X, loss)

    def predict_proba(self, X: Any, *, loss: Loss | str | None = None) -> Any:  # noqa: N803
        """Return the probability of every class for each row of X; every row adds up to 1."""
        from nn.prediction import predict_proba

        return predict_proba(self, X, loss)

    def score(self, X: Any, y: Any, *, loss: Loss | str | None = None) -> float:  # noqa: N803
        """Return the share of right classes, or R² where the model predicts numbers."""
        from nn.prediction import score

        return score(self, X, y, loss)

    def record(self, x: Sequence[Any]) -> Recording:
        """Return a forward pass in which every number between the layers has a name: see `nn.recording`."""
        from nn.recording import Recording

        return Recording(self, x)

    def __repr__(self) -> str:
        count = len(self.parameters())
        return f"{self.describe()}, {count} parameter{'s' * (count != 1)}"

    def describe(self) -> str:
        """Return the architecture as text, without the parameter count."""
        return f"{type(self).__name__}()"


def _plain(y: Any) -> float:
    return y.data if isinstance(y, Value) else float(y)


def modules(module: Module) -> list[Module]:
    """Return a module and every module inside it, in order of definition."""
    return [thing for _, thing in _below(module) if isinstance(thing, Module)]


def _walk(module: Module) -> Iterator[tuple[Place, Value]]:
    """Yield (place, leaf) for every parameter below a module, in order of definition."""
    for place, thing in _below(module):
        if isinstance(thing, Value) and thing.primitive is None and thing.role in (None, "parameter"):
            yield place, thing


def _below(module: Module) -> Iterator[tuple[Place, Any]]:
    seen: set[int] = set()
    stack: list[tuple[Place, Any]] = [(None, module)]
    while stack:
        place, thing = stack.pop()
        if isinstance(thing, Value):
            yield place, thing
            continue
        items: list[tuple[Any, Any]]
        if isinstance(thing, Module):
            items = list(vars(thing).items())
        elif isinstance(thing, (list, tuple)):
            items = list(enumerate(thing))
        elif isinstance(thing, dict):
            items = list(thing.items())
        else:
            continue
        if id(thing) not in seen:
            seen.add(id(thing))
            yield place, thing
            stack += [((place, k), item) for k, item in reversed(items)]


def _path(place: Place) -> str:
    """Return a place in words: "layers.0.neurons.1.w.2"."""
    names: list[str] = []
    while place is not None:
        place, name = place
        names.append(str(name))
    return ".".join(reversed(names))


def as_inputs(x: Any, n_in: int, who: str) -> tuple[Any, ...]:
    """Return one example as a tuple of n_in numbers, or raise an error that names the layer."""
    if x.__class__ is not tuple and x.__class__ is not list:
        if getattr(x, "ndim", 1) != 1:
            raise InputTypeError(
                f"{who}: one example is a flat list of {n_in} numbers, got an array of shape {x.shape}. "
                f"Write [model(x) for x in X], or model.evaluate(X) for plain numbers."
            )
        try:
            if isinstance(x, UNORDERED):
                raise TypeError
            x = x.tolist() if hasattr(x, "tolist") else tuple(x)
        except TypeError:
            raise InputTypeError(
                f"{who}: one example is a list of {n_in} numbers, got {type(x).__name__}. Write model([x])."
            ) from None
    if len(x) and isinstance(x[0], (list, tuple)):
        raise InputTypeError(
            f"{who}: one example is a flat list of {n_in} numbers, got a list of lists. Write [model(x) for x in X]."
        )
    if len(x) != n_in:
        raise ArgumentError(
            f"{who}: {n_in} input{'s' * (n_in != 1)} expected, got {len(x)}. "
            f"Give each example as many numbers as the layer has inputs."
        )
    return tuple(x)


UNORDERED = (str, bytes, dict, set, frozenset)
"""What can be walked through, and is no list of numbers all the same."""


def as_rows(X: Any, n_in: int, who: str) -> list[Any]:  # noqa: N803
    """Return many examples as a list, or raise an error that names the layer."""
    rows = [] if isinstance(X, UNORDERED) else X
    try:
        rows = list(rows)
    except TypeError:
        rows = []
    if isinstance(X, UNORDERED) or not hasattr(X, "__iter__") or (rows and isinstance(rows[0], (int, float, Value))):
        raise InputTypeError(
            f"{who}: rows of {n_in} numbers are needed, got {X!r:.40} of type {type(X).__name__}. "
            f"Write model.evaluate([x]) for one."
        )
    return rows


def naming(error: AutogradError, place: str) -> AutogradError:
    """Return an error that happened inside a layer with the name of the layer in front, once."""
    text = str(error)
    if not text.startswith((place, "layer ")):
        error.args = (f"{place}: {text}",)
    return error
