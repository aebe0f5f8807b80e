"""Pictures of results: a result frame goes in, matplotlib Axes come out.

Every function draws the numbers of a frame that another room made, computes nothing
else, and changes no global state: without `ax` it draws on a figure of its own, which pyplot
does not know and need not close. ``.figure.savefig("segments.png")`` on what comes back
keeps it; in a notebook ``.figure`` shows it. matplotlib comes with ``pip install "churnlib[plot]"``.
"""

from churnlib.plotting._backtest import plot_backtest
from churnlib.plotting._budget import plot_cost_curve, plot_policies, plot_shadow_price
from churnlib.plotting._cluster_choice import plot_cluster_choice
from churnlib.plotting._comparison import plot_comparison
from churnlib.plotting._frequency_recency import plot_frequency_recency
from churnlib.plotting._hazard_peaks import plot_hazard
from churnlib.plotting._holdout import plot_holdout, plot_holdout_calibration
from churnlib.plotting._incidence import plot_incidence
from churnlib.plotting._lift import plot_gains, plot_lift
from churnlib.plotting._migration import plot_migration
from churnlib.plotting._profit_curve import plot_profit_curve
from churnlib.plotting._rates import plot_rates
from churnlib.plotting._reasons import plot_fishbone, plot_pareto
from churnlib.plotting._reliability import plot_reliability
from churnlib.plotting._segments import plot_segments
from churnlib.plotting._survival_calibration import plot_horizon_calibration
from churnlib.plotting._survival_curves import plot_survival
from churnlib.plotting._tracking import plot_tracking
from churnlib.plotting._uplift import plot_uplift_curve, plot_uplift_table

__all__ = [
    "plot_backtest",
    "plot_cluster_choice",
    "plot_comparison",
    "plot_cost_curve",
    "plot_fishbone",
    "plot_frequency_recency",
    "plot_gains",
    "plot_hazard",
    "plot_holdout",
    "plot_holdout_calibration",
    "plot_horizon_calibration",
    "plot_incidence",
    "plot_lift",
    "plot_migration",
    "plot_pareto",
    "plot_policies",
    "plot_profit_curve",
    "plot_rates",
    "plot_reliability",
    "plot_segments",
    "plot_shadow_price",
    "plot_survival",
    "plot_tracking",
    "plot_uplift_curve",
    "plot_uplift_table",
]
