"""What a dataset says of itself, and the parts taken from it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import churnlib as cl
from churnlib.exceptions import ParameterError


@pytest.fixture(scope="module")
def data() -> cl.Dataset:
    shop = cl.datasets.make_shop(n_customers=150, random_state=5)
    return cl.build_dataset(
        shop.log,
        cutoffs=cl.monthly("2025-05", "2025-12"),
        lead="7d",
        horizon="30d",
        churn=cl.FirstOf(silent=cl.Inactivity("45d"), no_order=cl.Inactivity("60d", kinds="order")),
        features=cl.FeatureSpec.standard(),
    )


def test_taking_rows_keeps_everything_in_step(data):
    odd = np.arange(len(data)) % 2 == 1
    half = data.take(odd)
    assert half.X.equals(data.X[odd])
    assert half.y.equals(data.y[odd])
    assert half.tenure.equals(data.tenure[odd])
    assert half.survival.tobytes() == data.survival[odd].tobytes()
    assert data.take(np.flatnonzero(odd)).X.equals(half.X)
    assert len(data.take([])) == 0


def test_retained_is_the_other_side_of_churn(data):
    assert (data.retained + data.y == 1).all()
    assert data.retained.dtype == np.int8
    assert data.retained.name == "retained"


def test_several_causes_give_codes_and_names(data):
    assert data.survival["event"].dtype == np.int16
    left = data.survival["event"] > 0
    named = np.array(["", *data.causes])[data.survival["event"]]
    assert (named[data.y == 1] == data.cause[data.y == 1]).all()
    assert left.sum() >= (data.y == 1).sum()
    named = data.cause
    assert named[data.y == 0].isna().all()
    assert set(named[data.y == 1]) <= set(data.origin.truth.causes)


def test_the_repr_names_size_zone_and_what_waits(data):
    text = repr(data)
    assert f"{len(data):,} rows" in text
    assert "zone UTC" in text
    assert f"in .unlabelled: {len(data.unlabelled):,}" in text
    assert "at 1 cutoff (" in repr(data.latest())
    assert "no labels" in repr(data.latest())


def test_the_html_repr_is_escaped(data):
    assert "<b>Dataset</b>" in data._repr_html_()
    assert "<script" not in data._repr_html_()


def test_treatment_is_unknown_without_contacts(data):
    with pytest.raises(ParameterError, match=r"knows of no contacts.*\n?.*contacts=frame"):
        _ = data.treated


def test_what_waits_has_features_and_no_labels(data):
    waiting = data.unlabelled
    assert list(waiting.X.columns) == list(data.X.columns)
    for name in ("y", "retained", "survival", "cause"):
        with pytest.raises(ParameterError, match="carry no"):
            getattr(waiting, name)


def test_window_reaches_from_the_cutoff_to_the_end_of_the_label(data):
    assert data.window == pd.Timedelta(days=37)
    assert (str(data.lead), str(data.horizon)) == ("7d", "30d")
