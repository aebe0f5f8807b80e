"""How much the rates of many groups differ beyond chance: the Beta-Binomial, by maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from churnlib.exceptions import DataError, message, some
from churnlib.numerics._newton import minimise

if TYPE_CHECKING:
    from churnlib._typing import ArrayLike, FloatArray

__all__ = ["BetaBinomial", "GroupCounts", "beta_binomial", "group_counts"]

# With more prior trials than this the groups' rates differ by less than a thousandth of what
# chance would do to a rate of one half on a million trials.
_POOLED_FROM = 1e6


@dataclass(frozen=True, slots=True)
class BetaBinomial:
    """What many groups say about the rates of all.

    The rate of a group is drawn from a Beta distribution, its successes are Binomial. The Beta
    is as if each group came with `prior_trials` trials at the mean rate before it was seen.

    Parameters
    ----------
    mean : float
        The mean rate, between 0 and 1.
    prior_trials : float
        α + β of the Beta; infinite where the groups do not differ beyond chance, and 0 where each
        is all success or all failure.
    log_likelihood : float
        Of the successes, binomial coefficients left out.
    n_groups : int
        Groups with at least one trial.
    reason : str
        How the search ended, or why the groups are pooled.

    Examples
    --------
    >>> fit = BetaBinomial(mean=0.2, prior_trials=10.0, log_likelihood=-1.0, n_groups=2, reason="")
    >>> fit.alpha, fit.beta, fit.pooled
    (2.0, 8.0, False)
    """

    mean: float
    prior_trials: float
    log_likelihood: float
    n_groups: int
    reason: str

    @property
    def pooled(self) -> bool:
        """Whether one rate for all groups explains the data best."""
        return bool(np.isinf(self.prior_trials))

    @property
    def alpha(self) -> float:
        """Prior successes, ``mean · prior_trials``; infinite where the groups are pooled."""
        return self.mean * self.prior_trials if self.mean else 0.0

    @property
    def beta(self) -> float:
        """Prior failures, ``(1 - mean) · prior_trials``; infinite where the groups are pooled."""
        return (1 - self.mean) * self.prior_trials if self.mean < 1 else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class GroupCounts:
    """Distinct pairs of successes and trials, without groups that have no trial.

    Parameters
    ----------
    y, n : ndarray of shape (n_pairs,)
        Successes and trials.
    weight : ndarray of shape (n_pairs,)
        How many groups have this pair.

    Examples
    --------
    >>> counts = group_counts(np.array([1.0, 0.0, 1.0]), np.array([4.0, 0.0, 4.0]))
    >>> counts.y, counts.n, counts.weight
    (array([1.]), array([4.]), array([2.]))
    """

    y: FloatArray
    n: FloatArray
    weight: FloatArray

    @property
    def pooled_mean(self) -> float:
        """Successes over trials of all groups together."""
        return float(self.weight @ self.y / (self.weight @ self.n))

    def log_likelihood(self, a: FloatArray, b: FloatArray) -> FloatArray:
        """Return the log-likelihood at each of several Beta distributions.

        Parameters
        ----------
        a, b : ndarray of any one shape
            Parameters of the Beta, positive.

        Returns
        -------
        ndarray of that shape
            ``Σ ln B(a + y, b + n - y) - ln B(a, b)``, without binomial coefficients.
        """
        one, other = a[..., None], b[..., None]
        total = _rise(one, self.y) + _rise(other, self.n - self.y) - _rise(one + other, self.n)
        return np.asarray(total @ self.weight)


def _rise(a: FloatArray, k: FloatArray) -> FloatArray:
    from scipy.special import gammaln

    return np.asarray(gammaln(a + k) - gammaln(a))


def group_counts(successes: FloatArray, trials: FloatArray) -> GroupCounts:
    """Count equal groups once, in an order that does not depend on theirs.

    Parameters
    ----------
    successes, trials : ndarray of shape (n_groups,)
        Checked counts.

    Returns
    -------
    GroupCounts
        Sorted by successes, then trials.

    Examples
    --------
    >>> group_counts(np.array([2.0, 1.0]), np.array([4.0, 4.0])).y
    array([1., 2.])
    """
    seen = trials > 0
    pairs, weight = np.unique(np.column_stack([successes[seen], trials[seen]]), axis=0, return_counts=True)
    return GroupCounts(pairs[:, 0], pairs[:, 1], weight.astype(np.float64))


def beta_binomial(successes: ArrayLike, trials: ArrayLike) -> BetaBinomial:
    """Fit the Beta-Binomial by maximum likelihood.

    Parameters
    ----------
    successes : array-like of shape (n_groups,)
        How many of each group's trials came out true. Fractions are allowed (expected or weighted counts).
    trials : array-like of shape (n_groups,)
        How many trials each group had; a group without any is left out.

    Returns
    -------
    BetaBinomial
        The mean rate, how strongly the groups scatter about it, and why the search ended.

    Raises
    ------
    DataError
        When counts are missing, negative or impossible, or no group has a trial.

    Notes
    -----
    ``Σ ln B(α + y, β + n - y) - ln B(α, β)`` is maximised over ln α and ln β by Newton's method
    from the estimate of moments (Kleinman 1973, J. Am. Stat. Assoc. 68, 46-54). Where groups
    scatter no more than chance the maximum lies at infinity, and they are pooled.

    Examples
    --------
    Boys among the first twelve children of 6,115 families:

    >>> families = [3, 24, 104, 286, 670, 1033, 1343, 1112, 829, 478, 181, 45, 7]
    >>> fit = beta_binomial(np.repeat(np.arange(13), families), np.full(6115, 12))
    >>> f"{fit.alpha:.3f} {fit.beta:.3f}"
    '34.103 31.578'

    >>> beta_binomial([2, 2, 2], [10, 10, 10]).reason
    'the groups scatter no more than chance'
    """
    hits, counted = checked_counts(successes, trials)
    return fit_counts(group_counts(hits, counted))


def fit_counts(counts: GroupCounts) -> BetaBinomial:
    """Fit distinct pairs; see `beta_binomial`."""
    from scipy.special import xlog1py, xlogy

    mean = counts.pooled_mean
    n_groups = int(counts.weight.sum())
    # what the log-likelihood tends to as α + β grows
    alike = float(counts.weight @ (xlogy(counts.y, mean) + xlog1py(counts.n - counts.y, -mean)))

    def pooled(reason: str) -> BetaBinomial:
        return BetaBinomial(mean, np.inf, alike, n_groups, reason)

    if not 0 < mean < 1:
        return pooled("there is no success" if mean == 0 else "there is no failure")
    if counts.n.max() <= 1:
        return pooled("no group has more than one trial, which cannot show how groups differ")
    whole = counts.y == counts.n
    if np.all(whole | (counts.y == 0)):
        return _apart(float(counts.weight @ whole), n_groups)
    start = _start(counts, mean)
    found = minimise(lambda point: _evaluate(counts, point), start, bound=np.log(_POOLED_FROM) + 5)
    a, b = np.exp(found.point)
    value = float(counts.log_likelihood(np.array(a), np.array(b)))
    if not found.converged or a + b > _POOLED_FROM or value <= alike:
        return pooled("the groups scatter no more than chance")
    return BetaBinomial(float(a / (a + b)), float(a + b), value, n_groups, found.reason)


def _apart(n_whole: float, n_groups: int) -> BetaBinomial:
    """Return the limit where each group has a rate of 0 or of 1, as likely as α and β can be then."""
    from scipy.special import xlogy

    share = n_whole / n_groups
    value = float(xlogy(n_whole, share) + xlogy(n_groups - n_whole, 1 - share))
    return BetaBinomial(share, 0.0, value, n_groups, "each group is all success or all failure")


def _start(counts: GroupCounts, mean: float) -> FloatArray:
    """Return ln α and ln β by moments: Pearson's χ² exceeds its expectation by what the rates scatter."""
    total = counts.weight @ counts.n
    chi2 = counts.weight @ ((counts.y - counts.n * mean) ** 2 / counts.n) / (mean * (1 - mean))
    share = 1 - counts.n / total
    correlation = (chi2 - counts.weight @ share) / max(float(counts.weight @ (share * (counts.n - 1))), 1e-12)
    trials = 1 / np.clip(correlation, 0.005, 0.8) - 1
    return np.asarray(np.log(trials * np.array([mean, 1 - mean])))


