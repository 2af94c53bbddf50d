"""npseq.interop.onnx.read: ONNX files are untrusted, and each that is wrong is refused in one line."""

import numpy as np
import pytest

import npseq as ns
from npseq.interop.onnx import export, load, read, reading

onnx = pytest.importorskip("onnx")
helper, TensorProto = onnx.helper, onnx.TensorProto
H, D = 2, 3


def model():
    """A file's model, of one LSTM, to be damaged."""
    rng = np.random.default_rng(0)
    arrays = {
        "w": rng.normal(size=(1, 4 * H, D)),
        "r": rng.normal(size=(1, 4 * H, H)),
        "b": rng.normal(size=(1, 8 * H)),
    }
    stored = [onnx.numpy_helper.from_array(array.astype(np.float32), name) for name, array in arrays.items()]
    node = helper.make_node("LSTM", ["x", "w", "r", "b"], ["y"], name="node", hidden_size=H)
    value = helper.make_tensor_value_info
    x, y = value("x", TensorProto.FLOAT, ["t", "b", D]), value("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "graph", [x], [y], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def saved(tmp_path, damaged):
    path = tmp_path / "model.onnx"
    path.write_bytes(damaged.SerializeToString())
    return path


def test_a_node_holds_its_weights_attributes_and_sources(tmp_path):
    (node,) = read(saved(tmp_path, model()))
    assert (node.name, node.op_type, node.fed, node.attributes) == ("node", "LSTM", {"X": "x"}, {"hidden_size": H})
    assert list(node.inputs) == ["W", "R", "B"]
    assert node.inputs["W"].flags.writeable
    layer, arguments = load(node.op_type, node.inputs, node.attributes)
    np.testing.assert_array_equal(layer.params["W_xi"], node.inputs["W"][0, :H].T)
    assert arguments == {"state": None, "lengths": None}


def test_weights_as_constants_and_as_lists_of_numbers(tmp_path):
    given = model()
    whole = read(saved(tmp_path, given))[0].inputs
    tensor = given.graph.initializer[0]
    constant = helper.make_node("Constant", [], ["w"], value=tensor)
    listed = helper.make_tensor("r", TensorProto.FLOAT, [1, 4 * H, H], whole["R"].reshape(-1).tolist())
    given.graph.initializer[1].CopyFrom(listed)
    del given.graph.initializer[0]
    given.graph.node.insert(0, constant)
    (node,) = read(saved(tmp_path, given))
    for name, array in whole.items():
        np.testing.assert_array_equal(node.inputs[name], array)


def test_other_nodes_are_ignored(tmp_path):
    given = model()
    given.graph.node.append(helper.make_node("Relu", ["y"], ["z"]))
    assert len(read(saved(tmp_path, given))) == 1


def test_every_text_of_a_node_is_a_string(tmp_path):
    given = model()
    texts = {"direction": "forward", "activations": ["Sigmoid", "Tanh", "Tanh"]}
    given.graph.node[0].attribute.extend(helper.make_attribute(name, value) for name, value in texts.items())
    (node,) = read(saved(tmp_path, given))
    assert node.attributes == {"hidden_size": H, **texts}
    load(node.op_type, node.inputs, node.attributes)


def test_weights_may_be_folded_by_onnxruntime(tmp_path):
    """The remedy of the errors, followed: what is computed, in an If or in a function stands in the graph then."""
    runtime = pytest.importorskip("onnxruntime")
    whole = read(saved(tmp_path, model()))[0].inputs
    for change in (transposed, inside_an_if, called):
        given, options = model(), runtime.SessionOptions()
        change(given)
        path = saved(tmp_path, given)
        with pytest.raises(
            ValueError, match=r"read the file that onnxruntime writes to SessionOptions.optimized_model_fi"
        ):
            read(path)
        options.optimized_model_filepath = str(tmp_path / "folded.onnx")
        options.log_severity_level = 3
        runtime.InferenceSession(path, options)
        (node,) = read(tmp_path / "folded.onnx")
        for name, array in whole.items():
            np.testing.assert_array_equal(node.inputs[name], array)


def transposed(m):
    kept = onnx.numpy_helper.to_array(m.graph.initializer[0])
    m.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(kept.swapaxes(1, 2).copy(), "w"))
    m.graph.node.insert(0, helper.make_node("Transpose", ["w"], ["v"], perm=[0, 2, 1]))
    m.graph.node[1].input[1] = "v"


