"""Small worlds whose churn probability is known."""

import numpy as np
import pandas as pd

PLANS = np.array(["basic", "gold", "silver"])


def truth(X):
    plan = X["plan"].astype(object).map({"basic": 1.0, "gold": -1.0, "silver": 0.0}).astype(float)
    return 1 / (1 + np.exp(1.5 - 0.04 * (X["silence"] - 30) - plan))


def world(n=600, *, seed=0, cutoffs=1):
    """n rows of n / cutoffs customers, with the label drawn from the true probability."""
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_product(
        [np.arange(n // cutoffs), pd.date_range("2025-01-01", periods=cutoffs, freq="30D", tz="UTC")],
        names=["customer_id", "cutoff"],
    )
    X = pd.DataFrame(
        {
            "silence": rng.exponential(30, n).round(1),
            "orders": rng.poisson(3, n),
            "plan": rng.choice(PLANS, n),
            "vip": rng.random(n) < 0.2,
        },
        index=index,
    )
    X.loc[rng.random(n) < 0.1, "silence"] = np.nan
    chance = truth(X.fillna({"silence": 30.0}))
    y = pd.Series((rng.random(n) < chance).astype("int8"), index=index, name="churn")
    return X, y
