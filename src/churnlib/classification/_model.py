"""One fitted scikit-learn classifier behind rows of any dtype."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit
from sklearn import get_config

from churnlib._sklearn import clone
from churnlib.classification._encoder import TableEncoder
from churnlib.classification._monotone import constrain
from churnlib.exceptions import DataError, ParameterError, message

__all__ = ["RowModel", "fit_rows", "refuse_early_stopping", "refuse_without_score"]

FloatArray = npt.NDArray[np.float64]
Watched = tuple[pd.DataFrame, npt.NDArray[np.int64], FloatArray]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class RowModel:
    """A fitted classifier with everything that stands between it and the rows.

    Parameters
    ----------
    estimator : classifier
        Fitted on target 0 and 1.
    encoder : TableEncoder or None
        None for a pipeline, which gets the rows as they come.
    preprocessor : transformer or None
        Imputation, scaling and one-hot columns, for classifiers without categories.
    names : tuple of str or None
        Column names that the classifier can bear, where it cannot bear the given ones.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from sklearn.linear_model import LogisticRegression
    >>> X = pd.DataFrame({"plan": ["a", "b"] * 20})
    >>> model = fit_rows(LogisticRegression(), X, np.array([0, 1] * 20))
    >>> model.probability(X.iloc[:2]).round(1).tolist()
    [0.1, 0.9]
    """

    estimator: Any
    encoder: TableEncoder | None
    preprocessor: Any = None
    names: tuple[str, ...] | None = None

    def rows(self, X: pd.DataFrame) -> Any:
        """Return the rows as the classifier wants them.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_features)
            Rows with the columns of the fit.

        Returns
        -------
        DataFrame or ndarray
            The same rows; nothing in `X` is changed.

        Examples
        --------
        >>> import numpy as np, pandas as pd
        >>> from sklearn.tree import DecisionTreeClassifier
        >>> X = pd.DataFrame({"plan": ["a", "b", "c"]})
        >>> fit_rows(DecisionTreeClassifier(), X, np.array([0, 1, 1])).rows(X).shape
        (3, 3)
        """
        if self.encoder is None:
            return X
        encoded = self.encoder.encode(X)
        if self.names is not None:
            encoded = encoded.set_axis(list(self.names), axis=1)
        return encoded if self.preprocessor is None else self.preprocessor.transform(encoded)

    def probability(self, X: pd.DataFrame) -> FloatArray:
        """Return the model's own probability of the positive class.

        A classifier that states none, such as a support vector machine, has its margin
        read as log-odds: this puts it into [0, 1] in its order, and only a calibration
        makes it a probability.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_features)
            Rows with the columns of the fit.

        Returns
        -------
        ndarray of shape (n_rows,)
            In [0, 1], before any calibration.

        Examples
        --------
        >>> import numpy as np, pandas as pd
        >>> from sklearn.dummy import DummyClassifier
        >>> X = pd.DataFrame({"a": [1.0, 2.0]})
        >>> fit_rows(DummyClassifier(), X, np.array([0, 1])).probability(X).tolist()
        [0.5, 0.5]
        """
        rows = self.rows(X)
        if not hasattr(self.estimator, "predict_proba"):
            return np.asarray(expit(self.estimator.decision_function(rows)), dtype=np.float64)
        return np.asarray(self.estimator.predict_proba(rows), dtype=np.float64)[:, 1]


def fit_rows(
    estimator: Any,
    X: pd.DataFrame,
    target: npt.NDArray[np.int64],
    weight: FloatArray | None = None,
    encoder: TableEncoder | None = None,
    *,
    watched: Watched | None = None,
) -> RowModel:
    """Fit a copy of a classifier on rows of any dtype.

    Classifiers that take pandas categoricals (xgboost with ``enable_categorical``,
    scikit-learn's histogram boosting, LightGBM) get them; a Pipeline gets the rows
    as they come, since it brings its own preparation; every other classifier gets
    numbers imputed by the median and standardised, and categories as one column each.

    Parameters
    ----------
    estimator : classifier
        Not changed: a clone is fitted.
    X : DataFrame of shape (n_rows, n_features)
        The rows.
    target : ndarray of shape (n_rows,)
        1 = positive class, 0 = not.
    weight : ndarray of shape (n_rows,), default=None
        Weight of each row.
    encoder : TableEncoder, default=None
        Roles and categories learned before, on more rows; None learns them here.
    watched : tuple of (X, target, weight), default=None
        Other rows, whose log-loss tells an xgboost classifier with
        ``early_stopping_rounds`` when to stop.

    Returns
    -------
    RowModel
        The fitted copy.

    Raises
    ------
    ParameterError
        If weights are given and the classifier takes none.
    DataError
        If `target` holds one class only.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from sklearn.linear_model import LogisticRegression
    >>> X = pd.DataFrame({"orders": [1.0, None, 3.0, 4.0]})
    >>> fit_rows(LogisticRegression(), X, np.array([1, 1, 0, 0])).probability(X).round(1).tolist()
    [0.8, 0.5, 0.5, 0.3]
    """
    if len(np.unique(target)) < 2:
        raise DataError(
            message(
                f"the {len(target):,} rows to fit on hold one class only",
                "a classifier needs churners and stayers",
                "fewer folds, or a longer history",
            )
        )
    fitted = clone(estimator)
    if _is_pipeline(fitted):
        fitted.fit(X, target, **_weight_for_pipeline(fitted, weight))
        return RowModel(fitted, None)
    known = TableEncoder.learn(X) if encoder is None else encoder
    rows = known.encode(X)
    if _needs_a_value(fitted):
        # a constant, on which it cannot split either
        rows = rows.fillna(dict.fromkeys(rows.columns[rows.isna().all()].difference(list(known.categories)), 0.0))
    names = _bearable_names(fitted, rows)
    if names is not None:
        rows = rows.set_axis(list(names), axis=1)
    preprocessor = None
    if not _takes_categories(fitted):
        preprocessor = _one_hot(rows)
        rows = preprocessor.fit_transform(rows)
    constrain(fitted, known, None if preprocessor is None else rows.shape[1])
    model = RowModel(fitted, known, preprocessor, names)
    fitted.fit(rows, target, **_weight_for(fitted, weight), **_watching(model, watched))
    return model


def _watching(model: RowModel, watched: Watched | None) -> dict[str, Any]:
    if watched is None:
        return {}
    X, target, weight = watched
    return {"eval_set": [(model.rows(X), target)], "sample_weight_eval_set": [weight], "verbose": False}


def refuse_without_score(estimator: Any, calibration: str | None) -> None:
    """Refuse a classifier that says of no row how likely it is, or says it and is not to be calibrated.

    Parameters
    ----------
    estimator : classifier
        Not fitted.
    calibration : str or None
        None leaves scores as they are.

    Raises
    ------
    ParameterError
        If it has neither ``predict_proba`` nor ``decision_function``, or only the latter and no calibration.

    Examples
    --------
    >>> from sklearn.svm import LinearSVC
    >>> refuse_without_score(LinearSVC(), "auto")
    """
    if hasattr(estimator, "predict_proba"):
        return
    name = type(estimator).__name__
    if not hasattr(estimator, "decision_function"):
        raise ParameterError(
            message(
                f"{name} states no probabilities, and has no decision_function either",
                "a classifier that says how likely each row is",
                "ChurnClassifier(LogisticRegression()), or any other with predict_proba or decision_function",
            )
        )
    if calibration is None:
        raise ParameterError(
            message(
                f"{name} states no probabilities, only margins (decision_function), and calibration is None",
                "a margin becomes a probability by a calibration",
                f"ChurnClassifier({name}(), calibration='sigmoid'), or 'auto'",
            )
        )


def refuse_early_stopping(estimator: Any) -> None:
    """Refuse an xgboost that wants rows to stop on, alone or within a pipeline.

    Parameters
    ----------
    estimator : classifier
        Not fitted.

    Raises
    ------
    ParameterError
        If its ``early_stopping_rounds`` is set, and its fit is xgboost's own.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> refuse_early_stopping(LogisticRegression())
    """
    for one in (estimator, *estimator.get_params(deep=True).values()):
        rounds = getattr(one, "early_stopping_rounds", None)
        # a class of your own whose fit brings such rows may have them
        if hasattr(one, "get_booster") and rounds is not None and type(one).fit.__module__.startswith("xgboost"):
            name = type(one).__name__
            raise ParameterError(
                message(
                    f"{name}(early_stopping_rounds={rounds!r}) stops on rows that nobody gives it",
                    "a number of trees that is fixed, or the default, whose deep candidate finds it on the folds",
                    f"{name}(early_stopping_rounds=None) with tune=Tuning(trials=5, "
                    'space={"n_estimators": [100, 200, 400]}), or estimator=None',
                )
            )


def _is_pipeline(estimator: Any) -> bool:
    from sklearn.pipeline import Pipeline

    return isinstance(estimator, Pipeline)


def _takes_categories(estimator: Any) -> bool:
    if type(estimator).__module__.startswith("lightgbm"):
        return True
    return (
        getattr(estimator, "enable_categorical", False) is True
        or getattr(estimator, "categorical_features", None) == "from_dtype"
    )


def _needs_a_value(estimator: Any) -> bool:
    """Say whether a classifier takes missing values, but fails on a column that holds nothing else."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return isinstance(estimator, HistGradientBoostingClassifier)


def _bearable_names(estimator: Any, rows: pd.DataFrame) -> tuple[str, ...] | None:
    """Return other names where xgboost or LightGBM would refuse the given ones, and None where they serve."""
    boosted = type(estimator).__module__.split(".")[0] in {"xgboost", "lightgbm"}
    given = [str(name) for name in rows.columns]
    if boosted and any(set(name) & set('[]<>{}",:') for name in given):
        return tuple(f"x{position}" for position in range(len(given)))
    # scikit-learn refuses to mix names that are text with names that are not
    if len({isinstance(name, str) for name in rows.columns}) > 1 or not isinstance(rows.columns[0], str):
        return tuple(f"x{position}" for position in range(len(given)))
    return None


def _one_hot(rows: pd.DataFrame) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    text = [name for name in rows.columns if isinstance(rows[name].dtype, pd.CategoricalDtype)]
    number = [name for name in rows.columns if name not in set(text)]
    prepare = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler())
    prepared = ColumnTransformer(
        [
            ("number", prepare, number),
            ("text", OneHotEncoder(handle_unknown="ignore", sparse_output=False), text),
        ]
    )
    # plain arrays inside, whatever the caller's global output setting is
    return prepared.set_output(transform="default")


def _weight_for(estimator: Any, weight: FloatArray | None) -> dict[str, Any]:
    from sklearn.utils.validation import has_fit_parameter

    if weight is None:
        return {}
    if not has_fit_parameter(estimator, "sample_weight"):
        raise ParameterError(
            message(
                f"{type(estimator).__name__} takes no sample_weight",
                "a classifier whose fit accepts weights",
                "fit without sample_weight, or ChurnClassifier() with its own default",
            )
        )
    return {"sample_weight": weight}


def _weight_for_pipeline(pipeline: Any, weight: FloatArray | None) -> dict[str, Any]:
    if weight is None:
        return {}
    if get_config()["enable_metadata_routing"]:
        return {"sample_weight": weight}
    name, last = pipeline.steps[-1]
    return {f"{name}__{key}": value for key, value in _weight_for(last, weight).items()}
