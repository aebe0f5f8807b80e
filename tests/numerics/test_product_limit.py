"""Kaplan–Meier, Nelson–Aalen, Greenwood and the curve of censoring, against definitions and scikit-survival."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from churnlib.numerics import censoring_survival, greenwood, nelson_aalen, product_limit, risk_table
from tests.strategies import WatchedRows, watched_rows

# Weeks in remission under 6-MP (Freireich et al. 1963, Blood 21, 699-716); S and errors as R's survival prints them.
WEEKS = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
RELAPSE = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]


def test_a_published_curve():
    table = risk_table(WEEKS, RELAPSE)
    times = [6, 7, 10, 13, 16, 22, 23]
    S = product_limit(table)(times)
    assert S.round(3).tolist() == [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    error = S * np.sqrt(greenwood(table)(times))
    assert error.round(3).tolist() == [0.076, 0.087, 0.096, 0.107, 0.114, 0.128, 0.135]


@given(watched_rows())
def test_survival_falls_from_one_towards_nothing(rows: WatchedRows):
    table = risk_table(rows.time, rows.event, **rows.options)
    S, H, v = product_limit(table), nelson_aalen(table), greenwood(table)
    assert (S.before, H.before, v.before) == (1, 0, 0)
    for values in (-np.append(1.0, S.values), np.append(0, H.values), np.append(0, v.values)):
        assert (values[1:] >= values[:-1]).all()
    assert (S.values >= 0).all()
    assert (S.values <= np.exp(-H.values) + 1e-12).all()
    np.testing.assert_array_equal(np.isinf(v.values), S.values == 0)


@given(watched_rows(n_causes=3))
def test_several_causes_count_as_one(rows: WatchedRows):
    several = risk_table(rows.time, rows.event, n_causes=3, **rows.options)
    one = risk_table(rows.time, rows.event > 0, **rows.options)
    for curve in (product_limit, nelson_aalen):
        np.testing.assert_allclose(curve(several).values, curve(one).values, rtol=1e-12)


@given(watched_rows(entry=False, weight=False))
def test_everyone_has_left_or_was_lost_or_is_still_here(rows: WatchedRows):
    """S(t) G(t) is the share of those still under observation after t (Gill 1980)."""
    S = product_limit(risk_table(rows.time, rows.event))
    G = censoring_survival(rows.time, rows.event)
    watched = [(rows.time > t).mean() for t in S.times]
    np.testing.assert_allclose(S.values * G.values, watched, atol=1e-12)


@given(watched_rows(weight=False))
def test_the_curve_of_censoring_is_that_of_the_censored_a_moment_later(rows: WatchedRows):
    """Who leaves at t is not at risk to be censored at t: move censorings a little later, and swap the roles."""
    later = replace(rows, time=rows.time + 0.01 * (rows.event == 0))
    moved = product_limit(risk_table(later.time, later.event == 0, entry=later.entry))
    G = censoring_survival(rows.time, rows.event, entry=rows.entry)
    # With delayed entry those who enter at t would be at risk at t + .01.
    if rows.entry is None:
        np.testing.assert_allclose(G(rows.time), moved(rows.time + 0.02), atol=1e-12)


def test_events_at_a_time_are_not_in_the_risk_set_of_its_censorings():
    G = censoring_survival([1, 2, 2, 2, 3], [0, 1, 0, 1, 0])
    # At 2 there are 4 left; the 2 who leave are gone, and 1 of the other 2 is lost.
    assert G([1, 2, 3]).tolist() == [0.8, 0.4, 0.0]
    assert G.left([1, 2, 3]).tolist() == [1.0, 0.8, 0.4]


def test_codes_of_causes_are_events_to_the_censoring():
    assert censoring_survival([1, 2], [2, 0])([1, 2]).tolist() == [1, 0]


def test_censoring_agrees_with_scikit_survival():
    peer = pytest.importorskip("sksurv.nonparametric", reason="scikit-survival is not installed")
    rng = np.random.default_rng(3)
    time, event = rng.integers(1, 30, 400).astype(float), rng.random(400) < 0.4
    estimator = peer.CensoringDistributionEstimator().fit(
        np.array(list(zip(event, time, strict=True)), dtype=[("event", "?"), ("time", "<f8")])
    )
    G = censoring_survival(time, event)
    at = np.unique(time)
    np.testing.assert_allclose(G(at), estimator.predict_proba(at), rtol=1e-12)


def test_entries_count():
    table = risk_table([5, 8, 9], [1, 1, 0], entry=[0, 6, 2])
    assert product_limit(table)([5, 8]).tolist() == [0.5, 0.25]
    assert nelson_aalen(table)([5, 8]).tolist() == [0.5, 1.0]
    assert greenwood(table)([5, 8]).tolist() == [0.5, 1.0]


def test_the_same_bytes_again():
    rng = np.random.default_rng(0)
    time, event, weight = rng.random(1000), rng.random(1000) < 0.5, rng.random(1000)
    once, again = (product_limit(risk_table(time, event, weight=weight)).values for _ in range(2))
    assert once.tobytes() == again.tobytes()
