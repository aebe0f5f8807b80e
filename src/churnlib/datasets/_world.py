"""What a simulator returns: the visible log and the hidden truth."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from churnlib.events import Contracts, EventLog

__all__ = ["SimulatedWorld"]


@dataclass(frozen=True, slots=True, repr=False)
class SimulatedWorld:
    """A simulated firm: what it can see, and what is true.

    Attributes
    ----------
    log : EventLog
        What the firm's systems recorded and knew by ``log.complete_until``.
    truth : pandas.DataFrame
        One row per customer, indexed by ``customer_id``: latent hazards, causes,
        effects and values. Nothing in it may be used as a feature.
    contracts : Contracts or None
        The subscription contracts, for worlds that have them.
    contacts : pandas.DataFrame or None
        Who was treated and when (``customer_id``, ``contacted_at``); None when
        nobody was.
    hazards : pandas.DataFrame or None
        The base hazard per period of tenure (rows) and cause (columns), for
        worlds whose hazard depends on tenure.

    Examples
    --------
    >>> from churnlib.datasets import make_shop
    >>> world = make_shop(50, days=120)
    >>> world.log.n_customers, len(world.truth)
    (50, 50)
    >>> repr(world).split(",")[0]
    'SimulatedWorld(50 customers'
    """

    log: EventLog
    truth: pd.DataFrame
    contracts: Contracts | None = None
    contacts: pd.DataFrame | None = None
    hazards: pd.DataFrame | None = None

    def __repr__(self) -> str:
        left = int((~self.truth["alive"]).sum())
        treated = int(self.truth["treated"].sum())
        return (
            f"SimulatedWorld({len(self.truth):,} customers, {self.log.n_events:,} events, "
            f"{left:,} left, {treated:,} treated)"
        )
