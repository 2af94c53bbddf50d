"""Losses, optimizers and clipping give the host's numbers on a device, where they stay."""

from __future__ import annotations

import numpy as np
import pytest

import npseq as ns
from npseq.layers import LSTM

SHAPE, V = (5, 3), 7
REDUCTIONS = ["mean", "sum", "none"]
OPTIMIZERS = {
    "SGD": lambda: ns.SGD(0.1),
    "SGD momentum": lambda: ns.SGD(0.1, momentum=0.9, dampening=0.1, weight_decay=0.01),
    "SGD nesterov": lambda: ns.SGD(0.1, momentum=0.9, nesterov=True),
    "RMSprop": lambda: ns.RMSprop(0.01),
    "RMSprop centered": lambda: ns.RMSprop(0.01, momentum=0.9, centered=True, weight_decay=0.01),
    "Adam": lambda: ns.Adam(0.01, weight_decay=0.01),
    "Adam amsgrad": lambda: ns.Adam(0.01, amsgrad=True),
    "AdamW": lambda: ns.AdamW(0.01),
    "Adagrad": lambda: ns.Adagrad(0.01, lr_decay=0.1),
}


def numbers(seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(*SHAPE, V)).astype(dtype), rng.integers(0, V, SHAPE), rng.random(SHAPE).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("options", [{}, {"ignore_index": 2}, {"label_smoothing": 0.1}, {"ignore_index": -1}])
def test_cross_entropy_is_the_hosts(device, dtype, reduction, options):
    logits, targets, weights = numbers(dtype=dtype)
    if "ignore_index" in options:
        targets[1, 1] = options["ignore_index"]
    for value, w in ((logits, None), (300 * logits, weights.real), (logits.swapaxes(0, 1).copy().swapaxes(0, 1), None)):
        expected = ns.softmax_cross_entropy(value, targets, weights=w, reduction=reduction, **options)
        value, ids, w = device.put((value, targets, w))
        with device.no_sync():
            found = ns.softmax_cross_entropy(value, ids, weights=w, reduction=reduction, **options)
        device.assert_same(found, expected)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_other_losses_are_the_hosts(device, reduction):
    logits, _, weights = numbers()
    targets = np.random.default_rng(1).random(logits.shape)
    for loss in (ns.binary_cross_entropy, ns.mean_squared_error):
        for w in (None, weights[..., None]):
            expected = loss(60 * logits, targets, weights=w, reduction=reduction)
            ours = device.put((60 * logits, targets, w))
            with device.no_sync():
                found = loss(ours[0], ours[1], weights=ours[2], reduction=reduction)
            device.assert_same(found, expected)


def test_perplexity_is_the_hosts(device):
    for value in (1.5, 1e4):
        device.assert_same(ns.perplexity(device.xp.asarray(value)), ns.perplexity(np.asarray(value)))


def test_losses_refuse_mixed_arrays(device):
    logits, targets, _ = numbers()
    with pytest.raises(TypeError, match=r"cupy\.asarray"):
        ns.softmax_cross_entropy(device.put(logits), targets)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_make_the_hosts_steps(device, name, dtype):
    found, expected = OPTIMIZERS[name](), OPTIMIZERS[name]()
    there, here = LSTM(3, 4, dtype=dtype, rng=0).to("gpu"), LSTM(3, 4, dtype=dtype, rng=0)
    for seed in range(3):
        gradient = np.random.default_rng(seed).normal(size=here.params.flat.shape).astype(dtype)
        ours = there.params.like(device.put(gradient))
        with device.no_sync():
            found.step(there.params, ours)
        expected.step(here.params, here.params.like(gradient))
        again = OPTIMIZERS[name]()
        again.load_state_dict(found.state_dict())
        found = again
    device.assert_same(there.params.flat, here.params.flat)
    device.assert_same({key: found.state[key] for key in expected.state}, expected.state)


@pytest.mark.parametrize("scale", [1.0, 1e-3, 0.0, 1e30, np.nan])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_clipping_is_the_hosts(device, dtype, scale):
    rng = np.random.default_rng(0)
    grads = {"a": (scale * rng.normal(size=(3, 4))).astype(dtype), "b": (scale * rng.normal(size=5)).astype(dtype)}
    ours = device.put(grads)
    with device.no_sync():
        norm = ns.clip_grad_norm(ours, 0.5)
        by_value = device.put(grads)
        ns.clip_grad_value(by_value, 0.3)
    expected = ns.clip_grad_norm(copied := {name: array.copy() for name, array in grads.items()}, 0.5)
    device.assert_same(norm, np.asarray(expected, dtype))
    device.assert_same(ours, copied)
    ns.clip_grad_value(grads, 0.3)
    device.assert_same(by_value, grads)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_biases_are_set_on_the_device(device, dtype):
    """Initial weights are drawn on the host; initializers of biases write on the device."""
    there, here = LSTM(3, 4, 2, dtype=dtype, rng=0).to("gpu"), LSTM(3, 4, 2, dtype=dtype, rng=0)
    drawn = ns.initializers.orthogonal((4, 4), 0, dtype)
    there.params["W_hf"], here.params["W_hf"] = device.put(drawn), drawn
    ns.initializers.forget_bias(there.params, 2.0)
    ns.initializers.forget_bias(here.params, 2.0)
    device.assert_same(there.params.flat, here.params.flat)
    ns.initializers.chrono(there.params, 30, rng=1)
    ns.initializers.chrono(here.params, 30, rng=1)
    device.assert_same(there.params.flat, here.params.flat)
    ns.initializers.keras(there.params, rng=1)
    ns.initializers.keras(here.params, rng=1)
    device.assert_same(there.params.flat, here.params.flat)
