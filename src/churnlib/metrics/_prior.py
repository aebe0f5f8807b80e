"""Probabilities moved from the churn rate of the training rows to that of the customers to be scored."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from churnlib._typing import ArrayLike
from churnlib.exceptions import DataError, ParameterError, message, some

__all__ = ["correct_prior"]


def correct_prior(p: ArrayLike, *, train_rate: float, deploy_rate: float) -> Any:
    """Correct probabilities for a churn rate that differs from that of the training rows.

    A model trained on rows of which churners were over-sampled (or stayers under-sampled, or classes
    weighted) states probabilities that are too high by a known factor of the odds; so does one
    that was trained in a month with more churn. It assumes that churners look as before and stayers
    too, and that only their numbers differ (prior shift).

    Parameters
    ----------
    p : array-like of shape (n_rows,)
        Stated probabilities, between 0 and 1.
    train_rate : float
        Churn rate of the training rows, weights and resampling included, above 0 and below 1.
    deploy_rate : float
        Churn rate among the customers to be scored, above 0 and below 1.

    Returns
    -------
    ndarray, or Series if `p` is one
        Corrected probabilities, between 0 and 1, in the same order; ranks do not change.

    Raises
    ------
    ParameterError
        If a rate is not above 0 and below 1.
    DataError
        If a probability is missing or outside 0 and 1.

    Notes
    -----
    ``odds' = odds · [π' / (1 - π')] / [π / (1 - π)]`` with π the training and π' the deployment rate (Saerens,
    Latinne and Decaestecker 2002, Neural Computation 14, 21-41; Elkan 2001, IJCAI, theorem 2).
    Correcting there and back changes nothing.

    Examples
    --------
    A model trained on as many churners as stayers, where 5 % churn:

    >>> correct_prior([0.5, 0.9], train_rate=0.5, deploy_rate=0.05).round(4)
    array([0.05  , 0.3214])
    """
    was, becomes = _rate(train_rate, "train_rate"), _rate(deploy_rate, "deploy_rate")
    stated = np.asarray(p, dtype=np.float64)
    wrong = np.flatnonzero(~((stated >= 0) & (stated <= 1)))
    if wrong.size:
        raise DataError(
            message(
                f"{wrong.size} of {stated.size} probabilities are missing or outside 0 and 1 (rows {some(wrong)})",
                "odds are those of probabilities",
                "pass predict_proba(X)[:, 1]",
            )
        )
    churn, stay = stated * (becomes / was), (1.0 - stated) * ((1.0 - becomes) / (1.0 - was))
    corrected = churn / (churn + stay)
    return pd.Series(corrected, index=p.index, name=p.name) if isinstance(p, pd.Series) else corrected


def _rate(rate: float, name: str) -> float:
    if not 0 < rate < 1:
        raise ParameterError(
            message(f"{name} is {rate!r}", "a churn rate above 0 and below 1 is needed", f"{name}=0.05 for 5 %")
        )
    return float(rate)
