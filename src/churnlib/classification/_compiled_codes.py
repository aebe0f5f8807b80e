"""Reason codes of one customer, from a catalogue that travels with the compiled model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from churnlib._checks import check_choice, check_integer, check_number
from churnlib._typing import FloatArray
from churnlib.exceptions import DataError, ParameterTypeError, message

__all__ = ["CodeBook", "CodedReason", "check_codes", "plain_catalog"]

# the words and the rounding are those of churnlib.reasons, whose codes these are
_NOTHING = "NO_DOMINANT_REASON"
_NOTHING_TEXT = {"en": "No dominant reason", "zh": "无明显的主要原因"}
_NINTH = 1e9


@dataclass(frozen=True, slots=True)
class CodedReason:
    """A reason of the catalogue.

    Parameters
    ----------
    rank : int
        From 1.
    code : str
        Its code, ``"NO_DOMINANT_REASON"`` where nothing sets the customer apart.
    theme : str or None
        What it is about.
    contribution : float or None
        Log-odds of the whole theme.
    feature : str or None
        The column that weighs most in the code.
    controllable : str or None
        Whether the firm can do something about it.
    text : str
        For people, in the language asked for.

    Examples
    --------
    >>> CodedReason(1, "PRC01", "price", 0.4, "monthly_charges", "controllable", "Price too high").theme
    'price'
    """

    rank: int
    code: str
    theme: str | None
    contribution: float | None
    feature: str | None
    controllable: str | None
    text: str


def check_codes(language: Any, min_effect: Any) -> None:
    """Refuse what no reason code can be told with.

    Parameters
    ----------
    language : {"en", "zh"}
        Language of the texts.
    min_effect : float
        Log-odds below which a theme is no reason.

    Raises
    ------
    ParameterError, ParameterTypeError
        If an argument cannot work.

    Examples
    --------
    >>> check_codes("zh", 0.1)
    """
    check_number(min_effect, name="min_effect", low=0)
    check_choice(language, tuple(_NOTHING_TEXT), name="language")


def plain_catalog(catalog: Any, columns: Sequence[object]) -> dict[str, Any]:
    """Take from a catalogue of reasons what the columns of a model need.

    Parameters
    ----------
    catalog : ReasonCatalog
        Asked for ``reason_of``, ``codes``, ``themes`` and ``theme_texts``; nothing else of it is known.
    columns : sequence
        Names of the columns.

    Returns
    -------
    dict
        code of each column; code, theme, controllable and text of each reason in the
        catalogue's order; the themes in theirs with their texts.

    Raises
    ------
    ParameterTypeError
        If it is no catalogue.
    """
    if not all(hasattr(catalog, name) for name in ("reason_of", "codes", "themes", "theme_texts")):
        raise ParameterTypeError(
            message(
                f"catalog is a {type(catalog).__name__}",
                "a ReasonCatalog was expected",
                "model.compile(catalog=churnlib.ReasonCatalog())",
            )
        )
    spoken = {str(name): catalog.reason_of(str(name)) for name in columns}
    by_code = {reason.code: reason for reason in spoken.values()}
    kept = [by_code[code] for code in catalog.codes if code in by_code]
    themes = [theme for theme in catalog.themes if any(reason.theme == theme for reason in kept)]
    return {
        "columns": {name: reason.code for name, reason in spoken.items()},
        "reasons": [
            {"code": r.code, "theme": r.theme, "controllable": r.controllable, "text": dict(r.text)} for r in kept
        ],
        "themes": themes,
        "theme_texts": {theme: dict(catalog.theme_texts.get(theme, {})) for theme in themes},
    }


class CodeBook:
    """Sum contributions of columns to codes and themes, and name those that weigh enough.

    Parameters
    ----------
    plain : mapping
        What `plain_catalog` returned.
    columns : sequence
        Names of the columns, in the order of the contributions.

    Examples
    --------
    >>> reason = {"code": "PRC01", "theme": "price", "controllable": "mixed", "text": {"en": "Too dear"}}
    >>> plain = {"columns": {"fee": "PRC01"}, "reasons": [reason], "themes": ["price"], "theme_texts": {"price": {}}}
    >>> book = CodeBook(plain, ["fee"])
    >>> [reason.text for reason in book.reasons([0.5], top=2, min_effect=0.1, language="en")]
    ['Too dear']
    """

    __slots__ = ("_codes", "_columns", "_names", "_reasons", "_themes", "theme_texts")

    def __init__(self, plain: Mapping[str, Any], columns: Sequence[object]) -> None:
        self._reasons = {entry["code"]: dict(entry) for entry in plain["reasons"]}
        self.theme_texts = {theme: dict(text) for theme, text in plain["theme_texts"].items()}
        names = [str(name) for name in columns]
        # columns are added by name, so that their order decides nothing
        order = sorted(range(len(names)), key=names.__getitem__)
        self._names = tuple(names)
        self._columns = {code: tuple(k for k in order if plain["columns"][names[k]] == code) for code in self._reasons}
        self._themes = {
            theme: tuple(code for code, entry in self._reasons.items() if entry["theme"] == theme)
            for theme in plain["themes"]
        }
        coded = sum(len(places) for places in self._columns.values())
        themed = sum(len(codes) for codes in self._themes.values())
        if coded != len(names) or themed != len(self._reasons):
            raise DataError(
                message(
                    "the catalogue does not give every column a code and every code a theme",
                    "what compile(catalog=...) took from a ReasonCatalog",
                    "compile and write it again",
                )
            )

    def themes(self, contribution: FloatArray | Sequence[float]) -> dict[str, float]:
        """Return the log-odds of each theme.

        Parameters
        ----------
        contribution : sequence of float
            Log-odds of each column.

        Returns
        -------
        dict
            By theme, in the catalogue's order; their sum is the sum over columns.
        """
        code = self._sums(contribution)
        return {theme: _added(code[name] for name in codes) for theme, codes in self._themes.items()}

    def _sums(self, contribution: FloatArray | Sequence[float]) -> dict[str, float]:
        return {code: _added(float(contribution[k]) for k in places) for code, places in self._columns.items()}

    def reasons(
        self, contribution: FloatArray | Sequence[float], *, top: int, min_effect: float, language: str
    ) -> tuple[CodedReason, ...]:
        """Return the reasons that set a customer apart, strongest first.

        Parameters
        ----------
        contribution : sequence of float
            Log-odds of each column.
        top : int
            At most so many.
        min_effect : float
            Log-odds below which a theme is no reason.
        language : {"en", "zh"}
            Language of the texts.

        Returns
        -------
        tuple of CodedReason
            One with the code ``NO_DOMINANT_REASON`` where no theme weighs enough.

        Raises
        ------
        ParameterError, ParameterTypeError
            If an argument cannot work.
        """
        check_integer(top, name="top", low=1)
        check_codes(language, min_effect)
        code = self._sums(contribution)
        theme = {name: _added(code[part] for part in parts) for name, parts in self._themes.items()}
        rounded = {name: _rounded(weight) for name, weight in theme.items()}
        passing = [name for name, weight in rounded.items() if weight >= _rounded(min_effect) and weight > 0]
        # sorting is stable: of equal sums the theme that comes first in the catalogue
        listed = sorted(passing, key=lambda name: -rounded[name])[:top]
        if not listed:
            return (CodedReason(1, _NOTHING, None, None, None, None, _NOTHING_TEXT[language]),)
        return tuple(
            self._reason(rank, name, theme[name], code, contribution, language)
            for rank, name in enumerate(listed, start=1)
        )

    def _reason(
        self,
        rank: int,
        theme: str,
        weight: float,
        code: Mapping[str, float],
        contribution: FloatArray | Sequence[float],
        language: str,
    ) -> CodedReason:
        # max keeps the first of equals: of codes in the catalogue's order, of columns by name
        chosen = max(self._themes[theme], key=lambda name: _rounded(code[name]))
        place = max(self._columns[chosen], key=lambda k: _rounded(float(contribution[k])))
        entry = self._reasons[chosen]
        text = entry["text"].get(language, next(iter(entry["text"].values())))
        return CodedReason(rank, chosen, theme, weight, self._names[place], entry["controllable"], text)


def _rounded(value: float) -> float:
    # as numpy rounds to nine decimals, which is not quite as Python does
    return round(value * _NINTH) / _NINTH


def _added(values: Any) -> float:
    total = 0.0
    for value in values:
        total += value
    return total
