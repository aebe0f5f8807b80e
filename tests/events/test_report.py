from __future__ import annotations

import json
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.events import QualityReport
from tests.events.frames import full_frames, read, simple, to_log


@given(full_frames(), st.data())
def test_rows_and_money_of_the_input_are_kept_or_refused(frame, data):
    gone = [data.draw(st.booleans()) for _ in range(len(frame))]
    gone[0] = False
    broken = frame.assign(who=frame["who"].mask(gone))
    report = to_log(broken, missing_customer="drop").report
    assert report.input_rows == len(frame)
    assert (report.kept, report.refused) == (len(frame) - sum(gone), sum(gone))
    assert report.null_customers == sum(gone)
    total = [Decimal(str(value)) for value in frame["total"]]
    assert report.input_amount == sum(total)
    assert report.refused_amount == sum((t for t, g in zip(total, gone, strict=True) if g), Decimal(0))


def test_a_corrupted_table_is_counted_exactly():
    frame = pd.DataFrame(
        {
            "id": [1.0, 1.0, None, 2.0, 2.0, 3.0, 3.0],
            "ts": pd.to_datetime(["2025-01-01"] * 5 + ["2025-01-02", "2025-02-01"]).astype("datetime64[ns]")
            + pd.Timedelta(1, "ns"),
            "ref": ["a", "b", "c", "d", "d", "e", "f"],
            "total": [5.0, -1.0, 9.0, 4.0, 4.0, None, 1.0],
            "seen": ["2025-01-01 00:00:01", "2024-01-01", *["2025-01-02"] * 4, "2025-02-01"],
        }
    )
    report = read(
        frame, event_id="ref", amount="total", known_at="seen", complete_until="2025-02-01", missing_customer="drop",
        missing_amount="zero", duplicates="drop", future="drop",
    ).report  # fmt: skip
    assert report.reasons == {"no customer id": 1, "repeated event id": 1, "at or after complete_until": 1}
    assert report.notes == {
        "customer ids were whole floats, now integers": 6,
        "values of time cut down to a microsecond": 7,
        "values of time without a zone, taken as UTC": 7,
        "values of known_at without a zone, taken as UTC": 7,
        "known before it happened, taken as known at its time": 1,
        "known later than it happened": 4,
        "without amount, taken as zero": 1,
        "negative amounts, kept as refunds": 1,
    }
    assert (report.input_rows, report.kept, report.refused, report.null_customers) == (7, 4, 3, 1)
    assert (report.input_amount, report.kept_amount, report.refused_amount) == (22, 8, 14)
    assert report.customers == 3


def test_rows_that_do_not_add_up_are_a_bug():
    with pytest.raises(AssertionError):
        QualityReport(3, 2)


def test_freshness_is_the_silence_at_the_end():
    report = read(simple(), complete_until="2025-01-10").report
    assert report.freshness == pd.Timedelta(days=7)
    assert QualityReport(0, 0).freshness is None


def test_months_are_those_of_the_zone():
    frame = simple(ts=["2025-01-31T23:30Z", "2025-02-10T00:00Z", "2025-04-01T00:00Z"], total=[1.5, 2, -4])
    assert read(frame, amount="total").report.months.to_dict("list") == {
        "month": ["2025-01", "2025-02", "2025-03", "2025-04"],
        "rows": [1, 1, 0, 1],
        "amount": [Decimal("1.5"), 2, 0, -4],
    }
    berlin = read(frame, amount="total", timezone="Europe/Berlin").report.months
    assert berlin["rows"].tolist() == [2, 0, 1]
    assert QualityReport(0, 0).months.empty


def test_a_report_survives_json():
    report = read(simple(total=[1.5, 2, 3]), amount="total", currency="EUR", timezone="Europe/Berlin").report
    assert QualityReport.from_dict(json.loads(json.dumps(report.to_dict()))) == report
    assert QualityReport.from_dict(QualityReport(0, 0).to_dict()) == QualityReport(0, 0)


def test_reports_add_up():
    one = read(simple(total=[1.5, 2, 3]), amount="total").report
    both = one.merged(one)
    assert (both.input_rows, both.kept, both.input_amount) == (6, 6, Decimal("13.0"))
    assert one.merged(QualityReport(1, 1)).kept_amount == Decimal("6.5")


def test_the_table_and_the_texts_say_the_same():
    frame = simple(id=["<a>", None, "b"], total=[1.5, 2000, 3])
    report = read(frame, amount="total", missing_customer="drop", currency="EUR").report
    table = report.to_frame().set_index("what")
    assert table.loc["refused: no customer id", "rows"] == 1
    assert table.loc["input", "amount"] == Decimal("2004.5")
    assert table.loc["without customer id", "rows"] == 1
    text, page = repr(report), report._repr_html_()
    assert "3 rows in = 2 kept + 1 refused" in text
    assert "money EUR: 2,004.5 in = 4.5 kept + 2,000.0 refused" in text
    assert "refused: 1 no customer id" in text
    assert "<td>refused: no customer id</td>" in page
    assert "2,004.5" in page


def test_the_page_escapes_what_it_shows():
    page = QualityReport(1, 1, notes={"<script>": 1}, currency="<b>")._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "&lt;b&gt;" in page
