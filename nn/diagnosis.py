"""`diagnose`: why a network does not learn, looked for in one pass over the examples.

    off          a relu that is off for every example
    saturated    a sigmoid or tanh whose slope is below 1 % of its largest for 90 % of the examples
    unreachable  parameters from which no path leads to the loss
    copies       neurons of a layer with the same weights and the same gradients
    update       a step with more than the norm of the weights of its layer, or less than 1e-6 of
                 it; the rule of thumb is 1e-3
    dominant     at most 2 % of the examples, or one, with more than half of the gradient
    vanishing    a layer whose gradient dloss/dz is below 1e-3 of that of the last one
    exploding    or above 1e3
    settled      gradients of the examples that cancel: their sum is below 1 % of their sizes
    zero         no gradient at all
    nonfinite    examples at which the loss or a gradient is nan or inf, or an operation fails

Gradients are rms over examples and neurons; norms of weights leave biases out.
"""

from __future__ import annotations

from math import fsum, hypot, isfinite, nan, sqrt

from autograd_lite import Value, first_nonfinite, gradients, topological_order
from autograd_lite.errors import ArgumentError, InputTypeError, OperationError
from nn.findings import Diagnosis, Finding, LayerReport
from nn.guards import examples_at
from nn.layers import Layer, Neuron
from nn.loss import Loss, as_list
from nn.losses import loss_named
from nn.module import Module, modules
from nn.optim import SGD, Optimizer
from nn.targets import encode, examples

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

SATURATING = {"sigmoid": (0.25, 1.0), "tanh": (1.0, 2.0)}
"""Largest slope, and how far the two ends are apart."""
SLOPE, OFTEN = 0.01, 0.9
SMALLEST_UPDATE, LARGEST_UPDATE = 1e-6, 1.0
VANISHED, EXPLODED = 1e-3, 1e3
FEW, HALF = 0.02, 0.5
CANCELLED = 0.01
"""0.02 and more on the way (moons, spirals, Iris), 0.007 and less where a line is left with XOR or the moons."""


def diagnose(
    model: Module,
    X: Any,  # noqa: N803
    y: Any,
    *,
    loss: Loss | str | Callable[[Any, Any], Any] | None = None,
    optimizer: Optimizer | None = None,
) -> Diagnosis:
    """Return what is conspicuous about a model on these examples: see the list in `nn.diagnosis`.

    Nothing is changed: no parameter, no `.grad`, no memory of the optimizer.

    Args:
        model: before, during or after training.
        X, y: examples and targets, as `fit` takes them.
        loss: as of `fit`; that of the last `fit` unless given.
        optimizer: whose next step is measured; SGD(model.parameters(), lr=0.1) unless given.

    >>> from nn import MLP, data
    >>> X, y = data.xor()
    >>> model = MLP(2, [4, 1], random_state=1)
    >>> model.layers[0].neurons[2].b.data = -100.0
    >>> diagnose(model, X, y, loss="bce_logits").findings
    [layer 1, neuron 3: its relu is off for every example, so its weights learn nothing. \
Raise its bias, draw new weights, or use leaky_relu.]
    """
    if not isinstance(model, Module):
        raise InputTypeError(f"diagnose: model must be a Module, got {model!r:.40} of type {type(model).__name__}.")
    if optimizer is not None and not isinstance(optimizer, Optimizer):
        raise InputTypeError(
            f"diagnose: optimizer must be an Optimizer, got {optimizer!r:.40} of type {type(optimizer).__name__}. "
            f"Write SGD(model.parameters(), lr=0.1)."
        )
    if loss is None and model.loss is None:
        raise ArgumentError("diagnose: a loss is needed, got none. Pass loss='squared_error', say.")
    cost = model.loss if loss is None else loss_named(loss)
    X = examples(X, model, "diagnose")  # noqa: N806
    targets, _ = encode(y, cost, model.n_out, model.classes, "diagnose")
    if len(targets) != len(X):
        raise ArgumentError(f"diagnose: one target per row of X is needed, got {len(targets)} for {len(X)} rows.")
    parameters = model.parameters()
    if not parameters:
        raise ArgumentError(f"diagnose: the model must have parameters, got {model.describe()}.")
    return _Examination(model, cost, parameters).report(
        X.tolist() if hasattr(X, "tolist") else X, targets, optimizer or SGD(parameters, lr=0.1)
    )


