"""The registry of estimators: found by looking, so that none can be left out by hand."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from churnlib._sklearn import BaseEstimator, RegressorMixin
from churnlib.exceptions import ParameterError, message, nearest

__all__ = ["all_estimators"]

_METHOD_OF = {
    "classifier": "predict_proba",
    "regressor": "predict",
    "transformer": "transform",
    "clusterer": "fit_predict",
}


def all_estimators(*, kind: str | None = None) -> list[tuple[str, type[Any]]]:
    """List every public estimator of churnlib, as the common checks see them.

    An estimator is public when the package of its room names it in ``__all__``;
    abstract classes are left out. Rooms are searched, not listed, so a new
    estimator joins the checks without being registered.

    Parameters
    ----------
    kind : {"classifier", "regressor", "transformer", "clusterer"}, default=None
        Keep only the estimators of this kind: with ``predict_proba``, with
        ``predict`` and scikit-learn's mark of a regressor (a segmenter predicts names),
        with ``transform``, or with ``fit_predict``. None keeps all.

    Returns
    -------
    list of (str, type)
        Names with their classes, by name; each class once.

    Raises
    ------
    ParameterError
        If `kind` is none of the four.

    Examples
    --------
    >>> from churnlib.testing import all_estimators
    >>> "ChurnClassifier" in dict(all_estimators(kind="classifier"))
    True
    """
    if kind is not None and kind not in _METHOD_OF:
        raise ParameterError(
            message(
                f"kind is {kind!r}",
                f"expected one of {', '.join(_METHOD_OF)}, or None for all",
                nearest(kind, list(_METHOD_OF)),
            )
        )
    found = {cls.__name__: cls for room in _rooms() for cls in _estimators_of(room)}
    return [(name, cls) for name, cls in sorted(found.items()) if kind is None or _is(cls, kind)]


def _rooms() -> Iterator[ModuleType]:
    for info in pkgutil.iter_modules([str(Path(__file__).parents[1])]):
        if not info.name.startswith("_"):
            yield importlib.import_module(f"churnlib.{info.name}")


def _estimators_of(room: ModuleType) -> Iterator[type[Any]]:
    for name in getattr(room, "__all__", ()):
        value = getattr(room, name)
        if not inspect.isclass(value) or not issubclass(value, BaseEstimator) or inspect.isabstract(value):
            continue
        if hasattr(value, "fit"):  # a scorer has parameters too, and learns nothing
            yield value


def _is(cls: type[Any], kind: str) -> bool:
    if kind == "regressor" and not issubclass(cls, RegressorMixin):
        return False
    return hasattr(cls, _METHOD_OF[kind])
