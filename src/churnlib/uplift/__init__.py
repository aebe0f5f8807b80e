"""Whom an action changes: effects of a treatment on retention or kept value, customer by customer."""

from churnlib.uplift._average_effect import average_effect, group_effects
from churnlib.uplift._cross_fit import cross_fit
from churnlib.uplift._dr_learner import DRLearner
from churnlib.uplift._dr_scores import DRScores, dr_scores
from churnlib.uplift._isotonic import IsotonicUplift
from churnlib.uplift._overlap import Overlap
from churnlib.uplift._projection import EffectProjection, project_effects
from churnlib.uplift._r_learner import RLearner
from churnlib.uplift._rmst import rmst_outcomes
from churnlib.uplift._s_learner import SLearner
from churnlib.uplift._sanity import SanityReport, sanity_checks
from churnlib.uplift._t_learner import TLearner
from churnlib.uplift._transformed_outcome import TransformedOutcomeLearner
from churnlib.uplift._x_learner import XLearner

__all__ = [
    "DRLearner",
    "DRScores",
    "EffectProjection",
    "IsotonicUplift",
    "Overlap",
    "RLearner",
    "SLearner",
    "SanityReport",
    "TLearner",
    "TransformedOutcomeLearner",
    "XLearner",
    "average_effect",
    "cross_fit",
    "dr_scores",
    "group_effects",
    "project_effects",
    "rmst_outcomes",
    "sanity_checks",
]
