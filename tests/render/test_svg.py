"""The built-in SVG: golden, the same in every process, safe against any label, no text on text."""

import bisect
import html
import itertools
import os
import random
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import autograd_lite as ag
from autograd_lite import Value, draw, leaves, primitive
from autograd_lite.primitives import ROWS
from autograd_lite.render.palette import THEMES
from autograd_lite.render.svg import SIZES, width_of
from autograd_lite.render.wording import storable

SVG = "{http://www.w3.org/2000/svg}"
GOLDEN = Path(__file__).parent / "product.svg"
HOSTILE = [
    "<b>bold</b>", "</svg>", "]]>", "<!--", "&", "&amp;", "&#60;", '"', "'", "\\N", "two\nlines", "a\r\nb\rc",
    "ünïcödé ∂ 漢字 😀", "x12", "12", "\x00\x07\x1b", "\ud800", "\ufffe", "\u202e", "", " ", "\t", "x" * 300,
    "</script><script>alert(1)</script>", "</style><script>alert(1)</script>",
]  # fmt: skip


def product():
    w, x = leaves(w1=2.0, x=-1.0)
    w.role = "parameter"
    f = (w * x).named("f")
    f.backward()
    return f


def some_graph(seed, size):
    rng = random.Random(seed)
    values = [Value(rng.uniform(-2, 2), label=f"x{k}") for k in range(4)]
    while len(values) < size:
        a, b = rng.choice(values[-8:]), rng.choice(values[-8:])
        values.append(rng.choice([a + b, a * b, a.tanh(), (a - b).named(f"part {len(values)}")]))
    root = ag.sum(values[-4:])
    root.backward()
    return root


def drawn(root, **options):
    return ET.fromstring(draw(root, engine="builtin", **options).svg())


def texts(svg):
    """What is written, and the extent of each text: (left, right, top, bottom, content, kind)."""
    for element in svg.iter(f"{SVG}text"):
        content = "".join(element.itertext())
        kinds = element.get("class").split()
        size = next((SIZES[size] for kind, size in KINDS.items() if kind in kinds), 14.0)
        x, y, half = float(element.get("x")), float(element.get("y")), width_of(content, size) / 2
        yield x - half, x + half, y - 0.72 * size, y + 0.1 * size, content, kinds[0]


KINDS = {"small": "arithmetic", "name": "name", "long": "long", "glyph": "gate", "number": "number"}


def points_on_wires(svg):
    """Points along every wire, some three pixels apart."""
    for path in svg.iter(f"{SVG}path"):
        numbers = [float(n) for n in re.findall(r"-?[\d.]+", path.get("d"))]
        if "H" in path.get("d"):
            left, y, right = numbers
            yield from ((x, y) for x in range(int(left) + 1, int(right)))
        elif "C" in path.get("d"):
            p, q, r, s = zip(numbers[::2], numbers[1::2], strict=True)
            for k in range(61):
                t = k / 60
                weights = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
                yield tuple(
                    sum(w * point[axis] for w, point in zip(weights, (p, q, r, s), strict=True)) for axis in (0, 1)
                )


def test_the_svg_of_a_product_is_this_one():
    assert draw(product(), engine="builtin").svg() == GOLDEN.read_text(encoding="utf-8")


