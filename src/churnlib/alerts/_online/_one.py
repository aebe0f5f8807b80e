"""A step for one customer: only those cells are moved that can change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from churnlib.alerts._conditions import Conditions, RowValues, judged, refuse_unknown
from churnlib.alerts._online._reader import RuleReader
from churnlib.alerts._online._step import Context, OnlineStep, Settings, is_free, said
from churnlib.alerts._online._store import OnlineStates
from churnlib.alerts._step import (
    BLANK,
    FIRING,
    STATUSES,
    TOLD,
    Cells,
    Truth,
    advance_one,
    announce_one,
    code_of,
    is_settled,
)
from churnlib.calendar import timestamp
from churnlib.exceptions import TimeError, message

__all__ = ["step_one"]

_UNKNOWN = Truth(hit=False, miss=False, clear=False, stay=False)


def step_one(
    states: OnlineStates, reader: RuleReader, customer: Any, row: Mapping[str, Any], context: Context
) -> OnlineStep:
    """Evaluate all rules for one customer at one instant, and remember it."""
    if type(customer) is not int and type(customer) is not str:
        states.check_id(customer)
    slot, now = states.slots.get(customer), context.now
    seen = None if slot is None else int(states.seen[slot])
    if seen is not None and seen > now:
        raise TimeError(_back(customer, seen, now))
    one = _Step(states, slot, customer, context, again=seen == now)
    one.move(reader, row)
    reasons = one.announce()
    if slot is None:
        slot = states.add(customer)
    for k, cell in one.moved.items():
        states.put(slot, k, cell)
    states.seen[slot] = now
    states.kept[customer] = row
    return said(customer, one.firing, one.transitions(), reasons, context)


def _back(customer: Any, seen: int, now: int) -> str:
    return message(
        f"customer {customer!r} was evaluated at {timestamp(seen)} before, and now is {timestamp(now)}",
        "time goes forward from step to step",
        f"now='{timestamp(seen)}' or later",
    )


class _Step:
    """The cells of one customer on their way to an instant.

    Attributes
    ----------
    moved : dict of int to Cells
        Those that changed, by position of the rule.
    firing : dict of int to int
        The rules that fire, in order, with since when.
    """

    def __init__(self, states: OnlineStates, slot: int | None, customer: Any, context: Context, *, again: bool) -> None:
        self.states, self.slot, self.customer, self.context, self.again = states, slot, customer, context, again
        self.moved: dict[int, Cells] = {}
        self.firing: dict[int, int] = {}
        self._to_tell: list[int] = []
        self._columns = None if slot is None else states.row(slot)
        self.before: Sequence[int] = [0] * states.n_rules if self._columns is None else self._columns[0]

    def cell(self, k: int) -> Cells:
        return BLANK if self._columns is None else Cells(*[column[k] for column in self._columns])

    def move(self, reader: RuleReader, row: Mapping[str, Any]) -> None:
        context, before = self.context, self.before
        valid, suspended = context.valid, context.suspended
        plan, source, plain = reader.read(row, context.now)
        for k, (one, settings) in enumerate(zip(plan.conditions, context.settings, strict=True)):
            if not valid[k]:
                self._put(k, self.cell(k), BLANK)
                continue
            if suspended[k]:
                self._advance(k, settings, _UNKNOWN)
                continue
            own: Any = RowValues(plain.values, one.pauses, context.now) if one.pauses else source
            hit, miss = one.when.read(own)
            if settings.is_plain:
                # Almost always one of these two is so, and the cell stays as it is.
                status = before[k]
                if not hit and not status and (miss or not settings.fires_unknown):
                    continue
                if hit and is_settled(status):
                    self._fires(k, status, self.cell(k).since)
                    continue
            self._advance(k, settings, _truth(one, hit, miss, own, self.customer))

    def _advance(self, k: int, settings: Settings, truth: Truth) -> None:
        cell = self.cell(k)
        self._put(k, cell, advance_one(cell, truth, settings.pace, self.context.now, self.again))

    def _put(self, k: int, before: Cells, after: Cells) -> None:
        if after is not before and after != before:
            self.moved[k] = after
        if code_of(after.status) == FIRING:
            self._fires(k, after.status, after.since)

    def _fires(self, k: int, status: int, since: int) -> None:
        self.firing[k] = since
        if not status & TOLD or self.context.settings[k].pace.afters:
            self._to_tell.append(k)

    def announce(self) -> dict[int, str]:
        """Return why alerts are told now, by position of the rule."""
        context, reasons = self.context, {}
        for k in self._to_tell:
            settings = context.settings[k]
            free = is_free(settings, self.customer, self.firing, context, suspended=context.suspended[k])
            cell = self.moved[k] if k in self.moved else self.cell(k)
            told, reason = announce_one(cell, free, settings.pace, context.now)
            if reason:
                self.moved[k], reasons[k] = told, reason
        return reasons

    def transitions(self) -> list[tuple[str, str, str]]:
        """Return what changed, in order of rules."""
        found = []
        for k in sorted(self.moved):
            was, code = code_of(self.before[k]), code_of(self.moved[k].status)
            if was != code:
                found.append((self.context.settings[k].id, STATUSES[was], STATUSES[code]))
        return found


def _truth(one: Conditions, hit: bool, miss: bool, source: Any, customer: Any) -> Truth:  # noqa: FBT001
    clear, stay = (miss, hit) if one.clear is None else one.clear.read(source)
    on_missing = one.rule.on_missing
    if on_missing == "hold":
        return Truth(hit, miss, clear, stay)
    if on_missing == "error" and not ((hit or miss) and (clear or stay)):
        raise refuse_unknown(one.rule, 1, 1, repr(customer))
    return judged(Truth(hit, miss, clear, stay), on_missing)
