"""Transforms: functions of functions. `grad(f)` is f', `hessian(f)` its second derivatives.

f is any Python function of numbers, lists and nested lists of numbers, written with operators
and the functions of this library. Transforms nest in any order. What they return is made of
floats, unless an argument, or a Value that f closes over, is itself being differentiated:
then it is part of that graph.
"""

from __future__ import annotations

from operator import index

from autograd_lite import modes
from autograd_lite.dual import Dual, Moving, new_level, push, second_sweep
from autograd_lite.errors import ArgumentError, InputTypeError, described
from autograd_lite.graph import sweep, topological_order
from autograd_lite.modes import Mode
from autograd_lite.primitives import Traced, to_number
from autograd_lite.series import Expansion
from autograd_lite.table import dot_row, identity
from autograd_lite.value import Value, gradients

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any, TypeAlias

    Function: TypeAlias = Callable[..., Any]
    Argnums: TypeAlias = "int | tuple[int, ...]"


def grad(f: Function, argnums: Argnums = 0) -> Function:
    """Return the function that gives df/dargument, in the shape of that argument.

    Args:
        f: a function that returns one number.
        argnums: which positional argument, or a tuple of several; the first unless given.

    >>> cube = lambda x: x ** 3
    >>> grad(cube)(2.0), grad(grad(cube))(2.0)
    (12.0, 12.0)
    >>> grad(lambda w, x: w[0] * x + w[1])([2.0, 1.0], 5.0)
    [5.0, 1.0]
    """
    _check(f, "grad", argnums)

    def gradient(*args: Any, **options: Any) -> Any:
        run = _Run(f, args, argnums, options, "grad")
        return run.shaped(run.gradient(run.root()))

    return _named(gradient, "grad", f)


def value_and_grad(f: Function, argnums: Argnums = 0) -> Function:
    """Return the function that gives (f, df/dargument) from one evaluation.

    >>> value_and_grad(lambda x: x * x)(3.0)
    (9.0, 6.0)
    """
    _check(f, "value_and_grad", argnums)

    def value_and_gradient(*args: Any, **options: Any) -> tuple[Any, Any]:
        run = _Run(f, args, argnums, options, "value_and_grad")
        root = run.root()
        return run.plain(root), run.shaped(run.gradient(root))

    return _named(value_and_gradient, "value_and_grad", f)


def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """Return f(*primals) and its derivative along the tangents: one forward pass, no graph.

    Args:
        f: a function that returns a number, or a list or nested list of numbers.
        primals: its positional arguments.
        tangents: the direction, in the same shape.

    >>> jvp(lambda x, y: x * y, (2.0, 5.0), (1.0, 0.0))
    (10.0, 5.0)
    """
    _check(f, "jvp")
    if not isinstance(primals, (list, tuple)):
        raise InputTypeError(
            f"jvp: the primals must be a list of arguments, got {primals!r}. Write jvp(f, (x,), (v,))."
        )
    points, directions = _numbers(primals, "jvp"), _matched(primals, tangents, "jvp: the tangents")
    level = new_level()
    duals = iter([Dual(x, t, level=level) for x, t in zip(points, directions, strict=True)])
    out = f(*[_shaped_like(primal, duals) for primal in primals])
    flat = _numbers(out, "jvp: the function's result")
    ys = [y.primal if _is_of(level, y) else y for y in flat]
    rates = [y.tangent if _is_of(level, y) else 0.0 for y in flat]
    return _shaped_like(out, iter(ys)), _shaped_like(out, iter(rates))


def _is_of(level: int, number: Any) -> bool:
    return number.__class__ is Dual and number.level == level


def vjp(f: Function, *primals: Any) -> tuple[Any, Function]:
    """Return f(*primals), and the function from weights of its results to gradients of the arguments.

    The pullback takes one weight per result, in its shape, and returns a tuple with the
    derivative of the weighted sum by each argument: one backward sweep.

    >>> y, pullback = vjp(lambda x, y: [x * y, x + y], 2.0, 5.0)
    >>> y, pullback([1.0, 0.0]), pullback([0.0, 1.0])
    ([10.0, 7.0], (5.0, 2.0), (1.0, 1.0))
    """
    _check(f, "vjp")
    run = _Run(f, primals, tuple(range(len(primals))), {}, "vjp")
    ys = run.numbers()

    def pullback(weights: Any) -> tuple[Any, ...]:
        total = _weighted(ys, _matched(run.out, weights, "vjp: the weights"))
        found: tuple[Any, ...] = run.shaped(run.gradient(total))
        return found

    return _shaped_like(run.out, iter([run.plain(y) for y in ys])), pullback


