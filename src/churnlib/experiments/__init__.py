"""Experiments: how many customers, who gets what, whether the draw held, and what it changed."""

from churnlib.experiments._always_valid import always_valid_interval, always_valid_path
from churnlib.experiments._assign import Assignment, assign
from churnlib.experiments._cuped import Cuped, cuped
from churnlib.experiments._decision import Decision, decide
from churnlib.experiments._effect import Effect, effect
from churnlib.experiments._sample_ratio import SampleRatio, srm_check
from churnlib.experiments._sample_size import SampleSize, detectable_effect, power, sample_size
from churnlib.experiments._target import AgainstTarget, against_target

__all__ = [
    "AgainstTarget",
    "Assignment",
    "Cuped",
    "Decision",
    "Effect",
    "SampleRatio",
    "SampleSize",
    "against_target",
    "always_valid_interval",
    "always_valid_path",
    "assign",
    "cuped",
    "decide",
    "detectable_effect",
    "effect",
    "power",
    "sample_size",
    "srm_check",
]
