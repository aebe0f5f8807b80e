"""The quadrature of the Pareto/NBD integral against 40 digits, on inputs chosen to break it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from churnlib.clv import ParetoNBD
from churnlib.clv._pareto_integral import Integrand, blocks, log_integral


@pytest.fixture
def mpmath():
    return pytest.importorskip("mpmath", reason="mpmath, for 40 digits, is not installed")


# r, alpha, s, beta, x, t_x, T
HARD = {
    "a CDNOW customer": (0.5533, 10.578, 0.6062, 11.669, 2, 30.43, 38.86),
    "never bought again": (0.5533, 10.578, 0.6062, 11.669, 0, 0.0, 38.86),
    "rising at first": (0.1, 1.0, 0.5, 1000.0, 0, 0.0, 100.0),
    "a thousand purchases, a month of silence": (0.6, 12.0, 0.6, 12.0, 1000, 335.0, 365.0),
    "a thousand purchases, a second of silence": (0.6, 12.0, 0.6, 14.0, 1000, 365.0 - 1e-5, 365.0),
    "a thousand purchases in a day, then a year": (0.6, 1000.0, 0.6, 1e-4, 1000, 1.0, 365.0),
    "alpha ten million times beta": (0.5, 1e4, 0.7, 1e-3, 3, 20.0, 300.0),
    "beta ten million times alpha": (0.5, 1e-3, 0.7, 1e4, 3, 20.0, 300.0),
    "alpha 1000, beta 0.01": (0.8, 1000.0, 0.5, 0.01, 1, 0.5, 100.0),
    "beta 0.0001, T 5000": (0.8, 1000.0, 0.5, 1e-4, 0, 0.0, 5000.0),
    "alpha equals beta": (1.3, 7.0, 1.0, 7.0, 12, 200.0, 300.0),
    "customers hardly leave": (0.5, 10.0, 1e-4, 10.0, 5, 30.0, 40.0),
    "customers hardly differ": (900.0, 5000.0, 700.0, 8000.0, 40, 200.0, 300.0),
    "bought at T": (0.5, 10.0, 0.6, 12.0, 4, 30.0, 30.0),
}


def parts_in_closed_form(mpmath, case):
    """Return P(left and silent), P(alive and silent) as shares of P(alive at t_x), and log L; 40 digits.

    Gauss's hypergeometric function, as in Fader and Hardie (2005), with digits enough to
    survive the subtraction.
    """
    with mpmath.workdps(120):
        r, alpha, s, beta, x, tx, T = (mpmath.mpf(value) for value in case)
        p, far, near = r + x, max(alpha, beta), min(alpha, beta)
        power = s + 1 if alpha >= beta else p

        def antiderivative(t):
            argument = (far - near) / (far + t)
            return mpmath.hyp2f1(p + s, power, p + s + 1, argument) / (far + t) ** (p + s)

        left = s / (p + s) * (antiderivative(tx) - antiderivative(T))
        alive = (alpha + T) ** -p * (beta + T) ** -s
        begin = (alpha + tx) ** -p * (beta + tx) ** -s
        log_l = mpmath.loggamma(p) - mpmath.loggamma(r) + r * mpmath.log(alpha) + s * mpmath.log(beta)
        return left / begin, alive / begin, log_l + mpmath.log(left + alive)


@pytest.mark.parametrize("case", HARD)
def test_likelihood_to_rounding(mpmath, case):
    r, alpha, s, beta, x, tx, T = HARD[case]
    left, alive, log_l = parts_in_closed_form(mpmath, HARD[case])
    row = pd.DataFrame({"frequency": [x], "recency": [tx], "T": [T]})
    model = ParetoNBD.from_params({"r": r, "alpha": alpha, "s": s, "beta": beta})
    # Γ(r+x) of a thousand purchases is e^5000: what is left of 16 digits of that logarithm is 12 of L itself.
    assert_allclose(model.log_likelihood(row), float(log_l), rtol=1e-14, atol=1e-12)
    assert_allclose(model.predict_alive_probability(row), float(alive / (alive + left)), rtol=1e-11)
    # The smaller part too: judged against itself, not against the whole.
    p, a, b, length = r + x, alpha + tx, beta + tx, T - tx
    integral = log_integral(Integrand(p=p, q=s + 1, a=a, b=b, length=length))[0]
    expected = float(mpmath.log(left * b / s)) if left > 0 else -np.inf
    assert_allclose(integral, expected, atol=1e-13)


def by_mpmath(mpmath, *, n, **real):
    """Integrate on the axis of log τ in 64 graded pieces; no node in common with the code under test."""
    with mpmath.workdps(40):
        p, q, a, b, length, rate = (mpmath.mpf(real[name]) for name in ("p", "q", "a", "b", "length", "rate"))

        def log_integrand(y):
            tau = mpmath.exp(y)
            value = y - p * mpmath.log1p(tau / a) - q * mpmath.log1p(tau / b) - rate * tau
            return value + n * mpmath.log(tau / (a + tau))

        # In log τ the integrand is concave too: find its top and where it has fallen by e^-60 by thirds.
        low, high = mpmath.log(length) - 400, mpmath.log(length)
        for _ in range(160):
            one, two = low + (high - low) / 3, high - (high - low) / 3
            low, high = (one, high) if log_integrand(one) < log_integrand(two) else (low, two)
        top, peak = high, log_integrand(high)

        def edge(beyond):
            near = top
            for _ in range(60):
                middle = (near + beyond) / 2
                near, beyond = (near, middle) if log_integrand(middle) < peak - 60 else (middle, beyond)
            return beyond

        ends = edge(top - 400), edge(mpmath.log(length)) if top < mpmath.log(length) else top
        points = [*mpmath.linspace(ends[0], top, 40), *mpmath.linspace(top, ends[1], 40)[1:]]
        total = mpmath.quad(lambda y: mpmath.exp(log_integrand(y) - peak), points, method="gauss-legendre", maxdegree=4)
        return float(peak + mpmath.log(total))


@pytest.mark.parametrize(
    "columns",
    [
        (0.6, 1.6, 10.0, 12.0, 39.0, 1, 0.0),
        (0.6, 1.6, 10.0, 12.0, 39.0, 40, 0.0),
        (2.6, 1.6, 1e-3, 1e4, 39.0, 5, 0.0),
        (2.6, 1.6, 1e4, 1e-3, 39.0, 200, 0.0),
        (300.0, 3.1, 2e-4, 0.19, 3.6, 30, 0.0),
        (1000.6, 1.6, 400.0, 410.0, 30.0, 75, 0.0),
        (0.0, 0.6, 50.0, 50.0, 1e5, 0, 0.0027),
        (0.0, 1.0, 50.0, 50.0, 1e9, 0, 1e-6),
        (0.0, 0.02, 1e-2, 1e-2, 1e12, 0, 1e-9),
        (0.0, 30.0, 1e3, 1e3, 1e5, 0, 2.0),
    ],
)
def test_distribution_and_discounting_to_rounding(mpmath, columns):
    columns = dict(zip(("p", "q", "a", "b", "length", "n", "rate"), columns, strict=True))
    assert_allclose(log_integral(Integrand(**columns))[0], by_mpmath(mpmath, **columns), rtol=1e-14, atol=1e-12)


positive = st.floats(-4, 4).map(lambda power: 10.0**power)


@given(
    p=st.floats(-2, 3).map(lambda power: 10.0**power),
    s=st.floats(-3, 2).map(lambda power: 10.0**power),
    a=positive,
    ratio=st.floats(-7, 7).map(lambda power: 10.0**power),
    first=positive,
    second=positive,
)
def test_an_integral_is_the_sum_of_its_parts(p, s, a, ratio, first, second):
    """∫ to t₁ + t₂ is ∫ to t₁, and from there on the same kind of integral with later scales."""
    b = a * ratio
    whole = log_integral(Integrand(p=p, q=s + 1, a=a, b=b, length=first + second))
    head = log_integral(Integrand(p=p, q=s + 1, a=a, b=b, length=first))
    tail = log_integral(Integrand(p=p, q=s + 1, a=a + first, b=b + first, length=second))
    passing = -p * np.log1p(first / a) - (s + 1) * np.log1p(first / b)
    assert_allclose(np.logaddexp(head, passing + tail), whole, rtol=1e-12, atol=1e-12)
    # Of the chances to leave sometime, and never to have bought by then, the integral is s/b of one at most.
    assert whole + np.log(s / b) <= 1e-12


def test_rows_do_not_touch_each_other():
    generator = np.random.default_rng(0)
    columns = {
        name: 10.0 ** generator.uniform(low, high, 9000)
        for name, low, high in (("p", -2, 3), ("q", 0, 2), ("a", -3, 3), ("b", -3, 3), ("length", -3, 3))
    }
    columns["n"] = generator.integers(0, 4, 9000).astype(float)
    together = log_integral(Integrand(**columns))
    for row in (0, 1023, 1024, 8999):
        alone = log_integral(Integrand(**{name: column[row : row + 1] for name, column in columns.items()}))
        assert_allclose(together[row], alone[0], rtol=1e-14)


def test_nothing_lasts_no_time():
    assert log_integral(Integrand(p=1.0, q=2.0, a=1.0, b=1.0, length=0.0, n=3.0))[0] == -np.inf
    assert list(blocks(0)) == []
