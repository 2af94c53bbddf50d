"""PyTorch: functions of tensors, autograd.Function, nn.Module with its parameters, and closures over nn.Parameter."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from npseq.gradcheck.callables.arguments import arguments_of
from npseq.gradcheck.callables.framework import Framework, Function, Leaves


def is_closure(f: Any) -> bool:
    """Whether a function takes no argument, so that what moves are the parameters that it reads."""
    if isinstance(f, torch.nn.Module | type) or not callable(f):
        return False
    try:
        return not inspect.signature(f).parameters
    except (TypeError, ValueError):
        return False


class Torch(Framework):
    """Tensors and what is made of them."""

    name = "PyTorch"
    remedy = "use .double() of it, of a module too"

    def function(self, f: Any, at: Any) -> tuple[Callable[..., Any], Any]:
        if isinstance(f, type) and issubclass(f, torch.autograd.Function):
            function: Any = f
            return function.apply, at
        if not isinstance(f, torch.nn.Module):
            return f, at
        inputs = arguments_of(f.forward, at)
        parameters = dict(f.named_parameters())

        def call(tree: dict[str, Any]) -> Any:
            own = {name: tree[name] for name in parameters}
            given = {name: tree[name] for name in inputs.tree}
            return torch.func.functional_call(f, own, *((), given) if inputs.is_mapping else (tuple(given.values()),))

        return call, {**inputs.tree, **parameters}

    def is_array(self, leaf: Any) -> bool:
        return isinstance(leaf, torch.Tensor)

    def array(self, value: np.ndarray, like: Any) -> Any:
        return torch.as_tensor(value.copy(), device=like.device)

    def numpy(self, value: Any) -> np.ndarray:
        array: np.ndarray = value.detach().resolve_conj().cpu().numpy()
        return array

    def gradient(self, f: Function, leaves: Leaves) -> Mapping[str, Any]:
        moved = {path: leaf.requires_grad_() for path, leaf in leaves.items()}
        found: Any = torch.autograd.grad(f(moved), list(moved.values()), allow_unused=True)
        return {
            path: torch.zeros_like(leaf) if one is None else one
            for (path, leaf), one in zip(moved.items(), found, strict=True)
        }


class TorchClosure(Torch):
    """A function without arguments, such as the loss of a batch; its parameters are written in place, and put back."""

    def function(self, f: Any, at: Any) -> tuple[Callable[..., Any], Any]:
        named = at if isinstance(at, Mapping) else {str(k): one for k, one in enumerate(at)}
        self.read = {path: one for path, one in named.items() if isinstance(one, torch.Tensor)}

        def call(tree: dict[str, Any]) -> Any:
            before = {path: one.data for path, one in self.read.items()}
            try:
                for path, one in self.read.items():
                    one.data = tree[path].data
                return f()
            finally:
                for path, one in self.read.items():
                    one.data = before[path]

        return call, named

    def gradient(self, f: Function, leaves: Leaves) -> Mapping[str, Any]:
        found: Any = torch.autograd.grad(f(leaves), [self.read[path] for path in leaves], allow_unused=True)
        return {
            path: torch.zeros_like(leaf) if one is None else one
            for (path, leaf), one in zip(leaves.items(), found, strict=True)
        }
