"""Random choices that write down what was chosen, and arrays in every memory layout."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import npseq

INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
JUNK = (np.nan, np.inf, -np.inf, 1e30, -0.0)


class Draw:
    """Draws one case. `about` tells what was drawn, `complaints` what went wrong besides numbers."""

    def __init__(self, seed: Sequence[int]) -> None:
        self.rng = np.random.default_rng(seed)
        self.told: dict[str, Any] = {}
        self.complaints: list[str] = []
        self.given: list[tuple[str, np.ndarray, bytes]] = []

    def about(self) -> str:
        return ", ".join(
            f"{name} {value}" for name, value in self.told.items() if value is not None and value is not False
        )

    def of(self, name: str, options: Sequence[Any], p: Sequence[float] | None = None) -> Any:
        """One of the options, of these probabilities (relative to their sum)."""
        share = None if p is None else np.array(p) / sum(p)
        chosen = options[self.rng.choice(len(options), p=share)]
        self.told[name] = chosen
        return chosen

    def whole(self, name: str, least: int, most: int) -> int:
        self.told[name] = int(self.rng.integers(least, most + 1))
        return self.told[name]

    def maybe(self, name: str, probability: float) -> bool:
        self.told[name] = bool(self.rng.random() < probability)
        return self.told[name]

    def numbers(self, shape: Sequence[int], dtype: Any, scale: float = 1.0) -> np.ndarray:
        """Normal numbers; those of a complex dtype have an imaginary part of a tenth, and of no more than that."""
        values = self.rng.normal(size=shape) * scale
        if np.dtype(dtype).kind == "c":
            values = values + 0.1j * self.rng.normal(size=shape) * min(scale, 1)
        return np.asarray(values, dtype)

    def junk(self, array: np.ndarray, where: np.ndarray) -> np.ndarray:
        """A copy with anything at all in these places."""
        out = array.copy()
        out[where] = self.rng.choice(JUNK, out[where].shape).astype(out.real.dtype)
        return out

    def laid_out(self, name: str, array: np.ndarray) -> np.ndarray:
        """The same numbers in some memory layout, watched from now on: nobody may write on them."""
        layout = self.of(f"layout of {name}", [None, "Fortran", "strided", "reversed", "read-only", "swapped"],
                         [10, 1, 1, 1, 1, 1] if array.ndim else [1, 0, 0, 0, 0, 0])  # fmt: skip
        if layout == "Fortran":
            array = np.asfortranarray(array)
        elif layout == "strided":
            wide = np.zeros([2 * n for n in array.shape], array.dtype)
            wide = wide[tuple(slice(None, None, 2) for _ in array.shape)]
            wide[...] = array
            array = wide
        elif layout == "reversed":
            turn = tuple(slice(None, None, -1) for _ in array.shape)
            array = array[turn].copy()[turn]
        elif layout == "read-only":
            array = array.copy()
            array.flags.writeable = False
        elif layout == "swapped" and array.dtype.kind in "fiu":
            array = array.astype(array.dtype.newbyteorder())
        self.watch(name, array)
        return array

    def watch(self, name: str, array: np.ndarray) -> None:
        self.given.append((name, array, array.tobytes()))

    def check_unwritten(self) -> None:
        self.complaints += [f"{name} was written on" for name, array, old in self.given if array.tobytes() != old]

    def refused(self, what: str, call: Callable[[], Any]) -> None:
        """Complains unless npseq refuses the call itself."""
        try:
            call()
        except (TypeError, ValueError) as error:
            where = traceback.extract_tb(error.__traceback__)[-1].filename
            if not where.startswith(npseq.__path__[0]):
                self.complaints.append(f"{what}: not npseq's own {type(error).__name__}: {error}")
        except Exception as error:
            self.complaints.append(f"{what}: {type(error).__name__}: {error}")
        else:
            self.complaints.append(f"{what} was taken")
