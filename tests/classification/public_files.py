"""Three public files of churn and response, and a boosting that somebody has tuned for them.

The tuned one is no part of the package: plain xgboost, 40 settings drawn at random, each
with its number of trees found by early stopping on three folds of the training rows, the best
of them fitted on all training rows. The rows it is judged on have no part in it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from xgboost import XGBClassifier

FILES = ("telephone", "cards", "bank")
N_TRIALS, MOST_TREES, PATIENCE = 40, 1500, 60


def load(name: str, folder: Path) -> tuple[pd.DataFrame, pd.Series[Any]]:
    """Rows and labels, text as categories."""
    file, target, churned = {
        "telephone": ("churn_mlc_5000.csv.gz", "churn", "yes"),
        "cards": ("bankchurners_10127.csv.gz", "Attrition_Flag", "Attrited Customer"),
        "bank": ("bank_marketing_costs.csv.gz", "y", "yes"),
    }[name]
    X = pd.read_csv(folder / file, keep_default_na=False, na_values=[""])
    y = (X.pop(target) == churned).astype("int8")
    if name == "cards":
        X = X.drop(columns="CLIENTNUM")
        # three cells hold words ("not needed", "done") where numbers stand
        for column in ("Customer_Age", "Avg_Utilization_Ratio"):
            X[column] = pd.to_numeric(X[column], errors="coerce")
    text = X.columns[[not pd.api.types.is_numeric_dtype(dtype) for dtype in X.dtypes]]
    return X.astype(dict.fromkeys(text, "category")), y


def third(X: pd.DataFrame, y: pd.Series[Any]) -> tuple[pd.DataFrame, pd.Series[Any]]:
    """A fixed third of the rows."""
    rows = np.sort(np.random.default_rng(0).permutation(len(X))[: len(X) // 3])
    return X.iloc[rows].reset_index(drop=True), y.iloc[rows].reset_index(drop=True)


def logistic() -> Pipeline:
    """Logistic regression on standardised numbers and one column per category."""
    number = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    text = OneHotEncoder(handle_unknown="ignore")
    prepared = make_column_transformer(
        (number, make_column_selector(dtype_include="number")), (text, make_column_selector(dtype_include="category"))
    )
    return make_pipeline(prepared, LogisticRegression(max_iter=2000))


def booster(**parameters: Any) -> XGBClassifier:
    """Plain xgboost."""
    return XGBClassifier(tree_method="hist", enable_categorical=True, n_jobs=1, random_state=0, **parameters)


def draw(rng: np.random.Generator) -> dict[str, Any]:
    """One setting, from ranges wider than those of the package."""

    def between(low: float, high: float) -> float:
        return round(float(np.exp(rng.uniform(np.log(low), np.log(high)))), 4)

    return {
        "max_depth": int(rng.integers(2, 9)),
        "learning_rate": between(0.02, 0.15),
        "subsample": round(float(rng.uniform(0.6, 1.0)), 3),
        "colsample_bytree": round(float(rng.uniform(0.3, 1.0)), 3),
        "min_child_weight": between(1, 30),
        "reg_lambda": between(0.3, 30),
        "gamma": float(rng.choice([0.0, 0.0, 0.5, 1.0, 2.0])),
    }


def tune(X: pd.DataFrame, y: pd.Series[Any], *, seed: int) -> dict[str, Any]:
    """The best setting for these rows, with its number of trees."""
    rng = np.random.default_rng(seed)
    folds = list(StratifiedKFold(3, shuffle=True, random_state=seed).split(X, y))
    best: tuple[float, dict[str, Any]] = (np.inf, {})
    for _ in range(N_TRIALS):
        setting = draw(rng)
        curves = []
        for train, test in folds:
            watching = booster(
                n_estimators=MOST_TREES, early_stopping_rounds=PATIENCE, eval_metric="logloss", **setting
            )
            watching.fit(X.iloc[train], y.iloc[train], eval_set=[(X.iloc[test], y.iloc[test])], verbose=False)
            curves.append(np.array(watching.evals_result()["validation_0"]["logloss"]))
        shortest = min(map(len, curves))
        mean = np.mean([curve[:shortest] for curve in curves], axis=0)
        if mean.min() < best[0]:
            best = float(mean.min()), {"n_estimators": int(mean.argmin()) + 1, **setting}
    return best[1]
