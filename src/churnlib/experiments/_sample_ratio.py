"""Whether the arms hold as many customers as they were meant to."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import chdtrc, gammaln

from churnlib._checks import check_number
from churnlib._typing import FloatArray, IntArray
from churnlib.exceptions import DataError, ParameterError, message, some
from churnlib.experiments._shares import Shares, read_shares

__all__ = ["SampleRatio", "srm_check"]

FEW = 10.0
"""Expected customers below which chi-square is not trusted."""
OUTCOMES = 200_000
"""Ways to fill the arms up to which all of them are counted."""
DRAWS = 100_000


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SampleRatio:
    """Customers by arm beside those expected, and whether chance explains the difference.

    Attributes
    ----------
    frame : DataFrame
        One row for each arm: ``customers``, ``expected`` and ``difference`` (customers minus expected).
    p_value : float
        The probability that arms drawn as planned differ from the plan as much as these, or more.
    threshold : float
        The probability below which the difference is an alarm.
    method : {"chi-square", "exact", "simulated"}
        How the probability was found.

    Examples
    --------
    >>> srm_check({"control": 821_588, "offer": 815_482}).ok
    False
    """

    frame: pd.DataFrame
    p_value: float
    threshold: float
    method: str

    @property
    def ok(self) -> bool:
        """Whether chance explains the counts."""
        return self.p_value >= self.threshold

    @property
    def sentence(self) -> str:
        """The answer in words."""
        counts = ", ".join(
            f"{arm} {row.customers:,.0f} (expected {row.expected:,.1f})"
            for arm, row in zip(self.frame.index, self.frame.itertuples(index=False), strict=True)
        )
        odds = f"p = {self.p_value:.2g}, {self.method}"
        if self.ok:
            return f"The counts are as planned: {counts}; chance explains the difference ({odds})."
        return (
            f"The counts are not as planned: {counts}; chance hardly explains the difference ({odds}). "
            "Do not read the effect: customers were lost or added after the draw, and not at random. Look for what "
            "happens in one arm only: undelivered messages, filters, joins, customers gone before they were counted."
        )

    def __repr__(self) -> str:
        return self.sentence

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.sentence)}</p>\n{self.frame.to_html(escape=True, border=0)}"


def srm_check(counts: Any, ratio: Shares | None = None, *, threshold: float = 0.001) -> SampleRatio:
    """Check that the arms hold as many customers as planned (sample ratio mismatch).

    Run it before looking at any effect: a difference in counts that chance does not explain means that the arms are
    not comparable any more, however small it is.

    Parameters
    ----------
    counts : mapping, Series or list
        Customers in each arm: whole numbers, 0 or more. Count those assigned and still in the analysis, not those
        who reacted. `Assignment.counts` serves where nobody can have gone missing.
    ratio : mapping of arm to share, list of shares, or None, default=None
        Shares that sum to 1, above 0. A list goes by the order of the counts. None means equal shares.
    threshold : float, default=0.001
        The probability below which the counts are an alarm, between 0 and 1. It is small because every
        experiment is checked, and an alarm stops one.

    Returns
    -------
    SampleRatio
        With ``ok``, ``p_value`` and the answer in words.

    Raises
    ------
    DataError
        If a count is no whole number of 0 or more, all are 0, or there are fewer than two arms.
    ParameterError
        If shares do not sum to 1, belong to other arms, or the threshold is out of range.
    ParameterTypeError
        If the ratio is neither a mapping nor a list.

    Notes
    -----
    Pearson's chi-square. Where fewer than 10 customers are expected in an arm: the exact multinomial probability of
    all outcomes that are not more probable than the one found (with two arms, the two-sided binomial test); where
    there are too many of them, the share of 100,000 draws of fixed seed whose chi-square is as large. Thresholds:
    Fabijan et al. 2019, KDD.

    Examples
    --------
    >>> srm_check({"control": 4_985, "offer": 5_015})
    The counts are as planned: control 4,985 (expected 5,000.0), offer 5,015 (expected 5,000.0); chance explains the
    difference (p = 0.76, chi-square).
    >>> check = srm_check({"control": 1_860, "offer": 8_140}, {"control": 0.2, "offer": 0.8})
    >>> check.ok, round(check.p_value, 5)
    (False, 0.00047)
    """
    found = _counts(counts)
    shares = _shares(found, ratio)
    limit = check_number(threshold, name="threshold", low=0, high=1)
    observed = np.array(list(found.values()), dtype=np.int64)
    share = np.array([shares[arm] for arm in found])
    expected = share * observed.sum()
    method = _method(observed, expected)
    p_value = {"chi-square": _chi_square, "exact": _exact, "simulated": _simulated}[method](observed, share)
    frame = pd.DataFrame(
        {"customers": observed, "expected": expected, "difference": observed - expected},
        index=pd.Index(list(found), name="arm"),
    )
    return SampleRatio(frame, p_value, limit, method)


def _counts(counts: Any) -> dict[Any, int]:
    pairs = dict(counts.items()) if isinstance(counts, (Mapping, pd.Series)) else dict(enumerate(counts))
    wrong = [arm for arm, count in pairs.items() if not _is_count(count)]
    if wrong:
        raise DataError(
            message(
                f"{len(wrong)} of {len(pairs)} counts are no numbers of customers "
                f"({some(f'{arm!r}: {pairs[arm]!r}' for arm in wrong)})",
                "whole numbers, 0 or more, are needed",
                "srm_check(frame['arm'].value_counts())",
            )
        )
    if len(pairs) < 2 or not any(pairs.values()):
        raise DataError(
            message(
                "all counts are 0" if len(pairs) > 1 else f"there are counts of {len(pairs)} arms",
                "customers in two or more arms are needed",
                "srm_check({'control': 4985, 'offer': 5015})",
            )
        )
    return {arm: int(count) for arm, count in pairs.items()}


def _is_count(count: Any) -> bool:
    if isinstance(count, (bool, np.bool_, str)):
        return False
    try:
        return bool(count >= 0 and int(count) == count)
    except (TypeError, ValueError, OverflowError):
        return False


def _shares(found: dict[Any, int], ratio: Shares | None) -> dict[Any, float]:
    if ratio is None:
        return dict.fromkeys(found, 1 / len(found))
    listed = ratio
    if isinstance(ratio, (list, tuple, np.ndarray)) and len(ratio) == len(found):
        listed = dict(zip(found, [float(share) for share in ratio], strict=True))
    elif isinstance(ratio, (list, tuple, np.ndarray)):
        raise ParameterError(
            message(f"ratio has {len(ratio)} shares for {len(found)} arms", "one for each", "ratio=[0.5, 0.5]")
        )
    shares = read_shares(listed, name="ratio")
    if set(shares) != set(found):
        raise ParameterError(
            message(
                f"ratio has the arms {some(map(repr, shares))}, and the counts {some(map(repr, found))}",
                "both name the same arms",
                "counts.reindex(list(ratio), fill_value=0) where an arm is empty",
            )
        )
    return shares


def _method(observed: IntArray, expected: FloatArray) -> str:
    if expected.min() >= FEW:
        return "chi-square"
    ways = math.comb(int(observed.sum()) + len(observed) - 1, len(observed) - 1)
    return "exact" if ways <= OUTCOMES else "simulated"


def _chi_square(observed: IntArray, share: FloatArray) -> float:
    expected = share * observed.sum()
    return float(chdtrc(len(observed) - 1, ((observed - expected) ** 2 / expected).sum()))


def _exact(observed: IntArray, share: FloatArray) -> float:
    outcomes = np.array(list(_compositions(int(observed.sum()), len(observed))))
    log_probability = gammaln(observed.sum() + 1) + (outcomes * np.log(share) - gammaln(outcomes + 1)).sum(axis=1)
    own = gammaln(observed.sum() + 1) + (observed * np.log(share) - gammaln(observed + 1)).sum()
    # 1e-7: outcomes of equal probability (mirror images) differ in the last digits of gammaln
    return min(1.0, float(np.exp(log_probability[log_probability <= own + 1e-7]).sum()))


def _compositions(total: int, arms: int) -> Iterator[tuple[int, ...]]:
    if arms == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in _compositions(total - first, arms - 1):
            yield (first, *rest)


def _simulated(observed: IntArray, share: FloatArray) -> float:
    expected = share * observed.sum()
    draws = np.random.default_rng(0).multinomial(int(observed.sum()), share / share.sum(), size=DRAWS)
    distance = ((draws - expected) ** 2 / expected).sum(axis=1)
    own = ((observed - expected) ** 2 / expected).sum()
    return float((1 + (distance >= own * (1 - 1e-12)).sum()) / (1 + DRAWS))
