"""How good a ranking or a probability is: pure functions of outcomes and scores.

``y`` is 1 for a churner and 0 for a stayer; a score is higher for a higher
risk. Every function takes a ``sample_weight``, in which whole numbers stand for
repeated rows, and none depends on the order of the rows, tied scores included.
AUC, average precision, log-loss and Brier score are scikit-learn's
(`sklearn.metrics.roc_auc_score`, `average_precision_score`, `log_loss`,
`brier_score_loss`) and are not repeated here.
"""

from churnlib.metrics._calibration import calibration_error, reliability_table
from churnlib.metrics._calibration_band import CalibrationBand, calibration_band
from churnlib.metrics._lift import lift_score, lift_table, precision_at, recall_at
from churnlib.metrics._ranked import RankedOutcomes, Top

__all__ = [
    "CalibrationBand",
    "RankedOutcomes",
    "Top",
    "calibration_band",
    "calibration_error",
    "lift_score",
    "lift_table",
    "precision_at",
    "recall_at",
    "reliability_table",
]
