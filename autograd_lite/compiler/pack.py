"""Packing: the examples of a step, one per row of a matrix, brought into blocks [block][column][lane].

Eight examples at a time: each is read along its row, each vector is written whole. Where a team
shares the samples, whoever is to compute a block packs it, as far as it can be known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from autograd_lite.compiler.control import Cells, cell
from autograd_lite.compiler.plan import WIDTH
from autograd_lite.compiler.team import write_together
from autograd_lite.compiler.writer import Writer, double, kind_of

if TYPE_CHECKING:
    from autograd_lite.compiler.writer import Module

KIND = kind_of(WIDTH)


def write_pack(module: Module) -> None:
    """pack(control, step): bring in the examples of a step, by the team where there is one."""
    _write_share(module)
    w = Writer(module, "void @pack(ptr %control, i64 %step)")
    c = Cells(w)
    _write_single(w, c)
    starts, team = c.pointer("starts"), c.pointer("team")
    count = w.let(f"sub i64 {cell(w, starts, w.add('%step', 1))}, {cell(w, starts, '%step')}")
    lanes = c.integer("lanes")
    above = w.add(count, w.let(f"sub i64 {lanes}, 1"))
    w.do(f"store i64 {w.let(f'udiv i64 {above}, {lanes}')}, ptr {c.pointer('blocks')}")
    step = w.let("inttoptr i64 %step to ptr")
    w.do(f"br i1 {w.let(f'icmp eq ptr {team}, null')}, label %alone, label %shared")
    w.lines.append("alone:")
    w.do(f"call void @pack.share(ptr %control, ptr {step}, ptr null, i64 0, i64 0)")
    w.do("ret void")
    w.lines.append("shared:")
    write_together(w, team, f"ptr @pack.share, ptr %control, ptr {step}, ptr null")
    w.do("ret void")
    module.add("pack", w)


def _write_single(w: Writer, c: Cells) -> None:
    """Where blocks have no lanes there is one example, whose numbers are inputs: copy them."""
    row = cell(w, c.pointer("order"), cell(w, c.pointer("starts"), "%step"))
    source = w.let(f"getelementptr double, ptr {c.pointer('matrix')}, i64 {w.mul(row, c.integer('columns'))}")
    target = w.let(f"getelementptr double, ptr {c.pointer('memory')}, i64 {c.integer('data')}")
    size = w.mul(c.integer("columns"), 8)
    is_single = w.let(f"icmp eq i64 {c.integer('lanes')}, 0")
    w.do(f"br i1 {is_single}, label %single, label %blocks")
    w.lines.append("single:")
    w.do(f"call void @llvm.memcpy.p0.p0.i64(ptr {target}, ptr {source}, i64 {size}, i1 false)")
    w.do("ret void")
    w.lines.append("blocks:")
    w.block = "blocks"


def _write_share(module: Module) -> None:
    """pack.share(control, step, -, share, thread): the blocks of a share.

    Lanes that are left over repeat the last example, at weight 0, so that nothing undefined appears.
    """
    w = Writer(module, "internal void @pack.share(ptr %control, ptr %number, ptr %nothing, i64 %share, i64 %thread)")
    c = Cells(w)
    matrix, columns, lanes, shares = (
        c.pointer("matrix"), c.integer("columns"), c.integer("lanes"), c.integer("shares"),
    )  # fmt: skip
    step, starts, order = w.let("ptrtoint ptr %number to i64"), c.pointer("starts"), c.pointer("order")
    before = cell(w, starts, step)
    count = w.let(f"sub i64 {cell(w, starts, w.add(step, 1))}, {before}")
    last = w.let(f"sub i64 {count}, 1")
    blocks = cell(w, c.pointer("blocks"), "0")
    first, end = (w.let(f"udiv i64 {w.mul(blocks, share)}, {shares}") for share in ("%share", w.add("%share", 1)))
    counted = w.let(f"sitofp i64 {count} to double")
    is_mean = w.let(f"icmp ne i64 {c.integer('mean')}, 0")
    inverse = w.let(f"fdiv double {double(1.0)}, {counted}")
    weight = w.let(f"select i1 {is_mean}, double {inverse}, double {double(1.0)}")
    groups = w.let(f"udiv i64 {lanes}, {WIDTH}")
    start = w.let(f"getelementptr double, ptr {c.pointer('memory')}, i64 {c.integer('data')}")
    stride = w.mul(w.add(columns, 1), lanes)

    def group(g: str, _: list[str]) -> list[str]:
        block, part = w.let(f"udiv i64 {g}, {groups}"), w.let(f"urem i64 {g}, {groups}")
        target = w.let(f"getelementptr double, ptr {start}, i64 {w.add(w.mul(block, stride), w.mul(part, WIDTH))}")
        rows, weights = [], "poison"
        for lane in range(WIDTH):
            example = w.add(w.mul(g, WIDTH), lane)
            inside = w.let(f"icmp slt i64 {example}, {count}")
            known = w.let(f"select i1 {inside}, i64 {example}, i64 {last}")
            row = cell(w, order, w.add(before, known))
            rows.append(w.let(f"getelementptr double, ptr {matrix}, i64 {w.mul(row, columns)}"))
            one = w.let(f"select i1 {inside}, double {weight}, double {double(0.0)}")
            weights = w.let(f"insertelement {KIND} {weights}, double {one}, i32 {lane}")

        def column(k: str, _: list[str]) -> list[str]:
            vector = "poison"
            for lane, row in enumerate(rows):
                number = w.load(w.pointer(row, k), 1)
                vector = w.let(f"insertelement {KIND} {vector}, double {number}, i32 {lane}")
            w.store(vector, w.pointer(target, w.mul(k, lanes)), WIDTH)
            return []

        w.loop(columns, column)
        w.store(weights, w.pointer(target, w.mul(columns, lanes)), WIDTH)
        return []

    begin = w.mul(first, groups)
    w.loop(w.let(f"sub i64 {w.mul(end, groups)}, {begin}"), lambda g, now: group(w.add(begin, g), now))
    w.do("ret void")
    module.add("pack.share", w)
