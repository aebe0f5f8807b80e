"""Rules weighed by history: what each adds to the risk, which say the same, and thresholds for a budget of alerts."""

from __future__ import annotations

import html
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from scipy.special import expit

from churnlib._checks import as_floats, check_choice, check_number
from churnlib._ids import opted_out_of
from churnlib._typing import ArrayLike, BoolArray, FloatArray, Instant
from churnlib.alerts._backtest._replay import Replay, _check_dataset, _everyone, _scored, replay
from churnlib.alerts._fit._budget import Tuned, Tuner
from churnlib.alerts._fit._past import Past
from churnlib.alerts._fit._report import redundancy_of, report_of, thresholds_of, weeks_of
from churnlib.alerts._fit._thresholds import renewed
from churnlib.alerts._fit._weights import Method, cells_of, find_weights
from churnlib.alerts._silence import Silence, silences_of
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, message, some

if TYPE_CHECKING:
    from churnlib.alerts._ruleset import RuleSet

__all__ = ["RuleFit", "fit_rules"]

_DECIMALS = 4
"""Of a weight: what lies below is far within its error, and people read the file."""

_LEAST_RIDGE = 1e-6
"""With less, what two equal rules share, or one that tells all who were lost, is lost in rounding."""

_SHOWN = ["alerts_per_week", "precision", "lift", "lead_days", "weight", "standard_error", "note"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RuleFit:
    """Rules with the weights that history gives them; `RuleSet.fit` makes it.

    Attributes
    ----------
    rules : RuleSet
        The same rules with other weights and, with a budget, other thresholds: plain numbers, to be
        frozen in a file. Nothing of the data is in it.
    report : DataFrame
        One row for each rule, on the rows of the fit: alerts_per_week (told at a cutoff, for the first time
        or released, missing with one cutoff); precision, the share of those with a label that were lost in the horizon;
        base_rate, that share of all rows; lift, precision over base rate; lead_days, the median days from the
        first such alert of a churner to the loss; coefficient (log odds or log hazard ratio, at least 0) with its
        standard_error by customer, missing where the coefficient is held at 0; weight, the coefficient
        rounded to four decimals; weight_before; and a note where there is something to say.
    redundancy : DataFrame
        One row for each pair of warnings, on the same rows, those that overlap most first: rule,
        other, jaccard (rows where both fire over rows where one does), both (rows), and contains: the rule
        that fires wherever the other does.
    thresholds : DataFrame or None
        With a budget, one row for each comparison with a number: rule, before and after (the
        comparison), clear_before and clear_after (where `clear` has one of the same column),
        alerts_per_week_before and alerts_per_week_after of the rule, and a note where it could not be moved.
    method : {"logistic", "hazard"}
        Which model.
    intercept : float
        Log odds, or log cumulative hazard over the horizon, where no rule fires.
    counts : dict of str to int
        rows, customers, cutoffs and lost (rows) of the fit; and rows left out of it: warm_up (before
        `since`), immature (the label window is not over), without_label (lost during the lead, or contacted).
    budget : float or None
        Announced customers a week, as given.
    alerts_per_week : tuple of (float, float) or None
        With a budget: customers announced a week by any warning, before and after.
    caught : tuple of (int, int) or None
        With a budget: churners among those announced, each counted once, before and after.
    lead_days : tuple of (float, float) or None
        With a budget: mean days from the first alert of each of those to the loss, before and after.

    Examples
    --------
    >>> import churnlib as cl
    >>> from churnlib.alerts import Rule, RuleSet
    >>> data = cl.build_dataset(
    ...     cl.datasets.make_shop(n_customers=300, random_state=0).log,
    ...     cutoffs=cl.weekly("2025-01-06", "2025-06-30"),
    ...     horizon="30d",
    ...     churn=cl.Inactivity("60d"),
    ...     features=cl.FeatureSpec([cl.features.Recency()]),
    ... )
    >>> found = RuleSet([Rule("silent", 1, "any.recency >= 30d"), Rule("slow", 1, "any.recency >= 14d")]).fit(data)
    >>> found.redundancy[["rule", "other", "contains"]].values.tolist()
    [['silent', 'slow', 'slow']]
    >>> risk = found.probability([0.0, found.report["weight"].sum()])
    >>> bool(risk[0] < found.report["base_rate"].iloc[0] < risk[1])
    True
    """

    rules: RuleSet
    report: pd.DataFrame
    redundancy: pd.DataFrame
    thresholds: pd.DataFrame | None
    method: Method
    intercept: float
    counts: dict[str, int]
    budget: float | None = None
    alerts_per_week: tuple[float, float] | None = None
    caught: tuple[int, int] | None = None
    lead_days: tuple[float, float] | None = None

    def probability(self, score: ArrayLike) -> FloatArray:
        """Return the probability of a loss in the horizon that belongs to scores of the fitted rules.

        Parameters
        ----------
        score : array-like
            Scores, as steps of `rules` give them.

        Returns
        -------
        ndarray
            Between 0 and 1, ascending in the score: ``1 / (1 + exp(−(intercept + score)))`` by logistic
            regression, ``1 − exp(−exp(intercept + score))`` by hazards. Of customers at risk when the label
            window opens.

        Raises
        ------
        ParameterTypeError
            When the scores are no numbers.

        Examples
        --------
        >>> import churnlib as cl
        >>> from churnlib.alerts import Rule, RuleSet
        >>> data = cl.build_dataset(
        ...     cl.datasets.make_shop(n_customers=200, random_state=0).log,
        ...     cutoffs=cl.weekly("2025-03-03", "2025-06-30"),
        ...     horizon="30d",
        ...     churn=cl.Inactivity("60d"),
        ...     features=cl.FeatureSpec([cl.features.Recency()]),
        ... )
        >>> found = RuleSet([Rule("silent", 1, "any.recency >= 30d")]).fit(data, method="hazard")
        >>> found.probability([0.0, 1.0]).shape
        (2,)
        """
        linear = self.intercept + _numbers(score)
        return np.asarray(expit(linear) if self.method == "logistic" else -np.expm1(-np.exp(linear)))

    @property
    def _head(self) -> list[str]:
        n = self.counts
        share = n["lost"] / n["rows"]
        rows = f"{n['rows']:,} rows of {n['customers']:,} customers at {n['cutoffs']:,} cutoffs"
        lines = [f"RuleFit({self.method}: {rows}, {n['lost']:,} lost within the horizon ({share:.1%}))"]
        left = [f"{n[name]:,} {text}" for name, text in _LEFT.items() if n[name]]
        if left:
            lines.append(f"  left out: {', '.join(left)}")
        if self.alerts_per_week is not None and self.caught is not None and self.lead_days is not None:
            (before, after), (days, now) = self.alerts_per_week, self.lead_days
            lines.append(
                f"  customers announced a week: {before:.4g} before, {after:.4g} now, budget {self.budget:g}; "
                f"churners caught: {self.caught[0]:,} before, {self.caught[1]:,} now; "
                f"mean days ahead: {days:.3g} before, {now:.3g} now"
            )
        return lines

    def __repr__(self) -> str:
        """Return what was fitted on what, and the rules with their weights."""
        table = _rounded(self.report).to_string(na_rep="").splitlines()
        return "\n".join([*self._head, *(f"  {line}".rstrip() for line in table)])

    def _repr_html_(self) -> str:
        head = "<br>".join(html.escape(line) for line in self._head)
        return f"<p>{head}</p>" + _rounded(self.report).to_html(border=0, escape=True, na_rep="")


_LEFT = {
    "warm_up": "to warm up",
    "immature": "whose label window is not over",
    "without_label": "lost during the lead or contacted",
}


def _rounded(report: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that people read first."""
    digits = {"alerts_per_week": 1, "precision": 3, "lift": 2, "lead_days": 1, "weight": 2, "standard_error": 2}
    shown = report[_SHOWN].round(digits)
    return shown if (shown["note"] != "").any() else shown.drop(columns="note")


def fit_rules(
    rules: RuleSet,
    data: Any,
    *,
    method: Method,
    ridge: float,
    budget: float | None,
    since: Instant | None,
    sources: Mapping[str, str | Sequence[str] | None] | None,
    opted_out: Collection[Any],
    silences: Iterable[Silence],
    scores: Mapping[str, Any] | None,
) -> RuleFit:
    """Weigh rules by what became of those for whom they fired; see `RuleSet.fit`."""
    asked: Any = method  # neither an array nor pandas.NA can be compared with a word
    method = check_choice(asked if isinstance(asked, str) else repr(asked), ("logistic", "hazard"), name="method")
    ridge = check_number(ridge, name="ridge", low=_LEAST_RIDGE)
    budget = None if budget is None else _above_0(budget)
    _check_dataset(data)
    out, held = opted_out_of(opted_out), silences_of(silences, rules.timezone, rules.ids)
    whole = _everyone(data)
    values = cast("dict[str, Any]", _scored(whole, scores))
    given = replay(rules, whole, since=since, sources=sources, opted_out=out, silences=held, scores=values)
    used, heard = _rows(given)
    past = Past(rules, whole, scores=values, sources=sources, opted_out=out, silences=held)
    tuned, found = None, given
    if budget is not None:
        tuned = _tuned(past, given, heard, budget)
        found = replay(tuned.rules, whole, since=since, sources=sources, opted_out=out, silences=held, scores=values)
    return _fitted(found, given, past, used, heard, method=method, ridge=ridge, budget=budget, tuned=tuned)


def _above_0(budget: Any) -> float:
    number = check_number(budget, name="budget")
    if number <= 0:
        raise ParameterError(
            message(f"budget is {number:g}", "more than 0 announced customers a week were expected", "budget=20")
        )
    return number


def _numbers(score: ArrayLike) -> FloatArray:
    try:
        return as_floats(score)
    except (TypeError, ValueError):
        raise ParameterTypeError(
            message(
                f"score is {str(score)[:40]!r}", "numbers were expected", "fit.probability(step.customers['score'])"
            )
        ) from None


def _rows(found: Replay) -> tuple[BoolArray, BoolArray]:
    """Return the rows that are learned from, and those whose alerts count: of cutoffs that have labels."""
    cutoff = found.data.rows.cutoff
    used = found.counts_since & ~np.isnan(found.y)
    lost = int((found.y[used] == 1).sum())
    if not used.any():
        raise DataError(
            message(
                f"none of the {int(found.counts_since.sum()):,} rows that count has a label",
                "cutoffs whose label window is over were expected",
                "rules.fit(train) with train, test = data.split(test_cutoffs=8), or an earlier since",
            )
        )
    if lost == 0 or lost == int(used.sum()):
        what = "was lost" if lost == 0 else "stayed"
        raise DataError(
            message(
                f"of {int(used.sum()):,} labelled rows that count nobody {what} within the horizon",
                "some who were lost and some who were not were expected",
                "more cutoffs, a longer horizon, or an earlier since",
            )
        )
    return used, found.counts_since & np.isin(cutoff, np.unique(cutoff[used]))


def _tuned(past: Past, given: Replay, heard: BoolArray, budget: float) -> Tuned:
    weeks = weeks_of(given, heard)
    if np.isnan(weeks):
        raise ParameterError(
            message(
                "a budget is of alerts a week, and there is one cutoff",
                "two cutoffs with labels at least",
                "cutoffs=weekly('2025-01-06', '2025-06-30')",
            )
        )
    order = past.order
    tuner = Tuner(
        past,
        counted=heard[order],
        lost=(given.y[order] == 1) & heard[order],
        days=given.days_to_loss[order],
        customer=given.data.rows.customer[order].astype(np.int64),
    )
    return tuner.search(budget, weeks=weeks)


def _fitted(
    found: Replay,
    given: Replay,
    past: Past,
    used: BoolArray,
    heard: BoolArray,
    *,
    method: Method,
    ridge: float,
    budget: float | None,
    tuned: Tuned | None,
) -> RuleFit:
    rules = found.rules
    notes = _unweighed(rules, past, used)
    weighed = [k for k, rule in enumerate(rules) if rule.id not in notes]
    if not weighed:
        reasons = [f"{name!r} {note.partition(':')[0]}" for name, note in notes.items()]
        raise DataError(
            message(
                f"no rule can be weighed: {some(reasons)}",
                "a rule was expected that is no loss, and is valid and known at some of the cutoffs",
                "RuleSet([*rules, Rule('silent', 1, 'any.recency >= 30d')])",
            )
        )
    counted = found.counted[used][:, weighed]
    days = found.days_to_loss[used] if method == "hazard" else None
    cells = cells_of(counted, found.y[used] == 1, days)
    customer = found.data.rows.customer[used].astype(np.int64)
    weights = find_weights(cells, customer, method=method, ridge=ridge)
    ids = [rules.ids[k] for k in weighed]
    firing = found.firing[used][:, weighed]
    notes |= {ids[k]: _why_nothing(counted[:, k], firing[:, k]) for k in np.flatnonzero(weights.coef == 0)}
    frozen = dict(zip(ids, np.round(weights.coef, _DECIMALS).tolist(), strict=True))
    weighted = _with_weights(rules, frozen)
    before = {rule.id: rule.weight for rule in given.rules}
    now = {rule.id: rule.weight for rule in weighted}
    warning = np.array([not rule.is_loss for rule in rules])
    weeks = weeks_of(found, heard)
    return RuleFit(
        rules=weighted,
        report=report_of(found, used, heard, fitted=(weights, ids), weights=(before, now), notes=notes),
        redundancy=redundancy_of(found.firing[used][:, warning], [r.id for r in rules if not r.is_loss]),
        thresholds=None if tuned is None else thresholds_of(tuned, given, found, heard),
        method=method,
        intercept=weights.intercept,
        counts=_counts(found, used, heard),
        budget=budget,
        alerts_per_week=None if tuned is None else (tuned.alerts[0] / weeks, tuned.alerts[1] / weeks),
        caught=None if tuned is None else tuned.caught,
        lead_days=None if tuned is None else _mean_lead(tuned),
    )


def _mean_lead(tuned: Tuned) -> tuple[float, float]:
    before, after = (days / n if n else np.nan for days, n in zip(tuned.ahead, tuned.caught, strict=True))
    return before, after


def _why_nothing(counted: BoolArray, firing: BoolArray) -> str:
    """Say why a rule has no weight."""
    if counted.all():
        return "fires in every row: no weight"
    if counted.any():
        return "held at 0: with the others it adds nothing"
    return "fires only where it is inhibited: no weight" if firing.any() else "never fires: no weight"


def _unweighed(rules: RuleSet, past: Past, used: BoolArray) -> dict[str, str]:
    """Return the rules that get no weight, and why."""
    found = {}
    for rule in rules:
        if rule.is_loss:
            found[rule.id] = "is the loss: its weight is as given"
        elif not past.evaluated(rule, used[past.order]):
            found[rule.id] = "never evaluated: its weight is as given"
    return found


def _with_weights(rules: RuleSet, weights: Mapping[str, float]) -> RuleSet:
    return renewed(rules, [replace(rule, weight=weights.get(rule.id, rule.weight)) for rule in rules])


def _counts(found: Replay, used: BoolArray, heard: BoolArray) -> dict[str, int]:
    rows = found.data.rows
    return {
        "rows": int(used.sum()),
        "customers": len(np.unique(rows.customer[used])),
        "cutoffs": len(np.unique(rows.cutoff[used])),
        "lost": int((found.y[used] == 1).sum()),
        "warm_up": int((~found.counts_since).sum()),
        "immature": int((found.counts_since & ~heard).sum()),
        "without_label": int((heard & ~used).sum()),
    }
