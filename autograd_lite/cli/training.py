"""`train`: a classifier on toy data or on a CSV file of one's own."""

from __future__ import annotations

import os
import sys
from difflib import get_close_matches
from errno import ENOENT
from math import fsum, isfinite
from shlex import quote

from autograd_lite.cli.console import BOLD, complain, say, styled
from autograd_lite.cli.examination import trouble_with_nn
from autograd_lite.errors import ArgumentError
from autograd_lite.notation import numeral

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from typing import Any

    from nn import MLP, History
    from nn.data import Dataset

TOYS = ("iris", "xor", "spirals", "moons", "circles", "blobs", "digits")
LOSSES = ("cross_entropy", "bce_logits")


def train(options: Namespace) -> int:
    """Train as the options say and print what came of it; return 1 where the run was interrupted."""
    trouble = trouble_with_nn()
    if trouble:
        complain(f"error: {trouble}")
        return 1
    refuse_early(options)
    from nn import MLP, SGD, Adam, fit, save
    from nn.data import scaling

    learned, held_out = data_for(options)
    means, scales = scaling(learned)
    outputs = len(learned.classes)
    if options.loss == "bce_logits":
        if outputs != 2:
            raise ArgumentError(f"train: bce_logits needs two classes, got {outputs}. Use --loss cross_entropy.")
        outputs = 1
    model = MLP(len(learned.X[0]), [*options.hidden, outputs], options.activation, random_state=options.seed)
    kind, lr = (Adam, 0.01) if options.optimizer == "adam" else (SGD, 0.1)
    if not options.json:
        say(
            styled(options.data, BOLD)
            + f"  {count(len(learned.y), 'example')} to learn from, {count(len(learned.X[0]), 'feature')}, "
            f"{count(len(learned.classes), 'class', 'es')}"
        )
        sys.stdout.flush()  # before the progress line, which goes to stderr
    history = fit(
        model,
        [[(x - m) / s for x, m, s in zip(row, means, scales, strict=True)] for row in learned.X],
        learned.y,
        loss=options.loss,
        optimizer=kind(model.parameters(), lr=lr if options.lr is None else options.lr),
        epochs=options.epochs,
        batch_size=options.batch_size,
        random_state=options.seed,
        progress=False if options.quiet else None,
    )
    take_raw_inputs(model, means, scales)
    model.classes = learned.classes
    result = summary(model, history, held_out)
    result["tried_on"] = "training" if held_out is learned else "held out"
    if options.save:
        save(model, options.save)
    if options.json:
        import json

        say(json.dumps({"data": options.data, **result, "saved": options.save}, allow_nan=False))
    else:
        say_result(result)
        if options.save:
            say(f"saved: {options.save}  (nn.load reads it; it takes the features as they are in the data)")
        say(f"{styled('Next', BOLD)}  python {next_command(options, result['right'] == result['tried'])}")
    return 1 if history.stopped == "interrupted" else 0


def data_for(options: Namespace) -> tuple[Dataset, Dataset]:
    """Return what to learn from and what to hold out; xor's four points are both."""
    from nn import data

    name = options.data
    if name in TOYS:
        try:
            made = getattr(data, name)()
        except ImportError as missing:
            raise ArgumentError(str(missing)) from None
    elif name.lower().endswith(".csv") or os.path.exists(name):
        made = data.read_csv(name, label=options.label)
        refuse_no_classes(made, name)
    else:
        near = get_close_matches(name, TOYS, 1)
        cure = f" Did you mean {near[0]!r}?" if near else ""
        raise ArgumentError(f"train: data must be one of {', '.join(TOYS)} or a FILE.csv, got {name!r}.{cure}")
    if name == "xor":
        return made, made
    parts: tuple[Dataset, Dataset] = made.split(options.test, options.seed)
    return parts


def refuse_no_classes(made: Dataset, name: str) -> None:
    """Raise ArgumentError where the labels of a file are no classes to tell apart."""
    classes, rows = len(made.classes), len(made.y)
    if classes < 2:
        raise ArgumentError(
            f"train: {name}: at least two classes are needed, got one, {made.classes[0]!r:.40}. "
            f"Name the column of classes with --label."
        )
    if 2 * classes > rows > 4:
        raise ArgumentError(
            f"train: {name}: every class needs examples, got {classes} classes in {rows} rows. "
            f"Name the column of classes with --label; numbers are learned in Python, by nn.fit with loss='mse'."
        )


