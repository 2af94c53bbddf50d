"""The columns of all steps side by side, as a loop over every step and sequence puts them, and in how many pieces."""

import numpy as np
import pytest

from npseq.bptt import columns
from npseq.bptt.workspace import Workspace


@pytest.mark.parametrize(
    ("steps", "batch", "features", "expected"),
    [
        (10, 3, 4, [(0, 10)]),
        (0, 3, 4, [(0, 0)]),
        (10, 3, 8, [(0, 5), (5, 10)]),  # 240 numbers, at most 120 at a time
        (7, 5, 12, [(0, 2), (2, 4), (4, 6), (6, 7)]),
        (3, 100, 12, [(0, 1), (1, 2), (2, 3)]),  # a step is never cut
    ],
)
def test_steps_at_once_keep_a_copy_below_the_limit(steps, batch, features, expected, monkeypatch):
    monkeypatch.setattr(columns, "LARGEST", 120)
    assert [(at.start, at.stop) for at in columns.steps_at_once(steps, batch, features)] == expected


def test_steps_at_once_are_a_few_chunks_of_enough_columns():
    assert len(list(columns.steps_at_once(100, 5, 1))) == 1
    assert len(list(columns.steps_at_once(100, 8, 1))) == 3
    assert len(list(columns.steps_at_once(10_000, 100, 1))) == columns.CHUNKS


def expected_columns(block):
    """The same by a loop over every step and sequence."""
    steps = [block[index] for index in np.ndindex(block.shape[:-2])]
    return np.stack([step[:, b] for step in steps for b in range(block.shape[-1])], axis=1)


@pytest.mark.parametrize("shape", [(4, 3, 2), (4, 3, 1), (1, 3, 5), (2, 4, 3, 5)])
@pytest.mark.parametrize("dtype", [np.float32, np.complex128])
def test_columns_of_all_steps_lie_side_by_side(shape, dtype):
    block = np.random.default_rng(0).normal(size=shape).astype(dtype)
    found = columns.side_by_side(block)
    assert found.shape == (shape[-2], np.prod(shape) // shape[-2])
    np.testing.assert_array_equal(found, expected_columns(block))


def test_they_are_a_view_where_they_lie_so_already():
    one_sequence, features_last = np.arange(12.0).reshape(4, 3, 1), np.arange(24.0).reshape(3, 4, 2).swapaxes(0, 1)
    for block in (one_sequence, features_last):
        found = columns.side_by_side(block)
        assert np.shares_memory(found, block)
        np.testing.assert_array_equal(found, expected_columns(block))
    copied = np.arange(24.0).reshape(4, 3, 2)
    assert not np.shares_memory(columns.side_by_side(copied), copied)


def test_a_copy_lies_in_the_workspace():
    workspace, block = Workspace(), np.arange(24.0).reshape(4, 3, 2)
    found = columns.side_by_side(block, workspace, "name")
    (memory,) = workspace.arrays()
    assert np.shares_memory(found, memory)
    assert columns.side_by_side(block + 1, workspace, "name")[0, 0] == found[0, 0] == 1


def test_columns_of_every_other_sequence_are_copied_number_by_number():
    block = np.arange(48.0).reshape(4, 3, 4)[..., ::2]
    np.testing.assert_array_equal(columns.side_by_side(block), expected_columns(block))


@pytest.mark.parametrize("shape", [(4, 3, 2), (1, 3, 5), (4, 3, 1)])
def test_a_block_is_contiguous_as_it_is_or_as_a_copy(shape):
    block = np.random.default_rng(0).normal(size=shape)
    assert columns.contiguous(block) is block
    turned = np.ascontiguousarray(block.transpose(1, 0, 2)).transpose(1, 0, 2)
    found = columns.contiguous(turned)
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, block)
