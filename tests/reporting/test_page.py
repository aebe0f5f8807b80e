"""The page: self-contained, escaped, the same bytes, and its numbers inside as JSON."""

from __future__ import annotations

import copy
import json
import re
from html.parser import HTMLParser

import pytest

from churnlib.reporting._page import render

VOID = {"meta", "link", "br", "line", "polyline", "circle", "rect", "img"}


class Balance(HTMLParser):
    """Checks that every element is closed, and collects attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def data_of(page: str) -> dict:
    block = re.search(r'<script type="application/json" id="churnlib-report">(.*?)</script>', page, flags=re.DOTALL)
    return json.loads(block[1])


def test_the_page_carries_exactly_its_record(record):
    assert data_of(render(record)) == record


def test_equal_records_give_equal_bytes_and_the_record_is_left_alone(record):
    before = copy.deepcopy(record)
    assert render(record) == render(copy.deepcopy(record))
    assert record == before


def test_the_page_is_balanced_and_loads_nothing(record):
    page = render(record)
    parser = Balance()
    parser.feed(page)
    assert parser.open == []
    assert not [a for a in parser.attributes if a[1] in {"src", "href", "style"} or a[1].startswith("on")]
    assert page.count("<script") == 1  # the data block, which no browser executes
    assert "http" not in page
    assert "url(" not in page
    assert "@import" not in page


def test_it_is_small_and_has_no_nan(record):
    page = render(record)
    assert len(page.encode()) < 500_000
    assert not re.search(r"\bnan\b|\bNaN\b|\bNone\b|\binf\b|\bNaT\b", page)


def test_it_follows_phone_print_and_dark(record):
    page = render(record)
    assert 'name="viewport"' in page
    for query in ("max-width: 44rem", "print", "prefers-color-scheme: dark"):
        assert f"({query})" in page or f"@media {query}" in page


ATTACK = "</script><script>alert(1)</script><img src=x onerror='x'>&\"'"


@pytest.mark.parametrize("where", ["title", "customer", "reason", "rule", "note", "value_note", "currency"])
def test_texts_from_outside_are_escaped(record, where):
    first = record["contacts"][0]
    if where == "customer":
        first["customer"] = ATTACK
    elif where == "reason":
        first["reasons"][0] |= {"text": ATTACK, "shown": ATTACK, "feature": ATTACK, "value": ATTACK}
    elif where == "rule":
        record["test"]["rule"] = ATTACK
    elif where == "note":
        record["data"]["notes"].append([ATTACK, ATTACK])
    else:
        record[where] = ATTACK
    page = render(record)
    assert page.count("<script") == 1
    assert "<img" not in page
    assert data_of(page) == record


def test_a_reason_without_a_value_is_said_in_words(record):
    record["contacts"][0]["reasons"] = [
        {"feature": "x", "value": None, "text": "Days since the last complaint", "shown": "none yet"}
    ]
    assert 'data-value="">Days since the last complaint: <b>none yet</b>' in render(record)


def test_without_offer_and_rule_the_page_still_stands(record):
    record |= {"offer": None, "profit_curve": None}
    record["test"] |= {"rule": None, "comparison": None, "verdict": None}
    record["gain_curve"]["rule"] = None
    page = render(record)
    assert "Expected gain" not in page
    assert "Highest risk" in page
    assert data_of(page) == record


def test_a_late_feed_turns_the_head(record):
    assert 'id="stale"' not in render(record)
    record["data"]["stale"] = "The feed is late."
    page = render(record)
    assert page.index('id="stale"') < page.index('class="tiles"')


def test_the_columns_of_a_cutoff_add_up_where_rows_were_set_aside(record):
    assert "set aside" not in render(record).lower()
    first = record["cutoffs"][0]
    first["set_aside"] = 3
    first["at_risk"] += 3
    page = render(record)
    row = re.search(r"<tr data-cutoff=.*?</tr>", page, flags=re.DOTALL)[0]
    shown = {name: int(value.replace(",", "")) for name, value in re.findall(r'data-name="([^"]*)">([\d,]+)<', row)}
    parts = ("set aside", "left in the lead", "churned", "retained", "immature")
    assert shown["at risk"] == sum(shown[part] for part in parts)
    assert "<th>Set aside</th>" in page
