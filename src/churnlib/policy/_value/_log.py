"""A log of decisions as arrays that have been looked at: what was done, how probable it was, what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import as_floats, named_churn, named_rows
from churnlib._frames import read_columns
from churnlib._typing import Array, FloatArray, IntArray
from churnlib.exceptions import DataError, ParameterError, SchemaError, message, nearest, some
from churnlib.policy._value._matching import CUSTOMER, DAYS, places

__all__ = ["DecisionLog", "as_pandas", "column_of", "days_of", "no_action_of", "numbers_of", "read_log"]

_NONE = ("none", "control", False)
_ZERO = ((0, 1), ("0", "1"))


@dataclass(frozen=True, slots=True, eq=False)
class DecisionLog:
    """One row for each decision, in the order of the log.

    `taken` are codes into `actions`, the first of which is no action at all if there is such a one (`none`).
    `owner` are codes of the customers, `labels` who they are, and `days` when each decision was made; None where the
    log does not say.
    """

    frame: pd.DataFrame
    actions: tuple[Any, ...]
    none: Any
    taken: IntArray
    propensity: FloatArray
    outcome: FloatArray
    owner: IntArray
    n_customers: int
    labels: pd.Index[Any] | None
    days: pd.Series[Any] | None

    def __len__(self) -> int:
        return len(self.taken)


def read_log(
    log: Any,
    *,
    outcome: Any,
    action: str = "action",
    propensity: str = "propensity",
    customer: Any = None,
    none: Any = None,
) -> DecisionLog:
    """Check the columns of a log of decisions."""
    frame = as_pandas(log, "log")
    if not len(frame):
        raise DataError(
            message("the log has no rows", "a policy is judged by past decisions", "check the filter that left none")
        )
    taken, actions, base = _actions(column_of(frame, action, "action"), none)
    labels = _customers(frame, customer)
    owner = np.arange(len(frame)) if labels is None else pd.factorize(labels)[0]
    if (owner < 0).any():
        raise DataError(
            message(
                f"{int((owner < 0).sum()):,} of {len(frame):,} rows have no customer ({named_rows(owner < 0)})",
                "rows of one customer are one draw",
                "leave out rows without an id, and count them",
            )
        )
    return DecisionLog(
        frame,
        actions,
        base,
        taken,
        _propensities(frame, propensity),
        _outcomes(frame, outcome, labels, days_of(frame)),
        owner.astype(np.int64),
        int(owner.max()) + 1,
        labels,
        days_of(frame),
    )


def as_pandas(frame: Any, name: str) -> pd.DataFrame:
    """Return any frame as a pandas frame; a pandas frame keeps its index."""
    held = getattr(frame, "frame", None)  # a plan, or the log of several
    for found in (frame, held):
        if isinstance(found, pd.DataFrame):
            return found
    from churnlib._frames import column_names

    names = column_names(frame)
    columns = read_columns(frame, {f"{name}[{column!r}]": column for column in names})
    values = (column.to_pandas() if hasattr(column, "to_pandas") else column for column in columns.values())
    return pd.DataFrame(dict(zip(names, values, strict=True)))


def column_of(frame: pd.DataFrame, name: str, role: str) -> pd.Series[Any]:
    """Return a column, or a level of the index, by its name."""
    if name in frame.columns:
        column = frame[name]
        if isinstance(column, pd.Series):
            return column
        raise SchemaError(
            message(f"the column {name!r} stands {column.shape[1]} times in the log", "column names are distinct")
        )
    if name in frame.index.names:
        return pd.Series(frame.index.get_level_values(name), index=frame.index)
    raise SchemaError(
        message(
            f"the log has no column {name!r} for {role}= ({nearest(name, [str(n) for n in frame.columns])})",
            "a log of decisions holds what was done, the probability of doing it, and what came of it",
            f"{role}='...', or log.rename(columns={{'...': {name!r}}})",
        )
    )


def days_of(frame: pd.DataFrame) -> pd.Series[Any] | None:
    """Return when each row was decided, if the frame holds times."""
    for name in DAYS:
        if name in frame.columns or name in frame.index.names:
            column = column_of(frame, name, name)
            return column if column.dtype.kind == "M" else None
    return None


def _actions(column: pd.Series[Any], none: Any) -> tuple[IntArray, tuple[Any, ...], Any]:
    missing = column.isna().to_numpy()
    if missing.any():
        raise DataError(
            message(
                f"{int(missing.sum()):,} of {len(column):,} rows have no action ({named_rows(missing)})",
                "not to act is an action too",
                "log['action'] = log['action'].fillna('none'), if nothing was done there",
            )
        )
    found = sorted(pd.unique(column).tolist(), key=lambda name: (str(type(name)), name))
    base = no_action_of(found, none)
    actions = tuple(sorted(found, key=lambda name: name != base))
    return pd.Index(actions).get_indexer(column).astype(np.int64), actions, base


def no_action_of(found: list[Any], none: Any) -> Any:
    """Return the action that is none, or None where no action is.

    A 0 is one beside nothing but a 1: among more numbers it may be an item or a branch like the others.
    """
    if none is None:
        usual = [*_NONE, *(zero for zero, one in _ZERO if all(_is(name, zero) or _is(name, one) for name in found))]
        return next((name for one in usual for name in found if _is(name, one)), None)
    if none not in found:
        raise ParameterError(
            message(
                f"none={none!r} is no action of the log ({nearest(none, found)})",
                f"the actions are {some(map(repr, found))}",
                f"none={found[0]!r}",
            )
        )
    return none


def _is(name: Any, usual: Any) -> bool:
    return type(name) is type(usual) and bool(name == usual)


def _propensities(frame: pd.DataFrame, name: str) -> FloatArray:
    values = numbers_of(column_of(frame, name, "propensity"), "propensity")
    wrong = ~((values > 0) & (values <= 1))
    if wrong.any():
        missing = int(np.isnan(values).sum())
        raise DataError(
            message(
                f"{int(wrong.sum()):,} of {len(values):,} propensities are not above 0 and up to 1, {missing:,} of "
                f"them missing ({named_rows(wrong)})",
                "the probability with which the logged action was chosen is needed; it cannot be made up afterwards, "
                "and what was done had a chance above 0",
                "leave such rows out and say so; next time write down plan.propensities with the plan",
            )
        )
    return values


def _outcomes(
    frame: pd.DataFrame, outcome: Any, customers: pd.Index[Any] | None, days: pd.Series[Any] | None
) -> FloatArray:
    if isinstance(outcome, str):
        column = column_of(frame, outcome, "outcome")
    elif isinstance(outcome, pd.Series) and CUSTOMER in outcome.index.names and customers is not None:
        column = _by_customer(outcome, frame, customers, days)
    else:
        column = _by_position(outcome, frame, "outcome")
    name = named_churn(column)
    if name is not None:
        raise DataError(
            message(
                f"the outcome is named {name!r}, where 1 is bad",
                "the value of a policy is larger where it is better",
                f"log['retained'] = 1 - log[{name!r}], and outcome='retained'",
            )
        )
    values = numbers_of(column, "outcome")
    wrong = ~np.isfinite(values)
    if wrong.any():
        raise DataError(
            message(
                f"{int(wrong.sum()):,} of {len(values):,} outcomes are missing or infinite ({named_rows(wrong)})",
                "everybody about whom was decided counts, those who could not be reached too",
                "leave out rows whose outcome is not mature yet, and count them",
            )
        )
    return values


def numbers_of(values: Any, name: str) -> FloatArray:
    """Return numbers, NaN where one is missing; a text that is no number is an error."""
    column = values if isinstance(values, pd.Series) else pd.Series(values)
    try:
        return as_floats(column.to_numpy(dtype=np.float64, na_value=np.nan) if column.dtype.kind != "M" else column)
    except (TypeError, ValueError) as error:
        raise DataError(
            message(f"{name} cannot be read as numbers ({error})", "one number per row", f"pd.to_numeric({name})")
        ) from None


def _customers(frame: pd.DataFrame, customer: Any) -> pd.Index[Any] | None:
    if customer is None:
        if CUSTOMER not in frame.columns and CUSTOMER not in frame.index.names:
            return None
        customer = CUSTOMER
    named = isinstance(customer, str)
    column = column_of(frame, customer, "customer") if named else _by_position(customer, frame, "customer")
    found: pd.Index[Any] = pd.Index(column)
    return found


def _by_customer(
    outcome: pd.Series[Any], frame: pd.DataFrame, customers: pd.Index[Any], days: pd.Series[Any] | None
) -> pd.Series[Any]:
    found = places(outcome.index, frame.index, customers, days)
    if found is None:
        absent = ~customers.isin(outcome.index.get_level_values(CUSTOMER))
        raise DataError(
            message(
                f"outcome lacks {int(absent.sum()):,} of {len(frame):,} rows of the log ({some(customers[absent])})"
                if absent.any()
                else "outcome holds customers several times, and not at the days of the log",
                "everybody about whom was decided counts, those too who left before anything could come of it",
                "outcome of everybody in the log, one for each decision",
            )
        )
    if len(np.unique(found)) < len(found):
        raise DataError(
            message(
                f"outcome has {len(outcome):,} values for {len(frame):,} decisions",
                "what came of a customer would count once for each day on which something was decided",
                "outcome by customer_id and on, one for each decision",
            )
        )
    return outcome.iloc[found].set_axis(frame.index)


def _by_position(values: Any, frame: pd.DataFrame, name: str) -> pd.Series[Any]:
    if isinstance(values, pd.Series) and not values.index.equals(frame.index) and len(values) == len(frame):
        raise DataError(
            message(
                f"log and {name} have different indexes", "rows are paired one by one", f"{name}.reindex(log.index)"
            )
        )
    array: Array = np.asarray(values)
    if array.shape != (len(frame),):
        raise DataError(
            message(
                f"{name} has shape {array.shape} and the log {len(frame):,} rows",
                f"one {name} for each row is needed",
                f"{name}={name}.loc[log.index]",
            )
        )
    return values if isinstance(values, pd.Series) else pd.Series(array, index=frame.index)
