"""The numbers of a case: every rival begins with the same parameters and reads the same batch."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from benchmarks.cases import GATES, Case

PADDING = -100  # the target of a step past a sequence's length, PyTorch's own mark
CLIP, RATE = 1.0, 0.1


class Problem(NamedTuple):
    """params: under PyTorch's names and in its layout: recurrent.weight_ih_l0, output.weight, embedding.weight."""

    case: Case
    params: dict[str, np.ndarray]
    x: np.ndarray  # ids (T, B), or features (T, B, D) of dense input
    targets: np.ndarray  # (T, B)
    lengths: np.ndarray | None  # (B,)


def problem(case: Case, seed: int = 0) -> Problem:
    rng = np.random.default_rng(seed)
    params = {name: _draw(rng, name, shape, case) for name, shape in shapes(case).items()}
    size = (case.T, case.B)
    x = rng.standard_normal((*size, case.D)).astype(case.dtype) if case.inputs == "dense" else _tokens(rng, case, size)
    targets, lengths = _tokens(rng, case, size), None
    if case.ragged:
        lengths = rng.integers(1, case.T + 1, case.B)
        lengths[rng.integers(case.B)] = case.T
        targets[np.arange(case.T)[:, None] >= lengths] = PADDING
    return Problem(case, params, x, targets, lengths)


def shapes(case: Case) -> dict[str, tuple[int, ...]]:
    """Of all parameters, by name."""
    rows, found = GATES[case.cell] * case.H, {}
    for layer in range(case.layers):
        for ending in ("", "_reverse")[: case.directions]:
            inputs = case.features if layer == 0 else case.H * case.directions
            end = f"_l{layer}{ending}"
            found |= {f"recurrent.weight_ih{end}": (rows, inputs), f"recurrent.weight_hh{end}": (rows, case.H)}
            found |= {f"recurrent.bias_ih{end}": (rows,), f"recurrent.bias_hh{end}": (rows,)}
    found |= {"output.weight": (case.V, case.H * case.directions), "output.bias": (case.V,)}
    return found | ({"embedding.weight": (case.V, case.D)} if case.inputs == "embedding" else {})


def _draw(rng: np.random.Generator, name: str, shape: tuple[int, ...], case: Case) -> np.ndarray:
    """PyTorch's distributions."""
    if name.startswith("embedding"):
        return rng.standard_normal(shape).astype(case.dtype)
    bound = 1 / np.sqrt(case.H * (case.directions if name.startswith("output") else 1))
    return rng.uniform(-bound, bound, shape).astype(case.dtype)


def _tokens(rng: np.random.Generator, case: Case, size: tuple[int, int]) -> np.ndarray:
    return rng.integers(case.V, size=size)
