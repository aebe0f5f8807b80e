"""BG/BB: purchases at regular opportunities by customers who may leave unseen.

Fader, Hardie and Shang (2010), Customer-base analysis in a discrete-time
noncontractual setting, Marketing Science 29. Before each opportunity a living customer
leaves with probability θ; who is there buys with probability p; p ~ Beta(α, β) and
θ ~ Beta(γ, δ). With D_m for "left after opportunity m", the likelihood of (x, t_x, n) is

    B(α+x, β+n-x)/B(α, β) B(γ, δ+n)/B(γ, δ) + Σ_{m = t_x}^{n-1} D_m,
    D_m = B(α+x, β+m-x)/B(α, β) B(γ+1, δ+m)/B(γ, δ).

D_m depends on t_x only through where the sum begins, so one pass from m = n - 1 down
serves all customers of the same x and n.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit

from churnlib._typing import FloatArray, IntArray
from churnlib.clv._design import Derivatives, RowProblem, Term
from churnlib.clv._geometric_life import discounted_periods, expected_periods, hazard, survives
from churnlib.clv._histories import Histories, UniqueHistories, refuse
from churnlib.clv._likelihood import Problem
from churnlib.clv._purchase_model import Parameters, PurchaseModel
from churnlib.clv._rising import log_rising
from churnlib.exceptions import ParameterError, message
from churnlib.numerics import unique_rows

__all__ = ["BGBB"]

_START = np.array([0.0, 0.0, 0.0, 1.0])
_BLOCK = 2**15


class BGBB(PurchaseModel):
    """Beta-geometric / beta-Bernoulli model of purchases at regular opportunities.

    For what happens once a period or not at all: the yearly donation, the weekly
    market, the season ticket, the monthly order. Before each opportunity a customer
    leaves for good with a probability of their own, θ; one who is there buys with
    a probability of their own, p. Both vary over customers as Beta distributions,
    p ~ Beta(α, β) and θ ~ Beta(γ, δ), independently.

    The columns count opportunities after the one at which the customer came:
    ``T`` how many there were, ``frequency`` at how many of them the customer bought,
    ``recency`` which of them was the last bought at (0 for none). All three are
    whole, as is every t; frequency ≤ recency ≤ T.

    Parameters
    ----------
    horizon : float, default=None
        How many opportunities predictions look ahead where no t is given.
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
        alpha, beta (of buying), gamma, delta (of leaving); pure numbers.
    alpha_, beta_, gamma_, delta_ : float
        The same.
    standard_errors_ : dict of str to float
        By parameter; NaN where there is none.
    covariance_ : ndarray or None
        Of the parameters, in the order of `params_`.
    loglik_, aic_, bic_ : float
        Of the histories as sets of (frequency, recency, T), in the order they
        happened: without the binomial coefficient, as in the paper.
    converged_ : bool
        Whether a maximum inside the range of the parameters was reached.
    reason_ : str
        Why the search ended; at the boundary it names the parameter.
    n_customers_ : float
        Customers, or the sum of their weights.
    n_iter_ : int
        Newton steps.

    Notes
    -----
    `predict_alive_probability` speaks of T + t: with t = 0 it is the chance that the
    customer was still there at the last opportunity of the data, which is certain
    for one who bought at it. The paper's tables state t = 1, when the customer has
    also stood the next chance to leave.

    `predict_discounted` takes a continuous rate per opportunity, as all models do:
    a purchase at the j-th opportunity from now counts exp(-rate j), which is the
    paper's (1 + d)^-j with d = exp(rate) - 1.

    References
    ----------
    P. S. Fader, B. G. S. Hardie and J. Shang (2010), Customer-base analysis in a
    discrete-time noncontractual setting, Marketing Science 29(6), 1086-1108.

    Examples
    --------
    The donors of the paper: after six yearly appeals, one who never gave again, one
    who gave twice and last in the fourth year, and one who gave every year.

    >>> import pandas as pd
    >>> model = BGBB.from_params({"alpha": 1.2035, "beta": 0.7497, "gamma": 0.6567, "delta": 2.7834})
    >>> donors = pd.DataFrame({"frequency": [0, 2, 6], "recency": [0, 4, 6], "T": 6})
    >>> model.predict(donors, t=5).round(2)  # expected gifts in the next five years
    array([0.07, 1.06, 3.75])
    >>> model.predict_alive_probability(donors, t=1).round(2)  # at the next appeal
    array([0.11, 0.59, 0.93])
    >>> model.predict_no_purchase_probability(donors, t=2).round(2)  # no gift in two years
    array([0.97, 0.64, 0.09])

    Fitted to simulated customers:

    >>> fitted = BGBB().fit(model.simulate(T=6, n_customers=5000, random_state=0))
    >>> fitted.converged_, {name: round(value, 1) for name, value in fitted.params_.items()}
    (True, {'alpha': 1.3, 'beta': 0.8, 'gamma': 0.7, 'delta': 2.9})
    """

    alpha_: float
    beta_: float
    gamma_: float
    delta_: float

    _parameter_names = ("alpha", "beta", "gamma", "delta")
    _boundary_advice: ClassVar[dict[str, str]] = {
        "alpha infinity": "living customers hardly differ in how often they buy",
        "beta infinity": "living customers hardly differ in how often they buy",
        "alpha 0": "some living customers never buy",
        "beta 0": "some living customers buy at every opportunity",
        "gamma infinity": "customers hardly differ in how soon they leave, or all leave at once",
        "delta infinity": "customers hardly differ in how soon they leave, or hardly anybody leaves",
        "gamma 0": "some customers never leave",
        "delta 0": "some customers leave before the first opportunity",
    }

    def __init__(
        self,
        *,
        horizon: float | None = None,
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

    def _problem(self, data: UniqueHistories, scale: float) -> Problem:  # noqa: ARG002
        # Opportunities are counted, so there is no unit of time to choose.
        return _DiscreteProblem(_DiscreteHistories(data.x, data.tx, data.T), data.weight)

    def _check(
        self, data: Histories, columns: Sequence[FloatArray], names: Sequence[str], index: pd.Index | None
    ) -> None:
        super()._check(data, columns, names, index)
        for name, column in (("recency", data.tx), ("T", data.T)):
            refuse(
                column != np.floor(column),
                index,
                f"column {name!r} is not a whole number",
                "BGBB counts opportunities to buy",
                "rfm_summary(orders, period='W', ...) counts weeks; for any time take MBGNBD or ParetoNBD",
            )
        refuse(
            data.x > data.tx,
            index,
            "column 'frequency' is larger than 'recency'",
            "at each opportunity a customer buys once or not at all, so x purchases take x opportunities",
            "count the opportunities bought at: rfm_summary(orders, period='W', ...)",
        )

    def _horizon(self, t: Any, n: int) -> FloatArray:
        times = super()._horizon(t, n)
        if not np.array_equal(times, np.floor(times)):
            raise ParameterError(
                message(f"t={t if t is not None else self.horizon} is not whole", "BGBB counts opportunities", "t=5")
            )
        return times

    # ------------------------------------------------------------------ given the parameters

    def _log_likelihood(self, data: Histories, parameters: Parameters) -> FloatArray:
        return _by_distinct(data, lambda rows: rows.log_likelihood(_numbers(parameters))[_VALUE])

    def _dead_log_odds(self, data: Histories, parameters: Parameters) -> FloatArray:
        return _by_distinct(data, lambda rows: rows.log_odds(_numbers(parameters))[_VALUE])

    def _expected(self, x: FloatArray, T: FloatArray, t: FloatArray, parameters: Parameters) -> FloatArray:
        return _buys(x, T, parameters) * expected_periods(*_leaves(T, parameters), t)

    def _still_alive(self, x: FloatArray, T: FloatArray, t: FloatArray, parameters: Parameters) -> FloatArray:  # noqa: ARG002
        return survives(*_leaves(T, parameters), t)

    def _discounted(self, x: FloatArray, T: FloatArray, rate: FloatArray, parameters: Parameters) -> FloatArray:
        return _buys(x, T, parameters) * discounted_periods(*_leaves(T, parameters), np.expm1(rate))

    def _distribution(
        self, x: FloatArray, T: FloatArray, t: FloatArray, largest: int, parameters: Parameters
    ) -> FloatArray:
        # After i more opportunities the purchases are beta-binomial. From i to i + 1 they move as the balls of
        # Pólya's urn do, and at each i some customers leave and keep the number they have.
        alpha, beta, gamma, delta = (parameters[name] for name in self._parameter_names)
        n = np.arange(largest + 1)
        yes, no, stay = (alpha + x)[:, None], (beta + T - x)[:, None], delta + T
        urn = np.zeros((len(x), largest + 1))
        urn[:, 0] = 1.0
        here = np.ones(len(x))
        result = np.zeros_like(urn)
        for i in range(int(t.max(initial=0)) + 1):
            ends = np.where(t == i, here, np.where(t > i, here * gamma / (gamma + stay + i), 0.0))
            result += ends[:, None] * urn
            here = here * (stay + i) / (gamma + stay + i)
            bought = urn * (yes + n)
            urn = urn * (no + np.maximum(i - n, 0))
            urn[:, 1:] += bought[:, :-1]
            urn /= yes + no + i
        return result

    # ------------------------------------------------------------------ simulation

    def _draw(
        self, generator: np.random.RandomState, lengths: FloatArray, parameters: Parameters
    ) -> tuple[IntArray, FloatArray]:
        if not np.array_equal(lengths, np.floor(lengths)):
            raise ParameterError(message("T is not whole", "BGBB counts opportunities", "simulate(T=6)"))
        life = np.minimum(_failures(generator, generator.beta(parameters["gamma"], parameters["delta"])), lengths)
        buys = generator.beta(parameters["alpha"], parameters["beta"])
        # Counted back from the end of the life, the first success is the last purchase; before it all is open.
        recency = np.maximum(life - _failures(generator, buys), 0.0)
        earlier = generator.binomial(np.maximum(recency - 1, 0).astype(np.int64), buys)
        return np.where(recency > 0, 1 + earlier, 0).astype(np.int64), recency


def _failures(generator: np.random.RandomState, chance: FloatArray) -> FloatArray:
    """Draw how many failures come before the first success; as floats, for they may be very many."""
    return np.asarray(np.floor(generator.exponential(size=len(chance)) / hazard(chance)))


def _numbers(parameters: Parameters) -> list[float]:
    return [float(parameters[name]) for name in BGBB._parameter_names]


def _buys(x: FloatArray, T: FloatArray, parameters: Parameters) -> FloatArray:
    """Return the mean of p given the history of a living customer, p ~ Beta(α + x, β + T - x)."""
    alpha, beta = parameters["alpha"], parameters["beta"]
    return np.asarray((alpha + x) / (alpha + beta + T))


def _leaves(T: FloatArray, parameters: Parameters) -> tuple[FloatArray, FloatArray]:
    """Return the shapes of θ given the history of a living customer, θ ~ Beta(γ, δ + T)."""
    return np.broadcast_to(parameters["gamma"], T.shape), np.asarray(parameters["delta"] + T)


def _by_distinct(data: Histories, of: Any) -> FloatArray:
    codes = [column.astype(np.int64) for column in (data.x, data.tx, data.T)]
    rows = unique_rows(codes, inverse=True)
    assert rows.inverse is not None
    return np.asarray(of(_DiscreteHistories(*rows.codes))[rows.inverse])


# Numbers with their derivatives by alpha, beta, gamma and delta are kept as one array of shape (21, n): the value,
# the gradient in rows 1 to 4, the Hessian in rows 5 to 20.
_VALUE, _GRADIENT, _HESSIAN = 0, slice(1, 5), slice(5, 21)


class _Rising(NamedTuple):
    """Logarithms of rising factorials of the five numbers that occur, by how far they rise; each (3, n + 1)."""

    alpha: FloatArray
    beta: FloatArray
    both: FloatArray
    delta: FloatArray
    gamma_delta: FloatArray

    @classmethod
    def of(cls, parameters: Sequence[float], n: int) -> _Rising:
        alpha, beta, gamma, delta = parameters
        rises = np.arange(n + 1)
        return cls(*(log_rising(z, rises) for z in (alpha, beta, alpha + beta, delta, gamma + delta)))


def _assembled(
    alpha: FloatArray, beta: FloatArray, both: FloatArray, gamma: FloatArray, delta: FloatArray, gamma_delta: FloatArray
) -> FloatArray:
    """Add functions of alpha, of beta, of alpha + beta, of gamma, of delta and of gamma + delta."""
    result = np.zeros((21, both.shape[1]))
    result[_VALUE] = alpha[0] + beta[0] + both[0] + gamma[0] + delta[0] + gamma_delta[0]
    hessian = result[_HESSIAN].reshape(4, 4, -1)
    hessian[:2, :2] = both[2]
    hessian[2:, 2:] = gamma_delta[2]
    for position, (own, shared) in enumerate(((alpha, both), (beta, both), (gamma, gamma_delta), (delta, gamma_delta))):
        result[1 + position] = own[1] + shared[1]
        hessian[position, position] += own[2]
    return result


def _log_sum(one: FloatArray, other: FloatArray) -> FloatArray:
    """Return log(exp(one) + exp(other)), derivatives and all; `one` may be -inf."""
    share = expit(one[_VALUE] - other[_VALUE])
    ahead = one[1:] - other[1:]
    result = np.empty(one.shape)
    result[_VALUE] = np.logaddexp(one[_VALUE], other[_VALUE])
    result[1:] = other[1:] + share * ahead
    slope = ahead[:4]
    bend = slope[:, None] * ((share * (1 - share)) * slope)
    result[_HESSIAN] += bend.reshape(16, -1)
    return result


class _DiscreteHistories:
    """Distinct histories, and the silence after the last purchase of each.

    Histories of the same x and T share a chain: the sum over the opportunities after
    which the customer may have left, taken from the last one backwards, passes every
    t_x on its way.
    """

    def __init__(self, x: FloatArray | IntArray, tx: FloatArray | IntArray, T: FloatArray | IntArray) -> None:
        self._x, tx, self._T = (np.asarray(column).astype(np.int64) for column in (x, tx, T))
        self._longest = int(self._T.max(initial=0))
        chains = unique_rows([self._longest - self._T, self._x], inverse=True)  # the longest come first
        assert chains.inverse is not None
        self._chain_T, self._chain_x = self._longest - chains.codes[0], chains.codes[1]
        # Opportunities from the last to the first that matters, how many chains have begun by then (T > m), and
        # the histories of which the last purchase was there.
        m = np.arange(self._longest - 1, int(tx.min(initial=0)) - 1, -1)
        begun = np.searchsorted(-self._chain_T, -m)
        order = np.argsort(tx, kind="stable")
        low, high = (np.searchsorted(tx[order], m, side=side) for side in ("left", "right"))
        self._steps = [
            (int(count), order[begin:end], chains.inverse[order[begin:end]])
            for count, begin, end in zip(begun, low, high, strict=True)
        ]
        self._blocks = _blocks(m, begun)

    def log_likelihood(self, parameters: Sequence[float]) -> FloatArray:
        """Return the log-likelihood of each history with its derivatives."""
        rising = _Rising.of(parameters, self._longest)
        x, T = self._x, self._T
        alive = _assembled(
            rising.alpha[:, x],
            rising.beta[:, T - x],
            -rising.both[:, T],
            np.zeros((3, 1)),
            rising.delta[:, T],
            -rising.gamma_delta[:, T],
        )
        return alive + _log_sum(self.log_odds(parameters, rising), np.zeros((21, 1)))

    def log_odds(self, parameters: Sequence[float], rising: _Rising | None = None) -> FloatArray:
        """Return log(P(gone) / P(alive)) of each history; -inf for a purchase at the last opportunity."""
        rising = _Rising.of(parameters, self._longest) if rising is None else rising
        result, chains = np.zeros((21, len(self._x))), np.zeros((21, len(self._chain_x)))
        result[_VALUE] = chains[_VALUE] = -np.inf
        steps = iter(self._steps)
        for m, begun in self._blocks:
            chain = np.concatenate([np.arange(count) for count in begun])
            left = self._left_after(np.repeat(m, begun), chain, rising, parameters[2])
            for part in np.split(left, np.cumsum(begun)[:-1], axis=1):
                count, rows, of = next(steps)
                chains[:, :count] = _log_sum(chains[:, :count], part)
                result[:, rows] = chains[:, of]
        return result

    def _left_after(self, m: IntArray, chain: IntArray, rising: _Rising, gamma: float) -> FloatArray:
        """Return log(P(left after opportunity m, silent until T) / P(alive at T, silent since m)) of the chains."""
        x, T = self._chain_x[chain], self._chain_T[chain]
        # A chain also runs through m < x, where no history of x purchases ends; nobody reads it there.
        return _assembled(
            np.zeros((3, 1)),
            rising.beta[:, np.maximum(m - x, 0)] - rising.beta[:, T - x],
            rising.both[:, T] - rising.both[:, m],
            np.array([[np.log(gamma)], [1 / gamma], [-1 / gamma**2]]),
            rising.delta[:, m] - rising.delta[:, T],
            rising.gamma_delta[:, T] - rising.gamma_delta[:, m + 1],
        )


def _blocks(m: IntArray, begun: IntArray) -> list[tuple[IntArray, IntArray]]:
    """Divide the steps into blocks of which the terms, all computed at once, fit into memory."""
    number = np.cumsum(begun) // _BLOCK
    ends = np.flatnonzero(np.diff(number)) + 1
    return [pair for pair in zip(np.split(m, ends), np.split(begun, ends), strict=True) if len(pair[0])]


class _DiscreteProblem(RowProblem):
    """The likelihood summed over the histories, all of which have the same parameters."""

    def __init__(self, histories: _DiscreteHistories, weight: FloatArray) -> None:
        def rows(parameters: Sequence[FloatArray], *, hessian: bool) -> Derivatives:
            found = histories.log_likelihood([float(parameter[0]) for parameter in parameters])
            bends = found[_HESSIAN].reshape(4, 4, -1)
            pairs = {(i, j): bends[i, j] for i in range(4) for j in range(i, 4)}
            return Derivatives(found[_VALUE], found[_GRADIENT], pairs if hessian else None)

        super().__init__([Term(name) for name in BGBB._parameter_names], rows, weight, start=_START, offset=0.0)
        self._histories = histories

    def evaluate(self, theta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Return log-likelihood, gradient and Hessian, each summed over the customers."""
        parameters = np.exp(theta)
        summed = self._histories.log_likelihood(parameters.tolist()) @ self._weight
        gradient = summed[_GRADIENT] * parameters
        hessian = summed[_HESSIAN].reshape(4, 4) * np.outer(parameters, parameters) + np.diag(gradient)
        return float(summed[_VALUE]), gradient, hessian
