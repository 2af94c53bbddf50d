"""Reading of the RNN, GRU and LSTM nodes of an ONNX file.

A file is untrusted: every statement in it is compared with its content first. A tensor's size must be that of its data,
its data must be in the file itself, and every name must be defined.
"""

from math import prod
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from npseq.interop.onnx.attributes import OPERATORS
from npseq.interop.onnx.package import LIMIT, onnx_for

STORED = ("W", "R", "B", "P")  # the inputs of which a layer is made
OLDEST = 7  # the first operator set in which these operators have their present meaning
_DATA = {"FLOAT": "float_data", "DOUBLE": "double_data", "INT32": "int32_data", "INT64": "int64_data"}


class Node(NamedTuple):
    """One RNN, GRU or LSTM; load(node.op_type, node.inputs, node.attributes) makes a layer of it."""

    name: str  # may be empty
    op_type: str  # "RNN", "GRU" or "LSTM"
    inputs: dict[str, np.ndarray]  # by ONNX's names, those that are stored in the file
    attributes: dict[str, Any]  # those that the file stores
    fed: dict[str, str]  # the others, say X, and their sources in the graph


def read(path: str | PathLike[str]) -> list[Node]:
    """Returns the RNN, GRU and LSTM nodes in the order of the file.

    Args:
        path: the file.

    Raises:
        FileNotFoundError: if there is no file.
        ImportError: without the extra "onnx".
        ValueError: for a file that is damaged, too large or not ONNX, whose tensors are outside of it or do not have
            the size they claim, whose names are undefined, or whose weights are computed rather than stored.

    Example:
        >>> node = ns.interop.onnx.read("lstm.onnx")[0]  # doctest: +SKIP
        >>> layer, arguments = ns.interop.onnx.load(node.op_type, node.inputs, node.attributes)  # doctest: +SKIP
    """
    onnx = onnx_for("interop.onnx.read")
    path = Path(path)
    model = _parsed(onnx, path)
    graph = model.graph
    try:
        _check_operator_set(model)
        _check_nothing_hidden(model)
        tensors = _tensors(graph)
        known = {
            *tensors,
            *(value.name for value in graph.input),
            *(name for node in graph.node for name in node.output),
        }
        return [_node(onnx, node, tensors, known) for node in graph.node if _is_recurrent(node)]
    except ValueError as error:
        raise ValueError(f"{str(path)!r}: {error}") from error


def _parsed(onnx: Any, path: Path) -> Any:
    if not path.is_file():
        raise FileNotFoundError(f"path must be an existing ONNX file, found none at {str(path)!r}")
    size = path.stat().st_size
    if size > LIMIT:
        raise ValueError(f"{str(path)!r} has {size} bytes, an ONNX file has at most {LIMIT}")
    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except Exception as error:  # protobuf's own, which has no public name here
        raise ValueError(f"{str(path)!r} is damaged, or no ONNX file: {_shown(error)}") from error
    if not (model.HasField("graph") and model.opset_import):
        raise ValueError(f"{str(path)!r} is damaged, or no ONNX file: it has no graph or names no operator set")
    return model


def _check_operator_set(model: Any) -> None:
    versions = [one.version for one in model.opset_import if one.domain in ("", "ai.onnx")]
    if not versions or min(versions) < OLDEST:
        raise ValueError(f"the operator set must be ONNX's, version {OLDEST} or later, got {versions or 'none'}")


def _is_recurrent(node: Any) -> bool:
    return node.op_type in OPERATORS and node.domain in ("", "ai.onnx")


def _check_nothing_hidden(model: Any) -> None:
    """Raises where a recurrent node is inside of another node or of a function: it would be overlooked."""
    inner = [node for function in model.functions for node in function.node]
    inner += [node for outer in model.graph.node for node in _inside(outer)]
    for node in inner:
        if _is_recurrent(node):
            raise ValueError(
                f"{node.op_type} {_shown(node.name)} is inside of another node; only a graph's own are read"
            )


