"""The typed face of scikit-learn.

scikit-learn ships no types, so a class that inherits from its bases would have
an untyped base and lose every check. Under a type checker this module declares
the few methods that churnlib relies on; at run time it hands over scikit-learn's
own classes, unchanged. Everything here is the same from scikit-learn 1.6 on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, TypeVar

from churnlib._typing import Array

__all__ = [
    "BaseEstimator",
    "Bunch",
    "ClassifierMixin",
    "ClusterMixin",
    "Estimator",
    "HasMethods",
    "Interval",
    "MetaEstimatorMixin",
    "Probabilistic",
    "RegressorMixin",
    "StrOptions",
    "Tags",
    "TransformerMixin",
    "check_is_fitted",
    "clone",
    "fit_context",
    "validate_data",
]

_Method = TypeVar("_Method", bound=Callable[..., Any])
_E = TypeVar("_E")


class Estimator(Protocol):
    """Anything with `fit`, `get_params` and `set_params`."""

    def fit(self, X: Any, y: Any = None) -> Any:
        """Learn from the rows of X."""
        ...

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: FBT001, FBT002 - scikit-learn's own signature
        """Return the constructor's arguments by name."""
        ...

    def set_params(self, **params: Any) -> Any:
        """Replace constructor arguments by name."""
        ...


class Probabilistic(Estimator, Protocol):
    """A classifier that states probabilities, one column per class."""

    classes_: Array

    def predict_proba(self, X: Any) -> Array:
        """Return one row of class probabilities for each row of X."""
        ...


if TYPE_CHECKING:

    class Bunch(dict[str, Any]):
        """scikit-learn's dictionary with attributes."""

        def __getattr__(self, name: str) -> Any: ...

    class Tags:
        """What an estimator can and cannot do; see scikit-learn's `Tags`."""

        estimator_type: str | None
        target_tags: Any
        transformer_tags: Any
        classifier_tags: Any
        regressor_tags: Any
        array_api_support: bool
        no_validation: bool
        non_deterministic: bool
        requires_fit: bool
        input_tags: Any

    class BaseEstimator:
        """scikit-learn's root of all estimators."""

        n_features_in_: int
        feature_names_in_: Array
        _parameter_constraints: ClassVar[dict[str, list[Any]]]

        def get_params(self, deep: bool = True) -> dict[str, Any]: ...  # noqa: FBT001, FBT002
        def set_params(self, **params: Any) -> Self: ...
        def get_metadata_routing(self) -> Any: ...
        def __sklearn_tags__(self) -> Tags: ...
        def __sklearn_clone__(self) -> Self: ...
        def __getstate__(self) -> dict[str, Any]: ...
        def __setstate__(self, state: dict[str, Any]) -> None: ...
        def _validate_params(self) -> None: ...

    class ClassifierMixin:
        """scikit-learn's mark of a classifier."""

        def score(self, X: Any, y: Any, sample_weight: Any = None) -> float: ...
        def __sklearn_tags__(self) -> Tags: ...

    class ClusterMixin:
        """scikit-learn's mark of a clusterer."""

        def fit_predict(self, X: Any, y: Any = None, **kwargs: Any) -> Array: ...
        def __sklearn_tags__(self) -> Tags: ...

    class RegressorMixin:
        """scikit-learn's mark of a regressor."""

        def score(self, X: Any, y: Any, sample_weight: Any = None) -> float: ...
        def __sklearn_tags__(self) -> Tags: ...

    class TransformerMixin:
        """scikit-learn's mark of a transformer."""

        def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any: ...
        def set_output(self, *, transform: str | None = None) -> Self: ...
        def __sklearn_tags__(self) -> Tags: ...

    class MetaEstimatorMixin:
        """scikit-learn's mark of an estimator that holds others."""

        def __sklearn_tags__(self) -> Tags: ...

    class Interval:
        """A range of numbers as a parameter constraint."""

        def __init__(self, type: Any, left: Any, right: Any, *, closed: str) -> None: ...  # noqa: A002

    class HasMethods:
        """The methods an object must have, as a parameter constraint."""

        def __init__(self, methods: str | list[str]) -> None: ...

    class StrOptions:
        """A set of words as a parameter constraint."""

        def __init__(self, options: set[str]) -> None: ...

    def clone(estimator: _E, *, safe: bool = True) -> _E: ...
    def check_is_fitted(estimator: object, attributes: Any = None, *, msg: str | None = None) -> None: ...

else:
    from sklearn.base import (
        BaseEstimator,
        ClassifierMixin,
        ClusterMixin,
        MetaEstimatorMixin,
        RegressorMixin,
        TransformerMixin,
        clone,
    )
    from sklearn.utils import Bunch, Tags
    from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
    from sklearn.utils.validation import check_is_fitted


def fit_context(*, nested: bool = True) -> Callable[[_Method], _Method]:
    """Check the constructor's arguments against `_parameter_constraints` before a method runs.

    Parameters
    ----------
    nested : bool, default=True
        Whether estimators inside this one leave out their own check. False for
        an estimator that takes another one from the user, whose arguments have
        not been looked at yet.

    Returns
    -------
    callable
        A decorator for `fit`.

    Examples
    --------
    >>> import numbers
    >>> class Shrink(BaseEstimator):
    ...     _parameter_constraints = {"by": [Interval(numbers.Real, 0, 1, closed="both")]}
    ...
    ...     def __init__(self, *, by=0.5):
    ...         self.by = by
    ...
    ...     @fit_context()
    ...     def fit(self, X, y=None):
    ...         return self
    >>> Shrink(by=2).fit([[1.0]])
    Traceback (most recent call last):
        ...
    sklearn.utils._param_validation.InvalidParameterError: The 'by' parameter of Shrink must be a float ...
    """
    from sklearn.base import _fit_context

    decorator: Callable[[_Method], _Method] = _fit_context(prefer_skip_nested_validation=nested)
    return decorator


def validate_data(
    estimator: BaseEstimator,
    X: Any,
    y: Any = None,
    *,
    reset: bool,
    **options: Any,
) -> Any:
    """Check X (and y) as every scikit-learn estimator does, and remember or compare the feature names.

    Parameters
    ----------
    estimator : estimator
        Where `n_features_in_` and `feature_names_in_` are kept.
    X : array or frame of shape (n_rows, n_features)
        The features.
    y : array of shape (n_rows,), default=None
        The target; None where there is none to check.
    reset : bool
        True in `fit`: remember the features. False afterwards: compare with them.
    **options
        What scikit-learn's `check_array` takes: ``dtype``, ``ensure_all_finite``,
        ``ensure_min_samples``, or ``skip_check_array=True`` to look at names and
        number of features only and hand the input back as it came.

    Returns
    -------
    array, or tuple of two arrays
        X, with y when it was given.

    Raises
    ------
    ValueError
        If names or number of features differ from those seen in `fit`, or a
        value is not finite where it must be.

    Examples
    --------
    >>> seen = BaseEstimator()
    >>> validate_data(seen, [[1, 2]], reset=True)
    array([[1, 2]])
    >>> seen.n_features_in_
    2
    """
    from sklearn.utils.validation import validate_data as check

    if y is None:
        return check(estimator, X, reset=reset, **options)
    return check(estimator, X, y, reset=reset, **options)
