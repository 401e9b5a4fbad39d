"""A team: threads that take part in a native call, however many calls there are.

The samples of a pass are divided into shares. `together` publishes a job, a function to be
called once for every share; whoever comes first takes a share, the caller among them, and the
caller waits until all are done. So a worker that has been put aside by the system holds
nobody up before it has taken something, the caller alone gets through too, and who does what
changes no number: a share is computed in one order, and the shares are added up in theirs.

A worker waits for a job by looking, for about a tenth of a millisecond, then it sleeps. None
of this touches Python: workers are threads of the system, made at the first call, and end with the
program, or before the interpreter does. A child of `fork` has none, and makes its own.
"""

from __future__ import annotations

import ctypes
import os
import signal
import weakref
from functools import cache
from typing import TYPE_CHECKING, Any

import llvmlite.binding as llvm
import numpy as np

from autograd_lite.compiler.writer import Machine, Module, Writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

PATIENCE = 4000
"""How often a thread looks before it sleeps (a worker) or lets others run (the caller)."""

LINE = 8
"""Cells of 8 bytes in a line of the cache: what different threads write lies on different ones."""

CELLS = {
    "together": 0, "function": 1, "first": 2, "second": 3, "third": 4, "shares": 5, "threads": 6, "job": LINE,
    "done": 2 * LINE, "asleep": 3 * LINE, "stop": 4 * LINE, "joined": 5 * LINE, "mutex": 6 * LINE,
    "condition": 8 * LINE, "taken": 10 * LINE,
}  # fmt: skip
"""The cells of a team. together: its address; function, first, second, third: what to call, with what; shares, threads:
how many. job: the number of the last one; done: how many shares are, of all jobs; asleep: how many workers; stop:
whether they are to end; joined: how many there have been; then what the system keeps there (a mutex takes 64 bytes
at most, a condition 48); taken: for each share the last job in which it was."""


