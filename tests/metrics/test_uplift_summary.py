"""All numbers at once are those one by one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churnlib.exceptions import AssumptionWarning, ParameterError
from churnlib.metrics import (
    RankedEffects,
    autoc_interval,
    auuc_interval,
    ipw_scores,
    qini_interval,
    uplift_at_k_interval,
    uplift_summary,
    uplift_table,
)
from churnlib.targets import uplift_target
from tests.metrics.uplift_worlds import campaign, doubly_robust


@pytest.mark.parametrize("propensity", [0.5, "estimate"])
def test_each_number_is_that_of_its_own_function(propensity: object) -> None:
    rows = campaign(np.random.default_rng(0), 300, levels=2, repeated=True)
    y = uplift_target(value=rows["outcome"], treatment=rows["treatment"])
    options = {"propensity": propensity, "customer": rows["owner"], "confidence": 0.9}
    table = uplift_summary(y, rows["score"], k=0.3, **options)
    alone = {
        "ate": uplift_at_k_interval(y, rows["score"], k=1.0, **options),
        "qini": qini_interval(y, rows["score"], **options),
        "auuc": auuc_interval(y, rows["score"], **options),
        "autoc": autoc_interval(y, rows["score"], **options),
        "uplift_at_k": uplift_at_k_interval(y, rows["score"], k=0.3, **options),
    }
    assert table.index.tolist() == list(alone)
    for name, interval in alone.items():
        expected = [interval.value, interval.standard_error, interval.low, interval.high]
        assert table.loc[name].tolist() == pytest.approx(expected, abs=1e-12)
    assert table.loc["auuc", "value"] - table.loc["qini", "value"] == pytest.approx(table.loc["ate", "value"] / 2)


def test_bad_input_is_named() -> None:
    arms = {"treatment": [1, 0, 1, 0], "propensity": 0.5}
    with pytest.raises(ParameterError, match="k is 2; a share of the rows"):
        uplift_summary([1, 0, 1, 1], [4, 3, 2, 1], k=2, **arms)
    with pytest.warns(AssumptionWarning, match="qini and autoc are 0") as noted:
        uplift_summary([1, 0, 1, 1], [1, 1, 1, 1], **arms)
    assert noted[0].filename == __file__


def test_a_ranking_of_any_effects_has_the_same_summary_and_table() -> None:
    rows = campaign(np.random.default_rng(1), 400, levels=1, confounded=True, repeated=True)
    weight = np.random.default_rng(2).uniform(0.5, 2.0, rows["owner"].size)
    options = {"customer": rows["owner"], "sample_weight": weight}
    arms = {"treatment": rows["treatment"], "propensity": rows["propensity"]}
    plain = RankedEffects(ipw_scores(rows["outcome"], **arms), rows["score"])
    pd.testing.assert_frame_equal(
        plain.summary(k=0.25, **options),
        uplift_summary(rows["outcome"], rows["score"], k=0.25, **arms, **options),
    )
    table = uplift_table(rows["outcome"], rows["score"], bins=4, **arms, **options)
    own = plain.table(bins=4, **options)
    pd.testing.assert_frame_equal(own, table[own.columns])
    # doubly robust effects say the same with less noise
    robust = RankedEffects(doubly_robust(rows), rows["score"])
    assert robust.table(bins=4)["standard_error"].mean() < plain.table(bins=4)["standard_error"].mean()
    assert robust.summary().loc["qini", "standard_error"] < plain.summary().loc["qini", "standard_error"]
    with pytest.raises(ParameterError, match="5 bins for 4 rows"):
        RankedEffects([1.0, 2, 3, 4], [1, 2, 3, 4]).table(bins=5)
    with pytest.raises(ParameterError, match="k is 0; a share"):
        robust.summary(k=0)
