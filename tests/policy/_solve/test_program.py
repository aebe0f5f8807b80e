"""The integer program: silent, whatever HiGHS does inside."""

from __future__ import annotations

import numpy as np
import pytest

from churnlib.policy import Limit, solve

# Programs with one-sided rows made HiGHS (scipy 1.15 and later) print a line to the standard output of C for these.
PRINTED = (9, 19, 25, 59, 76, 115, 215, 230, 254, 257, 305, 323)


@pytest.mark.parametrize("seed", PRINTED)
def test_nothing_is_printed(seed, capfd):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(5, 60))
    value, cost = rng.lognormal(3, 1.5, (n, 4)) - 10, np.round(rng.lognormal(1, 1, (n, 4)), 2)
    half = rng.random(n) < 0.5
    budget = float(cost.max(axis=1).sum() * rng.random() / 2)
    limits = [Limit("half", half, (0, 1), "cost", float(cost[half].sum() / 8))] if seed % 2 else []
    solve(value, cost, budget=budget, limits=limits)
    assert capfd.readouterr() == ("", "")
