"""Who is likely to leave: one classifier around any other."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from churnlib._checks import check_choice, check_flag, check_integer
from churnlib._sklearn import BaseEstimator, ClassifierMixin, Tags, check_is_fitted, clone, validate_data
from churnlib.classification._calibration import (
    METHODS,
    Calibrator,
    choose_calibration,
    cross_calibrated,
    too_few_to_calibrate,
)
from churnlib.classification._card import ModelCard, write_card
from churnlib.classification._causes import cause_probability, fit_causes, named_causes, refuse_for_causes
from churnlib.classification._choice import Choice, choose_model
from churnlib.classification._compile import compile_classifier
from churnlib.classification._compiled import CompiledScorer
from churnlib.classification._crossfit import OutOfFold, Sample, out_of_fold
from churnlib.classification._default import default_estimator
from churnlib.classification._encoder import TableEncoder, refuse_repeated_columns
from churnlib.classification._facts import FitFacts, learn_facts
from churnlib.classification._model import refuse_early_stopping, refuse_without_score
from churnlib.classification._monotone import check_monotone, with_monotone
from churnlib.classification._reasons import Reference, contributions, reference_of, top_reasons
from churnlib.classification._target import (
    as_table,
    binary_target,
    refuse_other_order,
    refuse_retained,
    refuse_text_labels,
    row_weights,
    wrong_columns,
)
from churnlib.classification._tuning import candidates_of, read_tune
from churnlib.economics import RetentionOffer, customers_of
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, SchemaError, message

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
        Any classifier with ``predict_proba``; a clone of it is fitted. One with
        ``decision_function`` only, such as a support vector machine, has its margins
        calibrated. None is a gradient boosting, shallow (`default_estimator`) or deep as
        `tune` finds. A Pipeline gets the columns as they are; other classifiers that do
        not take categories get them one-hot, and numbers imputed by the median and
        standardised.
    target : {"churn", "cause"}, default="churn"
        What `y` holds: whether the customer churned, or the cause (``data.cause``, text,
        missing where retained). With "cause" every cause gets a model of its own, in which
        customers lost to another cause count as not lost to this one; so each states the
        share that its cause takes in the window while all causes are at work, and
        P(churn) = Σ P(cause k), scaled to 1 where it would exceed 1. Contacts, reasons
        and cards are then those of one of `models_`, since another cause needs another action.
    monotone : dict, default=None
        Name of a column of numbers to a sign (the columns of an array are "x0", "x1", …): as
        it grows, the probability to churn never falls (+1) or never rises (-1), everything
        else equal; 0 is no constraint. A missing value has no place in the order. For xgboost,
        LightGBM and scikit-learn's trees, forests and histogram boosting; `card` shows a
        check on a grid.
    tune : {"auto"}, int, Tuning or None, default="auto"
        Which models are compared by their log-loss out of fold before one is fitted. For
        ``estimator=None``, "auto" compares the shallow boosting with a deep one, whose
        number of trees is found on the folds, and takes the deep one only if it is better
        by more than the standard error of the difference; a number is a budget of trials,
        these two first and random ones after them, of which the best mean is taken. An
        estimator of your own needs a `Tuning` with its space, and "auto" leaves it as it
        is. None compares nothing. See `tuning_report_`.
    calibration : {"auto", "sigmoid", "isotonic"} or None, default="auto"
        Map from scores to probabilities, fitted on out-of-fold scores, with one model
        at predict time. "auto" keeps the model as it is unless the better map lowers
        the out-of-fold log-loss by more than its standard error; see `calibration_report_`.
        Margins are no probabilities: for them "auto" chooses between the two maps.
    cv : int, splitter, iterable of (train, test) or None, default=None
        Folds for `tune` and `calibration`. None is 5 folds that keep all rows of a customer
        together and share churners evenly. They mix times, since the rows do not say
        how long their labels look ahead: pass ``PurgedGroupTimeSplit(horizon=...,
        lead=...)`` to look forward in time instead. Not used with
        ``tune=None, calibration=None``.
    random_state : int, RandomState or None, default=None
        Seed of the default estimator and of the folds; an `estimator` whose own
        ``random_state`` is None gets it too. None means 0, so that equal rows give equal bytes,
        but leaves an `estimator` of your own as it is.
    n_jobs : int or None, default=1
        How many folds are fitted at once. The result does not depend on it.
    progress : bool, default=False
        Show a bar while models are compared.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        Labels; the second is churn.
    estimator_ : classifier
        The fitted clone.
    tuning_report_ : DataFrame or None
        A row for each model compared: out-of-fold ``log_loss``, ``improvement`` over the
        first with its ``standard_error`` (a customer's rows are one draw), which was
        ``chosen``, and its ``parameters``. The log-loss is missing where there were too few
        customers for folds, and the first was taken; None where nothing was to be compared.
    calibration_ : {"none", "sigmoid", "isotonic"}
        What was chosen.
    calibrator_ : callable or None
        The map from the model's probability to the calibrated one.
    calibration_report_ : DataFrame or None
        For "auto": out-of-fold log-loss of each choice, improvement over the first with its
        standard error (a customer's rows are one draw), and which was chosen; None
        when there was nothing to compare.
    base_rate_ : float
        Share of churn among the (weighted) rows of the fit.
    causes_ : tuple of str
        With ``target="cause"``: the causes, sorted.
    models_ : dict
        With ``target="cause"``: each cause with its `ChurnClassifier`, which holds all
        other attributes.
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
        target: str = "churn",
        monotone: Mapping[str, int] | None = None,
        tune: Any = "auto",
        calibration: str | None = "auto",
        cv: Any = None,
        random_state: int | np.random.RandomState | None = None,
        n_jobs: int | None = 1,
        progress: bool = False,
    ) -> None:
        self.estimator = estimator
        self.target = target
        self.monotone = monotone
        self.tune = tune
        self.calibration = calibration
        self.cv = cv
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.progress = progress

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
            "churned" and "stayed" the second is "stayed". With ``target="cause"`` the cause
            as text or categories, missing where retained.
        sample_weight : array-like of shape (n_rows,), default=None
            Weight of each row; one of weight zero is in no fold. To the default estimator only
            their proportions matter; one of your own gets them as they are.

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
            If `calibration` or `tune` is unknown, the classifier states neither
            probabilities nor margins, or is an xgboost that stops early, or `cv` gives no fold.
        ParameterTypeError
            If `tune`, `cv`, `random_state` or `n_jobs` is of another kind.

        Examples
        --------
        >>> import pandas as pd
        >>> from sklearn.linear_model import LogisticRegression
        >>> X = pd.DataFrame({"plan": ["a", "b"] * 20})
        >>> model = ChurnClassifier(LogisticRegression()).fit(X, [0, 1] * 20)
        >>> model.predict(X.iloc[:2]).tolist()
        [0, 1]
        """
        check_choice(self.target, ("churn", "cause"), name="target")
        check_flag(self.progress, name="progress")
        _check_n_jobs(self.n_jobs)
        if self.calibration is not None:
            check_choice(self.calibration, _CALIBRATIONS, name="calibration")
        seed = _seed(self.random_state)
        self._forget()
        if self.target == "cause":
            return self._fit_causes(X, y, sample_weight, seed)
        template = self._template(seed)
        own = self.estimator is not None
        read_tune(self.tune, template if own else None)  # a mistake in it is told before rows are read
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
        if weight is not None and not own:
            # the default's penalties are meant for rows that weigh 1 in the mean
            weight = weight / weight.max()
            weight = weight / weight[weight > 0].mean()
        self.base_rate_ = float(np.average(target, weights=weight))
        candidates = candidates_of(template, self.tune, own=own, seed=seed, base_rate=self.base_rate_)
        known = TableEncoder.learn(rows)
        encoder = with_monotone(known, self.monotone, template, self.classes_)
        for one in candidates:
            refuse_without_score(one.estimator, self.calibration)
            refuse_early_stopping(one.estimator)
            self._seeded(one.estimator, seed)
            with_monotone(known, self.monotone, one.estimator, self.classes_)
        sample = Sample(rows, target, weight, encoder, _customers_or_none(rows), [])
        if candidates or self.calibration is not None:
            sample = sample.split(self.cv, seed=seed)
        choice = choose_model(
            template,
            candidates,
            sample,
            cautious=self.tune == "auto",
            seed=seed,
            n_jobs=self.n_jobs,
            progress=self.progress,
        )
        self.tuning_report_: pd.DataFrame | None = choice.report
        self._model = sample.fit(choice.estimator)
        self.estimator_ = self._model.estimator
        counted = target == 0 if weight is None else (target == 0) & (weight > 0)
        self._reference: Reference = reference_of(self._model, rows, counted)
        unseen = self._calibrate(choice, sample, seed)
        broken = check_monotone(self._stated, rows, encoder.monotone)
        self._facts: FitFacts = learn_facts(
            sample,
            unseen,
            cv=self.cv,
            seed=seed,
            estimator=self.estimator_,
            monotone=broken,
            tune=self.tune,
            calibration=self.calibration,
        )
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
        if hasattr(self, "models_"):
            probability = self.predict_cause_proba(X).to_numpy().sum(axis=1).clip(max=1.0)
        else:
            probability = self._stated(self._rows(X, fitting=False))
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

    def predict_cause_proba(self, X: Any) -> pd.DataFrame:
        """Return the probability to be lost to each cause, where `target` is "cause".

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_features)
            Rows with the columns of the fit.

        Returns
        -------
        DataFrame of shape (n_rows, n_causes)
            A column for each of `causes_`, indexed like `X`; the row sums are the
            probability to churn.

        Raises
        ------
        ParameterError
            If the model was fitted with ``target="churn"``.

        Examples
        --------
        >>> import pandas as pd
        >>> from sklearn.linear_model import LogisticRegression
        >>> X = pd.DataFrame({"failed_payments": [0, 0, 3, 0] * 20, "logins": [9, 1, 8, 9] * 20})
        >>> cause = [None, "voluntary", "involuntary", None] * 20
        >>> model = ChurnClassifier(LogisticRegression(), target="cause").fit(X, cause)
        >>> model.predict_cause_proba(X.iloc[[1, 2]]).idxmax(axis=1).tolist()
        ['voluntary', 'involuntary']
        """
        check_is_fitted(self)
        if not hasattr(self, "models_"):
            raise ParameterError(
                message(
                    'the model was fitted with target="churn" and knows no causes',
                    "a model of each cause",
                    'ChurnClassifier(target="cause").fit(data.X, data.cause)',
                )
            )
        return cause_probability(self.models_, X, self._rows(X, fitting=False).index)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of rows whose label `predict` gets right; higher is better.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_features)
            Rows with the columns of the fit.
        y : array-like of shape (n_rows,)
            What `fit` takes: of causes, only whether there is one counts.
        sample_weight : array-like of shape (n_rows,), default=None
            Weight of each row.

        Returns
        -------
        float
            Between 0 and 1. It is scikit-learn's default; to compare models of churn, take a log-loss.

        Examples
        --------
        >>> import pandas as pd
        >>> from sklearn.dummy import DummyClassifier
        >>> X = pd.DataFrame({"a": range(4)})
        >>> ChurnClassifier(DummyClassifier(), calibration=None).fit(X, [0, 0, 0, 1]).score(X, [0, 0, 0, 1])
        0.75
        """
        if hasattr(self, "models_"):
            y = named_causes(y).notna().to_numpy().astype(np.int8)
        return super().score(X, y, sample_weight)

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

        Warns
        -----
        AssumptionWarning
            If the offer can never pay: then nobody is contacted.

        Examples
        --------
        >>> import pandas as pd
        >>> from sklearn.dummy import DummyClassifier
        >>> X = pd.DataFrame({"a": range(4), "margin": [5.0, 50, 500, 5000]})
        >>> model = ChurnClassifier(DummyClassifier(), calibration=None).fit(X[["a"]], [0, 0, 0, 1])
        >>> model.contact(X, RetentionOffer(accept_rate=0.3, clv="margin", offer_cost=10)).tolist()
        [False, False, True, True]
        """
        self._refuse_causes("contact(X, offer)")
        probability = self._churn_probability(X, offer)
        chosen: pd.Series[bool] = offer.contacts(probability, X)
        return chosen

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
        self._refuse_causes("expected_gain(X, offer)")
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
        self._refuse_causes("reasons(X)")
        refuse_text_labels(self.classes_)
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
        self._refuse_causes("contributions(X)")
        table = self._table(X)
        return pd.DataFrame(self._contributions(X), index=table.index, columns=table.columns)

    def compile(self, *, catalog: Any = None, keys: str = "strict") -> CompiledScorer:
        """Return the model for a service: a dict in, the probability and its reasons out, in microseconds.

        The scorer states what `predict_proba` and `contributions` state, needs no pandas, scikit-learn or
        xgboost to do so, and is stored as JSON. Supported are xgboost's boosted trees (the default), logistic
        regression, decision trees, random forests and extra trees.

        Parameters
        ----------
        catalog : ReasonCatalog or None, default=None
            Adds themes, codes and texts to what ``scorer.explain`` tells.
        keys : {"strict", "lenient"}, default="strict"
            Whether unknown and absent keys of a record are errors, or left alone and missing values.

        Returns
        -------
        CompiledScorer
            With ``score``, ``explain``, ``score_many``, ``save`` and ``load``.

        Raises
        ------
        ParameterError
            If the classifier inside cannot be compiled, or there is one for each cause.
        DataError
            If the labels of the fit were text.

        Examples
        --------
        >>> import pandas as pd
        >>> from sklearn.linear_model import LogisticRegression
        >>> X = pd.DataFrame({"orders": [1.0, 2, 3, 4]})
        >>> model = ChurnClassifier(LogisticRegression(), calibration=None).fit(X, [1, 1, 0, 0])
        >>> round(model.compile().score({"orders": 1}), 2)
        0.78
        """
        check_is_fitted(self)
        self._refuse_causes("compile()")
        refuse_text_labels(self.classes_)
        return compile_classifier(self, catalog=catalog, keys=keys)

    def card(
        self,
        *,
        name: str | None = None,
        intended_use: str | None = None,
        data_licence: str | None = None,
        window: str | None = None,
        limits: str | Sequence[str] = (),
        offer: RetentionOffer | None = None,
        evaluation: Any = None,
        show_categories: bool = False,
    ) -> ModelCard:
        """Write down what the model is, how good, when to use it, and what it cannot say.

        The numbers come from the fit, which kept them; no row is needed, and no
        customer's row, id or own value is on the card: ranges are quantiles rounded to
        three digits.

        Parameters
        ----------
        name, intended_use, data_licence : str, default=None
            What only the team knows.
        window : str, default=None
            Length of the label window and of the gap, in your words; None takes them
            from `cv`, where that is a `PurgedGroupTimeSplit`.
        limits : str or sequence of str, default=()
            More that the model cannot say, beside what follows from its fit.
        offer : RetentionOffer, default=None
            Adds the threshold above which a contact pays, and how it follows from the offer.
        evaluation : Evaluation, default=None
            The result of `churnlib.evaluate` on rows that the model has not seen.
        show_categories : bool, default=False
            Name the most frequent categories, each of at least ten customers.

        Returns
        -------
        ModelCard
            To be shown in a notebook, or saved as ``.md``, ``.html`` or ``.json``.

        Raises
        ------
        ParameterTypeError
            If `offer`, `evaluation` or a text is of another kind.
        ParameterError
            If the model was fitted with ``target="cause"``: each of `models_` has its own card.

        Examples
        --------
        >>> import pandas as pd
        >>> from sklearn.linear_model import LogisticRegression
        >>> X = pd.DataFrame({"silence": [1.0, 80, 3, 60] * 20})
        >>> model = ChurnClassifier(LogisticRegression()).fit(X, [0, 1, 0, 1] * 20)
        >>> offer = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)
        >>> round(model.card(offer=offer).to_dict()["decision"]["threshold"], 4)
        0.1642
        """
        check_is_fitted(self)
        self._refuse_causes("card()")
        return write_card(
            self,
            self._facts,
            evaluation=evaluation,
            offer=offer,
            limits=limits,
            show_categories=check_flag(show_categories, name="show_categories"),
            name=name,
            intended_use=intended_use,
            data_licence=data_licence,
            window=window,
        )

    def _fit_causes(self, X: Any, y: Any, sample_weight: Any, seed: int) -> Self:
        rows = self._rows(X, fitting=True)
        refuse_other_order(rows, y)
        settings = {**self.get_params(deep=False), "target": "churn"}
        if not isinstance(self.random_state, int | None):
            settings["random_state"] = seed  # a generator would give every cause other folds
        if isinstance(self.cv, Iterator):
            settings["cv"] = list(self.cv)
        models = fit_causes(lambda: type(self)(**settings), X, y, sample_weight, _customers_or_none(rows))
        for cause, model in models.items():
            model._facts = dataclasses.replace(model._facts, cause=cause)
        self.models_: dict[str, ChurnClassifier] = models
        self.causes_ = tuple(models)
        self.classes_ = np.array([0, 1])
        self.base_rate_ = float(sum(model.base_rate_ for model in models.values()))
        return self

    def _forget(self) -> None:
        """Forget an earlier fit, which may have had another target."""
        for name in [name for name in vars(self) if name.endswith("_") or name in {"_model", "_reference", "_facts"}]:
            delattr(self, name)

    def _refuse_causes(self, call: str) -> None:
        if hasattr(self, "models_"):
            refuse_for_causes(self.models_, call)

    def _stated(self, rows: pd.DataFrame) -> FloatArray:
        probability = self._model.probability(rows)
        return probability if self.calibrator_ is None else self.calibrator_(probability)

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
        refuse_text_labels(self.classes_)
        return self.predict_proba(offer._features_of(X, self))[:, 1]

    def _template(self, seed: int) -> Any:
        if self.estimator is None:
            return default_estimator(random_state=seed)
        refuse_without_score(self.estimator, self.calibration)
        refuse_early_stopping(self.estimator)
        return self._seeded(clone(self.estimator), seed)

    def _seeded(self, estimator: Any, seed: int) -> Any:
        """Hand the seed to whatever in a clone has none of its own."""
        if self.random_state is not None:
            unset = {
                name: seed
                for name, value in estimator.get_params(deep=True).items()
                if value is None and name.split("__")[-1] == "random_state"
            }
            estimator.set_params(**unset)
        return estimator

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

    def _calibrate(self, choice: Choice, sample: Sample, seed: int) -> OutOfFold | None:
        """Choose the map, and return what it makes of scores that neither it nor the model has seen."""
        self.calibration_ = "none"
        self.calibrator_: Calibrator | None = None
        self.calibration_report_: pd.DataFrame | None = None
        if self.calibration is None:
            return choice.scored
        if not sample.splits:
            if self.calibration == "auto" and hasattr(self.estimator_, "predict_proba"):
                return None
            raise too_few_to_calibrate(sample.target)
        scored = choice.scored or out_of_fold(choice.estimator, sample, n_jobs=self.n_jobs)
        seen, weight = sample.target[scored.row], sample.weight_of(scored.row)
        method, customer = self.calibration, sample.customer_of(scored.row)
        if method == "auto":
            margins = not hasattr(self.estimator_, "predict_proba")
            self.calibration_report_ = choose_calibration(
                scored.probability, seen, weight, customer, seed=seed, margins=margins
            )
            method = str(self.calibration_report_.index[self.calibration_report_["chosen"]][0])
        if method != "none":
            self.calibrator_ = METHODS[method](scored.probability, seen, weight)
        self.calibration_ = method
        unseen = cross_calibrated(method, scored.probability, seen, weight, customer, seed=seed)
        return OutOfFold(scored.row, unseen)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        return tags


def _seed(random_state: Any) -> int:
    if random_state is None:
        return 0
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    if isinstance(random_state, np.random.Generator):
        raise ParameterTypeError(
            message(
                "random_state is a Generator, which scikit-learn's classifiers do not take",
                "a whole number, a RandomState, or None",
                "random_state=int(generator.integers(2**31))",
            )
        )
    return check_integer(random_state, name="random_state", low=0, high=2**32 - 1)


def _check_n_jobs(n_jobs: Any) -> None:
    if n_jobs is not None and check_integer(n_jobs, name="n_jobs") == 0:
        raise ParameterError(
            message("n_jobs=0 fits no fold at all", "1 or more, -1 for every core, or None", "n_jobs=1")
        )


def _customers_or_none(rows: pd.DataFrame) -> pd.Index | None:
    return customers_of(rows) if "customer_id" in rows.index.names else None
