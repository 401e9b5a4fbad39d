"""What a primitive is: one row of the table, and how a row meets numbers of every kind.

A row knows a function twice: its *forward* on plain floats, and its *local gradients*,
written with operators, numbers and other rows only. That text is never tied to a number
type, so the same line serves plain floats (the fast path), nodes of a graph (the gradient
is then a graph itself, and can be differentiated again) and whatever else is `Traced`.

A forward raises where it has no value. A local gradient does not: inside gradients rows run
*quiet*, with the IEEE value of their column `edge` instead of the error. Its text is run on
floats first; only where that raises, once more on `QuietFloat`s. Graphs of gradients are made
of `quiet` rows, so that a replay is quiet as well.
"""

from __future__ import annotations

from math import inf, nan
from numbers import Real
from types import BuiltinFunctionType

from autograd_lite.errors import (
    ELSEWHERE,
    DivisionByZeroError,
    DomainError,
    Elsewhere,
    InputTypeError,
    NumberOverflowError,
    OperationError,
    described,
)
from autograd_lite.modes import inside_gradient

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from inspect import Signature
    from typing import Any, NoReturn, TypeAlias, TypeVar, overload

    T = TypeVar("T", bound="Traced")
    LocalGradient: TypeAlias = Callable[..., Any]

ROWS: dict[str, Primitive] = {}
"""Every primitive by name, in the order of the table."""

VARARGS = 0x04  # the flag of a code object that takes *args

FAILURES = (ValueError, ArithmeticError)
"""What a forward function raises where it has no value (ArithmeticError: division, overflow)."""


def to_float(number: object, who: str) -> float:
    """Return a real number as a plain float: the one door by which numbers come in."""
    if number.__class__ is float:
        return number
    kind = type(number)
    if isinstance(number, Real):
        try:
            return float(number)
        except OverflowError:
            raise NumberOverflowError(
                f"{who}: a number must fit into a float, at most 1.8e308, got a larger one of type {kind.__name__}. "
                f"Scale it down, or work with its logarithm: math.log takes an int of any size."
            ) from None
    scalar: Any = number  # numpy's 0-d arrays and bool_ are not registered as Real
    if kind.__module__ == "numpy" and getattr(scalar, "shape", None) == () and scalar.dtype.kind in "biuf":
        return float(scalar)
    raise InputTypeError(f"{who}: a real number is needed, got {described(number)}. {_cure(number, who)}")


def _cure(thing: object, who: str) -> str:
    if isinstance(thing, str):
        return "Convert text with float(...) first."
    if isinstance(thing, complex):
        return "Split it into .real and .imag: gradients here are of real numbers."
    if thing is None:
        return "Write 0.0, or call zero_grad()." if who == "grad" else "Was a return statement forgotten?"
    if isinstance(thing, Traced):
        return "Use v.data for the plain number; the gradient ends there."
    if getattr(thing, "shape", None) == () and hasattr(thing, "item"):  # torch's and jax's arrays of one number
        return "Write x.item() for the plain number."
    if hasattr(thing, "__len__") or hasattr(thing, "__iter__"):
        return f"Apply {who} to one number at a time: [... for x in values]."
    if hasattr(thing, "__float__"):
        return "Write float(...) around it if the conversion is meant."
    return "Pass an int, a float or a Value."


def to_number(number: Any, who: str) -> Any:
    """Return a traced number as it is, any other real number as a plain float."""
    return number if number.__class__ is float or isinstance(number, Traced) else to_float(number, who)


def in_words(numbers: Sequence[float], operands: Sequence[Any]) -> str:
    """Return operands for an error message: "2.0 at node 'x', -1.0"."""
    said = list(map(repr, numbers))
    for k, operand in enumerate(operands):
        if isinstance(operand, Traced):
            said[k] += f" at {operand.place()}"
    return ", ".join(said[:6] + ["..."] * (len(said) > 6)) or "nothing"


