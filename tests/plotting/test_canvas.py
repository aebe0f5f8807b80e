"""What every picture does: its own figure, no trace in pyplot, a word about what is missing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("matplotlib")

from churnlib import plotting
from churnlib.economics import RetentionOffer
from churnlib.exceptions import DataError, MissingDependencyError, ParameterTypeError, SchemaError
from churnlib.metrics import cost_curve, lift_table, profit_curve, reliability_table, uplift_curve, uplift_table
from churnlib.reasons import fishbone_table, pareto_table

_MEANS = {"customers": [3, 2], "actual": [1.0, 0.5], "low": [0.5, 0.1], "high": [2.0, 1.5], "predicted": [1.1, 0.6]}
_WEEKS = pd.date_range("2025-01-08", periods=3, freq="7D", name="until", tz="UTC")
_CELLS = pd.MultiIndex.from_product([[0, 1], [0.0, 5.0]], names=["frequency", "recency"])
FRAMES: dict[str, tuple[pd.DataFrame, str, str]] = {
    "plot_cluster_choice": (
        pd.DataFrame({"k": [2, 3], "silhouette": [0.5, 0.4], "stability": [0.9, 0.7], "chosen": [True, False]}),
        "stability",
        "RFMClusterSegmenter",
    ),
    "plot_frequency_recency": (
        pd.DataFrame({"T": 5.0, "t": 4.0, "expected_purchases": [1.0, np.nan, np.nan, 3.0]}, index=_CELLS),
        "expected_purchases",
        "frequency_recency_matrix",
    ),
    "plot_holdout": (pd.DataFrame(_MEANS, index=pd.Index(["0", "1+"], name="frequency")), "predicted", "holdout_table"),
    "plot_holdout_calibration": (
        pd.DataFrame(_MEANS, index=pd.RangeIndex(1, 3, name="bin")),
        "high",
        "holdout_calibration",
    ),
    "plot_rates": (
        pd.DataFrame(
            {"trials": [9, 4], "rate": [0.1, 0.5], "shrunken": [0.1, 0.2], "low": [0.0, 0.1], "high": [0.2, 0.4]}
        ),
        "shrunken",
        "shrunken_rates",
    ),
    "plot_segments": (
        pd.DataFrame({"customers": [3, 1], "share": [0.75, 0.25]}, index=pd.Index(["top", "low"], name="segment")),
        "share",
        "segment_profiles",
    ),
    "plot_tracking": (
        pd.DataFrame({"actual": [1, 2, 3], "expected": [1.5, 2.0, 2.5]}, index=_WEEKS),
        "expected",
        "tracking_table",
    ),
}
_BANDS = pd.IntervalIndex.from_breaks([0.0, 3.0, 6.0], name="band")
FRAMES["plot_hazard"] = (
    pd.DataFrame({"rate": [0.1, 0.2], "low": [0.05, 0.1], "high": [0.2, 0.3]}, index=_BANDS),
    "high",
    "hazard_table",
)
FRAMES["plot_horizon_calibration"] = (
    pd.DataFrame(_MEANS | {"rows": [9, 4]}, index=pd.Index([1, "all"], name="bin", dtype=object)),
    "observed",
    "horizon_calibration_table",
)
FRAMES["plot_horizon_calibration"][0]["observed"] = [1.1, 0.4]
FRAMES["plot_incidence"] = (
    pd.DataFrame({"time": [1.0, 2.0], "cause": ["price", "price"], "incidence": [0.1, 0.2]}),
    "incidence",
    "AalenJohansen",
)
FRAMES["plot_survival"] = (
    pd.DataFrame(
        {"time": [1.0, 2.0], "survival": [0.9, 0.8], "low": [0.8, 0.7], "high": [1.0, 0.9], "at_risk": [9.0, 8.0]}
    ),
    "survival",
    "KaplanMeier",
)
FRAMES["plot_migration"] = (
    pd.DataFrame({"count": [3, 1]}, index=pd.MultiIndex.from_product([["a"], ["a", "b"]])),
    "count",
    "transition_matrix",
)
_LEFT, _RISK = [1, 0, 1, 0, 0, 1, 0, 0, 0, 0], [0.9, 0.2, 0.7, 0.4, 0.1, 0.6, 0.3, 0.5, 0.2, 0.8]
_OFFER = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)
_ANSWERS = pd.DataFrame({"customer_id": [1, 2, 3], "code": ["PRC01", "PRC01", "SRV01"]})
FRAMES["plot_profit_curve"] = (profit_curve(_LEFT, _RISK, offer=_OFFER), "oracle", "profit_curve")
FRAMES["plot_lift"] = (lift_table(_LEFT, _RISK, bins=5), "lift", "lift_table")
FRAMES["plot_gains"] = (lift_table(_LEFT, _RISK, bins=5), "captured", "lift_table")
FRAMES["plot_reliability"] = (reliability_table(_LEFT, _RISK, bins=5), "observed", "reliability_table")
FRAMES["plot_pareto"] = (pareto_table(_ANSWERS, by="code"), "cumulative_share", "pareto_table")
FRAMES["plot_fishbone"] = (fishbone_table(_ANSWERS).reset_index(), "share", "fishbone_table")
FRAMES["plot_comparison"] = (
    pd.DataFrame(
        {
            "model": ["forest", "tree", "$$"],
            "reference": "logistic",
            "metric": "log_loss",
            "value": [-0.02, 0.09, 0.0],
            "low": [-0.03, 0.06, -0.01],
            "high": [-0.01, 0.12, 0.01],
            "verdict": ["wins", "loses", "no clear difference"],
        }
    ),
    "low",
    "compare",
)
FRAMES["plot_backtest"] = (
    pd.DataFrame(
        {
            "part": ["rule", "combined", "silence"],
            "name": ["$low", "combined", "silent 30d"],
            "per_week": [12.0, 10.0, 7.2],
            "precision": [0.3, 0.25, 0.2],
            "low": [0.25, 0.22, 0.1],
            "high": [0.35, 0.27, 0.3],
            "base_rate": 0.05,
        }
    ),
    "high",
    "backtest",
)
_KEPT, _TREATED = [1, 0, 1, 1, 0, 0, 1, 0, 0, 1], [1, 0, 1, 0, 1, 0, 0, 1, 1, 0]
_TRIAL: dict[str, Any] = {"treatment": _TREATED, "propensity": 0.5}
_GAINS = [uplift_curve(_KEPT, score, points=4, **_TRIAL) for score in (_RISK, _RISK[::-1])]
_SPENT = cost_curve([1.0, -2.0, 3.0], [1.0, 2.0, 3.0], cost=[0.5], points=4)
FRAMES["plot_uplift_curve"] = (
    pd.concat(dict(zip(["$one", "$two"], _GAINS, strict=True)), names=["model"]),
    "band_low",
    "uplift_curve",
)
FRAMES["plot_uplift_table"] = (uplift_table(_KEPT, _RISK, bins=5, **_TRIAL), "uplift", "uplift_table")
FRAMES["plot_cost_curve"] = (_SPENT, "gain", "cost_curve")
FRAMES["plot_shadow_price"] = (_SPENT, "shadow_price", "cost_curve")
FRAMES["plot_policies"] = (
    pd.DataFrame({"policy": ["$uplift", "risk"], "value": [1.2, -0.1], "low": [0.9, -0.3], "high": [1.5, 0.1]}),
    "low",
    "compare_policies",
)
NAMES = sorted(FRAMES)
WITHOUT_AXES = ("plot_fishbone",)
NAMED_BARS = ("plot_pareto", "plot_segments")
"""Their names stand beside the bars, and say what the axis is."""


def draw(name: str, frame: Any, **options: Any) -> Any:
    function: Callable[..., Any] = getattr(plotting, name)
    return function(frame, **options)


def test_every_picture_is_tested_here() -> None:
    assert sorted(plotting.__all__) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_has_a_title_and_labels_and_can_be_saved(name: str, tmp_path: Any) -> None:
    ax = draw(name, FRAMES[name][0])
    assert ax.get_title(loc="left")
    assert name in WITHOUT_AXES or (ax.get_xlabel() and (ax.get_ylabel() or name in NAMED_BARS))
    ax.figure.savefig(tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 5_000


@pytest.mark.parametrize("name", NAMES)
def test_the_frame_is_left_as_it_was_and_the_axes_given_are_used(name: str) -> None:
    from matplotlib.figure import Figure

    frame = FRAMES[name][0]
    before = frame.copy(deep=True)
    ax = Figure().add_subplot()
    assert draw(name, frame, ax=ax) is ax
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_column_is_named_with_the_function_that_makes_it(name: str) -> None:
    frame, column, maker = FRAMES[name]
    with pytest.raises(SchemaError, match=rf"(?s)column '{column}' is missing.*Fix: .*{maker}"):
        draw(name, frame.rename(columns={column: "other"}))


@pytest.mark.parametrize("name", NAMES)
def test_no_rows_and_no_frame_are_refused(name: str) -> None:
    frame = FRAMES[name][0]
    with pytest.raises(DataError, match="no rows"):
        draw(name, frame.iloc[:0])
    with pytest.raises(ParameterTypeError, match="is a list"):
        draw(name, [1, 2])


@pytest.mark.parametrize("name", NAMES)
def test_an_ax_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ParameterTypeError, match="ax is a str; one matplotlib Axes"):
        draw(name, FRAMES[name][0], ax="here")


@pytest.mark.parametrize("name", NAMES)
def test_without_matplotlib_the_install_line_is_said(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingDependencyError, match=r"drawing needs the package 'matplotlib'.*\n.*churnlib\[plot\]"):
        draw(name, FRAMES[name][0])


def test_pyplot_is_never_touched_nor_are_the_settings() -> None:
    """In a process of its own, because other tests may have imported pyplot."""
    code = (
        "import io, sys\n"
        "from churnlib import plotting\n"
        "assert 'matplotlib' not in sys.modules, 'importing the room loads matplotlib'\n"
        "import pandas as pd, matplotlib\n"
        # rcParams[...] would load pyplot to find out about its backend; the dict below does not
        "before = list(dict.items(matplotlib.rcParams))\n"
        "profiles = pd.DataFrame({'customers': [3, 1], 'share': [.75, .25], 'spend_share': [.5, .5]})\n"
        "for kind in ('bars', 'treemap'):\n"
        "    plotting.plot_segments(profiles, kind=kind).figure.savefig(io.BytesIO())\n"
        "plotting.plot_migration(pd.DataFrame([[1, 2], [3, 4]])).figure.savefig(io.BytesIO())\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "assert list(dict.items(matplotlib.rcParams)) == before\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_numbers_in_cells_are_white_on_dark_and_black_on_pale() -> None:
    ax = plotting.plot_migration(pd.DataFrame([[90, 10]], index=["a"], columns=["a", "b"]))
    assert [text.get_color() for text in ax.texts] == ["white", "#222222"]


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"plot_migration", "plot_segments", "plot_rates"}))
def test_a_frame_whose_index_was_reset_gives_the_same_picture(name: str) -> None:
    frame = FRAMES[name][0]
    one, other = draw(name, frame), draw(name, frame if frame.index.names == [None] else frame.reset_index())
    for axis in ("x", "y"):
        labels = [[text.get_text() for text in getattr(ax, f"get_{axis}ticklabels")()] for ax in (one, other)]
        assert labels[0] == labels[1]


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"plot_migration"}))
def test_texts_where_numbers_belong_are_refused(name: str) -> None:
    frame, column, maker = FRAMES[name]
    with pytest.raises(SchemaError, match=rf"(?s)column '{column}' of \w+ holds .* numbers were expected.*{maker}"):
        draw(name, frame.assign(**{column: "many"}))


def test_a_dollar_begins_no_formula(tmp_path: Any) -> None:
    counts = pd.DataFrame([[3, 1], [0, 2]], index=["$0\\frac-$9", "$"], columns=["$0\\frac-$9", "$"])
    plotting.plot_migration(counts).figure.savefig(tmp_path / "picture.png")
    rates = FRAMES["plot_rates"][0].set_axis(["$5 $", "x" * 500])
    plotting.plot_rates(rates).figure.savefig(tmp_path / "picture.png")
    cells = FRAMES["plot_frequency_recency"][0]
    plotting.plot_frequency_recency(cells, unit="$ $").figure.savefig(tmp_path / "picture.png")


def test_a_frame_that_is_no_matrix_of_moves_is_refused() -> None:
    with pytest.raises(SchemaError, match="the rows of moved are top, low and its columns customers, share"):
        plotting.plot_migration(FRAMES["plot_segments"][0])
    with pytest.raises(SchemaError, match="column 'a' of moved holds"):
        plotting.plot_migration(pd.DataFrame({"a": ["many"]}, index=["a"]))


def test_rows_of_a_tracking_table_end_in_time() -> None:
    weeks = FRAMES["plot_tracking"][0].set_axis(pd.Index([1, 2, 3], name="until"))
    with pytest.raises(SchemaError, match="'until' of table holds int64 values; points in time were expected"):
        plotting.plot_tracking(weeks)
