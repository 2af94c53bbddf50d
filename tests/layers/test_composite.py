"""A composite's layers are views of its one vector, however it came about."""

import copy
import pickle

import numpy as np
import pytest

import npseq as ns
from npseq.bptt.workspace import Workspace
from npseq.layers.composite import Composite


class Pair(Composite):
    def __init__(self, first, second):
        self._join({"first": first, "left out": None, "second": second})


def pair():
    return Pair(ns.Linear(2, 3, rng=0), ns.GRU(3, 4, rng=1))


def check_views(composite):
    """Every layer's parameters, written by name, are those of the vector."""
    for name, layer in composite.layers.items():
        for parameter in layer.params:
            value = np.random.default_rng(0).normal(size=layer.params[parameter].shape).astype(composite.dtype)
            composite.params[f"{name}.{parameter}"] = value
            np.testing.assert_array_equal(layer.params[parameter], value)
    assert sum(layer.params.flat.size for layer in composite.layers.values()) == composite.params.flat.size


def test_the_vector_holds_the_layers_one_after_the_other():
    first, second = ns.Linear(2, 3, rng=0), ns.GRU(3, 4, rng=1)
    composite = Pair(first, second)
    assert list(composite.layers) == ["first", "second"]
    np.testing.assert_array_equal(composite.params.flat, np.concatenate([first.params.flat, second.params.flat]))
    assert [*composite.params] == [f"first.{n}" for n in first.params] + [f"second.{n}" for n in second.params]
    check_views(composite)


def test_the_layers_that_it_was_made_of_stay_as_they_were():
    first, second = ns.Linear(2, 3, rng=0), ns.GRU(3, 4, rng=1)
    before = first.params.flat.copy()
    Pair(first, second).params.flat[...] = 0
    np.testing.assert_array_equal(first.params.flat, before)


@pytest.mark.parametrize(
    "change",
    [
        copy.copy,
        copy.deepcopy,
        lambda one: pickle.loads(pickle.dumps(one)),
        lambda one: one.to("cpu"),
        lambda one: one.astype(np.float64),
        lambda one: one.bind(np.zeros_like(one.params.flat)),
        lambda one: Pair(one, ns.Linear(1, 1)).layers["first"],
    ],
    ids=["copy", "deepcopy", "pickle", "to", "astype", "bind", "nested"],
)
def test_the_layers_are_views_whatever_became_of_the_composite(change):
    composite = pair()
    check_views(change(composite))
    check_views(composite)


def test_another_vector_is_not_copied_and_leaves_the_first_one_alone():
    composite = pair()
    before, flat = composite.params.flat.copy(), np.zeros_like(composite.params.flat)
    other = composite.bind(flat)
    other.layers["second"].params["W_hr"] = np.ones((4, 4), "f")
    assert flat.sum() == 16
    np.testing.assert_array_equal(composite.params.flat, before)


def test_gradients_come_with_a_part_for_each_layer():
    composite, workspace = pair(), Workspace()
    grads, own = composite._gradients()
    assert grads.flat.shape == composite.params.flat.shape
    assert own["first"]["workspace"] is None
    own["second"]["grads"]["b_r"][...] = 7
    np.testing.assert_array_equal(grads["second.b_r"], 7)
    again, own = composite._gradients(grads, workspace)
    assert again is grads
    assert own["first"]["workspace"] is workspace.child("first")


def test_layers_of_two_dtypes_are_refused():
    with pytest.raises(ValueError, match=r"must have one dtype, got \['float32', 'float64'\]; use layer.astype"):
        Pair(ns.Linear(2, 3), ns.GRU(3, 4, dtype=np.float64))
