"""Programs as people write them, each found to be what it is: batches, layers, attention, recurrences."""

from __future__ import annotations

import math
import random

import pytest

import autograd_lite as ag
from autograd_lite import Value, detach, gradients

np = pytest.importorskip("numpy")


def matrix(r, rows, columns):
    return [[Value(r.uniform(-1, 1)) for _ in range(columns)] for _ in range(rows)]


def flat(*matrices):
    return [p for m in matrices for row in m for p in row]


def linear(x, w):
    return [sum(wi * xi for wi, xi in zip(row, x, strict=True)) for row in w]


def softmax(zs):
    top = detach(ag.max(*zs))
    exps = [(z - top).exp() for z in zs]
    total = sum(exps)
    return [e / total for e in exps]


def points(r, count, width):
    return [[r.uniform(-1, 1) for _ in range(width)] for _ in range(count)]


def mlp(r):
    """relu network, hinge loss, penalty: micrograd's demonstration."""
    w1, w2, w3 = matrix(r, 8, 3), matrix(r, 8, 9), matrix(r, 1, 9)
    params = flat(w1, w2, w3)

    def loss():
        losses = []
        for k, x in enumerate(points(random.Random(1), 13, 2)):
            h = [v.relu() for v in linear([*x, 1.0], w1)]
            h = [v.relu() for v in linear([*h, 1.0], w2)]
            (score,) = linear([*h, 1.0], w3)
            losses.append((1 + (-1) ** k * score).relu())
        return sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in params)

    return loss, params, 13


def running_sum(r):
    """tanh network, squared errors added up one by one."""
    w1, w2 = matrix(r, 5, 4), matrix(r, 2, 5)

    def loss():
        total = Value(0.0)
        for x in points(random.Random(2), 10, 4):
            errors = [a - b for a, b in zip(linear([v.tanh() for v in linear(x, w1)], w2), x[:2], strict=True)]
            total = total + sum(e * e for e in errors) / 10.0
        return total

    return loss, flat(w1, w2), 10


def labels(r):
    """softmax classifier whose labels choose among the outputs: the label becomes data."""
    w = matrix(r, 4, 3)

    def loss():
        losses = []
        for k, x in enumerate(points(random.Random(3), 11, 3)):
            losses.append(-softmax(linear(x, w))[k % 4].log())
        return sum(losses) / 11.0

    return loss, flat(w), 11


def embeddings(r):
    """Rows of a table chosen by tokens: the token becomes data."""
    table, w = matrix(r, 5, 3), matrix(r, 2, 3)

    def loss():
        return sum(sum(v.tanh() for v in linear(table[t], w)) ** 2 for t in [1, 0, 4, 4, 2, 3, 1, 0, 1])

    return loss, flat(table, w), 9


def black_pixels(r):
    """A pixel that is the same in all images makes no hole in the weights."""
    w = matrix(r, 4, 6)

    def loss():
        images = [[0.0, 1.0, x, 0.0, -x, 1.0] for x in (0.5, 0.25, 0.5, -1.0)]
        return sum(sum(v.sigmoid() for v in linear(image, w)) ** 2 for image in images)

    return loss, flat(w), 4


def convolution(r):
    kernels, w = matrix(r, 2, 3), matrix(r, 1, 12)

    def loss():
        losses = []
        for x in points(random.Random(5), 7, 8):
            h = [linear(x[i : i + 3], [k])[0].relu() for k in kernels for i in range(6)]
            losses.append((1 - linear(h, w)[0]).relu() ** 2)
        return sum(losses) / 7

    return loss, flat(kernels, w), 7


def recurrence(r):
    w, u = matrix(r, 3, 3), matrix(r, 3, 2)

    def loss():
        losses = []
        for start in points(random.Random(6), 6, 2):
            h = [0.1, 0.2, 0.3]
            for _ in range(4):
                h = [(a + b).tanh() for a, b in zip(linear(h, w), linear(start, u), strict=True)]
            losses.append(sum(v * v for v in h))
        return sum(losses)

    return loss, flat(w, u), 6


def long_recurrence(r):
    """A dozen steps: the instructions of a step become one loop over steps."""
    w, u = matrix(r, 3, 3), matrix(r, 3, 2)

    def loss():
        losses = []
        for start in points(random.Random(6), 3, 2):
            h = [Value(0.1), Value(0.2), Value(0.3)]
            for _ in range(12):
                h = [(a + b).tanh() for a, b in zip(linear(h, w), linear(start, u), strict=True)]
            losses.append(sum(v * v for v in h))
        return sum(losses)

    return loss, flat(w, u), 3


