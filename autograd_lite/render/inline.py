"""An SVG whose style block became attributes: code hosts strip style blocks from the pictures of a notebook."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from re import Match


def inlined(svg: str) -> str:
    """Return an SVG of ours with each declaration of its style block on the elements it applies to.

    It looks the same. A rule names an element, a class or both, after the class of the theme;
    a later one wins. An SVG without a style block, such as Graphviz's, comes back as it is.

    >>> print(inlined('<svg class="t"><style>.t text{fill:red}.t .big{font-size:9px}</style>\\n<text class="big">a'))
    <svg><text fill="red" font-size="9">a
    """
    from re import findall, sub

    before, is_styled, rest = svg.partition("<style>")
    if not is_styled:
        return svg
    block, _, after = rest.partition("</style>\n")
    rules = [
        (tag, name, [declaration.partition(":")[::2] for declaration in body.split(";")])
        for tag, name, body in findall(r" (\w*)\.?(\w*)\{([^}]*)\}", block)
    ]

    def with_attributes(found: Match[str]) -> str:
        tag, names = found[1], found[3].split()
        merged: dict[str, str] = {}
        for element, name, declarations in rules:
            if element in ("", tag) and (not name or name in names):
                merged.update(declarations)
        return f"<{tag}{found[2]}" + "".join([f' {key}="{text.removesuffix("px")}"' for key, text in merged.items()])

    return sub(r'<(\w+)([^<>]*?) class="([^"]*)"', with_attributes, before + after)
