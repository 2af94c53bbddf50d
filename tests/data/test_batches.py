import re
from itertools import pairwise

import numpy as np
import pytest

from npseq.data import one_hot, pad_sequences, random_windows, sequence_mask, sequential_windows
from npseq.data.batches import check_padding

BOTH = pytest.mark.parametrize("windows", [random_windows, sequential_windows])


# windows of a text -------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8])
def test_windows_are_time_first_contiguous_and_one_token_apart(windows, dtype):
    ids = np.arange(100).astype(dtype)
    for x, y in windows(ids, 4, 6, rng=3):
        assert x.shape == y.shape == (6, 4)
        assert x.dtype == y.dtype == dtype
        assert x.flags.c_contiguous
        assert y.flags.c_contiguous
        assert not np.shares_memory(x, ids)
        np.testing.assert_array_equal(y, x + 1)
        np.testing.assert_array_equal(np.diff(x, axis=0), np.ones((5, 4)))


def test_random_windows_of_d2ls_example():
    for seed in range(20):
        batches = [x for x, _ in random_windows(range(35), 2, 5, rng=seed)]
        assert len(batches) == 3
        starts = np.concatenate([x[0] for x in batches])
        assert len(set(starts.tolist())) == 6
        assert len(set((starts % 5).tolist())) == 1


def test_random_windows_are_shuffled_and_never_overlap():
    x = np.concatenate([x for x, _ in random_windows(np.arange(1000), 4, 7, rng=0)], axis=1)
    assert len(np.unique(x)) == x.size
    assert not np.all(np.diff(x[0]) > 0)


def test_sequential_windows_of_d2ls_example():
    """From offset 0 there are two rows of 34 // 2 = 17 tokens, three windows of 5 in each."""
    live = np.random.default_rng(0)
    epochs = [list(sequential_windows(range(35), 2, 5, rng=live)) for _ in range(50)]
    batches = next(batches for batches in epochs if batches[0][0][0, 0] == 0)
    expected = [[[0, 17], [4, 21]], [[5, 22], [9, 26]], [[10, 27], [14, 31]]]
    assert [x[[0, -1]].tolist() for x, _ in batches] == expected


def test_sequential_windows_go_on_row_by_row():
    for seed in range(20):
        batches = list(sequential_windows(np.arange(200), 3, 8, rng=seed))
        for (_, y), (x, _) in pairwise(batches):
            np.testing.assert_array_equal(x[0], y[-1])


@BOTH
def test_every_offset_comes_up_and_gives_8_minibatches(windows):
    ids, live, offsets = np.arange(10_000), np.random.default_rng(0), set()
    for _ in range(400):
        batches = list(windows(ids, 32, 35, rng=live))
        assert len(batches) == 8
        first = int(batches[0][0][0, 0])
        offsets.add(first % 35 if windows is random_windows else first)
    assert offsets == set(range(35 if windows is random_windows else 36))


@BOTH
def test_the_same_seed_gives_the_same_epoch_and_a_live_generator_the_next(windows):
    ids = np.arange(500)
    once, again = (np.stack([x for x, _ in windows(ids, 2, 4, rng=7)][:50]) for _ in range(2))
    np.testing.assert_array_equal(once, again)
    live = np.random.default_rng(7)
    first, second = (np.stack([x for x, _ in windows(ids, 2, 4, rng=live)][:50]) for _ in range(2))
    np.testing.assert_array_equal(once, first)
    assert not np.array_equal(first, second)


