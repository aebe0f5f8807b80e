from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import churnlib as cl
from churnlib.exceptions import DataError, HistoryError
from churnlib.outcomes import NEVER, ChurnDefinition, Spells
from tests.outcomes.worlds import make_log, rows_of, spells_of


@dataclass(frozen=True, repr=False, eq=False)
class Given(ChurnDefinition):
    """Spells as a test states them."""

    found: Spells = field(kw_only=True)

    def spells(self, log, contracts=None):
        return self.found


def given_spells(rows, *, until=100, **more):
    columns = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return Given(
        found=Spells(
            customers=pd.Index(["a", "b"]), customer=columns[0], start=columns[1], end=columns[2],
            complete_until_us=until, **more,
        )
    )  # fmt: skip


def test_spells_are_sorted_numbered_and_censored():
    # Out of order; one ends after the data, one is open, one begins after the data.
    outcomes = given_spells([(1, 5, 101), (0, 50, NEVER), (0, 1, 49), (1, 101, 200), (0, 49, 50)]).outcomes(None)
    assert outcomes.customer.tolist() == [0, 0, 0, 1]
    assert outcomes.spell.tolist() == [1, 2, 3, 1]
    assert outcomes.start.tolist() == [1, 49, 50, 5]
    assert outcomes.end.tolist() == [49, 50, NEVER, NEVER]
    assert outcomes.cause.tolist() == [1, 1, 0, 0]
    assert not outcomes.end.flags.writeable


def test_the_frame_shows_spells_as_dates_and_durations():
    day = cl.calendar.DAY_US
    outcomes = given_spells([(0, 0, 2 * day), (1, day, NEVER)], until=4 * day).outcomes(None)
    frame = outcomes.frame
    assert list(frame) == ["customer_id", "spell", "start", "churned_at", "cause", "event", "time", "last_activity"]
    assert frame["time"].tolist() == [2.0, 3.0]
    assert frame["event"].tolist() == [True, False]
    assert frame["churned_at"].tolist() == [pd.Timestamp("1970-01-03", tz="UTC"), pd.NaT]
    assert frame["cause"].astype(object).where(frame["event"], None).tolist() == ["unknown", None]
    assert str(frame["start"].dtype) == "datetime64[us, UTC]"


def test_the_last_sign_of_life_is_the_last_event_up_to_the_churn():
    log = make_log([{"id": "a", "t": t} for t in (10, 30, 31)] + [{"id": "b", "t": 5}])
    found = Spells(
        customers=log.customers, customer=np.array([0, 0, 1]), start=np.array([10, 30, 5]),
        end=np.array([30, 90, 50]), complete_until_us=100,
    )  # fmt: skip
    assert Given(found=found).outcomes(log).last_activity.tolist() == [30, 31, 5]


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([(0, 5, 5)], "1 spells end at or before their start .customers a."),
        ([(1, 5, 20), (1, 19, 30)], "1 spells begin before the spell before them ended .customers b."),
        ([(2, 5, 20), (-1, 5, 20)], "2 spells belong to no customer .codes -1, 2."),
    ],
)
def test_refuses_spells_that_cannot_be(rows, text):
    with pytest.raises(DataError, match=text):
        given_spells(rows).outcomes(None)


def test_no_spells_at_all():
    outcomes = given_spells([]).outcomes(None)
    assert len(outcomes.frame) == 0
    assert outcomes.state_at(50).known == 0
    assert outcomes.label(50, horizon="1us").counts["retained"] == 0


def test_refuses_a_cutoff_beyond_the_data():
    outcomes = given_spells([(0, 5, NEVER)]).outcomes(None)
    assert outcomes.state_at(100).at_risk == 1
    with pytest.raises(HistoryError, match="lies beyond the end of the data"):
        outcomes.state_at(101)


@given(rows_of({}, late=True), st.permutations(range(14)))
def test_the_order_of_rows_changes_nothing(rows, order):
    shuffled = [rows[i] for i in order if i < len(rows)]
    one, two = (cl.Inactivity("20us").outcomes(make_log(each, until=150)) for each in (rows, shuffled))
    for name in ("customer", "spell", "start", "end", "cause", "last_activity"):
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes()


# -- labels ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("churn", "part"),
    [
        (50, "churned_in_lead"), (59, "churned_in_lead"), (60, "churned"), (79, "churned"),
        (80, "retained"), (NEVER, "retained"),
    ],
)  # fmt: skip
def test_lead_and_window_are_half_open(churn, part):
    # Cutoff 50, lead [50, 60), window [60, 80).
    split = given_spells([(0, 5, churn)], until=90).outcomes(None).label(50, lead="10us", horizon="20us")
    assert {name for name, n in split.counts.items() if n} == {part}
    assert split.y.tolist() == ([] if part == "churned_in_lead" else [int(part == "churned")])
    assert split.y.dtype == np.int8


@pytest.mark.parametrize(("until", "mature"), [(79, False), (80, True), (81, True)])
def test_nothing_is_labelled_before_the_window_is_over(until, mature):
    # One churn is seen already, in the window: still no label, or the early churners alone would have one.
    split = given_spells([(0, 5, 65), (1, 5, NEVER)], until=until).outcomes(None).label(50, lead="10us", horizon="20us")
    assert split.mature is mature
    assert split.immature.tolist() == [not mature] * 2
    assert split.y.tolist() == ([1, 0] if mature else [])


@given(rows_of({}), st.integers(1, 130), st.integers(0, 30), st.integers(1, 40))
def test_every_row_is_in_exactly_one_part(rows, cutoff, lead, horizon):
    outcomes = cl.Inactivity("20us").outcomes(make_log(rows))
    state = outcomes.state_at(cutoff)
    split = state.label(lead=f"{lead}us", horizon=f"{horizon}us")
    parts = np.stack([split.churned_before, split.churned_in_lead, split.churned, split.retained, split.immature])
    assert (parts.sum(axis=0) == 1).all()
    assert not split.churned_before.any()
    assert state.known == state.gone + state.at_risk == len({r["id"] for r in rows if r["t"] < cutoff})
    if cutoff + lead + horizon > 130:
        assert split.immature.all()
        assert not len(split.y)


@given(rows_of({}), st.integers(20, 100))
def test_a_label_once_given_stays_whatever_comes_later(rows, until):
    early = [row for row in rows if row["t"] < until] or [{"id": "a", "t": 0}]
    later = [
        *early,
        *(
            {"id": who, "t": t}
            for who in "ab"
            for t in (until, until + 3)
            if {"id": who} in [{"id": r["id"]} for r in early]
        ),
    ]
    definition, cutoff = cl.Inactivity("20us"), until - 15
    now, then = (
        definition.outcomes(log).label(cutoff, horizon="15us")
        for log in (make_log(early, until=until), make_log(later))
    )
    assert now.mature
    assert now.y.tolist() == then.y.tolist()


def test_a_cutoff_may_be_text_in_the_zone_of_the_log():
    orders = pd.DataFrame({"id": ["a"], "at": ["2025-01-01 00:00"]})
    log = cl.EventLog.from_frame(
        orders, customer="id", time="at", timezone="Europe/Berlin", complete_until="2025-03-01"
    )
    outcomes = cl.Inactivity("30d").outcomes(log)
    assert outcomes.label("2025-01-15", horizon="1mo").opens_us == cl.calendar.to_us("2025-01-15", "Europe/Berlin")
    assert outcomes.label("2025-01-15", horizon="1mo").closes_us == cl.calendar.to_us("2025-02-15", "Europe/Berlin")
    assert spells_of(outcomes)["a"][0][0] == log.time[0]
