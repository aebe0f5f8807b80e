"""Concordance that does not depend on how long customers were watched: Uno's."""

from __future__ import annotations

from typing import Any

import numpy as np

from churnlib._typing import ArrayLike
from churnlib.exceptions import DataError, message
from churnlib.metrics._censoring import Convention, read_censoring
from churnlib.metrics._concordance import count_pairs
from churnlib.metrics._survival_inputs import read_risk, read_tau, read_watched

__all__ = ["uno_concordance_score"]


def uno_concordance_score(
    y: Any,
    risk: ArrayLike,
    *,
    train: Any = None,
    tau: float | None = None,
    sample_weight: ArrayLike | None = None,
    convention: Convention = "churnlib",
) -> float:
    """Uno's concordance: Harrell's, with each pair weighted up for the pairs that censoring hid.

    Where many rows are lost from sight early, few late pairs can be compared, and
    Harrell's concordance is one of early churns. Here a pair whose first left at t weighs
    1/G(t−)², with G the share not yet lost from sight, so that the result estimates the same thing
    however long customers are watched. It assumes that being lost from sight does not depend on the features.

    Parameters
    ----------
    y : structured array of shape (n_rows,)
        The survival target. With delayed entry pairs are compared on the time since entry, on which alone
        censoring can be weighed; `concordance_score` compares on tenure.
    risk : array-like of shape (n_rows,)
        Higher leaves sooner.
    train : structured array or StepFunction, default=None
        What censoring is estimated from: the target of the training rows, or `censoring_` of
        a fitted model. None takes the rows of y themselves.
    tau : float, default=None
        Only those who left before it are the first of a pair: beyond it few are still watched,
        and weights are wild. None: all.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row; a pair weighs the product of its two.
    convention : {"churnlib", "sksurv", "riskRegression"}, default="churnlib"
        "churnlib" and "riskRegression" (which here stands for R's ``concordance(timewt="n/G2")``)
        weigh by 1/G(t−)², "sksurv" by 1/G(t)². "riskRegression" counts who left exactly at tau too. Only
        "churnlib" knows delayed entry.

    Returns
    -------
    float
        Between 0 and 1, higher is better; a coin reaches 0.5.

    Raises
    ------
    DataError
        If y is no survival target, a risk is missing, or no two rows can be compared.
    HistoryError
        If someone left where nobody is still watched in the training rows.
    ParameterError
        If tau is not above 0, or a convention is asked for what it does not know.

    Notes
    -----
    ``C = Σ w_i w_j 1(T_i < T_j, T_i < τ, left_i) 1(r_i > r_j) / G(T_i−)² / (the same without the risks)``, ties in
    risk counted half (Uno, Cai, Pencina, D'Agostino and Wei 2011, Stat. Med. 30, 1105-1117).

    Examples
    --------
    >>> from churnlib.targets import survival_target
    >>> y = survival_target([1, 0, 1, 0, 1], [2, 3, 5, 9, 10])
    >>> round(uno_concordance_score(y, [0.9, 0.2, 0.1, 0.4, 0.3]), 3)
    0.529
    """
    watched = read_watched(y, sample_weight)
    risks = read_risk(risk, len(watched))
    last = np.inf if tau is None else read_tau(tau)
    share = read_censoring(watched, train, convention).of_events_by(watched, last)
    query = share**2 * watched.weight if watched.weighted else share**2
    counts = count_pairs(watched, risks, query, time=watched.time, entry=None)
    if not counts.comparable > 0:
        raise DataError(
            message(
                f"no two of {len(watched)} rows can be compared ({int((query > 0).sum())} were seen to leave in time)",
                "one must be seen to leave, before tau, while another is still here",
                "score more rows, or a later tau",
            )
        )
    return counts.score
