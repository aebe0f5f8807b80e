"""The log of decisions: each result is checked against the plan it answers, and a forgotten customer is gone."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churnlib.exceptions import (
    DataError,
    DuplicateError,
    ParameterError,
    ParameterTypeError,
    SchemaError,
    VersionError,
)
from churnlib.policy import Action, ContactPolicy, Cooldown, Plan, PlanLog, allocate
from churnlib.policy._plan._files import _KEY

CALL = Action("call", cost=6, channel="phone", owner="Li", subject="renewal")
MAIL = Action("mail", cost=1, channel="email")


def plan_of(ids: list, day: str = "2026-03-02", **options) -> Plan:
    index = pd.Index(ids, name="customer_id")
    gain = pd.DataFrame({"call": 20.0, "mail": np.where(np.arange(len(ids)) % 2, 3.0, 30.0)}, index=index)
    return allocate(gain, actions=[CALL, MAIL], on=day, **options)


def fifty() -> Plan:
    index = pd.Index(range(60), name="customer_id")
    return allocate(pd.Series(np.where(np.arange(60) < 50, 20.0, 1.0), index=index), actions=CALL, on="2026-03-02")


def done(**results: str) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": list(results), "on": "2026-03-02", "result": list(results.values())})


def filled(path: Path, results: dict[str, str], feedback: dict[str, str] | None = None, delimiter: str = ",") -> Path:
    """Fill in the list at a path as people do, in a spreadsheet."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["result"] = results.get(row["customer_id"], "")
        row["feedback"] = (feedback or {}).get(row["customer_id"], "")
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_planned_50_done_48(tmp_path: Path, delimiter: str) -> None:
    plan = fifty()
    words = (
        ["accepted"] * 20 + ["Refused"] * 10 + ["REACHED"] * 8 + ["wrong number"] * 6 + ["no_answer"] * 4 + ["not-done"]
    )
    path = plan.to_csv(tmp_path / "calls.csv")
    filled(path, {str(k): word for k, word in enumerate(words)}, {"3": "wants a new plan"}, delimiter)
    log = plan.log().record(path)
    row = log.completion().loc["call"]
    assert row.to_dict() == {
        "planned": 50, "done": 48, "completion": 0.96, "open": 1, "was_reached": 38, "accepted": 20, "refused": 10,
        "reached": 8, "opted out": 0, "no answer": 4, "wrong number": 6, "not done": 1, "feedback": 1,
    }  # fmt: skip
    assert repr(log) == "PlanLog(1 day, 60 customers: 50 actions planned, 48 done (96%))"
    assert log.completion("owner").loc["Li", "done"] == 48
    assert log.completion(["channel", "on"]).index.names == ["channel", "on"]
    assert log.frame["feedback"].dropna().tolist() == ["wants a new plan"]
    assert not len(log.rejected)


def test_what_is_wrong_with_a_file_is_counted_in_one_message() -> None:
    log = plan_of(["ann", "bob", "cem"], holdout=0.0).log()
    log = log.append(allocate(pd.Series([1.0], index=pd.Index(["dan"], name="customer_id")), cost=6, on="2026-03-02"))
    lines = [
        ("ann", "2026-03-02", "accepted"),
        ("ann", "2026-03-02", "refused"),
        ("bob", "2026-03-09", "refused"),
        ("bob", "3/2/2026", "refused"),
        ("cem", "2026-03-02", "perhaps"),
        ("dan", "2026-03-02", "accepted"),
        ("zoe", "2026-03-02", "accepted"),
        ("bob", "2026-03-02", ""),
    ]
    found = pd.DataFrame(lines, columns=["customer_id", "on", "result"])
    with pytest.raises(DataError) as error:
        log.record(found)
    said = str(error.value)
    assert said.startswith("6 of 8 lines cannot be recorded: 1 customers that the log does not know (line 8: 'zoe')")
    for part in (
        "1 days not written as 2026-03-02 (line 5: '3/2/2026')",
        "1 customers without a plan on that day (line 4: 'bob')",
        "1 customers for whom nothing was planned that day (line 7: 'dan')",
        "(line 6: 'perhaps')",
        "1 customers who stand twice for one day (line 3: 'ann')",
    ):
        assert part in said
    skipped = log.record(found, errors="skip")
    assert skipped.rejected["line"].tolist() == [3, 4, 5, 6, 7, 8]
    assert skipped.frame["result"].dropna().tolist() == ["accepted"]
    assert not log.frame["result"].notna().any()


def test_a_second_file_may_add_and_not_contradict() -> None:
    log = plan_of(["ann", "bob", "cem"]).log().record(done(ann="no answer"))
    again = log.record(done(ann="no answer", bob="refused"))
    assert again.frame["result"].tolist()[:2] == ["no answer", "refused"]
    with pytest.raises(DataError, match=r"1 results that contradict one recorded before \(line 2: 'ann'\)"):
        again.record(done(ann="accepted"))
    assert again.record(done(ann="accepted"), replace=True).frame["result"].tolist()[0] == "accepted"


