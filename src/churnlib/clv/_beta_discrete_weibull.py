"""BdW: as sBG, but a customer's own chance to cancel may rise or fall from renewal to renewal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from scipy.special import digamma, zeta

from churnlib._typing import FloatArray
from churnlib.clv._contractual import ContractModel, Durations
from churnlib.clv._design import Derivatives, RowProblem, Term
from churnlib.clv._geometric_life import hazard
from churnlib.clv._likelihood import Parameters, Problem
from churnlib.clv._rising import log_beta_ratio, log_rising

__all__ = ["BetaDiscreteWeibull"]

_DIRECT = 10_000
"""Terms of a discounted sum that are added one by one; what follows is smooth enough for an integral."""
_PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))


class BetaDiscreteWeibull(ContractModel):
    """Beta-discrete-Weibull model of how long customers under contract stay.

    A customer survives t periods with the probability (1 - θ)^(t^c), a discrete Weibull;
    θ ~ Beta(α, β) over customers. Hence

        S(t) = B(α, β + t^c) / B(α, β).

    With c = 1 this is `ShiftedBetaGeometric`. With c > 1 each customer becomes more
    likely to cancel with time, with c < 1 less; over the cohort the retention rate may
    then fall at first and rise later, which sBG cannot follow.

    Parameters
    ----------
    horizon : int, default=None
        How many renewals predictions look ahead where no horizon is given.
    l2 : float, default=0.0
        Weight of a ridge, l2/2 Σθ² per customer, on the logarithms of the
        parameters. None is needed for convergence.
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
        alpha, beta, c.
    alpha_, beta_, c_ : float
        The same.
    standard_errors_ : dict of str to float
        By parameter; NaN where there is none.
    covariance_ : ndarray or None
        Of the parameters, in the order of `params_`.
    loglik_, aic_, bic_ : float
        Of the customers one by one: the multinomial constant of a table of
        survivors is left out, so rows and table have the same.
    converged_ : bool
        Whether a maximum inside the range of the parameters was reached.
    reason_ : str
        Why the search ended; at the boundary it names the parameter.
    n_customers_ : float
        Customers, or the sum of their weights.
    n_iter_ : int
        Newton steps.

    References
    ----------
    P. S. Fader, B. G. S. Hardie, Y. Liu, J. Davin and T. Steenburgh (2018), "How to
    project customer retention" revisited: the role of duration dependence, Journal of
    Interactive Marketing 43.

    Examples
    --------
    The "high end" customers of Fader and Hardie (2007). Seven years were used, and five
    more are known: 46.8, 44.5, 42.7, 40.9 and 39.4 % were left.

    >>> from churnlib.clv import ShiftedBetaGeometric
    >>> seen = [1000, 869, 743, 653, 593, 551, 517, 491]
    >>> model, simpler = BetaDiscreteWeibull().fit_survivors(seen), ShiftedBetaGeometric().fit_survivors(seen)
    >>> round(model.c_, 2), round(model.aic_ - simpler.aic_, 1)  # lower is better
    (1.72, -9.7)
    >>> (100 * model.predict_survival_function([8, 9, 10, 11, 12])).round(1)
    array([46.8, 44.8, 43.2, 41.7, 40.4])
    """

    alpha_: float
    beta_: float
    c_: float

    _parameter_names = ("alpha", "beta", "c")
    _boundary_advice: ClassVar[dict[str, str]] = {
        "alpha infinity": "customers hardly differ in how easily they cancel",
        "beta infinity": "customers hardly differ in how easily they cancel",
        "alpha 0": "some customers never cancel",
        "beta 0": "some customers are certain to cancel at the first renewal",
        "c 0": "nobody cancels any more after the first renewal",
        "c infinity": "all who cancel do so at the same renewal",
    }

    def __init__(
        self,
        *,
        horizon: int | None = None,
        l2: float = 0.0,
        tol: float = 1e-9,
        max_iter: int = 100,
        covariance: str | None = "hessian",
    ) -> None:
        self.horizon = horizon
        self.l2 = l2
        self.tol = tol
        self.max_iter = max_iter
        self.covariance = covariance

    def _problem(self, data: Durations, weight: FloatArray) -> Problem:
        def rows(parameters: Sequence[FloatArray], *, hessian: bool) -> Derivatives:
            found = _derivatives(data, *parameters)
            return found if hessian else Derivatives(found.value, found.gradient, None)

        return RowProblem([Term(name) for name in self._parameter_names], rows, weight, start=np.zeros(3), offset=0.0)

    def _log_likelihood(self, data: Durations, parameters: Parameters) -> FloatArray:
        return _derivatives(data, parameters["alpha"], parameters["beta"], parameters["c"]).value

    def _log_survival(self, times: FloatArray, parameters: Parameters) -> FloatArray:
        return log_beta_ratio(parameters["alpha"], parameters["beta"], times ** parameters["c"])

    def _lifetime(self, duration: FloatArray, until: FloatArray, parameters: Parameters) -> FloatArray:
        last = int((duration + until).max(initial=0))
        log_survival = self._log_survival(np.arange(last + 1.0), parameters)
        totals = [
            np.exp(log_survival[d + 1 : d + u + 1] - log_survival[d]).sum()
            for d, u in zip(duration.astype(int), until.astype(int), strict=True)
        ]
        return np.array(totals)

    def _discounted(self, duration: FloatArray, rate: FloatArray, parameters: Parameters) -> FloatArray:
        # No closed form. After many terms S changes little from one period to the next, and the rest of the sum
        # is an integral by the midpoint rule, taken with s = exp(w - e^-w), t = N + 1/2 + s / rate.
        ahead = self._first_terms(duration, rate, parameters)
        w = np.linspace(-4.2, 4.2, 85)
        s = np.exp(w - np.exp(-w))
        weight = (w[1] - w[0]) * np.exp(-s) * s * (1 + np.exp(-w))
        begin = _DIRECT + 0.5
        later = duration[:, None] + begin + s / rate[:, None]
        share = np.exp(self._log_survival(later, parameters) - self._log_survival(duration, parameters)[:, None])
        return np.asarray(ahead + np.exp(-rate * begin) / rate * (share @ weight))

    def _first_terms(self, duration: FloatArray, rate: FloatArray, parameters: Parameters) -> FloatArray:
        """Add the first terms of the discounted sum one by one."""
        last = int(duration.max(initial=0))
        log_survival = self._log_survival(np.arange(last + _DIRECT + 1.0), parameters)
        steps = np.arange(1.0, _DIRECT + 1)
        totals = [
            np.exp(log_survival[d + 1 : d + _DIRECT + 1] - log_survival[d]) @ np.exp(-each * steps)
            for d, each in zip(duration.astype(int), rate, strict=True)
        ]
        return np.array(totals)

    def _draw(self, generator: np.random.RandomState, n: int, parameters: Parameters) -> FloatArray:
        leaves = generator.beta(parameters["alpha"], parameters["beta"], n)
        with np.errstate(over="ignore"):
            lasts = (generator.exponential(size=n) / hazard(leaves)) ** (1 / parameters["c"])
        return np.maximum(np.ceil(lasts), 1.0)


def _derivatives(data: Durations, alpha: FloatArray, beta: FloatArray, c: FloatArray) -> Derivatives:
    """Differentiate log S(d), or log(S(d - 1) - S(d)) = log S(d - 1) + log(1 - exp(Δ)), Δ = log S(d) - log S(d - 1)."""
    event = data.event == 1
    end = _log_survival(data.duration, alpha, beta, c)
    start = _log_survival(np.maximum(data.duration - 1, 0), alpha, beta, c)
    fall = end.value - start.value
    ahead = end.gradient - start.gradient
    with np.errstate(divide="ignore", over="ignore"):
        odds = np.where(event, 1 / np.expm1(-fall), 0.0)  # of lasting beyond the period to ending in it
        lost = np.where(event, start.value + np.log(-np.expm1(fall)), end.value)
    gradient = np.where(event, start.gradient - odds * ahead, end.gradient)
    assert start.hessian is not None
    assert end.hessian is not None
    hessian = {}
    for i, j in _PAIRS:
        bend = end.hessian[i, j] - start.hessian[i, j]
        inside = start.hessian[i, j] - odds * (bend + (1 + odds) * ahead[i] * ahead[j])
        hessian[i, j] = np.where(event, inside, end.hessian[i, j])
    return Derivatives(lost, gradient, hessian)


def _log_survival(times: FloatArray, alpha: FloatArray, beta: FloatArray, c: FloatArray) -> Derivatives:
    """Return log S(t) with its derivatives by alpha, beta and c."""
    stretched = times**c  # τ = t^c, dτ/dc = τ log t
    log_time = np.log(np.maximum(times, 1.0))  # what is multiplied by it is 0 at t = 0
    slope = stretched * log_time
    own, both = log_rising(beta, stretched), log_rising(alpha + beta, stretched)
    by_tau = digamma(beta + stretched) - digamma(alpha + beta + stretched)
    bend_both = zeta(2.0, alpha + beta + stretched)
    bend_tau = zeta(2.0, beta + stretched) - bend_both
    gradient = np.array([-both[1], own[1] - both[1], by_tau * slope])
    hessian = {
        (0, 0): -both[2],
        (0, 1): -both[2],
        (0, 2): -bend_both * slope,
        (1, 1): own[2] - both[2],
        (1, 2): bend_tau * slope,
        (2, 2): bend_tau * slope**2 + by_tau * slope * log_time,
    }
    return Derivatives(log_beta_ratio(alpha, beta, stretched), gradient, hessian)
