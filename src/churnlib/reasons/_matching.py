"""Leavers and comparable stayers: with us at the same instant, as long as they, on the same plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from churnlib._typing import Array, IntArray
from churnlib.calendar import DAY_US
from churnlib.events import EventLog
from churnlib.outcomes import Outcomes
from churnlib.outcomes._facts import effective_facts
from churnlib.outcomes._segments import first_at_least, offsets_of
from churnlib.outcomes._spells import NEVER

__all__ = ["Matched", "Presence", "States", "match", "presence"]

_FIRST, _LAST = np.iinfo(np.int64).min, np.iinfo(np.int64).max

_CELLS = 4_000_000
"""Pairs of leavers and spells that are looked at together; some 100 MB."""


@dataclass(frozen=True, slots=True, eq=False)
class States:
    """What the matched attributes of each customer said, all together as one code, from which instant on.

    Attributes
    ----------
    offsets : ndarray of int64, shape (n_customers + 1,)
        Where the instants of each customer of the log begin.
    at : ndarray of int64
        Ascending inside a customer: when something new became known.
    code : ndarray of int64
        The state from then on; before the first instant it is 0.
    """

    offsets: IntArray
    at: IntArray
    code: IntArray

    @classmethod
    def read(cls, log: EventLog, match: Sequence[str]) -> States:
        """Join the dated facts of several attributes.

        Parameters
        ----------
        log : EventLog
            Where they are stated.
        match : sequence of str
            Its attributes.

        Returns
        -------
        States
            With one code for each combination of values.
        """
        told = [_told(log, name) for name in match]
        pairs = np.concatenate([np.empty((0, 2), dtype=np.int64), *(pair for pair, _ in told)])
        moments = np.unique(pairs, axis=0)
        instants = np.unique(moments[:, 1])

        def key(pair: IntArray) -> Array:
            # customer and instant as one number that ascends as the moments do
            return np.asarray(pair[:, 0] * (len(instants) + 1) + np.searchsorted(instants, pair[:, 1]))

        state = np.zeros(len(moments), dtype=np.int64)
        for pair, value in told:
            current = np.zeros(len(moments), dtype=np.int64)
            current[np.searchsorted(key(moments), key(pair))] = value
            # the last value is carried on, but not over to the next customer
            last = np.maximum.accumulate(np.where(current > 0, np.arange(len(moments)), -1))
            own = (last >= 0) & (moments[np.maximum(last, 0), 0] == moments[:, 0])
            current = np.where(own, current[np.maximum(last, 0)], 0)
            joined = np.unique(np.column_stack([state, current]), axis=0, return_inverse=True)[1]
            state = joined.reshape(-1).astype(np.int64) + 1
        return cls(offsets_of(moments[:, 0], log.n_customers), moments[:, 1], state)

    def before(self, customer: IntArray, instant: IntArray) -> IntArray:
        """Return the state that was known strictly before an instant.

        Parameters
        ----------
        customer : ndarray of int64, shape (q,)
            Codes of the log, -1 for a customer without events.
        instant : ndarray of int64, shape (q,)
            Microseconds.

        Returns
        -------
        ndarray of int64, shape (q,)
            Codes; 0 where nothing was stated.
        """
        known = customer >= 0
        low = np.where(known, self.offsets[customer], 0)
        high = np.where(known, self.offsets[customer + 1], 0)
        found = first_at_least(self.at, low, high, instant)
        padded = np.append(self.code, 0)
        return np.where(found > low, padded[found - 1], 0)


def _told(log: EventLog, name: str) -> tuple[IntArray, IntArray]:
    """Return (customer, instant) and the value, from 1, of each fact that says something new."""
    attribute = log.attributes[name]
    stated = ~np.isnan(attribute.values) if attribute.categories is None else attribute.values >= 0
    facts = effective_facts(log, stated)
    value = np.unique(attribute.values[facts.row], return_inverse=True)[1].reshape(-1).astype(np.int64) + 1
    # most facts repeat what was stated before
    new = facts.first | (value != np.concatenate([value[:1], value[:-1]]))
    return np.column_stack([facts.customer.astype(np.int64), facts.at])[new], value[new]


@dataclass(frozen=True, slots=True, eq=False)
class Presence:
    """From when to when each customer was with us in one state: a row for each stretch.

    Attributes
    ----------
    customer : ndarray of int64, shape (n,)
        Position in the outcomes' customers.
    low, high : ndarray of int64, shape (n,)
        A comparable stayer, in this state, at every instant in (low, high].
    state : ndarray of int64, shape (n,)
        What the matched attributes say.
    born : ndarray of int64, shape (n,)
        First start of the customer.
    """

    customer: IntArray
    low: IntArray
    high: IntArray
    state: IntArray
    born: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """Leavers, each with stayers to compare.

    Attributes
    ----------
    case : ndarray of int64, shape (n_cases,)
        Spells of the leavers that have a comparable stayer.
    stayer : ndarray of int64, shape (n_stayers,)
        Customers, by position in the outcomes' customers.
    of : ndarray of int64, shape (n_stayers,)
        Which case (by position in `case`) each is compared with, ascending.
    alone : int
        Leavers without a comparable stayer.
    """

    case: IntArray
    stayer: IntArray
    of: IntArray
    alone: int


def presence(outcomes: Outcomes, states: States, code: IntArray, *, lead_us: int) -> Presence:
    """Cut the spells of all customers where their state changes.

    Parameters
    ----------
    outcomes : Outcomes
        Who was with us when.
    states : States
        In which state.
    code : ndarray of int64, shape (n_customers,)
        Code in the log of each customer of the outcomes, -1 for none.
    lead_us : int
        Who counts as a stayer at an instant is with us this much later still.

    Returns
    -------
    Presence
        Ordered by customer and time.
    """
    owner = code[outcomes.customer]
    known = owner >= 0
    first = np.where(known, states.offsets[owner], 0)
    cuts = np.where(known, states.offsets[owner + 1], 0) - first
    spell = np.repeat(np.arange(len(owner)), cuts + 1)
    nth = np.arange(len(spell)) - np.repeat(np.cumsum(cuts + 1) - (cuts + 1), cuts + 1)
    place = first[spell] + nth
    at, state = np.append(states.at, 0), np.append(states.code, 0)
    begins = np.where(nth > 0, at[place - 1], _FIRST)
    ends = np.where(nth < cuts[spell], at[np.minimum(place, len(at) - 1)], _LAST)
    stays = np.where(outcomes.end == NEVER, outcomes.complete_until_us, outcomes.end - 1) - lead_us
    low, high = np.maximum(begins, outcomes.start[spell]), np.minimum(ends, stays[spell])
    kept = np.flatnonzero(low < high)
    customer = outcomes.customer[spell[kept]].astype(np.int64)
    return Presence(
        customer=customer,
        low=low[kept],
        high=high[kept],
        state=np.where(nth > 0, state[place - 1], 0)[kept],
        born=outcomes.first_start[customer],
    )


def match(
    outcomes: Outcomes,
    there: Presence,
    cases: IntArray,
    instant: IntArray,
    state: IntArray,
    *,
    tenure_within: float | None,
    stayers: int,
    random_state: int,
) -> Matched:
    """Draw for each leaver stayers who were with us at the same instant, in the same state, for about as long.

    Parameters
    ----------
    outcomes : Outcomes
        Where the cases are spells.
    there : Presence
        Who was with us when, in which state.
    cases : ndarray of int64, shape (n_cases,)
        Spells of leavers.
    instant : ndarray of int64, shape (n_cases,)
        When each is compared.
    state : ndarray of int64, shape (n_cases,)
        The state of each at that instant.
    tenure_within : float or None
        The largest relative difference of tenure, and a week is none; None does not look at tenure.
    stayers : int
        At most so many for each.
    random_state : int
        Seed of the draw.

    Returns
    -------
    Matched
        In the order of the cases.
    """
    rng = np.random.default_rng(random_state)
    owner = outcomes.customer[cases].astype(np.int64)
    younger, older = _about(instant - outcomes.first_start[owner], tenure_within)
    drawn: list[IntArray] = [np.empty(0, dtype=np.int64)] * len(cases)
    for value in np.unique(state):
        group = np.flatnonzero(state == value)
        rows = np.flatnonzero(there.state == value)
        step = max(1, _CELLS // max(1, len(rows)))
        for start in range(0, len(group), step):
            chunk = group[start : start + step]
            at = instant[chunk, None]
            fits = (there.low[rows] < at) & (at <= there.high[rows]) & (there.customer[rows] != owner[chunk, None])
            tenure = at - there.born[rows]
            fits &= (tenure >= younger[chunk, None]) & (tenure <= older[chunk, None])
            for place, row in zip(chunk, fits, strict=True):
                found = rows[np.flatnonzero(row)]
                if len(found) > stayers:
                    found = np.sort(rng.choice(found, stayers, replace=False))
                drawn[place] = there.customer[found]
    size = np.array([len(found) for found in drawn], dtype=np.int64)
    kept = np.flatnonzero(size > 0)
    return Matched(
        case=cases[kept],
        stayer=np.concatenate([drawn[place] for place in kept]) if len(kept) else np.empty(0, dtype=np.int64),
        of=np.repeat(np.arange(len(kept)), size[kept]),
        alone=int((size == 0).sum()),
    )


def _about(tenure: IntArray, within: float | None) -> tuple[IntArray, IntArray]:
    """Return the shortest and the longest tenure that is about as long."""
    if within is None:
        return np.zeros_like(tenure), np.full_like(tenure, _LAST)
    low = np.minimum((tenure / (1 + within)).astype(np.int64), tenure - 7 * DAY_US)
    return low, np.maximum((tenure * (1 + within)).astype(np.int64), tenure + 7 * DAY_US)
