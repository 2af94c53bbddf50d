"""How long a truncation is sure to be long enough? (Aicher, Foti & Fox 2019, arXiv 1905.07473)

    phi_k = sum_t |dl_t/ds_{t-k}|    decays by a factor beta a lag, at least, from lag tau on; then
    bias of Truncated(k) <= E_k = M phi_tau beta^(k - tau) / (1 - beta),    relative bias <= E_k / (|g_k| - E_k)

with M the most that the parameters do to the state in a step. Only the first lags are worked out, the rest is bounded:
here 30 lags of 120, in three networks that have learnt to write, with the exact bias beside the bound. That the decay
goes on beyond those 30 is an assumption. Where the lags that are seen do not decay, as in the last network, there is no
number at all.
"""

import numpy as np
from save_figure import new_figure, save

import npseq as ns
from npseq.data import load_corpus, sequential_windows
from npseq.inspect import ledger, truncation_bias, truncation_certificate
from npseq.training import Epoch, train_epoch

STEPS, SEEN, WANTED = 120, 30, 0.1
ids, vocab = load_corpus(max_tokens=10_000, clean="letters")
x, targets = next(sequential_windows(ids, 16, STEPS, rng=1))


def network(cell):
    """A language model after a few epochs, its tape and what its losses say to it."""
    model, optimizer = ns.LanguageModel(vocab, cell, 24, dtype=np.float64, rng=0), ns.Adam(0.01)
    for epoch in range(8):
        train_epoch(model, ids, optimizer, Epoch(batch_size=32, steps=35, clip=1), rng=epoch)
    y, _, tape = model.recurrent.forward(x)
    logits, head = model.output.forward(y)
    dy = model.output.backward(ns.softmax_cross_entropy(logits, targets)[1], head)[0]
    return model.recurrent, dy, tape


figure = new_figure(10.5, 4.3)
left, right = figure.subplots(1, 2)
least, lengths = np.inf, np.arange(1, SEEN + 1)
for k, cell in enumerate(("rnn", "gru", "lstm")):
    layer, dy, tape = network(cell)
    certificate = truncation_certificate(ledger(layer, dy, tape, max_lag=SEEN, pairs=False), WANTED)
    exact = truncation_bias(ledger(layer, dy, tape, pairs=False))
    whole = truncation_certificate(ledger(layer, dy, tape, pairs=False), tau=certificate.tau)
    later = (whole.phi[SEEN:] / whole.phi[SEEN - 1 : -1]).max()
    least = min(least, (certificate.bias / exact.norm[:SEEN]).min())
    enough = int(np.flatnonzero(exact.relative <= WANTED)[0]) + 1
    print(f"{cell}: beta {certificate.beta:.3f} from lag {certificate.tau} to {SEEN - 1}, at most {later:.3f} later; "
          f"M {certificate.largest_use:.3g}; a relative bias of {WANTED:.0%} needs {enough} steps, and by the "
          f"certificate {certificate.steps}")  # fmt: skip
    left.semilogy(certificate.phi, "o-", color=f"C{k}", markersize=3, label=f"{cell}: beta = {certificate.beta:.3f}")
    right.semilogy(lengths, exact.relative[:SEEN], color=f"C{k}", label=f"{cell}: exact")
    shown = np.where(np.isfinite(certificate.relative), certificate.relative, np.nan)
    right.semilogy(lengths, shown, "--", color=f"C{k}", label=f"{cell}: bound")
left.set(xlabel="lag k", ylabel="phi_k, norms of the losses' adjoints")
left.set_title("By lag: a straight line is a factor beta")
left.legend()
right.axhline(WANTED, color="black", linewidth=1, linestyle=":")
right.set(xlabel="length k of the truncation (steps)", ylabel="bias / gradient's norm", ylim=(1e-7, 20))
right.set_title("The certificate stays above the bias")
right.legend(fontsize=8, ncols=3)
save(figure, __file__)

layer, rng = ns.RNN(4, 8, nonlinearity="relu", dtype=np.float64, rng=0), np.random.default_rng(0)
layer.params["W_hh"] = 1.3 * np.eye(8)
*_, tape = layer.forward(abs(rng.normal(size=(20, 1, 4))))
dy = np.zeros((20, 1, 8))
dy[-1] = 1
print(truncation_certificate(ledger(layer, dy, tape, pairs=False)))
print(f"bound over exact bias, the least of all networks and lengths: got {least:.2f}, expected at least 1")
