"""Targets that keep their meaning when they are sliced: structured arrays with named fields."""

from churnlib.targets._from_dates import survival_target_from_dates
from churnlib.targets._survival_rows import SurvivalRows, read_survival_target
from churnlib.targets._survival_target import survival_target

__all__ = ["SurvivalRows", "read_survival_target", "survival_target", "survival_target_from_dates"]
