"""What a plan is made from: values, costs and eligibility, one row per customer and one column per action."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import named_rows
from churnlib._ids import check_same_kind, customer_ids, ids_of
from churnlib._typing import BoolArray, FloatArray
from churnlib.economics import customers_of
from churnlib.exceptions import (
    DataError,
    DuplicateError,
    ParameterError,
    ParameterTypeError,
    SchemaError,
    message,
    nearest,
    some,
)
from churnlib.policy._actions._action import Action
from churnlib.policy._actions._catalogue import check_actions

__all__ = ["Options", "day_of", "read_allowed", "read_options", "rows_of"]

_ONE = "contact"


@dataclass(frozen=True, slots=True)
class Options:
    """What may be done for whom, and what it brings and costs.

    Attributes
    ----------
    customers : Index
        Named "customer_id".
    cutoffs : Index or None
        The cutoffs in the index of the values, once each.
    actions : tuple of Action
        One per column.
    gain : ndarray of shape (n_customers, n_actions)
        Money, before the actions' own costs.
    cost : ndarray of shape (n_customers, n_actions)
        Money, at least 0.
    eligible : ndarray of bool of shape (n_customers, n_actions), or None
        By the actions' own conditions; None where everybody is.
    """

    customers: pd.Index[Any]
    cutoffs: pd.Index[Any] | None
    actions: tuple[Action, ...]
    gain: FloatArray
    cost: FloatArray
    eligible: BoolArray | None

    @property
    def names(self) -> list[str]:
        """The actions' names, in the order of the columns."""
        return [action.name for action in self.actions]


@dataclass(frozen=True, slots=True)
class _Facts:
    """The customers' frame, and which of its rows each customer of the plan is (None: the same rows)."""

    frame: Any
    rows: Any

    def take(self, found: pd.Series[Any]) -> Any:
        values = found.to_numpy()
        return values if self.rows is None else values[self.rows]


def read_options(value: Any, actions: Any, cost: Any, customers: Any, on: Any, *, judged: bool = False) -> Options:
    """Read values, actions and costs, and match all of them by customer and action name.

    Parameters
    ----------
    value, actions, cost, customers, on : object
        As `allocate` takes them.
    judged : bool, default=False
        Whether candidates have judged already who is eligible.

    Returns
    -------
    Options
        Complete: nothing missing, nothing infinite, no negative cost.
    """
    ids, cutoffs = _customers(value, customers)
    catalogue = _catalogue(value, actions)
    facts = _facts(customers, ids)
    gain = _gains(value, catalogue, ids, facts)
    costs = _costs(cost, catalogue, ids, facts)
    eligible = None if judged else _eligible(catalogue, ids, facts, on)
    return Options(ids, cutoffs, catalogue, gain, costs, eligible)


def day_of(on: Any, cutoffs: pd.Index[Any] | None) -> Any:
    """Return the day of a plan, without a zone: the one given, or that of the values' only cutoff.

    Returns
    -------
    Timestamp
        At midnight; NaT where nothing says which day it is.
    """
    if on is None and cutoffs is not None:
        if len(cutoffs) != 1:
            raise ParameterError(
                message(
                    f"the values stand at {len(cutoffs)} cutoffs ({some(cutoffs)})",
                    "a plan is for one day",
                    "data.latest(), or on='2026-03-02'",
                )
            )
        on = cutoffs[0]
    if on is None:
        return pd.NaT
    if isinstance(on, (bool, numbers.Number)):
        raise ParameterTypeError(message(f"on={on!r} is no day", "a date was expected", "on='2026-03-02'"))
    try:
        return pd.Timestamp(on).tz_localize(None).normalize().as_unit("us")
    except (TypeError, ValueError):
        raise ParameterError(message(f"on={on!r} is no day", "a date was expected", "on='2026-03-02'")) from None


def rows_of(index: pd.Index[Any], ids: pd.Index[Any], *, name: str) -> Any:
    """Return the row of each customer, or None where the rows are the same.

    Parameters
    ----------
    index : Index
        The customers of the rows.
    ids : Index
        The customers asked for.
    name : str
        The argument, for the message.

    Returns
    -------
    ndarray of int or None
        Positions in `index`.
    """
    found = ids_of(index)
    if found.equals(ids):
        return None
    if not found.is_unique:
        twice = found[found.duplicated()].unique()
        raise DuplicateError(
            message(
                f"{len(twice):,} customers have more than one row in {name} ({some(twice)})",
                "one row per customer",
                f"{name}={name}[~{name}.index.duplicated()]",
            )
        )
    check_same_kind(ids, found)
    rows = found.get_indexer(ids)
    if (rows < 0).any():
        raise SchemaError(
            message(
                f"{int((rows < 0).sum()):,} of {len(ids):,} customers are not in {name} ({some(ids[rows < 0])})",
                "rows are matched by customer, and every customer with a value needs one",
                f"value = value.loc[value.index.isin({name}.index)], or complete {name}",
            )
        )
    return rows


