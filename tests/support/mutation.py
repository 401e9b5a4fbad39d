"""Mutation testing of the core: change one token of a floor, and see whether a test notices.

python -m tests.support.mutation --sample 700 --minutes 20   a random sample, as far as it comes
python -m tests.support.mutation modes graph                 every mutant of these two floors

The mutants are Cosmic Ray's (`pip install cosmic-ray`). Each runs in a fork of this process, with
the changed code in place of the file's: nothing is written but the results, and a run that was
stopped goes on from them. What is left out, and what became of the last sample: tests/mutation.md.
"""

import argparse
import ast
import contextlib
import difflib
import functools
import gc
import hashlib
import importlib.util
import itertools
import json
import math
import os
import random
import re
import resource
import select
import sys
import tempfile
import time
from collections import Counter
from dataclasses import astuple, dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, FunctionType

import hypothesis
import pytest
from _pytest.main import pytest_runtestloop

ROOT = Path(__file__).parents[2]
FLOORS = ("modes", "primitives", "floats", "table", "graph", "value", "dual", "series", "functions", "transforms")

FILES = [
    f"tests/test_{name}.py"
    for name in (
        "functions", "promises", "transforms", "forward_mode", "series", "conventions", "fast_paths", "inputs",
        "users_rows", "replay", "scopes", "nonfinite", "other_numbers", "peers", "doctests", "accuracy", "machine",
        "programs",
    )
]  # fmt: skip
FILES += [f"tests/compiler/test_{name}.py" for name in ("tape", "compiled", "training_compiled")]  # parts of graph
"""The sharp and cheap part of the tests, what kills most in a second first."""

LEFT_OUT = (
    "[nn", "[autograd_lite.compiler", "[autograd_lite.render", "[autograd_lite.cli", "[autograd_lite.testing",
    "a_long_chain", "a_thousand_steps", "a_chain_of_functions_and_a_wide_sum", "another_process_gets_the_same_bits",
    "derivatives_of_the_oracle", "would_notice", "programs_reach_every",
)  # fmt: skip
"""Tests of these files that are slow, or see nothing of the core."""

CPU_SECONDS = 40  # four times what all tests take: a loop without end
MEMORY = 4 * 2**30


@dataclass(frozen=True)
class Mutant:
    module: str
    operator: str
    occurrence: int
    line: int
    column: int

    @property
    def path(self):
        return ROOT / "autograd_lite" / f"{self.module}.py"

    def text(self):
        """Return the module's source with this one change."""
        from cosmic_ray.mutating import mutate_code

        return mutate_code(self.path.read_text(encoding="utf-8"), _operators()[self.operator], self.occurrence)

    def change(self):
        """Return the lines that differ, as a diff shows them."""
        texts = self.path.read_text(encoding="utf-8"), self.text()
        lines = difflib.unified_diff(*[text.splitlines() for text in texts], n=0, lineterm="")
        return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


BITS = ("BitOr", "BitAnd", "BitXor", "LShift", "RShift", "Invert")


@functools.cache
def _operators():
    """The kinds of change, without those that are dead for nothing.

    A float answers the operators of bits with TypeError. `is` becomes `is not` and nothing else:
    classes and rows have no order, and equality is identity there.
    """
    from cosmic_ray import plugins

    kinds = {}
    for name in plugins.operator_names():
        kind = name.removeprefix("core/")
        to_or_from_is = "Comparison" in kind and len({"Is", "IsNot"} & set(kind.split("_"))) == 1
        if not to_or_from_is and not any(part in kind for part in ("Variable", *BITS)):
            kinds[kind] = plugins.get_operator(name)()
    return kinds


def mutants_of(module):
    """Return the mutants of a floor that could matter: see `_idle` for the places where none does."""
    from cosmic_ray.ast import ast_nodes, get_ast

    source = (ROOT / "autograd_lite" / f"{module}.py").read_text(encoding="utf-8")
    nodes = list(ast_nodes(get_ast(source)))
    found = []
    for name, operator in _operators().items():
        places = [(node, start) for node in nodes for start, _ in operator.mutation_positions(node)]
        found += [Mutant(module, name, k, *start) for k, (node, start) in enumerate(places) if not _idle(node, name)]
    return found


