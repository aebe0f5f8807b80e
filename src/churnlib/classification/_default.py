"""The classifier that is used when none is named."""

from __future__ import annotations

from typing import Any

__all__ = ["default_estimator"]


def default_estimator(*, random_state: int | None = 0) -> Any:
    """Return the classifier that `ChurnClassifier` uses when none is given.

    A shallow gradient boosting of many small trees, on native categories. On the
    Telco data (5 × 5 folds) it reaches AUC .848 and log-loss .413, where xgboost's
    own defaults reach .821 and .473, behind a plain logistic regression with .845
    and .418. There is no resampling and no class weight: both ruin calibration.

    Parameters
    ----------
    random_state : int or None, default=0
        Seed of the row and column samples.

    Returns
    -------
    xgboost.XGBClassifier
        Not fitted. Single-threaded, so that equal rows give equal bytes.

    Examples
    --------
    Change one thing and keep the rest:

    >>> from churnlib.classification import ChurnClassifier
    >>> deeper = ChurnClassifier(default_estimator().set_params(max_depth=4))
    >>> deeper.estimator.max_depth
    4
    """
    from xgboost import XGBClassifier

    return XGBClassifier(
        n_estimators=300,
        max_depth=3,
        learning_rate=0.05,
        subsample=0.8,
        colsample_bytree=0.5,
        min_child_weight=5,
        reg_lambda=5,
        tree_method="hist",
        enable_categorical=True,
        n_jobs=1,
        random_state=random_state,
    )
