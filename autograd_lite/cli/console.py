"""What the command line prints: results on stdout, progress and errors on stderr."""

from __future__ import annotations

import os
import sys

from autograd_lite.render.text_tree import can_encode, spelled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

BOLD, BLUE, RED, DIM = "1", "34", "31", "2"


def say(text: str = "") -> None:
    """Print a result, in ASCII where stdout cannot encode its signs."""
    print(in_encoding_of(sys.stdout, text))


def complain(text: str) -> None:
    """Print an error or a warning on stderr."""
    print(in_encoding_of(sys.stderr, text), file=sys.stderr)


def in_encoding_of(stream: TextIO, text: str) -> str:
    """Return the text as the stream can take it."""
    encoding = stream.encoding or "ascii"
    return text if can_encode(text, encoding) else spelled(text, encoding)


def styled(text: str, style: str) -> str:
    """Return the text with a terminal style, bare where stdout is no terminal or NO_COLOR is set."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\033[{style}m{text}\033[0m"


class Progress:
    """One line on a terminal's stderr, rewritten in place; silent where stderr is piped."""

    def __init__(self) -> None:
        self.is_shown = sys.stderr.isatty()
        self.width = 0

    def show(self, text: str) -> None:
        """Replace the line."""
        if self.is_shown:
            text = in_encoding_of(sys.stderr, text)
            sys.stderr.write("\r" + text.ljust(self.width))
            sys.stderr.flush()
            self.width = len(text)

    def clear(self) -> None:
        """Take the line away."""
        if self.is_shown and self.width:
            sys.stderr.write("\r" + " " * self.width + "\r")
            sys.stderr.flush()
            self.width = 0
