"""The stage of every customer at several dates, and how customers move between stages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from churnlib._sklearn import clone
from churnlib._typing import FloatArray, IntArray
from churnlib.calendar import cutoffs as read_cutoffs
from churnlib.events import EventLog
from churnlib.exceptions import DataError, DuplicateError, HistoryError, ParameterError, message, some
from churnlib.numerics import wilson_interval
from churnlib.segmentation._labels import read_labels
from churnlib.segmentation._lifecycle import LifecycleStage
from churnlib.segmentation._lifecycle_frame import lifecycle_frame
from churnlib.segmentation._stage_columns import as_pandas, check_column

__all__ = ["NOT_STARTED", "lifecycle_states", "transition_matrix"]

_COLUMNS = ("customer_id", "cutoff", "stage")

NOT_STARTED = "not_started"
"""The state before a customer's first order."""


def lifecycle_states(
    log: EventLog,
    *,
    cutoffs: Any,
    stage: LifecycleStage | None = None,
    frame: Callable[..., Any] = lifecycle_frame,
    **options: Any,
) -> pd.DataFrame:
    """Return the stage of every customer at each of several cutoffs.

    Each cutoff sees only what had happened and was known before it. A stage that is not fitted
    yet is fitted at the first cutoff and then stands still, so that a customer moves only
    when something about that customer changes.

    Parameters
    ----------
    log : EventLog
        What customers did.
    cutoffs : Cutoffs, or str, datetime or sequence of these
        When customers are looked at, such as ``cl.monthly("2025-01", "2025-06")``.
    stage : LifecycleStage or None, default=None
        How stages are decided; one that is fitted is used as it is. None is
        ``LifecycleStage()``.
    frame : callable
        ``frame(log, cutoff=..., **options)`` gives the rows of a cutoff, one per customer
        who has started, indexed by customer. Pass another one to join what a purchase
        model needs.
    **options
        What else `frame` takes, such as ``kinds="order"``.

    Returns
    -------
    DataFrame
        Columns ``customer_id``, ``cutoff`` and ``stage``, ordered by customer and cutoff. A
        customer appears from the first cutoff after the first order on.

    Raises
    ------
    HistoryError
        If nothing had happened by the first cutoff, or the log is not complete until the last.
    SchemaError, DataError
        If the frame lacks what the stage reads, or has a customer twice.

    See Also
    --------
    transition_matrix : How customers moved between them.

    Examples
    --------
    >>> import churnlib as cl, pandas as pd
    >>> orders = pd.DataFrame({"id": ["ann", "ann", "bob"], "at": ["2025-01-05", "2025-02-20", "2025-02-10"]})
    >>> log = cl.EventLog.from_frame(orders, customer="id", time="at", complete_until="2025-06-01")
    >>> states = lifecycle_states(log, cutoffs=["2025-02-01", "2025-03-01", "2025-06-01"])
    >>> states.assign(cutoff=states["cutoff"].dt.strftime("%d %b"))
      customer_id  cutoff    stage
    0         ann  01 Feb      new
    1         ann  01 Mar      new
    2         ann  01 Jun   lapsed
    3         bob  01 Mar      new
    4         bob  01 Jun   lapsed

    What counts as a purchase is said as to `lifecycle_frame`:

    >>> len(lifecycle_states(log, cutoffs="2025-03-01", window="30d", negative="refund"))
    2
    """
    instants = read_cutoffs(cutoffs, log.timezone)
    decided = LifecycleStage() if stage is None else stage
    parts = []
    for number, at in enumerate(instants):
        rows = as_pandas(frame(log, cutoff=at, **options))
        _refuse_repeated(rows.index, at)
        if not number and not hasattr(decided, "bounds_"):
            decided = clone(decided).fit(rows)
        named = pd.Categorical(decided.predict(rows), categories=decided.classes_)
        parts.append(pd.DataFrame({"customer_id": rows.index, "cutoff": at, "stage": named}))
    states = pd.concat(parts, ignore_index=True)
    states["cutoff"] = states["cutoff"].astype(instants.timestamps.dtype)
    return states.sort_values(["customer_id", "cutoff"], kind="stable", ignore_index=True)


