"""The floors of the house: who may import whom, what an import costs, what the front door shows."""

import ast
import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import autograd_lite
import nn
from autograd_lite.primitives import ROWS, Primitive

ROOT = Path(autograd_lite.__file__).parent
FLOORS = [
    "errors", "variant", "modes", "primitives", "floats", "table", "graph", "value", "dual", "series", "functions",
    "transforms", "notation", "formulas", "budget", "differences", "evaluations", "verdicts", "checking", "derivation",
    "nonfinite", "paths", "typesetting", "symbols", "explanation", "straightline", "render", "compiler",
    "testing", "cli",
]  # fmt: skip
"""A module imports only from floors before its own; this is also the reading order."""


def modules_of(package):
    """Every source file of a package as (dotted name, path)."""
    root = Path(package.__file__).parent
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root.parent).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports_of(path, *, top_level_only=False):
    """The modules a file imports, and the names it takes from them: (module, name)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, ""
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write the module's full name"
            for alias in node.names:
                yield node.module, alias.name


def imported_modules(path):
    """The autograd_lite modules a file imports from, `from autograd_lite import table` included."""
    for module, name in imports_of(path):
        if module == "autograd_lite" and (ROOT / f"{name}.py").exists():
            yield f"autograd_lite.{name}"
        elif module.split(".")[0] == "autograd_lite":
            yield module


def floor_of(module):
    return module.split(".")[1] if "." in module else ""


@pytest.mark.parametrize(
    ("module", "path"), [m for m in modules_of(autograd_lite) if floor_of(m[0]) not in ("", "__main__")], ids=str
)
def test_a_module_imports_only_from_floors_above_it(module, path):
    own = floor_of(module)
    assert own in FLOORS, f"{module} has no floor: add it to the list, where it may be read"
    for imported in imported_modules(path):
        floor = floor_of(imported)
        if not floor:  # the front door: open to the floors that are no part of the core
            assert own in ("render", "testing", "cli"), f"{module} imports from the front door"
            continue
        assert floor in FLOORS
        assert FLOORS.index(floor) < FLOORS.index(own) or (floor == own and imported != module), (module, imported)


def test_the_guard_would_see_an_import_from_below(tmp_path):
    bad = tmp_path / "bad.py"
    bad.write_text("def f():\n    from autograd_lite.value import Value\n    import autograd_lite.cli\n")
    assert list(imported_modules(bad)) == ["autograd_lite.value", "autograd_lite.cli"]


@pytest.mark.parametrize(("module", "path"), list(modules_of(nn)), ids=str)
def test_nn_uses_public_names_alone(module, path):
    """As if written by a stranger: what it needs from a private name, the core lacks."""
    for imported, name in imports_of(path):
        if imported.split(".")[0] != "autograd_lite":
            continue
        assert imported in ("autograd_lite", "autograd_lite.errors"), f"{module} imports {imported}"
        assert name == "" or hasattr(autograd_lite, name) or hasattr(autograd_lite.errors, name)
        assert not name.startswith("_")


def test_nn_touches_no_private_attribute_of_a_value():
    private = {slot for kind in autograd_lite.Value.__mro__ for slot in getattr(kind, "__slots__", ())}
    assert "_data" in private
    for module, path in modules_of(nn):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                assert node.attr not in private, f"{module}, line {node.lineno}: .{node.attr}"


def test_no_module_bears_the_name_of_a_public_function():
    """Otherwise autograd_lite.draw is a function the first time and a module the second."""
    for package in (autograd_lite, nn):
        names = {module.name for module in pkgutil.iter_modules(package.__path__)}
        public = set(package.__all__) | {name for name in ROWS if package is autograd_lite}
        for name in names & public:  # a module that is public as a module, and nothing else
            assert isinstance(getattr(package, name), type(ast)), name


def test_all_is_complete_and_true():
    """Every public name of the front door is in __all__, but for those that would hide Python's own."""
    for package in (autograd_lite, nn):
        assert len(package.__all__) == len(set(package.__all__))
        modules = {module.name for module in pkgutil.iter_modules(package.__path__)} - set(package.__all__)
        visible = {name for name in vars(package) if not name.startswith("_")} - modules
        hidden = {name for name in visible if hasattr(__builtins__, name) or name in dir(__builtins__)}
        hidden |= visible & {"sum", "max", "min", "abs", "pow", "compile"}
        assert set(package.__all__) == visible - hidden, package.__name__


