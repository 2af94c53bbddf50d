"""The contract of a cell: its defaults, and cells of a few lines that run in a layer with lengths.

Each is compared with plain loops over numbers, whose gradients are complex steps.
"""

from dataclasses import dataclass, fields

import numpy as np
import pytest
from oracles import recurrent as oracle

import npseq as ns
from npseq.cell import Cell
from npseq.layers.gru import GRUCell
from npseq.layers.lstm import LSTMCell
from npseq.layers.recurrent import Recurrent
from npseq.layers.rnn import RNNCell

T, B, D, H = 4, 3, 2, 3
LENGTHS = np.array([2, 0, 4])


@dataclass(frozen=True)
class Leaky(Cell):
    """h' = h + k (u - h), k a sigmoid and u a tanh; `hears` are the gates that h enters, in the order of the blocks."""

    hears: tuple[str, ...] = ("k", "u")
    gates = ("k", "u")

    @property
    def h_blocks(self):
        return self.hears

    def of(self, blocks):
        """k's block and u's."""
        first = (*self.hears, "k", "u")[0]
        return (blocks[0], blocks[1]) if first == "k" else (blocks[1], blocks[0])

    def forward(self, a, old, new, p, project):
        (h,), (h_new,), (k, u) = old, new, self.of(a)
        k[...] = 1 / (1 + np.exp(-k))
        np.tanh(u, out=u)
        h_new[...] = h + k * (u - h)

    def local_derivatives(self, a, old, new, s):
        (h,), (k, u), (s_k, s_u) = old, self.of(a), self.of(s)
        s_k[...] = (u - h) * k * (1 - k)
        s_u[...] = k * (1 - u * u)

    def backward(self, dnew, a, s, da, p, project):
        (dh,), (k, _), (s_k, s_u), (dk, du) = dnew, self.of(a), self.of(s), self.of(da)
        dk[...] = dh * s_k
        du[...] = dh * s_u
        return (dh * (1 - k),)


class Independent(Cell):
    """h' = tanh(x W_xu + b_u + d h), each unit with a weight of its own (Li et al. 2018, arXiv 1803.04831)."""

    gates, h_blocks, vectors, reads_gates = ("u",), (), ("d",), False

    def forward(self, a, old, new, p, project):
        np.tanh(a[0] + p[0] * old[0], out=new[0])

    def local_derivatives(self, a, old, new, s):
        s[0] = 1 - new[0] ** 2

    def backward(self, dnew, a, s, da, p, project):
        da[0] = dnew[0] * s[0]
        return (da[0] * p[0],)

    def vector_gradients(self, da, old, new):
        return (da[0] * old[0],)


class Multiplied(Cell):
    """h' = tanh(x W_xu + b_u) * sigmoid(h W_hu + b_hu): x and h enter blocks of their own."""

    gates, h_blocks = ("u",), ("hu",)

    def forward(self, a, old, new, p, project):
        v, u = a
        v[...] = 1 / (1 + np.exp(-v))
        np.tanh(u, out=u)
        new[0][...] = u * v

    def local_derivatives(self, a, old, new, s):
        v, u = a
        s[0] = u * v * (1 - v)
        s[1] = (1 - u * u) * v

    def backward(self, dnew, a, s, da, p, project):
        da[...] = dnew[0] * s
        return (None,)


class Projected(Cell):
    """h' = k tanh(x W_xu + h W_hu + b_u) W_hp, with a gate k that h does not enter; h is smaller than H."""

    gates, h_blocks, projection = ("u", "k"), ("u",), "W_hp"

    def forward(self, a, old, new, p, project):
        u, k = a
        np.tanh(u, out=u)
        k[...] = 1 / (1 + np.exp(-k))
        new[0][...] = project(k * u)

    def local_derivatives(self, a, old, new, s):
        u, k = a
        s[0] = k * (1 - u * u)
        s[1] = u * k * (1 - k)

    def backward(self, dnew, a, s, da, p, project):
        da[...] = project(dnew[0]) * s
        return (None,)


# the same number by number -------------------------------------------------------------------------------------------


def leaky(p, x, h, c):
    k = [oracle.sigmoid(oracle.affine(p, "k", x, h if "W_hk" in p else [], j)) for j in range(H)]
    u = [np.tanh(oracle.affine(p, "u", x, h if "W_hu" in p else [], j)) for j in range(H)]
    return [h[j] + k[j] * (u[j] - h[j]) for j in range(H)], c


def independent(p, x, h, c):
    return [np.tanh(oracle.affine(p, "u", x, [], j) + p["d"][j] * h[j]) for j in range(H)], c


def multiplied(p, x, h, c):
    v = [oracle.times(h, p["W_hu"], j) + (p["b_hu"][j] if "b_hu" in p else 0) for j in range(H)]
    return [np.tanh(oracle.affine(p, "u", x, [], j)) * oracle.sigmoid(v[j]) for j in range(H)], c


def projected(p, x, h, c):
    k = [oracle.sigmoid(oracle.affine(p, "k", x, [], j)) for j in range(H)]
    m = [k[j] * np.tanh(oracle.affine(p, "u", x, h, j)) for j in range(H)]
    return [oracle.times(m, p["W_hp"], j) for j in range(len(h))], c


CASES = {  # the cell, the same by numbers, the size of h, the names of what h and the vectors are multiplied with
    "leaky": (Leaky(), leaky, H, {"W_hk", "W_hu"}),
    "leaky, blocks in another order": (Leaky(("u", "k")), leaky, H, {"W_hk", "W_hu"}),
    "leaky, h enters u alone": (Leaky(("u",)), leaky, H, {"W_hu"}),
    "leaky, h enters k alone": (Leaky(("k",)), leaky, H, {"W_hk"}),
    "independent": (Independent(), independent, H, {"d"}),
    "multiplied": (Multiplied(), multiplied, H, {"W_hu", "b_hu"}),
    "projected": (Projected(), projected, 2, {"W_hu", "W_hp"}),
}
every_case = pytest.mark.parametrize("case", CASES)