def text(pause: str) -> dict[str, str]:
    """Return the functions of a team in LLVM; `pause` is how the machine is told that a thread only waits."""

    def cells(*names: str) -> str:
        return "\n  ".join(f"%{name}.at = getelementptr i64, ptr %team, i64 {CELLS[name]}" for name in names)

    return {
        # Take what nobody has. A job that is over by now has nothing left: all its shares were taken. So what
        # is read of it may be of a later job, and is not used.
        "take": f"""
define internal void @take(ptr %team, i64 %job, i64 %thread) {{
entry:
  {cells("function", "first", "second", "third", "shares", "threads", "done", "taken")}
  %function = load atomic ptr, ptr %function.at monotonic, align 8
  %first = load atomic ptr, ptr %first.at monotonic, align 8
  %second = load atomic ptr, ptr %second.at monotonic, align 8
  %third = load atomic ptr, ptr %third.at monotonic, align 8
  %shares = load i64, ptr %shares.at
  %threads = load i64, ptr %threads.at
  %last = sub i64 %job, 1
  %all = mul i64 %thread, %shares
  %start = udiv i64 %all, %threads
  br label %next
next:
  %k = phi i64 [ 0, %entry ], [ %k.next, %again ]
  %mine = phi i64 [ 0, %entry ], [ %mine.next, %again ]
  %more = icmp ult i64 %k, %shares
  br i1 %more, label %look, label %end
look:
  %from = add i64 %start, %k
  %share = urem i64 %from, %shares
  %place = mul i64 %share, {LINE}
  %at = getelementptr i64, ptr %taken.at, i64 %place
  %seen = load atomic i64, ptr %at monotonic, align 8
  %free = icmp eq i64 %seen, %last
  br i1 %free, label %try, label %again
try:
  %pair = cmpxchg ptr %at, i64 %last, i64 %job seq_cst seq_cst
  %won = extractvalue {{ i64, i1 }} %pair, 1
  br i1 %won, label %do, label %again
do:
  call void %function(ptr %first, ptr %second, ptr %third, i64 %share, i64 %thread)
  %mine.more = add i64 %mine, 1
  br label %again
again:
  %mine.next = phi i64 [ %mine, %look ], [ %mine, %try ], [ %mine.more, %do ]
  %k.next = add i64 %k, 1
  br label %next
end:
  %some = icmp ugt i64 %mine, 0
  br i1 %some, label %say, label %out
say:
  %before = atomicrmw add ptr %done.at, i64 %mine seq_cst
  br label %out
out:
  ret void
}}""",
        "wake": f"""
define internal void @wake(ptr %team) {{
  {cells("mutex", "condition")}
  %locked = call i32 @pthread_mutex_lock(ptr %mutex.at)
  %told = call i32 @pthread_cond_broadcast(ptr %condition.at)
  %unlocked = call i32 @pthread_mutex_unlock(ptr %mutex.at)
  ret void
}}""",
        "together": f"""
define void @together(ptr %team, ptr %function, ptr %first, ptr %second, ptr %third) {{
entry:
  {cells("function", "first", "second", "third", "shares", "job", "done", "asleep")}
  store atomic ptr %function, ptr %function.at monotonic, align 8
  store atomic ptr %first, ptr %first.at monotonic, align 8
  store atomic ptr %second, ptr %second.at monotonic, align 8
  store atomic ptr %third, ptr %third.at monotonic, align 8
  %last = load i64, ptr %job.at
  %job = add i64 %last, 1
  store atomic i64 %job, ptr %job.at seq_cst, align 8
  %asleep = load atomic i64, ptr %asleep.at seq_cst, align 8
  %some = icmp ugt i64 %asleep, 0
  br i1 %some, label %call, label %work
call:
  call void @wake(ptr %team)
  br label %work
work:
  call void @take(ptr %team, i64 %job, i64 0)
  %shares = load i64, ptr %shares.at
  %all = mul i64 %job, %shares
  br label %look
look:
  %turn = phi i64 [ 0, %work ], [ %turn.next, %wait ]
  %done = load atomic i64, ptr %done.at acquire, align 8
  %complete = icmp eq i64 %done, %all
  br i1 %complete, label %out, label %patient
patient:
  %turn.next = add i64 %turn, 1
  {pause}
  %long = icmp ugt i64 %turn, {PATIENCE}
  br i1 %long, label %yield, label %wait
yield:
  %yielded = call i32 @sched_yield()
  br label %wait
wait:
  br label %look
out:
  ret void
}}""",
        "worker": f"""
define ptr @worker(ptr %team) {{
entry:
  {cells("job", "asleep", "stop", "joined", "mutex", "condition")}
  %before = atomicrmw add ptr %joined.at, i64 1 seq_cst
  %thread = add i64 %before, 1
  br label %wait
wait:
  %last = phi i64 [ 0, %entry ], [ %job, %work ]
  %over = load atomic i64, ptr %stop.at seq_cst, align 8
  %is.over = icmp ne i64 %over, 0
  br i1 %is.over, label %end, label %look
look:
  %turn = phi i64 [ 0, %wait ], [ %turn.next, %patient ]
  %now = load atomic i64, ptr %job.at seq_cst, align 8
  %fresh = icmp ne i64 %now, %last
  br i1 %fresh, label %work, label %patient
patient:
  %turn.next = add i64 %turn, 1
  {pause}
  %long = icmp ugt i64 %turn, {PATIENCE}
  br i1 %long, label %lie.down, label %look
lie.down:
  %locked = call i32 @pthread_mutex_lock(ptr %mutex.at)
  %one.more = atomicrmw add ptr %asleep.at, i64 1 seq_cst
  br label %sleep
sleep:
  %later = load atomic i64, ptr %job.at seq_cst, align 8
  %stop = load atomic i64, ptr %stop.at seq_cst, align 8
  %is.fresh = icmp ne i64 %later, %last
  %is.stop = icmp ne i64 %stop, 0
  %up = or i1 %is.fresh, %is.stop
  br i1 %up, label %get.up, label %snore
snore:
  %woken = call i32 @pthread_cond_wait(ptr %condition.at, ptr %mutex.at)
  br label %sleep
get.up:
  %one.less = atomicrmw sub ptr %asleep.at, i64 1 seq_cst
  %unlocked = call i32 @pthread_mutex_unlock(ptr %mutex.at)
  br i1 %is.stop, label %end, label %work
work:
  %job = phi i64 [ %now, %look ], [ %later, %get.up ]
  call void @take(ptr %team, i64 %job, i64 %thread)
  br label %wait
end:
  ret ptr null
}}""",
        "dismiss": f"""
define void @dismiss(ptr %team) {{
  {cells("stop")}
  store atomic i64 1, ptr %stop.at seq_cst, align 8
  call void @wake(ptr %team)
  ret void
}}""",
    }


