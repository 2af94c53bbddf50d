"""A recurrent network from scratch: the notes' equations beside ns.RNN (d2l, "RNN Implementation from Scratch").

    H_t = tanh(X_t W_xh + H_{t-1} W_hh + b_h)        O_t = H_t W_hq + b_q

The two products are one, [X_t, H_{t-1}] times W_xh on top of W_hh. Ng writes columns: a_t = tanh(W_a [a; x] + b).
"""

import os

import numpy as np
from save_figure import new_figure, save

import npseq as ns
from npseq.data import load_corpus, one_hot
from npseq.training import Epoch, train_epoch

ids, vocab = load_corpus(
    "time-machine" if os.environ.get("NPSEQ_DATA") else "python-topics", max_tokens=10_000, clean="letters"
)
NAMES = ("recurrent.W_xh", "recurrent.W_hh", "recurrent.b_h", "output.W", "output.b")


def rnn(inputs, H, model):
    """Inputs (T, n, d), state (n, h): scores (T * n, q), and the states."""
    W_xh, W_hh, b_h, W_hq, b_q = (model.params[name] for name in NAMES)
    outputs, states = [], []
    for X in inputs:
        H = np.tanh(X @ W_xh + H @ W_hh + b_h)
        states.append(H)
        outputs.append(H @ W_hq + b_q)
    return np.concatenate(outputs), states


# d2l's check: 2 sequences, 5 steps, 28 characters, 512 units
model = ns.LanguageModel(28, "rnn", 512, initializer="normal", dtype=np.float64, rng=0)
X, H_0 = np.arange(10).reshape(2, 5), np.random.default_rng(0).normal(size=(2, 512))
Y, states = rnn(one_hot(X.T, 28, np.float64), H_0, model)
logits, state = model.logits(X.T, H_0[None])
difference = max(abs(Y - logits.reshape(10, 28)).max(), abs(states[-1] - state[0]).max())
print(f"scores {Y.shape}, state {states[-1].shape}; the layer's state {state.shape}")
(W_xh, W_hh, b_h), x, h = (model.params[name] for name in NAMES[:3]), one_hot(X[:, 0], 28, np.float64), H_0
joined = np.concatenate([x, h], axis=1) @ np.concatenate([W_xh, W_hh])
print(f"one product or two: they differ by {abs(joined - x @ W_xh - h @ W_hh).max():.0e}")
W_a = np.concatenate([W_hh.T, W_xh.T], axis=1)  # Ng: [W_aa, W_ax]
a = np.tanh(W_a @ np.concatenate([h.T, x.T]) + b_h[:, None])
print(f"Ng's columns, transposed, and the notes' rows differ by {abs(a.T - states[0]).max():.0e}")
# trained with the layer, then run by the equations: each character drawn from the scores of those before it
model, optimizer = ns.LanguageModel(vocab, "rnn", 64, rng=0), ns.Adam(0.01)
how = Epoch(batch_size=32, steps=35, clip=1)
curve = [train_epoch(model, ids, optimizer, how, rng=k).perplexity for k in range(20)]
out = vocab.encode("the ").tolist()
for _ in range(40):
    Y, states = rnn(one_hot(np.array(out)[:, None], 28), np.zeros((1, 64)), model)
    out.append(int(Y[-1].argmax()))
print(f"perplexity {curve[-1]:.2f}; the equations write {vocab.decode(out)!r}")
assert vocab.decode(out) == model.generate("the ", 40), "the equations and the model must write the same"
left, right = (figure := new_figure(10, 4)).subplots(1, 2, width_ratios=(2, 3))
left.plot(range(1, len(curve) + 1), curve, "o-", markersize=3)
left.set(xlabel="epoch", ylabel="perplexity", ylim=(1, None), title="An RNN of 64 units learns to spell")
left.set_xticks([1, 5, 10, 15, 20])
text = vocab.decode(out[:-1]).replace(" ", "_")
letter = max(set(text) - {"_"}, key=text.count)
steps = [t for t, one in enumerate(text) if one == letter]
H = np.array(states)[steps, 0]
H /= np.linalg.norm(H, axis=1, keepdims=True)
image = right.imshow(H @ H.T, cmap="RdBu", vmin=-1, vmax=1)
before = [text[max(t - 4, 0) : t + 1] for t in steps]
right.set_xticks(range(len(steps)), before, rotation=60, fontsize=8)
right.set_yticks(range(len(steps)), before, fontsize=8)
right.set_title(f"H_t at every {letter!r}: other states, by what went before", fontsize=10)
figure.colorbar(image, ax=right, label="cosine of the angle between two states")
save(figure, __file__)
print(f"largest difference between the notes' equations and ns.RNN: got {difference:.1e}, expected at most 1e-12")
