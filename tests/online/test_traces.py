"""Which cells' units stand alone, and what their traces carry."""

import numpy as np
import pytest

import npseq as ns
from npseq.online.traces import carried_parts

ALONE = {"IndRNNCell": (0,), "LRUCell": (1, 2), "MinGRUCell": (0,), "MinLSTMCell": (0,)}
BY_THEMSELVES = {  # where the h that products read is held fixed
    **ALONE,
    "CoupledLSTMCell": (1,),
    "JANETCell": (0,),
    "LeakyRNNCell": (0,),
    "SLSTMCell": (1, 2, 3),
}


@pytest.mark.parametrize("name", ns.gallery.__all__)
def test_the_cells_of_the_gallery(name):
    cell = getattr(ns.gallery, name)()
    assert carried_parts(cell, False) == ALONE.get(name)
    if name in BY_THEMSELVES:
        assert carried_parts(cell, True) == BY_THEMSELVES[name]


def test_our_own_cells():
    cells = [ns.RNN(2, 2).cell, ns.GRU(2, 2).cell, ns.LSTM(2, 2).cell, ns.LSTM(2, 3, peepholes=True, proj_size=2).cell]
    assert [carried_parts(cell, False) for cell in cells] == [None] * 4
    assert [carried_parts(cell, True) for cell in cells] == [(), (0,), (1,), (1,)]
    assert carried_parts(ns.GRU(2, 2, reset="before").cell, True) is None  # its second product mixes units
    assert carried_parts(ns.gallery.LayerNormLSTMCell(), True) is None


@pytest.mark.parametrize("name", ALONE)
def test_they_are_the_influence_of_each_unit_on_itself(name):
    layer, rng = ns.Recurrent(getattr(ns.gallery, name)(), 2, 3, dtype=np.float64, rng=0), np.random.default_rng(0)
    x = rng.normal(size=(5, 2, 2))
    dy = np.zeros((5, 2, 3))
    whole, found = ns.rtrl(layer, x, dy).influence, ns.online.diagonal_rtrl(layer, x, dy).influence
    for key, traces in found.items():
        for k, part in enumerate(ALONE[name]):
            for unit in range(3):
                row = whole[key][:, part * 3 + unit]
                np.testing.assert_allclose(traces[:, k, ..., unit], row[..., unit], rtol=1e-12, atol=1e-14)
                assert not np.delete(row, unit, axis=-1).any()
    size = sum(part.size for part in found.values())
    n = (1 + (name == "LRUCell") * 2) * 3
    assert size <= len(ALONE[name]) / n * sum(part.size for part in whole.values())
