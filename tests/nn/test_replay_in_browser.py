"""The page of a recorded run in headless Chromium: every control, both themes, no complaint, no request."""

import pytest
from support.browser import CHROMIUM, MISSING

import nn

pytestmark = [pytest.mark.full, pytest.mark.skipif(CHROMIUM is None, reason=MISSING)]
XOR, TARGETS = nn.data.xor()
HOSTILE = "</script><script>alert(1)</script>"
EPOCHS = 30


@pytest.fixture
def open_page(open_page):
    """Open the page of a replay, in a window as high as it needs."""
    return lambda replay, where="", **options: open_page(replay, where, **{"height": 720, **options})


def trained(model=None, y=TARGETS, loss="bce_logits", **options):
    model = model or nn.MLP(2, [3, 1], "tanh", random_state=1)
    replay = nn.Replay(model, XOR, y, **options)
    optimizer = nn.SGD(model.parameters(), lr=0.5)
    replay.history = nn.fit(
        model, XOR, y, loss=loss, optimizer=optimizer, epochs=EPOCHS, callbacks=replay, validation=(XOR, y)
    )
    return replay


@pytest.fixture(scope="module")
def replay():
    return trained()


def at(page):
    """The epoch the page says it shows, the same in its sentence and on its slider."""
    count, slider, sentence = page("[$('count').textContent, $('slider').value, $('sentence').textContent]")
    assert count == f"epoch {slider} of {EPOCHS}"
    assert sentence.startswith(f"Epoch {slider} of {EPOCHS}: " if slider != "0" else "Before training: ")
    return int(slider)


def test_buttons_keys_and_slider_go_where_they_say(open_page, replay):
    page = open_page(replay)
    assert at(page) == 0
    moves = [
        ("#step", 1), ("#step", 2), ("#back", 1), ("#back", 0), ("#back", 0), ("End", EPOCHS), ("#step", EPOCHS),
        ("ArrowRight", EPOCHS), ("ArrowLeft", EPOCHS - 1), ("Home", 0), ("ArrowRight", 1), ("#start", 0),
    ]  # fmt: skip
    for move, place in moves:
        (page.click if move.startswith("#") else page.press)(move)
        assert at(page) == place, move
    page.click("#slider")
    assert abs(at(page) - EPOCHS / 2) <= 1
    page.click("#loss")
    assert abs(at(page) - EPOCHS / 2) <= 2


def test_the_address_names_the_epoch(open_page, replay):
    page = open_page(replay, "#epoch=7")
    assert at(page) == 7
    page.press("ArrowRight")
    page.until("location.hash === '#epoch=8'")
    page("location.hash = '#epoch=3', 0")
    page.until("$('slider').value === '3'")
    assert at(open_page(replay, "#epoch=99999")) == EPOCHS


def test_the_numbers_are_those_of_the_run(open_page, replay):
    page = open_page(replay, f"#epoch={EPOCHS}")
    history = replay.history
    said = page("$('sentence').textContent")
    right = replay.model.score(XOR, TARGETS)
    assert said == (
        f"Epoch {EPOCHS} of {EPOCHS}: loss {history.loss[-1]:.3g}, validation loss {history.validation_loss[-1]:.3g}, "
        f"accuracy {100 * right:g}%, {round(4 - 4 * right)} of 4 wrong."
    )
    assert page("document.querySelectorAll('#rings circle').length") == round(4 - 4 * right)
    titles = page("[...document.querySelectorAll('#network path title')].map(t => t.textContent)")
    weights = dict(text.replace("−", "-").split(" = ") for text in titles)
    assert len(weights) == 9
    for name, number in weights.items():
        (w,) = [p.data for p in replay.model.parameters() if p.label == name]
        assert float(number) == pytest.approx(w, abs=0.01)
    classes = page("[...document.querySelectorAll('#network .edge')].map(e => e.classList.contains('positive'))")
    assert classes == [float(number) > 0 for number in weights.values()]


def test_the_boundary_is_where_the_model_is_undecided(open_page, replay):
    """Every point of the drawn line, back in the units of the features, has P(class 1) = ½."""
    page = open_page(replay, f"#epoch={EPOCHS}")
    lines = page(
        """$('border').getAttribute('d').slice(1).split('M').flatMap(line => line.split('L')).map(p => {
        const [x, y] = p.split(',').map(Number);
        const across = (x - room.left) / area.width, down = (y - room.top) / area.height;
        return [west + across * (east - west), north - down * (north - south)];
        })"""
    )
    assert len(lines) > 50
    assert max(abs(p - 0.5) for _, p in replay.model.predict_proba(lines)) < 0.02