def inside_an_if(m):
    value = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    body = helper.make_graph([m.graph.node[0]], "body", [], [value])
    m.graph.node[0].CopyFrom(helper.make_node("If", ["c"], ["y"], name="outer", then_branch=body, else_branch=body))
    m.graph.node.insert(
        0, helper.make_node("Constant", [], ["c"], value=helper.make_tensor("", TensorProto.BOOL, (), [1]))
    )


def called(m):
    node, sets = m.graph.node[0], [helper.make_opsetid("", 17)]
    m.functions.append(helper.make_function("own", "Layer", ["x", "w", "r", "b"], ["y"], [node], sets))
    m.graph.node[0].CopyFrom(helper.make_node("Layer", ["x", "w", "r", "b"], ["y"], domain="own"))
    m.opset_import.append(helper.make_opsetid("own", 1))


@pytest.mark.parametrize("to", ["one file", "a file each"])
def test_numbers_beside_the_file_are_those_inside_of_it(tmp_path, to):
    given = model()
    whole = read(saved(tmp_path, given))[0].inputs
    (tmp_path / "other").mkdir()
    path = tmp_path / "other" / "model.onnx"
    onnx.save(given, path, save_as_external_data=True, all_tensors_to_one_file=to == "one file", size_threshold=0)
    assert len(list(path.parent.iterdir())) > 1
    (node,) = read(path)
    assert node.inputs["W"].flags.writeable
    for name, array in whole.items():
        np.testing.assert_array_equal(node.inputs[name], array)


def external(location):
    def damage(m):
        tensor = m.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)

    return damage


def hidden_entry(m):
    m.graph.initializer[0].external_data.add(key="location", value="/etc/passwd")


def both_inside_and_outside(m):
    hidden_entry(m)
    m.graph.initializer[0].data_location = TensorProto.EXTERNAL


def set_dims(*dims):
    def change(m):
        m.graph.initializer[0].dims[:] = dims

    return change


def set_kind(kind):
    def change(m):
        m.graph.initializer[0].data_type = kind

    return change


def rename(m):
    m.graph.node[0].input[1] = "nobody\n" + "x" * 10_000


def compute(m):
    m.graph.node.insert(0, helper.make_node("Identity", ["w"], ["v"]))
    m.graph.node[1].input[1] = "v"


def fed(m):
    m.graph.node[0].input[2] = "x"


def many(m):
    m.graph.node[0].input.extend(["x"] * 9)


def twice(m):
    m.graph.initializer.append(m.graph.initializer[0])


def attribute_twice(m):
    m.graph.node[0].attribute.append(m.graph.node[0].attribute[0])


def tensor_attribute(m):
    m.graph.node[0].attribute.append(helper.make_attribute("clip", m.graph.initializer[0]))


def old(m):
    m.opset_import[0].version = 6


def foreign(m):
    m.opset_import[0].domain = "elsewhere"


def inside(*kinds):
    """In the body of a node of the last kind, in that of one of the kind before it, and so on."""

    def damage(m):
        for kind in kinds:
            body = helper.make_graph([m.graph.node[0]], "body", [], [])
            m.graph.node[0].CopyFrom(helper.make_node(kind, ["x"], ["y"], name="outer", body=body))

    return damage


def in_a_function(m):
    inside("If")(m)
    m.functions.append(helper.make_function("d", "f", ["x"], ["y"], [m.graph.node[0]], [helper.make_opsetid("", 17)]))
    m.graph.node[0].CopyFrom(helper.make_node("Relu", ["x"], ["y"]))


def quantized(m):
    m.graph.node.append(helper.make_node("DynamicQuantizeLSTM", ["q"], ["p"], domain="com.microsoft"))


def quantized_inside(m):
    quantized(m)
    body = helper.make_graph([m.graph.node.pop()], "body", [], [])
    m.graph.node.append(helper.make_node("If", ["x"], ["y"], then_branch=body))


def of_another_library(m):
    m.graph.node.append(helper.make_node("LSTM", ["q"], ["p"], domain="elsewhere"))


def no_graph(m):
    m.ClearField("graph")


