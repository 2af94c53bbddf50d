"""The compiled step trains as the plain one does; what it does not take, or does not accept, the plain step gets."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import npseq as ns

IDS, TARGETS = np.random.default_rng(0).integers(0, 6, (2, 9, 1))
MODELS = [("rnn", {}), ("gru", {}), ("lstm", {})]
MODELS += [pytest.param("gru", {"reset": "before"}, marks=pytest.mark.slow)]
MODELS += [pytest.param("lstm", {"proj_size": 3}, marks=pytest.mark.slow)]


def trained(cell: str, steps: int = 3, *, plain: bool = False, dtype=np.float64, **options):
    model, optimizer = ns.LanguageModel(6, cell, 5, rng=0, dtype=dtype, **options), ns.SGD(0.5, momentum=0.9)
    state, said = None, []
    with ns.settings(compiled=not plain):
        for _ in range(steps):
            loss, norm, state = model.step(IDS, TARGETS, state, optimizer, clip=0.5)
            said += [loss, norm]
    parts = state if isinstance(state, tuple) else (state,)
    return model, np.concatenate([said, model.params.flat, *map(np.ravel, parts)])


@pytest.mark.parametrize(("cell", "options"), MODELS)
def test_the_compiled_step_is_the_plain_step(compiled, cell, options):
    model, found = trained(cell, **options)
    assert model._compiled is not None
    np.testing.assert_array_equal(found, trained(cell, **options)[1])
    np.testing.assert_allclose(found, trained(cell, plain=True, **options)[1], rtol=1e-12, atol=1e-14)


def test_float32_keeps_its_type_and_its_digits(compiled):
    model, found = trained("rnn", dtype=np.float32)
    loss, _, h = model.step(IDS, TARGETS, None, ns.SGD(0.1))
    assert {np.asarray(part).dtype.name for part in (loss, h, model.params.flat)} == {"float32"}
    np.testing.assert_allclose(found, trained("rnn", plain=True, dtype=np.float32)[1], rtol=1e-5, atol=1e-6)


def test_a_batch_an_embedding_and_a_stack_take_the_plain_step(compiled):
    for options, ids in (({}, np.ones((4, 2), int)), ({"embedding_size": 3}, IDS), ({"num_layers": 2}, IDS)):
        model = ns.LanguageModel(6, "rnn", 5, rng=0, dtype=np.float64, **options)
        model.step(ids, ids, None, ns.SGD(0.1))
        assert model._compiled is None
    model.step(IDS, IDS, None, ns.SGD(0.1), lengths=np.array([3]))
    assert model._compiled is None


@pytest.mark.parametrize(
    ("ids", "targets", "state"),
    [(IDS + 6, TARGETS, None), (IDS, TARGETS - 9, None), (IDS, TARGETS[1:], None), (IDS, TARGETS, np.ones((1, 1, 4)))],
)
def test_what_is_wrong_is_said_as_ever_and_nothing_is_learnt(compiled, ids, targets, state):
    model = ns.LanguageModel(6, "rnn", 5, rng=0, dtype=np.float64)
    before = model.params.flat.copy()
    with pytest.raises(ValueError, match=r"ids|targets|state") as found:
        model.step(ids, targets, state, ns.SGD(0.1))
    with ns.settings(compiled=False), pytest.raises(ValueError, match=r"ids|targets|state") as expected:
        model.step(ids, targets, state, ns.SGD(0.1))
    assert str(found.value) == str(expected.value)
    np.testing.assert_array_equal(model.params.flat, before)


def test_a_copy_and_other_parameters_begin_anew(compiled):
    model, _ = trained("rnn")
    twin = copy.deepcopy(model)
    assert twin._compiled is None
    twin.step(IDS, TARGETS, None, ns.SGD(0.5))
    model.step(IDS, TARGETS, None, ns.SGD(0.5))
    np.testing.assert_array_equal(twin.params.flat, model.params.flat)
    model.step(IDS[:4], TARGETS[:4], None, ns.SGD(0.5))
    assert model._compiled.steps == 4
