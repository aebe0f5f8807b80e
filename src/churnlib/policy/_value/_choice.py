"""What a policy does with each row of a log, as probabilities of actions."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import as_floats, named_rows
from churnlib._typing import Array, FloatArray
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, message, nearest, some
from churnlib.policy._value._log import DecisionLog, column_of, numbers_of
from churnlib.policy._value._matching import places

__all__ = ["LOGGED", "Choice", "aligned", "costs_of", "read_choice"]

LOGGED = "logged"
"""The policy that did what the log holds."""

_SUM = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """The probability of each action (column) in each row; None is what was done."""

    actions: tuple[Any, ...]
    probability: FloatArray | None

    def over(self, actions: tuple[Any, ...]) -> FloatArray:
        """Return the probabilities with these actions as columns, 0 for actions that are never chosen."""
        assert self.probability is not None
        place = [self.actions.index(name) if name in self.actions else -1 for name in actions]
        wide = np.hstack([self.probability, np.zeros((len(self.probability), 1))])
        found: FloatArray = wide[:, place]
        return found


def read_choice(policy: Any, log: DecisionLog, X: Any, *, name: str = "policy") -> Choice:
    """Read a policy: a name, actions by row or customer, probabilities, a plan, or a model with `predict`."""
    if isinstance(policy, str) and policy == LOGGED:
        return Choice(log.actions, None)
    if not isinstance(policy, (str, int, pd.Series, pd.DataFrame, np.ndarray, list, tuple)):
        policy = _of_other_kind(policy, log) if hasattr(policy, "to_pandas") else _asked(policy, log, X, name)
    if isinstance(policy, pd.DataFrame):
        return _probabilities(policy, log, name)
    if isinstance(policy, (str, int, np.integer, bool)):
        return _one_action(policy, log, name)
    actions = aligned(policy, log, name)
    if actions.ndim != 1:
        raise DataError(
            message(
                f"{name} is an array of shape {actions.shape}",
                "probabilities need the name of each action, actions stand one in each row",
                f"{name}=pd.DataFrame({name}, columns={list(log.actions)}, index=log.index)",
            )
        )
    missing = np.asarray(pd.isna(actions))
    if missing.any():
        raise DataError(
            message(
                f"{name} says nothing for {int(missing.sum()):,} of {len(log):,} rows ({named_rows(missing)})",
                "a policy decides for everybody",
                f"{name}={name}.fillna({log.none if log.none is not None else 'none'!r})",
            )
        )
    codes, found = pd.factorize(pd.Series(list(actions)), sort=False)
    return Choice(tuple(found.tolist()), np.eye(len(found))[codes])


def _of_other_kind(policy: Any, log: DecisionLog) -> Any:
    """What is said by a frame or column of another library, whose rows have no labels."""
    found = policy.to_pandas()
    return found.set_axis(log.frame.index) if isinstance(found, pd.DataFrame) and len(found) == len(log) else found


def aligned(values: Any, log: DecisionLog, name: str) -> Array:
    """Return values in the order of the log: by its index, by customer, or, without labels, by position."""
    if not isinstance(values, (pd.Series, pd.DataFrame)):
        array = np.asarray(values)
        if array.ndim == 0:
            raise ParameterTypeError(
                message(
                    f"{name} is a {type(values).__name__}",
                    "one entry for each row of the log is needed",
                    f"{name} as a Series indexed like the log, or by customer",
                )
            )
        if len(array) != len(log):
            raise DataError(
                message(
                    f"{name} has {len(array):,} rows and the log {len(log):,}",
                    "one entry for each row of the log is needed",
                    f"{name} as a Series indexed like the log, or by customer",
                )
            )
        return array
    index = log.frame.index
    found = places(values.index, index, log.labels, log.days)
    if found is not None:
        return values.to_numpy()[found]
    raise DataError(
        message(
            _unmatched(values.index, log, name),
            "rows are matched by the index of the log, by customer_id, or by customer_id and day",
            f"give {name} an index that holds every row of the log once, or names its 'customer_id'",
        )
    )


def _unmatched(labels: pd.Index[Any], log: DecisionLog, name: str) -> str:
    if not labels.is_unique:
        return f"the index of {name} repeats {int(labels.duplicated().sum()):,} labels"
    named = "customer_id" in labels.names and log.labels is not None
    wanted = log.labels if named and log.labels is not None else log.frame.index
    known = labels.get_level_values("customer_id") if named else labels
    if known.nlevels != wanted.nlevels:
        return f"the index of {name} holds {list(labels.names)}, and that of the log {list(wanted.names)}"
    absent = ~wanted.isin(known)
    if not absent.any():
        return (
            f"{name} holds customers at several times, and not at those of the log"
            if not known.is_unique
            else (f"{name} holds other days than the log")
        )
    return f"{name} lacks {int(absent.sum()):,} of {len(log):,} rows of the log ({some(wanted[absent])})"


def costs_of(cost: Any, log: DecisionLog, actions: tuple[Any, ...]) -> FloatArray | None:
    """Return what each action (column) costs in each row, 0 or more; None without costs."""
    if cost is None:
        return None
    if isinstance(cost, pd.DataFrame):
        table = pd.DataFrame(aligned(cost, log, "cost"), columns=cost.columns)
        given = {name: _cost_column(table[name], name) for name in table.columns}
    elif isinstance(cost, dict):
        given = {name: _cost_column(_spread(value, log, name), name) for name, value in cost.items()}
    elif isinstance(cost, (int, float, np.number)):
        if log.none is None:
            raise ParameterError(
                message(
                    f"cost={cost} does not say which action is free",
                    "the log has no action called 'none' or 'control', and no 0 beside a 1 alone",
                    "cost={'call': 6, 'mail': 1}, or none='...' (none=0 where 0 is no action)",
                )
            )
        given = {name: _cost_column(_spread(cost, log, name), name) for name in actions if name != log.none}
    else:
        raise ParameterTypeError(
            message(
                f"cost is a {type(cost).__name__}",
                "a number, a number or column for each action, or a frame with a column for each action is needed",
                "cost={'call': 6, 'mail': 1}",
            )
        )
    unknown = [name for name in given if name not in actions]
    if unknown:
        raise ParameterError(
            message(
                f"cost names {some(map(repr, unknown))}, which nobody chooses ({nearest(unknown[0], actions)})",
                f"the actions are {some(map(repr, actions))}",
            )
        )
    nothing = np.zeros(len(log))
    return np.stack([given.get(name, nothing) for name in actions], axis=1)


def _spread(value: Any, log: DecisionLog, name: Hashable) -> Any:
    if isinstance(value, str):
        return column_of(log.frame, value, f"cost[{name!r}]").to_numpy()
    if np.ndim(value) == 0:
        return np.full(len(log), float(value))
    return aligned(value, log, f"cost[{name!r}]")


def _cost_column(values: Any, name: Hashable) -> FloatArray:
    numbers = numbers_of(values, f"cost[{name!r}]")
    wrong = ~(np.isfinite(numbers) & (numbers >= 0))
    if wrong.any():
        raise DataError(
            message(
                f"{int(wrong.sum()):,} of {len(numbers):,} costs of {name!r} are negative or missing "
                f"({named_rows(wrong)})",
                "a cost is 0 or more",
                f"cost={{{name!r}: 6}}",
            )
        )
    return numbers


def _asked(policy: Any, log: DecisionLog, X: Any, name: str) -> Any:
    """What a plan or a model says."""
    found = getattr(policy, "propensities", None)
    if isinstance(found, pd.DataFrame):
        return found
    if not hasattr(policy, "predict"):
        raise ParameterTypeError(
            message(
                f"{name} is a {type(policy).__name__}",
                "the action of each row, a frame of probabilities, a Plan, or a fitted object with predict is needed",
                f"{name}=pd.Series(actions, index=log.index)",
            )
        )
    if X is None:
        raise ParameterError(
            message(
                f"{name} decides by features and there are none",
                "what predict() reads is needed for each row of the log, as it was known then",
                "X=features.loc[log.index], or X=['tenure', 'spend']",
            )
        )
    # a policy of this room says codes by predict and names by predict_action
    said = (policy.predict_action if hasattr(policy, "predict_action") else policy.predict)(X)
    return said if isinstance(said, (pd.Series, pd.DataFrame)) else _named(np.asarray(said), log)


def _named(said: Array, log: DecisionLog) -> Array:
    """Name codes of treatments: -1 is none, k the k-th of the others sorted, as learners and `CostThreshold` count."""
    treatments = len(log.actions) - 1
    codes = said.dtype.kind == "i" and said.ndim == 1 and log.none is not None
    if not codes or any(isinstance(name, int) for name in log.actions) or said.min() < -1 or said.max() >= treatments:
        return said
    names: Array = np.asarray(log.actions, dtype=object)
    found: Array = names[said + 1]
    return found


def _one_action(policy: Any, log: DecisionLog, name: str) -> Choice:
    if policy not in log.actions:
        raise ParameterError(
            message(
                f"{name}={policy!r} is no action of the log ({nearest(policy, log.actions)})",
                f"the actions are {some(map(repr, log.actions))}; {LOGGED!r} is what was done",
                f"{name}={log.actions[0]!r} does the same with everybody",
            )
        )
    return Choice((policy,), np.ones((len(log), 1)))


def _probabilities(policy: pd.DataFrame, log: DecisionLog, name: str) -> Choice:
    probability = as_floats(aligned(policy, log, name))
    wrong = ~np.isfinite(probability).all(axis=1) | (probability < 0).any(axis=1)
    wrong |= np.abs(probability.sum(axis=1) - 1) > _SUM
    if wrong.any():
        raise DataError(
            message(
                f"in {int(wrong.sum()):,} of {len(log):,} rows the probabilities of {name} are missing, negative or do "
                f"not sum to 1 ({named_rows(wrong)})",
                "one column for each action, not to act among them",
                f"{name}['none'] = 1 - {name}.drop(columns='none').sum(axis=1)",
            )
        )
    return Choice(tuple(policy.columns), probability)
