"""What second derivatives cost, in gradients of the same function: `python benchmarks/derivatives.py`.

Three functions of 20 numbers:

    rosenbrock   sum of 100 (b - a**2)**2 + (1 - a)**2 over neighbours: sums, products, powers
    logistic     the log-loss of 40 examples: dot products, softplus
    chain        tanh(a b) + exp(-a) over neighbours: functions whose slopes are rows

benchmarks/README.md says how to read the table.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

from measuring import Row, Sample, compare, interleave, machine, markdown_table, only, report, write

from autograd_lite import dot, exp, grad, hessian, hvp, jvp, softplus, tanh

VARIABLES, EXAMPLES = 20, 40
MICROSECONDS = 1e6
GOALS = {("rosenbrock", "hessian"): 1.0, ("rosenbrock", "hvp"): 6.0, ("logistic", "hvp"): 6.0, ("chain", "hvp"): 6.0}
SOURCE = random.Random(0)
POINT = [SOURCE.uniform(-1.5, 1.5) for _ in range(VARIABLES)]
VECTOR = [SOURCE.uniform(-1.0, 1.0) for _ in range(VARIABLES)]
DATA = [[SOURCE.gauss(0.0, 1.0) for _ in range(VARIABLES)] for _ in range(EXAMPLES)]
SIGNS = [SOURCE.choice([-1.0, 1.0]) for _ in range(EXAMPLES)]


def rosenbrock(x: Sequence[Any]) -> Any:
    total = 0.0
    for a, b in pairwise(x):
        total = total + 100.0 * (b - a**2) ** 2 + (1.0 - a) ** 2
    return total


def logistic(w: Sequence[Any]) -> Any:
    total = 0.0
    for x, sign in zip(DATA, SIGNS, strict=True):
        total = total + softplus(-sign * dot(w, x))
    return total


def chain(x: Sequence[Any]) -> Any:
    total = 0.0
    for a, b in pairwise(x):
        total = total + tanh(a * b) + exp(-a)
    return total


FUNCTIONS = (rosenbrock, logistic, chain)


def rosenbrock_hessian(x: Sequence[float]) -> list[list[float]]:
    """The second derivatives as one writes them by hand, to compare with before anything is timed."""
    n = len(x)
    matrix = [[0.0] * n for _ in range(n)]
    for k in range(n - 1):
        matrix[k][k] += 1200.0 * x[k] ** 2 - 400.0 * x[k + 1] + 2.0
        matrix[k + 1][k + 1] += 200.0
        matrix[k][k + 1] = matrix[k + 1][k] = -400.0 * x[k]
    return matrix


def check() -> None:
    """Stop unless the numbers agree: Hessians with the hand-written one, or with differences of gradients."""
    for f in FUNCTIONS:
        ours, product = hessian(f)(POINT), hvp(f)(POINT, VECTOR)
        if f is rosenbrock:
            _agree(ours, rosenbrock_hessian(POINT), 1e-13)
        h = 1e-4
        ahead, behind = ([x + s * v for x, v in zip(POINT, VECTOR, strict=True)] for s in (h, -h))
        differences = [(a - b) / (2 * h) for a, b in zip(grad(f)(ahead), grad(f)(behind), strict=True)]
        _agree([product], [differences], 1e-6)
        times = [sum(a * v for a, v in zip(row, VECTOR, strict=True)) for row in ours]
        _agree([product], [times], 1e-12)


def _agree(ours: Sequence[Sequence[float]], others: Sequence[Sequence[float]], tolerance: float) -> None:
    size = max(abs(x) for row in others for x in row)
    worst = max(abs(a - b) for xs, ys in zip(ours, others, strict=True) for a, b in zip(xs, ys, strict=True))
    if not worst <= tolerance * size:
        raise SystemExit(f"The numbers differ by {worst:g}: there is nothing to compare.")


def timed(phase: str, calls: int, run: Callable[[], Any]) -> Sample:
    start = perf_counter()
    for _ in range(calls):
        run()
    return {phase: (perf_counter() - start) / calls}


def measure(f: Callable[..., Any], rounds: int) -> list[Row]:
    gradient, full, product = grad(f), hessian(f), hvp(f)
    samples = interleave(
        {
            "gradient": partial(timed, "gradient", 20, lambda: gradient(POINT)),
            "hessian": partial(timed, "hessian", 2, lambda: full(POINT)),
            "hvp": partial(timed, "hvp", 10, lambda: product(POINT, VECTOR)),
            "jvp": partial(timed, "jvp", 10, lambda: jvp(f, (POINT,), (VECTOR,))),
        },
        rounds,
    )
    rows = []
    for phase in ("hessian", "hvp", "jvp"):
        count = VARIABLES if phase == "hessian" else 1
        rows += compare(
            f"{f.__name__}, {VARIABLES} variables",
            only(samples[phase], phase),
            [{phase: count * sample["gradient"]} for sample in samples["gradient"]],
            unit="µs",
            scale=MICROSECONDS,
            other_name=f"{count} gradients" if count > 1 else "one gradient",
            goals={phase: GOALS[f.__name__, phase]} if (f.__name__, phase) in GOALS else None,
        )
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Second derivatives, in gradients of the same function.")
    parser.add_argument("--quick", action="store_true", help="a fifth of the rounds")
    parser.add_argument("--save", metavar="FOLDER", type=Path, help="write derivatives.json and .md there, too")
    options = parser.parse_args(arguments)
    check()
    rows: list[Row] = []
    for f in FUNCTIONS:
        print(f"measuring {f.__name__} ...", file=sys.stderr, flush=True)
        rows += measure(f, 6 if options.quick else 30)
    facts, table = machine(["autograd_lite"]), markdown_table(rows)
    print(report(facts, table, []))
    if options.save:
        write(options.save, "derivatives", facts, [row.as_json() for row in rows], table, [])


if __name__ == "__main__":
    main()
