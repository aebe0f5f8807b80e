"""One reason to leave: its theme, its code, and whether anybody can do something about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from churnlib._checks import check_choice
from churnlib.exceptions import ParameterError, ParameterTypeError, message, nearest, some

__all__ = ["CONTROLLABLE", "LANGUAGES", "NATURES", "NO_DOMINANT_REASON", "ORIGINS", "Reason", "checked_text"]

CONTROLLABLE = ("controllable", "uncontrollable", "mixed")
ORIGINS = ("internal", "external")
NATURES = ("subjective", "objective")
LANGUAGES = ("en", "zh")

NO_DOMINANT_REASON = "NO_DOMINANT_REASON"
"""The code of a customer whom nothing sets apart by more than noise."""

_FIELDS = ("code", "theme", "controllable", "origin", "nature", "text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A reason to leave.

    Parameters
    ----------
    code : str
        The short name that lists, tables and later periods use, such as "PRC01".
    theme : str
        What it is about, such as "price"; contributions are summed to themes.
    controllable : {"controllable", "uncontrollable", "mixed"}, default="mixed"
        Whether the firm can do something about it. An uncontrollable reason explains, and is
        never named as a lever.
    origin : {"internal", "external"}, default="internal"
        Whether it lies inside the firm's offer and service, or outside.
    nature : {"subjective", "objective"}, default="objective"
        Whether it is what a customer feels, or what can be counted.
    text : mapping of str to str
        What people read, by language: "en", "zh", or both.

    Raises
    ------
    ParameterError
        When a word is not a choice, the code or the theme is empty, or there is no text.
    ParameterTypeError
        When the code, the theme or a text is no text.

    Examples
    --------
    >>> reason = Reason(
    ...     code="PRC01",
    ...     theme="price",
    ...     controllable="controllable",
    ...     nature="subjective",
    ...     text={"en": "Price too high", "zh": "价格太高"},
    ... )
    >>> reason.text_in("zh"), reason.is_lever
    ('价格太高', True)
    """

    code: str
    theme: str
    text: Mapping[str, str]
    controllable: str = "mixed"
    origin: str = "internal"
    nature: str = "objective"

    def __post_init__(self) -> None:
        for name in ("code", "theme"):
            _check_name(getattr(self, name), name)
        if self.code == NO_DOMINANT_REASON:
            raise ParameterError(
                message(
                    f"code={self.code!r} is taken", "it stands for a customer without a dominant reason", "code='X01'"
                )
            )
        check_choice(self.controllable, CONTROLLABLE, name="controllable")
        check_choice(self.origin, ORIGINS, name="origin")
        check_choice(self.nature, NATURES, name="nature")
        object.__setattr__(self, "text", checked_text(self.text, f"reason {self.code!r}"))

    @property
    def is_lever(self) -> bool:
        """Whether somebody in the firm can do something about it, at least in part."""
        return self.controllable != "uncontrollable"

    def text_in(self, language: str) -> str:
        """Return the text in a language, or in the other one where there is none.

        Parameters
        ----------
        language : {"en", "zh"}
            Which.

        Returns
        -------
        str
            The text.

        Examples
        --------
        >>> Reason(code="X01", theme="x", text={"en": "Moved"}).text_in("zh")
        'Moved'
        """
        check_choice(language, LANGUAGES, name="language")
        return self.text.get(language, next(iter(self.text.values())))

    def to_dict(self) -> dict[str, Any]:
        """Return the reason as plain values, for JSON.

        Returns
        -------
        dict
            code, theme, controllable, origin, nature and text.

        Examples
        --------
        >>> Reason(code="X01", theme="x", text={"en": "Moved"}).to_dict()["origin"]
        'internal'
        """
        return {name: getattr(self, name) for name in _FIELDS[:-1]} | {"text": dict(self.text)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Reason:
        """Make a reason from what `to_dict` returned.

        Parameters
        ----------
        values : mapping
            code, theme and text, and what else there is.

        Returns
        -------
        Reason
            Equal to the one that was written.

        Raises
        ------
        ParameterError
            When an entry is missing or unknown.
        ParameterTypeError
            When it is no mapping.

        Examples
        --------
        >>> reason = Reason(code="X01", theme="x", text={"en": "Moved"})
        >>> Reason.from_dict(reason.to_dict()) == reason
        True
        """
        if not isinstance(values, Mapping):
            raise ParameterTypeError(
                message(f"a reason is {values!r}", "names with values were expected", "reason.to_dict()")
            )
        lacking = [name for name in ("code", "theme", "text") if name not in values]
        strange = [name for name in values if name not in _FIELDS]
        if lacking or strange:
            wrong = (
                f"a reason has no {some(lacking)}"
                if lacking
                else f"a reason has an entry {strange[0]!r} ({nearest(strange[0], _FIELDS)})"
            )
            raise ParameterError(message(wrong, f"a reason has {some(_FIELDS, 12)}", "reason.to_dict()"))
        return cls(**dict(values))

    def __hash__(self) -> int:
        return hash((self.code, self.theme))

    def __reduce__(self) -> tuple[Any, ...]:
        # a read-only mapping cannot be pickled; its content can
        return (Reason.from_dict, (self.to_dict(),))


def checked_text(text: Any, of: str) -> Mapping[str, str]:
    """Return texts by language, read-only.

    Parameters
    ----------
    text : mapping of str to str
        What the caller passed.
    of : str
        Whose text it is, for the message.

    Returns
    -------
    mapping of str to str
        English first.

    Raises
    ------
    ParameterError
        When no language has a text, or one is unknown.
    ParameterTypeError
        When a text is no text.

    Examples
    --------
    >>> dict(checked_text({"zh": "价格", "en": "Price"}, "theme 'price'"))
    {'en': 'Price', 'zh': '价格'}
    """
    fix = 'text={"en": "Price too high", "zh": "价格太高"}'
    if not isinstance(text, Mapping) or not all(isinstance(value, str) for value in text.values()):
        raise ParameterTypeError(message(f"the text of {of} is {text!r}", "a text for each language was expected", fix))
    strange = [language for language in text if language not in LANGUAGES]
    if strange or not text or not all(value.strip() for value in text.values()):
        wrong = (
            f"{of} has a text in {strange[0]!r} ({nearest(strange[0], LANGUAGES)})"
            if strange
            else f"{of} has no text, or an empty one"
        )
        raise ParameterError(message(wrong, "English or Chinese, or both, were expected", fix))
    return MappingProxyType({language: text[language] for language in LANGUAGES if language in text})


def _check_name(value: object, name: str) -> None:
    if not isinstance(value, str):
        raise ParameterTypeError(
            message(f"{name} is {value!r}, a {type(value).__name__}", "a text was expected", f"{name}='...'")
        )
    if not value.strip():
        raise ParameterError(message(f"{name} is empty", "a text was expected", f"{name}='...'"))
