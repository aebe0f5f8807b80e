"""The stages, the bounds between them, and the rules that ask one after another."""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from churnlib._typing import FloatArray, IntArray
from churnlib.exceptions import ParameterError, message

__all__ = [
    "STAGES",
    "Rule",
    "check_age_bounds",
    "cut",
    "return_bounds",
    "silence_bounds",
    "stage_codes",
    "stage_series",
]

STAGES = ("new", "growing", "mature", "reactivated", "resurrected", "at_risk", "lapsed", "lost")
"""Every stage, from the first to the last."""

_SILENCE = {"days": (30.0, 90.0, 180.0), "gap": (2.0, 4.0, 8.0), "p_alive": (0.5, 0.25, 0.1)}
_RETURN = {"days": (90.0, 180.0), "gap": (4.0, 8.0), "p_alive": (90.0, 180.0)}


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """What one rule says of each customer.

    Parameters
    ----------
    name : str
        What it looks at.
    stage : ndarray of int64
        Position in `STAGES`; -1 where it has nothing to say.
    value : ndarray of float64
        What it saw.
    low, high : ndarray of float64
        The bounds between which that lies.
    """

    name: str
    stage: IntArray
    value: FloatArray
    low: FloatArray
    high: FloatArray


def silence_bounds(
    basis: str, at_risk: float | None, lapsed: float | None, lost: float | None
) -> tuple[float, float, float]:
    """Return where the stages of silence begin.

    Parameters
    ----------
    basis : {"days", "gap", "p_alive"}
        What silence is measured in.
    at_risk, lapsed, lost : float or None
        What the caller said; None takes what is usual for the basis.

    Returns
    -------
    tuple of three floats
        In this order: ascending, or descending for probabilities.

    Raises
    ------
    ParameterError
        If they are not in order.

    Examples
    --------
    >>> silence_bounds("days", 45, None, None)
    (45.0, 90.0, 180.0)
    """
    given = (at_risk, lapsed, lost)
    first, second, third = (
        usual if own is None else float(own) for own, usual in zip(given, _SILENCE[basis], strict=True)
    )
    said = f"at_risk={first:g}, lapsed={second:g}, lost={third:g}"
    fix = "at_risk={:g}, lapsed={:g}, lost={:g}".format(*_SILENCE[basis])
    if basis == "p_alive":
        if not (first <= 1 and _follow(third, second, off=0.0) and _follow(second, first, off=0.0)):
            raise ParameterError(
                message(f"{said} do not descend from 1 to 0", "a lower probability to be alive is the later stage", fix)
            )
    elif not (first > 0 and _follow(first, second, off=np.inf) and _follow(second, third, off=np.inf)):
        raise ParameterError(
            message(
                f"{said} do not ascend from above 0", f"each stage begins after the one before (basis={basis!r})", fix
            )
        )
    return first, second, third


def return_bounds(
    basis: str, returned: Sequence[float] | None, silence: tuple[float, float, float]
) -> tuple[float, float]:
    """Return from which gap on a customer who came back is reactivated, and resurrected.

    Parameters
    ----------
    basis : {"days", "gap", "p_alive"}
        What silence is measured in.
    returned : pair of floats or None
        What the caller said.
    silence : tuple of three floats
        From `silence_bounds`; a gap that made a customer lapsed or lost is one to return from.

    Returns
    -------
    tuple of two floats
        Days, or multiples of the usual gap.

    Raises
    ------
    ParameterError
        If they are no ascending pair above 0.

    Examples
    --------
    >>> return_bounds("days", None, (30.0, 90.0, 180.0)), return_bounds("p_alive", None, (0.5, 0.25, 0.1))
    ((90.0, 180.0), (90.0, 180.0))
    """
    if returned is None:
        return _RETURN[basis] if basis == "p_alive" else silence[1:]
    pair = [float(value) for value in returned if _is_number(value)]
    if not (len(pair) == len(returned) == 2 and pair[0] > 0 and _follow(pair[0], pair[1], off=np.inf)):
        raise ParameterError(
            message(
                f"returned={returned!r} is no pair of ascending lengths above 0",
                "the gaps from which a customer counts as reactivated and as resurrected",
                "returned=({:g}, {:g})".format(*_RETURN[basis]),
            )
        )
    return pair[0], pair[1]


def check_age_bounds(growing_from: float, mature_from: float) -> None:
    """Refuse ages that do not ascend.

    Parameters
    ----------
    growing_from, mature_from : float
        Days of tenure.

    Raises
    ------
    ParameterError
        If the second is not above the first.

    Examples
    --------
    >>> check_age_bounds(91, 181)
    """
    if not growing_from < mature_from:
        raise ParameterError(
            message(
                f"growing_from={growing_from:g} is not below mature_from={mature_from:g}",
                "a customer grows before maturing",
                "growing_from=91, mature_from=181",
            )
        )


def cut(name: str, value: FloatArray, bounds: Sequence[float], stages: IntArray, *, top: float = np.inf) -> Rule:
    """Cut values at ascending bounds, each cell closed below and open above.

    Parameters
    ----------
    name : str
        What the values are.
    value : ndarray of float64
        Not negative; an unknown one has no stage.
    bounds : sequence of float
        Ascending.
    stages : ndarray of int64
        The stage of each cell, one more than bounds.
    top : float
        The largest value there can be.

    Returns
    -------
    Rule
        What the bounds say.

    Examples
    --------
    >>> cut("tenure_days", np.array([90.0, 91.0]), [91, 181], stage_codes("new", "growing", "mature")).stage
    array([0, 1])
    """
    cell = np.searchsorted(np.array(bounds, dtype=np.float64), value, side="right")
    edges = np.array([0.0, *bounds, top])
    stage = np.where(np.isnan(value), -1, stages[cell])
    return Rule(name, stage, value, edges[cell], edges[cell + 1])


def stage_codes(*names: str | None) -> IntArray:
    """Return positions in `STAGES`, and -1 for None.

    Parameters
    ----------
    *names : str or None
        Stages.

    Returns
    -------
    ndarray of int64
        One for each name.

    Examples
    --------
    >>> stage_codes(None, "new")
    array([-1,  0])
    """
    return np.array([-1 if name is None else STAGES.index(name) for name in names], dtype=np.int64)


def stage_series(codes: IntArray, index: pd.Index[Any]) -> pd.Series[Any]:
    """Name stages by their position.

    Parameters
    ----------
    codes : ndarray of int64
        Positions in `STAGES`.
    index : pandas.Index
        Labels of the rows.

    Returns
    -------
    Series
        Categorical over all stages, named "stage".

    Examples
    --------
    >>> stage_series(np.array([5]), pd.Index(["ann"])).to_dict()
    {'ann': 'at_risk'}
    """
    return pd.Series(pd.Categorical.from_codes(codes, categories=pd.Index(STAGES)), index=index, name="stage")


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _follow(low: float, high: float, *, off: float) -> bool:
    """Say whether bounds ascend; two that are switched off may be equal."""
    return low < high or low == high == off
