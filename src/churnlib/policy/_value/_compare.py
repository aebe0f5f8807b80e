"""Rankings and policies at the same budget, on the same customers of an experiment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from churnlib._checks import as_floats, check_choice, check_flag, check_integer, check_number, named_rows
from churnlib._typing import FloatArray, IntArray
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, message, nearest, some
from churnlib.numerics._intervals import checked_confidence
from churnlib.policy._value._choice import Choice, aligned, costs_of, read_choice
from churnlib.policy._value._comparison import PolicyComparison
from churnlib.policy._value._estimators import clustered_error, critical_value
from churnlib.policy._value._evaluate import Asked
from churnlib.policy._value._log import DecisionLog, read_log
from churnlib.policy._value._model import features_of
from churnlib.policy._value._ranked_list import RankedList, ranked_list

__all__ = ["compare_policies"]

_RANDOM, _NOBODY = "random", "nobody"


def compare_policies(
    log: Any,
    scores: Mapping[str, Any],
    *,
    outcome: Any,
    share: float | None = None,
    budget: float | None = None,
    cost: Any = None,
    treat: Any = None,
    stop_at_zero: bool = False,
    policies: Mapping[str, Any] | None = None,
    reference: str = "random",
    estimator: Literal["dr", "ips"] = "dr",
    q: Any = None,
    outcome_model: Any = None,
    X: Any = None,
    action: str = "action",
    propensity: str = "propensity",
    customer: Any = None,
    none: Any = None,
    folds: int = 5,
    confidence: float = 0.95,
) -> PolicyComparison:
    """Compare whom to treat: the riskiest, those with the largest effect, the most valuable, anybody, nobody.

    Every ranking fills a list of the same share or budget from its top, and what the list would have brought is
    estimated from an experiment in which everybody had a known chance of each action. All policies are judged on the
    same rows, so that what they share cancels in their differences. It assumes what `evaluate_policy` assumes;
    above all, the scores must not have been learnt from these rows.

    Parameters
    ----------
    log : dataframe of shape (n_rows, n_columns)
        One row for each decision of the experiment: what was done, with which probability, and what came of it.
    scores : mapping of str to Series, array or DataFrame
        Name to score; higher is treated first, equal scores share their places. A frame has a column for each
        action: each row then gets the action with its highest score, and is ranked by that.
    outcome : str or array-like of shape (n_rows,)
        Larger is better. A column named "churn" is refused.
    share : float or None, default=None
        The share of rows on each list, above 0 and up to 1.
    budget : float or None, default=None
        What each list may cost in all, above 0, in place of `share`; it needs `cost`.
    cost : float, dict or DataFrame, default=None
        What acting costs, as in `evaluate_policy`; it is taken off the values.
    treat : label, default=None
        The action that a ranking gives. None takes the only one there is.
    stop_at_zero : bool, default=False
        Whether rankings leave out rows whose score is 0 or less: right for scores that are net gains.
    policies : mapping of str to policy, default=None
        Policies of one's own beside the rankings, as `evaluate_policy` takes them; the share does not bind them.
    reference : str, default="random"
        The policy that the others are compared with. "random" treats the same share or budget by lot, "nobody" does
        nothing; both are always there.
    estimator : {"dr", "ips"}, default="dr"
        Doubly robust, or inverse propensity.
    q, outcome_model, X, folds : optional
        As in `evaluate_policy`.
    action, propensity, customer, none : optional
        As in `evaluate_policy`.
    confidence : float, default=0.95
        The share of experiments whose interval shall hold the true value, between 0 and 1.

    Returns
    -------
    PolicyComparison
        Its ``frame`` has a row for each policy.

    Raises
    ------
    DataError
        If the log breaks a rule of `evaluate_policy`, a score is missing, or the log has no action that is none.
    ParameterError, ParameterTypeError
        If neither or both of share and budget are given, a name is taken or unknown, or another argument cannot work.

    Notes
    -----
    The value of a list is the mean over rows of the score of the action it gives, ``q_a + 1[logged a] / p (r − q_a)``.
    A list of the best fifth ends at another score in another sample; the influence of each row counts this too, by
    the effect of the rows about the end. Several differences are several questions: of twenty policies no better
    than the reference, one looks better by chance.

    Examples
    --------
    Those silent longest are lost, and those silent for a month can be called back:

    >>> rng = np.random.default_rng(0)
    >>> silent = rng.integers(0, 60, 6000)
    >>> called = rng.random(6000) < 0.5
    >>> kept = rng.random(6000) < 0.9 - 0.01 * silent + 0.2 * called * (np.abs(silent - 30) < 8)
    >>> log = pd.DataFrame({"action": np.where(called, "call", "none"), "propensity": 0.5, "kept": kept})
    >>> found = compare_policies(log, {"risk": silent, "effect": -np.abs(silent - 30)}, outcome="kept", share=0.2)
    >>> print(found.headline)
    On 6,000 rows of 6,000 customers with 20% treated, 'effect' brings most: 0.6361 per row, clearly more than 'random':
    +0.03404 (+0.02483 to +0.04325) (95% intervals).
    >>> found.frame[["policy", "share_treated", "difference", "difference_low", "difference_high"]].round(3)
       policy  share_treated  difference  difference_low  difference_high
    0    risk            0.2      -0.017          -0.028           -0.006
    1  effect            0.2       0.034           0.025            0.043
    2  random            0.2       0.000           0.000            0.000
    3  nobody            0.0      -0.013          -0.018           -0.009
    """
    names = _names(scores, policies, reference)
    certain = checked_confidence(confidence)
    name: Literal["dr", "ips"] = check_choice(estimator, ("dr", "ips"), name="estimator")
    rows = read_log(log, outcome=outcome, action=action, propensity=propensity, customer=customer, none=none)
    _needs_none(rows)
    features = features_of(X, rows)
    own = {key: read_choice(one, rows, features, name=key) for key, one in (policies or {}).items()}
    limit = Limit.of(rows, share, budget, costs_of(cost, rows, rows.actions))
    lists = {
        key: _list(one, key, rows, treat, limit, stop=check_flag(stop_at_zero, name="stop_at_zero"))
        for key, one in scores.items()
    }
    lists[_RANDOM] = _anybody(rows, treat, limit)
    chosen = {key: one.choice(rows) for key, one in lists.items()} | own
    chosen[_NOBODY] = Choice((rows.none,), np.ones((len(rows), 1)))
    asked = Asked.of(
        rows,
        list(chosen.values()),
        name=name,
        q=q,
        model=outcome_model,
        X=features,
        cost=cost,
        folds=check_integer(folds, name="folds", low=2),
    )
    table = _table(asked, {key: chosen[key] for key in names}, lists, reference, certain)
    return PolicyComparison(table, reference, limit.words, name, certain, len(rows), rows.n_customers)


@dataclass(frozen=True, slots=True, eq=False)
class Limit:
    """How long a list may be: what each action (column) takes of it in each row, and how much there is."""

    spend: FloatArray
    total: float
    words: str

    @classmethod
    def of(cls, log: DecisionLog, share: float | None, budget: float | None, cost: FloatArray | None) -> Limit:
        if (share is None) == (budget is None):
            raise ParameterError(
                message(
                    f"{'neither' if share is None else 'both'} of share and budget {'is' if share is None else 'are'} "
                    "given",
                    "policies are compared at the same size of the list or at the same money",
                    "share=0.2",
                )
            )
        if share is not None:
            part = check_number(share, name="share", low=0, high=1)
            _above_zero(part, "share", "0.2")
            return cls(np.ones((len(log), len(log.actions))), part * len(log), f"with {100 * part:.3g}% treated")
        if cost is None:
            raise ParameterError(
                message("budget= needs cost=", "nobody knows how far the money goes", "cost={'call': 6}, or share=0.2")
            )
        money = check_number(budget, name="budget", low=0)
        _above_zero(money, "budget", "5000")
        return cls(cost, money, f"with a budget of {money:,.10g}")


@dataclass(frozen=True, slots=True, eq=False)
class TreatmentList:
    """Rows on a list, and the action each gets there."""

    ranked: RankedList
    action: IntArray
    several: FloatArray | None = None

    def choice(self, log: DecisionLog) -> Choice:
        """Return the list as a policy: those off it get no action."""
        part = self.ranked.probability
        if self.several is not None:
            probability = self.several * part[:, None]
        else:
            probability = np.zeros((len(log), len(log.actions)))
            probability[np.arange(len(log)), self.action] = part
        probability[:, 0] = 1 - part
        return Choice(log.actions, probability)


def _list(score: Any, name: str, log: DecisionLog, treat: Any, limit: Limit, *, stop: bool) -> TreatmentList:
    if isinstance(score, pd.DataFrame):
        unknown = [column for column in score.columns if column not in log.actions or column == log.none]
        if unknown:
            raise ParameterError(
                message(
                    f"the score {name!r} has columns that are no treatment of the log ({some(map(repr, unknown))})",
                    f"the treatments are {some(map(repr, log.actions[1:]))}",
                )
            )
        table = _finite(aligned(score, log, name), name)
        best = table.argmax(axis=1)
        values = table[np.arange(len(log)), best]
        codes = pd.Index(log.actions).get_indexer(score.columns)[best].astype(np.int64)
    else:
        values = _finite(aligned(score, log, name), name)
        codes = np.full(len(log), _treatment(log, treat), dtype=np.int64)
    spend = limit.spend[np.arange(len(log)), codes]
    return TreatmentList(ranked_list(values, spend, limit.total, eligible=values > 0 if stop else None), codes)


def _anybody(log: DecisionLog, treat: Any, limit: Limit) -> TreatmentList:
    """Everybody with the same score; of several treatments each with the same chance."""
    n, k = len(log), len(log.actions)
    if treat is None and k > 2:
        several = np.full((n, k), 1 / (k - 1))
        spend = limit.spend[:, 1:].mean(axis=1)
    else:
        several = np.zeros((n, k))
        several[:, _treatment(log, treat)] = 1.0
        spend = limit.spend[:, _treatment(log, treat)]
    return TreatmentList(ranked_list(np.zeros(n), spend, limit.total), np.zeros(n, dtype=np.int64), several)


def _treatment(log: DecisionLog, treat: Any) -> int:
    if treat is None:
        if len(log.actions) > 2:
            raise ParameterError(
                message(
                    f"the log has {len(log.actions) - 1} treatments ({some(map(repr, log.actions[1:]))})",
                    "a ranking gives one of them, or is a frame with a score for each",
                    f"treat={log.actions[1]!r}",
                )
            )
        return 1
    if treat not in log.actions or treat == log.none:
        raise ParameterError(
            message(
                f"treat={treat!r} is no treatment of the log ({nearest(treat, log.actions[1:])})",
                f"the treatments are {some(map(repr, log.actions[1:]))}",
                f"treat={log.actions[1]!r}",
            )
        )
    return log.actions.index(treat)


def _finite(values: Any, name: str) -> FloatArray:
    try:
        numbers = as_floats(values)
    except (TypeError, ValueError) as error:
        raise DataError(
            message(
                f"the score {name!r} cannot be read as numbers ({error})",
                "a ranking is a number for each row",
                f"policies={{{name!r}: ...}} takes the action of each row",
            )
        ) from None
    finite = np.isfinite(numbers)
    wrong = np.asarray(~finite if finite.ndim == 1 else ~finite.all(axis=1))
    if wrong.any():
        raise DataError(
            message(
                f"{int(wrong.sum()):,} of {len(wrong):,} values of the score {name!r} are missing or infinite "
                f"({named_rows(wrong)})",
                "every row needs a score to be ranked",
                "score every row, or leave these rows out on purpose and say so",
            )
        )
    return numbers


def _names(scores: Any, policies: Any, reference: str) -> list[str]:
    for given, called in ((scores, "scores"), (policies or {}, "policies")):
        if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
            raise ParameterTypeError(
                message(
                    f"{called} is a {type(given).__name__}",
                    "a mapping of names to rankings was expected",
                    f"{called}={{'risk': churn_probability, 'uplift': effect}}",
                )
            )
    named = [*scores, *(policies or {}), _RANDOM, _NOBODY]
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise ParameterError(
            message(
                f"the name {some(map(repr, twice))} is taken",
                f"{_RANDOM!r} and {_NOBODY!r} are always compared, and each name is given once",
                f"scores={{'my {twice[0]}': ...}}",
            )
        )
    if reference not in named:
        raise ParameterError(
            message(
                f"reference={reference!r} is no policy ({nearest(reference, named)})",
                f"the policies are {some(map(repr, named), 12)}",
                f"reference={_RANDOM!r}",
            )
        )
    return named


def _needs_none(log: DecisionLog) -> None:
    if log.none is None or len(log.actions) < 2:
        raise DataError(
            message(
                f"the actions of the log are {some(map(repr, log.actions))}",
                "who is off a list gets no action: the log must hold customers who got none, and those who got one",
                "none='the action that is none' (none=0 where 0 is); a log without the untreated cannot answer this",
            )
        )


def _above_zero(number: float, name: str, usual: str) -> None:
    if number == 0:
        raise ParameterError(message(f"{name}=0 treats nobody", "a number above 0 is needed", f"{name}={usual}"))


def _table(
    asked: Asked, choices: dict[str, Choice], lists: dict[str, TreatmentList], reference: str, confidence: float
) -> pd.DataFrame:
    log = asked.log
    effects = _effects(asked)
    t = critical_value(log.n_customers, confidence)
    influence, records = {}, []
    for name, choice in choices.items():
        judged = asked.judge(choice, "ips" if asked.outlook is None else "dr", clip=None, switch=np.inf)
        rows = judged.estimate.influence
        if name in lists:
            rows = rows + _end_moves(lists[name], effects)
        influence[name] = rows
        weight = judged.weight
        records.append(
            {
                "policy": name,
                "value": judged.estimate.value,
                "share_treated": judged.share_treated,
                "cost": judged.cost,
                "ess": float(weight.sum() ** 2 / (weight @ weight)) if weight.any() else 0.0,
            }
        )
    table = pd.DataFrame(records)
    base = float(table.loc[table["policy"] == reference, "value"].iloc[0])
    half = t * np.array([clustered_error(rows, log.owner, log.n_customers) for rows in influence.values()])
    apart = t * np.array(
        [clustered_error(rows - influence[reference], log.owner, log.n_customers) for rows in influence.values()]
    )
    gap = table["value"] - base
    table = table.assign(
        low=table["value"] - half,
        high=table["value"] + half,
        difference=gap,
        difference_low=gap - apart,
        difference_high=gap + apart,
    )
    order = ["policy", "value", "low", "high", "share_treated", "cost", "difference", "difference_low"]
    return table[[*order, "difference_high", "ess"]]


def _effects(asked: Asked) -> FloatArray:
    """What each action of the log adds to no action in each row, net of costs: unbiased, and noisy."""
    log, k = asked.log, len(asked.log.actions)
    rows = np.arange(len(log))
    values = np.zeros((len(log), k)) if asked.outlook is None else asked.outlook.values[:, :k].copy()
    values[rows, log.taken] += (log.outcome - values[rows, log.taken]) / log.propensity
    if asked.cost is not None:
        values -= asked.cost[:, :k]
    return values - values[:, :1]


def _end_moves(listed: TreatmentList, effects: FloatArray) -> FloatArray:
    if listed.several is not None:
        own = (listed.several * effects).sum(axis=1)
    else:
        own = effects[np.arange(len(effects)), listed.action]
    return listed.ranked.end_moves(own)
