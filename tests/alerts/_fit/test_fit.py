"""Rules weighed by history: only by its labelled rows, frozen as plain numbers, whatever the order of anything."""

from __future__ import annotations

import random
from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import churnlib as cl
from churnlib.alerts import Rule, RuleSet, Silence
from churnlib.alerts._backtest._replay import replay
from churnlib.alerts._fit._report import redundancy_of
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, SchemaError
from tests.alerts.past import dataset_of, log_of

SPEC = cl.FeatureSpec([cl.features.Recency(), cl.features.Count("30d"), cl.features.GapRatio(), cl.features.Sum("30d")])
LISTED = [
    Rule("silent", 1, "any.recency >= 30d", clear="any.recency < 7d", cooldown="28d"),
    Rule("slow", 1, "any.recency >= 14d", inhibited_by="silent", weight=3.0),
    Rule("gap", 2, "any.gap_ratio >= 3", cooldown="21d"),
    Rule("few", 1, "any.count.30d < 2", for_="7d"),
    Rule("refund", 3, "any.sum.30d < 0", is_loss=True, weight=0.25),
    Rule("later", 1, "any.recency > 3", valid=("2031-01-01", None), weight=7.0),
    Rule("never", 1, "any.count.30d < 0", weight=9.0),
]
RULES = RuleSet(LISTED)
SINCE = "2025-07-01"


@cache
def shop(n: int = 400):
    return cl.datasets.make_shop(n_customers=n, random_state=3).log


@cache
def data_of(last: str = "2025-11-30", lead: str = "7d", horizon: str = "30d") -> cl.Dataset:
    return cl.build_dataset(
        shop(), cutoffs=cl.weekly("2025-06-02", last), lead=lead, horizon=horizon, churn=cl.Inactivity("60d"),
        features=SPEC,
    )  # fmt: skip


@cache
def fit_of(method: str = "logistic", budget: float | None = None):
    return RULES.fit(data_of(), method=method, since=SINCE, budget=budget)


def bytes_of(fit) -> list[str]:
    parts = [fit.rules.to_toml(), fit.report.to_csv(), fit.redundancy.to_csv(), repr(fit.intercept), str(fit.counts)]
    return parts + ([] if fit.thresholds is None else [fit.thresholds.to_csv()])


# -- what is fitted on what -----------------------------------------------------------------------


def test_weights_are_those_of_the_rows_that_have_a_label_and_count():
    fit, found = fit_of(), replay(RULES, data_of(), since=SINCE)
    used = found.counts_since & ~np.isnan(found.y)
    ids = [name for name in RULES.ids if name not in {"refund", "later"}]
    X = found.counted[used][:, [RULES.ids.index(name) for name in ids]].astype(float)
    assert (fit.report.loc[["few", "gap", "silent", "slow"], "coefficient"] > 0).all()
    kept = [k for k, name in enumerate(ids) if name != "never"]
    peer = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-12, max_iter=1000)
    peer.fit(X[:, kept], found.y[used])
    got = fit.report.loc[[ids[k] for k in kept], "coefficient"]
    np.testing.assert_allclose(got, peer.coef_[0], rtol=1e-8)
    assert fit.counts == {
        "rows": int(used.sum()),
        "customers": len(set(found.data.customer[used])),
        "cutoffs": len(set(found.data.cutoff[used])),
        "lost": int(found.y[used].sum()),
        "warm_up": int((~found.counts_since).sum()),
        "immature": len(data_of().unlabelled),
        "without_label": int(np.isnan(found.y[found.counts_since]).sum()) - len(data_of().unlabelled),
    }
    assert fit.counts["immature"] > 0
    assert fit.counts["without_label"] > 0
    assert fit.counts["warm_up"] > 0


def test_an_alert_that_is_inhibited_is_not_counted():
    found = replay(RULES, data_of(), since=SINCE)
    k, j = RULES.ids.index("slow"), RULES.ids.index("silent")
    both = found.firing[:, k] & found.firing[:, j]
    assert both.any()
    assert not found.counted[both, k].any()
    fit = fit_of()
    pair = fit.redundancy.set_index(["rule", "other"]).loc[("silent", "slow")]
    used = found.counts_since & ~np.isnan(found.y)
    one, two = found.firing[used, j], found.firing[used, k]
    assert pair["jaccard"] == (one & two).sum() / (one | two).sum()


