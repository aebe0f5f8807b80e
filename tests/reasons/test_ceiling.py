"""At the ceiling the expected gain is nil; above it the offer loses, below it gains."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.economics import RetentionOffer, contact_gain
from churnlib.exceptions import DataError, ParameterTypeError
from churnlib.reasons import offer_ceiling

ONE = pd.DataFrame({"a": [1]}, index=pd.Index(["ann"], name="customer_id"))


@given(st.floats(0, 1), st.floats(0, 1), st.floats(-100, 5000), st.floats(0, 50))
def test_at_the_ceiling_nothing_is_gained(p: float, rate: float, clv: float, contact: float) -> None:
    offer = RetentionOffer(accept_rate=rate, clv=clv, offer_cost=10, contact_cost=contact)
    ceiling = float(offer_ceiling([p], offer, ONE).iloc[0])

    def gain(cost: float) -> float:
        return float(contact_gain(p, clv, accept_rate=rate, offer_cost=cost, contact_cost=contact))

    if ceiling > 0:
        assert gain(ceiling) == pytest.approx(0.0, abs=1e-6 * max(1.0, clv))
        assert ceiling <= clv * (1 + 1e-12)
    else:
        assert ceiling == 0.0
        assert gain(0.0) <= 1e-9


def test_a_certain_churner_whom_nobody_wins_back_is_offered_nothing() -> None:
    offer = RetentionOffer(accept_rate=0.0, clv=200, offer_cost=10)
    assert offer_ceiling([1.0], offer, ONE).tolist() == [0.0]


def test_values_are_met_by_customer() -> None:
    X = pd.DataFrame({"a": [1, 2]}, index=pd.Index(["ann", "bob"], name="customer_id"))
    worth = pd.Series({"bob": 400.0, "ann": 100.0})
    found = offer_ceiling([0.5, 0.5], RetentionOffer(accept_rate=(1, 1), clv=worth, offer_cost=0), X)
    # p g v / (1 − p + p g) = .25 v / .75
    np.testing.assert_allclose(found, [100 / 3, 400 / 3])
    assert found.name == "offer_ceiling"
    assert found.index.equals(X.index)


def test_wrong_input_is_named() -> None:
    offer = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10)
    with pytest.raises(ParameterTypeError, match="offer is a float"):
        offer_ceiling([0.5], 10.0, ONE)  # type: ignore[arg-type]
    with pytest.raises(ParameterTypeError, match="X is a list"):
        offer_ceiling([0.5], offer, [1])  # type: ignore[arg-type]
    with pytest.raises(DataError, match="2 probabilities for 1 rows"):
        offer_ceiling([0.5, 0.5], offer, ONE)
    for wrong in (1.5, -0.1, float("nan")):
        with pytest.raises(DataError, match="1 of 1 probabilities are missing or outside"):
            offer_ceiling([wrong], offer, ONE)