def read_allowed(given: Any, options: Options, *, name: str) -> BoolArray:
    """Read a frame of customers × actions that says what is allowed.

    Parameters
    ----------
    given : object with ``allowed``, or DataFrame of bool
        Candidates, what a contact policy left, or a plain frame.
    options : Options
        The customers and actions it is matched with.
    name : str
        The argument, for the message.

    Returns
    -------
    ndarray of bool of shape (n_customers, n_actions)
        In the order of the options.
    """
    frame = getattr(given, "allowed", given)
    if not isinstance(frame, pd.DataFrame):
        raise ParameterTypeError(
            message(
                f"{name} is a {type(given).__name__}",
                "candidates, or a frame of customers × actions with True and False, was expected",
                f"{name}=candidates(customers, actions, on='2026-03-02')",
            )
        )
    _check_names(list(frame.columns), options.names, name=name, extra_ok=True)
    found = frame[options.names]
    if not all(pd.api.types.is_bool_dtype(kind) for kind in found.dtypes) or found.isna().to_numpy().any():
        raise DataError(
            message(f"{name} holds other values than True and False", "a frame of booleans", f"{name}.astype(bool)")
        )
    rows = rows_of(customers_of(frame), options.customers, name=name)
    values = found.to_numpy(dtype=bool)
    return values if rows is None else values[rows]


def _customers(value: Any, customers: Any) -> tuple[pd.Index[Any], pd.Index[Any] | None]:
    if value is None:
        if customers is None:
            raise ParameterError(
                message(
                    "neither values nor customers are given",
                    "values by customer, or customers and actions that state their values",
                    "allocate(model.expected_gain(X, offer), actions=[call])",
                )
            )
        found, cutoffs = customer_ids(customers, None), None
    else:
        if not isinstance(value, (pd.Series, pd.DataFrame)):
            raise ParameterTypeError(
                message(
                    f"value is a {type(value).__name__}",
                    "a pandas Series by customer, or a frame of customers × actions, was expected: without labels "
                    "nobody can tell whose value is which",
                    "pd.Series(value, index=pd.Index(customers, name='customer_id'))",
                )
            )
        found = ids_of(customers_of(value))
        named = value.index.nlevels > 1 and "cutoff" in value.index.names
        cutoffs = value.index.get_level_values("cutoff").unique() if named else None
    if not len(found):
        raise DataError(message("there are no customers", "at least one is needed", "check the filter that left none"))
    if not found.is_unique:
        twice = found[found.duplicated()].unique()
        raise DuplicateError(
            message(
                f"{len(twice):,} of {found.nunique():,} customers have more than one row in value ({some(twice)})",
                "a plan has each customer once",
                "data.latest(), or value[~value.index.duplicated()]",
            )
        )
    return found.rename("customer_id"), cutoffs


def _catalogue(value: Any, actions: Any) -> tuple[Action, ...]:
    if actions is not None:
        found = check_actions(actions)
    elif isinstance(value, pd.DataFrame):
        found = check_actions([Action(name) for name in value.columns])
    else:
        found = (Action(_ONE),)
    stated = [action.name for action in found if action.value is not None]
    if isinstance(value, pd.DataFrame):
        twice = [name for name in stated if name in value.columns]
        if twice:
            raise ParameterError(
                message(
                    f"{some(twice)} states its value, and has a column in value too",
                    "a value stands in one place",
                    f"value.drop(columns={twice})",
                )
            )
        _check_names(list(value.columns), [action.name for action in found if action.value is None], name="value")
    if value is None and len(stated) < len(found):
        missing = [action.name for action in found if action.value is None]
        raise ParameterError(
            message(
                f"{some(missing)} states no value, and no values are given",
                "each action needs one of the two",
                f"Action({missing[0]!r}, value='column'), or allocate(values, ...)",
            )
        )
    return found


def _check_names(columns: Sequence[Any], names: Sequence[str], *, name: str, extra_ok: bool = False) -> None:
    missing = [each for each in names if columns.count(each) != 1]
    extra = [] if extra_ok else [each for each in columns if each not in names]
    if missing or extra:
        parts = [f"no column of its own for {some(missing)}"] if missing else []
        parts += [f"columns {some(extra)} that are no action"] if extra else []
        odd = extra[0] if extra else missing[0]
        raise SchemaError(
            message(
                f"{name} has {' and '.join(parts)} ({nearest(odd, list(names) if extra else list(columns))})",
                f"its columns are the actions: {some(names, 12)}",
                f"{name}[{list(names)!r}]",
            )
        )


def _facts(customers: Any, ids: pd.Index[Any]) -> _Facts | None:
    if customers is None:
        return None
    found = customer_ids(customers, None)
    return _Facts(customers, rows_of(found, ids, name="customers"))


def _needed(facts: _Facts | None, action: Action, what: str) -> _Facts:
    if facts is None:
        raise ParameterError(
            message(
                f"{what} of action {action.name!r} is read from the customers, and none are given",
                "a frame with a row for each customer",
                "allocate(..., customers=frame)",
            )
        )
    return facts


