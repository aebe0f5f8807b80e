"""Columns in which the probability to churn may only rise, or only fall."""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib.classification._encoder import TableEncoder
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, SchemaError, message, nearest, some

__all__ = ["MonotoneCheck", "check_monotone", "constrain", "with_monotone"]

FloatArray = npt.NDArray[np.float64]

_ABLE = (
    "XGBClassifier, LGBMClassifier, HistGradientBoostingClassifier, DecisionTreeClassifier, "
    "RandomForestClassifier or ExtraTreesClassifier"
)
# every name under which LightGBM reads the same setting
_LIGHTGBM = ("monotone_constraints", "mc", "monotone_constraint", "monotonic_cst")

_GRID_POINTS = 20
_GRID_ROWS = 200
# boosters state float32 probabilities: equal log-odds may differ by one rounding
_ROUNDING = 1e-6


@dataclasses.dataclass(frozen=True, slots=True)
class MonotoneCheck:
    """How often a fitted model broke one of its constraints on a grid.

    Parameters
    ----------
    column : str
        Name of the column.
    sign : int
        +1: the probability to churn must not fall as the column grows; -1: must not rise.
    points : int
        Values of the column that were tried, ascending.
    rows : int
        Rows of the fit in which they were tried, everything else as it was.
    violations : int
        Steps from one value to the next that went the wrong way, of ``rows × (points − 1)``.
    """

    column: str
    sign: int
    points: int
    rows: int
    violations: int


def with_monotone(
    encoder: TableEncoder, monotone: Any, estimator: Any, classes: npt.NDArray[Any] | None = None
) -> TableEncoder:
    """Check the constraints, and write them beside the role of each column.

    Parameters
    ----------
    encoder : TableEncoder
        Columns of the fit and which of them are categories.
    monotone : mapping or None
        Column name to +1 or -1; 0 is no constraint.
    estimator : classifier
        What is to be fitted.
    classes : ndarray of shape (2,), default=None
        Labels, the second of which counts as churn.

    Returns
    -------
    TableEncoder
        The same with `monotone` filled in; itself where nothing is constrained.

    Raises
    ------
    ParameterTypeError
        If `monotone` is no mapping.
    ParameterError
        If a direction is not +1, -1 or 0, the classifier cannot keep constraints, or it sets its own.
    SchemaError
        If a column does not exist, or holds categories.
    DataError
        If the labels are text, of which only the alphabet says which is churn.

    Examples
    --------
    >>> from churnlib.classification import default_estimator
    >>> encoder = TableEncoder.learn(pd.DataFrame({"tenure": [1, 2], "price": [9.5, 7.0]}))
    >>> with_monotone(encoder, {"tenure": -1, "price": 0}, default_estimator()).monotone
    {'tenure': -1}
    """
    if monotone is None:
        return encoder
    if not isinstance(monotone, Mapping):
        raise ParameterTypeError(
            message(
                f"monotone is a {type(monotone).__name__}",
                "a mapping from the name of a column to +1 or -1",
                'monotone={"tenure": -1}',
            )
        )
    signs = {name: sign for name, sign in _checked(monotone, encoder).items() if sign}
    if not signs:
        return encoder
    _refuse_unable(estimator)
    if classes is not None and classes.dtype.kind not in "biuf":
        raise DataError(
            message(
                f"y holds the labels {some([repr(label) for label in classes.tolist()])}, of which the second "
                "counts as churn by alphabet alone",
                "monotone needs to know which is churn: 1 and 0",
                "model.fit(X, (y == '<the label of churn>').astype('int8'))",
            )
        )
    return dataclasses.replace(encoder, monotone=signs)


def _checked(monotone: Mapping[Any, Any], encoder: TableEncoder) -> dict[Hashable, int]:
    unknown = [name for name in monotone if name not in encoder.columns]
    if unknown:
        hints = some([f"{name!r}: {nearest(name, encoder.columns)}" for name in unknown], 3)
        raise SchemaError(
            message(
                f"monotone names {len(unknown):,} columns that X does not have ({hints})",
                "names of columns; those of an array are 'x0', 'x1', …",
                f"monotone={{{str(encoder.columns[0])!r}: 1}}",
            )
        )
    text = [name for name in monotone if name in encoder.categories]
    if text:
        raise SchemaError(
            message(
                f"monotone names {len(text):,} columns of categories ({some(text)})",
                "only numbers have an order",
                f"X[{text[0]!r}] as a number, such as its rank, or leave it out of monotone",
            )
        )
    odd = {name: sign for name, sign in monotone.items() if not _is_sign(sign)}
    if odd:
        raise ParameterError(
            message(
                f"monotone holds {some([f'{name!r}: {sign!r}' for name, sign in odd.items()], 3)}",
                "+1 where the probability to churn may only rise, -1 where it may only fall, 0 for no constraint",
                f"monotone={{{next(iter(odd))!r}: 1}}",
            )
        )
    return {name: int(sign) for name, sign in monotone.items()}


def _is_sign(value: Any) -> bool:
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        return False
    return bool(value in (-1, 0, 1))


