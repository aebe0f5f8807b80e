"""Prove that features event by event are those of the batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from churnlib.calendar import cutoffs as read_cutoffs
from churnlib.calendar import timestamp
from churnlib.events import Contracts, EventLog
from churnlib.exceptions import DataError, message, some
from churnlib.features import FeatureSpec, compute
from churnlib.features._online import OnlineFeatures
from churnlib.features._online_columns import rows_of_log

__all__ = ["assert_online_parity"]


def assert_online_parity(
    spec: FeatureSpec, log: EventLog, cutoffs: Any, *, lateness: object = None, contracts: Contracts | None = None
) -> dict[str, int]:
    """Fail if features event by event differ from those of the batch in any bit.

    The events of the log are replayed in the order in which they became known. At each cutoff the
    features of all customers are read, for each customer alone and for all at once, and compared
    with `compute` on the log without the events that were refused for being too late.

    Parameters
    ----------
    spec : FeatureSpec
        The features, your own among them.
    log : EventLog
        Any log; one with late events is the one to try.
    cutoffs : Cutoffs, str, datetime, or list of them
        When to read.
    lateness : str, timedelta or None, default=None
        How late an event may be, as for `OnlineFeatures`.
    contracts : Contracts or None, default=None
        Contracts, for features that read them.

    Returns
    -------
    dict of str to int
        Events refused, by reason: what the comparison did without.

    Raises
    ------
    DataError
        With the feature, the customer, the cutoff and both values.

    Examples
    --------
    >>> import churnlib as cl
    >>> log = cl.datasets.make_shop(n_customers=30, random_state=0).log
    >>> cl.testing.assert_online_parity(cl.FeatureSpec.standard(), log, ["2025-05-01", "2025-06-01"])
    {}
    """
    online = OnlineFeatures.from_log(log, spec, history=False, lateness=lateness, contracts=contracts)
    known = log.time if log.known is None else log.known
    order = np.argsort(known, kind="stable")
    events = list(rows_of_log(log, online._reader.numeric))
    kept, arrived = np.zeros(len(log), bool), 0
    for cutoff in read_cutoffs(cutoffs, log.timezone).us.tolist():
        upto = int(np.searchsorted(known[order], cutoff))
        for row in order[arrived:upto].tolist():
            kept[row] = online._take(events[row]) is None
        arrived = upto
        online.tick(cutoff)
        if arrived:
            _compare(online, log.subset(kept), cutoff, contracts)
    return dict(online.refused)


def _compare(online: OnlineFeatures, log: EventLog, cutoff: int, contracts: Contracts | None) -> None:
    who = log.customers
    rows = np.arange(len(who)), np.full(len(who), cutoff, np.int64)
    block = compute(log, np.array([cutoff], np.int64), online.spec, contracts=contracts, rows=rows)
    batch = block.frame.set_axis(who, axis=0)
    together = online.features_frame(who, cutoff)
    alone = pd.DataFrame([online.features(one, cutoff) for one in who.tolist()], index=who)
    for name in batch.columns:
        for found in (together[name], alone[name]):
            expected, values = (column.astype(object).tolist() for column in (batch[name], found))
            unequal = [place for place, pair in enumerate(zip(expected, values, strict=True)) if not _same(*pair)]
            if unequal:
                first = unequal[0]
                raise DataError(
                    message(
                        f"{name!r} at {timestamp(cutoff, log.timezone)} differs for {len(unequal)} customers "
                        f"({some([repr(one) for one in who[unequal].tolist()])}): {values[first]!r} event by event",
                        f"{expected[first]!r} in the batch",
                        "compute and finish each row of a feature from its own raw columns",
                    )
                )


def _same(expected: Any, found: Any) -> bool:
    missing = pd.isna(expected), pd.isna(found)
    return all(missing) if any(missing) else bool(expected == found)
