"""The rule people use today: contact those who have been silent longest."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib.exceptions import SchemaError, message, nearest

__all__ = ["Silence", "silence_of"]


@dataclasses.dataclass(frozen=True, slots=True)
class Silence:
    """The rule "silent for at least N days" that lists as many as the model.

    Parameters
    ----------
    days : float
        N: the shortest silence on a list of that length.
    listed : int
        How many rows the rule lists; more than the model where silences tie at N.

    Examples
    --------
    >>> import numpy as np
    >>> Silence.at_size(np.array([90.0, 30.0, 30.0, 1.0]), 2)
    Silence(days=30.0, listed=3)
    """

    days: float
    listed: int

    @classmethod
    def at_size(cls, silence: npt.NDArray[np.float64], size: int) -> Silence:
        """Find N for a list of a given length.

        Parameters
        ----------
        silence : ndarray of shape (n_rows,)
            Days since the last activity.
        size : int
            Length of the list.

        Returns
        -------
        Silence
            The rule.

        Examples
        --------
        >>> import numpy as np
        >>> Silence.at_size(np.array([5.0, 9.0]), 1).days
        9.0
        """
        place = len(silence) - size
        days = float(np.partition(silence, place)[place])
        return cls(days, int((silence >= days).sum()))


def silence_of(X: pd.DataFrame, recency: str) -> npt.NDArray[np.float64]:
    """Return how long each row has been silent, as a score that ranks those never seen first.

    Parameters
    ----------
    X : DataFrame of shape (n_rows, n_features)
        The rows.
    recency : str
        The column with the days since the last activity.

    Returns
    -------
    ndarray of shape (n_rows,)
        Days; a missing value is longer than any other.

    Raises
    ------
    SchemaError
        If there is no such column, or it holds no numbers.

    Examples
    --------
    >>> silence_of(pd.DataFrame({"any.recency": [3.0, None]}), "any.recency").tolist()
    [3.0, 4.0]
    """
    if recency not in X.columns:
        raise SchemaError(
            message(
                f"recency={recency!r} is not a column of X ({nearest(recency, list(X.columns))})",
                "the days since the last activity, for the rule 'silent for N days'",
                "name the column with recency=..., or leave the comparison out with recency=None",
            )
        )
    if not pd.api.types.is_numeric_dtype(X[recency].dtype):
        raise SchemaError(
            message(
                f"column {recency!r} (recency) holds {X[recency].dtype} values",
                "days as numbers",
                f"X[{recency!r}].dt.days of differences of time, or pd.to_numeric(X[{recency!r}])",
            )
        )
    days = X[recency].to_numpy(dtype=np.float64, na_value=np.nan)
    # never seen at all is longer ago than anything seen
    longest = np.nanmax(days) if np.isfinite(days).any() else 0.0
    return np.where(np.isnan(days), longest + 1.0, days)
