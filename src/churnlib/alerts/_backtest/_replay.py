"""Rules over the past: stepped from cutoff to cutoff over a dataset, each time with what was known then."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib._checks import as_floats, as_names, check_flag, named_rows
from churnlib._ids import opted_out_of
from churnlib._typing import BoolArray, FloatArray, Instant, IntArray
from churnlib.alerts._alert_step import AlertStep, RuleStep
from churnlib.alerts._bound import BoundRules, types_of
from churnlib.alerts._conditions import conditions_of
from churnlib.alerts._silence import Silence, silences_of
from churnlib.alerts._state import AlertState
from churnlib.calendar import DAY_US, cutoffs, timestamp, to_us
from churnlib.events import EventLog
from churnlib.exceptions import (
    DataError,
    ParameterError,
    ParameterTypeError,
    SchemaError,
    message,
    nearest,
    some,
)
from churnlib.expressions import Columns
from churnlib.snapshots import Dataset
from churnlib.snapshots._rows import Rows, row_index

if TYPE_CHECKING:
    from churnlib.alerts._ruleset import RuleSet

__all__ = ["Replay", "UInt8Array", "replay"]

UInt8Array: TypeAlias = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """Rules replayed as of every cutoff of a dataset, with state carried from cutoff to cutoff.

    Attributes
    ----------
    rules : RuleSet
        The rules.
    data : Dataset
        Everyone who was at risk at a cutoff, as known then, ordered by customer, then cutoff: the rows
        given, those whose label window is not over, and those without a label because the customer was
        lost during the lead or contacted.
    firing : ndarray of bool, shape (n_rows, n_rules)
        Where each rule fires after the step, in the order of ``rules.ids``.
    counted : ndarray of bool, shape (n_rows, n_rules)
        Where it fires, is not inhibited and is no loss: what the score sums.
    announced : ndarray of bool, shape (n_rows, n_rules)
        Where its alert is told at this cutoff, for the first time or released; losses included.
    score : ndarray of shape (n_rows,)
        Sum of the weights of the rules counted.
    level : ndarray of uint8, shape (n_rows,)
        The highest level among them; 0 for none.
    lost : ndarray of bool, shape (n_rows,)
        Where a rule fires that is itself the loss.
    y : ndarray of shape (n_rows,)
        1 for a loss in the label window, 0 for none, NaN where there is no label.
    days_to_loss : ndarray of shape (n_rows,)
        Days from the cutoff to the loss in the label window, as far as known at the end of the data;
        NaN without one.
    counts_since : ndarray of bool, shape (n_rows,)
        Where the row counts; rows before `since` only warm the state up.

    Examples
    --------
    >>> import churnlib as cl
    >>> from churnlib.alerts import Rule, RuleSet
    >>> log = cl.datasets.make_shop(n_customers=200, random_state=0).log
    >>> spec = cl.FeatureSpec([cl.features.Recency()])
    >>> data = cl.build_dataset(
    ...     log, cutoffs=cl.weekly("2025-03-03", "2025-06-30"), horizon="30d", churn=cl.Inactivity("60d"), features=spec
    ... )
    >>> found = RuleSet([Rule("no-visit", 1, "any.recency >= 30d")]).backtest(data).replay
    >>> silent = (found.data.X["any.recency"] >= 30).to_numpy()
    >>> bool((found.firing[:, 0] == silent).all()), bool((found.announced <= found.firing).all())
    (True, True)
    """

    rules: RuleSet
    data: Dataset
    firing: BoolArray
    counted: BoolArray
    announced: BoolArray
    score: FloatArray
    level: UInt8Array
    lost: BoolArray
    y: FloatArray
    days_to_loss: FloatArray
    counts_since: BoolArray

    def __len__(self) -> int:
        return len(self.score)

    def __repr__(self) -> str:
        cutoffs = len(np.unique(self.data.rows.cutoff))
        fires = int(self.firing.any(axis=1).sum())
        rules = f"{len(self.rules)} rule{'s' * (len(self.rules) != 1)}"
        return f"Replay({len(self):,} rows at {cutoffs:,} cutoffs, {rules}, {fires:,} rows with an alert)"


def replay(
    rules: RuleSet,
    data: Dataset,
    *,
    since: Instant | None = None,
    sources: Mapping[str, str | Sequence[str] | None] | None = None,
    opted_out: Collection[Any] = (),
    silences: Iterable[Silence] = (),
    scores: Mapping[str, Any] | None = None,
    progress: bool = False,
) -> Replay:
    """Step rules through the cutoffs of a dataset, each with what was known then.

    At each cutoff `RuleSet.step` sees the customers who were at risk, with their features as of the
    cutoff, and goes on from the state of the cutoff before: the same as stepping by hand, whatever the
    order of rows and rules. What came later changes nothing: a customer lost during the lead has no row
    among the labelled ones, and is evaluated here all the same, since nobody knew it then.

    Parameters
    ----------
    rules : RuleSet
        The rules, frozen before the time they are tried on.
    data : Dataset
        From `build_dataset`, with the columns the rules read.
    since : str, date or datetime, default=None
        The first cutoff that counts, naive in the log's zone; None for the first there is. Earlier
        ones only warm the state up: an alert that has fired for a month is not new at the start.
    sources : mapping of str to str, sequence of str or None, default=None
        The kind of event of each feed that a rule names, or several, None for any: how fresh a feed was
        at each cutoff is read from the log.
    opted_out : collection of ids, default=()
        Customers who want no contact.
    silences : sequence of Silence, default=()
        Spans of time in which alerts are held back.
    scores : mapping of str to model or values, default=None
        More columns that rules may read: a fitted classifier with ``predict_proba``, asked for each
        row as of its cutoff, a Series by (customer_id, cutoff), or one value per row.
    progress : bool, default=False
        Whether to show a progress bar over the cutoffs.

    Returns
    -------
    Replay
        One entry per row and rule.

    Raises
    ------
    SchemaError
        When a rule reads a column that is not there.
    ParameterError
        When `since` is after the last cutoff, a score has the name of a feature, a feed is not stated,
        or a unit differs from that of the feature.
    ParameterTypeError
        When `data` is no dataset, or an argument of a wrong type.
    DataError
        When a score is missing for a row.

    Examples
    --------
    >>> import churnlib as cl
    >>> from churnlib.alerts import Rule, RuleSet
    >>> log = cl.datasets.make_shop(n_customers=200, random_state=0).log
    >>> spec = cl.FeatureSpec([cl.features.Recency()])
    >>> data = cl.build_dataset(
    ...     log, cutoffs=cl.weekly("2025-03-03", "2025-06-30"), horizon="30d", churn=cl.Inactivity("60d"), features=spec
    ... )
    >>> found = replay(RuleSet([Rule("no-visit", 1, "any.recency >= 30d")]), data, since="2025-04-01")
    >>> found.firing.shape == (len(found.data), 1)
    True
    """
    check_flag(progress, name="progress")
    _check_dataset(data)
    out, held = opted_out_of(opted_out), silences_of(silences, rules.timezone, rules.ids)
    whole = _everyone(data)
    counts = whole.rows.cutoff >= _since(data, since)
    X = _columns(whole.X, rules, _scored(whole, scores))
    bound = _bound(rules, data, X)
    found = _Found(len(whole), len(rules))
    order, bounds = _by_cutoff(whole.rows.cutoff)
    ordered = X.iloc[order]
    fresh = _feeds(whole.log, sources)
    _check_feeds(whole.log, sources, rules)
    state: AlertState | None = None
    with _bar(len(bounds), show=progress) as bar:
        for cutoff, part in bounds:
            now = timestamp(cutoff)
            step = bound.step(
                ordered.iloc[part],
                now=now,
                state=state,
                sources={name: feed.last(cutoff) for name, feed in fresh.items()},
                opted_out=out,
                silences=held,
            )
            found.put(order[part], step)
            state = step.state
            if bar is not None:
                bar.update()
    y, days = _outcome(whole)
    return Replay(
        rules=rules,
        data=whole,
        firing=found.firing,
        counted=found.counted,
        announced=found.announced,
        score=found.score,
        level=found.level,
        lost=found.lost,
        y=y,
        days_to_loss=days,
        counts_since=counts,
    )


# -- rows -----------------------------------------------------------------------------------------


def _check_dataset(data: Any) -> None:
    if not isinstance(data, Dataset):
        raise ParameterTypeError(
            message(
                f"data is a {type(data).__name__}",
                "rules are tried on a Dataset: customers at cutoffs, with what was known then",
                "build_dataset(log, cutoffs=weekly(...), horizon=..., churn=..., features=...)",
            )
        )
    if not len(data) and not len(data.unlabelled):
        raise DataError(
            message("the dataset has no rows", "customers at one cutoff at least were expected", "more cutoffs")
        )


def _everyone(data: Dataset) -> Dataset:
    """Return all rows that were at risk as known at each cutoff, in the order of customers and cutoffs.

    A label window that is not over, a loss during the lead and a contact are known later only: rows
    without a label for such a reason are added, so that the future does not choose whom rules see.
    """
    parts = [data]
    if data.labelled:
        parts += [part for part in (data.unlabelled, _left_out(data)) if part is not None and len(part)]
    canonical = _is_canonical(data.rows)
    if len(parts) == 1:
        return data if canonical else data.take(np.lexsort((data.rows.cutoff, data.rows.customer)))
    joined = {
        name: np.concatenate([getattr(part.rows, name) for part in parts])
        for name in ("customer", "cutoff", "spell", "start", "churn", "cause", "label")
    }
    order = np.lexsort((joined["cutoff"], joined["customer"]))
    rows = Rows(**{name: values[order] for name, values in joined.items()})
    X = pd.concat([part.X for part in parts]).iloc[order]
    X.index = row_index(data.log.customers, rows)
    return Dataset(
        X=X, rows=rows, origin=data.origin, labelled=False, follow_up_us=data.follow_up_us, counts=data.counts
    )


def _is_canonical(rows: Rows) -> bool:
    same = rows.customer[1:] == rows.customer[:-1]
    return bool(((rows.customer[1:] > rows.customer[:-1]) | (same & (rows.cutoff[1:] >= rows.cutoff[:-1]))).all())


def _left_out(data: Dataset) -> Dataset | None:
    """Return the rows that have no label since the customer was lost or contacted before its window.

    None where the dataset holds a part of the labelled rows of a cutoff: someone chose whom to look at.
    """
    counts = data.counts
    at_us = _instants(counts.index)
    held = pd.Series(data.rows.cutoff).value_counts().reindex(at_us, fill_value=0).to_numpy()
    whole = held == (counts["churned"] + counts["retained"]).to_numpy()
    if not whole[held > 0].all():
        return None
    dropped = counts[["churned_before", "churned_in_lead", "treated_dropped"]].sum(axis=1).to_numpy() > 0
    at = at_us[dropped & ((held > 0) | whole.all())]
    if not len(at):
        return None
    every = data.origin.to_score(cutoffs([timestamp(int(instant)) for instant in at], data.origin.window.timezone))
    keys = pd.MultiIndex.from_arrays([data.rows.customer, data.rows.cutoff])
    there = pd.MultiIndex.from_arrays([every.rows.customer, every.rows.cutoff]).isin(keys)
    return every.take(~there)


def _instants(index: Any) -> IntArray:
    return np.asarray(pd.DatetimeIndex(index).as_unit("us").asi8)


def _since(data: Dataset, since: Any) -> int:
    last = max(int(part.rows.cutoff.max()) for part in (data, data.unlabelled) if len(part))
    if since is None:
        return min(int(part.rows.cutoff.min()) for part in (data, data.unlabelled) if len(part))
    instant = to_us(since, data.origin.window.timezone)
    if instant > last:
        raise ParameterError(
            message(
                f"since is {timestamp(instant)}, after the last cutoff ({timestamp(last)})",
                "some cutoffs at or after it count",
                "an earlier since, or more cutoffs",
            )
        )
    return instant


def _by_cutoff(cutoff: IntArray) -> tuple[IntArray, list[tuple[int, slice]]]:
    """Return the rows in the order of cutoffs, and the part of each cutoff."""
    order = np.argsort(cutoff, kind="stable")
    distinct, first = np.unique(cutoff[order], return_index=True)
    ends = [*first[1:].tolist(), len(order)]
    return order, [(c, slice(a, b)) for c, a, b in zip(distinct.tolist(), first.tolist(), ends, strict=True)]


def _outcome(data: Dataset) -> tuple[FloatArray, FloatArray]:
    """Return labels, and days to the losses in label windows as far as the data know."""
    rows, window = data.rows, data.origin.window
    y = np.where(rows.label < 0, np.nan, rows.label).astype(np.float64)
    opens, closes = window.opens_at(rows.cutoff), window.closes_at(rows.cutoff)
    open_still = closes > data.origin.complete_until_us
    known = (rows.label == 1) | (open_still & (rows.label < 0) & (rows.churn <= data.origin.complete_until_us))
    lost = known & (opens <= rows.churn) & (rows.churn < closes)
    days = np.full(len(rows), np.nan)
    days[lost] = (rows.churn[lost] - rows.cutoff[lost]) / DAY_US
    return y, days


# -- columns --------------------------------------------------------------------------------------


def _columns(X: pd.DataFrame, rules: RuleSet, scores: Mapping[str, FloatArray]) -> pd.DataFrame:
    """Return the columns that rules read, by customer."""
    found = X[[name for name in rules.read if name in X.columns]]
    for name, values in scores.items():
        found = found.assign(**{name: values})
    missing = [name for name in rules.read if name not in found.columns]
    if missing:
        by = [rule.id for rule in rules if missing[0] in (*rule.read, *rule.named)]
        there = [*map(str, X.columns), *scores]
        hint = nearest(missing[0], there)
        raise SchemaError(
            message(
                f"rule {by[0]!r} reads {missing[0]!r}, which is no column of the dataset ({hint})",
                f"features as of each cutoff, such as {some(there)}",
                "build_dataset(..., features=FeatureSpec([...])) with the feature, or scores={...} for a model",
            )
        )
    return found.set_axis(X.index.get_level_values("customer_id"), axis=0)


def _bound(rules: RuleSet, data: Dataset, X: pd.DataFrame) -> BoundRules:
    """Check names, types and units once, before any step."""
    _, units = types_of(data.features, dict(rules.units))
    units = {name: unit for name, unit in (dict(rules.units) | units).items() if name in X.columns}
    conditions_of(rules.rules, Columns(X, units=units), rules.pauses())
    return BoundRules(rules, tuple(sorted(units.items())))


def _scored(data: Dataset, scores: Any) -> dict[str, FloatArray]:
    if scores is None:
        return {}
    if not isinstance(scores, Mapping) or not all(isinstance(name, str) for name in scores):
        raise ParameterTypeError(
            message(
                f"scores is {str(scores)[:40]!r}", "models or values by column", "scores={'churn_probability': model}"
            )
        )
    twice = [name for name in scores if name in data.X.columns]
    if twice:
        raise ParameterError(
            message(
                f"scores names {twice[0]!r}, which is a feature already", "a new name", "scores={'probability': ...}"
            )
        )
    return {name: _values(data, name, given) for name, given in scores.items()}


def _values(data: Dataset, name: str, given: Any) -> FloatArray:
    what = f"scores[{name!r}]"
    if hasattr(given, "predict_proba"):
        values = np.asarray(given.predict_proba(data.X), dtype=np.float64)
        if values.shape != (len(data), 2):
            raise DataError(
                message(
                    f"{what} predicts an array of shape {values.shape} for {len(data):,} rows",
                    "the probabilities of two classes, churn the second, were expected",
                    "ChurnClassifier().fit(train.X, train.y)",
                )
            )
        values = values[:, 1]
    elif isinstance(given, pd.Series) and isinstance(given.index, pd.MultiIndex):
        values = _numbers(_aligned(given, data.X.index, what), what)
    else:
        values = _numbers(given, what)
        if values.shape != (len(data),):
            raise DataError(
                message(
                    f"{what} holds {values.size:,} values, and {len(data):,} rows are replayed",
                    "those without a label are replayed, too",
                    f"{what} = a fitted model, or a Series by (customer_id, cutoff)",
                )
            )
    missing = np.isnan(values)
    if missing.any():
        raise DataError(
            message(
                f"{what} is missing for {int(missing.sum()):,} of {len(data):,} rows ({named_rows(missing)})",
                "a score as of every cutoff, for rows without a label too",
                f"{what} = a fitted model",
            )
        )
    return values


def _aligned(given: pd.Series[Any], index: pd.Index[Any], what: str) -> pd.Series[Any]:
    twice = given.index.duplicated()
    if given.index.nlevels != index.nlevels or twice.any():
        wrong = f"has {given.index.nlevels} levels" if not twice.any() else f"names {int(twice.sum()):,} rows again"
        raise DataError(
            message(
                f"the index of {what} {wrong}",
                "one score for each pair of customer_id and cutoff",
                f"{what} = scores.groupby(['customer_id', 'cutoff']).last()",
            )
        )
    return given.reindex(index)


def _numbers(given: Any, what: str) -> FloatArray:
    try:
        return as_floats(given)
    except (TypeError, ValueError):
        raise ParameterTypeError(
            message(
                f"{what} is a {type(given).__name__} that holds no numbers",
                "a classifier with predict_proba, a Series by (customer_id, cutoff), or one number per row",
                f"{what} = ChurnClassifier().fit(train.X, train.y)",
            )
        ) from None


# -- feeds ----------------------------------------------------------------------------------------


class _Feed:
    """The last event of a feed, as known at any instant."""

    def __init__(self, log: EventLog, kinds: BoolArray) -> None:
        chosen = kinds[log.kind]
        time = log.time[chosen]
        # An event is there once it happened and is known: features as of c use the same rule.
        there = time if log.known is None else np.maximum(time, log.known[chosen])
        order = np.argsort(there, kind="stable")
        self.there = there[order]
        self.latest = np.maximum.accumulate(time[order])

    def last(self, cutoff: int) -> pd.Timestamp | None:
        place = int(np.searchsorted(self.there, cutoff, side="left"))
        return timestamp(int(self.latest[place - 1])) if place else None


def _feeds(log: EventLog, sources: Any) -> dict[str, _Feed]:
    given = {} if sources is None else sources
    if not isinstance(given, Mapping):
        raise ParameterTypeError(
            message(f"sources is {sources!r}", "kinds of events by feed were expected", _feed_fix(log, "visits"))
        )
    return {name: _Feed(log, _codes(log, name, kinds)) for name, kinds in given.items()}


def _check_feeds(log: EventLog, sources: Any, rules: RuleSet) -> None:
    stated = [feed for feed, _ in rules.sources]
    needed = sorted({feed for rule in rules for feed in rule.sources})
    strange = [feed for feed in sources or () if feed not in stated]
    missing = [feed for feed in needed if feed not in (sources or ())]
    if strange:
        hint = nearest(strange[0], stated) if stated else "none is stated"
        raise ParameterError(
            message(
                f"sources names {strange[0]!r}, which is no feed of the rules ({hint})",
                "feeds are stated in RuleSet(..., sources={...})",
                _feed_fix(log, stated[0]) if stated else "sources=None",
            )
        )
    if missing:
        raise ParameterError(
            message(
                f"nothing says which events the feed {missing[0]!r} delivers",
                "the silence of a feed looks like the silence of its customers",
                _feed_fix(log, missing[0]),
            )
        )


def _feed_fix(log: EventLog, feed: str) -> str:
    return f"sources={{{feed!r}: {log.kinds[0]!r}}}, None for events of any kind"


def _codes(log: EventLog, feed: str, kinds: Any) -> BoolArray:
    names = None if kinds is None else as_names(kinds, name=f"sources[{feed!r}]")
    if names == ():
        raise ParameterError(
            message(
                f"sources[{feed!r}] names no kind of events",
                "a feed that delivers nothing is always late",
                _feed_fix(log, feed),
            )
        )
    return log.codes_of(names)


# -- results --------------------------------------------------------------------------------------


class _Found:
    """What all steps found, filled in cutoff by cutoff."""

    def __init__(self, n_rows: int, n_rules: int) -> None:
        shape = (n_rows, n_rules)
        self.firing, self.counted, self.announced = (np.zeros(shape, dtype=bool) for _ in range(3))
        self.score, self.level = np.zeros(n_rows), np.zeros(n_rows, dtype=np.uint8)
        self.lost = np.zeros(n_rows, dtype=bool)

    def put(self, rows: IntArray, step: AlertStep) -> None:
        """Write down a step over some rows."""
        if step._order is not None:  # its results are in the order of ids
            rows = rows[step._order]
        self.score[rows], self.level[rows], _, self.lost[rows] = step._totals
        for place, one in enumerate(step._steps):
            firing = one.firing
            self.firing[rows, place] = firing
            self.counted[rows, place] = _counted(one, firing)
            self.announced[rows[np.concatenate([one.told.fired, one.told.released])], place] = True


def _counted(step: RuleStep, firing: BoolArray) -> BoolArray:
    if step.rule.is_loss:
        return np.zeros_like(firing)
    counted = firing.copy()
    for hold in step.holds:
        if hold.kind == "inhibited":
            counted &= ~hold.rows
    return counted


def _bar(total: int, *, show: bool) -> Any:
    if not show:
        return nullcontext()
    from tqdm.auto import tqdm

    return tqdm(total=total, desc="replaying cutoffs", leave=False)
