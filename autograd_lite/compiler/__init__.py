"""The compiler: scalar graph in, native loops out.

Read in this order:

    guards     what Python decides on the way, checked in every call
    tape       Values -> flat arrays of integers
    circuit    the words of all that follows: nodes, terms, axes
    normal     -> every run of additions and products one sum of products
    looks, batch -> samples found as isomorphic parts, the batch an axis
    adjoint    -> gradients in pull form, again sums of products
    forms      -> rows spelled out in elementary rows
    affine, roll -> thousands of nodes become loops
    plan, repeat  what is computed when, and what comes again and again
    emit_numpy the loops as NumPy calls: the reference
    writer, rows_llvm, streams -> what is said in LLVM, and where numbers lie
    team       the blocks of samples among threads
    tile, emit_llvm -> the loops as vectors of machine code
    vm         graphs without loops, from tables
    control, pack, kernel  what native code is told, data into blocks, the update rules
    source, build, native, way, turns, resident, trainer, listing, program: what is compiled, in which order, buffers,
               one way through its branches, whose call it is, where parameters live, steps, text, results

`import autograd_lite` imports none of this but the function below.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from autograd_lite.compiler.program import Program
    from autograd_lite.value import Value


def compile(
    what: Any,
    parameters: Iterable[Value] | None = None,
    *,
    inputs: Iterable[Value] | None = None,
    batch: Any = None,
    gradient: bool | None = None,
    penalty: Callable[[], Value] | None = None,
    engine: str | None = None,
    threads: int = 1,
    verify: bool = False,
) -> Program:
    """Return a program that computes `what`, and its gradient, at native speed.

    Args:
        what: a function of no arguments that returns the loss (a loop over the samples, say), and may
            branch on Values; or, with `batch`, a function of one example; or a Value, or a list of them.
        parameters: the leaves to differentiate with respect to.
        inputs: leaves whose numbers may change from call to call; every other leaf is a constant.
        batch: X, or (X, y): one entry per example. The value is the mean over the examples.
        gradient: False for values alone, as in prediction; True where there are parameters.
        penalty: with `batch`, a function of no arguments whose result is added once.
        engine: None takes the fastest that can run it; "native", "table", "numpy" or "eager" asks for one.
        threads: how many cores share a pass over many samples. The results are the same, bit for bit.
        verify: compare once with the tape's own backward pass.

    Raises:
        ImportError: numpy or llvmlite is missing; they are in the extra `fast`.
        InputTypeError: the function reads a Value's `.data`, or that of one example branches on it.

    >>> from autograd_lite import Value, compile
    >>> w, b = Value(0.5), Value(0.0)
    >>> program = compile(lambda x, y: (w * x + b - y) ** 2, [w, b], batch=([1.0, 2.0], [1.0, 2.0]), verify=True)
    >>> value, gradient = program()
    >>> value, gradient.tolist(), w.grad
    (0.625, [-2.5, -1.5], -2.5)
    """
    try:
        from autograd_lite.compiler.program import build
        from autograd_lite.compiler.source import source_of
    except ImportError as error:
        raise ImportError(
            f"compile: numpy and llvmlite are needed, got none of {error.name}. "
            f"Install them with: pip install 'autograd_lite[fast]'"
        ) from error
    return build(source_of(what, parameters, inputs, batch, gradient, penalty), engine, threads, verify)
