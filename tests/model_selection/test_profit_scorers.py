"""Scorers that know the money: by the index of X, by a column, and by routing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from churnlib.economics import RetentionOffer
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError
from churnlib.metrics import empb_score, empc_score, expected_profit, savings_score
from churnlib.model_selection import ProfitScorer

CV = StratifiedKFold(3, shuffle=True, random_state=0)


def customers(n: int = 240) -> tuple[pd.DataFrame, pd.Series, pd.Series]:
    rng = np.random.default_rng(0)
    index = pd.Index([f"c{i:03d}" for i in rng.permutation(n)], name="customer_id")
    X = pd.DataFrame({"silence": rng.exponential(30, n), "orders": rng.poisson(3, n)}, index=index)
    y = pd.Series(rng.random(n) < 1 / (1 + np.exp(2 - X["silence"] / 20)), index=index).astype(int)
    # the values in another order than the rows: only labels bring them together
    return X, y, pd.Series(rng.lognormal(5, 1, n), index=index).sort_index()


def offer(clv) -> RetentionOffer:
    return RetentionOffer(accept_rate=(6, 14), clv=clv, offer_cost=5, contact_cost=1)


def by_hand(X, y, value, metric) -> list[float]:
    found = []
    for train, test in CV.split(X, y):
        model = LogisticRegression().fit(X.iloc[train], y.iloc[train])
        p = model.predict_proba(X.iloc[test])[:, 1]
        clv = value.loc[X.index[test]].to_numpy()
        found.append(metric(y.iloc[test].to_numpy(), p, clv))
    return found


RULES = {
    "expected_profit": lambda y, p, clv: expected_profit(y, p > offer(1).threshold(clv), offer=offer(1), clv=clv),
    "savings": lambda y, p, clv: savings_score(y, p > offer(1).threshold(clv), offer=offer(1), clv=clv),
    "empb": lambda y, p, clv: empb_score(y, p, offer=offer(1), clv=clv),
}


@pytest.mark.parametrize("metric", list(RULES))
def test_values_follow_the_rows_of_each_fold(metric: str) -> None:
    X, y, value = customers()
    scorer = ProfitScorer(offer(value), metric=metric)
    expected = by_hand(X, y, value, RULES[metric])
    assert cross_val_score(LogisticRegression(), X, y, scoring=scorer, cv=CV).tolist() == pytest.approx(expected)
    piped = cross_val_score(make_pipeline(StandardScaler(), LogisticRegression()), X, y, scoring=scorer, cv=CV)
    assert np.isfinite(piped).all()


@pytest.mark.parametrize("metric", list(RULES))
def test_values_come_by_routing_where_rows_have_no_labels(metric: str) -> None:
    X, y, value = customers()
    expected = by_hand(X, y, value, RULES[metric])
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = ProfitScorer(offer(1), metric=metric).set_score_request(clv=True)
        clv = value.loc[X.index].to_numpy()
        routed = cross_validate(
            LogisticRegression(), X.to_numpy(), y.to_numpy(), scoring=scorer, cv=CV, params={"clv": clv}
        )["test_score"]
        assert routed.tolist() == pytest.approx(expected)
        search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, scoring=scorer, cv=CV)
        search.fit(X.to_numpy(), y.to_numpy(), clv=clv)
    assert search.cv_results_["mean_test_score"][1] == pytest.approx(np.mean(expected))


def test_a_column_that_the_model_has_not_seen_gives_the_values() -> None:
    X, y, value = customers()
    with_value = X.assign(margin=value)
    model = LogisticRegression().fit(X, y)
    by_column = ProfitScorer(offer("margin"))(model, with_value, y)
    assert by_column == pytest.approx(ProfitScorer(offer(value))(model, X, y))
    assert by_column == pytest.approx(ProfitScorer(offer(1)).score(model, X, y, clv=value.loc[X.index].to_numpy()))


def test_grid_search_and_several_scorers_without_routing() -> None:
    X, y, value = customers()
    scoring = {"profit": ProfitScorer(offer(value)), "empc": ProfitScorer(offer(200), metric="empc")}
    search = GridSearchCV(LogisticRegression(), {"C": [0.01, 1.0]}, scoring=scoring, refit="profit", cv=CV).fit(X, y)
    assert {"mean_test_profit", "mean_test_empc"} <= set(search.cv_results_)
    copied = clone(scoring["profit"])
    assert copied.metric == "expected_profit"
    assert copied.offer == scoring["profit"].offer


def test_rankings_serve_models_without_probabilities() -> None:
    X, y, value = customers()
    svm = make_pipeline(StandardScaler(), LinearSVC()).fit(X, y)
    decision = svm.decision_function(X)
    assert ProfitScorer(offer(200), metric="empc")(svm, X, y) == empc_score(y, decision, offer=offer(200))
    clv = value.loc[X.index]
    assert ProfitScorer(offer(value), metric="empb")(svm, X, y) == empb_score(y, decision, offer=offer(1), clv=clv)
    with pytest.raises(ParameterTypeError, match=r"Pipeline states no probabilities(?s:.*)metric='empb'"):
        ProfitScorer(offer(200))(svm, X, y)


def test_weights_are_repeated_rows() -> None:
    X, y, value = customers()
    model = LogisticRegression().fit(X, y)
    weight = np.arange(len(X)) % 3
    scorer = ProfitScorer(offer(value))
    again = np.repeat(np.arange(len(X)), weight)
    assert scorer(model, X, y, sample_weight=weight) == pytest.approx(scorer(model, X.iloc[again], y.iloc[again]))


def test_bad_input_is_named() -> None:
    X, y, value = customers()
    model = LogisticRegression().fit(X, y)
    with pytest.raises(ParameterTypeError, match="offer is a float; a RetentionOffer says"):
        ProfitScorer(200.0)(model, X, y)
    with pytest.raises(ParameterError, match="metric='profit' is not a choice"):
        ProfitScorer(offer(200), metric="profit")(model, X, y)
    with pytest.raises(ParameterTypeError, match=r"X is a ndarray without labels(?s:.*)set_score_request"):
        ProfitScorer(offer(value))(LogisticRegression().fit(X.to_numpy(), y), X.to_numpy(), y)
    with pytest.raises(DataError, match=r"clv has shape \(3,\) for 240 rows"):
        ProfitScorer(offer(200))(model, X, y, clv=[1.0, 2.0, 3.0])
    with pytest.raises(DataError, match="clv has no value for 1 of 240 customers"):
        ProfitScorer(offer(value.iloc[1:]))(model, X, y)
    words = LogisticRegression().fit(X, np.where(y == 1, "left", "stayed"))
    with pytest.raises(DataError, match=r"fitted on the classes \['left', 'stayed'\]; two classes were expected"):
        ProfitScorer(offer(200))(words, X, y)
    with pytest.raises(ParameterTypeError, match="StandardScaler gives no scores"):
        ProfitScorer(offer(200), metric="empc")(StandardScaler().fit(X), X, y)
