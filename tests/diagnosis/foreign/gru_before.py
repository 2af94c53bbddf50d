"""A GRU by the equations of Dive into Deep Learning, reset before, with Keras's order of gates in three kernels.

No code of npseq is used here. kernel (D, 3H), recurrent (H, 3H), bias (3H,): z, r, h. x (B, T, D).
"""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class GRU:
    def __init__(self, kernel, recurrent, bias):
        H = len(bias) // 3
        self.Wz, self.Wr, self.Wh = kernel[:, :H], kernel[:, H : 2 * H], kernel[:, 2 * H :]
        self.Uz, self.Ur, self.Uh = recurrent[:, :H], recurrent[:, H : 2 * H], recurrent[:, 2 * H :]
        self.bz, self.br, self.bh = bias[:H], bias[H : 2 * H], bias[2 * H :]

    def forward(self, x, h):
        self.x, self.hs, self.steps = x, [h], []
        for t in range(x.shape[1]):
            z = sigmoid(x[:, t] @ self.Wz + h @ self.Uz + self.bz)
            r = sigmoid(x[:, t] @ self.Wr + h @ self.Ur + self.br)
            hh = np.tanh(x[:, t] @ self.Wh + (r * h) @ self.Uh + self.bh)
            h = z * h + (1 - z) * hh
            self.steps.append((z, r, hh))
            self.hs.append(h)
        return np.stack(self.hs[1:], axis=1)

    def backward(self, dout):
        T = self.x.shape[1]
        g = {name: 0 for name in ("Wz", "Wr", "Wh", "Uz", "Ur", "Uh", "bz", "br", "bh")}
        dx = np.zeros_like(self.x)
        dh_next = np.zeros_like(self.hs[0])
        for t in range(T - 1, -1, -1):
            z, r, hh = self.steps[t]
            x, h = self.x[:, t], self.hs[t]
            dh = dout[:, t] + dh_next
            dhh = dh * (1 - z)
            da_h = dhh * (1 - hh**2)
            dz = dh * (h - hh)
            da_z = dz * z * (1 - z)
            drh = da_h @ self.Uh.T
            dr = drh * h
            da_r = dr * r * (1 - r)
            g["Wz"] = g["Wz"] + x.T @ da_z
            g["Wr"] = g["Wr"] + x.T @ da_r
            g["Wh"] = g["Wh"] + x.T @ da_h
            g["Uz"] = g["Uz"] + h.T @ da_z
            g["Ur"] = g["Ur"] + h.T @ da_r
            g["Uh"] = g["Uh"] + (r * h).T @ da_h
            g["bz"] = g["bz"] + da_z.sum(axis=0)
            g["br"] = g["br"] + da_r.sum(axis=0)
            g["bh"] = g["bh"] + da_h.sum(axis=0)
            dx[:, t] = da_z @ self.Wz.T + da_r @ self.Wr.T + da_h @ self.Wh.T
            dh_next = dh * z + drh * r + da_z @ self.Uz.T + da_r @ self.Ur.T
        return dx, dh_next, g
