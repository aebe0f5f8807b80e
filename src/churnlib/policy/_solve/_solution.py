"""Who gets which arm, what that is worth, and what one more unit of each limit would add."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Solution"]


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """An allocation that keeps every limit, with the proof of how good it is.

    Parameters
    ----------
    arm : ndarray of shape (n_rows,)
        The column given to each row, -1 for none.
    value : float
        Net value of the whole allocation.
    cost : float
        What it costs.
    upper_bound : float
        No allocation that keeps the limits is worth more: the value at the best prices
        when customers may be split (the linear relaxation).
    gap : float
        ``upper_bound − value``, at least 0: what is at most lost because customers cannot be split.
    budget_price : float
        What one more unit of budget would add, at least 0; 0 when the budget does not bind.
    prices : dict
        The same for `at_most` of each limit, by name, at least 0.
    quota_prices : dict
        What the last unit demanded by `at_least` of each limit costs in value, by name, at least 0.
    used : dict
        What the allocation uses of each limit, by name.

    Examples
    --------
    >>> from churnlib.policy._solve._solve import solve
    >>> solve([[3.0], [2.0]], [[1.0], [1.0]], budget=1)
    Solution(1 of 2 rows, value 3, cost 1, gap 0)
    """

    arm: npt.NDArray[np.int16]
    value: float
    cost: float
    upper_bound: float
    gap: float
    budget_price: float
    prices: dict[str, float]
    quota_prices: dict[str, float]
    used: dict[str, float]

    def __repr__(self) -> str:
        given = np.count_nonzero(self.arm >= 0)
        return (
            f"Solution({given:,} of {self.arm.size:,} rows, value {self.value:,.6g}, cost {self.cost:,.6g},"
            f" gap {self.gap:,.3g})"
        )
