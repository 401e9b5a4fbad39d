"""Statistics over the batch used inside of the example: the samples are found, the passes are right."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_lite as ag
from autograd_lite import Value, gradients

np = pytest.importorskip("numpy")

full = pytest.mark.full
from autograd_lite.compiler import plan, streams  # noqa: E402

engines = pytest.mark.parametrize("engine", ["native", pytest.param("numpy", marks=full)])


@pytest.fixture(autouse=True, scope="module")
def small_blocks():
    """Twenty samples are three blocks in two shares: what crosses passes must be kept for all of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "BLOCK", 8)
        patch.setattr(streams, "BLOCKS_OF_SHARE", 1)
        patch.setattr(streams, "WORTHWHILE", 0)
        yield


def parameters(r, *shape):
    if len(shape) == 1:
        return [Value(r.uniform(-1, 1)) for _ in range(shape[0])]
    return [parameters(r, *shape[1:]) for _ in range(shape[0])]


def flat(nested):
    return [nested] if isinstance(nested, Value) else [p for one in nested for p in flat(one)]


def points(seed, count, width=2):
    r = random.Random(seed)
    return [[r.uniform(-1, 1) for _ in range(width)] for _ in range(count)]


def linear(w, x):
    return [sum(wi * xi for wi, xi in zip(row, [*x, 1.0], strict=True)) for row in w]


def normalised(column, epsilon=1e-3):
    mean = sum(column) / float(len(column))
    variance = sum((v - mean) ** 2 for v in column) / float(len(column))
    return [(v - mean) / (variance + epsilon) ** 0.5 for v in column]


def batch_norm(rows, scale, shift):
    columns = [normalised(column) for column in zip(*rows, strict=True)]
    return [
        [s * v + t for s, v, t in zip(scale, row, shift, strict=True)] for row in zip(*columns, strict=True)
    ]  # fmt: skip


def agree(loss, params, engine):
    """The program gives what the tape's own passes give; return it."""
    root = loss()
    value, expected = root.data, np.array(gradients(root, params))
    program = ag.compile(loss, params, engine=engine, threads=1 + (engine == "native"))
    assert program.engine == engine
    found, slopes = program()
    assert abs(found - value) <= 1e-12 * max(1.0, abs(value)), (found, value)
    assert np.abs(slopes - expected).max() <= 1e-11 * max(1.0, np.abs(expected).max()), (slopes, expected)
    return program


def batches(program):
    return tuple(len(samples) for samples in program.lowered.samples.values())


def classifier(count):
    """Two layers of batch norm, softmax cross-entropy with labels."""
    r = random.Random(0)
    w1, w2, w3 = parameters(r, 4, 3), parameters(r, 3, 5), parameters(r, 3, 4)
    norms = parameters(r, 2, 4), parameters(r, 2, 3)

    def loss():
        rows = points(1, count)
        for w, norm in ((w1, norms[0]), (w2, norms[1])):
            rows = [[v.relu() for v in row] for row in batch_norm([linear(w, x) for x in rows], *norm)]
        losses = []
        for k, row in enumerate(rows):
            exps = [z.exp() for z in linear(w3, row)]
            losses.append(-(exps[k * k % 3] / sum(exps)).log())
        return sum(losses) / float(count)

    return loss, flat([w1, w2, w3, *norms])


def two_views(count):
    """Each view with statistics of its own, and the products of the two added up over the batch."""
    r = random.Random(1)
    w, norm = parameters(r, 3, 3), parameters(r, 2, 3)

    def loss():
        a, b = (batch_norm([linear(w, x) for x in points(seed, count)], *norm) for seed in (2, 3))
        products = [[sum(x[i] * y[j] for x, y in zip(a, b, strict=True)) for i in range(3)] for j in range(3)]
        return sum((v / float(count) - (i == j)) ** 2 for i, row in enumerate(products) for j, v in enumerate(row))

    return loss, flat([w, norm])


def channels(count):
    """Statistics of a channel over samples and positions, a normal weight, a mean over positions."""
    r = random.Random(2)
    kernels, out = parameters(r, 2, 3), parameters(r, 2)

    def loss():
        size = sum(p * p for p in out) ** 0.5
        images = points(4, count, 6)
        maps = [[linear([k], x[i : i + 2])[0] for x in images for i in range(5)] for k in kernels]
        rows = zip(*[normalised(one) for one in maps], strict=True)
        hidden = [[v.tanh() for v in row] for row in rows]
        pooled = [[sum(c) / 5.0 for c in zip(*hidden[k : k + 5], strict=True)] for k in range(0, 5 * count, 5)]
        return (sum(sum(p / size * v for p, v in zip(out, x, strict=True)) ** 2 for x in pooled) / 7.0) ** 0.5

    return loss, flat([kernels, out])


