"""Value: a number that remembers how it was computed.

`Value` is the node of `graph.py` with operators on it. Every operation makes a new node
that records its primitive and operands; that record is its forward and its backward:

    v.forward_step()     recompute this node from its operands
    v.local_gradients    dv/doperand, the numbers
    v.backward_step()    add local gradient x upstream gradient to each operand

`root.forward()` is forward_step over the topological order, `root.backward()` seeds 1 and is
backward_step over the reversed order.
"""

from __future__ import annotations

import operator
from math import isfinite

from autograd_lite import modes, table
from autograd_lite.errors import InputTypeError, NonFiniteError, NonLeafError
from autograd_lite.graph import (
    Node,
    add_gradients,
    adjoints_of,
    check_fresh,
    clear_gradients,
    contributions,
    graph_sweep,
    hold_gradient,
    numbers_of,
    remember_below,
    replay,
    stored,
    topological_order,
)
from autograd_lite.modes import active, innermost, open_scopes
from autograd_lite.primitives import FAILURES, ROWS, Traced, in_words, to_float
from autograd_lite.table import add, div, mul, neg, pow, sub

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Never, NoReturn, TypeAlias

    from autograd_lite.graph import Number, Stored, Text
    from autograd_lite.primitives import Primitive

    Result: TypeAlias = "Value"  # or a Dual, where one takes part

_epoch = 0  # number of the current evaluation; grows when a leaf is set or a graph replayed


def _set_data(node: Value, number: Number) -> None:
    global _epoch
    if node._primitive is not None:
        raise NonLeafError(
            f"data: only the data of a leaf can be set, not that of {node.place()}, which follows "
            f"from its operands. Set the leaves, then call forward()."
        )
    node._data = to_float(number, "data")
    _epoch += 1
    node._epoch = _epoch


def _method(row: Primitive) -> Callable[..., Value]:
    def method(self: Value, *rest: float) -> Value:
        return row(self, *rest) if rest or row.defaults else self.apply(row, (self,))

    method.__name__, method.__doc__ = row.name, row.__doc__
    method.__wrapped__ = row  # type: ignore[attr-defined]  # whose operands `help` shows
    return method


def _number(other: Any, who: str) -> float:
    if isinstance(other, Node):
        return other._data
    return to_float(getattr(other, "data", other) if isinstance(other, Traced) else other, who)


# What Value and Dual share: functions, since a compiled method takes its own class alone.


def is_same(self: Any, other: object) -> bool:
    if self is other:
        return True
    if isinstance(other, Traced) or not hasattr(other, "__float__"):
        return NotImplemented  # type: ignore[no-any-return]
    raise InputTypeError(
        "Value == number: nodes are equal only to themselves. Write v.data == number, or math.isclose(v.data, number)."
    )


def refuse_to_round(self: Any, digits: object = None) -> NoReturn:
    raise InputTypeError("round: has no useful gradient. Write round(v.data, digits), or floor(v + 0.5).")


def refuse_floor_division(self: Any, other: Any) -> NoReturn:
    raise InputTypeError("// : not defined on Values. Write floor(a / b) from autograd_lite.")


def refuse_remainder(self: Any, other: Any) -> NoReturn:
    raise InputTypeError("% : not defined on Values. Write a - b * floor(a / b) from autograd_lite.")