def test_the_loss_and_rules_never_evaluated_keep_their_weight():
    fit = fit_of()
    notes = fit.report["note"]
    assert fit.rules["refund"].weight == 0.25
    assert fit.rules["later"].weight == 7.0
    assert notes["refund"] == "is the loss: its weight is as given"
    assert notes["later"] == "never evaluated: its weight is as given"
    assert fit.report.loc[["refund", "later"], "coefficient"].isna().all()
    assert fit.rules["never"].weight == 0.0
    assert notes["never"] == "never fires: no weight"
    assert fit.rules["slow"].weight == round(fit.report.loc["slow", "coefficient"], 4)
    assert fit.report.loc["slow", "weight_before"] == 3.0


def test_a_rule_that_tells_nothing_new_is_held_at_zero():
    rules = RuleSet([Rule("silent", 1, "any.recency >= 30d"), Rule("visits", 1, "any.recency < 5d")])
    fit = rules.fit(data_of(), since=SINCE)
    assert fit.rules["visits"].weight == 0.0
    assert fit.report.loc["visits", "note"] == "held at 0: with the others it adds nothing"
    assert np.isnan(fit.report.loc["visits", "standard_error"])


def test_the_report_is_about_the_alerts_that_were_announced():
    fit, found = fit_of(), replay(RULES, data_of(), since=SINCE)
    labelled = np.unique(found.data.rows.cutoff[~np.isnan(found.y)])
    heard = found.counts_since & np.isin(found.data.rows.cutoff, labelled)
    used = heard & ~np.isnan(found.y)
    weeks = len(np.unique(found.data.rows.cutoff[heard]))
    for k, name in enumerate(RULES.ids):
        told, row = found.announced[:, k], fit.report.loc[name]
        assert row["alerts_per_week"] == pytest.approx((told & heard).sum() / weeks)
        if (told & used).any():
            assert row["precision"] == pytest.approx(found.y[told & used].mean())
            assert row["base_rate"] == pytest.approx(found.y[used].mean())
            assert row["lift"] == pytest.approx(row["precision"] / row["base_rate"])
        hits = told & used & (found.y == 1)
        if hits.any():
            days = pd.Series(found.days_to_loss[hits]).groupby(np.asarray(found.data.customer)[hits]).first()
            assert row["lead_days"] == days.median()


def test_hazards_learn_from_how_soon_the_loss_comes():
    fit = fit_of("hazard")
    assert fit.method == "hazard"
    assert (fit.report["coefficient"].dropna() >= 0).all()
    assert fit.rules["silent"].weight > 0
    assert fit.rules["later"].weight == 7.0


@pytest.mark.parametrize("method", ["logistic", "hazard"])
def test_probabilities_are_those_of_the_scores(method):
    fit = fit_of(method)
    rules = RuleSet([rule for rule in fit.rules if rule.id != "later"])
    found = replay(rules, data_of(), since=SINCE)
    used = found.counts_since & ~np.isnan(found.y)
    risk = fit.probability(found.score[used])
    assert risk.mean() == pytest.approx(found.y[used].mean(), rel=0.03)
    assert (np.diff(fit.probability(np.linspace(0, 5, 50))) > 0).all()
    high = risk >= np.quantile(risk, 0.9)
    assert found.y[used][high].mean() == pytest.approx(risk[high].mean(), rel=0.1)


# -- nothing of the future, no order --------------------------------------------------------------


def test_what_comes_after_the_training_windows_changes_nothing():
    """Events after the last label window, and everything of the test: the fit has not seen them."""
    log = shop()
    frame = log.to_frame()
    train, test = data_of().split(test_cutoffs=3)
    until = test.cutoff.min()
    one = RULES.fit(train, since=SINCE, budget=40)
    cut = frame[frame["time"] < until]
    shuffled = frame[frame["time"] >= until].sample(frac=0.3, random_state=0)
    events = pd.concat([cut, shuffled])
    other = cl.EventLog.from_frame(
        events, customer="customer_id", time="time", kind="kind", amount="amount", known_at="known_at",
        complete_until=log.complete_until,
    )  # fmt: skip
    again = cl.build_dataset(
        other, cutoffs=cl.weekly("2025-06-02", "2025-11-30"), lead="7d", horizon="30d", churn=cl.Inactivity("60d"),
        features=SPEC,
    ).split(test_cutoffs=3)[0]  # fmt: skip
    assert len(again) == len(train)
    assert bytes_of(one) == bytes_of(RULES.fit(again, since=SINCE, budget=40))


