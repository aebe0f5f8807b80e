"""What was planted is found, with its days of lead; what was not is not."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control

import churnlib as cl
from churnlib.exceptions import DataError, HistoryError, ParameterError, ParameterTypeError
from churnlib.reasons import Precursors, precursors
from churnlib.reasons._precursors import _Ratio, adjusted
from tests.reasons.worlds import subscribers


def seed_of(name: str) -> int:
    return zlib.crc32(name.encode())


@pytest.fixture(scope="module")
def planted() -> Precursors:
    log, outcomes = subscribers(600, seed=seed_of("planted"), complaint=0.5, lead=25.0, feature=4.0)
    return precursors(log, outcomes, changes=[])


def test_a_planted_precursor_is_found_with_its_lead(planted: Precursors) -> None:
    row = planted.frame.iloc[0]
    assert row[["what", "happened", "within", "found"]].tolist() == ["complaint", True, "90d", True]
    assert row["lead_days"] == pytest.approx(25.0, abs=0.5)
    assert 22.0 < row["lead_days_low"] < row["lead_days_high"] < 28.0
    assert row["low"] > 2.5
    assert row["text"] == "complaint in the 90d before"
    assert "preceded" in planted.sentence
    assert "caused is not known" in planted.cannot_say
    assert "complaint in the 90d before: " in repr(planted)


def test_a_planted_absence_is_found(planted: Precursors) -> None:
    row = planted.frame[(planted.frame["what"] == "feature") & planted.frame["within"].isna()].iloc[0]
    assert not row["happened"]
    assert row["found"]
    assert row["text"] == "no feature ever before"
    # half of the customers never used it, and they leave four times as fast
    assert row["share_leavers"] > 0.6
    assert row["share_stayers"] < 0.5
    assert np.isnan(row["lead_days"])


def test_what_has_nothing_to_do_with_it_is_not_found(planted: Precursors) -> None:
    assert set(planted.frame.loc[planted.frame["found"], "what"]) == {"complaint", "feature"}
    # everybody joined, and nobody closed before closing
    untold = planted.frame[planted.frame["p_value"].isna()]
    assert set(untold["what"]) == {"join", "close"}


def test_without_effect_false_findings_are_controlled(record_property: Callable[[str, object], None]) -> None:
    worlds = 60
    seed = seed_of("test_without_effect_false_findings_are_controlled")
    some, small, tested = 0, 0, 0
    for k in range(worlds):
        log, outcomes = subscribers(220, seed=seed + k)
        frame = precursors(log, outcomes, changes=[]).frame
        some += bool(frame["found"].any())
        small += int((frame["p_value"] < 0.05).sum())
        tested += int(frame["p_value"].notna().sum())
    record_property("worlds_with_a_false_finding", some / worlds)
    record_property("share_of_p_below_5_percent", small / tested)
    # 5 % of 60 worlds: more than 8 has a chance below .5 %
    assert some <= 8
    assert small / tested < 0.075


def test_the_same_seed_gives_the_same_table(planted: Precursors) -> None:
    log, outcomes = subscribers(600, seed=seed_of("planted"), complaint=0.5, lead=25.0, feature=4.0)
    pd.testing.assert_frame_equal(precursors(log, outcomes, changes=[]).frame, planted.frame, check_exact=True)
    rows = log.to_frame().sample(frac=1.0, random_state=0)
    shuffled = cl.EventLog.from_frame(
        rows, customer="customer_id", time="time", kind="kind", attributes=["state"], complete_until=log.complete_until
    )
    again = cl.StatusChange(attribute="state", churned="closed").outcomes(shuffled)
    pd.testing.assert_frame_equal(precursors(shuffled, again, changes=[]).frame, planted.frame, check_exact=True)


def test_silence_is_the_definition_and_not_a_precursor() -> None:
    shop = cl.datasets.make_shop(n_customers=250, random_state=0)
    outcomes = cl.Inactivity("60d", kinds="order").outcomes(shop.log)
    found = precursors(shop.log, outcomes)
    assert found.lead_days == 60.0
    assert not ((found.frame["what"] == "order") & ~found.frame["happened"]).any()
    naive = precursors(shop.log, outcomes, lead="0d", window="59d").frame
    row = naive[(naive["what"] == "order") & (naive["within"] == "59d")].iloc[0]
    assert row["share_leavers"] == 1.0
    assert not row["happened"]


def test_plan_changes_are_events() -> None:
    rng = np.random.default_rng(seed_of("test_plan_changes_are_events"))
    rows = []
    for who in range(300):
        start = float(rng.uniform(0, 200))
        end = start + float(rng.exponential(250))
        rows.append((who, start, "pro", "open"))
        if rng.random() < 0.15:
            rows.append((who, float(rng.uniform(start, min(end, 500))), "basic", None))
        if end < 500:
            if rng.random() < 0.5 and end - start > 45:
                rows.append((who, end - 40.0, "basic", None))
            rows.append((who, end, None, "closed"))
    frame = pd.DataFrame(rows, columns=["id", "day", "plan", "state"])
    opening = pd.Timestamp("2024-01-01", tz="UTC")
    frame["at"] = opening + pd.to_timedelta(frame["day"], unit="D").astype("timedelta64[us]")
    log = cl.EventLog.from_frame(
        frame[frame["day"] < 500], customer="id", time="at", attributes=["plan", "state"],
        complete_until=opening + pd.Timedelta(days=500),
    )  # fmt: skip
    outcomes = cl.StatusChange(attribute="state", churned="closed").outcomes(log)
    found = precursors(log, outcomes, match_on=["tenure"], changes=["plan"], correction="bh", language="zh")
    row = found.frame[found.frame["what"] == "plan: pro → basic"].iloc[0]
    assert row["found"]
    assert row["lead_days"] == pytest.approx(40.0, abs=1.0)
    assert row["text"] == "此前 90d 内发生：plan: pro → basic"
    assert found.correction == "Benjamini–Hochberg"
    # on the same plan as the leaver stand those who changed to it: matching takes the answer away
    assert precursors(log, outcomes, changes=["plan"]).matched_on == ("instant", "tenure", "plan")


def test_leavers_of_one_cause() -> None:
    world = cl.datasets.make_subscriptions(n_customers=600, random_state=0)
    outcomes = cl.ContractEnd().outcomes(None, world.contracts)
    every, paid = precursors(world.log, outcomes), precursors(world.log, outcomes, cause="payment")
    assert paid.leavers < every.leavers
    first = paid.frame.iloc[0]
    assert first[["what", "happened"]].tolist() == ["payment_failed", True]
    assert first["share_leavers"] == 1.0
    assert sum(every.left_out.values()) + every.leavers == int((outcomes.cause > 0).sum())


def test_rare_things_are_not_tested() -> None:
    log, outcomes = subscribers(220, seed=5)
    frame = precursors(log, outcomes, changes=[], min_count=30).frame
    assert frame.loc[frame["what"] == "complaint", "p_value"].isna().all()
    assert not frame.loc[frame["p_value"].isna(), "found"].any()


# --- the interval ----------------------------------------------------------------------------


def covered(n_worlds: int, seed: int) -> tuple[float, float]:
    """Share of intervals that hold the true ratio, and their mean width on the log scale.

    Sets share a level (a month, a plan), and stayers serve in several sets.
    """
    rng = np.random.default_rng(seed)
    cases, stayers, ratio = 120, 3, 1.6
    inside, width = 0, 0.0
    for _ in range(n_worlds):
        level = rng.choice([0.1, 0.25, 0.4], cases)
        of = np.repeat(np.arange(cases), stayers)
        # a pool of customers for each level, each with one answer for good
        pool = {p: rng.random(60) < p for p in (0.1, 0.25, 0.4)}
        who = rng.integers(0, 60, len(of))
        stayer = np.array([pool[level[k]][w] for k, w in zip(of, who, strict=True)], dtype=float)
        offset = {0.1: 0, 0.25: 60, 0.4: 120}
        names = np.concatenate([1000 + np.arange(cases), who + np.array([offset[level[k]] for k in of])])
        case = (rng.random(cases) < ratio * level).astype(float)
        found = _Ratio.of(case, stayer, of, names)
        inside += found.low <= ratio <= found.high
        width += np.log(found.high / found.low) / n_worlds
    return inside / n_worlds, width


def test_the_interval_of_the_ratio_covers(record_property: Callable[[str, object], None]) -> None:
    coverage, width = covered(400, seed_of("test_the_interval_of_the_ratio_covers"))
    record_property("coverage", coverage)
    record_property("mean_width", width)
    assert 0.91 <= coverage <= 0.9825


@pytest.mark.slow
def test_the_interval_of_the_ratio_covers_in_full(record_property: Callable[[str, object], None]) -> None:
    coverage, width = covered(2000, seed_of("test_the_interval_of_the_ratio_covers_in_full"))
    record_property("coverage", coverage)
    record_property("mean_width", width)
    assert 0.9335 <= coverage <= 0.9655


def test_where_no_stayer_shows_it_the_ratio_has_no_upper_end() -> None:
    of, names = np.repeat(np.arange(10), 2), np.arange(30)
    found = _Ratio.of(np.r_[np.ones(5), np.zeros(5)], np.zeros(20), of, names)
    assert (found.ratio, found.high) == (np.inf, np.inf)
    assert 1.0 < found.low < np.inf
    nobody = _Ratio.of(np.zeros(10), np.zeros(20), of, names)
    assert np.isnan([nobody.ratio, nobody.low, nobody.high]).all()


def test_corrections_by_hand() -> None:
    p = np.array([0.001, 0.04, 0.03, 0.5])
    assert adjusted(p, "holm").round(6).tolist() == [0.004, 0.09, 0.09, 0.5]
    assert adjusted(p, "bh").round(6).tolist() == [0.004, 0.053333, 0.053333, 0.5]
    assert adjusted(np.empty(0), "holm").tolist() == []
    p = np.random.default_rng(0).random(30) ** 2
    np.testing.assert_allclose(adjusted(p, "bh"), false_discovery_control(p))


# --- what cannot work ------------------------------------------------------------------------


def test_wrong_input_is_named() -> None:
    log, outcomes = subscribers(60, seed=1)
    with pytest.raises(ParameterTypeError, match="log is a DataFrame"):
        precursors(log.to_frame(), outcomes)  # type: ignore[arg-type]
    with pytest.raises(ParameterTypeError, match="outcomes is a StatusChange"):
        precursors(log, cl.StatusChange(attribute="state", churned="closed"))  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="window='1mo' is a calendar length"):
        precursors(log, outcomes, window="1mo")
    with pytest.raises(ParameterError, match=r"match_on names 'plan' .did you|match_on names 'plan' .available"):
        precursors(log, outcomes, match_on=["plan"])
    with pytest.raises(ParameterError, match="cause='moved' is no cause of these outcomes"):
        precursors(log, outcomes, cause="moved")
    for name, value in {
        "correction": "bonferroni", "stayers": 0, "alpha": 0.9, "min_count": 0, "tenure_within": -1, "language": "de",
    }.items():  # fmt: skip
        with pytest.raises(ParameterError, match=f"{name}="):
            precursors(log, outcomes, **{name: value})  # type: ignore[arg-type]
    _, others = subscribers(60, seed=1)
    strangers = cl.outcomes.Outcomes(
        **{
            name: getattr(others, name) if name != "customers" else others.customers + 10_000
            for name in others.__dataclass_fields__
        }
    )
    with pytest.raises(DataError, match=r"none of the 60 customers of outcomes .10000, 10001, 10002. is in the log"):
        precursors(log, strangers)


def test_without_leavers_or_stayers_there_is_nothing_to_compare() -> None:
    log, outcomes = subscribers(60, seed=1)
    early = cl.Inactivity("400d").outcomes(log)
    with pytest.raises(HistoryError, match="spells ended"):
        precursors(log, early)
    with pytest.raises(HistoryError, match="leavers has a comparable stayer"):
        precursors(log, outcomes, lead="480d")
