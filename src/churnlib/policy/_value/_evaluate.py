"""The value of a policy from a log of what another one did."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import as_floats, check_choice, check_integer, check_number
from churnlib._typing import BoolArray, FloatArray
from churnlib.exceptions import AssumptionWarning, DataError, ParameterError, SchemaError, message, some
from churnlib.numerics._intervals import checked_confidence
from churnlib.policy._value._choice import Choice, aligned, costs_of, read_choice
from churnlib.policy._value._estimators import (
    ESTIMATORS,
    Estimate,
    EstimatorName,
    Weighed,
    clustered_error,
    critical_value,
    estimate,
)
from churnlib.policy._value._log import DecisionLog, read_log
from churnlib.policy._value._model import Outlook, features_of, outlook
from churnlib.policy._value._value import PolicyValue

__all__ = ["evaluate_policy"]

_WITHOUT_MODEL = ("ips", "snips")
_EDGE = 1e-9


def evaluate_policy(
    log: Any,
    policy: Any,
    *,
    outcome: Any,
    estimator: EstimatorName = "dr",
    q: Any = None,
    outcome_model: Any = None,
    X: Any = None,
    cost: Any = None,
    versus: Any = None,
    action: str = "action",
    propensity: str = "propensity",
    propensities: pd.DataFrame | None = None,
    customer: Any = None,
    none: Any = None,
    clip: float | None = None,
    switch: float = 10.0,
    folds: int = 5,
    confidence: float = 0.95,
) -> PolicyValue:
    """Estimate what a policy would have brought, from a log in which actions were drawn with known probabilities.

    It assumes that the propensities of the log are those with which its actions were drawn, from what was known
    at that time; that the log tried now and then all that the policy would do; and that what one customer gets does not
    change another. The policy has to be a rule that was not learnt from the outcomes of these very rows: one that was
    looks better than it is.

    Parameters
    ----------
    log : dataframe of shape (n_rows, n_columns)
        One row for each decision, those not to act among them.
    policy : str, Series, array, DataFrame, Plan, or fitted object with ``predict``
        What it would have done: one action for everybody, the action of each row, or the probability of each action
        (columns) in each row, each row summing to 1. Series and frames are matched by the index of the log, or by
        customer. "logged" is what was done.
    outcome : str or array-like of shape (n_rows,)
        What came of it, larger is better: 1 for a customer who was kept, or money. A column named "churn" is refused.
    estimator : {"dr", "ips", "snips", "dm", "sndr", "switch"}, default="dr"
        See the notes.
    q : DataFrame of shape (n_rows, n_actions) or DRScores, default=None
        Predicted outcome of each action in each row. The predictions must come from other customers, as those of
        ``churnlib.uplift.dr_scores`` of the log do.
    outcome_model : regressor or classifier, default=None
        A scikit-learn model of the outcome, fitted to each action on the customers of the other folds. Without it and
        without `q` the mean outcome of each action on the other folds serves.
    X : DataFrame of shape (n_rows, n_features) or list of str, default=None
        What was known before each decision, or columns of the log: for `outcome_model`, and for a policy with
        ``predict``.
    cost : float, dict or DataFrame, default=None
        What acting costs, 0 or more: one number, a number or column for each action, or a column for each action.
        What the policy would spend is known without error, and is taken off the value.
    versus : policy, default=None
        Another policy; the value is then that of the difference, from the same rows and the same model.
    action : str, default="action"
        Column with what was done.
    propensity : str, default="propensity"
        Column with the probability of doing just that, above 0 and up to 1.
    propensities : DataFrame of shape (n_rows, n_actions), default=None
        The probability of every action, where it was written down; it finds actions that were impossible for a
        customer.
    customer : str or array-like of shape (n_rows,), default=None
        The customer of each row. None takes ``customer_id``, from the columns or the index, and else takes each row for
        a customer of its own.
    none : label, default=None
        The action that is none. None takes "none", "control", False, or a 0 beside which there is only 1: among more
        numbers 0 may be an item like the others, and is taken for one.
    clip : float or None, default=None
        Cuts weights off above this number, above 0. Less noise is paid with a bias.
    switch : float, default=10.0
        Weights above it are left to the model, with ``estimator="switch"``; 0 or more.
    folds : int, default=5
        On how many parts of the customers the model is fitted, 2 or more.
    confidence : float, default=0.95
        The share of logs whose interval shall hold the true value, between 0 and 1.

    Returns
    -------
    PolicyValue
        The value per row in units of the outcome, its interval, the effective sample size, and warnings in words.

    Raises
    ------
    DataError
        If a propensity is missing, 0 or above 1, an outcome or action is missing, the outcome is named "churn",
        probabilities do not sum to 1, rows do not match, or a policy chooses what the log never did and `q` says
        nothing of it.
    SchemaError
        If a column is missing.
    ParameterError, ParameterTypeError
        If an argument cannot work.

    Warns
    -----
    AssumptionWarning
        If the policy would do what the log never tries.

    See Also
    --------
    compare_policies : Several rankings at the same budget, paired.
    campaign_result : What a campaign earned.

    Notes
    -----
    With w the probability of the logged action under the policy over its propensity, r the outcome, q the predicted
    one of the logged action and v the one expected of the policy:

    - "ips": mean of w·r. Without bias, and noisy. It changes with the zero of the outcome.
    - "snips": Σ w·r / Σ w. Steadier; stays between the least and the greatest outcome (Swaminathan and Joachims 2015).
    - "dm": mean of v. No better than the model.
    - "dr": mean of v + w·(r − q). Without bias whatever the model, and steadier the better it is (Dudík, Langford
      and Li 2011, ICML).
    - "sndr": the correction of "dr" divided by the mean of w.
    - "switch": "dr", but v alone where w is above `switch` (Wang, Agarwal and Dudík 2017, ICML).

    Each row has an influence on the estimate; those of one customer are added up, and their variance is that of the
    value. The bounds are Student's. With heavy weights and rare outcomes few customers carry the estimate, and bounds
    can be too narrow; `PolicyValue.resting_on` says how many, and a warning says so below 30.

    Examples
    --------
    Calls drawn by lot, to half of the customers:

    >>> rng = np.random.default_rng(0)
    >>> silent = rng.integers(0, 60, 4000)
    >>> called = rng.random(4000) < 0.5
    >>> kept = rng.random(4000) < 0.9 - 0.005 * silent + 0.1 * called * (silent > 30)
    >>> log = pd.DataFrame({"action": np.where(called, "call", "none"), "propensity": 0.5, "kept": kept})
    >>> rule = pd.Series(np.where(silent > 30, "call", "none"))
    >>> evaluate_policy(log, rule, outcome="kept")
    The policy would have had a mean outcome of 0.7949 (0.777 to 0.8128, 95% interval; doubly robust, outcomes by the
    mean outcome of each action, fitted on other customers) on 4,000 rows of 4,000 customers, instead of the 0.7735 of
    what was done; it acts on 49.0%. The log is worth 2,021 rows of its own.

    Is it better than to call everybody, at the price of a call?

    >>> found = evaluate_policy(log, rule, outcome="kept", versus="call", cost=0.1)
    >>> f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"
    '0.044 (0.027 to 0.061)'
    """
    name = check_choice(estimator, ESTIMATORS, name="estimator")
    share = checked_confidence(confidence)
    rows = read_log(log, outcome=outcome, action=action, propensity=propensity, customer=customer, none=none)
    features = features_of(X, rows)
    names = ["policy"] if versus is None else ["policy", "versus"]
    given = dict(zip(names, [policy, versus], strict=False))
    choices = [read_choice(one, rows, features, name=key) for key, one in given.items()]
    asked = Asked.of(
        rows,
        choices,
        name=name,
        q=q,
        model=outcome_model,
        X=features,
        cost=cost,
        folds=check_integer(folds, name="folds", low=2),
    )
    possible = _possible(propensities, asked)
    judged = [
        asked.judge(choice, name, clip=_positive(clip), switch=check_number(switch, name="switch", low=0), can=possible)
        for choice in choices
    ]
    return _result(asked, name, judged, confidence=share)


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A policy as one estimator sees it."""

    estimate: Estimate
    weight: FloatArray
    clipped: float
    by_model_alone: float
    no_overlap: float
    cost: float
    share_treated: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A log, all actions of it and of the policies, what they cost and what a model expects of them."""

    log: DecisionLog
    actions: tuple[Any, ...]
    outlook: Outlook | None
    cost: FloatArray | None

    @classmethod
    def of(
        cls,
        log: DecisionLog,
        choices: list[Choice],
        *,
        name: EstimatorName,
        q: Any,
        model: Any,
        X: Any,
        cost: Any,
        folds: int,
    ) -> Asked:
        """Collect the actions, and the model where the estimator uses one."""
        more = {one for choice in choices for one in choice.actions if one not in log.actions}
        actions = (*log.actions, *sorted(more, key=str))
        chosen = np.zeros(len(actions), dtype=bool)
        for choice in choices:
            if choice.probability is not None:
                chosen |= (choice.over(actions) > 0).any(axis=0)
        expected = None
        if name in _WITHOUT_MODEL:
            _refuse_model(name, q, model)
            _refuse_untried(log, actions, chosen)
        else:
            expected = outlook(log, actions, q=q, model=model, X=X, folds=folds, chosen=chosen)
        return cls(log, actions, expected, costs_of(cost, log, actions))

    def judge(
        self, choice: Choice, name: EstimatorName, *, clip: float | None, switch: float, can: BoolArray | None = None
    ) -> Judged:
        """Estimate the value of one policy, net of what it costs."""
        log, spent = self.log, self._spent(choice)
        if choice.probability is None:
            seen = Weighed(log.outcome, np.ones(len(log)), log.outcome, log.outcome)
            found, cut, alone, missed = estimate("ips", seen, switch=np.inf), 0.0, 0.0, 0.0
            weight = seen.weight
        else:
            probability = choice.over(self.actions)
            rows = np.arange(len(log))
            weight = probability[rows, log.taken] / log.propensity
            modelled, predicted = self._modelled(probability)
            used = weight if clip is None else np.minimum(weight, clip)
            found = estimate(name, Weighed(log.outcome, used, modelled, predicted), switch=switch)
            cut = 0.0 if clip is None or name == "dm" else float((weight > clip).mean())
            alone = float((used > switch).mean()) if name == "switch" else 0.0
            missed = 0.0 if can is None or can.all() else float(probability[~can].sum() / len(log))
        value = Estimate(found.value - float(spent.mean()), found.influence - (spent - spent.mean()))
        return Judged(value, weight, cut, alone, missed, float(spent.mean()), self._treated(choice))

    def _modelled(self, probability: FloatArray) -> tuple[FloatArray, FloatArray]:
        log = self.log
        if self.outlook is None:
            return np.zeros(len(log)), np.zeros(len(log))
        values = self.outlook.values
        expected = np.where(probability > 0, values, 0.0)  # of what nobody chooses no outlook is needed
        return (probability * expected).sum(axis=1), values[np.arange(len(log)), log.taken]

    def _spent(self, choice: Choice) -> FloatArray:
        if self.cost is None:
            return np.zeros(len(self.log))
        if choice.probability is None:
            return self.cost[np.arange(len(self.log)), self.log.taken]
        spent: FloatArray = (choice.over(self.actions) * self.cost).sum(axis=1)
        return spent

    def _treated(self, choice: Choice) -> float | None:
        if self.log.none is None:
            return None
        if choice.probability is None:
            return float((self.log.taken != 0).mean())
        return float(1 - choice.over(self.actions)[:, 0].mean())


def _possible(propensities: pd.DataFrame | None, asked: Asked) -> BoolArray:
    """Say which actions the log could have taken in which row."""
    log = asked.log
    seen = np.array([name in log.actions for name in asked.actions])
    can: BoolArray = np.tile(seen, (len(log), 1))
    if propensities is None:
        return can
    absent = [name for name in log.actions if name not in propensities.columns]
    if absent:
        raise SchemaError(
            message(
                f"propensities has no column for {some(map(repr, absent))}",
                f"a probability for each of {some(map(repr, log.actions))} is needed",
                "propensities=plan.propensities",
            )
        )
    table = pd.DataFrame(aligned(propensities, log, "propensities"), columns=propensities.columns)
    numbers = as_floats(table.reindex(columns=list(asked.actions), fill_value=0.0).to_numpy())
    own = numbers[np.arange(len(log)), log.taken]
    apart = ~(np.abs(own - log.propensity) <= 1e-6)
    if apart.any():
        first = int(np.flatnonzero(apart)[0])
        raise DataError(
            message(
                f"in {int(apart.sum()):,} of {len(log):,} rows propensities and the propensity of the log differ (row "
                f"{first}: {own[first]:.6g} and {log.propensity[first]:.6g})",
                "both are the probability of the logged action",
                "check that both come from the same plan",
            )
        )
    possible: BoolArray = can & (numbers > 0)
    return possible


def _refuse_model(name: str, q: Any, model: Any) -> None:
    if q is not None or model is not None:
        raise ParameterError(
            message(
                f"estimator={name!r} uses no predicted outcomes",
                f"{'q' if q is not None else 'outcome_model'} would be ignored",
                "estimator='dr'" if name == "ips" else "estimator='sndr'",
            )
        )


def _refuse_untried(log: DecisionLog, actions: tuple[Any, ...], chosen: BoolArray) -> None:
    untried = [one for one, needed in zip(actions, chosen, strict=True) if needed and one not in log.actions]
    if untried:
        raise DataError(
            message(
                f"the policy chooses {some(map(repr, untried))}, which the log never does",
                "of what was never tried nobody knows what it brings",
                "try it on a few customers first: allocate(..., explore=0.05); or estimator='dr' with q= that you "
                "vouch for",
            )
        )


def _positive(clip: float | None) -> float | None:
    if clip is None:
        return None
    limit = check_number(clip, name="clip", low=0)
    if limit == 0:
        raise ParameterError(message("clip=0 leaves no weight", "a number above 0 is needed", "clip=20"))
    return limit


def _result(asked: Asked, name: EstimatorName, judged: list[Judged], *, confidence: float) -> PolicyValue:
    log, own = asked.log, judged[0]
    value, influence = own.estimate.value, own.estimate.influence
    if len(judged) == 2:
        value, influence = value - judged[1].estimate.value, influence - judged[1].estimate.influence
    error = clustered_error(influence, log.owner, log.n_customers)
    half = critical_value(log.n_customers, confidence) * error
    weight = own.weight
    spread = clustered_error(weight - weight.mean(), log.owner, log.n_customers)
    logged = float(log.outcome.mean())
    if asked.cost is not None:
        logged -= float(asked.cost[np.arange(len(log)), log.taken].mean())
    found = PolicyValue(
        value=value,
        low=value - half,
        high=value + half,
        standard_error=error,
        confidence=confidence,
        estimator=name,
        outlook="" if asked.outlook is None else asked.outlook.words,
        policy_value=own.estimate.value,
        versus_value=judged[1].estimate.value if len(judged) == 2 else None,
        logged_value=logged,
        cost=own.cost,
        ess=float(weight.sum() ** 2 / (weight @ weight)) if weight.any() else 0.0,
        max_weight=float(weight.max()),
        mean_weight=float(weight.mean()),
        mean_weight_error=spread,
        no_overlap=own.no_overlap,
        clipped=own.clipped,
        by_model_alone=own.by_model_alone,
        resting_on=resting_on(influence, log),
        share_treated=own.share_treated,
        n_rows=len(log),
        n_customers=log.n_customers,
    )
    if found.no_overlap > _EDGE:
        warnings.warn(found.warnings[0], AssumptionWarning, stacklevel=3)
    return found


def resting_on(influence: FloatArray, log: DecisionLog) -> float:
    """How many customers a standard error rests on."""
    squares = np.bincount(log.owner, influence, log.n_customers) ** 2
    total = float(squares @ squares)
    return float(squares.sum() ** 2 / total) if total > 0 else float(log.n_customers)
