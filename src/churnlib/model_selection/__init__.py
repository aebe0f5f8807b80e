"""Splits that keep the future out of training and, if wanted, known customers out of the test; scorers of survival.

Splits serve as ``cv=`` wherever scikit-learn takes one. Customer and cutoff of
each row come from the (customer_id, cutoff) index of X, or from arguments. Scorers serve as ``scoring=``,
several at once if wanted; they are told what to score in the making, and greater is better.
"""

from churnlib.model_selection._customer_folds import grouped_folds, splits_of
from churnlib.model_selection._index import RowKeys, customers_and_cutoffs
from churnlib.model_selection._profit_scorers import ProfitScorer
from churnlib.model_selection._purged_group_time_split import PurgedGroupTimeSplit
from churnlib.model_selection._survival_kfold import SurvivalKFold
from churnlib.model_selection._survival_scorers import (
    SurvivalScorer,
    auc_scorer,
    brier_scorer,
    concordance_scorer,
    integrated_brier_scorer,
    survival_log_scorer,
    uno_scorer,
)
from churnlib.model_selection._uplift_scorers import UpliftScorer

__all__ = [
    "ProfitScorer",
    "PurgedGroupTimeSplit",
    "RowKeys",
    "SurvivalKFold",
    "SurvivalScorer",
    "UpliftScorer",
    "auc_scorer",
    "brier_scorer",
    "concordance_scorer",
    "customers_and_cutoffs",
    "grouped_folds",
    "integrated_brier_scorer",
    "splits_of",
    "survival_log_scorer",
    "uno_scorer",
]
