"""What a user writes, as a type checker must see it: every line passes mypy --strict."""

from typing import assert_type

import pandas as pd

import churnlib as cl


def main_job(orders: pd.DataFrame) -> pd.DataFrame:
    log = cl.EventLog.from_frame(orders, customer="customer_id", time="ordered_at", amount="total")
    data = cl.build_dataset(
        log,
        cutoffs=cl.monthly("2011-03", "2011-09"),
        lead="7d",
        horizon="60d",
        churn=cl.Inactivity("60d"),
        features=cl.FeatureSpec.standard(),
    )
    assert_type(log, cl.EventLog)
    assert_type(data, cl.Dataset)
    train, test = data.split(test_cutoffs=2)
    assert_type(train, cl.Dataset)
    model = cl.ChurnClassifier(random_state=0).fit(train.X, train.y)
    assert_type(model, cl.ChurnClassifier)
    cl.evaluate(model, test)
    offer = cl.RetentionOffer(accept_rate=(6, 14), clv=200, offer_cost=10, contact_cost=1)
    now = data.latest()
    assert_type(model.expected_gain(now.X, offer), "pd.Series[float]")
    return cl.classification.contact_list(model, now.X, offer, n=20)


def rooms() -> None:
    cl.metrics.lift_score([0, 1], [0.1, 0.9], fraction=0.5)
    cl.testing.all_estimators(kind="classifier")
    cl.exceptions.message("wrong")
