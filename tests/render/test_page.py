"""The step-through page as text: its steps are those of `steps`, and user text stays text."""

import json
import re
import sys
import types
import webbrowser
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import assume, given
from support.bits import bits
from support.programs import ARITIES, WILD, programs_at_points

import autograd_lite as ag
from autograd_lite import Value, draw, leaves, primitive, steps
from autograd_lite.primitives import ROWS
from autograd_lite.render.page import frame, page_text, steps_of
from autograd_lite.render.palette import THEMES
from autograd_lite.render.scene import scene_of

HOSTILE = [
    "</script><script>alert(1)</script>", "</script x", "<!--", "-->", "]]>", "&amp;", '"', "'", "\u2028", "\ud800",
    "a\r\nb\x00", "{{picture}}", "{{steps}}", "<b>bold</b>", "\\", "\\u003c", "ünïcödé ∂ 漢字 😀",
]  # fmt: skip


def told(page):
    """The steps as the script of a page reads them."""
    return json.loads(re.search(r'<script type="application/json" id="steps">(.*?)</script>', page, re.DOTALL)[1])


def circuit():
    w, x, b = leaves(w=2.0, x=-1.0, b=-3.0)
    return ag.sigmoid(w * x + b * b).named("f")


@given(programs_at_points(names=(*ARITIES, *WILD)))
def test_the_page_says_what_steps_says(drawn):
    """One wording: sentence for sentence, and gradient for gradient, on any graph."""
    program, point, _ = drawn
    try:
        root = program.run([Value(x) for x in point])[-1]
    except (ValueError, ArithmeticError):
        assume(False)
    assume(isinstance(root, Value))
    scene = scene_of(root, with_gradients=True, digits=4, limit=10**9)
    expected, page = list(steps(root)), list(steps_of(scene))
    assert [s.sentence for s in page] == [s.sentence for s in expected]
    assert [s.question for s in page] == [s.question for s in expected]
    assert [bits(s.after or 0.0) for s in page] == [bits(s.after or 0.0) for s in expected]
    assert [s["sentence"] for s in told(page_text(scene, THEMES["light"]))] == [s.sentence for s in expected]


@given(programs_at_points(names=(*ARITIES, *WILD)))
def test_at_its_end_the_page_shows_what_the_picture_shows(drawn):
    """Gradient and chain rule grow to the static ones; folded or not."""
    program, point, _ = drawn
    try:
        root = program.run([Value(x) for x in point])[-1]
    except (ValueError, ArithmeticError):
        assume(False)
    assume(isinstance(root, Value))
    for limit in (3, 10**9):
        scene = scene_of(root, with_gradients=True, digits=4, limit=limit)
        last = {step["operand"]: step for step in told(page_text(scene, THEMES["light"])) if "gradient" in step}
        shown = {number: (step["gradient"], step["chain"]) for number, step in sorted(last.items())}
        assert shown == {n: (unit.gradient, unit.chain_rule) for n, unit in enumerate(scene.units, 1)}


def test_a_question_is_the_sentence_without_what_the_step_finds_out():
    questions = [s.question for s in steps(circuit())]
    assert questions[0] == "Forward through ×: 2 × (−1) = ?, which is v1."
    assert questions[4] == "Seed: ∂f/∂f = ?."
    assert questions[5].endswith("upstream gradient 1 = ?, added to the gradient of v3.")
    assert questions[-1].endswith("= ?, added to the gradient of x.")
    assert any(question.endswith("added to the gradient of b: −0.002731 + ? = ?.") for question in questions)


def test_the_chain_rule_grows_term_by_term_in_the_order_of_users():
    x = Value(3.0, label="x")
    y = (x * x + 2.0 * x).named("y")
    grown = [(s["gradient"], s["chain"]) for s in told(draw(y).html()) if s.get("operand") == 1]
    assert grown == [("2", "2 × 1"), ("5", "3 × 1 + 2 × 1"), ("8", "3 × 1 + 3 × 1 + 2 × 1")]


def test_above_three_terms_they_are_counted():
    x = Value(3.0, label="x")
    chains = [s["chain"] for s in told(draw(ag.sum([x] * 5)).html()) if s.get("operand") == 1]
    assert chains == ["1 of 5 paths", "2 of 5 paths", "3 of 5 paths", "4 of 5 paths", "Σ of 5 paths"]


def test_a_scope_of_several_outputs_shows_no_term_before_it_has_all():
    x = Value(3.0, label="x")
    with ag.scope("two"):
        a, b = x * 2.0, x * 5.0
    page = draw((a + 1.0) * (b + 1.0), depth=0).html()
    grown = [(s["gradient"], s["chain"]) for s in told(page) if s.get("operand") == 2]
    assert grown == [("2 gradients", ""), ("2 gradients", "7 … 16")]


