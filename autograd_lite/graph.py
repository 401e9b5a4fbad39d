"""The graph: what a node is, the order of its nodes, and the sweeps that run the chain rule.

Data flows operands -> node -> users; gradients flow back. Nothing here recurses: a chain of
a million nodes is walked at the default recursion limit.
"""

from __future__ import annotations

from _thread import RLock  # threading itself takes most of a millisecond to import, weakref half of one
from _weakref import ref
from itertools import count
from math import nan
from operator import attrgetter

from autograd_lite.errors import InputTypeError, NonLeafError, OperationError, StaleGraphError, described
from autograd_lite.primitives import FAILURES, Traced, to_float
from autograd_lite.table import add, chain, gate, mul, sub
from autograd_lite.variant import NATIVE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, Generic, TypeAlias, TypeVar

    from autograd_lite.modes import Scope
    from autograd_lite.primitives import Primitive

    T = TypeVar("T")
    Number: TypeAlias = float  # what a caller gives: looked at by the function itself
    Text: TypeAlias = str
    Epoch: TypeAlias = int

    fetch: Callable[[Node, int], None]  # the memory so many bytes behind a node: an instruction, of graph.pxd

    class Stored(Generic[T]):
        """What `stored` returns, as type checkers see it."""

        def __get__(self, node: Any, kind: Any = None) -> T: ...
        def __set__(self, node: Any, thing: T) -> None: ...


def stored(slot: str, doc: str, set_it: Callable[..., None] | None = None) -> Any:
    """Return the property that reads a slot; attrgetter runs in C, a third of the cost of a Python getter."""
    return property(attrgetter(slot), set_it, doc=doc)


STALE = -1
"""An epoch older than any: the node must be recomputed before a gradient is asked of it."""

HELD = 1 << 62
"""The epoch of a leaf whose number lives in a program, newer than any: a look at `_data` brings it back."""

AHEAD = 2048
"""How many bytes behind a compiled node those begin that a walk comes by some twenty nodes later: its memory is asked
for them now. Nodes lie in the order in which they were made, and that is nearly the order of a walk."""

ROLES = ("parameter", "input", "constant")


class Notes:
    """What few nodes have: a label, say, and of a root that was replayed the order of what is below it."""

    __slots__ = ("gradient", "holder", "label", "order", "part")

    def __init__(self, part: Scope | str | None) -> None:
        self.part = part  # the scope that a result was made in, the role that a leaf plays
        self.label: str | None = None
        self.gradient: Any = None
        self.order: Order | None = None
        self.holder: Any = None  # a weak reference to what has the numbers of a leaf in its memory


class Order:
    """The nodes below a root in topological order, the root itself left out: it owns this."""

    __slots__ = ("__weakref__", "nodes")

    def __init__(self, nodes: list[Any]) -> None:
        self.nodes: list[Any] | None = nodes


