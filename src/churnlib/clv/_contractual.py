"""Base of the models for customers under contract, whose leaving is seen: durations in, survival out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from churnlib._checks import check_integer, check_number
from churnlib._frames import column_names
from churnlib._sklearn import Interval, Tags, check_is_fitted, fit_context
from churnlib._typing import ArrayLike, FloatArray
from churnlib.clv._histories import check_finite, check_weight, is_frame, read_numbers, refuse
from churnlib.clv._likelihood import LikelihoodModel, Parameters, Problem
from churnlib.clv._simulation import observed_for
from churnlib.clv._survivors import survivor_counts
from churnlib.exceptions import DataError, ParameterError, message
from churnlib.numerics import levels, normal_quantile, unique_rows

__all__ = ["ContractModel", "Durations"]

_COLUMNS = ("duration", "event")


@dataclass(frozen=True, slots=True)
class Durations:
    """How long customers have stayed, checked.

    Parameters
    ----------
    duration : ndarray of shape (n,)
        Whole periods until the cancellation, or until the customer was last seen.
    event : ndarray of shape (n,)
        1 for a cancellation, 0 for a customer who is still there.
    covariates : ndarray of shape (n, m)
        Further columns.
    """

    duration: FloatArray
    event: FloatArray
    covariates: FloatArray

    def __len__(self) -> int:
        return len(self.duration)


class ContractModel(LikelihoodModel):
    """Base of the models of renewal: at the end of each period a customer renews, or cancels and is gone.

    A subclass gives the survival function and its likelihood; whatever is asked of a
    customer who has survived d periods follows from S(d + j) / S(d).
    """

    horizon: int | None

    n_features_in_: int

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **LikelihoodModel._parameter_constraints,
        "horizon": [Interval(Integral, 0, None, closed="left"), None],
    }

    # ------------------------------------------------------------------ what a subclass gives

    @abstractmethod
    def _problem(self, data: Durations, weight: FloatArray) -> Problem:
        """Return the likelihood of distinct rows."""

    @abstractmethod
    def _log_likelihood(self, data: Durations, parameters: Parameters) -> FloatArray:
        """Return the log-likelihood of each row."""

    @abstractmethod
    def _log_survival(self, times: FloatArray, parameters: Parameters) -> FloatArray:
        """Return log S(t); times and parameters are broadcast."""

    @abstractmethod
    def _lifetime(self, duration: FloatArray, until: FloatArray, parameters: Parameters) -> FloatArray:
        """Return the sum of S(d + j) / S(d) over j = 1 … until."""

    @abstractmethod
    def _discounted(self, duration: FloatArray, rate: FloatArray, parameters: Parameters) -> FloatArray:
        """Return the sum of S(d + j) / S(d) exp(-rate j) over all j ≥ 1."""

    @abstractmethod
    def _draw(self, generator: np.random.RandomState, n: int, parameters: Parameters) -> FloatArray:
        """Draw n durations until the cancellation, whole and ≥ 1."""

    # ------------------------------------------------------------------ fit

    @fit_context()
    def fit(self, X: Any, y: Any = None, *, sample_weight: Any = None) -> Self:  # noqa: ARG002
        """Find the parameters of largest likelihood.

        Parameters
        ----------
        X : frame, or array of shape (n_customers, 2 + covariates)
            One customer per row. Of a frame the columns ``duration`` and ``event``
            are taken, and the covariates named in the constructor; other columns
            are left alone. Of an array the columns count in this order. A duration
            is a whole number of periods ≥ 1. With event = True the customer
            cancelled at the end of that period, and so renewed duration - 1
            times; with event = False the customer renewed that many times and
            was still there when last seen.
        y : None
            Not used; it is there for pipelines.
        sample_weight : array of shape (n_customers,), default=None
            How many customers each row stands for.

        Returns
        -------
        self

        Raises
        ------
        SchemaError
            If a column is missing.
        DataError
            If a duration is missing, fractional or below 1, an event is neither
            true nor false, nobody cancelled, or there is one customer alone.
        """
        data, index = self._read(X, reset=True)
        weight = check_weight(sample_weight, len(data))
        self._check_fit(data, weight, index)
        columns = [levels(column) for column in (data.duration, data.event, *data.covariates.T)]
        rows = unique_rows([column.codes for column in columns], weight=weight)
        seen = rows.weight > 0  # who does not count is not there, however odd
        distinct = [column.values[code[seen]] for column, code in zip(columns, rows.codes, strict=True)]
        self._maximise(self._problem(_durations(distinct), rows.weight[seen]))
        return self

    def fit_survivors(self, survivors: ArrayLike, *, n: int | None = None) -> Self:
        """Fit to a table of survivors: how many of the customers of one day were left after each period.

        Parameters
        ----------
        survivors : array of shape (n_periods + 1,)
            Survivors after 0, 1, 2, … renewals, such as ``[1000, 631, 468]``;
            or in any unit, such as per cent, where `n` is given.
        n : int, default=None
            How many customers there were in the beginning; the table is then scaled
            to begin with this number. The parameters do not depend on it, the
            log-likelihood and the errors do. None takes the table as counts.

        Returns
        -------
        self

        Raises
        ------
        DataError
            If survivors increase, are negative, missing, or fractions where `n` is
            not given, or nobody was lost.
        ParameterError
            If the model has covariates, of which a table knows nothing.

        Examples
        --------
        >>> from churnlib.clv import ShiftedBetaGeometric
        >>> table = ShiftedBetaGeometric().fit_survivors([100, 63.1, 46.8, 38.2, 32.6], n=1000)
        >>> round(table.alpha_, 2), round(table.loglik_, 2)
        (0.76, -1401.56)
        """
        if self._covariates():
            raise ParameterError(
                message(
                    f"the model has the covariates {', '.join(self._covariates())}",
                    "a table of survivors says nothing of them",
                    "fit(X) with one row per customer, or with a sample_weight",
                )
            )
        counts = survivor_counts(survivors, n)
        lost = -np.diff(counts)
        ages = np.arange(1.0, len(counts))
        frame = pd.DataFrame(
            {"duration": np.append(ages, ages[-1]), "event": np.append(np.ones(len(ages)), 0.0)}, dtype=float
        )
        weight = np.append(lost, counts[-1])
        return self.fit(frame, sample_weight=weight)

    def _read(self, X: Any, *, reset: bool) -> tuple[Durations, pd.Index | None]:
        names = [*_COLUMNS, *self._covariates()]
        # A frame to predict from may lack the column of events: who is asked about is still there.
        absent = not reset and is_frame(X) and "event" not in column_names(X)
        wanted = [name for name in names if not (absent and name == "event")]
        columns, index = self._read_columns(X, wanted, reset=reset)
        if absent:
            columns = [columns[0], np.zeros(len(columns[0])), *columns[1:]]
        check_finite(columns, names, index)
        refuse(
            columns[0] < 0,
            index,
            "Negative values in data: column 'duration' is below 0",
            "it counts periods",
            "X = X[X['duration'] >= 0]",
        )
        refuse(
            columns[0] != np.floor(columns[0]),
            index,
            "column 'duration' is not a whole number",
            "it counts the periods of the contract",
            "X['duration'] = np.ceil(days / 30)",
        )
        refuse(
            (columns[1] != 0) & (columns[1] != 1),
            index,
            "column 'event' is neither true nor false",
            "true (1) says that the customer cancelled",
            "X['event'] = X['cancelled_at'].notna()",
        )
        return _durations(columns), index

    def _check_fit(self, data: Durations, weight: FloatArray | None, index: pd.Index | None) -> None:
        refuse(
            data.duration < 1,
            index,
            "column 'duration' is 0",
            "who has not come to the first renewal tells nothing yet, and a cancellation falls in period 1 or later",
            "fit(X[X['duration'] >= 1])",
        )
        n = len(data)
        counts = np.ones(n, dtype=bool) if weight is None else weight > 0
        if counts.sum() == 1 and (weight is None or weight.sum() <= 1):
            raise DataError(
                message(
                    "n_samples = 1: 1 sample tells nothing about how customers differ",
                    "two customers or more",
                    "fit(X)",
                )
            )
        if not data.event[counts].any():
            raise DataError(
                message(
                    f"column 'event' is False in all {int(counts.sum())} rows that count "
                    f"(first: row {int(np.argmax(counts))})",
                    "some customers must have cancelled, or nothing can be learned about leaving",
                    "observe for longer",
                )
            )

    # ------------------------------------------------------------------ the survival function

    def predict_survival_function(self, times: ArrayLike, *, covariates: Any = None) -> FloatArray:
        """Return the probability that a new customer renews at least t times.

        Parameters
        ----------
        times : array of shape (n_times,)
            Whole numbers of periods ≥ 0.
        covariates : frame or array of shape (n_rows, n_covariates), default=None
            One row per kind of customer, where the model was fitted with covariates.

        Returns
        -------
        ndarray of shape (n_times,), or (n_rows, n_times) with covariates
            S(t), from S(0) = 1 falling towards 0.
        """
        check_is_fitted(self, "params_")
        parameters = self._of_kinds(covariates)
        return np.asarray(np.exp(self._log_survival(_whole(times, "times", 0), parameters)))

    def predict_survival_interval(
        self, times: ArrayLike, *, covariates: Any = None, confidence: float = 0.95
    ) -> FloatArray:
        """Return intervals for the survival function, from the uncertainty of the parameters.

        Delta method on log(-log S), so that the ends stay between 0 and 1. Each
        interval is for its own t. It says how well the curve is known, not how many
        of a few customers will be left.

        Parameters
        ----------
        times : array of shape (n_times,)
            Whole numbers of periods ≥ 0.
        covariates : frame or array of shape (n_rows, n_covariates), default=None
            One row per kind of customer, where the model was fitted with covariates.
        confidence : float, default=0.95
            The coverage that each interval aims at.

        Returns
        -------
        ndarray of shape (n_times, 2), or (n_rows, n_times, 2) with covariates
            Lower and upper end; NaN where the parameters have no standard errors, and
            [1, 1] at t = 0.
        """
        half = normal_quantile(confidence)
        check_is_fitted(self, "params_")
        asked = _whole(times, "times", 0)
        later = np.maximum(asked, 1)

        def log_hazard(params: dict[str, float]) -> FloatArray:
            return np.log(-self._log_survival(later, self._of_kinds(covariates, params))).ravel()

        value, error = log_hazard(self.params_), self._delta_error(log_hazard)
        ends = np.exp(-np.exp(np.column_stack([value + half * error, value - half * error])))
        shape = self._log_survival(later, self._of_kinds(covariates)).shape
        return np.where((asked > 0)[:, None], ends.reshape(*shape, 2), 1.0)

    def predict_retention_rate(self, times: ArrayLike, *, covariates: Any = None) -> FloatArray:
        """Return the share of those who came to the t-th renewal that renew.

        It rises with t although nobody becomes more loyal: those who cancel easily
        have gone (Fader and Hardie 2007).

        Parameters
        ----------
        times : array of shape (n_times,)
            Which renewal, ≥ 1.
        covariates : frame or array of shape (n_rows, n_covariates), default=None
            One row per kind of customer, where the model was fitted with covariates.

        Returns
        -------
        ndarray of shape (n_times,), or (n_rows, n_times) with covariates
            S(t) / S(t - 1), between 0 and 1.
        """
        check_is_fitted(self, "params_")
        parameters, asked = self._of_kinds(covariates), _whole(times, "times", 1)
        return np.asarray(np.exp(self._log_survival(asked, parameters) - self._log_survival(asked - 1, parameters)))

    # ------------------------------------------------------------------ customers who are there

    def predict_churn_probability(self, X: Any, horizon: Any = None) -> FloatArray:
        """Return the probability that a customer cancels within the next periods.

        Parameters
        ----------
        X : frame or array
            Customers who are there: ``duration`` is how often they have renewed, 0
            for a new one. The column ``event`` may be missing from a frame; where it
            is present it must be false.
        horizon : int or array of shape (n_customers,), default=None
            How many renewals to look ahead; None takes the `horizon` of the
            constructor.

        Returns
        -------
        ndarray of shape (n_customers,)
            1 - S(d + horizon) / S(d), between 0 and 1, rising with the horizon.

        Raises
        ------
        ParameterError
            If neither horizon is given, or it is negative or not whole.
        DataError
            If a customer has already cancelled.
        """
        data = self._read_active(X)
        given = self.horizon if horizon is None else horizon
        if given is None:
            name = type(self).__name__
            raise ParameterError(
                message(
                    f"neither horizon nor the horizon of {name} is given",
                    "a whole number of periods",
                    f"model.predict_churn_probability(X, 12) or {name}(horizon=12)",
                )
            )

        def churns(duration: FloatArray, ahead: FloatArray, parameters: Parameters) -> FloatArray:
            later = self._log_survival(duration + ahead, parameters)
            return np.asarray(-np.expm1(later - self._log_survival(duration, parameters)))

        return self._once(churns, data, _per_row(given, "horizon", len(data)))

    def predict_lifetime(self, X: Any, *, until: Any) -> FloatArray:
        """Return how many of the next periods a customer will renew for, on average.

        Parameters
        ----------
        X : frame or array
            Customers who are there, as in `predict_churn_probability`.
        until : int or array of shape (n_customers,)
            How many of the next renewals count. There is no "for ever": while some
            customers hardly ever cancel, as they do with alpha ≤ 1, the mean
            lifetime is infinite.

        Returns
        -------
        ndarray of shape (n_customers,)
            The sum of S(d + j) / S(d) over j = 1 … until: from 0 to `until`.

        Raises
        ------
        ParameterError
            If `until` is negative or not whole.
        """
        data = self._read_active(X)
        return self._once(self._lifetime, data, _per_row(until, "until", len(data)))

    def predict_discounted(self, X: Any, *, discount_rate: float, due_in: float = 0.0) -> FloatArray:
        """Return the discounted expected residual lifetime (DERL): what all future renewals are worth, each being 1.

        Parameters
        ----------
        X : frame or array
            Customers who are there, as in `predict_churn_probability`.
        discount_rate : float
            The continuous rate per period, > 0: 10 % a year with yearly periods is
            ``log(1.1)``, with monthly ones ``log(1.1) / 12``.
        due_in : float, default=0.0
            Periods until the next renewal falls due: 0 just before it, as in the
            paper, so that it is not discounted; 1 just after the last one.

        Returns
        -------
        ndarray of shape (n_customers,)
            The sum of S(d + j) / S(d) exp(-discount_rate (due_in + j - 1)) over all
            j ≥ 1. Multiplied by the margin of a period it is the residual value of
            the customer.

        Raises
        ------
        ParameterError
            If the rate is not positive, or `due_in` is negative.

        Notes
        -----
        With due_in = 0 and d = exp(discount_rate) - 1 this is the DERL of Fader and
        Hardie (2010), Customer-base valuation in a contractual setting, Marketing
        Science 29(1), for a customer in period n = duration + 1.
        """
        data = self._read_active(X)
        rate = check_number(discount_rate, name="discount_rate")
        if rate <= 0:
            raise ParameterError(
                message(
                    f"discount_rate={rate} does not discount",
                    "a rate > 0 per period, or a horizon that ends",
                    "model.predict_lifetime(X, until=60)",
                )
            )
        wait = check_number(due_in, name="due_in", low=0)
        total = self._once(self._discounted, data, np.full(len(data), rate))
        return np.asarray(total * np.exp(rate * (1 - wait)))

    def log_likelihood(self, X: Any) -> FloatArray:
        """Return the log-likelihood of each customer.

        Parameters
        ----------
        X : frame or array
            Durations and events, as in `fit`.

        Returns
        -------
        ndarray of shape (n_customers,)
            Logarithms of probabilities, ≤ 0: of cancelling in that very period, or
            of lasting beyond it.
        """
        check_is_fitted(self, "params_")
        data, index = self._read(X, reset=False)
        refuse(
            (data.event == 1) & (data.duration < 1),
            index,
            "column 'duration' is 0",
            "a cancellation falls in period 1 or later",
            "X[X['duration'] >= 1]",
        )
        return self._log_likelihood(data, self._parameters(data.covariates))

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:  # noqa: ARG002
        """Return the mean log-likelihood per customer.

        Parameters
        ----------
        X : frame or array
            Durations and events, as in `fit`.
        y : None
            Not used.
        sample_weight : array of shape (n_customers,), default=None
            How many customers each row stands for.

        Returns
        -------
        float
            At most 0; higher is better, and comparable between models.
        """
        values = self.log_likelihood(X)
        return float(np.average(values, weights=check_weight(sample_weight, len(values))))

    def simulate(
        self, periods: Any, *, n_customers: int | None = None, covariates: Any = None, random_state: Any = None
    ) -> pd.DataFrame:
        """Draw new customers from the fitted model and watch them for some periods.

        Parameters
        ----------
        periods : int or array of shape (n_customers,)
            For how many periods each customer is observed, ≥ 1.
        n_customers : int, default=None
            How many to draw where `periods` is one number and there are no covariates.
        covariates : frame or array of shape (n_customers, n_covariates), default=None
            One row per customer, where the model was fitted with covariates.
        random_state : int, RandomState or None, default=None
            The seed.

        Returns
        -------
        DataFrame
            ``duration`` and ``event`` as `fit` reads them, and the covariates.

        Raises
        ------
        ParameterError
            If `periods` is not whole, or not positive.
        """
        check_is_fitted(self, "params_")
        if n_customers is not None:
            check_integer(n_customers, name="n_customers", low=1)
        extra = self._kinds(covariates)
        observed = observed_for(periods, n_customers if extra is None else len(extra))
        if not np.array_equal(observed, np.floor(observed)):
            raise ParameterError(message("periods is not whole", "contracts are renewed by the period", "periods=12"))
        none = np.empty((len(observed), 0))
        parameters = self._parameters(none if extra is None else extra)
        lasts = self._draw(check_random_state(random_state), len(observed), parameters)
        frame = pd.DataFrame({"duration": np.minimum(lasts, observed).astype(np.int64), "event": lasts <= observed})
        if extra is not None:
            frame[list(self._covariates())] = extra
        return frame

    # ------------------------------------------------------------------ routine

    def _read_active(self, X: Any) -> Durations:
        check_is_fitted(self, "params_")
        data, index = self._read(X, reset=False)
        refuse(
            data.event == 1,
            index,
            "column 'event' is true",
            "a customer who has cancelled has no future to predict",
            "X[~X['event']]",
        )
        return data

    def _kinds(self, covariates: Any) -> FloatArray | None:
        """Read covariates given without durations; None where the model has none."""
        names = self._covariates()
        if not names:
            if covariates is not None:
                raise ParameterError(
                    message("covariates are given", "the model was fitted without any", "covariates=None")
                )
            return None
        if covariates is None:
            raise ParameterError(
                message(
                    f"the model was fitted with the covariates {', '.join(names)}",
                    "it needs them here too",
                    f"covariates=frame[{list(names)!r}]",
                )
            )
        columns, index = read_numbers(covariates, names)
        check_finite(columns, names, index)
        return np.column_stack(columns)

    def _of_kinds(self, covariates: Any, params: dict[str, float] | None = None) -> Parameters:
        """Return the parameters, with an axis for times behind that of the kinds of customers."""
        extra = self._kinds(covariates)
        if extra is None:
            return self._parameters(np.empty((1, 0)), params)
        return {name: np.asarray(value)[..., None] for name, value in self._parameters(extra, params).items()}

    def _once(
        self, of: Callable[[FloatArray, FloatArray, Parameters], FloatArray], data: Durations, ahead: FloatArray
    ) -> FloatArray:
        """Compute something that depends on duration, how far ahead, and covariates once for each distinct row."""
        columns = [levels(column) for column in (data.duration, ahead, *data.covariates.T)]
        rows = unique_rows([column.codes for column in columns], inverse=True)
        distinct = [column.values[code] for column, code in zip(columns, rows.codes, strict=True)]
        extra = np.column_stack(distinct[2:]) if distinct[2:] else np.empty((len(distinct[0]), 0))
        assert rows.inverse is not None
        return np.asarray(of(distinct[0], distinct[1], self._parameters(extra))[rows.inverse])

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        tags.input_tags.positive_only = True
        return tags


def _durations(columns: Sequence[FloatArray]) -> Durations:
    extra = np.column_stack(columns[2:]) if len(columns) > 2 else np.empty((len(columns[0]), 0))
    return Durations(columns[0], columns[1], extra)


def _whole(times: ArrayLike, name: str, low: int) -> FloatArray:
    values = np.asarray(times, dtype=float)
    if values.ndim != 1 or not np.all(np.isfinite(values) & (values >= low) & (values == np.floor(values))):
        raise ParameterError(
            message(
                f"{name} are not all whole numbers ≥ {low} in a row", "contracts run by the period", f"{name}=[1, 2]"
            )
        )
    return values


def _per_row(given: Any, name: str, n: int) -> FloatArray:
    values = np.asarray(given, dtype=float)
    if values.shape not in {(), (n,)} or not np.all(np.isfinite(values) & (values >= 0) & (values == np.floor(values))):
        raise ParameterError(
            message(
                f"{name} is not a whole number ≥ 0, or one for each of the {n} rows",
                "contracts run by the period",
                f"{name}=12",
            )
        )
    return np.broadcast_to(values, (n,))
