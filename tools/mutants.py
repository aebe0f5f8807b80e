"""Break the source on purpose, one mistake at a time: each must be caught by the test named for it.

A mutation is a line of the source, what it becomes, and the test that must fail then. The
source is copied to a temporary folder and changed there, so that the working tree is never
touched. A mutation whose line is no longer found is an error as well: it guards nothing.

    python tools/mutants.py             all mutations
    python tools/mutants.py late        those whose name contains "late"
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_PASSED, _FAILED = 0, 1  # how pytest ends


@dataclass(frozen=True)
class Mutation:
    """One mistake: where, what it changes, and the test that must notice."""

    name: str
    file: str
    old: str
    new: str
    test: str


_SRC = "src/churnlib/"
_OUTCOMES, _SNAPSHOTS = _SRC + "outcomes/", _SRC + "snapshots/"
_SEGMENTS, _CLV = _SRC + "segmentation/", _SRC + "clv/"
_COMPILED = _SRC + "classification/"
_EXPERIMENTS = _SRC + "experiments/"
_UPLIFT, _POLICY, _METRICS = _SRC + "uplift/", _SRC + "policy/", _SRC + "metrics/"
_FUTURE = "tests/snapshots/test_build.py::test_events_at_or_after_the_cutoff_or_known_after_it_never_change_x"

MUTATIONS: tuple[Mutation, ...] = (
    # -- what may be seen at a cutoff
    Mutation(
        "features: <= for < at the cutoff",
        _SRC + "events/_tiles.py",
        'inside = np.searchsorted(steps // self._unit, cells, side="right")',
        'inside = np.searchsorted(steps // self._unit, cells, side="left")',
        _FUTURE,
    ),
    Mutation(
        "features: time for known_at",
        _SRC + "features/_compute.py",
        "unknown = (time < cutoff) & (cutoff <= known)",
        "unknown = (time < cutoff) & (cutoff <= time)",
        _FUTURE,
    ),
    Mutation(
        "as_of: time for known_at",
        _SRC + "events/_change.py",
        "happened & (log.known < knowledge)",
        "happened & (log.time < knowledge)",
        "tests/events/test_change.py::test_nothing_at_or_after_the_cutoff_is_seen_nor_what_was_known_later",
    ),
    # -- training and test
    Mutation(
        "split: purge left out",
        _SNAPSHOTS + "_split.py",
        'np.where(known <= first_test, "train", "purged")',
        'np.where(cutoffs <= first_test, "train", "purged")',
        "tests/snapshots/test_split.py::test_no_training_label_window_reaches_the_first_test_cutoff",
    ),
    Mutation(
        "splitter: purge left out",
        _SRC + "model_selection/_purged_group_time_split.py",
        "allowed = cutoffs[known <= block[0]]",
        "allowed = cutoffs[cutoffs < block[0]]",
        "tests/model_selection/test_purged_group_time_split.py::test_no_training_label_is_open_when_the_test_begins",
    ),
    Mutation(
        "split: follow-up reaches into the test",
        _SNAPSHOTS + "_dataset.py",
        "train._derive(splits=parts.table, follow_up_us=parts.known_until_us)",
        "train._derive(splits=parts.table)",
        "tests/snapshots/test_split.py::test_follow_up_of_training_rows_ends_where_the_test_begins",
    ),
    # -- time zones and money
    Mutation(
        "time zone dropped",
        _SRC + "calendar/_columns.py",
        "us, ambiguous, nonexistent = localize(wall, tz)",
        'us, ambiguous, nonexistent = localize(wall, "UTC")',
        "tests/calendar/test_columns.py::test_naive_times_are_on_the_clock_of_the_log",
    ),
    Mutation(
        "sign of a refund",
        _SRC + "events/_money.py",
        "coarsest(quantity.minor * price.minor, quantity.scale + price.scale)",
        "coarsest(abs(quantity.minor * price.minor), quantity.scale + price.scale)",
        "tests/events/test_money.py::test_quantity_times_price_is_the_product_of_decimals",
    ),
    # -- outcomes
    Mutation(
        "silence: churn stamped at the last activity",
        _OUTCOMES + "_inactivity.py",
        "end=deadline[last],",
        "end=alive.time[last] + 1,",
        "tests/outcomes/test_inactivity.py::test_churn_is_stamped_when_the_silence_is_complete_and_not_at_the_last_activity",
    ),
    Mutation(
        "silence: > for >=",
        _OUTCOMES + "_inactivity.py",
        "(alive.time[1:] >= deadline[:-1])",
        "(alive.time[1:] > deadline[:-1])",
        "tests/outcomes/test_inactivity.py::test_an_activity_exactly_at_the_end_of_the_silence_comes_too_late",
    ),
    Mutation(
        "risk set: <= for < at the start",
        _OUTCOMES + "_outcomes.py",
        "(self.start < cutoff_us) & (self.end >= cutoff_us)",
        "(self.start <= cutoff_us) & (self.end >= cutoff_us)",
        "tests/outcomes/test_inactivity.py::test_at_risk_from_just_after_the_start_up_to_the_churn_itself",
    ),
    Mutation(
        "risk set: > for >= at the churn",
        _OUTCOMES + "_outcomes.py",
        "(self.start < cutoff_us) & (self.end >= cutoff_us)",
        "(self.start < cutoff_us) & (self.end > cutoff_us)",
        "tests/outcomes/test_inactivity.py::test_at_risk_from_just_after_the_start_up_to_the_churn_itself",
    ),
    Mutation(
        "immature label = 0",
        _OUTCOMES + "_state.py",
        "retained=(churn >= closes) & mature",
        "retained=(churn >= closes)",
        "tests/outcomes/test_outcomes.py::test_nothing_is_labelled_before_the_window_is_over",
    ),
    Mutation(
        "maturity: > for >=",
        _OUTCOMES + "_state.py",
        "mature = self.complete_until_us >= closes",
        "mature = self.complete_until_us > closes",
        "tests/outcomes/test_outcomes.py::test_nothing_is_labelled_before_the_window_is_over",
    ),
    Mutation(
        "window: <= for <",
        _OUTCOMES + "_state.py",
        "churned=(churn >= opens) & (churn < closes) & mature",
        "churned=(churn >= opens) & (churn <= closes) & mature",
        "tests/outcomes/test_outcomes.py::test_lead_and_window_are_half_open",
    ),
    Mutation(
        "facts: time for known_at",
        _OUTCOMES + "_facts.py",
        "    known = log.known[row]\n",
        "    known = log.time[row]\n",
        "tests/outcomes/test_status_change.py::test_churn_is_stamped_when_the_fact_was_known_and_not_when_it_is_dated",
    ),
    Mutation(
        "late rows in the risk set",
        _OUTCOMES + "_definition.py",
        "if not affected.any():",
        "if True:",
        "tests/outcomes/test_state.py::test_the_risk_set_is_that_of_the_log_without_rows_unknown_then",
    ),
    Mutation(
        "censoring: churn beyond the data",
        _OUTCOMES + "_outcomes.py",
        "censored = end > spells.complete_until_us",
        "censored = end == NEVER",
        "tests/outcomes/test_inactivity.py::test_churn_is_known_when_the_data_reach_it",
    ),
    Mutation(
        "refunds are activity",
        _OUTCOMES + "_activity.py",
        "if not refunds and log.amount is not None:",
        "if refunds and log.amount is not None:",
        "tests/outcomes/test_inactivity.py::test_returned_goods_are_no_activity_unless_asked_for",
    ),
    Mutation(
        "zone dropped from a calendar silence",
        _OUTCOMES + "_inactivity.py",
        ".after(alive.time, log.timezone)",
        '.after(alive.time, "UTC")',
        "tests/outcomes/test_inactivity.py::test_months_end_on_the_clock_of_the_log",
    ),
    Mutation(
        "grace: > for >=",
        _OUTCOMES + "_contract_end.py",
        "(terms.start[1:] >= due[:-1])",
        "(terms.start[1:] > due[:-1])",
        "tests/outcomes/test_contract_end.py::test_a_renewal_within_grace_is_the_same_spell",
    ),
    Mutation(
        "refund counts when at the deadline",
        _OUTCOMES + "_cancel_and_refund.py",
        "end = first_at_least(acts.time, low, high, deadline)",
        "end = first_beyond(acts.time, low, high, deadline)",
        "tests/outcomes/test_cancel_and_refund.py::test_the_refund_must_come_within_the_time",
    ),
    Mutation(
        "sign of a refund in SpendDrop",
        _OUTCOMES + "_rate_drop.py",
        "log.amount\n",
        "abs(log.amount)\n",
        "tests/outcomes/test_rate_drop.py::test_refunds_are_subtracted_from_the_spend",
    ),
    Mutation(
        "a drop of exactly the share",
        _OUTCOMES + "_rate_drop.py",
        "dropped = ledger.total(ends, stops) < need",
        "dropped = ledger.total(ends, stops) <= need",
        "tests/outcomes/test_rate_drop.py::test_a_drop_of_exactly_the_share_is_none",
    ),
    # -- scores, segments and tiers
    Mutation(
        "rfm: ties by order of value, not by mid-rank",
        _SEGMENTS + "_cuts.py",
        "middle = upto + upto - mass",
        "middle = upto + upto",
        "tests/segmentation/test_cuts.py::test_rows_of_the_fit_get_exactly_their_mid_rank_score",
    ),
    Mutation(
        "rfm: the kind of an edge is not turned with the column",
        _SEGMENTS + "_cuts.py",
        "-edges[::-1], ~beyond[::-1]",
        "-edges[::-1], beyond[::-1]",
        "tests/segmentation/test_cuts.py::test_rows_of_the_fit_get_exactly_their_mid_rank_score",
    ),
    Mutation(
        "rfm: fractional weights summed in the order of the rows",
        _SEGMENTS + "_cuts.py",
        "order = np.lexsort((weight, values))",
        'order = np.argsort(values, kind="stable")',
        "tests/segmentation/test_cuts.py::test_weights_whose_sum_rounds_differently_in_another_order",
    ),
    Mutation(
        "rfm: the total falls short by rounding",
        _SEGMENTS + "_scorer.py",
        "np.round(100.0 * (total / whole), 10)",
        "100.0 * (total / whole)",
        "tests/segmentation/test_scorer.py::test_weights_that_sum_to_80_percent_score_80",
    ),
    Mutation(
        "segments: halves of an axis rounded to even",
        _SEGMENTS + "_segment_map.py",
        "(2 * total + n) // (2 * n)",
        "np.rint(total / n).astype(np.int64)",
        "tests/segmentation/test_segment_map.py::test_an_axis_of_several_columns_is_their_mean_halves_upward",
    ),
    Mutation(
        "segments: a rule that is never reached passes",
        _SEGMENTS + "_segment_rules.py",
        "    _refuse_unreached(reach)\n",
        "",
        "tests/segmentation/test_segment_rules.py::test_each_combination_goes_to_the_first_rule_that_fits",
    ),
    Mutation(
        "tiers: the lower bound belongs to the class below",
        _SEGMENTS + "_tiers.py",
        'np.searchsorted(rising, values, side="right") - 1',
        'np.maximum(np.searchsorted(rising, values, side="left") - 1, 0)',
        "tests/segmentation/test_tiers.py::test_every_score_is_in_exactly_one_class",
    ),
    Mutation(
        "profiles: sums in the order of the rows",
        _SEGMENTS + "_profiles.py",
        "order = np.lexsort((values, labels.codes))",
        'order = np.argsort(labels.codes, kind="stable")',
        "tests/segmentation/test_profiles.py::test_against_pandas_group_by",
    ),
    Mutation(
        "migration: who left counts as entered",
        _SEGMENTS + "_migration.py",
        "(row % size) * size + column % size",
        "(column % size) * size + row % size",
        "tests/segmentation/test_migration.py::test_everybody_stands_in_exactly_one_cell",
    ),
    # -- lifetime value
    Mutation(
        "clv: <= for < at the cutoff of a summary",
        _SRC + "events/_purchase_rows.py",
        "int(latest.max()) < at else latest < at",
        "int(latest.max()) <= at else latest <= at",
        "tests/clv/test_summary.py::test_the_cutoff_itself_is_not_before_it",
    ),
    Mutation(
        "clv: age reaches into the period of the cutoff",
        _SRC + "events/_purchase_rows.py",
        "grid.number(np.array([at - 1], dtype=np.int64))",
        "grid.number(np.array([at], dtype=np.int64))",
        "tests/clv/test_summary.py::test_the_cutoff_itself_is_not_before_it",
    ),
    Mutation(
        "clv: sign of the covariate",
        _CLV + "_likelihood.py",
        "sign = -1 if name in self._scale_parameters else 1",
        "sign = 1",
        "tests/clv/test_bgnbd.py::test_covariates_come_back",
    ),
    Mutation(
        "clv: age for recency in the odds of being gone",
        _CLV + "_beta_geometric.py",
        "(np.log(alpha + data.T) - np.log(alpha + data.tx))",
        "(np.log(alpha + data.T) - np.log(alpha))",
        "tests/clv/test_purchase_model.py::test_the_customer_of_the_papers",
    ),
    Mutation(
        "clv: the silence before the last purchase",
        _CLV + "_paretonbd.py",
        "_log_silences(r + x, s, alpha + tx, beta + tx, T - tx)",
        "_log_silences(r + x, s, alpha + tx, beta + tx, T)",
        "tests/clv/test_purchase_model.py::test_the_customer_of_the_papers",
    ),
    Mutation(
        "clv: no purchase without those who left",
        _CLV + "_purchase_model.py",
        "return np.asarray(expit(odds) + expit(-odds) * self._once(silent, data, t, params))",
        "return np.asarray(expit(-odds) * self._once(silent, data, t, params))",
        "tests/clv/test_purchase_model.py::test_silence_is_at_least_the_share_who_left",
    ),
    Mutation(
        "clv: sign of the discount",
        _CLV + "_payments.py",
        "factor = np.exp(-self.rate * ends)",
        "factor = np.exp(self.rate * ends)",
        "tests/clv/test_payments.py::test_monthly_payments_by_hand",
    ),
    Mutation(
        "clv: customers of no weight count",
        _CLV + "_purchase_model.py",
        "if weight is not None and not weight.all():",
        "if weight is not None and weight.all():",
        "tests/clv/test_purchase_model.py::test_weights_are_repeated_rows_with_covariates",
    ),
    Mutation(
        "clv: covariates are not centred",
        _CLV + "_design.py",
        "centre = weight @ term.values / weight.sum()",
        "centre = 0 * term.values[0]",
        "tests/clv/test_purchase_model.py::test_covariates_far_from_zero",
    ),
    Mutation(
        "clv: errors where there is no maximum",
        _CLV + "_likelihood.py",
        "if self.converged_ and self.covariance is not None:",
        "if self.covariance is not None:",
        "tests/clv/test_purchase_model.py::test_where_there_is_no_interior_maximum_there_are_no_errors",
    ),
    # -- time to churn
    Mutation(
        "target: an entry at the time of an event is at risk",
        _SRC + "numerics/_risk_table.py",
        'np.searchsorted(np.sort(entry), times, side="left")',
        'np.searchsorted(np.sort(entry), times, side="right")',
        "tests/numerics/test_risk_table.py::test_it_is_what_the_definition_says",
    ),
    Mutation(
        "censoring: events at a time are in the risk set of its censorings",
        _SRC + "numerics/_product_limit.py",
        "_kept(table.censored, table.at_risk - table.left)",
        "_kept(table.censored, table.at_risk)",
        "tests/numerics/test_product_limit.py::test_events_at_a_time_are_not_in_the_risk_set_of_its_censorings",
    ),
    Mutation(
        "incidence: survival after for survival before",
        _SRC + "survival/_aalen_johansen.py",
        "before = np.concatenate([[1.0], survival.values[:-1]])",
        "before = survival.values",
        "tests/survival/test_aalen_johansen.py::test_incidences_and_survival_make_one",
    ),
    Mutation(
        "curves: risk turned round",
        _SRC + "survival/_curve_model.py",
        "risk: FloatArray = -mean[X]",
        "risk: FloatArray = mean[X]",
        "tests/survival/test_curve_model.py::TestEachCurve::test_risk_puts_those_who_leave_sooner_first",
    ),
    Mutation(
        "Cox: at risk up to, not at, the time",
        _SRC + "survival/_cox_risk_sets.py",
        'count[order] = np.searchsorted(moments, values[order], side="right")',
        'count[order] = np.searchsorted(moments, values[order], side="left")',
        "tests/survival/test_cox_risk_sets.py::test_a_row_is_at_risk_at_the_event_times_after_its_entry_up_to_its_time",
    ),
    Mutation(
        "Cox: those not yet watched are at risk",
        _SRC + "survival/_cox_kernel.py",
        "            cells -= _sums(self._first, theta, k + 1)[:k]",
        "            cells += _sums(self._first, theta, k + 1)[:k]",
        "tests/survival/test_cox_kernel.py::test_value_gradient_and_information_are_the_definition",
    ),
    Mutation(
        "landmark: who leaves there is still here",
        _SRC + "survival/_start_stop.py",
        "here = np.flatnonzero((rows.start <= s) & (s < rows.time))",
        "here = np.flatnonzero((rows.start <= s) & (s <= rows.time))",
        "tests/survival/test_start_stop.py::test_who_leaves_at_the_landmark_is_gone",
    ),
    Mutation(
        "competing: those who stay after for before",
        _SRC + "survival/_competing.py",
        "hazards *= (before / np.maximum(total, 1.0))[:, None, :]",
        "hazards *= (after / np.maximum(total, 1.0))[:, None, :]",
        "tests/survival/test_competing.py::test_kaplan_meier_by_cause_is_aalen_johansen",
    ),
    Mutation(
        "cure: odds turned round",
        _SRC + "survival/_cure.py",
        "odds = -(self.intercept_ + X @ self.coef_)[:, None]",
        "odds = (self.intercept_ + X @ self.coef_)[:, None]",
        "tests/survival/test_cure.py::test_survival_follows_the_product_limit_curve",
    ),
    Mutation(
        "labels: a churn at the horizon is outside",
        _SRC + "survival/_horizon_labels.py",
        "here & (ahead <= horizon)",
        "here & (ahead < horizon)",
        "tests/survival/test_horizon_labels.py::test_by_hand",
    ),
    Mutation(
        "exposure: time before the entry counts",
        _SRC + "survival/_exposure.py",
        'np.searchsorted(edges, values, side="left")',
        'np.searchsorted(edges, values, side="right")',
        "tests/survival/test_hazard_table.py::test_a_small_table_by_hand",
    ),
    Mutation(
        "peaks: one side is enough",
        _SRC + "survival/_peaks.py",
        "(low.min(axis=1) > 1) &",
        "(low.max(axis=1) > 1) &",
        "tests/survival/test_peaks.py::test_peaks_are_found_where_they_are",
    ),
    Mutation(
        "censoring weights: G at a time for just before",
        _SRC + "metrics/_censoring.py",
        "share = self.G.left(times) if self.left else self.G(times)",
        "share = self.G(times)",
        "tests/metrics/test_censoring.py::test_who_left_weighs_by_the_chance_to_be_watched_just_before",
    ),
    Mutation(
        "scorers: entry forgotten",
        _SRC + "model_selection/_survival_scorers.py",
        'given = {} if entry is None else {"given": entry}',
        "given: dict[str, Any] = {}",
        "tests/model_selection/test_survival_scorers.py::test_each_scorer_is_its_metric_with_censoring_from_training",
    ),
    Mutation(
        "EMPC: the contact of churners costs nothing",
        _SRC + "metrics/_profit_hull.py",
        "cost = terms.wasted * stayers + terms.contact_cost * churners",
        "cost = terms.wasted * stayers",
        "tests/metrics/test_profit_empc.py::test_published_values",
    ),
    Mutation(
        "periods: delayed entry forgotten",
        _SRC + "survival/_periods.py",
        "    first = entered + 1",
        "    first = np.ones_like(entered)",
        "tests/survival/test_discrete.py::test_snapshots_with_delayed_entry_give_the_curve_that_all_customers_have",
    ),
    Mutation(
        "likelihood of periods: stayers pull the wrong way",
        _SRC + "survival/_logistic_likelihood.py",
        "slope[rows, columns] -= weight",
        "slope[rows, columns] += weight",
        "tests/survival/test_logistic_hazard.py::test_likelihood_and_derivatives_are_those_of_the_expanded_rows",
    ),
    Mutation(
        "reasons: noise gate dropped",
        _SRC + "reasons/_codes.py",
        "passes &= theme > noise * spread",
        "passes &= theme > 0 * spread",
        "tests/reasons/test_codes.py::test_noise_between_bags_silences_a_reason",
    ),
    Mutation(
        "complaints: any negation for an odd number",
        _SRC + "reasons/_lexicon.py",
        "(len(words) % 2 == 1) != term.negated",
        "bool(words) != term.negated",
        "tests/reasons/test_lexicon.py::test_the_parity_of_negations_decides",
    ),
    Mutation(
        "precursors: stayers who leave within the lead",
        _SRC + "reasons/_matching.py",
        "outcomes.end - 1) - lead_us",
        "outcomes.end - 1)",
        "tests/reasons/test_matching.py::test_stayers_are_comparable",
    ),
    # -- one model for each cause, constraints by name, what a card may hold
    Mutation(
        "monotone: sign turned",
        _SRC + "classification/_monotone.py",
        "signs = [encoder.monotone.get(name, 0) for name in encoder.columns]",
        "signs = [-encoder.monotone.get(name, 0) for name in encoder.columns]",
        "tests/classification/test_monotone.py::test_the_probability_moves_one_way_only_and_without_the_constraint_it_does_not",
    ),
    Mutation(
        "monotone: columns of X for those after one-hot",
        _SRC + "classification/_monotone.py",
        "for name in encoder.columns if name not in encoder.categories]",
        "for name in encoder.columns]",
        "tests/classification/test_monotone.py::test_each_library_gets_the_order_of_its_own_columns",
    ),
    Mutation(
        "causes: lost to another counts as lost to this one",
        _SRC + "classification/_causes.py",
        "lost = (cause == name)",
        "lost = cause.notna()",
        "tests/classification/test_causes.py::test_another_cause_counts_as_not_lost_to_this_one",
    ),
    Mutation(
        "card: a quantile that only few customers lie beyond",
        _SRC + "classification/_facts.py",
        "if enough >= _FEWEST_SHARE else None",
        "if enough > 0 else None",
        "tests/classification/test_facts.py::test_ten_customers_lie_beyond_every_quantile_that_is_kept",
    ),
    Mutation(
        "card: rows for customers as the draws",
        _SRC + "classification/_facts.py",
        "row_log_loss(target, scored.probability), weight, customer)",
        "row_log_loss(target, scored.probability), weight, None)",
        "tests/classification/test_facts.py::test_95_of_100_intervals_hold_the_truth",
    ),
    # -- a compiled model
    Mutation(
        "compiled: default_left flipped",
        _COMPILED + "_compile_xgboost.py",
        'missing_right=not tree["default_left"][number]',
        'missing_right=bool(tree["default_left"][number])',
        "tests/classification/test_compile_xgboost.py::test_boosted_trees_of_every_shape_agree",
    ),
    Mutation(
        "compiled: <= for < at a threshold",
        _COMPILED + "_record.py",
        "from bisect import bisect_right",
        "from bisect import bisect_left as bisect_right",
        "tests/classification/test_record.py::test_numbers_of_all_kinds_fall_into_bins",
    ),
    Mutation(
        "compiled: base score dropped",
        _COMPILED + "_tree_table.py",
        "value[0] += value.dtype.type(base)",
        "value[0] += value.dtype.type(0)",
        "tests/classification/test_tree_engine.py::test_tables_and_walks_add_the_same_leaves_in_the_same_order",
    ),
    Mutation(
        "compiled: trees summed in any order",
        _COMPILED + "_tree_table.py",
        "return float(np.add.accumulate(self._value.take(self._patterns(places)))[-1])",
        "return float(self._value.take(self._patterns(places)).sum())",
        "tests/classification/test_tree_engine.py::test_tables_and_walks_add_the_same_leaves_in_the_same_order",
    ),
    Mutation(
        "compiled: double for single precision at a threshold",
        _COMPILED + "_compile_xgboost.py",
        "np.where(half.astype(np.float32) >= edge, half, np.nextafter(half, np.inf))",
        "edge.astype(np.float64)",
        "tests/classification/test_compile_xgboost.py::test_the_first_value_that_goes_right",
    ),
    Mutation(
        "compiled: early stopping one round short",
        _COMPILED + "_compile_xgboost.py",
        'model["iteration_indptr"][best + 1]',
        'model["iteration_indptr"][best]',
        "tests/classification/test_compile_xgboost.py::test_early_stopping_keeps_the_trees_that_predict",
    ),
    Mutation(
        "compiled: a missing number is not imputed",
        _COMPILED + "_compile_sklearn.py",
        "missing_right = feature.fill >= cut[number]",
        "missing_right = False",
        "tests/classification/test_compile_sklearn.py::test_trees_forests_and_logistic_regressions_agree",
    ),
    Mutation(
        "compiled: too few points of quadrature",
        _COMPILED + "_tree_reasons.py",
        "leggauss(-(-len(share) // 2))",
        "leggauss(-(-len(share) // 3))",
        "tests/classification/test_tree_reasons.py::test_the_contributions_of_a_leaf_are_shapleys",
    ),
    Mutation(
        "compiled: a column tested twice counts twice",
        _COMPILED + "_tree_reasons.py",
        "first = (tested[:, None, :] == tested[None, :, :]).argmax(axis=1)",
        "first = np.broadcast_to(np.arange(length)[:, None], tested.shape)",
        "tests/classification/test_tree_reasons.py::test_trees_that_test_a_column_again_have_shapley_contributions",
    ),
    Mutation(
        "compiled: contributions without their reference",
        _COMPILED + "_compiled_boosted.py",
        "self._engine.contributions(places) - self._reference",
        "self._engine.contributions(places)",
        "tests/classification/test_compiled.py::test_scores_and_contributions_equal_the_models",
    ),
    Mutation(
        "compiled: digest not looked at",
        _COMPILED + "_compiled_file.py",
        'if stated != found or not isinstance(body.get("content"), dict):',
        'if not isinstance(body.get("content"), dict):',
        "tests/classification/test_compiled_file.py::test_altered_text_is_refused",
    ),
    Mutation(
        "compiled: unknown keys pass",
        _COMPILED + "_record.py",
        "if len(known) > len(self._names):",
        "if len(known) > 10 * len(self._names):",
        "tests/classification/test_record.py::test_absent_and_unknown_keys_are_named",
    ),
    Mutation(
        "compiled: a theme on the edge is no reason",
        _COMPILED + "_compiled_codes.py",
        "weight >= _rounded(min_effect)",
        "weight > _rounded(min_effect)",
        "tests/classification/test_compiled_codes.py::test_codes_are_those_of_reason_codes",
    ),
    # -- which model is taken
    Mutation(
        "tuning: the deep one is taken for any improvement",
        _SRC + "classification/_choice.py",
        "not cautious or gain > error",
        "gain > 0",
        "tests/classification/test_tuning.py::test_caution_asks_for_more_than_the_error",
    ),
    Mutation(
        "tuning: as many trees as the first fold asks for",
        _SRC + "classification/_choice.py",
        "np.argmin(mass @ np.stack([curve[:shortest] for curve in curves]))",
        "np.argmin(curves[0][:shortest])",
        "tests/classification/test_tuning.py::test_one_number_of_trees_for_all_folds_is_the_minimum_of_their_mean_curve",
    ),
    Mutation(
        "tuning: a fold stops without regard to weights",
        _SRC + "classification/_model.py",
        '"sample_weight_eval_set": [weight], "verbose"',
        '"verbose"',
        "tests/classification/test_tuning.py::test_trees_are_counted_by_the_weights_of_the_rows_they_are_judged_on",
    ),
    Mutation(
        "calibration: a margin passes for a probability",
        _SRC + "classification/_calibration.py",
        "losses = {} if margins else",
        "losses =",
        "tests/classification/test_any_classifier.py::test_any_kind_of_classifier",
    ),
    # -- models compared, and the decision as a prediction
    Mutation(
        "compare: a small fold counts as much as a large one",
        _SRC + "evaluation/_measures.py",
        "size = [float(part.sum()) for part in parts]",
        "size = [float(part.any()) for part in parts]",
        "tests/evaluation/test_compare.py::test_metrics_are_those_of_each_fold_averaged_by_its_rows",
    ),
    Mutation(
        "compare: a higher log-loss wins",
        _SRC + "evaluation/_judged.py",
        "lower_is_better=metric in LOWER_IS_BETTER",
        "lower_is_better=False",
        "tests/evaluation/test_compare.py::test_a_better_model_wins_and_a_worse_one_loses",
    ),
    Mutation(
        "folds: other months of the customers tested may train",
        _SRC + "evaluation/_folds.py",
        "if cutoff is not None and torn:",
        "if cutoff is None and torn:",
        "tests/evaluation/test_compare.py::test_random_folds_of_a_panel_are_refused",
    ),
    Mutation(
        "folds: a label may train before its window is over",
        _SRC + "evaluation/_folds.py",
        "(known[train] > cutoff[test].min())",
        "(cutoff[train] > cutoff[test].min())",
        "tests/evaluation/test_compare.py::test_a_dataset_knows_how_far_its_labels_reach",
    ),
    Mutation(
        "decision: one half for each customer's own threshold",
        _SRC + "classification/_profit_threshold.py",
        "contacted = np.asarray(self.offer.contacts(probability, of))",
        "contacted = np.asarray(probability > 0.5)",
        "tests/classification/test_profit_threshold.py::test_it_decides_as_the_contact_list_does",
    ),
    Mutation(
        "offer: silent about never paying",
        _SRC + "economics/_offer.py",
        "if self._never_pays(threshold, of):",
        "if not threshold.size:",
        "tests/classification/test_bad_input.py::test_an_offer_that_can_never_pay_contacts_nobody_and_says_so",
    ),
    # -- features as events arrive
    Mutation(
        "online: the window loses its beginning",
        _SRC + "features/_online_plan.py",
        "self.before = [bisect_left(words, edge) for edge in edges]",
        "self.before = [bisect_left(words, edge + 1) for edge in edges]",
        "tests/features/test_online.py::TestTheEdges::test_a_window_holds_its_beginning_and_not_the_cutoff",
    ),
    Mutation(
        "online: the line refuses what lies on it",
        _SRC + "features/_online.py",
        "if time < now - self._line_us:",
        "if time <= now - self._line_us:",
        "tests/features/test_online.py::TestTheEdges::test_an_event_on_the_line_is_taken_and_one_before_it_is_not",
    ),
    Mutation(
        "online: the time of an event moves the clock, not its arrival",
        _SRC + "features/_online.py",
        "customer, time, known = event[0], event[1], event[2]",
        "customer, time, known = event[0], event[1], max(event[1], event[2])",
        "tests/features/test_online.py::TestTheEdges::test_an_event_of_the_future_counts_from_its_time_on",
    ),
    Mutation(
        "online: a fold cuts a day in two",
        _SRC + "features/_online.py",
        "midnight_by(self._at(None) - self._line_us, self._schema.timezone)",
        "self._at(None) - self._line_us",
        "tests/features/test_online.py::TestFolding::test_it_cuts_no_day_in_two",
    ),
    # -- early warning
    Mutation(
        "alerts: cool-down counted from the end",
        _SRC + "alerts/_step.py",
        "over = cooling[self.now - self.cells.notified[cooling] >= _of(self.pace.cool_us, cooling)]",
        "over = cooling[self.now - self.cells.since[cooling] >= _of(self.pace.cool_us, cooling)]",
        "tests/alerts/test_step.py::test_columns_move_as_each_customer_does",
    ),
    Mutation(
        "alerts: missing is false",
        _SRC + "alerts/_conditions.py",
        '    if on_missing not in {"fire", "clear"}:\n        return truth',
        '    if on_missing not in {"fire", "clear"}:\n        on_missing = "clear"',
        "tests/alerts/test_alert_step.py::test_a_missing_value_ends_nothing_and_begins_nothing",
    ),
    Mutation(
        "alerts: inhibition is not named",
        _SRC + "alerts/_batch.py",
        'yield Hold("inhibited", f"inhibited by {other}", firing[other])',
        'yield Hold("inhibited", "", firing[other])',
        "tests/alerts/test_alert_step.py::test_every_alert_is_listed_with_what_holds_it_back",
    ),
    Mutation(
        "online alerts: the window of k of n is taken for shorter",
        _SRC + "alerts/_online/_many.py",
        "found |= (self.states.paces.n > 1)[:, None]",
        "found |= (self.states.paces.n > 16)[:, None]",
        "tests/alerts/_online/test_batch.py::test_customers_at_once_and_one_by_one_agree",
    ),
    Mutation(
        "online alerts: unknown passes for nothing new",
        _SRC + "alerts/_online/_one.py",
        "(miss or not settings.fires_unknown)",
        "(miss or settings.is_plain)",
        "tests/alerts/_online/test_batch.py::test_customers_at_once_and_one_by_one_agree",
    ),
    Mutation(
        "online: the line is that of the first row of a table",
        _SRC + "features/_online.py",
        "(table.time < clock - self._line_us).any()",
        "(table.time < clock[0] - self._line_us).any()",
        "tests/features/test_online_read.py::test_a_table_at_once_and_its_rows_agree",
    ),
    Mutation(
        "features: an unripe event belongs to the run",
        _SRC + "features/_runs.py",
        "np.maximum(raws[0] - raws[1], 0)",
        "raws[0]",
        "tests/features/test_runs.py",
    ),
    Mutation(
        "features: the plan of long ago is that of today",
        _SRC + "features/_attributes.py",
        "stream.before(self.back)",
        "stream.before()",
        "tests/features/test_attributes.py",
    ),
    Mutation(
        "packs: the loss inhibits nothing",
        _SRC + "alerts/_packs_read.py",
        "if name != _LOSS] + lost",
        "if name != _LOSS]",
        "tests/alerts/test_packs.py",
    ),
    Mutation(
        "packs: five minutes are six",
        _SRC + "alerts/packs/parts/service.toml",
        'over = ["complaint", "contact", "solved"], mature = "5min"',
        'over = ["complaint", "contact", "solved"], mature = "6min"',
        "tests/alerts/test_packs.py",
    ),
    Mutation(
        "replay: who is lost in the lead is not evaluated",
        _SRC + "alerts/_backtest/_replay.py",
        "(data.unlabelled, _left_out(data))",
        "(data.unlabelled,)",
        "tests/alerts/_backtest/test_replay.py::test_what_comes_after_a_cutoff_changes_nothing_up_to_it",
    ),
    Mutation(
        "replay: a feed is fresh before it is known",
        _SRC + "alerts/_backtest/_replay.py",
        "np.maximum(time, log.known[chosen])",
        "time",
        "tests/alerts/_backtest/test_replay.py::test_feeds_are_as_fresh_as_known_at_any_instant",
    ),
    Mutation(
        "replay: days to the loss with the wrong sign",
        _SRC + "alerts/_backtest/_replay.py",
        "(rows.churn[lost] - rows.cutoff[lost]) / DAY_US",
        "(rows.cutoff[lost] - rows.churn[lost]) / DAY_US",
        "tests/alerts/_backtest/test_replay.py::test_days_to_the_loss_are_read_as_far_as_the_data_know",
    ),
    Mutation(
        "backtest: nine weeks of ten weekly lists",
        _SRC + "alerts/_backtest/_counts.py",
        "return span * len(counted) / (len(counted) - 1) / WEEK_US",
        "return span / WEEK_US",
        "tests/alerts/_backtest/test_backtest.py::test_by_hand",
    ),
    Mutation(
        "backtest: losses count as warnings",
        _SRC + "alerts/_backtest/_backtest.py",
        "(found.announced & _warns(found)).any(axis=1)",
        "found.announced.any(axis=1)",
        "tests/alerts/_backtest/test_backtest.py::test_rules_that_are_the_loss_are_apart_and_in_no_count",
    ),
    Mutation(
        "backtest: of tied customers the first rows are listed",
        _SRC + "alerts/_backtest/_lists.py",
        "begins = np.r_[True, (of[1:] != of[:-1]) | (ranked[1:] != ranked[:-1])]",
        "begins = np.ones(len(of), dtype=bool)",
        "tests/alerts/_backtest/test_lists.py::test_a_share_is_the_mean_over_all_orders_of_the_tied",
    ),
    Mutation(
        "fit: an inhibited alert is weighed",
        _SRC + "alerts/_fit/_fit.py",
        "counted = found.counted[used][:, weighed]",
        "counted = found.firing[used][:, weighed]",
        "tests/alerts/_fit/test_fit.py",
    ),
    Mutation(
        "fit: a threshold moves without the rules below it",
        _SRC + "alerts/_fit/_budget.py",
        "for one in (name, *self.above[name]) for k in self.of_rule[one]",
        "for one in (name,) for k in self.of_rule[one]",
        "tests/alerts/_fit/test_budget.py",
    ),
    Mutation(
        "watch: what is not told is not asked again",
        _SRC + "alerts/_watch/_due.py",
        "    found = firing & ~told",
        "    found = firing & told",
        "tests/alerts/_watch/test_watch.py",
    ),
    Mutation(
        "watch: the first event of the journal is skipped",
        _SRC + "alerts/_watch/_durable.py",
        "self._journal.read(record):",
        "self._journal.read(record + 1):",
        "tests/alerts/_watch/test_durable.py",
    ),
    # -- experiments
    Mutation(
        "experiments: the control minus the treated",
        _EXPERIMENTS + "_means.py",
        "return self.treated - self.control",
        "return self.control - self.treated",
        "tests/experiments/test_effect.py::test_means_are_welch",
    ),
    Mutation(
        "experiments: pairs as if each were known by itself",
        _EXPERIMENTS + "_pairs.py",
        "covariance = n_pairs * np.cov(parts)",
        "covariance = np.cov(parts)",
        "tests/experiments/test_pairs.py::test_pairs_of_equal_size_are_the_paired_t_test",
    ),
    Mutation(
        "experiments: go where the upper bound pays",
        _EXPERIMENTS + "_decision.py",
        "if self.low > 0:",
        "if self.high > 0:",
        "tests/experiments/test_decision.py::test_verdicts",
    ),
    Mutation(
        "experiments: one look's error at every look",
        _EXPERIMENTS + "_always_valid.py",
        "- 2 * np.log(1 - confidence)",
        "- np.log(1 - confidence)",
        "tests/experiments/test_always_valid.py::test_the_formula",
    ),
    Mutation(
        "experiments: arms by the order of the rows",
        _SRC + "numerics/_salted.py",
        "one.update(str(customer).encode())",
        "one.update(str(len(words)).encode())",
        "tests/experiments/test_assign.py::test_the_order_of_rows_does_not_matter",
    ),
    Mutation(
        "experiments: the holdout drawn by the experiment's salt",
        _EXPERIMENTS + "_assign.py",
        "salted_uniform(ids, holdout_salt) < kept_out",
        "salted_uniform(ids, salt) < kept_out",
        "tests/experiments/test_assign.py::test_the_holdout_is_permanent_and_only_grows",
    ),
    Mutation(
        "experiments: a covariate explained away twice",
        _EXPERIMENTS + "_cuped.py",
        "adjusted = y - (x - x.mean(axis=0)) @ slopes",
        "adjusted = y + (x - x.mean(axis=0)) @ slopes",
        "tests/experiments/test_cuped.py::test_one_covariate_is_the_published_formula",
    ),
    # -- uplift, allocation, plans, what they brought
    Mutation(
        "uplift: churned counts as kept",
        _SRC + "targets/_uplift_target.py",
        '1.0 - numbers if name == "churned" else numbers',
        "numbers",
        "tests/targets/test_uplift_target.py::test_retained_value_and_churned_all_become_larger_is_better",
    ),
    Mutation(
        "uplift: the correction of the scores taken off",
        _UPLIFT + "_dr_scores.py",
        "found[own] += (rows.outcome - self.outcomes[own])",
        "found[own] -= (rows.outcome - self.outcomes[own])",
        "tests/uplift/test_dr_scores.py::test_without_a_model_of_the_outcome_they_are_inverse_propensity_scores",
    ),
    Mutation(
        "uplift: the X-learner's two halves swapped",
        _UPLIFT + "_x_learner.py",
        "treated * of_control + (1 - treated) * of_treated",
        "treated * of_treated + (1 - treated) * of_control",
        "tests/uplift/test_learner.py::test_formulas_of_linear_learners_by_hand",
    ),
    Mutation(
        "uplift: a fold learns from what it predicts",
        _UPLIFT + "_cross_fit.py",
        "rows = train[among[train]]",
        "rows = np.flatnonzero(among)",
        "tests/uplift/test_cross_fit.py::test_no_model_has_seen_the_row_or_the_customer_it_predicts",
    ),
    Mutation(
        "uplift: what was paid for the lost is added",
        _UPLIFT + "_rmst.py",
        "    outcome -= paid[",
        "    outcome += paid[",
        "tests/uplift/test_rmst.py",
    ),
    Mutation(
        "uplift: the censored of the same day count as lost before",
        _UPLIFT + "_rmst.py",
        "stayed / G.left(stayed)",
        "stayed / G(stayed)",
        "tests/uplift/test_rmst.py",
    ),
    Mutation(
        "uplift: rows for customers in the error of an effect",
        _UPLIFT + "_average_effect.py",
        "parts = influence if codes is None else summed_by_customer(influence, codes, n_customers)",
        "parts = influence",
        "tests/uplift/test_average_effect.py",
    ),
    Mutation(
        "uplift: the sleeping dogs at the wrong end",
        _METRICS + "_tail_effect.py",
        "RankedEffects(effects, -scores)",
        "RankedEffects(effects, scores)",
        "tests/metrics/test_tail_effect.py::test_it_is_the_other_end_of_the_ranking",
    ),
    Mutation(
        "uplift: money spent later moves the gain the other way",
        _METRICS + "_uplift_steps.py",
        "influence -= self._rate(float(budget))",
        "influence += self._rate(float(budget))",
        "tests/metrics/test_cost_curve.py::test_one_treatment_at_one_cost_is_the_gain_curve",
    ),
    Mutation(
        "allocation: a bracket that misses the budget stands",
        _POLICY + "_solve/_budget.py",
        "        if high.cost > budget:",
        "        if False:",
        "tests/policy/_solve/test_solve.py::test_a_bracket_that_misses_the_budget_is_widened",
    ),
    Mutation(
        "allocation: hull steps that gain less are taken",
        _SRC + "numerics/_choice_hull.py",
        "rise < gain",
        "rise > gain",
        "tests/numerics/test_choice_hull.py::test_ties_go_by_level_and_then_by_row_across_chunks",
    ),
    Mutation(
        "plan: an explorer who is held out is contacted",
        _POLICY + "_plan/_explore.py",
        "np.where(held, -1, arm)",
        "np.where(held, arm, arm)",
        "tests/policy/_plan/test_explore.py::test_the_holdout_is_the_one_of_every_experiment_and_of_every_day",
    ),
    Mutation(
        "plan: the holdout left out of the propensity",
        _POLICY + "_plan/_explore.py",
        "found[:, 0] += holdout",
        "found[:, 0] += 0 * holdout",
        "tests/policy/_plan/test_explore.py::test_the_formula_of_the_propensities",
    ),
    Mutation(
        "plan: nothing set aside for explorers",
        _POLICY + "_plan/_allocate.py",
        "with_less(limit, aside.get(limit.name, 0.0))",
        "with_less(limit, 0.0 * aside.get(limit.name, 0.0))",
        "tests/policy/_plan/test_explore.py::test_no_limit_is_exceeded_whatever_is_drawn",
    ),
    Mutation(
        "plan: gross value for net",
        _POLICY + "_plan/_allocate.py",
        "        options.gain - options.cost,\n",
        "        options.gain,\n",
        "tests/policy/_plan/test_allocate.py::test_the_best_plan_of_a_small_world",
    ),
    Mutation(
        "contact: a contact of the same instant counts",
        _POLICY + "_contact/_history.py",
        "later, stranger = rows.at >= on,",
        "later, stranger = rows.at > on,",
        "tests/policy/_contact/test_policy.py::test_contacts_at_the_decision_or_later_do_not_count_and_are_counted",
    ),
    Mutation(
        "loyalty: a tier falls a review late",
        _POLICY + "_loyalty.py",
        "falls = short & (limit <= now)",
        "falls = short & (limit < now)",
        "tests/policy/test_loyalty.py::test_it_equals_a_plain_reading",
    ),
    Mutation(
        "policy value: costs added",
        _POLICY + "_value/_evaluate.py",
        "Estimate(found.value - float(spent.mean()), found",
        "Estimate(found.value + float(spent.mean()), found",
        "tests/policy/_value/test_evaluate.py::test_costs_are_taken_off_exactly",
    ),
    Mutation(
        "policy value: the lowest score first",
        _POLICY + "_value/_ranked_list.py",
        "groups = TiedOrder(score[rows])",
        "groups = TiedOrder(-score[rows])",
        "tests/policy/_value/test_compare.py::test_the_best_list_is_found_with_paired_intervals",
    ),
    Mutation(
        "campaign: odds upside down",
        _POLICY + "_campaign/_rows.py",
        "odds = np.where(control, chance / np.where(rest > 0, rest, 1.0), 0.0)",
        "odds = np.where(control, rest / np.where(chance > 0, chance, 1.0), 0.0)",
        "tests/policy/_campaign/test_campaign.py::test_plans_and_their_logs_are_read_with_exact_odds",
    ),
    Mutation(
        "campaign: the window one day late",
        _POLICY + "_campaign/_outcomes.py",
        "    start = _instants(rows, log.timezone)\n",
        "    start = _instants(rows, log.timezone) + 86_400_000_000\n",
        "tests/policy/_campaign/test_campaign.py::test_sums_by_an_event_log_equal_those_by_hand",
    ),
    Mutation(
        "world: the drift a month late",
        _SRC + "datasets/_retention_world_effects.py",
        "month >= parameters.drift_month",
        "month > parameters.drift_month",
        "tests/datasets/test_retention_world.py",
    ),
    Mutation(
        "world: contacts are never forgotten",
        _SRC + "datasets/_retention_world.py",
        "self._fatigue *= self.parameters.memory",
        "self._fatigue *= 1.0",
        "tests/datasets/test_retention_world.py",
    ),
    Mutation(
        "policy value: numbers of customers for numbers of rows",
        _POLICY + "_value/_matching.py",
        "if labels.equals(rows) and (not named or labels.names == rows.names):",
        "if labels.equals(rows):",
        "tests/policy/_value/test_evaluate.py::test_numbers_of_customers_are_not_taken_for_numbers_of_rows",
    ),
    Mutation(
        "campaign: few big spenders pass in silence",
        _POLICY + "_campaign/_campaign.py",
        "if n >= needed:",
        "if n <= needed:",
        "tests/policy/_campaign/test_campaign.py::test_it_says_when_a_few_big_spenders_decide",
    ),
    Mutation(
        "plan: the held out stay free for the next plan",
        _POLICY + "_plan/_allocate.py",
        'past["history"].history',
        'past["history"].contacts',
        "tests/policy/_plan/test_log.py::test_propensities_hold_in_later_plans_too",
    ),
    Mutation(
        "clocks: events for customers",
        _POLICY + "_actions/_clocks.py",
        "float(np.clip(ratio, 1.0, alike))",
        "1.0",
        "tests/policy/_actions/test_clocks.py::test_customers_whose_events_end_alike_count_once",
    ),
)


def apply(mutation: Mutation, root: Path) -> None:
    """Change the one place in a copy of the source."""
    path = root / mutation.file
    text = path.read_text(encoding="utf-8")
    found = text.count(mutation.old)
    if found != 1:
        raise SystemExit(
            f"mutation {mutation.name!r}: its line stands {found} times in {mutation.file}, "
            f"expected once.\nFix: quote the line as it is now:\n    {mutation.old}"
        )
    path.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")


def is_killed(mutation: Mutation) -> tuple[bool, str]:
    """Run the named test on the changed source; return whether it failed, and what it said."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "src", Path(folder) / "src")
        apply(mutation, Path(folder))
        # pytest puts its own `pythonpath` first, so that is where the changed source must stand.
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-x",
            "-q",
            "-n0",
            "--no-header",
            "-p",
            "no:cacheprovider",
            "-o",
            f"pythonpath={folder}/src {ROOT}",
            mutation.test,
        ]
        # a counter-example that nobody reads need not be made short
        environment = {**os.environ, "CHURNLIB_HYPOTHESIS": "unshrunk"}
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)
    if run.returncode not in (_PASSED, _FAILED):
        raise SystemExit(
            f"mutation {mutation.name!r}: {mutation.test} did not run (pytest ended with "
            f"{run.returncode}).\nFix: name a test that exists.\n{run.stdout[-2000:]}"
        )
    return run.returncode == _FAILED, run.stdout[-2000:]


def main(arguments: Sequence[str]) -> int:
    """Apply the mutations whose names contain one of the arguments (all without arguments)."""
    chosen = [m for m in MUTATIONS if not arguments or any(a in m.name for a in arguments)]
    if not chosen:
        print(f"no mutation matches {', '.join(arguments)}")
        return 2
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        verdicts = list(pool.map(is_killed, chosen))
    for mutation, (killed, output) in zip(chosen, verdicts, strict=True):
        print(f"{'killed  ' if killed else 'SURVIVED'} {mutation.name}  ({mutation.test})")
        if not killed:
            print(output)
    survivors = sum(not killed for killed, _ in verdicts)
    print(f"{len(chosen) - survivors} killed, {survivors} survived")
    return min(survivors, 1)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
