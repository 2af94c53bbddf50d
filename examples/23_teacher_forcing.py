"""Teacher forcing and free running: what a decoder does that has only ever read the right words (d2l 10.7).

Taught by the target, it never sees its own mistakes; running free, one mistake brings the next. That gap is exposure
bias. The task is to say letters in reverse, more than the network learns in so short a time. Scheduled sampling lets it
read its own words in training; here that costs more than it gains.
"""

import numpy as np
from save_figure import new_figure, save

from npseq import Adam
from npseq.data import load_pairs
from npseq.models import Seq2Seq
from npseq.models.decoding.greedy import own_inputs

pairs, fresh = load_pairs("reversal", 1400, rng=0).split(1000)
mask = np.arange(len(fresh.target))[:, None] < fresh.target_lengths


def accuracy(model, teacher_forcing):
    """Right tokens at each target step, and how many there are to get right."""
    inputs = np.concatenate([np.full((1, 400), model.begin), fresh.target[:-1]])
    encoded, _ = model.encoder.forward(fresh.source, fresh.source_lengths)
    state, _ = model.init_state(encoded)
    inputs = own_inputs(model.decoder, encoded.context, state, inputs, teacher_forcing, np.random.default_rng(0))
    right = model.forward(fresh.source, inputs, fresh.source_lengths)[0].argmax(axis=2) == fresh.target
    return (right & mask).sum(axis=1)


found = {}
for name, share in (("teacher forcing", 1.0), ("scheduled sampling, half its own", 0.5)):
    rng = np.random.default_rng(2)
    model = Seq2Seq(pairs.source_vocab, pairs.target_vocab, "gru", 16, 48, 1, rng=rng)
    optimizer = Adam(0.01)
    for _ in range(20):
        for batch in pairs.batches(50, rng):
            model.step(*batch, optimizer=optimizer, clip=1, teacher_forcing=share, rng=rng)
    found[name] = accuracy(model, 1.0), accuracy(model, 0.0)
    told, free = (right.sum() / mask.sum() for right in found[name])
    print(f"trained with {name}: {told:.3f} of the new tokens right when told, {free:.3f} running free")

figure = new_figure(7.5, 4.5)
axes = figure.subplots()
for (name, (told, free)), color in zip(found.items(), ("tab:blue", "tab:orange"), strict=True):
    for right, line, reads in ((told, "o-", "the target"), (free, "s--", "its own words")):
        label = f"trained with {name}; reads {reads}"
        axes.plot(range(1, len(right) + 1), right / mask.sum(axis=1), line, color=color, label=label)
axes.set(xlabel="target step", ylabel="share of right tokens", ylim=(0.35, 1))
axes.set_title("Exposure bias: mistakes beget mistakes")
axes.legend(fontsize=8)
save(figure, __file__)

told, free = found["teacher forcing"]
lost = (told - free).sum() / mask.sum()
print(f"tokens lost by running free after teacher forcing: got {lost:.3f}, expected at least 0.02")
