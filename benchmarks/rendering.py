"""How long a picture takes, by the number of nodes: `python benchmarks/rendering.py`.

A network's loss, 30 to 100,000 nodes, drawn in the built-in engine as it is by default (larger graphs
are folded by scopes) and as text; and expressions without scopes, which nothing folds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from measuring import Row, Sample, compare, interleave, machine, markdown_table, report, write

from autograd_lite import Value, draw, topological_order
from nn import MLP

BUDGET = 1.0
"""Seconds a picture may take: a notebook should not make one wait."""


def network(examples: int, hidden: int) -> Any:
    """Return the squared error of a small network over some examples."""
    model = MLP(2, [hidden, 1], random_state=0)
    return sum((model([0.1 * k, 1.0 - 0.1 * k]) - 1.0) ** 2 for k in range(examples))


def expression(terms: int) -> Value:
    """Return w₁x₁ + w₂x₂² + ..., no scope in it."""
    weights, x = [Value(0.5, f"w{k}") for k in range(terms)], Value(2.0, "x")
    y = weights[0] * x
    for w in weights[1:]:
        y = (y + w * x) * x
    return y


def time_picture(root: Any) -> Sample:
    times = {}
    for name, render in (("SVG", "svg"), ("text", "text"), ("page", "html")):
        start = perf_counter()
        getattr(draw(root, engine="builtin"), render)()
        times[name] = perf_counter() - start
    return times


def rows_of(quick: bool) -> list[Row]:
    graphs: dict[str, Callable[[], Any]] = {}
    for examples, hidden in [(1, 2), (2, 8), (10, 16), (100, 16), (1000, 32)][: 3 if quick else 5]:
        graphs[f"network of {hidden} neurons, {examples} examples"] = partial(network, examples, hidden)
    for terms in (5, 20, 100, 1000)[: 2 if quick else 4]:
        graphs[f"expression of {terms} terms"] = partial(expression, terms)
    rows = []
    for name, build in graphs.items():
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        root = build()
        root.backward()
        nodes = len(topological_order(root))
        samples = interleave({"ours": partial(time_picture, root)}, 3)["ours"]
        budget = [dict.fromkeys(sample, BUDGET) for sample in samples]
        rows += compare(
            f"{name}: {nodes:,} nodes", samples, budget, unit="ms", scale=1e3, other_name="the budget",
            goals=dict.fromkeys(samples[0], 1.0),
        )  # fmt: skip
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Time pictures of graphs of many sizes.")
    parser.add_argument("--quick", action="store_true", help="small graphs alone")
    parser.add_argument("--save", metavar="FOLDER", type=Path, help="write rendering.json and rendering.md there, too")
    options = parser.parse_args(arguments)
    rows = rows_of(options.quick)
    facts, table = machine(["autograd_lite"]), markdown_table(rows)
    print(report(facts, table, []))
    if options.save:
        write(options.save, "rendering", facts, [row.as_json() for row in rows], table, [])


if __name__ == "__main__":
    main()
