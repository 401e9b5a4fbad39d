"""Models as files: what goes in comes out, and hostile files are errors."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import nn
from autograd_lite import primitive
from autograd_lite.errors import ArgumentError, InputTypeError

MODELS = {
    "mlp": lambda: nn.MLP(2, [3, 2], ["gelu", "softmax"], random_state=0),
    "mlp without bias": lambda: nn.MLP(2, [3, 1], bias=False, random_state=0),
    "sequential": lambda: nn.Sequential(
        nn.Linear(2, 3, random_state=0), nn.Tanh(), nn.Activation("softplus"), nn.MLP(3, [2], random_state=1)
    ),
    "layer": lambda: nn.Layer(2, 3, "sigmoid", random_state=0),
    "neuron": lambda: nn.Neuron(2, "tanh", random_state=0),
    "perceptron": lambda: nn.Perceptron(2, init="uniform", random_state=0),
}


def written(path, **changes):
    """Save a small model, change its file, return the path."""
    nn.save(nn.MLP(2, [2], random_state=0), path)
    content = json.loads(Path(path).read_text())
    for place, value in changes.items():
        *way, last = place.split("__")
        there = content
        for step in way:
            there = there[int(step) if step.isdigit() else step]
        there[last] = value
    Path(path).write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_a_model_comes_back_whole(make, tmp_path):
    model = make()
    model.loss = nn.bce
    path = tmp_path / "model.json"
    nn.save(model, path)
    twin = nn.load(path)
    assert type(twin) is type(model)
    assert repr(twin) == repr(model)
    assert twin.state_dict() == model.state_dict()
    assert [p.label for p in twin.parameters()] == [p.label for p in model.parameters()]
    assert twin.evaluate([[0.1, -2.0]]) == model.evaluate([[0.1, -2.0]])
    assert twin.loss is nn.bce


def test_names_of_classes_come_back(tmp_path):
    model = nn.MLP(2, [2], random_state=0)
    X, _ = nn.data.xor()  # noqa: N806
    nn.fit(model, X, ["même", "autre", "autre", "même"], loss="cross_entropy", epochs=2)
    nn.save(model, tmp_path / "m.json")
    assert nn.load(tmp_path / "m.json").predict(X) == model.predict(X)
    assert set(model.predict(X)) <= {"même", "autre"}


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "model.json"
    nn.save(nn.Neuron(1, random_state=0), path)
    before = path.read_bytes()

    def fail(*arguments):
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(OSError, match="no space"):
            nn.save(nn.Neuron(2), path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["model.json"]
    path.chmod(0o640)
    nn.save(nn.Neuron(2, random_state=0), path)
    assert path.read_bytes() != before
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["model.json"]


def test_a_model_that_is_not_finite_or_not_of_nn_is_not_written(tmp_path):
    class Mine(nn.Module):
        pass

    with pytest.raises(InputTypeError, match=r"Mine.*state_dict"):
        nn.save(nn.Sequential(nn.Linear(1, 1), Mine()), tmp_path / "m.json")
    broken = nn.Neuron(1)
    broken.w[0].data = float("nan")
    with pytest.raises(ArgumentError, match="finite"):
        nn.save(broken, tmp_path / "m.json")
    assert os.listdir(tmp_path) == []


def test_errors_of_files_name_the_path_that_was_given(tmp_path):
    path = str(tmp_path / "missing" / "m.json")
    with pytest.raises(FileNotFoundError) as caught:
        nn.save(nn.Neuron(1), path)
    assert caught.value.filename == path
    with pytest.raises(ArgumentError, match="save: the path must be that of a file, got "):
        nn.save(nn.Neuron(1), tmp_path)
    assert os.listdir(tmp_path) == []
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ArgumentError, match="save: the path must be that of a file, got "):
        nn.save(nn.Neuron(1), tmp_path / "pipe")
    assert os.listdir(tmp_path) == ["pipe"]
    os.remove(tmp_path / "pipe")
    with pytest.raises(InputTypeError, match="save: model must be a Module, got 3 of type int"):
        nn.save(3, tmp_path / "m.json")
    assert os.listdir(tmp_path) == []


def test_a_primitive_of_ones_own_is_given_back_on_loading(tmp_path):
    cube = primitive("cube_for_saving", lambda x: x * x * x, lambda y, x: 3.0 * x * x)
    model = nn.MLP(1, [1], output=cube, random_state=0)
    nn.save(model, tmp_path / "m.json")
    with pytest.raises(ArgumentError, match="cube_for_saving"):
        nn.load(tmp_path / "m.json")
    assert nn.load(tmp_path / "m.json", {"cube_for_saving": cube})([2.0]).data == model([2.0]).data


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": "torch"}, "must say"),
        ({"version": 2}, "version 1, got 2"),
        ({"model": None}, "model must be an object"),
        ({"model__type": "os.system"}, "model.type must be one of MLP"),
        ({"model__type": ["MLP"]}, "model.type"),
        ({"model__layers": []}, "at least one layer"),
        ({"model__layers": 3}, "must be a list"),
        ({"model__layers": [{"type": "ReLU"}]}, "all be of type Layer"),
        ({"model__layers__0__w": [[1.0, 2.0], [3.0]]}, "model.layers[0].w[1] must be a list of 2 numbers"),
        ({"model__layers__0__w": []}, "one list of weights per neuron"),
        ({"model__layers__0__w": [[]]}, "one list of weights per neuron"),
        ({"model__layers__0__w": {"0": [1]}}, "one list of weights per neuron"),
        ({"model__layers__0__w": [[1.0, "2"], [3.0, 4.0]]}, "finite numbers, got '2'"),
        ({"model__layers__0__w": [[1.0, True], [3.0, 4.0]]}, "finite numbers, got True"),
        ({"model__layers__0__w": [[1.0, None], [3.0, 4.0]]}, "finite numbers, got None"),
        ({"model__layers__0__w": [[1.0, 10**400], [3.0, 4.0]]}, "finite numbers"),
        ({"model__layers__0__w": [[1.0, float("nan")], [3.0, 4.0]]}, "NaN is not a number"),
        ({"model__layers__0__w": [[1.0, float("inf")], [3.0, 4.0]]}, "Infinity is not a number"),
        ({"model__layers__0__b": [1.0]}, "model.layers[0].b must be a list of 2"),
        ({"model__layers__0__activation": "__import__"}, "one number"),
        ({"model__layers__0__activation": "errors"}, "one number"),
        ({"model__layers__0__activation": 5}, "must be a name"),
        ({"model__layers__0__type": "Neuron"}, "one neuron must have one row, got 2"),
        (
            {"model__type": "Sequential", "model__layers__0__type": "Linear", "model__layers__0__activation": "relu"},
            "activation of Linear must be 'linear'",
        ),
        ({"loss": "eval"}, "loss must be null or one of"),
        ({"loss": {}}, "loss must be null or one of"),
        ({"classes": ["a"]}, "2 names for 2 outputs"),
        ({"classes": ["a", "a"]}, "different names"),
        ({"classes": [1, 2]}, "different names"),
    ],
)
def test_what_does_not_hold_together_is_refused(changes, words, tmp_path):
    path = written(tmp_path / "model.json", **changes)
    with pytest.raises(ArgumentError) as caught:
        nn.load(path)
    message = str(caught.value)
    assert words in message
    assert message.startswith(f"load: {str(path)!r}")
    assert len(message) < 600


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"null",
        b"[1, 2]",
        b"\x80\x04\x95",
        b"[" * 100_000,
        b'{"format": "autograd_lite.nn", "version": 1, "model": ' + b'{"type":"Sequential","layers":[' * 5_000,
        b'{"format": "autograd_lite.nn", "version": 1, "model": '
        + b'{"type":"Sequential","layers":[' * 60 + b'{"type":"ReLU"}' + b"]}" * 60 + b"}",
        b'{"format": "autograd_lite.nn", "version": 1, "model": ' + b"9" * 10_000 + b"}",
        b'{"format": "autograd_lite.nn", "version": 1, "model": {"type": "Layer", "w": [[1e999]]}}',
    ],
    ids=range(10),
)  # fmt: skip
def test_foreign_and_hostile_files_are_errors_not_crashes(text, tmp_path):
    path = tmp_path / "model.json"
    path.write_bytes(text)
    with pytest.raises(ArgumentError, match=r"^load: "):
        nn.load(path)


@pytest.mark.parametrize("step", [41, pytest.param(1, marks=pytest.mark.full)])
def test_every_truncation_of_a_file_is_an_error(tmp_path, step):
    path = tmp_path / "model.json"
    nn.save(nn.MLP(2, [2, 1], random_state=0), path)
    whole = path.read_bytes().rstrip()
    for length in range(0, len(whole), step):
        path.write_bytes(whole[:length])
        with pytest.raises(ArgumentError, match="does not parse"):
            nn.load(path)


def test_sizes_that_a_file_only_claims_allocate_nothing(tmp_path):
    path = written(tmp_path / "m.json", model__layers__0__n_in=10**12, model__layers__0__n_out=10**12)
    assert len(nn.load(path).parameters()) == 6
