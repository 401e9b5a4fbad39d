"""What another engine says: values, gradients and Hessians recorded from PyTorch, kept as data."""

import json
from pathlib import Path

import pytest

import autograd_lite
from autograd_lite import Value, gradients

PEERS = json.loads((Path(__file__).parent / "data" / "peers.json").read_text(encoding="utf-8"))

LESS_EXACT = {"bce(x, 0.3)": 1e-10}
"""Where the peer is off: PyTorch adds 1e-12 to p (1 - p) in the backward of its bce; 17.96875 is ours and true."""


def test_the_recording_says_where_it_comes_from():
    assert PEERS["source"].startswith("PyTorch 2.13")
    assert len(PEERS["cases"]) >= 50


@pytest.mark.parametrize("case", PEERS["cases"], ids=lambda case: case["expression"])
def test_value_gradient_and_hessian_are_those_of_the_peer(case):
    """To 1e-12: two engines in double precision, each a few ulp from the truth."""
    leaves = [Value(x) for x in case["point"]]
    root = eval(case["expression"], vars(autograd_lite).copy(), dict(zip("xyz", leaves, strict=False)))
    assert root.data == pytest.approx(case["value"], rel=1e-13)
    assert gradients(root, leaves) == pytest.approx(case["gradient"], rel=1e-12, abs=1e-15)
    firsts = gradients(root, leaves, create_graph=True)
    for first, row in zip(firsts, case["hessian"], strict=True):
        assert gradients(first, leaves) == pytest.approx(row, rel=LESS_EXACT.get(case["expression"], 1e-11), abs=1e-13)
