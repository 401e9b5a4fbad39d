"""The level machine: graphs that no loops describe, run from tables.

Nodes on one level with the same operation and as many terms are a record; the machine goes
through the records, eight nodes at a time, and gathers their operands from wherever they
lie. Its code depends on which operations there are, not on the graph: compile time does not
grow with it, and a graph without any regularity still runs at vector speed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from autograd_lite.compiler.circuit import SYMMETRIC, Circuit
from autograd_lite.compiler.plan import WIDTH
from autograd_lite.compiler.roll import SHARED, Flat, Group, Rolled
from autograd_lite.compiler.rows_llvm import apply_row
from autograd_lite.compiler.writer import Module, Writer, kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from autograd_lite.compiler.writer import Body

FIELDS = 7
"""Numbers in a record: operation, groups of eight, terms of four kinds (+ab, -ab, +a, -a), the first result."""


@dataclass(slots=True)
class Records:
    """The program of the machine: its operations by number, the records, and after them the operands."""

    ops: list[str]
    records: NDArray[np.int32]
    operands: NDArray[np.int32]


def tabulate(
    circuit: Circuit, flat: Flat, gradients: Sequence[int], parameters: int, inputs: int
) -> tuple[Rolled, Records]:
    """Return where every node lies, and the records that compute the nodes of `flat`, and the gradient in its place.

    Memory starts with the parameters and their gradients. Results fill whole vectors; what is
    left over is computed from copies of the last node, and never read.
    """
    place = np.full(len(circuit), -1, np.intp)
    top = 2 * parameters + WIDTH
    for node, k in circuit.parameters.items():
        place[node] = k
    for node, k in circuit.inputs.items():
        place[node] = top + k
    group = Group(SHARED, 0, 0, 0, 0)
    rolled = Rolled([], [group], place, [group] * len(circuit), 0, inputs=top)
    top += inputs
    for node in circuit.numbers:
        place[node] = top
        top += 1

    nodes = flat.nodes
    user, role, a, b = flat.terms_of(nodes)
    names: dict[str, int] = {"sum": 0}
    for op in circuit.op:
        names.setdefault(op, len(names))
    code = np.array([names[op] for op in circuit.op], np.intp)
    is_sum = code[nodes] == 0
    # A row's operands count as +a, in their order.
    sort = np.where(is_sum[user], role + np.where(b < 0, 2, 0), 2)
    counts = np.zeros((len(nodes), 4), np.intp)
    np.add.at(counts, (user, sort), 1)
    order = np.lexsort((np.where(is_sum[user], 0, role), sort, user))
    a, b = a[order], b[order]
    start = np.cumsum(flat.count[nodes]) - flat.count[nodes]

    # Groups of nodes on the same level, with the same operation and as many terms, padded to whole vectors.
    key = np.stack([flat.level[nodes], code[nodes], *counts.T], axis=1)
    by_key = np.lexsort(key.T[::-1])
    fresh = np.ones(len(nodes), bool)
    fresh[1:] = (np.diff(key[by_key], axis=0) != 0).any(axis=1)
    begin = np.nonzero(fresh)[0]
    size = np.diff(np.append(begin, len(nodes)))
    groups = -(-size // WIDTH)
    base = top + WIDTH * (np.cumsum(groups) - groups)
    which = np.repeat(np.arange(len(size)), size)
    place[nodes[by_key]] = base[which] + np.arange(len(nodes)) - begin[which]
    records = np.concatenate(
        [key[by_key[begin], 1][:, None], groups[:, None], key[by_key[begin], 2:], base[:, None]], axis=1
    )
    lane = np.minimum(
        np.arange(WIDTH * groups.sum()) - np.repeat(base - top, WIDTH * groups), np.repeat(size - 1, WIDTH * groups)
    )
    lanes = by_key[np.repeat(begin, WIDTH * groups) + lane].reshape(-1, WIDTH)
    operands = _operands(lanes, counts, start, place[a], place[b])
    top += WIDTH * int(groups.sum())
    copies = -(-len(gradients) // WIDTH)
    if gradients:
        wanted = place[np.array(gradients)]
        operands = np.concatenate([operands, wanted, np.full(copies * WIDTH - len(wanted), wanted[-1])])
        records = np.concatenate([records, [[0, copies, 0, 0, 1, 0, parameters]]])
    rolled.shared = top
    return rolled, Records(list(names), records.astype(np.int32), np.append(operands, 0).astype(np.int32))


def _operands(
    lanes: NDArray[np.intp],
    counts: NDArray[np.intp],
    start: NDArray[np.intp],
    place_a: NDArray[np.intp],
    place_b: NDArray[np.intp],
) -> NDArray[np.intp]:
    """Return the places of operands, vector by vector: a and b of every product, then the plain terms."""
    products = counts[lanes[:, 0], :2].sum(axis=1)
    plain = counts[lanes[:, 0], 2:].sum(axis=1)
    height = 2 * products + plain
    whose = np.repeat(np.arange(len(lanes)), height)
    row = np.arange(len(whose)) - np.repeat(np.cumsum(height) - height, height)
    in_products = row < 2 * products[whose]
    term = np.where(in_products, row // 2, row - products[whose])
    at = start[lanes[whose]] + term[:, None]
    second = in_products & (row % 2 == 1)
    places: NDArray[np.intp] = np.where(second[:, None], place_b[at], place_a[at]).ravel()
    return places


def emit_machine(records: Records) -> tuple[Module, NDArray[np.int32]]:
    """Return `evaluate(memory, tables, blocks, team)`, and the tables it runs."""
    module = Module()
    used = sorted({int(op) for op in records.records[:, 0]})
    arities = {int(record[0]): int(record[2:6].sum()) for record in records.records}
    for op in used:
        _write_operation(module, op, records.ops[op], arities[op])
    w = Writer(module, "void @evaluate(ptr %memory, ptr %tables, ptr %blocks, ptr %team)")
    count = len(records.records)
    w.do("br label %again")
    cases = " ".join(f"i32 {op}, label %op{op}" for op in used)
    operands = "%operands"
    w.lines += [
        "again:",
        "  %k = phi i64 [ 0, %entry ], [ %next, %done ]",
        f"  {operands} = phi ptr [ %first, %entry ], [ %rest, %done ]",
        f"  %more = icmp slt i64 %k, {count}",
        "  br i1 %more, label %one, label %end",
        "one:",
        f"  %at = mul i64 %k, {FIELDS}",
        "  %record = getelementptr i32, ptr %tables, i64 %at",
        "  %op = load i32, ptr %record",
        f"  switch i32 %op, label %end [ {cases} ]",
    ]
    for op in used:
        w.lines += [
            f"op{op}:",
            f"  %rest{op} = call ptr @op.{op}(ptr %memory, ptr %record, ptr {operands})",
            "  br label %done",
        ]
    w.lines += [
        "done:",
        f"  %rest = phi ptr {', '.join(f'[ %rest{op}, %op{op} ]' for op in used)}",
        "  %next = add i64 %k, 1",
        "  br label %again",
        "end:",
        "  ret void",
    ]
    w.lines.insert(0, f"  %first = getelementptr i32, ptr %tables, i64 {count * FIELDS}")
    module.add("evaluate", w)
    return module, np.concatenate([records.records.ravel(), records.operands])


def _write_operation(module: Module, op: int, name: str, arity: int) -> None:
    """op(memory, record, operands): compute a record; return where the operands of the next one begin."""
    w = Writer(module, f"internal ptr @op.{op}(ptr %memory, ptr %record, ptr %operands)")
    kind, lanes = kind_of(WIDTH), f"<{WIDTH} x i32>"
    gather = f"llvm.masked.gather.v{WIDTH}f64.v{WIDTH}p0"
    module.declare(f"declare {kind} @{gather}(<{WIDTH} x ptr>, i32, <{WIDTH} x i1>, {kind})")

    def field(k: int) -> str:
        place = w.let(f"getelementptr i32, ptr %record, i64 {k}")
        return w.let(f"sext i32 {w.fresh(f'load i32, ptr {place}')} to i64")

    def take(cursor: str) -> tuple[str, str]:
        index = w.fresh(f"load {lanes}, ptr {cursor}, align 4")
        places = w.let(f"getelementptr double, ptr %memory, {lanes} {index}")
        every = "<" + ", ".join(["i1 true"] * WIDTH) + ">"
        value = w.fresh(
            f"call {kind} @{gather}(<{WIDTH} x ptr> {places}, i32 8, <{WIDTH} x i1> {every}, {kind} poison)"
        )
        return value, w.let(f"getelementptr i32, ptr {cursor}, i64 {WIDTH}")

    groups, out = field(1), field(6)
    plus_products, minus_products, plus, minus = (field(k) for k in (2, 3, 4, 5))

    def add_products(sign: str) -> Body:
        def body(_: str, now: list[str]) -> list[str]:
            a, cursor = take(now[1])
            b, cursor = take(cursor)
            a = w.let(f"fneg {kind} {a}") if sign == "-" else a
            return [w.fma(a, b, now[0], WIDTH), cursor]

        return body

    def add_plain(sign: str) -> Body:
        def body(_: str, now: list[str]) -> list[str]:
            a, cursor = take(now[1])
            return [w.let(f"{'fsub' if sign == '-' else 'fadd'} {kind} {now[0]}, {a}"), cursor]

        return body

    def group(g: str, carried: list[str]) -> list[str]:
        cursor = carried[0]
        if name == "sum":
            now = [w.number(0.0, WIDTH), cursor]
            steps = (
                (plus_products, add_products("+")), (minus_products, add_products("-")),
                (plus, add_plain("+")), (minus, add_plain("-")),
            )  # fmt: skip
            for count, body in steps:
                now = w.loop(count, body, [(kind, now[0]), ("ptr", now[1])])
            result, cursor = now
        elif name in SYMMETRIC:
            result, cursor = take(cursor)

            def further(_: str, now: list[str]) -> list[str]:
                x, then = take(now[1])
                return [apply_row(w, name, WIDTH, [now[0], x]), then]

            result, cursor = w.loop(w.add(plus, -1), further, [(kind, result), ("ptr", cursor)])
        else:
            operands = []
            for _ in range(arity):
                operand, cursor = take(cursor)
                operands.append(operand)
            result = apply_row(w, name, WIDTH, operands)
        w.store(result, w.pointer("%memory", w.add(out, w.mul(g, WIDTH))), WIDTH)
        return [cursor]

    (end,) = w.loop(groups, group, [("ptr", "%operands")])
    w.do(f"ret ptr {end}")
    module.add(f"op.{op}", w)
