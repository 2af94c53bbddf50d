"""Haiku's VanillaRNN, whose function is relu, GRU (reset before the product) and LSTM, which adds 1 to b_f."""

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
from answering import biases, by_gate, one_plain_strand, serve, side_by_side, skip_unless
from through_jax import vjp

GATES = {"rnn": "h", "gru": "zrn", "lstm": "igfo"}


def answer(case):
    one_plain_strand(case, lengths=True)
    skip_unless(
        (case.cell != "rnn" or case.relu, "its RNN's function is relu"),
        (not case.reset_after, "reset before the product only"),
        (case.bias, "always biases"),
    )
    gates, lstm = GATES[case.cell], case.cell == "lstm"
    kind = {"rnn": hk.VanillaRNN, "gru": hk.GRU, "lstm": hk.LSTM}[case.cell]
    W_x, W_h, b = side_by_side(case, "x", gates), side_by_side(case, "h", gates), biases(case, gates)
    if case.cell == "gru":  # its z replaces where npseq's keeps
        sign = np.repeat([-1.0, 1.0, 1.0], case.hidden_size)
        params = {"gru": {"w_i": W_x * sign, "w_h": W_h * sign, "b": b * sign}}
    elif lstm:
        shift = np.repeat([0.0, 0.0, 1.0, 0.0], case.hidden_size)
        params = {"lstm/linear": {"w": np.concatenate([W_x, W_h]), "b": b - shift}}
    else:
        params = {"vanilla_rnn/linear": {"w": W_x, "b": b}, "vanilla_rnn/linear_1": {"w": W_h, "b": 0 * b}}
    core = hk.without_apply_rng(hk.transform(lambda x, state: kind(case.hidden_size)(x, state)))

    def step(weights, state, x):
        out, new = core.apply(weights, x, hk.LSTMState(*state) if lstm else state[0])
        return [out, new.cell] if lstm else [out]

    found, grads = vjp(case, step, jax.tree.map(jnp.array, params))
    if lstm:
        dW_x, dW_h = np.split(np.asarray(grads["lstm/linear"]["w"]), [case.input_size])
        return found | by_gate(gates, dW_x, dW_h, grads["lstm/linear"]["b"])
    if case.cell == "gru":
        return found | by_gate(gates, *(np.asarray(grads["gru"][name]) * sign for name in ("w_i", "w_h", "b")))
    own = grads["vanilla_rnn/linear"]
    return found | by_gate(gates, own["w"], grads["vanilla_rnn/linear_1"]["w"], own["b"])


serve(answer)
