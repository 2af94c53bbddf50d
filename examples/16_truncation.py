"""Truncating backpropagation in three ways (d2l, "Backpropagation Through Time").

    whole         every loss reaches back to the first step
    regular       tau steps back and no further: what detaching the state every tau steps is meant to do; biased
    randomised    d2l's xi_t, 0 or 1/pi, on every carry; or a random tau, long ones weighed more: unbiased, but noisy

d2l: the random ones are in practice no better. Here the bias and the standard deviation of one gradient are exact.
"""

import itertools
import os
from types import SimpleNamespace

import numpy as np
from save_figure import new_figure, save

import npseq as ns
from npseq.bptt.truncation import Plan
from npseq.data import load_corpus, sequential_windows
from npseq.training import Epoch, train_epoch

ids, vocab = load_corpus(
    "time-machine" if os.environ.get("NPSEQ_DATA") else "python-topics", max_tokens=10_000, clean="letters"
)
model, optimizer = ns.LanguageModel(vocab, "rnn", 24, dtype=np.float64, rng=0), ns.Adam(0.01)
for epoch in range(8):  # a network that has learnt something
    train_epoch(model, ids, optimizer, Epoch(batch_size=32, steps=35, clip=1), rng=epoch)
layer, x, targets = model.recurrent, *next(sequential_windows(ids, 4, 30, rng=1))


def upstream(x, targets):
    y, _, tape = layer.forward(x)
    logits, head_tape = model.output.forward(y)
    return model.output.backward(ns.softmax_cross_entropy(logits, targets)[1], head_tape)[0], tape


# the mean over all 2^10 outcomes of ten xi, each 0 or 2 with probability 1/2, is the whole gradient
dy, tape = upstream(x[:10], targets[:10])
whole, total = layer.backward(dy, tape)[2].flat, 0.0
for xi in itertools.product((0.0, 2.0), repeat=10):
    given = SimpleNamespace(plan=lambda *sizes, xi=xi: Plan(None, np.array([xi])))  # these xi instead of drawn ones
    total = total + layer.backward(dy, tape, truncation=given)[2].flat
mean_error = abs(total / 2**10 - whole).max() / abs(whole).max()

# errors of one gradient, relative to its norm, at equal mean length tau
book = ns.inspect.ledger(layer, *upstream(x, targets))
norm, lengths = ns.inspect.tail_norms(book)[0], np.arange(2, 25)
roulette, xi = ns.inspect.roulette_variance, ns.inspect.random_truncation_variance
variances = {
    "xi on every carry": [xi(book, 1 - 1 / tau) for tau in lengths],
    "random tau, geometric": [roulette(book, lambda k, tau=tau: (1 - 1 / tau) ** k) for tau in lengths],
    "random tau, the best": [roulette(book, ns.inspect.best_survival(book, float(tau))) for tau in lengths],
}
errors = {f"{name}: standard deviation": np.sqrt(found) / norm for name, found in variances.items()}
errors["regular: bias"] = ns.inspect.truncation_bias(book).relative[lengths - 1]
axes = (figure := new_figure(8, 4.8)).subplots()
for name, values in errors.items():
    axes.semilogy(lengths, values, ":" if "geometric" in name else "-", linewidth=2, label=name)
    print(f"{name} at mean length 8: {values[6]:.3g} of the gradient's norm")
axes.set(xlabel="mean length tau (time steps)", ylabel="error of one gradient / its norm")
axes.set_title("At equal length the regular cut is nearest to the whole gradient")
axes.legend()
save(figure, __file__)
print(f"mean over all 1,024 outcomes of ten xi, less the whole gradient: got {mean_error:.1e}, expected at most 1e-12")
