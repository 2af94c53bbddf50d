"""What the page of a run shows: arrays of a ledger, and from which inputs each step's loss came."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import numpy as np

from npseq.backend import Array, to_host
from npseq.inspect.jacobians import lyapunov_exponents
from npseq.inspect.ledger import Ledger, lag_norms
from npseq.inspect.truncations import truncation_bias
from npseq.magnitude import joint_norm

UNITS = 90_000  # numbers of single units that a page holds, about 1 MB
FEATURES, EXPONENTS = 512, 8  # of a state, and sequences, whose exponents are computed: seconds
SEQUENCES = 64  # that a page shows the inputs of


def connections(layer: Any, x: Array, dy: Array, state: Any, count: int) -> np.ndarray:
    """The norm of the derivative of each step's loss by each input, (count, T, T), [b, t, s]; 0 for s > t.

    Args:
        layer: a recurrent layer.
        x: (T, B, D).
        dy: (T, B, P); a step's loss has the derivative dy[t] by the output of that step.
        state: as layer.forward takes it.
        count: the first so many sequences.
    """
    steps = len(dy)
    few = _first(state, count)
    y, _, tape = layer.forward(x[:, :count], few)
    found = np.zeros((count, steps, steps))
    for t in range(steps):
        alone = np.zeros_like(y)
        alone[t] = dy[t, :count]
        dx = layer.backward(alone, tape)[0]
        found[:, t] = np.sqrt((to_host(dx) ** 2).sum(axis=2)).T
    return found


def _first(state: Any, count: int) -> Any:
    if state is None:
        return None
    return tuple(part[:, :count] for part in state) if isinstance(state, tuple) else state[:, :count]


def numbers_of(found: Ledger) -> dict[str, np.ndarray]:
    """The arrays of a ledger that a page shows, by name."""
    arrays = {"lags": lag_norms(found), "bias": truncation_bias(found).relative}
    arrays |= {f"adjoint {name}": _norms(value) for name, value in found.adjoints.items()}
    arrays |= {f"mean {name}": to_host(value).mean(axis=2) for name, value in found.gates.items()}
    arrays["examples"] = _example_norms(found)
    return arrays | _units(found)


def exponents(layer: Any, x: Array, state: Any) -> dict[str, np.ndarray]:
    """The largest Lyapunov exponents of the first sequences, (n, count), of a layer whose Jacobians are small."""
    features = layer.hidden_size * len(layer.cell.state) * layer.num_layers
    if features > FEATURES:
        return {}
    few = min(x.shape[1], EXPONENTS)
    tape = layer.forward(x[:, :few], _first(state, few))[2]
    return {"exponents": to_host(lyapunov_exponents(layer, tape, count=min(4, features), rng=0))}


def _norms(value: Any) -> np.ndarray:
    found: np.ndarray = np.sqrt((np.abs(to_host(value)) ** 2).sum(axis=2))
    return found


def _example_norms(found: Ledger) -> np.ndarray:
    batch = len(next(iter(found.per_example.values())))
    return np.array([float(joint_norm(part[b] for part in found.per_example.values())) for b in range(batch)])


def _units(found: Ledger) -> dict[str, np.ndarray]:
    """Gates, states and adjoints of single units, (n, T, H), of as many sequences as there is room for."""
    groups = (("gate", found.gates), ("state", found.states), ("adjoint of", found.adjoints))
    named = {f"unit {kind} {name}": value for kind, group in groups for name, value in group.items()}
    each = sum(value.shape[0] * value.shape[2] for value in named.values())
    count = min(UNITS // each, next(iter(named.values())).shape[1]) if each else 0
    return {name: to_host(value)[:, :count].swapaxes(0, 1) for name, value in named.items()} if count else {}


def packed(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """{name: {"shape", "data"}}, the data as base64 of float64, whose every bit arrives."""
    found = {}
    for name, value in arrays.items():
        whole = np.ascontiguousarray(value, dtype="<f8")
        found[name] = {"shape": list(whole.shape), "data": b64encode(whole.tobytes()).decode()}
    return found