class Node(Traced):
    """One number of a graph: its value, and the primitive and operands that made it.

    Constants stay plain floats inside `operands`: no node, no gradient. `_epoch` says which
    evaluation the number belongs to: a node older than one of its operands is stale.
    """

    __slots__ = ("_a", "_adjoint", "_b", "_data", "_epoch", "_grad", "_notes", "_primitive", "_walk")

    _data: float
    _grad: float  # nan where the notes may hold a graph instead
    _primitive: Primitive | None
    _a: Any  # one or two operands, each a Node or a float, in slots of their own: no tuple to make; more: a tuple in _a
    _b: Any
    _epoch: int
    _walk: int  # the last walk that came by
    _adjoint: float  # of the sweep that goes on
    _notes: Notes | Scope | str | None  # of a result the scope, of a leaf the role; where there is more, all of it

    @property
    def operands(self) -> tuple[Any, ...]:
        """The operands in order, constants as floats."""
        b = self._b
        if b is not None:
            return self._a, b
        a = self._a
        if type(a) is tuple:
            return a
        return () if a is None else (a,)

    def _record(self, primitive: Primitive | None, operands: tuple[Any, ...]) -> None:
        """Make this the node of `primitive` at `operands`; (None, ()) makes it a leaf."""
        self._primitive = primitive
        if len(operands) == 2:
            self._a, self._b = operands
        else:
            self._a, self._b = operands if len(operands) > 2 else operands[0] if operands else None, None

    primitive: Stored[Primitive | None] = stored("_primitive", "The row of the table that made it; None for a leaf.")

    @property
    def grad(self) -> float:
        """The gradient gathered so far: a float, or a graph of its own."""
        gradient = self._grad
        return gradient if gradient == gradient else self._gradient_graph()

    @grad.setter
    def grad(self, number: Number) -> None:
        gradient = to_float(number, "grad")
        if self._grad != self._grad:
            hold_gradient(self, gradient)
        self._grad = gradient

    def _gradient_graph(self) -> Any:
        notes = getattr(self, "_notes", None)
        return notes.gradient if type(notes) is Notes and notes.gradient is not None else self._grad

    @property
    def label(self) -> str | None:
        """The name of this node, None without one."""
        notes = getattr(self, "_notes", None)
        return notes.label if type(notes) is Notes else None

    @label.setter
    def label(self, label: Text) -> None:
        if not isinstance(label, str):
            raise InputTypeError(f"label: a str is needed, got {described(label)}. Write v.label = 'x'.")
        notes_of(self).label = label

    @property
    def role(self) -> str | None:
        """What a leaf is: "parameter", "input" or "constant"; None where it was not said."""
        return self._part() if self._primitive is None else None

    @role.setter
    def role(self, role: Text) -> None:
        if self._primitive is not None:
            raise NonLeafError(f"role: only a leaf has a role, and {self.place()} is a result.")
        if role not in ROLES:
            raise InputTypeError(f"role: must be one of {', '.join(map(repr, ROLES))}, got {role!r}.")
        notes_of(self).part = role

    @property
    def scope(self) -> Scope | None:
        """The innermost `scope` this node was made in, None outside of any."""
        return None if self._primitive is None else self._part()

    def _part(self) -> Any:
        notes = getattr(self, "_notes", None)
        return notes.part if type(notes) is Notes else notes

    @property
    def is_leaf(self) -> bool:
        """True where no operation made this node: a parameter, an input, a constant."""
        return self._primitive is None

    def place(self) -> str:
        if self.label:
            return f"node {self.label!a}"
        return "an unnamed leaf" if self._primitive is None else f"an unnamed result of {self._primitive.name}"


def notes_of(node: Node) -> Notes:
    """Return what is noted of a node, to add to it."""
    noted = getattr(node, "_notes", None)
    if type(noted) is Notes:
        return noted
    notes = node._notes = Notes(noted)
    return notes


def hold_gradient(node: Node, gradient: Any) -> None:
    """Make this float, or graph, the gradient of a node."""
    is_float = type(gradient) is float
    node._grad = gradient if is_float else nan
    notes = getattr(node, "_notes", None)
    if not is_float or type(notes) is Notes:
        notes_of(node).gradient = None if is_float else gradient


_walks = count(1)
_depth = 0
_one_at_a_time = RLock()  # walks leave marks on nodes, sweeps their sums: leaves may be shared between threads


def topological_order(root: Node) -> list[Any]:
    """Return every node below root and root itself, operands before their users.

    The order depends on the structure alone: it is the same in every process.

    >>> from autograd_lite import leaves, topological_order
    >>> a, b = leaves(a=2.0, b=3.0)
    >>> [node.label or node.primitive.name for node in topological_order(a * b + a)]
    ['a', 'b', 'mul', 'add']
    """
    if not isinstance(root, Node):
        raise InputTypeError(f"topological_order: a Value is needed, got {root!r} of type {type(root).__name__}.")
    return _in_order(root)


_last = ref(Order([]))  # the order that is kept, as long as its root lives: none


