"""Tied weights: one matrix reads tokens and writes them, and its gradient is the sum of both."""

import copy
import pickle

import numpy as np
import pytest

import npseq as ns

V, E, T, B = 6, 3, 4, 2


@pytest.fixture
def model():
    return ns.LanguageModel(V, "gru", E, embedding_size=E, tied=True, dtype=np.float64, rng=0)


@pytest.fixture
def batch():
    ids = np.random.default_rng(1).integers(0, V, (T + 1, B))
    return ids[:-1], ids[1:]


def test_there_is_one_matrix(model):
    assert [name for name in model.params if not name.startswith("recurrent")] == ["embedding.W", "output.b"]
    assert np.shares_memory(model.output.params["W"], model.params["embedding.W"])
    np.testing.assert_array_equal(model.output.params["W"], model.params["embedding.W"].T)
    assert model.params.flat.size == V * E + model.recurrent.params.flat.size + V


def test_the_gradient_is_the_sum_of_that_of_two_matrices(model, batch):
    untied = ns.LanguageModel(V, "gru", E, embedding_size=E, dtype=np.float64, rng=0)
    for name, value in model.params.items():
        untied.params[name] = value
    untied.params["output.W"] = model.params["embedding.W"].T
    loss, grads, _ = model.loss(*batch)
    expected, parts, _ = untied.loss(*batch)
    assert loss == pytest.approx(expected, rel=1e-14)
    wanted = {**parts, "embedding.W": parts["embedding.W"] + parts["output.W"].T}
    for name, value in grads.items():
        np.testing.assert_allclose(value, wanted[name], rtol=1e-12, atol=1e-16)


def test_every_entry_is_that_of_a_complex_step(model, batch):
    _, grads, _ = model.loss(*batch)
    copied = model.astype(complex)
    for k in range(grads.flat.size):
        moved = model.params.flat.astype(complex)
        moved[k] += 1e-30j
        copied.params.flat = moved
        found = copied.loss(*batch)[0].imag / 1e-30
        assert abs(found - grads.flat[k]) <= 1e-14


def test_training_steps_are_those_of_plain_gradients(model, batch):
    twin = copy.deepcopy(model)
    for _ in range(3):
        model.step(*batch, None, ns.SGD(0.5), clip=1.0)
        grads = twin.loss(*batch)[1]
        ns.clip_grad_norm(grads, 1.0)
        ns.SGD(0.5).step(twin.params, grads)
    np.testing.assert_allclose(model.params.flat, twin.params.flat, rtol=1e-13)


@pytest.mark.parametrize(
    "way", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m)), lambda m: m.astype(np.float64)]
)
def test_a_copy_is_tied_to_itself(way, model, batch):
    other = way(model)
    before = model.loss(*batch)[0]
    other.params["embedding.W"][...] *= 2
    assert np.shares_memory(other.output.params["W"], other.params["embedding.W"])
    assert model.loss(*batch)[0] == before != other.loss(*batch)[0]


def test_a_file_holds_it(model, batch, tmp_path):
    model.save(tmp_path / "model.safetensors")
    other = ns.LanguageModel.load(tmp_path / "model.safetensors")
    assert other.tied
    assert other.loss(*batch)[0] == model.loss(*batch)[0]
    assert other.generate([1, 2], 3).tolist() == model.generate([1, 2], 3).tolist()


@pytest.mark.parametrize("size", [None, E + 1])
def test_the_embedding_must_have_the_features_that_the_output_reads(size):
    with pytest.raises(
        ValueError, match=r"tied needs an embedding of as many features .* 3, got .*; set embedding_size to 3"
    ):
        ns.LanguageModel(V, "gru", E, embedding_size=size, tied=True)
