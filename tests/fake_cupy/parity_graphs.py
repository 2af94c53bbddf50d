"""A training step as a CUDA graph gives the numbers of plain launches, batch after batch.

The fake CuPy's graphs repeat the recorded calls on the same memory, so a value that was captured by mistake shows.
"""

from __future__ import annotations

import numpy as np
import pytest
from fake_cupy.parity_models import OPTIONS, B, T, V

import npseq as ns
from npseq.gpu.settings import CURRENT, settings
from npseq.layers.states import state_arrays


@pytest.fixture(autouse=True)
def with_graphs():
    if not CURRENT.graphs:
        pytest.skip("no C compiler: the fake CuPy has no graphs")


def model_of(name="lstm", vocab=V, **options):
    return ns.LanguageModel(vocab, hidden_size=8, dtype=np.float64, rng=0, **OPTIONS[name] | options)


def batches(device, count, vocab=V, steps=T, size=B):
    rng = np.random.default_rng(0)
    return [tuple(device.xp.asarray(rng.integers(0, vocab, (steps, size))) for _ in "xy") for _ in range(count)]


def train(model, given, optimizer, clip=0.1, graphs=True, lr=None, **options):
    """(loss, norm) of each step; every fourth step starts at zero, the others from the last state."""
    found, state = [], None
    with settings(graphs=graphs):
        for k, (ids, targets) in enumerate(given):
            if lr is not None:
                optimizer.lr = lr(k)
            start = None if k % 4 == 3 else state
            loss, norm, state = model.step(ids, targets, start, optimizer, clip, **options)
            found.append((loss, norm))
    return np.array([(float(loss), float(norm)) for loss, norm in found]), state


def is_captured(model) -> bool:
    return model._graphed is not None and model._graphed.static is not None


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("vocab", [V, 140])
def test_a_graph_gives_the_numbers_of_plain_launches(device, name, vocab):
    """Ten batches, seven of them replayed: the graph keeps nothing of the third one."""
    models = [model_of(name, vocab).to("gpu") for _ in "12"]
    given = batches(device, 10, vocab)
    found, last = train(models[0], given, ns.SGD(0.5))
    expected, plain_last = train(models[1], given, ns.SGD(0.5), graphs=False)
    assert is_captured(models[0])
    assert not is_captured(models[1])
    np.testing.assert_allclose(found, expected, rtol=1e-11)
    np.testing.assert_allclose(models[0].params.flat.get(), models[1].params.flat.get(), rtol=0, atol=1e-12)
    for ours, theirs in zip(state_arrays(last), state_arrays(plain_last), strict=True):
        np.testing.assert_allclose(ours.get(), theirs.get(), rtol=0, atol=1e-12)


def test_what_an_optimizer_changes_is_not_in_the_graph(device):
    """Adam's corrections depend on the number of the step; a new learning rate acts at once."""
    models = [model_of().to("gpu") for _ in "12"]
    given, lr = batches(device, 9), lambda k: 0.1 / (1 + k)
    found, _ = train(models[0], given, ns.Adam(0.1), lr=lr)
    expected, _ = train(models[1], given, ns.Adam(0.1), lr=lr, graphs=False)
    assert is_captured(models[0])
    np.testing.assert_allclose(found, expected, rtol=1e-11)


def test_a_graph_of_chunks_with_a_context_gives_the_same_numbers(device):
    models = [model_of().to("gpu") for _ in "12"]
    given = [(ids, targets[2:]) for ids, targets in batches(device, 7)]
    found, _ = train(models[0], given, ns.SGD(0.5), context=2, state_at=3)
    expected, _ = train(models[1], given, ns.SGD(0.5), context=2, state_at=3, graphs=False)
    assert is_captured(models[0])
    np.testing.assert_allclose(found, expected, rtol=1e-11)


@pytest.mark.parametrize("optimizer", [ns.SGD, ns.Adam])
def test_which_step_was_captured_makes_no_difference_to_a_bit(device, optimizer):
    """A resumed run starts with plain launches where an uninterrupted one replays."""
    given = batches(device, 8)
    straight, stopped = (model_of(embedding_size=5).to("gpu") for _ in "12")
    train(straight, given, optimizer(0.1))
    first = optimizer(0.1)
    _, state = train(stopped, given[:4], first)
    resumed, again = model_of(embedding_size=5).to("gpu"), optimizer(0.1)
    resumed.params.flat[...] = stopped.params.flat
    again.load_state_dict(first.state_dict())
    for k, (ids, targets) in enumerate(given[4:], 4):
        state = resumed.step(ids, targets, None if k % 4 == 3 else state, again, 0.1)[2]
    assert resumed.params.flat.get().tobytes() == straight.params.flat.get().tobytes()


def test_results_of_a_step_do_not_change_with_the_next_one(device):
    """Loss, norm and state of a step are not those of the next one."""
    model, given = model_of().to("gpu"), batches(device, 6)
    kept, seen, state = [], [], None
    for ids, targets in given:
        loss, norm, state = model.step(ids, targets, state, ns.SGD(0.5), 0.1)
        kept.append((loss, norm, *state))
        seen.append([array.get() for array in kept[-1]])
    for arrays, numbers in zip(kept, seen, strict=True):
        for array, number in zip(arrays, numbers, strict=True):
            np.testing.assert_array_equal(array.get(), number)


def test_a_replay_waits_for_nothing(device):
    model, given = model_of(embedding_size=5).to("gpu"), batches(device, 8)
    optimizer, state = ns.Adam(0.01), None
    for ids, targets in given[:3]:
        state = model.step(ids, targets, state, optimizer, 0.1)[2]
    assert is_captured(model)
    with device.no_sync():
        for ids, targets in given[3:]:
            state = model.step(ids, targets, state, optimizer, 0.1)[2]
