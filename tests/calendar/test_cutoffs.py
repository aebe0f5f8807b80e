from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from churnlib.calendar import Cutoffs, cutoffs, monthly, to_us
from churnlib.exceptions import ParameterError, ParameterTypeError, TimeError


def test_a_list_of_any_times_becomes_cutoffs_in_the_zone():
    at = cutoffs(["2025-01-01", dt.date(2025, 2, 1), pd.Timestamp("2025-03-01T00:00Z")], "Europe/Berlin")
    assert at.us.tolist() == [to_us("2024-12-31 23:00"), to_us("2025-01-31 23:00"), to_us("2025-03-01")]
    assert [stamp.hour for stamp in at] == [0, 0, 1]
    assert at.tz == "Europe/Berlin"


@pytest.mark.parametrize(
    "one", ["2025-01-01", dt.date(2025, 1, 1), pd.Timestamp("2025-01-01"), np.datetime64("2025-01-01")]
)
def test_one_time_is_one_cutoff(one):
    assert cutoffs(one).us.tolist() == [to_us("2025-01-01")]


def test_cutoffs_behave_like_a_sequence_and_do_not_change():
    at = cutoffs(["2025-01-01", "2025-02-01", "2025-03-01"])
    assert len(at) == 3
    assert at[1:] == cutoffs(["2025-02-01", "2025-03-01"])
    assert at[-1] == pd.Timestamp("2025-03-01", tz="UTC")
    assert pd.Timestamp("2025-02-01", tz="UTC") in at
    assert hash(at) == hash(cutoffs(at))
    assert at != "2025-01-01"
    with pytest.raises(ValueError, match="read-only"):
        at.us[0] = 0


def test_the_text_names_the_zone_and_shows_the_clock_only_where_it_matters():
    assert repr(cutoffs("2025-01-01")) == "Cutoffs(1: 2025-01-01, UTC)"
    assert repr(cutoffs("2025-01-01 06:00", "Asia/Tokyo")) == "Cutoffs(1: 2025-01-01 06:00:00, Asia/Tokyo)"
    assert "or the zone of the log" in repr(monthly("2025-01", "2025-02"))


def test_unsorted_and_repeated_cutoffs_are_refused_by_place():
    with pytest.raises(ParameterError, match=r"cutoff 1 \(2025-01-01 .*is earlier than the one before it"):
        cutoffs(["2025-02-01", "2025-01-01"])
    with pytest.raises(ParameterError, match=r"cutoff 2 .*is repeated.*\nFix: cutoffs=sorted\(set\(cutoffs\)\)"):
        cutoffs(["2025-01-01", "2025-02-01", "2025-02-01"])


def test_there_is_at_least_one():
    with pytest.raises(ParameterError, match=r"there is no cutoff"):
        cutoffs([])


def test_what_is_no_time_is_refused():
    with pytest.raises(ParameterTypeError, match=r"cutoffs is a int"):
        cutoffs(3)
    with pytest.raises(ParameterTypeError, match=r"3 is a int, not a point in time"):
        cutoffs([3])
    with pytest.raises(TimeError, match=r"'soon' is not a point in time"):
        cutoffs(["soon"])


def test_floating_cutoffs_take_the_zone_they_are_resolved_in():
    floating = monthly("2025-03", "2025-04")
    berlin = cutoffs(floating, "Europe/Berlin")
    assert not berlin.floating
    assert berlin.us.tolist() == [to_us("2025-03-01", "Europe/Berlin"), to_us("2025-04-01", "Europe/Berlin")]
    assert berlin.resolve("Asia/Tokyo") is berlin
    assert Cutoffs(floating.us) == floating
