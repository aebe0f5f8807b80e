"""Errors: residuals by their definition, and intervals that cover as often as they say."""

import zlib

import numpy as np
import pytest

from churnlib.survival._cox_fit import CoxRows, CoxSettings, fit_cox
from churnlib.survival._cox_inference import invert, sandwich, score_residuals
from churnlib.targets import SurvivalRows
from tests.survival.cox_worlds import world


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_score_residuals_sum_to_the_score_and_are_their_definition(ties):
    w = world(120, 51)
    beta = np.array([0.4, -0.3, 0.2])
    likelihood = w.likelihood(ties)
    point = likelihood.at(likelihood.X @ beta)
    found = score_residuals(likelihood, point)
    np.testing.assert_allclose(found.sum(axis=0), likelihood.gradient(point), atol=1e-10)
    np.testing.assert_allclose(found, _defined(w, beta, ties), atol=1e-10)
    np.testing.assert_allclose(score_residuals(likelihood, point, slice(30, 50)), found[30:50], atol=1e-14)


def _defined(w, beta, ties):
    r = np.exp(w.X @ beta)
    out = np.zeros_like(w.X)
    for s in np.unique(w.stratum):
        for t in np.unique(w.time[w.event & (w.stratum == s)]):
            at_risk = (w.stratum == s) & (w.entry < t) & (t <= w.time)
            dead = (w.stratum == s) & w.event & (w.time == t)
            d = dead.sum()
            for turn in range(d):
                share = np.where(dead, 1 - turn / d if ties == "efron" else 1.0, 1.0) * at_risk
                mass = w.weight * r * share
                mean = mass @ w.X / mass.sum()
                hazard = w.weight[dead].mean() / mass.sum()
                out += dead[:, None] / d * (w.X - mean) - (r * share * hazard)[:, None] * (w.X - mean)
    return out * w.weight[:, None]


def test_customers_are_summed_before_they_are_squared():
    w = world(200, 52)
    likelihood = w.likelihood()
    point = likelihood.at(likelihood.X @ np.array([0.4, -0.3, 0.2]))
    inverse = invert(likelihood.information(point))
    residuals = score_residuals(likelihood, point)
    by_customer = np.array([residuals[w.customer == c].sum(axis=0) for c in np.unique(w.customer)])
    expected = inverse @ (by_customer.T @ by_customer) @ inverse
    codes = np.unique(w.customer, return_inverse=True)[1]
    np.testing.assert_allclose(sandwich(likelihood, point, inverse, codes), expected, rtol=1e-10)
    alone = inverse @ (residuals.T @ residuals) @ inverse
    np.testing.assert_allclose(sandwich(likelihood, point, inverse), alone, rtol=1e-10)


# ------------------------------------------------------------------ coverage


def _intervals(X, time, event, covariance, *, weight=None, customer=None):
    settings = CoxSettings("efron", 0.0, 0.0, "breslow", covariance, 1e-9, 50)
    data = CoxRows(X, SurvivalRows(event.astype(np.int64), time, None), weight, None)
    fit = fit_cox(data, settings, names=("x1", "x2"), customer=customer)
    return fit.found.beta, 1.959963984540054 * np.sqrt(np.diagonal(fit.covariance))


def _plain(generator):
    """Two features, half of 250 customers censored; the information is right."""
    X = generator.normal(size=(250, 2))
    lived, watched = generator.exponential(np.exp(-X @ [0.5, -0.3])), generator.exponential(1.2, 250)
    return {"model": _intervals(X, np.minimum(lived, watched), lived <= watched, "model")}, [0.5, -0.3]


def _weighted(generator):
    """Rows with weights that are no counts: the information takes them for customers."""
    X = generator.normal(size=(300, 2))
    lived, watched = generator.exponential(np.exp(-X @ [0.5, -0.3])), generator.exponential(1.2, 300)
    rows = X, np.minimum(lived, watched), lived <= watched
    weight = generator.choice([0.2, 1.0, 5.0], 300)
    kinds = ("model", "robust")
    return {kind: _intervals(*rows, kind, weight=weight) for kind in kinds}, [0.5, -0.3]


def _clustered(generator):
    """Customers with three contracts that share features and a frailty.

    A positive stable frailty of index a leaves hazards proportional, with coefficients a β
    (Hougaard 1986); it is drawn by the formula of Chambers, Mallows and Stuck (1976).
    """
    a, n = 0.6, 250
    angle, life = np.pi * generator.random(n), generator.exponential(size=n)
    frailty = (np.sin(a * angle) / np.sin(angle) ** (1 / a)) * (np.sin((1 - a) * angle) / life) ** ((1 - a) / a)
    X = np.repeat(generator.normal(size=(n, 2)), 3, axis=0)
    customer = np.repeat(np.arange(n), 3)
    lived = generator.exponential(np.exp(-X @ [0.5, -0.3]) / np.repeat(frailty, 3))
    watched = generator.exponential(1.5, 3 * n)
    rows = X, np.minimum(lived, watched), lived <= watched
    kinds = {"model": None, "robust": None, "cluster": customer}
    return {kind: _intervals(*rows, kind, customer=who) for kind, who in kinds.items()}, [a * 0.5, -a * 0.3]


def _coverage(draw, runs, name):
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    held, width = {}, {}
    for _ in range(runs):
        found, truth = draw(generator)
        for kind, (beta, half) in found.items():
            held.setdefault(kind, []).append(np.abs(beta - truth) <= half)
            width.setdefault(kind, []).append(2 * half)
    return tuple({kind: np.mean(values, axis=0) for kind, values in part.items()} for part in (held, width))


WORLDS = pytest.mark.parametrize(("draw", "right"), [(_plain, "model"), (_weighted, "robust"), (_clustered, "cluster")])


@WORLDS
def test_intervals_cover(draw, right, record_property):
    held, width = _coverage(draw, 400, f"test_intervals_cover{draw.__name__}")
    record_property("mean_width", width)
    assert ((held[right] >= 0.91) & (held[right] <= 0.9825)).all(), held
    for kind in held:
        if kind != right:
            assert (held[kind] < 0.91).all(), held  # the others promise too much


@pytest.mark.slow
@WORLDS
def test_intervals_cover_in_full(draw, right, record_property):
    held, width = _coverage(draw, 2000, f"test_intervals_cover_in_full{draw.__name__}")
    record_property("mean_width", width)
    assert ((held[right] >= 0.9335) & (held[right] <= 0.9655)).all(), held
