"""Long-range agreement (Ng): "the cat, which already ate the apples ..., was", "the cats, ..., were".

An LSTM solves it by saturated gates: the subject is written into a cell of which the forget gate then stays near 1,
so that c is copied over the clause, whatever nouns stand there.
"""

import numpy as np
from save_figure import new_figure, save

from npseq import LSTM, Adam, Embedding
from npseq.data import AGREEMENT_VOCABULARY, agreement_sentences
from npseq.initializers import forget_bias
from npseq.inspect import ledger
from npseq.models import Classifier

LAG = 20
rng = np.random.default_rng(0)
layer = LSTM(8, 16, rng=1)
forget_bias(layer.params, 2.0)
model = Classifier(layer, 2, embedding=Embedding(len(AGREEMENT_VOCABULARY), 8, rng=2), rng=3)
optimizer, losses = Adam(0.01), []
for _ in range(250):
    ids, plural = agreement_sentences(32, LAG, rng)
    losses.append(model.step(ids, plural, optimizer=optimizer, clip=1)[0])
ids, plural = agreement_sentences(500, LAG, rng=9)
right = (model.predict(ids) == plural).mean()
for lag in (5, 10, 40, 80):
    others, answers = agreement_sentences(300, lag, rng=8)
    print(f"trained at lag {LAG}, asked at lag {lag}: {(model.predict(others) == answers).mean():.3f} right")

# the gates, and the cell that tells singular from plural best at the verb
words, _ = model.embedding.forward(ids)
_, _, tape = model.recurrent.forward(words)
seen = ledger(model.recurrent, np.zeros((len(ids), 500, 16), np.float32), tape, max_lag=1, names=["b_f"], pairs=False)
c, f = seen.states["c"], seen.gates["f"]
apart = abs(c[-1][plural == 1].mean(0) - c[-1][plural == 0].mean(0)) / c[-1].std(0)
unit = int(apart.argmax())
print(f"cell {unit} tells the number; its forget gate over the clause: mean {f[3:, :, unit].mean():.3f}")

figure = new_figure(10, 4)
left, middle, right_axes = figure.subplots(1, 3)
for name, color in (("f", "tab:blue"), ("i", "tab:orange"), ("o", "tab:green")):
    left.hist(seen.gates[name].ravel(), 40, range=(0, 1), histtype="step", color=color, label=name)
left.set(xlabel="value of the gate", ylabel="count (steps x units x sentences)", title="Forget gates stay near 1")
left.legend()
middle.hist(f[3:, :, unit].ravel(), 40, range=(0, 1))
middle.set(xlabel="value of the forget gate", ylabel="count", title=f"Cell {unit} forgets little in the clause")
for number, label, color in ((0, "cat", "tab:blue"), (1, "cats", "tab:red")):
    right_axes.plot(c[:, plural == number, unit][:, :12], color=color, alpha=0.4, linewidth=1)
    right_axes.plot([], [], color=color, label=label)
right_axes.set(
    xlabel="step (the subject is step 1)", ylabel="cell state c", title=f"Cell {unit} keeps cat and cats apart"
)
right_axes.legend()
save(figure, __file__)

print(f"right verbs {LAG} words after the subject: got {right:.3f}, expected at least 0.98")
