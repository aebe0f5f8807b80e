from churnlib.classification._compile_trees import Gatherer, Node
from churnlib.classification._record import Column
from churnlib.classification._tree_nodes import Trees

# named as a maker may name them: not in the order of the levels, and with a name that nobody points to
NAMED = {
    0: Node(0.0, 10.0, column=0, test=5.0, left=7, right=3),
    7: Node(0.0, 6.0, column=1, test=frozenset({2, 0}), missing_right=True, left=4, right=9),
    3: Node(0.5, 4.0),
    4: Node(-1.0, 2.0),
    9: Node(2.0, 4.0),
    1: Node(9.0, 1.0),
}


def test_trees_are_stored_level_by_level_with_shared_tests():
    gathered = Gatherer(2)
    gathered.add(NAMED.__getitem__)
    gathered.add({0: Node(0.0, 1.0, column=0, test=2.0, left=1, right=2), 1: Node(1.0, 1.0), 2: Node(3.0, 0.0)}.get)
    plain, cuts = gathered.plain()
    assert cuts == [[2.0, 5.0], []]
    assert plain == {
        "roots": [0, 5],
        "column": [0, 1, -1, -1, -1, 0, -1, -1],
        "test": [1, 0, 0, 0, 0, 0, 0, 0],
        "missing_right": [0, 1, 0, 0, 0, 0, 0, 0],
        "left": [1, 3, 2, 3, 4, 6, 6, 7],
        "value": [0.0, 0.0, 0.5, -1.0, 2.0, 0.0, 1.0, 3.0],
        "cover": [10.0, 6.0, 4.0, 2.0, 4.0, 1.0, 1.0, 0.0],
        "sets": [[], [[0, 2]]],
    }
    columns = (Column("orders", None, tuple(cuts[0])), Column("plan", ("a", "b", "c")))
    assert Trees.from_plain(plain, columns).depth == 2
