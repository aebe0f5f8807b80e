"""Clocks: on time, late, overdue and open, against a plain reading."""

from __future__ import annotations

from zlib import crc32

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import churnlib as cl
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, SchemaError
from churnlib.numerics import wilson_interval
from churnlib.policy import Clock, clock_table, complaint_clocks

NOON = pd.Timestamp("2026-03-02 12:00", tz="UTC")


def events(*rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["customer_id", "kind", "time", "grade"])


def minutes(n: float) -> pd.Timestamp:
    return NOON + pd.Timedelta(minutes=n)


def plainly_counted(rows: list, now: pd.Timestamp, *, grade: str | None, after: int) -> dict[str, int]:
    counts = dict.fromkeys(["started", "on_time", "late", "overdue", "open"], 0)
    for who, kind, start, of in rows:
        if kind != "complaint" or start >= now or (grade is not None and of != grade):
            continue
        counts["started"] += 1
        due = start + pd.Timedelta(minutes=after + 5)
        ends = [at for other, what, at, _ in rows if other == who and what == "closed" and start <= at < now]
        if ends:
            counts["on_time" if min(ends) < due else "late"] += 1
        else:
            counts["overdue" if due <= now else "open"] += 1
    return counts


ROWS = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.sampled_from(["complaint", "closed", "order"]),
        st.integers(-12, 1).map(minutes),
        st.sampled_from(["grave", "ordinary"]),
    ),
    min_size=1,
    max_size=12,
)


@given(ROWS, st.sampled_from([None, "grave"]), st.sampled_from([0, 3]))
def test_it_equals_a_plain_reading(rows, grade, after) -> None:
    where = None if grade is None else f"grade == '{grade}'"
    clock = Clock("c", "complaint", "5min", done="closed", where=where, after=f"{after}min")
    found = clock_table(clock, events(*rows), on=NOON).loc["c"]
    expected = plainly_counted(rows, NOON, grade=grade, after=after)
    assert found[list(expected)].to_dict() == expected


def test_what_is_done_at_the_very_instant_is_late() -> None:
    clock = Clock("contact", "complaint", "5min", done="contacted")
    rows = [(1, "complaint", minutes(-30), None), (2, "complaint", minutes(-30), None)]
    rows += [(1, "contacted", minutes(-25), None), (2, "contacted", minutes(-25) - pd.Timedelta("1us"), None)]
    found = clock_table(clock, events(*rows), on=NOON).loc["contact"]
    assert (found["on_time"], found["late"]) == (1, 1)


def test_cases_are_told_apart() -> None:
    rows = events(
        (1, "complaint", minutes(-30), "x"), (1, "complaint", minutes(-29), "y"), (1, "closed", minutes(-28), "y")
    )
    rows = rows.rename(columns={"grade": "ticket"})
    one, each = (Clock("c", "complaint", "5min", done="closed", case=case) for case in (None, "ticket"))
    assert clock_table(one, rows, on=NOON)["on_time"].tolist() == [2]
    assert clock_table(each, rows, on=NOON)[["on_time", "overdue"]].values.tolist() == [[1, 1]]


def test_the_share_is_held_against_the_target() -> None:
    def share_of(kept: int, broken: int) -> pd.Series:
        rows = [(who, "complaint", minutes(-60), None) for who in range(kept + broken)]
        rows += [(who, "closed", minutes(-58), None) for who in range(kept)]
        return clock_table(Clock("c", "complaint", "5min", done="closed"), events(*rows), on=NOON).loc["c"]

    assert share_of(200, 2)["verdict"] == "met"
    assert share_of(100, 100)["verdict"] == "missed"
    assert share_of(9, 1)["verdict"] == "undecided"
    assert share_of(9, 1)["share"] == pytest.approx(0.9)
    # Wilson's interval of 9 in 10
    assert share_of(9, 1)[["low", "high"]].tolist() == pytest.approx([0.59585, 0.98213], abs=1e-5)


def test_without_a_decided_run_there_is_no_share() -> None:
    found = clock_table(Clock("c", "complaint", "5min"), events((1, "order", minutes(-9), None)), on=NOON).loc["c"]
    assert pd.isna(found["share"])
    assert found["verdict"] == "undecided"


def test_complaints_of_an_unknown_grade_are_counted() -> None:
    clock = Clock("grave", "complaint", "1h", where="grade == 'grave'")
    rows = events((1, "complaint", minutes(-5), None), (2, "complaint", minutes(-5), "grave"))
    assert clock_table(clock, rows, on=NOON).loc["grave", ["started", "unknown"]].tolist() == [1, 1]