def root_of_a_mean(r):
    """The gradient needs the loss: a second pass over the samples."""
    w = matrix(r, 1, 3)

    def loss():
        errors = [(linear(x, w)[0] - x[0]) ** 2 for x in points(random.Random(7), 9, 3)]
        return (sum(errors) / 9.0).sqrt()

    return loss, flat(w), 9


def scaled_samples(r):
    """Scales that differ from sample to sample are data too."""
    w = matrix(r, 3, 2)

    def loss():
        losses = []
        for k, x in enumerate(points(random.Random(8), 8, 2)):
            losses.append(sum(ag.leaky_relu(v, 0.1) for v in linear(x, w)) * (0.5 if k % 2 else 2.0))
        return sum(losses) / 8 + 0.01 * sum(p * p for row in w for p in row)

    return loss, flat(w), 8


def ragged(r):
    """Samples of several lengths: one batch for each length."""
    w = matrix(r, 1, 5)

    def loss():
        losses = []
        for k, x in enumerate(points(random.Random(9), 12, 5)):
            n = 3 + k % 3
            losses.append(sum(w[0][i] * x[i] for i in range(n)).tanh())
        return sum(losses)

    return loss, flat(w), (4, 4, 4)


def batch_norm(r):
    """Statistics over the samples used inside of them: several passes over the batch."""
    w = matrix(r, 2, 3)

    def loss():
        rows = [linear(x, w) for x in points(random.Random(10), 5, 3)]
        total = 0.0
        for j in range(2):
            column = [row[j] for row in rows]
            mean = sum(column) / 5.0
            variance = sum((v - mean) ** 2 for v in column) / 5.0
            total = total + sum(((v - mean) / (variance + 1e-5) ** 0.5) ** 3 for v in column)
        return total

    return loss, flat(w), 5


def attention(r):
    """Causal attention over six tokens: triangular sums."""
    q, k, v, o = (matrix(r, 4, 4) for _ in range(4))

    def loss():
        keys, values, total = [], [], 0.0
        for x in points(random.Random(11), 6, 4):
            x = [a / (sum(b * b for b in x) / 4.0 + 1e-5) ** 0.5 for a in x]
            query = linear(x, q)
            keys.append(linear(x, k))
            values.append(linear(x, v))
            out = []
            for h in (0, 2):
                scores = [sum(query[h + i] * key[h + i] for i in (0, 1)) / math.sqrt(2) for key in keys]
                weights = softmax(scores)
                out += [sum(a * value[h + i] for a, value in zip(weights, values, strict=True)) for i in (0, 1)]
            total = total - softmax([a + b for a, b in zip(linear(out, o), x, strict=True)])[0].log()
        return total / 6

    return loss, flat(q, k, v, o), None


def rectangular_tables(r):
    """Operands in an order that no loops walk through."""
    w = [Value(r.uniform(-1, 1)) for _ in range(40)]

    def loss():
        order = random.Random(12)
        sums = [sum(w[order.randrange(40)] * w[order.randrange(40)] for _ in range(k % 5 + 1)) for k in range(60)]
        return sum(s.sin() * sums[(7 * k) % 60] for k, s in enumerate(sums))

    return loss, w, None


SHAPES = [
    mlp, running_sum, labels, embeddings, black_pixels, convolution, recurrence, long_recurrence, root_of_a_mean,
    scaled_samples, ragged, batch_norm, attention, rectangular_tables,
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_a_program_agrees_with_the_tape_and_its_samples_are_found(shape, full_lane):
    loss, params, samples = shape(random.Random(0))
    root = loss()
    expected = np.array(gradients(root, params))
    for engine in ("numpy", "native", "table") if full_lane or shape is rectangular_tables else ("numpy", "native"):
        program = ag.compile(loss, params, engine=engine)
        value, slopes = program()
        assert math.isclose(value, root.data, rel_tol=1e-12), (engine, value, root.data)
        assert np.abs(slopes - expected).max() <= 1e-11 * np.abs(expected).max(), engine
        if engine == "table":
            assert program.engine == "table"
            continue
        found = tuple(len(data) for data in program.lowered.samples.values())
        assert found == (() if samples is None else (samples,) if isinstance(samples, int) else samples)
