"""The command line: `python -m autograd_lite`, or `autograd-lite`.

Exit codes: 0 done, 1 it failed, 2 the command was not understood. Every command imports
what it needs when it runs.
"""

from __future__ import annotations

import os
import sys

from autograd_lite.errors import AutogradError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    >>> main(["--version"])
    autograd_lite 0.1.0
    0
    """
    from autograd_lite.cli.console import complain

    try:
        options = _parser().parse_args(argv)
    except SystemExit as stop:  # argparse has said what it had to say
        return int(stop.code or 0)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # `... | head`: what is left has no reader
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        complain("interrupted")
        return 1
    except (AutogradError, OSError) as error:
        complain(f"error: {error}")
        return 1
    return code


def _parser() -> ArgumentParser:
    import argparse

    from autograd_lite import __version__

    parser = argparse.ArgumentParser(
        prog="autograd_lite",
        description="Scalar automatic differentiation you can read, see and trust.",
        epilog="Without a command: a neuron with its gradients, and the list of commands.",
    )
    parser.add_argument("--version", action="version", version=f"autograd_lite {__version__}")
    parser.set_defaults(run=_welcome)
    commands = parser.add_subparsers(metavar="command")

    demo = commands.add_parser("demo", help="the chain rule, a neuron, and a classifier trained on Iris")
    demo.add_argument("--folder", default="autograd_lite_demo", help="where files go (default: ./autograd_lite_demo)")
    demo.set_defaults(run=_demo)

    doctor = commands.add_parser("doctor", help="what is installed, what works, what to install")
    doctor.set_defaults(run=_doctor)
    return parser


def _welcome(options: Namespace) -> int:
    from autograd_lite.cli.demonstration import welcome

    return welcome()


def _demo(options: Namespace) -> int:
    from autograd_lite.cli.demonstration import demo

    return demo(options.folder)


def _doctor(options: Namespace) -> int:
    from autograd_lite.cli.examination import doctor

    return doctor()
