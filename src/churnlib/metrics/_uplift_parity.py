"""Qini and uplift areas as other packages define them, to compare numbers with theirs.

Binary treatment and no propensity: they compare arms of the rows at hand.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from churnlib._checks import check_one_order
from churnlib._typing import ArrayLike, BoolArray, FloatArray
from churnlib.exceptions import DataError, ParameterError, message
from churnlib.metrics._uplift_arms import taken_apart
from churnlib.metrics._uplift_inputs import read_experiment, read_numbers
from churnlib.numerics import TiedOrder

__all__ = ["Method", "QiniMethod", "Strategy", "area_of_other_package", "top_of_sklift"]

Method: TypeAlias = Literal["churnlib", "sklift", "causalml"]
QiniMethod: TypeAlias = Literal["churnlib", "sklift", "causalml", "radcliffe"]
Strategy: TypeAlias = Literal["overall", "by_group"]


def area_of_other_package(
    area: Literal["qini", "auuc"],
    method: QiniMethod,
    outcome: ArrayLike,
    score: ArrayLike,
    *,
    treatment: ArrayLike | None,
    sample_weight: ArrayLike | None,
    negative_effect: bool = True,
) -> float:
    """Return what `method` calls the Qini or the area under the uplift curve, scaled as it is by default there."""
    y, t, s = _arms(method, outcome, score, treatment, sample_weight)
    if method == "causalml":
        return _causalml(area, y, t, s)
    if method == "radcliffe":
        return _above_diagonal(*_qini_curve(y, t, s)) / (y.size * np.count_nonzero(t))
    _only_binary(y)
    curve = _qini_curve if area == "qini" else _uplift_curve
    best = (
        _without_harm(*curve(y, t, s)) if not negative_effect else _above_diagonal(*curve(y, t, _perfect(area, y, t)))
    )
    if best == 0 or (best < 0 and not negative_effect):
        raise DataError(
            message(
                "the perfect order gains nothing, so that sklift's ratio to it has no value",
                "outcomes that differ between rows, and without negative_effect a treatment that helps on the whole",
                "method='churnlib', which divides by nothing",
            )
        )
    return _above_diagonal(*curve(y, t, s)) / best


def _perfect(area: str, y: FloatArray, t: BoolArray) -> FloatArray:
    """Return a score that ranks by what became of the rows, as no model could."""
    if area == "qini":
        return np.where(t, y, -y)
    # treated who stayed and untreated who left first; within them as the larger of two groups asks
    more_saved = np.count_nonzero((y != 0) & ~t) > np.count_nonzero((y == 0) & t)
    perfect: FloatArray = 2.0 * (y == t) + (y if more_saved else t)
    return perfect


def _without_harm(rows: FloatArray, gain: FloatArray) -> float:
    """Return sklift's area above the diagonal where nobody is harmed: as many rows as were gained come first."""
    n, gained = float(rows[-1]), float(gain[-1])
    return gained * (n - gained) / 2


def top_of_sklift(
    outcome: ArrayLike,
    score: ArrayLike,
    *,
    treatment: ArrayLike | None,
    k: float,
    strategy: Strategy,
    sample_weight: ArrayLike | None,
) -> float:
    """Return sklift's uplift at k: the arms' difference of means on the list; of tied rows the last come first."""
    y, t, s = _arms("sklift", outcome, score, treatment, sample_weight)
    _only_binary(y)
    order = np.argsort(s, kind="stable")[::-1]
    y, t = y[order], t[order]
    size = int(y.size * k)
    if strategy == "by_group":
        treated, control = y[t][: int(t.sum() * k)], y[~t][: int((~t).sum() * k)]
    else:
        treated, control = y[:size][t[:size]], y[:size][~t[:size]]
    if not treated.size or not control.size:
        raise DataError(
            message(
                f"among the best {k:g} of {y.size} rows {treated.size} are treated and {control.size} are not",
                "a difference of means needs both",
                "a larger k, or method='churnlib'",
            )
        )
    return float(treated.mean() - control.mean())


