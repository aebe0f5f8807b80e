"""What customers are worth: how long they stay, how often they buy, how much they spend."""

from churnlib.clv._beta_discrete_weibull import BetaDiscreteWeibull
from churnlib.clv._bgbb import BGBB
from churnlib.clv._bgnbd import BGNBD
from churnlib.clv._features import CLVFeatures
from churnlib.clv._frequency_recency import frequency_recency_matrix
from churnlib.clv._gammagamma import GammaGamma
from churnlib.clv._holdout import holdout_calibration, holdout_errors, holdout_table
from churnlib.clv._mbgnbd import MBGNBD
from churnlib.clv._paretonbd import ParetoNBD
from churnlib.clv._shifted_beta_geometric import ShiftedBetaGeometric
from churnlib.clv._summary import calibration_holdout, rfm_summary
from churnlib.clv._tracking import tracking_table
from churnlib.clv._value import CustomerLifetimeValue

__all__ = [
    "BGBB",
    "BGNBD",
    "MBGNBD",
    "BetaDiscreteWeibull",
    "CLVFeatures",
    "CustomerLifetimeValue",
    "GammaGamma",
    "ParetoNBD",
    "ShiftedBetaGeometric",
    "calibration_holdout",
    "frequency_recency_matrix",
    "holdout_calibration",
    "holdout_errors",
    "holdout_table",
    "rfm_summary",
    "tracking_table",
]
