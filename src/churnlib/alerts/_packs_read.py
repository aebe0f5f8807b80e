"""Packs as they stand in files: read, joined with the parts they include, and put into the names of a log.

A file names the columns that its rules read, and says of what each is made in *roles*: the event "activity", the
attribute "balance". Only here roles become kinds and attributes of a log, and names become columns, so that the same
text serves every log, whatever its events are called.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, cast

from churnlib._checks import as_names
from churnlib.alerts._because import Place, parts_of
from churnlib.alerts._rule import Rule
from churnlib.exceptions import ParameterError, ParameterTypeError, message, nearest, some
from churnlib.expressions import Expression
from churnlib.expressions._nodes import Name, Node, written
from churnlib.features._feature import Feature
from churnlib.features._spec import _feature

__all__ = [
    "HOLIDAYS", "PACKS", "Built", "Need", "Texts", "as_mapping", "built", "in_columns", "named_roles", "pack_text",
]  # fmt: skip

PACKS = ("banking", "retail", "saas", "telecom")
"""The packs there are."""

HOLIDAYS = "holidays"
"""The calendar whose days are taken out of silences."""

_LOSS = "lost"
"""Stands in `inhibited_by` for every rule of the pack that sees the loss itself."""

_MARKS = frozenset("{}:!")

_TABLES = ("event", "attribute", "feed", "feature")

Texts = tuple[tuple[str, str], ...]
"""Texts by language."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a pack needs of a log: a kind of event, or an attribute, under the name the log has for it.

    Attributes
    ----------
    role : str
        Its name in the pack, such as "activity".
    sort : {"event", "attribute"}
        What plays it.
    names : tuple of str
        The kinds of events, or the attribute.
    means : tuple of (language, text)
        What it is, in English ("en") and Chinese ("zh").

    Examples
    --------
    >>> from churnlib import alerts
    >>> alerts.pack("telecom").needs[0].names, dict(alerts.pack("telecom").needs[0].means)["en"]
    (('usage',), 'a call, a message or a data session of the customer')
    """

    role: str
    sort: str
    names: tuple[str, ...]
    means: Texts


@dataclass(frozen=True, slots=True)
class Built:
    """A pack in the names of a log.

    Attributes
    ----------
    rules : tuple of Rule
        The rules.
    features : tuple of Feature
        The features of the columns they read.
    says : mapping of str to (texts, length or None)
        For each rule its condition in words, and how far ahead it is meant to warn.
    feeds : mapping of str to str
        For each feed that a rule depends on, how old its last event may be.
    """

    rules: tuple[Rule, ...]
    features: tuple[Feature, ...]
    says: dict[str, tuple[Texts, str | None]]
    feeds: dict[str, str]


@cache
def _file(name: str) -> str:
    return files("churnlib.alerts").joinpath("packs", *f"{name}.toml".split("/")).read_text(encoding="utf-8")


def pack_text(name: str) -> dict[str, Any]:
    """Read a pack, the parts it includes among its tables.

    Parameters
    ----------
    name : str
        One of `PACKS`.

    Returns
    -------
    dict
        Tables "event", "attribute", "feed" and "feature", and the list "rule".

    Raises
    ------
    ParameterError
        When there is no such pack.

    Examples
    --------
    >>> pack_text("telecom")["event"]["activity"]["kind"]
    'usage'
    """
    if name not in PACKS:
        raise ParameterError(
            message(f"there is no pack {name!r} ({nearest(name, PACKS)})", f"packs are {some(PACKS)}", "pack('retail')")
        )
    own = tomllib.loads(_file(name))
    texts = [own, *(tomllib.loads(_file(f"parts/{part}")) for part in own["include"])]
    joined: dict[str, Any] = {table: {} for table in _TABLES}
    for text in texts:
        for table in _TABLES:
            joined[table] |= text.get(table, {})
    return joined | {"rule": [rule for text in texts for rule in text["rule"]]}


def named_roles(
    text: Mapping[str, Any], events: Mapping[str, Any] | None, attributes: Mapping[str, str] | None
) -> dict[str, Need]:
    """Put the roles of a pack into the names of a log.

    Parameters
    ----------
    text : mapping
        The pack.
    events : mapping of str to str or sequence of str, or None
        Kinds of the log by role, where they differ from those of the pack.
    attributes : mapping of str to str, or None
        Attributes of the log by role, where they differ.

    Returns
    -------
    dict of str to Need
        By role.

    Raises
    ------
    ParameterError
        When a role is unknown, or a list of kinds is empty.
    ParameterTypeError
        When a name is no text.

    Examples
    --------
    >>> named_roles(pack_text("retail"), {"order": ["sale", "web_sale"]}, None)["order"].names
    ('sale', 'web_sale')
    """
    found = {}
    for sort, given, entry in (("event", events, "kind"), ("attribute", attributes, "name")):
        roles = text[sort]
        example = f"{sort}s={{{next(iter(roles))!r}: 'its name in your log'}}"
        own = as_mapping(given, name=f"{sort}s", holds="names of the log by role", fix=example)
        strange = [role for role in own if role not in roles]
        if strange:
            hint = nearest(strange[0], list(roles))
            raise ParameterError(
                message(
                    f"{sort}s names {strange[0]!r}, which is no {sort} of the pack ({hint})",
                    f"its {sort}s are {some(list(roles), 20)}",
                    "pack('retail').needs says what each of them is",
                )
            )
        for role, stated in roles.items():
            names = as_names(own.get(role, stated[entry]), name=f"{sort}s[{role!r}]")
            if not names or (sort == "attribute" and len(names) > 1):
                raise ParameterError(
                    message(
                        f"{sort}s[{role!r}] names {len(names)} {sort}s",
                        "one attribute" if sort == "attribute" else "one kind of events, or several",
                        f"{sort}s={{{role!r}: {stated[entry]!r}}}",
                    )
                )
            means = tuple((language, stated[language]) for language in ("en", "zh"))
            found[role] = Need(role, sort, tuple(sorted(set(names))), means)
    return found


def as_mapping(given: Any, *, name: str, holds: str, fix: str) -> dict[Any, Any]:
    """Return an argument that is a mapping, or nothing, as a dict.

    Parameters
    ----------
    given : mapping or None
        The argument.
    name : str
        Its name.
    holds : str
        What it maps, in words.
    fix : str
        An example of it.

    Returns
    -------
    dict
        Empty for None.

    Raises
    ------
    ParameterTypeError
        When it is something else.

    Examples
    --------
    >>> as_mapping(None, name="sources", holds="ages by feed", fix="sources={'activity': '2d'}")
    {}
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ParameterTypeError(message(f"{name} is {given!r}", f"{holds} were expected", fix))
    return dict(given)


