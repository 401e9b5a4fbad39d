"""The picture a notebook keeps: without a style block, which code hosts strip, and looking the same."""

import shutil
import subprocess
import xml.etree.ElementTree as ET

import pytest

from autograd_lite import Value, draw, leaves
from autograd_lite.render.inline import inlined
from autograd_lite.render.palette import THEMES

needs_rsvg = pytest.mark.skipif(shutil.which("rsvg-convert") is None, reason="rsvg-convert is not installed")
SVG = "{http://www.w3.org/2000/svg}"


def product():
    w, x = leaves(w1=2.0, x=-1.0)
    w.role = "parameter"
    return (w * x).named("f")


def unfinished():
    return (Value(float("inf"), "x1") * sum(Value(1.0, role="input") for _ in range(40))).relu().named("y")


def both(root, theme="light"):
    picture = draw(root, engine="builtin", theme=theme, gradients=True)
    return picture.svg(), inlined(picture.svg())


def pixels(svg):
    return subprocess.run(["rsvg-convert"], input=svg.encode(), capture_output=True, check=True).stdout


@needs_rsvg
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("root", [product, unfinished])
def test_it_looks_the_same_without_its_style_block(root, theme):
    styled, plain = both(root(), theme)
    assert pixels(plain) == pixels(styled)
    assert pixels(plain) != pixels(plain.replace(THEMES[theme].gradient, THEMES[theme].value))


@pytest.mark.parametrize("theme", THEMES)
def test_the_colours_stand_on_the_elements(theme):
    _, plain = both(product(), theme)
    assert "<style" not in plain
    assert "class=" not in plain
    svg, colours = ET.fromstring(plain), THEMES[theme]
    assert svg.get("viewBox")
    fills = {"".join(text.itertext()): text.get("fill") for text in svg.iter(f"{SVG}text")}
    assert (fills["−2"], fills["−1 × 1"], fills["×"]) == (colours.value, colours.wire, colours.on_gate)
    assert [wire.get("fill") for wire in svg.iter(f"{SVG}path")].count("none") == 5


@pytest.mark.parametrize("label", ['a class="gate" b', "<style>", "</style>", "text{fill:red}", "<g", "x12"])
def test_a_label_is_not_taken_for_a_rule(label):
    x = Value(1.0, label=label)
    styled, plain = both(x * 2.0)
    assert ["".join(e.itertext()) for e in ET.fromstring(plain).iter(f"{SVG}text")] == [
        "".join(e.itertext()) for e in ET.fromstring(styled).iter(f"{SVG}text")
    ]
    assert plain.count("<") == styled.count("<") - 2


def test_the_svg_of_another_engine_is_left_alone():
    assert inlined('<svg class="graph"><g class="node"/></svg>') == '<svg class="graph"><g class="node"/></svg>'
