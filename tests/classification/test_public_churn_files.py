"""The default classifier beside a tuned boosting and a logistic regression, on three public files.

The tuned one is described in `public_files`. FOUND holds what its search found for the three
folds below, on the training rows of each alone; a slow test searches on ten other folds.
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss
from sklearn.model_selection import RepeatedStratifiedKFold, StratifiedKFold

from churnlib.classification import ChurnClassifier
from tests.classification.public_files import FILES, booster, load, logistic, third, tune

FOUND: dict[str, list[dict[str, Any]]] = {
    "telephone": [
        {
            "n_estimators": 230,
            "max_depth": 6,
            "learning_rate": 0.0271,
            "subsample": 0.78,
            "colsample_bytree": 0.857,
            "min_child_weight": 2.1912,
            "reg_lambda": 0.3812,
            "gamma": 0.0,
        },
        {
            "n_estimators": 101,
            "max_depth": 7,
            "learning_rate": 0.0559,
            "subsample": 0.658,
            "colsample_bytree": 0.802,
            "min_child_weight": 2.5595,
            "reg_lambda": 0.5564,
            "gamma": 0.0,
        },
        {
            "n_estimators": 60,
            "max_depth": 8,
            "learning_rate": 0.1288,
            "subsample": 0.788,
            "colsample_bytree": 0.786,
            "min_child_weight": 1.44,
            "reg_lambda": 0.4855,
            "gamma": 0.0,
        },
    ],
    "cards": [
        {
            "n_estimators": 509,
            "max_depth": 4,
            "learning_rate": 0.0437,
            "subsample": 0.625,
            "colsample_bytree": 0.808,
            "min_child_weight": 1.3479,
            "reg_lambda": 1.8506,
            "gamma": 0.0,
        },
        {
            "n_estimators": 408,
            "max_depth": 5,
            "learning_rate": 0.0488,
            "subsample": 0.684,
            "colsample_bytree": 0.934,
            "min_child_weight": 1.0589,
            "reg_lambda": 1.2138,
            "gamma": 1.0,
        },
        {
            "n_estimators": 946,
            "max_depth": 4,
            "learning_rate": 0.0228,
            "subsample": 0.667,
            "colsample_bytree": 0.551,
            "min_child_weight": 1.349,
            "reg_lambda": 0.6006,
            "gamma": 0.0,
        },
    ],
    "bank": [
        {
            "n_estimators": 364,
            "max_depth": 5,
            "learning_rate": 0.0298,
            "subsample": 0.636,
            "colsample_bytree": 0.706,
            "min_child_weight": 2.7619,
            "reg_lambda": 6.6239,
            "gamma": 0.5,
        },
        {
            "n_estimators": 299,
            "max_depth": 6,
            "learning_rate": 0.0441,
            "subsample": 0.693,
            "colsample_bytree": 0.889,
            "min_child_weight": 3.7687,
            "reg_lambda": 26.6997,
            "gamma": 0.0,
        },
        {
            "n_estimators": 449,
            "max_depth": 5,
            "learning_rate": 0.0336,
            "subsample": 0.786,
            "colsample_bytree": 0.873,
            "min_child_weight": 1.4919,
            "reg_lambda": 25.8637,
            "gamma": 0.0,
        },
    ],
}


def losses(X, y, train, test, setting, **options):
    """Log-loss of the default, the tuned and the linear model on the test rows of one fold."""
    default = ChurnClassifier(random_state=0, **options).fit(X.iloc[train], y.iloc[train])
    models = [default] + [other.fit(X.iloc[train], y.iloc[train]) for other in (booster(**setting), logistic())]
    stated = [model.predict_proba(X.iloc[test])[:, 1].astype(np.float64) for model in models]
    return [log_loss(y.iloc[test], p) for p in stated]


def judge(found, name, record_property):
    frame = pd.DataFrame(found, columns=["default", "tuned", "linear"])
    record_property(f"{name}_log_loss", frame.mean().round(4).to_dict())
    record_property(f"{name}_default_less_tuned", (frame["default"] - frame["tuned"]).round(4).to_list())
    assert frame["default"].mean() <= frame["tuned"].mean() + 0.002
    assert (frame["default"] < frame["linear"]).all(), "on no fold is the linear model better"


@pytest.mark.parametrize("name", FILES)
def test_the_default_is_level_with_a_tuned_boosting(name, data_dir, record_property):
    X, y = load(name, data_dir)
    if name == "bank":
        X, y = third(X, y)
    folds = StratifiedKFold(3, shuffle=True, random_state=0).split(X, y)
    found = [
        losses(X, y, train, test, setting, cv=3) for (train, test), setting in zip(folds, FOUND[name], strict=True)
    ]
    judge(found, name, record_property)


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_the_default_is_level_with_a_boosting_tuned_on_every_fold(name, data_dir, record_property):
    X, y = load(name, data_dir)
    if name == "bank":
        X, y = third(X, y)
    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=2, random_state=1).split(X, y)
    found = [
        losses(X, y, train, test, tune(X.iloc[train], y.iloc[train], seed=number))
        for number, (train, test) in enumerate(folds)
    ]
    judge(found, name, record_property)
