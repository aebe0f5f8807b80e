"""What a campaign earned, from those it left alone by lot."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import as_floats, check_number, named_rows
from churnlib._typing import BoolArray, FloatArray
from churnlib.exceptions import DataError, ParameterError, message, nearest, some
from churnlib.numerics._intervals import checked_confidence
from churnlib.policy._campaign._effect import effect_of, share_anyway
from churnlib.policy._campaign._outcomes import Outcomes, by_customer, outcomes_of
from churnlib.policy._campaign._result import CampaignResult
from churnlib.policy._campaign._rows import CampaignRows, read_campaign
from churnlib.policy._value._log import numbers_of

__all__ = ["campaign_result"]

_NEXT = "allocate(..., holdout=0.05) leaves one in twenty alone by lot, and plan.frame holds the propensities."
_BEFORE = "before"
_FEW = 30
_FAR = 4.0
_PER_SKEWNESS = 25  # Cochran's rule: so many times the squared skewness is a sample whose mean is nearly normal


def campaign_result(
    log: Any,
    plan: Any = None,
    *,
    action: Any,
    value: str = "margin",
    window: Any = "30d",
    margin: float = 1.0,
    cost: Any = None,
    redeemed: Any = None,
    bought: Any = None,
    covariate: Any = None,
    propensities: pd.DataFrame | None = None,
    on: Any = None,
    confidence: float = 0.95,
) -> CampaignResult:
    """Say what a campaign brought beyond what would have come anyway, and whether it paid.

    Those whom chance sent into the action are compared with those like them whom chance left alone; all who were drawn
    count, reached or not. It assumes that the propensities (or the holdout) are those of the draw, and that what one
    customer gets does not change another. Without customers left alone by lot the effect cannot be known: the
    result then says so, why, and what to do next time. A comparison of before and after is refused.

    Parameters
    ----------
    log : EventLog, dataframe or Series
        What customers did: amounts are summed for each decision from its day on, over the window; customers without
        events did nothing. Or a frame with the outcome by ``customer_id`` (and ``on``, where customers are planned for
        on several days), or the outcome alone as a Series with such an index.
    plan : Plan or dataframe, default=None
        One row for each decision: ``customer_id``, ``action`` ("none" for nothing), ``propensity`` (the probability of
        what was done), ``on``; and ``holdout``, ``allocated``, ``cost`` where there are. None takes them from the log.
    action : label
        The action whose result is asked for.
    value : str, default="margin"
        The column of outcomes, larger is better; a Series has a name of its own. Of an EventLog the amounts are summed
        ("margin" and "amount" are both them), and "active" is 1 for who did anything in the window.
    window : str or timedelta, default="30d"
        How long after its day a decision is given its outcome; it is read with an EventLog only.
    margin : float, default=1.0
        Money per unit of the outcome, above 0: 0.3 where amounts are revenue, or the worth of a kept customer.
    cost : float, str, Series or None, default=None
        What each contact cost, 0 or more: a number, a column of the plan, or by customer. None takes ``cost`` of the
        plan.
    redeemed : str, Series or list, default=None
        Who redeemed the offer: a column of the plan, True or False by customer, or the ids of those who did.
    bought : str or Series, default=None
        Who bought at all in the window. None takes an outcome above 0; of an EventLog an amount above 0.
    covariate : str, Series or DataFrame, default=None
        Numbers known before the campaign that foretell the outcome; they make the interval narrower. A column of the
        plan or by customer; "before" is the same sum in the window before, from an EventLog.
    propensities : DataFrame, default=None
        The probability of each action in each row of the plan, "none" among them. A Plan brings its own. It is needed
        where there are several actions and the plan does not say what was allocated.
    on : str or Timestamp, default=None
        The day of the campaign, where the plan does not hold it.
    confidence : float, default=0.95
        The share of campaigns whose interval shall hold the true effect, between 0 and 1.

    Returns
    -------
    CampaignResult
        Effect per decision, in all, and net of costs, each with bounds; or why it cannot be known.

    Raises
    ------
    HistoryError
        If windows are not over yet; with the count.
    DataError
        If actions are times (before and after), the untreated are of other days, a propensity is out of range, a
        customer of the plan has no outcome, a value is missing, or the outcome is named "churn".
    ParameterError
        If nobody got the action, or the probabilities of several actions are needed.
    SchemaError
        If a column is missing.

    See Also
    --------
    churnlib.experiments.effect : Two arms of a test.
    evaluate_policy : What another policy would have brought.

    Notes
    -----
    The effect is the mean over the treated less that over the control, in which each row counts by its odds
    P(action) / P(none): the effect on those who were treated (Hájek's weights). Rows of one customer are one draw. With
    equal odds and one row for each customer it is the difference of two means with Welch's interval, and of two shares
    with Newcombe's. Where a few customers spend very much and few were left alone, Student's bounds are too narrow, and
    `CampaignResult.notes` says so by Cochran's rule (1977, Sampling Techniques): from n = 25 times the squared skewness
    on the mean of n customers is nearly normal. Covariates are taken out with the slopes that leave the least variance
    (CUPED).

    The share of redeemers who would have bought anyway is 1 − Δ/r, with Δ the share of buyers among the treated less
    that of the control and r the share who redeemed; bounds are Fieller's. It rests on the assumption that
    the campaign makes nobody buy, or stay away, but those who redeem, and that all who redeem buy.

    Examples
    --------
    A coupon for 4,000 customers, one in ten of whom is left alone:

    >>> rng = np.random.default_rng(0)
    >>> held = rng.random(4000) < 0.1
    >>> buys = rng.random(4000) < np.where(held, 0.2, 0.3)
    >>> spend = pd.DataFrame({"customer_id": range(4000), "margin": np.where(buys, rng.gamma(4, 10, 4000), 0).round(2)})
    >>> plan = pd.DataFrame(
    ...     {
    ...         "customer_id": range(4000),
    ...         "action": np.where(held, "none", "coupon"),
    ...         "propensity": np.where(held, 0.1, 0.9),
    ...         "cost": 0.5,
    ...     }
    ... )
    >>> used = ~held & buys & (rng.random(4000) < 0.7)
    >>> campaign_result(spend, plan, action="coupon", redeemed=used)
    'coupon' paid: +4.48 (+2.59 to +6.38) per decision in margin (3,585 treated against 415 left alone by lot; 95%
    interval, difference of means, by logged propensities). In all +16,074.88 (+9,282.89 to +22,866.86), less a cost of
    1,792.50: +14,282.38 (+7,490.39 to +21,074.36) net. 744 redeemed, with 30,885.92 of margin; 53% of them (34% to 73%)
    would have bought anyway, if the campaign changes nobody but those who redeem.
    """
    certain = checked_confidence(confidence)
    unit = _unit(margin)
    rows = read_campaign(log if plan is None else plan, action=action, propensities=propensities, on=on)
    used = _redeemed(redeemed, rows)
    asked: dict[str, Any] = {"value": value, "window": window, "margin": unit, "bought": bought}
    contacted = rows.contacted
    count = None if used is None else int((used & contacted).sum())
    if rows.why:
        seen = None if used is None or plan is None else _outcomes(log, rows, None, **asked)
        return CampaignResult(
            known=False,
            why=rows.why,
            next_time=_NEXT,
            action=action,
            outcome=value if seen is None else seen.words,
            n_contacted=int(contacted.sum()),
            n_treated=0,
            n_control=0,
            cost=float(_costs(cost, rows)[0][contacted].sum()),
            n_redeemed=count,
            credited=None if seen is None or used is None else float(seen.value[used & contacted].sum()),
            confidence=certain,
        )
    seen = _outcomes(log, rows, covariate, **asked)
    return _known(rows, seen, action=action, cost=cost, used=used, covariate=covariate, confidence=certain)


def _known(
    rows: CampaignRows,
    seen: Outcomes,
    *,
    action: Any,
    cost: Any,
    used: BoolArray | None,
    covariate: Any,
    confidence: float,
) -> CampaignResult:
    before = _covariates(covariate, rows, seen)
    found, left = effect_of(seen.value, before, rows, confidence=confidence, shares=not seen.money)
    n = int(rows.treated.sum())
    costs, said = _costs(cost, rows)
    spent = float(costs[rows.treated & rows.contacted].sum())
    anyway, cut = _anyway(seen, used, rows, confidence)
    redeemers = None if used is None else used & rows.contacted & rows.treated
    return CampaignResult(
        known=True,
        why="",
        next_time="",
        action=action,
        outcome=seen.words,
        n_contacted=int(rows.contacted.sum()),
        n_treated=n,
        n_control=int(rows.control.sum()),
        treated_mean=found.treated,
        control_mean=found.control,
        effect=found.value,
        low=found.low,
        high=found.high,
        standard_error=found.standard_error,
        df=found.df,
        incremental=n * found.value,
        incremental_low=n * found.low,
        incremental_high=n * found.high,
        cost=spent,
        net=n * found.value - spent if seen.money else None,
        net_low=n * found.low - spent if seen.money else None,
        net_high=n * found.high - spent if seen.money else None,
        n_redeemed=None if redeemers is None else int(redeemers.sum()),
        credited=None if redeemers is None else float(seen.value[redeemers].sum()),
        anyway=anyway[0] if anyway else None,
        anyway_low=anyway[1] if anyway else None,
        anyway_high=anyway[2] if anyway else None,
        money=seen.money,
        arms=rows.arms,
        method=f"{found.method}, {rows.arms}",
        confidence=confidence,
        notes=tuple(
            _notes(rows, left if before is not None else None) + _skewed(seen, rows) + said + cut + _leaked(used, rows)
        ),
    )


def _outcomes(
    log: Any, rows: CampaignRows, covariate: Any, *, value: str, window: Any, margin: float, bought: Any
) -> Outcomes:
    before = isinstance(covariate, str) and covariate == _BEFORE and _BEFORE not in rows.frame.columns
    return outcomes_of(log, rows, value=value, window=window, margin=margin, bought=bought, before=before)


def _unit(margin: float) -> float:
    unit = check_number(margin, name="margin", low=0)
    if unit == 0:
        raise ParameterError(message("margin=0 makes every outcome worthless", "a number above 0", "margin=0.3"))
    return unit


def _redeemed(redeemed: Any, rows: CampaignRows) -> BoolArray | None:
    """Who redeemed, row by row."""
    if redeemed is None:
        return None
    if isinstance(redeemed, str):
        values = _plan_column(redeemed, rows, "redeemed").to_numpy()
    elif isinstance(redeemed, (pd.Series, np.ndarray)) and _are_flags(redeemed):
        values = by_customer(redeemed, rows, "redeemed")
    else:
        return _listed(redeemed, rows)
    numbers = pd.to_numeric(pd.Series(values), errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = ~np.isin(numbers, (0.0, 1.0))
    if wrong.any():
        raise DataError(
            message(
                f"{int(wrong.sum()):,} of {len(numbers):,} values of redeemed are neither True nor False "
                f"({named_rows(wrong)})",
                "whether each customer redeemed, or the ids of those who did",
                "redeemed=redemptions['customer_id'].unique()",
            )
        )
    return np.asarray(numbers == 1)


def _are_flags(values: pd.Series[Any] | np.ndarray[Any, Any]) -> bool:
    """Whether these say yes or no of each: True and False, or 0 and 1 more often than two ids would be named."""
    column = pd.Series(values)
    if pd.api.types.is_bool_dtype(column.dtype) or column.dtype == object:
        return bool(len(column)) and {type(one) for one in column.dropna()} <= {bool, np.bool_}
    return len(column) > 2 and pd.api.types.is_numeric_dtype(column.dtype) and bool(column.dropna().isin([0, 1]).all())


def _listed(redeemed: Any, rows: CampaignRows) -> BoolArray:
    ids = pd.Index(pd.unique(pd.Series(list(redeemed))))
    found = np.asarray(rows.customer.isin(ids))
    if len(ids) and not found.any():
        raise DataError(
            message(
                f"none of the {len(ids):,} who redeemed is in the plan ({some(ids, 3)} against "
                f"{some(rows.customer, 3)})",
                "both name customers alike",
                "redeemed = redeemed.astype(plan.index.dtype)",
            )
        )
    return found


def _plan_column(name: str, rows: CampaignRows, role: str) -> pd.Series[Any]:
    if name not in rows.frame.columns:
        raise ParameterError(
            message(
                f"{role}={name!r} is no column of the plan ({nearest(name, [str(c) for c in rows.frame.columns])})",
                "a column of the plan, or values by customer",
                f"{role}=pd.Series(..., index=customer_id)",
            )
        )
    return rows.frame[name]


def _costs(cost: Any, rows: CampaignRows) -> tuple[FloatArray, list[str]]:
    """What acting cost in each row, and what is to be said of it."""
    n = len(rows.contacted)
    if cost is None and "cost" not in rows.frame.columns:
        return np.zeros(n), ["No costs were given: the net is before costs."]
    if isinstance(cost, (int, float, np.number)):
        values = np.full(n, float(cost))
    elif cost is None or isinstance(cost, str):
        values = numbers_of(_plan_column("cost" if cost is None else cost, rows, "cost"), "cost")
    else:
        values = numbers_of(by_customer(cost, rows, "cost"), "cost")
    wrong = rows.contacted & ~(np.isfinite(values) & (values >= 0))
    if wrong.any():
        raise DataError(
            message(
                f"{int(wrong.sum()):,} costs are negative or missing ({named_rows(wrong)})",
                "a cost is 0 or more",
                "cost=0.5",
            )
        )
    return values, []


def _covariates(covariate: Any, rows: CampaignRows, seen: Outcomes) -> FloatArray | None:
    if covariate is None:
        return None
    if seen.before is not None:
        values: Any = seen.before
    elif isinstance(covariate, str):
        values = _plan_column(covariate, rows, "covariate").to_numpy()
    else:
        values = by_customer(covariate, rows, "covariate")
    numbers = as_floats(values)
    matrix = numbers[:, None] if numbers.ndim == 1 else numbers
    wrong = (rows.treated | rows.control) & np.asarray(~np.isfinite(matrix).all(axis=1))
    if wrong.any():
        raise DataError(
            message(
                f"{int(wrong.sum()):,} covariates are missing or infinite ({named_rows(wrong)})",
                "what was known before is needed for everybody who was drawn",
                "covariate=covariate.fillna(covariate.mean())",
            )
        )
    return matrix


def _anyway(
    seen: Outcomes, used: BoolArray | None, rows: CampaignRows, confidence: float
) -> tuple[tuple[float, float, float] | None, list[str]]:
    """The share of redeemers who would have bought anyway, cut to [0, 1], and what was cut."""
    if used is None or not (used & rows.treated).any():
        return None, []
    value, low, high = share_anyway(seen.bought, used, rows, confidence=confidence)
    said = []
    if high < 0:
        said.append(
            "More customers bought than redeemers can explain: the campaign moved others too, and the share of "
            "redeemers who would have bought anyway says nothing."
        )
    if low > 1:
        said.append("Fewer of the treated bought: the campaign kept customers from buying.")
    bounds = [float(np.clip(number, 0.0, 1.0)) for number in (value, low, high)]
    return (bounds[0], bounds[1], bounds[2]), said


def _leaked(used: BoolArray | None, rows: CampaignRows) -> list[str]:
    if used is None:
        return []
    leaked = int((used & rows.control).sum())
    if not leaked:
        return []
    return [f"{leaked:,} of those left alone redeemed too: the offer leaked, and the effect looks too small."]


def _skewed(seen: Outcomes, rows: CampaignRows) -> list[str]:
    """Say when so few were left alone that who spends much among them is an accident."""
    arms = [seen.value[chosen] - seen.value[chosen].mean() for chosen in (rows.treated, rows.control)]
    apart = np.concatenate(arms)
    spread = float(np.sqrt((apart**2).mean()))
    if not seen.money or spread == 0:
        return []
    skewness = float(((apart / spread) ** 3).mean())
    needed, n = _PER_SKEWNESS * skewness**2, min(map(len, arms))
    if n >= needed:
        return []
    said = f"A few spend very much (skewness {skewness:,.1f}), and whether they are among the {n:,} of the smaller side"
    return [
        f"{said} is an accident: the bounds are too narrow. About {needed:,.0f} are needed there, or a capped outcome."
    ]


def _notes(rows: CampaignRows, left: float | None) -> list[str]:
    found = []
    certain = int((rows.contacted & ~rows.treated).sum())
    if certain:
        found.append(
            f"{certain:,} more were contacted who could not have been left alone by lot, or were explored: neither "
            "they nor their costs are counted."
        )
    n = int(rows.control.sum())
    if n < _FEW:
        found.append(f"Only {n:,} were left alone: the interval rests on them.")
    if rows.drawn is not None:
        seen, expected, variance = rows.drawn
        if abs(seen - expected) > _FAR * np.sqrt(variance) + 1:
            found.append(
                f"{seen:,} were left alone where the propensities say {expected:,.0f}: customers were lost or added "
                "after the draw, or the propensities are not those of the draw. Do not read the effect before that is "
                "found out."
            )
    if left is not None:
        found.append(f"What was known before leaves {left:.0%} of the variance.")
    return found
