"""The matrix is what the model says of each history, and nothing where there is none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churnlib.clv._bgbb import BGBB
from churnlib.clv._bgnbd import BGNBD
from churnlib.clv._frequency_recency import frequency_recency_matrix
from churnlib.clv._mbgnbd import MBGNBD
from churnlib.exceptions import ParameterError

PARAMS = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
MODEL = BGNBD.from_params(PARAMS)


def test_each_cell_is_the_prediction_of_its_history() -> None:
    table = frequency_recency_matrix(MODEL, T=39, t=13, max_frequency=4, recency=[0, 10, 39])
    assert table.index.names == ["frequency", "recency"]
    assert table.shape == (15, 5)
    for (frequency, recency), row in table.iterrows():  # type: ignore[misc]
        if (frequency == 0) != (recency == 0):
            assert row[["expected_purchases", "p_alive", "p_no_purchase"]].isna().all()
            continue
        X = pd.DataFrame({"frequency": [frequency], "recency": [recency], "T": [39.0]})
        assert row["expected_purchases"] == pytest.approx(MODEL.predict(X, t=13)[0], rel=1e-13)
        assert row["p_alive"] == pytest.approx(MODEL.predict_alive_probability(X)[0], rel=1e-13)
        silent = MODEL.predict_no_purchase_probability(X, t=13)[0]
        assert row["p_no_purchase"] == pytest.approx(silent, rel=1e-13)
        assert (row["T"], row["t"]) == (39, 13)


def test_the_numbers_of_lifetimes() -> None:
    """The peer's own matrices, at integer ages."""
    lifetimes = pytest.importorskip("lifetimes")
    peer = lifetimes.BetaGeoFitter()
    peer.params_ = pd.Series(PARAMS)
    ages = np.arange(1, 40.0)
    table = frequency_recency_matrix(MODEL, T=39, t=13, max_frequency=12, recency=ages)
    x, tx = (table.index.get_level_values(name).to_numpy(dtype=float) for name in ("frequency", "recency"))
    bought = x > 0
    expected = peer.conditional_expected_number_of_purchases_up_to_time(13, x[bought], tx[bought], 39)
    assert table["expected_purchases"].to_numpy()[bought] == pytest.approx(expected, rel=1e-9)
    alive = peer.conditional_probability_alive(x[bought], tx[bought], 39)
    assert table["p_alive"].to_numpy()[bought] == pytest.approx(alive, rel=1e-9)


def test_without_ages_there_are_twenty_steps() -> None:
    ages = frequency_recency_matrix(MODEL, T=40, t=13, max_frequency=1).index.get_level_values("recency").unique()
    assert ages.tolist() == [2.0 * step for step in range(21)]


def test_opportunities_are_whole_and_hold_one_purchase_each() -> None:
    model = BGBB.from_params({"alpha": 1.204, "beta": 0.750, "gamma": 0.657, "delta": 2.783})
    alive = frequency_recency_matrix(model, T=6, t=5, max_frequency=6)["p_alive"].unstack()  # noqa: PD010
    assert alive.columns.tolist() == [0, 1, 2, 3, 4, 5, 6]
    possible = [[x == tx == 0 or 1 <= x <= tx for tx in range(7)] for x in range(7)]
    assert alive.notna().to_numpy().tolist() == possible
    assert alive.loc[6, 6] == pytest.approx(1.0)


def test_covariates_are_the_same_for_all() -> None:
    model = MBGNBD.from_params({**PARAMS, "alpha[web]": 0.4}, purchase_covariates=["web"])
    table = frequency_recency_matrix(model, T=39, t=13, max_frequency=2, recency=[39], covariates={"web": 1.0})
    X = pd.DataFrame({"frequency": [1.0, 2.0], "recency": 39.0, "T": 39.0, "web": 1.0})
    assert table["expected_purchases"].to_numpy()[1:].tolist() == model.predict(X, t=13).tolist()
    without = frequency_recency_matrix(MBGNBD.from_params(PARAMS), T=39, t=13, max_frequency=2, recency=[39])
    assert not np.allclose(table["expected_purchases"].to_numpy()[1:], without["expected_purchases"].to_numpy()[1:])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"T": 0}, "T=0 is no age"),
        ({"t": -1}, "t=-1.0 is out of range"),
        ({"max_frequency": -1}, "max_frequency=-1 is out of range"),
        ({"recency": [0, 40]}, "recency has 1 of 2 values outside 0 and T=39, or does not ascend"),
        ({"recency": [5, 5]}, "recency has 0 of 2 values outside 0 and T=39, or does not ascend"),
        ({"recency": [np.nan]}, "recency has 1 of 1 values outside"),
        ({"recency": []}, "recency has 0 of 0 values outside"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        frequency_recency_matrix(MODEL, **{"T": 39, "t": 13, **wrong})  # type: ignore[arg-type]
