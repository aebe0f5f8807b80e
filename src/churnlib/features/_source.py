"""Which of a customer's events a measure looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from churnlib._checks import as_names
from churnlib.exceptions import ParameterError, message

__all__ = ["EVERY_EVENT", "PER", "Kind", "Per", "Source", "kind_names", "kind_text", "normal_kind"]

Kind: TypeAlias = str | Sequence[str] | None
"""One kind of event, several of them, or None for all."""

Per: TypeAlias = Literal["event", "occasion", "day"]
"""What counts once: every event, the events of one instant, or those of one local day."""

PER: tuple[Per, ...] = ("event", "occasion", "day")


def normal_kind(kind: Kind, *, name: str = "kind") -> str | tuple[str, ...] | None:
    """Return one spelling for each choice of kinds, so that equal choices are equal.

    Parameters
    ----------
    kind : str, sequence of str or None
        As the user wrote it.
    name : str, default="kind"
        The argument's name, for the message.

    Returns
    -------
    str, tuple of str, or None
        One name, sorted names, or None for all kinds.

    Raises
    ------
    ParameterError
        When the list is empty or names a kind twice.
    ParameterTypeError
        When it is neither a name nor a list of names.

    Examples
    --------
    >>> normal_kind(["order"]), normal_kind(["visit", "order"])
    ('order', ('order', 'visit'))
    """
    if kind is None or isinstance(kind, str):
        return kind
    names = tuple(sorted(as_names(kind, name=name)))
    if not names:
        raise ParameterError(
            message(
                f"{name} is an empty list", "at least one kind, or None for all of them, was expected", f"{name}=None"
            )
        )
    return names[0] if len(names) == 1 else names


def kind_names(kind: Kind) -> tuple[str, ...]:
    """Return the names of a choice of kinds; none for "all kinds".

    Parameters
    ----------
    kind : str, sequence of str or None
        A choice of kinds.

    Returns
    -------
    tuple of str
        Their names.

    Examples
    --------
    >>> kind_names("order"), kind_names(None)
    (('order',), ())
    """
    return (kind,) if isinstance(kind, str) else tuple(kind or ())


def kind_text(kind: Kind) -> str:
    """Return the first part of a feature's name.

    Parameters
    ----------
    kind : str, sequence of str or None
        A choice of kinds.

    Returns
    -------
    str
        ``"any"`` for all kinds, else the names joined by a plus.

    Examples
    --------
    >>> kind_text(None), kind_text(("order", "visit"))
    ('any', 'order+visit')
    """
    return "any" if kind is None else "+".join(kind_names(kind))


@dataclass(frozen=True, slots=True)
class Source:
    """Events of some kinds, thinned to what counts once.

    Events of one instant (the lines of one order) can count once as an *occasion*, and
    those of one local day once as an *active day*. An occasion or a day stands at its
    first event: it belongs to the window in which it began, so that adjacent windows
    add up.

    Parameters
    ----------
    kind : str, tuple of str or None, default=None
        Kinds of events; None means all.
    per : {"event", "occasion", "day"}, default="event"
        What counts once.

    Examples
    --------
    >>> Source("order", "day").text
    'order/day'
    """

    kind: Kind = None
    per: Per = "event"

    @property
    def text(self) -> str:
        """How the source is written in the name of a raw column."""
        return kind_text(self.kind) + ("" if self.per == "event" else f"/{self.per}")


EVERY_EVENT = Source()
"""All events, each of which counts."""
