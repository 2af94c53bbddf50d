"""equinox.nn's GRUCell and LSTMCell."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from answering import biases, by_gate, one_plain_strand, serve, side_by_side, skip_unless
from through_jax import vjp

GATES = {"gru": "rzn", "lstm": "ifgo"}


def answer(case):
    one_plain_strand(case, lengths=True)
    skip_unless(
        (case.cell != "rnn", "no RNN"), (case.cell != "gru" or case.reset_after, "reset after the product only")
    )
    gates, lstm = GATES[case.cell], case.cell == "lstm"
    kind = eqx.nn.LSTMCell if lstm else eqx.nn.GRUCell
    cell = kind(case.input_size, case.hidden_size, bool(case.bias), jnp.float64, key=jax.random.key(0))
    names = ["weight_ih", "weight_hh", *(["bias", "bias_n"][: 2 - lstm] if case.bias else [])]
    values = [side_by_side(case, "x", gates).T, side_by_side(case, "h", gates).T]
    values += ([biases(case, gates)] + ([] if lstm else [case.w["b_hn"]])) if case.bias else []

    def step(weights, state, x):
        own = eqx.tree_at(lambda cell: [getattr(cell, name) for name in names], cell, weights)
        new = jax.vmap(own)(x, tuple(state) if lstm else state[0])
        return list(new) if lstm else [new]

    found, grads = vjp(case, step, list(map(jnp.array, values)))
    found |= by_gate(gates, np.asarray(grads[0]).T, np.asarray(grads[1]).T, grads[2] if case.bias else None)
    return found | ({"db_hn": grads[3]} if len(grads) == 4 else {})


serve(answer)
