import re

import pytest
from sklearn.linear_model import LogisticRegression

from churnlib.classification import ChurnClassifier
from churnlib.classification._card_words import sections_of, title_of, to_html, to_markdown
from churnlib.economics import RetentionOffer
from tests.classification.worlds import world


@pytest.fixture(scope="module")
def record():
    X, y = world(200)
    offer = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)
    return ChurnClassifier(LogisticRegression()).fit(X, y).card(offer=offer).to_dict()


def test_both_forms_hold_every_sentence_and_every_cell(record):
    markdown, html = to_markdown(record).replace("\\", ""), to_html(record, page=True)
    for section in sections_of(record):
        cells = [cell for table in section.tables for row in (table.header, *table.rows) for cell in row]
        for text in (section.title, *section.paragraphs, *section.bullets, *cells):
            assert text in markdown
            escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            assert escaped.replace("'", "&#39;").replace('"', "&#34;") in html


def test_missing_numbers_are_dashes_and_never_nan(record):
    text = to_markdown({**record, "base_rate": {**record["base_rate"], "low": None}})
    assert "(no interval)" in text
    assert not re.search(r"\b(nan|None|inf)\b", text)


def test_sections_without_content_are_left_out(record):
    titles = [section.title for section in sections_of(record)]
    assert "When to contact" in titles
    assert not {"Monotone constraints", "On rows it has not seen", "How the model was chosen"} & set(titles)
    assert title_of(record) == "Churn model"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("&lt;b&gt;", "\\&lt;b\\&gt;"),
        ("__x__ and a_b", "\\_\\_x\\_\\_ and a_b"),
        ("~~x~~ $y$", "\\~\\~x\\~\\~ \\$y\\$"),
        ("- x", "\\- x"),
        ("1. x", "1\\. x"),
        ("---", "\\---"),
        ("-2.36 to 3", "-2.36 to 3"),
    ],
)
def test_markdown_shows_a_text_as_it_is(record, text, shown):
    assert f"\n- {shown}\n" in to_markdown({**record, "limits": [text]})


def test_a_model_of_a_cause_does_not_call_its_rows_churn(record):
    data = {**record["data"], "cause": "payment", "churned": 7}
    text = to_markdown({**record, "data": data})
    assert "of which 7 were lost to the cause 'payment'." in text
    assert "| share lost to the cause 'payment' |" in text
    assert "The share lost to the cause 'payment' should stay within" in text
    assert "churned" not in text
