"""A step over a table of customers: in blocks of rows, one rule at a time, and what holds alerts back at the end."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from churnlib._checks import named_rows
from churnlib._frames import column_names
from churnlib._ids import check_same_kind, customer_ids, ids_of, opted_out_of
from churnlib._typing import Array, BoolArray, IntArray
from churnlib.alerts._alert_step import AlertStep, Change, RuleStep
from churnlib.alerts._conditions import Conditions, Part, conditions_of, judged, refuse_unknown, spread, truth_of
from churnlib.alerts._hold import Hold, is_valid, stale_sources
from churnlib.alerts._rule import Rule
from churnlib.alerts._silence import Silence, active_silences, silences_of
from churnlib.alerts._state import NEVER, AlertState
from churnlib.alerts._step import _CODE, FIRING, NOBODY, Cells, Told, Truth, advance, announce, code_of, empty_cells
from churnlib.calendar import timestamp, to_us
from churnlib.exceptions import TimeError, message, some
from churnlib.expressions import Columns

if TYPE_CHECKING:
    from churnlib.alerts._ruleset import RuleSet

__all__ = ["batch_step", "check_order", "instant_of"]

# As many rows as keep the arrays of a rule in the processor's own memory.
_BLOCK = 32_768


def batch_step(
    rules: RuleSet,
    units: Mapping[str, str],
    X: Any,
    *,
    now: Any,
    state: AlertState | None,
    customer: str | None,
    sources: Mapping[str, Any],
    opted_out: Collection[Any],
    silences: Sequence[Silence],
) -> AlertStep:
    """Evaluate rules for the rows of a frame; see `RuleSet.step`."""
    instant = instant_of(now, rules)
    stale = stale_sources(rules, sources, instant)
    unwilling, holding = opted_out_of(opted_out), silences_of(silences, rules.timezone, rules.ids)
    holding = tuple(active_silences(holding, instant, rules.timezone, rules.ids))
    there = column_names(X)
    columns = Columns(X, units={name: unit for name, unit in units.items() if name in there})
    given = customer_ids(X, customer)
    order, customers = _in_order(given)
    whole, rows, before = _aligned(state, rules, customers)
    seen = whole.seen if rows is None else whole.seen[rows]
    check_order(seen, customers, instant)
    again = seen == instant
    bound = conditions_of(rules.rules, columns, rules.pauses())
    runner = _Runner(columns, order, len(customers), instant, again if again.any() else False, rules.timezone)
    with np.errstate(all="ignore"):  # what overflows or is undefined is infinite or missing, as in one row
        moved = [
            runner.moved(one, before[one.rule.id], suspended=any(s in stale for s in one.rule.sources)) for one in bound
        ]
    firing = {rule.id: code_of(cells.status) == FIRING for rule, cells in zip(rules, moved, strict=True)}
    out = _among(customers, unwilling)
    steps = []
    for rule, cells in zip(rules, moved, strict=True):
        holds = list(_holds(rule, firing, out, holding, stale, customers))
        free = ~np.logical_or.reduce([hold.rows for hold in holds]) if holds else None
        after, change, told = _announced(rule, before[rule.id], cells, free, instant)
        steps.append(RuleStep(rule, after, tuple(holds), change, told))
    written = _written(whole, rows, customers, steps, instant)
    return AlertStep(
        rules,
        instant,
        customers,
        order=order,
        columns=columns,
        state=written,
        steps=tuple(steps),
        bound=bound,
        stale=tuple(sorted(stale)),
    )


def instant_of(now: Any, rules: RuleSet) -> int:
    """Return the instant of a step in microseconds."""
    return to_us(now, rules.timezone)


def check_order(seen: IntArray, customers: Any, now: int) -> None:
    """Refuse to go back in time.

    Parameters
    ----------
    seen : ndarray of int64
        When each customer was evaluated last.
    customers : Index or list
        Who they are.
    now : int
        The instant of this step.

    Raises
    ------
    TimeError
        When a customer was evaluated later than that.

    Examples
    --------
    >>> check_order(np.array([5]), ["ann"], 5)
    """
    later = seen > now
    if later.any():
        who = [customers[row] for row in np.flatnonzero(later)[:5]]
        last = int(seen[later].max())
        raise TimeError(
            message(
                f"{int(later.sum()):,} of {len(seen):,} customers were evaluated after {timestamp(now)} before "
                f"({some(who)}; the last at {timestamp(last)})",
                "time goes forward from step to step",
                f"now='{timestamp(last)}' or later, or the state from before that",
            )
        )


def _in_order(given: pd.Index[Any]) -> tuple[IntArray | None, pd.Index[Any]]:
    """Return which row stands where in the order of customers, None where they are in order."""
    if given.is_monotonic_increasing:
        return None, given
    order = np.asarray(given.argsort())
    return order, given[order]


def _aligned(
    state: AlertState | None, rules: RuleSet, customers: pd.Index[Any]
) -> tuple[AlertState, IntArray | None, dict[str, Cells]]:
    """Return the state of all customers, where those of the step are in it, and their cells."""
    if state is None:
        n = len(customers)
        cells = {rule.id: empty_cells(n) for rule in rules}
        return AlertState(rules.digest, customers, np.full(n, NEVER), cells), None, cells
    state.check(rules)
    check_same_kind(state.customers, customers)
    if state.customers.equals(customers):
        return state, None, dict(state.cells)
    everyone = state.customers.union(customers) if len(state) else customers
    whole = state.spread(everyone)
    if len(everyone) == len(customers):
        return whole, None, dict(whole.cells)
    rows = np.asarray(everyone.get_indexer(customers))
    cells = {rule: Cells(*(column[rows] for column in found)) for rule, found in whole.cells.items()}
    return whole, rows, cells


class _Runner:
    """Moves the cells of one rule after the other to an instant."""

    def __init__(self, columns: Columns, order: IntArray | None, n: int, now: int, again: Any, timezone: str) -> None:
        self.timezone = timezone
        self.columns = columns
        self.order = order
        self.n = n
        self.now = now
        self.again = again

    def moved(self, one: Conditions, cells: Cells, *, suspended: bool) -> Cells:
        rule = one.rule
        if not is_valid(rule, self.now, self.timezone):
            return empty_cells(self.n)
        if rule.on_missing == "error" and not suspended:
            self.refuse_missing(one)
        joined = _Joined(cells)
        for start in range(0, self.n, _BLOCK):
            stop = min(start + _BLOCK, self.n)
            truth = _nothing(stop - start) if suspended else self.truth(one, start, stop)
            again = self.again if self.again is False else self.again[start:stop]
            part = Cells(*(column[start:stop] for column in cells))
            joined.put(start, stop, part, advance(part, truth, rule.pace, self.now, again))
        return joined.cells()

    def truth(self, one: Conditions, start: int, stop: int) -> Truth:
        rows: slice | Array = slice(start, stop) if self.order is None else self.order[start:stop]
        found = truth_of(one, Part(self.columns, rows, one.pauses, self.now))
        return spread(judged(found, one.rule.on_missing), stop - start)

    def refuse_missing(self, one: Conditions) -> None:
        found = spread(truth_of(one, Part(self.columns, slice(None), one.pauses, self.now)), self.n)
        unknown = ~((found.hit | found.miss) & (found.clear | found.stay))
        if unknown.any():
            raise refuse_unknown(one.rule, int(unknown.sum()), self.n, named_rows(unknown))


def _nothing(n: int) -> Truth:
    none = np.zeros(n, dtype=bool)
    return Truth(none, none, none, none)


class _Joined:
    """Columns put together from blocks, and the old ones where no block changed."""

    def __init__(self, cells: Cells) -> None:
        self.old = cells
        self.new: dict[str, Any] = {}

    def put(self, start: int, stop: int, before: Cells, after: Cells) -> None:
        for name, was, column in zip(Cells._fields, before, after, strict=True):
            if column is was:
                continue
            if name not in self.new:
                self.new[name] = getattr(self.old, name).copy()
            self.new[name][start:stop] = column

    def cells(self) -> Cells:
        return self.old._replace(**self.new)


def _holds(
    rule: Rule,
    firing: Mapping[str, BoolArray],
    opted_out: BoolArray,
    silences: Sequence[Silence],
    stale: Mapping[str, str],
    customers: pd.Index[Any],
) -> Iterator[Hold]:
    """Yield what holds back alerts of a rule, and whose."""
    for other in rule.inhibited_by:
        if firing[other].any():
            yield Hold("inhibited", f"inhibited by {other}", firing[other])
    if rule.respect_opt_out and opted_out.any():
        yield Hold("opted out", "opted out", opted_out)
    for silence in silences:
        if not silence.rules or rule.id in silence.rules:
            everyone = silence.customers is None
            rows = np.ones(len(customers), dtype=bool) if everyone else _among(customers, silence.customers or ())
            yield Hold("silenced", f"silenced: {silence.name}", rows)
    for source in rule.sources:
        if source in stale:
            yield Hold("suspended", f"suspended: {stale[source]}", np.ones(len(customers), dtype=bool))


def _among(customers: pd.Index[Any], chosen: Collection[Any]) -> BoolArray:
    if not len(chosen):
        return np.zeros(len(customers), dtype=bool)
    ids = ids_of(list(chosen))
    check_same_kind(customers, ids)
    return np.asarray(customers.isin(ids))


def _announced(rule: Rule, before: Cells, moved: Cells, free: BoolArray | None, now: int) -> tuple[Cells, Change, Told]:
    """Announce the alerts of one rule, and return what it changed in all."""
    joined = _Joined(moved)
    told: list[Told] = []
    rows: list[IntArray] = []
    n, pace = len(moved.status), rule.pace
    for start in range(0, n, _BLOCK):
        part = slice(start, min(start + _BLOCK, n))
        cells = Cells(*(column[part] for column in moved))
        after, of_block = announce(cells, True if free is None else free[part], pace, now)
        joined.put(start, part.stop, cells, after)
        told.append(Told(*(found + start for found in of_block)))
        rows.append(np.flatnonzero((before.status[part] ^ after.status) & _CODE) + start)
    cells = joined.cells()
    changed = _concatenated(rows)
    change = Change(changed, code_of(before.status[changed]), code_of(cells.status[changed]))
    return cells, change, Told(*(_concatenated(found) for found in zip(*told, strict=True))) if told else NOBODY


def _concatenated(parts: Iterable[IntArray]) -> IntArray:
    return np.concatenate([*parts, np.empty(0, dtype=np.int64)])


def _written(
    whole: AlertState, rows: IntArray | None, customers: pd.Index[Any], steps: Sequence[RuleStep], now: int
) -> AlertState:
    """Return the state of everyone with the new cells of those in this step."""
    if rows is None:
        seen = np.full(len(customers), now)
        return AlertState(whole.digest, customers, seen, {step.rule.id: step.cells for step in steps})
    seen = whole.seen.copy()
    seen[rows] = now
    cells = {}
    for step in steps:
        joined = Cells(*(column.copy() for column in whole.cells[step.rule.id]))
        for column, part in zip(joined, step.cells, strict=True):
            column[rows] = part
        cells[step.rule.id] = joined
    return AlertState(whole.digest, whole.customers, seen, cells)
