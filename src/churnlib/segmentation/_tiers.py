"""Classes of a score: half-open from the lowest to the highest, so that every score is in exactly one."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import pandas as pd

from churnlib._checks import check_number, named_rows
from churnlib._typing import ArrayLike, FloatArray, IntArray
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, message, some
from churnlib.segmentation._cuts import number_text

__all__ = ["Tiers"]

_EXAMPLE: Mapping[str, float] = MappingProxyType({"A": 80.0, "B": 50.0, "D": 0.0})


@dataclasses.dataclass(frozen=True, slots=True, init=False, repr=False)
class Tiers:
    """Named classes of a score, each from its lower bound up to the next class.

    A class is ``[low, low of the class above)``: the lower bound belongs to it, the
    upper does not. The best class also holds `high` itself, and so every score from
    the lowest bound to `high` is in exactly one class.

    Parameters
    ----------
    lows : mapping of str to float or None, default=None
        The lower bound of each class, in any order: the bounds alone say which class is the
        better one, and the letters nothing. ``{"D": 0, "B": 80, "A": 50}`` makes B the best. None is the example
        ``{"A": 80, "B": 50, "D": 0}``; name a C where B shall end earlier:
        ``{"A": 80, "B": 65, "C": 50, "D": 0}``.
    high : float, default=100.0
        The greatest score there can be, ``inf`` where there is none; it belongs to the best class.

    Attributes
    ----------
    names : tuple of str
        The classes, best first.
    lows : tuple of float
        Their lower bounds, in the same order.
    high : float
        The greatest score there can be.

    Raises
    ------
    ParameterError
        If two classes have the same bound, a bound is no number, or it is not below `high`.
    ParameterTypeError
        If `lows` is no mapping from names to numbers.

    Examples
    --------
    >>> tiers = Tiers()
    >>> tiers
    Tiers(A [80, 100], B [50, 80), D [0, 50))
    >>> tiers.assign([100, 80, 79.999, 50, 0]).tolist()
    ['A', 'A', 'B', 'B', 'D']
    >>> Tiers({"A": 80, "B": 65, "C": 50, "D": 0})
    Tiers(A [80, 100], B [65, 80), C [50, 65), D [0, 50))

    The order of the names is yours; one that the alphabet does not have is not corrected:

    >>> Tiers({"D": 0, "B": 80, "A": 50})
    Tiers(B [80, 100], A [50, 80), D [0, 50))
    """

    names: tuple[str, ...]
    lows: tuple[float, ...]
    high: float

    def __init__(self, lows: Mapping[str, float] | None = None, *, high: float = 100.0) -> None:
        bounds = _checked_lows(_EXAMPLE if lows is None else lows)
        object.__setattr__(self, "names", tuple(bounds))
        object.__setattr__(self, "lows", tuple(bounds.values()))
        object.__setattr__(self, "high", _checked_high(high, bounds))

    @classmethod
    def from_quantiles(
        cls, scores: ArrayLike, shares: Mapping[str, float], *, low: float = -math.inf, high: float = math.inf
    ) -> Self:
        """Learn bounds that give each class its share of some scores.

        The bounds are frozen: next month's scores meet the same ones. A score falls
        where its mid-rank percentile, (scores below + ½ scores equal) / scores, does; equal
        scores stay together, so a class gets more or less than its share, and where a great
        part of the scores is equal, much more or less: `Tiers.shares` says what was reached.

        Parameters
        ----------
        scores : array-like of shape (n_rows,)
            Finite; any scale.
        shares : mapping of str to float
            The share of each class, best class first; they sum to 1.
        low : float, default=-math.inf
            The least score there can be; it belongs to the lowest class.
        high : float, default=math.inf
            The greatest score there can be; it belongs to the best class.

        Returns
        -------
        Tiers
            The lower bound of a class is a score that was seen, that of the lowest class `low`.
            Shown with six digits, and kept with all.

        Raises
        ------
        ParameterError
            If the shares are not positive or do not sum to 1.
        DataError
            If a score is missing, or so many are equal that a class would be empty.

        Examples
        --------
        >>> Tiers.from_quantiles([5, 1, 4, 2, 3, 6, 8, 7, 9, 10], {"A": 0.2, "B": 0.3, "C": 0.5})
        Tiers(A [9, ∞), B [6, 9), C (-∞, 6))

        Seven equal scores are in one class, which was to have half of them:

        >>> scores = [1, 1, 1, 1, 1, 1, 1, 5, 6, 7]
        >>> tiers = Tiers.from_quantiles(scores, {"A": 0.2, "B": 0.3, "C": 0.5})
        >>> tiers.shares(scores).to_dict()
        {'A': 0.2, 'B': 0.1, 'C': 0.7}
        """
        values = _checked_scores(scores)
        names, parts = _checked_shares(shares)
        distinct, counts = np.unique(values, return_counts=True)
        upto = np.cumsum(counts)
        middle = (upto + upto - counts) / (2 * values.size)
        # the part of all that lies below each class but the lowest; rounded, so that 1 - 0.2 - 0.3 is 0.5
        below = np.round(1.0 - np.cumsum(parts)[:-1], 12)
        starts = np.searchsorted(middle, below, side="left")
        _refuse_empty(names, [distinct.size, *starts.tolist(), 0], distinct)
        lows = [*distinct[starts].tolist(), min(low, float(distinct[0]))]
        return cls(dict(zip(names, lows, strict=True)), high=max(high, float(distinct[-1])))

    def assign(self, scores: Any) -> Any:
        """Return the class of each score.

        Parameters
        ----------
        scores : Series or array-like of shape (n_rows,)
            Between the lowest bound and `high`.

        Returns
        -------
        Series or ndarray of shape (n_rows,)
            Of a Series: a Series named "tier" with its index, an ordered categorical whose
            order is from the worst to the best class, so that ``>= "B"`` works. Else an array of texts.

        Raises
        ------
        DataError
            If a score is missing, or outside the range, with count and first row.

        Examples
        --------
        >>> import pandas as pd
        >>> score = pd.Series([91.5, 12.0], index=pd.Index([7, 8], name="customer_id"))
        >>> Tiers().assign(score)
        customer_id
        7    A
        8    D
        Name: tier, dtype: category
        Categories (3, ...): ['D' < 'B' < 'A']
        """
        codes = self._codes(_checked_scores(scores))
        worst_first = self.names[::-1]
        if isinstance(scores, pd.Series):
            tiers = pd.Categorical.from_codes(codes, categories=pd.Index(worst_first), ordered=True)
            return pd.Series(tiers, index=scores.index, name="tier")
        return np.array(worst_first, dtype=object)[codes]

    def shares(self, scores: ArrayLike) -> pd.Series[float]:
        """Return the share of scores that is in each class.

        Of the scores that `from_quantiles` learned from it is what was reached of the shares
        asked for; of next month's scores, how far they have moved.

        Parameters
        ----------
        scores : array-like of shape (n_rows,)
            Between the lowest bound and `high`.

        Returns
        -------
        Series
            Named "share", by class, best first; it sums to 1, and a class of nobody has 0.

        Raises
        ------
        DataError
            If a score is missing, or outside the range, with count and first row.

        Examples
        --------
        >>> Tiers().shares([91.5, 60, 12, 3]).to_dict()
        {'A': 0.25, 'B': 0.25, 'D': 0.5}
        """
        codes = self._codes(_checked_scores(scores))
        counts = np.bincount(codes, minlength=len(self.names))[::-1]
        return pd.Series(counts / len(codes), index=pd.Index(self.names, name="tier"), name="share")

    def _codes(self, values: FloatArray) -> IntArray:
        outside = (values < self.lows[-1]) | (values > self.high)
        if outside.any():
            first = float(values[outside][0])
            raise DataError(
                message(
                    f"{int(outside.sum()):,} of {values.size:,} scores are outside "
                    f"[{self.lows[-1]:g}, {self.high:g}] ({named_rows(outside)}; first: {first!r})",
                    "every score belongs to one class",
                    f"Tiers({{..., {self.names[-1]!r}: -math.inf}}, high=math.inf), or scores on this scale",
                )
            )
        rising = np.array(self.lows[::-1])
        codes: IntArray = np.searchsorted(rising, values, side="right") - 1
        return codes

    def __repr__(self) -> str:
        high, *lows = _texts((self.high, *self.lows))
        ends = ["∞)" if math.isinf(self.high) else f"{high}]", *(f"{low})" for low in lows[:-1])]
        starts = [f"{'(' if math.isinf(low) else '['}{text}" for low, text in zip(self.lows, lows, strict=True)]
        return f"Tiers({', '.join(f'{name} {a}, {b}' for name, a, b in zip(self.names, starts, ends, strict=True))})"


def _texts(bounds: tuple[float, ...]) -> list[str]:
    """Write different numbers with six digits, or with as many more as keep them apart."""
    for digits in range(6, 17):
        texts = [number_text(_rounded(bound, digits)) for bound in bounds]
        if len(set(texts)) == len(texts):
            return texts
    return [number_text(bound) for bound in bounds]


def _rounded(bound: float, digits: int) -> float:
    """Round to significant digits, but never to more than whole numbers."""
    if math.isinf(bound) or bound == 0:
        return bound
    return round(bound, max(0, digits - 1 - math.floor(math.log10(abs(bound)))))


def _checked_lows(lows: object) -> dict[str, float]:
    """Return the bounds, best class first."""
    if not isinstance(lows, Mapping) or not all(isinstance(name, str) for name in lows):
        raise ParameterTypeError(
            message(f"lows is {lows!r}", "a lower bound for each class by name", "Tiers({'A': 80, 'B': 50, 'D': 0})")
        )
    if not lows:
        raise ParameterError(message("lows is empty", "one class at least", "Tiers({'A': 80, 'B': 50, 'D': 0})"))
    read = {name: _checked_low(low, name) for name, low in lows.items()}
    ordered = dict(sorted(read.items(), key=lambda pair: -pair[1]))
    for above, below in itertools.pairwise(ordered):
        if ordered[above] == ordered[below]:
            raise ParameterError(
                message(
                    f"the classes {above!r} and {below!r} both start at {ordered[above]:g}",
                    "one of them would have no score",
                    "a lower bound of its own for each class",
                )
            )
    return ordered


def _checked_low(low: object, name: str) -> float:
    # the lowest class may reach down without end
    return -math.inf if low == -math.inf else check_number(low, name=f"lows[{name!r}]") + 0.0


def _checked_high(high: object, bounds: Mapping[str, float]) -> float:
    number = math.inf if high == math.inf else check_number(high, name="high")
    best, low = next(iter(bounds.items()))
    if not low < number:
        raise ParameterError(
            message(
                f"the class {best!r} starts at {low:g} and high={number:g}",
                "the best class ends at the greatest score there can be",
                f"high={low + 1:g} or more",
            )
        )
    return number


def _checked_shares(shares: object) -> tuple[list[str], list[float]]:
    if not isinstance(shares, Mapping) or not shares or not all(isinstance(name, str) for name in shares):
        raise ParameterTypeError(
            message(f"shares is {shares!r}", "a share for each class, best first", "shares={'A': 0.2, 'B': 0.8}")
        )
    parts = [check_number(share, name=f"shares[{name!r}]", low=0, high=1) for name, share in shares.items()]
    if not all(parts) or not math.isclose(sum(parts), 1.0, abs_tol=1e-9):
        raise ParameterError(
            message(
                f"the shares {some(parts, 12)} sum to {sum(parts):g}, or one of them is 0",
                "positive shares that sum to 1",
                "shares={'A': 0.2, 'B': 0.3, 'D': 0.5}",
            )
        )
    return list(shares), parts


def _refuse_empty(names: list[str], starts: list[int], distinct: FloatArray) -> None:
    """`starts` holds where among the distinct scores each class starts, with the end of all in front."""
    for name, above, start in zip(names, starts[:-1], starts[1:], strict=True):
        if start >= above:
            value = float(distinct[min(start, distinct.size - 1)])
            raise DataError(
                message(
                    f"class {name!r} would be empty: too many of the scores are equal (around {value:g}, "
                    f"of {distinct.size:,} different scores)",
                    "equal scores belong to one class",
                    f"a greater share for {name!r}, or Tiers({{{name!r}: ..., ...}}) with bounds of your own",
                )
            )


def _checked_scores(scores: Any) -> FloatArray:
    try:
        values = (
            scores.to_numpy(dtype=np.float64, na_value=np.nan)
            if isinstance(scores, pd.Series)
            else np.asarray(scores, dtype=np.float64)
        )
    except (TypeError, ValueError) as error:
        raise DataError(message(f"the scores cannot be read as numbers ({error})", "one number per row")) from error
    if values.ndim != 1:
        raise DataError(message(f"the scores have shape {values.shape}", "one number for each row", "frame['score']"))
    missing = ~np.isfinite(values)
    if missing.any() or not values.size:
        what = f"{int(missing.sum()):,} of {values.size:,} scores are missing or infinite"
        raise DataError(
            message(
                f"{what} ({named_rows(missing)})" if values.size else "there are no scores",
                "a customer without a score has no class",
                "score every row, or leave these out and count them",
            )
        )
    return values
