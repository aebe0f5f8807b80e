import itertools
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.calendar import Duration, to_us
from churnlib.events import Contracts, EventLog
from churnlib.exceptions import (
    DataError,
    DuplicateError,
    HistoryError,
    MoneyError,
    ParameterError,
    ParameterTypeError,
    SchemaError,
    TimeError,
)
from churnlib.features import (
    AttributeValue,
    Change,
    Count,
    Distinct,
    FeatureSpec,
    GapMean,
    GapRatio,
    GapStd,
    Mean,
    MonthsToContractEnd,
    Recency,
    RunLength,
    Share,
    Slope,
    Sum,
    Tenure,
    compute,
)
from churnlib.features import _online_bulk as bulk
from churnlib.features._online import OnlineFeatures, Refusal
from tests.features.worlds import CUTOFFS, DAY, KINDS, Event, events, make_log

FULL = FeatureSpec(
    [
        *FeatureSpec.standard(kinds=["order"]),
        *(Count(window, "visit", per) for window in (None, "1mo", "14d") for per in ("event", "occasion", "day")),
        *(GapStd(window, "order", per) for window in (None, "180d") for per in ("event", "occasion")),
        GapMean("365d", "visit"),
        GapMean(per="occasion"),
        GapRatio("365d"),
        Tenure("order"),
        Share("order", "90d"),
        Share(("cancel", "visit")),
        Sum("2mo", "order"),
        Sum(kind="order"),
        Mean(per="occasion"),
        Distinct(),
        Distinct("14d", "order"),
        RunLength("cancel"),
        RunLength("cancel", over=["cancel", "order"]),
        RunLength("cancel", over=["cancel", "order"], mature="90d"),
        RunLength(["order", "visit"], mature="1mo"),
        Slope(4, "order", of="sum"),
        Change("14d", of="sum"),
        AttributeValue("plan"),
        AttributeValue("plan", ago="90d"),
        AttributeValue("plan", ago="1mo"),
    ]
)
SHORT = FeatureSpec(
    [
        Recency(),
        Recency("order"),
        Tenure(),
        *(Count(window, per=per) for window in (None, "7d") for per in ("event", "day")),
        Sum(),
        Sum("14d", "order"),
        GapStd(),
        GapStd(per="day"),
        GapMean(per="day"),
        Distinct(),
        RunLength("cancel"),
        RunLength(["cancel", "visit"]),
        RunLength(["cancel", "visit"], mature="7d"),
        AttributeValue("plan"),
        AttributeValue("plan", ago="14d"),
    ]
)
ZONES = ["UTC", "America/New_York", "Asia/Kolkata"]
PLANS = (None, "basic", "gold", "plus")
DEEDS = ["compact", "save", "bytes", "frame", "nothing"]


def as_mapping(event: Event) -> dict:
    """Return a drawn event under the keys that a log made of arrays has."""
    return {
        "customer_id": event.customer,
        "time": event.time,
        "kind": KINDS[event.kind],
        "amount": event.amount / 100,
        "item": None if event.item < 0 else event.item,
        "known_at": event.seen,
        "plan": PLANS[event.plan + 1],
    }


def as_frame(drawn: list[Event]) -> pd.DataFrame:
    frame = pd.DataFrame([as_mapping(event) for event in drawn])
    for name in ("time", "known_at"):
        frame[name] = pd.to_datetime(frame[name], unit="us", utc=True)
    return frame.astype({"item": "Int64", "plan": "string"})


def make_online(spec: FeatureSpec, zone: str = "UTC", **options) -> OnlineFeatures:
    roles = {"kind": "kind", "amount": "amount", "item": "item", "known_at": "known_at", "attributes": "plan"}
    return OnlineFeatures(spec, **roles, scale=2, timezone=zone, **options)


def same(left: object, right: object) -> bool:
    return bool(left == right) or (pd.isna(left) and pd.isna(right))


