"""Three lanes, and Hypothesis settings for each.

The default lane leaves out what is marked `full`; `--full` or AUTOGRAD_LITE_FULL=1 runs
everything, with many more random examples. AUTOGRAD_LITE_NIGHTLY=1 holds 100,000 random programs
to the laws, with a seed of the night; AUTOGRAD_LITE_SEED=... repeats one.
"""

import os
import random
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))  # for `from support import ...`

QUIET = {
    "derandomize": True,
    "database": None,
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much],
}
settings.register_profile("ci", max_examples=50, stateful_step_count=25, print_blob=True, **QUIET)
settings.register_profile("full", max_examples=200, stateful_step_count=60, print_blob=True, **QUIET)
settings.register_profile("nightly", max_examples=2500, stateful_step_count=60, print_blob=True, **QUIET)


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="run the slow checks too, with more random examples")


def _is_set(variable):
    return os.environ.get(variable) == "1"


def _full_lane(config):
    return config.getoption("--full") or _is_set("AUTOGRAD_LITE_FULL") or _is_set("AUTOGRAD_LITE_NIGHTLY")


def pytest_configure(config):
    nightly = _is_set("AUTOGRAD_LITE_NIGHTLY")
    settings.load_profile("nightly" if nightly else "full" if _full_lane(config) else "ci")
    os.environ.setdefault("AUTOGRAD_LITE_SEED", str(random.SystemRandom().randrange(10**6)) if nightly else "0")


def pytest_report_header(config):
    lane = settings.get_current_profile_name() if _full_lane(config) else "default (--full runs everything)"
    examples, seed = settings.default.max_examples, os.environ["AUTOGRAD_LITE_SEED"]
    return f"autograd_lite lane: {lane}; hypothesis: {examples} examples, derandomised, AUTOGRAD_LITE_SEED={seed}"


def pytest_terminal_summary(terminalreporter, config):
    if _full_lane(config):  # `-q` leaves the header out
        terminalreporter.write_line(pytest_report_header(config))


def pytest_collection_modifyitems(config, items):
    if _full_lane(config):
        return
    slow = [item for item in items if item.get_closest_marker("full")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]


@pytest.fixture
def many(request):
    """How many cases to take, of three numbers: that of the default lane, the full one, the nightly one."""
    lane = 2 if _is_set("AUTOGRAD_LITE_NIGHTLY") else int(_full_lane(request.config))
    return lambda *counts: counts[lane]


@pytest.fixture
def full_lane(request):
    return _full_lane(request.config)


@pytest.fixture(scope="module")
def browser():
    from support.browser import MISSING, Browser

    try:
        browser = Browser()
    except (AssertionError, OSError) as failure:  # such as Ubuntu's chromium-browser without snap
        pytest.skip(f"{MISSING} ({failure})")
    yield browser
    browser.close()


@pytest.fixture
def open_page(browser, tmp_path):
    """Open the page that something saves; at the end it must have complained of nothing, and asked for nothing."""
    pages = []

    def opened(drawn, where="", **options):
        path = tmp_path / f"{len(pages)}.html"
        drawn.save(path)
        pages.append(browser.open(path.as_uri() + where, **options))
        return pages[-1]

    yield opened
    for page in pages:
        assert page.complaints == []
        assert page.requests == []
        page.close()
