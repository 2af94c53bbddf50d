"""Initializers draw the first values of parameters: (shape, rng, dtype, ...) -> NumPy array.

Numbers are drawn in float64 and then cast, so that every dtype starts from the same ones. A matrix such as W_xh has the
shape (D, H): the last axis counts the units that it feeds, the one before it the units that feed them.
"""

from collections.abc import MutableMapping
from math import inf, sqrt
from typing import Any

import numpy as np

from npseq.arguments import check_room, deviation, fitting, float_dtype, integer, mapping, number
from npseq.backend import Array, Seed, array_module, generator
from npseq.parameters import Parameters

Shape = tuple[int, ...]


def uniform_sqrt_hidden(
    shape: Shape, rng: Seed = None, dtype: object = np.float32, *, hidden_size: int | None = None
) -> np.ndarray:
    """Draws from U(-1/sqrt(h), 1/sqrt(h)), as PyTorch's `nn.RNN`, `nn.GRU` and `nn.LSTM` do.

    Args:
        shape: the shape of the array.
        rng: a seed or a numpy.random.Generator.
        dtype: float32, float64, complex64 or complex128.
        hidden_size: h; the size of the last axis by default.

    Example:
        >>> ns.initializers.uniform_sqrt_hidden((2, 3), rng=0, hidden_size=4).shape
        (2, 3)
    """
    h = _at_least(shape, 1)[-1] if hidden_size is None else integer("hidden_size", hidden_size)
    bound = 1 / sqrt(h)
    return _made(float_dtype(dtype), generator(rng).uniform(-bound, bound, _shape(shape)))


def normal(shape: Shape, rng: Seed = None, dtype: object = np.float32, *, std: float = 0.01) -> np.ndarray:
    """Draws from N(0, std^2); 0.01 is the choice of Dive into Deep Learning, 9.5, for a network "from scratch".

    Args:
        shape: the shape of the array.
        rng: a seed or a numpy.random.Generator.
        dtype: float32, float64, complex64 or complex128.
        std: the standard deviation.

    Example:
        >>> ns.initializers.normal((2, 3), rng=0).dtype
        dtype('float32')
    """
    std = deviation("std", std, dtype)
    return _made(float_dtype(dtype), generator(rng).normal(0.0, std, _shape(shape)))


def xavier_uniform(shape: Shape, rng: Seed = None, dtype: object = np.float32, *, gain: float = 1.0) -> np.ndarray:
    """Draws from U(-a, a), a = gain sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010, equation 16).

    Args:
        shape: the shape of the array; its last two axes are fan_in and fan_out.
        rng: a seed or a numpy.random.Generator.
        dtype: float32, float64, complex64 or complex128.
        gain: the factor of the bound.

    Example:
        >>> bool((abs(ns.initializers.xavier_uniform((2, 4), rng=0)) <= 1).all())
        True
    """
    bound = deviation("gain", gain, dtype) * sqrt(6 / sum(_at_least(shape, 2)[-2:]))
    return _made(float_dtype(dtype), generator(rng).uniform(-bound, bound, _shape(shape)))


def xavier_normal(shape: Shape, rng: Seed = None, dtype: object = np.float32, *, gain: float = 1.0) -> np.ndarray:
    """Draws from N(0, s^2), s = gain sqrt(2 / (fan_in + fan_out)) (Glorot & Bengio 2010, equation 12).

    Args:
        shape: the shape of the array; its last two axes are fan_in and fan_out.
        rng: a seed or a numpy.random.Generator.
        dtype: float32, float64, complex64 or complex128.
        gain: the factor of the standard deviation.

    Example:
        >>> ns.initializers.xavier_normal((2, 4), rng=0).shape
        (2, 4)
    """
    std = deviation("gain", gain, dtype) * sqrt(2 / sum(_at_least(shape, 2)[-2:]))
    return _made(float_dtype(dtype), generator(rng).normal(0.0, std, _shape(shape)))


def orthogonal(shape: Shape, rng: Seed = None, dtype: object = np.float32, *, gain: float = 1.0) -> np.ndarray:
    """Draws gain times a matrix with orthonormal rows or columns, whichever are fewer (Saxe et al. 2014, 1312.6120).

    It is uniform over all such matrices: the signs of QR are fixed as in Mezzadri 2007, arXiv math-ph/0609050.

    Args:
        shape: the shape of the array, (rows, columns).
        rng: a seed or a numpy.random.Generator.
        dtype: float32, float64, complex64 or complex128.
        gain: the singular value of the matrix.

    Example:
        >>> Q = ns.initializers.orthogonal((3, 3), rng=0, dtype=np.float64)
        >>> np.allclose(Q @ Q.T, np.eye(3))
        True
    """
    (rows, columns), gain = _matrix(shape), fitting("gain", gain, float_dtype(dtype))
    q, r = np.linalg.qr(generator(rng).normal(size=(max(rows, columns), min(rows, columns))))
    q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)
    return _made(float_dtype(dtype), gain * (q if rows >= columns else q.T))


def identity(shape: Shape, rng: Seed = None, dtype: object = np.float32, *, gain: float = 1.0) -> np.ndarray:
    """Returns gain times the identity, for W_hh of a ReLU network: the IRNN of Le, Jaitly & Hinton 2015, 1504.00941.

    Args:
        shape: the shape of the array, (rows, columns).
        rng: not used.
        dtype: float32, float64, complex64 or complex128.
        gain: the diagonal's value.

    Example:
        >>> ns.initializers.identity((2, 2), gain=0.5).tolist()
        [[0.5, 0.0], [0.0, 0.5]]
    """
    rows, columns = _matrix(shape)
    generator(rng)
    return _made(float_dtype(dtype), fitting("gain", gain, dtype) * np.eye(rows, columns))


