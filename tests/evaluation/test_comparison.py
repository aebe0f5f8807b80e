"""What a comparison says: the sentence, the tables, the page, plain numbers."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from churnlib.economics import RetentionOffer
from churnlib.evaluation import compare
from churnlib.model_selection import PurgedGroupTimeSplit
from tests.evaluation.worlds import Stated, world

OFFER = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)


@pytest.fixture(scope="module")
def result():
    X, y = world(300, 4, signal=2.0)
    X = X.assign(q=0.3)
    models = {"<flat>": Stated("q"), "true": Stated(), "again": Stated()}
    return compare(models, X, y, cv=PurgedGroupTimeSplit(2, horizon="30d"), n_boot=50, offer=OFFER, reference="true")


def test_the_headline_is_an_answer(result):
    assert "On 600 rows of 300 customers in 2 folds as of 2025-03-02 to 2025-04-01, of whom" in result.headline
    assert "'true' has the lowest log-loss" in result.headline
    assert "Against 'true', '<flat>' loses, by +0." in result.headline
    assert "'again' makes no clear difference, +0.000 (+0.000 to +0.000) of log-loss." in result.headline
    assert "Of the riskiest 10%, " in result.headline
    assert result.headline.endswith("of as many who had been silent longest.")


def test_one_model_is_compared_with_the_rule_alone():
    X, y = world(200, 1)
    alone = compare({"true": Stated()}, X, y, cv=2, n_boot=20)
    assert "Against" not in alone.headline
    assert "in 2 folds as of" in alone.headline
    assert "'true' has a log-loss of 0." in alone.headline
    once = compare({"true": Stated()}, X, y, cv=[(range(100), range(100, 200))], n_boot=20, fraction=0.025)
    assert "in 1 fold as of" in once.headline
    assert "Of the riskiest 2.5%, " in once.headline
    assert alone.difference["model"].unique().tolist() == ["silent longest"]
    bare = compare({"true": Stated()}, X, y, cv=2, n_boot=20, recency=None)
    assert bare.difference.empty
    assert bare.difference.columns.tolist() == alone.difference.columns.tolist()
    assert "silent" not in repr(bare)
    assert "less" not in bare._repr_html_()


def test_tables_for_people_have_no_nan_and_no_markup_of_the_data(result):
    page, text = result._repr_html_(), repr(result)
    assert "nan" not in (page + text).lower()
    assert "&lt;flat&gt;" in page
    assert "<flat>" not in page
    assert page.count("<table") == 2
    assert "less 'true'" in text
    assert "Intervals hold the fitted models fixed." in text
    assert "Profit is what the offer is assumed to bring." in text
    metrics = [line.split("  ")[0] for line in text.splitlines()]
    assert metrics.index("AUC") < metrics.index("log-loss") < metrics.index("profit per row")


def test_plain_numbers_can_be_written(result):
    plain = json.loads(json.dumps(result.to_dict()))
    assert plain["best"] == "true"
    assert plain["n_rows"] == 600
    assert plain["folds"][0]["test_from"] == "2025-03-02T00:00:00+00:00"
    assert plain["folds"][-1]["log_loss"] is None  # the silent state no probability
    assert {row["verdict"] for row in plain["difference"]} <= {"wins", "loses", "no clear difference"}


def test_counts(result):
    assert result.n_customers == 300
    assert result.base_rate == pytest.approx(result.predictions["churn"].mean())
    assert not result.few_churners
    assert result.forward
    assert result.models == ("<flat>", "true", "again")


def test_few_churners_are_said():
    X, _ = world(200, 1)
    y = pd.Series(np.isin(np.arange(200), [3, 40, 90, 150]).astype(int), index=X.index)
    found = compare({"a": DummyClassifier(), "b": LogisticRegression()}, X, y, cv=2, n_boot=40)
    assert found.few_churners
    assert "Only 4 rows churned: too few to trust the intervals." in found.limits
