"""
Subscriptions: contracts, causes and the month of life
======================================================

A subscription ends at a known moment and for a known cause. ``make_subscriptions`` simulates contracts whose hazards
per month of tenure are known; ``ContractEnd`` reads them back as outcomes.
"""

import numpy as np
import pandas as pd

import churnlib as cl

# %%
# Customers leave by choice, by failing payments, or because they moved; many do so where the introductory offer ends.
world = cl.datasets.make_subscriptions(5000, heterogeneity=0.0, random_state=2)
print(world)
print(world.hazards.head(8))

# %%
# Outcomes: a contract that is not renewed within the grace period is lost.
outcomes = cl.ContractEnd(grace="1d").outcomes(world.log, world.contracts)
frame = outcomes.frame
print(frame["cause"].value_counts())

# %%
# The share of those who completed a month and left at its end, beside the hazard that was put in (the mean over plans).
truth = world.truth
month = pd.Timedelta(30, unit="D")
lived = ((truth["churned_at"].fillna(world.log.complete_until) - truth["start"]) // month).to_numpy()
left = (truth["cause"] == "voluntary").to_numpy()
at_risk = np.array([(lived >= m).sum() for m in range(1, 13)])
gone = np.array([((lived == m) & left).sum() for m in range(1, 13)])
table = pd.DataFrame({"at risk": at_risk, "left": gone, "seen": gone / at_risk}, index=range(1, 13))
table["put in"] = world.hazards["voluntary"].head(12)
print(table.round(3))
