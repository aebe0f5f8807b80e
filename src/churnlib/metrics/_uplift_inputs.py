"""Outcomes, treatment and its propensity as arrays that have been looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from churnlib._checks import as_floats, check_number, named_churn, named_rows
from churnlib._typing import ArrayLike, BoolArray, FloatArray
from churnlib.exceptions import DataError, ParameterError, message, some
from churnlib.metrics import _arrays

__all__ = ["Experiment", "Propensity", "checked_share", "read_experiment", "read_numbers", "read_table"]

Propensity: TypeAlias = "ArrayLike | Literal['estimate'] | None"

_FIXES = {
    "outcome": "leave out rows whose outcome is not mature yet, and count them",
    "score": "score every row, or leave these rows out on purpose and say so",
    "treatment": "leave out rows of which nobody knows whether they were treated, and count them",
    "propensity": "propensity=0.5 if half of all rows were drawn by lot to be treated",
    "effect": "leave out rows whose effect is not known, and count them",
}


@dataclass(frozen=True, slots=True, eq=False)
class Experiment:
    """What became of treated and untreated rows.

    `propensity` is the chance of each row to be treated, or None where no metric asks for it;
    `estimated` says that it is the share of treated rows, and so carries an error of its own.
    """

    outcome: FloatArray
    treated: BoolArray
    propensity: FloatArray | None
    estimated: bool
    weight: FloatArray
    weighted: bool


def read_experiment(
    outcome: ArrayLike,
    *,
    treatment: ArrayLike | None,
    propensity: Propensity,
    sample_weight: ArrayLike | None = None,
    needs_propensity: bool = True,
) -> Experiment:
    """Return outcome, treatment, propensity and weights, of one length and without gaps."""
    _larger_is_better(outcome)
    outcomes = read_numbers(outcome, "outcome")
    if not outcomes.size:
        raise DataError(
            message("there are no rows", "a metric needs at least one", "check the filter that left no row")
        )
    infinite = np.isinf(outcomes)
    if infinite.any():
        raise DataError(
            message(
                f"{int(infinite.sum())} of {outcomes.size} outcomes are infinite ({named_rows(infinite)})",
                "an outcome is 1 for retained and 0 for lost, or an amount",
                "outcome=outcome.replace([np.inf, -np.inf], np.nan), and leave out the rows this marks",
            )
        )
    treated = _treated(treatment, outcomes.size)
    weight, _ = _arrays.weights(sample_weight, outcomes.size)
    _both_arms(treated, weight)
    chance = _propensity(propensity, treated, weight) if needs_propensity else None
    estimated = needs_propensity and isinstance(propensity, str)
    return Experiment(outcomes, treated, chance, estimated, weight, sample_weight is not None)


def read_numbers(values: ArrayLike, name: str, n_rows: int | None = None) -> FloatArray:
    """Return one number for each row; infinities are let through."""
    try:
        numbers = as_floats(values)
    except (TypeError, ValueError) as error:
        raise DataError(
            message(f"{name} cannot be read as numbers ({error})", "one number per row", "pd.to_numeric(values)")
        ) from error
    if numbers.ndim == 2 and numbers.shape[1] == 1:
        numbers = numbers[:, 0]
    if numbers.ndim != 1:
        raise DataError(
            message(
                f"{name} has shape {numbers.shape}",
                "one number for each row",
                "with several treatments compare one at a time with the control: score[:, 0]",
            )
        )
    if n_rows is not None and numbers.size != n_rows:
        raise DataError(
            message(
                f"{name} has {numbers.size} rows and the outcome {n_rows}",
                "one of each for every row",
                "take both from the same rows: outcome.loc[X.index] beside learner.predict(X)",
            )
        )
    missing = np.isnan(numbers)
    if missing.any():
        raise DataError(
            message(
                f"{int(missing.sum())} of {numbers.size} values of {name} are NaN ({named_rows(missing)})",
                "every row needs a number",
                _FIXES[name],
            )
        )
    return numbers


def read_table(values: ArrayLike, name: str) -> FloatArray:
    """Return numbers of one column for each treatment, without gaps; of one treatment as a column too."""
    try:
        table = as_floats(values)
    except (TypeError, ValueError) as error:
        raise DataError(
            message(f"{name} cannot be read as numbers ({error})", "one number per row and treatment", "astype(float)")
        ) from error
    if table.ndim == 1:
        table = table[:, None]
    if table.ndim != 2 or not table.size:
        raise DataError(
            message(f"{name} has shape {table.shape}", "a column for each treatment, a row for each customer")
        )
    wrong = np.asarray(~np.isfinite(table).all(axis=1))
    if wrong.any():
        raise DataError(
            message(
                f"{name} is NaN or infinite in {int(wrong.sum())} of {len(table)} rows ({named_rows(wrong)})",
                "a number for each row and treatment",
                "leave these rows out, and count them",
            )
        )
    return table


def _larger_is_better(outcome: Any) -> None:
    name = named_churn(outcome)
    if name is not None:
        raise DataError(
            message(
                f"the outcome is named {name!r}",
                "uplift is the effect on retention: larger outcomes are better",
                f"outcome=(1 - {name}).rename('retained')",
            )
        )


def _treated(treatment: ArrayLike | None, n_rows: int) -> BoolArray:
    if treatment is None:
        raise ParameterError(
            message(
                "treatment is None",
                "an effect is the difference between treated and untreated rows",
                "treatment=1 for rows that were treated and 0 for the control, one number per row",
            )
        )
    given = read_numbers(treatment, "treatment", n_rows)
    wrong = (given != 0) & (given != 1)
    if wrong.any():
        raise DataError(
            message(
                f"{int(wrong.sum())} of {n_rows} treatments are neither 0 nor 1 "
                f"(first: {some(np.unique(given[wrong]), 3)})",
                "1 is treated and 0 the control",
                "with several treatments compare one at a time: rows = np.isin(arm, [control, 'call'])",
            )
        )
    return given.astype(bool)


def _both_arms(treated: BoolArray, weight: FloatArray) -> None:
    counted = weight > 0
    n_rows, n_treated = np.count_nonzero(counted), np.count_nonzero(counted & treated)
    if n_treated in {0, n_rows}:
        raise DataError(
            message(
                f"all {n_rows} rows are {'treated' if n_treated else 'untreated'}",
                "an effect is the difference between treated and untreated rows",
                "keep a control group: without one nobody knows what the treatment did",
            )
        )


def _propensity(propensity: Propensity, treated: BoolArray, weight: FloatArray) -> FloatArray:
    n_rows = treated.size
    if propensity is None:
        raise ParameterError(
            message(
                "propensity is None",
                "the chance of each row to be treated is needed; it is never guessed",
                "propensity=0.5 for one half drawn by lot, the logged chances, or propensity='estimate' "
                "to take the share of treated rows of a randomised trial",
            )
        )
    if isinstance(propensity, str):
        if propensity != "estimate":
            raise ParameterError(
                message(
                    f"propensity is {propensity!r}",
                    "a chance, one chance per row, or 'estimate'",
                    "propensity='estimate'",
                )
            )
        return np.full(n_rows, float((weight * treated).sum() / weight.sum()))
    if np.ndim(propensity) == 0:
        given = np.asarray(propensity)
        chance = float(given) if given.dtype.kind in "iuf" else float("nan")
        if not 0 < chance < 1:
            raise ParameterError(
                message(
                    f"propensity is {propensity!r}",
                    "the chance to be treated lies above 0 and below 1",
                    "propensity=0.5 for one half drawn by lot",
                )
            )
        return np.full(n_rows, chance)
    chances = read_numbers(propensity, "propensity", n_rows)
    certain = (chances <= 0) | (chances >= 1)
    if certain.any():
        raise DataError(
            message(
                f"{int(certain.sum())} of {n_rows} propensities are not between 0 and 1 "
                f"({named_rows(certain)}; first: {some(np.unique(chances[certain]), 3)})",
                "of a row that was certain to be treated, or certain not to be, nobody knows the effect",
                "leave such rows out, and say that the result is of the others: rows = (e > 0.01) & (e < 0.99)",
            )
        )
    return chances


def checked_share(k: float, name: str = "k") -> float:
    """Return the share of rows on a list if it is above 0 and at most 1."""
    if not 0 < check_number(k, name=name) <= 1:
        raise ParameterError(
            message(f"{name} is {k!r}", "a share of the rows above 0 and up to 1 is needed", f"{name}=0.1 for a tenth")
        )
    return float(k)
