"""What the models foresee on real orders: each customer's purchases after a cutoff, beside simpler guesses.

Needs the real data: CHURNLIB_DATA names the folder. Rewrites the section "holdout" of RESULTS.md.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.side_by_side import table, write_section
from churnlib.clv import BGNBD, MBGNBD, ParetoNBD, calibration_holdout, holdout_calibration

DATA = Path(os.environ.get("CHURNLIB_DATA", "data"))
PAGE = Path(__file__).resolve().parents[1] / "docs" / "how-to" / "hold-out.md"
DAY = pd.Timedelta("1D")
COLUMNS = ("frequency", "recency", "T")


def cdnow(folder: Path = DATA) -> tuple[pd.DataFrame, str, str]:
    """23,570 customers who first bought in early 1997; 39 weeks to learn from, 39 to foresee."""
    orders = pd.read_csv(folder / "cdnow_full.csv.gz").rename(columns={"date": "time"})
    return orders, "1997-10-01", "1998-07-01"


def online_retail(folder: Path = DATA) -> tuple[pd.DataFrame, str, str]:
    """A wholesaler of gifts; nine months to learn from, three to foresee. Cancelled lines are no purchase."""
    lines = pd.read_parquet(folder / "online_retail_uci.parquet").dropna(subset=["CustomerID"])
    bought = lines[(lines["Quantity"] > 0) & (lines["UnitPrice"] > 0)]
    orders = bought.rename(columns={"CustomerID": "customer_id", "InvoiceDate": "time"})
    return orders[["customer_id", "time"]], "2011-09-09", "2011-12-09"


def complete_journey(folder: Path = DATA) -> tuple[pd.DataFrame, str, str]:
    """A sample of the lines of 2,500 households at a grocer; half a year to learn from, half to foresee."""
    lines = pd.read_csv(folder / "completejourney_transactions_sample.csv.gz")
    orders = lines.rename(columns={"household_id": "customer_id", "transaction_timestamp": "time"})
    return orders[["customer_id", "time"]], "2017-07-01", "2018-01-01"


SOURCES: dict[str, Callable[..., tuple[pd.DataFrame, str, str]]] = {
    "CDNOW": cdnow,
    "Online Retail": online_retail,
    "Complete Journey": complete_journey,
}


def summary(source: str, folder: Path = DATA) -> tuple[pd.DataFrame, float]:
    """Return calibration and holdout of one source, with what the same length before the cutoff held."""
    orders, cutoff, end = SOURCES[source](folder)
    columns = {"customer": "customer_id", "time": "time"}
    frame = calibration_holdout(orders, cutoff=cutoff, holdout_end=end, time_unit="W", **columns)
    length = pd.Timestamp(end) - pd.Timestamp(cutoff)
    days = pd.to_datetime(orders["time"]).dt.floor("D")
    recent = orders.assign(day=days)[(days >= pd.Timestamp(cutoff) - length) & (days < pd.Timestamp(cutoff))]
    first = orders.assign(day=days).groupby("customer_id")["day"].transform("min")
    counted = recent[recent["day"] > first.loc[recent.index]].groupby("customer_id")["day"].nunique()
    frame["last_period"] = counted.reindex(frame.index).fillna(0).to_numpy()
    return frame, length / (7 * DAY)


def lifetimes_prediction(known: pd.DataFrame, frame: pd.DataFrame, weeks: float) -> np.ndarray | None:
    """Predict with the peer's BG/NBD, where it can be fitted."""
    import lifetimes

    with contextlib.redirect_stdout(io.StringIO()):  # it prints its optimiser's report
        try:
            fitted = lifetimes.BetaGeoFitter().fit(*(known[name] for name in COLUMNS))
        except lifetimes.utils.ConvergenceError:
            return None
    columns = [frame[name] for name in COLUMNS]
    return np.asarray(fitted.conditional_expected_number_of_purchases_up_to_time(weeks, *columns))


