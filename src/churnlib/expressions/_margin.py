"""How far a condition is from holding: the value it compares, the threshold, and the margin between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from churnlib.expressions import _kleene as kleene
from churnlib.expressions._bind import Bound, _Binder
from churnlib.expressions._columns import ColumnType
from churnlib.expressions._expression import Expression
from churnlib.expressions._nodes import Between, Compare, In, Missing, Name, Node, Not, Number, walk, written

__all__ = ["Margin", "contrary", "margin_of"]

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_CONTRARY = {**kleene.CONTRARY_OF_ORDER, "==": "!=", "!=": "=="}


@dataclass(frozen=True, slots=True)
class Margin:
    """What reads the value, the threshold and the margin of one condition.

    Attributes
    ----------
    value : callable
        From a source to the value that is compared: numbers, texts, or truth values as pairs.
    threshold : callable or str
        From a source to what it is compared with; a text where that is the same for every row, and
        empty where there is none.
    margin : callable or None
        From a source to how far the value lies on the side where the condition holds, in the unit
        of the value: positive or zero where it holds, negative where it does not. None where
        distance means nothing, as between texts.
    kind : {"number", "text", "boolean"}
        What the value is.
    holds : callable
        From a source to whether the condition is true, and whether it is false.
    """

    value: Callable[[Any], Any]
    threshold: Callable[[Any], Any] | str
    margin: Callable[[Any], Any] | None
    kind: str
    holds: Callable[[Any], Any]


def contrary(node: Node) -> Node:
    """Return the condition that is true where another is false, and unknown where it is unknown.

    Parameters
    ----------
    node : Node
        A condition.

    Returns
    -------
    Node
        Without "not" where a comparison says the same.

    Examples
    --------
    >>> print(written(contrary(Expression("days >= 30").tree)), "|", written(contrary(Expression("a or b").tree)))
    days < 30 | not (a or b)
    """
    if isinstance(node, Compare):
        return Compare(_CONTRARY[node.operator], node.left, node.right)
    return node.operand if isinstance(node, Not) else Not(node)


def margin_of(condition: Expression, types: Mapping[str, ColumnType]) -> Margin:
    """Say what a single condition compares.

    Parameters
    ----------
    condition : Expression
        One of `Expression.conditions`.
    types : mapping of str to ColumnType
        What each column holds.

    Returns
    -------
    Margin
        What reads it.

    Raises
    ------
    SchemaError
        When a name is no column, or a column cannot serve where it stands.

    Examples
    --------
    >>> from churnlib.expressions._columns import Columns
    >>> columns = Columns({"balance": [40.0, 90.0], "usual": [100.0, 100.0]})
    >>> found = margin_of(Expression("balance <= 0.5 * usual"), columns)
    >>> found.value(columns).tolist(), found.threshold(columns).tolist(), found.margin(columns).tolist()
    ([40.0, 90.0], [50.0, 50.0], [10.0, -40.0])
    """
    binder = _Binder(condition.text, types)
    node = condition.tree
    holds = binder.condition(node).read
    match node:
        case Compare():
            return _compared(binder, node, holds)
        case Between():
            return _between(binder, node, holds)
        case In(operand, values):
            bound = binder._one_kind((operand, *values), node)[0]
            return Margin(bound.read, ", ".join(written(value) for value in values), None, bound.kind, holds)
        case Missing(operand):
            bound = binder.bind(operand)
            if bound.kind in {"number", "text", "boolean"}:
                return Margin(bound.read, "missing", None, bound.kind, holds)
    # a column that is true or false, or one of a kind that can only be tested for being missing
    return Margin(holds, "", None, "boolean", holds)


def _compared(binder: _Binder, node: Compare, holds: Callable[[Any], Any]) -> Margin:
    operator, left, right = node.operator, node.left, node.right
    if operator in _MIRRORED and not _has_name(left) and _has_name(right):
        operator, left, right = _MIRRORED[operator], right, left
    one, other = binder._one_kind((left, right), node)
    if one.kind != "number":
        return Margin(one.read, written(right), None, one.kind, holds)
    one, other = binder._alike(node, one, other)
    # a number as it is written, but a length of time in the unit of what it is compared with
    fixed = written(right) if isinstance(right, Number) else None
    return Margin(one.read, fixed or other.read, _distance(operator, one, other), "number", holds)


def _between(binder: _Binder, node: Between, holds: Callable[[Any], Any]) -> Margin:
    low = _compared(binder, Compare(">=", node.operand, node.low, at=node.at), holds)
    high = _compared(binder, Compare("<=", node.operand, node.high, at=node.at), holds)
    assert low.margin is not None
    assert high.margin is not None
    below, above = low.margin, high.margin
    text = f"{written(node.low)} and {written(node.high)}"
    return Margin(low.value, text, lambda source: np.minimum(below(source), above(source)), "number", holds)


def _distance(operator: str, left: Bound, right: Bound) -> Callable[[Any], Any] | None:
    one, other = left.read, right.read
    if operator in {">", ">="}:
        return lambda source: one(source) - other(source)
    if operator in {"<", "<="}:
        return lambda source: other(source) - one(source)
    return None


def _has_name(node: Node) -> bool:
    return any(isinstance(part, Name) for part in walk(node))