def transition_matrix(states: Any, *, confidence: float = 0.95) -> pd.DataFrame:
    """Count how customers moved from each state to each other between neighbouring cutoffs.

    With more than two cutoffs the moves of all neighbouring pairs are counted together;
    for one period alone pass the states of its two cutoffs.

    Parameters
    ----------
    states : DataFrame
        Columns ``customer_id``, ``cutoff`` and ``stage``, as from `lifecycle_states`; any other
        state of customers, such as a segment, will do.
    confidence : float, default=0.95
        The share of samples whose intervals shall hold the true share, between 0 and 1.

    Returns
    -------
    DataFrame
        Indexed by ``from_stage`` and ``to_stage`` (``result["share"].unstack()`` is the matrix), for
        all categories of the states in their order (an ordered categorical from its best class to its
        worst, states that are no categorical sorted), with ``count``; ``total``, the count of its row;
        ``share`` = count / total, which sums to one over each row, NaN in a row without
        customers; and its interval ``low`` to ``high``. The first row, "not_started", is of
        customers who appear only at a later cutoff: it shows into which state they enter,
        and there is none if all customers are there from the beginning.

    Raises
    ------
    SchemaError
        If a column is missing.
    DuplicateError
        If a customer has two states at one cutoff.
    HistoryError
        If there are fewer than two cutoffs.
    DataError
        If a state is missing, or a customer disappears after having started.
    ParameterError
        If a state is called "not_started".

    Notes
    -----
    The interval is Wilson's, of an effective number of moves: a customer seen at many
    cutoffs moves in a habitual way, and is one draw. With n_c moves of customer c out of a
    state, x_c of them into another, and p = Σx/Σn, the design effect is
    Σ(x_c − p n_c)² / (n p (1 − p)), not taken below 1, by which n is divided (Kish 1965,
    Survey Sampling; Dean and Pagendarm 2015, J. Surv. Stat. Methodol. 3, 484–503).
    For p of 0 or 1 n is the number of customers. With two cutoffs it is Wilson's own.
    The share of those who have not started yet depends on how many cutoffs there are.

    Examples
    --------
    >>> import pandas as pd
    >>> states = pd.DataFrame(
    ...     {
    ...         "customer_id": [1, 1, 2, 2, 3, 3, 4],
    ...         "cutoff": pd.to_datetime(["2025-01-01", "2025-02-01"] * 3 + ["2025-02-01"]),
    ...         "stage": ["new", "new", "new", "lost", "new", "new", "new"],
    ...     }
    ... )
    >>> table = transition_matrix(states)
    >>> table["count"].unstack()
    to_stage     not_started  lost  new
    from_stage
    not_started            0     0    1
    lost                   0     0    0
    new                    0     1    2
    >>> table.loc[("new", "lost")].round(3).tolist()
    [1.0, 3.0, 0.333, 0.061, 0.792]
    """
    grid, customers, names = _grid(as_pandas(states, needed=_COLUMNS, maker="lifecycle_states(log, cutoffs=...)"))
    source, target = grid[:, :-1], grid[:, 1:]
    size = len(names)
    owner = np.repeat(np.arange(customers), source.shape[1])
    moves = _Moves(owner, source.ravel(), target.ravel(), size)
    count, total = moves.count, moves.count.sum(axis=1, keepdims=True)
    share = np.divide(count, total, out=np.full(count.shape, np.nan), where=total > 0)
    effective = moves.effective(share)
    low, high = wilson_interval(np.nan_to_num(share) * effective, effective, confidence=confidence)
    index = pd.MultiIndex.from_product(
        [pd.CategoricalIndex(names, categories=names)] * 2, names=["from_stage", "to_stage"]
    )
    totals = np.broadcast_to(total, count.shape)
    columns = {"count": count, "total": totals, "share": share, "low": low, "high": high}
    return pd.DataFrame({name: values.ravel() for name, values in columns.items()}, index=index)


