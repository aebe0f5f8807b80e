"""Intervals of uplift metrics: influences against derivatives, customers, weights, and their coverage."""

from __future__ import annotations

import zlib
from functools import cache

import numpy as np
import pandas as pd
import pytest

from churnlib.exceptions import AssumptionWarning, DataError, ParameterError
from churnlib.metrics._uplift_effects import ranked_effects
from churnlib.metrics._uplift_interval import autoc_interval, auuc_interval, qini_interval
from churnlib.metrics._uplift_ranked import RankedEffects
from churnlib.metrics._uplift_score import autoc_score, auuc_score, qini_score
from churnlib.metrics._uplift_top import uplift_at_k, uplift_at_k_interval
from tests.metrics.uplift_worlds import campaign

METRICS = ("qini", "auuc", "autoc", "uplift_at", "difference")
WORLDS = {
    "drawn by lot": {},
    "few scores, rows repeated": {"levels": 1, "repeated": True},
    "confounded, rows repeated": {"confounded": True, "repeated": True},
    "share estimated, few scores": {"levels": 2, "propensity": "estimate"},
}


def ranked(name: str, rng: np.random.Generator, customers: int) -> tuple[RankedEffects, RankedEffects, np.ndarray]:
    options = dict(WORLDS[name])
    propensity = options.pop("propensity", None)
    rows = campaign(rng, customers, **options)
    found, _ = ranked_effects(
        rows["outcome"],
        rows["score"],
        treatment=rows["treatment"],
        propensity=rows["propensity"] if propensity is None else propensity,
        sample_weight=None,
    )
    other = RankedEffects(found._effect, rows["other"])
    other._share = found._share
    return found, other, rows["owner"]


@cache
def truth(name: str) -> np.ndarray:
    values = []
    for part in range(3):
        found, other, _ = ranked(name, np.random.default_rng([1, part]), 300_000)
        values.append([found.qini(), found.auuc(), found.autoc(), found.uplift_at(0.3), found.qini() - other.qini()])
    return np.mean(values, axis=0)


@cache
def coverage(name: str, repetitions: int) -> tuple[np.ndarray, np.ndarray]:
    """Share of the intervals that hold the truth, and their mean width, for each metric."""
    seed, held, width = zlib.crc32(name.encode()), np.zeros(5), np.zeros(5)
    for repetition in range(repetitions):
        found, other, owner = ranked(name, np.random.default_rng([seed, repetition]), 1500)
        customer = owner if WORLDS[name].get("repeated") else None
        intervals = [found.interval(metric, customer=customer) for metric in METRICS[:3]]
        intervals.append(found.interval("uplift_at", k=0.3, customer=customer))
        intervals.append(found.interval("qini", versus=other, customer=customer))
        held += [interval.low <= true <= interval.high for interval, true in zip(intervals, truth(name), strict=True)]
        width += [interval.high - interval.low for interval in intervals]
    return held / repetitions, width / repetitions


@pytest.mark.parametrize("name", list(WORLDS))
def test_coverage(name: str, record_property) -> None:
    held, width = coverage(name, 400)
    record_property("coverage", dict(zip(METRICS, held, strict=True)))
    record_property("width", dict(zip(METRICS, width, strict=True)))
    assert (held >= 0.91).all(), held
    assert (held <= 0.9825).all(), held


@pytest.mark.slow
@pytest.mark.parametrize("name", list(WORLDS))
def test_coverage_in_full(name: str, record_property) -> None:
    held, width = coverage(name, 2000)
    record_property("coverage", dict(zip(METRICS, held, strict=True)))
    record_property("width", dict(zip(METRICS, width, strict=True)))
    assert (held >= 0.9335).all(), held
    assert (held <= 0.9655).all(), held


@pytest.mark.parametrize(("levels", "close"), [(1, 0.01), (4, 0.08), (0, 0.08)])
def test_an_influence_is_the_derivative_by_the_weight_of_the_row(levels: int, close: float) -> None:
    rows = campaign(np.random.default_rng(2), 400, levels=levels)
    found, _ = ranked_effects(
        rows["outcome"], rows["score"], treatment=rows["treatment"], propensity=0.5, sample_weight=None
    )
    step = 1e-5
    for metric in ("qini", "auuc", "autoc"):
        influence = found._in_given_order(found._influence(metric, None, None)[1])
        derivative = []
        for row in range(0, 400, 7):
            moved = np.ones((2, 400))
            moved[:, row] += [step, -step]
            derivative.append(np.subtract(*(getattr(found, metric)(weight) for weight in moved)) / (2 * step))
        # harmonic numbers are followed as logarithms, which they differ from at the first places
        off = np.linalg.norm(influence[::7] - derivative) / np.linalg.norm(derivative)
        assert off < (close if metric == "autoc" else 1e-6)


