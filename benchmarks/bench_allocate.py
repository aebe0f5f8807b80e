"""Allocation under a budget beside HiGHS and the plain ways to do it: one process, in turns, the same arrays."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.side_by_side import interleaved, machine, table, write_section
from churnlib.numerics import choice_hull
from churnlib.policy import Limit, solve

SECONDS = 60.0
"""HiGHS is stopped after so long; its ratio is then a lower bound."""


def customers(n: int, k: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Net values and costs that differ by customer and arm; half of the values are losses or close."""
    rng = np.random.default_rng(0)
    base = rng.gamma(2, 20, n)[:, None]
    cost = rng.uniform(1, 10, (n, k))
    return base * rng.normal(0.05, 0.08, (n, k)) * np.sqrt(cost), cost


def by_highs(value: np.ndarray, cost: np.ndarray, budget: float) -> float | None:
    """The linear relaxation over all options; None when the time is up."""
    from scipy import sparse
    from scipy.optimize import linprog

    n, k = value.shape
    choice = sparse.kron(sparse.eye(n, format="csr"), np.ones((1, k)))
    matrix = sparse.vstack([choice, sparse.csr_matrix(cost.reshape(1, -1))]).tocsr()
    found = linprog(
        -value.ravel(),
        A_ub=matrix,
        b_ub=np.append(np.ones(n), budget),
        bounds=(0, 1),
        method="highs",
        options={"time_limit": SECONDS},
    )
    return -found.fun if found.status == 0 else None


def by_all_steps(value: np.ndarray, cost: np.ndarray, budget: float) -> float:
    """All hulls, one sort of all steps, and the path to the budget: what solvers of the whole path do."""
    hull = choice_hull(value, cost)
    spent = np.cumsum(hull.cost)
    fits = int(np.searchsorted(spent, budget, side="right"))
    left = budget - (spent[fits - 1] if fits else 0.0)
    return float(hull.value[:fits].sum() + (left * hull.slope[fits] if fits < len(hull) else 0.0))


def by_bisection(value: np.ndarray, cost: np.ndarray, budget: float) -> float:
    """The price of money by halving, each time the best arm of every customer."""
    low, high = 0.0, float((value / cost).max())
    best = 0.0
    for _ in range(50):
        price = (low + high) / 2
        net = value - price * cost
        arm = net.argmax(axis=1)
        given = net[np.arange(len(arm)), arm] > 0
        best = float(net[given, arm[given]].sum() + price * budget)
        if cost[given, arm[given]].sum() > budget:
            low = price
        else:
            high = price
    return best


def one_budget() -> list[list[str]]:
    rows = []
    for n in (5_000, 100_000, 1_000_000):
        value, cost = customers(n)
        budget = 0.5 * n
        ways: dict[str, Any] = {
            "churnlib": lambda: solve(value, cost, budget=budget),  # noqa: B023 - run inside the turn
            "all steps": lambda: by_all_steps(value, cost, budget),  # noqa: B023
            "bisection": lambda: by_bisection(value, cost, budget),  # noqa: B023
        }
        if n < 1_000_000:
            ways["HiGHS"] = lambda: by_highs(value, cost, budget)  # noqa: B023
        timings, results = interleaved(ways, rounds=5 if n < 1_000_000 else 3, once=("HiGHS", "bisection"))
        ours, found = timings["churnlib"].best, results["churnlib"]
        for name in list(ways)[1:]:
            theirs, bound = timings[name].best, results[name]
            late = bound is None
            rows.append(
                [
                    f"{n:,} × 5",
                    name,
                    f"{1e3 * ours:.1f}",
                    f"over {1e3 * theirs:,.0f}" if late else f"{1e3 * theirs:,.1f}",
                    f"{'over ' if late else ''}{theirs / ours:,.1f} ×",
                    "" if late else f"{abs(found.upper_bound / bound - 1):.0e}",
                    f"{found.gap / found.upper_bound:.0e}",
                ]
            )
    return rows


def several_limits() -> list[list[str]]:
    rows = []
    for n in (10_000, 100_000, 1_000_000):
        value, cost = customers(n)
        tier = np.random.default_rng(1).integers(0, 3, n)
        limits = [
            Limit("phone", arms=(0, 1), at_most=0.03 * n),
            Limit("visit", arms=(2,), at_most=0.05 * n),
            Limit("gift", arms=(4,), counts="cost", at_most=0.1 * n),
            Limit("tier A", rows=tier == 0, counts="cost", at_most=0.1 * n),
            Limit("tier B", rows=tier == 1, at_least=0.1 * n),
        ]
        began = time.perf_counter()
        found = solve(value, cost, budget=0.5 * n, limits=limits)
        rows.append([f"{n:,} × 5", f"{time.perf_counter() - began:.2f}", f"{found.gap / found.upper_bound:.0e}"])
    return rows


def main() -> None:
    """Time, compare the bounds, write the section."""
    one, many = one_budget(), several_limits()
    text = "\n".join(
        [
            "## Allocation",
            "",
            "One budget, half a unit of money for each customer; best of 5 rounds (3 at a million; HiGHS and",
            "bisection once), in turns in one process. HiGHS solves the linear relaxation and is told to stop after",
            f"{SECONDS:.0f} s (it looks at the clock late).",
            "`all steps` is what solvers of the whole path do (hulls, one sort, the path to the budget), in numpy;",
            "`apart` is the relative difference of the bounds, `gap` what is at most lost to the bound. The C++",
            "package maq could not be installed where this ran, so no time of it stands here.",
            machine("numpy", "scipy"),
            "",
            table(["rows × arms", "beside", "churnlib, ms", "peer, ms", "ratio", "apart", "gap"], one),
            "",
            "A budget, three capacities, a tier's own money and a quota of another tier:",
            "",
            table(["rows × arms", "churnlib, s", "gap"], many),
        ]
    )
    write_section("allocate", text)
    print(text)


if __name__ == "__main__":
    main()
