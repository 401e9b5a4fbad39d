"""The step-through page in headless Chromium: every control, both themes, no complaint, no request."""

import pytest
from support.browser import CHROMIUM, MISSING

import autograd_lite as ag
from autograd_lite import Value, draw, leaves, steps
from autograd_lite.cli.demonstration import neuron
from autograd_lite.render.page import frame

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=MISSING)
full = pytest.mark.full
SENTENCES = [step.sentence for step in steps(neuron())]
LAST = len(SENTENCES)
HOSTILE = "</script><script>alert(1)</script>"


@pytest.fixture
def open_page(open_page):
    """Open the page of a graph, at a step if one is given."""

    def opened(root, step=None, theme="light", **options):
        return open_page(draw(root, theme=theme, sums=False), "" if step is None else f"#step={step}", **options)

    return opened


def at(page):
    """Where the page says it is: "step k of n", the same on its slider."""
    count, slider = page("[$('count').textContent, $('slider').value]")
    assert count == f"step {slider} of {LAST}"
    return int(slider)


def sentence(page):
    return page("$('sentence').textContent")


def shown(page):
    """The four lines of each unit, as they are seen."""
    return page(
        """[...document.querySelectorAll('g.unit')].map(g => ['arithmetic', 'value', 'gradient', 'chain'].map(
        kind => (g.querySelector('text.' + kind) || {}).textContent || ''))"""
    )


def test_a_page_steps_through_both_passes(open_page):
    """The one test of these in the default lane."""
    page = open_page(neuron())
    assert at(page) == 0
    assert [line[1] for line in shown(page) if line[1]] == ["2", "−1", "−3", "−2", "−3"]
    said = []
    for _ in range(LAST):
        page.press("ArrowRight")
        said.append(sentence(page))
    assert said == SENTENCES
    assert shown(page) == [
        [u.arithmetic, u.value, u.gradient, u.chain_rule] for u in draw(neuron(), sums=False)._scene.units
    ]
    assert page.screenshot().startswith(b"\x89PNG")


@full
def test_the_browser_tests_would_see_a_complaint_and_a_request(browser, tmp_path):
    (tmp_path / "bad.html").write_text(
        "<script>console.log('said'); fetch('http://127.0.0.1:9/asked').catch(() => 0); undefined_name</script>"
    )
    page = browser.open((tmp_path / "bad.html").as_uri())
    assert {kind for event in page.complaints for kind in ("type", "exceptionDetails") if kind in event} == {
        "type",
        "exceptionDetails",
    }
    assert "http://127.0.0.1:9/asked" in page.requests
    page.close()


@full
def test_buttons_and_keys_go_where_they_say(open_page):
    page = open_page(neuron())
    moves = [
        ("#step", 1), ("#step", 2), ("#back", 1), ("#back", 0), ("#back", 0), ("End", LAST), ("#step", LAST),
        ("ArrowRight", LAST), ("ArrowLeft", LAST - 1), ("Home", 0), ("ArrowLeft", 0), ("ArrowRight", 1), ("#start", 0),
    ]  # fmt: skip
    for move, place in moves:
        (page.click if move.startswith("#") else page.press)(move)
        assert at(page) == place, move
        assert sentence(page) == SENTENCES[place - 1] if place else sentence(page).startswith("Start:")


@full
def test_the_slider_is_moved_and_has_the_same_keys(open_page):
    page = open_page(neuron())
    page.click("#slider")
    assert abs(at(page) - LAST / 2) <= 1
    middle = at(page)
    page.press("ArrowRight", "ArrowRight")
    assert at(page) == middle + 2
    page.press("End")
    assert at(page) == LAST
    assert page("$('slider').getAttribute('aria-valuetext')") == f"step {LAST} of {LAST}"