def _inside(outer: Any) -> list[Any]:
    """The nodes of a node's own graphs, to any depth."""
    graphs = [graph for attribute in outer.attribute for graph in (attribute.g, *attribute.graphs)]
    direct = [node for graph in graphs for node in graph.node]
    return direct + [inner for node in direct for inner in _inside(node)]


def _tensors(graph: Any) -> dict[str, Any]:
    """{name: tensor} of the stored ones, whose data is not read yet."""
    stored = [(tensor.name, tensor) for tensor in graph.initializer]
    for node in graph.node:
        if node.op_type == "Constant" and node.domain in ("", "ai.onnx"):
            stored += [(node.output[0], one.t) for one in node.attribute if one.name == "value" and node.output]
    tensors: dict[str, Any] = {}
    for name, tensor in stored:
        if name in tensors:
            raise ValueError(f"the name {_shown(name)} is given to two tensors")
        tensors[name] = tensor
    return tensors


def _node(onnx: Any, node: Any, tensors: dict[str, Any], known: set[str]) -> Node:
    names = OPERATORS[node.op_type]
    where = f"{node.op_type} {_shown(node.name)}"
    if len(node.input) > len(names):
        raise ValueError(f"{where} must have at most {len(names)} inputs, it has {len(node.input)}")
    given = {name: source for name, source in zip(names, node.input, strict=False) if source}
    for name, source in given.items():
        if source not in known:
            raise ValueError(f"{where} reads its {name} from {_shown(source)}, which nothing gives")
        if name in STORED and source not in tensors:
            raise ValueError(f"{where} must have its {name} stored, {_shown(source)} is computed or fed; fold it first")
    inputs = {name: _array(onnx, tensors[source], where, name) for name, source in given.items() if source in tensors}
    fed = {name: source for name, source in given.items() if source not in tensors}
    return Node(node.name, node.op_type, inputs, _attributes(onnx, node, where), fed)


def _attributes(onnx: Any, node: Any, where: str) -> dict[str, Any]:
    found = {one.name: one for one in node.attribute}
    if len(found) < len(node.attribute):
        raise ValueError(f"{where} has an attribute twice")
    for one in node.attribute:
        if one.ref_attr_name or one.type not in (one.FLOAT, one.INT, one.STRING, one.FLOATS, one.INTS, one.STRINGS):
            raise ValueError(f"{where} must have numbers and texts for attributes, {_shown(one.name)} is none")
    values = {name: onnx.helper.get_attribute_value(one) for name, one in found.items()}
    return {
        name: value.decode("utf-8", "replace") if isinstance(value, bytes) else value for name, value in values.items()
    }


def _array(onnx: Any, tensor: Any, where: str, name: str) -> np.ndarray:
    """The tensor's numbers, after its type and shape have been compared with its data."""
    what = f"{where}, {name} (tensor {_shown(tensor.name)})"
    if tensor.data_location == tensor.EXTERNAL or tensor.external_data:
        raise ValueError(f"{what} lies in another file, which is never opened; save the model with its data inside")
    kinds = {value: kind for kind, value in onnx.TensorProto.DataType.items()}
    kind = kinds.get(tensor.data_type, str(tensor.data_type))
    if kind not in _DATA:
        raise ValueError(f"{what} must be one of {', '.join(_DATA)}, it is {kind}")
    dims = list(tensor.dims)
    if len(dims) > 3 or min(dims, default=0) < 0:
        raise ValueError(f"{what} must have at most 3 axes of 0 or more, it has {dims[:8]}")
    itemsize = 8 if kind in ("DOUBLE", "INT64") else 4
    held = len(tensor.raw_data) / itemsize if tensor.HasField("raw_data") else len(getattr(tensor, _DATA[kind]))
    if held != prod(dims):
        raise ValueError(f"{what} says it holds {prod(dims)} numbers, shape {dims}, and holds {held:g}")
    return np.array(onnx.numpy_helper.to_array(tensor))


def _shown(text: Any) -> str:
    """A text of the file, on one short line."""
    return repr(str(text)[:80])
