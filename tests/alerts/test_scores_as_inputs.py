"""The probability of a model beside rules: checked, stepped for tables and one customer, replayed and weighed alike."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import churnlib as cl
from churnlib.alerts import Rule, RuleSet
from churnlib.alerts._backtest._replay import replay
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, SchemaError
from churnlib.expressions import ColumnType

SPEC = cl.FeatureSpec([cl.features.Recency(), cl.features.Count("30d"), cl.features.GapRatio()])
RULES = RuleSet([
    Rule("silent", 1, "any.recency >= 30d", clear="any.recency < 7d"),
    Rule("model", 2, "churn_probability >= 0.4 and any.recency >= 3d", clear="churn_probability < 0.2",
         because="the model says {churn_probability:.0%}"),
])  # fmt: skip


@cache
def data_of() -> cl.Dataset:
    return cl.build_dataset(
        cl.datasets.make_shop(n_customers=300, random_state=2).log, cutoffs=cl.weekly("2025-06-02", "2025-11-30"),
        horizon="30d", churn=cl.Inactivity("60d"), features=SPEC,
    )  # fmt: skip


@cache
def parts() -> tuple[cl.Dataset, cl.Dataset]:
    return data_of().split(test_cutoffs=6)


@cache
def model_of():
    train = parts()[0]
    early = train.take((train.cutoff < np.unique(train.cutoff)[5]).copy())
    return cl.ChurnClassifier(LogisticRegression(), tune=None, random_state=0).fit(early.X, early.y)


# -- names, types and units -----------------------------------------------------------------------


@pytest.mark.parametrize("scores", ["churn_probability", ["churn_probability"], ("churn_probability", "clv")])
def test_a_score_stands_beside_the_columns_of_a_spec(scores):
    bound = RULES.bind(SPEC, scores=scores)
    assert dict(bound.units)["any.recency"] == "days"
    assert "churn_probability" not in dict(bound.units)


def test_without_its_name_a_score_is_no_column():
    with pytest.raises(SchemaError, match=r"rule 'model': when: .*'churn_probability' is no column"):
        RULES.bind(SPEC)


def test_the_nearest_name_is_suggested():
    rules = RuleSet([Rule("model", 2, "churn_probabilty >= 0.4")])
    with pytest.raises(SchemaError, match=r"did you mean 'churn_probability'\?"):
        rules.bind(SPEC, scores=["churn_probability"])


@pytest.mark.parametrize(
    ("when", "text"),
    [
        ("churn_probability >= 4d", "a length of time stands"),
        ("churn_probability == 'high'", "a number"),
    ],
)
def test_a_score_is_a_number_without_a_unit(when, text):
    with pytest.raises(SchemaError, match=text):
        RuleSet([Rule("model", 2, when)]).bind(SPEC, scores=["churn_probability"])


def test_a_unit_may_be_stated():
    rules = RuleSet([Rule("soon", 2, "days_left < 2w")], units={"days_left": "days"})
    assert dict(rules.bind(SPEC, scores=["days_left"]).units)["days_left"] == "days"


def test_a_score_with_a_unit_is_the_same_to_all():
    data = data_of()
    rules = RuleSet([Rule("model", 1, "days_left >= 30d")], units={"days_left": "days"})
    by_column = RuleSet([Rule("model", 1, "any.recency >= 30d")])
    scores = {"days_left": replay(by_column, data).data.X["any.recency"]}
    assert dict(rules.bind(data.X, scores="days_left").units)["days_left"] == "days"
    for budget in (None, 10.0):
        found, same = rules.fit(data, scores=scores, budget=budget), by_column.fit(data, budget=budget)
        assert found.rules["model"].weight == same.rules["model"].weight
        assert found.rules["model"].when.text == same.rules["model"].when.text.replace("any.recency", "days_left")


def test_scores_stand_beside_frames_and_types_too():
    rules = RuleSet([Rule("model", 2, "churn_probability >= 0.4 and n > 1")])
    types = {"n": ColumnType("number")}
    frame = pd.DataFrame({"n": [1]})
    assert rules.bind(types, scores="churn_probability") == rules.bind(frame, scores="churn_probability")
    assert rules.bind(frame.assign(churn_probability=0.5)) == rules.bind(frame, scores="churn_probability")
    assert list(types) == ["n"]


@pytest.mark.parametrize(
    ("columns", "scores", "error", "text"),
    [
        (SPEC, ["any.recency"], ParameterError, r"scores names 'any\.recency', which is a column already"),
        (pd.DataFrame({"n": [1]}), ["n"], ParameterError, "scores names 'n', which is a column already"),
        (SPEC, ["a", "a"], ParameterError, "scores names a more than once"),
        (SPEC, 3, ParameterTypeError, "scores is 3"),
    ],
)
def test_scores_that_make_no_sense_are_refused(columns, scores, error, text):
    with pytest.raises(error, match=text):
        RULES.bind(columns, scores=scores)


# -- steps ----------------------------------------------------------------------------------------


def scored(data) -> pd.DataFrame:
    return data.X.assign(churn_probability=model_of().predict_proba(data.X)[:, 1]).droplevel("cutoff")


def test_tables_and_single_customers_give_the_same():
    bound, state = RULES.bind(SPEC, scores=["churn_probability"]), None
    scorer, online = model_of().compile(), bound.online()
    for cutoff in np.unique(data_of().cutoff)[-4:]:
        today = data_of().at(cutoff)
        step = bound.step(scored(today), now=cutoff, state=state)
        state = step.state
        told = []
        for customer, row in zip(today.customer, today.X.to_dict("records"), strict=True):
            found = online.step(customer, row | {"churn_probability": scorer.score(row)}, now=cutoff)
            told += [(customer, alert.rule, reason) for alert, reason in found.notifications]
        table = step.notifications
        assert sorted(told) == sorted(zip(table["customer_id"], table["rule"], table["reason"], strict=True))
    assert len(step.alerts.query("rule == 'model'"))


def test_an_explanation_names_the_score():
    data = data_of().at(data_of().cutoff.max())
    step = RULES.bind(SPEC, scores="churn_probability").step(scored(data), now=data.cutoff.max())
    why = step.explain(top=3)
    told = why[(why["rule"] == "model") & (why["part"] == "when")]
    assert "churn_probability >= 0.4" in set(told["condition"])
    text = step.because(top=3).query("rule == 'model'")["text"]
    assert text.str.match(r"the model says \d+%").all()


def test_a_missing_score_holds():
    bound = RULES.bind(SPEC, scores=["churn_probability"])
    X = pd.DataFrame({"any.recency": [5.0], "any.count.30d": [1], "any.gap_ratio": [1.0]}, index=["ann"])
    fired = bound.step(X.assign(churn_probability=0.5), now="2026-03-02")
    held = bound.step(X.assign(churn_probability=np.nan), now="2026-03-09", state=fired.state)
    assert held.alerts["rule"].tolist() == ["model"]
    assert not len(held.transitions)
    with pytest.raises(SchemaError, match="'churn_probability' is no column"):
        bound.step(X, now="2026-03-16")


# -- history --------------------------------------------------------------------------------------


def test_a_replay_asks_the_model_as_of_each_row():
    test = parts()[1]
    found = replay(RULES, test, scores={"churn_probability": model_of()})
    given = model_of().predict_proba(found.data.X)[:, 1]
    again = replay(RULES, test, scores={"churn_probability": given})
    assert (found.firing == again.firing).all()
    assert found.firing[:, RULES.ids.index("model")].any()
    # whoever has the model's word is asked on their own row: the same as stepping by hand
    state = None
    for cutoff in np.unique(found.data.cutoff):
        rows = found.data.cutoff == cutoff
        step = RULES.bind(SPEC, scores="churn_probability").step(
            found.data.X[rows].assign(churn_probability=given[rows]).droplevel("cutoff"), now=cutoff, state=state
        )
        state = step.state
        np.testing.assert_allclose(step.customers["score"], found.score[rows])


@pytest.mark.parametrize("method", ["logistic", "hazard"])
def test_a_model_is_weighed_and_tuned_beside_rules(method):
    train, test = parts()
    later = train.take((train.cutoff >= np.unique(train.cutoff)[5]).copy())
    scores = {"churn_probability": model_of()}
    fit = RULES.fit(later, method=method, scores=scores, budget=6)
    assert fit.alerts_per_week[1] <= 6
    assert set(fit.thresholds["rule"]) == {"model", "silent"}
    both = fit.thresholds.query("rule == 'model'")
    assert both["before"].tolist() == ["churn_probability >= 0.4", "any.recency >= 3d"]
    tried = fit.rules.backtest(test, scores=scores, n_boot=10)
    assert {"model", "silent"} <= set(tried.table["name"])
    assert RuleSet.from_toml(fit.rules.to_toml()) == fit.rules


def test_a_score_must_be_there_for_every_row():
    train = parts()[0]
    with pytest.raises(SchemaError, match="rule 'model' reads 'churn_probability', which is no column"):
        RULES.fit(train)
    with pytest.raises(DataError, match=r"scores\['churn_probability'\] holds 3 values"):
        RULES.fit(train, scores={"churn_probability": np.zeros(3)})
    values = pd.Series(0.5, index=train.X.index)
    values.iloc[0] = np.nan
    with pytest.raises(DataError, match=r"scores\['churn_probability'\] is missing for"):
        RULES.fit(train, scores={"churn_probability": values})