def zeros(shape: Shape, rng: Seed = None, dtype: object = np.float32) -> np.ndarray:
    """Returns zeros, the first biases of the IRNN and of Dive into Deep Learning.

    Args:
        shape: the shape of the array.
        rng: not used.
        dtype: float32, float64, complex64 or complex128.

    Example:
        >>> ns.initializers.zeros((3,)).tolist()
        [0.0, 0.0, 0.0]
    """
    generator(rng)
    return np.zeros(_shape(shape), float_dtype(dtype))


def constant(shape: Shape, rng: Seed = None, dtype: object = np.float32, *, value: float = 1.0) -> np.ndarray:
    """Returns an array whose entries all have one value.

    Args:
        shape: the shape of the array.
        rng: not used.
        dtype: float32, float64, complex64 or complex128.
        value: the value.

    Example:
        >>> ns.initializers.constant((2,), value=-2).tolist()
        [-2.0, -2.0]
    """
    generator(rng)
    return np.full(_shape(shape), fitting("value", value, dtype), float_dtype(dtype))


def forget_bias(params: MutableMapping[str, Array], value: float = 1.0) -> None:
    """Sets every forget-gate bias of an LSTM (b_f..., of every layer and direction) to one value, in place.

    1 is the choice of Gers et al. 2000 and of Jozefowicz, Zaremba & Sutskever 2015.

    Args:
        params: the parameters of an LSTM, or of a model with one.
        value: the new bias.

    Raises:
        ValueError: for parameters without a forget-gate bias.

    Example:
        >>> layer = ns.LSTM(2, 3, rng=0)
        >>> ns.initializers.forget_bias(layer.params, 1.0)
        >>> layer.params["b_f"].tolist()
        [1.0, 1.0, 1.0]
    """
    names = _forget_biases(params)
    for name in names:
        fitting("value", value, params[name].dtype)
    for name in names:
        _write(params, name, value)


def chrono(params: MutableMapping[str, Array], t_max: float, rng: Seed = None) -> None:
    """Sets the gate biases of an LSTM for dependencies of up to t_max steps, in place.

    b_f ~ log U(1, t_max - 1), b_i = -b_f: the chrono initialisation (Tallec & Ollivier 2018, 1804.11188, section 2).

    Args:
        params: the parameters of an LSTM, or of a model with one.
        t_max: the longest dependency to expect, at least 2 steps.
        rng: a seed or a numpy.random.Generator.

    Raises:
        ValueError: for t_max < 2, or parameters without b_f and b_i.

    Example:
        >>> layer = ns.LSTM(2, 3, rng=0)
        >>> ns.initializers.chrono(layer.params, t_max=50, rng=0)
        >>> bool((layer.params["b_i"] == -layer.params["b_f"]).all())
        True
    """
    if not number("t_max", t_max) >= 2 or t_max == inf:
        raise ValueError(f"t_max must be at least 2 steps, got {t_max}; it is the longest dependency to expect")
    pairs = {name: _input_bias(name) for name in _forget_biases(params)}
    missing = sorted(set(pairs.values()) - set(params))
    if missing:
        raise ValueError(f"params must hold an input-gate bias for each forget-gate bias, missing {missing}")
    arrays_of(params, list(pairs.values()))
    rng = generator(rng)
    for forget, into in pairs.items():
        bias = params[forget]
        drawn = array_module(bias).asarray(np.log(rng.uniform(1, t_max - 1, bias.shape)), dtype=bias.dtype)
        _write(params, forget, drawn)
        _write(params, into, -drawn)


def _forget_biases(params: MutableMapping[str, Array]) -> list[str]:
    names = [name for name in mapping("params", params) if name.rpartition(".")[2].startswith("b_f")]
    if not names:
        raise ValueError(
            f"params must hold a forget-gate bias, 'b_f...', got {list(params)!s:.300}; only an LSTM has one"
        )
    return arrays_of(params, names)


def arrays_of(params: MutableMapping[str, Array], names: list[str]) -> list[str]:
    """Returns the names. Raises TypeError or ValueError where one is no array that can be written in place."""
    xp = array_module(**{f"params[{name!r}]": params[name] for name in names})
    for name in names:
        if xp is np and not (params[name].flags.writeable and params[name].dtype.kind in "fc"):
            raise ValueError(f"params[{name!r}] must be floating and writable, got {params[name].dtype}; take a copy")
    return names


def _write(params: MutableMapping[str, Array], name: str, value: Any) -> None:
    params[name][...] = value
    if isinstance(params, Parameters):
        params.written()


def _input_bias(name: str) -> str:
    layer, dot, bias = name.rpartition(".")
    return f"{layer}{dot}b_i{bias[3:]}"


def _made(dtype: np.dtype, values: np.ndarray) -> np.ndarray:
    """Values in a dtype, which Python has checked before it drew the values: it is the first argument."""
    return values.astype(dtype)


def _shape(shape: Any) -> Shape:
    """Checks a shape, or one size, and that the array could exist."""
    given = shape if isinstance(shape, tuple | list) else (shape,)
    sizes = tuple(integer("each size of the shape", size, least=0) for size in given)
    check_room("shape", sizes)
    return sizes


def _at_least(shape: Shape, axes: int) -> Shape:
    if len(_shape(shape)) < axes or 0 in _shape(shape)[-axes:]:
        raise ValueError(f"shape must have at least {axes} axes for this initializer, got {shape}, none of them empty")
    return _shape(shape)


def _matrix(shape: Shape) -> Shape:
    if len(_shape(shape)) != 2:
        raise ValueError(f"shape must be that of a matrix for this initializer, got {shape}")
    return _shape(shape)
