"""Threads: the same bits for any number of them, on every call; ends, errors and forks as with one."""

from __future__ import annotations

import ctypes
import gc
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from compiler.test_shapes import SHAPES, ragged, root_of_a_mean

import autograd_lite as ag
import nn
from autograd_lite import Value, gradients
from autograd_lite.errors import ArgumentError, DomainError, InputTypeError

np = pytest.importorskip("numpy")
pytest.importorskip("llvmlite")

full = pytest.mark.full
ROOT = Path(__file__).parents[2]


@pytest.fixture
def small_blocks(monkeypatch):
    """Eight samples are a block, one block is a share, nothing is too little to share."""
    from autograd_lite.compiler import plan, streams

    monkeypatch.setattr(plan, "BLOCK", 8)
    monkeypatch.setattr(streams, "BLOCKS_OF_SHARE", 1)
    monkeypatch.setattr(streams, "WORTHWHILE", 0)


def regression(count, seed=0, **options):
    """A tanh network on random examples, its optimiser and its parameters."""
    r = np.random.default_rng(seed)
    w = [Value(x) for x in r.uniform(-1, 1, 12).tolist()]

    def example(x, y):
        h = [ag.tanh(w[3 * k] * x[0] + w[3 * k + 1] * x[1] + w[3 * k + 2]) for k in range(3)]
        return (ag.dot(w[9:], h) - y) ** 2

    program = ag.compile(example, w, batch=(r.normal(size=(count, 2)), r.normal(size=count)), **options)
    return program, nn.Adam(w, lr=0.01), w


def course(count, threads, seed=0, steps=20):
    """All numbers of a call, of steps in one call and of steps one by one."""
    program, optimizer, w = regression(count, seed, threads=threads)
    value, slopes = program()
    losses = program.run(optimizer, steps).tolist() + [program.step(optimizer) for _ in range(3)]
    return [value, *slopes.tolist(), *losses, *(p.data for p in w)]


def test_a_thousand_samples_on_two_threads():
    assert [regression(1000, threads=threads)[0].threads for threads in (1, 2)] == [1, 2]
    assert course(1000, 2, steps=2000) == course(1000, 1, steps=2000)


@pytest.mark.parametrize("count", [9, pytest.param(17, marks=full), pytest.param(24, marks=full), 61])
def test_the_number_of_threads_changes_no_bit(small_blocks, count, full_lane):
    """More threads than blocks, blocks that are not full, and as many as there are."""
    expected = course(count, 1)
    assert regression(count, threads=2)[0].threads == 2
    for threads in (2, 3, 9) if full_lane else (3,):
        assert course(count, threads) == expected


@pytest.mark.parametrize("shape", [root_of_a_mean, ragged, *(pytest.param(shape, marks=full) for shape in SHAPES)])
def test_programs_of_other_shapes(small_blocks, shape):
    """Several axes, several passes."""
    loss, params, _ = shape(random.Random(0))
    value, slopes = ag.compile(loss, params, threads=2)()
    expected = np.array(gradients(root := loss(), params))
    assert abs(value - root.data) <= 1e-12 * max(1.0, abs(root.data))
    assert np.abs(slopes - expected).max() <= 1e-11 * np.abs(expected).max()


def test_every_share_is_taken_once_and_not_by_one_thread_alone():
    from autograd_lite.compiler.team import Team, has_threads

    if not has_threads():
        pytest.skip("this system has no POSIX threads")
    team, taken, seen, two = Team(3, 5), [], set(), threading.Event()

    def job(_first, _second, _third, share, thread):
        taken.append((share, thread))
        seen.add(thread)
        if len(seen) > 1:
            two.set()
        two.wait(10)

    function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, ctypes.c_int64, ctypes.c_int64)(job)
    together = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 5)(int(team.cells[0]))
    for _ in range(20):
        for at_first in (taken, seen, two):
            at_first.clear()
        team.assemble()
        together(team.address, ctypes.cast(function, ctypes.c_void_p), None, None, None)
        assert sorted(share for share, _ in taken) == [0, 1, 2, 3, 4]
        assert len(seen) > 1
        assert seen <= {0, 1, 2}


