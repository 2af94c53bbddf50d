"""The fake CuPy refuses what CuPy refuses, and has no name that CuPy lacks."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from fake_cupy import device_array, device_functions, device_module, device_queue
from fake_cupy.transfers import HostCopy, no_sync, transfers

from npseq.backend import array_module, scatter_add, to_host
from npseq.backend import device_module as module_of
from npseq.layers import RNN

cupy = device_module.make()


def test_it_is_no_numpy_array():
    x = cupy.asarray(np.ones(3))
    assert not isinstance(x, np.ndarray)
    assert type(x).__module__.startswith("cupy")


@pytest.mark.parametrize("convert", [np.asarray, np.array, np.ascontiguousarray, np.float64])
def test_no_implicit_conversion(convert):
    with pytest.raises(TypeError, match=r"Implicit conversion to a NumPy array is not allowed"):
        convert(cupy.ones((2, 2)))


@pytest.mark.parametrize(
    "mix",
    [
        lambda x, y: x + y,
        lambda x, y: y + x,
        lambda x, y: np.multiply(x, y),
        lambda x, y: np.matmul(y, x),
        lambda x, y: np.where(x > 0, x, y),
        lambda x, y: cupy.concatenate([x, y]),
        lambda x, y: np.add(x, x, out=y),
        lambda x, y: np.add(y, y, out=x),
        lambda x, y: x.__setitem__(..., y),
        lambda x, y: x[y.astype(int)],
        lambda x, y: x[[0, 1]],
        lambda x, y: x < y,
        lambda x, y: x.dot(y),
        lambda x, y: np.sum(x, axis=0, out=y[0]),
        lambda x, y: x.__iadd__(y),
        lambda x, y: cupy.where(x > 0, x, [1, 2]),
        lambda x, y: cupy.exp(y),
    ],
)
def test_host_and_device_do_not_mix(mix):
    with pytest.raises(TypeError):
        mix(cupy.ones((2, 2)), np.ones((2, 2)))


@pytest.mark.parametrize(
    "lacking",
    [
        lambda x: np.add.reduceat(x, [0, 1]),
        lambda x: np.add.at(x, cupy.zeros(1, int), 1.0),
        lambda x: np.linalg.eigvals(x),
        lambda x: np.apply_along_axis(sum, 0, x),
        lambda x: np.sum(x, initial=0),
        lambda x: np.max(x, where=x > 0),
        lambda x: np.empty_like(x, subok=False),
        lambda x: x.item(0),
        lambda x: x.sum(where=x > 0),
        lambda x: x.argsort(kind="stable"),
        lambda x: cupy.where(x > 0),
        lambda x: range(cupy.arange(3)[1]),
        pytest.param(
            lambda x: x * np.float64(2) if x.astype(np.float32) * np.float64(2) else None,
            marks=pytest.mark.skipif(
                np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="a NumPy scalar is weak there"
            ),
        ),
    ],
)
def test_what_cupy_lacks(lacking):
    with pytest.raises(TypeError):
        lacking(cupy.ones((2, 2)))


def test_no_array_is_read_only():
    with pytest.raises(AttributeError):
        cupy.ones(2).flags.writeable = False
    with pytest.raises(AttributeError):
        cupy.random  # noqa: B018


def test_reductions_stay_on_the_device():
    x = cupy.arange(6, dtype=np.float32).reshape(2, 3)
    for value in (x.sum(), np.sum(x), x[1, 2], x.max(), cupy.dot(x[0], x[0]), x.mean(), x.argmax()):
        assert isinstance(value, cupy.ndarray)
        assert value.shape == ()


@pytest.mark.parametrize(
    "read",
    [
        float,
        int,
        bool,
        complex,
        repr,
        str,
        lambda x: f"{x:.2f}",
        lambda x: x.get(),
        lambda x: x.item(),
        cupy.asnumpy,
        lambda x: x.tolist(),
        to_host,
        lambda x: x.reshape(1)[x.reshape(1) > 0],
        lambda x: cupy.flatnonzero(x),
        lambda x: x.reshape(1).nonzero(),
        lambda x: list(x.reshape(1)) == [0.0],
        cupy.unique,
    ],
)
def test_no_sync_refuses_whatever_reads_from_the_device(read):
    x = cupy.asarray(np.float64(2.5))
    transfers.reset()
    read(x)
    assert transfers.to_host >= 1
    with no_sync(), pytest.raises(HostCopy, match="wait for the device"):
        read(x)
    read(x)


def test_arrays_moved_to_the_device_are_counted():
    transfers.reset()
    x = cupy.asarray(np.ones(3))
    cupy.asarray(x)
    cupy.zeros(3)
    assert (transfers.to_device, transfers.to_host) == (1, 0)


def test_memory_that_nobody_set_shows():
    assert np.isnan(cupy.empty(3).get()).all()
    assert np.isnan(np.empty_like(cupy.ones(3, np.complex64), shape=(2,)).get()).all()


def test_views_are_views():
    x = cupy.zeros((2, 3))
    x.T[1] += 1
    x.reshape(6)[0] = 5
    np.moveaxis(x, 0, 1)[2, 0] = 7
    np.testing.assert_array_equal(x.get(), [[5, 1, 7], [0, 1, 0]])


def test_repeated_indices_may_not_differ():
    x, i = cupy.zeros(3), cupy.asarray([1, 1])
    x[i] = cupy.asarray([4.0, 4.0])
    assert x.get()[1] == 4
    with pytest.raises(ValueError, match="which one stays"):
        x[i] = cupy.asarray([4.0, 5.0])


def test_scatter_add_needs_no_look_at_the_index(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    rng = np.random.default_rng(0)
    index, values = rng.integers(0, 5, 40), rng.normal(size=(40, 3))
    expected = np.ones((7, 3))
    np.add.at(expected, index, values)
    for table in (1 << 26, 80):
        monkeypatch.setattr("npseq.backend.SELECTOR", table)
        target = cupy.ones((7, 3))
        with no_sync():
            scatter_add(target, cupy.asarray(index), cupy.asarray(values))
            scatter_add(target, cupy.asarray(index[:0]), cupy.asarray(values[:0]))
        np.testing.assert_allclose(target.get(), expected, rtol=1e-13)


def test_devices_that_are_not_there(monkeypatch):
    for devices, said in ((0, "found none"), (None, "CUDA says: cudaErrorNoDevice")):
        monkeypatch.setitem(sys.modules, "cupy", device_module.make(devices))
        with pytest.raises(RuntimeError, match=said):
            RNN(2, 2).to("gpu")
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(ImportError, match=r"pip install 'npseq\[gpu\]'"):
        RNN(2, 2).to("gpu")


def test_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    module = device_module.install()
    assert module_of("gpu") is module
    assert array_module(module.zeros(2)) is module


REAL = """
import inspect, json, cupy
def parameters(function):
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return None
functions = {name: parameters(getattr(cupy, name)) for name in dir(cupy) if callable(getattr(cupy, name))}
functions |= {"linalg." + name: parameters(getattr(cupy.linalg, name)) for name in ("norm", "qr", "solve", "svd")}
ufuncs = [name for name in dir(cupy) if type(getattr(cupy, name)).__name__ in ("ufunc", "_GUFunc")]
kinds = {name: dir(getattr(cupy.cuda, name)) for name in ("Stream", "Event", "Graph", "MemoryPool", "Device")}
kinds |= {"RawKernel": dir(cupy.RawKernel), "runtime": dir(cupy.cuda.runtime), "cuda": dir(cupy.cuda)}
kinds |= {"_core": dir(cupy._core), "linalg": dir(cupy._core._routines_linalg)}
numbers = [cupy._core._routines_linalg.COMPUTE_TYPE_DEFAULT, cupy._core._routines_linalg.COMPUTE_TYPE_TF32]
print(json.dumps([functions, ufuncs, dir(cupy.ndarray), dir(cupy), kinds, numbers]))
"""


@pytest.mark.skipif(
    "cupy" in sys.modules or importlib.util.find_spec("cupy") is None,
    reason="CuPy is not installed: the fake is not compared with it",
)
def test_it_offers_nothing_that_cupy_lacks():
    """CuPy can be imported without a device, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", REAL], capture_output=True, text=True, check=True)
    functions, ufuncs, attributes, names, kinds, numbers = json.loads(done.stdout)
    assert set(dir(cupy)) - set(dir(type(cupy))) - set(names) <= {"__builtins__", "__annotations__", "used"}
    assert numbers == [vars(cupy._core._routines_linalg)[f"COMPUTE_TYPE_{kind}"] for kind in ("DEFAULT", "TF32")]
    own_kinds = {
        "Stream": device_queue.Stream(),
        "Event": device_queue.Event(),
        "Graph": device_queue.Graph([]),
        "MemoryPool": device_queue.MemoryPool(),
        "Device": cupy.cuda.Device(0),
        "RawKernel": cupy.RawKernel,
        "runtime": cupy.cuda.runtime,
        "cuda": cupy.cuda,
        "_core": cupy._core,
        "linalg": cupy._core._routines_linalg,
    }
    helpers = {"recorded_on", "at", "is_null", "waited", "before", "blocks"}  # what only a fake needs
    for kind, one in own_kinds.items():
        public = {name for name in dir(one) if not name.startswith("_")}
        assert public - helpers <= set(kinds[kind]) | {"ptr", "id"}, kind
    assert set(ufuncs) >= device_functions.UFUNCS
    linalg = {f"linalg.{name}": parameters for name, parameters in device_functions.LINALG.items()}
    for name, parameters in (device_functions.FUNCTIONS | device_functions.CREATION | linalg).items():
        assert functions[name] is None or functions[name][: len(parameters.split())] == parameters.split(), name
    own = {name for name in dir(device_array.ndarray) if not name.startswith("_")}
    assert own <= set(attributes)
    operators = {name for name in vars(device_array.ndarray) if re.fullmatch("__[a-z]+__", name)}
    assert operators <= {*attributes, "__module__", "__slots__"}
