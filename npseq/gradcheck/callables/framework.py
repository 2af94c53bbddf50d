"""What the checker needs of a framework: its arrays, its functions and layers, and the gradients that it takes."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from npseq.backend import generator
from npseq.gradcheck.callables.trees import leaves_of

Leaves = dict[str, Any]  # {path: an array of the framework, or another leaf}
Function = Callable[[Leaves], Any]


class Framework:
    """The functions by which frameworks differ."""

    name = ""
    remedy = ""  # what makes an array of float64 of one

    def function(self, f: Any, at: Any) -> tuple[Callable[..., Any], Any]:
        """A function and its point; where f is a layer, its parameters beside its inputs."""
        return f, at

    def is_array(self, leaf: Any) -> bool:
        raise NotImplementedError

    def dtype(self, leaf: Any) -> str:
        """The name of an array's dtype, as NumPy has it."""
        return str(leaf.dtype).rpartition(".")[2]

    def array(self, value: np.ndarray, like: Any) -> Any:
        """The framework's array of these numbers, on the device of another."""
        raise NotImplementedError

    def numpy(self, value: Any) -> np.ndarray:
        raise NotImplementedError

    def gradient(self, f: Function, leaves: Leaves) -> Mapping[str, Any]:
        """The framework's own gradient of a scalar function, with the backward passes that somebody wrote for it."""
        raise NotImplementedError

    def moves(self, path: str, leaf: Any) -> bool:
        """Whether a leaf has a gradient: ids, flags and plain numbers have none. Raises TypeError for float32."""
        if not self.is_array(leaf) or "float" not in self.dtype(leaf):
            return False
        if self.dtype(leaf) != "float64":
            raise TypeError(
                f"{path} must be float64, in which differences have digits, got {self.dtype(leaf)}; {self.remedy}"
            )
        return True

    def projected(self, f: Function, leaves: Leaves, rng: Any) -> Function:
        """f, or where it returns arrays their sum with weights that are drawn once."""
        draw, outputs = generator(0 if rng is None else rng), leaves_of(f(leaves))
        if [getattr(one, "ndim", 0) for one in outputs.values()] == [0]:
            return lambda named: leaves_of(f(named)).popitem()[1]
        weights = {
            path: self.array(np.asarray(draw.standard_normal(tuple(one.shape))), one)
            for path, one in outputs.items()
            if self.is_array(one) and "float" in self.dtype(one)
        }

        def scalar(named: dict[str, Any]) -> Any:
            found = leaves_of(f(named))
            return sum((weight * found[path]).sum() for path, weight in weights.items())

        return scalar
