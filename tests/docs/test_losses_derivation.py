"""docs/derivations/losses.md, run beside npseq.losses."""

import re

import numpy as np
import pytest
from losses_page import IDS, TEXT, N, P, S, V, Y, Z
from printed import assert_same, blocks, labels_of, run

import npseq as ns


@pytest.mark.parametrize("weights", [np.ones(N), np.array([1.0, 0, 2, 0.5, 0, 1])])
def test_softmax_cross_entropy(weights):
    given = {"z": Z, "onehot": np.eye(V)[IDS], "w": weights, "s": S, "V": V}
    names = run(blocks(TEXT, "cross-entropy"), given)
    for smoothing, ending in ((0.0, ""), (S, "_smoothed")):
        loss, dlogits = ns.softmax_cross_entropy(Z, IDS, weights=weights, label_smoothing=smoothing)
        assert_same(names[f"L{ending}"], loss, "loss")
        assert_same(names[f"dz{ending}"], dlogits, "dlogits")


def test_an_ignored_target_has_weight_zero():
    ids = np.where(np.arange(N) % 2, IDS, -1)
    given = {"z": Z, "onehot": np.eye(V)[IDS], "w": (ids != -1) * 1.0, "s": S, "V": V}
    names = run(blocks(TEXT, "cross-entropy"), given)
    loss, dlogits = ns.softmax_cross_entropy(Z, ids, ignore_index=-1)
    assert_same(names["L"], loss, "loss")
    assert_same(names["dz"], dlogits, "dlogits")


def test_binary_cross_entropy():
    weights = np.array([1.0, 0, 2, 0.5, 0, 1])
    names = run(blocks(TEXT, "binary"), {"z": Z[:, 0], "y": Y, "w": weights})
    loss, dlogits = ns.binary_cross_entropy(Z[:, 0], Y, weights=weights)
    assert_same(names["L"], loss, "loss")
    assert_same(names["dz"], dlogits, "dlogits")


def test_binary_is_softmax_of_two_classes():
    two = np.stack([np.zeros(N), Z[:, 0]], axis=1)
    ids = (Y > 0.5).astype(int)
    loss, dlogits = ns.softmax_cross_entropy(two, ids)
    binary, dbinary = ns.binary_cross_entropy(Z[:, 0], ids * 1.0)
    assert_same(binary, loss, "loss")
    assert_same(dbinary, dlogits[:, 1], "dlogits")


def test_squared_error():
    u, v = Z, np.random.default_rng(1).normal(size=Z.shape)
    names = run(blocks(TEXT, "squared"), {"u": u, "v": v})
    loss, gradient = ns.mean_squared_error(u, v)
    assert_same(names["L"], loss, "loss")
    assert_same(names["du"], gradient, "dprediction")


def test_perplexity():
    names = run(blocks(TEXT, "perplexity"), {"P": P, "N": N})
    assert_same(ns.perplexity(np.mean(-np.log(P))), names["perplexity"], "perplexity")
    assert_same(ns.perplexity(np.log(V)), float(V), "of a uniform model")
    assert ns.perplexity(np.float64(0)) == 1
    assert ns.perplexity(np.inf) == np.inf


def test_every_label_has_a_formula_and_a_line():
    formulas = re.findall(r"\\text\{\((E\d+)\)\}", TEXT)
    assert formulas == [f"E{k}" for k in range(1, len(formulas) + 1)]
    assert labels_of(re.findall(r"^```python[^\n]*\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)) == set(formulas)
