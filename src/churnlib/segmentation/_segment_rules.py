"""Segments by ordered rules, with a report of what each rule really reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import check_integer
from churnlib._typing import Array, BoolArray
from churnlib.exceptions import ParameterError, ParameterTypeError, message, some
from churnlib.segmentation._segment_map import (
    SegmentMap,
    check_size,
    checked_name,
    map_of_names,
    refuse_holes,
    unnamed,
)
from churnlib.segmentation._settings import known_columns

__all__ = ["RuleReach", "map_from_rules", "reach_frame"]


@dataclass(frozen=True, slots=True)
class RuleReach:
    """How many combinations of scores a rule asks for, and how many it gets.

    Parameters
    ----------
    name : str
        The segment.
    asked : int
        Combinations that the rule describes.
    reached : int
        Those of them that no earlier rule has taken.
    taken_by : tuple of str
        The segments that have taken the others, the greediest first.

    Examples
    --------
    >>> RuleReach("Champions", 4, 1, ("Loyal",)).shadowed
    True
    """

    name: str
    asked: int
    reached: int
    taken_by: tuple[str, ...]

    @property
    def shadowed(self) -> bool:
        """Whether earlier rules take more than half of it."""
        return 2 * self.reached < self.asked

    def before(self) -> str:
        """Name the segments that have taken the others."""
        return some([repr(name) for name in self.taken_by or (self.name,)], 3)

    def __str__(self) -> str:
        return f"{self.name!r} reaches {self.reached} of its {self.asked} combinations, after {self.before()}"


def map_from_rules(rules: Sequence[Any], n_scores: Mapping[str, int]) -> tuple[SegmentMap, tuple[RuleReach, ...]]:
    """Return a map in which the first rule that fits gives the name.

    Parameters
    ----------
    rules : sequence of (str, mapping of str to (int, int))
        A segment, and for some columns the lowest and highest score, both included. A
        column that is not named may have any score; ``("Others", {})`` takes what is left.
    n_scores : mapping of str to int
        The number of scores of each column.

    Returns
    -------
    segments : SegmentMap
        Over the columns that some rule names; every combination has a segment.
    reach : tuple of RuleReach
        For each rule, in order.

    Raises
    ------
    ParameterTypeError
        If a rule is not of that form.
    ParameterError
        If a rule reaches no combination that an earlier one has left, combinations stay
        without a segment, or a rule names unknown columns or scores.

    Examples
    --------
    >>> rules = [("good", {"n_orders": (2, 3)}), ("rest", {})]
    >>> segments, reach = map_from_rules(rules, {"recency_days": 3, "n_orders": 3})
    >>> segments.shape, [rule.reached for rule in reach]
    ((3,), [2, 1])
    """
    read = [_read(rule, n_scores) for rule in rules]
    used = {column for _, ranges in read for column in ranges}
    columns = tuple(column for column in n_scores if column in used)
    if not columns:
        raise ParameterError(
            message(
                f"none of the {len(read)} rules names a column",
                "a rule says which scores make a segment",
                "segments=[('Loyal', {'n_orders': (4, 5)}), ('Others', {})]",
            )
        )
    shape = tuple(n_scores[column] for column in columns)
    check_size(shape)
    named = np.full(shape, None, dtype=object)
    reach = tuple(_apply(named, name, _box(ranges, columns, shape)) for name, ranges in read)
    _refuse_unreached(reach)
    hint = "; ".join(str(rule) for rule in reach if rule.shadowed)
    refuse_holes(named, f"; {hint}" if hint else "")
    return map_of_names(named, tuple((column,) for column in columns)), reach


def reach_frame(reach: Sequence[RuleReach]) -> pd.DataFrame:
    """Return what each rule reaches as a table.

    Parameters
    ----------
    reach : sequence of RuleReach
        Of `map_from_rules`.

    Returns
    -------
    DataFrame
        A row for each rule in order: ``segment``, ``asked``, ``reached`` (combinations of scores) and ``taken_by``.

    Examples
    --------
    >>> reach_frame([RuleReach("Loyal", 10, 10, ())])["reached"].tolist()
    [10]
    """
    return pd.DataFrame(
        {
            "segment": [rule.name for rule in reach],
            "asked": [rule.asked for rule in reach],
            "reached": [rule.reached for rule in reach],
            "taken_by": [", ".join(rule.taken_by) for rule in reach],
        },
        index=pd.RangeIndex(1, len(reach) + 1, name="rule"),
    )


def _read(rule: Any, n_scores: Mapping[str, int]) -> tuple[str, dict[str, tuple[int, int]]]:
    if not (isinstance(rule, tuple | list) and len(rule) == 2 and isinstance(rule[1], Mapping)):
        raise ParameterTypeError(
            message(
                f"segments holds the rule {rule!r}",
                "a rule is a name with the lowest and highest score of some columns",
                "('Loyal', {'n_orders': (4, 5)})",
            )
        )
    name = checked_name(rule[0])
    known_columns(list(rule[1]), list(n_scores), name=f"the rule {name!r}")
    return name, {column: _range(ends, name, column, n_scores[column]) for column, ends in rule[1].items()}


def _range(ends: Any, name: str, column: str, highest: int) -> tuple[int, int]:
    said = f"rule {name!r}: {column}"
    if not (isinstance(ends, tuple | list) and len(ends) == 2):
        raise ParameterTypeError(
            message(f"{said} is {ends!r}", "the lowest and the highest score were expected", f"(1, {highest})")
        )
    low, high = (check_integer(end, name=said, low=1, high=highest) for end in ends)
    if low > high:
        raise ParameterError(message(f"{said} runs from {low} to {high}", "the lowest score first", f"({high}, {low})"))
    return low, high


def _box(ranges: Mapping[str, tuple[int, int]], columns: Sequence[str], shape: tuple[int, ...]) -> BoolArray:
    inside = np.ones(shape, dtype=bool)
    for axis, column in enumerate(columns):
        low, high = ranges.get(column, (1, shape[axis]))
        score = np.arange(1, shape[axis] + 1)
        fits = (score >= low) & (score <= high)
        inside &= fits.reshape([-1 if k == axis else 1 for k in range(len(shape))])
    return inside


def _apply(named: Array, name: str, inside: BoolArray) -> RuleReach:
    """Name the combinations that are still free, and say who has the others."""
    free = inside & unnamed(named)
    taken = named[inside & ~free].tolist()
    named[free] = name
    others = sorted(set(taken) - {name}, key=lambda other: (-taken.count(other), other))
    return RuleReach(name, int(inside.sum()), int(free.sum()), tuple(others))


def _refuse_unreached(reach: Sequence[RuleReach]) -> None:
    never = [(k, rule) for k, rule in enumerate(reach, start=1) if not rule.reached]
    if never:
        listed = some([f"rule {k}, {rule.name!r}, after {rule.before()}" for k, rule in never])
        raise ParameterError(
            message(
                f"{len(never)} of {len(reach)} rules never apply: earlier ones take all they describe ({listed})",
                "the first rule that fits gives the name",
                "put the narrower rule before the wider one, or leave it out",
            )
        )
