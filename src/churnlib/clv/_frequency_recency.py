"""What a model expects of every possible history of one age: the frequency–recency matrix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import check_integer, check_number
from churnlib._typing import ArrayLike, FloatArray
from churnlib.clv._bgbb import BGBB
from churnlib.exceptions import ParameterError, message

__all__ = ["frequency_recency_matrix"]


def frequency_recency_matrix(
    model: Any,
    *,
    T: float,
    t: float,
    max_frequency: int = 20,
    recency: ArrayLike | None = None,
    covariates: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Say what a fitted model expects of each frequency and recency, at one age.

    All customers of the table came at the same time, T ago, and differ only in how
    often they bought again and when they did so last. Read it to see what the model has
    learned: buying often raises the expectation, unless the last purchase is long ago.

    Parameters
    ----------
    model : fitted model of purchases
        Such as `BGNBD`; what is asked of it is ``predict``, ``predict_alive_probability`` and
        ``predict_no_purchase_probability``.
    T : float
        The age of the customers, > 0, in the model's unit of time.
    t : float
        How far to look ahead, >= 0, in the same unit.
    max_frequency : int, default=20
        The table holds 0 to so many repeat purchases.
    recency : array-like of float or None, default=None
        Ages at the last purchase, ascending, each from 0 to T. None takes 0 and twenty
        equal steps up to T, or every opportunity of a `BGBB`.
    covariates : mapping of str to float or None, default=None
        The value of each covariate, the same for all, where the model has any.

    Returns
    -------
    DataFrame
        Indexed by ``frequency`` and ``recency``; ``result["p_alive"].unstack()`` is a matrix.
        ``T`` and ``t`` as given; ``expected_purchases`` in the next t (>= 0); ``p_alive``, the
        probability to be alive now; ``p_no_purchase``, that to buy nothing in the next t (both 0
        to 1). NaN where no such history exists: a customer has recency 0 exactly when there
        was no repeat purchase, and a `BGBB` has at most one purchase per opportunity.

    Raises
    ------
    ParameterError
        If T is not positive, t is negative, or `recency` is not ascending from 0 to T.

    See Also
    --------
    churnlib.plotting.plot_frequency_recency : The picture of it.

    Notes
    -----
    P. S. Fader, B. G. S. Hardie and K. L. Lee, "RFM and CLV", J. Marketing Research 42, 2005, 415–430.

    Examples
    --------
    >>> from churnlib.clv import BGNBD
    >>> model = BGNBD.from_params({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426})
    >>> table = frequency_recency_matrix(model, T=39, t=39, max_frequency=3, recency=[0, 13, 26, 39])
    >>> table["p_alive"].unstack().round(2)
    recency    0.0   13.0  26.0  39.0
    frequency
    0           1.0   NaN   NaN   NaN
    1           NaN  0.50  0.66  0.75
    2           NaN  0.36  0.66  0.81
    3           NaN  0.22  0.64  0.85
    """
    age = _positive(T, "T")
    ahead = check_number(t, name="t", low=0)
    most = check_integer(max_frequency, name="max_frequency", low=0)
    ages = _ages(recency, age, whole=isinstance(model, BGBB))
    cells = pd.MultiIndex.from_product([range(most + 1), ages], names=["frequency", "recency"])
    rows = cells.to_frame(index=False).astype({"frequency": np.float64}).assign(T=age, **(covariates or {}))
    possible = ((rows["frequency"] == 0) == (rows["recency"] == 0)).to_numpy()
    if isinstance(model, BGBB):  # one purchase at each opportunity, at most
        possible = possible & (rows["frequency"] <= rows["recency"]).to_numpy()
    asked = rows[possible]
    values = {
        "expected_purchases": model.predict(asked, t=ahead),
        "p_alive": model.predict_alive_probability(asked),
        "p_no_purchase": model.predict_no_purchase_probability(asked, t=ahead),
    }
    table: dict[str, Any] = {"T": np.full(len(rows), age), "t": np.full(len(rows), ahead)}
    for name, found in values.items():
        table[name] = np.full(len(rows), np.nan)
        table[name][possible] = found
    return pd.DataFrame(table, index=cells)


def _positive(T: float, name: str) -> float:
    age = check_number(T, name=name)
    if age <= 0:
        raise ParameterError(message(f"{name}={age:g} is no age", "an age > 0 in the unit of the model", "T=52"))
    return age


def _ages(recency: ArrayLike | None, T: float, *, whole: bool) -> FloatArray:
    if recency is None:
        return np.arange(np.floor(T) + 1) if whole else np.linspace(0.0, T, 21)
    ages = np.atleast_1d(np.asarray(recency, dtype=np.float64))
    inside = np.isfinite(ages) & (ages >= 0) & (ages <= T)
    if ages.ndim != 1 or not ages.size or not inside.all() or (np.diff(ages) <= 0).any():
        raise ParameterError(
            message(
                f"recency has {int((~inside).sum())} of {ages.size} values outside 0 and T={T:g}, or does not ascend",
                "ages at the last purchase, each once, from 0 to T",
                f"recency=numpy.linspace(0, {T:g}, 14)",
            )
        )
    return ages