@full
def test_the_address_names_the_step(open_page):
    page = open_page(neuron(), step=13)
    assert at(page) == 13
    assert sentence(page) == SENTENCES[12]
    page.press("ArrowRight")
    page.until("location.hash === '#step=14'")
    page.press(*["ArrowLeft"] * 10)
    page.until("location.hash === '#step=4'")
    page("location.hash = '#step=9'")
    page.until("$('slider').value === '9'")
    assert sentence(page) == SENTENCES[8] == "Seed: ∂f/∂f = 1."
    page("location.hash = '#step=999'")
    page.until(f"$('slider').value === '{LAST}'")
    page("location.hash = '#elsewhere'")
    assert at(page) == LAST
    assert page("history.length") <= 5  # stepping leaves no trail to click back through


@full
def test_nothing_is_shown_before_its_step_and_the_gradient_grows(open_page):
    x = Value(3.0, label="x")
    y = (x * x + 2.0 * x).named("y")
    page = open_page(y)
    seen = []
    for _ in range(9):
        seen.append([tuple(line[1:]) for line in shown(page)])
        page.press("ArrowRight")
    leaf, square, double, root = zip(*seen, strict=True)
    assert [value for value, *_ in square] == [""] + ["9"] * 8
    assert [value for value, *_ in root] == [""] * 3 + ["15"] * 6
    assert [gradient for _, gradient, _ in root] == [""] * 4 + ["1"] * 5
    assert [gradient for _, gradient, _ in square] == [""] * 5 + ["1"] * 4
    assert [gradient for _, gradient, _ in double] == [""] * 6 + ["1"] * 3
    assert [line[1:] for line in leaf[6:]] == [("", ""), ("2", "2 × 1"), ("5", "3 × 1 + 2 × 1")]
    assert shown(page)[0][1:] == ["3", "8", "3 × 1 + 3 × 1 + 2 × 1"]
    assert not page("document.body.textContent.includes('gradient 8')")  # nor in a tooltip
    page.press("Home")
    assert [tuple(line[1:]) for line in shown(page)] == seen[0]


@full
def test_the_gate_and_the_wire_of_a_step_are_marked(open_page):
    page = open_page(neuron(), step=18)  # backward through the lower ×, to w1
    marked = "[...document.querySelectorAll('.now')].map(e => e.dataset.value || e.dataset.from + '-' + e.dataset.to)"
    assert sorted(page(marked)) == ["4-6", "4-6", "6", "undefined-undefined"]  # arrow, wire, gate, the operand's own
    accent = "rgb(124, 58, 237)"
    assert page("getComputedStyle(document.querySelector('.unit.now .gate')).stroke") == accent
    assert page("getComputedStyle(document.querySelector('.wire.now')).stroke") == accent
    assert page("getComputedStyle(document.querySelector('.wire:not(.now)')).stroke") != accent


@full
def test_a_long_wire_is_marked_as_far_as_its_user(open_page):
    x = Value(3.0, label="x")
    page = open_page(((x.exp() * x).exp() * x).named("y"))
    lengths = []
    for step in (7, 10, 11):  # backward to x, from the last gate, the one in the middle, the first
        page(f"go({step})")
        lengths.append(page("document.querySelectorAll('[data-from=\"1\"].wire.now').length"))
    assert lengths == [7, 3, 1]


@full
def test_each_of_two_wires_between_the_same_gates_has_its_step(open_page):
    x = Value(3.0, label="x")
    page = open_page((x * x).named("y"), step=3)
    passed = "[...document.querySelectorAll('.wires .wire')].map(wire => wire.matches('.now'))"
    first = page(passed)
    page.press("ArrowRight")
    assert sorted(first) == [False, True]
    assert page(passed) == first[::-1]


@full
def test_predict_hides_each_result_until_the_next_press(open_page):
    page = open_page(neuron())
    questions = [step.question for step in steps(neuron())]
    page.click("#predict")
    for k in range(1, LAST + 1):
        page.press("ArrowRight")
        assert (at(page), sentence(page)) == (k, questions[k - 1])
        assert sum(line.count("?") for line in shown(page)) == 1
        page.press("ArrowRight")
        assert (at(page), sentence(page)) == (k, SENTENCES[k - 1])
        assert not any("?" in line for line in shown(page))
    page.click("#predict")
    page.press("ArrowLeft")
    assert sentence(page) == SENTENCES[LAST - 2]
    page.click("#predict")
    assert sentence(page) == questions[LAST - 2]


