"""CoxModel beside lifelines and scikit-survival, where they are installed."""

import warnings

import numpy as np
import pandas as pd
import pytest

from churnlib.survival import CoxModel, proportional_hazards_test
from churnlib.targets import survival_target
from tests.survival.cox_worlds import world

NAMES = ["x1", "x2", "x3"]


@pytest.fixture(scope="module")
def frame():
    return world(300, 71).frame()


@pytest.fixture
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the peers say of pandas, and of their own line search
        yield


def _target(frame, *, entry=False):
    return survival_target("event", "time", entry="entry" if entry else None, data=frame)


@pytest.mark.usefixtures("quiet")
def test_lifelines_with_entry_strata_and_weights(frame):
    lifelines = pytest.importorskip("lifelines")
    peer = lifelines.CoxPHFitter().fit(
        frame[[*NAMES, "time", "event", "weight", "entry", "stratum"]],
        "time",
        "event",
        entry_col="entry",
        strata="stratum",
        weights_col="weight",
        fit_options={"precision": 1e-12},
    )
    model = CoxModel(strata="stratum").fit(frame[[*NAMES, "stratum"]], _target(frame, entry=True), frame["weight"])
    np.testing.assert_allclose(model.coef_, peer.params_[NAMES], atol=1e-7)
    np.testing.assert_allclose(model.standard_errors_, peer.standard_errors_[NAMES], atol=1e-7)
    assert model.loglik_ == pytest.approx(peer.log_likelihood_, rel=1e-9)


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("cluster", [False, True])
def test_lifelines_has_the_same_robust_errors_without_ties(cluster):
    """With ties its residuals are Breslow's; test_cox_r.py shows those of Efron."""
    lifelines = pytest.importorskip("lifelines")
    frame = world(250, 72, span=None).frame()
    options = {"cluster_col": "customer"} if cluster else {"robust": True}
    columns = [*NAMES, "time", "event", *(["customer"] if cluster else [])]
    peer = lifelines.CoxPHFitter().fit(frame[columns], "time", "event", fit_options={"precision": 1e-12}, **options)
    model = CoxModel(covariance="robust").fit(
        frame[NAMES], _target(frame), groups=frame["customer"] if cluster else None
    )
    np.testing.assert_allclose(model.standard_errors_, peer.standard_errors_[NAMES], rtol=1e-6)


@pytest.mark.usefixtures("quiet")
def test_lifelines_predicts_the_same(frame):
    lifelines = pytest.importorskip("lifelines")
    peer = lifelines.CoxPHFitter().fit(frame[[*NAMES, "time", "event"]], "time", "event")
    model = CoxModel(baseline="breslow").fit(frame[NAMES], _target(frame))
    times = [2, 5, 9]
    mine = model.predict_survival_function(frame[NAMES], times)
    np.testing.assert_allclose(mine, peer.predict_survival_function(frame[NAMES], times).T, atol=1e-6)
    given = np.full(len(frame), 3.0)
    conditional = peer.predict_survival_function(frame[NAMES], [4], conditional_after=given).to_numpy()[0]
    np.testing.assert_allclose(
        model.predict_survival_function(frame[NAMES], [4], given=given)[:, 0], conditional, atol=1e-6
    )


@pytest.mark.usefixtures("quiet")
def test_lifelines_start_stop(frame):
    lifelines = pytest.importorskip("lifelines")
    generator = np.random.default_rng(0)
    n = 120
    customer = np.repeat(np.arange(n), 5)
    entry = np.tile(np.arange(5.0), n)
    X = pd.DataFrame({"a": generator.normal(size=5 * n), "b": generator.integers(0, 2, 5 * n).astype(float)})
    leaves = generator.random(5 * n) < 0.15 * np.exp(0.5 * X["a"])
    kept = (pd.Series(leaves).groupby(customer).cumsum() - leaves) == 0
    rows = X.assign(id=customer, start=entry, stop=entry + 1, event=leaves.astype(int))[kept]
    peer = lifelines.CoxTimeVaryingFitter().fit(
        rows, id_col="id", start_col="start", stop_col="stop", event_col="event", fit_options={"precision": 1e-12}
    )
    y = survival_target("event", "stop", entry="start", data=rows)
    model = CoxModel().fit(rows[["a", "b"]], y, groups=rows["id"])
    np.testing.assert_allclose(model.coef_, peer.params_, atol=1e-7)
    np.testing.assert_allclose(model.standard_errors_, peer.standard_errors_, atol=1e-7)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("ridge", [0.0, 6.0])
def test_scikit_survival(frame, ties, ridge):
    linear = pytest.importorskip("sksurv.linear_model")
    y = _target(frame)
    peer = linear.CoxPHSurvivalAnalysis(ties=ties, alpha=ridge, tol=1e-12).fit(frame[NAMES].to_numpy(), y)
    model = CoxModel(ties=ties, alpha=ridge / frame["event"].sum(), baseline="breslow").fit(frame[NAMES].to_numpy(), y)
    np.testing.assert_allclose(model.coef_, peer.coef_, atol=1e-6 if ridge else 1e-8)
    curves = peer.predict_survival_function(frame[NAMES].to_numpy()[:20], return_array=True)
    mine = model.predict_survival_function(frame[NAMES].to_numpy()[:20], peer.unique_times_)
    np.testing.assert_allclose(mine, curves, atol=1e-6)
    assert model.score(frame[NAMES].to_numpy(), y) == pytest.approx(peer.score(frame[NAMES].to_numpy(), y), abs=1e-9)


@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
def test_scikit_survival_elastic_net(frame, l1_ratio):
    linear = pytest.importorskip("sksurv.linear_model")
    y, X = _target(frame), frame[NAMES].to_numpy()
    strength = 0.05
    peer = linear.CoxnetSurvivalAnalysis(l1_ratio=l1_ratio, alphas=[strength], tol=1e-12, max_iter=1_000_000)
    peer.fit(X, y)
    # Theirs is per row, and counts ties as Breslow does.
    model = CoxModel(ties="breslow", alpha=strength * len(X) / frame["event"].sum(), l1_ratio=l1_ratio).fit(X, y)
    np.testing.assert_allclose(model.coef_, peer.coef_[:, 0], atol=1e-5)


@pytest.mark.usefixtures("quiet")
def test_lifelines_has_another_test_of_proportional_hazards(frame):
    """lifelines approximates the information by its mean, as R did before version 3; the verdicts agree."""
    statistics = pytest.importorskip("lifelines.statistics")
    lifelines = pytest.importorskip("lifelines")
    data = frame[[*NAMES, "time", "event"]]
    peer = statistics.proportional_hazard_test(lifelines.CoxPHFitter().fit(data, "time", "event"), data, "km")
    mine = proportional_hazards_test(CoxModel().fit(frame[NAMES], _target(frame)), frame[NAMES], _target(frame))
    np.testing.assert_allclose(mine["chisq"][:3], peer.summary["test_statistic"], rtol=0.5, atol=0.5)