def assert_equal_rows(online: OnlineFeatures, kept: list[Event], cutoff: int, zone: str) -> None:
    """Compare what is read event by event, in both ways, with the batch over the events taken."""
    who = list(range(6))  # customer 5 never has an event
    log = make_log(kept, timezone=zone)
    rows = np.arange(6), np.full(6, cutoff)
    block = compute(log, np.array([cutoff]), online.spec, customers=pd.Index(who), rows=rows)
    batch = block.frame.astype(object).to_numpy()
    for few in (10, 0):  # one by one, and through the kernel
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bulk, "_FEW", few)
            frame, columns = online.features_frame(who, cutoff), online.columns(who, cutoff)
        listed = [list(columns.row(place).values()) for place in range(len(who))]
        wrong = [(who[i], online.spec.names[j]) for i, j in np.argwhere(~np.vectorize(same)(listed, batch))]
        assert not wrong, (few, wrong)
        assert [str(dtype) for dtype in frame.dtypes] == [str(dtype) for dtype in block.frame.dtypes]
        found = frame.astype(object).to_numpy()
        wrong = [(who[i], online.spec.names[j]) for i, j in np.argwhere(~np.vectorize(same)(found, batch))]
        assert not wrong, (few, wrong)
    for one, expected in zip(who, batch, strict=True):
        read = online.features(one, cutoff)
        wrong = {n: (v, e) for (n, v), e in zip(read.items(), expected, strict=True) if not same(v, e)}
        assert not wrong, (one, wrong)


def replay(drawn, spec, zone, deeds, tmp_path, *, lateness=None) -> OnlineFeatures:
    """Feed events by arrival, read at cutoffs, and do something between."""
    online = make_online(spec, zone, lateness=lateness)
    waiting, kept = sorted(drawn, key=lambda event: event.seen), []
    for cutoff, deed in zip(CUTOFFS, itertools.cycle(deeds), strict=False):
        arrived = [event for event in waiting if event.seen < cutoff]
        waiting = waiting[len(arrived) :]
        if deed == "frame" and arrived:
            refused = set(online.update_batch(as_frame(arrived))["row"])
            kept += [event for row, event in enumerate(arrived) if row not in refused]
        else:
            kept += [event for event in arrived if online.update(as_mapping(event)) is None]
        if deed == "save":
            online.save(tmp_path / "online.arrow")
            online = OnlineFeatures.load(tmp_path / "online.arrow", spec=spec)
        if deed == "bytes":
            other = make_online(spec, zone, lateness=lateness)
            other.update(as_mapping(Event(99, -(10**15), item=3)) | {"plan": "plus"})  # other codes for items
            other.forget([99])
            for who in range(6):
                if who in online:
                    assert other.from_bytes(online.to_bytes(who)) == who
            online = other
        online.tick(cutoff)
        if deed == "compact":
            online.compact()
        if kept:
            assert_equal_rows(online, kept, cutoff, zone)
    return online


worlds = events(late=True, max_size=30)
deeds = st.lists(st.sampled_from(DEEDS), min_size=3, max_size=3)


@given(worlds, st.sampled_from(ZONES), deeds)
def test_all_features_are_those_of_the_batch(tmp_path_factory, drawn, zone, deeds):
    replay(drawn, FULL, zone, deeds, tmp_path_factory.getbasetemp())


@given(worlds, st.sampled_from(ZONES), deeds, st.sampled_from([None, "1mo", "20d"]))
def test_so_they_are_without_events_that_are_too_late(tmp_path_factory, drawn, zone, deeds, lateness):
    replay(drawn, SHORT, zone, deeds, tmp_path_factory.getbasetemp(), lateness=lateness)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 60), st.sampled_from("abcde")), min_size=1, max_size=15))
def test_repeated_ids_are_treated_as_by_append(rows):
    events = [{"who": who, "at": to_us("2025-03-01") + day * DAY, "id": name} for who, day, name in rows]
    online = OnlineFeatures(SPEC, customer="who", time="at", event_id="id", duplicates="drop", lateness="90d")
    log, frame = None, pd.DataFrame(events).assign(at=lambda f: pd.to_datetime(f["at"], unit="us", utc=True))
    for row, event in enumerate(events):
        online.update(event)
        one = frame.iloc[row : row + 1]
        log = (
            EventLog.from_frame(one, customer="who", time="at", event_id="id", duplicates="drop")
            if log is None
            else log.append(one)
        )
    at = np.array([to_us("2025-06-01")])
    expected = compute(log, at, SPEC).frame.set_axis(pd.Index(log.customers, name="customer_id"))
    pd.testing.assert_frame_equal(online.features_frame(at="2025-06-01"), expected, check_exact=True)
    assert online.refused.get("repeated event id", 0) == log.report.reasons.get("repeated event id", 0)


SPEC = FeatureSpec([Count("30d"), Recency(), Tenure()])
MARCH = to_us("2025-03-01")


def small(spec: FeatureSpec = SPEC, **options) -> OnlineFeatures:
    return OnlineFeatures(spec, customer="who", time="at", **options)


