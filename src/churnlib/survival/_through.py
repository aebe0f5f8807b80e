"""The questions of hazard models, put to whatever holds one: a pipeline, a search, a frozen model.

scikit-learn's Pipeline and search objects hand on `predict` and a few other methods, and no
others. These functions apply the steps before the model and ask the model itself;
nothing of scikit-learn is changed for it.
"""

from __future__ import annotations

from typing import Any

from churnlib._through import final_step
from churnlib._typing import ArrayLike, FloatArray
from churnlib.exceptions import ParameterTypeError, message
from churnlib.survival._ask import read_given
from churnlib.survival._hazard_model import HazardModel, len_of

__all__ = [
    "churn_probability",
    "cumulative_hazard",
    "cumulative_incidence",
    "expected_lifetime",
    "hazard",
    "hazard_model",
    "survival_function",
]


def hazard_model(model: Any, X: Any) -> tuple[HazardModel, Any]:
    """Walk to the hazard model inside, and prepare the rows as the steps before it do.

    Parameters
    ----------
    model : estimator
        A fitted hazard model, or a Pipeline, search or frozen estimator around one.
    X : array or frame of shape (n_rows, n_features)
        The rows as the outermost estimator takes them.

    Returns
    -------
    model : HazardModel
        The model itself.
    X : array or frame
        The rows as it takes them.

    Raises
    ------
    ParameterTypeError
        If there is no hazard model at the end.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from churnlib.survival import KaplanMeier
    >>> from churnlib.targets import survival_target
    >>> pipeline = make_pipeline("passthrough", KaplanMeier())
    >>> pipeline = pipeline.fit([[0.0], [1.0]], survival_target([1, 0], [3, 5]))
    >>> hazard_model(pipeline, [[0.0]])[0]
    KaplanMeier()
    """
    inner, rows = final_step(model, X)
    while type(inner).__name__ == "FrozenEstimator":  # it lends all attributes of the model that it holds
        inner, rows = final_step(inner.estimator, rows)
    if not isinstance(inner, HazardModel):
        raise ParameterTypeError(
            message(
                f"{type(model).__name__} ends in {type(inner).__name__}, which is no hazard model",
                "a model of churnlib.survival, or a Pipeline or search that ends in one",
                "make_pipeline(preparation, CoxModel()).fit(X, y)",
            )
        )
    return inner, rows


def survival_function(
    model: Any, X: Any, times: ArrayLike | None = None, *, given: ArrayLike | str | None = None
) -> FloatArray:
    """Return the chance to be still here at each time: `HazardModel.predict_survival_function` through a pipeline.

    Parameters
    ----------
    model : estimator
        A fitted hazard model, or a Pipeline, search or frozen estimator around one.
    X : array or frame of shape (n_rows, n_features)
        The rows as the outermost estimator takes them.
    times : array-like of shape (n_times,), default=None
        Times at least 0, counted from `given`, in the unit of the target. None: those of the model.
    given : float, array-like of shape (n_rows,), or str, default=None
        The tenure each customer has reached; text names a column of X as it comes in. None: from the start.

    Returns
    -------
    ndarray of shape (n_rows, n_times)
        ``P(T > given + t | T > given)``, in [0, 1], not increasing along the times.

    Raises
    ------
    ParameterTypeError
        If there is no hazard model at the end.
    HistoryError
        If a time lies beyond the model's ``support_`` and it refuses that.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from churnlib.survival import KaplanMeier
    >>> from churnlib.targets import survival_target
    >>> pipeline = make_pipeline("passthrough", KaplanMeier())
    >>> pipeline = pipeline.fit([[0.0], [1.0]], survival_target([1, 0], [3, 5]))
    >>> survival_function(pipeline, [[0.0]], [2, 3])
    array([[1. , 0.5]])
    """
    inner, rows, since = _asked(model, X, given)
    return inner.predict_survival_function(rows, times, given=since)


def cumulative_hazard(
    model: Any, X: Any, times: ArrayLike | None = None, *, given: ArrayLike | str | None = None
) -> FloatArray:
    """Return the cumulative hazard: `HazardModel.predict_cumulative_hazard` through a pipeline.

    Parameters
    ----------
    model : estimator
        As in `survival_function`.
    X : array or frame of shape (n_rows, n_features)
        The rows as the outermost estimator takes them.
    times : array-like of shape (n_times,), default=None
        As in `survival_function`.
    given : float, array-like of shape (n_rows,), or str, default=None
        As in `survival_function`.

    Returns
    -------
    ndarray of shape (n_rows, n_times)
        At least 0, not decreasing along the times.

    Examples
    --------
    >>> from churnlib.survival import KaplanMeier
    >>> from churnlib.targets import survival_target
    >>> model = KaplanMeier().fit([[0.0], [1.0]], survival_target([1, 0], [3, 5]))
    >>> cumulative_hazard(model, [[0.0]], [2, 3]).round(4)
    array([[0.    , 0.6931]])
    """
    inner, rows, since = _asked(model, X, given)
    return inner.predict_cumulative_hazard(rows, times, given=since)


