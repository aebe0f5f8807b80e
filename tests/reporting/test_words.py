"""The sentences, with singular and plural, with and without an offer, a rule, a purge."""

from __future__ import annotations

import pytest

from churnlib.reporting._words import customers, span, words_of


@pytest.mark.parametrize(
    ("text", "spelt"),
    [("60d", "60 days"), ("1mo", "1 month"), ("in the 30d before", "in the 30 days before"), ("x1d", "x1d")],
)
def test_spans_are_spelt_out(text, spelt):
    assert span(text) == spelt


def test_one_customer_is_singular():
    assert customers(1) == "1 customer"
    assert customers(1_234) == "1,234 customers"


def test_the_headline_has_number_interval_n_and_as_of(record):
    text = words_of(record)["headline"]
    today = record["today"]
    for number in (
        today["at_risk"],
        today["expected"],
        today["expected_low"],
        today["expected_high"],
        today["contacts"],
    ):
        assert f"{number:,.0f}" in text
    assert "with us on 23 December 2025" in text
    assert "between 30 December 2025 and 29 January 2026" in text


def test_without_an_offer_nothing_is_said_of_money(record):
    record["offer"] = None
    words = words_of(record)
    assert "earn" not in words["headline"]
    assert "by risk" in words["contacts"]
    assert words["offer"] == []
    assert words["profit"] == ""
    assert not any("offer" in line for line in words["limits"])


def test_when_nobody_is_worth_a_contact(record):
    record["today"]["contacts"] = 0
    words = words_of(record)
    assert words["headline"].endswith("At this offer nobody is worth a contact.")
    assert words["contacts"].endswith("At this offer none of them is worth a contact.")
    assert words["profit"] == "Every contact is expected to cost more than it earns."
    record["today"]["contacts"] = 3
    assert words_of(record)["contacts"].endswith("Only the first 3 are worth a contact at this offer.")


@pytest.mark.parametrize(
    ("verdict", "start", "end"),
    [
        ("wins", "The model wins", ")."),
        ("loses", "The simple rule wins", "Use the rule."),
        ("no clear difference", "No clear winner", "The simple rule may do."),
    ],
)
def test_win_or_lose_is_said_in_words(record, verdict, start, end):
    record["test"]["verdict"] = verdict
    text = words_of(record)["verdict"]
    assert text.startswith(start)
    assert text.endswith(end)
    assert record["test"]["rule"] in text


def test_without_a_rule_that_is_said(record):
    record["test"] |= {"rule": None, "comparison": None}
    words = words_of(record)
    assert words["verdict"].startswith("There is no simple rule")
    assert "The rule" not in words["tested"]


def test_splits_tell_what_was_purged(record):
    assert "were purged" in words_of(record)["splits"]
    record["splits"]["purged"] = {"cutoffs": 0, "rows": 0}
    assert words_of(record)["splits"].endswith("No cutoff between them had to be purged.")


def test_the_limits_speak_of_experiment_causes_lead_and_refused_rows(record):
    assert not any("refused" in line for line in words_of(record)["limits"])
    record["data"]["refused_rows"] = 12
    limits = words_of(record)["limits"]
    assert limits[0].startswith("Whether a contact keeps anybody.")
    assert "risk × value" in limits[0]
    assert limits[-1] == "Anything about the 12 rows of input that had to be refused."
    assert any("within the first 7 days" in line for line in limits)
    record["setting"]["lead"] = "0d"
    assert not any("too soon to act" in line for line in words_of(record)["limits"])
    assert "that begin now" in words_of(record)["setting"]


@pytest.mark.parametrize(
    ("clv", "text"),
    [(200, "200, the same for all"), ("margin", "column margin"), ({"customers": 3, "mean": 12.5}, "12.50 on average")],
)
def test_the_worth_of_a_customer_in_each_form(record, clv, text):
    record["offer"]["clv"] = clv
    assert dict(words_of(record)["offer"])["Worth of a kept customer"].startswith(text)


def test_the_accept_rate_in_both_forms(record):
    assert dict(words_of(record)["offer"])["Leavers who accept"] == "30\u202f% (Beta 6, 14)"
    record["offer"]["accept_rate"] = 0.25
    assert dict(words_of(record)["offer"])["Leavers who accept"] == "25\u202f%"


def test_a_handful_of_leavers_is_said_to_be_too_few(record):
    assert "too few" not in words_of(record)["tested"]
    record["test"]["few"] = True
    assert "That is too few to trust the intervals below." in words_of(record)["tested"]


def test_rows_set_aside_are_explained_where_there_are_any(record):
    assert "Set aside" not in words_of(record)["cutoffs"]
    record["cutoffs"][0]["set_aside"] = 2
    assert "Set aside: had already left, as only later events show" in words_of(record)["cutoffs"]
