"""When customers leave: curves, hazard models, causes, and where in life the danger is.

A target says for every customer whether the churn was seen, when, and since when the customer
was watched (`churnlib.targets.survival_target`; ``data.survival`` of a `Dataset`). Every model here is a
scikit-learn estimator and answers the same questions: `predict` (risk; higher is sooner),
`predict_survival_function`, `predict_churn_probability` within a horizon given the tenure
of today, `predict_cumulative_incidence` by cause, `predict_expected_lifetime`.
Nothing is said about times that nobody was watched at: asking for them is an error, unless
``beyond=`` says otherwise.
"""

from churnlib.survival._aalen_johansen import AalenJohansen
from churnlib.survival._booster import SurvivalBooster
from churnlib.survival._competing import CompetingHazards
from churnlib.survival._cox import CoxModel
from churnlib.survival._cure import CureModel
from churnlib.survival._discrete import DiscreteTimeHazard
from churnlib.survival._follow_up import FollowUp, followup_check
from churnlib.survival._hazard_model import HazardModel
from churnlib.survival._hazard_table import hazard_table
from churnlib.survival._horizon import HorizonClassifier
from churnlib.survival._horizon_labels import HorizonLabels, binary_labels
from churnlib.survival._kaplan_meier import KaplanMeier
from churnlib.survival._lifelines import LifelinesModel
from churnlib.survival._nelson_aalen import NelsonAalen
from churnlib.survival._peaks import HazardPeaks, find_hazard_peaks
from churnlib.survival._schoenfeld import proportional_hazards_test, schoenfeld_residuals
from churnlib.survival._start_stop import LandmarkRows, landmark_rows, predict_along_path
from churnlib.survival._through import (
    churn_probability,
    cumulative_hazard,
    cumulative_incidence,
    expected_lifetime,
    hazard,
    survival_function,
)
from churnlib.survival._xgboost import XGBAFTModel, XGBCoxModel

__all__ = [
    "AalenJohansen",
    "CompetingHazards",
    "CoxModel",
    "CureModel",
    "DiscreteTimeHazard",
    "FollowUp",
    "HazardModel",
    "HazardPeaks",
    "HorizonClassifier",
    "HorizonLabels",
    "KaplanMeier",
    "LandmarkRows",
    "LifelinesModel",
    "NelsonAalen",
    "SurvivalBooster",
    "XGBAFTModel",
    "XGBCoxModel",
    "binary_labels",
    "churn_probability",
    "cumulative_hazard",
    "cumulative_incidence",
    "expected_lifetime",
    "find_hazard_peaks",
    "followup_check",
    "hazard",
    "hazard_table",
    "landmark_rows",
    "predict_along_path",
    "proportional_hazards_test",
    "schoenfeld_residuals",
    "survival_function",
]
