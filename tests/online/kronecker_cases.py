"""Layers, and every choice of signs, for methods that keep Kronecker products."""

from itertools import product

import numpy as np

import npseq as ns

T, B, D, H = 4, 3, 2, 3
LENGTHS = np.array([4, 0, 3])
LAYERS = {
    "rnn": lambda **o: ns.RNN(D, H, dtype=np.float64, rng=0, **o),
    "gru": lambda **o: ns.GRU(D, H, dtype=np.float64, rng=0, **o),
    "lstm": lambda **o: ns.LSTM(D, H, dtype=np.float64, rng=0, **o),
    "coupled": lambda **o: ns.Recurrent(ns.gallery.CoupledLSTMCell(), D, H, dtype=np.float64, rng=0, **o),
}


def given(layer, lengths, seed=0):
    """x, dy, the first state, dstate and dc, all random, and the gradient of backward."""
    rng = np.random.default_rng(seed)
    layer.params.flat[:] = rng.normal(size=layer.params.flat.size)
    x = rng.normal(size=(T, B, D))
    first = layer.forward(x)[1]
    drawn = [tuple(rng.normal(size=p.shape) for p in (first if layer.c_size else (first,))) for _ in range(2)]
    state, dlast = drawn if layer.c_size else (one[0] for one in drawn)
    dy, dc = rng.normal(size=(T, B, H)), rng.normal(size=(T, B, layer.c_size)) if layer.c_size else None
    tape = layer.forward(x, state, lengths)[2]
    return (x, dy, state, lengths, dlast), {"dc": dc}, layer.backward(dy, tape, dlast, dc=dc)[2].flat.copy()


def all_signs(layer, rank):
    """Every choice up to a common sign, of the steps that have more than `rank` products.

    A sequence's and a layer's estimate depend on its own signs alone, and all of them have the same here.
    """
    one = [(1.0, *rest) for rest in product([1.0, -1.0], repeat=rank)]
    for chosen in product(one, repeat=T - rank):
        steps = [(1.0,) * (rank + 1)] * rank + list(chosen)
        yield np.broadcast_to(np.array(steps)[:, None, None], (T, layer.num_layers, B, rank + 1)).copy()
