"""A tag: a name for customers who meet a condition, and who decided when that it may be used."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from churnlib._checks import check_choice
from churnlib.exceptions import ChurnlibError, ParameterError, ParameterTypeError, message, nearest, some
from churnlib.expressions import Expression

__all__ = ["Decision", "Tag"]

_DECIDED = ("approved", "retired")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What somebody decided about a tag.

    Parameters
    ----------
    state : {"approved", "retired"}
        What was decided.
    by : str
        Who decided.
    on : date, or str such as "2026-03-01"
        When.
    when : str
        The condition that was decided upon. An approval holds for this condition and no other.

    Raises
    ------
    ParameterError
        When nobody is named, or the date cannot be read.
    ParameterTypeError
        When `by` is no text, or `on` no date.

    Examples
    --------
    >>> Decision(state="approved", by="Ann", on="2026-03-01", when="n_orders == 1").on
    datetime.date(2026, 3, 1)
    """

    state: str
    by: str
    on: dt.date
    when: str

    def __post_init__(self) -> None:
        check_choice(self.state, _DECIDED, name="state")
        _check_text(self.by, "by", empty=False)
        _check_text(self.when, "when", empty=False)
        object.__setattr__(self, "on", _date(self.on))

    def to_dict(self) -> dict[str, str]:
        """Return the decision as plain values, for JSON.

        Returns
        -------
        dict of str to str
            The date in ISO form.

        Examples
        --------
        >>> Decision(state="approved", by="Ann", on="2026-03-01", when="n == 1").to_dict()["on"]
        '2026-03-01'
        """
        return {"state": self.state, "by": self.by, "on": self.on.isoformat(), "when": self.when}


