"""Who is measured beside npseq. Each module has `supports(case)` and `build(problem)`, which returns a Built."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple

import numpy as np

from benchmarks.problem import Problem


class Built(NamedTuple):
    """The same network as this rival's users would write it.

    step: forward, softmax cross-entropy, backward, clip by global norm, SGD. infer: the logits alone, nothing kept for
    a backward pass. gradient: the loss and its gradient by every parameter under the problem's names, before any step.
    """

    step: Callable[[], object]
    infer: Callable[[], object]
    gradient: Callable[[], tuple[float, dict[str, np.ndarray]]]


class Rival(NamedTuple):
    module: str
    package: str
    title: str


RIVALS = {
    "npseq": Rival("npseq_step", "npseq", "npseq"),
    "compiled": Rival("npseq_compiled", "numba", "npseq compiled"),
    "torch": Rival("pytorch", "torch", "PyTorch nn"),
    "scratch": Rival("pytorch_scratch", "torch", "PyTorch written out (d2l's scratch)"),
    "jax": Rival("jax_scan", "jax", "JAX lax.scan"),
    "autograd": Rival("hips_autograd", "autograd", "HIPS autograd"),
    "textbook": Rival("textbook", "numpy", "textbook NumPy"),
}


def module(name: str) -> ModuleType:
    return importlib.import_module(f"benchmarks.rivals.{RIVALS[name].module}")


def available(names: list[str] | None = None, threads: int | None = None) -> list[str]:
    """The names whose package is installed, npseq first; those left out are said. threads: PyTorch's, set here."""
    wanted = list(RIVALS) if names is None else ["npseq", *(name for name in names if name != "npseq")]
    if unknown := [name for name in wanted if name not in RIVALS]:
        raise SystemExit(f"no rival {', '.join(unknown)}; there are {', '.join(RIVALS)}")
    found = [name for name in wanted if importlib.util.find_spec(RIVALS[name].package)]
    if missing := [RIVALS[name].title for name in wanted if name not in found]:
        print(f"not installed, left out: {', '.join(missing)} (pip install -e '.[bench]')", flush=True)
    if threads is not None and importlib.util.find_spec("torch"):
        import torch

        torch.set_num_threads(threads)
    return found


def build(names: list[str], problem: Problem) -> dict[str, Built]:
    """Those of the rivals that can have this case."""
    return {name: module(name).build(problem) for name in names if module(name).supports(problem.case)}


TOLERANCES = {"float32": 1e-3, "float64": 1e-9}


def agreement(built: dict[str, Built], dtype: str) -> dict[str, float]:
    """How far each rival's loss and gradient are from npseq's, relative to each tensor's largest entry: the worst.

    Raises RuntimeError where one computes something else: its time would mean nothing.
    """
    loss, gradient = built["npseq"].gradient()
    found = {}
    for name, rival in built.items():
        if name == "npseq":
            continue
        their_loss, theirs = rival.gradient()
        if theirs.keys() != gradient.keys():
            raise RuntimeError(f"{name} must have the gradients of npseq, differing: {theirs.keys() ^ gradient.keys()}")
        errors = {"loss": abs(their_loss - loss) / abs(loss)}
        errors |= {key: float(abs(theirs[key] - own).max() / (abs(own).max() or 1)) for key, own in gradient.items()}
        worst = max(errors, key=errors.__getitem__)
        if not errors[worst] < TOLERANCES[dtype]:
            raise RuntimeError(f"{name} must compute what npseq does, but its {worst} is off by {errors[worst]:.1e}")
        found[name] = errors[worst]
    return found
