"""Worlds with planted signs for the rule packs, and a slow reading of the signs from the events themselves.

Every world has customers who live as most do, and customers of whom each shows one sign from a known day on, and most
of whom leave afterwards. `alerts_of` reads the raw events of a customer in plain Python, with thresholds and tolerances
written out a second time, and says which alerts stand at which instant: nothing of the library is in it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from churnlib.calendar import timestamp
from churnlib.events import EventLog

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = 1_767_225_600_000_000  # 2026-01-01, UTC
FIRST, LAST, EVERY = 104, 220, 4
HOLIDAYS = ("2026-05-20", "2026-05-24")  # days 139 to 142: nobody is active, but those who always are
PAUSE = (START + 139 * DAY, START + 143 * DAY)

ACTIVITY = {"retail": "visit", "telecom": "usage", "banking": "transaction", "saas": "login"}
BEGINNING = {"retail": "order", "telecom": "activation", "banking": "account_opened", "saas": "signup"}
LEAVING = {"retail": "account_closed", "telecom": "ported", "banking": "account_closed", "saas": "cancel"}
ATTRIBUTES = ("tier", "plan_price", "balance", "seats")
ROLES: dict[str, Any] = {
    "customer": "customer_id", "time": "time", "kind": "kind", "known_at": "known_at", "attributes": list(ATTRIBUTES),
    "facts": "statement",
}  # fmt: skip
Sign = bool | None


@dataclass(frozen=True)
class Event:
    customer: int
    time: int
    kind: str
    stated: tuple[tuple[str, Any], ...] = ()
    known: int = 0

    @property
    def seen(self) -> int:
        return max(self.time, self.known)


@dataclass
class World:
    """Events, and what was planted: of whom which rule has to warn, and who leaves when."""

    name: str
    events: list[Event] = field(default_factory=list)
    planted: dict[int, str] = field(default_factory=dict)
    leaves: dict[int, int] = field(default_factory=dict)
    healthy: list[int] = field(default_factory=list)

    @property
    def instants(self) -> list[int]:
        return [START + day * DAY for day in range(FIRST, LAST, EVERY)]

    def frame(self) -> pd.DataFrame:
        events = sorted(self.events, key=lambda e: (e.seen, e.time, e.customer, e.kind))
        found = pd.DataFrame(
            {
                "customer_id": [e.customer for e in events],
                "time": pd.to_datetime([e.time for e in events], unit="us", utc=True),
                "known_at": pd.to_datetime([e.seen for e in events], unit="us", utc=True),
                "kind": [e.kind for e in events],
            }
        )
        stated = [dict(e.stated) for e in events]
        for name in ATTRIBUTES:
            values = [one.get(name) for one in stated]
            found[name] = pd.array(values, dtype="string" if name == "tier" else "Float64")
        return found

    def log(self) -> EventLog:
        return EventLog.from_frame(self.frame(), **ROLES, complete_until=timestamp(START + LAST * DAY))


# -- how customers live ------------------------------------------------------------------------


class Life:
    """One customer's events while they are written; `stops` are the days from which a habit is given up."""

    def __init__(self, world: World, who: int, rng: random.Random, *, start: int | None = None) -> None:
        self.world, self.who, self.rng = world, who, rng
        self.start = rng.randint(0, 20) if start is None else start
        self.free = {ACTIVITY[world.name], "order", "key_feature", "email_open"}
        self.always = who % 5 == 0  # somebody is there on holidays too, or the feed would be silent
        self.stops: dict[str, float] = {}
        self.end = float(LAST)
        self.gap = rng.choice([1, 2, 3])

    def add(self, day: float, kind: str, **stated: Any) -> None:
        time = START + int(day * DAY)
        away = PAUSE[0] <= time < PAUSE[1] and not self.always and kind in self.free
        if day < min(self.end, self.stops.get(kind, LAST)) and not away:
            self.world.events.append(Event(self.who, time, kind, tuple(stated.items())))

    def habit(self, kind: str, gap: float, jitter: float, start: float | None = None) -> None:
        day = self.start + self.rng.uniform(0.1, 0.9) if start is None else start
        while day < LAST:
            self.add(day, kind)
            day += gap + self.rng.uniform(-jitter, jitter) * gap

    def live(self, *, welcome: bool = True) -> None:
        name, start = self.world.name, float(self.start)
        self.add(start, BEGINNING[name])
        if welcome:
            self.add(start + 1, "guide")
            self.add(start + 2, "adviser")
        self.habit(ACTIVITY[name], self.gap, 0.3)
        for k in range(int((LAST - start) / 5)):
            sent = start + 3 + 5 * k
            self.add(sent, "email")
            self.add(sent + self.rng.uniform(0.1, 1.9), "email_open")
        getattr(self, name)(start)

    def retail(self, start: float) -> None:
        self.add(start, "statement", tier=self.rng.choice("AB"))
        self.habit("order", 6, 0.2, start + 5)

    def telecom(self, start: float) -> None:
        self.add(start, "statement", plan_price=39.0)
        first = start + self.rng.uniform(5, 35)
        for k in range(7):
            self.add(first + 30 * k, "bill")
            self.add(first + 30 * k + self.rng.uniform(1, 15), "payment")

    def banking(self, start: float) -> None:
        for k in range(22):
            self.add(start + 10 * k, "statement", balance=5000 * self.rng.uniform(0.8, 1.2))
        self.habit("salary", 30, 0.05, start + self.rng.uniform(0, 30))

    def saas(self, start: float) -> None:
        self.add(start, "statement", seats=10)
        self.habit("key_feature", 4, 0.3)
        self.habit("payment", 30, 0.02)


