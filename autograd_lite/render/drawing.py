"""`draw(v)`: a picture of the graph below a value, in every form at hand.

The engines are imported where they are used: most programs never draw.
"""

from __future__ import annotations

import os
import sys

from autograd_lite.errors import ArgumentError, InputTypeError, RenderError, StaleGraphError
from autograd_lite.graph import Node
from autograd_lite.notation import DIGITS, check_digits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

    from autograd_lite.render.palette import Theme
    from autograd_lite.render.scene import Scene

LARGEST = 2000  # wires; beyond, what is nearest to the root is drawn
LINES_IN_REPL = 60
FORMATS = (".svg", ".html", ".png", ".pdf", ".dot", ".gv", ".txt")
ENGINES = ("auto", "dot", "pygraphviz", "builtin")


def draw(
    root: Any,
    *,
    gradients: bool | None = None,
    digits: int = DIGITS,
    engine: str = "auto",
    theme: str = "light",
    title: str = "",
    legend: bool = False,
    sums: bool = True,
    constants: bool = False,
    depth: int | None = None,
    open: str | Collection[str] = (),
) -> Drawing:
    """Return a picture of the graph below root as it is now: values above the wires, gradients below.

    A notebook shows the picture, a REPL the text tree; `.save("f.svg")` writes a file, `.show()`
    opens a page that steps through both passes. The gradients are those of root, seeded with 1,
    by a sweep of the picture's own: no `.grad` is touched.

    What was computed in a `scope` stands in a frame, the parameters of a neuron of `nn` with it.
    Larger pictures are folded: above 60 values the innermost scopes (neurons) are closed to one
    gate each; above 400, or where more than 60 would remain, those around them (layers) too. Of
    more than 2,000 wires, what is nearest to the root is shown.

    Args:
        root: the Value at the end of the graph.
        gradients: whether to show them; None shows them once backward() has been called,
            that is where root.grad is not 0: a gradient never computed must not look like 0.
        digits: how many significant digits numbers have.
        engine: "dot" is Graphviz's command, "pygraphviz" the package that brings Graphviz along;
            "builtin" needs nothing and draws the same bytes on every machine; "auto" is the
            first of these that is there, and "builtin" where Graphviz would take minutes.
        theme: "light", "dark", or "cs231n" for the green and red of that course.
        title: a line above the picture.
        legend: whether to explain the signs below it.
        sums: whether a chain of + is drawn as one Σ, from three terms on.
        constants: whether constants are leaves of their own, not part of the gate (×−1, +1, x²).
        depth: how many levels of scopes are open; None for as many as is readable.
        open: what to show from inside: scopes, by name or by path as in "layer 1/neuron 3", or by number too
            where several have the same, "layer 1 #3"; and operations that have a textbook
            definition, as "sigmoid".

    Raises:
        ArgumentError: an argument is none of these.
        StaleGraphError: a leaf was set after root was computed; call root.forward().

    >>> from autograd_lite import draw, leaves
    >>> x, y = leaves(x=3.0, y=-2.0)
    >>> z = (x * y + x).named("z")
    >>> z.backward()
    >>> print(draw(z).text(encoding="ascii"))
                  value  gradient  local * upstream
    z = +            -3         1  dz/dz
    |- *             -6         1  1 * 1
    |  |- x           3        -1  -2 * 1 + 1 * 1
    |  `- y          -2         3  3 * 1
    `- x (above)      3        -1
    """
    if not isinstance(root, Node):
        raise InputTypeError(
            f"draw: a Value is needed, got {root!a:.40} of type {type(root).__name__}. "
            f"Draw the one Value at the end of the graph, such as the loss."
        )
    check_digits(digits, "draw")
    if engine not in ENGINES:
        raise ArgumentError(
            f"draw: engine must be one of {', '.join(map(repr, ENGINES))}, got {engine!r:.40}. Leave it out for 'auto'."
        )
    if not isinstance(title, str):
        raise InputTypeError(f"draw: title must be a str, got {title!r:.40}. Write title='A neuron'.")
    if depth is not None and (not isinstance(depth, int) or depth < 0):
        raise ArgumentError(f"draw: depth must be an int of at least 0, got {depth!r}. Leave it out for what fits.")
    from autograd_lite.render.opening import DEFINITIONS, spelled_out
    from autograd_lite.render.palette import theme_of
    from autograd_lite.render.scene import scene_of

    colours = theme_of(theme)
    names = _names(open)
    operations = [name for name in names if name in DEFINITIONS]
    asked: Any = root
    shown = spelled_out(asked, operations) if operations else asked

    def scene(with_gradients: bool) -> Scene:
        made = scene_of(
            shown,
            with_gradients=with_gradients,
            digits=digits,
            limit=LARGEST,
            sums=sums,
            constants=constants,
            depth=depth,
            opened=names,
        )
        made.title, made.legend = " ".join(title.split()), bool(legend)
        return made

    if gradients is not None or asked.grad != 0.0:
        return Drawing(scene(gradients is None or bool(gradients)), engine, colours)
    try:
        stepped = scene(True)
    except (StaleGraphError, ArgumentError):
        raise
    except Exception:  # a row's gradient that fails must not take the picture of the values with it
        return Drawing(scene(False), engine, colours)
    return Drawing(stepped.without_gradients(), engine, colours, stepped)


