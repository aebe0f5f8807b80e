"""What a fit leaves behind about itself: the small numbers of a model card, and no customer's row."""

from __future__ import annotations

import dataclasses
import platform
from importlib import metadata
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib.classification._calibration import clustered_mean, row_log_loss
from churnlib.classification._crossfit import OutOfFold, Sample
from churnlib.classification._encoder import TableEncoder
from churnlib.classification._monotone import MonotoneCheck
from churnlib.exceptions import DataError
from churnlib.metrics import RankedOutcomes, auc_interval
from churnlib.numerics import normal_quantile

__all__ = ["ColumnFacts", "FitFacts", "OutOfFoldFacts", "Spread", "learn_facts", "quantiles_of", "readable"]

FloatArray = npt.NDArray[np.float64]

Quantiles = tuple[float | None, ...]

# quantiles of more rows than this are the same to three digits
_MOST_ROWS = 100_000
# what fewer customers share may tell who they are
_FEWEST_SHARE = 10
_MOST_NAMED = 20
# a cutoff with fewer rows has a churn rate of noise
_FEWEST_AT_CUTOFF = 100
QUANTILES = (0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99)


@dataclasses.dataclass(frozen=True, slots=True)
class Spread:
    """A number with its standard error and 95 % interval; None where they are not known."""

    value: float
    standard_error: float | None
    low: float | None
    high: float | None


@dataclasses.dataclass(frozen=True, slots=True)
class ColumnFacts:
    """One column of the fit.

    Parameters
    ----------
    name : str
        Its name.
    role : {"number", "category"}
        How the model reads it.
    missing : float
        Share of missing values.
    quantiles : tuple of float or None
        Of a number, at `QUANTILES`, rounded to three digits; None where fewer than ten
        customers lie beyond, who might be known by it. Empty for categories.
    n_categories : int or None
        How many categories there are.
    common : tuple of (str, float)
        Categories that at least ten customers share, with their share of the rows, most frequent first.
    monotone : int
        +1, -1 or 0.
    """

    name: str
    role: str
    missing: float
    quantiles: Quantiles
    n_categories: int | None
    common: tuple[tuple[str, float], ...]
    monotone: int


@dataclasses.dataclass(frozen=True, slots=True)
class OutOfFoldFacts:
    """How good the model is on rows that neither it nor its calibration has seen.

    Parameters
    ----------
    n_rows, n_customers : int
        How much it was judged on.
    log_loss, auc : Spread
        Customers are the draws.
    predicted, observed : float
        Mean probability stated, and share of churn.
    quantiles : tuple of float or None
        Of the probabilities, as of a column.
    """

    n_rows: int
    n_customers: int
    log_loss: Spread
    auc: Spread
    predicted: float
    observed: float
    quantiles: Quantiles


@dataclasses.dataclass(frozen=True, slots=True)
class FitFacts:
    """What is known of the rows of a fit, and of how the model did on them out of fold.

    Parameters
    ----------
    n_rows, n_churned : int
        Rows, and those of them that churned.
    n_customers : int or None
        None where the index does not name them.
    weighted : bool
        Whether rows were weighted.
    base_rate : Spread
        Share of churn.
    cutoffs : tuple of str
        First and last cutoff; empty where the index does not say.
    n_cutoffs : int
        How many there are.
    rates : tuple of float
        Lowest and highest (weighted) share of churn at a cutoff of at least 100 rows; empty without two of them.
    columns : tuple of ColumnFacts
        In the order of the fit.
    seed : int
        Seed of the folds and of the default estimator.
    folds : str
        How rows were held out.
    n_folds : int
        0 where nothing was judged out of fold.
    out_of_fold : OutOfFoldFacts or None
        None where nothing was judged out of fold.
    monotone : tuple of MonotoneCheck
        One for each constraint.
    versions : tuple of (str, str)
        What the model was fitted with.
    cause : str or None
        The cause of leaving that the model is about; None is any.
    window : str or None
        What a splitter forward in time knows of the label window.
    tune : object
        Which comparison was asked for.
    calibration : str or None
        Which calibration was asked for.
    """

    n_rows: int
    n_churned: int
    n_customers: int | None
    weighted: bool
    base_rate: Spread
    cutoffs: tuple[str, ...]
    n_cutoffs: int
    rates: tuple[float, ...]
    columns: tuple[ColumnFacts, ...]
    seed: int
    folds: str
    n_folds: int
    out_of_fold: OutOfFoldFacts | None
    monotone: tuple[MonotoneCheck, ...]
    versions: tuple[tuple[str, str], ...]
    cause: str | None = None
    window: str | None = None
    tune: Any = None
    calibration: str | None = None


