"""What came of it: the results that those who carried out a plan send back, each line checked."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, SchemaError, message, nearest, some

__all__ = ["DONE", "REACHED", "RESULTS", "matched", "read_results"]

RESULTS = ("accepted", "refused", "reached", "opted out", "no answer", "wrong number", "not done")
"""The words for what came of an action, in the order of the table."""

REACHED = frozenset({"accepted", "refused", "reached", "opted out"})
"""The customer was spoken to."""

DONE = frozenset(RESULTS) - {"not done"}
"""It was tried, whether or not anybody answered."""

_COLUMNS = ("customer_id", "on", "result")
_DELIMITERS = (",", ";", "\t", "|")
_DAY = re.compile(r"^\d{4}-\d{2}-\d{2}")
PROBLEMS = {
    "unknown customer": "customers that the log does not know",
    "unreadable day": "days not written as 2026-03-02",
    "no plan on that day": "customers without a plan on that day",
    "no action planned": "customers for whom nothing was planned that day",
    "unknown word": f"results that are none of {', '.join(RESULTS)}",
    "stands twice": "customers who stand twice for one day",
    "recorded otherwise": "results that contradict one recorded before",
}
"""What can be wrong with a line, in the order in which it is looked for, and how the message says it."""


def read_results(source: Any) -> pd.DataFrame:
    """Read results from a CSV or a frame, as texts.

    Parameters
    ----------
    source : str, path or DataFrame
        With customer_id, on, result, and feedback where there is any. A CSV is UTF-8, with commas,
        semicolons, tabs or bars between the columns.

    Returns
    -------
    DataFrame
        The four columns as texts, by line: 2 is the first below the heading.

    Raises
    ------
    SchemaError
        When a column is missing.
    DataError
        When the file is no CSV in UTF-8.
    ParameterError
        When there is no such file.
    """
    if isinstance(source, pd.DataFrame):
        found = source.copy(deep=False) if set(_COLUMNS) <= set(source.columns) else source.reset_index()
    elif isinstance(source, (str, os.PathLike)):
        found = _read_csv(Path(source))
    else:
        raise ParameterTypeError(
            message(f"results are a {type(source).__name__}", "a CSV or a frame was expected", "log.record('done.csv')")
        )
    names = [str(name).strip().lower() for name in found.columns]
    missing = [name for name in _COLUMNS if names.count(name) != 1]
    if missing:
        raise SchemaError(
            message(
                f"the results have no single column {some(missing)} ({nearest(missing[0], names)})",
                "columns customer_id, on and result, and feedback where there is any",
                "write the list with plan.to_csv(path), and fill it in",
            )
        )
    column = {name: found.iloc[:, names.index(name)] for name in (*_COLUMNS, "feedback") if name in names}
    texts = {name: _texts(values) for name, values in column.items()}
    texts.setdefault("feedback", np.full(len(found), "", dtype=object))
    return pd.DataFrame(texts, index=pd.RangeIndex(2, 2 + len(found), name="line"), dtype=object)


def matched(
    found: pd.DataFrame, log: pd.DataFrame, *, words: Mapping[str, str] | None, replace: bool
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Match results with the rows of a log.

    Parameters
    ----------
    found : DataFrame
        What `read_results` returned.
    log : DataFrame
        The log's frame.
    words : mapping or None
        Words of the file to those of `RESULTS`.
    replace : bool
        Whether results recorded before may change.

    Returns
    -------
    good : DataFrame
        row (position in the log), result, feedback.
    bad : DataFrame
        line, customer_id, on, result, problem.
    """
    filled = found[found["result"] != ""]
    problem = pd.Series("", index=filled.index, dtype=object)
    result = _translated(filled["result"], _vocabulary(words))
    codes = _customer_codes(filled["customer_id"], log["customer_id"])
    day, readable = _days(filled["on"])
    row = _rows(codes, day, log)
    previous = log["result"].astype(object).to_numpy()[row]
    # a row of -1 reads the last one; it has another problem, which is found first
    flags = {
        "unknown customer": codes < 0,
        "unreadable day": ~readable,
        "no plan on that day": row < 0,
        "no action planned": (log["action"].to_numpy(dtype=object)[row] == "none"),
        "unknown word": result.isna().to_numpy(),
        "stands twice": pd.DataFrame({"c": codes, "d": day}).duplicated().to_numpy(),
        "recorded otherwise": ~pd.isna(previous) & (previous != result.to_numpy(dtype=object)) & (not replace),
    }
    for name, flag in flags.items():
        problem[(problem == "").to_numpy() & flag] = name
    wrong = (problem != "").to_numpy()
    bad = filled[wrong].reset_index()[["line", "customer_id", "on", "result"]]
    bad["problem"] = problem[wrong].to_numpy()
    good = pd.DataFrame({"row": row, "result": result.to_numpy(), "feedback": filled["feedback"].to_numpy()})[~wrong]
    return good, bad


