"""Writing LLVM: text, line by line, and how it becomes machine code.

A `Writer` writes one function. Values are names like "%12" or numbers; loops are written
with what they carry, so that running sums are registers and no optimiser has to find that
out. Offsets into memory count doubles.
"""

from __future__ import annotations

import ctypes
import struct
from functools import cache
from typing import TYPE_CHECKING, Any

import llvmlite.binding as llvm

from autograd_lite.compiler.plan import WIDTH

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Body = Callable[[str, list[str]], Sequence[str]]


def double(number: float) -> str:
    """Return a number as LLVM writes it, every bit of it.

    >>> double(1.0)
    '0x3FF0000000000000'
    """
    return f"0x{struct.unpack('<Q', struct.pack('<d', number))[0]:016X}"


class Writer:
    """One function in the making; `module` collects what it needs besides."""

    def __init__(self, module: Module, signature: str) -> None:
        self.module, self.signature = module, signature
        self.lines: list[str] = []
        self.count = 0
        self.block = "entry"
        self._known: dict[str, str] = {}

    def let(self, text: str) -> str:
        """Name the result of an instruction; one that is in sight already is not repeated."""
        name = self._known.get(text)
        if name is None:
            name = self.fresh(text)
            self._known[text] = name
        return name

    def fresh(self, text: str) -> str:
        """Name the result of an instruction that depends on memory."""
        self.count += 1
        name = f"%v{self.count}"
        self.lines.append(f"  {name} = {text}")
        return name

    def do(self, text: str) -> None:
        self.lines.append(f"  {text}")

    def text(self) -> str:
        # Vectors that wait on the stack while a row is called must not lie across two lines of the cache.
        aligned = f"alignstack({8 * WIDTH})"
        return "\n".join([f"define {self.signature} {aligned} {{", "entry:", *self.lines, "}"])

    # ---- integers: offsets and counters

    def add(self, a: str, b: str | int) -> str:
        b = str(b)
        if a == "0":
            return b
        if b == "0":
            return a
        if _is_number(a) and _is_number(b):
            return str(int(a) + int(b))
        return self.let(f"add i64 {a}, {b}")

    def mul(self, a: str, b: str | int) -> str:
        b = str(b)
        if "0" in (a, b):
            return "0"
        if a == "1":
            return b
        if b == "1":
            return a
        if _is_number(a) and _is_number(b):
            return str(int(a) * int(b))
        return self.let(f"mul i64 {a}, {b}")

    # ---- control

    def loop(self, count: int | str, body: Body, carried: Sequence[tuple[str, str]] = ()) -> list[str]:
        """Run body(i, carried values) for i < count; it returns the next values, the loop the last ones."""
        if count == 1:
            return list(body("0", [value for _, value in carried]))
        if count == 0:
            return [value for _, value in carried]
        self.count += 1
        number, before = self.count, self.block
        head, inside, after = (f"{name}{number}" for name in ("head", "body", "after"))
        self.do(f"br label %{head}")
        self.lines.append(f"{head}:")
        at = len(self.lines)
        counter = f"%i{number}"
        values = [f"%c{number}.{k}" for k in range(len(carried))]
        self.lines += [""] * (1 + len(carried))
        self.do(f"%t{number} = icmp slt i64 {counter}, {count}")
        self.do(f"br i1 %t{number}, label %{inside}, label %{after}")
        self.lines.append(f"{inside}:")
        self.block = inside
        known, self._known = self._known, self._known.copy()
        following = body(counter, values)
        self._known = known
        self.do(f"%n{number} = add nuw nsw i64 {counter}, 1")
        self.do(f"br label %{head}")
        self.lines[at] = f"  {counter} = phi i64 [ 0, %{before} ], [ %n{number}, %{self.block} ]"
        for k, ((kind, first), name, then) in enumerate(zip(carried, values, following, strict=True), 1):
            self.lines[at + k] = f"  {name} = phi {kind} [ {first}, %{before} ], [ {then}, %{self.block} ]"
        self.lines.append(f"{after}:")
        self.block = after
        return values

    # ---- memory

    def pointer(self, base: str, offset: str, constant: int = 0) -> str:
        """Return the address of double number offset + constant from a pointer."""
        if _is_number(offset):
            constant, offset = constant + int(offset), "0"
        if offset != "0":
            base = self.let(f"getelementptr double, ptr {base}, i64 {offset}")
        return self.let(f"getelementptr double, ptr {base}, i64 {constant}") if constant else base

    def load(self, pointer: str, width: int) -> str:
        return self.fresh(f"load {kind_of(width)}, ptr {pointer}, align 8")

    def store(self, value: str, pointer: str, width: int) -> None:
        self.do(f"store {kind_of(width)} {value}, ptr {pointer}, align 8")

    def splat(self, value: str, width: int) -> str:
        """Return a vector of equal numbers."""
        if width == 1:
            return value
        kind = kind_of(width)
        one = self.let(f"insertelement {kind} poison, double {value}, i32 0")
        return self.let(f"shufflevector {kind} {one}, {kind} poison, <{width} x i32> zeroinitializer")

    # ---- doubles

    def number(self, value: float, width: int) -> str:
        text = double(value)
        return text if width == 1 else "<" + ", ".join([f"double {text}"] * width) + ">"

    def call(self, name: str, width: int, *arguments: str) -> str:
        """Call an intrinsic of LLVM on numbers of a width."""
        kind = kind_of(width)
        full = f"llvm.{name}.{'f64' if width == 1 else f'v{width}f64'}"
        self.module.declare(f"declare {kind} @{full}({', '.join([kind] * len(arguments))})")
        return self.let(f"call {kind} @{full}({', '.join(f'{kind} {a}' for a in arguments)})")

    def fma(self, a: str, b: str, c: str, width: int) -> str:
        """Return a*b + c, rounded once where the machine can."""
        return self.call("fmuladd", width, a, b, c)

    def sum_of_lanes(self, value: str) -> str:
        kind = kind_of(WIDTH)
        name = f"llvm.vector.reduce.fadd.v{WIDTH}f64"
        self.module.declare(f"declare double @{name}(double, {kind})")
        return self.let(f"call reassoc double @{name}(double {double(-0.0)}, {kind} {value})")

    def sums_of_lanes(self, values: Sequence[str]) -> str:
        """Return the sums of eight vectors as one: halves, quarters and eighths added across them in turn."""
        kind, now = kind_of(WIDTH), list(values)
        for reach in (1, 2, 4):
            first = [lane - (lane & reach) + (WIDTH if lane & reach else 0) for lane in range(WIDTH)]
            now = [
                self.let(f"fadd {kind} {self._mix(a, b, first)}, {self._mix(a, b, [lane + reach for lane in first])}")
                for a, b in zip(now[::2], now[1::2], strict=True)
            ]
        return now[0]

    def _mix(self, a: str, b: str, lanes: Sequence[int]) -> str:
        kind, mask = kind_of(WIDTH), ", ".join(f"i32 {lane}" for lane in lanes)
        return self.let(f"shufflevector {kind} {a}, {kind} {b}, <{WIDTH} x i32> <{mask}>")


