"""Which core runs: these sources as they are, or the same ones compiled (`AUTOGRAD_LITE_NATIVE=1 pip install .`).

Compiled modules lie in a folder named after the sources they were made of, and the package
looks for its modules there first. Once a source has changed, the folder is not found.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import MutableSequence

COMPILED = ("primitives", "modes", "graph", "value")
"""The modules that are compiled; everything else reads them as it reads the sources."""

HERE = os.path.dirname(__file__)


def folder_name() -> str:
    """Return the name of the folder for compiled modules of these very sources, and this Python."""
    from zlib import crc32  # importlib.util.source_hash would bring contextlib and functools: 4 ms of 15

    text = b""
    for name in COMPILED:
        with open(os.path.join(HERE, f"{name}.py"), "rb") as source:
            text += source.read().replace(b"\r\n", b"\n")
    return f"{sys.implementation.cache_tag}-{crc32(text):08x}"


def choose(path: MutableSequence[str]) -> tuple[bool, str]:
    """Put compiled modules in front if they are there and wanted; return whether, and what runs in words.

    Args:
        path: where the package looks for its modules, its `__path__`.
    """
    compiled = os.path.join(HERE, ".native")
    if not os.path.isdir(compiled):
        return False, "pure Python"
    if os.environ.get("AUTOGRAD_LITE_PURE") == "1":
        return False, "pure Python, because AUTOGRAD_LITE_PURE=1 is set"
    found = os.path.join(compiled, folder_name())
    if os.path.isdir(found):
        path.insert(0, found)
        return True, "native"
    trouble = os.path.join(compiled, "trouble.txt")
    if os.path.exists(trouble):
        with open(trouble, encoding="utf-8") as text:
            return False, f"pure Python: {text.read().strip()}"
    return False, "pure Python: the compiled modules are of other sources, or of another Python. Install again."


NATIVE, VARIANT = choose(sys.modules["autograd_lite"].__path__)
