"""Classes of a score: half-open, named, and every score in exactly one."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import DataError, ParameterError, ParameterTypeError
from churnlib.segmentation import Tiers

BOUNDS = st.lists(st.integers(0, 99), min_size=1, max_size=6, unique=True)


def test_the_shipped_example_with_its_bounds():
    assert repr(Tiers()) == "Tiers(A [80, 100], B [50, 80), D [0, 50))"
    below = np.nextafter([80.0, 50.0], 0)
    assert Tiers().assign([100, 80, below[0], 50, below[1], 0]).tolist() == ["A", "A", "B", "B", "D", "D"]


def test_b_and_c_share_the_middle_where_configured():
    tiers = Tiers({"A": 80, "B": 65, "C": 50, "D": 0})
    assert repr(tiers) == "Tiers(A [80, 100], B [65, 80), C [50, 65), D [0, 50))"
    assert tiers.assign([65, 64.9, 50, 49.9]).tolist() == ["B", "C", "C", "D"]


@given(BOUNDS, st.lists(st.floats(0, 100), min_size=1, max_size=20))
def test_every_score_is_in_exactly_one_class(bounds, scores):
    lows = {f"class {low}": low for low in bounds}
    tiers = Tiers(lows)
    held = [score for score in [*scores, *bounds, 100.0] if score >= min(bounds)]
    ends = dict(zip(tiers.names, [math.inf, *tiers.lows[:-1]], strict=True))
    for score, tier in zip(held, tiers.assign(held), strict=True):
        inside = [name for name, low in lows.items() if low <= score < ends[name]]
        assert inside == [tier]


def test_no_end_above_or_below():
    tiers = Tiers({"gain": 0, "loss": -math.inf}, high=math.inf)
    assert repr(tiers) == "Tiers(gain [0, ∞), loss (-∞, 0))"
    assert tiers.assign([-1e300, -0.0, 1e300]).tolist() == ["loss", "gain", "gain"]


def test_a_series_keeps_its_customers_and_is_ordered():
    scores = pd.Series([10.0, 90.0, 60.0], index=pd.Index([7, 8, 9], name="customer_id"))
    tiers = Tiers().assign(scores)
    assert tiers.index.equals(scores.index)
    assert tiers.name == "tier"
    assert (tiers >= "B").tolist() == [False, True, True]
    assert tiers.cat.categories.tolist() == ["D", "B", "A"]


def test_tiers_are_values():
    assert Tiers({"D": 0, "A": 80, "B": 50}) == Tiers()
    assert len({Tiers(), Tiers(), Tiers(high=101)}) == 2
    assert pickle.loads(pickle.dumps(Tiers())) == Tiers()


def test_quantiles_are_learned_once():
    scores = np.arange(1, 101, dtype=float)
    tiers = Tiers.from_quantiles(scores, {"A": 0.2, "B": 0.3, "C": 0.3, "D": 0.2}, low=0, high=1000)
    assert repr(tiers) == "Tiers(A [81, 1000], B [51, 81), C [21, 51), D [0, 21))"
    assert pd.Series(tiers.assign(scores)).value_counts().to_dict() == {"A": 20, "B": 30, "C": 30, "D": 20}
    # frozen: other customers meet the same bounds
    assert tiers.assign([500, 81, 0]).tolist() == ["A", "A", "D"]


@given(
    st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.5, 8.0]), min_size=1, max_size=40),
    st.lists(st.integers(1, 5), min_size=1, max_size=4),
    st.randoms(use_true_random=False),
)
def test_quantile_classes_follow_the_mid_rank(scores, parts, random):
    """Against the definition, row by row; or a class would be empty, and that is said."""
    shares = {name: part / sum(parts) for name, part in zip("ABCD", parts, strict=False)}
    n, total = len(scores), sum(parts)

    def expected(score):
        middle = 2 * sum(s < score for s in scores) + sum(s == score for s in scores)
        above = 0
        for name, part in zip("ABCD", parts, strict=False):
            above += part
            if middle * total >= 2 * n * (total - above):
                return name
        raise AssertionError

    wanted = [expected(score) for score in scores]
    if set(wanted) == set(shares):
        tiers = Tiers.from_quantiles(scores, shares)
        assert tiers.assign(scores).tolist() == wanted
        assert Tiers.from_quantiles(random.sample(scores, n), shares) == tiers
    else:
        with pytest.raises(DataError, match="would be empty: too many of the scores are equal"):
            Tiers.from_quantiles(scores, shares)


@pytest.mark.parametrize("outside", [[50, 100.5, 120], [50, -1, -1]])
def test_a_score_outside_the_range_is_named(outside):
    with pytest.raises(DataError, match=rf"2 of 3 scores are outside \[0, 100\] \(rows 1, 2; first: {outside[1]}"):
        Tiers().assign(outside)


@pytest.mark.parametrize(
    ("scores", "text"),
    [
        ([1, np.nan], r"1 of 2 scores are missing or infinite \(row 1\)"),
        (pd.Series([1, None], dtype="Int64"), r"1 of 2 scores are missing or infinite \(row 1\)"),
        ([1, np.inf], "missing or infinite"),
        (["A"], "cannot be read as numbers"),
        ([[1.0]], r"the scores have shape \(1, 1\)"),
        ([], "there are no scores"),
    ],
)
def test_scores_are_numbers(scores, text):
    with pytest.raises(DataError, match=text):
        Tiers().assign(scores)


@pytest.mark.parametrize(
    ("lows", "options", "error", "text"),
    [
        ({}, {}, ParameterError, "lows is empty"),
        ([80, 50], {}, ParameterTypeError, r"lows is \[80, 50\]"),
        ({1: 80}, {}, ParameterTypeError, "a lower bound for each class by name"),
        ({"A": 80, "B": 80}, {}, ParameterError, "the classes 'A' and 'B' both start at 80"),
        ({"A": 0.0, "B": -0.0}, {}, ParameterError, "both start at 0"),
        ({"A": "80"}, {}, ParameterTypeError, r"lows\['A'\] is '80'"),
        ({"A": math.nan}, {}, ParameterError, r"lows\['A'\]=nan"),
        ({"A": 100}, {}, ParameterError, "the class 'A' starts at 100 and high=100"),
        ({"A": 1}, {"high": math.nan}, ParameterError, "high=nan"),
    ],
)
def test_bounds_that_cannot_work_say_why(lows, options, error, text):
    with pytest.raises(error, match=text):
        Tiers(lows, **options)


@pytest.mark.parametrize(
    ("shares", "error", "text"),
    [
        ({"A": 0.5, "B": 0.4}, ParameterError, "the shares 0.5, 0.4 sum to 0.9"),
        ({"A": 1.0, "B": 0.0}, ParameterError, "or one of them is 0"),
        ({"A": 1.5}, ParameterError, r"shares\['A'\]=1.5 is out of range"),
        ({}, ParameterTypeError, "shares is {}"),
        ([0.5, 0.5], ParameterTypeError, r"shares is \[0.5, 0.5\]"),
    ],
)
def test_shares_that_cannot_work_say_why(shares, error, text):
    with pytest.raises(error, match=text):
        Tiers.from_quantiles([1.0, 2.0], shares)


def test_too_many_equal_scores_for_a_class():
    with pytest.raises(DataError, match=r"class 'A' would be empty: too many of the scores are equal \(around 5, of 2"):
        Tiers.from_quantiles([1.0, 5, 5, 5], {"A": 0.1, "B": 0.9})


def test_shares_are_named_by_text():
    with pytest.raises(ParameterTypeError, match=r"shares is \{1: 0.5, 2: 0.5\}; a share for each class"):
        Tiers.from_quantiles([1, 2, 3, 4], {1: 0.5, 2: 0.5})


def test_learned_bounds_are_shown_with_six_digits_and_kept_with_all():
    scores = np.array([1 / 3, 2 / 3, 12345678.9, 1e-9 / 7])
    tiers = Tiers.from_quantiles(scores, {"A": 0.25, "B": 0.25, "C": 0.25, "D": 0.25})
    assert repr(tiers) == "Tiers(A [12345679, ∞), B [0.666667, 12345679), C [0.333333, 0.666667), D (-∞, 0.333333))"
    assert tiers.lows[1:3] == (2 / 3, 1 / 3)


def test_digits_are_added_where_two_bounds_would_look_alike():
    assert (
        repr(Tiers({"A": 1 / 3 + 1e-9, "B": 1 / 3}, high=1))
        == "Tiers(A [0.333333334, 1], B [0.333333333, 0.333333334))"
    )
    above = float(np.nextafter(0.3, 1))
    assert repr(Tiers({"A": above, "B": 0.3}, high=1)) == f"Tiers(A [{above!r}, 1], B [0.3, {above!r}))"


@given(st.lists(st.floats(-1e300, 1e300), min_size=2, max_size=6, unique=True))
def test_every_bound_can_be_shown_apart_from_the_others(bounds):
    high = max(bounds)
    tiers = Tiers({f"t{k}": bound for k, bound in enumerate(bounds) if bound < high}, high=high)
    ends = [part.split(" ", 1)[1] for part in repr(tiers)[6:-1].replace(", t", "; t").split("; ")]
    assert len({end.split(", ")[0] for end in ends}) == len(tiers.names)


def test_shares_say_what_ties_made_of_what_was_asked():
    scores = [0.0] * 7 + [5.0, 6.0, 7.0]
    tiers = Tiers.from_quantiles(scores, {"A": 0.2, "B": 0.3, "C": 0.5})
    reached = tiers.shares(pd.Series(scores))
    assert reached.to_dict() == {"A": 0.2, "B": 0.1, "C": 0.7}
    assert (reached.name, reached.index.name) == ("share", "tier")
    assert Tiers().shares([90]).to_dict() == {"A": 1.0, "B": 0.0, "D": 0.0}
    with pytest.raises(DataError, match="1 of 1 scores are outside"):
        Tiers().shares([101])
    with pytest.raises(DataError, match="there are no scores"):
        Tiers().shares([])


def test_the_bounds_and_not_the_letters_say_which_class_is_the_best():
    assert Tiers({"D": 0, "B": 80, "A": 50}).names == ("B", "A", "D")