def embedded(count):
    """Samples that choose among parameters before they are normalised."""
    r = random.Random(3)
    table, w, norm = parameters(r, 4, 2), parameters(r, 3, 3), parameters(r, 2, 3)

    def loss():
        rows = batch_norm([linear(w, table[k * k % 4 if k else 2]) for k in range(count)], *norm)
        return sum(v.sigmoid() ** 2 for row in rows for v in row)

    return loss, flat([table, w, norm])


def subset(count):
    """The mean of the first few, used by all."""
    r = random.Random(4)
    w, u = parameters(r, 3, 3), parameters(r, 1, 4)

    def loss():
        rows = [linear(w, x) for x in points(5, count)]
        means = [sum(column) / 5.0 for column in zip(*rows[:5], strict=True)]
        return sum(linear(u, [(v - m).tanh() for v, m in zip(row, means, strict=True)])[0] ** 2 for row in rows)

    return loss, flat([w, u])


def lengths(count):
    """Samples of two structures, normalised together."""
    r = random.Random(5)
    w = parameters(r, 4)

    def loss():
        sums = [sum(a * b for a, b in zip(w, x[: 3 + k % 2], strict=False)) for k, x in enumerate(points(6, count, 4))]
        return sum((v * w[0]).sigmoid() for v in normalised(sums))

    return loss, w


def made_weights(count):
    """Weights that are made of parameters first, two from each: results that all samples share, but no statistics."""
    r = random.Random(9)
    w = parameters(r, 2)

    def loss():
        scales = [[(p * s).exp() for p in w] for s in (0.5, -0.25)]
        rows = [[a * v for a, v in zip(scales[0], x, strict=True)] for x in points(10, count)]
        return sum(sum(a * v.tanh() for a, v in zip(scales[1], x, strict=True)) ** 2 for x in rows)

    return loss, w


def extremes(count):
    """Scaled to the range from the smallest to the largest; shares that add up to 1 over the batch."""
    r = random.Random(8)
    w, u = parameters(r, 2, 3), parameters(r, 2)

    def loss():
        columns = zip(*[linear(w, x) for x in points(9, count)], strict=True)
        ranges = [(column, ag.min(*column), ag.max(*column, u[0])) for column in columns]
        scaled = [[((v - low) / (high - low)).tanh() for v in column] for column, low, high in ranges]
        scores = [sum(v * p for v, p in zip(x, u, strict=True)) for x in zip(*scaled, strict=True)]
        total = ag.logsumexp(*scores)
        return -sum((z - total) * (k % 2.0) for k, z in enumerate(scores)) / float(count)

    return loss, flat([w, u])


