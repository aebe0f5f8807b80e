"""Dated facts joined to a log: they carry attributes, and are nothing the customer did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from churnlib.events._append import merged
from churnlib.events._log import EventLog
from churnlib.events._rows import Attribute
from churnlib.exceptions import ParameterError, message

__all__ = ["with_facts"]


def with_facts(log: EventLog, facts: EventLog, kind: str) -> EventLog:
    """Return the log with the rows of another one as facts of one kind.

    Parameters
    ----------
    log : EventLog
        What customers did.
    facts : EventLog
        Rows that name a customer, an instant and attributes; its own kinds are not read.
    kind : str
        What the new rows are called; features of all kinds leave it out.

    Returns
    -------
    EventLog
        Complete until the instant the log is complete until; event ids are left behind,
        since facts have none.

    Raises
    ------
    ParameterError
        When the log has events of that kind already, which would be lost among the facts.

    Examples
    --------
    >>> import pandas as pd
    >>> orders = pd.DataFrame({"id": ["a"], "at": ["2025-01-05"]})
    >>> plans = pd.DataFrame({"id": ["a", "b"], "at": ["2025-01-01", "2025-01-02"], "plan": ["s", "m"]})
    >>> log = EventLog.from_frame(orders, customer="id", time="at")
    >>> facts = EventLog.from_frame(plans, customer="id", time="at", attributes="plan")
    >>> both = with_facts(log, facts, "plan")
    >>> both.customers.tolist(), both.kinds, both.facts, both.codes_of(None).tolist()
    (['a', 'b'], ('event', 'plan'), ('plan',), [True, False])
    """
    if kind in log.kinds and kind not in log.facts:
        own = int(np.count_nonzero(log.codes_of(kind)[log.kind]))
        raise ParameterError(
            message(
                f"the log has {own} events of a kind of its own called {kind!r}",
                "this is the name of the facts to be joined, which are nothing the customer did",
                f"frame[{log.schema.kind!r}].replace({{{kind!r}: '{kind}_event'}}) before EventLog.from_frame, or "
                f"facts={kind!r} there if these rows are facts too",
            )
        )
    said = {**log.attributes, **facts.attributes}
    whole, _ = merged(
        replace(log, **_common(log, said), known=_known(log, facts), event_id=None),
        replace(
            facts,
            **_common(facts, said),
            kind=np.zeros(len(facts), np.int8),
            kinds=(kind,),
            known=_known(facts, log),
            amount=None if log.amount is None else np.zeros(len(facts), np.int64),
            scale=0,
            item=None if log.item is None else np.full(len(facts), -1, np.int32),
            items=None if log.items is None else log.items[:0],
            event_id=None,
        ),
    )
    schema = replace(
        log.schema,
        kind=log.schema.kind or "kind",
        known_at=log.schema.known_at or ("known_at" if whole.known is not None else None),
        event_id=None,
        attributes=tuple(said),
        facts=tuple(dict.fromkeys((*log.facts, kind))),
    )
    return replace(whole, schema=schema)


def _common(log: EventLog, said: Mapping[str, Attribute]) -> dict[str, Any]:
    """Give a log the attributes it lacks, stated nowhere."""
    return {"attributes": {name: log.attributes.get(name, _unstated(like, len(log))) for name, like in said.items()}}


def _unstated(like: Attribute, n: int) -> Attribute:
    if like.categories is None:
        return Attribute(np.full(n, np.nan), None)
    return Attribute(np.full(n, -1, np.int32), like.categories[:0])


def _known(log: EventLog, other: EventLog) -> Any:
    """Rows are known as they happen, unless either log says when."""
    return log.time if log.known is None and other.known is not None else log.known
