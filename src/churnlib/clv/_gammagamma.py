"""Gamma-Gamma: how much a customer spends at a time, whatever the number of times."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from scipy.special import digamma, gammaln, zeta
from sklearn.utils import check_random_state

from churnlib._checks import check_integer
from churnlib._sklearn import Tags, check_is_fitted, fit_context
from churnlib._typing import Array, BoolArray, FloatArray
from churnlib.clv._histories import check_finite, check_weight, refuse
from churnlib.clv._likelihood import LikelihoodModel
from churnlib.exceptions import AssumptionWarning, DataError, ParameterError, message
from churnlib.numerics import levels, minimise, normal_quantile

__all__ = ["GammaGamma"]

_COLUMNS = ("frequency", "monetary_value")
_START = np.array([0.7, 0.7, 0.0])
_BLOCK = 2**13  # stays in the cache, and below what a BLAS would split over threads
_THIN = 10_000
_STRONG = 0.3


class GammaGamma(LikelihoodModel):
    """Gamma-Gamma model of the mean spend per purchase.

    The spend of one purchase varies about the customer's own mean as a Gamma with
    shape p and rate θ; the rates vary over customers as Gamma(q, v). A customer's
    observed mean is then shrunk towards that of all: the more, the fewer purchases
    stand behind it.

    How much customers spend is assumed to have nothing to do with how often they
    buy. That can be looked at: the correlation is reported, and one beyond ±0.3
    warns.

    Where q ≤ 1 the mean over all customers is infinite: a few spend so much that no
    mean settles. That is said, and the prediction of a customer without repeat
    purchases is then infinite, never negative. ``finite_mean=True`` keeps q above 1.

    Parameters
    ----------
    finite_mean : bool, default=False
        Whether to search among q > 1 only, over the logarithm of q - 1.
    l2 : float, default=0.0
        Weight of a ridge, l2/2 Σθ² per customer, on the logarithms of the
        parameters, with money in units of the mean spend.
    tol : float, default=1e-9
        Converged when the log-likelihood could still grow by at most this much,
        as judged by Newton's decrement.
    max_iter : int, default=100
        Newton steps at most.
    covariance : {"hessian", "sandwich"} or None, default="hessian"
        Where standard errors come from: the inverse Hessian, which trusts the
        model; the sandwich, which does not; or None, to leave them out.

    Attributes
    ----------
    params_ : dict of str to float
        p, q and v (in money).
    p_, q_, v_ : float
        The same.
    n_left_out_ : float
        Customers (or the sum of their weights) without a repeat purchase, who tell
        nothing about spend and were left out of the fit.
    correlation_ : float
        Pearson's correlation of frequency and monetary value among the others; NaN
        where one of them does not vary.
    correlation_interval_ : tuple of two floats
        Its 95 % interval, by Fisher's transformation.
    standard_errors_ : dict of str to float
        By parameter; NaN where there is none.
    covariance_ : ndarray or None
        Of the parameters, in the order of `params_`.
    loglik_, aic_, bic_ : float
        In the caller's unit of money.
    converged_ : bool
        Whether a maximum inside the range of the parameters was reached.
    reason_ : str
        Why the search ended; at the boundary it names the parameter.
    n_customers_ : float
        Customers fitted to, or the sum of their weights.
    n_iter_ : int
        Newton steps.

    References
    ----------
    P. S. Fader, B. G. S. Hardie and K. L. Lee (2005), RFM and CLV: using iso-value
    curves for customer base analysis, Journal of Marketing Research 42. P. S. Fader
    and B. G. S. Hardie (2013), The Gamma-Gamma model of monetary value.

    Examples
    --------
    With the parameters of the note of 2013, a mean of 35.17 dollars over all. Who
    bought twice again for 22.35 on average is expected to spend 24.66 at a time:

    >>> import pandas as pd
    >>> model = GammaGamma.from_params({"p": 6.25, "q": 3.74, "v": 15.44})
    >>> customers = pd.DataFrame({"frequency": [2, 1, 0], "monetary_value": [22.35, 11.77, 0.0]})
    >>> model.predict(customers).round(2)
    array([24.66, 18.92, 35.22])

    Fitted to simulated customers:

    >>> spend = model.simulate(np.arange(3000) % 5, random_state=0)
    >>> fitted = GammaGamma().fit(spend)
    >>> fitted.n_left_out_, round(fitted.q_, 1), round(fitted.predict_new())
    (600.0, 3.7, 35)
    """

    p_: float
    q_: float
    v_: float
    n_left_out_: float
    correlation_: float
    correlation_interval_: tuple[float, float]

    _parameter_names = ("p", "q", "v")
    _boundary_advice: ClassVar[dict[str, str]] = {
        "p": "a customer's purchases hardly differ in spend",
        "q": "customers hardly differ in their mean spend, or a few spend without limit",
        "v": "customers hardly differ in their mean spend, or a few spend without limit",
    }

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **LikelihoodModel._parameter_constraints,
        "finite_mean": ["boolean"],
    }

    def __init__(
        self,
        *,
        finite_mean: bool = False,
        l2: float = 0.0,
        tol: float = 1e-9,
        max_iter: int = 100,
        covariance: str | None = "hessian",
    ) -> None:
        self.finite_mean = finite_mean
        self.l2 = l2
        self.tol = tol
        self.max_iter = max_iter
        self.covariance = covariance

    def _floor(self, name: str) -> float:
        return 1.0 if self.finite_mean and name == "q" else 0.0

    # ------------------------------------------------------------------ fit

    @fit_context()
    def fit(self, X: Any, y: Any = None, *, sample_weight: Any = None) -> Self:  # noqa: ARG002
        """Find the parameters of largest likelihood.

        Parameters
        ----------
        X : frame, or array of shape (n_customers, 2)
            One customer per row. Of a frame the columns ``frequency`` (repeat
            purchases, whole) and ``monetary_value`` (their mean spend, > 0) are taken;
            other columns are left alone. Of an array the columns count in this order.
            Rows of frequency 0 are left out, whatever their monetary value.
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
            If a spend is missing, zero or negative, a frequency is no count, or fewer
            than two customers bought again.

        Warns
        -----
        AssumptionWarning
            If frequency and monetary value correlate beyond ±0.3, or q ≤ 1.
        """
        x, m = self._read(X, reset=True)
        weight = check_weight(sample_weight, len(x))
        repeats = x > 0 if weight is None else (x > 0) & (weight > 0)
        _check_enough(x, repeats, weight)
        left_out = ~(x > 0)
        self.n_left_out_ = float(left_out.sum() if weight is None else weight[left_out].sum())
        spends = _Spends.of(x[repeats], m[repeats], None if weight is None else weight[repeats])
        self._set_correlation(spends)
        self._maximise(_Problem(spends, floor=self._floor("q")))
        if self.q_ <= 1:
            warnings.warn(
                message(
                    f"q = {self.q_:.4g} is not above 1, so the mean spend over all customers is infinite",
                    "customers without repeat purchases will be predicted to spend inf",
                    "GammaGamma(finite_mean=True), or look for outliers in 'monetary_value'",
                ),
                AssumptionWarning,
                stacklevel=2,
            )
        return self

    def _read(self, X: Any, *, reset: bool, zero: bool = False) -> tuple[FloatArray, FloatArray]:
        """Return frequency and mean spend; the spend is 0 where the frequency is, and elsewhere only if allowed."""
        (x, m), index = self._read_columns(X, _COLUMNS, reset=reset)
        check_frequency(x, index)
        m = np.where(x > 0, m, 0.0)
        check_finite([m], ["monetary_value"], index)
        refuse(
            m < 0,
            index,
            "Negative values in data: column 'monetary_value' is below 0",
            "a mean spend is above 0; who was refunded more than they spent has none",
            "X = X[(X['monetary_value'] > 0) | (X['frequency'] == 0)]",
        )
        refuse(
            (m == 0) & (x > 0) & (not zero),
            index,
            "column 'monetary_value' is 0 where 'frequency' is not",
            "who bought again spent something; purchases of nothing are no purchases here",
            "X = X[(X['monetary_value'] > 0) | (X['frequency'] == 0)]",
        )
        return x, m

    def _set_correlation(self, spends: _Spends) -> None:
        total, r = float(spends.weight.sum()), spends.correlation()
        self.correlation_ = r
        self.correlation_interval_ = _fisher(r, total)
        if total > 3 and abs(r) > _STRONG:  # of three customers nothing can be said
            low, high = self.correlation_interval_
            warnings.warn(
                message(
                    f"'frequency' and 'monetary_value' correlate by {r:.2f} (95 % interval {low:.2f} to {high:.2f})",
                    "Gamma-Gamma assumes that spend has nothing to do with frequency, and is biased where it has",
                    "fit groups of customers apart, or judge the predictions on a holdout",
                ),
                AssumptionWarning,
                stacklevel=3,
            )

    # ------------------------------------------------------------------ predictions

    def predict(self, X: Any) -> FloatArray:
        """Return the expected mean spend of each customer.

        ``p (v + x m) / (p x + q - 1)``: between the customer's own mean m and that of
        all customers, which it is for those without a repeat purchase.

        Parameters
        ----------
        X : frame or array
            Frequency and monetary value, as in `fit`.

        Returns
        -------
        ndarray of shape (n_customers,)
            E[mean spend per purchase | history], in money, > 0; infinite where p x + q ≤ 1.

        Warns
        -----
        AssumptionWarning
            If a mean is infinite.
        """
        check_is_fitted(self, "params_")
        x, m = self._read(X, reset=False)
        mean = self._mean(x, m, self.params_)
        if np.isinf(mean).any():
            warnings.warn(
                message(
                    f"the expected spend of {int(np.isinf(mean).sum())} of {len(mean)} customers is infinite",
                    f"q = {self.q_:.4g} is not above 1",
                    "GammaGamma(finite_mean=True)",
                ),
                AssumptionWarning,
                stacklevel=2,
            )
        return mean

    def predict_new(self) -> float:
        """Return the expected mean spend of a customer of whom nothing is known.

        Returns
        -------
        float
            p v / (q - 1), in money; infinite where q ≤ 1.
        """
        check_is_fitted(self, "params_")
        return float(self._mean(np.zeros(1), np.zeros(1), self.params_)[0])

    def predict_interval(self, X: Any, *, confidence: float = 0.95) -> FloatArray:
        """Return an interval for the expected mean spend, from the uncertainty of the parameters.

        Delta method on the logarithm of the prediction. It says how well the
        expectation is known, not how much one customer varies around it.

        Parameters
        ----------
        X : frame or array
            Frequency and monetary value, as in `fit`.
        confidence : float, default=0.95
            The coverage that the interval aims at.

        Returns
        -------
        ndarray of shape (n_customers, 2)
            Lower and upper end, in money; NaN where the parameters have no standard
            errors, or the expectation is infinite.
        """
        half = normal_quantile(confidence)
        check_is_fitted(self, "params_")
        x, m = self._read(X, reset=False)
        mean = self._mean(x, m, self.params_)
        mean[np.isinf(mean)] = np.nan
        error = self._relative_error(x, m)
        with np.errstate(over="ignore"):  # what the data hardly determine may be anything up to infinity
            return np.column_stack([mean * np.exp(-half * error), mean * np.exp(half * error)])

    def log_likelihood(self, X: Any) -> FloatArray:
        """Return the log-likelihood of each customer's mean spend given their frequency.

        Parameters
        ----------
        X : frame or array
            Frequency and monetary value, as in `fit`.

        Returns
        -------
        ndarray of shape (n_customers,)
            Logarithms of densities per unit of money; 0 for customers without a repeat
            purchase, who tell nothing.
        """
        check_is_fitted(self, "params_")
        x, m = self._read(X, reset=False)
        p, q, v = self.p_, self.q_, self.v_
        known = x > 0
        x, m = np.where(known, x, 1.0), np.where(known, m, 1.0)
        shape, total = p * x, x * m
        value = gammaln(shape + q) - gammaln(shape) - gammaln(q) + q * np.log(v)
        value = value + shape * np.log(total) - np.log(m) - (shape + q) * np.log(v + total)
        return np.where(known, value, 0.0)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:  # noqa: ARG002
        """Return the mean log-likelihood per customer with a repeat purchase.

        Parameters
        ----------
        X : frame or array
            Frequency and monetary value, as in `fit`.
        y : None
            Not used.
        sample_weight : array of shape (n_customers,), default=None
            How many customers each row stands for.

        Returns
        -------
        float
            Higher is better.

        Raises
        ------
        DataError
            If nobody bought again.
        """
        check_is_fitted(self, "params_")
        x, _ = self._read(X, reset=False)
        weight = check_weight(sample_weight, len(x))
        known = (x > 0).astype(float) if weight is None else weight * (x > 0)
        if not known.any():
            raise DataError(_nobody(len(x)))
        return float(np.average(self.log_likelihood(X), weights=known))

    def simulate(self, frequency: Any, *, n_customers: int | None = None, random_state: Any = None) -> pd.DataFrame:
        """Draw mean spends of customers from the fitted model.

        Parameters
        ----------
        frequency : int or array of shape (n_customers,)
            Repeat purchases of each customer, whole numbers ≥ 0.
        n_customers : int, default=None
            How many to draw where the frequency is one number.
        random_state : int, RandomState or None, default=None
            The seed.

        Returns
        -------
        DataFrame
            ``frequency`` and ``monetary_value`` (0 at frequency 0), one row per customer.

        Raises
        ------
        ParameterError
            If `frequency` and `n_customers` do not fit each other.
        DataError
            If a frequency is no count.
        """
        check_is_fitted(self, "params_")
        n = None if n_customers is None else check_integer(n_customers, name="n_customers", low=1)
        x = np.asarray(frequency, dtype=float)
        if x.ndim > 1 or (x.ndim == 1 and n not in {None, len(x)}):
            raise ParameterError(
                message(
                    f"frequency has the shape {x.shape} and n_customers is {n}",
                    "one frequency for each customer, or one for all",
                    "simulate(3, n_customers=1000)",
                )
            )
        x = np.broadcast_to(x, (1 if n is None else n,)) if x.ndim == 0 else x
        check_frequency(x, None)
        generator = check_random_state(random_state)
        rate = generator.gamma(self.q_, 1 / self.v_, len(x))
        drawn = generator.gamma(np.where(x > 0, self.p_ * x, 1.0)) / (np.maximum(x, 1) * rate)
        return pd.DataFrame({"frequency": x.astype(np.int64), "monetary_value": np.where(x > 0, drawn, 0.0)})

    # ------------------------------------------------------------------ routine

    @staticmethod
    def _mean(x: FloatArray, m: FloatArray, params: dict[str, float]) -> FloatArray:
        p, q, v = params["p"], params["q"], params["v"]
        # The spend given θ has the mean p/θ, and θ given the history is Gamma(p x + q, v + x m), whose
        # E[1/θ] is finite only for a shape above 1.
        shape = p * x + q - 1
        return np.asarray(np.divide(p * (v + x * m), shape, out=np.full(len(x), np.inf), where=shape > 0))

    def _relative_error(self, x: FloatArray, m: FloatArray) -> FloatArray:
        """Return the standard error of the logarithm of the expectation."""
        if self._theta_covariance is None:
            return np.full(len(x), np.nan)
        p, q, v = self.p_, self.q_, self.v_
        shape = p * x + q - 1
        shape = np.where(shape > 0, shape, np.nan)
        slopes = np.array([1 - p * x / shape, -(q - self._floor("q")) / shape, v / (v + x * m)])
        return np.asarray(np.sqrt(np.einsum("jn,jk,kn->n", slopes, self._theta_covariance, slopes)))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        tags.input_tags.positive_only = True
        return tags


def check_frequency(x: FloatArray, index: pd.Index | None) -> None:
    """Refuse frequencies that are missing, negative or fractional."""
    check_finite([x], ["frequency"], index)
    refuse(
        x < 0,
        index,
        "Negative values in data: column 'frequency' is below 0",
        "it counts from 0",
        "X = X[X['frequency'] >= 0]",
    )
    refuse(
        x != np.floor(x),
        index,
        "column 'frequency' is not a whole number",
        "it counts repeat purchases",
        "rfm_summary(orders, ...) counts them",
    )


def _check_enough(x: FloatArray, repeats: BoolArray, weight: FloatArray | None) -> None:
    n = int(repeats.sum())
    if n == 0:
        raise DataError(_nobody(len(x)))
    if n == 1 and (weight is None or weight[repeats].sum() <= 1):
        raise DataError(
            message(
                f"n_samples = 1: 1 sample (row {int(np.argmax(repeats))}) of {len(x)} has a repeat purchase, "
                "and tells nothing about how customers differ",
                "two customers or more",
                "fit(X)",
            )
        )


def _nobody(n: int) -> str:
    return message(
        f"column 'frequency' is 0 in all {n} rows that count (first: row 0)",
        "some customers must have bought again, or nothing is known of their spend",
        "observe for longer: rfm_summary(orders, cutoff=<a later date>)",
    )


def _fisher(r: float, n: float) -> tuple[float, float]:
    """Return the 95 % interval of a correlation by Fisher's transformation."""
    if not n > 3 or abs(r) >= 1 or np.isnan(r):
        return (float("nan"), float("nan"))
    half = normal_quantile(0.95) / np.sqrt(n - 3)
    return float(np.tanh(np.arctanh(r) - half)), float(np.tanh(np.arctanh(r) + half))


