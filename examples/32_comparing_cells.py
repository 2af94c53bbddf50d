"""LSTM, GRU and RNN side by side (d2l 10.1 and 10.2): parameters, time, and how far back they can learn to look.

Parameters of a layer: h(h + d + 1) for each of its gates; the RNN has 1, the GRU 3, the LSTM 4.
Range: the agreement of a verb with a subject that stands some words before, learnt anew at each distance.
"""

import timeit
from functools import partial

import numpy as np
from save_figure import new_figure, save

from npseq import GRU, LSTM, RNN, Adam, Embedding, initializers
from npseq.data import AGREEMENT_VOCABULARY, agreement_sentences
from npseq.models import Classifier

CELLS = {
    "RNN": partial(RNN, rng=1),
    "GRU": partial(GRU, reset="before", rng=1),
    "LSTM": partial(LSTM, rng=1),
    "LSTM, b_f = 2": partial(LSTM, rng=1),  # forget gates begin near sigmoid(2) = 0.88
    "LSTM, peepholes": partial(LSTM, peepholes=True, rng=1),
}
LAGS, LIMIT, X = (2, 5, 10, 20, 40), 250, np.zeros((35, 32, 28), np.float32)


def right_verbs(name, lag):
    """The share of right verbs on new sentences after training."""
    layer = CELLS[name](8, 16)
    if "b_f" in name:
        initializers.forget_bias(layer.params, 2.0)
    model = Classifier(layer, 2, embedding=Embedding(len(AGREEMENT_VOCABULARY), 8, rng=2), rng=3)
    optimizer, rng = Adam(0.01), np.random.default_rng(lag)
    for _ in range(LIMIT):
        if model.step(*agreement_sentences(32, lag, rng), optimizer=optimizer, clip=1)[0] < 0.02:
            break
    ids, plural = agreement_sentences(400, lag, rng=9)
    return (model.predict(ids) == plural).mean()


def milliseconds(layer):
    """The best of five forward and backward passes over 35 steps of 32 sequences."""
    return 1e3 * min(timeit.repeat(lambda: layer.backward(None, layer.forward(X)[2]), number=1, repeat=5))


sizes = {name: make(28, 64).params.flat.size for name, make in CELLS.items()}
shares = np.array([[right_verbs(name, lag) for lag in LAGS] for name in CELLS])
for (name, make), row in zip(CELLS.items(), shares, strict=True):
    rights = ", ".join(f"{share:.2f} at lag {lag}" for share, lag in zip(row, LAGS, strict=True))
    print(f"{name:15} {sizes[name]:6} parameters (d 28, h 64), {milliseconds(make(28, 64)):5.1f} ms; right: {rights}")
axes = (figure := new_figure()).subplots()
image = axes.imshow(shares, vmin=0.5, vmax=1, cmap="Blues", aspect="auto")
for (i, j), share in np.ndenumerate(shares):
    axes.text(j, i, f"{share:.2f}", ha="center", va="center", color="white" if share > 0.8 else "black")
axes.set_xticks(range(len(LAGS)), map(str, LAGS))
axes.set_yticks(range(len(CELLS)), [f"{name}\n{size:,} parameters" for name, size in sizes.items()])
axes.set(
    xlabel="words between subject and verb", title=f"After {LIMIT} steps only open forget gates look 20 words back"
)
figure.colorbar(image, ax=axes, label="share of right verbs (a guess: 0.5)")
save(figure, __file__)

ratio = sizes["LSTM"] / sizes["GRU"]
print(f"parameters of the LSTM over those of the GRU, 4h(h + d + 1) / 3h(h + d + 1): got {ratio:.4f}, expected 1.3333")