def meet_numpy(self: Any, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
    """Meet numpy: scalars on the left of an operator are numbers, everything else is refused."""
    name: str = ufunc.__name__
    operator = UFUNC_OPERATORS.get(name)
    if operator and method == "__call__" and not any(getattr(x, "ndim", 0) for x in inputs):
        a, b = (x if isinstance(x, Traced) else to_float(x, name) for x in inputs)
        return operator(a, b)
    if name in ROWS:
        call = f"{name}({'v' if ROWS[name].arity == 1 else '...'})"
        raise InputTypeError(f"np.{name}: would lose the gradient. Write {call} from autograd_lite.")
    if any(getattr(x, "ndim", 0) for x in inputs):
        raise InputTypeError(
            f"np.{name}: a Value does not mix with numpy arrays. Write [x * v for x in array], "
            f"or v.data for the plain number."
        )
    raise InputTypeError(
        f"np.{name}: would lose the gradient. Use operators and the functions of autograd_lite, "
        f"or v.data for the plain number."
    )


class Value(Node):
    """A scalar that remembers how it was computed, and so can be differentiated.

    Args:
        data: the number.
        label: its name in error messages, pictures and `repr`.
        role: what a leaf is in the picture: "parameter", "input" or "constant".

    >>> x = Value(2.0, label="x")
    >>> y = (3 * x - 2) ** 2
    >>> y.backward()
    >>> y.data, x.grad
    (16.0, 24.0)
    """

    __slots__ = ()
    level = 0

    def __init__(self, data: Number, label: Text | None = None, role: Text | None = None) -> None:
        self._data = data if type(data) is float else to_float(data, "Value")
        self._grad = 0.0
        self._primitive = self._a = self._b = None
        self._walk = 0
        self._epoch = _epoch
        if label is not None:
            self.label = label
        if role is not None:
            self.role = role

    data: Stored[float] = stored("_data", "The number, a float. Only a leaf's can be set.", _set_data)

    def named(self, label: Text) -> Value:
        """Set the label and return this node: `z = (x * y).named("z")`."""
        self.label = label
        return self

    # ---- making nodes

    def apply(self, primitive: Primitive, operands: tuple[Any, ...]) -> Value:
        """Return the node of `primitive` at operands that are Values or plain floats."""
        quiet = active.count and modes.inside_gradient.get()
        if quiet:
            primitive = primitive.quiet
        node: Value = Value.__new__(Value)
        node._primitive = primitive
        left: Value  # of class Value: one that a program holds (Resident) is asked, and comes back
        right: Value
        try:
            if len(operands) == 1:
                node._a = left = operands[0]
                node._b = None
                data = primitive.forward(left._data if type(left) is Value else operands[0]._data)
            elif len(operands) == 2:
                node._a, node._b = a, b = operands
                if type(a) is Value:
                    left = a
                    x = left._data
                else:
                    x = a if type(a) is float else a._data
                if type(b) is Value:
                    right = b
                    z = right._data
                else:
                    z = b if type(b) is float else b._data
                data = primitive.forward(x, z)
            else:
                node._a, node._b = operands, None
                numbers: list[float] = []
                for operand in operands:
                    if type(operand) is Value:
                        left = operand
                        numbers.append(left._data)
                    else:
                        numbers.append(operand if type(operand) is float else operand._data)
                data = primitive.forward(*numbers)
        except FAILURES as failure:
            raise primitive.error(failure, numbers_of(node), operands) from None
        node._data = data if type(data) is float else primitive.as_float(data, numbers_of(node), operands)
        node._grad = 0.0
        node._epoch = _epoch
        node._walk = 0
        if active.count:
            if not quiet and modes.checking.get() and not isfinite(node._data):
                raise nonfinite_error(primitive, node._data, operands)
            if not modes.recording.get():
                node._record(None, ())
        if open_scopes and node._primitive is not None:
            node._notes = innermost.get()
        return node

    # `+`, `-`, `*` are spelled out: they cannot fail, and are most of every graph. A law of
    # the tests holds them to their rows.

    def __add__(self, other: Any) -> Value:
        if active.count:
            return self._apply_to(add, self, other)
        node: Value = Value.__new__(Value)
        kind = type(other)
        if kind is Value:
            right: Value = other
            node._data = self._data + right._data
        else:
            if kind is not float:
                if kind is not int:
                    return add(self, other)  # type: ignore[no-any-return]
                other = float(other)
            number: float = other
            node._data = self._data + number
        node._grad = 0.0
        node._primitive = add
        node._a = self
        node._b = other
        node._epoch = _epoch
        node._walk = 0
        if open_scopes:
            node._notes = innermost.get()
        return node

    def __radd__(self, other: Any) -> Value:
        return self._apply_to(add, other, self)

    def __sub__(self, other: Any) -> Value:
        if active.count:
            return self._apply_to(sub, self, other)
        node: Value = Value.__new__(Value)
        kind = type(other)
        if kind is Value:
            right: Value = other
            node._data = self._data - right._data
        else:
            if kind is not float:
                if kind is not int:
                    return sub(self, other)  # type: ignore[no-any-return]
                other = float(other)
            number: float = other
            node._data = self._data - number
        node._grad = 0.0
        node._primitive = sub
        node._a = self
        node._b = other
        node._epoch = _epoch
        node._walk = 0
        if open_scopes:
            node._notes = innermost.get()
        return node

    def __mul__(self, other: Any) -> Value:
        if active.count:
            return self._apply_to(mul, self, other)
        node: Value = Value.__new__(Value)
        kind = type(other)
        if kind is Value:
            right: Value = other
            node._data = self._data * right._data
        else:
            if kind is not float:
                if kind is not int:
                    return mul(self, other)  # type: ignore[no-any-return]
                other = float(other)
            number: float = other
            node._data = self._data * number
        node._grad = 0.0
        node._primitive = mul
        node._a = self
        node._b = other
        node._epoch = _epoch
        node._walk = 0
        if open_scopes:
            node._notes = innermost.get()
        return node

    def __rsub__(self, other: Any) -> Value:
        return self._apply_to(sub, other, self)

    def __isub__(self, other: Any) -> Value:
        # In PyTorch's loop, `for p in model.parameters(): p -= lr * p.grad`, nothing would be learned.
        if self._primitive is None and type(other) is float and self.role == "parameter":
            raise InputTypeError(
                f"-= : makes a new Value, and leaves {self.place()} as it is. "
                f"Write p.data -= ... to move a parameter, or p = p - ... where a new Value is meant."
            )
        return self.__sub__(other)

    def __rmul__(self, other: Any) -> Value:
        return self._apply_to(mul, other, self)

    def __truediv__(self, other: Any) -> Value:
        return self._apply_to(div, self, other)

    def __rtruediv__(self, other: Any) -> Value:
        return self._apply_to(div, other, self)

    def __pow__(self, other: Any) -> Value:
        return self._apply_to(pow, self, other)

    def __rpow__(self, other: Any) -> Value:
        return self._apply_to(pow, other, self)

    def _apply_to(self, primitive: Primitive, a: Any, b: Any) -> Result:
        """Return primitive(a, b), one of which is this node, without the row's look at both."""
        kind = type(b if a is self else a)
        if kind is int:
            return self.apply(primitive, (self, float(b)) if a is self else (float(a), self))
        if kind is Value or kind is float:
            return self.apply(primitive, (a, b))
        return primitive(a, b)  # type: ignore[no-any-return]

    def __neg__(self) -> Value:
        return self.apply(neg, (self,))

    def __pos__(self) -> Value:
        return self

    # ---- comparison, truth, conversion: by value where Python needs an answer, refused where
    # ---- the gradient would be lost without a word

    def __lt__(self, other: Any) -> bool:
        return self._data < _number(other, "<")

    def __le__(self, other: Any) -> bool:
        return self._data <= _number(other, "<=")

    def __gt__(self, other: Any) -> bool:
        return self._data > _number(other, ">")

    def __ge__(self, other: Any) -> bool:
        return self._data >= _number(other, ">=")

    def __hash__(self) -> int:
        return object.__hash__(self)

    def __eq__(self, other: object) -> bool:
        return is_same(self, other)

    def __bool__(self) -> bool:
        return self._data != 0.0

    def __float__(self) -> NoReturn:
        raise InputTypeError(
            "float: a Value was used where a plain number is needed, which would lose its gradient. "
            "Use exp(v), log(v), ... from autograd_lite instead of math's, or v.data for the plain number."
        )

    def __int__(self) -> NoReturn:
        self.__float__()

    def __index__(self) -> NoReturn:
        self.__float__()

    __complex__ = __trunc__ = __floor__ = __ceil__ = __float__

    __round__ = refuse_to_round

    def __floordiv__(self, other: Any) -> NoReturn:
        refuse_floor_division(self, other)

    def __rfloordiv__(self, other: Any) -> NoReturn:
        refuse_floor_division(self, other)

    def __mod__(self, other: Any) -> NoReturn:
        refuse_remainder(self, other)

    def __rmod__(self, other: Any) -> NoReturn:
        refuse_remainder(self, other)

    __array_ufunc__ = meet_numpy

    def __repr__(self) -> str:
        label = f", label={self.label!a}" if self.label else ""
        return f"Value(data={self._data!r}, grad={self.grad!r}{label})"

    def __format__(self, spec: str) -> str:
        return format(self._data, spec) if spec else repr(self)

    def __reduce__(self) -> tuple[Callable[..., Value], tuple[Any, ...]]:
        if self._primitive is not None:
            raise NonLeafError(
                f"copy: only leaves can be copied or pickled, not {self.place()}. "
                f"Copy the leaves and build the expression again."
            )
        return _restore, (self._data, self.grad, self.label, self.role)

    # ---- the two passes, whole and step by step

    @property
    def local_gradients(self) -> tuple[float, ...]:
        """dv/doperand for each operand, in order; 0 for a constant, which does not vary.

        >>> a, b = leaves(a=2.0, b=5.0)
        >>> (a * b).local_gradients
        (5.0, 2.0)
        """
        if self._primitive is None:
            return ()
        check_fresh(self)
        partials = self._primitive.partials(self._data, numbers_of(self))
        return tuple(
            0.0 if type(operand) is float else float(local or 0.0)
            for operand, local in zip(self.operands, partials, strict=True)
        )

    def forward_step(self) -> None:
        """Recompute this node from its operands as they are now."""
        self._replay([])

    def forward(self) -> float:
        """Recompute every node below this one from the leaves as they are now; return the value.

        The recorded graph is replayed. Rows decide their branches anew (relu, where, max);
        Python's own `if`, `max` and `sorted` stay as they were when the graph was built.

        >>> x = Value(2.0)
        >>> y = x * x
        >>> x.data = 3.0
        >>> y.forward()
        9.0
        """
        self._replay(remember_below(self))
        return self._data

    def _replay(self, below: list[Value]) -> None:
        global _epoch
        _epoch += 1
        replay(below, self, _epoch)
        if active.count and modes.checking.get():
            for node in [*below, self]:
                if not isfinite(node._data) and (primitive := node._primitive) is not None:
                    raise nonfinite_error(primitive, node._data, node.operands)

    def backward_step(self) -> None:
        """Add local gradient x upstream gradient (this node's grad) to the grad of each operand."""
        check_fresh(self)
        for operand, term in contributions(self, self._grad):
            hold_gradient(operand, operand.grad + term)

    def backward(self, seed: Number = 1.0, *, create_graph: bool = False, **unknown: Never) -> None:
        """Add seed * dself/dleaf to the grad of every leaf below.

        Leaves accumulate over calls, as the batch algorithm wants; the nodes between start
        afresh each time. `zero_grad()` clears both.

        Args:
            seed: the upstream gradient of this node.
            create_graph: make the grads of leaves Values, which can be differentiated again. A leaf
                and its gradient then refer to each other: call zero_grad() when done with them, or
                use `gradients(..., create_graph=True)`, which returns them instead.

        Raises:
            StaleGraphError: a leaf was set after this node was computed; call forward().
            InputTypeError: another keyword was given, such as PyTorch's retain_graph: a graph stays as it is.

        >>> x = Value(3.0)
        >>> y = x * x * x
        >>> y.backward(); y.backward()
        >>> x.grad
        54.0
        >>> x.zero_grad(); y.backward(create_graph=True)
        >>> gradients(x.grad, [x])                         # 6x
        [18.0]
        """
        if unknown:
            raise InputTypeError(
                f"backward: takes seed and create_graph, got {next(iter(unknown))}. Leave retain_graph out (a graph is "
                f"never freed by backward), and write seed for PyTorch's gradient."
            )
        if create_graph:
            nodes = topological_order(self)
            for node, graph in zip(nodes, gradients(self, nodes, create_graph=True, seed=seed), strict=True):
                if node._primitive is not None:
                    node._grad = graph._data
                else:
                    gathered = node.grad
                    hold_gradient(node, graph + gathered if type(gathered) is Value or gathered else graph)
            return
        add_gradients(self, to_float(seed, "backward: seed"))

    def zero_grad(self) -> None:
        """Set the grad of this node and of every node below it to 0."""
        clear_gradients(self)

    # ---- the unary rows as methods; a test holds each to its row

    abs = _method(table.abs)
    exp = _method(table.exp)
    exp2 = _method(table.exp2)
    expm1 = _method(table.expm1)
    log = _method(table.log)
    log2 = _method(table.log2)
    log10 = _method(table.log10)
    log1p = _method(table.log1p)
    sqrt = _method(table.sqrt)
    cbrt = _method(table.cbrt)
    sin = _method(table.sin)
    cos = _method(table.cos)
    tan = _method(table.tan)
    asin = _method(table.asin)
    acos = _method(table.acos)
    atan = _method(table.atan)
    sinh = _method(table.sinh)
    cosh = _method(table.cosh)
    tanh = _method(table.tanh)
    asinh = _method(table.asinh)
    acosh = _method(table.acosh)
    atanh = _method(table.atanh)
    erf = _method(table.erf)
    erfc = _method(table.erfc)
    normal_cdf = _method(table.normal_cdf)
    sigmoid = _method(table.sigmoid)
    logsigmoid = _method(table.logsigmoid)
    softplus = _method(table.softplus)
    softsign = _method(table.softsign)
    relu = _method(table.relu)
    leaky_relu = _method(table.leaky_relu)
    elu = _method(table.elu)
    gelu = _method(table.gelu)
    gelu_tanh = _method(table.gelu_tanh)
    silu = _method(table.silu)
    step = _method(table.step)
    sign = _method(table.sign)
    floor = _method(table.floor)
    detach = _method(table.detach)


class Resident(Value):
    """A leaf whose numbers live in the memory of a program, until somebody looks: see `compiler.resident`."""

    __slots__ = ()


if hasattr(Value.__hash__, "__code__"):  # not compiled: then this one is in C, and a third of the cost
    Value.__hash__ = object.__hash__  # type: ignore[method-assign]
else:
    from importlib import import_module

    for _kind in (Value, Resident):
        import_module("autograd_lite.memory").take_over(_kind)

UFUNC_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "power": operator.pow,
    "float_power": operator.pow,
    "floor_divide": operator.floordiv,
    "remainder": operator.mod,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "equal": operator.eq,
    "not_equal": operator.ne,
}
"""numpy scalars on the left hand over to these (a numpy ufunc's name -> the operator)."""


