"""Kaplan–Meier: published numbers, three other implementations, invariants, and the coverage of its intervals."""

from __future__ import annotations

import pickle
import warnings
from dataclasses import replace
from functools import cache
from zlib import crc32

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from churnlib.exceptions import AssumptionWarning, DataError, HistoryError, ParameterError
from churnlib.survival import KaplanMeier
from churnlib.targets import survival_target
from tests.strategies import WatchedRows, watched_rows
from tests.survival.in_r import in_r

Y = survival_target([1, 0, 1, 1, 0, 0], [2, 3, 4, 4, 6, 8])


def simulated(n: int, *, seed: int, whole: bool = True) -> dict[str, np.ndarray]:
    """Rows with delayed entry, whole weights and, if asked for, ties."""
    rng = np.random.default_rng(seed)
    entry = np.where(rng.random(n) < 0.6, 0.0, rng.uniform(0, 12, n))
    time = entry + rng.exponential(15, n) + 0.1
    if whole:
        entry, time = np.floor(entry), np.ceil(time)
    return {"entry": entry, "time": time, "event": rng.integers(0, 2, n), "weight": rng.integers(1, 4, n).astype(float)}


def fitted(rows: dict[str, np.ndarray], **options) -> KaplanMeier:
    y = survival_target(rows["event"], rows["time"], entry=rows["entry"])
    return KaplanMeier(**options).fit(None, y, sample_weight=rows["weight"])


# ------------------------------------------------------------------ published numbers and other implementations


@pytest.fixture
def rossi(data_dir):
    frame = pd.read_csv(data_dir / "rossi.csv.gz")
    return KaplanMeier().fit(frame, survival_target("arrest", "week", data=frame))


def test_rossi(rossi):
    """432 men released from prison, weeks until arrest (Rossi, Berk and Lenihan 1980); as R and lifelines have it."""
    table = rossi.table_.set_index("time")
    assert table.loc[[10, 25, 50], "survival"].tolist() == pytest.approx(
        [0.9652777778, 0.8819444444, 0.7453703704], abs=5e-11
    )
    assert table.loc[[10, 25, 50], "standard_error"].tolist() == pytest.approx(
        [0.0088082176, 0.0155246549, 0.0209603562], abs=5e-11
    )
    # Nobody is lost before the end, so S is the share still free.
    assert rossi.predict_survival_function(None, [50])[0, 0] == pytest.approx(322 / 432)


def test_rossi_s_restricted_mean_and_what_is_no_error_of_it(rossi):
    row = rossi.restricted_mean_table(50).iloc[0]
    assert row["mean"] == pytest.approx(44.3634259259, abs=5e-11)
    assert row["standard_error"] == pytest.approx(0.5741298, abs=5e-8)
    # Var(min(T, 50)), which is 432 times as large as the square of the error where nobody is lost.
    assert row["standard_deviation"] ** 2 == pytest.approx(142.3980, abs=5e-5)
    assert row["standard_deviation"] / np.sqrt(432) == pytest.approx(row["standard_error"])
    assert rossi.predict_expected_lifetime(None, until=50)[0] == pytest.approx(row["mean"])


def test_telco(data_dir):
    frame = pd.read_csv(data_dir / "telco_ibm.csv.gz")
    frame = frame[frame["tenure"] > 0]
    model = KaplanMeier().fit(frame, survival_target(frame["Churn"] == "Yes", frame["tenure"]))
    expected = [0.94596132, 0.88482624, 0.84319955, 0.78873640, 0.70884018, 0.59279015]
    assert model.predict_survival_function(None, [1, 6, 12, 24, 48, 72])[0] == pytest.approx(expected, abs=5e-9)
    hazard = model.predict_hazard(None, [1, 2, 3, 4])[0]
    assert hazard.round(4).tolist() == pytest.approx([0.054, 0.0192, 0.0152, 0.0139], abs=1e-4)


