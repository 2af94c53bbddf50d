"""When a training step is captured, replayed or launched plainly, and what it says; its numbers: parity_graphs.py."""

from __future__ import annotations

import copy
import logging
import pickle
import sys

import numpy as np
import pytest
from fake_cupy import device_cublas, device_module
from fake_cupy.device import Device
from fake_cupy.device_queue import Stream, state
from fake_cupy.parity_graphs import batches as batches_of
from fake_cupy.parity_graphs import is_captured, model_of, train
from fake_cupy.parity_models import B, T, V
from fake_cupy.transfers import no_sync

import npseq as ns
from npseq.gpu import settings

pytestmark = pytest.mark.skipif(device_cublas.library() is None, reason="no C compiler for the fake cuBLAS")


def batches(cupy, count, **sizes):
    return batches_of(Device(cupy, no_sync), count, **sizes)


@pytest.fixture(autouse=True)
def cupy(monkeypatch):
    module = device_module.make()
    monkeypatch.setitem(sys.modules, "cupy", module)
    yield module
    state.recording = None


def test_another_shape_takes_plain_launches_and_says_so_once(cupy, caplog):
    models = [model_of().to("gpu") for _ in "12"]
    short = batches(cupy, 2, size=3)
    given = [*batches(cupy, 4), *batches(cupy, 2, steps=T - 2), *batches(cupy, 2)]
    with caplog.at_level(logging.WARNING, "npseq"):
        found, _ = train(models[0], given, ns.SGD(0.5))
        ours = models[0].step(*short[0], None, ns.SGD(0.5))
    expected, _ = train(models[1], given, ns.SGD(0.5), graphs=False)
    np.testing.assert_allclose(found, expected, rtol=1e-11)
    assert float(ours[0]) == pytest.approx(float(models[1].step(*short[0], None, ns.SGD(0.5))[0]), rel=1e-11)
    assert len(caplog.records) == 1
    assert "takes plain launches where shapes or options are not those that were captured" in caplog.text


@pytest.mark.parametrize("change", ["clip", "fused", "parameters"])
def test_another_option_is_not_replayed(cupy, change):
    models = [model_of().to("gpu") for _ in "12"]
    given = batches(cupy, 4)
    for model, graphs in zip(models, (True, False), strict=True):
        train(model, given[:3], ns.SGD(0.5), graphs=graphs)
    if change == "parameters":
        for model in models:
            model.to("cpu").to("gpu")
    with settings(fused=change != "fused"):
        clip = 0.01 if change == "clip" else 0.1
        found, expected = (train(model, given[3:], ns.SGD(0.5), clip=clip)[0] for model in models)
    np.testing.assert_allclose(found, expected, rtol=1e-11)
    np.testing.assert_allclose(models[0].params.flat.get(), models[1].params.flat.get(), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("options", "step"),
    [
        ({"dropout": 0.5}, {}),
        ({}, {"truncation": ns.Truncated(2)}),
        ({}, {"truncation": ns.RandomTruncation(0.5, 0)}),
        ({}, {"all_reduce": lambda loss, grads: loss}),
    ],
)
def test_what_the_host_decides_is_never_captured(cupy, options, step, caplog):
    model = model_of(**options).to("gpu")
    train(model, batches(cupy, 5), ns.SGD(0.5), **step)
    assert model._graphed is None or not is_captured(model)
    assert not caplog.records


def test_of_shapes_that_take_turns_the_first_to_come_three_times_is_captured(cupy):
    model, wide, narrow = model_of().to("gpu"), batches(cupy, 1)[0], batches(cupy, 1, steps=T - 1)[0]
    train(model, [narrow, wide, wide, narrow, wide], ns.SGD(0.5))
    assert is_captured(model)
    assert model._graphed.key[0][0] == wide[0].shape


def test_a_wrong_state_at_the_step_that_would_be_captured_is_no_reason_to_give_up(cupy, caplog):
    model, given = model_of().to("gpu"), batches(cupy, 4)
    train(model, given[:2], ns.SGD(0.5))
    with pytest.raises(ValueError, match=r"state\[0\] \(h\) must have shape"):
        model.step(*given[2], (cupy.zeros((1, B + 1, 8)), cupy.zeros((1, B, 8))), ns.SGD(0.5))
    train(model, given[2:], ns.SGD(0.5))
    assert is_captured(model)
    assert not caplog.records


