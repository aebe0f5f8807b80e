"""Rules, rows and instants for the tests of alerts: small ranges, so that boundaries are met exactly."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from hypothesis import strategies as st

from churnlib.alerts import Rule, RuleSet, Silence
from churnlib.alerts._step import Pace
from churnlib.calendar import DAY_US, timestamp, to_us

START = to_us("2026-03-02")
UNITS = {"days": "days"}
CALENDAR = {"holiday_days": ["2026-03-01", ("2026-03-04", "2026-03-06")], "campaign_days": ["2026-02-28"]}
SOURCES = {"visits": "2d", "mails": "36h"}
CONDITIONS = (
    "days >= 2", "days >= 2d", "n > 1", "flag", "plan == 'basic'", "n >= 1 and not flag", "plan in ('basic', 'free')",
    "days between 1 and 3", "n is missing", "coalesce(n, 0) > 1 or flag", "1 <= days < 3",
)  # fmt: skip
CLEAR = (None, "days < 1", "n < 1", "not flag", "plan is not missing", "n < 2")
SPANS = ("0d", "1us", "12h", "1d", "2d", "3d")
# Steps of time that end spans exactly, a microsecond before, and not at all.
JUMPS = (0, 1, DAY_US // 2 - 1, DAY_US // 2, DAY_US - 1, DAY_US, DAY_US + 1, 2 * DAY_US, 3 * DAY_US)

COLUMN_TYPES = {"days": "Float64", "n": "Int64", "flag": "boolean", "plan": object}


def randoms() -> st.SearchStrategy[random.Random]:
    """Where every value is wanted about as often, and not the simplest one most of the time."""
    return st.integers(0, 2**32 - 1).map(random.Random)


def pace_of(rng: random.Random) -> Pace:
    n = rng.choice([1, 1, 2, 3, 4])
    afters = tuple(sorted(rng.sample(range(1, 9), rng.randint(0, 2))))
    return Pace(
        rng.choice([0, 0, 1, 2, 5]), rng.choice([0, 0, 1, 2, 5]), rng.choice([0, 2, 5, 9]), rng.randint(1, n), n, afters
    )


def paces() -> st.SearchStrategy[Pace]:
    return randoms().map(pace_of)


def rule_of(rng: random.Random, name: str, earlier: tuple[str, ...] = ()) -> Rule:
    """A rule from a seed: tolerance of every kind about as often, and most often a little of it."""
    when, clear = rng.choice(CONDITIONS), rng.choice(CLEAR)
    n = rng.choice([1, 1, 1, 2, 3, 4])
    seasonal = "days" in when or (clear is not None and "days" in clear)
    return Rule(
        name,
        rng.randint(1, 9),
        when,
        clear=clear,
        for_=rng.choice(("0d", "0d", "0d", *SPANS)),
        of=(rng.randint(1, n), n),
        keep_firing=rng.choice(("0d", "0d", "0d", *SPANS)),
        cooldown=rng.choice(SPANS),
        on_missing=rng.choice(["hold", "hold", "fire", "clear"]),
        inhibited_by=rng.sample(earlier, rng.randint(0, len(earlier))),
        escalate=rng.choice([(), (), (("1d", 5, "csm"),), (("12h", 3), ("2d", 9, "head"))]),
        route=rng.choice([None, {"channel": "email", "owner": "crm"}, {"owner": "care"}]),
        respect_opt_out=rng.random() < 0.7,
        season=rng.choice([None, {"days": "holiday_days"}, {"days": "campaign_days"}]) if seasonal else None,
        sources=rng.choice([(), (), (), ("visits",), ("visits", "mails")]),
        valid=(rng.choice([None, None, None, "2026-03-03"]), rng.choice([None, None, None, "2026-03-06"])),
        weight=rng.choice([1.0, 0.1, 0.7, 2.5]),
        is_loss=rng.random() < 0.2,
        because=rng.choice([None, "{days:.1f} days", {"en": "plan {plan}", "de": "{n} {{Stück}}, {flag}"}]),
    )


def rules(name: str, earlier: tuple[str, ...] = ()) -> st.SearchStrategy[Rule]:
    return randoms().map(lambda rng: rule_of(rng, name, earlier))


def set_of(rng: random.Random, size: int) -> RuleSet:
    names = tuple("abcd"[:size])
    listed = [rule_of(rng, name, names[:k]) for k, name in enumerate(names)]
    rng.shuffle(listed)
    read = {name for rule in listed for name in (*rule.read, *rule.named)}
    return RuleSet(
        listed,
        units={name: unit for name, unit in UNITS.items() if name in read},
        sources=SOURCES,
        calendar=CALENDAR,
        timezone=rng.choice(["UTC", "Europe/Berlin"]),
    )


def rule_sets() -> st.SearchStrategy[RuleSet]:
    return st.builds(set_of, randoms(), st.integers(1, 4))


VALUES: dict[str, list[Any]] = {
    "days": [2.0, 2.5, 3.0, 4.0, 7.0, 0.0, 0.0, 0.5, 1.0, None],
    "n": [2, 2, 1, 0, 0, None],
    "flag": [True, True, False, False, None],
    "plan": ["basic", "basic", "gold", None],
}


@dataclass
class Moment:
    """What a step is given."""

    now: int
    rows: dict[str, dict[str, Any]]
    opted_out: list[str] = field(default_factory=list)
    silences: list[Silence] = field(default_factory=list)
    sources: dict[str, Any] = field(default_factory=dict)

    @property
    def at(self) -> pd.Timestamp:
        return timestamp(self.now)

    def frame(self, order: list[str] | None = None) -> pd.DataFrame:
        return frame_of({who: self.rows[who] for who in (order or list(self.rows))})


def frame_of(listed: dict[Any, dict[str, Any]]) -> pd.DataFrame:
    columns = {
        name: pd.array([row[name] for row in listed.values()], dtype=kind) if kind is not object
        else pd.Series([row[name] for row in listed.values()], dtype=object).array
        for name, kind in COLUMN_TYPES.items()
    }  # fmt: skip
    return pd.DataFrame(columns, index=pd.Index(list(listed), name="customer_id"))


@st.composite
def moments(draw: st.DrawFn, max_size: int = 10, who: tuple[str, ...] = ("ann", "bob", "eve")) -> list[Moment]:
    """Stories of some steps, from a seed: states far from the start want every value about as often."""
    rng = random.Random(draw(st.integers(0, 2**32 - 1)))
    now, found = START, []
    some = rng.choice([None, ["ann"]])
    silence = Silence("move", until="2026-03-05", start="2026-03-03", customers=some)
    for _ in range(rng.randint(max_size // 2, max_size)):
        now += rng.choice(JUMPS)
        present = rng.sample(who, rng.choice([1, 2, 3, 3, 3]))
        late = [None, timestamp(now - 2 * DAY_US), timestamp(now - 2 * DAY_US + 1), timestamp(now)]
        found.append(
            Moment(
                now,
                {customer: {name: rng.choice(values) for name, values in VALUES.items()} for customer in present},
                opted_out=rng.choice([[], [], [], ["bob"], ["ann", "eve"]]),
                silences=rng.choice([[], [], [silence]]),
                sources={"visits": rng.choice([*late, late[3], late[3]]), "mails": rng.choice([late[3], late[2]])},
            )
        )
    return found
