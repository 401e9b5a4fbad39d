"""A GPT over scalars: one layer, two heads, Adam; written for any `Value` with the usual operators."""

import random

WORDS = ["anna", "bob", "carla", "dora"]
CHARS = sorted(set("".join(WORDS)))
BOS = len(CHARS)
VOCABULARY, N_EMBD, N_HEAD, BLOCK = len(CHARS) + 1, 8, 2, 6
HEAD_DIM = N_EMBD // N_HEAD


def linear(x, w):
    return [sum(wi * xi for wi, xi in zip(wo, x, strict=True)) for wo in w]


def softmax(logits):
    max_val = max(val.data for val in logits)
    exps = [(val - max_val).exp() for val in logits]
    total = sum(exps)
    return [e / total for e in exps]


def rmsnorm(x):
    ms = sum(xi * xi for xi in x) / len(x)
    scale = (ms + 1e-5) ** -0.5
    return [xi * scale for xi in x]


def gpt(state, token, position, keys, values):
    """Return the logits for the next token; keys and values remember the earlier ones."""
    x = [t + p for t, p in zip(state["wte"][token], state["wpe"][position], strict=True)]
    x = rmsnorm(x)
    residual = x
    x = rmsnorm(x)
    q, k, v = (linear(x, state[name]) for name in ("wq", "wk", "wv"))
    keys.append(k)
    values.append(v)
    attended = []
    for h in range(0, N_EMBD, HEAD_DIM):
        head = slice(h, h + HEAD_DIM)
        scores = [sum(a * b for a, b in zip(q[head], k_t[head], strict=True)) / HEAD_DIM**0.5 for k_t in keys]
        weights = softmax(scores)
        attended += [sum(weights[t] * values[t][head][j] for t in range(len(values))) for j in range(HEAD_DIM)]
    x = [a + b for a, b in zip(linear(attended, state["wo"]), residual, strict=True)]
    residual = x
    x = linear([xi.relu() for xi in linear(rmsnorm(x), state["fc1"])], state["fc2"])
    x = [a + b for a, b in zip(x, residual, strict=True)]
    return linear(x, state["head"])


def train(Value, steps=4):  # noqa: N803
    """Return the losses of a few steps of Adam on one word each, and every parameter at the end."""
    r = random.Random(42)

    def matrix(n_out, n_in):
        return [[Value(r.gauss(0, 0.08)) for _ in range(n_in)] for _ in range(n_out)]

    state = {"wte": matrix(VOCABULARY, N_EMBD), "wpe": matrix(BLOCK, N_EMBD), "head": matrix(VOCABULARY, N_EMBD)}
    state.update({name: matrix(N_EMBD, N_EMBD) for name in ("wq", "wk", "wv", "wo")})
    state.update(fc1=matrix(4 * N_EMBD, N_EMBD), fc2=matrix(N_EMBD, 4 * N_EMBD))
    params = [p for m in state.values() for row in m for p in row]
    momentum, second = [0.0] * len(params), [0.0] * len(params)
    losses = []
    for step in range(steps):
        tokens = [BOS, *(CHARS.index(c) for c in WORDS[step % len(WORDS)]), BOS]
        n = min(BLOCK, len(tokens) - 1)
        keys, values, terms = [], [], []
        for position in range(n):
            probs = softmax(gpt(state, tokens[position], position, keys, values))
            terms.append(-probs[tokens[position + 1]].log())
        loss = (1 / n) * sum(terms)
        loss.backward()
        lr = 0.01 * (1 - step / 10)
        for i, p in enumerate(params):
            momentum[i] = 0.85 * momentum[i] + 0.15 * p.grad
            second[i] = 0.99 * second[i] + 0.01 * p.grad**2
            m_hat = momentum[i] / (1 - 0.85 ** (step + 1))
            v_hat = second[i] / (1 - 0.99 ** (step + 1))
            p.data -= lr * m_hat / (v_hat**0.5 + 1e-8)
            p.grad = 0
        losses.append(loss.data)
    return losses, [p.data for p in params]