def _arms(
    method: QiniMethod,
    outcome: ArrayLike,
    score: ArrayLike,
    treatment: ArrayLike | None,
    sample_weight: ArrayLike | None,
) -> tuple[FloatArray, BoolArray, FloatArray]:
    outcome, treatment, _ = taken_apart(outcome, treatment, None)
    if sample_weight is not None:
        raise ParameterError(
            message(
                f"sample_weight is given with method={method!r}",
                "that method weighs all rows alike",
                "method='churnlib'",
            )
        )
    check_one_order({"outcome": outcome, "score": score, "treatment": treatment})
    trial = read_experiment(outcome, treatment=treatment, propensity=None, needs_propensity=False)
    return trial.outcome, trial.treated, read_numbers(score, "score", trial.outcome.size)


def _only_binary(y: FloatArray) -> None:
    wrong = int(((y != 0) & (y != 1)).sum())
    if wrong:
        raise DataError(
            message(
                f"{wrong} of {y.size} outcomes are neither 0 nor 1",
                "sklift is made for outcomes of two values",
                "method='churnlib', which takes any amount",
            )
        )


def _counted(y: FloatArray, t: BoolArray, s: FloatArray) -> tuple[FloatArray, ...]:
    """Rows, treated, control, and the sums of their outcomes, at the end of each block of equal scores."""
    order = TiedOrder(s)
    columns = (np.ones(y.size), t.astype(np.float64), y * t, y * ~t)
    rows, treated, from_treated, from_control = (np.cumsum(order.block_sums(column)) for column in columns)
    return rows, treated, rows - treated, from_treated, from_control


def _divided(over: FloatArray, under: FloatArray) -> FloatArray:
    divided: FloatArray = np.divide(over, under, out=np.zeros_like(over), where=under > 0)
    return divided


def _qini_curve(y: FloatArray, t: BoolArray, s: FloatArray) -> tuple[FloatArray, FloatArray]:
    rows, treated, control, from_treated, from_control = _counted(y, t, s)
    return rows, from_treated - from_control * _divided(treated, control)


def _uplift_curve(y: FloatArray, t: BoolArray, s: FloatArray) -> tuple[FloatArray, FloatArray]:
    rows, treated, control, from_treated, from_control = _counted(y, t, s)
    return rows, (_divided(from_treated, treated) - _divided(from_control, control)) * rows


def _above_diagonal(rows: FloatArray, gain: FloatArray) -> float:
    x, f = np.concatenate([[0.0], rows]), np.concatenate([[0.0], gain])
    return float((np.diff(x) * (f[1:] + f[:-1])).sum() / 2 - x[-1] * f[-1] / 2)


def _causalml(area: str, y: FloatArray, t: BoolArray, s: FloatArray) -> float:
    """Row by row, tied rows in the order given; where one arm is still missing, on a straight line from 0."""
    order = np.argsort(-s, kind="stable")
    y, t = y[order], t[order]
    treated, rows = np.cumsum(t).astype(np.float64), np.arange(1.0, y.size + 1)
    from_treated, from_control = np.cumsum(y * t), np.cumsum(y * ~t)
    control = rows - treated
    if area == "qini":
        known = control > 0
        gain = from_treated - from_control * _divided(treated, control)
        f = _filled(gain, known)
    else:
        known = (control > 0) & (treated > 0)
        f = _filled(_divided(from_treated, treated) - _divided(from_control, control), known)
        f *= np.arange(f.size)
    if abs(f[-1]) <= 1e-12 * np.abs(f).max():
        raise DataError(
            message(
                "the treatment changed nothing on the whole, so that causalml's ratio to that has no value",
                "a mean effect that is not 0",
                "method='churnlib', which divides by nothing",
            )
        )
    mean = float(f.mean())
    return (mean - float(f[-1]) / 2 if area == "qini" else mean) / abs(float(f[-1]))


def _filled(values: FloatArray, known: BoolArray) -> FloatArray:
    """Put a 0 before the values, and straight lines where they are not known."""
    place = np.arange(values.size + 1.0)
    kept = np.concatenate([[True], known])
    filled: FloatArray = np.interp(place, place[kept], np.concatenate([[0.0], values])[kept])
    return filled
