"""`npseq gradcheck` runs this matrix of checks: every layer in every variant, by every method."""

from collections.abc import Callable, Iterable, Iterator
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from npseq.bptt.truncation import Truncated
from npseq.gradcheck import Report, gradcheck
from npseq.layercheck.check import layer_problem
from npseq.layers.bidirectional import Bidirectional
from npseq.layers.dropout import Dropout
from npseq.layers.embedding import Embedding
from npseq.layers.gru import GRU
from npseq.layers.linear import Linear
from npseq.layers.lstm import LSTM
from npseq.layers.rnn import RNN
from npseq.shown import columns

T, B, D = 3, 2, 2
RAGGED = np.array([2, 3])
METHODS = ("complex", "central", "directional", "taylor")
DTYPES = ("float32", "float64")
TRUNCATED = 2
SEED = 0

RECURRENT: dict[str, dict[str, tuple[type, int, dict[str, Any]]]] = {  # class, hidden units, options
    "rnn": {"tanh": (RNN, 2, {}), "relu": (RNN, 2, {"nonlinearity": "relu"})},
    "gru": {
        "reset after": (GRU, 2, {}),
        "reset before": (GRU, 2, {"reset": "before"}),
        "activated": (GRU, 2, {"activation": "silu"}),  # whose derivative needs the inputs, which are kept
    },
    "lstm": {
        "plain": (LSTM, 2, {}),
        "peepholes": (LSTM, 2, {"peepholes": True}),
        "projection": (LSTM, 3, {"proj_size": 2}),
        "both": (LSTM, 3, {"peepholes": True, "proj_size": 2}),
        "activated": (LSTM, 2, {"peepholes": True, "activation": "silu"}),
    },
}
OTHER: dict[str, Callable[[], tuple[Any, np.ndarray]]] = {  # a layer and its x
    "bidirectional": lambda: (Bidirectional(GRU(D, 2, 2, dropout=0.5, rng=0), LSTM(D, 2, rng=1)), numbers(T, B, D)),
    "linear": lambda: (Linear(3, 2, rng=0), numbers(T, B, 3)),
    "embedding": lambda: (Embedding(4, 2, padding_idx=1, rng=0), np.array([[0, 3], [1, 3]])),
    "dropout": lambda: (Dropout(0.5), numbers(T, B)),
}
CELLS = (*RECURRENT, *OTHER)


