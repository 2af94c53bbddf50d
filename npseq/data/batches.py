"""This module makes minibatches: windows of a long text, one-hot vectors, padding and masks. Time comes first."""

from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from npseq.arguments import a_dtype, amount, array_or_lists, check_room, integer, integers, number
from npseq.arguments import array as an_array
from npseq.arrays import is_own, type_name
from npseq.backend import Array, Arrays, Seed, array_module, generator


def random_windows(ids: Array, batch_size: int, steps: int, rng: Seed = None) -> Iterator[tuple[Array, Array]]:
    """Returns one epoch of non-overlapping windows in random order: pairs x, y (T, B), y one token ahead of x.

    x and y are contiguous copies in the dtype of ids. Windows that fill no batch are dropped. Source: d2l,
    `seq_data_iter_random`. The call itself, not the iteration, draws from rng: one integer, the offset, uniform in 0 to
    T - 1, then one permutation of the windows. In a text under (B + 1) * T tokens the offset is smaller, so that one
    batch is left.

    Args:
        ids: integers (N,), a text.
        batch_size: B, sequences of a batch.
        steps: T, time steps of a window.
        rng: a seed or a Generator.

    Raises:
        TypeError: for ids that are no integers.
        ValueError: for ids of another rank, and a text under B * T + 1 tokens.

    Example:
        >>> x, y = next(ns.data.random_windows(np.arange(20), batch_size=2, steps=3, rng=0))
        >>> x.shape, (y - x).tolist()
        ((3, 2), [[1, 1], [1, 1], [1, 1]])
    """
    batch_size, steps = integer("batch_size", batch_size), integer("steps", steps)
    ids, largest_offset = _checked_text(ids, batch_size, steps)
    rng = generator(rng)
    offset = int(rng.integers(0, min(steps - 1, largest_offset), endpoint=True))
    count = (len(ids) - 1 - offset) // steps
    starts = offset + steps * rng.permutation(count)
    return _windows(ids, starts[: count // batch_size * batch_size].reshape(-1, batch_size), steps)


def sequential_windows(ids: Array, batch_size: int, steps: int, rng: Seed = None) -> Iterator[tuple[Array, Array]]:
    """Returns one epoch of windows in the order of the text: pairs x, y (T, B), y one token ahead of x.

    Sequence b of batch k + 1 continues sequence b of batch k, so a state can be carried. Source: d2l,
    `seq_data_iter_sequential`. The call itself, not the iteration, draws from rng: one integer, the offset, uniform in
    0 to T, both included. In a text under (B + 1) * T + 1 tokens it is smaller, so that one batch is left.

    Args:
        ids: integers (N,), a text.
        batch_size: B, sequences of a batch.
        steps: T, time steps of a window.
        rng: a seed or a Generator.

    Raises:
        TypeError: for ids that are no integers.
        ValueError: for ids of another rank, and a text under B * T + 1 tokens.

    Example:
        >>> first, second, *_ = ns.data.sequential_windows(np.arange(30), batch_size=2, steps=3, rng=0)
        >>> (second[0][0] - first[0][-1]).tolist()
        [1, 1]
    """
    batch_size, steps = integer("batch_size", batch_size), integer("steps", steps)
    ids, largest_offset = _checked_text(ids, batch_size, steps)
    offset = int(generator(rng).integers(0, min(steps, largest_offset), endpoint=True))
    row_length = (len(ids) - 1 - offset) // batch_size
    first = offset + row_length * np.arange(batch_size)
    return _windows(ids, first + steps * np.arange(row_length // steps)[:, None], steps)


def one_hot(ids: Array, num_classes: int, dtype: Any = np.float32) -> Array:
    """Returns one-hot vectors (T, B, V) of ids (T, B), or of ids of any other shape.

    Args:
        ids: integers, an array or lists.
        num_classes: V classes.
        dtype: of the vectors.

    Raises:
        TypeError: for ids that are no integers.
        ValueError: for ids outside 0 to V - 1.

    Example:
        >>> ns.data.one_hot([0, 2], 3).tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    xp = _module(ids)
    ids = _as_array(xp, ids, "ids")
    integers("ids", ids)
    num_classes = integer("num_classes", num_classes)
    check_room("the shape of the vectors", (*ids.shape, num_classes))
    outside = (ids < 0) | (ids >= num_classes)
    if outside.any():
        raise ValueError(f"ids must lie in 0 to num_classes - 1 = {num_classes - 1}, got {int(ids[outside][0])}")
    vectors = xp.zeros((ids.size, num_classes), dtype=a_dtype(dtype))
    vectors[xp.arange(ids.size), ids.ravel()] = 1
    one_hots: Array = vectors.reshape(*ids.shape, num_classes)
    return one_hots


def pad_sequences(sequences: Sequence[Arrays], value: float = 0, *, length: int | None = None) -> tuple[Array, Array]:
    """Returns sequences side by side, padded (T, B, ...), and their lengths (B,), int64.

    Args:
        sequences: B arrays or lists (T_b, ...) of numbers, of the same shape after the first axis; T_b may be 0.
        value: fills the ends.
        length: T; longer sequences lose their ends, as in d2l's `truncate_pad`. None takes the longest T_b.

    Raises:
        TypeError: for sequences that do not hold numbers.
        ValueError: for no sequences, scalars, shapes that differ, and a value that integer sequences cannot hold.

    Example:
        >>> padded, lengths = ns.data.pad_sequences([[1, 2, 3], [4]])
        >>> padded.tolist(), lengths.tolist()
        ([[1, 4], [2, 0], [3, 0]], [3, 1])
    """
    if isinstance(sequences, Iterator):
        raise TypeError(f"sequences must be a list of sequences, got {type_name(sequences)}; pass list(sequences)")
    if not isinstance(sequences, list | tuple) and an_array("sequences", sequences).ndim == 0:
        raise TypeError(f"sequences must be a list of sequences, got {sequences!r:.80}")
    if len(sequences) == 0:
        raise ValueError("sequences must hold at least one sequence, got none")
    if length is not None:
        length = amount("length", length)
    xp = _module(*sequences)
    arrays = [_as_array(xp, sequence, f"sequences[{b}]") for b, sequence in enumerate(sequences)]
    dtype, features = _common_kind(xp, arrays)
    _check_fill(value, dtype)
    lengths = [len(array) if length is None else min(len(array), length) for array in arrays]
    shape = (max(lengths) if length is None else length, len(arrays), *features)
    check_room("the shape of what is padded", shape)
    padded = xp.full(shape, value, dtype=dtype)
    for b, (array, filled) in enumerate(zip(arrays, lengths, strict=True)):
        if filled:
            padded[:filled, b] = array[:filled]
    return padded, xp.asarray(lengths, dtype=xp.int64)


def check_padding(what: str, lengths: Sequence[int], option: str) -> None:
    """Raises ValueError where one sequence among many makes padded ones far larger than all are, and large.

    option: the name of the one that cuts them.
    """
    size, longest = 8 * len(lengths) * max(lengths, default=0), max(lengths, default=0)
    if size > 1 << 30 and longest * len(lengths) > 20 * sum(lengths):
        usual = sorted(lengths)[len(lengths) * 999 // 1000]
        raise ValueError(
            f"{what} must be about equally long, of {len(lengths)} the longest has {longest} tokens, and 999 in 1000 "
            f"have at most {usual}: padded, they are {size / 1e9:.0f} GB; leave the longest out, or cut them, "
            f"{option}={usual}"
        )


def sequence_mask(x: Array, lengths: Array, value: float = 0, *, axis: int = 1) -> Array:
    """Returns a copy of x with `value` at every step past its sequence's length.

    The backward pass is the same call on the gradient, with value 0.

    Args:
        x: (B, T, ...) with time on axis 1, as in d2l's `sequence_mask`, or (T, B, ...) with axis=0.
        lengths: integers (B,) in 0 to T.
        value: at the steps past a length.
        axis: that of time, 0 or 1.

    Raises:
        TypeError: for lengths that are no integers.
        ValueError: for shapes, lengths, an axis or a value that do not fit.

    Example:
        >>> ns.data.sequence_mask(np.array([[1, 2, 3], [4, 5, 6]]), np.array([1, 2])).tolist()
        [[1, 0, 0], [4, 5, 0]]
    """
    axis = integer("axis", axis, 0, 2)
    xp = _module(x, lengths)
    x, lengths = _as_array(xp, x, "x"), _as_array(xp, lengths, "lengths")
    if x.ndim < 2 or lengths.shape != (x.shape[1 - axis],):
        raise ValueError(
            f"x must have a batch and a time axis and lengths one entry a sequence, got x {x.shape} with time on axis "
            f"{axis} and lengths {lengths.shape}"
        )
    lengths = integers("lengths", lengths, x.shape[axis] + 1, ": x has no more steps")
    _check_fill(value, x.dtype)
    past = xp.arange(x.shape[axis])[:, None] >= lengths
    masked = x.copy()
    masked[past if axis == 0 else past.T] = value
    return masked


def _windows(ids: Array, starts: np.ndarray, steps: int) -> Iterator[tuple[Array, Array]]:
    """Yields the windows that begin at starts (batches, B), batch by batch."""
    xp = array_module(ids)
    ahead = xp.arange(steps)[:, None]
    for first in xp.asarray(starts):
        yield ids[first + ahead], ids[first + ahead + 1]


def _checked_text(ids: Array, batch_size: int, steps: int) -> tuple[Array, int]:
    """Returns the ids as an array, and the largest offset that leaves one batch."""
    ids = _as_array(_module(ids), ids, "ids")
    integers("ids", ids)
    if ids.ndim != 1:
        remedy = "; pass ids.ravel() to join rows" if ids.ndim else ""
        raise ValueError(f"ids must be one text of shape (N,), got shape {ids.shape}{remedy}")
    needed = batch_size * steps + 1
    if len(ids) < needed:
        raise ValueError(
            f"the text must hold at least batch_size * steps + 1 = {batch_size} * {steps} + 1 = {needed} tokens, got "
            f"{len(ids)}; take a longer text{_smaller(len(ids), batch_size, steps)}"
        )
    return ids, len(ids) - needed


def _smaller(tokens: int, batch_size: int, steps: int) -> str:
    """Names windows of which a text that is too short holds some."""
    steps = min(steps, 16, max(0, tokens - 1) // 2)
    return f", or batch_size={min(batch_size, max(1, (tokens - 1) // (8 * steps)))} and steps={steps}" if steps else ""


def _module(*values: Any) -> ModuleType:
    """Returns the array module of those values that are arrays; lists fit either."""
    return array_module(*(value for value in values if is_own(value)))


def _as_array(xp: ModuleType, values: Any, name: str) -> Array:
    array: Array = xp.asarray(array_or_lists(name, values))
    return array


def _check_fill(value: Any, dtype: np.dtype) -> None:
    number("value", value)
    if dtype.kind not in "iu":
        return
    limits = np.iinfo(dtype)
    if not float(value).is_integer() or not limits.min <= value <= limits.max:
        raise ValueError(f"value must be one that {dtype} can hold, got {value!r:.60}; convert data to a float dtype")


def _common_kind(xp: ModuleType, arrays: list[Array]) -> tuple[np.dtype, tuple[int, ...]]:
    """Returns the common dtype and the one shape after the first axis of all sequences that are not empty."""
    if scalars := [b for b, array in enumerate(arrays) if array.ndim == 0]:
        raise ValueError(f"a sequence must have a time axis, got a scalar at {scalars[0]}; pass a list of sequences")
    filled = [array for array in arrays if len(array)] or arrays
    shapes = {array.shape[1:] for array in filled}
    if len(shapes) > 1:
        raise ValueError(f"sequences must have one shape after the first axis, got {sorted(shapes)}")
    dtype = xp.result_type(*{array.dtype for array in filled})
    if dtype.kind not in "iufc":
        raise TypeError(f"sequences must hold numbers, got {dtype}; turn tokens into ids with vocabulary[tokens]")
    return dtype, shapes.pop()
