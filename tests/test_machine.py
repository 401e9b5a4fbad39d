"""A stateful machine: build, differentiate, mutate, replay, and compare every step with a model.

The model knows staleness as versions: every node remembers which version of each operand it
was computed from. The engine knows it as epochs. They must refuse the same sweeps.
"""

import math

import pytest
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule
from support.bits import bits
from support.naive import our_locals, path_count, path_gradients
from support.oracle import mp
from support.programs import ARITIES, call, reals

from autograd_lite import StaleGraphError, Value, gradients, topological_order


class Model:
    """What a node should hold: its number, its gradient, its version and those it was computed from."""

    def __init__(self, node):
        self.data = node.data
        self.grad = 0.0
        self.version = 0
        self.used = {}


class Machine(RuleBasedStateMachine):
    nodes = Bundle("nodes")

    def __init__(self):
        super().__init__()
        self.models = {}

    def adopt(self, root):
        """Give every node below root that is new a model of its own."""
        for node in topological_order(root):
            if node not in self.models:
                self.models[node] = Model(node)
                self.models[node].used = self.versions(node)
        return root

    def versions(self, node):
        return {operand: self.models[operand].version for operand in node.operands if operand.__class__ is not float}

    def is_stale(self, root):
        return any(self.models[node].used != self.versions(node) for node in topological_order(root))

    @initialize(target=nodes, x=reals())
    def first_leaf(self, x):
        return self.adopt(Value(x))

    @rule(target=nodes, x=reals())
    def leaf(self, x):
        return self.adopt(Value(x))

    @rule(target=nodes, name=st.sampled_from(sorted(ARITIES)), operands=st.lists(nodes, min_size=4, max_size=4))
    def operation(self, name, operands):
        node = call(name, operands[: ARITIES[name]])
        assume(abs(node.data) < 1e30 and path_count(node) < 400)
        return self.adopt(node)

    @rule(target=nodes, operand=nodes, x=reals(), left=st.booleans())
    def operation_with_a_constant(self, operand, x, left):
        return self.adopt(x * operand if left else operand - x)

    @rule(target=nodes, root=nodes, leaf=nodes)
    def gradient_as_a_graph(self, root, leaf):
        if self.is_stale(root):
            self.refuses(lambda: gradients(root, [leaf], create_graph=True))
            return root
        (graph,) = gradients(root, [leaf], create_graph=True)
        assume(path_count(graph) < 400 and abs(graph.data) < 1e30)
        return self.adopt(graph)

    @rule(node=nodes, x=reals())
    def set_data(self, node, x):
        if not node.is_leaf:
            with pytest.raises(TypeError, match="only the data of a leaf"):
                node.data = x
            return
        node.data = x
        self.models[node].data = x
        self.models[node].version += 1

    @rule(root=nodes)
    def forward(self, root):
        returned = root.forward()
        for node in topological_order(root):
            self.recompute(node)
        assert bits(returned) == bits(self.models[root].data)

    @rule(node=nodes)
    def forward_step(self, node):
        node.forward_step()
        self.recompute(node)

    def recompute(self, node):
        model = self.models[node]
        if node.primitive is None:
            return
        numbers = [o if o.__class__ is float else self.models[o].data for o in node.operands]
        model.data = (
            node.primitive(*numbers) if node.primitive.quiet is not node.primitive else node.primitive.forward(*numbers)
        )
        now = self.versions(node)
        if now != model.used:
            model.version += 1
            model.used = now

    @rule(root=nodes, seed=st.sampled_from([1.0, -2.0, 0.0]))
    def backward(self, root, seed):
        if self.is_stale(root):
            self.refuses(lambda: root.backward(seed))
            return
        expected = path_gradients(root, seed, our_locals)
        root.backward(seed)
        for node in topological_order(root):
            model = self.models[node]
            truth, scale = expected.get(node, (mp.zero, mp.zero))
            total = truth + (mp.mpf(model.grad) if node.is_leaf else 0)
            assert abs(mp.mpf(node.grad) - total) <= (scale + abs(total)) * mp.mpf(2) ** -42
            model.grad = node.grad

    @rule(root=nodes, leaves=st.lists(nodes, max_size=3))
    def pure_gradients(self, root, leaves):
        if self.is_stale(root):
            self.refuses(lambda: gradients(root, leaves))
            return
        expected = path_gradients(root, 1, our_locals)
        for leaf, gradient in zip(leaves, gradients(root, leaves), strict=True):
            truth, scale = expected.get(leaf, (mp.zero, mp.zero))
            assert abs(mp.mpf(gradient) - truth) <= scale * mp.mpf(2) ** -42

    @rule(root=nodes)
    def zero_grad(self, root):
        root.zero_grad()
        for node in topological_order(root):
            self.models[node].grad = 0.0

    @rule(node=nodes, x=reals())
    def set_grad(self, node, x):
        node.grad = x
        self.models[node].grad = x

    @rule(node=nodes)
    def backward_step(self, node):
        if self.models[node].used != self.versions(node):
            self.refuses(node.backward_step)
            return
        before = {operand: operand.grad for operand in node.operands if operand.__class__ is not float}
        node.backward_step()
        for operand, local in zip(node.operands, node.local_gradients, strict=True):
            if operand.__class__ is not float:
                before[operand] += node.grad * local
        for operand, gradient in before.items():
            assert operand.grad == gradient or math.isnan(gradient)
            self.models[operand].grad = operand.grad

    def refuses(self, sweep):
        with pytest.raises(StaleGraphError, match=r"forward\(\)"):
            sweep()

    @invariant()
    def every_node_holds_what_its_model_says(self):
        for node, model in self.models.items():
            assert bits(node.data) == bits(model.data)
            assert bits(node.grad) == bits(model.grad)


TestMachine = Machine.TestCase