class _Examination:
    """The pass over the examples, and what it gathers."""

    def __init__(self, model: Module, cost: Any, parameters: list[Value]) -> None:
        self.model, self.cost, self.parameters = model, cost, parameters
        self.layers = _layers(model)
        # A neuron is known by its weights: the model may be a class of one's own.
        self.known = {
            neuron.w[-1]: (layer, k) for layer in self.layers for k, neuron in enumerate(layer.neurons) if neuron.w
        }
        self.sensitivities: dict[LayerReport, list[float]] = {layer: [] for layer in self.layers}
        self.slopes: dict[tuple[LayerReport, int], list[tuple[str, bool]]] = {}
        self.costs: list[float] = []
        self.norms: list[float] = []
        self.total = [0.0] * len(parameters)
        self.reached: set[Value] = set()
        self.elsewhere = LayerReport("outside of layers", [])
        self.last: set[LayerReport] = set()  # whose activations are outputs
        self.failed: list[tuple[int, str]] = []
        self.findings: list[Finding] = []

    def report(self, X: list[Any], targets: list[Any], optimizer: Optimizer) -> Diagnosis:  # noqa: N803
        for row, (x, target) in enumerate(zip(X, targets, strict=True)):
            self._see(row, x, target)
        name = getattr(self.cost, "name", getattr(self.cost, "__name__", "loss"))
        step = f"next step of {type(optimizer).__name__} with lr {optimizer.lr:g}"
        good = len(self.costs)
        loss = fsum([cost / good for cost in self.costs]) if good else nan
        title = f"{self.model.describe()} on {len(X)} example{'s' * (len(X) != 1)}: {name} {loss:.4g}, {step}"
        report = Diagnosis(title, self.layers, loss, self.norms)
        report.findings = self.findings
        self._look_at_failures()
        if good:
            self._look_at_activations()
            self._look_at_paths()
            self._look_at_copies()
            self._look_at_layers(optimizer)
            self._look_at_examples()
        return report

    def _see(self, row: int, x: Any, target: Any) -> None:
        """Run one example forward and backward."""
        self.norms.append(nan)
        try:
            output = self.model(x)
            cost = self.cost(output, target)
        except OperationError as error:
            self.failed.append((row, str(error)))
            return
        if not isinstance(cost, Value) or cost.is_leaf:
            raise ArgumentError(
                f"diagnose: the loss must be computed from the outputs, got {cost!r:.40}. Use the output in the loss."
            )
        if not isfinite(cost.data):
            self.failed.append((row, str(first_nonfinite(cost))))
            return
        outputs = {value: k for k, value in enumerate(as_list(output)) if isinstance(value, Value)}
        order = topological_order(cost)
        places = self._places(order)
        found = gradients(cost, [*places, *self.parameters])
        if not all(map(isfinite, found)):
            self.failed.append((row, str(first_nonfinite(cost))))
            return
        for (layer, _), sensitivity in zip(places.values(), found, strict=False):
            self.sensitivities[layer].append(sensitivity)
        gradient = found[len(places) :]
        self.total = [a + g for a, g in zip(self.total, gradient, strict=True)]
        self.norms[-1] = hypot(*gradient)
        self.costs.append(cost.data)
        self._see_activations(order, places, outputs, target)
        _reach(cost, self.reached)

    def _places(self, order: list[Value]) -> dict[Value, tuple[LayerReport, int]]:
        """Return the pre-activations z = w·x + b, and whose they are."""
        sums: dict[Value, tuple[LayerReport, int]] = {}
        for node in order:
            operands = node.operands
            if node.primitive is not None and node.primitive.name == "dot" and operands[-1] in self.known:
                sums[node] = self.known[operands[-1]]
            elif len(operands) == 2 and operands[0] in sums:
                layer, k = sums[operands[0]]
                if operands[1] is layer.neurons[k].b:  # z is the sum with the bias, not without
                    sums[node] = sums.pop(operands[0])
        return sums

    def _see_activations(
        self, order: list[Value], places: dict[Value, tuple[LayerReport, int]], outputs: dict[Value, int], target: Any
    ) -> None:
        own = _above(order[-1], outputs)  # a hinge has a relu of its own
        elsewhere = 0
        for node in order:
            name = "" if node.primitive is None else node.primitive.name
            if node in own or (name != "relu" and name not in SATURATING):
                continue
            place = places.get(node.operands[0], (self.elsewhere, elsewhere))
            elsewhere += place[0] is self.elsewhere
            slope = node.local_gradients[0]
            if name == "relu":
                self.slopes.setdefault(place, []).append((name, slope == 0.0))
            elif name in SATURATING and (node not in outputs or self._is_wrong(node, target, outputs[node])):
                if node in outputs:
                    self.last.add(place[0])
                self.slopes.setdefault(place, []).append((name, slope < SLOPE * SATURATING[name][0]))

    def _is_wrong(self, output: Value, target: Any, k: int) -> bool:
        """Say whether an output that is saturated would be so to its harm.

        It is meant to be where the target is; and a cross-entropy makes up for the small slope.
        """
        if not isinstance(self.cost, Loss) or self.cost.takes == "probabilities":
            return False
        assert output.primitive is not None
        error: float = output.data - as_list(target)[k]
        return abs(error) > SATURATING[output.primitive.name][1] / 2.0

    # ---- what is conspicuous

    def _look_at_failures(self) -> None:
        if not self.failed:
            return
        rows, (_, why) = [row for row, _ in self.failed], self.failed[0]
        first = "" if len(rows) == 1 else "The first: "
        said = f"{examples_at(rows)}: the loss or its gradient is not finite. {first}{why}"
        finding = Finding("nonfinite", said, len(rows) / len(self.norms))
        finding.examples = tuple([row + 1 for row in rows])
        self.findings.append(finding)

    def _look_at_activations(self) -> None:
        for layer in [*self.layers, self.elsewhere]:
            names: dict[str, list[int]] = {}
            for k in sorted([k for known, k in self.slopes if known is layer]):
                seen = self.slopes[layer, k]
                name, share = seen[0][0], sum(flat for _, flat in seen) / len(seen)
                if layer is not self.elsewhere:
                    (layer.off if name == "relu" else layer.saturated)[k] = share
                # Of an output only the examples that it gets wrong are here: a few are no disease.
                if share >= (1.0 if name == "relu" else OFTEN) and 10 * len(seen) >= len(self.costs):
                    names.setdefault(name, []).append(k)
            for name, ks in names.items():
                least = min(sum(flat for _, flat in self.slopes[layer, k]) / len(self.slopes[layer, k]) for k in ks)
                self._find_flat(layer, name, ks, least)

    def _find_flat(self, layer: LayerReport, name: str, ks: list[int], least: float) -> None:
        one, count = len(ks) == 1, len(layer.neurons)
        word, of = ("neuron", "") if count else ("activation", ", in the order of computation")
        which = f"{word}{'s' * (not one)} {_several([k + 1 for k in ks])}{of}"
        if len(ks) == count:
            which = f"all {count} neurons"
        place = layer.name if count == 1 else f"{layer.name}, {which}"
        its = "its" if one else "each"
        if name == "relu":
            kind, cure = "off", f"Raise {'its bias' if one else 'the biases'}, draw new weights, or use leaky_relu."
            said = f"{its} relu is off for every example, so {'its' if one else 'their'} weights learn nothing."
        else:
            kind, cure = "saturated", "Start from smaller weights, or standardise the data."
            often = f"{'' if one else 'at least '}{100.0 * least:.3g} % of the examples"
            if layer in self.last:
                often += " it gets wrong"
                cure += " A cross-entropy makes up for the small slope."
            said = f"{its} {name} is saturated, its slope below 1 % of the largest, for {often}."
        finding = Finding(kind, f"{place}: {said} {cure}", least, layer.name)
        finding.neurons = tuple([k + 1 for k in ks])
        self.findings.append(finding)

    def _look_at_paths(self) -> None:
        labels = [p.label for p in self.parameters]
        distinct = None not in labels and len(set(labels)) == len(labels)  # layers may bear no number
        lost = [p.label if distinct else path for path, p in self.model.named_parameters() if p not in self.reached]
        if not lost:
            return
        which = "no parameter" if len(lost) == len(self.parameters) else _several(lost)
        lead = "has a path" if which == "no parameter" else f"{'has' if len(lost) == 1 else 'have'} no path"
        finding = Finding(
            "unreachable",
            f"{which} {lead} to the loss, and will never learn. "
            f"Use every part of the model in the output; detach, step and .data end a path.",
            len(lost) / len(self.parameters),
        )
        finding.parameters = tuple(map(str, lost))
        self.findings.append(finding)

    def _look_at_copies(self) -> None:
        total = dict(zip(self.parameters, self.total, strict=True))
        for layer in self.layers:
            alike: dict[tuple[tuple[float, float], ...], list[int]] = {}
            for k, neuron in enumerate(layer.neurons):
                alike.setdefault(tuple([(p.data, total.get(p, 0.0)) for p in neuron.parameters()]), []).append(k + 1)
            for ks in alike.values():
                if len(ks) > 1:
                    which = f"all {len(ks)} neurons" if len(ks) == len(layer.neurons) else f"neurons {_several(ks)}"
                    said = "they have the same weights and the same gradients, and will always be copies of one another"
                    share = len(ks) / len(layer.neurons)
                    finding = Finding(
                        "copies", f"{layer.name}, {which}: {said}. Draw their weights at random.", share, layer.name
                    )
                    finding.neurons = tuple(ks)
                    self.findings.append(finding)

    def _look_at_layers(self, optimizer: Optimizer) -> None:
        steps = self._steps(optimizer)
        for layer in self.layers:
            numbers = self.sensitivities[layer]
            layer.gradient = hypot(*numbers) / sqrt(len(numbers)) if numbers else nan
            weights = [w for neuron in layer.neurons for w in neuron.w if w in steps]
            size = hypot(*[w.data for w in weights])
            layer.update = hypot(*[steps[w] for w in weights]) / size if size else nan
        self._look_at_depth()
        large = [layer for layer in self.layers if layer.update > LARGEST_UPDATE]
        small = [layer for layer in self.layers if 0.0 < layer.update < SMALLEST_UPDATE]
        for layers, cure in (
            (sorted(large, key=lambda layer: -layer.update), "Lower the learning rate."),
            (sorted(small, key=lambda layer: layer.update), "Raise the learning rate, unless training is over."),
        ):
            if layers:
                worst = layers[0]
                said = f"{worst.name}: the next step has {worst.update:.2g} times the norm of its weights"
                more = f", and {len(layers) - 1} more layer{'s' * (len(layers) > 2)} likewise" * (len(layers) > 1)
                self.findings.append(
                    Finding("update", f"{said}{more}; usual is 0.001 times. {cure}", worst.update, worst.name)
                )

    def _look_at_depth(self) -> None:
        seen = [layer for layer in self.layers if layer.gradient > 0.0]
        if len(seen) < 2:
            return
        last = seen[-1]
        least = min(seen, key=lambda layer: layer.gradient)
        most = max(seen, key=lambda layer: layer.gradient)
        has_relu = any(share is not None for layer in self.layers for share in layer.off)
        instead = (
            "leaky_relu, fewer layers, or init='he'" if has_relu else "relu or tanh, fewer layers, or init='xavier'"
        )
        for layer, kind, verb, cure in (
            (least, "vanishing", "vanishes", f"Use {instead}."),
            (most, "exploding", "explodes", "Start from smaller weights: init='xavier' or 'he'."),
        ):
            ratio = layer.gradient / last.gradient
            if not VANISHED <= ratio <= EXPLODED and (ratio < 1.0) == (kind == "vanishing"):
                said = f"{layer.name}: its gradient dloss/dz {verb}: it is {ratio:.2g} of that of {last.name}."
                self.findings.append(Finding(kind, f"{said} {cure}", ratio, layer.name))

    def _steps(self, optimizer: Optimizer) -> dict[Value, float]:
        """Return what the next step would subtract from each parameter."""
        mean = {p: g / len(self.costs) for p, g in zip(self.parameters, self.total, strict=True)}
        before = vars(optimizer).copy()
        try:
            full = [mean.get(p, 0.0) + optimizer.weight_decay * p.data for p in optimizer.parameters]
            moves = optimizer.moves(full)
        finally:
            vars(optimizer).update(before)
        return {p: optimizer.lr * move for p, move in zip(optimizer.parameters, moves, strict=True)}

    def _look_at_examples(self) -> None:
        known = [(norm, row) for row, norm in enumerate(self.norms) if isfinite(norm)]
        total, count = fsum([norm for norm, _ in known]), len(known)
        if not total:
            if self.reached & {*self.parameters} and not any(finding.kind == "off" for finding in self.findings):
                said = "every gradient is 0, at every example: nothing is learned, or nothing is left to learn."
                self.findings.append(Finding("zero", said, 0.0))
            return
        rest = hypot(*self.total) / total
        if rest < CANCELLED:
            said = f"the gradients of the examples cancel to {100.0 * rest:.2g} % of their sizes: training is at rest."
            cure = "Where the loss is too high still, use more neurons, new weights or other features."
            self.findings.append(Finding("settled", f"{said} {cure}", rest))
        share, rows = 0.0, []
        for norm, row in sorted(known, key=lambda pair: (-pair[0], pair[1])):
            rows.append(row)
            share += norm / total
            if share > HALF:
                break
        if len(rows) > max(1.0, FEW * count) or share <= 3 * len(rows) / count:
            return
        typical = sorted([norm for norm, _ in known])[count // 2]
        largest = self.norms[rows[0]]
        times = f", {largest / typical:.2g} times the median" if len(rows) == 1 and largest < 1e6 * typical else ""
        finding = Finding(
            "dominant",
            f"{examples_at(rows)}: {100.0 * share:.3g} % of the gradient of all {count}{times}. "
            f"Look at {'this row' if len(rows) == 1 else 'these rows'} of X and y.",
            share,
        )
        finding.examples = tuple([row + 1 for row in rows])
        self.findings.append(finding)


def _layers(model: Module) -> list[LayerReport]:
    """Return the layers in order of definition, and neurons that stand in none."""
    parts = modules(model)
    layers = [part for part in parts if isinstance(part, Layer)]
    reports = [LayerReport(f"layer {k}", layer.neurons) for k, layer in enumerate(layers, 1)]
    inside = {id(neuron) for layer in layers for neuron in layer.neurons}
    alone = [part for part in parts if isinstance(part, Neuron) and id(part) not in inside]
    number = "neuron {}" if len(alone) > 1 else "neuron"
    return reports + [LayerReport(number.format(k), [neuron]) for k, neuron in enumerate(alone, 1)]


def _above(cost: Value, outputs: dict[Value, int]) -> set[Value]:
    """Return the values that the loss itself made of the outputs."""
    stack, above = [cost], set()
    while stack:
        node = stack.pop()
        if node not in above and node not in outputs:
            above.add(node)
            stack += [x for x in node.operands if isinstance(x, Value)]
    return above


def _reach(cost: Value, reached: set[Value]) -> None:
    """Add every leaf to which a gradient can flow, whether it is 0 now or not."""
    stack, seen = [cost], {cost}
    while stack:
        node = stack.pop()
        if node.primitive is None:
            reached.add(node)
            continue
        row = node.primitive
        for k, operand in enumerate(node.operands):
            if isinstance(operand, Value) and operand not in seen and (row.variadic or row.gradients[k] is not None):
                seen.add(operand)
                stack.append(operand)


def _several(names: list[Any]) -> str:
    texts = list(map(str, names))
    return ", ".join(texts) if len(texts) <= 6 else f"{', '.join(texts[:4])} and {len(texts) - 4} more"
