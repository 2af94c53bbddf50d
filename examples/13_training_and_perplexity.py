"""Training a character model, and what perplexity says (d2l, "RNN Implementation from Scratch").

    perplexity = exp(-(1/n) sum_t log P(x_t | x_1 .. x_{t-1})): the geometric mean of 1 / P

1 is a perfect model, V one that guesses, infinity one that held a character for impossible. Each step is: forward,
cross-entropy, backward, clipping, update. The state can be carried from minibatch to minibatch (without its gradient),
set to zero before each, or belong to windows drawn at random. d2l's notes train for 500 epochs, this example for 40.
"""

import os

import numpy as np
from save_figure import new_figure, save

import npseq as ns
from npseq.data import load_corpus
from npseq.training import Epoch, train_epoch

EPOCHS = 40
ids, vocab = load_corpus(
    "time-machine" if os.environ.get("NPSEQ_DATA") else "python-topics", max_tokens=10_000, clean="letters"
)

targets = ids[:100]
right = np.full((100, 28), -np.inf)
right[range(100), targets] = 0  # log P
with np.errstate(divide="ignore"):
    for name, p in (("guessing", np.full((100, 28), 1 / 28)), ("perfect", np.exp(right)), ("sure and wrong", None)):
        p = np.exp(right)[:, ::-1] if p is None else p
        print(f"perplexity, {name}: {ns.perplexity(-np.log(p[range(100), targets]).mean()):.4g}")
scores = np.random.default_rng(0).normal(size=(100, 28))
_, dscores = ns.softmax_cross_entropy(scores, targets, reduction="sum")
softmax = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
print(f"the gradient of the cross-entropy is p - y: to {abs(dscores - (softmax - np.exp(right))).max():.0e}")

axes = (figure := new_figure(7.5, 4.5)).subplots()
arms, last = {"sequential": "carried", "sequential-reset": "set to zero", "random": "zero, random windows"}, {}
for sampling, says in arms.items():
    model, optimizer = ns.LanguageModel(vocab, "rnn", 64, rng=0), ns.Adam(0.01)
    how = Epoch(batch_size=32, steps=35, sampling=sampling, clip=1)
    curve = [train_epoch(model, ids, optimizer, how, rng=k).perplexity for k in range(EPOCHS)]
    last[sampling] = curve[-1]
    after = ns.perplexity(model.evaluate(ids))
    print(f"state {says}: {curve[-1]:.3f} in the last epoch, {after:.3f} after it: {model.generate('the ', 30)!r}")
    axes.semilogy(range(1, EPOCHS + 1), curve, label=f"state {says}: {curve[-1]:.2f}")
axes.axhline(28, color="k", linestyle=":", label="guessing: 28")
axes.set(xlabel="epoch", ylabel="perplexity while training (1 / probability)")
axes.set_yticks([2, 3, 5, 10, 20, 28], ["2", "3", "5", "10", "20", "28"])
axes.minorticks_off()
axes.set_title("A state set to zero has to guess again at the start of every window")
axes.legend(loc="upper right", bbox_to_anchor=(1, 0.93))
save(figure, __file__)
ratio = last["sequential-reset"] / last["sequential"]
print(f"perplexity with a state set to zero over one with it carried: got {ratio:.3f}, expected 1.02 to 1.6")
