"""The influence as a sum of a few Kronecker products: what KF-RTRL and OK share.

All weights and biases of a layer multiply one vector v_t = [h_{t-1}, 1, x_t], so that what they do in step t itself is
v_t (x) D_t, with D_t the derivative of the state by the layer's pre-activations. A sum of r products,

    S_t ~ sum_i u_i (x) A_i        u_i as long as v_t, A_i as D_t

becomes sum_i u_i (x) (J_t A_i) + v_t (x) D_t in the next step. These are r + 1; a rule of the method's makes r of them
again, by random signs, such that the mean is what it was.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from npseq.arguments import array
from npseq.backend import Array, array_module, drawing
from npseq.bptt.layout import h_biases, suffix
from npseq.bptt.tape import Tape
from npseq.layers.batch import check_array
from npseq.layers.jacobian import check_one_way, check_sequence, state_features, state_jacobian
from npseq.layers.layer import require_real
from npseq.layers.recurrent import Recurrent
from npseq.layers.upstream import check_dc
from npseq.online.influence import (
    LossGradient,
    Online,
    by_state,
    flat_state,
    join_outputs,
    lengths_at,
    output_gradient,
    refuse_clip,
)
from npseq.parameters import Parameters

Products = tuple[Array, Array]  # u (B, r, K) and A (B, r, n, M) of one layer; M pre-activations, n state features
Reduce = Callable[[Array, Array, Array], Products]  # (u, A of r + 1 products, signs (B, r + 1)) -> r of them


def run_kronecker(
    method: str,
    reduce: Reduce,
    rank: int,
    layer: Recurrent,
    x: Array,
    dy: Array | LossGradient,
    state: Any,
    lengths: Array | None,
    dstate: Any,
    influence: list[Products] | None,
    dc: Any,
    clip_adjoint: Any,
    rng: Any,
    signs: Any,
) -> Online:
    """Runs all steps forward with the products that `reduce` keeps; the other arguments are kf_rtrl's."""
    _require_products(method, layer)
    refuse_clip(method, clip_adjoint)
    steps, batch, lengths = check_sequence(layer, x, dy if callable(dy) else array("dy", dy), state, lengths, dstate)
    dcs, n = check_dc(dc, layer, steps, batch), state_features(layer)
    found = _zeros(layer, batch, rank) if influence is None else _checked(layer, influence, batch, rank)
    grads, outputs = Parameters(layer.params.layout, np.zeros_like(layer.params.flat)), []
    with drawing(rng) as rng:  # dy may be a function, whose gradients are known one by one
        drawn = _signs(layer, signs, rng, (steps, layer.num_layers, batch, rank + 1))
        for t in range(steps):
            y, state, tape = layer.forward(x[t : t + 1], state, lengths_at(lengths, t))
            found = _step(layer, tape, found, reduce, drawn[t])
            _add(layer, grads, by_state(layer, output_gradient(dy, t, y[0], lengths), n, dcs, t, lengths), found)
            outputs.append(y)
    if dstate is not None:
        _add(layer, grads, flat_state(*layer.checked_state("dstate", dstate, batch)), found)
    return Online(grads, join_outputs(layer, outputs, batch), state, found)


def _require_products(method: str, layer: Recurrent) -> None:
    """Raises TypeError or ValueError unless every parameter multiplies [h, 1, x]."""
    check_one_way(layer, method)
    require_real(layer)
    if layer.cell.projection is not None or layer.cell.vectors:
        others = ", ".join(filter(None, (layer.cell.projection, *layer.cell.vectors)))
        raise ValueError(
            f"{method} needs a cell all of whose parameters multiply h, 1 or x, such as an RNN, GRU or LSTM, got "
            f"{layer}, which has {others}; use rtrl or uoro"
        )


