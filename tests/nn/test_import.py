"""nn is written as if by a stranger: public names only, standard library only, instantly there."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import autograd_lite
import nn

FILES = sorted(Path(nn.__file__).parent.glob("*.py"))
# The reading order: a module imports only from those above it.
FLOORS = [
    "module", "init", "activations", "layers", "networks", "recording", "loss", "losses", "optim", "dataset", "data",
    "targets", "prediction", "history", "perceptron", "stopping", "guards", "compiling", "findings", "diagnosis",
    "training", "files", "saving", "regions", "plotting", "boundary", "replay", "__init__",
]  # fmt: skip
SLOW = {"typing", "dataclasses", "inspect", "json", "argparse", "random", "csv", "numpy", "sklearn", "tempfile"}


def imports(path):
    """Yield (line, module, names, whether it runs on import) of every import statement in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield node.module, [alias.name for alias in node.names], id(node) in top
        elif isinstance(node, ast.Import):
            yield from ((alias.name, [], id(node) in top) for alias in node.names)


def test_there_is_something_to_read():
    assert {path.stem for path in FILES} == set(FLOORS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_only_public_names_of_the_engine(path):
    for module, names, _ in imports(path):
        if module.split(".")[0] == "autograd_lite":
            assert module in ("autograd_lite", "autograd_lite.errors"), f"{path.name} imports {module}"
            if module == "autograd_lite":
                assert set(names) <= set(autograd_lite.__all__)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_modules_import_from_the_floors_above(path):
    for module, _, at_import in imports(path):
        if module.startswith("nn.") and at_import:
            assert FLOORS.index(module[3:]) < FLOORS.index(path.stem), f"{path.name} imports {module}"


def test_importing_nn_loads_nothing_slow():
    before, after = (
        set(subprocess.run(
            [sys.executable, "-c", f"import {what}; print(*sys.modules)"],
            capture_output=True, text=True, check=True,
        ).stdout.split())
        for what in ("sys", "sys, nn")
    )  # fmt: skip
    assert "nn.training" in after
    assert not (after - before) & SLOW


BARE = """
import sys
class Missing:
    def find_spec(self, name, *rest):
        if name.split(".")[0] in ("numpy", "sklearn", "matplotlib", "graphviz"):
            raise ImportError(name)
sys.meta_path.insert(0, Missing())
import nn
flowers, held_out = nn.data.iris(test=1/3)
model = nn.MLP(4, [3], random_state=0)
nn.fit(model, *flowers, loss="cross_entropy", epochs=2)
nn.save(model, sys.argv[1])
print(nn.load(sys.argv[1]).score(*held_out) == model.score(*held_out))
"""


def test_everything_but_arrays_and_borrowed_data_works_on_a_bare_python(tmp_path):
    run = [sys.executable, "-c", BARE, str(tmp_path / "model.json")]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout == "True\n"


def test_all_names_are_there_and_documented():
    for name in nn.__all__:
        assert getattr(nn, name).__doc__, name
