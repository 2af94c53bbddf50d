"""d2l's exercises on training: ReLU for tanh, an embedding for one-hot vectors, one gate of two, a state not detached.

Each answer is one training of 15 epochs from the same first state; docs/exercises.md has all of them.
"""

import os

import numpy as np
from save_figure import new_figure, save

import npseq as ns
from npseq.data import load_corpus, sequential_windows
from npseq.training import Epoch, train_epoch

ids, vocab = load_corpus(
    "time-machine" if os.environ.get("NPSEQ_DATA") else "python-topics", max_tokens=10_000, clean="letters"
)
arms = {
    "RNN, tanh": {"cell": "rnn"},
    "RNN, ReLU": {"cell": "rnn", "nonlinearity": "relu"},
    "RNN, embedding of 16": {"cell": "rnn", "embedding_size": 16},
    "GRU, both gates": {"cell": "gru", "reset": "before"},
    "GRU, update gate only": {"cell": "gru", "reset": "before", "open": ("recurrent.b_r", 50)},  # R = 1
    "GRU, reset gate only": {"cell": "gru", "reset": "before", "open": ("recurrent.b_z", -50)},  # Z = 0
}
axes, models = (figure := new_figure(8, 5)).subplots(), {}
for name, options in arms.items():
    bias, value = options.pop("open", (None, None))
    model, optimizer = ns.LanguageModel(vocab, hidden_size=64, rng=0, **options), ns.Adam(0.01)
    if bias:
        model.params[bias][...] = value  # so far out that the gate's gradient vanishes: it stays
    how = Epoch(batch_size=32, steps=35, clip=1)
    curve = [train_epoch(model, ids, optimizer, how, rng=k).perplexity for k in range(15)]
    axes.plot(range(1, 16), curve, "o-", markersize=3, label=f"{name}: {curve[-1]:.2f}")
    print(f"{name}: perplexity {curve[-1]:.2f}")
    models[name] = model
axes.set(xlabel="epoch", ylabel="perplexity while training", ylim=(1, None))
axes.set_title("An embedding learns fastest; one gate nearly does for two")
axes.legend()
save(figure, __file__)

# eight minibatches with the state detached between them, and without: the gradient and what is kept for it
model = models["RNN, tanh"]
layer, head = model.recurrent.astype(np.float64), model.output.astype(np.float64)
windows = list(sequential_windows(ids, 32, 35, rng=0))
state, cut, before, whole = None, 0.0, 0.0, 0.0
for x, y in [*windows, tuple(np.concatenate(part) for part in zip(*windows, strict=True))]:
    before, (h, state, tape) = cut, layer.forward(x, state if len(x) == 35 else None)
    scores, head_tape = head.forward(h)
    dh, _ = head.backward(ns.softmax_cross_entropy(scores, y, reduction="sum")[1], head_tape)
    whole = layer.backward(dh, tape)[2].flat  # in the end that of all eight as one
    cut = before + whole
share = np.linalg.norm(whole - before) / np.linalg.norm(whole)
print(f"state not detached: the gradient differs by {share:.1%} of its norm, from 8 times the tape")

# an embedding E before W_xh is one-hot vectors with E W_xh
model = models["RNN, embedding of 16"]
E, embedded = model.embedding.params["W"].astype(float), model.recurrent.astype(float)
one_hot = ns.RNN(len(vocab), 64, dtype=np.float64)
one_hot.params.update({**embedded.params, "W_xh": E @ embedded.params["W_xh"]})
x = ids[:50, None]
difference = abs(embedded.forward(E[x])[0] - one_hot.forward(x)[0]).max()
print(f"embedding against one-hot vectors with W_xh = E W: got {difference:.1e}, expected at most 1e-12")
