"""Where things stand: a layered layout in pure Python, the same on every machine.

Columns by the longest path to the root (so a leaf stands next to its first user), a lane
through every column that a long wire passes, barycentre sweeps against crossings, and
isotonic regression for the heights. After K. Sugiyama, S. Tagawa, M. Toda, Methods for Visual
Understanding of Hierarchical System Structures, IEEE Trans. SMC 11(2), 1981.
"""

from __future__ import annotations

from bisect import bisect, insort
from math import fsum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    Columns: TypeAlias = "list[list[Box]]"

MARGIN = 16.0
APART = 10.0  # between what stands above each other
GAP = 36.0  # between columns; wider where wires are steep
STEEPNESS, WIDEST_GAP = 0.16, 150.0
ALIGNED = 30.0  # flush boxes whose lengths differ by less start at the same place
SWEEPS = 12
MOST_LANES = 20_000  # beyond, the longest wires get no lane of their own
TRIED = 3000  # boxes and lanes; beyond, one sweep against crossings has to do


class Box:
    """What takes up room: `width`, and `up` and `down` from the wire it stands on.

    `arrange` sets the place: `x` is its left edge, `y` the height of its wire, `right` where the
    wire leaves the column. A `flush` box stands at the right end of its column.
    """

    __slots__ = ("column", "down", "flush", "operands", "place", "right", "up", "width", "x", "y")

    def __init__(
        self, width: float, up: float, down: float, operands: Sequence[Box] = (), *, flush: bool = False
    ) -> None:
        self.width = width
        self.up = up
        self.down = down
        self.operands = list(operands)
        self.flush = flush
        self.column = self.place = 0
        self.x = self.y = self.right = 0.0


class Wire:
    """One stretch of a wire, from the end of one column to the start of the next.

    The head is a lane (`ends` is False) or the user. Lanes are shared by all users of a value.
    """

    __slots__ = ("ends", "head", "tail")

    def __init__(self, tail: Box, head: Box, ends: bool) -> None:
        self.tail = tail
        self.head = head
        self.ends = ends


class Arrangement:
    """The result: boxes know their places; `lanes` are boxes of the column's width, without content."""

    __slots__ = ("height", "lanes", "width", "wires")

    def __init__(self, width: float, height: float, lanes: list[Box], wires: list[Wire]) -> None:
        self.width = width
        self.height = height
        self.lanes = lanes
        self.wires = wires


def arrange(boxes: Sequence[Box]) -> Arrangement:
    """Give every box its place. Boxes come in topological order, the root last.

    >>> x = Box(30, 20, 20)
    >>> f = Box(50, 20, 20, [x, x])
    >>> picture = arrange([x, f])
    >>> (x.x, x.y), (f.x, f.y), (picture.width, picture.height)
    ((16.0, 36.0), (82.0, 36.0), (148.0, 72.0))
    """
    _rank(boxes)
    columns: Columns = [[] for _ in range(boxes[-1].column + 1)]
    for place, box in enumerate(boxes):
        box.place = place
        columns[box.column].append(box)
    lanes, wires = _lay_wires(boxes, columns)
    tails: dict[Box, list[Box]] = {box: [] for column in columns for box in column}
    heads: dict[Box, list[Box]] = {box: [] for box in tails}
    for wire in wires:
        if wire.head.column == wire.tail.column + 1:
            tails[wire.head].append(wire.tail)
            heads[wire.tail].append(wire.head)
    _untangle(columns, tails, heads)
    _set_heights(columns, tails, heads)
    top = min(box.y - box.up for box in tails)
    for box in tails:
        box.y += MARGIN - top
    height = max(box.y + box.down for box in tails) + MARGIN
    width = _set_widths(columns, heads)
    return Arrangement(width, height, lanes, wires)


def _rank(boxes: Sequence[Box]) -> None:
    """Set the column of each box: as far to the right as its users let it."""
    distance = dict.fromkeys(boxes, 0)
    for box in reversed(boxes):
        for operand in box.operands:
            distance[operand] = max(distance[operand], distance[box] + 1)
    farthest = max(distance.values())
    for box in boxes:
        box.column = farthest - distance[box]


