"""Cells are the shares of their row, and say the counts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("matplotlib")

from churnlib.exceptions import DataError
from churnlib.plotting import plot_migration
from churnlib.segmentation import migration_matrix, transition_matrix

IDS = pd.Index(range(6), name="customer_id")
MOVED = migration_matrix(
    pd.Series(["top", "top", "top", "low", "low", "low"], index=IDS),
    pd.Series(["top", "top", "low", "low", "top", "low"], index=pd.Index([0, 1, 2, 3, 4, 9], name="customer_id")),
)


@pytest.mark.parametrize("given", [MOVED, MOVED.counts])
def test_colours_are_shares_of_the_row_and_texts_the_counts(given: object) -> None:
    ax = plot_migration(given)
    mesh = ax.collections[0]
    drawn = np.ma.filled(mesh.get_array(), np.nan)  # type: ignore[arg-type]
    assert np.array_equal(drawn, MOVED.shares.to_numpy(), equal_nan=True)
    said = [text.get_text() for text in ax.texts]
    assert said == ["33%\n1", "33%\n1", "33%\n1", "33%\n1", "67%\n2", "", "100%\n1", "", ""]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["low", "top", "(left)"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["low (3)", "top (3)", "(entered) (1)"]


def test_those_who_stayed_are_framed() -> None:
    corners = [patch.get_xy() for patch in plot_migration(MOVED).patches]  # type: ignore[attr-defined]
    assert corners == [(-0.5, -0.5), (0.5, 0.5)]


def test_a_row_of_nobody_is_empty() -> None:
    ax = plot_migration(pd.DataFrame([[2, 0], [0, 0]], index=["a", "b"], columns=["a", "b"]))
    assert [text.get_text() for text in ax.texts] == ["100%\n2", ""]
    assert len(ax.patches) == 1


def test_transitions_of_lifecycle_stages_are_drawn_too() -> None:
    states = pd.DataFrame(
        {
            "customer_id": [1, 1, 2, 2, 3, 3],
            "cutoff": pd.to_datetime(["2025-01-01", "2025-02-01"] * 3),
            "stage": pd.Categorical(["new", "new", "new", "lost", "lost", "lost"], categories=["new", "lost"]),
        }
    )
    ax = plot_migration(transition_matrix(states))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["new (2)", "lost (1)"]
    assert [text.get_text() for text in ax.texts] == ["50%\n1", "50%\n1", "", "100%\n1"]


def test_counts_below_zero_are_refused() -> None:
    with pytest.raises(DataError, match="1 counts are negative or missing"):
        plot_migration(pd.DataFrame([[2, -1], [0, 0]]))