def complain(life: Life, day: float, kind: str = "complaint") -> None:
    """A complaint that is answered as it should be."""
    life.add(day, kind)
    life.add(day + 3 / 1440, "contact")
    life.add(day + 20 / 1440, "call_back" if kind == "grave_complaint" else "complaint_solved")


Story = Callable[[Life, float], float]
"""Plants a sign at a day, and returns the day from which the rule can know."""


def _silence(life: Life, day: float) -> float:
    for kind in (ACTIVITY[life.world.name], "order", "key_feature"):
        life.stops[kind] = day
    return day + 30


def _slower(life: Life, day: float) -> float:
    return _silence(life, day) - 20


def _mails(life: Life, day: float) -> float:
    life.stops["email_open"] = day
    return day + 14


def _complaints(life: Life, day: float) -> float:
    complain(life, day)
    complain(life, day + 6)
    return day + 6


def _cancels(life: Life, day: float) -> float:
    life.stops["order"] = day
    life.add(day + 1, "cancel")
    life.add(day + 5, "cancel")
    return day + 5


def _refund(life: Life, day: float) -> float:
    life.stops["order"] = day
    life.add(day + 1, "refund")
    return day + 1


def _fewer(life: Life, day: float) -> float:
    kind, life.gap = ACTIVITY[life.world.name], 1
    life.stops[kind] = day
    for k in range(40):  # every fifth day, by another kind of pen: `stops` is for habits
        life.world.events.append(Event(life.who, START + int((day + 4 + 5 * k) * DAY), kind))
    return day + 24


def _attribute(name: str, value: float) -> Story:
    def plant(life: Life, day: float) -> float:
        if name == "balance":
            life.stops["statement"] = day
            life.world.events.append(Event(life.who, START + int(day * DAY), "statement", ((name, value),)))
            return day + 8
        life.add(day, "statement", **{name: value})
        return day + 1

    return plant


def _event(kind: str, *days: float, stop: str | None = None, after: float = 0.0) -> Story:
    def plant(life: Life, day: float) -> float:
        if stop is not None:
            life.stops[stop] = day
        for later in days:
            life.add(day + later, kind)
        return day + after

    return plant


