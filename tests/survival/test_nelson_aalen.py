"""Nelson–Aalen against R, lifelines and scikit-survival, and what must hold."""

from __future__ import annotations

import warnings
from zlib import crc32

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from churnlib.exceptions import AssumptionWarning, DataError, HistoryError
from churnlib.survival import KaplanMeier, NelsonAalen
from churnlib.targets import survival_target
from tests.strategies import watched_rows
from tests.survival.test_kaplan_meier import fitted as kaplan_meier
from tests.survival.test_kaplan_meier import simulated, survfit

Y = survival_target([1, 0, 1, 1, 0, 0], [2, 3, 4, 4, 6, 8])


def fitted(rows: dict[str, np.ndarray], **options) -> NelsonAalen:
    y = survival_target(rows["event"], rows["time"], entry=rows["entry"])
    return NelsonAalen(**options).fit(None, y, sample_weight=rows["weight"])


def test_r_survfit():
    rows, found = survfit()
    theirs = found[found["kind"] == "log"]
    table = fitted(rows).table_
    columns = ["time", "cumulative_hazard", "standard_error"]
    np.testing.assert_allclose(table[columns], theirs[["time", "H", "se_H"]], rtol=1e-10)


def test_lifelines():
    lifelines = pytest.importorskip("lifelines", reason="lifelines is not installed, or pandas is too new for it")
    rows = simulated(300, seed=4)
    peer = lifelines.NelsonAalenFitter(nelson_aalen_smoothing=False)
    peer.fit(rows["time"], rows["event"], entry=rows["entry"], weights=rows["weight"])
    table = fitted(rows).table_.query("events > 0")
    np.testing.assert_allclose(table["cumulative_hazard"], peer.cumulative_hazard_at_times(table["time"]), rtol=1e-10)


def test_scikit_survival():
    nonparametric = pytest.importorskip("sksurv.nonparametric", reason="scikit-survival is not installed")
    rows = simulated(300, seed=5) | {"entry": np.zeros(300), "weight": np.ones(300)}
    time, hazard = nonparametric.nelson_aalen_estimator(rows["event"] > 0, rows["time"])
    np.testing.assert_allclose(fitted(rows).predict_cumulative_hazard(None, time)[0], hazard, rtol=1e-12)


def test_its_survival_lies_above_kaplan_and_meier_s():
    rows = simulated(80, seed=3)
    times = np.unique(rows["time"])
    ours = fitted(rows).predict_survival_function(None, times)
    assert (ours >= kaplan_meier(rows).predict_survival_function(None, times)).all()
    ended = NelsonAalen().fit(None, survival_target([1, 1], [1, 2]))
    assert ended.predict_survival_function(None, [2])[0, 0] == pytest.approx(np.exp(-1.5))
    assert KaplanMeier().fit(None, survival_target([1, 1], [1, 2])).predict_survival_function(None, [2])[0, 0] == 0


@given(watched_rows())
def test_the_hazard_adds_up_and_its_interval_holds_it(rows):
    y = survival_target(rows.event > 0, rows.time, entry=rows.entry)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AssumptionWarning)
        try:
            model = NelsonAalen().fit(None, y, sample_weight=rows.weight)
        except (DataError, HistoryError):
            return
    start, end = model.support_
    times = np.linspace(0, end - start, 9)
    H = model.predict_cumulative_hazard(None, times, given=start)[0]
    low, high = (bound[0] for bound in model.predict_cumulative_hazard_interval(None, times, given=start))
    assert (np.diff(H) >= 0).all()
    assert ((low >= 0) & (low <= H) & (high >= H)).all()
    middle = times[4]
    later = model.predict_cumulative_hazard(None, times[times + middle <= end - start], given=start + middle)[0]
    np.testing.assert_allclose(H[4] + later, H[4 : 4 + len(later)], atol=1e-12)
    plain = NelsonAalen(interval="plain")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AssumptionWarning)
        plain.fit(None, y, sample_weight=rows.weight)
    low, high = (bound[0] for bound in plain.predict_cumulative_hazard_interval(None, times, given=start))
    assert ((low >= 0) & (low <= H) & (high >= H)).all()


def test_the_interval_on_either_scale():
    table = NelsonAalen().fit(None, Y).table_
    row = table.loc[2]
    spread = np.exp(1.959963984540054 * row["standard_error"] / row["cumulative_hazard"])
    assert (row["high"], row["low"]) == pytest.approx(
        (row["cumulative_hazard"] * spread, row["cumulative_hazard"] / spread)
    )
    row = NelsonAalen(interval="plain").fit(None, Y).curve_table(confidence=0.9).loc[2]
    assert row["high"] - row["cumulative_hazard"] == pytest.approx(1.6448536269514722 * row["standard_error"])


def test_without_a_departure_the_hazard_is_bounded_by_the_number_watched():
    model = NelsonAalen().fit(None, survival_target([0, 1, 0], [1, 5, 9]))
    low, high = model.predict_cumulative_hazard_interval(None, [3])
    assert (low[0, 0], np.exp(-high[0, 0])) == (0, pytest.approx(0.025 ** (1 / 3)))


def test_intervals_hold_the_truth(record_property):
    rng = np.random.default_rng(crc32(b"test_intervals_hold_the_truth of the cumulative hazard"))
    times, n = np.array([5.0, 15.0, 30.0]), 120
    life, lost = rng.exponential(20, (400, n)), rng.uniform(5, 80, (400, n))
    runs = pd.DataFrame({"run": np.arange(400)})  # each simulation is a stratum
    model = NelsonAalen(strata="run", beyond="hold").fit(
        runs.loc[runs.index.repeat(n)], survival_target((life <= lost).ravel(), np.minimum(life, lost).ravel())
    )
    low, high = model.predict_cumulative_hazard_interval(runs, times)
    held = ((low <= times / 20) & (times / 20 <= high)).mean(axis=0)
    record_property("coverage", held.tolist())
    record_property("mean width", (high - low).mean(axis=0).tolist())
    assert ((held >= 0.91) & (held <= 0.9825)).all()
