"""Streams of events and rules over their features, for the tests of the watch: times on the edges of everything."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from churnlib.alerts import Notice, Rule, RuleSet, Silence, Watch
from churnlib.alerts._step import code_of
from churnlib.calendar import DAY_US, timestamp, to_us
from churnlib.features import (
    Count,
    FeatureSpec,
    GapRatio,
    OnlineFeatures,
    Recency,
    RunLength,
    Sum,
    Tenure,
)

HOUR = DAY_US // 24
START = to_us("2026-03-02")
CALENDAR = {"holiday_days": ["2026-03-01", ("2026-03-04", "2026-03-06")]}
SPEC = FeatureSpec(
    [
        Recency(), Recency("order"), Tenure(), Count("2d"), Count("1d", "order"), Count(), Sum("2d"), GapRatio(),
        RunLength("cancel", over=["cancel", "order"]),
    ]
)  # fmt: skip
STEPPED = (
    "any.count.2d >= 2", "any.sum.2d < 0", "order.count.1d > 0 and any.count.2d < 3", "any.count >= 3",
    "`cancel.run.cancel+order` >= 2", "any.count.2d - order.count.1d >= 1",
)  # fmt: skip
AGES = (
    "any.recency >= 2d", "any.recency > 1.3", "order.recency >= 1d and any.count.2d < 2", "any.tenure between 1 and 2",
    "order.recency is missing", "3 > any.recency >= 0.5", "not (1d > order.recency)", "any.recency <= 0.25",
)  # fmt: skip
OTHERS = ("any.gap_ratio >= 2", "any.recency > order.recency", "any.recency * 2 > any.tenure", "any.recency != 1")
CLEAR = (None, None, "any.recency < 12h", "any.count.2d > 0", "any.recency >= 4", "any.gap_ratio < 1")


def rule_of(rng: random.Random, name: str, earlier: list[str], conditions: tuple[str, ...]) -> Rule:
    when, clear = rng.choice(conditions), rng.choice(CLEAR)
    n = rng.choice([1, 1, 1, 2, 3])
    seasonal = "any.recency" in when or (clear is not None and "any.recency" in clear)
    some = ("0d", "0d", "6h", "1d")
    return Rule(
        name,
        rng.randint(1, 9),
        when,
        clear=clear,
        for_=rng.choice(some),
        of=(rng.randint(1, n), n),
        keep_firing=rng.choice(some),
        cooldown=rng.choice(("0d", "1d", "3d")),
        on_missing=rng.choice(["hold", "hold", "fire", "clear"]),
        inhibited_by=rng.sample(earlier, rng.randint(0, len(earlier))),
        escalate=rng.choice([(), (), (("1d", 5, "csm"),), (("12h", 3), ("2d", 9, "head"))]),
        route=rng.choice([None, {"channel": "email", "owner": "crm"}]),
        season={"any.recency": "holiday_days"} if seasonal and rng.random() < 0.3 else None,
        sources=rng.choice([(), (), ("orders",), ("feed", "orders")]),
        valid=rng.choice([*[(None, None)] * 5, ("2026-03-03", None), ("2026-03-03", "2026-03-06")]),
        is_loss=rng.random() < 0.1,
        because=rng.choice([None, "{any.recency:.1f} days", "{any.count} events"]),
    )


@dataclass
class Story:
    """Rules, events in the order of their arrival, and how long the clock goes on."""

    rules: RuleSet
    events: list[dict[str, Any]]
    until: int
    beat: str
    tick: str
    opted_out: list[str]
    silences: list[Silence]
    has_known: bool
    rng: random.Random = field(repr=False)

    def features(self) -> OnlineFeatures:
        known = "known_at" if self.has_known else None
        return OnlineFeatures(
            SPEC, customer="who", time="at", kind="what", amount="paid", known_at=known, lateness="3d", event_id="id",
            duplicates="drop",
        )  # fmt: skip

    def watch(self) -> Watch:
        return Watch(
            self.features(), self.rules, beat=self.beat, tick=self.tick, sources={"orders": "order", "feed": None},
            opted_out=self.opted_out, silences=self.silences,
        )  # fmt: skip


def story_of(seed: int, size: int = 14) -> Story:
    rng = random.Random(seed)
    has_known = rng.random() < 0.7
    conditions = rng.choice([STEPPED, AGES, STEPPED + AGES, STEPPED + AGES, STEPPED + AGES + OTHERS])
    names = list("abcd"[: rng.randint(1, 4)])
    rules = RuleSet(
        [rule_of(rng, name, names[:k], conditions) for k, name in enumerate(names)],
        sources={"orders": rng.choice(["1d", "12h", "90d"]), "feed": "1d"},
        calendar=CALENDAR,
    )
    events: list[dict[str, Any]] = []
    now = START + rng.choice([0, 1, 5 * HOUR])
    for number in range(rng.randint(1, size)):
        now += rng.choice([0, 0, 1, HOUR, 6 * HOUR - 1, 6 * HOUR, 12 * HOUR, DAY_US, 2 * DAY_US, 2 * DAY_US + 1])
        late = rng.choice([0, 0, 0, 1, 6 * HOUR, DAY_US, 2 * DAY_US, 4 * DAY_US, -6 * HOUR, -DAY_US])
        at = now - late if has_known or late >= 0 else now
        event = {
            "who": rng.choice(["ann", "bob", "eve"]), "at": at, "what": rng.choice(["order", "order", "cancel"]),
            "paid": rng.choice([5, 5, -10]), "id": number,
        }  # fmt: skip
        if events and rng.random() < 0.15:  # one of them is delivered again
            event = dict(rng.choice(events))
        if has_known:
            event["known_at"] = now - rng.choice([0, 0, 0, HOUR])
        events.append(event)
    silence = Silence("move", until="2026-03-05", start="2026-03-03", customers=rng.choice([None, ["ann"]]))
    return Story(
        rules,
        events,
        until=now + rng.choice([0, DAY_US, 4 * DAY_US, 4 * DAY_US + 7]),
        beat=rng.choice(["1s", "1h", "6h"]),
        tick=rng.choice(["6h", "6h", "12h", "1d"]),
        opted_out=rng.choice([[], [], ["bob"]]),
        silences=rng.choice([[], [], [silence]]),
        has_known=has_known,
        rng=rng,
    )


def stories(size: int = 14) -> st.SearchStrategy[Story]:
    """From a seed: what is far from the start wants every value about as often."""
    return st.integers(0, 2**32 - 1).map(lambda seed: story_of(seed, size))


def told(notice: Notice) -> tuple[Any, ...]:
    """What a notice says, without what it is made of."""
    return (
        notice.at, notice.customer, notice.rule, notice.reason, notice.level, notice.since, notice.score, notice.owner,
        notice.channel,
    )  # fmt: skip


def standing(alerts: Any) -> dict[Any, Any]:
    """Which alert of whom is in which state since when."""
    state = alerts.state()
    return {
        (who, rule): (int(code), int(since))
        for rule, cells in state.cells.items()
        for who, code, since in zip(state.customers, code_of(cells.status), cells.since, strict=True)
    }


def plainly(story: Story) -> tuple[list[tuple[Any, ...]], dict[Any, Any]]:
    """The same without any of the watch: at each tick all customers, one after the other."""
    features, alerts = story.features(), story.rules.bind(SPEC).online()
    spans = {"1s": 1_000_000, "1h": HOUR, "6h": 6 * HOUR, "12h": 12 * HOUR, "1d": DAY_US}
    beat, tick = spans[story.beat], spans[story.tick]
    arrivals, latest = [], 0
    for event in story.events:
        latest = max(latest, event.get("known_at", event["at"]))
        arrivals.append(latest)
    first = -(-arrivals[0] // tick) * tick
    instants = {*range(first, story.until + 1, tick), *((arrived // beat + 1) * beat for arrived in arrivals)}
    fresh: dict[str, Any] = {"orders": None, "feed": None}
    alerts.set(sources=fresh, opted_out=story.opted_out, silences=story.silences)
    done, found = 0, []
    for at in sorted(instants):
        if at > story.until:
            break
        touched = set()
        while done < len(arrivals) and arrivals[done] < at:
            event = story.events[done]
            if features.update(event) is None:
                touched.add(event["who"])
                for name in ("feed", "orders") if event["what"] == "order" else ("feed",):
                    seen = min(event["at"], arrivals[done])
                    fresh[name] = seen if fresh[name] is None else max(fresh[name], seen)
            done += 1
        alerts.set(sources={name: None if seen is None else timestamp(seen) for name, seen in fresh.items()})
        for who in sorted(features._store.states) if at % tick == 0 else sorted(touched):
            step = alerts.step(who, features.features(who, at), at)
            found += [
                (
                    timestamp(at),
                    who,
                    alert.rule,
                    reason,
                    alert.level,
                    alert.since,
                    step.score,
                    alert.owner,
                    alert.channel,
                )
                for alert, reason in step.notifications
            ]
    return found, standing(alerts)
