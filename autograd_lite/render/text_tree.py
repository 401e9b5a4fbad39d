"""The text picture: a tree from the root down, one line per value, on any terminal."""

from __future__ import annotations

from collections import Counter, deque

from autograd_lite.notation import can_encode, printable, spelled
from autograd_lite.render.scene import Scene, Unit, nearest, said_of_fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Row: TypeAlias = list[str]

DEEPEST = 12  # levels of indentation; what lies deeper is continued below the tree


def text_tree(scene: Scene, encoding: str | None = None, lines: int | None = None) -> str:
    """Return the scene as text, in ASCII where `encoding` cannot take the signs.

    Args:
        scene: what to show.
        encoding: that of the stream the text is for; None for one that takes everything.
        lines: how many operands to show at most, those nearest to the root; None for all.
    """
    wires = sum(len(unit.operands) for unit in scene.units)
    shown = nearest(scene.root, lambda unit: unit.operands, wires if lines is None else lines)
    rows = [["", "value", "gradient", "local × upstream"], *_rows(scene.root, shown)]
    folded = said_of_fold(shown, scene.whole)
    text = _aligned(rows, scene.has_gradients)
    if encoding is not None and not can_encode(text, encoding):
        text = _aligned([[spelled(cell, encoding) for cell in row] for row in rows], scene.has_gradients)
    return f"{text}\n{folded}" if folded else text


def _rows(root: Unit, shown: dict[Unit, tuple[list[Unit], int]]) -> list[Row]:
    """Walk the tree without recursion; a unit met again is referred to, not printed again."""
    names = _Names(shown)
    rows: list[Row] = []
    printed: set[Unit] = set()
    trees = deque([root])
    while trees:
        top = trees.popleft()
        stack: list[tuple[Unit | int, str, str]] = [] if top in printed else [(top, "", "")]
        while stack:
            unit, stem, branch = stack.pop()
            if isinstance(unit, int):
                rows.append([f"{stem}{branch}… {unit:,} more", "", "", ""])
                continue
            operands, hidden = shown[unit]
            hidden += unit.hidden
            is_repeated = unit in printed
            is_continued = len(stem) >= 3 * DEEPEST and bool(operands) and not is_repeated
            if is_repeated or is_continued:
                where = "above" if is_repeated else "below"
                rows.append([f"{stem}{branch}{names.of(unit)} ({where})", unit.value, unit.gradient, ""])
                if is_continued:
                    trees.append(unit)
                continue
            printed.add(unit)
            rows.append([f"{stem}{branch}{names.introduce(unit)}", unit.value, unit.gradient, unit.chain_rule])
            stem += {"": "", "├─ ": "│  ", "└─ ": "   "}[branch]
            below: list[Unit | int] = [*operands, *([hidden] if hidden else [])]
            branches = ["├─ "] * (len(below) - 1) + ["└─ "]
            stack += reversed([(operand, stem, branch) for operand, branch in zip(below, branches, strict=False)])
    return rows


class _Names:
    """What units are called in a tree: by their label, by a number where that does not tell them apart."""

    def __init__(self, shown: dict[Unit, tuple[list[Unit], int]]) -> None:
        self.users = Counter(operand for operands, _ in shown.values() for operand in operands)
        self.labels = Counter(unit.label for unit in shown)
        self.numbers: dict[Unit, int] = {}

    def of(self, unit: Unit) -> str:
        if unit.label and self.labels[unit.label] == 1:
            return printable(unit.label)
        number = self.numbers.setdefault(unit, len(self.numbers) + 1)
        return f"{printable(unit.label)} #{number}".lstrip()

    def introduce(self, unit: Unit) -> str:
        is_referred_to = unit in self.numbers or self.users[unit] > 1
        name = self.of(unit) if is_referred_to else printable(unit.label)
        made = unit.gate or ("" if unit.label else unit.role or "leaf")
        if unit.scope:
            made = "" if made == unit.label else printable(made)
        return f"{name} = {made}" if name and made else name or made


def _aligned(rows: list[Row], has_gradients: bool) -> str:
    count = 4 if has_gradients else 2
    widths = [max(_columns(row[k]) for row in rows) for k in range(count)]
    lines = []
    for name, *rest in rows:
        cells = [name + " " * (widths[0] - _columns(name))]
        cells += [" " * (width - _columns(cell)) + cell for cell, width in zip(rest[:2], widths[1:3], strict=False)]
        lines.append("  ".join(cells + rest[2:] * has_gradients).rstrip())
    return "\n".join(lines)


def _columns(text: str) -> int:
    """Return how many columns of a terminal a text takes: two for wide signs, none for combining ones."""
    import unicodedata

    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
