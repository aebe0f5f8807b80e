"""The truth tables, against the connectives written as tables, and operators that serve one value and a column."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from churnlib.expressions import _kleene as kleene

T, U, F = (True, False), (False, False), (False, True)
TRUTHS = (T, U, F)
# Kleene, Introduction to Metamathematics (1952), section 64: "and" is the least, "or" the greatest of F < U < T.
ORDER = {F: 0, U: 1, T: 2}


@pytest.mark.parametrize(("a", "b"), list(itertools.product(TRUTHS, TRUTHS)))
def test_and_is_the_least_or_the_greatest(a, b) -> None:
    assert ORDER[kleene.all_of(a, b)] == min(ORDER[a], ORDER[b])
    assert ORDER[kleene.any_of(a, b)] == max(ORDER[a], ORDER[b])
    assert kleene.negated(kleene.all_of(a, b)) == kleene.any_of(kleene.negated(a), kleene.negated(b))


def test_not_and_equality() -> None:
    assert [kleene.negated(truth) for truth in TRUTHS] == [F, U, T]
    table = [[kleene.same_truths(a, b) for b in TRUTHS] for a in TRUTHS]
    assert table == [[T, U, F], [U, U, U], [F, U, T]]


def column(truths) -> tuple:
    return tuple(np.array(part) for part in zip(*truths, strict=True))


@pytest.mark.parametrize("connective", [kleene.all_of, kleene.any_of, kleene.same_truths])
def test_columns_follow_the_same_tables(connective) -> None:
    pairs = list(itertools.product(TRUTHS, TRUTHS))
    found = connective(column(a for a, _ in pairs), column(b for _, b in pairs))
    assert list(zip(*(part.tolist() for part in found), strict=True)) == [connective(a, b) for a, b in pairs]


def test_what_is_divided_by_zero_is_missing() -> None:
    assert kleene.divided(1.0, 4.0) == 0.25
    assert np.isnan([kleene.divided(1.0, 0.0), kleene.divided(1.0, -0.0), kleene.divided(0.0, float("nan"))]).all()
    np.testing.assert_array_equal(kleene.divided(np.array([1.0, 1.0]), np.array([0.0, 4.0])), [np.nan, 0.25])


def test_texts_are_equal_different_or_unknown() -> None:
    assert [kleene.same_texts(a, b) for a, b in [("x", "x"), ("x", "y"), (None, "x"), (None, None)]] == [T, F, U, U]
    left, right = np.array(["x", "x", None, None], dtype=object), np.array(["x", "y", "x", None], dtype=object)
    same, different = kleene.same_texts(left, right)
    assert (same.tolist(), different.tolist()) == ([True, False, False, False], [False, True, False, False])


def test_membership_of_a_missing_value_is_unknown() -> None:
    members = frozenset({1.0, 2.0})
    assert kleene.is_among(1.0, members, True) == T
    assert kleene.is_among(float("nan"), members, False) == U
    values = np.array([1.0, 3.0, np.nan])
    among, apart = kleene.is_among(values, members, kleene.is_known(values))
    assert (among.tolist(), apart.tolist()) == ([True, False, False], [False, True, False])
