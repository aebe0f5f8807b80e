"""From texts to confidences, learned: characters and words, one logistic regression for each label."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from churnlib._typing import BoolArray, FloatArray
from churnlib.reasons._normal_text import normal_text

__all__ = ["TextModel", "Words"]

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_FIRST_ASIAN = 0x2E80
_WORDS_OF_A_TEXT = 3
_WEIGHT_OF_WORDS = 0.5
"""Characters see most of what words see; with equal weights words drown them."""


class Words:
    """Cut a text in its normal form into words.

    Without a tokenizer Chinese has no words, only clauses, which repeat too rarely to learn from; they are
    left to the characters.

    Parameters
    ----------
    tokenizer : callable or None
        From a text to its words, such as ``jieba.lcut``.

    Examples
    --------
    >>> Words(None)("they never called back, 太贵了")
    ['they', 'never', 'called', 'back']
    """

    def __init__(self, tokenizer: Callable[[str], Iterable[str]] | None) -> None:
        self.tokenizer = tokenizer

    def __call__(self, text: str) -> list[str]:
        if self.tokenizer is not None:
            return [word for word in self.tokenizer(text) if word.strip()]
        return [word for word in _WORD.findall(text) if ord(word[0]) < _FIRST_ASIAN]


class TextModel:
    """TF-IDF of one to three characters and of words, and a logistic regression for each label.

    Parameters
    ----------
    tokenizer : callable or None
        As in `Words`.
    strength : float
        The C of the regressions.

    Examples
    --------
    >>> model = TextModel(None, strength=10.0).fit(
    ...     ["too dear", "dear", "rude", "so rude"], np.array([[1, 1, 0, 0]]).T > 0
    ... )
    >>> (model.confidences(["very dear", "rude!"])[:, 0] > 0.5).tolist()
    [True, False]
    """

    def __init__(self, tokenizer: Callable[[str], Iterable[str]] | None, *, strength: float) -> None:
        self.tokenizer = tokenizer
        self.strength = strength

    def fit(self, texts: Sequence[str], labels: BoolArray) -> TextModel:
        """Learn.

        Parameters
        ----------
        texts : sequence of str
            The texts.
        labels : ndarray of bool, shape (n_texts, n_labels)
            Which label is true of which.

        Returns
        -------
        TextModel
            Itself.
        """
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression

        normal = [normal_text(text).text for text in texts]
        # a sign that stands in one text only says nothing about another
        rare = 2 if len(normal) >= 200 else 1
        makers: list[Any] = [
            TfidfVectorizer(
                analyzer="char", ngram_range=(1, 3), lowercase=False, sublinear_tf=True, min_df=rare, dtype=np.float32
            )
        ]
        words = Words(self.tokenizer)
        if np.mean([len(words(text)) >= _WORDS_OF_A_TEXT for text in normal]) >= 0.5:
            makers.append(TfidfVectorizer(analyzer=words, sublinear_tf=True, min_df=rare, dtype=np.float32))
        self.makers_ = makers
        rows = self._rows([maker.fit_transform(normal) for maker in makers])
        self.models_ = [
            LogisticRegression(C=self.strength, solver="liblinear", random_state=0).fit(rows, column)
            for column in np.asarray(labels).T
        ]
        return self

    @staticmethod
    def _rows(parts: Sequence[Any]) -> Any:
        weighted = [part * weight for part, weight in zip(parts, (1.0, _WEIGHT_OF_WORDS), strict=False)]
        return sparse.hstack(weighted, format="csr")

    def confidences(self, texts: Sequence[str]) -> FloatArray:
        """Return the probability of each label, each on its own.

        Parameters
        ----------
        texts : sequence of str
            The texts.

        Returns
        -------
        ndarray of shape (n_texts, n_labels)
            In [0, 1]; the labels of a text need not sum to 1.
        """
        normal = [normal_text(text).text for text in texts]
        rows = self._rows([maker.transform(normal) for maker in self.makers_])
        return np.column_stack([model.predict_proba(rows)[:, 1] for model in self.models_]).astype(np.float64)