def built(text: Mapping[str, Any], roles: Mapping[str, Need]) -> Built:
    """Make the rules of a pack, and the features they read, in the names of a log.

    Parameters
    ----------
    text : mapping
        The pack.
    roles : mapping of str to Need
        Its roles in the names of the log.

    Returns
    -------
    Built
        Rules, features, and what is said of them.

    Raises
    ------
    ParameterError
        When two roles that a feature tells apart have a kind in common.

    Examples
    --------
    >>> text = pack_text("retail")
    >>> rules = built(text, named_roles(text, {"activity": "order"}, None)).rules
    >>> [rule.when.text for rule in rules if rule.id == "silent-30-days"]
    ['order.recency >= 30d']
    """
    features = {column: _made(entry, roles) for column, entry in text["feature"].items()}
    columns = {column: feature.name for column, feature in features.items()}
    lost = [entry["id"] for entry in text["rule"] if entry.get("is_loss")]
    rules, says = [], {}
    for entry in text["rule"]:
        fields = dict(entry)
        says[entry["id"]] = (tuple(sorted(fields.pop("says").items())), fields.pop("ahead", None))
        rules.append(_rule(fields, columns, lost))
    needed = {source for rule in rules for source in rule.sources}
    feeds = {feed: age for feed, age in text["feed"].items() if feed in needed}
    unique = {feature.name: feature for feature in features.values()}
    return Built(tuple(rules), tuple(unique.values()), says, feeds)


def _made(entry: Mapping[str, Any], roles: Mapping[str, Need]) -> Feature:
    fields = dict(entry)
    if "attribute" in fields:
        (fields["attribute"],) = roles[fields["attribute"]].names
        return _feature(fields)
    if "over" in fields:
        _check_apart(fields["kind"], fields["over"], roles)
    for field in ("kind", "over"):
        if field in fields:
            kinds = {name for role in as_names(fields[field], name=field) for name in roles[role].names}
            fields[field] = tuple(sorted(kinds))
    return _feature(fields)


def _check_apart(begins: str, over: Iterable[str], roles: Mapping[str, Need]) -> None:
    for ends in over:
        both = [] if ends == begins else sorted({*roles[begins].names} & {*roles[ends].names})
        if both:
            raise ParameterError(
                message(
                    f"the kind {both[0]!r} is both {begins!r} and {ends!r}",
                    "the one ends what the other begins, so they are different kinds",
                    f"events={{{begins!r}: ..., {ends!r}: ...}} with a kind of its own for each",
                )
            )


def _rule(fields: dict[str, Any], columns: Mapping[str, str], lost: list[str]) -> Rule:
    for condition in ("when", "clear"):
        if condition in fields:
            fields[condition] = in_columns(fields[condition], columns)
    if "because" in fields:
        fields["because"] = {language: _text(said, columns) for language, said in fields["because"].items()}
    if "season" in fields:
        fields["season"] = {columns[column]: calendar for column, calendar in fields["season"].items()}
    if _LOSS in fields.get("inhibited_by", ()):
        fields["inhibited_by"] = [name for name in fields["inhibited_by"] if name != _LOSS] + lost
    return Rule.from_dict(fields)


def in_columns(condition: str, columns: Mapping[str, str]) -> Expression:
    """Read a condition, and put columns where it has names.

    Parameters
    ----------
    condition : str
        In the names of a pack.
    columns : mapping of str to str
        Columns by name.

    Returns
    -------
    Expression
        Over columns.

    Examples
    --------
    >>> in_columns("silent >= 30d", {"silent": "visit.recency"}).text
    'visit.recency >= 30d'
    """
    return Expression(written(_with(Expression(condition).tree, columns.__getitem__)))


def _with(node: Node, column: Callable[[str], str]) -> Node:
    if isinstance(node, Name):
        return Name(column(node.name))
    values = {field.name: getattr(node, field.name) for field in dataclasses.fields(node)}
    return type(node)(**{name: _within(value, column) for name, value in values.items()})


def _within(value: Any, column: Callable[[str], str]) -> Any:
    if isinstance(value, tuple):
        return tuple(_with(one, column) for one in value)
    return _with(cast("Node", value), column) if dataclasses.is_dataclass(value) else value


def _text(said: str, columns: Mapping[str, str]) -> str:
    return "".join(_part(part, columns) for part in parts_of(said))


def _part(part: str | Place, columns: Mapping[str, str]) -> str:
    if isinstance(part, str):
        return part.replace("{", "{{").replace("}", "}}")
    column = columns[part.name]
    if set(column) & _MARKS or column != column.strip():
        return "…"  # a kind of this name is a column, and none that a place could name
    return "{" + column + (f":{part.spec}" if part.spec else "") + "}"
