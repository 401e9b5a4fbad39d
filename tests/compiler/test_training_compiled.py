"""Steps of optimisers: the same as eagerly, one by one, many in one call, over fresh and fixed data."""

from __future__ import annotations

import copy
import math
import pickle
import random
import weakref

import pytest

import autograd_lite as ag
import nn
from autograd_lite import Value
from autograd_lite.errors import ArgumentError, DomainError, NonFiniteError, StaleGraphError

np = pytest.importorskip("numpy")

OPTIMIZERS = {
    "SGD": lambda ps: nn.SGD(ps, lr=nn.linear_decay(0.1, 0.01, 5)),
    "weight decay": lambda ps: nn.SGD(ps, lr=0.1, weight_decay=0.3),
    "momentum": lambda ps: nn.SGD(ps, lr=0.1, momentum=0.9, weight_decay=0.1),
    "Nesterov": lambda ps: nn.SGD(ps, lr=0.05, momentum=0.9, nesterov=True),
    "Adam": lambda ps: nn.Adam(ps, lr=0.05, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1),
}
X = [[math.sin(3 * k), math.cos(5 * k)] for k in range(11)]
Y = [math.sin(k) for k in range(11)]


def network():
    r = random.Random(5)
    w1 = [[Value(r.uniform(-1, 1)) for _ in range(3)] for _ in range(4)]
    w2 = [Value(r.uniform(-1, 1)) for _ in range(4)]

    def example(x, y):
        h = [(w[0] * x[0] + w[1] * x[1] + w[2]).tanh() for w in w1]
        return (ag.dot(w2, h) - y) ** 2

    return example, [p for row in w1 for p in row] + w2


def eagerly(optimizer, example, params, batches):
    losses = []
    for batch in batches:
        optimizer.zero_grad()
        loss = sum(example(X[k], Y[k]) for k in batch) / float(len(batch))
        loss.backward()
        optimizer.step()
        losses.append(loss.data)
    return losses, [p.data for p in params]


