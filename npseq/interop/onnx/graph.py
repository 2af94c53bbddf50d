"""A builder of ONNX graphs."""

from typing import Any

import numpy as np

OPERATOR_SET = 17  # onnxruntime 1.12 and later run it
IR_VERSION = 8  # the oldest file format that may hold it


class Graph:
    """Nodes, tensors, inputs and outputs, added one by one, and the model of them."""

    def __init__(self, onnx: Any, dtype: np.dtype):
        self.onnx = onnx
        self.dtype = dtype
        self.nodes: list[Any] = []
        self.tensors: list[Any] = []
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []

    def node(self, op_type: str, inputs: list[str], outputs: list[str], **attributes: Any) -> str:
        """Adds a node and returns the name of its first output."""
        name = f"{op_type}_{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(op_type, inputs, outputs, name=name, **attributes))
        return outputs[0]

    def tensor(self, name: str, values: Any) -> str:
        self.tensors.append(self.onnx.numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def input(self, name: str, shape: tuple[str | int, ...], dtype: Any = None) -> str:
        self.inputs.append(self._value(name, shape, dtype))
        return name

    def output(self, name: str, shape: tuple[str | int, ...]) -> str:
        self.outputs.append(self._value(name, shape, None))
        return name

    def _value(self, name: str, shape: tuple[str | int, ...], dtype: Any) -> Any:
        kind = self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(self.dtype if dtype is None else dtype))
        return self.onnx.helper.make_tensor_value_info(name, kind, shape)

    def model(self, name: str, metadata: dict[str, str]) -> Any:
        helper = self.onnx.helper
        graph = helper.make_graph(self.nodes, name, self.inputs, self.outputs, self.tensors)
        operators = [helper.make_opsetid("", OPERATOR_SET)]
        model = helper.make_model(graph, opset_imports=operators, ir_version=IR_VERSION, producer_name="npseq")
        helper.set_model_props(model, metadata)
        return model
