"""Every combination of scores has exactly one name."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import ParameterError, ParameterTypeError
from churnlib.segmentation import STANDARD_GRID
from churnlib.segmentation._segment_map import (
    check_size,
    checked_name,
    map_from_cells,
    map_of_standard_grid,
    refuse_holes,
    score_label,
)

AXES = (("recency_days",), ("n_orders",))

# The table of the reference, written out again: recency 5 to 1 down, frequency 1 to 5 across.
EXPECTED = """
New Customers  | Potential Loyalist | Potential Loyalist | Champions | Champions
Promising      | Potential Loyalist | Potential Loyalist | Loyal     | Loyal
About to Sleep | About to Sleep     | Needs Attention    | Loyal     | Loyal
Hibernating    | Hibernating        | At Risk            | At Risk   | Can't Lose Them
Lost           | Lost               | At Risk            | At Risk   | Can't Lose Them
"""


def test_the_standard_grid_names_each_of_25_cells_once():
    segments = map_of_standard_grid(AXES, (5, 5))
    table = segments.frame()
    rows = [[name.strip() for name in line.split("|")] for line in EXPECTED.strip().splitlines()]
    assert table.to_numpy().tolist() == rows
    assert table.index.tolist() == [5, 4, 3, 2, 1]
    assert table.columns.tolist() == [1, 2, 3, 4, 5]
    assert set(STANDARD_GRID) == set(itertools.product(range(1, 6), repeat=2))
    assert len(segments.names) == 11
    for r, f in itertools.product(range(1, 6), repeat=2):
        found = segments.find({"recency_days": np.array([r]), "n_orders": np.array([f])})
        assert segments.names[found[0]] == STANDARD_GRID[r, f]


def test_the_standard_grid_cannot_be_changed_by_accident():
    with pytest.raises(TypeError):
        STANDARD_GRID[5, 5] = "Whales"


@given(st.lists(st.integers(1, 4), min_size=1, max_size=3), st.data())
def test_a_map_gives_every_combination_its_own_name(shape, data):
    cells = {
        key: data.draw(st.sampled_from(["a", "b", "c"])) for key in itertools.product(*(range(1, n + 1) for n in shape))
    }
    axes = tuple((f"c{k}",) for k in range(len(shape)))
    segments = map_from_cells(cells, axes, tuple(shape))
    for key, name in cells.items():
        found = segments.find({f"c{k}": np.array([score]) for k, score in enumerate(key)})
        assert segments.names[found[0]] == name
    if len(shape) != 2:
        table = segments.frame()
        assert dict(zip(table.iloc[:, :-1].itertuples(index=False, name=None), table["segment"], strict=True)) == cells


def test_an_axis_of_several_columns_is_their_mean_halves_upward():
    axes = (("r",), ("f", "m"))
    cells = {(r, fm): str(fm) for r in range(1, 6) for fm in range(1, 6)}
    segments = map_from_cells(cells, axes, (5, 5))
    for f, m in itertools.product(range(1, 6), repeat=2):
        found = segments.find({"r": np.array([1]), "f": np.array([f]), "m": np.array([m])})
        assert segments.names[found[0]] == str((f + m + 1) // 2)


def test_three_columns_in_one_axis():
    segments = map_from_cells({(k,): str(k) for k in range(1, 6)}, (("a", "b", "c"),), (5,))
    for scores, mean in (((1, 1, 2), "1"), ((1, 2, 2), "2"), ((5, 5, 4), "5"), ((4, 4, 5), "4")):
        found = segments.find({name: np.array([score]) for name, score in zip("abc", scores, strict=True)})
        assert segments.names[found[0]] == mean


def test_18_of_64_codes_without_a_name_are_counted_and_the_best_of_them_named():
    """A peer's default map names 46 of 64 codes of four quartiles; among those left out are 441, 442, 431 and 432."""
    codes = list(itertools.product(range(1, 5), repeat=3))
    left_out = [(4, 4, 1), (4, 4, 2), (4, 3, 1), (4, 3, 2)]
    left_out += [code for code in codes if code not in left_out and code[0] < 3][:14]
    cells = {code: "Named" for code in codes if code not in left_out}
    assert len(cells) == 46
    axes = (("recency_days",), ("n_orders",), ("spend_total",))
    with pytest.raises(ParameterError, match=r"leaves 18 of 64 combinations .* \(442, 441, 432, 431, .*… 6 more\)"):
        map_from_cells(cells, axes, (4, 4, 4))


def test_a_map_without_holes_is_accepted():
    refuse_holes(np.array([["a", "b"]], dtype=object))
    with pytest.raises(ParameterError, match=r"leaves 1 of 2 combinations .* \(12\); because"):
        refuse_holes(np.array([["a", None]], dtype=object), "; because")


def test_combinations_that_do_not_exist_are_named():
    cells = dict.fromkeys(itertools.product(range(3), repeat=2), "a")
    with pytest.raises(
        ParameterError, match=r"names 5 combinations .* \(\(0, 0\), \(0, 1\).*scores run from 1 to 2 × 2"
    ):
        map_from_cells(cells, AXES, (2, 2))


@pytest.mark.parametrize("key", ["55", 5, (5,), (5.0, 5.0), (True, 1), (1, 2, 3)])
def test_a_key_is_a_tuple_of_scores(key):
    with pytest.raises(ParameterTypeError, match=r"segments has the key .* a tuple of 2 scores"):
        map_from_cells({key: "a"}, AXES, (5, 5))


@pytest.mark.parametrize("name", [None, 3, ""])
def test_a_name_is_a_text(name):
    with pytest.raises(ParameterTypeError, match="segments names a segment"):
        checked_name(name)


def test_the_standard_grid_needs_five_by_five():
    with pytest.raises(ParameterError, match=r"the scores make 5 × 4 cells \(recency_days, n_orders\)"):
        map_of_standard_grid(AXES, (5, 4))


def test_a_map_of_millions_is_refused_before_it_is_made():
    with pytest.raises(ParameterError, match="1000 × 1000 combinations; at most 100,000"):
        check_size((1000, 1000))


def test_labels_are_those_of_the_code():
    assert score_label((5, 1), (5, 5)) == "51"
    assert score_label((10, 1), (10, 5)) == "10-1"


def test_segments_are_listed_from_the_best_to_the_worst():
    assert map_of_standard_grid(AXES, (5, 5)).names == (
        "Champions",
        "Loyal",
        "Potential Loyalist",
        "Can't Lose Them",
        "New Customers",
        "Needs Attention",
        "Promising",
        "At Risk",
        "About to Sleep",
        "Hibernating",
        "Lost",
    )


def test_of_segments_on_a_par_the_better_first_axis_goes_first_then_the_name():
    cells = {(1, 1): "low", (1, 2): "often", (2, 1): "lately", (2, 2): "top"}
    assert map_from_cells(cells, AXES, (2, 2)).names == ("top", "lately", "often", "low")
    crossed = {(1, 1): "x", (2, 2): "x", (1, 2): "b", (2, 1): "b"}
    assert map_from_cells(crossed, AXES, (2, 2)).names == ("b", "x")


@given(st.permutations(sorted(STANDARD_GRID)))
def test_the_order_of_the_cells_does_not_matter(keys):
    shuffled = map_from_cells({key: STANDARD_GRID[key] for key in keys}, AXES, (5, 5))
    assert shuffled.names == map_of_standard_grid(AXES, (5, 5)).names
