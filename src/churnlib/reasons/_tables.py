"""Reasons counted: the few that make up most (Pareto), and all of them on their bones (fishbone)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import check_choice, check_integer
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, SchemaError, message, nearest, some
from churnlib.numerics import wilson_interval
from churnlib.reasons._catalog import ReasonCatalog
from churnlib.reasons._codes import NO_REASON_TEXT, ReasonCodes
from churnlib.reasons._contributions import _catalog
from churnlib.reasons._reason import LANGUAGES, NO_DOMINANT_REASON

__all__ = ["ALL_CUSTOMERS", "fishbone_table", "pareto_table"]

ALL_CUSTOMERS = "(all)"
"""The group of everybody, those who answered without a name among them."""

_VITAL = 80
"""Percent."""
_MAKER = "pareto_table(codes), or a frame with the columns customer_id and code"


def pareto_table(
    source: ReasonCodes | pd.DataFrame,
    catalog: ReasonCatalog | None = None,
    *,
    by: str = "theme",
    top: int = 1,
    customer: str = "customer_id",
    code: str = "code",
    group: pd.Series[Any] | None = None,
    confidence: float = 0.95,
    language: str = "en",
) -> pd.DataFrame:
    """Rank reasons by how often they are stated, with the running share.

    From reason codes every customer counts with the first `top` codes. Of a survey every answer
    counts, but a customer who states one reason twice counts once. An answer without a customer is
    anonymous: it counts in the totals of all customers, and in no group.

    Parameters
    ----------
    source : ReasonCodes or DataFrame
        Codes of customers, or answers, one a row, with a column of codes (or themes) and one of customers that
        may be missing.
    catalog : ReasonCatalog or None, default=None
        What the codes mean; None is that of the ReasonCodes, or the standard one.
    by : {"theme", "code"}, default="theme"
        What to count.
    top : int, default=1
        Of reason codes: how many of each customer.
    customer, code : str
        Columns of a survey.
    group : Series by customer or None, default=None
        Segment, plan or branch of each customer, to count each apart.
    confidence : float, default=0.95
        Of the intervals of the shares; see `churnlib.numerics.wilson_interval`.
    language : {"en", "zh"}, default="en"
        Language of the texts.

    Returns
    -------
    DataFrame
        Indexed by theme or code, most frequent first (with `group`: by group and reason, "(all)" first):
        text, stated (how often), customers (of them known), anonymous, share with low and high,
        cumulative_share, vital (among the first that make up 80 % of the answers), controllable (of a
        theme: "mixed" where its reasons differ). No dominant reason comes last.

    Raises
    ------
    SchemaError
        If a column is missing.
    DataError
        If there are no answers, an answer is missing, or a customer has no group, with their count.
    ParameterError, ParameterTypeError
        If an argument cannot work, or a code is not in the catalogue.

    Examples
    --------
    >>> survey = pd.DataFrame(
    ...     {"customer_id": ["ann", "ann", "bob", None], "code": ["PRC01", "PRC01", "SRV01", "PRC03"]}
    ... )
    >>> pareto_table(survey)[["stated", "customers", "anonymous", "share"]].round(2)
                     stated  customers  anonymous  share
    theme
    price                 2          1          1   0.67
    service_quality       1          1          0   0.33
    """
    check_choice(by, ("theme", "code"), name="by")
    check_choice(language, LANGUAGES, name="language")
    catalog = _of(source, catalog)
    answers = _answers(source, catalog, by=by, top=top, customer=customer, code=code)
    if group is None:
        return _pareto(answers, catalog, by, confidence, language)
    parts = {ALL_CUSTOMERS: answers} | _parts(answers, group)
    tables = {name: _pareto(part, catalog, by, confidence, language) for name, part in parts.items()}
    return pd.concat(tables, names=["group", by])


def fishbone_table(
    source: ReasonCodes | pd.DataFrame,
    catalog: ReasonCatalog | None = None,
    *,
    top: int = 1,
    customer: str = "customer_id",
    code: str = "code",
    language: str = "en",
) -> pd.DataFrame:
    """Count every reason on the bone of its theme, with what is known about it.

    Parameters
    ----------
    source : ReasonCodes or DataFrame
        As in `pareto_table`, with codes.
    catalog : ReasonCatalog or None, default=None
        What the codes mean; None is that of the ReasonCodes, or the standard one.
    top : int, default=1
        Of reason codes: how many of each customer.
    customer, code : str
        Columns of a survey.
    language : {"en", "zh"}, default="en"
        Language of the texts.

    Returns
    -------
    DataFrame
        Indexed by theme and code, the most frequent theme first, and in it the most frequent code:
        theme_text, text, stated, share (of all), share_in_theme, controllable, origin, nature.
        Customers without a dominant reason hang on no bone and are left out; `pareto_table` counts them.

    Raises
    ------
    SchemaError, DataError, ParameterError, ParameterTypeError
        As `pareto_table`.

    Examples
    --------
    >>> survey = pd.DataFrame({"customer_id": ["ann", "bob", None], "code": ["PRC01", "PRC03", "PRC03"]})
    >>> fishbone_table(survey)[["stated", "share_in_theme", "origin"]].round(2)
                  stated  share_in_theme    origin
    theme code
    price PRC03        2            0.67  internal
          PRC01        1            0.33  internal
    """
    check_choice(language, LANGUAGES, name="language")
    catalog = _of(source, catalog)
    answers = _answers(source, catalog, by="code", top=top, customer=customer, code=code)
    answers = answers[answers["reason"] != NO_DOMINANT_REASON]
    if answers.empty:
        raise DataError(message("nobody has a dominant reason", "there is nothing to hang on a bone", _MAKER))
    counts = answers["reason"].value_counts()
    rows = []
    for name in (name for name in catalog.codes if name in counts.index):
        reason = catalog[name]
        rows.append(
            {
                "theme": reason.theme,
                "code": name,
                "theme_text": catalog.theme_text(reason.theme, language),
                "text": reason.text_in(language),
                "stated": int(counts[name]),
                "controllable": reason.controllable,
                "origin": reason.origin,
                "nature": reason.nature,
            }
        )
    frame = pd.DataFrame(rows)
    total = frame.groupby("theme")["stated"].transform("sum")
    frame.insert(5, "share", frame["stated"] / frame["stated"].sum())
    frame.insert(6, "share_in_theme", frame["stated"] / total)
    rank = frame["theme"].map(catalog.themes.index)
    order = np.lexsort((-frame["stated"].to_numpy(), rank.to_numpy(), -total.to_numpy()))
    return frame.iloc[order].set_index(["theme", "code"])


def _of(source: Any, catalog: Any) -> ReasonCatalog:
    return source.catalog if catalog is None and isinstance(source, ReasonCodes) else _catalog(catalog)


def _answers(source: Any, catalog: ReasonCatalog, *, by: str, top: int, customer: str, code: str) -> pd.DataFrame:
    """Return one row for each reason a customer states, and for each anonymous answer."""
    check_integer(top, name="top", low=1)
    if isinstance(source, ReasonCodes):
        frame = source.frame[(source.frame["rank"] <= top).to_numpy()]
        named = frame.index.get_level_values("customer_id" if "customer_id" in frame.index.names else 0)
        stated = pd.DataFrame({"customer": named.to_numpy(), "reason": frame["code"].to_numpy()})
    else:
        stated = _survey(source, customer, code)
    stated["reason"] = _reasons(stated["reason"], catalog, by)
    anonymous = stated["customer"].isna()
    once = stated[~anonymous].drop_duplicates(["customer", "reason"])
    return pd.concat([once, stated[anonymous]], ignore_index=True)


def _survey(source: Any, customer: str, code: str) -> pd.DataFrame:
    if not isinstance(source, pd.DataFrame):
        raise ParameterTypeError(
            message(
                f"source is a {type(source).__name__}",
                "ReasonCodes, or a pandas frame of answers, were expected",
                _MAKER,
            )
        )
    for role, name in (("customer", customer), ("code", code)):
        if name not in source.columns:
            raise SchemaError(
                message(
                    f"the column {name!r} ({role}) is missing", nearest(name, list(source.columns)), f"{role}='...'"
                )
            )
    missing = source[code].isna()
    if missing.any() or source.empty:
        raise DataError(
            message(
                f"{int(missing.sum()):,} of {len(source):,} answers state no reason",
                "every answer has a code",
                f"source.dropna(subset=[{code!r}]), or the code 'OTH00' for those who gave none",
            )
        )
    return pd.DataFrame(
        {"customer": source[customer].to_numpy(dtype=object), "reason": source[code].to_numpy(dtype=object)}
    )


def _reasons(stated: pd.Series[Any], catalog: ReasonCatalog, by: str) -> pd.Series[Any]:
    """Turn codes into what is counted; themes are taken as they are where themes are counted."""
    known = {name: catalog[name].theme if by == "theme" else name for name in catalog.codes}
    known[NO_DOMINANT_REASON] = NO_DOMINANT_REASON
    if by == "theme":
        known |= {theme: theme for theme in catalog.themes if theme not in known}
    strange = sorted({str(name) for name in stated.unique() if name not in known})
    if strange:
        raise ParameterError(
            message(
                f"{len(strange)} of the reasons stated are not in the catalogue ({some(strange)}; "
                f"{nearest(strange[0], list(known))})",
                "codes of the catalogue were expected" + ("" if by == "code" else ", or its themes"),
                "source.replace({'too dear': 'PRC01'}), or a catalogue with such a code",
            )
        )
    return stated.map(known)


def _parts(answers: pd.DataFrame, group: Any) -> dict[str, pd.DataFrame]:
    if not isinstance(group, pd.Series):
        raise ParameterTypeError(
            message(f"group is a {type(group).__name__}", "a Series by customer was expected", "group=X['plan']")
        )
    named = answers[answers["customer"].notna()]
    of_customer = group.groupby(level=0).first()
    found = of_customer.reindex(pd.Index(named["customer"]))
    lost = found.index[found.isna().to_numpy()].unique()
    if len(lost):
        raise DataError(
            message(
                f"{len(lost):,} of {named['customer'].nunique():,} customers have no group ({some(lost)})",
                "each customer belongs to one",
                "group.reindex(customers, fill_value='unknown')",
            )
        )
    labels = found.astype(str).to_numpy()
    return {str(name): named[labels == name] for name in sorted(set(labels))}


def _pareto(answers: pd.DataFrame, catalog: ReasonCatalog, by: str, confidence: float, language: str) -> pd.DataFrame:
    fixed = [*(catalog.themes if by == "theme" else catalog.codes), NO_DOMINANT_REASON]
    known = answers["customer"].notna()
    stated = answers["reason"].value_counts()
    named = answers.loc[known, "reason"].value_counts()
    # most frequent first; of equal ones the first in the catalogue; no dominant reason last
    order = sorted(stated.index, key=lambda name: (name == NO_DOMINANT_REASON, -stated[name], fixed.index(name)))
    count = stated.reindex(order).to_numpy(dtype=np.int64)
    customers = named.reindex(order, fill_value=0).to_numpy(dtype=np.int64)
    low, high = wilson_interval(count, np.full(len(count), count.sum()), confidence=confidence)
    running = np.cumsum(count)
    return pd.DataFrame(
        {
            "text": [_text(name, catalog, by, language) for name in order],
            "stated": count,
            "customers": customers,
            "anonymous": count - customers,
            "share": count / count.sum(),
            "low": low,
            "high": high,
            "cumulative_share": running / count.sum(),
            "vital": (100 * (running - count) < _VITAL * count.sum())
            & (np.array(order, dtype=object) != NO_DOMINANT_REASON),
            "controllable": [_controllable(name, catalog, by) for name in order],
        },
        index=pd.Index(order, name=by, dtype=object),
    )


def _text(name: str, catalog: ReasonCatalog, by: str, language: str) -> str:
    if name == NO_DOMINANT_REASON:
        return NO_REASON_TEXT[language]
    return catalog.theme_text(name, language) if by == "theme" else catalog[name].text_in(language)


def _controllable(name: str, catalog: ReasonCatalog, by: str) -> str | None:
    if name == NO_DOMINANT_REASON:
        return None
    if by == "code":
        return catalog[name].controllable
    found = {reason.controllable for reason in catalog.reasons if reason.theme == name}
    return found.pop() if len(found) == 1 else "mixed"
