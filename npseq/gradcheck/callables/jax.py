"""JAX: functions of its arrays, jit and custom_vjp among them."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from npseq.gradcheck.callables.framework import Framework, Function, Leaves


class Jax(Framework):
    """Arrays of JAX and functions of them."""

    name = "JAX"
    remedy = "make it anew with dtype float64"

    def function(self, f: Any, at: Any) -> tuple[Callable[..., Any], Any]:
        config: Any = jax.config  # without types of its own
        if not config.read("jax_enable_x64"):
            raise ValueError(
                "JAX must compute in float64, in which differences have digits; call "
                'jax.config.update("jax_enable_x64", True), and make the arrays after it'
            )
        return f, at

    def is_array(self, leaf: Any) -> bool:
        return isinstance(leaf, jax.Array | np.ndarray)

    def array(self, value: np.ndarray, like: Any) -> Any:
        return jnp.asarray(value)

    def numpy(self, value: Any) -> np.ndarray:
        return np.asarray(value)

    def gradient(self, f: Function, leaves: Leaves) -> Mapping[str, Any]:
        gradients: Mapping[str, Any] = jax.grad(f)(leaves)
        return gradients