def _restore(data: float, grad: float, label: Text | None, role: Text | None) -> Value:
    leaf = Value(data, label, role)
    hold_gradient(leaf, grad)
    return leaf


def nonfinite_error(primitive: Primitive, y: float, operands: tuple[Any, ...]) -> NonFiniteError:
    numbers = tuple([x if type(x) is float else x.data for x in operands])
    error = NonFiniteError(
        f"{primitive.name}: result must be finite, got {y!r} from {in_words(numbers, operands)}. "
        f"Look at the operands: one is too large, or nan already."
    )
    error.primitive, error.numbers, error.operands = primitive.name, numbers, operands
    return error


def leaves(**numbers: Number) -> list[Value]:
    """Return one leaf per keyword, labelled with it: `w, x = leaves(w=2.0, x=-1.0)`.

    >>> w, x = leaves(w=2.0, x=-1.0)
    >>> w
    Value(data=2.0, grad=0.0, label='w')
    """
    return [Value(number, label) for label, number in numbers.items()]


def gradients(root: Value, leaves: Iterable[Value], *, create_graph: bool = False, seed: Number = 1.0) -> list[Any]:
    """Return droot/dleaf for each leaf, touching no `.grad`.

    Args:
        root: what is differentiated.
        leaves: with respect to what; any nodes below root. One that is not gets 0.
        create_graph: return Values that can be differentiated again, instead of floats.
        seed: the upstream gradient of the root.

    >>> x = Value(2.0)
    >>> dx, = gradients(x ** 3, [x], create_graph=True)
    >>> dx.data, gradients(dx, [x])
    (12.0, [12.0])
    """
    if not isinstance(root, Value):
        raise InputTypeError(f"gradients: the root must be a Value, got {root!r} of type {type(root).__name__}.")
    if isinstance(leaves, Value):
        raise InputTypeError("gradients: leaves must be a list, got one Value. Write gradients(root, [leaf]).")
    wanted = list(leaves)
    for leaf in wanted:
        if not isinstance(leaf, Value):
            raise InputTypeError(f"gradients: leaves must be Values, got {leaf!r} of type {type(leaf).__name__}.")
    start = to_float(seed, "gradients: seed")
    if not create_graph:
        return adjoints_of(wanted, root, start)
    with modes.Mode(modes.inside_gradient, True), modes.Mode(modes.recording, True):
        graphs = graph_sweep(root, start)
        found = [graphs.get(leaf, 0.0) for leaf in wanted]
        return [gradient if type(gradient) is Value else Value(gradient) for gradient in found]
