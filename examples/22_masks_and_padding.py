"""Masks and padding: a padded batch must give what each sentence gives alone (d2l 10.7)."""

import numpy as np
from save_figure import new_figure, save

from npseq import LSTM
from npseq.data import pad_sequences, sequence_mask
from npseq.models import Tagger, masked_softmax_cross_entropy

print(sequence_mask(np.array([[1, 2, 3], [4, 5, 6]]), np.array([1, 2])).tolist(), "= [[1, 0, 0], [4, 5, 0]]")
lengths = np.array([4, 2, 0])
losses, _ = masked_softmax_cross_entropy(np.ones((4, 3, 10)), np.ones((4, 3), int), lengths, reduction="sequence")
mean, _ = masked_softmax_cross_entropy(np.ones((4, 3, 10)), np.ones((4, 3), int), lengths)
print("d2l's reduction:", losses.round(4).tolist(), " mean over what is there:", round(float(mean), 4))

# unsorted lengths, zero among them; both directions, since the backward one must start at each sentence's own end
rng = np.random.default_rng(0)
sentences = [rng.normal(size=(size, 3)) for size in (5, 12, 0, 8, 3, 12, 1)]
x, lengths = pad_sequences(sentences)
targets = rng.integers(0, 4, x.shape[:2])
model = Tagger(LSTM(3, 8, 2, bidirectional=True, dtype=np.float64, rng=1), 4, rng=2)
logits, tape = model.forward(x, lengths)
loss, grads = model.loss(x, targets, lengths, reduction="sum")

difference, summed = 0.0, np.zeros_like(grads.flat)
for b, sentence in enumerate(sentences):
    alone, _ = model.forward(sentence[:, None])
    difference = max(difference, abs(alone[:, 0] - logits[: len(sentence), b]).max(initial=0))
    summed += model.loss(sentence[:, None], targets[: len(sentence), b : b + 1], reduction="sum")[1].flat
difference = max(difference, abs(summed - grads.flat).max())

_, dlogits = masked_softmax_cross_entropy(logits, targets, lengths)
dx, _ = model.backward(dlogits, tape)
norms = np.sqrt((dx**2).sum(axis=2))
past = np.arange(len(x))[:, None] >= lengths
assert not norms[past].any(), "padding must have no gradient"

figure = new_figure(7, 4)
axes = figure.subplots()
image = axes.imshow(np.where(past, np.nan, norms).T, aspect="auto", cmap="viridis", extent=(0.5, 12.5, 6.5, -0.5))
axes.set(xlabel="step", ylabel="sequence", title="Gradient at each input; white is padding, where it is exactly 0")
axes.set_facecolor("white")
figure.colorbar(image, ax=axes, label="norm of dL/dx")
save(figure, __file__)

print(f"a padded batch against each sentence alone, with gradients: got {difference:.1e}, expected at most 1e-12")
