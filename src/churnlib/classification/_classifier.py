"""Who is likely to leave: one classifier around any other."""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from churnlib._checks import check_choice
from churnlib._sklearn import BaseEstimator, ClassifierMixin, Tags, check_is_fitted, clone, validate_data
from churnlib.classification._calibration import METHODS, Calibrator, choose_calibration
from churnlib.classification._crossfit import out_of_fold, splits_of
from churnlib.classification._default import default_estimator
from churnlib.classification._encoder import TableEncoder, refuse_repeated_columns
from churnlib.classification._model import fit_rows
from churnlib.classification._reasons import Reference, contributions, reference_of, top_reasons
from churnlib.classification._target import (
    as_table,
    binary_target,
    refuse_other_order,
    refuse_retained,
    row_weights,
    wrong_columns,
)
from churnlib.economics import RetentionOffer, customers_of
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, SchemaError, message

if TYPE_CHECKING:
    from churnlib._typing import Array, FloatArray, IntArray

__all__ = ["ChurnClassifier"]

_CALIBRATIONS = ("auto", "sigmoid", "isotonic")


class ChurnClassifier(ClassifierMixin, BaseEstimator):
    """Probability to churn, whom to contact and why, from any scikit-learn classifier.

    Fitted on the rows of `build_dataset`, it states P(churn in the label window |
    the customer survives the blind gap). It is calibrated only when calibration
    lowers the log-loss out of fold, it is never resampled or re-weighted by class,
    and it is fitted without any economics: decisions take a `RetentionOffer`.

    Columns may be numbers, booleans, text or categories, with missing values.
    Categories are compared by their text and frozen at fit; one not seen before is
    a missing value. A category's dtype and the order of its values do not matter.

    Parameters
    ----------
    estimator : classifier, default=None
        Any classifier with ``predict_proba``; a clone of it is fitted. None is
        `default_estimator`, a shallow gradient boosting. A Pipeline gets the columns
        as they are; other classifiers that do not take categories get them one-hot,
        and numbers imputed by the median and standardised.
    calibration : {"auto", "sigmoid", "isotonic"} or None, default="auto"
        Map from scores to probabilities, fitted on out-of-fold scores, with one model
        at predict time. "auto" keeps the model as it is unless the better map lowers
        the out-of-fold log-loss by more than its standard error; see `calibration_report_`.
    cv : int, splitter, iterable of (train, test) or None, default=None
        Folds for calibration. None is 5 folds that keep all rows of a customer
        together and share churners evenly. They mix times, since the rows do not say
        how long their labels look ahead: pass ``PurgedGroupTimeSplit(horizon=...,
        lead=...)`` to calibrate forward in time instead. Not used with
        ``calibration=None``.
    random_state : int, RandomState or None, default=None
        Seed of the default estimator and of the folds; an `estimator` whose own
        ``random_state`` is None gets it too. None means 0: equal rows give equal bytes.
    n_jobs : int or None, default=1
        How many folds are fitted at once. The result does not depend on it.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        Labels; the second is churn.
    estimator_ : classifier
        The fitted clone.
    calibration_ : {"none", "sigmoid", "isotonic"}
        What was chosen.
    calibrator_ : callable or None
        The map from the model's probability to the calibrated one.
    calibration_report_ : DataFrame or None
        For "auto": out-of-fold log-loss of each choice, improvement over none with its
        standard error (a customer's rows are one draw), and which was chosen; None
        when there was nothing to compare.
    base_rate_ : float
        Share of churn among the (weighted) rows of the fit.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray
        Names of the columns, when they are text.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame(
    ...     {"silence": rng.exponential(30, 400), "plan": rng.choice(["basic", "gold"], 400)},
    ...     index=pd.Index(range(400), name="customer_id"),
    ... )
    >>> y = (rng.random(400) < np.where(X["silence"] > 40, 0.8, 0.1)).astype(int)
    >>> model = ChurnClassifier(random_state=0).fit(X, y)
    >>> model.calibration_
    'none'
    >>> today = pd.DataFrame({"silence": [2.0, 90.0], "plan": "gold"}, index=pd.Index([7, 8], name="customer_id"))
    >>> bool(model.predict_proba(today)[1, 1] > 0.5)
    True

    Money enters only here:

    >>> from churnlib.economics import RetentionOffer
    >>> offer = RetentionOffer(accept_rate=(6, 14), clv=200, offer_cost=10, contact_cost=1)
    >>> model.contact(today, offer).tolist()
    [False, True]
    >>> model.reasons(today.iloc[[1]], top=1)["feature"].tolist()
    ['silence']
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        calibration: str | None = "auto",
        cv: Any = None,
        random_state: int | np.random.RandomState | None = None,
        n_jobs: int | None = 1,
    ) -> None:
        self.estimator = estimator
        self.calibration = calibration
        self.cv = cv
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from rows whose outcome is known.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_features)
            Features. If the index has a level "customer_id", all rows of a customer
            fall in the same fold of the calibration.
        y : array-like of shape (n_rows,)
            1 = churn, 0 = not; or any two labels, of which the second in sorted order
            is churn. Text labels are fitted too, but no decision is made on them: of
            "churned" and "stayed" the second is "stayed".
        sample_weight : array-like of shape (n_rows,), default=None
            Weight of each row.

        Returns
        -------
        ChurnClassifier
            Itself.

        Raises
        ------
        DataError
            If labels are missing, hold one class only, or say who was retained,
            weights are unusable, or values are infinite.
        SchemaError
            If a column holds dates or lists.
        ParameterError
            If `calibration` is unknown or the classifier states no probabilities.

        Examples
        --------
        >>> import pandas as pd
        >>> from sklearn.linear_model import LogisticRegression
        >>> X = pd.DataFrame({"plan": ["a", "b"] * 20})
        >>> model = ChurnClassifier(LogisticRegression()).fit(X, [0, 1] * 20)
        >>> model.predict(X.iloc[:2]).tolist()
        [0, 1]
        """
        if self.calibration is not None:
            check_choice(self.calibration, _CALIBRATIONS, name="calibration")
        seed = _seed(self.random_state)
        template = self._template(seed)
        rows = self._rows(X, fitting=True)
        self.classes_, target = binary_target(y)
        if len(target) != len(rows):
            raise DataError(
                message(
                    f"X has {len(rows):,} rows and y has {len(target):,} labels (inconsistent numbers of samples)",
                    "one label per row",
                    "model.fit(data.X, data.y)",
                )
            )
        refuse_retained(y)
        refuse_other_order(rows, y)
        weight = row_weights(sample_weight, len(rows))
        self._check_weighted_classes(target, weight)
        encoder = TableEncoder.learn(rows)
        self._model = fit_rows(template, rows, target, weight, encoder)
        self.estimator_ = self._model.estimator
        self.base_rate_ = float(np.average(target, weights=weight))
        counted = target == 0 if weight is None else (target == 0) & (weight > 0)
        self._reference: Reference = reference_of(self._model, rows, counted)
        self._calibrate(template, rows, target, weight, encoder, seed)
        return self

    def predict_proba(self, X: Any) -> FloatArray:
        """Return the probability of staying and of churning.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_features)
            Rows with the columns of the fit.

        Returns
        -------
        ndarray of shape (n_rows, 2)
            Column 1 is P(churn in the label window | no churn in the blind gap).

        Raises
        ------
        SchemaError
            If columns are missing, unknown or in another order.

        Examples
        --------
        >>> import pandas as pd
        >>> from sklearn.dummy import DummyClassifier
        >>> X = pd.DataFrame({"a": range(4)})
        >>> ChurnClassifier(DummyClassifier(), calibration=None).fit(X, [0, 0, 0, 1]).predict_proba(X)[0].tolist()
        [0.75, 0.25]
        """
        check_is_fitted(self)
        probability = self._model.probability(self._rows(X, fitting=False))
        if self.calibrator_ is not None:
            probability = self.calibrator_(probability)
        return np.column_stack([1.0 - probability, probability])

    def predict(self, X: Any) -> Array:
        """Return the more probable label; to decide whom to contact, use `contact`.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_features)
            Rows with the columns of the fit.

        Returns
        -------
        ndarray of shape (n_rows,)
            Churn where its probability exceeds one half.

        Examples
        --------
        >>> import pandas as pd
        >>> from sklearn.dummy import DummyClassifier
        >>> X = pd.DataFrame({"a": range(4)})
        >>> ChurnClassifier(DummyClassifier(), calibration=None).fit(X, [0, 0, 0, 1]).predict(X).tolist()
        [0, 0, 0, 0]
        """
        churns = self.predict_proba(X)[:, 1] > 0.5
        labels: Array = self.classes_[churns.astype(np.intp)]
        return labels

    def contact(self, X: pd.DataFrame, offer: RetentionOffer) -> pd.Series[bool]:
        """Decide whom the offer is worth making to.

        A customer is contacted iff the probability to churn exceeds that customer's
        own threshold ``(d + f) / (g (clv − d) + d)``; nobody is where even a certain
        churner would not repay the contact.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_features)
            Rows with the columns of the fit, and the column of the offer's `clv`, if
            it names one.
        offer : RetentionOffer
            What is offered, to what avail and at what cost.

        Returns
        -------
        Series of shape (n_rows,)
            True = contact; named "contact", indexed like `X`.

        Raises
        ------
        DataError
            If customers have no value, with their count, or the labels of the fit were text.

        Examples
        --------
        >>> import pandas as pd
        >>> from sklearn.dummy import DummyClassifier
        >>> X = pd.DataFrame({"a": range(4), "margin": [5.0, 50, 500, 5000]})
        >>> model = ChurnClassifier(DummyClassifier(), calibration=None).fit(X[["a"]], [0, 0, 0, 1])
        >>> model.contact(X, RetentionOffer(accept_rate=0.3, clv="margin", offer_cost=10)).tolist()
        [False, False, True, True]
        """
        probability = self._churn_probability(X, offer)
        chosen = probability > offer.threshold(X).to_numpy()
        return pd.Series(chosen, index=X.index, name="contact")

    def expected_gain(self, X: pd.DataFrame, offer: RetentionOffer) -> pd.Series[float]:
        """Return what contacting each customer is expected to earn, net of the offer's costs.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_features)
            As in `contact`.
        offer : RetentionOffer
            What is offered, to what avail and at what cost.

        Returns
        -------
        Series of shape (n_rows,)
            Money; positive where the contact pays. Named "expected_gain", indexed like `X`.

        Raises
        ------
        DataError
            If customers have no value, with their count, or the labels of the fit were text.

        Examples
        --------
        >>> import pandas as pd
        >>> from sklearn.dummy import DummyClassifier
        >>> X = pd.DataFrame({"a": range(2)})
        >>> model = ChurnClassifier(DummyClassifier(), calibration=None).fit(X, [0, 1])
        >>> model.expected_gain(X, RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)).tolist()
        [22.5, 22.5]
        """
        probability = self._churn_probability(X, offer)
        gain: pd.Series[float] = offer.expected_gain(probability, X)
        return gain

    def reasons(self, X: Any, top: int = 2, *, direction: str = "raises") -> pd.DataFrame:
        """List what sets each row apart from customers who stay, strongest first.

        A contribution is in log-odds before calibration and is centred on retained
        customers of the fit. For xgboost it is the exact tree contribution less its
        mean over (up to 1,000, evenly spaced) retained rows. For any other classifier it is the
        change of the log-odds when this one column is set to that of a typical
        retained customer (lower median, or most frequent category); it costs one
        prediction per column. Contributions describe the model and are not effects.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_features)
            Rows with the columns of the fit. Explain the rows that are listed rather
            than all: about 0.3 ms a row.
        top : int, default=2
            At most so many reasons a row.
        direction : {"raises", "lowers", "both"}, default="raises"
            Reasons to leave, to stay, or whatever weighs most.

        Returns
        -------
        DataFrame
            Indexed like `X`, a row per reason: ``rank`` (from 1), ``feature``, ``value``
            (as it stands in `X`), ``contribution`` and ``direction``. A row of `X` that
            nothing sets apart in that direction does not appear.

        Raises
        ------
        ParameterError
            If `top` is below 1 or `direction` is unknown.
        DataError
            If the labels of the fit were text.

        Examples
        --------
        >>> import pandas as pd
        >>> from sklearn.linear_model import LogisticRegression
        >>> X = pd.DataFrame({"orders": [1, 2, 3, 4], "plan": ["a", "a", "b", "b"]})
        >>> model = ChurnClassifier(LogisticRegression(), calibration=None).fit(X, [1, 1, 0, 0])
        >>> model.reasons(X.iloc[[0]])[["rank", "feature", "value"]].to_dict("records")
        [{'rank': 1, 'feature': 'orders', 'value': 1}, {'rank': 2, 'feature': 'plan', 'value': 'a'}]
        """
        check_is_fitted(self)
        self._refuse_text_labels()
        return top_reasons(self._table(X), self._contributions(X), top=top, direction=direction)

    def contributions(self, X: Any) -> pd.DataFrame:
        """Return the contribution of every column to every row's log-odds, as `reasons` ranks them.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_features)
            Rows with the columns of the fit.

        Returns
        -------
        DataFrame of shape (n_rows, n_features)
            Log-odds; positive raises the risk.

        Examples
        --------
        >>> import pandas as pd
        >>> from sklearn.linear_model import LogisticRegression
        >>> X = pd.DataFrame({"orders": [1.0, 2, 3, 4]})
        >>> model = ChurnClassifier(LogisticRegression(), calibration=None).fit(X, [1, 1, 0, 0])
        >>> model.contributions(X)["orders"].round(1).tolist()
        [1.7, 0.8, 0.0, -0.8]
        """
        table = self._table(X)
        return pd.DataFrame(self._contributions(X), index=table.index, columns=table.columns)

    def _contributions(self, X: Any) -> FloatArray:
        check_is_fitted(self)
        return contributions(self._model, self._rows(X, fitting=False), self._reference)

    def _churn_probability(self, X: pd.DataFrame, offer: RetentionOffer) -> FloatArray:
        check_is_fitted(self)
        if not isinstance(offer, RetentionOffer):
            raise ParameterTypeError(
                message(
                    f"offer is a {type(offer).__name__}",
                    "a RetentionOffer says what a contact earns and costs",
                    "RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)",
                )
            )
        if not isinstance(X, pd.DataFrame):
            raise ParameterTypeError(
                message(
                    f"X is a {type(X).__name__}",
                    "a decision is made about customers, whom the index of a pandas frame names",
                    "pd.DataFrame(X, index=customer_ids)",
                )
            )
        self._refuse_text_labels()
        named = getattr(self, "feature_names_in_", None)
        if isinstance(offer.clv, str) and named is not None and offer.clv in X.columns and offer.clv not in named:
            X = X.drop(columns=offer.clv)
        return self.predict_proba(X)[:, 1]

    def _refuse_text_labels(self) -> None:
        """Refuse to decide where only the alphabet says which of two labels is churn."""
        if self.classes_.dtype.kind in "biuf":
            return
        stays, churns = self.classes_.tolist()
        raise DataError(
            message(
                f"the model was fitted on the labels {stays!r} and {churns!r}, of which the second, {churns!r}, "
                "counts as churn by alphabet alone",
                "a decision needs labels that say which is churn: 1 and 0",
                f"model.fit(X, (y == '<the label of churn>').astype('int8')), here {stays!r} or {churns!r}",
            )
        )

    def _template(self, seed: int) -> Any:
        if self.estimator is None:
            return default_estimator(random_state=seed)
        if not hasattr(self.estimator, "predict_proba"):
            raise ParameterError(
                message(
                    f"{type(self.estimator).__name__} states no probabilities",
                    "a classifier with predict_proba",
                    f"CalibratedClassifierCV({type(self.estimator).__name__}())",
                )
            )
        template = clone(self.estimator)
        if self.random_state is not None:
            unset = {
                name: seed
                for name, value in template.get_params(deep=True).items()
                if value is None and name.split("__")[-1] == "random_state"
            }
            template.set_params(**unset)
        return template

    def _table(self, X: Any) -> pd.DataFrame:
        table = as_table(X)
        if table is not None:
            return table
        values = np.asarray(X)
        return pd.DataFrame(values, columns=[f"x{position}" for position in range(values.shape[1])])

    def _rows(self, X: Any, *, fitting: bool) -> pd.DataFrame:
        """Check the columns as scikit-learn does, remember them in fit, and return a pandas frame."""
        table = as_table(X)
        if table is None:
            values = validate_data(self, X, reset=fitting, dtype="numeric", ensure_all_finite="allow-nan")
            return self._table(values)
        refuse_repeated_columns(table)
        try:
            validate_data(self, table, reset=fitting, skip_check_array=True)
        except ValueError as error:
            expected = getattr(self, "feature_names_in_", None)
            if fitting or expected is None:
                raise
            raise wrong_columns(table, expected, error) from None
        if not len(table) or not table.shape[1]:
            raise SchemaError(
                message(
                    f"X has {len(table):,} rows and {table.shape[1]:,} columns (0 sample(s) or 0 feature(s))",
                    "at least one of each",
                    "data.X of a log with events before the cutoffs",
                )
            )
        return table

    def _check_weighted_classes(self, target: IntArray, weight: FloatArray | None) -> None:
        if weight is not None and len(np.unique(target[weight > 0])) < 2:
            raise DataError(
                message(
                    f"sample_weight is zero in {int((weight == 0).sum()):,} of {len(weight):,} rows, "
                    "and the others hold one class only",
                    "churners and stayers are both needed",
                    "sample_weight above 0 for both",
                )
            )

    def _calibrate(
        self,
        template: Any,
        rows: pd.DataFrame,
        target: IntArray,
        weight: FloatArray | None,
        encoder: TableEncoder,
        seed: int,
    ) -> None:
        self.calibration_ = "none"
        self.calibrator_: Calibrator | None = None
        self.calibration_report_: pd.DataFrame | None = None
        if self.calibration is None:
            return
        customers = _customers_or_none(rows)
        splits = splits_of(self.cv, rows, target, customers, seed=seed)
        if not splits:
            if self.calibration == "auto":
                return
            raise DataError(
                message(
                    f"too few customers of a class to calibrate out of fold "
                    f"({int(target.sum()):,} churn rows of {len(target):,})",
                    "two customers of each class at least, so that every fold has both to learn from",
                    "calibration='auto', or calibration=None",
                )
            )
        scored = out_of_fold(template, rows, target, weight, encoder, splits, n_jobs=self.n_jobs)
        seen = target[scored.row]
        weights = np.ones(len(seen)) if weight is None else weight[scored.row]
        groups: Any = scored.row if customers is None else customers[scored.row]
        method = self.calibration
        if method == "auto":
            self.calibration_report_ = choose_calibration(scored.probability, seen, weights, groups, seed=seed)
            method = str(self.calibration_report_.index[self.calibration_report_["chosen"]][0])
        if method != "none":
            self.calibrator_ = METHODS[method](scored.probability, seen, weights)
        self.calibration_ = method

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        return tags


def _seed(random_state: Any) -> int:
    if random_state is None:
        return 0
    if isinstance(random_state, numbers.Integral):
        return int(random_state)
    from sklearn.utils import check_random_state

    return int(check_random_state(random_state).randint(2**31 - 1))


def _customers_or_none(rows: pd.DataFrame) -> pd.Index | None:
    return customers_of(rows) if "customer_id" in rows.index.names else None
