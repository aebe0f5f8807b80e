"""The logistic model of hazards by period: the likelihood, its derivatives and its maximum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from churnlib.survival._clocks import Clock
from churnlib.survival._logistic_hazard import LogisticFit, fit_logistic_hazard
from churnlib.survival._logistic_likelihood import HazardLikelihood
from churnlib.survival._periods import Periods, periods_of
from churnlib.targets import read_survival_target, survival_target
from tests.survival.period_worlds import read

# R 4 (glm with a dummy for each of the 49 weeks with events, binomial(logit) and binomial(cloglog)) on 19,809
# person-weeks: coefficients of fin, age, race, wexp, mar, paro, prio; log-likelihood.
ROSSI = {
    "logit": (
        [-0.38288342, -0.05766591, 0.31765050, -0.15278378, -0.43600358, -0.08570945, 0.09229411],
        -661.5344924,
    ),
    "cloglog": (
        [-0.38017237, -0.05754650, 0.31429985, -0.14958779, -0.43409548, -0.08514261, 0.09176941],
        -661.5595650,
    ),
}


@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_recidivism_of_rossi_by_week(link, data_dir):
    frame = read(data_dir, "rossi")
    X = frame[["fin", "age", "race", "wexp", "mar", "paro", "prio"]].to_numpy(float)
    periods = periods_of(read_survival_target(survival_target(frame["arrest"], frame["week"])), 1.0)
    assert periods.n_cells == 19_809
    fit = fit_logistic_hazard(HazardLikelihood(X, periods, np.ones(len(X)), Clock("dummy", 1.0, 52), link=link))
    coef, loglik = ROSSI[link]
    np.testing.assert_allclose(fit.coef[0], coef, atol=1e-6)
    assert fit.loglik == pytest.approx(loglik, abs=1e-6)
    assert fit.converged
    assert np.isneginf(fit.period).sum() == 3  # weeks without events have no effect to estimate


def world(seed: int, *, n: int = 60, causes: int = 1, quarters: bool = False) -> tuple[np.ndarray, Periods, np.ndarray]:
    """Features, spans and weights of rows with delayed entry."""
    generator = np.random.default_rng(seed)
    X = generator.standard_normal((n, 3)) * [1.0, 10.0, 0.1] + [0, 50, 0]
    unit = 4 if quarters else 1
    entry = generator.integers(0, 4 * unit, n) / unit
    time = entry + generator.integers(1, 6 * unit, n) / unit
    event = generator.integers(0, causes + 1, n)
    names = [str(cause) for cause in range(causes)] if causes > 1 else None
    y = survival_target(event, np.minimum(time, 8.0), entry=entry, causes=names)
    return X, periods_of(read_survival_target(y), 1.0), generator.integers(1, 4, n).astype(float)


def log_likelihood(likelihood, rows, theta, alpha) -> float:
    """The same by its definition, from expanded person-periods."""
    X, periods, weight, contract = rows
    cells = periods.expand(slice(0, len(X)))
    columns = [((X - likelihood.center) / likelihood.scale)[cells.row], likelihood.clock.basis[cells.period - 1]]
    if contract is not None:
        codes = likelihood.clock.contract_codes(contract[cells.row], cells.period[:, None])[:, 0]
        columns.append(likelihood.clock.contract_table[codes])
    eta = np.column_stack(columns) @ theta.T + alpha[:, cells.period - 1].T
    total, size = 0.0, weight[cells.row] * cells.weight
    if likelihood.link == "cloglog":
        hazard = -np.expm1(-np.exp(eta[:, 0]))
        return float(size @ np.log(np.where(cells.outcome == 1, hazard, 1 - hazard)))
    chances = np.column_stack([np.ones(len(eta)), np.exp(eta)])
    chances /= chances.sum(axis=1, keepdims=True)
    total += float(size @ np.log(chances[np.arange(len(eta)), cells.outcome]))
    return total


@pytest.mark.parametrize(
    ("link", "causes", "kind", "contract", "quarters"),
    [
        ("logit", 1, "dummy", False, False),
        ("logit", 1, "spline", True, True),
        ("logit", 2, "dummy", True, False),
        ("logit", 3, "spline", False, True),
        ("cloglog", 1, "dummy", True, True),
        ("cloglog", 1, "linear", False, False),
    ],
)
def test_likelihood_and_derivatives_are_those_of_the_expanded_rows(link, causes, kind, contract, quarters):
    X, periods, weight = world(3, causes=causes, quarters=quarters)
    generator = np.random.default_rng(5)
    terms = generator.integers(0, 4, len(X)).astype(float) if contract else None
    clock = Clock(kind, 1.0, periods.n_periods, knots=(1, 3, 6), contract="term" if contract else None)
    likelihood = HazardLikelihood(X, periods, weight, clock, contract=terms, n_causes=causes, link=link)
    theta = 0.3 * generator.standard_normal((causes, likelihood.n_columns))
    alpha = np.where(likelihood.free, -1 + 0.2 * generator.standard_normal(likelihood.free.shape), likelihood.fixed)
    seen = np.isfinite(alpha)
    rows = (X, periods, weight, terms)
    sums = likelihood.evaluate(theta, alpha)

    def value(t, a):
        return -log_likelihood(likelihood, rows, t, a)

    assert sums.value == pytest.approx(value(theta, alpha), rel=1e-12)
    step = 1e-5
    for index in np.ndindex(*theta.shape):
        move = np.zeros_like(theta)
        move[index] = step
        slope = (value(theta + move, alpha) - value(theta - move, alpha)) / (2 * step)
        assert sums.gradient[index] == pytest.approx(slope, rel=1e-5, abs=1e-4)
        ahead, behind = likelihood.evaluate(theta + move, alpha), likelihood.evaluate(theta - move, alpha)
        np.testing.assert_allclose(sums.hessian[index], (ahead.gradient - behind.gradient) / (2 * step), atol=1e-4)
        if likelihood.free.any():
            bend = (ahead.by_period - behind.by_period) / (2 * step)
            np.testing.assert_allclose((sums.cross[index] - bend)[likelihood.free & seen], 0.0, atol=1e-4)
    for cause, period in np.argwhere(likelihood.free):
        move = np.zeros_like(alpha)
        move[cause, period] = step
        ahead, behind = likelihood.evaluate(theta, alpha + move), likelihood.evaluate(theta, alpha - move)
        assert sums.by_period[cause, period] == pytest.approx((ahead.value - behind.value) / (2 * step), abs=1e-4)
        bend = (ahead.by_period - behind.by_period) / (2 * step)
        np.testing.assert_allclose(sums.diagonal[period, :, cause], bend[:, period], atol=1e-4)
        assert not np.delete(bend, period, axis=1).any()


def test_maximum_is_that_of_scikit_learn_on_the_expanded_matrix():
    X, periods, weight = world(1, n=400)
    clock = Clock("dummy", 1.0, periods.n_periods)
    fit = fit_logistic_hazard(HazardLikelihood(X, periods, weight, clock, l2=2.0))
    cells = periods.expand(slice(0, len(X)))
    # A penalty of the features alone: columns times 1e4 are as good as free.
    dummies = 1e4 * (cells.period[:, None] == clock.periods)
    peer = LogisticRegression(C=0.5, fit_intercept=False, solver="newton-cholesky", tol=1e-10)
    peer.fit(np.column_stack([X[cells.row], dummies]), cells.outcome, sample_weight=weight[cells.row])
    np.testing.assert_allclose(fit.coef[0], peer.coef_[0, :3], rtol=1e-5)


@given(st.integers(0, 10_000), st.sampled_from(["dummy", "spline", "linear"]), st.integers(1, 2))
def test_order_of_rows_and_whole_weights_change_nothing(seed, kind, causes):
    X, periods, weight = world(seed, n=80, causes=causes)
    clock = Clock(kind, 1.0, periods.n_periods, knots=(2, 4))

    def fit(rows: np.ndarray, given_weight: np.ndarray) -> LogisticFit:
        return fit_logistic_hazard(
            HazardLikelihood(X[rows], periods.take(rows), given_weight, clock, n_causes=causes, l2=0.1)
        )

    order = np.random.default_rng(seed).permutation(len(X))
    whole, shuffled = fit(np.arange(len(X)), weight), fit(order, weight[order])
    repeated = fit(np.repeat(np.arange(len(X)), weight.astype(int)), np.ones(int(weight.sum())))
    for other in (shuffled, repeated):
        # A penalty counts in the scale of the features, which repeated rows move by a little rounding only.
        np.testing.assert_allclose(other.coef, whole.coef, rtol=1e-5, atol=1e-7)
        assert other.loglik == pytest.approx(whole.loglik, rel=1e-9)


def test_the_same_rows_give_the_same_bytes():
    X, periods, weight = world(2, n=5000)
    fits = [fit_logistic_hazard(HazardLikelihood(X, periods, weight, Clock("dummy", 1.0, 8))) for _ in range(3)]
    assert len({fit.coef.tobytes() + fit.covariance.tobytes() for fit in fits}) == 1


def test_no_more_than_a_block_is_expanded(monkeypatch):
    generator = np.random.default_rng(0)
    n, months = 20_000, 60
    last = generator.integers(1, months + 1, n)
    ones = np.ones(n)
    periods = Periods(1.0, months, np.ones(n, dtype=np.int64), last, ones, ones, generator.integers(0, 2, n), True)
    likelihood = HazardLikelihood(generator.standard_normal((n, 2)), periods, ones, Clock("dummy", 1.0, months))
    cells = [
        (block.rows.stop - block.rows.start) * (block.periods.stop - block.periods.start) for block in likelihood.blocks
    ]
    assert max(cells) <= 1 << 16
    assert sum(cells) < 1.2 * periods.n_cells
    assert sum(block.rows.stop - block.rows.start for block in likelihood.blocks) == n
