"""From alerts, reasons, tiers, stages and dates to the actions that come up for each customer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from churnlib._ids import customer_ids
from churnlib._typing import BoolArray, Instant, IntoFrame
from churnlib.calendar import timestamp, timestamps, to_us, zone_name
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, message, nearest, some
from churnlib.policy._actions._action import Action
from churnlib.policy._actions._catalogue import check_actions
from churnlib.policy._actions._clocks import read_happenings
from churnlib.policy._actions._triggers import Hits, Situation, Trigger
from churnlib.policy._contact._history import NEVER, read_contacts

__all__ = ["Candidates", "candidates"]

_ALWAYS = "always"


class Candidates:
    """Which actions come up for which customers, and why; `candidates` makes it.

    Attributes
    ----------
    allowed : DataFrame of bool, customers by actions
        Where the action came up and the customer is eligible.
    actions : tuple of Action
        The catalogue.
    customers : dataframe
        The customers' columns as they were given.
    timezone : str
        The zone of days and of times without one.

    Examples
    --------
    >>> from churnlib.policy import OnTier
    >>> customers = pd.DataFrame({"tier": ["A", "D"]}, index=pd.Index(["ann", "bob"], name="customer_id"))
    >>> found = candidates(customers, [Action("call")], on="2026-03-02", triggers=[OnTier("call", "A")], tiers="tier")
    >>> found
    Candidates(2026-03-02 00:00:00+00:00: 1 action for 1 of 2 customers)
    >>> found.reasons[["customer_id", "action", "because"]]
      customer_id action because
    0         ann   call  tier A
    """

    def __init__(
        self,
        actions: tuple[Action, ...],
        situation: Situation,
        customers: Any,
        found: list[tuple[tuple[int, ...], Hits]],
        parts: tuple[BoolArray, BoolArray, BoolArray],
    ) -> None:
        self.actions, self.customers, self.timezone = actions, customers, situation.tz
        self._on, self._ids = situation.on, situation.customers
        self._found = found
        self._up, self._eligible, self._unknown = parts
        names = pd.Index([action.name for action in actions], name="action")
        self.allowed = pd.DataFrame(self._up & self._eligible, index=self._ids, columns=names)

    @property
    def on(self) -> pd.Timestamp:
        """The instant of the decision."""
        return timestamp(self._on, self.timezone)

    def __repr__(self) -> str:
        n, some_one = len(self.actions), int(self.allowed.to_numpy().any(axis=1).sum())
        return f"Candidates({self.on}: {n} action{'s' * (n != 1)} for {some_one:,} of {len(self._ids):,} customers)"

    @cached_property
    def summary(self) -> pd.DataFrame:
        """For each action, how many customers it came up for, and how many of them are eligible.

        came_up; eligible; not_eligible; unknown: those of whom nobody knows whether they are, who are
        left out.

        Examples
        --------
        >>> customers = pd.DataFrame({"n": [1, 9, None]}, index=pd.Index([1, 2, 3], name="customer_id"))
        >>> candidates(customers, [Action("call", eligible="n > 2")], on="2026-03-02").summary.loc["call"].to_dict()
        {'came_up': 3, 'eligible': 1, 'not_eligible': 1, 'unknown': 1}
        """
        up, eligible, unknown = self._up, self._up & self._eligible, self._up & self._unknown
        counts = {
            "came_up": up.sum(axis=0),
            "eligible": eligible.sum(axis=0),
            "not_eligible": (up & ~self._eligible & ~self._unknown).sum(axis=0),
            "unknown": unknown.sum(axis=0),
        }
        return pd.DataFrame(counts, index=self.allowed.columns)

    @cached_property
    def reasons(self) -> pd.DataFrame:
        """Why each allowed action came up: a row for each reason, in order of customers and actions.

        customer_id, action; because : what brought it up ("always" for an action that no trigger names);
        due : by when it is to be done, the first instant at which it is late, NaT where nothing says so.

        Examples
        --------
        >>> from churnlib.policy import OnDate
        >>> customers = pd.DataFrame({"born": ["1990-03-04"]}, index=pd.Index([7], name="customer_id"))
        >>> found = candidates(customers, [Action("card")], on="2026-03-02", triggers=[OnDate("card", "born")])
        >>> found.reasons[["because", "due"]].values.tolist()
        [['born in 2 days', Timestamp('2026-03-05 00:00:00+0000', tz='UTC')]]
        """
        allowed = self.allowed.to_numpy()
        rows, places, codes, dues, texts = [], [], [], [], [_ALWAYS]
        for which, hits in [*self._found, *self._standing()]:
            for column in which:
                kept = np.flatnonzero(allowed[hits.rows, column])
                until = hits.due[kept]
                length = self.actions[column].due
                if length is not None:
                    until = np.where(until == NEVER, hits.since[kept] + (length.fixed_us or 0), until)
                rows.append(hits.rows[kept])
                places.append(np.full(len(kept), column))
                codes.append(hits.code[kept] + len(texts))
                dues.append(until)
            texts += hits.texts
        row, place, code, due = (np.concatenate(part).astype(np.int64) for part in (rows, places, codes, dues))
        known = {text: number for number, text in enumerate(dict.fromkeys(texts))}
        code = np.array([known[text] for text in texts], dtype=np.int64)[code]
        order = np.lexsort((code, np.where(due == NEVER, np.iinfo(np.int64).max, due), place, row))
        row, place, code, due = row[order], place[order], code[order], due[order]
        frame = {
            "customer_id": self._ids[row],
            "action": pd.Categorical.from_codes(place, pd.Index(self.allowed.columns, dtype=object)),
            "because": pd.Categorical.from_codes(code, pd.Index(list(known), dtype=object)),
            "due": timestamps(np.where(due == NEVER, 0, due), self.timezone).where(due != NEVER),
        }
        return pd.DataFrame(frame).drop_duplicates(ignore_index=True)

    def _standing(self) -> list[tuple[tuple[int, ...], Hits]]:
        """Return the actions that no trigger names."""
        named = {place for which, _ in self._found for place in which}
        free = tuple(place for place in range(len(self.actions)) if place not in named)
        n = len(self._ids)
        never, now = np.full(n, NEVER, dtype=np.int64), np.full(n, self._on)
        return [(free, Hits(np.arange(n), never, np.zeros(n, dtype=np.int64), (_ALWAYS,), now))] if free else []


def candidates(
    customers: IntoFrame,
    actions: Any,
    *,
    on: Instant,
    triggers: Trigger | Iterable[Trigger] = (),
    alerts: Any = None,
    reasons: Any = None,
    tiers: Any = None,
    stages: Any = None,
    dates: Any = None,
    events: Any = None,
    history: Any = None,
    timezone: str = "UTC",
    customer: str | None = None,
    units: Mapping[str, str] | None = None,
) -> Candidates:
    """Find the actions that come up for each customer, with the reason and the time by which they are due.

    An action comes up where one of its triggers says so; one that no trigger names comes up for everybody.
    Of those, `Action.eligible` keeps the eligible. Whether the customer may be contacted today is for
    `ContactPolicy` to say, and whether it pays for `allocate`.

    Parameters
    ----------
    customers : dataframe
        One row per customer.
    actions : sequence of Action
        The catalogue.
    on : str, date or datetime
        The instant of the decision; what happened at it or later does not count.
    triggers : sequence of triggers, default=()
        `OnAlert`, `OnReason`, `OnTier`, `OnStage`, `OnCondition`, `OnDate`, `OnClock`, `OnCadence`.
    alerts : AlertStep or dataframe, default=None
        What `RuleSet.step` returned, or its alerts: customer_id, rule, level.
    reasons : dataframe or Series, default=None
        Reasons by customer (index or customer_id), in a column reason, theme, label, code or feature, with a
        rank or without: what `model.reasons(X)` returned, or the labels of a `ComplaintClassifier`.
    tiers, stages : str, Series or array, default=None
        A column of the customers, a Series by customer, or one value per row.
    dates : dataframe, default=None
        Columns of dates in the order of the customers, where they are not among the customers' own.
    events : EventLog or dataframe, default=None
        customer_id, kind and time (or at), and what the conditions of clocks read.
    history : dataframe, default=None
        Past contacts, as for `ContactPolicy.apply`.
    timezone : str, default="UTC"
        The zone in which days begin, and of times without one: that of the log.
    customer : str, default=None
        The column that names the customer; None for "customer_id", or else the index.
    units : mapping of str to str, default=None
        Units of columns of numbers that are compared with lengths of time.

    Returns
    -------
    Candidates
        What is allowed, and why.

    Raises
    ------
    ParameterError
        When a trigger names an action that is not in the catalogue, or needs what is not given.
    SchemaError
        When a column is missing or cannot serve.
    DuplicateError
        When a customer has two rows.

    Examples
    --------
    >>> from churnlib.policy import Clock, OnClock
    >>> events = pd.DataFrame({"customer_id": [7], "kind": "complaint", "time": "2026-03-02 09:00"})
    >>> clock = Clock("first contact", "complaint", "5min", done="contacted")
    >>> found = candidates(
    ...     pd.DataFrame({"customer_id": [7, 8]}),
    ...     [Action("call", channel="phone")],
    ...     on="2026-03-02 09:02",
    ...     triggers=[OnClock("call", clock)],
    ...     events=events,
    ... )
    >>> found.allowed["call"].to_dict(), str(found.reasons["due"][0])
    ({7: True, 8: False}, '2026-03-02 09:05:00+00:00')
    """
    catalogue = check_actions(actions)
    listed = _triggers(triggers, catalogue)
    tz = zone_name(timezone)
    now = to_us(on, tz)
    ids = customer_ids(customers, customer)
    _check_rows(dates, len(ids))
    past = None if history is None else read_contacts(history, ids, on=now, tz=tz, channel_of={})[0]
    given = {
        "alerts": alerts, "reasons": reasons, "tiers": tiers, "stages": stages, "dates": dates, "history": past,
        "events": None if events is None else read_happenings(events, now, tz),
    }  # fmt: skip
    situation = Situation(ids, customers, now, tz, units, given)
    names = [action.name for action in catalogue]
    found = [(tuple(names.index(name) for name in trigger.names), trigger.hits(situation)) for trigger in listed]
    up = np.zeros((len(ids), len(names)), dtype=bool, order="F")
    for which, hits in found:
        for place in which:
            up[hits.rows, place] = True
    named = {place for which, _ in found for place in which}
    up[:, [place for place in range(len(names)) if place not in named]] = True
    truths = [action._truth(customers, timestamp(now, tz), units, tz) for action in catalogue]
    eligible, unknown = (np.column_stack(part) for part in zip(*truths, strict=True))
    return Candidates(catalogue, situation, _named(customers, ids), found, (up, eligible, unknown))


def _triggers(triggers: Any, catalogue: tuple[Action, ...]) -> tuple[Trigger, ...]:
    listed = (triggers,) if isinstance(triggers, Trigger) else triggers
    if isinstance(listed, str | Mapping) or not isinstance(listed, Iterable):
        raise ParameterTypeError(
            message(f"triggers is {triggers!r}", "a list of triggers was expected", "triggers=[OnTier('call', 'A')]")
        )
    found = tuple(listed)
    names = [action.name for action in catalogue]
    for trigger in found:
        if not isinstance(trigger, Trigger):
            raise ParameterTypeError(
                message(f"{trigger!r} is no trigger", "triggers were expected", "triggers=[OnTier('call', 'A')]")
            )
        absent = [name for name in trigger.names if name not in names]
        if absent:
            raise ParameterError(
                message(
                    f"{trigger} names the action {absent[0]!r}, which is not in the catalogue "
                    f"({nearest(absent[0], names)})",
                    f"the actions are {some(names, 12)}",
                    "a name among them",
                )
            )
    return found


def _check_rows(dates: Any, n: int) -> None:
    if dates is not None and len(dates) != n:
        raise DataError(
            message(
                f"dates has {len(dates):,} rows for {n:,} customers",
                "one row per customer, in their order",
                "dates.loc[ids]",
            )
        )


def _named(customers: Any, ids: pd.Index[Any]) -> Any:
    """Return the customers so that their rows say who they are, whatever column named them."""
    if isinstance(customers, pd.DataFrame) and "customer_id" not in customers.columns:
        return customers.set_axis(ids, axis=0)
    return customers
