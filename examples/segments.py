"""
Segments: who the customers are, and who moved
==============================================

Recency, frequency and money, scored with edges that stay the same, so that the difference between two dates is the
customers' doing and not that of the edges.
"""

import matplotlib.pyplot as plt

import churnlib as cl
from churnlib import plotting
from churnlib.segmentation import migration_matrix, rfm_table, segment_profiles

# %%
# Two dates of a simulated shop.
log = cl.datasets.make_shop(n_customers=3000, random_state=4).log
spring, autumn = (rfm_table(log, kinds="order", cutoff=day) for day in ("2025-04-01", "2025-10-01"))

# %%
# Eleven segments, learned in spring.
segmenter = cl.RFMSegmenter().fit(spring)
segments = segmenter.table(spring)["segment"]
profile = segment_profiles(segments, spring)
print(profile[["customers", "share", "n_orders_median", "spend_share"]].round(2))
figure, ax = plt.subplots(figsize=(10, 6), layout="constrained")
_ = plotting.plot_segments(profile, ax=ax)

# %%
# Half a year later.
moved = migration_matrix(spring, autumn, segmenter=segmenter)
figure, ax = plt.subplots(figsize=(11, 9), layout="constrained")
_ = plotting.plot_migration(moved, ax=ax)
