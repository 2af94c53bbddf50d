"""d2l's exercises on models: a series by RNN and LSTM, costs, two tanh, GRU for LSTM, two authors, "bank", beams.

docs/exercises.md has each question with the number that is printed here (Dive into Deep Learning, 9.6, 10.1 to 10.8).
"""

import argparse
import inspect
import time

import numpy as np
from save_figure import new_figure, save

import npseq as ns
from npseq.data import Vocabulary, clean_lines, load_pairs, noisy_sine
from npseq.models import Forecaster, LatentForecaster, Seq2Seq, Tagger
from npseq.models.counting import root_mean_square
from npseq.training import Epoch, train_epoch

# the noisy sine by a state in the place of a window of four
x = noisy_sine(1000, rng=0)
windows, targets = ns.data.lagged_windows(x, 4)
mlp = Forecaster(4, rng=0)
learnt = windows[:600], targets[:600]
mlp.fit(learnt, epochs=20, batch_size=16, valid=0, optimizer=ns.Adam(0.01), clip=None)
errors = {"window of 4": root_mean_square(mlp.predict(windows[600:]), targets[600:])}
for cell in ("rnn", "gru", "lstm"):
    latent, adam = LatentForecaster(1, cell, 16, rng=0), ns.Adam(0.01)
    stretches = ns.data.lagged_windows(x[:604], 60)[0].T[:, ::8, None]
    for _ in range(120):
        latent.step(np.ascontiguousarray(stretches), optimizer=adam, clip=1, warm_up=4)
    errors[cell] = root_mean_square(latent.predict(x[:-1, None, None])[603:, 0, 0], x[604:])
print("one step ahead:", ", ".join(f"{name} {error:.3f}" for name, error in errors.items()))

# one text, its cells: what training and writing cost, what they learn
code = " ".join(clean_lines(inspect.getsource(argparse)))
prose, vocab = ns.data.load_corpus("python-topics", max_tokens=24_000, clean="letters")
how = Epoch(batch_size=32, steps=35, clip=1)


