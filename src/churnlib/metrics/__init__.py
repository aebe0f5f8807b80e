"""How good a ranking or a probability is: pure functions of outcomes and scores.

``y`` is 1 for a churner and 0 for a stayer; a score is higher for a higher
risk. Every function takes a ``sample_weight``, in which whole numbers stand for
repeated rows, and none depends on the order of the rows, tied scores included. The profit
metrics take a `churnlib.economics.RetentionOffer`, which says what a contact earns and costs.
AUC, average precision, log-loss and Brier score are scikit-learn's
(`sklearn.metrics.roc_auc_score`, `average_precision_score`, `log_loss`,
`brier_score_loss`) and are not repeated here.

Of customers who are still here nobody knows when they will leave. The metrics of survival therefore
take a target of `churnlib.targets.survival_target` as ``y``, and weigh rows up for those lost from sight:
concordance, AUC at a time, Brier loss, log-loss, and tests of calibration.

Uplift metrics judge who should be treated: they take the outcome of an experiment, larger being
better, with treatment and propensity, and a score that is higher for those to be treated first.
"""

from churnlib.metrics._calibration import calibration_error, reliability_table
from churnlib.metrics._calibration_band import CalibrationBand, calibration_band
from churnlib.metrics._concordance import ConcordanceCounts, concordance_counts, concordance_score
from churnlib.metrics._cost_curve import cost_curve
from churnlib.metrics._d_calibration import DCalibration, d_calibration
from churnlib.metrics._dynamic_auc import dynamic_auc, dynamic_auc_score
from churnlib.metrics._effect_calibration import EffectCalibration, effect_calibration
from churnlib.metrics._horizon_calibration import horizon_calibration_table
from churnlib.metrics._ks import ks_score
from churnlib.metrics._lift import lift_score, lift_table, precision_at, recall_at
from churnlib.metrics._metric_interval import MetricInterval, auc_interval, metric_interval, profit_interval
from churnlib.metrics._prior import correct_prior
from churnlib.metrics._profit_curve import profit_curve
from churnlib.metrics._profit_empc import empc_score, mpc_score
from churnlib.metrics._profit_policy import expected_profit, savings_score
from churnlib.metrics._profit_summary import ProfitSummary, profit_summary
from churnlib.metrics._profit_value import auepc_score, empb_score
from churnlib.metrics._ranked import RankedOutcomes, Top
from churnlib.metrics._survival_brier import integrated_brier_loss, survival_brier_loss
from churnlib.metrics._survival_log_loss import survival_log_loss
from churnlib.metrics._tail_effect import TailEffect, tail_effect
from churnlib.metrics._uno import uno_concordance_score
from churnlib.metrics._uplift_curve import uplift_curve
from churnlib.metrics._uplift_effects import ipw_scores
from churnlib.metrics._uplift_interval import autoc_interval, auuc_interval, qini_interval
from churnlib.metrics._uplift_ranked import RankedEffects
from churnlib.metrics._uplift_score import autoc_score, auuc_score, qini_score
from churnlib.metrics._uplift_summary import uplift_summary
from churnlib.metrics._uplift_table import uplift_table
from churnlib.metrics._uplift_top import uplift_at_k, uplift_at_k_interval

__all__ = [
    "CalibrationBand",
    "ConcordanceCounts",
    "DCalibration",
    "EffectCalibration",
    "MetricInterval",
    "ProfitSummary",
    "RankedEffects",
    "RankedOutcomes",
    "TailEffect",
    "Top",
    "auc_interval",
    "auepc_score",
    "autoc_interval",
    "autoc_score",
    "auuc_interval",
    "auuc_score",
    "calibration_band",
    "calibration_error",
    "concordance_counts",
    "concordance_score",
    "correct_prior",
    "cost_curve",
    "d_calibration",
    "dynamic_auc",
    "dynamic_auc_score",
    "effect_calibration",
    "empb_score",
    "empc_score",
    "expected_profit",
    "horizon_calibration_table",
    "integrated_brier_loss",
    "ipw_scores",
    "ks_score",
    "lift_score",
    "lift_table",
    "metric_interval",
    "mpc_score",
    "precision_at",
    "profit_curve",
    "profit_interval",
    "profit_summary",
    "qini_interval",
    "qini_score",
    "recall_at",
    "reliability_table",
    "savings_score",
    "survival_brier_loss",
    "survival_log_loss",
    "tail_effect",
    "uno_concordance_score",
    "uplift_at_k",
    "uplift_at_k_interval",
    "uplift_curve",
    "uplift_summary",
    "uplift_table",
]
