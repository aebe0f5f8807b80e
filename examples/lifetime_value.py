"""
Lifetime value: what a customer is worth, and how well it is known
==================================================================

Orders of a simulated shop, a model of purchases fitted to the first part of them, and the rest to judge it by. Nothing
here knows how the shop was simulated.
"""

import matplotlib.pyplot as plt

import churnlib as cl
from churnlib import plotting
from churnlib.clv import (
    calibration_holdout,
    frequency_recency_matrix,
    holdout_calibration,
    holdout_errors,
    tracking_table,
)

# %%
# Histories up to July, in weeks, and what the same customers bought afterwards.
log = cl.datasets.make_shop(n_customers=3000, random_state=4).log
held = calibration_holdout(log, cutoff="2025-07-01", kinds="order", time_unit="W").query("T > 0")
print(held[["frequency", "recency", "T", "monetary_value", "frequency_holdout"]].describe().round(1))

# %%
# A model in which customers may leave after any purchase.
model = cl.MBGNBD().fit(held)
print(model.summary().round(3))
print(model.converged_, "-", model.reason_)

# %%
# Who is still there? The same silence means more for those who used to come often.
matrix = frequency_recency_matrix(model, T=39, t=13)
figure, axes = plt.subplots(1, 2, figsize=(13, 5), layout="constrained")
plotting.plot_frequency_recency(matrix, value="p_alive", unit="weeks", ax=axes[0])
_ = plotting.plot_frequency_recency(matrix, unit="weeks", ax=axes[1])

# %%
# Judged by orders it has not seen: by tenth of the forecast, and week by week.
errors = holdout_errors(model, held)
print(errors[["total_error", "low", "high", "rank_correlation"]].round(2))
figure, axes = plt.subplots(1, 2, figsize=(13, 5), layout="constrained")
plotting.plot_holdout_calibration(holdout_calibration(model, held), ax=axes[0])
_ = plotting.plot_tracking(tracking_table(model, log, kinds="order", cutoff="2025-07-01", time_unit="W"), ax=axes[1])

# %%
# With spend, margin and discounting that becomes money, with an interval for what is known of each expectation.
lifetime = cl.CustomerLifetimeValue(horizon="365d", margin=0.3, annual_discount_rate=0.1, kinds="order").fit(log)
customers = log.customers[:5]
print(lifetime.predict_interval(customers).assign(value=lifetime.predict(customers)).round(2))
