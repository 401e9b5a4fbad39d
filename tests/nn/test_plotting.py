"""Pictures with matplotlib: what is drawn, not how it looks."""

import doctest
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

import nn
from autograd_lite import sigmoid, step
from autograd_lite.errors import ArgumentError, InputTypeError
from nn import plot_decision_boundary, plot_function, plot_history, plot_steps
from nn.boundary import COLOURS, TINTS
from nn.history import History

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

from matplotlib import pyplot  # noqa: E402

XOR, TARGETS = nn.data.xor()
README = Path(__file__).parents[2] / "README.md"


@pytest.fixture(autouse=True)
def _figures_are_closed():
    yield
    pyplot.close("all")


@pytest.fixture
def ax():
    return matplotlib.figure.Figure().add_subplot()


def coarse(model, X=XOR, y=TARGETS, **options):  # noqa: N803
    return plot_decision_boundary(model, X, y, grid_resolution=options.pop("grid_resolution", 21), **options)


def labelled(ax, name):
    """The positions of the markers that stand behind a legend entry."""
    (found,) = [c for c in ax.collections if c.get_label() == name]
    return found.get_offsets().tolist()


def contours(ax):
    """The vertices of every contour line, the style of each with it."""
    return [(c.get_linestyle()[0], path.vertices) for c in contour_sets(ax) for path in c.get_paths()]


def contour_sets(ax):
    return [c for c in ax.collections if isinstance(c, matplotlib.contour.ContourSet)]


def perceptron(w1, w2, b):
    gate = nn.Perceptron(2)
    gate.load_state_dict({"w.0": w1, "w.1": w2, "b": b})
    return gate


# ---- curves


def test_the_figure_of_step_and_sigmoid_shows_why_a_step_cannot_learn(tmp_path):
    ax = plot_function(lambda x: step(x - 2.0), label="step at 2")
    assert plot_function(sigmoid, ax=ax) is ax
    step_line, step_slope, sigmoid_line, sigmoid_slope = ax.get_lines()
    assert set(step_line.get_ydata()) == {0.0, 1.0}
    assert set(step_slope.get_ydata()) == {0.0}
    assert all(0.0 < y < 1.0 for y in sigmoid_line.get_ydata())
    assert max(sigmoid_slope.get_ydata()) == 0.25
    assert sigmoid_slope.get_xdata()[list(sigmoid_slope.get_ydata()).index(0.25)] == 0.0
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == ["step at 2", "slope of step at 2", "sigmoid", "slope of sigmoid"]
    ax.figure.savefig(tmp_path / "both.png")
    assert (tmp_path / "both.png").stat().st_size > 1000


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(InputTypeError, match="a function of one number is needed"):
        plot_function(3.0)
    with pytest.raises(InputTypeError, match=r"must be numbers, got \[0.0, 1.0\] and 6.0. Write plot_function\(f, -6"):
        plot_function(sigmoid, [0.0, 1.0])
    with pytest.raises(ArgumentError, match="low must be below high"):
        plot_function(sigmoid, 1.0, -1.0)
    with pytest.raises(InputTypeError, match=r"a History is needed, got \[0.3\]"):
        plot_history([0.3])
    with pytest.raises(ArgumentError, match="at least one finished epoch"):
        History().plot()


def a_run(*losses, validation=()):
    history = History()
    for k, loss in enumerate(losses):
        history.add(loss, None, validation[k] if validation else None, None, 0.1, 0.0)
    return history


def test_a_history_is_a_solid_line_and_a_dashed_one_for_the_validation(ax):
    assert a_run(0.895, 0.3, 0.02, validation=(0.9, 0.4, 0.1)).plot(ax) is ax
    training, validation = ax.get_lines()
    assert training.get_xydata().tolist() == [[1, 0.895], [2, 0.3], [3, 0.02]]
    assert validation.get_ydata().tolist() == [0.9, 0.4, 0.1]
    assert (training.get_linestyle(), validation.get_linestyle()) == ("-", "--")
    assert ax.get_title() == "loss 0.895 → 0.020"
    assert ax.get_yscale() == "log"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss")


