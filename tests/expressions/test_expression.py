"""One evaluation for a row and for columns, three-valued throughout, and expressions as values."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given

from churnlib.expressions import Columns, ColumnType, Expression
from churnlib.expressions._nodes import (
    And,
    Arithmetic,
    Between,
    Call,
    Compare,
    Flag,
    In,
    Minus,
    Missing,
    Name,
    Node,
    Not,
    Number,
    Or,
    Text,
    written,
)
from tests.strategies import FLAGS, NUMBERS, TEXTS, condition_nodes, expression_rows

TYPES = (
    {name: ColumnType("number") for name in NUMBERS}
    | {name: ColumnType("text") for name in TEXTS}
    | {name: ColumnType("boolean") for name in FLAGS}
)


def oracle(node: Node, row: dict[str, Any]) -> Any:
    """The language again, one value at a time and written as plainly as possible; None is missing or unknown."""
    if isinstance(node, Number | Text | Flag):
        return node.value
    if isinstance(node, Name):
        value = row[node.name]
        return None if isinstance(value, float) and math.isnan(value) else value
    if isinstance(node, Missing):
        return oracle(node.operand, row) is None
    if isinstance(node, And | Or):
        return joined([oracle(operand, row) for operand in node.operands], decisive=isinstance(node, Or))
    if isinstance(node, Between):
        value = oracle(node.operand, row)
        ends = [lifted(FUNCTIONS[sign], value, oracle(end, row)) for sign, end in ((">=", node.low), ("<=", node.high))]
        return joined(ends, decisive=False)
    return strict(node, row)


def strict(node: Node, row: dict[str, Any]) -> Any:
    """What is missing as soon as one of its values is; `coalesce` is the exception."""
    match node:
        case Minus(operand):
            return lifted(lambda x: -x, oracle(operand, row))
        case Not(operand):
            return lifted(lambda x: not x, oracle(operand, row))
        case In(operand, values):
            return lifted(lambda x: any(x == value.value for value in values), oracle(operand, row))
        case Call("coalesce", (first, second)):
            value = oracle(first, row)
            return oracle(second, row) if value is None else value
        case Call(sign, arguments):
            return lifted(FUNCTIONS[sign], *(oracle(argument, row) for argument in arguments))
        case Arithmetic(sign, left, right) | Compare(sign, left, right):
            return lifted(FUNCTIONS[sign], oracle(left, row), oracle(right, row))


FUNCTIONS = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: float("nan") if b == 0 else a / b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "abs": abs,
    "min": min,
    "max": max,
}


def lifted(function, *values: Any) -> Any:
    if any(value is None for value in values):
        return None
    result = function(*(float(value) if type(value) is int else value for value in values))
    return None if isinstance(result, float) and math.isnan(result) else result


def joined(truths: list[bool | None], *, decisive: bool) -> bool | None:
    if decisive in truths:
        return decisive
    return None if None in truths else not decisive


def as_frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, dtype=object)
    for name in NUMBERS:
        frame[name] = frame[name].astype(float)
    return frame


def by_row(expression: Expression, rows: list[dict[str, Any]]) -> list[bool | None]:
    bound = expression.bind(TYPES)
    return [bound(row) for row in rows]


def by_column(expression: Expression, rows: list[dict[str, Any]]) -> list[bool | None]:
    found = expression.bind(TYPES)(as_frame(rows))
    return [None if value is pd.NA else bool(value) for value in found]


@given(condition_nodes(), expression_rows())
def test_a_row_a_column_and_the_plain_definition_agree(tree, rows) -> None:
    expression = Expression(written(tree))
    scalar = by_row(expression, rows)
    assert by_column(expression, rows) == scalar
    assert [oracle(tree, row) for row in rows] == scalar


@given(condition_nodes(max_leaves=3), condition_nodes(max_leaves=3), expression_rows())
def test_de_morgan(a, b, rows) -> None:
    neither, apart = Not(And((a, b))), Or((Not(a), Not(b)))
    assert by_row(Expression(written(neither)), rows) == by_row(Expression(written(apart)), rows)
    none, both = Not(Or((a, b))), And((Not(a), Not(b)))
    assert by_column(Expression(written(none)), rows) == by_column(Expression(written(both)), rows)


@given(condition_nodes(max_leaves=4), expression_rows(min_size=2))
def test_the_order_of_rows_does_not_matter(tree, rows) -> None:
    expression = Expression(written(tree))
    assert by_column(expression, rows[::-1]) == by_column(expression, rows)[::-1]


@given(condition_nodes(max_leaves=4), expression_rows())
def test_what_is_known_stays_when_a_missing_value_becomes_known(tree, rows) -> None:
    """Kleene's logic is monotone: more knowledge never turns true into false.

    Only for expressions that do not ask whether a value is missing, nor put another in its place.
    """
    text = written(tree)
    if "missing" in text.replace("`missing`", "") or "coalesce" in text:
        return
    expression = Expression(text)
    filled = [{name: DEFAULTS[name] if value is None else value for name, value in row.items()} for row in rows]
    for before, after in zip(by_row(expression, rows), by_row(expression, filled), strict=True):
        assert before is None or before == after


DEFAULTS = dict.fromkeys(NUMBERS, 1.0) | dict.fromkeys(TEXTS, "basic") | dict.fromkeys(FLAGS, True)


@given(condition_nodes())
def test_an_expression_is_its_canonical_text(tree) -> None:
    expression = Expression(written(tree))
    assert expression.tree == tree
    assert Expression(str(expression)) == expression
    assert hash(Expression(f" ( {expression} ) ")) == hash(expression)
    assert pickle.loads(pickle.dumps(expression)) == expression == copy.deepcopy(expression)
    assert eval(repr(expression), {"Expression": Expression}) == expression


def test_missing_is_unknown_in_every_leaf() -> None:
    row = {"n": None, "plan": None, "active": None}
    unknown = ["n > 3", "n != 3", "n == n", "n in (1, 2)", "n not in (1, 2)", "n between 1 and 2", "plan == 'a'"]
    unknown += ["plan != 'a'", "plan not in ('a')", "active", "not active", "n / 0 > 1", "active == false"]
    for text in unknown:
        assert Expression(text).evaluate(row) is None, text
    assert Expression("n > 3 and n < 2 or n is missing").evaluate(row) is True
    assert Expression("n between 1 and 2 or plan is not missing").evaluate(row) is None
    assert Expression("n between 3 and 2").evaluate({"n": 5}) is False


def test_an_upper_end_that_fails_decides_a_between() -> None:
    assert Expression("n between m and 2").evaluate({"n": 5, "m": None}) is False


def test_an_expression_without_columns_is_spread_over_the_rows() -> None:
    assert Expression("1 < 2").evaluate(pd.DataFrame(index=["a", "b"])).to_dict() == {"a": True, "b": True}
    assert Expression("'a' == 'b' or false").evaluate({}) is False
    assert Expression("n > 1 and 1 < 2").evaluate({"n": []}).tolist() == []


def test_the_result_is_indexed_like_the_frame() -> None:
    frame = pd.DataFrame({"n": [1, 5]}, index=pd.Index([30, 10], name="customer_id"))
    found = Expression("n >= 2").evaluate(frame)
    pd.testing.assert_series_equal(found, pd.Series([False, True], index=frame.index, dtype="boolean"))


def test_conditions_are_named_once_each_and_stand_alone() -> None:
    expression = Expression("not (a > 1 and plan in ('x', 'y')) or a > 1 or active and n / m >= 2")
    assert [(str(part), part.names) for part in expression.conditions] == [
        ("a > 1", ("a",)),
        ('plan in ("x", "y")', ("plan",)),
        ("active", ("active",)),
        ("n / m >= 2", ("n", "m")),
    ]
    row = {"a": 0, "plan": "x", "active": True, "n": 4, "m": 2}
    assert [part.evaluate(row) for part in expression.conditions] == [False, True, True, True]


def test_columns_are_read_once_for_many_expressions() -> None:
    columns = Columns({"n": np.array([1.0, np.nan]), "plan": ["a", "b"]})
    first, second = (Expression(text).bind(columns) for text in ("n > 0", "n > 0 or plan == 'a'"))
    true, false = first.truth(columns)
    assert (true.tolist(), false.tolist()) == ([True, False], [False, False])
    assert second(columns).tolist() == [True, pd.NA]
    assert columns.read("n", "number") is columns.read("n", "number")
    assert repr(first) == "<Expression('n > 0'), bound>"


def test_whatever_overflows_does_so_alike() -> None:
    text = "n * n * n > 0 and (n * n - n * n) is missing"
    assert Expression(text).evaluate({"n": 1e200}) is True
    assert Expression(text).evaluate({"n": [1e200]}).tolist() == [True]
