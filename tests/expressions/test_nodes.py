"""Canonical text: it reads back to an equal tree, and has no parentheses but those that are needed."""

from __future__ import annotations

import pytest
from hypothesis import given

from churnlib.expressions._nodes import And, Compare, Flag, Minus, Name, Not, Number, children, leaves, walk, written
from churnlib.expressions._parser import tree_of
from tests.strategies import condition_nodes, number_nodes


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("(((a)))", "a"),
        ("a>=1 and(b<2)", "a >= 1 and b < 2"),
        ("a and (b and c)", "a and (b and c)"),
        ("(a or b) and c", "(a or b) and c"),
        ("a or (b and c)", "a or b and c"),
        ("not (a)", "not a"),
        ("not(a and b)", "not (a and b)"),
        ("not not a", "not not a"),
        ("not a in (1)", "a not in (1)"),
        ("not (a is missing)", "a is not missing"),
        ("not a between 1 and 2", "a not between 1 and 2"),
        ("a - (b - c) > 0", "a - (b - c) > 0"),
        ("(a - b) - c > 0", "a - b - c > 0"),
        ("(a + b) * c > 0", "(a + b) * c > 0"),
        ("a / (b / c) > -(a + b)", "a / (b / c) > -(a + b)"),
        ("- 3 < a", "-3 < a"),
        ("--3 < a", "3 < a"),
        ("-0 < a", "0 < a"),
        ("0.50 < 1e3", "0.5 < 1000"),
        ("1e300 < a", "1e+300 < a"),
        ("a > 24h", "a > 1d"),
        ("a > 2w", "a > 14d"),
        ("a > 90min", "a > 90min"),
        ("a > -36h", "a > -36h"),
        ("a > 0h", "a > 0d"),
        ("a in (-1, - 2d)", "a in (-1, -2d)"),
        ("plan == 'it\\'s'", 'plan == "it\'s"'),
        ("`plan` == 'x' and `and`", 'plan == "x" and `and`'),
        ("0 <= x < 90", "0 <= x and x < 90"),
        ("a and 0 <= x < 90 and b", "a and 0 <= x and x < 90 and b"),
        ("coalesce( a,0 )>min(b,c)", "coalesce(a, 0) > min(b, c)"),
        ("(a > 1) is missing", "(a > 1) is missing"),
        ("(a > 1) == true", "(a > 1) == true"),
    ],
)
def test_canonical_text(text: str, canonical: str) -> None:
    assert written(tree_of(text)) == canonical
    assert tree_of(canonical) == tree_of(text)


@given(condition_nodes())
def test_every_condition_reads_back_to_an_equal_tree(tree) -> None:
    text = written(tree)
    again = tree_of(text)
    assert again == tree
    assert written(again) == text


@given(number_nodes())
def test_every_number_reads_back_to_an_equal_tree(tree) -> None:
    assert tree_of(f"{written(tree)} > 0") == Compare(">", tree, Number(0.0))


def test_the_tree_is_walked_in_the_order_of_the_text() -> None:
    tree = tree_of("a + 1 > -b and not (c in (2, 3) or d between e and 5) and f is missing")
    assert [node.name for node in walk(tree) if isinstance(node, Name)] == list("abcdef")
    assert [written(leaf) for leaf in leaves(tree)] == [
        "a + 1 > -b",
        "c in (2, 3)",
        "d between e and 5",
        "f is missing",
    ]
    assert children(Flag(True)) == ()
    assert children(Minus(Name("a"))) == (Name("a"),)


def test_where_a_node_stood_is_no_part_of_its_value() -> None:
    assert tree_of("  a") == tree_of("a") == Name("a", at=99)
    assert hash(tree_of(" a and  not b")) == hash(And((Name("a"), Not(Name("b")))))