class TestTheEdges:
    def test_a_window_holds_its_beginning_and_not_the_cutoff(self):
        online = small()
        for at in (MARCH, MARCH + 30 * DAY - 1):
            assert online.update({"who": 1, "at": at}) is None
        counts = [online.features(1, MARCH + 30 * DAY + us)["any.count.30d"] for us in (0, 1)]
        assert counts == [2, 1]

    def test_what_has_come_in_counts_at_once_and_not_at_its_own_instant(self):
        online = small(known_at="seen")
        online.update({"who": 1, "at": MARCH, "seen": MARCH + 5})
        assert online.now == pd.Timestamp(MARCH + 6, unit="us", tz="UTC")
        assert online.features(1)["any.count.30d"] == 1
        with pytest.raises(ParameterError, match="lies before now"):
            online.features(1, MARCH + 5)

    def test_an_event_on_the_line_is_taken_and_one_before_it_is_not(self):
        online = small()
        online.tick(MARCH + 30 * DAY)
        assert online.update({"who": 1, "at": MARCH}) is None
        refusal = online.update({"who": 1, "at": MARCH - 1})
        assert refusal == Refusal("older than the lateness line", 1, MARCH - 1)
        assert online.refused == {"older than the lateness line": 1}
        assert (online.taken, online.features(1, MARCH + 30 * DAY)["any.count.30d"]) == (1, 1)

    def test_an_event_of_the_future_counts_from_its_time_on(self):
        online = small(known_at="seen")
        online.update({"who": 1, "at": MARCH + DAY, "seen": MARCH})
        assert online.now == pd.Timestamp(MARCH + 1, unit="us", tz="UTC")
        assert [online.features(1, MARCH + DAY + us)["any.count.30d"] for us in (0, 1)] == [0, 1]
        assert online.features_frame(at=MARCH + DAY).empty

    def test_a_clock_that_stands_later_stays(self):
        online = small()
        online.tick("2025-03-02")
        online.tick("2025-03-01")
        assert online.now == pd.Timestamp("2025-03-02", tz="UTC")
        assert online.line == pd.Timestamp("2025-01-31", tz="UTC")

    def test_one_event_from_2099_is_kept_from_moving_the_clock(self):
        online = small(ahead="1d")
        online.update({"who": 1, "at": MARCH})
        assert online.update({"who": 2, "at": "2099-01-01"}).reason == "ahead of the clock"
        assert online.update({"who": 2, "at": MARCH + DAY}) is None

    def test_before_anything_there_is_no_now(self):
        online = small()
        assert online.now is None
        assert online.line is None
        assert "the clock has not started" in repr(online)
        with pytest.raises(HistoryError, match="no event has come in and the clock was never moved"):
            online.features(1)
        assert online.features(1, "2025-03-01")["any.count.30d"] == 0


