"""Two lanes, and Hypothesis settings for each.

The default lane leaves out what is marked `full`; `--full` or AUTOGRAD_LITE_FULL=1 runs
everything, with many more random examples.
"""

import os
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
settings.register_profile("full", max_examples=500, stateful_step_count=60, print_blob=True, **QUIET)


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="run the slow checks too, with more random examples")


def _full_lane(config):
    return config.getoption("--full") or os.environ.get("AUTOGRAD_LITE_FULL") == "1"


def pytest_configure(config):
    settings.load_profile("full" if _full_lane(config) else "ci")


def pytest_report_header(config):
    lane = "full" if _full_lane(config) else "default (--full runs everything)"
    return f"autograd_lite lane: {lane}; hypothesis: {settings.default.max_examples} examples, derandomised, seed 0"


def pytest_collection_modifyitems(config, items):
    if _full_lane(config):
        return
    slow = [item for item in items if item.get_closest_marker("full")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]


@pytest.fixture
def full_lane(request):
    return _full_lane(request.config)
