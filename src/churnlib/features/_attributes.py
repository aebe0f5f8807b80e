"""What was last stated: dated attributes such as plan, branch or balance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib.calendar import Duration, duration
from churnlib.events import Contracts, EventLog
from churnlib.events._tiles import after_last, gather
from churnlib.exceptions import ParameterTypeError, message
from churnlib.features._feature import Facts, Feature, Values, Window
from churnlib.features._raw import MISSING, NOW, EventRaw, Raw, reach, span
from churnlib.features._view import View

__all__ = ["AttributeValue", "Stated"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Stated(EventRaw):
    """What was last stated of an attribute: its code (-1 = never), or the 64 bits of a number (NaN = never)."""

    attribute: str
    ago: Window = None

    @property
    def name(self) -> str:
        """Name of the column."""
        return f"{self.attribute}.stated" if self.ago is None else f"{self.attribute}.stated.ago.{self.ago}"

    @property
    def back(self) -> Duration:
        """How far before the cutoff the value is looked up."""
        return span(self.ago) or NOW

    def edges(self) -> tuple[Duration, ...]:
        """Return the instant at which the value is looked up, where it is not the cutoff."""
        return reach(self.ago)

    def read(self, view: View) -> Array:
        """Look at the last row before that instant that states it."""
        stream = view.everything
        values = stream.pick(view.history.attributes[self.attribute])
        numeric = values.dtype.kind == "f"
        stated = ~np.isnan(values) if numeric else values >= 0
        row = gather(after_last(stated), stream.before(self.back))
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
    ago : str, timedelta or None, default=None
        The value it had that long before the cutoff, as it is known at the cutoff: beside the value
        of today, it shows that a plan was taken down or a balance halved. None is the value of today.

    Examples
    --------
    >>> AttributeValue("plan").name, AttributeValue("balance", ago="90d").name
    ('plan.value', 'balance.value.ago.90d')

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
    ago: Window = None

    unit: ClassVar[str] = "as stated"
    nulls: ClassVar[str] = "missing until it is first stated"
    added: ClassVar[tuple[str, ...]] = ("ago",)

    def __post_init__(self) -> None:
        if not isinstance(self.attribute, str):
            raise ParameterTypeError(
                message(
                    f"attribute is {self.attribute!r}",
                    "the name of one attribute was expected",
                    "AttributeValue('plan')",
                )
            )
        if self.ago is not None:
            self._set(ago=str(duration(self.ago, name="AttributeValue.ago")))

    @property
    def name(self) -> str:
        """Name of the column."""
        return f"{self.attribute}.value" if self.ago is None else f"{self.attribute}.value.ago.{self.ago}"

    @property
    def meaning(self) -> str:
        """What the column says."""
        when = "the cutoff" if self.ago is None else f"the instant {self.ago} before the cutoff"
        return f"{self.attribute} as last stated before {when}"

    def lacks(self, log: EventLog, contracts: Contracts | None) -> str | None:  # noqa: ARG002
        """Return the attribute when the log has none of that name."""
        return None if self.attribute in log.attributes else f"attribute {self.attribute}"

    def raws(self) -> tuple[Raw, ...]:
        """Return the code or the number last stated."""
        return (Stated(self.attribute, self.ago),)

    def finish(self, raws: tuple[Array, ...], facts: Facts) -> Values:
        """Name the codes, or read the bits as the number they are."""
        if self.attribute not in facts.categories:
            return np.asarray(raws[0], np.int64).view(np.float64)
        return pd.Categorical.from_codes(raws[0], categories=facts.categories[self.attribute])
