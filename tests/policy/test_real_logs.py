"""Real logs: each number of these on a page is the one computed here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.policy.real_logs import ESTIMATORS, across, hillstrom, journey

DOCS = Path(__file__).parents[2] / "docs"
EXPLAINED = (DOCS / "explanation" / "value-of-a-policy.md").read_text(encoding="utf-8")
PROVED = (DOCS / "how-to" / "prove-it-paid.md").read_text(encoding="utf-8")


def per_mille(value: float, low: float, high: float) -> str:
    return f"{1000 * value:.1f} ({1000 * low:.1f} to {1000 * high:.1f})"


def points(value: float, low: float, high: float) -> str:
    return f"{100 * value:+.2f} ({100 * low:+.2f} to {100 * high:+.2f})"


def bandit_lines(table) -> list[str]:
    names = dict(zip(ESTIMATORS, ("`ips`", "`snips`", "`dr`", "`sndr`", "`dm`"), strict=True))
    lines = []
    for place, name in enumerate([*names.values(), "its own log"]):
        cells = [per_mille(*table[policy][place][:3]) for policy in ("bts", "random")]
        lines.append(f"| {name} | {cells[0]} | {cells[1]} |")
    return lines


def test_open_bandit(data_dir) -> None:
    table = across(data_dir)
    for policy in ("bts", "random"):
        *others, own = table[policy]
        assert own[1] < own[0] < own[2]
        for name, found in zip(ESTIMATORS, others, strict=True):
            if name != "dm":  # the model alone has an interval that says nothing of the model
                assert found[1] <= own[0] <= found[2], (policy, name)
    for line in bandit_lines(table):
        assert line in EXPLAINED, line
    assert [round(table[policy][2][3]) for policy in ("bts", "random")] == [2639, 340]
    assert "worth 2,639 rows of bts, and the log of bts 340 rows of random" in EXPLAINED


def test_complete_journey(data_dir) -> None:
    found, spent = journey(data_dir)
    assert found.verdict == "cannot be known"
    assert (found.n_contacted, found.n_redeemed) == (1077, 196)
    assert f"{found.credited:,.2f}" in PROVED
    for name, row in spent.iterrows():
        line = f"| {name} | {row['households']:,.0f} | {row['before']:.2f} | {row['during']:.2f} |"
        assert line in PROVED, line
    assert spent.loc["redeemed", "during"] < spent.loc["redeemed", "before"]


@pytest.mark.slow
def test_hillstrom(data_dir) -> None:
    found = hillstrom(data_dir)
    table = found.frame.set_index("policy")
    assert table.loc["effect of the better one", "difference_low"] > 0
    assert table.loc["visits anyway", "difference_low"] < 0 < table.loc["visits anyway", "difference_high"]
    assert np.allclose(table["share_treated"].drop("nobody"), 0.3)
    for name, row in table.iterrows():
        gap = "" if name == "random" else points(row["difference"], row["difference_low"], row["difference_high"])
        line = f"| {name} | {row['value']:.2%} ({row['low']:.2%} to {row['high']:.2%}) | {gap} |"
        assert line in EXPLAINED, line
