"""Customer and cutoff of each row: from arguments, else from the index, else a clear error."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pytest

from churnlib.exceptions import ParameterTypeError, SchemaError, TimeError
from churnlib.model_selection import customers_and_cutoffs

DAY = 86_400_000_000


def panel() -> pd.DataFrame:
    index = pd.MultiIndex.from_product(
        [["ann", "bob"], pd.to_datetime(["1970-01-02", "1970-01-03"], utc=True)], names=["customer_id", "cutoff"]
    )
    return pd.DataFrame({"x": range(4)}, index=index)


def test_the_index_says_both() -> None:
    keys = customers_and_cutoffs(panel())
    assert keys.customer.tolist() == ["ann", "ann", "bob", "bob"]
    assert keys.cutoff_us.tolist() == [DAY, 2 * DAY, DAY, 2 * DAY]
    assert len(keys) == 4


def test_levels_are_read_by_name_in_any_order_and_among_others() -> None:
    X = (
        panel()
        .set_index(pd.Index([1, 1, 1, 1], name="spell"), append=True)
        .reorder_levels(["cutoff", "spell", "customer_id"])
    )
    assert customers_and_cutoffs(X).customer.tolist() == ["ann", "ann", "bob", "bob"]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_every_unit_of_pandas_is_the_same_instant(unit: str) -> None:
    X = panel()
    stamps = pd.DatetimeIndex(X.index.get_level_values("cutoff")).as_unit(unit)
    X.index = pd.MultiIndex.from_arrays([X.index.get_level_values(0), stamps], names=X.index.names)
    assert customers_and_cutoffs(X).cutoff_us.tolist() == [DAY, 2 * DAY, DAY, 2 * DAY]


def test_arguments_come_first() -> None:
    X = panel()
    keys = customers_and_cutoffs(X, groups=[1, 2, 3, 4], time=["1970-01-05"] * 4)
    assert keys.customer.tolist() == [1, 2, 3, 4]
    assert keys.cutoff_us.tolist() == [4 * DAY] * 4
    assert customers_and_cutoffs(X, groups=[1, 2, 3, 4]).cutoff_us.tolist() == [DAY, 2 * DAY, DAY, 2 * DAY]
    assert customers_and_cutoffs(X, time=["1970-01-05"] * 4).customer.tolist() == ["ann", "ann", "bob", "bob"]


def test_an_index_or_a_frame_as_groups_gives_both() -> None:
    X = panel()
    for groups in (X.index, X.reset_index()[["cutoff", "customer_id"]]):
        keys = customers_and_cutoffs(X.to_numpy(), groups=groups)
        assert keys.customer.tolist() == ["ann", "ann", "bob", "bob"]
        assert keys.cutoff_us.tolist() == [DAY, 2 * DAY, DAY, 2 * DAY]


@pytest.mark.parametrize(
    "time",
    [
        ["1970-01-02", "1970-01-03"],
        [dt.datetime(1970, 1, 2, tzinfo=dt.UTC), dt.datetime(1970, 1, 3, tzinfo=dt.UTC)],
        np.array(["1970-01-02", "1970-01-03"], dtype="M8[s]"),
        pd.Series(pd.to_datetime(["1970-01-02 01:00", "1970-01-03 01:00"])).dt.tz_localize("Europe/Berlin"),
        [pd.Timestamp("1970-01-02"), pd.Timestamp("1970-01-03")],
    ],
)
def test_cutoffs_in_any_spelling(time: object) -> None:
    assert customers_and_cutoffs([[0], [1]], groups=[1, 1], time=time).cutoff_us.tolist() == [DAY, 2 * DAY]


def test_polars_has_no_index_but_may_bring_columns() -> None:
    frame = pl.DataFrame({"c": ["ann", "bob"], "t": ["1970-01-02", "1970-01-03"], "x": [1, 2]})
    keys = customers_and_cutoffs(frame, groups=frame["c"], time=frame["t"])
    assert keys.customer.tolist() == ["ann", "bob"]
    assert keys.cutoff_us.tolist() == [DAY, 2 * DAY]


def test_what_cannot_be_told_is_named_with_the_fix() -> None:
    X = panel()
    with pytest.raises(SchemaError, match=r"(?s)customer_id and the cutoff.*ndarray has no index.*groups=data.X.index"):
        customers_and_cutoffs(X.to_numpy())
    with pytest.raises(SchemaError, match=r"the cutoff of the rows cannot be told.*ndarray has no index"):
        customers_and_cutoffs(X.to_numpy(), groups=[1, 1, 2, 2])
    with pytest.raises(SchemaError, match="the customer_id of the rows cannot be told: X does not say"):
        customers_and_cutoffs(X.droplevel("customer_id"))
    with pytest.raises(SchemaError, match="its index has None"):
        customers_and_cutoffs(X.reset_index(drop=True))


def test_lengths_and_missing_values_are_counted() -> None:
    X = panel()
    with pytest.raises(SchemaError, match="groups has 3 entries for 4 rows"):
        customers_and_cutoffs(X, groups=[1, 2, 3])
    with pytest.raises(SchemaError, match="time has 1 entries for 4 rows"):
        customers_and_cutoffs(X, time=["1970-01-02"])
    with pytest.raises(SchemaError, match=r"1 of 4 rows have no customer \(row 2\)"):
        customers_and_cutoffs(X, groups=["a", "b", None, "c"])
    with pytest.raises(TimeError, match=r"2 of 4 cutoffs are missing \(rows 0, 3\)"):
        customers_and_cutoffs(X, time=[None, "1970-01-02", "1970-01-02", None])
    with pytest.raises(TimeError, match="cutoffs cannot be read as times"):
        customers_and_cutoffs(X, time=["soon"] * 4)
    with pytest.raises(ParameterTypeError, match="cutoffs are bare numbers"):
        customers_and_cutoffs(X, time=[1, 2, 3, 4])