class _Moves:
    """Moves of customers between states, with what their variation over customers needs.

    Parameters
    ----------
    owner, source, target : ndarray of shape (n_moves,)
        Customer, state before and state after of each move.
    size : int
        How many states there are.
    """

    def __init__(self, owner: IntArray, source: IntArray, target: IntArray, size: int) -> None:
        # one number per (customer, from, to): n_c and x_c are how often it stands there
        row, made = np.unique(owner * size + source, return_inverse=True)
        leaving = np.bincount(made, minlength=len(row))
        cell, first, often = np.unique(made * size + target, return_index=True, return_counts=True)
        state, pair = row % size, source[first] * size + target[first]
        self.count: IntArray = np.bincount(pair, often, minlength=size * size).astype(np.int64).reshape(size, size)
        self._customers = np.bincount(state, minlength=size)[:, None]
        self._nn = np.bincount(state, leaving.astype(float) ** 2, minlength=size)[:, None]
        self._xx = np.bincount(pair, often.astype(float) ** 2, minlength=size * size).reshape(size, size)
        self._xn = np.bincount(pair, often * leaving[cell // size], minlength=size * size).reshape(size, size)

    def effective(self, share: FloatArray) -> FloatArray:
        """Return how many independent moves each share is worth."""
        p = np.nan_to_num(share)
        n = np.broadcast_to(self.count.sum(axis=1, keepdims=True), p.shape).astype(np.float64)
        # Σ(x − p n_c)², which is 0 and no measure of anything where nobody or everybody moves
        spread = self._xx - 2 * p * self._xn + p**2 * self._nn
        binomial = n * p * (1 - p)
        effect = np.divide(spread, binomial, out=np.ones_like(p), where=binomial > 0)
        sure = (p == 0) | (p == 1)
        return np.where(sure, np.minimum(n, self._customers), n / np.maximum(effect, 1.0))


def _grid(states: pd.DataFrame) -> tuple[IntArray, int, list[Any]]:
    """Return the state of each customer at each cutoff, as positions in the list of names."""
    for name in _COLUMNS:
        check_column(states, name, reader="transition_matrix")
    _refuse_unknown(states)
    who, customers = pd.factorize(states["customer_id"])
    when, instants = pd.factorize(states["cutoff"], sort=True)
    if len(instants) < 2:
        raise HistoryError(
            message(
                f"the states are of {len(instants)} cutoff(s)",
                "a move lies between two of them",
                "lifecycle_states(log, cutoffs=cl.monthly('2025-01', '2025-06'))",
            )
        )
    labels = read_labels(states["stage"], name="stage")
    what, names = labels.codes, list(labels.names)
    if NOT_STARTED in names:
        raise ParameterError(
            message(
                f"a state is called {NOT_STARTED!r}",
                "this name is kept for customers who appear only at a later cutoff",
                "another name for the state",
            )
        )
    grid = np.full((len(customers), len(instants)), -1, dtype=np.int64)
    if len(np.unique(who * len(instants) + when)) < len(states):
        twice = states.duplicated(["customer_id", "cutoff"])
        raise DuplicateError(
            message(
                f"{int(twice.sum()):,} customers have a second state at a cutoff "
                f"({some(states.loc[twice, 'customer_id'].tolist())})",
                "one state per customer and cutoff",
                "states.drop_duplicates(['customer_id', 'cutoff'])",
            )
        )
    grid[who, when] = what
    started = np.maximum.accumulate(grid >= 0, axis=1)
    gone = ((grid < 0) & started).any(axis=1)
    if gone.any():
        raise DataError(
            message(
                f"{int(gone.sum()):,} of {len(customers):,} customers have no state at a cutoff after their first "
                f"({some(customers.take(np.flatnonzero(gone)).tolist())})",
                "who has started has a state from then on, be it 'lost'",
                "lifecycle_states(log, cutoffs=...), or a state of its own for those who are gone",
            )
        )
    if (grid < 0).any():
        return grid + 1, len(customers), [NOT_STARTED, *names]
    return grid, len(customers), names


def _refuse_unknown(states: pd.DataFrame) -> None:
    for name in _COLUMNS:
        missing = states[name].isna().to_numpy()
        if missing.any():
            raise DataError(
                message(
                    f"{name!r} is missing in {int(missing.sum()):,} of {len(states):,} rows "
                    f"(first: row {int(missing.argmax())})",
                    "every row says who was in which state, and when",
                    f"states.dropna(subset=[{name!r}]), and count them",
                )
            )


def _refuse_repeated(customers: pd.Index[Any], at: pd.Timestamp) -> None:
    repeated = np.flatnonzero(customers.duplicated())
    if len(repeated):
        raise DuplicateError(
            message(
                f"the frame of {at} has {len(repeated):,} customers twice ({some(customers.take(repeated).tolist())})",
                "one row per customer, indexed by customer",
                "frame=lambda log, cutoff: rows.set_index('customer_id')",
            )
        )
