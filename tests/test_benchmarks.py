"""The benchmarks' own instruments: ratios round by round, peers skipped aloud, results that can be read again."""

import json
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
pytestmark = pytest.mark.skipif(not BENCHMARKS.exists(), reason="no benchmarks here: not a checkout")


@pytest.fixture
def measuring(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import measuring

    yield measuring
    for name in ("measuring", "curves", "microgpt"):
        sys.modules.pop(name, None)


def rows(measuring, goal):
    ours, others = [{"step": 1.0}, {"step": 8.0}, {"step": 3.0}], [{"step": 2.0}, {"step": 4.0}, {"step": 12.0}]
    return measuring.compare(
        "scale, 1,000 nodes", ours, others, unit="s", scale=1.0, other_name="peer", goals={"step": goal}
    )


def test_a_ratio_is_taken_within_a_round_and_then_its_median(measuring):
    (row,) = rows(measuring, 0.6)
    assert (row.ratio.median, row.ratio.low, row.ratio.high) == (0.5, 0.25, 2.0)  # of medians it would be 0.75
    assert (row.ours.median, row.other.median) == (3.0, 4.0)
    assert row.verdict == "≤ 0.6: met"
    assert rows(measuring, 0.4)[0].verdict == "≤ 0.4: MISSED"


def test_contestants_take_turns_and_the_first_round_does_not_count(measuring):
    turns = []
    contestants = {name: lambda name=name: turns.append(name) or {"t": float(len(turns))} for name in "AB"}
    samples = measuring.interleave(contestants, 2)
    assert "".join(turns) == "ABABAB"
    assert samples == {"A": [{"t": 3.0}, {"t": 5.0}], "B": [{"t": 4.0}, {"t": 6.0}]}


def test_a_missing_peer_is_said_aloud(measuring, capsys):
    skipped = []
    assert measuring.import_peer("no_such_engine.core", skipped) is None
    assert skipped == ["!!! SKIPPED: no_such_engine is not installed. To compare with it: pip install no_such_engine"]
    assert skipped[0] in capsys.readouterr().out


def test_results_are_for_people_and_for_machines(measuring, tmp_path):
    import curves

    found = rows(measuring, 0.6)
    facts = measuring.machine(["autograd_lite"])
    assert facts["autograd_lite"].endswith(("native", "pure Python")) or "pure Python" in facts["autograd_lite"]
    table = measuring.markdown_table(found)
    measuring.write(tmp_path, "eager", facts, [row.as_json() for row in found], table, ["!!! SKIPPED: x"])
    text = (tmp_path / "eager.md").read_text(encoding="utf-8")
    assert "| 0.5 [0.25 to 2] | ≤ 0.6: met | scale, 1,000 nodes | step |" in text
    assert text.rstrip().endswith("!!! SKIPPED: x")
    assert json.loads((tmp_path / "eager.json").read_text(encoding="utf-8"))["machine"] == facts
    assert curves.curves_of(tmp_path / "eager.json", "scale") == {"step": [(1000, found[0].as_json()["ours"])]}


def test_the_engine_of_microgpt_is_an_engine(measuring):
    import microgpt

    x = microgpt.Value(3.0)
    y = (x * x + 2 * x - x / 4).exp().log() + (-x).relu() + x**-1
    y.backward()
    assert y.data == pytest.approx(9 + 6 - 0.75 + 1 / 3)
    assert x.grad == pytest.approx(6 + 2 - 0.25 - 1 / 9)
