"""The overlap of codes, by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from churnlib.exceptions import DataError, ParameterError, ParameterTypeError
from churnlib.reasons import bag_stability, code_overlap, reason_codes

NAMES = ["any.recency", "monthly_charges", "any.tenure"]


def contributions(rows: dict[str, list[float]]) -> pd.DataFrame:
    return pd.DataFrame.from_dict(rows, orient="index", columns=NAMES).rename_axis("customer_id")


def test_the_overlap_is_counted_by_customer() -> None:
    one = reason_codes(contributions({"a": [0.5, 0.4, 0.0], "b": [0.0, 0.0, 0.0], "c": [0.5, 0.0, 0.0]}))
    two = reason_codes(contributions({"a": [0.5, 0.0, 0.4], "b": [0.0, 0.0, 0.0], "d": [0.5, 0.0, 0.0]}))
    found = code_overlap(one, two).iloc[0]
    # a: {ENG02, PRC01} and {ENG02, LIF02} share one of three; b: none and none; c and d stand alone
    assert found["jaccard"] == pytest.approx((1 / 3 + 1) / 2)
    assert found[["customers", "left_out", "same_first"]].tolist() == [2, 2, 1.0]
    assert code_overlap(one, two, top=1)["jaccard"].tolist() == [1.0]


def test_bags_are_compared_in_pairs() -> None:
    bags = [contributions({"a": [0.5, price, 0.0]}) for price in (0.0, 0.4, 0.4)]
    found = bag_stability(bags)
    assert found.index.tolist() == [(0, 1), (0, 2), (1, 2)]
    assert found["jaccard"].tolist() == [0.5, 0.5, 1.0]
    assert bag_stability(bags, min_effect=0.45)["jaccard"].tolist() == [1.0, 1.0, 1.0]


def test_wrong_input_is_named() -> None:
    one = reason_codes(contributions({"a": [0.5, 0.4, 0.0]}))
    with pytest.raises(DataError, match="the 1 customers of first and the 1 of second have nobody in common"):
        code_overlap(one, reason_codes(contributions({"b": [0.5, 0.4, 0.0]})))
    with pytest.raises(ParameterTypeError, match="second is a DataFrame"):
        code_overlap(one, one.frame)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="there are 1 bags"):
        bag_stability([contributions({"a": [0.5, 0.4, 0.0]})])