def refuse_early(options: Namespace) -> None:
    """Raise what would otherwise be raised after the training, or not at all."""
    if options.label is not None and options.data in TOYS:
        raise ArgumentError(
            f"train: --label is for a FILE.csv, got {options.label!r} for {options.data}. Leave it out."
        )
    if options.lr is not None and not options.lr > 0.0:
        raise ArgumentError(f"train: lr must be above 0, got {options.lr!r}. Write --lr 0.1, say.")
    if not options.save:
        return
    if os.path.exists(options.save) and not options.force:
        raise ArgumentError(f"train: no file is overwritten, and there is one at {options.save!r}. Add --force.")
    if os.path.isdir(options.save):
        raise ArgumentError(f"train: the path must be that of a file, got {options.save!r}. Choose another name.")
    if not os.path.isdir(os.path.dirname(os.path.abspath(options.save))):
        raise FileNotFoundError(ENOENT, os.strerror(ENOENT), options.save)


def next_command(options: Namespace, all_right: bool) -> str:
    """Return what to do next: look at the model, keep it where all was right, else try a larger one."""
    if options.save:
        return f'-c "import nn; print(nn.load({options.save!r}))"'
    again = ["-m autograd_lite train", quote(options.data)]
    if options.label is not None:
        again += ["--label", quote(options.label)]
    kept = ["--loss", options.loss] if options.loss != LOSSES[0] else []
    larger = options.hidden == [16, 16] and options.optimizer == "adam"
    if not all_right and not larger:
        return " ".join([*again, *kept, "--hidden 16 16 --optimizer adam"])
    if options.hidden != [8]:
        again += ["--hidden", *map(str, options.hidden)]
    for name, usual in (("activation", "tanh"), ("optimizer", "sgd"), ("lr", None), ("seed", 0), ("epochs", 100)):
        chosen = getattr(options, name) if name != "epochs" or all_right else 4 * options.epochs
        if chosen != usual:
            again += [f"--{name}", quote(str(chosen))]
    if not all_right:
        return " ".join([*again, *kept])
    return " ".join([*again, *kept, "--save model.json"])


def count(n: int, noun: str, plural: str = "s") -> str:
    """Return a number of things in words.

    >>> count(1, "class", "es"), count(2, "class", "es")
    ('1 class', '2 classes')
    """
    return f"{n} {noun}{'' if n == 1 else plural}"


def take_raw_inputs(model: MLP, means: list[float], scales: list[float]) -> None:
    """Move the scaling of the inputs into the first layer: w·(x − m)/s + b = (w/s)·x + (b − w·m/s).

    A saved model then needs no numbers beside it.
    """
    for neuron in model.layers[0].neurons:
        for weight, mean, scale in zip(neuron.w, means, scales, strict=True):
            weight.data /= scale
            neuron.b.data -= weight.data * mean


def summary(model: MLP, history: History, held_out: Dataset) -> dict[str, Any]:
    """Return what a run came to, as plain numbers; `model` takes the inputs of `held_out` as they are."""
    from nn.losses import loss_named

    loss = loss_named(model.loss)
    rows = model.evaluate(held_out.X)
    losses = [loss(row if len(row) > 1 else row[0], target) for row, target in zip(rows, held_out.y, strict=True)]
    found = model.predict(held_out.X)
    names = [held_out.classes[target] for target in held_out.y] if model.classes else held_out.y
    loss = fsum(losses) / len(losses)
    return {
        "parameters": len(model.parameters()),
        "epochs": history.epochs,
        "seconds": round(history.seconds[-1], 3) if history.seconds else 0.0,
        "first_loss": history.loss[0] if history.loss else None,
        "loss": history.loss[-1] if history.loss else None,
        "tried_on": "held out",
        "tried": len(held_out.y),
        "right": sum(a == b for a, b in zip(found, names, strict=True)),
        "tried_loss": loss if isfinite(loss) else None,
        "stopped": history.stopped,
    }


def say_result(result: dict[str, Any]) -> None:
    """Print a summary in three lines."""
    stopped = f" ({result['stopped']})" if result["stopped"] else ""
    say(f"  {result['parameters']} parameters, {result['epochs']} epochs{stopped}, {result['seconds']:.1f} s")
    if result["epochs"]:
        say(f"  loss {numeral(result['first_loss'], 4)} → {numeral(result['loss'], 4)}")
    right, count, loss = result["right"], result["tried"], result["tried_loss"]
    tried = f"{count} held out" if result["tried_on"] == "held out" else f"the same {count}"
    of_loss = "inf" if loss is None else numeral(loss, 4)
    say(f"  {tried}: {right} right ({100 * right / count:.0f} %), loss {of_loss}")
