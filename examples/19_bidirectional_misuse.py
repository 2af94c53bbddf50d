"""A bidirectional network must not write text: it has seen what it should foretell (d2l, "Bidirectional RNNs").

    H-> reads x_1 .. x_t,    H<- reads x_T .. x_t,    O_t = [H->_t, H<-_t] W_hq + b_q with W_hq of 2h rows

Trained to name the next character it copies it from the reverse direction: a perplexity near 1 that means nothing. When
it writes, that character is not there yet, and out comes garbage. A deep LSTM of as many layers has a far higher one
and writes words. d2l trains both for 500 epochs, this example for 20.
"""

import os

import numpy as np
from save_figure import new_figure, save

import npseq as ns
from npseq.activations import sigmoid
from npseq.data import load_corpus
from npseq.training import Epoch, train_epoch

ids, vocab = load_corpus(
    "time-machine" if os.environ.get("NPSEQ_DATA") else "python-topics", max_tokens=10_000, clean="letters"
)
models, axes = {}, (figure := new_figure(8, 4.5)).subplots()
for name, both in (("deep LSTM", False), ("bidirectional LSTM", True)):
    model, optimizer = ns.LanguageModel(vocab, "lstm", 48, 2, bidirectional=both, rng=0), ns.Adam(0.01)
    how = Epoch(batch_size=32, steps=35, clip=1, sampling="sequential-reset")
    curve = [train_epoch(model, ids, optimizer, how, rng=k).perplexity for k in range(20)]
    models[name] = model
    print(f"{name}: perplexity {curve[-1]:.2f}, writes {model.generate('the statement', 50)!r}")
    axes.plot(range(1, 21), curve, "o-", markersize=3, label=f"{name}: {model.generate('the statement', 30)}")
axes.set(xlabel="epoch", ylabel="perplexity while training", yscale="log", xticks=range(0, 21, 5))
axes.set_yticks([1, 2, 3, 5, 10, 20], ["1", "2", "3", "5", "10", "20"])
axes.minorticks_off()
axes.set_title("The better number belongs to the model that cannot write")
axes.legend(fontsize=8)
save(figure, __file__)

# how many of the words that each writes are words of the text?
known = set(vocab.decode(ids).split())
for name, model in models.items():
    written = model.generate("the statement", 300, temperature=0.5, rng=0)[13:].split()
    print(f"{name}: {np.mean([word in known for word in written]):.0%} of {len(written)} words are words of the text")

# the deep one by the notes' equations: layer 2 reads the states of layer 1, and W_xh of layer 1 alone is d x h
p = {name.removeprefix("recurrent."): value.astype(np.float64) for name, value in models["deep LSTM"].params.items()}
H = np.eye(len(vocab))[ids[:35]]
for layer in ("", "_l1"):
    states, h, c = [], np.zeros(48), np.zeros(48)
    for x in H:
        i, f, o, g = (x @ p[f"W_x{k}{layer}"] + h @ p[f"W_h{k}{layer}"] + p[f"b_{k}{layer}"] for k in "ifog")
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
    H = np.array(states)
y, _, _ = models["deep LSTM"].recurrent.astype(np.float64).forward(ids[:35, None])
print(f"the deep layer and the equations differ by {abs(H - y[:, 0]).max():.0e}")
print(f"perplexity of the bidirectional network, which cannot write: got {curve[-1]:.2f}, expected 1 to 1.2")
