"""What each action would have brought, as a model of outcomes sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import as_floats, named_rows
from churnlib._sklearn import clone
from churnlib._typing import BoolArray, FloatArray, IntArray
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, SchemaError, message, some
from churnlib.policy._value._choice import aligned
from churnlib.policy._value._log import DecisionLog

__all__ = ["Outlook", "features_of", "outlook"]


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """Predicted outcomes of shape (rows, actions), NaN where nothing is known, and where they come from."""

    values: FloatArray
    words: str


def features_of(X: Any, log: DecisionLog) -> Any:
    """Return the features of each row: a frame like the log, or columns of it."""
    if X is None:
        return None
    if isinstance(X, (list, tuple)) and all(isinstance(name, str) for name in X):
        absent = [name for name in X if name not in log.frame.columns]
        if absent:
            raise SchemaError(
                message(
                    f"the log has no column {some(map(repr, absent))}",
                    f"X names columns of the log, which are {some(log.frame.columns, 12)}",
                    "X=features.loc[log.index]",
                )
            )
        return log.frame[list(X)]
    if isinstance(X, pd.DataFrame):
        return pd.DataFrame(aligned(X, log, "X"), columns=X.columns, index=log.frame.index).astype(X.dtypes)
    return aligned(X, log, "X")


def outlook(
    log: DecisionLog, actions: tuple[Any, ...], *, q: Any, model: Any, X: Any, folds: int, chosen: BoolArray
) -> Outlook:
    """Read predicted outcomes, or fit a model of them on the customers of the other folds.

    `chosen` says which actions some policy may choose; those need an outlook.
    """
    if q is not None and model is not None:
        raise ParameterError(message("both q and outcome_model are given", "one of them is used", "outcome_model=None"))
    if q is not None:
        return Outlook(_given(q, log, actions, chosen), "outcomes as given in q")
    if model is not None and X is None:
        raise ParameterError(
            message(
                "outcome_model has no features to learn from",
                "what was known before the decision is needed for each row",
                "X=['tenure', 'spend'], or X=features.loc[log.index]",
            )
        )
    unseen = [name for name, needed in zip(actions, chosen, strict=True) if needed and name not in log.actions]
    if unseen:
        raise DataError(
            message(
                f"the policy chooses {some(map(repr, unseen))}, which the log never does",
                "of what was never tried nobody knows what it brings",
                "q= with outcomes that you vouch for, or try it on a few customers first: allocate(..., explore=0.05)",
            )
        )
    fold = _folds(log, folds)
    values = np.full((len(log), len(actions)), np.nan)
    for code in range(len(log.actions)):
        values[:, code] = _out_of_fold(log, code, model, X, fold)
    named = "the mean outcome of each action" if model is None else type(model).__name__
    return Outlook(values, f"outcomes by {named}, fitted on other customers")


def _given(q: Any, log: DecisionLog, actions: tuple[Any, ...], chosen: BoolArray) -> FloatArray:
    if hasattr(q, "outcomes") and hasattr(q, "arms"):  # doubly robust scores, and what they were made of
        q = pd.DataFrame(np.asarray(q.outcomes), columns=list(q.arms), index=log.frame.index)
    if not isinstance(q, pd.DataFrame):
        values = as_floats(aligned(q, log, "q"))
        if values.shape != (len(log), len(actions)):
            raise DataError(
                message(
                    f"q has shape {values.shape}",
                    f"{len(log):,} rows and a column for each of {some(map(repr, actions))} are needed",
                    "q=pd.DataFrame(..., index=log.index, columns=actions)",
                )
            )
        frame = pd.DataFrame(values, columns=list(actions))
    else:
        frame = pd.DataFrame(aligned(q, log, "q"), columns=q.columns)
    needed = [name for code, name in enumerate(actions) if chosen[code] or name in log.actions]
    absent = [name for name in needed if name not in frame.columns]
    if absent:
        raise SchemaError(
            message(
                f"q has no column for {some(map(repr, absent))}",
                "a predicted outcome is needed for each action of the log and of the policy",
                "q=pd.DataFrame({action: model.predict(X) for action, model in models.items()}, index=log.index)",
            )
        )
    values = as_floats(frame.reindex(columns=list(actions)).to_numpy())
    wrong: BoolArray = np.asarray(~np.isfinite(values[:, [name in needed for name in actions]]).all(axis=1))
    if wrong.any():
        raise DataError(
            message(
                f"in {int(wrong.sum()):,} of {len(log):,} rows q is missing or infinite ({named_rows(wrong)})",
                "a predicted outcome for each action is needed in each row",
            )
        )
    return values


def _folds(log: DecisionLog, folds: int) -> IntArray:
    """Customers dealt into folds, by a hash where they have names, so that no fold learns from whom it judges."""
    from churnlib.model_selection._customer_parts import customer_parts

    labels = pd.Index(log.owner) if log.labels is None else log.labels
    return customer_parts(labels, min(folds, log.n_customers))


def _out_of_fold(log: DecisionLog, code: int, model: Any, X: Any, fold: IntArray) -> FloatArray:
    predicted = np.empty(len(log))
    own = log.taken == code
    for part in range(int(fold.max()) + 1):
        learn, judge = own & (fold != part), fold == part
        if not learn.any():
            raise DataError(
                message(
                    f"action {log.actions[code]!r} was taken in {int(own.sum()):,} rows, all of them in one fold",
                    "an outcome is predicted for customers whom the model has not seen",
                    "q= with outcomes from elsewhere, estimator='snips', or actions merged into one",
                )
            )
        if model is None:
            predicted[judge] = log.outcome[learn].mean()
        else:
            predicted[judge] = _fit_predict(model, X, log.outcome, learn, judge)
    return predicted


def _fit_predict(model: Any, X: Any, outcome: FloatArray, learn: BoolArray, judge: BoolArray) -> FloatArray:
    def rows(chosen: BoolArray) -> Any:
        return X.iloc[np.flatnonzero(chosen)] if isinstance(X, pd.DataFrame) else X[chosen]

    if not hasattr(model, "fit") or not hasattr(model, "predict"):
        raise ParameterTypeError(
            message(
                f"outcome_model is a {type(model).__name__}",
                "a scikit-learn regressor, or a classifier for outcomes of 0 and 1, is needed",
                "outcome_model=HistGradientBoostingRegressor()",
            )
        )
    y = outcome[learn]
    if len(np.unique(y)) == 1:  # no classifier learns from one class
        return np.full(int(judge.sum()), y[0])
    fitted = clone(model)
    fitted.fit(rows(learn), y)
    if not hasattr(fitted, "predict_proba"):
        return np.asarray(fitted.predict(rows(judge)), dtype=np.float64)
    classes = np.asarray(fitted.classes_, dtype=np.float64)
    return np.asarray(fitted.predict_proba(rows(judge)), dtype=np.float64) @ classes
