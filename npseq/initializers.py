"""First values of parameters: (shape, rng, dtype, ...) -> NumPy array; rng a seed or a Generator.

Numbers are drawn in float64 and then cast, so that every dtype starts from the same ones. Shapes are those of the
notes, W_xh (D, H): the last axis counts the units that are fed, the one before it the units that feed them.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from math import inf, prod, sqrt
from typing import TypeAlias

import numpy as np

from npseq.arguments import float_dtype, mapping, number
from npseq.backend import Array, array_module, generator

LARGEST = 1 << 48  # numbers: no machine holds an array of more
Shape = tuple[int, ...]
Seed: TypeAlias = "int | np.random.Generator | None"  # quoted: numpy.random is loaded when it is used


def uniform_sqrt_hidden(
    shape: Shape, rng: Seed = None, dtype: object = np.float32, hidden_size: int | None = None
) -> np.ndarray:
    """U(-1/sqrt(h), 1/sqrt(h)), h = hidden_size or the last axis: PyTorch's `nn.RNN`, `nn.GRU` and `nn.LSTM`."""
    bound = 1 / sqrt(_at_least(shape, 1)[-1] if hidden_size is None else _positive("hidden_size", hidden_size))
    return _cast(generator(rng).uniform(-bound, bound, _shape(shape)), dtype)


def normal(shape: Shape, rng: Seed = None, dtype: object = np.float32, std: float = 0.01) -> np.ndarray:
    """N(0, std^2): d2l's weights "from scratch" (`get_params`), std 0.01."""
    return _cast(generator(rng).normal(0.0, _not_negative("std", std), _shape(shape)), dtype)


def xavier_uniform(shape: Shape, rng: Seed = None, dtype: object = np.float32, gain: float = 1.0) -> np.ndarray:
    """U(-a, a), a = gain sqrt(6 / (fan_in + fan_out)): Glorot & Bengio 2010, equation 16. Fans: the last two axes."""
    bound = _not_negative("gain", gain) * sqrt(6 / sum(_at_least(shape, 2)[-2:]))
    return _cast(generator(rng).uniform(-bound, bound, _shape(shape)), dtype)


def xavier_normal(shape: Shape, rng: Seed = None, dtype: object = np.float32, gain: float = 1.0) -> np.ndarray:
    """N(0, s^2), s = gain sqrt(2 / (fan_in + fan_out)): Glorot & Bengio 2010, equation 12. Fans: the last two axes."""
    std = _not_negative("gain", gain) * sqrt(2 / sum(_at_least(shape, 2)[-2:]))
    return _cast(generator(rng).normal(0.0, std, shape), dtype)


def orthogonal(shape: Shape, rng: Seed = None, dtype: object = np.float32, gain: float = 1.0) -> np.ndarray:
    """gain times a random matrix with orthonormal rows or columns, whichever are fewer (Saxe et al. 2014, 1312.6120).

    Uniform over all such matrices: the signs of QR are fixed as in Mezzadri 2007, arXiv math-ph/0609050.
    """
    rows, columns = _matrix(shape)
    q, r = np.linalg.qr(generator(rng).normal(size=(max(rows, columns), min(rows, columns))))
    q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)
    return _cast(number("gain", gain) * (q if rows >= columns else q.T), dtype)


def identity(shape: Shape, rng: Seed = None, dtype: object = np.float32, gain: float = 1.0) -> np.ndarray:
    """gain times the identity, for W_hh of a ReLU network: the IRNN of Le, Jaitly & Hinton 2015, arXiv 1504.00941."""
    rows, columns = _matrix(shape)
    return _cast(number("gain", gain) * np.eye(rows, columns), dtype)


def zeros(shape: Shape, rng: Seed = None, dtype: object = np.float32) -> np.ndarray:
    """0 everywhere: the biases of d2l and of the IRNN."""
    return np.zeros(_shape(shape), float_dtype(dtype))


