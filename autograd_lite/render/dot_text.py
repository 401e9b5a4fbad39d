"""The picture as DOT, the language of Graphviz: wires with four lines, gates between them.

User text appears in two places that escape differently: in HTML-like labels and in quoted
tooltips. The same scene gives the same text in every process.
"""

from __future__ import annotations

from collections import Counter

from autograd_lite.render.layout import count_shared
from autograd_lite.render.palette import LIGHT, Theme
from autograd_lite.render.scene import Scene, Unit
from autograd_lite.render.wording import entities, is_alarming, legend_of, said, subscripted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from autograd_lite.modes import Scope

HEAD = """digraph {{
  graph [rankdir=LR, {1}bgcolor="{0.background}", pad=0.3, nodesep=0.12, ranksep=0.16]
  node [fontname="Arial", fontsize=14, fontcolor="{0.ink}", shape=plain]
  edge [fontname="Arial", color="{0.wire}", penwidth=1, arrowsize=0.6]
"""
ORDERED = "ordering=in, "  # operands from top to bottom; with clusters `dot` 14 turns that upside down
CROWDED = 400  # wires; beyond, dot is told to search less: 1.7 s instead of 14 for 2,000 tangled ones
LONG, ENDLESS = 1000, 5000  # ranks passed by wires; beyond, the same, and dot takes seconds, soon minutes
HURRY = "  graph [nslimit=0.5, nslimit1=1, mclimit=0.1]\n"
ROUND_GATE = 4  # signs that fit a circle; longer ones get a box with round corners


def dot_text(scene: Scene, theme: Theme = LIGHT) -> str:
    """Return the DOT text of a scene."""
    numbers = {unit: number for number, unit in enumerate(scene.units, 1)}
    has_clusters = bool(scene.title) or any(unit.path for unit in scene.units)
    lines = [HEAD.format(theme, "" if has_clusters else ORDERED)]
    if sum(len(unit.operands) for unit in scene.units) > CROWDED or ranks_passed(scene) > LONG:
        lines.append(HURRY)
    below = [_legend(scene, theme)] * scene.legend + [f"<TR><TD>{html(scene.folded)}</TD></TR>"] * bool(scene.folded)
    if below:
        table = f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="6">{"".join(below)}</TABLE>'
        lines.append(f'  graph [label=<{table}>, fontname="Arial", fontsize=12, fontcolor="{theme.wire}"]\n')
    if scene.title:
        lines.append(
            f"  subgraph cluster_title {{\n  graph [label=<<B>{html(scene.title)}</B>>, labelloc=t, labeljust=l, "
            f'penwidth=0, fontname="Arial", fontsize=20, fontcolor="{theme.ink}"]\n'
        )
    around: tuple[Scope, ...] = ()
    count = 0
    for unit in sorted(numbers, key=_where(scene.units)):
        kept = count_shared(around, unit.path)
        lines.append("  }\n" * (len(around) - kept))
        for level, scope in enumerate(unit.path[kept:], kept):
            count += 1
            lines.append(f"  subgraph cluster_{count} {{\n  graph [{_frame(scope, level, theme)}]\n")
        around = unit.path
        number = numbers[unit]
        if unit.gate:
            lines.append(f"  g{number} [{_gate(unit, theme)}]\n")
        lines.append(f"  v{number} [{_wire(unit, unit is scene.root, theme)}]\n")
        if unit.hidden:
            lines.append(f'  m{number} [label="… {unit.hidden:,} more", fontcolor="{theme.wire}"]\n')
    lines.append("  }\n" * (len(around) + bool(scene.title)))
    for unit, number in numbers.items():
        if unit.gate:
            lines.append(f"  g{number} -> v{number}:w [arrowhead=none, weight=8]\n")
        if unit.hidden:
            lines.append(f"  m{number}:e -> g{number} [style=dashed]\n")
        repetitions = Counter(unit.operands)
        for operand in unit.operands:
            apart = " [minlen=2]" if repetitions[operand] > 1 else ""  # room to be seen as so many wires
            lines.append(f"  v{numbers[operand]}:e -> g{number}{apart}\n")
    return "".join([*lines, "}\n"])


def ranks_passed(scene: Scene) -> int:
    """Return about how many ranks all wires pass; at each, `dot` puts a node of its own for each wire."""
    ranks: dict[Unit, int] = {}
    starts: dict[Unit, int] = {}  # of leaves: beside their first user
    for unit in scene.units:
        ranks[unit] = rank = 1 + max([ranks[operand] for operand in unit.operands if operand.gate], default=0)
        for operand in unit.operands:
            starts[operand] = ranks[operand] if operand.gate else min(starts.get(operand, rank), rank - 1)
    return sum(2 * (ranks[unit] - starts[operand]) - 1 for unit in scene.units for operand in unit.operands)


def _where(units: list[Unit]) -> Callable[[Unit], list[int]]:
    """Return a key that sorts units by their frames, each frame where its first unit is."""
    first: dict[Any, int] = {}
    for number, unit in enumerate(units):
        for part in (*unit.path, unit):
            first.setdefault(part, number)
    return lambda unit: [first[part] for part in (*unit.path, unit)]


def _frame(scope: Scope, level: int, theme: Theme) -> str:
    return (
        f'label="{quoted(" ".join(scope.name.split()))}", labelloc=t, labeljust=l, style="rounded,filled", margin=8, '
        f'fillcolor="{theme.frames[level % 2]}", color="{theme.border}", penwidth=1, fontname="Arial", fontsize=12, '
        f'fontcolor="{theme.wire}"'
    )


