"""Where each customer stands between a first order and a last one."""

from __future__ import annotations

import numbers
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from churnlib._sklearn import (
    BaseEstimator,
    HasMethods,
    Interval,
    StrOptions,
    TransformerMixin,
    check_is_fitted,
    fit_context,
    validate_data,
)
from churnlib._typing import Array, BoolArray, FloatArray, IntArray
from churnlib.exceptions import DataError, ParameterError, SchemaError, message
from churnlib.segmentation._stage_columns import (
    StageColumns,
    as_pandas,
    check_column,
    find_columns,
    read_columns_of,
    refuse,
)
from churnlib.segmentation._stage_rules import (
    STAGES,
    Rule,
    check_age_bounds,
    cut,
    return_bounds,
    silence_bounds,
    stage_codes,
    stage_series,
)

__all__ = ["LifecycleStage"]

_JOINED = "lifecycle_frame(log, ...).join(rfm_summary(log, ...))"
_NEEDED = {"days": ("tenure", "recency"), "gap": ("tenure", "recency", "orders", "gap"), "p_alive": ("tenure",)}


class LifecycleStage(TransformerMixin, BaseEstimator):
    """The stage of each customer: new, growing, mature, at risk, lapsed, lost, or back again.

    Every customer is in exactly one stage. The first of these rules that applies decides:

    1. *silence*: at or beyond `lost`, `lapsed` or `at_risk`, on the scale of `basis`;
    2. *spending down*: the spend of the last window lies at least the share `spend_drop`
       below that of the window before → "at_risk";
    3. *return*: the gap that the latest order ended was itself long enough to be lost
       ("resurrected") or lapsed ("reactivated");
    4. *age*: "new", "growing" or "mature" by days since the first order.

    Every bound is half-open: with `at_risk` at 30 days a customer is at risk from day 30
    on, and with `growing_from` at 91 a customer is new on days 0 to 90.

    Parameters
    ----------
    basis : {"days", "gap", "p_alive"}, default="days"
        What silence is measured in: days since the latest order; multiples of the
        customer's own median gap; or the probability of still being a customer by a fitted
        purchase model, where *lower* is worse.
    growing_from, mature_from : float
        Days of tenure from which a customer is "growing" and "mature".
    at_risk, lapsed, lost : float or None, default=None
        Bounds of silence. None is 30, 90 and 180 days; 2, 4 and 8 gaps; or a probability
        below 0.5, 0.25 and 0.1. Thirty days is the field's custom, the others are round
        numbers to begin with: set them by your own business. ``inf`` (probability: 0)
        switches a bound off.
    spend_drop : float or None, default=0.5
        Share by which spend must have fallen to put a customer at risk, in (0, 1]. It is
        applied where both windows are known and the earlier one is positive; None leaves
        the rule out.
    returned : tuple of two floats or None, default=None
        From which length the gap before the latest order makes a customer "reactivated"
        and "resurrected", in days, or multiples of the usual gap for ``basis="gap"``. None
        takes `lapsed` and `lost`, and for probabilities 90 and 180 days.
    min_orders : int, default=3
        Orders (days with an order, where X says) a customer needs for a rhythm of their
        own; those with fewer get their cohort's or everybody's. ``basis="gap"`` only.
    cohort : str or None, default=None
        Column that groups customers of a like rhythm. ``basis="gap"`` only.
    min_customers : int, default=30
        How many customers with a rhythm of their own a cohort needs to have one.
    model : estimator or None, default=None
        A *fitted* model with ``predict_alive_probability(X)``, for ``basis="p_alive"``. It is
        given the columns of X named by its ``feature_names_in_``, or X itself; it is never
        fitted, and `clone` keeps it as it is.

    Attributes
    ----------
    classes_ : ndarray of shape (8,)
        The names of all stages.
    columns_ : dict
        What is read from which column of X; a rule whose columns are not there is left out.
    bounds_ : tuple of three floats
        `at_risk`, `lapsed` and `lost` in use.
    returned_ : tuple of two floats
        `returned` in use.
    usual_gap_ : float
        Median of the customers' own median gaps at fit; NaN unless ``basis="gap"``.
    cohort_gaps_ : Series
        The same for each cohort that has enough customers; empty where there are none.
    n_features_in_ : int
        How many columns are read.
    feature_names_in_ : ndarray
        Their names.

    See Also
    --------
    lifecycle_frame : Builds X from an EventLog at a cutoff.
    lifecycle_states : Stages at several cutoffs.

    Notes
    -----
    Gaps of customers who order often enough to have some are shorter than those of the others, so
    the fallback of ``basis="gap"`` is impatient with one-time buyers.

    Examples
    --------
    >>> X = pd.DataFrame(
    ...     {"tenure_days": [90, 91, 400, 400, 400], "recency_days": [5, 5, 5, 30, 200]}, index=list("abcde")
    ... )
    >>> stage = LifecycleStage().fit(X)
    >>> stage.predict(X).tolist()
    ['new', 'growing', 'mature', 'at_risk', 'lost']
    >>> stage.explain(X.iloc[[3]])
         stage    decided_by  value   low  high
    d  at_risk  recency_days   30.0  30.0  90.0

    Thirty silent days are nothing for somebody who comes every quarter:

    >>> X = X.assign(n_orders=4, median_gap_days=[20, 20, 20, 90, 90])
    >>> LifecycleStage(basis="gap").fit(X).predict(X).tolist()
    ['new', 'growing', 'mature', 'mature', 'at_risk']
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "basis": [StrOptions({"days", "gap", "p_alive"})],
        "growing_from": [Interval(numbers.Real, 0, None, closed="left")],
        "mature_from": [Interval(numbers.Real, 0, None, closed="left")],
        "at_risk": [Interval(numbers.Real, 0, None, closed="both"), None],
        "lapsed": [Interval(numbers.Real, 0, None, closed="both"), None],
        "lost": [Interval(numbers.Real, 0, None, closed="both"), None],
        "spend_drop": [Interval(numbers.Real, 0, 1, closed="right"), None],
        "returned": [tuple, list, None],
        "min_orders": [Interval(numbers.Integral, 2, None, closed="left")],
        "cohort": [str, None],
        "min_customers": [Interval(numbers.Integral, 1, None, closed="left")],
        "model": [HasMethods("predict_alive_probability"), None],
    }

    def __init__(
        self,
        *,
        basis: str = "days",
        growing_from: float = 91,
        mature_from: float = 181,
        at_risk: float | None = None,
        lapsed: float | None = None,
        lost: float | None = None,
        spend_drop: float | None = 0.5,
        returned: tuple[float, float] | None = None,
        min_orders: int = 3,
        cohort: str | None = None,
        min_customers: int = 30,
        model: Any = None,
    ) -> None:
        self.basis = basis
        self.growing_from = growing_from
        self.mature_from = mature_from
        self.at_risk = at_risk
        self.lapsed = lapsed
        self.lost = lost
        self.spend_drop = spend_drop
        self.returned = returned
        self.min_orders = min_orders
        self.cohort = cohort
        self.min_customers = min_customers
        self.model = model

    @fit_context()
    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002 - scikit-learn's signature
        """Check the bounds, find the columns, and learn the usual gaps, which stay frozen.

        Parameters
        ----------
        X : DataFrame of shape (n_customers, n_columns)
            One row per customer, such as `lifecycle_frame` gives: ``tenure_days`` (or ``T``
            in days) and ``recency_days``; ``n_order_days`` or ``n_orders`` and
            ``median_gap_days`` for ``basis="gap"``; what the model reads for ``basis="p_alive"``:
            ``lifecycle_frame(log, ...).join(rfm_summary(log, ...))`` has both. Where they are there, ``spend_recent``
            with ``spend_before``, ``last_gap_days`` and ``earlier_gap_days`` are used.
            Other columns are passed over.
        y : None
            Not used.

        Returns
        -------
        LifecycleStage
            Itself.

        Raises
        ------
        ParameterError
            If the bounds do not ascend (or, for probabilities, descend), or the model is missing.
        SchemaError
            If a column is missing or holds no numbers, or the model lacks one of its own.
        DataError
            If values are missing, negative or contradict each other, with count and first
            row; if nobody has a rhythm to learn from; or if the model gives no probabilities.

        Examples
        --------
        >>> X = pd.DataFrame({"T": [10.0], "recency_days": [3]})
        >>> LifecycleStage().fit(X).columns_
        {'tenure': 'T', 'recency': 'recency_days'}
        """
        if self.basis == "p_alive" and self.model is None:
            raise ParameterError(
                message(
                    "basis='p_alive' without a model",
                    "a fitted purchase model with predict_alive_probability(X) was expected",
                    "LifecycleStage(basis='p_alive', model=cl.MBGNBD().fit(summary))",
                )
            )
        self.bounds_ = silence_bounds(self.basis, self.at_risk, self.lapsed, self.lost)
        self.returned_ = return_bounds(self.basis, self.returned, self.bounds_)
        check_age_bounds(self.growing_from, self.mature_from)
        rows = self._read(X, reset=True)
        self.classes_ = np.array(STAGES, dtype=object)
        self.usual_gap_ = float("nan")
        self.cohort_gaps_: pd.Series[Any] = pd.Series([], dtype=np.float64, name="median_gap_days")
        if self.basis == "gap":
            self._learn_gaps(rows)
        if self.basis == "p_alive":
            # nothing is learned from it: rows that the model cannot read are better refused now than in predict
            self._alive(rows)
        return self

    def predict(self, X: Any) -> Array:
        """Return the one stage of each customer.

        Parameters
        ----------
        X : DataFrame of shape (n_customers, n_columns)
            Rows with the columns of the fit.

        Returns
        -------
        ndarray of shape (n_customers,)
            Names out of `classes_`.

        Raises
        ------
        SchemaError
            If a column of the fit is missing.
        DataError
            If values are missing, negative or contradict each other.

        Examples
        --------
        >>> X = pd.DataFrame({"tenure_days": [300], "recency_days": [2], "last_gap_days": [120]})
        >>> LifecycleStage().fit(X).predict(X).tolist()
        ['reactivated']
        """
        check_is_fitted(self)
        codes, _ = self._decide(self._read(X, reset=False))
        names: Array = self.classes_[codes]
        return names

    def explain(self, X: Any) -> pd.DataFrame:
        """Say which bound decided each customer's stage.

        Parameters
        ----------
        X : DataFrame of shape (n_customers, n_columns)
            Rows with the columns of the fit.

        Returns
        -------
        DataFrame
            Indexed like X: ``stage``, categorical over all eight; ``decided_by``, what was looked
            at: "recency_days", "recency_in_gaps" (multiples of the usual gap) or "p_alive"
            (silence), "spend_drop" (the share spend fell by), "last_gap_days" or
            "last_gap_in_gaps" (the gap before the return), or "tenure_days"; its ``value``;
            and the bounds of the stage, ``low <= value < high`` (a probability of 1 belongs to
            the highest). With ``basis="gap"`` also ``usual_gap_days``, and ``usual_gap_of``:
            "customer", "cohort" or "everybody".

        Raises
        ------
        SchemaError
            If a column of the fit is missing.
        DataError
            If values are missing, negative or contradict each other.

        Examples
        --------
        >>> X = pd.DataFrame({"tenure_days": [300], "recency_days": [2], "spend_recent": [40], "spend_before": [100]})
        >>> LifecycleStage().fit(X).explain(X)
             stage  decided_by  value  low  high
        0  at_risk  spend_drop    0.6  0.5   inf
        """
        check_is_fitted(self)
        rows = self._read(X, reset=False)
        codes, deciding = self._decide(rows)
        told = {
            "stage": stage_series(codes, rows.table.index),
            "decided_by": np.select([chosen for _, chosen in deciding], [part.name for part, _ in deciding], ""),
        }
        for field in ("value", "low", "high"):
            told[field] = np.select(
                [chosen for _, chosen in deciding], [getattr(part, field) for part, _ in deciding], np.nan
            )
        if self.basis == "gap":
            usual, source = self._usual_gap(rows, "gap", 0)
            told |= {"usual_gap_days": usual, "usual_gap_of": source}
        return pd.DataFrame(told, index=rows.table.index)

    def transform(self, X: Any) -> Array:
        """Return the stages as columns of zeros and ones, for a model to read.

        Parameters
        ----------
        X : DataFrame of shape (n_customers, n_columns)
            Rows with the columns of the fit.

        Returns
        -------
        ndarray of shape (n_customers, 8)
            Each row holds a single 1, in the column of its stage; `set_output` makes it a frame.

        Raises
        ------
        SchemaError
            If a column of the fit is missing.
        DataError
            If values are missing, negative or contradict each other.

        Examples
        --------
        >>> X = pd.DataFrame({"tenure_days": [3], "recency_days": [2]})
        >>> LifecycleStage().fit(X).transform(X)
        array([[1., 0., 0., 0., 0., 0., 0., 0.]])
        """
        check_is_fitted(self)
        codes, _ = self._decide(self._read(X, reset=False))
        return np.eye(len(STAGES))[codes]

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Return the names of the columns of `transform`.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the columns of the fit, which are compared where given.

        Returns
        -------
        ndarray of str objects
            ``stage_new`` to ``stage_lost``.

        Raises
        ------
        ValueError
            If `input_features` are not the columns of the fit.

        Examples
        --------
        >>> X = pd.DataFrame({"tenure_days": [3], "recency_days": [2]})
        >>> LifecycleStage().fit(X).get_feature_names_out()[:2].tolist()
        ['stage_new', 'stage_growing']
        """
        from sklearn.utils.validation import _check_feature_names_in

        check_is_fitted(self)
        _check_feature_names_in(self, input_features)
        return np.array([f"stage_{name}" for name in STAGES], dtype=object)

    def __sklearn_clone__(self) -> Self:
        # clone() would make an unfitted copy of the model, which is passed in for what it has learned.
        return type(self)(**self.get_params(deep=False))

    # -- reading --------------------------------------------------------------------------

    def _read(self, X: Any, *, reset: bool) -> StageColumns:
        """Take the columns of X by name, check them, and remember them in fit."""
        table = as_pandas(X)
        if reset:
            self.columns_ = self._found(table)
        wanted = list(self.columns_.values())
        if self.basis == "gap" and self.cohort is not None:
            wanted.append(self.cohort)
        for name in wanted:
            check_column(table, name, reader="LifecycleStage")
        validate_data(self, table[wanted], reset=reset, skip_check_array=True)
        return read_columns_of(table, self.columns_)

    def _found(self, table: pd.DataFrame) -> dict[str, str]:
        optional = ["last_gap"]
        if self.spend_drop is not None and {"spend_recent", "spend_before"} <= set(table.columns):
            optional += ["spend_recent", "spend_before"]
        if self.basis == "gap":
            optional.append("earlier_gap")
        return find_columns(list(table.columns), needed=_NEEDED[self.basis], optional=optional)

    # -- deciding -------------------------------------------------------------------------

    def _decide(self, rows: StageColumns) -> tuple[IntArray, list[tuple[Rule, BoolArray]]]:
        """Return the stage of each row, and each rule with the rows that it decided."""
        open_rows = np.ones(len(rows.table), dtype=bool)
        codes = np.full(len(rows.table), -1, dtype=np.int64)
        deciding = []
        for part in (self._silence(rows), self._spending(rows), self._return(rows), self._age(rows)):
            chosen = open_rows & (part.stage >= 0)
            codes[chosen] = part.stage[chosen]
            open_rows &= ~chosen
            deciding.append((part, chosen))
        return codes, deciding

    def _silence(self, rows: StageColumns) -> Rule:
        stages = stage_codes(None, "at_risk", "lapsed", "lost")
        if self.basis == "p_alive":
            chance = self._alive(rows)
            # ascending bounds of a falling probability: the lowest cell is the last stage
            return cut("p_alive", chance, self.bounds_[::-1], stages[::-1], top=1.0)
        if self.basis == "gap":
            usual, _ = self._usual_gap(rows, "gap", 0)
            return cut("recency_in_gaps", rows.get("recency") / usual, self.bounds_, stages)
        return cut("recency_days", rows.get("recency"), self.bounds_, stages)

    def _spending(self, rows: StageColumns) -> Rule:
        recent, before = rows.get("spend_recent"), rows.get("spend_before")
        share = 1.0 if self.spend_drop is None else self.spend_drop
        comparable = before > 0
        # the difference is compared, not the quotient: 90 of 100 is a drop of a tenth, 1 - 0.9 is a little less
        down = comparable & (before - recent >= share * before)
        drop = np.divide(before - recent, before, out=np.full(len(before), np.nan), where=comparable)
        everywhere = np.full(len(before), share)
        return Rule("spend_drop", np.where(down, STAGES.index("at_risk"), -1), drop, everywhere, everywhere + np.inf)

    def _return(self, rows: StageColumns) -> Rule:
        stages = stage_codes(None, "reactivated", "resurrected")
        gap = rows.get("last_gap")
        if self.basis == "gap":
            usual, _ = self._usual_gap(rows, "earlier_gap", 1)
            return cut("last_gap_in_gaps", gap / usual, self.returned_, stages)
        return cut("last_gap_days", gap, self.returned_, stages)

    def _age(self, rows: StageColumns) -> Rule:
        bounds = (float(self.growing_from), float(self.mature_from))
        return cut("tenure_days", rows.get("tenure"), bounds, stage_codes("new", "growing", "mature"))

    def _alive(self, rows: StageColumns) -> FloatArray:
        table = rows.table
        names = getattr(self.model, "feature_names_in_", None)
        if names is not None:
            wanted = np.asarray(names, dtype=object).tolist()
            for name in wanted:
                check_column(table, name, reader=type(self.model).__name__, fix=_JOINED)
            table = table[wanted]
        try:
            chance = np.asarray(self.model.predict_alive_probability(table), dtype=np.float64)
        except (SchemaError, KeyError) as error:
            what = str(error).split("\nFix:")[0].removesuffix(".")
            raise SchemaError(
                message(
                    f"{type(self.model).__name__} cannot read X ({what})",
                    "the columns of the model stand beside those of a stage",
                    _JOINED,
                )
            ) from error
        if chance.shape != (len(rows.table),):
            raise DataError(
                message(
                    f"{type(self.model).__name__}.predict_alive_probability gave shape {chance.shape} "
                    f"for {len(rows.table):,} customers",
                    "one probability per customer was expected",
                    "return an array of shape (n_customers,)",
                )
            )
        wrong = ~((chance >= 0) & (chance <= 1))
        refuse(wrong, chance, "p_alive", "are no probabilities", "look at the rows the model was given")
        return chance

    # -- gaps -----------------------------------------------------------------------------

    def _learn_gaps(self, rows: StageColumns) -> None:
        gap = rows.get("gap")
        own = (rows.get("orders") >= self.min_orders) & np.isfinite(gap)
        if not own.any():
            raise DataError(
                message(
                    f"none of {len(gap):,} customers has {self.min_orders} orders and a median gap",
                    "the usual gap is learned from customers who came again",
                    "basis='days', or a smaller min_orders",
                )
            )
        self.usual_gap_ = float(np.median(gap[own]))
        if self.cohort is not None:
            known = pd.Series(gap[own]).groupby(rows.table[self.cohort].to_numpy()[own])
            table = known.agg(["median", "size"])
            enough = table["median"][table["size"] >= self.min_customers]
            self.cohort_gaps_ = enough.rename("median_gap_days").rename_axis(self.cohort)

    def _usual_gap(self, rows: StageColumns, role: str, fewer: int) -> tuple[FloatArray, Array]:
        """Return the gap to expect, and whose it is; `fewer` gaps are known before the latest order."""
        gap = rows.get(role)
        own = (rows.get("orders") - fewer >= self.min_orders) & np.isfinite(gap)
        usual = np.where(own, gap, self.usual_gap_)
        source = np.where(own, "customer", "everybody").astype(object)
        if self.cohort is not None and len(self.cohort_gaps_):
            theirs = rows.table[self.cohort].map(self.cohort_gaps_.to_dict()).to_numpy(dtype=np.float64)
            grouped = ~own & np.isfinite(theirs)
            usual[grouped], source[grouped] = theirs[grouped], "cohort"
        return usual, source