@full
def test_play_goes_to_the_end_at_its_speed_and_stops(open_page):
    page = open_page(neuron(), step=LAST - 3)
    page("PAUSE && ($('speed').value = '4')")
    page.press(" ")
    assert page("$('play').textContent") == "Pause"
    page.until(f"$('slider').value === '{LAST}'")
    page.until("$('play').textContent === 'Play'")
    page.click("#play")  # from the end: once more
    assert at(page) == 0
    page.until("$('slider').value === '1'")
    page.click("#play")
    assert page("$('play').textContent") == "Play"
    page.press(" ")  # on the button itself: pressed once, not twice
    assert page("$('play').textContent") == "Pause"
    page.press("ArrowLeft")
    assert page("$('play').textContent") == "Play"
    page.press("Home")
    page.click("#step")
    page.press(" ")  # it presses the button that has the focus
    assert at(page) == 2


@full
@pytest.mark.parametrize(
    ("theme", "prefers_dark", "first", "second"),
    [
        ("light", False, "light", "dark"),
        ("light", True, "dark", "light"),
        ("dark", False, "dark", "light"),
        ("cs231n", False, "cs231n", "dark"),
    ],
)
def test_the_theme_is_the_readers_and_can_be_switched(open_page, theme, prefers_dark, first, second):
    from autograd_lite.render.palette import THEMES

    page = open_page(neuron(), step=LAST, theme=theme, dark=prefers_dark)
    for name in (first, second, first):
        colours = THEMES[name]
        assert page("getComputedStyle(document.body).backgroundColor") == rgb(colours.background)
        assert page("getComputedStyle(document.querySelector('rect.page')).fill") == rgb(colours.background)
        assert page("getComputedStyle(document.querySelector('text.gradient')).fill") == rgb(colours.gradient)
        assert page("getComputedStyle(document.querySelector('.pill.parameter')).fill") == rgb(
            colours.leaves["parameter"]
        )
        page.click("#theme")


def rgb(colour):
    return "rgb({}, {}, {})".format(*(int(colour[k : k + 2], 16) for k in (1, 3, 5)))


@full
def test_what_moves_is_still_where_motion_is_unwanted(open_page):
    animation = "getComputedStyle(document.querySelector('.wire.now')).animationName"
    assert open_page(neuron(), step=3, still=True)(animation) == "none"
    assert open_page(neuron(), step=3, still=False)(animation) == "flow"


@full
def test_the_sentence_is_announced(open_page):
    page = open_page(neuron())
    assert page("$('sentence').getAttribute('aria-live')") == "polite"
    named = "e => e.labels?.length || e.ariaLabel || e.textContent"
    assert page(f"[...document.querySelectorAll('button, input, select')].every({named})")


@full
@pytest.mark.parametrize(
    ("width", "height", "scale"), [(1140, 520, 0.93), (1400, 520, 1.15), (2400, 900, 1.6), (700, 500, 1)]
)
def test_a_picture_fills_its_place_where_it_can_be_read(open_page, width, height, scale):
    page = open_page(neuron(), width=width, height=height)
    drawn, own = page("[svg.getBoundingClientRect().width, svg.viewBox.baseVal.width]")
    assert drawn / own == pytest.approx(scale, abs=0.01)
    scrolls = page("picture.scrollWidth > picture.clientWidth || picture.scrollHeight > picture.clientHeight")
    assert scrolls == (scale == 1)


