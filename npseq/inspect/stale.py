"""The bias of a gradient that starts from a state computed with older parameters."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from npseq.arguments import array, function
from npseq.backend import Array, to_host
from npseq.inspect.truncations import Bias, bias_of, cosine_of
from npseq.layers.bidirectional import check_any_state, check_recurrent
from npseq.layers.jacobian import check_steps
from npseq.magnitude import norm
from npseq.protocols import LayerLike


def stale_state_bias(
    layer: LayerLike,
    gradient: Callable[[Any], Any],
    carried: Any,
    x_before: Array,
    state_before: Any = None,
    *,
    lengths: Array | None = None,
) -> Bias:
    """Compares the gradient at a stored state with the one at the state that the present parameters would reach.

    Parameters that are updated in the middle of a sequence leave the stored state out of date, an effect that Masse &
    Ollivier 2020 (arXiv 2005.05645) describe. Everything before the chunk is read again with the present parameters.

    Args:
        layer: a recurrent layer with its present parameters.
        gradient: state -> the gradient of a chunk that starts from it, an array or a mapping of arrays.
        carried: the state that training carried into the chunk.
        x_before: all the layer has read before the chunk, (T, B, D) or ids (T, B).
        state_before: the state from which x_before was read; None is zeros.
        lengths: of the sequences in x_before, (B,), or None.

    Returns:
        The norm of the bias, the same over the norm of the fresh gradient, and the cosine between both gradients.

    Raises:
        TypeError, ValueError: if an argument does not fit the layer.

    Example:
        >>> layer, x = ns.RNN(2, 3, rng=0), np.ones((4, 1, 2), np.float32)
        >>> gradient = lambda h: layer.backward(None, layer.forward(x, h)[2], np.ones_like(h))[2]
        >>> float(ns.inspect.stale_state_bias(layer, gradient, layer.forward(x)[1], x).norm)
        0.0
    """
    function("gradient", gradient)
    check_recurrent("layer", layer)
    batch = check_steps(x_before)[1]
    check_any_state("carried", carried, layer, batch)
    fresh = layer.forward(x_before, state_before, lengths)[1]
    stale_gradient, fresh_gradient = _flat(gradient(carried)), _flat(gradient(fresh))
    cosine = cosine_of([stale_gradient[None]], [fresh_gradient])[0]
    return bias_of(norm(stale_gradient - fresh_gradient), norm(fresh_gradient), cosine)


def _flat(gradient: Any) -> np.ndarray:
    arrays = list(gradient.values()) if isinstance(gradient, Mapping) else [gradient]
    for one in arrays:
        array("gradient(state)", one)
    return np.concatenate([to_host(one).reshape(-1) for one in arrays])
