"""A reason code for each customer: stated only above noise, and changed only for a reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import check_choice, check_integer, check_number
from churnlib._typing import BoolArray, FloatArray, IntArray
from churnlib.economics import customers_of
from churnlib.exceptions import DuplicateError, ParameterError, ParameterTypeError, message, nearest, some
from churnlib.reasons._catalog import ReasonCatalog
from churnlib.reasons._contributions import Sums, _catalog, checked_bags, read
from churnlib.reasons._reason import LANGUAGES, NO_DOMINANT_REASON

__all__ = ["NO_REASON_TEXT", "ReasonCodes", "reason_codes"]

NO_REASON_TEXT = {"en": "No dominant reason", "zh": "无明显的主要原因"}

# contributions that differ by less are equal, and the catalogue's order decides between them
_DECIMALS = 9


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ReasonCodes:
    """Why each customer is rated as at risk; `reason_codes` makes it.

    Attributes
    ----------
    frame : DataFrame
        A row per reason, indexed like the contributions: rank (from 1), theme, code, feature (the
        column that weighs most in it), contribution (of the theme, log-odds), standard_error
        (over bags; NaN without), controllable, text. A customer without a dominant reason has one
        row, with the code ``NO_DOMINANT_REASON``.
    summary : DataFrame
        A row per customer: code, theme, contribution and text of the first reason; n_reasons; kept
        (whether last period's code stayed although another weighs as much or more); lever,
        lever_contribution, lever_text: the strongest reason about which somebody can do something,
        missing where there is none.
    themes : DataFrame of shape (n_customers, n_themes)
        Contribution of every theme.
    coverage : DataFrame
        How each column is mapped; see `ReasonCatalog.coverage`.
    catalog : ReasonCatalog
        What the codes mean.

    Examples
    --------
    >>> index = pd.Index(["ann", "bob"], name="customer_id")
    >>> codes = reason_codes(pd.DataFrame({"any.recency": [0.5, 0.0], "x7": [0.25, 0.0]}, index=index))
    >>> codes.codes.tolist()
    ['ENG02', 'OTH00', 'NO_DOMINANT_REASON']
    >>> codes.sentence
    '1 of 2 customers have a dominant reason, most often Engagement (100%); the catalogue names 67% of ...'
    """

    frame: pd.DataFrame
    summary: pd.DataFrame
    themes: pd.DataFrame
    coverage: pd.DataFrame
    catalog: ReasonCatalog

    @property
    def codes(self) -> pd.Series[str]:
        """Codes by customer in the order of their ranks: what the next period is compared with."""
        return self.frame["code"]

    @property
    def mapped_share(self) -> float:
        """Share of all (absolute) contributions that columns of the catalogue explain, in [0, 1]."""
        return float(self.coverage.loc[self.coverage["mapped_by"].notna(), "share"].sum())

    @property
    def sentence(self) -> str:
        """What was found, in one line."""
        stated = self.summary["code"] != NO_DOMINANT_REASON
        head = f"{int(stated.sum()):,} of {len(stated):,} customers have a dominant reason"
        if stated.any():
            counts = self.summary.loc[stated, "theme"].value_counts()
            first = min(counts.index[counts == counts.max()], key=self.catalog.themes.index)
            head += f", most often {self.catalog.theme_text(first)} ({counts.max() / stated.sum():.0%})"
        return f"{head}; the catalogue names {self.mapped_share:.0%} of what moves the model."

    def __len__(self) -> int:
        return len(self.summary)

    def __repr__(self) -> str:
        return f"ReasonCodes: {self.sentence}"


def reason_codes(
    contributions: pd.DataFrame,
    catalog: ReasonCatalog | None = None,
    *,
    bags: Sequence[pd.DataFrame] | None = None,
    top: int = 3,
    min_effect: float = 0.10,
    noise: float = 2.0,
    previous: ReasonCodes | pd.Series[Any] | None = None,
    margin: float = 0.05,
    language: str = "en",
) -> ReasonCodes:
    """Give each customer the reasons that set them apart from customers who stay.

    Contributions are summed to themes. A theme is a reason if its sum is at least `min_effect`
    and, where bags are given, more than `noise` standard errors, the standard deviation between the
    bags; its code is the catalogue's reason that weighs most in it. Equal sums are ordered as
    the catalogue is. Without a reason the code is ``NO_DOMINANT_REASON``.

    With `previous`, codes are stable: a newcomer takes a place, the first one above all, only if it
    exceeds the incumbent by more than `margin`; an incumbent stays down to ``min_effect − margin``, and
    who had no dominant reason gets one from ``min_effect + margin`` on. The noise gate knows no incumbents.

    Contributions describe the model. They are not effects: what an action would change is for an
    experiment to say.

    Parameters
    ----------
    contributions : DataFrame of shape (n_customers, n_features)
        Log-odds compared with customers who stay: ``model.contributions(X)``.
    catalog : ReasonCatalog or None, default=None
        Which column speaks of which reason; None is the standard one.
    bags : sequence of DataFrame or None, default=None
        The same by models fitted to other draws: `bag_contributions`.
    top : int, default=3
        At most so many reasons a customer.
    min_effect : float, default=0.1
        Log-odds below which a theme is no reason.
    noise : float, default=2.0
        Standard errors that a theme must exceed.
    previous : ReasonCodes or Series or None, default=None
        Last period's codes: a Series by customer, with several codes of a customer in the order of their ranks.
    margin : float, default=0.05
        Log-odds by which a newcomer must exceed an incumbent.
    language : {"en", "zh"}, default="en"
        Language of the texts.

    Returns
    -------
    ReasonCodes
        Long and wide frames, the themes, and the coverage of the catalogue.

    Raises
    ------
    SchemaError, DataError
        If the contributions are no finite numbers, or the bags explain other rows or columns.
    DuplicateError
        If a customer stands in several rows, with `previous`.
    ParameterError, ParameterTypeError
        If an argument cannot work, or `previous` holds a code that the catalogue does not have.

    Examples
    --------
    >>> index = pd.Index(["ann", "bob", "cid"], name="customer_id")
    >>> frame = pd.DataFrame(
    ...     {"any.recency": [0.5, 0.02, 0.1], "monthly_charges": [0.45, 0.04, -1.0], "age": [0.75, 0.0, 0.0]},
    ...     index=index,
    ... )
    >>> found = reason_codes(frame)
    >>> found.summary[["code", "contribution", "lever"]]
                               code  contribution  lever
    customer_id
    ann                       PRF01          0.75  ENG02
    bob          NO_DOMINANT_REASON           NaN   None
    cid                       ENG02          0.10  ENG02

    A month later price weighs a little more than silence. It was silence before, and a little is not enough:

    >>> later = frame.assign(monthly_charges=[0.52, 0.04, -1.0], age=0.0)
    >>> reason_codes(later).summary.loc["ann", "code"]
    'PRC01'
    >>> reason_codes(later, previous=pd.Series({"ann": "ENG02"})).summary.loc["ann", "code"]
    'ENG02'
    """
    check_integer(top, name="top", low=1)
    check_choice(language, LANGUAGES, name="language")
    check_number(min_effect, name="min_effect", low=0)
    check_number(noise, name="noise", low=0)
    check_number(margin, name="margin", low=0)
    frame, catalog = read(contributions), _catalog(catalog)
    sums = Sums.of(frame, catalog)
    spread = _spread(checked_bags(bags, frame), catalog)
    before = _Before.read(previous, frame, catalog, sums)
    theme, code = np.round(sums.theme, _DECIMALS), np.round(sums.code, _DECIMALS)
    gate = min_effect - margin * before.theme + margin * before.nothing[:, None]
    passes = (theme >= np.round(gate, _DECIMALS)) & (theme > 0)
    if spread is not None:
        passes &= theme > noise * spread
    order, kept = _ranked(theme, passes, before, top=top, margin=margin)
    chosen = _code_of_theme(code, sums, before, margin)
    lever = _levers(code, sums, catalog, passes, min_effect)
    long = _long(frame, sums, catalog, order, chosen, spread, language=language)
    return ReasonCodes(
        frame=long,
        summary=_summary(long, sums, catalog, order, kept, lever, language=language),
        themes=pd.DataFrame(sums.theme, index=frame.index, columns=pd.Index(sums.themes, name="theme", dtype=object)),
        coverage=catalog.coverage(frame.columns, frame.abs().mean().to_numpy()),
        catalog=catalog,
    )


def _spread(bags: list[pd.DataFrame] | None, catalog: ReasonCatalog) -> FloatArray | None:
    if bags is None:
        return None
    spread: FloatArray = np.std([Sums.of(bag, catalog).theme for bag in bags], axis=0, ddof=1)
    return spread


@dataclass(frozen=True, slots=True, eq=False)
class _Before:
    """Last period's codes as positions: which themes and codes each customer had, and which came first."""

    theme: BoolArray
    code: BoolArray
    first: IntArray
    nothing: BoolArray

    @classmethod
    def read(cls, previous: Any, frame: pd.DataFrame, catalog: ReasonCatalog, sums: Sums) -> _Before:
        n = len(frame)
        theme, code = np.zeros((n, len(sums.themes)), dtype=bool), np.zeros((n, len(sums.codes)), dtype=bool)
        first, nothing = np.full(n, -1), np.zeros(n, dtype=bool)
        if previous is None:
            return cls(theme, code, first, nothing)
        customers = _once(frame)
        codes = _previous_codes(previous, catalog)
        row = pd.Index(customers).get_indexer(customers_of(codes) if codes.index.nlevels > 1 else codes.index)
        for place, name in zip(row[row >= 0], codes[row >= 0], strict=True):
            if name == NO_DOMINANT_REASON:
                nothing[place] = True
            elif catalog[name].theme in sums.themes:
                k = sums.themes.index(catalog[name].theme)
                theme[place, k] = True
                first[place] = k if first[place] < 0 else first[place]
                if name in sums.codes:
                    code[place, sums.codes.index(name)] = True
        return cls(theme, code, first, nothing)


def _once(frame: pd.DataFrame) -> pd.Index:
    customers = customers_of(frame)
    repeated = customers[customers.duplicated()].unique()
    if len(repeated):
        raise DuplicateError(
            message(
                f"{len(repeated):,} of {customers.nunique():,} customers stand in several rows ({some(repeated)})",
                "last period's codes are compared with one row for each customer",
                "contributions = model.contributions(data.latest().X)",
            )
        )
    return customers


def _previous_codes(previous: Any, catalog: ReasonCatalog) -> pd.Series[Any]:
    codes = previous.codes if isinstance(previous, ReasonCodes) else previous
    if not isinstance(codes, pd.Series):
        raise ParameterTypeError(
            message(
                f"previous is a {type(previous).__name__}",
                "the ReasonCodes of last period, or a Series of codes by customer, was expected",
                "previous=pd.Series({'ann': 'PRC01'})",
            )
        )
    known = {*catalog.codes, NO_DOMINANT_REASON}
    strange = sorted({str(code) for code in codes.unique() if code not in known})
    if strange:
        raise ParameterError(
            message(
                f"previous holds {len(strange)} codes that the catalogue does not have ({some(strange)}; "
                f"{nearest(strange[0], catalog.codes)})",
                "codes are compared by name from period to period",
                "previous = previous.replace({'OLD01': 'NEW01'})",
            )
        )
    return codes


def _ranked(
    theme: FloatArray, passes: BoolArray, before: _Before, *, top: int, margin: float
) -> tuple[IntArray, BoolArray]:
    """Return the positions of the themes of each row by rank, -1 where there is none, and whether a code was kept."""
    row = np.arange(len(theme))[:, None]
    score = np.where(passes, np.round(theme + margin * before.theme, _DECIMALS), -np.inf)
    # stable: of equal sums the theme that comes first in the catalogue
    listed = np.argsort(-score, axis=1, kind="stable")[:, :top]
    inside = np.zeros_like(passes)
    inside[row, listed] = True
    inside &= passes
    held = before.first >= 0
    first = np.maximum(before.first, 0)
    own = theme[row[:, 0], first]
    strongest = np.where(inside, theme, -np.inf).max(axis=1)
    stays = held & inside[row[:, 0], first] & (np.round(strongest - own, _DECIMALS) <= margin)
    final = np.where(inside, theme, -np.inf)
    usual = np.argmax(final, axis=1)
    final[row[stays, 0], first[stays]] = np.inf
    order = np.argsort(-final, axis=1, kind="stable")[:, :top]
    order = np.where(np.isfinite(np.take_along_axis(np.where(inside, 0.0, -np.inf), order, axis=1)), order, -1)
    return order.astype(np.int64), stays & (usual != first)


def _code_of_theme(code: FloatArray, sums: Sums, before: _Before, margin: float) -> IntArray:
    """Return, for each row and theme, the position of the code that speaks for the theme."""
    chosen = np.empty((len(code), len(sums.themes)), dtype=np.int64)
    for k in range(len(sums.themes)):
        places = np.flatnonzero(sums.of_code == k)
        part, held = code[:, places], before.code[:, places]
        best = part.max(axis=1)
        own = np.where(held, part, -np.inf)
        stays = (own.max(axis=1) > 0) & (np.round(best - own.max(axis=1), _DECIMALS) <= margin)
        chosen[:, k] = places[np.where(stays, own.argmax(axis=1), part.argmax(axis=1))]
    return chosen


def _levers(
    code: FloatArray, sums: Sums, catalog: ReasonCatalog, passes: BoolArray, min_effect: float
) -> tuple[IntArray, FloatArray]:
    """Return the position of the strongest code that somebody can act on, -1 where there is none."""
    able = np.array([catalog[name].is_lever for name in sums.codes])
    weight = np.where(able & passes[:, sums.of_code] & (code >= min_effect) & (code > 0), code, -np.inf)
    best = weight.argmax(axis=1)
    value = weight[np.arange(len(code)), best]
    return np.where(np.isfinite(value), best, -1), np.where(np.isfinite(value), value, np.nan)


def _long(
    frame: pd.DataFrame,
    sums: Sums,
    catalog: ReasonCatalog,
    order: IntArray,
    chosen: IntArray,
    spread: FloatArray | None,
    *,
    language: str,
) -> pd.DataFrame:
    row, rank = np.nonzero((order >= 0) | ((np.arange(order.shape[1]) == 0) & (order[:, :1] < 0)))
    theme = order[row, rank]
    stated = theme >= 0
    code = np.where(stated, chosen[row, np.maximum(theme, 0)], -1)
    reasons = [catalog[name] for name in sums.codes]
    error = np.full(len(row), np.nan) if spread is None else np.where(stated, spread[row, theme], np.nan)
    codes = [*sums.codes, NO_DOMINANT_REASON]
    texts = [*(reason.text_in(language) for reason in reasons), NO_REASON_TEXT[language]]
    columns: dict[str, Any] = {
        "rank": rank + 1,
        "theme": _words([*sums.themes, None], theme),
        "code": _words(codes, code),
        "feature": _words([*frame.columns, None], _strongest(frame.to_numpy(), sums, row, code)),
        "contribution": np.where(stated, sums.theme[row, theme], np.nan),
        "standard_error": error,
        "controllable": _words([*(reason.controllable for reason in reasons), None], code),
        "text": _words(texts, code),
    }
    return pd.DataFrame(columns, index=frame.index[row])


def _strongest(values: FloatArray, sums: Sums, row: IntArray, code: IntArray) -> IntArray:
    """Return the column that weighs most in each code; of equal ones the first by name."""
    found = np.full(len(row), -1, dtype=np.int64)
    for m, places in enumerate(sums.columns):
        here = np.flatnonzero(code == m)
        part = np.round(values[np.ix_(row[here], places)], _DECIMALS)
        found[here] = places[part.argmax(axis=1)] if len(here) else found[here]
    return found


def _words(words: Sequence[Any], position: IntArray) -> Any:
    """Look words up by position; -1 is the last one."""
    table = np.empty(len(words), dtype=object)
    table[:] = list(words)
    return table[position]


def _summary(
    long: pd.DataFrame,
    sums: Sums,
    catalog: ReasonCatalog,
    order: IntArray,
    kept: BoolArray,
    lever: tuple[IntArray, FloatArray],
    *,
    language: str,
) -> pd.DataFrame:
    first = long[(long["rank"] == 1).to_numpy()]
    texts = [catalog[name].text_in(language) for name in sums.codes]
    frame = first[["code", "theme", "contribution", "text"]].copy()
    frame["n_reasons"] = (order >= 0).sum(axis=1)
    frame["kept"] = kept
    frame["lever"] = pd.Series(_words([*sums.codes, None], lever[0]), index=frame.index, dtype=object)
    frame["lever_contribution"] = lever[1]
    frame["lever_text"] = pd.Series(_words([*texts, None], lever[0]), index=frame.index, dtype=object)
    return frame
