"""What became of each row, how it was treated and with what chance, packed into one array."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import as_floats, check_one_order, named_churn, named_rows
from churnlib._typing import Array, ArrayLike, FloatArray
from churnlib.exceptions import DataError, ParameterError, message, some
from churnlib.targets._survival_rows import read_survival_target
from churnlib.targets._uplift_arms import arms_of
from churnlib.targets._uplift_chances import chances_of

__all__ = ["uplift_target"]

_OUTCOMES = ("retained", "value", "churned", "survival")


def uplift_target(
    *,
    retained: ArrayLike | None = None,
    value: ArrayLike | None = None,
    churned: ArrayLike | None = None,
    survival: ArrayLike | None = None,
    treatment: ArrayLike,
    propensity: ArrayLike | pd.DataFrame | Mapping[Any, float] | None = None,
) -> Array:
    """Pack outcome, treatment and propensity of each row into one array.

    scikit-learn slices it like any y, and its fields travel along, through pipelines, searches and
    cross-validation. The name of the outcome says its sign: whatever is given, larger is better in the
    array, and a positive uplift is good.

    It assumes that the treatment of a row is what it was *assigned*, reached or not, and that the outcome was watched
    from the assignment on.

    Parameters
    ----------
    retained : array-like of shape (n_rows,), default=None
        1 or True for customers who stayed, 0 for those who left. Exactly one of the four outcomes is given.
    value : array-like of shape (n_rows,), default=None
        What each row was worth: an amount, purchases, or any other number of which more is better.
    churned : array-like of shape (n_rows,), default=None
        1 or True for customers who left; the array holds ``1 - churned``.
    survival : structured array of shape (n_rows,), default=None
        Whether and when customers left, as `survival_target` makes it, times counted from the assignment.
    treatment : array-like of shape (n_rows,)
        The arm of each row: 0 or 1, whole numbers with 0 as the control, or names such as ``"control"`` and
        ``"call"``.
    propensity : float, array-like, mapping or dataframe, default=None
        The chance of each arm when treatment was decided, above 0 and below 1. For one treatment a number, or one for
        each row: the chance to be treated. For several an array of shape (n_rows, n_arms), control
        first and the others sorted; or a mapping or frame by the arms' names, in any order. None: the learner is told.

    Returns
    -------
    structured array of shape (n_rows,)
        Fields ``outcome`` (float64), or ``event``, ``time`` and, with delayed entry, ``entry``; ``treatment`` (int8
        for 0 and 1, int16 for other whole numbers, else text); and, if given, ``propensity``: float64, the
        chance to be treated, or for several treatments a vector, control first and the others sorted.

    Raises
    ------
    ParameterError
        If not exactly one outcome is given, or `propensity` is no chance or a text.
    SchemaError
        If the columns or keys of `propensity` are not the arms.
    DataError
        If lengths differ, Series hold the same labels in different orders, a value is missing or infinite, an outcome
        other than ``churned`` is a Series named so, or the chances of a row do not add up to 1.

    See Also
    --------
    read_uplift_target : The way back.

    Examples
    --------
    >>> uplift_target(churned=[0, 1], treatment=[1, 0], propensity=0.5)
    array([(1., 1, 0.5), (0., 0, 0.5)],
          dtype=[('outcome', '<f8'), ('treatment', 'i1'), ('propensity', '<f8')])

    Several arms, drawn with different chances:

    >>> shares = {"call": 0.2, "control": 0.5, "email": 0.3}
    >>> y = uplift_target(value=[12.5, 0.0], treatment=["email", "control"], propensity=shares)
    >>> y["treatment"].tolist(), y["propensity"][0].tolist()
    (['email', 'control'], [0.5, 0.2, 0.3])
    """
    given = {
        name: values
        for name, values in zip(_OUTCOMES, (retained, value, churned, survival), strict=True)
        if values is not None
    }
    if len(given) != 1:
        raise ParameterError(
            message(
                f"{len(given)} outcomes are given ({some(given) or 'none'})",
                f"exactly one of {some(_OUTCOMES)}, whose name says what it is",
                "uplift_target(retained=data.retained, treatment=treated)",
            )
        )
    name, values = next(iter(given.items()))
    check_one_order({name: values, "treatment": treatment, "propensity": propensity})
    fields = _outcome(name, values)
    n_rows = len(next(iter(fields.values())))
    fields["treatment"] = arms_of(treatment, n_rows)
    if propensity is not None:
        _refuse_text(propensity)
        chances = chances_of(propensity, np.unique(fields["treatment"]).tolist(), n_rows)
        fields["propensity"] = chances[:, 1] if chances.shape[1] == 2 else chances
    target = np.empty(n_rows, dtype=[(field, held.dtype, held.shape[1:]) for field, held in fields.items()])
    for field, held in fields.items():
        target[field] = held
    return target


def _refuse_text(propensity: Any) -> None:
    if isinstance(propensity, str):
        raise ParameterError(
            message(
                f"propensity is {propensity!r}",
                "a target holds chances that are known",
                "leave it out here and ask the learner: DRLearner(propensity='estimate')",
            )
        )


def _outcome(name: str, values: Any) -> dict[str, Array]:
    if name == "survival":
        rows = read_survival_target(values)
        event = rows.event.astype(np.int16) if rows.several_causes else rows.event.astype(bool)
        entry: dict[str, Array] = {} if rows.entry is None else {"entry": rows.entry}
        return {"event": event, "time": rows.time, **entry}
    if name != "churned":
        refuse_churn(values, name)
    numbers = outcome_numbers(values, name)
    if name == "value":
        return {"outcome": numbers}
    neither = (numbers != 0) & (numbers != 1)
    if neither.any():
        raise DataError(
            message(
                f"{int(neither.sum())} of {numbers.size} values of {name} are neither 0 nor 1 ({named_rows(neither)})",
                "somebody stayed or left",
                "value= where the outcome is an amount",
            )
        )
    return {"outcome": 1.0 - numbers if name == "churned" else numbers}


def refuse_churn(outcome: Any, name: str) -> None:
    """Refuse an outcome that by its name says 1 is bad."""
    called = named_churn(outcome)
    if called is not None:
        raise DataError(
            message(
                f"{name} is a Series named {called!r}, where 1 is bad",
                "uplift is the effect on retention: larger outcomes are better",
                "data.retained instead of data.y, or uplift_target(churned=...), which turns it",
            )
        )


def outcome_numbers(values: Any, name: str) -> FloatArray:
    """Return one finite number for each row."""
    try:
        numbers = as_floats(values)
    except (TypeError, ValueError) as error:
        raise DataError(
            message(f"{name} cannot be read as numbers ({error})", "one number for each row", "pd.to_numeric(values)")
        ) from None
    if numbers.ndim == 2 and numbers.shape[1] == 1:
        numbers = numbers[:, 0]
    if numbers.ndim != 1:
        raise DataError(message(f"{name} has shape {numbers.shape}", "one number for each row"))
    if not numbers.size:
        raise DataError(message(f"{name} has no rows", "at least one", "check the filter that left no row"))
    lacking = ~np.isfinite(numbers)
    if lacking.any():
        raise DataError(
            message(
                f"{int(lacking.sum())} of {numbers.size} values of {name} are missing or infinite "
                f"({named_rows(lacking)})",
                "every row has an outcome",
                "leave out rows whose outcome is not mature yet, and count them",
            )
        )
    return numbers
