"""Random trees over numbers and categories, and their plain evaluation node by node."""

import numpy as np

from churnlib.classification._record import Column
from churnlib.classification._tree_nodes import Trees

COLUMNS = (
    Column("a", None, tuple(float(k) for k in range(6))),
    Column("b", None, (0.5,)),
    Column("c", ("p", "q", "r", "s")),
    Column("unused", None, ()),
)
SETS = [[], [], [[0], [1, 3], [0, 1, 2]], []]


def random_trees(seed, *, n_trees=5, most_tests=7):
    """Trees that test the same column again and again, of any shape up to a number of tests."""
    rng = np.random.default_rng(seed)
    plain = {name: [] for name in ("roots", "column", "test", "missing_right", "left", "value", "cover")}

    def add(column, test, cover):
        for name, value in zip(
            ("column", "test", "missing_right", "left", "value", "cover"),
            (column, test, int(rng.integers(2)) if column >= 0 else 0, len(plain["left"]), 0.0, cover),
            strict=True,
        ):
            plain[name].append(value)

    for _ in range(n_trees):
        plain["roots"].append(len(plain["left"]))
        add(-1, 0, 100.0)
        for _ in range(int(rng.integers(most_tests + 1))):
            leaves = [k for k in range(plain["roots"][-1], len(plain["left"])) if plain["column"][k] < 0]
            # level by level: only leaves behind the last test may be split further
            inner = [k for k in range(plain["roots"][-1], len(plain["left"])) if plain["column"][k] >= 0]
            leaves = [k for k in leaves if not inner or k > max(inner)]
            if not leaves:
                break
            node = int(rng.choice(leaves))
            column = int(rng.integers(3))
            plain["column"][node] = column
            plain["test"][node] = int(rng.integers(len(SETS[column]) or len(COLUMNS[column].cuts)))
            plain["missing_right"][node] = int(rng.integers(2))
            plain["left"][node] = len(plain["left"])
            share = rng.uniform(0.05, 0.95)
            add(-1, 0, plain["cover"][node] * share)
            add(-1, 0, plain["cover"][node] * (1 - share))
    leaf = [column < 0 for column in plain["column"]]
    plain["value"] = [float(np.float32(rng.normal())) if is_leaf else 0.0 for is_leaf in leaf]
    return Trees.from_plain(plain | {"sets": SETS}, COLUMNS)


def random_places(seed, n):
    """Bins and codes, missing values among them."""
    rng = np.random.default_rng(seed)
    return [[int(rng.integers(-1, column.size)) for column in COLUMNS] for _ in range(n)]


def right_of(trees, node, places):
    """Whether a test sends a row right."""
    column, place = trees.column[node], places[trees.column[node]]
    if place < 0:
        return bool(trees.missing_right[node])
    if trees.sets[column]:
        return place in trees.sets[column][trees.test[node]]
    return place > trees.test[node]


def leaf_of(trees, root, places):
    """The leaf that a row falls into."""
    node = int(root)
    while trees.column[node] >= 0:
        node = int(trees.left[node]) + right_of(trees, node, places)
    return node


def expected(trees, node, places, known):
    """The tree's value when only some columns are known: others are averaged over the training rows."""
    if trees.column[node] < 0:
        return trees.value[node]
    left = int(trees.left[node])
    if int(trees.column[node]) in known:
        return expected(trees, left + right_of(trees, node, places), places, known)
    share = trees.cover[left + 1] / trees.cover[node]
    return share * expected(trees, left + 1, places, known) + (1 - share) * expected(trees, left, places, known)
