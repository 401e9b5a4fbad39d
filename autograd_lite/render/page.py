"""The step-through page: one HTML file with the picture, its steps, and nothing from elsewhere.

The template `page.html` has the script that shows and hides what the built-in SVG already
has. It is given the steps as JSON, the sentences among them; `derivation.walk` says them.
"""

from __future__ import annotations

from autograd_lite.derivation import walk
from autograd_lite.notation import SPELLED_OUT, numeral, printable, summed
from autograd_lite.render.flows import term
from autograd_lite.render.palette import THEMES
from autograd_lite.render.svg import style, svg_text
from autograd_lite.render.wording import entities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from autograd_lite.derivation import Step
    from autograd_lite.render.palette import Theme
    from autograd_lite.render.scene import Scene, Unit

CONTROLS = 190  # pixels that the page takes above and below its picture
LOWEST, HIGHEST = 340, 720  # of a page in a notebook


def page_text(scene: Scene, theme: Theme) -> str:
    """Return the step-through page of a scene: forward alone where it has no gradients."""
    import re
    from importlib.resources import files

    parts = {
        "theme": theme.name,
        "name": entities(printable(scene.root.label or "root")),
        "styles": "\n".join(_variables(known) + style(known) for known in THEMES.values()),
        "picture": svg_text(scene, theme),
        "steps": _json(_told(scene)),
    }
    template = files("autograd_lite.render").joinpath("page.html").read_text(encoding="utf-8")
    # In one pass: a label that looks like a place of the template stays what it is.
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], template)


def frame(page: str) -> str:
    """Return a page as a notebook shows it: a frame as high as its picture, within bounds.

    >>> frame('<svg width="3" height="200"></svg>')[:69]
    '<iframe srcdoc="&lt;svg width=&quot;3&quot; height=&quot;200&quot;&gt'
    """
    from html import escape

    height = float(page.partition("<svg ")[2].partition('height="')[2].partition('"')[0])
    height = min(max(height + CONTROLS, LOWEST), HIGHEST)
    return (
        f'<iframe srcdoc="{escape(page)}" title="Step-through page" '
        f'style="width:100%;height:{height:.0f}px;border:0"></iframe>'
    )


def steps_of(scene: Scene) -> Iterable[Step]:
    """Return the steps that a page takes; their nodes and operands are units."""
    for step in walk(
        dict.fromkeys(scene.units, 0.0),
        lambda unit: (unit.symbol, unit.arithmetic, unit.value) if unit.gate else None,
        lambda unit, upstream: unit.edges,
        scene.digits,
        lambda unit: unit.adjoint if unit.is_used_outside else None,
    ):
        if step.phase == "forward" or scene.has_gradients:
            yield step


def _told(scene: Scene) -> list[dict[str, str | int]]:
    """Return what the script needs to know of each step; units are told by their number in the SVG."""
    numbers = {unit: number for number, unit in enumerate(scene.units, 1)}
    chains = {unit: _Chain(unit) for unit in scene.units}
    told = []
    for step in steps_of(scene):
        said: dict[str, str | int] = {
            "phase": step.phase,
            "unit": numbers[step.node],
            "sentence": step.sentence,
            "question": step.question,
        }
        if step.after is not None:
            reached: Unit = step.operand or step.node
            said["operand"] = numbers[reached]
            said["gradient"] = numeral(step.after, scene.digits) if reached.outputs == 1 else reached.gradient
            said["chain"] = chains[reached].with_term(step, scene.digits)
        told.append(said)
    return told


class _Chain:
    """The grey line below a gradient, which grows term by term to what the static picture says."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.count = 0
        self.users: list[tuple[Unit, list[str]]] = []

    def with_term(self, step: Step, digits: int) -> str:
        self.count += 1
        if self.count >= self.unit.paths or step.upstream is None:
            return self.unit.chain_rule
        if self.unit.outputs > 1:
            return ""
        if self.unit.paths > SPELLED_OUT:
            return f"{self.count} of {self.unit.paths} paths"
        if not self.users or self.users[-1][0] is not step.node:
            self.users.append((step.node, []))
        self.users[-1][1].append(term(step.local, step.upstream, digits))
        return summed([text for _, texts in reversed(self.users) for text in texts])  # users come last first


def _variables(theme: Theme) -> str:
    return (
        f':root[data-theme="{theme.name}"]{{--ground:{theme.background};--ink:{theme.ink};--quiet:{theme.wire};'
        f"--value:{theme.value};--gradient:{theme.gradient}}}"
    )


def _json(data: object) -> str:
    """Return data as JSON that HTML takes for nothing else: no sign has a meaning there, and all are ASCII."""
    import json

    text = json.dumps(data, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
