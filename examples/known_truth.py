"""
A world whose truth is known
============================

``make_shop`` returns what a shop would see, and the truth it never sees: each customer's hazard of leaving, the cause,
and what a contact would change. Here a campaign is drawn by lot, so that its effect can be measured and held against
the truth.
"""

import numpy as np
import pandas as pd

import churnlib as cl

# %%
# Half of the customers who are active on day 360 are contacted, by lot.
world = cl.datasets.make_shop(8000, treated_share=0.5, random_state=1)
truth = world.truth
print(world)
print(truth[["hazard", "hazard_ratio", "uplift", "clv"]].describe().round(3))

# %%
# The hazard that was put in comes out again: departures per month under observation, until the campaign. Counting only
# the untreated of the whole span would not do: whoever left before the lot was drawn is untreated for that reason.
day = world.contacts["contacted_at"].iloc[0]
started = truth[truth["start"] < day]
left = started["churned_at"] < day
months = (started["churned_at"].where(left, day) - started["start"]) / pd.Timedelta(30, unit="D")
print(f"put in: {np.average(started['hazard'], weights=months):.4f} a month")
print(f"seen:   {left.sum() / months.sum():.4f} a month")

# %%
# The campaign's effect on retention after 60 days: treated less untreated, beside the mean of the true effects. Without
# the lot nobody could tell, because those who are contacted differ from those who are not.
active = truth[(truth["start"] < day) & ~(truth["churned_at"] <= day)]
kept = ~(active["churned_at"] < day + pd.Timedelta(60, unit="D"))
arms = kept.groupby(active["treated"]).agg(["mean", "var", "size"])
effect = arms["mean"].diff().iloc[-1]
error = 1.96 * np.sqrt((arms["var"] / arms["size"]).sum())
print(f"measured: {effect:+.3f} (95 % interval {effect - error:+.3f} to {effect + error:+.3f})")
print(f"true:     {active['uplift'].mean():+.3f}, from {active['uplift'].min():+.2f} to {active['uplift'].max():+.2f}")
