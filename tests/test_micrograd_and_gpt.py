"""Programs written for other scalar engines, unmodified but for their import lines."""

import json
from pathlib import Path

import pytest
from support.scalar_engine import Scalar
from support.tiny_gpt import train

from autograd_lite import Value

DATA = Path(__file__).parent / "data"
RECORDED = json.loads((DATA / "micrograd.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def names():
    """What micrograd's training program leaves behind when it imports our packages."""
    program = (DATA / "micrograd_program.py").read_text(encoding="utf-8")
    program = program.replace("from micrograd.engine import Value", "from autograd_lite import Value")
    program = program.replace("from micrograd.nn import", "from nn import")
    assert "import micrograd" not in program
    assert "from micrograd" not in program
    left: dict[str, object] = {}
    exec(compile(program, "micrograd_program.py", "exec"), left)
    return left


def test_the_same_seed_draws_the_same_weights(names):
    assert names["first_parameters"] == RECORDED["first_parameters"]
    assert len(names["first_parameters"]) == 337


def test_the_losses_of_a_micrograd_program_are_those_of_micrograd(names):
    assert RECORDED["source"].startswith("micrograd 0.1.0")
    assert names["history"] == pytest.approx(RECORDED["losses"], rel=1e-12)
    assert names["accuracies"] == RECORDED["accuracies"]
    assert names["history"][-1] < names["history"][0] / 2


def test_the_weights_after_training_are_those_of_micrograd(names):
    trained = [p.data for p in names["model"].parameters()]
    assert trained == pytest.approx(RECORDED["last_parameters"], rel=1e-10, abs=1e-12)


def test_a_gpt_over_scalars_has_the_losses_of_an_independent_engine():
    losses, parameters = train(Value)
    expected_losses, expected_parameters = train(Scalar)
    assert losses == pytest.approx(expected_losses, rel=1e-12)
    # Adam divides by the root of tiny second moments: a rounding in a gradient near 0 moves a
    # parameter by up to lr times its relative error.
    assert parameters == pytest.approx(expected_parameters, abs=1e-9)
    assert losses[0] == pytest.approx(2.2, abs=0.3)
    assert all(later < losses[0] + 0.5 for later in losses)


def test_the_independent_engine_is_an_engine():
    x = Scalar(3.0)
    y = x * x + x / 2 - 1 / x
    y.backward()
    assert x.grad == pytest.approx(6 + 0.5 + 1 / 9, rel=1e-15)
