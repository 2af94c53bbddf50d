"""A layer as an nn.Module of PyTorch, whose backward pass is npseq's."""

from typing import Any

import numpy as np
import torch

from npseq.arguments import instance
from npseq.layers.embedding import Embedding
from npseq.layers.layer import Layer
from npseq.layers.linear import Linear
from npseq.layers.recurrent import Recurrent
from npseq.layers.states import as_state, state_arrays


class LayerModule(torch.nn.Module):
    """Its parameters are the layer's own, in the same memory, until a method such as double() makes others."""

    def __init__(self, layer: Layer):
        super().__init__()
        self.layer = instance("layer", layer, (Recurrent, Linear, Embedding), "an RNN, GRU, LSTM, Linear or Embedding")
        if not isinstance(layer.params.flat, np.ndarray):
            raise TypeError("layer must be on the CPU to share its memory with PyTorch; use layer.to('cpu')")
        for name, value in layer.params.items():
            self.register_parameter(name, torch.nn.Parameter(torch.from_numpy(value)))

    def forward(self, x: torch.Tensor, state: Any = None, lengths: Any = None) -> Any:
        """Returns (y, state) of a recurrent layer, y of another; the arguments are those of the layer's forward."""
        parts = [] if state is None else state_arrays(state)
        run: Any = _Run.apply  # without types of its own
        found = run(self.layer, lengths, self.training, len(parts), x, *parts, *self.parameters())
        return (found[0], as_state(found[1:])) if isinstance(self.layer, Recurrent) else found[0]

    def extra_repr(self) -> str:
        return repr(self.layer)


class _Run(torch.autograd.Function):
    """One call of the layer: forward keeps its tape, backward reads it."""

    @staticmethod
    def forward(ctx: Any, layer: Any, lengths: Any, training: bool, parts: int, x: Any, *tensors: Any) -> Any:
        layer, state = _bound(layer, tensors[parts:]), [_array(one) for one in tensors[:parts]]
        if isinstance(layer, Recurrent):
            given = as_state(state) if state else None
            y, last, tape = layer.forward(_array(x), given, lengths, training=training)
            outputs = [y, *state_arrays(last)]
        else:
            y, tape = layer.forward(_array(x))
            outputs = [y]
        ctx.call = layer, tape, parts
        return tuple(torch.from_numpy(one.copy()) for one in outputs)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Any, *dstate: Any) -> Any:
        layer, tape, parts = ctx.call
        if isinstance(layer, Recurrent):
            dx, dfirst, grads = layer.backward(_array(dy), tape, as_state([_array(one) for one in dstate]))
            dstates = state_arrays(dfirst)[:parts]
        else:
            (dx, grads), dstates = layer.backward(_array(dy), tape), []
        found = [dx, *dstates, *grads.values()]
        return None, None, None, None, *(None if one is None else torch.from_numpy(one.copy()) for one in found)


def _bound(layer: Any, tensors: tuple[Any, ...]) -> Any:
    """The layer with these parameters: itself where they are its memory, else a copy of it."""
    own = [value.ctypes.data for value in layer.params.values()]
    if [one.data_ptr() for one in tensors] == own:
        return layer
    params = layer.params.like(np.empty(layer.params.flat.size, _array(tensors[0]).dtype))
    for name, one in zip(params, tensors, strict=True):
        params[name] = _array(one)
    return layer.bind(params.flat)


def _array(tensor: torch.Tensor) -> np.ndarray:
    if tensor.device.type != "cpu":
        raise TypeError(f"tensors must be on the CPU, where npseq computes this layer, got one on {tensor.device}")
    array: np.ndarray = tensor.detach().numpy()
    return array