def predictions(frame: pd.DataFrame, weeks: float) -> Iterator[tuple[str, np.ndarray | None, str]]:
    """Yield each forecast of the purchases of every customer in the holdout, with a remark."""
    known = frame[frame["T"] > 0]
    for model in (BGNBD(), MBGNBD(), ParetoNBD()):
        fitted = model.fit(known)
        yield type(model).__name__, fitted.predict(frame, weeks), "" if fitted.converged_ else fitted.reason_
    peer = lifetimes_prediction(known, frame, weeks)
    if peer is None:
        yield "lifetimes BG/NBD", None, "ConvergenceError"
    else:
        unknown = int(np.isnan(peer).sum())
        yield "lifetimes BG/NBD", np.nan_to_num(peer), f"NaN for {unknown} customers, here 0" if unknown else ""
    yield "repeat purchases of the last period", frame["last_period"].to_numpy(), ""


def judge(frame: pd.DataFrame, predicted: np.ndarray) -> dict[str, float]:
    """Say how well a forecast ranks customers, meets the total, and comes near each of them."""
    actual = frame["frequency_holdout"].to_numpy()
    return {
        "rank correlation": float(spearmanr(predicted, actual).statistic),
        "predicted total": float(predicted.sum()),
        "actual total": float(actual.sum()),
        "error of the total": float(predicted.sum() / actual.sum() - 1),
        "mean absolute error": float(np.abs(predicted - actual).mean()),
    }


def judged(source: str, folder: Path = DATA) -> pd.DataFrame:
    """Judge every forecast of one source."""
    frame, weeks = summary(source, folder)
    rows = {}
    for name, predicted, remark in predictions(frame, weeks):
        rows[name] = ({} if predicted is None else judge(frame, predicted)) | {"remark": remark}
    return pd.DataFrame(rows).T


def layout(source: str, result: pd.DataFrame) -> list[list[str]]:
    """Lay out the rows of one source."""
    rows = []
    for name, row in result.iterrows():
        if pd.isna(row["rank correlation"]):
            figures = ["–"] * 5
        else:
            figures = [
                f"{row['rank correlation']:.3f}",
                f"{row['predicted total']:,.0f}",
                f"{row['actual total']:,.0f}",
                f"{row['error of the total']:+.1%}",
                f"{row['mean absolute error']:.3f}",
            ]
        rows.append([source, str(name), *figures, row["remark"].partition(";")[0]])
    return rows


def deciles(source: str, folder: Path = DATA) -> list[list[str]]:
    """Lay out predicted and actual purchases of each tenth of the customers, the most promising first."""
    frame, _ = summary(source, folder)
    known = frame[frame["T"] > 0]
    found = holdout_calibration(ParetoNBD().fit(known), known)
    predicted = [f"{value:.2f}" for value in found["predicted"]]
    actual = [
        f"{mean:.2f} ({low:.2f}–{high:.2f})"
        for mean, low, high in zip(found["actual"], found["low"], found["high"], strict=True)
    ]
    return [[source, "predicted", *predicted], [source, "actual", *actual]]


def main() -> None:
    """Judge all sources; write the section into RESULTS.md and into the page that explains it."""
    warnings.simplefilter("ignore")  # lifetimes warns of its own line search
    rows = [line for source in SOURCES for line in layout(source, judged(source))]
    headings = ["data", "forecast", "rank correlation", "predicted", "actual", "error", "mean absolute error", "remark"]
    text = table(headings, rows)
    write_section("holdout", f"## Purchases foreseen on real orders\n\n{text}")
    write_section("holdout", text, path=PAGE)
    tenths = table(
        ["data", "mean purchases", *map(str, range(1, 11))], [row for source in SOURCES for row in deciles(source)]
    )
    write_section("deciles", tenths, path=PAGE)
    print(text, tenths, sep="\n\n")


if __name__ == "__main__":
    main()
