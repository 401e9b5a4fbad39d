"""How the benchmarks measure: everything interleaved, medians with their spread, ratio first."""

from __future__ import annotations

import gc
import importlib
import json
import os
import platform
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

Sample = dict[str, float]
"""One measurement of one contestant: phase -> seconds (or bytes)."""


@dataclass(frozen=True)
class Spread:
    """The median of repeated measurements, with the smallest and the largest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Spread:
        return cls(statistics.median(numbers), min(numbers), max(numbers))

    def __str__(self) -> str:
        if self.low == self.high:
            return _three_digits(self.median)
        return f"{_three_digits(self.median)} [{_three_digits(self.low)} to {_three_digits(self.high)}]"


def _three_digits(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


@dataclass(frozen=True)
class Row:
    """One line of the table: how long (or large) ours is, the other one, and ours / other."""

    workload: str
    phase: str
    unit: str
    ours: Spread
    other_name: str
    other: Spread
    ratio: Spread
    goal: float | None = None

    @property
    def verdict(self) -> str:
        if self.goal is None:
            return ""
        return f"≤ {self.goal:g}: {'met' if self.ratio.median <= self.goal else 'MISSED'}"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def compare(
    workload: str,
    ours: Sequence[Sample],
    others: Sequence[Sample],
    *,
    unit: str,
    scale: float,
    other_name: str,
    goals: Mapping[str, float] | None = None,
) -> list[Row]:
    """Return one row per phase; the ratio is taken round by round, then its median.

    Neighbours in time share the machine's mood, so a ratio within a round is steadier than
    the ratio of two medians.
    """
    rows = []
    for phase in ours[0]:
        mine, theirs = [sample[phase] for sample in ours], [sample[phase] for sample in others]
        ratios = [a / b for a, b in zip(mine, theirs, strict=True)]
        spreads = [Spread.of([x * scale for x in numbers]) for numbers in (mine, theirs)]
        goal = (goals or {}).get(phase)
        rows.append(Row(workload, phase, unit, spreads[0], other_name, spreads[1], Spread.of(ratios), goal))
    return rows


def only(samples: Sequence[Sample], phase: str) -> list[Sample]:
    """Return the samples reduced to one phase."""
    return [{phase: sample[phase]} for sample in samples]


def interleave(contestants: Mapping[str, Callable[[], Sample]], rounds: int) -> dict[str, list[Sample]]:
    """Run every contestant once per round, A B A B ..., after one round that does not count.

    Before each run the garbage of the one before is collected, outside of the clock: a
    contestant pays for the collections that its own objects set off, and for no others.
    """
    samples: dict[str, list[Sample]] = defaultdict(list)
    for turn in range(rounds + 1):
        for name, run in contestants.items():
            gc.collect()
            sample = run()
            if turn:
                samples[name].append(sample)
    return samples


@contextmanager
def collector(enabled: bool) -> Iterator[None]:
    """Run a block with the cyclic collector on or off."""
    was_enabled = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        yield
    finally:
        (gc.enable if was_enabled else gc.disable)()


def import_peer(name: str, skipped: list[str]) -> ModuleType | None:
    """Import a peer; where it is absent say so loudly, remember it, and return None."""
    try:
        return importlib.import_module(name)
    except ImportError:
        package = name.partition(".")[0]
        warning = f"!!! SKIPPED: {package} is not installed. To compare with it: pip install {package}"
        if warning not in skipped:
            skipped.append(warning)
            print(f"\n{warning}\n", flush=True)
        return None


def report(facts: Mapping[str, str], table: str, skipped: Sequence[str]) -> str:
    """Return the Markdown: the machine, the table, and what was left out."""
    return "\n".join([*[f"- {name}: {fact}" for name, fact in facts.items()], "", table, "", *skipped])


def write(folder: Path, name: str, facts: Mapping[str, str], rows: Any, table: str, skipped: Sequence[str]) -> None:
    """Write NAME.json and NAME.md into a folder: the same results for machines and for people."""
    folder.mkdir(parents=True, exist_ok=True)
    results = {"machine": facts, "skipped": list(skipped), "rows": rows}
    (folder / f"{name}.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / f"{name}.md").write_text(report(facts, table, skipped) + "\n", encoding="utf-8")


def machine(packages: Sequence[str]) -> dict[str, str]:
    """Return what a reader needs to know of the machine, and the versions that were measured."""
    facts = {
        "cpu": _cpu_model(),
        "cores": str(os.cpu_count()),
        "system": platform.platform(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "load average": ", ".join(f"{load:.2f}" for load in os.getloadavg())
        if hasattr(os, "getloadavg")
        else "unknown",
        "cyclic collector": f"{'on' if gc.isenabled() else 'off'}, thresholds {gc.get_threshold()}",
    }
    facts |= {package: version(package) for package in packages}
    if "autograd_lite" in facts:
        facts["autograd_lite"] += f", {importlib.import_module('autograd_lite.variant').VARIANT}"
    return facts


def _cpu_model() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def markdown_table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table, the ratio first."""
    lines = [
        "| ours / other | goal | workload | phase | autograd_lite | other | unit | other is |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = (row.ratio, row.verdict, row.workload, row.phase, row.ours, row.other, row.unit, row.other_name)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)