def test_immature_rows_change_nothing_but_their_count():
    whole, labelled = data_of(), data_of().take(np.ones(len(data_of()), dtype=bool))
    one, two = RULES.fit(whole, since=SINCE, budget=40), RULES.fit(labelled, since=SINCE, budget=40)
    assert two.counts.pop("immature") == 0
    assert one.counts.pop("immature") > 0
    assert bytes_of(one) == bytes_of(two)


@pytest.mark.parametrize("method", ["logistic", "hazard"])
def test_no_order_changes_a_bit(method):
    data = data_of()
    mixed = data.take(np.random.default_rng(0).permutation(len(data)))
    listed = random.Random(0).sample(LISTED, len(LISTED))
    one = RULES.fit(data.take(np.ones(len(data), dtype=bool)), method=method, since=SINCE, budget=40)
    two = RuleSet(listed).fit(mixed, method=method, since=SINCE, budget=40)
    assert bytes_of(one) == bytes_of(two)


def test_the_rules_are_plain_numbers_in_a_file():
    fit = fit_of(budget=30.0)
    again = RuleSet.from_toml(fit.rules.to_toml())
    assert again == fit.rules
    assert again == RuleSet.from_json(fit.rules.to_json())
    for rule in again:
        assert rule.weight == round(rule.weight, 4)
        before = RULES[rule.id].to_dict()
        assert {key for key, value in rule.to_dict().items() if value != before.get(key)} <= {"when", "clear", "weight"}
    assert RuleSet(LISTED) == RULES
    found, back = replay(fit.rules, data_of()), replay(again, data_of())
    assert (found.score == back.score).all()


# -- with a budget --------------------------------------------------------------------------------


@pytest.mark.parametrize("budget", [12.0, 40.0])
def test_the_budget_holds_on_the_rows_it_was_tuned_on(budget):
    fit = fit_of(budget=budget)
    found = replay(fit.rules, data_of(), since=SINCE)
    labelled = np.unique(found.data.rows.cutoff[~np.isnan(found.y)])
    heard = found.counts_since & np.isin(found.data.rows.cutoff, labelled)
    warnings = found.announced[:, [not rule.is_loss for rule in fit.rules]].any(axis=1) & heard
    weeks = len(np.unique(found.data.rows.cutoff[heard]))
    assert warnings.sum() / weeks == pytest.approx(fit.alerts_per_week[1])
    assert fit.alerts_per_week[1] <= budget
    assert len(set(found.data.customer[warnings & (found.y == 1)])) == fit.caught[1]
    assert fit.alerts_per_week[0] > 12


def test_more_budget_never_catches_fewer_here():
    assert fit_of(budget=12.0).caught[1] <= fit_of(budget=40.0).caught[1]


def test_thresholds_are_listed_with_what_they_did():
    fit = fit_of(budget=12.0)
    table = fit.thresholds.set_index("rule")
    assert list(fit.thresholds.columns) == [
        "rule", "before", "after", "clear_before", "clear_after", "alerts_per_week_before", "alerts_per_week_after",
        "note",
    ]  # fmt: skip
    assert table.loc["silent", "before"] == "any.recency >= 30d"
    assert table.loc["silent", "clear_before"] == "any.recency < 7d"
    for name in table.index:
        assert table.loc[name, "after"] in fit.rules[name].when.text
        assert table.loc[name, "alerts_per_week_after"] == pytest.approx(fit.report.loc[name, "alerts_per_week"])
    assert "refund" not in table.index
    assert (table["before"] != table["after"]).any()
    assert fit_of().thresholds is None
    assert fit_of().alerts_per_week is None


