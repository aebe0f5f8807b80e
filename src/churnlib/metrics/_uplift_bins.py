"""The effect along a ranking, in bins of equal size."""

from __future__ import annotations

import numpy as np
import pandas as pd

from churnlib._typing import FloatArray, IntArray
from churnlib.metrics._uplift_ladder import Ladder
from churnlib.metrics._uplift_rows import Lists, RankedRows

__all__ = ["bins_of"]


def bins_of(
    rows: RankedRows, scores: FloatArray, n_bins: int, codes: IntArray | None, n_customers: int, z: float
) -> tuple[pd.DataFrame, Lists]:
    """Return a row for each bin, highest scores first, and the lists that end where bins do."""
    lists = Lists.of(rows, np.arange(1, n_bins + 1) / n_bins)
    covariance = lists.covariance(rows, codes, n_customers)
    # a bin is what its list gains more than the list before
    step = (np.eye(n_bins) - np.eye(n_bins, k=-1)) * n_bins
    uplift = step @ lists.gain
    error = np.sqrt(np.maximum(np.diag(step @ covariance @ step.T), 0.0))
    edges = np.arange(n_bins + 1) / n_bins * rows.ladder.total
    high, low = _scores_between(rows.ladder, scores, edges)
    frame = pd.DataFrame(
        {
            "rows": np.diff(edges),
            "uplift": uplift,
            "standard_error": error,
            "low": uplift - z * error,
            "high": uplift + z * error,
            "cumulative_uplift": lists.gain * n_bins / np.arange(1, n_bins + 1),
            "score_high": high,
            "score_low": low,
        },
        index=pd.RangeIndex(1, n_bins + 1, name="bin"),
    )
    return frame, lists


def _scores_between(ladder: Ladder, scores: FloatArray, edges: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the highest and the lowest score of the rows with weight between two edges each."""
    counted = np.flatnonzero(ladder.upper > ladder.lower)
    upper, slack = ladder.upper[counted], 1e-12 * edges[-1]
    first = np.searchsorted(upper, edges[:-1] + slack, side="right")
    last = np.searchsorted(upper, edges[1:] - slack, side="left")
    at = scores[counted]
    return at[np.minimum(first, at.size - 1)], at[np.minimum(last, at.size - 1)]
