"""The limits of a plan: the budget, the channels' capacities, and what each tier may or must get."""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import as_names
from churnlib._frames import read_columns
from churnlib._ids import customer_ids
from churnlib._typing import IntArray
from churnlib.economics import customers_of
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, message, nearest, some
from churnlib.policy._actions._action import Action
from churnlib.policy._actions._catalogue import capacities
from churnlib.policy._plan._inputs import rows_of
from churnlib.policy._solve._limit import Limit

__all__ = ["BUDGET", "Quota", "Tiering", "check_budget", "plan_limits", "read_quotas", "read_tier"]

BUDGET = "budget"
_EXAMPLE = "Quota('A', at_most=500, budget=20_000)"


@dataclass(frozen=True, slots=True)
class Quota:
    """What a tier may get, or must get, in a plan.

    Parameters
    ----------
    tier : object, default=None
        The tier it is about; None for all customers.
    actions : str or sequence of str, default=None
        The actions it is about; None for all of them.
    at_most : float, default=np.inf
        The most customers of the tier that may get one of the actions.
    at_least : float, default=0.0
        The fewest that must get one. It is met by the allocation, before the holdout and the explorers are
        taken out of it.
    budget : float, default=np.inf
        The most money that may be spent on them.

    Raises
    ------
    ParameterError
        When a number is negative or missing, `at_least` is above `at_most`, or nothing is limited.
    ParameterTypeError
        When a number is none.

    Examples
    --------
    Tier A: 500 customers for 20,000, of which 15,000 for the adviser:

    >>> quotas = [Quota("A", at_most=500, budget=20_000), Quota("A", actions="adviser", budget=15_000)]
    >>> [quota.label for quota in quotas]
    ['A', 'A adviser']
    """

    tier: Any = None
    actions: tuple[str, ...] | str | None = None
    at_most: float = np.inf
    at_least: float = 0.0
    budget: float = np.inf

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.actions is not None:
            object.__setattr__(self, "actions", as_names(self.actions, name="actions"))
        for field in ("at_most", "at_least", "budget"):
            object.__setattr__(self, field, _amount(getattr(self, field), field))
        if self.at_least > self.at_most or np.isinf(self.at_least):
            raise ParameterError(
                message(
                    f"quota {self.label!r} asks for at least {self.at_least:g} and at most {self.at_most:g} customers",
                    "at_least is finite and not above at_most",
                    _EXAMPLE,
                )
            )
        if np.isinf(self.at_most) and np.isinf(self.budget) and not self.at_least:
            raise ParameterError(
                message(f"quota {self.label!r} limits nothing", "at_most, at_least or budget is given", _EXAMPLE)
            )

    @property
    def label(self) -> str:
        """The tier and the actions, as they stand in the names of its limits."""
        parts = [] if self.tier is None else [str(self.tier)]
        return " ".join([*parts, *(self.actions or ())]) or "all"


@dataclass(frozen=True, slots=True)
class Tiering:
    """The tier of each customer.

    Attributes
    ----------
    codes : ndarray of int
        Position in `names` by customer.
    names : Index
        The tiers.
    """

    codes: IntArray
    names: pd.Index[Any]


def read_tier(tier: Any, customers: Any, ids: pd.Index[Any]) -> Tiering | None:
    """Read the tier of each customer, from a Series by customer or a column of the customers.

    Parameters
    ----------
    tier : Series, str or None
        As `allocate` takes it.
    customers : dataframe or None
        Where a column of that name is looked up.
    ids : Index
        The customers of the plan.

    Returns
    -------
    Tiering or None
        None where no tier is given.
    """
    if tier is None:
        return None
    if isinstance(tier, str):
        if customers is None:
            raise ParameterError(
                message(f"tier={tier!r} names a column, and no customers are given", "their frame", "customers=frame")
            )
        column = read_columns(customers, {"tier": tier})["tier"]
        values = column.to_pandas() if hasattr(column, "to_pandas") else column
        tier = pd.Series(pd.Categorical(values), index=customer_ids(customers, None))
        tier = tier.astype(tier.cat.categories.dtype) if not tier.isna().any() else tier
    if not isinstance(tier, pd.Series):
        raise ParameterTypeError(
            message(
                f"tier is a {type(tier).__name__}",
                "a Series by customer, or the name of a column of customers, was expected",
                "tier=scores.map(tiers.assign)",
            )
        )
    rows = rows_of(customers_of(tier), ids, name="tier")
    found = pd.Categorical(tier if rows is None else tier.iloc[rows])
    if (found.codes < 0).any():
        missing = found.codes < 0
        raise DataError(
            message(
                f"{int(missing.sum()):,} of {len(ids):,} customers have no tier ({some(ids[missing])})",
                "a tier for each",
                "tier=tier.fillna('none')",
            )
        )
    return Tiering(found.codes.astype(np.int64), found.categories)