def test_an_interrupt_while_workers_are_made_makes_none_twice(small_blocks, monkeypatch):
    from autograd_lite.compiler import team

    system = team._system()

    class Interrupted:
        def __getattr__(self, name):
            return getattr(system, name)

        def pthread_create(self, *arguments):
            system.pthread_create(*arguments)
            raise KeyboardInterrupt

    program, _, _ = regression(40, threads=3)
    expected = regression(40)[0]()[1].tolist()
    with monkeypatch.context() as patch:
        patch.setattr(team, "_system", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            program()
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    for _ in range(50):
        assert program()[1].tolist() == expected
    assert int(program.code.team.cells[team.CELLS["joined"]]) <= 2


def test_values_of_many_samples(small_blocks):
    w = Value(0.5)
    points = [0.1 * k for k in range(100)]
    program = ag.compile(lambda x: [ag.tanh(w * x), w + x], batch=points, threads=3, verify=True)
    assert program.threads == 3
    assert program(points[:41]).tolist() == program().tolist()[:41]


def test_fresh_batches_the_last_one_smaller(small_blocks):
    X, y = np.arange(62.0).reshape(31, 2) / 31, np.arange(31.0)  # noqa: N806
    ends = []
    for threads in (1, 2):
        program, optimizer, w = regression(24, threads=threads)
        losses = program.run(optimizer, 9, data=(X, y)).tolist()
        ends.append([*losses, program.step(optimizer, X[:9], y[:9]), *(p.data for p in w)])
    assert ends[0] == ends[1]


def test_examples_are_brought_into_blocks_as_numpy_does_it(small_blocks):
    w = [Value(1.0) for _ in range(5)]
    X = np.random.default_rng(0).normal(size=(61, 5))  # noqa: N806
    for threads in (1, 3):
        code = ag.compile(lambda x: ag.dot(w, x), w, batch=X, threads=threads).code
        for count in (1, 8, 23, 61):
            code.load((X[:count],), mean=True)
            ours = code.memory.copy()
            code.bind(1, X[:count], 1.0 / count)
            assert (ours == code.memory).all()


def test_a_step_that_is_not_finite_is_not_made(small_blocks):
    w = Value(1.0)
    program = ag.compile(lambda x: ag.log(w * x), [w], batch=[1.0, 2.0] * 16, threads=2)
    optimizer = nn.SGD([w], lr=3.0)
    with pytest.raises(DomainError, match=r"log: operand must lie in \(0, inf\), got -2\.0"):
        program.run(optimizer, 3)
    assert program.threads == 2
    assert (optimizer.steps, w.data) == (1, -2.0)


def test_what_is_too_small_says_so():
    def notes(count, **options):
        program, _, _ = regression(count, **options)
        return program.threads, [note for note in program.notes if "thread" in note], str(program)

    threads, found, text = notes(100, threads=2)
    assert (threads, found) == (1, ["1 thread, not 2: 1 block of samples cannot be shared, 8 can"])
    assert found[0] in text
    w = Value(1.0)
    program = ag.compile(lambda x: w * x, [w], batch=[0.5] * 1000, threads=2)
    assert program.threads == 1
    assert "products a step are too few to share" in program.notes[-1]
    threads, found, text = notes(1000, threads=3)
    assert (threads, found) == (2, ["2 threads, not 3: 8 blocks of samples make 2 shares"])
    assert "engine native, 2 threads" in text
    assert notes(1000, threads=2, engine="numpy")[:2] == (1, ["1 thread, not 2: the engine 'numpy' uses no more"])
    assert notes(1000)[:2] == (1, [])
    program = ag.compile(w * w, [w], threads=2)
    assert program.notes[-1] == "1 thread, not 2: there are no samples to share"


def test_what_cannot_be_is_said():
    with pytest.raises(ArgumentError, match=r"compile: threads must be at least 1, got 0\. Leave it out for one"):
        regression(9, threads=0)
    with pytest.raises(InputTypeError, match="compile: threads must be an int, got 'two' of type str"):
        regression(9, threads="two")


def test_fit_takes_threads(small_blocks):
    X, y = [[0.1 * k, 1.0 - 0.2 * k] for k in range(30)], [0.1 * k for k in range(30)]  # noqa: N806
    ends = []
    for threads in (1, 2):
        model = nn.MLP(2, [4, 1], "tanh", random_state=0)
        nn.fit(model, X, y, loss="mse", epochs=3, batch_size=20, random_state=0, compiled=True, threads=threads)
        ends.append([p.data for p in model.parameters()])
    assert ends[0] == ends[1]
    with pytest.raises(ArgumentError, match=r"fit: threads share a compiled program, got threads=2 without one\."):
        nn.fit(model, X, y, loss="mse", threads=2)


in_linux = pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts the threads of the process")


@in_linux
def test_no_thread_outlives_its_program(small_blocks):
    gc.collect()  # of programs before
    before = len(os.listdir("/proc/self/task"))
    program, optimizer, w = regression(40, threads=4)
    assert len(os.listdir("/proc/self/task")) == before, "before the first call"
    program()
    program.run(optimizer, 5)
    assert len(os.listdir("/proc/self/task")) == before + 3
    del program, optimizer, w
    gc.collect()
    for _ in range(100):  # the system takes a moment to forget a thread that was waited for
        if len(os.listdir("/proc/self/task")) <= before:
            return
        time.sleep(0.01)
    raise AssertionError("a worker is left")


def script(text, first="program, optimizer, w = test_threads.regression(60, threads=3)"):
    """Run a script that has the programs of this file; return what it printed."""
    start = """
        import sys
        sys.path.append("tests")
        from compiler import test_threads
        from autograd_lite.compiler import plan, streams
        plan.BLOCK, streams.BLOCKS_OF_SHARE, streams.WORTHWHILE = 8, 1, 0
    """
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "\n".join([textwrap.dedent(start), first, textwrap.dedent(text)])],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    return found.stdout


