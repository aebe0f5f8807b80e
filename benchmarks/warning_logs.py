"""Five public logs as a desk would read them: what happened, what a loss is, and when to warn.

What stands here was chosen before the test windows were looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import churnlib as cl
from churnlib.alerts import Rule, RuleSet
from churnlib.alerts._backtest._replay import _everyone
from churnlib.features import Change, Count, GapRatio, Recency, RunLength, Share, Sum, Tenure
from churnlib.outcomes import ChurnDefinition
from churnlib.snapshots import Dataset

__all__ = ["LEAD", "LOGS", "WarningLog"]

LEAD = "7d"
"""What a desk needs to act: warning of a loss that comes sooner is no success."""


@dataclass(frozen=True, slots=True)
class History:
    """What was read from files: events, contracts if there are any, and when each customer is done, if they can be."""

    log: cl.EventLog
    contracts: cl.Contracts | None = None
    done: pd.Series | None = None


@dataclass(frozen=True, slots=True)
class WarningLog:
    """A log with its definition of loss, its features, its rules, and its windows.

    Attributes
    ----------
    name, loss : str
        The log, and what a loss is, in words.
    read : callable
        Reads the history from the folder of real data.
    churn : ChurnDefinition
        What a loss is.
    horizon : str
        In how long from the end of the lead.
    cutoffs : (str, str)
        The first and the last weekly cutoff; all are Mondays, or Tuesdays for the social network.
    test_cutoffs : int
        How many of the last ones test. Those before train if their labels are ripe by then.
    silence : str
        The column of the silence.
    capacity : int
        Customers a week for the second comparison.
    features : FeatureSpec
        What the rules read.
    conditions : mapping
        The rules: what `Rule` calls `when`, by id.
    """

    name: str
    loss: str
    read: Callable[[Path], History]
    churn: ChurnDefinition
    horizon: str
    cutoffs: tuple[str, str]
    test_cutoffs: int
    silence: str
    capacity: int
    features: cl.FeatureSpec
    conditions: Mapping[str, str]

    @property
    def rules(self) -> RuleSet:
        """The rules, not yet weighed; the same alert is told once in four weeks."""
        return RuleSet([Rule(name, 1, when, cooldown="28d") for name, when in self.conditions.items()])

    def datasets(self, folder: Path, *, lead: str = LEAD) -> tuple[Dataset, Dataset]:
        """Customers at weekly cutoffs: those with a label, and all whom a desk would have seen.

        Both without those whose time is up before the label window is. Who is lost within the lead has no
        label; a desk sees them nonetheless.
        """
        history = self.read(folder)
        data = cl.build_dataset(
            history.log,
            contracts=history.contracts,
            cutoffs=[str(day.date()) for day in pd.date_range(*self.cutoffs, freq="7D")],
            lead=lead,
            horizon=self.horizon,
            churn=self.churn,
            features=self.features,
        )
        if history.done is None:
            return data, data
        return _in_time(data, history.done), _in_time(_everyone(data), history.done)


def _in_time(data: Dataset, done: pd.Series) -> Dataset:
    ends = done.reindex(data.customer).dt.tz_localize("UTC")
    return data.take(ends.to_numpy() >= (data.cutoff + data.window).to_numpy())


# -- reading --------------------------------------------------------------------------------------


def _social_network(folder: Path) -> History:
    events = pd.read_parquet(folder / "fightchurn_socialnet7_events.parquet")
    paid = pd.read_csv(folder / "fightchurn_socialnet7_subscriptions.csv.gz")
    end = "2020-06-02"  # no period begins later, whoever stays
    log = cl.EventLog.from_frame(
        events[events["event_time"] < end],
        customer="account_id",
        time="event_time",
        kind="event_type",
        duplicates="keep",
        complete_until=end,
    )
    contracts = cl.Contracts.from_frame(
        paid.astype({"account_id": "int32"}),
        customer="account_id",
        start="start_date",
        end="end_date",
        complete_until=end,
    )
    return History(log, contracts)


def _students(folder: Path) -> History:
    course, tasks, enrolled, handed_in = (
        pd.read_csv(folder / f"oulad_{name}.csv.gz")
        for name in ("course", "assessment", "student_registration", "student_assessment")
    )
    run = ["code_module", "code_presentation"]
    month = course["code_presentation"].str[4].map({"B": "-02-01", "J": "-10-01"})
    course["begins"] = pd.to_datetime(course["code_presentation"].str[:4] + month)
    enrolled = enrolled.merge(course, on=run)
    enrolled["customer"] = enrolled[["id_student", *run]].astype(str).agg(" ".join, axis=1)
    enrolled["starts"] = enrolled["begins"] + _days(enrolled["date_registration"].fillna(0).clip(lower=0))
    enrolled["leaves"] = enrolled["begins"] + _days(enrolled["date_unregistration"])
    enrolled["ends"] = enrolled["begins"] + _days(enrolled["module_presentation_length"])
    enrolled = enrolled[~(enrolled["leaves"] <= enrolled["starts"])]
    due = tasks[tasks["date"].notna() & (tasks["assessment_type"] != "Exam")]
    owed = enrolled.merge(due, on=run).merge(handed_in, on=["id_assessment", "id_student"], how="left")
    owed = owed[owed["is_banked"].ne(1)]  # a mark carried over from an earlier year is neither work nor silence
    began = enrolled.assign(time=enrolled["starts"], kind="began")
    gone = enrolled.dropna(subset="leaves").assign(
        time=lambda e: e["leaves"], kind="unregistered", status="unregistered"
    )
    events = pd.concat([began, *_of_tasks(owed)])
    events = events[(events["time"] >= events["starts"]) & ~(events["time"] >= events["leaves"])]
    log = cl.EventLog.from_frame(
        pd.concat([events, gone])[["customer", "time", "kind", "status"]],
        customer="customer",
        time="time",
        kind="kind",
        attributes="status",
        duplicates="keep",
        complete_until="2015-08-01",
    )
    return History(log, done=enrolled.set_index("customer")["ends"])


def _of_tasks(owed: pd.DataFrame) -> list[pd.DataFrame]:
    """What was handed in, in time or late; what was missed, known when the day it was due is over; and marks."""
    due = owed["begins"] + _days(owed["date"] + 1)
    handed_in = owed["begins"] + _days(owed["date_submitted"]) + pd.Timedelta(hours=12)
    done = owed.assign(time=handed_in, kind=np.where(handed_in < due, "submitted", "late"))[handed_in.notna()]
    missed = owed.assign(time=due, kind="missed")[~(handed_in < due)]
    # The data do not say when a mark was told: it is taken to be two weeks after the work came in.
    grade = np.select([done["score"] < 40, done["score"] < 60], ["failed", "weak"], "passed")
    marked = done.assign(time=done["time"] + pd.Timedelta(days=14), kind=grade).dropna(subset="score")
    return [done, missed, marked]


def _days(number: pd.Series) -> pd.Series:
    return pd.to_timedelta(number, unit="D")


def _listeners(folder: Path) -> History:
    days = pd.read_csv(folder / "kkbox_active_days_216users.csv.gz").dropna()
    days = days[days["msno"] != days["msno"].iloc[-1]]  # the fragment ends in the middle of its last user
    return History(cl.EventLog.from_frame(days, customer="msno", time="date", complete_until="2017-03-01"))


def _households(folder: Path) -> History:
    lines = pd.read_csv(folder / "completejourney_transactions_sample.csv.gz")
    baskets = lines.groupby(["household_id", "basket_id"], as_index=False).agg(time=("transaction_timestamp", "min"))
    log = cl.EventLog.from_frame(
        baskets[baskets["time"] < "2018-01-01"],
        customer="household_id",
        time="time",
        duplicates="keep",
        complete_until="2018-01-01",
    )
    return History(log)


def _wholesale(folder: Path) -> History:
    lines = pd.read_parquet(folder / "online_retail_uci.parquet").dropna(subset="CustomerID")
    lines["amount"] = lines["Quantity"] * lines["UnitPrice"]
    invoices = lines.groupby(["CustomerID", "InvoiceNo"], as_index=False).agg(
        time=("InvoiceDate", "min"), amount=("amount", "sum")
    )
    cancelled = invoices["InvoiceNo"].astype(str).str.startswith("C")
    invoices = invoices.assign(
        CustomerID=invoices["CustomerID"].astype("int64"),
        kind=np.where(cancelled, "refund", "order"),
        amount=invoices["amount"].round(2),
    )
    end = "2011-12-09"  # the last day is not whole
    log = cl.EventLog.from_frame(
        invoices[invoices["time"] < end],
        customer="CustomerID",
        time="time",
        kind="kind",
        amount="amount",
        duplicates="keep",
        complete_until=end,
    )
    return History(log)


# -- the five -------------------------------------------------------------------------------------

_ACTS = ("began", "late", "submitted")
_TASKS = ("late", "missed", "submitted")
_MARKS = ("failed", "passed", "weak")

SOCIAL = WarningLog(
    name="social network",
    loss="subscription not renewed within 7 days of its end",
    read=_social_network,
    churn=cl.ContractEnd(grace="7d"),
    horizon="28d",
    cutoffs=("2020-01-28", "2020-04-28"),
    test_cutoffs=5,
    silence="any.recency",
    capacity=20,
    features=cl.FeatureSpec(
        [
            Recency(),
            Recency("message"),
            *(Count("28d", kind=kind) for kind in ("like", "message", "newfriend", "post", "reply")),
            Share("adview", "28d"),
            Share("dislike", "28d"),
        ]
    ),
    conditions={
        "few messages": "message.count.28d < 10",
        "hardly a message": "message.count.28d < 4",
        "no message for a week": "message.recency >= 7d",
        "few replies": "reply.count.28d < 4",
        "no reply": "reply.count.28d < 1",
        "few new friends": "newfriend.count.28d < 3",
        "no new friend": "newfriend.count.28d < 1",
        "few posts": "post.count.28d < 4",
        "few likes": "like.count.28d < 8",
        "many dislikes": "dislike.share.28d >= 0.15",
        "much advertising": "adview.share.28d >= 0.2",
    },
)

STUDENTS = WarningLog(
    name="OULAD",
    loss="student unregisters from the course",
    read=_students,
    churn=cl.StatusChange(attribute="status", churned="unregistered"),
    horizon="28d",
    cutoffs=("2013-03-04", "2015-05-18"),
    test_cutoffs=33,
    silence="began+late+submitted.recency",
    capacity=100,
    features=cl.FeatureSpec(
        [
            Recency(_ACTS),
            Count(kind="passed"),
            RunLength("missed", over=_TASKS),
            RunLength(("late", "missed"), over=_TASKS),
            RunLength("failed", over=_MARKS),
            RunLength(("failed", "weak"), over=_MARKS),
        ]
    ),
    conditions={
        "began to miss": "1 <= `missed.run.late+missed+submitted` < 4",
        "missed, not long gone": "`missed.run.late+missed+submitted` >= 1 and `began+late+submitted.recency` < 60d",
        "late or missed": "`late+missed.run.late+missed+submitted` >= 1",
        "silent": "`began+late+submitted.recency` >= 30d",
        "failed": "`failed.run.failed+passed+weak` >= 1",
        "failed twice": "`failed.run.failed+passed+weak` >= 2",
        "weak": "`failed+weak.run.failed+passed+weak` >= 1",
        "nothing passed": "passed.count < 1",
        "fewer than 3 passed": "passed.count < 3",
        "fewer than 5 passed": "passed.count < 5",
        "fewer than 8 passed": "passed.count < 8",
    },
)

LISTENERS = WarningLog(
    name="KKBox",
    loss="60 days without listening",
    read=_listeners,
    churn=cl.Inactivity("60d"),
    horizon="60d",
    cutoffs=("2015-04-06", "2016-12-19"),
    test_cutoffs=25,
    silence="any.recency",
    capacity=10,
    features=cl.FeatureSpec([Recency(), GapRatio(), Count("30d"), Tenure()]),
    conditions={
        **{f"silent {days} days": f"any.recency >= {days}d" for days in (3, 7, 14, 21, 30, 40)},
        "silent for 8 own gaps": "any.gap_ratio >= 8",
        "few days of the last 30": "any.count.30d <= 8",
        "new": "any.tenure < 90d",
    },
)

# Visits expected until the customer would count as lost, at the pace of the last 90 days and one visit more.
_LEFT = "(60d - any.recency) * (any.count.90d + 1) / 90d"

HOUSEHOLDS = WarningLog(
    name="Complete Journey",
    loss="60 days without a basket",
    read=_households,
    churn=cl.Inactivity("60d"),
    horizon="60d",
    cutoffs=("2017-04-03", "2017-10-23"),
    test_cutoffs=11,
    silence="any.recency",
    capacity=20,
    features=cl.FeatureSpec([Recency(), Count("90d"), Count(), Change("45d")]),
    conditions={
        **{f"at most {k} visits left": f"{_LEFT} <= {k}" for k in (0.4, 0.6, 0.8, 1, 1.2, 1.5, 2, 3, 5)},
        "silent": "any.recency >= 30d",
        "few visits ever": "any.count <= 4",
        "fewer visits": "any.change.45d < 0",
    },
)

WHOLESALE = WarningLog(
    name="Online Retail",
    loss="90 days without an order",
    read=_wholesale,
    churn=cl.Inactivity("90d", kinds="order"),
    horizon="90d",
    cutoffs=("2011-01-31", "2011-08-29"),
    test_cutoffs=9,
    silence="order.recency",
    capacity=20,
    features=cl.FeatureSpec(
        [
            Recency("order"),
            GapRatio(kind="order"),
            Count(kind="order"),
            Sum("90d"),
            RunLength("refund", over=("order", "refund")),
        ]
    ),
    conditions={
        **{f"silent {days} days": f"order.recency >= {days}d" for days in (30, 45, 60, 75)},
        "longer than the own gap": "order.gap_ratio >= 1",
        "twice the own gap": "order.gap_ratio >= 2",
        "one order": "order.count <= 1",
        "two orders at most": "order.count <= 2",
        "four orders at most": "order.count <= 4",
        "spent less than 300": "any.sum.90d < 300",
        "spent less than 1000": "any.sum.90d < 1000",
        "two cancellations in a row": "`refund.run.order+refund` >= 2",
    },
)

LOGS = (SOCIAL, STUDENTS, LISTENERS, HOUSEHOLDS, WHOLESALE)
