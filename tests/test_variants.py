"""One source, two variants: pure Python, and the core compiled by AUTOGRAD_LITE_NATIVE=1. Whichever runs is tested."""

import copy
import gc
import inspect
import math
import os
import pickle
import random
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

import autograd_lite
from autograd_lite import Value, graph, modes, primitives, value, variant
from autograd_lite.cli import main

NATIVE = autograd_lite.__native__
MODULES = (primitives, modes, graph, value)


def run(script, **environment):
    command = [sys.executable, "-P", "-c", script]
    path = os.pathsep.join([str(Path(autograd_lite.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, **environment}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_all_of_the_core_is_compiled_or_nothing():
    assert [module.__name__.partition(".")[2] for module in MODULES] == list(variant.COMPILED)
    assert {module.__file__.endswith(".py") for module in MODULES} == {not NATIVE}
    assert (variant.VARIANT == "native") is NATIVE


def test_the_environment_switches_back_to_pure_python():
    script = "import autograd_lite as a; a.Value(2.0).exp().backward(); print(a.__native__, a.graph.__file__)"
    native, path = run(script, AUTOGRAD_LITE_PURE="1").split()
    assert native == "False"
    assert path.endswith("graph.py")


def test_the_doctor_says_which(capsys):
    main(["doctor"])
    assert f"core           {variant.VARIANT}\n" in capsys.readouterr().out


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package folder with the sources of the core, and compiled modules for them."""
    for name in variant.COMPILED:
        (tmp_path / f"{name}.py").write_text(f"{name} = 1\n")
    monkeypatch.setattr(variant, "HERE", str(tmp_path))
    monkeypatch.delenv("AUTOGRAD_LITE_PURE", raising=False)
    folder = tmp_path / ".native" / variant.folder_name()
    folder.mkdir(parents=True)
    return tmp_path, folder


def test_compiled_modules_are_found_before_the_sources(installed):
    here, folder = installed
    path = [str(here)]
    assert variant.choose(path) == (True, "native")
    assert path == [str(folder), str(here)]


@pytest.mark.parametrize("name", variant.COMPILED)
def test_compiled_modules_of_other_sources_are_not_imported(installed, name):
    here, _ = installed
    (here / f"{name}.py").write_text(f"{name} = 2\n")
    path = [str(here)]
    chosen, words = variant.choose(path)
    assert not chosen
    assert path == [str(here)]
    assert "other sources" in words


def test_line_ends_are_no_other_sources(installed):
    here, folder = installed
    (here / "graph.py").write_bytes(b"graph = 1\r\n")
    assert variant.folder_name() == folder.name


def test_why_nothing_was_compiled_is_said(installed):
    here, folder = installed
    folder.rmdir()
    (here / ".native" / "trouble.txt").write_text("no C compiler.\n")
    assert variant.choose([]) == (False, "pure Python: no C compiler.")


# ---- what a compiled class could lose


def test_methods_keep_their_docstrings_and_signatures():
    assert "graph" in graph.__doc__
    for thing in (Value, Value.backward, Value.forward, Value.named, Value.local_gradients, Value.exp, Value.operands):
        assert len(thing.__doc__) > 10
    for slot in ("data", "grad", "primitive", "label", "role", "scope"):
        assert getattr(Value, slot).__doc__
    assert list(inspect.signature(Value.backward).parameters) == ["self", "seed", "create_graph", "unknown"]
    assert list(inspect.signature(autograd_lite.gradients).parameters) == ["root", "leaves", "create_graph", "seed"]


def test_leaves_are_copied_and_pickled():
    x = Value(2.0, "x", "parameter")
    x.grad = 3.0
    for twin in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert (twin.data, twin.grad, twin.label, twin.role, type(twin)) == (2.0, 3.0, "x", "parameter", Value)


def test_values_can_be_subclassed():
    class Loud(Value):
        def __repr__(self):
            return f"{self.data}!"

    x = Loud(2.0)
    y = x * x + 3.0 * x.exp()
    y.backward()
    assert repr(x) == "2.0!"
    assert x.grad == 4.0 + 3.0 * math.exp(2.0)
    x.extra = "a subclass has room for more"


def test_no_attribute_is_made_up():
    with pytest.raises(AttributeError):
        Value(1.0).dta = 1.0


def test_long_chains_are_deleted_without_recursion():
    """In a process of its own, with a small stack: a segmentation fault would be its end.

    Where Python itself deletes, it goes down a bit before it stops: in 3.13 more than 512 kB, in 3.11 fewer than 256.
    """
    script = """if True:
        import threading
        from autograd_lite import Value, __native__, sum
        x = Value(1.0)
        def work():
            for _ in range(200):
                y = x
                for _ in range(10_000 // 2):
                    y = y * 0.5 + x
                del y
            y = x
            for _ in range(30_000):
                y = sum([y.exp() * 1e-3, x, x])
        threading.stack_size((256 if __native__ else 1024) * 1024)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        print("alive")
    """
    assert run(script) == "alive\n"


def test_a_node_costs_few_bytes_and_no_time_of_the_collector():
    xs = [Value(float(k)) for k in range(8)]
    root = xs[0]
    gc.collect()
    tracemalloc.start()
    for k in range(10_000):
        root = root * xs[k % 8] if k % 2 else root + xs[k % 8]
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 80 <= size / 10_000 <= (100 if NATIVE else 140)
    assert gc.is_tracked(root) is not NATIVE


def test_memory_of_deleted_nodes_is_used_again_and_no_node_is_written_over():
    class Loud(Value):
        pass

    source = random.Random(0)
    shared = Value(0.25)
    alive = {}
    for k in range(20_000):
        node = Loud(float(k)) if k % 7 == 0 else Value(float(k)) * 2.0 if k % 3 else Value(float(k)) + shared
        alive[k] = (node, node.data)
        if len(alive) > 1500:
            for key in source.sample(sorted(alive), 1400):
                del alive[key]
    assert all(node.data == number for node, number in alive.values())
    assert all(node.is_leaf or isinstance(node.operands[1], (float, Value)) for node, _ in alive.values())
    places = [set(), set()]
    for seen in places:
        y = shared
        for _ in range(5000):
            y = y + shared
            seen.add(id(y))
        del y
    assert len(places[0] & places[1]) > 2500


SAMPLE = """if True:
    import random, autograd_lite as a
    r, rows = random.Random(0), [a.tanh, a.sigmoid, a.exp, a.sin, a.silu, a.gelu, a.softplus, a.relu]
    leaves = [a.Value(r.gauss(0.0, 1.0)) for _ in range(8)]
    nodes = list(leaves)
    for _ in range(3000):
        p, q = r.choice(nodes), r.choice(nodes[-40:])
        make = r.randrange(6)
        y = [lambda: p + q, lambda: p * q, lambda: p - q, lambda: p / (q * q + 1.0), lambda: r.choice(rows)(q),
             lambda: a.sum([p, q, p]) * 0.25][make]()
        nodes.append(a.tanh(y))
    root = a.sum(nodes[-200:])
    root.backward()
    leaves[0].data += 0.125
    root.forward()
    root.backward()
    print(root.data.hex(), *[x.grad.hex() for x in leaves])
"""


@pytest.mark.skipif(
    not NATIVE, reason="PURE PYTHON RUNS: nothing to compare it with. AUTOGRAD_LITE_NATIVE=1 pip install ."
)
def test_both_variants_give_the_same_bits():
    assert run(SAMPLE) == run(SAMPLE, AUTOGRAD_LITE_PURE="1")