def remember_below(root: Node) -> list[Any]:
    """Return the nodes below root, without it, in an order it remembers: its operands never change, nor does that.

    Only the root replayed last does so: many roots over one graph would hold as many orders of it.
    """
    global _last
    notes = notes_of(root)
    if notes.order is not None and notes.order.nodes is not None:
        return notes.order.nodes
    nodes = _in_order(root)
    nodes.pop()
    last = _last()
    if last is not None:
        last.nodes = None
    notes.order = Order(nodes)
    _last = ref(notes.order)
    return nodes


def _remembered(root: Node) -> list[Any] | None:
    notes = getattr(root, "_notes", None)
    nodes = notes.order.nodes if type(notes) is Notes and notes.order is not None else None
    return None if nodes is None else [*nodes, root]


def _in_order(root: Node) -> list[Any]:
    order = _remembered(root)
    if order is not None:
        return order
    with _one_at_a_time:
        sums = _sums_below(root)
        order = _operands_first(root)
        _put_back(sums)
        return order


def _sums_below(root: Node, others: Sequence[Any] = ()) -> dict[Any, float]:
    """Return the sums below root of a sweep that is under way: one of its rows may ask for an order or a gradient."""
    if not _depth:
        return {}
    sums: dict[Any, float] = {}
    stack: list[Any] = [root, *others]
    while stack:
        node = stack.pop()
        if node not in sums:
            sums[node] = getattr(node, "_adjoint", 0.0)
            stack += [operand for operand in node.operands if type(operand) is not float]
    return sums


def _put_back(sums: dict[Any, float]) -> None:
    for node, sum_so_far in sums.items():
        node._adjoint = sum_so_far


def _operands_first(root: Node) -> list[Any]:
    """Return the nodes in topological order, the sum of each at 0.

    Go down to the first operand that was not met yet; where there is none, the node is next.
    Each of two operands is spelled out: a loop over both takes half as long again (in Python, 146
    and 232 ns a node of a chain of 200000, 193 and 269 of a random graph of 121000).
    """
    walk = next(_walks)
    order: list[Any] = []
    above: list[Any] = []  # nodes that wait for an operand
    node: Node = root
    below: Node
    while True:
        if NATIVE:  # a wide graph of a million: 44 ns a node without, 27 with it
            fetch(node, AHEAD)  # noqa: F821  # there is one where this is compiled
        a, b = node._a, node._b
        if type(a) is tuple:
            # An operand may stand here twice, or be met below another before its turn comes.
            waiting = []
            for operand in a:
                if type(operand) is not float:
                    below = operand
                    if below._walk != walk:
                        waiting.append(below)
            if waiting:
                above.append(node)
                waiting.reverse()
                above += waiting
                node = above.pop()
                continue
        elif type(a) is not float and a is not None:
            below = a
            if below._walk != walk:
                if below._primitive is not None:
                    above.append(node)
                    node = below
                    continue
                below._walk = walk
                below._adjoint = 0.0
                order.append(below)
        if type(b) is not float and b is not None:
            below = b
            if below._walk != walk:
                if below._primitive is not None:
                    above.append(node)
                    node = below
                    continue
                below._walk = walk
                below._adjoint = 0.0
                order.append(below)
        if node._walk != walk:
            node._walk = walk
            node._adjoint = 0.0
            order.append(node)
        if not above:
            return order
        node = above.pop()


