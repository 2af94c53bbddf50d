"""Scores of sentences: "the cat, which already ate the apples, was full" against "... were full" (Ng, week 1).

A language model of words reads sentences that end with <eos>. log P(sentence) = sum_t log P(word t | the words before);
of two sentences the one with the larger sum is the better English. Words in between may name other animals.
"""

import numpy as np
from save_figure import new_figure, save

import npseq as ns
from npseq.data import AGREEMENT_VOCABULARY, Vocabulary, agreement_sentences
from npseq.initializers import forget_bias

LAGS = (1, 2, 4, 8, 16)
VERBS = ("was", "were")
vocab = Vocabulary(AGREEMENT_VOCABULARY.tokens, reserved_tokens=["<eos>"], token="word")


def sentences(count, lag, rng):
    """Word ids (lag + 6, count) from <eos> to <eos>, and which verb is right."""
    ids, plural = agreement_sentences(count, lag, rng)
    words = np.array(AGREEMENT_VOCABULARY.tokens, dtype=object)[ids]
    ends = [np.full(count, word, dtype=object) for word in ("<eos>", "full", "<eos>")]
    verbs = np.array(VERBS, dtype=object)[plural]
    return np.array(vocab[np.stack([ends[0], *words, verbs, *ends[1:]]).tolist()]), plural


rng = np.random.default_rng(0)
model = ns.LanguageModel(vocab, "lstm", 24, embedding_size=8, rng=1)
forget_bias(model.recurrent.params, 2.0)
optimizer = ns.Adam(0.02)
for _ in range(400):
    ids, _ = sentences(32, int(rng.integers(1, 10)), rng)
    model.step(ids[:-1], ids[1:], None, optimizer, clip=1)


def score(sentence):
    return model.log_prob(f"<eos> {sentence} <eos>") - model.log_prob("<eos>")


for subject in ("cat", "cats"):
    start = f"the {subject} which already ate the big red apples and saw the mice"
    for verb in VERBS:
        print(f"{score(f'{start} {verb} full'):7.2f} nats: {start} {verb} full")
print("a word that it does not know:", vocab.decode(vocab.encode("the zebra was full")))

figure = new_figure()
axes = figure.subplots()
shares = {}
for lag in LAGS:
    ids, plural = sentences(100, lag, np.random.default_rng(9))
    swapped = ids.copy()
    swapped[-3] = np.array(vocab[list(VERBS)])[1 - plural]
    gaps = np.array([model.log_prob(a) - model.log_prob(b) for a, b in zip(ids.T, swapped.T, strict=True)])
    shares[lag] = (gaps > 0).mean()
    axes.scatter(np.full(100, LAGS.index(lag)) + np.linspace(-0.3, 0.3, 100), gaps, s=6)
axes.axhline(0, color="k", linestyle=":")
axes.set_xticks(range(len(LAGS)), [f"{lag}\n{share:.0%}" for lag, share in shares.items()])
axes.set(xlabel="words from the subject to the verb, and the share of right choices", ylabel="log P, right less wrong")
axes.set_title("Above zero the right verb makes the likelier sentence")
save(figure, __file__)
print(f"share of right choices 8 words after the subject: got {shares[8]:.2f}, expected at least 0.95")
