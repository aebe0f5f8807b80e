"""The trees of a fitted xgboost classifier, from the JSON it stores."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from churnlib._typing import Array, FloatArray
from churnlib.classification._compile_trees import Gatherer, Node
from churnlib.exceptions import ParameterError, message

__all__ = ["boosted_trees", "first_at_or_above"]

_ONE = np.float32(1.0)
# xgboost begins no nearer to 0 or 1, whatever base_score says
_LEAST = np.float32(1e-6)


def boosted_trees(
    estimator: Any, categories: Sequence[tuple[str, ...] | None]
) -> tuple[dict[str, Any], list[list[float]]]:
    """Read a fitted ``XGBClassifier``.

    Parameters
    ----------
    estimator : xgboost.XGBClassifier
        Fitted on float and categorical columns, binary.
    categories : sequence of tuple of str or None
        Of each column; None for a number.

    Returns
    -------
    model : dict
        base (log-odds) and trees.
    cuts : list of list of float
        Thresholds of each column, as the smallest float64 that goes right.

    Raises
    ------
    ParameterError
        If it is another kind of booster, or predicts something else than a probability.
    """
    _refuse_missing(estimator)
    learner = json.loads(bytes(estimator.get_booster().save_raw("json")))["learner"]
    _refuse_other_kinds(learner)
    model = learner["gradient_booster"]["model"]
    gathered = Gatherer(len(categories))
    for tree in model["trees"][: _used(estimator, model)]:
        gathered.add(_reader(tree, categories))
    trees, cuts = gathered.plain()
    return {"kind": "boosted trees", "base": _base(learner["learner_model_param"]["base_score"]), "trees": trees}, cuts


def first_at_or_above(threshold: Array) -> FloatArray:
    """Return the smallest float64 that rounds to a float32 at or above a float32 threshold.

    xgboost compares in single precision. This is the same comparison in double precision,
    so that no value has to be rounded first: half-way between the threshold and the float32
    before it, or just above where ties go to the lower one.

    Parameters
    ----------
    threshold : ndarray of float32
        Thresholds.

    Returns
    -------
    ndarray of float64
        ``float32(x) < threshold`` iff ``x < result``.

    Examples
    --------
    >>> first_at_or_above(np.array([1.0], dtype=np.float32)).tolist()
    [0.9999999701976776]
    """
    edge = np.asarray(threshold, dtype=np.float32)
    before = np.nextafter(edge, np.float32(-np.inf))
    half = (before.astype(np.float64) + edge.astype(np.float64)) / 2.0
    result: FloatArray = np.where(half.astype(np.float32) >= edge, half, np.nextafter(half, np.inf))
    return result


def _refuse_missing(estimator: Any) -> None:
    missing = getattr(estimator, "missing", np.nan)
    if missing is not None and not np.isnan(missing):
        raise ParameterError(
            message(
                f"the XGBClassifier reads {missing!r} as a missing value",
                "compile() supports NaN, which is what churnlib marks missing values with",
                "XGBClassifier(missing=float('nan')), which is its default",
            )
        )


def _refuse_other_kinds(learner: Mapping[str, Any]) -> None:
    booster, objective = learner["gradient_booster"]["name"], learner["objective"]["name"]
    # one probability a row: no vector in a leaf
    vector = int(learner["learner_model_param"].get("num_target", "1")) > 1
    if booster != "gbtree" or objective != "binary:logistic" or vector:
        raise ParameterError(
            message(
                f"the XGBClassifier has booster={booster!r} and objective={objective!r}",
                "compile() supports booster='gbtree' with objective='binary:logistic' (and logistic regression, "
                "decision trees, random forests and extra trees of scikit-learn)",
                "ChurnClassifier(default_estimator()).fit(X, y).compile()",
            )
        )


def _used(estimator: Any, model: Mapping[str, Any]) -> int | None:
    """Return how many trees predict: those up to the best round, where the fit was stopped early."""
    try:
        best = int(estimator.best_iteration)
    except AttributeError:
        return None
    return int(model["iteration_indptr"][best + 1])


def _base(stored: str) -> float:
    """Return the log-odds that the sum begins with, in single precision as xgboost works it out."""
    # "5E-1" before xgboost 3.1, "[5E-1]" since
    stated = json.loads(stored)
    share = min(max(np.float32(stated[0] if isinstance(stated, list) else stated), _LEAST), _ONE - _LEAST)
    odds = _ONE / share - _ONE
    return float(-np.float32(math.log(float(odds))))


def _reader(tree: Mapping[str, Any], categories: Sequence[tuple[str, ...] | None]) -> Any:
    """Return a function from the number of a node to the node."""
    single = np.array(tree["split_conditions"], dtype=np.float32)
    cut = first_at_or_above(single)
    segments = zip(tree["categories_nodes"], tree["categories_segments"], tree["categories_sizes"], strict=True)
    sets = {node: frozenset(tree["categories"][first : first + size]) for node, first, size in segments}

    def node_of(number: int) -> Node:
        cover = float(tree["sum_hessian"][number])
        left = tree["left_children"][number]
        if left < 0:
            return Node(float(single[number]), cover)
        column = tree["split_indices"][number]
        known = categories[column]
        test: float | frozenset[int] = float(cut[number])
        if known is not None:
            codes = range(len(known))
            # the codes that xgboost lists go right; where it split the codes as numbers, those at or above
            listed = sets.get(number) if tree["split_type"][number] else None
            test = frozenset(code for code in codes if (code >= cut[number] if listed is None else code in listed))
        return Node(
            0.0,
            cover,
            column,
            test,
            missing_right=not tree["default_left"][number],
            left=left,
            right=tree["right_children"][number],
        )

    return node_of
