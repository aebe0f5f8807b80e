"""What is counted while a table is read: the draft of the quality report."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

__all__ = ["Counts"]


@dataclass(slots=True)
class Counts:
    """What reading a table counted, refused and changed.

    Parameters
    ----------
    input_rows : int
        Rows of the table.
    null_customers : int, default=0
        Rows without a customer id.
    reasons, notes : dict of str to int
        Rows refused, by reason; rows kept but remarkable, by what was noticed.
    refused_amount : Decimal
        Money of the refused rows.

    Examples
    --------
    >>> counts = Counts(3)
    >>> counts.note("identical rows", 1)
    >>> counts.notes
    {'identical rows': 1}
    """

    input_rows: int
    null_customers: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
    refused_amount: Decimal = Decimal(0)

    def note(self, what: str, count: int) -> None:
        """Add to the count of something noticed; nothing is not noted."""
        if count:
            self.notes[what] = self.notes.get(what, 0) + int(count)
