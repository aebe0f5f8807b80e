"""The largest gap between churners and stayers along a ranking."""

from __future__ import annotations

from churnlib._typing import ArrayLike
from churnlib.metrics._ranked import RankedOutcomes

__all__ = ["ks_score"]


def ks_score(y: ArrayLike, s: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Kolmogorov-Smirnov distance: the largest gap between the shares of churners and of stayers on a list.

    Over all lists of the riskiest: the share of churners listed minus the share of stayers
    listed. Only gaps in favour of churners count, so that a ranking turned round scores near 0.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        1 for a churner, 0 for a stayer.
    s : array-like of shape (n_rows,)
        The score; higher means riskier. Equal scores are listed together.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row; whole numbers stand for repeated rows.

    Returns
    -------
    float
        Between 0 (no better than chance at any length) and 1; higher is better.

    Raises
    ------
    DataError
        If all rows are of one class, a number is missing, or an outcome is neither 0 nor 1.

    Notes
    -----
    The largest vertical distance of the ROC curve above its diagonal, and the one-sided statistic of
    Smirnov's two-sample test.

    Examples
    --------
    >>> round(ks_score([1, 1, 0, 1, 0, 0], [0.9, 0.8, 0.7, 0.6, 0.3, 0.1]), 4)
    0.6667
    """
    return RankedOutcomes(y, s).ks(sample_weight)