def learn_facts(
    sample: Sample,
    scored: OutOfFold | None,
    *,
    cv: Any,
    seed: int,
    estimator: Any,
    monotone: tuple[MonotoneCheck, ...],
    tune: Any = None,
    calibration: str | None = None,
) -> FitFacts:
    """Take down the facts of a fit.

    Parameters
    ----------
    sample : Sample
        Rows and folds of the fit.
    scored : OutOfFold or None
        Calibrated scores of rows that neither model nor calibration has seen.
    cv : object
        How the folds were asked for.
    seed : int
        Their seed.
    estimator : classifier
        The fitted one.
    monotone : tuple of MonotoneCheck
        What was found of each constraint.
    tune : object, default=None
        Which comparison was asked for.
    calibration : str or None, default=None
        Which calibration was asked for.

    Returns
    -------
    FitFacts
        Small: it does not grow with the number of rows.

    Examples
    --------
    >>> X = pd.DataFrame({"orders": np.arange(100.0)})
    >>> sample = Sample(X, np.arange(100) % 2, None, TableEncoder.learn(X), None, [])
    >>> facts = learn_facts(sample, None, cv=None, seed=0, estimator=None, monotone=())
    >>> facts.n_churned, facts.columns[0].quantiles[5]
    (50, 49.5)
    """
    everyone = np.arange(len(sample.target))
    weight = sample.weight_of(everyone)
    customer = sample.customer_of(everyone)
    rate, error = clustered_mean(sample.target.astype(np.float64), weight, customer)
    cutoffs = _cutoffs(sample.X)
    return FitFacts(
        n_rows=len(everyone),
        n_churned=int(sample.target.sum()),
        n_customers=None if sample.customer is None else int(sample.customer.nunique()),
        weighted=sample.weight is not None,
        base_rate=_spread(rate, _known(error, customer), high=1.0),
        cutoffs=() if cutoffs is None else _ends(cutoffs),
        n_cutoffs=0 if cutoffs is None else int(cutoffs.nunique()),
        rates=() if cutoffs is None else _rates(cutoffs, sample.target, weight),
        columns=_columns(sample),
        seed=seed,
        folds=_described(cv, grouped=sample.customer is not None),
        n_folds=len(sample.splits),
        out_of_fold=None if scored is None else _judge(sample, scored),
        monotone=monotone,
        versions=_versions(estimator),
        window=_window(cv),
        tune=tune,
        calibration=calibration,
    )


def _known(error: float, customer: Any) -> float | None:
    """Return the standard error, None where one customer alone says nothing of the spread."""
    return error if len(pd.unique(customer)) > 1 else None


def _spread(value: float, error: float | None, *, high: float = np.inf) -> Spread:
    """Return a normal 95 % interval, kept inside what the number can be."""
    if error is None:
        return Spread(value, None, None, None)
    reach = normal_quantile(0.95) * error
    return Spread(value, error, max(value - reach, 0.0), min(value + reach, high))


def _cutoffs(X: pd.DataFrame) -> pd.Index | None:
    return X.index.get_level_values("cutoff") if "cutoff" in X.index.names else None


def _ends(cutoffs: pd.Index) -> tuple[str, ...]:
    known = cutoffs.dropna()
    if not len(known):
        return ()
    return tuple(str(end.isoformat() if hasattr(end, "isoformat") else end) for end in (known.min(), known.max()))


def _rates(cutoffs: pd.Index, target: npt.NDArray[np.int64], weight: FloatArray) -> tuple[float, ...]:
    rows = pd.DataFrame({"counted": weight > 0, "weight": weight, "churned": weight * target})
    by_cutoff = rows.groupby(cutoffs.to_numpy()).sum()
    of_many = by_cutoff[by_cutoff["counted"] >= _FEWEST_AT_CUTOFF]
    enough = of_many["churned"] / of_many["weight"]
    return (float(enough.min()), float(enough.max())) if len(enough) > 1 else ()


