"""What the models share: layers by name, their parameters in one flat vector, and a training step."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from os import PathLike
from typing import Any

import numpy as np

from npseq.backend import Array, array_module, to_host
from npseq.clipping import clip_grad_norm
from npseq.files import VERSION, Content, read_content, write_content
from npseq.layers.layer import Layer
from npseq.parameters import Parameters, join_layouts

FORMAT = "npseq parameters"


class Model(Layer):
    """Layers, or models, held in the attributes that `parts` names; None where a model does without one.

    params: every part's parameters in one flat vector, named "part.name"; the parts are views of it.
    """

    parts: tuple[str, ...] = ()
    _buffers: Any = None  # what the last training step left to be written over by the next

    def _layers(self) -> dict[str, Any]:
        named = {name: getattr(self, name) for name in self.parts}
        return {name: layer for name, layer in named.items() if layer is not None}

    def _join(self) -> None:
        """Puts the parameters of all parts into one vector; a layer that was handed in is left as it was."""
        layers = self._layers()
        flats = [layer.params.flat for layer in layers.values()]
        dtypes = {str(flat.dtype) for flat in flats}
        if len(dtypes) > 1:
            raise ValueError(f"all layers of a model must have one dtype, got {sorted(dtypes)}; use layer.astype(...)")
        layout = join_layouts({name: layer.params.layout for name, layer in layers.items()})
        self._bind(Parameters(layout, array_module(*flats).concatenate(flats)))

    def _bind(self, params: Parameters) -> None:
        self.params, self._buffers = params, None
        for name, layer in self._layers().items():
            setattr(self, name, layer.bind(params.part(name, layer.params.layout).flat))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_buffers"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Of a copy: its parts' parameters become views of its own vector."""
        self.__dict__.update(state)
        self._bind(self.params)

    def bind(self, flat: Array) -> Any:
        """The same model over another flat vector of parameters, which it does not copy."""
        other = super().bind(flat)
        other._bind(other.params)
        return other

    def to(self, device: str) -> Any:
        """Moves the parameters to "cpu" or "gpu", in place, and returns the model itself."""
        super().to(device)
        self._bind(self.params)
        return self

    def _gather(self, grads: Mapping[str, Parameters]) -> Parameters:
        """The gradients of all parts, {part: grads}, as one vector under the model's own names."""
        return self.params.like(np.concatenate([grads[name].flat for name in self._layers()]))

    def _parts(self, grads: Parameters) -> dict[str, Parameters]:
        """Every part's own, as views of the same vector."""
        return grads.once(
            ("parts",), lambda: {k: grads.part(k, layer.params.layout) for k, layer in self._layers().items()}
        )

    def loss(self, *batch: Any, **options: Any) -> tuple[Array, Parameters]:
        """The loss of a batch, and its gradients by every parameter."""
        raise NotImplementedError

    def step(self, *batch: Any, optimizer: Any, clip: float | None = None, **options: Any) -> tuple[Array, Any]:
        """One training step, dropout acting: (loss, gradient norm before clipping). Writes params.

        batch and options are those of `loss`. clip: the largest gradient norm over all parameters, None for none.
        """
        loss, grads = self._training_loss(*batch, **options)
        norm = clip_grad_norm(grads, inf if clip is None else clip)
        optimizer.step(self.params, grads)
        return loss, norm

    def _training_loss(self, *batch: Any, **options: Any) -> tuple[Array, Parameters]:
        """As `loss`, with dropout; the gradients may be the model's own buffers."""
        return self.loss(*batch, training=True, **options)

    def save_params(self, path: str | PathLike[str]) -> None:
        """Writes the parameters as one safetensors file; what built the model, and vocabularies, are not in it."""
        params = self.params.like(to_host(self.params.flat))
        write_content(Content(dict(params), {"format": FORMAT, "version": VERSION, "model": repr(self)}), path)

    def load_params(self, path: str | PathLike[str]) -> None:
        """Writes over the parameters with those that `save_params` of a model built the same way wrote, bit for bit.

        Raises FileNotFoundError where there is no file, ValueError for one that is damaged, or whose names, shapes or
        dtypes are not those of the model, which then is as it was.
        """
        content = read_content(path, FORMAT)
        try:
            set_params(self.params, content.tensors)
        except ValueError as error:
            raise ValueError(
                f"{str(path)!r} must hold the parameters of {self}, it holds those of {content.metadata.get('model')}: "
                f"{error}; build the model as it was when it was saved"
            ) from error

    def __repr__(self) -> str:
        inner = ", ".join(f"{name}={layer}" for name, layer in self._layers().items())
        return f"{type(self).__name__}({inner})"


def set_params(params: Parameters, given: Mapping[str, np.ndarray]) -> None:
    """Writes host arrays over parameters. Raises ValueError if names, shapes or dtypes differ, before it writes."""
    held, wanted = ({n: (a.shape, np.dtype(a.dtype).name) for n, a in x.items()} for x in (given, params))
    if held != wanted:
        apart = [sorted(a.items() - b.items())[:3] for a, b in ((wanted, held), (held, wanted))]
        raise ValueError(f"its parameters must be {apart[0]} first, they are {apart[1]}")
    xp = array_module(params.flat)
    for name, array in given.items():
        params[name] = xp.asarray(array)
