"""Scopes in pictures: frames around what is open, one gate for what is closed, the same numbers in both."""

import math
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

import nn
from autograd_lite import Value, draw, gradients, leaves, scope, sigmoid, steps, topological_order
from autograd_lite.errors import ArgumentError, RenderError
from autograd_lite.notation import numeral
from autograd_lite.render import files
from autograd_lite.render.page import steps_of
from autograd_lite.render.scene import scene_of


def network(widths=(3, 1), activation="tanh"):
    model = nn.MLP(2, widths, activation, random_state=0)
    inputs = [Value(1.0, "x1", "input"), Value(-0.5, "x2", "input")]
    return nn.squared_error(model(inputs), 1.0).named("E"), inputs


def scene(root, depth=None, **options):
    return scene_of(root, with_gradients=True, digits=4, limit=2000, depth=depth, **options)


@pytest.mark.parametrize("depth", [0, 1, 2])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_whatever_is_closed_the_gradients_gathered_are_those_of_the_sweep(depth, activation):
    root, inputs = network((4, 3, 1), activation)
    found = scene(root, depth)
    after = {}
    for step in steps_of(found):
        if step.after is not None:
            after[step.operand or step.node] = step.after
    for unit in found.units:
        if unit.outputs == 1:
            assert math.isclose(after[unit], unit.adjoint, rel_tol=1e-12, abs_tol=1e-15)
    by_label = {unit.label: unit for unit in found.units}
    for x, expected in zip(inputs, gradients(root, inputs), strict=True):
        assert by_label[x.label].adjoint == expected


def test_the_local_gradient_of_a_closed_neuron_is_that_of_its_output():
    root, (x1, x2) = network()
    first = next(unit for unit in scene(root, 1).units if unit.scope == "layer 1/neuron 1")
    h = [node for node in topological_order(root) if str(node.scope) == "layer 1/neuron 1"][-1]
    assert [local for _, local, _ in first.edges] == gradients(h, [x1, x2])
    assert (first.gate, first.arithmetic, first.value) == ("neuron 1", "f(1, −0.5)", numeral(h.data, 4))


def test_a_scope_with_many_outputs_says_how_many_and_their_range():
    root, _ = network()
    layer = next(unit for unit in scene(root, 0).units if unit.scope == "layer 1")
    assert (layer.outputs, layer.value, layer.gradient) == (3, "3 values", "3 gradients")
    assert re.fullmatch(r"−?[\d.]+ … [\d.]+", layer.chain_rule)
    assert [operand.label for operand in layer.operands] == ["x1", "x2"]
    said = [step.sentence for step in steps_of(scene(root, 0))]
    assert "Backward through layer 2: gradients flow to the 3 values of layer 1." in said
    assert any(s.startswith("Backward through layer 1: ") and s.endswith("added to the gradient of x1.") for s in said)


def test_what_is_open_and_has_no_sum_is_what_steps_says():
    root, _ = network()
    assert [s.sentence for s in steps_of(scene(root, 9))] == [s.sentence for s in steps(root)]


def test_every_engine_draws_the_same_frames():
    root, _ = network()
    picture = draw(root, gradients=True, engine="builtin")
    dot, svg = picture.dot(), ET.fromstring(picture.svg())
    titles = [text.text for text in svg.iter("{http://www.w3.org/2000/svg}text") if text.get("class") == "heading"]
    assert titles.count("neuron 1") == 2
    assert sorted(titles) == sorted(re.findall(r'subgraph cluster_\d+ \{\n  graph \[label="([^"]*)"', dot))
    assert dot.count("{\n") == dot.count("}\n")
    assert "ordering=in" not in dot
    assert "ordering=in" in draw(Value(1.0) * 2.0).dot()
    if files.is_installed("graphviz"):
        try:
            assert b"cluster" in files.render(dot, "svg")
        except RenderError:
            pytest.skip("needs Graphviz's dot")


def test_names_of_scopes_are_text_in_every_format():
    hostile = '</text><script>alert(1)</script> "&\\N\n'
    x, y = leaves(x=1.0, y=2.0)
    with scope(hostile):
        z = x * y
    for depth in (0, 1):
        picture = draw(z, gradients=True, engine="builtin", depth=depth)
        for text in (picture.svg(), picture.html(), picture.dot()):
            assert "<script>alert" not in text
        ET.fromstring(picture.svg())
        if files.is_installed("pygraphviz"):
            files.render(picture.dot(), "svg", "pygraphviz")


def test_the_picture_says_what_is_closed_and_how_to_open_it():
    root, _ = network((16, 16, 1))
    picture = draw(root, gradients=True, engine="builtin")
    said = "440 values, 4 parts closed: draw(..., open='layer 1') shows one from inside."
    assert said in picture.alt_text()
    assert "layer 1 (96 values inside) of x1, x2, f(1, −0.5) = 16 values" in picture.alt_text()
    assert "open=&#x27;layer 1" in picture.svg() or "open='layer 1'" in picture.svg()
    assert "4 parts closed" in repr(picture)
    assert "neuron 16" in draw(root, open="layer 1").text()


