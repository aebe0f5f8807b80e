"""Targets: named fields, types and refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import KFold, train_test_split

from churnlib.exceptions import DataError, ParameterError, SchemaError
from churnlib.targets import survival_target


def test_one_cause_has_the_two_fields_scikit_survival_reads() -> None:
    target = survival_target([1, 0, True], [3, 4.5, 10])
    # scikit-survival's contract: a structured array of exactly two fields, the first bool, the second numeric.
    assert target.dtype.names == ("event", "time")
    assert target.dtype["event"] == np.dtype(bool)
    assert target.dtype["time"] == np.dtype("float64")
    assert target["event"].tolist() == [True, False, True]
    assert target["time"].tolist() == [3.0, 4.5, 10.0]


def test_scikit_survival_takes_it_as_it_is() -> None:
    nonparametric = pytest.importorskip("sksurv.nonparametric", reason="scikit-survival is not installed")
    target = survival_target([True, False, True], [3.0, 4.0, 10.0])
    times, survival = nonparametric.kaplan_meier_estimator(target["event"], target["time"])
    assert times.tolist() == [3.0, 4.0, 10.0]
    assert survival.tolist() == pytest.approx([2 / 3, 2 / 3, 0.0])


def test_causes_become_int16_codes_and_entry_a_third_field() -> None:
    frame = pd.DataFrame({"why": ["moved", None, "", "price"], "days": [5, 6, 7, 8], "since": [0, 1, 2, 3]})
    target = survival_target("why", "days", entry="since", causes=["price", "moved"], data=frame)
    assert target.dtype == np.dtype([("event", "i2"), ("time", "f8"), ("entry", "f8")])
    assert target["event"].tolist() == [2, 0, 0, 1]
    numbered = survival_target([2, 0, 0, 1], frame["days"], entry=frame["since"], causes=("price", "moved"))
    np.testing.assert_array_equal(target, numbered)


@pytest.mark.parametrize("dtype", ["boolean", "Int8", "float64", "object", "bool"])
def test_events_of_any_honest_type(dtype: str) -> None:
    event = pd.Series([True, False]).astype(dtype)
    assert survival_target(event, [1.0, 2.0])["event"].tolist() == [True, False]


def test_durations_are_turned_into_days() -> None:
    start = pd.to_datetime(["2025-01-01", "2025-01-10"])
    time = pd.Timestamp("2025-01-31") - start
    assert survival_target([0, 0], time)["time"].tolist() == [30.0, 21.0]


def test_labels_do_not_matter_position_does() -> None:
    event = pd.Series([1, 0], index=[7, 3])
    time = pd.Series([1.0, 2.0], index=[7, 3])
    assert survival_target(event, time)["time"].tolist() == [1.0, 2.0]


@given(st.lists(st.tuples(st.booleans(), st.floats(1e-6, 1e6)), min_size=4, max_size=30))
def test_fields_survive_slicing_by_scikit_learn(rows: list[tuple[bool, float]]) -> None:
    event, time = (np.array(column) for column in zip(*rows, strict=True))
    target = survival_target(event, time)
    kept, held = train_test_split(target, random_state=0)
    assert kept.dtype == held.dtype == target.dtype
    for train, _ in KFold(2).split(target):
        assert target[train]["time"].tolist() == time[train].tolist()
        assert target[train]["event"].tolist() == event[train].tolist()


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"event": [1, 0, 1], "time": [0, -1, 5]}, r"2 of 3 times are 0 or less \(rows 0, 1; first: 0, -1\)"),
        ({"event": [1, 0], "time": [1, np.nan]}, r"1 of 2 values of time are missing or infinite \(row 1"),
        ({"event": [1, 0], "time": [1, np.inf]}, "1 of 2 values of time are missing or infinite"),
        ({"event": [1, 0], "time": ["soon", "2"]}, "time cannot be read as numbers"),
        ({"event": [1, 0], "time": [1, 2], "entry": [1, 0]}, r"1 of 2 entries are not before their time \(row 0"),
        ({"event": [1, 0], "time": [1, 2], "entry": [0, -1]}, "1 of 2 entries are below 0"),
        ({"event": [1, 0], "time": [1, 2], "entry": [0, None]}, "1 of 2 values of entry are missing"),
        ({"event": [1, 0], "time": [1, 2, 3]}, "lengths differ: event has 2, time has 3"),
        ({"event": [2, 0], "time": [1, 2]}, r"1 of 2 events are neither 0 nor 1 \(first: 2\)"),
        ({"event": ["yes", "no"], "time": [1, 2]}, "2 of 2 events are neither 0 nor 1"),
        ({"event": [None, True], "time": [1, 2]}, r"1 of 2 events are missing \(row 0\)"),
        ({"event": [[1], [0]], "time": [1, 2]}, r"event has shape \(2, 1\)"),
        (
            {"event": ["price", "rain"], "time": [1, 2], "causes": ["price"]},
            r"1 of 2 events name no cause \(first: rain",
        ),
        ({"event": [3, 1], "time": [1, 2], "causes": ["price", "moved"]}, "1 of 2 events name no cause"),
        ({"event": [0.5, 1], "time": [1, 2], "causes": ["price"]}, "1 of 2 events name no cause"),
    ],
)
def test_bad_rows_are_counted_and_named(arguments: dict[str, object], match: str) -> None:
    with pytest.raises(DataError, match=match):
        survival_target(**arguments)


def test_a_misspelt_column_is_named_with_the_nearest() -> None:
    frame = pd.DataFrame({"event": [1], "days": [2.0]})
    with pytest.raises(SchemaError, match=r"(?s)time='day' is no column of data.*did you mean 'days'"):
        survival_target("event", "day", data=frame)


def test_columns_need_a_frame_and_causes_a_name() -> None:
    with pytest.raises(ParameterError, match="event='churned' names a column of no frame"):
        survival_target("churned", [1.0])
    with pytest.raises(ParameterError, match="causes is empty"):
        survival_target([1], [1.0], causes=[])


def test_input_is_not_modified() -> None:
    frame = pd.DataFrame({"event": ["price", None], "time": [1, 2]})
    before = frame.copy()
    survival_target("event", "time", causes=["price"], data=frame)
    pd.testing.assert_frame_equal(frame, before)


def test_times_of_zero_need_a_word() -> None:
    with pytest.raises(DataError, match=r'(?s)1 of 3 times are 0 or less.*zero="half"'):
        survival_target([1, 0, 1], [0, 4, 6])
    assert survival_target([1, 0, 1], [0, 4, 6], zero="half")["time"].tolist() == [2, 4, 6]
    with pytest.raises(DataError, match="2 of 2 times are 0 or less"):
        survival_target([1, 0], [0, 0], zero="half")
    with pytest.raises(ParameterError, match="zero='drop' is not a choice"):
        survival_target([1, 0], [0, 1], zero="drop")


def test_half_moves_no_negative_time() -> None:
    with pytest.raises(DataError, match=r"(?s)1 of 2 times are 0 or less.*first: -1"):
        survival_target([1, 0], [-1, 3], zero="half")


@pytest.mark.parametrize(
    "times",
    [pd.to_datetime(["2025-01-01", "2025-02-01"]), np.array(["2025-01-01"] * 2, "M8[D]"), [True, True], [1 + 2j, 2]],
)
def test_dates_are_no_times_since_1970(times) -> None:
    with pytest.raises(DataError, match=r"time cannot be read as numbers .they are (datetime64|bool|complex)"):
        survival_target([1, 0], times)


def test_series_are_paired_by_position_and_so_hold_their_labels_in_one_order() -> None:
    event, time = pd.Series([1, 0], index=["a", "b"]), pd.Series([3.0, 4.0], index=["b", "a"])
    with pytest.raises(DataError, match="event and time hold the same 2 labels in different orders"):
        survival_target(event, time)
    with pytest.raises(DataError, match="event and entry hold the same 2 labels"):
        survival_target(event, [3, 4], entry=time / 10)
    # Other labels say nothing of the order.
    assert survival_target(event, time.reset_index(drop=True))["time"].tolist() == [3, 4]


@pytest.mark.parametrize(
    "event",
    [
        pd.Series(["price", None, "moved"], dtype="category"),
        pd.Series([1, 0, 2], dtype="category"),
        [1, None, 2],
        np.array([1.0, 0, 2], dtype=object),
    ],
)
def test_causes_may_be_categories_or_numbers_of_any_kind(event) -> None:
    assert survival_target(event, [1, 2, 3], causes=["price", "moved"])["event"].tolist() == [1, 0, 2]


def test_texts_of_digits_are_names_and_no_numbers() -> None:
    assert survival_target(["1", None, "2"], [1, 2, 3], causes=["2", "1"])["event"].tolist() == [2, 0, 1]


def test_columns_of_a_polars_frame() -> None:
    pl = pytest.importorskip("polars", reason="polars is not installed")
    frame = pl.DataFrame({"left": [True, False], "days": [3, 4]})
    assert survival_target("left", "days", data=frame)["time"].tolist() == [3, 4]
    with pytest.raises(SchemaError, match="time='day' is no column of data"):
        survival_target("left", "day", data=frame)


def test_a_name_of_two_columns_is_refused() -> None:
    frame = pd.DataFrame([[1, 2, 3]], columns=["event", "time", "time"])
    with pytest.raises(SchemaError, match="data has several columns 'time'"):
        survival_target("event", "time", data=frame)
