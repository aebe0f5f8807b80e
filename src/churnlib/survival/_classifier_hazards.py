"""Any scikit-learn classifier as a model of the hazard: it learns from person-periods with columns of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnlib._sklearn import BaseEstimator, validate_data
from churnlib._typing import Array, FloatArray, IntArray
from churnlib.exceptions import DataError, ParameterError, SchemaError, message, some
from churnlib.survival._clocks import Clock
from churnlib.survival._hazard_model import part_of
from churnlib.survival._periods import Periods

__all__ = ["ClassifierHazards", "fit_classifier", "frame_of", "refuse_reserved"]

_RESERVED = "clock."


@dataclass(frozen=True, slots=True, eq=False)
class ClassifierHazards:
    """The hazards of a fitted classifier.

    Parameters
    ----------
    estimator : classifier
        Fitted on person-periods.
    clock : Clock
        Features of time.
    outcomes : tuple of int
        What the columns of its probabilities stand for: 0 stays, k leaves by cause k.
    n_causes : int
        How many causes there are.
    """

    estimator: Any
    clock: Clock
    outcomes: tuple[int, ...]
    n_causes: int

    @property
    def all_gone_after(self) -> float:
        """No period in which everybody leaves: a classifier is never sure."""
        return np.inf

    def hazards(self, X: Any, contract: FloatArray | None, begin: IntArray, width: int) -> FloatArray:
        """Return the hazard by cause of the next periods of each row.

        Parameters
        ----------
        X : array or frame of shape (n_rows, n_features)
            Features, without the column of the contract.
        contract : ndarray of shape (n_rows,) or None
            The column of the contract.
        begin : ndarray of shape (n_rows,)
            Periods that lie behind each row.
        width : int
            How many periods.

        Returns
        -------
        ndarray of shape (n_rows, n_causes, width)
            In [0, 1].
        """
        n = len(begin)
        periods = np.minimum(begin[:, None] + np.arange(1, width + 1), self.clock.n_periods).ravel()
        rows = np.repeat(np.arange(n), width)
        stated = self.estimator.predict_proba(with_clock(X, contract, rows, periods, self.clock))
        out = np.zeros((n, self.n_causes, width))
        for column, outcome in enumerate(self.outcomes):
            if outcome:
                out[:, outcome - 1] = np.asarray(stated[:, column], dtype=np.float64).reshape(n, width)
        return np.clip(out, 0.0, 1.0)


def fit_classifier(
    estimator: Any,
    X: Any,
    contract: FloatArray | None,
    periods: Periods,
    weight: FloatArray,
    clock: Clock,
    *,
    n_causes: int,
) -> ClassifierHazards:
    """Fit a classifier on the person-periods of all rows.

    Parameters
    ----------
    estimator : classifier
        Not yet fitted; it is fitted in place.
    X : array or frame of shape (n_rows, n_features)
        Features, without the column of the contract.
    contract : ndarray of shape (n_rows,) or None
        The column of the contract.
    periods : Periods
        Where each row was watched, and what happened.
    weight : ndarray of shape (n_rows,)
        How many customers a row stands for.
    clock : Clock
        Features of time.
    n_causes : int
        How many causes there are.

    Returns
    -------
    ClassifierHazards
        The fitted classifier, ready to be asked.

    Raises
    ------
    DataError
        If everybody leaves in the first period watched.
    ParameterError
        If weights are needed and the classifier takes none.
    """
    cells = periods.expand(slice(0, len(periods)))
    outcomes, target = np.unique(cells.outcome, return_inverse=True)
    if len(outcomes) < 2:
        raise DataError(
            message(
                f"all {len(target)} person-periods end with a churn",
                "some that a customer survived",
                "a shorter period",
            )
        )
    whole = cells.weight * weight[cells.row]
    rows = with_clock(X, contract, cells.row, cells.period, clock)
    estimator.fit(rows, target.reshape(-1), **_weights_for(estimator, whole))
    return ClassifierHazards(estimator, clock, tuple(int(outcome) for outcome in outcomes), n_causes)


def with_clock(X: Any, contract: FloatArray | None, rows: IntArray, periods: IntArray, clock: Clock) -> Any:
    """Return rows of X beside the features of time.

    Parameters
    ----------
    X : array or frame of shape (n_rows, n_features)
        Features.
    contract : ndarray of shape (n_rows,) or None
        The column of the contract.
    rows, periods : ndarray of shape (n_cells,)
        The person-periods.
    clock : Clock
        Features of time.

    Returns
    -------
    array or frame of shape (n_cells, n_features + n_columns)
        A frame where X is one.
    """
    columns = clock.columns(periods, None if contract is None else contract[rows])
    if isinstance(X, pd.DataFrame):
        taken = part_of(X, rows).reset_index(drop=True)
        return pd.concat([taken.set_axis([str(name) for name in X.columns], axis=1), pd.DataFrame(columns)], axis=1)
    return np.column_stack([X[rows], *columns.values()])


def frame_of(estimator: BaseEstimator, X: Any, *, reset: bool) -> Any:
    """Check names and number of features, and return a pandas frame or an array that can be sliced by rows.

    Parameters
    ----------
    estimator : estimator
        Where the names are kept.
    X : array or frame of shape (n_rows, n_features)
        Features of any dtype.
    reset : bool
        True in `fit`.

    Returns
    -------
    DataFrame or ndarray
        The same rows.
    """
    if hasattr(X, "columns") and not isinstance(X, pd.DataFrame) and hasattr(X, "to_pandas"):
        X = X.to_pandas()
    if isinstance(X, pd.DataFrame):
        return validate_data(estimator, X, reset=reset, skip_check_array=True)
    return validate_data(estimator, X, reset=reset, dtype=None, ensure_all_finite=False)


def refuse_reserved(X: Any) -> None:
    """Refuse columns whose names are those of the clock.

    Parameters
    ----------
    X : array or frame of shape (n_rows, n_features)
        Features.

    Raises
    ------
    SchemaError
        If a name begins with ``clock.``.
    """
    taken = [name for name in getattr(X, "columns", []) if str(name).startswith(_RESERVED)]
    if taken:
        raise SchemaError(
            message(
                f"{len(taken)} columns of X have names that the clock uses ({some(taken)})",
                f'names that do not begin with "{_RESERVED}"',
                f"X.rename(columns={{{taken[0]!r}: {str(taken[0]).replace('.', '_')!r}}})",
            )
        )


def _weights_for(estimator: Any, weight: FloatArray) -> dict[str, Array]:
    from sklearn.pipeline import Pipeline
    from sklearn.utils.validation import has_fit_parameter

    if (weight == 1).all():
        return {}
    last, prefix = (
        (estimator.steps[-1][1], f"{estimator.steps[-1][0]}__") if isinstance(estimator, Pipeline) else (estimator, "")
    )
    if not has_fit_parameter(last, "sample_weight"):
        raise ParameterError(
            message(
                f"{type(last).__name__} takes no sample_weight, and person-periods have weights",
                "a classifier that takes them, or rows of weight 1 whose times and entries are whole periods",
                "DiscreteTimeHazard() with its own logistic model, or SurvivalBooster()",
            )
        )
    return {f"{prefix}sample_weight": weight}
