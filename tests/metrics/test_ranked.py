"""The shared sort: AUC against scikit-learn and against its definition; lists of a given size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from churnlib.exceptions import DataError, ParameterError
from churnlib.metrics import RankedOutcomes, Top

rows = st.integers(2, 40).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 1), min_size=n, max_size=n).filter(lambda y: 0 < sum(y) < len(y)),
        st.lists(st.integers(-2, 2).map(float), min_size=n, max_size=n),
        st.lists(st.integers(1, 4), min_size=n, max_size=n),
    )
)


@given(rows)
def test_auc_is_the_share_of_pairs_in_the_right_order(columns: tuple[list[int], ...]) -> None:
    y, s, weight = (np.array(column) for column in columns)
    pair = weight[y == 1][:, None] * weight[y == 0][None, :]
    difference = s[y == 1][:, None] - s[y == 0][None, :]
    by_definition = (pair * ((difference > 0) + 0.5 * (difference == 0))).sum() / pair.sum()
    ranked = RankedOutcomes(y, s)
    assert ranked.auc(weight) == pytest.approx(by_definition, abs=1e-14)
    assert ranked.auc(weight) == pytest.approx(roc_auc_score(y, s, sample_weight=weight), abs=1e-12)
    assert ranked.auc() == pytest.approx(roc_auc_score(y, s), abs=1e-12)


@given(rows, st.randoms(use_true_random=False))
def test_auc_does_not_depend_on_row_order_to_the_bit(columns: tuple[list[int], ...], random: object) -> None:
    y, s, weight = (np.array(column) for column in columns)
    order = np.array(random.sample(range(len(y)), len(y)))  # type: ignore[attr-defined]
    assert RankedOutcomes(y, s).auc(weight) == RankedOutcomes(y[order], s[order]).auc(weight[order])


@given(rows)
def test_turning_the_scores_round_turns_auc_round(columns: tuple[list[int], ...]) -> None:
    y, s, _ = columns
    assert RankedOutcomes(y, s).auc() + RankedOutcomes(y, -np.array(s)).auc() == pytest.approx(1.0)


def test_rows_of_weight_zero_are_as_if_absent() -> None:
    y, s = np.array([1, 0, 1, 0, 1]), np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    weight = np.array([0, 1, 1, 1, 1])
    full, rest = RankedOutcomes(y, s), RankedOutcomes(y[1:], s[1:])
    assert full.auc(weight) == rest.auc()
    assert full.top(0.5, sample_weight=weight) == rest.top(0.5)
    assert full.table(bins=2, sample_weight=weight).equals(rest.table(bins=2))


def test_a_list_of_given_size_compares_with_another_rule_of_equal_length() -> None:
    y = [1, 0, 1, 0, 0, 1]
    model = RankedOutcomes(y, [0.9, 0.2, 0.8, 0.1, 0.3, 0.7])
    silent_days = RankedOutcomes(y, [10, 80, 70, 5, 60, 20])
    assert model.top(size=3).precision == 1.0
    assert silent_days.top(size=3) == Top(size=3, churners=1, n_rows=6, n_churners=3)


def test_a_list_is_described_by_one_of_two_numbers() -> None:
    ranked = RankedOutcomes([1, 0], [0.9, 0.1])
    for arguments in ({}, {"fraction": 0.5, "size": 1}):
        with pytest.raises(ParameterError, match="exactly one of them is needed"):
            ranked.top(**arguments)
    with pytest.raises(ParameterError, match="size is 0"):
        ranked.top(size=0)
    with pytest.raises(DataError, match="the list of 3 is longer than the 2 rows"):
        ranked.top(size=3)


@pytest.mark.parametrize(("y", "who"), [([1, 1], "churners"), ([0, 0], "stayers")])
def test_auc_needs_both_classes(y: list[int], who: str) -> None:
    with pytest.raises(DataError, match=f"all 2 rows are {who}"):
        RankedOutcomes(y, [0.1, 0.2]).auc()


def test_repr_says_what_was_ranked() -> None:
    assert repr(RankedOutcomes([1, 0, 0, 0], [1, 1, 0, 0])) == "RankedOutcomes(4 rows, 25.0% churn, 2 scores)"


def test_calibration_needs_probabilities() -> None:
    with pytest.raises(DataError, match=r"1 of 2 probabilities are outside 0 and 1 \(first: 2"):
        RankedOutcomes([1, 0], [2.0, 0.5]).calibration_error(bins=1)