def linearize(f: Function, *primals: Any) -> tuple[Any, Function]:
    """Return f(*primals), and the linear function of tangents that approximates f there.

    f is evaluated once, and each call of the linear function is a pass over the record of it; only where
    something else is being differentiated too, a call evaluates f again.

    >>> y, along = linearize(lambda x, y: x * y, 2.0, 5.0)
    >>> y, along(1.0, 0.0), along(0.0, 1.0), along(1.0, 1.0)
    (10.0, 5.0, 2.0, 7.0)
    """
    _check(f, "linearize")
    run = _Run(f, primals, tuple(range(len(primals))), {}, "linearize")
    ys = run.numbers()
    order = dict.fromkeys([node for y in ys if isinstance(y, Value) for node in topological_order(y)])
    plain = not any(isinstance(y, Moving) or run.is_traced(y) for y in ys)

    def along(*tangents: Any) -> Any:
        flat = _matched(primals, tangents, "linearize: the tangents")
        if not plain or any(isinstance(t, Traced) for t in flat):
            return jvp(f, primals, tangents)[1]
        rates = push(order, dict(zip(run.variables, flat, strict=True)))
        return _shaped_like(run.out, iter([(rates[y] or 0.0) if isinstance(y, Value) else 0.0 for y in ys]))

    return _shaped_like(run.out, iter([run.plain(y) for y in ys])), along


def jacobian(f: Function, argnums: Argnums = 0) -> Function:
    """Return the function that gives the derivative of every result by every number of an argument.

    The answer has the shape of f's result, and in place of each number there the shape of
    the argument: for a list of m functions of a list of n numbers, m rows of n.

    >>> jacobian(lambda x: [x[0] * x[1], x[0] + x[1]])([2.0, 5.0])
    [[5.0, 2.0], [1.0, 1.0]]
    """
    _check(f, "jacobian", argnums)

    def jacobian_of(*args: Any, **options: Any) -> Any:
        run = _Run(f, args, argnums, options, "jacobian")
        return _shaped_like(run.out, iter([run.shaped(run.gradient(y)) for y in run.numbers()]))

    return _named(jacobian_of, "jacobian", f)


def hessian(f: Function, argnums: Argnums = 0) -> Function:
    """Return the function that gives all second derivatives of f by the numbers of an argument.

    The lower triangle is computed, the upper one is its mirror image. With several argnums
    every number of these arguments is differentiated by every other, in blocks.

    >>> hessian(lambda x: x[0] ** 2 * x[1])([3.0, 5.0])
    [[10.0, 6.0], [6.0, 0.0]]
    """
    _check(f, "hessian", argnums)

    def hessian_of(*args: Any, **options: Any) -> Any:
        run = _Run(f, args, argnums, options, "hessian")
        root = run.root()
        traced = run.is_traced(root)
        rows: list[list[Any]] = []
        for i, slope in enumerate(_pull(root, run.variables, traced=True)):
            rows.append(_pull(slope, run.variables[: i + 1], traced))
            for j in range(i):
                rows[j].append(rows[i][j])
        return run.shaped([run.shaped(row) for row in rows])

    return _named(hessian_of, "hessian", f)


def hvp(f: Function, argnums: Argnums = 0) -> Function:
    """Return the function that gives the Hessian of f times a vector, which is its last argument.

    Forward over reverse: the tangents run through the recorded graph, then values and tangents
    run back through it together. No matrix is made.

    >>> hvp(lambda x: x[0] ** 2 * x[1])([3.0, 5.0], [1.0, 0.0])       # the first column
    [10.0, 6.0]
    """
    _check(f, "hvp", argnums)

    def hessian_times_vector(*args: Any, **options: Any) -> Any:
        if len(args) < 2:
            raise InputTypeError(
                f"hvp: a vector is needed after the arguments, got {len(args)} in all. Write hvp(f)(x, v)."
            )
        *point, vector = args
        run = _Run(f, point, argnums, options, "hvp")
        root = run.root()
        along = _matched(run.shape, vector, "hvp: the vector")
        traced = run.is_traced(root) or any(isinstance(t, Traced) for t in along)
        if root.__class__ is Value and not traced:
            return run.shaped(second_sweep(root, run.variables, along))
        slopes = _pull(root, run.variables, traced=True)
        return run.shaped(_pull(_weighted(slopes, along), run.variables, traced and run.recording))

    return _named(hessian_times_vector, "hvp", f)