DAMAGES = [
    *(
        (
            external(place),
            "W .tensor 'w'. lies in another file, which must be in the folder of the model and no link out",
        )
        for place in ("../../secret", "/etc/passwd", "a/../../b", "C:\\\\secret", "..\\\\secret", "")
    ),
    (external("a\0b"), r"lies in 'a\\x00b', which is not beside the model"),
    (external("x" * 300), "lies in 'xxx.*, which is not beside the model"),
    (external("absent"), "W .tensor 'w'. lies in 'absent', which is not beside the model; put it there"),
    (external("."), "lies in '.', which is not beside the model"),
    (external("model.onnx"), "W .tensor 'w'. must have 96 bytes in 'model.onnx', it says .* from byte 0 of"),
    (hidden_entry, "W .tensor 'w'. must have its data inside of the file or outside of it, it says both"),
    (both_inside_and_outside, "must have its data inside of the file or outside of it, it says both"),
    (set_dims(1, 8, 2**40), r"says it holds 8796093022208 numbers, shape \[1, 8, 1099511627776\], and holds 24"),
    (set_dims(1, 8, -3), r"must have at most 3 axes of 0 or more, it has \[1, 8, -3\]"),
    (set_dims(*[1] * 40), "must have at most 3 axes of 0 or more"),
    (set_kind(TensorProto.FLOAT16), "must be one of FLOAT, DOUBLE, INT32, INT64, it is FLOAT16"),
    (set_kind(TensorProto.DOUBLE), "says it holds 24 numbers, shape .*, and holds 12"),
    (set_kind(777), "must be one of FLOAT, DOUBLE, INT32, INT64, it is 777"),
    (rename, r"LSTM 'node' reads its W from 'nobody\\nxxx.*, which nothing gives"),
    (compute, "LSTM 'node' must have its W stored, 'v' is computed or fed; read the file that onnxruntime writes to"),
    (fed, "LSTM 'node' must have its R stored, 'x' is computed or fed"),
    (many, "LSTM 'node' must have at most 8 inputs, it has 13"),
    (twice, "the name 'w' is given to two tensors"),
    (attribute_twice, "LSTM 'node' has an attribute twice"),
    (tensor_attribute, "LSTM 'node' must have numbers and texts for attributes, 'clip' is none"),
    (old, r"the operator set must be ONNX's, version 7 or later, got \[6\]"),
    (foreign, "the operator set must be ONNX's, version 7 or later, got none"),
    (
        inside("If"),
        "LSTM 'node' is inside of If 'outer'; only a graph's own nodes are read: read the file that onnxruntime",
    ),
    (inside("Loop"), "LSTM 'node' is inside of Loop 'outer'; .* export the model without the Loop around it"),
    (inside("If", "Scan"), "LSTM 'node' is inside of Scan 'outer'; .* export the model without the Scan around it"),
    (in_a_function, "LSTM 'node' is inside of function 'f'; .* read the file that onnxruntime writes to"),
    (
        quantized,
        "'DynamicQuantizeLSTM' '' of domain 'com.microsoft' is none of .* read the file from which it was quant",
    ),
    (quantized_inside, "'DynamicQuantizeLSTM' '' of domain 'com.microsoft' is none of ONNX's"),
    (of_another_library, "'LSTM' '' of domain 'elsewhere' is none of ONNX's recurrent operators"),
    (no_graph, "is damaged, or no ONNX file: it has no graph or names no operator set"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGES, ids=lambda one: getattr(one, "__name__", ""))
def test_a_wrong_file_is_refused_in_one_line(tmp_path, damage, message):
    given = model()
    damage(given)
    with pytest.raises(ValueError, match=message) as caught:
        read(saved(tmp_path, given))
    assert "model.onnx" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_no_file_an_empty_one_and_one_too_large_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "model.onnx"
    with pytest.raises(FileNotFoundError, match="an ONNX model must be an existing file, found none at"):
        read(path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="is damaged, or no ONNX file"):
        read(path)
    path.write_bytes(b"PK\x03\x04 this is no protobuf")
    with pytest.raises(ValueError, match="is damaged, or no ONNX file"):
        read(path)
    monkeypatch.setattr(reading, "LIMIT", 10)
    with pytest.raises(ValueError, match="has 24 bytes, an ONNX file has at most 10"):
        read(path)


def test_random_damage_is_refused_in_one_line_or_harmless(tmp_path):
    """A bit flipped, a piece cut out, the end torn off: an error of ours, or a layer; nothing else."""
    path, rng = tmp_path / "model.onnx", np.random.default_rng(0)
    export(ns.LSTM(D, H, num_layers=2, rng=0), path)
    whole, errors = path.read_bytes(), []
    for _ in range(150):
        damaged, at = bytearray(whole), int(rng.integers(len(whole)))
        kind = rng.integers(3)
        if kind == 0:
            damaged[at] ^= 1 << int(rng.integers(8))
        else:
            del damaged[at : at + int(rng.integers(1, 9)) if kind == 1 else None]
        path.write_bytes(damaged)
        try:
            for node in read(path):
                load(node.op_type, node.inputs, node.attributes)
        except (ValueError, TypeError) as error:
            errors.append(str(error))
    assert len(errors) > 75
    assert not [error for error in errors if "\n" in error]
