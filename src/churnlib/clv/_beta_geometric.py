"""What BG/NBD and MBG/NBD share: Poisson purchases, and a coin after each of them.

Fader, Hardie and Lee (2005), Marketing Science 24; Batislam, Denizel and Filiztekin
(2007), International Journal of Research in Marketing 24. A customer buys at rate λ
and leaves after a purchase with probability p; λ ~ Gamma(r, α), p ~ Beta(a, b). The
modified model throws the coin after the first purchase too. With k coins thrown and
survived (k = x, or x + 1), the likelihood of (x, t_x, T) is

    Γ(r+x)/Γ(r) α^r B(a, b+k)/B(a, b) (α+T)^-(r+x) [1 + (gone / alive)],
    gone / alive = a/(b+k-1) ((α+T)/(α+t_x))^(r+x)     where k > 0, else 0.

After T a living customer has λ ~ Gamma(r+x, α+T) and p ~ Beta(a, b+k), and everything
follows by taking expectations over p of what is known in closed form given p. No
hypergeometric function appears, and so no pole at a = 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from scipy.special import betainc, digamma, expit, gammaln, xlogy, zeta

from churnlib._typing import FloatArray, IntArray
from churnlib.clv._design import Derivatives, RowDerivatives, RowProblem, Term
from churnlib.clv._histories import Histories, UniqueHistories
from churnlib.clv._purchase_model import Parameters
from churnlib.clv._rate_model import RateModel
from churnlib.clv._rising import log_beta_ratio
from churnlib.clv._simulation import purchases_until_a_coin_falls
from churnlib.numerics import beta_expectation

__all__ = ["BetaGeometric"]

_START = (-0.5, 0.0, 0.0, 0.5)
_BLOCK = 8192
"""Rows at a time: what is computed for them stays in the cache of the processor."""


def _trigamma(z: FloatArray | float) -> FloatArray:
    return np.asarray(zeta(2.0, z))  # a third faster than polygamma(1, z)


class BetaGeometric(RateModel):
    """Base of the two models in which a customer can leave only after a purchase."""

    _extra_coins: ClassVar[int]
    """Coins thrown before the first repeat purchase."""

    r_: float
    alpha_: float
    a_: float
    b_: float

    _parameter_names = ("r", "alpha", "a", "b")
    _scale_parameters = ("alpha",)
    _shift: ClassVar[dict[str, tuple[str, ...]]] = {
        "purchase_covariates": ("alpha",),
        "dropout_covariates": ("a", "b"),
    }
    _boundary_advice: ClassVar[dict[str, str]] = {
        "a 0": "nobody seems to leave, so the NBD model without dropout fits as well",
        "b infinity": "nobody seems to leave, or all with the same probability",
        "b 0": "nobody seems to stay after a purchase",
        "r infinity": "customers hardly differ in how often they buy",
    }

    _start = _START

    def _rows(self, data: UniqueHistories, scale: float) -> RowDerivatives:
        x, tx, T = data.x, data.tx * scale, data.T * scale

        def rows(parameters: Sequence[FloatArray], *, hessian: bool) -> Derivatives:
            return _derivatives(x, tx, T, self._extra_coins, parameters, hessian=hessian)

        return rows

    def _tables(self, terms: Sequence[Term], data: UniqueHistories, scale: float, offset: float) -> RowProblem:
        return _Tables(terms, data, scale, self._extra_coins, offset=offset)

    # ------------------------------------------------------------------ given the parameters

    def _log_likelihood(self, data: Histories, parameters: Parameters) -> FloatArray:
        r, alpha, a, b = (parameters[name] for name in ("r", "alpha", "a", "b"))
        k = data.x + self._extra_coins
        alive = (
            gammaln(r + data.x)
            - gammaln(r)
            + r * np.log(alpha)
            + log_beta_ratio(a, b, k)
            - (r + data.x) * np.log(alpha + data.T)
        )
        return np.asarray(alive + np.logaddexp(0, self._dead_log_odds(data, parameters)))

    def _dead_log_odds(self, data: Histories, parameters: Parameters) -> FloatArray:
        r, alpha, a, b = (parameters[name] for name in ("r", "alpha", "a", "b"))
        k = data.x + self._extra_coins
        odds = np.log(a) - np.log(b + np.maximum(k, 1) - 1)
        odds = odds + (r + data.x) * (np.log(alpha + data.T) - np.log(alpha + data.tx))
        return np.where(k > 0, odds, -np.inf)

    def _living(self, x: FloatArray, T: FloatArray, parameters: Parameters) -> tuple[FloatArray, ...]:
        """Return what is known of a living customer: λ ~ Gamma(shape, rate), p ~ Beta(a, b)."""
        r, alpha, a, b = (parameters[name] for name in ("r", "alpha", "a", "b"))
        arrays = np.broadcast_arrays(r + x, alpha + T, a, b + x + self._extra_coins)
        return tuple(np.asarray(array, dtype=float) for array in arrays)

    def _leaving_rate(self, x: FloatArray, T: FloatArray, parameters: Parameters) -> FloatArray:
        shape, rate, a, b = self._living(x, T, parameters)
        return np.asarray(shape / rate * a / (a + b))

    def _expected(self, x: FloatArray, T: FloatArray, t: FloatArray, parameters: Parameters) -> FloatArray:
        # E[(1 - exp(-λpt)) / p], and over λ: (1 - (1 + pτ)^-R) / p with τ = t / (α + T).
        shape, rate, a, b = self._living(x, T, parameters)
        tau = t / rate

        def purchases(p: FloatArray, rows: slice) -> FloatArray:
            return np.asarray(-np.expm1(-shape[rows, None] * np.log1p(p * tau[rows, None])) / p)

        return beta_expectation(
            purchases,
            a,
            b,
            at_zero=shape * tau,
            at_one=-np.expm1(-shape * np.log1p(tau)),
            steepness=(1 + shape) * tau,
        )

    def _expected_sum(
        self, x: FloatArray, T: FloatArray, times: FloatArray, weights: FloatArray, parameters: Parameters
    ) -> FloatArray:
        # The sum over the times goes inside of the expectation over p, whose nodes then serve all of them.
        shape, rate, a, b = self._living(x, T, parameters)
        tau = times / rate[:, None]

        def purchases(p: FloatArray, rows: slice) -> FloatArray:
            total = np.zeros_like(p)
            for k, weight in enumerate(weights):
                total -= weight * np.expm1(-shape[rows, None] * np.log1p(p * tau[rows, k, None]))
            return np.asarray(total / p)

        return beta_expectation(
            purchases,
            a,
            b,
            at_zero=shape * (tau @ weights),
            at_one=-np.expm1(-shape[:, None] * np.log1p(tau)) @ weights,
            steepness=(1 + shape) * tau.max(axis=1),
        )

    def _still_alive(self, x: FloatArray, T: FloatArray, t: FloatArray, parameters: Parameters) -> FloatArray:
        # E[exp(-λpt)] = E[(1 + pτ)^-R].
        shape, rate, a, b = self._living(x, T, parameters)
        tau = t / rate

        def staying(p: FloatArray, rows: slice) -> FloatArray:
            return np.asarray(np.exp(-shape[rows, None] * np.log1p(p * tau[rows, None])))

        end = np.exp(-shape * np.log1p(tau))
        return beta_expectation(staying, a, b, at_zero=np.ones_like(tau), at_one=end, steepness=(1 + shape) * tau)

    def _distribution(
        self, x: FloatArray, T: FloatArray, t: FloatArray, largest: int, parameters: Parameters
    ) -> FloatArray:
        # Exactly n: all n coins survived and the clock stopped at n; or the n-th coin fell, after which the
        # clock no longer matters, so at least n purchases would have come: the tail of the same NBD.
        shape, rate, a, b = (array[:, None] for array in self._living(x, T, parameters))
        n = np.arange(largest + 1.0)
        share = (t[:, None] / (rate + t[:, None])) * np.ones_like(shape)
        # 0 · log 0 is 0: nothing is bought in no time.
        nbd = np.exp(gammaln(shape + n) - gammaln(shape) - gammaln(n + 1) + shape * np.log1p(-share) + xlogy(n, share))
        # B(a+1, b+k)/B(a, b) = B(a, b+k)/B(a, b) · a/(a+b+k).
        before = np.maximum(n, 1.0)
        stays = np.exp(log_beta_ratio(a, b, n))
        falls = stays[:, before.astype(int) - 1] * a / (a + b + before - 1) * betainc(before, shape, share)
        return np.asarray(stays * nbd + np.where(n > 0, falls, 0.0))

    def _discounted(self, x: FloatArray, T: FloatArray, rate: FloatArray, parameters: Parameters) -> FloatArray:
        # E[λ / (δ + λp)] = ∫ e^-s E[purchases within s/δ] ds, with s = exp(w - e^-w): both tails of the
        # integrand then fall double-exponentially and equal steps in w are exact to rounding.
        w = np.linspace(-4.2, 4.2, 85)
        s = np.exp(w - np.exp(-w))
        weight = (w[1] - w[0]) * np.exp(-s) * s * (1 + np.exp(-w))
        kept = weight > 1e-22
        total = np.empty(len(x))
        for delta in np.unique(rate):
            rows = rate == delta
            own = {name: value[rows] if np.ndim(value) else value for name, value in parameters.items()}
            total[rows] = self._expected_sum(x[rows], T[rows], s[kept] / delta, weight[kept], own)
        return total

    def _draw(
        self, generator: np.random.RandomState, lengths: FloatArray, parameters: Parameters
    ) -> tuple[IntArray, FloatArray]:
        rate = generator.gamma(parameters["r"]) / parameters["alpha"]
        leaves = generator.beta(parameters["a"], parameters["b"])
        return purchases_until_a_coin_falls(generator, lengths, rate, leaves, coin_first=self._extra_coins > 0)


def _derivatives(
    x: FloatArray, tx: FloatArray, T: FloatArray, extra: int, parameters: Sequence[FloatArray], *, hessian: bool
) -> Derivatives:
    """Differentiate the log-likelihood of each row by r, alpha, a and b."""
    r, alpha, a, b = parameters
    k = x + extra
    pays = k > 0
    shape, coins = r + x, b + np.maximum(k, 1) - 1
    log_T, log_tx, inv_T, inv_tx = np.log(alpha + T), np.log(alpha + tx), 1 / (alpha + T), 1 / (alpha + tx)
    gone = np.where(pays, np.log(a) - np.log(coins) + shape * (log_T - log_tx), -np.inf)
    s = expit(gone)
    value = gammaln(shape) - gammaln(r) + r * np.log(alpha) - shape * log_T
    value = value + gammaln(a + b) - gammaln(b) + gammaln(b + k) - gammaln(a + b + k) + np.logaddexp(0, gone)
    first = np.array([log_T - log_tx, shape * (inv_T - inv_tx), 1 / a + 0 * x, -1 / coins]) * pays
    both = digamma(a + b) - digamma(a + b + k)
    gradient = s * first + np.array(
        [
            digamma(shape) - digamma(r) + np.log(alpha) - log_T,
            r / alpha - shape * inv_T,
            both,
            both + digamma(b + k) - digamma(b),
        ]
    )
    if not hessian:
        return Derivatives(value, gradient, None)
    spread = s * (1 - s)
    second = {(i, j): spread * first[i] * first[j] for i in range(4) for j in range(i, 4)}
    second[0, 0] = second[0, 0] + _trigamma(shape) - _trigamma(r)
    second[0, 1] = second[0, 1] + 1 / alpha - inv_T + s * pays * (inv_T - inv_tx)
    second[1, 1] = second[1, 1] - r / alpha**2 + shape * inv_T**2 + s * pays * shape * (inv_tx**2 - inv_T**2)
    bend = _trigamma(a + b) - _trigamma(a + b + k)
    second[2, 2] = second[2, 2] + bend - s * pays / a**2
    second[2, 3] = second[2, 3] + bend
    second[3, 3] = second[3, 3] + bend + _trigamma(b + k) - _trigamma(b) + s * pays / coins**2
    return Derivatives(value, gradient, second)


class _Tables(RowProblem):
    """The same likelihood without covariates, from tables of distinct purchases and times.

    A special function depends on x alone and a logarithm on one time alone, so both
    are computed once per distinct value; a row gathers them and takes one
    exponential. Sums over all rows of terms in x, or in T, are dot products with
    counts made once.
    """

    def __init__(
        self, terms: Sequence[Term], data: UniqueHistories, scale: float, extra: int, *, offset: float
    ) -> None:
        def rows(parameters: Sequence[FloatArray], *, hessian: bool) -> Derivatives:
            one = [parameter[:1] for parameter in parameters]  # the same in all rows
            return _derivatives(data.x, data.tx * scale, data.T * scale, extra, one, hessian=hessian)

        super().__init__(terms, rows, data.weight, start=np.array(_START), offset=offset)
        self._x, self._t, self._extra = data.purchases, data.times * scale, extra
        n_x, n_t, w = len(data.purchases), len(data.times), data.weight
        self._n_x = np.bincount(data.i_x, w, minlength=n_x)
        self._n_T = np.bincount(data.i_T, w, minlength=n_t)
        self._x_T = np.bincount(data.i_T, w * data.x, minlength=n_t)
        pays = data.x + extra > 0
        self._ix, self._itx, self._iT, self._w = data.i_x[pays], data.i_tx[pays], data.i_T[pays], w[pays]

    def evaluate(self, theta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Return log-likelihood, gradient and Hessian, each summed over the customers."""
        with np.errstate(over="ignore", invalid="ignore"):
            value, gradient, hessian = self._living(*np.exp(theta))
            more = self._gone(*np.exp(theta))
        parameters = np.exp(theta)
        gradient = (gradient + more[1]) * parameters
        hessian = (hessian + more[2]) * np.outer(parameters, parameters) + np.diag(gradient)
        return value + more[0], gradient, hessian

    def _living(self, r: float, alpha: float, a: float, b: float) -> tuple[float, FloatArray, FloatArray]:
        """Sum the terms of the living branch: each depends on x alone or on T alone."""
        n, n_x, k = self.total_weight, self._n_x, self._x + self._extra
        log_t, inv_t, shape_T = np.log(alpha + self._t), 1 / (alpha + self._t), self._n_T * r + self._x_T
        value = n_x @ (gammaln(r + self._x) + gammaln(b + k) - gammaln(a + b + k)) - shape_T @ log_t
        value += n * (r * np.log(alpha) - gammaln(r) + gammaln(a + b) - gammaln(b))
        both = n_x @ (digamma(a + b) - digamma(a + b + k))
        gradient = np.array(
            [
                n_x @ digamma(r + self._x) + n * (np.log(alpha) - digamma(r)) - self._n_T @ log_t,
                n * r / alpha - shape_T @ inv_t,
                both,
                both + n_x @ digamma(b + k) - n * digamma(b),
            ]
        )
        bend = n_x @ (_trigamma(a + b) - _trigamma(a + b + k))
        hessian = np.zeros((4, 4))
        hessian[0, 0] = n_x @ _trigamma(r + self._x) - n * _trigamma(r)
        hessian[0, 1] = hessian[1, 0] = n / alpha - self._n_T @ inv_t
        hessian[1, 1] = shape_T @ inv_t**2 - n * r / alpha**2
        hessian[2:, 2:] = bend
        hessian[3, 3] += n_x @ _trigamma(b + k) - n * _trigamma(b)
        return float(value), gradient, hessian

    def _gone(self, r: float, alpha: float, a: float, b: float) -> tuple[float, FloatArray, FloatArray]:
        """Sum log(1 + gone / alive) over the rows, with its derivatives."""
        log_t, inv_t = np.log(alpha + self._t), 1 / (alpha + self._t)
        inv_squared = inv_t**2
        coins = b + np.maximum(self._x + self._extra, 1) - 1
        shapes, odds, inv_coins = r + self._x, np.log(a) - np.log(coins), 1 / coins
        value, gradient, hessian = 0.0, np.zeros(4), np.zeros((4, 4))
        for begin in range(0, len(self._w), _BLOCK):
            rows = slice(begin, begin + _BLOCK)
            ix, itx, iT, w = self._ix[rows], self._itx[rows], self._iT[rows], self._w[rows]
            shape = shapes[ix]
            dl, di = log_t[iT] - log_t[itx], inv_t[iT] - inv_t[itx]
            gone = odds[ix] + shape * dl
            # From one exponential: log(1 + e^g) = max(g, 0) + log(1 + e^-|g|).
            small = np.exp(-np.abs(gone))
            value += w @ (np.maximum(gone, 0) + np.log1p(small))
            s = np.where(gone >= 0, 1.0, small) / (1 + small)
            ws = w * s
            first = np.empty((4, len(w)))
            first[0], first[1], first[2], first[3] = dl, shape * di, 1 / a, -inv_coins[ix]
            gradient += first @ ws
            hessian += (first * (ws * (1 - s))) @ first.T
            hessian[0, 1] += ws @ di
            hessian[1, 1] += ws @ (shape * (inv_squared[itx] - inv_squared[iT]))
            hessian[2, 2] -= ws.sum() / a**2
            hessian[3, 3] += ws @ first[3] ** 2
        hessian[1, 0] = hessian[0, 1]
        return float(value), gradient, hessian