def test_a_thick_block_of_ties_moves_as_one() -> None:
    # Effects of 5 for the best 600 rows and of 1 for the others, told apart by two scores.
    rng = np.random.default_rng(0)
    share = 0.3
    values, errors = [], []
    for _ in range(300):
        score = (rng.random(2000) < share).astype(float)
        found = RankedEffects(1 + 4 * score + rng.normal(size=2000), score).interval("autoc")
        values.append(found.value)
        errors.append(found.standard_error)
    assert np.mean(values) == pytest.approx(4 * -share * np.log(share), abs=0.01)
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.1)


def test_an_influence_on_a_list_is_its_derivative() -> None:
    rows = campaign(np.random.default_rng(3), 300, levels=1)
    weight = np.random.default_rng(4).uniform(0.5, 2, 300)
    found, _ = ranked_effects(
        rows["outcome"], rows["score"], treatment=rows["treatment"], propensity=0.5, sample_weight=None
    )
    for k in (0.05, 0.5, 1.0):
        influence = found._in_given_order(found._influence("uplift_at", k, weight)[1])
        derivative = []
        for row in range(0, 300, 11):
            moved = np.tile(weight, (2, 1))
            moved[:, row] += [1e-5, -1e-5]
            derivative.append(np.subtract(*(found.uplift_at(k, w) for w in moved)) / 2e-5 * weight[row])
        assert influence[::11] == pytest.approx(np.array(derivative), abs=1e-9)


def test_an_estimated_share_has_an_error_of_its_own() -> None:
    rows = campaign(np.random.default_rng(6), 500)
    y, s, t = rows["outcome"] + 3, rows["score"], rows["treatment"]
    step = 1e-6
    for metric in ("qini", "auuc", "autoc", "uplift_at"):
        k = 0.4 if metric == "uplift_at" else None
        kept, _ = ranked_effects(y, s, treatment=t, propensity="estimate", sample_weight=None)
        known, _ = ranked_effects(y, s, treatment=t, propensity=float(t.mean()), sample_weight=None)
        part = kept._influence(metric, k, None)[1] - known._influence(metric, k, None)[1]
        part = kept._in_given_order(part)
        shares = [
            ranked_effects(y, s, treatment=t, propensity=float(t.mean()) + by, sample_weight=None)[0]
            for by in (step, -step)
        ]
        values = [one.uplift_at(k) if k else getattr(one, metric)() for one in shares]
        slope = (values[0] - values[1]) / (2 * step)
        assert part == pytest.approx(slope * (t - t.mean()) / 500, abs=1e-8)


INTERVALS = {
    "qini": (qini_interval, qini_score, {}),
    "auuc": (auuc_interval, auuc_score, {}),
    "autoc": (autoc_interval, autoc_score, {}),
    "uplift_at": (uplift_at_k_interval, uplift_at_k, {"k": 0.25}),
}


@pytest.mark.parametrize("name", list(INTERVALS))
def test_the_value_is_the_metric(name: str) -> None:
    interval, score, options = INTERVALS[name]
    rows = campaign(np.random.default_rng(7), 300, levels=2, repeated=True)
    y, s, t = rows["outcome"], rows["score"], rows["treatment"]
    arms = {"treatment": t, "propensity": 0.5, **options}
    found = interval(y, s, customer=rows["owner"], **arms)
    assert found.value == score(y, s, **arms)
    assert found.high - found.value == pytest.approx(1.959964 * found.standard_error, rel=1e-6)
    assert (found.n_customers, interval(y, s, **arms).n_customers) == (300, y.size)
    wider = interval(y, s, confidence=0.99, customer=rows["owner"], **arms)
    assert wider.low < found.low < found.high < wider.high
    pair = interval(y, s, versus=rows["other"], **arms)
    assert pair.value == pytest.approx(score(y, s, **arms) - score(y, rows["other"], **arms))
    back = interval(y, rows["other"], versus=s, **arms)
    assert (back.value, back.standard_error) == pytest.approx((-pair.value, pair.standard_error))
    same = interval(y, s, versus=s, **arms)
    assert (same.value, same.standard_error, same.excludes_zero) == (0.0, 0.0, False)