def test_own_words() -> None:
    log = plan_of(["ann"]).log().record(done(ann="Erreicht"), words={"erreicht": "reached"})
    assert log.frame["result"].tolist() == ["reached"]
    with pytest.raises(ParameterError, match="'x' stands for 'gone', which is no result"):
        log.record(done(ann="x"), words={"x": "gone"})


def test_ids_that_are_numbers_or_begin_formulas_find_their_way_back(tmp_path: Path) -> None:
    plan = plan_of([17841, 7])
    path = plan.to_csv(tmp_path / "a.csv")
    path.write_text(path.read_text("utf-8-sig").replace("17841,", "17841.0,"), "utf-8")
    log = plan.log().record(filled(path, {"17841.0": "reached"}))
    assert log.frame.set_index("customer_id")["result"].dropna().to_dict() == {17841: "reached"}
    odd = plan_of(["=1+1", "ann"])
    path = odd.to_csv(tmp_path / "b.csv")
    assert "'=1+1" in path.read_text("utf-8-sig")
    log = odd.log().record(filled(path, {"'=1+1": "refused"}))
    assert log.frame.set_index("customer_id").loc["=1+1", "result"] == "refused"


def test_the_list_holds_who_is_contacted_and_nothing_else(tmp_path: Path) -> None:
    plan = plan_of([f"c{k}" for k in range(200)], holdout=0.2)
    phones = pd.DataFrame({"phone": "+49 30 1"}, index=plan.customers)
    path = plan.to_csv(tmp_path / "a.csv", columns=phones)
    listed = pd.read_csv(path)
    assert list(listed.columns) == [
        "customer_id",
        "on",
        "action",
        "channel",
        "subject",
        "owner",
        "phone",
        "result",
        "feedback",
    ]
    assert not set(listed["customer_id"]) & set(plan.frame.index[plan.frame["action"] == "none"])
    assert set(listed["phone"]) == {"'+49 30 1"}
    assert set(listed.loc[listed["action"] == "call", "subject"]) == {"renewal"}
    with pytest.raises(SchemaError, match="columns named owner are the list's own"):
        plan.to_csv(path, columns=phones.rename(columns={"phone": "owner"}))


def test_one_row_per_customer_and_day() -> None:
    log = plan_of(["ann", "bob"]).log()
    with pytest.raises(DuplicateError, match=r"1 customer has two plans on 2026-03-02 \(bob\)"):
        log.append(plan_of(["bob", "cem"]))
    both = log.append(plan_of(["bob", "cem"], "2026-03-03"))
    assert len(both) == 4
    assert not both.frame.duplicated(["customer_id", "on"]).any()
    assert repr(both).startswith("PlanLog(2 days, 3 customers")


def test_what_cannot_be_appended() -> None:
    log = plan_of(["ann"]).log()
    with pytest.raises(ParameterTypeError, match="DataFrame is no plan"):
        log.append(log.frame)
    with pytest.raises(ParameterError, match="the plan is for no day"):
        log.append(allocate(pd.Series([1.0], index=pd.Index(["bob"], name="customer_id"))))
    with pytest.raises((SchemaError, ParameterTypeError, DataError)):
        log.append(plan_of([1, 2], "2026-03-03"))
    with pytest.raises(DataError, match="the log has no plan yet"):
        PlanLog().record(done(ann="reached"))


def test_owners() -> None:
    plan = plan_of(["ann", "bob", "cem"])
    assert plan.frame["action"].tolist() == ["mail", "call", "mail"]
    assert plan.log().frame["owner"].tolist()[1] == "Li"
    assert plan.log(owner="Ada").frame["owner"].tolist() == ["Ada"] * 3
    assert plan.log(owner={"mail": "Bot"}).frame["owner"].dropna().tolist() == ["Bot", "Bot"]
    by_customer = pd.Series({"bob": "Cy"})
    assert plan.log(owner=by_customer).frame["owner"].dropna().tolist() == ["Cy"]
    with pytest.raises(ParameterError, match=r"owner names cal, which is no action .*did you mean 'call'"):
        plan.log(owner={"cal": "Li"})
    with pytest.raises(ParameterTypeError, match="owner is a int"):
        plan.log(owner=3)


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".feather"])
def test_a_log_reads_back_as_it_was_written(tmp_path: Path, suffix: str) -> None:
    log = plan_of(["ann", "bob", "cem"], holdout=0.3, explore=0.2).log()
    log = log.append(plan_of(["ann", "dan"], "2026-03-03")).with_outcome(
        "kept", pd.Series({"ann": 1.0, "bob": 0.0}).rename_axis("customer_id")
    )
    log.save(tmp_path / f"log{suffix}")
    again = PlanLog.load(tmp_path / f"log{suffix}")
    pd.testing.assert_frame_equal(again.frame, log.frame)
    assert again.append(plan_of(["ann"], "2026-03-04")).frame["kept"].isna().sum() == 3
    assert [path.name for path in tmp_path.iterdir()] == [f"log{suffix}"]


