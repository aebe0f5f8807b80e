"""sBG: at each renewal a customer cancels with a probability of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from churnlib._typing import FloatArray
from churnlib.clv._contractual import ContractModel, Durations
from churnlib.clv._design import Derivatives, RowProblem, Term
from churnlib.clv._geometric_life import discounted_periods, expected_periods, hazard
from churnlib.clv._likelihood import Parameters, Problem
from churnlib.clv._rising import log_beta_ratio, log_rising

__all__ = ["ShiftedBetaGeometric"]


class ShiftedBetaGeometric(ContractModel):
    """Shifted-beta-geometric model of how long customers under contract stay.

    At the end of each period a customer cancels with a probability θ of their own,
    the same at every renewal; θ ~ Beta(α, β) over customers. Hence

        S(t) = B(α, β + t) / B(α, β),    retention rate r(t) = (β + t - 1) / (α + β + t - 1).

    The retention rate of a cohort rises with time although no customer changes. Two
    numbers learned from a few periods forecast many more, which a curve drawn
    through the same points does not (Fader and Hardie 2007).

    Parameters
    ----------
    horizon : int, default=None
        How many renewals predictions look ahead where no horizon is given.
    covariates : sequence of str, default=None
        Columns that shift cancelling: α = α₀ exp(γ'z) and β = β₀ exp(δ'z), each
        with coefficients of its own. A positive ``alpha[z]`` means more
        cancellations with more of z, a positive ``beta[z]`` fewer.
    l2 : float, default=0.0
        Weight of a ridge, l2/2 Σθ² per customer, on the logarithms of the
        parameters and on the coefficients. None is needed for convergence.
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
        alpha, beta, and coefficients named ``alpha[plan]``.
    alpha_, beta_ : float
        The same, of a customer whose covariates are 0.
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
    P. S. Fader and B. G. S. Hardie (2007), How to project customer retention, Journal
    of Interactive Marketing 21(1). P. S. Fader and B. G. S. Hardie (2010), Customer-base
    valuation in a contractual setting: the perils of ignoring heterogeneity, Marketing
    Science 29(1).

    Examples
    --------
    The "regular" customers of the paper, of whom 631 in 1000 renewed once:

    >>> import pandas as pd
    >>> model = ShiftedBetaGeometric().fit_survivors([1000, 631, 468, 382, 326, 289, 262, 241])
    >>> model.summary().round(3)
               estimate  standard_error  lower  upper
    parameter
    alpha         0.704           0.066  0.587  0.845
    beta          1.182           0.152  0.918  1.522
    >>> model.predict_survival_function([8, 12]).round(3)  # four of these years were never seen
    array([0.22, 0.17])
    >>> customers = pd.DataFrame({"duration": [0, 3]})  # a new one, and one who renewed three times
    >>> model.predict_churn_probability(customers, 1).round(3)
    array([0.373, 0.144])
    >>> model.predict_lifetime(customers, until=5).round(2)  # of the next five renewals
    array([2.11, 3.47])
    """

    alpha_: float
    beta_: float

    _parameter_names = ("alpha", "beta")
    _shift: ClassVar[dict[str, tuple[str, ...]]] = {"covariates": ("alpha", "beta")}
    _boundary_advice: ClassVar[dict[str, str]] = {
        "alpha infinity": "customers hardly differ in how easily they cancel",
        "beta infinity": "customers hardly differ in how easily they cancel",
        "alpha 0": "some customers never cancel",
        "beta 0": "some customers are certain to cancel at the first renewal",
    }
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **ContractModel._parameter_constraints,
        "covariates": ["array-like", str, None],
    }

    def __init__(
        self,
        *,
        horizon: int | None = None,
        covariates: Sequence[str] | str | None = None,
        l2: float = 0.0,
        tol: float = 1e-9,
        max_iter: int = 100,
        covariance: str | None = "hessian",
    ) -> None:
        self.horizon = horizon
        self.covariates = covariates
        self.l2 = l2
        self.tol = tol
        self.max_iter = max_iter
        self.covariance = covariance

    def _problem(self, data: Durations, weight: FloatArray) -> Problem:
        terms = [
            Term(name, covariates=self._covariates_of(name), values=self._columns_of(name, data.covariates))
            for name in self._parameter_names
        ]

        def rows(parameters: Sequence[FloatArray], *, hessian: bool) -> Derivatives:
            return _derivatives(data, parameters, hessian=hessian)

        return RowProblem(terms, rows, weight, start=np.zeros(2), offset=0.0)

    def _log_likelihood(self, data: Durations, parameters: Parameters) -> FloatArray:
        return _derivatives(data, [parameters["alpha"], parameters["beta"]], hessian=False).value

    def _log_survival(self, times: FloatArray, parameters: Parameters) -> FloatArray:
        return log_beta_ratio(parameters["alpha"], parameters["beta"], times)

    def _lifetime(self, duration: FloatArray, until: FloatArray, parameters: Parameters) -> FloatArray:
        return expected_periods(*_shapes(duration, parameters), until)

    def _discounted(self, duration: FloatArray, rate: FloatArray, parameters: Parameters) -> FloatArray:
        return discounted_periods(*_shapes(duration, parameters), np.expm1(rate))

    def _draw(self, generator: np.random.RandomState, n: int, parameters: Parameters) -> FloatArray:
        leaves = generator.beta(parameters["alpha"], parameters["beta"], n)
        return np.asarray(1 + np.floor(generator.exponential(size=n) / hazard(leaves)))


def _shapes(duration: FloatArray, parameters: Parameters) -> tuple[FloatArray, FloatArray]:
    """Return the shapes of θ of customers who have survived: θ ~ Beta(α, β + d)."""
    return np.broadcast_to(parameters["alpha"], duration.shape), np.asarray(parameters["beta"] + duration)


def _derivatives(data: Durations, parameters: Sequence[FloatArray], *, hessian: bool) -> Derivatives:
    """Differentiate: k = d - event renewals were seen, so the likelihood is α^event (β)_k / (α + β)_d."""
    alpha, beta = parameters
    event = data.event
    own = log_rising(beta, data.duration - event)
    both = log_rising(alpha + beta, data.duration)
    value = event * np.log(alpha) + own[0] - both[0]
    gradient = np.array([event / alpha - both[1], own[1] - both[1]])
    if not hessian:
        return Derivatives(value, gradient, None)
    return Derivatives(
        value, gradient, {(0, 0): -event / alpha**2 - both[2], (0, 1): -both[2], (1, 1): own[2] - both[2]}
    )