def trained(ids, epochs, hidden_size=64, **options):
    """A model of a text, milliseconds of a step, perplexity of what comes after the text."""
    model, optimizer = ns.LanguageModel(vocab, rng=0, hidden_size=hidden_size, **options), ns.Adam(0.01)
    start, steps = time.perf_counter(), epochs * (len(ids) // (32 * 35))
    for epoch in range(epochs):
        train_epoch(model, ids, optimizer, how, rng=epoch)
    return model, 1000 * (time.perf_counter() - start) / steps, float(ns.perplexity(model.evaluate(prose[20_000:])))


costs = {}
for cell in ("rnn", "gru", "lstm"):
    model, training, _ = trained(prose[:10_000], 3, cell=cell)
    start = time.perf_counter()
    model.generate("the ", 2000)
    costs[cell] = training, (time.perf_counter() - start) / 2
    print(f"{cell}: {training:.1f} ms a training step, {costs[cell][1]:.3f} ms a written character")

# tanh twice: the candidate's bounds what is added in a step, the output's what is shown; the cell has no bound
lstm, _, of_lstm = trained(prose[:20_000], 6, cell="lstm", num_layers=2)
counter = ns.LSTM(1, 1, dtype=np.float64, rng=0)
for gate in "ifog":
    counter.params[f"b_{gate}"] = np.full(1, 40.0)
_, (h, c), _ = counter.forward(np.zeros((50, 1, 1)))
print(f"open gates, 50 steps: the cell is {c.item():.1f}, what is shown {h.item():.3f}")

# GRUs in the place of the LSTMs of a deep model
gru, _, of_gru = trained(prose[:20_000], 6, cell="gru", num_layers=2)
print(f"two layers, perplexity of new text: LSTM {of_lstm:.2f}, GRU {of_gru:.2f}; parameters "
      f"{lstm.params.flat.size:,} and {gru.params.flat.size:,}")  # fmt: skip

# two authors: prose alone, half prose and half source code, twice as much of both
other = vocab.encode(code)[:20_000]
mixes = {"10,000 of prose": prose[:10_000], "10,000 of prose and 10,000 of code": np.concatenate([prose[:10_000],
         other[:10_000]]), "20,000 of prose": prose[:20_000]}  # fmt: skip
authors = {name: trained(text, 8 if len(text) < 20_000 else 4, cell="gru")[2] for name, text in mixes.items()}
print("perplexity of new prose after:", ", ".join(f"{name} {value:.2f}" for name, value in authors.items()))

# the vector of "bank" in its sentence: a network that fills blanks from both sides has never been told of two senses
SENSES = (["river", "water", "fish", "boat", "mud", "shore"], ["money", "loan", "cash", "account", "interest", "debt"])
OTHERS = ["the", "at", "bank", "has", "no"]
words = Vocabulary([*SENSES, OTHERS], reserved_tokens=["<mask>"], token="word")


def sentences(count, rng):
    found, sense = [], rng.integers(0, 2, count)
    for s in sense:
        first, second = rng.choice(SENSES[s], 2, replace=False)
        found.append(words[["the", first, "at", "the", "bank", "has", "no", second]])
    return np.array(found).T, sense


rng = np.random.default_rng(0)
tagger = Tagger(ns.GRU(12, 24, bidirectional=True, rng=0), len(words), embedding=ns.Embedding(len(words), 12, rng=0),
                rng=0)  # fmt: skip
optimizer = ns.Adam(0.01)
for _ in range(150):
    whole, _ = sentences(40, rng)
    at = rng.choice([1, 7], 40)
    blanked = whole.copy()
    blanked[at, np.arange(40)] = words["<mask>"]
    weights = (np.arange(8)[:, None] == at).astype(np.float32)
    tagger.step(blanked, whole, weights=weights, optimizer=optimizer, clip=1)
new, sense = sentences(200, rng)
bank = tagger.recurrent.forward(tagger.embedding.forward(new)[0])[0][4]  # (200, 48), one word, 200 sentences
unit = bank / np.linalg.norm(bank, axis=1, keepdims=True)
alike = unit @ unit.T - 2 * np.eye(200)
right = (sense[alike.argmax(axis=1)] == sense).mean()
print(f"'bank': one row of the embedding; of its vectors in context the nearest has the same sense in {right:.1%}")

# a wider beam: likelier, slower
pairs = load_pairs("reversal", 400)
model, optimizer = Seq2Seq(pairs.source_vocab, pairs.target_vocab, "gru", 16, 32, 1, rng=0), ns.Adam(0.01)
for epoch in range(12):
    for batch in pairs.batches(40, epoch):
        model.step(*batch, optimizer=optimizer, clip=1)
beams = {}
for width in (1, 2, 4, 8):
    start = time.perf_counter()
    found = [model.beam_search(s[:n], width, max_steps=12, alpha=0).best.log_prob
             for s, n in zip(pairs.source.T[:40], pairs.source_lengths, strict=False)]  # fmt: skip
    beams[width] = np.mean(found), (time.perf_counter() - start) / 40 * 1000
    print(f"beam of {width}: mean log P {beams[width][0]:.3f}, {beams[width][1]:.1f} ms a sentence")

left, middle, right_axes = (figure := new_figure(12, 3.6)).subplots(1, 3)
left.bar(list(errors), list(errors.values()))
left.set(ylabel="error one step ahead", title="A noisy sine: window or state")
for k in (0, 1):
    centred = bank - bank.mean(axis=0)
    plane = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
    middle.plot(*plane[sense == k].T, "o", markersize=3, label=("river", "money")[k])
middle.set(title="The word bank in 200 sentences", xlabel="first direction", ylabel="second")
middle.legend()
right_axes.plot([b[1] for b in beams.values()], [b[0] for b in beams.values()], "o-")
for width, (log_prob, cost) in beams.items():
    right_axes.annotate(str(width), (cost, log_prob))
right_axes.set(xlabel="ms a sentence", ylabel="mean log P", title="The width of a beam")
save(figure, __file__)
print(f"vectors of 'bank' whose nearest has the same sense: got {right:.3f}, expected at least 0.95")
