"""The main job, end to end: the script, on a simulated shop and on real files, judged by the page it writes."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import churnlib as cl
from churnlib.snapshots import suggest_design

SCRIPT = Path(__file__).parents[1] / "examples" / "quickstart.py"
# The package under test, whether it is installed or found beside this folder.
HERE = os.environ | {"PYTHONPATH": str(Path(cl.__file__).parents[1])}
RETAIL = ("--customer", "CustomerID", "--time", "InvoiceDate", "--quantity", "Quantity", "--price", "UnitPrice")
CDNOW = ("--time", "date", "--amount", "spend")
FIGHTCHURN = ("--customer", "account_id", "--time", "event_time", "--kind", "event_type")
JOBS = ["shop", "retail", "cdnow", "fightchurn"]


@dataclass(frozen=True)
class Job:
    """What one run of the script left behind, and the log it read."""

    log: cl.EventLog
    page: str
    listed: pd.DataFrame
    said: str

    @property
    def record(self) -> dict[str, Any]:
        block = re.search(r'id="churnlib-report">(.*?)</script>', self.page, flags=re.DOTALL)
        assert block is not None
        found: dict[str, Any] = json.loads(block[1])
        return found

    @property
    def text(self) -> str:
        """What a reader sees."""
        body = re.sub(r"<(style|script|svg).*?</\1>", " ", self.page, flags=re.DOTALL)
        return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


def run(out: Path, *arguments: str) -> tuple[str, pd.DataFrame, str]:
    # an offer that never pays is warned of, and the page says so
    strict = ("-W", "error", "-W", "ignore:at this offer not even a certain churner:UserWarning")
    command = [sys.executable, *strict, str(SCRIPT), *arguments, "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, encoding="utf-8", env=HERE)
    assert done.returncode == 0, done.stderr[-2000:]
    assert sorted(entry.name for entry in out.iterdir()) == ["churn.html", "contact_list.csv"]
    page = (out / "churn.html").read_text(encoding="utf-8")
    listed = pd.read_csv(out / "contact_list.csv", encoding="utf-8-sig", dtype={"customer_id": str})
    return page, listed, done.stdout


@pytest.fixture(scope="module")
def jobs(tmp_path_factory, request):
    """Run each job once, when it is first asked for."""
    done: dict[str, Job] = {}

    def job(name: str) -> Job:
        if name not in done:
            out = tmp_path_factory.mktemp(name)
            if name == "shop":
                done[name] = Job(cl.datasets.make_shop(1200, random_state=0).log, *run(out, "--customers", "1200"))
                return done[name]
            folder = request.getfixturevalue("data_dir")
            log, arguments = _real(name, folder)
            done[name] = Job(log, *run(out, *arguments))
        return done[name]

    return job


def _real(name: str, folder: Path) -> tuple[cl.EventLog, tuple[str, ...]]:
    if name == "retail":
        path = folder / "online_retail_uci.parquet"
        log = cl.EventLog.from_parquet(
            path,
            customer="CustomerID",
            time="InvoiceDate",
            quantity="Quantity",
            price="UnitPrice",
            missing_customer="drop",
        )
        return log, (str(path), *RETAIL)
    if name == "cdnow":
        path = folder / "cdnow_full.csv.gz"
        return cl.EventLog.from_csv(path, customer="customer_id", time="date", amount="spend"), (str(path), *CDNOW)
    path = folder / "fightchurn_socialnet7_events.parquet"
    log = cl.EventLog.from_parquet(path, customer="account_id", time="event_time", kind="event_type")
    return log, (str(path), *FIGHTCHURN)


@pytest.fixture(params=JOBS)
def job(request, jobs) -> Job:
    found: Job = jobs(request.param)
    return found


def now_of(job: Job) -> cl.Dataset:
    """Today's customers, built again from the log."""
    design = suggest_design(job.log)
    kinds = job.log.kinds if 1 < len(job.log.kinds) <= 10 else ()
    data = cl.build_dataset(
        job.log,
        cutoffs=design.cutoffs,
        lead=design.lead,
        horizon=design.horizon,
        churn=cl.Inactivity(design.inactivity),
        features=cl.FeatureSpec.standard(kinds=kinds),
    )
    return data.latest()


