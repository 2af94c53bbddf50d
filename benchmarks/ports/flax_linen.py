"""flax.linen's SimpleCell, GRUCell and LSTMCell."""

import flax.linen as nn
import jax.numpy as jnp
from answering import one_plain_strand, serve, skip_unless
from through_jax import vjp

HAS_BIAS = {"rnn": ("i",), "gru": ("ir", "iz", "in", "hn"), "lstm": ("hi", "hf", "hg", "ho")}


def answer(case):
    one_plain_strand(case, lengths=True)
    skip_unless((case.bias, "always biases"), (case.cell != "gru" or case.reset_after, "reset after the product only"))
    kind = {"rnn": nn.SimpleCell, "gru": nn.GRUCell, "lstm": nn.LSTMCell}[case.cell]
    options = {"activation_fn": nn.relu} if case.relu else {}
    cell = kind(case.hidden_size, dtype=jnp.float64, param_dtype=jnp.float64, **options)
    params = {}
    for name, value in case.w.items():
        where, leaf = place(case.cell, name)
        params.setdefault(where, {})[leaf] = jnp.array(value)

    def step(params, state, x):
        carry, h = cell.apply({"params": params}, tuple(state[::-1]) if len(state) == 2 else state[0], x)
        return [h, carry[0]] if len(state) == 2 else [h]

    found, grads = vjp(case, step, params)
    return found | {f"d{name}": grads[place(case.cell, name)[0]][place(case.cell, name)[1]] for name in case.w}


def place(cell, name):
    """Where flax has one of npseq's parameters: (Dense, kernel or bias)."""
    if name.startswith("W"):
        return (name[2] if cell == "rnn" else name[2:]).replace("x", "i"), "kernel"
    gate = name.partition("_")[2]
    if name == "b_hn":
        return "hn", "bias"
    return next(dense for dense in HAS_BIAS[cell] if cell == "rnn" or dense[1:] == gate), "bias"


serve(answer)