@pytest.mark.parametrize(
    ("losses", "scale", "title"),
    [
        ((0.9, 0.1), "linear", "loss 0.900 → 0.100"),
        ((0.9, 0.08), "log", "loss 0.900 → 0.080"),
        ((0.5, 0.0), "linear", "loss 0.500 → 0.000"),  # a logarithm has no room for 0
        ((12345.0, 1.5e-6), "log", "loss 1.23e+04 → 1.5e-06"),
        ((0.5,), "linear", "loss 0.500 → 0.500"),
    ],
)
def test_losses_are_drawn_by_decades_where_they_span_more_than_one(ax, losses, scale, title):
    a_run(*losses).plot(ax)
    ax.figure.canvas.draw()
    assert (ax.get_yscale(), ax.get_title()) == (scale, title)


# ---- decision boundaries


def test_the_line_of_a_perceptron_is_where_its_weights_say():
    """w·x + b = 0 with w = (2, 1), b = −1: through (0.5, 0) and (0, 1), straight, no staircase."""
    gate = perceptron(2.0, 1.0, -1.0)
    ax = coarse(gate)
    ((_, line),) = contours(ax)
    assert np.abs(2.0 * line[:, 0] + line[:, 1] - 1.0).max() < 1e-12
    assert labelled(ax, "class 0") == [XOR[0], XOR[3]]
    assert labelled(ax, "class 1") == [XOR[1], XOR[2]]
    assert labelled(ax, "wrong") == [x for x, t in zip(XOR, TARGETS, strict=True) if gate.predict([x]) != [t]]
    assert ax.get_title() == "decision boundary · accuracy 50%"
    assert ax.get_aspect() == 1.0
    classes = [c for c in ax.collections if c.get_label().startswith("class")]
    assert len({tuple(c.get_paths()[0].vertices.ravel()) for c in classes}) == 2, "told apart by colour alone"


def test_the_surface_is_the_probability_and_the_boundary_where_it_is_a_half():
    """P(class 1) against the model asked point by point, with plain floats instead of arrays."""
    model = nn.MLP(2, [4, 1], "tanh", random_state=1)
    nn.fit(model, XOR, TARGETS, loss="bce_logits", optimizer=nn.SGD(model.parameters(), lr=0.5), epochs=80)
    ax = coarse(model)
    (image,) = ax.get_images()
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert (left, right) == (-0.25, 1.25)
    surface = image.get_array()
    for row, column in [(0, 0), (3, 17), (20, 20), (10, 5)]:
        point = [left + (right - left) * column / 20, bottom + (top - bottom) * row / 20]
        assert surface[row, column] == pytest.approx(model.predict_proba([point])[0][1], abs=1e-12)
    assert image.get_extent() == pytest.approx([left - 0.0375, right + 0.0375, bottom - 0.0375, top + 0.0375])
    lines = contours(coarse(model, grid_resolution=200))
    for _, line in lines:
        shares = np.array(model.predict_proba(line))[:, 1]
        assert np.abs(shares - 0.5).max() < 2e-3
    (bar,) = [child for child in ax.child_axes if child.get_ylabel()]
    assert bar.get_ylabel() == "P(class 1)"


