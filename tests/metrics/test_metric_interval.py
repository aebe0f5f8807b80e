"""Intervals: against published variances, against the bootstrap, and their coverage."""

from __future__ import annotations

import zlib
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

from churnlib.exceptions import AssumptionWarning, DataError, ParameterError
from churnlib.metrics import (
    RankedOutcomes,
    auc_interval,
    empb_score,
    empc_score,
    metric_interval,
    mpc_score,
    profit_interval,
)
from tests.metrics.profit_worlds import PAPER, b2b, g3, paper


def world(rng: np.random.Generator, customers: int) -> tuple[np.ndarray, ...]:
    """Customers with one to three rows each that resemble each other: owner, outcome, two scores."""
    owner = np.repeat(np.arange(customers), rng.integers(1, 4, customers))
    risk = rng.normal(size=customers)[owner]
    y = (rng.random(customers)[owner] < 1 / (1 + np.exp(1.8 - risk))).astype(int)
    return owner, y, 1 / (1 + np.exp(1.8 - risk)), risk + rng.normal(size=owner.size)


MEASURES = {
    "auc": lambda y, s, other, owner: auc_interval(y, s, customer=owner),
    "auc difference": lambda y, s, other, owner: auc_interval(y, s, versus=other, customer=owner),
    "empc": lambda y, s, other, owner: profit_interval(y, s, offer=PAPER, customer=owner),
    "empc difference": lambda y, s, other, owner: profit_interval(y, s, offer=PAPER, versus=other, customer=owner),
}


@cache
def truth() -> dict[str, float]:
    _, y, s, other = world(np.random.default_rng(1), 300_000)
    auc = [RankedOutcomes(y, scores).auc() for scores in (s, other)]
    empc = [empc_score(y, scores, offer=PAPER) for scores in (s, other)]
    return {"auc": auc[0], "auc difference": auc[0] - auc[1], "empc": empc[0], "empc difference": empc[0] - empc[1]}


def coverage(name: str, repetitions: int) -> tuple[float, float]:
    known, held, width = truth()[name], 0, 0.0
    for repetition in range(repetitions):
        owner, y, s, other = world(np.random.default_rng([zlib.crc32(name.encode()), repetition]), 1500)
        interval = MEASURES[name](y, s, other, owner)
        held += interval.low <= known <= interval.high
        width += (interval.high - interval.low) / repetitions
    return held / repetitions, width


@pytest.mark.parametrize("name", list(MEASURES))
def test_coverage(name: str, record_property) -> None:
    held, width = coverage(name, 400)
    record_property("coverage", held)
    record_property("width", width)
    assert 0.91 <= held <= 0.9825


@pytest.mark.slow
@pytest.mark.parametrize("name", list(MEASURES))
def test_coverage_in_full(name: str, record_property) -> None:
    held, width = coverage(name, 2000)
    record_property("coverage", held)
    record_property("width", width)
    assert 0.9335 <= held <= 0.9655


def test_one_row_each_is_delong() -> None:
    rng = np.random.default_rng(3)
    y = np.arange(60) < 20
    one, two = rng.normal(size=(2, 60)).round(1) + 0.8 * y
    churners, stayers = [], []
    for s in (one, two):  # DeLong's placements by ranks (Sun and Xu 2014)
        everybody, own, others = rankdata(s), rankdata(s[y]), rankdata(s[~y])
        churners.append((everybody[y] - own) / 40)
        stayers.append(1 - (everybody[~y] - others) / 20)
    covariance = np.cov(churners) / 20 + np.cov(stayers) / 40
    found = auc_interval(y, one)
    assert found.value == pytest.approx(np.mean(churners[0]))
    assert found.standard_error == pytest.approx(np.sqrt(covariance[0, 0]))
    pair = auc_interval(y, one, versus=two)
    assert pair.value == pytest.approx(np.mean(churners[0]) - np.mean(churners[1]))
    assert pair.standard_error == pytest.approx(np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]))
    assert found.low < found.value < found.high <= 1


def test_the_bootstrap_agrees_with_what_is_published() -> None:
    owner, y, s, other = world(np.random.default_rng(4), 1000)
    analytic = auc_interval(y, s, versus=other, customer=owner)
    drawn = metric_interval(lambda ranked, w: ranked.auc(w), y, s, versus=other, customer=owner, n_boot=400)
    assert drawn.value == pytest.approx(analytic.value)
    assert drawn.standard_error == pytest.approx(analytic.standard_error, rel=0.15)
    assert drawn.n_customers == analytic.n_customers == 1000
    profit = profit_interval(y, s, offer=PAPER, customer=owner)
    drawn = metric_interval(lambda ranked, w: ranked.empc(PAPER, sample_weight=w), y, s, customer=owner, n_boot=200)
    assert profit.standard_error == pytest.approx(drawn.standard_error, rel=0.25)


def test_the_value_is_the_metric() -> None:
    y, s, clv = g3()
    assert profit_interval(y, s, offer=PAPER).value == pytest.approx(empc_score(y, s, offer=PAPER), rel=1e-12)
    assert profit_interval(y, s.round(1), offer=PAPER).value == pytest.approx(empc_score(y, s.round(1), offer=PAPER))
    fixed = paper(accept_rate=0.3)
    assert profit_interval(y, s, offer=fixed).value == pytest.approx(mpc_score(y, s, offer=fixed))
    assert profit_interval(y, s, offer=b2b(15), clv=clv).value == pytest.approx(
        empb_score(y, s, offer=b2b(15), clv=clv)
    )
    same = profit_interval(y, s, offer=PAPER, versus=s)
    assert (same.value, same.standard_error, same.excludes_zero) == (0.0, 0.0, False)
    top = np.where(s > 0.9, np.inf, s)
    assert profit_interval(y, top, offer=PAPER).value == pytest.approx(empc_score(y, top, offer=PAPER))


def test_customers_are_read_from_the_index() -> None:
    owner, y, s, _ = world(np.random.default_rng(5), 300)
    labelled = pd.Series(y, index=pd.MultiIndex.from_arrays([owner, range(len(y))], names=["customer_id", "cutoff"]))
    for interval in (auc_interval(labelled, s), profit_interval(labelled, s, offer=PAPER)):
        assert interval.n_customers == 300
    assert auc_interval(labelled, s) == auc_interval(y, s, customer=owner)
    assert auc_interval(y, s).n_customers == len(y)
    assert auc_interval(y, s).standard_error < auc_interval(labelled, s).standard_error


def test_bad_input_is_named() -> None:
    with pytest.raises(DataError, match="all 2 rows are stayers"):
        auc_interval([0, 0], [1, 2])
    with pytest.raises(DataError, match="1 customers left and 2 stayed; a standard error needs two of each"):
        auc_interval([1, 0, 0], [1, 2, 3])
    with pytest.raises(DataError, match="there are 1 customers"):
        profit_interval([1, 0], [1, 2], offer=PAPER, customer=["a", "a"])
    with pytest.raises(ParameterError, match="confidence is 95"):
        auc_interval([1, 1, 0, 0], [4, 2, 3, 1], confidence=95)
    with pytest.warns(AssumptionWarning, match="nobody is contacted"):
        assert profit_interval([1, 0], [1, 2], offer=paper(clv=5)).value == 0.0
