"""A long text in minibatches: random windows, or windows in the order of the text (d2l, "Language Models").

Both cut a text, from a random offset on, into windows of T tokens, each with the same tokens one step later as its
targets. In sequential order row b of a batch goes on where row b of the batch before ended, so a state can be carried;
in random order it does not.
"""

import numpy as np
from save_figure import new_figure, save

from npseq.data import load_corpus, random_windows, sequential_windows

print("random windows of the numbers 0 to 34, B = 2, T = 5:")
for x, y in random_windows(np.arange(35), batch_size=2, steps=5, rng=0):
    print("  X", x.T.tolist(), "Y", y.T.tolist())
print("sequential ones:")
for x, y in sequential_windows(np.arange(35), batch_size=2, steps=5, rng=0):
    print("  X", x.T.tolist(), "Y", y.T.tolist())

B, T, N = 32, 35, 10_000
positions = np.arange(N)
figure = new_figure(9, 4.8)
panels = figure.subplots(1, 2, sharey=True)
kinds = (("random", random_windows), ("sequential", sequential_windows))
for axes, (name, windows) in zip(panels, kinds, strict=True):
    starts = np.array([x[0] for x, _ in windows(positions, B, T, rng=0)])  # (batches, B): where in the text
    followed = sum(int((starts[k + 1] == starts[k] + T).sum()) for k in range(len(starts) - 1))
    print(f"{name}: {followed} of {starts[1:].size} windows go on where the row's last one ended")
    axes.scatter(np.repeat(np.arange(B), len(starts)), starts.T.ravel(), c=np.tile(np.arange(len(starts)), B), s=9)
    axes.set(xlabel="row b of the batch", title=f"{name}: {followed} of {starts[1:].size} windows follow on")
panels[0].set_ylabel("position in the text where the window begins")
figure.colorbar(panels[1].collections[0], ax=panels, label="minibatch 0 to 7: first to last of the epoch")
save(figure, __file__)

# the offset costs less than a batch: at every offset there are 8
ids, _ = load_corpus(max_tokens=N, clean="letters")
numbers = {len(list(windows(ids, B, T, seed))) for seed in range(20) for _, windows in kinds}
print(f"minibatches of an epoch, over 20 offsets, both ways: {sorted(numbers)}, {8 * B * T:,} tokens")
print(f"minibatches of an epoch: got {max(numbers) if len(numbers) == 1 else -1}, expected 8")
