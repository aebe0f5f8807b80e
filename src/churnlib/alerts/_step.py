"""One step of the state machine of an alert: for columns of customers, and the same for one of them.

A cell is the state of one customer under one rule: five whole numbers, all zero for "inactive,
with no history". `advance` moves cells by what the conditions say at an instant, `announce` by
what may be told; neither reads a clock or changes what it is given. `advance_one` and
`announce_one` are the same for a single cell.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from churnlib._typing import BoolArray, IntArray

__all__ = [
    "BLANK",
    "COOLING",
    "FIRING",
    "INACTIVE",
    "LONGEST_HISTORY",
    "NOBODY",
    "PENDING",
    "STATUSES",
    "TOLD",
    "Cells",
    "Pace",
    "Told",
    "Truth",
    "advance",
    "advance_one",
    "announce",
    "announce_one",
    "code_of",
    "empty_cells",
    "is_settled",
]

STATUSES = ("inactive", "pending", "firing", "cooling")
INACTIVE, PENDING, FIRING, COOLING = range(4)
_CODE = 3
"""The bits of a status that hold one of `STATUSES`; the others are flags."""

TOLD = 4
"""The alert has been announced since it began to fire."""

_CLEARING = 8
"""The alert fires only because `keep_firing` has not passed yet."""

_SKIPPED = 16
"""The last evaluation was unknown, so that the newest bit of the history is from before it."""

LONGEST_HISTORY = 16
_ONES = np.array([value.bit_count() for value in range(1 << LONGEST_HISTORY)], dtype=np.uint8)


class Cells(NamedTuple):
    """The states of one rule: arrays over customers, or the five numbers of one customer.

    Attributes
    ----------
    status : array of uint8, or int
        One of `STATUSES` by position, and flags.
    since : array of int64, or int
        Since when it is pending, firing or cooling; 0 while inactive.
    bits : array of uint16, or int
        Whether the condition held at the last evaluations, the newest in the lowest bit.
    notified : array of int64, or int
        When it was last announced, as long as that matters.
    quiet : array of int64, or int
        Since when the condition to clear holds without a break.
    """

    status: Any
    since: Any
    bits: Any
    notified: Any
    quiet: Any


BLANK = Cells(0, 0, 0, 0, 0)
"""The cell of a customer of whom a rule knows nothing."""


class Truth(NamedTuple):
    """What the two conditions of a rule say; arrays of bool, or bools.

    Attributes
    ----------
    hit, miss : array of bool, or bool
        Whether the condition to fire is true, and whether it is false; neither where it is unknown.
    clear, stay : array of bool, or bool
        The same for the condition to clear.
    """

    hit: Any
    miss: Any
    clear: Any
    stay: Any


@dataclass(frozen=True, slots=True)
class Pace:
    """The lengths of time of a rule, in microseconds, and its k of n.

    Attributes
    ----------
    for_us, keep_us, cool_us : int
        How long the condition holds before it fires, how long the alert stays after it cleared,
        and the least time from an announcement to the next firing.
    k, n : int
        The condition is met when it held at k of the last n evaluations.
    afters : tuple of int
        The ages at which a firing alert is escalated, ascending.

    `stack` puts those of several rules side by side, for cells of more than one rule.
    """

    for_us: Any = 0
    keep_us: Any = 0
    cool_us: Any = 0
    k: Any = 1
    n: Any = 1
    afters: tuple[int, ...] = ()

    @classmethod
    def stack(cls, paces: Sequence[Pace]) -> Pace:
        """Put the numbers of several rules side by side; ages of escalation stay with each rule.

        Examples
        --------
        >>> Pace.stack([Pace(for_us=5), Pace()]).for_us.tolist()
        [5, 0]
        """
        for_us, keep_us, cool_us, k, n = (
            np.array([getattr(pace, name) for pace in paces], np.int64)
            for name in ("for_us", "keep_us", "cool_us", "k", "n")
        )
        return cls(for_us, keep_us, cool_us, k, n)

    def of(self, rules: IntArray) -> Pace:
        """Return the numbers of the rule of each cell, from those of several rules."""
        return Pace(self.for_us[rules], self.keep_us[rules], self.cool_us[rules], self.k[rules], self.n[rules])


class Told(NamedTuple):
    """Rows whose alert is announced by a step.

    Attributes
    ----------
    fired, released, escalated : array of int64
        That began to fire now; that fired before, held back until now; that have come of an age.
    """

    fired: IntArray
    released: IntArray
    escalated: IntArray


NOBODY = Told(*(np.empty(0, dtype=np.int64) for _ in range(3)))


def empty_cells(n: int) -> Cells:
    """Return the states of customers of whom nothing is known; untouched, they take no memory."""
    return Cells(
        np.zeros(n, dtype=np.uint8),
        np.zeros(n, dtype=np.int64),
        np.zeros(n, dtype=np.uint16),
        np.zeros(n, dtype=np.int64),
        np.zeros(n, dtype=np.int64),
    )


def code_of(status: Any) -> Any:
    """Return the position in `STATUSES` of a status with its flags."""
    return status & _CODE


def is_settled(status: Any) -> Any:
    """Return whether an alert fires and has not begun to clear: as long as its condition holds, it stays as it is.

    That is so without a history: with "k of n" every evaluation changes the cell.

    Examples
    --------
    >>> is_settled(FIRING | TOLD), is_settled(PENDING)
    (True, False)
    """
    return status & (_CODE | _CLEARING) == FIRING


def advance(cells: Cells, truth: Truth, pace: Pace, now: int, again: Any) -> Cells:
    """Move the states of one rule to an instant, or cells of several rules.

    Parameters
    ----------
    cells : Cells
        The states before, as arrays.
    truth : Truth
        What the conditions say of each customer.
    pace : Pace
        The tolerance of the rule, or of the rule of each cell.
    now : int
        The instant, in microseconds.
    again : array of bool, or bool
        Whether the customer was evaluated at this very instant before: an instant counts once in
        the history.

    Returns
    -------
    Cells
        The states after it. A column that did not change is the same array.

    Examples
    --------
    >>> told = np.array([True, False])
    >>> after = advance(empty_cells(2), Truth(told, ~told, ~told, told), Pace(for_us=5), 100, False)
    >>> [STATUSES[code] for code in code_of(after.status)], after.since.tolist()
    (['pending', 'inactive'], [100, 0])
    """
    move = _Move(cells, pace, now)
    known = truth.hit | truth.miss
    met = move.met(truth.hit, known, again) if np.any(pace.n > 1) else truth.hit
    failed = known & ~met
    code = move.status & _CODE
    move.cool_down(code)
    move.begin(code, met, failed)
    firing = code == FIRING
    leaving = firing & failed & truth.clear
    if move.keeps:
        leaving &= move.kept(leaving, firing & known & (met | truth.stay))
    move.leave(np.flatnonzero(leaving))
    return move.done()


class _Move:
    """Cells on their way to an instant; columns are copied when they are first written to."""

    def __init__(self, cells: Cells, pace: Pace, now: int) -> None:
        self.cells = cells
        self.pace = pace
        self.now = now
        self.keeps = bool(np.any(pace.keep_us))
        self.status = cells.status.copy()
        self.own: dict[str, Any] = {"status": self.status}

    def put(self, name: str, rows: IntArray, value: int) -> None:
        if not len(rows):
            return
        if name not in self.own:
            self.own[name] = getattr(self.cells, name).copy()
        self.own[name][rows] = value

    def done(self) -> Cells:
        return self.cells._replace(**self.own)

    def met(self, hit: BoolArray, known: BoolArray, again: Any) -> BoolArray:
        """Add to the history of those evaluated, and say whether k of the last n were true."""
        old, counted = self.cells.bits, self.pace.n > 1
        seen = known & counted
        replaced = again & ((self.status & _SKIPPED) == 0)
        older = np.where(replaced, old >> 1, old).astype(np.uint32)
        bits = np.where(seen, ((older << 1) | hit) & ((1 << self.pace.n) - 1), old).astype(np.uint16)
        self.status[seen] &= _CODE | TOLD | _CLEARING
        self.status[~known & ~replaced & counted] |= _SKIPPED
        self.own["bits"] = bits
        return np.where(counted, known & (_ONES[bits] >= self.pace.k), hit)

    def cool_down(self, code: Any) -> None:
        """Make inactive what has cooled down."""
        cooling = np.flatnonzero(code == COOLING)
        over = cooling[self.now - self.cells.notified[cooling] >= _of(self.pace.cool_us, cooling)]
        code[over] = INACTIVE
        self.reset(over)

    def begin(self, code: Any, met: BoolArray, failed: BoolArray) -> None:
        """Begin to wait or to fire, or stop waiting."""
        starting = np.flatnonzero((code == INACTIVE) & met)
        pending = np.flatnonzero(code == PENDING)
        if len(pending):
            self.reset(pending[failed[pending]])
            ripe = pending[met[pending] & (self.now - self.cells.since[pending] >= _of(self.pace.for_us, pending))]
            self.status[ripe] += FIRING - PENDING
            self.put("since", ripe, self.now)
        self.status[starting] += np.where(_of(self.pace.for_us, starting) > 0, PENDING, FIRING).astype(np.uint8)
        self.put("since", starting, self.now)

    def kept(self, leaving: BoolArray, back: BoolArray) -> BoolArray:
        """Say where the time to keep firing has passed, and begin or break it elsewhere."""
        clearing = (self.status & _CLEARING) != 0
        broken = np.flatnonzero(clearing & back)
        self.status[broken] -= _CLEARING
        self.put("quiet", broken, 0)
        begun = np.flatnonzero(leaving & ~clearing & (self.pace.keep_us > 0))
        self.status[begun] += _CLEARING
        self.put("quiet", begun, self.now)
        return np.asarray((self.pace.keep_us == 0) | (clearing & (self.now - self.cells.quiet >= self.pace.keep_us)))

    def leave(self, rows: IntArray) -> None:
        """End alerts: into the cool-down of their announcement, or out of everything."""
        told = (self.status[rows] & TOLD) != 0
        cool = told & (self.now - self.cells.notified[rows] < _of(self.pace.cool_us, rows))
        self.reset(rows[~cool])
        cooled = rows[cool]
        self.status[cooled] = (self.status[cooled] & _SKIPPED) | COOLING
        self.put("since", cooled, self.now)
        if self.keeps:
            self.put("quiet", cooled, 0)

    def reset(self, rows: IntArray) -> None:
        """Make cells inactive; of an inactive one the history alone is kept."""
        if not len(rows):
            return
        self.status[rows] &= _SKIPPED
        self.put("since", rows, 0)
        self.put("notified", rows, 0)
        if self.keeps:
            self.put("quiet", rows, 0)


def _of(number: Any, rows: IntArray) -> Any:
    """Return a number of the pace of some cells."""
    return number[rows] if isinstance(number, np.ndarray) else number


def announce(cells: Cells, free: Any, pace: Pace, now: int) -> tuple[Cells, Told]:
    """Say which firing alerts are told to their owner, and remember it.

    An alert is told once, as soon as nothing holds it back, and once more at each escalation.

    Parameters
    ----------
    cells : Cells
        The states after `advance`, as arrays.
    free : array of bool, or bool
        Where nothing holds an alert back: it is not inhibited, opted out, silenced or suspended.
    pace : Pace
        The tolerance of the rule.
    now : int
        The instant, in microseconds.

    Returns
    -------
    cells : Cells
        The states with what was told.
    told : Told
        The rows.
    """
    fresh = np.flatnonzero(((cells.status & (_CODE | TOLD)) == FIRING) & free)
    late = cells.since[fresh] != now
    escalated = _escalated(cells, free, pace, now) if pace.afters else fresh[:0]
    if not len(fresh) and not len(escalated):
        return cells, NOBODY
    status, notified = cells.status.copy(), cells.notified.copy()
    status[fresh] |= TOLD
    notified[fresh] = now
    notified[escalated] = now
    return cells._replace(status=status, notified=notified), Told(fresh[~late], fresh[late], escalated)


def _escalated(cells: Cells, free: Any, pace: Pace, now: int) -> IntArray:
    rows = np.flatnonzero(((cells.status & (_CODE | TOLD)) == (FIRING | TOLD)) & free)
    since = cells.since[rows]
    afters = np.array(pace.afters)
    reached = np.searchsorted(afters, now - since, side="right")
    told = np.searchsorted(afters, cells.notified[rows] - since, side="right")
    return np.asarray(rows[reached > told])


# -- one cell -----------------------------------------------------------------------------------


def advance_one(cell: Cells, truth: Truth, pace: Pace, now: int, again: bool) -> Cells:  # noqa: FBT001 - as in advance
    """Move the state of one customer under one rule to an instant; the same as `advance` for one row.

    Parameters
    ----------
    cell : Cells
        The state before, as numbers.
    truth : Truth
        What the conditions say, as bools.
    pace : Pace
        The tolerance of the rule.
    now : int
        The instant, in microseconds.
    again : bool
        Whether the customer was evaluated at this very instant before.

    Returns
    -------
    Cells
        The state after it.

    Examples
    --------
    >>> cell = advance_one(BLANK, Truth(True, False, False, True), Pace(), 100, False)
    >>> STATUSES[code_of(cell.status)], cell.since
    ('firing', 100)
    """
    if not truth.hit and cell == BLANK and (truth.miss or pace.n == 1):
        return BLANK
    known = truth.hit or truth.miss
    cell, met = _met_one(cell, truth.hit, known, pace, again) if pace.n > 1 else (cell, truth.hit)
    code = cell.status & _CODE
    if code == COOLING and now - cell.notified >= pace.cool_us:
        cell, code = _reset_one(cell), INACTIVE
    if code == FIRING:
        return _while_firing(cell, truth, known, met, pace, now)
    if code == INACTIVE and met:
        return cell._replace(status=cell.status + (PENDING if pace.for_us else FIRING), since=now)
    if code == PENDING and met and now - cell.since >= pace.for_us:
        return cell._replace(status=cell.status + FIRING - PENDING, since=now)
    if code == PENDING and known and not met:
        return _reset_one(cell)
    return cell


def _met_one(cell: Cells, hit: bool, known: bool, pace: Pace, again: bool) -> tuple[Cells, bool]:  # noqa: FBT001
    replaced = again and not cell.status & _SKIPPED
    if not known:
        return cell if replaced else cell._replace(status=cell.status | _SKIPPED), False
    older = cell.bits >> 1 if replaced else cell.bits
    bits = ((older << 1) | hit) & ((1 << pace.n) - 1)
    return cell._replace(status=cell.status & ~_SKIPPED, bits=bits), bits.bit_count() >= pace.k


def _while_firing(cell: Cells, truth: Truth, known: bool, met: bool, pace: Pace, now: int) -> Cells:  # noqa: FBT001
    leaving = known and not met and truth.clear
    clearing = bool(cell.status & _CLEARING)
    if pace.keep_us and leaving and not clearing:
        return cell._replace(status=cell.status | _CLEARING, quiet=now)
    if clearing and known and (met or truth.stay):
        return cell._replace(status=cell.status & ~_CLEARING, quiet=0)
    if not leaving or (pace.keep_us and now - cell.quiet < pace.keep_us):
        return cell
    if cell.status & TOLD and now - cell.notified < pace.cool_us:
        return cell._replace(status=cell.status & _SKIPPED | COOLING, since=now, quiet=0)
    return _reset_one(cell)


def _reset_one(cell: Cells) -> Cells:
    return Cells(cell.status & _SKIPPED, 0, cell.bits, 0, 0)


def announce_one(cell: Cells, free: bool, pace: Pace, now: int) -> tuple[Cells, str]:  # noqa: FBT001 - as in announce
    """Say whether one alert is told to its owner; the same as `announce` for one row.

    Parameters
    ----------
    cell : Cells
        The state after `advance_one`, as numbers.
    free : bool
        Whether nothing holds the alert back.
    pace : Pace
        The tolerance of the rule.
    now : int
        The instant, in microseconds.

    Returns
    -------
    cell : Cells
        The state with what was told.
    reason : {"", "fired", "released", "escalated"}
        Why it is told, or nothing.
    """
    if not free or cell.status & _CODE != FIRING:
        return cell, ""
    if not cell.status & TOLD:
        reason = "fired" if cell.since == now else "released"
        return cell._replace(status=cell.status | TOLD, notified=now), reason
    reached = bisect_right(pace.afters, now - cell.since)
    if reached > bisect_right(pace.afters, cell.notified - cell.since):
        return cell._replace(notified=now), "escalated"
    return cell, ""
