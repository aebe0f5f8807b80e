"""EMPC and MPC: published numbers, a numerical integral, and what must always hold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churnlib.economics import RetentionOffer
from churnlib.exceptions import AssumptionWarning, DataError, ParameterError, ParameterTypeError
from churnlib.metrics import RankedOutcomes, empc_score, mpc_score, profit_summary
from tests.metrics.profit_worlds import PAPER, best_profit, empc_by_integration, g3, paper

# Test values of the authors' own implementations, in Python and in R.
Y = [1, 1, 0, 0, 0, 1, 1, 1, 1, 0]
S = [0.6125478, 0.3642710, 0.4321361, 0.1402911, 0.3848959, 0.2444155, 0.9706413, 0.8901728, 0.7817814, 0.8687518]
SECOND = [0.287577520124614, *S[1:]]
THIRD = [*SECOND[:6], 0.113703411305323, *SECOND[7:]]

rows = st.integers(1, 14).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 1), min_size=n, max_size=n),
        st.lists(st.sampled_from([-1.0, 0.0, 0.1, 0.2, 0.5, 0.7, 3.0]), min_size=n, max_size=n),
        st.lists(st.integers(0, 3), min_size=n, max_size=n).filter(any),
    )
)
offers = st.builds(
    paper,
    accept_rate=st.sampled_from([(6, 14), (2, 2), (1, 9), (20, 5)]),
    clv=st.sampled_from([60, 200, 1000.0]),
    offer_cost=st.sampled_from([0, 5, 10.5]),
    contact_cost=st.sampled_from([0.5, 1, 7]),
)


@pytest.mark.parametrize(
    ("scores", "empc", "fraction", "mpc", "rate", "threshold"),
    [
        (S, 30.3003222629848, 0.8996551652311633, 30.3, 0.9, 0.2444155),
        (SECOND, 30.3001182343737, 0.8998542416252266, 30.3, 0.9, 0.2444155),
        (THIRD, 29.2002764792561, 0.9996862620573918, 29.2, 1.0, 0.113703411305323),
    ],
)
def test_published_values(scores, empc, fraction, mpc, rate, threshold) -> None:
    found = profit_summary(Y, scores, offer=PAPER)
    assert found.empc == pytest.approx(empc, rel=1e-12)
    assert found.empc_fraction == pytest.approx(fraction, rel=1e-12)
    assert (found.mpc, found.fraction, found.threshold) == (pytest.approx(mpc, rel=1e-12), rate, threshold)
    assert empc_score(Y, scores, offer=PAPER) == found.empc
    assert mpc_score(Y, scores, offer=PAPER) == found.mpc


def test_perfect_constant_and_inverted_scores() -> None:
    assert empc_score([0, 1], [0, 1], offer=PAPER) == pytest.approx(28.0000000000391, rel=1e-12)
    for scores in ([1, 1], [1, 0]):
        assert empc_score([0, 1], scores, offer=PAPER) == pytest.approx(22.5007912244511, rel=1e-12)


def test_golden_set_without_and_with_ties() -> None:
    y, s, _ = g3()
    plain, tied = (profit_summary(y, scores, offer=PAPER) for scores in (s, s.round(2)))
    assert (plain.empc, plain.empc_fraction) == pytest.approx((5.409606923909345, 0.46819031461311755), rel=1e-9)
    assert (plain.mpc, plain.fraction, plain.threshold) == pytest.approx((5.208, 0.428, 0.3275912719496455), rel=1e-9)
    assert plain.n_hull == 26
    assert (tied.empc, tied.empc_fraction) == pytest.approx((5.387299293229063, 0.46742970264039096), rel=1e-9)
    assert (tied.mpc, tied.fraction, tied.threshold) == pytest.approx((5.197, 0.429, 0.33), rel=1e-9)


def test_an_offer_that_can_never_pay_contacts_nobody_and_says_so() -> None:
    y, s, _ = g3()
    for hopeless in (paper(clv=50, offer_cost=45, contact_cost=5), paper(clv=10), paper(clv=-500)):
        with pytest.warns(AssumptionWarning, match="nobody is contacted, and the profit is 0"):
            found = profit_summary(y, s, offer=hopeless)
        assert (found.empc, found.empc_fraction, found.mpc, found.fraction) == (0.0, 0.0, 0.0, 0.0)
        assert found.threshold == np.inf
        assert found.verdict == "This offer can never pay: nobody is worth a contact."
        with pytest.warns(AssumptionWarning, match="check clv"):
            assert empc_score(y, s, offer=hopeless) == 0.0


@settings(max_examples=20)
@given(rows, offers)
def test_it_is_the_integral_of_the_best_profit(columns, offer: RetentionOffer) -> None:
    y, s, weight = columns
    assert empc_score(y, s, offer=offer) == pytest.approx(empc_by_integration(y, s, offer), abs=1e-7)
    by_weight = empc_score(y, s, offer=offer, sample_weight=weight)
    assert by_weight == pytest.approx(empc_by_integration(y, s, offer, weight), abs=1e-7)


@given(rows, offers)
def test_mpc_is_the_best_of_all_lists_and_never_above_empc(columns, offer: RetentionOffer) -> None:
    y, s, weight = columns
    mpc = mpc_score(y, s, offer=offer)
    assert mpc == pytest.approx(best_profit(y, s, offer, offer.mean_accept_rate), abs=1e-9)
    assert mpc_score(y, s, offer=offer, sample_weight=weight) == pytest.approx(
        best_profit(y, s, offer, offer.mean_accept_rate, weight), abs=1e-9
    )
    empc = empc_score(y, s, offer=offer)
    assert empc >= max(0.0, mpc) - 1e-9  # Jensen: the best list is chosen after the rate is known
    assert empc_score(y, y, offer=offer) >= empc - 1e-9  # nothing beats knowing who leaves
    fixed = RetentionOffer(accept_rate=offer.mean_accept_rate, clv=offer.clv, offer_cost=offer.offer_cost,
                           contact_cost=offer.contact_cost)  # fmt: skip
    if fixed.pays():
        assert empc_score(y, s, offer=fixed) == mpc


@given(rows, st.randoms(use_true_random=False), st.booleans())
def test_no_row_order_changes_a_bit(columns, random, fractions: bool) -> None:
    y, s, weight = (np.array(column) for column in columns)
    weight = weight * 0.1 if fractions else weight
    order = np.array(random.sample(range(len(y)), len(y)))
    for metric in (empc_score, mpc_score):
        assert metric(y, s, offer=PAPER) == metric(y[order], s[order], offer=PAPER)
        assert metric(y, s, offer=PAPER, sample_weight=weight) == metric(
            y[order], s[order], offer=PAPER, sample_weight=weight[order]
        )


@given(rows)
def test_only_the_order_of_scores_matters(columns) -> None:
    y, s, _ = (np.array(column) for column in columns)
    assert empc_score(y, s, offer=PAPER) == empc_score(y, np.exp(s) * 1e-3 - 7, offer=PAPER)
    assert empc_score(y, s, offer=PAPER) == empc_score(y, s.astype(np.float32), offer=PAPER)


@given(rows, st.sampled_from([0.01, 3.0, 1000.0]))
def test_it_is_counted_in_the_offer_s_money(columns, c: float) -> None:
    y, s, _ = columns
    scaled = paper(clv=200 * c, offer_cost=10 * c, contact_cost=c)
    assert empc_score(y, s, offer=scaled) == pytest.approx(c * empc_score(y, s, offer=PAPER), rel=1e-9)


@given(rows)
def test_whole_weights_are_repeated_rows(columns) -> None:
    y, s, weight = (np.array(column) for column in columns)
    again = np.repeat(np.arange(len(y)), weight)
    for metric in (empc_score, mpc_score):
        weighted = metric(y, s, offer=PAPER, sample_weight=weight)
        assert weighted == pytest.approx(metric(y[again], s[again], offer=PAPER), rel=1e-9, abs=1e-12)
        assert metric(np.tile(y, 2), np.tile(s, 2), offer=PAPER) == pytest.approx(metric(y, s, offer=PAPER), rel=1e-9)


def test_a_sharp_accept_rate_gives_mpc() -> None:
    y, s, _ = g3()
    sharp = paper(accept_rate=(6e6, 14e6))
    assert empc_score(y, s, offer=sharp) == pytest.approx(mpc_score(y, s, offer=PAPER), abs=2e-3)
    assert empc_score(y, s, offer=sharp) >= mpc_score(y, s, offer=PAPER) - 1e-9


def test_a_free_offer_and_contact_lists_every_churner() -> None:
    free = paper(offer_cost=0, contact_cost=0)
    assert empc_score([1, 0, 1, 0], [4, 3, 2, 1], offer=free) == pytest.approx(0.3 * 200 * 2 / 4)
    found = profit_summary([1, 0, 1, 0], [4, 3, 2, 1], offer=free)
    assert (found.fraction, found.empc_fraction) == (0.75, pytest.approx(0.75))


def test_without_churners_or_without_stayers() -> None:
    assert (empc_score([0, 0], [1, 2], offer=PAPER), mpc_score([0, 0], [1, 2], offer=PAPER)) == (0.0, 0.0)
    assert mpc_score([1, 1], [1, 2], offer=PAPER) == 56.0


def test_infinite_scores_are_scores() -> None:
    assert mpc_score([1, 0, 0], [np.inf, 0.0, -np.inf], offer=PAPER) == pytest.approx(56 / 3)


@pytest.mark.parametrize("metric", [empc_score, mpc_score])
def test_bad_input_is_named(metric) -> None:
    with pytest.raises(DataError, match=r"1 of 2 scores are NaN \(rows 1\)"):
        metric([1, 0], [0.5, np.nan], offer=PAPER)
    with pytest.raises(DataError, match="neither 0 nor 1"):
        metric([1, 2], [0.5, 0.1], offer=PAPER)
    with pytest.raises(ParameterTypeError, match="offer is a int; a RetentionOffer says"):
        metric([1, 0], [0.5, 0.1], offer=200)
    with pytest.raises(ParameterError, match=r"the offer's clv differs by customer.*\n?.*empb_score"):
        metric([1, 0], [0.5, 0.1], offer=paper(clv="margin"))
    with pytest.raises(DataError, match="1 of 2 weights are negative"):
        metric([1, 0], [0.5, 0.1], offer=PAPER, sample_weight=[1, -1])


def test_a_series_is_read_by_position_and_must_agree() -> None:
    y = pd.Series([1, 0], index=["a", "b"])
    with pytest.raises(DataError, match="same 2 labels in different orders"):
        empc_score(y, pd.Series([0.1, 0.9], index=["b", "a"]), offer=PAPER)
    assert RankedOutcomes(y, [0.9, 0.1]).empc(PAPER) == empc_score([1, 0], [0.9, 0.1], offer=PAPER)
