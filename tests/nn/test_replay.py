"""A recorded run as a page: what is in it, how large it is, and that user text stays text."""

import json
import re
import subprocess
import sys
from base64 import b64decode
from html.parser import HTMLParser
from itertools import pairwise
from struct import unpack

import pytest

import nn
from autograd_lite import Value, sigmoid
from autograd_lite.errors import ArgumentError, InputTypeError, NonFiniteError

XOR, TARGETS = nn.data.xor()
HOSTILE = [
    "</script><script>alert(1)</script>", "<!--", "&amp;", '"', "'", "\u2028", "\ud800", "a\nb", "{{run}}", "{{title}}",
    "\\", "ünïcödé 漢字 😀",
]  # fmt: skip


def told(replay):
    """What the script of a page reads."""
    return json.loads(re.search(r'<script type="application/json" id="run">(.*?)</script>', replay.html(), re.S)[1])


def recorded(model=None, epochs=6, X=XOR, y=TARGETS, loss="bce_logits", **options):  # noqa: N803
    """A replay of a short run, and the parameters after each epoch."""
    model = model or nn.MLP(2, [3, 1], "tanh", random_state=1)
    replay = nn.Replay(model, X, y, **options)
    states = [model.state_dict()]
    optimizer = nn.SGD(model.parameters(), lr=0.5)
    keep = lambda model, history: states.append(model.state_dict())  # noqa: E731
    nn.fit(model, X, y, loss=loss, optimizer=optimizer, epochs=epochs, callbacks=[replay, keep])
    return replay, states


def shares(frame, classes):
    """The surface as the page decodes it: a root with its sign about an even share."""
    even = 1.0 / classes
    roots = [(byte - 128) / 127 for byte in b64decode(frame["surface"])]
    return [even + (1.0 - even) * root * abs(root) for root in roots]


def test_every_frame_is_the_model_as_it_was_then():
    replay, states = recorded()
    after = replay.model.state_dict()
    run = told(replay)
    assert replay.model.state_dict() == after == states[-1]
    assert [frame["epoch"] for frame in run["frames"]] == [0, 1, 2, 3, 4, 5, 6]
    ((left, bottom), (right, top)), n = run["bounds"], run["grid"]
    grid = [
        [left + (right - left) * a / (n - 1), bottom + (top - bottom) * b / (n - 1)]
        for b in range(0, n, 7) for a in range(0, n, 7)
    ]  # fmt: skip
    model = nn.MLP(2, [3, 1], "tanh")
    model.loss = nn.bce_logits
    for frame, state in zip(run["frames"], states, strict=True):
        model.load_state_dict(state)
        seen = shares(frame, 2)
        assert len(seen) == n * n
        seen = [seen[b * n + a] for b in range(0, n, 7) for a in range(0, n, 7)]
        assert seen == pytest.approx([p for _, p in model.predict_proba(grid)], abs=0.5 / 127)
        (wrong,) = b64decode(frame["wrong"])
        mistakes = [bool(wrong & (128 >> k)) for k in range(4)]
        assert mistakes == [p != t for p, t in zip(model.predict(XOR), TARGETS, strict=True)]
        assert (frame["mistakes"], frame["accuracy"]) == (sum(mistakes), f"{100 * model.score(XOR, TARGETS):g}%")
        weights = unpack(f"<{len(state)}h", b64decode(frame["weights"]))
        assert [w * run["largest"] / 32767 for w in weights] == pytest.approx(list(state.values()), abs=1e-3)
    assert (run["widths"], run["biases"], run["single"]) == ([2, 3, 1], [True, True], False)
    assert [epoch for epoch, _ in run["loss"]] == [1, 2, 3, 4, 5, 6]
    assert run["validation"] == []


def test_a_byte_tells_the_sides_of_a_nearly_even_share_apart():
    """An untrained model has a boundary too, where all shares lie within a thousandth of a half."""
    model = nn.Neuron(2, "sigmoid")
    model.load_state_dict({"w.0": 1e-3, "w.1": 0.0, "b": -5e-4})
    run = told(nn.Replay(model, XOR, TARGETS))
    row = shares(run["frames"][0], 2)[: run["grid"]]
    assert row == sorted(row)
    assert sum(p == 0.5 for p in row) <= 10


@pytest.mark.parametrize("epochs", [0, 1, 8, 9, 10, 17, 100, 333])
def test_frames_are_few_and_evenly_spread_and_the_first_and_last_are_there(epochs):
    model = nn.Neuron(2, "sigmoid", random_state=0)
    replay = nn.Replay(model, XOR, TARGETS, frames=10, loss="bce")
    for k in range(epochs):
        model.b.data = float(k + 1)
        replay.add()
    run = told(replay)
    kept = [frame["epoch"] for frame in run["frames"]]
    assert len(kept) <= 10
    assert (kept[0], kept[-1]) == (0, epochs)
    assert len({b - a for a, b in pairwise(kept[:-1])}) <= 1
    assert len(kept) > min(epochs, 4)
    biases = [unpack("<3h", b64decode(frame["weights"]))[2] * run["largest"] / 32767 for frame in run["frames"]]
    assert [round(b, 1) for b in biases] == [0.0, *kept[1:]], "each with the state of its own epoch"
    counted = f"{epochs} epoch{'s' * (epochs != 1)}, {len(kept)} frame{'s' * (len(kept) != 1)}"
    assert repr(replay) == f"Replay(Neuron(2, sigmoid), {counted})"


