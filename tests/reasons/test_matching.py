"""A stayer is with us at the instant, stays, is alike, and is somebody else."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

import churnlib as cl
from churnlib.reasons._matching import States, match, presence

DAY = 86_400_000_000
OPENING = pd.Timestamp("2025-01-01", tz="UTC")
few = settings(max_examples=max(10, settings.default.max_examples // 3))


def world(seed: int) -> tuple[cl.EventLog, cl.outcomes.Outcomes]:
    rng = np.random.default_rng(seed)
    rows = []
    for who in range(25):
        start = int(rng.integers(0, 120))
        rows.append((who, start, "open", rng.choice(["basic", "pro"])))
        day = start
        while (day := day + int(rng.integers(5, 60))) < 200:
            state = rng.choice(["open", "closed"], p=[0.7, 0.3])
            rows.append((who, day, state, rng.choice(["basic", "pro", None])))
    frame = pd.DataFrame(rows, columns=["id", "day", "state", "plan"])
    frame["at"] = OPENING + pd.to_timedelta(frame["day"], unit="D")
    log = cl.EventLog.from_frame(
        frame, customer="id", time="at", attributes=["state", "plan"], complete_until=OPENING + pd.Timedelta(days=200)
    )
    return log, cl.StatusChange(attribute="state", churned="closed").outcomes(log)


def plan_at(log: cl.EventLog, who: int, instant: int) -> int:
    rows = slice(log.offsets[who], log.offsets[who + 1])
    told = [
        c for t, c in zip(log.time[rows], log.attributes["plan"].values[rows], strict=True) if t < instant and c >= 0
    ]
    return int(told[-1]) + 1 if told else 0


@few
@given(st.integers(0, 10_000), st.sampled_from([0, 10 * DAY]))
def test_stayers_are_comparable(seed: int, lead_us: int) -> None:
    log, outcomes = world(seed)
    code = np.arange(len(outcomes.customers), dtype=np.int64)
    states = States.read(log, ["plan"])
    cases = np.flatnonzero((outcomes.cause > 0) & (outcomes.start < outcomes.end - lead_us))
    instant = outcomes.end[cases] - lead_us
    owner = outcomes.customer[cases].astype(np.int64)
    state = states.before(owner, instant)
    there = presence(outcomes, states, code, lead_us=lead_us)
    found = match(outcomes, there, cases, instant, state, tenure_within=0.5, stayers=3, random_state=0)
    assert len(found.case) + found.alone == len(cases)
    at = {int(case): int(t) for case, t in zip(cases, instant, strict=True)}
    for case, stayer in zip(found.case[found.of], found.stayer, strict=True):
        leaver, t = int(outcomes.customer[case]), at[int(case)]
        spells = (outcomes.customer == stayer) & (outcomes.start < t) & (outcomes.end > t + lead_us)
        assert spells.sum() == 1
        assert stayer != leaver
        assert plan_at(log, int(stayer), t) == plan_at(log, leaver, t)
        tenure, own = (t - outcomes.first_start[who] for who in (stayer, leaver))
        assert abs(tenure - own) <= max(7 * DAY, 0.5 * max(own, tenure) + 1)
    assert np.bincount(found.of).max(initial=0) <= 3
    # nobody comparable is overlooked
    lonely = np.setdiff1d(cases, found.case)
    for case in lonely:
        leaver, t = int(outcomes.customer[case]), at[int(case)]
        for who in range(len(outcomes.customers)):
            with_us = ((outcomes.customer == who) & (outcomes.start < t) & (outcomes.end > t + lead_us)).any()
            with_us &= t + lead_us <= outcomes.complete_until_us
            tenure, own = (t - outcomes.first_start[x] for x in (who, leaver))
            alike = min(own / 1.5, own - 7 * DAY) <= tenure <= max(own * 1.5, own + 7 * DAY)
            assert not (who != leaver and with_us and alike and plan_at(log, who, t) == plan_at(log, leaver, t))


@few
@given(st.integers(0, 10_000))
def test_the_state_is_what_was_last_stated_before(seed: int) -> None:
    log, _ = world(seed)
    states = States.read(log, ["plan"])
    rng = np.random.default_rng(seed)
    who = rng.integers(-1, log.n_customers, 40)
    # on the very instants of the facts, and one microsecond beside
    instant = log.time[rng.integers(0, len(log), 40)] + rng.integers(-1, 2, 40)
    told = states.before(who, instant)
    expected = [plan_at(log, int(c), int(t)) if c >= 0 else 0 for c, t in zip(who, instant, strict=True)]
    # codes are names: equal where the plans are equal
    assert len({*zip(told.tolist(), expected, strict=True)}) == len(set(expected)) == len(set(told.tolist()))


def test_the_draw_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    log, outcomes = world(1)
    states = States.read(log, [])
    cases = np.flatnonzero(outcomes.cause > 0)
    there = presence(outcomes, states, np.arange(25), lead_us=0)
    instant = outcomes.end[cases]
    one, two, other = (
        match(
            outcomes, there, cases, instant, np.zeros(len(cases), np.int64), tenure_within=None, stayers=2,
            random_state=seed,
        ).stayer.tolist()
        for seed in (0, 0, 1)
    )  # fmt: skip
    assert one == two
    assert one != other
