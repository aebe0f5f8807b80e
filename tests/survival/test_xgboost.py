"""Boosted trees: exact risk sets, probabilities that are calibrated on held-out rows, and refusals."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from xgboost import DMatrix, XGBRegressor, train

from churnlib.exceptions import DataError, HistoryError, ParameterError
from churnlib.survival import KaplanMeier, XGBAFTModel, XGBCoxModel
from churnlib.survival._cox_kernel import PartialLikelihood
from churnlib.survival._cox_risk_sets import risk_sets
from churnlib.targets import survival_target

FEW = {"n_estimators": 30, "max_depth": 3, "learning_rate": 0.25, "n_jobs": 1, "random_state": 0}

TINY = FEW | {"n_estimators": 8}


def world(n: int, seed: int = 0, *, delayed: bool = False):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    risk = 0.8 * X[:, 0] + 0.5 * np.abs(X[:, 1]) - 0.6 * X[:, 2] * (X[:, 3] > 0)
    left = 20 * np.exp(-risk / 1.2) * rng.weibull(1.2, n)
    seen = rng.uniform(5, 60, n)
    time, event = np.minimum(left, seen), left <= seen
    entry = rng.uniform(0, 20, n) * (rng.random(n) < 0.8) if delayed else np.zeros(n)
    kept = entry < time
    y = survival_target(event[kept], time[kept], entry=entry[kept] if delayed else None)
    return X[kept], y, left[kept]


@pytest.mark.parametrize(
    "model",
    [XGBCoxModel(cv=3), XGBCoxModel(ties="breslow", baseline="kalbfleisch-prentice", cv=3), XGBAFTModel(cv=3)],
    ids=["cox", "breslow", "aft"],
)
def test_probabilities_on_held_out_rows_are_calibrated(model):
    X, y, _ = world(4_000)
    unseen, target, left = world(8_000, 1)
    fitted = clone(model).set_params(estimator=XGBRegressor(**FEW)).fit(X, y)
    curve = KaplanMeier().fit(None, target)
    for horizon in (6, 12, 24):
        mean = fitted.predict_churn_probability(unseen, horizon).mean()
        assert mean == pytest.approx((left <= horizon).mean(), abs=0.02)
        assert mean == pytest.approx(curve.predict_churn_probability(unseen[:1], horizon)[0], abs=0.02)
        # and among the riskiest fifth, where overfitted scores would promise too much
        chance = fitted.predict_churn_probability(unseen, horizon)
        top = chance >= np.quantile(chance, 0.8)
        assert chance[top].mean() == pytest.approx((left[top] <= horizon).mean(), abs=0.04)
    assert fitted.score(unseen, target) > 0.7


def test_scores_out_of_fold_shrink_what_trees_overstate():
    X, y, _ = world(700)
    wild = XGBRegressor(**FEW | {"n_estimators": 80, "learning_rate": 0.5})
    model, trusting = XGBCoxModel(wild, cv=2).fit(X, y), XGBCoxModel(wild, cv=None).fit(X, y)
    assert model.slope_ < 0.7
    assert trusting.slope_ == 1
    unseen, _, left = world(4_000, 1)
    errors = [((m.predict_churn_probability(unseen, 12) - (left <= 12)) ** 2).mean() for m in (model, trusting)]
    assert errors[0] < errors[1] - 0.01
    aft, plain = XGBAFTModel(wild, cv=2).fit(X, y), XGBAFTModel(wild, cv=None).fit(X, y)
    assert plain.scale_ < 0.8 * aft.scale_
    assert (plain.intercept_, plain.slope_) == (0.0, 1.0)


def test_the_gradient_is_that_of_the_partial_likelihood():
    _, y, _ = world(200, delayed=True)
    margin = np.random.default_rng(1).normal(size=len(y))
    sets = risk_sets(y["time"], y["event"], entry=y["entry"])
    likelihood = PartialLikelihood(np.empty((len(y), 0)), sets, ties="breslow")
    residuals = likelihood.residuals(likelihood.at(margin))

    def value(eta):
        risk = np.exp(eta)
        total = 0.0
        for i in np.flatnonzero(y["event"]):
            at_risk = (y["entry"] < y["time"][i]) & (y["time"] >= y["time"][i])
            total += eta[i] - np.log(risk[at_risk].sum())
        return total

    for i in (0, 17, 90):
        step = 1e-5 * (np.arange(len(y)) == i)
        assert residuals[i] == pytest.approx((value(margin + step) - value(margin - step)) / 2e-5, abs=1e-6)


def test_without_entry_the_trees_are_near_those_of_xgboost_s_own_objective():
    X, y, _ = world(1_500)
    params = {"max_depth": 2, "learning_rate": 0.1, "n_jobs": 1, "base_score": 0.5}
    label = np.where(y["event"], y["time"], -y["time"])
    own = train({**params, "objective": "survival:cox"}, DMatrix(X, label=label), 30)
    theirs = own.predict(DMatrix(X), output_margin=True)
    model = XGBCoxModel(XGBRegressor(n_estimators=30, max_depth=2, learning_rate=0.1), ties="breslow", cv=None)
    ours = model.fit(X, y).predict(X)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.995


def test_delayed_entry_is_accounted_for():
    X, y, _ = world(8_000, delayed=True)
    unseen, _, left = world(8_000, 1)
    estimator = XGBRegressor(**FEW)
    model = XGBCoxModel(estimator, cv=2).fit(X, y)
    naive = XGBCoxModel(estimator, cv=2).fit(X, survival_target(y["event"], y["time"]))
    for since, ahead in ((5, 5), (10, 10)):
        here = left > since
        truth = (left[here] <= since + ahead).mean()
        assert model.predict_churn_probability(unseen[here], ahead, given=since).mean() == pytest.approx(
            truth, abs=0.025
        )
    truth = (left <= 12).mean()
    assert naive.predict_churn_probability(unseen, 12).mean() < truth - 0.1
    assert model.predict_churn_probability(unseen, 12).mean() == pytest.approx(truth, abs=0.04)


def test_breslow_s_baseline_by_hand_with_scores_of_nobody():
    y = survival_target([1, 1, 1, 0, 1, 0], [1, 2, 2, 3, 4, 5])
    X = np.zeros((6, 1))  # no tree can split: everybody has the same hazard
    estimator = XGBRegressor(n_estimators=3, n_jobs=1, min_child_weight=1e6)
    breslow = XGBCoxModel(estimator, ties="breslow", baseline="breslow", cv=None).fit(X, y)
    steps = np.array([1 / 6, 2 / 5, 1 / 2])
    hazard = breslow.predict_cumulative_hazard(X[:1], [1, 2, 4])[0]
    np.testing.assert_allclose(hazard, np.cumsum(steps), rtol=1e-6)
    efron = XGBCoxModel(estimator, cv=None).fit(X, y).predict_cumulative_hazard(X[:1], [2])[0, 0]
    assert efron == pytest.approx(1 / 6 + 1 / 5 + 1 / 4, rel=1e-6)
    product = XGBCoxModel(estimator, baseline="kalbfleisch-prentice", cv=None).fit(X, y)
    curve = KaplanMeier().fit(None, y).predict_survival_function(X[:1], [1, 2, 4])
    np.testing.assert_allclose(product.predict_survival_function(X[:1], [1, 2, 4]), curve, rtol=1e-6)


def test_no_feature_of_use_gives_the_plain_curve():
    rng = np.random.default_rng(3)
    y = survival_target(rng.random(400) < 0.7, rng.weibull(1.5, 400) + 0.01)
    aft = XGBAFTModel(XGBRegressor(n_estimators=3, n_jobs=1, min_child_weight=1e6)).fit(np.zeros((400, 1)), y)
    curve = KaplanMeier().fit(None, y).predict_survival_function(np.zeros((1, 1)), [0.3, 0.7, 1.2])
    np.testing.assert_allclose(aft.predict_survival_function(np.zeros((1, 1)), [0.3, 0.7, 1.2]), curve, atol=0.05)


@pytest.mark.parametrize("distribution", ["normal", "logistic", "extreme"])
def test_survival_is_smooth_and_goes_on_where_asked(distribution):
    X, y, _ = world(400)
    estimator = XGBRegressor(**FEW)
    model = XGBAFTModel(estimator, distribution=distribution, beyond="extrapolate", cv=2, scale=1.0).fit(X, y)
    survival = model.predict_survival_function(X[:20], [0, 1, 10, 50, 500])
    assert (survival[:, 0] == 1).all()
    assert (np.diff(survival, axis=1) < 0).all()
    assert (survival[:, -1] < 0.2).all()
    order = np.argsort(model.predict(X))
    assert (np.diff(model.predict_survival_function(X[order], [10])[:, 0]) <= 1e-12).all()


def test_the_unit_of_time_says_nothing():
    X, y, _ = world(600)
    model = XGBAFTModel(XGBRegressor(**TINY), cv=2)
    survival = clone(model).fit(X, y).predict_survival_function(X[:20], [10])
    for unit in (1e-3, 1e5):
        other = survival_target(y["event"], y["time"] * unit)
        found = clone(model).fit(X, other).predict_survival_function(X[:20], [10 * unit])
        np.testing.assert_allclose(found, survival, atol=1e-4)


@pytest.mark.parametrize("cls", [XGBCoxModel, XGBAFTModel])
def test_noise_turns_nobody_s_risk_around(cls):
    rng = np.random.default_rng(5)
    X, left = rng.normal(size=(250, 4)), 20 * rng.weibull(1.2, 250)
    y = survival_target(left < 30, np.minimum(left, 30))
    model = cls().fit(X, y)
    assert model.slope_ == 0
    curve = KaplanMeier().fit(None, y).predict_survival_function(np.zeros((1, 1)), [10])
    np.testing.assert_allclose(model.predict_survival_function(X, [10]), np.tile(curve, (250, 1)), atol=0.05)


@pytest.mark.parametrize("cls", [XGBCoxModel, XGBAFTModel])
def test_weights_rows_of_none_and_missing_values(cls):
    X, y, _ = world(300)
    weight = np.ones(len(y))
    weight[:40] = 0
    X[5, 2] = np.nan
    model = cls(XGBRegressor(**TINY), cv=[(range(150, 300), range(150)), (range(150), range(150, 300))])
    counted = clone(model).fit(X, y, sample_weight=weight)
    cv = [(range(110, 260), range(110)), (range(110), range(110, 260))]
    left_out = clone(model).set_params(cv=cv).fit(X[40:], y[40:])
    np.testing.assert_array_equal(counted.predict(X), left_out.predict(X))
    assert np.isfinite(counted.predict_churn_probability(X, 5)).all()


@pytest.mark.parametrize("cls", [XGBCoxModel, XGBAFTModel])
def test_same_bytes_pickle_and_clone(cls):
    X, y, _ = world(300)
    model = cls(XGBRegressor(**TINY), cv=2).fit(X, y)
    again = clone(model).fit(X, y)
    np.testing.assert_array_equal(
        again.predict_survival_function(X, [5, 9]), model.predict_survival_function(X, [5, 9])
    )
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))
    threads = cls(XGBRegressor(**TINY | {"n_jobs": None}), cv=2).fit(X, y)
    np.testing.assert_array_equal(threads.predict(X), model.predict(X))


def test_the_settings_of_the_default():
    X, y, _ = world(200)
    for cls in (XGBCoxModel, XGBAFTModel):
        model = cls(cv=None).fit(X, y)
        assert model.booster_.num_boosted_rounds() == 200
        assert '"nthread":"1"' in model.booster_.save_config()


def test_delayed_entry_is_refused_where_it_cannot_be_told():
    X, y, _ = world(200, delayed=True)
    with pytest.raises(DataError, match=r"(?s)rows have a delayed entry \(rows.*XGBCoxModel or SurvivalBooster"):
        XGBAFTModel().fit(X, y)


def test_bad_settings():
    X, y, _ = world(100)
    with pytest.raises(ValueError, match="'estimator' parameter of XGBCoxModel"):
        XGBCoxModel(KaplanMeier()).fit(X, y)
    from sklearn.model_selection import StratifiedKFold

    with pytest.raises(ParameterError, match="cv=SurvivalKFold"):
        XGBCoxModel(cv=StratifiedKFold(3)).fit(X, y)
    with pytest.raises(HistoryError, match="nobody was watched beyond"):
        XGBCoxModel(XGBRegressor(**FEW)).fit(X, y).predict_churn_probability(X, 500)
    with pytest.raises(DataError, match="all 100 rows are censored"):
        XGBAFTModel().fit(X, survival_target(np.zeros(len(y)), y["time"]))
