"""Peaks are found where they were put, and nowhere else; all intervals together hold the truth."""

from __future__ import annotations

import zlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from numpy.testing import assert_allclose

from churnlib.datasets import make_telecom
from churnlib.exceptions import DataError, HistoryError, ParameterError, ParameterTypeError
from churnlib.survival import find_hazard_peaks, hazard_table
from churnlib.targets import survival_target
from tests.strategies import watched_rows


def logged(hazards: np.ndarray, n: int, rng: np.random.Generator, lost: float = 0.01) -> np.ndarray:
    """Customers with monthly hazards, some lost from sight each month."""
    time, event, here = [], [], n
    for month, hazard in enumerate(hazards, start=1):
        left = rng.binomial(here, hazard)
        here -= left
        gone = rng.binomial(here, lost) if month < len(hazards) else here
        here -= gone
        time.append(np.full(left + gone, float(month)))
        event.append(np.arange(left + gone) < left)
    return survival_target(np.concatenate(event), np.concatenate(time))


def exact(hazards: list[float], n: int) -> np.ndarray:
    """Customers of whom each month exactly this share leaves."""
    time, here = [], n
    for month, hazard in enumerate(hazards, start=1):
        left = round(here * hazard)
        time += [month] * left
        here -= left
    return survival_target([1] * len(time) + [0] * here, time + [len(hazards)] * here)


def found(peaks) -> list[tuple[int, int]]:
    return list(zip(peaks.table["first"], peaks.table["last"], strict=True))


# ------------------------------------------------------------------ the telecom world


@pytest.fixture(scope="module")
def world():
    return make_telecom(300_000)


def test_on_exposure_the_network_peaks_in_months_4_to_6_and_19_to_20(world):
    peaks = find_hazard_peaks(world.survival)
    assert found(peaks) == [(4, 6), (19, 20)]
    assert (peaks.table["low"] > 1.05).all()
    assert (peaks.table["start"].tolist(), peaks.table["end"].tolist()) == ([3.0, 18.0], [6.0, 20.0])


def test_fixed_wireless_rises_to_the_end_and_has_no_peak_in_months_4_to_6(world):
    fixed = (world.customers["plan"] == "fixed-wireless 08B").to_numpy()
    assert not len(find_hazard_peaks(world.survival[fixed]))
    published = world.published.loc["fixed-wireless 08B"]
    assert published["4-6"] > published["7-12"]  # which looks like a peak
    rates = hazard_table(world.survival[fixed], bands=world.bands)["rate"].to_numpy()
    assert (np.diff(rates[2:]) > 0).all()


def test_with_the_suspect_cards_goes_the_peak_of_months_4_to_6(world):
    genuine = ~world.customers["suspect"].to_numpy()
    assert found(find_hazard_peaks(world.survival[genuine])) == [(19, 20)]


def test_several_plans_share_one_confidence(world):
    plans = world.customers["plan"]
    rows = plans.isin(["study plan 2010-07", "fixed-wireless 08B"]).to_numpy()
    peaks = find_hazard_peaks(world.survival[rows], by=plans[rows].astype(object))
    assert peaks.table.index.names == ["plan", "peak"]
    assert [key[0] for key in peaks.table.index] == ["study plan 2010-07"] * len(peaks)
    assert (4, 6) in found(peaks)
    alone = find_hazard_peaks(world.survival[(plans == "study plan 2010-07").to_numpy()])
    assert peaks.critical > alone.critical
    assert "study plan 2010-07: periods 4-6: hazard" in repr(peaks)
    assert set(peaks.hazard.index.get_level_values("plan")) == {"study plan 2010-07", "fixed-wireless 08B"}


@pytest.mark.slow
def test_at_full_scale_in_other_worlds_too():
    for seed in range(5):
        world = make_telecom(1_682_355, random_state=seed)
        assert found(find_hazard_peaks(world.survival)) == [(4, 6), (19, 20)]
        fixed = (world.customers["plan"] == "fixed-wireless 08B").to_numpy()
        assert not len(find_hazard_peaks(world.survival[fixed]))


# ------------------------------------------------------------------ what is a peak


def test_numbers_of_a_peak_by_hand():
    y = exact([0.01, 0.01, 0.01, 0.03, 0.03, 0.01, 0.02, 0.01], 100_000)
    peaks = find_hazard_peaks(y, neighbourhood=2)
    row = peaks.table.loc[1]
    cells = hazard_table(y, bands=range(9))
    events, exposure = cells["events"].to_numpy(), cells["exposure"].to_numpy()
    assert (row["first"], row["last"]) == (4, 5)
    assert row["hazard"] == pytest.approx(events[3:5].sum() / exposure[3:5].sum())
    assert row["before"] == pytest.approx(events[1:3].sum() / exposure[1:3].sum())
    assert row["after"] == pytest.approx(events[5:7].sum() / exposure[5:7].sum())
    assert row["neighbourhood"] == row["after"]
    assert row["ratio"] == pytest.approx(row["hazard"] / row["after"])
    assert row["at_risk"] == pytest.approx(exposure[3:5].mean())
    assert row["events"] == events[3:5].sum()
    assert row["low"] < row["ratio"] < row["high"]