def _gains(value: Any, actions: Sequence[Action], ids: pd.Index[Any], facts: _Facts | None) -> FloatArray:
    if isinstance(value, pd.DataFrame) and all(action.value is None for action in actions):
        gain = _floats(value[[action.name for action in actions]], "value")
    else:
        gain = np.empty((len(ids), len(actions)))
        for k, action in enumerate(actions):
            gain[:, k] = _gain(value, action, len(ids), facts)
    strange = ~np.isfinite(gain)
    if strange.any():
        rows = np.flatnonzero(strange.any(axis=1))
        raise DataError(
            message(
                f"{len(rows):,} of {len(ids):,} customers have a value that is missing or infinite ({some(ids[rows])})",
                "a finite value for each customer and action",
                "value.dropna(), or candidates= for what may not be done",
            )
        )
    return gain


def _gain(value: Any, action: Action, n: int, facts: _Facts | None) -> Any:
    if action.value is None:
        return _floats(value[action.name] if isinstance(value, pd.DataFrame) else value, "value")
    if isinstance(action.value, numbers.Real):
        return np.full(n, float(action.value))
    known = _needed(facts, action, "the value")
    return known.take(action.values(known.frame))


def _floats(given: Any, name: str) -> FloatArray:
    kinds = given.dtypes if isinstance(given, pd.DataFrame) else [given.dtype]
    if not all(pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind) for kind in kinds):
        raise SchemaError(
            message(
                f"{name} holds {some(sorted({str(kind) for kind in kinds}))}",
                "amounts of money were expected",
                f"{name}.astype(float)",
            )
        )
    found: FloatArray = given.to_numpy(dtype=np.float64, na_value=np.nan)
    return found


def _costs(given: Any, actions: Sequence[Action], ids: pd.Index[Any], facts: _Facts | None) -> FloatArray:
    if given is not None:
        return _given_costs(given, actions, ids)
    cost = np.empty((len(ids), len(actions)))
    for k, action in enumerate(actions):
        amounts: tuple[Any, ...] = (action.cost, action.revenue_cost)
        if all(isinstance(amount, numbers.Real) for amount in amounts):
            cost[:, k] = sum(amounts)
        else:
            known = _needed(facts, action, "the cost")
            cost[:, k] = known.take(action.costs(known.frame))
    return cost


def _given_costs(given: Any, actions: Sequence[Action], ids: pd.Index[Any]) -> FloatArray:
    stated = [action.name for action in actions if action.cost != 0 or action.revenue_cost != 0]
    if stated:
        raise ParameterError(
            message(
                f"cost= is given, and {some(stated)} states a cost of its own",
                "a cost stands in one place",
                "leave out cost=, or make the actions without cost",
            )
        )
    names = [action.name for action in actions]
    if isinstance(given, pd.DataFrame):
        _check_names(list(given.columns), names, name="cost")
        rows = rows_of(customers_of(given), ids, name="cost")
        found = _floats(given[names], "cost")
        cost = found if rows is None else found[rows]
    else:
        cost = _broadcast(given, names, ids)
    strange = ~(np.isfinite(cost) & (cost >= 0))
    if strange.any():
        wrong = np.flatnonzero(strange.any(axis=1))
        raise DataError(
            message(
                f"{len(wrong):,} of {len(ids):,} customers have a cost that is missing, infinite or negative "
                f"({named_rows(wrong)}; the first is {cost[strange][0]:g})",
                "a finite cost of at least 0; what brings money in belongs to the value",
                "cost.clip(lower=0), if that is what they mean",
            )
        )
    return cost


def _broadcast(given: Any, names: Sequence[str], ids: pd.Index[Any]) -> FloatArray:
    shape = (len(ids), len(names))
    if isinstance(given, pd.Series):
        rows = rows_of(customers_of(given), ids, name="cost")
        found = _floats(given, "cost")
        return np.repeat((found if rows is None else found[rows])[:, None], len(names), axis=1)
    if isinstance(given, Mapping):
        _check_names(list(given), names, name="cost")
        each = [given[name] for name in names]
    else:
        each = [given] * len(names)
    if not all(isinstance(number, numbers.Real) and not isinstance(number, bool) for number in each):
        raise ParameterTypeError(
            message(
                f"cost is a {type(given).__name__}",
                "a number, numbers by action, a Series by customer, or a frame of customers × actions",
                "cost=6",
            )
        )
    return np.broadcast_to(np.array(each, dtype=np.float64), shape).copy()


def _eligible(actions: Sequence[Action], ids: pd.Index[Any], facts: _Facts | None, on: Any) -> BoolArray | None:
    if all(action.eligible is None for action in actions):
        return None
    found = np.ones((len(ids), len(actions)), dtype=bool)
    for k, action in enumerate(actions):
        if action.eligible is not None:
            known = _needed(facts, action, "the condition")
            found[:, k] = known.take(action.allowed(known.frame, on=on))
    return found
