"""onnxruntime's RNN, GRU and LSTM operators, forward only, in float32; an operator for each layer."""

import numpy as np
import onnxruntime
from answering import serve, skip_truncated, skip_unless
from onnx import TensorProto, helper


def answer(case):
    skip_truncated(case)
    skip_unless((case.lengths.min() > 0, "no empty sequence"))
    x, lstm, last = case.x.astype("f"), case.cell == "lstm", []
    for layer in range(case.layers):
        own = slice(layer * case.directions, (layer + 1) * case.directions)
        feeds = {name: case.w[f"{name}_l{layer}"] for name in "WRBP" if f"{name}_l{layer}" in case.w}
        feeds |= {"X": x, "lens": case.lengths.astype("i"), "h0": case.h0[own]} | ({"c0": case.c0[own]} if lstm else {})
        feeds = {name: value if value.dtype == "i" else value.astype("f") for name, value in feeds.items()}
        Y, *states = run(case, feeds)
        x = Y.transpose(0, 2, 1, 3).reshape(case.T, case.B, -1)
        last.append(states)
    parts = [np.concatenate(part) for part in zip(*last, strict=True)]
    return dict(zip(("y", "h", "c"), (x, *parts), strict=False))


def run(case, feeds):
    order = ["X", "W", "R", "B", "lens", "h0", *(["c0", "P"] if case.cell == "lstm" else [])]
    options = {"hidden_size": case.hidden_size, "direction": "bidirectional" if case.directions == 2 else "forward"}
    if case.cell == "gru":
        options["linear_before_reset"] = case.reset_after
    if case.cell == "rnn":
        options["activations"] = ["Relu" if case.relu else "Tanh"] * case.directions
    outputs = ["Y", "Y_h", "Y_c"][: 3 if case.cell == "lstm" else 2]
    node = helper.make_node(case.cell.upper(), [name if name in feeds else "" for name in order], outputs, **options)
    kinds = {name: TensorProto.INT32 if value.dtype == "i" else TensorProto.FLOAT for name, value in feeds.items()}
    given = [helper.make_tensor_value_info(name, kind, feeds[name].shape) for name, kind in kinds.items()]
    made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    graph = helper.make_graph([node], "case", given, made)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    return onnxruntime.InferenceSession(model.SerializeToString()).run(outputs, feeds)


serve(answer)
