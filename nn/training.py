"""Training: examples in, gradients added up, one step per batch."""

from __future__ import annotations

from math import fsum, isfinite
from operator import index
from time import perf_counter

from autograd_lite import Value
from autograd_lite.errors import ArgumentError, InputTypeError, OperationError
from nn.compiling import CompiledTraining
from nn.guards import at_example, check_gradients, not_finite, refuse_unlearnable
from nn.history import History, Progress, callback_list
from nn.init import generator
from nn.loss import Loss, as_list
from nn.losses import loss_named
from nn.module import Module
from nn.optim import SGD, Optimizer
from nn.prediction import class_of, meaning, score
from nn.targets import encode, examples

NoneType = type(None)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from random import Random
    from typing import Any, Never

    from nn.history import Callback


ELSEWHERE = {
    "lr": "Write optimizer=SGD(model.parameters(), lr=0.1).",
    "learning_rate": "Write optimizer=SGD(model.parameters(), lr=0.1).",
    "criterion": "Write loss='cross_entropy', say.",
    "verbose": "Write progress=True, or False.",
    "validation_data": "Write validation=(X, y).",
    "seed": "Write random_state=0.",
    "shuffle": "Leave it out: batches are drawn anew in each epoch.",
    "metrics": "Leave it out: the history has the accuracy.",
}
"""Arguments of such functions in other libraries, and what to write here."""


def fit(
    model: Module,
    X: Any,  # noqa: N803
    y: Any,
    *,
    loss: Loss | str | Callable[[Any, Any], Any],
    optimizer: Optimizer | None = None,
    epochs: int = 100,
    batch_size: int | None = None,
    validation: tuple[Any, Any] | None = None,
    random_state: Any = None,
    callbacks: Callback | Iterable[Callback] = (),
    progress: bool | None = None,
    compiled: bool = False,
    threads: int = 1,
    **unknown: Never,
) -> History:
    """Train a model: for every batch, add up the gradients of its mean loss, then one step.

    Args:
        model: its parameters are changed in place, also when the run is interrupted by Ctrl-C.
        X: n examples of n_in numbers.
        y: n targets, as `loss` takes them; or names of classes.
        loss: of `nn.losses`, its name, or a function (output, target) of your own.
        optimizer: SGD(model.parameters(), lr=0.1) unless given.
        epochs: how often every example is met.
        batch_size: examples per step; None takes all of them, in order, otherwise they are
            shuffled anew each epoch.
        validation: (X, y) on which the model is tried after each epoch.
        random_state: of the shuffling: None is Python's `random`, an int is private.
        callbacks: one, or a list of them; each is called with (model, history) after an epoch; True ends the run.
        progress: a line on standard error; None shows it on a terminal only.
        compiled: run as a native program, an epoch in one call; the numbers agree up to rounding. Takes a
            moment to compile and the extra `fast`; the history has no accuracy.
        threads: of a compiled run: how many cores share a batch of many examples; it changes no number.

    Raises:
        ArgumentError, InputTypeError: the data, the loss and the model do not fit together.
        NonFiniteError: a loss, a gradient or a step is nan or inf. The first operation that gave
            it is named, and the example. The parameters are as they were before the step, and
            `error.history` is the run so far.
        DomainError, ...: an operation has no value, as log(0); the same holds.

    >>> from nn import MLP, data
    >>> X, y = data.xor()
    >>> model = MLP(2, [4, 1], "tanh", random_state=1)
    >>> history = fit(model, X, y, loss="bce_logits", optimizer=SGD(model.parameters(), lr=0.5), epochs=200)
    >>> model.predict(X)
    [0, 1, 1, 0]
    """
    for name in unknown:
        raise InputTypeError(
            f"fit: no argument is called {name}, got one. {ELSEWHERE.get(name, 'help(fit) has the list of them.')}"
        )
    if not isinstance(model, Module):
        cure = "" if isinstance(model, type) else " Write fit(model, X, y, loss=...)."
        raise InputTypeError(f"fit: model must be a Module, got {_given(model, '...')}{cure}")
    if not isinstance(optimizer, (Optimizer, NoneType)):
        raise InputTypeError(f"fit: optimizer must be an Optimizer, got {_optimizer_given(optimizer)}")
    cost = loss_named(loss)
    refuse_unlearnable(model, cost)
    X, targets, classes = _data(model, X, y, cost, model.classes, "fit")  # noqa: N806
    trial = None if validation is None else _data(model, *_pair(validation), cost, classes, "fit: validation")[:2]
    size = len(X) if batch_size is None else min(_count(batch_size, "batch_size", 1), len(X))
    epochs, threads = _count(epochs, "epochs", 0), _count(threads, "threads", 1)
    if threads > 1 and not compiled:
        raise ArgumentError(
            f"fit: threads share a compiled program, got threads={threads} without one. Add compiled=True."
        )
    optimizer = optimizer or SGD(model.parameters(), lr=0.1)
    if not {*optimizer.parameters} & {*model.parameters()}:
        raise ArgumentError(
            f"fit: the optimizer must move parameters of this model, got {len(optimizer.parameters)} others. "
            f"Make it with {type(optimizer).__name__}(model.parameters(), lr=...)."
        )
    numbers = generator(random_state)
    callbacks = callback_list(callbacks, "fit")
    model.loss, model.classes = (cost if isinstance(cost, Loss) else None), classes
    history, line = History(), Progress(epochs, progress)
    program = CompiledTraining(model, X, targets, cost, optimizer, size, threads) if compiled else None
    start = perf_counter()
    try:
        for _ in range(epochs):
            batches = list(_batches(len(X), size, numbers))
            if program is not None:
                mean, right = program.epoch(batches), None
            else:
                mean, right = _epoch(model, X, targets, cost, optimizer, batches, history.epochs + 1)
            tried = _validate(model, *trial, cost) if trial is not None else (None, None)
            history.add(mean, right, tried[0], tried[1], optimizer.lr, perf_counter() - start)
            line.update(history)
            wishes = [callback(model, history) for callback in callbacks]
            if any(wishes):
                history.stopped = "callback" if history.epochs < epochs else None
                break
    except KeyboardInterrupt:
        history.stopped = "interrupted"
    except OperationError as error:
        error.history = history  # type: ignore[attr-defined]
        raise
    finally:
        optimizer.zero_grad()
        model.zero_grad()
        line.close(history)
    return history