def test_several_classes_have_a_surface_each():
    flowers = nn.data.iris()
    model = nn.MLP(4, [3], random_state=0)
    replay = nn.Replay(model, flowers.X, flowers.labels, features=(2, 3), xlabel="length", ylabel="width", frames=2)
    nn.fit(model, *flowers, loss="cross_entropy", epochs=1, batch_size=50, callbacks=replay)
    run = told(replay)
    assert run["classes"] == ["setosa", "versicolor", "virginica"]
    assert (run["features"], run["inputs"]) == (["length", "width"], ["x1", "x2", "length", "width"])
    columns = shares(run["frames"][-1], 3)
    size = run["grid"] ** 2
    assert len(columns) == 3 * size
    for k in range(0, size, 97):
        assert sum(columns[k::size]) == pytest.approx(1.0, abs=0.02)
    assert len(run["points"]) == 150
    assert run["outputs"] == run["classes"]


def test_many_points_are_thinned_and_all_of_them_count():
    X = [[k / 2500.0, (k % 7) / 7.0] for k in range(2500)]  # noqa: N806
    gate, y = nn.Neuron(2, "sigmoid", random_state=0), [int(k > 1700) for k in range(2500)]
    run = told(nn.Replay(gate, X, y, frames=2))
    assert len(run["points"]) == 834
    assert (run["count"], run["frames"][0]["accuracy"]) == (2500, f"{gate.score(X, y) * 100:g}%")


def test_a_run_ended_by_ctrl_c_is_kept(tmp_path):
    model = nn.MLP(2, [3, 1], random_state=0)
    replay = nn.Replay(model, XOR, TARGETS)

    def interrupt(model, history):
        if history.epochs == 3:
            raise KeyboardInterrupt

    history = nn.fit(model, XOR, TARGETS, loss="bce_logits", epochs=9, callbacks=[replay, interrupt])
    assert history.stopped == "interrupted"
    assert [frame["epoch"] for frame in told(replay)["frames"]] == [0, 1, 2, 3]
    replay.save(tmp_path / "run.html")


def test_a_run_that_diverges_is_kept():
    model = nn.MLP(2, [1], random_state=0)
    replay = nn.Replay(model, XOR, [-1, 1, 1, -1])
    optimizer = nn.SGD(model.parameters(), lr=1e200)
    with pytest.raises(NonFiniteError):
        nn.fit(model, XOR, [-1, 1, 1, -1], loss="squared_error", optimizer=optimizer, epochs=9, callbacks=replay)
    assert told(replay)["epochs"] == replay.epochs < 9


def test_a_loop_of_ones_own_is_recorded_too_nan_included():
    model = nn.MLP(2, [2, 1], random_state=0)
    replay = nn.Replay(model, XOR, TARGETS, loss="bce_logits")
    for loss in (0.7, float("nan"), Value(0.25)):
        replay.add(loss, validation_loss=0.5)
    model.parameters()[0].data = float("nan")
    replay.add()
    run = told(replay)
    assert run["loss"] == [[1, 0.7], [2, None], [3, 0.25], [4, None]]
    assert run["validation"] == [[1, 0.5], [2, 0.5], [3, 0.5], [4, None]]


def test_a_second_fit_goes_on_where_the_first_ended():
    replay, _ = recorded(epochs=2)
    nn.fit(replay.model, XOR, TARGETS, loss="bce_logits", epochs=3, callbacks=replay)
    assert replay.epochs == 5


def test_a_perceptron_is_a_line_and_a_model_of_ones_own_has_no_network():
    gate = nn.Perceptron(2)
    replay = nn.Replay(gate, XOR, [0, 0, 0, 1])
    gate.fit(XOR, [0, 0, 0, 1], callbacks=replay)
    run = told(replay)
    assert (run["single"], run["hard"], run["epochs"]) == (True, True, 6)

    class Ring(nn.Module):
        def __init__(self):
            self.inner = nn.Neuron(1, "linear", random_state=0)

        def __call__(self, x):
            return sigmoid(self.inner([x[0] ** 2 + x[1] ** 2]))

    run = told(nn.Replay(Ring(), XOR, TARGETS, loss="bce", frames=2))
    assert "widths" not in run
    assert run["frames"][0]["weights"] is None
    tied = nn.Linear(2, 2, random_state=0)
    assert "widths" not in told(nn.Replay(nn.Sequential(tied, nn.Tanh(), tied), XOR, TARGETS, frames=2))
    large = told(nn.Replay(nn.MLP(2, [33, 1], random_state=0), XOR, TARGETS, frames=2, loss="bce_logits"))
    assert large["unseen"] == "MLP(2, [33, 1]) is too large to be drawn weight by weight."


