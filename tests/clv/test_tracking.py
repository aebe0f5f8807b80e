"""Expected and actual repeat purchases over time, against lifetimes, the summaries, and by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import churnlib as cl
from churnlib.clv._bgnbd import BGNBD
from churnlib.clv._mbgnbd import MBGNBD
from churnlib.clv._summary import calibration_holdout, rfm_summary
from churnlib.clv._tracking import tracking_table
from churnlib.exceptions import DataError, HistoryError, ParameterError, ParameterTypeError, SchemaError

PARAMS = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
WEEKLY = BGNBD.from_params(PARAMS)
DAILY = BGNBD.from_params({**PARAMS, "alpha": 7 * 4.414})
COLUMNS = {"customer": "id", "time": "ts"}


def purchases(*rows: tuple[str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["id", "ts"])


SHOP = purchases(
    ("ann", "2025-01-01 09:00"), ("ann", "2025-01-01 18:00"), ("ann", "2025-01-09"), ("bob", "2025-01-03"),
    ("bob", "2025-01-16"), ("eve", "2025-01-17"), ("eve", "2025-01-20"), ("ann", "2025-01-22"),
)  # fmt: skip


@pytest.fixture(scope="module")
def cdnow(data_dir: Path) -> pd.DataFrame:
    return pd.read_csv(data_dir / "cdnow_sample_transactions.csv.gz")


CDNOW = {"customer": "sample_id", "time": "date", "time_unit": "W"}


def test_lifetimes_on_cdnow(cdnow: pd.DataFrame) -> None:
    """It pairs purchases up to the day before with the expectation at the end of the day; so rows shift by one."""
    lifetimes = pytest.importorskip("lifetimes")
    from lifetimes.utils import expected_cumulative_transactions

    peer = lifetimes.BetaGeoFitter()
    peer.params_ = pd.Series({**PARAMS, "alpha": 7 * PARAMS["alpha"]})
    orders = cdnow.assign(date=pd.to_datetime(cdnow["date"]))
    days = 400
    theirs = expected_cumulative_transactions(peer, orders, "date", "sample_id", days)
    ours = tracking_table(WEEKLY, cdnow, end="1998-07-01", step=1, **CDNOW)
    assert ours["expected_cumulative"].to_numpy()[1 : days + 1] == pytest.approx(theirs["predicted"], abs=1e-6)
    assert ours["actual_cumulative"].to_numpy()[:days].tolist() == theirs["actual"].tolist()


def test_cdnow_in_weeks(cdnow: pd.DataFrame) -> None:
    table = tracking_table(WEEKLY, cdnow, cutoff="1997-10-01", end="1998-07-01", **CDNOW)
    summary = calibration_holdout(cdnow, cutoff="1997-10-01", holdout_end="1998-07-01", **CDNOW)
    assert len(table) == 78
    assert table["periods"].unique().tolist() == [7]
    assert table["holdout"].tolist() == [False] * 39 + [True] * 39
    assert table["customers"].iloc[-1] == 2357
    assert table["actual"].sum() == summary["frequency"].sum() + summary["frequency_holdout"].sum() == 4339
    assert table.loc["1997-10-01", "actual_cumulative"].item() == summary["frequency"].sum() == 2457
    by_customer = WEEKLY.predict_new(summary["T"].to_numpy()).sum()
    assert table.loc["1997-10-01", "expected_cumulative"].item() == pytest.approx(by_customer, rel=1e-12)


def test_every_row_by_hand() -> None:
    table = tracking_table(DAILY, SHOP, end="2025-01-24", **COLUMNS)
    assert [str(until.date()) for until in table.index] == ["2025-01-08", "2025-01-15", "2025-01-22", "2025-01-24"]
    assert table["periods"].tolist() == [7, 7, 7, 2]
    assert table["customers"].tolist() == [2, 2, 3, 3]
    assert table["actual"].tolist() == [0, 1, 2, 1]
    assert table["actual_cumulative"].tolist() == [0, 1, 3, 4]
    ages = [[6, 4], [13, 11], [20, 18, 4], [22, 20, 6]]
    expected = [DAILY.predict_new(np.array(row, dtype=float)).sum() for row in ages]
    assert table["expected_cumulative"].to_numpy() == pytest.approx(expected, rel=1e-12)
    assert table["expected"].to_numpy() == pytest.approx(np.diff(expected, prepend=0.0), rel=1e-12)
    assert "holdout" not in table.columns


def test_a_cutoff_ends_a_row_and_leaves_out_who_came_later() -> None:
    table = tracking_table(DAILY, SHOP, cutoff="2025-01-13", end="2025-01-24", **COLUMNS)
    assert [str(until.date()) for until in table.index] == ["2025-01-08", "2025-01-13", "2025-01-20", "2025-01-24"]
    assert table["periods"].tolist() == [7, 5, 7, 4]
    assert table["holdout"].tolist() == [False, False, True, True]
    assert table["customers"].tolist() == [2, 2, 2, 2]
    assert table["actual_cumulative"].tolist() == [0, 1, 2, 3]


def test_a_log_gives_the_same_as_its_table() -> None:
    log = cl.EventLog.from_frame(SHOP, customer="id", time="ts", complete_until="2025-01-24")
    pd.testing.assert_frame_equal(
        tracking_table(DAILY, log, cutoff="2025-01-13"),
        tracking_table(DAILY, SHOP, cutoff="2025-01-13", end="2025-01-24", **COLUMNS),
    )


def test_refunds_are_no_purchases() -> None:
    shop = SHOP.assign(total=[5, 5, -5, 5, 5, 5, 5, 5])
    arguments: dict[str, Any] = {"amount": "total", "end": "2025-01-24", **COLUMNS}
    assert tracking_table(DAILY, shop, negative="refund", **arguments)["actual"].tolist() == [0, 0, 2, 1]
    assert tracking_table(DAILY, shop, negative="purchase", **arguments)["actual"].tolist() == [0, 1, 2, 1]
    with pytest.raises(DataError, match="1 amounts in 'total' are negative"):
        tracking_table(DAILY, shop, **arguments)


@pytest.mark.parametrize(
    ("period", "first", "ends"),
    [
        ("W", "2025-01-06", ["2025-01-06", "2025-01-13", "2025-01-20", "2025-01-27"]),
        ("M", "2025-02-01", ["2025-02-01"]),
        ("Y", "2026-01-01", ["2026-01-01"]),
    ],
)
def test_rows_end_where_local_periods_do(period: str, first: str, ends: list[str]) -> None:
    table = tracking_table(WEEKLY, SHOP, period=period, step=1, timezone="Europe/Berlin", **COLUMNS)
    assert table.index[0] == pd.Timestamp(first, tz="Europe/Berlin")
    assert [str(until.date()) for until in table.index] == ends
    assert table.index.name == "until"


def test_hours_are_cut_on_the_clock_of_utc() -> None:
    shop = purchases(("ann", "2025-01-01 09:30"), ("ann", "2025-01-01 11:10"))
    table = tracking_table(WEEKLY, shop, period="h", step=1, **COLUMNS)
    assert table.index.strftime("%H:%M").tolist() == ["10:00", "11:00", "12:00"]
    assert table["actual"].tolist() == [0, 0, 1]


def test_covariates_belong_to_customers() -> None:
    model = MBGNBD.from_params({**PARAMS, "alpha[web]": 0.4}, purchase_covariates=["web"])
    web = pd.DataFrame({"web": [0.0, 1.0, 1.0]}, index=pd.Index(["eve", "ann", "bob"], name="customer_id"))
    table = tracking_table(model, SHOP, end="2025-01-22", covariates=web, **COLUMNS)
    one = model.predict_new(np.array([20.0, 18.0, 4.0]), covariates=pd.DataFrame({"web": [1.0, 1.0, 0.0]}))
    assert table["expected_cumulative"].iloc[-1] == pytest.approx(one.sum(), rel=1e-12)
    with pytest.raises(DataError, match=r"covariates has no row, or several, for 1 of 3 customers \(bob\)"):
        tracking_table(model, SHOP, covariates=web.iloc[:2], **COLUMNS)
    with pytest.raises(DataError, match="for 3 of 3 customers"):
        tracking_table(model, SHOP, covariates=pd.concat([web, web]), **COLUMNS)
    with pytest.raises(ParameterTypeError, match="covariates is a dict"):
        tracking_table(model, SHOP, covariates={"web": 1}, **COLUMNS)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        ({"step": 0}, ParameterError, "step=0 is out of range"),
        ({"cutoff": "2025-01-24", "end": "2025-01-24"}, HistoryError, "no period lies between the cutoff 2025-01-24"),
        ({"cutoff": "2024-01-01"}, HistoryError, "nothing was bought before the cutoff"),
        ({"customer": "idd"}, SchemaError, "the frame has no column 'idd'"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        tracking_table(DAILY, SHOP, **{**COLUMNS, **wrong})


START = pd.Timestamp("2025-03-01")


def shop_of(rows: list[tuple[str, int]]) -> pd.DataFrame:
    return pd.DataFrame({"id": [row[0] for row in rows], "ts": [START + pd.Timedelta(hours=row[1]) for row in rows]})


# sixty days around the one in which the clocks of Berlin change
shops = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 60 * 24)), min_size=1, max_size=30).map(shop_of)


@given(
    shops, st.sampled_from(["D", "W", "h"]), st.integers(1, 40), st.integers(0, 60), st.randoms(use_true_random=False)
)
def test_totals_are_those_of_the_summaries(shop: pd.DataFrame, period: str, step: int, day: int, random: Any) -> None:
    arguments: dict[str, Any] = {"period": period, "timezone": "Europe/Berlin", **COLUMNS}
    whole = rfm_summary(shop, **arguments)
    table = tracking_table(WEEKLY, shop, step=step, **arguments)
    assert table["actual_cumulative"].iloc[-1] == table["actual"].sum() == whole["frequency"].sum()
    expected = WEEKLY.predict_new(whole["T"].to_numpy()).sum()
    assert table["expected_cumulative"].iloc[-1] == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert table["periods"].sum() == whole["T"].max() + 1
    assert (table["actual"] >= 0).all()
    assert (table["expected"] >= -1e-12).all()
    order = random.sample(range(len(shop)), len(shop))
    pd.testing.assert_frame_equal(tracking_table(WEEKLY, shop.iloc[order], step=step, **arguments), table)
    cutoff = START + pd.Timedelta(days=day)
    try:
        known = calibration_holdout(shop, cutoff=cutoff, **arguments)
    except HistoryError:
        return
    split = tracking_table(WEEKLY, shop, cutoff=cutoff, step=step, **arguments)
    assert split.loc[~split["holdout"], "actual"].sum() == known["frequency"].sum()
    assert split.loc[split["holdout"], "actual"].sum() == known["frequency_holdout"].sum()
