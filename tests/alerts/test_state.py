"""What is remembered: saved and read back the same, refused by other rules, migrated by id, and forgotten."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings

from churnlib.alerts import AlertState, Rule, RuleSet
from churnlib.exceptions import ParameterError, SchemaError, VersionError
from tests.alerts.worlds import Moment, moments, rule_sets

A, B = Rule("a", 1, "x > 1", for_="2d"), Rule("b", 1, "x > 2", of=(2, 3), cooldown="9d", keep_firing="2d")
BOTH = RuleSet([A, B])


def frame(*x: float) -> pd.DataFrame:
    return pd.DataFrame({"x": x}, index=[f"c{k}" for k in range(len(x))])


def stepped(rules: RuleSet, *days: tuple[float, ...]) -> AlertState:
    state = None
    for k, x in enumerate(days, 1):
        state = rules.step(frame(*x), now=f"2026-03-{k:02}", state=state).state
    assert state is not None
    return state


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(rules=rule_sets(), story=moments(max_size=4))
def test_a_saved_state_reads_back_the_same(rules: RuleSet, story: list[Moment], tmp_path: Path) -> None:
    state = None
    for moment in story:
        state = rules.step(moment.frame(), now=moment.at, state=state, sources=moment.sources).state
        state.save(tmp_path / "state.arrow")
        assert AlertState.load(tmp_path / "state.arrow", rules) == state
    assert [path.name for path in tmp_path.iterdir()] == ["state.arrow"]


def test_a_file_holds_ids_and_numbers_and_nothing_else(tmp_path: Path) -> None:
    state = stepped(RuleSet([A]), (2, 0))
    state.save(tmp_path / "state.arrow")
    with pa.OSFile(str(tmp_path / "state.arrow"), "rb") as file:
        table = pa.ipc.open_file(file).read_all()
    assert table.column_names == ["customer_id", "seen", "status.0", "since.0"]
    header = json.loads(table.schema.metadata[b"churnlib"])
    assert sorted(header) == ["churnlib", "digest", "format", "rules", "schema_version"]


def test_files_that_hold_no_state_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.arrow"
    path.write_text("no")
    with pytest.raises(VersionError, match="is no Arrow file"):
        AlertState.load(path)
    table = pa.table({"x": [1]})
    for metadata, said in (
        (None, "no header of a saved state"),
        ({"format": "churnlib.alerts.state", "schema_version": 9, "churnlib": "9"}, "schema version 9"),
    ):
        named = table.replace_schema_metadata(
            None if metadata is None else {b"churnlib": json.dumps(metadata).encode()}
        )
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, named.schema) as writer:
            writer.write_table(named)
        with pytest.raises(VersionError, match=said):
            AlertState.load(path)
    with pytest.raises(ParameterError, match="there is no file"):
        AlertState.load(tmp_path / "nowhere.arrow")


def test_the_state_of_other_rules_is_refused(tmp_path: Path) -> None:
    state = stepped(RuleSet([A]), (2, 0))
    state.save(tmp_path / "state.arrow")
    with pytest.raises(VersionError, match="new: b"):
        AlertState.load(tmp_path / "state.arrow", BOTH)
    with pytest.raises(VersionError, match="something in them changed"):
        RuleSet([replace(A, weight=2)]).step(frame(2, 0), now="2026-03-09", state=state)
    assert BOTH.step(frame(2, 0), now="2026-03-09", state=state.migrate(BOTH)).state.counts().loc["a", "firing"] == 1


def test_migration_goes_by_id() -> None:
    state = stepped(BOTH, (9, 0), (9, 0), (9, 0), (0, 0))
    assert state.counts().loc["b"].tolist() == [1, 0, 1, 0]
    kept = state.migrate(RuleSet([replace(B, level=3), replace(A, id="c")]))
    assert list(kept.cells) == ["b", "c"]
    assert kept.counts().loc["c"].tolist() == [2, 0, 0, 0]
    assert all(np.array_equal(one, two) for one, two in zip(kept.cells["b"], state.cells["b"], strict=True))


def test_migration_drops_what_the_new_tolerance_has_no_place_for() -> None:
    state = stepped(BOTH, (9, 0), (9, 0), (0, 0), (0, 0))  # "b" fires only because it is kept
    plain = RuleSet([replace(B, of=(1, 1), keep_firing="0d", cooldown="0d")])
    moved = state.migrate(plain)
    assert moved.cells["b"].bits.tolist() == [0, 0]
    assert moved.cells["b"].quiet.tolist() == [0, 0]
    step = plain.step(frame(0, 0), now="2026-03-05", state=moved)
    assert step.transitions[["from", "to"]].to_numpy().tolist() == [["firing", "inactive"]]
    online = plain.online(moved)
    assert online.step("c0", {"x": 0}, "2026-03-05").transitions == (("b", "firing", "inactive"),)


def test_who_is_forgotten_leaves_nothing() -> None:
    state = stepped(BOTH, (9, 0, 9)).forget(["c0", "nobody"])
    assert state.customers.tolist() == ["c1", "c2"]
    assert len(state) == 2
    assert state.counts().loc["a"].tolist() == [1, 1, 0, 0]
    with pytest.raises(SchemaError, match="ids of one kind"):
        state.forget([7])


def test_ids_of_another_kind_are_refused() -> None:
    with pytest.raises(SchemaError, match=r"customers are known as .* and the rows name them as int64"):
        BOTH.step(frame(1).set_axis([7]), now="2026-03-02", state=stepped(BOTH, (9,)))


def test_a_step_leaves_the_state_before_as_it_was(tmp_path: Path) -> None:
    state = stepped(BOTH, (9, 0), (9, 0))
    state.save(tmp_path / "state.arrow")
    BOTH.step(frame(0, 9), now="2026-03-09", state=state)
    BOTH.online(state).step("c0", {"x": 0}, "2026-03-09")
    assert AlertState.load(tmp_path / "state.arrow") == state
    assert state != stepped(BOTH, (9, 0))
    assert state != "state"


def test_a_state_shows_itself() -> None:
    assert repr(stepped(BOTH, (9, 0))) == "AlertState(2 customers, 2 rules: 1 pending)"
    table = stepped(BOTH, (9, 0), (9, 9)).table()
    assert table[["customer_id", "rule", "status"]].to_numpy().tolist() == [
        ["c0", "a", "pending"], ["c0", "b", "firing"], ["c1", "a", "pending"],
    ]  # fmt: skip
    assert len(AlertState.empty(BOTH).table()) == 0


def test_states_of_two_kinds_of_text_are_one() -> None:
    objects = frame(9, 0).set_axis(pd.Index(["c0", "c1"], dtype=object))
    assert BOTH.step(objects, now="2026-03-01").state == stepped(BOTH, (9, 0))
