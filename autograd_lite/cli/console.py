"""What the command line prints: results on stdout, errors on stderr."""

from __future__ import annotations

import os
import sys

from autograd_lite.notation import can_encode, spelled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

BOLD, RED = "1", "31"


def say(text: str = "") -> None:
    """Print a result, in ASCII where stdout cannot encode its signs."""
    print(in_encoding_of(sys.stdout, text))


def complain(text: str) -> None:
    """Print an error or a warning on stderr."""
    # What a file says may be quoted in it: its control characters are not for the terminal.
    text = "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)
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
