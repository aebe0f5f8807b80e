"""What a customer is worth: how often they will buy, for how much, and what that is worth today."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Callable, Iterable, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self, cast

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from churnlib._checks import check_choice
from churnlib._sklearn import BaseEstimator, HasMethods, Interval, StrOptions, Tags, check_is_fitted, clone, fit_context
from churnlib._typing import BoolArray, FloatArray
from churnlib.calendar import DAY_US, duration
from churnlib.clv._bgbb import BGBB
from churnlib.clv._bgnbd import BGNBD
from churnlib.clv._gammagamma import GammaGamma
from churnlib.clv._histories import Histories, check_weight, read_features
from churnlib.clv._payments import Payments
from churnlib.clv._purchase_model import Parameters, PurchaseModel
from churnlib.clv._summary import rfm_summary
from churnlib.economics import Discount, units_per_year
from churnlib.events import EventLog
from churnlib.exceptions import (
    AssumptionWarning,
    DataError,
    HistoryError,
    ParameterError,
    ParameterTypeError,
    SchemaError,
    message,
    nearest,
    some,
)
from churnlib.numerics import normal_quantile

__all__ = ["CustomerLifetimeValue"]

_TIMES = ("frequency", "recency", "T")
_MONEY = "monetary_value"
_ROWS_AT_ONCE = 20_000
_CELLS_AT_ONCE = 2**16
_STAYS = 10.0


class CustomerLifetimeValue(BaseEstimator):
    r"""Value of what each customer will buy: purchases × mean spend × margin, discounted to now.

    With Y(u) the expected purchases of a customer within u, δ the continuous rate of
    discount and m their expected mean spend,

    .. math:: V = \text{margin} \cdot m \int_0^{\text{horizon}} e^{-\delta u}\, dE[Y(u)].

    Purchases and spend are taken to be independent given the history; `GammaGamma`
    reports their correlation. The value counts future purchases only: what the
    customer has bought already is no reason to keep them.

    Fitted on an `EventLog` it makes the summary itself, and predicts by customer;
    fitted on the frame of `rfm_summary` it predicts for the rows of such a frame.

    Parameters
    ----------
    transactions : estimator, default=None
        A model of the purchases of customers without a contract, such as `MBGNBD`;
        None takes `BGNBD`. With `BGBB` one unit of time is one opportunity, on which
        its purchase is paid for, so that the horizon is a whole number of them.
    spend : estimator, float, "gamma-gamma" or None, default="gamma-gamma"
        A `GammaGamma`; or one mean spend for all, in money; or None, to value
        customers in purchases.
    horizon : str, timedelta, float or None, default="365d"
        How far to look: a length such as "365d" or "12mo" (a month is the twelfth
        part of 365.25 days), a number in units of `time_unit`, or "forever" or None
        for all the future, which needs a rate of discount.
    time_unit : {"D", "W", "M", "Y", "h", "min", "s"}, default="D"
        The unit of ``recency`` and ``T``. A log is summed up in it.
    annual_discount_rate : float, default=0.0
        The effective rate of a year of 365.25 days, 0 or more: 0.15 for 15 %.
    discounting : {"continuous", "monthly"}, default="continuous"
        Whether each purchase is discounted from its own moment, or from the end of
        its month (counted from now; a last, shorter month ends with the horizon).
    margin : float, default=1.0
        Which share of the spend is yours, > 0.
    period : str, default="D"
        For a log: the grid on which several purchases become one.
    kinds : str, sequence of str or None, default=None
        For a log: which kinds of events are purchases.
    negative : {"error", "refund", "purchase"}, default="error"
        For a log: what a negative amount is, as in `rfm_summary`.
    n_bootstrap : int, default=0
        How often to fit again on drawn customers, for the intervals of
        ``predict_interval(method="bootstrap")``.
    random_state : int, RandomState or None, default=None
        The seed of the draws.
    progress : bool, default=False
        Whether to show a progress bar over the draws.

    Attributes
    ----------
    transactions_ : estimator
        The fitted model of purchases.
    spend_ : estimator, float or None
        The fitted model of spend, or what was given instead.
    n_without_spend_ : int
        Of a log: customers refunded all they spent, or more. The model of spend leaves
        them out, and they are valued as having spent 0 so far.
    horizon_ : float
        The horizon in units of time; inf for ever.
    n_left_out_ : float
        Customers (or the sum of their weights) who first bought in the last period,
        T = 0. They tell nothing yet, so they were left out of the fit; they are
        predicted as newcomers.
    customers_ : DataFrame
        Only where the model was fitted on a log: the summary by customer, which is
        what predicting by customer needs. Nothing else of any data is kept.
    bootstrap_params_ : DataFrame
        One row per draw, the columns named ``transactions__r``, ``spend__p``, …;
        without rows where no draw was asked for.
    n_failed_ : int
        Draws that could not be fitted, such as one without any repeat purchase.

    See Also
    --------
    rfm_summary : The summary, at any earlier date.
    churnlib.economics.RetentionOffer : Takes the result as its `clv`.

    References
    ----------
    P. S. Fader, B. G. S. Hardie and K. L. Lee (2005), RFM and CLV: using iso-value
    curves for customer base analysis, Journal of Marketing Research 42.

    Examples
    --------
    >>> import churnlib as cl
    >>> orders = pd.DataFrame(
    ...     {
    ...         "customer_id": ["ann", "bob", "ann", "cy", "ann", "bob", "di", "eve"],
    ...         "ordered_at": pd.date_range("2025-01-01", periods=8, freq="9D"),
    ...         "total": [20.0, 35.0, 24.0, 60.0, 22.0, 31.0, 15.0, 44.0],
    ...     }
    ... )
    >>> log = cl.EventLog.from_frame(
    ...     orders, customer="customer_id", time="ordered_at", amount="total", complete_until="2025-04-01"
    ... )
    >>> from churnlib.clv import MBGNBD
    >>> model = CustomerLifetimeValue(MBGNBD(l2=0.01), spend=30.0, horizon="90d").fit(log)
    >>> model.predict(["ann", "di"]).round(2)
    customer_id
    ann    29.26
    di     20.24
    Name: clv, dtype: float64

    On a summary, and with all the future at 15 % a year:

    >>> from churnlib.clv import BGNBD
    >>> purchases = BGNBD.from_params({"r": 0.2426, "alpha": 4.4135, "a": 0.7929, "b": 2.4258})
    >>> spend = GammaGamma.from_params({"p": 6.25, "q": 3.74, "v": 15.44})
    >>> known = CustomerLifetimeValue.from_fitted(
    ...     purchases, spend, horizon="forever", time_unit="W", annual_discount_rate=0.15
    ... )
    >>> customer = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86], "monetary_value": [22.35]})
    >>> known.predict(customer).round(1)
    array([127.7])
    """

    transactions_: PurchaseModel
    spend_: GammaGamma | float | None
    horizon_: float
    n_left_out_: float
    n_failed_: int
    bootstrap_params_: pd.DataFrame

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "transactions": [HasMethods(["fit", "predict"]), None],
        "spend": [
            HasMethods(["fit", "predict"]),
            StrOptions({"gamma-gamma"}),
            Interval(Real, 0, None, closed="neither"),
            None,
        ],
        "horizon": [Real, str, dt.timedelta, np.timedelta64, None],
        "time_unit": [StrOptions({"s", "min", "h", "D", "W", "M", "Y"})],
        "annual_discount_rate": [Interval(Real, 0, None, closed="left")],
        "discounting": [StrOptions({"continuous", "monthly"})],
        "margin": [Interval(Real, 0, None, closed="neither")],
        "period": [str],
        "kinds": [str, "array-like", None],
        "negative": [StrOptions({"error", "refund", "purchase"})],
        "n_bootstrap": [Interval(Integral, 0, None, closed="left")],
        "random_state": ["random_state"],
        "progress": ["boolean"],
    }

    def __init__(
        self,
        transactions: Any = None,
        *,
        spend: Any = "gamma-gamma",
        horizon: Any = "365d",
        time_unit: str = "D",
        annual_discount_rate: float = 0.0,
        discounting: str = "continuous",
        margin: float = 1.0,
        period: str = "D",
        kinds: str | Sequence[str] | None = None,
        negative: str = "error",
        n_bootstrap: int = 0,
        random_state: Any = None,
        progress: bool = False,
    ) -> None:
        self.transactions = transactions
        self.spend = spend
        self.horizon = horizon
        self.time_unit = time_unit
        self.annual_discount_rate = annual_discount_rate
        self.discounting = discounting
        self.margin = margin
        self.period = period
        self.kinds = kinds
        self.negative = negative
        self.n_bootstrap = n_bootstrap
        self.random_state = random_state
        self.progress = progress

    # ------------------------------------------------------------------ fit

    @fit_context(nested=False)
    def fit(self, X: Any, y: Any = None, *, sample_weight: Any = None, cutoff: Any = None) -> Self:  # noqa: ARG002
        """Fit the model of purchases, and that of spend.

        Parameters
        ----------
        X : EventLog, frame, or array
            A log of purchases; or a frame with the columns of `rfm_summary`:
            ``frequency``, ``recency``, ``T``, and ``monetary_value`` where spend is
            modelled, besides the covariates of the model of purchases. Of an array the
            columns count in this order, covariates last.
        y : None
            Not used; it is there for pipelines.
        sample_weight : array of shape (n_customers,), default=None
            For a frame or an array: how many customers each row stands for.
        cutoff : str, date or datetime, default=None
            For a log: sum up what happened before this instant; None takes the instant
            it is complete until.

        Returns
        -------
        self

        Raises
        ------
        SchemaError
            If a column is missing, or a log has no amounts and spend is to be modelled.
        DataError
            If a history or a spend cannot be, or there are too few.
        ParameterError
            If all the future is to be valued without a rate of discount, or month by
            month.

        Warns
        -----
        AssumptionWarning
            As `GammaGamma.fit` does; and where customers of a log were refunded all they
            spent, or a share looks like a percentage.
        ConvergenceWarning
            If the model of purchases, or that of spend, did not converge, with its reason.
        """
        self._set_models()
        self.horizon_ = self._units(self.horizon)
        self._payments()
        _warn_of_percent(self.annual_discount_rate, "annual_discount_rate")
        _warn_of_percent(self.margin, "margin")
        if isinstance(X, EventLog):
            if sample_weight is not None:
                raise ParameterError(
                    message("sample_weight is given beside a log", "every customer of a log counts once", "fit(log)")
                )
            table = self._summed_up(X, cutoff)
            self.customers_ = table
            self.n_without_spend_ = int((~self._with_spend(table)).sum())
            self.n_features_in_ = table.shape[1]
            self.feature_names_in_ = np.array(table.columns, dtype=object)
        else:
            if cutoff is not None:
                raise ParameterError(
                    message(
                        "cutoff is given beside a summary, which has its own",
                        "a summary is made at a cutoff",
                        "fit(rfm_summary(orders, cutoff=...))",
                    )
                )
            if hasattr(self, "customers_"):
                del self.customers_, self.n_without_spend_
            table = self._table(X, reset=True)
        weight = check_weight(sample_weight, len(table))
        seen = ~(table["T"].to_numpy() == 0)
        if not seen.any():
            raise DataError(
                message(
                    f"column 'T' is 0 in all {len(table)} rows (first: row 0)",
                    "customers must have been observed for some time",
                    "rfm_summary(orders, cutoff=<a later date>)",
                )
            )
        self.n_left_out_ = float((~seen).sum() if weight is None else weight[~seen].sum())
        table, weight = table[seen], None if weight is None else weight[seen]
        self._fit_both(table, weight)
        self._draw(table, weight)
        return self

    @classmethod
    def from_fitted(cls, transactions: PurchaseModel, spend: GammaGamma | float | None, **options: Any) -> Self:
        """Combine two models that are fitted already, such as those of `from_params`.

        Parameters
        ----------
        transactions : estimator
            A fitted model of purchases, with time in units of `time_unit`.
        spend : estimator, float or None
            A fitted `GammaGamma`; one mean spend for all; or None for purchases.
        **options
            Arguments of the constructor.

        Returns
        -------
        CustomerLifetimeValue
            It predicts for frames; there is no bootstrap.

        Raises
        ------
        NotFittedError
            If a model is not fitted.
        ParameterError, ParameterTypeError
            If the options do not fit each other, or a model is of another kind.
        """
        model = cls(transactions, spend=spend, **options)
        model._validate_params()
        model._set_models()
        check_is_fitted(transactions, "params_")
        model.transactions_ = transactions
        if isinstance(spend, GammaGamma):
            check_is_fitted(spend, "params_")
        model.spend_ = spend
        model.horizon_ = model._units(model.horizon)
        model._payments()
        names = model._names()
        model.n_features_in_, model.feature_names_in_ = len(names), np.array(names, dtype=object)
        model.n_left_out_ = 0.0
        model.n_failed_, model.bootstrap_params_ = 0, pd.DataFrame()
        return model

    def _set_models(self) -> None:
        """Copy the models to fit, and refuse those of another kind."""
        transactions = BGNBD() if self.transactions is None else clone(self.transactions)
        if not isinstance(transactions, PurchaseModel):
            raise ParameterTypeError(
                message(
                    f"transactions is a {type(transactions).__name__}",
                    "a model of purchases, with frequency, recency and T, was expected",
                    "CustomerLifetimeValue(BGNBD())",
                )
            )
        spend = self.spend
        if isinstance(spend, str):
            spend = GammaGamma()
        elif not (spend is None or isinstance(spend, Real)):
            spend = clone(spend)
            if not isinstance(spend, GammaGamma):
                raise ParameterTypeError(
                    message(
                        f"spend is a {type(spend).__name__}",
                        "a GammaGamma, a number or None was expected",
                        "CustomerLifetimeValue(spend=GammaGamma())",
                    )
                )
        self.transactions_, self.spend_ = transactions, spend

    def _fit_both(self, table: pd.DataFrame, weight: FloatArray | None) -> None:
        self.transactions_.fit(table, sample_weight=weight)
        _warn_of_no_maximum(self.transactions_, "transactions")
        if isinstance(self.spend_, GammaGamma):
            bought = self._with_spend(table)
            self.spend_.fit(table[bought], sample_weight=None if weight is None else weight[bought])
            _warn_of_no_maximum(self.spend_, "spend")

    def _with_spend(self, table: pd.DataFrame) -> BoolArray:
        """Mark the customers that a model of spend can learn from; refunds leave some without spend."""
        if not hasattr(self, "customers_") or _MONEY not in table.columns:
            return np.ones(len(table), dtype=bool)  # of a frame GammaGamma itself refuses such rows
        return np.asarray((table["frequency"] == 0) | (table[_MONEY] > 0))

    def _draw(self, table: pd.DataFrame, weight: FloatArray | None) -> None:
        """Fit both models to customers drawn with replacement, as often as asked for."""
        generator = check_random_state(self.random_state)
        purchases = clone(self.transactions_).set_params(covariance=None)
        spend = clone(self.spend_).set_params(covariance=None) if isinstance(self.spend_, GammaGamma) else None
        rows: list[dict[str, float]] = []
        self.n_failed_ = 0
        for _ in _shown(range(self.n_bootstrap), show=self.progress):
            counts = _drawn(generator, len(table), weight)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", AssumptionWarning)
                    found = _named("transactions", purchases.fit(table, sample_weight=counts).params_)
                    if spend is not None:
                        bought = self._with_spend(table)
                        found |= _named("spend", spend.fit(table[bought], sample_weight=counts[bought]).params_)
            except DataError:
                self.n_failed_ += 1
            else:
                rows.append(found)
        self.bootstrap_params_ = pd.DataFrame(rows)

    # ------------------------------------------------------------------ predictions

    def predict(self, X: Any) -> Any:
        """Return the value of each customer.

        Parameters
        ----------
        X : customers, frame, array or EventLog
            Ids of customers (a Series, an Index, a list), where the model was fitted on
            a log; or histories as in `fit`; or another log, whose customers are then
            summed up and valued.

        Returns
        -------
        Series or ndarray of shape (n_customers,)
            In money (or purchases), ≥ 0; infinite where the mean spend is. For ids, for
            a log, and for a pandas frame whose index is named ``customer_id`` (as that of
            `rfm_summary` is) a Series named "clv", as `RetentionOffer` takes it; for
            other frames and arrays an array in the order of the rows.

        Raises
        ------
        DataError
            If customers are unknown, with their number.
        ParameterError
            If ids are given to a model that was not fitted on a log.
        """
        table, index = self._rows_of(X)
        data, x, m = self._parts(table)
        value = self._value(data, x, m)
        if index is not None:
            return pd.Series(value, index=index, name="clv")
        return value

    def predict_new(self, *, covariates: Any = None) -> FloatArray:
        """Return the value of a customer who comes today, beyond the first purchase.

        Parameters
        ----------
        covariates : frame or array, default=None
            Covariates, one row per newcomer, where the model of purchases has any.

        Returns
        -------
        ndarray of shape (n_newcomers,)
            In money (or purchases); one entry where there are no covariates.
        """
        check_is_fitted(self, "horizon_")
        data = self.transactions_._newcomers(0.0, covariates)
        return self._value(data, np.zeros(len(data)), np.zeros(len(data)))

    def predict_interval(
        self, X: Any, *, confidence: float = 0.95, method: Literal["delta", "bootstrap"] = "delta"
    ) -> Any:
        """Return an interval for the expected value, from the uncertainty of the parameters.

        It says how well the expectation is known, not how much one customer varies
        around it. Given independence the two likelihoods do not share a parameter, so
        that in the delta method (on the logarithm of the value) their relative errors
        add in squares. The bootstrap draws customers, and needs ``n_bootstrap`` to have
        been set before `fit`; the interval is between quantiles of the draws.

        Parameters
        ----------
        X : customers, frame, array or EventLog
            As in `predict`.
        confidence : float, default=0.95
            The coverage that the interval aims at.
        method : {"delta", "bootstrap"}, default="delta"
            Where the uncertainty comes from.

        Returns
        -------
        DataFrame or ndarray of shape (n_customers, 2)
            Lower and upper end, as a frame with the columns ``lower`` and ``upper``
            where `predict` gives a Series. By the delta method NaN where a model has no
            standard errors, or the value is infinite.

        Raises
        ------
        HistoryError
            If there are no draws.
        """
        normal_quantile(confidence)  # refuses what is no probability, before anything is computed
        check_choice(method, ("delta", "bootstrap"), name="method")
        table, index = self._rows_of(X)
        if method == "bootstrap" and self.bootstrap_params_.empty:
            raise HistoryError(
                message(
                    "the model was fitted without draws of customers",
                    "they are drawn in fit, as no data are kept",
                    "CustomerLifetimeValue(..., n_bootstrap=200).fit(X)",
                )
            )
        data, x, m = self._parts(table)
        ends = self._delta(data, x, m, confidence) if method == "delta" else self._quantiles(data, x, m, confidence)
        return ends if index is None else pd.DataFrame(ends, index=index, columns=["lower", "upper"])

    def summary(self, *, confidence: float = 0.95) -> pd.DataFrame:
        """Show the parameters of both models with their errors.

        Parameters
        ----------
        confidence : float, default=0.95
            The coverage that the intervals aim at, between 0 and 1.

        Returns
        -------
        DataFrame
            As `summary` of the models, one below the other; the index names model and
            parameter.
        """
        check_is_fitted(self, "horizon_")
        parts = {"transactions": self.transactions_.summary(confidence=confidence)}
        if isinstance(self.spend_, GammaGamma):
            parts["spend"] = self.spend_.summary(confidence=confidence)
        return pd.concat(parts, names=["model", "parameter"])

    # ------------------------------------------------------------------ reading

    def _names(self) -> list[str]:
        money = [_MONEY] if isinstance(self.spend_, GammaGamma) else []
        return [*_TIMES, *money, *self.transactions_._covariates()]

    def _table(self, X: Any, *, reset: bool) -> pd.DataFrame:
        names = self._names()
        columns, index = read_features(self, X, names, reset=reset)
        return pd.DataFrame(dict(zip(names, columns, strict=True)), index=index)

    def _summed_up(self, log: EventLog, cutoff: Any) -> pd.DataFrame:
        negative = cast("Any", self.negative)
        table = rfm_summary(
            log, kinds=self.kinds, cutoff=cutoff, period=self.period, time_unit=self.time_unit, negative=negative
        )
        absent = [name for name in self._names() if name not in table.columns]
        if _MONEY in absent:
            raise SchemaError(
                message(
                    "the log has no amounts, so mean spends are unknown",
                    "amounts, one mean spend for all, or a value in purchases",
                    "CustomerLifetimeValue(spend=None)",
                )
            )
        if absent:
            raise SchemaError(
                message(
                    f"a log does not hold the covariates {some(absent)} ({nearest(absent[0], list(table.columns))})",
                    "covariates are columns beside the summary",
                    "fit(rfm_summary(log).join(covariates))",
                )
            )
        return self._settled(table[self._names()])

    def _settled(self, table: pd.DataFrame) -> pd.DataFrame:
        """Set the mean spend of who was refunded more than they spent to 0."""
        if _MONEY not in table.columns:
            return table
        owed = (table["frequency"] > 0) & (table[_MONEY] <= 0)
        if owed.any():
            warnings.warn(
                message(
                    f"{int(owed.sum())} of {len(table)} customers were refunded all they spent, or more",
                    "the model of spend leaves them out, and they are valued as having spent 0 so far",
                    "model.customers_.query('frequency > 0 and monetary_value == 0') shows them",
                ),
                AssumptionWarning,
                stacklevel=4,
            )
        return table.assign(**{_MONEY: table[_MONEY].where(~owed, 0.0)})

    def _rows_of(self, X: Any) -> tuple[pd.DataFrame, pd.Index | None]:
        """Return the histories asked for, and the customers if the result is to be labelled."""
        check_is_fitted(self, "horizon_")
        if isinstance(X, EventLog):
            table = self._summed_up(X, None)
            return table, table.index
        if not _are_ids(X):
            table = self._table(X, reset=False)
            return table, table.index if table.index.name == "customer_id" else None
        ids = pd.Index(X, name="customer_id")
        if not hasattr(self, "customers_"):
            raise ParameterError(
                message(
                    f"{len(ids)} customers are named, but the model was fitted on a summary, which it does not keep",
                    "histories as in fit, or a model fitted on a log",
                    "model.predict(summary.loc[customers])",
                )
            )
        position = self.customers_.index.get_indexer(ids)
        missing = position < 0
        if missing.any():
            unknown = ids[missing].unique()
            raise DataError(
                message(
                    f"{len(unknown):,} of {ids.nunique():,} customers are unknown ({some(unknown.tolist())})",
                    "customers who bought before the cutoff of the log the model was fitted on",
                    "model.predict(customers.intersection(model.customers_.index))",
                )
            )
        return self.customers_.iloc[position], ids

    def _parts(self, table: pd.DataFrame) -> tuple[Histories, FloatArray, FloatArray]:
        data, _ = self.transactions_._read(table, reset=False)
        if isinstance(self.spend_, GammaGamma):
            return data, *self.spend_._read(table, reset=False, zero=True)
        return data, data.x, np.zeros(len(data))

    # ------------------------------------------------------------------ value

    def _units(self, horizon: Any) -> float:
        if horizon is None or horizon == "forever":
            return float("inf")
        per_year = units_per_year(self.time_unit)
        if isinstance(horizon, Real) and not isinstance(horizon, np.timedelta64):
            number = float(horizon)
            if not 0 < number < np.inf:
                raise ParameterError(
                    message(
                        f"horizon={horizon} is no length of time",
                        f"a number above 0 in the unit {self.time_unit!r}, or a text such as '365d'",
                        "horizon='forever' for all the future",
                    )
                )
            return number
        length = duration(horizon, name="horizon")
        if length.fixed_us is None:
            return length.months / 12 * per_year
        return length.fixed_us / DAY_US * (per_year / units_per_year("D"))

    def _payments(self) -> Payments:
        rate = Discount(self.annual_discount_rate).continuous(self.time_unit)
        if np.isinf(self.horizon_) and (rate == 0 or self.discounting == "monthly"):
            why = "without a rate of discount the sum may not end" if rate == 0 else "months would not end"
            raise ParameterError(
                message(
                    f"horizon={self.horizon!r} with annual_discount_rate={self.annual_discount_rate}, "
                    f"discounting={self.discounting!r}: {why}",
                    "all the future needs a rate above 0 and continuous discounting",
                    "CustomerLifetimeValue(horizon='forever', annual_discount_rate=0.1)",
                )
            )
        if isinstance(self.transactions_, BGBB):
            # Purchases fall on whole numbers of opportunities, and each is paid for there and then.
            if np.isfinite(self.horizon_):
                self.transactions_._horizon(self.horizon_, 1)
            return Payments(self.horizon_, rate, "monthly", 1.0)
        timing: Literal["continuous", "monthly"] = "monthly" if self.discounting == "monthly" else "continuous"
        return Payments(self.horizon_, rate, timing, units_per_year(self.time_unit) / 12)

    def _purchases(self, data: Histories, params: dict[str, float]) -> FloatArray:
        """Return the discounted expected purchases within the horizon."""
        model, payments = self.transactions_, self._payments()
        if np.isinf(payments.horizon):
            of: Callable[..., FloatArray] = model._discounted
            times = np.full(len(data), payments.rate)
        else:
            nodes, weights = payments.nodes(self._scale(data))
            times = np.zeros(len(data))

            def of(x: FloatArray, T: FloatArray, _t: FloatArray, parameters: Parameters) -> FloatArray:
                return _weighted(model, x, T, parameters, nodes, weights)

        alive = expit(-model._dead_log_odds(data, model._parameters(data.covariates, params)))
        return np.asarray(alive * model._once(of, data, times, params))

    def _scale(self, data: Histories) -> float:
        """Return the shortest time within which a rate of purchases begins to change.

        It is that of the youngest customer, but for those who leave many times within it, all at
        one rate: then expected numbers are exponentials of the time over a tenth of their stay.
        """
        model = self.transactions_
        parameters = model._parameters(data.covariates)
        scales = [float(np.min(parameters[name])) for name in model._scale_parameters]
        age = (min(scales) if scales else 1.0) + float(data.T.min(initial=np.inf))
        leaving = float(model._leaving_rate(data.x, data.T, parameters).max(initial=0.0))
        return min(age, _STAYS / leaving) if leaving else age

    def _mean_spend(self, x: FloatArray, m: FloatArray, params: dict[str, float] | None) -> FloatArray | float:
        if isinstance(self.spend_, GammaGamma):
            return self.spend_._mean(x, m, self.spend_.params_ if params is None else params)
        return 1.0 if self.spend_ is None else float(self.spend_)

    def _value(self, data: Histories, x: FloatArray, m: FloatArray) -> FloatArray:
        spend = self._mean_spend(x, m, None)
        infinite = int(np.isinf(spend).sum())
        if infinite:
            warnings.warn(
                message(
                    f"the value of {infinite} of {len(x)} customers is infinite",
                    "the model of spend has q ≤ 1, so that its mean is infinite",
                    "CustomerLifetimeValue(spend=GammaGamma(finite_mean=True))",
                ),
                AssumptionWarning,
                stacklevel=3,
            )
        return np.asarray(self._purchases(data, self.transactions_.params_) * spend * self.margin)

    def _delta(self, data: Histories, x: FloatArray, m: FloatArray, confidence: float) -> FloatArray:
        half = normal_quantile(confidence)
        purchases = self._purchases(data, self.transactions_.params_)
        error = self.transactions_._delta_error(lambda params: self._purchases(data, params))
        relative = np.divide(error, purchases, out=np.zeros_like(error), where=purchases > 0)
        if isinstance(self.spend_, GammaGamma):
            relative = np.hypot(relative, self.spend_._relative_error(x, m))
        value = purchases * self._mean_spend(x, m, None) * self.margin
        value = np.where(np.isinf(value), np.nan, value)
        with np.errstate(over="ignore"):  # what the data hardly determine may be anything up to infinity
            return np.column_stack([value * np.exp(-half * relative), value * np.exp(half * relative)])

    def _quantiles(self, data: Histories, x: FloatArray, m: FloatArray, confidence: float) -> FloatArray:
        tails = [0.5 - confidence / 2, 0.5 + confidence / 2]
        draws = [
            (_part(row, "transactions"), _part(row, "spend") or None)
            for row in self.bootstrap_params_.to_dict("records")
        ]
        result = np.empty((len(data), 2))
        for begin in range(0, len(data), _ROWS_AT_ONCE):
            rows = slice(begin, begin + _ROWS_AT_ONCE)
            some_data = data.rows(rows)
            values = [
                self._purchases(some_data, purchases) * self._mean_spend(x[rows], m[rows], spend) * self.margin
                for purchases, spend in draws
            ]
            # An infinite draw cannot be interpolated with its neighbour.
            result[rows] = np.quantile(np.array(values), tails, axis=0, method="nearest").T
        return result

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        tags.input_tags.positive_only = True
        return tags


def _weighted(
    model: PurchaseModel, x: FloatArray, T: FloatArray, parameters: Parameters, nodes: FloatArray, weights: FloatArray
) -> FloatArray:
    """Sum the expected purchases up to each node, some customers with all of their nodes at a time."""
    total = np.empty(len(x))
    step = max(1, _CELLS_AT_ONCE // len(nodes))
    for begin in range(0, len(x), step):
        rows = slice(begin, begin + step)
        own = {name: value[rows] if np.ndim(value) else value for name, value in parameters.items()}
        total[rows] = model._expected_sum(x[rows], T[rows], nodes, weights, own)
    return total


def _warn_of_no_maximum(model: PurchaseModel | GammaGamma, role: str) -> None:
    if not model.converged_:
        warnings.warn(
            message(
                f"{type(model).__name__} did not converge: {model.reason_}",
                "values are those of the last step, without an interval by the delta method",
                f"CustomerLifetimeValue({role}=<another model>), or n_bootstrap=200 for intervals",
            ),
            ConvergenceWarning,
            stacklevel=4,
        )


def _warn_of_percent(share: float, name: str) -> None:
    if share > 1:
        warnings.warn(
            message(
                f"{name}={share:g} is {share:.0%}", "a share was expected: 0.12 is 12 %", f"{name}={share / 100:g}"
            ),
            AssumptionWarning,
            stacklevel=3,
        )


def _are_ids(X: Any) -> bool:
    if isinstance(X, (pd.Series, pd.Index)):
        return True
    return not hasattr(X, "columns") and np.ndim(X) == 1


def _drawn(generator: np.random.RandomState, n: int, weight: FloatArray | None) -> FloatArray:
    """Count how often each row is drawn; a row of weight 3 is three customers."""
    if weight is None:
        return np.bincount(generator.randint(0, n, n), minlength=n).astype(float)
    ends = np.cumsum(weight)
    total = float(ends[-1])
    picked = np.searchsorted(ends, generator.random_sample(max(1, round(total))) * total, side="right")
    return np.bincount(np.minimum(picked, n - 1), minlength=n).astype(float)


def _named(part: str, params: dict[str, float]) -> dict[str, float]:
    return {f"{part}__{name}": value for name, value in params.items()}


def _part(row: dict[Any, Any], part: str) -> dict[str, float]:
    return {name.removeprefix(f"{part}__"): value for name, value in row.items() if name.startswith(f"{part}__")}


def _shown(draws: Iterable[int], *, show: bool) -> Iterable[int]:
    if not show:
        return draws
    from tqdm.auto import tqdm

    return tqdm(draws, desc="bootstrap")
