"""The picture as SVG, written without any help: the same bytes on every machine.

One group per value: the gate, the wire with its four lines, the pill of a leaf or root. The
colours are in a style block under the class of the theme, so that pictures of several themes
can stand on one page.

For scripts, values are numbered from 1 in topological order: the group of one has
`data-value`, a wire `data-from`, and where it ends `data-to` as well (its arrow too). Inside a
group, the four lines have the classes arithmetic, value, gradient and chain.
"""

from __future__ import annotations

from math import fsum, sqrt

from autograd_lite.render.layout import Box, Frame, Wire, arrange
from autograd_lite.render.wording import (
    alt_text,
    entities,
    is_alarming,
    legend_of,
    said,
    storable,
    subscripted,
    title_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from autograd_lite.modes import Scope
    from autograd_lite.render.palette import Theme
    from autograd_lite.render.scene import Scene, Unit

RADIUS = 19.0  # of a gate
ROUND_GATE = 4  # signs that fit a circle
PILL = 21.0  # half of its height with one line
LINE = 18.0  # from line to line of a name
HEADLINE, FOOTLINE, EDGE = 44.0, 38.0, 16.0  # the rooms of title and legend, and beside them
SIZES = {"gate": 18.0, "long": 11.5, "number": 14.0, "arithmetic": 9.5, "name": 16.0, "heading": 12.0, "title": 20.0}
NARROW = {"il'|": 0.23, " !,./:;I[]\\ft": 0.29, "()-r`{}": 0.34, '"*°²³¹': 0.38}
WIDE = {"mMW%@": 0.89, "ACDGHKNOPQRUVXYwBES&": 0.72}
WIDTHS = {c: width for table in (NARROW, WIDE) for signs, width in table.items() for c in signs}
"""Of Arial and Helvetica, in parts of the size; 0.585 for what is not listed, digits among it."""


def svg_text(scene: Scene, theme: Theme) -> str:
    """Return the SVG of a scene."""
    shapes: dict[Unit, Shape] = {}
    boxes: list[Box] = []
    more: list[tuple[Box, Unit]] = []
    frames: dict[Scope, Frame] = {}
    for unit in scene.units:
        shape = Shape(unit, unit is scene.root)
        shape.box.frame = _frame(unit, frames)
        operands = [shapes[operand].box for operand in unit.operands]
        if unit.hidden:
            width = width_of(_more(unit), SIZES["number"]) + 8
            more.append((Box(width, 10.0, 10.0, flush=True, frame=shape.box.frame), unit))
            boxes.append(more[-1][0])
            operands.append(more[-1][0])
        shape.box.operands = operands
        shapes[unit] = shape
        boxes.append(shape.box)
    plan = arrange(boxes)
    top = HEADLINE if scene.title else 0.0
    width = max(plan.width, width_of(scene.title, SIZES["title"]) * 1.06 + 2 * EDGE if scene.title else 0.0)
    gates = {shape.box: shape for shape in shapes.values()}
    numbers = {box: number for number, box in enumerate(gates, 1)}
    parts = [*map(_frame_drawn, plan.frames), '<g class="wires">\n']
    parts += _wires(plan.lanes, plan.wires, gates, numbers)
    parts.append("</g>\n")
    for number, shape in enumerate(shapes.values(), 1):
        parts.append(f'<g class="unit" data-value="{number}">{shape.drawn()}</g>\n')
    for box, unit in more:
        parts.append(_text("number folded", box.x + box.width / 2 - 4, box.y + 5, entities(_more(unit))) + "\n")
    if top:
        headline = f'<text class="title" x="{_n(EDGE)}" y="{_n(top - 10)}">{entities(scene.title)}</text>\n'
        parts = [headline, f'<g transform="translate(0 {_n(top)})">\n', *parts, "</g>\n"]
    height = top + plan.height
    if scene.legend:
        drawn, needed = _legend(scene, height + 8)
        parts.append(drawn)
        width, height = max(width, needed), height + FOOTLINE
    if scene.folded:
        width = max(width, width_of(scene.folded, SIZES["number"]) + 2 * EDGE)
        height += 24
        parts.append(_text("number folded", width / 2, height - 14, entities(scene.folded)) + "\n")
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="autograd-{theme.name}" role="img" '
        f'width="{_n(width)}" height="{_n(height)}" viewBox="0 0 {_n(width)} {_n(height)}" '
        f'font-family="Arial, Helvetica, \'Liberation Sans\', sans-serif" text-anchor="middle">\n'
        f"<title>{entities(title_of(scene))}</title>\n<desc>{entities(alt_text(scene))}</desc>\n"
        f"<style>{style(theme)}</style>\n"
        f'<rect class="page" width="{_n(width)}" height="{_n(height)}"/>\n'
    )
    return "".join([head, *parts, "</svg>\n"])


