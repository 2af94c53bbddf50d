"""Two gradients of one LSTM: of 1997, cut wherever it would leave the cell, and of 2005, whole.

Hochreiter & Schmidhuber 1997 let an error that has reached a gate move that gate's weights and go no further; it goes
back along c alone, multiplied by the forget gates. Graves & Schmidhuber 2005 follow it through h and all gates as well.
The first is the exact gradient of the losses with the h that the gates read held fixed. Which paths matter is seen lag
by lag, in a network that has learnt to write, and in what each gradient can teach.
"""

import numpy as np
from save_figure import new_figure, save

import npseq as ns
from npseq.data import AGREEMENT_VOCABULARY, agreement_sentences, load_corpus, sequential_windows
from npseq.models import Classifier
from npseq.training import Epoch, train_epoch

CUTS = {"2005: the whole gradient": None, "1997: along c alone": ns.CarouselTruncation()}
STEPS, LAG, UPDATES = 40, 20, 250


def size(grads):
    return np.linalg.norm(grads.flat)


def by_lag(layer, x, dlast, cut):
    """|G_k| of the losses at the last step: what one more step back, from the state before it, adds."""
    y, _, tape = layer.forward(x)
    dy = np.zeros_like(y)
    dy[-1] = dlast
    states = ns.inspect.ledger(layer, dy, tape, max_lag=1, names=["b_f"], pairs=False).states
    norms, before = [], 0 * layer.params.flat
    for first in reversed(range(len(x))):
        state = None if first == 0 else (states["h"][None, first - 1], states["c"][None, first - 1])
        tape = layer.forward(x[first:], state)[2]
        grads = layer.backward(dy[first:], tape, truncation=cut)[2]
        norms.append(np.linalg.norm(grads.flat - before))
        before = grads.flat
    return np.array(norms), grads


def teach(cut, seed):
    """Losses while the verb is learnt, with this gradient for the recurrent layer, and the share of right verbs."""
    rng = np.random.default_rng(seed)
    words = ns.Embedding(len(AGREEMENT_VOCABULARY), 8, rng=rng)
    model = Classifier(ns.LSTM(8, 16, rng=rng), 2, embedding=words, rng=rng)
    ns.initializers.forget_bias(model.recurrent.params, 2.0)
    optimizer, losses, sentences = ns.Adam(0.01), [], np.random.default_rng(100 + seed)
    for _ in range(UPDATES):
        ids, plural = agreement_sentences(32, LAG, sentences)
        logits, tape = model.forward(ids)
        loss, dlogits = ns.softmax_cross_entropy(logits, plural)
        grads = model.backward(dlogits, tape, truncation=cut)[1]
        ns.clip_grad_norm(grads, 1)
        optimizer.step(model.params, grads)
        losses.append(loss)
    ids, plural = agreement_sentences(400, LAG, rng=9)
    return losses, (model.predict(ids) == plural).mean()


# of which function 1997's is the gradient: one weight by a complex step, the h of the gates held fixed
layer, rng = ns.LSTM(3, 4, dtype=np.float64, rng=0), np.random.default_rng(0)
x, dy = rng.normal(size=(6, 1, 3)), rng.normal(size=(6, 1, 4))
y, _, tape = layer.forward(x)
found, whole = (layer.backward(dy, tape, truncation=cut)[2]["W_hf"] for cut in reversed(CUTS.values()))
p = {name: value.astype(complex) for name, value in layer.params.items()}
p["W_hf"][1, 2] += 1e-30j
read, c, total = np.concatenate([np.zeros((1, 1, 4)), y]), 0, 0
for t in range(6):
    a = {k: x[t] @ p[f"W_x{k}"] + read[t] @ p[f"W_h{k}"] + p[f"b_{k}"] for k in "ifog"}
    i, f, o = (1 / (1 + np.exp(-a[k])) for k in "ifo")
    c = f * c + i * np.tanh(a["g"])
    total = total + (dy[t] * o * np.tanh(c)).sum()
error = abs(total.imag / 1e-30 - found[1, 2]) / abs(found).max()
print(f"the same weight's slope in the whole gradient: {whole[1, 2]:.4f}, in 1997's: {found[1, 2]:.4f}")

ids, vocab = load_corpus(max_tokens=10_000, clean="letters")
model, optimizer = ns.LanguageModel(vocab, "lstm", 32, dtype=np.float64, rng=0), ns.Adam(0.01)
for epoch in range(10):
    train_epoch(model, ids, optimizer, Epoch(batch_size=32, steps=35, clip=1), rng=epoch)
layer, (x, targets) = model.recurrent, next(sequential_windows(ids, 64, STEPS, rng=1))
y = layer.forward(x)[0]
logits, head = model.output.forward(y[-1])
dlast = model.output.backward(ns.softmax_cross_entropy(logits, targets[-1])[1], head)[0]

figure = new_figure(10.5, 4.3)
left, right = figure.subplots(1, 2)
grads = {}
for (name, cut), color in zip(CUTS.items(), ("C0", "C1"), strict=True):
    norms, grads[name] = by_lag(layer, x, dlast, cut)
    left.semilogy(norms / size(grads[name]), "o-", color=color, markersize=3, label=name)
    runs = [teach(cut, seed) for seed in range(3)]
    for k, (losses, _) in enumerate(runs):
        smooth = np.convolve(losses, np.ones(10) / 10, "valid")
        right.plot(smooth, color=color, linewidth=1.2, label=None if k else name)
    print(f"{name}: norm {size(grads[name]):.4f}, lag 10 over lag 0 {norms[10] / norms[0]:.1e}; "
          f"right verbs {', '.join(f'{share:.3f}' for _, share in runs)}")  # fmt: skip
a, b = (found.flat for found in grads.values())
cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
print(f"angle between the two gradients of the language model: {np.degrees(np.arccos(cosine)):.1f} degrees")
left.set(xlabel="lag k (steps that a path goes back)", ylabel="part of lag k, norm / its whole norm")
left.set_title("A model of text: most of what is far came through h")
left.legend()
right.set(xlabel="updates", ylabel="loss (nats; mean of 10)")
right.set_title(f"A verb {LAG} words after its noun: both gradients teach it")
save(figure, __file__)
print(f"1997's gradient against a complex step with the gates' h held fixed: got {error:.1e}, expected at most 1e-12")
