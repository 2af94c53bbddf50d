"""A gated recurrent unit from scratch: the notes' equations beside ns.GRU (d2l, "Gated Recurrent Units").

    R_t = sigmoid(X_t W_xr + H_{t-1} W_hr + b_r)      Z_t = sigmoid(X_t W_xz + H_{t-1} W_hz + b_z)
    H~_t = tanh(X_t W_xh + (R_t * H_{t-1}) W_hh + b_h)      H_t = Z_t * H_{t-1} + (1 - Z_t) * H~_t

Z near 1 keeps the old state. Ng's update gate is 1 - Z: it writes. The candidate H~ is n in npseq, W_xh is W_xn.
"""

import os

import numpy as np
from save_figure import new_figure, save

import npseq as ns
from npseq.activations import sigmoid
from npseq.data import load_corpus
from npseq.training import Epoch, train_epoch

(T, n, d, h), rng = (12, 3, 5, 8), np.random.default_rng(0)
layer = ns.GRU(d, h, reset="before", dtype=np.float64, rng=rng)
X, H_0 = rng.normal(size=(T, n, d)), rng.normal(size=(n, h))


def gru(inputs, H, p):
    outputs = []
    for X in inputs:
        R = sigmoid(X @ p["W_xr"] + H @ p["W_hr"] + p["b_r"])
        Z = sigmoid(X @ p["W_xz"] + H @ p["W_hz"] + p["b_z"])
        candidate = np.tanh(X @ p["W_xn"] + (R * H) @ p["W_hn"] + p["b_n"])
        H = Z * H + (1 - Z) * candidate
        outputs.append(H)
    return np.array(outputs)


y, _, _ = layer.forward(X, H_0[None])
difference = abs(gru(X, H_0, layer.params) - y).max()
# Ng's gate writes, so its weights have the other sign
ng = {name: -value if name in ("W_xz", "W_hz", "b_z") else value for name, value in layer.params.items()}
c = H_0
for x in X:
    G_r, G_u = (sigmoid(x @ ng[f"W_x{g}"] + c @ ng[f"W_h{g}"] + ng[f"b_{g}"]) for g in "rz")
    c = (1 - G_u) * c + G_u * np.tanh(x @ ng["W_xn"] + (G_r * c) @ ng["W_hn"] + ng["b_n"])
print(f"Ng's update gate, with the signs changed, gives the same state to {abs(c - y[-1]).max():.0e}")
# which gates let step 4 alone speak at step 12? Z = 0 there and 1 at every other step, and R = 0
X[:, :, 0] = np.arange(T)[:, None] == 3  # the first feature says that it is step 4
for name, value in {"W_xr": 0, "W_hr": 0, "b_r": -50, "W_xz": 0, "W_hz": 0, "b_z": 50}.items():
    layer.params[name][...] = value
layer.params["W_xz"][0] = -100
reach = abs(layer.backward(None, layer.forward(X)[2], np.ones((1, n, h)))[0]).sum(axis=(1, 2))
print("what the last state's gradient finds at each step:", reach.round(3).tolist())
ids, vocab = load_corpus(
    "time-machine" if os.environ.get("NPSEQ_DATA") else "python-topics", max_tokens=10_000, clean="letters"
)
model, optimizer = ns.LanguageModel(vocab, "gru", 64, reset="before", rng=0), ns.Adam(0.01)
how = Epoch(batch_size=32, steps=35, clip=1)
curve = [train_epoch(model, ids, optimizer, how, rng=k).perplexity for k in range(20)]
print(f"perplexity {curve[-1]:.2f}: {model.generate('the ', 40)!r}")

left, right = (figure := new_figure(9, 4)).subplots(1, 2)
left.plot(range(1, len(curve) + 1), curve, "o-", markersize=3)
left.set(xlabel="epoch", ylabel="perplexity", ylim=(1, None), title="A GRU of 64 units learns to spell")
left.set_xticks([1, 5, 10, 15, 20])
right.bar(range(1, T + 1), reach)
right.set(xlabel="time step t", ylabel="size of d(last state) / d x_t", title="Only step 4, where Z = 0, is heard")
save(figure, __file__)
print(f"largest difference between the notes' equations and ns.GRU: got {difference:.1e}, expected at most 1e-12")