def _frame(unit: Unit, frames: dict[Scope, Frame]) -> Frame | None:
    """Return the frame that a unit stands in, made where it is the first."""
    frame = None
    for scope in unit.path:
        if scope not in frames:
            title = " ".join(storable(scope.name).split())
            frames[scope] = Frame(width_of(title, SIZES["heading"]), frame, title)
        frame = frames[scope]
    return frame


def _frame_drawn(frame: Frame) -> str:
    x, y = frame.x, frame.y - frame.up
    level = (len(frame.path) - 1) % 2
    return (
        f'<rect class="frame level{level}" x="{_n(x)}" y="{_n(y)}" width="{_n(frame.width)}" '
        f'height="{_n(frame.up + frame.down)}" rx="10" ry="10"/>'
        f'<text class="heading" x="{_n(x + 10)}" y="{_n(y + 17)}">{entities(frame.title)}</text>\n'
    )


def _legend(scene: Scene, y: float) -> tuple[str, float]:
    """Return the legend, its top at y, and how wide it is."""
    parts = []
    x = EDGE
    for kind, sample, words in legend_of(scene):
        if kind in ("value", "gradient"):
            own = width_of(sample, SIZES["number"]) * 1.04
            parts.append(_text(f"number {kind}", x + own / 2, y + 14, sample))
        elif kind == "gate":
            own = 20.0
            parts.append(f'<circle class="gate" cx="{_n(x + 10)}" cy="{_n(y + 10)}" r="9"/>')
        else:
            own = 26.0
            parts.append(f'<rect class="pill {kind}" x="{_n(x)}" y="{_n(y)}" width="26" height="20" rx="7" ry="7"/>')
        parts.append(f'<text class="heading" x="{_n(x + own + 6)}" y="{_n(y + 14)}">{entities(words)}</text>\n')
        x += own + 6 + width_of(words, SIZES["heading"]) + 22
    return "".join(parts), x - 22 + EDGE


def style(theme: Theme) -> str:
    """Return the rules of a theme; they apply to nothing but its pictures."""
    rules = {
        ".page": f"fill:{theme.background}",
        "text": f"fill:{theme.ink}",
        ".wire": f"fill:none;stroke:{theme.wire}",
        ".arrow": f"fill:{theme.wire}",
        ".dashed": "stroke-dasharray:4 3",
        ".gate": f"fill:{theme.gate}",
        ".closed": f"fill:{theme.frames[0]};stroke:{theme.gate};stroke-width:1.5px",
        ".frame": f"stroke:{theme.border}",
        **{f".level{k}": f"fill:{colour}" for k, colour in enumerate(theme.frames)},
        "text.glyph": f"fill:{theme.on_gate};font-size:{_n(SIZES['gate'])}px",
        "text.inside": f"fill:{theme.ink};font-weight:bold",
        "text.heading": f"fill:{theme.wire};font-size:{_n(SIZES['heading'])}px;text-anchor:start",
        "text.title": f"font-size:{_n(SIZES['title'])}px;font-weight:bold;text-anchor:start",
        "text.long": f"font-size:{_n(SIZES['long'])}px",
        "text.number": f"font-size:{_n(SIZES['number'])}px;font-weight:bold",
        "text.value": f"fill:{theme.value}",
        "text.gradient": f"fill:{theme.gradient}",
        "text.small": f"fill:{theme.wire};font-size:{_n(SIZES['arithmetic'])}px",
        "text.folded": f"fill:{theme.wire};font-weight:normal",
        "text.name": f"font-size:{_n(SIZES['name'])}px;font-style:italic",
        "text.unnamed": "font-style:normal;font-size:12px",
        ".pill": f"stroke:{theme.wire}",
        ".root": "stroke-width:2.5px",
        ".alarm": f"fill:{theme.warning}",
        **{f".{role or 'leaf'}": f"fill:{colour}" for role, colour in theme.leaves.items()},
    }
    return "".join(f".autograd-{theme.name} {selector}{{{rule}}}" for selector, rule in rules.items())


