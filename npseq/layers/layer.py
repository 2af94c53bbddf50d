"""Base class of layers: parameters in one flat vector, a dtype, a device."""

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
        """The same layer over another flat vector of parameters, which it does not copy."""
        other = copy.copy(self)
        other.params = self.params.like(flat)
        return other

    def astype(self, dtype: Any) -> Any:
        """A copy of this layer in another dtype; complex128 runs through forward and backward."""
        return self.bind(self.params.flat.astype(float_dtype(dtype)))

    def to(self, device: str) -> Any:
        """Moves the parameters to "cpu" or "gpu", in place, and returns the layer itself."""
        xp = device_module(device)
        self.params = self.params.like(to_host(self.params.flat) if xp is np else xp.asarray(self.params.flat))
        return self