def hazard(model: Any, X: Any, times: ArrayLike | None = None, *, given: ArrayLike | str | None = None) -> FloatArray:
    """Return the chance to leave between one time and the next: `HazardModel.predict_hazard` through a pipeline.

    Parameters
    ----------
    model : estimator
        As in `survival_function`.
    X : array or frame of shape (n_rows, n_features)
        The rows as the outermost estimator takes them.
    times : array-like of shape (n_times,), default=None
        Ascending ends of the intervals; else as in `survival_function`.
    given : float, array-like of shape (n_rows,), or str, default=None
        As in `survival_function`.

    Returns
    -------
    ndarray of shape (n_rows, n_times)
        In [0, 1].

    Examples
    --------
    >>> from churnlib.survival import KaplanMeier
    >>> from churnlib.targets import survival_target
    >>> model = KaplanMeier().fit([[0.0], [1.0]], survival_target([1, 0], [3, 5]))
    >>> hazard(model, [[0.0]], [2, 4])
    array([[0. , 0.5]])
    """
    inner, rows, since = _asked(model, X, given)
    return inner.predict_hazard(rows, times, given=since)


def cumulative_incidence(
    model: Any, X: Any, times: ArrayLike | None = None, *, given: ArrayLike | str | None = None
) -> FloatArray:
    """Return the chance to have left by cause: `HazardModel.predict_cumulative_incidence` through a pipeline.

    Parameters
    ----------
    model : estimator
        As in `survival_function`.
    X : array or frame of shape (n_rows, n_features)
        The rows as the outermost estimator takes them.
    times : array-like of shape (n_times,), default=None
        As in `survival_function`.
    given : float, array-like of shape (n_rows,), or str, default=None
        As in `survival_function`.

    Returns
    -------
    ndarray of shape (n_rows, n_causes, n_times)
        In [0, 1]; their sum over the causes and the survival function make 1.

    Examples
    --------
    >>> from churnlib.survival import CompetingHazards, KaplanMeier
    >>> from churnlib.targets import survival_target
    >>> y = survival_target(["price", "moved", None], [3, 4, 5], causes=["price", "moved"])
    >>> model = CompetingHazards(KaplanMeier(), causes=["price", "moved"]).fit([[0.0], [1.0], [0.0]], y)
    >>> cumulative_incidence(model, [[0.0]], [3, 5]).round(4)
    array([[[0.3333, 0.3333],
            [0.    , 0.3333]]])
    """
    inner, rows, since = _asked(model, X, given)
    return inner.predict_cumulative_incidence(rows, times, given=since)


def churn_probability(
    model: Any,
    X: Any,
    horizon: float | str | ArrayLike,
    *,
    given: ArrayLike | str | None = None,
    cause: int | str | None = None,
) -> FloatArray:
    """Return the chance to leave within the horizon: `HazardModel.predict_churn_probability` through a pipeline.

    Parameters
    ----------
    model : estimator
        As in `survival_function`.
    X : array or frame of shape (n_rows, n_features)
        The rows as the outermost estimator takes them.
    horizon : float, str, or array-like of shape (n_rows,)
        How far to look, above 0, in the unit of the target; text such as ``"90d"`` means days.
    given : float, array-like of shape (n_rows,), or str, default=None
        As in `survival_function`.
    cause : int or str, default=None
        One of the model's ``causes_``. None: by whatever cause.

    Returns
    -------
    ndarray of shape (n_rows,)
        ``P(T ≤ given + horizon | T > given)``, in [0, 1].

    Examples
    --------
    >>> from churnlib.survival import KaplanMeier
    >>> from churnlib.targets import survival_target
    >>> model = KaplanMeier().fit([[0.0], [1.0]], survival_target([1, 0], [3, 5]))
    >>> churn_probability(model, [[0.0]], "4d")
    array([0.5])
    """
    inner, rows, since = _asked(model, X, given)
    return inner.predict_churn_probability(rows, horizon, given=since, cause=cause)


def expected_lifetime(
    model: Any,
    X: Any,
    *,
    given: ArrayLike | str | None = None,
    until: float | str | ArrayLike | None = None,
) -> FloatArray:
    """Return the time each customer is expected to stay: `HazardModel.predict_expected_lifetime` through a pipeline.

    Parameters
    ----------
    model : estimator
        As in `survival_function`.
    X : array or frame of shape (n_rows, n_features)
        The rows as the outermost estimator takes them.
    given : float, array-like of shape (n_rows,), or str, default=None
        As in `survival_function`.
    until : float, str, or array-like of shape (n_rows,), default=None
        How far to look, counted from `given`. None: as long as anybody stays.

    Returns
    -------
    ndarray of shape (n_rows,)
        Between 0 and `until`, in the unit of the target.

    Examples
    --------
    >>> from churnlib.survival import KaplanMeier
    >>> from churnlib.targets import survival_target
    >>> model = KaplanMeier().fit([[0.0], [1.0]], survival_target([1, 0], [3, 5]))
    >>> expected_lifetime(model, [[0.0]], until=5)
    array([4.])
    """
    inner, rows, since = _asked(model, X, given)
    return inner.predict_expected_lifetime(rows, given=since, until=until)


def _asked(model: Any, X: Any, given: ArrayLike | str | None) -> tuple[HazardModel, Any, FloatArray | None]:
    """Return the model, its rows, and the tenures, which are columns and labels of X before any step changed it."""
    inner, rows = hazard_model(model, X)
    return inner, rows, read_given(given, X, len_of(rows) if hasattr(rows, "shape") else len(rows))
