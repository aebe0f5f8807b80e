"""Rates on exposure against their definition; what adds up, and what must not matter."""

from __future__ import annotations

import zlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, SchemaError
from churnlib.numerics import product_limit, risk_table
from churnlib.survival import hazard_table
from churnlib.targets import survival_target
from tests.strategies import WatchedRows, watched_rows

BANDS = [0.0, 1.0, 3.0, 6.0, np.inf]
RATES = ["at_risk", "events", "exposure", "rate", "low", "high", "chance", "chance_low", "chance_high"]


def target(rows: WatchedRows) -> np.ndarray:
    return survival_target(rows.event > 0, rows.time, entry=rows.entry)


def table_of(rows: WatchedRows, **options) -> pd.DataFrame:
    return hazard_table(target(rows), bands=BANDS, sample_weight=rows.weight, **options)


def edges_of(band: pd.Interval) -> tuple[float, float]:
    return band.left, band.right


# ------------------------------------------------------------------ by hand


def test_a_small_table_by_hand():
    # Two from the start; one met at tenure 4; one leaves exactly at the end of a band.
    y = survival_target([1, 0, 1], [3, 5, 6], entry=[0, 0, 4])
    table = hazard_table(y, bands=[0, 3, 6])
    assert table["at_risk"].tolist() == [2, 1]
    assert table["events"].tolist() == [1, 1]
    assert table["exposure"].tolist() == [6.0, 4.0]
    assert_allclose(table["rate"], [1 / 6, 1 / 4])
    assert_allclose(table["chance"], [1 / 2, 1.0])
    assert table["closing_base"].tolist() == [0, 1]
    assert table["loss_ratio"].isna().tolist() == [True, False]
    assert table["loss_ratio"].iloc[1] == 1.0


def test_the_ratio_to_the_closing_base_passes_everything_while_the_rate_stays():
    """The source's new-year card: 452 lost in a band where nine are left, all others having passed through it."""
    passed = 6000
    y = survival_target(
        [1] * 452 + [0] * passed + [0] * 9, [6] * 452 + [7] * passed + [4] * 9, entry=[5] * (452 + passed) + [3] * 9
    )
    row = hazard_table(y, bands=[3, 6]).iloc[0]
    assert row["loss_ratio"] == pytest.approx(50.2222, abs=1e-4)
    assert row["rate"] == pytest.approx(452 / 6461)


# ------------------------------------------------------------------ the definition


@given(watched_rows())
def test_every_cell_is_its_definition(rows: WatchedRows):
    table = table_of(rows)
    entry = np.zeros(len(rows.time)) if rows.entry is None else rows.entry
    weight = np.ones(len(rows.time)) if rows.weight is None else rows.weight
    for band, cell in table.iterrows():
        low, high = edges_of(band)
        spent = np.clip(rows.time, low, high) - np.clip(entry, low, high)
        here = (low < rows.time) & (rows.time <= high)
        assert cell["exposure"] == pytest.approx((weight * spent).sum())
        assert cell["events"] == pytest.approx(weight[here & (rows.event > 0)].sum())
        assert cell["closing_base"] == pytest.approx(weight[here & (rows.event == 0)].sum())
        assert cell["at_risk"] == pytest.approx(weight[(entry <= low) & (low < rows.time)].sum())
        assert cell["rate"] * cell["exposure"] == pytest.approx(cell["events"]) or cell["exposure"] == 0
        assert np.isnan(cell["rate"]) == (cell["exposure"] == 0)
        assert np.isnan(cell["rate"]) or cell["low"] <= cell["rate"] <= cell["high"]