class LayerCase(NamedTuple):
    """One check. layers and directions are 0 for a layer without time, truncated is None for the whole gradient."""

    cell: str
    variant: str
    layers: int
    directions: int
    ragged: bool
    dtype: str  # of the layer whose gradient is checked; the differences are computed in float64
    method: str
    truncated: int | None = None

    @property
    def row(self) -> tuple[str, str, str, str, str]:
        """The row of the table, which full and ragged lengths share."""
        direction = {0: "", 1: "forward", 2: "both"}[self.directions]
        return self.cell, self.variant, str(self.layers or ""), direction, self.dtype

    @property
    def column(self) -> str:
        return self.method if self.truncated is None else "truncated"

    def __str__(self) -> str:
        lengths = f"lengths {RAGGED.tolist()}" if self.ragged else "full lengths"
        cut = "" if self.truncated is None else f", Truncated({self.truncated})"
        return " ".join([*filter(None, self.row), f"({lengths}{cut}, {self.method})"])


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    """Random numbers that are exact in float32."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32).astype(np.float64)


def matrix(cells: Iterable[str] = CELLS, methods: Iterable[str] = METHODS, quick: bool = False) -> list[LayerCase]:
    """Returns the cases of these cells and methods; quick leaves out float32, full lengths and two-way stacks.

    Raises ValueError for an unknown cell or method.
    """
    cells, methods = tuple(cells), tuple(methods)
    for name, given, known in (("cell", cells, CELLS), ("method", methods, METHODS)):
        unknown = [value for value in given if value not in known]
        if unknown:
            raise ValueError(f"{name} must be one of {', '.join(known)}, got {unknown[0]!r}")
    dtypes = DTYPES[1:] if quick else DTYPES
    return [case for cell in cells for case in _cases(cell, methods, dtypes, quick)]


def _cases(cell: str, methods: tuple[str, ...], dtypes: tuple[str, ...], quick: bool) -> Iterator[LayerCase]:
    if cell not in RECURRENT:
        for dtype, method in product(dtypes, methods):
            yield LayerCase(cell, "", 0, 0, cell == "bidirectional", dtype, method)
        return
    shapes = [(1, 1), (1, 2), (2, 1)] if quick else [(1, 1), (1, 2), (2, 1), (2, 2)]
    lengths = [True] if quick else [False, True]
    for variant, (layers, directions), dtype in product(RECURRENT[cell], shapes, dtypes):
        for method, ragged in product(methods, lengths):
            yield LayerCase(cell, variant, layers, directions, ragged, dtype, method)
        if "complex" in methods and layers * directions < 4:
            yield LayerCase(cell, variant, layers, directions, True, dtype, "complex", TRUNCATED)


def check(case: LayerCase) -> Report:
    """Checks one case at fixed numbers, with random initial states."""
    if case.cell in RECURRENT:
        kind, hidden, options = RECURRENT[case.cell][case.variant]
        layer = kind(D, hidden, num_layers=case.layers, bidirectional=case.directions == 2, **options)
        layer.params.flat[:] = _parameters(layer.params.flat.size)
        x, state = numbers(T, B, D), _state(layer)
    else:
        layer, x = OTHER[case.cell]()
        state = None
    truncation = None if case.truncated is None else Truncated(case.truncated)
    problem = layer_problem(layer, x, state, RAGGED if case.ragged else None, truncation)
    return gradcheck(problem.loss, problem.at, problem.gradient(np.dtype(case.dtype)), method=case.method)


def _parameters(size: int) -> np.ndarray:
    """Parameters of size 0.3 to 1, with which every ReLU layer here has active units."""
    rng = np.random.default_rng(SEED)
    drawn: np.ndarray = rng.uniform(0.3, 1.0, size) * rng.choice([-1.0, 1.0], size)
    return drawn


def _state(layer: Any) -> Any:
    rows = layer.num_layers * layer.directions
    h = numbers(rows, B, layer.state_size, seed=1)
    return (h, numbers(rows, B, layer.hidden_size, seed=2)) if isinstance(layer, LSTM) else h


def table(results: dict[LayerCase, Report]) -> str:
    """One row per layer and dtype, one column per method: the largest error on the gradient's scale, or FAIL."""
    columns = [c for c in (*METHODS, "truncated") if any(case.column == c for case in results)]
    head = ("cell", "variant", "layers", "direction", "dtype")
    return aligned(head, columns, ((case.row, case.column, report) for case, report in results.items()))


def legend(results: dict[LayerCase, Report]) -> str:
    """What the numbers of a table are, and up to where they pass."""
    limits: dict[str, dict[str, None]] = {}
    for case, report in results.items():
        for tensor in report.tensors:
            limits.setdefault(f"{tensor.tolerance:.0e}", {})[f"{case.column} in {case.dtype}"] = None
    passed = "; ".join(f"{limit}: {', '.join(names)}" for limit, names in limits.items())
    return (
        "A number is the largest error of a gradient's entries: |analytic - numeric| over the tensor's largest entry.\n"
        f"It passes up to {passed}."
    )


def aligned(head: Iterable[str], names: Iterable[str], found: Iterable[tuple[tuple[str, ...], str, Any]]) -> str:
    """A table of (row, column, report): the largest error of each place, or FAIL."""
    cells: dict[tuple[str, ...], dict[str, list[Any]]] = {}
    for row, column, report in found:
        cells.setdefault(row, {}).setdefault(column, []).append(report)
    names = list(names)
    rows = [(*head, *names), *((*row, *(_shown(at.get(name, [])) for name in names)) for row, at in cells.items())]
    return "\n".join(columns(rows))


def _shown(reports: list[Any]) -> str:
    if not reports:
        return "-"
    return f"{max(r.max_error for r in reports):.1e}" if all(reports) else "FAIL"
