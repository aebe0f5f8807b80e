"""
A retention campaign, from the log to the proof
===============================================

A shop knows its orders and nothing else. It finds out who is about to leave and what they are worth, calls some of them
within a budget, and leaves a part to chance. Four months later that part says what the calls brought, whom they should
have gone to, and whom to call next.

The shop is simulated, and lives twice: once without calls and once with a call to everybody active on the day of the
campaign. What happens after the plan is taken from the life that the plan gave each customer. That is all the script
uses of it, until the last lines hold the outcome against the truth.
"""

import pandas as pd

import churnlib as cl
from churnlib.policy import PlanLog

WORLD = {"days": 510, "campaign_day": 360, "monthly_churn": 0.1, "effect_days": 120, "random_state": 1}
quiet = cl.datasets.make_shop(10_000, **WORLD)
called = cl.datasets.make_shop(10_000, treated_share=1.0, **WORLD)
day = called.contacts["contacted_at"].iloc[0]
lives = {"none": quiet.log.to_frame(), "call": called.log.to_frame()}
past = lives["none"][lives["none"]["time"] < day]
roles = {"customer": "customer_id", "time": "time", "kind": "kind", "amount": "amount"}

# %%
# Who is about to leave: a customer who is silent for 45 days counts as gone.
log = cl.EventLog.from_frame(past, complete_until=day, **roles)
design = {"churn": cl.Inactivity("45d"), "features": cl.FeatureSpec.standard()}
data = cl.build_dataset(log, cutoffs=cl.monthly("2024-12", "2025-03"), lead="7d", horizon="60d", **design)
train, test = data.split(test_cutoffs=1)
model = cl.ChurnClassifier(random_state=0).fit(train.X, train.y)
print(cl.evaluate(model, test).sentence)

# %%
# What they are worth, and what a call would earn if three leavers in ten let themselves be kept. That number is a
# guess: no call was ever made by lot.
now = data.latest()
value = cl.CustomerLifetimeValue(horizon="365d", margin=0.3, kinds="order").fit(log).predict(now.customer)
offer = cl.RetentionOffer(accept_rate=(6, 14), clv=value, offer_cost=2, contact_cost=0)
guess = model.expected_gain(now.X, offer)

# %%
# So the first plan is the experiment. A tenth is never called, half of the others get by lot what they get, and how
# probable each decision was is written down. The limits hold whatever the lot says.
call = cl.Action("call", cost=1, channel="phone", capacity=2500)
plan = cl.allocate(guess, actions=[call], budget=2200, holdout=0.1, explore=0.5, on=day)
print(plan)
print(plan.skipped.groupby("reason").size().to_string())
print(f"the budget binds: one unit more of it would earn {plan.shadow_price['budget']:.2f} net")
print(plan.explain(customer=plan.frame.index[plan.frame["allocated"] == "call"][0]))

# %%
# Four months pass.
reached = plan.frame.index[plan.frame["action"] == "call"]
after = [
    frame[(frame["time"] >= day) & (frame["customer_id"].isin(reached) == (life == "call"))]
    for life, frame in lives.items()
]
later = cl.EventLog.from_frame(pd.concat([past, *after]), complete_until=quiet.log.complete_until, **roles)

# %%
# What did it bring? Those called by lot against those left alone by lot. What each spent before narrows the interval.
print(cl.campaign_result(later, plan, action="call", window="120d", margin=0.3, covariate="before"))

# %%
# Who stayed goes into the log of decisions, and the log can be asked for what was never done: to call nobody, or
# everybody.
stayed = cl.build_dataset(later, cutoffs=[day], lead="0d", horizon="120d", **design).retained
decisions = PlanLog().append(plan).with_outcome("stayed", stayed)
print(cl.evaluate_policy(decisions, "call", outcome="stayed", versus="none"))

# %%
# Whom should they have called? One half of the customers teaches an effect model, the other half judges it, beside the
# riskiest and the guess.
half = cl.assign(now.customer, arms=["learn", "judge"], salt="halves").arm
learn, judge = (now.X[(half == name).to_numpy()] for name in ("learn", "judge"))
chances = plan.propensities["call"]


def effect_model(rows):
    """Learn what a call changes from customers whose call was drawn by lot."""
    who = rows.index.get_level_values("customer_id")
    learner = cl.DRLearner(random_state=0, control="none")
    return learner.fit(
        rows, stayed.loc[rows.index], treatment=plan.frame.loc[who, "action"], propensity=chances.loc[who]
    )


seen = decisions.frame[decisions.frame["customer_id"].isin(judge.index.get_level_values("customer_id"))]
scores = {
    "riskiest": pd.Series(model.predict_proba(judge)[:, 1], index=judge.index),
    "guess": guess.loc[judge.index],
    "effect": pd.Series(effect_model(learn).predict(judge), index=judge.index),
}
found = cl.compare_policies(seen, scores, outcome="stayed", share=0.3)
print(found)

# %%
# The next plan goes by the effect: how many more stay for a call, times what one who stays is worth. Such a plan needs
# its holdout too; here both are made without, so that both lists are equally long.
change = pd.Series(effect_model(now.X).predict(now.X), index=now.customer)
plans = {
    name: cl.allocate(gain, actions=[call], budget=1500)
    for name, gain in {"by the guess": guess, "by the effect": change * value}.items()
}
print(plans["by the effect"])

# %%
# The shop is simulated, so the truth can be asked: how many would have stayed for those calls, on the day of the plan?
truth = quiet.truth["uplift"].reindex(now.customer)
for name, one in plans.items():
    chosen = one.frame["action"] == "call"
    kept = truth[chosen]
    print(f"{name}: {chosen.sum():,} calls keep {kept.sum():.0f} customers ({kept.mean():.1%} of those called)")