def _signs(layer: Recurrent, signs: Any, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    xp = array_module(layer.params.flat)
    if signs is None:
        found: Array = xp.asarray(rng.choice([-1.0, 1.0], shape).astype(layer.dtype))
        return found
    return check_array("signs", signs, shape, layer.dtype, xp)


def _sizes(layer: Recurrent, l: int) -> tuple[int, int]:
    """K and M."""
    w = layer.weights(l, 0)
    return len(w.W), len(w.blocks.names) * layer.hidden_size


def _zeros(layer: Recurrent, batch: int, rank: int) -> list[Products]:
    flat, n = layer.params.flat, state_features(layer)
    sizes = [_sizes(layer, l) for l in range(layer.num_layers)]
    return [
        (np.zeros_like(flat, shape=(batch, rank, K)), np.zeros_like(flat, shape=(batch, rank, n, M))) for K, M in sizes
    ]


def _checked(layer: Recurrent, influence: Any, batch: int, rank: int) -> list[Products]:
    """Raises TypeError or ValueError for what are no products of an earlier call."""
    pairs = isinstance(influence, list) and all(isinstance(one, tuple | list) and len(one) == 2 for one in influence)
    if not pairs or len(influence) != layer.num_layers:
        raise TypeError(f"influence must be a list of (u, A) a layer, as Online has it, got {influence!r:.60}")
    xp, found = array_module(layer.params.flat), []
    for l, ((u, A), wanted) in enumerate(zip(influence, _zeros(layer, batch, rank), strict=True)):
        pair = zip(("u", "A"), (u, A), wanted, strict=True)
        found.append(tuple(check_array(f"{k} of influence[{l}]", a, z.shape, layer.dtype, xp) for k, a, z in pair))
    return found  # type: ignore[return-value]


def _step(layer: Recurrent, tape: Tape, before: list[Products], reduce: Reduce, signs: Array) -> list[Products]:
    """The products after the one step on the tape."""
    J, rows = state_jacobian(layer, tape)
    xp, found = array_module(J), []
    for l, ((u, A), row) in enumerate(zip(before, rows, strict=True)):
        strand, w = tape.strands[l][0], layer.weights(l, 0)
        v, da = strand.s[0].T, row[0].da[: len(w.blocks.names), :, 0]
        if strand.ids is not None:  # looked up, so that s holds h alone
            one_hot = xp.arange(len(w.x)) == strand.ids[0][:, None]
            v = xp.concatenate([v, np.ones_like(v, shape=(len(v), w.bias)), one_hot.astype(v.dtype)], axis=1)
        D = da.reshape(-1, *da.shape[2:]).transpose(2, 1, 0)  # (A*H, n, B) as (B, n, A*H)
        carried = np.einsum("bij,brjm->brim", J, A)
        found.append(
            reduce(xp.concatenate([u, v[:, None]], axis=1), xp.concatenate([carried, D[:, None]], axis=1), signs[l])
        )
    return found


def _add(layer: Recurrent, grads: Parameters, q: Array, found: list[Products]) -> None:
    """grads += sum over batch and products of u (x) (q A)."""
    H = layer.hidden_size
    for l, (u, A) in enumerate(found):
        w, ending = layer.weights(l, 0), suffix(l, 0)
        whole = np.einsum("brk,brm->km", u, np.einsum("bn,brnm->brm", q, A))  # (K, M)
        parts, P = {}, w.state
        for g, gate in enumerate(layer.cell.gates):
            own = whole[:, w.blocks.names.index(gate) * H :][:, :H]
            parts[f"W_x{gate}"] = own[P + w.bias :]
            if w.bias:
                parts[f"b_{gate}"] = own[P]
            if g < w.blocks.with_h:
                parts[w.blocks.h_weights[g]] = whole[:P, g * H : (g + 1) * H]
        for name, block in zip(h_biases(layer.cell, bool(w.bias)), w.blocks.h_only, strict=False):
            parts[name] = whole[P, block * H : (block + 1) * H]
        for name, part in parts.items():
            grads[f"{name}{ending}"] = grads[f"{name}{ending}"] + part
