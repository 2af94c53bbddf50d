"""The recurrent network of min-char-rnn: one sequence, columns, weights to be multiplied from the left.

No code of npseq is used here. xs: T columns (D, 1), Wxh (H, D), Whh (H, H), bh (H, 1).
"""

import numpy as np


def forward(inputs, hprev, Wxh, Whh, bh):
    xs, hs = {}, {-1: np.copy(hprev)}
    for t in range(len(inputs)):
        xs[t] = inputs[t]
        hs[t] = np.tanh(np.dot(Wxh, xs[t]) + np.dot(Whh, hs[t - 1]) + bh)
    return xs, hs


def backward(dys, xs, hs, Wxh, Whh, bh):
    T = len(dys)
    dWxh, dWhh, dbh = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(bh)
    dxs = {}
    dhnext = np.zeros_like(hs[0])
    for t in reversed(range(T)):
        dh = dys[t] + dhnext
        dhraw = (1 - hs[t] * hs[t]) * dh
        dbh += dhraw
        dWxh += np.dot(dhraw, xs[t].T)
        dWhh += np.dot(dhraw, hs[t - 1].T)
        dxs[t] = np.dot(Wxh.T, dhraw)
        dhnext = np.dot(Whh.T, dhraw)
    return dWxh, dWhh, dbh, dxs, dhnext
