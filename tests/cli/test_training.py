"""`train` at a shell: toy data, a CSV file of one's own, models that take raw numbers."""

import json
import sys

import pytest

from autograd_lite.cli import main
from autograd_lite.cli.training import columns, take_raw_inputs
from nn import MLP, data, load

QUICK = ["--epochs", "3", "--hidden", "2"]


def test_a_run_prints_what_it_learned_and_the_next_command(capsys):
    assert main(["train", "iris", "--hidden"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "iris  100 examples to learn from, 4 features, 3 classes"
    assert out[1].startswith("  15 parameters, 100 epochs, ")
    assert out[3] == "  50 held out: 49 right (98 %), loss 0.1207"
    assert out[4].startswith("Next  python -m autograd_lite train iris ")


def test_the_four_points_of_xor_are_learned_and_tried(capsys):
    assert main(["train", "xor", "--loss", "bce_logits"]) == 0
    assert "  the same 4: 4 right (100 %)" in capsys.readouterr().out


def test_the_result_as_json_is_json_and_nothing_else(capsys):
    assert main(["train", "spirals", "--json", *QUICK]) == 0
    result = json.loads(capsys.readouterr().out)
    assert {"data": "spirals", "epochs": 3, "tried": 33, "tried_on": "held out"}.items() <= result.items()


def test_the_same_seed_gives_the_same_numbers(capsys):
    losses = []
    for seed in ("1", "1", "2"):
        main(["train", "xor", "--json", "--seed", seed, *QUICK])
        losses.append(json.loads(capsys.readouterr().out)["loss"])
    assert losses[0] == losses[1] != losses[2]


def test_a_csv_file_of_ones_own(capsys, tmp_path):
    path = tmp_path / "fruit.csv"
    rows = [f"{'apple' if k % 2 else 'pear'},{k % 2 + 0.1 * (k % 3)},5" for k in range(30)]
    path.write_text("\n".join(["kind,weight,constant", *rows]))
    assert main(["train", str(path), "--label", "kind", "--save", str(tmp_path / "m.json")]) == 0
    assert "10 held out: 10 right" in capsys.readouterr().out
    model = load(tmp_path / "m.json")
    assert model.predict([[1.0, 5.0], [0.0, 5.0]]) == ["apple", "pear"]


def test_a_saved_model_takes_the_features_as_they_are(tmp_path, capsys):
    path = tmp_path / "m.json"
    assert main(["train", "iris", "--hidden", "--save", str(path)]) == 0
    flowers = data.iris()
    assert load(path).score(flowers.X, flowers.labels) > 0.94
    assert main(["train", "iris", "--save", str(path)]) == 1
    assert "Add --force" in capsys.readouterr().err
    assert main(["train", "iris", *QUICK, "--save", str(path), "--force"]) == 0


def test_scaling_moved_into_the_first_layer_leaves_the_outputs_alone():
    flowers = data.iris()
    means, scales = columns(flowers)
    model = MLP(4, [5, 3], "tanh", random_state=0)
    before = model.evaluate(data.standardize(flowers)[0].X)
    take_raw_inputs(model, means, scales)
    for a, b in zip(before, model.evaluate(flowers.X), strict=True):
        assert a == pytest.approx(b, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["nothing"], "data must be one of iris, xor"),
        (["missing.csv"], "missing.csv: No such file"),
        (["iris", "--loss", "bce_logits"], "bce_logits needs two classes, got 3"),
        (["iris", "--test", "2"], "between 0 and 1, got 2.0"),
        (["iris", "--hidden", "0"], "at least 1, got 0"),
        (["iris", "--lr", "-1"], "got -1.0"),
        (["iris", "--activation", "nope"], "got 'nope'"),
        (["iris", "--epochs", "-1"], "must not be negative, got -1"),
        (["iris", "--save", "missing/m.json", *QUICK], "No such file or directory"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_1(capsys, tmp_path, monkeypatch, argv, said):
    monkeypatch.chdir(tmp_path)
    assert main(["train", *argv]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_without_scikit_learn_the_error_names_the_extra(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert main(["train", "moons"]) == 1
    assert "pip install" in capsys.readouterr().err


def test_ctrl_c_keeps_what_was_learned_and_is_exit_code_1(capsys, monkeypatch):
    from nn import SGD

    steps = []

    def step(self):
        steps.append(1)
        if len(steps) > 15:
            raise KeyboardInterrupt

    monkeypatch.setattr(SGD, "step", step)
    assert main(["train", "iris"]) == 1
    assert "epochs (interrupted)" in capsys.readouterr().out


def test_no_epoch_is_a_result_too(capsys):
    assert main(["train", "iris", "--epochs", "0"]) == 0
    assert "0 epochs" in capsys.readouterr().out