def test_random_windows_draw_the_offset_then_one_permutation_at_the_call():
    ids, live, other = np.arange(203), np.random.default_rng(11), np.random.default_rng(11)
    batches = random_windows(ids, 3, 5, rng=live)
    offset = other.integers(0, 5)
    order = other.permutation((203 - offset - 1) // 5)
    assert live.bit_generator.state == other.bit_generator.state
    starts = [int(start) for x, _ in batches for start in x[0]]
    assert starts == [offset + 5 * k for k in order[: len(order) // 3 * 3]]
    assert live.bit_generator.state == other.bit_generator.state


def test_sequential_windows_draw_the_offset_at_the_call():
    live, other = np.random.default_rng(11), np.random.default_rng(11)
    batches = sequential_windows(np.arange(203), 3, 5, rng=live)
    offset = other.integers(0, 6)
    assert live.bit_generator.state == other.bit_generator.state
    assert next(batches)[0][0].tolist() == [offset + k * ((203 - offset - 1) // 3) for k in range(3)]


@BOTH
@pytest.mark.parametrize("length", [13, 14, 16, 18])
def test_the_shortest_texts_still_give_a_batch_for_every_draw(windows, length):
    for seed in range(30):
        ((x, y),) = windows(np.arange(length), 3, 4, rng=seed)
        assert x.shape == (4, 3)
        np.testing.assert_array_equal(y, x + 1)
    assert y.max() < length


@BOTH
def test_a_text_under_one_batch_is_refused_before_the_iteration(windows):
    message = r"at least batch_size \* steps \+ 1 = 3 \* 4 \+ 1 = 13 tokens, got 12; take a longer text, or batch"
    with pytest.raises(ValueError, match=message):
        windows(np.arange(12), 3, 4, rng=0)
    with pytest.raises(ValueError, match=r"got 0; take a longer text$"):
        windows([], 3, 4, rng=0)


@BOTH
def test_wrong_kinds_and_ranks_of_text_are_refused(windows):
    with pytest.raises(TypeError, match=r"ids must be integers, got float64; convert them: numpy"):
        windows(np.arange(50.0), 3, 4)
    with pytest.raises(TypeError, match="ids must be integers, got bool"):
        windows(np.ones(50, dtype=bool), 3, 4)
    with pytest.raises(ValueError, match=r"one text of shape \(N,\), got shape \(5, 10\); pass ids\.ravel\(\)"):
        windows(np.arange(50).reshape(5, 10), 3, 4)
    for bad in (2.0, True, None):
        with pytest.raises(ValueError, match="batch_size must be a positive integer, got"):
            windows(np.arange(50), bad, 4)
    with pytest.raises(ValueError, match="steps must be a positive integer, got 0"):
        windows(np.arange(50), 3, 0)


# one-hot -----------------------------------------------------------------------------------------------------------


def test_one_hot_of_d2ls_examples():
    vectors = one_hot([0, 2], 28)
    assert vectors.shape == (2, 28)
    assert vectors.dtype == np.float32
    assert [(int(i), int(j)) for i, j in np.argwhere(vectors)] == [(0, 0), (1, 2)]
    assert vectors.sum() == 2
    assert one_hot(np.arange(10).reshape(2, 5).T, 28).shape == (5, 2, 28)


@pytest.mark.parametrize("tokens", [3, 12, 30, 300, 1000])
def test_what_the_error_of_a_short_text_names_fits(tokens):
    with pytest.raises(ValueError, match="take a longer text, or batch_size=") as caught:
        list(sequential_windows(np.arange(tokens), 32, 35, 0))
    batch_size, steps = map(int, re.findall(r"=(\d+)", str(caught.value)))
    assert list(sequential_windows(np.arange(tokens * 9 // 10), batch_size, steps, 0))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_one_hot_has_its_one_at_the_id(dtype):
    ids = np.random.default_rng(0).integers(0, 6, (4, 3))
    vectors = one_hot(ids, 6, dtype=dtype)
    assert vectors.dtype == dtype
    for t, b, v in np.ndindex(4, 3, 6):
        assert vectors[t, b, v] == (1 if ids[t, b] == v else 0)


def test_one_hot_vectors_are_numbers():
    with pytest.raises(TypeError, match=r"dtype must be a dtype, say numpy.float32, got <class 'object'>"):
        one_hot([0], 2, dtype=object)


def test_one_hot_of_nothing_and_of_one_id():
    assert one_hot(np.zeros((0, 3), dtype=int), 4).shape == (0, 3, 4)
    assert one_hot([], 4).shape == (0, 4)
    assert one_hot(2, 4).tolist() == [0, 0, 1, 0]


def test_one_hot_refuses_what_is_no_id():
    for bad in (-1, 3):
        with pytest.raises(ValueError, match=rf"must lie in 0 to num_classes - 1 = 2, got {bad}"):
            one_hot([0, bad], 3)
    with pytest.raises(TypeError, match="ids must be integers, got float64"):
        one_hot([0.0], 3)
    with pytest.raises(ValueError, match="num_classes must be a positive integer, got 0"):
        one_hot([0], 0)
    with pytest.raises(ValueError, match="num_classes must be a positive integer, got '3'"):
        one_hot([0], "3")


# padding -----------------------------------------------------------------------------------------------------------


def test_sequences_are_padded_at_their_ends_to_the_longest():
    padded, lengths = pad_sequences([[1, 2, 3], [4], np.array([5, 6])], value=9)
    assert padded.T.tolist() == [[1, 2, 3], [4, 9, 9], [5, 6, 9]]
    assert padded.shape == (3, 3)
    assert lengths.tolist() == [3, 1, 2]
    assert lengths.dtype == padded.dtype == np.int64


def test_a_given_length_pads_and_truncates_as_d2l_does():
    padded, lengths = pad_sequences([[47, 4], list(range(20))], value=1, length=10)
    assert padded[:, 0].tolist() == [47, 4, 1, 1, 1, 1, 1, 1, 1, 1]
    assert padded[:, 1].tolist() == list(range(10))
    assert lengths.tolist() == [2, 10]


def test_zero_is_a_length():
    padded, lengths = pad_sequences([[], [1, 2], np.zeros(0, dtype=np.int64)])
    assert padded.T.tolist() == [[0, 0], [1, 2], [0, 0]]
    assert padded.dtype == np.int64
    assert lengths.tolist() == [0, 2, 0]
    padded, lengths = pad_sequences([[], []])
    assert padded.shape == (0, 2)
    assert padded.dtype == np.int64
    assert lengths.tolist() == [0, 0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_features_are_padded_in_their_own_dtype(dtype):
    long, short = np.ones((3, 2), dtype=dtype), np.full((1, 2), 5, dtype=dtype)
    padded, lengths = pad_sequences([long, short, []], value=-0.5)
    assert padded.dtype == dtype
    assert padded.shape == (3, 3, 2)
    np.testing.assert_array_equal(padded[:, 1], [[5, 5], [-0.5, -0.5], [-0.5, -0.5]])
    assert lengths.tolist() == [3, 1, 0]
    assert short.tolist() == [[5, 5]]


def test_padding_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="at least one sequence, got none"):
        pad_sequences([])
    with pytest.raises(ValueError, match="must have a time axis, got a scalar at 1"):
        pad_sequences([[1], 2])
    with pytest.raises(ValueError, match=r"one shape after the first axis, got \[\(2,\), \(3,\)\]"):
        pad_sequences([np.ones((4, 3)), np.ones((4, 2))])
    with pytest.raises(
        TypeError,
        match=r"must hold numbers, .* got entries of NumPy's dtype <U1; turn tokens into ids with vocabulary\[tokens\]",
    ):
        pad_sequences([["a", "b"]])
    for bad in (0.5, float("nan"), float("inf"), 2**70):
        with pytest.raises(ValueError, match="value must be one that int64 can hold, got"):
            pad_sequences([[1, 2]], value=bad)
    with pytest.raises(ValueError, match="length must be a positive integer, got 0"):
        pad_sequences([[1, 2]], length=0)


# masks -------------------------------------------------------------------------------------------------------------


def test_sequence_mask_of_d2ls_examples():
    x = np.array([[1, 2, 3], [4, 5, 6]])
    assert sequence_mask(x, np.array([1, 2])).tolist() == [[1, 0, 0], [4, 5, 0]]
    assert x.tolist() == [[1, 2, 3], [4, 5, 6]]
    masked = sequence_mask(np.ones((2, 3, 4)), [1, 2], value=-1)
    for b, t in np.ndindex(2, 3):
        assert np.all(masked[b, t] == (1 if t < [1, 2][b] else -1))


def test_sequence_mask_with_time_first():
    x = np.arange(1, 13).reshape(3, 2, 2)
    masked = sequence_mask(x, [3, 1], axis=0)
    np.testing.assert_array_equal(masked, sequence_mask(x.swapaxes(0, 1), [3, 1]).swapaxes(0, 1))
    np.testing.assert_array_equal(masked[:, 0], x[:, 0])
    assert masked[1:, 1].tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("dtype", [np.float32, np.complex128])
def test_sequence_mask_keeps_the_dtype_and_its_input(dtype):
    x = np.ones((2, 3), dtype=dtype)
    x.flags.writeable = False
    masked = sequence_mask(x, [0, 3], value=0.5)
    assert masked.dtype == dtype
    assert masked.tolist() == [[0.5] * 3, [1] * 3]
    whole = sequence_mask(x, [3, 3])
    assert not np.shares_memory(whole, x)


def test_sequence_mask_of_an_empty_batch():
    assert sequence_mask(np.ones((0, 3)), []).shape == (0, 3)
    assert sequence_mask([[1, 2]], [1]).tolist() == [[1, 0]]


def test_sequence_mask_refuses_what_does_not_fit():
    x = np.ones((2, 3))
    with pytest.raises(ValueError, match=r"one entry a sequence, got x \(2, 3\) with time on axis 1 and lengths \(3"):
        sequence_mask(x, [1, 2, 3])
    with pytest.raises(ValueError, match=r"got x \(2, 3\) with time on axis 0 and lengths \(2,\)"):
        sequence_mask(x, [1, 2], axis=0)
    with pytest.raises(ValueError, match=r"a batch and a time axis .* got x \(2,\)"):
        sequence_mask(np.ones(2), [1, 2])
    for bad in ([1, 4], [-1, 2]):
        with pytest.raises(ValueError, match=r"lengths must be in \[0, 4\), got"):
            sequence_mask(x, bad)
    with pytest.raises(TypeError, match="lengths must be integers, got float64"):
        sequence_mask(x, [1.0, 2.0])
    with pytest.raises(ValueError, match=r"axis must be an integer in \[0, 2\), got 2"):
        sequence_mask(x, [1, 2], axis=2)
    with pytest.raises(ValueError, match=r"value must be one that int64 can hold, got 0\.5"):
        sequence_mask(x.astype(np.int64), [1, 2], value=0.5)


def test_one_long_sequence_among_many_is_refused():
    check_padding("pairs", [3000] * 60000, "steps")
    check_padding("pairs", [4] * 600 + [4000], "steps")
    check_padding("pairs", [], "steps")
    with pytest.raises(ValueError, match=r"of 60001 the longest has 4000 tokens, .* at most 4: .*steps=4"):
        check_padding("pairs", [4] * 60000 + [4000], "steps")
