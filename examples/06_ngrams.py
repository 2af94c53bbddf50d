"""Language models that count: P(x), P(x' | x), P(x'' | x, x'), and Laplace smoothing (d2l, "Language Models").

    P(x' | x) = (n(x, x') + e P(x')) / (n(x) + e)

Without smoothing (e = 0) what was never seen has probability 0, and a new text with one such pair has infinite
perplexity. With e it is finite; with e without end the text no longer matters, and each of m characters has 1 / m.
"""

import os

import numpy as np
from save_figure import new_figure, save

from npseq.data import load_corpus
from npseq.models.counting import NGramModel

BOOK = bool(os.environ.get("NPSEQ_DATA"))
if not BOOK:
    print("NPSEQ_DATA is not set: the text is the topics of Python's own help, not The Time Machine")
ids, vocab = load_corpus("time-machine" if BOOK else "python-topics", max_tokens=20_000, clean="letters")
training, new = ids[:10_000], ids[10_000:]

fitted = {}
for order, name in ((1, "unigram"), (2, "bigram"), (3, "trigram")):
    model = NGramModel(training, vocab, order)
    fitted[order] = model.perplexity(training)
    print(f"{name}: perplexity {fitted[order]:.3f} on its own text, {model.perplexity(new):.3g} on a new one")
    print("   ", model.generate("time", 60, temperature=1, rng=0) if order > 1 else "(no letter sees another)")

if BOOK:
    ids_of_words, words = load_corpus("time-machine", "word")
    pairs = NGramModel(ids_of_words, words, order=2)
    print(f"P(machine | time) = n(time machine) / n(time) = {pairs.probability(words['machine'], [words['time']]):.3f}")

weights = np.logspace(-3, 5, 17)
figure = new_figure(7.5, 4.5)
axes = figure.subplots()
for order in (1, 2, 3, 4):
    model = NGramModel(training, vocab, order)
    perplexities = [model.with_smoothing(e).perplexity(new) for e in weights]
    axes.loglog(weights, perplexities, label=f"n = {order}")
    print(f"n = {order}: the best perplexity on the new text is {min(perplexities):.2f}")
axes.axhline(len(vocab), color="k", linestyle=":", label=f"uniform: {len(vocab)}")
axes.set(xlabel="smoothing e", ylabel="perplexity on 10,000 new characters")
axes.set_yticks([6, 8, 10, 15, 20, 28], ["6", "8", "10", "15", "20", "28"])
axes.minorticks_off()
axes.set_title("Too little smoothing hurts, too much forgets the text")
axes.legend()
save(figure, __file__)

print(f"perplexity of the trigram on its own text: got {fitted[3]:.3f}, expected {5.176 if BOOK else '3 to 8'}")
