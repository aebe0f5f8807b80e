"""The effect on the best share of rows, and its interval at the edges."""

from __future__ import annotations

import numpy as np
import pytest

from churnlib.metrics._uplift_top import uplift_at_k, uplift_at_k_interval
from tests.metrics.uplift_worlds import RETAINED, SCORE, TREATED, campaign


def test_a_list_and_its_ties() -> None:
    arms = {"treatment": TREATED, "propensity": 0.5}
    # effects of the first six: 2, 0, 2, -2, 0, 0
    assert uplift_at_k(RETAINED, SCORE, k=3 / 12, **arms) == pytest.approx(4 / 3)
    assert uplift_at_k(RETAINED, SCORE, k=2 / 12, **arms) == pytest.approx((2 + 1) / 2)
    assert uplift_at_k(RETAINED, SCORE, k=0.5, **arms) == pytest.approx(1 / 3)
    assert uplift_at_k(RETAINED, SCORE, k=1, **arms) == pytest.approx(-1 / 3)
    assert uplift_at_k(RETAINED, SCORE, k=1e-6, **arms) == pytest.approx(2.0)
    assert uplift_at_k(RETAINED, SCORE, k=0.25, sample_weight=[0.5] * 12, **arms) == pytest.approx(4 / 3)


def test_everybody_has_the_error_of_a_mean() -> None:
    rows = campaign(np.random.default_rng(0), 400)
    effect = np.where(rows["treatment"], 2, -2) * rows["outcome"]
    arms = {"treatment": rows["treatment"], "propensity": 0.5}
    found = uplift_at_k_interval(rows["outcome"], rows["score"], k=1.0, **arms)
    assert found.value == pytest.approx(effect.mean())
    assert found.standard_error == pytest.approx(effect.std(ddof=1) / 20)
    pair = uplift_at_k_interval(rows["outcome"], rows["score"], versus=rows["other"], k=1.0, **arms)
    assert (pair.value, pair.standard_error) == pytest.approx((0.0, 0.0), abs=1e-12)


def test_the_error_on_all_with_the_share_estimated_is_that_of_two_means() -> None:
    rows = campaign(np.random.default_rng(1), 3000)
    y, t = rows["outcome"] + 10, rows["treatment"]
    found = uplift_at_k_interval(y, rows["score"], k=1.0, treatment=t, propensity="estimate")
    assert found.value == pytest.approx(y[t].mean() - y[~t].mean())
    expected = np.sqrt(y[t].var() / t.sum() + y[~t].var() / (~t).sum())
    assert found.standard_error == pytest.approx(expected, rel=1e-3)
    known = uplift_at_k_interval(y, rows["score"], k=1.0, treatment=t, propensity=0.5)
    assert known.standard_error > 5 * found.standard_error