def test_an_operation_is_opened_by_its_name():
    x = Value(1.0, "x", "input")
    f = sigmoid(x * 2.0).named("f")
    f.backward()
    assert "exp" not in draw(f).text()
    opened = draw(f, open="sigmoid")
    assert "exp" in opened.text()
    assert "sigmoid σ" in opened.dot()
    assert x.grad == gradients(f, [x])[0]
    with pytest.raises(ArgumentError, match=r"open must name a scope .* got 'sigmiod'. This graph has no scopes"):
        draw(f, open="sigmiod")
    with pytest.raises(ArgumentError, match="depth must be an int of at least 0, got -1"):
        draw(f, depth=-1)


def test_sums_constants_title_and_legend_are_switches():
    a, b, c = leaves(a=1.0, b=2.0, c=3.0)
    f = (a + b + c) * 2.0
    assert "Σ" in draw(f).text()
    assert "Σ" not in draw(f, sums=False).text()
    assert "└─ 2" not in draw(f).text()
    shown = draw(f, constants=True)
    assert "└─ 2         2" in shown.text()
    assert "×2" not in shown.text()
    titled = draw(f, gradients=True, title="a <b> & c", legend=True, engine="builtin")
    assert "a &lt;b&gt; &amp; c" in titled.svg()
    assert "a &lt;b&gt; &amp; c" in titled.dot()
    assert "local gradient × upstream gradient, right to left" in titled.svg()
    assert "right to left" not in draw(f, legend=True, engine="builtin").svg()


def test_a_million_values_in_scopes_are_folded_not_attempted(monkeypatch):
    monkeypatch.setattr("autograd_lite.render.scene.LARGEST_GROUPED", 20_000)
    x = Value(1.0)
    with scope("long"):
        y = x
        for _ in range(30_000):
            y = y * 1.0
    assert "the 2,0" in draw(y).text()


@pytest.mark.skipif(not files.is_installed("pygraphviz"), reason="needs pygraphviz")
def test_pygraphviz_draws_where_there_is_no_dot(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    f = (Value(1.0, "a") * 2.0).named("f")
    assert "<svg" in draw(f).svg()
    for ending in ("png", "pdf"):
        path = draw(f, engine="pygraphviz").save(tmp_path / f"f.{ending}")
        assert (tmp_path / f"f.{ending}").stat().st_size > 500, path


def test_without_pygraphviz_its_engine_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    with pytest.raises(RenderError, match="python -m pip install pygraphviz"):
        draw(Value(1.0), engine="pygraphviz").svg()


def test_the_same_network_gives_the_same_text_in_every_process():
    program = (
        "import nn; from autograd_lite import Value, draw; m = nn.MLP(2, [3, 1], 'tanh', random_state=0);"
        "print(hash(draw(m([1.0, 2.0]), gradients=True, engine='builtin').svg() + draw(m([1.0, 2.0])).dot()))"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    }
    assert len(seen) == 1


def test_what_comes_by_a_scope_of_several_outputs_is_a_number_without_factors():
    x = Value(0.5, "x")
    with scope("one"):
        a, b = x * 2.0, x * 3.0
    with scope("other"):
        c, d = x * 5.0, x * -1.0
    by_two = scene((a * b) * (c * d), 0).units[0]
    assert (by_two.gradient, by_two.chain_rule) == ("−15", "−7.5 + (−7.5)")
    by_one = scene(a * b, 0).units[0]
    assert (by_one.gradient, by_one.chain_rule) == ("6", "")


def test_a_closed_scope_is_a_function_of_its_data_not_of_its_parameters():
    neuron = nn.Neuron(2, random_state=0)
    assert scene(neuron([0.25, -3.0]), 0).root.arithmetic == "f(0.25, −3)"
    layer = nn.Layer(2, 3, random_state=0)
    assert {unit.arithmetic for unit in scene(layer([0.0, 0.0])[0], 0).units} == {"f(0, 0)"}
    assert scene(sum(layer([1.0, 2.0])), 0).units[0].arithmetic == "f(1, 2)"
    batch = scene(neuron([0.25, -3.0]) * neuron([Value(0.5), 4.0]), 0)  # they share their parameters
    assert [unit.arithmetic for unit in batch.units if unit.scope] == ["f(0.25, −3)", "f(0.5)"]
    w = Value(3.0, "w", "parameter")
    with scope("square"):
        y = w * w
    assert [unit.arithmetic for unit in scene(y + w, 0).units if unit.scope] == ["f(3)"]


def test_a_picture_that_is_cut_and_has_closed_parts_says_so_in_one_sentence():
    x = y = Value(1.0, "x")
    for k in range(100):
        with scope(f"step {k}"):
            y = y * 0.5 + x
    assert repr(draw(y)).splitlines()[-1] == (
        "201 values, the 63 nearest to the root are shown, 31 parts closed: "
        "draw(..., open='step 99') shows one from inside."
    )