@given(watched_rows(weight=False))
def test_the_chance_is_kaplan_meier_of_the_band_where_it_was_watched_throughout(rows: WatchedRows):
    entry = np.zeros(len(rows.time)) if rows.entry is None else rows.entry
    curve = risk_table(rows.time, rows.event > 0, entry=rows.entry)
    for band, cell in table_of(rows).iterrows():
        low, high = edges_of(band)
        inside = (curve.times > low) & (curve.times <= high)
        stays = np.prod(1 - curve.left[inside] / curve.at_risk[inside])
        moments = [low, *(time for time in rows.time if low <= time < high)]
        watched = all(((entry <= moment) & (moment < rows.time)).any() for moment in moments)
        if watched or stays == 0:
            assert cell["chance"] == pytest.approx(1 - stays, abs=1e-12)
            assert 0 <= cell["chance_low"] <= cell["chance"] <= cell["chance_high"] <= 1
        else:
            assert cell[["chance", "chance_low", "chance_high"]].isna().all()


def test_the_chances_of_bands_make_up_the_curve():
    rng = np.random.default_rng(5)
    time, event = rng.integers(1, 12, 300), rng.random(300) < 0.4
    table = hazard_table(survival_target(event, time), bands=[0, 2, 5, 9])
    assert_allclose(np.cumprod(1 - table["chance"]), product_limit(risk_table(time, event))([2, 5, 9]))


# ------------------------------------------------------------------ what adds up, and what does not matter


@given(watched_rows())
def test_bands_share_out_all_the_time_and_all_departures(rows: WatchedRows):
    table = table_of(rows)
    entry = 0.0 if rows.entry is None else rows.entry
    weight = 1.0 if rows.weight is None else rows.weight
    assert table["exposure"].sum() == pytest.approx((weight * (rows.time - entry)).sum())
    assert table["events"].sum() == pytest.approx((weight * (rows.event > 0)).sum())
    coarse = hazard_table(target(rows), bands=[0, 3, np.inf], sample_weight=rows.weight)
    for column in ("exposure", "events", "closing_base"):
        assert coarse[column].iloc[0] == pytest.approx(table[column].iloc[:2].sum())


@given(watched_rows(), st.data())
def test_cutting_rows_in_two_changes_nothing(rows: WatchedRows, data: st.DataObject):
    size = len(rows.time)
    entry = np.zeros(size) if rows.entry is None else rows.entry
    share = np.array(data.draw(st.lists(st.sampled_from([0.25, 0.5]), min_size=size, max_size=size)))
    cut = entry + share * (rows.time - entry)
    weight = np.ones(size) if rows.weight is None else rows.weight
    pieces = WatchedRows(
        np.concatenate([cut, rows.time]),
        np.concatenate([np.zeros(size, dtype=int), rows.event]),
        np.concatenate([entry, cut]),
        np.concatenate([weight, weight]),
    )
    assert_allclose(table_of(pieces)[RATES], table_of(rows)[RATES], rtol=1e-9, atol=1e-12)


