"""Which thresholds of a rule may be moved, where to, and the rule that is moved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from churnlib._typing import BoolArray, FloatArray
from churnlib.alerts._rule import Rule
from churnlib.expressions import Columns, Expression
from churnlib.expressions._bind import _COMPARED, _SPELT
from churnlib.expressions._nodes import And, Compare, Length, Name, Node, Not, Number, Or, children, walk, written
from churnlib.expressions._tokens import UNITS_US

if TYPE_CHECKING:
    from churnlib.alerts._ruleset import RuleSet

__all__ = ["Knob", "Place", "knobs_of", "moved_rule", "renewed"]

_LEVELS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_DIGITS = 3
_LENGTHS = sorted((us for unit, us in UNITS_US.items() if unit != "w"), reverse=True)
_EXACT_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Place:
    """A comparison of a column with a number or a length of time, and where it stands in its tree.

    Attributes
    ----------
    path : tuple of int
        The way to it from the root.
    column, operator : str
        As if the column stood on the left.
    literal : Number or Length
        The threshold.
    upward : bool
        Whether the condition as a whole wants high values of the column: an odd number of ``not`` turns it.
    """

    path: tuple[int, ...]
    column: str
    operator: str
    literal: Number | Length
    upward: bool

    @property
    def threshold(self) -> float:
        """The threshold, in the unit in which it is written down: a number as it is, a length in microseconds."""
        return self.literal.value if isinstance(self.literal, Number) else float(self.literal.us)


@dataclass(frozen=True, slots=True)
class Knob:
    """A threshold and the values it may take.

    Attributes
    ----------
    rule : str
        Whose.
    condition : str
        The comparison as it is given; empty for a rule without any.
    when, clear : Place or None
        Where it stands in the condition to fire, and in that to clear.
    choices : tuple of float
        The values, from the one that lets most alerts pass to the strictest; the given one among them.
    given : int
        Which of them is the given one.
    note : str
        Why it is not moved; empty where it is.
    """

    rule: str
    condition: str
    when: Place | None
    clear: Place | None
    choices: tuple[float, ...] = ()
    given: int = 0
    note: str = ""

    def cleared_at(self, choice: int) -> float:
        """Return the threshold to clear that belongs to a choice: at the distance it was given at."""
        if self.clear is None:
            return np.nan
        return _exact(self.clear.threshold + self.choices[choice] - self.choices[self.given])


def knobs_of(rule: Rule, columns: Columns, rows: BoolArray) -> tuple[Knob, ...]:
    """Return the thresholds of a rule with the values they may take.

    Candidates are values of the column at 15 shares of the rows, from 1 % to 99 %: numbers rounded to three
    digits, lengths of time to whole days or a shorter unit. Those that hold for all or none of the rows are
    left out, and those with which the threshold to clear would leave the values there are.

    Parameters
    ----------
    rule : Rule
        The rule.
    columns : Columns
        What it reads.
    rows : ndarray of bool
        The rows whose values count.

    Returns
    -------
    tuple of Knob
        One for each comparison in `when`; those with a `note` are not moved, and have one choice.

    Examples
    --------
    >>> columns = Columns({"n": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]})
    >>> (knob,) = knobs_of(Rule("a", 1, "n >= 3", clear="n < 2"), columns, np.ones(10, dtype=bool))
    >>> knob.choices, knob.cleared_at(0)
    ((2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0), 1.0)
    """
    places = list(_places(rule.when.tree))
    if not places:
        return (Knob(rule.id, "", None, None, note="compares no column with a number"),)
    return tuple(_knob(rule, place, columns, rows) for place in places)


def moved_rule(rule: Rule, moves: Sequence[tuple[Knob, int]]) -> Rule:
    """Return a rule with other thresholds.

    Parameters
    ----------
    rule : Rule
        As it is given.
    moves : sequence of (Knob, int)
        Its knobs, and the choice of each.

    Returns
    -------
    Rule
        With the thresholds of `clear` moved by as much.

    Examples
    --------
    >>> rule = Rule("a", 1, "n >= 3", clear="n < 2")
    >>> (knob,) = knobs_of(rule, Columns({"n": [0, 5, 9]}), np.ones(3, dtype=bool))
    >>> moved = moved_rule(rule, [(knob, len(knob.choices) - 1)])
    >>> moved.when.text, moved.clear.text
    ('n >= 9', 'n < 8')
    """
    when, clear = rule.when.tree, None if rule.clear is None else rule.clear.tree
    for knob, choice in moves:
        if choice == knob.given or knob.when is None:
            continue
        when = _replaced(when, knob.when.path, _like(knob.when.literal, knob.choices[choice]))
        if clear is not None and knob.clear is not None:
            clear = _replaced(clear, knob.clear.path, _like(knob.clear.literal, knob.cleared_at(choice)))
    if when is rule.when.tree:
        return rule
    return replace(rule, when=Expression(written(when)), clear=None if clear is None else Expression(written(clear)))


def renewed(rules: RuleSet, listed: Sequence[Rule]) -> RuleSet:
    """Return a set of other rules with the same settings.

    Parameters
    ----------
    rules : RuleSet
        Whose settings.
    listed : sequence of Rule
        The rules.

    Returns
    -------
    RuleSet
        A new one.

    Examples
    --------
    >>> from churnlib.alerts import RuleSet
    >>> renewed(RuleSet([Rule("a", 1, "x > 1")], units={"x": "days"}), [Rule("a", 1, "x > 2")]).units
    (('x', 'days'),)
    """
    return type(rules)(
        listed,
        units=dict(rules.units),
        sources=dict(rules.sources),
        calendar=dict(rules.calendar),
        timezone=rules.timezone,
    )


def _knob(rule: Rule, place: Place, columns: Columns, rows: BoolArray) -> Knob:
    condition = written(Compare(place.operator, Name(place.column), place.literal))
    clear, note = _clearing(rule, place)
    still = Knob(rule.id, condition, place, clear, (place.threshold,), 0, note)
    if note:
        return still
    scale = _scale(place, columns)
    values = columns.read(place.column, "length" if columns[place.column].kind == "length" else "number")[rows]
    values = values[np.isfinite(values)] * scale
    found = sorted({*_candidates(values, place), place.threshold}, reverse=not place.upward)
    knob = replace(still, choices=tuple(found), given=found.index(place.threshold))
    fit = (k for k in range(len(found)) if _parts(place, found[k], values) and _can_clear(knob, k, values))
    kept = sorted({*fit, knob.given})
    if len(kept) == 1:
        return replace(still, note=f"{place.column} leaves no other threshold")
    return replace(knob, choices=tuple(found[k] for k in kept), given=kept.index(knob.given))


def _clearing(rule: Rule, place: Place) -> tuple[Place | None, str]:
    """Return the comparison of `clear` that goes with one of `when`, or why it cannot."""
    if sum(isinstance(node, Name) and node.name == place.column for node in walk(rule.when.tree)) > 1:
        return None, f"when reads {place.column} more than once"
    if place.operator not in _TURNED:
        return None, f"{place.operator} has no stricter threshold"
    if rule.clear is None or place.column not in rule.clear.names:
        return None, ""
    found = [other for other in _places(rule.clear.tree) if other.column == place.column]
    reads = sum(isinstance(node, Name) and node.name == place.column for node in walk(rule.clear.tree))
    plain = [other for other in found if other.operator in _TURNED and type(other.literal) is type(place.literal)]
    if len(plain) != 1 or reads > 1:
        return None, f"clear reads {place.column} in another way than comparing it once with a number"
    other = plain[0]
    if other.upward == place.upward:
        return None, f"clear wants {place.column} on the same side as when"
    if (other.threshold > place.threshold) if place.upward else (other.threshold < place.threshold):
        return None, f"clear and when overlap: {rule.clear.text}"
    return other, ""


def _candidates(values: FloatArray, place: Place) -> Iterator[float]:
    if not len(values):
        return
    distinct = np.unique(values)
    at = np.searchsorted(distinct, np.quantile(values, _LEVELS, method="inverted_cdf"))
    # One value on, "<" and ">" hold for as many rows as "<=" and ">=" do there: "n < 1" for those without any.
    at = np.concatenate([at, at + {"<": 1, ">": -1}.get(place.operator, 0)])
    for value in distinct[np.unique(at[(at >= 0) & (at < len(distinct))])].tolist():
        if isinstance(place.literal, Number):
            yield float(f"{value:.{_DIGITS}g}") + 0.0
        else:
            whole = next(us for us in _LENGTHS if place.literal.us % us == 0 or us <= abs(value) / 10)
            yield float(round(value / whole) * whole)


def _parts(place: Place, threshold: float, values: FloatArray) -> bool:
    """Whether a threshold tells rows apart: one that holds for all or none of them is no condition any more."""
    holds = _COMPARED[place.operator](values, threshold)
    return bool(holds.any()) and not bool(holds.all())


def _can_clear(knob: Knob, choice: int, values: FloatArray) -> bool:
    """Whether an alert could still end: moved along, the threshold to clear must not leave the column behind."""
    if knob.clear is None:
        return True
    holds = _COMPARED[knob.clear.operator]
    return bool(holds(values, knob.cleared_at(choice)).any()) or not bool(holds(values, knob.clear.threshold).any())


def _scale(place: Place, columns: Columns) -> float:
    """Return what values of the column are multiplied by to be in the unit of the threshold as it is written."""
    found = columns[place.column]
    if isinstance(place.literal, Number) or found.kind == "length":
        return 1.0
    return float(UNITS_US[_SPELT.get(found.unit or "", found.unit or "us")])


def _exact(value: float) -> float:
    return float(f"{value:.{_EXACT_DIGITS}g}") + 0.0


def _like(literal: Number | Length, value: float) -> Number | Length:
    return Number(value) if isinstance(literal, Number) else Length(round(value))


def _places(tree: Node, path: tuple[int, ...] = (), *, straight: bool = True) -> Iterator[Place]:
    """Yield the comparisons of a column with a number or length, in the order of the text."""
    match tree:
        case And(operands) | Or(operands):
            for k, operand in enumerate(operands):
                yield from _places(operand, (*path, k), straight=straight)
        case Not(operand):
            yield from _places(operand, (*path, 0), straight=not straight)
        case Compare(operator, Name(name), Number() | Length() as literal):
            yield Place(path, name, operator, literal, operator.startswith(">") == straight)
        case Compare(operator, Number() | Length() as literal, Name(name)):
            turned = _TURNED.get(operator, operator)
            yield Place(path, name, turned, literal, turned.startswith(">") == straight)


def _replaced(tree: Node, path: tuple[int, ...], literal: Number | Length) -> Node:
    """Return a tree with another literal in the comparison at the end of a path."""
    if path:
        below = list(children(tree))
        below[path[0]] = _replaced(below[path[0]], path[1:], literal)
        if isinstance(tree, And | Or):
            return replace(tree, operands=tuple(below))
        return Not(below[0])
    assert isinstance(tree, Compare)
    return replace(tree, right=literal) if isinstance(tree.left, Name) else replace(tree, left=literal)