def test_a_log_is_read_as_it_was_known() -> None:
    frame = pd.DataFrame(
        {
            "who": [1, 1],
            "kind": ["complaint", "closed"],
            "time": ["2026-03-02 11:00", "2026-03-02 11:02"],
            "known": ["2026-03-02 11:00", "2026-03-02 13:00"],
        }
    )
    log = cl.EventLog.from_frame(frame, customer="who", time="time", kind="kind", known_at="known")
    clock = Clock("c", "complaint", "5min", done="closed")
    assert clock_table(clock, log, on="2026-03-02 12:00")["overdue"].tolist() == [1]
    assert clock_table(clock, log, on="2026-03-02 13:00:01")["on_time"].tolist() == [1]


def test_the_shipped_clocks_take_other_numbers() -> None:
    clocks = {clock.name: clock for clock in complaint_clocks(contact="2min", urgency={"now": "1h"})}
    assert str(clocks["first contact"].within) == "2min"
    assert str(clocks["solved, now urgency"].within) == "1h"
    assert str(clocks["grave called"].within) == "1h"
    assert {str(clock.within) for clock in complaint_clocks()} == {"5min", "30min", "1h", "1d", "3d", "7d"}


@pytest.mark.parametrize(
    ("make", "kind", "says"),
    [
        (lambda: Clock("c", (), "5min"), ParameterError, "start names no event"),
        (lambda: Clock("c", "complaint", "0min"), ParameterError, "within"),
        (lambda: Clock("c", "complaint", "1mo"), ParameterError, "has no fixed length"),
        (lambda: clock_table("c", events(), on=NOON), ParameterTypeError, "'c' is no clock"),
        (lambda: clock_table([], events(), on=NOON), ParameterError, "there is no clock"),
        (
            lambda: clock_table([Clock("c", "a", "1h")] * 2, events(), on=NOON),
            ParameterError,
            "two clocks are called c",
        ),
        (
            lambda: clock_table(Clock("c", "a", "1h", where="grad == 'x'"), events((1, "a", NOON, "x")), on=NOON),
            SchemaError,
            "clock 'c': where: .*did you mean 'grade'",
        ),
        (
            lambda: clock_table(
                Clock("c", "a", "1h", done="b", case="ticket"),
                events(*[(1, k, minutes(-1), "") for k in "ab"]),
                on=NOON,
            ),
            SchemaError,
            "no column 'ticket'",
        ),
        (
            lambda: clock_table(Clock("c", "a", "1h"), events((1, "a", None, "")), on=NOON),
            DataError,
            "1 of 1 events have no",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(make, kind, says) -> None:
    with pytest.raises(kind, match=says):
        make()


def answered(ends: list[tuple[int, bool]]) -> pd.DataFrame:
    """Complaints of customers, a day apart, answered in time or not at all."""
    rows = []
    for place, (who, kept) in enumerate(ends):
        start = NOON - pd.Timedelta(days=len(ends) - place + 1)
        rows.append((who, "complaint", start, place))
        rows += [(who, "closed", start + pd.Timedelta(minutes=1), place)] * kept
    return pd.DataFrame(rows, columns=["customer_id", "kind", "time", "case"])


def interval(ends: list[tuple[int, bool]]) -> tuple[float, float]:
    clock = Clock("c", "complaint", "5min", done="closed", case="case")
    found = clock_table(clock, answered(ends), on=NOON).loc["c"]
    return float(found["low"]), float(found["high"])


def test_with_one_event_each_the_interval_is_wilsons() -> None:
    ends = [(k, k % 4 > 0) for k in range(40)]
    assert interval(ends) == pytest.approx(wilson_interval(30, 40))


def test_customers_whose_events_end_alike_count_once() -> None:
    """By hand: 10 customers with 4 events each, all of a customer alike; the spread is that of 10, with 9 degrees."""
    ends = [(k % 10, k % 10 < 7) for k in range(40)]
    assert interval(ends) == pytest.approx(wilson_interval(7, 10))
    assert interval([(k % 10, True) for k in range(40)]) == pytest.approx(wilson_interval(10, 10))
    assert interval([(1, k % 4 > 0) for k in range(40)]) == pytest.approx(wilson_interval(0.75, 1))


def test_the_interval_covers_where_customers_differ() -> None:
    rng = np.random.default_rng(crc32(b"test_the_interval_covers_where_customers_differ"))
    covers = plain = 0
    for _ in range(150):
        customer = np.repeat(np.arange(60), 1 + rng.poisson(2, 60))
        kept = rng.random(len(customer)) < rng.beta(1.6, 0.4, 60)[customer]  # mean 0.8, correlated by 1/3
        low, high = interval(list(zip(customer.tolist(), kept.tolist(), strict=True)))
        covers += low <= 0.8 <= high
        low, high = wilson_interval(kept.sum(), len(kept))
        plain += low <= 0.8 <= high
    assert covers / 150 >= 0.88
    assert plain < covers - 5
