"""One rule over the past, in many variants at once: the steps of `replay`, without what other rules make of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from churnlib._typing import BoolArray, IntArray
from churnlib.alerts._backtest._replay import _by_cutoff, _columns, _feeds
from churnlib.alerts._batch import _among, _holds, _nothing
from churnlib.alerts._bound import types_of
from churnlib.alerts._conditions import Conditions, Part, conditions_of, judged, spread, truth_of
from churnlib.alerts._hold import is_valid, stale_sources
from churnlib.alerts._rule import Rule
from churnlib.alerts._silence import Silence, active_silences
from churnlib.alerts._step import FIRING, Cells, Truth, advance, announce, code_of, empty_cells
from churnlib.expressions import Columns
from churnlib.snapshots import Dataset

if TYPE_CHECKING:
    from churnlib.alerts._ruleset import RuleSet

__all__ = ["Course", "Past"]


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """How one rule went over all rows of a past, in its order.

    Attributes
    ----------
    firing, announced : ndarray of bool, shape (n_rows,)
        Where it fires after the step, and where its alert is told, for the first time or released.
    """

    firing: BoolArray
    announced: BoolArray


@dataclass(frozen=True, slots=True, eq=False)
class _Moment:
    """One cutoff: whose rows, and what held alerts back then."""

    now: int
    part: slice
    customers: IntArray
    stale: Mapping[str, str]
    opted_out: BoolArray
    silences: tuple[Silence, ...]
    ids: pd.Index[Any]


class Past:
    """The rows of a dataset in the order of cutoffs, with what every step needs.

    Parameters
    ----------
    rules : RuleSet
        The rules, for their settings and the columns they read.
    data : Dataset
        Rows in the order of customers and cutoffs.
    scores : mapping of str to ndarray
        More columns.
    sources, opted_out, silences
        As in `replay`.

    Attributes
    ----------
    order : ndarray of int
        The rows of `data` in the order used here.
    columns : Columns
        What rules read, in that order.
    """

    def __init__(
        self,
        rules: RuleSet,
        data: Dataset,
        *,
        scores: Mapping[str, Any],
        sources: Mapping[str, str | Sequence[str] | None] | None,
        opted_out: Collection[Any],
        silences: Sequence[Silence],
    ) -> None:
        self.rules = rules
        self.pauses = rules.pauses()
        X = _columns(data.X, rules, dict(scores))
        _, units = types_of(data.features, dict(rules.units), tuple(scores))
        self.order, bounds = _by_cutoff(data.rows.cutoff)
        ordered = X.iloc[self.order]
        self.columns = Columns(ordered, units={name: unit for name, unit in units.items() if name in X.columns})
        distinct, customer = np.unique(data.rows.customer[self.order], return_inverse=True)
        self.n_customers = len(distinct)
        out = _among(ordered.index, opted_out)
        feeds = _feeds(data.log, sources)
        self.moments = [
            _Moment(
                now=now,
                part=part,
                customers=customer.reshape(-1)[part],
                stale=stale_sources(rules, {name: feed.last(now) for name, feed in feeds.items()}, now),
                opted_out=out[part],
                silences=tuple(active_silences(silences, now, rules.timezone, rules.ids)),
                ids=ordered.index[part],
            )
            for now, part in bounds
        ]

    def __len__(self) -> int:
        return len(self.order)

    def evaluated(self, rule: Rule, chosen: BoolArray) -> bool:
        """Say whether a rule could speak at all: valid, not suspended, and known for one of the chosen rows."""
        bound = conditions_of([rule], self.columns, self.pauses)[0]
        for moment in self.moments:
            if chosen[moment.part].any() and self._speaks(rule, moment):
                truth = self._truth(bound, moment.part, moment.now)
                if ((truth.hit | truth.miss) & chosen[moment.part]).any():
                    return True
        return False

    def courses(self, variants: Sequence[Rule], inhibitors: Sequence[Sequence[BoolArray]]) -> list[Course]:
        """Step variants of one rule through all cutoffs.

        Parameters
        ----------
        variants : sequence of Rule
            The rule with other conditions; everything else is the same.
        inhibitors : sequence of sequences of ndarray of bool
            For each variant, where each rule that inhibits it fires.

        Returns
        -------
        list of Course
            One for each variant, the same as `replay` finds.
        """
        rule, v = variants[0], len(variants)
        truths = self._truths(conditions_of(variants, self.columns, self.pauses))
        held = [np.logical_or.reduce(by) if len(by) else None for by in inhibitors]
        state = empty_cells(v * self.n_customers)
        firing, announced = (np.zeros((v, len(self)), dtype=bool) for _ in range(2))
        offsets = (np.arange(v) * self.n_customers)[:, None]
        for moment in self.moments:
            at = (offsets + moment.customers).reshape(-1)
            cells = Cells(*(column[at] for column in state))
            moved = self._moved(rule, truths, moment, cells)
            free = np.tile(self._free(rule, moment), (v, 1))
            for k, rows in enumerate(held):
                if rows is not None:
                    free[k] &= ~rows[moment.part]
            after, told = announce(moved, free.reshape(-1), rule.pace, moment.now)
            for column, new in zip(state, after, strict=True):
                column[at] = new
            firing[:, moment.part] = (code_of(after.status) == FIRING).reshape(v, -1)
            heard = np.zeros(len(at), dtype=bool)
            heard[told.fired] = heard[told.released] = True
            announced[:, moment.part] = heard.reshape(v, -1)
        return [Course(*found) for found in zip(firing, announced, strict=True)]

    def _speaks(self, rule: Rule, moment: _Moment) -> bool:
        return is_valid(rule, moment.now, self.rules.timezone) and not any(s in moment.stale for s in rule.sources)

    def _truths(self, bounds: Sequence[Conditions]) -> list[Truth]:
        """Say what the conditions of variants are for every row: at once where no day of a season depends on now."""
        if not bounds[0].pauses:
            return [self._truth(bound, slice(0, len(self)), self.moments[-1].now) for bound in bounds]
        parts = [[self._truth(bound, moment.part, moment.now) for moment in self.moments] for bound in bounds]
        return [Truth(*(np.concatenate(one) for one in zip(*found, strict=True))) for found in parts]

    def _truth(self, bound: Conditions, part: slice, now: int) -> Truth:
        with np.errstate(all="ignore"):
            found = truth_of(bound, Part(self.columns, part, bound.pauses, now))
        return spread(judged(found, bound.rule.on_missing), part.stop - part.start)

    def _moved(self, rule: Rule, truths: Sequence[Truth], moment: _Moment, cells: Cells) -> Cells:
        n = len(cells.status)
        if not is_valid(rule, moment.now, self.rules.timezone):
            return empty_cells(n)
        if not self._speaks(rule, moment):
            return advance(cells, _nothing(n), rule.pace, moment.now, again=False)
        parts = zip(*truths, strict=True)
        truth = Truth(*(np.concatenate([column[moment.part] for column in columns]) for columns in parts))
        return advance(cells, truth, rule.pace, moment.now, again=False)

    def _free(self, rule: Rule, moment: _Moment) -> BoolArray:
        """Return where nothing but other alerts holds an alert back."""
        none = dict.fromkeys(rule.inhibited_by, np.zeros(1, dtype=bool))
        holds = [hold.rows for hold in _holds(rule, none, moment.opted_out, moment.silences, moment.stale, moment.ids)]
        held = np.logical_or.reduce(holds) if holds else np.zeros(len(moment.customers), dtype=bool)
        return np.asarray(~held)
