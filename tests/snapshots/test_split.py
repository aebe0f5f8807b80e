"""Splitting a dataset: no training label, and no training follow-up, reaches the test period."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import churnlib as cl
from churnlib.exceptions import ParameterError


@pytest.fixture(scope="module")
def data() -> cl.Dataset:
    shop = cl.datasets.make_shop(n_customers=300, random_state=0)
    return cl.build_dataset(
        shop.log,
        cutoffs=cl.weekly("2025-02-03", "2025-09-01"),
        lead="7d",
        horizon="30d",
        churn=cl.Inactivity("45d"),
        features=cl.FeatureSpec.standard(),
    )


@given(st.integers(1, 6), st.integers(0, 20), st.booleans())
def test_no_training_label_window_reaches_the_first_test_cutoff(data, tests, embargo, unseen):
    train, test = data.split(tests, embargo=f"{embargo}d", unseen_customers=unseen)
    reach = pd.Timedelta("37D") + pd.Timedelta(days=embargo)
    assert train.cutoff.max() + reach <= test.cutoff.min()
    assert test.cutoff.nunique() == tests
    assert test.cutoff.min() == data.cutoff.unique().sort_values()[-tests]
    if unseen:
        assert not set(train.customer) & set(test.customer)
    table = train.splits
    assert table["rows"].sum() == len(train) + len(test)
    assert (table["rows"] + table["left_out"]).sum() == len(data)
    # every cutoff whose label is over in time trains: nothing is purged without need
    purged = table.index[table["split"] == "purged"]
    assert (purged + reach > test.cutoff.min()).all()


def test_follow_up_of_training_rows_ends_where_the_test_begins(data):
    train, test = data.split(2)
    first_test = test.cutoff.min()
    start = train.cutoff - pd.to_timedelta(train.tenure.to_numpy(), unit="D")
    ends = start + pd.to_timedelta(train.survival["time"], unit="D")
    assert ends.max() <= first_test + pd.Timedelta("1ms")
    whole = data.take(data.cutoff.isin(train.cutoff))
    assert whole.survival["event"].sum() > train.survival["event"].sum()
    assert (whole.y == train.y).all()


def test_too_few_cutoffs_are_refused(data):
    with pytest.raises(ParameterError, match=r"test_cutoffs=0 of \d+ labelled cutoffs"):
        data.split(0)
    with pytest.raises(ParameterError, match=r"no cutoff is left to train on.*horizon 30d"):
        data.split(data.cutoff.nunique() - 1)


def test_labels_are_needed_to_split(data):
    with pytest.raises(ParameterError, match="carry no y"):
        data.latest().split(1)


def test_a_churn_at_the_very_first_test_cutoff_is_not_known_in_training():
    times = pd.to_datetime(["2025-01-01", "2025-01-20", "2025-02-15", "2025-03-12"], utc=True)
    frame = pd.DataFrame({"customer_id": ["ends", "ends", "stays", "stays"], "time": times})
    # "ends" is last seen on 20 January: silent for 42 days exactly at the test cutoff of 3 March.
    log = cl.EventLog.from_frame(frame, customer="customer_id", time="time", complete_until="2025-05-01")
    data = cl.build_dataset(
        log,
        cutoffs=["2025-01-25", "2025-03-03"],
        horizon="30d",
        churn=cl.Inactivity("42d"),
        features=cl.FeatureSpec([cl.features.Recency()]),
    )
    train, _ = data.split(1)
    assert train.survival["event"].tolist() == [False]
    assert data.take(data.cutoff == train.cutoff[0]).survival["event"].tolist() == [True]
