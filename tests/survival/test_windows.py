"""From hazards to survival, incidence and expected time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.survival._windows import Windows

HAZARDS = np.array([[[0.1, 0.2, 0.0, 0.3], [0.05, 0.0, 0.1, 0.7]], [[0.0, 0.0, 0.5, 0.2], [0.0, 0.0, 0.5, 0.1]]])


def window(late, steps, rest, *, whole=False, hazards=HAZARDS) -> Windows:
    n = len(hazards)
    return Windows(hazards, np.full(n, late), np.tile(steps, (n, 1)), np.tile(rest, (n, 1)).astype(float), 2.0, whole)


@given(st.floats(0, 0.99), st.integers(0, 3), st.floats(0, 0.99), st.booleans())
def test_incidences_and_survival_make_one(late, step, rest, whole):
    asked = window(late, [max(step, 1)], [rest if step else 0.0], whole=whole)
    total = asked.incidence().sum(axis=1) + np.exp(asked.log_survival())
    np.testing.assert_allclose(total, 1.0, atol=1e-12)


def test_hazard_is_constant_within_a_period_or_falls_due_at_its_end():
    inside = np.exp(window(0.0, [0, 1], [0.5, 0.0]).log_survival())
    np.testing.assert_allclose(inside[0], [0.85**0.5, 0.85])
    np.testing.assert_allclose(np.exp(window(0.0, [0, 1], [0.5, 0.0], whole=True).log_survival())[0], [1.0, 0.85])
    np.testing.assert_allclose(np.exp(window(0.25, [1], [0.0]).log_survival())[0], [0.85**0.75])


@given(st.floats(0, 0.9), st.integers(0, 3), st.floats(0, 0.99), st.booleans())
def test_area_is_the_integral_of_survival(late, step, rest, whole):
    end = step + rest
    if end <= late:
        return
    grid = late + (np.arange(20_000) + 0.5) / 20_000 * (end - late)
    steps, parts = np.floor(grid).astype(int), grid - np.floor(grid)
    survival = np.exp(window(late, steps, parts, whole=whole).log_survival())
    area = window(late, [step], [rest], whole=whole).area()
    np.testing.assert_allclose(area, survival.mean(axis=1) * (end - late) * 2.0, rtol=2e-4)


@pytest.mark.parametrize("whole", [True, False])
def test_where_all_leave_nobody_stays(whole):
    hazards = np.array([[[0.5, 1.0, 0.3]]])
    asked = window(0.0, [1, 2, 3], [0.0, 0.0, 0.0], whole=whole, hazards=hazards)
    np.testing.assert_allclose(np.exp(asked.log_survival()), [[0.5, 0.0, 0.0]])
    np.testing.assert_allclose(asked.incidence(), [[[0.5, 1.0, 1.0]]])
    assert np.isfinite(window(0.0, [3], [0.0], whole=whole, hazards=hazards).area()).all()
