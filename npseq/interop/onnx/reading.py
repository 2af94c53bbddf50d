"""Reading of the RNN, GRU and LSTM nodes of an ONNX file.

A file is untrusted: every statement in it is compared with its content first. A tensor's size must be that of its data,
its data must be in the file itself or in one beside it, and every name must be defined.
"""

from collections.abc import Iterable
from math import prod
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from npseq.files import existing
from npseq.interop.onnx.attributes import OPERATORS, text_of
from npseq.interop.onnx.external import external_data
from npseq.interop.onnx.package import LIMIT, onnx_for

STORED = ("W", "R", "B", "P")  # the inputs of which a layer is made
FOLDED = (
    "read the file that onnxruntime writes to SessionOptions.optimized_model_filepath, where what is constant is folded"
)
OLDEST = 7  # the first operator set in which these operators have their present meaning
_STORED = {"FLOAT": "<f4", "DOUBLE": "<f8", "INT32": "<i4", "INT64": "<i8"}  # as raw data
_DATA = {"FLOAT": "float_data", "DOUBLE": "double_data", "INT32": "int32_data", "INT64": "int64_data"}


class Node(NamedTuple):
    """One RNN, GRU or LSTM; load(node.op_type, node.inputs, node.attributes) makes a layer of it."""

    name: str  # may be empty
    op_type: str  # "RNN", "GRU" or "LSTM"
    inputs: dict[str, np.ndarray]  # by ONNX's names, those that are stored in the file
    attributes: dict[str, Any]  # those that the file stores; texts are str
    fed: dict[str, str]  # the others, say X, and their sources in the graph


def read(path: str | PathLike[str]) -> list[Node]:
    """Returns the RNN, GRU and LSTM nodes in the order of the file.

    Args:
        path: the file.

    Raises:
        FileNotFoundError: if there is no file.
        ImportError: without the extra "onnx".
        ValueError: for a file that is damaged, too large or not ONNX, whose tensors are outside of its folder or do not
            have the size they claim, whose names are undefined, or whose weights are computed rather than stored; and
            for a recurrent node that cannot be read: one inside of another node or a function, or a quantized one.

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
            *(sparse.values.name for sparse in graph.sparse_initializer),
            *(name for node in graph.node for name in node.output),
        }
        own = [node for node in graph.node if _is_recurrent(node)]
        return [_node(onnx, node, tensors, known, path.parent) for node in own]
    except ValueError as error:
        raise ValueError(f"{str(path)!r}: {error}") from error


def _parsed(onnx: Any, path: Path) -> Any:
    size = existing(path, "an ONNX model").stat().st_size
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
    """Raises for a recurrent node that would be overlooked: inside of another node or a function, or not ONNX's own."""
    for outer in (*model.graph.node, *model.functions):
        inner = _inside(outer) if hasattr(outer, "op_type") else _all(outer.node)
        for node in filter(_is_recurrent, inner):
            kind = getattr(outer, "op_type", "function")
            way = FOLDED if kind in ("If", "function") else f"export the model without the {kind} around it"
            raise ValueError(
                f"{node.op_type} {_shown(node.name)} is inside of {kind} {_shown(outer.name)}; "
                f"only a graph's own nodes are read: {way}"
            )
    for node in _all((*model.graph.node, *(node for function in model.functions for node in function.node))):
        if any(name in node.op_type.upper() for name in OPERATORS) and not _is_recurrent(node):
            raise ValueError(
                f"{_shown(node.op_type)} {_shown(node.name)} of domain {_shown(node.domain)} is none of ONNX's "
                "recurrent operators; read the file from which it was quantized or fused"
            )


def _inside(outer: Any) -> list[Any]:
    """The nodes of a node's own graphs, to any depth."""
    graphs = [graph for attribute in outer.attribute for graph in (attribute.g, *attribute.graphs)]
    return [node for graph in graphs for node in _all(graph.node)]


def _all(nodes: Iterable[Any]) -> list[Any]:
    """These nodes and those inside of them."""
    return [one for node in nodes for one in (node, *_inside(node))]


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


def _node(onnx: Any, node: Any, tensors: dict[str, Any], known: set[str], folder: Path) -> Node:
    names = OPERATORS[node.op_type]
    where = f"{node.op_type} {_shown(node.name)}"
    if len(node.input) > len(names):
        raise ValueError(f"{where} must have at most {len(names)} inputs, it has {len(node.input)}")
    given = {name: source for name, source in zip(names, node.input, strict=False) if source}
    for name, source in given.items():
        if source not in known:
            raise ValueError(f"{where} reads its {name} from {_shown(source)}, which nothing gives")
        if name in STORED and source not in tensors:
            raise ValueError(f"{where} must have its {name} stored, {_shown(source)} is computed or fed; {FOLDED}")
    stored = {name: tensors[source] for name, source in given.items() if source in tensors}
    inputs = {name: _array(onnx, tensor, f"{where}, {name}", folder) for name, tensor in stored.items()}
    fed = {name: source for name, source in given.items() if source not in tensors}
    return Node(node.name, node.op_type, inputs, _attributes(onnx, node, where), fed)


def _attributes(onnx: Any, node: Any, where: str) -> dict[str, Any]:
    found = {one.name: one for one in node.attribute}
    if len(found) < len(node.attribute):
        raise ValueError(f"{where} has an attribute twice")
    for one in node.attribute:
        if one.ref_attr_name or one.type not in (one.FLOAT, one.INT, one.STRING, one.FLOATS, one.INTS, one.STRINGS):
            raise ValueError(f"{where} must have numbers and texts for attributes, {_shown(one.name)} is none")
    return {name: text_of(onnx.helper.get_attribute_value(one)) for name, one in found.items()}


def _array(onnx: Any, tensor: Any, where: str, folder: Path) -> np.ndarray:
    """The tensor's numbers, after its type and shape have been compared with its data."""
    what = f"{where} (tensor {_shown(tensor.name)})"
    kinds = {value: kind for kind, value in onnx.TensorProto.DataType.items()}
    kind = kinds.get(tensor.data_type, str(tensor.data_type))
    if kind not in _DATA:
        raise ValueError(f"{what} must be one of {', '.join(_DATA)}, it is {kind}")
    dims = list(tensor.dims)
    if len(dims) > 3 or min(dims, default=0) < 0:
        raise ValueError(f"{what} must have at most 3 axes of 0 or more, it has {dims[:8]}")
    itemsize = 8 if kind in ("DOUBLE", "INT64") else 4
    inside = getattr(tensor, _DATA[kind])
    if tensor.data_location == tensor.EXTERNAL and not (inside or tensor.raw_data):
        data = external_data(tensor, what, folder, prod(dims) * itemsize)
        return np.frombuffer(data, _STORED[kind]).astype(_STORED[kind][1:]).reshape(dims)
    if tensor.data_location == tensor.EXTERNAL or tensor.external_data:
        raise ValueError(f"{what} must have its data inside of the file or outside of it, it says both")
    held = len(tensor.raw_data) / itemsize if tensor.HasField("raw_data") else len(inside)
    if held != prod(dims):
        raise ValueError(f"{what} says it holds {prod(dims)} numbers, shape {dims}, and holds {held:g}")
    return np.array(onnx.numpy_helper.to_array(tensor))


def _shown(text: Any) -> str:
    """A text of the file, on one short line."""
    return repr(str(text)[:80])