def _columns(sample: Sample) -> tuple[ColumnFacts, ...]:
    step = -(-len(sample.X) // _MOST_ROWS)
    some = sample.X.iloc[::step]
    customer = sample.customer_of(np.arange(len(sample.X)))[::step]
    whose = pd.factorize(pd.Index(customer))[0]
    return tuple(_column(name, some, sample.encoder, whose) for name in sample.encoder.columns)


def _column(name: Any, X: pd.DataFrame, encoder: TableEncoder, whose: npt.NDArray[Any]) -> ColumnFacts:
    values = encoder.column(X, name)
    missing = float(pd.isna(values).mean())
    sign = encoder.monotone.get(name, 0)
    if name not in encoder.categories:
        known = np.isfinite(values)
        return ColumnFacts(str(name), "number", missing, quantiles_of(values[known], whose[known]), None, (), sign)
    texts = encoder.categories[name]
    return ColumnFacts(str(name), "category", missing, (), len(texts), _common(values, texts, whose), sign)


def quantiles_of(values: FloatArray, whose: npt.NDArray[Any]) -> Quantiles:
    """Return quantiles beyond each of which, on either side, there are at least ten customers.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Finite numbers.
    whose : ndarray of shape (n,)
        Customer of each.

    Returns
    -------
    tuple of float or None
        At `QUANTILES`, rounded to three digits, None where fewer customers lie beyond, however many
        rows they have; empty without numbers.

    Examples
    --------
    >>> everyone = np.arange(100)
    >>> quantiles_of(everyone / 7, everyone)[:3]
    (None, 1.41, 2.83)
    """
    if not len(values):
        return ()
    found = np.quantile(values, QUANTILES)
    order = np.argsort(values, kind="stable")
    below = _owners(whose[order])[np.searchsorted(values[order], found, side="right")]
    above = _owners(whose[order[::-1]])[len(values) - np.searchsorted(values[order], found, side="left")]
    # 100 customers have ten beyond the first decile; the rounding of .1 * 100 must not hide it
    beyond = len(np.unique(whose)) * np.minimum(QUANTILES, 1.0 - np.asarray(QUANTILES)) + 1e-6
    return tuple(
        rounded(float(value)) if enough >= _FEWEST_SHARE else None
        for value, enough in zip(found, np.minimum(np.minimum(below, above), beyond), strict=True)
    )


def _owners(whose: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return how many customers own the first 0, 1, 2, … of the values: rows of one are one."""
    new = np.zeros(len(whose) + 1, dtype=np.int64)
    new[np.unique(whose, return_index=True)[1] + 1] = 1
    return np.cumsum(new)


def rounded(value: float) -> float:
    """Round to three significant digits, so that a quantile is not the value of one customer.

    Parameters
    ----------
    value : float
        Any finite number.

    Returns
    -------
    float
        The nearest number of three digits.

    Examples
    --------
    >>> rounded(12345.678), rounded(0.0)
    (12300.0, 0.0)
    """
    return float(f"{value:.3g}")


def _common(values: pd.Categorical, texts: tuple[str, ...], whose: npt.NDArray[Any]) -> tuple[tuple[str, float], ...]:
    codes = np.asarray(values.codes)
    present = codes >= 0
    rows = np.bincount(codes[present], minlength=len(texts))
    owned = np.unique(np.stack([codes[present].astype(np.int64), whose[present].astype(np.int64)]), axis=1)
    shared = np.bincount(owned[0], minlength=len(texts)) >= _FEWEST_SHARE
    order = np.argsort(-rows, kind="stable")
    named = [place for place in order.tolist() if shared[place]][:_MOST_NAMED]
    return tuple((texts[place], rounded(rows[place] / len(codes))) for place in named)


def _judge(sample: Sample, scored: OutOfFold) -> OutOfFoldFacts:
    target, weight = sample.target[scored.row], sample.weight_of(scored.row)
    customer = sample.customer_of(scored.row)
    loss, error = clustered_mean(row_log_loss(target, scored.probability), weight, customer)
    total = float(weight.sum())
    return OutOfFoldFacts(
        n_rows=len(target),
        n_customers=int(pd.Index(customer).nunique()),
        log_loss=_spread(loss, _known(error, customer)),
        auc=_auc(target, scored.probability, customer, None if sample.weight is None else weight),
        predicted=float(weight @ scored.probability) / total,
        observed=float(weight @ target) / total,
        quantiles=quantiles_of(scored.probability, pd.factorize(pd.Index(customer))[0]),
    )


def _auc(target: npt.NDArray[np.int64], probability: FloatArray, customer: Any, weight: FloatArray | None) -> Spread:
    try:
        if weight is not None:
            # no closed form of the interval is known for weights
            return Spread(RankedOutcomes(target, probability).auc(weight), None, None, None)
        found = auc_interval(target, probability, customer=customer)
    except DataError:
        # folds forward in time may leave too few churners among the rows that were tested
        return Spread(float("nan"), None, None, None)
    return Spread(found.value, found.standard_error, found.low, found.high)


def _window(cv: Any) -> str | None:
    horizon, lead = getattr(cv, "horizon", None), getattr(cv, "lead", None)
    return None if horizon is None else f"{horizon}, after a blind gap of {'0d' if lead is None else lead}"


def _described(cv: Any, *, grouped: bool) -> str:
    if cv is None or isinstance(cv, int | np.integer):
        kept = "all rows of a customer in the same fold" if grouped else "row by row, since no customers are known"
        return f"dealt at random, {kept}"
    if hasattr(cv, "split"):
        return readable(cv)
    return "given as positions of rows"


def readable(value: Any) -> str:
    """Return how an object prints, short, and without the address at which it lies in memory.

    Parameters
    ----------
    value : object
        A parameter.

    Returns
    -------
    str
        The same in every process.

    Examples
    --------
    >>> readable(len), readable(0.5)
    ('len', '0.5')
    """
    if callable(value) and hasattr(value, "__qualname__"):
        return str(value.__qualname__)
    text = " ".join(repr(value).split())
    before, address, _ = text.partition(" object at 0x")
    text = f"{before}>" if address else text
    return text if len(text) <= 200 else f"{text[:199]}…"


def _versions(estimator: Any) -> tuple[tuple[str, str], ...]:
    named = {"numpy": "numpy", "pandas": "pandas", "scikit-learn": "sklearn"}
    made_by = type(estimator).__module__.split(".")[0]
    if made_by not in named.values():
        named[made_by] = made_by
    found = [("python", platform.python_version())]
    for package in named:
        try:
            found.append((package, metadata.version(package)))
        except metadata.PackageNotFoundError:
            continue  # a classifier of the caller's own
    return tuple(found)