@full
@pytest.mark.parametrize(("width", "height"), [(1140, 520), (700, 500), (360, 640)])
def test_a_wide_graph_scrolls_in_its_own_place_and_the_controls_stay(open_page, width, height):
    x = Value(0.5, label="x")
    y = x
    for _ in range(40):
        y = (y * x).tanh()
    page = open_page(y, width=width, height=height)
    for key in ("End", "Home", "ArrowRight"):
        page.press(key)
        assert page("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [width, height]
        boxes = "[...document.querySelectorAll('#controls > *, #sentence')].map(e => e.getBoundingClientRect())"
        assert page(f"{boxes}.every(b => b.left >= 0 && b.top >= 0 && b.right <= {width} && b.bottom <= {height})")
        assert page(
            "(s => (a => s.left >= a.left && s.right <= a.right && s.top >= a.top && s.bottom <= a.bottom)"
            "(picture.getBoundingClientRect()))(spot.getBoundingClientRect())"
        ) or key == "Home"  # fmt: skip


@full
@pytest.mark.parametrize(
    "label", [HOSTILE, "</script x", "<!--", "&amp;", '"', "'", "\u2028", "\ud800", "{{steps}}", "x\u202ey"], ids=ascii
)
def test_labels_stay_text(open_page, label):
    root = Value(2.0, label=label).exp().named(label)
    page = open_page(root)
    page.press("ArrowRight")
    assert sentence(page) == next(steps(root)).sentence
    assert page("document.scripts.length") == 2
    assert page("document.querySelectorAll('g.unit').length") == 2
    page.press("End")
    assert page("document.querySelector('text.gradient').textContent") == "7.389"


@full
def test_a_number_that_is_not_finite_is_tinted_once_it_is_shown(open_page):
    page = open_page(Value(1e308, label="x") * 10.0)
    tints = "[...document.querySelectorAll('.alarm.value')].map(tint => tint.style.display)"
    assert page(tints) == ["none"]
    assert not page("$('spot').classList.contains('tinted')")
    page.press("ArrowRight")
    assert page(tints) == [""]
    assert page("$('spot').classList.contains('tinted') && $('spot').nextSibling.matches('text.value')")


@full
def test_a_folded_picture_of_thousands_has_a_page_that_works(open_page):
    x = Value(2.0, label="x")
    deep = x
    for _ in range(3000):
        deep = deep * 1.0
    y = (deep + x).named("y")
    page = open_page(y)
    page.press("End")
    y.backward()
    assert shown(page) == [[u.arithmetic, u.value, u.gradient, u.chain_rule] for u in draw(y)._scene.units]
    page.press("Home")
    assert [line for line in shown(page) if any(line)] == [["", "2", "", ""]]


@full
@pytest.mark.parametrize(
    "root", [Value(2.0, label="x"), Value(2.0) * 3.0, ag.sum(leaves(a=1.0, b=2.0, c=3.0))], ids=str
)
def test_the_smallest_graphs_have_a_page_too(open_page, root):
    page = open_page(root)
    count = len(list(steps(root)))
    page.press(*["ArrowRight"] * (count + 1))
    assert page("$('count').textContent") == f"step {count} of {count}"


@full
def test_a_page_works_inside_the_frame_of_a_notebook(browser, tmp_path):
    """There it has no address of its own to write to."""
    (tmp_path / "notebook.html").write_text(
        f"<!doctype html><body>{frame(draw(neuron(), sums=False).html())}", encoding="utf-8"
    )
    page = browser.open((tmp_path / "notebook.html").as_uri())
    inner = "document.querySelector('iframe').contentDocument.getElementById"
    page(f"{inner}('step').click()")
    assert page(f"{inner}('sentence').textContent") == SENTENCES[0]
    assert page(f"{inner}('picture').clientHeight") > 250
    assert page("location.hash") == ""
    assert page.complaints == []
    assert page.requests == []
    page.close()


@full
def test_a_picture_with_a_title_a_legend_and_frames_is_stepped_through(browser, tmp_path):
    x = Value(0.5, "x", "input")
    y = ag.sigmoid(x * 2.0).named("y")
    picture = draw(y, title="σ", legend=True, open="sigmoid")
    picture.save(tmp_path / "y.html")
    page = browser.open((tmp_path / "y.html").as_uri())
    page.press("End")
    assert page("$('count').textContent") == "step 11 of 11"
    assert page("document.querySelector('text.title').textContent") == "σ"
    spot, value = page(
        "[$('spot'), document.querySelector('g.unit .gradient')].map(e => e.getBoundingClientRect().top)"
    )
    assert abs(spot - value) < 20  # the highlight is where the number is, below the title
    assert page.complaints == []
    page.close()
