"""One program and several threads of Python, callbacks and interrupts: calls take turns, and no step is lost."""

from __future__ import annotations

import signal
import threading
import time

import pytest

import autograd_lite as ag
import nn
from autograd_lite import Value
from autograd_lite.compiler import resident
from autograd_lite.compiler.turns import Turns

np = pytest.importorskip("numpy")
pytest.importorskip("llvmlite")


def together(*work):
    threads = [threading.Thread(target=one) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def slowed(code, name):
    """Let native code take so long that other threads come in between; return the event that it has begun."""
    function, begun = getattr(code, name), threading.Event()

    def slow():
        begun.set()
        time.sleep(0.005)
        result = function()
        time.sleep(0.005)
        return result

    setattr(code, name, slow)
    return begun


@pytest.mark.parametrize("gradient", [True, False])
def test_calls_from_two_threads_return_what_belongs_to_their_data(gradient):
    w, found = Value(2.0), {}
    program = ag.compile(lambda x: w * x, [w], batch=[1.0], gradient=gradient)
    slowed(program.code, "evaluate")

    def call(x):
        found[x] = [float(np.ravel(program([x])[0])[0]) for _ in range(3)]

    together(*[lambda x=x: call(x) for x in (1.0, 10.0, 100.0)])
    assert found == {x: [2.0 * x] * 3 for x in (1.0, 10.0, 100.0)}


@pytest.mark.parametrize("engine", ["native", "numpy"])
def test_steps_from_two_threads_come_one_after_the_other(engine):
    ends = []
    for threads in (1, 2):
        w = Value(3.0)
        program = ag.compile(lambda x, w=w: (w * x) ** 2, [w], batch=[1.0, 2.0], engine=engine)
        optimizer = nn.Adam([w], lr=0.01)
        slowed(program.code, "train" if engine == "native" else "evaluate")
        losses = []

        def steps(count, program=program, optimizer=optimizer, losses=losses):
            losses.extend(program.step(optimizer) for _ in range(count))

        together(*[lambda count=6 // threads: steps(count)] * threads)
        ends.append((sorted(losses), w.data, optimizer.steps))
    assert ends[0] == ends[1]


def test_a_look_from_another_thread_waits_for_the_steps():
    w = Value(1.0)
    program = ag.compile(lambda x: (w - x) ** 2, [w], batch=[3.0])
    begun = slowed(program.code, "train")
    together(lambda: program.run(nn.SGD([w], lr=0.25), 3), lambda: (begun.wait(), w.data))
    assert w.data == 2.75


def test_programs_of_the_same_parameters_in_two_threads():
    """One moves them, one is asked for values: they live in the one's memory, then in the other's."""
    w = Value(1.0)
    train = ag.compile(lambda x: (w - x) ** 2, [w], batch=[3.0])
    predict = ag.compile(lambda x: w * x, [w], batch=[1.0], gradient=False)
    optimizer = nn.SGD([w], lr=0.01)
    together(
        lambda: [train.step(optimizer) for _ in range(200)],
        lambda: [predict() for _ in range(200)],
        lambda: [w.data for _ in range(200)],
    )
    expected = 1.0
    for _ in range(200):
        expected -= 0.01 * (2.0 * (expected - 3.0))
    assert w.data == pytest.approx(expected, rel=1e-13)


def test_a_schedule_may_look_at_the_parameters():
    ends = []
    for how in ("eager", "step"):
        w = Value(2.0)
        optimizer = nn.SGD([w], lr=lambda _, w=w: 0.1 * w.data)
        program = ag.compile(lambda w=w: w * w, [w], engine="eager" if how == "eager" else None)
        ends.append([*[program.step(optimizer) for _ in range(4)], w.data])
    assert ends[1] == pytest.approx(ends[0], rel=1e-14)
    assert ends[0][-1] < 1.0


def test_an_optimiser_may_call_the_program():
    w = Value(2.0)
    program = ag.compile(lambda: w * w, [w])

    class Halving:
        """Takes half the step until the value falls."""

        parameters, lr = [w], 3.0

        def step(self):
            start, slope = w.data, w.grad
            before, self.lr = program()[0], 3.0
            while True:
                w.data = start - self.lr * slope
                if program()[0] < before:
                    return
                self.lr /= 2.0

    assert [program.step(Halving()) for _ in range(2)] == [4.0, 1.0]
    assert w.data == 0.5


def test_an_interrupt_while_parameters_move_comes_when_they_have_moved(monkeypatch):
    ws = [Value(1.0), Value(2.0), Value(3.0)]
    program = ag.compile(lambda: ag.dot(ws, ws), ws)
    program.step(nn.SGD(ws, lr=0.25))
    calls = []

    def interrupted(begin=resident._new_epoch):
        calls.append(begin)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return begin()

    monkeypatch.setattr(resident, "_new_epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ws[1].data  # noqa: B018
    assert [w.data for w in ws] == [0.5, 1.0, 1.5]


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_interrupted_step_is_counted_if_it_was_made(when):
    ends = []
    for interrupted in (False, True):
        w = Value(2.0)
        program = ag.compile(lambda x, w=w: (w * x) ** 2, [w], batch=[1.0, 2.0])
        optimizer = nn.Adam([w], lr=0.1)
        program.step(optimizer)
        train = program.code.train

        def stop(train=train):
            if when == "after":
                train()
            raise KeyboardInterrupt

        if interrupted:
            program.code.train = stop
            with pytest.raises(KeyboardInterrupt):
                program.step(optimizer)
            program.code.train = train
        while optimizer.steps < 4:
            program.step(optimizer)
        ends.append([w.data, *program.run(optimizer, 3), w.data, optimizer.steps])
    assert ends[0] == ends[1]


def test_an_interrupt_of_steps_over_fresh_data_leaves_those_that_were_bound():
    w = Value(2.0)
    program = ag.compile(lambda x: w * x, [w], batch=[1.0, 2.0])
    train = program.code.train

    def interrupted():
        train()
        raise KeyboardInterrupt

    program.code.train = interrupted
    with pytest.raises(KeyboardInterrupt):
        program.run(nn.SGD([w], lr=0.0), 3, data=[5.0, 6.0, 7.0])
    assert program() == (3.0, [1.5])


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there is no such signal")
def test_an_interrupt_while_a_thread_waits_for_its_turn_leaves_the_turns_as_they_were():
    turns = Turns()
    del turns.free

    def ring(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    try:
        with pytest.raises(KeyboardInterrupt):
            turns.take(turns, list)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert not turns.waiting
    turns.free = True
    assert turns.take(object(), lambda: 7) == 7


def test_who_waits_longest_comes_first():
    turns, order = Turns(), []
    del turns.free
    threads = []
    for k in range(4):
        threads.append(threading.Thread(target=turns.take, args=(turns, order.append, k)))
        threads[k].start()
        while len(turns.waiting) <= k:
            time.sleep(0.001)
    turns.free = True
    turns.hand_over()
    for thread in threads:
        thread.join(10)
    assert order == [0, 1, 2, 3]
