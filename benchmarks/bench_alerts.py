"""Early warning beside zen-engine, business-rules and rule-engine: the same twenty rules on the same customers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.side_by_side import interleaved, machine, table, write_section
from churnlib.alerts import AlertState, Rule, RuleSet

N = 1_000_000
ROWS = 2_000

CONDITIONS = {
    "no_visit": ("recency_days >= 30", 1, 1.0),
    "cancels": ("cancels_last2 >= 2", 2, 2.0),
    "refund_close": ("refunds_30d > 0 and account_closed", 3, 4.0),
    "downgrade": ("plan_rank < plan_rank_prev", 2, 1.5),
    "balance": ("balance <= 0.5 * balance_90d", 2, 1.5),
    "gap": ("gap_ratio >= 2", 1, 1.0),
    "mail": ("unopened_mails >= 3", 1, 0.5),
    **{f"x{k}": (f"recency_days >= {7 * k} and gap_ratio > {k / 10}", 1, 0.1) for k in range(13)},
}


def customers(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    columns = {
        "recency_days": rng.integers(0, 400, n).astype(np.float32),
        "cancels_last2": rng.integers(0, 3, n).astype(np.int8),
        "refunds_30d": rng.integers(0, 2, n).astype(np.int8),
        "account_closed": rng.random(n) < 0.01,
        "balance": rng.random(n, dtype=np.float32),
        "balance_90d": rng.random(n, dtype=np.float32),
        "unopened_mails": rng.integers(0, 6, n).astype(np.int8),
        "plan_rank": rng.integers(0, 5, n).astype(np.int8),
        "plan_rank_prev": rng.integers(0, 5, n).astype(np.int8),
        "gap_ratio": rng.random(n, dtype=np.float32) * 3,
    }
    return pd.DataFrame(columns, index=pd.RangeIndex(1_000_000, 1_000_000 + n, name="customer_id"))


def rules(*, plain: bool) -> RuleSet:
    """The twenty rules; without tolerance they say what the conditions say, as the peers do."""
    tolerance: dict[str, Any] = {} if plain else {"cooldown": "7d"}
    special: dict[str, dict[str, Any]] = {
        "gap": {"for_": "1d"},
        "mail": {"of": (2, 3)},
        "no_visit": {"inhibited_by": "refund_close"},
    }
    listed = [
        Rule(name, level, when, weight=weight, **tolerance, **({} if plain else special.get(name, {})))
        for name, (when, level, weight) in CONDITIONS.items()
    ]
    return RuleSet(listed)


# -- a million customers ------------------------------------------------------------------------


def morning(chosen: RuleSet, X: pd.DataFrame, now: str, state: AlertState | None) -> AlertState:
    """All that a morning needs: states, scores, levels, and why, for the ten thousand highest."""
    step = chosen.step(X, now=now, state=state)
    assert len(step.customers) == len(X)
    assert step.explain(top=10_000)["customer_id"].nunique() == 10_000
    return step.state


def a_million() -> list[list[str]]:
    chosen = rules(plain=False)
    one, two = customers(N, 0), customers(N, 1)
    few = two.copy()
    few.iloc[: N - N // 20] = one.iloc[: N - N // 20]
    begun = chosen.step(one, now="2026-03-01").state
    stood = chosen.step(one, now="2026-03-02", state=begun).state
    days = {
        "the next day, one customer in twenty changed": lambda: morning(chosen, few, "2026-03-09", stood),
        "the next day, every customer drawn anew": lambda: morning(chosen, two, "2026-03-09", stood),
        "the first day, no state yet": lambda: morning(chosen, one, "2026-03-01", None),
    }
    timings, _ = interleaved(days, rounds=7)
    return [[name, f"{timing.best:.2f}", f"{timing.median:.2f}"] for name, timing in timings.items()]


def peak_memory() -> str:
    """Of a process that takes two steps, above what it holds before the first."""
    code = (
        "import psutil\n"
        "from pathlib import Path\n"
        "from benchmarks.bench_alerts import *\n"
        "X, chosen = customers(N, 0), rules(plain=False)\n"
        "held = psutil.Process().memory_info().rss\n"
        "state = morning(chosen, X, '2026-03-01', None)\n"
        "morning(chosen, X, '2026-03-02', state)\n"
        "peak = next(line for line in Path('/proc/self/status').read_text().splitlines() if line.startswith('VmHWM'))\n"
        "print(int(peak.split()[1]) / 1024 - held / 2**20)\n"
    )
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, check=True, capture_output=True, text=True)
    return f"{float(done.stdout):.0f}"


# -- peers --------------------------------------------------------------------------------------


def with_rule_engine(rows: list[dict[str, Any]]) -> Callable[[], list[list[bool]]]:
    import rule_engine

    compiled = [rule_engine.Rule(when) for when, _, _ in CONDITIONS.values()]
    return lambda: [[rule.matches(row) for rule in compiled] for row in rows]


def with_zen(rows: list[dict[str, Any]]) -> Callable[[], list[list[bool]]]:
    import zen

    expressions = [{"id": name, "key": name, "value": when} for name, (when, _, _) in CONDITIONS.items()]
    place = {"x": 0, "y": 0}
    nodes = [
        {"id": "in", "type": "inputNode", "name": "in", "position": place},
        {
            "id": "rules",
            "type": "expressionNode",
            "name": "rules",
            "position": place,
            "content": {"expressions": expressions},
        },
        {"id": "out", "type": "outputNode", "name": "out", "position": place},
    ]
    edges = [
        {"id": "1", "sourceId": "in", "targetId": "rules", "type": "edge"},
        {"id": "2", "sourceId": "rules", "targetId": "out", "type": "edge"},
    ]
    decision = zen.ZenEngine().create_decision(json.dumps({"nodes": nodes, "edges": edges}))
    return lambda: [list(map(decision.evaluate(row)["result"].__getitem__, CONDITIONS)) for row in rows]


def with_business_rules(rows: list[dict[str, Any]]) -> Callable[[], list[list[bool]]]:
    """It compares a variable with a constant, so that differences of columns are variables of their own."""
    from business_rules.engine import check_conditions_recursively
    from business_rules.variables import BaseVariables, boolean_rule_variable, numeric_rule_variable

    class Customer(BaseVariables):
        def __init__(self, row: dict[str, Any]) -> None:
            self.row = row

    def variable(kind: Any, name: str, read: Callable[[dict[str, Any]], Any]) -> None:
        def method(self: Customer) -> Any:
            return read(self.row)

        method.__name__ = name
        setattr(Customer, name, kind(method))

    variable(boolean_rule_variable, "account_closed", lambda row: row["account_closed"])
    variable(numeric_rule_variable, "downgrade", lambda row: row["plan_rank_prev"] - row["plan_rank"])
    variable(numeric_rule_variable, "balance_left", lambda row: row["balance"] - 0.5 * row["balance_90d"])
    for plain in ("recency_days", "cancels_last2", "refunds_30d", "unopened_mails", "gap_ratio"):
        variable(numeric_rule_variable, plain, lambda row, name=plain: row[name])

    def holds(name: str, operator: str, value: Any) -> dict[str, Any]:
        return {"name": name, "operator": operator, "value": value}

    at_least, above = "greater_than_or_equal_to", "greater_than"
    listed = [
        holds("recency_days", at_least, 30),
        holds("cancels_last2", at_least, 2),
        {"all": [holds("refunds_30d", above, 0), holds("account_closed", "is_true", True)]},
        holds("downgrade", above, 0),
        holds("balance_left", "less_than_or_equal_to", 0),
        holds("gap_ratio", at_least, 2),
        holds("unopened_mails", at_least, 3),
        *({"all": [holds("recency_days", at_least, 7 * k), holds("gap_ratio", above, k / 10)]} for k in range(13)),
    ]

    def run() -> list[list[bool]]:
        found = []
        for row in rows:
            customer = Customer(row)
            found.append([bool(check_conditions_recursively(one, customer)) for one in listed])
        return found

    return run


def beside_the_peers() -> list[list[str]]:
    X = customers(ROWS, 2)
    # whole and half numbers, so that no engine's rounding decides
    for name in ("balance", "balance_90d", "gap_ratio"):
        X[name] = np.round(X[name].astype(float) * 64) / 64 + 1 / 256
    rows = X.to_dict("records")
    chosen = rules(plain=True)
    whole = pd.concat([X] * (N // ROWS)).set_axis(pd.RangeIndex(N, name="customer_id"))

    def ours() -> Any:
        return chosen.step(whole, now="2026-03-01").state

    def one_by_one() -> list[list[bool]]:
        online = chosen.online()
        found = []
        for customer, row in enumerate(rows):
            fired = {alert.rule for alert in online.step(customer, row, now=1_772_323_200_000_000).alerts}
            found.append([name in fired for name in CONDITIONS])
        return found

    engines = {
        "zen-engine": with_zen(rows),
        "business-rules": with_business_rules(rows),
        "rule-engine": with_rule_engine(rows),
    }
    timings, results = interleaved(
        {"churnlib, a table": ours, "churnlib, one at a time": one_by_one, **engines}, rounds=5
    )
    state = results.pop("churnlib, a table")
    fired = np.column_stack([(state.cells[name].status[:ROWS] & 3) == 2 for name in CONDITIONS])
    for name, found in results.items():
        assert np.array_equal(fired, np.array(found)), f"{name} disagrees"
    per_row = {
        name: timing.best / (N if name == "churnlib, a table" else ROWS) * 1e6 for name, timing in timings.items()
    }
    mine = per_row["churnlib, a table"]
    return [[name, f"{micro:.2f}", "" if micro == mine else f"{micro / mine:.0f} ×"] for name, micro in per_row.items()]


def main() -> None:
    """Time, compare what fires, write the section."""
    mornings, memory, peers = a_million(), peak_memory(), beside_the_peers()
    text = "\n".join(
        [
            "## Early warning",
            "",
            "One million customers and twenty rules with cool-down, one of them k of n, one with a span to wait and",
            "one inhibited: new states, scores, levels, and the explanation of the ten thousand highest scores. Every",
            "customer has about twelve alerts, far more than in real life. Best and median of 7 rounds.",
            machine("numpy", "pandas", "pyarrow"),
            "",
            table(["a morning", "best, s", "median, s"], mornings),
            "",
            f"Two mornings take {memory} MB at their peak beyond the customers themselves.",
            "",
            "The same twenty conditions beside engines that take one row at a time: microseconds a row, best of 5",
            f"rounds in turns in one process ({ROWS:,} rows; {N:,} for a table), the same alerts from all of them.",
            "churnlib's times include states and transitions, which the engines do not have.",
            machine("zen-engine", "business-rules", "rule-engine"),
            "",
            table(["engine", "µs a row", "of churnlib's table"], peers),
        ]
    )
    write_section("alerts", text)
    print(text)


if __name__ == "__main__":
    main()
