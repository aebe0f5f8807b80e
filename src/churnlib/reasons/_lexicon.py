"""Keywords that say why somebody leaves, read with their negations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from churnlib._checks import as_names
from churnlib.exceptions import ParameterError, ParameterTypeError, message, nearest, some
from churnlib.reasons._normal_text import NormalText, normal_text
from churnlib.reasons._reason import LANGUAGES
from churnlib.reasons._terms import NEGATORS, PSEUDO_NEGATORS, SCOPE_ENDS, TERMS

__all__ = ["Evidence", "Lexicon"]

_CLAUSE = re.compile(
    # full-width comma, stop, marks, colon, semicolon, brackets and tilde are NFKC's plain ones by now
    r"[,.\u3002!?;:\u2026~\n\r\t()\u3001|\u201c\u201d\[\]]+|\bbut\b|\bhowever\b|\balthough\b"
)
_NOT = re.compile(r"(?<![a-z])(?:" + "|".join(NEGATORS["en"]) + r"|[a-z]+n['’]t)(?![a-z])")
_NO = re.compile("|".join(sorted(NEGATORS["zh"], key=len, reverse=True)))
_PSEUDO = re.compile("|".join(re.escape(text) for text in sorted(PSEUDO_NEGATORS, key=len, reverse=True)))
_SCOPE = re.compile("|".join(sorted(SCOPE_ENDS, key=len, reverse=True)))
_WORD = re.compile(r"[a-z0-9'’]+")
_STRONG, _WEAK = 0.7, 0.4
_REACH = {"zh": 5, "en": 4}
"""How far back a negation is looked for: characters of Chinese, words of English."""


@dataclass(frozen=True, slots=True)
class _Term:
    """A keyword in its normal form."""

    text: str
    label: str
    weight: float
    negated: bool
    open_end: bool
    chinese: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a text says it.

    Attributes
    ----------
    label : str
        The reason or theme.
    text : str
        The words of the original.
    start, end : int
        Where they stand in it, half-open.
    weight : float
        How much they weigh, in (0, 1).
    negation : str
        The negation that was read with them, or "".

    Examples
    --------
    >>> found = Lexicon({"price": ["!cheap"]}).find("Not cheap.")[0]
    >>> found.text, found.start, found.negation
    ('cheap', 4, 'not')
    """

    label: str
    text: str
    start: int
    end: int
    weight: float
    negation: str = ""


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Lexicon:
    """Keywords by label, for texts without a single label to learn from.

    Parameters
    ----------
    terms : mapping of str to sequence of str
        Label to its terms. A term with Chinese characters is looked for anywhere, others as whole words; ``*`` at
        the end stands for the rest of a word. A term counts unless a negation reaches it; after ``!`` it
        counts only if one does, as in "not cheap". After ``~`` it weighs little.

    Raises
    ------
    ParameterError
        When there is no label, or a term is empty.
    ParameterTypeError
        When terms are no texts.

    Examples
    --------
    >>> lexicon = Lexicon({"price": ["expensive", "贵", "!cheap"], "network": ["signal drop*"]})
    >>> [(found.label, found.text) for found in lexicon.find("It is EXPENSIVE, and the signal dropped again.")]
    [('price', 'EXPENSIVE'), ('network', 'signal dropped')]
    >>> lexicon.find("Not expensive at all. 一点也不贵"), lexicon.find("not that cheap")[0].negation
    ((), 'not')
    """

    terms: Mapping[str, tuple[str, ...]]
    _by_first: dict[str, tuple[_Term, ...]] = field(repr=False, compare=False)

    def __init__(self, terms: Mapping[str, Iterable[str]]) -> None:
        given: Any = terms
        if not isinstance(given, Mapping) or not given:
            raise ParameterTypeError(
                message(
                    f"the terms are {terms!r}"[:80],
                    "labels with their terms were expected",
                    "Lexicon({'price': ['贵']})",
                )
            )
        listed = {str(label): as_names(list(words), name=f"the terms of {label!r}") for label, words in terms.items()}
        found: dict[str, list[_Term]] = {}
        for label, words in listed.items():
            for word in words:
                term = _read_term(word, label)
                found.setdefault(term.text[0], []).append(term)
        # of several that fit the longest is taken
        by_first = {
            first: tuple(sorted(own, key=lambda term: (-len(term.text), term.label))) for first, own in found.items()
        }
        object.__setattr__(self, "terms", listed)
        object.__setattr__(self, "_by_first", by_first)

    @classmethod
    def standard(cls, languages: Iterable[str] = LANGUAGES) -> Lexicon:
        """Return the lexicon that churnlib ships, labelled with the codes of the standard catalogue.

        Parameters
        ----------
        languages : sequence of str, default=('en', 'zh')
            "zh" and "en", or one of them.

        Returns
        -------
        Lexicon
            Some six hundred terms.

        Raises
        ------
        ParameterError
            When a language is unknown.

        Examples
        --------
        >>> [found.label for found in Lexicon.standard().find("要携号转网了, since my payment failed twice")]
        ['CMP03', 'INV01']
        """
        names = as_names(list(languages), name="languages")
        strange = [name for name in names if name not in LANGUAGES]
        if strange or not names:
            raise ParameterError(
                message(
                    f"languages={list(names)}"
                    + (f" names {strange[0]!r} ({nearest(strange[0], LANGUAGES)})" if strange else " names none"),
                    "'zh' and 'en' are there",
                    "languages=('zh', 'en')",
                )
            )
        made = {}
        for code, texts in TERMS.items():
            chinese = texts["zh"].split() if "zh" in names else []
            english = [term.strip() for term in texts["en"].split(",")] if "en" in names else []
            made[code] = chinese + english
        return cls(made)

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels in their order."""
        return tuple(self.terms)

    def relabel(self, names: Mapping[str, str]) -> Lexicon:
        """Return the lexicon with labels renamed, and joined where they become one.

        Parameters
        ----------
        names : mapping of str to str
            Old label to new; a label left out keeps its name.

        Returns
        -------
        Lexicon
            A new one.

        Examples
        --------
        >>> Lexicon({"PRC01": ["dear"], "PRC02": ["dearer"]}).relabel({"PRC01": "price", "PRC02": "price"}).labels
        ('price',)
        """
        joined: dict[str, list[str]] = {}
        for label, words in self.terms.items():
            joined.setdefault(str(names.get(label, label)), []).extend(words)
        return Lexicon({label: list(dict.fromkeys(words)) for label, words in joined.items()})

    def __len__(self) -> int:
        return sum(len(words) for words in self.terms.values())

    def __repr__(self) -> str:
        return f"Lexicon({len(self)} terms of {len(self.terms)} labels: {some(self.terms, 8)})"

    def __hash__(self) -> int:
        return hash(tuple(self.terms.items()))

    def __reduce__(self) -> tuple[Any, ...]:
        return (Lexicon, (dict(self.terms),))

    def find(self, text: str) -> tuple[Evidence, ...]:
        """Find the terms in a text that count.

        Parameters
        ----------
        text : str
            As written.

        Returns
        -------
        tuple of Evidence
            In the order of the text; places are those of the text as given.

        Raises
        ------
        ParameterTypeError
            When it is no text.

        Examples
        --------
        >>> Lexicon({"price": ["贵"]}).find("有点贵")[0]
        Evidence(label='price', text='贵', start=2, end=3, weight=0.7, negation='')
        """
        if not isinstance(text, str):
            raise ParameterTypeError(
                message(f"the text is a {type(text).__name__}", "a text was expected", "lexicon.find('too dear')")
            )
        normal = normal_text(text)
        found: list[Evidence] = []
        for start, end in _clauses(normal.text):
            found += self._in_clause(text, normal, start, end)
        return tuple(found)

    def confidences(self, text: str) -> dict[str, float]:
        """Return how sure the terms found make each label.

        Parameters
        ----------
        text : str
            As written.

        Returns
        -------
        dict of str to float
            ``1 − Π (1 − weight)`` over the distinct terms found, in (0, 1); labels without one are left out.

        Examples
        --------
        >>> found = Lexicon({"price": ["dear", "fee*"]}).confidences("Too dear, and the fees!")
        >>> {label: round(value, 2) for label, value in found.items()}
        {'price': 0.91}
        """
        doubt: dict[str, float] = {}
        seen = set()
        for found in self.find(text):
            key = (found.label, found.text.lower())
            if key not in seen:
                doubt[found.label] = doubt.get(found.label, 1.0) * (1.0 - found.weight)
                seen.add(key)
        return {label: 1.0 - value for label, value in doubt.items()}

    def _in_clause(self, original: str, normal: NormalText, start: int, end: int) -> list[Evidence]:
        hits = self._hits(normal.text, start, end)
        taken = [(at, stop) for _, at, stop in hits]
        negations = _negations(normal.text, start, end, taken)
        found = []
        for term, at, stop in hits:
            words = [text for place, text in negations if _reaches(normal.text, place + len(text), at, term)]
            if (len(words) % 2 == 1) != term.negated:
                continue
            first, last = normal.original(at, stop)
            negation = words[-1] if words else ""
            found.append(Evidence(term.label, original[first:last], first, last, term.weight, negation))
        return found

    def _hits(self, text: str, start: int, end: int) -> list[tuple[_Term, int, int]]:
        """Scan a clause from the left, the longest term first; what only looks like one is passed over."""
        masked = [match.span() for match in _PSEUDO.finditer(text, start, end)]
        hits: list[tuple[_Term, int, int]] = []
        at = start
        while at < end:
            found = self._at(text, at, end)
            if found and not any(a <= at and found[0][1] <= b and b - a > found[0][1] - at for a, b in masked):
                hits += [(term, at, stop) for term, stop in found]
                at = found[0][1]
            else:
                at += 1
        return hits

    def _at(self, text: str, at: int, end: int) -> list[tuple[_Term, int]]:
        """Return the longest terms that begin at a place, one for each label."""
        found: list[tuple[_Term, int]] = []
        for term in self._by_first.get(text[at], ()):
            if not text.startswith(term.text, at, end) or (found and len(term.text) < len(found[0][0].text)):
                continue
            stop = at + len(term.text)
            if not term.chinese:
                if at and text[at - 1].isalnum() and text[at - 1].isascii():
                    continue
                rest = _WORD.match(text, stop, end)
                if rest and not term.open_end:
                    continue
                stop = rest.end() if rest else stop
            found.append((term, stop))
        return found


def _read_term(word: str, label: str) -> _Term:
    bare = word.strip()
    negated, weak = bare.startswith("!"), bare.startswith("~")
    bare = bare.lstrip("!~")
    open_end = bare.endswith("*")
    text = " ".join(normal_text(bare.rstrip("*")).text.split())
    if not text:
        raise ParameterError(
            message(f"{label!r} has the term {word!r}, which is empty", "a word or more", "'expensive', '贵'")
        )
    chinese = any(ord(sign) > 0x2E7F for sign in text)
    return _Term(text, label, _WEAK if weak else _STRONG, negated, open_end, chinese)


def _clauses(text: str) -> list[tuple[int, int]]:
    found, start = [], 0
    for match in _CLAUSE.finditer(text):
        # a point or a comma inside a number or an abbreviation divides nothing
        inside = match.end() < len(text) and match.start() > 0 and len(match.group()) == 1 and match.group() in ".,:"
        if inside and text[match.start() - 1].isdigit() and text[match.end()].isdigit():
            continue
        found.append((start, match.start()))
        start = match.end()
    found.append((start, len(text)))
    return [(a, b) for a, b in found if a < b]


def _negations(text: str, start: int, end: int, taken: list[tuple[int, int]]) -> list[tuple[int, str]]:
    """Return the negations of a clause that belong to no term and are no part of another word."""
    blocked = {place for match in _PSEUDO.finditer(text, start, end) for place in range(*match.span())}
    for a, b in taken:
        blocked |= set(range(a, b))
    found = [
        (match.start(), match.group())
        for pattern in (_NO, _NOT)
        for match in pattern.finditer(text, start, end)
        if match.start() not in blocked
    ]
    return sorted(found)


def _reaches(text: str, stop: int, at: int, term: _Term) -> bool:
    """Whether a negation that ends at `stop` reaches a term at `at`: before it, near, and nothing between ends it."""
    if stop > at:
        return False
    between = text[stop:at]
    if term.chinese:
        return len(between) <= _REACH["zh"] and not _SCOPE.search(between)
    return len(_WORD.findall(between)) <= _REACH["en"]
