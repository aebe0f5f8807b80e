"""The simplest policy that pays: act where effect times value exceeds the cost."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from churnlib._checks import named_rows
from churnlib._sklearn import (
    BaseEstimator,
    HasMethods,
    MetaEstimatorMixin,
    Tags,
    check_is_fitted,
    clone,
    fit_context,
    validate_data,
)
from churnlib._typing import Array, ArrayLike, FloatArray
from churnlib.exceptions import DataError, ParameterError, SchemaError, message, nearest
from churnlib.numerics import normal_quantile

__all__ = ["CostThreshold"]


class CostThreshold(MetaEstimatorMixin, BaseEstimator):
    """Give each customer the action whose effect, times value, less cost, is largest, if that is above 0.

    There is no budget and no capacity: everyone is given what pays. With either, use `solve`
    or `allocate` on `expected_gain`.

    Parameters
    ----------
    learner : uplift learner
        Anything whose ``predict(X)`` is the effect of each action, positive is good; a clone is fitted. Wrap
        a fitted one in `sklearn.frozen.FrozenEstimator`.
    value : float or str, default=1.0
        What one unit of the effect is worth, in money: the value of a kept customer for effects on retention,
        1 for effects on money. A text names a column of X.
    cost : float, str or sequence, default=0.0
        Cost of the action, in money; a text names a column of X, a sequence has one entry for each action.
    confidence : float, default=None
        Act only where the lower bound of such an interval of the effect pays: with 0.9 an action that does nothing
        is given in one case of twenty. The learner then needs ``interval(X, confidence=)`` or
        ``predict_interval``. None decides by the estimate.

    Attributes
    ----------
    learner_ : uplift learner
        The fitted clone.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray
        Names of the columns, when they are text.

    See Also
    --------
    churnlib.policy.solve : The same under a budget and other limits.
    churnlib.policy.PolicyTree : A policy that fits on a card.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression  # stands for a learner here
    >>> X, effect = np.array([[0.0], [1.0], [2.0]]), [-0.1, 0.1, 0.3]
    >>> policy = CostThreshold(LinearRegression(), value=100, cost=12).fit(X, effect)
    >>> policy.expected_gain(X).round(6), policy.predict(X)
    (array([-22.,  -2.,  18.]), array([-1, -1,  0], dtype=int16))
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "learner": [HasMethods(["fit", "predict"])],
        "value": ["array-like", float, int, str],
        "cost": ["array-like", float, int, str],
        "confidence": [float, None],
    }

    def __init__(
        self, learner: Any, *, value: float | str = 1.0, cost: Any = 0.0, confidence: float | None = None
    ) -> None:
        self.learner = learner
        self.value = value
        self.cost = cost
        self.confidence = confidence

    @fit_context(nested=False)
    def fit(self, X: Any, y: Any, **params: Any) -> Self:
        """Fit the learner; value and cost play no part in it.

        Parameters
        ----------
        X : frame or array-like of shape (n_rows, n_features)
            What was known of each customer before the treatment.
        y : array-like of shape (n_rows,), or uplift target
            What the learner takes.
        **params
            Handed to the learner's ``fit``: `treatment`, `propensity`.

        Returns
        -------
        CostThreshold
            Itself.
        """
        validate_data(self, X, reset=True, skip_check_array=True)
        self.learner_ = clone(self.learner).fit(X, y, **params)
        return self

    def expected_gain(self, X: Any) -> FloatArray:
        """Return ``effect × value − cost`` of each action, in money; with `confidence` that of the lower bound.

        Parameters
        ----------
        X : frame or array-like of shape (n_rows, n_features)
            What is known of each customer.

        Returns
        -------
        ndarray of shape (n_rows,), or (n_rows, n_actions)
            Positive where the action pays.

        Raises
        ------
        ParameterError
            If the learner has no intervals, or a sequence of costs is not as long as its actions.
        SchemaError
            If a column is not in X.
        DataError
            If a value or cost is missing, or a cost negative.
        """
        check_is_fitted(self)
        effect = self._effect(X)
        validate_data(self, X, reset=False, skip_check_array=True)
        wide = effect.reshape(len(effect), -1)
        value, cost = _amounts(self.value, X, "value"), _amounts(self.cost, X, "cost")
        for name, amounts in (("value", value), ("cost", cost)):
            if amounts.shape[-1:] not in ((), (1,), wide.shape[1:]):
                raise ParameterError(
                    message(
                        f"{name} has {amounts.shape[-1]} entries, and the learner has {wide.shape[1]} actions",
                        "one number, or one for each action",
                        f"{name}={[12.0] * wide.shape[1]}",
                    )
                )
        gain: FloatArray = (wide * value - cost).reshape(effect.shape)
        return gain

    def predict(self, X: Any) -> npt.NDArray[np.int16]:
        """Return the action for each row: its column in the learner's effects, -1 for none.

        Parameters
        ----------
        X : frame or array-like of shape (n_rows, n_features)
            What is known of each customer.

        Returns
        -------
        ndarray of int16 of shape (n_rows,)
            Columns, as in `Solution`.

        Examples
        --------
        >>> from sklearn.linear_model import LinearRegression
        >>> CostThreshold(LinearRegression()).fit([[0.0], [1.0]], [-1.0, 1.0]).predict([[0.0], [2.0]])
        array([-1,  0], dtype=int16)
        """
        gain = self.expected_gain(X)
        wide = gain.reshape(len(gain), -1)
        return np.where(wide.max(axis=1) > 0.0, wide.argmax(axis=1), -1).astype(np.int16)

    def _effect(self, X: Any) -> FloatArray:
        if self.confidence is None:
            return np.asarray(self.learner_.predict(X), dtype=np.float64)
        normal_quantile(self.confidence)  # refuses what is no confidence
        for name in ("interval", "predict_interval"):
            if hasattr(self.learner_, name):
                low = getattr(self.learner_, name)(X, confidence=self.confidence)[0]
                return np.asarray(low, dtype=np.float64)
        raise ParameterError(
            message(
                f"{type(self.learner_).__name__} has no intervals, and confidence={self.confidence:g}",
                "a learner with interval(X, confidence=)",
                "CostThreshold(learner, confidence=None)",
            )
        )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        if hasattr(self.learner, "__sklearn_tags__"):
            tags.input_tags = self.learner.__sklearn_tags__().input_tags
        return tags


def _amounts(given: float | str | ArrayLike, X: Any, name: str) -> Array:
    """Return amounts that broadcast against (n_rows, n_actions)."""
    if isinstance(given, str):
        columns = [str(column) for column in getattr(X, "columns", [])]
        if given not in columns:
            raise SchemaError(
                message(f"{name}={given!r} is no column of X ({nearest(given, columns)})", "a column", f"{name}=100.0")
            )
        try:
            found = np.asarray(X[given], dtype=np.float64)[:, None]
        except (TypeError, ValueError) as error:
            raise SchemaError(
                message(f"{name}={given!r} names a column without amounts ({error})", "numbers", f"{name}=100.0")
            ) from None
    else:
        found = np.asarray(given, dtype=np.float64)
    wrong = ~np.isfinite(found) | ((found < 0.0) & (name == "cost"))
    if wrong.any():
        where = f" in {named_rows(np.flatnonzero(wrong))}" if found.ndim == 2 else ""
        kind = "negative or missing" if name == "cost" else "missing"
        raise DataError(message(f"{name} is {kind}{where}", f"{name} is an amount of money", f"{name}=100.0"))
    return found
