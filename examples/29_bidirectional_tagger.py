"""Two directions (d2l 10.4; Ng): a label that only the future tells. "Teddy bears are" / "Teddy Roosevelt was".

The label of step t is the last of the next three inputs, x_{t+3}: a forward layer can only guess, a bidirectional one
knows. The two directions may have different widths and cells; W_y reads both, side by side.
"""

import numpy as np
from save_figure import new_figure, save

from npseq import GRU, LSTM, Adam, Bidirectional
from npseq.models import Tagger

AHEAD, STEPS, LETTERS = 3, 15, 4


def batch(rng, count=64):
    x = rng.integers(0, LETTERS, (STEPS + AHEAD, count))
    return x[:STEPS], x[AHEAD:], np.repeat((np.arange(STEPS) < STEPS - AHEAD)[:, None] * 1.0, count, axis=1)


MODELS = {
    "forward GRU, 32": GRU(LETTERS, 32, rng=1),
    "both ways, GRU 16 and GRU 16": GRU(LETTERS, 16, bidirectional=True, rng=1),
    "both ways, GRU 8 and LSTM 24": Bidirectional(GRU(LETTERS, 8, rng=1), LSTM(LETTERS, 24, rng=2)),
    "both ways, 2 layers of GRU 12": GRU(LETTERS, 12, 2, bidirectional=True, rng=1),
}
curves, accuracy = {}, {}
for name, layer in MODELS.items():
    rng, optimizer = np.random.default_rng(0), Adam(0.02)
    model = Tagger(layer, LETTERS, rng=3)
    curves[name] = []
    for _ in range(150):
        x, targets, weights = batch(rng)  # the last three steps have no label: weight 0
        curves[name].append(model.step(x, targets, weights=weights, optimizer=optimizer, clip=1)[0])
    x, targets, weights = batch(np.random.default_rng(9), 500)
    accuracy[name] = (model.predict(x) == targets)[weights > 0].mean()
    print(
        f"{name:32} {model.params.flat.size:5} parameters, W_y {model.params['output.W'].shape}: "
        f"{accuracy[name]:.3f} right"
    )

figure = new_figure()
axes = figure.subplots()
for name, curve in curves.items():
    axes.plot(curve, label=f"{name}: {accuracy[name]:.0%} right")
axes.axhline(np.log(LETTERS), color="k", linestyle=":", label="guessing: log 4")
axes.set(xlabel="training step", ylabel="cross-entropy (nats)", title="Only the backward direction sees the answer")
axes.legend(fontsize=8)
save(figure, __file__)

forward, *both = accuracy.values()
print(f"right labels that two directions have more than one: got {min(both) - forward:.2f}, expected 0.65 to 0.8")
