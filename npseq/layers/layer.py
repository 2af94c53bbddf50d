"""The base class of layers holds parameters in one flat vector, of one dtype, on one device."""

import copy
from typing import Any

import numpy as np

from npseq.arguments import float_dtype
from npseq.backend import Array, device_module, to_host
from npseq.parameters import Parameters


class Layer:
    """Holds `params`; forward and backward are functions of them and of their arguments."""

    params: Parameters

    @property
    def dtype(self) -> np.dtype:
        return self.params.flat.dtype

    def bind(self, flat: Array) -> Any:
        """Returns the same layer over another flat vector of parameters, which it does not copy.

        Args:
            flat: a vector of the shape of `params.flat`.
        """
        other = copy.copy(self)
        other.params = self.params.like(flat)
        return other

    def astype(self, dtype: Any) -> Any:
        """Returns a copy of this layer in another dtype; complex128 runs through forward and backward.

        Args:
            dtype: float32, float64, complex64 or complex128.
        """
        return self.bind(self.params.flat.astype(float_dtype(dtype)))

    def to(self, device: str) -> Any:
        """Moves the parameters to another device, in place, and returns the layer itself.

        Args:
            device: "cpu" or "gpu".
        """
        xp = device_module(device)
        self.params = self.params.like(to_host(self.params.flat) if xp is np else xp.asarray(self.params.flat))
        return self
