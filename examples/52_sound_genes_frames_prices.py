"""Sequences that are no text: sound, DNA, video frames, prices (the notes' first pages; Ng, course 5, week 1).

All are made up here, and small. A GRU of 32 units hears which of four tones is in the noise, finds a motif in DNA, and
sees where a dot goes in frames of 5 x 5. Prices that walk at random no network can foretell: nothing beats "as
yesterday", and a model that seems to has looked ahead.
"""

import numpy as np
from save_figure import new_figure, save

import npseq as ns
from npseq.data import lagged_windows
from npseq.models import Classifier, Forecaster
from npseq.models.counting import root_mean_square

MOTIF, LETTERS = "TATAAA", "ACGT"


def sound(count, rng):
    """40 samples (T, B, 1) of one of four pitches, from any phase, and noise half as loud."""
    pitch = rng.integers(0, 4, count)
    phase = rng.uniform(0, 2 * np.pi, count)
    wave = np.sin(np.arange(40)[:, None] * (0.3 + 0.2 * pitch) + phase) + rng.normal(0, 0.5, (40, count))
    return wave[:, :, None].astype(np.float32), pitch


def genes(count, rng):
    """30 letters (T, B); half of the strands hold the motif."""
    ids, there = rng.integers(0, 4, (30, count)), rng.integers(0, 2, count)
    for b in np.flatnonzero(there):
        start = rng.integers(0, 30 - len(MOTIF) + 1)
        ids[start : start + len(MOTIF), b] = [LETTERS.index(letter) for letter in MOTIF]
    return ids, there


def frames(count, rng):
    """6 frames (T, B, 25) of a dot that goes right, left, down or up, and noise."""
    way, at = rng.integers(0, 4, count), rng.integers(0, 5, (2, count))
    moves = np.array([[0, 0, 1, -1], [1, -1, 0, 0]])[:, way]
    seen = rng.normal(0, 0.2, (6, count, 25))
    for t in range(6):
        row, column = (at + t * moves) % 5
        seen[t, np.arange(count), 5 * row + column] += 1
    return seen.astype(np.float32), way


TASKS = {"sound": (sound, 1, 4), "genes": (genes, 4, 2), "frames": (frames, 25, 4)}
curves, right = {}, {}
for name, (make, features, classes) in TASKS.items():
    rng, optimizer = np.random.default_rng(0), ns.Adam(0.02)
    model = Classifier(ns.GRU(features, 32, rng=1), classes, rng=2)
    curves[name] = [model.step(*make(64, rng), optimizer=optimizer, clip=1)[0] for _ in range(250)]
    x, answers = make(1000, np.random.default_rng(9))
    right[name] = (model.predict(x) == answers).mean()
    print(f"{name:6} {x.shape}: {right[name]:.1%} of 1,000 new ones right")

prices = np.cumsum(np.random.default_rng(0).normal(size=3000)).astype(np.float32)
returns, moves = lagged_windows(np.diff(prices), 5)
model = Forecaster(5, 10, rng=1)
learnt = returns[:2000], moves[:2000]
model.fit(learnt, epochs=20, batch_size=16, valid=0, optimizer=ns.Adam(0.005), clip=None, rng=2)
naive = root_mean_square(np.zeros_like(moves[2000:]), moves[2000:])
ratio = root_mean_square(model.predict(returns[2000:]), moves[2000:]) / naive
print(f"prices: error of a network over that of 'as yesterday': {ratio:.3f}")

rows = (figure := new_figure(10, 5)).subplots(2, 4)
for (top, below), (name, (make, *_)) in zip(rows[:, :3].T, TASKS.items(), strict=True):
    x, _ = make(1, np.random.default_rng(3))
    picture = x[:, 0].reshape(6, 5, 5).sum(axis=0) if name == "frames" else x[:, 0]
    if name == "frames":
        top.imshow(picture, cmap="Greys")
    else:
        top.plot(picture, ".-" if name == "genes" else "-")
    top.set_title(f"{name}: {right[name]:.1%} right")
    below.semilogy(curves[name])
    below.set(xlabel="training step", ylabel="loss (nats)")
rows[0, 3].plot(prices[-300:])
rows[0, 3].set_title(f"prices: {ratio:.2f} of naive")
rows[1, 3].plot(moves[2000:2100], label="true")
rows[1, 3].plot(model.predict(returns[2000:2100]), label="foretold")
rows[1, 3].set(xlabel="day", ylabel="move")
rows[1, 3].legend(fontsize=8)
save(figure, __file__)
print(f"right among new sounds, genes and frames, the least: got {min(right.values()):.3f}, expected at least 0.95")
