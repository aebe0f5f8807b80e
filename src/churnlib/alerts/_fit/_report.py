"""What each rule is worth, which rules say the same, and which thresholds were moved: the tables of a fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from churnlib._typing import BoolArray
from churnlib.alerts._backtest._counts import _weeks
from churnlib.alerts._backtest._replay import Replay
from churnlib.alerts._fit._budget import Tuned
from churnlib.alerts._fit._thresholds import Knob
from churnlib.alerts._fit._weights import Weights, cells_of
from churnlib.expressions._nodes import Compare, Length, Name, Number, written

__all__ = ["redundancy_of", "report_of", "thresholds_of", "weeks_of"]


def weeks_of(found: Replay, heard: BoolArray) -> float:
    """Return how many weeks the cutoffs of some rows stand for, as a backtest counts them; NaN for a single cutoff.

    Parameters
    ----------
    found : Replay
        The rules over the past.
    heard : ndarray of bool
        Rows whose alerts count.

    Returns
    -------
    float
        Each cutoff stands for the time since the one before it.
    """
    cutoffs = np.unique(found.data.rows.cutoff)
    counted = np.unique(found.data.rows.cutoff[heard])
    return _weeks(cutoffs[cutoffs <= counted[-1]], counted, found.data.origin.window.timezone)


def report_of(
    found: Replay,
    used: BoolArray,
    heard: BoolArray,
    *,
    fitted: tuple[Weights, Sequence[str]],
    weights: tuple[Mapping[str, float], Mapping[str, float]],
    notes: Mapping[str, str],
) -> pd.DataFrame:
    """Return one row for each rule.

    Parameters
    ----------
    found : Replay
        The rules over the past.
    used : ndarray of bool
        Rows with a label that count.
    heard : ndarray of bool
        Rows whose alerts count, with or without a label.
    fitted : tuple of Weights and ids
        Coefficients, and of which rules.
    weights : tuple of two mappings of str to float
        Weights of all rules as they were given, and now.
    notes : mapping of str to str
        What is to be said of a rule.

    Returns
    -------
    DataFrame
        As in `RuleFit`.
    """
    weeks = weeks_of(found, heard)
    base = float(found.y[used].mean())
    coef, ids = fitted
    place = {name: k for k, name in enumerate(ids)}
    rows = []
    for k, name in enumerate(found.rules.ids):
        told = found.announced[:, k]
        y = found.y[told & used]
        precision = float(y.mean()) if len(y) else np.nan
        hits = told & used & (found.y == 1)
        _, first = np.unique(found.data.rows.customer[hits], return_index=True)
        days = found.days_to_loss[hits][first]
        rows.append(
            {
                "alerts_per_week": int((told & heard).sum()) / weeks,
                "precision": precision,
                "base_rate": base,
                "lift": precision / base,
                "lead_days": float(np.median(days)) if len(days) else np.nan,
                "coefficient": coef.coef[place[name]] if name in place else np.nan,
                "standard_error": coef.standard_error[place[name]] if name in place else np.nan,
                "weight": weights[1][name],
                "weight_before": weights[0][name],
                "note": notes.get(name, ""),
            }
        )
    return pd.DataFrame(rows, index=pd.Index(found.rules.ids, name="rule", dtype=object))


def redundancy_of(firing: BoolArray, ids: Sequence[str]) -> pd.DataFrame:
    """Return how much the rows overlap where rules fire.

    Parameters
    ----------
    firing : ndarray of bool of shape (n_rows, n_rules)
        Where they fire.
    ids : sequence of str
        The rules.

    Returns
    -------
    DataFrame
        One row for each pair of rules that both fire somewhere, those that overlap most first: rule,
        other; jaccard (rows where both fire, as a share of those where one does); both, the number of
        rows where both fire; and contains: which of the two fires wherever the other does, "both" where
        they fire in the same rows.

    Examples
    --------
    >>> firing = np.array([[True, True], [True, False], [False, False]])
    >>> redundancy_of(firing, ["wide", "narrow"])
       rule   other  jaccard  both contains
    0  wide  narrow      0.5     1     wide
    """
    cells = cells_of(firing, np.zeros(len(firing), dtype=bool))
    together = np.rint((cells.firing * cells.count[:, None]).T @ cells.firing).astype(np.int64)
    alone = np.diagonal(together)
    one, two = np.triu_indices(len(ids), k=1)
    fires = (alone[one] > 0) & (alone[two] > 0)
    one, two = one[fires], two[fires]
    both = together[one, two]
    names = np.array([*ids, "both", ""], dtype=object)
    wider = np.where(both == alone[two], one, np.where(both == alone[one], two, len(ids) + 1))
    wider = np.where((both == alone[one]) & (both == alone[two]), len(ids), wider)
    frame = pd.DataFrame(
        {
            "rule": names[one],
            "other": names[two],
            "jaccard": both / (alone[one] + alone[two] - both),
            "both": both,
            "contains": names[wider],
        }
    )
    return frame.sort_values("jaccard", ascending=False, kind="stable", ignore_index=True)


def thresholds_of(tuned: Tuned, before: Replay, after: Replay, heard: BoolArray) -> pd.DataFrame:
    """Return one row for each threshold of a tuned set.

    Parameters
    ----------
    tuned : Tuned
        What was found.
    before, after : Replay
        The rules as they were given, and with the thresholds found.
    heard : ndarray of bool
        Rows whose alerts count.

    Returns
    -------
    DataFrame
        As in `RuleFit`.
    """
    weeks = weeks_of(before, heard)
    rows = []
    for knob, choice in zip(tuned.knobs, tuned.choice, strict=True):
        k = before.rules.ids.index(knob.rule)
        rows.append(
            {
                "rule": knob.rule,
                "before": knob.condition,
                "after": _text(knob, choice),
                "clear_before": _clear_text(knob, knob.given),
                "clear_after": _clear_text(knob, choice),
                "alerts_per_week_before": int((before.announced[:, k] & heard).sum()) / weeks,
                "alerts_per_week_after": int((after.announced[:, k] & heard).sum()) / weeks,
                "note": knob.note,
            }
        )
    return pd.DataFrame(rows)


def _text(knob: Knob, choice: int) -> str:
    if knob.when is None:
        return ""
    return _written(knob.when.operator, knob.when.column, knob.when.literal, knob.choices[choice])


def _clear_text(knob: Knob, choice: int) -> str:
    if knob.clear is None:
        return ""
    return _written(knob.clear.operator, knob.clear.column, knob.clear.literal, knob.cleared_at(choice))


def _written(operator: str, column: str, literal: Number | Length, value: float) -> str:
    there = Number(value) if isinstance(literal, Number) else Length(round(value))
    return written(Compare(operator, Name(column), there))
