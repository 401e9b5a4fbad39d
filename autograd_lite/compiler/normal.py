"""The normal form: every run of additions and products is one sum of products.

`sum(w*x for ...) + b`, written with whatever mixture of +, -, sum and dot, becomes one node
Σ ±a·b. What it was written with does not matter any more; that is what makes samples and
neurons alike. All of it is arithmetic on whole arrays: this pass sees every node of the tape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from autograd_lite.compiler.circuit import LINEAR, SYMMETRIC

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from autograd_lite.compiler.tape import Tape

SUM = -1
"""The code of a sum of products; other operations have the code of their row on the tape."""


@dataclass(slots=True)
class Normal:
    """The leaves of the tape under their numbers, then operations with terms (role, a, b).

    Operation `leaves + k` has the terms `first[k] : first[k + 1]`; roles are those of the circuit.
    """

    tape: Tape
    leaves: int
    code: NDArray[np.intp]
    first: NDArray[np.intp]
    role: NDArray[np.intp]
    a: NDArray[np.intp]
    b: NDArray[np.intp]
    source: NDArray[np.intp]
    """The operation on the tape that an operation stands for."""
    roots: list[int]

    def __len__(self) -> int:
        return self.leaves + len(self.code)

    def gathers(self) -> NDArray[np.bool_]:
        """Return which operations take any number of operands in no order, those of all samples perhaps."""
        symmetric = [k for k, name in enumerate(self.tape.names) if name in SYMMETRIC]
        return np.isin(self.code, [SUM, *symmetric])

    def edges(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the operations that use operations, and which, as often as they do."""
        user = np.repeat(np.arange(len(self.code)), np.diff(self.first))
        ends = np.concatenate([self.a, self.b]) - self.leaves
        inner = ends >= 0
        return np.concatenate([user, user])[inner], ends[inner]


def normalise(tape: Tape) -> Normal:
    """Return a tape in normal form."""
    n, leaves = len(tape.code), tape.leaves
    linear = np.array([name in LINEAR for name in tape.names], bool)[tape.code] if n else np.zeros(0, bool)
    user, role, a, b = _terms(tape)

    # A linear node whose one use is as a plain ± term is part of its user.
    uses = np.bincount(a[a >= leaves] - leaves, minlength=n) + np.bincount(b[b >= leaves] - leaves, minlength=n)
    uses += np.bincount([root - leaves for root in tape.roots if root >= leaves], minlength=n)
    plain = np.nonzero((b < 0) & (a >= leaves) & linear[user])[0]
    plain = plain[linear[a[plain] - leaves] & (uses[a[plain] - leaves] == 1)]
    owner, sign = np.arange(n), np.zeros(n, np.intp)
    owner[a[plain] - leaves] = user[plain]
    sign[a[plain] - leaves] = role[plain]
    while (owner[owner] != owner).any():  # pointers jump over pointers: as many rounds as the depth has bits
        sign = sign ^ sign[owner]
        owner = owner[owner]

    keep = np.ones(len(a), bool)
    keep[plain] = False
    zero = np.append(tape.constants.view(np.int64) == 0, False)
    is_zero = keep & (b < 0) & linear[user] & zero[np.minimum(a, len(tape.constants))]
    others = np.bincount(owner[user[keep & ~is_zero]], minlength=n)
    keep &= ~(is_zero & (others[owner[user]] > 0))  # the 0 that sum() starts with

    role = np.where(linear[user], role ^ sign[user], role)
    order = np.argsort(owner[user[keep]], kind="stable")
    user, role, a, b = (x[keep][order] for x in (user, role, a, b))
    alive = owner == np.arange(n)
    new = np.full(leaves + n + 1, -1)
    new[:leaves] = np.arange(leaves)
    new[leaves:-1][alive] = leaves + np.arange(alive.sum())
    code = np.where(linear, SUM, tape.code)[alive]
    count = np.bincount(owner[user], minlength=n)[alive]
    return Normal(
        tape, leaves, code, np.concatenate([[0], np.cumsum(count)]), role, new[a], new[b], np.nonzero(alive)[0],
        [int(new[root]) for root in tape.roots],
    )  # fmt: skip


def _terms(tape: Tape) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Return the terms of every operation on the tape: (user, role, a, b), in order."""
    count = np.diff(tape.first)
    user = np.repeat(np.arange(len(count)), count)
    place = np.arange(len(user)) - tape.first[user]
    name = np.array([*tape.names, ""])
    row = name[tape.code][user] if len(user) else np.zeros(0, name.dtype)
    b = np.full(len(user), -1)
    role = place.copy()
    role[np.isin(row, list(LINEAR | SYMMETRIC))] = 0
    role[(row == "neg") | ((row == "sub") & (place == 1))] = 1
    # mul and dot: the second half of the operands are the second factors of the first half.
    product = (row == "mul") | (row == "dot")
    half = count[user] // 2
    left = np.nonzero(product & (place < half))[0]
    b[left] = tape.operand[left + half[left]]
    keep = ~(product & (place >= half))
    return user[keep], role[keep], tape.operand[keep], b[keep]