class Traced:
    """A number that stands for more than its value: a node of a graph, say.

    A subclass has a `level` and an `apply(primitive, operands)`; operators and rows follow.
    Where kinds meet, the operand of the highest level decides what the result is.
    """

    __slots__ = ()
    level = 0

    def apply(self, primitive: Primitive, operands: tuple[Any, ...]) -> Any:
        """Return `primitive` at `operands`, of which this one has the highest level."""
        raise TypeError(f"{type(self).__name__} does not say how to apply {primitive.name}")

    def place(self) -> str:
        """Say which operand this is, for an error message ('' when there is nothing to say)."""
        return ""

    def __add__(self, other: Any) -> Any:
        return ROWS["add"](self, other)

    def __radd__(self, other: Any) -> Any:
        return ROWS["add"](other, self)

    def __sub__(self, other: Any) -> Any:
        return ROWS["sub"](self, other)

    def __rsub__(self, other: Any) -> Any:
        return ROWS["sub"](other, self)

    def __mul__(self, other: Any) -> Any:
        return ROWS["mul"](self, other)

    def __rmul__(self, other: Any) -> Any:
        return ROWS["mul"](other, self)

    def __truediv__(self, other: Any) -> Any:
        return ROWS["div"](self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return ROWS["div"](other, self)

    def __pow__(self, other: Any) -> Any:
        return ROWS["pow"](self, other)

    def __rpow__(self, other: Any) -> Any:
        return ROWS["pow"](other, self)

    def __neg__(self) -> Any:
        return ROWS["neg"](self)

    def __abs__(self) -> Any:
        return ROWS["abs"](self)

    def __xor__(self, other: Any) -> NoReturn:
        raise InputTypeError("^ : not a power in Python. Write a ** b.")

    def __rxor__(self, other: Any) -> NoReturn:
        self.__xor__(other)

    def __dir__(self) -> list[str]:
        return [name for name in object.__dir__(self) if name not in ELSEWHERE]


for _name in ELSEWHERE:
    setattr(Traced, _name, Elsewhere(_name))


class QuietFloat(Traced):
    """A plain float whose arithmetic never raises: 1/0 is inf, log(-1) is nan.

    It compares and converts as the float it holds, so a condition decides as it did on floats.
    """

    __slots__ = ("number",)
    level = -1

    def __init__(self, number: float) -> None:
        self.number = number

    def __lt__(self, other: Any) -> bool:
        return bool(self.number < bare(other))

    def __le__(self, other: Any) -> bool:
        return bool(self.number <= bare(other))

    def __gt__(self, other: Any) -> bool:
        return bool(self.number > bare(other))

    def __ge__(self, other: Any) -> bool:
        return bool(self.number >= bare(other))

    def __eq__(self, other: object) -> bool:
        return bool(self.number == bare(other))

    def __hash__(self) -> int:
        return hash(self.number)

    def __bool__(self) -> bool:
        return self.number != 0.0

    def __float__(self) -> float:
        return self.number

    def __round__(self, digits: int = 0) -> float:
        return round(self.number, digits)

    def apply(self, primitive: Primitive, operands: tuple[Any, ...]) -> QuietFloat:
        return QuietFloat(primitive.quiet.forward(*[bare(operand) for operand in operands]))


def bare(number: Any) -> Any:
    """Return a number without its `QuietFloat` wrapping, if it has one."""
    return number.number if number.__class__ is QuietFloat else number


class Interval:
    """A set of reals in the usual notation, "(0, inf)" or "[-1, 1]".

    An infinite end is included, since `math.log(inf)` is inf; and nan lies in every interval.
    """

    def __init__(self, text: str) -> None:
        try:
            low, high = text[1:-1].split(",")
            self.low, self.high = float(low), float(high)
        except (TypeError, ValueError, AttributeError):
            raise InputTypeError(f"interval: write it as '(0, inf)' or '[-1, 1]', got {text!r}.") from None
        self.text = text
        self.low_open = text[0] == "(" and self.low != -inf
        self.high_open = text[-1] == ")" and self.high != inf

    def __contains__(self, x: float) -> bool:
        below = x <= self.low if self.low_open else x < self.low
        above = x >= self.high if self.high_open else x > self.high
        return not (below or above)

    def __repr__(self) -> str:
        return self.text


class SignatureOfRow:
    """What `help` and completion show of a row, clip(x, low, high): its operands as its local gradients call them."""

    def __get__(self, row: Primitive | None, kind: object) -> Signature:
        if row is None:
            raise AttributeError("__signature__")  # that of the class is the one of __init__
        from inspect import Parameter, Signature

        if row.variadic:
            return Signature([Parameter("operands", Parameter.VAR_POSITIONAL)])
        names = row.operand_names()
        defaults = (Parameter.empty,) * (len(names) - len(row.defaults)) + row.defaults
        pairs = zip(names, defaults, strict=True)
        return Signature([Parameter(name, Parameter.POSITIONAL_ONLY, default=x) for name, x in pairs])


class Primitive:
    """One row of the table: a function, its local gradients, and what else is known of it.

    Call it on numbers and it returns a number; call it on a `Value` and it returns the
    `Value` that remembers the call. Made by `primitive(...)`; the columns are its attributes.
    """

    def __init__(self, name: str, forward: Callable[..., float], gradients: tuple[LocalGradient | None, ...]) -> None:
        self.name = self.__name__ = name
        self.forward = forward
        self.gradients = gradients
        self.reserved = False
        self.variadic = False
        self.symbol = name
        self.domain: Interval | None = None
        self.rule = ""
        self.cure = ""
        self.kinks: Mapping[tuple[float, ...], tuple[float, ...]] = {}
        self.kink_distance: Callable[..., float] | None = None
        self.probe: tuple[Interval, ...] = ()
        self.edge: Callable[..., float] = _undefined
        self.selection = False
        self.rounding: float | Callable[..., float] = 4.0
        self.defaults: tuple[float, ...] = ()
        self.float_gradients: Callable[..., Sequence[float | None]] | None = None
        self._quiet: Primitive | None = None

    __signature__ = SignatureOfRow()

    @property
    def arity(self) -> int | None:
        """Number of operands, None when the row takes any number of them."""
        return None if self.variadic else len(self.gradients)

    if TYPE_CHECKING:

        @overload
        def __call__(self, *operands: float) -> float: ...
        @overload
        def __call__(self, first: T, /, *operands: T | float) -> T: ...
        @overload
        def __call__(self, *operands: Any) -> Any: ...

    def __call__(self, *operands: Any) -> Any:
        if self.variadic:
            if len(operands) == 1 and not isinstance(operands[0], (float, Traced)):
                operands = _spread(operands[0], self.name)
        elif len(operands) != len(self.gradients):
            operands = self._with_defaults(operands)
        highest = known = None
        has_others = False
        for operand in operands:
            kind = type(operand)
            if kind is float or kind is known:
                continue
            if not isinstance(operand, Traced):
                has_others = True
                continue
            if highest is None or operand.level > highest.level:
                highest = operand
            elif type(kind.level) is int and not kind.__dictoffset__:  # and so no instance has its own
                known = kind
        if has_others:
            operands = tuple([x if isinstance(x, Traced) else to_float(x, self.name) for x in operands])
        if highest is None:
            return self.evaluate(operands)
        return highest.apply(self, operands)

    def operand_names(self) -> list[str]:
        """Return what the local gradients call the operands, or else the forward function."""
        count = len(self.gradients)
        for function, first in [*((gradient, 1) for gradient in self.gradients), (self.forward, 0)]:
            code = getattr(function, "__code__", None)
            if code is not None and code.co_argcount == first + count:
                return list(code.co_varnames[first : first + count])
        return _unnamed(count)

    def _with_defaults(self, operands: tuple[Any, ...]) -> tuple[Any, ...]:
        missing = len(self.gradients) - len(operands)
        if not 0 < missing <= len(self.defaults):
            count = f"{len(self.gradients)} operand{'s' * (len(self.gradients) != 1)}"
            call = f"{self.name}({', '.join(self.operand_names())})"
            raise InputTypeError(f"{self.name}: takes {count}, got {len(operands)}. Write {call}.")
        return operands + self.defaults[-missing:]

    def evaluate(self, numbers: Sequence[float], operands: tuple[Any, ...] = ()) -> float:
        """Return the forward function at plain floats; an error names the operands."""
        try:
            y = self.forward(*numbers)
        except FAILURES as failure:
            if inside_gradient.get():
                return self.edge(*numbers)
            raise self.error(failure, numbers, operands) from None
        return y if y.__class__ is float else self.as_float(y, numbers, operands)

    def as_float(self, y: object, numbers: Sequence[float], operands: tuple[Any, ...]) -> float:
        """Return what the forward function gave as a float, or do as `evaluate` does where it raises."""
        try:
            return _real(y, self.name)
        except FAILURES as failure:
            if inside_gradient.get():
                return self.edge(*numbers)
            raise self.error(failure, numbers, operands) from None

    def error(self, failure: Exception, numbers: Sequence[float], operands: tuple[Any, ...]) -> OperationError:
        """Return the exception to raise for a `failure` of the forward function."""
        kind: type[OperationError] = DomainError
        rule = self.rule or (f"operand must lie in {self.domain}" if self.domain else str(failure))
        cure = self.cure or "Check the operand first, or use where(condition, lambda: ..., ...)."
        if isinstance(failure, OverflowError):
            kind, rule = NumberOverflowError, "result must fit in a float (at most 1.8e308)"
            cure = "Scale the operand down, or work with logarithms (logsumexp, softplus)."
        elif isinstance(failure, ZeroDivisionError):
            kind, rule = DivisionByZeroError, "must not divide by 0"
            cure = "Add a small constant to what is divided by, or branch with where(b != 0, ...)."
        error = kind(f"{self.name}: {rule}, got {in_words(numbers, operands)}. {cure}")
        error.primitive, error.numbers, error.operands = self.name, tuple(numbers), operands
        return error

    def local_gradients(self, y: Any, operands: Sequence[Any]) -> Sequence[Any]:
        """Return dy/doperand for every operand, in the number type of the arguments.

        An entry is None where no gradient ever flows (the condition of `where`).
        """
        if self.variadic:
            gradients: Sequence[Any] = self.gradients[0](y, *operands)  # type: ignore[misc]
            if len(gradients) != len(operands):
                raise InputTypeError(
                    f"{self.name}: a variadic row returns one local gradient per operand, "
                    f"got {len(gradients)} for {len(operands)}."
                )
            return gradients
        return [gradient and gradient(y, *operands) for gradient in self.gradients]

    def note_place(self, error: InputTypeError) -> None:
        """Say on an error that its local gradients raised where this was, and how they are written."""
        error.add_note(
            f"In a local gradient of {self.name}, which is differentiated itself here. "
            f"Write it with operators and functions of autograd_lite."
        )

    def partials(self, y: float, numbers: Sequence[float]) -> Sequence[float | None]:
        """Return the local gradients at plain floats; they never raise, but may be inf or nan."""
        try:
            if self.float_gradients is not None:
                return self.float_gradients(y, *numbers)
            if self.variadic or len(numbers) > 2:
                return self.local_gradients(y, numbers)
            if len(numbers) == 1:  # spelled out: a list comprehension costs more than the arithmetic
                (gradient,), (x,) = self.gradients, numbers
                return (gradient and gradient(y, x),)
            (first, second), (a, b) = self.gradients, numbers
            return first and first(y, a, b), second and second(y, a, b)
        except FAILURES:
            return self._quiet_partials(y, numbers)

    def _quiet_partials(self, y: float, numbers: Sequence[float]) -> Sequence[float | None]:
        try:
            locals_ = self.local_gradients(QuietFloat(y), [QuietFloat(x) for x in numbers])
        except FAILURES:  # a text that calls `math` raises again: nothing is defined here
            return [nan] * len(numbers)
        return [bare(local) for local in locals_]

    @property
    def quiet(self) -> Primitive:
        """The same row with IEEE inf or nan where the forward function would raise."""
        if self._quiet is None:
            name, forward, edge = self.name, self.forward, self.edge

            def quiet_forward(*numbers: float) -> float:
                try:
                    y = forward(*numbers)
                    return y if y.__class__ is float else _real(y, name)
                except FAILURES:
                    return edge(*numbers)

            row = Primitive(self.name, quiet_forward, self.gradients)
            row.__dict__.update(self.__dict__)
            row.forward = quiet_forward
            row._quiet = self._quiet = row
        return self._quiet

    def never_raises(self) -> None:
        """Declare that the forward function never raises, so that the row stays itself inside gradients."""
        self._quiet = self

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def __copy__(self) -> Primitive:
        return self

    def __deepcopy__(self, memo: object) -> Primitive:
        return self

    def __reduce__(self) -> tuple[Callable[[str], Primitive], tuple[str]]:
        return row_named, (self.name,)


def row_named(name: str) -> Primitive:
    """Return the primitive called `name`; pickled models refer to their rows this way."""
    if name not in ROWS:
        raise InputTypeError(f"row_named: no primitive is called {name!r}. Define it with primitive(...) first.")
    return ROWS[name]


def _undefined(*numbers: float) -> float:
    return nan


def _real(y: object, name: str) -> float:
    if isinstance(y, complex):  # a forward written with ** leaves the reals without raising: (-8)**(1/3)
        raise ValueError("result is not real")
    return to_float(y, f"forward of {name}")


def _spread(values: Any, who: str) -> tuple[Any, ...]:
    try:
        items = iter(values)
    except TypeError:
        return (to_float(values, who),)
    return tuple(items)


def _guarded(forward: Callable[..., float], domain: Interval) -> Callable[..., float]:
    def guarded(*numbers: float) -> float:
        for x in numbers:
            if x not in domain:
                raise ValueError("outside of the domain")
        return forward(*numbers)

    return guarded


def _check_function(function: object, count: int | None, who: str, cure: str) -> None:
    """Raise unless `function` can be called with `count` arguments, as far as one can see."""
    if not callable(function):
        raise InputTypeError(f"{who} must be a function, got {described(function)}. Write one with lambda or def.")
    code = getattr(function, "__code__", None)
    if code is None or code.co_flags & VARARGS or count is None:
        return
    at_most = code.co_argcount - (getattr(function, "__self__", None) is not None)
    at_least = at_most - len(getattr(function, "__defaults__", None) or ())
    if not at_least <= count <= at_most:
        arguments = f"{count} argument{'s' * (count != 1)}"
        raise InputTypeError(f"{who} takes {arguments} here, got a function of {at_most}. {cure}")


def _unnamed(count: int | None) -> list[str]:
    """Return names for as many operands, None being any number of them."""
    if count is None:
        return ["*xs"]
    return [f"x{k}" for k in range(1, 1 + count)] if count > 1 else ["x"]


def primitive(
    name: str,
    forward: Callable[..., float],
    *local_gradients: LocalGradient | None,
    variadic: bool = False,
    symbol: str | None = None,
    domain: str | None = None,
    rule: str = "",
    cure: str = "",
    kinks: Mapping[tuple[float, ...], tuple[float, ...]] | None = None,
    kink_distance: Callable[..., float] | None = None,
    probe: str | tuple[str, ...] = "(-3, 3)",
    edge: Callable[..., float] | None = None,
    selection: bool = False,
    rounding: float | Callable[..., float] = 4.0,
    defaults: tuple[float, ...] = (),
    float_gradients: Callable[..., Sequence[float | None]] | None = None,
    doc: str = "",
) -> Primitive:
    """Add a row to the table and return its function, differentiable to any order.

    Args:
        name: what errors, pictures and `repr` call it.
        forward: floats in, float out; raises ValueError, ZeroDivisionError or OverflowError
            where it has no value, as the functions of `math` do.
        local_gradients: dy/doperand, one per operand, each a function of (y, *operands)
            written with operators, numbers and other primitives; None where no gradient
            ever flows. With `variadic`, one function that returns all of them.
        symbol: the glyph in pictures.
        domain: where every operand must lie, "(0, inf)"; an error outside.
        rule, cure: the middle and the end of the error message, where `domain` cannot say it.
        kinks: points where the derivative is a convention, and that convention.
        kink_distance: function of the operands: how far the nearest kink is.
        probe: where finite differences can be trusted, one interval per operand.
        edge: the IEEE value where `forward` raises; used inside gradients only.
        selection: the row picks operands; one whose local gradient is 0 was not used, and
            gets nothing, not 0 x upstream.
        rounding: how far `forward` may be off, in units in the last place of its result; or a
            function of (y, *operands) that gives the error as a multiple of 2**-52.
        defaults: trailing operands that may be left out.
        float_gradients: all local gradients at once on plain floats, where that is faster.

    >>> from autograd_lite import Value, primitive, sigmoid
    >>> from math import exp, log1p
    >>> soft = primitive("soft", lambda x: max(x, 0.0) + log1p(exp(-abs(x))),
    ...                  lambda y, x: sigmoid(x))
    >>> x = Value(0.0); y = soft(x); y.backward(); x.grad
    0.5
    >>> soft(0.0)
    0.6931471805599453
    """
    who = f"primitive {name!r}"
    if not isinstance(name, str) or not name:
        raise InputTypeError(f"primitive: the name must be a non-empty str, got {name!r}.")
    if not local_gradients or (variadic and (len(local_gradients) > 1 or local_gradients[0] is None)):
        need = "exactly one function (y, *xs) -> all of them" if variadic else "one per operand"
        raise InputTypeError(f"{who}: local gradients needed: {need}, got {len(local_gradients)}.")
    count = None if variadic else len(local_gradients)
    _check_function(forward, count, f"{who}: forward", "Give it one local gradient per operand.")
    way = f"Write lambda y, {', '.join(_unnamed(count))}: ..."
    for gradient in local_gradients:
        if gradient is not None:
            _check_function(gradient, count and count + 1, f"{who}: a local gradient", way)
    if not isinstance(defaults, tuple) or len(defaults) >= len(local_gradients):
        raise InputTypeError(f"{who}: defaults must be a tuple of some trailing operands, got {defaults!r}.")
    if symbol is not None and not isinstance(symbol, str):
        raise InputTypeError(f"{who}: the symbol must be a str, got {described(symbol)}.")
    if name in ROWS and ROWS[name].reserved:
        raise InputTypeError(f"primitive: {name!r} is a row of the table already. Choose another name.")
    row = Primitive(name, forward, local_gradients)
    row.variadic, row.symbol = variadic, symbol or name
    row.rule, row.cure, row.defaults, row.selection, row.rounding = rule, cure, defaults, selection, rounding
    row.kinks, row.kink_distance = kinks or {}, kink_distance
    row.edge = edge or _undefined
    row.float_gradients = float_gradients
    row.__doc__ = doc or f"Return {name} of numbers or Values."
    if domain is not None:
        row.domain = Interval(domain)
        if not isinstance(forward, BuiltinFunctionType):  # those of `math` raise by themselves
            row.forward = _guarded(forward, row.domain)
    row.probe = tuple(map(Interval, (probe,) if isinstance(probe, str) else probe))
    ROWS[name] = row
    return row


def custom_gradient(*local_gradients: LocalGradient | None, **columns: Any) -> Callable[..., Primitive]:
    """Return a decorator that makes a row of a function on floats, named after it, with these local gradients.

    The same as `primitive(name, function, *local_gradients, **columns)`.

    >>> from autograd_lite import custom_gradient, grad
    >>> @custom_gradient(lambda y, x: 3.0 * x ** 2)
    ... def cubed(x):
    ...     return x * x * x
    >>> cubed(2.0), grad(cubed)(2.0), grad(grad(cubed))(2.0)
    (8.0, 12.0, 12.0)
    """

    def make_row(forward: Callable[..., float]) -> Primitive:
        _check_function(forward, None, "custom_gradient: the decorated", "@custom_gradient(lambda y, x: ...)")
        return primitive(forward.__name__, forward, *local_gradients, **{"doc": forward.__doc__ or "", **columns})

    return make_row
