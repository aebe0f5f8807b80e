import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.polynomial.legendre import leggauss

from churnlib.clv._payments import Payments

_Z, _W = leggauss(600)


def by_brute_force(rate_of_purchases, horizon: float, rate: float, scale: float) -> float:
    """Integrate the discounted rate of purchases over 600 nodes on a logarithmic grid."""
    z, w, c = (_Z + 1) / 2, _W / 2, scale / 100
    stretch = np.log1p(horizon / c)
    u = c * np.expm1(z * stretch)
    return float(np.sum(w * stretch * c * np.exp(z * stretch) * rate_of_purchases(u) * np.exp(-rate * u)))


@pytest.mark.parametrize("ratio", [0.1, 1, 10, 100, 1000, 1e5])
@pytest.mark.parametrize("power", [0.3, 3.0, 30.0])
@pytest.mark.parametrize("discount", [0.01, 0.15, 1.0, 5.0])
def test_continuous_discounting_is_exact(ratio, power, discount):
    horizon, scale, rate = 365.0, 365.0 / ratio, discount / 365.0
    times, weights = Payments(horizon, rate).nodes(scale)
    for wide in (1, 3, 10, 100):  # the scale is that of the youngest; others change more slowly
        a = scale * wide
        found = weights @ -np.expm1(-power * np.log1p(times / a))
        exact = by_brute_force(lambda u, a=a: power / a * (1 + u / a) ** (-power - 1), horizon, rate, a)
        assert found == pytest.approx(exact, rel=2e-9)


@given(st.floats(0.1, 400), st.floats(0.001, 1), st.floats(0.1, 50))
def test_steady_purchases_have_a_closed_form(horizon, rate, month):
    times, weights = Payments(horizon, rate).nodes(10.0)
    at_once = -np.expm1(-rate * horizon) / rate
    assert weights @ times == pytest.approx(at_once, rel=1e-9)
    times, weights = Payments(horizon, rate, "monthly", month).nodes(10.0)
    assert weights @ times <= at_once * (1 + 1e-12)
    assert np.all(weights > -1e-15)
    assert np.all(np.diff(times) > 0)
    assert times[-1] == horizon


def test_monthly_payments_by_hand():
    # purchases 1, 2 and 4 up to the ends of three months, 10 % a month
    rate = np.log(1.1)
    times, weights = Payments(3.0, rate, "monthly").nodes(1.0)
    assert times.tolist() == [1.0, 2.0, 3.0]
    assert weights @ [1, 2, 4] == pytest.approx(1 / 1.1 + 1 / 1.1**2 + 2 / 1.1**3, rel=1e-14)


@pytest.mark.parametrize("timing", ["continuous", "monthly"])
def test_no_rate_is_the_horizon_alone(timing):
    times, weights = Payments(365.0, 0.0, timing, 30.0).nodes(1.0)
    assert (times.tolist(), weights.tolist()) == ([365.0], [1.0])


def test_what_counts_nothing_is_left_out():
    # 100 at a rate of 1: e^-100 counts for nothing, and nodes are spent on what does
    times, weights = Payments(100.0, 1.0).nodes(1.0)
    assert times.max() < 100
    assert weights @ np.log1p(times) == pytest.approx(by_brute_force(lambda u: 1 / (1 + u), 100.0, 1.0, 1.0), rel=1e-9)