def flatten(leaves: Sequence[Any], nodes: Sequence[Any], roots: Sequence[Any]) -> Any:
    """Number leaves and nodes from `start` on; return (start, operands, numbers, codes, lengths, kinds, roots).

    `operands` are the numbers of the nodes' operands, one node after the other: -1 for a float, which
    is next in `numbers`, and below start for what was not numbered. `kinds[codes[k]]` are the row of
    node k and how many operands it has, -1 where that is next in `lengths`. Numbers are taken from
    those of walks, so that they are told from any that stand on nodes already. The loop is spelled
    out, as that of a walk is, and for the same reason.
    """
    from collections import defaultdict  # two milliseconds, and nobody else needs it

    global _walks
    with _one_at_a_time:
        start = number = next(_walks)
        places: list[int] = []
        numbers: list[float] = []
        codes: list[int] = []
        lengths: list[int] = []
        new_code = count().__next__
        one: Any = defaultdict(new_code)
        two: Any = defaultdict(new_code)
        many: Any = defaultdict(new_code)
        node: Node
        below: Node
        for node in leaves:
            node._walk = number
            number += 1
        for node in nodes:
            a, b = node._a, node._b
            if b is not None:
                if type(a) is float:
                    places.append(-1)
                    numbers.append(a)
                else:
                    below = a
                    places.append(below._walk)
                if type(b) is float:
                    places.append(-1)
                    numbers.append(b)
                else:
                    below = b
                    places.append(below._walk)
                codes.append(two[node._primitive])
            elif type(a) is tuple:
                for operand in a:
                    if type(operand) is float:
                        places.append(-1)
                        numbers.append(operand)
                    else:
                        below = operand
                        places.append(below._walk)
                codes.append(many[node._primitive])
                lengths.append(len(a))
            elif a is None:  # a result of no_grad
                codes.append(many[None])
                lengths.append(0)
            else:
                below = a
                places.append(below._walk)
                codes.append(one[node._primitive])
            node._walk = number
            number += 1
        _walks = count(number)
        kinds = {code: (row, length) for length, of in ((1, one), (2, two), (-1, many)) for row, code in of.items()}
        return start, places, numbers, codes, lengths, kinds, [root._walk for root in roots]


def zeros_below(root: Node) -> dict[Any, float]:
    """Return {node: 0.0} in topological order, none of them stale: where a sweep starts from."""
    order = _in_order(root)
    for node in order:
        check_fresh(node)
    return dict.fromkeys(order, 0.0)


def _stale(node: Node, operand: Node) -> StaleGraphError:
    return StaleGraphError(
        f"gradient: {operand.place()} has a newer value than {node.place()}, which was computed "
        f"from an older one. Call root.forward() first, or build the expression again."
    )


def check_fresh(node: Node) -> None:
    """Raise StaleGraphError if an operand of this node has a newer value than the node itself."""
    for operand in node.operands:
        if type(operand) is not float and operand._epoch > node._epoch:
            if operand._epoch == HELD:
                numbers_of(node)
                if operand._epoch <= node._epoch:
                    continue
            raise _stale(node, operand)


def numbers_of(node: Node) -> list[float]:
    """Return the operands of a node as plain floats."""
    return [operand if type(operand) is float else operand._data for operand in node.operands]


def replay(below: list[Any], root: Node, epoch: Epoch) -> None:
    """Recompute the nodes below root and itself from their operands; those that were stale join `epoch`.

    An operation without a value raises only if root uses it: not in a branch that `where` did
    not take. There it is nan.
    """
    failures: dict[Node, OperationError] = {}
    _recompute(below, epoch, failures)
    _recompute([root], epoch, failures)
    if failures:
        used = used_by(root)
        reached = [node for node in failures if node in used]
        for node in reached:
            node._epoch = STALE
        if reached:
            raise failures[reached[0]]


def _recompute(nodes: list[Any], epoch: Epoch, failures: dict[Node, OperationError]) -> None:
    node: Node
    for node in nodes:
        primitive = node._primitive
        if primitive is None:
            continue
        a, b = node._a, node._b
        newest = STALE
        operands: tuple[Any, ...]
        numbers: Sequence[float]
        if b is not None:
            if type(a) is float:
                x: float = a
            else:
                left: Node = a
                x, newest = left._data, left._epoch
            if type(b) is float:
                z: float = b
            else:
                right: Node = b
                z = right._data
                if right._epoch > newest:
                    newest = right._epoch
        else:
            operands = a if type(a) is tuple else (a,)
            found: list[float] = []
            for operand in operands:
                if type(operand) is float:
                    found.append(operand)
                else:
                    left = operand
                    found.append(left._data)
                    if left._epoch > newest:
                        newest = left._epoch
            numbers = found
        if newest > node._epoch:
            if newest > epoch:  # a program holds the number of a leaf, or has just brought it back
                if newest == HELD:
                    numbers = numbers_of(node)
                    if b is not None:
                        x, z = numbers
                    newest = max([operand._epoch for operand in node.operands if type(operand) is not float])
                epoch = max(epoch, newest)
            if newest > node._epoch:
                node._epoch = epoch
        if b is not None:
            if primitive is mul:  # spelled out, as in the sweep
                node._data = x * z
                continue
            if primitive is add:
                node._data = x + z
                continue
            operands, numbers = (a, b), (x, z)
        try:
            node._data = primitive.evaluate(numbers, operands)
        except OperationError as error:
            node._data, failures[node] = nan, error


