"""The DOT text: golden, the same in every process, and safe against any label."""

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import autograd_lite as ag
from autograd_lite import Value, draw, leaves, primitive
from autograd_lite.primitives import ROWS
from autograd_lite.render.files import render

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz's dot is not installed")
SVG, XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
GOLDEN = Path(__file__).parent / "product.dot"
HOSTILE = [
    "<b>bold</b>", "</TD></TR></TABLE>>", "{a|b}", '"quoted"', "\\", "ends in \\", "\\N \\G \\E \\l \\n", "\\\\N",
    "&", "&amp;", "&#60;", "two\nlines", "a\r\nb\rc", "-->", "<!--", "]]>", "v1:e", "]; x [", "// no", "/* no */",
    "#no", "%s {0} {}", "ünïcödé ∂ 漢字 😀", "x12", "12", "\x00\x07\x1b", "\ud800", "\ufffe", "\u202e", " ", "\t",
    "</script><script>alert(1)</script>",
]  # fmt: skip


def nodes_of(svg):
    groups = [g for g in ET.fromstring(svg).iter(f"{SVG}g") if g.get("class") == "node"]
    return {group.find(f"{SVG}title").text: group for group in groups}


def shown(group):
    """What is written in a node, and its tooltip, without the differences of white space."""
    text = "".join(t.text or "" for t in group.iter(f"{SVG}text"))
    tips = [a.get(f"{XLINK}title") for a in group.iter(f"{SVG}a")]
    return bare(text), bare(tips[0])


def bare(text):
    return "".join(text.split())


def storable(label):
    """The label with what XML cannot hold as escapes, as the picture promises to show it."""
    keep = {"\t", "\n", "\r"}
    return "".join(
        c if c in keep or (c >= " " and not "\x7f" <= c <= "\x9f" and not "\ud800" <= c <= "\udfff"
                           and c not in "\ufffe\uffff") else ascii(c)[1:-1]
        for c in label
    )  # fmt: skip


@needs_dot
@pytest.mark.parametrize("label", HOSTILE, ids=ascii)
def test_a_hostile_label_is_shown_as_it_is(label):
    x = Value(2.0, label=label)
    group = nodes_of(render(draw(x.exp()).dot(), "svg"))["v1"]
    text, tip = shown(group)
    assert text == bare(storable(label)) + "2"
    assert tip == bare(storable(label)) + ":value2"


@needs_dot
@settings(max_examples=15)
@given(st.lists(st.text(st.characters(), min_size=1, max_size=12), min_size=1, max_size=30))
@example(["\\" * k + "N" for k in range(1, 8)])
def test_any_labels_survive_and_make_no_node_of_their_own(labels):
    xs = [Value(2.0, label=label) for label in labels]
    nodes = nodes_of(render(draw(ag.sum(xs)).dot(), "svg"))
    assert len(nodes) == len(labels) + 2
    for k, label in enumerate(labels, 1):
        assert shown(nodes[f"v{k}"]) == (bare(storable(label)) + "2", bare(storable(label)) + ":value2")


@needs_dot
def test_the_symbol_of_a_users_primitive_is_user_text_too():
    row = primitive("hostile_symbol", lambda x: x, lambda y, x: 1.0, symbol='\\N"<&')
    try:
        group = nodes_of(render(draw(row(Value(1.0))).dot(), "svg"))["g2"]
    finally:
        del ROWS["hostile_symbol"]
    assert shown(group) == ('\\N"<&', '\\N"<&')


def test_the_dot_text_of_a_product_is_this_one():
    w, x = leaves(w1=2.0, x=-1.0)
    w.role = "parameter"
    f = (w * x).named("f")
    f.backward()
    assert draw(f).dot() == GOLDEN.read_text(encoding="utf-8")


def test_the_same_graph_gives_the_same_text_in_every_process():
    program = (
        "from autograd_lite import *; a, b = leaves(a=2.0, b=3.0); f = (a * b + a).tanh() * b; f.backward();"
        "d = draw(f); print(ascii(d.dot())); print(ascii(d.text()))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1
    assert b"0x" not in texts.pop()


def test_a_number_that_is_not_finite_is_tinted():
    x = Value(float("inf"))
    assert draw(x * 2.0).dot().count("#FDE68A") == 2
    assert "#FDE68A" not in draw(Value(1.0) * 2.0).dot()


def test_a_named_result_between_leaf_and_root_says_its_name_before_its_arithmetic():
    x = Value(2.0, label="x")
    assert ">z1 = 2 × 2<" in draw((x * x).named("z1") + 1.0).dot()


def test_labels_are_italic_with_trailing_digits_below():
    x = draw(Value(1.0, label="w12")).dot()
    assert '<I>w<SUB><FONT POINT-SIZE="11">12</FONT></SUB></I>' in x
    assert "<I>3.5</I>" in draw(Value(1.0, label="3.5")).dot()


@needs_dot
def test_a_folded_picture_says_so_and_still_parses():
    xs = [Value(1.0) for _ in range(5000)]
    picture = draw(ag.sum(xs).named("y"))
    dot = picture.dot()
    assert "5,001 values: the 2,001 nearest to the root are shown." in dot
    assert 'label="… 3,000 more"' in dot
    small = draw(ag.sum(xs[:5]))
    assert b"<svg" in render(small.dot(), "svg")


@needs_dot
def test_an_operand_that_is_used_twice_has_two_wires_that_can_be_told_apart():
    a, b = leaves(a=3.0, b=1.0)
    picture = draw((a + a) * b)
    edges = [line for line in picture.dot().splitlines() if ":e -> " in line]
    assert [edge.endswith("[minlen=2]") for edge in edges] == [True, True, False, False]
    heads = []
    for group in ET.fromstring(render(picture.dot(), "svg")).iter(f"{SVG}g"):
        if group.get("class") == "edge" and group.find(f"{SVG}title").text == "v1:e->g2":
            points = group.find(f"{SVG}polygon").get("points").split()
            heads.append([float(point.split(",")[1]) for point in points])
    upper, lower = sorted(heads)
    assert max(upper) < min(lower), "their heads side by side"
