"""Writes the cases as files, for programs that cannot ask: for each one JSON and one safetensors file, and a README."""

import json
from collections.abc import Iterable, Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from npseq.files import VERSION, Content, as_path, make_folder, replace_file, write_content
from npseq.vectors.cases import Case, Problem, problem
from npseq.vectors.exact import exact
from npseq.vectors.layouts import layouts_of
from npseq.vectors.messages import INPUTS, OUTPUTS, options

FORM = "npseq vectors"
MARK = json.dumps({"format": FORM, "version": VERSION})[:-1]  # how a JSON file begins
README = """# npseq vectors

Each case is one recurrent layer with its inputs, its outputs and every derivative of

    loss = sum(y * dy) + sum(h * dh) + sum(c * dc)

computed in 50 digits and rounded once, so that float64 holds them to the last bit. Inputs and weights are multiples of
1/64: float32, float16 and bfloat16 hold them exactly too. NAME.json and NAME.safetensors hold the same numbers.

T steps, B sequences, D input features, H hidden units, P state features (H without a projection), L layers, R
directions:

    x, dx (T, B, D)    y, dy (T, B, R*P)    h0, h, dh, dh0 (L*R, B, P)    c0, c, dc, dc0 (L*R, B, H)    lengths (B,)

The states lie layer by layer, forward before reverse. Past a sequence's length y and dx are 0 and the state stays as it
is; the reverse direction starts at the sequence's own last step.

    case, cell     the name of the case; rnn, gru or lstm
    options        T, B, layers L, directions R, input_size D, hidden_size H, state_size P; bias; an RNN's relu; a GRU's
                   reset_after: whether the reset gate acts behind the product h W_hn; an LSTM's peepholes; truncated:
                   if it is not 0, only the paths that were carried from step to step less often than that count
    inputs         x, lengths, h0, c0; the upstream gradients dy, dh, dc
    outputs        y and the last state h, c
    gradients      dx, dh0, dc0
    layouts        for each of npseq, torch, keras, onnx and cudnn that can have the layer: the weights, and the
                   gradients by them under the same names

    npseq          x W_xf + h W_hf + b_f, a matrix for each gate, (in, out); _l1, _reverse behind the names
    torch          a state_dict; gates i, f, g, o and r, z, n
    keras          get_weights(); gates i, f, g, o and z, r, n
    onnx           the inputs W, R, B, P of an operator for each layer; gates i, o, f, g and z, r, n
    cudnn          one vector: W and R of every layer and direction, row by row, then bW and bR of every one; gates
                   i, f, g, o and r, z, n

Time comes first in all of them. Of two biases that are only added, the second is 0, and both derivatives are equal. z
near 1 keeps the old state.

In a safetensors file a name is the path: inputs.x, outputs.y, gradients.dx, layouts.torch.weights.weight_ih_l0,
layouts.torch.gradients.weight_ih_l0; options are in the metadata, as JSON.
"""


def write(folder: str | PathLike[str], cases: Iterable[Case]) -> Iterator[Case]:
    """Writes the files of each case, and yields it.

    Raises OSError if something cannot be written, and FileExistsError for a file there that is not npseq's.
    """
    folder = as_path(folder)
    make_folder(folder)
    replace_file(folder / "README.md", README.encode(), _begins(README[:15]))
    for case in cases:
        found = content(problem(case))
        text = MARK + ", " + json.dumps(found, default=lambda array: array.tolist())[1:] + "\n"
        replace_file(folder / f"{case.name}.json", text.encode(), _begins(MARK))
        told = {"case": case.name, "cell": case.cell, "options": json.dumps(found["options"])}
        tensors = Content(_paths(found), {"format": FORM, "version": VERSION, **told})
        write_content(tensors, folder / f"{case.name}.safetensors")
        yield case


def content(given: Problem) -> dict[str, Any]:
    """Returns what the files of a case hold; the arrays are float64."""
    case, layer = given.case, given.layer
    answer = exact(case.cell, case.options, layer.params, given.inputs, case.truncated)
    numbers = {name: value.astype(np.float64) for name, value in answer.items()}
    grads = {name: numbers[name] for name in layer.params}
    return {
        "case": case.name,
        "cell": case.cell,
        "options": options(given),
        "inputs": given.inputs,
        "outputs": {name: numbers[name] for name in OUTPUTS if name in numbers},
        "gradients": {f"d{name}": numbers[f"d{name}"] for name in INPUTS if f"d{name}" in numbers},
        "layouts": {name: {"weights": lay(None), "gradients": lay(grads)} for name, lay in layouts_of(layer).items()},
    }


def _paths(found: dict[str, Any], path: str = "") -> dict[str, np.ndarray]:
    """{path.name: array} of nested dicts of arrays; what is none is left out."""
    paths = {}
    for name, value in found.items():
        if isinstance(value, np.ndarray):
            paths[path + name] = value
        elif isinstance(value, dict):
            paths |= _paths(value, f"{path}{name}.")
    return paths


def _begins(text: str) -> Any:
    """Whether a file begins so, which tells that npseq wrote it."""

    def ours(path: Path) -> bool:
        with open(path, "rb") as file:
            return file.read(len(text)) == text.encode()

    return ours