@dataclass(frozen=True, slots=True)
class _Spends:
    """Customers with a repeat purchase; money in units of the mean spend."""

    x: FloatArray
    m: FloatArray
    weight: FloatArray
    unit: float

    @classmethod
    def of(cls, x: FloatArray, m: FloatArray, weight: FloatArray | None) -> _Spends:
        weight = np.ones(len(x)) if weight is None else weight
        unit = sum(float(weight[rows] @ m[rows]) for rows in _blocks(len(m))) / float(weight.sum())
        return cls(x, m / unit, weight, unit)

    def correlation(self) -> float:
        """Return Pearson's correlation of x and m; NaN where one of them does not vary."""
        total = float(self.weight.sum())
        mean = np.array([[sum(self.weight[rows] @ self.x[rows] for rows in _blocks(len(self.x))) / total], [1.0]])
        products = np.zeros((2, 2))
        for rows in _blocks(len(self.x)):
            apart = np.vstack([self.x[rows], self.m[rows]]) - mean
            products += (apart * self.weight[rows]) @ apart.T
        # Rounding leaves the spread of equal numbers at about the square of the machine's precision.
        if np.any(np.diag(products) <= 1e-28 * total * mean[:, 0] ** 2):
            return float("nan")
        return float(np.clip(products[0, 1] / np.sqrt(products[0, 0] * products[1, 1]), -1, 1))

    def thinned(self, step: int) -> _Spends:
        """Return every `step`-th customer."""
        return _Spends(self.x[::step], self.m[::step], self.weight[::step], self.unit)


