"""A fitted model for services: a dict in, a probability and its reasons out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from churnlib._checks import check_choice, check_integer
from churnlib._typing import FloatArray
from churnlib._version import __version__
from churnlib.classification._category_text import is_missing
from churnlib.classification._compiled_boosted import CompiledBoosted
from churnlib.classification._compiled_calibration import calibration_of
from churnlib.classification._compiled_codes import CodeBook, CodedReason, check_codes
from churnlib.classification._compiled_file import pack, unpack
from churnlib.classification._compiled_forest import CompiledForest
from churnlib.classification._compiled_logistic import CompiledLogistic
from churnlib.classification._record import Column, RecordReader
from churnlib.exceptions import ChurnlibError, DataError, ParameterTypeError, message, some

__all__ = ["KEYS", "CompiledScorer", "Contribution", "Explanation"]

KEYS = ("strict", "lenient")
_DIRECTIONS = ("raises", "lowers", "both")


class _Model(Protocol):
    """What every compiled model can do with what it reads of a record."""

    read: Any
    size: str

    def probability(self, places: Any) -> float: ...
    def probabilities(self, places: Any) -> list[float]: ...
    def contributions(self, places: Any) -> FloatArray: ...


_MODELS: dict[str, type[_Model]] = {
    "boosted trees": CompiledBoosted,
    "averaged trees": CompiledForest,
    "logistic regression": CompiledLogistic,
}


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one column adds to a customer's log-odds, compared with customers who stay.

    Parameters
    ----------
    feature : str or int
        The column.
    value : object
        As it stands in the record; None where the record does not hold it.
    contribution : float
        Log-odds before calibration; positive raises the risk.
    direction : {"raises", "lowers"}
        Its sign in words.

    Examples
    --------
    >>> Contribution("orders", 0, 0.7, "raises").feature
    'orders'
    """

    feature: str | int
    value: Any
    contribution: float
    direction: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A probability to churn and what speaks for it; `CompiledScorer.explain` makes it.

    Parameters
    ----------
    probability : float
        After calibration, as `CompiledScorer.score` returns it.
    reasons : tuple of Contribution
        Columns, the heaviest first; empty where nothing sets the customer apart.
    codes : tuple of CodedReason
        Reasons of the catalogue; empty without one.
    themes : mapping of str to float
        Log-odds of each theme of the catalogue; empty without one.
    unseen : tuple
        Columns whose category was not seen at fit, and was read as a missing value.

    Examples
    --------
    >>> Explanation(0.5, (Contribution("orders", 0, 0.7, "raises"),)).to_dict()["reasons"][0]["feature"]
    'orders'
    """

    probability: float
    reasons: tuple[Contribution, ...]
    codes: tuple[CodedReason, ...] = ()
    themes: Mapping[str, float] = field(default_factory=dict)
    unseen: tuple[str | int, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON.

        Returns
        -------
        dict
            probability, reasons, codes, themes and unseen. Values that JSON does not know become text.

        Examples
        --------
        >>> import json
        >>> json.dumps(Explanation(0.5, ()).to_dict())
        '{"probability": 0.5, "reasons": [], "codes": [], "themes": {}, "unseen": []}'
        """
        return {
            "probability": self.probability,
            "reasons": [{**asdict(reason), "value": _plain(reason.value)} for reason in self.reasons],
            "codes": [asdict(code) for code in self.codes],
            "themes": dict(self.themes),
            "unseen": list(self.unseen),
        }


