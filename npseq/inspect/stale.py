"""What a carried state is out of date by: it was computed with parameters that have been updated since."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from npseq.backend import Array, to_host
from npseq.inspect.truncations import Bias, bias_of


def stale_state_bias(
    layer: Any,
    gradient: Callable[[Any], Any],
    carried: Any,
    x_before: Array,
    state_before: Any = None,
    lengths: Array | None = None,
) -> Bias:
    """How far the gradient at the carried state is from the one at the state that the present parameters would reach.

    gradient(state): the gradient of a chunk that starts from `state`, an array or a mapping of arrays. carried: the
    state that training carried into the chunk. x_before, state_before, lengths: all the layer has read before the
    chunk, and what that started from; it is read again with the layer's parameters as they are now. Masse & Ollivier
    2020 (arXiv 2005.05645) note the effect of updating in the middle of a sequence.
    Returns the bias's norm, relative to the fresh gradient's, and the cosine between both. Raises as forward does.
    """
    fresh = layer.forward(x_before, state_before, lengths)[1]
    stale_gradient, fresh_gradient = _flat(gradient(carried)), _flat(gradient(fresh))
    norm = np.linalg.norm
    return bias_of(
        norm(stale_gradient - fresh_gradient),
        norm(fresh_gradient),
        norm(stale_gradient),
        stale_gradient @ fresh_gradient,
    )


def _flat(gradient: Any) -> np.ndarray:
    parts = list(gradient.values()) if isinstance(gradient, Mapping) else [gradient]
    return np.concatenate([to_host(part).reshape(-1) for part in parts])
