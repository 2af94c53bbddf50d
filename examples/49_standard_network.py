"""What a recurrent network replaces: a standard network on sentences padded with zeros (Ng, course 5, week 1, 2).

Both label the words that are names. In training names stand at steps 1 to 6 only. The standard network has weights of
its own for each step, and knows nothing about a name at any other; the recurrent one shares its weights between steps.
A recurrent layer that runs for one step is a layer of a standard network: all words of a sentence are its one input.
"""

import numpy as np
from save_figure import new_figure, save

import npseq as ns
from npseq.models import Tagger

STEPS, WORDS, NAMES, UNITS = 12, 40, 15, 32  # words 0 to 14 are names


def batch(count, first, last, rng):
    """Word ids (T, B) with names at the steps first to last only, lengths (B,), and labels (T, B, 1)."""
    ids = rng.integers(NAMES, WORDS, (STEPS, count))
    at = np.arange(STEPS)[:, None]
    named = (rng.random((STEPS, count)) < 0.4) & (at >= first) & (at <= last)
    ids[named] = rng.integers(0, NAMES, named.sum())
    return ids, rng.integers(7, STEPS + 1, count), named[:, :, None] * 1


def side_by_side(ids, lengths):
    """(1, B, T V): a sentence's one-hot words next to each other, zeros past its end."""
    vectors = ns.data.one_hot(ids, WORDS) * (np.arange(STEPS)[:, None] < lengths)[:, :, None]
    return np.concatenate(list(vectors), axis=1)[None]


def train_both(rng):
    """The two models after 300 steps on the same sentences."""
    standard = Tagger(ns.RNN(STEPS * WORDS, UNITS, rng=1), STEPS, loss="binary", rng=2)
    recurrent = Tagger(ns.RNN(WORDS, UNITS, rng=1), 1, loss="binary", rng=2)
    optimizers = ns.Adam(0.01), ns.Adam(0.01)
    for _ in range(300):
        ids, lengths, labels = batch(64, 0, 5, rng)
        standard.step(side_by_side(ids, lengths), labels[:, :, 0].T[None], optimizer=optimizers[0])
        recurrent.step(ids, labels, lengths, optimizer=optimizers[1])
    return standard, recurrent


standard, recurrent = train_both(np.random.default_rng(0))
ids, lengths, labels = batch(1000, 0, STEPS - 1, np.random.default_rng(9))
there = (np.arange(STEPS)[:, None] < lengths) & (labels[:, :, 0] == 1)
answers = {
    "standard": standard.predict(side_by_side(ids, lengths))[0].T,
    "recurrent": recurrent.predict(ids, lengths)[:, :, 0],
}
found = {name: (answer & there).sum(axis=1) / there.sum(axis=1) for name, answer in answers.items()}
for name, share in found.items():
    print(f"{name:9} names found at steps 1 to 6: {share[:6].mean():.1%}, at steps 7 to 12: {share[6:].mean():.1%}")

unused = standard.params["recurrent.W_hh"].size  # what would carry the state to a second step
sizes = {"standard": standard.params.flat.size - unused, "recurrent": recurrent.params.flat.size}
print("parameters:", sizes)
longest = np.arange(1, 101)
of_standard = longest * 10_000 * 100 + 100 + (100 + 1) * longest  # Ng's 10,000 words; 100 units
of_recurrent = 10_000 * 100 + 100 * 100 + 100 + (100 + 1)
print(f"10,000 words, 100 units, 100 steps: {of_standard[-1]:,} parameters, recurrent {of_recurrent:,}")
print("a sentence of 13 words: the standard network has no input for the last; the recurrent one reads it")

left, right = (figure := new_figure(9, 4)).subplots(1, 2)
for name, share in found.items():
    left.plot(np.arange(1, STEPS + 1), share, "o-", label=f"{name}, {sizes[name]:,} parameters")
left.axvspan(0.5, 6.5, color="0.92", label="where names stood in training")
left.set(xlabel="step", ylabel="share of names that are found", title="A name is a name wherever it stands")
left.legend(fontsize=8)
right.semilogy(longest, of_standard, label="standard, zero-padded")
right.axhline(of_recurrent, color="C1", label="recurrent")
right.set(xlabel="longest sentence", ylabel="parameters", title="10,000 words, 100 hidden units")
right.legend()
save(figure, __file__)
gap = found["recurrent"][6:].mean() - found["standard"][6:].mean()
print(f"names found at new steps, recurrent less standard: got {gap:.3f}, expected at least 0.9")
