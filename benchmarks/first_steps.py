"""From `pip install` to a first gradient, a first picture, a first classifier: `python benchmarks/first_steps.py`.

Every round starts with an empty environment. The time of a step runs from the beginning of
`pip install` to the end of a fresh interpreter that does the step: what a newcomer waits. The wheel is
built beforehand, as a package index would have it; its dependencies come from the index, or pip's cache.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from measuring import Row, Sample, compare, interleave, machine, markdown_table, report, write

ROOT = Path(__file__).resolve().parent.parent
STEPS = {
    "first gradient": "from autograd_lite import Value; x = Value(2.0); (x * x).backward(); assert x.grad == 4.0",
    "first picture": "from autograd_lite import Value, draw; x = Value(2.0); draw(x * x).save('f.svg')",
    "first classifier": (
        "from nn import MLP, SGD, data, fit; train, test = data.iris(test=1/3, random_state=0); "
        "model = MLP(4, [3], random_state=0); fit(model, train.X, train.y, loss='cross_entropy', "
        "optimizer=SGD(model.parameters(), lr=0.1), epochs=60, batch_size=16, random_state=0); "
        "assert model.score(test.X, test.y) > 0.95"
    ),
}
BUDGETS = {"pip install": 10.0, "first gradient": 10.0, "first picture": 10.0, "first classifier": 15.0}
"""Seconds."""


def time_steps(wheel: Path, folder: Path) -> Sample:
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    clean = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    start = perf_counter()
    subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", wheel], check=True, env=clean)
    installed = perf_counter() - start
    times = {"pip install": installed}
    for name, script in STEPS.items():
        start = perf_counter()
        subprocess.run([python, "-I", "-c", script], check=True, cwd=folder, env=clean, stdout=subprocess.DEVNULL)
        times[name] = installed + perf_counter() - start
    return times


def rows_of(rounds: int) -> list[Row]:
    with TemporaryDirectory() as work:
        command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", work, str(ROOT)]
        subprocess.run(command, check=True)
        (wheel,) = Path(work).glob("*.whl")
        samples = interleave({"ours": partial(time_steps, wheel, Path(work) / "environment")}, rounds)["ours"]
    return compare(
        "first steps", samples, [BUDGETS] * len(samples), unit="s", scale=1.0, other_name="the budget",
        goals=dict.fromkeys(BUDGETS, 1.0),
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Time the first steps of a newcomer, in empty environments.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--save", metavar="FOLDER", type=Path, help="write first_steps.json and .md there, too")
    options = parser.parse_args(arguments)
    rows = rows_of(options.rounds)
    facts, table = machine(["autograd_lite", "pip"]), markdown_table(rows)
    print(report(facts, table, []))
    if options.save:
        write(options.save, "first_steps", facts, [row.as_json() for row in rows], table, [])


if __name__ == "__main__":
    main()
