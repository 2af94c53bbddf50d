"""thinc's own LSTM on its NumpyOps, a hand-written backward pass in float32."""

import numpy as np
from answering import serve, skip_truncated, skip_unless
from thinc.api import LSTM, NumpyOps
from thinc.types import Padded


def answer(case):
    skip_truncated(case)
    full = (case.lengths == case.T).all()
    skip_unless(
        (case.cell == "lstm", "no RNN, no GRU"),
        (case.hidden_size == case.state_size, "no projection"),
        (full, "lengths that fall only"),
        (case.bias, "always biases"),
        (not (case.h0.any() or case.dh.any()), "initial states are parameters, one for all sequences"),
    )
    R, L = case.directions, case.layers
    model = LSTM(case.hidden_size * R, case.input_size, bi=R == 2, depth=L)
    model.ops = NumpyOps()
    endings = [f"_l{layer}" + "_reverse" * d for layer in range(L) for d in range(R)]
    names = [f"{kind}_{side}{end}" for end in endings for side in ("ih", "hh") for kind in ("weight", "bias")]
    model.set_param("LSTM", np.concatenate([swapped(case.w[name]).ravel() for name in names]).astype("f"))
    model.set_param("HC0", np.zeros((2, L, R, case.hidden_size), "f"))
    sizes = np.full(case.T, case.B, "i")
    lengths, indices = np.full(case.B, case.T, "i"), np.arange(case.B, dtype="i")
    y, back = model(Padded(case.x.astype("f"), sizes, lengths, indices), is_train=True)
    dx = back(Padded(case.dy.astype("f"), sizes, lengths, indices)).data
    found, flat, at = {"y": y.data, "dx": dx}, model.get_grad("LSTM"), 0
    for name in names:
        found[f"d{name}"] = swapped(flat[at : at + case.w[name].size].reshape(case.w[name].shape))
        at += case.w[name].size
    return found


def swapped(array):
    """PyTorch's gates i, f, g, o in thinc's order f, i, o, g, and back."""
    return array.reshape(4, -1)[[1, 0, 3, 2]].reshape(array.shape)


serve(answer)
