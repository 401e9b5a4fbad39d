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

    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the shell, `>&-`: what is said has no reader
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    try:
        options = _parser().parse_args(_with_signs(sys.argv[1:] if argv is None else argv))
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
    except OSError as error:
        complain(f"error: {error.filename or 'file'}: {error.strerror or error}")
        return 1
    except AutogradError as error:
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

    formula = argparse.ArgumentParser(add_help=False)
    formula.add_argument("expression", metavar="EXPR", help='a formula as in Python, such as "x*exp(-w*x)"')
    formula.add_argument("numbers", metavar="NAME=NUMBER", nargs="*", help="one for each name in it")

    drawing = commands.add_parser("draw", parents=[formula], help="the tree of an expression, and its picture")
    drawing.add_argument("-o", "--output", metavar="FILE", help="write the picture: .svg .html .png .pdf .dot .txt")
    drawing.add_argument("--force", action="store_true", help="overwrite the file")
    drawing.set_defaults(run=_draw)

    checking = commands.add_parser("check", parents=[formula], help="its gradient against finite differences")
    checking.set_defaults(run=_check)

    explaining = commands.add_parser("explain", parents=[formula], help="its chain rule, written out with numbers")
    explaining.add_argument("--wrt", metavar="NAME", action="append", help="differentiate by this (default: by each)")
    explaining.set_defaults(run=_explain)

    training = commands.add_parser("train", help="a classifier, on toy data or a CSV file of your own")
    training.add_argument("data", metavar="DATA", help="iris, xor, spirals, moons, circles, blobs, digits or FILE.csv")
    training.add_argument("--label", metavar="COLUMN", help="the column of classes in FILE.csv (default: the last)")
    training.add_argument(
        "--hidden", type=_width, nargs="*", default=[8], help="widths of the hidden layers (default: 8)"
    )
    training.add_argument("--activation", default="tanh", help="of the hidden layers (default: tanh)")
    training.add_argument("--loss", choices=["cross_entropy", "bce_logits"], default="cross_entropy")
    training.add_argument("--optimizer", choices=["sgd", "adam"], default="sgd")
    training.add_argument("--lr", type=float, help="learning rate (default: 0.1, for adam 0.01)")
    training.add_argument("--epochs", type=int, default=100, help="default: 100")
    training.add_argument("--batch-size", type=int, default=10, help="default: 10")
    training.add_argument("--test", type=float, default=1 / 3, help="share that is held out (default: a third)")
    training.add_argument("--seed", type=int, default=0, help="of the split, the weights and the batches (default: 0)")
    training.add_argument("--save", metavar="FILE", help="write the model as JSON")
    training.add_argument("--force", action="store_true", help="overwrite the file")
    training.add_argument("--json", action="store_true", help="print the result as JSON")
    training.add_argument("--quiet", action="store_true", help="no progress line")
    training.set_defaults(run=_train)

    doctor = commands.add_parser("doctor", help="what is installed, what works, what to install")
    doctor.set_defaults(run=_doctor)
    return parser


def _width(text: str) -> int:
    from argparse import ArgumentTypeError

    try:
        return int(text)
    except ValueError:
        raise ArgumentTypeError(
            f"a width is needed, got {text!r:.40} (DATA comes first: train iris --hidden 8 8)"
        ) from None


def _with_signs(argv: Sequence[str]) -> list[str]:
    """Return the arguments with a blank before a formula that starts with a minus: argparse takes no such option."""
    if not argv or argv[0] not in ("draw", "check", "explain"):
        return list(argv)
    options = ("-o", "-h", "--output", "--force", "--wrt", "--help")
    return [a if not a.startswith("-") or a.startswith(options) else f" {a}" for a in argv]


def _welcome(options: Namespace) -> int:
    from autograd_lite.cli.demonstration import welcome

    return welcome()


def _demo(options: Namespace) -> int:
    from autograd_lite.cli.demonstration import demo

    return demo(options.folder)


def _draw(options: Namespace) -> int:
    from autograd_lite.cli.inspection import draw_expression

    return draw_expression(options.expression, options.numbers, options.output, force=options.force)


def _check(options: Namespace) -> int:
    from autograd_lite.cli.inspection import check_expression

    return check_expression(options.expression, options.numbers)


def _explain(options: Namespace) -> int:
    from autograd_lite.cli.derivations import explain_expression

    return explain_expression(options.expression, options.numbers, options.wrt)


def _train(options: Namespace) -> int:
    from autograd_lite.cli.training import train

    return train(options)


def _doctor(options: Namespace) -> int:
    from autograd_lite.cli.examination import doctor

    return doctor()