def _data(
    model: Module,
    X: Any,  # noqa: N803
    y: Any,
    loss: Any,
    classes: tuple[str, ...] | None,
    who: str,
) -> tuple[Any, list[Any], tuple[str, ...] | None]:
    X = examples(X, model, who)  # noqa: N806
    targets, classes = encode(y, loss, model.n_out, classes, who)
    if len(targets) != len(X):
        raise ArgumentError(f"{who}: one target per row of X is needed, got {len(targets)} for {len(X)} rows.")
    return (X.tolist() if hasattr(X, "tolist") else X), targets, classes


def _given(thing: Any, arguments: str) -> str:
    if isinstance(thing, type):
        return f"the class {thing.__name__}. Write {thing.__name__}({arguments})."
    return f"{thing!r:.40} of type {type(thing).__name__}."


def _optimizer_given(thing: Any) -> str:
    """Return what was given for an optimizer, and what to write instead."""
    name = thing.__name__ if isinstance(thing, type) else str(thing)
    kind, lr = ("Adam", "0.01") if "adam" in name.lower() else ("SGD", "0.1")
    arguments = f"model.parameters(), lr={lr}"
    if isinstance(thing, type) and issubclass(thing, Optimizer):
        return _given(thing, arguments)
    return f"{_given(thing, '')} Write {kind}({arguments})."


