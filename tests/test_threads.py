"""npseq's own threads share large products and copies while BLAS has one, and one Python thread at a time has them."""

from __future__ import annotations

from threading import Thread

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from npseq import threads
from npseq.cpu import pools


@pytest.fixture(autouse=True)
def libraries():
    """Other tests load libraries after the first step has looked for all; no product of npseq calls those."""
    pools.cache_clear()


@pytest.fixture
def three(monkeypatch):
    for name, value in (("_own", 3), ("_processors", lambda: 3), ("LARGE", 0), ("LONG", 0)):
        monkeypatch.setattr(threads, name, value)


@pytest.mark.parametrize("shapes", [((7, 5), (5, 4)), ((4, 5), (5, 7)), ((4, 5), (8, 5, 3)), ((2, 3), (3, 1))])
@pytest.mark.parametrize("order", ["C", "F"])
def test_parts_of_a_product_are_the_product(three, shapes, order):
    rng = np.random.default_rng(0)
    a, b = (np.asarray(rng.normal(size=shape), order=order) for shape in shapes)
    expected, out = a @ b, np.empty((a @ b).shape)
    np.testing.assert_allclose(threads.multiply(a, b), expected, rtol=1e-14)
    assert threads.multiply(a, b, out) is out
    np.testing.assert_allclose(out, expected, rtol=1e-14)
    assert threads.multiply(a, b, out, True) is out
    np.testing.assert_allclose(out, 2 * expected, rtol=1e-14)


def test_a_vector_is_not_shared(three):
    a = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(threads.multiply(a, np.ones(3)), [3, 12])


def test_parts_of_a_copy_are_the_copy(three):
    source, out = np.arange(35.0).reshape(5, 7).T, np.empty((7, 5))
    threads.copy(source, out)
    np.testing.assert_array_equal(out, source)


@pytest.mark.parametrize("shape", [(5, 7), (1, 7, 3), (7, 1), (1, 1)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_parts_of_a_function_of_entries_are_the_function(three, shape, order):
    x = np.asarray(np.random.default_rng(0).normal(size=shape), order=order)
    expected, row, out = np.exp(x), np.arange(float(shape[-1])), np.empty_like(x)
    assert threads.entrywise(np.exp, x, out=out) is out
    np.testing.assert_array_equal(out, expected)
    threads.entrywise(np.add, out, row, out=out)
    np.testing.assert_array_equal(out, expected + row)


def test_what_is_set_for_the_caller_holds_in_every_part(three):
    x = np.full(9, 1e300)
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        threads.entrywise(np.square, x, out=np.empty(9))
    with np.errstate(over="ignore"):
        assert np.isinf(threads.entrywise(np.square, x, out=np.empty(9))).all()


def test_every_part_is_called_once_and_what_fails_is_raised(three):
    seen = []
    threads.run(seen.append, 3)
    assert sorted(seen) == [0, 1, 2]

    def fails(part):
        if part == 2:
            raise ZeroDivisionError

    released = []
    with pytest.raises(ZeroDivisionError):
        threads.run(fails, 3, lambda: released.append(True))
    assert released == [True]


def test_while_one_has_them_another_python_thread_has_one(three):
    counts = []

    def asks():
        with threads.together() as count:
            counts.append(count)

    with threads.together() as count:
        other = Thread(target=asks)
        other.start()
        other.join()
    asks()
    assert (count, counts) == (3, [1, 3])


@pytest.mark.parametrize("share", [False, True])
def test_blas_has_one_thread_in_their_place_and_gets_its_own_back(share, monkeypatch):
    monkeypatch.setattr(threads, "_processors", lambda: 2)
    np.ones((2, 2)) @ np.ones((2, 2))
    numbers = lambda: {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}  # noqa: E731
    with threadpool_limits(2, user_api="blas"):
        threads.take(share)
        with threads.together() as count:
            assert (numbers(), count) == ({1}, 2 if share else 1)
        threads.give_back()
        with threads.together() as count:
            assert (numbers(), count) == ({2}, 1)
