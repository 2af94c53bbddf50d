"""The first value of a language model's step that is not finite, and what has none."""

import numpy as np
import pytest
from nonfinite_cases import B, D, H, T, every_cell, layer_of, model_and_ids, numbers

import npseq as ns
from npseq.inspect import first_nonfinite


@every_cell
def test_a_finite_pass_has_none(cell):
    layer, x = layer_of(cell, num_layers=2, bidirectional=True), numbers(T, B, D)
    assert first_nonfinite(layer, x) is None
    assert first_nonfinite(layer, x, dy=numbers(T, B, 2 * H)) is None
    model = ns.LanguageModel(D, cell, H, rng=0)
    ids = np.random.default_rng(0).integers(0, D, (T, B))
    assert first_nonfinite(model, ids, ids, optimizer=ns.Adam(), clip=1.0) is None


def test_it_is_found_in_the_logits():
    model, ids = model_and_ids()
    model.params["output.W"][:, 1], model.params["output.b"][1] = 3e38, 3e38
    model.params["output.W"][0, 1] = 0
    model.params["recurrent.b_n"][...] = 9
    found = first_nonfinite(model, ids, ids)
    assert (found.kind, found.index, found.value) == ("logits", (1,), np.inf)


def test_it_is_found_in_the_loss():
    model, ids = model_and_ids()
    model.params["output.W"][...], model.params["output.b"][...] = 0, [3e38, -3e38, -3e38, -3e38]
    ids[...] = 0
    targets = ids.copy()
    targets[4, 2] = 1
    found = first_nonfinite(model, ids, targets)
    assert (found.kind, found.step, found.example, found.value) == ("loss", 4, 2, np.inf)


def test_steps_are_counted_over_the_context():
    model, ids = model_and_ids()
    model.params["output.W"][...], model.params["output.b"][...] = 0, [3e38, -3e38, -3e38, -3e38]
    targets = np.zeros((T - 2, B), int)
    targets[1, 2] = 1
    found = first_nonfinite(model, ids, targets, context=2)
    assert (found.kind, found.step, found.example) == ("loss", 3, 2)


def test_nothing_is_written():
    model, ids = model_and_ids()
    optimizer, before, kept = ns.SGD(0.1, momentum=0.9), model.params.flat.copy(), ids.copy()
    assert first_nonfinite(model, ids, ids, optimizer=optimizer) is None
    np.testing.assert_array_equal(model.params.flat, before)
    np.testing.assert_array_equal(ids, kept)
    assert (optimizer.state, optimizer.steps) == ({}, 0)


def test_an_update_that_overflows_is_named():
    model, ids = model_and_ids(dtype=np.float32)
    model.params["output.b"][...] = [0, 3, 0, 0]
    found = first_nonfinite(model, ids, np.zeros_like(ids), optimizer=_Explodes("output.b"))
    assert (found.kind, found.name, found.index) == ("update", "output.b", (2,))
    assert "in after the update output.b, entry 2" in str(found)


class _Explodes(ns.SGD):
    def __init__(self, name):
        super().__init__(1.0)
        self.name = name

    def step(self, params, grads):
        params[self.name][2] = np.inf


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((ns.RNN(2, 2, rng=0), np.zeros((1, 1), int), np.zeros((1, 1), int)), "a layer takes dy, neither targets"),
        ((ns.Linear(2, 2, rng=0), np.zeros((1, 2))), "model must be a LanguageModel or a recurrent layer, got Linear"),
    ],
)
def test_a_model_or_arguments_of_another_kind_are_refused(arguments, message):
    with pytest.raises(TypeError, match=message):
        first_nonfinite(*arguments)
    model, ids = model_and_ids()
    with pytest.raises(TypeError, match=r"a LanguageModel takes targets, neither lengths nor dy; look into its layer"):
        first_nonfinite(model, ids, lengths=np.ones(B, int))
