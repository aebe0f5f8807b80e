import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.economics import contact_gain, contact_threshold

TERMS = {"accept_rate": 0.3, "offer_cost": 10.0, "contact_cost": 1.0}

money = st.floats(-1e4, 1e4, allow_subnormal=False)
cost = st.floats(0, 500, allow_subnormal=False)
share = st.floats(0, 1, allow_subnormal=False)


def test_threshold_is_the_published_bayes_rule():
    # accept rate .3, value 200, offer 10, contact 1: 11/67, equal to the optimal threshold of the cost matrix
    assert contact_threshold(200.0, **TERMS) == pytest.approx(11 / 67, abs=1e-15)


def test_gain_of_a_certain_churner_and_a_certain_stayer():
    # TP benefit g(CLV - d) - f = 56, FP cost d + f = 11 (Verbraken et al. 2013, in money)
    assert contact_gain([1.0, 0.0], 200.0, **TERMS).tolist() == pytest.approx([56.0, -11.0])


@pytest.mark.parametrize("clv", [13.333333333333332, 10.0, 0.0, -500.0])
def test_worthless_customers_are_never_contacted(clv):
    assert contact_threshold(clv, **TERMS) == np.inf


def test_free_offer_pays_at_any_risk():
    assert contact_threshold(100.0, accept_rate=0.5, offer_cost=0.0, contact_cost=0.0) == 0.0


def test_nobody_accepts_nobody_is_contacted():
    assert contact_threshold(1e9, accept_rate=0.0, offer_cost=0.0, contact_cost=0.0) == np.inf


def exhaustive_gain(p, clv, g, d, f):
    """Enumerate the four things that can happen to a contacted customer."""
    churner_accepts = p * g * (clv - d - f)
    churner_refuses = p * (1 - g) * (-f)
    stayer_takes_it = (1 - p) * (-d - f)
    return churner_accepts + churner_refuses + stayer_takes_it


@given(share, money, share, cost, cost)
def test_gain_is_the_sum_over_what_can_happen(p, clv, g, d, f):
    gain = contact_gain(p, clv, accept_rate=g, offer_cost=d, contact_cost=f)
    assert gain == pytest.approx(exhaustive_gain(p, clv, g, d, f), rel=1e-9, abs=1e-6)


@given(share, money, share, cost, cost)
def test_gain_is_positive_exactly_above_the_threshold(p, clv, g, d, f):
    gain = float(contact_gain(p, clv, accept_rate=g, offer_cost=d, contact_cost=f))
    threshold = float(contact_threshold(clv, accept_rate=g, offer_cost=d, contact_cost=f))
    if abs(gain) > 1e-6:
        assert (gain > 0) == (p > threshold)


@given(money, money, share, cost, cost)
def test_threshold_falls_with_value_and_is_a_share_or_infinite(one, other, g, d, f):
    low, high = sorted([one, other])
    of_low, of_high = contact_threshold([low, high], accept_rate=g, offer_cost=d, contact_cost=f)
    assert of_high <= of_low
    assert 0 <= of_high <= 1 or np.isinf(of_high)  # below 1, but for rounding
