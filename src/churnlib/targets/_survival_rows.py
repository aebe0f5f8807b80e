"""Who left, when, and since when they were watched, read back out of a survival target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from churnlib._checks import named_rows
from churnlib._typing import Array, BoolArray, FloatArray, IntArray
from churnlib.exceptions import DataError, message, some

__all__ = ["SurvivalRows", "read_survival_target"]

_FIX = "y=cl.survival_target(event, time)"
_EXPECTED = "a survival target says for every row whether the churn was seen, and when"


@dataclass(frozen=True, slots=True)
class SurvivalRows:
    """The fields of a survival target, checked, one value per row.

    Parameters
    ----------
    event : ndarray of shape (n_rows,)
        0: still here when observation ended; k: left by the k-th cause.
    time : ndarray of shape (n_rows,)
        Time from the customer's start to that moment, above 0.
    entry : ndarray of shape (n_rows,), or None
        Time from the start until observation began, at least 0 and below `time`;
        None where everybody was watched from the start.
    several_causes : bool
        Whether events are codes of causes, not only seen or not.

    Examples
    --------
    >>> rows = read_survival_target(np.array([(True, 3.0), (False, 5.0)], dtype=[("event", "?"), ("time", "f8")]))
    >>> rows.observed, rows.duration
    (array([ True, False]), array([3., 5.]))
    """

    event: IntArray
    time: FloatArray
    entry: FloatArray | None
    several_causes: bool = False

    def __len__(self) -> int:
        return len(self.time)

    @property
    def observed(self) -> BoolArray:
        """Whether the churn was seen, by whatever cause."""
        seen: BoolArray = self.event > 0
        return seen

    @property
    def n_causes(self) -> int:
        """The highest cause seen; at least 1."""
        return max(int(self.event.max(initial=0)), 1)

    @property
    def start(self) -> FloatArray:
        """The entry, 0 where everybody was watched from the start."""
        return np.zeros(len(self)) if self.entry is None else self.entry

    @property
    def duration(self) -> FloatArray:
        """How long each row was watched: ``time - entry``."""
        return self.time if self.entry is None else self.time - self.entry

    def take(self, rows: Array) -> SurvivalRows:
        """Return some of the rows.

        Parameters
        ----------
        rows : ndarray
            Positions, or a mask.

        Returns
        -------
        SurvivalRows
            In the order asked for.
        """
        entry = None if self.entry is None else self.entry[rows]
        return SurvivalRows(self.event[rows], self.time[rows], entry, self.several_causes)


def read_survival_target(y: Any) -> SurvivalRows:
    """Read a survival target back into its fields, and check them.

    Takes what `survival_target` and `Dataset.survival` make, and the
    two-field arrays of scikit-survival under whatever names: a bool, then a time.

    Parameters
    ----------
    y : structured array of shape (n_rows,)
        Fields ``event``, ``time`` and, with delayed entry, ``entry``.

    Returns
    -------
    SurvivalRows
        The fields. An entry of 0 everywhere is no delayed entry.

    Raises
    ------
    DataError
        If y is no survival target, is empty, or holds times that are missing, not above
        0 or not after their entry, or events below 0.

    Examples
    --------
    >>> from churnlib.targets import survival_target
    >>> y = survival_target([1, 0, 2], [30, 40, 50], entry=[0, 10, 0], causes=["price", "moved"])
    >>> rows = read_survival_target(y)
    >>> rows.event, rows.entry, rows.n_causes
    (array([1, 0, 2]), array([ 0., 10.,  0.]), 2)
    """
    target = np.asarray(y)
    names = target.dtype.names
    if names is None or target.ndim != 1:
        raise DataError(
            message(f"y is {_described(y)}, no survival target", _EXPECTED, f"{_FIX}; of a Dataset, y=data.survival")
        )
    if not len(target):
        raise DataError(message("y has no rows", "a survival target of the rows of X", _FIX))
    event, time, entry = _fields(target, names)
    rows = SurvivalRows(
        event.astype(np.int64),
        time.astype(np.float64, copy=False),
        None if entry is None or not entry.any() else entry.astype(np.float64, copy=False),
        event.dtype.kind != "b",
    )
    _check(rows)
    return rows


def _fields(target: Array, names: tuple[str, ...]) -> tuple[Array, Array, Array | None]:
    if {"event", "time"} <= set(names) <= {"event", "time", "entry"}:
        event, time = target["event"], target["time"]
    elif len(names) == 2 and target.dtype[0].kind == "b":
        event, time = target[names[0]], target[names[1]]
    else:
        raise DataError(
            message(
                f"y has the fields {some(names, 8)}",
                "event, time and perhaps entry; or two fields as scikit-survival has them, a bool and then a time",
                _FIX,
            )
        )
    if event.dtype.kind not in "biu" or time.dtype.kind not in "fiu":
        raise DataError(
            message(
                f"events of y are {event.dtype}, times {time.dtype}",
                "events are bool, or whole numbers of causes, and times are numbers",
                _FIX,
            )
        )
    entry = target["entry"] if "entry" in names else None
    if entry is not None and entry.dtype.kind not in "fiu":
        raise DataError(message(f"entries of y are {entry.dtype}", "numbers", _FIX))
    return event, time, entry


def _check(rows: SurvivalRows) -> None:
    _refuse(rows.event < 0, rows.event, "events are below 0", "0 is still here, 1 and above a cause")
    _refuse(~np.isfinite(rows.time), rows.time, "times are missing or infinite", "every row was watched for a time")
    _refuse(rows.time <= 0, rows.time, "times are 0 or less", "a customer is watched for some time")
    if rows.entry is None:
        return
    _refuse(~np.isfinite(rows.entry), rows.entry, "entries are missing or infinite", "0 means from the start")
    _refuse(rows.entry < 0, rows.entry, "entries are below 0", "observation begins at the start or later")
    _refuse(
        rows.entry >= rows.time,
        rows.entry,
        "entries are not before their time",
        "a customer at risk is watched for some time after the entry",
    )


def _refuse(wrong: BoolArray, values: Array, what: str, expected: str) -> None:
    if wrong.any():
        first = some((f"{value:g}" for value in values[wrong]), 3)
        raise DataError(
            message(
                f"{int(wrong.sum())} of {len(wrong)} {what} ({named_rows(wrong)}; first: {first})",
                expected,
                "make y with cl.survival_target(...), which says what to do about each",
            )
        )


def _described(y: Any) -> str:
    found = np.asarray(y)
    named = f"a {type(y).__name__}"
    return (
        f"{named} of {found.dtype} and shape {found.shape}"
        if found.dtype.names is None
        else f"{named} of {found.ndim} axes"
    )
