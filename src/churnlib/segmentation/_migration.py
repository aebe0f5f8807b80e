"""Who moved to another segment between two dates, who came and who went."""

from __future__ import annotations

import dataclasses
import html
from typing import Any

import numpy as np
import pandas as pd

from churnlib.economics import customers_of
from churnlib.exceptions import DataError, DuplicateError, ParameterError, ParameterTypeError, message, some
from churnlib.segmentation._labels import Labels, in_order, read_labels

__all__ = ["ENTERED", "LEFT", "SegmentMigration", "migration_matrix"]

ENTERED = "(entered)"
LEFT = "(left)"


@dataclasses.dataclass(frozen=True, slots=True, eq=False, repr=False)
class SegmentMigration:
    """Customers by their segment at two dates.

    Attributes
    ----------
    counts : DataFrame
        Customers: the segment before down, the one after across, both in the order of
        `migration_matrix`. The last row,
        ``(entered)``, holds those who were not there before; the last column, ``(left)``,
        those who are not there any more. Everybody at either date stands in exactly one cell.
    shares : DataFrame
        Each row of `counts` divided by its sum: where the customers of a segment went.
        NaN in a row of nobody.

    Examples
    --------
    >>> before = pd.Series(["top", "top", "low"], index=pd.Index([1, 2, 3], name="customer_id"))
    >>> after = pd.Series(["top", "low", "low"], index=pd.Index([1, 2, 4], name="customer_id"))
    >>> moved = migration_matrix(before, after)
    >>> moved.stayed, moved.moved, moved.entered, moved.left
    (1, 1, 1, 1)
    >>> moved
    SegmentMigration(2 segments: 2 customers at both dates, 50% of them in the same segment; 1 entered, 1 left)
    """

    counts: pd.DataFrame
    shares: pd.DataFrame

    @property
    def stayed(self) -> int:
        """Customers in the same segment at both dates."""
        return int(np.trace(self.counts.to_numpy()[:-1, :-1]))

    @property
    def moved(self) -> int:
        """Customers at both dates, in different segments."""
        return int(self.counts.to_numpy()[:-1, :-1].sum()) - self.stayed

    @property
    def entered(self) -> int:
        """Customers at the second date only."""
        return int(self.counts.loc[ENTERED].to_numpy().sum())

    @property
    def left(self) -> int:
        """Customers at the first date only."""
        return int(self.counts[LEFT].sum())

    def __repr__(self) -> str:
        both = self.stayed + self.moved
        same = f", {_percent(self.stayed, both)} of them in the same segment" if both else ""
        n = len(self.counts) - 1
        return (
            f"SegmentMigration({n:,} segment{'s' * (n != 1)}: {both:,} customers at both dates{same}; "
            f"{self.entered:,} entered, {self.left:,} left)"
        )

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self))}</p>\n{self.counts.to_html()}"


def migration_matrix(before: Any, after: Any, *, segmenter: Any = None) -> SegmentMigration:
    """Count the customers who went from each segment to each other between two dates.

    It assumes that both dates were segmented by the same frozen edges: by one fitted
    segmenter, which you may pass. A segmenter fitted again at the second date moves
    customers who have not changed.

    Parameters
    ----------
    before, after : Series of segments, or DataFrame
        The segment of each customer at the two dates, matched by the customers in the index;
        with `segmenter` the rows to segment, such as `rfm_table` makes at each date.
    segmenter : fitted estimator or None, default=None
        Whose ``predict`` names the rows. All of its segments are shown in its own order: that of
        ``segments_`` of an `RFMSegmenter`, best first, else of ``classes_``.

    Returns
    -------
    SegmentMigration
        ``counts`` and row ``shares``, with those who entered and left. Segments that are
        categorical are shown in the order of the categories (an ordered categorical from its best
        class to its worst), others sorted.

    Raises
    ------
    ParameterTypeError
        If `before` or `after` is of no use: a Series, or a pandas frame with a segmenter, is needed.
    DuplicateError
        If a customer stands in two rows of one date.
    DataError
        If a customer has no segment, a row no customer, or the ids of the two dates are of different
        types and none agree.
    SchemaError
        If the index does not say which customer a row belongs to.
    ParameterError
        If a segment is called "(entered)" or "(left)".

    Examples
    --------
    >>> before = pd.Series(["top", "top", "low"], index=pd.Index([1, 2, 3], name="customer_id"))
    >>> after = pd.Series(["top", "low", "low"], index=pd.Index([1, 2, 4], name="customer_id"))
    >>> moved = migration_matrix(before, after)
    >>> moved.counts
    after      low  top  (left)
    before
    low          0    0       1
    top          1    1       0
    (entered)    1    0       0
    >>> moved.shares.loc["top"].tolist()
    [0.5, 0.5, 0.0]
    """
    first, second = (_segments(rows, segmenter, name) for rows, name in ((before, "before"), (after, "after")))
    _refuse_other_ids(first[0], second[0])
    names = _names(first[1], second[1])
    customers = first[0].union(second[0], sort=False)
    row = _position(customers, *first, names)
    column = _position(customers, *second, names)
    size = len(names) + 1
    # who is absent has position -1, which counts from the end: the last row and column
    cells = np.bincount((row % size) * size + column % size, minlength=size * size).reshape(size, size)
    counts = pd.DataFrame(
        cells, index=pd.Index([*names, ENTERED], name="before"), columns=pd.Index([*names, LEFT], name="after")
    )
    total = cells.sum(axis=1, keepdims=True)
    shares = np.divide(cells, total, out=np.full(cells.shape, np.nan), where=total > 0)
    return SegmentMigration(counts, pd.DataFrame(shares, index=counts.index, columns=counts.columns))


