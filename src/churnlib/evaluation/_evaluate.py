"""Judge a model beside "silent for N days", on the same rows and at equal list size."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib._checks import check_flag, check_integer
from churnlib.economics import RetentionOffer
from churnlib.evaluation._evaluation import Evaluation, Silence
from churnlib.evaluation._rows import JudgedRows, cutoffs_of
from churnlib.exceptions import ParameterTypeError, SchemaError, message, nearest
from churnlib.metrics import RankedOutcomes, calibration_band
from churnlib.numerics import CustomerBootstrap, TiedOrder, customer_bootstrap

__all__ = ["evaluate"]

FloatArray = npt.NDArray[np.float64]
Measure = Callable[[npt.NDArray[Any]], float]

# a probability of float32 may be exactly 0 or 1
_TINY = 1e-7


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
    if offer is not None and not isinstance(offer, RetentionOffer):
        raise ParameterTypeError(
            message(
                f"offer is a {type(offer).__name__}",
                "a RetentionOffer says what a contact earns and costs",
                "offer=RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)",
            )
        )
    rows = JudgedRows.of(data, y, np.asarray(model.classes_))
    features = _columns_of(model, rows.X)
    probability = np.asarray(model.predict_proba(features), dtype=np.float64)[:, 1]
    silence = None if recency is None else _silence(rows.X, recency)
    model_measures = _model_measures(rows, probability, fraction)
    silent_measures = {} if silence is None else _ranking_measures(RankedOutcomes(rows.y, silence), fraction)
    contacted: FloatArray | None = None
    if offer is not None:
        contacted, gain = _contacts(rows, probability, offer)
        model_measures["profit"] = _profit_of(contacted, gain)
        if silence is not None:
            silent_measures["profit"] = _profit_of_longest_silent(silence, contacted, gain)
    boot = _resampled(
        [*model_measures.values(), *silent_measures.values()], rows.customer, draws, random_state, progress
    )
    size = RankedOutcomes(rows.y, probability).top(fraction).size
    cutoff = cutoffs_of(rows.X)
    return Evaluation(
        frame=_table(boot, list(model_measures), 0),
        baseline=_table(boot, list(silent_measures), len(model_measures)) if silent_measures else None,
        difference=_differences(boot, list(model_measures), list(silent_measures)) if silent_measures else None,
        lift_table=RankedOutcomes(rows.y, probability).table(bins=min(10, len(rows.y))),
        calibration=calibration_band(
            rows.y, probability, customer=rows.customer, bins=min(10, len(rows.y)), random_state=random_state
        ),
        n_rows=len(rows.y),
        n_customers=boot.n_customers,
        base_rate=float(rows.y.mean()),
        fraction=float(fraction),
        list_size=int(size),
        n_contacted=None if contacted is None else int(contacted.sum()),
        silence=None if silence is None else Silence.at_size(silence, int(size)),
        cutoffs=() if cutoff is None else tuple(pd.DatetimeIndex(cutoff.unique()).sort_values()),
        n_boot=draws,
        failed=boot.failed,
    )


def _columns_of(model: Any, X: pd.DataFrame) -> pd.DataFrame:
    """Leave out columns that only the comparison or the offer reads."""
    named = getattr(model, "feature_names_in_", None)
    if named is None or not set(named) < set(X.columns):
        return X
    return X[list(named)]


def _silence(X: pd.DataFrame, recency: str) -> FloatArray:
    if recency not in X.columns:
        raise SchemaError(
            message(
                f"recency={recency!r} is not a column of X ({nearest(recency, list(X.columns))})",
                "the days since the last activity, for the rule 'silent for N days'",
                "name the column with recency=..., or leave the comparison out with recency=None",
            )
        )
    days = X[recency].to_numpy(dtype=np.float64, na_value=np.nan)
    # never seen at all is longer ago than anything seen
    longest = np.nanmax(days) if np.isfinite(days).any() else 0.0
    return np.where(np.isnan(days), longest + 1.0, days)


def _ranking_measures(ranked: RankedOutcomes, fraction: float) -> dict[str, Measure]:
    return {
        "auc": ranked.auc,
        "precision": lambda w: ranked.top(fraction, sample_weight=w).precision,
        "lift": lambda w: ranked.top(fraction, sample_weight=w).lift,
    }


def _model_measures(rows: JudgedRows, probability: FloatArray, fraction: float) -> dict[str, Measure]:
    ranked = RankedOutcomes(rows.y, probability)
    clipped = np.clip(probability, _TINY, 1.0 - _TINY)
    loss = -np.log(np.where(rows.y == 1, clipped, 1.0 - clipped))
    bins = min(10, len(rows.y))
    ranking = _ranking_measures(ranked, fraction)
    return {
        "auc": ranking["auc"],
        "log_loss": lambda w: float(np.average(loss, weights=w)),
        "ece": lambda w: ranked.calibration_error(bins=bins, sample_weight=w),
        "precision": ranking["precision"],
        "lift": ranking["lift"],
    }


def _contacts(rows: JudgedRows, probability: FloatArray, offer: RetentionOffer) -> tuple[FloatArray, FloatArray]:
    """Return whom the model would contact, and what each contact would have brought."""
    contacted = (probability > offer.threshold(rows.X).to_numpy()).astype(np.float64)
    # with the outcome known, the expected gain at p = 1 and p = 0 is that of churner and stayer
    gain = offer.expected_gain(rows.y.astype(np.float64), rows.X).to_numpy()
    return contacted, gain


def _profit_of(contacted: FloatArray, gain: FloatArray) -> Measure:
    earned = contacted * gain
    return lambda w: float(w @ earned) / float(w.sum())


def _profit_of_longest_silent(silence: FloatArray, contacted: FloatArray, gain: FloatArray) -> Measure:
    order = TiedOrder(silence)

    def profit(w: npt.NDArray[Any]) -> float:
        size = float(w @ contacted)
        # customers equally long silent are on the list with equal chance: their sum grows linearly
        listed = np.concatenate(([0.0], np.cumsum(order.block_sums(w.astype(np.float64)))))
        earned = np.concatenate(([0.0], np.cumsum(order.block_sums(w * gain))))
        return float(np.interp(size, listed, earned)) / float(w.sum())

    return profit


def _resampled(
    measures: list[Measure],
    customer: pd.Index,
    n_boot: int,
    random_state: int,
    progress: bool,  # noqa: FBT001
) -> CustomerBootstrap:
    with _bar(n_boot + 1, progress) as bar:

        def measure(weight: npt.NDArray[np.int64]) -> FloatArray:
            values = np.array([one(weight) for one in measures])
            if bar is not None:
                bar.update()
            return values

        return customer_bootstrap(measure, customer, n_boot=n_boot, random_state=random_state)


def _bar(total: int, progress: bool) -> Any:  # noqa: FBT001
    if not progress:
        return nullcontext()
    from tqdm.auto import tqdm

    return tqdm(total=total, desc="resampling customers", leave=False)


def _table(boot: CustomerBootstrap, names: list[str], start: int) -> pd.DataFrame:
    low, high = boot.interval()
    centred_low, centred_high = boot.interval(method="centred")
    rows = []
    for place, name in enumerate(names, start):
        bounds = (low[place], high[place])
        if name == "ece":
            bounds = (max(centred_low[place], 0.0), max(centred_high[place], 0.0))
        rows.append((name, float(boot.estimate[place]), float(bounds[0]), float(bounds[1])))
    return pd.DataFrame(rows, columns=["metric", "value", "low", "high"])


def _differences(boot: CustomerBootstrap, model: list[str], silent: list[str]) -> pd.DataFrame:
    pairs = [(model.index(name), len(model) + place) for place, name in enumerate(silent)]
    paired = boot.map(lambda value: np.array([value[mine] - value[theirs] for mine, theirs in pairs]))
    table = _table(paired, silent, 0)
    table["verdict"] = [_verdict(low, high) for low, high in zip(table["low"], table["high"], strict=True)]
    return table


def _verdict(low: float, high: float) -> str:
    if low > 0:
        return "wins"
    return "loses" if high < 0 else "no clear difference"
