"""The kernel as a whole: against plain Python, and in the properties that keep it honest."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import churnlib.features._compute as compute_module
from churnlib.calendar import to_us
from churnlib.events import Contracts, EventLog
from churnlib.exceptions import MoneyError, ParameterError, ParameterTypeError
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
)  # fmt: skip
from tests.features.worlds import CUTOFFS, DAY, Event, events, make_log, oracles, pairs, times

AT = np.array(CUTOFFS)
SPEC = FeatureSpec(
    [
        *(Count(window) for window in (None, "7d", "90d", "1mo")),
        Count("90d", "order"), Count("90d", ("order", "visit")),
        Count("90d", per="occasion"), Count("1mo", "visit", "day"),
        Sum(), Sum("90d"), Sum("1mo", "order"), Mean("90d"), Share("order", "90d"),
        Distinct(), Distinct("90d"), Distinct("1mo", "order"),
        Recency(), Recency("cancel"), Tenure(), Tenure("order"),
        GapMean(), GapMean("90d", per="day"), GapRatio(),
        GapStd(), GapStd("365d", "order"), GapStd("90d", per="occasion"),
        Slope(), Slope(2, "order"), Slope(12, of="sum"),
        Change("7d"), Change("90d", of="sum"), Change("1mo", per="day"),
        RunLength("order"), RunLength("cancel", over=("cancel", "order")), AttributeValue("plan"),
    ]
)  # fmt: skip


def expected_raw(drawn):
    """Every raw column of SPEC by plain Python."""
    rows = oracles(drawn)
    columns = {
        **{
            f"any.count.{w or 'ever'}": [o.count(window=w) for o in rows]
            for w in (None, "7d", "90d", "1mo", "180d", "14d")
        },
        "order.count.90d": [o.count(kind="order", window="90d") for o in rows],
        "order+visit.count.90d": [
            o.count(kind="order", window="90d") + o.count(kind="visit", window="90d") for o in rows
        ],
        "any/occasion.count.90d": [o.count(per="occasion", window="90d") for o in rows],
        "visit/day.count.1mo": [o.count(kind="visit", per="day", window="1mo") for o in rows],
        "any/day.count.1mo": [o.count(per="day", window="1mo") for o in rows],
        "any/day.count.2mo": [o.count(per="day", window="2mo") for o in rows],
        "any/day.count.90d": [o.count(per="day", window="90d") for o in rows],
        **{f"any.sum.{w or 'ever'}": [o.total(window=w) for o in rows] for w in (None, "90d", "180d")},
        "order.sum.1mo": [o.total(kind="order", window="1mo") for o in rows],
        **{f"any.distinct.{w or 'ever'}": [o.distinct(window=w) for o in rows] for w in (None, "90d")},
        "order.distinct.1mo": [o.distinct(kind="order", window="1mo") for o in rows],
        "any.since_last": [o.since_last() for o in rows],
        "cancel.since_last": [o.since_last(kind="cancel") for o in rows],
        "any/day.since_last": [o.since_last(per="day") for o in rows],
        "any.since_first.ever": [o.since_first() for o in rows],
        "order.since_first.ever": [o.since_first(kind="order") for o in rows],
        "any/day.since_first.90d": [o.since_first(per="day", window="90d") for o in rows],
        "any.trend.12w": [o.trend(12) for o in rows],
        "order.trend.2w": [o.trend(2, kind="order") for o in rows],
        "any.sum_trend.12w": [o.trend(12, "sum") for o in rows],
        "order.run.any": [o.run("order") for o in rows],
        "cancel.run.cancel+order": [o.run("cancel", ("cancel", "order")) for o in rows],
        "plan.stated": [o.plan() for o in rows],
    }
    gaps = {
        "any.{}.ever": {}, "order.{}.365d": {"kind": "order", "window": "365d"},
        "any/occasion.{}.90d": {"per": "occasion", "window": "90d"},
    }  # fmt: skip
    for name, of in gaps.items():
        columns[name.format("gap_seconds")] = [sum(o.gaps(**of)) for o in rows]
        columns[name.format("squared_gaps")] = [sum(g * g for g in o.gaps(**of)) for o in rows]
    columns["order.count.365d"] = [o.count(kind="order", window="365d") for o in rows]
    columns["order.count.1mo"] = [o.count(kind="order", window="1mo") for o in rows]
    return columns


def assert_as_expected(drawn, block):
    assert list(zip(block.customer_code.tolist(), block.cutoff.tolist(), strict=True)) == pairs(drawn)
    expected = expected_raw(drawn)
    for name, values in block.raw.items():
        assert values.dtype == np.int64
        assert values.tolist() == expected[name], name


@given(events())
def test_every_raw_column_equals_plain_python(drawn):
    assert_as_expected(drawn, compute(make_log(drawn), AT, SPEC))


@given(events(late=True))
def test_rows_known_late_count_from_when_they_were_known(drawn):
    assert_as_expected(drawn, compute(make_log(drawn), AT, SPEC))


@given(events(late=True))
def test_what_was_not_known_before_the_cutoff_changes_nothing(drawn):
    for cutoff in CUTOFFS:
        known = [e for e in drawn if e.seen < cutoff and e.time < cutoff]
        if not known:
            continue
        one = compute(make_log(drawn), np.array([cutoff]), SPEC)
        alone = compute(make_log(known), np.array([cutoff]), SPEC)
        assert [values.tolist() for values in one.raw.values()] == [values.tolist() for values in alone.raw.values()]


@given(events(late=True), st.randoms())
def test_the_order_of_the_input_does_not_matter(drawn, random):
    shuffled = random.sample(drawn, len(drawn))
    a, b = compute(make_log(drawn), AT, SPEC), compute(make_log(shuffled), AT, SPEC)
    pd.testing.assert_frame_equal(a.frame, b.frame, check_exact=True)


FIXED = FeatureSpec([f for f in SPEC if "mo" not in str(getattr(f, "window", ""))])


@given(events(late=True), st.integers(-4000, 4000))
def test_a_shift_of_all_times_by_whole_days_changes_nothing(drawn, days):
    shift = days * DAY
    moved = [
        Event(
            e.customer, e.time + shift, e.kind, e.amount, e.item, e.plan, None if e.known is None else e.known + shift
        )
        for e in drawn
    ]
    a, b = compute(make_log(drawn), AT, FIXED), compute(make_log(moved), AT + shift, FIXED)
    pd.testing.assert_frame_equal(a.frame, b.frame, check_exact=True)


@given(events(), st.sampled_from(["event", "occasion", "day"]))
def test_adjacent_windows_add_up(drawn, per):
    middle, end = CUTOFFS[0] - 7 * DAY, CUTOFFS[0]
    spec = FeatureSpec([Count("7d", per=per), Count("14d", per=per), Sum("7d"), Sum("14d")])
    log = make_log(drawn)
    code = np.repeat(np.arange(log.n_customers), 2)
    at = np.array([middle, end])
    block = compute(log, at, spec, rows=(code, np.tile(at, log.n_customers)))
    for feature in (Count("7d", per=per), Sum("7d")):
        week = feature.raws()[0].name
        fortnight = block.raw[week.replace("7d", "14d")][1::2]
        assert fortnight.tolist() == (block.raw[week][0::2] + block.raw[week][1::2]).tolist()


@given(events(late=True))
def test_each_cutoff_stands_alone(drawn):
    log = make_log(drawn)
    together = compute(log, AT, SPEC)
    for cutoff in CUTOFFS:
        alone, here = compute(log, np.array([cutoff]), SPEC), together.cutoff == cutoff
        for name, values in alone.raw.items():
            assert values.tolist() == together.raw[name][here].tolist(), name


@given(events(late=True), st.data())
def test_rows_asked_for_are_the_rows_given(drawn, data):
    log = make_log(drawn)
    every = [(code, cutoff) for code in range(log.n_customers) for cutoff in CUTOFFS]
    asked = sorted(data.draw(st.sets(st.sampled_from(every), min_size=1)))
    code, cutoff = (np.array(column) for column in zip(*asked, strict=True))
    block = compute(log, AT, SPEC, rows=(code, cutoff))
    assert list(zip(block.customer_code.tolist(), block.cutoff.tolist(), strict=True)) == asked
    full = compute(log, AT, SPEC)
    known = {pair: row for row, pair in enumerate(pairs(drawn))}
    for row, pair in enumerate(asked):
        values = {name: column[row] for name, column in block.raw.items()}
        if pair in known:
            assert values == {name: column[known[pair]] for name, column in full.raw.items()}
        else:
            assert values["any.count.ever"] == 0
            assert values["any.since_last"] == -1


def a_big_log(n: int, *, seed: int = 0, late: bool = False) -> EventLog:
    rng = np.random.default_rng(seed)
    time = rng.integers(CUTOFFS[0] - 500 * DAY, CUTOFFS[-1] + 30 * DAY, n)
    return EventLog._from_arrays(
        customers=pd.RangeIndex(n // 10),
        codes=np.concatenate([np.arange(n // 10), rng.integers(0, n // 10, n - n // 10)]).astype(np.int32),
        time=time,
        kind=rng.integers(0, 3, n).astype(np.int8),
        kinds=("cancel", "order", "visit"),
        known=np.where(rng.random(n) < 0.3, time + rng.integers(0, 60 * DAY, n), time) if late else None,
        amount=rng.integers(-(10**5), 10**5, n),
        scale=2,
        item=rng.integers(-1, 50, n).astype(np.int32),
        items=pd.RangeIndex(50),
    )


SPEC_NO_PLAN = FeatureSpec([f for f in SPEC if f.name != "plan.value"])


@pytest.mark.parametrize("late", [False, True])
def test_threads_and_the_size_of_runs_change_no_byte(monkeypatch, late):
    log = a_big_log(20_000, late=late)
    one = compute(log, AT, SPEC_NO_PLAN)
    monkeypatch.setattr(compute_module, "_EVENTS", 300)
    monkeypatch.setattr(compute_module, "_CELLS", 64)
    many = compute(log, AT, SPEC_NO_PLAN, n_jobs=3)
    for name, values in one.raw.items():
        assert values.tobytes() == many.raw[name].tobytes(), name


def test_customers_of_another_list_are_found_by_their_id():
    log = make_log([Event(3, CUTOFFS[0] - DAY), Event(5, CUTOFFS[0] - 2 * DAY)])
    ids = pd.Index([9, 5, 3])
    block = compute(log, AT[:1], FeatureSpec([Count(), Recency()]), customers=ids, rows=([0, 1, 2], AT[[0, 0, 0]]))
    assert block.frame["any.count"].tolist() == [0, 1, 1]
    assert block.frame["any.recency"].fillna(-9).tolist() == [-9, 2, 1]
    alone = compute(log, AT[:1], FeatureSpec([Count()]), customers=ids)
    assert alone.customer_code.tolist() == [1, 2]


def test_no_rows_give_an_empty_frame_with_its_columns():
    log = make_log([Event(3, CUTOFFS[0])])
    for block in (
        compute(log, AT[:1], SPEC),
        compute(log, np.array([], np.int64), SPEC),
        compute(log, np.array([], np.int64), SPEC, rows=([], [])),
    ):
        assert len(block) == 0
        assert tuple(block.frame.columns) == SPEC.names


def test_months_of_windows_are_those_of_the_logs_zone():
    # In Berlin the month before 1 April began on 1 March at 00:00 local time, 23:00 in UTC.
    first = to_us("2025-02-28 23:00", "UTC")
    log = make_log([Event(0, first - 1), Event(0, first), Event(0, first + 1)], timezone="Europe/Berlin")
    assert compute(log, "2025-04-01", FeatureSpec([Count("1mo")])).frame["any.count.1mo"].tolist() == [2]
    assert compute(log, "2025-04-01", FeatureSpec([Count("31d")])).cutoff[0] == to_us("2025-03-31 22:00", "UTC")


def test_days_are_those_of_the_logs_zone():
    late, early = to_us("2025-03-01 22:30", "UTC"), to_us("2025-03-01 23:30", "UTC")
    drawn = [Event(0, late), Event(0, early)]
    spec = FeatureSpec([Count(per="day")])
    assert compute(make_log(drawn), "2025-04-01", spec).frame.iloc[0, 0] == 1
    assert compute(make_log(drawn, timezone="Europe/Berlin"), "2025-04-01", spec).frame.iloc[0, 0] == 2


def test_money_beyond_the_integers_of_floats_stays_exact():
    amounts = [2**53 - 1, 2**53, 2**53 + 1, -(2**53 + 1), 2**53 + 1]
    drawn = [Event(0, CUTOFFS[0] - (9 - k) * DAY, amount=a) for k, a in enumerate(amounts)]
    block = compute(make_log(drawn, scale=0), AT[:1], FeatureSpec([Sum(), Sum("7d"), Slope(2, of="sum")]))
    assert block.raw["any.sum.ever"].tolist() == [sum(amounts)]
    assert block.raw["any.sum.7d"].tolist() == [sum(amounts[2:])]
    assert block.raw["any.sum_trend.2w"].tolist() == [sum(amounts[2:]) - sum(amounts[:2])]


def test_sums_of_many_customers_may_pass_64_bits_where_no_customer_does():
    huge = 2**62
    drawn = [Event(c, CUTOFFS[0] - DAY, amount=huge) for c in range(5)]
    assert compute(make_log(drawn), AT[:1], FeatureSpec([Sum("7d")])).raw["any.sum.7d"].tolist() == [huge] * 5


@pytest.mark.parametrize("feature", [Sum(), Mean("7d"), Change("7d", of="sum"), Slope(of="sum")])
def test_amounts_that_cannot_be_summed_in_64_bits_are_refused(feature):
    drawn = [Event(c, CUTOFFS[0] - DAY * k, amount=-(2**62) if c else 1) for c in (0, 7) for k in (1, 2, 3)]
    with pytest.raises(MoneyError, match=r"(?s)the amounts of 1 customers \(7\) are too large.*coarser unit"):
        compute(make_log(drawn), AT, FeatureSpec([feature]))


def test_gaps_of_ten_years_are_exact():
    ten_years = 3652 * DAY
    drawn = [Event(0, CUTOFFS[0] - k * ten_years - DAY) for k in range(6)]
    block = compute(make_log(drawn), AT[:1], FeatureSpec([GapMean(), GapStd()]))
    assert block.raw["any.squared_gaps.ever"].tolist() == [5 * (3652 * 86_400) ** 2]
    assert block.frame.to_numpy().tolist() == [[3652.0, 0.0]]


def test_a_million_events_of_one_customer():
    n = 1_000_000
    rng = np.random.default_rng(3)
    time = np.sort(rng.integers(CUTOFFS[0] - 400 * DAY, CUTOFFS[0], n))
    amount, item = rng.integers(-(2**40), 2**40, n), rng.integers(0, 1000, n).astype(np.int32)
    log = EventLog._from_arrays(
        customers=["one"], offsets=np.array([0, n]), time=time, amount=amount, scale=0, item=item, items=range(1000)
    )
    block = compute(log, AT[:1], FeatureSpec([Count("90d"), Sum("90d"), Distinct("7d"), GapStd(), Slope()]))
    inside = time >= CUTOFFS[0] - 90 * DAY
    gaps = np.diff(time // 1_000_000).tolist()
    week = (CUTOFFS[0] - time - 1) // (7 * DAY)
    assert {name: column.item() for name, column in block.raw.items()} == {
        "any.count.90d": int(inside.sum()),
        "any.sum.90d": sum(amount[inside].tolist()),
        "any.distinct.7d": len(set(item[time >= CUTOFFS[0] - 7 * DAY].tolist())),
        "any.count.ever": n,
        "any.gap_seconds.ever": sum(gaps),
        "any.squared_gaps.ever": sum(g * g for g in gaps),
        "any.trend.12w": int((11 - 2 * week[week < 12]).sum()),
    }


def test_nanoseconds_count_on_the_side_of_the_cutoff_they_fall_on():
    when = pd.to_datetime(["2025-02-28 23:59:59.999999999", "2025-03-01 00:00:00.000000001"])
    log = EventLog.from_frame(pd.DataFrame({"who": 1, "at": when}), customer="who", time="at")
    assert compute(log, ["2025-03-01", "2025-03-02"], FeatureSpec([Count()])).frame["any.count"].tolist() == [1, 2]


def test_frames_have_integers_floats_and_categories():
    drawn = [Event(0, CUTOFFS[0] - DAY, plan=1), Event(1, CUTOFFS[0] - DAY)]
    frame = compute(make_log(drawn), AT[:1], SPEC).frame
    assert frame["any.count.90d"].dtype == np.int64
    assert frame["any.sum.90d"].dtype == np.float64
    assert frame["plan.value"].astype(object).tolist()[0] == "gold"
    assert frame["plan.value"].isna().tolist() == [False, True]
    assert list(frame["plan.value"].cat.categories) == ["basic", "gold", "plus"]


def test_contracts_are_read_beside_events():
    log = make_log([Event(0, CUTOFFS[0] - DAY), Event(1, CUTOFFS[0] - DAY)])
    table = pd.DataFrame({"who": [1], "from": ["2025-01-01"], "to": ["2025-05-01"]})
    contracts = Contracts.from_frame(table, customer="who", start="from", end="to")
    frame = compute(log, "2025-03-01", FeatureSpec([MonthsToContractEnd(), Count()]), contracts=contracts).frame
    assert frame["contract.months_left"].fillna(-9).tolist() == [-9, 2]


def test_progress_is_shown_where_it_is_asked_for(capsys):
    log = a_big_log(2000)
    compute(log, AT, SPEC_NO_PLAN, n_jobs=2, progress=True)
    assert "features" in capsys.readouterr().err
    compute(log, AT, SPEC_NO_PLAN)
    assert capsys.readouterr().err == ""


LOG = make_log([Event(0, CUTOFFS[0] - DAY), Event(2, CUTOFFS[0] - DAY)])


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"spec": [Count()]}, ParameterTypeError, "spec is a list; a FeatureSpec was expected"),
        ({"n_jobs": 0}, ParameterError, "n_jobs=0 leaves nobody to work"),
        ({"rows": ([0], AT[:2])}, ParameterError, "rows has 1 customers and 2 cutoffs"),
        (
            {"rows": ([0, 2], AT[[0, 0]])},
            ParameterError,
            r"1 of 2 rows name a cutoff or a customer that is not there \(row 1\)",
        ),
        (
            {"rows": ([0, 1], AT[[0, 0]] + 1)},
            ParameterError,
            r"2 of 2 rows name a cutoff or a customer .*\(rows 0, 1\)",
        ),
        ({"rows": ([1, 0], AT[[0, 0]])}, ParameterError, r"1 of 2 rows repeat or precede .*\(row 1\)"),
        ({"rows": ([0, 0], AT[[0, 0]])}, ParameterError, r"1 of 2 rows repeat or precede"),
        ({"cutoffs": np.array([2, 1])}, ParameterError, "earlier than the one before it"),
    ],
)
def test_arguments_that_cannot_work_are_refused(change, error, text):
    options = {"log": LOG, "cutoffs": AT, "spec": FeatureSpec([Count()])} | change
    with pytest.raises(error, match=text):
        compute(options.pop("log"), options.pop("cutoffs"), options.pop("spec"), **options)


@given(times)
def test_a_cutoff_sees_nothing_at_or_after_itself(time):
    log = make_log([Event(0, time)])
    block = compute(log, AT, FeatureSpec([Count()]))
    assert block.cutoff.tolist() == [c for c in CUTOFFS if c > time]
