"""Panels of customers and months: models that are equally good by construction, and one that invites memorising."""

import numpy as np
import pandas as pd

MONTHS = pd.date_range("2024-01-01", periods=12, freq="MS", tz="UTC")


def expit(x):
    return 1 / (1 + np.exp(-x))


def twins(customers, rng, *, rows=2):
    """Rows of customers that resemble each other; "one" and "two" each see half of the truth, "little" less."""
    own = rng.normal(size=(customers, 2)).repeat(rows, axis=0)
    x = np.sqrt(0.7) * own + np.sqrt(0.3) * rng.normal(size=own.shape)
    y = (rng.random(len(x)) < expit(-1.5 + x.sum(axis=1))).astype(int)
    seen = 1 / (1 + 0.346)  # a normal of variance 1 left unseen flattens the logistic curve: (16 √3 / 15 π)²
    flat = np.sqrt(seen)
    one, two = expit(flat * (-1.5 + x[:, 0])), expit(flat * (-1.5 + x[:, 1]))
    little = expit(-1.1 + 0.25 * (x[:, 0] + rng.normal(size=len(x))))
    index = pd.Index(np.arange(customers).repeat(rows), name="customer_id")
    return pd.DataFrame({"one": one, "two": two, "little": little}, index=index), y


def sticky_panel(customers=1500, *, seed=0):
    """Ten months of customers whose features hardly change, and whose risk drifts; churn within two months.

    The features identify the customer, so that whoever has seen other months of a customer knows how they end.
    """
    rng = np.random.default_rng(seed)
    traits, hidden = rng.normal(size=(customers, 6)), rng.normal(size=customers)
    base = -3.8 + traits @ (0.35 * rng.normal(size=6)) + hidden
    left = np.full(customers, 99)
    for month, drift in enumerate(np.linspace(0, 1, len(MONTHS))):
        leaves = (left == 99) & (rng.random(customers) < expit(base + drift))
        left[leaves] = month
    parts = []
    for month in range(len(MONTHS) - 2):
        here = np.flatnonzero(left >= month)
        part = pd.DataFrame(
            traits[here] + 0.05 * rng.normal(size=(len(here), 6)), columns=[f"trait_{k}" for k in range(6)]
        )
        parts.append(part.assign(customer_id=here, cutoff=MONTHS[month], churn=(left[here] - month < 2).astype("int8")))
    rows = pd.concat(parts).set_index(["customer_id", "cutoff"]).sort_index()
    return rows.drop(columns="churn"), rows["churn"]