def derivative(f: Function, n: int = 1) -> Function:
    """Return the n-th derivative by the first argument, a number, in time that grows as a power of n.

    >>> derivative(lambda x: x ** 3, 2)(5.0), derivative(lambda x, y: x * y)(2.0, 5.0)
    (30.0, 5.0)
    """
    _check(f, "derivative")
    order = _order(n, "derivative")

    def nth(x: Any, *rest: Any, **options: Any) -> Any:
        return _expanded(f, x, rest, Expansion(order), options, "derivative")[-1]

    return _named(nth, "derivative", f)


def taylor(f: Function, n: int) -> Function:
    """Return the function that gives the coefficients of f(x + t) = c0 + c1 t + ... + cn t**n.

    Further arguments of f stay where they are.

    >>> taylor(lambda x: x ** 3, 3)(2.0)
    [8.0, 12.0, 6.0, 1.0]
    """
    _check(f, "taylor")
    order = _order(n, "taylor")

    def coefficients(x: Any, *rest: Any, **options: Any) -> list[Any]:
        return _expanded(f, x, rest, Expansion(order, scaled=True), options, "taylor")

    return _named(coefficients, "taylor", f)


def _expanded(f: Function, x: Any, rest: Sequence[Any], expansion: Expansion, options: Any, who: str) -> list[Any]:
    """Return f and its derivatives, or its Taylor coefficients."""
    moving = expansion.number(to_number(x, f"{who}: the argument"), 1.0)
    try:
        return expansion.terms_of(_one_number(f(moving, *rest, **options), who))
    finally:
        expansion.close()


# ---- one evaluation of a function, recorded


class _Run:
    """f at some arguments: what it was differentiated by, and what it returned."""

    def __init__(self, f: Function, args: Sequence[Any], argnums: Argnums, options: Any, who: str) -> None:
        positions = _positions(argnums, len(args), who)
        chosen = [args[k] for k in positions]
        self.shape: Any = tuple(chosen) if isinstance(argnums, tuple) else chosen[0]
        self.recording = modes.recording.get()
        self.variables: list[Value] = []
        self.who = who
        passed = list(args)
        for k in positions:
            numbers = _numbers(args[k], f"{who}: argument {k}")
            passed[k] = _shaped_like(args[k], iter([self._variable(x) for x in numbers]))
        if self.recording:  # not in a block that changes nothing: every operation would look for its mode
            self.out = f(*passed, **options)
        else:
            with Mode(modes.recording, True):
                self.out = f(*passed, **options)
        for variable in self.variables:
            if variable.is_leaf:  # f is done: to everyone but this run, in whose gradients it may stay, a constant
                variable.role = "constant"

    def _variable(self, x: Any) -> Any:
        """Return x as a node of its own, remembered: what the caller does with x elsewhere is no part of f."""
        if isinstance(x, Moving):
            primal, *rest = x.parts
            return x.like(self._variable(primal), *rest)
        self.variables.append(Value(x) if x.__class__ is float else x.apply(identity, (x,)))
        return self.variables[-1]

    def root(self) -> Any:
        """Return what f returned, if that is one number."""
        return _one_number(self.out, self.who)

    def numbers(self) -> list[Any]:
        """Return the numbers that f returned, in order."""
        return _numbers(self.out, f"{self.who}: the function's result")

    def shaped(self, flat: Iterable[Any]) -> Any:
        """Return one item per variable in the shape of the arguments."""
        return _shaped_like(self.shape, iter(flat))

    def is_traced(self, root: Any) -> bool:
        """True where root depends on a Value that is no variable of this run."""
        if isinstance(root, Moving):
            return any(map(self.is_traced, root.parts))
        return isinstance(root, Value) and self.recording and _has_others(topological_order(root), self.variables)

    def plain(self, y: Any) -> Any:
        """Return a result as a float where nothing outside of this run depends on its graph."""
        if isinstance(y, Moving):
            return y.like(*map(self.plain, y.parts))
        return y.data if isinstance(y, Value) and not self.is_traced(y) else y

    def gradient(self, root: Any) -> list[Any]:
        """Return droot/dvariable; floats unless root is traced."""
        if isinstance(root, Moving):
            return _part_by_part(root, self.gradient)
        if not isinstance(root, Value):
            return [0.0] * len(self.variables)
        adjoints = sweep(root, 1.0)
        if self.recording and _has_others(adjoints, self.variables):
            return _pull(root, self.variables, traced=True)
        return [adjoints.get(variable, 0.0) for variable in self.variables]