def _pair(validation: Any) -> tuple[Any, Any]:
    try:
        X, y = validation  # noqa: N806
    except (TypeError, ValueError):
        raise InputTypeError(
            f"fit: validation must be a pair (X, y), got {type(validation).__name__}. "
            f"Hold examples out first: train, test = dataset.split(0.2)."
        ) from None
    return X, y


def _count(number: Any, name: str, least: int) -> int:
    try:
        count = index(number)
    except TypeError:
        raise InputTypeError(f"fit: {name} must be an int, got {number!r} of type {type(number).__name__}.") from None
    if count < least:
        rule = f"be at least {least}" if least else "not be negative"
        raise ArgumentError(f"fit: {name} must {rule}, got {count}.")
    return count


def _batches(count: int, size: int, numbers: Random) -> Iterator[list[int]]:
    order = list(range(count))
    if size < count:
        numbers.shuffle(order)
    for start in range(0, count, size):
        yield order[start : start + size]


def _epoch(
    model: Module,
    X: list[Any],  # noqa: N803
    targets: list[Any],
    loss: Any,
    optimizer: Optimizer,
    batches: list[list[int]],
    epoch: int,
) -> tuple[float, float | None]:
    """Return the mean loss of an epoch and the share of right classes, None where there are no classes."""
    costs, right = [], []
    for batch in batches:
        optimizer.zero_grad()
        for row in batch:
            try:
                output = model(X[row])
                cost = loss(output, targets[row])
            except OperationError as error:
                raise at_example(error, row, epoch) from None
            if not isinstance(cost, Value):
                raise InputTypeError(
                    f"fit: the loss must be a Value, got {cost!r:.40} of type {type(cost).__name__}. "
                    f"Compute it from the output itself, not from its .data."
                )
            if cost.primitive is None:
                raise ArgumentError(
                    "fit: the loss must be computed from the outputs, got a Value that depends on nothing. "
                    "Leave no_grad(), and use the output in the loss."
                )
            if not isfinite(cost.data):
                raise not_finite(cost, row, epoch)
            # The mean over the batch, one small graph at a time: backward() adds to the leaves.
            (cost / len(batch)).backward()
            costs.append(cost.data)
            hit = _hit(model, output, targets[row]) if isinstance(loss, Loss) else None
            if hit is not None:
                right.append(hit)
        check_gradients(optimizer, batch, epoch, _share_of(model, X, targets, loss, len(batch)))
        optimizer.step()
    return _mean(costs), (sum(right) / len(right) if right else None)


def _share_of(model: Module, X: list[Any], targets: list[Any], loss: Any, count: int) -> Callable[[int], Any]:  # noqa: N803
    return lambda row: loss(model(X[row]), targets[row]) / count


def _mean(costs: list[float]) -> float:
    try:
        return fsum(costs) / len(costs)
    except OverflowError:  # each is finite, their sum is not
        return fsum([cost / len(costs) for cost in costs])


def _hit(model: Module, output: Any, target: Any) -> bool | None:
    """Return whether an output is right, None where the target is no class."""
    row = [y.data if isinstance(y, Value) else y for y in as_list(output)]
    takes = meaning(model, None, len(row))
    if takes == "numbers":
        return None
    if isinstance(target, (list, tuple)):
        if len(target) > 1 and sorted(target)[-2:] != [0.0, 1.0]:
            return None  # several classes at once, or shares of them
        target = list(target).index(1.0) if len(target) > 1 else target[0]
    k = class_of(row, takes)
    return bool((2 * k - 1 if takes == "margins" else k) == target)


def _validate(model: Module, X: list[Any], targets: list[Any], loss: Any) -> tuple[float, float]:  # noqa: N803
    outputs = model.evaluate(X)
    costs = [loss(row if len(row) > 1 else row[0], target) for row, target in zip(outputs, targets, strict=True)]
    mean = _mean([c.data if isinstance(c, Value) else c for c in costs])
    if model.classes is None:
        return mean, score(model, X, targets)
    right = [_hit(model, row, target) for row, target in zip(outputs, targets, strict=True)]
    return mean, sum(map(bool, right)) / len(right)