COMMON: dict[str, Story] = {
    "silent-30-days": _silence,
    "slower-than-usual": _slower,
    "mails-unopened": _mails,
    "complaints-repeated": _complaints,
}
STORIES: dict[str, dict[str, Story]] = {
    "retail": {"cancelled-twice": _cancels, "refunded": _refund},
    "telecom": {
        "usage-falling": _fewer,
        "plan-downgraded": _attribute("plan_price", 19.0),
        "port-code-asked": _event("port_request", 0.5, after=0.5),
        "bill-unpaid": _event("bill", stop="payment", after=51),
    },
    "banking": {
        "balance-halved": _attribute("balance", 1200.0),
        "salary-stopped": _event("salary", stop="salary", after=43),
        "product-closed": _event("product_closed", 0.5, after=0.5),
    },
    "saas": {
        "logins-falling": _fewer,
        "seats-removed": _attribute("seats", 6),
        "key-feature-unused": _event("key_feature", stop="key_feature", after=24),
        "payment-failed": _event("payment_failed", 0.5, 4.5, stop="payment", after=3.5),
        "many-tickets": _event("ticket", 0, 3, 6, after=6),
    },
}
AHEAD = {
    "silent-30-days": 30,
    "slower-than-usual": 14,
    "mails-unopened": 30,
    "complaints-repeated": 21,
    "cancelled-twice": 14,
    "usage-falling": 14,
    "plan-downgraded": 30,
    "port-code-asked": 3,
    "bill-unpaid": 14,
    "balance-halved": 21,
    "salary-stopped": 21,
    "product-closed": 21,
    "logins-falling": 14,
    "seats-removed": 30,
    "key-feature-unused": 30,
    "payment-failed": 7,
    "many-tickets": 14,
}


def make_world(name: str, seed: int = 0, *, healthy: int = 28) -> World:
    """A world of an industry: each sign on three customers, of whom two leave, and others without any."""
    rng, world, who = random.Random(f"{name}-{seed}"), World(name), 0
    for who in range(1, healthy + 1):
        life = Life(world, who, rng)
        life.live()
        if who % 5 == 0:
            complain(life, rng.uniform(60, 200), rng.choice(["complaint", "grave_complaint"]))
        world.healthy.append(who)
    for rule, plant in (COMMON | STORIES[name]).items():
        for stays in (False, False, True):
            who += 1
            _plant(Life(world, who, rng), rule, plant, stays=stays)
    for start in (104, 131):
        who += 1
        life = Life(world, who, rng, start=start)
        if name == "retail":
            life.stops["order"] = start + 1
        life.live(welcome=False)
    if name == "retail":
        _add_tier_d(world, rng, who)
    world.events = [e for e in world.events if e.time < START + LAST * DAY]
    return world


def _plant(life: Life, rule: str, plant: Story, *, stays: bool) -> None:
    world, day = life.world, life.rng.uniform(105, 135)
    writing, known = len(world.events), plant(life, day)
    if not stays and rule in AHEAD:
        leaves = known + AHEAD[rule] + 10
        if leaves < LAST:
            life.end = leaves
            world.events[writing:] = [e for e in world.events[writing:] if e.time < START + leaves * DAY]
            life.live()
            life.end = LAST
            life.add(leaves, LEAVING[world.name])
            world.leaves[life.who] = START + int(leaves * DAY)
            world.planted[life.who] = rule
            return
    life.live()
    world.planted[life.who] = rule


def _add_tier_d(world: World, rng: random.Random, who: int) -> None:
    for gap in (2, 5, 9):
        who += 1
        life = Life(world, who, rng)
        life.gap = gap
        life.live()
        life.world.events.append(Event(who, START + 30 * DAY, "statement", (("tier", "D"),)))


def late_feed(world: World, kind: str, since: int, until: int) -> World:
    """The same world, in which a feed delivers nothing between two days, and all of it at the second."""
    a, b = START + since * DAY, START + until * DAY
    events = [
        Event(e.customer, e.time, e.kind, e.stated, b) if e.kind == kind and a <= e.time < b else e
        for e in world.events
    ]
    return World(world.name, events, world.planted, world.leaves, world.healthy)


def clock_world(seed: int = 0, n: int = 9) -> tuple[World, list[int]]:
    """Complaints of one morning, and the minutes and edges at which they are looked at."""
    rng, world = random.Random(seed), World("retail")
    morning = START + 150 * DAY
    instants = {morning + minute * MINUTE for minute in range(0, 130, 2)}
    for who in range(1, n + 1):
        world.events.append(Event(who, START + DAY, "visit"))
        for _ in range(rng.randint(1, 3)):
            kind = rng.choice(["complaint", "complaint", "grave_complaint"])
            at = morning + rng.randrange(0, 60 * MINUTE)
            world.events.append(Event(who, at, kind))
            answers = {"contact": (5, 0.7), "complaint_solved": (30, 0.6), "call_back": (60, 0.6)}
            for answer, (minutes, chance) in answers.items():
                instants |= {at + minutes * MINUTE, at + minutes * MINUTE + 1}
                if rng.random() < chance:
                    world.events.append(Event(who, at + rng.choice([1, minutes, minutes + 4]) * MINUTE, answer))
    for kind in ("contact", "complaint_solved", "call_back", "complaint", "grave_complaint", "statement"):
        world.events.append(Event(99, START + DAY, kind))  # so that the log knows every kind
    return world, sorted(instants)


