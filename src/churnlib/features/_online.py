"""Features event by event: the same numbers as the batch, at any instant from now on."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from churnlib._checks import as_names, check_flag, check_integer
from churnlib.calendar import Duration, duration, timestamp, timestamps, to_us
from churnlib.events import Contracts, EventLog, Schema
from churnlib.events._money import MAX_SCALE
from churnlib.exceptions import (
    DataError,
    DuplicateError,
    HistoryError,
    ParameterError,
    ParameterTypeError,
    message,
    some,
)
from churnlib.features._attributes import Stated
from churnlib.features._contracts import ContractEnd
from churnlib.features._online_bulk import aged_customers, frame_of, values_of
from churnlib.features._online_columns import EventTable, read_frame, rows_of_log
from churnlib.features._online_days import midnight_by
from churnlib.features._online_due import Dues
from churnlib.features._online_files import customer_from_bytes, customer_to_bytes, load_online, save_online
from churnlib.features._online_finish import finish_of
from churnlib.features._online_read import FeatureColumns
from churnlib.features._online_reader import EventReader, ReadEvent
from churnlib.features._online_setup import Setup, checked_lateness, looked_back, reach_us, resolved, settled_plan
from churnlib.features._online_store import OnlineStore
from churnlib.features._spec import FeatureSpec

__all__ = ["OnlineFeatures", "Refusal"]

_NEVER = -(2**62)
"""Where the clock stands before anything has come in."""

NOBODY, AGAIN, LATE, AHEAD = (
    "no customer id",
    "repeated event id",
    "older than the lateness line",
    "ahead of the clock",
)
"""Reasons of refusal; the first two are those of a log's quality report."""


class Refusal(NamedTuple):
    """An event that was not taken, and changed nothing.

    Attributes
    ----------
    reason : str
        "older than the lateness line", "repeated event id", "no customer id" or "ahead of
        the clock".
    customer : int, str or None
        Whose event it was.
    time : int
        When it happened, in microseconds since 1970, UTC.

    Examples
    --------
    >>> Refusal("repeated event id", 7, 0)
    Refusal(reason='repeated event id', customer=7, time=0)
    """

    reason: str
    customer: int | str | None
    time: int


def _refusals(refused: Sequence[tuple[int, str, Any, int]], zone: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "row": np.array([entry[0] for entry in refused], np.int64),
            "reason": pd.Series([entry[1] for entry in refused], dtype="str"),
            "customer_id": pd.Series([entry[2] for entry in refused], dtype="object"),
            "time": timestamps(np.array([entry[3] for entry in refused], np.int64), zone),
        }
    )


@lru_cache(maxsize=8)
def _no_refusals(zone: str) -> pd.DataFrame:
    """Return the frame of no refusals, to be copied: to make one takes as long as to take a thousand events in."""
    return _refusals((), zone)


