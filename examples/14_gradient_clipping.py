"""Gradient clipping: g <- min(1, theta / |g|) g, over all parameters at once (d2l, "RNN Implementation from Scratch").

The direction stays, the length ends at theta. Few gradients are long, but one is enough: a step along it throws the
parameters far away. A ReLU network, whose state has no bound, shows it at once when the learning rate is 4.
"""

import os

import numpy as np
from save_figure import new_figure, save

import npseq as ns
from npseq.data import load_corpus, sequential_windows
from npseq.training import Epoch, NonFiniteLoss, train_epoch

rng = np.random.default_rng(0)
worst = 0.0
for size in (1e-3, 0.1, 1, 10, 1e6):
    g = {"W": size * rng.normal(size=(5, 7)), "b": size * rng.normal(size=7)}
    before = np.concatenate([g["W"].ravel(), g["b"]])
    norm = ns.clip_grad_norm(g, max_norm=1)
    after = np.concatenate([g["W"].ravel(), g["b"]])
    cosine = before @ after / np.linalg.norm(before) / np.linalg.norm(after)
    print(f"norm {norm:.3g} -> {np.linalg.norm(after):.3g}, cosine of the two {cosine:.15f}")
    worst = max(worst, np.linalg.norm(after))

ids, vocab = load_corpus(
    "time-machine" if os.environ.get("NPSEQ_DATA") else "python-topics", max_tokens=10_000, clean="letters"
)
above, below = (figure := new_figure(8, 6.5)).subplots(2, 1, sharex=True, height_ratios=(3, 2))
for clip in (0.3, 1, None):
    model, optimizer = ns.LanguageModel(vocab, "rnn", 64, nonlinearity="relu", rng=0), ns.SGD(lr=4)
    name, losses, norms = f"clipped at {clip}" if clip else "not clipped", [], []
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows ends in nan
        for epoch in range(10):
            state = None
            for x, y in sequential_windows(ids, 32, 35, rng=epoch):
                loss, norm, state = model.step(x, y, state, optimizer, clip)
                losses.append(loss)
                norms.append(norm)
    print(f"{name}: loss {losses[-1]:.2f} after {len(losses)} steps, largest norm {np.nanmax(norms):.3g}")
    above.semilogy(range(1, len(losses) + 1), losses, label=name)
    below.semilogy(range(1, len(norms) + 1), norms)
try:
    model, optimizer = ns.LanguageModel(vocab, "rnn", 64, nonlinearity="relu", rng=0), ns.SGD(lr=4)
    train_epoch(model, ids, optimizer, Epoch(batch_size=32, steps=35), rng=0)
except NonFiniteLoss as error:
    print("npseq's own loop stops there:", error)
above.axhline(np.log(28), color="k", linestyle=":", label="guessing: log 28")
above.set(ylabel="loss (nats a character)", ylim=(1, 1e4))
above.set_title("Unclipped, the loss is no number after step 4; clipped, it comes back")
above.legend()
below.axhline(1, color="k", linestyle=":", label="a clip at 1")
below.legend()
below.set(xlabel="step of training", ylabel="gradient norm before clipping", ylim=(0.1, 1e5))
save(figure, __file__)
print(f"largest norm after clipping at 1: got {worst:.12f}, expected at most 1.000000000001")
