"""What a set of features needs to be computed: raw columns, edges in time, and tiles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from churnlib.calendar import Duration
from churnlib.events._tiles import Tiling
from churnlib.features._raw import NOW, EventRaw

__all__ = ["NOW", "Plan"]

Index = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The raw columns of some features, each once, and the edges all of them need.

    Attributes
    ----------
    raws : tuple of EventRaw
        Raw columns, in order of first use.
    cutoffs : ndarray of shape (n_cutoffs,)
        Microseconds since 1970, ascending.
    timezone : str
        Zone of calendar windows.
    tiling : Tiling
        The sorted, unique edges of every window of every cutoff.
    rows_of : mapping of Duration to ndarray of shape (n_cutoffs,)
        Where each cutoff's edge, that far back, stands among the edges.
    """

    raws: tuple[EventRaw, ...]
    cutoffs: npt.NDArray[np.int64]
    timezone: str
    tiling: Tiling
    rows_of: Mapping[Duration, Index]

    @classmethod
    def of(cls, raws: Iterable[EventRaw], cutoffs: npt.NDArray[np.int64], timezone: str) -> Plan:
        """Collect raw columns and their edges."""
        once = tuple(dict.fromkeys(raws))
        backs = dict.fromkeys([NOW, *(back for raw in once for back in raw.edges())])
        at = {back: np.asarray(back.before(cutoffs, timezone), np.int64) for back in backs}
        edges: npt.NDArray[np.int64] = np.unique(np.concatenate(list(at.values())))
        rows_of = {back: np.searchsorted(edges, instants) for back, instants in at.items()}
        return cls(once, cutoffs, timezone, Tiling(edges), rows_of)

    @property
    def n_cutoffs(self) -> int:
        """Number of cutoffs."""
        return len(self.cutoffs)

    def only(self, cutoff: int) -> Plan:
        """Return the same plan for one of its cutoffs."""
        return Plan.of(self.raws, self.cutoffs[cutoff : cutoff + 1], self.timezone)

    def ascends(self, back: Duration) -> bool:
        """Return whether a later cutoff also has its edge, that far back, no earlier."""
        return bool((np.diff(self.rows_of[back]) >= 0).all())

    def passed(self, back: Duration) -> Index:
        """Return, for each tile, how many of the cutoffs' edges that far back lie at or before it."""
        tiles = np.arange(len(self.tiling.edges) + 1)
        return np.searchsorted(self.rows_of[back], tiles, side="left").astype(np.intp)
