"""A one-layer GPT over scalars, for any kind of number, and the same in arrays for JAX.

n_embd 16, 4 heads, 16 positions, 27 tokens: 4,192 parameters. The program is that of
Karpathy's microgpt, on one document at a time.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

N_EMBD, N_HEAD, BLOCK, VOCABULARY = 16, 4, 16, 27
HEAD = N_EMBD // N_HEAD
SHAPES = {
    "wte": (VOCABULARY, N_EMBD), "wpe": (BLOCK, N_EMBD), "head": (VOCABULARY, N_EMBD),
    "wq": (N_EMBD, N_EMBD), "wk": (N_EMBD, N_EMBD), "wv": (N_EMBD, N_EMBD), "wo": (N_EMBD, N_EMBD),
    "fc1": (4 * N_EMBD, N_EMBD), "fc2": (N_EMBD, 4 * N_EMBD),
}  # fmt: skip


def weights(make: Callable[[float], Any]) -> tuple[dict[str, list[list[Any]]], list[Any]]:
    """Return the matrices, and all parameters in order."""
    r = random.Random(42)
    state = {name: [[make(r.gauss(0, 0.08)) for _ in range(i)] for _ in range(o)] for name, (o, i) in SHAPES.items()}
    return state, [p for matrix in state.values() for row in matrix for p in row]


def documents(count: int) -> list[list[int]]:
    """Return documents of 3 to 16 tokens between two marks."""
    r = random.Random(7)
    return [[26, *(r.randrange(26) for _ in range(r.randint(2, 14))), 26] for _ in range(count)]


def linear(x: list[Any], w: list[list[Any]]) -> list[Any]:
    return [sum(wi * xi for wi, xi in zip(row, x, strict=True)) for row in w]


def rmsnorm(x: list[Any]) -> list[Any]:
    scale = (sum(xi * xi for xi in x) / len(x) + 1e-5) ** -0.5
    return [xi * scale for xi in x]


def loss(
    state: dict[str, list[list[Any]]],
    tokens: list[Any],
    select: Callable[[list[Any], Any], Any],
    top: Callable[[list[Any]], Any],
) -> Any:
    """Return the mean of -ln p(next token) over a document; `top` is the largest number, without gradient."""

    def softmax(zs: list[Any]) -> list[Any]:
        largest = top(zs)
        exps = [(z - largest).exp() for z in zs]
        total = sum(exps)
        return [e / total for e in exps]

    keys: list[list[Any]] = []
    values: list[list[Any]] = []
    losses = []
    for position in range(len(tokens) - 1):
        token = select(state["wte"], tokens[position])
        x = rmsnorm([t + p for t, p in zip(token, state["wpe"][position], strict=True)])
        residual = x
        x = rmsnorm(x)
        query = linear(x, state["wq"])
        keys.append(linear(x, state["wk"]))
        values.append(linear(x, state["wv"]))
        attended = []
        for h in range(0, N_EMBD, HEAD):
            scores = [sum(query[h + j] * key[h + j] for j in range(HEAD)) / HEAD**0.5 for key in keys]
            shares = softmax(scores)
            attended += [
                sum(share * value[h + j] for share, value in zip(shares, values, strict=True)) for j in range(HEAD)
            ]
        x = [a + b for a, b in zip(linear(attended, state["wo"]), residual, strict=True)]
        residual = x
        x = linear([v.relu() for v in linear(rmsnorm(x), state["fc1"])], state["fc2"])
        x = [a + b for a, b in zip(x, residual, strict=True)]
        losses.append(-select(softmax(linear(x, state["head"])), tokens[position + 1]).log())
    return sum(losses) * (1.0 / len(losses))


def array_loss(np: Any, state: dict[str, Any], tokens: Any) -> Any:
    """The same in arrays, for jax.numpy."""

    def norm(x: Any) -> Any:
        return x * ((x * x).mean(-1, keepdims=True) + 1e-5) ** -0.5

    n = tokens.shape[0] - 1
    x = norm(state["wte"][tokens[:-1]] + state["wpe"][:n])
    residual = x
    x = norm(x)
    q, k, v = ((x @ state[name].T).reshape(n, N_HEAD, HEAD) for name in ("wq", "wk", "wv"))
    scores = np.einsum("ihd,jhd->hij", q, k) / HEAD**0.5
    scores = np.where(np.tril(np.ones((n, n), bool)), scores, -np.inf)
    shares = np.exp(scores - scores.max(-1, keepdims=True))
    shares = shares / shares.sum(-1, keepdims=True)
    attended = np.einsum("hij,jhd->ihd", shares, v).reshape(n, N_EMBD)
    x = attended @ state["wo"].T + residual
    residual = x
    x = np.maximum(norm(x) @ state["fc1"].T, 0.0) @ state["fc2"].T + residual
    z = x @ state["head"].T
    z = z - z.max(-1, keepdims=True)
    logs = z - np.log(np.exp(z).sum(-1, keepdims=True))
    return -logs[np.arange(n), tokens[1:]].mean()