def test_it_plays_to_the_end_and_stops(open_page, replay):
    page = open_page(replay, still=False)
    page("$('speed').value = '2', $('speed').onchange(), 0")
    page.press(" ")
    assert page("$('play').textContent") == "Pause"
    assert page("$('sentence').getAttribute('aria-live')") == "off"
    page.until(f"$('slider').value === '{EPOCHS}' && $('play').textContent === 'Play'")
    assert page("$('sentence').getAttribute('aria-live')") == "polite"
    page.press(" ", " ")
    assert page("$('play').textContent") == "Play"
    assert at(page) <= 1, "from the end it plays from the start"


def test_reduced_motion_plays_slowly(open_page, replay):
    page = open_page(replay, still=True)
    page.press(" ")
    page("new Promise(done => setTimeout(done, 500))")
    assert at(page) == 0
    page.until("$('slider').value === '1'")


def test_light_and_dark_differ_and_every_picture_is_described(open_page, replay):
    light, dark = open_page(replay, "#epoch=9"), open_page(replay, "#epoch=9", dark=True)
    assert light("document.documentElement.dataset.theme") == "light"
    assert dark("document.documentElement.dataset.theme") == "dark"
    assert light.screenshot() != dark.screenshot()
    dark.click("#theme")
    assert dark("document.documentElement.dataset.theme") == "light"
    labels = light("[...document.querySelectorAll('svg[role=img]')].map(s => s.getAttribute('aria-label'))")
    assert len(labels) == 3
    assert labels[0].startswith("Decision boundary over 4 points of class 0, class 1. Epoch 9 of 30")
    assert "its largest weight is w[" in labels[1]
    assert labels[2].startswith("Loss from ")


def test_lines_of_neurons_can_be_hidden(open_page, replay):
    page = open_page(replay, f"#epoch={EPOCHS}")
    drawn = "[...document.querySelectorAll('#neuron-lines path')].filter(p => p.getAttribute('d')).length"
    assert 1 <= page(drawn) <= 3
    page.click("#lines")
    assert page(drawn) == 0


def test_hostile_names_stay_text(open_page):
    y = [HOSTILE, "{{run}}", "{{run}}", HOSTILE]
    page = open_page(trained(nn.MLP(2, [3, 2], random_state=0), y, "cross_entropy", title=HOSTILE, xlabel=HOSTILE))
    assert page("document.querySelector('h1').textContent") == HOSTILE
    assert HOSTILE in page("document.getElementById('boundary').textContent")
    assert page("document.getElementById('legend').textContent").startswith(HOSTILE)
    assert page("document.scripts.length") == 2


@pytest.mark.parametrize("width", [360, 900])
def test_a_narrow_window_shows_all_of_it(open_page, replay, width):
    page = open_page(replay, width=width)
    assert page("document.documentElement.scrollWidth") == width


def test_perceptrons_own_models_and_several_classes_are_shown_too(open_page):
    gate = nn.Perceptron(2)
    step = nn.Replay(gate, XOR, [0, 0, 0, 1])
    gate.fit(XOR, [0, 0, 0, 1], callbacks=step)
    page = open_page(step, "#epoch=6")
    assert page("$('border').getAttribute('d')").count("L") == 1
    assert page("$('neurons').hidden")

    class Sum(nn.Module):
        def __call__(self, x):
            return x[0] + x[1] - 0.5

    page = open_page(nn.Replay(Sum(), XOR, [-1, 1, 1, 1]))
    assert page("$('weights').hidden && $('losses').hidden")
    assert page("$('sentence').textContent") == "Before training: accuracy 100%, 0 of 4 wrong."
    flowers = nn.data.iris()
    page = open_page(nn.Replay(nn.MLP(4, [3], random_state=0), flowers.X, flowers.labels, features=(2, 3)))
    assert page("document.querySelectorAll('#boundary .point').length") == 150
    assert page("$('border').getAttribute('d')").count("M") >= 3


def test_a_notebook_plays_it_in_a_frame(browser, replay, tmp_path):
    (tmp_path / "notebook.html").write_text(f"<!doctype html><meta charset=utf-8>{replay._repr_html_()}")
    page = browser.open((tmp_path / "notebook.html").as_uri(), height=760)
    inside = "document.querySelector('iframe').contentDocument"
    page(f"{inside}.getElementById('step').click()")
    assert page(f"{inside}.getElementById('count').textContent") == f"epoch 1 of {EPOCHS}"
    assert page(f"{inside}.documentElement.scrollHeight") <= 720, "all of it is seen"
    assert page.complaints == page.requests == []
    page.close()
