"""A small step is made on one thread, whoever has asked for more; a large one on all that there are."""

from threading import Thread
from types import SimpleNamespace

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import npseq as ns
from npseq.cpu import pools
from npseq.models.threads import FewThreads, is_small, operations_of


@pytest.fixture(autouse=True)
def libraries():
    """Other tests load libraries after the first step has looked for all; no product of npseq calls those."""
    pools.cache_clear()


def threads():
    return [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]


@pytest.mark.parametrize(("cell", "gates"), [(ns.RNN, 1), (ns.GRU, 3), (ns.LSTM, 4)])
def test_operations_are_those_of_the_recurrent_product(cell, gates):
    assert operations_of(cell(5, 7), 3) == 2 * gates * 7 * 7 * 3
    assert operations_of(ns.Bidirectional(ns.RNN(5, 7), cell(5, 7)), 3) == 2 * gates * 7 * 7 * 3


def test_the_threads_come_back():
    np.ones((2, 2)) @ np.ones((2, 2))
    few = FewThreads(ns.RNN(4, 4))
    with threadpool_limits(2, user_api="blas"):
        with few(np.ones((5, 3))):
            assert set(threads()) == {1}
        assert set(threads()) == {2}
        with pytest.raises(RuntimeError), few(np.ones((5, 3))):
            raise RuntimeError
        assert set(threads()) == {2}


def test_another_python_thread_may_set_them_after_a_step():
    seen = []

    def limited():
        with threadpool_limits(1, user_api="blas"):
            seen.extend(threads())

    with threadpool_limits(2, user_api="blas"):
        pass  # nobody holds the right to set them now
    before = threads()
    with FewThreads(ns.RNN(4, 4))(np.ones((5, 3))):
        pass
    other = Thread(target=limited)
    other.start()
    other.join()
    assert set(seen) == {1}
    assert threads() == before


def test_a_large_product_keeps_them():
    layer = ns.LSTM(4, 512)
    assert not is_small(operations_of(layer, 32))
    with threadpool_limits(2, user_api="blas"), FewThreads(layer)(np.ones((5, 32))):
        assert set(threads()) == {2}


def test_a_compiled_batch_is_shared_and_a_sequence_is_not(monkeypatch):
    few, compiled = FewThreads(ns.RNN(4, 4)), SimpleNamespace(compiled=True)
    batch = few(np.ones((35, 3)))
    monkeypatch.setattr("npseq.models.threads.CURRENT", compiled)
    shared = few(np.ones((35, 3)))
    assert (batch.share, shared.share, few(np.ones((35, 1))).share) == (False, True, False)  # each keeps what it is


def test_of_a_batch_that_is_too_small_to_compile_the_products_stay_on_one_thread(monkeypatch):
    monkeypatch.setattr("npseq.bptt.compiled.CURRENT", SimpleNamespace(compiled=True))
    monkeypatch.setattr("npseq.models.threads.CURRENT", SimpleNamespace(compiled=True))
    layer = ns.RNN(4, 4, rng=0)
    with threadpool_limits(2, user_api="blas"), FewThreads(layer)(np.ones((5, 3))):
        layer.forward(np.ones((5, 3, 4), np.float32))
        assert set(threads()) == {1}


@pytest.mark.parametrize(
    "step",
    [
        lambda optimizer: ns.LanguageModel(5, "gru", 8, rng=0).step(IDS, IDS, None, optimizer),
        lambda optimizer: ns.models.Classifier(ns.GRU(5, 8, rng=0), 5).step(IDS, IDS[0], optimizer=optimizer),
        lambda optimizer: ns.models.Seq2Seq(5, 5, hidden_size=4, rng=0).step(IDS, IDS, optimizer=optimizer),
    ],
)
def test_a_step_from_python_is_made_on_one_thread(step):
    seen = []

    class Looks:
        def step(self, params, grads):
            seen.extend(threads())

    with threadpool_limits(2, user_api="blas"):
        assert len(step(Looks())) == 3
    assert set(seen) == {1}


IDS = np.ones((6, 4), int)
