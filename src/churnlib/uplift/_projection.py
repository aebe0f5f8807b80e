"""The best linear description of effects, with errors that hold whatever their true shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from churnlib._checks import as_floats, check_one_order, named_rows
from churnlib._typing import ArrayLike, FloatArray
from churnlib.exceptions import DataError, message, some
from churnlib.numerics import normal_quantile
from churnlib.uplift._average_effect import read_effect_scores, summed_by_customer

__all__ = ["EffectProjection", "project_effects"]


@dataclass(frozen=True, slots=True, eq=False)
class EffectProjection:
    """A linear function of features that comes closest to the effects, with its uncertainty.

    Attributes
    ----------
    coefficients : ndarray of shape (1 + n_features,)
        The effect where all features are 0, and by how much it differs per unit of each.
    covariance : ndarray of shape (1 + n_features, 1 + n_features)
        Of the coefficients, robust to unequal variance and to several rows of a customer.
    names : tuple of str
        ``"intercept"`` and the features.
    n_customers : int
        How many independent customers stand behind it.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> tenure = rng.normal(size=2000)
    >>> found = project_effects(0.1 + 0.5 * tenure + rng.normal(size=2000), pd.DataFrame({"tenure": tenure}))
    >>> low, high = found.interval(pd.DataFrame({"tenure": [-1.0, 1.0]}))
    >>> low.round(2), high.round(2)
    (array([-0.45,  0.52]), array([-0.32,  0.64]))
    """

    coefficients: FloatArray
    covariance: FloatArray
    names: tuple[str, ...]
    n_customers: int

    def predict(self, X: Any) -> FloatArray:
        """Return the effect that the line gives to each row.

        Parameters
        ----------
        X : array or frame of shape (n_rows, n_features)
            The features of `project_effects`, in their order.

        Returns
        -------
        ndarray of shape (n_rows,)
            In units of the outcome; positive is good.

        Examples
        --------
        >>> project_effects([0.0, 1.0, 2.0, 3.0], [[0.0], [1.0], [2.0], [3.0]]).predict([[5.0]]).round(6)
        array([5.])
        """
        effect: FloatArray = self._design(X) @ self.coefficients
        return effect

    def standard_error(self, X: Any) -> FloatArray:
        """Return the standard error of `predict` for each row.

        Parameters
        ----------
        X : array or frame of shape (n_rows, n_features)
            The features.

        Returns
        -------
        ndarray of shape (n_rows,)
            At least 0.

        Examples
        --------
        >>> project_effects([0.0, 1.5, 1.5, 3.0], [[0.0], [1.0], [2.0], [3.0]]).standard_error([[1.5]]).round(2)
        array([0.21])
        """
        design = self._design(X)
        error: FloatArray = np.sqrt(np.maximum(((design @ self.covariance) * design).sum(axis=1), 0.0))
        return error

    def interval(self, X: Any, *, confidence: float = 0.95) -> tuple[FloatArray, FloatArray]:
        """Return bounds of the line at each row.

        They hold the value of the best linear description. Where true effects are linear that is the effect itself;
        else it is what a line can say of it. Each row's bounds hold on their own.

        Parameters
        ----------
        X : array or frame of shape (n_rows, n_features)
            The features.
        confidence : float, default=0.95
            The nominal coverage, between 0 and 1.

        Returns
        -------
        low, high : ndarray of shape (n_rows,)
            In units of the outcome.

        Raises
        ------
        ParameterError
            If the confidence is not between 0 and 1.

        Examples
        --------
        >>> low, high = project_effects([0.0, 1.5, 1.5, 3.0], [[0.0], [1.0], [2.0], [3.0]]).interval([[1.5]])
        >>> low.round(2), high.round(2)
        (array([0.82]), array([2.18]))
        """
        half = self._critical(confidence) * self.standard_error(X)
        effect = self.predict(X)
        return effect - half, effect + half

    def table(self, *, confidence: float = 0.95) -> pd.DataFrame:
        """Return the coefficients with their intervals.

        Parameters
        ----------
        confidence : float, default=0.95
            The nominal coverage of each interval on its own, between 0 and 1.

        Returns
        -------
        DataFrame
            One row per coefficient: ``coefficient``, ``low``, ``high``, ``standard_error``.

        Examples
        --------
        >>> project_effects([0.0, 1.0, 2.0, 4.0], [[0.0], [1.0], [2.0], [3.0]]).table().index.tolist()
        ['intercept', 'x0']
        """
        error = np.sqrt(np.maximum(np.diag(self.covariance), 0.0))
        half = self._critical(confidence) * error
        return pd.DataFrame(
            {
                "coefficient": self.coefficients,
                "low": self.coefficients - half,
                "high": self.coefficients + half,
                "standard_error": error,
            },
            index=pd.Index(self.names, name="feature"),
        )

    def _critical(self, confidence: float) -> float:
        normal_quantile(confidence)  # refuses what is no confidence
        return float(-stdtrit(self.n_customers - 1.0, (1 - confidence) / 2))

    def _design(self, X: Any) -> FloatArray:
        matrix, _ = _features(X)
        if matrix.shape[1] + 1 != self.coefficients.size:
            raise DataError(
                message(
                    f"X has {matrix.shape[1]} columns",
                    f"the {self.coefficients.size - 1} of the projection: {some(self.names[1:], 8)}",
                    f"X[{list(self.names[1:4])!r}]" if self.coefficients.size <= 4 else "the columns it was made with",
                )
            )
        return np.column_stack([np.ones(len(matrix)), matrix])


def project_effects(
    scores: Any,
    X: Any,
    *,
    arm: Any = None,
    customer: Any = None,
    sample_weight: ArrayLike | None = None,
) -> EffectProjection:
    """Describe effects by a linear function of a few features, with intervals.

    It regresses doubly robust scores on the features by least squares. The scores' mean given the features is the
    effect, so that the result is the best linear description of the effects, whether or not they are linear, and its
    errors hold in either case. Take few features, chosen before looking at the effects.

    Parameters
    ----------
    scores : DRScores, or array-like of shape (n_rows,) or (n_rows, n_treatments)
        What `dr_scores` returns, or scores of your own.
    X : array or frame of shape (n_rows, n_features)
        Numeric features known before the treatment, no missing values.
    arm : object, default=None
        Which treatment, where there are several.
    customer : array-like of shape (n_rows,), default=None
        The customer of each row, as in `average_effect`; None reads it from the index of the scores or of X.
    sample_weight : array-like of shape (n_rows,), default=None
        How much each row counts.

    Returns
    -------
    EffectProjection
        Coefficients, positive where a higher feature goes with a better effect, with their covariance.

    Raises
    ------
    DataError
        If a score or feature is missing, lengths differ, there are not more customers than coefficients, or a
        feature is a linear function of others.
    ParameterError
        If there are several treatments and `arm` is none of them.

    Notes
    -----
    ``b = (Z'Z)⁻¹ Z'G`` with the sandwich ``(Z'Z)⁻¹ (sum over customers of s s') (Z'Z)⁻¹``, s the sum of a customer's
    ``z (G - z'b)``, each residual first divided by ``sqrt(1 - leverage)`` (Semenova and Chernozhukov 2021,
    Econom. J. 24, 264-289; MacKinnon and White 1985, J. Econom. 29).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"tenure": rng.normal(size=2000), "orders": rng.normal(size=2000)})
    >>> scores = 0.1 + 0.5 * X["tenure"] + rng.normal(size=2000)
    >>> project_effects(scores, X).table().round(2)
               coefficient   low  high  standard_error
    feature
    intercept         0.13  0.08  0.17            0.02
    tenure            0.49  0.45  0.54            0.02
    orders           -0.02 -0.06  0.03            0.02
    """
    check_one_order({"scores": scores, "X": X})
    index = getattr(X, "index", None)
    if customer is None and isinstance(index, pd.Index) and "customer_id" in index.names:
        customer = index.get_level_values("customer_id")
    read = read_effect_scores(scores, arm=arm, customer=customer, sample_weight=sample_weight)
    matrix, names = _features(X)
    if len(matrix) != read.values.size:
        raise DataError(message(f"X has {len(matrix)} rows and scores {read.values.size}", "one of each for every row"))
    root = np.sqrt(read.weight)
    design = np.column_stack([np.ones(len(matrix)), matrix]) * root[:, None]
    _determined(design, names, read.n_customers)
    Q, R = np.linalg.qr(design)
    coefficients = np.linalg.solve(R, Q.T @ (read.values * root))
    residual = read.values * root - design @ coefficients
    leverage = np.minimum((Q**2).sum(axis=1), 1 - 1e-10)
    pulls = np.linalg.solve(R, (Q * (residual / np.sqrt(1 - leverage))[:, None]).T).T
    if read.codes is not None:
        pulls = summed_by_customer(pulls, read.codes, read.n_customers)
        pulls *= np.sqrt(read.n_customers / (read.n_customers - 1.0))
    return EffectProjection(coefficients, pulls.T @ pulls, ("intercept", *names), read.n_customers)


def _features(X: Any) -> tuple[FloatArray, tuple[str, ...]]:
    try:
        matrix = np.asarray(as_floats(X))
    except (TypeError, ValueError) as error:
        raise DataError(
            message(f"X cannot be read as numbers ({error})", "numeric features", "pd.get_dummies(X, drop_first=True)")
        ) from None
    if matrix.ndim != 2:
        raise DataError(message(f"X has shape {matrix.shape}", "one row for each score", "X[['tenure']]"))
    lacking = np.asarray(~np.isfinite(matrix).all(axis=1))
    if lacking.any():
        raise DataError(
            message(
                f"{int(lacking.sum())} of {len(matrix)} rows of X have a missing or infinite value "
                f"({named_rows(lacking)})",
                "a number everywhere",
                "X.fillna(X.median())",
            )
        )
    columns = getattr(X, "columns", None)
    named = [f"x{column}" for column in range(matrix.shape[1])] if columns is None else [str(name) for name in columns]
    return matrix, tuple(named)


def _determined(design: FloatArray, names: tuple[str, ...], n_customers: int) -> None:
    if n_customers <= design.shape[1]:
        raise DataError(
            message(
                f"there are {n_customers} customers for {design.shape[1]} coefficients",
                "many more customers than features",
                f"X[{list(names[:1])!r}]",
            )
        )
    scaled = design / np.maximum(np.abs(design).max(axis=0), 1e-300)
    if np.linalg.matrix_rank(scaled) < design.shape[1]:
        raise DataError(
            message(
                f"the features ({some(names, 8)}) are not independent of each other and of the intercept",
                "no constant column, and none that others add up to",
                "pd.get_dummies(X, drop_first=True)",
            )
        )
