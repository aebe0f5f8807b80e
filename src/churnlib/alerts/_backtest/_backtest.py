"""What rules would have done: how many alerts, how often right, how early, before anyone is called."""

from __future__ import annotations

import html
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from churnlib._checks import as_floats, check_choice, check_integer, check_number
from churnlib._fields import span_of
from churnlib._typing import BoolArray, FloatArray, Instant, Span
from churnlib.alerts._backtest._against import AgainstSilence, against_silence
from churnlib.alerts._backtest._counts import Listing, Trial, table_of, trial_of, weekly_of
from churnlib.alerts._backtest._lists import generator_of, shares
from churnlib.alerts._backtest._replay import Replay, replay
from churnlib.alerts._batch import _among
from churnlib.alerts._silence import Silence
from churnlib.calendar import DAY_US, Duration, timestamp
from churnlib.exceptions import ParameterError, ParameterTypeError, SchemaError, message, nearest
from churnlib.expressions._bind import _SPELT
from churnlib.expressions._tokens import UNITS_US
from churnlib.numerics._intervals import checked_confidence
from churnlib.snapshots import Dataset

if TYPE_CHECKING:
    from churnlib.alerts._ruleset import RuleSet

__all__ = ["Backtest", "backtest"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Backtest:
    r"""What rules would have done over past cutoffs; `RuleSet.backtest` makes it.

    A *warning* is a customer of whom an alert is told at a cutoff, newly fired or released; rules that are
    themselves the loss do not warn. Several rules at one cutoff are one warning for their level and for all
    rules together. With a capacity, a warning counts with the share :math:`p_i` of a place it has on the
    list of its cutoff (1 for all without a capacity). With :math:`y_i` the label of row i, over the rows at
    or after `since`:

    - precision :math:`= \sum p_i y_i / \sum p_i` over rows with a label,
    - base rate :math:`=` the mean of :math:`y_i` over rows with a label, lift :math:`=` precision / base rate,
    - the lost: customers with a loss in the label window ``[c + lead, c + lead + horizon)`` of a row, each
      once; of these, share caught: those with a warning at such a row, in expectation
      :math:`1 - \prod (1 - p_i)` over the rows of a customer,
    - lead days: from the earliest such warning of each customer to the loss it came before.

    Losses near either end of the tested time had fewer cutoffs at which they could be warned of, so that
    the share caught is rather too low. Rows without a label count in the volume and in nothing else; but
    a loss in a window that is not over yet is known, and counts among the lost.

    Attributes
    ----------
    table : DataFrame
        A row for each rule, each level, all rules together ("combined") and "silent N days". Columns: `part`
        and `name`; `warnings` in all, `per_week`; `judged`, those with a label, and `right`, those lost
        among them; `precision` with `low` and `high`, percentiles over resampled customers;
        `base_rate`, `lift`; `lead_days`, the median, with the quartiles `lead_low` and `lead_high`; `caught`
        and `share_caught` of the lost. What cannot be said is missing: the precision of a rule that never fired.
    weekly : DataFrame
        A row for each cutoff: customers at_risk, labelled and lost; warnings and those right, of the rules and
        of silence; right is missing where no label is known.
    lost_rules : DataFrame
        Rules that are themselves the loss, and how often they were told; they are in no other count.
    n_lost : int
        Customers lost.
    weeks : float
        The length of the tested time; missing for one cutoff without one before it.
    n_unlabelled : int
        Rows whose label window is not over.
    n_left_out : int
        Rows without a label since the customer was lost during the lead, or contacted.
    capacity : int or None
        Places at each cutoff.
    silence : Duration or None
        N of "silent N days".
    confidence : float
        Of the intervals.
    replay : Replay
        What the counts were made from, row by row.

    Notes
    -----
    The intervals hold the rules fixed and take customers as independent (Davison and Hinkley 1997,
    section 3.8). With few warned customers percentiles are too narrow, and with all of them right, or
    none, they have no width: look at `judged`.

    Examples
    --------
    >>> import churnlib as cl
    >>> from churnlib.alerts import Rule, RuleSet
    >>> log = cl.datasets.make_shop(n_customers=300, random_state=0).log
    >>> spec = cl.FeatureSpec([cl.features.Recency(), cl.features.GapRatio()])
    >>> data = cl.build_dataset(
    ...     log, cutoffs=cl.weekly("2025-03-03", "2025-06-30"), horizon="30d", churn=cl.Inactivity("60d"), features=spec
    ... )
    >>> rules = RuleSet([Rule("slower", 1, "any.gap_ratio >= 2 and any.recency >= 21d", cooldown="30d")])
    >>> found = rules.backtest(data, since="2025-04-01")
    >>> found.table["name"].tolist()
    ['slower', 'level 1', 'combined', 'silent 30d']
    >>> bool((found.table["low"] <= found.table["precision"]).all())
    True
    """

    table: pd.DataFrame
    weekly: pd.DataFrame
    lost_rules: pd.DataFrame
    n_lost: int
    weeks: float
    n_unlabelled: int
    n_left_out: int
    capacity: int | None
    silence: Duration | None
    confidence: float
    replay: Replay
    _silent_for: FloatArray | None

    # -- against silence ---------------------------------------------------------------------

    def against_silence(
        self,
        volume: Literal["silent"] | int = "silent",
        *,
        confidence: float = 0.95,
        n_boot: int = 1000,
        random_state: int | np.random.Generator = 0,
    ) -> AgainstSilence:
        """Compare the score with the length of silence on lists of equal length.

        At each cutoff with labels, the k customers of highest score stand against the k who were silent
        longest. These are lists of how matters stand, whether an alert is new or not, and the capacity of the
        backtest is not asked. Tied customers share the places in expectation. Customers without an alert have
        the score 0, and where a list is longer than those with one, they share the rest of it. Who was lost
        during the lead is on the lists, as nobody knew, and judged by neither.

        Parameters
        ----------
        volume : "silent" or int, default="silent"
            The length k of each list: "silent" for the number of those who were silent for N days or longer
            at that cutoff, or a number, at most that of the customers at risk.
        confidence : float, default=0.95
            Of the interval.
        n_boot : int, default=1000
            Draws of customers; the lists stay as they are.
        random_state : int or Generator, default=0
            The seed of the draws.

        Returns
        -------
        AgainstSilence
            Both precisions and the difference, above 0 where the rules are better, with its interval.

        Raises
        ------
        ParameterError
            When the backtest has no silence, or an argument makes no sense.
        ParameterTypeError
            When an argument is of a wrong type.

        Examples
        --------
        >>> import churnlib as cl
        >>> from churnlib.alerts import Rule, RuleSet
        >>> log = cl.datasets.make_shop(n_customers=300, random_state=0).log
        >>> spec = cl.FeatureSpec([cl.features.Recency()])
        >>> data = cl.build_dataset(
        ...     log,
        ...     cutoffs=cl.weekly("2025-03-03", "2025-06-30"),
        ...     horizon="30d",
        ...     churn=cl.Inactivity("60d"),
        ...     features=spec,
        ... )
        >>> same = RuleSet([Rule("no-visit", 1, "any.recency >= 30d")]).backtest(data).against_silence()
        >>> same.difference, same.verdict
        (0.0, 'no clear difference')
        """
        if self._silent_for is None or self.silence is None:
            raise ParameterError(
                message("this backtest knows no silence", "silence and recency were left out", "rules.backtest(data)")
            )
        found, trial = self.replay, trial_of(self.replay)
        mature = np.bincount(trial.cutoff[trial.labelled], minlength=len(trial.cutoffs)) > 0
        rows = mature[trial.cutoff]
        silent_for = self._silent_for[trial.rows][rows]
        cutoff = (np.cumsum(mature) - 1)[trial.cutoff[rows]]
        n = int(mature.sum())
        at_risk = np.bincount(cutoff, minlength=n)
        if isinstance(volume, str):
            check_choice(volume, ("silent",), name="volume")
            named = f"as many as were silent for {self.silence}"
            weights = _is_silent(silent_for, self.silence).astype(np.float64)
            places = np.asarray(np.bincount(cutoff, weights=weights, minlength=n), dtype=np.float64)
        else:
            named = f"the first {check_integer(volume, name='volume', low=1):,}"
            places = np.minimum(at_risk, volume).astype(np.float64)
        _, customer = np.unique(trial.customer[rows], return_inverse=True)
        return against_silence(
            found.score[trial.rows][rows],
            silent_for,
            trial.y[rows],
            customer=customer,
            cutoff=cutoff,
            places=places,
            volume=named,
            confidence=checked_confidence(check_number(confidence, name="confidence")),
            n_boot=check_integer(n_boot, name="n_boot", low=2),
            random_state=generator_of(random_state),
        )

    # -- words -------------------------------------------------------------------------------

    @property
    def base_rate(self) -> float:
        """Share of the rows with a label that are lost: the precision of a list drawn by lot."""
        return float(self.table["base_rate"].iloc[0])

    @property
    def headline(self) -> str:
        """The answer in a few sentences: how many, how right, how early, of how many, as of when."""
        row = self.table[self.table["part"] == "combined"].iloc[0]
        cutoffs = self.weekly.index
        taken = "1 cutoff" if len(cutoffs) == 1 else f"{len(cutoffs):,} cutoffs"
        dates = " to ".join(dict.fromkeys(f"{cutoffs[k]:%Y-%m-%d}" for k in (0, -1)))
        horizon = self.replay.data.horizon
        text = f"At {taken} ({dates}), {_number(row['warnings'])} warnings"
        text += f", {row['per_week']:,.1f} a week" if np.isfinite(row["per_week"]) else ""
        text += f", at most {self.capacity:,} at a cutoff" if self.capacity is not None else ""
        if np.isfinite(row["precision"]):
            text += (
                f"; {row['precision']:.1%} ({row['low']:.1%} to {row['high']:.1%}) of {_number(row['judged'])} were "
                f"right: lost in {horizon}, as were {self.base_rate:.1%} of all"
            )
        if np.isfinite(row["share_caught"]):
            text += f". Of {self.n_lost:,} customers lost, {row['share_caught']:.1%} were warned of"
        if np.isfinite(row["lead_days"]):
            text += f", {row['lead_days']:.0f} days ahead in the median"
        return f"{text}."

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know before the numbers are believed."""
        found = []
        if self.n_unlabelled:
            found.append(f"{self.n_unlabelled:,} rows are too young for a label: in the volume, not in the precision.")
        if self.n_left_out:
            found.append(
                f"{self.n_left_out:,} rows have no label since the customer was lost during the lead or contacted."
            )
        if self.replay.counts_since.all():
            found.append("No warm-up: what fired long before the first cutoff is told at it. State since=.")
        if not np.isfinite(self.weeks):
            found.append("One cutoff says nothing of warnings a week.")
        if len(self.lost_rules):
            found.append(f"In no count, being the loss itself: {', '.join(self.lost_rules['rule'])}.")
        return tuple(found)

    def _lines(self) -> pd.DataFrame:
        t = self.table
        texts = {
            "": t["name"],
            "a week": [_text(value, ",.1f") for value in t["per_week"]],
            "right": [_text(value, ".1%") for value in t["precision"]],
            f"{100 * self.confidence:g}% from": [_text(value, ".1%") for value in t["low"]],
            "to": [_text(value, ".1%") for value in t["high"]],
            "of": [_number(value) for value in t["judged"]],
            "lift": [_text(value, ".1f") for value in t["lift"]],
            "days ahead": [_text(value, ".0f") for value in t["lead_days"]],
            "caught": [_text(value, ".1%") for value in t["share_caught"]],
        }
        return pd.DataFrame(texts)

    def __repr__(self) -> str:
        lines = [f"Backtest: {self.headline}", self._lines().to_string(index=False)]
        return "\n".join([*lines, *self.notes])

    def _repr_html_(self) -> str:
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        table = self._lines().to_html(index=False, border=0, escape=True)
        return f"<p><b>Backtest</b>: {html.escape(self.headline)}</p>{table}<ul>{notes}</ul>"


def backtest(
    rules: RuleSet,
    data: Dataset,
    *,
    since: Instant | None = None,
    capacity: int | None = None,
    silence: Span | Duration | None = "30d",
    recency: str = "any.recency",
    sources: Mapping[str, str | Sequence[str] | None] | None = None,
    opted_out: Collection[Any] = (),
    silences: Iterable[Silence] = (),
    scores: Mapping[str, Any] | None = None,
    confidence: float = 0.95,
    n_boot: int = 500,
    random_state: int | np.random.Generator = 0,
    progress: bool = False,
) -> Backtest:
    """Try rules on the past; see `RuleSet.backtest`."""
    if capacity is not None:
        check_integer(capacity, name="capacity", low=1)
    check_integer(n_boot, name="n_boot", low=2)
    checked_confidence(check_number(confidence, name="confidence"))
    generator = generator_of(random_state)
    length = None if silence is None else span_of(silence, "silence", allow_zero=False)
    found = replay(
        rules, data, since=since, sources=sources, opted_out=opted_out, silences=silences, scores=scores,
        progress=progress,
    )  # fmt: skip
    trial = trial_of(found)
    _check_labels(trial, found)
    silent_for = None if length is None else _silent_for(found.data, recency)
    combined = _listed(_warned(found)[trial.rows], found.score[trial.rows], trial, capacity)
    listings = _by_rule(found, trial, combined) + _by_level(found, trial, combined)
    listings.append(Listing("combined", "combined", combined))
    silent = None
    if silent_for is not None and length is not None:
        begun = _begins(_is_silent(silent_for, length), found.data.rows.customer) & ~_among(
            pd.Index(found.data.customer), opted_out
        )
        begun = begun[trial.rows]
        silent = _listed(begun, silent_for[trial.rows], trial, capacity)
        listings.append(Listing("silence", f"silent {length}", silent))
    closes = found.data.origin.window.closes_at(found.data.rows.cutoff[trial.rows])
    young = ~trial.labelled & (closes > found.data.origin.complete_until_us)
    return Backtest(
        table=table_of(trial, listings, confidence=confidence, n_boot=n_boot, random_state=generator),
        weekly=weekly_of(trial, combined, silent),
        lost_rules=_lost_rules(found, trial),
        n_lost=trial.n_lost,
        weeks=trial.weeks,
        n_unlabelled=int(young.sum()),
        n_left_out=int((~trial.labelled & ~young).sum()),
        capacity=capacity,
        silence=length,
        confidence=confidence,
        replay=found,
        _silent_for=silent_for,
    )


def _check_labels(trial: Trial, found: Replay) -> None:
    if trial.labelled.any():
        return
    last = timestamp(int(trial.cutoffs[-1]))
    raise ParameterError(
        message(
            f"none of the {len(trial):,} rows that count has a label (cutoffs until {last:%Y-%m-%d}, lead "
            f"{found.data.lead}, horizon {found.data.horizon}, data complete until "
            f"{timestamp(found.data.origin.complete_until_us):%Y-%m-%d})",
            "whether a warning was right is known once complete_until >= cutoff + lead + horizon",
            "earlier cutoffs in build_dataset(...), or an earlier since",
        )
    )


# -- warnings -------------------------------------------------------------------------------------


def _warns(found: Replay) -> BoolArray:
    return np.array([not rule.is_loss for rule in found.rules])


def _warned(found: Replay) -> BoolArray:
    return np.asarray((found.announced & _warns(found)).any(axis=1))


def _listed(warned: BoolArray, value: FloatArray, trial: Trial, capacity: int | None) -> FloatArray:
    """Return the share of a place of each row: the highest first, and no more than there are places."""
    listed = warned.astype(np.float64)
    if capacity is not None:
        places = np.full(len(trial.cutoffs), float(capacity))
        listed[warned] = shares(value[warned], trial.cutoff[warned], places)
    return listed


def _by_rule(found: Replay, trial: Trial, combined: FloatArray) -> list[Listing]:
    told = found.announced[trial.rows]
    return [
        Listing("rule", rule.id, told[:, place] * combined)
        for place, rule in enumerate(found.rules)
        if not rule.is_loss
    ]


def _by_level(found: Replay, trial: Trial, combined: FloatArray) -> list[Listing]:
    warning = [rule for rule in found.rules if not rule.is_loss]
    levels = sorted({level for rule in warning for level in (rule.level, *(one.level for one in rule.escalate))})
    at = found.level[trial.rows]
    return [Listing("level", f"level {level}", (at == level) * combined) for level in levels]


def _lost_rules(found: Replay, trial: Trial) -> pd.DataFrame:
    rows = []
    customer = trial.customer
    for place, rule in enumerate(found.rules):
        if rule.is_loss:
            told = found.announced[trial.rows, place]
            n = int(told.sum())
            rows.append((rule.id, n, n / trial.weeks, len(np.unique(customer[told]))))
    return pd.DataFrame(rows, columns=["rule", "told", "per_week", "customers"])


# -- silence --------------------------------------------------------------------------------------


def _silent_for(data: Dataset, recency: str) -> FloatArray:
    """Return days since the last activity; who was never seen is silent longest."""
    X = data.X
    units = {feature.name: feature.unit for feature in data.features}
    if not isinstance(recency, str):
        raise ParameterTypeError(
            message(f"recency is {recency!r}", "the name of a column was expected", "recency='any.recency'")
        )
    if recency not in X.columns or not pd.api.types.is_numeric_dtype(X[recency].dtype):
        wrong = "holds no numbers" if recency in X.columns else f"is no column ({nearest(recency, list(X.columns))})"
        raise SchemaError(
            message(
                f"recency={recency!r} {wrong}",
                "the time since the last activity, for the rule 'silent for N days'",
                "features=FeatureSpec([Recency(), ...]), or silence=None to leave the comparison out",
            )
        )
    unit = units.get(recency, "days")
    length = UNITS_US.get(_SPELT.get(unit, unit))
    if length is None:
        raise SchemaError(
            message(
                f"recency={recency!r} is in {unit}",
                "a length of time: that since the last activity",
                "recency='any.recency', with Recency() among the features",
            )
        )
    days = as_floats(X[recency]) * (length / DAY_US)
    return np.where(np.isnan(days), np.inf, days)


def _is_silent(silent_for: FloatArray, length: Duration) -> BoolArray:
    assert length.fixed_us is not None
    return np.asarray(silent_for >= length.fixed_us / DAY_US)


def _begins(silent: BoolArray, customer: Any) -> BoolArray:
    """Return where a silence is met that was not met at the customer's cutoff before."""
    goes_on = np.r_[False, silent[:-1] & (customer[1:] == customer[:-1])] if len(silent) else silent
    return np.asarray(silent & ~goes_on)


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def _text(value: float, form: str) -> str:
    return format(value, form) if np.isfinite(value) else "–"
