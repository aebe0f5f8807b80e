"""
The closed loop: from nothing to a policy that pays
===================================================

A firm has 20,000 customers, three things it can do for them, a budget, and no past experiment. It draws lots for a
month, learns whom each action changes, acts, and goes on learning, while a small part of its customers is always left
alone. The world is simulated, so that what it earns can be held against what somebody who knows everything would have
earned.

The team below sees only ``world.observed()``: features, the log of its own decisions with their propensities, outcomes,
margins and costs. ``python -m tools.closed_loop_apart`` checks that it touches nothing else.
"""

import argparse
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from xgboost import XGBClassifier

from churnlib.datasets import RetentionView, RetentionWorld
from churnlib.experiments import assign
from churnlib.policy import Action, allocate
from churnlib.uplift import SLearner

# %%
# What an action changes is small beside what differs between customers anyway. So the risk of the untreated comes
# first, and each action then gets a few shallow trees that say how far it moves the log-odds from there. A customer of
# whom nothing special is known is moved by the mean. The model is one of the outcome, with the arms among its columns,
# as ``SLearner`` wants it.


class RiskThenChange(ClassifierMixin, BaseEstimator):
    """Risk of the untreated by boosting, and for each arm boosted trees that start from it."""

    def __init__(self, rounds=120, depth=2, rate=0.07, random_state=0):
        self.rounds = rounds
        self.depth = depth
        self.rate = rate
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        """Fit the risk to the untreated, and a correction to each arm."""
        weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight)
        left, arms, features = 1 - np.asarray(y), self._arms(X), self._features(X)
        self.classes_ = np.array([0, 1])
        idle = (X[arms] == 0).all(axis=1).to_numpy()
        self.risk_ = self._trees(weight[idle], mean=left[idle].mean()).fit(
            features[idle], left[idle], sample_weight=weight[idle]
        )
        start = self.risk_.predict(features, output_margin=True)
        self.change_ = {}
        for arm in arms:
            own = (X[arm] == 1).to_numpy()
            mean = self._shift(start[own], left[own], weight[own])
            trees = self._trees(weight[own]).fit(
                features[own], left[own], sample_weight=weight[own], base_margin=start[own] + mean
            )
            self.change_[arm] = mean, trees
        return self

    def predict_proba(self, X):
        """Return the chances to leave and to stay."""
        features = self._features(X)
        odds = self.risk_.predict(features, output_margin=True)
        for arm, (mean, trees) in self.change_.items():
            own = (X[arm] == 1).to_numpy()
            if own.any():
                odds[own] = trees.predict(features[own], output_margin=True, base_margin=odds[own] + mean)
        left = 1 / (1 + np.exp(-odds))
        return np.column_stack([left, 1 - left])

    def _trees(self, weight, mean=0.5):
        # the more rows, the more can be told from chance
        rounds = int(np.clip(self.rounds * (weight.sum() / 4000) ** 0.6, 30, 180))
        return XGBClassifier(
            n_estimators=rounds, max_depth=self.depth, learning_rate=self.rate, min_child_weight=8, reg_lambda=10,
            max_bin=64, subsample=0.7, colsample_bytree=0.6, base_score=mean, n_jobs=1, random_state=self.random_state,
        )  # fmt: skip

    @staticmethod
    def _shift(odds, left, weight):
        """Return by how much all log-odds must be moved to fit the share that left."""
        shift = 0.0
        for _ in range(8):  # Newton
            p = 1 / (1 + np.exp(-odds - shift))
            shift += (weight * (left - p)).sum() / (weight * p * (1 - p)).sum()
        return shift

    @staticmethod
    def _arms(X):
        return [name for name in X.columns if name.startswith("arm_")]

    def _features(self, X):
        return X.drop(columns=self._arms(X)).to_numpy(dtype=np.float32)


def whole(capacity):
    """Return a capacity as a number of customers, None where there is no limit."""
    return None if np.isinf(capacity) else int(capacity)


# %%
# The team. Month 1 is an experiment; only customers whose margin could pay for a call or a discount are drawn for one.
# From then on effect × value is allocated, and one in a hundred gets an action by lot.


