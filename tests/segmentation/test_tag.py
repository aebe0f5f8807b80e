"""A tag as a value: what it says, who decided, and that an approval holds for what was approved."""

from __future__ import annotations

import copy
import datetime as dt
import pickle
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import ChurnlibError, ParameterError, ParameterTypeError
from churnlib.expressions import Expression
from churnlib.expressions._nodes import written
from churnlib.segmentation import Decision, Tag
from tests.strategies import condition_nodes

DAY = dt.date(2026, 3, 1)


def test_a_tag_is_proposed_approved_changed_and_retired() -> None:
    tag = Tag("bought once", "n_orders==1", text="One order ever.", owner="crm")
    assert tag.when == Expression("n_orders == 1")
    assert tag.state == "proposed"
    approved = tag.approve(by="Ann", on="2026-03-01")
    assert (approved.state, approved.decisions) == (
        "approved",
        (Decision(state="approved", by="Ann", on=DAY, when="n_orders == 1"),),
    )
    assert tag.state == "proposed"  # a value: nothing changes in place
    changed = replace(approved, when="n_orders <= 1")
    assert changed.state == "proposed"
    assert replace(approved, text="Other words.", when=" (n_orders == 1) ").state == "approved"
    again = changed.approve(by="Bo", on=dt.datetime(2026, 4, 1, 12))
    assert (again.state, [decision.by for decision in again.decisions]) == ("approved", ["Ann", "Bo"])
    retired = again.retire(by="Cy", on="2026-05-01")
    assert retired.state == "retired"
    assert replace(retired, when="n_orders > 7").state == "retired"
    assert retired.approve(by="Ann", on="2026-06-01").state == "approved"


@given(condition_nodes(), st.text(max_size=20), st.lists(st.sampled_from(["approve", "retire"]), max_size=3))
def test_a_tag_survives_dict_pickle_and_copy(tree, text, decisions) -> None:
    tag = Tag("t", written(tree), text=text, owner=text)
    for decision in decisions:
        tag = getattr(tag, decision)(by="Ann", on=DAY)
    assert Tag.from_dict(tag.to_dict()) == tag == pickle.loads(pickle.dumps(tag)) == copy.deepcopy(tag)
    assert hash(Tag.from_dict(tag.to_dict())) == hash(tag)


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: Tag("", "n > 1"), ParameterError, "name is empty; a text was expected"),
        (lambda: Tag(3, "n > 1"), ParameterTypeError, "name is 3, a int; a text was expected"),
        (lambda: Tag("t", "n >"), ParameterError, "tag 't': at character 4: the end stands where a value"),
        (lambda: Tag("t", None), ParameterTypeError, "tag 't': the expression is a NoneType"),
        (lambda: Tag("t", "n > 1", text=None), ParameterTypeError, "text is None"),
        (lambda: Tag("t", "n > 1", owner=3), ParameterTypeError, "owner is 3"),
        (lambda: Tag("t", "n > 1", decisions=["yes"]), ParameterTypeError, "tag 't' has yes among its decisions"),
        (lambda: Tag("t", "n > 1", decisions="yes"), ParameterTypeError, "tag 't' has yes among its decisions"),
        (lambda: Tag("t", "n > 1").approve(by=" ", on=DAY), ParameterError, "by is empty"),
        (lambda: Tag("t", "n > 1").approve(by=None, on=DAY), ParameterTypeError, "by is None"),
        (lambda: Tag("t", "n > 1").approve(by="Ann", on="1.3.2026"), ParameterError, "on='1.3.2026' is no date"),
        (lambda: Tag("t", "n > 1").approve(by="Ann", on=3), ParameterTypeError, "on is 3, a int; a date"),
        (
            lambda: Tag("t", "n > 1").approve(by="Ann", on=DAY).retire(by="Bo", on="2026-02-28"),
            ParameterError,
            "tag 't' was retired on 2026-02-28 and approved before that, on 2026-03-01",
        ),
        (
            lambda: Decision(state="aproved", by="Ann", on=DAY, when="n > 1"),
            ParameterError,
            "state='aproved' is not a choice .did you mean 'approved'",
        ),
        (lambda: Decision(state="approved", by="Ann", on=DAY, when=""), ParameterError, "when is empty"),
        (lambda: Tag.from_dict({"name": "t"}), ParameterError, "a tag has no when; a tag has name, when, text"),
        (
            lambda: Tag.from_dict({"name": "t", "when": "n", "ownr": "x"}),
            ParameterError,
            "a tag has an entry 'ownr' .did you mean 'owner'",
        ),
        (lambda: Tag.from_dict([1]), ParameterTypeError, r"a tag is \[1\]; names with values were expected"),
        (
            lambda: Tag.from_dict({"name": "t", "when": "n", "decisions": "x"}),
            ParameterTypeError,
            "decisions is 'x'; a list was expected",
        ),
        (
            lambda: Tag.from_dict({"name": "t", "when": "n", "decisions": [{"by": "Ann"}]}),
            ParameterError,
            "a decision has no state, on, when",
        ),
    ],
)
def test_what_is_no_tag_is_refused(make, error: type[ChurnlibError], match: str) -> None:
    with pytest.raises(error, match=match):
        make()


def test_no_date_is_no_date():
    with pytest.raises(ParameterTypeError, match="on is NaT"):
        Tag("one", "n == 1").approve(by="Ann", on=pd.NaT)
