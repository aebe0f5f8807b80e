"""Thresholds for a budget of alerts: as many churners caught as the hours of a desk allow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from churnlib._typing import BoolArray, FloatArray, IntArray
from churnlib.alerts._fit._past import Past
from churnlib.alerts._fit._thresholds import Knob, knobs_of, moved_rule, renewed
from churnlib.exceptions import ParameterError, message

if TYPE_CHECKING:
    from churnlib.alerts._ruleset import RuleSet

__all__ = ["Tuned", "Tuner"]

Choice: TypeAlias = tuple[int, ...]
"""The position of every knob among its choices."""

_Key: TypeAlias = tuple[Any, ...]

_ONES = np.array([value.bit_count() for value in range(1 << 16)], dtype=np.uint8)
_AT_ONCE = 16
_ROUNDING = 1e-9


class _Heard(NamedTuple):
    """Whom one rule announces: counted rows as bits, and their number; lost rows; and where it fires in the past."""

    rows: npt.NDArray[np.uint16]
    n: int
    lost: BoolArray
    firing: npt.NDArray[np.uint8] | None


class _Sum(NamedTuple):
    """What a choice comes to.

    Attributes
    ----------
    alerts : int
        Customers announced over all cutoffs.
    caught : int
        Churners among them.
    ahead : float
        Days from the first alert of each of those to the loss, in all.
    each : int
        Announcements, where several rules announce one customer several.
    """

    alerts: int
    caught: int
    ahead: float
    each: int


@dataclass(frozen=True, slots=True, eq=False)
class Tuned:
    """Thresholds that were found.

    Attributes
    ----------
    rules : RuleSet
        With them.
    knobs : tuple of Knob
        All thresholds, moved or not.
    choice : tuple of int
        The choice of each knob.
    alerts : tuple of (int, int)
        Customers announced over all counted cutoffs, before and after.
    caught : tuple of (int, int)
        Churners among them, before and after.
    ahead : tuple of (float, float)
        Days from the first alert of each of those to the loss, in all, before and after.
    """

    rules: RuleSet
    knobs: tuple[Knob, ...]
    choice: Choice
    alerts: tuple[int, int]
    caught: tuple[int, int]
    ahead: tuple[float, float]


class Tuner:
    """Rules over a past in which thresholds can be turned.

    Each rule is stepped through all cutoffs for every threshold that is tried, by the same steps as
    `replay`; what was stepped once is kept. A rule that is inhibited by others is stepped again where theirs change.

    Parameters
    ----------
    past : Past
        The rows.
    counted : ndarray of bool
        Rows whose alerts count, in the order of the past.
    lost : ndarray of bool
        Rows, among the counted ones, of customers lost within the horizon.
    days : ndarray
        In how many days.
    customer : ndarray of int
        The customer of each row.
    """

    def __init__(
        self, past: Past, *, counted: BoolArray, lost: BoolArray, days: FloatArray, customer: IntArray
    ) -> None:
        self.past = past
        self.rules = past.rules
        self.counted = counted
        rows = np.flatnonzero(lost & counted)
        self.lost = rows[np.argsort(customer[rows], kind="stable")]
        self.days = days[self.lost]
        self.begins = np.flatnonzero(np.diff(customer[self.lost], prepend=-1))
        self.knobs = tuple(
            knob for rule in self.rules if not rule.is_loss for knob in knobs_of(rule, past.columns, counted)
        )
        self.of_rule = {rule.id: [k for k, one in enumerate(self.knobs) if one.rule == rule.id] for rule in self.rules}
        self.above = {rule.id: _reached(rule.id, {r.id: r.inhibited_by for r in self.rules}) for rule in self.rules}
        self.below = {
            rule.id: tuple(other for other in self.rules.ids if rule.id in self.above[other]) for rule in self.rules
        }
        self.warning = tuple(rule.id for rule in self.rules if not rule.is_loss)
        self._heard: dict[tuple[str, _Key], _Heard] = {}

    @property
    def given(self) -> Choice:
        """The thresholds as they are given."""
        return tuple(knob.given for knob in self.knobs)

    @property
    def strictest(self) -> Choice:
        """The strictest value of every threshold."""
        return tuple(len(knob.choices) - 1 if knob.choices else 0 for knob in self.knobs)

    def rules_at(self, choice: Choice) -> RuleSet:
        """Return the rules with the thresholds of a choice."""
        moved = [moved_rule(rule, [(self.knobs[k], choice[k]) for k in self.of_rule[rule.id]]) for rule in self.rules]
        return renewed(self.rules, moved)

    # -- the search ------------------------------------------------------------------------------

    def search(self, budget: float, *, weeks: float) -> Tuned:
        """Find the thresholds that catch most churners within a budget.

        The search begins twice: at the given thresholds and at the strictest ones.

        1. While there are more alerts than the budget allows, the one threshold is moved that costs fewest
           churners for each alert saved, and of equal ones fewest days of warning. Where that does not lead
           into the budget, the one that saves most alerts. Where none saves any, since several rules announce the same
           customers, fewer announcements count as alerts saved.
        2. As long as it helps, the one is moved that catches most churners for each alert more, within the
           budget. Where none catches more, one goes back towards its given value, if as many are caught
           and warned of earlier.

        The end that catches more counts, or warns earlier, or with fewer alerts; of equal ones the first. Rules come
        in the order of their ids, thresholds in that of the text.

        Parameters
        ----------
        budget : float
            Customers that may be announced a week, on average over the counted cutoffs.
        weeks : float
            How many weeks those are.

        Returns
        -------
        Tuned
            No single threshold, moved alone, catches more churners within the budget.

        Raises
        ------
        ParameterError
            When the strictest thresholds announce more, and all others on the way there.
        """
        most = int(min(budget * weeks + _ROUNDING, len(self.past)))
        begins = tuple(dict.fromkeys((self.given, self.strictest)))
        tight = [self._tightened(start, most, _cost) for start in begins]
        if all(self.sum_of(start).alerts > most for start in tight):
            tight += [self._tightened(start, most, _saving) for start in begins]
        starts = [start for start in tight if self.sum_of(start).alerts <= most]
        if not starts:
            raise self._too_many(min(tight, key=lambda end: self.sum_of(end).alerts), budget, weeks)
        ends = [self._climbed(start, most) for start in dict.fromkeys(starts)]
        best = max(ends, key=lambda end: _worth(self.sum_of(end)))
        before, after = self.sum_of(self.given), self.sum_of(best)
        return Tuned(
            self.rules_at(best),
            self.knobs,
            best,
            alerts=(before.alerts, after.alerts),
            caught=(before.caught, after.caught),
            ahead=(before.ahead, after.ahead),
        )

    def _too_many(self, choice: Choice, budget: float, weeks: float) -> ParameterError:
        """Return the error of a budget that no thresholds keep within, with the rule that announces most."""
        least = self.sum_of(choice).alerts
        each = {name: self._summed([self._get(name, choice)]).alerts for name in self.warning}
        loud = max(each, key=lambda name: each[name])
        rule = self.rules_at(choice)[loud]
        return ParameterError(
            message(
                f"no thresholds were found that announce fewer than {least / weeks:.4g} customers a week, "
                f"{least / weeks - budget:.4g} more than the budget of {budget:g}; most of them by {loud!r} "
                f"({each[loud] / weeks:.4g}, with {rule.when.text})",
                "a budget that some thresholds keep within",
                f"budget={np.ceil(100 * least / weeks) / 100:g}, a longer cooldown of {loud!r}, or rules without it",
            )
        )

    def _tightened(self, choice: Choice, most: int, cost: Callable[[_Sum, _Sum], Any]) -> Choice:
        """Save alerts where that costs least, one threshold at a time, until the budget holds or none saves any."""
        now = self.sum_of(choice)
        while now.alerts > most:
            around = list(self._around(choice))
            # Where several rules announce the same customers, none of them alone saves an alert.
            apart = [end for end in around if end[0].alerts == now.alerts and end[0].each < now.each]
            saving = [end for end in around if end[0].alerts < now.alerts] or apart
            if not saving:
                break
            now, choice = min(saving, key=lambda end: cost(now, end[0]))
        return choice

    def _climbed(self, choice: Choice, most: int) -> Choice:
        """Catch more, or as many earlier by going back, one threshold at a time, until nothing helps."""
        now = self.sum_of(choice)
        while True:
            within = [(there, to) for there, to in self._around(choice) if there.alerts <= most]
            more = [end for end in within if end[0].caught > now.caught]
            back = [end for end in within if _is_earlier(now, end[0]) and self._is_back(choice, end[1])]
            if more:
                now, choice = min(more, key=lambda end: _price(now, end[0]))
            elif back:
                now, choice = min(back, key=lambda end: _price_of_days(now, end[0]))
            else:
                return choice

    def _is_back(self, choice: Choice, there: Choice) -> bool:
        """Whether no threshold is farther from its given value, and none has passed it."""
        return all(
            min(old, given) <= new <= max(old, given) for old, new, given in zip(choice, there, self.given, strict=True)
        )

    def _around(self, choice: Choice) -> Iterator[tuple[_Sum, Choice]]:
        """Yield every choice that differs in one threshold, in the order of rules and thresholds."""
        self.sum_of(choice)
        for name in self.warning:
            near = [
                (*choice[:k], value, *choice[k + 1 :])
                for k in self.of_rule[name]
                for value in range(len(self.knobs[k].choices))
                if value != choice[k]
            ]
            if not near:
                continue
            touched = [one for one in (name, *self.below[name]) if one in self.warning]
            for one in (name, *self.below[name]):
                self._step(one, near)
            others = _joined([self._get(one, choice) for one in self.warning if one not in touched])
            for there in near:
                yield self._summed([*others, *(self._get(one, there) for one in touched)]), there

    # -- what a choice comes to --------------------------------------------------------------------

    def sum_of(self, choice: Choice) -> _Sum:
        """Return how many customers a choice announces, and how many churners are among them."""
        for name in self.rules.ids:
            self._step(name, [choice])
        return self._summed([self._get(name, choice) for name in self.warning])

    def _summed(self, heard: Sequence[_Heard]) -> _Sum:
        """Count customers that any rule announces, once each at a cutoff, and churners once in all."""
        whole = _joined(heard)
        if not whole:
            return _Sum(0, 0, 0.0, 0)
        rows, each, lost, _ = whole[0]
        alerts = _count(rows)
        if not len(lost):
            return _Sum(alerts, 0, 0.0, each)
        caught = int(np.logical_or.reduceat(lost, self.begins).sum())
        first = np.maximum.reduceat(np.where(lost, self.days, 0.0), self.begins)
        return _Sum(alerts, caught, float(first.sum()), each)

    def _get(self, name: str, choice: Choice) -> _Heard:
        return self._heard[name, self._key(name, choice)]

    def _key(self, name: str, choice: Choice) -> _Key:
        """Return what the course of a rule depends on: its own thresholds, and those of the rules above it."""
        return tuple(choice[k] for one in (name, *self.above[name]) for k in self.of_rule[one])

    def _step(self, name: str, choices: Sequence[Choice]) -> None:
        """Step a rule through the past for every choice that was not stepped yet; those above it come first."""
        missing = {}
        for choice in choices:
            key = self._key(name, choice)
            if (name, key) not in self._heard:
                missing[key] = choice
        rule = self.rules[name]
        if missing:
            for other in rule.inhibited_by:
                self._step(other, list(missing.values()))
        listed = list(missing.items())
        for begin in range(0, len(listed), _AT_ONCE):
            part = listed[begin : begin + _AT_ONCE]
            variants = [
                moved_rule(rule, [(self.knobs[k], choice[k]) for k in self.of_rule[name]]) for _, choice in part
            ]
            held = [[self._fires(other, choice) for other in rule.inhibited_by] for _, choice in part]
            for (key, _), course in zip(part, self.past.courses(variants, held), strict=True):
                rows = _packed(course.announced[self.counted])
                self._heard[name, key] = _Heard(
                    rows=rows,
                    n=_count(rows),
                    lost=course.announced[self.lost],
                    firing=np.packbits(course.firing) if self.below[name] else None,
                )

    def _fires(self, name: str, choice: Choice) -> BoolArray:
        packed = self._get(name, choice).firing
        assert packed is not None
        return np.unpackbits(packed, count=len(self.past)).view(bool)


def _worth(there: _Sum) -> tuple[int, float, int]:
    """Return what is wanted, the first before the others: churners, days of warning, few alerts."""
    return there.caught, there.ahead, -there.alerts


def _cost(now: _Sum, there: _Sum) -> tuple[float, float, int]:
    """Return churners and days of warning lost for each alert saved; of equal ones the smaller step."""
    saved = now.alerts - there.alerts or now.each - there.each
    return (now.caught - there.caught) / saved, (now.ahead - there.ahead) / saved, saved


def _saving(_: _Sum, there: _Sum) -> tuple[int, int]:
    """Return the alerts that are left, whatever that costs."""
    return there.alerts, there.each


def _price(now: _Sum, there: _Sum) -> tuple[float, int, float]:
    """Return alerts for each churner more, none for those that save alerts; then what else is liked less."""
    gain = there.caught - now.caught
    return max(there.alerts - now.alerts, 0) / gain, -there.caught, -there.ahead


def _is_earlier(now: _Sum, there: _Sum) -> bool:
    return there.caught == now.caught and there.ahead > now.ahead


def _price_of_days(now: _Sum, there: _Sum) -> tuple[float, float]:
    """Return alerts for each day of warning more."""
    return max(there.alerts - now.alerts, 0) / (there.ahead - now.ahead), -there.ahead


def _joined(heard: Sequence[_Heard]) -> list[_Heard]:
    """Return whom any of some rules announces; nothing for no rule."""
    if len(heard) < 2:
        return list(heard)
    rows = np.bitwise_or.reduce([one.rows for one in heard])
    lost = np.logical_or.reduce([one.lost for one in heard])
    return [_Heard(rows, sum(one.n for one in heard), lost, None)]


def _count(rows: npt.NDArray[np.uint16]) -> int:
    return int(_ONES[rows].sum(dtype=np.int64))


def _packed(rows: BoolArray) -> npt.NDArray[np.uint16]:
    bits = np.packbits(rows)
    return np.concatenate([bits, np.zeros(len(bits) % 2, dtype=np.uint8)]).view(np.uint16)


def _reached(name: str, by: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return the rules above one: those that inhibit it, those that inhibit them, and so on."""
    found: dict[str, None] = {}
    left = list(by[name])
    while left:
        one = left.pop(0)
        if one not in found:
            found[one] = None
            left.extend(by[one])
    return tuple(sorted(found))