def test_the_same_graph_gives_the_same_bytes_in_every_process():
    program = (
        "from autograd_lite import *; a, b = leaves(a=2.0, b=3.0); f = (a * b + a).tanh() * b; f.backward();"
        "print(ascii(draw(f, engine='builtin').svg()))"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1
    assert b"0x" not in printed.pop()


@pytest.mark.parametrize("label", HOSTILE, ids=lambda label: ascii(label)[:20])
def test_a_hostile_label_is_shown_as_it_is(label):
    svg = drawn(Value(2.0, label=label).exp().named(label))
    names = [t for t in svg.iter(f"{SVG}text") if t.get("class") == "name"]
    expected = "".join(storable(label).split("\n")) * 2
    assert "".join("".join(name.itertext()) for name in names) == expected
    if label:
        assert svg.find(f"{SVG}g[@class='unit']/{SVG}title").text == f"{storable(label)}: value 2"
    assert {element.tag for element in svg.iter()} <= {
        f"{SVG}{tag}" for tag in ("svg", "title", "desc", "style", "rect", "g", "path", "circle", "text", "tspan")
    }


def test_the_symbol_of_a_users_primitive_is_user_text_too():
    row = primitive("hostile_sign", lambda x: x, lambda y, x: 1.0, symbol='</text>"<&')
    try:
        svg = drawn(row(Value(1.0)))
    finally:
        del ROWS["hostile_sign"]
    assert '</text>"<&' in [text[4] for text in texts(svg)]


def test_the_texts_are_those_of_the_other_engine():
    root = some_graph(1, 25)
    dot = bare(html.unescape(re.sub(r"<[^<>]*>", "", draw(root).dot())))
    for *_, content, _ in texts(drawn(root)):
        assert bare(content) in dot


def bare(text):
    return "".join(text.split())


@pytest.mark.parametrize(
    "root",
    [
        product(),
        some_graph(2, 30),
        some_graph(3, 100),
        ag.sum([Value(1e-9 * k, label=f"a label longer than its wire {k}") for k in range(40)]),
        (Value(2.0, label="w" * 80) * Value(3.0, label="two\nlines\nand three")).named("m").exp(),
    ],
    ids=["product", "30", "100", "wide", "long"],
)
def test_no_text_lies_on_another_or_on_a_wire(root):
    svg = drawn(root, gradients=True)
    _, _, width, height = (float(n) for n in svg.get("viewBox").split())
    written = sorted(texts(svg))
    for k, (left, right, top, bottom, content, _) in enumerate(written):
        assert 0 <= left <= right <= width, content
        assert 0 <= top <= bottom <= height, content
        for other in itertools.takewhile(lambda other: other[0] < right, written[k + 1 :]):  # noqa: B023
            assert other[3] <= top or bottom <= other[2], (content, other)
    beside = [text for text in written if text[5] not in ("glyph", "name")]  # those stand in gates and pills
    for x, y in points_on_wires(svg):
        near = beside[: bisect.bisect(beside, (x,))]
        assert not any(x < right and top < y < bottom for _, right, top, bottom, _, _ in near), (x, y)


def test_before_backward_there_are_no_gradient_lines():
    a, b = leaves(a=2.0, b=3.0)
    f = (a * b).named("f")
    kinds = [t.get("class") for t in drawn(f).iter(f"{SVG}text")]
    assert "number gradient" not in kinds
    assert (kinds.count("small arithmetic"), kinds.count("small chain")) == (1, 0)
    f.backward()
    assert [t.get("class") for t in drawn(f).iter(f"{SVG}text")].count("number gradient") == 3


def test_a_number_that_is_not_finite_is_tinted():
    x = Value(float("inf"))
    assert len([r for r in drawn(x * 2.0).iter(f"{SVG}rect") if r.get("class") == "alarm value"]) == 2
    assert 'class="alarm' not in draw(Value(1.0) * 2.0, engine="builtin").svg()


def test_a_folded_picture_says_so():
    svg = drawn(ag.sum([Value(1.0) for _ in range(5000)]))
    folded = [t.text for t in svg.iter(f"{SVG}text") if "folded" in t.get("class")]
    assert folded == ["… 3,000 more", "5,001 values: the 2,001 nearest to the root are shown."]
    assert len([p for p in svg.iter(f"{SVG}path") if p.get("class") == "wire dashed"]) == 1


@pytest.mark.parametrize("theme", THEMES)
def test_a_theme_colours_both_engines_and_no_other_picture(theme):
    picture = draw(product(), theme=theme, engine="builtin")
    colours = THEMES[theme]
    for colour in (colours.value, colours.gradient, colours.gate, colours.leaves["parameter"], colours.background):
        assert colour in picture.svg()
        assert colour in picture.dot()
    rules = re.search("<style>(.*)</style>", picture.svg())[1].split("}")[:-1]
    assert all(rule.startswith(f".autograd-{theme} ") for rule in rules)


def luminance(colour):
    channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b):
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_every_text_has_the_contrast_of_wcag_aa(theme):
    assert contrast("#FFFFFF", "#767676") == pytest.approx(4.54, abs=0.005)
    on_page = [(colour, theme.background) for colour in (theme.ink, theme.wire, theme.value, theme.gradient)]
    on_tint = [(colour, theme.warning) for colour in (theme.value, theme.gradient)]
    on_pill = [(theme.ink, pill) for pill in theme.leaves.values()]
    for text, ground in [*on_page, *on_tint, *on_pill, (theme.on_gate, theme.gate)]:
        assert contrast(text, ground) >= 4.5, (text, ground)


def test_a_width_is_that_of_the_letters_that_are_seen():
    assert width_of("", 10) == 0
    assert width_of("a\u0301", 10) == width_of("a", 10)
    assert width_of("漢", 10) > width_of("a", 10)
    assert width_of("il", 10) < width_of("mw", 10)
