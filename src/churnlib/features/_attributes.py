"""What was last stated: dated attributes such as plan, branch or balance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib.calendar import Duration
from churnlib.events import Contracts, EventLog
from churnlib.events._tiles import after_last, gather
from churnlib.features._feature import Facts, Feature, Values
from churnlib.features._raw import MISSING, EventRaw, Raw
from churnlib.features._view import View

__all__ = ["AttributeValue", "Stated"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Stated(EventRaw):
    """What was last stated of an attribute: its code (-1 = never), or the 64 bits of a number (NaN = never)."""

    attribute: str

    @property
    def name(self) -> str:
        """Name of the column."""
        return f"{self.attribute}.stated"

    def edges(self) -> tuple[Duration, ...]:
        """Return nothing: the cutoff is enough."""
        return ()

    def read(self, view: View) -> Array:
        """Look at the last row before the cutoff that states it."""
        stream = view.everything
        values = stream.pick(view.history.attributes[self.attribute])
        numeric = values.dtype.kind == "f"
        stated = ~np.isnan(values) if numeric else values >= 0
        row = gather(after_last(stated), stream.before())
        found = np.where(row > stream.start, gather(values, row - 1), np.nan if numeric else MISSING)
        return found.astype(np.float64).view(np.int64) if numeric else found.astype(np.int64)


@dataclass(frozen=True, slots=True)
class AttributeValue(Feature):
    """The value of a dated attribute that was last stated before the cutoff.

    Later values are not looked at, so a plan changed after the cutoff is still the old
    plan. Values that are text become a categorical column with the log's categories.

    Parameters
    ----------
    attribute : str
        Name of the attribute in the log.

    Examples
    --------
    >>> AttributeValue("plan").name
    'plan.value'

    >>> import pandas as pd
    >>> from churnlib.events import EventLog
    >>> from churnlib.features import FeatureSpec, compute
    >>> trail = pd.DataFrame({"who": 1, "plan": ["basic", None, "gold"], "at": pd.date_range("2025-03-01", periods=3)})
    >>> log = EventLog.from_frame(trail, customer="who", time="at", attributes=["plan"])
    >>> spec = FeatureSpec([AttributeValue("plan")])
    >>> compute(log, ["2025-03-03", "2025-03-04"], spec).frame["plan.value"].tolist()
    ['basic', 'gold']
    """

    attribute: str

    unit: ClassVar[str] = "as stated"
    nulls: ClassVar[str] = "missing until it is first stated"

    @property
    def name(self) -> str:
        """Name of the column."""
        return f"{self.attribute}.value"

    @property
    def meaning(self) -> str:
        """What the column says."""
        return f"{self.attribute} as last stated before the cutoff"

    def lacks(self, log: EventLog, contracts: Contracts | None) -> str | None:  # noqa: ARG002
        """Return the attribute when the log has none of that name."""
        return None if self.attribute in log.attributes else f"attribute {self.attribute}"

    def raws(self) -> tuple[Raw, ...]:
        """Return the code or the number last stated."""
        return (Stated(self.attribute),)

    def finish(self, raws: tuple[Array, ...], facts: Facts) -> Values:
        """Name the codes, or read the bits as the number they are."""
        if self.attribute not in facts.categories:
            return np.asarray(raws[0], np.int64).view(np.float64)
        return pd.Categorical.from_codes(raws[0], categories=facts.categories[self.attribute])
