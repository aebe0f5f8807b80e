"""The leakage audit: twenty planted leaks are all named, clean features are left alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import churnlib as cl
from churnlib.exceptions import DataError, ParameterError
from churnlib.snapshots import audit_leakage


@pytest.fixture(scope="module")
def shop():
    return cl.datasets.make_shop(n_customers=1500, random_state=3)


@pytest.fixture(scope="module")
def data(shop) -> cl.Dataset:
    return cl.build_dataset(
        shop.log,
        cutoffs=cl.monthly("2025-05", "2025-08"),
        lead="7d",
        horizon="30d",
        churn=cl.Inactivity("45d"),
        features=cl.FeatureSpec.standard(kinds=shop.log.kinds),
    )


def planted(data: cl.Dataset) -> pd.DataFrame:
    """Columns that know the future, each the way it happens in practice."""
    rng = np.random.default_rng(0)
    y = data.y.to_numpy()
    n = len(y)
    noise = rng.normal(size=n)
    flip = rng.random(n) < 0.02
    customer = pd.factorize(data.customer)[0]
    ever = pd.Series(y).groupby(customer).transform("max").to_numpy()
    by_churn = np.lexsort((rng.random(n), y)).argsort()
    future = np.where(y == 1, 0, 1 + rng.poisson(4, n))
    days = np.where(y == 1, rng.uniform(30, 60, n), rng.uniform(0, 31, n))
    order_of_customer = pd.Series(ever + 0.5 * rng.random(n)).groupby(customer).transform("first")
    return pd.DataFrame(
        {
            "label_copy": y,
            "label_as_text": np.where(y == 1, "left", "stays"),
            "label_with_errors": np.where(flip, 1 - y, y),
            "label_inverted": 1.0 - y,
            "label_scaled_with_noise": 3.0 * y + 0.5 * noise,
            "future_orders": future,
            "future_spend": future * rng.gamma(2.0, 20.0, n),
            "days_until_next_order": days,
            "last_seen_as_of_today": data.cutoff.asi8 // 10**9 + 86400 * np.where(y == 1, 0, 40 + days),
            "status_as_of_today": np.where(y == 1, "closed", rng.choice(["active", "new"], n)),
            "plan_as_of_today": pd.Categorical(np.where(y == 1, "none", rng.choice(list("abc"), n))),
            "closed_on": pd.to_datetime(np.where(y == 1, "2025-10-01", None)),
            "cancel_reason": np.where((y == 1) & (rng.random(n) < 0.4), "price", None),
            "survey_missing_if_churned": np.where((y == 1) & (rng.random(n) < 0.9), np.nan, noise),
            "sentinel_if_churned": np.where(y == 1, -1.0, rng.integers(0, 50, n)),
            "in_the_middle_if_churned": np.where(y == 1, noise * 0.1, 1 + np.abs(noise)) * rng.choice([-1, 1], n),
            "customer_number": customer + 10_000,
            "customer_code": [f"C{k:05d}" for k in customer],
            "id_ordered_by_churn": order_of_customer.rank(method="dense").astype(int).to_numpy(),
            "row_number_sorted_by_churn": by_churn,
        },
        index=data.X.index,
    )


def test_twenty_planted_leaks_are_all_flagged_by_name(data):
    leaks = planted(data)
    assert leaks.shape[1] == 20
    flagged = audit_leakage(data.X.join(leaks), data.y)
    assert set(leaks.columns) <= set(flagged["feature"]), set(leaks.columns) - set(flagged["feature"])
    assert set(flagged["feature"]) - set(leaks.columns) == set()
    assert flagged["feature"].is_unique
    assert flagged["statistic"].between(0, 1).all()


def test_at_most_one_of_two_hundred_clean_features_is_flagged(shop, data):
    f = cl.features
    windows = ["7d", "14d", "30d", "45d", "60d", "90d", "120d", "180d"]
    clean = [f.Recency(kind) for kind in (None, *shop.log.kinds)] + [f.Tenure()]
    for kind in (None, *shop.log.kinds):
        for window in windows:
            clean += [f.Count(window, kind), f.Sum(window, kind)]
    spec = cl.FeatureSpec(clean[:150])
    X = cl.build_dataset(
        shop.log,
        cutoffs=cl.monthly("2025-05", "2025-08"),
        lead="7d",
        horizon="30d",
        churn=cl.Inactivity("45d"),
        features=spec,
    ).X
    rng = np.random.default_rng(1)
    n, customer = len(X), pd.factorize(data.customer)[0]
    noise = {}
    for k in range(200 - X.shape[1]):
        per_customer = rng.normal(size=customer.max() + 1)[customer]
        draws = [
            rng.normal(size=n),
            per_customer,
            rng.integers(0, 5, n),
            np.where(rng.random(n) < 0.3, np.nan, rng.normal(size=n)),
            rng.choice(["north", "south", "east"], n),
        ]
        noise[f"noise_{k}"] = draws[k % 5]
    X = X.join(pd.DataFrame(noise, index=X.index))
    assert X.shape[1] == 200
    assert len(audit_leakage(X, data.y)) <= 1


def test_dataset_offers_the_audit(data):
    assert data.audit().columns.tolist() == ["feature", "reason", "statistic", "explanation"]


def test_bad_arguments_are_named(data):
    with pytest.raises(ParameterError, match=r"max_auc=0\.4"):
        audit_leakage(data.X, data.y, max_auc=0.4)
    with pytest.raises(DataError, match=r"y has \d+ with 1 classes"):
        audit_leakage(data.X, data.y * 0)
