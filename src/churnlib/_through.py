"""From what was fitted to the hazard model inside: through pipelines, searches and other wrappers."""

from __future__ import annotations

from typing import Any

from churnlib.exceptions import ParameterTypeError, message

__all__ = ["final_step"]

_HELD = ("best_estimator_", "estimator_", "regressor_", "classifier_")


def final_step(model: Any, X: Any) -> tuple[Any, Any]:
    """Find the hazard model inside a fitted pipeline or search, and X as that model sees it.

    scikit-learn's `Pipeline` and search objects hand on `predict` but no method of
    another name. Instead of patching them, walk through them.

    Parameters
    ----------
    model : fitted estimator
        A hazard model, or what holds one: pipelines (X goes through their earlier steps),
        searches (their best estimator), frozen estimators, and whatever keeps a fitted
        ``estimator_``; in any depth.
    X : array or frame of shape (n_rows, n_features)
        The rows, as the outermost estimator takes them.

    Returns
    -------
    model : estimator
        The first on the way that has `predict_survival_function`.
    X : array or frame
        The rows, as this one takes them.

    Raises
    ------
    ParameterTypeError
        If there is none, or a search or wrapper on the way holds no fitted estimator.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> class Model:
    ...     def predict_survival_function(self, X, times): ...
    ...     def fit(self, X, y=None):
    ...         return self
    >>> pipeline = make_pipeline(StandardScaler(), Model()).fit([[1.0], [3.0]])
    >>> model, X = final_step(pipeline, [[2.0], [4.0]])
    >>> type(model).__name__, X.tolist()
    ('Model', [[0.0], [2.0]])
    """
    way: list[str] = []
    current = model
    while True:
        way.append(type(current).__name__)
        steps = _steps(current)
        if steps is not None:
            for step in steps[:-1]:
                if step is not None and step != "passthrough":
                    X = step.transform(X)
            current = steps[-1]
        elif _is_frozen(current):
            current = current.estimator
        elif hasattr(current, "predict_survival_function"):
            return current, X
        else:
            current = _held(current, way)


def _is_frozen(model: Any) -> bool:
    from sklearn.frozen import FrozenEstimator

    return isinstance(model, FrozenEstimator)


def _steps(model: Any) -> list[Any] | None:
    """Return the steps of a pipeline, or None."""
    named = getattr(model, "steps", None)
    if not isinstance(named, list) or not hasattr(model, "named_steps"):
        return None
    return [step for _, step in named]


def _held(model: Any, way: list[str]) -> Any:
    for name in _HELD:
        held = getattr(model, name, None)
        if held is not None:
            return held
    path = " > ".join(way)
    if hasattr(model, "estimator"):
        raise ParameterTypeError(
            message(
                f"{path} holds no fitted estimator",
                "a fitted model; of a search, one that was refitted",
                "model.fit(X, y), and refit=True or the name of a metric",
            )
        )
    raise ParameterTypeError(
        message(
            f"{path} predicts no survival",
            "a hazard model, or a pipeline or search that ends in one, with predict_survival_function",
            "one of churnlib.survival, such as cl.CoxModel()",
        )
    )
