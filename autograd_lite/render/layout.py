"""Where things stand: a layered layout in pure Python, the same on every machine.

Columns by the longest path to the root (so a leaf stands next to its first user), a lane
through every column that a long wire passes, barycentre sweeps against crossings, and
isotonic regression for the heights. After K. Sugiyama, S. Tagawa, M. Toda, Methods for Visual
Understanding of Hierarchical System Structures, IEEE Trans. SMC 11(2), 1981.

What is in a frame is arranged first, by itself; the frame is then one box of what is around
it, with a port for every value whose wire passes its border.
"""

from __future__ import annotations

from bisect import bisect, insort
from math import fsum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    Columns: TypeAlias = "list[list[Box]]"
    Links: TypeAlias = "list[tuple[Box, Box]]"  # (tail, head): boxes, or ports of frames
    Ends: TypeAlias = "dict[Box, Links]"  # by box: (its own end of a wire, the other end)

MARGIN = 16.0
INSET, HEADING = 10.0, 28.0  # of a frame: beside and below its content, and above it
APART = 10.0  # between what stands above each other
GAP, BORDER = 36.0, 24.0  # between columns, and beside the border of a frame; wider where wires are steep
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

    __slots__ = (
        "above", "column", "down", "flush", "frame", "item", "operands", "place", "right", "up", "width", "x", "y"
    )  # fmt: skip

    def __init__(
        self,
        width: float,
        up: float,
        down: float,
        operands: Sequence[Box] = (),
        *,
        flush: bool = False,
        frame: Frame | None = None,
    ) -> None:
        self.width = width
        self.up = up
        self.down = down
        self.operands = list(operands)
        self.flush = flush
        self.frame = frame
        self.column = self.place = 0
        self.x = self.y = self.right = 0.0
        self.item = self  # what is arranged in its stead: for a port, once its frame is, the frame
        self.above = 0.0  # how far above the wire of that it is

    @property
    def height(self) -> float:
        return self.item.y - self.above

    @property
    def rank(self) -> float:
        """The place in its column; ports of the same frame by their heights."""
        return self.item.place - 1e-6 * self.above


class Frame(Box):
    """A box around others, and around frames; `width` is that of its title until it is arranged."""

    __slots__ = ("boxes", "entries", "exits", "lanes", "links", "title")

    def __init__(self, width: float, frame: Frame | None = None, title: str = "") -> None:
        super().__init__(width, 0.0, 0.0, frame=frame)
        self.title = title
        self.boxes: list[Box] = []
        self.links: Links = []
        self.entries: dict[Box, Box] = {}  # the ports, by the box whose wire they let through
        self.exits: dict[Box, Box] = {}
        self.lanes: list[Box] = []

    @property
    def ports(self) -> set[Box]:
        return {*self.entries.values(), *self.exits.values()}

    @property
    def path(self) -> list[Frame]:
        """The frames around it, the outermost first, and itself."""
        found = [self]
        while found[-1].frame is not None:
            found.append(found[-1].frame)
        return found[::-1]


class Wire:
    """One stretch of a wire, from the end of one column to the start of the next.

    The head is a lane or a port (`ends` is False), or the user. Lanes are shared by all users.
    """

    __slots__ = ("ends", "head", "tail")

    def __init__(self, tail: Box, head: Box, ends: bool) -> None:
        self.tail = tail
        self.head = head
        self.ends = ends


class Arrangement:
    """The result: boxes know their places; `lanes` are boxes of the column's width, without content."""

    __slots__ = ("frames", "height", "lanes", "width", "wires")

    def __init__(self, width: float, height: float, lanes: list[Box], wires: list[Wire], frames: list[Frame]) -> None:
        self.width = width
        self.height = height
        self.lanes = lanes
        self.wires = wires
        self.frames = frames