@dataclass
class RetentionTeam:
    """A policy that learns from its own log and sees nothing else."""

    holdout: float = 0.02
    explore: float = 0.01
    half_life: float = 4.0
    hope: float = 0.04  # an action is tried where a year's margin times this effect would pay for it
    discounting: float = 0.99
    learner: object = field(default_factory=lambda: SLearner(RiskThenChange(), control="none"))

    def decide(self, view: RetentionView):
        """Return what is done this month, and how probable everything was."""
        if view.month == 1:
            return self.experiment(view)
        gain = self.expected_gain(view)
        plan = allocate(
            gain, actions=self.catalogue(view), customers=view.customers, budget=view.budget,
            holdout=self.holdout, explore=self.explore, salt=f"month {view.month}", on="2026-01-01",
        )  # fmt: skip
        return plan.frame["action"], plan.propensities

    def experiment(self, view):
        """Draw lots: nothing, or one of the actions that could pay for the customer."""
        shares = {"none": 0.3, "message": 0.45, "call": 0.15, "discount": 0.2}
        may = pd.DataFrame({action.name: action.allowed(view.customers) for action in self.catalogue(view)})
        may["message"] = True  # it costs next to nothing
        arms, odds = [], []
        for pattern, group in may.groupby(list(may.columns)):
            open_to = pd.Series(shares)[[True, *pattern]]
            drawn = assign(group.index, arms=(open_to / open_to.sum()).to_dict(), salt="month 1", holdout=self.holdout)
            arms.append(drawn.arm.astype(object).replace("holdout", "none"))
            odds.append(drawn.propensities.assign(none=lambda frame: frame["none"] + frame.pop("holdout")))
        columns = ["none", *view.actions.index]
        return pd.concat(arms), pd.concat(odds).reindex(columns=columns, fill_value=0.0).fillna(0.0)

    def catalogue(self, view):
        """Return the actions with their limits, and for whom they are tried at all."""
        return [
            Action(
                name, cost=row.cost, channel=row.channel, capacity=whole(row.capacity),
                eligible=f"margin >= {row.cost / (12 * self.hope):.2f}",
            )
            for name, row in view.actions.iterrows()
        ]  # fmt: skip

    def expected_gain(self, view):
        """Return effect × value of each action, by customer."""
        past = view.past.join(self.contacts(view, view.past.index))
        now = pd.MultiIndex.from_product([view.customers.index, [view.month]])
        today = view.customers.join(self.contacts(view, now).droplevel(1))
        age = view.month - 1 - past.index.get_level_values("month").to_numpy()
        self.learner.fit(
            past, view.log["retained"].to_numpy(), treatment=view.log["action"].astype(str).to_numpy(),
            sample_weight=0.5 ** (age / self.half_life),
        )  # fmt: skip
        stays = pd.DataFrame(self.learner.predict_outcomes(today), index=today.index, columns=self.learner.arms_)
        alone = stays.pop("none")
        # a risk this month is not a risk for ever: half way back to the mean
        worth = view.customers["margin"] / (1 - self.discounting * (alone + alone.mean()) / 2)
        return stays.sub(alone, axis=0).mul(worth, axis=0)[list(view.actions.index)]

    @staticmethod
    def contacts(view, index):
        """Return how often each customer was contacted in the month before, by action, and in three months."""
        flags = pd.get_dummies(view.log["action"]).drop(columns="none").astype(np.float32)
        flags["any"] = flags.sum(axis=1)
        customer, month = index.get_level_values(0), index.get_level_values(1)
        found = pd.DataFrame(
            0.0, index=index, columns=["last_call", "last_discount", "last_message", "recent"], dtype=np.float32
        )
        for lag in (1, 2, 3):
            then = flags.reindex(pd.MultiIndex.from_arrays([customer, month - lag])).fillna(0.0)
            if lag == 1:
                found[["last_call", "last_discount", "last_message"]] = then[["call", "discount", "message"]].to_numpy()
            found["recent"] += 0.5 ** (lag - 1) * then["any"].to_numpy()
        return found


# %%
# The judge, who sees everything. The oracle knows this month's true effects, fatigue included, and the true value of
# each customer, and allocates under the same limits; it needs neither exploration nor holdout. Beside it stands what is
# common: one action for those who are most likely to leave, as many as may get it. They are picked by their true risk,
# which flatters it.


def nobody(_):
    """Leave everybody alone."""
    return "none", None


def oracle(world):
    """Solve this month's problem with the truth."""
    view = world.observed()
    actions = [
        Action(name, cost=row.cost, channel=row.channel, capacity=whole(row.capacity))
        for name, row in view.actions.iterrows()
    ]
    return allocate(world.truth.gain, actions=actions, budget=view.budget, on="2026-01-01").frame["action"], None


class Riskiest:
    """One action for those most likely to leave."""

    def __init__(self, action):
        self.action = action

    def __call__(self, world):
        """Return what is done this month."""
        row = world.observed().actions.loc[self.action]
        n = int(min(row.capacity, world.observed().budget / row.cost))
        return pd.Series(self.action, index=world.truth.risk.nlargest(n).index), None


def play(world, policy):
    """Play all months, and return the world."""
    for _ in range(world.parameters.months):
        world.step(*policy(world))
    return world


def incremental(world, policy):
    """Return what a policy earns beyond doing nothing, with the same customers and the same luck."""
    return float((play(world.again(), policy).profit - play(world.again(), nobody).profit).sum())


def closed_loop(seed=0, **changes):
    """Return the incremental profit of each policy in one world."""
    world, team = RetentionWorld(random_state=seed, **changes), RetentionTeam()
    earned = {
        "team": incremental(world, lambda world: team.decide(world.observed())),
        "oracle": incremental(world, oracle),
    }
    for action in world.observed().actions.index:
        earned[f"riskiest, {action}"] = incremental(world, Riskiest(action))
    return pd.Series(earned, name=seed)


# %%
# Here it is played with a part of the customers, so that it is quick: fewer customers teach less, and the team earns a
# smaller share. ``python examples/closed_loop.py --customers 20000 --seeds 20`` plays the world as it is shipped.

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="The closed loop: from nothing to a policy that pays")
    parser.add_argument("--customers", type=int, default=4000)
    parser.add_argument("--seeds", type=int, default=1)
    asked = parser.parse_args()
    found = pd.DataFrame([closed_loop(seed, n_customers=asked.customers) for seed in range(asked.seeds)])
    print(found.round().astype(int).to_string())
    share, rival = found["team"] / found["oracle"], found.filter(like="riskiest").max(axis=1)
    print(f"of the oracle's incremental profit: {share.median():.1%} in the median, {share.min():.1%} at worst")
    print(f"the best of the riskiest-first rules: {(rival / found['oracle']).median():.1%}")

    # %%
    # One bar for each policy, in money beyond doing nothing.
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
    _ = found.median().sort_values().plot.barh(ax=ax, xlabel="incremental profit of 12 months")