@given(watched_rows(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter_to_the_last_bit(rows: WatchedRows, random):
    order = np.array(random.sample(range(len(rows.time)), len(rows.time)))
    by = np.where(rows.time > 2, "long", "short")
    shuffled = table_of(rows.take(order), by=by[order])
    pd.testing.assert_frame_equal(table_of(rows, by=by), shuffled, check_exact=True)


@given(watched_rows(weight=False))
def test_a_whole_weight_is_as_many_rows(rows: WatchedRows):
    times = np.arange(len(rows.time)) % 3
    if not times.any():
        times = times + 1
    weighted = hazard_table(target(rows), bands=BANDS, sample_weight=times)
    repeated = hazard_table(target(rows.take(np.repeat(np.arange(len(times)), times))), bands=BANDS)
    pd.testing.assert_frame_equal(weighted, repeated)


@given(watched_rows(entry=False))
def test_groups_are_tables_of_their_own(rows: WatchedRows):
    by = np.where(rows.event > 0, "left", "here")
    table = table_of(rows, by=pd.Series(by, name="fate"))
    for name in np.unique(by):
        part = rows.take(by == name)
        if part.weight is None or part.weight.any():
            assert_allclose(table.loc[name], table_of(part), rtol=1e-9, atol=1e-12)


# ------------------------------------------------------------------ groups


def test_a_categorical_keeps_its_order_and_its_empty_cells():
    plan = pd.Series(["b", "a", "b"], dtype=pd.CategoricalDtype(["b", "c", "a"]), name="plan")
    table = hazard_table(survival_target([1, 0, 0], [2, 3, 9]), bands=[0, 5], by=plan)
    assert table.index.names == ["plan", "band"]
    assert table.index.get_level_values("plan").tolist() == ["b", "c", "a"]
    empty = table.loc["c"].iloc[0]
    assert empty[["at_risk", "events", "exposure", "closing_base"]].tolist() == [0, 0, 0, 0]
    assert empty[["rate", "low", "high", "chance", "chance_low", "chance_high", "loss_ratio"]].isna().all()


def test_groups_by_columns():
    frame = pd.DataFrame({"plan": ["a", "a", "b"], "dealer": [2, 1, 1]})
    y = survival_target([1, 0, 1], [2, 3, 4])
    one = hazard_table(y, bands=[0, 5], by="plan", data=frame)
    pd.testing.assert_frame_equal(one, hazard_table(y, bands=[0, 5], by=frame["plan"]))
    two = hazard_table(y, bands=[0, 5], by=["plan", "dealer"], data=frame)
    assert two.index.names == ["plan", "dealer", "band"]
    assert [key[:2] for key in two.index] == [("a", 1), ("a", 2), ("b", 1)]
    pd.testing.assert_frame_equal(two, hazard_table(y, bands=[0, 5], by=frame))
    mixed = hazard_table(y, bands=[0, 5], by=np.array([1, "x", 1], dtype=object))
    assert mixed.index.get_level_values("group").tolist() == ["x", 1]


def test_one_cause_counts_and_the_others_end_the_watch():
    y = survival_target([1, 2, 0], [2, 3, 4], causes=["price", "moved"])
    table = hazard_table(y, bands=[0, 4], cause=2)
    assert table[["events", "exposure", "closing_base"]].iloc[0].tolist() == [1, 9.0, 1]
    assert table["chance"].iloc[0] == pytest.approx(0.5)
    assert hazard_table(y, bands=[0, 4])["events"].tolist() == [2]


# ------------------------------------------------------------------ intervals

HAZARDS, WIDTHS = np.array([0.02, 0.08, 0.03]), np.array([3.0, 3.0, 6.0])


def _simulated(runs: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Customers with a stepwise hazard, half of them met at some tenure, lost from sight at random."""
    per_run = 400
    n = runs * per_run
    steps, edges = np.cumsum(HAZARDS * WIDTHS), np.concatenate([[0.0], np.cumsum(WIDTHS)])
    entry = np.where(rng.random(n) < 0.5, 0.0, rng.uniform(0, 8, n))
    reached = np.interp(entry, edges, np.concatenate([[0.0], steps]))
    hazard = reached + rng.exponential(size=n)
    time = np.interp(hazard, np.concatenate([[0.0], steps]), edges, right=np.inf)
    until = np.minimum(entry + rng.exponential(12.0, n) + 1e-9, 12.0)
    left = time <= until
    return survival_target(left, np.minimum(time, until), entry=entry), np.repeat(np.arange(runs), per_run)


def _coverage(runs: int, seed: int) -> tuple[pd.Series, pd.Series]:
    y, run = _simulated(runs, np.random.default_rng(seed))
    table = hazard_table(y, bands=[0, 3, 6, 12], by=run)
    rate, chance = np.tile(HAZARDS, runs), np.tile(-np.expm1(-HAZARDS * WIDTHS), runs)
    held = {
        "rate": (table["low"] <= rate) & (rate <= table["high"]),
        "chance": (table["chance_low"] <= chance) & (chance <= table["chance_high"]),
    }
    width = {"rate": table["high"] - table["low"], "chance": table["chance_high"] - table["chance_low"]}
    band = np.tile(["0-3", "3-6", "6-12"], runs)
    share = pd.concat({name: values.groupby(band).mean() for name, values in held.items()})
    return share, pd.concat({name: values.groupby(band).mean() for name, values in width.items()})


def test_intervals_cover(record_property):
    held, width = _coverage(400, zlib.crc32(b"test_intervals_cover"))
    record_property("coverage", {str(key): value for key, value in held.items()})
    record_property("mean_width", {str(key): value for key, value in width.items()})
    assert held.between(0.91, 0.9825).all(), held


@pytest.mark.slow
def test_intervals_cover_in_full(record_property):
    held, width = _coverage(2000, zlib.crc32(b"test_intervals_cover_in_full"))
    record_property("coverage", {str(key): value for key, value in held.items()})
    record_property("mean_width", {str(key): value for key, value in width.items()})
    assert held.between(0.9335, 0.9655).all(), held


def test_without_departures_the_upper_bound_is_that_of_the_exact_interval():
    row = hazard_table(survival_target([0] * 10, [4] * 10), bands=[0, 4]).iloc[0]
    assert (row["low"], row["chance_low"]) == (0, 0)
    assert row["high"] == pytest.approx(-np.log(0.025) / 40)
    assert 0 < row["chance_high"] < 0.35


# ------------------------------------------------------------------ bad input

Y = survival_target([1, 0, 1], [2, 3, 4])


@pytest.mark.parametrize(
    ("bands", "text"),
    [
        ([3], r"bands is \[3\]; at least two tenures"),
        ("monthly", r"bands is 'monthly'; at least two tenures"),
        ([0, 3, 3], r"bands is 0.0, 3.0, 3.0; .* each above the one before"),
        ([-1, 3], r"bands is -1.0, 3.0; tenures from 0 up"),
        ([0, np.nan, 4], r"bands is 0.0, nan, 4.0"),
        ([0, np.inf, np.inf], r"bands is 0.0, inf, inf; .*only the last may be infinite"),
    ],
)
def test_bands_that_cannot_be(bands, text):
    with pytest.raises(ParameterError, match=text):
        hazard_table(Y, bands=bands)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"by": ["a", None, "b"]}, DataError, r"1 of 3 rows have no group in 'group' \(row 1\)"),
        ({"by": ["a", "b"]}, DataError, r"by has 2 rows and y 3"),
        ({"by": [["a", "b"]] * 3}, DataError, r"by has shape \(3, 2\)"),
        ({"by": pd.DataFrame({"plan": ["a"]})}, DataError, r"by has 1 rows and y 3"),
        ({"by": "plan"}, ParameterError, r"by='plan' names a column of no frame"),
        ({"by": "plam", "data": pd.DataFrame({"plan": [1, 2, 3]})}, SchemaError, r"no column 'plam'.*'plan'"),
        ({"cause": 2}, ParameterError, r"cause=2 and y holds 1"),
        ({"cause": "price"}, ParameterTypeError, r"cause is 'price'"),
        ({"confidence": 1.0}, ParameterError, r"confidence is 1.0"),
        ({"sample_weight": [1, -1, 1]}, DataError, r"1 of 3 weights are negative"),
    ],
)
def test_what_cannot_be_is_named(options, error, text):
    with pytest.raises(error, match=f"(?s){text}"):
        hazard_table(Y, bands=[0, 5], **options)


def test_what_is_no_target_is_named():
    with pytest.raises(DataError, match="no survival target"):
        hazard_table([1, 2], bands=[0, 5])


def test_groups_may_be_columns_of_a_polars_frame():
    pl = pytest.importorskip("polars", reason="polars is not installed")
    frame = pd.DataFrame({"plan": ["a", "b", "a"], "year": [1, 2, 2]})
    for by in ("plan", ["plan", "year"]):
        pd.testing.assert_frame_equal(
            hazard_table(Y, bands=[0, 5], by=by, data=pl.from_pandas(frame)),
            hazard_table(Y, bands=[0, 5], by=by, data=frame),
        )
