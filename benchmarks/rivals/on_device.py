"""The rivals on a CUDA device: npseq on CuPy; PyTorch, whose recurrent layers are cuDNN's, eager and as a CUDA graph.

A step is forward, softmax cross-entropy, backward, clip by global norm, SGD, on the same parameters and batch.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

import npseq as ns
from benchmarks.problem import CLIP, RATE, Problem
from benchmarks.rivals import Built
from benchmarks.rivals.npseq_step import _under_torch_names, language_model
from npseq.backend import to_host

WARM = 3  # eager steps on a side stream before PyTorch captures, as its documentation asks


def has_cudnn() -> bool:
    """Whether PyTorch is here, and sees a device."""
    if not importlib.util.find_spec("torch"):
        return False
    import torch

    return torch.cuda.is_available()


def npseq(cupy: Any, given: Problem, graphs: bool = True) -> Built:
    """graphs: whether its step may become a CUDA graph."""
    from npseq.gpu import settings

    model, optimizer = language_model(given).to("gpu"), ns.SGD(RATE)
    x, targets = cupy.asarray(given.x), cupy.asarray(given.targets)

    def step() -> object:
        with settings(graphs=graphs):
            return model.step(x, targets, None, optimizer, clip=CLIP)

    def gradient() -> tuple[float, dict[str, np.ndarray]]:
        loss, grads, _ = model.loss(x, targets)
        host = language_model(given)
        return _under_torch_names(host, float(loss), host.params.like(to_host(grads.flat)))

    return Built(step, lambda: model.logits(x)[0], gradient)


def torch_eager(given: Problem, device: str = "cuda") -> Built:
    """PyTorch as it is written by its users."""
    backward, update, model = _torch(given, device)

    def step() -> None:
        backward()
        update()

    def gradient() -> Any:
        return backward().item(), {name: p.grad.cpu().numpy().copy() for name, p in model.named_parameters()}

    return Built(step, lambda: None, gradient)


def torch_graph(given: Problem) -> Built:
    """The same step, all of it, captured once and replayed."""
    import torch

    backward, update, model = _torch(given, "cuda")
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARM):
            backward()
            update()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        backward()
        update()

    def step(alive: Any = (backward, update, model)) -> None:
        """A graph keeps what was allocated while it was captured, and nothing that was there before."""
        graph.replay()

    return Built(step, lambda: None, lambda: (0.0, {}))


def _torch(given: Problem, device: str) -> tuple[Callable[[], Any], Callable[[], None], Any]:
    import torch
    from torch import nn

    from benchmarks.rivals.pytorch import network

    model = network(given).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    x, targets = torch.from_numpy(given.x).to(device), torch.from_numpy(given.targets).reshape(-1).to(device)

    def backward() -> torch.Tensor:
        optimizer.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(model(x, None).reshape(-1, given.case.V), targets)
        loss.backward()
        return loss

    def update() -> None:
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()

    return backward, update, model


def torch_tf32(on: bool) -> None:
    """For products and for cuDNN, whose own default is on."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = on
    torch.backends.cudnn.allow_tf32 = on
