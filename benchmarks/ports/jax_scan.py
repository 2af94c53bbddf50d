"""The equations written in JAX as its users write them, under lax.scan."""

import jax
import jax.numpy as jnp
from answering import one_plain_strand, serve
from through_jax import vjp


def answer(case):
    one_plain_strand(case, lengths=True)
    phi = jax.nn.relu if case.relu else jnp.tanh

    def a(p, gate, x, h):
        return x @ p[f"W_x{gate}"] + h @ p[f"W_h{gate}"] + p.get(f"b_{gate}", 0.0)

    def rnn(p, state, x):
        return [phi(a(p, "h", x, state[0]))]

    def gru(p, state, x):
        (h,) = state
        r, z = jax.nn.sigmoid(a(p, "r", x, h)), jax.nn.sigmoid(a(p, "z", x, h))
        if case.reset_after:
            n = jnp.tanh(x @ p["W_xn"] + p.get("b_n", 0.0) + r * (h @ p["W_hn"] + p.get("b_hn", 0.0)))
        else:
            n = jnp.tanh(a(p, "n", x, r * h))
        return [(1 - z) * n + z * h]

    def lstm(p, state, x):
        h, c = state
        i, f, o = (jax.nn.sigmoid(a(p, gate, x, h)) for gate in "ifo")
        c = f * c + i * jnp.tanh(a(p, "g", x, h))
        return [o * jnp.tanh(c), c]

    weights = {name: jnp.array(value) for name, value in case.w.items()}
    found, grads = vjp(case, {"rnn": rnn, "gru": gru, "lstm": lstm}[case.cell], weights)
    return found | {f"d{name}": grad for name, grad in grads.items()}


serve(answer)
