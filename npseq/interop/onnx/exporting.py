"""A layer or a language model as an ONNX file: states in and out, any number of steps and sequences."""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from npseq.backend import to_host
from npseq.files import replace_file
from npseq.interop.onnx.graph import Graph
from npseq.interop.onnx.package import LIMIT, onnx_for
from npseq.interop.onnx.stack import Sweep, add_sweep
from npseq.layers.bidirectional import Bidirectional, recurrent_layers
from npseq.layers.recurrent import Recurrent
from npseq.layers.reversed import Reversed


def export(model: Any, path: str | PathLike[str], lengths: bool = False) -> None:
    """Writes model as one ONNX file; a file that was there is replaced as a whole.

    model: RNN, GRU, LSTM, Bidirectional, Reversed or LanguageModel. What is written is what forward computes without
    training: no dropout acts. The graph's inputs and outputs, with T ("time") and B ("batch") free:

        x (T, B, D) -> y (T, B, R*H)              of a layer, in its dtype
        ids (T, B), int64 -> logits (T, B, V)     of a language model, whose vocabulary is the metadata "vocabulary"
        h (L*R, B, H) -> h_last                   and c -> c_last of an LSTM; in Bidirectional h_forward, h_backward
        lengths (B,), int32                       with lengths=True

    Raises ImportError without the extra "onnx"; ValueError for what ONNX has no operator for (a projection, complex
    numbers) and for 2 GiB or more; TypeError for another model; OSError where the file cannot be written.
    """
    from npseq.models.language_model import LanguageModel

    if not isinstance(model, Recurrent | Bidirectional | Reversed | LanguageModel):
        raise TypeError(
            f"model must be an RNN, GRU, LSTM, Bidirectional, Reversed or LanguageModel, got {type(model).__name__}"
        )
    layer = model.recurrent if isinstance(model, LanguageModel) else model
    sweeps = _sweeps(layer)
    _check_form(model.params.flat, sweeps)
    graph = Graph(onnx_for("interop.onnx.export"), layer.params.flat.dtype)
    if isinstance(model, LanguageModel):
        _language_model(graph, model, sweeps, lengths)
    else:
        x = graph.input("x", ("time", "batch", layer.input_size))
        _recurrent(graph, sweeps, x, lengths, graph.output("y", ("time", "batch", layer.output_size)))
    payload = graph.model(type(model).__name__, _metadata(model)).SerializeToString()
    replace_file(Path(path), payload)


def _sweeps(layer: Any) -> list[Sweep]:
    if isinstance(layer, Bidirectional):
        forward, backward = recurrent_layers(layer).values()
        return [Sweep(forward, False, "_forward"), Sweep(backward, True, "_backward")]
    return [Sweep(layer.layer, True, "") if isinstance(layer, Reversed) else Sweep(layer, False, "")]


def _check_form(flat: Any, sweeps: list[Sweep]) -> None:
    """Raises unless ONNX has these layers."""
    if flat.dtype.kind == "c":
        raise ValueError(f"ONNX's recurrent operators have no complex numbers, got {flat.dtype}; use layer.astype(...)")
    if flat.nbytes > LIMIT - 2**20:
        raise ValueError(f"one ONNX file holds less than 2 GiB, the parameters have {flat.nbytes} bytes")
    for sweep in sweeps:
        if sweep.layer.cell.projection == "W_hp":
            size = sweep.layer.state_size
            raise ValueError(f"ONNX's LSTM has no projection, got proj_size={size}; use LSTM(..., proj_size=0)")
        if sweep.reverse and sweep.layer.directions == 2:
            raise ValueError("a reversed layer must have one direction to be exported, got two")


def _language_model(graph: Graph, model: Any, sweeps: list[Sweep], lengths: bool) -> None:
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
    y = _recurrent(graph, sweeps, x, lengths, "y")
    W, b = (graph.tensor(f"output_{name}", to_host(model.output.params[name])) for name in ("W", "b"))
    graph.node("Add", [graph.node("MatMul", [y, W], ["scores"]), b], [logits])


def _recurrent(graph: Graph, sweeps: list[Sweep], x: str, lengths: bool, y: str) -> str:
    """All sweeps over x, their outputs side by side under the name y; states become the graph's inputs and outputs."""
    given = graph.input("lengths", ("batch",), np.int32) if lengths else ""
    parts = []
    for sweep in sweeps:
        shape = (sweep.layer.num_layers * sweep.layer.directions, "batch", sweep.layer.hidden_size)
        names = [f"{part}{sweep.ending}" for part in sweep.layer.cell.state]
        states = [graph.input(name, shape) for name in names]
        last = [graph.output(f"{part}_last{sweep.ending}", shape) for part in sweep.layer.cell.state]
        parts.append(add_sweep(graph, sweep, x, states, given, f"y{sweep.ending}" if len(sweeps) > 1 else y, last))
    return y if len(sweeps) == 1 else graph.node("Concat", parts, [y], axis=2)


def _metadata(model: Any) -> dict[str, str]:
    import npseq

    vocab = getattr(model, "vocab", None)
    return {"npseq": npseq.__version__, **({} if vocab is None else {"vocabulary": json.dumps(vocab.to_dict())})}
