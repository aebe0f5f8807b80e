"""Rows whose true probability is known, and a classifier that states what stands in a column."""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin


class Stated(ClassifierMixin, BaseEstimator):
    """States the probability that stands in a column."""

    classes_ = np.array([0, 1])

    def __init__(self, column="p"):
        self.column = column

    def fit(self, X, y):
        return self

    def predict_proba(self, X):
        p = X[self.column].to_numpy()
        return np.column_stack([1 - p, p])


def world(n_customers=400, cutoffs=3, *, seed=0, signal=1.0):
    """Rows whose stated p is the true probability; recency knows part of it."""
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_product(
        [np.arange(n_customers), pd.date_range("2025-01-01", periods=cutoffs, freq="30D", tz="UTC")],
        names=["customer_id", "cutoff"],
    )
    n = len(index)
    silence = rng.integers(0, 90, n).astype(float)
    p = 1 / (1 + np.exp(2.0 - signal * rng.normal(size=n) - 0.02 * (silence - 45)))
    X = pd.DataFrame({"p": p, "any.recency": silence}, index=index)
    return X, pd.Series((rng.random(n) < p).astype("int8"), index=index, name="churn")


def value(table, metric, column="value"):
    return table.set_index("metric").loc[metric, column]
