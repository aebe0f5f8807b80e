"""Real logs for the tests and pages of policy value: as the pages show them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from churnlib import EventLog
from churnlib.policy import CampaignResult, PolicyComparison, campaign_result, compare_policies, evaluate_policy

ESTIMATORS = ("ips", "snips", "dr", "sndr", "dm")


def open_bandit(data_dir: Path) -> dict[str, pd.DataFrame]:
    """Which item was shown at which of three places, how probable that was, and whether it was clicked."""
    rows = pd.read_parquet(data_dir / "open_bandit_all_small.parquet")
    rows["action"] = "item " + rows["item_id"].astype(str)
    rows = rows.rename(columns={"propensity_score": "propensity"})[
        ["behavior_policy", "position", "action", "propensity", "click"]
    ]
    return {name: part.reset_index(drop=True) for name, part in rows.groupby("behavior_policy")}


def across(data_dir: Path) -> dict[str, list[tuple[float, ...]]]:
    """Each policy from the log of the other, and from its own: value, low, high, effective rows, what it rests on."""
    logs = open_bandit(data_dir)
    shown = pd.crosstab(logs["bts"]["position"], logs["bts"]["action"], normalize="index")
    bts = shown.loc[logs["random"]["position"]].set_axis(logs["random"].index)
    uniform = pd.DataFrame(1 / 80, index=logs["bts"].index, columns=shown.columns)
    table = {}
    for name, log, policy, own in (("bts", "random", bts, "bts"), ("random", "bts", uniform, "random")):
        found = [evaluate_policy(logs[log], policy, outcome="click", estimator=one) for one in ESTIMATORS]
        found.append(evaluate_policy(logs[own], "logged", outcome="click", estimator="ips"))
        table[name] = [(one.value, one.low, one.high, one.ess, one.resting_on) for one in found]
    return table


def journey(data_dir: Path, campaign: int = 13) -> tuple[CampaignResult, pd.DataFrame]:
    """A coupon campaign of a grocer, and what households spent in as many days before and during it."""

    def read(name: str) -> pd.DataFrame:
        return pd.read_csv(data_dir / f"completejourney_{name}.csv.gz", keep_default_na=False, na_values=[""])

    sent, used, lines = read("campaigns"), read("coupon_redemptions"), read("transactions_sample")
    about = read("campaign_descriptions").set_index("campaign_id").loc[campaign]
    start = pd.Timestamp(about["start_date"])
    days = (pd.Timestamp(about["end_date"]) - start).days
    log = EventLog.from_frame(
        lines.assign(amount=lines["sales_value"].round(2)),
        customer="household_id",
        time="transaction_timestamp",
        amount="amount",
        duplicates="keep",
        future="drop",
        complete_until="2018-01-01",
    )
    households = sent.loc[sent["campaign_id"] == campaign, "household_id"]
    plan = pd.DataFrame({"customer_id": households, "action": "coupon"})
    redeemed = used.loc[used["campaign_id"] == campaign, "household_id"].unique()
    found = campaign_result(
        log, plan, action="coupon", value="amount", window=f"{days}d", on=str(start.date()), redeemed=redeemed
    )
    at = pd.to_datetime(lines["transaction_timestamp"])
    everybody = pd.Index(lines["household_id"].unique())
    groups = {
        "redeemed": pd.Index(redeemed),
        "got the coupon, did not redeem": pd.Index(households).difference(redeemed),
        "got no coupon": everybody.difference(households),
    }
    spans = {"before": (start - pd.Timedelta(days=days), start), "during": (start, start + pd.Timedelta(days=days))}
    rows = {}
    for name, ids in groups.items():
        spent = {
            span: lines[(at >= first) & (at < last)].groupby("household_id")["sales_value"].sum()
            for span, (first, last) in spans.items()
        }
        rows[name] = {"households": len(ids)} | {
            span: sums.reindex(ids, fill_value=0).mean() for span, sums in spent.items()
        }
    return found, pd.DataFrame.from_dict(rows, orient="index")


def hillstrom(data_dir: Path) -> PolicyComparison:
    """Whom to send one of two e-mails: half of the customers to learn from, the other half to judge on."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    rows = pd.read_csv(data_dir / "hillstrom.csv.gz", keep_default_na=False, na_values=[""])
    rows["action"] = rows["segment"].map({"No E-Mail": "none", "Mens E-Mail": "mens", "Womens E-Mail": "womens"})
    X = pd.get_dummies(rows[["recency", "history", "mens", "womens", "newbie", "zip_code", "channel"]], dtype=float)
    learn = np.random.default_rng(0).random(len(rows)) < 0.5
    log, seen = rows[~learn].assign(propensity=1 / 3), X[~learn]
    q = {}
    for action in ("none", "mens", "womens"):
        mine = learn & (rows["action"] == action).to_numpy()
        model = HistGradientBoostingClassifier(max_depth=3, max_iter=60, learning_rate=0.05, random_state=0)
        q[action] = model.fit(X[mine], rows.loc[mine, "visit"]).predict_proba(seen)[:, 1]
    q = pd.DataFrame(q, index=log.index)
    scores = {
        "lapsed longest": log["recency"],
        "visits anyway": q["none"],
        "spent most": log["history"],
        "effect of one e-mail": q["womens"] - q["none"],
        "effect of the better one": q[["mens", "womens"]].sub(q["none"], axis=0),
    }
    return compare_policies(log, scores, outcome="visit", share=0.3, treat="womens", q=q)
