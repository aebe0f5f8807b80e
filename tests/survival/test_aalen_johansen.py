"""Aalen–Johansen: published numbers, R and scikit-survival, invariants, coverage, and why one minus S will not do."""

from __future__ import annotations

import itertools
import warnings
from zlib import crc32

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import AssumptionWarning, DataError, HistoryError, ParameterError
from churnlib.numerics import RiskTable
from churnlib.survival import AalenJohansen, KaplanMeier
from churnlib.survival._aalen_johansen import _TERMS
from churnlib.targets import survival_target
from tests.strategies import WatchedRows, watched_rows
from tests.survival.in_r import in_r

CAUSES = ["price", "moved"]
Y = survival_target([1, 0, 2, 1, 0, 0], [2, 3, 4, 4, 6, 8], causes=CAUSES)


def fitted(event, time, *, entry=None, weight=None, **options) -> AalenJohansen:
    y = survival_target(event, time, entry=entry, causes=CAUSES)
    return AalenJohansen(**options).fit(None, y, sample_weight=weight)


@pytest.fixture(scope="module")
def mgus2() -> tuple[pd.DataFrame, pd.DataFrame]:
    """1,373 people with a monoclonal gammopathy: progression (115) or death before it (854), in months; R's curves."""
    program = """
        m <- subset(mgus2, !is.na(age) & !is.na(sex) & !is.na(mspike))
        m$time <- with(m, ifelse(pstat == 0, futime, ptime))
        m$event <- with(m, ifelse(pstat == 0, 2 * death, 1))
        m$id <- seq_len(nrow(m))
        f <- survfit(Surv(time, factor(event)) ~ 1, id = id, data = m)
        s <- summary(f, times = c(1, 10, 60, 120, 240, 360))
        m[1:6, c("at", "F1", "F2", "se1", "se2")] <- cbind(s$time, s$pstate[, 2:3], s$std.err[, 2:3])
        m[, c("time", "event", "at", "F1", "F2", "se1", "se2")]"""
    both = in_r(program)
    return both[["time", "event"]], both.iloc[:6, 2:]


# ------------------------------------------------------------------ published numbers and other implementations


def test_mgus2(mgus2):
    rows, _ = mgus2
    incidence = fitted(rows["event"], rows["time"]).predict_cumulative_incidence(None, [60, 120, 240])[0]
    assert incidence[0] == pytest.approx([0.0343624247, 0.0641194775, 0.1002904086], abs=1e-10)
    assert incidence[1] == pytest.approx([0.3191698836, 0.5316100061, 0.7232364844], abs=1e-10)


def test_r_survfit_with_its_standard_errors(mgus2):
    rows, theirs = mgus2
    table = fitted(rows["event"], rows["time"]).table_
    for cause, columns in ((1, ["F1", "se1"]), (2, ["F2", "se2"])):
        ours = table[table["cause"] == cause].set_index("time")[["incidence", "standard_error"]]
        found = ours.loc[[ours.index[ours.index <= t].max() for t in theirs["at"]]]
        np.testing.assert_allclose(found, theirs[columns], rtol=1e-9, atol=1e-15)


