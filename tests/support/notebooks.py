"""The notebooks: executed from top to bottom, and written so that the same source gives the same bytes.

python -m tests.support.notebooks           writes every notebook anew, with its outputs
python -m tests.support.notebooks 2-gates   the one whose name begins so
"""

import json
import os
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "notebooks"
PATHS = sorted(FOLDER.glob("*.ipynb"))
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
PIXELS = ("image/png",)  # of matplotlib, whose bytes change with its version


def read(path):
    """Return a notebook as the dicts and lists of its JSON, every text in one piece."""
    return _joined(json.loads(Path(path).read_text(encoding="utf-8")))


def _joined(part):
    if isinstance(part, dict):
        return {key: _joined(value) for key, value in part.items()}
    if isinstance(part, list):
        return "".join(part) if part and all(isinstance(line, str) for line in part) else [_joined(p) for p in part]
    return part


def code_cells(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def execute(path):
    """Return the notebook executed in a fresh kernel, in a folder of its own, and without Graphviz.

    Where Graphviz is found, as `dot` or as pygraphviz, `draw` would use it, and its SVG changes
    with its version.
    """
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.from_dict(read(path))
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "pygraphviz.py").write_text("raise ImportError\n", encoding="utf-8")
        client = NotebookClient(
            notebook,
            timeout=120,
            record_timing=False,
            extra_arguments=["--log-level=ERROR"],
            resources={"metadata": {"path": folder}},
        )
        with client.setup_kernel(env={**_environment(), "PATH": folder}):
            for index, cell in enumerate(notebook.cells):
                client.execute_cell(cell, index)
    return normal(notebook)


def _environment():
    return {key: text for key, text in os.environ.items() if key not in ("MPLBACKEND", "PYTHONWARNINGS")}


def normal(notebook):
    """Return a notebook with all that differs from run to run, or machine to machine, taken out."""
    cells = [_normal_cell(cell, number) for number, cell in enumerate(notebook["cells"], 1)]
    for count, cell in enumerate([cell for cell in cells if cell["cell_type"] == "code"], 1):
        cell["execution_count"] = count
        for output in cell["outputs"]:
            if output["output_type"] == "execute_result":
                output["execution_count"] = count
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _normal_cell(cell, number):
    kept = {"cell_type": cell["cell_type"], "id": f"cell-{number}", "metadata": {}, "source": cell["source"].strip()}
    if cell["cell_type"] == "code":
        kept["outputs"] = []
        for output in cell["outputs"]:
            before = kept["outputs"][-1] if kept["outputs"] else {}
            if output["output_type"] == "stream" and before.get("name") == output["name"]:
                before["text"] += output["text"]  # the kernel sends a text in as many parts as it likes
            else:
                kept["outputs"].append({**output, "metadata": {}} if "metadata" in output else {**output})
    return kept


def shown(notebook):
    """Return what each code cell shows, without what may differ with the version of matplotlib."""
    return [[_shown(output) for output in cell["outputs"]] for cell in code_cells(notebook)]


def _shown(output):
    if output["output_type"] == "stream":
        return {output["name"]: output["text"]}
    return {kind: "a picture" if kind in PIXELS else text for kind, text in output["data"].items()}


def write(notebook, path):
    """Write a notebook as Jupyter does, lines of text as lists."""
    parted = {**notebook, "cells": [{**cell, "source": _lines(cell["source"])} for cell in notebook["cells"]]}
    for cell in code_cells(parted):
        cell["outputs"] = [_parted(output) for output in cell["outputs"]]
    text = json.dumps(parted, ensure_ascii=False, indent=1, sort_keys=True)
    Path(path).write_text(text + "\n", encoding="utf-8", newline="\n")


def _parted(output):
    if output["output_type"] == "stream":
        return {**output, "text": _lines(output["text"])}
    data = {kind: text if kind in PIXELS else _lines(text) for kind, text in output["data"].items()}
    return {**output, "data": data}


def _lines(text):
    return text.splitlines(keepends=True)


def main(names):
    for path in PATHS:
        if not names or any(path.name.startswith(name) for name in names):
            before = path.read_bytes()
            write(execute(path), path)
            print(path.name, "is as before" if path.read_bytes() == before else "is written anew")


if __name__ == "__main__":
    main(sys.argv[1:])
