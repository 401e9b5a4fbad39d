"""`train` at a shell: toy data, a CSV file of one's own, models that take raw numbers."""

import json
import shlex
import sys

import pytest

from autograd_lite.cli import main
from autograd_lite.cli.training import take_raw_inputs
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
    means, scales = data.scaling(flowers)
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
        (
            ["iris", "--save", "missing/m.json", "--epochs", "1"],
            "error: missing/m.json: No such file or directory",
        ),
        (["iris", "--save", ".", "--force"], "the path must be that of a file, got '.'"),
        (["irsi"], "got 'irsi'. Did you mean 'iris'?"),
        (["xor", "--label", "x"], "--label is for a FILE.csv, got 'x' for xor"),
        (["iris", "--lr", "0"], "lr must be above 0, got 0"),
        (["fruit.csv", "--label", "weight"], "line 2, kind: a number is needed, got 'pear'"),
        (["same.csv"], "same.csv: at least two classes are needed, got one, 'x'"),
        (["prices.csv"], "prices.csv: every class needs examples, got 30 classes in 30 rows. Name the column"),
        (["wide.csv"], "scaling: column 0 must be of a size that can be squared"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_1(capsys, tmp_path, monkeypatch, argv, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fruit.csv").write_text("weight,kind\n1,pear\n2,apple\n")
    (tmp_path / "same.csv").write_text("a,b\n" + "1,x\n" * 9)
    (tmp_path / "prices.csv").write_text("a,b\n" + "".join(f"{k},{k / 7}\n" for k in range(30)))
    (tmp_path / "wide.csv").write_text("a,b\n" + "1e308,x\n-1e308,y\n" * 9)
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


def test_a_file_may_have_any_name(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{k % 2 + 0.1 * (k % 3)},{k % 2}\n" for k in range(30))
    for name in ("table.txt", "two words.CSV"):
        (tmp_path / name).write_text("a,b\n" + rows)
        assert main(["train", name, *QUICK]) == 0
        assert "20 examples to learn from, 1 feature, 2 classes" in capsys.readouterr().out.splitlines()[0]


def test_the_next_command_is_useful_and_runs(capsys, tmp_path, monkeypatch):
    """More units where some are wrong, the same with --save where all are right, then the model itself."""
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{'yes' if k % 2 else 'no'},{k % 2 + 0.1 * (k % 3)}\n" for k in range(30))
    (tmp_path / "my data.csv").write_text("b,a\n" + rows)

    def after(*argv):
        assert main(["train", *argv]) == 0
        return capsys.readouterr().out.splitlines()[-1]

    wrong = after("xor", "--epochs", "1", "--hidden", "2")
    assert wrong == "Next  python -m autograd_lite train xor --hidden 16 16 --optimizer adam"
    right = after("xor")
    assert right == "Next  python -m autograd_lite train xor --save model.json"
    own = after("my data.csv", "--label", "b", "--loss", "bce_logits", "--epochs", "30")
    cure = "train 'my data.csv' --label b --epochs 30 --loss bce_logits --save model.json"
    assert own == f"Next  python -m autograd_lite {cure}"
    last = after(*shlex.split(cure)[1:])
    assert last == "Next  python -c \"import nn; print(nn.load('model.json'))\""
    code = shlex.split(last.removeprefix("Next  python -c "))[0]
    exec(code)
    assert "yes" not in capsys.readouterr().out


def test_data_comes_first(capsys):
    assert main(["train", "--hidden", "8", "8", "iris"]) == 2
    assert "a width is needed, got 'iris' (DATA comes first: train iris --hidden 8 8)" in capsys.readouterr().err


def test_no_epoch_is_a_result_too(capsys):
    assert main(["train", "iris", "--epochs", "0"]) == 0
    assert "0 epochs" in capsys.readouterr().out
