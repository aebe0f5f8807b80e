"""The catalogue of reasons: which columns speak of which reason, in words for people."""

from __future__ import annotations

import fnmatch
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import pandas as pd

from churnlib._checks import check_choice
from churnlib._version import __version__
from churnlib.exceptions import (
    DuplicateError,
    ParameterError,
    ParameterTypeError,
    VersionError,
    message,
    nearest,
    some,
)
from churnlib.reasons._reason import LANGUAGES, Reason, checked_text
from churnlib.reasons._standard import OTHER, STANDARD_PATTERNS, STANDARD_REASONS, THEMES

__all__ = ["ReasonCatalog"]

_SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, init=False, repr=False)
class ReasonCatalog:
    """Reasons to leave, and which columns of X speak of them.

    ``ReasonCatalog()`` is the catalogue that churnlib ships: some thirty reasons in nine themes, with
    patterns for the names of churnlib's own features. A column that nothing maps goes to the theme
    "other"; it is never dropped, and `coverage` says which columns these are.

    Parameters
    ----------
    columns : mapping of str to Reason or str, default=None
        Name of a column to its reason, or to the code of one. A name given here comes before any pattern.
    patterns : mapping of str to Reason or str, default=None
        Shell patterns such as ``"*ticket*"``, tried in their order on the name in lower case with
        blanks as underscores, before those of the standard catalogue.
    reasons : sequence of Reason, default=None
        The reasons there are, in the order that decides between equal contributions. None is the
        standard catalogue; a sequence replaces it, its patterns too.
    themes : mapping of str to mapping, default=None
        Texts of themes by language, such as ``{"price": {"en": "Price", "zh": "价格"}}``; a theme
        without one is called by its name.

    Raises
    ------
    ParameterError
        When a column or a pattern names a code that does not exist.
    DuplicateError
        When two different reasons have one code.
    ParameterTypeError
        When an argument is of a wrong type.

    Examples
    --------
    >>> catalog = ReasonCatalog({"MonthlyCharges": "PRC01", "Techie": "PRF01"})
    >>> catalog.reason_of("MonthlyCharges").text["zh"]
    '价格太高'
    >>> catalog.reason_of("ticket.count.90d").code, catalog.reason_of("mystery").theme
    ('SRV02', 'other')

    Where the firm rules that nothing can be done about competitors:

    >>> strict = catalog.revise("CMP01", controllable="uncontrollable")
    >>> strict["CMP01"].is_lever
    False
    """

    columns: Mapping[str, str]
    patterns: tuple[tuple[str, str], ...]
    reasons: tuple[Reason, ...]
    theme_texts: Mapping[str, Mapping[str, str]]

    def __init__(
        self,
        columns: Mapping[str, Reason | str] | None = None,
        *,
        patterns: Mapping[str, Reason | str] | None = None,
        reasons: Sequence[Reason] | None = None,
        themes: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        named, matched = _mapping(columns, "columns"), _mapping(patterns, "patterns")
        listed = _listed(STANDARD_REASONS if reasons is None else reasons, [*named.values(), *matched.values()])
        known = {reason.code for reason in listed}
        own = tuple((name.lower(), _code(value, known, f"pattern {name!r}")) for name, value in matched.items())
        texts = {**(THEMES if reasons is None else {"other": THEMES["other"]}), **_mapping(themes, "themes")}
        values = {
            "columns": MappingProxyType(
                {str(name): _code(value, known, f"column {name!r}") for name, value in named.items()}
            ),
            "patterns": own + (STANDARD_PATTERNS if reasons is None else ()),
            "reasons": listed,
            "theme_texts": MappingProxyType(
                {name: checked_text(text, f"theme {name!r}") for name, text in texts.items()}
            ),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    # -- what is in it ---------------------------------------------------------------------

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of all reasons, in their fixed order."""
        return tuple(reason.code for reason in self.reasons)

    @property
    def themes(self) -> tuple[str, ...]:
        """Themes of all reasons, in their fixed order, "other" last."""
        found = dict.fromkeys(reason.theme for reason in self.reasons)
        found.pop(OTHER.theme, None)
        return (*found, OTHER.theme)

    def __getitem__(self, code: str) -> Reason:
        """Return the reason with a code; an unknown one is a ParameterError."""
        for reason in self.reasons:
            if reason.code == code:
                return reason
        raise ParameterError(
            message(
                f"the catalogue has no code {code!r} ({nearest(code, self.codes)})",
                f"it has {len(self.codes)} codes",
                "catalog.codes",
            )
        )

    def __contains__(self, code: object) -> bool:
        return any(reason.code == code for reason in self.reasons)

    def __len__(self) -> int:
        return len(self.reasons)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ReasonCatalog) and self._body() == other._body()

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return (
            f"ReasonCatalog({len(self.reasons)} reasons in {len(self.themes)} themes, "
            f"{len(self.columns)} columns by name, {len(self.patterns)} patterns)"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return (ReasonCatalog.from_dict, (self.to_dict(),))

    def theme_text(self, theme: str, language: str = "en") -> str:
        """Return what a theme is called.

        Parameters
        ----------
        theme : str
            The theme.
        language : {"en", "zh"}, default="en"
            In which language.

        Returns
        -------
        str
            Its text, or its name where the catalogue has none.

        Examples
        --------
        >>> ReasonCatalog().theme_text("price", "zh")
        '价格'
        """
        check_choice(language, LANGUAGES, name="language")
        text = self.theme_texts.get(theme, {})
        return text.get(language, next(iter(text.values()), theme))

    def table(self, language: str = "en") -> pd.DataFrame:
        """Return the reasons as a table for people.

        Parameters
        ----------
        language : {"en", "zh"}, default="en"
            In which language.

        Returns
        -------
        DataFrame of shape (n_reasons, 5)
            Indexed by code: theme, text, controllable, origin and nature.

        Examples
        --------
        >>> ReasonCatalog().table("zh").loc["INV01", "text"]
        '扣款失败'
        """
        rows = [
            (reason.theme, reason.text_in(language), reason.controllable, reason.origin, reason.nature)
            for reason in self.reasons
        ]
        index = pd.Index(self.codes, name="code", dtype=object)
        return pd.DataFrame(rows, index=index, columns=["theme", "text", "controllable", "origin", "nature"])

    # -- columns to reasons ----------------------------------------------------------------

    def reason_of(self, column: object) -> Reason:
        """Return the reason that a column speaks of.

        Parameters
        ----------
        column : str
            Its name.

        Returns
        -------
        Reason
            By name, else by the first pattern that fits, else "OTH00" of the theme "other".

        Examples
        --------
        >>> ReasonCatalog().reason_of("Tenure Months").code
        'LIF02'
        """
        code, _ = self._found(str(column))
        return self[OTHER.code if code is None else code]

    def coverage(self, columns: Iterable[object], weight: Any = None) -> pd.DataFrame:
        """Say how each column is mapped, so that what goes to "other" is seen.

        Parameters
        ----------
        columns : iterable of str
            The columns of X.
        weight : array-like of shape (n_columns,), default=None
            How much each weighs, such as its mean absolute contribution; None counts columns.

        Returns
        -------
        DataFrame of shape (n_columns, 5)
            Indexed by column: code, theme, controllable, mapped_by (the word "name", the pattern, or
            missing) and share (of the weight; the shares sum to 1).

        Raises
        ------
        ParameterError
            When the weights are not one for each column, or negative.

        Examples
        --------
        >>> found = ReasonCatalog({"MonthlyCharges": "PRC01"}).coverage(["MonthlyCharges", "any.tenure", "x7"])
        >>> found["mapped_by"].tolist()
        ['name', '*tenure*', None]
        >>> round(float(found.loc[found["mapped_by"].notna(), "share"].sum()), 2)
        0.67
        """
        names = [str(column) for column in columns]
        heavy = pd.Series(1.0, index=range(len(names))) if weight is None else pd.Series(list(weight), dtype="float64")
        if len(heavy) != len(names) or not (heavy >= 0).all():
            raise ParameterError(
                message(
                    f"weight has {len(heavy)} values for {len(names)} columns, or one that is negative or missing",
                    "a weight of at least 0 for each column",
                    "catalog.coverage(X.columns, contributions.abs().mean())",
                )
            )
        rows = []
        for name in names:
            code, how = self._found(name)
            reason = self[OTHER.code if code is None else code]
            rows.append((reason.code, reason.theme, reason.controllable, how))
        frame = pd.DataFrame(
            rows,
            index=pd.Index(names, name="column", dtype=object),
            columns=["code", "theme", "controllable", "mapped_by"],
            dtype=object,
        )
        total = float(heavy.sum())
        frame["share"] = (heavy / total if total > 0 else heavy).to_numpy()
        return frame

    def _found(self, column: str) -> tuple[str | None, str | None]:
        """Return the code of a column and what mapped it."""
        if column in self.columns:
            return self.columns[column], "name"
        name = "_".join(column.lower().split())
        for pattern, code in self.patterns:
            if fnmatch.fnmatchcase(name, pattern):
                return code, pattern
        return None, None

    # -- other catalogues from this one ----------------------------------------------------

    def revise(self, code: str, **changes: Any) -> ReasonCatalog:
        """Return the catalogue with one reason changed.

        Parameters
        ----------
        code : str
            Which reason.
        **changes
            Fields of `Reason`, such as ``controllable="uncontrollable"``; the code itself stays.

        Returns
        -------
        ReasonCatalog
            A new one.

        Raises
        ------
        ParameterError
            When there is no such reason or no such field.

        Examples
        --------
        >>> ReasonCatalog().revise("PRC01", text={"en": "Too dear"})["PRC01"].text["en"]
        'Too dear'
        """
        wrong = [name for name in changes if name not in ("theme", "controllable", "origin", "nature", "text")]
        if wrong:
            raise ParameterError(
                message(
                    f"{wrong[0]!r} cannot be revised",
                    nearest(wrong[0], ("theme", "controllable", "origin", "nature", "text")),
                    f"catalog.revise({code!r}, controllable='mixed')",
                )
            )
        new = replace(self[code], **changes)
        return self._with(reasons=tuple(new if reason.code == code else reason for reason in self.reasons))

    def _with(self, **changes: Any) -> ReasonCatalog:
        made = object.__new__(ReasonCatalog)
        for name in ("columns", "patterns", "reasons", "theme_texts"):
            object.__setattr__(made, name, changes.get(name, getattr(self, name)))
        return made

    # -- to files and back -----------------------------------------------------------------

    @property
    def digest(self) -> str:
        """SHA-256 of the content."""
        text = json.dumps(self._body(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def _body(self) -> dict[str, Any]:
        return {
            "columns": dict(self.columns),
            "patterns": [list(pair) for pair in self.patterns],
            "reasons": [reason.to_dict() for reason in self.reasons],
            "themes": {name: dict(text) for name, text in self.theme_texts.items()},
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the catalogue as plain values, for JSON.

        Returns
        -------
        dict
            With schema_version, the version of churnlib, and a digest of the content.

        Examples
        --------
        >>> import json
        >>> catalog = ReasonCatalog({"fee": "PRC03"})
        >>> ReasonCatalog.from_dict(json.loads(json.dumps(catalog.to_dict()))) == catalog
        True
        """
        return {
            "schema_version": _SCHEMA_VERSION,
            "churnlib": __version__,
            "digest": self.digest,
            **self._body(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ReasonCatalog:
        """Make a catalogue from what `to_dict` returned.

        Parameters
        ----------
        values : mapping
            As written.

        Returns
        -------
        ReasonCatalog
            Equal to the one that was written.

        Raises
        ------
        VersionError
            When another schema wrote it, or it was changed after it was written.
        ParameterError
            When an entry is missing.
        ParameterTypeError
            When it is no mapping.

        Examples
        --------
        >>> changed = ReasonCatalog().to_dict() | {"columns": {"fee": "PRC03"}}
        >>> ReasonCatalog.from_dict(changed)
        Traceback (most recent call last):
            ...
        churnlib.exceptions.VersionError: the digest of the catalogue is ...
        """
        if not isinstance(values, Mapping):
            raise ParameterTypeError(
                message(
                    f"the catalogue is a {type(values).__name__}",
                    "what to_dict returned was expected",
                    "ReasonCatalog.from_dict(json.loads(text))",
                )
            )
        if values.get("schema_version") != _SCHEMA_VERSION:
            raise VersionError(
                message(
                    f"the catalogue has schema version {values.get('schema_version')!r}",
                    f"schema version {_SCHEMA_VERSION} was expected",
                    "read it with the release of churnlib that wrote it",
                )
            )
        lacking = [name for name in ("digest", "columns", "patterns", "reasons", "themes") if name not in values]
        if lacking:
            raise ParameterError(
                message(f"the catalogue has no {some(lacking)}", "what to_dict returned", "catalog.to_dict()")
            )
        reasons = tuple(Reason.from_dict(entry) for entry in values["reasons"])
        made = cls(values["columns"], reasons=reasons, themes=values["themes"])
        known = set(made.codes)
        patterns = tuple((str(name), _code(code, known, f"pattern {name!r}")) for name, code in values["patterns"])
        made = made._with(patterns=patterns)
        if made.digest != values["digest"]:
            raise VersionError(
                message(
                    f"the digest of the catalogue is {made.digest[:12]}… and it says {str(values['digest'])[:12]}…",
                    "it was changed after it was written",
                    "change it in Python (catalog.revise(...)) and write it with to_dict()",
                )
            )
        return made


def _mapping(value: Any, name: str) -> dict[Any, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ParameterTypeError(
            message(f"{name} is a {type(value).__name__}", "names with their reasons were expected", f"{name}={{...}}")
        )
    return dict(value)


def _listed(reasons: Any, mapped: Iterable[Any]) -> tuple[Reason, ...]:
    """Put the reasons given, and those that only columns name, into one list with "other" in it."""
    wrong = [repr(reason)[:40] for reason in reasons if not isinstance(reason, Reason)]
    if wrong:
        raise ParameterTypeError(
            message(
                f"{len(wrong)} of {len(reasons)} reasons are none ({some(wrong)})",
                "each is a Reason",
                "ReasonCatalog(reasons=[Reason(code='PRC01', theme='price', text={'en': 'Price too high'})])",
            )
        )
    found: dict[str, Reason] = {}
    own = [reason for reason in mapped if isinstance(reason, Reason)]
    for reason in [*reasons, *own, OTHER]:
        if reason.code in found and reason not in (found[reason.code], OTHER):
            raise DuplicateError(
                message(
                    f"two reasons have the code {reason.code!r} ({found[reason.code].theme} and {reason.theme})",
                    "a code stands for one reason",
                    f"catalog.revise({reason.code!r}, ...) to change the one there is",
                )
            )
        found.setdefault(reason.code, reason)
    return tuple(found.values())


def _code(value: Any, known: set[str], of: str) -> str:
    code = value.code if isinstance(value, Reason) else value
    if isinstance(code, str) and code in known:
        return code
    raise ParameterError(
        message(
            f"{of} is mapped to {code!r}, which is no code ({nearest(code, sorted(known))})",
            "a Reason or the code of one was expected",
            "ReasonCatalog().codes lists the standard ones",
        )
    )
