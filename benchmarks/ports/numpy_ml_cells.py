"""numpy-ml's RNNCell and LSTMCell, hand-written backward passes, stepped as its own tests do.

It is imported with the name that Python 3.10 took away, without which it cannot be.
"""

import collections
import collections.abc

import numpy as np
from answering import one_plain_strand, serve, skip_unless

collections.Hashable = collections.abc.Hashable

from numpy_ml.neural_nets.layers import LSTMCell, RNNCell  # noqa: E402


def answer(case):
    one_plain_strand(case)
    skip_unless((case.cell != "gru", "no GRU"), (case.bias, "always biases"), (not case.dh.any(), "no states given"))
    lstm = case.cell == "lstm"
    cell = LSTMCell(case.hidden_size) if lstm else RNNCell(case.hidden_size, act_fn="ReLU" if case.relu else "Tanh")
    cell.n_in = case.input_size
    cell._init_params()
    for own in "fuco" * lstm:
        gate = {"u": "i", "c": "g"}.get(own, own)
        cell.parameters[f"W{own}"] = np.concatenate([case.w[f"W_h{gate}"], case.w[f"W_x{gate}"]])
        cell.parameters[f"b{own}"] = case.w[f"b_{gate}"][None]
    if not lstm:
        zero = np.zeros((case.hidden_size, 1))
        cell.parameters |= {"Waa": case.w["W_hh"], "Wax": case.w["W_xh"], "bx": case.w["b_h"][:, None], "ba": zero}
    rows = [cell.forward(x) for x in case.x]
    y = np.stack([row[0] if lstm else row for row in rows])
    dx = np.stack([cell.backward(case.dy[t]) for t in reversed(range(case.T))][::-1])
    found, grads = {"y": y, "dx": dx}, cell.gradients
    if not lstm:
        return found | {"dW_hh": grads["Waa"], "dW_xh": grads["Wax"], "db_h": grads["bx"][:, 0]}
    for own in "fuco":
        gate = {"u": "i", "c": "g"}.get(own, own)
        found[f"dW_h{gate}"], found[f"dW_x{gate}"] = np.split(grads[f"W{own}"], [case.hidden_size])
        found[f"db_{gate}"] = grads[f"b{own}"].ravel()
    return found


serve(answer)
