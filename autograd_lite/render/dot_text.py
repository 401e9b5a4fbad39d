"""The picture as DOT, the language of Graphviz: wires with four lines, gates between them.

User text appears in two places that escape differently: in HTML-like labels and in quoted
tooltips. The same scene gives the same text in every process.
"""

from __future__ import annotations

from autograd_lite.render import palette
from autograd_lite.render.scene import Scene, Unit

HEAD = f"""digraph {{
  graph [rankdir=LR, ordering=in, bgcolor="{palette.BACKGROUND}", pad=0.3, nodesep=0.12, ranksep=0.16]
  node [fontname="Arial", fontsize=14, fontcolor="{palette.INK}", shape=plain]
  edge [fontname="Arial", color="{palette.WIRE}", penwidth=1, arrowsize=0.6]
"""
CROWDED = 400  # wires; beyond, dot is told to search less: 1.7 s instead of 14 for 2,000 tangled ones
HURRY = "  graph [nslimit=0.5, nslimit1=1, mclimit=0.1]\n"
ROUND_GATE = 4  # signs that fit a circle; longer ones get a box with round corners


def dot_text(scene: Scene) -> str:
    """Return the DOT text of a scene."""
    numbers = {unit: number for number, unit in enumerate(scene.units, 1)}
    lines = [HEAD]
    if sum(len(unit.operands) for unit in scene.units) > CROWDED:
        lines.append(HURRY)
    if scene.folded:
        lines.append(f'  graph [label="{quoted(scene.folded)}", fontname="Arial", fontcolor="{palette.WIRE}"]\n')
    for unit, number in numbers.items():
        if unit.gate:
            lines.append(f"  g{number} [{_gate(unit)}]\n")
        lines.append(f"  v{number} [{_wire(unit, unit is scene.root)}]\n")
        if unit.hidden:
            lines.append(f'  m{number} [label="… {unit.hidden:,} more", fontcolor="{palette.WIRE}"]\n')
    for unit, number in numbers.items():
        if unit.gate:
            lines.append(f"  g{number} -> v{number}:w [arrowhead=none, weight=8]\n")
        if unit.hidden:
            lines.append(f"  m{number}:e -> g{number} [style=dashed]\n")
        for operand in unit.operands:
            lines.append(f"  v{numbers[operand]}:e -> g{number}\n")
    return "".join([*lines, "}\n"])


def html(text: str) -> str:
    """Return user text for an HTML-like label; `dot` expands \\N and the like even there.

    >>> print(html('a<b>\\n"&\\\\N'))
    a&lt;b&gt;<BR/>&quot;&amp;&#92;&#92;N
    """
    return _entities(text).replace('"', "&quot;").replace("\\", "&#92;&#92;").replace("\n", "<BR/>")


def quoted(text: str) -> str:
    """Return user text for the inside of a quoted string.

    >>> print(quoted('\\\\N "&"'))
    \\\\N \\"&amp;\\"
    """
    return _entities(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def tooltip(text: str) -> str:
    """Return user text for a tooltip, in which `dot` expands backslashes twice.

    >>> print(tooltip('\\\\N'))
    \\\\\\\\N
    """
    return quoted(text.replace("\\", "\\\\"))


def _entities(text: str) -> str:
    return _storable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _storable(text: str) -> str:
    """Return the text with line ends as \\n, tabs as spaces, and what XML cannot hold as escapes."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ")
    return "".join(c if _is_storable(c) else ascii(c)[1:-1] for c in text)


def _is_storable(c: str) -> bool:
    return " " <= c <= "~" or "\xa0" <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff" or c == "\n"


def _gate(unit: Unit) -> str:
    is_round = len(unit.gate) <= ROUND_GATE
    circle, box = "shape=circle, fixedsize=true, width=0.52, style=filled", 'shape=box, style="rounded,filled"'
    size = {1: 18, 4: 11}.get(len(unit.gate), 12)
    return (
        f'label="{quoted(unit.gate)}", tooltip="{tooltip(unit.gate)}", {circle if is_round else box}, fontsize={size}, '
        f'fillcolor="{palette.GATE}", color="{palette.GATE}", fontcolor="{palette.ON_GATE}"'
    )


def _wire(unit: Unit, is_root: bool) -> str:
    """Return the four lines, the wire between the second and the third, and the pill of a leaf or root beside them."""
    is_leaf = not unit.gate
    above = html(unit.arithmetic)
    if unit.label and not is_leaf and not is_root:
        above = f"{_name(unit.label)} = {above}"
    rows = [
        f'<TD CELLPADDING="0" WIDTH="58" HEIGHT="15">{_small(above)}</TD>',
        f'<TD SIDES="B" BORDER="1" COLOR="{palette.WIRE}" CELLPADDING="1" HEIGHT="21"{_tint(unit.value)}>'
        f"{_bold(unit.value, palette.VALUE)}</TD>",
        f'<TD CELLPADDING="1" HEIGHT="22" VALIGN="BOTTOM"{_tint(unit.gradient)}>'
        f"{_bold(unit.gradient, palette.GRADIENT)}</TD>",
        f'<TD CELLPADDING="0" HEIGHT="14">{_small(html(unit.chain_rule))}</TD>',
    ]
    if is_leaf or is_root:
        fill = palette.LEAVES[unit.role] if is_leaf else palette.BACKGROUND
        unnamed = '<FONT POINT-SIZE="12">root</FONT>' if is_root else " "
        pill = (
            f'<TD ROWSPAN="2" BGCOLOR="{fill}" STYLE="ROUNDED" BORDER="{2 if is_root else 1}" '
            f'COLOR="{palette.WIRE}" WIDTH="38" CELLPADDING="4">'
            f'<FONT POINT-SIZE="16">{_name(unit.label) if unit.label else unnamed}</FONT></TD>'
        )
        beside = ['<TD CELLPADDING="0"></TD>', pill, "", '<TD CELLPADDING="0"></TD>']
        rows = [b + row if is_leaf else row + b for b, row in zip(beside, rows, strict=True)]
    table = "".join(f"<TR>{row}</TR>" for row in rows)
    return f'tooltip="{tooltip(_said(unit))}", label=<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0">{table}</TABLE>>'


def _said(unit: Unit) -> str:
    name = unit.label or (f"result of {unit.gate}" if unit.gate else unit.role or "leaf")
    gradient = f", gradient {unit.gradient} = {unit.chain_rule}" if unit.gradient else ""
    return f"{name}: value {unit.value}{gradient}"


def _name(label: str) -> str:
    """Return a label in italics, trailing digits as a subscript."""
    head = label.rstrip("0123456789")
    if not head or head == label or head[-1] in ".,-−+":
        return f"<I>{html(label)}</I>"
    return f'<I>{html(head)}<SUB><FONT POINT-SIZE="11">{label[len(head) :]}</FONT></SUB></I>'


def _small(text: str) -> str:
    return f'<FONT POINT-SIZE="9.5" COLOR="{palette.WIRE}">{text or " "}</FONT>'


def _bold(text: str, colour: str) -> str:
    return f'<FONT COLOR="{colour}"><B>{text or " "}</B></FONT>'


def _tint(number: str) -> str:
    return f' BGCOLOR="{palette.WARNING}"' if number.lstrip("−") in ("nan", "inf") else ""
