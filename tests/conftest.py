"""Fixtures that every test may ask for."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

# `derandomize` keeps a run reproducible; `make test-slow` searches further and at random, and
# the environments with other versions of the libraries look at fewer examples.
settings.register_profile(
    "quick", max_examples=50, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "brief", max_examples=10, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
# for broken source: one counter-example is enough, however long it is
settings.register_profile(
    "unshrunk",
    max_examples=50,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("thorough", max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("CHURNLIB_HYPOTHESIS", "quick"))


# Stand-ins carry the docstrings of the models they stand for, whose examples run where those are.
collect_ignore = ["any_numbers.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what records numbers as a simulation: its result is statistics, and no matter of versions."""
    for item in items:
        if "record_property" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.simulation)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder with the real data; a test that needs it skips, saying so, where there is none."""
    named = os.environ.get("CHURNLIB_DATA")
    if not named:
        pytest.skip("real data are not at hand: set CHURNLIB_DATA to the folder that holds them")
    folder = Path(named)
    if not folder.is_dir():
        pytest.skip(f"real data are not at hand: CHURNLIB_DATA names {named!r}, which is no folder")
    return folder


@pytest.fixture
def record_property(record_property: Callable[[str, object], None]) -> Callable[[str, object], None]:
    """Record numpy's numbers as Python's own: tests that run in several processes hand nothing else over."""

    def record(name: str, value: object) -> None:
        record_property(name, json.loads(json.dumps(value, default=lambda number: number.tolist())))

    return record
