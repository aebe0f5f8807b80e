"""Outcome, treatment and propensity, read back out of an uplift target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from churnlib._checks import named_rows
from churnlib._typing import Array, FloatArray
from churnlib.exceptions import DataError, message, some
from churnlib.targets._survival_rows import SurvivalRows, read_survival_target
from churnlib.targets._uplift_chances import check_chances

__all__ = ["UpliftRows", "is_uplift_target", "read_uplift_target"]

_KNOWN = ({"outcome", "treatment"}, {"event", "time", "treatment"})
_MORE = {"entry", "propensity"}


@dataclass(frozen=True, slots=True, eq=False)
class UpliftRows:
    """The fields of an uplift target, checked, one value per row.

    Parameters
    ----------
    outcome : ndarray of shape (n_rows,), or None
        Larger is better; None where the outcome is `survival`.
    survival : SurvivalRows, or None
        Whether and when customers left.
    treatment : ndarray of shape (n_rows,)
        The arm of each row: integers, or names.
    propensity : ndarray of shape (n_rows,) or (n_rows, n_arms), or None
        The chance to be treated, or of each arm, control first and the others sorted.

    Examples
    --------
    >>> from churnlib.targets import uplift_target
    >>> rows = read_uplift_target(uplift_target(retained=[1, 0], treatment=[0, 1]))
    >>> rows.outcome, rows.propensity is None
    (array([1., 0.]), True)
    """

    outcome: FloatArray | None
    survival: SurvivalRows | None
    treatment: Array
    propensity: FloatArray | None

    def __len__(self) -> int:
        return len(self.treatment)

    def take(self, rows: Array) -> UpliftRows:
        """Return some of the rows.

        Parameters
        ----------
        rows : ndarray
            Positions, or a mask.

        Returns
        -------
        UpliftRows
            In the order asked for.
        """
        return UpliftRows(
            None if self.outcome is None else self.outcome[rows],
            None if self.survival is None else self.survival.take(rows),
            self.treatment[rows],
            None if self.propensity is None else self.propensity[rows],
        )


def is_uplift_target(y: Any) -> bool:
    """Say whether y is what `uplift_target` makes.

    Parameters
    ----------
    y : array-like
        Any target.

    Returns
    -------
    bool
        Whether it has the field ``treatment`` and an outcome.

    Examples
    --------
    >>> from churnlib.targets import uplift_target
    >>> is_uplift_target(uplift_target(retained=[1, 0], treatment=[0, 1])), is_uplift_target([1, 0])
    (True, False)
    """
    names = getattr(getattr(y, "dtype", None), "names", None)
    return names is not None and any(known <= set(names) <= known | _MORE for known in _KNOWN)


def read_uplift_target(y: Any) -> UpliftRows:
    """Read an uplift target back into its fields, and check them.

    Parameters
    ----------
    y : structured array of shape (n_rows,)
        What `uplift_target` made, or a slice of it.

    Returns
    -------
    UpliftRows
        The fields.

    Raises
    ------
    DataError
        If y is no uplift target, is empty, or holds outcomes that are missing or chances that are not between 0 and 1.

    Examples
    --------
    >>> from churnlib.targets import survival_target, uplift_target
    >>> stayed = survival_target([1, 0], [30.0, 90.0])
    >>> rows = read_uplift_target(uplift_target(survival=stayed, treatment=["control", "call"], propensity=0.5))
    >>> rows.survival.time, rows.treatment.tolist(), rows.propensity
    (array([30., 90.]), ['control', 'call'], array([0.5, 0.5]))
    """
    target = np.asarray(y)
    if not is_uplift_target(target) or target.ndim != 1:
        found = target.dtype if target.dtype.names is None else f"fields {some(target.dtype.names, 8)}"
        raise DataError(
            message(
                f"y is an array of {found}, no uplift target",
                "outcome, treatment and perhaps propensity of each row in one array",
                "y=cl.uplift_target(retained=retained, treatment=treated)",
            )
        )
    if not len(target):
        raise DataError(message("y has no rows", "an uplift target of the rows of X", "check the filter before"))
    names = target.dtype.names or ()
    outcome, survival = None, None
    if "outcome" in names:
        outcome = target["outcome"].astype(np.float64, copy=False)
        lacking = ~np.isfinite(outcome)
        if lacking.any():
            raise DataError(
                message(
                    f"{int(lacking.sum())} of {len(outcome)} outcomes are missing or infinite ({named_rows(lacking)})",
                    "every row has an outcome",
                    "make y with cl.uplift_target(...), which says what to do about them",
                )
            )
    else:
        survival = read_survival_target(target[[name for name in ("event", "time", "entry") if name in names]])
    propensity = None
    if "propensity" in names:
        propensity = target["propensity"].astype(np.float64, copy=False)
        check_chances(propensity)
    return UpliftRows(outcome, survival, target["treatment"], propensity)
