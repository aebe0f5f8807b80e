"""Targets that keep their meaning when they are sliced: structured arrays with named fields."""

from churnlib.targets._from_dates import survival_target_from_dates
from churnlib.targets._survival_rows import SurvivalRows, read_survival_target
from churnlib.targets._survival_target import survival_target
from churnlib.targets._uplift_rows import UpliftRows, is_uplift_target, read_uplift_target
from churnlib.targets._uplift_target import uplift_target

__all__ = [
    "SurvivalRows",
    "UpliftRows",
    "is_uplift_target",
    "read_survival_target",
    "read_uplift_target",
    "survival_target",
    "survival_target_from_dates",
    "uplift_target",
]
