"""Compiled programs against their peers at their best, in one process: `python benchmarks/compiled.py`.

    moons      2-16-16-1, hinge loss and penalty: 1 sample, 100 from a Python loop, 1,000 and 10,000
    batch_norm the same with both hidden layers normalised over 100 and 1,000 samples from a Python loop
    cores      moons again, one thread against two
    digits     64-32-10: 64 fresh examples a step, all 1,797; time to train against scikit-learn
    gpt        one document of a one-layer GPT over scalars; 1,000 steps over documents of all lengths
    irregular  10,000 operations without pattern, value and gradient, against CasADi; 100,000, first result
    latency    compiling one sample of an MLP
    accuracy   the moons gradient against 80-bit arithmetic

A step is loss, gradient and SGD update; one thread but for `cores`, float64. JAX is measured per call and as
`lax.scan` over many steps, ours per call and as `run`. A peer that is missing is left out, and
said so. Memory is limited, so that a peer cannot take the machine down. Budgets are in seconds of the
processor, so that a busy machine does not spend them.
"""

# ruff: noqa: E402 (threads are set before the libraries that read it are imported)
from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import argparse
import json
import random
import resource
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from time import perf_counter, process_time
from types import ModuleType
from typing import Any

import gpt
import numpy as np
from measuring import Row, Sample, compare, import_peer, interleave, machine, markdown_table

import autograd_lite as ag
import nn
from autograd_lite import Value

MEMORY = 12 << 30
RATE = 1e-9
PENALTY = 1e-4
PACKAGES = {"sklearn": "scikit-learn"}


@dataclass
class Run:
    """What this run is asked to do, and what it had to leave out."""

    quick: bool = False
    skipped: list[str] = field(default_factory=list)
    measured: dict[str, None] = field(default_factory=lambda: {"autograd_lite": None, "numpy": None})

    @property
    def rounds(self) -> int:
        return 3 if self.quick else 9

    def peer(self, name: str) -> ModuleType | None:
        module = import_peer(name, self.skipped)
        if module is not None:
            self.measured[PACKAGES.get(top := name.partition(".")[0], top)] = None
            if name == "jax":
                module.config.update("jax_enable_x64", True)
            if name == "torch":
                module.set_default_dtype(module.float64)
                module.set_num_threads(1)
        return module

    def without(self, what: str, error: Exception) -> None:
        warning = f"!!! SKIPPED: {what}: {type(error).__name__}: {str(error)[:100]}"
        self.skipped.append(warning)
        print(f"\n{warning}\n", flush=True)


def per_call(function: Callable[[], Any], seconds: float = 0.03) -> Callable[[], Sample]:
    """Return a contestant: so many calls that it takes a while; the time of one."""
    function()
    start = perf_counter()
    function()
    count = max(1, int(seconds / max(perf_counter() - start, 1e-7)))

    def run() -> Sample:
        start = perf_counter()
        for _ in range(count):
            function()
        return {"step": (perf_counter() - start) / count}

    return run


def per_step(function: Callable[[], Any], steps: int) -> Callable[[], Sample]:
    """Return a contestant that makes many steps in a call; the time of one."""
    function()

    def run() -> Sample:
        start = perf_counter()
        function()
        return {"step": (perf_counter() - start) / steps}

    return run


# ---- moons


def scalar_network(sizes: Sequence[int]) -> tuple[list[list[tuple[list[Value], Value]]], list[Value]]:
    r = random.Random(1)
    layers, parameters = [], []
    for n_in, n_out in pairwise(sizes):
        neurons = []
        for _ in range(n_out):
            w, b = [Value(r.uniform(-1, 1) / n_in**0.5) for _ in range(n_in)], Value(0.0)
            neurons.append((w, b))
            parameters += [*w, b]
        layers.append(neurons)
    return layers, parameters


def outputs(layers: Any, x: Any) -> list[Any]:
    for k, neurons in enumerate(layers):
        x = [sum((wi * xi for wi, xi in zip(w, x, strict=True)), b) for w, b in neurons]
        if k < len(layers) - 1:
            x = [v.relu() for v in x]
    return x


