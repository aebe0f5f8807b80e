"""What a definition of churn says before anything is counted: who was with us from when to when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnlib._typing import Array, IntArray
from churnlib.outcomes._causes import UNKNOWN

__all__ = ["NEVER", "Spells"]

NEVER = int(np.iinfo(np.int64).max)
"""The churn instant of a customer who has not churned."""


@dataclass(frozen=True, slots=True, eq=False)
class Spells:
    """Spells as a definition finds them: in any order, not yet numbered, not yet censored.

    A customer is at risk at every cutoff c of a spell with ``start < c <= end``. This is what
    `ChurnDefinition.spells` returns; the base class checks, sorts, numbers and censors it.

    Attributes
    ----------
    customers : Index
        Ids of all customers the definition looked at.
    customer : ndarray of int, shape (n_spells,)
        Position in `customers`.
    start, end : ndarray of int64, shape (n_spells,)
        Microseconds since 1970; `end` is the instant at which the churn could be known, or `NEVER`.
    complete_until_us : int
        Until when the data are complete.
    cause : ndarray of int, shape (n_spells,), or None
        1, 2, … into `causes`; read only where a spell ends. None is cause 1 throughout.
    causes : tuple of str
        Words for the causes.
    last_activity : ndarray of int64, shape (n_spells,), or None
        Last sign of life before the churn; None takes the customer's last event up to the churn.
    timezone : str
        Zone of the log.

    Examples
    --------
    >>> Spells(
    ...     customers=pd.Index(["ann"]),
    ...     customer=np.array([0]),
    ...     start=np.array([0]),
    ...     end=np.array([NEVER]),
    ...     complete_until_us=10,
    ... ).causes
    ('unknown',)
    """

    customers: pd.Index
    customer: Array
    start: IntArray
    end: IntArray
    complete_until_us: int
    cause: Array | None = None
    causes: tuple[str, ...] = (UNKNOWN,)
    last_activity: IntArray | None = None
    timezone: str = "UTC"
