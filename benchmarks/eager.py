"""The eager engine against its peers, in one process: `python benchmarks/eager.py`.

Seven workloads (`--only NAME` runs one), and an eighth against the slower peers:

    import    `import autograd_lite` in a fresh interpreter
    wide      dot products and squares written with + and *: time and bytes per node
    moons     one training step of micrograd's demonstration: 100 points, 2-16-16-1
    gpt       one step of a one-layer GPT over scalars, against the engine it was written with
    chain     y = y*w, y = y+b, ...: does the time per node depend on the length?
    scale     the wide graph from 10^3 to 10^6 nodes, 10^7 with --large: build, backward, forward(), delete
    replay    forward() over a recorded graph, against building the graph anew
    scalars   the wide graph against PyTorch scalars, HIPS autograd and JAX

benchmarks/README.md says how to read the table and what it does not show.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Any

import gpt
import microgpt
from measuring import (
    Row,
    Sample,
    Spread,
    collector,
    compare,
    import_peer,
    interleave,
    machine,
    markdown_table,
    only,
    report,
    write,
)

import autograd_lite
import nn
from autograd_lite import Value

NANOSECONDS, MILLISECONDS = 1e9, 1e3
NATIVE = autograd_lite.__native__


def goal(phase: str, pure: float | None, native: float) -> dict[str, float]:
    """Return what the project asks of itself in a phase, ours / other, of the variant that runs."""
    wanted = native if NATIVE else pure
    return {} if wanted is None else {phase: wanted}


@dataclass
class Run:
    """What this run is asked to do, and what it had to leave out."""

    quick: bool = False
    large: bool = False
    skipped: list[str] = field(default_factory=list)
    measured: dict[str, None] = field(default_factory=lambda: {"autograd_lite": None})  # packages, in order

    def rounds(self, usual: int) -> int:
        return max(3, usual // 5) if self.quick else usual

    def peer(self, name: str) -> ModuleType | None:
        module = import_peer(name, self.skipped)
        if module is not None:
            self.measured[name.partition(".")[0]] = None
        return module


# ---- wide: dot products and squares

VECTORS, WIDTH = 16, 8
NODES_OF_A_SQUARE = WIDTH + (WIDTH - 1) + 1  # products, sums, the square


def numbers_for_leaves() -> list[float]:
    source = random.Random(0)
    return [source.uniform(-1.0, 1.0) for _ in range(VECTORS * WIDTH)]


def dot_products_and_squares(leaves: Sequence[Any], squares: int) -> Any:
    """Return the sum of `squares` squared dot products of two vectors of 8 leaves.

    The squares are added up pairwise: a wide graph, which peers that recurse can walk at
    the default recursion limit. No constants occur, so every engine records as many nodes.
    """
    vectors = [[leaves[WIDTH * k + i] for i in range(WIDTH)] for k in range(VECTORS)]
    terms = []
    for k in range(squares):
        u, v = vectors[k % VECTORS], vectors[(k + k // VECTORS + 1) % VECTORS]
        dot = u[0] * v[0]
        for i in range(1, WIDTH):
            dot = dot + u[i] * v[i]
        terms.append(dot * dot)
    while len(terms) > 1:
        odd = terms[len(terms) - len(terms) % 2 :]
        terms = [a + b for a, b in zip(terms[::2], terms[1::2], strict=False)] + odd
    return terms[0]


def nodes_of(squares: int) -> int:
    return squares * NODES_OF_A_SQUARE + squares - 1


def time_wide(value: Callable[[float], Any], squares: int) -> Sample:
    xs = [value(x) for x in numbers_for_leaves()]
    start = perf_counter()
    root = dot_products_and_squares(xs, squares)
    built = perf_counter()
    root.backward()
    done = perf_counter()
    return {"build": built - start, "backward": done - built, "build + backward": done - start}


def weigh_wide(value: Callable[[float], Any], squares: int) -> Sample:
    """Return the bytes that Python allocates for the graph alone (leaves are there before)."""
    xs = [value(x) for x in numbers_for_leaves()]
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        root = dot_products_and_squares(xs, squares)
        built, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        root.backward()
        differentiated, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return {
        "memory, built": built - before,
        "memory, differentiated": differentiated - before,
        "memory, peak of backward": peak - before,
    }


def wide(run: Run) -> list[Row]:
    micrograd = run.peer("micrograd.engine")
    if micrograd is None:
        return []
    expect_equal_gradients(micrograd.Value)
    contestants = {"ours": Value, "micrograd": micrograd.Value}
    return [
        row
        for squares, rounds in ((300, 100), (6000, 10))
        for row in compare_wide(f"wide, {nodes_of(squares):,} nodes", contestants, squares, run.rounds(rounds))
    ]


def compare_wide(name: str, contestants: dict[str, Callable[[float], Any]], squares: int, rounds: int) -> list[Row]:
    timers = {who: partial(time_wide, value, squares) for who, value in contestants.items()}
    scales = {who: partial(weigh_wide, value, squares) for who, value in contestants.items()}
    times, sizes = interleave(timers, rounds), interleave(scales, 3)
    with collector(enabled=False):
        times_off = interleave(timers, max(3, rounds // 4))
    nodes, total = nodes_of(squares), "build + backward"
    per_node = partial(compare, unit="ns/node", scale=NANOSECONDS / nodes, other_name="micrograd")
    return [
        *per_node(name, times["ours"], times["micrograd"], goals=goal(total, 0.5, 1 / 11)),
        *per_node(f"{name}, collector off", only(times_off["ours"], total), only(times_off["micrograd"], total)),
        *compare(
            name,
            sizes["ours"],
            sizes["micrograd"],
            unit="bytes/node",
            scale=1 / nodes,
            other_name="micrograd",
            goals=goal("memory, built", 0.25, 0.16),
        ),
    ]


def expect_equal_gradients(value: Callable[[float], Any]) -> None:
    """Stop if the peer does not compute the same gradients: then nothing is being compared."""
    ours, theirs = ([kind(x) for x in numbers_for_leaves()] for kind in (Value, value))
    for xs in (ours, theirs):
        dot_products_and_squares(xs, 50).backward()
    for a, b in zip(ours, theirs, strict=True):
        if not math.isclose(a.grad, b.grad, rel_tol=1e-9, abs_tol=1e-12):
            raise SystemExit(f"wide: the gradients differ, {a.grad} and {b.grad}.")


# ---- moons: one training step

POINTS, HIDDEN, RATE = 100, [16, 16, 1], 0.05


def moons(count: int) -> tuple[list[list[float]], list[int]]:
    """Return two interleaved half circles with noise 0.1, labelled 1 and -1."""
    source = random.Random(1337)
    points, labels = [], []
    for i in range(count):
        angle, upper = math.pi * source.random(), i % 2 == 0
        x, y = (math.cos(angle), math.sin(angle)) if upper else (1.0 - math.cos(angle), 0.5 - math.sin(angle))
        points.append([x + source.gauss(0.0, 0.1), y + source.gauss(0.0, 0.1)])
        labels.append(1 if upper else -1)
    return points, labels


class MoonsTrainer:
    """The training step of micrograd's demonstration: the same text for every contestant."""

    def __init__(self, mlp: Callable[[int, list[int]], Any], value: Callable[[float], Any]) -> None:
        random.seed(1337)
        self.model, self.value = mlp(2, HIDDEN), value
        self.points, self.labels = moons(POINTS)
        self.losses: list[float] = []

    def loss(self) -> Any:
        inputs = [list(map(self.value, point)) for point in self.points]
        scores = list(map(self.model, inputs))
        margins = [(1 + -label * score).relu() for label, score in zip(self.labels, scores, strict=True)]
        data_loss = sum(margins) * (1.0 / len(margins))
        penalty = 1e-4 * sum(p * p for p in self.model.parameters())
        return data_loss + penalty

    def step(self) -> Sample:
        start = perf_counter()
        loss = self.loss()
        built = perf_counter()
        self.model.zero_grad()
        loss.backward()
        differentiated = perf_counter()
        for p in self.model.parameters():
            p.data -= RATE * p.grad
        done = perf_counter()
        self.losses.append(loss.data)
        return {
            "forward": built - start,
            "backward": differentiated - built,
            "SGD": done - differentiated,
            "step": done - start,
        }