class TestLateness:
    def test_it_is_the_longest_window_unless_it_is_longer(self):
        assert small()._line_us == 30 * DAY
        assert small(FeatureSpec([Change("1y")]))._line_us == (31 * 24 + 2) * DAY
        assert small(FeatureSpec([Tenure()]))._line_us == 30 * DAY
        assert small(lateness="31d")._line_us == 31 * DAY

    def test_a_shorter_one_is_refused_with_the_line_that_mends_it(self):
        with pytest.raises(
            ParameterError, match=r"(?s)'20d' is shorter than the longest window, 30d of any.count.30d.*'30d'"
        ):
            small(lateness="20d")

    @pytest.mark.parametrize("window", ["1mo", "2mo", "1y"])
    @pytest.mark.parametrize("zone", ["UTC", "Pacific/Apia", "America/New_York"])
    def test_no_calendar_window_reaches_behind_its_bound(self, window, zone):
        from churnlib.features._online_setup import reach_us

        at = np.arange(to_us("2011-01-01"), to_us("2012-06-01"), DAY // 3)
        length = Duration.parse(window)
        assert (at - length.before(at, zone) <= reach_us(length)).all()


class TestTheClock:
    def test_those_whose_windows_lost_an_event_are_named(self):
        online = small()
        frame = pd.DataFrame({"who": [1, 2, 3], "at": ["2025-03-01", "2025-03-02", "2025-03-20"]})
        online.update_batch(frame)
        online.tick("2025-04-01 12:00")
        assert online.aged("2025-03-30").tolist() == [1, 2]
        assert online.aged("2025-03-31 12:00").tolist() == [2]
        assert online.aged("2025-03-31", spans=["12d", "5d"]).tolist() == [3]
        assert online.aged("2025-03-31", spans="12d").tolist() == [3]

    @given(worlds, st.sampled_from(CUTOFFS), st.integers(0, 40 * DAY))
    def test_nobody_else_has_fewer_events_in_a_window(self, drawn, now, before):
        online = OnlineFeatures(SHORT_COUNTS, kind="kind")
        for event in sorted(drawn, key=lambda event: event.time):
            if event.time < now - before:
                online.update({"customer_id": event.customer, "time": event.time, "kind": "visit"})
        if not len(online):
            return
        online.tick(now - before)
        old = online.features_frame()
        online.tick(now)
        new = online.features_frame()
        lost = old.index[(new.loc[old.index] < old).any(axis=1)]
        assert set(lost) <= set(online.aged(now - before))

    def test_a_later_since_is_an_error(self):
        online = small()
        online.tick("2025-03-01")
        with pytest.raises(ParameterError, match="is later than now"):
            online.aged("2025-03-02")
        with pytest.raises(ParameterError, match=r"1 of 2 spans reach behind the line \(40d\)"):
            online.aged("2025-02-02", spans=["30d", "40d"])


SHORT_COUNTS = FeatureSpec([Count("7d"), Count("1mo"), Sum("14d")][:2])


class TestFolding:
    def test_tenure_and_all_since_the_beginning_survive_it(self):
        spec = FeatureSpec([Tenure(), Count(), Count("30d"), GapStd(), RunLength("event")])
        online = small(spec)
        for day in (0, 3, 10, 40, 90):
            online.update({"who": 1, "at": MARCH + day * DAY})
        before = online.features(1, MARCH + 100 * DAY)
        assert online.compact(MARCH + 100 * DAY) == 4
        assert online.features(1) == before
        assert (before["any.count"], before["event.run"]) == (5, 5)
        assert online.compact("2026-03-01") == 1
        assert online.features(1)["any.tenure"] == 365
        assert 1 in online

    @pytest.mark.parametrize("zone", ZONES)
    def test_it_cuts_no_day_in_two(self, zone):
        online = small(FeatureSpec([Count(per="day"), GapMean(per="day"), Count("30d")]), timezone=zone)
        for at in ("2025-03-01 10:00", "2025-03-01 18:00", "2025-03-05 09:00"):
            online.update({"who": 1, "at": at})
        online.tick("2025-03-31 12:00")
        before = online.features(1)
        assert 10 < online.line.hour < 18
        assert online.compact() == 0
        assert online.features(1) == before
        assert before["any.days"] == 2

    def test_sums_beyond_64_bits_are_no_quiet_wrap(self):
        online = small(FeatureSpec([Sum("30d")]), amount="total")
        for _ in range(3):
            online.update({"who": 1, "at": MARCH, "total": 2**62})
        assert online.features(1)["any.sum.30d"] == 3 * 2**62
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bulk, "_FEW", 0)
            with pytest.raises(MoneyError, match="too large to be summed"):
                online.features_frame()
        with pytest.raises(MoneyError, match="too large to be summed"):
            online.features_frame()


class TestCustomers:
    def test_forgotten_customers_leave_nothing(self, tmp_path):
        spec = FeatureSpec([Count("30d"), Distinct("30d"), AttributeValue("plan")])
        online = small(spec, item="what", event_id="id", attributes="plan")
        for who, what in ((1, "secret"), (2, "tea")):
            online.update({"who": who, "at": MARCH, "what": what, "id": f"e{who}", "plan": f"plan{who}"})
        online.forget(1)
        online.save(tmp_path / "online.arrow")
        content = (tmp_path / "online.arrow").read_bytes()
        assert b"secret" not in content
        assert b"plan1" not in content
        assert b'"e1"' not in content
        assert b"tea" in content
        with pytest.raises(DataError, match="1 of 2 customers are not known: 1"):
            online.forget([1, 2])
        online.forget([1, 2], missing_ok=True)
        assert len(online) == 0

    def test_ids_are_of_one_type(self):
        online = small()
        online.update({"who": 7, "at": MARCH})
        assert online.update({"who": np.int64(7), "at": MARCH}) is None
        assert online.update({"who": 7.0, "at": MARCH}) is None
        assert online.features(7, MARCH + 1)["any.count.30d"] == 3
        with pytest.raises(SchemaError, match="customer '7' is among the texts, and the ids so far are integers"):
            online.update({"who": "7", "at": MARCH})
        with pytest.raises(SchemaError, match="customer '7' is among the texts"):
            online.update_batch(pd.DataFrame({"who": ["7"], "at": ["2025-03-01"]}))

    def test_nobody_is_refused_or_an_error(self):
        with pytest.raises(DataError, match="the event names no customer"):
            small().update({"who": None, "at": MARCH})
        online = small(missing_customer="drop")
        assert online.update({"who": "", "at": MARCH}) == Refusal("no customer id", None, MARCH)
        refused = online.update_batch(pd.DataFrame({"who": [None, 1.0], "at": ["2025-03-01"] * 2}))
        assert refused["reason"].tolist() == ["no customer id"]
        assert online.refused == {"no customer id": 2}

    def test_heard_of_are_those_with_an_event_before(self):
        online = small(known_at="seen")
        online.update({"who": 2, "at": MARCH, "seen": MARCH})
        online.update({"who": 1, "at": MARCH + DAY, "seen": MARCH})
        assert online.features_frame().index.tolist() == [2]
        assert online.features_frame(at=MARCH + DAY + 1).index.tolist() == [1, 2]


