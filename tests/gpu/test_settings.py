"""Settings of a device: TF32 is CuPy's and ours, and nothing of npseq.gpu is loaded on a CPU."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from fake_cupy import device_module

import npseq as ns
from npseq.gpu.settings import CURRENT, settings


@pytest.fixture
def cupy(monkeypatch):
    module = device_module.make()
    monkeypatch.setitem(sys.modules, "cupy", module)
    return module


def test_tf32_is_off_unless_it_is_asked_for(cupy):
    core, linalg = cupy._core, cupy._core._routines_linalg
    core.set_compute_type(np.float32, linalg.COMPUTE_TYPE_TF32)  # as CUPY_TF32=1 has it
    with settings(tf32=False):
        assert core.get_compute_type(np.float32) == linalg.COMPUTE_TYPE_DEFAULT
        with settings(tf32=True):
            assert core.get_compute_type(np.float32) == linalg.COMPUTE_TYPE_TF32
            assert CURRENT.tf32
        assert core.get_compute_type(np.float32) == linalg.COMPUTE_TYPE_DEFAULT
    assert core.get_compute_type(np.float32) == linalg.COMPUTE_TYPE_TF32
    assert not CURRENT.tf32


def test_tf32_needs_a_device(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(ImportError, match="needs CuPy"), settings(tf32=True):
        pass
    with settings(fused=False, graphs=False):
        assert (CURRENT.fused, CURRENT.graphs) == (False, False)
    assert (CURRENT.fused, CURRENT.graphs) == (True, True)


def test_an_error_inside_puts_settings_back(cupy):
    with pytest.raises(ZeroDivisionError), settings(fused=False, tf32=True):
        raise ZeroDivisionError
    assert (CURRENT.fused, CURRENT.tf32) == (True, False)
    with pytest.raises(TypeError, match="fused must be True or False, got 'no'"), settings(fused="no"):
        pass
    with pytest.raises(TypeError, match="tf32 must be True or False, got 2"), settings(graphs=False, tf32=2):
        pass
    assert CURRENT.graphs


TRAINED = """
import sys
import numpy as np
import npseq as ns
model = ns.LanguageModel(5, "gru", 4, rng=0)
model.step(np.zeros((3, 2), int), np.zeros((3, 2), int), None, ns.SGD(0.1))
print(*[name for name in sys.modules if name.startswith(("npseq.gpu", "cupy", "npseq.gpu.graph"))])
"""


def test_a_cpu_loads_nothing_of_it():
    assert subprocess.run([sys.executable, "-c", TRAINED], capture_output=True, text=True, check=True).stdout == "\n"


def test_an_array_of_a_file_is_the_hosts(tmp_path):
    """A memmap is no cupy array: parameters may lie in one."""
    model = ns.LanguageModel(5, "gru", 4, dtype=np.float64, rng=0)
    other = ns.LanguageModel(5, "gru", 4, dtype=np.float64, rng=0)
    flat = np.memmap(tmp_path / "flat", np.float64, "w+", shape=model.params.flat.shape)
    flat[:] = model.params.flat
    model._bind(model.params.like(flat))
    ids = np.zeros((3, 2), int)
    for one in (model, other):
        one.step(ids, ids, None, ns.SGD(0.1))
    np.testing.assert_allclose(flat, other.params.flat, rtol=1e-14)
