"""The base class of layers holds parameters in one flat vector, of one dtype, on one device."""

import copy
from typing import Any

import numpy as np

from npseq.arguments import array, float_dtype, instance
from npseq.backend import HOST, Array, array_module, device_module, to_host
from npseq.bptt.workspace import check_workspace
from npseq.parameters import Parameters
from npseq.shown import as_html


def require_real(layer: Any) -> None:
    """Raises TypeError for a complex layer or model, where only a real one has a meaning: norms, orders, choices."""
    if layer.dtype.kind != "f":
        raise TypeError(f"layer must be real here, got {layer.dtype}; use layer.astype('float64')")


class Layer:
    """Holds `params`; forward and backward are functions of them and of their arguments."""

    params: Parameters

    @property
    def dtype(self) -> np.dtype:
        return self.params.flat.dtype

    def bind(self, flat: Array) -> Any:
        """Returns the same layer over another flat vector of parameters, which it does not copy.

        Args:
            flat: a vector of the shape of `params.flat`: float32, float64, complex64 or complex128.

        Raises:
            TypeError, ValueError: if it is something else.
        """
        float_dtype(array("flat", flat).dtype)
        return self._bound(self.params.like(flat))

    def _bound(self, params: Parameters) -> Any:
        other = copy.copy(self)
        other._bind(params)
        return other

    def _bind(self, params: Parameters) -> None:
        self.__dict__["params"] = params

    def __setattr__(self, name: str, value: Any) -> None:
        """Writes params in place, as params.flat does. What a layer is made of cannot be replaced."""
        held = self.__dict__.get(name)
        if held is None or name.startswith("_"):
            self.__dict__[name] = value
            return
        is_part = isinstance(held, Layer) and (held.params or not isinstance(value, type(held)))
        if isinstance(held, Parameters):
            wanted = "the parameters of a layer like this one; write params[name] or params.flat"
            if instance(name, value, Parameters, wanted).layout != held.layout:
                raise ValueError(f"{name} must be {wanted}, got {value}")
            held.flat = value.flat
        elif is_part or isinstance(held, dict):
            raise AttributeError(
                f"{name} must stay what this {type(self).__name__} was made of: all its parameters lie in one vector; "
                f"write {name}.params, or make another {type(self).__name__}"
            )
        else:
            self.__dict__[name] = value

    def _buffers_of(self, grads: Any, workspace: Any) -> Parameters:
        """The gradients that backward writes: these, or new ones. Raises TypeError or ValueError where one is odd."""
        check_workspace(workspace)
        params = self.params
        if grads is None:
            return params.like(np.empty_like(params.flat))
        if not isinstance(grads, Parameters) or grads.flat is params.flat:
            given = "the parameters themselves" if isinstance(grads, Parameters) else type(grads).__name__
            raise TypeError(f"grads must be gradients that this layer's backward returned, or None, got {given}")
        if grads.layout is not params.layout and grads.layout != params.layout:
            raise ValueError(f"grads must have the names and shapes of params, {params}, got {grads}; give None")
        flat, held = grads.flat, params.flat
        if type(flat) is not type(held):
            array_module(flat, held)
        if flat.dtype is not held.dtype and flat.dtype != held.dtype:
            raise TypeError(f"grads must be {held.dtype} as params, got {flat.dtype}; give None")
        if isinstance(flat, HOST) and not flat.flags.writeable:
            raise ValueError("grads must be writable, they are read-only; give None")
        return grads

    def astype(self, dtype: Any) -> Any:
        """Returns a copy of this layer in another dtype; complex128 runs through forward and backward.

        Args:
            dtype: float32, float64, complex64 or complex128; a real one only if no imaginary part would be lost.

        Raises:
            TypeError, ValueError: if it is something else.
        """
        flat, dtype = self.params.flat, float_dtype(dtype)
        if flat.dtype.kind == "c" and dtype.kind == "f":
            if flat.imag.any():
                raise ValueError(f"dtype must keep imaginary parts, got {dtype}; bind(params.flat.real) drops them")
            flat = flat.real
        return self.bind(flat.astype(dtype))

    def _repr_html_(self) -> str:
        """What a notebook shows: the layer, and a table of its parameters."""
        return as_html(f"{self!r}\n{self.params!r}")

    def to(self, device: str) -> Any:
        """Moves the parameters to another device, in place, and returns the layer itself.

        Args:
            device: "cpu" or "gpu".
        """
        xp = device_module(device)
        self._bind(self.params.like(to_host(self.params.flat) if xp is np else xp.asarray(self.params.flat)))
        return self