def width_of(text: str, size: float) -> float:
    """Return about how wide a text is; somewhat more than in Arial, as other fonts are wider.

    >>> round(width_of("−0.1966", 14))
    53
    """
    widths = [WIDTHS.get(c, 0.585) for c in text]
    if not text.isascii():
        from unicodedata import category, east_asian_width

        for k, c in enumerate(text):
            if category(c) in ("Mn", "Me", "Cf"):
                widths[k] = 0.0
            elif east_asian_width(c) in "WF":
                widths[k] = 1.05
    return size * fsum(widths)  # fsum: the same bits in every Python


class Shape:
    """One value as it is drawn: how much room it takes, and its SVG once it has a place."""

    def __init__(self, unit: Unit, is_root: bool) -> None:
        self.unit = unit
        self.is_root = is_root
        self.above = storable(unit.arithmetic)
        if unit.has_name_above and not is_root:
            self.above = f"{' '.join(storable(unit.label).split())} = {self.above}"
        self.glyph = " ".join(storable(unit.gate).split()) or " " * bool(unit.gate)
        self.is_round = len(self.glyph) <= ROUND_GATE and not unit.scope
        self.gate = 0.0 if not unit.gate else 2 * RADIUS if self.is_round else width_of(self.glyph, 12) * 1.06 + 18
        small, number = SIZES["arithmetic"], SIZES["number"] * 1.04  # bold
        self.lines = 12 + max(
            40.0,
            width_of(self.above, small),
            width_of(unit.chain_rule, small),
            width_of(unit.value, number),
            width_of(unit.gradient, number),
        )
        self.names = storable(unit.label).split("\n") if is_root or not unit.gate else []
        self.pill = max(40.0, *(width_of(name, SIZES["name"]) + 20 for name in self.names)) if self.names else 0.0
        self.half = PILL + LINE / 2 * max(0, len(self.names) - 1)
        up = max(36.0 if unit.gate else 22.0, RADIUS * bool(unit.gate), self.half * bool(self.names))
        down = max(36.0 if unit.chain_rule else 20.0, self.half * bool(self.names))
        self.box = Box(self.gate + self.lines + self.pill, up, down, flush=not unit.gate)

    def drawn(self) -> str:
        unit, y = self.unit, self.box.y
        left = self.box.x + (self.gate or self.pill)
        middle = left + self.lines / 2
        parts = [f"<title>{entities(said(unit))}</title>"]
        for kind, number, base, top in (
            ("value", unit.value, y - 6, y - 20),
            ("gradient", unit.gradient, y + 16, y + 2),
        ):
            if is_alarming(number):
                half = width_of(number, SIZES["number"]) / 2 + 4
                extent = f'x="{_n(middle - half)}" y="{_n(top)}" width="{_n(2 * half)}" height="18"'
                parts.append(f'<rect class="alarm {kind}" {extent}/>')
            if number:
                parts.append(_text(f"number {kind}", middle, base, number))
        end = left + self.lines if self.is_root else self.box.right
        parts.insert(1, f'<path class="wire" d="M{_n(left)} {_n(y)}H{_n(end)}"/>')
        if self.above:
            parts.append(_text("small arithmetic", middle, y - 25, entities(self.above)))
        if unit.chain_rule:
            parts.append(_text("small chain", middle, y + 30, entities(unit.chain_rule)))
        if unit.gate:
            parts.append(self._gate())
        if self.names:
            parts.append(self._pill(end if self.is_root and unit.gate else self.box.x))
        return "".join(parts)

    def _gate(self) -> str:
        x, y, half = self.box.x, self.box.y, self.gate / 2
        glyph = entities(self.glyph)
        if self.is_round:
            body = f'<circle class="gate" cx="{_n(x + RADIUS)}" cy="{_n(y)}" r="{_n(RADIUS)}"/>'
        else:
            kind = "gate closed" if self.unit.scope else "gate"
            body = (
                f'<rect class="{kind}" x="{_n(x)}" y="{_n(y - 15)}" width="{_n(self.gate)}" height="30" rx="9" ry="9"/>'
            )
        kind, drop = ("glyph", 6) if len(self.glyph) == 1 and self.is_round else ("glyph long", 4)
        if self.unit.scope:
            kind += " inside"
        return body + _text(kind, x + half, y + drop, glyph)

    def _pill(self, x: float) -> str:
        y, half = self.box.y, self.half - (0 if self.is_root else 2)
        role = "root leaf" if self.is_root else self.unit.role or "leaf"
        pill = (
            f'<rect class="pill {role}" x="{_n(x)}" y="{_n(y - half)}" width="{_n(self.pill)}" '
            f'height="{_n(2 * half)}" rx="12" ry="12"/>'
        )
        first = y + 5 - LINE / 2 * (len(self.names) - 1)
        if self.is_root and not self.unit.label:
            return pill + _text("name unnamed", x + self.pill / 2, y + 4, "root")
        return pill + "".join(
            _text("name", x + self.pill / 2, first + LINE * k, _name(name)) for k, name in enumerate(self.names) if name
        )

    def port(self, k: int, count: int) -> tuple[float, float, float, float]:
        """Return where the k-th wire of `count` meets the gate, from above to below, and the direction outward."""
        spread = min(1.1, 0.35 * (count - 1))
        slope = 0.0 if count == 1 else spread * (2 * k / (count - 1) - 1)
        x, y = self.box.x, self.box.y
        if not self.is_round:
            return x, y + 9 * slope, -1.0, 0.0
        length = sqrt(1 + slope * slope)
        across, along = -1 / length, slope / length
        return x + RADIUS + RADIUS * across, y + RADIUS * along, across, along


