"""What a complaint is about: by keywords at first, learned once there are labels."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from churnlib._sklearn import BaseEstimator, ClassifierMixin, Interval, StrOptions, check_is_fitted, fit_context
from churnlib._typing import Array, ArrayLike, BoolArray, FloatArray
from churnlib.exceptions import DataError, message, some
from churnlib.reasons._catalog import ReasonCatalog
from churnlib.reasons._labels import TextLabels, read_labels
from churnlib.reasons._lexicon import Lexicon
from churnlib.reasons._normal_text import read_texts
from churnlib.reasons._text_model import TextModel

__all__ = ["ComplaintClassifier"]

_EVIDENCE = ["label", "text", "start", "end", "weight", "negation"]


class ComplaintClassifier(ClassifierMixin, BaseEstimator):
    """Say what complaints in Chinese and English are about.

    Without labels, ``fit(texts)``, keywords decide, with their negations: "not cheap" is about
    the price and "not expensive" is not. With labels, ``fit(texts, y)``, a label with at least
    `min_labels` texts is learned: TF-IDF of one to three characters, and of words where there are blanks
    between them or a `tokenizer` cuts them, and one logistic regression for each label. One with
    fewer stays with its keywords. A text may be about several things, and below `min_confidence`
    the answer is none: better nobody than the wrong department.

    Texts are compared in one form (NFKC, lower case, every digit a 0). Judge a fit on folds that keep
    copies together: ``GroupKFold`` with `text_groups`.

    Parameters
    ----------
    lexicon : Lexicon or None, default=None
        Keywords by label. None is the one that churnlib ships, its labels the themes or codes of `catalog`.
    catalog : ReasonCatalog or None, default=None
        What the codes of the shipped lexicon mean; None is the standard one.
    level : {"theme", "code"}, default="theme"
        Whether the shipped lexicon tells themes or codes.
    tokenizer : callable or None, default=None
        From a text to its words, such as ``jieba.lcut`` for Chinese; None cuts at blanks and signs.
    min_labels : int, default=50
        Texts that a label needs to be learned.
    min_confidence : float, default=0.5
        Below it no label is given; 0 always gives the best one of a single-label fit.
    abstain : str, default="undecided"
        What `predict` calls a text without a label, after a fit with one label a text.
    C : float, default=30.0
        Inverse strength of the regularisation of each regression.

    Attributes
    ----------
    classes_ : ndarray
        The labels.
    source_ : dict
        For each label "model" or "lexicon".
    n_labels_ : dict
        How many texts of the fit have each label.
    multi_label_ : bool
        Whether a text may have several labels.
    lexicon_ : Lexicon
        The keywords used.

    Examples
    --------
    >>> texts = ["Far too expensive, and nobody ever called back.", "套餐不贵, 但是网速慢", "Hello."]
    >>> reader = ComplaintClassifier().fit(texts)
    >>> [list(labels) for labels in reader.labels(texts)]
    [['price', 'service_quality'], ['service_quality'], []]
    >>> reader.evidence(texts)[["label", "text", "negation"]]
                   label         text negation
    text_id
    0                  price    expensive
    0        service_quality  called back   nobody
    1        service_quality          网速慢
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "lexicon": [Lexicon, None],
        "catalog": [ReasonCatalog, None],
        "level": [StrOptions({"theme", "code"})],
        "tokenizer": [callable, None],
        "min_labels": [Interval(numbers.Integral, 2, None, closed="left")],
        "min_confidence": [Interval(numbers.Real, 0, 1, closed="both")],
        "abstain": [str],
        "C": [Interval(numbers.Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        lexicon: Lexicon | None = None,
        *,
        catalog: ReasonCatalog | None = None,
        level: str = "theme",
        tokenizer: Callable[[str], Iterable[str]] | None = None,
        min_labels: int = 50,
        min_confidence: float = 0.5,
        abstain: str = "undecided",
        C: float = 30.0,
    ) -> None:
        self.lexicon = lexicon
        self.catalog = catalog
        self.level = level
        self.tokenizer = tokenizer
        self.min_labels = min_labels
        self.min_confidence = min_confidence
        self.abstain = abstain
        self.C = C

    @fit_context()
    def fit(self, X: Any, y: Any = None) -> Self:
        """Take the keywords, or learn from labels.

        Parameters
        ----------
        X : Series or sequence of str
            The texts.
        y : array-like or None, default=None
            One label for each text; a list of labels for each; or a frame of zeros and ones with the
            labels as columns. None uses the lexicon alone.

        Returns
        -------
        ComplaintClassifier
            Itself.

        Raises
        ------
        DataError
            If texts or labels are missing, do not match, or labels with fewer than `min_labels` texts
            have no keywords either.
        ParameterTypeError
            If `X` holds no texts.

        Examples
        --------
        >>> texts = ["too dear", "so dear", "rude", "very rude"]
        >>> ComplaintClassifier(min_labels=2).fit(texts, ["price", "price", "staff", "staff"]).source_
        {'price': 'model', 'staff': 'model'}
        """
        texts, _ = read_texts(X)
        self.lexicon_ = self._lexicon()
        if y is None:
            self.classes_ = np.array(self.lexicon_.labels, dtype=object)
            self.multi_label_ = True
            self.source_ = dict.fromkeys(self.classes_.tolist(), "lexicon")
            self.n_labels_ = dict.fromkeys(self.classes_.tolist(), 0)
            self._model: TextModel | None = None
            return self
        labels = read_labels(y, len(texts))
        self.classes_, self.multi_label_ = labels.classes, labels.several
        learned = self._learned(labels)
        names = self.classes_.tolist()
        self.n_labels_ = dict(zip(names, labels.true.sum(axis=0).tolist(), strict=True))
        self.source_ = {
            name: "model" if known else "lexicon" for name, known in zip(names, learned.tolist(), strict=True)
        }
        # of two classes that exclude each other one regression tells both
        self._mirrored = bool(not labels.several and len(names) == 2 and learned.all())
        wanted = labels.true[:, 1:] if self._mirrored else labels.true[:, learned]
        self._model = TextModel(self.tokenizer, strength=float(self.C)).fit(texts, wanted) if learned.any() else None
        return self

    def _lexicon(self) -> Lexicon:
        if self.lexicon is not None:
            return self.lexicon
        standard = Lexicon.standard()
        if self.level == "code":
            return standard
        catalog = ReasonCatalog() if self.catalog is None else self.catalog
        return standard.relabel({code: catalog[code].theme for code in standard.labels if code in catalog})

    def _learned(self, labels: TextLabels) -> BoolArray:
        """Say which labels have texts enough; for the others there must be keywords."""
        count = labels.true.sum(axis=0)
        enough = (count >= self.min_labels) & (len(labels.true) - count > 0)
        known = set(self.lexicon_.labels)
        lost = [
            f"{name!r} with {n}"
            for name, n, learned in zip(labels.classes.tolist(), count.tolist(), enough.tolist(), strict=True)
            if not learned and str(name) not in known
        ]
        if lost:
            raise DataError(
                message(
                    f"{len(lost)} of {len(count)} labels have fewer than min_labels={self.min_labels} texts, and no "
                    f"keywords in the lexicon ({some(lost)})",
                    "a label is learned from texts or known by its words",
                    "lexicon=Lexicon({...}) with words for them, min_labels=..., or join rare labels",
                )
            )
        return np.asarray(enough, dtype=bool)

    def predict_proba(self, X: Any) -> FloatArray:
        """Return how sure each label is.

        Parameters
        ----------
        X : Series or sequence of str
            The texts.

        Returns
        -------
        ndarray of shape (n_texts, n_classes)
            In [0, 1]. After a fit with one label a text the rows sum to 1, unless nothing speaks for any
            label; else every label stands for itself. Keywords state a weight of evidence, not a frequency.

        Raises
        ------
        DataError, ParameterTypeError
            If `X` holds no texts.

        Examples
        --------
        >>> reader = ComplaintClassifier(Lexicon({"price": ["dear"], "staff": ["rude"]})).fit(["dear"])
        >>> reader.predict_proba(["too dear", "fine"]).round(1).tolist()
        [[0.7, 0.0], [0.0, 0.0]]
        """
        check_is_fitted(self, "classes_")
        texts, _ = read_texts(X)
        names = self.classes_.tolist()
        found = np.zeros((len(texts), len(names)))
        learned = [place for place, name in enumerate(names) if self.source_[name] == "model"]
        if self._model is not None:
            told = self._model.confidences(texts)
            found[:, learned] = np.column_stack([1.0 - told, told]) if self._mirrored else told
        if len(learned) < len(names):
            rest = {str(name): place for place, name in enumerate(names) if place not in set(learned)}
            for row, text in enumerate(texts):
                for label, confidence in self.lexicon_.confidences(text).items():
                    if label in rest:
                        found[row, rest[label]] = confidence
        if not self.multi_label_:
            total = found.sum(axis=1, keepdims=True)
            found = np.divide(found, total, out=found, where=total > 0)
        return found

    def predict(self, X: Any) -> Array:
        """Return the labels.

        Parameters
        ----------
        X : Series or sequence of str
            The texts.

        Returns
        -------
        ndarray
            After a fit with one label a text: the label of each, or `abstain` where none is sure enough. Else
            zeros and ones of shape (n_texts, n_classes), a row of zeros where none is.

        Raises
        ------
        DataError, ParameterTypeError
            If `X` holds no texts.

        Examples
        --------
        >>> reader = ComplaintClassifier(min_labels=2, min_confidence=0.6)
        >>> reader = reader.fit(["too dear", "so dear", "rude", "very rude"], ["price", "price", "staff", "staff"])
        >>> reader.predict(["dear", "what a rude man", "?"]).tolist()
        ['price', 'staff', 'undecided']
        """
        confidence = self.predict_proba(X)
        if self.multi_label_:
            return np.asarray((confidence >= self.min_confidence) & (confidence > 0), dtype=np.int64)
        best = confidence.argmax(axis=1)
        sure = confidence[np.arange(len(best)), best] >= self.min_confidence
        if sure.all():
            return np.asarray(self.classes_[best])
        labels = self.classes_.astype(object)[best]
        labels[~sure] = self.abstain
        return np.asarray(labels)

    def labels(self, X: Any) -> pd.Series[Any]:
        """Return the labels of each text, surest first.

        Parameters
        ----------
        X : Series or sequence of str
            The texts.

        Returns
        -------
        Series of tuple
            Named "labels", indexed like a Series, else by position; empty where none is sure enough. After a
            fit with one label a text there is at most one.

        Raises
        ------
        DataError, ParameterTypeError
            If `X` holds no texts.

        Examples
        --------
        >>> ComplaintClassifier().fit(["-"]).labels(["Rude staff, and expensive"]).iloc[0]
        ('price', 'service_quality')
        """
        listed, index = read_texts(X)
        confidence = self.predict_proba(listed)
        given = (confidence >= self.min_confidence) & (confidence > 0)
        # equal confidences in the order of the classes
        order = np.argsort(-np.round(confidence, 9), axis=1, kind="stable")
        if not self.multi_label_:
            order = order[:, :1]
        found = np.empty(len(listed), dtype=object)
        for row in range(len(listed)):
            found[row] = tuple(self.classes_[place] for place in order[row] if given[row, place])
        return pd.Series(found, index=index, name="labels", dtype=object)

    def evidence(self, X: Any) -> pd.DataFrame:
        """Return the words that speak for each reason, and where they stand.

        Keywords are found whether a label was learned or not, so that a person can see at a glance what a
        text says; a learned label may rest on other words.

        Parameters
        ----------
        X : Series or sequence of str
            The texts.

        Returns
        -------
        DataFrame
            A row for each find, indexed like the texts (level "text_id" without names): label, text
            (the words as written), start and end (in the text as written, half-open), weight, negation.

        Raises
        ------
        DataError, ParameterTypeError
            If `X` holds no texts.

        Examples
        --------
        >>> ComplaintClassifier().fit(["-"]).evidence(pd.Series({"a7": "涨价了"}))[["label", "start", "end"]]
                 label  start  end
        text_id
        a7       price      0    2
        """
        check_is_fitted(self, "classes_")
        listed, index = read_texts(X)
        rows, names = [], []
        for name, text in zip(index, listed, strict=True):
            for found in self.lexicon_.find(text):
                rows.append([getattr(found, column) for column in _EVIDENCE])
                names.append(name)
        frame = pd.DataFrame(rows, columns=_EVIDENCE)
        frame.index = pd.Index(names, name="text_id" if index.name is None else index.name, dtype=index.dtype)
        return frame

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return the macro-F1, in which a rare label counts as much as a frequent one.

        Parameters
        ----------
        X : Series or sequence of str
            The texts.
        y : array-like
            Their labels, in the form of the fit.
        sample_weight : array-like of shape (n_texts,), default=None
            Weight of each text.

        Returns
        -------
        float
            In [0, 1]. A text without an answer counts against its label.

        Raises
        ------
        DataError
            If labels are missing, or unknown to the fit.

        Examples
        --------
        >>> texts, y = ["too dear", "so dear", "rude", "very rude"], ["price", "price", "staff", "staff"]
        >>> ComplaintClassifier(min_labels=2, min_confidence=0).fit(texts, y).score(texts, y)
        1.0
        """
        from sklearn.metrics import f1_score

        predicted = self.predict(X)
        known = self.classes_.tolist()
        truth = read_labels(y, len(predicted))
        strange = [name for name in truth.classes.tolist() if name not in known]
        if strange or truth.several != self.multi_label_:
            raise DataError(
                message(
                    f"the fit knows {len(known)} labels ({some(known)}); y has others ({some(strange)}), or "
                    "another form",
                    "labels of the fit, in its form",
                    "classifier.score(texts, y) with the labels of fit",
                )
            )
        if self.multi_label_:
            places = [truth.classes.tolist().index(name) if name in truth.classes else -1 for name in known]
            padded = np.column_stack([truth.true, np.zeros(len(truth.true), dtype=bool)])
            wanted: Any = padded[:, places].astype(np.int64)
            return float(f1_score(wanted, predicted, average="macro", sample_weight=sample_weight, zero_division=0))
        code = {name: place for place, name in enumerate(known)}
        wanted = [code[name] for name in truth.classes[truth.true.argmax(axis=1)].tolist()]
        given = [code.get(name, len(known)) for name in predicted.tolist()]
        everything = list(range(len(known)))
        return float(
            f1_score(wanted, given, labels=everything, average="macro", sample_weight=sample_weight, zero_division=0)
        )
