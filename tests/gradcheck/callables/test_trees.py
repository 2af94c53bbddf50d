from collections import namedtuple
from dataclasses import dataclass

import numpy as np
import pytest

from npseq.gradcheck.callables.trees import is_branch, leaves_of, rebuilt

Pair = namedtuple("Pair", "h c")


@dataclass(frozen=True)
class Cell:
    W: object
    inner: object


TREE = {"layers": [{"W": 1.5, "b": np.zeros(2)}, {"W": 2.5}], "cell": Cell((np.ones(1),), Pair(3.0, None))}
PATHS = ["layers[0].W", "layers[0].b", "layers[1].W", "cell.W[0]", "cell.inner.h", "cell.inner.c"]


def test_paths_say_where_a_leaf_is():
    assert list(leaves_of(TREE)) == PATHS
    assert leaves_of(TREE)["cell.inner.h"] == 3.0
    assert leaves_of(np.ones(2), "x")["x"].tolist() == [1, 1]


def test_a_tree_is_built_again_of_other_leaves():
    made = rebuilt(TREE, lambda path: path.upper())
    assert made["layers"] == [{"W": "LAYERS[0].W", "b": "LAYERS[0].B"}, {"W": "LAYERS[1].W"}]
    assert made["cell"] == Cell(("CELL.W[0]",), Pair("CELL.INNER.H", "CELL.INNER.C"))


@pytest.mark.parametrize("leaf", [1.0, None, np.ones(2), [1, 2], [[1.0, 2], (3, 4)], "text", Cell])
def test_numbers_arrays_and_lists_of_numbers_are_leaves(leaf):
    assert not is_branch(leaf)


@pytest.mark.parametrize("branch", [[], (), {}, [np.ones(2)], [1.0, np.ones(2)], Pair(1, np.ones(1)), Cell(1, 2)])
def test_what_holds_more_than_numbers_is_a_branch(branch):
    assert is_branch(branch)
