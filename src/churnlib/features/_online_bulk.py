"""Many customers at once: their packed events are joined and go through the kernel of the batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib.exceptions import MoneyError, message
from churnlib.features._age import SinceFirst, SinceLast
from churnlib.features._attributes import Stated
from churnlib.features._compute import _check_money, _evaluate
from churnlib.features._contracts import ContractEnd
from churnlib.features._counts import DistinctItems, EventCount
from churnlib.features._feature import Facts, Values
from churnlib.features._gaps import GapSeconds, SquaredGaps
from churnlib.features._history import History
from churnlib.features._money import MoneySum
from churnlib.features._online_plan import FOLDED
from churnlib.features._plan import Plan
from churnlib.features._raw import EventRaw, Raw
from churnlib.features._rows import Rows
from churnlib.features._runs import Run

if TYPE_CHECKING:
    from churnlib.features._online import OnlineFeatures
    from churnlib.features._online_store import OnlineStore

__all__ = ["aged_customers", "frame_of", "values_of"]

Ints = npt.NDArray[np.int64]

_FEW = 50
"""Customers below which reading them one by one is faster than starting the kernel."""

_SECOND = 1_000_000


def frame_of(online: OnlineFeatures, customers: list[Any], us: int) -> pd.DataFrame:
    """Return the features of customers at an instant as `FeatureBlock.frame` has them.

    Parameters
    ----------
    online : OnlineFeatures
        The state.
    customers : list of ids
        Whom.
    us : int
        The instant, in microseconds since 1970, UTC.
    """
    columns = values_of(online, customers, us)
    for feature in online.spec:
        raw = feature.raws()[0]
        if isinstance(raw, Stated) and columns[feature.name].dtype == object:
            columns[feature.name] = _categories(online, raw.attribute, columns[feature.name])
    return pd.DataFrame(columns, index=pd.Index(customers, name="customer_id"))


def _categories(online: OnlineFeatures, name: str, values: Any) -> pd.Categorical:
    listed = values.tolist()
    categories = {*online._categories.get(name, ()), *(value for value in listed if value is not None)}
    return pd.Categorical(listed, categories=pd.Index(sorted(categories)))


def values_of(online: OnlineFeatures, customers: list[Any], us: int) -> dict[str, Values]:
    """Return the features of customers at an instant; what was stated and is no number as objects and None."""
    raws = _raws_of(online, customers, us)
    facts = Facts(np.full(len(customers), us, np.int64), online._scale, online._schema.timezone)
    columns: dict[str, Values] = {}
    for name, (feature, needed) in zip(online._names, online._needed, strict=True):
        if isinstance(needed[0], Stated):
            at = int(needed[0].back.before(us, online._schema.timezone))
            columns[name] = _statements(online, needed[0].attribute, customers, at)
        else:
            columns[name] = feature.finish(tuple(raws[raw] for raw in needed), facts)
    return columns


def _raws_of(online: OnlineFeatures, customers: list[Any], us: int) -> dict[Raw, Ints]:
    store, plan = online._store, online._plan
    readings = plan.readings
    try:
        if len(customers) < _FEW:
            moments = [plan.look(store.states.get(who, b""), store.pasts.get(who), us) for who in customers]
            found: dict[Raw, Ints] = {
                raw: np.array([read(moment) for moment in moments], np.int64) for raw, read in readings.items()
            }
        else:
            found = _Kernel(store, customers, us).raws()
    except OverflowError:
        raise MoneyError(_too_large()) from None
    for raw in online._elsewhere:
        if isinstance(raw, ContractEnd):
            found[raw] = np.array([online._dues.of(who, us) for who in customers], np.int64)
    return found


def _statements(online: OnlineFeatures, name: str, customers: list[Any], us: int) -> npt.NDArray[Any]:
    values = [online._store.stated_by(who, name, us) for who in customers]
    if online._reader.numeric.get(name):
        return np.array([np.nan if value is None else value for value in values], np.float64)
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


class _Kernel:
    """Raw columns of many customers, and of their folded events."""

    def __init__(self, store: OnlineStore, customers: list[Any], us: int) -> None:
        self.store, self.customers, self.us = store, customers, us
        self.plan = store.plan
        self.history = _history(store, customers)
        self.pasts = [store.pasts.get(who) for who in customers]

    def raws(self) -> dict[Raw, Ints]:
        wanted = [raw for raw in self.plan.readings if isinstance(raw, EventRaw)]
        sources = [stream.source for stream in self.plan.streams if stream.fold >= 0]
        some_folded = any(past is not None for past in self.pasts)
        helpers: list[EventRaw] = []
        if some_folded:
            sources += [raw.source for raw in wanted if isinstance(raw, Run)]
            helpers = [helper for s in sources for helper in (EventCount(s), SinceFirst(s), SinceLast(s))]
        plan = Plan.of([*wanted, *helpers], np.array([self.us], np.int64), self.plan.zone)
        ids: Any = np.array([*self.customers, None], dtype=object)  # to be named if need be: an Index takes longer
        _check_money(self.history, plan, ids)
        n = len(self.customers)
        rows = Rows(np.arange(n, dtype=np.int32), np.zeros(n, np.intp))
        kept = dict(zip(plan.raws, _evaluate(self.history, plan, rows), strict=True))
        found: dict[Raw, Ints] = {raw: kept[raw] for raw in wanted}
        if some_folded:
            found |= self._with_past(wanted, kept)
        return found

    def _with_past(self, wanted: Sequence[Any], kept: dict[EventRaw, Ints]) -> dict[Raw, Ints]:
        length = len(FOLDED) * sum(stream.fold >= 0 for stream in self.plan.streams)
        nothing = (0,) * length
        words = np.array([nothing if past is None else past.streams for past in self.pasts], np.int64)
        words = words.reshape(len(self.pasts), length)
        fold = {
            stream.source: words[:, stream.fold :][:, : len(FOLDED)].T
            for stream in self.plan.streams
            if stream.fold >= 0
        }
        runs = [raw for raw in wanted if isinstance(raw, Run)]
        found: dict[Raw, Ints] = {}
        for raw in wanted:
            if isinstance(raw, Run):
                place = runs.index(raw)
                before = np.array([0 if past is None else past.runs[place] for past in self.pasts], np.int64)
                found[raw] = kept[raw] + np.where(kept[raw] == kept[EventCount(raw.source)], before, 0)
            elif isinstance(raw, DistinctItems) and raw.window is None:
                found[raw] = self._distinct(raw, kept[raw])
            elif isinstance(raw, SinceLast) or getattr(raw, "window", "open") is None:
                found[raw] = _since_the_beginning(raw, kept, fold[raw.source], self.us)
        return found

    def _distinct(self, raw: DistinctItems, counts: Ints) -> Ints:
        read, store = self.plan.readings[raw], self.store
        return np.array(
            [
                count if past is None else read(self.plan.look(store.states.get(who, b""), past, self.us))
                for who, past, count in zip(self.customers, self.pasts, counts.tolist(), strict=True)
            ],
            np.int64,
        )


def _since_the_beginning(raw: Any, kept: dict[EventRaw, Ints], fold: Ints, us: int) -> Any:
    """Add the folded events of a source to what its kept ones say."""
    count, first, last, squares, money = fold
    source, folded = raw.source, count > 0
    if isinstance(raw, EventCount):
        return kept[raw] + count
    if isinstance(raw, MoneySum):
        if (np.abs(kept[raw].astype(float) + money) > 2.0**62).any():  # near the end, where floats still tell
            raise MoneyError(_too_large())
        return kept[raw] + money
    since_last = np.where((kept[SinceLast(source)] < 0) & folded, us - last, kept[SinceLast(source)])
    if isinstance(raw, SinceLast):
        return since_last
    if isinstance(raw, SinceFirst):
        return np.where(folded, us - first, kept[raw])
    if isinstance(raw, GapSeconds):
        return np.where(folded, (us - since_last) // _SECOND - first // _SECOND, kept[raw])
    assert isinstance(raw, SquaredGaps)
    across = (us - kept[SinceFirst(source)]) // _SECOND - last // _SECOND
    return kept[raw] + squares + np.where(folded & (kept[EventCount(source)] > 0), across * across, 0)


def _too_large() -> str:
    return message(
        "the amounts of a customer are too large to be summed in 64 bits",
        "their sizes may add up to 9.2 trillion million units",
        "a coarser unit of money, or features(customer), whose integers have no end",
    )


def _joined(store: OnlineStore, customers: Sequence[Any]) -> tuple[Ints, Ints]:
    """Return the words of all events, a row for each, and where each customer's begin."""
    layout = store.layout
    states = [store.states.get(who, b"") for who in customers]
    lengths = np.fromiter(map(len, states), np.int64, len(states)) // layout.size
    words = np.frombuffer(b"".join(states), np.int64).reshape(-1, layout.width)
    return words, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _history(store: OnlineStore, customers: Sequence[Any]) -> History:
    layout = store.layout
    words, offsets = _joined(store, customers)
    kinds, facts = layout.kinds.labels()
    return History(
        offsets=np.append(offsets, offsets[-1]),
        time=words[:, 0] >> layout.bits,
        kind=(words[:, 0] & layout.low).astype(np.int16),
        known=None,
        amount=words[:, 1].copy() if layout.has_amount else None,
        item=words[:, -1].copy() if layout.has_item else None,
        attributes={},
        kinds=kinds,
        timezone=store.plan.zone,
        facts=facts,
    )


def aged_customers(store: OnlineStore, spans: Sequence[tuple[int, int]]) -> pd.Index[Any]:
    """Return the customers with an event in one of several spans of time, both ends included."""
    customers = sorted(store.states)
    words, offsets = _joined(store, customers)
    time = words[:, 0] >> store.layout.bits
    inside = np.zeros(len(time), bool)
    for first, last in spans:
        inside |= (time >= first) & (time <= last)
    found = np.searchsorted(offsets, np.flatnonzero(inside), side="right") - 1
    index: pd.Index[Any] = pd.Index([customers[code] for code in np.unique(found)], name="customer_id")
    return index