def used_by(root: Node) -> set[Node]:
    """Return the nodes that root depends on, without the branches that a selection did not take."""
    used = {root}
    stack = [root]
    while stack:
        node = stack.pop()
        if node._primitive is None:
            continue
        partials = node._primitive.partials(node._data, numbers_of(node)) if node._primitive.selection else None
        for k, operand in enumerate(node.operands):
            if type(operand) is float or operand in used or (partials and partials[k] == 0.0):
                continue
            used.add(operand)
            stack.append(operand)
    return used


def contributions(node: Node, upstream: float) -> list[tuple[Any, float]]:
    """Return (operand, local gradient x upstream gradient) for each operand that gets one."""
    primitive = node._primitive
    if primitive is None or not upstream:  # zero upstream stays zero, even times inf
        return []
    a, b, y = node._a, node._b, node._data
    pairs: Iterable[tuple[Any, Any]]
    if b is not None:
        first, second = primitive.partials(y, (a if type(a) is float else a._data, b if type(b) is float else b._data))
        pairs = (a, first), (b, second)
    elif type(a) is tuple:
        numbers: list[float] = []  # read as fields, where `numbers_of` asks for attributes
        for operand in a:
            if type(operand) is float:
                numbers.append(operand)
            else:
                below: Node = operand
                numbers.append(below._data)
        pairs = zip(a, primitive.partials(y, numbers), strict=True)
    else:
        (local,) = primitive.partials(y, (a._data,))
        pairs = ((a, local),)
    terms: list[tuple[Any, float]] = []
    for operand, local in pairs:
        if type(operand) is float:
            continue
        if type(local) is not float:
            local = local_as_float(primitive, local)
        if local or not (local is None or primitive.selection):
            terms.append((operand, upstream * local))
    return terms


def local_as_float(primitive: Primitive, local: Any) -> float | None:
    """Return a local gradient that is not a float as one, or None where the row declares that none flows."""
    if local is None and (primitive.variadic or None in primitive.gradients):
        return None
    return to_float(local, f"local gradient of {primitive.name}")


def sweep(root: Node, seed: float) -> dict[Any, float]:
    """Return seed times droot/dnode for every node below root, in topological order."""
    return _swept(root, seed, lambda order: {node: node._adjoint for node in order})


def adjoints_of(wanted: list[Any], root: Node, seed: float) -> list[float]:
    """Return seed times droot/dnode for each of the wanted nodes, 0 for one that is not below root."""
    return _swept(root, seed, lambda order: [node._adjoint for node in wanted], wanted)


def add_gradients(root: Node, seed: float) -> None:
    """Add seed times droot/dleaf to the grad of every leaf below root; set the grad of the nodes between."""
    _swept(root, seed, _deposit)


def _deposit(order: list[Any]) -> None:
    node: Node
    for node in order:
        if node._primitive is not None:
            node._grad = node._adjoint
        elif node._grad == node._grad:
            node._grad += node._adjoint
        else:  # maybe a graph
            hold_gradient(node, node.grad + node._adjoint)


def clear_gradients(root: Node) -> None:
    """Set the grad of root and of every node below it to 0."""
    node: Node
    for node in _in_order(root):
        if node._grad != node._grad:
            hold_gradient(node, 0.0)
        node._grad = 0.0


