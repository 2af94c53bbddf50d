"""The same step with jax.lax.scan, compiled once."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

GATES = {"rnn": 1, "gru": 3, "lstm": 4}


def cell_step(cell: str, w: dict, state: tuple, x):
    h = state[0]
    if cell == "rnn":
        h = jnp.tanh(x @ w["x"] + h @ w["h"] + w["b"])
        return (h,), h
    if cell == "gru":
        (xr, xz, xn), (hr, hz, hn) = jnp.split(x @ w["x"] + w["b"], 3, -1), jnp.split(h @ w["h"] + w["b2"], 3, -1)
        r, z = jax.nn.sigmoid(xr + hr), jax.nn.sigmoid(xz + hz)
        h = (1 - z) * jnp.tanh(xn + r * hn) + z * h
        return (h,), h
    i, f, g, o = jnp.split(x @ w["x"] + h @ w["h"] + w["b"], 4, -1)
    c = jax.nn.sigmoid(f) * state[1] + jax.nn.sigmoid(i) * jnp.tanh(g)
    h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return (h, c), h


def step(
    cell: str, T: int, B: int, V: int, H: int, dtype: str = "float32", layers: int = 1, embedding: int | None = None
):
    """A function of nothing that does one step: forward, loss, backward, clip, update."""
    jax.config.update("jax_enable_x64", dtype == "float64")
    rng = np.random.default_rng(0)

    def draw(*shape):
        return jnp.asarray(rng.uniform(-1, 1, shape) / np.sqrt(H), dtype)

    G = GATES[cell]
    sizes = [embedding or V] + [H] * (layers - 1)
    params = {
        "layers": [{"x": draw(n, G * H), "h": draw(H, G * H), "b": draw(G * H), "b2": draw(G * H)} for n in sizes]
    }
    params |= {"out": draw(H, V), "b": draw(V)} | ({} if embedding is None else {"table": draw(V, embedding)})
    ids, targets = jnp.asarray(rng.integers(V, size=(2, T, B)))

    def loss(p):
        y = jax.nn.one_hot(ids, V, dtype=dtype) if embedding is None else p["table"][ids]
        for w in p["layers"]:
            zero = tuple(jnp.zeros((B, H), dtype) for _ in range(2 if cell == "lstm" else 1))
            _, y = jax.lax.scan(lambda state, x, w=w: cell_step(cell, w, state, x), zero, y)
        logp = jax.nn.log_softmax(y @ p["out"] + p["b"])
        return -jnp.take_along_axis(logp, targets[..., None], -1).mean()

    @jax.jit
    def update(p):
        value, g = jax.value_and_grad(loss)(p)
        norm = jnp.sqrt(sum(jnp.vdot(v, v) for v in jax.tree.leaves(g)))
        scale = jnp.minimum(1, 1 / norm)
        return jax.tree.map(lambda v, d: v - 0.1 * scale * d, p, g), value

    box = [params]

    def run():
        box[0], value = update(box[0])
        return value.block_until_ready()

    return run
