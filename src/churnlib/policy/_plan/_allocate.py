"""Whom to treat, and how: the allocation of actions under budgets, capacities, quotas and chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import check_number
from churnlib._typing import BoolArray, Instant, IntoFrame
from churnlib.exceptions import ParameterError, ParameterTypeError, message
from churnlib.policy._actions._action import Action
from churnlib.policy._actions._candidates import Candidates
from churnlib.policy._contact._policy import ContactPolicy
from churnlib.policy._plan._explore import Strata, draw, strata_of
from churnlib.policy._plan._inputs import Options, day_of, read_allowed, read_options
from churnlib.policy._plan._limits import (
    BUDGET,
    Quota,
    check_budget,
    plan_limits,
    read_quotas,
    read_tier,
    with_less,
)
from churnlib.policy._plan._log import PlanLog
from churnlib.policy._plan._parts import Chance, Parts
from churnlib.policy._plan._plan import Plan
from churnlib.policy._solve._limit import Limit
from churnlib.policy._solve._solve import solve

__all__ = ["allocate"]

_HARDLY = 1e-6
"""A share of explorers that is as good as none: what it may take, any share may take."""


def allocate(
    value: pd.Series[float] | pd.DataFrame | None,
    *,
    actions: Action | Sequence[Action] | None = None,
    cost: Any = None,
    customers: IntoFrame | None = None,
    candidates: Any = None,
    contact_policy: Any = None,
    history: Any = None,
    events: Any = None,
    on: Instant | None = None,
    timezone: str | None = None,
    budget: float | None = None,
    tier: pd.Series[Any] | str | None = None,
    quotas: Quota | Sequence[Quota] | dict[Any, Any] | None = None,
    holdout: float = 0.0,
    explore: float = 0.0,
    salt: str | None = None,
    holdout_salt: str = "holdout",
) -> Plan:
    """Choose at most one action for each customer so that the plan brings the most money within all limits.

    A customer is worth an action where the gain exceeds its cost, and where that would not do more elsewhere.
    The gain should be an *effect*: what changes because of the action. By risk times value alone nobody knows
    whom a contact changes; the holdout of such a plan is the experiment that tells.

    Parameters
    ----------
    value : Series or DataFrame
        Gain in money before the action's own cost, by customer (index customer_id, or customer_id and cutoff):
        a Series for one action or for all alike, a frame with a column for each action. None where every action
        states its value.
    actions : Action or sequence of Action, default=None
        What may be done. None: an action for each column of `value`, or one called "contact".
    cost : float, mapping, Series or DataFrame, default=None
        Costs in money of actions that state none: one number, numbers by action, by customer, or both.
    customers : dataframe, default=None
        What costs, values and conditions of the actions are read from: one row per customer.
    candidates : Candidates or DataFrame of bool, default=None
        What came up for whom; None for everything. Candidates know their actions, their day and who is eligible.
    contact_policy : ContactPolicy, default=None
        How often a customer may be contacted.
    history : DataFrame or PlanLog, default=None
        Past contacts, for the contact policy. Of a log, those held out count as contacted when they would have been
        (`PlanLog.history`).
    events : EventLog or DataFrame, default=None
        Events of customers, such as complaints, for the contact policy.
    on : str, date or datetime, default=None
        The day of the plan; None for the cutoff in the index of `value`, if there is one.
    timezone : str, default=None
        The zone in which the contact policy reads months, hours and times without a zone; None for that of the
        candidates, or else UTC.
    budget : float, default=None
        The most the plan may cost, in money; None or infinite for no such limit.
    tier : Series or str, default=None
        The tier of each customer, or the column of `customers` that holds it.
    quotas : Quota, sequence of Quota or mapping, default=None
        What tiers may or must get; ``{"A": 500}`` is the most customers of each.
    holdout : float, default=0.0
        The share of customers that get nothing, whatever they are worth: at least 0, below 1. They are the same in
        every plan, and those of `churnlib.experiments.assign`.
    explore : float, default=0.0
        The share of customers whose action is drawn at random from those allowed, none included: at least 0, below 1.
        What they may use is set aside from each limit.
    salt : str, default=None
        What explorers are drawn with; None for the day of the plan, so that each day draws others.
    holdout_salt : str, default="holdout"
        What the holdout is drawn with. Change it only to let the held out go and draw anew.

    Returns
    -------
    Plan
        One row per customer, with exact propensities, prices, and a reason for everybody.

    Raises
    ------
    DataError
        When a value is missing or infinite, or a cost missing, infinite or negative; with counts and names.
    DuplicateError
        When a customer has several rows.
    SchemaError
        When columns are not the actions, or a customer is missing where rows are matched.
    ParameterError
        When a share, budget or quota is out of range, a cost stands in two places, or exploration alone could
        exceed a limit.
    ParameterTypeError
        When an argument is of a wrong type.
    InfeasibleError
        When a quota's `at_least` cannot be met; which, and by how much.

    See Also
    --------
    churnlib.policy.Action : What may be done.
    churnlib.experiments.assign : Arms of an experiment with the same holdout.

    Notes
    -----
    The allocation is made for all customers, then those held out get nothing. Capacity and budget that the
    allocation gave to them stay unused, and so does what explorers leave of what was set aside: otherwise the
    action of a customer would depend on who else was drawn, and no propensity would be exact. With h the holdout,
    ε the explored share and m the number of options of a customer (none included)::

        P(a) = h 1[a = none] + (1 - h) (ε 1[a allowed] / m + (1 - ε) 1[a = allocated])

    The draw of the holdout is permanent, so that this holds in later plans as long as what makes customers eligible
    does not depend on it. ``history=log`` takes care of the contact rules: it counts those held out as contacted when
    they would have been.

    Explorers are drawn within strata of equal eligibility and tier by a salted hash, evenly: each option gets its
    share of the stratum, to less than one customer up or down. Thereby the most they can use is known beforehand.

    Examples
    --------
    >>> index = pd.Index(["ann", "bob", "cem", "dan"], name="customer_id")
    >>> gain = pd.DataFrame({"call": [40.0, 18, 18, 2], "mail": [10.0, 9, 9, -1]}, index=index)
    >>> call, mail = Action("call", cost=6, channel="phone", capacity=2), Action("mail", cost=1, channel="email")
    >>> plan = allocate(gain, actions=[call, mail], budget=14, on="2026-03-02")
    >>> plan.frame["action"].to_dict()
    {'ann': 'call', 'bob': 'call', 'cem': 'mail', 'dan': 'none'}
    >>> plan.skipped[["customer_id", "reason"]].values.tolist()
    [['dan', 'does not pay']]
    >>> plan.limits[["at_most", "used", "price"]]
            at_most  used  price
    limit
    budget     14.0  13.0    0.0
    phone       2.0   2.0    4.0
    """
    spend = check_budget(budget)
    held, explored = _share(holdout, "holdout"), _share(explore, "explore")
    judged = isinstance(candidates, Candidates)
    if judged:
        actions = candidates.actions if actions is None else actions
        on = candidates.on if on is None else on
    options = read_options(value, actions, cost, customers, on, judged=judged)
    day = day_of(on, options.cutoffs)
    chance = _chance(held, explored, salt, holdout_salt, day)
    allowed, blocks, check = _allowed(
        options,
        customers,
        candidates,
        contact_policy,
        {"history": history, "events": events, "timezone": timezone or getattr(candidates, "timezone", None)},
        when=on if on is not None else day,
    )
    tiering = read_tier(tier, customers, options.customers)
    limits, words = plan_limits(options.actions, read_quotas(quotas), tiering)
    if spend is not None:
        limits = (Limit(BUDGET, counts="cost", at_most=spend), *limits)
    strata = None
    aside: dict[str, float] = {}
    if chance.explore:
        may = np.ones(options.gain.shape, dtype=bool) if allowed is None else allowed
        strata = strata_of(may, None if tiering is None else tiering.codes)
        aside = _set_aside(limits, strata, options, chance.explore)
    kept = [with_less(limit, aside.get(limit.name, 0.0)) for limit in limits]
    solution = solve(
        options.gain - options.cost,
        options.cost,
        allowed=allowed,
        budget=next((limit.at_most for limit in kept if limit.name == BUDGET), None),
        limits=[limit for limit in kept if limit.name != BUDGET],
        order=_order(options.customers),
    )
    drawn = draw(
        options.customers,
        strata,
        holdout=chance.holdout,
        holdout_salt=chance.holdout_salt,
        explore=chance.explore,
        salt=chance.salt,
    )
    return Plan(
        Parts(
            options=options,
            day=day,
            allowed=allowed,
            blocks=blocks,
            check=check,
            came=candidates,
            limits=limits,
            aside=aside,
            words=words,
            solution=solution,
            draw=drawn,
            chance=chance,
        )
    )


def _share(given: Any, name: str) -> float:
    share = check_number(given, name=name, low=0, high=1)
    if share == 1:
        left = "holds everybody out" if name == "holdout" else "leaves nothing to allocate"
        raise ParameterError(message(f"{name}=1 {left}", "a share below 1", f"{name}=0.05"))
    return share


def _chance(holdout: float, explore: float, salt: Any, holdout_salt: Any, day: Any) -> Chance:
    if salt is None:
        salt = "plan" if pd.isna(day) else f"plan {day:%Y-%m-%d}"
    for name, given in (("salt", salt), ("holdout_salt", holdout_salt)):
        if not isinstance(given, str):
            raise ParameterTypeError(
                message(f"{name} is {given!r}, a {type(given).__name__}", "a text", f"{name}='spring-2026'")
            )
        if not given:
            raise ParameterError(message(f"{name} is empty", "it names the draw", f"{name}='spring-2026'"))
    if salt == holdout_salt:
        raise ParameterError(
            message(
                f"salt and holdout_salt are both {salt!r}",
                "explorers would be drawn with the hash that drew the holdout",
                "salt='spring-2026'",
            )
        )
    return Chance(holdout, explore, holdout_salt, salt)


def _allowed(
    options: Options, customers: Any, candidates: Any, contact_policy: Any, past: dict[str, Any], *, when: Any
) -> tuple[BoolArray | None, dict[str, BoolArray], Any]:
    """Return what may be done, and what each reason leaves of it."""
    blocks: dict[str, BoolArray] = {}
    check = None
    if isinstance(candidates, Candidates):
        parts = {"not eligible": candidates._eligible, "not a candidate": candidates._up}
        shape = candidates.allowed
        for word, left in parts.items():
            blocks[word] = read_allowed(pd.DataFrame(left, shape.index, shape.columns), options, name="candidates")
    else:
        if options.eligible is not None:
            blocks["not eligible"] = options.eligible
        if candidates is not None:
            blocks["not a candidate"] = read_allowed(candidates, options, name="candidates")
    allowed = np.logical_and.reduce(list(blocks.values())) if blocks else None
    if contact_policy is not None:
        if not isinstance(contact_policy, ContactPolicy):
            raise ParameterTypeError(
                message(
                    f"contact_policy is a {type(contact_policy).__name__}",
                    "a ContactPolicy was expected",
                    "ContactPolicy([Cooldown('30d')])",
                )
            )
        may = np.ones(options.gain.shape, dtype=bool) if allowed is None else allowed
        frame = pd.DataFrame(may, index=options.customers, columns=options.names)
        if isinstance(past["history"], PlanLog):
            past = past | {"history": past["history"].history}
        check = contact_policy.apply(
            frame, on=None if pd.isna(when) else when, actions=options.actions, customers=customers, **past
        )
        allowed = may & read_allowed(check, options, name="contact_policy")
    return allowed, blocks, check


def _set_aside(limits: Sequence[Limit], strata: Strata, options: Options, explore: float) -> dict[str, float]:
    bounded = [limit for limit in limits if np.isfinite(limit.at_most)]
    found = {limit.name: _aside(limit, strata, options, explore) for limit in bounded}
    over = [limit for limit in bounded if found[limit.name] > limit.at_most - limit.at_least]
    if not over:
        return found
    limit = over[0]
    unit = "customers" if limit.counts == "customers" else "money"
    demanded = f", of which {limit.at_least:,g} are demanded" if limit.at_least else ""
    least = {each.name: _aside(each, strata, options, _HARDLY) for each in over}
    share = explore
    while share > _HARDLY and any(_aside(each, strata, options, share) > each.at_most - each.at_least for each in over):
        share = float(f"{share / 2:.1g}")
    strata_word = (
        f"{len(strata.size):,} strata of equal eligibility and tier" if len(strata.size) > 1 else "one stratum"
    )
    raise ParameterError(
        message(
            f"exploring {explore:.3g} of the customers may take {found[limit.name]:,g} of the {limit.at_most:,g} "
            f"{unit} of {limit.name!r}{demanded}; in {strata_word} even the fewest may take {least[limit.name]:,g}",
            "what explorers may use is set aside, and has to fit: in each stratum at least one for each action",
            f"explore={share:.2g}, or 0"
            if share > _HARDLY
            else f"explore=0, more of {limit.name!r}, or fewer strata: coarser tiers and conditions",
        )
    )


def _aside(limit: Limit, strata: Strata, options: Options, explore: float) -> float:
    """Return the most that explorers can use of a limit."""
    cost = options.cost if limit.counts == "cost" else None
    rows = None if limit.rows is None else np.asarray(limit.rows)
    return strata.most_used(explore, cost, rows, tuple(limit.columns(options.gain.shape[1])))


def _order(customers: pd.Index[Any]) -> Any:
    """Return the rank of each id, so that equal customers are served in one order, or None if they stand in it."""
    if customers.is_monotonic_increasing:
        return None
    return pd.factorize(customers, sort=True)[0]