def micrograd_networks_on(value: Callable[[float], Any], micrograd_nn: ModuleType) -> Callable[[int, list[int]], Any]:
    """Return micrograd's own MLP, its text unchanged but for the engine it imports."""
    text = Path(str(micrograd_nn.__file__)).read_text()
    line = "from micrograd.engine import Value"
    if line not in text:
        raise SystemExit("moons: this micrograd imports its engine in another way.")
    namespace: dict[str, Any] = {"Value": value, "__name__": "micrograd_nn_on_ours"}
    exec(text.replace(line, ""), namespace)
    return namespace["MLP"]  # type: ignore[no-any-return]


def train_moons(run: Run) -> list[Row]:
    micrograd_nn = run.peer("micrograd.nn")
    if micrograd_nn is None:
        return []
    trainers = {
        "micrograd": MoonsTrainer(micrograd_nn.MLP, micrograd_nn.Value),
        "micrograd's nn.py on our engine": MoonsTrainer(micrograd_networks_on(Value, micrograd_nn), Value),
        "nn.MLP": MoonsTrainer(nn.MLP, Value),
    }
    steps = {who: trainer.step for who, trainer in trainers.items()}
    times = interleave(steps, run.rounds(25))
    with collector(enabled=False):
        times_off = interleave(steps, run.rounds(15))
    expect_equal_losses(trainers)
    against = partial(compare, unit="ms", scale=MILLISECONDS, other_name="micrograd")
    rows = []
    for who, goals in (("nn.MLP", goal("step", 0.4, 1 / 12)), ("micrograd's nn.py on our engine", {})):
        rows += against(f"moons, {who}", times[who], times["micrograd"], goals=goals)
        rows += against(
            f"moons, {who}, collector off", only(times_off[who], "step"), only(times_off["micrograd"], "step")
        )
    return rows


