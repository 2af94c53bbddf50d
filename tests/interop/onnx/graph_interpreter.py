"""A fake onnx package that only records, and an interpreter of the graphs recorded, by ONNX's equations and NumPy.

So what is exported is run where neither onnx nor onnxruntime is installed. The file is a pickle.
"""

import pickle
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
from interop.onnx.equations import by_the_equations

RECURRENT = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")


class Model(SimpleNamespace):
    def SerializeToString(self):
        return pickle.dumps(self)


def fake_onnx():
    module = ModuleType("onnx")
    module.helper = SimpleNamespace(
        make_node=lambda op_type, inputs, outputs, name, **attributes: SimpleNamespace(
            op_type=op_type, inputs=inputs, outputs=outputs, name=name, attributes=attributes
        ),
        make_tensor_value_info=lambda name, kind, shape: SimpleNamespace(name=name, kind=kind, shape=shape),
        make_graph=lambda nodes, name, inputs, outputs, tensors: SimpleNamespace(
            nodes=nodes, name=name, inputs=inputs, outputs=outputs, tensors=tensors
        ),
        make_opsetid=lambda domain, version: (domain, version),
        make_model=lambda graph, **options: Model(graph=graph, **options),
        np_dtype_to_tensor_dtype=str,
        set_model_props=lambda model, metadata: setattr(model, "metadata", metadata),
    )
    module.TensorProto = SimpleNamespace(INT64="int64")
    module.numpy_helper = SimpleNamespace(from_array=lambda array, name: (name, array.copy()))
    return module


def read(path):
    return pickle.loads(Path(path).read_bytes())


def run(graph, feeds):
    """{name: array} of the graph's outputs."""
    names = {value.name for value in graph.inputs}
    assert names == set(feeds), f"the graph reads {names}"
    arrays = {**dict(graph.tensors), **feeds}
    for node in graph.nodes:
        results = compute(node, [arrays[name] if name else None for name in node.inputs])
        arrays |= zip(node.outputs, results, strict=False)
    return {value.name: arrays[value.name] for value in graph.outputs}


def compute(node, inputs):
    """What ONNX's operator returns, operator set 17."""
    attributes = node.attributes
    match node.op_type:
        case "RNN" | "GRU" | "LSTM":
            given = {name: array for name, array in zip(RECURRENT, inputs, strict=False) if array is not None}
            return by_the_equations(node.op_type, given, attributes)
        case "Transpose":
            return [inputs[0].transpose(attributes["perm"])]
        case "Reshape":
            data, shape = inputs
            return [data.reshape([data.shape[k] if size == 0 else size for k, size in enumerate(shape)])]
        case "Concat":
            return [np.concatenate(inputs, axis=attributes["axis"])]
        case "Split":
            return np.split(inputs[0], len(node.outputs), axis=attributes["axis"])
        case "Where":
            return [np.where(*inputs)]
        case "Greater":
            return [inputs[0] > inputs[1]]
        case "Unsqueeze":
            return [np.expand_dims(inputs[0], tuple(inputs[1]))]
        case "Gather":
            return [inputs[0][inputs[1]]]
        case "Shape":
            return [np.array(inputs[0].shape, np.int64)]
        case "Range":
            return [np.arange(*inputs)]
        case "Equal":
            return [inputs[0] == inputs[1]]
        case "Sub":
            return [inputs[0] - inputs[1]]
        case "Cast":
            return [inputs[0].astype(attributes["to"])]
        case "OneHot":
            ids, depth, (off, on) = inputs
            return [np.where(ids[..., None] == np.arange(depth), on, off)]
        case "MatMul":
            return [inputs[0] @ inputs[1]]
        case "Add":
            return [inputs[0] + inputs[1]]
    raise NotImplementedError(node.op_type)