def test_r_survfit_with_delayed_entry_and_weights():
    rng = np.random.default_rng(7)
    entry = np.where(rng.random(200) < 0.5, 0.0, rng.integers(0, 8, 200))
    time = entry + rng.integers(1, 20, 200)
    event, weight = rng.integers(0, 3, 200), rng.integers(1, 4, 200).astype(float)
    program = """
        d$id <- seq_len(nrow(d))
        f <- survfit(Surv(entry, time, factor(event)) ~ 1, id = id, weights = weight, data = d)
        data.frame(time = f$time, S = f$pstate[, 1], F1 = f$pstate[, 2], F2 = f$pstate[, 3])"""
    theirs = in_r(program, entry=entry, time=time, event=event, weight=weight)
    model = fitted(event, time, entry=entry, weight=weight)
    incidence = model.predict_cumulative_incidence(None, theirs["time"])[0]
    np.testing.assert_allclose(incidence.T, theirs[["F1", "F2"]], rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(model.predict_survival_function(None, theirs["time"])[0], theirs["S"], atol=1e-12)


def peer_table(event, time) -> list[pd.DataFrame]:
    nonparametric = pytest.importorskip("sksurv.nonparametric", reason="scikit-survival is not installed")
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        times, incidence, bounds = nonparametric.cumulative_incidence_competing_risks(
            np.asarray(event), np.asarray(time, dtype=float), conf_type="log-log", var_type="Aalen"
        )
    names = {"time": times}
    return [
        pd.DataFrame(names | {"incidence": incidence[k], "low": bounds[k][0], "high": bounds[k][1]}) for k in (1, 2)
    ]


@pytest.mark.parametrize("source", ["whole", "fractions", "cgvhd"])
def test_scikit_survival(source, request):
    if source == "cgvhd":
        frame = pd.read_csv(request.getfixturevalue("data_dir") / "cgvhd_competing.csv.gz")
        event = np.select([frame["cgvh"] == 1, frame["stat"] == 1], [1, 2], 0)
        time = frame["survtime"].where(event == 2, frame["cgvhtime"]).to_numpy(dtype=float)
    else:
        rng = np.random.default_rng(8)
        event, time = rng.integers(0, 3, 300), rng.exponential(20, 300) + 0.01
        time = np.ceil(time) if source == "whole" else time
    table = fitted(event, time, variance="aalen").table_
    for cause, theirs in enumerate(peer_table(event, time), start=1):
        ours = table[table["cause"] == cause].reset_index(drop=True)
        np.testing.assert_array_equal(ours["time"], theirs["time"])
        np.testing.assert_allclose(ours["incidence"], theirs["incidence"], rtol=1e-12)
        # Where all have left by then, or nobody by this cause, there is no bound over there.
        here = (theirs["incidence"] > 0) & (ours["survival"] > 0)
        assert here.sum() > 40
        np.testing.assert_allclose(ours.loc[here, ["low", "high"]], theirs.loc[here, ["low", "high"]], rtol=1e-8)


def test_one_minus_survival_overstates_a_cause():
    """Hazards .03 and .02: 41.9 % leave by the first within 24, but 51.2 % would if nobody left otherwise."""
    rng = np.random.default_rng(0)
    first, second = rng.exponential(1 / 0.03, 200_000), rng.exponential(1 / 0.02, 200_000)
    time, event = np.minimum(first, second), np.where(first < second, 1, 2)
    time, event = np.minimum(time, 60), np.where(time > 60, 0, event)
    truth = 0.03 / 0.05 * (1 - np.exp(-0.05 * 24))
    assert truth == pytest.approx(0.41928, abs=5e-6)
    competing = fitted(event, time).predict_churn_probability(None, 24, cause=1)[0]
    alone = KaplanMeier().fit(None, survival_target(event == 1, time)).predict_churn_probability(None, 24)[0]
    assert competing == pytest.approx(truth, abs=0.004)
    assert alone == pytest.approx(1 - np.exp(-0.03 * 24), abs=0.004)  # .513
    assert alone / competing > 1.2


# ------------------------------------------------------------------ what must hold


def quiet_fit(rows: WatchedRows, **options) -> AalenJohansen | None:
    """Fit, or return None where nobody is seen to leave while others are watched."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AssumptionWarning)
        try:
            return fitted(rows.event, rows.time, **rows.options, **options)
        except (DataError, HistoryError):
            return None


@given(watched_rows(n_causes=2), st.sampled_from(["delta", "aalen"]))
def test_incidences_and_survival_make_one(rows, variance):
    if rows.weight is not None:
        rows = WatchedRows(rows.time, rows.event, rows.entry, np.ceil(rows.weight))
    model = quiet_fit(rows, variance=variance)
    if model is None:
        return
    start, end = model.support_
    times = np.linspace(0, end, 17)
    F, S = model.predict_cumulative_incidence(None, times)[0], model.predict_survival_function(None, times)[0]
    np.testing.assert_allclose(F.sum(axis=0) + S, 1, atol=1e-12)
    assert (np.diff(F, axis=1) >= 0).all()
    low, high = (bound[0] for bound in model.predict_incidence_interval(None, times))
    assert ((low >= 0) & (low <= F) & (high >= F) & (high <= 1)).all()
    # Of those still here in the middle
    middle = (start + end) / 2
    if model.predict_survival_function(None, [middle])[0, 0] > 0:
        ahead = times[middle + times <= end]
        F_ahead = model.predict_cumulative_incidence(None, ahead, given=middle)[0]
        np.testing.assert_allclose(
            F_ahead.sum(axis=0) + model.predict_survival_function(None, ahead, given=middle)[0], 1, atol=1e-12
        )


@given(watched_rows(n_causes=2), st.randoms(use_true_random=False))
def test_neither_order_nor_numbers_of_causes_matter(rows, random):
    model = quiet_fit(rows)
    if model is None:
        return
    order = np.array(random.sample(range(len(rows.time)), len(rows.time)))
    swapped = quiet_fit(WatchedRows(rows.time, np.array([0, 2, 1])[rows.event], rows.entry, rows.weight).take(order))
    end = model.support_[1]
    ours, theirs = (each.predict_cumulative_incidence(None, [end / 2, end])[0] for each in (model, swapped))
    pad = 2 - min(len(ours), len(theirs))
    if not pad:
        np.testing.assert_allclose(ours, theirs[::-1], atol=1e-12)


@given(watched_rows(n_causes=1))
def test_one_cause_is_kaplan_and_meier_upside_down(rows):
    model = quiet_fit(rows)
    if model is None:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AssumptionWarning)
        y = survival_target(rows.event > 0, rows.time, entry=rows.entry)
        curve = KaplanMeier().fit(None, y, sample_weight=rows.weight).table_
    table = model.table_
    np.testing.assert_allclose(table["incidence"], 1 - curve["survival"], atol=1e-12)
    left = curve["survival"] > 0
    np.testing.assert_allclose(table["standard_error"][left], curve["standard_error"][left], atol=1e-7)


def by_definition(table: RiskTable, kind: str) -> np.ndarray:
    """Return the variance of each incidence at each time as the double sum that it is."""
    a, b, c = _TERMS[kind](table)
    S = np.cumprod((table.at_risk - table.left) / table.at_risk)
    before = np.append(1.0, S[:-1])
    F = np.cumsum(before * table.events / table.at_risk, axis=1)
    out = np.zeros(F.shape)
    for k, i in itertools.product(range(len(F)), range(len(S))):
        for j in range(i + 1):
            rise = F[k, i] - F[k, j]
            out[k, i] += rise**2 * a[j] + before[j] ** 2 * b[k, j] - 2 * rise * before[j] * c[k, j]
    return out


@given(watched_rows(n_causes=2, weight=False), st.sampled_from(["delta", "aalen"]))
def test_the_running_sums_are_the_double_sum(rows, kind):
    model = quiet_fit(rows, variance=kind)
    if model is None:
        return
    expected = np.maximum(by_definition(model.curves_[0].table, kind), 0)
    found = model.table_["standard_error"].to_numpy().reshape(expected.shape) ** 2
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_the_error_made_before_the_tenure_does_not_count():
    """Given a tenure, the variance is that of a curve of those who have reached it."""
    rng = np.random.default_rng(2)
    event, time = rng.integers(0, 3, 300), rng.integers(1, 40, 300)
    model = fitted(event, time)
    reached = time > 12
    fresh = fitted(event[reached], time[reached], entry=np.full(reached.sum(), 12.0))
    pairs = zip(
        model.predict_incidence_interval(None, [5, 15], given=12),
        fresh.predict_incidence_interval(None, [5, 15], given=12),
        strict=True,
    )
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)


# ------------------------------------------------------------------ causes, ends, errors


def test_names_of_causes():
    model = AalenJohansen(causes=CAUSES).fit(None, Y)
    assert model.causes_ == ("price", "moved")
    assert model.table_["cause"].unique().tolist() == CAUSES
    assert model.predict_churn_probability(None, 4, cause="moved")[0] == pytest.approx(5 / 24)
    assert AalenJohansen().fit(None, Y).causes_ == (1, 2)
    three = AalenJohansen(causes=[*CAUSES, "died"]).fit(None, Y)
    low, high = three.predict_incidence_interval(None, [4])
    # Nobody has died, of four watched until 4.
    assert three.predict_cumulative_incidence(None, [4])[0, 2, 0] == low[0, 2, 0] == 0
    assert high[0, 2, 0] == pytest.approx(1 - 0.025 ** (1 / 4))
    with pytest.raises(DataError, match="y holds cause 2, and causes names 1: price"):
        AalenJohansen(causes=["price"]).fit(None, Y)
    with pytest.raises(ParameterError, match=r"cause='pric' is not known \(did you mean 'price'\?\)"):
        model.predict_churn_probability(None, 4, cause="pric")


def test_everybody_has_left():
    model = fitted([1, 2, 1], [1, 2, 3])
    table = model.table_.set_index(["cause", "time"])
    assert table["incidence"].loc[[(1, 3), (2, 3)]].tolist() == pytest.approx([2 / 3, 1 / 3])
    assert table["standard_error"].loc[[(1, 3), (2, 3)]].tolist() == pytest.approx([np.sqrt(2 / 27)] * 2)
    assert np.isfinite(table[["low", "high"]].to_numpy()).all()


def test_all_by_one_cause():
    model = fitted([1, 1, 1], [1, 2, 3])
    last = model.table_.iloc[-1]
    assert (last["incidence"], last["high"]) == (pytest.approx(1), 1)
    assert last["low"] < 1


def test_strata_keep_their_causes_apart():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"plan": rng.choice(["a", "b"], 300)})
    event, time = rng.integers(0, 3, 300), rng.integers(1, 20, 300)
    y = survival_target(event, time, causes=CAUSES)
    model = AalenJohansen(strata="plan", causes=CAUSES).fit(frame, y)
    found = model.predict_cumulative_incidence(frame, [3, 9])
    lower, upper = model.predict_incidence_interval(frame, [3, 9])
    assert found.shape == lower.shape == upper.shape == (300, 2, 2)
    for plan in "ab":
        rows = (frame["plan"] == plan).to_numpy()
        alone = AalenJohansen(causes=CAUSES).fit(None, y[rows])
        for ours, theirs in (
            (found, alone.predict_cumulative_incidence(None, [3, 9])),
            (lower, alone.predict_incidence_interval(None, [3, 9])[0]),
            (upper, alone.predict_incidence_interval(None, [3, 9])[1]),
        ):
            np.testing.assert_array_equal(ours[rows], np.repeat(theirs, rows.sum(), axis=0))


def test_beyond_the_data():
    with pytest.raises(HistoryError, match="nobody was watched beyond 8"):
        AalenJohansen().fit(None, Y).predict_cumulative_incidence(None, [9])
    marked = AalenJohansen(beyond="nan").fit(None, Y)
    assert np.isnan(marked.predict_cumulative_incidence(None, [4, 9])).tolist() == [[[False, True]] * 2]
    assert np.isnan(marked.predict_incidence_interval(None, [4, 9])[0]).tolist() == [[[False, True]] * 2]
    held = AalenJohansen(beyond="hold").fit(None, Y)
    np.testing.assert_array_equal(*np.moveaxis(held.predict_cumulative_incidence(None, [8, 9])[0], 1, 0))


# ------------------------------------------------------------------ coverage


def coverage(simulations: int, name: str) -> pd.DataFrame:
    """Shares of intervals that hold the true incidences of two causes at three times, and given a tenure; widths."""
    rng = np.random.default_rng(crc32(name.encode()))
    n, rates, times = 150, np.array([0.03, 0.02]), np.array([8.0, 24.0, 40.0])
    share = rates / rates.sum()
    truth = np.concatenate([(1 - np.exp(-rates.sum() * t)) * share for t in (*times, 12.0)])
    lives = rng.exponential(1 / rates, (simulations, n, 2))
    life, lost = lives.min(axis=2), rng.uniform(5, 90, (simulations, n))
    event = np.where(life <= lost, lives.argmin(axis=2) + 1, 0)
    runs = pd.DataFrame({"run": np.arange(simulations)})  # each simulation is a stratum
    y = survival_target(event.ravel(), np.minimum(life, lost).ravel(), causes=CAUSES)
    model = AalenJohansen(strata="run", beyond="hold").fit(runs.loc[runs.index.repeat(n)], y)
    at, given = model.predict_incidence_interval(runs, times), model.predict_incidence_interval(runs, [12], given=10)
    low, high = (
        np.concatenate([at[side], given[side]], axis=2).swapaxes(1, 2).reshape(simulations, 8) for side in (0, 1)
    )
    held = (low <= truth) & (truth <= high)
    return pd.DataFrame({"held": held.mean(axis=0), "width": (high - low).mean(axis=0)})


def test_intervals_hold_the_truth(record_property):
    found = coverage(400, "test_intervals_hold_the_truth of incidences")
    record_property("coverage", found["held"].tolist())
    record_property("mean width", found["width"].tolist())
    assert found["held"].between(0.91, 0.9825).all()
    assert found["width"].between(0.08, 0.25).all()


@pytest.mark.slow
def test_intervals_hold_the_truth_in_full(record_property):
    found = coverage(2000, "test_intervals_hold_the_truth_in_full of incidences")
    record_property("coverage", found["held"].tolist())
    record_property("mean width", found["width"].tolist())
    assert found["held"].between(0.9335, 0.9655).all()
