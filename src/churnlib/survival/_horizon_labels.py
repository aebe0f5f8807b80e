"""From who left when to who leaves within a horizon, as far as that is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from churnlib._checks import check_integer, named_rows
from churnlib._typing import ArrayLike, BoolArray, FloatArray, IntArray
from churnlib.exceptions import DataError, ParameterError, message
from churnlib.numerics import censoring_survival
from churnlib.survival._ask import read_given, read_horizon
from churnlib.targets import SurvivalRows, read_survival_target

__all__ = ["HorizonLabels", "binary_labels", "labels_of"]


@dataclass(frozen=True, slots=True, eq=False)
class HorizonLabels:
    """Who left within a horizon, of whom that is known, and how much each of them stands for.

    Parameters
    ----------
    label : ndarray of int8 of shape (n_rows,)
        1 left within the horizon, 0 did not, or it is not known.
    known : ndarray of bool of shape (n_rows,)
        Whether it is known: not of those lost from sight before the horizon was over.
    weight : ndarray of shape (n_rows,)
        How many customers a row stands for, itself and those like it that were lost from sight;
        0 where the label is not known. They sum to about the number of rows.

    Examples
    --------
    >>> from churnlib.targets import survival_target
    >>> y = survival_target([1, 0, 0, 1], [10, 20, 40, 40])
    >>> labels = binary_labels(y, 30)
    >>> labels.label[labels.known], labels.weight
    (array([1, 0, 0], dtype=int8), array([1. , 0. , 1.5, 1.5]))
    """

    label: Any
    known: BoolArray
    weight: FloatArray


def binary_labels(
    y: Any, horizon: float | str | ArrayLike, *, given: ArrayLike | None = None, cause: int | None = None
) -> HorizonLabels:
    """Turn a survival target into the label "left within the horizon", with a mask and weights.

    A customer lost from sight before the horizon is over has no label: to count as staying would make churn look
    rare, and leaving such rows out makes it look frequent. So use `known` with
    `weight`, which lets customers who were watched stand for those who were not; it assumes that
    being lost from sight tells nothing about risk.

    Parameters
    ----------
    y : structured array of shape (n_rows,)
        The survival target.
    horizon : float, str, or array-like of shape (n_rows,)
        How far to look, above 0, in the unit of the target; text such as ``"90d"`` means days.
    given : float or array-like of shape (n_rows,), default=None
        The tenure from which the horizon counts. None: from the entry, or the start where everybody was
        watched from the start.
    cause : int, default=None
        The number of the cause that counts as leaving; who left by another has the label 0. None: any.

    Returns
    -------
    HorizonLabels
        Labels, mask and weights. Rows that ended at `given` or before have no label.

    Raises
    ------
    DataError
        If y is no survival target.
    ParameterError
        If a row was watched only from a tenure later than `given`, or an argument cannot be read.

    Notes
    -----
    ``weight = 1 / G(min(time − given, horizon)−)`` with the censoring's own product-limit curve G (Graf et al. 1999,
    Statistics in Medicine 18, 2529-2545). Who leaves exactly when the horizon is over has left within it.

    Examples
    --------
    >>> from churnlib.targets import survival_target
    >>> y = survival_target([1, 0], [10, 50], entry=[5, 20])
    >>> binary_labels(y, "30d").label, binary_labels(y, "30d").known
    (array([1, 0], dtype=int8), array([ True,  True]))
    """
    rows = read_survival_target(y)
    if cause is not None:
        check_integer(cause, name="cause", low=1)
    return labels_of(rows, read_horizon(horizon, len(rows))[:, 0], read_given(given, None, len(rows)), cause)


def labels_of(
    rows: SurvivalRows, horizon: FloatArray, given: FloatArray | None, cause: IntArray | int | None
) -> HorizonLabels:
    """Return the labels of rows that have been read.

    Parameters
    ----------
    rows : SurvivalRows
        The target.
    horizon : ndarray of shape (1,) or (n_rows,)
        How far to look.
    given : ndarray of shape (n_rows,), or None
        The tenure from which the horizon counts.
    cause : int or None
        As in `binary_labels`.

    Returns
    -------
    HorizonLabels
        Labels, mask and weights.
    """
    start = rows.start if given is None else given
    unseen = start < rows.start * (1 - 1e-12)
    if unseen.any():
        raise ParameterError(
            message(
                f"{int(unseen.sum())} of {len(rows)} rows were watched only from a tenure later than given "
                f"({named_rows(unseen)})",
                "who left between given and the entry is not among the rows, so labels from given on would be wrong",
                "given=y['entry'], or leave given out",
            )
        )
    ahead = rows.time - start
    here = ahead > 0
    if not here.any():
        raise DataError(message(f"all {len(rows)} rows ended at given or before", "rows of customers still here then"))
    left = rows.observed & here & (ahead <= horizon)
    known = here & (left | (ahead >= horizon))
    censoring = censoring_survival(ahead[here], rows.event[here])
    weight = np.zeros(len(rows))
    weight[known] = 1.0 / censoring.left(np.minimum(ahead, horizon)[known])
    label = left if cause is None else left & (rows.event == cause)
    return HorizonLabels(label.astype(np.int8), known, weight)