def _blocks(n: int) -> Iterator[slice]:
    return (slice(begin, begin + _BLOCK) for begin in range(0, n, _BLOCK))


class _Problem:
    """The likelihood of the mean spends, from a table of purchases and three passes over the spends.

    With S = x m, a row is ``log Γ(px+q) - log Γ(px) - log Γ(q) + q log v + px log S - log m
    - (px+q) log(v+S)``. Special functions depend on x alone and are computed once for
    each x. What depends on S enters with the weights w and w x only, so its sums, and
    those of its derivatives 1/(v+S) and 1/(v+S)², are six dot products.
    """

    names: tuple[str, ...] = ("p", "q", "v")
    logarithmic: Array = np.ones(3, dtype=bool)
    basis: FloatArray = np.eye(3)

    def __init__(self, spends: _Spends, *, floor: float) -> None:
        self._data, self._floor = spends, floor
        w = spends.weight
        total = spends.x * spends.m
        table = levels(spends.x)
        counts = np.bincount(table.codes, w, minlength=len(table.values))
        self._x, self._n_x = table.values[counts > 0], counts[counts > 0]
        self._total = total
        self._weights = np.vstack([w, w * spends.x])
        self._log_total = self._log_m = 0.0
        for rows in _blocks(len(w)):
            self._log_total += float(self._weights[1, rows] @ np.log(total[rows]))
            self._log_m += float(w[rows] @ np.log(spends.m[rows]))
        self.total_weight = float(w.sum())
        self.offset = -self.total_weight * float(np.log(spends.unit))
        self.unit = np.array([1.0, 1.0, spends.unit])
        self.start = self._near(len(w) // _THIN)

    def _near(self, step: int) -> FloatArray:
        """Begin where some thousands of the customers have their maximum: it is close to that of all."""
        if step < 4:
            return _START
        thin = self._data.thinned(step)
        if not thin.weight.any():
            return _START
        n = float(thin.weight.sum())
        some = _Problem(thin, floor=self._floor)

        def loss(theta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
            value, gradient, hessian = some.evaluate(theta)
            return -value / n, -gradient / n, -hessian / n

        found = minimise(loss, _START, tol=1e-8, max_iter=30, bound=8.0)
        return found.point if found.converged else _START

    def _parameters(self, theta: FloatArray) -> tuple[float, float, float]:
        p, q, v = np.exp(theta)
        return float(p), float(q + self._floor), float(v)

    def evaluate(self, theta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Return log-likelihood, gradient and Hessian, each summed over the customers."""
        p, q, v = self._parameters(theta)
        x, n_x, n = self._x, self._n_x, self.total_weight
        shape = p * x
        # Row 0 holds sums with the weights w, row 1 with w x.
        (w_log, w_inv, w_inv2), (x_log, x_inv, x_inv2) = self._sums(v)
        value = n_x @ (gammaln(shape + q) - gammaln(shape)) + n * (q * np.log(v) - gammaln(q))
        value += p * self._log_total - self._log_m - p * x_log - q * w_log
        psi = digamma(shape + q)
        gradient = np.array(
            [
                (n_x * x) @ (psi - digamma(shape)) + self._log_total - x_log,
                n_x @ psi + n * (np.log(v) - digamma(q)) - w_log,
                n * q / v - p * x_inv - q * w_inv,
            ]
        )
        bend = np.asarray(zeta(2.0, shape + q))
        hessian = np.empty((3, 3))
        hessian[0, 0] = (n_x * x * x) @ (bend - zeta(2.0, shape))
        hessian[0, 1] = hessian[1, 0] = (n_x * x) @ bend
        hessian[0, 2] = hessian[2, 0] = -x_inv
        hessian[1, 1] = n_x @ bend - n * zeta(2.0, q)
        hessian[1, 2] = hessian[2, 1] = n / v - w_inv
        hessian[2, 2] = p * x_inv2 + q * w_inv2 - n * q / v**2
        slope = np.exp(theta)
        gradient = gradient * slope
        return float(value), gradient, hessian * np.outer(slope, slope) + np.diag(gradient)

    def _sums(self, v: float) -> FloatArray:
        """Sum log(v+S), 1/(v+S) and 1/(v+S)² over the rows, in blocks that stay in the cache."""
        result = np.zeros((2, 3))
        terms = np.empty((3, min(_BLOCK, len(self._total))))
        for rows in _blocks(len(self._total)):
            block = self._total[rows]
            size = len(block)
            log, inverse, square = terms[:, :size]
            np.add(block, v, out=inverse)
            np.log(inverse, out=log)
            np.reciprocal(inverse, out=inverse)
            np.multiply(inverse, inverse, out=square)
            result += self._weights[:, rows] @ terms[:, :size].T
        return result

    def scores(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the gradient of each row, of shape (3, n), and the weights of the rows."""
        p, q, v = self._parameters(theta)
        x, total = self._data.x, self._total
        table = levels(x)
        shape = p * np.maximum(table.values, 1)
        both, own = digamma(shape + q)[table.codes], digamma(shape)[table.codes]
        log = np.log(v + total)
        rows: Sequence[FloatArray] = [
            x * (both - own + np.log(total) - log),
            both - digamma(q) + np.log(v) - log,
            q / v - (p * x + q) / (v + total),
        ]
        return np.array(rows) * np.exp(theta)[:, None], self._data.weight
