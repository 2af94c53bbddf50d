"""Keras 3: a layer or a model as a function of its inputs and variables, in the arrays of Keras's backend."""

from collections.abc import Callable
from typing import Any

import keras

from npseq.gradcheck.callables.arguments import arguments_of

BACKENDS = ("torch", "jax")


def function_of_layer(layer: Any, at: Any) -> tuple[Callable[..., Any], Any]:
    """The function and its point. Raises ValueError for a backend whose gradients this does not take."""
    backend = keras.backend.backend()
    if backend not in BACKENDS:
        raise ValueError(f"Keras's backend must be torch or jax, got {backend}; set KERAS_BACKEND before the import")
    inputs = arguments_of(layer.call, at if type(at) is tuple else (at,)).tree
    inputs = {name: keras.ops.convert_to_tensor(value, str(value.dtype)) for name, value in inputs.items()}
    if not layer.built:
        layer(*inputs.values())
    variables = {one.path: one.value for one in layer.trainable_variables}
    for path, one in variables.items():
        if "float64" not in str(one.dtype):
            raise TypeError(
                f"{path} must be float64, in which differences have digits, got {one.dtype}; make the layer with "
                'dtype="float64"'
            )
    fixed = [one.value for one in layer.non_trainable_variables]

    def call(tree: dict[str, Any]) -> Any:
        given = [tree[name] for name in inputs]
        return layer.stateless_call([tree[path] for path in variables], fixed, *given)[0]

    return (_compiled(call) if backend == "jax" else call), {**inputs, **variables}


def _compiled(call: Callable[..., Any]) -> Callable[..., Any]:
    """The same at a hundredth of the time: JAX's loops over time are slow where they are not compiled."""
    import jax

    compiled: Callable[..., Any] = jax.jit(call)
    return compiled
