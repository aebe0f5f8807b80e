"""BG/NBD: a customer may leave after any repeat purchase."""

from __future__ import annotations

from churnlib.clv._beta_geometric import BetaGeometric

__all__ = ["BGNBD"]


class BGNBD(BetaGeometric):
    """Beta-geometric / NBD model of purchases without a contract.

    While alive a customer buys at random at a rate of their own, λ; after each
    repeat purchase they leave for good with a probability of their own, p. Rates
    vary over customers as Gamma(r, α), probabilities as Beta(a, b), independently.

    A customer who never bought again cannot have left, as nobody leaves but after
    a repeat purchase: P(alive) = 1 at frequency 0, whatever their age. That is the
    model, not the data. To score churn take `predict_no_purchase_probability`, or
    `MBGNBD`, in which a customer may leave after the first purchase.

    Parameters
    ----------
    horizon : float, default=None
        How far predictions look where no t is given, in the unit of T.
    purchase_covariates : sequence of str, default=None
        Columns that shift the rate of buying: α = α₀ exp(-γ'z), so that a
        positive coefficient means more purchases.
    dropout_covariates : sequence of str, default=None
        Columns that shift leaving: a = a₀ exp(γ'z) and b = b₀ exp(δ'z), each with
        coefficients of its own.
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
        r, alpha (in the unit of T), a, b, and coefficients named ``alpha[channel]``.
    r_, alpha_, a_, b_ : float
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

    References
    ----------
    P. S. Fader, B. G. S. Hardie and K. L. Lee (2005), "Counting your customers" the
    easy way, Marketing Science 24(2). P. S. Fader and B. G. S. Hardie (2007),
    Incorporating time-invariant covariates into the Pareto/NBD and BG/NBD models.

    Examples
    --------
    The parameters of the paper, in weeks; the customer bought twice again, last in
    week 30.43 of 38.86:

    >>> import pandas as pd
    >>> model = BGNBD.from_params({"r": 0.2426, "alpha": 4.4135, "a": 0.7929, "b": 2.4258})
    >>> customer = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86]})
    >>> model.predict(customer, t=39).round(3)  # expected purchases in the next 39 weeks
    array([1.226])
    >>> model.predict_alive_probability(customer).round(4)
    array([0.7266])
    >>> model.predict_no_purchase_probability(customer, t=39).round(4)
    array([0.4454])

    Fitted to simulated customers:

    >>> orders = model.simulate(T=52, n_customers=2000, random_state=0)
    >>> fitted = BGNBD().fit(orders)
    >>> fitted.converged_, round(fitted.r_, 2)
    (True, 0.24)
    """

    _extra_coins = 0