def matrices(sizes: Sequence[int], parameters: Sequence[Value]) -> list[tuple[Any, Any]]:
    numbers, start, found = np.array([p.data for p in parameters]), 0, []
    for n_in, n_out in pairwise(sizes):
        block = numbers[start : start + n_out * (n_in + 1)].reshape(n_out, n_in + 1)
        start += block.size
        found.append((block[:, :-1].T.copy(), block[:, -1].copy()))
    return found


def jax_steps(jax: Any, loss: Callable[..., Any], state: Any, steps: int) -> tuple[Callable[..., Any], Any]:
    """Return one step of SGD, compiled, and many of them in a scan; both take the state and data."""

    def step(state: Any, data: Any) -> Any:
        value, gradient = jax.value_and_grad(loss)(state, *data)
        return jax.tree.map(lambda p, g: p - RATE * g, state, gradient), value

    def many(state: Any, data: Any) -> Any:
        return jax.lax.scan(lambda s, _: step(s, data), state, None, length=steps)

    return jax.jit(step), jax.jit(many)


def numpy_moons(weights: Any, X: Any, y: Any) -> tuple[float, list[Any]]:  # noqa: N803
    (w1, b1), (w2, b2), (w3, b3) = weights
    z1 = X @ w1 + b1
    h1 = np.maximum(z1, 0)
    z2 = h1 @ w2 + b2
    h2 = np.maximum(z2, 0)
    margin = 1 - y[:, None] * (h2 @ w3 + b3)
    value = np.maximum(margin, 0).mean() + PENALTY * sum((p * p).sum() for pair in weights for p in pair)
    d3 = -y[:, None] * (margin > 0) / len(y)
    d2 = (d3 @ w3.T) * (z2 > 0)
    d1 = (d2 @ w2.T) * (z1 > 0)
    slopes = [X.T @ d1, d1.sum(0), h1.T @ d2, d2.sum(0), h2.T @ d3, d3.sum(0)]
    return value, [g + 2 * PENALTY * p for g, p in zip(slopes, [p for pair in weights for p in pair], strict=True)]


def moons_data(count: int) -> tuple[Any, Any]:
    r = np.random.default_rng(0)
    angle, side = r.uniform(0, np.pi, count), r.integers(0, 2, count)
    X = np.stack([np.cos(angle) * (1 - 2 * side) + side, np.sin(angle) * (1 - 2 * side) + side / 2], axis=1)  # noqa: N806
    return X + r.normal(0, 0.1, X.shape), 2.0 * side - 1.0


def moons(run: Run) -> list[Row]:
    found: list[Row] = []
    for count in (1, 100, 1000, 10000):
        found += moons_of(run, count)
    return found


