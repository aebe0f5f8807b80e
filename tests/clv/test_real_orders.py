"""Real orders: the table of the docs is what the models give."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from benchmarks.bench_holdout import SOURCES, deciles, judge, layout, summary

from churnlib.clv import BGNBD, MBGNBD, ParetoNBD, holdout_calibration

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "hold-out.md"
MODELS = [BGNBD, MBGNBD, ParetoNBD]


@pytest.fixture(scope="module", params=list(SOURCES))
def source(request, data_dir):
    name = request.param
    frame, weeks = summary(name, data_dir)
    return name, frame, weeks


def test_the_table_of_the_docs(source):
    name, frame, weeks = source
    rows = {}
    for model in MODELS:
        fitted = model().fit(frame[frame["T"] > 0])
        remark = "" if fitted.converged_ else fitted.reason_
        rows[model.__name__] = judge(frame, fitted.predict(frame, weeks)) | {"remark": remark}
    page = PAGE.read_text(encoding="utf-8")
    for line in layout(name, pd.DataFrame(rows).T):
        assert "| " + " | ".join(line[:7]) + " |" in page


def test_deciles_fall_and_hold_the_total(source, data_dir):
    name, frame, _ = source
    page = PAGE.read_text(encoding="utf-8")
    for line in deciles(name, data_dir):
        assert "| " + " | ".join(line) + " |" in page
    known = frame[frame["T"] > 0]
    table = holdout_calibration(ParetoNBD().fit(known), known)
    assert table["customers"].sum() == len(known)
    assert table["predicted"].is_monotonic_decreasing
    assert table["actual"].iloc[0] > 3 * table["actual"].iloc[-1]
    assert table["actual_total"].sum() == known["frequency_holdout"].sum()


def test_churnlib_comes_nearer_to_the_total_than_going_on_as_before(source):
    _, frame, weeks = source
    ours = judge(frame, ParetoNBD().fit(frame[frame["T"] > 0]).predict(frame, weeks))
    same = judge(frame, frame["last_period"].to_numpy())
    assert abs(ours["error of the total"]) < abs(same["error of the total"])