def _idle(node, operator):
    """Whether a change here does not matter: in annotations, f-strings, `if TYPE_CHECKING`, code for Cython alone.

    Nor does one that cannot be read, `def f(+, x)` for the star that is no operator, `a * not b` for `a * -b`; or
    one that is the same number, 1e100 + 1.
    """
    if _is_for_type_checkers(node):
        return True
    if node.type == "number" and ast.literal_eval(node.value) + 1 == ast.literal_eval(node.value):
        return True
    around = node.parent.type
    if node.type == "operator" and around in ("parameters", "dictorsetmaker"):
        return True
    if operator == "ReplaceUnaryOperator_USub_Not" and around in ("comparison", "arith_expr", "term", "power"):
        return True
    while node.parent is not None:
        child, node = node, node.parent
        kind = node.type
        if kind == "fstring":
            return True
        if kind in ("annassign", "tfpdef") and child is node.children[2 if kind == "tfpdef" else 1]:
            return True
        if kind in ("param", "funcdef") and child is node.annotation:
            return True
        if kind == "expr_stmt" and node.children[0].get_code().strip() == "TYPE_CHECKING":
            return True
        if _is_for_type_checkers(node):
            return True
    return False


def _is_for_type_checkers(node):
    return node.type == "if_stmt" and node.children[1].get_code().strip() == "TYPE_CHECKING"


# ---- one mutant, in a process of its own


class Lane:
    """A plugin of pytest: fewer random examples, not made smaller, and the likeliest tests first."""

    def __init__(self, mutant=None, instead=None):
        self.module, self.definition = (mutant.module, _definition(mutant)) if mutant else ("", "")
        self.instead = instead  # what to do with the collected tests, instead of running them
        self.failed = ""

    def pytest_sessionstart(self):
        phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
        parent = hypothesis.settings.get_profile("ci")
        hypothesis.settings.register_profile("mutation", parent, max_examples=15, phases=phases)
        hypothesis.settings.load_profile("mutation")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        items[:] = self.ordered(item for item in items if not any(part in item.nodeid for part in LEFT_OUT))

    def ordered(self, items):
        """Return the tests of the row that was changed first, and no comparison of other rows with 50 digits."""
        items = sorted(items, key=lambda item: not self._is_near(item))
        if self._is_near(items[0]) or self.module not in ("", "floats", "table"):
            return [item for item in items if self._is_near(item) or not re.search(r"test_accuracy.*\[", item.nodeid)]
        return items

    def _is_near(self, item):
        row = getattr(getattr(item, "callspec", None), "id", "").split("-")[0]
        return bool(row) and self.definition.startswith(row)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        if self.instead:
            self.instead(session)
        return True if self.instead else None

    def pytest_runtest_logreport(self, report):
        if report.failed and not self.failed:
            self.failed = report.nodeid

    def pytest_collectreport(self, report):
        if report.failed and not self.failed:
            self.failed = f"import of {report.nodeid}"


OPTIONS = [
    "-x", "-q", "-p", "no:cacheprovider", "-p", "no:faulthandler", "--no-header", "--capture=sys", f"--rootdir={ROOT}",
    "-W", "ignore::pytest.PytestAssertRewriteWarning",  # of what this process has imported for all of them
]  # fmt: skip


def run_tests(mutant=None):
    """Run the tests on a mutant, or on the code as it is; return the test that failed, '' if none did."""
    if mutant:
        _import_instead(mutant)
    lane = Lane(mutant)
    code = pytest.main([*OPTIONS, *FILES], plugins=[lane])
    return lane.failed or (f"pytest ended with {code}" if code else "")


def _import_instead(mutant):
    name, text = f"autograd_lite.{mutant.module}", mutant.text()

    class Loader(SourceFileLoader):
        def get_code(self, fullname):
            return compile(text, self.path, "exec", dont_inherit=True)

    class Finder:
        @staticmethod
        def find_spec(fullname, path=None, target=None):
            if fullname == name:
                return importlib.util.spec_from_loader(name, Loader(name, str(mutant.path)))
            return None

    sys.meta_path.insert(0, Finder)