@pytest.mark.parametrize("name", list(INTERVALS))
def test_rows_of_a_customer_are_one_observation(name: str) -> None:
    interval, _, options = INTERVALS[name]
    rows = campaign(np.random.default_rng(8), 200)
    y, s, t = rows["outcome"], rows["score"], rows["treatment"]
    weight = np.random.default_rng(9).integers(1, 4, 200)
    again = np.repeat(np.arange(200), weight)
    for propensity in (0.5, "estimate"):
        arms = {"propensity": propensity, **options}
        weighted = interval(y, s, treatment=t, sample_weight=weight, **arms)
        repeated = interval(y[again], s[again], treatment=t[again], customer=again, **arms)
        assert repeated.n_customers == weighted.n_customers == 200
        assert repeated.value == pytest.approx(weighted.value)
        # a list's end is looked at through a window, which is smaller among more rows
        close = 0.05 if name == "uplift_at" else 1e-9
        assert repeated.standard_error == pytest.approx(weighted.standard_error, rel=close)
        assert interval(y[again], s[again], treatment=t[again], **arms).standard_error < repeated.standard_error


def test_customers_are_read_from_the_index_and_rows_may_be_shuffled() -> None:
    rows = campaign(np.random.default_rng(10), 200, levels=3, repeated=True)
    index = pd.MultiIndex.from_arrays([rows["owner"], range(rows["owner"].size)], names=["customer_id", "cutoff"])
    y, s, t = (pd.Series(rows[name], index=index) for name in ("outcome", "score", "treatment"))
    named = rows["owner"].astype(str)
    found = qini_interval(y, s, treatment=t, propensity=0.5)
    assert found.n_customers == 200
    assert found == qini_interval(y.to_numpy(), s.to_numpy(), treatment=t, propensity=0.5, customer=rows["owner"])
    order = np.random.default_rng(0).permutation(y.size)
    shuffled = qini_interval(
        rows["outcome"][order],
        rows["score"][order],
        treatment=rows["treatment"][order],
        propensity=0.5,
        customer=named[order],
    )
    assert shuffled.value == found.value
    assert shuffled.standard_error == pytest.approx(found.standard_error, rel=1e-12)


def test_a_constant_score_is_noted() -> None:
    rows = campaign(np.random.default_rng(11), 100)
    for interval, expected in ((qini_interval, 0.0), (autoc_interval, 0.0)):
        with pytest.warns(AssumptionWarning, match="all 100 scores are equal") as noted:
            found = interval(rows["outcome"], np.ones(100), treatment=rows["treatment"], propensity=0.5)
        assert (found.value, found.standard_error) == pytest.approx((expected, 0.0), abs=1e-13)
        assert noted[0].filename == __file__


def test_bad_input_is_named() -> None:
    y, s, t = [1.0, 0.0, 1.0, 0.0], [4, 3, 2, 1], [1, 0, 1, 0]
    arms = {"treatment": t, "propensity": 0.5}
    for interval, _, options in INTERVALS.values():
        with pytest.raises(ParameterError, match="confidence is 95"):
            interval(y, s, confidence=95, **arms, **options)
        with pytest.raises(DataError, match="there are 1 customers"):
            interval(y, s, customer=["a"] * 4, **arms, **options)
        with pytest.raises(DataError, match=r"customer has shape \(2,\) for 4 rows"):
            interval(y, s, customer=["a", "b"], **arms, **options)
        with pytest.raises(DataError, match=r"1 of 4 rows have no customer \(row 1\)"):
            interval(y, s, customer=["a", None, "b", "c"], **arms, **options)
        with pytest.raises(DataError, match="score has 2 rows and the outcome 4"):
            interval(y, s, versus=[1, 2], **arms, **options)
        with pytest.raises(ParameterError, match="treatment is None"):
            interval(y, s, treatment=None, propensity=0.5, **options)
    with pytest.raises(ParameterError, match="k is 2; a share of the rows"):
        uplift_at_k_interval(y, s, k=2, **arms)
    with pytest.raises(DataError, match="outcome and versus hold the same 4 labels in different orders"):
        qini_interval(pd.Series(y, list("abcd")), s, versus=pd.Series(s, list("dcba")), **arms)
    with pytest.raises(DataError, match="there are 1 customers; an interval needs"):
        RankedEffects([1.0], [1.0]).interval("qini")


@pytest.mark.parametrize("name", ["customer", "sample_weight"])
def test_customers_and_weights_in_another_order_are_refused(name: str) -> None:
    outcome = pd.Series([1, 0, 0, 1], index=list("abcd"))
    turned = {name: pd.Series([1, 1, 2, 3], index=list("dcba"))}
    with pytest.raises(DataError, match=f"and {name} hold the same 4 labels in different orders"):
        qini_interval(outcome, [4, 3, 2, 1], treatment=[0, 1, 0, 1], propensity=0.5, **turned)
    with pytest.raises(DataError, match=f"rows and {name} hold the same 4 labels in different orders"):
        RankedEffects(outcome, [4, 3, 2, 1]).interval("qini", **turned)
