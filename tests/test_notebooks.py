"""The notebooks: readable as they are kept, and nothing in them differs from what running them gives."""

import re
import statistics
import xml.etree.ElementTree as ET

import pytest
from support.notebooks import FOLDER, PATHS, code_cells, execute, normal, read, shown, write

ARC = ["Question", "Definition", "Assert", "Picture", "Answer", "Doubt"]
MACHINE = re.compile(r"/(?:home|root|tmp|usr|opt|var|work|Users)/|[A-Z]:\\|site-packages|\b0x[0-9a-f]{6,}")
AGAIN = "If the notebook is right as it is: python -m tests.support.notebooks"
each = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def prose(notebook):
    return "\n\n".join(cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "markdown")


def outputs(notebook):
    return [output for cell in shown(notebook) for output in cell]


def test_there_are_six_numbered_in_the_order_to_read_them():
    assert [path.name[:2] for path in PATHS] == [f"{k}-" for k in range(1, len(PATHS) + 1)]
    assert 0 < len(PATHS) <= 6


@each
def test_a_notebook_asks_defines_asserts_draws_answers_and_doubts(path):
    notebook = read(path)
    assert re.findall(r"^# (\d) · ", prose(notebook), re.MULTILINE) == [path.name[0]]
    assert re.findall(r"^## (\w+)$", prose(notebook), re.MULTILINE) == ARC
    code = [cell["source"] for cell in code_cells(notebook)]
    assert 10 <= len(code) <= 20
    assert statistics.median(len(source.splitlines()) for source in code) <= 3
    assert sum(source.count("assert ") for source in code) >= 5
    assert re.search(r"\*\*To try:\*\*", prose(notebook))


@each
def test_a_notebook_is_kept_as_the_runner_writes_it(path, tmp_path):
    notebook = read(path)
    write(normal(notebook), tmp_path / path.name)
    assert (tmp_path / path.name).read_bytes() == path.read_bytes(), AGAIN
    assert path.stat().st_size < 500_000


@each
def test_a_notebook_can_be_read_without_running_it(path):
    notebook = read(path)
    kept = outputs(notebook)
    pictures = [output for output in kept if "image/svg+xml" in output or "image/png" in output]
    assert pictures
    for output in kept:
        assert output.keys() <= {"text/plain", "text/latex", "image/svg+xml", "image/png", "stdout"}
        assert not MACHINE.search("".join(output.values()))
        if "image/svg+xml" in output:  # code hosts strip style blocks, scripts and event handlers
            kinds = {element.tag.rpartition("}")[2] for element in ET.fromstring(output["image/svg+xml"]).iter()}
            assert kinds <= {"svg", "title", "desc", "g", "path", "rect", "circle", "text", "tspan"}
            assert " style=" not in output["image/svg+xml"]
    for target in re.findall(r"\]\(([^)]+)\)", prose(notebook)):
        assert target.startswith("http") or (FOLDER / target).exists(), target


def test_what_differs_from_run_to_run_is_not_kept():
    """Ids, timings, counts, the machine's Python, and where the kernel cuts a text."""

    def run(cell_id, count, *texts):
        parts = [{"output_type": "stream", "name": "stdout", "text": text} for text in texts]
        result = {"output_type": "execute_result", "execution_count": count, "data": {"text/plain": "4"}}
        cell = {"cell_type": "code", "id": cell_id, "execution_count": count, "source": "print(1, 2)\n4\n"}
        timed = {"metadata": {"execution": {"iopub.status.busy": cell_id}}}
        outputs = [*parts, {**result, "metadata": {"cell": cell_id}}]
        return {"cells": [{**cell, **timed, "outputs": outputs}], "metadata": {"language_info": {"version": cell_id}}}

    assert normal(run("3f2a", 7, "1 ", "2\n")) == normal(run("9c1d", 1, "1 2\n"))
    assert normal(run("3f2a", 7, "1 2\n")) != normal(run("3f2a", 7, "1 3\n"))


def test_the_guards_see_what_they_are_for():
    assert MACHINE.search("File /opt/venv/lib/x.py")
    assert MACHINE.search("<object at 0x7f3a1c2b>")
    assert not MACHINE.search("dz/dx = 24, 1/2 and 0x1")


@pytest.mark.full
@each
def test_running_a_notebook_gives_the_outputs_that_are_kept(path):
    pytest.importorskip("nbclient", reason="notebooks are not run: python -m pip install 'autograd_lite[dev]'")
    import nbformat

    kept, again = read(path), execute(path)
    nbformat.validate(nbformat.from_dict(again))
    for cell, before, now in zip(code_cells(kept), shown(kept), shown(again), strict=True):
        assert now == before, f"{path.name}, {cell['id']}. {AGAIN}"