def _definition(mutant):
    """Return the name that the statement around the change defines: the row, most of the time."""
    for statement in ast.parse(mutant.path.read_text(encoding="utf-8")).body:
        if statement.lineno <= mutant.line <= statement.end_lineno:
            names = [node.id for node in ast.walk(statement) if isinstance(node, ast.Name)]
            return getattr(statement, "name", names[0] if names else "")
    return ""


# The quick way: tests are imported and collected once, and the fork gives functions that exist new
# code. A change of what runs while modules are imported goes the slow way.

NOT_SEEN = "?"
ROW_MAKERS = ("modes", "primitives")  # much of these runs while the others are imported


def run_collected(session, mutant):
    """Run tests that are collected on a mutant."""
    if mutant and not _exchange(mutant):
        return NOT_SEEN
    for plugin in ("terminalreporter", "logging-plugin"):  # half the time of a small test
        session.config.pluginmanager.unregister(name=plugin)
    lane = Lane(mutant)
    session.items = lane.ordered(session.items)
    session.config.pluginmanager.register(lane)
    with contextlib.suppress(session.Failed, session.Interrupted):
        pytest_runtestloop(session)
    return lane.failed or (NOT_SEEN if mutant and mutant.module in ROW_MAKERS else "")


def _exchange(mutant):
    """Give every function of the module its changed code; return how many changed."""
    old, new = [
        list(_codes(compile(text, str(mutant.path), "exec", dont_inherit=True)))
        for text in (mutant.path.read_text(encoding="utf-8"), mutant.text())
    ]
    if len(old) != len(new):
        return 0
    twins = {_place(a): b for a, b in zip(old, new, strict=True) if _essence(a) != _essence(b)}
    changed = 0
    for thing in gc.get_objects():
        if isinstance(thing, FunctionType) and thing.__code__.co_filename == str(mutant.path):
            twin = twins.get(_place(thing.__code__))
            if twin is not None:
                thing.__code__ = twin
                changed += 1
    return changed


def _codes(code):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _essence(code):
    """What a code object does, wherever it stands."""
    constants = [_essence(c) if isinstance(c, CodeType) else (type(c), repr(c)) for c in code.co_consts]
    return code.co_code, code.co_names, code.co_varnames, constants


def _place(code):
    return code.co_qualname, code.co_firstlineno, tuple(code.co_positions())


def in_a_fork(work):
    """Start some work in a fork; return the end of the pipe that will say what failed, and its process."""
    reading, writing = os.pipe()
    process = os.fork()
    if process:
        os.close(writing)
        return reading, process
    verdict = "crashed"
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        verdict = work()
    except BaseException as error:
        verdict = f"{type(error).__name__} outside of any test"
    finally:
        os.write(writing, f"done {verdict}".encode())
        os._exit(0)


# ---- many of them


def drawn(mutants, size, seed):
    """Return a random sample, every floor with its share, in random order."""
    chance = random.Random(seed)
    sample = []
    for floor in FLOORS:
        own = [mutant for mutant in mutants if mutant.module == floor]
        sample += chance.sample(own, min(len(own), round(size * len(own) / len(mutants))))
    chance.shuffle(sample)
    return sample


def verdicts(mutants, run, jobs):
    """Yield (mutant, what killed it), as they come; '' for a survivor."""
    waiting, running = iter(mutants), {}
    while True:
        for mutant in itertools.islice(waiting, jobs - len(running)):
            pipe, process = in_a_fork(functools.partial(run, mutant))
            running[pipe] = mutant, process
        if not running:
            return
        for pipe in select.select(list(running), [], [])[0]:
            mutant, process = running.pop(pipe)
            said = os.read(pipe, 10_000).decode()
            os.close(pipe)
            os.waitpid(process, 0)
            yield mutant, said.removeprefix("done ") if said else f"no end within {CPU_SECONDS} s"


def wilson(killed, total, z=1.96):
    """Return Wilson's 95 % interval for a share."""
    share, weight = killed / total, z * z / total
    middle = share + weight / 2
    half = z * math.sqrt(share * (1 - share) / total + weight / (4 * total))
    return (middle - half) / (1 + weight), (middle + half) / (1 + weight)


