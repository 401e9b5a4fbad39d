"""Turns: threads of Python that call one program do so one after the other.

A `threading.Lock` costs a fifth of a microsecond, and a step may take one. So a turn is an attribute: `del` takes
it in one step of the interpreter, so that of several threads one succeeds, in a fifth of that time. A lock is made
by whoever fails.
"""

from __future__ import annotations

import sys
from collections import deque
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


class Turns:
    """Whose turn it is. Where a microsecond counts, `take` is written out.

    Attributes:
        free: there while it is nobody's.
        waiting: a lock for everyone who waits, in order.
    """

    __slots__ = ("free", "waiting")

    def __init__(self) -> None:
        self.free = True
        self.waiting: deque[Lock] = deque()

    def take(self, owner: object, work: Callable[..., Any], *arguments: Any) -> Any:
        """Work when it is this thread's turn; the turn is that of the owner's methods."""
        mine = True
        try:
            del self.free
        except AttributeError:
            mine = self.wait(owner)
        try:
            return work(*arguments)
        finally:
            if mine:
                self.free = True
                if self.waiting:
                    self.hand_over()

    def wait(self, owner: object) -> bool:
        """Wait for a turn; return False where this thread has it, as in an optimiser that calls the program."""
        if is_inside(owner, self):
            return False
        lock = Lock()
        lock.acquire()
        self.waiting.append(lock)
        self.hand_over()  # it may have been given back just now
        try:
            lock.acquire()
        except BaseException:
            if lock in self.waiting:
                self.waiting.remove(lock)
            else:
                self.free = True
                self.hand_over()
            raise
        return True

    def hand_over(self) -> None:
        """Let the first of those who wait go on, unless somebody has the turn: who has it will do so."""
        while self.waiting:
            try:
                del self.free
            except AttributeError:
                return
            try:
                self.waiting.popleft().release()
            except IndexError:
                self.free = True


def is_inside(owner: object, *asking: object) -> bool:
    """Whether this thread is in the midst of a method of `owner`, besides the one in which it is asked."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and any(frame.f_locals.get("self") is one for one in (owner, *asking)):
        frame = frame.f_back
    while frame is not None and frame.f_locals.get("self") is not owner:
        frame = frame.f_back
    return frame is not None
