"""`npseq diagnose` names the mistake in somebody's gradients."""

import re
from importlib import import_module
from typing import Any

from npseq.commands.answers import answer
from npseq.commands.failure import Failure, bad_input
from npseq.files import existing

ABOUT = """Names the known mistake that has exactly the gradients of FILE: a .npz or .safetensors file that holds x, the
inputs (T, B, D) or ids (T, B); dy (T, B, H), the loss's derivative by the outputs; every parameter as weights.W_xf and
so on, under npseq's names, from which the cell and its sizes are read; and the gradients, grads.W_xf, under these names
or laid out otherwise. Where there are any, it also holds lengths (B,); the initial state h0, c0; dh, dc, the loss's
derivative by the last state; and dx. Or FILE is module:function, a function that returns the arguments of
npseq.diagnose as a tuple or a dict. The status is 0 if the gradients are right, and 1 if they are not."""


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "diagnose", help="name the mistake in somebody's gradients", description=ABOUT, allow_abbrev=False
    )
    parser.add_argument("file", metavar="FILE", help=".npz, .safetensors or module:function")
    parser.add_argument("--nonlinearity", metavar="NAME", default="tanh", help="an RNN's: tanh or relu (default: tanh)")
    parser.add_argument("--reset", metavar="SIDE", help="a GRU's: after or before (default: after if there is a b_hn)")
    parser.set_defaults(command=diagnose)


def diagnose(file: str, nonlinearity: str, reset: str | None, json: bool = False) -> None:
    """Prints which known mistake the gradients of a file look like."""
    import npseq as ns

    with bad_input():
        function = re.fullmatch(r"[\w.]+:\w+", file)
        found = ns.diagnose(**(called(file) if function else arguments_of(arrays_of(file), nonlinearity, reset)))
    names = {"right": list(found.right), "wrong": list(found.wrong)}
    answer(str(found), {"bug": found.bug, "text": found.text, **names}, json)
    if found.wrong:
        raise Failure(f"gradients are wrong: {', '.join(found.wrong)}", 1)


def called(name: str) -> dict[str, Any]:
    """What a function of a module in the working folder or on Python's path returns, as keyword arguments."""
    import sys

    module, function = name.split(":")
    sys.path.insert(0, "")
    try:
        found = getattr(import_module(module), function, None)
    finally:
        sys.path.remove("")
    if not callable(found):
        raise ValueError(f"{module!r} must have a function {function!r}, it has none")
    arguments = found()
    if isinstance(arguments, tuple):
        arguments = dict(zip(("layer", "x", "dy", "grads", "state", "lengths", "dx"), arguments, strict=False))
    if not isinstance(arguments, dict) or not arguments.keys() >= {"layer", "x", "dy", "grads"}:
        raise TypeError(f"{name} must return (layer, x, dy, grads, ...) or a dict of them, got {arguments!r:.60}")
    return arguments


def arrays_of(file: str) -> dict[str, Any]:
    """{name: array} of a file."""
    from zipfile import BadZipFile

    import numpy as np
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path = existing(file, "FILE, if no module:function,")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with np.load(path, allow_pickle=False) as found:
            return dict(found) if hasattr(found, "files") else {}
    except (SafetensorError, BadZipFile, EOFError, ValueError) as error:
        raise ValueError(
            f"{file!r} must be a .npz or .safetensors file of arrays; it cannot be read: {error}"
        ) from error


def arguments_of(arrays: dict[str, Any], nonlinearity: str, reset: str | None) -> dict[str, Any]:
    """The arguments of npseq.diagnose. Raises ValueError if an array is missing."""
    parts: dict[str, dict[str, Any]] = {"weights": {}, "grads": {}}
    for name, value in arrays.items():
        part, _, own = name.partition(".")
        if own and part in parts:
            parts[part][own] = value
    missing = [n for n in ("x", "dy", "weights.", "grads.") if not any(m == n or m.startswith(n) for m in arrays)]
    if missing:
        raise ValueError(f"the file must hold x, dy, weights.<name> and grads.<name>, it has no {', '.join(missing)}")
    states = ((arrays.get(h), arrays.get(c)) for h, c in (("h0", "c0"), ("dh", "dc")))
    pairs = "W_xo" in parts["weights"]
    state, dstate = ((h, c) if pairs else h for h, c in states)
    return {
        "layer": layer_of(parts["weights"], nonlinearity, reset),
        "x": arrays["x"],
        "dy": arrays["dy"],
        "grads": parts["grads"],
        "state": state,
        "lengths": arrays.get("lengths"),
        "dx": arrays.get("dx"),
        "dstate": dstate,
    }


def layer_of(weights: dict[str, Any], nonlinearity: str, reset: str | None) -> Any:
    """The layer that has these parameters. Raises ValueError if none has exactly them."""
    import numpy as np

    import npseq as ns

    gate = next((gate for gate in "orh" if f"W_x{gate}" in weights), None)
    if gate is None:
        raise ValueError(f"weights must have names of npseq, W_xh, W_xr or W_xo among them, got {', '.join(weights)}")
    inputs, units = _sizes(weights, f"W_x{gate}")
    layers = 1 + max(int(number) for name in weights for number in ["0", *re.findall(r"_l(\d+)", name)])
    options: dict[str, Any] = {
        "num_layers": layers,
        "bidirectional": any(name.endswith("_reverse") for name in weights),
        "bias": any(name.startswith("b_") for name in weights),
        "dtype": np.result_type(*weights.values()),
    }
    if gate == "o":
        peepholes, P = "p_o" in weights, _sizes(weights, "W_hp")[1] if "W_hp" in weights else 0
        layer: Any = ns.LSTM(inputs, units, peepholes=peepholes, proj_size=P, **options)
    elif gate == "r":
        layer = ns.GRU(inputs, units, reset=reset or ("after" if "b_hn" in weights else "before"), **options)
    else:
        layer = ns.RNN(inputs, units, nonlinearity=nonlinearity, **options)
    if layer.params.keys() != weights.keys():
        odd = sorted(layer.params.keys() ^ weights.keys())
        raise ValueError(f"weights must be all those of a {type(layer).__name__}; missing or unknown: {', '.join(odd)}")
    for name, value in weights.items():
        layer.params[name] = value
    return layer


def _sizes(weights: dict[str, Any], name: str) -> tuple[int, int]:
    """The rows and columns of a matrix."""
    shape: tuple[int, ...] = weights[name].shape
    if len(shape) != 2:
        raise ValueError(f"weights.{name} must be a matrix, got shape {shape}")
    rows, columns = shape
    return rows, columns
