"""A step for many customers at one instant: conditions over columns, and only those cells moved that can change."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from churnlib._checks import named_rows
from churnlib._typing import BoolArray, IntArray
from churnlib.alerts._batch import check_order
from churnlib.alerts._conditions import Conditions, Part, judged, refuse_unknown, spread, truth_of
from churnlib.alerts._online._reader import Plan
from churnlib.alerts._online._step import Context, OnlineStep, said
from churnlib.alerts._online._store import OnlineStates
from churnlib.alerts._step import (
    _CODE,
    FIRING,
    STATUSES,
    TOLD,
    Cells,
    Pace,
    Truth,
    advance,
    announce,
    code_of,
    is_settled,
)

__all__ = ["step_many"]

_ALL = slice(None)
_REASONS = ("fired", "released", "escalated")


def step_many(
    states: OnlineStates, plan: Plan, columns: Any, customers: list[Any], context: Context
) -> list[OnlineStep]:
    """Evaluate all rules for many customers at one instant, and remember it; return what is new, in order of customers.

    Parameters
    ----------
    states : OnlineStates
        What is remembered.
    plan : Plan
        The conditions, bound to the columns.
    columns : Arrays or Columns
        The values.
    customers : list of ids
        Whose they are, each once.
    context : Context
        What holds for all customers.
    """
    truths = _Truths(plan, columns, len(customers), context)
    known = [states.slots.get(who, -1) for who in customers]
    there = np.array([slot for slot in known if slot >= 0], np.int64)
    if len(there):
        check_order(
            states.seen[there], [who for who, slot in zip(customers, known, strict=True) if slot >= 0], context.now
        )
    for who in [who for who, slot in zip(customers, known, strict=True) if slot < 0] or customers[:1]:
        states.check_id(who)
    slots = np.array(
        [states.add(who) if slot < 0 else slot for who, slot in zip(customers, known, strict=True)], np.int64
    )
    many = _Steps(states, slots, customers, context, new=np.array(known, np.int64) < 0)
    many.move(truths)
    many.announce()
    many.write()
    return many.steps()


class _Truths:
    """What the conditions say: for each of the four answers, an array of rules by customers."""

    def __init__(self, plan: Plan, columns: Any, n: int, context: Context) -> None:
        shape = (len(plan.conditions), n)
        self.hit, self.miss, self.clear, self.stay = (np.zeros(shape, dtype=bool) for _ in range(4))
        with np.errstate(all="ignore"):  # what overflows or is undefined is infinite or missing, as in one row
            for k, one in enumerate(plan.conditions):
                if context.valid[k] and not context.suspended[k]:
                    source = Part(columns, _ALL, one.pauses, context.now) if one.pauses else columns
                    found = truth_of(one, source)
                    if one.rule.on_missing == "error":
                        _refuse_missing(one, spread(found, n), n)
                    truth = judged(found, one.rule.on_missing)
                    self.hit[k], self.miss[k], self.clear[k], self.stay[k] = truth

    def of(self, cells: _Chosen) -> Truth:
        return Truth(*(found[cells.rules, cells.rows] for found in (self.hit, self.miss, self.clear, self.stay)))


def _refuse_missing(one: Conditions, found: Truth, n: int) -> None:
    unknown = ~((found.hit | found.miss) & (found.clear | found.stay))
    if unknown.any():
        raise refuse_unknown(one.rule, int(unknown.sum()), n, named_rows(unknown))


class _Chosen(NamedTuple):
    """Some cells, by position of the rule and of the customer."""

    rules: IntArray
    rows: IntArray


class _Steps:
    """The cells of many customers on their way to an instant; arrays of status are rules by customers."""

    def __init__(
        self, states: OnlineStates, slots: IntArray, customers: list[Any], context: Context, *, new: BoolArray
    ) -> None:
        self.states, self.slots, self.customers, self.context = states, slots, customers, context
        again = (states.seen[slots] == context.now) & ~new
        self.again: Any = again if again.any() else False
        self.before = np.ascontiguousarray(states.columns["status"][slots].T)
        self.status = self.before.copy()
        self.told: dict[int, dict[int, str]] = {}

    def move(self, truths: _Truths) -> None:
        chosen = _Chosen(*np.nonzero(self._can_move(truths)))
        if len(chosen.rows):
            cells, pace = self._cells(chosen), self.states.paces.of(chosen.rules)
            again = self.again if self.again is False else self.again[chosen.rows]
            self._put(chosen, cells, advance(cells, truths.of(chosen), pace, self.context.now, again))
        for k in [k for k, valid in enumerate(self.context.valid) if not valid]:
            self.status[k] = 0
            for column in self.states.columns.values():
                column[self.slots, k] = 0

    def _can_move(self, truths: _Truths) -> BoolArray:
        """Say where a cell can change: not where nothing holds and nothing is known, nor where it holds and fires."""
        status, settled = self.status, is_settled(self.status)
        blank = status == 0
        found: BoolArray = (blank & truths.hit) | (settled & truths.miss & truths.clear) | ~(blank | settled)
        found |= (self.states.paces.n > 1)[:, None]
        found &= np.array(self.context.valid)[:, None]
        return found

    def announce(self) -> None:
        firing = code_of(self.status) == FIRING
        free = ~self._held(firing)
        self._tell(_Chosen(*np.nonzero(firing & free & ((self.status & TOLD) == 0))), Pace())
        for k, settings in enumerate(self.context.settings):
            if settings.pace.afters:
                rows = np.flatnonzero(firing[k] & free[k])
                self._tell(_Chosen(np.full(len(rows), k), rows), settings.pace)

    def _tell(self, chosen: _Chosen, pace: Pace) -> None:
        if not len(chosen.rows):
            return
        cells = self._cells(chosen)
        after, told = announce(cells, free=True, pace=pace, now=self.context.now)
        self._put(chosen, cells, after)
        for reason, which in zip(_REASONS, told, strict=True):
            for k, row in zip(chosen.rules[which].tolist(), chosen.rows[which].tolist(), strict=True):
                self.told.setdefault(row, {})[k] = reason

    def _held(self, firing: BoolArray) -> BoolArray:
        """Say where something holds an alert back."""
        context, held = self.context, np.zeros_like(firing)
        out = self._among(context.opted_out) if context.opted_out else None
        silences = [(one, True if one.customers is None else self._among(one.customers)) for one in context.silences]
        for k, settings in enumerate(context.settings):
            for other in settings.inhibited_by:
                held[k] |= firing[other]
            if out is not None and settings.rule.respect_opt_out:
                held[k] |= out
            for silence, rows in silences:
                if not silence.rules or settings.id in silence.rules:
                    held[k] |= rows
            held[k] |= context.suspended[k]
        return held

    def _among(self, chosen: Collection[Any]) -> BoolArray:
        return np.fromiter((who in chosen for who in self.customers), bool, len(self.customers))

    def _cells(self, chosen: _Chosen) -> Cells:
        return self.states.gather(self.slots[chosen.rows], chosen.rules)._replace(status=self.status[chosen])

    def _put(self, chosen: _Chosen, before: Cells, after: Cells) -> None:
        self.status[chosen] = after.status
        self.states.scatter(self.slots[chosen.rows], chosen.rules, before._replace(status=after.status), after)

    def write(self) -> None:
        self.states.columns["status"][self.slots] = self.status.T
        self.states.seen[self.slots] = self.context.now
        kept = self.states.kept
        if kept:
            for who in self.customers:
                kept.pop(who, None)

    # -- what is new -----------------------------------------------------------------------------

    def steps(self) -> list[OnlineStep]:
        """Put together what is said of those for whom something is new, in order of customers."""
        changed = ((self.before ^ self.status) & _CODE).any(axis=0)
        changed[list(self.told)] = True
        rows = sorted(np.flatnonzero(changed).tolist(), key=self.customers.__getitem__)
        transitions, firing = self._transitions(rows), self._firing(rows)
        return [
            said(self.customers[row], fires, moved, self._reasons(row), self.context)
            for row, moved, fires in zip(rows, transitions, firing, strict=True)
        ]

    def _reasons(self, row: int) -> Mapping[int, str]:
        told = self.told.get(row, _NOTHING)
        return told if len(told) < 2 else dict(sorted(told.items()))

    def _transitions(self, rows: list[int]) -> list[list[tuple[str, str, str]]]:
        before, after = code_of(self.before[:, rows].T), code_of(self.status[:, rows].T)
        where, rules = np.nonzero(before != after)
        settings = self.context.settings
        listed = [
            (settings[k].id, STATUSES[was], STATUSES[code])
            for k, was, code in zip(
                rules.tolist(), before[where, rules].tolist(), after[where, rules].tolist(), strict=True
            )
        ]
        return [listed[begin:end] for begin, end in _borders(where, len(rows))]

    def _firing(self, rows: list[int]) -> list[dict[int, int]]:
        where, rules = np.nonzero(code_of(self.status[:, rows].T) == FIRING)
        since = self.states.columns["since"][self.slots[rows][where], rules].tolist()
        listed = rules.tolist()
        borders = _borders(where, len(rows))
        return [dict(zip(listed[begin:end], since[begin:end], strict=True)) for begin, end in borders]


_NOTHING: dict[int, str] = {}


def _borders(where: IntArray, n: int) -> Iterator[tuple[int, int]]:
    """Return from where to where each of n rows stands in a sorted list of rows."""
    return pairwise(np.searchsorted(where, np.arange(n + 1)).tolist())
