"""Ordered rules: the first that fits gives the name, and none may wait for ever."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import ParameterError, ParameterTypeError
from churnlib.segmentation._segment_rules import RuleReach, map_from_rules, reach_frame

SCORES = {"recency_days": 5, "n_orders": 5, "spend_total": 5}
R, F, M = SCORES


def ranges(highest=3):
    return st.tuples(st.integers(1, highest), st.integers(1, highest)).map(lambda pair: tuple(sorted(pair)))


@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.dictionaries(st.sampled_from(["x", "y"]), ranges(), max_size=2)),
        min_size=1,
        max_size=6,
    )
)
def test_each_combination_goes_to_the_first_rule_that_fits(rules):
    """Against the plain reading, cell by cell: also of which rules never apply, and of the holes."""

    def fits(rule, cell):
        return all(rule[1].get(c, (1, 3))[0] <= cell[c] <= rule[1].get(c, (1, 3))[1] for c in "xy")

    cells = [dict(zip("xy", scores, strict=True)) for scores in itertools.product(range(1, 4), repeat=2)]
    first = [next((k for k, rule in enumerate(rules) if fits(rule, cell)), None) for cell in cells]
    unreached = [k for k in range(len(rules)) if k not in first]
    expected = "none of the" if not any(rule[1] for rule in rules) else "never apply" if unreached else "without a name"
    if expected == "without a name" and None not in first:
        segments, reach = map_from_rules(rules, {"x": 3, "y": 3})
        used = {column for rule in rules for column in rule[1]}
        for cell, k in zip(cells, first, strict=True):
            found = segments.find({c: np.array([cell[c]]) for c in used})
            assert segments.names[found[0]] == rules[k][0]
        assert sum(rule.reached for rule in reach) == segments.cells.size
    else:
        with pytest.raises(ParameterError, match=expected):
            map_from_rules(rules, {"x": 3, "y": 3})


def test_a_rule_behind_a_wider_one_never_applies():
    rules = [("Loyal", {F: (4, 5)}), ("Champions", {R: (5, 5), F: (5, 5)}), ("Others", {})]
    with pytest.raises(ParameterError, match=r"1 of 3 rules never apply: .*\(rule 2, 'Champions', after 'Loyal'\)"):
        map_from_rules(rules, SCORES)


def test_a_rule_behind_one_of_the_same_name_never_applies_either():
    rules = [("Loyal", {F: (4, 5)}), ("Loyal", {F: (5, 5)}), ("Others", {})]
    with pytest.raises(ParameterError, match=r"rule 2, 'Loyal', after 'Loyal'"):
        map_from_rules(rules, SCORES)


def test_champions_nearly_shadowed_by_loyal_beside_holes():
    """A peer's documented ranges leave Champions 1 combination and 10 of 125 without a name, 551 and 541 among them.

    The ranges here are our own; they reproduce these facts.
    """
    rules = [
        ("Loyal", {R: (3, 5), F: (4, 5), M: (2, 4)}),
        ("Loyal", {R: (3, 5), F: (4, 4), M: (5, 5)}),
        ("Loyal", {R: (3, 4), F: (5, 5), M: (5, 5)}),
        ("Champions", {R: (4, 5), F: (4, 5), M: (4, 5)}),
        ("New", {R: (3, 5), F: (1, 3)}),
        ("At Risk", {R: (1, 2), F: (2, 5)}),
        ("Lost", {R: (1, 2), F: (1, 1), M: (1, 3)}),
    ]
    with pytest.raises(
        ParameterError,
        match=r"leaves 10 of 125 .*\(551, 541, .*\); 'Champions' reaches 1 of its 8 combinations, after 'Loyal'",
    ):
        map_from_rules(rules, SCORES)


def test_what_a_rule_reaches_is_reported():
    rules = [("Top", {F: (5, 5)}), ("Good", {F: (3, 5)}), ("Top", {R: (5, 5)}), ("Others", {})]
    _, reach = map_from_rules(rules, SCORES)
    assert [(rule.name, rule.asked, rule.reached, rule.taken_by) for rule in reach] == [
        ("Top", 5, 5, ()),
        ("Good", 15, 10, ("Top",)),
        ("Top", 5, 2, ("Good",)),
        ("Others", 25, 8, ("Good", "Top")),
    ]
    assert [rule.shadowed for rule in reach] == [False, False, True, True]
    table = reach_frame(reach)
    assert table.index.tolist() == [1, 2, 3, 4]
    assert table["taken_by"].tolist() == ["", "Top", "Good", "Good, Top"]


def test_reach_reads_as_a_sentence():
    assert str(RuleReach("Champions", 8, 1, ("Loyal",))) == "'Champions' reaches 1 of its 8 combinations, after 'Loyal'"


@pytest.mark.parametrize(
    ("rule", "error", "text"),
    [
        ("Loyal", ParameterTypeError, "segments holds the rule 'Loyal'"),
        (("Loyal",), ParameterTypeError, "a rule is a name with"),
        (("Loyal", (4, 5)), ParameterTypeError, "a rule is a name with"),
        ((1, {F: (4, 5)}), ParameterTypeError, "segments names a segment 1"),
        (("Loyal", {"orders": (4, 5)}), ParameterError, "the rule 'Loyal' names 'orders', which is not scored"),
        (("Loyal", {F: 5}), ParameterTypeError, "rule 'Loyal': n_orders is 5; the lowest and the highest"),
        (("Loyal", {F: (0, 5)}), ParameterError, "rule 'Loyal': n_orders=0 is out of range"),
        (("Loyal", {F: (4, 6)}), ParameterError, "rule 'Loyal': n_orders=6 is out of range.*from 1 to 5"),
        (("Loyal", {F: (5, 4)}), ParameterError, "rule 'Loyal': n_orders runs from 5 to 4"),
        (("Loyal", {F: (4.5, 5)}), ParameterTypeError, "is 4.5, a float"),
    ],
)
def test_rules_of_another_form_are_refused(rule, error, text):
    with pytest.raises(error, match=text):
        map_from_rules([rule, ("Others", {})], SCORES)


@pytest.mark.parametrize("rules", [[], [("Everybody", {})]])
def test_rules_that_name_no_column_are_refused(rules):
    with pytest.raises(ParameterError, match=f"none of the {len(rules)} rules names a column"):
        map_from_rules(rules, SCORES)
