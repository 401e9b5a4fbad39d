"""What every engine says in the same words: names, tooltips, and the picture for those who hear it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from autograd_lite.render.scene import Scene, Unit


def storable(text: str) -> str:
    """Return the text with line ends as \\n, tabs as spaces, and what XML cannot hold as escapes.

    >>> storable("a\\r\\nb\\x00")
    'a\\nb\\\\x00'
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ")
    return "".join(c if _is_storable(c) else ascii(c)[1:-1] for c in text)


def _is_storable(c: str) -> bool:
    return " " <= c <= "~" or "\xa0" <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff" or c == "\n"


def entities(text: str) -> str:
    """Return text as XML stores it.

    >>> entities("a < b & c")
    'a &lt; b &amp; c'
    """
    return storable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def subscripted(label: str) -> tuple[str, str]:
    """Return a label without its trailing digits, and those, which are set as a subscript.

    >>> subscripted("w12"), subscripted("3.5"), subscripted("x")
    (('w', '12'), ('3.5', ''), ('x', ''))
    """
    head = label.rstrip("0123456789")
    if not head or head == label or head[-1] in ".,-−+":
        return label, ""
    return head, label[len(head) :]


def is_alarming(number: str) -> bool:
    """Say whether a numeral is tinted.

    >>> is_alarming("−inf"), is_alarming("0")
    (True, False)
    """
    return number.lstrip("−") in ("nan", "inf")


def said(unit: Unit) -> str:
    """Return one value as a sentence."""
    name = unit.scope or unit.label or (f"result of {unit.gate}" if unit.gate else unit.role or "leaf")
    inside = f"{_counted(unit.values, 'value', 'values')} inside, " if unit.scope else ""
    return f"{name}: {inside}{'' if unit.outputs > 1 else 'value '}{unit.value}{_gradient(unit)}"


def title_of(scene: Scene) -> str:
    """Return a picture in one line."""
    root = scene.root
    operations = sum(1 for unit in scene.units if unit.gate)
    leaves = len(scene.units) - operations
    counted = f"{_counted(leaves, 'leaf', 'leaves')} and {_counted(operations, 'operation', 'operations')}"
    counted += f", {scene.whole:,} values in all" if scene.folded else ""
    return f"Computation graph of {root.label or 'root'} = {root.value}: {counted}"


def alt_text(scene: Scene) -> str:
    """Return the picture as text to be heard: every value in topological order, one per line."""
    unnamed = [unit for unit in scene.units if not unit.label]
    names = {unit: unit.label for unit in scene.units} | {unit: f"v{k}" for k, unit in enumerate(unnamed, 1)}
    lines = [title_of(scene) + "."]
    for unit, name in names.items():
        if unit.gate:
            operands = [names[operand] for operand in unit.operands]
            operands += [f"{unit.hidden:,} more"] * bool(unit.hidden)
            of = f" of {', '.join(operands)}" if operands else ""
            inside = f" ({_counted(unit.values, 'value', 'values')} inside)" if unit.scope else ""
            made = f"{unit.gate}{inside}{of}, {unit.arithmetic} = {unit.value}"
        else:
            made = f"{unit.role or 'leaf'}, value {unit.value}"
        lines.append(f"{name}: {made}{_gradient(unit)}.")
    return "\n".join([*lines, *([scene.folded] if scene.folded else [])])


def legend_of(scene: Scene) -> list[tuple[str, str, str]]:
    """Return (kind, sample, words) for each sort of sign in the picture."""
    roles = dict.fromkeys(unit.role or "leaf" for unit in scene.units if not unit.gate)
    legend: list[tuple[str, str, str]] = [
        (role, "", role) for role in ("parameter", "input", "constant", "leaf") if role in roles
    ]
    made = [unit for unit in scene.units if unit.gate and unit.outputs == 1]
    if made:
        sample = made[0]
        legend.append(("gate", "", "operation"))
        legend.append(("value", sample.value, "above the wire: value, computed left to right →"))
        if scene.has_gradients:
            legend.append(
                ("gradient", sample.gradient, "below: gradient = local gradient × upstream gradient, right to left ←")
            )
    return legend


def described(svg: str, scene: Scene) -> str:
    """Return an SVG of Graphviz's with the title and the alt text of the scene, in pixels, as ours, not in points."""
    before, tag, after = svg.partition("<svg ")
    attributes, _, content = after.partition(">")
    attributes = attributes.replace('pt"', '"')
    words = f"<title>{entities(title_of(scene))}</title>\n<desc>{entities(alt_text(scene))}</desc>"
    return f'{before}{tag}role="img" {attributes}>\n{words}{content}'


def _gradient(unit: Unit) -> str:
    if not unit.gradient:
        return ""
    return f", gradient {unit.gradient}" + (f" = {unit.chain_rule}" if unit.chain_rule else "")


def _counted(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"