def kind_of(width: int) -> str:
    return "double" if width == 1 else f"<{width} x double>"


def _is_number(text: str) -> bool:
    return text[0] != "%"


class Module:
    """Functions that are compiled together."""

    def __init__(self) -> None:
        self.declarations: dict[str, None] = {}
        self.functions: dict[str, str] = {}

    def declare(self, line: str) -> None:
        self.declarations[line] = None

    def add(self, name: str, writer: Writer) -> None:
        self.functions[name] = writer.text()

    def compile(self) -> Machine:
        """Return the machine code."""
        return Machine("\n\n".join(["\n".join(self.declarations), *self.functions.values()]))


class Machine:
    """Machine code in memory, for as long as this object lives."""

    def __init__(self, text: str) -> None:
        _initialise()
        module = llvm.parse_assembly(text)
        # One target machine per engine: a shared one would be freed twice.
        target = llvm.Target.from_default_triple().create_target_machine(
            cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=1
        )
        self._engine = llvm.create_mcjit_compiler(module, target)
        self._engine.finalize_object()

    def address(self, name: str) -> int:
        return int(self._engine.get_function_address(name))

    def function(self, name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
        return ctypes.CFUNCTYPE(result, *arguments)(self.address(name))


@cache
def _initialise() -> None:
    import ctypes.util

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    library = ctypes.util.find_library("m")
    if library:  # sin, atan2, erf, ...
        llvm.load_library_permanently(library)
