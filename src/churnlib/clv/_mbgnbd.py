"""MBG/NBD: a customer may leave after any purchase, the first included."""

from __future__ import annotations

from churnlib.clv._beta_geometric import BetaGeometric

__all__ = ["MBGNBD"]


class MBGNBD(BetaGeometric):
    """Modified beta-geometric / NBD model of purchases without a contract.

    As `BGNBD`, but a customer may leave after the first purchase too. One-time
    buyers then have P(alive) < 1: b / (a + b) right after the first purchase, and
    less the longer they have been silent since,

        P(alive | no repeat purchase until T) = 1 / (1 + a/b ((α+T)/α)^r).

    Parameters
    ----------
    horizon : float, default=None
        How far predictions look where no t is given, in the unit of T.
    purchase_covariates : sequence of str, default=None
        Columns that shift the rate of buying: α = α₀ exp(-γ'z).
    dropout_covariates : sequence of str, default=None
        Columns that shift leaving: a = a₀ exp(γ'z) and b = b₀ exp(δ'z).
    l2 : float, default=0.0
        Weight of a ridge on the logarithms of the parameters, as in `BGNBD`.
    tol : float, default=1e-9
        Converged when the log-likelihood could still grow by at most this much.
    max_iter : int, default=100
        Newton steps at most.
    covariance : {"hessian", "sandwich"} or None, default="hessian"
        Where standard errors come from, as in `BGNBD`.

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
        In the caller's unit of time.
    converged_ : bool
        Whether a maximum inside the range of the parameters was reached.
    reason_ : str
        Why the search ended.
    n_customers_ : float
        Customers, or the sum of their weights.
    n_iter_ : int
        Newton steps.

    References
    ----------
    E. P. Batislam, M. Denizel and A. Filiztekin (2007), Empirical validation and
    comparison of models for customer base analysis, International Journal of
    Research in Marketing 24(3).

    Examples
    --------
    >>> import pandas as pd
    >>> model = MBGNBD.from_params({"r": 0.5248, "alpha": 6.1830, "a": 0.8914, "b": 1.6140})
    >>> customers = pd.DataFrame({"frequency": [2, 0], "recency": [30.43, 0], "T": [38.86, 38.86]})
    >>> model.predict(customers, t=39).round(3)
    array([1.263, 0.154])
    >>> model.predict_alive_probability(customers).round(4)
    array([0.7061, 0.3897])
    """

    _extra_coins = 1
