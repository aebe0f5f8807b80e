"""A baseline for each stratum, and nothing said past the end of its watch."""

import numpy as np
import pandas as pd
import pytest

from churnlib.exceptions import DataError, HistoryError
from churnlib.metrics import concordance_score
from churnlib.survival import CoxModel
from churnlib.targets import survival_target
from tests.survival.cox_worlds import world


@pytest.fixture(scope="module")
def stratified():
    w = world(400, 31)
    frame = w.frame()
    frame["plan"] = np.array(["basic", "gold", "silver"])[w.stratum]
    short = (frame["plan"] == "gold") & (frame["time"] > 6)
    frame.loc[short, "event"] = 0
    frame.loc[short, "time"] = 6.0
    frame["entry"] = np.minimum(frame["entry"], frame["time"] - 0.5)
    X = frame[["x1", "plan", "x2"]]
    return X, survival_target("event", "time", entry="entry", data=frame)


def test_each_stratum_has_a_baseline(stratified):
    X, y = stratified
    model = CoxModel(strata="plan").fit(X, y)
    assert list(model.baseline_) == ["basic", "gold", "silver"]
    assert model.coef_names_ == ("x1", "x2")
    alone = X["plan"] == "basic"
    assert set(model.baseline_["basic"].times) == set(np.unique(y["time"][alone & y["event"]]))
    assert model.predict_survival_function(X, [2, 4]).shape == (len(X), 2)


def test_two_columns_of_strata_are_their_combinations(stratified):
    X, y = stratified
    X = X.assign(half=(X["x2"] > 0).astype(int))
    one = CoxModel(strata=["plan", "half"]).fit(X, y)
    joined = X.assign(both=X["plan"] + X["half"].astype(str)).drop(columns=["plan", "half"])
    np.testing.assert_allclose(one.coef_, CoxModel(strata="both").fit(joined, y).coef_, atol=1e-10)
    assert len(one.strata_) == 6


def test_nothing_is_said_past_the_end_of_a_stratum(stratified):
    X, y = stratified
    model = CoxModel(strata="plan").fit(X, y)
    gold, basic = X[X["plan"] == "gold"], X[X["plan"] == "basic"]
    assert model.predict_survival_function(basic, [8]).shape == (len(basic), 1)
    with pytest.raises(HistoryError, match=r"nobody of plan='gold' was watched beyond 6"):
        model.predict_survival_function(X, [8])
    with pytest.raises(HistoryError, match="gold"):
        model.predict_churn_probability(gold, 3, given=5)
    with pytest.raises(HistoryError, match="gold"):
        model.predict_expected_lifetime(gold, until=8)
    with pytest.raises(HistoryError, match="gold"):
        model.predict_cumulative_incidence(gold, [8])
    marked = CoxModel(strata="plan", beyond="nan").fit(X, y)
    assert np.isnan(marked.predict_survival_function(gold, [8])).all()
    assert np.isnan(marked.predict_expected_lifetime(gold, until=8)).all()
    assert np.isnan(marked.predict_cumulative_incidence(gold, [8])).all()
    assert not np.isnan(marked.predict_survival_function(basic, [8])).any()
    held = CoxModel(strata="plan", beyond="hold").fit(X, y)
    np.testing.assert_allclose(held.predict_survival_function(gold, [8]), held.predict_survival_function(gold, [6]))


def test_risk_with_strata_minds_their_hazards(stratified):
    X, y = stratified
    model = CoxModel(strata="plan").fit(X, y)
    same = pd.DataFrame({"x1": 0.0, "plan": ["basic", "silver"], "x2": 0.0})
    assert np.ptp(model.predict_log_hazard_ratio(same)) < 1e-15
    risk = model.predict(same)
    assert risk[1] > risk[0]  # silver leaves sooner
    assert concordance_score(y, model.predict(X)) > concordance_score(y, model.predict_log_hazard_ratio(X))


def test_strata_that_were_not_seen_and_arrays_are_refused(stratified):
    X, y = stratified
    model = CoxModel(strata="plan").fit(X, y)
    with pytest.raises(DataError, match="of strata not seen in fit: plan='bronze'"):
        model.predict(X[:2].assign(plan="bronze"))
    with pytest.raises(TypeError, match="no dataframe"):
        CoxModel(strata="plan").fit(X[["x1", "x2"]].to_numpy(), y)
    with pytest.raises(DataError, match="no columns but the strata"):
        CoxModel(strata="plan").fit(X[["plan"]], y)


def test_polars_frames_have_strata_too(stratified):
    polars = pytest.importorskip("polars")
    X, y = stratified
    model = CoxModel(strata="plan").fit(polars.from_pandas(X), y)
    np.testing.assert_allclose(model.coef_, CoxModel(strata="plan").fit(X, y).coef_)
