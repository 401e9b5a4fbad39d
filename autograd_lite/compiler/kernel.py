"""The kernel: steps of training, the update rules of optimisers.

`train(control)` does any number of steps in one call: bring the examples of the step into
their blocks, call the program's `evaluate`, move the parameters. It stops before a step whose
loss or gradient is not finite, with everything as it was.
"""

from __future__ import annotations

from functools import cache

from autograd_lite.compiler.control import Cells
from autograd_lite.compiler.pack import write_pack
from autograd_lite.compiler.plan import WIDTH
from autograd_lite.compiler.writer import Machine, Module, Writer, double, kind_of

RULES = {"none": 0, "sgd": 1, "momentum": 2, "nesterov": 3, "adam": 4}


@cache
def kernel() -> Machine:
    """Return the code of `train` and `pack`, compiled once per process."""
    module = Module()
    module.declare("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")
    write_pack(module)
    for rule in RULES:
        if rule != "none":
            _write_rule(module, rule)
    _write_train(module)
    return module.compile()


def _write_rule(module: Module, rule: str) -> None:
    """rule(control, rates): the moved parameters and the new state into scratch; returns whether all are finite."""
    w = Writer(module, f"internal double @{rule}(ptr %control, ptr %rates)")
    c = Cells(w)
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
    """train(control): make steps; return how many were made, and add it to its cell."""
    w = Writer(module, "i64 @train(ptr %control)")
    c = Cells(w)
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
        f"  %before = load i64, ptr {made}",
        "  %made = add i64 %before, %step",
        f"  store i64 %made, ptr {made}",
        "  ret i64 %step",
    ]
    module.add("train", w)
