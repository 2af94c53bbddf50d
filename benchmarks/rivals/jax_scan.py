"""The same step with jax.lax.scan, compiled once.

XLA takes all the cores it may use; a fair number of threads is that of the machine.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.cases import Case
from benchmarks.problem import CLIP, RATE, Problem
from benchmarks.rivals import Built


def supports(case: Case) -> bool:
    return not case.ragged


def cell_step(cell: str, w: dict, state: tuple, x: Any) -> tuple[tuple, Any]:
    h = state[0]
    if cell == "rnn":
        h = jnp.tanh(x @ w["weight_ih"].T + h @ w["weight_hh"].T + w["bias_ih"] + w["bias_hh"])
        return (h,), h
    if cell == "gru":
        xr, xz, xn = jnp.split(x @ w["weight_ih"].T + w["bias_ih"], 3, -1)
        hr, hz, hn = jnp.split(h @ w["weight_hh"].T + w["bias_hh"], 3, -1)
        r, z = jax.nn.sigmoid(xr + hr), jax.nn.sigmoid(xz + hz)
        h = (1 - z) * jnp.tanh(xn + r * hn) + z * h
        return (h,), h
    i, f, g, o = jnp.split(x @ w["weight_ih"].T + h @ w["weight_hh"].T + w["bias_ih"] + w["bias_hh"], 4, -1)
    c = jax.nn.sigmoid(f) * state[1] + jax.nn.sigmoid(i) * jnp.tanh(g)
    h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return (h, c), h


def build(given: Problem) -> Built:
    case = given.case
    jax.config.update("jax_enable_x64", case.dtype == "float64")
    params = {name: jnp.asarray(value) for name, value in given.params.items()}
    x, targets = jnp.asarray(given.x), jnp.asarray(given.targets)

    def one_direction(p: dict, layer: int, ending: str, y: Any) -> Any:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        w = {name: p[f"recurrent.{name}_l{layer}{ending}"] for name in names}
        zero = tuple(jnp.zeros((case.B, case.H), case.dtype) for _ in range(2 if case.cell == "lstm" else 1))
        return jax.lax.scan(lambda s, x: cell_step(case.cell, w, s, x), zero, y, reverse=bool(ending))[1]

    def logits(p: dict, x: Any) -> Any:
        y = jax.nn.one_hot(x, case.V, dtype=case.dtype) if case.inputs == "one-hot" else x
        if case.inputs == "embedding":
            y = p["embedding.weight"][x]
        for layer in range(case.layers):
            outputs = [one_direction(p, layer, ending, y) for ending in ("", "_reverse")[: case.directions]]
            y = jnp.concatenate(outputs, -1)
        return y @ p["output.weight"].T + p["output.bias"]

    def loss(p: dict, x: Any) -> Any:
        logp = jax.nn.log_softmax(logits(p, x))
        return -jnp.take_along_axis(logp, targets[..., None], -1).mean()

    @jax.jit
    def update(p: dict, x: Any) -> Any:
        value, g = jax.value_and_grad(loss)(p, x)
        norm = jnp.sqrt(sum(jnp.vdot(v, v) for v in jax.tree.leaves(g)))
        scale = jnp.minimum(1, CLIP / norm)
        return jax.tree.map(lambda v, d: v - RATE * scale * d, p, g), value

    box, forward = [params], jax.jit(logits)

    def step() -> Any:
        box[0], value = update(box[0], x)
        return value.block_until_ready()

    def gradient() -> Any:
        value, grads = jax.jit(jax.value_and_grad(loss))(params, x)
        return float(value), {name: np.asarray(g) for name, g in grads.items()}

    return Built(step, lambda: forward(params, x).block_until_ready(), gradient)
