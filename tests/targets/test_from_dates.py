"""Targets from dates: who is censored where, who was watched from when, and what cannot be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churnlib.exceptions import DataError, ParameterError, TimeError
from churnlib.targets import survival_target_from_dates

STARTED = ["2025-01-01", "2025-01-11", "2025-02-01"]
ENDED = ["2025-01-31", None, "2025-09-01"]


def test_an_end_after_the_end_of_observation_is_censored_there():
    y = survival_target_from_dates(STARTED, ENDED, until="2025-06-01")
    assert y.dtype.names == ("event", "time")
    assert y["event"].tolist() == [True, False, False]
    assert y["time"].tolist() == [30, 141, 120]


def test_who_ends_on_the_last_day_has_been_seen_to_leave():
    y = survival_target_from_dates(["2025-01-01"], ["2025-06-01"], until="2025-06-01")
    assert y["event"].tolist() == [True]


def test_observation_that_begins_late_is_delayed_entry():
    y = survival_target_from_dates(STARTED, ENDED, until="2025-06-01", entered="2025-01-21")
    assert y["entry"].tolist() == [20, 10, 0]  # the third came afterwards: watched from the start


@pytest.mark.parametrize(("unit", "length"), [("D", 1.0), ("W", 7.0), ("M", 365.25 / 12)])
def test_units_divide_days(unit, length):
    y = survival_target_from_dates(STARTED, ENDED, until="2025-06-01", unit=unit)
    np.testing.assert_allclose(y["time"], np.array([30, 141, 120]) / length)


def test_causes_count_where_the_end_was_seen():
    y = survival_target_from_dates(
        STARTED, ENDED, until="2025-06-01", cause=["price", None, "moved"], causes=["moved", "price"]
    )
    assert y["event"].tolist() == [2, 0, 0]  # the third left after observation ended


def test_rows_may_each_have_their_own_end_and_hours_count():
    ends = pd.Series(pd.to_datetime(["2025-01-01 12:00", "2025-01-12 00:00", "2025-02-02 00:00"], utc=True))
    y = survival_target_from_dates(STARTED, [None] * 3, until=ends)
    np.testing.assert_allclose(y["time"], [0.5, 1, 1])


def test_leaving_at_once_needs_a_word():
    with pytest.raises(DataError, match=r"zero=.half"):
        survival_target_from_dates(["2025-01-01"] * 2, ["2025-01-01", "2025-01-05"], until="2025-02-01")
    y = survival_target_from_dates(["2025-01-01"] * 2, ["2025-01-01", "2025-01-05"], until="2025-02-01", zero="half")
    assert y["time"].tolist() == [2, 4]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"unit": "Q"}, ParameterError, "unit='Q' is not a choice"),
        ({"started": ["x", "2025-01-11", "2025-02-01"]}, TimeError, "started cannot be read as dates"),
        ({"started": [None, "2025-01-11", "2025-02-01"]}, TimeError, "1 of 3 started are missing .row 0"),
        ({"ended": ENDED[:2]}, DataError, "ended has 2 values, started 3"),
        ({"until": None}, TimeError, "3 of 3 until are missing"),
        ({"ended": ["2024-12-31", None, None]}, TimeError, "1 of 3 customers ended before they started"),
        ({"until": "2025-01-15"}, TimeError, "1 of 3 customers started after until .row 2"),
        ({"entered": "2025-03-01"}, TimeError, "1 of 3 customers had left.*row 0"),
        ({"entered": [None, "2025-01-21", "2025-02-01"]}, TimeError, "1 of 3 entered are missing"),
        ({"cause": ["a"], "causes": ["a"]}, DataError, "cause has 1 values"),
        ({"causes": ["a"]}, DataError, "1 of 1 who left have no cause .row 0"),
        ({"cause": ["b", "", ""], "causes": ["a"]}, DataError, "events name no cause"),
    ],
)
def test_what_cannot_be_is_refused(arguments, error, words):
    given = {"started": STARTED, "ended": ENDED, "until": "2025-06-01"} | arguments
    with pytest.raises(error, match=words):
        survival_target_from_dates(given.pop("started"), given.pop("ended"), **given)


def test_a_cause_without_the_names_of_causes_is_not_left_out_in_silence():
    with pytest.raises(ParameterError, match="cause= without causes="):
        survival_target_from_dates(STARTED, ENDED, until="2025-06-01", cause=["price", None, None])


def test_one_cause_may_stand_for_all():
    y = survival_target_from_dates(STARTED, ENDED, until="2025-06-01", cause="price", causes=["price"])
    assert y["event"].tolist() == [1, 0, 0]


def test_labels_in_another_order_are_refused():
    started, ended = pd.Series(STARTED, index=[1, 2, 3]), pd.Series(ENDED, index=[3, 2, 1])
    with pytest.raises(DataError, match="started and ended hold the same 3 labels in different orders"):
        survival_target_from_dates(started, ended, until="2025-06-01")


def test_no_rows_are_no_error_of_until():
    assert len(survival_target_from_dates([], [], until="2025-06-01")) == 0
