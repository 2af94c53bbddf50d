"""d2l's exercises on series and texts: look-ahead bias, merged observations, 4-grams, offsets, words for characters.

docs/exercises.md has each question with the number that is printed here (Dive into Deep Learning, 9.1 to 9.3, 10.5).
"""

import os

import numpy as np
from save_figure import new_figure, save

import npseq as ns
from npseq.data import lagged_windows, load_corpus, load_pairs, noisy_sine, random_windows
from npseq.models import Forecaster
from npseq.models.counting import fit_zipf, ngram_counts, root_mean_square

BOOK = os.environ.get("NPSEQ_DATA") is not None
corpus = "time-machine" if BOOK else "python-topics"

# look-ahead bias: of 500 series without any trend, the best of the last year is bought for the next
moves = np.random.default_rng(0).normal(0, 0.01 * 250**0.5, (200, 2, 500))  # sums of 250 days
best = moves[:, 0].argmax(axis=1)
past, future = (moves[np.arange(200), year, best].mean() for year in (0, 1))
print(f"the best of 500 without a trend: {past:+.1%} in the year that it was chosen by, {future:+.1%} in the next")

# old observations merged: three values and the mean of the five before them, in the place of four values
x, errors = noisy_sine(1000, rng=0), {}
eight, targets = lagged_windows(x, 8)
merged = np.column_stack([eight[:, :5].mean(axis=1), eight[:, 5:]]).astype(np.float32)
for name, features in {"four values": eight[:, 4:], "three and a mean of five": merged, "eight values": eight}.items():
    found = []
    for seed in range(5):
        model = Forecaster(features.shape[1], rng=seed)
        learnt = np.ascontiguousarray(features[:592]), targets[:592]
        model.fit(learnt, epochs=8, batch_size=16, valid=0, optimizer=ns.Adam(0.01), clip=None, rng=seed)
        found.append(root_mean_square(model.predict(np.ascontiguousarray(features[592:])), targets[592:]))
    errors[name] = np.mean(found)
    print(f"{name}: error {errors[name]:.3f} one step ahead")

# how many counts a 4-gram model of 100,000 words keeps at most, and of a real text
ids, vocab = load_corpus(corpus, "word", clean="letters")
words = ids[:30_000]
alphas = [fit_zipf(ngram_counts(words, order).values(), last=1000).alpha for order in (1, 2, 3)]
print("Zipf's exponent of words, pairs and triples:", ", ".join(f"{alpha:.2f}" for alpha in alphas))
kept = [len(ngram_counts(words, order)) for order in (1, 2, 3, 4)]
print(
    f"counts of 30,000 words, 1 to 4 in a row: {kept}, {sum(kept):,} in all; at most {4 * 30_000 - 6:,} are different"
)

# is a random offset uniform? how often each place of a text is read, over 2,000 epochs
N, T, B, EPOCHS = 1_000, 35, 4, 2_000
rolled, cut = np.zeros(N), np.zeros(N)
rng = np.random.default_rng(0)
for _ in range(EPOCHS):
    for places, _ in random_windows(np.arange(N), B, T, rng):
        np.add.at(cut, places, 1)
    shift = rng.integers(N)
    for places, _ in random_windows((np.arange(N) + shift) % N, B, T, rng):
        np.add.at(rolled, places, 1)
for name, counts in (("an offset", cut), ("an offset, and the text turned", rolled)):
    print(f"{name}: places are read {counts.min() / EPOCHS:.2f} to {counts.max() / EPOCHS:.2f} times an epoch, "
          f"standard deviation {counts.std() / counts.mean():.3f} of the mean")  # fmt: skip

# words in the place of characters: nats a character of new text
for token, count in (("char", 40_000), ("word", 8_000)):
    ids, vocab = load_corpus(corpus, token, max_tokens=count + count // 5, max_size=1000, clean="letters")
    model, optimizer = ns.LanguageModel(vocab, "gru", 64, embedding_size=32, rng=0), ns.Adam(0.01)
    how = ns.training.Epoch(batch_size=32, steps=20, clip=1)
    for epoch in range(4):
        ns.training.train_epoch(model, ids[:count], optimizer, how, rng=epoch)
    new = ids[count:]
    letters = len(new) if token == "char" else sum(len(word) + 1 for word in vocab.to_tokens(new))
    nll = model.evaluate(new)
    print(f"by {token}s: perplexity {ns.perplexity(nll):.1f} a token, {nll * len(new) / letters:.2f} nats a character; "
          f"{(new == vocab.unk).mean():.1%} of the new tokens are unknown")  # fmt: skip

# num_examples against the vocabularies
sizes = {}
for count in (100, 300, 1000, 3000):
    pairs = load_pairs("tatoeba", count) if BOOK else load_pairs("dates", count)
    sizes[count] = len(pairs.source_vocab), len(pairs.target_vocab)
print("pairs against the sizes of both vocabularies:", sizes)

left, middle, right = (figure := new_figure(12, 3.6)).subplots(1, 3)
left.scatter(moves[0, 0], moves[0, 1], s=4)
left.plot(moves[0, 0, best[0]], moves[0, 1, best[0]], "r*")
left.set(xlabel="this year", ylabel="the next", title="The best of one year is any of the next")
middle.plot(cut / EPOCHS, label="an offset")
middle.plot(rolled / EPOCHS, label="and the text turned")
middle.set(xlabel="place in the text", ylabel="times read in an epoch", title="An offset does not make it uniform")
middle.legend()
right.plot(list(sizes), list(sizes.values()), "o-", label=["source", "target"])
right.set(xlabel="pairs", ylabel="vocabulary", title="The vocabulary grows, ever more slowly")
right.legend()
save(figure, __file__)
print(f"return of the best in the next year over that in its own: got {future / past:.2f}, expected -0.3 to 0.3")
