"""Judge a model beside "silent for N days", on the same rows and at equal list size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import check_flag, check_integer
from churnlib._typing import FloatArray
from churnlib.economics import RetentionOffer
from churnlib.evaluation._evaluation import Evaluation
from churnlib.evaluation._judged import judge
from churnlib.evaluation._measures import calibration, log_loss, profit, profit_of_longest, ranking, together
from churnlib.evaluation._rows import (
    JudgedRows,
    checked_offer,
    churn_probability,
    contacts_and_gains,
    cutoffs_of,
    say_if_it_never_pays,
)
from churnlib.evaluation._silence import Silence, silence_of
from churnlib.exceptions import ParameterTypeError, message
from churnlib.metrics import RankedOutcomes, calibration_band

__all__ = ["evaluate"]

_MODEL, _SILENT = "model", "silent longest"


def evaluate(
    model: Any,
    data: Any,
    y: Any = None,
    *,
    offer: RetentionOffer | None = None,
    fraction: float = 0.1,
    n_boot: int = 500,
    random_state: int = 0,
    recency: str | None = "any.recency",
    progress: bool = False,
) -> Evaluation:
    """Judge a fitted model on rows it has not seen, beside the rule people use today.

    The rule is "contact those who have been silent longest". It gets a list of exactly
    the model's length, and both are compared on the same resampled customers, so the
    interval of the difference is a paired one. Whether the rows are really unseen is
    up to the caller: ``data.split(test_cutoffs=2)`` sees to it.

    Parameters
    ----------
    model : classifier
        Fitted, with ``predict_proba``.
    data : Dataset or DataFrame of shape (n_rows, n_features)
        The test rows; the index names the customers.
    y : array-like of shape (n_rows,), default=None
        1 = churn, 0 = not; a Dataset brings its own.
    offer : RetentionOffer, default=None
        With an offer, the profit of the model's own contact list is added, and that of
        an equally long list of the longest silent.
    fraction : float, default=0.1
        Share of the rows on the list whose precision and lift are stated.
    n_boot : int, default=500
        Resamples of customers behind the 95 % intervals; a customer at several cutoffs
        is one draw.
    random_state : int, default=0
        Seed of the resamples.
    recency : str or None, default="any.recency"
        Column with the days since the last activity; a missing value counts as silent
        longest. None leaves the comparison out.
    progress : bool, default=False
        Whether to show a progress bar over the resamples.

    Returns
    -------
    Evaluation
        AUC, log-loss, ECE (10 bins of equal mass), precision and lift of the list, and
        profit per row, each with a 95 % interval; the same for the silent; the
        differences; and one sentence that says who wins.

    Raises
    ------
    SchemaError
        If the column of `recency` is missing, or the index does not name customers.
    DataError
        If labels are missing, of one class only, or say who was retained.
    ParameterTypeError
        If the model states no probabilities, or `offer` is no RetentionOffer.

    Warns
    -----
    AssumptionWarning
        If the offer can never pay: then nobody is contacted.

    Notes
    -----
    Percentile intervals from resampled customers. The ECE is the exception: chance alone
    lifts it above zero even for a perfectly calibrated model, and a resample lifts it once
    more. Its interval is moved back onto the estimate, so it says where the ECE *of a
    sample of this size* lies; whether that is more than chance, ``calibration`` says. Profit uses
    ``g (clv − d) − f`` for a contacted churner and ``−(d + f)`` for a contacted stayer,
    so it is what the offer is *assumed* to bring; only an experiment measures it.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from sklearn.linear_model import LogisticRegression
    >>> from churnlib.classification import ChurnClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame(
    ...     {"any.recency": rng.exponential(30, 600), "complaints": rng.poisson(1, 600)},
    ...     index=pd.Index(range(600), name="customer_id"),
    ... )
    >>> y = (rng.random(600) < 1 / (1 + np.exp(2 - X["complaints"]))).astype(int)
    >>> model = ChurnClassifier(LogisticRegression()).fit(X[:300], y[:300])
    >>> result = evaluate(model, X[300:], y[300:], n_boot=100)
    >>> result.frame["metric"].tolist()
    ['auc', 'log_loss', 'ece', 'precision', 'lift']
    >>> result.verdict
    'wins'
    """
    check_flag(progress, name="progress")
    draws = check_integer(n_boot, name="n_boot", low=20)
    if not hasattr(model, "predict_proba"):
        raise ParameterTypeError(
            message(
                f"{type(model).__name__} states no probabilities",
                "a fitted classifier with predict_proba",
                "ChurnClassifier(estimator).fit(train.X, train.y)",
            )
        )
    checked_offer(offer)
    rows = JudgedRows.of(data, y, np.asarray(model.classes_))
    probability = churn_probability(model, _columns_of(model, rows.X), name=type(model).__name__)
    measures = {
        _MODEL: [
            ranking(rows.y, probability, fraction),
            log_loss(rows.y, probability),
            calibration(rows.y, probability),
        ]
    }
    silence = None if recency is None else silence_of(rows.X, recency)
    if silence is not None:
        measures[_SILENT] = [ranking(rows.y, silence, fraction)]
    contacted: FloatArray | None = None
    if offer is not None:
        say_if_it_never_pays(offer, rows.X)
        contacted, gain = contacts_and_gains(rows.X, rows.y, probability, offer)
        measures[_MODEL].append(profit(contacted, gain))
        if silence is not None:
            measures[_SILENT].append(profit_of_longest(silence, contacted, gain))
    judged = judge(
        {name: together(*parts) for name, parts in measures.items()},
        rows.customer,
        n_boot=draws,
        random_state=random_state,
        progress=progress,
    )
    size = RankedOutcomes(rows.y, probability).top(fraction).size
    cutoff = cutoffs_of(rows.X)
    return Evaluation(
        frame=judged.table(_MODEL),
        baseline=None if silence is None else judged.table(_SILENT),
        difference=None if silence is None else judged.difference(_MODEL, _SILENT),
        lift_table=RankedOutcomes(rows.y, probability).table(bins=min(10, len(rows.y))),
        calibration=calibration_band(
            rows.y, probability, customer=rows.customer, bins=min(10, len(rows.y)), random_state=random_state
        ),
        n_rows=len(rows.y),
        n_customers=judged.boot.n_customers,
        base_rate=float(rows.y.mean()),
        fraction=float(fraction),
        list_size=int(size),
        n_contacted=None if contacted is None else int(contacted.sum()),
        silence=None if silence is None else Silence.at_size(silence, int(size)),
        cutoffs=() if cutoff is None else tuple(pd.DatetimeIndex(cutoff.unique()).sort_values()),
        n_boot=draws,
        failed=judged.boot.failed,
    )


def _columns_of(model: Any, X: pd.DataFrame) -> pd.DataFrame:
    """Leave out columns that only the comparison or the offer reads."""
    named = getattr(model, "feature_names_in_", None)
    if named is None or not set(named) < set(X.columns):
        return X
    return X[list(named)]
