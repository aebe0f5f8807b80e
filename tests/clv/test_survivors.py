"""Tables of survivors: counts or shares, and those that cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from churnlib.clv import ShiftedBetaGeometric
from churnlib.clv._survivors import survivor_counts
from churnlib.exceptions import DataError, ParameterTypeError


def test_counts_stay_and_shares_are_scaled():
    assert survivor_counts([1000, 631, 0], None).tolist() == [1000, 631, 0]
    assert survivor_counts([1.0, 0.5], 10).tolist() == [10, 5]


@pytest.mark.parametrize(
    ("survivors", "text"),
    [
        ([1000, 631, 640], r"is larger than the one before in 1 of 3 periods \(first: 640 in row 2\)"),
        ([1000, 631, -1], r"is missing, infinite or negative in 1 of 3 periods \(first: -1 in row 2\)"),
        ([1000, np.nan, 1], r"is missing, infinite or negative in 1 of 3 periods \(first: nan in row 1\)"),
        ([100, 63.1, 46.8], r"is no whole number in 2 of 3 periods.*survivors, n=1000"),
        ([1000, 1000, 1000], r"nobody of 1000 was lost in 2 periods"),
        ([0, 0], r"nobody of 0 was lost in 1 periods"),
        ([1000], r"have the shape \(1,\)"),
        ([[1000, 631]], r"have the shape \(1, 2\)"),
    ],
)
def test_survivors_that_cannot_be(survivors, text):
    with pytest.raises(DataError, match=f"(?s){text}"):
        ShiftedBetaGeometric().fit_survivors(survivors)


def test_the_number_of_customers_is_whole():
    with pytest.raises(ParameterTypeError, match=r"n is 10.5"):
        ShiftedBetaGeometric().fit_survivors([100, 50, 40], n=10.5)
