"""One model for each cause of leaving, because each cause needs another action."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib.exceptions import ChurnlibError, DataError, ParameterError, message, some

__all__ = ["cause_probability", "fit_causes", "named_causes", "read_causes", "refuse_for_causes"]

# with fewer, a model ranks the few it has seen and hardly anybody else
_FEWEST = 10


class _Model(Protocol):
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any: ...
    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]: ...


def named_causes(y: Any) -> pd.Series[Any]:
    """Return the cause of each row as text, None where the customer was retained, whoever is among the rows.

    Parameters
    ----------
    y : Series or array-like of shape (n_rows,)
        ``data.cause``: text or categories, missing where retained.

    Returns
    -------
    Series of shape (n_rows,)
        Text or None, with the index of `y` where it has one.

    Raises
    ------
    ParameterError
        If `y` is None.
    DataError
        If it holds numbers or empty text.

    Examples
    --------
    >>> named_causes(["payment", None]).tolist()
    ['payment', None]
    """
    if y is None:
        raise ParameterError(
            message("the target y is None", "the cause of each row, missing where retained", "model.fit(X, data.cause)")
        )
    named = y if isinstance(y, pd.Series) else _column(y)
    # a categorical of numbers, too, becomes plain values here
    cause = named.astype(object).where(named.notna(), None)
    left = cause[cause.notna()]
    odd = left[[not isinstance(value, str) for value in left]]
    if len(odd):
        raise DataError(
            message(
                f"y holds {len(odd):,} values that are no text ({some(odd.unique(), 3)})",
                'with target="cause" y is the cause of leaving as text, missing where the customer was retained',
                "model.fit(data.X, data.cause), or ChurnClassifier(target='churn') for 0 and 1",
            )
        )
    blank = int((left.str.strip() == "").sum()) if len(left) else 0
    if blank:
        raise DataError(
            message(
                f"y is an empty text in {blank:,} of {len(cause):,} rows",
                "the name of a cause, or missing where the customer was retained",
                "y = y.mask(y == '')",
            )
        )
    return cause


def read_causes(y: Any) -> pd.Series[Any]:
    """Return the causes of rows to learn from: some left, and some were retained.

    Parameters
    ----------
    y : Series or array-like of shape (n_rows,)
        As for `named_causes`.

    Returns
    -------
    Series of shape (n_rows,)
        As from `named_causes`.

    Raises
    ------
    DataError
        If nobody left, or nobody was retained.

    Examples
    --------
    >>> read_causes(["payment", None, "voluntary"]).tolist()
    ['payment', None, 'voluntary']
    """
    cause = named_causes(y)
    left = cause[cause.notna()]
    if not len(left):
        raise DataError(
            message(
                f"y names no cause: all {len(cause):,} rows are missing",
                "churners and stayers are both needed",
                "a longer history, a later cutoff, or a longer horizon",
            )
        )
    if len(left) == len(cause):
        raise DataError(
            message(
                f"y names a cause in all {len(cause):,} rows ({some(sorted(left.unique()))})",
                "the rows of customers who were retained have no cause",
                "y = y.mask(y == '<the text that means retained>')",
            )
        )
    return cause


def _column(y: Any) -> pd.Series[Any]:
    values = np.asarray(y, dtype=object)
    if values.ndim != 1:
        raise DataError(
            message(
                f"y has shape {values.shape}", "one cause per row, in one dimension", "model.fit(data.X, data.cause)"
            )
        )
    return pd.Series(values)


def _counted(cause: pd.Series[Any], customers: pd.Index | None) -> dict[str, int]:
    """Return how many customers, or rows where the customers are unknown, each cause has lost."""
    who = np.arange(len(cause)) if customers is None else pd.factorize(customers)[0]
    pairs = pd.DataFrame({"cause": cause.to_numpy(dtype=object), "who": who}).dropna().drop_duplicates()
    sizes = pairs["cause"].value_counts()
    return {str(name): int(sizes[name]) for name in sorted(sizes.index)}


def _refuse_rare(counts: Mapping[str, int]) -> None:
    rare = [name for name, count in counts.items() if count < _FEWEST]
    if not rare:
        return
    listed = some([f"{name}: {counts[name]:,}" for name in counts], 8)
    kept = [name for name in counts if name not in rare]
    aim = kept[-1] if len(rare) == 1 and kept else "other"
    merged = dict.fromkeys(rare, aim)
    raise DataError(
        message(
            f"{len(rare):,} of {len(counts):,} causes have lost fewer than {_FEWEST} customers ({listed})",
            "a model of a cause needs more to learn from",
            f"merge causes: y = y.replace({merged!r}), or ChurnClassifier(target='churn')",
        )
    )


def fit_causes(
    blank: Callable[[], _Model], X: Any, y: Any, sample_weight: Any, customers: pd.Index | None
) -> dict[str, Any]:
    """Fit a binary model for each cause, each on its own label.

    A customer lost to another cause in the window counts as *not lost to this one*.
    Each model therefore states a cumulative incidence, the share of customers whom
    this cause takes within the window while all causes are at work, and the
    incidences add up: ``P(churn) = Σ_k P(cause k)``. (Leaving those customers out
    instead would give a risk as if no other cause existed, and those add up to too much.)

    Parameters
    ----------
    blank : callable
        Returns an unfitted binary classifier.
    X : DataFrame or array of shape (n_rows, n_features)
        The rows.
    y : Series or array-like of shape (n_rows,)
        Their causes, missing where retained.
    sample_weight : array-like of shape (n_rows,) or None
        Weight of each row.
    customers : Index of shape (n_rows,) or None
        Customer of each row.

    Returns
    -------
    dict
        Cause to its fitted model, causes sorted.

    Raises
    ------
    DataError
        If `y` is not the cause of each row, or a cause has too few churners.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> X = pd.DataFrame({"failed": [0, 1] * 20})
    >>> models = fit_causes(LogisticRegression, X, [None, "payment"] * 20, None, None)
    >>> models["payment"].predict_proba(X.iloc[:2])[:, 1].round(1).tolist()
    [0.2, 0.8]
    """
    cause = read_causes(y)
    if len(cause) != len(X):
        raise DataError(
            message(
                f"X has {len(X):,} rows and y has {len(cause):,} causes (inconsistent numbers of samples)",
                "one cause per row, missing where retained",
                "model.fit(data.X, data.cause)",
            )
        )
    counts = _counted(cause, customers)
    _refuse_rare(counts)
    models = {}
    for name in counts:
        # lost to another cause is not lost to this one
        lost = (cause == name).astype(np.int8).rename("churn")
        try:
            models[name] = blank().fit(X, lost if isinstance(y, pd.Series) else lost.to_numpy(), sample_weight)
        except ChurnlibError as error:
            raise type(error)(f"cause {name!r}: {error}") from None
    return models


def cause_probability(models: Mapping[str, _Model], X: Any, index: pd.Index) -> pd.DataFrame:
    """Return the probability to be lost to each cause.

    Parameters
    ----------
    models : mapping
        Cause to its fitted model.
    X : DataFrame or array of shape (n_rows, n_features)
        Rows with the columns of the fit.
    index : Index of shape (n_rows,)
        Of the result.

    Returns
    -------
    DataFrame of shape (n_rows, n_causes)
        A column per cause; a row that would sum to more than 1 is scaled to 1.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> X = pd.DataFrame({"a": [1, 2]})
    >>> sure = DummyClassifier(strategy="constant", constant=1).fit(X, [0, 1])
    >>> cause_probability({"moved": sure, "payment": sure}, X, X.index).to_dict("records")[0]
    {'moved': 0.5, 'payment': 0.5}
    """
    stated = np.column_stack([model.predict_proba(X)[:, 1] for model in models.values()])
    # the models are fitted apart from each other, so nothing else keeps their sum below 1
    stated = stated / np.maximum(stated.sum(axis=1, keepdims=True), 1.0)
    return pd.DataFrame(stated, index=index, columns=pd.Index(list(models), dtype=object))


def refuse_for_causes(models: Mapping[str, Any], call: str) -> NoReturn:
    """Refuse a decision or an explanation that depends on the cause.

    Parameters
    ----------
    models : mapping
        Cause to its model.
    call : str
        What to call on one of them instead, such as ``"contact(X, offer)"``.

    Raises
    ------
    ParameterError
        Always.

    Examples
    --------
    >>> refuse_for_causes({"payment": None}, "contact(X, offer)")
    Traceback (most recent call last):
        ...
    churnlib.exceptions.ParameterError: the model was fitted with target="cause" on 1 causes (payment); another ...
    Fix: model.models_["payment"].contact(X, offer)
    """
    shown = "involuntary" if "involuntary" in models else next(iter(models))
    raise ParameterError(
        message(
            f'the model was fitted with target="cause" on {len(models):,} causes ({some(models)})',
            "another cause needs another action (dunning, not a discount)",
            f"model.models_[{json.dumps(shown, ensure_ascii=False)}].{call}",
        )
    )
