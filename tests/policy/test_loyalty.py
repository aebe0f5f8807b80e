"""Loyalty tiers: against a plain reading, customer by customer and review by review."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import churnlib as cl
from churnlib.exceptions import DataError, DuplicateError, ParameterError, ParameterTypeError, SchemaError, TimeError
from churnlib.policy import LoyaltyTiers

LOWS = {"gold": 100, "silver": 30, "basic": 0}
BEST_FIRST = list(LOWS)
START = pd.Timestamp("2026-01-01", tz="UTC")


def plainly_earned(amount: float) -> str:
    return next((name for name, low in LOWS.items() if amount >= low), "basic")


def plainly_reviewed(amounts: list, days: list, grace: int, down: str) -> list:
    """Follow one customer."""
    tier, limit, story = None, None, []
    for amount, day in zip(amounts, days, strict=True):
        earned = plainly_earned(amount)
        if tier is None or BEST_FIRST.index(earned) <= BEST_FIRST.index(tier):
            change = "joined" if tier is None else "kept" if earned == tier else "upgraded"
            tier, limit = earned, None
        else:
            limit = day + grace if limit is None else limit
            change = "in grace"
            if day >= limit:
                tier = earned if down == "earned" else BEST_FIRST[BEST_FIRST.index(tier) + 1]
                limit, change = (None if tier == earned else day + grace), "downgraded"
        story.append((tier, earned, change, limit))
    return story


@given(
    st.lists(
        st.lists(st.sampled_from([-5.0, 0.0, 29.99, 30.0, 99.0, 100.0, 500.0]), min_size=3, max_size=3),
        min_size=1,
        max_size=8,
    ),
    st.lists(st.sampled_from([10, 20, 30, 31]), min_size=8, max_size=8),
    st.sampled_from([0, 20, 30, 60]),
    st.sampled_from(["earned", "step"]),
)
def test_it_equals_a_plain_reading(amounts, steps, grace, down) -> None:
    days = np.cumsum(steps)[: len(amounts)].tolist()
    tiers, before, found = LoyaltyTiers(LOWS, grace=f"{grace}d", down=down), None, []
    for day, row in zip(days, amounts, strict=True):
        spent = pd.Series(row, index=["cyd", "ann", "bob"])
        before = tiers.review(spent, on=START + pd.Timedelta(days=day), before=before)
        found.append(before)
    for place, who in enumerate(["cyd", "ann", "bob"]):
        expected = plainly_reviewed([row[place] for row in amounts], days, grace, down)
        for table, (tier, earned, change, limit) in zip(found, expected, strict=True):
            assert table.loc[who, ["tier", "earned", "change"]].tolist() == [tier, earned, change]
            end = table.loc[who, "grace_until"]
            assert pd.isna(end) if limit is None else end == START + pd.Timedelta(days=limit)


def test_at_the_end_of_the_grace_the_tier_is_lost() -> None:
    tiers = LoyaltyTiers(LOWS, grace="30d")
    first = tiers.review(pd.Series({7: 100.0}), on="2026-01-01")
    second = tiers.review(pd.Series({7: 0.0}), on="2026-02-01", before=first)
    assert str(second.loc[7, "grace_until"]) == "2026-03-03 00:00:00+00:00"
    before = tiers.review(pd.Series({7: 0.0}), on="2026-03-02 23:59:59", before=second)
    assert before.loc[7, "tier"] == "gold"
    at_end = tiers.review(pd.Series({7: 0.0}), on="2026-03-03", before=second)
    assert at_end.loc[7, ["tier", "change"]].tolist() == ["basic", "downgraded"]
    assert at_end.loc[7, "since"] == pd.Timestamp("2026-03-03", tz="UTC")


def test_whoever_earns_it_again_in_the_grace_keeps_it() -> None:
    tiers, table = LoyaltyTiers(LOWS, grace="60d"), None
    for on, spent in [("2026-01-01", 100), ("2026-02-01", 0), ("2026-03-01", 100), ("2026-04-15", 0)]:
        table = tiers.review(pd.Series({7: float(spent)}), on=on, before=table)
    assert table.loc[7, ["tier", "change"]].tolist() == ["gold", "in grace"]
    assert table.loc[7, "grace_until"] == pd.Timestamp("2026-06-14", tz="UTC")
    assert table.loc[7, "since"] == pd.Timestamp("2026-01-01", tz="UTC")


def test_whoever_has_no_amount_earned_nothing_and_strangers_join() -> None:
    tiers = LoyaltyTiers(LOWS)
    first = tiers.review(pd.Series({8: 100.0, 7: 30.0}), on="2026-01-01")
    second = tiers.review(pd.Series({9: 30.0, 7: 30.0}), on="2026-02-01", before=first)
    assert second.index.tolist() == [7, 8, 9]
    assert second["change"].tolist() == ["kept", "in grace", "joined"]


# -- a log ----------------------------------------------------------------------------------------


def log_of(rows, **options) -> cl.EventLog:
    frame = pd.DataFrame(rows, columns=["who", "at", "paid", "known", "kind"])
    options = {"complete_until": "2027-05-01"} | options
    return cl.EventLog.from_frame(
        frame, customer="who", time="at", amount="paid", known_at="known", kind="kind", **options
    )


ROWS = [
    (1, "2026-01-05", 60.10, "2026-01-05", "order"),
    (1, "2026-01-31 23:59", 39.90, "2026-01-31 23:59", "order"),
    (1, "2026-02-01", 500.0, "2026-02-01", "order"),
    (2, "2026-01-20", 120.0, "2026-02-15", "order"),
    (2, "2026-01-21", 5.0, "2026-01-21", "order"),
    (3, "2026-01-22", 40.0, "2026-01-22", "order"),
    (3, "2026-01-23", -15.0, "2026-01-23", "refund"),
]


def test_a_review_sees_what_was_known_before_it() -> None:
    table = LoyaltyTiers(LOWS).run(log_of(ROWS), cutoffs=["2026-02-01", "2026-03-01"])
    first, second = (table[table["on"] == on] for on in table["on"].unique())
    assert first["amount"].to_dict() == {1: 100.0, 2: 5.0, 3: 25.0}
    assert first["tier"].tolist() == ["gold", "basic", "basic"]
    assert second["amount"].to_dict() == {1: 600.0, 2: 125.0, 3: 25.0}
    orders = LoyaltyTiers(LOWS).run(log_of(ROWS), cutoffs="2026-02-01", kinds="order")
    assert orders.loc[3, ["amount", "tier"]].tolist() == [40.0, "silver"]


def test_the_window_is_half_open() -> None:
    tiers = LoyaltyTiers(LOWS, window="31d")
    assert tiers.run(log_of(ROWS), cutoffs="2026-02-05").loc[1, "amount"] == 600.0
    assert tiers.run(log_of(ROWS), cutoffs="2026-02-05 00:00:01").loc[1, "amount"] == pytest.approx(539.9)


def test_later_reviews_change_nothing_before_them() -> None:
    tiers = LoyaltyTiers(LOWS, window="30d", grace="20d")
    two = tiers.run(log_of(ROWS), cutoffs=["2026-02-01", "2026-03-01"])
    four = tiers.run(log_of(ROWS), cutoffs=["2026-02-01", "2026-03-01", "2026-04-01", "2026-05-01"])
    pd.testing.assert_frame_equal(four.iloc[: len(two)], two)


def test_the_order_of_rows_does_not_matter() -> None:
    tiers = LoyaltyTiers(LOWS, window="30d")
    one, other = (tiers.run(log_of(rows), cutoffs=["2026-02-01", "2026-03-01"]) for rows in (ROWS, ROWS[::-1]))
    pd.testing.assert_frame_equal(one, other)


def test_transitions_count_each_step() -> None:
    tiers = LoyaltyTiers(LOWS, grace="0d")
    table = tiers.run(log_of(ROWS), cutoffs=["2026-02-01", "2026-03-01", "2027-04-01"])
    steps = tiers.transitions(table).set_index(["from", "to"])
    assert len(steps) == 9
    assert steps["n"].sum() == 6
    assert steps.loc[("basic", "gold")].tolist() == [1, 1 / 3]
    assert steps.loc[("gold", "basic"), "n"] == 2
    assert np.isnan(steps.loc[("silver", "gold"), "share"])


# -- mistakes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "kind", "says"),
    [
        (lambda: LoyaltyTiers({"a": 1, "b": 2}), ParameterError, "the bounds 1.0, 2.0 do not fall"),
        (lambda: LoyaltyTiers({"a": 1, "b": 1}), ParameterError, "do not fall"),
        (lambda: LoyaltyTiers({}), ParameterTypeError, "lows is {}"),
        (lambda: LoyaltyTiers(LOWS, down="all"), ParameterError, "down='all' is not a choice"),
        (lambda: LoyaltyTiers(LOWS, window="0d"), ParameterError, "window"),
        (lambda: LoyaltyTiers(LOWS, grace="-1d"), ParameterError, "grace"),
        (lambda: LoyaltyTiers(LOWS).review([1.0], on="2026-01-01"), ParameterTypeError, "amount is a list"),
        (
            lambda: LoyaltyTiers(LOWS).review(pd.Series({1: np.nan}), on="2026-01-01"),
            DataError,
            "1 of 1 amounts are missing",
        ),
        (
            lambda: LoyaltyTiers(LOWS).review(pd.Series([1.0, 2.0], index=[7, 7]), on="2026-01-01"),
            DuplicateError,
            "1 customers have two amounts",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(make, kind, says) -> None:
    with pytest.raises(kind, match=says):
        make()


def test_reviews_follow_one_another() -> None:
    tiers, spent = LoyaltyTiers(LOWS), pd.Series({7: 50.0})
    first = tiers.review(spent, on="2026-02-01")
    with pytest.raises(TimeError, match="the review before was at 2026-02-01"):
        tiers.review(spent, on="2026-02-01", before=first)
    with pytest.raises(DuplicateError, match="the review before has customers twice"):
        tiers.review(spent, on="2026-03-01", before=pd.concat([first, first]))
    with pytest.raises(ParameterError, match="the review before has the tier 'silver'"):
        LoyaltyTiers({"best": 9, "rest": 0}).review(spent, on="2026-03-01", before=first)
    plain = cl.EventLog.from_frame(pd.DataFrame({"who": [1], "at": ["2026-01-01"]}), customer="who", time="at")
    with pytest.raises(DataError, match="the log has no amounts"):
        tiers.run(plain, cutoffs="2026-02-01")
    with pytest.raises(TimeError, match="the log is complete until 2026-03-01"):
        tiers.run(log_of(ROWS, complete_until="2026-03-01"), cutoffs=["2026-02-01", "2026-04-01"])


def test_amounts_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(SchemaError, match="amount holds"):
        LoyaltyTiers({"gold": 10, "basic": 0}).review(pd.Series(["much"], index=["ann"]), on="2026-01-01")
