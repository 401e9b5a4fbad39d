"""What every native program needs besides its own code: data brought into blocks, parameters moved.

`train(control)` does any number of steps in one call: bring the examples of the step into
their blocks, call the program's `evaluate`, move the parameters. It stops before a step whose
loss or gradient is not finite, with everything as it was. The control block is a row of
64-bit cells, integers, addresses and doubles alike; `CELLS` says which is which.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import TYPE_CHECKING

from autograd_lite.compiler.plan import WIDTH
from autograd_lite.compiler.writer import Machine, Module, Writer, double, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable

CELLS = (
    "evaluate", "memory", "tables", "blocks", "team", "steps", "made", "loss", "losses", "rates",
    "rule", "parameters", "state", "scratch", "decay", "first", "second", "epsilon",
    "matrix", "order", "starts", "columns", "lanes", "data", "mean",
)  # fmt: skip
"""evaluate, memory, tables, blocks, team: the program. steps: how many; made: how many were; loss: its place;
losses: where they go. rates: three numbers a step (the learning rate; Adam's two corrections). rule: 0 none, 1 SGD,
2 SGD with momentum, 3 with Nesterov's, 4 Adam. parameters: how many; state: velocities, or first and second moments;
scratch: three times as many numbers. decay: of the weights; first, second: momentum, or Adam's betas; epsilon:
Adam's. matrix: the examples, one per row, 0 where data stay; order: which rows, one step after the other; starts:
where in them each step begins, and the end; columns, lanes: of a block; data: its place; mean: whether the weight
of an example is 1/count."""

RULES = {"none": 0, "sgd": 1, "momentum": 2, "nesterov": 3, "adam": 4}


@cache
def kernel() -> tuple[Machine, Callable[..., int], Callable[..., None]]:
    """Return `train` and `pack`, compiled once per process, and what keeps their code alive."""
    module = Module()
    module.declare("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")
    _write_pack(module)
    for rule in RULES:
        if rule != "none":
            _write_rule(module, rule)
    _write_train(module)
    machine = module.compile()
    train = machine.function("train", ctypes.c_int64, ctypes.c_void_p)
    pack = machine.function("pack", None, ctypes.c_void_p, ctypes.c_int64)
    return machine, train, pack


class _Control:
    """Reads the cells of the control block."""

    def __init__(self, writer: Writer) -> None:
        self.w = writer

    def address(self, name: str) -> str:
        return self.w.let(f"getelementptr i64, ptr %control, i64 {CELLS.index(name)}")

    def integer(self, name: str) -> str:
        return self.w.let(f"load i64, ptr {self.address(name)}")

    def pointer(self, name: str) -> str:
        return self.w.let(f"load ptr, ptr {self.address(name)}")

    def number(self, name: str) -> str:
        return self.w.let(f"load double, ptr {self.address(name)}")


def _write_pack(module: Module) -> None:
    """pack(control, step): the examples of a step into blocks [block][column][lane], the weight last.

    Eight examples at a time: each is read along its row, each vector is written whole. Lanes
    that are left over repeat the last example, at weight 0, so that nothing undefined appears.
    """
    w = Writer(module, "void @pack(ptr %control, i64 %step)")
    c = _Control(w)
    _write_single(w, c)
    matrix, columns, lanes = c.pointer("matrix"), c.integer("columns"), c.integer("lanes")
    starts, order, data = c.pointer("starts"), c.pointer("order"), c.integer("data")
    before = _cell(w, starts, "%step")
    count = w.let(f"sub i64 {_cell(w, starts, w.add('%step', 1))}, {before}")
    last = w.let(f"sub i64 {count}, 1")
    blocks = _ceil(w, count, lanes)
    w.do(f"store i64 {blocks}, ptr {c.pointer('blocks')}")
    counted = w.let(f"sitofp i64 {count} to double")
    is_mean = w.let(f"icmp ne i64 {c.integer('mean')}, 0")
    inverse = w.let(f"fdiv double {double(1.0)}, {counted}")
    weight = w.let(f"select i1 {is_mean}, double {inverse}, double {double(1.0)}")
    groups = w.let(f"sdiv i64 {lanes}, {WIDTH}")
    start = w.let(f"getelementptr double, ptr {c.pointer('memory')}, i64 {data}")
    kind = kind_of(WIDTH)

    def group(g: str, _: list[str]) -> list[str]:
        block, part = w.let(f"sdiv i64 {g}, {groups}"), w.let(f"srem i64 {g}, {groups}")
        stride = w.mul(w.add(columns, 1), lanes)
        target = w.let(f"getelementptr double, ptr {start}, i64 {w.add(w.mul(block, stride), w.mul(part, WIDTH))}")
        rows, weights = [], "poison"
        for lane in range(WIDTH):
            example = w.add(w.mul(g, WIDTH), lane)
            inside = w.let(f"icmp slt i64 {example}, {count}")
            known = w.let(f"select i1 {inside}, i64 {example}, i64 {last}")
            row = _cell(w, order, w.add(before, known))
            rows.append(w.let(f"getelementptr double, ptr {matrix}, i64 {w.mul(row, columns)}"))
            one = w.let(f"select i1 {inside}, double {weight}, double {double(0.0)}")
            weights = w.let(f"insertelement {kind} {weights}, double {one}, i32 {lane}")

        def column(k: str, _: list[str]) -> list[str]:
            vector = "poison"
            for lane, row in enumerate(rows):
                number = w.load(w.pointer(row, k), 1)
                vector = w.let(f"insertelement {kind} {vector}, double {number}, i32 {lane}")
            w.store(vector, w.pointer(target, w.mul(k, lanes)), WIDTH)
            return []

        w.loop(columns, column)
        w.store(weights, w.pointer(target, w.mul(columns, lanes)), WIDTH)
        return []

    w.loop(w.mul(blocks, groups), group)
    w.do("ret void")
    module.add("pack", w)


def _write_single(w: Writer, c: _Control) -> None:
    """Where blocks have no lanes there is one example, whose numbers are inputs: copy them."""
    row = _cell(w, c.pointer("order"), _cell(w, c.pointer("starts"), "%step"))
    source = w.let(f"getelementptr double, ptr {c.pointer('matrix')}, i64 {w.mul(row, c.integer('columns'))}")
    target = w.let(f"getelementptr double, ptr {c.pointer('memory')}, i64 {c.integer('data')}")
    is_single = w.let(f"icmp eq i64 {c.integer('lanes')}, 0")
    w.do(f"br i1 {is_single}, label %single, label %blocks")
    w.lines.append("single:")
    w.do(
        f"call void @llvm.memcpy.p0.p0.i64(ptr {target}, ptr {source}, i64 {w.mul(c.integer('columns'), 8)}, i1 false)"
    )
    w.do("ret void")
    w.lines.append("blocks:")
    w.block = "blocks"


def _cell(w: Writer, pointer: str, index: str) -> str:
    return w.fresh(f"load i64, ptr {w.let(f'getelementptr i64, ptr {pointer}, i64 {index}')}")


def _ceil(w: Writer, a: str, b: str) -> str:
    above = w.add(a, w.let(f"sub i64 {b}, 1"))
    return w.let(f"sdiv i64 {above}, {b}")


def _write_rule(module: Module, rule: str) -> None:
    """rule(control, rates): the moved parameters and the new state into scratch; returns whether all are finite."""
    w = Writer(module, f"internal double @{rule}(ptr %control, ptr %rates)")
    c = _Control(w)
    count = c.integer("parameters")
    parameters = c.pointer("memory")
    gradient = w.let(f"getelementptr double, ptr {parameters}, i64 {count}")
    state, scratch = c.pointer("state"), c.pointer("scratch")
    rates = [w.load(w.pointer("%rates", str(k)), 1) for k in range(3)]
    vectors = w.let(f"sdiv i64 {count}, {WIDTH}")

    def move(width: int, at: str, bad: str) -> str:
        def read(base: str, shift: str = "0") -> str:
            return w.load(w.pointer(base, w.add(at, shift)), width)

        def write(value: str, shift: str) -> None:
            w.store(value, w.pointer(scratch, w.add(at, shift)), width)

        kind = kind_of(width)

        def op(name: str, a: str, b: str) -> str:
            return w.let(f"{name} {kind} {a}, {b}")

        lr, scale, root = (w.splat(rate, width) for rate in rates)
        decay, first, second, epsilon = (w.splat(c.number(n), width) for n in ("decay", "first", "second", "epsilon"))
        p = read(parameters)
        slope = op("fadd", read(gradient), op("fmul", decay, p))
        step = slope
        if rule in ("momentum", "nesterov"):
            velocity = op("fadd", op("fmul", first, read(state)), slope)
            write(velocity, count)
            step = velocity if rule == "momentum" else op("fadd", slope, op("fmul", first, velocity))
        if rule == "adam":
            one = w.number(1.0, width)
            mean = op("fadd", op("fmul", first, read(state)), op("fmul", op("fsub", one, first), slope))
            share = op("fmul", op("fsub", one, second), slope)
            square = op("fadd", op("fmul", second, read(state, count)), op("fmul", share, slope))
            write(mean, count)
            write(square, w.mul(count, 2))
            size = op("fadd", op("fdiv", w.call("sqrt", width, square), root), epsilon)
            step = op("fdiv", op("fmul", scale, mean), size)
        moved = op("fsub", p, op("fmul", lr, step))
        write(moved, "0")
        # 0 times a number is 0 if it is finite, and nan otherwise.
        zero = w.number(0.0, width)
        return op("fadd", bad, op("fadd", op("fmul", moved, zero), op("fmul", slope, zero)))

    kind = kind_of(WIDTH)
    wide = w.loop(vectors, lambda i, bad: [move(WIDTH, w.mul(i, WIDTH), bad[0])], [(kind, w.number(0.0, WIDTH))])[0]
    done = w.mul(vectors, WIDTH)
    rest = w.let(f"sub i64 {count}, {done}")
    single = w.loop(rest, lambda i, bad: [move(1, w.add(done, i), bad[0])], [("double", double(0.0))])[0]
    w.do(f"ret double {w.let(f'fadd double {w.sum_of_lanes(wide)}, {single}')}")
    module.add(rule, w)


def _write_train(module: Module) -> None:
    """train(control): make steps; return how many were made, and leave it in its cell."""
    w = Writer(module, "i64 @train(ptr %control)")
    c = _Control(w)
    names = ("evaluate", "memory", "tables", "blocks", "team", "losses", "rates", "matrix", "state", "scratch")
    at = {name: c.pointer(name) for name in names}
    count, rule, steps, made = c.integer("parameters"), c.integer("rule"), c.integer("steps"), c.address("made")
    place = w.let(f"getelementptr double, ptr {at['memory']}, i64 {c.integer('loss')}")
    fixed = w.let(f"icmp eq ptr {at['matrix']}, null")
    bytes_ = w.mul(count, 8)
    states = w.mul(bytes_, 2)
    w.do("br label %again")
    w.lines += [
        "again:",
        "  %step = phi i64 [ 0, %entry ], [ %following, %next ]",
        f"  %more = icmp slt i64 %step, {steps}",
        "  br i1 %more, label %bind, label %end",
        "bind:",
        f"  br i1 {fixed}, label %run, label %fresh",
        "fresh:",
        "  call void @pack(ptr %control, i64 %step)",
        "  br label %run",
        "run:",
        f"  call void {at['evaluate']}({', '.join(f'ptr {at[name]}' for name in names[1:5])})",
        f"  %loss = load double, ptr {place}",
        f"  %to = getelementptr double, ptr {at['losses']}, i64 %step",
        "  store double %loss, ptr %to",
        f"  %nothing = fmul double %loss, {double(0.0)}",
        "  %where = mul i64 %step, 3",
        f"  %rates = getelementptr double, ptr {at['rates']}, i64 %where",
        f"  switch i64 {rule}, label %next [ {' '.join(f'i64 {k}, label %{n}' for n, k in RULES.items() if k)} ]",
    ]
    rules = [name for name, k in RULES.items() if k]
    for name in rules:
        w.lines += [
            f"{name}:",
            f"  %bad.{name} = call double @{name}(ptr %control, ptr %rates)",
            "  br label %check",
        ]
    choices = ", ".join(f"[ %bad.{name}, %{name} ]" for name in rules)
    w.lines += [
        "check:",
        f"  %bad = phi double {choices}",
        "  %sum = fadd double %bad, %nothing",
        f"  %fine = fcmp oeq double %sum, {double(0.0)}",
        "  br i1 %fine, label %keep, label %stop",
        "keep:",
        f"  call void @llvm.memcpy.p0.p0.i64(ptr {at['memory']}, ptr {at['scratch']}, i64 {bytes_}, i1 false)",
        f"  %has.state = icmp sgt i64 {rule}, 1",
        "  br i1 %has.state, label %remember, label %next",
        "remember:",
        f"  %new.state = getelementptr double, ptr {at['scratch']}, i64 {count}",
        f"  call void @llvm.memcpy.p0.p0.i64(ptr {at['state']}, ptr %new.state, i64 {states}, i1 false)",
        "  br label %next",
        "next:",
        "  %following = add i64 %step, 1",
        "  br label %again",
        "stop:",
        "  br label %end",
        "end:",
        f"  store i64 %step, ptr {made}",
        "  ret i64 %step",
    ]
    module.add("train", w)
