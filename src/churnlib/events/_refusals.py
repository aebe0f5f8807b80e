"""Which rows of a table are refused: those nobody can be credited with, repeats, and the future."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from churnlib._checks import named_rows
from churnlib.calendar import timestamp
from churnlib.events._counts import Counts
from churnlib.events._rows import Rows
from churnlib.events._schema import Schema
from churnlib.exceptions import DataError, DuplicateError, message

__all__ = ["kept_rows"]


def kept_rows(rows: Rows, schema: Schema, limit: int, counts: Counts) -> NDArray[np.bool_] | None:
    """Say which rows are kept; None when all are. A row is refused for its first reason."""
    keep: NDArray[np.bool_] | None = None
    checks: dict[str, Callable[[NDArray[np.bool_] | None], NDArray[np.bool_] | None]] = {
        "no customer id": lambda _: _nobody(rows),
        "repeated event id": lambda kept: _repeated(rows, kept, schema),
        "at or after complete_until": lambda kept: _future(rows, kept, schema, limit),
    }
    for reason, check in checks.items():
        refused = check(keep)
        if refused is not None and refused.any():
            counts.reasons[reason] = int(refused.sum())
            keep = ~refused if keep is None else keep & ~refused
    return keep


def _nobody(rows: Rows) -> NDArray[np.bool_] | None:
    return rows.codes < 0 if int(rows.codes.min()) < 0 else None


def _repeated(rows: Rows, keep: NDArray[np.bool_] | None, schema: Schema) -> NDArray[np.bool_] | None:
    """Find rows whose event id stood before; of several the canonically first is kept."""
    if rows.ids is None or schema.duplicates == "keep":
        return None
    ids = rows.ids if keep is None else rows.ids[keep]
    times = np.bincount(ids, minlength=int(rows.ids.max()) + 1)
    if not (times > 1).any():
        return None
    again = times[rows.ids] > 1
    if keep is not None:
        again &= keep
    places = np.flatnonzero(again)
    columns: list[NDArray[Any]] = [rows.ids, rows.time, rows.codes, *rows.ties()]
    chosen = [column[places] for column in columns]
    order = np.lexsort(tuple(reversed(chosen)))
    ranked = chosen[0][order]
    later = np.zeros(len(order), dtype=bool)
    later[1:] = ranked[1:] == ranked[:-1]
    refused = np.zeros(len(again), dtype=bool)
    refused[places[order[later]]] = True
    if schema.duplicates == "error":
        raise DuplicateError(
            message(
                f"{int((times > 1).sum())} event ids in column {schema.event_id!r} are repeated, "
                f"in {len(places)} rows ({named_rows(places)})",
                "an event id names one event",
                "duplicates='drop' keeps the first of each and counts the rest",
            )
        )
    return refused


def _future(rows: Rows, keep: NDArray[np.bool_] | None, schema: Schema, limit: int) -> NDArray[np.bool_] | None:
    future = (rows.time if rows.known is None else rows.known) >= limit
    if keep is not None:
        future &= keep
    if future.any() and schema.future == "error":
        raise DataError(
            message(
                f"{int(future.sum())} events happen or become known at or after complete_until, "
                f"{timestamp(limit, schema.timezone)} ({named_rows(future)})",
                "the log is complete until that instant, so nothing lies after it",
                "future='drop' refuses them and counts them, or give a later complete_until",
            )
        )
    return future
