"""Why alerts fire, for the customers asked for: conditions with values and margins, and reasons in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from churnlib._typing import Array, FloatArray, IntArray
from churnlib.alerts._because import Place, parts_of, shown
from churnlib.alerts._conditions import Part
from churnlib.alerts._rule import Rule
from churnlib.calendar import DAY_US
from churnlib.exceptions import ParameterError, message, some
from churnlib.expressions import Columns, Expression
from churnlib.expressions._margin import margin_of

if TYPE_CHECKING:
    from churnlib.alerts._alert_step import AlertStep

__all__ = ["explained", "worded"]

_COLUMNS = (
    "customer_id",
    "rule",
    "part",
    "condition",
    "holds",
    "value",
    "threshold",
    "margin",
    "left_out",
    "clears_when",
)


def explained(step: AlertStep, rows: IntArray) -> pd.DataFrame:
    """Make the table of `AlertStep.explain`.

    Parameters
    ----------
    step : AlertStep
        The step.
    rows : ndarray of int
        Positions of customers in the step, in the order asked for.

    Returns
    -------
    DataFrame
        One row for each firing rule and single condition.
    """
    blocks = [block for k in range(len(step._steps)) for block in _of_rule(step, k, rows)]
    place = _joined([block["place"] for block in blocks], np.int64)
    order = np.argsort(place, kind="stable")
    sizes = [len(block["place"]) for block in blocks]
    frame: dict[str, Any] = {"customer_id": step._customers[rows[place[order]]]}
    for name in ("rule", "part", "condition", "clears_when"):
        frame[name] = _categories([block[name] for block in blocks], sizes, order)
    holds, known = (_joined([block[name] for block in blocks], bool)[order] for name in ("true", "known"))
    frame["holds"] = pd.arrays.BooleanArray(holds, ~known)
    for name in ("value", "threshold"):
        frame[name] = _joined([block[name] for block in blocks], object)[order]
    for name in ("margin", "left_out"):
        frame[name] = _joined([block[name] for block in blocks], np.float64)[order]
    return pd.DataFrame(frame, columns=list(_COLUMNS))


def _of_rule(step: AlertStep, k: int, rows: IntArray) -> Iterator[dict[str, Any]]:
    """Yield a block for each single condition of one rule, over the rows where it fires."""
    bound = step._bound[k]
    place = np.flatnonzero(step._steps[k].firing[rows])
    if not len(place):
        return
    part = Part(step._columns, _positions(step, rows[place]), bound.pauses, step._now)
    for name, expression in (("when", bound.rule.when), ("clear", bound.rule.clear)):
        for condition in () if expression is None else expression.conditions:
            with np.errstate(all="ignore"):
                block = _of_condition(condition, step._columns, part, len(place))
            yield block | {
                "place": place, "rule": bound.rule.id, "part": name, "condition": condition.text,
                "clears_when": bound.rule.clears_when,
            }  # fmt: skip


def _positions(step: AlertStep, rows: IntArray) -> IntArray:
    """Return where customers of a step stand in the frame they came in."""
    return rows if step._order is None else step._order[rows]


def _of_condition(condition: Expression, columns: Columns, part: Part, n: int) -> dict[str, Any]:
    found = margin_of(condition, columns)
    true, false = (np.broadcast_to(half, n) for half in found.holds(part))
    threshold = found.threshold if isinstance(found.threshold, str) else _objects(found.threshold(part), "number", n)
    margin = np.nan if found.margin is None else found.margin(part)
    return {
        "true": true,
        "known": true | false,
        "value": _objects(found.value(part), found.kind, n),
        "threshold": np.full(n, threshold, dtype=object),
        "margin": np.broadcast_to(np.asarray(margin, dtype=np.float64), n),
        "left_out": _left_out(condition, part, n),
    }


def _left_out(condition: Expression, part: Part, n: int) -> FloatArray:
    """Return what a calendar took out of the silence that a condition reads."""
    for name in condition.names:
        if name in part.pauses:
            raw = Part(part.columns, part.rows, {}, part.now).read(name, _kind(part.columns, name))
            return np.asarray(raw - part.read(name, _kind(part.columns, name)))
    return np.zeros(n)


def _kind(columns: Columns, name: str) -> str:
    kind = columns[name].kind
    return "number" if kind == "unknown" else kind


def _objects(values: Any, kind: str, n: int) -> Array:
    if kind == "boolean":
        true, false = (np.broadcast_to(half, n) for half in values)
        objects = true.astype(object)
        objects[~(true | false)] = None
        return objects
    return np.broadcast_to(np.asarray(values), n).astype(object)


def _categories(names: list[str], sizes: list[int], order: IntArray) -> pd.Categorical:
    distinct = list(dict.fromkeys(names))
    codes = np.repeat(np.array([distinct.index(name) for name in names], dtype=np.int64), sizes)
    return pd.Categorical.from_codes(codes[order], pd.Index(distinct, dtype=object))


def _joined(parts: list[Any], kind: Any) -> Any:
    return np.concatenate(parts) if parts else np.empty(0, dtype=kind)


# -- words --------------------------------------------------------------------------------------


def worded(step: AlertStep, rows: IntArray, language: str | None) -> pd.DataFrame:
    """Make the table of `AlertStep.because`.

    Parameters
    ----------
    step : AlertStep
        The step.
    rows : ndarray of int
        Positions of customers in the step, in the order asked for.
    language : str or None
        Which of the texts.

    Returns
    -------
    DataFrame
        One row for each firing rule.
    """
    texts = [_text(one.rule, language) for one in step._bound]
    places, which, levels = [], [], []
    said: list[str] = []
    for k, found in enumerate(step._steps):
        place = np.flatnonzero(found.firing[rows])
        chosen = rows[place]
        places.append(place)
        which.append(np.full(len(place), k))
        levels.append(found.levels(chosen, step._now))
        # silences in words are as long as they were: what a calendar takes out of them stands in explain
        said += _written(texts[k], Part(step._columns, _positions(step, chosen), {}, step._now), len(chosen))
    order = np.argsort(_joined(places, np.int64), kind="stable")
    at = rows[_joined(places, np.int64)[order]]
    ids = pd.Index(step._rules.ids, dtype=object)
    return pd.DataFrame(
        {
            "customer_id": step._customers[at],
            "rule": pd.Categorical.from_codes(_joined(which, np.int64)[order], ids),
            "level": _joined(levels, np.int64)[order],
            "text": [said[k] for k in order],
        }
    )


def _text(rule: Rule, language: str | None) -> tuple[str | Place, ...]:
    texts = dict(rule.because)
    if not texts:
        return (rule.when.text,)
    if language in texts:
        return parts_of(texts[language])
    if "" in texts:
        return parts_of(texts[""])
    if language is None and len(texts) == 1:
        return parts_of(*texts.values())
    raise ParameterError(
        message(
            f"rule {rule.id!r} has no text " + ("for all languages" if language is None else f"in {language!r}"),
            f"it has {some(texts)}",
            f"language={next(iter(texts))!r}",
        )
    )


def _written(parts: tuple[str | Place, ...], source: Part, n: int) -> list[str]:
    columns = [[part] * n if isinstance(part, str) else _values(part, source) for part in parts]
    return ["".join(row) for row in zip(*columns, strict=True)] if columns else [""] * n


def _values(place: Place, source: Part) -> list[str]:
    kind = _kind(source.columns, place.name)
    if kind == "boolean":
        listed = [
            True if true else (False if false else None)
            for true, false in zip(*source.read(place.name, kind), strict=True)
        ]
    elif kind == "text":
        listed = source.read(place.name, kind).tolist()
    elif kind in {"number", "length"}:
        listed = (source.read(place.name, kind) / (DAY_US if kind == "length" else 1)).tolist()
    else:
        raise ParameterError(
            message(
                f"because names {place.name!r}, which holds a {kind}",
                "numbers, texts and truth values",
                "another column",
            )
        )
    write = shown(place)
    return [write(value) for value in listed]