def _has_others(nodes: Iterable[Value], variables: Sequence[Value]) -> bool:
    own = set(variables)
    return any(not node.operands and node not in own and node.role != "constant" for node in nodes)


def _part_by_part(root: Moving, slopes: Function) -> list[Any]:
    """Return what `slopes` says of each part, joined per variable: derivatives along different ways commute."""
    return [root.like(*parts) for parts in zip(*map(slopes, root.parts), strict=True)]


def _pull(root: Any, variables: Sequence[Value], traced: bool) -> list[Any]:
    """Return droot/dvariable."""
    if isinstance(root, Moving):
        return _part_by_part(root, lambda part: _pull(part, variables, traced))
    if not isinstance(root, Value):
        return [0.0] * len(variables)
    found = gradients(root, variables, create_graph=traced)
    for slope in found if traced else ():
        if slope.is_leaf:  # it came out as a plain number: nothing that can be differentiated again
            slope.role = "constant"
    return found


def _weighted(ys: Sequence[Any], weights: Sequence[Any]) -> Any:
    """Return the sum of weight * y, as a node to start a sweep from: its own value may overflow."""
    if not ys:
        return 0.0
    with Mode(modes.inside_gradient, True), Mode(modes.recording, True):
        return dot_row(*ys, *weights)


# ---- arguments


def _check(f: Any, who: str, argnums: Any = 0) -> None:
    if not callable(f) or isinstance(f, Traced):
        raise InputTypeError(f"{who}: a function is needed, got {described(f)}. Write {who}(f), not {who}(f(x)).")
    for k in argnums if isinstance(argnums, tuple) else (argnums,):
        if not isinstance(k, int) or isinstance(k, bool):
            raise InputTypeError(f"{who}: argnums must be an int or a tuple of ints, got {argnums!r}. Write argnums=0.")


def _order(n: Any, who: str) -> int:
    try:
        order = index(n)
    except TypeError:
        raise InputTypeError(f"{who}: the order must be an int, got {described(n)}.") from None
    if order < 0:
        raise ArgumentError(f"{who}: the order must be at least 0, got {order}. Write {who}(f, 1) for the slope.")
    return order


def _positions(argnums: Argnums, count: int, who: str) -> list[int]:
    wanted = argnums if isinstance(argnums, tuple) else (argnums,)
    for k in wanted:
        if not -count <= k < count:
            raise ArgumentError(
                f"{who}: argnums must name positional arguments, of which there are {count}, got {k}. "
                f"Count from 0, and pass by position what is differentiated."
            )
    positions = [k % count for k in wanted]
    if len(set(positions)) < len(positions):
        raise ArgumentError(f"{who}: argnums must name each argument once, got {argnums!r}. Leave out the repetition.")
    return positions


def _numbers(tree: Any, who: str) -> list[Any]:
    """Return the numbers of nested lists in order."""
    if isinstance(tree, (list, tuple)):
        return [number for branch in tree for number in _numbers(branch, who)]
    if getattr(tree, "ndim", 0):
        raise InputTypeError(f"{who}: numbers in nested lists are needed, got {described(tree)}. Write x.tolist().")
    return [to_number(tree, who)]


def _shaped_like(tree: Any, numbers: Iterator[Any]) -> Any:
    """Return nested lists of the shape of `tree`, filled with `numbers`."""
    if isinstance(tree, list):
        return [_shaped_like(branch, numbers) for branch in tree]
    if isinstance(tree, tuple):
        return tuple([_shaped_like(branch, numbers) for branch in tree])
    return next(numbers)


def _shape(tree: Any) -> Any:
    return [_shape(branch) for branch in tree] if isinstance(tree, (list, tuple)) else 0


def _matched(tree: Any, other: Any, who: str) -> list[Any]:
    """Return the numbers of `other`, which must have the shape of `tree`."""
    numbers = _numbers(other, who)
    if _shape(tree) != _shape(other):
        raise ArgumentError(
            f"{who}: must have the shape of what it belongs to, {tree!r}, got {other!r}. Pass one number for each."
        )
    return numbers


def _one_number(out: Any, who: str) -> Any:
    if isinstance(out, (list, tuple)):
        raise InputTypeError(
            f"{who}: the function must return one number, got a {type(out).__name__} of {len(out)}. "
            f"Write jacobian(f) for all of them, or return their sum."
        )
    return to_number(out, f"{who}: the function's result")


def _named(transformed: Function, who: str, f: Function) -> Function:
    transformed.__name__ = f"{who}({getattr(f, '__name__', 'f')})"
    return transformed
