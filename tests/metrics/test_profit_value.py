"""EMPB and AUEPC: golden numbers, enumeration, and what must always hold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import AssumptionWarning, DataError, ParameterError, ParameterTypeError, SchemaError
from churnlib.metrics import RankedOutcomes, auepc_score, empb_score, mpc_score, profit_summary
from tests.metrics.profit_worlds import PAPER, b2b, g3, paper

rows = st.integers(1, 25).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 1), min_size=n, max_size=n),
        st.lists(st.sampled_from([-1.0, 0.0, 0.1, 0.2, 0.5, 3.0]), min_size=n, max_size=n),
        st.lists(st.sampled_from([90.01, 100.1, 250.0, 1e4]), min_size=n, max_size=n),
        st.lists(st.integers(0, 3), min_size=n, max_size=n).filter(any),
    )
)


@pytest.mark.parametrize(
    ("contact_cost", "empb", "rate", "threshold", "auepc"),
    [
        (15, 8.829364292681355, 0.349, 0.42417814464285003, 0.07672759695920484),
        (1, 14.749321901431177, 0.428, None, 0.5575331088826393),
    ],
)
def test_golden_set(contact_cost, empb, rate, threshold, auepc) -> None:
    y, s, clv = g3()
    found = profit_summary(y, s, offer=b2b(contact_cost), clv=clv)
    assert found.mpc == pytest.approx(empb, rel=1e-9)
    assert found.fraction == pytest.approx(rate, rel=1e-9)
    assert threshold is None or found.threshold == threshold
    assert (found.empc, found.n_hull) == (None, None)
    assert empb_score(y, s, offer=b2b(contact_cost), clv=clv) == found.mpc
    assert auepc_score(y, s, offer=b2b(contact_cost), clv=clv) == pytest.approx(auepc, rel=1e-9)


@given(rows)
def test_it_is_the_best_of_all_lists(columns) -> None:
    y, s, clv, weight = (np.array(column) for column in columns)
    gain = np.where(y == 1, 0.3 * 0.95 * clv - 15, -0.05 * clv - 15)
    for w in (None, weight):
        mass = np.ones(len(y)) if w is None else w
        best = max(0.0, *((gain * mass)[s >= cutoff].sum() for cutoff in s)) / mass.sum()
        assert empb_score(y, s, offer=b2b(15), clv=clv, sample_weight=w) == pytest.approx(best, rel=1e-12, abs=1e-12)


@given(rows, st.randoms(use_true_random=False))
def test_no_row_order_changes_a_bit(columns, random) -> None:
    y, s, clv, weight = (np.array(column) for column in columns)
    order = np.array(random.sample(range(len(y)), len(y)))
    for w in (None, weight, weight / 7):
        moved = None if w is None else w[order]
        seen = empb_score(y, s, offer=b2b(1), clv=clv, sample_weight=w)
        assert seen == empb_score(y[order], s[order], offer=b2b(1), clv=clv[order], sample_weight=moved)


@given(rows)
def test_whole_weights_are_repeated_rows(columns) -> None:
    y, s, clv, weight = (np.array(column) for column in columns)
    again = np.repeat(np.arange(len(y)), weight)
    seen = empb_score(y, s, offer=b2b(1), clv=clv, sample_weight=weight)
    assert seen == pytest.approx(empb_score(y[again], s[again], offer=b2b(1), clv=clv[again]), rel=1e-9)
    if y[again].any():
        area = auepc_score(y, s, offer=b2b(1), clv=clv, sample_weight=weight)
        assert area == pytest.approx(auepc_score(y[again], s[again], offer=b2b(1), clv=clv[again]), rel=1e-9)


@given(rows)
def test_one_value_for_all_gives_mpc(columns) -> None:
    y, s, _, _ = columns
    assert empb_score(y, s, offer=PAPER) == pytest.approx(mpc_score(y, s, offer=PAPER), rel=1e-12)
    assert empb_score(y, s, offer=PAPER, clv=200) == empb_score(y, s, offer=PAPER)


@pytest.mark.parametrize("digits", [None, 2])
def test_many_rows_are_searched_bin_by_bin_to_the_same_bits(digits: int | None) -> None:
    rng = np.random.default_rng(0)
    n = 40_000
    s, clv = rng.random(n) ** 2, rng.lognormal(5, 1, n)
    s = s if digits is None else s.round(digits)
    y = rng.random(n) < 0.6 * s
    for scores in (s, np.log(s + 1e-9), s.astype(np.float32)):
        whole = RankedOutcomes(y, scores)
        seen = profit_summary(y, scores, offer=b2b(15), clv=clv)
        assert seen.mpc == whole.empb(b2b(15), clv=clv, sample_weight=np.ones(n))
        again = profit_summary(y, scores, offer=b2b(15), clv=clv, sample_weight=np.ones(n))
        assert (seen.mpc, seen.fraction, seen.threshold) == (again.mpc, again.fraction, again.threshold)
    for scores in (np.where(s > 0.9, np.inf, s), np.full(n, 0.5)):  # no bins of equal width, or one only
        assert empb_score(y, scores, offer=b2b(1), clv=clv) == pytest.approx(
            empb_score(y, scores, offer=b2b(1), clv=clv, sample_weight=np.ones(n))
        )


def test_the_perfect_area_is_one_and_an_early_mistake_may_turn_it_negative() -> None:
    offer = paper(accept_rate=0.3)
    assert auepc_score([1, 1, 0, 0], [4, 3, 2, 1], offer=offer) == 1.0
    assert auepc_score([1], [4], offer=offer) == 1.0
    assert auepc_score([0, 0, 1], [3, 2, 1], offer=paper(offer_cost=40)) < 0


def test_values_by_customer_are_aligned_by_label() -> None:
    customers = pd.Index(["a", "b", "c"], name="customer_id")
    offer = paper(clv=pd.Series([300.0, 100.0, 20.0], index=["c", "a", "b"]))
    y = pd.Series([1, 0, 1], index=customers)
    expected = empb_score([1, 0, 1], [3, 2, 1], offer=paper(), clv=[100, 20, 300])
    assert empb_score(y, [3, 2, 1], offer=offer) == expected
    assert empb_score(y, [3, 2, 1], offer=paper(), clv=pd.Series([100, 20, 300], index=customers)) == expected
    with pytest.raises(SchemaError, match="neither y nor the scores name the customers"):
        empb_score([1, 0, 1], [3, 2, 1], offer=offer)
    with pytest.raises(DataError, match=r"clv has no value for 1 of 3 customers \(d\)"):
        empb_score(y.set_axis(pd.Index(["a", "b", "d"], name="customer_id")), [3, 2, 1], offer=offer)
    with pytest.raises(DataError, match="clv and the outcomes have different labels"):
        empb_score(y, [3, 2, 1], offer=paper(), clv=pd.Series([1, 2, 3], index=["c", "b", "a"]))


def test_bad_input_is_named() -> None:
    for metric in (empb_score, auepc_score):
        with pytest.raises(DataError, match=r"clv has shape \(1,\) for 2 rows"):
            metric([1, 0], [2, 1], offer=PAPER, clv=[200])
        with pytest.raises(DataError, match=r"clv is missing or infinite in 1 of 2 rows \(rows 1\)"):
            metric([1, 0], [2, 1], offer=PAPER, clv=[200, np.nan])
        with pytest.raises(ParameterTypeError, match=r"clv is the column 'margin'(?s:.*)clv=X\['margin'\]"):
            metric([1, 0], [2, 1], offer=paper(clv="margin"))
        with pytest.raises(ParameterTypeError, match="offer is a NoneType"):
            metric([1, 0], [2, 1], offer=None)
    with pytest.raises(ParameterError, match="sample_weight holds fractions"):
        auepc_score([1, 0], [2, 1], offer=PAPER, sample_weight=[0.5, 1])
    with pytest.raises(DataError, match="no contact would bring anything"):
        auepc_score([0, 0], [2, 1], offer=PAPER)
    with pytest.warns(AssumptionWarning, match="nobody is contacted"):
        assert empb_score([1, 0], [2, 1], offer=b2b(1), clv=[3, 2]) == 0.0
