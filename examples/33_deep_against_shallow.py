"""Deep against shallow, each layer reading the states of the one below (d2l 10.3; Ng).

    H^l_t = phi(H^{l-1}_t W_xh^l + H^l_{t-1} W_hh^l + b^l)

Two layers beat one of the same width; in so short a training they do not beat one of as many parameters.
"""

import numpy as np
from save_figure import new_figure, save

from npseq import Adam, LanguageModel
from npseq.data import load_corpus, sequential_windows

ids, vocab = load_corpus("python-topics", max_tokens=60_000, clean="letters")
training, new = ids[:50_000], ids[50_000:]
SHAPES = {"1 layer of 32": (32, 1), "1 layer of 54": (54, 1), "2 layers of 32": (32, 2), "3 layers of 25": (25, 3)}
STEPS = 240

curves, tested = {}, {}
for name, (hidden, layers) in SHAPES.items():
    model = LanguageModel(vocab, "gru", hidden, layers, rng=1)
    optimizer, rng, losses = Adam(0.01), np.random.default_rng(0), []
    while len(losses) < STEPS:
        state = None
        for x, y in sequential_windows(training, 32, 25, rng):
            loss, _, state = model.step(x, y, state, optimizer, clip=1)
            losses.append(float(loss))
    curves[name] = np.exp(np.convolve(losses[:STEPS], np.ones(20) / 20, "valid"))
    tested[name] = np.exp(model.evaluate(new[:5000]))
    print(
        f"{name:16} {model.params.flat.size:6} parameters: perplexity {curves[name][-1]:.3f} in training, "
        f"{tested[name]:.3f} on new text"
    )

deep = LanguageModel(vocab, "rnn", 32, 2)
shapes = [deep.params[name].shape for name in ("recurrent.W_xh", "recurrent.W_xh_l1")]
print(f"W_xh of layer 1 is d x h, {shapes[0]}; of layer 2 it is h x h, {shapes[1]}")

figure = new_figure()
axes = figure.subplots()
for name, curve in curves.items():
    axes.plot(np.arange(len(curve)) + 20, curve, label=f"{name}: {tested[name]:.2f} on new text")
axes.set(xlabel="training step", ylabel="perplexity, mean of 20 steps", yscale="log")
axes.set_title("Two layers of a GRU beat one as wide, not one as large")
axes.set_yticks([5, 7, 10, 15, 20], ["5", "7", "10", "15", "20"])
axes.minorticks_off()
axes.legend()
save(figure, __file__)

ratio = tested["2 layers of 32"] / tested["1 layer of 32"]
print(f"perplexity on new text, 2 layers of 32 over 1 layer of 32: got {ratio:.3f}, expected 0.8 to 0.98")