def _wires(lanes: list[Box], wires: list[Wire], gates: dict[Box, Shape], numbers: dict[Box, int]) -> list[str]:
    sources = {box: f' data-from="{number}"' for box, number in numbers.items()}
    parts: list[str] = []
    ending: dict[Box, list[Wire]] = {}
    for wire in wires:
        if wire.ends:
            ending.setdefault(wire.head, []).append(wire)
        else:
            source = sources[wire.head] = sources.get(wire.tail, "")
            parts.append(_curve(wire.tail, wire.head.x, wire.head.y, -1.0, 0.0, source))
    for lane in lanes:
        parts.append(f'<path class="wire"{sources[lane]} d="M{_n(lane.x)} {_n(lane.y)}H{_n(lane.right)}"/>\n')
    for head, arriving in ending.items():
        arriving.sort(key=lambda wire: wire.tail.y)
        for k, wire in enumerate(arriving):
            x, y, across, along = gates[head].port(k, len(arriving))
            tip = 7.0
            is_folded = wire.tail not in sources
            ends = "" if is_folded else f'{sources[wire.tail]} data-to="{numbers[head]}"'
            parts.append(
                _curve(wire.tail, x + tip * across, y + tip * along, across, along, ends, " dashed" * is_folded)
            )
            back_x, back_y = x + (tip + 1) * across, y + (tip + 1) * along
            parts.append(
                f'<path class="arrow"{ends} d="M{_n(x)} {_n(y)}L{_n(back_x - 3 * along)} {_n(back_y + 3 * across)}'
                f'L{_n(back_x + 3 * along)} {_n(back_y - 3 * across)}Z"/>\n'
            )
    return parts


def _curve(tail: Box, x: float, y: float, across: float, along: float, ends: str, kind: str = "") -> str:
    """Return a cubic that leaves the tail's column level, and arrives from the direction given."""
    reach = max(8.0, (x - tail.right) * 0.55)
    return (
        f'<path class="wire{kind}"{ends} d="M{_n(tail.right)} {_n(tail.y)}C{_n(tail.right + reach)} {_n(tail.y)} '
        f'{_n(x + reach * across)} {_n(y + reach * along)} {_n(x)} {_n(y)}"/>\n'
    )


def _more(unit: Unit) -> str:
    return f"… {unit.hidden:,} more"


def _name(label: str) -> str:
    head, digits = subscripted(label)
    return entities(head) + (f'<tspan font-size="11" dy="4">{digits}</tspan>' if digits else "")


def _text(kind: str, x: float, y: float, content: str) -> str:
    return f'<text class="{kind}" x="{_n(x)}" y="{_n(y)}">{content}</text>'


def _n(number: float) -> str:
    """Return a length in tenths of a pixel.

    >>> _n(2.0), _n(2.25), _n(-0.01)
    ('2', '2.2', '0')
    """
    text = f"{round(number, 1):.1f}"
    return "0" if text == "-0.0" else text.removesuffix(".0")
