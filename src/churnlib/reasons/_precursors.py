"""What happened, and what did not, before customers left: leavers beside comparable stayers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import erfc

from churnlib._checks import as_names, check_choice, check_integer, check_number
from churnlib._typing import BoolArray, FloatArray, IntArray, Span
from churnlib.calendar import DAY_US, Duration, duration
from churnlib.events import EventLog
from churnlib.exceptions import DataError, HistoryError, ParameterError, ParameterTypeError, message, nearest, some
from churnlib.numerics import normal_quantile
from churnlib.outcomes import Outcomes
from churnlib.reasons._happenings import NEVER_BEFORE, Stream, streams
from churnlib.reasons._matching import Matched, States, match, presence

__all__ = ["Precursors", "adjusted", "precursors"]

_CORRECTIONS = {"holm": "Holm", "bh": "Benjamini–Hochberg"}
_TENURE = "tenure"
_COLUMNS = (
    "text", "what", "happened", "within", "leavers_with", "share_leavers", "share_stayers", "ratio", "low", "high",
    "lead_days", "lead_days_low", "lead_days_high", "p_value", "p_adjusted", "found",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Precursors:
    """What preceded leaving; `precursors` makes it.

    Attributes
    ----------
    frame : DataFrame
        A row for each happening and window, those found first, then by ratio: text (in words);
        what (the happening); happened (False: it is its absence that leavers show more); within (the
        window; missing = ever before); leavers_with (how many leavers show it); share_leavers,
        share_stayers (of the comparable stayers, each leaver's counting alike); ratio of the shares
        with low and high; lead_days: days from the last occurrence to the leaving, the median
        over leavers, with lead_days_low and lead_days_high, the quartiles (missing for an absence);
        p_value and p_adjusted (missing where too few show it); found.
    leavers : int
        Leavers who were compared.
    stayers : int
        Comparisons with a stayer; a customer may serve for several leavers.
    left_out : dict of str to int
        Leavers not compared, and why.
    lead_days : float
        Days before the leaving that are not looked at.
    matched_on : tuple of str
        What leavers and stayers have in common; the calendar instant always.
    correction : str
        Name of the correction for many comparisons.
    alpha : float
        Its level.

    Examples
    --------
    >>> import churnlib as cl
    >>> world = cl.datasets.make_subscriptions(n_customers=300, random_state=0)
    >>> left = cl.ContractEnd().outcomes(None, world.contracts)
    >>> found = precursors(world.log, left)
    >>> found.matched_on, sum(found.left_out.values()) + found.leavers == int((left.cause > 0).sum())
    (('instant', 'tenure', 'plan'), True)
    """

    frame: pd.DataFrame
    leavers: int
    stayers: int
    left_out: dict[str, int]
    lead_days: float
    matched_on: tuple[str, ...]
    correction: str
    alpha: float

    @property
    def sentence(self) -> str:
        """What was found, in one line."""
        tested = int(self.frame["p_value"].notna().sum())
        found = self.frame[self.frame["found"]]
        head = (
            f"{self.leavers:,} leavers beside {self.stayers:,} comparable stayers: {len(found)} of {tested} happenings "
            f"preceded leaving ({self.correction}, {self.alpha:g})"
        )
        if not len(found):
            return f"{head}."
        first = found.iloc[0]
        return (
            f"{head}; above all {first['text']}: {first['share_leavers']:.0%} of leavers, "
            f"{first['share_stayers']:.0%} of stayers, ratio {first['ratio']:.1f} "
            f"({first['low']:.1f} to {first['high']:.1f})."
        )

    @property
    def cannot_say(self) -> str:
        """What the table does not show."""
        return "It preceded; whether it caused is not known, and what preventing it would change only an experiment."

    def __repr__(self) -> str:
        return f"Precursors: {self.sentence}\n  {self.cannot_say}"


@dataclass(frozen=True, slots=True, eq=False)
class _Sets:
    """Leavers and their stayers as rows to look up: the leavers first."""

    customer: IntArray
    code: IntArray
    instant: IntArray
    of: IntArray
    left_at: IntArray

    @property
    def n(self) -> int:
        return len(self.left_at)


def precursors(
    log: EventLog,
    outcomes: Outcomes,
    *,
    window: Span = "90d",
    lead: Span | None = None,
    match_on: Sequence[str] | None = None,
    tenure_within: float = 0.1,
    stayers: int = 5,
    items: str | Sequence[str] | None = None,
    changes: Sequence[str] | None = None,
    cause: str | Sequence[str] | None = None,
    correction: str = "holm",
    alpha: float = 0.05,
    min_count: int = 5,
    random_state: int = 0,
    language: str = "en",
) -> Precursors:
    r"""Compare what preceded leaving with what happened to customers who stayed.

    Each leaver is compared, at the same instant, with customers who were with us then and still are
    when the leaver has left, for about as long, and with the same values of the matched
    attributes. For every kind of event, item and change of a dated fact two questions are asked:
    did it happen in the `window` before, and did it ever happen before? What leavers show *less*
    is stated as its absence: "never used the new feature". Nothing here says "because".

    Parameters
    ----------
    log : EventLog
        What happened. An event counts from when it became known.
    outcomes : Outcomes
        Who left when: ``Inactivity("60d").outcomes(log)``.
    window : str, default="90d"
        How far back to look, of a fixed length.
    lead : str or None, default=None
        Time before the leaving that is not looked at, of a fixed length. None is the shortest
        silence of a leaver: with ``Inactivity("60d")`` the 60 days of silence *are* the leaving, not what preceded it.
    match_on : sequence of str or None, default=None
        What stayers share with the leaver beside the instant: "tenure" and dated attributes of the log.
        None is tenure, and the attribute "plan" of a log that has it.
    tenure_within : float, default=0.1
        By which share of the leaver's tenure a stayer's may differ; a week is always allowed.
    stayers : int, default=5
        At most so many for each leaver, drawn by lot.
    items : str or sequence of str or None, default=None
        Kinds whose items are happenings of their own (the 50 with most customers), such as features used.
    changes : sequence of str or None, default=None
        Attributes whose changes are events: None is all, ``[]`` none.
    cause : str or sequence of str or None, default=None
        Leave out leavers of other causes.
    correction : {"holm", "bh"}, default="holm"
        How many comparisons are controlled: "holm" keeps the chance of a single false finding below
        `alpha`, however they depend on each other; "bh" (Benjamini–Hochberg) keeps the expected share of false
        findings below it, where they do not depend negatively.
    alpha : float, default=0.05
        The level.
    min_count : int, default=5
        Tested is what at least so many leavers are expected to show, and as many not to show.
    random_state : int, default=0
        Seed of the lot.
    language : {"en", "zh"}, default="en"
        Language of the texts.

    Returns
    -------
    Precursors
        The frame, the counts, a sentence, and what it cannot say.

    Raises
    ------
    HistoryError
        If nobody left, or no leaver has a comparable stayer.
    DataError
        If the log knows none of the customers of the outcomes.
    ParameterError, ParameterTypeError
        If an argument cannot work.

    Notes
    -----
    With :math:`x_i` whether leaver i shows it, :math:`q_i` the share of i's :math:`m_i` stayers who do, and
    :math:`r_i = (x_i + m_i q_i)/(1 + m_i)`, the test is that of Mantel and Haenszel,
    :math:`\sum (x_i - r_i) / \sqrt{\sum r_i (1 - r_i)}` against the normal. The ratio is
    :math:`\bar x / \bar q`; its interval is on the log scale, with errors clustered by matched set and by customer
    (Cameron, Gelbach, Miller 2011), holds for each row alone, and reaches to infinity where no stayer shows it.
    Mantel, Haenszel (1959), J. Natl. Cancer Inst. 22; Holm (1979), Scand. J. Stat. 6; Benjamini, Hochberg (1995),
    J. R. Stat. Soc. B 57.

    Examples
    --------
    >>> import churnlib as cl
    >>> world = cl.datasets.make_subscriptions(n_customers=600, random_state=0)
    >>> left = cl.ContractEnd().outcomes(None, world.contracts)
    >>> found = precursors(world.log, left, cause="payment")
    >>> found.frame.loc[found.frame["found"], ["what", "happened", "within"]].head(1).values.tolist()
    [['payment_failed', True, '90d']]
    """
    given = _Given.read(
        log, outcomes, window=window, lead=lead, match_on=match_on, tenure_within=tenure_within, cause=cause
    )
    check_integer(stayers, name="stayers", low=1)
    check_integer(random_state, name="random_state", low=0)
    least = check_integer(min_count, name="min_count", low=1)
    check_choice(correction, tuple(_CORRECTIONS), name="correction")
    check_choice(language, ("en", "zh"), name="language")
    check_number(alpha, name="alpha", low=1e-12, high=0.5)
    found, early = _matched(log, outcomes, given, stayers, random_state)
    sets = _sets(outcomes, given, found)
    listed = streams(log, items=items, changes=changes)
    questions = _questions(listed, sets, given.window_us, str(window))
    frame = pd.DataFrame([_compared(question, sets, least, language) for question in questions]).assign(
        p_adjusted=np.nan
    )
    tested = frame["p_value"].notna().to_numpy()
    frame.loc[tested, "p_adjusted"] = adjusted(frame.loc[tested, "p_value"].to_numpy(), correction)
    frame["found"] = (frame["p_adjusted"] <= alpha).to_numpy()
    ratio = frame["ratio"].fillna(0.0).to_numpy()
    order = np.lexsort((np.arange(len(frame)), -ratio, ~tested, ~frame["found"].to_numpy()))
    return Precursors(
        frame=frame.iloc[order].reset_index(drop=True)[list(_COLUMNS)],
        leavers=sets.n,
        stayers=len(sets.of),
        left_out={"left too early to look back": early, "no comparable stayer": found.alone},
        lead_days=given.lead_us / DAY_US,
        matched_on=("instant", *given.match_on),
        correction=_CORRECTIONS[correction],
        alpha=float(alpha),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Given:
    """The arguments, read."""

    code: IntArray
    leavers: IntArray
    window_us: int
    lead_us: int
    match_on: tuple[str, ...]
    tenure_within: float | None

    @classmethod
    def read(
        cls, log: Any, outcomes: Any, *, window: Any, lead: Any, match_on: Any, tenure_within: Any, cause: Any
    ) -> _Given:
        if not isinstance(log, EventLog):
            raise ParameterTypeError(
                message(f"log is a {type(log).__name__}", "an EventLog was expected", "EventLog.from_frame(...)")
            )
        if not isinstance(outcomes, Outcomes):
            raise ParameterTypeError(
                message(
                    f"outcomes is a {type(outcomes).__name__}",
                    "who left when was expected",
                    "cl.Inactivity('60d').outcomes(log)",
                )
            )
        code = log.customers.get_indexer(outcomes.customers).astype(np.int64)
        if not (code >= 0).any():
            raise DataError(
                message(
                    f"none of the {len(code):,} customers of outcomes ({some(outcomes.customers[:3])}) is in the log",
                    "the outcomes of the log's own customers",
                    "outcomes = churn.outcomes(log)",
                )
            )
        leavers = _leavers(outcomes, cause)
        silence = int((outcomes.end[leavers] - outcomes.last_activity[leavers]).min())
        lead_us = max(silence, 0) if lead is None else _fixed(lead, "lead", allow_zero=True)
        names = _match_names(match_on, log)
        within = check_number(tenure_within, name="tenure_within", low=0, high=10)
        return cls(code, leavers, _fixed(window, "window"), lead_us, names, within if _TENURE in names else None)


def _fixed(span: Any, name: str, *, allow_zero: bool = False) -> int:
    length: Duration = duration(span, name=name, allow_zero=allow_zero)
    if length.fixed_us is None:
        raise ParameterError(
            message(f"{name}={span!r} is a calendar length", "a fixed length was expected", f"{name}='30d'")
        )
    return length.fixed_us


def _match_names(match_on: Any, log: EventLog) -> tuple[str, ...]:
    if match_on is None:
        return (_TENURE, "plan") if "plan" in log.attributes else (_TENURE,)
    names = as_names(match_on, name="match_on")
    known = [_TENURE, *log.attributes]
    strange = [name for name in names if name not in known]
    if strange:
        raise ParameterError(
            message(
                f"match_on names {strange[0]!r} ({nearest(strange[0], known)})",
                "'tenure' and dated attributes of the log were expected",
                f"EventLog.from_frame(..., attributes=[{strange[0]!r}])",
            )
        )
    return names


def _leavers(outcomes: Outcomes, cause: Any) -> IntArray:
    left = outcomes.cause > 0
    names = as_names(cause, name="cause")
    strange = [name for name in names if name not in outcomes.causes]
    if strange:
        raise ParameterError(
            message(
                f"cause={strange[0]!r} is no cause of these outcomes ({nearest(strange[0], outcomes.causes)})",
                f"they have {some(outcomes.causes)}",
                f"cause={outcomes.causes[0]!r}",
            )
        )
    if names:
        left &= np.isin(outcomes.cause, [outcomes.causes.index(name) + 1 for name in names])
    if not left.any():
        raise HistoryError(
            message(
                f"none of {len(outcomes):,} spells ended" + (f" for {some(names)}" if names else ""),
                "leavers were expected",
                "a definition of churn that some customers meet, or a longer log",
            )
        )
    return np.flatnonzero(left)


def _matched(log: EventLog, outcomes: Outcomes, given: _Given, stayers: int, seed: int) -> tuple[Matched, int]:
    """Draw stayers, and count the leavers who had only just come."""
    instant = outcomes.end[given.leavers] - given.lead_us
    late = outcomes.start[given.leavers] < instant
    cases, instant = given.leavers[late], instant[late]
    states = States.read(log, [name for name in given.match_on if name != _TENURE])
    state = states.before(given.code[outcomes.customer[cases]], instant)
    there = presence(outcomes, states, given.code, lead_us=given.lead_us)
    found = match(
        outcomes, there, cases, instant, state, tenure_within=given.tenure_within, stayers=stayers, random_state=seed
    )
    if not len(found.case):
        raise HistoryError(
            message(
                f"none of {len(given.leavers):,} leavers has a comparable stayer "
                f"({int((~late).sum()):,} left too early to look back)",
                f"customers who stay, alike in {some(given.match_on)}",
                "match_on=['tenure'] or a larger tenure_within",
            )
        )
    return found, int((~late).sum())


def _sets(outcomes: Outcomes, given: _Given, found: Matched) -> _Sets:
    left_at = outcomes.end[found.case]
    instant = left_at - given.lead_us
    customer = np.concatenate([outcomes.customer[found.case].astype(np.int64), found.stayer])
    return _Sets(
        customer=customer,
        code=given.code[customer],
        instant=np.concatenate([instant, instant[found.of]]),
        of=found.of,
        left_at=left_at,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Question:
    """One happening in one window, answered for every row of the sets."""

    what: str
    within: str | None
    yes: BoolArray
    lead_days: FloatArray


def _questions(listed: list[Stream], sets: _Sets, window_us: int, window: str) -> Iterator[_Question]:
    for stream in listed:
        last = stream.last_before(sets.code, sets.instant)
        ever = last > NEVER_BEFORE
        days = np.where(ever[: sets.n], sets.left_at - np.where(ever, last, 0)[: sets.n], 0) / DAY_US
        recent = ever & (np.where(ever, last, 0) >= sets.instant - window_us)
        yield _Question(stream.name, window, recent, days)
        if not np.array_equal(recent, ever):
            yield _Question(stream.name, None, ever, days)


def _compared(question: _Question, sets: _Sets, least: int, language: str) -> dict[str, Any]:
    happened = _more_among_leavers(question.yes, sets)
    x = question.yes if happened else ~question.yes
    case, stayer = x[: sets.n].astype(np.float64), x[sets.n :].astype(np.float64)
    ratio = _Ratio.of(case, stayer, sets.of, sets.customer)
    days = question.lead_days[question.yes[: sets.n]] if happened else np.empty(0)
    quartiles = np.quantile(days, [0.25, 0.5, 0.75]) if len(days) else np.full(3, np.nan)
    return {
        "text": _text(question.what, happened, question.within, language),
        "what": question.what,
        "happened": happened,
        "within": question.within,
        "leavers_with": int(case.sum()),
        "share_leavers": ratio.leavers,
        "share_stayers": ratio.stayers,
        "ratio": ratio.ratio,
        "low": ratio.low,
        "high": ratio.high,
        "lead_days": quartiles[1],
        "lead_days_low": quartiles[0],
        "lead_days_high": quartiles[2],
        "p_value": _p_value(case, stayer, sets.of, least),
    }


def _more_among_leavers(yes: BoolArray, sets: _Sets) -> bool:
    size = np.bincount(sets.of, minlength=sets.n)
    share = np.bincount(sets.of, weights=yes[sets.n :], minlength=sets.n) / size
    return bool(yes[: sets.n].mean() >= share.mean())


def _p_value(case: FloatArray, stayer: FloatArray, of: IntArray, least: int) -> float:
    """Test that leavers are like those who were with us beside them; NaN where too few show it to tell."""
    size = np.bincount(of, minlength=len(case))
    r = (case + np.bincount(of, weights=stayer, minlength=len(case))) / (1 + size)
    expected = r.sum()
    if expected < least or len(case) - expected < least:
        return float("nan")
    variance = (r * (1 - r)).sum()
    if not variance > 0:
        return float("nan")
    z = (case - r).sum() / np.sqrt(variance)
    return float(erfc(abs(z) / np.sqrt(2)))


@dataclass(frozen=True, slots=True)
class _Ratio:
    """How much more often leavers show something than their stayers, with an interval."""

    leavers: float
    stayers: float
    ratio: float
    low: float
    high: float

    @classmethod
    def of(
        cls,
        case: FloatArray,
        stayer: FloatArray,
        of: IntArray,
        customer: IntArray,
        confidence: float = 0.95,
    ) -> _Ratio:
        n = len(case)
        size = np.bincount(of, minlength=n)
        weight = 1.0 / (n * size[of])
        above, below = float(case.mean()), float((weight * stayer).sum())
        if above == 0.0:
            return cls(above, below, float("nan") if below == 0 else 0.0, float("nan"), float("nan"))
        z = normal_quantile(confidence)
        own = (case - above) / (n * above)
        if below == 0.0:
            # half a stayer, as for an empty cell of a table: its log has the variance 1 / 0.5
            spread = np.sqrt((own**2).sum() + 2.0)
            low = float(np.exp(np.log(above * len(stayer) / 0.5) - z * spread))
            return cls(above, below, float("inf"), low, float("inf"))
        theirs = -weight * (stayer - below) / below
        influence = np.concatenate([own, theirs])
        by_set = np.bincount(np.concatenate([np.arange(n), of]), weights=influence)
        by_customer = np.bincount(np.unique(customer, return_inverse=True)[1].reshape(-1), weights=influence)
        rows, sets = float((influence**2).sum()), float((by_set**2).sum())
        # clustered both ways: a set's members are alike, and a customer may serve in several sets
        variance = max(sets + float((by_customer**2).sum()) - rows, sets) * n / max(n - 1, 1)
        logged, spread = np.log(above / below), np.sqrt(variance)
        return cls(above, below, above / below, float(np.exp(logged - z * spread)), float(np.exp(logged + z * spread)))


def adjusted(p: FloatArray, correction: str) -> FloatArray:
    """Correct p-values for their number.

    Parameters
    ----------
    p : ndarray of shape (n,)
        P-values.
    correction : {"holm", "bh"}
        Which correction.

    Returns
    -------
    ndarray of shape (n,)
        In the same order, never below `p`.

    Examples
    --------
    >>> adjusted(np.array([0.01, 0.04, 0.03]), "holm").round(2).tolist()
    [0.03, 0.06, 0.06]
    >>> adjusted(np.array([0.01, 0.04, 0.03]), "bh").round(2).tolist()
    [0.03, 0.04, 0.04]
    """
    n = len(p)
    order = np.argsort(p, kind="stable")
    if correction == "holm":
        steps = np.maximum.accumulate(p[order] * np.arange(n, 0, -1))
    else:
        steps = np.minimum.accumulate((p[order] * n / np.arange(1, n + 1))[::-1])[::-1]
    result = np.empty(n)
    result[order] = np.minimum(steps, 1.0)
    return result


def _text(what: str, happened: bool, within: str | None, language: str) -> str:  # noqa: FBT001 - a row of the table
    if language == "zh":
        if within is None:
            return f"曾经发生：{what}" if happened else f"从未发生：{what}"
        return f"此前 {within} 内发生：{what}" if happened else f"此前 {within} 内未发生：{what}"
    if within is None:
        return f"{what} at any time before" if happened else f"no {what} ever before"
    return f"{what} in the {within} before" if happened else f"no {what} in the {within} before"
