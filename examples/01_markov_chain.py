"""Markov chains: what follows depends on what is there now, and on nothing before (d2l, "Sequence Models").

The chance of getting from i to j in two steps is a sum over what may lie between. Dynamic programming takes that sum
step by step; for all i and j at once it is the square of the transition matrix. The chain here is a text's letters.
"""

import numpy as np
from save_figure import new_figure, save

from npseq.data import load_corpus
from npseq.models.counting import log_prob, propagate, sample_states, stationary, transition_matrix

ids, vocab = load_corpus("python-topics", clean="letters")  # the topics of Python's own help, 27 characters and <unk>
P = transition_matrix(ids, len(vocab), smoothing=1.0)
letters = ["_" if token == " " else token for token in vocab]

# P(x_{t+1} = j | x_{t-1} = q): from a start that is certainly "q", two steps of dynamic programming
q, u = vocab["q"], vocab["u"]
start = np.eye(len(vocab))[q]
after = propagate(start, P, steps=12)
print(f"after q comes u with probability {after[1, u]:.3f}")
print(f"log P(q, u, i) of the chain that starts at q: {log_prob(vocab.encode('qui'), start, P):.3f}")

# the same sum, written out, for every pair of letters
paths = np.array([[sum(P[i, k] * P[k, j] for k in range(len(P))) for j in range(len(P))] for i in range(len(P))])
difference = abs(paths - P @ P).max()
assert abs(after[2] - (P @ P)[q]).max() < 1e-15, "two steps of dynamic programming are a row of the square"

# far from the start, the start is forgotten: the distribution goes to the one that P leaves as it is
distance = abs(after - stationary(P)).sum(axis=1) / 2
print("a sequence drawn from the chain:", vocab.decode(sample_states(stationary(P), P, 60, rng=0)))

figure = new_figure(10, 4.5)
left, right = figure.subplots(1, 2, width_ratios=(5, 4))
image = left.imshow(P[1:, 1:], cmap="Greys", vmin=0, vmax=0.6)
left.set(xticks=range(len(P) - 1), yticks=range(len(P) - 1), xticklabels=letters[1:], yticklabels=letters[1:])
left.set(xlabel="next character (_ is the space)", ylabel="character", title="Dark cells: what usually follows")
left.tick_params(labelsize=7)
figure.colorbar(image, ax=left, label="probability", extend="max")
right.semilogy(distance, "o-")
right.set(xlabel="steps after a q", ylabel="distance to the stationary distribution\n(total variation)")
right.set(title="The start is forgotten exponentially fast")
right.grid(True, alpha=0.3)
save(figure, __file__)

print(f"two steps summed over the middle, against the matrix square: got {difference:.1e}, expected at most 1e-15")