def layer_of(case, **options):
    cell, _, size, _ = CASES[case]
    return Recurrent(cell, D, H, **({"state_size": size, "dtype": np.float64, "rng": 0} | options))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("layers", "bidirectional"), [(1, False), (2, True)])
@every_case
def test_a_cell_of_a_few_lines_runs_in_a_layer_and_its_gradients_are_right(
    case, layers, bidirectional, bias, monkeypatch
):
    layer = layer_of(case, num_layers=layers, bidirectional=bidirectional, bias=bias)
    layer.params.flat[:] *= 2
    rng, strands = np.random.default_rng(1), layers * layer.directions
    x, h = rng.normal(size=(T, B, D)), rng.normal(size=(strands, B, layer.state_size))
    dy, dh = rng.normal(size=(T, B, layer.output_size)), rng.normal(size=h.shape)
    y, last, tape = layer.forward(x, h, LENGTHS)
    dx, dfirst, grads = layer.backward(dy, tape, dh)

    monkeypatch.setitem(oracle.STEPS, case, CASES[case][1])
    network = oracle.Network(case, layers, layer.directions)
    out = oracle.run(network, dict(layer.params), x, h, None, LENGTHS)
    np.testing.assert_allclose(y, np.array(out.y, float), rtol=0, atol=1e-14)
    np.testing.assert_allclose(last, np.array(out.h, float), rtol=0, atol=1e-14)

    def loss(values):
        out = oracle.run(network, values, values["x"], values["h"], None, LENGTHS)
        return oracle.weighted(out.y, dy) + oracle.weighted(out.h, dh)

    expected = oracle.gradient(loss, {**layer.params, "x": x, "h": h})
    found = {**grads, "x": dx, "h": dfirst}
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-13 * np.abs(value).max(), err_msg=name)


@every_case
def test_h_is_multiplied_with_the_matrices_that_carry_the_names_of_its_blocks(case):
    layer = layer_of(case)
    of_x = {name for gate in layer.cell.gates for name in (f"W_x{gate}", f"b_{gate}")}
    assert set(layer.params) == of_x | CASES[case][3]


@every_case
def test_what_no_name_shows_has_no_gradient(case):
    """Columns of W that h does not use are there for every gate; an optimizer must not see anything in them."""
    layer = layer_of(case)
    grads = layer.params.like(np.full_like(layer.params.flat, np.nan))
    y, _, tape = layer.forward(np.ones((T, B, D)))
    layer.backward(y, tape, grads=grads)
    named = layer.params.like(np.zeros(layer.params.flat.size, bool))
    for name in named:
        named.block(named.layout.names[name][0])[named.layout.names[name][1]] = True
    np.testing.assert_array_equal(grads.flat[~named.flat], 0)
    assert not np.isnan(grads.flat).any()


@every_case
def test_what_is_made_for_layers_takes_them_too(case):
    """Lags, gradients forward in time and the check of every entry read a cell's contract and nothing else."""
    layer, rng = layer_of(case, num_layers=2), np.random.default_rng(0)
    x, dy = rng.normal(size=(T, B, D)), rng.normal(size=(T, B, layer.output_size))
    _, _, tape = layer.forward(x)
    whole = layer.backward(dy, tape)[2]
    far = layer.backward(dy, tape, truncation=ns.Truncated(T + 1))[2]
    np.testing.assert_allclose(far.flat, whole.flat, rtol=0, atol=1e-13)
    np.testing.assert_allclose(ns.checkpointed(layer, x, dy).grads.flat, whole.flat, rtol=0, atol=1e-13)
    assert ns.gradcheck_layer(layer, x, lengths=LENGTHS)


# the contract --------------------------------------------------------------------------------------------------------


class Bare(Cell):
    gates = ("k", "u")


def test_defaults_are_those_of_a_cell_that_h_and_x_enter_alike():
    cell = Bare()
    assert cell.state == ("h",)
    assert cell.reads_gates
    assert cell.h_blocks == ("k", "u")
    assert (cell.local, cell.projection, cell.vectors) == (2, None, ())
    assert cell.vector_gradients(np.ones((2, 1)), None, None) == ()
    assert (cell.masks, cell.saved, cell.initial("b_k", (3,), None)) == ({}, (), None)


def test_there_are_as_many_local_derivatives_as_blocks_unless_a_cell_says_otherwise():
    local = {case: cell.local for case, (cell, *_) in CASES.items()}
    assert local["leaky, h enters u alone"] == 2
    assert local["independent"] == 1
    assert local["multiplied"] == 2
    assert (RNNCell().local, GRUCell("after").local, GRUCell("before").local, LSTMCell().local) == (1, 4, 3, 5)


def test_the_three_methods_are_the_cells_own_to_write():
    cell = Bare()
    for call in (
        lambda: cell.forward(None, None, None, None, None),
        lambda: cell.local_derivatives(None, None, None, None),
        lambda: cell.backward(None, None, None, None, None, None),
    ):
        with pytest.raises(NotImplementedError):
            call()


@pytest.mark.parametrize("cell", [RNNCell("relu"), GRUCell("before"), LSTMCell(True, True)], ids=str)
def test_equal_cells_are_one_key_and_cannot_be_changed(cell):
    again = type(cell)(*(getattr(cell, field.name) for field in fields(cell)))
    assert again == cell
    assert hash(again) == hash(cell)
    with pytest.raises(AttributeError, match="cannot assign"):
        cell.gates = ()
