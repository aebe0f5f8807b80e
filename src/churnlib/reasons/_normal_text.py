"""Text in one form, with the way back: widths, cases and digits that do not matter are made alike."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import named_rows
from churnlib._typing import Array
from churnlib.exceptions import DataError, ParameterTypeError, message, some

__all__ = ["NormalText", "normal_text", "read_texts", "text_groups"]


@dataclass(frozen=True, slots=True)
class NormalText:
    """A text in its normal form.

    Attributes
    ----------
    text : str
        NFKC, lower case, every digit a 0.
    places : tuple of int
        Where in the original each character comes from, and at last the length of the original.
    """

    text: str
    places: tuple[int, ...]

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return where in the original the characters from `start` to `end` stand.

        Parameters
        ----------
        start, end : int
            Half-open, in the normal form, not empty.

        Returns
        -------
        tuple of int
            Half-open, in the original.

        Examples
        --------
        >>> normal_text("①⑩ fee").original(4, 7)
        (3, 6)
        """
        first, last = self.places[start], self.places[end - 1]
        # a character of the original may have become several, and several may have become one
        after = next((place for place in self.places[end:] if place > last), self.places[-1])
        return first, after


def normal_text(text: str) -> NormalText:
    """Make widths, cases and digits alike.

    Parameters
    ----------
    text : str
        As written.

    Returns
    -------
    NormalText
        With the place of each character in the original.

    Examples
    --------
    >>> normal_text("APP 扣费 39.90 元").text
    'app 扣费 00.00 元'
    """
    if text.isascii():
        plain = "".join("0" if sign.isdigit() else sign for sign in text.lower())
        return NormalText(plain, tuple(range(len(text) + 1)))
    made: list[str] = []
    places: list[int] = []
    start = 0
    while start < len(text):
        end = start + 1
        while end < len(text) and unicodedata.combining(text[end]):
            end += 1
        normal = unicodedata.normalize("NFKC", text[start:end]).lower()
        made.append("".join("0" if sign.isdigit() else sign for sign in normal))
        places += [start] * len(made[-1])
        start = end
    return NormalText("".join(made), (*places, len(text)))


def read_texts(texts: Any) -> tuple[list[str], pd.Index]:
    """Return texts, and what names them.

    Parameters
    ----------
    texts : Series or sequence of str
        What the caller passed.

    Returns
    -------
    list of str, Index
        The texts; the index of a Series, else their positions.

    Raises
    ------
    ParameterTypeError
        When it is one text, or no sequence.
    DataError
        When there are none, or some are missing or no texts.

    Examples
    --------
    >>> read_texts(["too dear"])[0]
    ['too dear']
    """
    if isinstance(texts, str) or not isinstance(texts, Iterable):
        raise ParameterTypeError(
            message(
                f"the texts are a {type(texts).__name__}",
                "several texts were expected",
                "classifier.predict([text])",
            )
        )
    index = texts.index if isinstance(texts, pd.Series) else None
    listed = list(texts)
    wrong = np.array([not isinstance(text, str) for text in listed], dtype=bool)
    if wrong.any() or not listed:
        kinds = sorted({type(text).__name__ for text in listed if not isinstance(text, str)})
        raise DataError(
            message(
                f"{int(wrong.sum()):,} of {len(listed):,} texts are missing or no texts"
                + (f" ({named_rows(wrong)}: {some(kinds)})" if listed else ""),
                "one text a row",
                "texts = frame['narrative'].dropna()",
            )
        )
    return listed, pd.RangeIndex(len(listed)) if index is None else index


def text_groups(texts: Any) -> Array:
    """Number texts so that those which say the same have the same number.

    Templates, copied complaints and re-sent messages are the same text but for digits, width,
    case, blanks and punctuation. Folds that split them report what was learned by heart:
    give these numbers to ``GroupKFold`` as groups.

    Parameters
    ----------
    texts : Series or sequence of str
        The texts.

    Returns
    -------
    ndarray of int64, shape (n_texts,)
        A hash of the letters of each text.

    Raises
    ------
    DataError, ParameterTypeError
        If they are no texts.

    Examples
    --------
    >>> a, b, c = text_groups(["Charged $30 twice!", "charged $45  twice", "Charged once"])
    >>> bool(a == b), bool(a == c)
    (True, False)
    """
    listed, _ = read_texts(texts)
    found = np.empty(len(listed), dtype=np.int64)
    for place, text in enumerate(listed):
        letters = "".join(sign for sign in normal_text(text).text if sign.isalnum())
        digest = hashlib.sha256(letters.encode("utf-8", "surrogatepass")).digest()
        found[place] = int.from_bytes(digest[:8], "little", signed=True)
    return found