class Tags(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.seen = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, [name for name, _ in attributes]))


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_user_text_stays_text(text, tmp_path):
    y = [text, "other", "other", text]
    replay, _ = recorded(
        nn.MLP(2, [2], random_state=0), 1, y=y, loss="cross_entropy", title=text, xlabel=text, frames=2
    )
    page = replay.html()
    plain, _ = recorded(nn.MLP(2, [2], random_state=0), 1, y=TARGETS, loss="cross_entropy", frames=2)
    assert Tags(page).seen == Tags(plain.html()).seen
    run = told(replay)
    assert sorted([text, "other"]) == run["classes"]
    assert run["features"][0] == text
    replay.save(tmp_path / "run.html")
    assert (tmp_path / "run.html").read_bytes().decode("utf-8") == page


def test_the_page_needs_nothing_from_elsewhere():
    page = recorded(epochs=1)[0].html()
    addresses = set(re.findall(r"""(?:https?:)?//[\w.]+[^\s"'`]*""", page))
    assert addresses == {"http://www.w3.org/2000/svg"}, "the name of a namespace, never fetched"
    assert "default-src 'none'" in page
    assert re.findall(r'(?:src|href)="([^"]*)"', page) == ["data:,"]


def test_a_notebook_shows_it_in_a_frame():
    replay, _ = recorded(epochs=1)
    frame = replay._repr_html_()
    assert re.fullmatch(r'<iframe srcdoc="[^"]*" title="[^"]*" style="[^"]*"></iframe>', frame)


def test_the_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    replay, _ = recorded(epochs=1, frames=2)
    path = tmp_path / "run.html"
    path.write_text("old")
    with monkeypatch.context() as patch:
        patch.setattr("os.replace", lambda *a: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            replay.save(path)
    assert path.read_text() == "old"
    replay.save(path)
    assert path.read_text(encoding="utf-8") == replay.html()
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.html"]


def test_what_cannot_be_recorded_is_said_at_once(tmp_path):
    model = nn.MLP(2, [1], random_state=0)
    with pytest.raises(InputTypeError, match="Replay: model must be a Module, got 3"):
        nn.Replay(3, XOR, TARGETS)
    with pytest.raises(ArgumentError, match="Replay: one target per row of X is needed, got 1 for 4 rows"):
        nn.Replay(model, XOR, [1])
    with pytest.raises(ArgumentError, match="Replay: frames must be at least 2"):
        nn.Replay(model, XOR, TARGETS, frames=1)
    with pytest.raises(ArgumentError, match="Replay: the loss must be known to tell 0 and 1 apart by one output"):
        nn.Replay(model, XOR, TARGETS).html()
    replay = nn.Replay(model, XOR, TARGETS, loss="bce_logits")
    with pytest.raises(ArgumentError, match=r"Replay: made for another model, MLP\(2, \[1\]\)"):
        nn.fit(nn.MLP(2, [1], random_state=0), XOR, TARGETS, loss="bce_logits", epochs=1, callbacks=replay)
    with pytest.raises(ArgumentError, match=r"Replay.save: the path must end in .html, got 'run.png'"):
        replay.save("run.png")
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(ArgumentError, match="must be that of a file"):
        replay.save(tmp_path / "folder.html")


BARE = """
import sys
sys.modules["numpy"] = None
import nn
X, y = nn.data.xor()
model = nn.MLP(2, [3, 1], "tanh", random_state=1)
replay = nn.Replay(model, X, y, frames=2)
nn.fit(model, X, y, loss="bce_logits", epochs=2, callbacks=replay)
print(replay._run()["grid"], replay._run()["frames"][1]["surface"])
"""


def test_a_bare_python_records_too_with_a_coarser_surface():
    model = nn.MLP(2, [3, 1], "tanh", random_state=1)
    nn.fit(model, XOR, TARGETS, loss="bce_logits", epochs=2)
    said = subprocess.run([sys.executable, "-c", BARE], capture_output=True, text=True, check=True).stdout
    grid, surface = said.split()
    corners = shares({"surface": surface}, 2)
    n = int(grid)
    assert (n, len(corners)) == (30, 900)
    points = [[-0.25, -0.25], [1.25, -0.25], [-0.25, 1.25], [1.25, 1.25]]
    expected = [p for _, p in model.predict_proba(points)]
    assert [corners[0], corners[n - 1], corners[-n], corners[-1]] == pytest.approx(expected, abs=0.5 / 127)


@pytest.mark.full
@pytest.mark.parametrize("widths", [[16, 16, 1], [16, 3], [10]], ids=str)
def test_a_long_run_is_a_file_of_less_than_a_megabyte(widths):
    model = nn.MLP(2, widths, "tanh", random_state=0)
    X, y = nn.data.spirals(1000, classes=max(2, widths[-1]))  # noqa: N806
    replay = nn.Replay(model, X, y, loss="cross_entropy" if widths[-1] > 1 else "bce_logits")
    for _ in range(1000):
        replay.add(0.5, 0.6)
    assert 300_000 < len(replay.html()) < 1_000_000
