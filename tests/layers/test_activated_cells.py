"""RNN, GRU and LSTM with other activations, in everything that npseq does with a layer, beside PyTorch's operations."""

import numpy as np
import pytest
from gallery.conformance import affine, check

import npseq as ns
from npseq.layers.gru import GRUCell
from npseq.layers.lstm import LSTMCell
from npseq.layers.rnn import RNNCell

T, B, D, H = 6, 3, 2, 3
LENGTHS = np.array([6, 0, 4])
SIXTH = "hard_sigmoid(alpha=0.16666666666666666)"  # PyTorch's, whose derivative in float64 is 1/6 of float32
CELLS = [
    RNNCell("gelu"),
    RNNCell("elu(alpha=0.5)"),
    GRUCell("after", SIXTH, "silu"),
    GRUCell("before", "softsign", "leaky_relu"),
    LSTMCell(True, False, "sigmoid(clip=0.8)", "softplus", "mish"),
    LSTMCell(False, False, SIXTH, "selu", "linear"),
    ns.gallery.InputForgetLSTMCell(True, "softsign", "celu", "silu"),
]
every_cell = pytest.mark.parametrize("cell", CELLS, ids=str)


def function(text):
    """PyTorch's function of this text."""
    torch = pytest.importorskip("torch")
    names = {
        SIXTH: lambda x: torch.clamp(x / 6 + 0.5, 0, 1),
        "elu(alpha=0.5)": lambda x: torch.nn.functional.elu(x, 0.5),
        "linear": lambda x: x,
    }
    names |= {"sigmoid(clip=0.8)": lambda x: torch.sigmoid(torch.clamp(x, -0.8, 0.8))}
    found = names.get(text, text)
    return found if callable(found) else getattr(torch.nn.functional, found, None) or getattr(torch, found)


def rnn(cell):
    phi = function(cell.nonlinearity)
    return lambda p, x, s: {"h": phi(affine(p, "h", x, s["h"]))}


def gru(cell):
    sigma, phi = function(cell.gate_activation), function(cell.activation)

    def step(p, x, s):
        h = s["h"]
        r, z = (sigma(affine(p, gate, x, h)) for gate in "rz")
        if cell.reset == "before":
            n = phi(affine(p, "n", x, r * h))
        else:
            n = phi(affine(p, "n", x) + r * (h @ p["W_hn"] + p["b_hn"]))
        return {"h": z * h + (1 - z) * n}

    return step


def lstm(cell):
    sigma, phi, psi = (function(text) for text in (cell.gate_activation, cell.activation, cell.output_activation))

    def step(p, x, s):
        h, c = s["h"], s["c"]
        i, f = (sigma(affine(p, k, x, h) + p.get(f"p_{k}", 0) * c) for k in "if")
        new = f * c + i * phi(affine(p, "g", x, h))
        return {"h": sigma(affine(p, "o", x, h) + p.get("p_o", 0) * new) * psi(new), "c": new}

    return step


@pytest.mark.parametrize("cell", CELLS[:-1], ids=str)  # tests/gallery has the last
def test_it_is_its_equations(cell):
    steps = {RNNCell: rnn, GRUCell: gru, LSTMCell: lstm}
    check(cell, steps[type(cell)](cell))


def made(cell, **options):
    layer = ns.Recurrent(cell, D, H, num_layers=2, dtype=np.float64, rng=0, **options)
    x = np.random.default_rng(0).normal(size=(T, B, D))
    return layer, x, np.random.default_rng(1).normal(size=(T, B, layer.output_size))


def assert_same(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * abs(expected).max())


@every_cell
def test_a_ledger_adds_up_to_the_gradient_and_finds_all_states(cell):
    layer, x, dy = made(cell, bidirectional=True)
    tape = layer.forward(x, None, LENGTHS)[2]
    grads, book = layer.backward(dy, tape)[2], ns.inspect.ledger(layer, dy, tape)
    for table in (book.per_step, book.per_lag, book.per_example):
        for name, value in grads.items():
            assert_same(table[name].sum(axis=0), value)
    assert ns.inspect.first_nonfinite(layer, x, dy=dy) is None


@every_cell
def test_online_and_checkpointed_gradients_are_backwards(cell):
    layer, x, dy = made(cell)
    grads = layer.backward(dy, layer.forward(x, None, LENGTHS)[2])[2]
    assert_same(ns.rtrl(layer, x, dy, None, LENGTHS).grads.flat, grads.flat)
    assert_same(ns.checkpointed(layer, x, dy, None, LENGTHS, max_bytes=20_000).grads.flat, grads.flat)


@every_cell
def test_truncated_gradients_are_those_of_frozen_states(cell):
    layer, x, _ = made(cell)
    assert ns.gradcheck_layer(layer, x, lengths=LENGTHS, truncation=ns.Truncated(2))


@every_cell
def test_resets_begin_anew(cell):
    layer, x, dy = made(cell)
    resets = np.zeros((T, B), bool)
    resets[4] = True
    y, _, tape = layer.forward(x, resets=resets)
    halves = [layer.forward(x[part]) for part in (slice(0, 4), slice(4, T))]
    assert_same(y, np.concatenate([half[0] for half in halves]))
    grads = [
        layer.backward(dy[part], half[2])[2].flat for part, half in zip((slice(0, 4), slice(4, T)), halves, strict=True)
    ]
    assert_same(layer.backward(dy, tape)[2].flat, sum(grads))


@pytest.mark.parametrize("cell", CELLS[4:6], ids=str)
def test_the_adjoint_of_the_cell_state_is_by_every_path(cell):
    """A complex step of c_t: on its way to its own h and, by a peephole, through o."""
    layer, x, dy = made(cell)
    layer = ns.Recurrent(cell, D, H, dtype=np.float64, rng=0)
    dy = dy[:, :, :H]
    tape = layer.forward(x)[2]
    found = ns.inspect.ledger(layer, dy, tape).adjoints["c"]
    strand, t = tape.strands[0][0], 2
    for j in range(H):
        c = strand.c[t + 1].astype(complex)
        c[j] += 1e-30j
        o = strand.a[t, 0].astype(complex)
        if cell.peepholes:
            before = strand.a[t, 4] - layer.params["p_o"][:, None] * strand.c[t + 1]
            o = cell.functions[0](before + layer.params["p_o"][:, None] * c, np.empty_like(c))
        h = o * cell.functions[2](c, np.empty_like(c))
        y = layer.astype(np.complex128).forward(x[t + 1 :].astype(complex), (h.T[None], c.T[None]))[0]
        slope = (h.T * dy[t]).sum(axis=1) + (y * dy[t + 1 :]).sum(axis=(0, 2))
        np.testing.assert_allclose(found[t, :, j], slope.imag / 1e-30, rtol=1e-11, atol=1e-13)