@pytest.mark.parametrize(
    ("hazards", "expected"),
    [
        ([0.01] * 5 + [0.04] + [0.01] * 6, [(6, 6)]),
        ([0.01] * 3 + [0.03] * 4 + [0.01] * 6, [(4, 7)]),
        ([0.01] * 4 + [0.03] * 2 + [0.01] * 4 + [0.05] + [0.01] * 4, [(5, 6), (11, 11)]),
        ([0.01] * 3 + [0.03] * 7 + [0.01] * 6, []),  # a level, longer than a peak may be
        ([0.05] * 3 + [0.01] * 9, []),  # highest at the beginning: there is no before
        ([0.01] * 9 + [0.05] * 3, []),  # and no after
        ([0.05, 0.04, 0.03, 0.02, 0.01, 0.02, 0.03, 0.04, 0.05], []),
    ],
)
def test_peaks_are_found_where_they_are(hazards, expected):
    assert found(find_hazard_peaks(exact(hazards, 300_000))) == expected


def test_a_peak_counts_in_the_unit_of_the_target():
    y = exact([0.01] * 4 + [0.03] * 2 + [0.01] * 4, 100_000)
    days = survival_target(y["event"], y["time"] * 30)
    peaks = find_hazard_peaks(days, period=30)
    assert (peaks.table["start"].tolist(), peaks.table["end"].tolist()) == ([120.0], [180.0])
    assert peaks.table["hazard"].iloc[0] == pytest.approx(0.03 / 30, rel=0.01)
    assert_allclose(peaks.table["ratio"], find_hazard_peaks(y).table["ratio"])


def test_delayed_entry_counts_the_time_watched():
    """Customers met in month 4 double the departures of months 5 and 6, and not the hazard."""
    early, late = exact([0.02] * 10, 60_000), exact([0.02] * 6, 60_000)
    late["time"] += 4
    time = np.concatenate([early["time"], late["time"]])
    event = np.concatenate([early["event"], late["event"]])
    entry = np.concatenate([np.zeros(len(early)), np.full(len(late), 4.0)])
    stopped = np.concatenate([early["time"], np.minimum(late["time"], 6.0)])  # and are lost from sight after month 6
    seen = event & (stopped == time)
    peaks = find_hazard_peaks(survival_target(seen, stopped, entry=entry))
    assert peaks.hazard["events"].iloc[4] > 1.8 * peaks.hazard["events"].iloc[3]
    assert_allclose(peaks.hazard["rate"], 0.02, rtol=0.01)
    assert not len(peaks)


def test_periods_with_few_at_risk_are_left_alone():
    y = exact([0.02] * 6 + [0.5] + [0.02] * 6, 60)
    assert not len(find_hazard_peaks(y, min_at_risk=40).compared.query("last >= 7"))
    with pytest.raises(HistoryError, match="0 periods of 1 have at least 100 customers at risk; three in a row"):
        find_hazard_peaks(y, min_at_risk=100)


# ------------------------------------------------------------------ errors of the family

FALLING = 0.04 / np.sqrt(np.arange(1, 16))


def _truth(peaks, hazards: np.ndarray) -> np.ndarray:
    """The true ratio of every comparison, given who was at risk when."""
    exposure = peaks.hazard["exposure"].to_numpy()
    hazards = hazards[: len(exposure)]
    usable = np.flatnonzero(exposure >= 30)
    expected, spent = (np.concatenate([[0.0], np.cumsum(values)]) for values in (exposure * hazards, exposure))
    first, last = peaks.compared["first"].to_numpy() - 1, peaks.compared["last"].to_numpy()
    before = (peaks.compared["side"] == "before").to_numpy()
    low = np.where(before, np.maximum(first - 6, 0), last)
    high = np.where(before, first, np.minimum(last + 6, usable.max() + 1))

    def mean(begin, end):
        return (expected[end] - expected[begin]) / (spent[end] - spent[begin])

    return mean(first, last) / mean(low, high)