class TestRoles:
    def test_features_that_the_roles_cannot_serve(self):
        assert small(FeatureSpec.standard()).spec.left_out[-1] == "any.distinct.365d"
        with pytest.raises(SchemaError, match=r"'any.sum' needs amount"):
            small(FeatureSpec([Sum()]))
        with pytest.raises(ParameterError, match=r"asks for the kind 'ordr'.*order"):
            small(FeatureSpec([Count(kind="ordr")]), kind="kind", kinds=["order", "visit"])
        with pytest.raises(ParameterTypeError, match="a FeatureSpec was expected"):
            small([Count()])

    def test_kinds_nobody_named_count_and_keep_their_place(self):
        spec = FeatureSpec([Count(), Count(kind="order"), RunLength("order")])
        online = small(spec, kind="kind")
        for kind in ("order", "zebra", "apple"):  # one instant: apple, order, zebra
            online.update({"who": 1, "at": MARCH, "kind": kind})
            online.update({"who": 2, "at": MARCH, "kind": kind if kind != "zebra" else "berry"})
        assert list(online.features(1).values()) == [3, 1, 0]
        assert list(online.features(2).values()) == [3, 1, 1]

    def test_facts_are_nothing_customers_did(self):
        online = small(FeatureSpec([Count(), Recency(), Count(kind="moved")]), kind="kind", facts="moved")
        online.update({"who": 1, "at": MARCH, "kind": "visit"})
        online.update({"who": 1, "at": MARCH + DAY, "kind": "moved"})
        assert list(online.features(1, MARCH + 2 * DAY).values()) == [1, 2.0, 1]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bulk, "_FEW", 0)
            assert online.features_frame([1], MARCH + 2 * DAY).iloc[0].tolist() == [1, 2.0, 1]

    def test_contracts_are_looked_up(self):
        table = pd.DataFrame(
            {
                "id": [1, 1, 2],
                "from": ["2025-01-01", "2025-03-05", "2025-01-01"],
                "to": ["2025-04-01", "2026-01-01", None],
            }
        )
        contracts = Contracts.from_frame(table, customer="id", start="from", end="to")
        spec = FeatureSpec([Count(), MonthsToContractEnd()])
        online = small(spec, contracts=contracts)
        online.update({"who": 1, "at": MARCH})
        log = EventLog.from_frame(pd.DataFrame({"who": [1], "at": ["2025-03-01"]}), customer="who", time="at")
        for day in ("2025-03-02", "2025-03-05", "2025-03-06"):
            rows = np.arange(3), np.full(3, to_us(day))
            who = pd.Index([1, 2, 3])
            block = compute(log, day, spec, contracts=contracts, customers=who, rows=rows)
            frame = online.features_frame(who, day)
            assert np.array_equal(frame.to_numpy(), block.frame.to_numpy(), equal_nan=True)
            alone = [list(online.features(one, day).values()) for one in who]
            assert np.array_equal(np.array(alone, float), block.frame.to_numpy(), equal_nan=True)
        with pytest.raises(SchemaError, match="needs contracts"):
            small(spec)

    def test_statements_stand_in_the_order_of_the_log_not_of_arrival(self):
        online = small(FeatureSpec([AttributeValue("plan")]), attributes="plan", kind="kind", known_at="seen")
        for day, kind, plan in ((3, "b", "late"), (1, "a", "early"), (3, "a", "same instant, other kind")):
            online.update({"who": 1, "at": MARCH + day * DAY, "kind": kind, "plan": plan, "seen": MARCH + 4 * DAY})
        online.update({"who": 1, "at": MARCH + 9 * DAY, "kind": "a", "plan": "future", "seen": MARCH + 4 * DAY})
        assert online.features(1) == {"plan.value": "late"}
        assert online.features(1, MARCH + 9 * DAY + 1) == {"plan.value": "future"}
        assert len(online._store.stated[1]["plan"]) == 2  # those that no reading can reach are gone

    def test_numbers_that_are_attributes(self):
        online = small(FeatureSpec([AttributeValue("limit")]), attributes="limit")
        online.update({"who": 1, "at": MARCH, "limit": 5})
        online.update({"who": 1, "at": MARCH + DAY, "limit": None})
        online.update({"who": 2, "at": MARCH + DAY, "limit": float("nan")})
        assert online.features(1) == {"limit.value": 5.0}
        assert np.isnan(online.features(2)["limit.value"])
        assert online.features_frame()["limit.value"].tolist()[0] == 5.0
        for value, text in (("a", "its values so far are numbers"), (float("inf"), "finite"), (2**60, "below 2⁵³")):
            with pytest.raises(DataError, match=text):
                online.update({"who": 1, "at": MARCH + DAY, "limit": value})
        with pytest.raises(SchemaError, match="holds categories here"):
            online.update_batch(pd.DataFrame({"who": [1], "at": ["2025-03-03"], "limit": ["a"]}))


