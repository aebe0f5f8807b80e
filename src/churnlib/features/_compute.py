"""From a log to features: raw columns in cache-sized runs of customers, then late rows put right."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib._checks import check_integer
from churnlib.calendar import Cutoffs
from churnlib.calendar import cutoffs as read_cutoffs
from churnlib.events import Contracts, EventLog
from churnlib.events._tiles import runs_of
from churnlib.exceptions import MoneyError, ParameterError, ParameterTypeError, message, some
from churnlib.features._block import FeatureBlock
from churnlib.features._contracts import ContractEnd
from churnlib.features._feature import Facts
from churnlib.features._history import History
from churnlib.features._plan import Plan
from churnlib.features._raw import EventRaw, Raw
from churnlib.features._rows import Rows
from churnlib.features._run import Run
from churnlib.features._spec import FeatureSpec
from churnlib.features._view import View

__all__ = ["compute"]

Ints: TypeAlias = npt.NDArray[np.int64]

_CELLS = 1 << 19
"""Cells of a run's position plane: with its events it then stays in a core's second-level cache."""

_EVENTS = 1 << 17
"""Most events of a run, for the same reason."""


def compute(
    log: EventLog,
    cutoffs: Any,
    spec: FeatureSpec,
    *,
    contracts: Contracts | None = None,
    customers: pd.Index | None = None,
    rows: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> FeatureBlock:
    """Compute features of customers at cutoffs, from what was known before each cutoff.

    An event counts at cutoff c only if it happened before c *and* was known before c.
    Windows are half-open: ``[c - w, c)``. The result is the same, to the bit, for any
    order of the input, any `n_jobs`, and whichever other cutoffs or rows are asked for.

    Parameters
    ----------
    log : EventLog
        The events.
    cutoffs : Cutoffs, str, datetime, sequence of these, or int64 ndarray
        Instants at which customers are looked at; naive ones are in the log's zone, an
        integer array holds microseconds since 1970 in UTC.
    spec : FeatureSpec
        The features.
    contracts : Contracts or None, default=None
        Contracts, for the features that need them.
    customers : Index or None, default=None
        Ids that customer codes refer to; None takes the customers of the log. Of a customer
        the log does not know nothing has happened.
    rows : tuple of two arrays of shape (n_rows,), or None, default=None
        Codes of customers, and cutoffs in microseconds, sorted by customer, then cutoff.
        None gives a row for each customer at each cutoff before which some event of theirs
        was known.
    n_jobs : int, default=1
        Number of threads; -1 takes all processors.
    progress : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    FeatureBlock
        One row per customer and cutoff; `frame` holds the features, `raw` the exact
        integers they were finished from.

    Raises
    ------
    SchemaError
        When a feature needs a role that the log does not have.
    ParameterError
        When a feature names an unknown kind, or rows are not in order.
    MoneyError
        When the amounts of a customer are too large to be summed in 64 bits.

    Examples
    --------
    >>> import pandas as pd
    >>> from churnlib.events import EventLog
    >>> from churnlib.features import Count, FeatureSpec, Recency, compute
    >>> trail = pd.DataFrame(
    ...     {"who": ["ann", "ann", "bob"], "at": pd.to_datetime(["2025-03-01", "2025-03-20", "2025-03-25"])}
    ... )
    >>> log = EventLog.from_frame(trail, customer="who", time="at")
    >>> block = compute(log, ["2025-03-10", "2025-04-01"], FeatureSpec([Count("14d"), Recency()]))
    >>> block.frame.assign(who=log.customers[block.customer_code])
       any.count.14d  any.recency  who
    0              1          9.0  ann
    1              1         12.0  ann
    2              1          7.0  bob
    """
    concrete = _spec(spec).for_log(log, contracts=contracts)
    at = _instants(cutoffs, log.timezone)
    needed = tuple(dict.fromkeys(raw for feature in concrete for raw in feature.raws()))
    plan = Plan.of((raw for raw in needed if isinstance(raw, EventRaw)), at, log.timezone)
    history = History.of(log)
    _check_money(history, plan, log.customers)
    chosen, code = _choose(log, history, at, customers, rows)
    events = _evaluate(history, plan, chosen, n_jobs=_threads(n_jobs), progress=progress)
    _put_late_right(events, history, plan, chosen)
    instants = at.take(chosen.which)
    ids = log.customers if customers is None else customers
    raw = dict(zip((raw.name for raw in plan.raws), events, strict=True))
    raw.update(_contract_columns(needed, contracts, ids, code, instants))
    return FeatureBlock(code, instants, raw, concrete, _facts(log, instants))


def _spec(spec: object) -> FeatureSpec:
    if isinstance(spec, FeatureSpec):
        return spec
    raise ParameterTypeError(
        message(f"spec is a {type(spec).__name__}", "a FeatureSpec was expected", "spec=FeatureSpec.standard()")
    )


def _instants(value: Any, timezone: str) -> Ints:
    if isinstance(value, np.ndarray) and value.dtype.kind in "iu":
        return Cutoffs(value, timezone).us if len(value) else value.astype(np.int64)
    return read_cutoffs(value, timezone).us


def _threads(n_jobs: int) -> int:
    wanted = check_integer(n_jobs, name="n_jobs", low=-1)
    if wanted == 0:
        raise ParameterError(message("n_jobs=0 leaves nobody to work", "1 or more, or -1 for all", "n_jobs=1"))
    return wanted if wanted > 0 else os.cpu_count() or 1


def _facts(log: EventLog, cutoff: Ints) -> Facts:
    categories = {
        name: attribute.categories for name, attribute in log.attributes.items() if attribute.categories is not None
    }
    return Facts(cutoff, log.scale, log.timezone, categories)


def _choose(
    log: EventLog, history: History, cutoffs: Ints, customers: pd.Index | None, rows: Any
) -> tuple[Rows, npt.NDArray[np.int32]]:
    """Return the rows in the log's codes, and in the caller's."""
    if customers is None:
        if rows is None:
            chosen = Rows.of_all(history.first_known(), cutoffs)
        else:
            chosen = Rows.of_pairs(rows[0], rows[1], cutoffs, n_customers=log.n_customers)
        return chosen, chosen.customer
    in_log = log.customers.get_indexer(customers)
    in_log[in_log < 0] = log.n_customers  # the phantom customer
    if rows is None:
        own = Rows.of_all(history.first_known()[in_log], cutoffs)
    else:
        own = Rows.of_pairs(rows[0], rows[1], cutoffs, n_customers=len(customers))
    return Rows(in_log[own.customer].astype(np.int32), own.which), own.customer


# -- the kernel over runs of customers -----------------------------------------------------


def _evaluate(history: History, plan: Plan, rows: Rows, *, n_jobs: int = 1, progress: bool = False) -> Ints:
    """Return the raw columns, shape (n_raws, n_rows)."""
    out = np.empty((len(plan.raws), len(rows)), np.int64)
    order = None
    if (np.diff(rows.customer) < 0).any():  # codes of a foreign list of customers
        order = np.argsort(rows.customer, kind="stable")
        rows = rows.take(order)
    n_edges = len(plan.tiling.edges) + 1
    borders = runs_of(history.offsets, rows=_EVENTS, customers=max(64, _CELLS // n_edges))
    place = np.searchsorted(rows.customer, borders)

    def run(k: int) -> None:
        _fill(out, history, plan, rows, slice(*borders[k : k + 2]), slice(*place[k : k + 2]))

    filled = np.flatnonzero(np.diff(place))
    if len(plan.raws):
        _each(run, filled.tolist(), n_jobs, progress=progress)
    if order is not None:
        out[:, order] = out.copy()
    return out


def _fill(out: Ints, history: History, plan: Plan, rows: Rows, run: slice, place: slice) -> None:
    view = View(Run(history, plan, run.start, run.stop))
    cell = rows.which[place] * view.n_customers
    cell += rows.customer[place]
    cell -= run.start
    shape = (plan.n_cutoffs, view.n_customers)
    for column, raw in zip(out, plan.raws, strict=True):
        values = raw.read(view)
        if values.shape != shape:
            values = np.broadcast_to(values, shape)
        values.reshape(-1).take(cell, out=column[place], mode="clip")


def _each(run: Callable[[int], None], tasks: list[int], n_jobs: int, *, progress: bool) -> None:
    if n_jobs == 1:
        for task in _shown(tasks, len(tasks), progress=progress):
            run(task)
        return
    with ThreadPoolExecutor(n_jobs) as pool:
        for _ in _shown(pool.map(run, tasks), len(tasks), progress=progress):
            pass


def _shown(steps: Iterable[Any], total: int, *, progress: bool) -> Iterable[Any]:
    if not progress:
        return steps
    from tqdm.auto import tqdm

    return tqdm(steps, total=total, desc="features", unit="run")


# -- rows that were known late -------------------------------------------------------------


def _put_late_right(out: Ints, history: History, plan: Plan, rows: Rows) -> None:
    """Compute again, without the rows unknown at a cutoff, the customers who have such rows.

    Running sums, first and last positions and previous items all assume that every row
    before the cutoff was known. Where a customer has a row with time < c <= known, that
    row is taken out and the customer goes through the same kernel once more.
    """
    if history.known is None:
        return
    late = np.flatnonzero(history.known > history.time)
    time, known = history.time[late], history.known[late]
    owner = np.searchsorted(history.offsets, late, side="right") - 1
    for k, cutoff in enumerate(plan.cutoffs.tolist()):
        unknown = (time < cutoff) & (cutoff <= known)
        who = np.unique(owner[unknown])
        where = np.flatnonzero((rows.which == k) & np.isin(rows.customer, who))
        if not len(where):
            continue
        code = np.searchsorted(who, rows.customer[where]).astype(np.int32)
        again = Rows(code, np.zeros(len(where), np.intp))
        out[:, where] = _evaluate(history.without(late[unknown], who), plan.only(k), again)


# -- money and contracts -------------------------------------------------------------------


def _check_money(history: History, plan: Plan, customers: pd.Index) -> None:
    """Raise when a sum of amounts could pass the end of int64, at whatever sign."""
    weight = max((raw.money_weight for raw in plan.raws), default=0)
    if not weight or history.amount is None or not len(history.amount):
        return
    amount = history.amount
    largest = max(int(amount.max()), -int(amount.min()))
    limit = (2**63 - 1) // weight
    if largest * history.largest() <= limit:
        return
    # Floats find the few customers worth a count in Python's unlimited integers.
    sums = np.concatenate([[0.0], np.cumsum(np.abs(amount.astype(float)))])
    about = np.diff(sums[history.offsets])
    suspects = np.flatnonzero(about > limit / 2 - sums[-1] * 1e-9)
    spans = ((code, amount[history.offsets[code] : history.offsets[code + 1]]) for code in suspects)
    over = [code for code, span in spans if sum(map(abs, span.tolist())) > limit]
    if over:
        names = some(customers[np.array(over)])
        raise MoneyError(
            message(
                f"the amounts of {len(over)} customers ({names}) are too large to be summed in 64 bits",
                f"their sizes may add up to {limit} minor units",
                "EventLog.from_frame(frame.assign(amount=frame.amount / 1000), ...): a coarser unit",
            )
        )


def _contract_columns(
    raws: tuple[Raw, ...], contracts: Contracts | None, ids: pd.Index, code: npt.NDArray[np.int32], cutoff: Ints
) -> dict[str, Ints]:
    wanted = [raw for raw in raws if isinstance(raw, ContractEnd)]
    if contracts is None:
        return {}
    return {raw.name: raw.of(contracts, ids[code], cutoff) for raw in wanted}
