"""d2l's exercises on sequence to sequence: no mask, no teacher forcing, an LSTM, unequal numbers of layers.

The task is to say a string of letters in reverse; each network learns from the same 1,200 strings for 15 epochs and is
then asked for 300 new ones.
"""

import numpy as np
from save_figure import new_figure, save

from npseq import Adam
from npseq.data import load_pairs
from npseq.models import Seq2Seq

pairs, fresh = load_pairs("reversal", 1200, rng=0), load_pairs("reversal", 300, rng=1)
sizes = {"cell": "gru", "embedding_size": 16, "hidden_size": 48, "num_layers": 1}
arms = {  # options of the network, share of teacher forcing, whether the loss is masked
    "GRU, as in the notes": ({}, 1.0, True),
    "without a mask": ({}, 1.0, False),
    "without teacher forcing": ({}, 0.0, True),
    "LSTM": ({"cell": "lstm"}, 1.0, True),
    "1 layer reads, 2 write": ({"decoder_layers": 2, "bridge": True}, 1.0, True),
}
curves, right = {}, {}
for name, (options, teacher_forcing, masked) in arms.items():
    rng = np.random.default_rng(2)
    model, optimizer = Seq2Seq(pairs.source_vocab, pairs.target_vocab, **{**sizes, **options}, rng=rng), Adam(0.005)
    how = {"optimizer": optimizer, "clip": 1, "teacher_forcing": teacher_forcing, "rng": rng}
    curves[name] = []
    for _ in range(15):
        for source, target, source_lengths, lengths in pairs.batches(60, rng):
            model.step(source, target, source_lengths, lengths if masked else None, **how)
        told = model.loss(fresh.source, fresh.target, fresh.source_lengths, fresh.target_lengths)[0]
        curves[name].append(float(told))  # of new strings, masked and with teacher forcing for all
    exact = model.exact_matches(fresh.source, fresh.target, fresh.source_lengths, fresh.target_lengths)
    right[name] = exact.mean()
    print(f"{name}: loss {curves[name][-1]:.3f}, {right[name]:.3f} of the new strings said right")

left, bars = (figure := new_figure(11, 4.5)).subplots(1, 2)
for name, curve in curves.items():
    left.plot(range(1, 16), curve, label=name)
left.set(xlabel="epoch", ylabel="loss on new strings, told the target (nats a token)", ylim=(0, None))
left.set_title("Freely trained, the network is slowest to learn")
left.legend(fontsize=8)
bars.barh(list(right), list(right.values()), color=[f"C{k}" for k in range(len(right))])
bars.set(xlabel="share of 300 new strings said right, running free", xlim=(0, 1))
bars.set_title("The mask matters little here, teacher forcing more")
bars.invert_yaxis()
save(figure, __file__)
gap = right["GRU, as in the notes"] - right["without teacher forcing"]
print(f"strings said right with teacher forcing more than without: got {gap:.3f}, expected 0.02 to 0.5")
