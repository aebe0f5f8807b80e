"""The tree of an expression: frozen values that print as canonical text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from churnlib.expressions._tokens import UNITS_US, is_plain_name, quoted

__all__ = [
    "And",
    "Arithmetic",
    "Between",
    "Call",
    "Compare",
    "Flag",
    "In",
    "Length",
    "Literal",
    "Minus",
    "Missing",
    "Name",
    "Node",
    "Not",
    "Number",
    "Or",
    "Text",
    "children",
    "leaves",
    "walk",
    "written",
]


@dataclass(frozen=True, slots=True)
class _At:
    """What every node knows: where it stands in the text it was read from."""

    at: int = field(default=0, compare=False, repr=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Number(_At):
    """A number."""

    value: float


@dataclass(frozen=True, slots=True)
class Length(_At):
    """A fixed length of time, in microseconds."""

    us: int


@dataclass(frozen=True, slots=True)
class Text(_At):
    """A text."""

    value: str


@dataclass(frozen=True, slots=True)
class Flag(_At):
    """True or false."""

    value: bool


@dataclass(frozen=True, slots=True)
class Name(_At):
    """The value of a column."""

    name: str


@dataclass(frozen=True, slots=True)
class Minus(_At):
    """A number or length of time with the other sign."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Arithmetic(_At):
    """Two values added, subtracted, multiplied or divided."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Call(_At):
    """A function of values."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Compare(_At):
    """Two values compared."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class In(_At):
    """Whether a value is one of several."""

    operand: Node
    values: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Between(_At):
    """Whether a value lies between two others, both included."""

    operand: Node
    low: Node
    high: Node


@dataclass(frozen=True, slots=True)
class Missing(_At):
    """Whether a value is missing; never unknown itself."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Not(_At):
    """The contrary."""

    operand: Node


@dataclass(frozen=True, slots=True)
class And(_At):
    """Whether all hold."""

    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or(_At):
    """Whether at least one holds."""

    operands: tuple[Node, ...]


Literal: TypeAlias = Number | Length | Text | Flag
Condition: TypeAlias = Compare | In | Between | Missing
Value: TypeAlias = Minus | Arithmetic | Call
Node: TypeAlias = Literal | Name | Value | Condition | Not | And | Or


def children(node: Node) -> tuple[Node, ...]:
    """Return the nodes directly below a node, in the order of the text."""
    match node:
        case Minus(operand) | Missing(operand) | Not(operand):
            return (operand,)
        case Arithmetic(_, left, right) | Compare(_, left, right):
            return (left, right)
        case Call(_, arguments):
            return arguments
        case In(operand, values):
            return (operand, *values)
        case Between(operand, low, high):
            return (operand, low, high)
        case And(operands) | Or(operands):
            return operands
    return ()


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and all nodes below it, in the order of the text."""
    yield node
    for child in children(node):
        yield from walk(child)


def leaves(node: Node) -> Iterator[Node]:
    """Yield the conditions that and, or and not put together, in the order of the text."""
    if isinstance(node, And | Or | Not):
        for child in children(node):
            yield from leaves(child)
    else:
        yield node


# How tightly each kind of node binds; a node inside a tighter one needs parentheses.
_OR, _AND, _NOT, _COMPARE, _SUM, _PRODUCT, _SIGN, _ATOM = range(8)


def written(node: Node) -> str:
    """Return the canonical text of a tree; it parses back to an equal tree.

    Parameters
    ----------
    node : Node
        The tree.

    Returns
    -------
    str
        One space around operators, double quotes around texts, and no parentheses but those that are needed.

    Examples
    --------
    >>> written(And((Compare(">=", Name("n"), Number(2.0)), Not(Missing(Name("plan name"))))))
    'n >= 2 and `plan name` is not missing'
    """
    return _write(node)[0]


def _write(node: Node) -> tuple[str, int]:
    match node:
        case Or(operands):
            return " or ".join(_inside(operand, _AND) for operand in operands), _OR
        case And(operands):
            return " and ".join(_inside(operand, _NOT) for operand in operands), _AND
        case Not(In() | Between() | Missing() as condition):
            return _write_condition(condition, " not"), _COMPARE
        case Not(operand):
            return f"not {_inside(operand, _NOT)}", _NOT
        case Compare() | In() | Between() | Missing():
            return _write_condition(node, ""), _COMPARE
    return _write_value(node)


def _write_condition(node: Condition, negation: str) -> str:
    match node:
        case Compare(operator, left, right):
            return f"{_inside(left, _SUM)} {operator} {_inside(right, _SUM)}"
        case In(operand, values):
            listed = ", ".join(_write(value)[0] for value in values)
            return f"{_inside(operand, _SUM)}{negation} in ({listed})"
        case Between(operand, low, high):
            return f"{_inside(operand, _SUM)}{negation} between {_inside(low, _SUM)} and {_inside(high, _SUM)}"
        case Missing(operand):
            return f"{_inside(operand, _SUM)} is{negation} missing"


def _write_value(node: Literal | Name | Value) -> tuple[str, int]:
    match node:
        case Arithmetic(operator, left, right):
            binds = _SUM if operator in "+-" else _PRODUCT
            return f"{_inside(left, binds)} {operator} {_inside(right, binds + 1)}", binds
        case Minus(operand):
            return f"-{_inside(operand, _SIGN)}", _SIGN
        case Call(function, arguments):
            return f"{function}({', '.join(_write(argument)[0] for argument in arguments)})", _ATOM
        case Name(name):
            return (name if is_plain_name(name) else quoted(name, "`")), _ATOM
        case Text(value):
            return quoted(value, '"'), _ATOM
        case Flag(value):
            return ("true" if value else "false"), _ATOM
        case Length(us):
            return _length(us), _SIGN if us < 0 else _ATOM
        case Number(value):
            return _number(value), _SIGN if value < 0 else _ATOM


def _inside(node: Node, binds: int) -> str:
    text, own = _write(node)
    return text if own >= binds else f"({text})"


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) <= 2**53 else repr(value)


def _length(us: int) -> str:
    unit = next(unit for unit in ("d", "h", "min", "s", "ms", "us") if us % UNITS_US[unit] == 0)
    return f"{us // UNITS_US[unit]}{unit}"