def table(results, population):
    """Return the summary in Markdown, a row per floor."""
    lines = ["| floor | mutants | tried | killed | share |", "| --- | ---: | ---: | ---: | ---: |"]
    tried, killed = Counter(), Counter()
    for mutant, killer in results:
        tried[mutant.module] += 1
        killed[mutant.module] += bool(killer)
    for floor in FLOORS:
        if tried[floor]:
            share = f"{killed[floor] / tried[floor]:.1%}"
            lines.append(f"| {floor} | {population[floor]} | {tried[floor]} | {killed[floor]} | {share} |")
    low, high = wilson(killed.total(), tried.total())
    share = f"{killed.total() / tried.total():.1%} [{low:.1%}, {high:.1%}]"
    lines.append(f"| all | {population.total()} | {tried.total()} | {killed.total()} | {share} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("floors", nargs="*", help=f"of {', '.join(FLOORS)}; all of them without")
    parser.add_argument("--sample", type=int, help="how many mutants, drawn at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=math.inf, help="when to start on no more of the sample")
    parser.add_argument("--results", type=Path, help="written, and gone on from; a temporary file of this very core")
    parser.add_argument("--again", action="store_true", help="try those again that survived, after a new test")
    options = parser.parse_args()
    os.chdir(ROOT)
    if options.results is None:
        sources = "".join((ROOT / "autograd_lite" / f"{floor}.py").read_text(encoding="utf-8") for floor in FLOORS)
        digest = hashlib.sha256(sources.encode()).hexdigest()[:12]
        options.results = Path(tempfile.gettempdir(), f"autograd_lite-mutation-{digest}.jsonl")

    every = [mutant for floor in options.floors or FLOORS for mutant in mutants_of(floor)]
    sample = drawn(every, options.sample or len(every), options.seed)
    options.results.touch()
    if options.again:
        lines = options.results.read_text(encoding="utf-8").splitlines(keepends=True)
        options.results.write_text("".join(line for line in lines if json.loads(line)[-1]), encoding="utf-8")

    def results():
        lines = map(json.loads, options.results.read_text(encoding="utf-8").splitlines())
        found = {Mutant(*entry[:-1]): entry[-1] for entry in lines}
        return {mutant: found[mutant] for mutant in sample if mutant in found}

    def try_all(mutants, run, keep, until=math.inf):
        mutants = itertools.takewhile(lambda mutant: time.monotonic() < until, mutants)
        for mutant, killer in verdicts(mutants, run, options.jobs):
            if keep(killer):
                with options.results.open("a", encoding="utf-8") as file:
                    file.write(json.dumps([*astuple(mutant), killer]) + "\n")

    def quickly(session):
        for verdict in verdicts([None], functools.partial(run_collected, session), 1):
            if verdict[1]:
                print(f"The tests fail on the code as it is: {verdict[1]}", file=sys.stderr, flush=True)
                os._exit(1)
        left = [mutant for mutant in sample if mutant not in results()]
        until = time.monotonic() + 60 * options.minutes
        try_all(left, functools.partial(run_collected, session), lambda killer: killer != NOT_SEEN, until)

    process = os.fork()  # this process must not import what is to be changed
    if not process:
        pytest.main([*OPTIONS, *FILES], plugins=[Lane(instead=quickly)])
        os._exit(0)
    if os.waitpid(process, 0)[1]:
        raise SystemExit(1)
    tried = results()
    sample = sample[: 1 + max(k for k, mutant in enumerate(sample) if mutant in tried)]
    try_all([mutant for mutant in sample if mutant not in results()], run_tests, lambda killer: True)
    for mutant, killer in results().items():
        if not killer:
            print(f"{mutant.module}.py:{mutant.line}", mutant.operator, mutant.occurrence)
            print(*mutant.change(), sep="\n")
    print(f"{len(sample)} of {len(every)} mutants, seed {options.seed}\n")
    print(table(results().items(), Counter(mutant.module for mutant in every)))


if __name__ == "__main__":
    main()