@cache
def survfit() -> tuple[dict[str, np.ndarray], pd.DataFrame]:
    """Return rows full of ties, with delayed entry and weights, and what R's survfit makes of them."""
    rows = simulated(150, seed=1)
    program = """
        one <- function(kind) {
            f <- survfit(Surv(entry, time, event) ~ 1, d, weights = weight, conf.type = kind, robust = FALSE)
            data.frame(kind, time = f$time, n = f$n.risk, d = f$n.event, c = f$n.censor, S = f$surv,
                       se = f$surv * f$std.err, low = f$lower, high = f$upper, H = f$cumhaz, se_H = f$std.chaz)
        }
        do.call(rbind, lapply(c("log-log", "log", "plain"), one))"""
    found = in_r(program, **rows)
    return rows, found[found["d"] + found["c"] > 0]  # R also has rows where somebody only enters


@pytest.mark.parametrize("kind", ["log-log", "log", "plain"])
def test_r_survfit(kind):
    rows, found = survfit()
    with warnings.catch_warnings():
        warnings.simplefilter("error", AssumptionWarning)
        table = fitted(rows, interval=kind).table_
    theirs = found[found["kind"] == kind]
    ours = table[["time", "at_risk", "events", "censored", "survival"]]
    np.testing.assert_allclose(ours, theirs[["time", "n", "d", "c", "S"]], rtol=1e-12, atol=1e-12)
    left = table["survival"].between(0, 1, inclusive="neither").to_numpy()
    assert left.sum() > 15
    pair = table.loc[left, ["standard_error", "low", "high"]], theirs.loc[left, ["se", "low", "high"]]
    np.testing.assert_allclose(*pair, rtol=1e-9, atol=1e-12)


def test_r_quantiles_and_restricted_means():
    rows = simulated(200, seed=2, whole=False)
    program = """
        f <- survfit(Surv(entry, time, event) ~ 1, d, weights = weight, conf.type = "log-log", robust = FALSE)
        q <- quantile(f, c(.2, .5, .7)); m <- summary(f, rmean = 18)$table
        data.frame(value = c(q$quantile, q$lower, q$upper, m["rmean"], m["se(rmean)"]))"""
    theirs = in_r(program, **rows)["value"].to_numpy()
    model = fitted(rows)
    found = model.quantile_table([0.2, 0.5, 0.7])
    np.testing.assert_allclose(found[["time", "low", "high"]].to_numpy().T.ravel(), theirs[:9], rtol=1e-12)
    start = model.support_[0]
    row = model.restricted_mean_table(18 - start).iloc[0]
    assert (row["mean"] + start, row["standard_error"]) == pytest.approx(theirs[9:], rel=1e-9)


def test_lifelines():
    lifelines = pytest.importorskip("lifelines", reason="lifelines is not installed, or pandas is too new for it")
    rows = simulated(300, seed=4)
    peer = lifelines.KaplanMeierFitter().fit(rows["time"], rows["event"], entry=rows["entry"], weights=rows["weight"])
    times = np.unique(rows["time"])
    ours = fitted(rows).predict_survival_function(None, times)[0]
    np.testing.assert_allclose(ours, peer.survival_function_at_times(times), rtol=1e-10)
    rows["entry"][:] = 0
    peer = lifelines.KaplanMeierFitter().fit(rows["time"], rows["event"])
    table = fitted(rows | {"weight": np.ones(300)}).table_
    theirs = peer.confidence_interval_.loc[table["time"]].to_numpy()
    some_left = table["survival"].between(0, 1, inclusive="neither").to_numpy()
    np.testing.assert_allclose(table.loc[some_left, ["low", "high"]], theirs[some_left], rtol=1e-9)


@pytest.mark.parametrize("whole", [True, False])
def test_scikit_survival(whole):
    nonparametric = pytest.importorskip("sksurv.nonparametric", reason="scikit-survival is not installed")
    rows = simulated(300, seed=5, whole=whole)
    time, S, (low, high) = nonparametric.kaplan_meier_estimator(
        rows["event"] > 0, rows["time"], time_enter=rows["entry"], conf_type="log-log"
    )
    ended = np.isin(time, rows["time"])  # there is a value for times at which somebody only enters, too
    time, S, low, high = time[ended], S[ended], low[ended], high[ended]
    table = fitted(rows | {"weight": np.ones(300)}).table_.set_index("time").loc[time]
    left = table["survival"].between(0, 1, inclusive="neither").to_numpy()
    np.testing.assert_allclose(table["survival"], S, rtol=1e-12)
    np.testing.assert_allclose(table.loc[left, ["low", "high"]], np.stack([low, high], axis=1)[left], rtol=1e-9)


