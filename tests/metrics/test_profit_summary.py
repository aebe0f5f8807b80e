"""The summary and the curve say the same as the single metrics."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import AssumptionWarning, DataError, ParameterError
from churnlib.metrics import (
    RankedOutcomes,
    empb_score,
    empc_score,
    expected_profit,
    mpc_score,
    profit_curve,
    profit_summary,
)
from tests.metrics.profit_worlds import PAPER, b2b, g3, paper

rows = st.integers(1, 30).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 1), min_size=n, max_size=n),
        st.lists(st.sampled_from([-1.0, 0.0, 0.2, 0.5]), min_size=n, max_size=n),
        st.lists(st.sampled_from([90.0, 250.5, 1e4]), min_size=n, max_size=n),
        st.lists(st.integers(0, 3), min_size=n, max_size=n).filter(any),
    )
)


@given(rows)
def test_the_summary_is_the_metrics(columns) -> None:
    y, s, clv, weight = columns
    for w in (None, weight):
        one = profit_summary(y, s, offer=PAPER, sample_weight=w)
        assert one.empc == empc_score(y, s, offer=PAPER, sample_weight=w)
        assert one.mpc == mpc_score(y, s, offer=PAPER, sample_weight=w)
        each = profit_summary(y, s, offer=b2b(1), clv=clv, sample_weight=w)
        assert each.mpc == empb_score(y, s, offer=b2b(1), clv=clv, sample_weight=w)
        listed = np.asarray(s) >= each.threshold
        brought = expected_profit(y, listed, offer=b2b(1), clv=clv, sample_weight=w)
        assert brought == pytest.approx(each.mpc, rel=1e-9, abs=1e-9)
        assert each.fraction == pytest.approx(np.average(listed, weights=w))
        for found in (one, each):
            assert 0 <= found.captured <= 1 + 1e-12
            assert found.mpc >= found.everybody - 1e-9
            assert found.oracle >= found.mpc - 1e-9


def test_verdicts() -> None:
    y, s, _ = g3()
    verdict = profit_summary(y, s, offer=PAPER).verdict
    assert verdict == "Contacting the first 42.8% earns 5.208 per customer, 49% of what a perfect ranking would."
    none = profit_summary([0, 0, 0, 1], [4, 3, 2, 1], offer=paper(offer_cost=30))
    assert none.verdict == "No list of the riskiest earns anything: nobody is contacted."


@given(rows, st.integers(1, 12))
def test_the_curve_passes_through_the_best_list(columns, points: int) -> None:
    y, s, clv, weight = columns
    for w in (None, weight):
        curve = profit_curve(y, s, offer=b2b(1), clv=clv, points=points, sample_weight=w)
        found = profit_summary(y, s, offer=b2b(1), clv=clv, sample_weight=w)
        assert curve["best"].sum() == 1
        best = curve[curve["best"]].iloc[0]
        assert best["contacted"] == pytest.approx(found.fraction)
        assert best["profit"] == pytest.approx(found.mpc, rel=1e-9, abs=1e-9)
        assert (curve["profit"] <= found.mpc + 1e-9).all()
        assert (curve["oracle"] >= curve["profit"] - 1e-9).all()
        assert curve["contacted"].is_monotonic_increasing
        for column in ("profit", "oracle", "at_random"):
            assert curve[column].iloc[0] == 0.0
            assert curve[column].iloc[-1] == pytest.approx(found.everybody, rel=1e-9, abs=1e-9)


def test_the_curve_on_the_golden_set() -> None:
    y, s, _ = g3()
    curve = profit_curve(y, s, offer=PAPER)
    assert len(curve) == 102  # the best list, .428, has a place of its own
    assert curve["profit"].max() == pytest.approx(5.208)
    tenth = curve[np.isclose(curve["contacted"], 0.1)].iloc[0]
    top = RankedOutcomes(y, s).top(0.1)
    assert tenth["churners"] == pytest.approx(top.recall)
    assert tenth["profit"] == pytest.approx((56 * top.churners - 11 * (100 - top.churners)) / 1000)
    assert (s >= tenth["score"]).sum() == 100


def test_bad_input_is_named() -> None:
    with pytest.raises(ParameterError, match="points is 0"):
        profit_curve([1, 0], [2, 1], offer=PAPER, points=0)
    with pytest.raises(DataError, match=r"clv has shape \(1,\)"):
        profit_curve([1, 0], [2, 1], offer=PAPER, clv=[1])
    with pytest.warns(AssumptionWarning, match="nobody is contacted"):
        curve = profit_curve([1, 0], [2, 1], offer=paper(clv=5))
    assert curve.loc[curve["best"], "contacted"].tolist() == [0.0]
