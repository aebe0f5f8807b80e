import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churnlib.classification._compiled_codes import CodeBook, check_codes, plain_catalog
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError
from churnlib.reasons import Reason, ReasonCatalog, reason_codes

COLUMNS = ["monthly_charges", "fee", "any.recency", "ticket.count.90d", "tenure", "x7", "competitor_offer"]
CATALOG = ReasonCatalog(
    {"fee": Reason(code="ZZZ1", theme="price", text={"en": "Hidden fee"}), "monthly_charges": "PRC01"}
)
BOOK = CodeBook(plain_catalog(CATALOG, COLUMNS), COLUMNS)

# ties among them, and what lies on the edge of being a reason
EFFECTS = st.one_of(st.floats(-2, 2), st.sampled_from([0.0, 0.1, 0.05, 0.25, -0.25, 0.1 - 1e-12, 0.1 - 1e-6]))


def as_rows(frame):
    kept = frame[["rank", "code", "theme", "contribution", "feature", "controllable", "text"]]
    return [tuple(None if pd.isna(value) else value for value in row) for row in kept.itertuples(index=False)]


@settings(max_examples=60)
@given(
    st.lists(EFFECTS, min_size=len(COLUMNS), max_size=len(COLUMNS)),
    st.integers(1, 4),
    st.sampled_from([0.0, 0.1, 0.5]),
    st.sampled_from(["en", "zh"]),
)
def test_codes_are_those_of_reason_codes(effects, top, min_effect, language):
    frame = pd.DataFrame([effects], columns=COLUMNS)
    expected = reason_codes(frame, CATALOG, top=top, min_effect=min_effect, language=language)
    found = BOOK.reasons(effects, top=top, min_effect=min_effect, language=language)
    told = [(r.rank, r.code, r.theme, r.contribution, r.feature, r.controllable, r.text) for r in found]
    assert told == as_rows(expected.frame)
    assert BOOK.themes(effects) == expected.themes.iloc[0].to_dict()


def test_themes_add_up_to_the_columns():
    effects = np.linspace(-1, 2, len(COLUMNS))
    assert sum(BOOK.themes(effects).values()) == pytest.approx(effects.sum())


def test_a_book_of_other_columns_is_refused():
    plain = plain_catalog(CATALOG, COLUMNS)
    with pytest.raises(DataError, match="does not give every column a code and every code a theme"):
        CodeBook(plain | {"reasons": plain["reasons"][1:]}, COLUMNS)


def test_what_is_no_catalogue_is_refused():
    with pytest.raises(ParameterTypeError, match=r"catalog is a dict; a ReasonCatalog was expected"):
        plain_catalog({}, COLUMNS)


def test_arguments_are_checked():
    with pytest.raises(ParameterError, match="top=0 is out of range"):
        BOOK.reasons([0.0] * 7, top=0, min_effect=0.1, language="en")
    with pytest.raises(ParameterError, match="min_effect=-1"):
        BOOK.reasons([0.0] * 7, top=1, min_effect=-1, language="en")
    with pytest.raises(ParameterError, match="language='de' is not a choice"):
        BOOK.reasons([0.0] * 7, top=1, min_effect=0.1, language="de")


def test_codes_in_a_language_or_from_an_effect_that_cannot_be_are_refused():
    with pytest.raises(ParameterError, match="language='fr'"):
        check_codes("fr", 0.1)
    with pytest.raises(ParameterError, match="min_effect=-1"):
        check_codes("en", -1)
    with pytest.raises(ParameterTypeError, match="min_effect is"):
        check_codes("en", "much")