def write_together(w: Writer, team: str, job: str) -> None:
    """Let a team do a job: "ptr @function, ptr first, ptr second, ptr third"."""
    place = w.let(f"getelementptr i64, ptr {team}, i64 {CELLS['together']}")
    w.do(f"call void {w.let(f'load ptr, ptr {place}')}(ptr {team}, {job})")


@cache
def _machine() -> Machine:
    """Return the functions of teams, compiled once per process."""
    triple = llvm.get_default_triple()
    pause = ""
    if triple.startswith(("x86_64", "i686")):
        pause = "call void @llvm.x86.sse2.pause()"
    elif triple.startswith(("aarch64", "arm64")):
        pause = "call void @llvm.aarch64.hint(i32 1)"
    module = Module()
    if pause:
        module.declare(f"declare {pause.removeprefix('call ').replace('i32 1', 'i32')}")
    for name in ("pthread_mutex_lock", "pthread_mutex_unlock", "pthread_cond_broadcast"):
        module.declare(f"declare i32 @{name}(ptr)")
    module.declare("declare i32 @pthread_cond_wait(ptr, ptr)")
    module.declare("declare i32 @sched_yield()")
    module.functions.update(text(pause))
    return module.compile()


@cache
def _system() -> Any:
    """Return the C library, None where it has no POSIX threads."""
    try:
        library = ctypes.CDLL(None)
    except (TypeError, OSError):
        return None
    return library if hasattr(library, "pthread_create") else None


def has_threads() -> bool:
    """Return whether this system has what a team is made of."""
    return _system() is not None


class Team:
    """The threads of one program, and the cells through which they know of one another."""

    def __init__(self, threads: int, shares: int) -> None:
        self.threads, self.shares = threads, shares
        self.machine = _machine()  # of its own: two threads that ask at the same time get one each
        space = np.zeros(CELLS["taken"] + LINE * (shares + 1), np.int64)
        self.cells = space[(-space.ctypes.data // 8) % LINE :]
        self.address = ctypes.c_void_p(self.cells.ctypes.data)
        self._end: weakref.finalize[..., Any] | None = None
        _teams.add(self)
        self.forget()

    def forget(self) -> None:
        """Be a team without workers, as in a child of fork."""
        if self._end is not None:
            self._end.detach()
            self._end = None
        self.cells[:] = 0
        self.cells[[CELLS[name] for name in ("together", "shares", "threads")]] = (
            self.machine.address("together"), self.shares, self.threads,
        )  # fmt: skip

    def assemble(self) -> None:
        """Make the workers, where there are none yet; with fewer than are wanted all goes on as well, more slowly."""
        if self._end is not None:
            return
        system, at = _system(), self.address.value or 0
        system.pthread_mutex_init(ctypes.c_void_p(at + 8 * CELLS["mutex"]), None)
        system.pthread_cond_init(ctypes.c_void_p(at + 8 * CELLS["condition"]), None)
        work, workers = ctypes.c_void_p(self.machine.address("worker")), (ctypes.c_size_t * (self.threads - 1))()
        # First, and each worker noted by the system itself: Ctrl-C in between must not make others besides.
        self._end = weakref.finalize(self, _dismiss, self.machine, self.cells, self.address, workers)
        # Signals are for the threads of Python.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            for k in range(self.threads - 1):
                worker = ctypes.byref(workers, k * ctypes.sizeof(ctypes.c_size_t))
                if system.pthread_create(worker, None, work, self.address):
                    workers[k] = 0
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def before(self, function: Callable[[], Any]) -> Callable[[], Any]:
        """Return a function that makes the workers, where there are none yet, before it calls another."""

        def call() -> Any:
            self.assemble()
            return function()

        return call


def _dismiss(
    machine: Machine, cells: NDArray[np.int64], address: ctypes.c_void_p, workers: ctypes.Array[ctypes.c_size_t]
) -> None:
    """End the workers; the cells are an argument so that they are there until then."""
    machine.function("dismiss", None, ctypes.c_void_p)(address)
    for worker in filter(None, workers):
        _system().pthread_join(ctypes.c_size_t(worker), None)


_teams: weakref.WeakSet[Team] = weakref.WeakSet()


def _forget_all() -> None:
    for team in list(_teams):
        team.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
