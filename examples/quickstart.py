r"""
Quickstart: who is about to leave, and whom to call
===================================================

From a file of orders (or, without one, from a simulated shop) to a page, ``churn.html``, and a list,
``contact_list.csv``::

    python examples/quickstart.py orders.parquet \
        --customer CustomerID --time InvoiceDate --quantity Quantity --price UnitPrice --out out
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import pandas as pd
from tqdm.auto import tqdm

import churnlib as cl
from churnlib.classification import contact_list, write_contact_list
from churnlib.snapshots import suggest_design

STEPS = ("read the events", "build the dataset", "fit the model", "score today's customers", "judge and write")
ROLES = ("customer", "time", "kind", "amount", "quantity", "price", "item", "currency", "known_at")
READING = ("complete_until", "time_format", "timezone", "missing_amount")
CHOICES = ("delimiter", "inactivity", "horizon", "lead")


def main(arguments: list[str] | None = None) -> None:
    asked = parse(arguments)
    steps = tqdm(STEPS, unit="step")

    def begin(step: str) -> None:
        steps.set_description(step)
        steps.update(step != STEPS[0])

    # Read the events. Rows without a customer are refused, and the page says how many and what they were worth.
    begin("read the events")
    log = read(asked)
    tqdm.write(f"{log!r}\n{log.report!r}\n")

    # Choose when to look at the customers. What the command line does not say follows from the length of the history.
    begin("build the dataset")
    design = suggest_design(log, inactivity=asked.inactivity, lead=asked.lead, horizon=asked.horizon)
    tqdm.write(f"{design}\n")
    data = cl.build_dataset(
        log,
        cutoffs=design.cutoffs,
        lead=design.lead,
        horizon=design.horizon,
        churn=cl.Inactivity(design.inactivity),
        features=cl.FeatureSpec.standard(kinds=log.kinds if 1 < len(log.kinds) <= 10 else ()),
    )

    # Train on the past, test on the last cutoffs. The split is purged: no training label reaches into the test.
    begin("fit the model")
    train, test = data.split(test_cutoffs=design.test_cutoffs)
    model = cl.ChurnClassifier(random_state=0).fit(train.X, train.y)

    # Score those who are with us today. What one of them is worth is an assumption that you should replace.
    begin("score today's customers")
    now = data.latest()
    worth, note = worth_of(now, asked)
    offer = cl.RetentionOffer(
        accept_rate=asked.accept_rate, clv=worth, offer_cost=asked.offer_cost, contact_cost=asked.contact_cost
    )
    listed = contact_list(model, now.X, offer)
    listed.insert(1, "as_of", log.complete_until.isoformat())

    # One page to show, one list to work through.
    begin("judge and write")
    asked.out.mkdir(parents=True, exist_ok=True)
    report = cl.Report(model, test, now=now, offer=offer, value_note=note)
    page = report.save(asked.out / "churn.html")
    table = write_contact_list(listed, asked.out / "contact_list.csv")
    steps.update()
    steps.close()
    tqdm.write(f"{report.evaluation!r}\n\n{page}\n{table}")
    if report.to_dict()["data"]["stale"]:
        tqdm.write(f"\nCAUTION: {report.to_dict()['data']['stale']}")


def read(asked: argparse.Namespace) -> cl.EventLog:
    """Read the file with the roles given, or simulate a shop."""
    if asked.orders is None:
        return cl.datasets.make_shop(asked.customers, random_state=0).log
    roles = {role: getattr(asked, role) for role in (*ROLES, *READING) if getattr(asked, role)}
    if asked.complete_until:
        roles["future"] = "drop"  # rows from that moment on are refused, and counted
    if asked.orders.suffix in {".parquet", ".pq"}:
        return cl.EventLog.from_parquet(asked.orders, missing_customer="drop", **roles)
    return cl.EventLog.from_csv(asked.orders, delimiter=asked.delimiter, missing_customer="drop", **roles)


def worth_of(now: cl.Dataset, asked: argparse.Namespace) -> tuple[float | pd.Series, str]:
    """What a kept customer is worth: a share of the last year's spend, or one number for all."""
    if asked.value is not None or "any.sum.365d" not in now.X:
        return 100.0 if asked.value is None else asked.value, "an assumption; set it with --value"
    spend = now.X["any.sum.365d"].droplevel("cutoff").clip(lower=0)
    return (asked.margin * spend).round(2), f"{100 * asked.margin:g} % of what they spent in the last 365 days"


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Who is about to leave: one page and one list from a file of orders.")
    add = parser.add_argument
    add("orders", nargs="?", type=Path, help="parquet, csv or csv.gz; without it a shop is simulated")
    add("--customer", default="customer_id", help="column with the customer (default: customer_id)")
    add("--time", default="time", help="column with the time of the event (default: time)")
    add("--amount", help="column with the money of the row; or give --quantity and --price")
    add("--quantity", help="column with the number of pieces; negative is a return")
    add("--price", help="column with the price of a piece")
    add("--kind", help="column with the kind of event")
    add("--item", help="column with the product")
    add("--currency", help="column with the currency")
    add("--known-at", help="column with the time at which the row became known")
    add("--delimiter", default=",", help="what stands between the columns of a csv (default: a comma)")
    add("--time-format", help="how times are written, such as %%d/%%m/%%Y (default: ISO 8601, 2025-01-31)")
    add("--timezone", help="zone of times without one, such as Asia/Shanghai (default: UTC)")
    add("--missing-amount", choices=("error", "zero"), help="what a row without an amount means (default: error)")
    add("--complete-until", help="the data are complete until then (default: the last event)")
    add("--inactivity", help="silence after which a customer is lost, such as 60d (default: from the history)")
    add("--horizon", help="how far to look ahead, such as 60d (default: from the history)")
    add("--lead", help="time needed to act, such as 7d (default: from the history)")
    add("--value", type=float, help="worth of a kept customer (default: from spend, or 100 without money)")
    add("--margin", type=float, default=0.3, help="share of last year's spend that is worth (default: 0.3)")
    add("--accept-rate", type=float, default=0.3, help="share of leavers whom the offer keeps (default: 0.3)")
    add("--offer-cost", type=float, default=10.0, help="cost of the offer when taken (default: 10)")
    add("--contact-cost", type=float, default=1.0, help="cost of a contact (default: 1)")
    add("--customers", type=int, default=3000, help="customers of the simulated shop (default: 3000)")
    add("--out", type=Path, default=Path(), help="folder for churn.html and contact_list.csv (default: here)")
    return parser.parse_args(arguments)


def advice(error: Exception) -> str:
    """Add, to a message that names arguments of Python, how the command line spells them."""
    text = str(error)
    named = [name for name in (*ROLES, *READING, *CHOICES) if re.search(rf"\b{name}=", text)]
    spelt = ", ".join(f"{name}= is --{name.replace('_', '-')}" for name in named)
    return f"{text}\nOn the command line, {spelt}." if spelt else text


if __name__ == "__main__":
    try:
        main()
    except cl.exceptions.ChurnlibError as error:
        sys.exit(f"\n{type(error).__name__}: {advice(error)}")
