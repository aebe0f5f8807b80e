"""The events of all customers as plain arrays, in the form the kernel reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from churnlib.events import EventLog

__all__ = ["History"]

_ROW_FIELDS = ("time", "kind", "known", "amount", "item")


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Arrays of a log, by customer, then time.

    The last customer of `offsets` is a phantom without any event: it stands for everyone
    of whom the log knows nothing.

    Attributes
    ----------
    offsets : ndarray of shape (n_customers + 1,)
        Events of customer ``i`` are the rows ``offsets[i]:offsets[i + 1]``.
    time : ndarray of shape (n_rows,)
        Microseconds since 1970, UTC.
    kind : ndarray of shape (n_rows,)
        Codes into `kinds`.
    known : ndarray of shape (n_rows,), or None
        When each event became known; None when at once.
    amount : ndarray of shape (n_rows,), or None
        Minor units.
    item : ndarray of shape (n_rows,), or None
        Codes; -1 where no item is stated.
    attributes : mapping of str to ndarray of shape (n_rows,)
        Codes (-1 = not stated) or floats (NaN = not stated).
    kinds : tuple of str
        Names of the kinds.
    timezone : str
        Zone whose days count.
    facts : tuple of str
        Kinds that state something about customers, and are nothing they did.
    """

    offsets: npt.NDArray[np.int64]
    time: npt.NDArray[np.int64]
    kind: npt.NDArray[np.signedinteger[Any]]
    known: npt.NDArray[np.int64] | None
    amount: npt.NDArray[np.int64] | None
    item: npt.NDArray[np.signedinteger[Any]] | None
    attributes: Mapping[str, npt.NDArray[Any]]
    kinds: tuple[str, ...]
    timezone: str
    facts: tuple[str, ...] = ()

    @classmethod
    def of(cls, log: EventLog) -> History:
        """Read the arrays of a log, without a copy."""
        return cls(
            offsets=np.append(log.offsets, log.offsets[-1]),
            time=log.time,
            kind=log.kind,
            known=log.known,
            amount=log.amount,
            item=log.item,
            attributes={name: attribute.values for name, attribute in log.attributes.items()},
            kinds=log.kinds,
            timezone=log.timezone,
            facts=log.facts,
        )

    @property
    def n_customers(self) -> int:
        """Number of customers, the phantom included."""
        return len(self.offsets) - 1

    def first_known(self) -> npt.NDArray[np.int64]:
        """Return when each customer was first heard of; the end of time for none."""
        first = np.full(self.n_customers, np.iinfo(np.int64).max, np.int64)
        begin = self.offsets[:-1]
        some = np.flatnonzero(begin < self.offsets[1:])
        if len(some):
            rows = begin[some]
            first[some] = self.time[rows] if self.known is None else np.minimum.reduceat(self.known, rows)
        return first

    def largest(self) -> int:
        """Return the number of events of the customer who has most."""
        return int(np.diff(self.offsets).max(initial=0))

    def without(self, hidden: npt.NDArray[np.intp], customers: npt.NDArray[np.intp]) -> History:
        """Return the history of some customers, with some rows left out.

        Parameters
        ----------
        hidden : ndarray
            Rows to leave out, ascending.
        customers : ndarray
            Codes of the customers to keep, ascending; they are renumbered from 0.
        """
        begin, length = self.offsets[customers], np.diff(self.offsets)[customers]
        ends = np.cumsum(length)
        rows = np.repeat(begin - (ends - length), length) + np.arange(int(ends[-1]) if len(ends) else 0)
        keep = np.ones(len(self.time), bool)
        keep[hidden] = False
        kept = keep[rows]
        offsets = np.concatenate([[0], np.cumsum(kept)])[np.concatenate([[0], ends, ends[-1:]])]
        return self._rows(rows[kept], offsets.astype(np.int64))

    def _rows(self, rows: npt.NDArray[np.intp], offsets: npt.NDArray[np.int64]) -> History:
        columns = {name: getattr(self, name) for name in _ROW_FIELDS}
        chosen: dict[str, Any] = {name: None if c is None else c[rows] for name, c in columns.items()}
        attributes = {name: values[rows] for name, values in self.attributes.items()}
        return replace(self, offsets=offsets, attributes=attributes, **chosen)
