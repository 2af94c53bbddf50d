"""An ONNX model as a function of named arrays, run by onnxruntime."""

from collections.abc import Callable, Mapping
from os import PathLike, fspath
from typing import Any

import numpy as np

from npseq.arguments import array, mapping
from npseq.backend import Array, Seed, generator


def function(
    model: Any, fixed: Mapping[str, Array] | None = None, *, rng: Seed = 0
) -> Callable[[Mapping[str, Array]], float]:
    """Returns f({input: array}) -> the sum of the model's floating outputs with random weights, for `ns.gradcheck`.

    ONNX has no gradients: give the checker those of the code that the model stands for, say of `load`'s layer.

    Args:
        model: the path of a file, its bytes, or an onnx.ModelProto.
        fixed: inputs that have no gradient, such as sequence_lens.
        rng: a seed or a Generator of the weights.

    Raises:
        ImportError: without onnxruntime.
        ValueError: if an input that the model needs is missing, or it has none of that name.

    Example:
        >>> f = ns.interop.onnx.function("gru.onnx")  # doctest: +SKIP
        >>> ns.gradcheck(f, {"x": x, "h": h}, {"x": dx, "h": dh}, rtol=1e-2).passed  # doctest: +SKIP
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError("onnx.function needs onnxruntime; pip install 'npseq[onnx]'") from error
    is_whole = isinstance(model, bytes | str | PathLike)
    content: Any = model if isinstance(model, bytes) else fspath(model) if is_whole else model.SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    kinds = {one.name: _dtype(one.type) for one in session.get_inputs()}
    draw, weights = generator(rng), {}
    held = dict(mapping("fixed", {} if fixed is None else fixed))

    def f(at: Mapping[str, Array]) -> float:
        given = {name: array(name, value) for name, value in {**at, **held}.items()}
        if given.keys() != kinds.keys():
            raise ValueError(f"the model reads {sorted(kinds)}, got {sorted(given)}")
        outputs = session.run(None, {name: value.astype(kinds[name]) for name, value in given.items()})
        total = 0.0
        for k, one in enumerate(outputs):
            if one.dtype.kind == "f":
                if k not in weights:
                    weights[k] = draw.standard_normal(one.shape)
                total += float((weights[k] * one).sum())
        return total

    return f


def _dtype(kind: str) -> np.dtype:
    """NumPy's dtype of onnxruntime's "tensor(float)"."""
    names = {"float": "float32", "double": "float64"}
    name = kind.removeprefix("tensor(").removesuffix(")")
    return np.dtype(names.get(name, name))
