"""The first values that Keras gives to the parameters of a layer or a model."""

import re
from collections.abc import MutableMapping
from typing import Any

import numpy as np

from npseq.arguments import mapping
from npseq.backend import Array, Seed, array_module, generator
from npseq.initializers.values import arrays_of, orthogonal, xavier_uniform
from npseq.parameters import Parameters

GATE = re.compile(r"(.*W_[xh])[^_p](_.*)?")  # of W_xi, W_xf, W_xg and W_xo Keras makes one matrix
LARGEST = 0.05  # of an embedding's entries


def keras(params: MutableMapping[str, Array], rng: Seed = None) -> None:
    """Draws the parameters of a layer or a model anew, in place, as Keras draws them.

    W_x, and the W of a Linear, are `glorot_uniform`; W_h is `orthogonal`; an LSTM's forget gate has a bias of 1, all
    other biases are 0; an embedding is U(-0.05, 0.05). The gates of a layer are columns of one matrix. Peepholes, which
    Keras does not have, stay.

    Args:
        params: of a layer, or of a model.
        rng: a seed or a numpy.random.Generator.

    Example:
        >>> layer = ns.GRU(2, 3, dtype=np.float64, rng=0)
        >>> ns.initializers.keras(layer.params, rng=0)
        >>> gates = np.hstack([layer.params[name] for name in ("W_hr", "W_hz", "W_hn")])
        >>> np.allclose(gates @ gates.T, np.eye(3)), layer.params["b_r"].tolist()
        (True, [0.0, 0.0, 0.0])
    """
    rng, rows = generator(rng), dict[Any, list[str]]()
    for name in arrays_of(params, list(mapping("params", params))):
        if params[name].ndim != 2 and name.rpartition(".")[2].startswith("W"):
            raise ValueError(
                f"params[{name!r}] must be a matrix, got shape {params[name].shape}; name others otherwise"
            )
        found = GATE.fullmatch(name)
        rows.setdefault((params[name].shape, *found.groups()) if found else name, []).append(name)
    for names in rows.values():
        own = names[0].rpartition(".")[2]
        if own.startswith("b"):
            _write(params, names, [np.array(float(own.startswith("b_f")))])
        elif own.startswith("W"):
            _write(params, names, _matrices(names[0], [params[name].shape for name in names], rng))
    if isinstance(params, Parameters):
        params.written()


def _matrices(name: str, shapes: list[tuple[int, ...]], rng: np.random.Generator) -> list[np.ndarray]:
    """The values of matrices side by side, of the kind that the name says."""
    (height, width), count = shapes[0], len(shapes)
    whole = (height, count * width)
    if "embedding" in name:
        return [rng.uniform(-LARGEST, LARGEST, whole)]
    kind: Any = orthogonal if name.rpartition(".")[2].startswith("W_h") and count * width >= height else xavier_uniform
    return np.split(kind(whole, rng, np.float64), count, axis=1)


def _write(params: MutableMapping[str, Array], names: list[str], values: list[np.ndarray]) -> None:
    for name, value in zip(names, values, strict=True):
        array = params[name]
        array[...] = array_module(array).asarray(value, dtype=array.dtype)