# -- what came in --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "rows", "null_ids", "customers", "money"),
    [
        ("retail", 541_909, 135_080, 4_372, ("9,747,747.934", "8,300,065.814", "1,447,682.120")),
        ("cdnow", 69_659, 0, 23_570, ("2,500,315.63", "2,500,315.63", "0.00")),
        ("fightchurn", 859_811, 0, 737, (None, None, None)),
    ],
)
def test_the_input_is_accounted_for(jobs, name, rows, null_ids, customers, money):
    job = jobs(name)
    data = job.record["data"]
    assert (data["input_rows"], data["null_customers"], data["customers"]) == (rows, null_ids, customers)
    assert data["kept"] + data["refused_rows"] == rows
    assert data["refused_rows"] == null_ids == sum(row["rows"] for row in data["refused"])
    whole, kept, refused = (data[f"{part}_amount"] for part in ("input", "kept", "refused"))
    assert (whole, kept) == money[:2]
    if whole is None:
        assert "in money" not in job.text
        return
    number = [round(float(amount.replace(",", "")) * 1000) for amount in (whole, kept, refused)]
    assert number[0] == number[1] + number[2]
    assert f"{rows:,} rows of input = {rows - null_ids:,} kept + {null_ids:,} refused" in job.text
    assert f"in money {whole} = {kept} + {refused}" in job.text


# -- how it was tested ---------------------------------------------------------------------------------------------


def test_cutoffs_purge_and_rows_per_split(job):
    record = job.record
    design = suggest_design(job.log)
    cutoffs = record["cutoffs"]
    assert [pd.Timestamp(row["cutoff"]) for row in cutoffs] == list(design.cutoffs)
    window = pd.Timedelta(design.lead.fixed_us + design.horizon.fixed_us, unit="us")
    first_test = design.cutoffs[-design.test_cutoffs]
    for row in cutoffs:
        at = pd.Timestamp(row["cutoff"])
        expected = "test" if at >= first_test else "train" if at + window <= first_test else "purged"
        assert row["split"] == expected
        assert row["known"] == row["gone"] + row["at_risk"]
        parts = ("churned_before", "churned_in_lead", "churned", "retained", "immature")
        assert row["at_risk"] == sum(row[part] for part in parts)
        assert at + window <= job.log.complete_until
    splits = record["splits"]
    assert splits["test"]["cutoffs"] == design.test_cutoffs
    assert min(splits[part]["rows"] for part in ("train", "test")) > 0
    for part, counted in splits.items():
        assert counted["rows"] == sum(row["churned"] + row["retained"] for row in cutoffs if row["split"] == part)
        assert part in job.text
    assert splits["test"]["rows"] == record["test"]["rows"]


def test_the_risk_set_of_the_retailer_counted_another_way(jobs, data_dir):
    """Silence of 60 days since the last line that is not a return, by plain pandas."""
    frame = pd.read_parquet(data_dir / "online_retail_uci.parquet").dropna(subset=["CustomerID"])
    bought = frame[frame["Quantity"] * frame["UnitPrice"] >= 0]
    for row in jobs("retail").record["cutoffs"]:
        at = pd.Timestamp(row["cutoff"]).tz_localize(None)
        last = bought[bought["InvoiceDate"] < at].groupby("CustomerID")["InvoiceDate"].max()
        still = int((last + pd.Timedelta(60, unit="D") >= at).sum())
        assert row["at_risk"] == still
        assert row["known"] == len(last)


def test_measures_stand_beside_base_rate_and_silence(job):
    test = job.record["test"]
    metrics = {row["name"]: row for row in test["metrics"]}
    assert {"auc", "log_loss", "ece", "lift"} <= set(metrics)
    for name, row in metrics.items():
        assert row["low"] <= row["model"] <= row["high"]
        assert row["base"] is not None
        assert (row["rule"] is None) == (name in {"log_loss", "ece"})  # silence states no probability
        assert f"{row['model']:.3f} {row['low']:.3f} to {row['high']:.3f} {row['base']:.3f}" in job.text
    assert metrics["auc"]["model"] > metrics["auc"]["base"]
    assert metrics["log_loss"]["model"] < metrics["log_loss"]["base"]
    assert metrics["lift"]["model"] > 1
    assert metrics["ece"]["model"] < 0.1