class TestReadingEvents:
    @pytest.mark.parametrize(
        "at",
        [
            MARCH,
            np.int64(MARCH),
            "2025-03-01",
            "2025-03-01T01:00:00+01:00",
            pd.Timestamp("2025-03-01"),
            pd.Timestamp("2025-03-01 00:00:00.000000999"),
            np.datetime64("2025-03-01"),
            pd.Timestamp("2025-03-01").to_pydatetime(),
            pd.Timestamp("2025-03-01", tz="UTC").to_pydatetime(),
            pd.Timestamp("2025-03-01").date(),
        ],
    )
    def test_times(self, at):
        online = small()
        online.update({"who": 1, "at": at})
        assert online.now == pd.Timestamp(MARCH + 1, unit="us", tz="UTC")

    def test_times_of_a_zone_and_a_format(self):
        online = small(timezone="Europe/Berlin", time_format="%d.%m.%Y %H:%M")
        online.update({"who": 1, "at": "01.03.2025 01:00"})
        assert online.now.tz_convert("UTC").floor("s") == pd.Timestamp("2025-03-01", tz="UTC")
        with pytest.raises(TimeError, match="occurs twice"):
            online.update({"who": 1, "at": "26.10.2025 02:30"})

    @pytest.mark.parametrize(
        ("at", "text"),
        [
            (MARCH * 1000, "lies in no year from 1 to 9999"),
            (None, "the event has no 'at'"),
            ("soon", "is not a point in time"),
        ],
    )
    def test_times_that_are_none(self, at, text):
        online = small()
        with pytest.raises(TimeError, match=text):
            online.update({"who": 1, "at": at})
        assert (online.now, len(online)) == (None, 0)

    @pytest.mark.parametrize(
        ("total", "minor"),
        [
            (19.99, 1999),
            (-0.1, -10),
            (5, 500),
            (np.float64(1.5), 150),
            (np.int64(3), 300),
            (1e13, 10**15),
            (0.1 + 0.2, None),
        ],
    )
    def test_amounts(self, total, minor):
        online = small(FeatureSpec([Sum()]), amount="total", scale=2)
        if minor is None:
            with pytest.raises(MoneyError, match="17 decimals"):
                online.update({"who": 1, "at": MARCH, "total": total})
            return
        online.update({"who": 1, "at": MARCH, "total": total})
        assert online.features(1)["any.sum"] == minor / 100

    @given(st.lists(st.integers(-(10**11), 10**11), min_size=1, max_size=5), st.integers(0, 6))
    def test_amounts_are_those_of_a_log(self, minor, scale):
        frame = pd.DataFrame(
            {"who": 1, "at": pd.to_datetime(["2025-03-01"] * len(minor)), "total": np.array(minor) / 10**scale}
        )
        log = EventLog.from_frame(frame, customer="who", time="at", amount="total")
        online = small(FeatureSpec([Sum()]), amount="total", scale=scale)
        batch = small(FeatureSpec([Sum()]), amount="total", scale=scale)
        for event in frame.to_dict("records"):
            online.update(event)
        batch.update_batch(frame)
        exact = int(log.amount.sum()) * 10 ** (scale - log.scale) / 10**scale
        assert online.features(1) == batch.features(1) == {"any.sum": exact}

    @pytest.mark.parametrize(
        ("options", "event", "error", "text"),
        [
            ({"amount": "total"}, {"total": None}, MoneyError, "the event has no amount"),
            ({"amount": "total"}, {"total": float("inf")}, MoneyError, "a finite amount"),
            ({"amount": "total"}, {"total": 2**64}, MoneyError, "leaves 64 bits"),
            ({"amount": "total"}, {"total": "5"}, SchemaError, "a number was expected"),
            ({"amount": "total", "negative": "error"}, {"total": -1}, MoneyError, "positive amounts were expected"),
            ({"amount": "total"}, {}, SchemaError, "no key 'total'"),
            ({"amount": "total", "kind": "kind"}, {"total": 1, "kind": None}, DataError, "the event has no kind"),
            ({"amount": "total", "item": "what"}, {"total": 1, "what": 1.5}, SchemaError, "a text or a whole number"),
            ({"amount": "total", "item": "what"}, {"total": 1, "what": True}, SchemaError, "a text or a whole number"),
            ({"amount": "total", "event_id": "id"}, {"total": 1, "id": None}, DataError, "the event has no id"),
        ],
    )
    def test_what_is_wrong_raises_and_changes_nothing(self, options, event, error, text):
        online = small(FeatureSpec([Sum()]), **options)
        with pytest.raises(error, match=text):
            online.update({"who": 1, "at": MARCH, **event})
        assert (len(online), online.taken, online.now) == (0, 0, None)

    def test_amounts_by_quantity_and_price(self):
        online = small(FeatureSpec([Sum()]), quantity="n", price="each", scale=2, missing_amount="zero")
        online.update({"who": 1, "at": MARCH, "n": 3, "each": 0.35})
        online.update({"who": 1, "at": MARCH, "n": 3, "each": None})
        assert online.features(1) == {"any.sum": 1.05}

    def test_a_table_with_finer_amounts_than_the_scale(self):
        online = small(FeatureSpec([Sum()]), amount="total", scale=1)
        with pytest.raises(MoneyError, match="1 of 2 amounts have more decimals than the scale of 1"):
            online.update_batch(pd.DataFrame({"who": 1, "at": ["2025-03-01"] * 2, "total": [1.5, 1.25]}))

    def test_a_repeated_id_is_an_error_unless_it_is_dropped_or_kept(self):
        event = {"who": 1, "at": MARCH, "id": "a"}
        online = small(event_id="id")
        online.update(event)
        with pytest.raises(DuplicateError, match="the event id 'a' in 'id' has come in before"):
            online.update(event)
        frame = pd.DataFrame({"who": [2, 2], "at": ["2025-03-02"] * 2, "id": ["b", "b"]})
        with pytest.raises(DuplicateError, match="the event id 'b'"):
            online.update_batch(frame)
        assert len(online) == 1
        keeping = small(event_id="id", duplicates="keep")
        assert [keeping.update(event), keeping.update(event)] == [None, None]

    def test_a_delivery_long_after_the_first_is_refused_for_its_age(self):
        online = small(event_id="id", duplicates="drop")
        online.update({"who": 1, "at": MARCH, "id": "a"})
        assert online.update({"who": 1, "at": MARCH, "id": "a"}).reason == "repeated event id"
        online.compact(MARCH + 40 * DAY)
        assert not online._store.seen
        assert online.update({"who": 1, "at": MARCH, "id": "a"}).reason == "older than the lateness line"

    def test_an_empty_table_is_nothing(self):
        assert small().update_batch(pd.DataFrame({"who": pd.Series(dtype=int), "at": pd.Series(dtype="M8[us]")})).empty

    def test_a_customer_with_thousands_of_events(self):
        online = small(FeatureSpec([Count(), Sum("30d"), Recency()]), amount="total")
        rng = np.random.default_rng(0)
        at = MARCH + rng.integers(0, 20 * DAY, 3000)
        for time in at.tolist():
            online.update({"who": 1, "at": time, "total": 1})
        assert list(online.features(1, MARCH + 20 * DAY).values())[:2] == [3000, 3000.0]
        words = memoryview(online._store.states[1]).cast("q")[::2].tolist()
        assert words == sorted(words)


