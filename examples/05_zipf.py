"""Zipf's law: the i-th most frequent word is about 1 / i^alpha as frequent as the first (d2l, "Language Models").

    log n_i = -alpha log i + c

Pairs and triples of words follow such a line as well, with a smaller alpha. Most of what could be said never is: of the
V^n n-grams that a full table would hold, a text shows hardly any.
"""

import os

import numpy as np
from save_figure import new_figure, save

from npseq.data import load_corpus
from npseq.models.counting import fit_zipf, ngram_counts, table_size

BOOK = bool(os.environ.get("NPSEQ_DATA"))
if not BOOK:
    print("NPSEQ_DATA is not set: the text is the topics of Python's own help, not The Time Machine")
ids, vocab = load_corpus("time-machine" if BOOK else "python-topics", "word", clean="letters")
words = vocab.to_tokens(ids)

figure = new_figure(7.5, 5)
axes = figure.subplots()
for order, name in ((1, "words"), (2, "pairs of words"), (3, "triples of words")):
    counts = ngram_counts(words, order)
    falling = sorted(counts.values(), reverse=True)
    fit = fit_zipf(counts.values(), first=10, last=1000)
    (line,) = axes.loglog(np.arange(1, len(falling) + 1), falling, label=f"{name}: alpha = {fit.alpha:.2f}")
    ranks = np.array([1, len(falling)])
    axes.loglog(ranks, fit.count(ranks), "--", color=line.get_color(), linewidth=0.9)
    share = len(counts) / table_size(len(vocab), order)
    print(f"{len(counts):,} {name} of {table_size(len(vocab), order):,} possible, {share:.2g}; alpha {fit.alpha:.3f}")
    print("   ", ", ".join(f"{' '.join(ngram)} {count}" for ngram, count in counts.most_common(5)))

axes.set(xlabel="rank i", ylabel="count n_i", ylim=(0.7, None))
axes.set_title("After the first few, counts fall along straight lines (dashed: ranks 10 to 1,000)")
axes.legend()
axes.grid(True, alpha=0.25)
save(figure, __file__)

frequencies = [count for _, count in vocab.token_freqs]
tenth = frequencies[9] / frequencies[0]
print(f"count of the tenth word over that of the first: got {tenth:.3f}, expected {0.195 if BOOK else '0.1 to 0.35'}")