@dataclass(frozen=True, slots=True, init=False)
class Tag:
    """A name for the customers who meet a condition.

    A tag begins as "proposed". People approve it before it is used, and retire it when it has
    served; each decision says who and when, and an approval holds for the condition that was
    approved: a tag whose condition was changed since is "proposed" again.

    Parameters
    ----------
    name : str
        What the customers are called, such as "bought once".
    when : str or Expression
        Who they are, in the language of `churnlib.expressions.Expression`.
    text : str, default=""
        What the tag means, for the people who approve and use it.
    owner : str, default=""
        Who answers for it.
    decisions : sequence of Decision, default=()
        What was decided so far, oldest first.

    Raises
    ------
    ParameterError
        When the name is empty, the condition cannot be read, or the decisions are not in order.
    ParameterTypeError
        When an argument is of a wrong type.

    Examples
    --------
    >>> tag = Tag("bought once", "n_orders == 1", text="One order ever.", owner="crm")
    >>> tag.state
    'proposed'
    >>> tag = tag.approve(by="Ann", on="2026-03-01")
    >>> tag.state, tag.decisions[-1].by
    ('approved', 'Ann')

    >>> from dataclasses import replace
    >>> replace(tag, when="n_orders <= 1").state
    'proposed'
    """

    name: str
    when: Expression
    text: str
    owner: str
    decisions: tuple[Decision, ...]

    def __init__(
        self,
        name: str,
        when: str | Expression,
        *,
        text: str = "",
        owner: str = "",
        decisions: Any = (),
    ) -> None:
        _check_text(name, "name", empty=False)
        _check_text(text, "text")
        _check_text(owner, "owner")
        values = {"name": name, "when": _condition(when, name), "text": text, "owner": owner}
        for argument, value in {**values, "decisions": _decisions(decisions, name)}.items():
            object.__setattr__(self, argument, value)

    @property
    def state(self) -> str:
        """One of "proposed", "approved" and "retired".

        Examples
        --------
        >>> Tag("one", "n == 1").approve(by="Ann", on="2026-03-01").retire(by="Bo", on="2026-04-01").state
        'retired'
        """
        if not self.decisions:
            return "proposed"
        last = self.decisions[-1]
        changed = last.state == "approved" and last.when != self.when.text
        return "proposed" if changed else last.state

    def approve(self, *, by: str, on: dt.date | str) -> Tag:
        """Return the tag, approved as it stands.

        Parameters
        ----------
        by : str
            Who approves.
        on : date, or str such as "2026-03-01"
            When.

        Returns
        -------
        Tag
            The same with one decision more.

        Examples
        --------
        >>> Tag("one", "n == 1").approve(by="Ann", on="2026-03-01").state
        'approved'
        """
        return self._decided("approved", by, on)

    def retire(self, *, by: str, on: dt.date | str) -> Tag:
        """Return the tag, out of use and kept for the record.

        Parameters
        ----------
        by : str
            Who retires it.
        on : date, or str such as "2026-03-01"
            When.

        Returns
        -------
        Tag
            The same with one decision more.

        Examples
        --------
        >>> Tag("one", "n == 1").retire(by="Ann", on="2026-03-01").state
        'retired'
        """
        return self._decided("retired", by, on)

    def _decided(self, state: str, by: str, on: dt.date | str) -> Tag:
        decision = Decision(state=state, by=by, on=_date(on), when=self.when.text)
        return replace(self, decisions=(*self.decisions, decision))

    def to_dict(self) -> dict[str, Any]:
        """Return the tag as plain values, for JSON.

        Returns
        -------
        dict
            name, when, text, owner and decisions.

        Examples
        --------
        >>> Tag("one", "n==1").to_dict()["when"]
        'n == 1'
        """
        decisions = [decision.to_dict() for decision in self.decisions]
        return {
            "name": self.name, "when": self.when.text, "text": self.text, "owner": self.owner, "decisions": decisions,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Tag:
        """Make a tag from what `to_dict` returned.

        Parameters
        ----------
        values : mapping
            name and when, and what else there is.

        Returns
        -------
        Tag
            Equal to the one that was written.

        Raises
        ------
        ParameterError
            When an entry is missing or unknown.

        Examples
        --------
        >>> Tag.from_dict(Tag("one", "n == 1").to_dict()) == Tag("one", "n == 1")
        True
        """
        entries = _entries(values, ("name", "when"), ("text", "owner", "decisions"), what="a tag")
        listed = entries.pop("decisions", ())
        names = ("state", "by", "on", "when")
        if not isinstance(listed, list | tuple):
            raise ParameterTypeError(message(f"decisions is {listed!r}", "a list was expected", "'decisions': []"))
        decisions = [Decision(**_entries(entry, names, (), what="a decision")) for entry in listed]
        return cls(entries.pop("name"), entries.pop("when"), decisions=decisions, **entries)


def _entries(values: Any, needed: tuple[str, ...], allowed: tuple[str, ...], *, what: str) -> dict[str, Any]:
    if not isinstance(values, Mapping):
        raise ParameterTypeError(message(f"{what} is {values!r}", "names with values were expected", "tag.to_dict()"))
    names = (*needed, *allowed)
    lacking = [name for name in needed if name not in values]
    strange = [name for name in values if name not in names]
    if lacking or strange:
        wrong = f"{what} has no {some(lacking)}" if lacking else f"{what} has an entry {strange[0]!r}"
        hint = "" if lacking else f" ({nearest(strange[0], names)})"
        raise ParameterError(message(f"{wrong}{hint}", f"{what} has {some(names, 12)}", "tag.to_dict()"))
    return dict(values)


def _condition(when: str | Expression, name: str) -> Expression:
    if isinstance(when, Expression):
        return when
    try:
        return Expression(when)
    except ChurnlibError as error:
        raise type(error)(f"tag {name!r}: {error}") from None


def _decisions(decisions: Any, name: str) -> tuple[Decision, ...]:
    listed = tuple(decisions) if isinstance(decisions, list | tuple) else (decisions,)
    wrong = [decision for decision in listed if not isinstance(decision, Decision)]
    if wrong:
        raise ParameterTypeError(
            message(
                f"tag {name!r} has {some(wrong)} among its decisions",
                "decisions are made by approve and retire",
                "tag.approve(by='Ann', on='2026-03-01')",
            )
        )
    for before, after in itertools.pairwise(listed):
        if after.on < before.on:
            raise ParameterError(
                message(
                    f"tag {name!r} was {after.state} on {after.on} and {before.state} before that, on {before.on}",
                    "decisions are listed oldest first, and a new one is not older than the last",
                    f"on='{before.on}' or later",
                )
            )
    return listed


def _check_text(value: object, name: str, *, empty: bool = True) -> None:
    if not isinstance(value, str):
        raise ParameterTypeError(
            message(f"{name} is {value!r}, a {type(value).__name__}", "a text was expected", f"{name}='...'")
        )
    if not empty and not value.strip():
        raise ParameterError(message(f"{name} is empty", "a text was expected", f"{name}='...'"))


def _date(value: object) -> dt.date:
    if isinstance(value, dt.datetime) and value == value:  # noqa: PLR0124 - NaT, which is no date, differs from itself
        return value.date()
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    if not isinstance(value, str):
        raise ParameterTypeError(
            message(f"on is {value!r}, a {type(value).__name__}", "a date was expected", "on='2026-03-01'")
        )
    try:
        return dt.date.fromisoformat(value)
    except ValueError:
        raise ParameterError(
            message(f"on={value!r} is no date", "year-month-day was expected", "on='2026-03-01'")
        ) from None
