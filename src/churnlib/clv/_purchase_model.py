"""Base of the models for customers who may leave without a word: histories in, expectations out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.utils import check_random_state

from churnlib._checks import check_integer, check_number
from churnlib._sklearn import Interval, Tags, check_is_fitted, fit_context
from churnlib._typing import Array, FloatArray, IntArray
from churnlib.clv._histories import (
    Histories,
    UniqueHistories,
    check_finite,
    check_weight,
    read_numbers,
    refuse,
)
from churnlib.clv._likelihood import LikelihoodModel, Parameters, Problem
from churnlib.clv._simulation import observed_for
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, message
from churnlib.numerics import levels, normal_quantile, unique_rows

__all__ = ["Parameters", "PurchaseModel"]

_COLUMNS = ("frequency", "recency", "T")
_SCALE = 10.0
"""Times are divided so that the longest is 10: the parameters' logarithms then start near 0."""
_ROWS_AT_ONCE = 2**16
"""Distributions hold many numbers per row; those of so many rows fit into memory."""


class PurchaseModel(LikelihoodModel):
    """Base of the models of purchases by customers without a contract.

    A customer buys for a while and then leaves unseen. All that a model needs of
    the past is (frequency, recency, T); given those, what happens after T depends
    on whether the customer is alive, and if so on frequency and T only. The base
    does everything that follows from this; a subclass gives the likelihood and
    what a living customer does.
    """

    horizon: float | None

    n_features_in_: int

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **LikelihoodModel._parameter_constraints,
        "horizon": [Interval(Real, 0, None, closed="left"), None],
    }

    # ------------------------------------------------------------------ what a subclass gives

    @abstractmethod
    def _problem(self, data: UniqueHistories, scale: float) -> Problem:
        """Return the likelihood of the histories with times multiplied by `scale`."""

    @abstractmethod
    def _log_likelihood(self, data: Histories, parameters: Parameters) -> FloatArray:
        """Return the log-likelihood of each row."""

    @abstractmethod
    def _dead_log_odds(self, data: Histories, parameters: Parameters) -> FloatArray:
        """Return log(P(gone) / P(alive)) at T; -inf where nobody can be gone."""

    @abstractmethod
    def _expected(self, x: FloatArray, T: FloatArray, t: FloatArray, parameters: Parameters) -> FloatArray:
        """Return the expected purchases in (T, T + t] of a customer alive at T."""

    def _expected_sum(
        self, x: FloatArray, T: FloatArray, times: FloatArray, weights: FloatArray, parameters: Parameters
    ) -> FloatArray:
        """Return Σ w_k E[purchases in (T, T + t_k]] of a customer alive at T."""
        k = len(times)
        own = {name: np.repeat(value, k) if np.ndim(value) else value for name, value in parameters.items()}
        expected = self._expected(np.repeat(x, k), np.repeat(T, k), np.tile(times, len(x)), own)
        return np.asarray(expected.reshape(-1, k) @ weights)

    @abstractmethod
    def _still_alive(self, x: FloatArray, T: FloatArray, t: FloatArray, parameters: Parameters) -> FloatArray:
        """Return P(alive at T + t) of a customer alive at T."""

    @abstractmethod
    def _distribution(
        self, x: FloatArray, T: FloatArray, t: FloatArray, largest: int, parameters: Parameters
    ) -> FloatArray:
        """Return P(n purchases in (T, T + t]), n = 0 … largest, of a customer alive at T; shape (n, largest + 1)."""

    @abstractmethod
    def _discounted(self, x: FloatArray, T: FloatArray, rate: FloatArray, parameters: Parameters) -> FloatArray:
        """Return the discounted expected purchases after T of a customer alive at T."""

    def _leaving_rate(self, x: FloatArray, T: FloatArray, parameters: Parameters) -> FloatArray:  # noqa: ARG002
        """Return how fast a customer alive at T leaves, on average, per unit of time; 0 where time goes in steps."""
        return np.zeros(len(x))

    @abstractmethod
    def _draw(
        self, generator: np.random.RandomState, lengths: FloatArray, parameters: Parameters
    ) -> tuple[IntArray, Array]:
        """Draw frequency and recency of customers observed for these lengths; one value per customer in each."""

    # ------------------------------------------------------------------ fit

    @fit_context()
    def fit(self, X: Any, y: Any = None, *, sample_weight: Any = None) -> Self:  # noqa: ARG002
        """Find the parameters of largest likelihood.

        Parameters
        ----------
        X : frame, or array of shape (n_customers, 3 + covariates)
            One customer per row. Of a frame the columns ``frequency`` (repeat
            purchases, whole), ``recency`` (age at the last purchase, 0 without a
            repeat) and ``T`` (age, > 0) are taken, and the covariates named in the
            constructor; other columns are left alone. Of an array the columns
            count in this order. Recency and T share one unit of time, which is
            the unit of every time this model returns.
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
            If a history cannot be: recency > T, a fractional frequency, a missing
            value, T = 0, nobody who ever bought again, or one customer alone.
        """
        data, index = self._read(X, reset=True)
        weight = check_weight(sample_weight, len(data))
        self._check_fit(data, weight, index)
        if weight is not None and not weight.all():  # who does not count is not there, however odd
            data, weight = data.rows(weight > 0), weight[weight > 0]
        unique = data.unique(weight)
        scale = _SCALE / float(data.T.max())
        self._maximise(self._problem(unique, scale))
        return self

    def _read(self, X: Any, *, reset: bool) -> tuple[Histories, pd.Index | None]:
        if isinstance(X, Histories):  # made here, for newcomers
            return X, None
        names = [*_COLUMNS, *self._covariates()]
        columns, index = self._read_columns(X, names, reset=reset)
        extra = np.column_stack(columns[3:]) if len(columns) > 3 else np.empty((len(columns[0]), 0))
        data = Histories(columns[0], columns[1], columns[2], extra)
        self._check(data, columns, names, index)
        return data, index

    def _check(
        self, data: Histories, columns: Sequence[FloatArray], names: Sequence[str], index: pd.Index | None
    ) -> None:
        check_finite(columns, names, index)
        x, tx, T = data.x, data.tx, data.T
        negative = [(column < 0, name) for column, name in zip(columns[:3], names, strict=False) if (column < 0).any()]
        for rows, name in negative:
            refuse(
                rows,
                index,
                f"Negative values in data: column {name!r} is below 0",
                "it counts from 0",
                f"X = X[X[{name!r}] >= 0]",
            )
        refuse(
            x != np.floor(x),
            index,
            "column 'frequency' is not a whole number",
            "it counts repeat purchases",
            "rfm_summary(orders, ...) counts them",
        )
        refuse(
            tx > T,
            index,
            "column 'recency' is larger than 'T'",
            "recency is the age at the last purchase, not the time since it",
            "X['recency'] = X['T'] - X['recency']",
        )
        refuse(
            (x == 0) != (tx == 0),
            index,
            "column 'recency' is 0 but 'frequency' is not, or the other way round",
            "recency is 0 exactly for customers without a repeat purchase",
            "rfm_summary(orders, ...) computes both",
        )

    def _check_fit(self, data: Histories, weight: FloatArray | None, index: pd.Index | None) -> None:
        n = len(data)
        counts = np.ones(n, dtype=bool) if weight is None else weight > 0
        refuse(
            data.T == 0,
            index,
            "column 'T' is 0",
            "a customer who came in the last period tells nothing yet",
            "fit(X[X['T'] > 0])",
        )
        if counts.sum() == 1 and (weight is None or weight.sum() <= 1):
            raise DataError(
                message(
                    "n_samples = 1: 1 sample tells nothing about how customers differ",
                    "two customers or more",
                    "fit(X)",
                )
            )
        if not data.x[counts].any():
            raise DataError(
                message(
                    f"column 'frequency' is 0 in all {int(counts.sum())} rows that count "
                    f"(first: row {int(np.argmax(counts))})",
                    "some customers must have bought again, or nothing can be learned about leaving",
                    "observe for longer: rfm_summary(orders, cutoff=<a later date>)",
                )
            )

    # ------------------------------------------------------------------ predictions

    def predict(self, X: Any, t: Any = None) -> FloatArray:
        """Return the expected number of purchases in the next t.

        Parameters
        ----------
        X : frame or array
            Histories, as in `fit`; here T = 0 is allowed (a customer of today).
        t : float or array of shape (n_customers,), default=None
            How far to look, ≥ 0, in the unit of T; None takes the `horizon` of
            the constructor.

        Returns
        -------
        ndarray of shape (n_customers,)
            E[purchases in (T, T + t] | history], ≥ 0.

        Raises
        ------
        ParameterError
            If neither t nor `horizon` is given, or t is negative.
        """
        return self._predict(X, t, self._expected_of)

    def predict_alive_probability(self, X: Any, t: Any = 0.0) -> FloatArray:
        """Return the probability that a customer is alive at T + t.

        Parameters
        ----------
        X : frame or array
            Histories, as in `fit`.
        t : float or array of shape (n_customers,), default=0.0
            How much later, in the unit of T; 0 is now.

        Returns
        -------
        ndarray of shape (n_customers,)
            P(alive at T + t | history), between 0 and 1, falling with t.
        """
        return self._predict(X, t, self._alive_of)

    def predict_no_purchase_probability(self, X: Any, t: Any = None) -> FloatArray:
        """Return the probability that a customer buys nothing in the next t.

        That is the churn label of an inactivity definition. A customer who is
        alive may well buy nothing, so it is never below 1 - P(alive).

        Parameters
        ----------
        X : frame or array
            Histories, as in `fit`.
        t : float or array of shape (n_customers,), default=None
            How far to look, in the unit of T; None takes the `horizon`.

        Returns
        -------
        ndarray of shape (n_customers,)
            P(no purchase in (T, T + t] | history), between 0 and 1, falling with t.
        """
        return self._predict(X, t, self._silent_of)

    def predict_purchase_distribution(self, X: Any, t: Any = None, *, largest: int = 10) -> FloatArray:
        """Return the distribution of the number of purchases in the next t.

        Parameters
        ----------
        X : frame or array
            Histories, as in `fit`.
        t : float or array of shape (n_customers,), default=None
            How far to look, in the unit of T; None takes the `horizon`.
        largest : int, default=10
            The largest number of purchases to state a probability of.

        Returns
        -------
        ndarray of shape (n_customers, largest + 1)
            P(n purchases in (T, T + t] | history) in column n. What is missing to
            one is the probability of more than `largest`.
        """
        largest = check_integer(largest, name="largest", low=0)
        check_is_fitted(self, "params_")
        data, _ = self._read(X, reset=False)
        t = self._horizon(t, len(data))
        alive = expit(-self._dead_log_odds(data, self._parameters(data.covariates)))

        def of(x: FloatArray, T: FloatArray, t: FloatArray, parameters: Parameters) -> FloatArray:
            return self._distribution(x, T, t, largest, parameters)

        result = self._once(of, data, t, self.params_) * alive[:, None]
        result[:, 0] += 1 - alive
        return result

    def predict_discounted(self, X: Any, *, discount_rate: float) -> FloatArray:
        """Return the discounted expected number of purchases in all the future (DERT).

        Parameters
        ----------
        X : frame or array
            Histories, as in `fit`.
        discount_rate : float
            The continuous rate per unit of T, > 0: 15 % a year with T in weeks is
            ``log(1.15) / 52``; `churnlib.economics.continuous_rate` converts.

        Returns
        -------
        ndarray of shape (n_customers,)
            The residual purchases, each discounted from its time to now, ≥ 0.

        Raises
        ------
        ParameterError
            If the rate is not positive: without discounting the sum may not end.
        """
        rate = check_number(discount_rate, name="discount_rate")
        if rate <= 0:
            raise ParameterError(
                message(
                    f"discount_rate={rate} does not discount",
                    "a rate > 0 per unit of T, or a horizon that ends",
                    "model.predict(X, t=365)",
                )
            )
        check_is_fitted(self, "params_")
        data, _ = self._read(X, reset=False)
        rates = np.full(len(data), rate)
        alive = expit(-self._dead_log_odds(data, self._parameters(data.covariates)))
        return np.asarray(alive * self._once(self._discounted, data, rates, self.params_))

    def predict_new(self, t: Any = None, *, covariates: Any = None) -> FloatArray:
        """Return the expected repeat purchases of a customer who comes today, in the first t.

        Parameters
        ----------
        t : float or array, default=None
            Time since the first purchase, in the unit of T; None takes the `horizon`.
        covariates : frame or array, default=None
            Covariates, one row per t, where the model was fitted with any.

        Returns
        -------
        ndarray
            E[X(t)], one for each t.
        """
        return self.predict(self._newcomers(t, covariates), t)

    def predict_new_distribution(self, t: Any = None, *, largest: int = 10, covariates: Any = None) -> FloatArray:
        """Return the distribution of the repeat purchases of a customer who comes today, in the first t.

        Parameters
        ----------
        t : float or array, default=None
            Time since the first purchase, in the unit of T; None takes the `horizon`.
        largest : int, default=10
            The largest number of purchases to state a probability of.
        covariates : frame or array, default=None
            Covariates, one row per t, where the model was fitted with any.

        Returns
        -------
        ndarray of shape (n_times, largest + 1)
            P(X(t) = n) in column n.
        """
        return self.predict_purchase_distribution(self._newcomers(t, covariates), t, largest=largest)

    def predict_interval(self, X: Any, t: Any = None, *, confidence: float = 0.95) -> FloatArray:
        """Return an interval for the expected purchases, from the uncertainty of the parameters.

        Delta method on the logarithm of the prediction. It says how well the
        expectation is known, not how much one customer varies around it; for that
        see `predict_purchase_distribution`.

        Parameters
        ----------
        X : frame or array
            Histories, as in `fit`.
        t : float or array of shape (n_customers,), default=None
            How far to look, in the unit of T; None takes the `horizon`.
        confidence : float, default=0.95
            The coverage that the interval aims at.

        Returns
        -------
        ndarray of shape (n_customers, 2)
            Lower and upper end; NaN where the parameters have no standard errors.
        """
        half = normal_quantile(confidence)
        check_is_fitted(self, "params_")
        data, _ = self._read(X, reset=False)
        t = self._horizon(t, len(data))
        value = self._expected_of(data, t, self.params_)
        error = self._delta_error(lambda params: self._expected_of(data, t, params))
        relative = np.divide(error, value, out=np.zeros_like(value), where=value > 0)
        return np.column_stack([value * np.exp(-half * relative), value * np.exp(half * relative)])

    def log_likelihood(self, X: Any) -> FloatArray:
        """Return the log-likelihood of each history, in the unit of T.

        Parameters
        ----------
        X : frame or array
            Histories, as in `fit`.

        Returns
        -------
        ndarray of shape (n_customers,)
            Logarithms of densities: larger is more likely. Times in other units
            shift each by a constant per purchase.
        """
        check_is_fitted(self, "params_")
        data, _ = self._read(X, reset=False)
        return self._log_likelihood(data, self._parameters(data.covariates))

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:  # noqa: ARG002
        """Return the mean log-likelihood per customer.

        Parameters
        ----------
        X : frame or array
            Histories, as in `fit`.
        y : None
            Not used.
        sample_weight : array of shape (n_customers,), default=None
            How many customers each row stands for.

        Returns
        -------
        float
            Higher is better; comparable between models on the same histories.
        """
        return float(np.average(self.log_likelihood(X), weights=check_weight(sample_weight, _length(X))))

    def simulate(
        self, T: Any, *, n_customers: int | None = None, covariates: Any = None, random_state: Any = None
    ) -> pd.DataFrame:
        """Draw histories of new customers from the fitted model.

        Parameters
        ----------
        T : float or array of shape (n_customers,)
            How long each customer is observed, > 0.
        n_customers : int, default=None
            How many to draw where T is one number.
        covariates : frame or array, default=None
            Covariates, one row per customer, where the model was fitted with any.
        random_state : int, RandomState or None, default=None
            The seed.

        Returns
        -------
        DataFrame
            ``frequency``, ``recency`` and ``T``, one row per customer.

        Raises
        ------
        ParameterError
            If a length is not positive, or the numbers of customers differ.
        """
        check_is_fitted(self, "params_")
        if n_customers is not None:
            check_integer(n_customers, name="n_customers", low=1)
        lengths = observed_for(T, n_customers)
        newcomers = self._newcomers(lengths, covariates)
        if len(newcomers) != len(lengths):
            raise ParameterError(
                message(
                    f"covariates have {len(newcomers)} rows for {len(lengths)} customers",
                    "one row for each customer",
                    "model.simulate(T=52, n_customers=len(frame), covariates=frame)",
                )
            )
        parameters = {
            name: np.broadcast_to(value, lengths.shape)
            for name, value in self._parameters(newcomers.covariates).items()
        }
        frequency, recency = self._draw(check_random_state(random_state), lengths, parameters)
        # Opportunities are counted, so where recency is whole T is as well.
        return pd.DataFrame({"frequency": frequency, "recency": recency, "T": lengths.astype(recency.dtype)})

    # ------------------------------------------------------------------ routine

    def _predict(
        self, X: Any, t: Any, of: Callable[[Histories, FloatArray, dict[str, float]], FloatArray]
    ) -> FloatArray:
        check_is_fitted(self, "params_")
        data, _ = self._read(X, reset=False)
        return of(data, self._horizon(t, len(data)), self.params_)

    def _expected_of(self, data: Histories, t: FloatArray, params: dict[str, float]) -> FloatArray:
        alive = expit(-self._dead_log_odds(data, self._parameters(data.covariates, params)))
        return np.asarray(alive * self._once(self._expected, data, t, params))

    def _alive_of(self, data: Histories, t: FloatArray, params: dict[str, float]) -> FloatArray:
        alive = expit(-self._dead_log_odds(data, self._parameters(data.covariates, params)))
        return np.asarray(alive * self._once(self._still_alive, data, t, params)) if t.any() else np.asarray(alive)

    def _silent_of(self, data: Histories, t: FloatArray, params: dict[str, float]) -> FloatArray:
        odds = self._dead_log_odds(data, self._parameters(data.covariates, params))

        def silent(x: FloatArray, T: FloatArray, t: FloatArray, parameters: Parameters) -> FloatArray:
            return self._distribution(x, T, t, 0, parameters)[:, 0]

        return np.asarray(expit(odds) + expit(-odds) * self._once(silent, data, t, params))

    def _once(
        self, of: Callable[..., FloatArray], data: Histories, t: FloatArray, params: dict[str, float]
    ) -> FloatArray:
        """Compute something that depends on frequency, T, t and covariates once for each distinct row."""
        columns = [levels(column) for column in (data.x, data.T, t, *data.covariates.T)]
        rows = unique_rows([column.codes for column in columns], inverse=True)
        x, T, ahead, *covariates = (column.values[code] for column, code in zip(columns, rows.codes, strict=True))
        extra = np.column_stack(covariates) if covariates else np.empty((len(x), 0))
        assert rows.inverse is not None
        parts = []
        for begin in range(0, max(1, len(x)), _ROWS_AT_ONCE):
            some = slice(begin, begin + _ROWS_AT_ONCE)
            parts.append(of(x[some], T[some], ahead[some], self._parameters(extra[some], params)))
        return np.asarray(np.concatenate(parts)[rows.inverse])

    def _horizon(self, t: Any, n: int) -> FloatArray:
        given = self.horizon if t is None else t
        if given is None:
            raise ParameterError(
                message(
                    f"neither t nor the horizon of {type(self).__name__} is given",
                    "a length of time in the unit of T",
                    f"model.predict(X, t=30) or {type(self).__name__}(horizon=30)",
                )
            )
        try:
            times = np.asarray(given, dtype=float)
        except (TypeError, ValueError):
            raise ParameterTypeError(
                message(f"t is {given!r}", "a number in the unit of T: days where T is in days", "t=90")
            ) from None
        if times.ndim > 1 or times.shape not in {(), (n,)}:
            raise ParameterError(
                message(f"t has the shape {times.shape}", f"one number, or one for each of the {n} rows", "t=30")
            )
        if not np.all(np.isfinite(times) & (times >= 0)):
            raise ParameterError(message("t is negative or not finite", "a length of time ≥ 0", "t=30"))
        return np.broadcast_to(times, (n,))

    def _newcomers(self, t: Any, covariates: Any) -> Histories:
        """Return histories of age 0, one for each t."""
        names = self._covariates()
        n = max(1, np.asarray(self.horizon if t is None else t).size)
        if not names:
            return Histories(np.zeros(n), np.zeros(n), np.zeros(n), np.empty((n, 0)))
        if covariates is None:
            raise ParameterError(
                message(
                    f"the model was fitted with the covariates {', '.join(names)}",
                    "a newcomer needs them too",
                    f"model.predict_new(t, covariates=frame[{list(names)!r}])",
                )
            )
        columns, index = read_numbers(covariates, names)
        check_finite(columns, names, index)
        zero = np.zeros(len(columns[0]))
        return Histories(zero, zero, zero, np.column_stack(columns))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        tags.input_tags.positive_only = True
        return tags


def _length(X: Any) -> int:
    return len(X) if hasattr(X, "__len__") else int(np.asarray(X).shape[0])
