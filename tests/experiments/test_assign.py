"""Assignment: the same everywhere, in the shares asked for, with propensities that are true."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import DataError, DuplicateError, ParameterError, ParameterTypeError, SchemaError
from churnlib.experiments import assign, srm_check
from churnlib.experiments._assign import HOLDOUT

HALVES = ["control", "offer"]
FRAMES = {
    "list": list,
    "array": np.array,
    "index": pd.Index,
    "series": pd.Series,
    "pandas": lambda ids: pd.DataFrame({"customer_id": ids}),
    "indexed": lambda ids: pd.DataFrame({"x": 1}, index=pd.Index(ids, name="customer_id")),
    "polars": lambda ids: pl.DataFrame({"customer_id": ids}),
    "lazy polars": lambda ids: pl.LazyFrame({"customer_id": ids}),
    "polars series": pl.Series,
    "arrow": lambda ids: pa.table({"customer_id": ids}),
    "floats": lambda ids: pd.Series(ids, dtype=float),
    "texts": lambda ids: [str(number) for number in ids],
}


GOLDEN = "holdout b holdout control a b b holdout holdout a b b"


def test_known_arms_never_change() -> None:
    # written down once: a release that moved customers to other arms would end every running experiment
    plan = assign(range(12), arms={"control": 0.25, "a": 0.25, "b": 0.5}, salt="spring-2026", holdout=0.2)
    assert " ".join(plan.arm) == GOLDEN
    split = assign(list("abcdefgh"), arms=["x", "y"], salt="spring-2026", strata=[0, 0, 0, 0, 0, 1, 1, 1])
    assert "".join(split.arm) == "xyxxyxxy"


@pytest.mark.parametrize("kind", list(FRAMES))
def test_the_kind_of_frame_does_not_matter(kind: str) -> None:
    ids = [17, 3, 99, 4, 1000, 12]
    expected = assign(ids, arms=HALVES, salt="s", holdout=0.3).frame
    found = assign(FRAMES[kind](ids), arms=HALVES, salt="s", holdout=0.3).frame
    assert found["arm"].tolist() == expected["arm"].tolist()
    assert found["propensity"].tolist() == expected["propensity"].tolist()
    assert found.index.name == "customer_id"
    assert found.index.astype(str).tolist() == [str(number) for number in ids]


def test_another_process_assigns_alike() -> None:
    code = (
        "from churnlib.experiments import assign;"
        "print(*assign([f'c{i}' for i in range(50)], arms=['a', 'b'], salt='x', strata=[0, 1] * 25, holdout=.1).arm)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"}
    )
    here = assign([f"c{i}" for i in range(50)], arms=["a", "b"], salt="x", strata=[0, 1] * 25, holdout=0.1).arm
    assert run.stdout.split() == here.tolist()


@given(st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=40, unique=True), st.randoms(), st.booleans())
def test_the_order_of_rows_does_not_matter(ids: list[int], shuffler, stratified: bool) -> None:
    strata = pd.Series([number % 3 for number in ids], index=pd.Index(ids, name="customer_id")) if stratified else None
    mixed = ids.copy()
    shuffler.shuffle(mixed)
    plans = [assign(each, arms=HALVES, salt="s", holdout=0.1, strata=strata).arm for each in (ids, mixed)]
    assert plans[1].loc[ids].tolist() == plans[0].tolist()


@given(st.integers(1, 60), st.sampled_from([0.1, 0.25, 0.5, 0.7]), st.text(min_size=1, max_size=5))
def test_strata_are_split_to_less_than_one_customer(n: int, share: float, salt: str) -> None:
    plan = assign(range(2 * n), arms={"control": 1 - share, "offer": share}, salt=salt, strata=[0, 1] * n)
    treated = (plan.arm == "offer").to_numpy()
    for stratum in (0, 1):
        assert abs(treated[stratum::2].sum() - n * share) < 1


def test_without_strata_who_joins_later_moves_nobody() -> None:
    few, more = (assign(range(n), arms=HALVES, salt="s", holdout=0.1).arm for n in (100, 1000))
    assert more.iloc[:100].tolist() == few.tolist()


def test_counts_are_those_of_the_shares() -> None:
    plan = assign(range(100_000), arms={"control": 0.2, "a": 0.3, "b": 0.5}, salt="spring", holdout=0.1)
    assert plan.probabilities == pytest.approx({"control": 0.18, "a": 0.27, "b": 0.45, HOLDOUT: 0.1})
    assert srm_check(plan.counts, plan.probabilities).ok
    assert plan.propensity.tolist() == [plan.probabilities[arm] for arm in plan.arm]
    assert plan.propensities.shape == (100_000, 4)
    assert plan.propensities.sum(axis=1).to_numpy() == pytest.approx(1)


def test_propensities_are_exact_in_strata_too() -> None:
    # strata of three and of one: each of their customers is treated with the same probability of a tenth
    strata = np.where(np.arange(40_000) % 4 < 3, np.arange(40_000) // 4, -1 - np.arange(40_000))
    plan = assign(range(40_000), arms={"c": 0.9, "t": 0.1}, salt="s", strata=strata)
    treated = (plan.arm == "t").to_numpy().reshape(-1, 4)
    assert treated.mean(axis=0) == pytest.approx(0.1, abs=0.01)
    assert treated[:, :3].sum(axis=1).max() == 1


def test_the_holdout_is_permanent_and_only_grows() -> None:
    spring = assign(range(5000), arms=HALVES, salt="spring", holdout=0.05)
    autumn = assign(range(5000), arms=["x", "y", "z"], salt="autumn", holdout=0.1)
    held = spring.arm == HOLDOUT
    assert (autumn.arm[held] == HOLDOUT).all()
    other = assign(range(5000), arms=HALVES, salt="spring", holdout=0.05, holdout_salt="second")
    assert not (other.arm == HOLDOUT).equals(held)
    # the two salts share nothing: arms of one experiment say nothing about those of another
    again = assign(range(5000), arms=HALVES, salt="autumn")
    first = assign(range(5000), arms=HALVES, salt="spring")
    assert abs((again.arm == first.arm).mean() - 0.5) < 0.03


def test_salt_and_id_do_not_run_into_each_other() -> None:
    one = assign(["2" + str(n) for n in range(300)], arms=HALVES, salt="a1")
    two = assign(["12" + str(n) for n in range(300)], arms=HALVES, salt="a")
    assert one.arm.tolist() != two.arm.tolist()


def test_strata_by_column_series_and_several() -> None:
    frame = pd.DataFrame({"customer_id": range(8), "tier": list("ABABABAB"), "area": [1, 1, 1, 1, 2, 2, 2, 2]})
    expected = assign(range(8), arms=HALVES, salt="s", strata=list("ABABABAB")).arm.tolist()
    assert assign(frame, arms=HALVES, salt="s", strata="tier").arm.tolist() == expected
    assert assign(pl.from_pandas(frame), arms=HALVES, salt="s", strata="tier").arm.tolist() == expected
    named = frame.set_index("customer_id")["tier"].sample(frac=1, random_state=0)
    assert assign(range(8), arms=HALVES, salt="s", strata=named).arm.tolist() == expected
    both = assign(frame, arms=HALVES, salt="s", strata=["tier", "area"]).arm
    assert (both == "offer").groupby([frame["tier"].tolist(), frame["area"].tolist()]).sum().tolist() == [1, 1, 1, 1]


def test_arms_may_be_numbers() -> None:
    plan = assign(range(100), arms={0: 0.5, 1: 0.5}, salt="s")
    assert plan.arm.dtype.kind == "i"


def test_it_reads_well() -> None:
    plan = assign(range(100), arms=["<b>", "offer"], salt="s", holdout=0.1)
    assert repr(plan).startswith("Assignment('s': 100 customers; <b> ")
    assert "(45%)" in repr(plan)
    assert "&lt;b&gt;" in plan._repr_html_()
    assert "<b>" not in plan._repr_html_()


@pytest.mark.parametrize(
    ("customers", "options", "error", "words"),
    [
        ([1, 1, 2], {}, DuplicateError, "1 of 3 customers stand in the list before \\(1\\)"),
        ([], {}, DataError, "there are no customers"),
        ([1, None], {}, DataError, "1 of 2 customers have no id \\(row 1\\)"),
        ([1, "a"], {}, SchemaError, "mixes types"),
        ([1.5], {}, SchemaError, "customer_id"),
        (pd.DataFrame({"id": [1]}), {}, SchemaError, "an index without names"),
        (pl.DataFrame({"id": [1]}), {}, SchemaError, "no column 'customer_id'"),
        (3, {}, ParameterTypeError, "which is no dataframe"),
        ([1], {"salt": 3}, ParameterTypeError, "salt is 3, a int"),
        ([1], {"salt": ""}, ParameterError, "salt is empty"),
        ([1], {"holdout_salt": ""}, ParameterError, "holdout_salt is empty"),
        ([1], {"holdout": 0.1, "holdout_salt": "s"}, ParameterError, "salt and holdout_salt are both 's'"),
        ([1], {"holdout": 1.0}, ParameterError, "holdout=1 holds everybody out"),
        ([1], {"holdout": -0.1}, ParameterError, "holdout=-0.1 is out of range"),
        ([1], {"arms": ["a", "holdout"], "holdout": 0.1}, ParameterError, "an arm is called 'holdout'"),
        ([1], {"arms": "ab"}, ParameterTypeError, "arms is 'ab'"),
        ([1], {"arms": ["a"]}, ParameterError, "arms names 'a'; an experiment has at least two"),
        ([1], {"arms": ["a", "a"]}, ParameterError, "of different names"),
        ([1], {"arms": {"a": 0.5, "b": 0.6}}, ParameterError, "shares that sum to 1.1"),
        ([1], {"arms": {"a": 1.0, "b": 0.0}}, ParameterError, "an arm of share 0 \\('b'\\)"),
        ([1, 2], {"strata": [1]}, DataError, "strata has 1 rows for 2 customers"),
        ([1, 2], {"strata": ["x", None]}, DataError, "1 of 2 customers have no stratum \\(row 1\\)"),
        (
            [1, 2],
            {"strata": pd.Series(["x"], index=pd.Index([1], name="customer_id"))},
            SchemaError,
            "1 of 2 customers are not in the index of strata \\(2\\)",
        ),
        ([1, 2], {"strata": "tier"}, ParameterTypeError, "is no dataframe"),
    ],
)
def test_refusals(customers, options, error, words) -> None:
    with pytest.raises(error, match=words):
        assign(customers, **{"arms": HALVES, "salt": "s"} | options)
