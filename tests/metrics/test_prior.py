"""Probabilities moved to another churn rate."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import DataError, ParameterError
from churnlib.metrics import correct_prior

rates = st.floats(0.001, 0.999)
stated = st.lists(st.floats(0, 1), min_size=1, max_size=20)


@given(stated, rates, rates)
def test_there_and_back(p, train, deploy) -> None:
    there = correct_prior(p, train_rate=train, deploy_rate=deploy)
    assert ((there >= 0) & (there <= 1)).all()
    assert correct_prior(there, train_rate=deploy, deploy_rate=train) == pytest.approx(p, abs=1e-9)
    assert (np.diff(there[np.argsort(p, kind="stable")]) >= 0).all()
    assert correct_prior(p, train_rate=train, deploy_rate=train) == pytest.approx(p, abs=1e-12)


def test_odds_are_multiplied() -> None:
    corrected = correct_prior([0.3], train_rate=0.5, deploy_rate=0.1)[0]
    assert corrected / (1 - corrected) == pytest.approx(0.3 / 0.7 / 9)


def test_undersampling_is_undone() -> None:
    # By Bayes' rule on counts: of 1,000 customers alike 40 leave; a tenth of the stayers is kept for training.
    sampled = 40 / (40 + 96)
    train, deploy = 400 / (400 + 960), 400 / 10_000
    assert correct_prior([sampled], train_rate=train, deploy_rate=deploy)[0] == pytest.approx(40 / 1000)


def test_a_series_keeps_its_index() -> None:
    p = pd.Series([0.5, 0.0], index=["b", "a"], name="risk")
    corrected = correct_prior(p, train_rate=0.5, deploy_rate=0.05)
    pd.testing.assert_series_equal(corrected, pd.Series([0.05, 0.0], index=["b", "a"], name="risk"))


@pytest.mark.parametrize("rate", [0, 1, -0.1, 5])
def test_rates_are_shares(rate) -> None:
    with pytest.raises(ParameterError, match="train_rate is"):
        correct_prior([0.5], train_rate=rate, deploy_rate=0.1)
    with pytest.raises(ParameterError, match="deploy_rate is"):
        correct_prior([0.5], train_rate=0.1, deploy_rate=rate)


def test_probabilities_are_probabilities() -> None:
    with pytest.raises(DataError, match=r"2 of 3 probabilities are missing or outside 0 and 1 \(rows 1, 2\)"):
        correct_prior([0.5, 1.2, np.nan], train_rate=0.5, deploy_rate=0.1)
