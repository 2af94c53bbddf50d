"""Checks the recurrent layers of other libraries on npseq's cases: python -m benchmarks.ports

An adapter reads cases from stdin and needs no npseq. So it runs in the first of the given environments that has its
library: --python may name several, such as one with an older NumPy. --save writes benchmarks/results/ports.json.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import machine
from npseq.vectors.cases import cases
from npseq.vectors.checking import check, named_mistake
from npseq.vectors.port import Port

FLOAT32 = 1e-4  # of a tensor's scale, for what computes in float32 only


class Library(NamedTuple):
    """adapter: the file; package: whose version is shown; layout: of the weights; env: for its process."""

    title: str
    adapter: str
    package: str
    layout: str
    rtol: float = 1e-9
    env: tuple[str, ...] = ()


LIBRARIES = (
    Library("PyTorch nn.RNN, GRU, LSTM", "torch_nn", "torch", "torch"),
    Library("PyTorch RNNCell, GRUCell, LSTMCell", "torch_cells", "torch", "torch"),
    Library("JAX, written out under lax.scan", "jax_scan", "jax", "npseq"),
    Library("Keras on PyTorch", "keras_layers", "keras", "keras", env=("KERAS_BACKEND=torch",)),
    Library("Keras on JAX", "keras_layers", "keras", "keras", env=("KERAS_BACKEND=jax",)),
    Library("Keras on TensorFlow", "keras_layers", "keras", "keras", env=("KERAS_BACKEND=tensorflow",)),
    Library("flax.linen", "flax_linen", "flax", "npseq"),
    Library("equinox", "equinox_cells", "equinox", "npseq"),
    Library("Haiku", "haiku_cells", "dm-haiku", "npseq"),
    Library("PaddlePaddle", "paddle_nn", "paddlepaddle", "torch"),
    Library("onnxruntime, forward", "onnxruntime_ops", "onnxruntime", "onnx", FLOAT32),
    Library("thinc LSTM", "thinc_lstm", "thinc", "torch", FLOAT32),
    Library("tinygrad LSTMCell", "tinygrad_cells", "tinygrad", "torch", env=("DEV=PYTHON",)),
    Library("numpy-ml cells", "numpy_ml_cells", "numpy-ml", "npseq"),
    Library("Chainer NStepRNN, GRU, LSTM", "chainer_links", "chainer", "torch"),
    Library("MXNet RNN operator", "mxnet_rnn", "mxnet", "cudnn"),
)


def version(python: str, package: str) -> str | None:
    """A package's version in an environment; None where it is not installed."""
    line = f"from importlib.metadata import version; print(version({package!r}))"
    found = subprocess.run([python, "-c", line], capture_output=True, text=True, check=False)
    return found.stdout.strip() or None


def run(library: Library, python: str) -> dict[str, Any]:
    """What came of every case."""
    adapter = Path(__file__).parent / f"{library.adapter}.py"
    chosen = cases()
    port = Port(shlex.join(["env", *library.env, python, str(adapter)]), stream=True, by_line=True, timeout=300.0)
    try:
        results = list(check(port, chosen, library.layout, library.rtol, json=True))
    finally:
        port.close()
    worst = max((one.worst for one in results if one.worst is not None), key=lambda one: one.error, default=None)
    return {
        "statuses": dict(Counter(one.status for one in results)),
        "worst": None if worst is None else worst.error,
        "wrong": {one.case: one.text for one in results if one.status in ("fail", "error")},
        "skipped": dict(Counter(one.text for one in results if one.status == "skip")),
        "mistake": named_mistake(results, chosen, library.layout) or None,
    }


def save(row: dict[str, Any]) -> None:
    """Puts what came of a library in the place of what came of it before."""
    path = machine.RESULTS / "ports.json"
    old = json.loads(path.read_text())["libraries"] if path.exists() else []
    rows = {one["title"]: one for one in (*old, row)}
    found = [rows[one.title] for one in LIBRARIES if one.title in rows]
    machine.save("ports", {"machine": machine.describe(1), "cases": len(cases()), "libraries": found})


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--python", action="append", default=[sys.executable], help="of a further environment")
    parser.add_argument("--only", nargs="*", metavar="ADAPTER", help="some adapters")
    parser.add_argument("--save", action="store_true", help="renew benchmarks/results/ports.json")
    options = parser.parse_args()
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_HOME": "build/keras"}
    for library in LIBRARIES:
        if options.only and library.adapter not in options.only:
            continue
        found = next(((python, v) for python in options.python if (v := version(python, library.package))), None)
        if found is None:
            print(f"{library.title}: not installed", flush=True)
            continue
        row = {"title": library.title, "version": found[1], "rtol": library.rtol, **run(library, found[0])}
        print(f"{library.title} {found[1]}: {row['statuses']}, worst {row['worst']}", flush=True)
        if options.save:
            save(row)


if __name__ == "__main__":
    main()
