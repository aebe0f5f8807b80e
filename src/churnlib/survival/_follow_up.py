"""Whether customers were watched for long enough to say that some of them never leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from churnlib._checks import check_number
from churnlib._typing import ArrayLike, FloatArray
from churnlib.exceptions import DataError, message
from churnlib.metrics._arrays import weights
from churnlib.numerics import product_limit, risk_table
from churnlib.targets import SurvivalRows, read_survival_target

__all__ = ["FollowUp", "followup_check", "followup_of"]

_STOPPED, _NEARLY = 0.02, 0.05
"""What a curve may have fallen in the last quarter to stand still, or nearly."""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """How long customers were watched after the last churn, and whether that is long enough.

    Parameters
    ----------
    last_churn : float
        The latest tenure at which anybody left.
    last_seen : float
        The latest tenure at which anybody was watched.
    beyond : float
        How many customers were watched beyond `last_churn`.
    plateau : float
        The share still here at the end, by the product-limit curve.
    n_late : float
        How many left in the last stretch before `last_churn` that is as long as the plateau.
    q : float
        `n_late` as a share of all customers.
    alpha : float
        ``(1 - q)^n``: small where follow-up was long enough.
    still_falling : float
        What the curve fell in the last quarter of the time, as a share of all that it fell.
    level : float
        What `alpha` is compared with.

    Examples
    --------
    >>> follow_up = FollowUp(10.0, 25.0, 40.0, 0.4, 60.0, 0.6, 0.0, 0.0, 0.05)
    >>> follow_up.length, follow_up.sufficient
    (15.0, True)
    """

    last_churn: float
    last_seen: float
    beyond: float
    plateau: float
    n_late: float
    q: float
    alpha: float
    still_falling: float
    level: float

    @property
    def length(self) -> float:
        """How long the plateau is: from the last churn to the end of observation."""
        return self.last_seen - self.last_churn

    @property
    def sufficient(self) -> bool:
        """Whether the curve stands still, or nearly so and `alpha` is at most `level`."""
        return self.still_falling <= (_NEARLY if self.alpha <= self.level else _STOPPED)


def followup_check(y: Any, *, sample_weight: ArrayLike | None = None, level: float = 0.05) -> FollowUp:
    """Test whether follow-up was long enough to tell customers who never leave from those who leave late.

    A share that never leaves shows as a plateau of the survival curve. If customers were not watched beyond
    the time by which all leave who ever will, the plateau is only where the data end. The test
    compares the length of the plateau with the churn before it: a plateau much longer
    than the gaps between the last churns is hardly the end of the data.

    Parameters
    ----------
    y : structured array of shape (n_rows,)
        The survival target; several causes count as one.
    sample_weight : array-like of shape (n_rows,), default=None
        How many customers each row stands for.
    level : float, default=0.05
        The largest `alpha` at which follow-up is taken as long enough.

    Returns
    -------
    FollowUp
        The plateau and the test.

    Raises
    ------
    DataError
        If nobody was seen to leave.
    ParameterError
        If `level` is not between 0 and 1.

    Notes
    -----
    With the last churn at t*, the end of observation at t_max, and N customers who left in
    ``(2t* − t_max, t*]`` out of n: ``q = N / n`` and ``α = (1 − q)^n`` (Maller and Zhou 1994,
    J. Am. Stat. Assoc. 89, 1499-1506; 1996, Survival Analysis with Long-Term Survivors). A last row that left
    leaves no plateau, and α = 1. The test is rough: three late churns decide it. Among many
    customers there is always a straggler who makes α large, and where few are watched to
    the end α is small for want of customers. So the fall of the curve in the last quarter of the time is
    looked at too: up to 2 % of its whole fall passes, above 5 % does not, and α decides in between. With
    delayed entry there is no theory for α; tenures count as they are.

    Examples
    --------
    >>> from churnlib.targets import survival_target
    >>> y = survival_target([1] * 60 + [0] * 40, [float(1 + i % 10) for i in range(60)] + [25.0] * 40)
    >>> follow_up = followup_check(y)
    >>> follow_up.length, follow_up.plateau, follow_up.sufficient
    (15.0, 0.4, True)
    """
    rows = read_survival_target(y)
    weight, _ = weights(sample_weight, len(rows))
    return followup_of(rows, weight, check_number(level, name="level", low=0, high=1))


def followup_of(rows: SurvivalRows, weight: FloatArray, level: float = 0.05) -> FollowUp:
    """Return the check of rows that have been read.

    Parameters
    ----------
    rows : SurvivalRows
        The target.
    weight : ndarray of shape (n_rows,)
        How many customers each row stands for.
    level : float, default=0.05
        As in `followup_check`.

    Returns
    -------
    FollowUp
        The plateau and the test.
    """
    left = rows.observed & (weight > 0)
    if not left.any():
        raise DataError(message(f"all {len(rows)} rows are censored", "a plateau begins after the last observed churn"))
    last_churn, last_seen = float(rows.time[left].max()), float(rows.time[weight > 0].max())
    table = risk_table(rows.time, rows.observed, entry=rows.entry, weight=weight)
    late = left & (rows.time > 2 * last_churn - last_seen)
    n, n_late = float(weight.sum()), float(weight[late].sum())
    share = n_late / n
    curve = product_limit(table)
    plateau, before = float(curve.values[-1]), float(curve(0.75 * last_seen))
    return FollowUp(
        last_churn=last_churn,
        last_seen=last_seen,
        beyond=float(weight[rows.time > last_churn].sum()),
        plateau=plateau,
        n_late=n_late,
        q=share,
        alpha=float(np.exp(n * np.log1p(-share))) if share < 1 else 0.0,
        still_falling=(before - plateau) / (1 - plateau),
        level=level,
    )
