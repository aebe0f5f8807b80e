"""Pareto/NBD: a customer may leave at any time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from scipy.special import exprel, gammaln, xlogy

from churnlib._typing import FloatArray, IntArray
from churnlib.clv._design import RowDerivatives, RowProblem, Term
from churnlib.clv._histories import Histories, UniqueHistories
from churnlib.clv._likelihood import Parameters
from churnlib.clv._pareto_integral import Integrand, log_integral
from churnlib.clv._pareto_rows import RowLikelihood, dead_and_alive
from churnlib.clv._pareto_table import TableProblem
from churnlib.clv._rate_model import RateModel
from churnlib.numerics import levels, unique_rows

__all__ = ["ParetoNBD"]

_NO_SPREAD = "nobody seems to leave, or all at one rate, or at once: look at the time since the last purchase"
_START = (-0.5, 0.5, -0.5, 0.5)


class ParetoNBD(RateModel):
    """Pareto / NBD model of purchases without a contract.

    While alive a customer buys at random at a rate of their own, λ, and may leave
    for good at any time, at a rate of their own, μ: a lifetime is exponential.
    Rates of buying vary over customers as Gamma(r, α), rates of leaving as
    Gamma(s, β), independently. So the number of purchases is NBD while all live,
    lifetimes are Pareto (of the second kind), and the mean customer buys r/α times
    per unit of time while alive.

    As leaving is not tied to purchases, a customer who never bought again may well
    have left, which makes this the model to score churn with. Its likelihood, with
    p = r + x,

        Γ(p)/Γ(r) α^r β^s { (α+T)^-p (β+T)^-s + s ∫ (α+t)^-p (β+t)^-(s+1) dt },

    the integral from t_x to T, is evaluated as it stands, by quadrature. The closed
    form uses Gauss's hypergeometric function, fails or loses all digits for many
    parameters a search visits, and does not exist at α = β without a case of its own.
    After T a living customer has λ ~ Gamma(p, α+T) and μ ~ Gamma(s, β+T), so

        P(alive at T+t | alive at T) = ((β+T)/(β+T+t))^s,
        E[purchases in (T, T+t] | alive at T] = p/(α+T) ∫ ((β+T)/(β+T+u))^s du,

    the integral from 0 to t, which is a logarithm at s = 1 and continuous there.

    Parameters
    ----------
    horizon : float, default=None
        How far predictions look where no t is given, in the unit of T.
    purchase_covariates : sequence of str, default=None
        Columns that shift the rate of buying: α = α₀ exp(-γ'z), so that a
        positive coefficient means more purchases.
    dropout_covariates : sequence of str, default=None
        Columns that shift the rate of leaving: β = β₀ exp(-γ'z), so that a positive
        coefficient means shorter lives.
    l2 : float, default=0.0
        Weight of a ridge, l2/2 Σθ² per customer, on the logarithms of the
        parameters in units of a tenth of the longest T, and on the coefficients
        (covariates less their mean, over their largest distance from it). None is
        needed for convergence.
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
        r, alpha, s, beta (alpha and beta in the unit of T), and coefficients named
        ``alpha[channel]``.
    r_, alpha_, s_, beta_ : float
        The same.
    standard_errors_ : dict of str to float
        By parameter; NaN where there is none.
    covariance_ : ndarray or None
        Of the parameters, in the order of `params_`.
    loglik_, aic_, bic_ : float
        In the caller's unit of time, so they compare with papers and between models.
    converged_ : bool
        Whether a maximum inside the range of the parameters was reached.
    reason_ : str
        Why the search ended; at the boundary it names the parameter.
    n_customers_ : float
        Customers, or the sum of their weights.
    n_iter_ : int
        Newton steps.

    See Also
    --------
    BGNBD : A customer may leave after a repeat purchase only.
    MBGNBD : A customer may leave after any purchase.

    Notes
    -----
    Customers with equal histories are counted once. Where times lie on a grid (days,
    say) a table of purchases by times serves all rows at once; where they do not, each
    row is integrated by itself. Both agree to rounding, and so do days and weeks.

    References
    ----------
    D. C. Schmittlein, D. G. Morrison and R. Colombo (1987), Counting your customers:
    who are they and what will they do next?, Management Science 33(1). P. S. Fader and
    B. G. S. Hardie (2005), A note on deriving the Pareto/NBD model and related
    expressions. P. S. Fader, B. G. S. Hardie and K. L. Lee (2005), RFM and CLV: using
    iso-value curves for customer base analysis, Journal of Marketing Research 42(4),
    for discounted purchases. P. S. Fader and B. G. S. Hardie (2007), Incorporating
    time-invariant covariates into the Pareto/NBD and BG/NBD models.

    Examples
    --------
    The parameters of CDNOW's customers, in weeks; one of them bought twice again, last
    in week 30.43 of 38.86:

    >>> import pandas as pd
    >>> model = ParetoNBD.from_params({"r": 0.5533, "alpha": 10.5776, "s": 0.6062, "beta": 11.6679})
    >>> customer = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86]})
    >>> model.predict(customer, t=39).round(3)  # expected purchases in the next 39 weeks
    array([1.455])
    >>> model.predict_alive_probability(customer).round(4)
    array([0.8691])
    >>> model.predict_no_purchase_probability(customer, t=39).round(4)
    array([0.4081])
    >>> model.predict_discounted(customer, discount_rate=0.0027).round(2)  # 15 % a year
    array([6.48])

    Fitted to simulated customers:

    >>> orders = model.simulate(T=52, n_customers=4000, random_state=0)
    >>> fitted = ParetoNBD().fit(orders)
    >>> fitted.converged_, round(fitted.r_, 2)
    (True, 0.53)
    """

    r_: float
    alpha_: float
    s_: float
    beta_: float

    _parameter_names = ("r", "alpha", "s", "beta")
    _scale_parameters = ("alpha", "beta")
    _shift: ClassVar[dict[str, tuple[str, ...]]] = {
        "purchase_covariates": ("alpha",),
        "dropout_covariates": ("beta",),
    }
    _boundary_advice: ClassVar[dict[str, str]] = {
        "s": _NO_SPREAD,
        "beta": _NO_SPREAD,
        "r": "customers hardly differ in how often they buy",
        "alpha": "customers hardly differ in how often they buy",
    }

    _start = _START

    def _rows(self, data: UniqueHistories, scale: float) -> RowDerivatives:
        return RowLikelihood(data, scale)

    def _tables(self, terms: Sequence[Term], data: UniqueHistories, scale: float, offset: float) -> RowProblem:
        return TableProblem(terms, data, scale, start=np.array(_START), offset=offset)

    # ------------------------------------------------------------------ given the parameters

    def _log_likelihood(self, data: Histories, parameters: Parameters) -> FloatArray:
        r, alpha, s, beta = (parameters[name] for name in self._parameter_names)
        dead, alive = self._silences(data, parameters)
        p = r + data.x
        value = gammaln(p) - gammaln(r) - data.x * np.log(alpha) + np.logaddexp(dead, alive)
        return np.asarray(value - p * np.log1p(data.tx / alpha) - s * np.log1p(data.tx / beta))

    def _dead_log_odds(self, data: Histories, parameters: Parameters) -> FloatArray:
        dead, alive = self._silences(data, parameters)
        return dead - alive

    def _silences(self, data: Histories, parameters: Parameters) -> tuple[FloatArray, FloatArray]:
        """Return log P(left and silent) and log P(alive and silent) until T of who was alive at t_x."""
        given = [np.broadcast_to(parameters[name], (len(data),)) for name in self._parameter_names]
        # Where covariates shift parameters these are columns like the others; else they are one level.
        columns = [levels(column) for column in (data.x, data.tx, data.T, *given)]
        rows = unique_rows([column.codes for column in columns], inverse=True)
        x, tx, T, r, alpha, s, beta = (c.values[code] for c, code in zip(columns, rows.codes, strict=True))
        dead, alive = _log_silences(r + x, s, alpha + tx, beta + tx, T - tx)
        return dead[rows.inverse], alive[rows.inverse]

    def _living(self, x: FloatArray, T: FloatArray, parameters: Parameters) -> tuple[FloatArray, ...]:
        """Return what is known of a living customer: λ ~ Gamma(p, a), μ ~ Gamma(s, b)."""
        r, alpha, s, beta = (parameters[name] for name in self._parameter_names)
        arrays = np.broadcast_arrays(r + x, alpha + T, s, beta + T)
        return tuple(np.asarray(array, dtype=float) for array in arrays)

    def _leaving_rate(self, x: FloatArray, T: FloatArray, parameters: Parameters) -> FloatArray:
        _, _, s, b = self._living(x, T, parameters)
        return np.asarray(s / b)

    def _expected(self, x: FloatArray, T: FloatArray, t: FloatArray, parameters: Parameters) -> FloatArray:
        # ∫ (1+u/b)^-s du = b ∫ e^((1-s)w) dw up to log(1+t/b); exprel(z) is (e^z - 1)/z, and 1 at 0.
        p, a, s, b = self._living(x, T, parameters)
        end = np.log1p(t / b)
        return np.asarray(p / a * b * end * exprel((1 - s) * end))

    def _still_alive(self, x: FloatArray, T: FloatArray, t: FloatArray, parameters: Parameters) -> FloatArray:
        _, _, s, b = self._living(x, T, parameters)
        return np.asarray(np.exp(-s * np.log1p(t / b)))

    def _distribution(
        self, x: FloatArray, T: FloatArray, t: FloatArray, largest: int, parameters: Parameters
    ) -> FloatArray:
        # n purchases by t of who stays, and by the time of leaving of who does not: both negative binomial.
        p, a, s, b = (array[:, None] for array in self._living(x, T, parameters))
        n, t = np.arange(largest + 1.0), t[:, None]
        ways = gammaln(p + n) - gammaln(p) - gammaln(n + 1)
        stays = ways - p * np.log1p(t / a) - s * np.log1p(t / b) + xlogy(n, t / (a + t))
        flat = [array.reshape(-1) for array in np.broadcast_arrays(p, s + 1, a, b, t, n)]
        p_, q_, a_, b_, t_, n_ = flat
        left = log_integral(Integrand(p=p_, q=q_, a=a_, b=b_, length=t_, n=n_)).reshape(ways.shape)
        return np.asarray(np.exp(stays) + np.exp(ways + np.log(s) - np.log(b) + left))

    def _discounted(self, x: FloatArray, T: FloatArray, rate: FloatArray, parameters: Parameters) -> FloatArray:
        # p/a ∫ e^(-δt) (1+t/b)^-s dt. Where δt exceeds 38 + log(1+t/b) nothing is left even if s = 0.
        p, a, s, b = self._living(x, T, parameters)
        end = (80 + 2 * np.log1p(1 / (rate * b))) / rate
        return np.asarray(p / a * np.exp(log_integral(Integrand(p=0.0, q=s, a=b, b=b, length=end, rate=rate))))

    # ------------------------------------------------------------------ simulation

    def _draw(
        self, generator: np.random.RandomState, lengths: FloatArray, parameters: Parameters
    ) -> tuple[IntArray, FloatArray]:
        r, alpha, s, beta = (parameters[name] for name in self._parameter_names)
        buys, leaves = generator.gamma(r) / alpha, generator.gamma(s) / beta
        n = len(lengths)
        with np.errstate(divide="ignore"):  # a rate of leaving may underflow: such a customer stays
            end = np.minimum(lengths, generator.exponential(size=n) / leaves)
        frequency = generator.poisson(buys * end)
        # The last of k purchases, uniform on the time alive, is end · U^(1/k).
        last = end * (1 - generator.random_sample(n)) ** (1 / np.maximum(frequency, 1))
        return frequency, np.where(frequency > 0, last, 0.0)


def _log_silences(
    p: FloatArray, s: FloatArray, a: FloatArray, b: FloatArray, length: FloatArray
) -> tuple[FloatArray, FloatArray]:
    integrand, scale, alive = dead_and_alive(p, s, a, b, length)
    return scale + log_integral(integrand), alive