def _evaluate(counts: GroupCounts, point: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """Return minus the log-likelihood with its derivatives, all in ln α and ln β."""
    from scipy.special import digamma, polygamma

    a, b = np.exp(np.clip(point, -50, 50))
    y, n, weight = counts.y, counts.n, counts.weight
    value = -float(counts.log_likelihood(np.array(a), np.array(b)))
    both = digamma(a + b + n) - digamma(a + b)
    slope = np.array([weight @ (digamma(a + y) - digamma(a) - both), weight @ (digamma(b + n - y) - digamma(b) - both)])
    bend = -weight @ (polygamma(1, a + b + n) - polygamma(1, a + b))
    own = [polygamma(1, a + y) - polygamma(1, a), polygamma(1, b + n - y) - polygamma(1, b)]
    inner = np.array([[weight @ own[0] + bend, bend], [bend, weight @ own[1] + bend]])
    scale = np.array([a, b])
    gradient = -scale * slope
    # d²/d(ln α)² = α² d²/dα² + α d/dα
    return value, gradient, -np.outer(scale, scale) * inner + np.diag(gradient)


def checked_counts(successes: Any, trials: Any) -> tuple[FloatArray, FloatArray]:
    """Return the counts as floats if every pair is possible and some group has a trial."""
    hits, counted = np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    if hits.ndim != 1 or hits.shape != counted.shape:
        raise DataError(
            message(
                f"successes have shape {hits.shape} and trials {counted.shape}",
                "one of each for every group was expected",
                "shrunken_rates(table['lost'], table['customers'])",
            )
        )
    wrong = ~(np.isfinite(counted) & (hits >= 0) & (hits <= counted))
    if wrong.any():
        at = np.flatnonzero(wrong)
        raise DataError(
            message(
                f"{len(at)} of {len(hits)} groups have impossible counts "
                f"(rows {some(at.tolist())}; first: {hits[at[0]]:g} of {counted[at[0]]:g})",
                "0 <= successes <= trials is needed, without missing values",
                "leave the groups out, or count again",
            )
        )
    if not (counted > 0).any():
        raise DataError(
            message(f"none of {len(hits)} groups has a trial", "without any trial there is nothing to learn from", "")
        )
    return hits, counted