def test_a_feature_of_ones_own_that_reads_whole_columns_is_refused_by_name():
    from churnlib.features import EventRaw, Feature

    @dataclass(frozen=True)
    class Odd(EventRaw):
        name = "odd.raw"

        def edges(self):
            return ()

        def read(self, view):
            return view.stream(None).before()

    @dataclass(frozen=True)
    class OddFeature(Feature):
        name, meaning, unit, nulls = "odd", "odd", "count", "never"

        def raws(self):
            return (Odd(),)

        def finish(self, raws, facts):
            return raws[0]

    with pytest.raises(ParameterError, match=r"(?s)1 of 2 features cannot be had event by event \(odd\).*'odd'"):
        small(FeatureSpec([Count(), OddFeature()]))


def test_a_feature_of_ones_own_made_of_our_raw_columns():
    from churnlib.features import Feature

    @dataclass(frozen=True)
    class Halved(Feature):
        name, meaning, unit, nulls = "halved", "half a count", "count", "never"

        def raws(self):
            return Count().raws()

        def finish(self, raws, facts):
            return raws[0] / 2

    online = small(FeatureSpec([Halved()]))
    online.update({"who": 1, "at": MARCH})
    assert online.features(1) == {"halved": 0.5}


@given(worlds, st.sampled_from(ZONES))
def test_a_state_goes_on_where_a_log_ends(drawn, zone):
    past, rest = ([e for e in drawn if (e.seen < CUTOFFS[0]) == early] for early in (True, False))
    if not past:
        return
    if not any(event.known is not None for event in past):
        past[0] = replace(past[0], known=past[0].time)  # so that the log has the role
    online = OnlineFeatures.from_log(make_log(past, timezone=zone), FULL)
    kept = past + [e for e in sorted(rest, key=lambda e: e.seen) if online.update(as_mapping(e)) is None]
    online.tick(CUTOFFS[-1] + 41 * DAY)
    assert_equal_rows(online, kept, CUTOFFS[-1] + 200 * DAY, zone)
    assert online.taken == len(kept)