SHAPES = {
    extremes: lambda n: (n,),
    made_weights: lambda n: (n,),
    classifier: lambda n: (n,),
    two_views: lambda n: (n,),
    channels: lambda n: (n,),
    embedded: lambda n: (n,),
    subset: lambda n: (5, n - 5),
    lengths: lambda n: ((n + 1) // 2, n // 2),
}


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_the_samples_are_found_and_the_code_does_not_grow_with_them(shape):
    sizes = set()
    for count, engine in ((9, "numpy"), (20, "native")):
        program = agree(*shape(count), engine)
        assert batches(program) == SHAPES[shape](count)
        sizes.add(len(program.lowered.rolled.instructions))
    assert len(sizes) == 1


def test_the_samples_of_a_graph_are_found_in_whatever_order_it_is_walked_through():
    """From the root down, the first sample is reached in another order than the rest."""
    loss, params = classifier(9)
    root = loss()
    program = ag.compile(root, params, engine="numpy", verify=True)
    assert batches(program) == (9,)


def test_what_all_samples_compute_alike_is_computed_once():
    w = parameters(random.Random(6), 3)

    def loss():
        return sum((w[0] * x / w[1].exp() + w[2]).tanh() for x, _ in points(7, 9)) / 9.0

    program = agree(loss, w, "numpy")
    assert batches(program) == (9,)
    assert {i.axis for i in program.lowered.rolled.instructions if i.op == "exp"} == {0}


LAYERS = (
    "act", "choice", "gathered", "linear", "mean", "norm", "peak", "product", "ragged", "rms", "shared",
    "softmax", "subset",
)  # fmt: skip


class Drawn:
    """A random program of samples that use statistics over the batch; `loss` builds it anew."""

    def __init__(self, seed):
        self.seed, r = seed, random.Random(seed)
        self.count, self.width, self.out = r.choice([2, 3, 5, 9, 17]), r.randint(1, 3), r.random()
        self.layers = [(r.choice(LAYERS), r.random()) for _ in range(r.randint(2, 6))]
        self.w = parameters(r, 4, self.width, self.width + 1)
        self.v = parameters(r, 4, self.width)

    @property
    def params(self):
        return flat([self.w, self.v])

    def loss(self):
        r = random.Random(self.seed)
        rows = [linear(self.w[0], x) for x in points(self.seed, self.count, self.width)]
        for name, share in self.layers:
            rows = getattr(self, name)(rows, r, share)
        count = float(self.count)
        every = [sum(row) for row in rows]
        if self.out < 0.3:
            return (sum(v * v for v in every) / count + 0.1) ** 0.5
        if self.out < 0.5:
            return sum(v * v for row in rows for v in row)
        if self.out < 0.7:
            return sum(v.tanh() * k for k, v in zip([1.0, 2.0, 0.5] * 6, every, strict=False)) / count
        return sum(v.sigmoid() for v in every) + 0.1 * sum(p * p for p in self.params)

    def linear(self, rows, r, share):
        w = self.w[r.randrange(4)]
        return [linear(w, row) for row in rows]

    def act(self, rows, r, share):
        f = r.choice([ag.tanh, ag.relu, ag.sigmoid, ag.sin])
        return [[f(v) for v in row] for row in rows]

    def norm(self, rows, r, share):
        return batch_norm(rows, *self.v[:2])

    def mean(self, rows, r, share):
        means = [sum(column) / float(len(rows)) for column in zip(*rows, strict=True)]
        return [[v - m * share for v, m in zip(row, means, strict=True)] for row in rows]

    def rms(self, rows, r, share):
        size = (sum(v * v for row in rows for v in row) / 3.0 + 0.1) ** 0.5
        return [[v / size for v in row] for row in rows]

    def peak(self, rows, r, share):
        more = [self.v[2][0]] if r.random() < 0.3 else []
        tops = [(ag.max if share < 0.5 else ag.min)(*column, *more) for column in zip(*rows, strict=True)]
        tops = tops if share < 0.75 else [ag.detach(top) for top in tops]
        return [[v - t for v, t in zip(row, tops, strict=True)] for row in rows]

    def gathered(self, rows, r, share):
        row = ag.logsumexp if share < 0.6 else ag.hypot
        totals = [row(*column, *[share] * (share < 0.3)) for column in zip(*rows, strict=True)]
        return [[v / (t + 2.5) for v, t in zip(row, totals, strict=True)] for row in rows]

    def softmax(self, rows, r, share):
        exps = [[ag.exp(ag.tanh(v)) for v in row] for row in rows]
        totals = [sum(column) for column in zip(*exps, strict=True)]
        return [[(e / t) * 4.0 for e, t in zip(row, totals, strict=True)] for row in exps]

    def subset(self, rows, r, share):
        some = [row for row in rows if r.random() < share] or rows[:1]
        means = [sum(column) / float(len(some)) for column in zip(*some, strict=True)]
        return [[v + m.tanh() for v, m in zip(row, means, strict=True)] for row in rows]

    def choice(self, rows, r, share):
        picks = [r.randrange(4) for _ in rows]
        return [[v * p for v, p in zip(row, self.v[k], strict=True)] for row, k in zip(rows, picks, strict=True)]

    def product(self, rows, r, share):
        totals = [sum(row[0] * v for row, v in zip(rows, column, strict=True)) for column in zip(*rows, strict=True)]
        return [[v * t.sin() for v, t in zip(row, totals, strict=True)] for row in rows]

    def ragged(self, rows, r, share):
        return [[v.tanh() if k % 3 == 0 and share < 0.7 else v for v in row] for k, row in enumerate(rows)]

    def shared(self, rows, r, share):
        scale = [(p * share).exp() for p in self.v[3]]
        return [[v * s for v, s in zip(row, scale, strict=True)] for row in rows]


@engines
@settings(max_examples=settings.default.max_examples // 8)
@given(st.integers(0, 1 << 30))
def test_random_programs_with_statistics(engine, seed):
    drawn = Drawn(seed)
    agree(drawn.loss, drawn.params, engine)
