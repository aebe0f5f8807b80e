"""A tree with the types of its columns becomes one function, once names, types and units are in order."""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, TypeAlias

from churnlib.exceptions import ChurnlibError, SchemaError, nearest
from churnlib.expressions import _kleene as kleene
from churnlib.expressions._columns import ColumnType, Source
from churnlib.expressions._nodes import (
    And,
    Arithmetic,
    Between,
    Call,
    Compare,
    Flag,
    In,
    Length,
    Minus,
    Missing,
    Name,
    Node,
    Not,
    Number,
    Or,
    Text,
    children,
    written,
)
from churnlib.expressions._tokens import UNITS_US, pointed

__all__ = ["Bound", "bind"]

Read: TypeAlias = Callable[[Source], Any]

_COMPARED: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_SPELT = {
    "days": "d", "day": "d", "hours": "h", "hour": "h", "weeks": "w", "week": "w", "minutes": "min", "minute": "min",
    "seconds": "s", "second": "s",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bound:
    """A part of an expression whose type is known.

    Attributes
    ----------
    kind : {"number", "text", "boolean", "unknown"}
        What it gives.
    read : callable
        From a source to the value: a float, a str or None, a pair of truth values, or arrays of them.
    unit : str or None
        Unit of a number, if known.
    exact : bool
        Whether it is a length of time by nature: a literal such as 30d, or a column of timedeltas.
    literal : bool
        Whether it holds no column, so that it takes the unit of what it meets.
    blank : bool
        Whether it reads a column without any value, which is in every unit.
    """

    kind: str
    read: Read
    unit: str | None = None
    exact: bool = False
    literal: bool = False
    blank: bool = False

    @property
    def is_time(self) -> bool:
        """Whether it is measured in a fixed unit of time."""
        return self.unit in UNITS_US


def bind(node: Node, text: str, types: Mapping[str, ColumnType] | None) -> Bound:
    """Check a tree against the types of columns, and make it a function.

    Parameters
    ----------
    node : Node
        The tree.
    text : str
        What it was read from, for messages.
    types : mapping of str to ColumnType, or None
        Types by name; None before any column is known.

    Returns
    -------
    Bound
        The function and its type.

    Raises
    ------
    SchemaError
        When a name is no column, or a column cannot serve where it stands.
    ParameterError
        When the expression makes no sense whatever the columns are.

    Examples
    --------
    >>> from churnlib.expressions._columns import Row
    >>> from churnlib.expressions._parser import tree_of
    >>> row = Row({"n": 3})
    >>> bind(tree_of("n + 1 > 3"), "n + 1 > 3", row).read(row)
    (True, False)
    """
    return _Binder(text, types).condition(node)


class _Binder:
    def __init__(self, text: str, types: Mapping[str, ColumnType] | None) -> None:
        self.text = text
        self.types = types
        # A node is asked for its kind by several that hold it: bound once, or the time would double at each level.
        self.done: dict[int, Bound] = {}

    def wrong(self, at: int, what: str, expected: str, fix: str = "") -> ChurnlibError:
        error = pointed(self.text, at, what, expected, fix)
        return error if self.types is None else SchemaError(*error.args)

    def no_column(self, node: Name, names: list[str]) -> ChurnlibError:
        close = difflib.get_close_matches(node.name, names, n=1, cutoff=0.6)
        own = written(node)
        right = self.text[: node.at] + written(Name(close[0])) + self.text[node.at + len(own) :] if close else ""
        if len(right) > 200:
            right = written(Name(close[0]))
        what = f"{node.name!r} is no column ({nearest(node.name, names)})"
        return self.wrong(node.at, what, f"{len(names)} columns are at hand", right or "a name among them")

    def condition(self, node: Node) -> Bound:
        return self._as(node, "boolean")

    def bind(self, node: Node) -> Bound:
        if id(node) not in self.done:
            self.done[id(node)] = getattr(self, f"_{type(node).__name__.lower()}")(node)
        return self.done[id(node)]

    # -- values ------------------------------------------------------------------------------

    def _number(self, node: Number) -> Bound:
        return Bound("number", lambda _: node.value, literal=True)

    def _length(self, node: Length) -> Bound:
        return Bound("number", lambda _: float(node.us), "us", exact=True, literal=True)

    def _text(self, node: Text) -> Bound:
        return Bound("text", lambda _: node.value, literal=True)

    def _flag(self, node: Flag) -> Bound:
        return Bound("boolean", lambda _: (node.value, not node.value), literal=True)

    def _name(self, node: Name) -> Bound:
        if self.types is None:
            return Bound("unknown", _never)
        try:
            found = self.types[node.name]
        except KeyError:
            raise self.no_column(node, list(self.types)) from None
        name = node.name
        match found.kind:
            case "length":
                return Bound("number", lambda source: source.read(name, "length"), "us", exact=True)
            case "number":
                unit = _SPELT.get(found.unit or "", found.unit)
                return Bound("number", lambda source: source.read(name, "number"), unit)
            case "text" | "boolean" as kind:
                return Bound(kind, lambda source: source.read(name, kind))
        return Bound(found.kind, lambda source: source.read(name, "number"))

    def _minus(self, node: Minus) -> Bound:
        operand = self._as(node.operand, "number")
        read = operand.read
        return replace(operand, read=lambda source: -read(source))

    def _arithmetic(self, node: Arithmetic) -> Bound:
        left, right = self._as(node.left, "number", node), self._as(node.right, "number", node)
        if node.operator in "+-":
            left, right = self._alike(node, left, right)
            return _combined(operator.add if node.operator == "+" else operator.sub, left, right)
        if node.operator == "*":
            return self._product(node, left, right)
        return self._quotient(node, left, right)

    def _product(self, node: Node, left: Bound, right: Bound) -> Bound:
        if left.is_time and right.is_time:
            raise self.wrong(node.at, "two lengths of time are multiplied", "a number times a length is one", "2 * 14d")
        measured, other = (right, left) if right.is_time or left.unit is None else (left, right)
        product = _combined(operator.mul, left, right)
        keeps = measured.is_time or other.literal
        return replace(product, unit=measured.unit if keeps else None, exact=measured.exact)

    def _quotient(self, node: Node, left: Bound, right: Bound) -> Bound:
        if right.exact and right.literal and not left.is_time and self.types is not None:
            raise self.wrong(
                node.at, "a number is divided by a length of time", "a rate has no unit here",
                "divide by the number of days",
            )  # fmt: skip
        if left.is_time and right.is_time:
            left, right = self._alike(node, left, right)
            return replace(_combined(kleene.divided, left, right), unit=None, exact=False)
        quotient = _combined(kleene.divided, left, right)
        keeps = right.unit is None and (left.is_time or right.literal)
        return replace(quotient, unit=left.unit if keeps else None, exact=left.exact and keeps)

    def _call(self, node: Call) -> Bound:
        if node.function == "abs":
            operand = self._as(node.arguments[0], "number")
            inner = operand.read
            return replace(operand, read=lambda source: abs(inner(source)))
        if node.function == "coalesce":
            kinds = [self.bind(argument).kind for argument in node.arguments]
            kind = next((kind for kind in kinds if kind != "unknown"), "unknown")
            return Bound(kind, _never) if kind == "unknown" else self._coalesce(node, kind)
        sign = operator.lt if node.function == "min" else operator.gt

        def extreme(one: Any, other: Any) -> Any:
            return kleene.choose(sign(one, other) | (one != one), one, other)  # noqa: PLR0124 - NaN wins

        return self._folded(node, [self._as(argument, "number", node) for argument in node.arguments], extreme)

    def _coalesce(self, node: Call, kind: str) -> Bound:
        wanted = kind if kind in _WANTED else "number"
        arguments = [self._as(argument, wanted, node) for argument in node.arguments]
        if kind == "number":
            return self._folded(node, arguments, lambda a, b: kleene.choose(kleene.is_known(a), a, b))
        if kind == "text":
            return self._folded(node, arguments, lambda a, b: kleene.choose(kleene.is_text(a), a, b))
        return self._folded(node, arguments, lambda a, b: (a[0] | (b[0] & _unknown(a)), a[1] | (b[1] & _unknown(a))))

    def _folded(self, node: Node, bounds: list[Bound], join: Callable[[Any, Any], Any]) -> Bound:
        total = bounds[0]
        for bound in bounds[1:]:
            left, right = self._alike(node, total, bound)
            total = _combined(join, left, right)
        return total

    # -- conditions --------------------------------------------------------------------------

    def _compare(self, node: Compare) -> Bound:
        left, right = self._one_kind((node.left, node.right), node)
        if left.kind == "number":
            left, right = self._alike(node, left, right)
            return Bound("boolean", _numbers_compared(node.operator, left, right))
        if node.operator not in {"==", "!="}:
            raise self.wrong(
                node.at, f"{left.kind} values are compared by {node.operator}", "only numbers have an order",
                f"{written(node.left)} == {written(node.right)}",
            )  # fmt: skip
        same = kleene.same_texts if left.kind == "text" else kleene.same_truths
        one, other = left.read, right.read
        if node.operator == "==":
            return Bound("boolean", lambda source: same(one(source), other(source)))
        return Bound("boolean", lambda source: kleene.negated(same(one(source), other(source))))

    def _in(self, node: In) -> Bound:
        operand, *values = self._one_kind((node.operand, *node.values), node)
        if operand.kind == "boolean":
            raise self.wrong(node.at, "a list holds true or false", "a truth value stands alone", "active, not active")
        alike = [self._alike(value_node, operand, value) for value_node, value in zip(node.values, values, strict=True)]
        members = frozenset(value.read(_NOTHING) for _, value in alike)
        read = alike[0][0].read
        known = kleene.is_known if operand.kind == "number" else kleene.is_text

        def among(source: Source) -> Any:
            value = read(source)
            return kleene.is_among(value, members, known(value))

        return Bound("boolean", among)

    def _between(self, node: Between) -> Bound:
        low = self._compare(Compare(">=", node.operand, node.low, at=node.at)).read
        high = self._compare(Compare("<=", node.operand, node.high, at=node.at)).read
        return Bound("boolean", lambda source: kleene.all_of(low(source), high(source)))

    def _missing(self, node: Missing) -> Bound:
        if isinstance(node.operand, Name):
            self._name(node.operand)
            name = node.operand.name
            return Bound("boolean", lambda source: _certain(source.missing(name)))
        operand = self.bind(node.operand)
        if operand.kind == "unknown":
            operand = self._as(node.operand, "number")
        read = operand.read
        if operand.kind == "boolean":
            return Bound("boolean", lambda source: _certain(_unknown(read(source))))
        known = kleene.is_known if operand.kind == "number" else kleene.is_text
        return Bound("boolean", lambda source: kleene.negated(_certain(known(read(source)))))

    def _not(self, node: Not) -> Bound:
        read = self._as(node.operand, "boolean").read
        return Bound("boolean", lambda source: kleene.negated(read(source)))

    def _and(self, node: And) -> Bound:
        return _joined(kleene.all_of, [self._as(operand, "boolean").read for operand in node.operands])

    def _or(self, node: Or) -> Bound:
        return _joined(kleene.any_of, [self._as(operand, "boolean").read for operand in node.operands])

    # -- types and units ---------------------------------------------------------------------

    def _as(self, node: Node, kind: str, parent: Node | None = None) -> Bound:
        """Bind a node that must be of a kind; the node that holds it makes the example of a message whole."""
        bound = self.bind(node)
        if bound.kind == "unknown":
            return self._seen_as(node, kind)
        if bound.kind == kind:
            return bound
        raise self.wrong(
            node.at,
            f"{written(node)} {_is(bound.kind)} and stands where {_WANTED[kind]} was expected",
            _EXPECTED[kind],
            _fix(node, bound.kind, kind, parent),
        )

    def _one_kind(self, nodes: tuple[Node, ...], parent: Node) -> list[Bound]:
        """Bind nodes of a parent that must all be of one kind, which the first one of a known kind decides."""
        bounds = [self.bind(node) for node in nodes]
        kind = next((bound.kind for bound in bounds if bound.kind != "unknown"), "number")
        wanted = kind if kind in _WANTED else "number"
        pairs = zip(nodes, bounds, strict=True)
        return [bound if bound.kind == wanted else self._as(node, wanted, parent) for node, bound in pairs]

    def _seen_as(self, node: Node, kind: str) -> Bound:
        """Read columns without any value as missing values of the kind that is wanted."""
        if isinstance(node, Call):
            return self._coalesce(node, kind)
        assert isinstance(node, Name)
        name = node.name
        return Bound(kind, lambda source: source.read(name, kind), blank=True)

    def _alike(self, node: Node, left: Bound, right: Bound) -> tuple[Bound, Bound]:
        """Bring two numbers to one unit."""
        if left.kind != "number" or left.unit == right.unit:
            return left, right
        if left.is_time and right.is_time:
            unit = _common_unit(left, right)
            return _converted(left, unit), _converted(right, unit)
        stated, bare = (right, left) if left.unit is None else (left, right)
        if bare.unit is not None:
            what = f"{_in(left)} stands beside {_in(right)}"
            raise self.wrong(node.at, what, "both sides are of one unit", "compare like with like, or their ratio")
        if stated.exact and self.types is not None and not bare.blank:
            raise self.wrong(
                node.at, "a length of time stands beside a number that says no unit of time",
                "both sides are lengths of time, or both are numbers",
                "units={'recency_days': 'days'}, or the number of days without its unit",
            )  # fmt: skip
        return replace(left, unit=stated.unit), replace(right, unit=stated.unit)


_NOTHING: Any = None


def _never(_: Source) -> Any:
    raise AssertionError("a value of unknown kind is bound again before it is read")


_IS = {"number": "is a number", "text": "is a text", "boolean": "is true or false"}


def _is(kind: str) -> str:
    return _IS.get(kind, f"holds a {kind}")


_WANTED = {"number": "a number", "text": "a text", "boolean": "a condition"}
_EXPECTED = {
    "number": "numbers are computed and compared with numbers",
    "text": "texts are compared with texts",
    "boolean": "a condition is true or false",
}


def _fix(node: Node, kind: str, wanted: str, parent: Node | None) -> str:
    own = written(node)
    if kind not in _WANTED:
        return f"{own} is missing, or a column computed from it, such as days since then"
    if kind == "boolean":
        return "and, or, not join conditions"
    if isinstance(node, Text) and wanted == "number":
        if re.fullmatch(r"\d+(\.\d+)?", node.value, re.ASCII):
            return _instead(parent, node, Number(float(node.value)))
        column = Name(node.value)
        return f"{_instead(parent, node, column)}, where {written(column)} is a column of numbers"
    if isinstance(node, Number) and wanted == "text":
        literal = next((one for one in _beside(parent, node) if isinstance(one, Text)), None)
        if literal is not None and isinstance(parent, Compare):
            return _fix(literal, "text", "number", parent)
        return _instead(parent, node, Text(own))
    if wanted == "boolean" and isinstance(parent, Compare | In):
        own = written(_beside(parent, node)[0])
        return f"{own}, not {own}"
    return f"{own} > 0" if kind == "number" else f"{own} == 'basic'"


def _beside(parent: Node | None, node: Node) -> list[Node]:
    """Return what else the parent of a node holds."""
    return [] if parent is None else [one for one in children(parent) if one is not node]


def _instead(parent: Node | None, node: Node, right: Node) -> str:
    """Write what holds a node with another in its place; texts have no order, and a list holds no columns."""
    match parent:
        case Compare(symbol, left, other):
            symbol = "==" if isinstance(right, Text) and symbol in _COMPARED else symbol
            return written(Compare(symbol, right if left is node else left, right if other is node else other))
        case In(operand, values) if isinstance(right, Text):
            return written(In(operand, tuple(Text(written(one)) if isinstance(one, Number) else one for one in values)))
        case In(operand):
            return written(In(operand, (right,)) if isinstance(right, Number) else Compare("==", operand, right))
        case Arithmetic(symbol, left, other):
            return written(Arithmetic(symbol, right if left is node else left, right if other is node else other))
        case Call(function, arguments):
            return written(Call(function, tuple(right if one is node else one for one in arguments)))
    return written(right)


def _in(bound: Bound) -> str:
    return "a length of time" if bound.is_time else f"a number in {bound.unit}"


def _combined(join: Callable[[Any, Any], Any], left: Bound, right: Bound) -> Bound:
    one, other = left.read, right.read
    return Bound(
        left.kind,
        lambda source: join(one(source), other(source)),
        left.unit,
        exact=left.exact and right.exact,
        literal=left.literal and right.literal,
        blank=left.blank or right.blank,
    )


def _joined(join: Callable[[Any, Any], Any], reads: list[Read]) -> Bound:
    if len(reads) == 2:  # the usual number of them, without a list for each row
        one, other = reads
        return Bound("boolean", lambda source: join(one(source), other(source)))
    return Bound("boolean", lambda source: reduce(join, [read(source) for read in reads]))


def _numbers_compared(symbol: str, left: Bound, right: Bound) -> Read:
    one_of, other_of = left.read, right.read
    if symbol in _COMPARED:
        holds, fails = _COMPARED[symbol], _COMPARED[kleene.CONTRARY_OF_ORDER[symbol]]
        if right.literal:
            limit = other_of(_NOTHING)

            def beyond(source: Source) -> Any:
                one = one_of(source)
                return holds(one, limit), fails(one, limit)

            return beyond

        def ordered(source: Source) -> Any:
            one, other = one_of(source), other_of(source)
            return holds(one, other), fails(one, other)

        return ordered

    def equal(source: Source) -> Any:
        one, other = one_of(source), other_of(source)
        return one == other, (one < other) | (one > other)

    return equal if symbol == "==" else lambda source: kleene.negated(equal(source))


def _unknown(truth: Any) -> Any:
    return (truth[0] | truth[1]) ^ True


def _certain(truth: Any) -> Any:
    return truth, truth ^ True


def _common_unit(left: Bound, right: Bound) -> str:
    """Return the unit to compare in: that of a column rather than of a literal, else the finer one."""
    assert left.unit is not None
    assert right.unit is not None
    if left.literal != right.literal:
        return right.unit if left.literal else left.unit
    return min(left.unit, right.unit, key=UNITS_US.__getitem__)


def _converted(bound: Bound, unit: str) -> Bound:
    assert bound.unit is not None
    own, wanted = UNITS_US[bound.unit], UNITS_US[unit]
    read = bound.read
    # Of two units one is a whole multiple of the other, so that the conversion rounds once at most.
    if own >= wanted:
        factor = own // wanted
        return replace(bound, read=lambda source: read(source) * factor, unit=unit)
    divisor = wanted // own
    return replace(bound, read=lambda source: read(source) / divisor, unit=unit)
