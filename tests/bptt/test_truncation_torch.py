"""Truncated(k) against PyTorch: each loss's own backward, with the state detached k steps before it."""

from __future__ import annotations

import numpy as np
import pytest
from layers.recurrent_cases import assert_close

from npseq import GRU, LSTM, RNN, Truncated
from npseq.interop.torch import export

torch = pytest.importorskip("torch")

T, B, D, H = 6, 2, 2, 3
LAYERS = {
    "tanh": (RNN, {"nonlinearity": "tanh"}),
    "relu": (RNN, {"nonlinearity": "relu"}),
    "gru": (GRU, {}),
    "lstm": (LSTM, {}),
    "lstm projection": (LSTM, {"proj_size": 2}),
}


def twin(layer, options):
    module = getattr(torch.nn, type(layer).__name__)(D, H, num_layers=layer.num_layers, **options).double()
    module.load_state_dict({name: torch.tensor(value) for name, value in export(layer).items()})
    return module


def detached(state):
    return tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()


def by_torch(module, x, dy, steps):
    """Sum over t of the gradient of dy_t . y_t, the state after step t - steps, of all layers, being a constant."""
    states = [None]
    for t in range(T):
        states.append(detached(module(x[t : t + 1], states[-1])[1]))
    for t in range(T):
        first = max(t + 1 - steps, 0)
        (module(x[first : t + 1], states[first])[0][-1] * dy[t]).sum().backward()
    return {name: parameter.grad.numpy() for name, parameter in module.named_parameters()}


@pytest.mark.parametrize("steps", [1, 2, 4, 6])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("cell", LAYERS)
def test_truncated_is_torch_with_the_state_detached(cell, layers, steps):
    kind, options = LAYERS[cell]
    layer = kind(D, H, num_layers=layers, dtype=np.float64, rng=0, **options)
    layer.params.flat[:] = np.random.default_rng(1).uniform(-1, 1, layer.params.flat.size)
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=(T, B, D)), rng.normal(size=(T, B, layer.output_size))
    grads = layer.backward(dy, layer.forward(x)[2], truncation=Truncated(steps))[2]
    expected = by_torch(twin(layer, options), torch.tensor(x), torch.tensor(dy), steps)
    assert_close({name: export(layer, grads)[name] for name in expected}, expected, 1e-12)
