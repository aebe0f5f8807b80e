"""
Hazards: when customers leave
=============================

A simulated mobile operator whose published churn table is known: when its customers leave, which of the bumps are
no chance, and what the table made of it.
"""

import matplotlib.pyplot as plt
import pandas as pd

import churnlib as cl
from churnlib import plotting
from churnlib.survival import AalenJohansen, KaplanMeier, find_hazard_peaks, hazard_table

# %%
# Three months of 300,000 customers. Most were on the network before the window opened: the target says since when
# each was watched.
world = cl.datasets.make_telecom(300_000)
print(world)
print(world.survival[:3])

# %%
# Departures on the time at risk, month by month. Two peaks rise above both of their sides for certain.
peaks = find_hazard_peaks(world.survival)
print(peaks)
figure, ax = plt.subplots(figsize=(9, 4.5), layout="constrained")
plotting.plot_hazard(peaks.hazard.iloc[:48], peaks=peaks.table, ax=ax)
_ = ax.set_xlabel("Months on the network")

# %%
# The first of them is made by cards that dealers hoard: with them goes the peak.
suspect = world.customers["suspect"].map({True: "suspect", False: "others"})
print(find_hazard_peaks(world.survival[(suspect == "others").to_numpy()]))
months = hazard_table(world.survival, bands=range(19), by=suspect)
figure, ax = plt.subplots(figsize=(9, 4.5), layout="constrained")
plotting.plot_hazard(months, ax=ax)
_ = ax.set_xlabel("Months on the network")

# %%
# The source divides losses by the customers who are left at the end. The log gives the same figures, and 5022 %
# among them; the monthly rate beside them is what customers did.
table = hazard_table(world.survival, bands=world.bands, by=world.customers["plan"])
cells = table.xs(pd.Interval(3.0, 6.0), level="band")
print(cells[["events", "closing_base", "loss_ratio", "rate"]].assign(published=world.published["4-6"]).round(3))

# %%
# Curves need a start: with who was met late the curve of all is put together from the months they were watched in.
plans = ["study plan 2010-07", "city card 09", "home card one-way"]
chosen = world.customers["plan"].isin(plans).to_numpy()
frame = world.customers.loc[chosen, ["plan"]].astype({"plan": str})
curves = KaplanMeier(strata="plan").fit(frame, world.survival[chosen]).table_
figure, ax = plt.subplots(figsize=(9, 5), layout="constrained")
plotting.plot_survival(curves[curves["time"] <= 60], ax=ax)
_ = ax.set_xlabel("Months on the network")

# %%
# Why they left, where it is known: of another world, with three causes that add up.
contracts = cl.datasets.make_subscriptions(5000, random_state=1)
truth = contracts.truth
left = truth["churned_at"].fillna(contracts.log.complete_until)
time = (left - truth["start"]).dt.total_seconds() / 86_400 / 30
causes = ["voluntary", "payment", "moved"]
y = cl.survival_target(truth["cause"].astype(object), time, causes=causes)
_ = plotting.plot_incidence(AalenJohansen(causes=causes).fit(None, y).table_, ax=plt.subplots(layout="constrained")[1])