def refuse(bad: pd.DataFrame, n: int) -> None:
    """Raise one error that counts all that is wrong with the lines of a file."""
    counted = bad["problem"].value_counts()
    said = [
        f"{counted[name]:,} {text} ({some(_shown(bad, name))})" for name, text in PROBLEMS.items() if name in counted
    ]
    raise DataError(
        message(
            f"{len(bad):,} of {n:,} lines cannot be recorded: {'; '.join(said)}",
            "each line is about a customer with an action on that day, once, in a word that is known",
            "correct the file, words={'own word': 'refused'}, or errors='skip' to see them in log.rejected",
        )
    )


def _shown(bad: pd.DataFrame, name: str) -> list[str]:
    of = bad[bad["problem"] == name]
    what = {"unreadable day": "on", "unknown word": "result"}.get(name, "customer_id")
    return [f"line {line}: {text!r}" for line, text in zip(of["line"], of[what], strict=True)]


def _read_csv(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise ParameterError(message(f"there is no file {str(path)!r}", "the filled list", "plan.to_csv(path)"))
    try:
        with path.open(encoding="utf-8-sig") as file:
            heading = file.readline()
        delimiter = max(_DELIMITERS, key=heading.count)
        return pd.read_csv(path, dtype=str, keep_default_na=False, sep=delimiter, encoding="utf-8-sig")
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(
            message(
                f"{path.name} cannot be read ({str(error).strip()})",
                "a CSV in UTF-8",
                "save it as 'CSV UTF-8' in the spreadsheet",
            )
        ) from None


def _texts(values: pd.Series[Any]) -> np.ndarray[Any, Any]:
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        values = values.dt.strftime("%Y-%m-%d")
    missing = values.isna().to_numpy()
    texts = values.astype(object).map(lambda value: str(value).strip())
    return np.where(missing, "", texts.to_numpy(dtype=object))


def _vocabulary(words: Mapping[str, str] | None) -> dict[str, str]:
    known = {_plain(word): word for word in RESULTS}
    for own, word in (words or {}).items():
        if _plain(word) not in known:
            raise ParameterError(
                message(
                    f"words: {own!r} stands for {word!r}, which is no result ({nearest(word, RESULTS)})",
                    f"one of {some(RESULTS, 12)}",
                    f"words={{{own!r}: 'refused'}}",
                )
            )
    return known | {_plain(own): known[_plain(word)] for own, word in (words or {}).items()}


def _plain(word: Any) -> str:
    return re.sub(r"[\s_-]+", " ", str(word)).strip().casefold()


def _translated(result: pd.Series[Any], vocabulary: Mapping[str, str]) -> pd.Series[Any]:
    return result.map(lambda word: vocabulary.get(_plain(word)))


def _customer_codes(texts: pd.Series[Any], customers: pd.Series[Any]) -> Any:
    """Return the code of each text among the log's customers, -1 where there is none."""
    known = pd.Index(pd.unique(customers.astype(str)))
    exact = known.get_indexer(pd.Index(texts, dtype=object))
    # the list has an apostrophe in front of ids like "=7", and spreadsheets write 7 as 7.0
    loose = texts.str.removeprefix("'").str.replace(r"^(-?\d+)\.0+$", r"\1", regex=True)
    return np.where(exact >= 0, exact, known.get_indexer(pd.Index(loose, dtype=object)))


def _days(texts: pd.Series[Any]) -> tuple[Any, Any]:
    found = pd.to_datetime(texts.where(texts.str.match(_DAY), None).str[:10], format="%Y-%m-%d", errors="coerce")
    return found.to_numpy().astype("M8[D]"), found.notna().to_numpy()


def _rows(codes: Any, day: Any, log: pd.DataFrame) -> Any:
    own = pd.factorize(log["customer_id"].astype(str))[0]
    key = pd.MultiIndex.from_arrays([own, log["on"].to_numpy().astype("M8[D]").astype(np.int64)])
    wanted = pd.MultiIndex.from_arrays([codes, day.astype(np.int64)])
    return key.get_indexer(wanted)
