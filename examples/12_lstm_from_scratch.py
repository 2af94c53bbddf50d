"""Long short-term memory from scratch: the notes' equations beside ns.LSTM (d2l, "Long Short-Term Memory").

    I, F, O = sigmoid(X_t W_x. + H_{t-1} W_h. + b_.)      C~_t = tanh(X_t W_xc + H_{t-1} W_hc + b_c)
    C_t = F * C_{t-1} + I * C~_t                          H_t = O * tanh(C_t)

Ng calls the gates G_u (update, I), G_f and G_o. With peepholes I and F also see C_{t-1}, O sees C_t, each unit its own.
C~ is g in npseq, W_xc is W_xg. Four sets of weights: 4 h (h + d + 1) numbers. H stays within -1 and 1, C does not.
"""

import os

import numpy as np
from save_figure import new_figure, save

import npseq as ns
from npseq.activations import sigmoid
from npseq.data import load_corpus
from npseq.training import Epoch, train_epoch

T, n, d, h = 12, 3, 5, 8


def lstm(inputs, H, C, p):
    p_i, p_f, p_o = (p.get(name, 0) for name in ("p_i", "p_f", "p_o"))  # peepholes, where there are any
    outputs = []
    for X in inputs:
        I = sigmoid(X @ p["W_xi"] + H @ p["W_hi"] + p["b_i"] + p_i * C)
        F = sigmoid(X @ p["W_xf"] + H @ p["W_hf"] + p["b_f"] + p_f * C)
        C = F * C + I * np.tanh(X @ p["W_xg"] + H @ p["W_hg"] + p["b_g"])
        O = sigmoid(X @ p["W_xo"] + H @ p["W_ho"] + p["b_o"] + p_o * C)
        H = O * np.tanh(C)
        outputs.append((H, C))
    return np.array(outputs).swapaxes(0, 1)


difference = 0.0
for peepholes in (False, True):
    rng = np.random.default_rng(0)
    layer = ns.LSTM(d, h, peepholes=peepholes, dtype=np.float64, rng=rng)
    X, H_0, C_0 = rng.normal(size=(T, n, d)), rng.normal(size=(n, h)), rng.normal(size=(n, h))
    H, C = lstm(X, H_0, C_0, layer.params)
    y, (_, last_C), _ = layer.forward(X, (H_0[None], C_0[None]))
    difference = max(difference, abs(H - y).max(), abs(C[-1] - last_C[0]).max())
    print(f"peepholes {peepholes}: {layer.params.flat.size} numbers; 4 h (h + d + 1) = {4 * h * (h + d + 1)}")

ids, vocab = load_corpus(
    "time-machine" if os.environ.get("NPSEQ_DATA") else "python-topics", max_tokens=10_000, clean="letters"
)
model, optimizer = ns.LanguageModel(vocab, "lstm", 64, rng=0), ns.Adam(0.01)
how = Epoch(batch_size=32, steps=35, clip=1)
curve = [train_epoch(model, ids, optimizer, how, rng=k).perplexity for k in range(20)]
print(f"perplexity {curve[-1]:.2f}: {model.generate('the ', 40)!r}")
params = {name.split(".")[1]: value for name, value in model.params.items() if name.startswith("recurrent")}
zeros = np.zeros((1, 64), np.float32)
H, C = lstm(np.eye(len(vocab), dtype=np.float32)[ids[:600, None]], zeros, zeros, params)
print(f"over 600 characters: largest |H| {abs(H).max():.3f}, largest |C| {abs(C).max():.2f}")

left, right = (figure := new_figure(10, 4)).subplots(1, 2, width_ratios=(2, 3))
left.plot(range(1, len(curve) + 1), curve, "o-", markersize=3)
left.set(xlabel="epoch", ylabel="perplexity", ylim=(1, None), title="An LSTM of 64 units learns to spell")
left.set_xticks([1, 5, 10, 15, 20])
right.plot(abs(C).max(axis=(1, 2)), label="largest |C_t|, not bounded", linewidth=1)
right.plot(abs(H).max(axis=(1, 2)), label="largest |H_t|, below 1", linewidth=1)
right.set(xlabel="character t", ylabel="size over all units", ylim=(0, None), title="C goes far past 1, where H ends")
right.legend()
save(figure, __file__)
print(f"largest difference between the notes' equations and ns.LSTM: got {difference:.1e}, expected at most 1e-12")