class OnlineFeatures:
    """The features of a spec, kept up to date event by event.

    Events come in one at a time or in small tables, in any order and late. At an instant c
    the features are those that `compute` gives at c for a log of the same events in which
    `known_at` is when they arrived: bit for bit. That holds for all events within the
    *lateness line*, which lies `lateness` before the clock; an older one changes nothing, is
    counted and is returned as refused. The line lies at least as far back as the longest window,
    so what is refused could not have been in a window any more.

    The clock is moved by what arrives, and by `tick`: silence has no events.

    Parameters
    ----------
    spec : FeatureSpec
        The features. All that the batch has are supported; a feature of your own is when it is
        made of the raw columns of this package.
    customer, time : str
        Keys of the customer id and of when the event happened. Times are datetimes, ISO 8601
        texts, or integers: microseconds since 1970 in UTC.
    kind, amount, quantity, price, item, known_at, event_id, currency : str or None, default=None
        Keys of the other roles, as in `EventLog.from_frame`. `known_at` is when the event
        arrived; without it, it arrived when it happened, or when the clock already stood later.
    attributes : str or iterable of str, default=()
        Keys of dated attributes.
    facts : str or iterable of str, default=()
        Kinds that state something and are nothing customers did.
    timezone : str, default="UTC"
        The zone of naive times and of calendar days.
    scale : int, default=0
        Decimals of money: an amount with more is an error.
    kinds : iterable of str or None, default=None
        Kinds there are, so that a misspelt one in the spec is noticed; None trusts the spec.
        Events may be of any kind.
    lateness : str, timedelta or None, default=None
        How late an event may be; None takes the longest window of the spec ("30d" where it has
        none). In a calendar length each month counts 31 days.
    ahead : str, timedelta or None, default=None
        How far past the clock an event may arrive; None is any. One event of the year 2099 would
        move the clock there, and every other event would be too late: with a clock of your own
        (`tick`), "1d" refuses it.
    contracts : Contracts or None, default=None
        Contracts, for features that read them.
    categories : mapping of str to sequence or None, default=None
        Values of attributes that a model knows, for the categories of `features_frame`.
    duplicates, missing_customer, missing_amount, negative
        As in `EventLog.from_frame`; "drop" refuses. Of a repeated id the event that arrived first
        stays, as with `EventLog.append`. Ids are remembered back to the lateness line: an event
        delivered again later is refused for its age.

    Attributes
    ----------
    spec : FeatureSpec
        The features served; `left_out` names those that the roles cannot serve.
    taken : int
        Events taken.
    refused : dict of str to int
        Events refused, by reason.

    Raises
    ------
    SchemaError
        When a feature needs a role that was not named.
    ParameterError
        When `lateness` is shorter than the longest window, or a feature cannot be had
        event by event.

    Notes
    -----
    Reading changes nothing, but neither reading nor taking is safe from two threads at once.

    Examples
    --------
    >>> from churnlib.features import Count, FeatureSpec, Recency, Sum
    >>> spec = FeatureSpec([Count("30d"), Sum("30d"), Recency()])
    >>> online = OnlineFeatures(spec, customer="who", time="at", amount="total", scale=2)
    >>> online.update({"who": "ann", "at": "2025-03-01 10:00", "total": 19.99})
    >>> online.update({"who": "ann", "at": "2025-03-20 10:00", "total": -5.0})
    >>> online.features("ann", "2025-03-21 10:00")
    {'any.count.30d': 2, 'any.sum.30d': 14.99, 'any.recency': 1.0}

    An event from before the line is refused:

    >>> online.update({"who": "ann", "at": "2025-02-01", "total": 1})
    Refusal(reason='older than the lateness line', customer='ann', time=1738368000000000)
    >>> online
    OnlineFeatures: 3 features of 1 customer, 2 events taken, 1 refused, now 2025-03-20 10:00:00.000001 UTC
    """

    def __init__(
        self,
        spec: FeatureSpec,
        *,
        customer: str = "customer_id",
        time: str = "time",
        kind: str | None = None,
        amount: str | None = None,
        quantity: str | None = None,
        price: str | None = None,
        item: str | None = None,
        known_at: str | None = None,
        event_id: str | None = None,
        currency: str | None = None,
        attributes: str | Iterable[str] = (),
        facts: str | Iterable[str] = (),
        timezone: str = "UTC",
        time_format: str | None = None,
        scale: int = 0,
        kinds: Iterable[str] | None = None,
        lateness: object = None,
        ahead: object = None,
        contracts: Contracts | None = None,
        categories: Mapping[str, Iterable[Any]] | None = None,
        duplicates: Literal["error", "drop", "keep"] = "error",
        missing_customer: Literal["error", "drop"] = "error",
        missing_amount: Literal["error", "zero"] = "error",
        negative: Literal["refund", "error"] = "refund",
    ) -> None:
        schema = Schema.checked(
            customer=customer, time=time, kind=kind, amount=amount, quantity=quantity, price=price, item=item,
            known_at=known_at, event_id=event_id, currency=currency, attributes=attributes, facts=facts,
            timezone=timezone, time_format=time_format, duplicates=duplicates, missing_customer=missing_customer,
            missing_amount=missing_amount, negative=negative,
        )  # fmt: skip
        names = None if kinds is None else as_names(list(kinds), name="kinds")
        listed = {name: list(values) for name, values in (categories or {}).items()}
        self._settle(Setup(spec, schema, scale, names, lateness, ahead, contracts, listed))

    def _settle(self, setup: Setup) -> None:
        schema = setup.schema
        self.spec = resolved(setup)
        self._schema, self._scale = schema, check_integer(setup.scale, name="scale", low=0, high=MAX_SCALE)
        self._lateness = checked_lateness(setup.lateness, self.spec)
        self._line_us = reach_us(self._lateness)
        self._ahead = None if setup.ahead is None else duration(setup.ahead, name="ahead")
        self._ahead_us = None if self._ahead is None else reach_us(self._ahead)
        self._dues, self._categories = Dues(setup.contracts), setup.categories
        self._plan = settled_plan(self.spec, schema)
        numeric = dict.fromkeys(setup.categories, False)
        self._reader = EventReader(schema, self._scale, numeric)
        self._needed = [(feature, feature.raws()) for feature in self.spec]
        raws = list(dict.fromkeys(raw for _, needed in self._needed for raw in needed))
        self._elsewhere = [raw for raw in raws if isinstance(raw, (Stated, ContractEnd))]
        self._store = OnlineStore(
            self._plan,
            schema.attributes,
            looked_back(raws),
            numeric,
            counted=schema.event_id is not None and schema.duplicates != "keep",
        )
        place = {raw: number for number, raw in enumerate([*self._plan.readings, *self._elsewhere])}
        self._readings = list(self._plan.readings.values())
        self._names = self.spec.names
        self._finishes = [
            finish_of(feature, [place[raw] for raw in feature.raws()], self._scale, schema.timezone)
            for feature in self.spec
        ]
        self._now = _NEVER
        self.taken = 0
        self.refused: dict[str, int] = {}

    @classmethod
    def from_log(
        cls,
        log: EventLog,
        spec: FeatureSpec,
        *,
        history: bool = True,
        lateness: object = None,
        ahead: object = None,
        contracts: Contracts | None = None,
    ) -> OnlineFeatures:
        """Go on where a log ends.

        Parameters
        ----------
        log : EventLog
            Its schema, scale, zone, kinds and categories are taken over, so that events have the
            keys that its table had columns.
        spec : FeatureSpec
            The features.
        history : bool, default=True
            Whether the events of the log are taken in, all of them, however old; the clock then
            stands at `complete_until`. Otherwise nothing has happened yet.
        lateness, ahead, contracts
            As for the class.

        Returns
        -------
        OnlineFeatures
            With the history of the log.

        Examples
        --------
        >>> from churnlib.features import Count, FeatureSpec
        >>> visits = pd.DataFrame({"who": [1, 1, 2], "at": ["2025-03-01", "2025-03-08", "2025-03-09"]})
        >>> log = EventLog.from_frame(visits, customer="who", time="at")
        >>> online = OnlineFeatures.from_log(log, FeatureSpec([Count("7d")]))
        >>> online.features(1, "2025-03-10")
        {'any.count.7d': 1}
        """
        categories = {
            name: list(attribute.categories)
            for name, attribute in log.attributes.items()
            if attribute.categories is not None
        }
        online = cls.__new__(cls)
        online._settle(Setup(spec, log.schema, log.scale, log.kinds, lateness, ahead, contracts, categories))
        if check_flag(history, name="history"):
            online._take_log(log)
        return online

    def _take_log(self, log: EventLog) -> None:
        self._now = log.complete_until_us
        for event in rows_of_log(log, self._reader.numeric):
            self._store.add(event, self._now)
        self._reader.customer(log.customers[0])
        self.taken += len(log)

    # -- taking events in ------------------------------------------------------------------

    def update(self, event: Mapping[str, Any]) -> Refusal | None:
        """Take one event in.

        Parameters
        ----------
        event : mapping
            The values by key; other keys are not looked at.

        Returns
        -------
        Refusal or None
            Why the event was refused; None when it was taken.

        Raises
        ------
        SchemaError
            When a key is missing, or a value is of the wrong type.
        TimeError, MoneyError, DataError
            When a value cannot be read. Nothing is changed then.
        DuplicateError
            When the id is repeated, with ``duplicates="error"``.

        Examples
        --------
        >>> from churnlib.features import Count, FeatureSpec
        >>> online = OnlineFeatures(FeatureSpec([Count("7d")]), customer="who", time="at")
        >>> online.update({"who": 7, "at": 1_740_787_200_000_000})
        """
        return self._take(self._reader.read(event))

    def update_batch(self, frame: Any) -> pd.DataFrame:
        """Take a table of events in, row by row: the same as `update` with each of them in turn.

        Parameters
        ----------
        frame : dataframe
            pandas, polars, a pyarrow Table or a DuckDB relation with the columns that are the
            keys of events. Its rows arrive in their order.

        Returns
        -------
        DataFrame
            The events refused: row (its number in the frame), reason, customer_id and time.

        Raises
        ------
        SchemaError, TimeError, MoneyError, DataError, DuplicateError
            As `update`; then no row of the frame has been taken.

        Examples
        --------
        >>> from churnlib.features import Count, FeatureSpec
        >>> online = OnlineFeatures(FeatureSpec([Count("7d")]), customer="who", time="at")
        >>> online.update_batch(pd.DataFrame({"who": [7, 7], "at": ["2025-03-20", "2025-03-01"]}))
           row                       reason customer_id                      time
        0    1  older than the lateness line           7 2025-03-01 00:00:00+00:00
        """
        numeric, id_type = dict(self._reader.numeric), self._reader.id_type
        try:
            table = read_frame(frame, self._schema, self._scale, numeric)
            if table is not None:
                self._check_batch(table)
        except Exception:
            self._reader.id_type = id_type
            raise
        self._reader.numeric.update(numeric)
        zone = self._schema.timezone
        if table is None or self._take_all(table):
            return _no_refusals(zone).copy()
        rows = enumerate(table.rows())
        refused = [(row, *refusal) for row, event in rows if (refusal := self._take(event)) is not None]
        return _refusals(refused, zone) if refused else _no_refusals(zone).copy()

    def _take_all(self, table: EventTable) -> bool:
        """Take a table in at once, if none of its events can be refused and none has more to it than is packed."""
        store = self._store
        if self._ahead_us is not None or store.counted or store.wanted or None in table.customers:
            return False
        clock = np.maximum(np.maximum.accumulate(table.known) + 1, self._now)
        if (table.time < clock - self._line_us).any():
            return False
        store.add_table(table)
        self._now = int(clock[-1])
        self.taken += len(table)
        return True

    def _check_batch(self, table: EventTable) -> None:
        """Raise now what taking the events would raise half-way."""
        layout, ids, now = self._plan.layout, set(), self._now
        customer = next((who for who in table.customers if who is not None), None)
        if customer is not None:  # a column is of one type
            self._reader.customer(customer)
        for time in (int(table.time.min()), int(table.time.max())):
            layout.record(layout.word(time, layout.low))
        if not self._store.counted or self._schema.duplicates != "error":
            return
        for event_id, time, known in zip(table.ids, table.time.tolist(), table.known.tolist(), strict=True):
            now = max(now, known + 1)
            if event_id in self._store.seen or event_id in ids:
                if time >= now - self._line_us:
                    raise DuplicateError(self._repeated(event_id))
                continue
            ids.add(event_id)

    def _take(self, event: ReadEvent) -> Refusal | None:
        customer, time, known = event[0], event[1], event[2]
        now = self._now
        if known >= now:
            if self._ahead_us is not None and now != _NEVER and known >= now + self._ahead_us:
                return self._refuse(AHEAD, customer, time)
            # The clock stands just after the latest arrival: what arrived is known before it.
            now = known + 1
        if customer is None:
            self._now = now
            return self._refuse(NOBODY, None, time)
        if time < now - self._line_us:
            self._now = now
            return self._refuse(LATE, customer, time)
        if self._store.counted and event[7] in self._store.seen:
            if self._schema.duplicates == "error":
                raise DuplicateError(self._repeated(event[7]))
            self._now = now
            return self._refuse(AGAIN, customer, time)
        self._store.add(event, now)
        self._now = now
        self.taken += 1
        return None

    def _refuse(self, reason: str, customer: Any, time: int) -> Refusal:
        self.refused[reason] = self.refused.get(reason, 0) + 1
        return Refusal(reason, customer, time)

    def _repeated(self, event_id: Any) -> str:
        return message(
            f"the event id {event_id!r} in {self._schema.event_id!r} has come in before",
            "an event id names one event",
            "duplicates='drop' refuses the events that repeat one, and counts them",
        )

    # -- the clock -------------------------------------------------------------------------

    @property
    def now(self) -> pd.Timestamp | None:
        """Where the clock stands: just after the latest arrival, or where `tick` moved it; None before both.

        Examples
        --------
        >>> from churnlib.features import FeatureSpec, Recency
        >>> online = OnlineFeatures(FeatureSpec([Recency()]))
        >>> online.tick("2025-03-01")
        >>> online.now
        Timestamp('2025-03-01 00:00:00+0000', tz='UTC')
        """
        return None if self._now == _NEVER else timestamp(self._now, self._schema.timezone)

    @property
    def line(self) -> pd.Timestamp | None:
        """The lateness line: an event from before it is refused.

        Examples
        --------
        >>> from churnlib.features import Count, FeatureSpec
        >>> online = OnlineFeatures(FeatureSpec([Count("7d")]))
        >>> online.tick("2025-03-08")
        >>> online.line
        Timestamp('2025-03-01 00:00:00+0000', tz='UTC')
        """
        return None if self._now == _NEVER else timestamp(self._now - self._line_us, self._schema.timezone)

    def tick(self, now: object) -> None:
        """Move the clock, as it moves where nothing happens.

        Nothing is computed: features depend on when they are asked for, and all of them grow
        older at once. `aged` names the customers whose windows lost an event meanwhile.

        Parameters
        ----------
        now : str, datetime or int
            The instant; an integer counts microseconds since 1970 in UTC. A clock that already
            stands later stays where it is.

        Examples
        --------
        >>> from churnlib.features import FeatureSpec, Recency
        >>> online = OnlineFeatures(FeatureSpec([Recency()]), customer="who", time="at")
        >>> online.update({"who": 7, "at": "2025-03-01"})
        >>> online.tick("2025-03-31")
        >>> round(online.features(7)["any.recency"])
        30
        """
        self._now = max(self._now, self._instant(now))

    def aged(self, since: object, *, spans: object = None) -> pd.Index[Any]:
        """Name the customers for whom the clock alone has changed something.

        Those with an event that became older than one of the spans between `since` and now: it
        left a window of that length, or its silence reached that length. A rule such as
        "30 days without an order" has to be asked again for these customers, and for those with
        new events, and for nobody else.

        Parameters
        ----------
        since : str, datetime or int
            When they were last asked, not later than now.
        spans : str, timedelta, list of these, or None, default=None
            Lengths to look at; None takes the windows of the spec.

        Returns
        -------
        Index
            Ids, ascending. At the edges themselves one customer too many rather than one too few.

        Raises
        ------
        ParameterError
            When `since` is later than now, or a span is longer than `lateness`.

        Examples
        --------
        >>> from churnlib.features import Count, FeatureSpec
        >>> online = OnlineFeatures(FeatureSpec([Count("30d")]), customer="who", time="at")
        >>> online.update_batch(pd.DataFrame({"who": [1, 2], "at": ["2025-03-01", "2025-03-20"]})).empty
        True
        >>> online.tick("2025-04-05")
        >>> online.aged("2025-03-30").tolist()
        [1]
        """
        start, now = self._instant(since), self._at(None)
        if start > now:
            raise ParameterError(
                message(
                    f"since={since!r} is later than now, {self.now}", "an earlier instant", "online.aged(online.now)"
                )
            )
        listed = [spans] if isinstance(spans, (str, Duration)) or not isinstance(spans, Iterable) else list(spans)
        lengths = self._plan.longest if spans is None else [duration(span, name="spans") for span in listed]
        zone, over = self._schema.timezone, [length for length in lengths if reach_us(length) > self._line_us]
        if over:
            raise ParameterError(
                message(
                    f"{len(over)} of {len(lengths)} spans reach behind the line ({some([str(span) for span in over])})",
                    f"events are kept back to {self._lateness}, and may be folded before that",
                    f"OnlineFeatures(..., lateness={str(max(over, key=reach_us))!r})",
                )
            )
        return aged_customers(self._store, [(span.before(start, zone), span.before(now, zone)) for span in lengths])

    def compact(self, now: object = None) -> int:
        """Fold events from before the lateness line into what features since the beginning need.

        Counts, sums, the first and the last event, squared gaps, runs and the set of items stay
        exact, and no feature changes. The line is moved back to a midnight, so that no active day
        is cut in two.

        Parameters
        ----------
        now : str, datetime, int or None, default=None
            Moves the clock first, as `tick` does.

        Returns
        -------
        int
            How many events were folded.

        Examples
        --------
        >>> from churnlib.features import Count, FeatureSpec, Tenure
        >>> online = OnlineFeatures(FeatureSpec([Count("30d"), Tenure()]), customer="who", time="at")
        >>> online.update({"who": 7, "at": "2025-01-01"})
        >>> online.compact("2025-06-01"), online.features(7)
        (1, {'any.count.30d': 0, 'any.tenure': 151.0})
        """
        if now is not None:
            self.tick(now)
        return self._store.fold(midnight_by(self._at(None) - self._line_us, self._schema.timezone))

    # -- reading ---------------------------------------------------------------------------

    def features(self, customer: Any, at: object = None) -> dict[str, Any]:
        """Return the features of one customer.

        Parameters
        ----------
        customer : int or str
            The id. Of somebody who is not known nothing has happened, as in `compute`.
        at : str, datetime, int or None, default=None
            The instant, not before now: what has arrived meanwhile was not known then. None is now.

        Returns
        -------
        dict
            By the names of the spec, in its order: whole numbers for counts, else floats, NaN for a
            missing number, None for a missing category.

        Raises
        ------
        HistoryError
            When no instant is given and the clock has not started.
        ParameterError
            When the instant lies before now.

        Examples
        --------
        >>> from churnlib.features import FeatureSpec, Recency
        >>> online = OnlineFeatures(FeatureSpec([Recency()]), customer="who", time="at")
        >>> online.update({"who": 7, "at": "2025-03-01"})
        >>> online.features(7, "2025-03-02"), online.features(8, "2025-03-02")
        ({'any.recency': 1.0}, {'any.recency': nan})
        """
        us = self._at(at)
        raws = self._raws(customer, us)
        return dict(zip(self._names, [finish(raws) for finish in self._finishes], strict=True))

    def _raws(self, customer: Any, us: int) -> list[Any]:
        store = self._store
        moment = self._plan.look(store.states.get(customer, b""), store.pasts.get(customer), us)
        raws: list[Any] = [read(moment) for read in self._readings]
        return [*raws, *(self._elsewhere_of(raw, customer, us) for raw in self._elsewhere), us]

    def _elsewhere_of(self, raw: Any, customer: Any, us: int) -> Any:
        if isinstance(raw, ContractEnd):
            return self._dues.of(customer, us)
        found = self._store.stated_by(customer, raw.attribute, raw.back.before(us, self._schema.timezone))
        return np.nan if found is None and self._reader.numeric.get(raw.attribute) else found

    def features_frame(self, customers: Iterable[Any] | None = None, at: object = None) -> pd.DataFrame:
        """Return the features of many customers.

        Parameters
        ----------
        customers : iterable of ids, or None, default=None
            Whom; None takes everybody of whom something had happened by then.
        at : str, datetime, int or None, default=None
            The instant, not before now; None is now.

        Returns
        -------
        DataFrame of shape (n_customers, n_features)
            Indexed by customer_id, in the order given, ascending for None; columns and types are
            those of ``compute(...).frame``.

        Examples
        --------
        >>> from churnlib.features import Count, FeatureSpec
        >>> online = OnlineFeatures(FeatureSpec([Count("30d")]), customer="who", time="at")
        >>> online.update({"who": 7, "at": "2025-03-01"})
        >>> online.features_frame(at="2025-03-02")
                     any.count.30d
        customer_id
        7                        1
        """
        us = self._at(at)
        chosen = self._heard_of(us) if customers is None else pd.Index(customers).tolist()
        return frame_of(self, chosen, us)

    def columns(self, customers: Iterable[Any] | None = None, at: object = None) -> FeatureColumns:
        """Return the features of many customers as arrays: what a stream of micro-batches reads.

        Parameters
        ----------
        customers : iterable of ids, or None, default=None
            Whom; a list is the fastest. None takes everybody of whom something had happened by then.
        at : str, datetime, int or None, default=None
            The instant, not before now; None is now.

        Returns
        -------
        FeatureColumns
            An array for each feature, with the same numbers as `features`; `OnlineAlerts.step_batch`
            reads it as it is.

        Examples
        --------
        >>> from churnlib.features import Count, FeatureSpec, Recency
        >>> online = OnlineFeatures(FeatureSpec([Count("30d"), Recency()]), customer="who", time="at")
        >>> online.update({"who": 7, "at": "2025-03-01"})
        >>> columns = online.columns([7, 8], at="2025-03-02")
        >>> columns["any.count.30d"].tolist(), columns["any.recency"].tolist()
        ([1, 0], [1.0, nan])
        """
        us = self._at(at)
        if customers is None:
            chosen = self._heard_of(us)
        else:
            chosen = customers if type(customers) is list else pd.Index(customers).tolist()
        return FeatureColumns(chosen, us, values_of(self, chosen, us))

    def _heard_of(self, us: int) -> list[Any]:
        first, store = self._plan.layout.first, self._store
        return sorted(who for who, state in store.states.items() if who in store.pasts or first(state) < us)

    def _instant(self, value: object) -> int:
        return int(value) if isinstance(value, (int, np.integer)) else to_us(value, self._schema.timezone)

    def _at(self, at: object) -> int:
        if at is None:
            if self._now == _NEVER:
                raise HistoryError(
                    message(
                        "no event has come in and the clock was never moved",
                        "features are those of an instant",
                        "online.tick('2025-03-01'), or features(customer, at='2025-03-01')",
                    )
                )
            return self._now
        us = self._instant(at)
        if us < self._now:
            raise ParameterError(
                message(
                    f"at={at!r} lies before now, {self.now}",
                    "features are read from now on: what has arrived meanwhile was not known then",
                    "compute(log, at, spec) for instants of the past",
                )
            )
        return us

    # -- who is in it ----------------------------------------------------------------------

    def forget(self, ids: Any, *, missing_ok: bool = False) -> None:
        """Remove customers, as if they had never been in it, and the items that nobody else has.

        Parameters
        ----------
        ids : id or sequence of ids
            Whom to forget.
        missing_ok : bool, default=False
            Whether ids that are not in it are passed over.

        Raises
        ------
        DataError
            When an id is not in it.

        Examples
        --------
        >>> from churnlib.features import Count, FeatureSpec
        >>> online = OnlineFeatures(FeatureSpec([Count("30d")]), customer="who", time="at")
        >>> online.update({"who": 7, "at": "2025-03-01"})
        >>> online.forget([7])
        >>> 7 in online
        False
        """
        try:
            wanted = [ids] if isinstance(ids, (str, int, np.integer)) else list(dict.fromkeys(pd.Index(ids).tolist()))
        except TypeError:
            raise ParameterTypeError(
                message(f"ids is {str(ids)[:40]!r}, a {type(ids).__name__}", "ids of customers", "online.forget([7])")
            ) from None
        unknown = [who for who in wanted if who not in self._store.states]
        if unknown and not check_flag(missing_ok, name="missing_ok"):
            raise DataError(
                message(
                    f"{len(unknown)} of {len(wanted)} customers are not known: {some([repr(who) for who in unknown])}",
                    f"{len(self)} customers have had events",
                    "missing_ok=True if some were never customers",
                )
            )
        self._store.drop(wanted)

    def use_contracts(self, contracts: Contracts) -> None:
        """Look contracts up in a new table from now on.

        Parameters
        ----------
        contracts : Contracts
            All of them, not only those that changed.

        Examples
        --------
        >>> from churnlib.features import FeatureSpec, MonthsToContractEnd
        >>> table = pd.DataFrame({"id": [1], "from": ["2025-01-01"], "to": ["2025-06-01"]})
        >>> def read(table):
        ...     return Contracts.from_frame(table, customer="id", start="from", end="to")
        >>> online = OnlineFeatures(FeatureSpec([MonthsToContractEnd()]), contracts=read(table))
        >>> online.use_contracts(read(table.assign(to="2025-07-01")))
        >>> online.features(1, "2025-05-01")
        {'contract.months_left': 2.0}
        """
        self._dues = Dues(contracts)

    # -- keeping it ------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything to an Arrow file, whole or not at all.

        The file holds ids, packed events and what the spec needs beside them, with the schema
        version, the release, the spec and its digest, and a digest of the content. Contracts are not in it.

        Parameters
        ----------
        path : str or path
            Ends with ``.arrow`` or ``.feather``; a file that is there is replaced at the end.

        Raises
        ------
        ParameterError
            When the suffix is another.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> from churnlib.features import Count, FeatureSpec
        >>> online = OnlineFeatures(FeatureSpec([Count("30d")]), customer="who", time="at")
        >>> online.update({"who": 7, "at": "2025-03-01"})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     online.save(pathlib.Path(folder) / "online.arrow")
        ...     again = OnlineFeatures.load(pathlib.Path(folder) / "online.arrow", spec=online.spec)
        >>> again.features(7) == online.features(7)
        True
        """
        save_online(self, path)

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], *, spec: FeatureSpec | None = None, contracts: Contracts | None = None
    ) -> OnlineFeatures:
        """Read what `save` wrote, and go on from there.

        Parameters
        ----------
        path : str or path
            The file.
        spec : FeatureSpec or None, default=None
            The features that are expected, such as those of a model; None takes those of the file.
        contracts : Contracts or None, default=None
            Contracts, for features that read them.

        Returns
        -------
        OnlineFeatures
            Equal to the one saved.

        Raises
        ------
        ParameterError
            When there is no such file.
        VersionError
            When it is no saved state, of another schema version, was changed, or holds other features.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> from churnlib.features import Count, FeatureSpec, Recency
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     OnlineFeatures(FeatureSpec([Count("30d")])).save(pathlib.Path(folder) / "online.arrow")
        ...     OnlineFeatures.load(pathlib.Path(folder) / "online.arrow", spec=FeatureSpec([Recency()]))
        Traceback (most recent call last):
        ...
        churnlib.exceptions.VersionError: the state was saved with another spec, ...
        """
        return load_online(cls, path, spec, contracts)

    def to_bytes(self, customer: Any) -> bytes:
        """Return all that is kept of one customer, for the state store of a stream processor.

        Parameters
        ----------
        customer : int or str
            The id.

        Returns
        -------
        bytes
            JSON behind a schema version, a digest of spec and roles, and a checksum.

        Raises
        ------
        DataError
            When the customer is not known.

        Examples
        --------
        >>> from churnlib.features import Count, FeatureSpec
        >>> spec = FeatureSpec([Count("30d")])
        >>> here, there = (OnlineFeatures(spec, customer="who", time="at") for _ in range(2))
        >>> here.update({"who": 7, "at": "2025-03-01"})
        >>> there.from_bytes(here.to_bytes(7)), there.features(7)
        (7, {'any.count.30d': 1})
        """
        return customer_to_bytes(self, customer)

    def from_bytes(self, data: bytes) -> Any:
        """Take a customer over from `to_bytes`, in place of what is known of them here.

        The clock is moved to where it stood there, if that is later.

        Parameters
        ----------
        data : bytes
            What `to_bytes` returned, here or in another process.

        Returns
        -------
        int or str
            The customer's id.

        Raises
        ------
        VersionError
            When the bytes are of another version, spec or schema, or were changed.

        Examples
        --------
        >>> from churnlib.features import Count, FeatureSpec
        >>> OnlineFeatures(FeatureSpec([Count("30d")])).from_bytes(b"nothing")
        Traceback (most recent call last):
        ...
        churnlib.exceptions.VersionError: 7 bytes are no state of a customer; ...
        """
        return customer_from_bytes(self, data)

    def __contains__(self, customer: object) -> bool:
        return customer in self._store.states

    def __len__(self) -> int:
        """Return how many customers have had events."""
        return len(self._store.states)

    def __repr__(self) -> str:
        counts = [(len(self.spec), "feature"), (len(self), "customer")]
        features, customers = (f"{n:,} {word}{'' if n == 1 else 's'}" for n, word in counts)
        refused = f", {sum(self.refused.values()):,} refused" if self.refused else ""
        now = "the clock has not started" if self._now == _NEVER else f"now {self.now:%Y-%m-%d %H:%M:%S.%f %Z}"
        return f"OnlineFeatures: {features} of {customers}, {self.taken:,} events taken{refused}, {now}"
