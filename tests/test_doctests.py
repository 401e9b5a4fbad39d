"""Every example in a docstring runs and prints what it says."""

import ast
import doctest
import importlib

import pytest
from test_architecture import modules_of

import autograd_lite
import nn
from autograd_lite.primitives import ROWS

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
SOURCES = {name: path for package in (autograd_lite, nn) for name, path in modules_of(package)}
MODULES = [name for name in SOURCES if not name.endswith("__main__")]


def examples(name):
    module = importlib.import_module(name)
    source = SOURCES[name]
    if module.__file__ == str(source):
        found = doctest.DocTestFinder(exclude_empty=True).find(module)
    else:  # compiled: doctest does not look into what is no Python function
        parser, found = doctest.DocTestParser(), []
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and (text := ast.get_docstring(node)):
                where = f"{name}.{getattr(node, 'name', '')}"
                found.append(parser.get_doctest(text, vars(module).copy(), where, str(source), 0))
    return [test for test in found if test.examples]


def run(tests):
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    report: list[str] = []
    for test in tests:
        runner.run(test, out=report.append)
    assert not report, "".join(report)
    return runner.tries


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = dict(ROWS)
    try:
        run(examples(name))
    finally:
        for added in set(ROWS) - set(before):
            del ROWS[added]


def test_the_examples_of_rows_run():
    """A row's __doc__ hangs on an instance, where doctest does not look by itself."""
    parser = doctest.DocTestParser()
    run(parser.get_doctest(row.__doc__, vars(autograd_lite).copy(), row.name, None, 0) for row in ROWS.values())


def test_enough_examples_were_found():
    """A run that collected nothing would pass too: it must say so loudly."""
    found = {name: sum(len(test.examples) for test in examples(name)) for name in MODULES}
    assert sum(found.values()) >= 100, found
    for name in ("autograd_lite", "autograd_lite.value", "autograd_lite.primitives", "autograd_lite.functions"):
        assert found[name] >= 3, found


def test_a_wrong_example_is_noticed():
    wrong = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, 0)
    with pytest.raises(AssertionError, match="Expected"):
        run([wrong])
