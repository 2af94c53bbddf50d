"""Odd arguments: of another kind, of another dtype, shape or sign, or the same numbers in another dress."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from foreign_arrays import INSTALLED, kinds

import npseq as ns

Rng = np.random.Generator
LAYER = ns.GRU(3, 4, rng=0)
INTEGERS = ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", ">i4", ">u8")
FLOATS = ("f4", "f8", ">f4", ">f8")
LIBRARIES = False  # whether arrays of the libraries that are installed come too, which takes seconds to load
LENGTHY = ("x" * 5000, ["x"] * 1000, [[1.5, 2.5]] * 500, {str(k): k for k in range(500)}, [np.ones((30, 30))] * 5)
OTHERS = ("f2", "f4", "f8", "c8", "c16", "i1", "i8", "u8", "?", "O", "U3", "g", "G", "M8[s]")


class Odd(NamedTuple):
    """An argument, and whether it holds the numbers of the good one in another dress."""

    value: Any
    is_same: bool = False


class Nothing:
    """No array, no number, no text."""


class ArrayLike:
    """What NumPy would convert in silence."""

    shape, dtype, ndim = (2,), np.dtype(float), 1

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.ones(2, dtype)


class NumberLike:
    """What float() and int() would convert in silence."""

    def __float__(self) -> float:
        return 1.0

    def __int__(self) -> int:
        return 1

    __index__ = __int__


def pick(rng: Rng, options: Any) -> Any:
    return options[int(rng.integers(len(options)))]


def odd(rng: Rng, small: bool) -> Any:
    """Something that hardly anyone would hand in. small: no giant numbers, which would be obeyed."""
    plain = [
        None, True, False, 0, -1, 7, 1.5, -0.0, -2.5, float("nan"), float("inf"), -float("inf"), 1e-320, "", "x", b"x",
        [], (), {}, [1, 2], [[1], [1, 2]], {"W": 1}, {1: 2}, (1, "a"), Nothing(), Nothing, ArrayLike(), NumberLike(),
        1j, range(3), slice(None), set(), frozenset({1}), iter([1]), Ellipsis, NotImplemented, ValueError("x"),
        *LENGTHY,
    ]  # fmt: skip
    scalars = [
        np.float32(1), np.int8(-1), np.uint8(200), np.bool_(True), np.array(3), np.array(1.5),
        np.array(True), np.datetime64("2020"), np.complex64(1j), np.longdouble(1), np.float16(0.5), np.str_("x"),
    ]  # fmt: skip
    arrays = [
        np.zeros(0), np.zeros((0, 2)), np.zeros(3), np.zeros((2, 3), int), np.array(["a", "b"]), np.zeros(2, bool),
        np.array([None, 1], object), np.zeros((2, 2), complex), np.zeros((1, 1, 1, 1)), np.full((2, 2), np.nan),
        np.ma.masked_array([1.0, 2.0], [True, False]), np.zeros(2, [("a", int)]),
        np.arange(6).reshape(2, 3)[:, ::-1], np.zeros((4, 2, 3), ">f4"), np.zeros((4, 2), np.int8),
        np.zeros((4, 2, 3), np.longdouble), np.array([b"ab"]), np.zeros((2, 0, 3)),
    ]  # fmt: skip
    own = [
        LAYER, ns.GRU, LAYER.params, LAYER.forward(np.zeros((4, 2, 3), np.float32))[2], ns.SGD(0.1), ns.SGD,
        ns.Truncated(2), ns.Truncated, ns.Linear(2, 2, rng=0), ns.data.Vocabulary("ab"), np.random.default_rng(0),
    ]  # fmt: skip
    giant = [] if small else [10**30, -(10**30), 2**63, np.uint64(2**63), np.array([2**63], np.uint64), 1e300]
    return pick(rng, [*plain, *scalars, *arrays, *own, *giant])


def near(rng: Rng, value: Any, small: bool) -> Odd:
    """Almost what it was: another dtype, shape, order, sign or entry."""
    if isinstance(value, np.ndarray) and value.ndim:
        return _dressed(rng, value) if rng.random() < 0.5 else Odd(_other_array(rng, value))
    if isinstance(value, Mapping) and value and type(value) is dict:
        return _other_mapping(rng, value, small)
    if type(value) in (list, tuple) and value:
        changed = list(value)
        changed[int(rng.integers(len(changed)))] = odd(rng, small)
        less, more = value[:-1], [*value, value[0]]
        return Odd(pick(rng, [type(value)(changed), less, list(value), more, np.array(None), iter(value)]))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Odd(pick(rng, [odd(rng, small), type(value), [value], None]))
    return _other_number(rng, value, small)


def _other_number(rng: Rng, value: float, small: bool) -> Odd:
    if rng.random() < 0.2:
        same = [np.int64(value), np.uint64(value)] if isinstance(value, int) and value >= 0 else [np.float64(value)]
        return Odd(pick(rng, same), True)
    large = value + 1 if small else value + 1e6
    return Odd(pick(rng, [
        -value - 1, value + 1, large, float(value) + 0.25, str(value), [value], 0, True, np.array(value),
        np.array([value]), complex(value), float("nan"), float("inf"), None, -1, np.bool_(True), np.longdouble(value),
    ]))  # fmt: skip


def _other_mapping(rng: Rng, value: dict, small: bool) -> Odd:
    key = pick(rng, sorted(value, key=str))
    entry = near(rng, value[key], small).value if rng.random() < 0.7 else odd(rng, small)
    less = {k: v for k, v in value.items() if k != key}
    return Odd(pick(rng, [less, {**value, key: entry}, {**value, key: entry}, {**value, "odd": entry},
                          {**less, 3: value[key]}, list(value.items()), iter(value)]))  # fmt: skip


def _dressed(rng: Rng, value: np.ndarray) -> Odd:
    """The same numbers: the result must be the same, or the call be refused."""
    frozen = value.copy()
    frozen.flags.writeable = False
    spread = np.repeat(value, 2, axis=0)[::2]
    dresses: list[Any] = [np.array(value, order="F"), frozen, spread, value[::-1].copy()[::-1], value.tolist()]
    if value.size:
        with tempfile.TemporaryFile() as file:
            dresses.append(np.memmap(file, value.dtype, "w+", shape=value.shape))
        dresses[-1][...] = value
    choices = {"i": INTEGERS, "u": INTEGERS, "f": FLOATS}.get(value.dtype.kind, ())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        casts = [value.astype(choice) for choice in choices]
        dresses += [cast for cast in casts if np.array_equal(cast, value)] * 2
        if rng.random() < 0.4:
            foreign = {name: make for name, make in kinds(value.ndim).items() if LIBRARIES or name not in INSTALLED}
            name = pick(rng, sorted(foreign))
            return Odd(foreign[name](value), name != "jax")
    return Odd(pick(rng, dresses), True)


def _other_array(rng: Rng, value: np.ndarray) -> Any:
    if value.size and rng.random() < 0.3:
        changed = value.copy()
        entries = [0, -1, 5, 100] if value.dtype.kind in "iu" else [np.nan, np.inf, -np.inf, 1e30, -1e30, 1e-42]
        entries = [True] if value.dtype.kind == "b" else entries
        changed.flat[int(rng.integers(value.size))] = pick(rng, entries)
        return changed
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cast = value.astype(pick(rng, OTHERS)) if value.dtype.kind in "iufb" else value
        unsigned = (value - 3).astype("u1") if value.dtype.kind == "i" else value
    return pick(rng, [
        value[:-1], value[..., :-1], value[None], value[..., None], value.T, np.concatenate([value, value]), value[:0],
        value.reshape(-1), cast, cast, cast, unsigned, value.tolist()[:-1], np.ma.masked_array(value, value == value),
    ])  # fmt: skip
