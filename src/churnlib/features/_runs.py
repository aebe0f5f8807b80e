"""How many in a row: the run of one kind at the end of the customer's events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from churnlib.calendar import Duration, duration
from churnlib.events._tiles import after_last, gather
from churnlib.exceptions import ParameterError, message
from churnlib.features._counts import EventCount
from churnlib.features._feature import Facts, Feature, Values, Window, part
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
    mature : str, timedelta or None, default=None
        Only events of the run that happened longer ago than this count; those that came after may
        still find their answer. ``RunLength("mail", over=["mail", "open"], mature="2d")`` counts mails
        that were not opened in two days, and ``RunLength("complaint", over=["complaint", "contact"],
        mature="5min")`` complaints that have waited for a contact for more than five minutes. What
        breaks the run breaks it at once. None counts all of the run.

    Notes
    -----
    Events of one instant stand in the order of the names of their kinds. Where a log knows the day
    and no time of day, a complaint and the call that answers it are of one instant, and "call" comes
    before "complaint": the complaint would seem to wait. Give such logs the time of day, or kinds
    whose names sort in the order in which things happen.

    Examples
    --------
    >>> RunLength("cancel", over=["order", "cancel"]).name
    'cancel.run.cancel+order'
    >>> RunLength("mail", over=["mail", "open"], mature="2d").name
    'mail.run.mail+open.mature.2d'

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
    mature: Window = None

    unit: ClassVar[str] = "count"
    nulls: ClassVar[str] = "never missing: 0 when the last event was another"
    added: ClassVar[tuple[str, ...]] = ("mature",)

    def __post_init__(self) -> None:
        self._normal()
        self._set(over=normal_kind(self.over, name="over"))
        if self.kind is None:
            raise ParameterError(
                message(
                    "RunLength has no kind",
                    "the kind whose run is counted",
                    "RunLength('cancel', over=['order', 'cancel'])",
                )
            )
        if self.mature is not None:
            self._set(mature=str(duration(self.mature, name="RunLength.mature")))
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
        name = part(self.kind, "run", None if self.over is None else kind_text(self.over))
        return name if self.mature is None else f"{name}.mature.{self.mature}"

    @property
    def meaning(self) -> str:
        """What the column says."""
        among = "events" if self.over is None else f"{' or '.join(kind_names(self.over))} events"
        run = f"how many of the last {among} in a row were {' or '.join(kind_names(self.kind))}"
        return run if self.mature is None else f"{run}, those of the last {self.mature} left out"

    def raws(self) -> tuple[Raw, ...]:
        """Return the length of the run, and how many events of its kinds are too young to count."""
        run = Run(self.kind, Source(self.over))
        return (run,) if self.mature is None else (run, EventCount(Source(self.kind), self.mature))

    def finish(self, raws: tuple[Array, ...], facts: Facts) -> Values:  # noqa: ARG002
        """Take the young events off the run."""
        # While nothing young breaks the run, all that is young is in it. When something does, the whole
        # run is young, and so are at least as many events of its kinds.
        return raws[0] if len(raws) == 1 else np.maximum(raws[0] - raws[1], 0)