def test_what_is_no_log_is_refused(tmp_path: Path) -> None:
    log = plan_of(["ann", "bob"]).log()
    path = tmp_path / "log.parquet"
    log.save(path)
    table = pq.read_table(path)
    header = table.schema.metadata
    pq.write_table(table.set_column(4, "value", pa.array([1.0, 2.0])).replace_schema_metadata(header), path)
    with pytest.raises(VersionError, match="is not what its header says"):
        PlanLog.load(path)
    newer = header[_KEY].replace(b'"schema_version": 1', b'"schema_version": 9')
    pq.write_table(table.replace_schema_metadata({_KEY: newer}), path)
    with pytest.raises(VersionError, match="schema version 9"):
        PlanLog.load(path)
    pq.write_table(table.replace_schema_metadata(None), path)
    with pytest.raises(VersionError, match="no header of a log"):
        PlanLog.load(path)
    path.write_text("no")
    with pytest.raises(VersionError, match="is no Arrow file"):
        PlanLog.load(path)
    with pytest.raises(ParameterError, match="there is no file"):
        PlanLog.load(tmp_path / "other.arrow")
    with pytest.raises(ParameterError, match=r"'log\.csv' ends with '.csv'"):
        log.save(tmp_path / "log.csv")


def test_a_forgotten_customer_is_gone(tmp_path: Path) -> None:
    log = plan_of(["ann", "bob", "cem"]).log()
    found = done(ann="refused", zoe="reached").assign(feedback=["I am Ann Smith", ""])
    log = log.record(found, errors="skip")
    rest = log.forget(["ann"]).forget("zoe", missing_ok=True)
    assert rest.frame["customer_id"].tolist() == ["bob", "cem"]
    assert not len(rest.rejected)
    rest.save(tmp_path / "log.arrow")
    assert b"Ann Smith" not in (tmp_path / "log.arrow").read_bytes()
    assert len(log) == 3
    with pytest.raises(DataError, match=r"1 of 2 customers are not in the log \(zoe\)"):
        log.forget(["ann", "zoe"])
    assert plan_of([7, 8]).log().forget(7).frame["customer_id"].tolist() == [8]


def test_contacts_are_a_history_and_what_was_not_done_is_none() -> None:
    log = plan_of(["ann", "bob", "cem"]).log().record(done(bob="not done"))
    assert log.contacts["customer_id"].tolist() == ["ann", "cem"]
    later = plan_of(["ann", "bob", "cem"], "2026-03-09", contact_policy=ContactPolicy([Cooldown("30d")]), history=log)
    assert later.frame["action"].tolist() == ["none", "call", "none"]
    assert set(later.skipped["customer_id"]) == {"ann", "cem"}


def test_the_held_out_count_as_contacted_in_the_history() -> None:
    ids = [f"c{k}" for k in range(200)]
    rules = ContactPolicy([Cooldown("30d")])
    first = plan_of(ids, holdout=0.3)
    log = first.log()
    held = first.frame.index[first.frame["holdout"]]
    assert not log.contacts["customer_id"].isin(held).any()
    shadow = log.history.loc[log.history["customer_id"].isin(held)].set_index("customer_id")
    assert shadow["action"].astype(str).to_dict() == first.frame.loc[held, "allocated"].astype(str).to_dict()
    assert shadow["channel"].astype(str).eq(shadow["action"].astype(str).map({"call": "phone", "mail": "email"})).all()
    later = plan_of(ids, "2026-03-09", holdout=0.3, contact_policy=rules, history=log)
    assert (later.frame["allocated"] == "none").all()


def test_propensities_hold_in_later_plans_too() -> None:
    """Averaged over holdouts, what is done equals what is stated, though the second plan knows the first."""
    ids = [f"c{k}" for k in range(50)]
    rules = ContactPolicy([Cooldown("30d")])
    stated, done = 0.0, 0
    for k in range(60):
        options = {"holdout": 0.4, "holdout_salt": f"held {k}"}
        log = plan_of(ids[:30], **options).log()
        later = plan_of(ids, "2026-03-09", contact_policy=rules, history=log, **options)
        stated += float((1 - later.propensities["none"]).sum())
        done += int((later.frame["action"] != "none").sum())
    # 20 new customers in each of 60 plans, each contacted with probability 0.6
    assert stated == pytest.approx(60 * 20 * 0.6)
    assert abs(done - stated) < 4 * np.sqrt(60 * 20 * 0.6 * 0.4)


