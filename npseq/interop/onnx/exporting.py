"""Export of a layer or a language model as an ONNX file: states in and out, any number of steps and sequences."""

import importlib.metadata
import json
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from npseq.arguments import flag
from npseq.backend import to_host
from npseq.files import as_path, replace_file, replaceable
from npseq.interop.onnx.equivalents import EQUIVALENTS, standard
from npseq.interop.onnx.graph import Graph
from npseq.interop.onnx.package import LIMIT, onnx_for
from npseq.interop.onnx.stack import Stack, add_stack, cell_attributes
from npseq.interop.onnx.weights import OP_TYPES
from npseq.layers.bidirectional import Bidirectional, recurrent_layers
from npseq.layers.recurrent import Recurrent
from npseq.layers.reversed import Reversed
from npseq.models.language_model import LanguageModel


def export(model: Any, path: str | PathLike[str], *, lengths: bool = False) -> None:
    """Writes model as one ONNX file; one that npseq has written before is replaced as a whole.

    The graph computes what forward computes without training: no dropout acts. Its inputs and outputs, with T ("time")
    and B ("batch") free:

        x (T, B, D) -> y (T, B, R*P)              of a layer, in its dtype; P is H, or a projection's size
        ids (T, B), int64 -> logits (T, B, V)     of a language model, whose vocabulary is the metadata "vocabulary"
        h (L*R, B, P) -> h_last                   and c (L*R, B, H) -> c_last of an LSTM; of Bidirectional h_forward
        lengths (B,), int32                       with lengths=True

    Args:
        model: an RNN, GRU, LSTM, Bidirectional, Reversed or LanguageModel; the gallery's InputForgetLSTMCell, and
            CoupledLSTMCell, MGUCell and NgGRUCell, which are ONNX's operators at other weights.
        path: the file, or a link to it.
        lengths: whether the graph takes lengths.

    Raises:
        ImportError: without the extra "onnx".
        OSError: if the file cannot be written, or a file is there that npseq did not write.
        TypeError: for another model.
        ValueError: for 2 GiB or more, and for what ONNX's operators have not: another cell or activation, complex
            numbers.

    Example:
        >>> ns.interop.onnx.export(ns.GRU(3, 5, rng=0), "gru.onnx")  # doctest: +SKIP
    """
    if not isinstance(model, (Recurrent, Bidirectional, Reversed, LanguageModel)):
        raise TypeError(
            f"model must be an RNN, GRU, LSTM, Bidirectional, Reversed or LanguageModel, got {type(model).__name__}"
        )
    layer = model.recurrent if isinstance(model, LanguageModel) else model
    path, lengths = as_path(path), flag("lengths", lengths)
    replaceable(path, is_ours)
    _check_numbers(model.params.flat)
    stacks = _stacks(layer)
    graph = Graph(onnx_for("interop.onnx.export"), layer.params.flat.dtype)
    if isinstance(model, LanguageModel):
        _language_model(graph, model, stacks, lengths)
    else:
        x = graph.input("x", ("time", "batch", layer.input_size))
        _recurrent(graph, stacks, x, lengths, graph.output("y", ("time", "batch", layer.output_size)))
    payload = graph.model(type(model).__name__, _metadata(model)).SerializeToString()
    replace_file(path, payload, is_ours)


def is_ours(path: Path) -> bool:
    """Whether npseq has written this ONNX file, whose first fields are its version and its producer's name."""
    with open(path, "rb") as file:
        return b"\x12\x05npseq" in file.read(16)


def _stacks(layer: Any) -> list[Stack]:
    if isinstance(layer, Bidirectional):
        forward, backward = recurrent_layers(layer).values()
        return [_stack(forward, False, "_forward"), _stack(backward, True, "_backward")]
    return [_stack(layer.layer, True, "") if isinstance(layer, Reversed) else _stack(layer, False, "")]


def _stack(layer: Recurrent, reverse: bool, ending: str) -> Stack:
    """Raises unless ONNX has this layer."""
    if type(layer.cell) not in {*OP_TYPES, *EQUIVALENTS}:
        raise ValueError(f"ONNX has no {type(layer.cell).__name__}; give an RNN, a GRU or an LSTM")
    if reverse and layer.directions == 2:
        raise ValueError("a reversed layer must have one direction to be exported, got two")
    own = standard(layer)
    return Stack(own, reverse, ending, cell_attributes(own))


def _check_numbers(flat: Any) -> None:
    """Raises unless one ONNX file holds such parameters."""
    if flat.dtype.kind == "c":
        raise ValueError(f"ONNX's recurrent operators have no complex numbers, got {flat.dtype}; use layer.astype(...)")
    if flat.nbytes > LIMIT - 2**20:
        raise ValueError(f"one ONNX file holds less than 2 GiB, the parameters have {flat.nbytes} bytes")


def _language_model(graph: Graph, model: Any, stacks: list[Stack], lengths: bool) -> None:
    """ids, looked up or made one-hot; the recurrent layers; the linear layer."""
    ids = graph.input("ids", ("time", "batch"), np.int64)
    if model.embedding is not None:
        table = graph.tensor("embedding_W", to_host(model.embedding.params["W"]))
        x = graph.node("Gather", [table, ids], ["embedded"])
    else:
        depth = graph.tensor("vocabulary_size", np.array(model.vocab_size, np.int64))
        values = graph.tensor("off_on", np.array([0, 1], graph.dtype))
        x = graph.node("OneHot", [ids, depth, values], ["embedded"])
    logits = graph.output("logits", ("time", "batch", model.vocab_size))
    y = _recurrent(graph, stacks, x, lengths, "y")
    W, b = (graph.tensor(f"output_{name}", to_host(model.output.params[name])) for name in ("W", "b"))
    graph.node("Add", [graph.node("MatMul", [y, W], ["scores"]), b], [logits])


def _recurrent(graph: Graph, stacks: list[Stack], x: str, lengths: bool, y: str) -> str:
    """All stacks over x, their outputs side by side as y; states become the graph's inputs and outputs."""
    given = graph.input("lengths", ("batch",), np.int32) if lengths else ""
    parts = []
    for stack in stacks:
        rows, sizes = stack.layer.num_layers * stack.layer.directions, (stack.layer.state_size, stack.layer.hidden_size)
        shapes = {part: (rows, "batch", size) for part, size in zip(stack.layer.cell.state, sizes, strict=False)}
        states = [graph.input(f"{part}{stack.ending}", shape) for part, shape in shapes.items()]
        last = [graph.output(f"{part}_last{stack.ending}", shape) for part, shape in shapes.items()]
        parts.append(add_stack(graph, stack, x, states, given, f"y{stack.ending}" if len(stacks) > 1 else y, last))
    return y if len(stacks) == 1 else graph.node("Concat", parts, [y], axis=2)


def _metadata(model: Any) -> dict[str, str]:
    """The version of npseq, if it is installed, and the vocabulary."""
    try:
        version = importlib.metadata.version("npseq")
    except importlib.metadata.PackageNotFoundError:
        version = "unknown"
    vocab = getattr(model, "vocab", None)
    return {"npseq": version, **({} if vocab is None else {"vocabulary": json.dumps(vocab.to_dict())})}
