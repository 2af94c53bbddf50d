"""What is measured: a network, its input and its sizes, and how many operations one step of it takes."""

from __future__ import annotations

from typing import Any, NamedTuple

GATES = {"rnn": 1, "gru": 3, "lstm": 4}
CELLS = tuple(GATES)
DTYPES = ("float32", "float64")
INPUTS = ("one-hot", "dense", "embedding")
TITLES = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}


class Case(NamedTuple):
    """T steps, B sequences, V classes of the output, H hidden units; V is the vocabulary where the input is tokens.

    D: features of a dense input or of an embedding. ragged: lengths from 1 to T, drawn.
    """

    cell: str
    T: int
    B: int
    V: int
    H: int
    dtype: str = "float32"
    inputs: str = "one-hot"
    layers: int = 1
    bidirectional: bool = False
    ragged: bool = False
    D: int = 128

    @property
    def features(self) -> int:
        """Of the first layer's input."""
        return self.V if self.inputs == "one-hot" else self.D

    @property
    def directions(self) -> int:
        return 1 + self.bidirectional

    @property
    def name(self) -> str:
        parts = [TITLES[self.cell], f"({self.T}, {self.B}, {self.V}, {self.H})", self.dtype]
        parts += [f"{self.inputs} {self.D}"] if self.inputs != "one-hot" else []
        parts += [f"{self.layers} layers"] if self.layers > 1 else []
        parts += ["both directions"] if self.bidirectional else []
        parts += ["ragged"] if self.ragged else []
        return " ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        return self._asdict()


def operations(case: Case, training: bool = True) -> int:
    """Multiplications and additions of the matrix products that cannot be left out.

    One-hot vectors and embeddings need none, rows are looked up. A training step has each product three times, by the
    product itself, the gradient of its weights and that of its input, but for the first layer's input.
    """
    columns, gates = case.T * case.B, GATES[case.cell]
    wide = case.H * case.directions
    recurrent = gates * case.H * case.H * case.layers * case.directions
    upper = gates * case.H * wide * (case.layers - 1) * case.directions
    first = gates * case.H * case.D * case.directions * (case.inputs != "one-hot")
    output = wide * case.V
    if not training:
        return 2 * columns * (recurrent + upper + first + output)
    passes_of_first = 2 if case.inputs == "dense" else 3
    return 2 * columns * (3 * (recurrent + upper + output) + passes_of_first * first)
