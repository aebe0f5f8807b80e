"""A rule: when to warn, how much to tolerate, and whom to tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from churnlib._checks import check_choice, check_flag, check_integer, check_number
from churnlib._fields import check_label, entries_of, labels_of, span_of
from churnlib._typing import Instant, Span
from churnlib.alerts._because import Place, because_of, parts_of
from churnlib.alerts._instants import instant_text
from churnlib.alerts._route import Escalation, Route, escalations_of, route_of
from churnlib.alerts._step import LONGEST_HISTORY, Pace
from churnlib.calendar import Duration, to_us
from churnlib.exceptions import ChurnlibError, ParameterError, ParameterTypeError, message, some
from churnlib.expressions import Expression
from churnlib.expressions._margin import contrary
from churnlib.expressions._nodes import written

__all__ = ["Rule"]

_ON_MISSING = ("hold", "fire", "clear", "error")
_OPTIONAL = (
    "clear", "for", "of", "keep_firing", "cooldown", "on_missing", "inhibited_by", "escalate", "route",
    "respect_opt_out", "season", "sources", "valid", "weight", "is_loss", "because",
)  # fmt: skip


@dataclass(frozen=True, slots=True, init=False)
class Rule:
    """A condition that warns of churn, with its tolerance, its level and its owner.

    A rule is evaluated for each customer at the instants its user chooses. Between evaluations
    each customer is in one of four states under it:

    ==========  =====================================================  ==========================
    from        when, at an instant `now`                              to
    ==========  =====================================================  ==========================
    inactive    `when` is met, and `for_` is zero                      firing
    inactive    `when` is met                                          pending
    pending     `when` is known and not met                            inactive
    pending     `when` is met, and ``now >= since + for_``             firing
    firing      the alert ends, within the cool-down of its last       cooling
                announcement: ``now < announced + cooldown``
    firing      the alert ends, later than that or never announced     inactive
    cooling     ``now >= announced + cooldown``                        inactive, and on from there
                                                                       at the same instant
    ==========  =====================================================  ==========================

    - *Met*: true at `k` of the last `n` evaluations, and known at this one. Evaluations at one and
      the same instant count once, the last of them.
    - *The alert ends* when `when` is known and not met, and `clear` is true, and both stayed so
      without a break for `keep_firing`. Where both conditions are true, `when` wins.
    - *Unknown*: a missing value makes a condition unknown. "hold" leaves the state as it is: nothing
      begins and nothing ends, though a cool-down runs out, and the evaluation is not one of the `n`.
      "fire" takes unknown as a reason to fire, "clear" as none. "error" refuses the data.
    - Time is half-open: what lasts "3d" from an instant has passed exactly three days later, and an
      instant at the end of a span is not in it. The caller says what time it is.
    - What holds an alert back (inhibited, opted out, silenced, suspended) never changes its state and
      is always named. An alert that was held back is announced when that ends, if it still fires.
    - The same conditions at later instants move a state only as time does: from pending to firing,
      from firing to inactive once `clear` has held for `keep_firing`, out of the cool-down.

    Parameters
    ----------
    id : str
        Its name, distinct within a rule set. State is kept by it.
    level : int
        How grave it is, 1 to 9.
    when : str or Expression
        When to warn, in the language of `churnlib.expressions.Expression`.
    clear : str or Expression, default=None
        When an alert ends; None for "not `when`". Another threshold than that of `when` keeps an
        alert from coming and going (hysteresis).
    for_ : str or timedelta, default="0d"
        How long the condition must be met before the alert fires. Called ``for`` in files.
    of : (int, int), default=(1, 1)
        ``(k, n)``: met at k of the last n evaluations, n at most 16.
    keep_firing : str or timedelta, default="0d"
        How long the alert stays after it cleared.
    cooldown : str or timedelta, default="0d"
        The least time from an announcement to a new one, escalations aside.
    on_missing : {"hold", "fire", "clear", "error"}, default="hold"
        What a missing value means.
    inhibited_by : str or sequence of str, default=()
        Rules whose alert for the same customer makes this one needless. They inhibit as long as they
        fire, held back or not.
    escalate : sequence of (after, level, owner) or Escalation, default=()
        Levels and owners of an alert that has fired for so long. An escalation is announced to its
        owner at once.
    route : Route or mapping, default=None
        Channel and owner.
    respect_opt_out : bool, default=True
        Whether the alert of a customer who wants no contact is held back.
    season : mapping of str to str, default=None
        For columns that hold a length of silence until now, the calendar whose days do not count:
        ``{"any.recency": "holiday_days"}``. The holidays inside the silence are taken out of it before
        it is compared, for this rule alone.
    sources : str or sequence of str, default=()
        The feeds whose silence the rule would mistake for the customer's. While one of them is stale
        the rule is suspended: states stay as they are, and nothing is announced.
    valid : (from, until), default=(None, None)
        The rule applies from the first instant until before the second; outside it is inactive
        for everyone. Without a zone they are on the clock of the rule set.
    weight : float, default=1.0
        What a firing alert adds to the customer's score.
    is_loss : bool, default=False
        Whether the rule sees the loss itself: it is routed, but is no warning, and counts in neither
        score nor level.
    because : str or mapping of str to str, default=None
        The reason in words, or in words by language, with places for columns:
        ``"no visit for {any.recency:.0f} days"``.

    Attributes
    ----------
    pace : Pace
        The lengths of time in microseconds.

    Raises
    ------
    ParameterError
        When an argument makes no sense, or an expression or text cannot be read.
    ParameterTypeError
        When an argument is of a wrong type.

    See Also
    --------
    RuleSet : rules that belong together; it evaluates them.

    Examples
    --------
    >>> rule = Rule("no-visit", 1, "any.recency >= 30", clear="any.recency < 7", for_="3d", cooldown="14d")
    >>> rule.clear.text, str(rule.cooldown)
    ('any.recency < 7', '14d')
    >>> Rule.from_dict(rule.to_dict()) == rule
    True
    """

    id: str
    level: int
    when: Expression
    clear: Expression | None
    for_: Duration
    of: tuple[int, int]
    keep_firing: Duration
    cooldown: Duration
    on_missing: str
    inhibited_by: tuple[str, ...]
    escalate: tuple[Escalation, ...]
    route: Route
    respect_opt_out: bool
    season: tuple[tuple[str, str], ...]
    sources: tuple[str, ...]
    valid: tuple[str | None, str | None]
    weight: float
    is_loss: bool
    because: tuple[tuple[str, str], ...]

    def __init__(
        self,
        id: str,  # noqa: A002 - its name in every file of rules
        level: int,
        when: str | Expression,
        *,
        clear: str | Expression | None = None,
        for_: Span | Duration = "0d",
        of: Sequence[int] = (1, 1),
        keep_firing: Span | Duration = "0d",
        cooldown: Span | Duration = "0d",
        on_missing: str = "hold",
        inhibited_by: str | Sequence[str] = (),
        escalate: Sequence[Any] = (),
        route: Route | Mapping[str, str] | None = None,
        respect_opt_out: bool = True,
        season: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
        sources: str | Sequence[str] = (),
        valid: Sequence[Instant | None] | Mapping[str, Instant] = (None, None),
        weight: float = 1.0,
        is_loss: bool = False,
        because: str | Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
    ) -> None:
        fields: dict[str, Any] = {"id": check_label(id, "id")}
        try:
            fields |= {
                "level": check_integer(level, name="level", low=1, high=9),
                "when": _condition(when, "when"),
                "clear": None if clear is None else _condition(clear, "clear"),
                "for_": span_of(for_, "for_"),
                "of": _k_of_n(of),
                "keep_firing": span_of(keep_firing, "keep_firing"),
                "cooldown": span_of(cooldown, "cooldown"),
                "on_missing": check_choice(on_missing, _ON_MISSING, name="on_missing"),
                "inhibited_by": labels_of(inhibited_by, "inhibited_by"),
                "escalate": escalations_of(escalate),
                "route": route_of(route),
                "respect_opt_out": check_flag(respect_opt_out, name="respect_opt_out"),
                "season": _season(season),
                "sources": labels_of(sources, "sources"),
                "valid": _valid(valid),
                "weight": check_number(weight, name="weight"),
                "is_loss": check_flag(is_loss, name="is_loss"),
                "because": because_of(because),
            }
            for name, value in fields.items():
                object.__setattr__(self, name, value)
            self._check_together()
        except ChurnlibError as error:
            raise type(error)(f"rule {id!r}: {error}") from None

    def _check_together(self) -> None:
        if self.id in self.inhibited_by:
            raise ParameterError(message("inhibited_by names the rule itself", "other rules", "inhibited_by=()"))
        ages = [entry.after for entry in self.escalate]
        if len(set(ages)) < len(ages):
            raise ParameterError(
                message(
                    f"two escalations begin after {some(sorted({str(a) for a in ages if ages.count(a) > 1}))}",
                    "each has an age of its own",
                    "escalate=[('7d', 2, 'csm'), ('14d', 3, 'head')]",
                )
            )
        unread = [column for column, _ in self.season if column not in self.read]
        if unread:
            raise ParameterError(
                message(
                    f"season names {some(unread)}, which neither when nor clear reads",
                    f"they read {some(self.read, 12)}",
                    f"season={{{self.read[0]!r}: 'holiday_days'}}" if self.read else "season=None",
                )
            )

    @property
    def pace(self) -> Pace:
        """The lengths of time, in microseconds.

        Examples
        --------
        >>> Rule("a", 1, "x > 1", for_="1d").pace.for_us
        86400000000
        """
        k, n = self.of
        waits, keeps, cools = (length.fixed_us or 0 for length in (self.for_, self.keep_firing, self.cooldown))
        return Pace(waits, keeps, cools, k, n, tuple(entry.after.fixed_us or 0 for entry in self.escalate))

    @property
    def read(self) -> tuple[str, ...]:
        """The columns that the conditions read, each once.

        Examples
        --------
        >>> Rule("a", 1, "x > 1 and y > x", clear="z < 1").read
        ('x', 'y', 'z')
        """
        clear = () if self.clear is None else self.clear.names
        return tuple(dict.fromkeys((*self.when.names, *clear)))

    @property
    def named(self) -> tuple[str, ...]:
        """The columns that the texts of `because` name, each once.

        Examples
        --------
        >>> Rule("a", 1, "x > 1", because={"en": "{x} of {y}"}).named
        ('x', 'y')
        """
        places = [part for _, text in self.because for part in parts_of(text)]
        return tuple(dict.fromkeys(place.name for place in places if isinstance(place, Place)))

    @property
    def clears_when(self) -> str:
        """The condition under which an alert ends, as text.

        Examples
        --------
        >>> Rule("a", 1, "x > 1 and y > 2", keep_firing="3d").clears_when
        'not (x > 1 and y > 2) for 3d'
        """
        text = written(contrary(self.when.tree)) if self.clear is None else self.clear.text
        return text if self.keep_firing.is_zero else f"{text} for {self.keep_firing}"

    def to_dict(self) -> dict[str, Any]:
        """Return the rule as plain values, as it stands in a file.

        Returns
        -------
        dict
            id, level, when, and of the others those that differ from their defaults.

        Examples
        --------
        >>> Rule("a", 1, "x>1", for_="1d", route={"owner": "crm"}).to_dict()
        {'id': 'a', 'level': 1, 'when': 'x > 1', 'for': '1d', 'route': {'owner': 'crm'}}
        """
        start, until = self.valid
        written: dict[str, Any] = {
            "id": self.id,
            "level": self.level,
            "when": self.when.text,
            "clear": None if self.clear is None else self.clear.text,
            "for": _length(self.for_),
            "of": None if self.of == (1, 1) else list(self.of),
            "keep_firing": _length(self.keep_firing),
            "cooldown": _length(self.cooldown),
            "on_missing": None if self.on_missing == "hold" else self.on_missing,
            "inhibited_by": list(self.inhibited_by) or None,
            "escalate": [_escalation(entry) for entry in self.escalate] or None,
            "route": _stated({"channel": self.route.channel, "owner": self.route.owner}) or None,
            "respect_opt_out": None if self.respect_opt_out else False,
            "season": dict(self.season) or None,
            "sources": list(self.sources) or None,
            "valid": _stated({"from": start, "until": until}) or None,
            "weight": None if self.weight == 1.0 else self.weight,
            "is_loss": self.is_loss or None,
            "because": self.because[0][1] if [lang for lang, _ in self.because] == [""] else dict(self.because) or None,
        }
        return {name: value for name, value in written.items() if value is not None}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Rule:
        """Make a rule from what `to_dict` returned, or what stands in a file.

        Parameters
        ----------
        values : mapping
            id, level, when, and what else there is.

        Returns
        -------
        Rule
            Equal to the one that was written.

        Raises
        ------
        ParameterError
            When an entry is missing, unknown or makes no sense.
        ParameterTypeError
            When an entry is of a wrong type.

        Examples
        --------
        >>> Rule.from_dict({"id": "a", "level": 1, "when": "x > 1", "cool_down": "1d"})
        Traceback (most recent call last):
            ...
        churnlib.exceptions.ParameterError: rule 'a' has an entry 'cool_down' (did you mean 'cooldown'?)...
        """
        named = values.get("id") if hasattr(values, "get") else None
        what = f"rule {named!r}" if isinstance(named, str) else "a rule"
        fix = "{'id': 'no-visit', 'level': 1, 'when': 'any.recency >= 30'}"
        entries = entries_of(values, ("id", "level", "when"), _OPTIONAL, what=what, fix=fix)
        if "for" in entries:
            entries["for_"] = entries.pop("for")
        return cls(**entries)


def _condition(given: Any, name: str) -> Expression:
    if isinstance(given, Expression):
        return given
    try:
        return Expression(given)
    except ChurnlibError as error:
        raise type(error)(f"{name}: {error}") from None


def _k_of_n(given: Any) -> tuple[int, int]:
    if not isinstance(given, list | tuple) or len(given) != 2:
        raise ParameterTypeError(message(f"of is {given!r}", "(k, n) was expected", "of=(2, 3)"))
    n = check_integer(given[1], name="n of (k, n)", low=1, high=LONGEST_HISTORY)
    return check_integer(given[0], name="k of (k, n)", low=1, high=n), n


def _season(given: Any) -> tuple[tuple[str, str], ...]:
    pairs = dict(given) if isinstance(given, tuple) else given
    if pairs is None:
        return ()
    if not isinstance(pairs, Mapping):
        raise ParameterTypeError(
            message(
                f"season is {given!r}", "columns with calendars were expected", "season={'any.recency': 'holiday_days'}"
            )
        )
    return tuple(sorted((check_label(column, "season"), check_label(name, "season")) for column, name in pairs.items()))


def _valid(given: Any) -> tuple[str | None, str | None]:
    example = "valid=('2026-01-01', None)"
    if isinstance(given, Mapping):
        entries = entries_of(given, (), ("from", "until"), what="valid", fix="valid={'from': '2026-01-01'}")
        given = (entries.get("from"), entries.get("until"))
    if not isinstance(given, list | tuple) or len(given) != 2:
        raise ParameterTypeError(message(f"valid is {given!r}", "(from, until) was expected", example))
    start, until = (None if end is None else instant_text(end) for end in given)
    if start is not None and until is not None and to_us(until) <= to_us(start):
        raise ParameterError(
            message(f"the rule is valid from {start} until before {until}, which is never", "from comes first", example)
        )
    return start, until


def _length(span: Duration) -> str | None:
    return None if span.is_zero else str(span)


def _stated(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


def _escalation(entry: Escalation) -> dict[str, Any]:
    return {"after": str(entry.after), "level": entry.level} | ({"owner": entry.owner} if entry.owner else {})
