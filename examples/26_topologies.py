"""The five topologies (Ng): which steps read, and at which steps a loss stands. Each a few lines over the layers."""

import numpy as np
from matplotlib.patches import Rectangle
from save_figure import new_figure, save

from npseq import GRU, Adam, Embedding
from npseq.data import load_pairs
from npseq.models import Classifier, Seq2Seq, SequenceGenerator, Tagger

rng = np.random.default_rng(0)
bits = rng.integers(0, 2, (8, 200))
letters = rng.integers(0, 4, (1, 200))
pairs = load_pairs("reversal", 200)
scale = (np.arange(9)[:, None] * (1 + letters) + 2) % 7  # a melody: a scale whose step the vector says
vectors = np.eye(4, dtype=np.float32)[letters[0]]

# model, what its loss takes; the drawing: which of the steps read (x) and which have a loss (y)
TASKS = {
    "one to one\n(one step: which letter?)": (Tagger(GRU(4, 16, rng=1), 4), (letters, letters), "x", "y"),
    "one to many\n(a scale from one vector)": (
        SequenceGenerator(4, Embedding(7, 8, rng=1), GRU(8, 16, rng=1), rng=1), (vectors, scale[:-1], scale[1:]),
        "x---", "yyyy"),
    "many to one\n(majority of 8 bits)": (
        Classifier(GRU(2, 16, rng=1), 2), (bits, (bits.sum(0) > 4) * 1), "xxxx", "---y"),
    "many to many, Tx = Ty\n(parity so far)": (
        Tagger(GRU(2, 16, rng=1), 2), (bits, bits.cumsum(0) % 2), "xxxx", "yyyy"),
    "many to many, Tx != Ty\n(letters in reverse)": (
        Seq2Seq(pairs.source_vocab, pairs.target_vocab, "gru", 8, 32, 1, rng=1), pairs[:1] + pairs[2:3] +
        pairs[1:2] + pairs[3:4], "xxx----", "---yyyy"),
}  # fmt: skip
curves = {}
for name, (model, batch, *_) in TASKS.items():
    optimizer = Adam(0.02)
    curves[name] = [model.step(*batch, optimizer=optimizer, clip=1)[0] for _ in range(120)]
    print(f"{' '.join(name.split()):50} loss {curves[name][0]:.3f} -> {curves[name][-1]:.3f}")

figure = new_figure(11, 5)
rows = figure.subplots(2, 5, height_ratios=(2, 3))
for (name, (_, _, reads, says)), top, axes in zip(TASKS.items(), rows[0], rows[1], strict=True):
    for t, (x, y) in enumerate(zip(reads, says, strict=True)):
        top.add_patch(Rectangle((t - 0.3, -0.3), 0.6, 0.6, color="tab:blue"))
        for there, start, end in ((x == "x", -1.2, -0.3), (y == "y", 0.3, 1.2)):
            if there:
                top.annotate("", (t, end), (t, start), arrowprops={"arrowstyle": "->"})
    top.plot([0, len(reads) - 1], [0, 0], color="tab:blue")
    top.set(xlim=(-0.7, max(len(reads), 2) - 0.3), ylim=(-1.4, 1.4), title=name)
    top.title.set_fontsize(9)
    top.axis("off")
    axes.semilogy(curves[name])
    axes.set(xlabel="training step", ylabel="loss (nats)" if axes is rows[1][0] else None, ylim=(3e-4, 3))
save(figure, __file__)

ratios = [curve[-1] / curve[0] for curve in curves.values()]
print(f"last loss over first, the largest of the five topologies: got {max(ratios):.2f}, expected at most 0.9")