def _lay_wires(boxes: Sequence[Box], columns: Columns) -> tuple[list[Box], list[Wire]]:
    """Cut wires at the columns they pass, and put lanes there."""
    last = {box: box.column for box in boxes}  # the column of its last user
    for box in boxes:
        for operand in box.operands:
            last[operand] = max(last[operand], box.column)
    room = MOST_LANES
    lanes: list[Box] = []
    wires: list[Wire] = []
    stations: dict[Box, list[Box]] = {}
    for box in sorted(boxes, key=lambda box: last[box] - box.column):  # short ones first: room may end
        stations[box] = [box]
        length = max(0, last[box] - box.column - 1)
        room -= length
        for column in range(box.column + 1, box.column + 1 + length if room >= 0 else 0):
            lane = Box(0.0, 3.0, 3.0)
            lane.column, lane.place = column, box.place
            wires.append(Wire(stations[box][-1], lane, ends=False))
            stations[box].append(lane)
            columns[column].append(lane)
            lanes.append(lane)
    for box in boxes:
        for operand in box.operands:
            passed = stations[operand]
            wires.append(Wire(passed[min(box.column - operand.column, len(passed)) - 1], box, ends=True))
    return lanes, wires


def _untangle(columns: Columns, tails: dict[Box, list[Box]], heads: dict[Box, list[Box]]) -> None:
    """Order each column so that few wires cross; the order that operands came in is kept where it is as good."""
    for column in columns:
        column.sort(key=lambda box: box.place)
        for place, box in enumerate(column):
            box.place = place
    fewest, best = _crossings(columns, heads), [list(column) for column in columns]
    for sweep in range(SWEEPS if len(tails) <= TRIED else 1):
        if not fewest:
            break
        is_leftward = sweep % 2 == 0
        neighbours = heads if is_leftward else tails
        for column in reversed(columns) if is_leftward else columns:
            column.sort(key=lambda box: _mean([float(near.place) for near in neighbours[box]], float(box.place)))
            for place, box in enumerate(column):
                box.place = place
        crossings = _crossings(columns, heads)
        if crossings < fewest:
            fewest, best = crossings, [list(column) for column in columns]
    for column, ordered in zip(columns, best, strict=True):
        column[:] = ordered


def _crossings(columns: Columns, heads: dict[Box, list[Box]]) -> int:
    crossings = 0
    for column in columns:
        passed: list[int] = []
        for box in column:
            places = sorted(head.place for head in heads[box])
            crossings += sum(len(passed) - bisect(passed, place) for place in places)
            for place in places:
                insort(passed, place)
    return crossings


def _set_heights(columns: Columns, tails: dict[Box, list[Box]], heads: dict[Box, list[Box]]) -> None:
    """Let each box come close to what it is wired to, from the right, from the left, in turn."""
    for column in columns:
        _stack(column, [0.0] * len(column))
    for neighbours, order in [(heads, columns[::-1]), (tails, columns)] * 4:
        for column in order:
            _stack(column, [_mean([near.y for near in neighbours[box]], box.y) for box in column])


def _stack(column: list[Box], wanted: list[float]) -> None:
    """Set the heights of a column, in its order, without overlap, least squares from the wanted ones.

    Isotonic regression by pooling: what would overlap is merged into a block, which stands
    at the mean of what its members want.
    """
    offsets: list[float] = []
    blocks: list[tuple[float, int]] = []  # (mean, members)
    offset = 0.0
    for k, box in enumerate(column):
        offset += (column[k - 1].down + APART + box.up) if k else 0.0
        offsets.append(offset)
        mean, members = wanted[k] - offset, 1
        while blocks and blocks[-1][0] >= mean:
            other, count = blocks.pop()
            mean = (mean * members + other * count) / (members + count)
            members += count
        blocks.append((mean, members))
    means = [mean for mean, members in blocks for _ in range(members)]
    for box, mean, offset in zip(column, means, offsets, strict=True):
        box.y = mean + offset


def _set_widths(columns: Columns, heads: dict[Box, list[Box]]) -> float:
    """Set x of every box, and return the width of all; a gap is wider where its wires are steep."""
    left = MARGIN
    for column in columns:
        width = max(box.width for box in column)
        longest = max((box.width for box in column if box.flush), default=0.0)
        for box in column:
            own = longest if box.width > longest - ALIGNED else box.width
            box.x = left + (width - own if box.flush else 0.0)
            box.right = left + width
        climb = max((abs(head.y - box.y) for box in column for head in heads[box]), default=0.0)
        left += width + min(GAP + max(0.0, climb - 60.0) * STEEPNESS, WIDEST_GAP)
    return max(box.right for box in columns[-1]) + MARGIN


def _mean(numbers: list[float], default: float) -> float:
    return fsum(numbers) / len(numbers) if numbers else default  # fsum: the same bits in every Python
