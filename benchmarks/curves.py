"""Draw results against size: `python benchmarks/curves.py FOLDER` (where the suite was told to --save).

scale.svg       nanoseconds a node, build to delete, over the number of nodes
rendering.svg   seconds a picture takes, over the number of nodes
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from measuring import import_peer

Curves = Mapping[str, Sequence[tuple[int, Mapping[str, float]]]]
"""Name -> (nodes, median with low and high), smallest first."""


def curves_of(file: Path, workload: str, phases: Sequence[str] = ()) -> Curves:
    """Return what a file of results says about a workload, by phase; its name ends in "... 1,000 nodes"."""
    found: dict[str, list[tuple[int, dict[str, float]]]] = defaultdict(list)
    for row in json.loads(file.read_text(encoding="utf-8"))["rows"]:
        if row["workload"].startswith(workload) and (not phases or row["phase"] in phases):
            nodes = int(row["workload"].split()[-2].replace(",", ""))
            found[row["phase"]].append((nodes, row["ours"]))
    return {phase: sorted(points, key=lambda point: point[0]) for phase, points in found.items()}


def draw(plots: Sequence[tuple[str, Curves]], unit: str, target: Path) -> None:
    """Draw one plot beside the other: medians as lines, smallest to largest as bands."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    matplotlib.rcParams["svg.hashsalt"] = "autograd_lite"
    figure, axes = pyplot.subplots(1, len(plots), figsize=(4.6 * len(plots), 3.4), sharey=True, layout="constrained")
    for ax, (title, curves) in zip([axes] if len(plots) == 1 else axes, plots, strict=True):
        for phase, points in curves.items():
            nodes = [n for n, _ in points]
            (line,) = ax.plot(nodes, [y["median"] for _, y in points], marker="o", markersize=3.5, label=phase)
            low, high = [y["low"] for _, y in points], [y["high"] for _, y in points]
            ax.fill_between(nodes, low, high, color=line.get_color(), alpha=0.15, linewidth=0)
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_title(title, fontsize=10)
        ax.set_xlabel("nodes")
        ax.grid(alpha=0.25)
    figure.axes[0].set_ylabel(unit)
    figure.axes[-1].legend(fontsize=8, frameon=False)
    figure.savefig(target, metadata={"Date": None})
    pyplot.close(figure)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Draw the results in a folder against size.")
    parser.add_argument("folder", type=Path)
    folder: Any = parser.parse_args(arguments).folder
    skipped: list[str] = []
    if import_peer("matplotlib", skipped) is None:
        raise SystemExit(skipped[0])
    phases = ("build", "backward", "forward()", "delete")
    files = {"pure Python": folder / "pure" / "eager.json", "native": folder / "native" / "eager.json"}
    plots = [(name, curves_of(file, "scale", phases)) for name, file in files.items() if file.exists()]
    if plots:
        draw(plots, "ns a node", folder / "scale.svg")
    pictures = folder / "pure" / "rendering.json"
    if pictures.exists():
        kinds = ("network", "expression")
        draw([(f"{kind}s", curves_of(pictures, kind)) for kind in kinds], "ms", folder / "rendering.svg")


if __name__ == "__main__":
    main()
