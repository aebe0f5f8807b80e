"""Rows to judge a model on, from a Dataset or from X and y."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib._typing import FloatArray
from churnlib.calendar import timestamps
from churnlib.economics import RetentionOffer, customers_of
from churnlib.exceptions import DataError, ParameterTypeError, message, some
from churnlib.model_selection import customers_and_cutoffs

__all__ = [
    "JudgedRows",
    "checked_offer",
    "churn_probability",
    "contacts_and_gains",
    "cutoffs_of",
    "features_and_labels",
    "say_if_it_never_pays",
]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class JudgedRows:
    """Features, what came of them, and whose they are.

    Parameters
    ----------
    X : DataFrame of shape (n_rows, n_features)
        Features.
    y : ndarray of shape (n_rows,)
        1 = churn, 0 = not.
    customer : Index of shape (n_rows,)
        Customer of each row.
    """

    X: pd.DataFrame
    y: npt.NDArray[np.int64]
    customer: pd.Index

    @classmethod
    def of(
        cls, data: Any, y: Any, classes: npt.NDArray[Any], *, fix: str = "evaluate(model, test), whose rows are mature"
    ) -> JudgedRows:
        """Read them from a Dataset, or from X and y.

        Parameters
        ----------
        data : Dataset or DataFrame
            A dataset brings its own labels.
        y : array-like of shape (n_rows,) or None
            The labels of a frame.
        classes : ndarray of shape (2,)
            Labels of the model; the second is churn.
        fix : str, default="evaluate(model, test), whose rows are mature"
            The line that mends unknown labels.

        Returns
        -------
        JudgedRows
            Rows with labels 0 and 1.

        Raises
        ------
        DataError
            If labels are missing or unknown to the model, or their number is not that of the rows.
        """
        X, labels = features_and_labels(data, y)
        customer = customers_of(X)
        values, known = np.asarray(labels), classes.tolist()
        if values.dtype == object:
            values = np.where(pd.isna(values), np.nan, values)
        unknown = ~np.isin(values, classes)
        if unknown.any():
            raise DataError(
                message(
                    f"{int(unknown.sum()):,} of {len(values):,} labels are missing or unknown to the model "
                    f"({some(pd.unique(values[unknown]).tolist())})",
                    f"labels {known[0]!r} and {known[1]!r}",
                    fix,
                )
            )
        return cls(X, (values == classes[1]).astype(np.int64), customer)


def features_and_labels(data: Any, y: Any) -> tuple[pd.DataFrame, Any]:
    """Return X and y of a Dataset, or the frame and labels given.

    Parameters
    ----------
    data : Dataset or DataFrame
        Anything with attributes ``X`` and ``y`` is a dataset.
    y : array-like of shape (n_rows,) or None
        Labels of a frame.

    Returns
    -------
    X : DataFrame
        Features.
    y : array-like
        Labels, as many as rows.

    Raises
    ------
    ParameterTypeError
        If there are no labels, two sets of them, or no frame.
    DataError
        If the numbers of rows and labels differ, labels are of other rows or in another order, or say who was
        retained.

    Examples
    --------
    >>> import pandas as pd
    >>> features_and_labels(pd.DataFrame({"a": [1]}), [0])[1]
    [0]
    """
    is_dataset = hasattr(data, "X") and hasattr(data, "y")
    if is_dataset and y is not None:
        raise ParameterTypeError(
            message("a dataset and y were both given", "a dataset brings its own labels", "leave y out")
        )
    X, labels = (data.X, data.y) if is_dataset else (data, y)
    if not isinstance(X, pd.DataFrame):
        raise ParameterTypeError(
            message(
                f"X is a {type(X).__name__}",
                "a Dataset, or a pandas frame whose index names the customers",
                "pd.DataFrame(X, index=pd.Index(ids, name='customer_id'))",
            )
        )
    if labels is None:
        raise ParameterTypeError(message("y is missing", "a frame needs its labels beside it", "pass y=data.y"))
    if getattr(labels, "name", None) == "retained":
        raise DataError(
            message(
                f"y is named 'retained', and its {len(labels):,} rows say who stayed",
                "1 means churn here: the model would be judged upside down",
                "pass y=data.y",
            )
        )
    if np.ndim(labels) != 1:
        raise DataError(
            message(f"y has shape {np.shape(labels)}", "one column of labels, one for each row", "y = frame['churn']")
        )
    if len(labels) != len(X):
        raise DataError(
            message(f"X has {len(X):,} rows and y {len(labels):,} labels", "one label per row", "y.loc[X.index]")
        )
    _refuse_other_order(X, labels)
    return X, labels


def _refuse_other_order(X: pd.DataFrame, y: Any) -> None:
    if not isinstance(y, pd.Series):
        return
    rows, fix = X.index, "y = y.loc[X.index]"
    if y.index.nlevels < rows.nlevels and y.index.name in rows.names:
        rows = rows.get_level_values(str(y.index.name))
        fix = f"y = y.loc[X.index.get_level_values({y.index.name!r})], if it has one label for each"
    if y.index.nlevels != rows.nlevels or y.index.equals(rows):
        return
    own = y.index.isin(rows)
    if bool(own.all()) and any(a != b for a, b in zip(rows, y.index, strict=True)):
        raise DataError(
            message(f"X and y have the same {len(y):,} labels in different order", "rows are matched by position", fix)
        )
    # row numbers have no name, say nothing of whose labels they are, and are matched by position
    if not own.all() and y.index.names == rows.names and None not in rows.names:
        raise DataError(
            message(
                f"{int((~own).sum()):,} of {len(y):,} labels of y are of rows that X does not have "
                f"({some(y.index[~own].tolist())})",
                "rows are matched by position, so both hold the same rows",
                fix,
            )
        )


def cutoffs_of(X: pd.DataFrame) -> pd.DatetimeIndex | None:
    """Return the cutoff of each row, or None if the index does not say.

    Parameters
    ----------
    X : DataFrame
        The rows.

    Returns
    -------
    DatetimeIndex of shape (n_rows,) or None
        Instants; of texts and dates those in UTC that they stand for.

    Raises
    ------
    TimeError
        If a cutoff is missing, or cannot be read as a time.
    ParameterTypeError
        If cutoffs are bare numbers, which have no unit.

    Examples
    --------
    >>> import pandas as pd
    >>> cutoffs_of(pd.DataFrame({"a": [1]})) is None
    True
    """
    if "cutoff" not in X.index.names:
        return None
    cutoff = X.index.get_level_values("cutoff")
    # read even if they are times already: texts sort by their letters, and a missing one is before nothing
    instants = customers_and_cutoffs(X).cutoff_us
    return cutoff if isinstance(cutoff, pd.DatetimeIndex) else timestamps(instants)


def checked_offer(offer: Any) -> None:
    """Refuse what is neither an offer nor None.

    Parameters
    ----------
    offer : object
        What the caller passed.

    Raises
    ------
    ParameterTypeError
        If it is something else.

    Examples
    --------
    >>> checked_offer(None)
    """
    if offer is not None and not isinstance(offer, RetentionOffer):
        raise ParameterTypeError(
            message(
                f"offer is a {type(offer).__name__}",
                "a RetentionOffer says what a contact earns and costs",
                "offer=RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)",
            )
        )


def contacts_and_gains(
    X: pd.DataFrame, y: npt.NDArray[np.int64], probability: FloatArray, offer: RetentionOffer
) -> tuple[FloatArray, FloatArray]:
    """Return whom a model would contact, and what each contact would have brought.

    Parameters
    ----------
    X : DataFrame of shape (n_rows, n_features)
        The rows, as the offer values them.
    y : ndarray of shape (n_rows,)
        1 = churn, 0 = not.
    probability : ndarray of shape (n_rows,)
        Stated by the model.
    offer : RetentionOffer
        What a contact earns and costs.

    Returns
    -------
    contacted, gain : ndarray of shape (n_rows,)
        1 where contacted; money.

    Examples
    --------
    >>> offer = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)
    >>> contacted, gain = contacts_and_gains(pd.DataFrame(index=[0, 1]), np.array([1, 0]), np.array([0.5, 0.1]), offer)
    >>> contacted.tolist(), gain.tolist()
    ([1.0, 0.0], [56.0, -11.0])
    """
    contacted = offer._decide(probability, X)[0].to_numpy().astype(np.float64)
    # with the outcome known, the expected gain at p = 1 and p = 0 is that of churner and stayer
    gain = offer.expected_gain(y.astype(np.float64), X).to_numpy()
    return contacted, gain


def say_if_it_never_pays(offer: RetentionOffer, X: pd.DataFrame) -> None:
    """Warn the caller's caller, once, of an offer that pays for nobody.

    Parameters
    ----------
    offer : RetentionOffer
        What a contact earns and costs.
    X : DataFrame of shape (n_rows, n_features)
        The rows, as the offer values them.

    Warns
    -----
    AssumptionWarning
        If it does not.

    Examples
    --------
    >>> offer = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)
    >>> say_if_it_never_pays(offer, pd.DataFrame(index=[0, 1]))
    """
    if offer._never_pays(np.asarray(offer.threshold(X), dtype=np.float64), X):
        offer._say_that_it_never_pays(stacklevel=4)


def churn_probability(model: Any, X: pd.DataFrame, *, name: str) -> FloatArray:
    """Return the probability to churn that a fitted model states, if it is one.

    Parameters
    ----------
    model : classifier
        Fitted on labels 0 and 1.
    X : DataFrame of shape (n_rows, n_features)
        The rows.
    name : str
        What the model is called, for the message.

    Returns
    -------
    ndarray of shape (n_rows,)
        In [0, 1].

    Raises
    ------
    DataError
        If probabilities are missing or outside [0, 1], or are not two columns with a row for each.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> X = pd.DataFrame({"orders": [1, 2]})
    >>> churn_probability(DummyClassifier().fit(X, [0, 1]), X, name="prior").tolist()
    [0.5, 0.5]
    """
    both = np.asarray(model.predict_proba(X), dtype=np.float64)
    if both.shape != (len(X), 2):
        raise DataError(
            message(
                f"{name} states probabilities of shape {both.shape} for {len(X):,} rows",
                "two columns, of which the second is churn, and a row for each",
                "a classifier whose predict_proba follows scikit-learn, such as ChurnClassifier(estimator)",
            )
        )
    stated = both[:, 1]
    wrong = ~((stated >= 0) & (stated <= 1))
    if wrong.any():
        raise DataError(
            message(
                f"{name} states {int(wrong.sum()):,} of {len(stated):,} probabilities that are missing or outside "
                f"[0, 1] (rows {some(np.flatnonzero(wrong).tolist())})",
                "a probability to churn for each row",
                "a classifier whose predict_proba is bounded, such as ChurnClassifier(estimator)",
            )
        )
    return stated
