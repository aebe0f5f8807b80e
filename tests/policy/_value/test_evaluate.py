"""What `evaluate_policy` accepts, refuses and says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from churnlib.exceptions import AssumptionWarning, DataError, ParameterError, ParameterTypeError, SchemaError
from churnlib.policy import Action, PolicyValue, allocate, evaluate_policy
from tests.policy.decision_logs import world


@pytest.fixture(scope="module")
def drawn():
    return world(np.random.default_rng(7), 2000, confounded=True, repeated=True)


def small(**columns) -> pd.DataFrame:
    base = {"action": ["none", "call", "none", "call"], "propensity": 0.5, "kept": [0.0, 1.0, 1.0, 1.0]}
    return pd.DataFrame(base | columns)


def both(log: pd.DataFrame, policy, **options) -> PolicyValue:
    return evaluate_policy(log, policy, outcome="kept", estimator="ips", **options)


def test_a_model_makes_the_interval_narrower_and_a_wrong_one_does_no_harm(drawn) -> None:
    plain = evaluate_policy(drawn.log, drawn.policy, outcome="outcome", estimator="ips")
    fitted = evaluate_policy(drawn.log, drawn.policy, outcome="outcome", outcome_model=LinearRegression(), X=["trait"])
    wrong = evaluate_policy(drawn.log, drawn.policy, outcome="outcome", q=drawn.expected * 0 + 9)
    assert fitted.standard_error < 0.95 * plain.standard_error
    for found in (plain, fitted, wrong):
        assert abs(found.value - drawn.truth) < 4 * found.standard_error
    assert fitted.outlook == "outcomes by LinearRegression, fitted on other customers"
    assert fitted.n_customers == 2000
    assert fitted.n_rows == len(drawn.log)


def test_the_model_never_sees_the_customers_it_speaks_of() -> None:
    """A model that remembers each customer would be right about all of them."""
    rng = np.random.default_rng(0)
    owner = np.repeat(np.arange(300), 3)
    log = pd.DataFrame(
        {"customer_id": owner, "code": owner, "propensity": 0.5, "action": rng.choice(["none", "call"], 900)}
    )
    log["kept"] = rng.integers(0, 2, 300)[owner].astype(float)
    from sklearn.tree import DecisionTreeRegressor

    found = evaluate_policy(
        log, "logged", versus="call", outcome="kept", outcome_model=DecisionTreeRegressor(), X=["code"]
    )
    alone = evaluate_policy(
        log, "call", outcome="kept", estimator="dm", outcome_model=DecisionTreeRegressor(), X=["code"]
    )
    assert np.isfinite(found.value)
    assert abs(alone.value - 0.5) < 0.2  # it has learnt nothing of use


def test_a_classifier_serves_for_outcomes_of_0_and_1() -> None:
    rng = np.random.default_rng(1)
    x, called = rng.normal(size=3000), rng.random(3000) < 0.5
    kept = rng.random(3000) < 1 / (1 + np.exp(-x - called))
    log = pd.DataFrame({"x": x, "action": np.where(called, "call", "none"), "propensity": 0.5, "kept": kept})
    found = evaluate_policy(log, "call", outcome="kept", outcome_model=LogisticRegression(), X=["x"])
    plain = evaluate_policy(log, "call", outcome="kept", estimator="snips")
    assert found.standard_error < plain.standard_error
    assert abs(found.value - plain.value) < 0.02


def test_policies_are_read_in_every_form() -> None:
    log = small(customer_id=["a", "b", "c", "d"])
    rule = pd.Series(["call", "call", "none", "none"])
    by_customer = pd.Series(rule.to_numpy(), index=list("abcd")).iloc[::-1]
    frame = pd.DataFrame({"call": [1, 1, 0, 0], "none": [0, 0, 1, 1]})

    class Rule:
        def predict(self, X):
            return np.where(np.asarray(X)[:, 0] < 2, "call", "none")

    X = pd.DataFrame({"row": range(4)})
    forms = [rule, by_customer, frame, rule.tolist(), rule.to_numpy(), frame.set_axis(list("abcd")), rule.iloc[::-1]]
    values = [both(log, form).value for form in forms] + [both(log, Rule(), X=X).value]
    assert values == [1.0] * 8
    assert both(pl.from_pandas(log), rule.to_numpy()).value == 1.0
    assert both(log.set_index("customer_id"), by_customer).value == 1.0


def test_numbers_of_customers_are_not_taken_for_numbers_of_rows() -> None:
    log = small(customer_id=[3, 2, 1, 0])
    said = pd.Series(["call", "call", "none", "none"], index=pd.Index([0, 1, 2, 3], name="customer_id"))
    in_order = said.loc[[3, 2, 1, 0]].tolist()
    assert in_order == ["none", "none", "call", "call"]
    assert both(log, said).value == both(log, in_order).value != both(log, said.tolist()).value
    assert both(log, said.rename_axis(None)).value == both(log, said.tolist()).value  # without a name: row numbers
    kept = pd.Series([1.0, 1.0, 1.0, 0.0], index=said.index)
    assert evaluate_policy(log, said, outcome=kept, estimator="ips").value == both(log, said).value


def test_what_was_known_at_a_cutoff_is_matched_by_customer_and_by_day_where_there_are_several() -> None:
    days = pd.to_datetime(["2026-03-02", "2026-03-02", "2026-04-02", "2026-04-02"])
    log = small(customer_id=["a", "b", "a", "b"], on=days)
    zone = pd.DatetimeIndex(log["on"]).tz_localize("Asia/Shanghai")
    index = pd.MultiIndex.from_arrays([log["customer_id"], zone], names=["customer_id", "cutoff"])
    said = pd.Series(["none", "call", "call", "none"], index=index)
    assert both(log, said.iloc[::-1]).value == both(log, said.tolist()).value
    first = log.iloc[:2]
    earlier = said.iloc[:2].set_axis(
        pd.MultiIndex.from_product([["a", "b"], [pd.Timestamp("2026-02-27")]], names=["customer_id", "cutoff"])
    )
    assert both(first, earlier.iloc[::-1]).value == both(first, ["none", "call"]).value
    with pytest.raises(DataError, match="policy holds other days than the log"):
        both(first, earlier.rename_axis(["customer_id", "on"]))
    shifted = said.set_axis(index.set_levels(index.levels[1] + pd.Timedelta("3D"), level=1))
    with pytest.raises(DataError, match="policy holds customers at several times, and not at those of the log"):
        both(log, shifted)
    with pytest.raises(DataError, match="outcome holds customers several times, and not at the days of the log"):
        evaluate_policy(log, "call", outcome=pd.Series(1.0, index=shifted.index), estimator="ips")
    with pytest.raises(DataError, match=r"outcome lacks 2 of 4 rows of the log \(b, b\)"):
        evaluate_policy(log, "call", outcome=pd.Series(1.0, index=index)[[True, False] * 2], estimator="ips")


def test_an_outcome_of_a_customer_does_not_count_for_each_of_his_days() -> None:
    log = small(customer_id=["a", "b", "a", "b"])
    once = pd.Series([1.0, 0.0], index=pd.Index(["a", "b"], name="customer_id"))
    with pytest.raises(DataError, match="outcome has 2 values for 4 decisions"):
        evaluate_policy(log, "call", outcome=once, estimator="ips")


def test_frames_and_columns_of_other_libraries_are_policies_too() -> None:
    log, chances = small(), pd.DataFrame({"none": [0.25] * 4, "call": [0.75] * 4})
    for form in (pl.from_pandas(chances), pa.table(chances)):
        assert both(pl.from_pandas(log), form).value == both(log, chances).value
        assert both(log.set_axis(list("abcd")), form).value == both(log, chances).value
    for form in (pl.Series(["call"] * 4), pa.chunked_array([["call"] * 4]), ("call",) * 4):
        assert both(log, form).value == both(log, "call").value


def test_a_plan_is_a_policy() -> None:
    customers = pd.Index([f"c{i}" for i in range(400)], name="customer_id")
    rng = np.random.default_rng(3)
    gain = pd.Series(rng.normal(5, 5, 400), index=customers)
    plan = allocate(gain, actions=[Action("call", cost=2)], holdout=0.1, explore=0.2, salt="t", on="2026-03-02")
    log = plan.frame.assign(margin=rng.normal(1, 1, 400) + 2.0 * (plan.frame["action"] == "call"))
    again = evaluate_policy(log, plan, outcome="margin", estimator="ips", propensities=plan.propensities)
    assert again.value == pytest.approx(log["margin"].mean(), abs=1e-12)
    assert again.max_weight == pytest.approx(1)
    greedy = allocate(gain, actions=[Action("call", cost=2)], on="2026-03-02")
    found = evaluate_policy(log, greedy, outcome="margin", versus="none", cost={"call": 2.0})
    assert found.low < found.value < found.high
    assert found.no_overlap == 0
    assert found.policy_value - found.versus_value == pytest.approx(found.value)


def test_scores_and_trees_are_taken_as_they_are() -> None:
    from churnlib.policy import PolicyTree
    from churnlib.uplift import dr_scores

    rng = np.random.default_rng(9)
    X = pd.DataFrame(rng.normal(size=(1500, 2)), columns=["a", "b"])
    called = rng.random(1500) < 0.5
    kept = rng.normal(size=1500) + X["a"] * called
    log = pd.DataFrame({"action": np.where(called, "call", "none"), "propensity": 0.5, "kept": kept})
    made = dr_scores(X, kept, treatment=log["action"], propensity=0.5, control="none", outcome_model=LinearRegression())
    everybody = evaluate_policy(log, "call", outcome="kept", versus="none", q=made)
    assert everybody.value == pytest.approx(made.values.mean())
    tree = PolicyTree(max_depth=1).fit(X[:750], pd.DataFrame({"call": made.values[:750]}))
    found = evaluate_policy(log[750:], tree, X=X[750:], outcome="kept", versus="call")
    assert found.low > 0

    class Codes:
        def predict(self, X):
            return np.where(X["a"] > 0, 0, -1)

    named = evaluate_policy(log[750:], Codes(), X=X[750:], outcome="kept", estimator="ips")
    rule = pd.Series(np.where(X["a"] > 0, "call", "none"))
    assert named.value == evaluate_policy(log[750:], rule, outcome="kept", estimator="ips").value


def test_costs_are_taken_off_exactly() -> None:
    log = small(price=[1.0, 2.0, 3.0, 4.0])
    plain = both(log, "call")
    for cost in (0.25, {"call": 0.25}, pd.DataFrame({"call": np.full(4, 0.25)})):
        found = both(log, "call", cost=cost)
        assert found.value == pytest.approx(plain.value - 0.25)
        assert found.standard_error == pytest.approx(plain.standard_error)
        assert found.cost == 0.25
    assert both(log, "call", cost={"call": "price"}).value == pytest.approx(plain.value - 2.5)
    assert both(log, "none", cost=0.25).cost == 0
    assert both(log, "logged", cost={"call": "price"}).cost == pytest.approx(1.5)


def test_a_difference_is_paired(drawn) -> None:
    apart = [evaluate_policy(drawn.log, p, outcome="outcome", estimator="snips") for p in (drawn.policy, drawn.other)]
    found = evaluate_policy(drawn.log, drawn.policy, outcome="outcome", estimator="snips", versus=drawn.other)
    assert found.value == pytest.approx(apart[0].value - apart[1].value)
    assert found.standard_error < np.hypot(*(one.standard_error for one in apart))
    assert "beyond that of the other" in repr(found)


def test_what_it_says_of_a_log_that_hardly_knows() -> None:
    rng = np.random.default_rng(5)
    taken = np.where(rng.random(3000) < 0.002, "call", "none")
    log = pd.DataFrame(
        {"action": taken, "propensity": np.where(taken == "call", 0.002, 0.998), "kept": rng.random(3000)}
    )
    found = both(log, "call")
    said = " ".join(found.warnings)
    assert "The log is worth only" in said
    assert "The interval rests on about" in said
    assert found.max_weight == pytest.approx(500)
    html = found._repr_html_()
    assert "<li>" in html
    assert "effective rows" in html
    cut = both(log, "call", clip=50)
    assert cut.clipped == pytest.approx((taken == "call").mean())
    assert "of the weights are cut off" in repr(cut)
    assert cut.to_dict()["sentence"] == cut.sentence


def test_wrong_propensities_are_noticed() -> None:
    rng = np.random.default_rng(6)
    called = rng.random(4000) < 0.3
    log = pd.DataFrame({"action": np.where(called, "call", "none"), "propensity": 0.5, "kept": rng.random(4000)})
    assert any("The weights average 0.6" in warning for warning in both(log, "call").warnings)
    right = log.assign(propensity=np.where(called, 0.3, 0.7))
    assert both(right, "call").warnings == ()


def test_the_model_alone_and_beyond_switch_are_named() -> None:
    log = small()
    q = pd.DataFrame({"none": 0.5, "call": 0.9}, index=log.index)
    alone = evaluate_policy(log, "call", outcome="kept", estimator="dm", q=q)
    assert "as good as the model" in alone.warnings[0]
    switched = evaluate_policy(log, "call", outcome="kept", estimator="switch", q=q, switch=1)
    assert any("the model speaks alone" in warning for warning in switched.warnings)


def test_what_was_never_tried_needs_the_users_word() -> None:
    log = small()
    mail = pd.Series(["mail", "call", "none", "none"])
    with pytest.raises(DataError, match="the policy chooses 'mail', which the log never does"):
        both(log, mail)
    with pytest.raises(DataError, match="the policy chooses 'mail', which the log never does"):
        evaluate_policy(log, mail, outcome="kept")
    q = pd.DataFrame({"none": 0.5, "call": 0.9, "mail": 0.7}, index=log.index)
    with pytest.warns(AssumptionWarning, match=r"25\.0% of what the policy would do was never tried"):
        found = evaluate_policy(log, mail, outcome="kept", q=q)
    assert found.no_overlap == 0.25
    with pytest.raises(SchemaError, match="q has no column for 'mail'"):
        evaluate_policy(log, mail, outcome="kept", q=q.drop(columns="mail"))


def test_full_propensities_find_what_was_impossible() -> None:
    log = small(propensity=[0.5, 0.5, 1.0, 0.5])
    full = pd.DataFrame({"none": [0.5, 0.5, 1.0, 0.5], "call": [0.5, 0.5, 0.0, 0.5]})
    with pytest.warns(AssumptionWarning, match=r"25\.0% of what the policy would do was never tried"):
        assert both(log, "call", propensities=full).no_overlap == 0.25
    with pytest.raises(
        DataError, match=r"in 1 of 4 rows propensities and the propensity of the log differ \(row 2: 0.9"
    ):
        both(log, "call", propensities=full.assign(none=[0.5, 0.5, 0.9, 0.5]))
    with pytest.raises(SchemaError, match="propensities has no column for 'call'"):
        both(log, "none", propensities=full[["none"]])


def test_arms_by_number_and_the_share_treated() -> None:
    log = small(action=[0, 1, 0, 1])
    found = both(log, pd.Series([1, 1, 0, 0]))
    assert found.share_treated == 0.5
    assert both(small(action=list("abab")), "a").share_treated is None
    assert both(small(action=list("abab")), "a", none="b").share_treated == 1


def test_an_item_numbered_0_is_no_absence_of_action() -> None:
    """Of 80 items shown one has the number 0; only beside a 1 alone 0 says that nothing was done."""
    items = small(action=[0, 1, 2, 0])
    assert both(items, 0).share_treated is None
    assert both(items, 0, none=0).share_treated == 0
    with pytest.raises(ParameterError, match=r"cost=1 does not say which action is free; .* no 0 beside a 1 alone"):
        both(items, 0, cost=1)
    assert both(items, 2, cost=1, none=0).cost == 1
    assert both(small(action=[0, 7, 0, 7]), 7).share_treated is None
    assert both(small(action=[False, True, False, True]), True).share_treated == 1
    assert both(small(action=["0", "1", "0", "1"]), "1").share_treated == 1


@pytest.mark.parametrize(
    ("columns", "match"),
    [
        ({"propensity": [0.5, 0.0, 0.5, 0.5]}, "1 of 4 propensities are not above 0 and up to 1, 0 of them missing"),
        ({"propensity": [0.5, np.nan, 1.2, 0.5]}, "2 of 4 propensities are not above 0 and up to 1, 1 of them missing"),
        ({"propensity": ["a"] * 4}, "propensity cannot be read as numbers"),
        ({"action": ["call", None, "none", "none"]}, r"1 of 4 rows have no action \(row 1\)"),
        ({"kept": [1, np.nan, 1, 0]}, r"1 of 4 outcomes are missing or infinite \(row 1\)"),
        ({"customer_id": ["a", None, "b", "c"]}, r"1 of 4 rows have no customer \(row 1\)"),
    ],
)
def test_bad_logs(columns, match) -> None:
    with pytest.raises(DataError, match=match):
        both(small(**columns), "none")


def test_more_bad_input() -> None:
    log = small()
    with pytest.raises(DataError, match="the log has no rows"):
        both(log.iloc[:0], "none")
    with pytest.raises(DataError, match="the outcome is named 'churned', where 1 is bad"):
        evaluate_policy(log.rename(columns={"kept": "churned"}), "none", outcome="churned", estimator="ips")
    with pytest.raises(SchemaError, match=r"the log has no column 'keptt' for outcome= \(did you mean 'kept'"):
        evaluate_policy(log, "none", outcome="keptt")
    with pytest.raises(SchemaError, match="the column 'kept' stands 2 times"):
        both(pd.concat([log, log[["kept"]]], axis=1), "none")
    with pytest.raises(DataError, match="outcome has shape"):
        evaluate_policy(log, "none", outcome=[1, 2])
    with pytest.raises(DataError, match="log and outcome have different indexes"):
        evaluate_policy(log, "none", outcome=log["kept"].iloc[::-1])
    with pytest.raises(DataError, match=r"policy is an array of shape \(4, 2\); probabilities need the name"):
        both(log, np.full((4, 2), 0.5))
    with pytest.raises(ParameterTypeError, match="q is a dict"):
        evaluate_policy(log, "call", outcome="kept", q={"call": 0.5})
    with pytest.raises(SchemaError, match="the log has no column 'price'"):
        both(log, "call", cost={"call": "price"})
    with pytest.raises(DataError, match=r"cost\['call'\] cannot be read as numbers"):
        both(log.assign(price="dear"), "call", cost={"call": "price"})
    with pytest.raises(ParameterError, match="policy='cal' is no action of the log"):
        both(log, "cal")
    with pytest.raises(DataError, match="policy says nothing for 1 of 4 rows"):
        both(log, pd.Series(["call", None, "none", "none"]))
    with pytest.raises(DataError, match="policy has 3 rows and the log 4"):
        both(log, ["call"] * 3)
    with pytest.raises(DataError, match=r"policy lacks 1 of 4 rows of the log \(3\)"):
        both(log, pd.Series(["call"] * 3))
    with pytest.raises(DataError, match="the index of policy repeats 1 labels"):
        both(log, pd.Series(["call"] * 4, index=[0, 1, 2, 2]))
    with pytest.raises(DataError, match="in 4 of 4 rows the probabilities of policy"):
        both(log, pd.DataFrame({"call": [0.3] * 4, "none": [0.3] * 4}))
    with pytest.raises(ParameterTypeError, match="policy is a object"):
        both(log, object())
    with pytest.raises(ParameterError, match="policy decides by features and there are none"):
        both(log, LinearRegression())
    with pytest.raises(SchemaError, match="the log has no column 'spend'"):
        both(log, "none", X=["spend"])
    with pytest.raises(ParameterError, match="estimator='ips' uses no predicted outcomes"):
        both(log, "none", q=log)
    with pytest.raises(ParameterError, match="estimator='best' is not a choice"):
        evaluate_policy(log, "none", outcome="kept", estimator="best")
    with pytest.raises(ParameterError, match="clip=0 leaves no weight"):
        both(log, "none", clip=0)
    with pytest.raises(ParameterError, match="none='nobody' is no action of the log"):
        both(log, "none", none="nobody")
    with pytest.raises(ParameterError, match="confidence is 95"):
        both(log, "none", confidence=95)


def test_bad_costs() -> None:
    log = small()
    with pytest.raises(DataError, match="4 of 4 costs of 'call' are negative or missing"):
        both(log, "call", cost={"call": -1})
    with pytest.raises(ParameterError, match="cost names 'cal', which nobody chooses"):
        both(log, "call", cost={"cal": 1})
    with pytest.raises(ParameterTypeError, match="cost is a list"):
        both(log, "call", cost=[1])
    with pytest.raises(ParameterError, match=r"cost=1 does not say which action is free"):
        both(small(action=list("abab")), "a", cost=1)


def test_bad_models() -> None:
    log = small()
    q = pd.DataFrame({"none": 0.5, "call": [0.9, np.nan, 0.9, 0.9]})
    with pytest.raises(DataError, match=r"in 1 of 4 rows q is missing or infinite \(row 1\)"):
        evaluate_policy(log, "call", outcome="kept", q=q)
    with pytest.raises(DataError, match=r"q has shape \(4, 1\)"):
        evaluate_policy(log, "call", outcome="kept", q=np.ones((4, 1)))
    assert evaluate_policy(log, "call", outcome="kept", q=np.ones((4, 2)), estimator="dm").value == 1
    with pytest.raises(ParameterError, match="both q and outcome_model are given"):
        evaluate_policy(log, "call", outcome="kept", q=q, outcome_model=LinearRegression())
    with pytest.raises(ParameterError, match="outcome_model has no features to learn from"):
        evaluate_policy(log, "call", outcome="kept", outcome_model=LinearRegression())
    with pytest.raises(ParameterTypeError, match="outcome_model is a object"):
        evaluate_policy(
            pd.concat([log] * 9, ignore_index=True), "call", outcome="kept", outcome_model=object(), X=["propensity"]
        )
    with pytest.raises(DataError, match="action 'mail' was taken in 1 rows, all of them in one fold"):
        evaluate_policy(small(action=["none", "mail", "none", "none"]), "none", outcome="kept")