def test_a_page_is_a_snapshot_of_the_time_of_draw():
    x = Value(3.0, label="x")
    y = x * x
    picture = draw(y)
    before = picture.html()
    x.data = 4.0
    y.forward()
    assert picture.html() == before != draw(y).html()


def test_before_backward_the_page_steps_to_gradients_which_the_picture_does_not_show():
    picture = draw(circuit(), engine="builtin")
    assert "gradient" not in picture.text()
    assert 'class="number gradient"' not in picture.svg()
    assert [s["phase"] for s in told(picture.html())] == ["forward"] * 4 + ["seed"] + ["backward"] * 7
    assert 'class="number gradient"' in picture.html()
    assert {s["phase"] for s in told(draw(circuit(), gradients=False).html())} == {"forward"}


def test_a_local_gradient_that_fails_takes_nothing_but_the_way_back_with_it():
    row = primitive("fails_backward", lambda x: x, lambda y, x: "one")
    try:
        y = row(Value(2.0))
        assert {s["phase"] for s in told(draw(y).html())} == {"forward"}
        with pytest.raises(TypeError):
            draw(y, gradients=True)
    finally:
        del ROWS["fails_backward"]


def test_the_numbers_of_a_page_have_the_digits_of_its_picture():
    f = circuit()
    assert "Forward through σ: σ(7) = 1, which is f." in [s["sentence"] for s in told(draw(f, digits=1).html())]


def test_a_folded_picture_has_a_page_that_says_what_comes_from_outside():
    x = Value(2.0, label="x")
    deep = x
    for _ in range(3000):
        deep = deep * 1.0
    walk = told(draw((deep + x).named("y")).html())
    outside = [s for s in walk if s["phase"] == "outside"]
    assert [s["sentence"] for s in outside] == ["Paths outside of the picture add 1 to the gradient of x: 1 + 1 = 2."]
    assert outside[0]["question"] == "Paths outside of the picture add ? to the gradient of x: 1 + ? = ?."
    assert (outside[0]["gradient"], outside[0]["chain"]) == ("2", "1 × 1 + 1 × 1")


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.comments = [], 0

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)

    def handle_comment(self, data):
        self.comments += 1


@pytest.mark.parametrize("label", HOSTILE, ids=ascii)
def test_a_hostile_label_adds_nothing_to_the_page(label):
    plain, hostile = (Reader(), draw(Value(2.0, label="plain").exp().named("plain")).html()), (
        Reader(), draw(Value(2.0, label=label).exp().named(label)).html(),
    )  # fmt: skip
    for reader, page in (plain, hostile):
        reader.feed(page)
        page.encode()
    names = [tag for tag in hostile[0].tags if tag not in ("text", "tspan")]
    assert names == [tag for tag in plain[0].tags if tag not in ("text", "tspan")]
    assert hostile[0].comments == 0
    assert told(hostile[1])[0]["phase"] == "forward"


def test_a_page_is_one_file_that_asks_nothing_of_the_network():
    page = draw(circuit(), theme="dark").html()
    assert page.startswith('<!doctype html>\n<html lang="en" data-theme="dark"')
    addresses = set(re.findall(r"""["'(=](\w+:?//[^"')\s]*)""", page))
    assert addresses == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<script[^>]+src|<link[^>]+stylesheet|@import|url\(", page)
    assert "{{" not in page
    assert len(page) < 40_000


def test_save_writes_the_page(tmp_path):
    picture = draw(circuit())
    assert Path(picture.save(tmp_path / "f.html")).read_bytes() == picture.html().encode()


def test_show_opens_the_page_and_returns_its_path(monkeypatch, tmp_path):
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    picture = draw(circuit())
    path = Path(picture.show())
    assert opened == [path.as_uri()]
    assert path.read_text(encoding="utf-8") == picture.html()


def test_in_a_notebook_show_displays_a_frame(monkeypatch):
    displayed = []
    ipython, display = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=True)
    display.display = lambda bundle, raw: displayed.append(bundle)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.setattr(webbrowser, "open", lambda url: pytest.fail("a notebook opens no browser"))
    picture = draw(circuit())
    assert picture.show() is None
    assert displayed == [{"text/html": frame(picture.html()), "text/plain": repr(picture)}]
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: displayed.append((tag, dict(attributes)["srcdoc"]))
    parser.feed(displayed[0]["text/html"])
    assert displayed[1:] == [("iframe", picture.html())]