def test_a_budget_below_the_strictest_says_by_how_much():
    with pytest.raises(
        ParameterError,
        match=r"no thresholds were found that announce fewer than .* a week, .* more than the budget of 0\.05;",
    ):
        RULES.fit(data_of(), since=SINCE, budget=0.05)


# -- what holds alerts back, feeds and scores reach the fit ---------------------------------------


def test_what_holds_alerts_back_is_known():
    data = data_of()
    everyone = Silence("move", start="2025-01-01", until="2026-12-31")
    quiet = RULES.fit(data, silences=[everyone])
    assert (quiet.report["alerts_per_week"] == 0).all()
    assert quiet.rules["silent"].weight > 0  # what fires counts, told or not
    out = RULES.fit(data, opted_out=list(shop().customers), budget=1)
    assert out.alerts_per_week == (0, 0)
    assert out.caught == (0, 0)


def test_a_rule_whose_feed_is_always_stale_is_never_evaluated():
    rules = RuleSet(
        [Rule("silent", 1, "any.recency >= 30d"), Rule("b", 1, "any.recency >= 20d", sources="mails", weight=4.0)],
        sources={"mails": "1us"},
    )
    fit = rules.fit(data_of(), sources={"mails": "complaint"})
    assert fit.rules["b"].weight == 4.0
    assert fit.report.loc["b", "note"] == "never evaluated: its weight is as given"


# -- tables of their own ---------------------------------------------------------------------------


def test_redundancy_counts_rows():
    rng = np.random.default_rng(0)
    a = rng.random(300) < 0.5
    b = a & (rng.random(300) < 0.5)
    c = rng.random(300) < 0.3
    table = redundancy_of(np.column_stack([a, b, c, a, np.zeros(300, dtype=bool)]), list("abcde"))
    assert len(table) == 6
    assert (table["jaccard"].diff().dropna() <= 0).all()
    rows = {"a": a, "b": b, "c": c, "d": a}
    for row in table.itertuples():
        one, two = rows[row.rule], rows[row.other]
        assert row.both == (one & two).sum()
        assert row.jaccard == (one & two).sum() / (one | two).sum()
    said = table.set_index(["rule", "other"])["contains"].to_dict()
    assert said["a", "d"] == "both"
    assert said["a", "b"] == "a"
    assert said["b", "d"] == "d"
    assert said["a", "c"] == ""


def test_alerts_a_week_are_those_of_a_backtest():
    labelled = data_of().take(np.ones(len(data_of()), dtype=bool))
    rules = RuleSet([rule for rule in LISTED if rule.id not in {"later", "never"}])
    fit, tried = rules.fit(labelled, since=SINCE), rules.backtest(labelled, since=SINCE, n_boot=2)
    table = tried.table[tried.table["part"] == "rule"].set_index("name")
    for name in table.index:
        assert fit.report.loc[name, "alerts_per_week"] == pytest.approx(table.loc[name, "per_week"])
        assert fit.report.loc[name, "precision"] == pytest.approx(table.loc[name, "precision"], nan_ok=True)
        assert fit.report.loc[name, "lift"] == pytest.approx(table.loc[name, "lift"], nan_ok=True)


def test_one_cutoff_says_nothing_of_a_week():
    one = data_of().take((data_of().cutoff == data_of().cutoff.max()).copy())
    fit = RULES.fit(one)
    assert fit.report["alerts_per_week"].isna().all()
    with pytest.raises(ParameterError, match="a budget is of alerts a week, and there is one cutoff"):
        RULES.fit(one, budget=5)


# -- how it looks, and what is refused ------------------------------------------------------------


