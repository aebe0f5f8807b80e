"""The rows a learner learns from: features, outcome, arm, and the chance of each arm, looked at and of one length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import check_one_order, named_rows
from churnlib._frames import read_frame
from churnlib._sklearn import BaseEstimator, validate_data
from churnlib._typing import Array, ArrayLike, BoolArray, FloatArray, IntArray
from churnlib.exceptions import DataError, ParameterError, SchemaError, message, some
from churnlib.metrics._arrays import weights
from churnlib.targets import SurvivalRows, UpliftRows, is_uplift_target, read_survival_target, read_uplift_target
from churnlib.targets._uplift_arms import arms_of, usual_control
from churnlib.targets._uplift_chances import chances_of
from churnlib.targets._uplift_target import outcome_numbers, refuse_churn
from churnlib.uplift._models import n_rows_of
from churnlib.uplift._rmst import rmst_outcomes

__all__ = ["AssignedRows", "read_assigned", "read_features"]


@dataclass(frozen=True, slots=True, eq=False)
class AssignedRows:
    """Rows with their outcome and the arm they were assigned to.

    `codes` number the arms, 0 being the control. `propensity` has a column for each arm; None where it was not given.
    `estimate` says that it was asked to be estimated.
    """

    X: Any
    outcome: FloatArray
    codes: IntArray
    arms: Array
    propensity: FloatArray | None
    estimate: bool
    weight: FloatArray | None

    def __len__(self) -> int:
        return len(self.outcome)

    @property
    def n_treatments(self) -> int:
        """How many arms there are beside the control."""
        return len(self.arms) - 1

    @property
    def kind(self) -> IntArray:
        """The arm, and where outcomes are 0 or 1 the outcome: what folds shall have equal shares of."""
        if np.isin(self.outcome, (0.0, 1.0)).all():
            return 2 * self.codes + self.outcome.astype(np.int64)
        return self.codes

    def weight_of(self, rows: Array) -> FloatArray | None:
        """Return the weights of some rows, None where all weigh the same."""
        return None if self.weight is None else self.weight[rows]

    def in_arm(self, code: int) -> BoolArray:
        """Return whether each row is in an arm."""
        here: BoolArray = self.codes == code
        return here


def read_assigned(
    estimator: BaseEstimator,
    X: Any,
    y: Any,
    *,
    treatment: Any,
    propensity: Any,
    sample_weight: ArrayLike | None = None,
    control: Any = None,
    horizon: Any = None,
    default_propensity: Any = None,
    reset: bool = True,
) -> AssignedRows:
    """Check and pair everything that is known of the rows."""
    features = read_features(estimator, X, reset=reset)
    given = _target(y, treatment, propensity, type(estimator).__name__)
    _pair(X, features, y, treatment, propensity, sample_weight)
    if len(given) != n_rows_of(features):
        raise DataError(
            message(
                f"X has {n_rows_of(features)} rows and y {len(given)}",
                "an outcome for each row of X",
                "y=y.loc[X.index]",
            )
        )
    weight = None if sample_weight is None else weights(sample_weight, len(given))[0]
    codes, arms = _arms(given.treatment, control, weight)
    chances, estimate = _chances(given.propensity, propensity, default_propensity, arms, len(given))
    outcome = _outcome(given, horizon, weight)
    return AssignedRows(features, outcome, codes, arms, chances, estimate, weight)


def read_features(estimator: BaseEstimator, X: Any, *, reset: bool) -> Any:
    """Return X as an array or a pandas frame; missing values and columns of texts are left to the models inside."""
    if hasattr(X, "columns") and not isinstance(X, pd.DataFrame):
        X = read_frame(X)
    if not isinstance(X, pd.DataFrame):
        return validate_data(estimator, X, reset=reset, dtype="numeric", ensure_all_finite="allow-nan")
    if not len(X) or not X.shape[1]:
        raise DataError(message(f"X has shape {X.shape}", "rows and columns", "check the filter that left none"))
    if not X.columns.is_unique:
        twice = X.columns[X.columns.duplicated()].unique().tolist()
        raise SchemaError(
            message(
                f"X has several columns {some(map(repr, twice))}", "each name once", "X.loc[:, ~X.columns.duplicated()]"
            )
        )
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    if any(dtype == np.dtype(object) for dtype in X.dtypes):
        X = X.infer_objects()  # numbers that pandas holds as objects are no texts
    for name in X.columns[[dtype.kind == "f" for dtype in X.dtypes]]:
        infinite = np.isinf(X[name].to_numpy(dtype=np.float64, na_value=np.nan))
        if infinite.any():
            raise DataError(
                message(
                    f"{int(infinite.sum())} values of {name!r} are infinite ({named_rows(infinite)})",
                    "numbers, or NaN where a value is missing",
                    "X.replace([np.inf, -np.inf], np.nan)",
                )
            )
    return X


def _target(y: Any, treatment: Any, propensity: Any, learner: str) -> UpliftRows:
    if y is None:
        raise ParameterError(
            message(
                f"{learner} requires y to be passed, but the target y is None",
                "the outcome of each row",
                f"{learner}().fit(X, retained, treatment=treated)",
            )
        )
    if is_uplift_target(y):
        for name, argument in (("treatment", treatment), ("propensity", propensity)):
            twice = argument is not None and (name == "treatment" or "propensity" in y.dtype.names)
            if twice:
                raise ParameterError(
                    message(
                        f"{name} is given twice: as an argument, and in y",
                        "one of them, so that both cannot differ",
                        f"leave out {name}=, or pass the plain outcome as y",
                    )
                )
        return read_uplift_target(y)
    if treatment is None:
        raise ParameterError(
            message(
                "treatment is not given",
                "an effect is the difference between treated and untreated rows",
                f"{learner}().fit(X, retained, treatment=treated), or y=cl.uplift_target(retained=retained, "
                "treatment=treated), which goes through pipelines and searches; with treatment= these need "
                "sklearn.set_config(enable_metadata_routing=True)",
            )
        )
    names = getattr(getattr(y, "dtype", None), "names", None)
    if names is not None:
        survival = read_survival_target(y)
        return UpliftRows(None, survival, arms_of(treatment, len(survival)), None)
    refuse_churn(y, "y")
    outcome = outcome_numbers(y, "y")
    return UpliftRows(outcome, None, arms_of(treatment, len(outcome)), None)


def _pair(X: Any, features: Any, *others: Any) -> None:
    """Refuse labels in different orders, as rows are paired by position."""
    given = dict(zip(("y", "treatment", "propensity", "sample_weight"), others, strict=True))
    check_one_order(({"X": features} if isinstance(X, pd.DataFrame) else {}) | given)


def _arms(treatment: Array, control: Any, weight: FloatArray | None) -> tuple[IntArray, Array]:
    found, codes = np.unique(treatment, return_inverse=True)
    names = found.tolist()
    base = usual_control(names) if control is None else control
    counted = np.bincount(codes.reshape(-1), weights=None if weight is None else (weight > 0).astype(float))
    if len(names) < 2 or (counted == 0).sum() >= len(names) - 1:
        arm = names[int(counted.argmax())]
        raise DataError(
            message(
                f"all {int(counted.sum())} rows are in arm {arm!r}",
                "an effect is the difference between treated and untreated rows",
                "keep a control group: without one nobody knows what the treatment did",
            )
        )
    if base is None:
        raise ParameterError(
            message(
                f"which of the arms {some(map(repr, names))} is the control is not said",
                "the arm without treatment is 0, False, 'control' or 'none', or named",
                f"control={names[0]!r}",
            )
        )
    if base not in names:
        raise DataError(
            message(
                f"no row is in the control, {base!r}; the arms are {some(map(repr, names))}",
                "treated and untreated rows",
                f"control={names[0]!r}, if that is what it is called here",
            )
        )
    place = names.index(base)
    order = [place, *(other for other in range(len(names)) if other != place)]
    number = np.empty(len(names), np.int64)
    number[order] = np.arange(len(names))
    return number[codes.reshape(-1)], found[order]


def _chances(field: Any, argument: Any, default: Any, arms: Array, n_rows: int) -> tuple[FloatArray | None, bool]:
    if argument is None and field is not None:
        field = _control_first(field, arms)
    chosen = next((value for value in (argument, field, default) if value is not None), None)
    if chosen is None:
        return None, False
    if isinstance(chosen, str):
        if chosen != "estimate":
            raise ParameterError(
                message(f"propensity={chosen!r} is no chance", "numbers, or 'estimate'", "propensity='estimate'")
            )
        return None, True
    names = arms.tolist()
    chances = chances_of(chosen, names, n_rows, control=names[0])
    if chances.shape[1] != len(names):
        raise DataError(
            message(
                f"propensity has {chances.shape[1]} arms, and rows are in {len(names)} ({some(map(repr, names))})",
                "rows in every arm: nobody knows the effect of an arm that no row is in",
                "leave the arm out of propensity, and divide the others by their sum",
            )
        )
    return chances, False


def _control_first(field: FloatArray, arms: Array) -> FloatArray:
    """Return the chances of a target in the order of the arms: of names it knows the usual controls only."""
    names = arms.tolist()
    base = usual_control(names)
    if base is None or base == names[0]:
        return field
    held = [base, *sorted(name for name in names if name != base)]
    chances = np.column_stack([1.0 - field, field]) if field.ndim == 1 else field
    # of an arm that no row is in the target tells nothing but the number of columns, which is looked at later
    return chances[:, [held.index(name) for name in names]] if chances.shape[1] == len(names) else chances


def _outcome(given: UpliftRows, horizon: Any, weight: FloatArray | None) -> FloatArray:
    if given.outcome is not None:
        return given.outcome
    survival: SurvivalRows | None = given.survival
    assert survival is not None
    return rmst_outcomes(_packed(survival), horizon=horizon, treatment=given.treatment, sample_weight=weight)


def _packed(rows: SurvivalRows) -> Array:
    """Return the fields as `rmst_outcomes` reads them."""
    entry = [] if rows.entry is None else [("entry", np.float64)]
    packed = np.empty(len(rows), dtype=[("event", bool), ("time", np.float64), *entry])
    packed["event"], packed["time"] = rows.observed, rows.time
    if rows.entry is not None:
        packed["entry"] = rows.entry
    return packed
