"""The proof for users' own feature functions: leaks are found and the guilty event is named."""

from __future__ import annotations

import pandas as pd
import pytest

import churnlib as cl
from churnlib.exceptions import LeakageError, ParameterError, ParameterTypeError
from churnlib.testing import assert_point_in_time

CUTOFF = pd.Timestamp("2025-06-01", tz="UTC")


def log_of(*rows: tuple[str, str, str]) -> cl.EventLog:
    frame = pd.DataFrame(rows, columns=["customer_id", "time", "known_at"])
    return cl.EventLog.from_frame(
        frame, customer="customer_id", time="time", known_at="known_at", complete_until="2026-01-01"
    )


LOG = log_of(
    ("ann", "2025-05-01", "2025-05-01"),
    ("ann", "2025-06-01", "2025-06-01"),
    ("bob", "2025-05-20", "2025-06-15"),
    ("bob", "2025-04-20", "2025-04-20"),
    ("cid", "2025-07-01", "2025-07-01"),
)


def honest(log: cl.EventLog, cutoff: pd.Timestamp) -> pd.DataFrame:
    block = cl.features.compute(log.as_of(cutoff), cutoff, cl.FeatureSpec([cl.features.Count()]))
    return block.frame.set_index(log.as_of(cutoff).customers[block.customer_code])


def test_honest_features_pass():
    assert_point_in_time(honest, LOG, ["2025-05-01 00:00:00.000001", CUTOFF, "2025-07-01"])


def events(log: cl.EventLog) -> pd.DataFrame:
    return log.to_frame()


@pytest.mark.parametrize(
    ("keep", "guilty"),
    [
        # an event at the cutoff is not before it
        (lambda f, c: (f["time"] <= c) & (f["known_at"] <= c), "customer_id=ann.*2025-06-01"),
        # an event is not known before it is known
        (lambda f, c: f["time"] < c, "customer_id=bob.*2025-05-20"),
        (lambda f, c: f["time"] > c, "customer_id=cid.*2025-07-01"),
    ],
)
def test_a_leak_is_found_and_its_event_named(keep, guilty):
    def leaky(log, cutoff):
        frame = events(log)
        return frame[keep(frame, cutoff)].groupby("customer_id").size()

    with pytest.raises(LeakageError, match=guilty):
        assert_point_in_time(leaky, LOG, CUTOFF)


def test_the_smallest_offending_event_is_named_among_many():
    many = [("ann", f"2025-05-{day:02d}", f"2025-05-{day:02d}") for day in range(1, 29)]
    later = [("ann", f"2025-06-{day:02d}", f"2025-06-{day:02d}") for day in range(1, 29)]
    log = log_of(*many, *later)

    def leaky(log, cutoff):
        frame = events(log)
        bad = frame["time"] == pd.Timestamp("2025-06-17", tz="UTC")
        return frame[(frame["time"] < cutoff) | bad].groupby("customer_id").size()

    with pytest.raises(LeakageError, match="2025-06-17"):
        assert_point_in_time(leaky, log, CUTOFF)


def test_a_function_must_return_a_frame():
    with pytest.raises(ParameterTypeError, match=r"returned a int.*\n?.*must return a DataFrame"):
        assert_point_in_time(lambda log, cutoff: 1, LOG, CUTOFF)


def test_what_is_counted_up_to_the_end_of_the_data_is_a_leak():
    def silence(log, cutoff):
        last = log.as_of(cutoff).to_frame().groupby("customer_id")["time"].max()
        return (log.complete_until - last).dt.days

    with pytest.raises(LeakageError, match=r"change with complete_until, the end of the data \(2026-01-01"):
        assert_point_in_time(silence, LOG, CUTOFF)


def test_cutoffs_that_put_nothing_to_the_test_are_refused():
    log = cl.EventLog.from_frame(
        pd.DataFrame({"id": ["ann", "bob"], "at": ["2025-05-01", "2025-05-20"]}), customer="id", time="at"
    )

    def leaky(log, cutoff):
        return log.to_frame().groupby("customer_id").size()

    with pytest.raises(ParameterError, match=r"all of 1 cutoffs.* after the end of the data.*\nFix: assert") as caught:
        assert_point_in_time(leaky, log, CUTOFF)
    fix = str(caught.value).partition("Fix: ")[2]
    with pytest.raises(LeakageError, match="customer_id=bob"):
        eval(fix, {"assert_point_in_time": assert_point_in_time, "fn": leaky, "log": log})


def test_the_number_of_subsets_is_checked():
    with pytest.raises(ParameterError, match="n=-1"):
        assert_point_in_time(honest, LOG, CUTOFF, n=-1)
