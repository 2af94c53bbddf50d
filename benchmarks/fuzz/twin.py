"""PyTorch's own layers with npseq's parameters, for the distance of another library's result from 80 bits."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from benchmarks.fuzz.networks import Network

try:
    import torch
except ImportError:  # everything else works without it
    torch = None  # type: ignore[assignment]

GATES = {"tanh": "h", "relu": "h", "gru after": "rzn", "lstm": "ifgo"}


def can(network: Network, params: Mapping[str, Any], dtype: Any, given: Any) -> bool:
    """Whether PyTorch is here and has this layer."""
    own = network.cell in GATES and np.dtype(dtype).kind == "f" and not any(n.startswith("p_") for n in params)
    running = given.lengths is None or (given.lengths > 0).any()
    return torch is not None and own and 0 not in given.x.shape[:2] and bool(running)


@lru_cache(256)
def module(network: Network, inputs: int, hidden: int, proj: int, bias: bool) -> Any:
    torch.set_num_threads(1)
    kind = {"tanh": torch.nn.RNN, "relu": torch.nn.RNN, "gru after": torch.nn.GRU, "lstm": torch.nn.LSTM}[network.cell]
    options = {"nonlinearity": network.cell} if kind is torch.nn.RNN else {}
    options |= {"proj_size": proj} if proj else {}
    both = network.directions == 2
    return kind(inputs, hidden, network.layers, bias=bias, bidirectional=both, **options).double()


def tensor(array: Any, dtype: Any) -> Any:
    """A leaf with the numbers of an array in any layout."""
    return torch.from_numpy(np.array(array, np.dtype(dtype), order="C")).requires_grad_()


def packed(network: Network, p: Mapping[str, Any]) -> dict[str, Any]:
    """PyTorch's parameters, made of npseq's by operations without rounding, through which gradients return."""
    out, gates = {}, GATES[network.cell]
    for layer in range(network.layers):
        for d in range(network.directions):
            ours = (f"_l{layer}" if layer else "") + ("_reverse" if d else "")
            theirs = f"_l{layer}" + ("_reverse" if d else "")
            for kind, name in (("ih", "W_x"), ("hh", "W_h")):
                out[f"weight_{kind}{theirs}"] = torch.cat([p[f"{name}{g}{ours}"].T for g in gates])
            if f"b_{gates[0]}{ours}" in p:
                rows = [p[f"b_{g}{ours}"] for g in gates]
                out[f"bias_ih{theirs}"] = torch.cat(rows)
                others = [torch.zeros_like(row) for row in rows]
                out[f"bias_hh{theirs}"] = torch.cat([*others[:-1], p.get(f"b_hn{ours}", others[-1])])
            if f"W_hp{ours}" in p:
                out[f"weight_hr{theirs}"] = p[f"W_hp{ours}"].T
    return out


def recurrent(network: Network, p: Mapping[str, Any], x: Any, h: Any, c: Any, lengths: Any) -> tuple[Any, Any, Any]:
    """(y, h, c) of tensors; every length is positive."""
    proj = p["W_hp"].shape[1] if "W_hp" in p else 0
    hidden = p[f"W_x{GATES[network.cell][0]}"].shape[1]
    bias = any(name.startswith("b_") for name in p)
    layer = module(network, x.shape[2], hidden, proj, bias)
    if lengths is not None:
        own = torch.from_numpy(np.asarray(lengths, np.int64))
        x = torch.nn.utils.rnn.pack_padded_sequence(x, own, enforce_sorted=False)
    y, last = torch.func.functional_call(layer, packed(network, p), (x, h if c is None else (h, c)))
    if lengths is not None:
        y, _ = torch.nn.utils.rnn.pad_packed_sequence(y, total_length=None)
    return y, *((last, None) if c is None else last)


def passes(network: Network, params: Mapping[str, Any], layer: Any, given: Any) -> dict[str, np.ndarray]:
    """What npseq's forward and backward return, by PyTorch. Sequences of length 0 are left out, and pass states on."""
    from benchmarks.fuzz.stacks import one_hot

    dtype, (steps, batch) = layer.dtype, given.x.shape[:2]
    strands, has_c = network.layers * network.directions, network.cell == "lstm"
    own = np.full(batch, steps) if given.lengths is None else given.lengths.astype(int)
    b, last = np.flatnonzero(own), own.max()
    ids = given.x.ndim == 2
    dense = one_hot(given.x, layer.input_size) if ids else np.array(given.x)
    x = tensor(np.where((np.arange(steps)[:, None] < own)[..., None], dense, 0)[:last, b], dtype)
    width = {"h": layer.state_size, "c": layer.hidden_size}
    first = {n: np.zeros((strands, batch, width[n])) if v is None else v for n, v in (("h", given.h), ("c", given.c))}
    h, c = tensor(first["h"][:, b], dtype), tensor(first["c"][:, b], dtype) if has_c else None
    p = {name: tensor(value, dtype) for name, value in params.items()}
    y, h_n, c_n = recurrent(network, p, x, h, c, None if given.lengths is None else own[b])
    parts, by = [h_n, c_n] if has_c else [h_n], [given.dh, given.dc]
    total = [
        (part * tensor(g[:, b], dtype).detach()).sum() for part, g in zip(parts, by, strict=False) if g is not None
    ]
    if given.dy is not None:
        mask = (np.arange(steps)[:, None] < own)[..., None]
        total.append((y * tensor(np.where(mask, given.dy, 0)[:last, b], dtype).detach()).sum())
    if total:
        sum(total).backward()
    out = {"y": _placed(y, (steps, batch, layer.output_size), b, last, dtype)}
    for name, node, leaf, g in zip("hc", parts, (h, c), by, strict=False):
        out[name] = np.array(first[name], dtype)
        out[name][:, b] = node.detach().numpy()
        out[f"d{name}"] = np.zeros_like(out[name]) if g is None else np.array(g, dtype)
        out[f"d{name}"][:, b] = _gradient(leaf)
    if not ids:
        out["dx"] = _placed(torch.from_numpy(_gradient(x)), given.x.shape, b, last, dtype)
    return out | {name: _gradient(leaf) for name, leaf in p.items()}