class TestFromALog:
    LOG = EventLog.from_frame(
        pd.DataFrame({"who": [1, 2], "at": ["2025-03-01", "2025-03-02"], "id": ["a", "b"], "limit": [1.5, None]}),
        customer="who",
        time="at",
        event_id="id",
        attributes="limit",
        duplicates="drop",
    )

    def test_its_ids_and_statements_are_known(self):
        online = OnlineFeatures.from_log(self.LOG, FeatureSpec([Count("30d"), AttributeValue("limit")]))
        assert online.now == self.LOG.complete_until
        event = {"who": 2, "at": "2025-03-02", "id": "b", "limit": 7}
        assert online.update(event).reason == "repeated event id"
        assert online.features(1) == {"any.count.30d": 1, "limit.value": 1.5}
        assert online.update(event | {"id": "c"}) is None
        assert online.features_frame()["limit.value"].tolist() == [1.5, 7.0]

    def test_nothing_of_it_but_the_roles(self):
        online = OnlineFeatures.from_log(self.LOG, SPEC, history=False, lateness="60d", ahead="1d")
        assert (len(online), online.now, online._line_us, online._ahead_us) == (0, None, 60 * DAY, DAY)


def test_folded_sums_beyond_64_bits_raise(monkeypatch):
    monkeypatch.setattr(bulk, "_FEW", 0)
    online = small(FeatureSpec([Sum(), Count("7d")]), amount="total")
    online.update({"who": 1, "at": MARCH, "total": 2**62})
    online.compact(MARCH + 40 * DAY)
    online.update({"who": 1, "at": MARCH + 40 * DAY, "total": 2**62})
    assert online.features(1) == {"any.sum": 2.0**63, "any.count.7d": 1}
    with pytest.raises(MoneyError, match="too large to be summed in 64 bits"):
        online.features_frame()


def test_renewals_come_before_ends():
    table = pd.DataFrame({"id": [1], "from": ["2025-01-01"], "to": ["2026-01-01"], "renewal": ["2025-07-01"]})
    contracts = Contracts.from_frame(table, customer="id", start="from", end="to", renewal="renewal")
    online = small(FeatureSpec([MonthsToContractEnd()]), contracts=contracts)
    assert online.features(1, "2025-05-01") == {"contract.months_left": 2.0}
    assert np.isnan(online.features(1, "2024-05-01")["contract.months_left"])
    assert np.isnan(online.features(2, "2025-05-01")["contract.months_left"])


def test_a_late_repeat_in_a_table_is_late_and_no_error():
    online = small(event_id="id")
    online.update({"who": 1, "at": MARCH, "id": "a"})
    online.tick(MARCH + 40 * DAY)
    frame = pd.DataFrame({"who": [1, 1], "at": ["2025-03-01", "2025-04-09"], "id": ["a", "b"]})
    assert online.update_batch(frame)["reason"].tolist() == ["older than the lateness line"]