def _names(open: Any) -> list[str]:
    try:
        names = [open] if isinstance(open, str) else list(open)
    except TypeError:
        names = [open]
    for name in names:
        if not isinstance(name, str):
            raise InputTypeError(
                f"draw: open must be a name or several, got {name!r:.40} of type {type(name).__name__}. "
                f"Write open='layer 1' or open=['layer 1', 'sigmoid']."
            )
    return names


ELSEWHERE = {
    "render": "Write save('graph.svg').",
    "png": "Write save('graph.png').",
    "pdf": "Write save('graph.pdf').",
    "pipe": "Write svg().",
    "view": "Write show().",
}
"""Methods of pictures in other libraries, and what to write here."""


class Drawing:
    """A picture of a graph as it was when `draw` was called; a notebook shows it, print() the tree."""

    if not TYPE_CHECKING:  # a type checker shall go on saying that there is no such attribute

        def __getattr__(self, name: str) -> Any:
            text = f"'Drawing' object has no attribute {name!r}"
            if name in ELSEWHERE:
                raise AttributeError(f"{text}. {ELSEWHERE[name]}", name=name, obj=None)  # without a guess of Python's
            raise AttributeError(text, name=name, obj=self)

    def __init__(self, scene: Scene, engine: str, theme: Theme, stepped: Scene | None = None) -> None:
        self._scene = scene
        self._stepped = stepped or scene  # with gradients even before backward(): its page steps to them
        self._engine = engine
        self._theme = theme

    def dot(self) -> str:
        """Return the picture as DOT text, the language of Graphviz."""
        from autograd_lite.render.dot_text import dot_text

        return dot_text(self._scene, self._theme)

    def svg(self) -> str:
        """Return the picture as SVG, with its alt text inside.

        Raises:
            RenderError: the engine is "dot" or "pygraphviz", and that is missing.
        """
        if self._engine != "builtin" and not self._is_endless():
            from autograd_lite.render.files import render
            from autograd_lite.render.wording import described

            try:
                return described(render(self.dot(), "svg", self._engine).decode(), self._scene)
            except RenderError:
                if self._engine != "auto":
                    raise
        from autograd_lite.render.svg import svg_text

        return svg_text(self._scene, self._theme)

    def html(self) -> str:
        """Return the step-through page: one file, forward and backward one step at a time.

        The sentences are those of `steps`. Where gradients=False was said, it goes forward alone.
        """
        from autograd_lite.render.page import page_text

        return page_text(self._stepped, self._theme)

    def show(self) -> str | None:
        """Open the step-through page in a browser, and return the path of its file; a notebook displays it.

        In a notebook there is no file, and None is returned.
        """
        shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
        if hasattr(shell, "kernel"):
            from importlib import import_module  # mypy sees no types there, installed or not

            from autograd_lite.render.page import frame

            display = import_module("IPython.display").display
            display({"text/html": frame(self.html()), "text/plain": repr(self)}, raw=True)
            return None
        import webbrowser
        from pathlib import Path
        from tempfile import mkdtemp

        path = self.save(os.path.join(mkdtemp(prefix="autograd-"), "steps.html"))
        webbrowser.open(Path(path).as_uri())
        return path

    def alt_text(self) -> str:
        """Return the picture in words: every value in topological order, one per line.

        >>> from autograd_lite import draw, leaves
        >>> x, y = leaves(x=3.0, y=-2.0)
        >>> print(draw((x * y).named("z"), gradients=True).alt_text())
        Computation graph of z = −6: 2 leaves and 1 operation.
        x: leaf, value 3, gradient −2 = −2 × 1.
        y: leaf, value −2, gradient 3 = 3 × 1.
        z: × of x, y, 3 × (−2) = −6, gradient 1 = ∂z/∂z.
        """
        from autograd_lite.render.wording import alt_text

        return alt_text(self._scene)

    def text(self, *, encoding: str | None = None) -> str:
        """Return the picture as a text tree, in ASCII where `encoding`, stdout's unless given, lacks the signs."""
        return self._tree(encoding or getattr(sys.stdout, "encoding", None))

    def graphviz(self) -> Any:
        """Return the picture as a graphviz.Source, for those who know that package.

        Raises:
            RenderError: the package is missing.
        """
        from autograd_lite.render.files import source

        return source(self.dot())

    def save(self, path: str | os.PathLike[str]) -> str:
        """Write the picture in the format that the name ends in, and return the path.

        .html is the step-through page. It, .svg, .dot and .txt work everywhere; .png and .pdf
        need Graphviz. The file is written whole or not at all.

        Raises:
            ArgumentError: no such format.
            RenderError: Graphviz is missing, not the engine, or would take minutes.
            OSError: the file cannot be written.
        """
        from autograd_lite.render.files import render, write_atomically

        path = os.fsdecode(path)
        ending = os.path.splitext(path)[1].lower()
        if ending not in FORMATS:
            raise ArgumentError(
                f"save: the name must end in one of {', '.join(FORMATS)}, got {path!r:.200}. "
                f"Write draw(v).save('graph.svg')."
            )
        if ending == ".txt":
            content = f"{self._tree(None)}\n".encode("utf-8", "backslashreplace")
        elif ending in (".dot", ".gv"):
            content = self.dot().encode()
        elif ending == ".svg":
            content = self.svg().encode()
        elif ending == ".html":
            content = self.html().encode()
        elif self._engine == "builtin":
            raise RenderError(
                f"save: {ending} must be drawn by Graphviz's `dot`, got engine 'builtin'. "
                f"Leave the engine out, or save as .svg, which works without."
            )
        elif self._is_endless():
            raise RenderError(
                f"save: {ending} is drawn by Graphviz, got a graph whose wires are so long that this takes minutes. "
                f"Save as .svg, or wait with engine='dot'."
            )
        else:
            content = render(self.dot(), ending[1:], self._engine)
        return write_atomically(path, content)

    def _is_endless(self) -> bool:
        """Whether Graphviz is not for it, and nobody has asked for Graphviz."""
        from autograd_lite.render.dot_text import ENDLESS, ranks_passed

        return self._engine == "auto" and ranks_passed(self._scene) > ENDLESS

    def __repr__(self) -> str:
        encoding = getattr(sys.stdout, "encoding", None) or "ascii"
        return self._tree(encoding, LINES_IN_REPL)

    def _tree(self, encoding: str | None, lines: int | None = None) -> str:
        from autograd_lite.render.text_tree import text_tree

        return text_tree(self._scene, encoding, lines)

    def _repr_svg_(self) -> str | None:
        from autograd_lite.render.inline import inlined

        try:
            return inlined(self.svg())
        except Exception:  # a notebook that only displays a picture must not break
            return None

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        svg = self._repr_svg_()
        text = {"text/plain": self._tree(None, LINES_IN_REPL)}
        return {**text, "image/svg+xml": svg} if svg else text
