"""Tags over frames of customers: approved ones only, never quietly false, and written so that a change shows."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import churnlib
from churnlib.exceptions import ChurnlibError, ParameterError, ParameterTypeError, SchemaError, VersionError
from churnlib.expressions._nodes import written
from churnlib.segmentation import Tag, TagRules
from tests.strategies import condition_nodes, expression_rows


def approved(name: str, when: str) -> Tag:
    return Tag(name, when, text=f"Customers who are {name}.", owner="crm").approve(by="Ann", on="2026-03-01")


TAGS = [
    approved("bought once", "n_orders == 1"),
    approved("heavy user of search", "`search.days` >= 0.5 * active_days"),
    approved("complained about delivery", "n_complaints > 0 and topic == 'delivery'"),
    approved("late", "recency_days > 4w"),
]
UNITS = {"recency_days": "days"}
CUSTOMERS = pd.DataFrame(
    {
        "n_orders": [1, 7, 2, None],
        "search.days": [0, 6, None, 1],
        "active_days": [3, 9, 4, 2],
        "n_complaints": [0, 2, None, 0],
        "topic": ["delivery", "delivery", "price", None],
        "recency_days": [27.9, 28.0, 28.1, None],
    },
    index=pd.Index(["ann", "bob", "cid", "dee"], name="customer_id"),
)
EXPECTED = {
    "bought once": [True, False, False, pd.NA],
    "heavy user of search": [False, True, pd.NA, True],
    "complained about delivery": [False, True, False, False],
    "late": [False, False, True, pd.NA],
}


def rules(**options) -> TagRules:
    return TagRules(TAGS, **({"units": UNITS} | options))


@pytest.mark.parametrize("frame", [CUSTOMERS, pl.from_pandas(CUSTOMERS), pa.table(dict(CUSTOMERS.items()))])
def test_the_practice_s_tags(frame) -> None:
    found = rules().fit(frame).transform(frame)
    assert {name: found[name].tolist() for name in found} == EXPECTED
    assert (found.dtypes == "boolean").all()
    if isinstance(frame, pd.DataFrame):
        pd.testing.assert_index_equal(found.index, frame.index)


@given(st.lists(condition_nodes(max_leaves=3), min_size=1, max_size=3), expression_rows(min_size=2))
def test_rows_in_any_order_and_alone_carry_the_same_tags(trees, rows) -> None:
    fitted = TagRules([approved(f"t{k}", written(tree)) for k, tree in enumerate(trees)])
    frame = pd.DataFrame(rows).astype({"n": float, "m": float, "order.n_30d": float, "days since": float})
    frame = frame.astype({"plan": object, "客户": object, "active": "boolean", "missing": "boolean"})
    together = fitted.fit_transform(frame)
    pd.testing.assert_frame_equal(fitted.transform(frame.iloc[::-1]), together.iloc[::-1])
    for k in range(len(frame)):
        pd.testing.assert_frame_equal(fitted.transform(frame.iloc[[k]]), together.iloc[[k]])


class TestApproval:
    TAGS = (
        approved("a", "n > 1"),
        Tag("b", "n > 2"),
        approved("c", "n > 3").retire(by="Ann", on="2026-04-01"),
    )
    X = pd.DataFrame({"n": [2.5]})

    def test_a_proposed_tag_is_an_error(self) -> None:
        with pytest.raises(ParameterError, match=r"1 of 3 tags are not approved \(b\); people approve a tag before"):
            TagRules(self.TAGS).fit(self.X)

    def test_a_tag_changed_since_its_approval_is_proposed_and_named(self) -> None:
        changed = Tag("a", "n > 9", decisions=approved("a", "n > 1").decisions)
        with pytest.raises(ParameterError, match=r"not approved \(a; changed since they were approved: a\)"):
            TagRules([changed]).fit(self.X)

    @pytest.mark.parametrize(
        ("unapproved", "used", "left_out"), [("leave_out", ["a"], ("b", "c")), ("include", ["a", "b"], ("c",))]
    )
    def test_when_asked_it_is_left_out_or_used(self, unapproved, used, left_out) -> None:
        fitted = TagRules(self.TAGS, unapproved=unapproved).fit(self.X)
        assert fitted.transform(self.X).columns.tolist() == used == fitted.get_feature_names_out().tolist()
        assert fitted.left_out_ == left_out
        assert [tag.name for tag in fitted.tags_] == used

    def test_a_retired_tag_may_name_columns_that_are_gone(self) -> None:
        retired = approved("old", "gone > 1").retire(by="Ann", on="2026-04-01")
        assert TagRules([retired]).fit_transform(self.X).shape == (1, 0)

    def test_the_table_for_those_who_decide(self) -> None:
        table = TagRules(self.TAGS).describe()
        assert table["state"].tolist() == ["approved", "proposed", "retired"]
        assert table.loc["b", ["when", "by", "on"]].tolist() == ["n > 2", None, None]
        assert table.loc["c", ["owner", "by"]].tolist() == ["crm", "Ann"]
        assert TagRules().describe().shape == (0, 6)


@pytest.mark.parametrize(
    ("tags", "options", "error", "match"),
    [
        (
            [approved("a", "n_order > 1")],
            {},
            SchemaError,
            r"tag 'a': at character 1: 'n_order' is no column",
        ),
        ([approved("a", "topic > 1")], {}, SchemaError, r"tag 'a': .* 1 is a number and stands where a text was"),
        ([approved("a", "recency_days > 4w")], {"units": None}, SchemaError, r"tag 'a': .*says no unit of time"),
        ([approved("a", "n_orders > 1")] * 2, {}, ParameterError, "a names more than one tag"),
        (["n_orders > 1"], {}, ParameterTypeError, r"1 of 1 entries of tags are no tags \('n_orders > 1'\)"),
        ([], {"units": {"recncy": "days"}}, ParameterError, r"units= names 'recncy', which is no column"),
    ],
)
def test_fit_checks_names_types_and_units(tags, options, error, match) -> None:
    with pytest.raises(error, match=match):
        TagRules(tags, **({"units": UNITS} | options)).fit(CUSTOMERS)


def test_a_column_that_changes_its_kind_after_fit_is_refused() -> None:
    fitted = rules().fit(CUSTOMERS)
    with pytest.raises(SchemaError, match=r"tag 'complained about delivery': .*\"delivery\" is a text"):
        fitted.transform(CUSTOMERS.assign(topic=1.0))
    empty = fitted.transform(CUSTOMERS.assign(topic=None))
    assert empty["complained about delivery"].tolist() == [False, pd.NA, pd.NA, False]


def test_an_array_has_columns_x0_x1() -> None:
    tags = [approved("big", "x0 >= 2"), approved("named", "x1 == 'b'")]
    found = TagRules(tags).fit_transform(np.array([[1, "a"], [2, "b"], [None, None]], dtype=object))
    np.testing.assert_array_equal(found, [[0, 0], [1, 1], [np.nan, np.nan]])


def test_scikit_learn_takes_it_for_one_of_its_own() -> None:
    fitted = clone(rules()).fit(CUSTOMERS)
    assert fitted.get_params()["units"] == UNITS
    assert fitted.feature_names_in_.tolist() == CUSTOMERS.columns.tolist()
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(fitted)).transform(CUSTOMERS), fitted.transform(CUSTOMERS))
    assert len(pickle.dumps(fitted)) < 6_000
    with pytest.raises(ValueError, match="feature names"):
        fitted.transform(CUSTOMERS.drop(columns="topic"))


def test_output_containers() -> None:
    as_pandas = rules().set_output(transform="pandas").fit_transform(CUSTOMERS)
    pd.testing.assert_frame_equal(as_pandas, rules().fit_transform(CUSTOMERS))
    as_polars = rules().set_output(transform="polars").fit_transform(CUSTOMERS)
    assert isinstance(as_polars, pl.DataFrame)
    assert as_polars["late"].to_list() == [False, False, True, None]
    chained = make_pipeline(rules(), FunctionTransformer(lambda tags: tags.isna().sum(axis=1))).fit_transform(CUSTOMERS)
    assert chained.tolist() == [0, 0, 1, 2]
    placed = make_column_transformer((TagRules([TAGS[0]]), ["n_orders"]), verbose_feature_names_out=False)
    assert placed.set_output(transform="pandas").fit_transform(CUSTOMERS)["bought once"].tolist()[:2] == [True, False]


def test_no_input_is_modified() -> None:
    before = CUSTOMERS.copy(deep=True)
    rules().fit(CUSTOMERS).transform(CUSTOMERS)
    pd.testing.assert_frame_equal(CUSTOMERS, before)


class TestStored:
    def test_round_trip(self) -> None:
        text = rules(unapproved="leave_out").to_json()
        again = TagRules.from_json(text)
        assert (again.tags, again.units, again.unapproved) == (TAGS, UNITS, "leave_out")
        assert again.to_json() == text
        assert {name: json.loads(text)[name] for name in ("schema_version", "churnlib")} == {
            "schema_version": 1,
            "churnlib": churnlib.__version__,
        }

    @given(st.lists(condition_nodes(max_leaves=3), max_size=3), st.text(max_size=8))
    def test_any_tags_survive(self, trees, text) -> None:
        tags = [Tag(f"{text}{k}", written(tree), text=text) for k, tree in enumerate(trees)]
        if all(tag.name.strip() for tag in tags):
            assert TagRules.from_json(TagRules(tags).to_json()).tags == tags

    def test_the_digest_does_not_depend_on_the_release(self) -> None:
        text = rules().to_json().replace(f'"churnlib": "{churnlib.__version__}"', '"churnlib": "9.9.9"')
        assert TagRules.from_json(text).tags == TAGS

    @pytest.mark.parametrize(
        ("change", "error", "match"),
        [
            (
                lambda text: text.replace("n_orders == 1", "n_orders == 2"),
                VersionError,
                "was changed after",
            ),
            (lambda text: text.replace('"by": "Ann"', '"by": "Eve"'), VersionError, "the digest of the tags is"),
            (lambda text: text.replace('"schema_version": 1', '"schema_version": 2'), VersionError, "schema version 2"),
            (lambda _: "{}", VersionError, "schema version None"),
            (lambda _: "[]", VersionError, "schema version None"),
            (lambda _: '{"schema_version": 1}', ParameterError, "the text holds no list of tags"),
            (lambda text: text[:-5], ParameterError, "the text is no JSON"),
            (lambda _: "[" * 500_000, ParameterError, "the text is no JSON"),
            (
                lambda text: text + " " * 1_000_000,
                ParameterError,
                r"the tags are 1,00\d,\d+ characters",
            ),
            (lambda _: None, ParameterError, "the tags are a NoneType"),
        ],
    )
    def test_what_was_changed_or_is_no_set_of_tags_is_refused(self, change, error: type[ChurnlibError], match) -> None:
        with pytest.raises(error, match=match):
            TagRules.from_json(change(rules().to_json()))


@pytest.mark.parametrize("kind", ["polars", "lazy", "arrow", "duckdb"])
def test_a_frame_of_another_library_has_the_same_names(kind):
    frame = pd.DataFrame({"n": [1, 2]})
    rules = TagRules([approved("one", "n == 1")]).fit(frame)
    other = {
        "polars": lambda: pl.from_pandas(frame),
        "lazy": lambda: pl.from_pandas(frame).lazy(),
        "arrow": lambda: pa.Table.from_pandas(frame),
        "duckdb": lambda: pytest.importorskip("duckdb").from_df(frame),
    }[kind]()
    assert rules.transform(other)["one"].tolist() == [True, False]
    fitted = TagRules([approved("one", "n == 1")]).fit(other)
    assert fitted.feature_names_in_.tolist() == ["n"]
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.transform(frame.rename(columns={"n": "m"}))


def test_units_are_written_under_the_digest():
    tag = approved("quiet", "recency >= 4w")
    days, hours = (TagRules([tag], units={"recency": unit}) for unit in ("days", "hours"))
    customers = pd.DataFrame({"recency": [100]})
    assert days.fit_transform(customers)["quiet"].tolist() == [True]
    assert hours.fit_transform(customers)["quiet"].tolist() == [False]
    written, other = json.loads(days.to_json()), json.loads(hours.to_json())
    assert written["units"] == {"recency": "days"}
    assert written["digest"] != other["digest"]
    assert TagRules.from_json(days.to_json()).units == {"recency": "days"}
    with pytest.raises(VersionError, match="the digest of the tags is"):
        TagRules.from_json(json.dumps(written | {"units": {"recency": "hours"}}))