def test_every_row_is_behind_the_front_door():
    """But for those a better door stands before: where, softmax and dot are functions, chain and gate machinery."""
    internal = {"chain", "gate", "tanh_gate", "sigmoid_slope", "one_minus_square", "exp_difference"}
    for name, row in ROWS.items():
        if row.reserved and name not in internal:
            public = getattr(autograd_lite, name)
            assert public is row or name in ("where", "dot", "softmax")
    assert isinstance(autograd_lite.softmax, type(lambda: 0))


def test_a_star_import_hides_no_built_in():
    names: dict[str, object] = {}
    exec("from autograd_lite import *", names)
    for name in ("sum", "max", "min", "abs", "pow", "compile", "round", "float"):
        assert name not in names
    assert names["exp"] is autograd_lite.exp


def in_a_clean_interpreter(script, **environment):
    command, environment = [sys.executable, "-I", "-c", script], os.environ | environment
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_imports_need_the_standard_library_alone_and_none_of_its_slow_parts():
    before = "import sys; before = set(sys.modules); import autograd_lite, nn; print(*set(sys.modules) - before)"
    new = set(in_a_clean_interpreter(before))
    assert {"autograd_lite", "nn", "autograd_lite.table"} <= new
    slow = {"typing", "dataclasses", "inspect", "json", "argparse", "re", "numpy", "graphviz", "enum", "ast"}
    assert new & slow <= set(in_a_clean_interpreter("import sys; print(*sys.modules)"))
    for name in new:
        top = name.split(".")[0]
        if not top.lstrip("_").startswith("cython_"):  # what compiled modules share: names without a file
            assert top in ("autograd_lite", "nn") or top in sys.stdlib_module_names, name


def test_the_core_imports_no_slow_part_of_the_standard_library_even_where_something_else_did():
    """By its own words: under TYPE_CHECKING or inside a function is fine, at the top of a module is not."""
    slow = {"typing", "dataclasses", "inspect", "json", "argparse", "re", "numpy", "graphviz", "enum", "subprocess"}
    for name in FLOORS:
        for path in [ROOT / f"{name}.py"] if (ROOT / f"{name}.py").exists() else (ROOT / name).rglob("*.py"):
            if name in ("cli", "testing", "compiler"):
                continue
            for imported, _ in imports_of(path, top_level_only=True):
                assert imported.split(".")[0] not in slow, (path.name, imported)


def test_every_public_thing_says_what_it_does():
    for package in (autograd_lite, nn):
        assert package.__doc__
        for name in package.__all__:
            thing = getattr(package, name)
            assert thing.__doc__, f"{package.__name__}.{name} has no docstring"
    for _, path in [*modules_of(autograd_lite), *modules_of(nn)]:
        if path.name not in ("__main__.py",):
            assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path


def test_every_module_can_be_imported_first():
    """No import order is needed: each module alone, in a fresh interpreter, one process for all."""
    names = [m for m, _ in modules_of(autograd_lite) if floor_of(m) != "__main__"] + [m for m, _ in modules_of(nn)]
    script = (
        "import sys, importlib\n"
        f"for name in {names!r}:\n"
        "    for loaded in [m for m in sys.modules if m.split('.')[0] in ('autograd_lite', 'nn')]:\n"
        "        del sys.modules[loaded]\n"
        "    importlib.import_module(name)\n"
        "print('done')\n"
    )
    assert in_a_clean_interpreter(script, AUTOGRAD_LITE_PURE="1") == ["done"]  # compiled modules load once


def test_types_are_declared_for_users():
    for package in (autograd_lite, nn):
        assert (Path(package.__file__).parent / "py.typed").exists()
    assert importlib.import_module("autograd_lite.primitives").Primitive is Primitive