def arrange(boxes: Sequence[Box]) -> Arrangement:
    """Give every box its place. Boxes come in topological order, the root last.

    No path may leave a frame and come back to it.

    >>> x = Box(30, 20, 20)
    >>> f = Box(50, 20, 20, [x, x])
    >>> picture = arrange([x, f])
    >>> (x.x, x.y), (f.x, f.y), (picture.width, picture.height)
    ((16.0, 36.0), (82.0, 36.0), (148.0, 72.0))
    """
    page = Frame(0.0)
    frames = _fill(page, boxes)
    wires: list[Wire] = []
    for frame in reversed(frames):
        wires += _arrange(frame, INSET, HEADING)
    wires += _arrange(page, MARGIN, MARGIN)
    lanes = list(page.lanes)
    for frame in frames:  # the outer ones first: they know their place
        for box in (*frame.boxes, *frame.lanes, *frame.ports):
            box.x += frame.x
            box.right += frame.x
            box.y += frame.y - frame.up
        for port in frame.exits.values():
            port.right = frame.right
        lanes += [*frame.lanes, *frame.exits.values()]
    return Arrangement(page.width, page.up + page.down, lanes, wires, frames)


def count_shared(one: Sequence[object], other: Sequence[object]) -> int:
    """Return how many of the frames around two things are around both; two paths part once and for all."""
    return sum(a is b for a, b in zip(one, other, strict=False))


def _fill(page: Frame, boxes: Sequence[Box]) -> list[Frame]:
    """Put boxes, frames and wires where they belong, and return the frames, the outer ones first."""
    paths: dict[Frame | None, list[Frame]] = {None: [page]}
    for box in boxes:
        if box.frame not in paths:
            around = box.frame.path if box.frame else []
            for frame, inner in zip([page, *around], around, strict=False):
                if inner not in paths:
                    paths[inner] = [*paths[None if frame is page else frame], inner]
                    frame.boxes.append(inner)
        paths[box.frame][-1].boxes.append(box)
    for box in boxes:
        for operand in box.operands:
            end = operand
            outward, inward = paths[operand.frame], paths[box.frame]
            shared = count_shared(outward, inward)
            for frame in reversed(outward[shared:]):
                if operand not in frame.exits:
                    frame.exits[operand] = _port()
                    frame.links.append((end, frame.exits[operand]))
                end = frame.exits[operand]
            for outer, frame in zip(inward[shared - 1 :], inward[shared:], strict=False):
                if operand not in frame.entries:
                    frame.entries[operand] = _port()
                    outer.links.append((end, frame.entries[operand]))
                end = frame.entries[operand]
            inward[-1].links.append((end, box))
    del paths[None]
    return sorted((frame for frame in paths if frame), key=lambda frame: len(paths[frame]))


def _port() -> Box:
    return Box(0.0, 3.0, 3.0)


def _arrange(frame: Frame, inset: float, heading: float) -> list[Wire]:
    """Give what is in a frame its place inside, and the frame its size; return the wires."""
    columns = _ranked(frame)
    wires = _lay_wires(frame, columns)
    tails: Ends = {box: [] for column in columns for box in column}
    heads: Ends = {box: [] for box in tails}
    for wire in wires:
        tail, head = wire.tail.item, wire.head.item
        if head.column == tail.column + 1:
            tails[head].append((wire.head, wire.tail))
            heads[tail].append((wire.tail, wire.head))
    _untangle(columns, tails, heads)
    _set_heights(columns, tails, heads)
    top = min(box.y - box.up for box in tails)
    for box in tails:
        box.y += heading - top
    height = max(box.y + box.down for box in tails) + inset
    _set_widths(frame, columns, heads, inset)
    frame.up = _mean([port.y for port in frame.exits.values()], height / 2)
    frame.down = height - frame.up
    for port in frame.ports:
        port.item, port.above = frame, frame.up - port.y
    return wires


def _ranked(frame: Frame) -> Columns:
    """Return the columns of a frame: each box as far to the right as its users let it, ports at the borders."""
    entries, exits = list(frame.entries.values()), list(frame.exits.values())
    distance = {**dict.fromkeys(exits, 0), **dict.fromkeys(frame.boxes, int(bool(exits))), **dict.fromkeys(entries, 0)}
    operands: dict[Box, list[Box]] = {box: [] for box in distance}
    waiting = dict.fromkeys(distance, 0)
    for tail, head in frame.links:
        operands[head.item].append(tail.item)
        waiting[tail.item] += 1
    ready = [box for box in distance if not waiting[box]]
    for box in ready:  # grows as it goes
        for operand in operands[box]:
            distance[operand] = max(distance[operand], distance[box] + 1)
            waiting[operand] -= 1
            if not waiting[operand]:
                ready.append(operand)
    assert len(ready) == len(distance), "a path leaves a frame and comes back"
    farthest = max(distance[box] for box in frame.boxes) + bool(entries)
    distance |= dict.fromkeys(entries, farthest)
    columns: Columns = [[] for _ in range(farthest + 1)]
    for place, box in enumerate([*entries, *frame.boxes, *exits]):
        box.place = place
        box.column = farthest - distance[box]
        columns[box.column].append(box)
    return columns


