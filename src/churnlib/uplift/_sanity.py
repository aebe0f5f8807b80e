"""Whether an analysis finds effects where there can be none, and the same effect where it must."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr

from churnlib._checks import check_choice, check_number, check_one_order
from churnlib._sklearn import BaseEstimator
from churnlib._typing import Array, ArrayLike, FloatArray, IntArray
from churnlib.exceptions import ParameterError, message, some
from churnlib.metrics import MetricInterval, RankedEffects
from churnlib.numerics import normal_quantile
from churnlib.targets._uplift_target import outcome_numbers
from churnlib.uplift._average_effect import average_effect
from churnlib.uplift._cross_fit import customers_of
from churnlib.uplift._dr_scores import Nuisances, nuisances_of
from churnlib.uplift._isotonic import out_of_fold_effects
from churnlib.uplift._models import rows_of
from churnlib.uplift._rows import AssignedRows, read_assigned

__all__ = ["SanityReport", "sanity_checks"]

_TESTS = ("placebo", "permute", "random_cause", "subset", "pre_period")
_COLUMNS = ["passed", "effect", "low", "high", "p_effect", "qini", "p_qini", "says"]
_SAYS = {
    "placebo": "an outcome drawn without any effect",
    "permute": "the outcome as it was, treatment drawn anew",
    "random_cause": "change of the effect by a feature of noise",
    "subset": "one half of the customers less the other",
    "pre_period": "an outcome from before the treatment",
}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SanityReport:
    """What came out of each check.

    Attributes
    ----------
    table : DataFrame
        One row per check: ``passed`` (True, False, or None where it was not run); ``effect``, which has to be 0, with
        ``low`` and ``high``; ``p_effect``, the chance of one so far from 0 in a sound analysis; ``qini`` of the
        learner's predictions for rows it has not seen, and ``p_qini``, the chance of one as large where effects do not
        differ (NaN where a check does not rank); ``says``, what was done.
    effect : MetricInterval
        The mean effect of the analysis itself.
    alpha : float
        How often a sound analysis fails a check.

    Examples
    --------
    >>> table = pd.DataFrame({"passed": [True, None]}, index=["placebo", "pre_period"])
    >>> interval = MetricInterval(value=0.1, low=0.0, high=0.2, standard_error=0.05, confidence=0.95, n_customers=100)
    >>> SanityReport(table, interval, 0.01).passed
    True
    """

    table: pd.DataFrame
    effect: MetricInterval
    alpha: float

    @property
    def passed(self) -> bool:
        """Whether no check failed; those that were not run count for nothing."""
        return not any(found is False or found == 0 for found in self.table["passed"] if found is not None)

    def __repr__(self) -> str:
        ran = [found for found in self.table["passed"] if found is not None]
        found = f"{self.effect.value:.3g}, {self.effect.confidence:.0%} {self.effect.low:.3g} to {self.effect.high:.3g}"
        lines = [f"SanityReport({sum(map(bool, ran))} of {len(ran)} checks passed; effect {found})"]
        for name, row in zip(self.table.index, self.table.to_dict("records"), strict=True):
            if row["passed"] is None:
                lines.append(f"  {name:<13} not run  {row['says']}")
                continue
            ranked = "" if np.isnan(row["qini"]) else f"; ranking p={row['p_qini']:.2g}"
            lines.append(
                f"  {name:<13} {'passed' if row['passed'] else 'FAILED'}   {row['says']}: {row['effect']:.3g} "
                f"({row['low']:.3g} to {row['high']:.3g}), p={row['p_effect']:.2g}{ranked}"
            )
        return "\n".join(lines)


def sanity_checks(
    learner: Any,
    X: Any,
    y: Any,
    *,
    treatment: ArrayLike | None = None,
    propensity: Any = None,
    tests: Sequence[str] = _TESTS,
    pre_period: ArrayLike | None = None,
    outcome_model: Any = None,
    propensity_model: Any = None,
    cv: Any = 3,
    clip: float = 0.01,
    alpha: float = 0.01,
    random_state: int = 0,
) -> SanityReport:
    """Try to refute an analysis: five checks that a sound one passes.

    None of them proves that an effect is real. What they find is wiring that invents effects: a propensity that is not
    what was drawn, customers chosen by what X does not hold, folds that leak, a feature that gives the treatment away.

    - *placebo*: outcomes are drawn from what is expected of each customer without treatment. They depend on the
      features as the real ones do, and the effect is 0. An analysis that still finds one does not remove confounding.
    - *permute*: outcomes stay, and the treatment is drawn anew by the propensity (customer by customer, where all rows
      of one shared it). The effect is 0, and nothing can rank it.
    - *random_cause*: a column of noise is added to X. The effect may move by one standard error.
    - *subset*: customers are split in two halves, analysed apart. Their effects agree.
    - *pre_period*: the outcome of a time before the treatment, such as last quarter's spending. Nothing can have moved
      it; an effect means that treated customers were different all along, in ways that X does not say.

    In the first two and the last, the learner is also fitted out of fold and its ranking judged: a Qini above chance is
    a difference of effects where there is none.

    Parameters
    ----------
    learner : uplift learner
        Cloned and fitted anew for each check.
    X : array or frame of shape (n_rows, n_features)
        What was known of each customer before the treatment. Customers come from the index level ``customer_id``.
    y : array-like of shape (n_rows,), or uplift target
        The outcome, larger is better.
    treatment : array-like of shape (n_rows,), default=None
        The arm of each row; one treatment and the control.
    propensity : float, array-like or "estimate", default=None
        The chance to be treated; None takes that of the target or of the learner.
    tests : sequence of {"placebo", "permute", "random_cause", "subset", "pre_period"}
        Which to run.
    pre_period : array-like of shape (n_rows,), default=None
        An outcome from before the treatment, which X must not hold. Without it that check is not run, and the
        report says so.
    outcome_model : regressor or classifier, default=None
        For the scores of effects, as in `dr_scores`.
    propensity_model : classifier, default=None
        For "estimate", as in `dr_scores`.
    cv : int, splitter or iterable of (train, test), default=3
        Folds. Each check fits the learner once for each.
    clip : float, default=0.01
        Estimated propensities are kept at least so far from 0 and 1.
    alpha : float, default=0.01
        How often a sound analysis fails a check, between 0 and 1.
    random_state : int, default=0
        Seed of what is drawn.

    Returns
    -------
    SanityReport
        A table with the numbers, ``passed``, and a text that says what was done.

    Raises
    ------
    ParameterError
        If a test is unknown, there are several treatments, alpha is not between 0 and 1, or the
        propensity is not given.
    DataError
        As in `dr_scores`.

    Notes
    -----
    With two things looked at in one check, each is judged at ``alpha / 2``.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from churnlib.uplift import DRLearner
    >>> rng = np.random.default_rng(0)
    >>> X, treated = rng.normal(size=(2000, 3)), rng.integers(0, 2, 2000)
    >>> before = X[:, 0] + rng.normal(size=2000)
    >>> spent = X[:, 0] + 0.3 * treated + rng.normal(size=2000)
    >>> line = LinearRegression()
    >>> report = sanity_checks(
    ...     DRLearner(outcome_model=line, effect_model=line),
    ...     X,
    ...     spent,
    ...     treatment=treated,
    ...     propensity=0.5,
    ...     pre_period=before,
    ...     outcome_model=line,
    ... )
    >>> report.passed, report.table.index.tolist()
    (True, ['placebo', 'permute', 'random_cause', 'subset', 'pre_period'])
    """
    names = [check_choice(test, _TESTS, name="tests") for test in ([tests] if isinstance(tests, str) else tests)]
    if not 0 < check_number(alpha, name="alpha") < 1:
        raise ParameterError(message(f"alpha={alpha!r}", "a chance between 0 and 1", "alpha=0.01"))
    rows = read_assigned(
        BaseEstimator(),
        X,
        y,
        treatment=treatment,
        propensity=propensity,
        control=getattr(learner, "control", None),
        horizon=getattr(learner, "horizon", None),
        default_propensity=getattr(learner, "propensity", None),
    )
    if rows.n_treatments > 1:
        raise ParameterError(
            message(
                f"there are {rows.n_treatments} treatments ({some(rows.arms[1:].tolist())})",
                "one of them and the control at a time",
                f"rows = np.isin(treatment, {rows.arms[:2].tolist()!r})",
            )
        )
    check_one_order(({"X": X} if isinstance(X, pd.DataFrame) else {}) | {"pre_period": pre_period})
    before = None if pre_period is None else outcome_numbers(pre_period, "pre_period")
    if before is not None and len(before) != len(rows):
        raise ParameterError(
            message(f"pre_period has {len(before)} rows and X {len(rows)}", "one of each for every row")
        )
    models = {"outcome_model": outcome_model, "propensity_model": propensity_model, "cv": cv, "clip": clip}
    bench = _Bench(learner, rows, models, alpha, random_state)
    run: dict[str, Callable[[], dict[str, Any]]] = {
        "placebo": bench.placebo,
        "permute": bench.permute,
        "random_cause": bench.random_cause,
        "subset": bench.subset,
        "pre_period": lambda: bench.pre_period(before),
    }
    table = pd.DataFrame([run[name]() for name in names], index=pd.Index(names, name="check"), columns=_COLUMNS)
    return SanityReport(table.astype({"passed": object}), bench.effect, alpha)


class _Bench:
    """The analysis, and its variations."""

    def __init__(self, learner: Any, rows: AssignedRows, models: dict[str, Any], alpha: float, seed: int) -> None:
        self.learner, self.rows, self.models, self.alpha, self.seed = learner, rows, models, alpha, seed
        groups = customers_of(rows.X)
        self.codes: IntArray = np.arange(len(rows)) if groups is None else pd.factorize(groups)[0].astype(np.int64)
        self.found = self._nuisances(rows)
        self.effect = self._average(rows, self.found, self.codes)
        # what was estimated once stands for variations that leave X and treatment alone
        self.known = replace(rows, propensity=self.found.chances.values, estimate=False)

    def placebo(self) -> dict[str, Any]:
        rng = np.random.default_rng([self.seed, 1])
        expected = self.found.outcomes[:, 0]
        if np.isin(self.rows.outcome, (0.0, 1.0)).all():
            outcome = (rng.random(len(self.rows)) < expected).astype(np.float64)
        else:
            seen = self.found.outcomes[np.arange(len(self.rows)), self.rows.codes]
            outcome = expected + rng.permutation(self.rows.outcome - seen)
        return self._without_effect("placebo", replace(self.known, outcome=outcome))

    def permute(self) -> dict[str, Any]:
        drawn = np.random.default_rng([self.seed, 2]).random(len(self.rows))
        by_customer = pd.Series(self.rows.codes).groupby(self.codes).transform("nunique").eq(1).all()
        chance = self.known.propensity
        assert chance is not None
        codes = ((drawn[self.codes] if by_customer else drawn) < chance[:, 1]).astype(np.int64)
        return self._without_effect("permute", replace(self.known, codes=codes))

    def pre_period(self, before: FloatArray | None) -> dict[str, Any]:
        if before is None:
            return {"passed": None, "says": "pre_period=None: no outcome from before the treatment was given"}
        return self._without_effect("pre_period", replace(self.known, outcome=before))

    def random_cause(self) -> dict[str, Any]:
        noise = np.random.default_rng([self.seed, 3]).normal(size=len(self.rows))
        X = self.rows.X
        with_noise = X.assign(random_cause=noise) if isinstance(X, pd.DataFrame) else np.column_stack([X, noise])
        varied = replace(self.rows, X=with_noise)
        change = self._average(varied, self._nuisances(varied), self.codes).value - self.effect.value
        allowed = self.effect.standard_error
        return {
            "passed": bool(abs(change) <= allowed),
            "effect": change,
            "low": change - allowed,
            "high": change + allowed,
            "p_effect": _two_sided(change, allowed),
            "says": _SAYS["random_cause"],
        }

    def subset(self) -> dict[str, Any]:
        n_customers = int(self.codes.max()) + 1
        first = np.random.default_rng([self.seed, 4]).permutation(n_customers)[self.codes] < n_customers // 2
        parts = []
        for half in (first, ~first):
            chosen = np.flatnonzero(half)
            rows = _some(self.rows, chosen)
            parts.append(self._average(rows, self._nuisances(rows), self.codes[chosen]))
        difference = parts[0].value - parts[1].value
        error = float(np.hypot(parts[0].standard_error, parts[1].standard_error))
        return self._judged("subset", difference, error, self.alpha)

    # ------------------------------------------------------------------ what they share

    def _without_effect(self, name: str, rows: AssignedRows) -> dict[str, Any]:
        found = self._nuisances(rows)
        average = self._average(rows, found, self.codes)
        judged = self._judged(name, average.value, average.standard_error, self.alpha / 2)
        predicted = out_of_fold_effects(self.learner, rows, found.folds)[:, 0]
        if np.ptp(predicted) == 0:
            return judged
        ranking = RankedEffects(found.effects(rows)[:, 0], predicted).interval("qini", customer=self.codes)
        chance = float(ndtr(-ranking.value / ranking.standard_error))
        judged |= {"qini": ranking.value, "p_qini": chance}
        judged["passed"] = bool(judged["passed"] and chance >= self.alpha / 2)
        return judged

    def _judged(self, name: str, effect: float, error: float, alpha: float) -> dict[str, Any]:
        chance = _two_sided(effect, error)
        half = normal_quantile(1 - alpha) * error
        return {
            "passed": bool(chance >= alpha),
            "effect": effect,
            "low": effect - half,
            "high": effect + half,
            "p_effect": chance,
            "says": _SAYS[name],
        }

    def _nuisances(self, rows: AssignedRows) -> Nuisances:
        return nuisances_of(rows, **self.models, learner="sanity_checks", random_state=self.seed)

    def _average(self, rows: AssignedRows, found: Nuisances, codes: IntArray) -> MetricInterval:
        return average_effect(found.effects(rows)[:, 0], customer=codes)


def _some(rows: AssignedRows, chosen: Array) -> AssignedRows:
    return replace(
        rows,
        X=rows_of(rows.X, chosen),
        outcome=rows.outcome[chosen],
        codes=rows.codes[chosen],
        propensity=None if rows.propensity is None else rows.propensity[chosen],
    )


def _two_sided(effect: float, error: float) -> float:
    return float(2 * ndtr(-abs(effect) / error)) if error > 0 else float(effect == 0)