def _swept(root: Node, seed: float, harvest: Callable[[list[Any]], T], wanted: Sequence[Any] = ()) -> T:
    """Return what `harvest` makes of the nodes below root while `_adjoint` is the gradient of each."""
    global _depth
    with _one_at_a_time:
        sums = _sums_below(root, wanted)
        for node in wanted:
            node._adjoint = 0.0
        _depth += 1
        try:
            return harvest(_sweep(root, seed))
        except StaleGraphError:
            raise
        except Exception:  # of a row, at numbers that perhaps do not belong together
            zeros_below(root)
            raise
        finally:
            _depth -= 1
            _put_back(sums)


def _sweep(root: Node, seed: float) -> list[Any]:
    """Run the chain rule backward, summing up in `_adjoint`; return the nodes in topological order.

    Each node, users before operands, passes local gradient x upstream gradient on to its
    operands; several contributions add up. `mul`, `add` and `sub` are spelled out because
    nine nodes in ten are one of these; a law of the tests holds them to their rows.
    """
    node: Node
    order = _remembered(root)
    if order is None:
        order = _operands_first(root)
    else:
        for node in order:
            node._adjoint = 0.0
    root._adjoint = seed
    newest = oldest = root._epoch  # of all nodes, of the results
    for node in reversed(order):
        epoch = node._epoch
        if epoch > newest:
            newest = epoch
        primitive = node._primitive
        if primitive is None:
            continue
        if epoch < oldest:
            oldest = epoch
        upstream: float = node._adjoint
        if not upstream:  # zero upstream stays zero, even times inf
            continue
        a, b = node._a, node._b
        if primitive is mul:
            if type(a) is float:
                right: Node = b
                number: float = a
                right._adjoint += upstream * number
            elif type(b) is float:
                left: Node = a
                number = b
                left._adjoint += upstream * number
            else:
                left, right = a, b
                left._adjoint += upstream * right._data
                right._adjoint += upstream * left._data
        elif primitive is add:
            if type(a) is not float:
                left = a
                left._adjoint += upstream
            if type(b) is not float:
                right = b
                right._adjoint += upstream
        elif primitive is sub:
            if type(a) is not float:
                left = a
                left._adjoint += upstream
            if type(b) is not float:
                right = b
                right._adjoint -= upstream
        else:
            for operand, term in contributions(node, upstream):
                left = operand
                left._adjoint += term
    if newest != oldest:  # looked for here, where every node is at hand anyway
        for node in order:
            check_fresh(node)
    return order


def graph_sweep(root: Node, seed: Any) -> dict[Any, Any]:
    """Return what `sweep` returns, as graphs: gradients that can be differentiated again.

    Only what is zero by structure is left out. A factor that happens to be zero now has
    derivatives of its own, and a replay may move it.
    """
    adjoints = {root: seed}
    for node in reversed(zeros_below(root)):
        primitive = node._primitive
        if primitive is None or node not in adjoints:
            continue
        upstream = adjoints[node]
        product = gate if primitive.selection else chain
        for operand, local in zip(node.operands, _graph_local_gradients(node), strict=True):
            if type(operand) is float:
                continue
            if local is None:
                local_as_float(primitive, None)  # raises where a gradient was declared
                continue
            term = upstream if type(local) is float and local == 1.0 else product(upstream, local)
            adjoints[operand] = adjoints[operand] + term if operand in adjoints else term
    return adjoints


def _graph_local_gradients(node: Any) -> Any:
    primitive, operands = node._primitive, node.operands
    try:
        return _gradients_of_nodes(primitive, node, operands, operands)
    except InputTypeError as error:
        primitive.note_place(error)
        raise
    except FAILURES:  # plain arithmetic on constants raised; as leaves they follow quiet rows
        leaves = [type(node)(operand, None, "constant") if type(operand) is float else operand for operand in operands]
        return _gradients_of_nodes(primitive, node, operands, leaves)


def _gradients_of_nodes(primitive: Primitive, y: Any, operands: Any, numbers: Any) -> Any:
    if primitive.variadic:
        return primitive.local_gradients(y, numbers)
    return [
        None if type(operand) is float or gradient is None else gradient(y, *numbers)
        for operand, gradient in zip(operands, primitive.gradients, strict=True)
    ]