def test_win_or_lose_is_said_at_equal_list_size(job):
    test = job.record["test"]
    lists = test["comparison"]
    assert lists["size"] == round(test["rows"] / 10)
    assert lists["difference"] == pytest.approx(lists["model"] - lists["rule"])
    start = {"wins": "The model wins:", "loses": "The simple rule wins:"}.get(test["verdict"], "No clear winner:")
    sentence = re.search(rf"{start} of the .*? leavers, one by the rule “silent .*? interval .*?\)\.", job.text)
    assert sentence is not None
    for number in (test["rows"], lists["size"], lists["model"], test["churned"], lists["rule"]):
        assert f"{number:,.0f}" in sentence[0]


# -- whom to contact -----------------------------------------------------------------------------------------------


def test_ten_customers_or_more_with_two_reasons_as_in_X(job):  # noqa: N802  # X is its name
    X = now_of(job).X.droplevel("cutoff")
    rows = job.record["contacts"]
    assert len(rows) >= 10
    for row in rows:
        assert len(row["reasons"]) == 2
        for reason in row["reasons"]:
            seen = X.loc[row["customer"], reason["feature"]]
            assert (reason["value"] is None and pd.isna(seen)) or reason["value"] == seen
    shown = re.findall(r'data-feature="([^"]*)" data-value="([^"]*)"', job.page)
    stated = [(r["feature"], "" if r["value"] is None else str(r["value"])) for row in rows for r in row["reasons"]]
    assert shown == stated


def test_the_silence_named_as_a_reason_counted_another_way(job):
    """Days from the last event to the end of the log, from the times alone."""
    log = job.log
    last = pd.Series(log.time[log.offsets[1:] - 1], index=log.customers)
    silence = (log.complete_until_us - last) / 86_400_000_000
    named = [
        (row["customer"], reason["value"])
        for row in job.record["contacts"]
        for reason in row["reasons"]
        if reason["feature"] == "any.recency"
    ]
    for customer, value in named:
        assert value == pytest.approx(silence[customer], abs=1e-9)


def test_the_list_has_everybody_with_us_once_and_nobody_else(job):
    listed, now = job.listed, now_of(job)
    assert listed["customer_id"].is_unique
    assert set(listed["customer_id"]) == set(now.customer.astype(str))
    assert (pd.to_datetime(listed["as_of"]) == job.log.complete_until).all()
    assert listed["rank"].tolist() == list(range(1, len(listed) + 1))
    assert listed["expected_gain"].is_monotonic_decreasing
    record = job.record
    assert len(listed) == record["today"]["at_risk"]
    assert int(listed["contact"].sum()) == record["today"]["contacts"]
    assert listed["customer_id"].head(10).tolist() == [str(row["customer"]) for row in record["contacts"][:10]]
    assert listed["churn_probability"].between(0, 1).all()
    assert np.isclose(listed["churn_probability"].sum(), record["today"]["expected"])


# -- the page itself -----------------------------------------------------------------------------------------------


def test_the_headline_says_how_many_worth_what_as_of_when(job):
    today = job.record["today"]
    until = job.log.complete_until
    assert (
        f"Of {today['at_risk']:,} customers with us on {until.day} {until:%B %Y}, about {today['expected']:,.0f}"
        in job.text
    )
    assert "value at risk" in job.text
    assert "it ranks by" in job.text or "the list ranks by risk × value" in job.text


def test_no_nan_anywhere_and_small_enough_to_mail(job):
    assert not re.search(r"\bnan\b|\bNaN\b|\bNaT\b|\bNone\b|\binf\b", job.page)
    assert len(job.page.encode()) < 500_000


def test_the_script_says_what_it_chose(job):
    assert str(suggest_design(job.log)) in job.said
    assert "churn.html" in job.said


def test_a_feed_that_dries_up_is_called_out(jobs):
    """The events of this file thin out in its last month, which a model takes for churn."""
    job = jobs("fightchurn")
    assert "The last seven days hold 6,166 events, the eight weeks before about 43,664 each." in job.text
    assert "CAUTION: The last seven days" in job.said
    for name in ("shop", "retail", "cdnow"):
        assert jobs(name).record["data"]["stale"] is None


def test_the_end_of_the_data_can_be_said(data_dir, tmp_path):
    path = data_dir / "fightchurn_socialnet7_events.parquet"
    page, listed, said = run(tmp_path, str(path), *FIGHTCHURN, "--complete-until", "2020-06-01", "--value", "60")
    assert "CAUTION" not in said
    assert "859,811 rows of input = 753,615 kept + 106,196 refused" in page
    assert (pd.to_datetime(listed["as_of"]) == pd.Timestamp("2020-06-01", tz="UTC")).all()
    assert (listed["clv"] == 60).all()
    assert "60.00, the same for all" in page


