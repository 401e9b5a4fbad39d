"""Files that are whole or not there.

The engine's pictures have a writer of their own, `autograd_lite.render.files.write_atomically`: it is
no public name, and writing files is not what an engine of derivatives should offer.
"""

from __future__ import annotations

from autograd_lite.errors import ArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import PathLike


def write_whole(path: str | PathLike[str], text: str) -> None:
    """Write a text file (UTF-8) that appears complete or not at all; one that is there already is replaced.

    Raises:
        ArgumentError: there is something else than a file at `path`.
        OSError: the folder is missing, full or read-only.
    """
    import os
    import tempfile

    target = os.path.realpath(path)
    if os.path.exists(target) and not os.path.isfile(target):
        raise ArgumentError(f"save: the path must be that of a file, got {os.fspath(path)!r}. Choose another name.")
    try:
        handle, draft = tempfile.mkstemp(dir=os.path.dirname(target), prefix=".draft-", suffix=".tmp")
    except OSError as error:
        error.filename = os.fspath(path)  # that of the draft means nothing to the caller
        raise
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(draft, _mode(target))
        os.replace(draft, target)
    except BaseException:
        os.unlink(draft)
        raise


def _mode(path: str) -> int:
    """Return the permissions of a file that is to be replaced, or those of a new one."""
    import os

    try:
        return os.stat(path).st_mode & 0o777
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
