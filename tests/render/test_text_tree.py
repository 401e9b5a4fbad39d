"""The text picture: one line per value, bounded for any graph, readable in any encoding."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_lite as ag
from autograd_lite import Value, draw, leaves, scope
from autograd_lite.cli.demonstration import neuron
from autograd_lite.notation import printable
from autograd_lite.render.text_tree import DEEPEST

NEURON = """\
                          value  gradient  local × upstream
f = 1/x                  0.7311         1  ∂f/∂f
└─ +1                     1.368   −0.5344  −0.5344 × 1
   └─ exp                0.3679   −0.5344  1 × (−0.5344)
      └─ −x                  −1   −0.1966  0.3679 × (−0.5344)
         └─ +                 1    0.1966  −1 × (−0.1966)
            ├─ +              4    0.1966  1 × 0.1966
            │  ├─ ×          −2    0.1966  1 × 0.1966
            │  │  ├─ w0       2   −0.1966  −1 × 0.1966
            │  │  └─ x0      −1    0.3932  2 × 0.1966
            │  └─ ×           6    0.1966  1 × 0.1966
            │     ├─ w1      −3   −0.3932  −2 × 0.1966
            │     └─ x1      −2   −0.5898  −3 × 0.1966
            └─ w2            −3    0.1966  1 × 0.1966"""


def test_the_neuron_of_the_lectures_reads_as_this_tree():
    assert draw(neuron(), sums=False).text() == NEURON


def test_a_shared_node_is_printed_once_and_referred_to_afterwards():
    x = Value(3.0, label="x")
    square = x * x
    text = draw(square + square).text()
    assert text.splitlines()[1:] == [
        "+                   18",
        "├─ #1 = ×            9",
        "│  ├─ x              3",
        "│  └─ x (above)      3",
        "└─ #1 (above)        9",
    ]


def test_labels_that_do_not_tell_nodes_apart_get_a_number():
    a, b = Value(1.0, label="x"), Value(2.0, label="x")
    text = draw((a + b) * (a - b)).text()
    assert [line.split()[-3:-1] for line in text.splitlines() if "above" in line] == [
        ["#1", "(above)"],
        ["#2", "(above)"],
    ]


def test_signs_are_ascii_where_the_stream_cannot_take_them():
    text = draw(neuron(), sums=False).text(encoding="cp1252")
    assert text.isascii()
    assert text.splitlines()[0].split("  ")[-1] == "local * upstream"
    assert "            |- +              4    0.1966  1 * 0.1966" in text.splitlines()
    assert draw(neuron()).text(encoding="utf-8") == draw(neuron()).text()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "cp437", "shift_jis", "utf-8", "utf-16"])
def test_every_encoding_can_take_its_text(encoding):
    x = Value(2.0, label="漢字 é ∂ 😀")
    y = x.sigmoid().sqrt().cbrt() * ag.sum([x, x]) * ag.prod([x, x]) ** 2 / ag.dot([x], [x]) - 1.0
    y.backward()
    draw(y).text(encoding=encoding).encode(encoding)


def test_a_label_stays_on_its_line_and_columns_stay_aligned():
    x, y, z = Value(1.0, label="two\nlines\x1b[31m"), Value(2.0, label="漢字"), Value(3.0, label="e\u0301")
    lines = draw(ag.sum([x, y, z])).text().splitlines()
    assert lines[2] == "├─ two\\nlines\\x1b[31m      1"
    assert lines[3] == "├─ 漢字                    2"
    assert lines[4] == "└─ e\u0301                       3"
    assert len(lines) == 5


@given(st.text(st.characters(), max_size=60))
def test_a_label_is_printable_and_short(label):
    text = printable(label)
    assert text.isprintable()
    assert len(text) <= 24


def test_a_very_long_chain_prints_in_bounded_output_without_recursion(full_lane):
    length = 10**6 if full_lane else 10**5
    v = Value(1.0, label="x")
    for _ in range(length):
        v = v * 1.0
    picture = draw(v)
    assert repr(picture).splitlines()[-1] == f"{length + 1:,} values: the 61 nearest to the root are shown."
    assert len(repr(picture).splitlines()) < 80
    assert len(picture.text().splitlines()) < 2500
    assert max(map(len, picture.text().splitlines())) < 80


def test_what_is_too_deep_is_continued_below_the_tree():
    v = Value(1.0, label="x")
    for _ in range(DEEPEST + 3):
        v = v * 1.0
    lines = draw(v).text().splitlines()
    assert "#1 (below)" in lines[2 + DEEPEST]
    assert lines[3 + DEEPEST].startswith("#1 = ×1")
    assert lines[-1].split() == ["└─", "x", "1"]


def test_a_wide_graph_is_cut_with_a_count():
    x = Value(1.0, label="x")
    lines = repr(draw(ag.sum([x] * 5000))).splitlines()
    assert lines[-1].strip() == "└─ … 4,940 more"
    assert len(lines) == 1 + 1 + 60 + 1


def test_exponentially_many_paths_print_one_line_per_wire():
    v = Value(1.0, label="x")
    for _ in range(60):
        v = v + v
    assert len(draw(v).text().splitlines()) < 60 * 2 + 2 + 60 // DEEPEST + 1


@given(st.integers(0, 2**32))
def test_every_value_has_a_line_of_its_own(seed):
    """lines that are no reference = values, for random graphs."""
    import random

    choose = random.Random(seed)
    nodes = list(leaves(a=1.0, b=-2.0, c=0.5))
    for _ in range(choose.randrange(1, 40)):
        a, b = choose.choice(nodes), choose.choice(nodes)
        nodes.append(choose.choice([a + b, a * b, a.tanh(), b - a, 2.0 * a]))
    lines = draw(nodes[-1], gradients=True, sums=False).text().splitlines()[1:]
    own = [line for line in lines if "(above)" not in line and "(below)" not in line]
    assert len(own) == len(ag.topological_order(nodes[-1]))


def test_names_of_scopes_are_cut_and_escaped_as_labels_are():
    with scope("\x1b[31mred " + "long " * 100):
        y = Value(1.0, "x") * 2.0
    for root in (y, y.named("y")):
        lines = draw(root, depth=0).text().splitlines()
        assert "\x1b" not in lines[1]
        assert len(lines[1]) < 45
    assert lines[1].startswith("y = \\x1b[31mred long")


def test_what_is_printed_is_what_stdout_can_take_and_a_file_has_all(monkeypatch, tmp_path):
    picture = draw(neuron())
    signs = picture.text()
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding="cp1252"))
        assert picture.text() == picture.text(encoding="ascii") != signs
        assert picture.text(encoding="utf-8") == signs
        saved = picture.save(tmp_path / "f.txt")
        patch.setattr("sys.stdout", None)
        assert picture.text() == signs
    assert Path(saved).read_text(encoding="utf-8") == signs + "\n"