class CompiledScorer:
    """The probability to churn of one customer in microseconds, from a plain dict.

    ``model.compile()`` makes it from a fitted `ChurnClassifier`. It states what
    ``model.predict_proba`` states, calibration included, for the same values: None and NaN
    are missing, categories are compared by their text, and one not seen at fit is a missing
    value. There is no pandas, scikit-learn or xgboost on the way.

    It is stored as JSON, never as a pickle: the trees or coefficients, the thresholds and
    categories of each column, the calibration, and what reasons are compared with, which is
    the mean contribution of retained customers, or for other models than xgboost a typical
    retained customer made of medians and most frequent categories. No customer's row is in it.
    A threshold of a fully grown forest lies between two values of the training rows, though,
    and a category that one customer alone had is there by its name.

    All arrays are read-only and no buffer is kept between calls: threads may share one.

    Parameters
    ----------
    content : mapping
        What `to_json` stores; use ``model.compile()``, `load` or `from_json`.
    version : str, optional
        The churnlib that compiled it.

    Attributes
    ----------
    columns : tuple
        Names of the columns, in the order of the fit.
    keys : {"strict", "lenient"}
        What is done about unknown and absent keys.
    digest : str
        SHA-256 of the content.
    version : str
        The churnlib that compiled it.

    Examples
    --------
    >>> import pandas as pd
    >>> from churnlib.classification import ChurnClassifier
    >>> X = pd.DataFrame({"silence": [5.0, 80, 3, 90] * 25, "plan": ["gold", "basic"] * 50})
    >>> model = ChurnClassifier(random_state=0, tune=None).fit(X, [0, 1] * 50)
    >>> scorer = model.compile()
    >>> p = scorer.score({"silence": 85.0, "plan": "basic"})
    >>> round(p, 3) == round(float(model.predict_proba(pd.DataFrame({"silence": [85.0], "plan": ["basic"]}))[0, 1]), 3)
    True
    >>> CompiledScorer.from_json(scorer.to_json()) == scorer
    True
    """

    __slots__ = ("_book", "_calibrate", "_content", "_model", "_read", "_reader", "_text", "digest", "version")

    def __init__(self, content: Mapping[str, Any], version: str = __version__) -> None:
        self._content = dict(content)
        self.version = version
        try:
            self._build()
        except ChurnlibError:
            raise
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
            raise DataError(
                message(
                    f"the compiled model cannot be read: {type(error).__name__}: {error}",
                    "content as to_json() writes it",
                    "compile the fitted model again: model.compile()",
                )
            ) from error
        self._text, self.digest = pack(self._content, version)

    def _build(self) -> None:
        columns = tuple(
            Column(
                entry["name"],
                None if entry["categories"] is None else tuple(entry["categories"]),
                tuple(map(float, entry["cuts"])),
            )
            for entry in self._content["columns"]
        )
        if len({column.name for column in columns}) < len(columns):
            raise ValueError("two columns have the same name")
        if any(low >= high for column in columns for low, high in pairwise(column.cuts)):
            raise ValueError("thresholds of a column do not ascend")
        strict = check_choice(self._content["keys"], KEYS, name="keys") == "strict"
        self._reader = RecordReader(columns, strict=strict)
        plain = self._content["model"]
        kind = check_choice(plain["kind"], tuple(_MODELS), name="kind")
        self._model: _Model = _MODELS[kind](plain, columns, self._reader)  # type: ignore[call-arg]
        self._read = self._model.read
        self._calibrate = calibration_of(self._content["calibration"])
        catalog = self._content["catalog"]
        self._book = None if catalog is None else CodeBook(catalog, self.columns)

    @property
    def columns(self) -> tuple[str | int, ...]:
        """Names of the columns, in the order of the fit."""
        return tuple(column.name for column in self._reader.columns)

    @property
    def keys(self) -> str:
        """What is done about unknown and absent keys: "strict" or "lenient"."""
        return str(self._content["keys"])

    def with_keys(self, keys: str) -> CompiledScorer:
        """Return the same model with another way to treat unknown and absent keys.

        Parameters
        ----------
        keys : {"strict", "lenient"}
            Strict: a record has exactly the columns of the fit. Lenient: an unknown key is
            left alone and an absent one is a missing value.

        Returns
        -------
        CompiledScorer
            A new one.

        Raises
        ------
        ParameterError
            If `keys` is neither.

        Examples
        --------
        >>> import pandas as pd
        >>> from sklearn.linear_model import LogisticRegression
        >>> from churnlib.classification import ChurnClassifier
        >>> X = pd.DataFrame({"orders": [1.0, 2, 3, 4]})
        >>> model = ChurnClassifier(LogisticRegression(), calibration=None).fit(X, [1, 1, 0, 0])
        >>> round(model.compile().with_keys("lenient").score({"phone": "0044"}), 6)
        0.5
        """
        check_choice(keys, KEYS, name="keys")
        return CompiledScorer({**self._content, "keys": keys}, self.version)

    def score(self, record: Mapping[Any, Any]) -> float:
        """Return the probability to churn of one customer.

        Parameters
        ----------
        record : mapping
            Column names and values.

        Returns
        -------
        float
            In [0, 1], after calibration: ``model.predict_proba(...)[0, 1]``.

        Raises
        ------
        SchemaError
            If keys are unknown or absent (unless lenient), or a value is of another kind
            than at fit: text in a column of numbers, a list.
        DataError
            If a number is infinite.
        ParameterTypeError
            If the record is no mapping.

        Examples
        --------
        >>> import pandas as pd
        >>> from sklearn.linear_model import LogisticRegression
        >>> from churnlib.classification import ChurnClassifier
        >>> X = pd.DataFrame({"orders": [1.0, 2, 3, 4]})
        >>> scorer = ChurnClassifier(LogisticRegression(), calibration=None).fit(X, [1, 1, 0, 0]).compile()
        >>> round(scorer.score({"orders": 1}), 2)
        0.78
        """
        probability = self._model.probability(self._read(record))
        return probability if self._calibrate is None else self._calibrate(probability)

    def score_many(self, records: Iterable[Mapping[Any, Any]]) -> FloatArray:
        """Return the probability to churn of several customers.

        Parameters
        ----------
        records : iterable of mapping
            One for each customer.

        Returns
        -------
        ndarray of shape (n_records,)
            As `score` of each, to the bit.

        Raises
        ------
        SchemaError, DataError, ParameterTypeError
            As `score`, with the position of the first record that cannot be read.

        Examples
        --------
        >>> import pandas as pd
        >>> from sklearn.linear_model import LogisticRegression
        >>> from churnlib.classification import ChurnClassifier
        >>> X = pd.DataFrame({"orders": [1.0, 2, 3, 4]})
        >>> scorer = ChurnClassifier(LogisticRegression(), calibration=None).fit(X, [1, 1, 0, 0]).compile()
        >>> scorer.score_many(X.to_dict("records")).round(2).tolist()
        [0.78, 0.6, 0.4, 0.22]
        """
        if isinstance(records, Mapping | str) or hasattr(records, "columns") or not isinstance(records, Iterable):
            raise ParameterTypeError(
                message(
                    f"records is a {type(records).__name__}",
                    "a list of dicts, one for each customer, was expected",
                    "scorer.score_many(frame.to_dict('records')), or scorer.score(record) for one",
                )
            )
        places = []
        for position, record in enumerate(records):
            try:
                places.append(self._read(record))
            except ChurnlibError as error:
                raise type(error)(f"record {position:,}: {error}") from None
        probabilities = self._model.probabilities(places)
        calibrate = self._calibrate
        return np.array(probabilities if calibrate is None else [calibrate(p) for p in probabilities], dtype=np.float64)

    def explain(
        self,
        record: Mapping[Any, Any],
        top: int = 2,
        direction: str = "raises",
        *,
        language: str = "en",
        min_effect: float = 0.1,
    ) -> Explanation:
        """Return the probability of one customer with what sets them apart from customers who stay.

        Contributions are those of ``model.reasons`` and ``model.contributions``: for xgboost exact
        tree Shapley values less their mean over retained customers, for other models the
        change of the log-odds when a column takes the value of a typical retained customer.
        They describe the model and are not effects.

        Parameters
        ----------
        record : mapping
            Column names and values.
        top : int, default=2
            At most so many reasons, and so many codes.
        direction : {"raises", "lowers", "both"}, default="raises"
            Columns that speak for leaving, for staying, or whatever weighs most. Codes always raise.
        language : {"en", "zh"}, default="en"
            Language of the catalogue's texts.
        min_effect : float, default=0.1
            Log-odds below which a theme of the catalogue is no reason.

        Returns
        -------
        Explanation
            probability, reasons; codes and themes if a catalogue was compiled in; and the
            columns whose category was not seen at fit.

        Raises
        ------
        ParameterError, ParameterTypeError
            If an argument cannot work.
        SchemaError, DataError
            As `score`.

        Examples
        --------
        >>> import pandas as pd
        >>> from sklearn.linear_model import LogisticRegression
        >>> from churnlib.classification import ChurnClassifier
        >>> X = pd.DataFrame({"orders": [1.0, 2, 3, 4], "plan": ["a", "a", "b", "b"]})
        >>> scorer = ChurnClassifier(LogisticRegression(), calibration=None).fit(X, [1, 1, 0, 0]).compile()
        >>> told = scorer.explain({"orders": 1, "plan": "c"})
        >>> [reason.feature for reason in told.reasons], told.unseen
        (['orders', 'plan'], ('plan',))
        """
        check_choice(direction, _DIRECTIONS, name="direction")
        check_integer(top, name="top", low=1)
        check_codes(language, min_effect)
        places = self._read(record)
        contribution = self._model.contributions(places)
        probability = self._model.probability(places)
        book = self._book
        return Explanation(
            probability if self._calibrate is None else self._calibrate(probability),
            self._heaviest(record, contribution.tolist(), top, direction),
            () if book is None else book.reasons(contribution, top=top, min_effect=min_effect, language=language),
            {} if book is None else book.themes(contribution),
            self._reader.unseen(record),
        )

    def _heaviest(
        self, record: Mapping[Any, Any], contribution: list[float], top: int, direction: str
    ) -> tuple[Contribution, ...]:
        if direction == "both":
            size = [abs(moved) for moved in contribution]
        else:
            size = contribution if direction == "raises" else [-moved for moved in contribution]
        # sorting is stable: of two columns that weigh the same, the first one comes first
        order = sorted(range(len(size)), key=size.__getitem__, reverse=True)[:top]
        names = self.columns
        return tuple(
            Contribution(names[k], record.get(names[k]), contribution[k], "raises" if contribution[k] > 0 else "lowers")
            for k in order
            if size[k] > 0
        )

    def contributions(self, record: Mapping[Any, Any]) -> dict[str | int, float]:
        """Return the contribution of every column, as `explain` ranks them.

        Parameters
        ----------
        record : mapping
            Column names and values.

        Returns
        -------
        dict
            Log-odds by column, in the order of the fit; positive raises the risk.

        Examples
        --------
        >>> import pandas as pd
        >>> from sklearn.linear_model import LogisticRegression
        >>> from churnlib.classification import ChurnClassifier
        >>> X = pd.DataFrame({"orders": [1.0, 2, 3, 4]})
        >>> scorer = ChurnClassifier(LogisticRegression(), calibration=None).fit(X, [1, 1, 0, 0]).compile()
        >>> round(scorer.contributions({"orders": 1})["orders"], 1)
        1.7
        """
        moved = self._model.contributions(self._read(record)).tolist()
        return dict(zip(self.columns, moved, strict=True))

    # -- to files and back -----------------------------------------------------------------

    def to_json(self) -> str:
        """Return the model as JSON text.

        Returns
        -------
        str
            With schema_version, the churnlib that compiled it, and a digest. The same model
            always gives the same bytes, and reading and writing it again does too.

        Examples
        --------
        >>> import json, pandas as pd
        >>> from sklearn.linear_model import LogisticRegression
        >>> from churnlib.classification import ChurnClassifier
        >>> X = pd.DataFrame({"orders": [1.0, 2, 3, 4]})
        >>> scorer = ChurnClassifier(LogisticRegression(), calibration=None).fit(X, [1, 1, 0, 0]).compile()
        >>> sorted(json.loads(scorer.to_json()))
        ['churnlib', 'content', 'digest', 'kind', 'schema_version']
        """
        return self._text

    @classmethod
    def from_json(cls, text: str) -> CompiledScorer:
        """Read what `to_json` wrote.

        Parameters
        ----------
        text : str
            JSON text.

        Returns
        -------
        CompiledScorer
            With the scores of the one that was written, to the bit.

        Raises
        ------
        VersionError
            If another schema wrote it, or it was changed after it was written.
        DataError
            If it is no JSON, or JSON of another kind.
        ParameterTypeError
            If it is no text.

        Examples
        --------
        >>> CompiledScorer.from_json('{"kind": "invoice"}')
        Traceback (most recent call last):
            ...
        churnlib.exceptions.DataError: the text is other JSON: of the kind 'invoice' ...
        """
        return cls(*unpack(text))

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the model to a file.

        Parameters
        ----------
        path : str or path
            Where; a file that stands there is replaced.

        Returns
        -------
        Path
            The same.

        Examples
        --------
        >>> import pandas as pd, tempfile
        >>> from sklearn.linear_model import LogisticRegression
        >>> from churnlib.classification import ChurnClassifier
        >>> X = pd.DataFrame({"orders": [1.0, 2, 3, 4]})
        >>> scorer = ChurnClassifier(LogisticRegression(), calibration=None).fit(X, [1, 1, 0, 0]).compile()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     CompiledScorer.load(scorer.save(f"{folder}/churn.json")) == scorer
        True
        """
        where = Path(path)
        where.write_bytes(self._text.encode("ascii"))
        return where

    @classmethod
    def load(cls, path: str | PathLike[str]) -> CompiledScorer:
        """Read a file that `save` wrote.

        Parameters
        ----------
        path : str or path
            Where it is.

        Returns
        -------
        CompiledScorer
            The model.

        Raises
        ------
        VersionError, DataError
            As `from_json`, with the path.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "notes.txt")
        ...     _ = path.write_text("call Ann")
        ...     CompiledScorer.load(path)
        Traceback (most recent call last):
            ...
        churnlib.exceptions.DataError: .../notes.txt: the text is no JSON ...
        """
        where = Path(path)
        try:
            return cls.from_json(where.read_bytes().decode("utf-8", "replace"))
        except ChurnlibError as error:
            raise type(error)(f"{where}: {error}") from None

    def __reduce__(self) -> tuple[Any, ...]:
        # the text, not the tables made from it: small, and the same bytes in every process
        return (CompiledScorer.from_json, (self._text,))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CompiledScorer) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        calibration = self._content["calibration"]["kind"]
        return (
            f"CompiledScorer({self._model.size} on {len(self.columns)} columns ({some(self.columns, 3)}), "
            f"calibration {calibration}, {self.keys} keys, digest {self.digest[:12]})"
        )


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: numbers, text, true and false, or null."""
    if is_missing(value):
        return None
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return str(value)
