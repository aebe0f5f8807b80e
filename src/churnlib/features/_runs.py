"""How many in a row: the run of one kind at the end of the customer's events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from churnlib.calendar import Duration
from churnlib.events._tiles import after_last, gather
from churnlib.exceptions import ParameterError, message
from churnlib.features._feature import Facts, Feature, Values, part
from churnlib.features._raw import EventRaw, Raw
from churnlib.features._source import EVERY_EVENT, Kind, Source, kind_names, kind_text, normal_kind
from churnlib.features._view import View

__all__ = ["Run", "RunLength"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Run(EventRaw):
    """Number of the last events of a source, without a break, that are of some kinds."""

    kind: Kind
    source: Source = EVERY_EVENT

    @property
    def name(self) -> str:
        """Name of the column."""
        return f"{kind_text(self.kind)}.run.{self.source.text}"

    def edges(self) -> tuple[Duration, ...]:
        """Return nothing: the cutoff is enough."""
        return ()

    def read(self, view: View) -> Array:
        """Subtract the row after the last event of another kind."""
        stream = view.stream(self.source)
        chosen = np.isin(np.array(view.history.kinds), kind_names(self.kind))
        broken = after_last(~chosen[stream.pick(view.history.kind)])
        now = stream.before()
        length: Array = now - np.maximum(gather(broken, now), stream.start)
        return length


@dataclass(frozen=True, slots=True)
class RunLength(Feature):
    """How many times in a row the last events were of a kind.

    ``RunLength("cancel", over=["order", "cancel"])`` is 2 for a customer whose last two
    orders were both cancelled, whatever visits lie between.

    Parameters
    ----------
    kind : str or sequence of str
        Kinds that make up the run.
    over : sequence of str or None, default=None
        Kinds that are looked at; others neither count nor break the run. None looks at
        every event.

    Examples
    --------
    >>> RunLength("cancel", over=["order", "cancel"]).name
    'cancel.run.cancel+order'

    >>> import pandas as pd
    >>> from churnlib.events import EventLog
    >>> from churnlib.features import FeatureSpec, compute
    >>> trail = pd.DataFrame(
    ...     {"who": 1, "what": ["order", "cancel", "visit", "cancel"], "at": pd.date_range("2025-03-01", periods=4)}
    ... )
    >>> log = EventLog.from_frame(trail, customer="who", time="at", kind="what")
    >>> spec = FeatureSpec([RunLength("cancel"), RunLength("cancel", over=["order", "cancel"])])
    >>> compute(log, "2025-03-10", spec).frame.to_numpy().tolist()
    [[1, 2]]
    """

    kind: Kind
    over: Kind = None

    unit: ClassVar[str] = "count"
    nulls: ClassVar[str] = "never missing: 0 when the last event was another"

    def __post_init__(self) -> None:
        self._normal()
        self._set(over=normal_kind(self.over))
        outside = sorted(set(kind_names(self.kind)) - set(kind_names(self.over)))
        if self.over is not None and outside:
            raise ParameterError(
                message(
                    f"RunLength looks for {outside}, which is not among the kinds it looks at",
                    f"over has to contain the kind itself, and is {self.over!r}",
                    f"over={sorted({*kind_names(self.over), *outside})}",
                )
            )

    @property
    def name(self) -> str:
        """Name of the column."""
        return part(self.kind, "run", None if self.over is None else kind_text(self.over))

    @property
    def meaning(self) -> str:
        """What the column says."""
        among = "events" if self.over is None else f"{' or '.join(kind_names(self.over))} events"
        return f"how many of the last {among} in a row were {' or '.join(kind_names(self.kind))}"

    def raws(self) -> tuple[Raw, ...]:
        """Return the length of the run."""
        return (Run(self.kind, Source(self.over)),)

    def finish(self, raws: tuple[Array, ...], facts: Facts) -> Values:  # noqa: ARG002
        """Return the length as it is."""
        return raws[0]
