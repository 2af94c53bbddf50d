"""The GRU in Ng's form beside PyTorch's operations, and beside the other form."""

import numpy as np
from gallery.conformance import affine, check, layer_of

import npseq as ns
from npseq.gallery import NgGRUCell


def step(p, x, s):
    r, z = affine(p, "r", x, s["h"]).sigmoid(), affine(p, "z", x, s["h"]).sigmoid()
    n = affine(p, "n", x, r * s["h"]).tanh()
    return {"h": z * n + (1 - z) * s["h"]}


def test_it_is_its_equations():
    check(NgGRUCell(), step)


def test_with_the_update_gates_weights_negated_it_is_the_gru():
    layer = layer_of(NgGRUCell())
    gru = ns.GRU(2, 3, 3, reset="before", bidirectional=True, dtype=np.float64)
    for name, value in layer.params.items():
        gru.params[name] = -value if name[2:4] in ("xz", "hz") or name.startswith("b_z") else value
    x = np.random.default_rng(0).normal(size=(4, 2, 2))
    np.testing.assert_allclose(layer.forward(x)[0], gru.forward(x)[0], rtol=0, atol=1e-14)