def read_quotas(quotas: Any) -> tuple[Quota, ...]:
    """Return quotas as a tuple; numbers by tier are the most customers of each.

    Parameters
    ----------
    quotas : Quota, sequence of Quota, mapping or None
        As `allocate` takes them.

    Returns
    -------
    tuple of Quota
        In the order given.
    """
    if quotas is None:
        return ()
    if isinstance(quotas, Quota):
        return (quotas,)
    if isinstance(quotas, Mapping):
        return tuple(_quota(tier, given) for tier, given in quotas.items())
    if isinstance(quotas, str) or not isinstance(quotas, Iterable):
        raise ParameterTypeError(
            message(f"quotas is a {type(quotas).__name__}", "quotas, or numbers by tier", f"quotas=[{_EXAMPLE}]")
        )
    found = tuple(quotas)
    strange = [quota for quota in found if not isinstance(quota, Quota)]
    if strange:
        raise ParameterTypeError(
            message(f"{strange[0]!r} is no quota", "quotas are made by Quota", f"quotas=[{_EXAMPLE}]")
        )
    return found


def check_budget(budget: Any) -> float | None:
    """Return the budget as a float, or None where there is none or it has no end."""
    if budget is None:
        return None
    found = _amount(budget, "budget")
    return None if np.isinf(found) else found


def plan_limits(
    actions: Sequence[Action], quotas: Sequence[Quota], tiering: Tiering | None
) -> tuple[tuple[Limit, ...], dict[str, str]]:
    """Turn capacities and quotas into limits.

    Parameters
    ----------
    actions : sequence of Action
        The catalogue.
    quotas : sequence of Quota
        What tiers may or must get.
    tiering : Tiering or None
        Needed where a quota names a tier.

    Returns
    -------
    limits : tuple of Limit
        Without the budget.
    reasons : dict
        The name of each limit to the words with which it is a reason.
    """
    limits: list[Limit] = []
    reasons = {BUDGET: BUDGET}
    for channel, capacity in capacities(actions).items():
        arms = tuple(k for k, action in enumerate(actions) if (action.channel or action.name) == channel)
        _add(limits, Limit(channel, arms=arms, at_most=capacity), reasons, f"capacity {channel}")
    for quota in quotas:
        rows, arms = _rows(quota, tiering), _arms(quota, actions)
        if np.isfinite(quota.at_most) or quota.at_least:
            name = f"quota {quota.label}"
            _add(limits, Limit(name, rows, arms, "customers", quota.at_most, quota.at_least), reasons, name)
        if np.isfinite(quota.budget):
            name = f"budget {quota.label}"
            _add(limits, Limit(name, rows, arms, "cost", quota.budget), reasons, name)
    return tuple(limits), reasons


def with_less(limit: Limit, aside: float) -> Limit:
    """Return a limit with something set aside from what it allows."""
    return dataclasses.replace(limit, at_most=max(limit.at_most - aside, 0.0))


def _add(limits: list[Limit], limit: Limit, reasons: dict[str, str], reason: str) -> None:
    if limit.name in reasons:
        raise ParameterError(
            message(
                f"two limits are called {limit.name!r}",
                f"names of channels and quotas are distinct, and none is {BUDGET!r}",
                "one quota for each tier and its actions, or another name for the channel",
            )
        )
    limits.append(limit)
    reasons[limit.name] = reason


def _quota(tier: Any, given: Any) -> Quota:
    if isinstance(given, Quota):
        if given.tier not in (None, tier):
            raise ParameterError(
                message(f"the quota of {tier!r} is about tier {given.tier!r}", "one of the two", f"{{{tier!r}: 500}}")
            )
        return dataclasses.replace(given, tier=tier)
    if isinstance(given, bool) or not isinstance(given, numbers.Real):
        raise ParameterTypeError(
            message(
                f"the quota of {tier!r} is a {type(given).__name__}",
                "a number of customers, or a Quota",
                f"quotas={{{tier!r}: 500}}",
            )
        )
    return Quota(tier, at_most=float(given))


def _rows(quota: Quota, tiering: Tiering | None) -> Any:
    if quota.tier is None:
        return None
    if tiering is None:
        raise ParameterError(
            message(
                f"quota {quota.label!r} is about a tier, and no tiers are given",
                "the tier of each customer",
                "allocate(..., tier='tier', customers=frame)",
            )
        )
    if quota.tier not in tiering.names:
        raise ParameterError(
            message(
                f"no customer is in tier {quota.tier!r} ({nearest(quota.tier, list(tiering.names))})",
                "quotas are about tiers that customers are in, or that are categories of the tiers",
                f"Quota({tiering.names[0]!r}, ...)",
            )
        )
    return tiering.codes == list(tiering.names).index(quota.tier)


def _arms(quota: Quota, actions: Sequence[Action]) -> tuple[int, ...]:
    names = [action.name for action in actions]
    if quota.actions is None:
        return tuple(range(len(names)))
    unknown = [name for name in quota.actions if name not in names]
    if unknown:
        raise ParameterError(
            message(
                f"quota {quota.label!r} names {some(unknown)}, which is no action ({nearest(unknown[0], names)})",
                f"the actions are {some(names, 12)}",
                f"Quota({quota.tier!r}, actions={names[0]!r}, budget=15_000)",
            )
        )
    return tuple(names.index(name) for name in quota.actions)


def _amount(given: Any, name: str) -> float:
    if isinstance(given, bool) or not isinstance(given, numbers.Real):
        raise ParameterTypeError(
            message(f"{name} is {given!r}, a {type(given).__name__}", "a number was expected", f"{name}=500")
        )
    number = float(given)
    if not number >= 0:
        raise ParameterError(message(f"{name}={number:g} is out of range", "a number of at least 0", f"{name}=0"))
    return number