def _refuse_unable(estimator: Any) -> None:
    kind = type(estimator).__name__
    setting = _setting(estimator)
    if setting is None:
        inside = " (the steps of a Pipeline may make other columns of these)" if hasattr(estimator, "steps") else ""
        raise ParameterError(
            message(
                f"{kind} cannot keep monotone constraints{inside}",
                f"{_ABLE}",
                "ChurnClassifier(monotone=...) with its own default, or monotone=None",
            )
        )
    parameters = estimator.get_params(deep=False)
    own = [name for name in {setting, *_others(estimator)} if _is_set(parameters.get(name))]
    if own:
        raise ParameterError(
            message(
                f"{kind} sets its own {own[0]}={parameters[own[0]]!r}, and monotone is given as well",
                "constraints stand in one of the two",
                f"{kind}({own[0]}=None), or ChurnClassifier(monotone=None)",
            )
        )
    linear = {"booster": "gblinear", "linear_tree": True}
    broken = [name for name, value in linear.items() if parameters.get(name) == value]
    if broken:
        raise ParameterError(
            message(
                f"{kind}({broken[0]}={linear[broken[0]]!r}) fits straight lines, on which constraints are not kept",
                "trees with a constant in each leaf",
                f"leave {broken[0]} at its default, or monotone=None",
            )
        )


def _is_set(value: Any) -> bool:
    if value is None or isinstance(value, str | numbers.Number):
        return bool(value)
    signs = value.values() if isinstance(value, Mapping) else value
    return any(sign != 0 for sign in signs)


def _is_lightgbm(estimator: Any) -> bool:
    return any(base.__module__.split(".")[0] == "lightgbm" for base in type(estimator).__mro__)


def _others(estimator: Any) -> tuple[str, ...]:
    return _LIGHTGBM if _is_lightgbm(estimator) else ()


def _setting(estimator: Any) -> str | None:
    """Return what the classifier calls its constraints, None if it has none."""
    if _is_lightgbm(estimator):
        return "monotone_constraints"
    known = estimator.get_params(deep=False)
    if hasattr(estimator, "get_booster") and "monotone_constraints" in known:
        return "monotone_constraints"
    return "monotonic_cst" if "monotonic_cst" in known else None


def constrain(estimator: Any, encoder: TableEncoder, n_prepared: int | None) -> None:
    """Hand the constraints to a classifier in its own words.

    All of them mean the same: scikit-learn's ``monotonic_cst``, xgboost's and
    LightGBM's ``monotone_constraints`` are about the probability (or log-odds) of the
    second class, which here is 1 = churn.

    Parameters
    ----------
    estimator : classifier
        A clone, about to be fitted; it is changed.
    encoder : TableEncoder
        Columns, which of them are categories, and the constraints.
    n_prepared : int or None
        Number of columns after imputation and one-hot, which put the numbers first;
        None where the classifier gets the columns as they are.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> tree = DecisionTreeClassifier()
    >>> table = TableEncoder.learn(pd.DataFrame({"plan": ["a", "b"], "tenure": [1, 2]}))
    >>> constrain(tree, with_monotone(table, {"tenure": -1}, tree), 3)
    >>> tree.monotonic_cst
    [-1, 0, 0]
    """
    setting = _setting(estimator)
    if not encoder.monotone or setting is None:
        return
    if n_prepared is None:
        signs = [encoder.monotone.get(name, 0) for name in encoder.columns]
    else:
        signs = [encoder.monotone.get(name, 0) for name in encoder.columns if name not in encoder.categories]
        signs += [0] * (n_prepared - len(signs))
    # xgboost takes a text under every name that a column may have
    text = f"({','.join(map(str, signs))})"
    estimator.set_params(**{setting: text if hasattr(estimator, "get_booster") else signs})


def check_monotone(
    probability: Callable[[pd.DataFrame], FloatArray], X: pd.DataFrame, signs: Mapping[Hashable, int]
) -> tuple[MonotoneCheck, ...]:
    """Count the steps on a grid at which a model breaks its constraints.

    In up to 200 rows, evenly spaced, each constrained column is set in turn to
    up to 20 of its own quantiles while everything else stays.

    Parameters
    ----------
    probability : callable
        Probability to churn of rows, after calibration.
    X : DataFrame of shape (n_rows, n_features)
        Rows of the fit.
    signs : mapping
        Column to +1 or -1.

    Returns
    -------
    tuple of MonotoneCheck
        One for each constraint; no row is kept.

    Examples
    --------
    >>> X = pd.DataFrame({"silence": [1.0, 2.0, 3.0]})
    >>> found = check_monotone(lambda rows: rows["silence"].to_numpy() / 4, X, {"silence": -1})
    >>> found[0].violations, found[0].rows * (found[0].points - 1)
    (6, 6)
    """
    return tuple(_check_one(probability, X, name, sign) for name, sign in signs.items())


def _check_one(
    probability: Callable[[pd.DataFrame], FloatArray], X: pd.DataFrame, name: Hashable, sign: int
) -> MonotoneCheck:
    column = pd.to_numeric(X[name]).astype(np.float64)
    known = column[column.notna()].to_numpy()
    # of the values themselves: between two whole numbers no tree has a reason to be asked
    shares = np.linspace(0.0, 1.0, _GRID_POINTS)
    values = np.unique(np.quantile(known, shares, method="inverted_cdf")) if len(known) else np.zeros(0)
    rows = X.iloc[:: -(-len(X) // _GRID_ROWS)]
    if len(values) < 2:
        return MonotoneCheck(str(name), sign, len(values), len(rows), 0)
    tried = pd.concat([_with_value(rows, name, value) for value in values])
    steps = np.diff(probability(tried).reshape(len(values), len(rows)), axis=0)
    return MonotoneCheck(str(name), sign, len(values), len(rows), int((sign * steps < -_ROUNDING).sum()))


def _with_value(rows: pd.DataFrame, name: Hashable, value: float) -> pd.DataFrame:
    changed = rows.copy()
    changed[name] = value
    return changed
