"""How long sentences are, and what padding costs (Dive into Deep Learning, 10.5, `show_list_len_pair_hist`).

Tatoeba's English and French where NPSEQ_DATA has them, else dates. A batch is as long as its longest sentence; the rest
is padding, which is computed and thrown away. Sentences of like lengths in one batch waste less.
"""

import os

import numpy as np
from save_figure import new_figure, save

from npseq.data import load_pairs

BATCH = 64
if os.environ.get("NPSEQ_DATA"):
    name, pairs = "words, with <eos>", load_pairs("tatoeba", 5000)
else:
    print("NPSEQ_DATA is not set: dates instead of English and French")
    name, pairs = "characters, with <eos>", load_pairs("dates", 2000)
lengths = {"source": pairs.source_lengths, "target": pairs.target_lengths}


def padding(lengths, order):
    """The share of padding in batches taken in this order."""
    batches = np.split(lengths[order], range(BATCH, len(lengths), BATCH))
    return 1 - lengths.sum() / sum(len(batch) * batch.max() for batch in batches)


for side, found in lengths.items():
    print(f"{side}: {len(found)} sentences, mean {found.mean():.2f}, longest {found.max()}")
    print(f"  cut off by d2l's 10 steps: {(found > 10).mean():.1%}")
source = lengths["source"]
mixed, in_order = np.random.default_rng(0).permutation(len(source)), np.argsort(source, kind="stable")
shares = {
    "all as long as\nthe longest": 1 - source.mean() / source.max(),
    "batches of 64,\nshuffled": padding(source, mixed),
    "batches of 64,\nby length": padding(source, in_order),
}
for kind, share in shares.items():
    print(f"padding, {' '.join(kind.split())}: {share:.1%}")

left, right = (figure := new_figure(9, 4)).subplots(1, 2)
left.hist(list(lengths.values()), bins=np.arange(1, max(map(max, lengths.values())) + 2) - 0.5, label=list(lengths))
left.set(xlabel=f"length ({name})", ylabel="sentences", title="Lengths")
left.legend()
right.bar(list(shares), list(shares.values()))
right.set(ylabel="share that is padding", title="What a batch wastes")
save(figure, __file__)
_, shuffled, by_length = shares.values()
print(f"padding of batches by length over that of shuffled ones: got {by_length / shuffled:.3f}, expected at most 0.5")