def moons_of(run: Run, count: int) -> list[Row]:
    sizes, steps = (2, 16, 16, 1), max(20, 100000 // (count + 99))
    X, y = moons_data(count)  # noqa: N806
    layers, parameters = scalar_network(sizes)
    start = matrices(sizes, parameters)

    def example(x: Any, t: Any) -> Any:
        return (1 + -t * outputs(layers, x)[0]).relu()

    def penalty() -> Any:
        return PENALTY * sum(p * p for p in parameters)

    def loop() -> Any:  # as in micrograd's demonstration
        losses = [example(x, t) for x, t in zip(X.tolist(), y.tolist(), strict=True)]
        return sum(losses) * (1.0 / len(losses)) + penalty()

    if count == 100:
        program = ag.compile(loop, parameters, verify=True)
    else:
        program = ag.compile(example, parameters, batch=(X, y), penalty=penalty)
    optimizer = nn.SGD(parameters, lr=RATE)
    contestants = {
        "step": per_call(lambda: program.step(optimizer)),
        "run": per_step(lambda: program.run(optimizer, steps), steps),
    }
    flat = [p for pair in start for p in pair]

    def by_hand() -> None:
        _, slopes = numpy_moons(start, X, y)
        for p, g in zip(flat, slopes, strict=True):
            p -= RATE * g

    contestants["NumPy by hand"] = per_call(by_hand)
    goals = {1: (8.0, 1.0), 100: (7.0, 1.5), 1000: (0, 1.4), 10000: (0, 1.3)}[count]
    named: dict[str, float] = {}
    if jax := run.peer("jax"):
        jnp = jax.numpy

        def loss(state: Any, X: Any, y: Any) -> Any:  # noqa: N803
            h = X
            for k, (w, b) in enumerate(state):
                h = h @ w + b
                h = jax.nn.relu(h) if k < 2 else h
            return jnp.mean(jax.nn.relu(1 - y * h[:, 0])) + PENALTY * sum(
                jnp.sum(p * p) for p in jax.tree.leaves(state)
            )

        one, many = jax_steps(jax, loss, start, steps)
        state, data = jax.tree.map(jnp.asarray, start), (jnp.asarray(X), jnp.asarray(y))
        contestants["JAX per call"] = per_call(lambda: one(state, data)[1].block_until_ready())
        contestants["JAX scan"] = per_step(lambda: many(state, data)[1].block_until_ready(), steps)
        named = {"JAX scan": goals[1]}
    if torch := run.peer("torch"):
        tensors = [torch.tensor(p, requires_grad=True) for p in flat]
        data_t = torch.tensor(X), torch.tensor(y)
        sgd = torch.optim.SGD(tensors, lr=RATE)

        def torch_loss(X: Any, y: Any) -> Any:  # noqa: N803
            h = X
            for k in range(3):
                h = h @ tensors[2 * k] + tensors[2 * k + 1]
                h = h.relu() if k < 2 else h
            return (1 - y * h[:, 0]).relu().mean() + PENALTY * sum((p * p).sum() for p in tensors)

        def torch_step(loss: Callable[..., Any]) -> None:
            value = loss(*data_t)
            sgd.zero_grad()
            value.backward()
            sgd.step()

        contestants["PyTorch eager"] = per_call(lambda: torch_step(torch_loss))
        if count == 100:
            try:
                quick = torch.compile(torch_loss)
                torch_step(quick)
                contestants["torch.compile"] = per_call(lambda: torch_step(quick))
            except Exception as error:  # a missing C++ compiler, say
                run.without("torch.compile", error)
    if count == 100 and (engine := run.peer("micrograd.engine")):
        other_layers, other = scalar_network(sizes)
        theirs = [engine.Value(p.data) for p in other]
        taken = iter(theirs)
        own = [[([next(taken) for _ in w], next(taken)) for w, _ in neurons] for neurons in other_layers]

        def micrograd_step() -> None:
            losses = [(1 + -t * outputs(own, x)[0]).relu() for x, t in zip(X.tolist(), y.tolist(), strict=True)]
            total = sum(losses) * (1.0 / len(losses)) + PENALTY * sum(p * p for p in theirs)
            for p in theirs:
                p.grad = 0.0
            total.backward()

        contestants["micrograd"] = per_call(micrograd_step)
    name = f"moons, {count:,} sample{'s' * (count > 1)}"
    call_goals = {"JAX per call": goals[0], "PyTorch eager": 50.0, "micrograd": 50000.0}
    call_goals = {k: v for k, v in call_goals.items() if v and (count == 100 or k == "JAX per call")}
    every = interleave(contestants, run.rounds)
    return [
        *table(name, "step", every, call_goals, leave=("run", "JAX scan")),
        *table(name, "run", every, named, leave=("step", "NumPy by hand", "PyTorch eager", "micrograd")),
    ]


def table(
    name: str, ours: str, samples: dict[str, list[Sample]], goals: dict[str, float], leave: Sequence[str] = ()
) -> list[Row]:
    """Return a row for every peer; a goal is how many times as fast we are to be."""
    found = []
    for other, theirs in samples.items():
        if other == ours or other in leave or other in ("step", "run"):
            continue
        goal = {"step": 1.0 / goals[other]} if other in goals else None
        found += compare(f"{name}, {ours}", samples[ours], theirs, unit="µs", scale=1e6, other_name=other, goals=goal)
    return found


def cores(run: Run) -> list[Row]:
    """The same program on one thread and on two; the second core has to be free."""
    found: list[Row] = []
    for count in (1000, 10000):
        X, y = moons_data(count)  # noqa: N806
        contestants, steps = {}, 1000000 // (count + 99)
        for threads in (1, 2):
            program, optimizer = moons_program(X, y, threads)
            contestants[f"run {threads}"] = per_step(partial(program.run, optimizer, steps), steps)
            contestants[f"step {threads}"] = per_call(partial(program.step, optimizer))
        samples = interleave(contestants, 3 * run.rounds)
        for how in ("run", "step"):
            found += compare(
                f"moons, {count:,} samples, {how} on two threads", samples[f"{how} 2"], samples[f"{how} 1"],
                unit="µs", scale=1e6, other_name="one thread", goals={"step": 1.0 / 1.6},
            )  # fmt: skip
    return found


def moons_program(X: Any, y: Any, threads: int) -> tuple[Any, Any]:  # noqa: N803
    layers, parameters = scalar_network((2, 16, 16, 1))
    program = ag.compile(
        lambda x, t: (1 + -t * outputs(layers, x)[0]).relu(), parameters, batch=(X, y),
        penalty=lambda: PENALTY * sum(p * p for p in parameters), threads=threads,
    )  # fmt: skip
    return program, nn.SGD(parameters, lr=RATE)


# ---- batch norm


def normalised_outputs(layers: Any, norms: Any, rows: Any) -> list[Any]:
    """Return the output of every sample; hidden neurons are normalised over the batch, scaled and shifted."""
    for neurons, norm in zip(layers, [*norms, None], strict=True):
        rows = [[sum((wi * xi for wi, xi in zip(w, x, strict=True)), b) for w, b in neurons] for x in rows]
        if norm is None:
            break
        columns = []
        for column, (scale, shift) in zip(zip(*rows, strict=True), norm, strict=True):
            mean = sum(column) / float(len(column))
            variance = sum((v - mean) ** 2 for v in column) / float(len(column))
            spread = (variance + 1e-5) ** 0.5
            columns.append([(scale * ((v - mean) / spread) + shift).relu() for v in column])
        rows = list(zip(*columns, strict=True))
    return [y for (y,) in rows]


def batch_norm(run: Run) -> list[Row]:
    found: list[Row] = []
    for count in (100, 1000):
        found += batch_norm_of(run, count)
    return found


def batch_norm_of(run: Run, count: int) -> list[Row]:
    """The samples from a Python loop, tied together by the means and variances of 32 neurons."""
    sizes, steps = (2, 16, 16, 1), max(20, 100000 // (count + 99))
    X, y = moons_data(count)  # noqa: N806
    layers, parameters = scalar_network(sizes)
    norms = [[(Value(1.0), Value(0.1)) for _ in range(16)] for _ in range(2)]
    parameters += [p for norm in norms for pair in norm for p in pair]

    def loop() -> Any:
        scores = normalised_outputs(layers, norms, X.tolist())
        return sum((1 + -t * score).relu() for t, score in zip(y.tolist(), scores, strict=True)) / float(count)

    start = [*matrices(sizes, parameters), *[tuple(np.array([[p.data for p in q] for q in n]).T) for n in norms]]
    program = ag.compile(loop, parameters, verify=True)
    value, slopes = program()
    optimizer = nn.SGD(parameters, lr=RATE)
    contestants = {
        "step": per_call(lambda: program.step(optimizer)),
        "run": per_step(lambda: program.run(optimizer, steps), steps),
    }

    def agree(other: float, gradient: Sequence[Any]) -> None:
        theirs = [np.asarray(g, float) for g in gradient]
        ours = np.concatenate([in_order(sizes, theirs[:6]), *[np.stack(theirs[k : k + 2], 1).ravel() for k in (6, 8)]])
        assert abs(other - value) < 1e-12
        assert np.abs(ours - slopes).max() < 1e-10 * np.abs(slopes).max()

    def array_loss(xp: Any, state: Any, X: Any, y: Any) -> Any:  # noqa: N803
        (w1, b1), (w2, b2), (w3, b3), *norms = state
        h = X
        for w, b, (scale, shift) in ((w1, b1, norms[0]), (w2, b2, norms[1])):
            h = h @ w + b
            centred = h - h.mean(0)
            h = xp.relu(scale * (centred / ((centred * centred).mean(0) + 1e-5) ** 0.5) + shift)
        return xp.relu(1 - y * (h @ w3 + b3)[:, 0]).mean()

    if jax := run.peer("jax"):

        def loss(state: Any, X: Any, y: Any) -> Any:  # noqa: N803
            return array_loss(jax.nn, state, X, y)

        one, many = jax_steps(jax, loss, start, steps)
        state, data = jax.tree.map(jax.numpy.asarray, start), (jax.numpy.asarray(X), jax.numpy.asarray(y))
        other, gradient = jax.value_and_grad(loss)(state, *data)
        agree(float(other), jax.tree.leaves(gradient))
        contestants["JAX per call"] = per_call(lambda: one(state, data)[1].block_until_ready())
        contestants["JAX scan"] = per_step(lambda: many(state, data)[1].block_until_ready(), steps)
    if torch := run.peer("torch"):
        tensors = [torch.tensor(p, requires_grad=True) for pair in start for p in pair]
        tensor_data = torch.tensor(X), torch.tensor(y)
        sgd = torch.optim.SGD(tensors, lr=RATE)

        def torch_step() -> float:
            value = array_loss(torch, list(zip(tensors[::2], tensors[1::2], strict=True)), *tensor_data)
            sgd.zero_grad()
            value.backward()
            sgd.step()
            return value.item()

        agree(torch_step(), [tensor.grad for tensor in tensors])
        contestants["PyTorch eager"] = per_call(torch_step)
    name, every = f"batch norm, {count:,} samples", interleave(contestants, run.rounds)
    return [
        *table(name, "step", every, {}, leave=("JAX scan",)),
        *table(name, "run", every, {}, leave=("PyTorch eager",)),
    ]


# ---- digits


def digits(run: Run) -> list[Row]:
    sklearn = run.peer("sklearn.datasets")
    if sklearn is None:
        return []
    X, y = sklearn.load_digits(return_X_y=True)  # noqa: N806
    X = X / 16.0  # noqa: N806
    found = []
    for size in (64, len(X)):
        found += digits_of(run, X, y, size)
    return [*found, *against_scikit_learn(run, X, y)]


def digits_of(run: Run, X: Any, y: Any, size: int) -> list[Row]:  # noqa: N803
    """Fresh examples every step: binding them is part of it, for everyone."""
    model = nn.MLP(64, [32, 10], random_state=0)
    parameters = model.parameters()
    program = ag.compile(lambda x, t: nn.cross_entropy(model(x), t), parameters, batch=(X[:size], y[:size]))
    optimizer = nn.SGD(parameters, lr=RATE)
    r = np.random.default_rng(0)
    steps = 100 if size == 64 else 10
    batches = [r.permutation(len(X))[:size] for _ in range(steps)]
    data = [(X[batch], y[batch].astype(float)) for batch in batches]
    turn = iter(range(1 << 60))
    contestants = {
        "step": per_call(lambda: program.step(optimizer, *data[next(turn) % steps])),
        "run": per_step(lambda: program.run(optimizer, data=(X, y), batches=batches), steps),
    }
    start = matrices((64, 32, 10), parameters)
    if jax := run.peer("jax"):
        jnp = jax.numpy

        def loss(state: Any, X: Any, y: Any) -> Any:  # noqa: N803
            (w1, b1), (w2, b2) = state
            z = jax.nn.relu(X @ w1 + b1) @ w2 + b2
            return -jnp.mean(jax.nn.log_softmax(z)[jnp.arange(len(y)), y])

        def step(state: Any, X: Any, y: Any) -> Any:  # noqa: N803
            value, gradient = jax.value_and_grad(loss)(state, X, y)
            return jax.tree.map(lambda p, g: p - RATE * g, state, gradient), value

        one = jax.jit(step)
        all_x, all_y, order = jnp.asarray(X), jnp.asarray(y), jnp.asarray(np.array(batches))
        many = jax.jit(lambda s: jax.lax.scan(lambda s, rows: step(s, all_x[rows], all_y[rows]), s, order))
        state = jax.tree.map(jnp.asarray, start)
        whole = [(X[batch], y[batch]) for batch in batches]
        contestants["JAX per call"] = per_call(lambda: one(state, *whole[next(turn) % steps])[1].block_until_ready())
        contestants["JAX scan"] = per_step(lambda: many(state)[1].block_until_ready(), steps)
    samples = interleave(contestants, run.rounds)
    name = f"digits, {size:,} fresh examples"
    return [
        *table(name, "step", samples, {"JAX per call": 3.0 if size == 64 else 1.8}, leave=("JAX scan",)),
        *table(name, "run", samples, {}, leave=()),
    ]


def against_scikit_learn(run: Run, X: Any, y: Any) -> list[Row]:  # noqa: N803
    """60 epochs in batches of 64 with Adam, as scikit-learn's MLPClassifier."""
    network = run.peer("sklearn.neural_network")
    assert network is not None
    order = np.random.default_rng(1).permutation(len(X))
    train, test = order[:1500], order[1500:]
    scores: dict[str, list[float]] = {"ours": [], "scikit-learn": []}

    def ours() -> Sample:
        seed = len(scores["ours"])
        model = nn.MLP(64, [32, 10], init="he", random_state=seed)
        start = perf_counter()
        history = nn.fit(
            model, X[train], y[train], loss="cross_entropy", optimizer=nn.Adam(model.parameters(), lr=0.003), epochs=60,
            batch_size=64, random_state=seed, compiled=True,
        )  # fmt: skip
        seconds = perf_counter() - start
        scores["ours"].append(model.score(X[test], y[test]))
        return {"with compilation": seconds, "without": history.seconds[-1]}

    def theirs() -> Sample:
        model = network.MLPClassifier(
            (32,), learning_rate_init=0.003, batch_size=64, max_iter=60, alpha=0.0, tol=0.0, n_iter_no_change=1000,
            random_state=len(scores["scikit-learn"]),
        )  # fmt: skip
        start = perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(X[train], y[train])
        seconds = perf_counter() - start
        scores["scikit-learn"].append(model.score(X[test], y[test]))
        return {"with compilation": seconds, "without": seconds}

    samples = interleave({"ours": ours, "scikit-learn": theirs}, run.rounds)
    means = {name: float(np.mean(found)) for name, found in scores.items()}
    print(f"digits, 60 epochs: test accuracy {means['ours']:.4f}, scikit-learn {means['scikit-learn']:.4f}", flush=True)
    return compare(
        "digits, 60 epochs of fit", samples["ours"], samples["scikit-learn"], unit="ms", scale=1e3,
        other_name="MLPClassifier", goals={"with compilation": 1.0, "without": 0.3},
    )  # fmt: skip


# ---- a GPT over scalars


def gpt_document(run: Run) -> list[Row]:
    """One document of ten tokens, loss, gradient and SGD; then a thousand documents of all lengths."""
    state, parameters = gpt.weights(Value)
    tokens = next(document for document in gpt.documents(1000) if len(document) == 11)

    def top(zs: list[Any]) -> Any:
        return ag.detach(ag.max(*zs))

    def compiled(length: int) -> Any:
        return ag.compile(
            lambda tokens: gpt.loss(state, tokens, ag.select, top), parameters, batch=np.zeros((1, length))
        )

    program = compiled(len(tokens))
    optimizer = nn.SGD(parameters, lr=RATE)
    data = np.array([tokens], float)
    first = program(data)[0]
    numbers = {name: np.array([[p.data for p in row] for row in matrix]) for name, matrix in state.items()}
    contestants = {"step": per_call(lambda: program.step(optimizer, data))}
    if jax := run.peer("jax"):
        jnp = jax.numpy

        def step(state: Any, tokens: Any) -> Any:
            value, gradient = jax.value_and_grad(lambda s: gpt.array_loss(jnp, s, tokens))(state)
            return jax.tree.map(lambda p, g: p - RATE * g, state, gradient), value

        one = jax.jit(step)
        arrays, ids = jax.tree.map(jnp.asarray, numbers), np.array(tokens)
        assert abs(float(one(arrays, ids)[1]) - first) < 1e-12
        contestants["JAX per call"] = per_call(lambda: one(arrays, ids)[1].block_until_ready())
    samples = interleave(contestants, run.rounds)
    if engine := run.peer("micrograd.engine"):

        class Number(engine.Value):  # what the program needs and micrograd lacks
            def exp(self) -> Any:
                result = Number(float(np.exp(self.data)), (self,), "exp")
                result._backward = lambda: setattr(self, "grad", self.grad + result.data * result.grad)
                return result

            def log(self) -> Any:
                result = Number(float(np.log(self.data)), (self,), "log")
                result._backward = lambda: setattr(self, "grad", self.grad + result.grad / self.data)
                return result

        engine.Value = Number  # its operators look the name up
        scalars, _ = gpt.weights(Number)
        sys.setrecursionlimit(1_000_000)
        start = perf_counter()
        value = gpt.loss(scalars, tokens, lambda items, k: items[k], lambda zs: max(z.data for z in zs))
        value.backward()
        seconds = perf_counter() - start
        assert abs(value.data - first) < 1e-12
        samples["micrograd"] = [{"step": seconds}] * run.rounds
    found = table("gpt, one document of 10 tokens", "step", samples, {"JAX per call": 6.0, "micrograd": 10000.0})

    def thousand() -> Sample:
        programs: dict[int, Any] = {}
        adam = nn.Adam(parameters, lr=RATE)
        start = process_time()
        for document in gpt.documents(1000):
            if len(document) not in programs:
                programs[len(document)] = compiled(len(document))
            programs[len(document)].step(adam, np.array([document], float))
        return {"1,000 steps": process_time() - start}

    budget = [{"1,000 steps": 15.0}]
    return found + compare(
        "gpt, documents of 3 to 15 tokens, compilation included", [thousand()], budget, unit="s", scale=1.0,
        other_name="the budget", goals={"1,000 steps": 1.0},
    )  # fmt: skip


# ---- graphs without any pattern


def irregular_program(count: int, leaves: list[Any], functions: Any) -> Any:
    """Return the sum of the last 20 of `count` operations, each on any of those before it."""
    r = random.Random(3)
    nodes = list(leaves)
    for k in range(count):
        a, b = nodes[r.randrange(max(0, len(nodes) - 400), len(nodes))], nodes[r.randrange(len(nodes))]
        kind = r.randrange(10)
        if kind < 4:
            y = a + b if kind < 3 else a - b
        elif kind < 7:
            y = a * b
        else:
            y = (functions.sin, functions.tanh, functions.cos)[kind - 7](a)
        nodes.append(functions.tanh(y) if k % 5 == 0 else y)
    return sum(nodes[-20:], 0.0 * nodes[0])


def irregular(run: Run) -> list[Row]:
    r = random.Random(4)
    leaves = [Value(r.uniform(-1, 1)) for _ in range(50)]
    program = ag.compile(irregular_program(10000, leaves, ag), leaves, verify=True)
    program()
    contestants = {"value and gradient": per_call(program.code.evaluate)}
    found = []
    if casadi := run.peer("casadi"):
        x = casadi.SX.sym("x", 50)
        root = irregular_program(10000, [x[k] for k in range(50)], casadi)
        function = casadi.Function("f", [x], [root, casadi.gradient(root, x)])
        buffer, evaluate = function.buffer()
        point, value, slopes = np.array([leaf.data for leaf in leaves]), np.zeros(1), np.zeros(50)
        buffer.set_arg(0, memoryview(point))
        buffer.set_res(0, memoryview(value))
        buffer.set_res(1, memoryview(slopes))
        evaluate()
        assert np.abs(slopes - program()[1]).max() < 1e-10 * np.abs(slopes).max()
        contestants["CasADi SX, by buffer"] = per_call(evaluate)
        samples = interleave(contestants, run.rounds)
        found += table("irregular, 10,000 operations", "value and gradient", samples, {"CasADi SX, by buffer": 3.0})

    def first_result() -> Sample:
        root = irregular_program(100000, leaves, ag)
        start = process_time()
        ag.compile(root, leaves)()
        return {"first result": process_time() - start}

    return found + compare(
        "irregular, 100,000 operations", [first_result() for _ in range(3)], [{"first result": 2.0}] * 3, unit="s",
        scale=1.0, other_name="the budget", goals={"first result": 1.0},
    )  # fmt: skip


# ---- latency and accuracy


def latency(run: Run) -> list[Row]:
    """From the function of one example to the first gradient, the process warm."""
    layers, parameters = scalar_network((2, 16, 16, 1))
    X, y = moons_data(1)  # noqa: N806

    def ours() -> Sample:
        start = perf_counter()
        ag.compile(lambda x, t: (1 + -t * outputs(layers, x)[0]).relu(), parameters, batch=(X, y))()
        return {"compile": perf_counter() - start}

    contestants = {"compile": ours}
    if jax := run.peer("jax"):
        jnp, start_state = jax.numpy, matrices((2, 16, 16, 1), parameters)

        def theirs() -> Sample:
            def loss(state: Any, X: Any, y: Any) -> Any:  # noqa: N803
                h = X
                for k, (w, b) in enumerate(state):
                    h = h @ w + b
                    h = jax.nn.relu(h) if k < 2 else h
                return jnp.mean(jax.nn.relu(1 - y * h[:, 0]))

            one, _ = jax_steps(jax, loss, start_state, 1)
            start = perf_counter()
            one(start_state, (X, y))[1].block_until_ready()
            return {"compile": perf_counter() - start}

        contestants["JAX, in arrays"] = theirs
    samples = interleave(contestants, run.rounds)
    budget = [{"compile": 0.120}] * run.rounds
    found = compare(
        "latency, one sample of an MLP", samples["compile"], budget, unit="ms", scale=1e3, other_name="the budget",
        goals={"compile": 1.0},
    )  # fmt: skip
    if "JAX, in arrays" in samples:
        found += compare(
            "latency, one sample of an MLP", samples["compile"], samples["JAX, in arrays"], unit="ms", scale=1e3,
            other_name="JAX, in arrays",
        )  # fmt: skip
    return found


def accuracy(run: Run) -> list[Row]:
    """The largest error of the moons gradient relative to its largest entry, in units of 1e-16."""
    if np.finfo(np.longdouble).eps > 2e-19:
        run.without("accuracy", RuntimeError("numpy has no 80-bit numbers here"))
        return []
    sizes, found = (2, 16, 16, 1), []
    for count in (100, 10000):
        X, y = moons_data(count)  # noqa: N806
        layers, parameters = scalar_network(sizes)

        def example(x: Any, t: Any, layers: Any = layers) -> Any:
            return (1 + -t * outputs(layers, x)[0]).relu()

        def penalty(parameters: Any = parameters) -> Any:
            return PENALTY * sum(p * p for p in parameters)

        _, slopes = ag.compile(example, parameters, batch=(X, y), penalty=penalty)()
        weights = matrices(sizes, parameters)
        exact = numpy_moons(
            [(w.astype(np.longdouble), b.astype(np.longdouble)) for w, b in weights],
            X.astype(np.longdouble), y.astype(np.longdouble),
        )[1]  # fmt: skip
        truth = in_order(sizes, exact)
        errors = [
            float(np.abs(g - truth).max() / np.abs(truth).max())
            for g in (slopes, in_order(sizes, numpy_moons(weights, X, y)[1]))
        ]
        found += compare(
            f"accuracy, moons, {count:,} samples", [{"error": errors[0]}], [{"error": errors[1]}], unit="1e-16",
            scale=1e16, other_name="NumPy by hand", goals={"error": 1.0},
        )  # fmt: skip
    return found


def in_order(sizes: Sequence[int], slopes: list[Any]) -> Any:
    """Return gradients of matrices in the order of the scalar parameters."""
    parts = []
    for w, b in zip(slopes[::2], slopes[1::2], strict=True):
        parts.append(np.concatenate([w.T, b[:, None]], axis=1).ravel())
    return np.concatenate(parts)


WORKLOADS: dict[str, Callable[[Run], list[Row]]] = {
    "moons": moons, "cores": cores, "batch_norm": batch_norm, "digits": digits, "gpt": gpt_document,
    "irregular": irregular, "latency": latency, "accuracy": accuracy,
}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Compare compiled programs with their peers at their best.")
    parser.add_argument("--quick", action="store_true", help="a third of the rounds")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the results there, too")
    parser.add_argument("--only", metavar="NAME", choices=WORKLOADS, help=f"one of {', '.join(WORKLOADS)}")
    options = parser.parse_args(arguments)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    run, rows = Run(options.quick), []
    for name in [options.only] if options.only else WORKLOADS:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        rows += WORKLOADS[name](run)
    facts = machine(list(run.measured))
    print("\n".join(run.skipped))
    print("\n".join(f"- {name}: {value}" for name, value in facts.items()))
    print(f"\n{markdown_table(rows)}")
    if options.json:
        results = {"machine": facts, "skipped": run.skipped, "rows": [row.as_json() for row in rows]}
        options.json.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
