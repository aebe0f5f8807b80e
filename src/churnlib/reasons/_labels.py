"""Labels of texts: one for each, or several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import named_rows
from churnlib._typing import Array, BoolArray
from churnlib.exceptions import DataError, message

__all__ = ["TextLabels", "read_labels"]


@dataclass(frozen=True, slots=True, eq=False)
class TextLabels:
    """Which label is true of which text.

    Attributes
    ----------
    classes : ndarray
        The labels, ascending.
    true : ndarray of bool, shape (n_texts, n_classes)
        Which are true.
    several : bool
        Whether a text may have several, or none.
    """

    classes: Array
    true: BoolArray
    several: bool


def read_labels(y: Any, n_texts: int) -> TextLabels:
    """Read labels as they come.

    Parameters
    ----------
    y : array-like
        One label for each text; or a list of labels for each; or a frame of zeros and ones with the
        labels as columns.
    n_texts : int
        How many texts there are.

    Returns
    -------
    TextLabels
        As a table.

    Raises
    ------
    DataError
        When there is not one entry for each text, labels are missing, or only one label is there.

    Examples
    --------
    >>> read_labels([["price"], ["price", "network"], []], 3).true.tolist()
    [[False, True], [True, True], [False, False]]
    """
    if isinstance(y, pd.DataFrame):
        return _indicators(y, n_texts)
    listed = list(y)
    if len(listed) != n_texts:
        raise DataError(
            message(
                f"there are {n_texts:,} texts and {len(listed):,} labels (inconsistent numbers of samples)",
                "labels for every text",
                "classifier.fit(frame['text'], frame['label'])",
            )
        )
    several = [isinstance(entry, list | tuple | set | frozenset | np.ndarray) for entry in listed]
    if all(several):
        sets = [set(entry) for entry in listed]
        classes = np.array(sorted({label for entry in sets for label in entry}), dtype=object)
        true = np.array([[label in entry for label in classes] for entry in sets], dtype=bool)
        return _enough(TextLabels(classes, true.reshape(n_texts, len(classes)), several=True))
    missing = np.array([pd.isna(entry) if not own else True for entry, own in zip(listed, several, strict=True)])
    if missing.any():
        raise DataError(
            message(
                f"{int(missing.sum()):,} of {n_texts:,} labels are missing, or lists among single labels "
                f"({named_rows(missing)})",
                "one label for each text, or a list of labels for each",
                "frame = frame.dropna(subset=['label'])",
            )
        )
    classes, code = np.unique(np.asarray(listed), return_inverse=True)
    true = code.reshape(-1)[:, None] == np.arange(len(classes))
    return _enough(TextLabels(classes, true, several=False))


def _indicators(y: pd.DataFrame, n_texts: int) -> TextLabels:
    values = y.to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = ~np.isin(values, [0.0, 1.0]).all(axis=1)
    if len(values) != n_texts or wrong.any():
        raise DataError(
            message(
                f"the frame of labels has {len(values):,} rows for {n_texts:,} texts, {int(wrong.sum()):,} of them "
                "with other values than 0 and 1",
                "a row of zeros and ones for each text",
                "pandas.get_dummies(frame['label'])",
            )
        )
    names = np.array([str(name) for name in y.columns], dtype=object)
    return _enough(TextLabels(names, values == 1.0, several=True))


def _enough(labels: TextLabels) -> TextLabels:
    if len(labels.classes) >= 2 or (labels.several and len(labels.classes) == 1):
        return labels
    raise DataError(
        message(
            f"the labels hold {len(labels.classes)} class" + ("es" if not len(labels.classes) else ""),
            "two kinds of text at least",
            "classifier.fit(texts) without labels uses the lexicon",
        )
    )
