"""Events as parallel arrays, before and after they are put in canonical order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnlib.events._order import canonical_order, gather

__all__ = ["Attribute", "Rows", "narrow"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """A dated attribute: what each event says about its customer, such as the plan.

    Parameters
    ----------
    values : ndarray
        One per event. For a categorical attribute int32 codes into
        `categories`, -1 where the event does not state it; for a numeric one
        float64, NaN where it does not.
    categories : pandas.Index or None
        The distinct values, ascending; None for a numeric attribute.

    Examples
    --------
    >>> Attribute(np.array([0, -1], dtype=np.int32), pd.Index(["basic"])).is_numeric
    False
    """

    values: NDArray[Any]
    categories: pd.Index[Any] | None

    @property
    def is_numeric(self) -> bool:
        """Whether the attribute is a number rather than a category.

        Examples
        --------
        >>> Attribute(np.array([1.5]), None).is_numeric
        True
        """
        return self.categories is None


@dataclass(frozen=True, slots=True)
class Rows:
    """Events as parallel arrays of one length.

    Parameters
    ----------
    codes : ndarray of int32
        Customer code of each event.
    time : ndarray of int64
        Microseconds of UTC.
    kind : ndarray of int8 or int16
        Code of its kind.
    known : ndarray of int64 or None, default=None
        When it became known, never before `time`.
    amount : ndarray of int64 or None, default=None
        Money in units of the last decimal.
    item : ndarray of int32 or None, default=None
        Code of its item, -1 for none.
    attributes : mapping of str to ndarray or None, default=None
        Values of the dated attributes.
    ids : ndarray of int32 or None, default=None
        Rank of its event id.

    Examples
    --------
    >>> Rows(np.array([0], dtype=np.int32), np.array([5]), np.array([0], dtype=np.int8)).ties()
    [array([0], dtype=int8)]
    """

    codes: NDArray[np.int32]
    time: NDArray[np.int64]
    kind: NDArray[Any]
    known: NDArray[np.int64] | None = None
    amount: NDArray[np.int64] | None = None
    item: NDArray[np.int32] | None = None
    attributes: Mapping[str, NDArray[Any]] | None = None
    ids: NDArray[np.int32] | None = None

    def ties(self) -> list[NDArray[Any]]:
        """Return what orders events of the same customer and time, most significant first."""
        named = list((self.attributes or {}).values())
        return [
            column for column in (self.kind, self.item, self.amount, self.known, *named, self.ids) if column is not None
        ]

    def keep(self, mask: NDArray[np.bool_]) -> Rows:
        """Return the events where the mask is set."""
        places = np.flatnonzero(mask)
        return self._taken(places, self.codes.take(places))

    def ordered(self, n_customers: int) -> tuple[Rows, NDArray[np.int64], int]:
        """Put the events in canonical order.

        Returns
        -------
        rows : Rows
            The ordered events.
        offsets : ndarray of int64
            Where each customer's events begin.
        identical : int
            How many events equal the one before them in everything.
        """
        order, offsets, identical = canonical_order(self.codes, n_customers, self.time, self.ties())
        # The codes of ordered rows are known from the offsets: no need to gather them.
        codes = np.repeat(np.arange(n_customers, dtype=np.int32), np.diff(offsets))
        return self._taken(order, codes), offsets, identical

    def _taken(self, order: NDArray[Any], codes: NDArray[np.int32]) -> Rows:
        """Return the events at the given positions, in that order; their customer codes are given."""
        named = dict(self.attributes or {})
        plain = [self.time, self.kind, self.known, self.amount, self.item, self.ids]
        taken: list[Any] = gather([*plain, *named.values()], order)
        time, kind, known, amount, item, ids = taken[:6]
        return Rows(codes, time, kind, known, amount, item, dict(zip(named, taken[6:], strict=True)), ids)


def narrow(codes: NDArray[Any], size: int) -> NDArray[Any]:
    """Store codes of kinds in the smallest integers that hold them.

    Parameters
    ----------
    codes : ndarray of int
        Codes from 0.
    size : int
        How many kinds there are.

    Returns
    -------
    ndarray of int8, int16 or int32
        The same codes.

    Examples
    --------
    >>> narrow(np.array([0, 5]), 6).dtype
    dtype('int8')
    """
    width = np.int8 if size <= 127 else np.int16 if size <= 32_767 else np.int32
    return codes.astype(width, copy=False)