def test_the_choices_of_the_command_line_hold(tmp_path):
    chosen = ("--inactivity", "45d", "--lead", "3d", "--horizon", "20d", "--accept-rate", "0.5", "--margin", "0.1")
    page, _, said = run(tmp_path, "--customers", "500", *chosen)
    assert "lost = 45d of silence, lead 3d, horizon 20d" in said
    assert "10 % of what they spent in the last 365 days" in page
    assert "Lost means: silent for 45 days" in page


# -- what a newcomer gets wrong ------------------------------------------------------------------------------------


def refused(*arguments: str) -> str:
    command = [sys.executable, "-W", "error", str(SCRIPT), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, encoding="utf-8", env=HERE)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_wrong_column_is_told_in_words_of_the_command_line(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text("Customer ID,time\n1,2025-01-01\n", encoding="utf-8")
    said = refused(str(path), "--out", str(tmp_path))
    assert "SchemaError: the frame has no column 'customer_id'" in said
    assert "On the command line, customer= is --customer." in said
    said = refused(str(path), "--customer", "Customer ID", "--horizon", "60", "--out", str(tmp_path))
    assert "horizon: '60' is not a length of time" in said


def test_other_spellings_of_files_can_be_named(tmp_path):
    log = cl.datasets.make_shop(400, random_state=0).log
    frame = log.to_frame()[["customer_id", "time", "amount"]]
    frame["time"] = frame["time"].dt.strftime("%d/%m/%Y %H:%M")
    frame["amount"] = frame["amount"].astype(float)
    frame.loc[frame.index[:3], "amount"] = np.nan
    path = tmp_path / "orders.csv"
    frame.to_csv(path, index=False, sep=";")
    out = tmp_path / "out"
    spelt = ("--delimiter", ";", "--time-format", "%d/%m/%Y %H:%M", "--timezone", "Asia/Shanghai")
    page, listed, _ = run(out, str(path), "--amount", "amount", *spelt, "--missing-amount", "zero", "--value", "0")
    assert "(Asia/Shanghai)" in page
    assert (listed["clv"] == 0).all()  # zero is a worth, not a question left open
    assert not listed["contact"].any()
    assert "At this offer none of them is worth a contact." in page
    assert not re.search(r"\bnan\b|\bNone\b", page)


MEASURE = """<!doctype html><meta charset="utf-8"><body style="margin:0">
<iframe id="phone" src="churn.html" style="width:390px;height:9000px;border:0"></iframe>
<pre id="measured"></pre>
<script>
document.getElementById("phone").onload = function () {
  const page = this.contentDocument, wide = [];
  for (const element of page.body.querySelectorAll("*")) {
    const box = element.getBoundingClientRect();
    if (box.width > 1 && box.right > 390.5) wide.push(element.tagName + " " + box.right);
  }
  document.getElementById("measured").textContent =
    JSON.stringify({width: page.documentElement.clientWidth, scroll: page.documentElement.scrollWidth, wide: wide});
};
</script>"""


def test_nothing_overflows_on_a_phone(job, tmp_path):
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("no Chromium is installed, so the width of the page on a phone was not measured")
    (tmp_path / "churn.html").write_text(job.page, encoding="utf-8")
    (tmp_path / "phone.html").write_text(MEASURE, encoding="utf-8")
    quiet = ["gpu", "quic", "background-networking", "component-update", "sync", "extensions", "default-apps"]
    command = [
        browser,
        "--headless",
        "--no-sandbox",
        "--no-first-run",
        "--hide-scrollbars",
        *(f"--disable-{feature}" for feature in quiet),
        f"--user-data-dir={tmp_path / 'profile'}",
        "--allow-file-access-from-files",
        "--virtual-time-budget=4000",
        "--dump-dom",
        (tmp_path / "phone.html").as_uri(),
    ]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, encoding="utf-8")
    found = re.search(r'<pre id="measured">(.*?)</pre>', shown.stdout, flags=re.DOTALL)
    assert found is not None, shown.stderr[-1000:]
    measured = json.loads(html.unescape(found[1]))
    assert measured == {"width": 390, "scroll": 390, "wide": []}
