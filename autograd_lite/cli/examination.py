"""The doctor: what is installed, what works, what to install."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from importlib import metadata, util

import autograd_lite
from autograd_lite import Value, draw, variant
from autograd_lite.cli.console import BOLD, RED, say, styled
from autograd_lite.errors import RenderError
from autograd_lite.render.files import install_command, render

EXTRAS = (
    ("graphviz", "graphviz", "pictures as .png, .pdf (together with dot)"),
    ("pygraphviz", "pygraphviz", ""),
    ("numpy", "numpy", "arrays in and out of nn"),
    ("llvmlite", "llvmlite", "native programs: compile, fit(..., compiled=True)"),
    ("matplotlib", "matplotlib", "pictures of training"),
    ("sklearn", "scikit-learn", "moons, circles, blobs, digits"),
    ("hypothesis", "hypothesis", "property tests of gradients"),
    ("mpmath", "mpmath", "the oracle of our own tests"),
    ("pytest", "pytest", "our own tests"),
    ("jupyterlab", "jupyterlab", "the notebooks"),
)
"""Module, distribution, what it is for; "" where something else does as well."""


def doctor() -> int:
    """Print what is installed and what works; return 1 where something is broken, not merely missing."""
    say(f"{'python':14} {platform.python_version()}")
    say(f"{'autograd_lite':14} {autograd_lite.__version__} in {_home()}")
    say(f"{'core':14} {variant.VARIANT}")
    missing = []
    version = dot_version()
    say(f"{'dot':14} {version or '-'}")
    if version is None:
        missing.append((install_command(), "pictures as .png, .pdf"))
    for module, distribution, purpose in EXTRAS:
        found = installed(module, distribution)
        say(f"{distribution:14} {found or '-'}")
        if found is None and purpose:
            missing.append((f"python -m pip install {distribution}", purpose))
    say()
    troubles = [trouble for trouble in (trouble_with_gradients(), trouble_with_nn()) if trouble]
    say(f"works: gradients, pictures as {' '.join(formats())}")
    if missing:
        width = max(len(command) for command, _ in missing)
        say("not installed, and what for:")
        for command, purpose in missing:
            say(f"  {command:{width}}  {purpose}")
    for trouble in troubles:
        say(styled(f"wrong: {trouble}", RED))
    if not troubles:
        say(f"{styled('All is well.', BOLD)} Next: python -m autograd_lite demo")
    return 1 if troubles else 0


def installed(module: str, distribution: str) -> str | None:
    """Return the version of an installed package, None where it is not there; nothing is imported.

    >>> installed("no_such_module", "no-such-distribution") is None
    True
    """
    try:
        if util.find_spec(module) is None:
            return None
        return metadata.version(distribution)
    except (ImportError, ValueError):
        return None


def dot_version() -> str | None:
    """Return the version of Graphviz's dot, None where it is missing or does not start."""
    path = shutil.which("dot")
    if path is None:
        return None
    try:
        said = subprocess.run([path, "-V"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"version (\S+)", said.stderr + said.stdout)
    return found[1] if found else "of unknown version"


def formats() -> list[str]:
    """Return the endings of the files a picture can be saved in here, each tried out."""
    x = Value(2.0, label="x")
    dot = draw(x * x).dot()
    works = [".txt", ".dot", ".svg"]
    for ending in (".png", ".pdf"):
        try:
            render(dot, ending[1:])
        except RenderError:
            continue
        works.append(ending)
    return works


def trouble_with_gradients() -> str:
    """Return what is wrong with a gradient of known value, "" for nothing."""
    x = Value(2.0)
    ((3 * x - 2) ** 2).backward()
    return (
        "" if x.grad == 24.0 else f"the gradient of (3x - 2)**2 at 2 is 24, got {x.grad}. Install autograd_lite again."
    )


def trouble_with_nn() -> str:
    """Return what is wrong with the `nn` that an import would find, "" for nothing."""
    spec = util.find_spec("nn")
    if spec is None:
        return "there is no `nn` to import. Install autograd_lite again."
    where = os.path.realpath(spec.origin) if spec.origin else "a folder without __init__.py"
    if os.path.dirname(os.path.dirname(where)) == os.path.dirname(_home()):
        return ""
    return (
        f"`import nn` finds {where}, which is not ours. Rename it, or start Python in another folder: "
        f"ours lies beside {_home()}."
    )


def _home() -> str:
    return os.path.dirname(os.path.realpath(autograd_lite.__file__))
