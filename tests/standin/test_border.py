"""Under `pytest --standin` a test's arrays are on the device while npseq works, and the test's own before and after."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from standin.border import carried
from standin.device_array import ndarray

from npseq.layers import GRU


def test_arrays_are_wrapped_and_share_their_memory():
    def shifted(x):
        assert isinstance(x, ndarray)
        x += 1
        return {"rest": [x[1:]], "sum": x.sum()}

    x = np.zeros(3)
    found = carried(shifted)(x)
    assert found["sum"] == 3
    assert np.shares_memory(found["rest"][0], x)
    assert x.tolist() == [1, 1, 1]


def test_an_implicit_copy_inside_is_an_error():
    with pytest.raises(TypeError, match="Implicit conversion"):
        carried(lambda x: np.asarray(x))(np.ones(2))


def test_what_must_not_be_written_on_still_must_not():
    x = np.ones(2)
    x.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        carried(lambda x: x.fill(0))(x)


def test_a_layer_is_moved_and_comes_back(device):
    layer = GRU(2, 3, dtype=np.float64, rng=0)
    flat, x = layer.params.flat, np.ones((2, 1, 2))
    expected = layer.forward(x)[0]
    found = carried(lambda layer, x: layer.forward(x)[0])(layer, x)
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    assert layer.params.flat is flat


def test_a_tests_own_function_and_object_run_on_the_host(device):
    class Own:
        def seen(self, x):
            assert type(x) is np.ndarray
            return 2 * x

    def both(f, own, x):
        assert isinstance(f(x), ndarray)
        return f(x) + own.seen(x)

    assert carried(both)(lambda x: np.asarray(x) + 1, Own(), np.ones(2)).tolist() == [4, 4]


def test_what_is_of_the_host_by_its_annotation_stays():
    def mixed(keep: np.ndarray, survival: Callable[[int], float], x: list) -> bool:
        return type(keep) is np.ndarray and survival(2) == 0.5 and isinstance(x[0], ndarray)

    assert carried(mixed)(np.ones(2), lambda k: 1 / k, [np.ones(1)])


def test_a_generator_takes_every_step_on_the_device():
    def rows(x):
        for row in x:
            assert isinstance(row, ndarray)
            yield row

    assert [type(row) for row in carried(rows)(np.ones((2, 2)))] == [np.ndarray] * 2
