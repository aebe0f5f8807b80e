"""When the contract of one customer is due, without a pass over all contracts."""

from __future__ import annotations

from typing import Any

import numpy as np

from churnlib.events import OPEN_END, Contracts
from churnlib.features._contracts import NO_CONTRACT

__all__ = ["Dues"]


class Dues:
    """Look contracts up by customer; the rule is that of `ContractEnd`.

    Parameters
    ----------
    contracts : Contracts or None
        None where no feature reads them.
    """

    __slots__ = ("_codes", "_due", "_known", "_offsets")

    def __init__(self, contracts: Contracts | None) -> None:
        self._codes: dict[Any, int] = {}
        if contracts is None:
            return
        due = contracts.end
        if contracts.renewal is not None:
            due = np.where(contracts.renewal != OPEN_END, contracts.renewal, due)
        known = contracts.start if contracts.known is None else np.maximum(contracts.start, contracts.known)
        self._codes = {who: code for code, who in enumerate(contracts.customers.tolist())}
        self._due, self._known, self._offsets = due.tolist(), known.tolist(), contracts.offsets.tolist()

    def of(self, customer: Any, us: int) -> int:
        """Return when the latest contract known before an instant is due."""
        code = self._codes.get(customer)
        if code is None:
            return NO_CONTRACT
        for row in range(self._offsets[code + 1] - 1, self._offsets[code] - 1, -1):
            if self._known[row] < us:
                due: int = self._due[row]
                return due
        return NO_CONTRACT
