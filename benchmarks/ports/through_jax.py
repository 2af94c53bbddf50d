"""What the adapters of libraries on JAX share: a cell is scanned, with lengths, and jax.vjp goes back."""

import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)


def vjp(case, step, weights):
    """Returns outputs, and derivatives by x, h0, c0 and by the weights.

    step(weights, state, x) -> state, where state is [h] or [h, c].
    """
    names = ("h0", "c0")[: 1 + (case.cell == "lstm")]

    def run(x, first, weights):
        def one(state, at):
            row, t = at
            live = (t < case.lengths)[:, None]
            state = [jnp.where(live, a, b) for a, b in zip(step(weights, state, row), state, strict=True)]
            return state, jnp.where(live, state[0], 0.0)

        last, y = jax.lax.scan(one, [part[0] for part in first], (x, jnp.arange(case.T)))
        return [y, *(part[None] for part in last)]

    outputs, back = jax.vjp(run, jnp.array(case.x), [jnp.array(getattr(case, name)) for name in names], weights)
    dx, first, dweights = back([jnp.array(getattr(case, name)) for name in ("dy", "dh", "dc")[: len(outputs)]])
    found = dict(zip(("y", "h", "c"), outputs, strict=False)) | {"dx": dx}
    return found | {f"d{name}": one for name, one in zip(names, first, strict=True)}, dweights
