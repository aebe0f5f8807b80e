"""What a raw column may see: the streams of a run of customers, at every cutoff."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from churnlib.features._history import History
from churnlib.features._plan import Plan
from churnlib.features._run import Run
from churnlib.features._source import Source, kind_names
from churnlib.features._stream import Stream

__all__ = ["View"]


class View:
    """What the raw columns may see of a run of customers.

    A view holds streams, and streams hold the run but not the view: without a circle, the
    memory of a run is free for the next one as soon as the run is done.

    Parameters
    ----------
    run : Run
        Events of some customers.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self._streams: dict[Source, Stream] = {}

    @property
    def history(self) -> History:
        """Events of all customers, for the columns a stream picks from."""
        return self.run.history

    @property
    def plan(self) -> Plan:
        """Cutoffs and edges."""
        return self.run.plan

    @property
    def n_customers(self) -> int:
        """Number of customers in the run."""
        return self.run.n_customers

    @property
    def cutoffs(self) -> npt.NDArray[np.int64]:
        """The cutoffs as a column, to be set against customers."""
        return self.plan.cutoffs[:, None]

    def stream(self, source: Source) -> Stream:
        """Return the events of a source; made once."""
        if source not in self._streams:
            self._streams[source] = self._make(source)
        return self._streams[source]

    def _make(self, source: Source) -> Stream:
        if source.per != "event":
            return self.stream(Source(source.kind)).once_per(source.per)
        kinds = np.array(self.history.kinds)
        if source.kind is not None:
            chosen = np.isin(kinds, kind_names(source.kind))
        elif self.history.facts:
            chosen = ~np.isin(kinds, self.history.facts)
        else:
            return self.everything
        return self.everything.where(self._of_kinds(chosen))

    def _of_kinds(self, chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        kind = self.history.kind[self.run.rows]
        codes = np.flatnonzero(chosen)
        if len(codes) == 1:  # a comparison is several times faster than a lookup
            return np.asarray(kind == codes[0])
        return np.asarray(chosen[kind])

    @cached_property
    def everything(self) -> Stream:
        """All rows, those that state facts without anything having happened among them."""
        return Stream(self.run)
