"""Kaplan–Meier, Nelson–Aalen and Greenwood from a table of risk, and the Kaplan–Meier curve of censoring."""

from __future__ import annotations

import numpy as np

from churnlib._typing import ArrayLike, FloatArray
from churnlib.numerics._risk_table import RiskTable, risk_table
from churnlib.numerics._step_function import StepFunction

__all__ = ["censoring_survival", "greenwood", "nelson_aalen", "product_limit"]


def product_limit(table: RiskTable) -> StepFunction:
    """Estimate the share still here at each time (Kaplan–Meier).

    It assumes that those lost from sight, and those not yet under observation, would
    have left like those who are watched.

    Parameters
    ----------
    table : RiskTable
        Who is at risk and who leaves; several causes count as one.

    Returns
    -------
    StepFunction
        S(t), in [0, 1], never rising; 1 before the first time.

    Notes
    -----
    ``S(t) = Π_{t_j ≤ t} (1 − d_j / n_j)`` (Kaplan and Meier 1958, J. Am. Stat. Assoc. 53,
    457-481). Censorings at a time of events are taken to come after them. Once a
    risk set has emptied by events the curve is 0 for good, even if others enter later.

    Examples
    --------
    >>> S = product_limit(risk_table([1, 2, 2, 3], [1, 0, 1, 0]))
    >>> S([0, 1, 2, 3]).round(3)
    array([1.  , 0.75, 0.5 , 0.5 ])
    """
    return StepFunction(table.times, _kept(table.left, table.at_risk), 1.0)


def nelson_aalen(table: RiskTable) -> StepFunction:
    """Estimate the hazard summed up to each time (Nelson–Aalen).

    Parameters
    ----------
    table : RiskTable
        Who is at risk and who leaves; several causes count as one.

    Returns
    -------
    StepFunction
        H(t) ≥ 0, never falling; 0 before the first time.

    Notes
    -----
    ``H(t) = Σ_{t_j ≤ t} d_j / n_j`` (Aalen 1978, Ann. Stat. 6, 701-726).

    Examples
    --------
    >>> nelson_aalen(risk_table([1, 2, 2, 3], [1, 0, 1, 0]))([0.5, 2])
    array([0.        , 0.58333333])
    """
    left = table.left
    hazard = np.divide(left, table.at_risk, out=np.zeros(len(left)), where=left > 0)
    return StepFunction(table.times, np.cumsum(hazard), 0.0)


def greenwood(table: RiskTable) -> StepFunction:
    """Sum Greenwood's terms: the variance of log S(t).

    Parameters
    ----------
    table : RiskTable
        Who is at risk and who leaves; several causes count as one.

    Returns
    -------
    StepFunction
        ≥ 0, never falling; 0 before the first time; infinite once everyone at risk has
        left. The standard error of S(t) is ``S(t) √value``.

    Notes
    -----
    ``Σ_{t_j ≤ t} d_j / (n_j (n_j − d_j))`` (Greenwood 1926).

    Examples
    --------
    >>> table = risk_table([1, 2, 2, 3], [1, 0, 1, 0])
    >>> S, variance = product_limit(table)([2]), greenwood(table)([2])
    >>> S * variance**0.5
    array([0.25])
    """
    return StepFunction(table.times, np.cumsum(greenwood_terms(table)), 0.0)


def greenwood_terms(table: RiskTable) -> FloatArray:
    """Return ``d / (n (n − d))`` at each time, infinite where all leave."""
    left, at_risk = table.left, table.at_risk
    staying = at_risk - left
    return np.divide(left, at_risk * staying, out=np.where(left > 0, np.inf, 0.0), where=(staying > 0) & (left > 0))


def censoring_survival(
    time: ArrayLike, event: ArrayLike, *, entry: ArrayLike | None = None, weight: ArrayLike | None = None
) -> StepFunction:
    """Estimate the share not yet lost from sight at each time: the censoring's own Kaplan–Meier.

    What weights by the inverse probability of censoring are made of. Events are taken
    to come before censorings of the same time, so those who leave at t can no longer
    be censored at t: they are not in its risk set.

    Parameters
    ----------
    time : array-like of shape (n_rows,)
        When observation ended.
    event : array-like of shape (n_rows,)
        0 or False for a row that was still here (censored); anything else is an event.
    entry : array-like of shape (n_rows,), default=None
        When observation began, below `time`.
    weight : array-like of shape (n_rows,), default=None
        How many customers a row stands for.

    Returns
    -------
    StepFunction
        G(t), in [0, 1], never rising; 1 before the first time. G(t−) is ``.left(t)``.

    Notes
    -----
    ``G(t) = Π_{t_j ≤ t} (1 − c_j / (n_j − d_j))`` with c censored, d leaving and n at risk.

    Examples
    --------
    >>> G = censoring_survival([1, 2, 2, 3], [0, 1, 0, 1])
    >>> G([1, 2, 3]), G.left([1, 2, 3])
    (array([0.75 , 0.375, 0.375]), array([1.   , 0.75 , 0.375]))
    """
    return censoring_limit(risk_table(time, np.asarray(event) != 0, entry=entry, weight=weight))


def censoring_limit(table: RiskTable) -> StepFunction:
    """Estimate the censoring's curve from a table; see `censoring_survival`."""
    return StepFunction(table.times, _kept(table.censored, table.at_risk - table.left), 1.0)


def _kept(lost: FloatArray, exposed: FloatArray) -> FloatArray:
    """Multiply up the shares that are not lost; where nobody is exposed nobody is lost."""
    rest = np.maximum(exposed - lost, 0.0)  # sums of weights may differ in their last bits
    share = np.ones(len(lost))
    np.divide(rest, exposed, out=share, where=lost > 0)
    kept: FloatArray = np.cumprod(share, dtype=np.float64)
    return kept
