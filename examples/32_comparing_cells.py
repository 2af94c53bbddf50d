"""LSTM, GRU and RNN side by side (A49, A47): parameters, time, and how far back they can learn to look.

Parameters of a layer: h(h + d + 1) for each of its gates; the RNN has 1, the GRU 3, the LSTM 4.
Range: the agreement of a verb with a subject that stands some words before (A48), learnt anew at each distance.
"""

import timeit
from functools import partial

import numpy as np
from save_figure import new_figure, save

from npseq import GRU, LSTM, RNN, Adam, Embedding, initializers
from npseq.data.agreement import AGREEMENT_VOCABULARY, agreement_sentences
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
axes = (figure := new_figure()).subplots()
for name, make in CELLS.items():
    shares = [right_verbs(name, lag) for lag in LAGS]
    axes.plot(LAGS, shares, "o-", label=name)
    rights = ", ".join(f"{share:.2f} at lag {lag}" for share, lag in zip(shares, LAGS, strict=True))
    print(f"{name:15} {sizes[name]:6} parameters (d 28, h 64), {milliseconds(make(28, 64)):5.1f} ms; right: {rights}")
axes.set(xlabel="words between subject and verb", ylabel="share of right verbs", xscale="log")
axes.set(xticks=LAGS, xticklabels=LAGS, title=f"Who can look how far, after at most {LIMIT} steps")
axes.minorticks_off()
axes.legend(fontsize=8)
save(figure, __file__)

ratio = sizes["LSTM"] / sizes["GRU"]
print(f"parameters of the LSTM over those of the GRU, 4h(h + d + 1) / 3h(h + d + 1): got {ratio:.4f}, expected 1.3333")
