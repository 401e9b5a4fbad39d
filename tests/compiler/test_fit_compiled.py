"""fit(compiled=True): the run that fit makes eagerly, up to rounding."""

from __future__ import annotations

import pytest

import nn
from autograd_lite.errors import NonFiniteError, OperationError

np = pytest.importorskip("numpy")

CASES = {
    "hinge": ([1], [1.0, -1.0, -1.0, 1.0, 1.0]),
    "bce_logits": ([1], [1, 0, 0, 1, 1]),
    "cross_entropy": ([3], [2, 0, 1, 1, 0]),
    "squared_error": ([2], [[0.5, 1.0], [0.0, 2.0], [1.0, 1.0], [-1.0, 0.0], [0.25, 0.5]]),
    "mse": ([1], [0.5, 0.0, 1.0, -1.0, 0.25]),
}
X = [[0.5, -1.0], [1.0, 0.25], [-0.5, 0.5], [0.75, 1.0], [-1.0, -0.25]]


@pytest.mark.parametrize("loss", CASES)
def test_a_compiled_run_is_the_eager_one(loss):
    widths, y = CASES[loss]
    runs = []
    for compiled in (False, True):
        model = nn.MLP(2, [4, *widths], "tanh", random_state=3)
        optimizer = nn.Adam(model.parameters(), lr=0.05)
        history = nn.fit(
            model, X, y, loss=loss, optimizer=optimizer, epochs=4, batch_size=2, random_state=1, validation=(X, y),
            compiled=compiled,
        )  # fmt: skip
        runs.append((history.loss, history.validation_loss, [p.data for p in model.parameters()]))
        assert optimizer.steps == 12
    for eager, native in zip(*runs, strict=True):
        assert np.allclose(eager, native, rtol=1e-12, atol=1e-14)


def test_probabilities_and_names_of_classes():
    for loss, output in (("bce", "sigmoid"), ("cross_entropy_probabilities", "softmax")):
        runs = []
        for compiled in (False, True):
            model = nn.MLP(2, [3, 1 if loss == "bce" else 2], "tanh", output, random_state=3)
            nn.fit(model, X, ["a", "b", "a", "a", "b"], loss=loss, epochs=3, compiled=compiled)
            runs.append([p.data for p in model.parameters()])
        assert np.allclose(*runs, rtol=1e-12, atol=1e-14)


def test_a_run_that_explodes_names_the_operation_and_keeps_the_history():
    model = nn.MLP(2, [3, 1], random_state=3)
    with pytest.raises(OperationError) as caught:
        nn.fit(model, X, [1e200, 1, 1, 1, 1], loss="squared_error", epochs=3, compiled=True)
    assert isinstance(caught.value, NonFiniteError)
    assert "result must be finite, got inf" in str(caught.value)
    assert caught.value.history.epochs == 0
    assert all(abs(p.data) < 1.0 for p in model.parameters())