def test_a_log_with_results_is_read_back_as_it_was(tmp_path: Path) -> None:
    log = plan_of(["ann", "bob", "cem"]).log().record(done(bob="not done", ann="accepted"))
    log = log.append(plan_of(["ann", "bob", "cem"], "2026-03-03"))
    for name in ("log.parquet", "log.arrow", "log.feather"):
        log.save(tmp_path / name)
        pd.testing.assert_frame_equal(PlanLog.load(tmp_path / name).frame, log.frame)


def test_outcomes_by_customer_or_by_customer_and_day() -> None:
    log = plan_of(["ann", "bob"]).log().append(plan_of(["ann", "bob"], "2026-03-03"))
    by_customer = log.with_outcome("kept", pd.Series([1, 0], index=pd.Index(["bob", "ann"], name="customer_id")))
    assert by_customer.frame["kept"].tolist() == [0, 1, 0, 1]
    index = pd.MultiIndex.from_tuples([("ann", pd.Timestamp("2026-03-03"))], names=["customer_id", "on"])
    one = log.with_outcome("margin", pd.Series([5.0], index=index)).frame["margin"]
    assert one.tolist()[2] == 5.0
    assert one.isna().sum() == 3
    with pytest.raises(DataError, match=r"1 of 1 values of 'kept' stand twice or are about nobody .*\(zoe\)"):
        log.with_outcome("kept", pd.Series([1], index=pd.Index(["zoe"], name="customer_id")))
    with pytest.raises(DataError, match="stand twice"):
        log.with_outcome("kept", pd.Series([1, 0], index=pd.Index(["ann", "ann"], name="customer_id")))
    with pytest.raises(ParameterError, match="'value' is a column of the log"):
        log.with_outcome("value", by_customer.frame["kept"])


def test_results_that_cannot_be_read(tmp_path: Path) -> None:
    log = plan_of(["ann"]).log()
    with pytest.raises(ParameterError, match="there is no file"):
        log.record(tmp_path / "none.csv")
    with pytest.raises(ParameterTypeError, match="results are a int"):
        log.record(3)
    with pytest.raises(SchemaError, match=r"no single column result \(did you mean 'results'"):
        log.record(done(ann="reached").rename(columns={"result": "results"}))
    path = tmp_path / "latin.csv"
    path.write_bytes("customer_id,on,result,feedback\nann,2026-03-02,reached,schön\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"latin.csv cannot be read"):
        log.record(path)
    path.write_text("")
    with pytest.raises(DataError, match="cannot be read"):
        log.record(path)
    with pytest.raises(ParameterError, match="errors='ignore' is not a choice"):
        log.record(path, errors="ignore")


@pytest.mark.parametrize(
    ("by", "said"), [("chanel", "did you mean 'channel'"), ([], "names no column"), ("value", "value")]
)
def test_completion_by_what_is_no_column(by: object, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        plan_of(["ann"]).log().completion(by)


def test_frames_with_dates_and_another_order_of_columns_serve_too() -> None:
    found = pd.DataFrame(
        {"Result": ["reached"], "on": pd.to_datetime(["2026-03-02"]), "customer_id": ["ann"], "else": [1]}
    )
    with pytest.raises(SchemaError, match="no single column"):
        plan_of(["ann"]).log().record(found.drop(columns="on"))
    log = plan_of(["ann"]).log().record(found.set_index("customer_id"))
    assert log.frame["result"].tolist() == ["reached"]


def test_it_keeps_the_chances_of_nothing_and_of_what_was_allocated() -> None:
    plan = plan_of([f"c{i}" for i in range(400)], "2026-03-02", holdout=0.1, explore=0.2)
    log, stated = PlanLog().append(plan).frame, plan.propensities
    np.testing.assert_allclose(log["propensity_none"], stated["none"], atol=1e-15)
    of_allocated = stated.to_numpy()[np.arange(400), stated.columns.get_indexer(log["allocated"].astype(str))]
    np.testing.assert_allclose(log["propensity_allocated"], of_allocated, atol=1e-15)


def test_an_outcome_called_churn_is_refused() -> None:
    log = PlanLog().append(plan_of(["ann", "bob"], "2026-03-02"))
    left = pd.Series([0, 1], index=pd.Index(["ann", "bob"], name="customer_id"))
    with pytest.raises(DataError, match="the outcome is called 'churned', where 1 is bad"):
        log.with_outcome("churned", left)
    with pytest.raises(DataError, match=r"with_outcome\('retained', data.retained\)"):
        log.with_outcome("stays", left.rename("churn"))