def test_it_shows_what_was_fitted_on_what():
    text = repr(fit_of(budget=12.0))
    head, left, budget, *table = text.splitlines()
    assert head.startswith("RuleFit(logistic: ")
    assert "lost within the horizon" in head
    assert "to warm up" in left
    assert "whose label window is not over" in left
    assert "budget 12; churners caught" in budget
    assert "weight" in table[0]
    assert any(line.strip().startswith("silent") for line in table)
    assert "<table" in fit_of()._repr_html_()
    labelled = data_of().take(np.ones(len(data_of()), dtype=bool))
    plain = repr(RuleSet([Rule("silent", 1, "any.recency >= 30d")]).fit(labelled))
    assert "note" not in plain


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"method": "cox"}, ParameterError, "method='cox' is not a choice"),
        ({"method": pd.NA}, ParameterError, "method='<NA>' is not a choice"),
        ({"method": np.zeros(2)}, ParameterError, "is not a choice"),
        ({"ridge": 0}, ParameterError, r"ridge=0.0 is out of range; a value of at least 1e-06[^$]*Fix: ridge=1e-06"),
        ({"ridge": -1}, ParameterError, "ridge=-1.0 is out of range"),
        ({"ridge": 1e-320}, ParameterError, "ridge=1e-320 is out of range"),
        ({"budget": 0}, ParameterError, r"budget is 0; more than 0 .*\nFix: budget=20"),
        ({"budget": -3}, ParameterError, r"budget is -3; more than 0 .*\nFix: budget=20"),
        ({"budget": np.inf}, ParameterError, "budget=inf is out of range; a finite value was expected"),
        ({"budget": True}, ParameterTypeError, "budget is True"),
        ({"opted_out": 3}, ParameterTypeError, "opted_out is '3'; several ids of customers"),
        ({"opted_out": "ann"}, ParameterTypeError, "opted_out is 'ann'; several ids of customers"),
        ({"silences": 3}, ParameterTypeError, "silences"),
        ({"scores": {"p": "high"}}, ParameterTypeError, r"scores\['p'\] is a str that holds no numbers"),
        ({"budget": "many"}, ParameterTypeError, "budget is 'many'"),
        ({"since": "2030-01-01"}, ParameterError, "after the last cutoff"),
        ({"scores": {"any.recency": np.zeros(3)}}, ParameterError, "which is a feature already"),
    ],
)
def test_what_makes_no_sense_is_refused(options, error, text):
    with pytest.raises(error, match=text):
        RULES.fit(data_of(), **options)


def test_data_without_both_outcomes_are_refused():
    data = data_of()
    with pytest.raises(DataError, match="nobody was lost within the horizon"):
        RULES.fit(data.take((data.y == 0).to_numpy()))
    with pytest.raises(DataError, match="nobody stayed within the horizon"):
        RULES.fit(data.take((data.y == 1).to_numpy()))
    with pytest.raises(DataError, match="no rule can be weighed: 'later' never evaluated, 'refund' is the loss;"):
        RuleSet([RULES["refund"], RULES["later"]]).fit(data)
    with pytest.raises(DataError, match=r"none of the \d+ rows that count has a label; .*\nFix: rules\.fit\(train"):
        RULES.fit(data.latest())
    with pytest.raises(ParameterTypeError, match="data is a DataFrame"):
        RULES.fit(data.X)
    with pytest.raises(SchemaError, match=r"rule 'a' reads 'any\.recncy'"):
        RuleSet([Rule("a", 1, "any.recncy > 1")]).fit(data)


def test_a_budget_without_end_catches_no_fewer():
    fit = RULES.fit(data_of(), since=SINCE, budget=1e308)
    assert fit.caught[0] <= fit.caught[1]


def test_scores_that_are_no_numbers_have_no_probability():
    with pytest.raises(ParameterTypeError, match="score is 'high'; numbers were expected"):
        fit_of().probability("high")


def test_the_note_says_why_there_is_no_weight():
    listed = [
        Rule("always", 1, "any.recency >= 0"),
        Rule("silent", 2, "any.recency >= 30d"),
        Rule("hidden", 1, "any.recency >= 31d", inhibited_by="silent"),
    ]
    fit = RuleSet(listed).fit(data_of(), since=SINCE)
    assert fit.report["note"].to_dict() == {
        "always": "fires in every row: no weight",
        "hidden": "fires only where it is inhibited: no weight",
        "silent": "",
    }
    assert fit.rules["always"].weight == fit.rules["hidden"].weight == 0
    assert fit.report.loc[["always", "hidden"], "standard_error"].isna().all()


def test_the_smallest_past_there_is():
    data = dataset_of(log_of([(0, 0.0), *((1, 6.0 * k) for k in range(9))]), n=1)
    fit = RuleSet([Rule("silent", 1, "any.recency >= 7d")]).fit(data)
    assert fit.rules["silent"].weight >= 0
    assert np.isfinite(fit.intercept)
