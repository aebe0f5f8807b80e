"""Whether treated and untreated rows resemble each other enough to be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnlib._typing import FloatArray
from churnlib.uplift._rows import AssignedRows

__all__ = ["Overlap", "overlap_of"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Overlap:
    """How well the arms can be compared.

    Attributes
    ----------
    arms : DataFrame
        One row per arm, control first: ``n_rows``; ``lowest`` and ``highest``, the range of its propensity over
        all rows; ``ess``, how many rows of equal weight its weighted rows are worth, and ``ess_share`` of its
        rows, from 0 to 1.
    balance : DataFrame
        One row per numeric feature and treatment: the standardised difference of means to the control, ``before`` and
        ``after`` weighting by the propensity. 0 is equal; above .1 is usually called unbalanced.
    clipped : float
        Share of rows whose estimated propensity was raised to the smallest allowed, or lowered to the largest.
    trimmed : float
        Share of rows left out of the fit, because some arm was too unlikely for them.
    estimated : bool
        Whether the propensity was estimated.

    Examples
    --------
    >>> from churnlib.uplift import dr_scores
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(400, 2))
    >>> treated = rng.random(400) < 0.5
    >>> kept = rng.random(400) < 0.7
    >>> overlap = dr_scores(X, kept, treatment=treated, propensity=0.5).overlap
    >>> overlap.arms["ess_share"].tolist()
    [1.0, 1.0]
    """

    arms: pd.DataFrame
    balance: pd.DataFrame
    clipped: float
    trimmed: float
    estimated: bool

    def __repr__(self) -> str:
        lowest, highest = self.arms["lowest"].min(), self.arms["highest"].max()
        worst = self.balance["after"].abs().max() if len(self.balance) else float("nan")
        return (
            f"Overlap(propensity {lowest:.3g} to {highest:.3g}{', estimated' if self.estimated else ''}, "
            f"smallest ESS {self.arms['ess'].min():,.0f} rows, {self.clipped:.1%} clipped, {self.trimmed:.1%} trimmed, "
            f"largest difference after weighting {worst:.2g})"
        )


def overlap_of(
    rows: AssignedRows, propensity: FloatArray, *, estimated: bool, clipped: float, trimmed: float = 0.0
) -> Overlap:
    """Report on the propensities of rows."""
    weight = np.ones(len(rows)) if rows.weight is None else rows.weight
    member = np.zeros((len(rows), len(rows.arms)))
    member[np.arange(len(rows)), rows.codes] = weight
    weighted = member / propensity
    ess = weighted.sum(axis=0) ** 2 / (weighted**2).sum(axis=0)
    n_rows = np.bincount(rows.codes, minlength=len(rows.arms))
    table = pd.DataFrame(
        {
            "n_rows": n_rows,
            "lowest": propensity.min(axis=0),
            "highest": propensity.max(axis=0),
            "ess": ess,
            "ess_share": ess / n_rows,
        },
        index=pd.Index(rows.arms.tolist(), name="arm"),
    )
    return Overlap(table, _balance(rows, member, weighted), clipped, trimmed, estimated)


def _balance(rows: AssignedRows, before: FloatArray, after: FloatArray) -> pd.DataFrame:
    names, features = _numeric(rows.X)
    filled = features - np.nanmean(np.where(np.isnan(features).all(axis=0), 0.0, features), axis=0)
    np.nan_to_num(filled, copy=False)
    found = {}
    means = {
        when: (weight.T @ filled) / weight.sum(axis=0)[:, None]
        for when, weight in (("before", before), ("after", after))
    }
    # the spread is that before weighting for both, so that weighting cannot look better by widening it
    squares = (before.T @ filled**2) / before.sum(axis=0)[:, None]
    variance = np.maximum(squares - means["before"] ** 2, 0.0)
    spread = np.sqrt((variance[1:] + variance[0]) / 2)
    for when, mean in means.items():
        gap = mean[1:] - mean[0]
        found[when] = np.divide(gap, spread, out=np.zeros_like(gap), where=spread > 0).T.ravel()
    index = pd.MultiIndex.from_product([names, rows.arms[1:].tolist()], names=["feature", "arm"])
    return pd.DataFrame(found, index=index)


def _numeric(X: Any) -> tuple[list[Any], FloatArray]:
    if isinstance(X, pd.DataFrame):
        kept = X.select_dtypes(include=["number", "bool"])
        return list(kept.columns), kept.to_numpy(dtype=np.float64, na_value=np.nan)
    return list(range(X.shape[1])), np.asarray(X, dtype=np.float64)
