"""The gradient, in pull form: the adjoint of a node is one sum over its users.

    adjoint(v) = Σ over uses of v:  adjoint(u) · other factor  |  ± adjoint(u)  |  adjoint(u) · ∂u/∂v

So the backward pass is made of the same sums of products as the forward pass, and is rolled
by the same code; nothing is scattered, nothing transposed. The adjoint of a shared leaf that
samples use is a sum over the samples by itself. Local gradients are those of the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from autograd_lite.compiler.circuit import Circuit, Symbol, Term
from autograd_lite.compiler.forms import SMOOTH
from autograd_lite.errors import AutogradError, Uncompilable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from autograd_lite.primitives import Primitive


def add_gradients(circuit: Circuit, root: int, parameters: int, rows: Mapping[str, Primitive]) -> list[int]:
    """Add the gradient of root to a circuit; return its node for each parameter."""
    count = len(circuit)
    varies = bytearray(count)
    for node in range(count):
        varies[node] = node in circuit.parameters or any(
            varies[a] or (b >= 0 and varies[b]) for _, a, b in circuit.terms[node]
        )
    uses: list[list[Term]] = [[] for _ in range(count)]
    found: dict[int, int] = {}
    for node in circuit.live([root])[::-1]:
        if not varies[node]:
            continue
        circuit.place = node
        if node == root:
            adjoint = circuit.constant(1.0)
        elif uses[node]:
            adjoint = circuit.total(reversed(uses[node]), circuit.axis[node])
        else:  # below a step or a detach only
            continue
        if circuit.axis[adjoint] != circuit.axis[node]:
            raise Uncompilable("a gradient does not lie on the axis of its sample")
        if node in circuit.parameters:
            found[circuit.parameters[node]] = adjoint
        elif circuit.op[node] == "sum":
            for role, a, b in reversed(circuit.terms[node]):
                if b >= 0 and varies[b]:
                    uses[b].append((role, adjoint, a))
                if varies[a]:
                    uses[a].append((role, adjoint, b))
        else:
            _through_row(circuit, node, adjoint, rows[circuit.op[node]], varies, uses)
    circuit.place = None
    return [found[k] if k in found else circuit.constant(0.0) for k in range(parameters)]


def _through_row(
    circuit: Circuit, node: int, adjoint: int, row: Primitive, varies: bytearray, uses: list[list[Term]]
) -> None:
    operands, is_over_samples = circuit.operands(node), circuit.is_over_samples(node)
    is_plain = row.name in SMOOTH or bool(circuit.numbers.get(adjoint)) or _is_whole_power(circuit, node)
    for operand, local in reversed(list(zip(operands, _local_gradients(circuit, node, row, varies), strict=True))):
        if local is None or not varies[operand]:
            continue
        factor = circuit.node_of(local)
        if is_plain or local.__class__ is float:
            term = (0, adjoint, factor)
        else:  # the chain rule's own product: an upstream 0 stays 0 whatever the local gradient
            term = (0, circuit.apply("gate" if row.selection else "chain", [adjoint, factor]), -1)
        if is_over_samples and circuit.axis[operand]:
            term = (0, circuit.total([term]), circuit.weights[circuit.axis[operand]])
        uses[operand].append(term)


def _is_whole_power(circuit: Circuit, node: int) -> bool:
    """Whether a node is a power with a constant exponent of 1 or more, whose slope is finite."""
    return circuit.op[node] == "pow" and circuit.numbers.get(circuit.operands(node)[1], 0.0) >= 1.0


def _local_gradients(circuit: Circuit, node: int, row: Primitive, varies: bytearray) -> Sequence[Any]:
    operands = circuit.operands(node)
    y, xs = Symbol(circuit, node), [circuit.symbol(operand) for operand in operands]
    circuit.over_samples = circuit.is_over_samples(node)
    try:
        if row.variadic:
            return row.local_gradients(y, xs)
        return [
            gradient(y, *xs) if gradient and varies[operand] else None
            for gradient, operand in zip(row.gradients, operands, strict=True)
        ]
    except (TypeError, AutogradError) as error:
        raise Uncompilable(f"a local gradient of the row {row.name!r} cannot be traced: {error}") from error
    finally:
        circuit.over_samples = False