@full
def test_the_interpreter_ends_while_workers_wait_and_while_they_work():
    assert script("print(program()[0] > 0)") == "True\n"
    text = """
        import threading, time
        threading.Thread(target=lambda: program.run(optimizer, 200_000), daemon=True).start()
        time.sleep(0.05)
        print("end")
    """
    assert script(text) == "end\n"


@full
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_of_fork_goes_on_with_workers_of_its_own():
    text = """
        import os, signal, threading, time
        value = program()[0]
        def child(work):
            if pid := os.fork():
                return os.waitpid(pid, 0)[1]
            signal.alarm(20)
            os._exit(not work())
        print(child(lambda: program()[0] == value))
        for _ in range(10):  # in the midst of a run
            thread = threading.Thread(target=lambda: program.run(optimizer, 5000))
            thread.start()
            time.sleep(0.002)
            print(child(lambda: len(program.run(optimizer, 50)) == 50))
            thread.join()
    """
    assert set(script(text).split()) == {"0"}


@full
@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
def test_an_interrupt_comes_after_the_steps_and_the_program_goes_on():
    text = """
        import os, signal, threading
        def rate(step):
            if step == 49_999:  # the last thing before the native call
                threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGINT)).start()
            return 0.01
        optimizer = test_threads.nn.SGD(w, lr=rate)
        try:
            program.run(optimizer, 50_000)
        except KeyboardInterrupt:
            print(optimizer.steps, len(program.run(optimizer, 10)), program.step(optimizer) > 0, optimizer.steps)
    """
    assert script(text) == "50000 10 True 50011\n"


@full
def test_hundreds_of_programs_of_a_few_blocks(small_blocks):
    r = random.Random(0)
    for _ in range(100):
        count, threads, seed = r.randrange(1, 70), r.randrange(2, 10), r.randrange(1 << 30)
        assert course(count, threads, seed, 500) == course(count, 1, seed, 500), (count, threads, seed)


@full
def test_thousands_of_steps_while_the_cores_are_busy():
    """More programs than cores, each in a thread of Python, all compiled at once and before any other."""
    text = """
        import threading
        found = []
        def work():
            found.append(test_threads.course(40, 3, steps=3000))
        workers = [threading.Thread(target=work) for _ in range(6)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        print(found == [test_threads.course(40, 1, steps=3000)] * 6)
    """
    assert script(text, first="") == "True\n"
