"""Qini, AUUC and AUTOC of an experiment: golden numbers, and input that is refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from churnlib.exceptions import AssumptionWarning, DataError, ParameterError
from churnlib.metrics._uplift_effects import ipw_scores
from churnlib.metrics._uplift_score import autoc_score, auuc_score, qini_score
from churnlib.metrics._uplift_top import uplift_at_k
from tests.metrics.uplift_worlds import GOLDEN, RETAINED, SCORE, TREATED

SCORES = {"qini": qini_score, "auuc": auuc_score, "autoc": autoc_score}
EVERY = [*SCORES.values(), uplift_at_k]


@pytest.mark.parametrize("name", list(SCORES))
def test_golden_numbers_in_any_order_of_rows(name: str) -> None:
    y, t, s = RETAINED, TREATED, SCORE
    assert SCORES[name](y, s, treatment=t, propensity=0.5) == pytest.approx(GOLDEN[name], abs=1e-10)
    assert SCORES[name](y[::-1], s[::-1], treatment=t[::-1], propensity=0.5) == pytest.approx(GOLDEN[name], abs=1e-10)
    assert SCORES[name](y, s, treatment=t, propensity="estimate") == pytest.approx(GOLDEN[name], abs=1e-10)


def test_the_effects_of_rows() -> None:
    found = ipw_scores([3, 1, 4, 2], treatment=[True, False, True, False], propensity=[0.25, 0.5, 0.5, 0.2])
    assert found.tolist() == [12.0, -2.0, 8.0, -2.5]
    weighted = ipw_scores([1, 1, 1], treatment=[1, 0, 1], propensity="estimate", sample_weight=[1, 1, 0])
    assert weighted.tolist() == [2.0, -2.0, 2.0]


def test_a_constant_off_the_outcome_changes_noise_only() -> None:
    rng = np.random.default_rng(0)
    n = 200_000
    score, treated = rng.normal(size=n), rng.random(n) < 0.5
    retained = rng.random(n) < 0.85 + 0.03 * np.tanh(score) * treated
    plain = qini_score(retained, score, treatment=treated, propensity=0.5)
    centred = qini_score(retained - retained.mean(), score, treatment=treated, propensity=0.5)
    assert plain == pytest.approx(centred, abs=0.005)
    spread = [np.std(ipw_scores(y, treatment=treated, propensity=0.5)) for y in (retained, retained - retained.mean())]
    assert spread[1] < 0.5 * spread[0]


@pytest.mark.parametrize("score", [qini_score, auuc_score, autoc_score])
def test_a_constant_score_is_noted(score: Callable[..., float]) -> None:
    with pytest.warns(AssumptionWarning, match="all 12 scores are equal, so that nothing is ranked") as noted:
        value = score(RETAINED, [0.3] * 12, treatment=TREATED, propensity=0.5)
    assert value == pytest.approx(-1 / 6 if score is auuc_score else 0.0, abs=1e-15)
    assert noted[0].filename == __file__


def test_weights_are_repeated_rows() -> None:
    weight = np.array([1, 2, 0, 3, 1, 1, 2, 1, 0, 1, 2, 1])
    again = np.repeat(np.arange(12), weight)
    y, t, s = (np.array(column)[again] for column in (RETAINED, TREATED, SCORE))
    for score in EVERY:
        for propensity in (0.4, "estimate"):
            weighted = score(RETAINED, SCORE, treatment=TREATED, propensity=propensity, sample_weight=weight)
            assert weighted == pytest.approx(score(y, s, treatment=t, propensity=propensity), abs=1e-12)


BAD = {
    "treatment is None": ({"treatment": None}, ParameterError, "treatment is None; an effect is the difference"),
    "all treated": ({"treatment": [1, 1, 1, 1]}, DataError, "all 4 rows are treated"),
    "none treated": ({"treatment": [0, 0, 0, 0]}, DataError, "all 4 rows are untreated.*\n.*keep a control group"),
    "three arms": ({"treatment": [0, 1, 2, 1]}, DataError, r"1 of 4 treatments are neither 0 nor 1 \(first: 2.0\)"),
    "names of arms": ({"treatment": list("abab")}, DataError, "treatment cannot be read as numbers"),
    "treatment NaN": ({"treatment": [0, 1, np.nan, 1]}, DataError, r"1 of 4 values of treatment are NaN \(row 2\)"),
    "treatment short": ({"treatment": [0, 1]}, DataError, "treatment has 2 rows and the outcome 4"),
    "no propensity": ({"propensity": None}, ParameterError, "propensity is None; .* never guessed"),
    "propensity 0": ({"propensity": 0}, ParameterError, "propensity is 0; the chance to be treated lies above 0"),
    "propensity 1": ({"propensity": 1.0}, ParameterError, "propensity is 1.0"),
    "propensity nan": ({"propensity": float("nan")}, ParameterError, "propensity is nan"),
    "propensity word": ({"propensity": "auto"}, ParameterError, "propensity is 'auto'; a chance, one chance per row"),
    "propensity of a row 1": (
        {"propensity": [0.5, 1, 0.5, 0]},
        DataError,
        r"2 of 4 propensities are not between 0 and 1 \(rows 1, 3; first: 0.0, 1.0\)",
    ),
    "propensity of a row NaN": ({"propensity": [0.5, np.nan, 0.5, 0.5]}, DataError, "1 of 4 values of propensity are"),
    "propensities short": ({"propensity": [0.5]}, DataError, "propensity has 1 rows and the outcome 4"),
    "outcome NaN": ({"outcome": [1, np.nan, 0, 1]}, DataError, r"1 of 4 values of outcome are NaN \(row 1\)"),
    "outcome infinite": ({"outcome": [1, np.inf, 0, 1]}, DataError, r"1 of 4 outcomes are infinite \(row 1\)"),
    "outcome words": ({"outcome": list("abcd")}, DataError, "outcome cannot be read as numbers"),
    "no rows": ({"outcome": []}, DataError, "there are no rows"),
    "score NaN": ({"score": [1, 2, np.nan, 4]}, DataError, r"1 of 4 values of score are NaN \(row 2\)"),
    "score short": ({"score": [1, 2]}, DataError, "score has 2 rows and the outcome 4"),
    "two arms of scores": ({"score": np.ones((4, 2))}, DataError, r"score has shape \(4, 2\)"),
    "weights": ({"sample_weight": [1, -1, 1, 1]}, DataError, "1 of 4 weights are negative"),
    "no weight on an arm": ({"sample_weight": [1, 0, 1, 0]}, DataError, "all 2 rows are untreated"),
    "churn": (
        {"outcome": pd.Series([1, 0, 0, 1], name="churned")},
        DataError,
        "the outcome is named 'churned'.*\nFix: outcome=.1 - churned",
    ),
    "labels": (
        {"outcome": pd.Series([1, 0, 0, 1], list("abcd")), "score": pd.Series([1, 2, 3, 4], list("dcba"))},
        DataError,
        "outcome and score hold the same 4 labels in different orders",
    ),
}


@pytest.mark.parametrize("name", list(BAD))
def test_bad_input_is_counted_and_named(name: str) -> None:
    changed, error, text = BAD[name]
    given = {"outcome": [1, 0, 0, 1], "score": [4, 3, 2, 1], "treatment": [0, 1, 0, 1], "propensity": 0.5} | changed
    outcome, score = given.pop("outcome"), given.pop("score")
    for metric in EVERY:
        with pytest.raises(error, match=text):
            metric(outcome, score, **given)


def test_columns_of_other_labels_are_paired_by_position() -> None:
    y, s = pd.Series(RETAINED), pd.Series(SCORE, index=list("abcdefghijkl"))
    assert qini_score(y, s, treatment=TREATED, propensity=0.5) == pytest.approx(GOLDEN["qini"], abs=1e-10)


def test_columns_and_labelled_series_are_read() -> None:
    index = pd.Index(range(100, 112), name="customer_id")
    y, t, s = (pd.Series(column, index=index) for column in (RETAINED, TREATED, SCORE))
    assert qini_score(y, s.to_frame(), treatment=t, propensity=0.5) == pytest.approx(GOLDEN["qini"], abs=1e-10)
    assert qini_score(y.astype(bool), s, treatment=t.astype(bool), propensity=t * 0 + 0.5) == pytest.approx(
        GOLDEN["qini"], abs=1e-10
    )
