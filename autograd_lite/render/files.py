"""Files that are whole or not there, and the renderers: Graphviz as a command, and as a library."""

from __future__ import annotations

import os
import sys
from threading import Lock, get_ident

from autograd_lite.errors import ArgumentError, RenderError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_one_by_one = Lock()  # Graphviz's library aborts the process when two threads are in it
INSTALL = {"darwin": "brew install graphviz", "win32": "winget install graphviz"}


def write_atomically(path: str | os.PathLike[str], content: bytes) -> str:
    """Write a file so that a reader sees the old one or the whole new one; return its path.

    Raises:
        ArgumentError: there is something else than a file at `path`.
        OSError: the folder is missing, full or read-only.
    """
    path = os.fspath(path)
    target = os.path.realpath(path)
    if os.path.exists(target) and not os.path.isfile(target):
        raise ArgumentError(f"save: the path must be that of a file, got {path!r}. Choose another name.")
    temporary = f"{target}.{os.getpid()}-{get_ident()}.tmp"
    try:
        with open(temporary, "wb") as file:
            file.write(content)
        os.replace(temporary, target)
    except BaseException as error:
        if os.path.exists(temporary):
            os.remove(temporary)
        if isinstance(error, OSError) and error.filename is not None:  # the temporary one means nothing to the caller
            raise OSError(error.errno, error.strerror, path) from None
        raise
    return path


def source(dot: str) -> Any:
    """Return DOT text as a graphviz.Source.

    Raises:
        RenderError: the package graphviz is missing.
    """
    try:
        import graphviz
    except ImportError:
        raise RenderError(
            "graphviz: the Python package must be installed, got none. "
            "Run `python -m pip install graphviz`; .svg, .dot and .txt work without."
        ) from None
    return graphviz.Source(dot)


def render(dot: str, format: str, engine: str = "auto") -> bytes:
    """Return DOT text as a picture, svg, png or pdf, drawn by "dot", by "pygraphviz", or by what is there.

    Raises:
        RenderError: Graphviz is missing, or failed.
    """
    if engine == "auto":
        from shutil import which

        has_command, has_package = which("dot") is not None, is_installed("graphviz")
        engine = "dot" if (has_command and has_package) or not is_installed("pygraphviz") else "pygraphviz"
        if engine == "dot" and not has_command and not has_package:
            raise RenderError(
                f"render: .{format} needs Graphviz, got none. Run `python -m pip install pygraphviz`, which brings it "
                f"along, or save as .svg, which works without."
            )
    return _by_dot(dot, format) if engine == "dot" else _by_pygraphviz(dot, format)


def is_installed(package: str) -> bool:
    """Say whether a package can be imported. That of pygraphviz needs libraries that a bare system lacks."""
    try:
        __import__(package)
    except ImportError:
        return False
    return True


def _by_dot(dot: str, format: str) -> bytes:
    picture = source(dot)
    import graphviz

    try:
        rendered: bytes = picture.pipe(format=format, quiet=True)
    except graphviz.ExecutableNotFound:
        raise RenderError(
            f"render: .{format} needs Graphviz's `dot`, got none on the PATH. "
            f"Run `{install_command()}`, or save as .svg, which works without."
        ) from None
    except graphviz.CalledProcessError as failure:
        said = (failure.stderr or b"").decode(errors="replace").strip().partition("\n")[0]
        raise RenderError(
            f"render: `dot` must be able to draw .{format}, got exit status {failure.returncode} ({said}). "
            f"Save with engine='builtin' as .svg, which works without."
        ) from None
    return rendered


def _by_pygraphviz(dot: str, format: str) -> bytes:
    if not is_installed("pygraphviz"):
        raise RenderError(
            "render: the package pygraphviz must be installed, got none. "
            "Run `python -m pip install pygraphviz`, or leave the engine out."
        )
    from contextlib import redirect_stderr
    from io import StringIO

    import pygraphviz

    try:
        with _one_by_one, redirect_stderr(StringIO()):  # it warns of large graphs there
            rendered: bytes = pygraphviz.AGraph(string=dot).draw(format=format, prog="dot")
    except (ValueError, OSError) as failure:
        raise RenderError(
            f"render: pygraphviz must be able to draw .{format}, got {type(failure).__name__} ({failure!s:.80}). "
            f"Save with engine='builtin' as .svg, which works without."
        ) from None
    return rendered


def install_command() -> str:
    """Return the command that installs Graphviz on this system."""
    return INSTALL.get(sys.platform, "sudo apt install graphviz")
