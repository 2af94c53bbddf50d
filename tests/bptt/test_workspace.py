"""Buffers that are handed out again, and limits that hold before anything is allocated."""

import copy
import pickle

import numpy as np
import pytest

from npseq.bptt.workspace import KEPT, MAX_BYTES, Workspace, child, each, empty, readable, require

LIKE = np.zeros(1, np.float32)


def test_without_a_workspace_memory_is_fresh():
    first, second = (empty(None, "name", LIKE, (2, 3)) for _ in range(2))
    assert (first.shape, first.dtype) == ((2, 3), np.float32)
    assert not np.shares_memory(first, second)


def test_a_name_has_one_buffer():
    workspace = Workspace()
    first = empty(workspace, "name", LIKE, (2, 3))
    assert empty(workspace, "name", LIKE, (2, 3)) is first
    assert not np.shares_memory(empty(workspace, "other", LIKE, (2, 3)), first)
    assert not np.shares_memory(empty(workspace, ("name", 0), LIKE, (2, 3)), first)


def test_a_smaller_shape_lies_in_the_same_memory_and_a_larger_one_replaces_it():
    workspace = Workspace()
    first = empty(workspace, "name", LIKE, (4, 6))
    smaller = empty(workspace, "name", LIKE, (3, 5))
    assert smaller.flags.c_contiguous
    assert np.shares_memory(smaller, first)
    assert np.shares_memory(empty(workspace, "name", LIKE, (4, 6)), first)
    larger = empty(workspace, "name", LIKE, (5, 6))
    assert not np.shares_memory(larger, first)
    assert [memory.size for memory in workspace.arrays()] == [30]


def test_another_dtype_has_other_memory():
    workspace = Workspace()
    first = empty(workspace, "name", LIKE, (6,))
    other = empty(workspace, "name", np.zeros(1), (3,))
    assert other.dtype == np.float64
    assert not np.shares_memory(other, first)


def test_an_empty_shape_has_no_numbers():
    assert empty(Workspace(), "name", LIKE, (0, 3)).shape == (0, 3)


def test_children_have_memory_of_their_own_which_their_parent_lists():
    workspace = Workspace()
    assert workspace.child("a") is workspace.child("a") is not workspace.child("b")
    own, inner = empty(workspace, "name", LIKE, (2,)), empty(workspace.child("a"), "name", LIKE, (3,))
    assert not np.shares_memory(own, inner)
    assert [memory.size for memory in workspace.arrays()] == [2, 3]
    assert child(None, "a") is None
    assert child(workspace, "a") is workspace.child("a")


def test_a_limit_is_an_error_that_names_the_remedy():
    require("a tape", 10, 10, "never shown")
    require("a tape", MAX_BYTES * 1000, None, "never shown")
    message = r"^a tape would need about 2 KiB, more than max_bytes allows \(1 KiB\); take shorter pieces, or raise"
    with pytest.raises(MemoryError, match=message):
        require("a tape", 2048, 1024, "take shorter pieces")


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1000 bytes"),
        (1023, "1023 bytes"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (1_047_552, "1023 KiB"),
        (5 << 20, "5 MiB"),
        (MAX_BYTES, "4 GiB"),
        (3 << 50, "3,072.0 TiB"),
    ],
)
def test_bytes_are_written_as_a_person_writes_them(size, text):
    assert readable(size) == text


def test_the_steps_of_an_array_that_comes_again_are_cut_once():
    workspace, array = Workspace(), np.arange(6.0).reshape(3, 2)
    steps = each(workspace, "name", array, array[:, :1])
    assert each(workspace, "name", array, array[:, :1]) is steps
    array[1, 0] = 9
    assert [step.tolist() for step in steps] == [[0], [9], [4]]
    other = array.copy()
    assert each(workspace, "name", other, other)[1].tolist() == [9, 3]


def test_steps_are_not_kept_without_a_workspace_nor_where_there_are_many():
    many = np.zeros((KEPT + 1, 1))
    assert each(Workspace(), "name", many, many) is many
    few = many[:KEPT]
    assert each(child(Workspace(kept=0), "layer"), "name", few, few) is few
    assert each(None, "name", few, few) is few


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copy_of_a_workspace_has_no_memory(copied):
    workspace = Workspace()
    array = empty(workspace, "name", LIKE, (3, 2))
    each(workspace, "name", array, array)
    assert copied(workspace).arrays() == []
    assert not np.shares_memory(empty(copied(workspace), "name", LIKE, (3, 2)), array)
