"""A penalty on gradients that vanish (Pascanu, Mikolov & Bengio 2013, arXiv 1211.5063, equations 9 and 10).

    Omega = sum_{t>1} (|delta_t J_t| / |delta_t| - 1)^2,    delta_t = dL/dh_t,    J_t = dh_t/dh_{t-1}

is zero where every step back keeps the gradient's norm. Its derivative is taken with delta_t and h_{t-1} held fixed, as
in the paper, and added to the loss's. A plain RNN of 16 units then learns which verb agrees with a noun 40 words back,
"the cat(s), which ..., was / were", where without it the loss never says anything about the noun.
"""

import numpy as np
from save_figure import new_figure, save

import npseq as ns
from npseq.data import AGREEMENT_VOCABULARY, agreement_sentences
from npseq.inspect import vanishing_penalty
from npseq.models import Classifier

LAG, BATCH, UPDATES, SEEDS = 40, 16, 250, 4


def network(seed):
    rng = np.random.default_rng(seed)
    words = ns.Embedding(len(AGREEMENT_VOCABULARY), 8, rng=rng)
    return Classifier(ns.RNN(8, 16, rng=rng), 2, embedding=words, rng=rng)


def gradient(model, ids, plural):
    """The loss, the gradients of all parameters, and what the penalty needs: dL/dh of the last step, and tape."""
    logits, tape = model.forward(ids)
    loss, dlogits = ns.softmax_cross_entropy(logits, plural)
    dlast = model.output.backward(dlogits, tape.output)[0][None]
    return loss, model.backward(dlogits, tape)[1], dlast, tape.recurrent


def train(weight, seed):
    model, optimizer, rng, losses = network(seed), ns.Adam(0.01), np.random.default_rng(100 + seed), []
    for _ in range(UPDATES):
        loss, grads, dlast, tape = gradient(model, *agreement_sentences(BATCH, LAG, rng))
        if weight:
            penalty = vanishing_penalty(model.recurrent, None, tape, dlast)
            for name, value in penalty.grads.items():
                grads[f"recurrent.{name}"] += weight / BATCH * value
        ns.clip_grad_norm(grads, 1)
        optimizer.step(model.params, grads)
        losses.append(loss)
    ids, plural = agreement_sentences(400, LAG, rng=9)
    return model, losses, (model.predict(ids) == plural).mean()


def by_step(model):
    """|dL/dh_t|, k steps before the last, over that at the last."""
    _, _, dlast, tape = gradient(model, *agreement_sentences(BATCH, LAG, rng=5))
    adjoints = ns.inspect.ledger(model.recurrent, None, tape, dlast, max_lag=1, pairs=False).adjoints["h"]
    norms = np.sqrt((adjoints.astype(float) ** 2).sum(axis=(1, 2)))[::-1]
    return norms / norms[0]


# the derivative, exact: one entry of W_hh by a complex step, delta_t and h_{t-1} held at their values
layer, rng = ns.RNN(3, 4, dtype=np.float64, rng=0), np.random.default_rng(1)
x, dy = rng.normal(size=(9, 1, 3)), rng.normal(size=(9, 1, 4))
y, _, tape = layer.forward(x)
found = vanishing_penalty(layer, dy, tape)
delta, before = ns.inspect.ledger(layer, dy, tape).adjoints["h"], np.concatenate([np.zeros((1, 1, 4)), y])
W = layer.params["W_hh"].astype(complex)
W[1, 2] += 1e-30j
slope = 1 - np.tanh(x @ layer.params["W_xh"] + before[:-1] @ W + layer.params["b_h"]) ** 2
passed = np.sqrt((((delta * slope) @ W.T) ** 2).sum(axis=2))[1:]
omega = ((passed / np.linalg.norm(delta[1:], axis=2) - 1) ** 2).sum()
error = abs(omega.imag / 1e-30 - found.grads["W_hh"][1, 2]) / abs(found.grads["W_hh"]).max()
print(f"derivative by one weight against a complex step: got {error:.1e}, expected at most 1e-12")

figure = new_figure(10, 4.2)
left, right = figure.subplots(1, 2)
shares = {}
for weight, color in ((0.0, "C3"), (0.1, "C0")):
    label = f"with the penalty, weight {weight}" if weight else "without it"
    runs = [train(weight, seed) for seed in range(SEEDS)]
    shares[weight] = [share for _, _, share in runs]
    for k, (model, losses, _) in enumerate(runs):
        style = {"color": color, "label": None if k else label, "linewidth": 1.2}
        left.semilogy(by_step(model), **style)
        right.plot(np.convolve(losses, np.ones(10) / 10, "valid"), **style)
    print(f"{label}: right verbs of 400, by seed: {', '.join(f'{share:.3f}' for share in shares[weight])}")
left.set(xlabel="steps back from the last", ylabel="|dL/dh|, over that of the last step")
left.set_title("After training: the penalty keeps the norm")
left.legend()
right.axhline(np.log(2), color="black", linestyle=":", linewidth=1)
right.set(xlabel="updates", ylabel="loss (nats; mean of 10; dotted: a guess)")
right.set_title(f"Only with it the noun {LAG} words back is learnt")
save(figure, __file__)
print(f"right verbs with the penalty, the worst of {SEEDS} seeds: got {min(shares[0.1]):.3f}, expected at least 0.95")
