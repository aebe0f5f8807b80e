"""Profit and savings of a given decision."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import AssumptionWarning, DataError
from churnlib.metrics import expected_profit, mpc_score, savings_score
from tests.metrics.profit_worlds import PAPER, b2b, g3, paper

rows = st.integers(1, 20).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 1), min_size=n, max_size=n),
        st.lists(st.sampled_from([0.0, 0.25, 1.0]), min_size=n, max_size=n),
        st.lists(st.sampled_from([20.0, 200.0, 5e3]), min_size=n, max_size=n),
        st.lists(st.integers(0, 3), min_size=n, max_size=n).filter(any),
    )
)


def test_golden_expected_cost() -> None:
    y, s, _ = g3()
    offer = paper(accept_rate=0.3, offer_cost=None, offer_fraction=0.05)
    assert -expected_profit(y, s, offer=offer) == pytest.approx(-3.602216905371566, rel=1e-9)


@given(rows)
def test_what_happens_customer_by_customer(columns) -> None:
    y, contacted, clv, weight = (np.array(column) for column in columns)
    accepts = contacted * 0.3 * (clv * 0.95 - 1) + contacted * 0.7 * -1
    brought = np.where(y == 1, accepts, contacted * -(0.05 * clv + 1))
    options = {"offer": b2b(1), "clv": clv}
    assert expected_profit(y, contacted, **options) == pytest.approx(brought.mean(), rel=1e-9, abs=1e-9)
    seen = expected_profit(y, contacted, sample_weight=weight, **options)
    assert seen == pytest.approx(np.average(brought, weights=weight), rel=1e-9, abs=1e-9)
    lost = np.where(y == 1, clv, 0.0)
    everybody = (lost - np.where(y == 1, 0.285 * clv - 1, -(0.05 * clv + 1))).sum()
    if y.any():
        saved = 1 - (lost - brought).sum() / min(lost.sum(), everybody)
        assert savings_score(y, contacted, **options) == pytest.approx(saved, rel=1e-9, abs=1e-9)


@given(rows, st.randoms(use_true_random=False))
def test_no_row_order_changes_a_bit(columns, random) -> None:
    y, contacted, clv, weight = (np.array(column) for column in columns)
    order = np.array(random.sample(range(len(y)), len(y)))
    one = expected_profit(y, contacted, offer=b2b(1), clv=clv, sample_weight=weight)
    assert one == expected_profit(y[order], contacted[order], offer=b2b(1), clv=clv[order], sample_weight=weight[order])


def test_nobody_everybody_and_the_best_list() -> None:
    y, s, _ = g3()
    assert expected_profit(y, np.zeros(1000), offer=PAPER) == 0.0
    assert expected_profit(y, np.ones(1000), offer=PAPER) == pytest.approx((189 * 56 - 811 * 11) / 1000)
    assert expected_profit(y, s >= 0.3275912719496455, offer=PAPER) == pytest.approx(mpc_score(y, s, offer=PAPER))
    trivial = max(savings_score(y, decision, offer=PAPER) for decision in (np.zeros(1000), np.ones(1000)))
    assert trivial == 0.0
    assert savings_score(y, y, offer=PAPER) > savings_score(y, s > 11 / 67, offer=PAPER) > 0


def test_the_threshold_of_each_customer_is_the_best_decision_by_probability() -> None:
    rng = np.random.default_rng(0)
    n = 200_000
    clv, p = rng.lognormal(5, 1, n), rng.beta(1, 6, n)
    y = rng.random(n) < p
    offer = b2b(15)
    own = expected_profit(y, p > offer.threshold(clv), offer=offer, clv=clv)
    assert own > expected_profit(y, p > offer.threshold(clv.mean()), offer=offer, clv=clv)
    # what it is expected to bring, given p: no decision by probability and value brings more
    ideal = np.maximum(offer.expected_gain(p, clv), 0)
    assert own == pytest.approx(ideal.mean(), abs=4 * offer.expected_gain(y.astype(float), clv).std() / np.sqrt(n))
    for shift in (0.8, 1.25):
        shifted = p > shift * offer.threshold(clv)
        assert (shifted * offer.expected_gain(p, clv)).mean() < ideal.mean()


def test_bad_input_is_named() -> None:
    for metric in (expected_profit, savings_score):
        with pytest.raises(DataError, match=r"1 of 2 contacts are outside 0 and 1 \(first: 1.5\)"):
            metric([1, 0], [1.5, 0], offer=PAPER)
        with pytest.raises(DataError, match="1 of 2 contacts are NaN"):
            metric([1, 0], [np.nan, 0], offer=PAPER)
        with pytest.raises(DataError, match=r"clv has shape \(3,\) for 2 rows"):
            metric([1, 0], [1, 0], offer=PAPER, clv=[1, 2, 3])
    with pytest.raises(DataError, match="the better of contacting nobody and everybody costs 0"):
        savings_score([0, 0], [1, 0], offer=PAPER)
    with pytest.warns(AssumptionWarning, match="nobody is contacted"):
        assert expected_profit([1, 0], [True, False], offer=paper(clv=20, offer_cost=18)) < 0
