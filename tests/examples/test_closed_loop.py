"""The closed loop: a team that sees only its log comes near an oracle, and leaves the riskiest-first rules behind."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "closed_loop.py"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("closed_loop", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shares(found: pd.DataFrame, record: Callable[[str, object], None]) -> pd.Series[float]:
    share = found["team"] / found["oracle"]
    rival = found.filter(like="riskiest").max(axis=1)
    record("share of the oracle's incremental profit, median", float(share.median()))
    record("share of the oracle's incremental profit, worst", float(share.min()))
    record("riskiest first, best action, share of the oracle's", float((rival / found["oracle"]).median()))
    assert (found["team"] >= 1.5 * rival).all()
    return share


def test_a_small_team_earns_more_than_the_riskiest_first(
    example: ModuleType, record_property: Callable[[str, object], None]
) -> None:
    found = pd.DataFrame([example.closed_loop(0, n_customers=6000, months=5)])
    assert shares(found, record_property).min() > 0.4


@pytest.mark.slow
def test_over_twenty_worlds_four_fifths_of_what_could_be_earned(
    example: ModuleType, record_property: Callable[[str, object], None]
) -> None:
    found = pd.DataFrame([example.closed_loop(seed) for seed in range(20)])
    share = shares(found, record_property)
    assert share.median() >= 0.80
    assert share.min() >= 0.75


def test_what_the_team_logs_are_the_probabilities_of_what_it_did(example: ModuleType) -> None:
    """Counts of each action are within four standard errors of the sums of its probabilities, experiment included."""
    world, team = example.RetentionWorld(n_customers=4000), example.RetentionTeam()
    held = []
    for _ in range(2):
        view = world.observed()
        actions, odds = team.decide(view)
        assert odds.to_numpy().min() >= 0
        np.testing.assert_allclose(odds.sum(axis=1), 1, atol=1e-12)
        codes = odds.columns.get_indexer(actions.astype(str).reindex(odds.index))
        assert (odds.to_numpy()[np.arange(len(odds)), codes] > 0).all()
        error = np.sqrt((odds * (1 - odds)).sum())
        assert ((np.bincount(codes, minlength=4) - odds.sum()).abs() <= 4 * error + 1).all()
        assert (odds["none"] >= team.holdout).all()
        held.append(set(actions.index[actions.astype(str) != "none"]))
        world.step(actions, odds)
    # the holdout is permanent: about two in a hundred of the customers of both months were never touched
    both = world.observed().past.index.get_level_values(0).unique()
    assert len(both.difference(list(held[0] | held[1]))) >= 0.5 * team.holdout * len(both)


def test_the_team_stays_within_the_limits_and_the_holdout_is_small(example: ModuleType) -> None:
    assert 0 < example.RetentionTeam().holdout <= 0.1
