"""KS against its definition and against scipy's two-sample test."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp
from sklearn.metrics import roc_curve

from churnlib.exceptions import DataError
from churnlib.metrics import RankedOutcomes, ks_score

rows = st.integers(2, 40).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 1), min_size=n, max_size=n).filter(lambda y: 0 < sum(y) < len(y)),
        st.lists(st.integers(-3, 3).map(float), min_size=n, max_size=n),
        st.lists(st.integers(1, 4), min_size=n, max_size=n),
    )
)


@given(rows)
def test_it_is_the_largest_height_of_the_roc_curve_above_chance(columns) -> None:
    y, s, weight = (np.array(column) for column in columns)
    assert ks_score(y, s) == pytest.approx(ks_2samp(s[y == 1], s[y == 0], alternative="less").statistic, abs=1e-12)
    for w in (None, weight):
        fpr, tpr, _ = roc_curve(y, s, sample_weight=w, drop_intermediate=False)
        assert ks_score(y, s, sample_weight=w) == pytest.approx((tpr - fpr).max(), abs=1e-12)
    assert RankedOutcomes(y, s).ks() == ks_score(y[::-1], s[::-1])


def test_perfect_and_inverted() -> None:
    assert ks_score([1, 1, 0], [3, 2, 1]) == 1.0
    assert ks_score([1, 1, 0], [1, 2, 3]) == 0.0


def test_one_class_is_refused() -> None:
    with pytest.raises(DataError, match="all 2 rows are stayers; KS compares churners with stayers"):
        ks_score([0, 0], [1, 2])
