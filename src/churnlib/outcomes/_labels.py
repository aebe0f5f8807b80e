"""What became of the customers at risk at a cutoff: the label of each, or why it has none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churnlib._typing import BoolArray

__all__ = ["Labels"]


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """The customers at risk at a cutoff, split by what came of them; every row is in one part.

    Attributes
    ----------
    opens_us, closes_us : int
        The label window ``[c + lead, c + lead + horizon)`` in microseconds.
    mature : bool
        Whether the data are complete until the window closes. If not, every row is immature.
    churned_before : ndarray of bool, shape (n_rows,)
        Had churned before the cutoff, as events known later show; without late events none.
    churned_in_lead : ndarray of bool, shape (n_rows,)
        Churned in ``[c, c + lead)``: lost before anyone could act.
    churned : ndarray of bool, shape (n_rows,)
        Churned in the window: y = 1.
    retained : ndarray of bool, shape (n_rows,)
        Still with us when the window closed: y = 0.
    immature : ndarray of bool, shape (n_rows,)
        Nobody can know yet.

    Examples
    --------
    >>> import numpy as np
    >>> yes, no = np.array([True, False]), np.array([False, False])
    >>> split = Labels(0, 10, True, no, no, yes, ~yes, no)
    >>> split.y.tolist(), split.counts["retained"]
    ([1, 0], 1)
    """

    opens_us: int
    closes_us: int
    mature: bool
    churned_before: BoolArray
    churned_in_lead: BoolArray
    churned: BoolArray
    retained: BoolArray
    immature: BoolArray

    @property
    def labelled(self) -> BoolArray:
        """Which rows carry a label: those churned in the window and those retained."""
        return self.churned | self.retained

    @property
    def y(self) -> np.ndarray:
        """The labels of the labelled rows, in row order: 1 = churn (int8)."""
        return self.churned[self.labelled].astype(np.int8)

    @property
    def counts(self) -> dict[str, int]:
        """How many rows each part holds."""
        names = ("churned_before", "churned_in_lead", "churned", "retained", "immature")
        return {name: int(getattr(self, name).sum()) for name in names}