def assert_close(found, expected):
    assert np.allclose(found, expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("engine", ["native", "numpy", "eager"])
def test_steps_are_those_of_the_optimiser(make, engine):
    example, params = network()
    expected = eagerly(make(params), example, params, [range(11)] * 7)
    example, params = network()
    optimizer = make(params)
    program = ag.compile(example, params, batch=(X, Y), engine=engine)
    losses = [program.step(optimizer) for _ in range(2)]
    losses += program.run(optimizer, 3).tolist()
    assert optimizer.steps == 5
    loss = sum(example(x, y) for x, y in zip(X, Y, strict=True)) / 11.0  # eagerly in between, then on
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses += [loss.data, program.step(optimizer)]
    assert_close(losses, expected[0])
    assert_close([p.data for p in params], expected[1])


@pytest.mark.parametrize("engine", ["native", "numpy"])
def test_fresh_data_every_step(engine):
    """Batches of any rows, the last one smaller, in one call."""
    batches = [[3, 1, 4], [1, 5, 9], [2, 6, 5], [8, 10]]
    example, params = network()
    expected = eagerly(nn.Adam(params, lr=0.05), example, params, batches)
    example, params = network()
    program = ag.compile(example, params, batch=([X[0]] * 3, [Y[0]] * 3), engine=engine)
    losses = program.run(nn.Adam(params, lr=0.05), data=(X, Y), batches=batches)
    assert_close(losses, expected[0])
    assert_close([p.data for p in params], expected[1])
    value, _ = program()  # the last batch stays bound
    assert_close(value, sum(example(X[k], Y[k]).data for k in batches[-1]) / 2.0)


@pytest.mark.parametrize("engine", ["native", "table", "numpy"])
def test_one_example_at_a_time(engine):
    """A batch of one has no axis; its numbers are inputs."""
    batches = [[3], [1], [4], [1]]
    example, params = network()
    expected = eagerly(nn.SGD(params, lr=0.05), example, params, batches)
    example, params = network()
    program = ag.compile(example, params, batch=(X[:1], Y[:1]), engine=engine)
    optimizer = nn.SGD(params, lr=0.05)
    losses = program.run(optimizer, data=(X, Y), batches=batches[:2]).tolist()
    losses += [program.step(optimizer, X[k : k + 1], Y[k : k + 1]) for (k,) in batches[2:]]
    assert_close(losses, expected[0])
    assert_close([p.data for p in params], expected[1])
    values = ag.compile(example, params, batch=(X[:1], Y[:1]), gradient=False, engine=engine)
    assert_close(values(X[2:3], Y[2:3]), [example(X[2], Y[2]).data])


def test_batches_in_order_go_round():
    example, params = network()
    program = ag.compile(example, params, batch=(X[:4], Y[:4]))
    losses = program.run(nn.SGD(params, lr=0.0), 4, data=(X, Y))
    means = [sum(example(X[k], Y[k]).data for k in rows) / len(rows) for rows in (range(4), range(4, 8), range(8, 11))]
    assert_close(losses, [*means, means[0]])


def test_the_same_bits_every_time():
    runs = []
    for _ in range(2):
        example, params = network()
        program = ag.compile(example, params, batch=(X, Y))
        program.run(nn.SGD(params, lr=0.1), 20)
        runs.append([p.data for p in params])
    assert runs[0] == runs[1]


def test_parameters_are_up_to_date_whenever_somebody_looks_or_sets():
    w = Value(2.0, label="w")
    program = ag.compile(lambda x: (w * x) ** 2, [w], batch=[1.0, 2.0])
    optimizer = nn.SGD([w], lr=0.1)
    program.step(optimizer)
    assert w.data == 2.0 - 0.1 * 2 * 2.0 * 2.5
    assert type(w) is Value
    program.step(optimizer)
    w.data = 3.0
    assert program()[0] == 9.0 * 2.5
    assert w.grad == 2 * 3.0 * 2.5
    assert (w + 1.0).data == 4.0
    program()
    assert (Value(1.0) + w).data == 4.0
    program()
    w.grad = 0.0
    assert w.grad == 0.0
    assert program()[0] == 9.0 * 2.5
    program()
    assert repr(w) == "Value(data=3.0, grad=15.0, label='w')"


def test_two_programs_share_parameters():
    w = Value(1.0)
    first = ag.compile(lambda x: w * x, [w], batch=[1.0])
    second = ag.compile(lambda x: w * x * x, [w], batch=[3.0])
    optimizer = nn.SGD([w], lr=1.0)
    assert first.step(optimizer) == 1.0
    assert second.step(optimizer) == 0.0
    assert first.step(optimizer) == -9.0
    assert w.data == -10.0


def test_a_step_that_is_not_finite_is_not_made():
    w = Value(1.0, label="w")
    program = ag.compile(lambda x: ag.log(w * x), [w], batch=[1.0, 2.0])
    optimizer = nn.SGD([w], lr=3.0)
    with pytest.raises(DomainError, match=r"log: operand must lie in \(0, inf\), got -2\.0"):
        program.run(optimizer, 3)
    assert optimizer.steps == 1
    assert w.data == -2.0
    w.data = 0.0
    root = ag.compile(lambda x: ag.sqrt(w * x), [w], batch=[1.0])
    with pytest.raises(NonFiniteError, match="gradient of node 'w'"):
        root.step(nn.SGD([w], lr=1.0))
    assert root()[1].tolist() == [math.inf]  # as eagerly
    w.data = 1e308
    with pytest.raises(NonFiniteError, match="mul: result must be finite, got inf"):
        ag.compile(lambda x: w * x * 100.0, [w], batch=[1.0, 2.0])()


def test_what_cannot_be_is_said():
    example, params = network()
    program = ag.compile(example, params, batch=(X[:4], Y[:4]))
    with pytest.raises(ArgumentError, match="compiled for 4 examples at most, got 11"):
        program(X, Y)
    with pytest.raises(ArgumentError, match="must have the shapes"):
        program(Y[:4], Y[:4])
    with pytest.raises(ArgumentError, match="must move the 16 parameters of the program"):
        program.step(nn.SGD(params[:3], lr=0.1))
    with pytest.raises(ArgumentError, match="a batch is 1 to 4 numbers of rows"):
        program.run(nn.SGD(params, lr=0.1), data=(X, Y), batches=[[11]])
    with pytest.raises(ArgumentError, match="how many steps"):
        program.run(nn.SGD(params, lr=0.1))


def test_two_programs_share_an_optimiser():
    """As documents of two lengths do: what Adam remembers goes from one to the other."""
    turns = [0, 1, 1, 0, 1, 0]
    ends = []
    for compiled in (False, True):
        example, params = network()
        optimizer = nn.Adam(params, lr=0.05)
        batches = [range(4), range(4, 11)]
        if compiled:
            programs = [ag.compile(example, params, batch=([X[k] for k in b], [Y[k] for k in b])) for b in batches]
            for turn in turns:
                programs[turn].step(optimizer)
        else:
            eagerly(optimizer, example, params, [batches[turn] for turn in turns])
        ends.append([p.data for p in params])
    assert_close(*ends)


LOOKS = [
    lambda w, x, y: w + 1.0, lambda w, x, y: 1 + w, lambda w, x, y: w - x, lambda w, x, y: x - w, lambda w, x, y: x * w,
    lambda w, x, y: w * w, lambda w, x, y: w / x, lambda w, x, y: 2.0 / w, lambda w, x, y: w**x, lambda w, x, y: 2**w,
    lambda w, x, y: -w, lambda w, x, y: +w, lambda w, x, y: abs(w), lambda w, x, y: w.exp(), lambda w, x, y: ag.exp(w),
    lambda w, x, y: ag.sum([w, x, 1.0]), lambda w, x, y: ag.dot([w, x], [x, w]), lambda w, x, y: ag.maximum(x, w),
    lambda w, x, y: np.float64(2.0) * w, lambda w, x, y: [w < x, w <= 1.95, w > x, x >= w], lambda w, x, y: bool(w),
    lambda w, x, y: max(x, w), lambda w, x, y: sorted([x, w])[0], lambda w, x, y: f"{w:.17g}", lambda w, x, y: repr(w),
    lambda w, x, y: copy.copy(w), lambda w, x, y: copy.deepcopy([w]), lambda w, x, y: pickle.loads(pickle.dumps(w)),
    lambda w, x, y: w.data, lambda w, x, y: w.grad, lambda w, x, y: w.named("w"), lambda w, x, y: y.forward(),
    lambda w, x, y: ag.gradients(w * w * x, [w, x]), lambda w, x, y: [v.data for v in ag.topological_order(y)[:2]],
    lambda w, x, y: ag.jvp(lambda v: v * v, [w], [1.0]), lambda w, x, y: (w.backward(2.0), w.grad),
    lambda w, x, y: (w.zero_grad(), w.grad), lambda w, x, y: (setattr(w, "grad", 0.5), w.grad, w.data),
    lambda w, x, y: (setattr(w, "data", 0.5), w.grad, w * x), lambda w, x, y: Value.data.fget(w),
]  # fmt: skip


def numbers_in(thing):
    if isinstance(thing, (list, tuple)):
        return [numbers_in(part) for part in thing]
    return (thing.data, thing.grad) if isinstance(thing, Value) else thing


def test_nobody_sees_that_a_parameter_lives_elsewhere():
    """Whatever is done first with a parameter that a step has moved, it is done with its new numbers."""
    w, x = Value(2.0), Value(1.9)
    program = ag.compile(lambda x: (w * x) ** 2, [w], batch=[1.0, 2.0])
    optimizer = nn.SGD([w], lr=0.01)
    for k, look in enumerate(LOOKS):
        y = w * x + w
        start = w.data
        program.step(optimizer)
        assert type(w).__name__ == "Resident"
        found = numbers_in(look(w, x, y))
        twin = Value(start - 0.01 * 5.0 * start)
        twin.grad = 5.0 * start
        expected = numbers_in(look(twin, x, twin * x + twin))
        assert repr(found).replace(", label='w'", "") == repr(expected).replace(", label='w'", ""), k
        x.grad = 0.0


def test_a_graph_over_a_parameter_that_moved_is_stale():
    w = Value(2.0)
    program = ag.compile(lambda x: (w * x) ** 2, [w], batch=[1.0, 2.0])
    for look in (lambda y: y.backward(), lambda y: y.backward_step(), lambda y: ag.gradients(y, [w])):
        y = w + 1.0
        program.step(nn.SGD([w], lr=0.01))
        with pytest.raises(StaleGraphError):
            look(y)
    y, other = w + 1.0, Value(1.0)
    program.step(nn.SGD([w], lr=0.01))
    (other * other).backward()
    assert type(w).__name__ == "Resident"  # a graph without it lets it be
    y.forward_step()
    assert y.data == w.data + 1.0
    program()  # moves nothing: a graph made before is as good as it was
    assert ag.gradients(y, [w]) == [1.0]
    program()
    assert y.forward() == w.data + 1.0


def test_a_program_that_goes_leaves_its_parameters_up_to_date():
    w = Value(2.0)
    program = ag.compile(lambda x: (w * x) ** 2, [w], batch=[1.0, 2.0])
    program.step(nn.SGD([w], lr=0.01))
    residence = weakref.ref(program._residence)
    del program
    assert residence() is None
    assert (type(w), w.data, w.grad) == (Value, 1.9, 10.0)


def test_values_alone_leave_the_gradient_alone():
    w = Value(2.0)
    w.grad = 7.0
    program = ag.compile(lambda x: w * x, [w], batch=[1.0, 2.0], gradient=False)
    assert program().tolist() == [2.0, 4.0]
    assert w.grad == 7.0
