"""Translation with d2l's network and settings: GRU, 2 layers of 32, Adam 0.005, teacher forcing (d2l 10.7).

Tatoeba's English and French where NPSEQ_DATA has them, else dates ("9 may 1998" to "1998-05-09"). The loss is d2l's,
a sentence's sum over the padded length. No model gets below the pairs' own entropy: "go ." has several translations.
"""

import os

import numpy as np
from save_figure import new_figure, save

from npseq import Adam
from npseq.data import load_pairs
from npseq.models import Seq2Seq, d2l_bleu

FRENCH = bool(os.environ.get("NPSEQ_DATA"))
EPOCHS = 60
if FRENCH:
    pairs = load_pairs("tatoeba", 200, steps=10, distinct_sources=True)
else:
    pairs = load_pairs("dates", 600)
    print("NPSEQ_DATA is not set: dates instead of French")
rng = np.random.default_rng(0)
model = Seq2Seq(pairs.source_vocab, pairs.target_vocab, "gru", dropout=0.1, initializer="xavier", rng=rng)
optimizer = Adam(0.005)
tokens, steps = pairs.target_lengths.sum(), len(pairs.target)

losses = []
for _ in range(EPOCHS):
    total = 0.0
    for batch in pairs.batches(64 if len(pairs.source_lengths) > 300 else 20, rng):
        total += model.step(*batch, optimizer=optimizer, clip=1, reduction="sequence")[0]
    losses.append(total / tokens)
exact = model.exact_matches(pairs.source, pairs.target, pairs.source_lengths, pairs.target_lengths)


def texts(ids, lengths, vocab):
    """Every sentence without its end."""
    return [SPACE.join(vocab.to_tokens(ids[: n - 1, k])) for k, n in enumerate(lengths)]


SPACE = " " if FRENCH else ""
known = dict(zip(texts(pairs.source, pairs.source_lengths, pairs.source_vocab),
                 texts(pairs.target, pairs.target_lengths, pairs.target_vocab), strict=True))  # fmt: skip
for sentence in ["go .", "i lost .", "i'm home .", "i won ."] if FRENCH else list(known)[:4]:
    said = SPACE.join(model.translate(sentence.split(" ") if FRENCH else list(sentence), beam_size=2, max_steps=12))
    print(f"{sentence!r:14} -> {said!r}, learnt: {known.get(sentence, 'no such pair')}")
source, label = ([*text.split(" ")] if FRENCH else [*text] for text in list(known.items())[1])
print("BLEU of one training pair:", d2l_bleu(model.translate(source), label, k=2))

figure = new_figure()
axes = figure.subplots()
axes.semilogy(range(1, EPOCHS + 1), losses, label="training, dropout acting")
if pairs.least_loss():
    axes.axhline(pairs.least_loss() / steps / tokens, color="k", linestyle=":", label="entropy of the pairs")
axes.set(xlabel="epoch", ylabel="loss a target token\n(nats, d2l's reduction)", title="Learning pairs by heart")
axes.legend()
save(figure, __file__)

print(f"share of training pairs translated exactly: got {exact.mean():.2f}, expected 0.7 to 1")