def _legend(scene: Scene, theme: Theme) -> str:
    cells = []
    for kind, sample, words in legend_of(scene):
        if kind in ("value", "gradient"):
            cells.append(f"<TD>{_bold(sample, theme.value if kind == 'value' else theme.gradient)}</TD>")
        else:
            fill = theme.gate if kind == "gate" else theme.leaves.get(kind, theme.leaves[None])
            cells.append(
                f'<TD BGCOLOR="{fill}" STYLE="ROUNDED" BORDER="1" COLOR="{theme.wire}" WIDTH="24" HEIGHT="18" '
                f'FIXEDSIZE="TRUE"></TD>'
            )
        cells.append(f"<TD>{html(words)}</TD>")
    row = f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="4"><TR>{"".join(cells)}</TR></TABLE>'
    return f"<TR><TD>{row}</TD></TR>"


def html(text: str) -> str:
    """Return user text for an HTML-like label; `dot` expands \\N and the like even there.

    >>> print(html('a<b>\\n"&\\\\N'))
    a&lt;b&gt;<BR/>&quot;&amp;&#92;&#92;N
    """
    return entities(text).replace('"', "&quot;").replace("\\", "&#92;&#92;").replace("\n", "<BR/>")


def quoted(text: str) -> str:
    """Return user text for the inside of a quoted string.

    >>> print(quoted('\\\\N "&"'))
    \\\\N \\"&amp;\\"
    """
    return entities(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def tooltip(text: str) -> str:
    """Return user text for a tooltip, in which `dot` expands backslashes twice.

    >>> print(tooltip('\\\\N'))
    \\\\\\\\N
    """
    return quoted(text.replace("\\", "\\\\"))


def _gate(unit: Unit, theme: Theme) -> str:
    is_round = len(unit.gate) <= ROUND_GATE and not unit.scope
    circle, box = "shape=circle, fixedsize=true, width=0.52, style=filled", 'shape=box, style="rounded,filled"'
    size = {1: 18, 4: 11}.get(len(unit.gate), 12)
    if unit.scope:  # closed: light, as the frame it stands for
        return (
            f'label=<<B>{html(unit.gate)}</B>>, tooltip="{tooltip(said(unit))}", {box}, fontsize=12, '
            f'fillcolor="{theme.frames[0]}", color="{theme.gate}", penwidth=1.5, fontcolor="{theme.ink}"'
        )
    return (
        f'label="{quoted(unit.gate)}", tooltip="{tooltip(unit.gate)}", {circle if is_round else box}, fontsize={size}, '
        f'fillcolor="{theme.gate}", color="{theme.gate}", fontcolor="{theme.on_gate}"'
    )


def _wire(unit: Unit, is_root: bool, theme: Theme) -> str:
    """Return the four lines, the wire between the second and the third, and the pill of a leaf or root beside them."""
    is_leaf = not unit.gate
    above = html(unit.arithmetic)
    if unit.has_name_above and not is_root:
        above = f"{html(' '.join(unit.label.split()))} = {above}"
    rows = [
        f'<TD CELLPADDING="0" WIDTH="58" HEIGHT="15">{_small(above, theme)}</TD>',
        f'<TD SIDES="B" BORDER="1" COLOR="{theme.wire}" CELLPADDING="1" HEIGHT="21"{_tint(unit.value, theme)}>'
        f"{_bold(unit.value, theme.value)}</TD>",
        f'<TD CELLPADDING="1" HEIGHT="22" VALIGN="BOTTOM"{_tint(unit.gradient, theme)}>'
        f"{_bold(unit.gradient, theme.gradient)}</TD>",
        f'<TD CELLPADDING="0" HEIGHT="14">{_small(html(unit.chain_rule), theme)}</TD>',
    ]
    if is_leaf or is_root:
        fill = theme.leaves[unit.role] if is_leaf else theme.background
        unnamed = '<FONT POINT-SIZE="12">root</FONT>' if is_root else " "
        pill = (
            f'<TD ROWSPAN="2" BGCOLOR="{fill}" STYLE="ROUNDED" BORDER="{2 if is_root else 1}" '
            f'COLOR="{theme.wire}" WIDTH="38" CELLPADDING="4">'
            f'<FONT POINT-SIZE="16">{_name(unit.label) if unit.label else unnamed}</FONT></TD>'
        )
        beside = ['<TD CELLPADDING="0"></TD>', pill, "", '<TD CELLPADDING="0"></TD>']
        rows = [b + row if is_leaf else row + b for b, row in zip(beside, rows, strict=True)]
    table = "".join(f"<TR>{row}</TR>" for row in rows)
    return f'tooltip="{tooltip(said(unit))}", label=<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0">{table}</TABLE>>'


def _name(label: str) -> str:
    """Return a label in italics, trailing digits as a subscript."""
    head, digits = subscripted(label)
    below = f'<SUB><FONT POINT-SIZE="11">{digits}</FONT></SUB>' if digits else ""
    return f"<I>{html(head)}{below}</I>"


def _small(text: str, theme: Theme) -> str:
    return f'<FONT POINT-SIZE="9.5" COLOR="{theme.wire}">{text or " "}</FONT>'


def _bold(text: str, colour: str) -> str:
    return f'<FONT COLOR="{colour}"><B>{text or " "}</B></FONT>'


def _tint(number: str, theme: Theme) -> str:
    return f' BGCOLOR="{theme.warning}"' if is_alarming(number) else ""