def expect_equal_losses(trainers: dict[str, MoonsTrainer]) -> None:
    """Stop if the networks did not learn the same: all start from the same weights."""
    for losses in zip(*(trainer.losses for trainer in trainers.values()), strict=True):
        if not all(math.isclose(loss, losses[0], rel_tol=1e-9) for loss in losses):
            raise SystemExit(f"moons: the losses differ, {dict(zip(trainers, losses, strict=True))}.")


# ---- chain: does a node cost more in a long graph?

SHORT = 10_000


def build_chain(w: Value, b: Value, nodes: int) -> Value:
    y = b
    for _ in range(nodes // 2):
        y = y * w
        y = y + b
    return y


def time_life(build: Callable[[], Value]) -> Sample:
    """Return the seconds of each phase of a graph's life."""
    start = perf_counter()
    root = build()
    built = perf_counter()
    root.backward()
    differentiated = perf_counter()
    root.forward()
    replayed = perf_counter()
    del root
    done = perf_counter()
    return {
        "build": built - start,
        "backward": differentiated - built,
        "forward()": replayed - differentiated,
        "delete": done - replayed,
    }


def time_chain(nodes: int) -> Sample:
    """Return the seconds a node costs in each phase; the collector is on unless said."""
    build = partial(build_chain, Value(0.5), Value(1.0), nodes)
    with collector(enabled=False):
        start = perf_counter()
        y = build()
        build_off = perf_counter() - start
    del y
    life = time_life(build)
    after = life["backward"] + life["forward()"] + life["delete"]
    phases = {"build": life["build"], "build, collector off": build_off, **life}
    phases |= {"backward + forward() + delete": after, "all four": life["build"] + after}
    return {phase: seconds / nodes for phase, seconds in phases.items()}


def median_of(repeats: int, measure: Callable[[], Sample]) -> Sample:
    """Return the medians of a few runs in a row: the first finds the caches as somebody else left them."""
    samples = [measure() for _ in range(repeats)]
    return {phase: Spread.of([sample[phase] for sample in samples]).median for phase in samples[0]}


def by_size(
    workload: str, measure: Callable[[int], Sample], sizes: Sequence[int], rounds: int, goals: dict[str, float]
) -> list[Row]:
    """Return the rows of a graph of some sizes, each against itself at SHORT."""
    contestants = {
        str(size): partial(median_of, max(1, 100_000 // size), partial(measure, size))
        for size in sorted({SHORT, *sizes})
    }
    times = interleave(contestants, rounds)
    return [
        row
        for size in sizes
        for row in compare(
            f"{workload}, {size:,} nodes",
            times[str(size)],
            times[str(SHORT)],
            unit="ns/node",
            scale=NANOSECONDS,
            other_name=f"itself at {SHORT:,}",
            goals=goals,
        )
    ]


def chain(run: Run) -> list[Row]:
    sizes = (100_000,) if run.quick else (100_000, 1_000_000)
    return by_size("chain", time_chain, sizes, run.rounds(7), {"backward + forward() + delete": 1.5})


# ---- a GPT over scalars


def time_gpt(value: Callable[[float], Any], state: Any, parameters: list[Any], document: list[int]) -> Sample:
    start = perf_counter()
    loss = gpt.loss(state, document, lambda xs, k: xs[k], lambda xs: max(x.data for x in xs))
    built = perf_counter()
    loss.backward()
    differentiated = perf_counter()
    for p in parameters:
        p.data -= RATE * p.grad
        p.grad = 0.0
    done = perf_counter()
    if not math.isfinite(loss.data):
        raise SystemExit("gpt: the loss is not finite.")
    return {"forward": built - start, "backward": differentiated - built, "step": done - start}


def train_gpt(run: Run) -> list[Row]:
    """Return the rows of a step on a document of five tokens, deep enough for an engine that recurses."""
    document = next(tokens for tokens in gpt.documents(100) if len(tokens) == 5)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    try:
        engines = {"ours": Value, "microgpt": microgpt.Value}
        steps = {who: partial(time_gpt, value, *gpt.weights(value), document) for who, value in engines.items()}
        times = interleave(steps, run.rounds(15))
    finally:
        sys.setrecursionlimit(limit)
    return compare(
        "gpt", times["ours"], times["microgpt"], unit="ms", scale=MILLISECONDS, other_name="microgpt's engine",
        goals=goal("step", None, 1 / 6),
    )  # fmt: skip


# ---- scale: the same graph, a thousand to ten million nodes


def time_scale(size: int) -> Sample:
    xs, squares = [Value(x) for x in numbers_for_leaves()], max(1, size // (NODES_OF_A_SQUARE + 1))
    phases = time_life(partial(dot_products_and_squares, xs, squares))
    phases["build + backward + delete"] = phases["build"] + phases["backward"] + phases["delete"]
    return {phase: seconds / nodes_of(squares) for phase, seconds in phases.items()}


def scale(run: Run) -> list[Row]:
    sizes = [1_000, 10_000, 100_000, 1_000_000, 10_000_000][: 3 if run.quick else 5 if run.large else 4]
    rounds = 3 if run.large else run.rounds(7)
    return by_size("scale", time_scale, sizes, rounds, goal("build + backward + delete", None, 1.5))


# ---- import


def cpu_of_children() -> float:
    try:
        from resource import RUSAGE_CHILDREN, getrusage
    except ImportError:  # not a Unix
        return math.nan
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def time_interpreter(statement: str) -> Sample:
    cached = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start, used = perf_counter(), cpu_of_children()
    subprocess.run([sys.executable, "-c", statement], check=True, env=cached)
    return {"CPU": cpu_of_children() - used, "wall": perf_counter() - start}


def import_time(run: Run) -> list[Row]:
    """Return what the import adds to a bare interpreter, against a budget of 15 ms of CPU time."""
    statements = {"ours": "import autograd_lite", "bare": "pass"}
    times = interleave({who: partial(time_interpreter, text) for who, text in statements.items()}, run.rounds(50))
    added = [{phase: a[phase] - b[phase] for phase in a} for a, b in zip(times["ours"], times["bare"], strict=True)]
    return compare(
        "import autograd_lite, above a bare interpreter",
        added,
        [{"CPU": 0.015, "wall": 0.015}] * len(added),
        unit="ms",
        scale=MILLISECONDS,
        other_name="the budget",
        goals={"CPU": 1.0},
    )


# ---- replay


def time_replay(build: Callable[[], Value]) -> Sample:
    start = perf_counter()
    root = build()
    built = perf_counter()
    root.forward()
    first = perf_counter()
    root.forward()
    again = perf_counter()
    return {"build": built - start, "first forward()": first - built, "forward()": again - first}


def replay(run: Run) -> list[Row]:
    xs = [Value(x) for x in numbers_for_leaves()]
    trainer = MoonsTrainer(nn.MLP, Value)
    w, b = Value(0.5), Value(1.0)
    graphs: dict[str, Callable[[], Value]] = {
        "wide, 5,099 nodes": partial(dot_products_and_squares, xs, 300),
        "chain, 10,000 nodes": partial(build_chain, w, b, SHORT),
        "moons, nn.MLP": trainer.loss,
    }
    times = interleave({name: partial(time_replay, build) for name, build in graphs.items()}, run.rounds(50))
    return [
        row
        for name, samples in times.items()
        for row in compare(
            f"replay, {name}",
            [{phase: sample[phase] for phase in ("first forward()", "forward()")} for sample in samples],
            [dict.fromkeys(("first forward()", "forward()"), sample["build"]) for sample in samples],
            unit="ms",
            scale=MILLISECONDS,
            other_name="building anew",
            goals=goal("forward()", 1.0, 1 / 2.3),
        )
    ]


# ---- scalars of the array libraries


def time_torch(torch: ModuleType, squares: int) -> Sample:
    def leaf(x: float) -> Any:
        return torch.tensor(x, dtype=torch.float64, requires_grad=True)

    return time_wide(leaf, squares)


def time_hips(core: ModuleType, squares: int) -> Sample:
    start = perf_counter()
    pull_back, _ = core.make_vjp(partial(dot_products_and_squares, squares=squares), tuple(numbers_for_leaves()))
    built = perf_counter()
    pull_back(1.0)
    done = perf_counter()
    return {"build": built - start, "backward": done - built, "build + backward": done - start}


def time_jax(jax: ModuleType, squares: int) -> Sample:
    xs = [jax.numpy.float64(x) for x in numbers_for_leaves()]
    start = perf_counter()
    _, pull_back = jax.vjp(partial(dot_products_and_squares, squares=squares), xs)
    built = perf_counter()
    jax.block_until_ready(pull_back(jax.numpy.float64(1.0)))
    done = perf_counter()
    return {"build": built - start, "backward": done - built, "build + backward": done - start}


def scalars(run: Run) -> list[Row]:
    squares = 60
    contestants: dict[str, Callable[[], Sample]] = {"ours": partial(time_wide, Value, squares)}
    torch, hips = run.peer("torch"), run.peer("autograd.core")
    if torch is not None:
        torch.set_num_threads(1)
        contestants["torch"] = partial(time_torch, torch, squares)
    if hips is not None:
        contestants["autograd"] = partial(time_hips, hips, squares)
    jax = run.peer("jax")
    if jax is not None:
        jax.config.update("jax_enable_x64", True)
        contestants["jax"] = partial(time_jax, jax, squares)
    several = {who: partial(median_of, 5, measure) for who, measure in contestants.items()}
    times = interleave(several, run.rounds(15))
    nodes = nodes_of(squares)
    return [
        row
        for peer in list(contestants)[1:]
        for row in compare(
            f"scalars, {nodes:,} nodes",
            times["ours"],
            times[peer],
            unit="ns/node",
            scale=NANOSECONDS / nodes,
            other_name=f"{peer} scalars",
            goals=goal("build + backward", None, {"torch": 1 / 40, "autograd": 1 / 60}.get(peer, 1.0)),
        )
    ]


WORKLOADS: dict[str, Callable[[Run], list[Row]]] = {
    "import": import_time,  # first: a process of gigabytes is slow to start another
    "wide": wide,
    "moons": train_moons,
    "gpt": train_gpt,
    "chain": chain,
    "scale": scale,
    "replay": replay,
    "scalars": scalars,  # last: torch's objects would weigh on every collection after it
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Compare the eager engine with its peers in one process.")
    parser.add_argument("--quick", action="store_true", help="a fifth of the rounds, no graph of a million nodes")
    parser.add_argument("--large", action="store_true", help="graphs of ten million nodes, too: 2 GB of memory")
    parser.add_argument("--save", metavar="FOLDER", type=Path, help="write eager.json and eager.md there, too")
    parser.add_argument("--only", metavar="NAME", choices=WORKLOADS, help=f"one of {', '.join(WORKLOADS)}")
    options = parser.parse_args(arguments)
    run = Run(options.quick, options.large)
    rows: list[Row] = []
    for name in [options.only] if options.only else WORKLOADS:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        rows += WORKLOADS[name](run)
    facts, table = machine(list(run.measured)), markdown_table(rows)
    print(report(facts, table, run.skipped))
    if options.save:
        name = f"eager-{options.only}" if options.only else "eager"
        write(options.save, name, facts, [row.as_json() for row in rows], table, run.skipped)


if __name__ == "__main__":
    main()
