"""
Keep or not: from a risk to a list and its reasons
==================================================

A subscription firm may offer a discount to those who are about to cancel. Whom should it call, does that pay, and what
should the caller know? The firm is simulated, so that everybody can run this.
"""

import matplotlib.pyplot as plt

import churnlib as cl
from churnlib import metrics, plotting, reasons
from churnlib.classification import contact_list

# %%
# One row per customer and month. The label says who cancels in the 60 days that begin a week later: a list needs a
# week to be worked through.
world = cl.datasets.make_subscriptions(4000, heterogeneity=1.0, random_state=4)
data = cl.build_dataset(
    world.log,
    contracts=world.contracts,
    cutoffs=cl.monthly("2024-02", "2024-10"),
    lead="7d",
    horizon="60d",
    churn=cl.ContractEnd(),
    features=cl.FeatureSpec.standard(kinds=["login", "ticket", "payment_failed"]),
)
print(data)

# %%
# Some leave by their own will, some because a payment failed, some because they moved. A discount mends no card and
# stops no removal van, so only the first count here. ``tune=None`` keeps the settings fixed, which is quick.
train, test = data.split(test_cutoffs=3)
y_train, y_test = ((part.cause == "voluntary").astype("int8") for part in (train, test))
model = cl.ChurnClassifier(tune=None, random_state=0).fit(train.X, y_train)
risk = model.predict_proba(test.X)[:, 1]
print(f"{y_test.mean():.1%} cancel; stated are {risk.mean():.1%}, from {risk.min():.1%} to {risk.max():.1%}")

# %%
# Nobody is above one half. That is no fault of the model and no reason to balance the classes: hardly anybody's risk
# *is* one half. It only means that one half is not the question. The question is whether 30 of 100 are 30 of 100.
figure, ax = plt.subplots(figsize=(5.5, 5.5), layout="constrained")
table = metrics.reliability_table(y_test, risk)
_ = plotting.plot_reliability(table, band=metrics.calibration_band(y_test, risk), ax=ax)

# %%
# And whether those it calls risky leave more often than the others.
figure, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
_ = plotting.plot_lift(metrics.lift_table(y_test, risk), ax=ax)

# %%
# Now the money. A customer is worth what they will pay in a year, three in ten accept, the discount costs 2.5 % of a
# year, and a message costs 1. From which risk on a call pays depends on the plan:
plan = world.contracts.to_frame().groupby("customer_id")["plan"].last().astype(str)
value = plan.map({"basic": 120.0, "plus": 240.0, "pro": 480.0})
offer = cl.RetentionOffer(accept_rate=0.3, clv=value, offer_fraction=0.025, contact_cost=1)
for name in ("basic", "plus", "pro"):
    print(f"{name:5} from a risk of {offer.threshold(float(value[plan == name].iloc[0])):.1%}")

# %%
# ``evaluate`` puts the model beside what is done today, calling those who have been silent longest, on the same rows
# and with as many calls. Profit is what the offer is assumed to bring.
print(cl.evaluate(model, test.X, y_test, offer=offer, n_boot=100))

# %%
# The length of the list matters more than the last per cent of accuracy. Too long a list loses what a short one earned.
# The dot is the best list in hindsight: a target, and no promise.
figure, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
curve = metrics.profit_curve(y_test, risk, offer=offer, clv=offer.clv_of(test.X).to_numpy())
_ = plotting.plot_profit_curve(curve, ax=ax)

# %%
# Why they may leave, for those whom a call would pay: columns become reasons of a catalogue, compared with customers
# who stay. A reason that changes with every draw of customers is none, hence the bags.
now = data.latest()
called = now.X[model.contact(now.X, offer)]
bags = reasons.bag_contributions(model, train.X, y_train, called, n_bags=3)
codes = reasons.reason_codes(model.contributions(called), reasons.ReasonCatalog(), bags=bags)
figure, ax = plt.subplots(figsize=(7.5, 3.5), layout="constrained")
_ = plotting.plot_pareto(reasons.pareto_table(codes, by="code", top=3), ax=ax)

# %%
# Before anybody is called, a part of the list should be drawn by lot and left alone. Only the comparison with them says
# whether the offer keeps anybody. The rest is the list for the team:
listed = contact_list(model, now.X, offer, n=8)
listed["why"] = listed["customer_id"].map(codes.summary["text"].droplevel("cutoff"))
print(listed[["customer_id", "churn_probability", "clv", "expected_gain", "why"]].round(3).to_string())