# ------------------------------------------------------------------ what must hold


def target(rows: WatchedRows) -> np.ndarray:
    return survival_target(rows.event > 0, rows.time, entry=rows.entry)


def quiet_fit(rows: WatchedRows, **options) -> KaplanMeier | None:
    """Fit, or return None where nobody is seen to leave while others are watched."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AssumptionWarning)
        try:
            return KaplanMeier(**options).fit(None, target(rows), sample_weight=rows.weight)
        except (DataError, HistoryError):
            return None


@given(watched_rows(), st.floats(0.5, 0.99))
def test_survival_and_its_interval_are_shares_that_fall(rows, confidence):
    model = quiet_fit(rows)
    if model is None:
        return
    start, end = model.support_
    times = np.linspace(0, end, 23)
    S = model.predict_survival_function(None, times)[0]
    low, high = (bound[0] for bound in model.predict_survival_interval(None, times, confidence=confidence))
    assert (np.diff(S) <= 0).all()
    assert (S[times <= start] == 1).all()
    assert ((low >= 0) & (low <= S) & (high >= S) & (high <= 1)).all()
    incidence = model.predict_cumulative_incidence(None, times)
    assert incidence.shape == (1, 1, 23)
    np.testing.assert_allclose(incidence[0, 0] + S, 1, atol=1e-12)
    hazard = model.predict_hazard(None, times)[0]
    np.testing.assert_allclose(np.cumprod(np.nan_to_num(1 - hazard)), S, atol=1e-12)


@given(watched_rows(), st.floats(0, 1), st.floats(0, 1))
def test_what_is_ahead_is_a_ratio(rows, first, second):
    model = quiet_fit(rows, beyond="hold")
    if model is None:
        return
    start, end = model.support_
    s = start + first * (end - start)
    t = second * (end - s)
    S_s, S_st = model.predict_survival_function(None, [s, s + t])[0]
    if S_s > 0:
        ahead = model.predict_survival_function(None, [t], given=s)[0, 0]
        assert S_s * ahead == pytest.approx(S_st, abs=1e-12)
        assert model.predict_churn_probability(None, t, given=s)[0] == pytest.approx(1 - ahead) if t > 0 else True
        alone = model.predict_expected_lifetime(None, given=s, until=t)[0] if t > 0 else 0.0
        both = model.predict_expected_lifetime(None, given=start, until=s + t - start)[0] if s + t > start else 0.0
        before = model.predict_expected_lifetime(None, given=start, until=s - start)[0] if s > start else 0.0
        assert before + S_s * alone == pytest.approx(both, abs=1e-9)


@given(watched_rows(weight=False), st.randoms(use_true_random=False))
def test_order_of_rows_and_a_row_written_twice(rows, random):
    model = quiet_fit(rows)
    if model is None:
        return
    order = np.array(random.sample(range(len(rows.time)), len(rows.time)))
    pd.testing.assert_frame_equal(quiet_fit(rows.take(order)).table_, model.table_, check_exact=True)
    counts = np.array([random.randint(1, 3) for _ in rows.time])
    twice = quiet_fit(rows.take(np.repeat(np.arange(len(counts)), counts)))
    weighted = quiet_fit(replace(rows, weight=counts.astype(float)))
    pd.testing.assert_frame_equal(twice.table_, weighted.table_)


@given(watched_rows(), st.data())
def test_splitting_a_row_changes_nothing(rows, data):
    model = quiet_fit(rows)
    if model is None:
        return
    entry = np.zeros(len(rows.time)) if rows.entry is None else rows.entry
    cut = data.draw(st.integers(0, len(entry) - 1))
    middle = (entry[cut] + rows.time[cut]) / 2
    here = np.arange(len(entry)) == cut
    pieces = WatchedRows(
        np.append(np.where(here, middle, rows.time), rows.time[cut]),
        np.append(np.where(here, 0, rows.event), rows.event[cut]),
        np.append(entry, middle),
        None if rows.weight is None else np.append(rows.weight, rows.weight[cut]),
    )
    split = quiet_fit(pieces)
    assert split.support_ == model.support_
    ours, theirs = (
        table[table["events"] > 0].drop(columns="censored").reset_index(drop=True)
        for table in (split.table_, model.table_)
    )
    pd.testing.assert_frame_equal(ours, theirs)


@given(watched_rows(entry=False, weight=False, whole=True))
def test_the_short_way_is_the_long_way(rows):
    """Whole times of one cause from the start are counted where they lie; weights of one lead through the base."""
    short = quiet_fit(rows)
    if short is None:
        return
    long = quiet_fit(replace(rows, weight=np.ones(len(rows.time))))
    pd.testing.assert_frame_equal(short.table_, long.table_, check_exact=True)
    assert (short.support_, short.causes_, short.strata_) == (long.support_, long.causes_, long.strata_)
    np.testing.assert_array_equal(short.times_, long.times_)
    np.testing.assert_array_equal(short.censoring_.values, long.censoring_.values)
    np.testing.assert_array_equal(short.censoring_.times, long.censoring_.times)


def test_clone_pickle_and_the_same_bytes():
    rows = simulated(5000, seed=0)
    model = fitted(rows, interval="log")
    stored = pickle.dumps(model)
    assert len(stored) < 20_000
    pd.testing.assert_frame_equal(pickle.loads(stored).table_, model.table_, check_exact=True)
    assert clone(model).get_params() == model.get_params()
    assert pickle.dumps(fitted(rows, interval="log")) == stored


def test_several_causes_count_as_one():
    codes = survival_target([1, 0, 2, 1, 0, 0], [2, 3, 4, 4, 6, 8], causes=["price", "moved"])
    pd.testing.assert_frame_equal(KaplanMeier().fit(None, codes).table_, KaplanMeier().fit(None, Y).table_)
    assert KaplanMeier().fit(None, codes).causes_ == (1,)


# ------------------------------------------------------------------ ends of the curve


def test_nobody_has_left_yet():
    model = KaplanMeier().fit(None, survival_target([0, 1, 0], [1, 5, 9]))
    low, high = model.predict_survival_interval(None, [0.5, 1, 3])
    # All three were watched at 1, and two of them between 1 and 5.
    assert low[0] == pytest.approx([0.025 ** (1 / 3), 0.025 ** (1 / 3), 0.025 ** (1 / 3)])
    assert (high == 1).all()
    assert model.restricted_mean_table(3).iloc[0][["mean", "low", "high"]].tolist() == pytest.approx(
        [3, 3 * 0.025 ** (1 / 3), 3]
    )


def test_nobody_is_left():
    model = KaplanMeier().fit(None, survival_target([1, 1, 1], [1, 2, 3]))
    table = model.table_
    assert table["survival"].tolist() == pytest.approx([2 / 3, 1 / 3, 0])
    assert np.isnan(table["standard_error"].iloc[-1])
    assert (table["low"].iloc[-1], table["high"].iloc[-1]) == (0, table["high"].iloc[-2])
    assert model.predict_expected_lifetime(None)[0] == pytest.approx(2)
    with pytest.raises(HistoryError, match="1 of 1 customers have a tenure at which, by the curve, nobody is left"):
        model.predict_survival_function(None, [0], given=3)
    kept = KaplanMeier(beyond="hold").fit(None, survival_target([1, 1, 1], [1, 2, 3]))
    assert np.isnan(kept.predict_survival_function(None, [1], given=3)).all()


@pytest.mark.parametrize(("beyond", "last"), [("nan", np.nan), ("hold", 5 / 12)])
def test_beyond_the_data(beyond, last):
    model = KaplanMeier(beyond=beyond).fit(None, Y)
    np.testing.assert_allclose(model.predict_survival_function(None, [4, 9]), [[5 / 12, last]])
    low, high = model.predict_survival_interval(None, [9])
    assert np.isnan(low[0, 0]) == np.isnan(high[0, 0]) == np.isnan(last)
    with pytest.raises(HistoryError, match="up to 9 are asked for, and nobody was watched beyond 8"):
        KaplanMeier().fit(None, Y).predict_survival_interval(None, [9])


def test_delayed_entry_makes_it_the_curve_of_those_who_got_there():
    y = survival_target([1, 1, 1, 1, 0], [2, 6, 7, 9, 9], entry=[0, 3, 3, 4, 4])
    with pytest.warns(AssumptionWarning, match="the curve runs from tenure 3 to 9, and 1 of 4 departures lie outside"):
        model = KaplanMeier().fit(None, y)
    assert model.support_ == (3, 9)
    assert model.predict_survival_function(None, [2, 3, 6])[0].tolist() == pytest.approx([1, 1, 0.75])
    assert model.predict_survival_function(None, [3], given=3)[0, 0] == pytest.approx(0.75)
    with pytest.raises(HistoryError, match="1 tenures of given are below 3, before which nobody was watched"):
        model.predict_survival_function(None, [3], given=2)


def test_min_at_risk():
    y = survival_target([1, 1, 0, 0], [3, 9, 9, 9], entry=[0, 1, 2, 5])
    with pytest.warns(AssumptionWarning, match="from tenure 2 to 9"):
        assert KaplanMeier(min_at_risk=3).fit(None, y).support_ == (2, 9)
    with pytest.raises(HistoryError, match="at most 3 customers are at risk at once"):
        KaplanMeier(min_at_risk=4).fit(None, y)
    with pytest.raises(HistoryError, match="at most 6 customers are at risk at once"):
        KaplanMeier(min_at_risk=7).fit(None, Y)


def test_snapshots_need_their_entry():
    """Customers found at a cutoff, by how long they had stayed: taken as new ones they seem to stay for ever."""
    rng = np.random.default_rng(0)
    tenure, life = rng.uniform(0, 60, 500_000), 20 * rng.weibull(1.5, 500_000)
    found = life > tenure
    tenure, life = tenure[found], life[found]
    seen, end = life <= tenure + 12, np.minimum(life, tenure + 12)
    truth = np.exp(-((12 / 20) ** 1.5))
    late = KaplanMeier().fit(None, survival_target(seen, end, entry=tenure))
    early = KaplanMeier().fit(None, survival_target(seen, end))
    assert late.predict_survival_function(None, [12])[0, 0] == pytest.approx(truth, abs=0.01)
    assert early.predict_survival_function(None, [12])[0, 0] > truth + 0.15
    assert late.predict_churn_probability(None, 12, given=24)[0] == pytest.approx(
        1 - np.exp(1.2**1.5 - 1.8**1.5), abs=0.01
    )


# ------------------------------------------------------------------ tables


def test_quantiles():
    model = KaplanMeier().fit(None, survival_target([1, 1, 0, 1, 0], [1, 2, 3, 4, 5]))
    # S is .8, .6, .6, .3: a quarter has left at 2, two fifths exactly at 2, half at 4, and nobody sees 80 % leave.
    found = [model.predict_lifetime_quantile(None, share)[0] for share in (0, 0.2, 0.25, 0.4, 0.5, 0.8, 1)]
    assert found == [0, 1, 2, 2, 4, np.inf, np.inf]
    assert model.quantile_table([0.25, 0.5])["time"].tolist() == [2, 4]
    assert model.predict_lifetime_quantile(None, given=2)[0] == 2
    assert model.quantile_table(0.5, given=2)[["time", "low"]].to_numpy().tolist() == [[2, 1]]
    with pytest.raises(ParameterError, match=r"share=1\.5 is out of range"):
        model.predict_lifetime_quantile(None, 1.5)
    with pytest.raises(ParameterError, match=r"shares=-1\.0 is out of range"):
        model.quantile_table([-1.0])


def test_tables_given_a_tenure():
    model = KaplanMeier().fit(None, Y)
    row = model.restricted_mean_table(3, given=2).iloc[0]
    assert (row["given"], row["until"], row["mean"]) == (2, 3, pytest.approx(2.5))
    assert model.predict_expected_lifetime(None, given=2, until=3)[0] == pytest.approx(2.5)
    assert model.restricted_mean_table(given=2)["until"].tolist() == [6]
    with pytest.raises(HistoryError, match="tenures from 2 to 9 are asked for, and a curve runs from 0 to 8"):
        model.restricted_mean_table(7, given=2)
    with pytest.raises(ParameterError, match="until is 0"):
        model.restricted_mean_table(0)
    with pytest.raises(ParameterError, match=r"given=-1\.0 is out of range"):
        model.quantile_table(given=-1)


def test_the_error_of_a_restricted_mean_by_hand():
    row = KaplanMeier().fit(None, Y).restricted_mean_table(6).iloc[0]
    # S is 1 to 2, 5/6 to 4 and 5/12 to 6; from 2 on the area is 5/2, from 4 on 5/6.
    assert row["mean"] == pytest.approx(2 + 2 * 5 / 6 + 2 * 5 / 12)
    assert row["standard_error"] ** 2 == pytest.approx(2.5**2 / (6 * 5) + (5 / 6) ** 2 * 2 / (4 * 2))
    square = 2**2 + 5 / 6 * (4**2 - 2**2) + 5 / 12 * (6**2 - 4**2)
    assert row["standard_deviation"] ** 2 == pytest.approx(square - row["mean"] ** 2)


def test_the_error_made_before_the_tenure_does_not_count():
    rows = simulated(200, seed=6) | {"weight": np.ones(200)}
    reached = rows["time"] > 9
    fresh = {name: column[reached] for name, column in rows.items()}
    fresh["entry"] = np.maximum(fresh["entry"], 9)
    for ours, theirs in zip(
        fitted(rows).predict_survival_interval(None, [3, 12], given=9),
        fitted(fresh).predict_survival_interval(None, [3, 12], given=9),
        strict=True,
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_confidence_widens():
    model = KaplanMeier().fit(None, Y)
    narrow, wide = (model.curve_table(confidence=c) for c in (0.5, 0.99))
    assert (wide["low"] <= narrow["low"]).all()
    assert (wide["high"] >= narrow["high"]).all()
    for method in (model.curve_table, model.quantile_table, model.restricted_mean_table):
        with pytest.raises(ParameterError, match="confidence is 2"):
            method(confidence=2)


def test_not_fitted():
    for name in ("curve_table", "quantile_table", "restricted_mean_table"):
        with pytest.raises(NotFittedError):
            getattr(KaplanMeier(), name)()


# ------------------------------------------------------------------ coverage


def coverage(simulations: int, name: str, *, entries: bool = False) -> pd.DataFrame:
    """Shares of intervals that hold the truth, and their mean widths: S at three times, S given a tenure, the mean.

    Each simulation is a stratum.
    """
    rng = np.random.default_rng(crc32(name.encode()))
    n, rate, times, until = 120, 1 / 20, np.array([5.0, 15.0, 30.0]), 25.0
    truth = np.concatenate([np.exp(-rate * times), [np.exp(-rate * 10)], [(1 - np.exp(-rate * until)) / rate]])
    shape = (simulations, n)
    entry = np.where(rng.random(shape) < 0.4, rng.uniform(0, 20, shape), 0.0) if entries else np.zeros(shape)
    life, lost = entry + rng.exponential(1 / rate, shape), entry + rng.uniform(5, 80, shape)
    y = survival_target((life <= lost).ravel(), np.minimum(life, lost).ravel(), entry=entry.ravel())
    runs = pd.DataFrame({"run": np.arange(simulations)})
    model = KaplanMeier(strata="run", beyond="hold").fit(runs.loc[runs.index.repeat(n)], y)
    at = model.predict_survival_interval(runs, times)
    given = model.predict_survival_interval(runs, [10], given=8)
    mean = model.restricted_mean_table(until)
    low, high = (
        np.column_stack([at[side], given[side], mean[name].to_numpy()]) for side, name in enumerate(["low", "high"])
    )
    held = (low <= truth) & (truth <= high)
    return pd.DataFrame({"held": held.mean(axis=0), "width": (high - low).mean(axis=0)})


@pytest.mark.parametrize("entries", [False, True])
def test_intervals_hold_the_truth(entries, record_property):
    found = coverage(400, f"test_intervals_hold_the_truth{entries}", entries=entries)
    record_property("coverage", found["held"].tolist())
    record_property("mean width", found["width"].tolist())
    assert found["held"].between(0.91, 0.9825).all()
    assert found["width"].iloc[:4].between(0.05, 0.25).all()


@pytest.mark.slow
@pytest.mark.parametrize("entries", [False, True])
def test_intervals_hold_the_truth_in_full(entries, record_property):
    found = coverage(2000, f"test_intervals_hold_the_truth_in_full{entries}", entries=entries)
    record_property("coverage", found["held"].tolist())
    record_property("mean width", found["width"].tolist())
    assert found["held"].between(0.9335, 0.9655).all()
