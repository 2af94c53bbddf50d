"""Recurrent layers of every kind, and a network that is written another way."""

import numpy as np

import npseq as ns

F64 = {"dtype": np.float64}


def layers(inputs):
    """Recurrent layers of every kind."""
    return {
        "rnn": ns.RNN(inputs, 3, rng=1, **F64),
        "gru": ns.GRU(inputs, 2, 2, reset="before", rng=1, **F64),
        "lstm": ns.LSTM(inputs, 2, 2, bidirectional=True, rng=1, **F64),
        "peephole": ns.LSTM(inputs, 3, peepholes=True, proj_size=2, rng=1, **F64),
        "two widths": ns.Bidirectional(ns.GRU(inputs, 2, rng=1, **F64), ns.LSTM(inputs, 1, 2, rng=2, **F64)),
    }


KINDS = list(layers(1))


def embedding(count=5, dim=2):
    return ns.Embedding(count, dim, padding_idx=0, rng=3, **F64)


def softmax(z):
    p = np.exp(z - z.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


def elman(params, x):
    """h_t (T, B, H) by the notes' equation."""
    h, found = np.zeros((x.shape[1], params["recurrent.W_hh"].shape[0])), []
    for step in x:
        h = np.tanh(step @ params["recurrent.W_xh"] + h @ params["recurrent.W_hh"] + params["recurrent.b_h"])
        found.append(h)
    return np.array(found)