def test_margins_are_told_apart_by_their_sign():
    """Also those of a model trained by hand, whose loss is not known, and those of tanh."""
    signs = [2 * t - 1 for t in TARGETS]
    for output, targets, total in (("linear", signs, 0.6), ("tanh", signs, 0.6), ("linear", TARGETS, 1.1)):
        model = nn.Neuron(2, output)
        model.load_state_dict({"w.0": 1.0, "w.1": 1.0, "b": -0.6})
        ax = coarse(model, y=targets, loss="mse" if targets is TARGETS else None)
        ((_, line),) = contours(ax)
        assert np.abs(line.sum(axis=1) - total).max() < 2e-3
        assert labelled(ax, "wrong") == ([[1.0, 1.0]] if total == 0.6 else [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    named = nn.MLP(2, [1], random_state=0)
    nn.fit(named, XOR, ["off", "on", "on", "on"], loss="hinge", epochs=30)
    ax = coarse(named, y=["off", "on", "on", "on"])
    assert [t.get_text() for t in ax.get_legend().get_texts()][:2] == ["off", "on"]
    assert ax.get_title() == f"decision boundary · accuracy {100 * named.score(XOR, ['off', 'on', 'on', 'on']):g}%"
    assert ax.child_axes[0].get_ylabel() == "output"


def test_several_classes_meet_where_their_probabilities_are_equal():
    flowers = nn.data.iris()
    X = [row[2:] for row in flowers.X]  # noqa: N806
    model = nn.MLP(2, [3], random_state=0)
    nn.fit(model, X, flowers.labels, loss="cross_entropy", epochs=1, batch_size=50, random_state=0)
    ax = coarse(model, X, flowers.labels, xlabel="length", ylabel="width", grid_resolution=120)
    assert [t.get_text() for t in ax.get_legend().get_texts()][:3] == list(model.classes)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("length", "width")
    assert ax.get_images()[0].get_array().shape == (120, 120, 3)
    vertices = np.concatenate([line for _, line in contours(ax)])
    shares = np.sort(model.predict_proba(vertices), axis=1)
    assert np.abs(shares[:, 2] - shares[:, 1]).max() < 5e-3
    wrong = labelled(ax, "wrong")
    assert len(wrong) == round(150 * (1.0 - model.score(X, flowers.labels)))


def test_other_features_stand_at_their_mean():
    flowers = nn.data.iris()
    model = nn.MLP(4, [3], random_state=0)
    X = np.array(flowers.X)  # noqa: N806
    ax = coarse(model, flowers.X, flowers.y, features=(3, 0), loss="cross_entropy")
    assert labelled(ax, "class 0") == X[:50, [3, 0]].tolist()
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    middle = X.mean(axis=0)
    middle[[3, 0]] = (left + right) / 2, (bottom + top) / 2
    assert ax.get_xlabel(), ax.get_ylabel() == ("$x_{4}$", "$x_{1}$")
    share = max(model.predict_proba(middle[None, :], loss="cross_entropy")[0])
    whiteness = 1.0 - (share - 1 / 3) / (2 / 3)
    assert ax.get_images()[0].get_array()[10, 10].min() >= whiteness - 1e-9


def test_hidden_neurons_are_drawn_where_they_are_at_zero():
    model = nn.MLP(2, [2, 2, 1], "tanh", random_state=5)
    ax = coarse(model, hidden=True, grid_resolution=150, loss="bce_logits")
    names = [text.get_text() for text in ax.texts]
    assert names
    assert set(names) <= {"z[1][1]", "z[1][2]", "z[2][1]", "z[2][2]"}
    drawn = [line for _, line in contours(ax)][1:]  # after the boundary itself
    assert len(drawn) == len(names)
    for name, line in zip(names, drawn, strict=True):
        z = [model.record(point)[name].data for point in line[:: len(line) // 5].tolist()]
        assert max(map(abs, z)) < 2e-3
    many = coarse(nn.MLP(2, [9, 1], "tanh", random_state=5), hidden=True, loss="bce_logits")
    assert not many.texts
    assert len(contour_sets(many)) > 2


def test_a_network_of_separate_activations_has_hidden_neurons_too():
    model = nn.Sequential(nn.Linear(2, 3, random_state=3), nn.Tanh(), nn.Linear(3, 1, random_state=4))
    names = {text.get_text() for text in coarse(model, hidden=True, loss="bce_logits").texts}
    assert names
    assert names <= {"z[1][1]", "z[1][2]", "z[1][3]"}


# ---- before and after


def test_the_point_asks_and_the_line_comes_closer():
    """One update by (1, 0), wrong on the line x₁ + 2x₂ = 1.5: the arrow goes from the old line to the new one."""
    gate = perceptron(1.0, 2.0, -1.5)
    before = gate.state_dict()
    X, y = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.2, 0.2]], [0, 1, 1, 1]  # noqa: N806
    gate.fit([X[1]], [y[1]], epochs=1, lr=0.5)
    assert list(gate.state_dict().values()) == [1.5, 2.0, -1.0]
    ax = coarse(gate, X, y, before=before)
    dashed, solid = (line for _, line in contours(ax))
    assert np.abs(dashed @ [1.0, 2.0] - 1.5).max() < 1e-12
    assert np.abs(solid @ [1.5, 2.0] - 1.0).max() < 1e-12
    assert contour_sets(ax)[0].get_linestyle() != contour_sets(ax)[1].get_linestyle()
    assert labelled(ax, "asked") == [[1.0, 0.0]], "of the two that were wrong, the one whose update it was"
    (arrow,) = ax.texts
    assert arrow.xyann == pytest.approx((1.1, 0.2))  # (1, 0) + 0.5/5·(1, 2): nearest on the old line
    assert arrow.xy == pytest.approx((0.88, -0.16))  # (1, 0) − 0.5/6.25·(1.5, 2): nearest on the new one
    assert ax.get_title() == "decision boundary · accuracy 50% → 75%"
    assert [t.get_text() for t in ax.get_legend().get_texts()] == [
        "before", "after", "class 0", "class 1", "wrong", "asked",
    ]  # fmt: skip
    assert list(gate.state_dict().values()) == [1.5, 2.0, -1.0], "the model stays as it is"


def test_a_network_before_and_after_some_steps_side_by_side():
    model = nn.MLP(2, [3, 1], "tanh", random_state=1)
    before = model.state_dict()
    nn.fit(model, XOR, TARGETS, loss="bce_logits", optimizer=nn.SGD(model.parameters(), lr=0.5), epochs=60)
    after = model.state_dict()
    left, right = plot_steps(model, XOR, TARGETS, before, grid_resolution=30)
    assert model.state_dict() == after
    assert (left.get_title(), right.get_title()) == ("before · accuracy 75%", "after · accuracy 75% → 100%")
    model.load_state_dict(before)
    assert np.array_equal(
        left.get_images()[0].get_array(), coarse(model, grid_resolution=30).get_images()[0].get_array()
    )
    assert len(contour_sets(right)) > len(contour_sets(left))
    assert not right.child_axes, "no colour bars between the two"


def test_no_point_asks_where_none_was_wrong_and_no_arrow_where_there_is_no_line():
    gate = perceptron(1.0, 1.0, -0.5)
    before = gate.state_dict()
    gate.b.data = -0.4
    assert not coarse(gate, y=[0, 1, 1, 1], before=before).texts
    gate.load_state_dict({"w.0": 0.0, "w.1": 0.0, "b": 0.0})
    assert not coarse(gate, before=before).texts


def test_many_that_were_wrong_ask_through_the_three_that_are_farthest():
    gate = perceptron(1.0, 0.0, 0.0)
    before = gate.state_dict()
    gate.load_state_dict({"w.0": 0.5, "w.1": 1.0, "b": 0.25})
    ax = coarse(gate, [[k / 10, 0.3] for k in range(-5, 6)], [1] * 5 + [0] * 6, before=before)
    assert sorted(labelled(ax, "asked")) == [[-0.5, 0.3], [-0.4, 0.3], [0.5, 0.3]]
    assert len(ax.texts) == 3


# ---- manners


# Machado, Oliveira & Fernandes (2009), severity 1, on linear RGB.
VISION = {
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def lab(colour, vision):
    """CIE L*a*b* (D65) of a colour as it is seen."""
    rgb = np.array(matplotlib.colors.to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = to_xyz @ np.clip(VISION[vision] @ linear, 0.0, 1.0) / [0.95047, 1.0, 1.08883]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16.0 / 116.0)
    return np.array([116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)])


@pytest.mark.parametrize("vision", VISION)
def test_classes_are_told_apart_by_every_kind_of_colour_vision(vision):
    def nearest(colours):
        return min(np.linalg.norm(lab(a, vision) - lab(b, vision)) for a, b in combinations(colours, 2))

    assert nearest(COLOURS[:2]) > 45
    assert nearest(COLOURS[:5]) > 30
    assert nearest(TINTS[:2]) > 45
    assert nearest(TINTS[:5]) > 20


def test_the_page_of_a_replay_has_the_same_colours():
    page = Path(nn.__file__).with_name("replay.html").read_text(encoding="utf-8")
    light = {name: tuple(colours.split()) for name, colours in reversed(re.findall(r"--(classes|tints): (.*);", page))}
    assert light == {"classes": COLOURS, "tints": TINTS}


@pytest.mark.parametrize("module", [nn.plotting, nn.boundary], ids=["plotting", "boundary"])
def test_the_examples_that_draw_run(module, tmp_path, monkeypatch):
    """They are skipped where all examples run, for matplotlib may be missing there."""
    monkeypatch.chdir(tmp_path)
    failures, tries = [], 0
    for found in doctest.DocTestFinder(exclude_empty=True).find(module):
        for example in found.examples:
            tries += example.options.pop(doctest.SKIP, 0)
        doctest.DocTestRunner(verbose=False).run(found, out=failures.append)
    assert not failures, "".join(failures)
    assert tries >= 3


def test_nothing_is_shown_and_no_setting_touched(ax, monkeypatch):
    monkeypatch.setattr(pyplot, "show", lambda *a, **k: pytest.fail("show() was called"))
    settings = dict(matplotlib.rcParams)
    model = nn.MLP(2, [3, 1], random_state=0)
    assert coarse(model, ax=ax, hidden=True, loss="bce_logits") is ax
    assert not pyplot.get_fignums(), "axes were given: no figure of our own"
    plot_history(a_run(0.3, 0.2))
    assert len(pyplot.get_fignums()) == 1, "pyplot knows it, so that show() and notebooks show it"
    assert dict(matplotlib.rcParams) == settings


def test_arrays_lists_and_one_hot_targets_give_the_same_picture():
    model = nn.MLP(2, [4, 2], "tanh", random_state=0)
    one_hot = [nn.one_hot(t, 2) for t in TARGETS]
    pictures = [coarse(model, X, y) for X, y in [(XOR, TARGETS), (np.array(XOR), np.array(TARGETS)), (XOR, one_hot)]]
    first, *others = [(ax.get_images()[0].get_array(), ax.get_title()) for ax in pictures]
    for surface, title in others:
        assert np.array_equal(surface, first[0])
        assert title == first[1]


def test_a_model_of_ones_own_is_drawn_too():
    class Ring(nn.Module):
        def __call__(self, x):
            return sigmoid(4.0 * (1.0 - x[0] ** 2 - x[1] ** 2))

    ring = Ring()
    ring.loss = nn.bce
    ax = coarse(ring, [[0.0, 0.0], [2.0, 0.0], [0.0, -2.0]], [1, 0, 0], grid_resolution=60, hidden=True)
    ((_, circle),) = contours(ax)
    assert np.hypot(*circle.T) == pytest.approx(1.0, abs=5e-3)
    assert ax.get_title() == "decision boundary · accuracy 100%"


def test_features_of_very_different_ranges_are_not_drawn_to_one_scale():
    X = [[0.0, 0.0], [1.0, 5000.0]]  # noqa: N806
    ax = coarse(nn.MLP(2, [1], random_state=0), X, [-1, 1])
    assert ax.get_aspect() == "auto"
    assert (ax.get_xlim(), ax.get_ylim()) == ((-0.25, 1.25), (-1250.0, 6250.0))
    assert coarse(nn.MLP(2, [1], random_state=0), X, [-1, 1], eps=1.0).get_xlim() == (-1.0, 2.0)


@pytest.mark.parametrize(
    ("X", "y", "options", "words"),
    [
        (XOR, [0, 1, 1], {}, "one target per row of X is needed, got 3 for 4 rows"),
        (XOR, [0, 1, 2, 0], {}, "row 2 of y: must be a class, 0 to 1, got 2"),
        (XOR, [0.5, 1, 1, 0], {}, "row 0 of y: must be a class, 0 to 1, got 0.5"),
        (XOR, [None, 1, 1, 0], {}, "row 0 of y: a class is needed, got None"),
        (XOR, ["a", "b", "c", "a"], {}, r"3 classes \(a, b, c\) need 3 outputs"),
        (XOR, ["a"] * 4, {}, "y must name at least two classes, got 'a' alone"),
        (XOR, TARGETS, {}, "the loss must be known to tell 0 and 1 apart by one output"),
        (XOR, TARGETS, {"features": (0, 2)}, r"two different columns of X, 0 to 1, got \(0, 2\)"),
        (XOR, TARGETS, {"features": 1}, "two different columns"),
        (XOR, TARGETS, {"features": (0.0, 1.0)}, "two different columns"),
        (XOR, TARGETS, {"eps": -1.0}, "eps must be a number, positive and finite, got -1.0"),
        (XOR, TARGETS, {"eps": "x"}, "eps must be a number, positive and finite, got 'x'"),
        (XOR, TARGETS, {"grid_resolution": 1}, "grid_resolution must be an int, at least 2"),
    ],
)
def test_what_is_no_picture_is_said_at_once(X, y, options, words):  # noqa: N803
    with pytest.raises((ArgumentError, InputTypeError), match=f"^plot_decision_boundary: .*{words}"):
        coarse(nn.MLP(2, [1], random_state=0), X, y, **options)


def test_one_feature_is_no_plane_and_a_list_no_model():
    with pytest.raises(ArgumentError, match="X must have at least two features"):
        coarse(nn.MLP(1, [1], random_state=0), [[0.0], [1.0]], [0, 1])
    with pytest.raises(InputTypeError, match="model must be a Module, got 3"):
        coarse(3)
    with pytest.raises(InputTypeError, match=r"ax must be the axes to draw on, got ndarray. Write ax=axes\[0\]"):
        coarse(perceptron(1.0, 1.0, 0.0), ax=pyplot.subplots(2)[1])
    with pytest.raises(InputTypeError, match="axes must be two, got 3"):
        plot_steps(perceptron(1.0, 1.0, 0.0), XOR, TARGETS, {}, axes=3)


MISSING = """
import sys
sys.modules["matplotlib"] = None
import nn
try:
    nn.plot_decision_boundary(nn.Perceptron(2), *nn.data.xor())
except ImportError as error:
    print(error)
"""


def test_without_matplotlib_one_line_names_the_command():
    said = subprocess.run([sys.executable, "-c", MISSING], capture_output=True, text=True, check=True).stdout
    assert said == (
        "plot_decision_boundary: needs matplotlib, which is not installed. Run `python -m pip install matplotlib`.\n"
    )


@pytest.mark.full
def test_the_picture_of_the_readme_is_what_its_lines_draw(tmp_path, monkeypatch):
    """Pixel by pixel it would be matplotlib's version that is tested: its size, and who is right."""
    pytest.importorskip("sklearn")
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```pycon\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    names = {"MLP": nn.MLP, "data": nn.data, "fit": nn.fit}
    examples = doctest.DocTestParser().get_doctest(block, names, "README.md", str(README), 0)
    failures = []
    doctest.DocTestRunner(verbose=False).run(examples, out=failures.append, clear_globs=False)
    assert not failures, "".join(failures)
    assert examples.globs["ax"].get_title() == "decision boundary · accuracy 100%"
    assert len(examples.globs["ax"].texts) == 4, "each hidden neuron has its line and its name"
    there = README.parent / ".readme" / "moons.webp"
    with Image.open("moons.webp") as drawn, Image.open(there) as shown:
        assert drawn.size == shown.size
    assert there.stat().st_size < 60_000