def test_on_the_host_there_is_no_graph():
    model, rng = model_of(), np.random.default_rng(0)
    for _ in range(4):
        model.step(*rng.integers(0, V, (2, T, B)), None, ns.SGD(0.5))
    assert model._graphed is None


@pytest.mark.parametrize("place", ["npseq.gpu.capture.Products", "npseq.gpu.graph.Products"])
def test_a_step_that_cannot_be_captured_says_so_once(cupy, monkeypatch, caplog, place):
    def missing(xp, tf32):
        raise OSError("the products of a CUDA graph need libcublas.so.99")

    monkeypatch.setattr(place, missing)
    models = [model_of().to("gpu") for _ in "12"]
    given = batches(cupy, 6)
    found, _ = train(models[0], given, ns.SGD(0.5))
    expected, _ = train(models[1], given, ns.SGD(0.5), graphs=False)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert [record.getMessage() for record in caplog.records] == [
        "npseq: the training step continues with plain launches, it could not become a CUDA graph: "
        "the products of a CUDA graph need libcublas.so.99"
    ]


@pytest.mark.parametrize("call", ["RawKernel.__call__", "ndarray.__setitem__", "<lambda>"])
def test_a_graph_of_other_numbers_is_not_used(cupy, monkeypatch, caplog, call):
    """The first launch is held against the plain step: here the graph forgets a kernel, a copy or a product."""
    right = Stream.end_capture

    def forgetful(self):
        graph = right(self)
        at = [k for k, one in enumerate(graph._calls) if one.__name__ == call]
        del graph._calls[at[len(at) // 2]]
        return graph

    monkeypatch.setattr(Stream, "end_capture", forgetful)
    models = [model_of("rnn").to("gpu") for _ in "12"]
    given = batches(cupy, 5)
    found, _ = train(models[0], given, ns.SGD(0.5))
    expected, _ = train(models[1], given, ns.SGD(0.5), graphs=False)
    assert not is_captured(models[0])
    assert "numbers are not those of plain launches" in caplog.text
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda graphed: pickle.loads(pickle.dumps(graphed))])
def test_a_copy_of_a_graph_begins_anew(cupy, copied):
    model = model_of().to("gpu")
    train(model, batches(cupy, 4), ns.SGD(0.5))
    assert is_captured(model)
    assert copied(model._graphed).static is None


def test_a_copy_of_a_model_begins_anew(cupy):
    model, given = model_of().to("gpu"), batches(cupy, 5)
    train(model, given[:4], ns.SGD(0.5))
    other = copy.deepcopy(model)
    assert is_captured(model)
    assert not is_captured(other)
    before = model.params.flat.get()
    train(other, given, ns.SGD(0.5))
    np.testing.assert_array_equal(model.params.flat.get(), before)
    twin = model_of().to("gpu")
    train(twin, given[:4], ns.SGD(0.5))
    train(twin, given, ns.SGD(0.5))
    np.testing.assert_allclose(other.params.flat.get(), twin.params.flat.get(), rtol=1e-4, atol=1e-5)


def test_bad_arguments_are_told_as_without_a_graph(cupy):
    model, given = model_of().to("gpu"), batches(cupy, 4)
    train(model, given, ns.SGD(0.5))
    ids, targets = given[0]
    with pytest.raises(TypeError, match=r"layer\.to\("):
        model.step(ids.get(), targets, None, ns.SGD(0.1), 0.1)
    with pytest.raises(ValueError, match=r"state\[0\] \(h\) must have shape"):
        model.step(ids, targets, (cupy.zeros((1, B, 8)), cupy.zeros((1, B, 8))), ns.SGD(0.1), 0.1)
    with pytest.raises(ValueError, match="one shape"):
        model.step(ids, targets[1:], None, ns.SGD(0.1), 0.1)
