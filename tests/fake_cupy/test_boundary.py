"""Under `pytest --fake-cupy` arrays are on the device while npseq works, and on the host before and after."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fake_cupy.boundary import on_device
from fake_cupy.device_array import ndarray
from fake_cupy.host_only import HOST_TESTS

from npseq.layers import GRU


def test_arrays_are_wrapped_and_share_their_memory():
    def shifted(x):
        assert isinstance(x, ndarray)
        x += 1
        return {"rest": [x[1:]], "sum": x.sum()}

    x = np.zeros(3)
    found = on_device(shifted)(x)
    assert found["sum"] == 3
    assert np.shares_memory(found["rest"][0], x)
    assert x.tolist() == [1, 1, 1]


def test_an_implicit_copy_inside_is_an_error():
    with pytest.raises(TypeError, match="Implicit conversion"):
        on_device(lambda x: np.asarray(x))(np.ones(2))


def test_a_read_only_array_stays_read_only():
    x = np.ones(2)
    x.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        on_device(lambda x: x.fill(0))(x)


def test_a_layer_is_moved_to_the_device_and_back(device):
    layer = GRU(2, 3, dtype=np.float64, rng=0)
    flat, x = layer.params.flat, np.ones((2, 1, 2))
    expected = layer.forward(x)[0]
    found = on_device(lambda layer, x: layer.forward(x)[0])(layer, x)
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

    assert on_device(both)(lambda x: np.asarray(x) + 1, Own(), np.ones(2)).tolist() == [4, 4]


def test_an_argument_that_is_the_hosts_by_its_annotation_stays_there():
    def mixed(keep: np.ndarray, survival: Callable[[int], float], x: list) -> bool:
        return type(keep) is np.ndarray and survival(2) == 0.5 and isinstance(x[0], ndarray)

    assert on_device(mixed)(np.ones(2), lambda k: 1 / k, [np.ones(1)])


def test_every_step_of_a_generator_runs_on_the_device():
    def rows(x):
        for row in x:
            assert isinstance(row, ndarray)
            yield row

    assert [type(row) for row in on_device(rows)(np.ones((2, 2)))] == [np.ndarray] * 2


@pytest.mark.parametrize("key", HOST_TESTS)
def test_every_test_that_is_skipped_there_exists(key):
    tests = Path(__file__).parents[1]
    texts = {path: path.read_text(encoding="utf-8") for path in tests.rglob("test_*.py")}
    for name in re.findall(r"tests/\w+(?:/\w+)*|test_\w+", key):
        files = [path for path in texts if str(path.relative_to(tests.parent)).startswith(name) or path.stem == name]
        assert files or any(f"def {name}" in text for text in texts.values()), name
