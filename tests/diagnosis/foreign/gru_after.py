"""A GRU with PyTorch's parameters: weight_ih (3H, D), weight_hh (3H, H), two biases, gates r, z, n, reset after.

No code of npseq is used here. x (T, B, D).
"""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def forward(x, h, w_ih, w_hh, b_ih, b_hh):
    tape = []
    H = h.shape[1]
    for x_t in x:
        gi = x_t @ w_ih.T + b_ih
        gh = h @ w_hh.T + b_hh
        r = sigmoid(gi[:, :H] + gh[:, :H])
        z = sigmoid(gi[:, H : 2 * H] + gh[:, H : 2 * H])
        hn = gh[:, 2 * H :]
        n = np.tanh(gi[:, 2 * H :] + r * hn)
        h_next = (1 - z) * n + z * h
        tape.append((x_t, h, r, z, n, hn, h_next))
        h = h_next
    return np.stack([entry[6] for entry in tape]), tape


def backward(dy, tape, w_ih, w_hh):
    T = len(tape)
    dw_ih, dw_hh = np.zeros_like(w_ih), np.zeros_like(w_hh)
    db_ih, db_hh = np.zeros(len(w_ih)), np.zeros(len(w_hh))
    dx = np.zeros((T, *tape[0][0].shape))
    dh = np.zeros_like(tape[0][1])
    for t in range(T - 1, -1, -1):
        x_t, h, r, z, n, hn, h_next = tape[t]  # noqa: RUF059
        dh = dh + dy[t]
        dn = dh * (1 - z)
        dz = dh * (h - n)
        dn_raw = dn * (1 - n * n)
        dr = dn_raw * hn
        dhn = dn_raw * r
        dr_raw = dr * r * (1 - r)
        dz_raw = dz * z * (1 - z)
        dgi = np.concatenate([dr_raw, dz_raw, dn_raw], axis=1)
        dgh = np.concatenate([dr_raw, dz_raw, dhn], axis=1)
        dw_ih += dgi.T @ x_t
        dw_hh += dgh.T @ h
        db_ih += dgi.sum(0)
        db_hh += dgh.sum(0)
        dx[t] = dgi @ w_ih
        dh = dh * z + dgh @ w_hh
    return dx, dh, dw_ih, dw_hh, db_ih, db_hh