def constant(shape: Shape, rng: Seed = None, dtype: object = np.float32, value: float = 1.0) -> np.ndarray:
    """The same value everywhere."""
    return np.full(_shape(shape), number("value", value), float_dtype(dtype))


INITIALIZERS: dict[str, Callable[..., np.ndarray]] = {
    function.__name__: function
    for function in (
        uniform_sqrt_hidden,
        normal,
        xavier_uniform,
        xavier_normal,
        orthogonal,
        identity,
        zeros,
        constant,
    )
}


def forget_bias(params: MutableMapping[str, Array], value: float = 1.0) -> None:
    """Set every forget-gate bias of an LSTM (b_f..., of every layer and direction) to value, in place.

    1 is the choice of Gers et al. 2000 and Jozefowicz, Zaremba & Sutskever 2015. Raises ValueError where there is none.
    """
    for name in _forget_biases(params):
        params[name][...] = number("value", value)


def chrono(params: MutableMapping[str, Array], t_max: float, rng: Seed = None) -> None:
    """Chrono initialisation of an LSTM, in place: b_f ~ log U(1, t_max - 1), b_i = -b_f, t_max the longest dependency.

    Tallec & Ollivier 2018, arXiv 1804.11188, section 2. Raises ValueError for t_max < 2 or params without b_f and b_i.
    """
    if not number("t_max", t_max) >= 2 or t_max == inf:
        raise ValueError(f"t_max must be at least 2 steps, got {t_max}; it is the longest dependency to expect")
    pairs = {name: _input_bias(name) for name in _forget_biases(params)}
    missing = sorted(set(pairs.values()) - set(params))
    if missing:
        raise ValueError(f"params must hold an input-gate bias for each forget-gate bias, missing {missing}")
    rng = generator(rng)
    for forget, into in pairs.items():
        bias = params[forget]
        bias[...] = array_module(bias).asarray(np.log(rng.uniform(1, t_max - 1, bias.shape)), dtype=bias.dtype)
        params[into][...] = -bias


def _forget_biases(params: MutableMapping[str, Array]) -> list[str]:
    names = [name for name in mapping("params", params) if name.rpartition(".")[2].startswith("b_f")]
    if not names:
        raise ValueError(f"params must hold a forget-gate bias, 'b_f...', got {list(params)}; only an LSTM has one")
    return names


def _input_bias(name: str) -> str:
    layer, dot, own = name.rpartition(".")
    return f"{layer}{dot}b_i{own[3:]}"


def _cast(values: np.ndarray, dtype: object) -> np.ndarray:
    return values.astype(float_dtype(dtype))


def _shape(shape: Shape) -> Shape:
    """Sizes of at least 0 of an array that there can be."""
    sizes = shape if isinstance(shape, tuple | list) else (shape,)
    if not all(isinstance(size, int | np.integer) and not isinstance(size, bool) and size >= 0 for size in sizes):
        raise TypeError(f"shape must be a tuple of integers of at least 0, got {shape!r}")
    if len(sizes) > 32 or prod(int(size) for size in sizes) > LARGEST:
        raise ValueError(f"shape must be that of an array that fits into memory, got {shape}")
    return tuple(sizes)


def _at_least(shape: Shape, axes: int) -> Shape:
    if len(_shape(shape)) < axes or 0 in _shape(shape)[-axes:]:
        raise ValueError(f"shape must have at least {axes} axes for this initializer, got {shape}, none of them empty")
    return _shape(shape)


def _matrix(shape: Shape) -> Shape:
    if len(_shape(shape)) != 2:
        raise ValueError(f"shape must be that of a matrix for this initializer, got {shape}")
    return _shape(shape)


def _positive(name: str, value: float) -> float:
    if not number(name, value) > 0:
        raise ValueError(f"{name} must be positive, got {value}")
    return value


def _not_negative(name: str, value: float) -> float:
    if not 0 <= number(name, value) < inf:
        raise ValueError(f"{name} must be finite and not negative, got {value}")
    return value
