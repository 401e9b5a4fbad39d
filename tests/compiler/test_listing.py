"""print(program): scalar code as the loops it became."""

import random

import pytest

import autograd_lite as ag
import nn
from autograd_lite import Value

pytest.importorskip("llvmlite")


def test_a_network_reads_as_its_layers():
    model = nn.MLP(2, [4, 1], random_state=0)
    program = ag.compile(
        lambda x, t: nn.hinge(model(x), t), model.parameters(), batch=([[1.0, 2.0], [3.0, 4.0]], [1, -1])
    )
    lines = str(program).splitlines()
    assert lines[0].startswith("program of 17 parameters: 17 recorded operations, ")
    assert lines[0].endswith("instructions; engine native")
    assert "  axis 1: 2 samples of 3 numbers, in blocks of 8; " in str(program)
    found = [" ".join(line.split()) for line in lines]
    assert "for i<4: v5[i] = p[2 + 3·i] + Σu<2 x[u]·p[3·i + u] layer 1" in found
    assert "for i<4: v6[i] = relu(v5[i]) layer 1" in found
    assert "for i<4, j<2: gradient[3·i + j] += " in "\n".join(found)
    assert repr(program) == "<program of 17 parameters, native>"


def test_a_recurrence_reads_as_a_loop():
    w = [Value(0.9), Value(0.1)]

    def loss():
        h = Value(0.5)
        for _ in range(30):
            h = ag.tanh(w[0] * h + w[1])
        return h

    program = ag.compile(loss, w, verify=True)
    assert program.engine == "native"
    assert " times, each time further on:" in str(program)
    assert len(str(program).splitlines()) < 100


def test_fallbacks_say_why():
    w = [Value(0.1 * k) for k in range(5)]
    r, root = random.Random(0), w[0]
    for _ in range(1000):
        root = r.choice([ag.sin, ag.cos, ag.tanh])(root * r.choice(w) + r.choice(w))
    program = ag.compile(root, w, verify=True)
    assert program.engine == "table"
    assert "note: more than 400 instructions" in str(program)
    own = ag.primitive("own row of the listing", lambda x: x * x, lambda y, x: 2.0 * x)
    program = ag.compile(own(w[1]), w, verify=True)
    assert program.engine == "eager"
    assert "note: eager: the row 'own row of the listing' is not one of the table's" in str(program)