def _placed(part: Any, shape: tuple[int, ...], b: np.ndarray, last: int, dtype: Any) -> np.ndarray:
    out = np.zeros(shape, dtype)
    out[:last, b] = part.detach().numpy()
    return out


def _gradient(leaf: Any) -> np.ndarray:
    return np.zeros(leaf.shape, str(leaf.dtype).split(".")[1]) if leaf.grad is None else leaf.grad.numpy()


def cross_entropy(logits: Any, targets: Any, w: Any, smoothing: float, reduction: str) -> dict[str, np.ndarray]:
    """PyTorch's losses of single positions, weighed and reduced."""
    z, at = tensor(logits, logits.dtype.newbyteorder("=")), np.where(w == 0, 0, targets).astype(np.int64)
    flat = z.reshape(-1, z.shape[-1])
    index = torch.from_numpy(at.reshape(-1))
    each = torch.nn.functional.cross_entropy(flat, index, reduction="none", label_smoothing=smoothing)
    return _reduced(z, each.reshape(at.shape), w, reduction)


def pointwise(binary: bool, z: Any, y: Any, w: Any, reduction: str) -> dict[str, np.ndarray]:
    a = tensor(z, z.dtype.newbyteorder("="))
    t = tensor(y, z.dtype.newbyteorder("=")).detach()
    functional = torch.nn.functional
    f = functional.binary_cross_entropy_with_logits if binary else functional.mse_loss
    return _reduced(a, f(a, t, reduction="none"), w, reduction)


def _reduced(z: Any, each: Any, w: Any, reduction: str) -> dict[str, np.ndarray]:
    """A mean over nothing is 0, as npseq has it."""
    factors = torch.from_numpy(np.array(w, float)).to(z.dtype)
    total = factors.sum() if reduction == "mean" else torch.ones(())
    loss = each * factors / (total if total != 0 else 1)
    loss.sum().backward()
    value = loss if reduction == "none" else loss.sum()
    return {"loss": value.detach().numpy(), "gradient": z.grad.numpy()}


def optimizer(kind: str, options: dict[str, Any], first: Any, steps: list) -> dict[str, np.ndarray]:
    """PyTorch's parameters after the same steps."""
    params = {name: tensor(value, value.dtype) for name, value in first.items()}
    step = getattr(torch.optim, kind)(list(params.values()), **options)
    for grads in steps:
        for name, p in params.items():
            p.grad = tensor(grads[name], p.detach().numpy().dtype).detach()
        step.step()
    return {name: p.detach().numpy() for name, p in params.items()}


def language_model(network: Network, model: Any, x: Any, y: Any, first: Any, context: int) -> dict[str, np.ndarray]:
    """The loss, its gradients and the last state."""
    p = {name: tensor(value, model.dtype) for name, value in model.params.items()}
    own = {name.removeprefix("recurrent."): leaf for name, leaf in p.items() if name.startswith("recurrent.")}
    tokens = torch.from_numpy(x.astype(np.int64))
    size, table = model.vocab_size, p.get("embedding.W")
    inputs = torch.eye(size, dtype=next(iter(p.values())).dtype)[tokens] if table is None else table[tokens]
    h, c = tensor(first["h"], model.dtype), tensor(first["c"], model.dtype) if network.cell == "lstm" else None
    outputs, last_h, last_c = recurrent(network, own, inputs, h, c, None)
    scores = outputs[context:] @ p["output.W"] + p["output.b"]
    wanted = torch.from_numpy(y.astype(np.int64)).reshape(-1)
    loss = torch.nn.functional.cross_entropy(scores.reshape(-1, size), wanted)
    loss.backward()
    last = {n: part.detach().numpy() for n, part in (("h", last_h), ("c", last_c)) if part is not None}
    return {"loss": loss.detach().numpy(), **last} | {name: _gradient(leaf) for name, leaf in p.items()}