# -- the slow reading --------------------------------------------------------------------------


class Told:
    """What is known of one customer at an instant."""

    def __init__(self, events: list[Event], now: int, name: str) -> None:
        self.now, self.name = now, name
        order = sorted(events, key=lambda e: (e.time, e.kind))
        self.events = [e for e in order if e.time < now and e.seen < now]

    def of(self, *kinds: str) -> list[Event]:
        return [e for e in self.events if e.kind in kinds]

    def count(self, kind: str, days: float | None = None, *, from_days: float = 0) -> int:
        found = self.of(kind)
        if days is not None:
            found = [e for e in found if self.now - days * DAY <= e.time]
        return len([e for e in found if e.time < self.now - from_days * DAY])

    def silence(self, kind: str, *, holidays: bool = True, first: bool = False) -> float | None:
        """Days since the last event of a kind, without holidays."""
        found = self.of(kind)
        if not found:
            return None
        since = found[0 if first else -1].time
        inside = max(0, min(self.now, PAUSE[1]) - max(since, PAUSE[0])) if holidays else 0
        return (self.now - since - inside) / DAY

    def run(self, kind: str, *others: str, older: int = -1) -> int:
        """How many of a kind since the last of the others, those younger than a length left out."""
        waiting: list[Event] = []
        for event in self.of(kind, *others):
            waiting = [*waiting, event] if event.kind == kind else []
        return len([e for e in waiting if self.now - e.time > older])

    def value(self, name: str, ago: float = 0) -> Any:
        found = [dict(e.stated)[name] for e in self.events if name in dict(e.stated) and e.time < self.now - ago * DAY]
        return found[-1] if found else None

    def mean_gap(self, kind: str) -> float | None:
        first_of_day: dict[int, int] = {}
        for event in self.of(kind):
            first_of_day.setdefault(event.time // DAY, event.time)
        times = sorted(first_of_day.values())
        return (times[-1] // 10**6 - times[0] // 10**6) / 86_400 / (len(times) - 1) if len(times) > 1 else None

    def days_active(self, kind: str) -> int:
        return len({e.time // DAY for e in self.of(kind)})

    def change(self, kind: str) -> float | None:
        now, before = self.count(kind, 28), self.count(kind, 56, from_days=28)
        # an event exactly 28 days ago belongs to the later window
        before -= len([e for e in self.of(kind) if e.time == self.now - 28 * DAY])
        return (now - before) / (now + before) if now + before else None


def _is(value: Any, test: Callable[[Any], bool]) -> Sign:
    return None if value is None else test(value)


def _all(*signs: Sign) -> Sign:
    return False if False in signs else None if None in signs else True


def _not(sign: Sign) -> Sign:
    return None if sign is None else not sign


@dataclass(frozen=True)
class Reading:
    """When a rule warns, when its alert ends (None: as soon as it does not warn), and what it tolerates."""

    when: Callable[[Told], Sign]
    clear: Callable[[Told], Sign] | None = None
    days: float = 0
    of: tuple[int, int] = (1, 1)
    cooldown: float = 0
    loss: bool = False
    patient: bool = False  # not held back by a loss
    only: str = ""  # held back by this loss and no other


def _common(name: str) -> dict[str, Reading]:
    activity, start = ACTIVITY[name], BEGINNING[name]

    def slower(t: Told) -> Sign:
        gap, silent = t.mean_gap(activity), t.silence(activity)
        twice = None if gap is None or silent is None else silent >= 2 * gap
        return _all(twice, _is(silent, lambda s: s >= 7), t.days_active(activity) >= 5)

    def back(t: Told) -> Sign:
        gap, silent = t.mean_gap(activity), t.silence(activity)
        return None if gap is None or silent is None else silent < gap

    def unopened(t: Told) -> Sign:
        opened = t.silence("email_open")
        return t.run("email", "email_open", older=2 * DAY) >= 3 and (opened is None or opened >= 14)

    def new(hours: int, kind: str) -> Callable[[Told], Sign]:
        def when(t: Told) -> Sign:
            age = t.silence(start, holidays=False, first=True)
            return _all(_is(age, lambda a: hours / 24 <= a < 14), t.count(kind) == 0)

        return when

    def late(kind: str, minutes: int, *answers: str) -> Reading:
        return Reading(lambda t: t.run(kind, *answers, older=minutes * MINUTE) >= 1, patient=True)

    return {
        "silent-30-days": Reading(
            lambda t: _is(t.silence(activity), lambda s: s >= 30),
            lambda t: _is(t.silence(activity), lambda s: s < 7),
            cooldown=30,
        ),
        "slower-than-usual": Reading(slower, back, days=2, cooldown=30),
        "mails-unopened": Reading(unopened, cooldown=30),
        "complaints-repeated": Reading(
            lambda t: t.count("complaint", 30) >= 2, lambda t: t.count("complaint", 30) == 0, cooldown=30
        ),
        "complaint-uncontacted": late("complaint", 5, "contact", "complaint_solved"),
        "complaint-unsolved": late("complaint", 30, "complaint_solved"),
        "grave-complaint-uncontacted": late("grave_complaint", 5, "contact", "call_back"),
        "grave-complaint-uncalled": late("grave_complaint", 60, "call_back"),
        "no-guide": Reading(new(48, "guide"), cooldown=14),
        "no-adviser": Reading(new(72, "adviser"), cooldown=14),
    }


def _retail() -> dict[str, Reading]:
    def tier_d(low: float, high: float) -> Callable[[Told], Sign]:
        return lambda t: _all(
            _is(t.value("tier"), lambda v: v == "D"), _is(t.silence("visit"), lambda s: low <= s < high)
        )

    def one_order(t: Told) -> Sign:
        orders = len({e.time for e in t.of("order")})
        return _all(orders == 1, _is(t.silence("order", first=True), lambda s: 7 <= s < 30))

    def cancelled(t: Told) -> Sign:
        recent = _is(t.silence("cancel", holidays=False), lambda s: s < 30)
        return _all(t.run("cancel", "order") >= 2, recent)

    return {
        "cancelled-twice": Reading(
            cancelled,
            lambda t: _not(
                _all(t.run("cancel", "order") != 0, _is(t.silence("cancel", holidays=False), lambda s: s < 30))
            ),
            cooldown=30,
            only="account-closed",
        ),
        "no-second-order": Reading(one_order, cooldown=30),
        "tier-d-silent-3-days": Reading(tier_d(3, 7), cooldown=7),
        "tier-d-silent-7-days": Reading(
            tier_d(7, 1e9), lambda t: _is(t.silence("visit"), lambda s: s < 3), cooldown=30
        ),
        "refunded": Reading(
            lambda t: _all(t.run("refund", "order") >= 1, _is(t.silence("refund", holidays=False), lambda s: s < 30)),
            loss=True,
            patient=True,
        ),
        "account-closed": Reading(lambda t: t.run("account_closed", "order") >= 1, loss=True, patient=True),
    }


def _falling(kind: str, least: int) -> Reading:
    return Reading(
        lambda t: _all(_is(t.change(kind), lambda c: c <= -0.5), t.count(kind, 56) >= least),
        lambda t: _is(t.change(kind), lambda c: c > -0.25),
        of=(2, 3),
        cooldown=30,
    )


def _lower(name: str) -> Reading:
    def when(t: Told) -> Sign:
        now, before = t.value(name), t.value(name, 30)
        return None if now is None or before is None else now < before

    return Reading(when, days=1, cooldown=30)


def _telecom() -> dict[str, Reading]:
    return {
        "usage-falling": _falling("usage", 20),
        "plan-downgraded": _lower("plan_price"),
        "port-code-asked": Reading(lambda t: t.count("port_request", 30) >= 1, cooldown=30),
        "bill-unpaid": Reading(lambda t: t.run("bill", "payment", older=20 * DAY) >= 1, cooldown=14),
        "number-ported": Reading(lambda t: t.run("ported", "activation") >= 1, loss=True, patient=True),
    }


def _banking() -> dict[str, Reading]:
    def halved(t: Told) -> Sign:
        now, before = t.value("balance"), t.value("balance", 90)
        half = None if now is None or before is None else now <= 0.5 * before
        return _all(half, _is(before, lambda b: b >= 1000))

    def well(t: Told) -> Sign:
        now, before = t.value("balance"), t.value("balance", 90)
        return None if now is None or before is None else now > 0.7 * before

    return {
        "balance-halved": Reading(halved, well, days=7, cooldown=30),
        "salary-stopped": Reading(
            lambda t: _all(_is(t.silence("salary"), lambda s: s >= 40), t.count("salary") >= 3),
            lambda t: _is(t.silence("salary"), lambda s: s < 7),
            days=2,
            cooldown=60,
        ),
        "product-closed": Reading(lambda t: t.count("product_closed", 30) >= 1, cooldown=30),
        "account-closed": Reading(lambda t: t.run("account_closed", "account_opened") >= 1, loss=True, patient=True),
    }


def _saas() -> dict[str, Reading]:
    def unused(t: Told) -> Sign:
        used, since = t.silence("key_feature"), t.silence("login", holidays=False, first=True)
        return _all(_is(since if used is None else used, lambda s: s >= 21), t.count("login", 14) >= 1)

    return {
        "logins-falling": _falling("login", 12),
        "seats-removed": _lower("seats"),
        "key-feature-unused": Reading(
            unused, lambda t: _is(t.silence("key_feature"), lambda s: s < 7), days=2, cooldown=30
        ),
        "payment-failed": Reading(lambda t: t.run("payment_failed", "payment") >= 1, days=3),
        "many-tickets": Reading(
            lambda t: t.count("ticket", 14) >= 3, lambda t: t.count("ticket", 14) <= 1, cooldown=30
        ),
        "subscription-cancelled": Reading(lambda t: t.run("cancel", "signup") >= 1, loss=True, patient=True),
    }


def readings(name: str) -> dict[str, Reading]:
    own = {"retail": _retail, "telecom": _telecom, "banking": _banking, "saas": _saas}[name]
    return _common(name) | own()


@dataclass
class _Memory:
    status: str = "inactive"
    since: int = 0
    told: int | None = None
    told_now: bool = False
    past: list[bool] = field(default_factory=list)


def alerts_of(world: World, instants: list[int]) -> Iterator[tuple[int, int, dict[str, bool]]]:
    """Say for each customer and instant which rules fire, and whether what fires is held back by a loss."""
    rules = readings(world.name)
    for who in sorted({e.customer for e in world.events}):
        events = [e for e in world.events if e.customer == who]
        memory = {rule: _Memory() for rule in rules}
        for now in instants:
            told = Told(events, now, world.name)
            if not told.events:
                continue
            for rule, reading in rules.items():
                _walk(memory[rule], reading, told)
            lost = {rule for rule, reading in rules.items() if reading.loss and memory[rule].status == "firing"}
            held = {
                rule: not reading.patient and bool(lost & {reading.only} if reading.only else lost)
                for rule, reading in rules.items()
            }
            for rule, one in memory.items():
                if one.status == "firing" and not one.told_now and not held[rule]:
                    one.told, one.told_now = now, True
            found = {rule: held[rule] for rule, one in memory.items() if one.status == "firing"}
            yield who, now, found


def _walk(one: _Memory, reading: Reading, told: Told) -> None:
    sign, now = reading.when(told), told.now
    if sign is not None:
        one.past = [*one.past, sign][-reading.of[1] :]
    met = sign is not None and sum(one.past) >= reading.of[0]
    if one.status == "firing":
        ends = sign is False and (reading.clear is None or reading.clear(told) is True)
        if ends:
            one.status = "cooling" if one.told is not None and now < one.told + reading.cooldown * DAY else "inactive"
        return
    if one.status == "cooling" and now >= (one.told or 0) + reading.cooldown * DAY:
        one.status = "inactive"
    if one.status == "inactive" and met:
        one.status, one.since = "pending", now
    if one.status == "pending":
        if sign is not None and not met:
            one.status = "inactive"
        elif met and now >= one.since + reading.days * DAY:
            one.status, one.told_now = "firing", False
