"""Generation in compiled steps scores every token as the plain steps do, to rounding."""

from __future__ import annotations

import numpy as np
import pytest

import npseq as ns
from npseq.bptt.compiled import compiled_step
from npseq.models.decoding.generation import Stepper

OPTIONS = {
    "gru": {"cell": "gru"},
    "before": {"cell": "gru", "reset": "before"},
    "lstm": {"cell": "lstm"},
    "peepholes": {"cell": "lstm", "peepholes": True, "proj_size": 3, "num_layers": 2},
    "embedding": {"cell": "lstm", "embedding_size": 4, "num_layers": 2},
    "lru": {"cell": ns.gallery.LRUCell()},
    "zoneout": {"cell": ns.gallery.ZoneoutLSTMCell()},
}
SLOW = ("before", "lru", "zoneout")


def scores(options):
    model = ns.LanguageModel(7, hidden_size=6, dtype=np.float64, rng=0, **options)
    stepper = Stepper(model.embedding, model.recurrent, model.output)
    return np.array([stepper.scores(token).copy() for token in (3, 1, 4, 1, 5, 6, None, 2)])


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in OPTIONS])
def test_compiled_steps_score_as_plain_ones(compiled, name):
    found = scores(OPTIONS[name])
    with ns.settings(compiled=False):
        expected = scores(OPTIONS[name])
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
    assert not np.array_equal(found[0], found[2])


def arrays(layer, batch=1):
    w, H = layer.weights(0, 0), layer.hidden_size
    a = np.zeros((len(w.blocks.names) + len(w.blocks.saved), H, batch), layer.dtype)
    return layer.cell, w, a, np.zeros((2, H + 1, batch), layer.dtype), np.zeros((2, layer.c_size, batch), layer.dtype)


def test_only_one_sequence_of_several_gates_is_compiled(compiled):
    assert compiled_step(*arrays(ns.GRU(2, 3, rng=0))) is not None
    assert compiled_step(*arrays(ns.GRU(2, 3, rng=0), batch=2)) is None
    assert compiled_step(*arrays(ns.RNN(2, 3, rng=0))) is None
    assert compiled_step(*arrays(ns.GRU(2, 3, dtype=complex, rng=0))) is None


def test_what_is_not_asked_for_is_not_compiled():
    assert compiled_step(*arrays(ns.GRU(2, 3, rng=0))) is None