def _percent(part: int, whole: int) -> str:
    """Write a share without rounding it to none or to all."""
    if 0 < part < whole and not 0.995 > part / whole >= 0.005:
        return "under 1%" if 2 * part < whole else "over 99%"
    return f"{part / whole:.0%}"


def _segments(rows: Any, segmenter: Any, name: str) -> tuple[pd.Index, Labels]:
    if not isinstance(rows, pd.Series if segmenter is None else pd.DataFrame):
        raise ParameterTypeError(
            message(
                f"{name} is a {type(rows).__name__}",
                "a Series of segments by customer, or a pandas frame by customer along with segmenter=",
                f"{name}=pd.Series(segments, index=customers)",
            )
        )
    customers = customers_of(rows)
    if not customers.is_unique:
        twice = customers[customers.duplicated()].unique()
        raise DuplicateError(
            message(
                f"{name} holds {len(twice):,} customers more than once ({some(twice.tolist())})",
                "one row for each customer at one date",
                f"{name} of one cutoff only",
            )
        )
    if customers.hasnans:
        raise DataError(
            message(
                f"{name} has no customer for {int(np.count_nonzero(customers.isna())):,} of {len(customers):,} rows",
                "customers are matched by their ids, and a missing id matches nobody",
                f"{name}[{name}.index.notna()]",
            )
        )
    return customers, read_labels(rows if segmenter is None else _predicted(segmenter, rows), name=name)


def _predicted(segmenter: Any, rows: Any) -> Any:
    """Return the segments of rows, in the order in which the segmenter itself lists them."""
    found = segmenter.predict(rows)
    listed = getattr(segmenter, "segments_", getattr(segmenter, "classes_", None))
    return found if listed is None else pd.Categorical(found, categories=list(listed))


def _refuse_other_ids(first: pd.Index, second: pd.Index) -> None:
    kinds = first.inferred_type, second.inferred_type
    if kinds[0] != kinds[1] and not len(first.intersection(second)):
        raise DataError(
            message(
                f"no customer is at both dates: the ids are {kinds[0]} before and {kinds[1]} after",
                "customers are matched by their ids",
                f"after.set_axis(after.index.astype({str(first.dtype)!r}))",
            )
        )


def _names(first: Labels, second: Labels) -> list[Any]:
    if set(second.names) <= set(first.names):
        names = list(first.names)
    elif set(first.names) <= set(second.names):
        names = list(second.names)
    else:
        names = in_order({*first.names, *second.names})
    taken = [name for name in (ENTERED, LEFT) if name in names]
    if taken:
        raise ParameterError(
            message(
                f"a segment is called {taken[0]!r}",
                "this name is kept for customers who are there at one date only",
                "another name for the segment",
            )
        )
    return names


def _position(customers: pd.Index, here: pd.Index, labels: Labels, names: list[Any]) -> Any:
    """Return the position in `names` of each customer's segment, -1 for those who are not there."""
    own = np.array([*(names.index(name) for name in labels.names), -1])
    return own[np.append(labels.codes, len(labels.names))[here.get_indexer(customers)]]
