"""How exact values and gradients are, row by row: `python benchmarks/accuracy.py`.

Each row of the table at hard and at random points, against mpmath with 50 digits or more; PyTorch
and JAX, in float64 and where they are installed, at the same points. The unit is the ulp: the gap
between two neighbouring floats at the true result (at its largest term, where terms cancel).
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from measuring import import_peer, machine, report, write

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))  # the oracle of the tests
from support import oracle
from support.points import NO_FLOAT_ORACLE, TABLE, points

from autograd_lite import Value, gradients

Function = Callable[..., tuple[float, Sequence[float]]]
"""What every contestant is: operands -> (value, gradient)."""


def ours(row: Any) -> Function:
    def at(*xs: float) -> tuple[float, Sequence[float]]:
        leaves = [Value(x) for x in xs]
        y = row(*leaves)
        return y.data, gradients(y, leaves)

    return at


def forms_in_torch(torch: ModuleType) -> dict[str, Callable[..., Any]]:
    f = torch.nn.functional
    names = "exp exp2 expm1 log log2 log10 log1p sqrt sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh"
    found = {name: getattr(torch, name) for name in [*names.split(), "erf", "erfc", "sigmoid", "relu", "abs"]}
    found |= {name: getattr(torch, name) for name in ("atan2", "hypot", "maximum", "minimum", "logaddexp", "pow")}
    found |= {name: getattr(f, name) for name in ("softplus", "logsigmoid", "silu", "gelu", "softsign")}
    return found | {
        "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "neg": torch.neg,
        "gelu_tanh": lambda x: f.gelu(x, approximate="tanh"), "normal_cdf": torch.special.ndtr,
        "logsumexp": lambda *xs: torch.logsumexp(torch.stack(xs), 0),
    }  # fmt: skip


def forms_in_jax(jax: ModuleType) -> dict[str, Callable[..., Any]]:
    jnp, jnn = jax.numpy, jax.nn
    names = "exp exp2 expm1 log log2 log10 log1p sqrt cbrt sin cos tan sinh cosh tanh hypot maximum minimum logaddexp"
    found = {name: getattr(jnp, name) for name in names.split()}
    found |= {name: getattr(jnp, f"arc{name[1:]}") for name in ("asin", "acos", "atan", "asinh", "acosh", "atanh")}
    found |= {name: getattr(jnn, name) for name in ("sigmoid", "relu", "softplus", "silu")}
    return found | {
        "add": jnp.add, "sub": jnp.subtract, "mul": jnp.multiply, "div": jnp.divide, "neg": jnp.negative,
        "abs": jnp.abs, "pow": jnp.power, "atan2": jnp.arctan2, "erf": jax.scipy.special.erf,
        "erfc": jax.scipy.special.erfc, "logsigmoid": jnn.log_sigmoid, "softsign": jnn.soft_sign,
        "gelu": lambda x: jnn.gelu(x, approximate=False), "gelu_tanh": lambda x: jnn.gelu(x, approximate=True),
        "normal_cdf": jax.scipy.stats.norm.cdf,
        "logsumexp": lambda *xs: jax.scipy.special.logsumexp(jnp.stack(xs)),
    }  # fmt: skip


def in_torch(torch: ModuleType, form: Callable[..., Any]) -> Function:
    def at(*xs: float) -> tuple[float, Sequence[float]]:
        leaves = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in xs]
        y = form(*leaves)
        return float(y), [float(g) for g in torch.autograd.grad(y, leaves)]

    return at


def in_jax(jax: ModuleType, form: Callable[..., Any], arity: int) -> Function:
    both = jax.jit(jax.value_and_grad(form, argnums=tuple(range(arity))))

    def at(*xs: float) -> tuple[float, Sequence[float]]:
        y, slopes = both(*xs)
        return float(y), [float(g) for g in slopes]

    return at


def errors(row: Any, function: Function, at: Sequence[tuple[float, ...]]) -> tuple[list[float], list[float]]:
    """Return the errors of the values and of the gradients, in ulps, at points where the truth is defined."""
    values, slopes = [], []
    for xs in at:
        truth = oracle.value(row.name, xs)
        try:
            true_slopes = oracle.partials(row.name, xs)
        except ZeroDivisionError:  # a pole of the derivative
            continue
        if not all(map(is_normal, [*xs, truth, *true_slopes])):
            continue
        y, found = function(*xs)
        values.append(oracle.ulps(y, truth))
        for i, (slope, true_slope) in enumerate(zip(found, true_slopes, strict=True)):
            slopes.append(oracle.ulps(slope, true_slope, oracle.largest_term(row.name, i, xs)))
    return values, slopes


def is_normal(x: Any) -> bool:
    """Whether a number is 0 or a normal float: XLA sets the subnormal ones to 0, which would be all one sees."""
    if isinstance(x, oracle.mp.mpc):  # the logarithm of a negative base
        return False
    return not x or oracle.SMALLEST_NORMAL <= abs(x) <= sys.float_info.max


def measured(row: Any, contestants: dict[str, Function], count: int) -> dict[str, dict[str, Any]]:
    at = [xs for xs in points(row, count) if row.arity is not None or len(xs) == 2]
    result = {}
    for who, function in contestants.items():
        values, slopes = errors(row, function, at)
        result[who] = {
            "points": len(at),
            "value": max(values),
            "gradient": max(slopes),
            "median": statistics.median(slopes),
            "above 16 ulp": sum(error > 16.0 for error in slopes) / len(slopes),
        }
    return result


def in_ulps(error: float) -> str:
    if not math.isfinite(error):
        return "inf"
    return f"{error:.2g}" if error < 99.5 else f"{error:.0f}" if error < 1e4 else f"{error:.0e}"


def table(results: dict[str, dict[str, dict[str, Any]]], peers: Sequence[str]) -> str:
    """Return the worst errors as a Markdown table, ours first."""
    columns = [f"{what}, {who}" for what in ("value", "gradient") for who in peers]
    lines = [f"| row | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name, found in results.items():
        cells = [in_ulps(found[who][what]) if who in found else "" for what in ("value", "gradient") for who in peers]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Hold every row, and its counterparts in the peers, to 50 digits.")
    parser.add_argument("--quick", action="store_true", help="20 random points a row in place of 300")
    parser.add_argument("--save", metavar="FOLDER", type=Path, help="write accuracy.json and accuracy.md there, too")
    options = parser.parse_args(arguments)
    skipped: list[str] = []
    torch, jax = import_peer("torch", skipped), import_peer("jax", skipped)
    if jax is not None:
        jax.config.update("jax_enable_x64", True)
        import_peer("jax.scipy.stats", skipped)
    torch_forms = {} if torch is None else forms_in_torch(torch)
    jax_forms = {} if jax is None else forms_in_jax(jax)
    peers = ["autograd_lite", *(["torch"] if torch else []), *(["jax"] if jax else [])]
    results = {}
    for row in TABLE:
        if row.name in NO_FLOAT_ORACLE or row.gradients == (None,) * len(row.gradients):
            continue
        contestants = {"autograd_lite": ours(row)}
        if torch is not None and row.name in torch_forms:
            contestants["torch"] = in_torch(torch, torch_forms[row.name])
        if jax is not None and row.name in jax_forms:
            contestants["jax"] = in_jax(jax, jax_forms[row.name], row.arity or 2)
        print(f"measuring {row.name} ...", file=sys.stderr, flush=True)
        results[row.name] = measured(row, contestants, 20 if options.quick else 300)
    facts = machine(peers)
    text = f"Worst error in ulps:\n\n{table(results, peers)}"
    print(report(facts, text, skipped))
    if options.save:
        write(options.save, "accuracy", facts, results, text, skipped)


if __name__ == "__main__":
    main()
