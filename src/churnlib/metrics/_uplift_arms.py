"""An uplift target taken apart for the metrics, and the effects of several arms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from churnlib._typing import ArrayLike, FloatArray
from churnlib.exceptions import DataError, ParameterError, message, some
from churnlib.metrics._uplift_inputs import Propensity
from churnlib.targets import UpliftRows, is_uplift_target, read_uplift_target
from churnlib.targets._uplift_arms import usual_control

__all__ = ["effects_of_arms", "has_several_arms", "taken_apart", "treatments_of"]


def taken_apart(
    outcome: ArrayLike, treatment: ArrayLike | None, propensity: Propensity
) -> tuple[ArrayLike, ArrayLike | None, Propensity]:
    """Return outcome, treatment as 0 and 1, and propensity, from one array or as they are given."""
    if not is_uplift_target(outcome):
        if getattr(getattr(outcome, "dtype", None), "names", None) is not None:
            raise _survival("the outcome is an array of several fields, such as a survival target")
        return outcome, treatment, propensity
    rows, chance = _read(outcome, treatment, propensity)
    arms = np.unique(rows.treatment).tolist()
    if _several(rows, arms):
        raise DataError(
            message(
                f"the target has {len(arms)} arms ({some(arms)})",
                "a ranking compares one treatment with the control",
                "RankedEffects(ipw_scores(y)[:, 0], score[:, 0]).qini() for the first; cost_curve for all at once",
            )
        )
    assert rows.outcome is not None
    control = _control(arms)
    return rows.outcome, (rows.treatment != control).astype(np.int8), chance


def has_several_arms(outcome: Any) -> bool:
    """Return whether this is an uplift target of more than one treatment."""
    if not is_uplift_target(outcome):
        return False
    rows = read_uplift_target(outcome)
    return _several(rows, np.unique(rows.treatment).tolist())


def treatments_of(effect: Any) -> list[Any] | None:
    """Return the names of the treatments whose effects these are, in the order of their columns, where they are told.

    An uplift target and doubly robust scores know their arms, a frame its columns.
    """
    if is_uplift_target(effect):
        arms = np.unique(read_uplift_target(effect).treatment).tolist()
        control = _control(arms)
        return [arm for arm in arms if arm != control]
    if hasattr(effect, "propensity") and hasattr(effect, "arms"):
        return list(np.asarray(effect.arms).tolist())[1:]
    columns = getattr(effect, "columns", None)
    return None if columns is None or isinstance(columns, pd.RangeIndex) else list(columns)


def effects_of_arms(outcome: ArrayLike, treatment: ArrayLike | None, propensity: Propensity) -> FloatArray:
    """Return the effect of each arm against the control in each row: ``y 1[a] / e_a - y 1[control] / e_control``."""
    rows, _ = _read(outcome, treatment, propensity)
    arms = np.unique(rows.treatment).tolist()
    control = _control(arms)
    others = [arm for arm in arms if arm != control]
    chances = rows.propensity
    if chances is None or chances.ndim != 2 or chances.shape[1] != len(others) + 1 or control not in arms:
        found = "no propensity" if chances is None else f"propensities of shape {chances.shape}"
        raise DataError(
            message(
                f"the target has the arms {some(arms)} and {found}",
                "the chance of each arm, control first, and rows of each",
                "uplift_target(..., propensity={'control': 0.5, 'call': 0.2, 'email': 0.3})",
            )
        )
    assert rows.outcome is not None
    untreated = np.where(rows.treatment == control, rows.outcome / chances[:, 0], 0.0)
    treated = [np.where(rows.treatment == arm, rows.outcome / chances[:, k], 0.0) for k, arm in enumerate(others, 1)]
    return np.stack(treated, axis=1) - untreated[:, None]


def _read(outcome: Any, treatment: ArrayLike | None, propensity: Propensity) -> tuple[UpliftRows, Propensity]:
    rows = read_uplift_target(outcome)
    if treatment is not None:
        raise ParameterError(
            message("treatment is given beside an uplift target", "the target holds it", "leave treatment= out")
        )
    if rows.survival is not None:
        raise _survival("the outcome of the target is survival, of which some rows are censored")
    if rows.propensity is None:
        return rows, propensity
    if propensity is not None:
        raise ParameterError(
            message("propensity is given twice", "the uplift target holds one", "leave propensity= out")
        )
    return rows, rows.propensity


def _survival(found: str) -> DataError:
    return DataError(
        message(
            found,
            "a metric needs a number for each row",
            "uplift_target(value=rmst_outcomes(survival, horizon='90d', treatment=treated), treatment=treated, ...); "
            "a learner's score does that by its own horizon",
        )
    )


def _several(rows: UpliftRows, arms: list[Any]) -> bool:
    return len(arms) > 2 or (rows.propensity is not None and rows.propensity.ndim == 2)


def _control(arms: list[Any]) -> Any:
    control = usual_control(arms)
    if control is None and len(arms) > 1:
        raise DataError(
            message(
                f"none of the arms {some(arms)} is the control",
                "0, False, 'control' or 'none'",
                "treatment.replace('b', 0)",
            )
        )
    return 0 if control is None and isinstance(arms[0], int) else "control" if control is None else control