def _lay_wires(frame: Frame, columns: Columns) -> list[Wire]:
    """Cut wires at the columns they pass, and put lanes there."""
    last: dict[Box, int] = {}  # the column of its last user
    for tail, head in frame.links:
        last[tail] = max(last.get(tail, 0), head.item.column)
    room = MOST_LANES
    wires: list[Wire] = []
    stations: dict[Box, list[Box]] = {}
    for tail in sorted(last, key=lambda tail: last[tail] - tail.item.column):  # short ones first: room may end
        stations[tail] = [tail]
        start = tail.item.column + 1
        room -= last[tail] - start
        for column in range(start, last[tail] if room >= 0 else start):
            lane = _port()
            lane.column, lane.place = column, tail.item.place
            wires.append(Wire(stations[tail][-1], lane, ends=False))
            stations[tail].append(lane)
            columns[column].append(lane)
            frame.lanes.append(lane)
    ports = frame.ports
    for tail, head in frame.links:
        passed = stations[tail]
        is_user = head.item is head and head not in ports  # no port of this frame, nor of one in it
        wires.append(Wire(passed[min(head.item.column - tail.item.column, len(passed)) - 1], head, is_user))
    return wires


def _untangle(columns: Columns, tails: Ends, heads: Ends) -> None:
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
        ends = heads if is_leftward else tails
        for column in reversed(columns) if is_leftward else columns:
            column.sort(key=lambda box: _mean([other.rank for _, other in ends[box]], float(box.place)))
            for place, box in enumerate(column):
                box.place = place
        crossings = _crossings(columns, heads)
        if crossings < fewest:
            fewest, best = crossings, [list(column) for column in columns]
    for column, ordered in zip(columns, best, strict=True):
        column[:] = ordered
        for place, box in enumerate(column):
            box.place = place


def _crossings(columns: Columns, heads: Ends) -> int:
    crossings = 0
    for column in columns:
        passed: list[float] = []
        for box in column:
            wires = sorted((tail.rank, head.rank) for tail, head in heads[box])
            crossings += sum(len(passed) - bisect(passed, head) for _, head in wires)
            for _, head in wires:
                insort(passed, head)
    return crossings


def _set_heights(columns: Columns, tails: Ends, heads: Ends) -> None:
    """Let each box come close to what it is wired to, from the right, from the left, in turn."""
    for column in columns:
        _stack(column, [0.0] * len(column))
    for ends, order in [(heads, columns[::-1]), (tails, columns)] * 4:
        for column in order:
            _stack(column, [_mean([other.height + own.above for own, other in ends[box]], box.y) for box in column])


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


def _set_widths(frame: Frame, columns: Columns, heads: Ends, inset: float) -> None:
    """Set x of every box, and the width of the frame; a gap is wider where its wires are steep."""
    left = 0.0 if frame.entries else inset
    for k, column in enumerate(columns):
        width = max(box.width for box in column)
        longest = max((box.width for box in column if box.flush), default=0.0)
        for box in column:
            own = longest if box.width > longest - ALIGNED else box.width
            box.x = left + (width - own if box.flush else 0.0)
            box.right = left + width
        if k < len(columns) - 1:
            climb = max((abs(head.height - tail.height) for box in column for tail, head in heads[box]), default=0.0)
            is_beside_border = (frame.entries and not k) or (frame.exits and k == len(columns) - 2)
            gap = BORDER if is_beside_border else GAP
            left += width + min(gap + max(0.0, climb - 60.0) * STEEPNESS, WIDEST_GAP)
    ends = max(box.right for box in columns[-1]) + (0.0 if frame.exits else inset)
    frame.width = max(frame.width + 2 * inset, ends)
    for port in frame.exits.values():
        port.x = port.right = frame.width


def _mean(numbers: list[float], default: float) -> float:
    return fsum(numbers) / len(numbers) if numbers else default  # fsum: the same bits in every Python
