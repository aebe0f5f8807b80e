"""What one step over a table gives: the new state, and tables that are made when they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from churnlib._checks import check_integer
from churnlib._ids import check_same_kind, ids_of
from churnlib._typing import Array, BoolArray, FloatArray, IntArray
from churnlib.alerts._conditions import Conditions
from churnlib.alerts._explain import explained, worded
from churnlib.alerts._hold import Hold
from churnlib.alerts._rule import Rule
from churnlib.alerts._state import AlertState
from churnlib.alerts._step import FIRING, STATUSES, Cells, Told, code_of
from churnlib.calendar import timestamp, timestamps
from churnlib.exceptions import ParameterError, message, some
from churnlib.expressions import Columns

if TYPE_CHECKING:
    from churnlib.alerts._ruleset import RuleSet

__all__ = ["AlertStep", "Change", "RuleStep"]

_BLOCK = 32_768


class Change(NamedTuple):
    """Rows whose status changed, from what to what."""

    rows: IntArray
    before: Array
    after: Array


@dataclass(frozen=True, slots=True)
class RuleStep:
    """What a step did under one rule.

    Attributes
    ----------
    rule : Rule
        The rule.
    cells : Cells
        The states after it.
    holds : tuple of Hold
        What holds its alerts back, and whose.
    change : Change
        Whose status changed.
    told : Told
        Whose alert is announced.
    """

    rule: Rule
    cells: Cells
    holds: tuple[Hold, ...]
    change: Change
    told: Told

    @property
    def firing(self) -> BoolArray:
        """Where the alert fires."""
        return np.asarray(code_of(self.cells.status) == FIRING)

    def stages(self, rows: IntArray, now: int) -> Array:
        """Return how often the alert of each row was escalated so far."""
        return np.asarray(np.searchsorted(np.array(self.rule.pace.afters), now - self.cells.since[rows], side="right"))

    def levels(self, rows: IntArray, now: int) -> Array:
        """Return the level of the alert of each row, after escalation."""
        listed = np.array([self.rule.level, *(entry.level for entry in self.rule.escalate)], dtype=np.int64)
        return listed[self.stages(rows, now)] if self.rule.escalate else np.full(len(rows), self.rule.level)

    def owners(self) -> list[str]:
        """Return the owner at each stage of escalation."""
        listed = [self.rule.route.owner]
        for entry in self.rule.escalate:
            listed.append(entry.owner or listed[-1])
        return listed


class AlertStep:
    """What a step of a `RuleSet` gives; `RuleSet.step` makes it.

    Its tables are made when they are first asked for, and keep the order of customers and rules,
    whatever order the rows came in.

    Attributes
    ----------
    state : AlertState
        Where the next step goes on from.
    stale : tuple of str
        The feeds that are stale; rules that depend on them are suspended.

    Examples
    --------
    >>> from churnlib.alerts import Rule, RuleSet
    >>> rules = RuleSet([Rule("no-visit", 1, "days >= 30", because="no visit for {days:.0f} days")])
    >>> step = rules.step(pd.DataFrame({"days": [41, 3]}, index=["ann", "bob"]), now="2026-03-02")
    >>> step
    AlertStep(2026-03-02 00:00:00+00:00: 2 customers, 1 alert firing, 1 transition, 1 notification)
    >>> step.customers
                 score  level  n_alerts   lost
    customer_id
    ann            1.0      1         1  False
    bob            0.0      0         0  False
    >>> step.because()["text"].tolist()
    ['no visit for 41 days']
    """

    def __init__(
        self,
        rules: RuleSet,
        now: int,
        customers: pd.Index[Any],
        *,
        order: IntArray | None,
        columns: Columns,
        state: AlertState,
        steps: tuple[RuleStep, ...],
        bound: tuple[Conditions, ...],
        stale: tuple[str, ...],
    ) -> None:
        self.state = state
        self.stale = stale
        self._rules = rules
        self._now = now
        self._customers = customers
        self._order = order
        self._columns = columns
        self._steps = steps
        self._bound = bound

    @property
    def now(self) -> pd.Timestamp:
        """The instant of the step, on the clock of the rule set.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> RuleSet([Rule("a", 1, "x > 1")]).step(pd.DataFrame({"x": [2]}, index=[7]), now="2026-03-02").now
        Timestamp('2026-03-02 00:00:00+0000', tz='UTC')
        """
        return timestamp(self._now, self._rules.timezone)

    def __repr__(self) -> str:
        counts = {
            "customer": len(self._customers),
            "alert": sum(int(step.firing.sum()) for step in self._steps),
            "transition": sum(len(step.change.rows) for step in self._steps),
            "notification": sum(len(rows) for step in self._steps for rows in step.told),
        }
        listed = [f"{n:,} {word}{'s' * (n != 1)}{' firing' * (word == 'alert')}" for word, n in counts.items()]
        late = f"; stale: {some(self.stale)}" if self.stale else ""
        return f"AlertStep({self.now}: {', '.join(listed)}{late})"

    # -- per customer ------------------------------------------------------------------------

    @cached_property
    def _totals(self) -> tuple[FloatArray, Array, Array, BoolArray]:
        """Score, level, number of alerts, and whether the customer is lost already."""
        n = len(self._customers)
        score, level = np.zeros(n), np.zeros(n, dtype=np.uint8)
        alerts, lost = np.zeros(n, dtype=np.int16), np.zeros(n, dtype=bool)
        for start in range(0, n, _BLOCK):
            part = slice(start, min(start + _BLOCK, n))
            for step in self._steps:  # in the order of ids: sums of floats depend on theirs
                firing = code_of(step.cells.status[part]) == FIRING
                alerts[part] += firing
                if step.rule.is_loss:
                    lost[part] |= firing
                    continue
                for hold in step.holds:
                    if hold.kind == "inhibited":
                        firing &= ~hold.rows[part]
                score[part] += firing * step.rule.weight
                rows = np.flatnonzero(firing) + start if step.rule.escalate else firing
                of_rule = step.levels(rows, self._now) if step.rule.escalate else firing * np.uint8(step.rule.level)
                target = rows if step.rule.escalate else part
                level[target] = np.maximum(level[target], of_rule)
        return score, level, alerts, lost

    @cached_property
    def customers(self) -> pd.DataFrame:
        """Every customer of the step, in order.

        score : sum of the weights of the rules that fire and are neither inhibited nor a loss;
        level : the highest level among them, 0 for none; n_alerts : how many rules fire; lost :
        whether one of them is a loss.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> rules = RuleSet([Rule("a", 1, "x > 1", weight=0.5), Rule("b", 3, "x > 5")])
        >>> rules.step(pd.DataFrame({"x": [2, 9]}, index=[7, 8]), now="2026-03-02").customers["score"].tolist()
        [0.5, 1.5]
        """
        score, level, alerts, lost = self._totals
        named = {"score": score, "level": level, "n_alerts": alerts, "lost": lost}
        return pd.DataFrame(named, index=self._customers, copy=False)

    def top(self, n: int) -> pd.DataFrame:
        """Return the customers with the highest scores, highest first.

        Parameters
        ----------
        n : int
            How many; those without an alert that counts are left out.

        Returns
        -------
        DataFrame
            Rows of `customers`; of equal scores those of higher level first, then in order.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> rules = RuleSet([Rule("a", 1, "x > 1"), Rule("b", 1, "x > 5")])
        >>> rules.step(pd.DataFrame({"x": [2, 9, 0]}, index=[7, 8, 9]), now="2026-03-02").top(5).index.tolist()
        [8, 7]
        """
        return self.customers.iloc[self._top(n)]

    def _top(self, n: int) -> IntArray:
        check_integer(n, name="top", low=1)
        score, level, _, _ = self._totals
        found = np.flatnonzero(level)
        if len(found) > n:
            least = np.partition(score[found], len(found) - n)[len(found) - n]
            found = found[score[found] >= least]
        order = np.lexsort((found, -level[found].astype(np.int64), -score[found]))
        return np.asarray(found[order][:n])

    # -- per alert ---------------------------------------------------------------------------

    @cached_property
    def alerts(self) -> pd.DataFrame:
        """Every alert that fires, in order of customers and rules.

        customer_id, rule, level (after escalation), since, score (of the customer), owner, channel,
        and suppressed_by: what holds it back, with the name of the source; empty for nothing.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> rules = RuleSet([Rule("a", 1, "x > 1")])
        >>> X = pd.DataFrame({"x": [2, 9]}, index=[7, 8])
        >>> rules.step(X, now="2026-03-02", opted_out=[8]).alerts["suppressed_by"].tolist()
        ['', 'opted out']
        """
        rows = [np.flatnonzero(step.firing) for step in self._steps]
        frame, order, at = self._listed(rows)
        frame["since"] = timestamps(_joined(s.cells.since[r] for s, r in zip(self._steps, rows, strict=True))[order])
        frame["score"] = self._totals[0][at]
        self._route(frame, rows, order)
        texts, codes = _hold_texts(self._steps, rows)
        frame["suppressed_by"] = pd.Categorical.from_codes(codes[order], pd.Index(texts, dtype=object))
        return pd.DataFrame(frame)

    @cached_property
    def transitions(self) -> pd.DataFrame:
        """What changed: customer_id, rule, from, to (states) and at, in order of customers and rules.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> rules = RuleSet([Rule("a", 1, "x > 1")])
        >>> rules.step(pd.DataFrame({"x": [2]}, index=[7]), now="2026-03-02").transitions
           customer_id rule      from      to                        at
        0            7    a  inactive  firing 2026-03-02 00:00:00+00:00
        """
        frame, order, _ = self._listed([step.change.rows for step in self._steps], level=False)
        for name, field in (("from", "before"), ("to", "after")):
            codes = _joined(getattr(step.change, field) for step in self._steps)[order]
            frame[name] = pd.Categorical.from_codes(codes.astype(np.int8), pd.Index(STATUSES, dtype=object))
        frame["at"] = self._at(len(order))
        return pd.DataFrame(frame)

    @cached_property
    def notifications(self) -> pd.DataFrame:
        """What is to be told now: customer_id, rule, level, owner, channel, reason and at.

        An alert is told once, as soon as nothing holds it back ("fired", or "released" when that was
        later), and once at each escalation ("escalated").

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> rules = RuleSet([Rule("a", 1, "x > 1", route={"channel": "email", "owner": "crm"})])
        >>> step = rules.step(pd.DataFrame({"x": [2]}, index=[7]), now="2026-03-02")
        >>> step.notifications[["customer_id", "rule", "owner", "reason"]]
           customer_id rule owner reason
        0            7    a   crm  fired
        """
        rows = [np.concatenate(step.told) for step in self._steps]
        frame, order, _ = self._listed(rows)
        self._route(frame, rows, order)
        counts = [len(found) for step in self._steps for found in step.told]
        reason = np.repeat(np.tile(np.arange(3), len(self._steps)), counts)
        frame["reason"] = pd.Categorical.from_codes(reason[order], pd.Index(Told._fields, dtype=object))
        frame["at"] = self._at(len(order))
        return pd.DataFrame(frame)

    def _listed(self, rows: Sequence[IntArray], *, level: bool = True) -> tuple[dict[str, Any], IntArray, IntArray]:
        """Return customers and rules of rows under each rule, the order that sorts them, and the rows in it."""
        joined = _joined(rows)
        which = np.repeat(np.arange(len(rows)), [len(found) for found in rows])
        order = np.argsort(joined, kind="stable")
        at = joined[order]
        frame: dict[str, Any] = {
            "customer_id": self._customers[at],
            "rule": pd.Categorical.from_codes(which[order], pd.Index(self._rules.ids, dtype=object)),
        }
        if level:
            levels = _joined(step.levels(found, self._now) for step, found in zip(self._steps, rows, strict=True))
            frame["level"] = levels[order]
        return frame, order, at

    def _route(self, frame: dict[str, Any], rows: Sequence[IntArray], order: IntArray) -> None:
        owners = [step.owners() for step in self._steps]
        named = sorted({owner for listed in owners for owner in listed})
        codes = []
        for step, listed, found in zip(self._steps, owners, rows, strict=True):
            code = np.array([named.index(owner) for owner in listed])
            codes.append(code[step.stages(found, self._now)] if step.rule.escalate else np.full(len(found), code[0]))
        frame["owner"] = pd.Categorical.from_codes(_joined(codes)[order], pd.Index(named, dtype=object))
        channels = sorted({step.rule.route.channel for step in self._steps})
        of_rule = np.array([channels.index(step.rule.route.channel) for step in self._steps])
        repeated = np.repeat(of_rule, [len(found) for found in rows])
        frame["channel"] = pd.Categorical.from_codes(repeated[order], pd.Index(channels, dtype=object))

    def _at(self, n: int) -> pd.DatetimeIndex:
        return timestamps(np.full(n, self._now))

    # -- why ---------------------------------------------------------------------------------

    def explain(self, customers: Iterable[Any] | None = None, *, top: int | None = None) -> pd.DataFrame:
        """Say why alerts fire: each single condition with its value, threshold and margin.

        Parameters
        ----------
        customers : collection of ids, default=None
            Whom to explain; None for those with the highest scores.
        top : int, default=None
            How many of those; None for 100.

        Returns
        -------
        DataFrame
            One row for each customer, firing rule and single condition: customer_id, rule; part
            ("when" or "clear"); condition; holds (missing where it is unknown); value and threshold,
            numbers or texts; margin: how far the value lies on the side where the condition holds, in
            its unit; left_out: days that do not count, taken out of the value already; and
            clears_when: what would end the alert. Customers in the order asked for, highest score first.

        Raises
        ------
        ParameterError
            When a customer is not in this step, or both arguments are given.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> rules = RuleSet([Rule("low", 2, "balance <= 0.5 * usual")])
        >>> X = pd.DataFrame({"balance": [40.0], "usual": [100.0]}, index=["ann"])
        >>> step = rules.step(X, now="2026-03-02")
        >>> step.explain(["ann"])[["condition", "value", "threshold", "margin", "clears_when"]]
                        condition value threshold  margin            clears_when
        0  balance <= 0.5 * usual  40.0      50.0    10.0  balance > 0.5 * usual
        """
        return explained(self, self._chosen(customers, top))

    def because(
        self, customers: Iterable[Any] | None = None, *, top: int | None = None, language: str | None = None
    ) -> pd.DataFrame:
        """Say why alerts fire in the words of their rules.

        Parameters
        ----------
        customers : collection of ids, default=None
            Whom to explain; None for those with the highest scores.
        top : int, default=None
            How many of those; None for 100.
        language : str, default=None
            Which of the texts by language; None where there is one for all.

        Returns
        -------
        DataFrame
            customer_id, rule, level and text, one row for each firing rule. A rule without a text
            gives its condition.

        Raises
        ------
        ParameterError
            When a rule has no text in that language, a customer is not in this step, or both
            `customers` and `top` are given.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> rules = RuleSet([Rule("a", 1, "x > 1", because={"en": "{x} visits", "de": "{x} Besuche"})])
        >>> step = rules.step(pd.DataFrame({"x": [2]}, index=[7]), now="2026-03-02")
        >>> step.because([7], language="de")["text"].tolist()
        ['2 Besuche']
        """
        return worded(self, self._chosen(customers, top), language)

    def _chosen(self, customers: Iterable[Any] | None, top: int | None) -> IntArray:
        if customers is None:
            return self._top(100 if top is None else top)
        if top is not None:
            raise ParameterError(message("customers and top are both given", "one of them says whom", "top=100"))
        wanted = ids_of(list(customers) if not isinstance(customers, pd.Index) else customers)
        check_same_kind(self._customers, wanted)
        rows = np.asarray(self._customers.get_indexer(wanted))
        if (rows < 0).any():
            absent = wanted[rows < 0]
            raise ParameterError(
                message(
                    f"{len(absent):,} of {len(wanted):,} customers are not in this step ({some(absent)})",
                    f"it has {len(self._customers):,}",
                    "step.customers.index",
                )
            )
        return rows


def _joined(parts: Iterable[Any]) -> Any:
    listed = list(parts)
    return np.concatenate(listed) if listed else np.empty(0, dtype=np.int64)


def _hold_texts(steps: Sequence[RuleStep], rows: Sequence[IntArray]) -> tuple[list[str], IntArray]:
    """Return the distinct texts of what holds alerts back, and which one belongs to each row."""
    known = {"": 0}
    joined = []
    for step, found in zip(steps, rows, strict=True):
        codes, texts = np.zeros(len(found), dtype=np.int64), [""]
        for hold in step.holds:
            held = hold.rows[found]
            if held.any():
                distinct, codes = np.unique(2 * codes + held, return_inverse=True)
                texts = [
                    "; ".join(part for part in (texts[code // 2], hold.text * (code % 2)) if part)
                    for code in distinct.tolist()
                ]
        joined.append(np.array([known.setdefault(text, len(known)) for text in texts])[codes])
    return list(known), _joined(joined)