def _family(hazards: np.ndarray, n: int, runs: int, seed: int) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    held, all_hazards, false, width = [], [], [], []
    for _ in range(runs):
        peaks = find_hazard_peaks(logged(hazards, n, rng), longest=3)
        compared, truth = peaks.compared, _truth(peaks, hazards)
        held.append(((compared["low"] <= truth) & (truth <= compared["high"])).all())
        inside = (peaks.hazard["low"] <= hazards) & (hazards <= peaks.hazard["high"])
        all_hazards.append(inside.all())
        false.append(len(peaks) > 0)
        width.append(np.median(np.log(compared["high"] / compared["low"])))
    named = {"ratios": held, "hazards": all_hazards, "false peaks": false, "mean width": width}
    return {name: float(np.mean(values)) for name, values in named.items()}


def test_all_intervals_together_cover_and_a_falling_hazard_has_no_peak(record_property):
    seed = zlib.crc32(b"test_all_intervals_together_cover_and_a_falling_hazard_has_no_peak")
    result = _family(FALLING, 5000, 400, seed)
    record_property("family", result)
    assert 0.91 <= result["ratios"] <= 0.9825, result
    assert 0.91 <= result["hazards"] <= 0.9825, result
    assert result["false peaks"] <= 0.05, result


# Departures at the ends of months are binomial, and their spread is (1 - hazard) of the Poisson one that intervals
# assume: with hazards of a few percent that cannot be told, with higher ones intervals are a little wide.
SHAPES = {
    "flat": (np.full(15, 0.02), 1500),
    "falling": (0.04 / np.sqrt(np.arange(1, 16)), 20_000),
    "rising": (np.linspace(0.01, 0.03, 15), 20_000),
    "dip": (0.01 + 0.0004 * (np.arange(15) - 8) ** 2, 1500),
}


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_the_family_in_full(shape, record_property):
    hazards, n = SHAPES[shape]
    result = _family(hazards, n, 2000, zlib.crc32(b"test_the_family_in_full"))
    record_property("family", result)
    assert 0.9335 <= result["ratios"] <= 0.9655, result
    assert 0.9335 <= result["hazards"] <= 0.9655, result
    assert result["false peaks"] <= 0.05, result


# ------------------------------------------------------------------ form


@given(watched_rows(weight=False, max_size=30))
def test_the_hazard_of_periods_is_the_hazard_table(rows):
    y = survival_target(rows.event > 0, rows.time, entry=rows.entry)
    try:
        peaks = find_hazard_peaks(y, min_at_risk=0)
    except HistoryError:
        return
    table = hazard_table(y, bands=np.arange(len(peaks.hazard) + 1.0))
    pd.testing.assert_frame_equal(
        peaks.hazard[["at_risk", "events", "exposure", "rate"]],
        table[["at_risk", "events", "exposure", "rate"]],
        check_dtype=False,
    )
    assert (peaks.compared["low"] <= peaks.compared["ratio"].fillna(1)).all()
    assert (peaks.compared["high"] >= peaks.compared["ratio"].fillna(1)).all()


def test_the_same_data_in_any_order_give_the_same_answer():
    y = logged(FALLING, 3000, np.random.default_rng(3))
    one, other = find_hazard_peaks(y), find_hazard_peaks(np.random.default_rng(4).permutation(y))
    assert one.critical == other.critical
    pd.testing.assert_frame_equal(one.compared, other.compared, check_exact=True)


def test_more_confidence_is_wider():
    y = logged(FALLING, 3000, np.random.default_rng(3))
    assert find_hazard_peaks(y, confidence=0.99).critical > find_hazard_peaks(y, confidence=0.9).critical


def test_it_says_that_there_is_none():
    assert repr(find_hazard_peaks(exact([0.02] * 8, 5000))) == (
        "HazardPeaks: no peaks in 8 periods of 1 (95% for all 36 comparisons together)"
    )


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"period": 0}, ParameterError, r"period is 0; a length above 0"),
        ({"period": 1e-3}, ParameterError, r"period=0.001 makes 8,000 periods up to the tenure 8"),
        ({"period": "1mo"}, ParameterTypeError, r"period is '1mo'"),
        ({"neighbourhood": 0}, ParameterError, r"neighbourhood=0 is out of range"),
        ({"longest": 0}, ParameterError, r"longest=0 is out of range"),
        ({"min_at_risk": -1}, ParameterError, r"min_at_risk=-1.0 is out of range"),
        ({"confidence": 0}, ParameterError, r"confidence is 0"),
        ({"by": [None] * 5000}, DataError, r"5000 of 5000 rows have no group"),
        ({"period": 4.0}, HistoryError, r"2 periods of 4 have at least 30 customers"),
    ],
)
def test_what_cannot_be_is_named(options, error, text):
    with pytest.raises(error, match=text):
        find_hazard_peaks(exact([0.02] * 8, 5000), **options)
