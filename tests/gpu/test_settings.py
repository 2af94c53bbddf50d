"""The switches are set inside a `with`, TF32 for CuPy too, and a CPU loads nothing of npseq.gpu."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import npseq as ns
from npseq.gpu.settings import CURRENT, Settings, settings


def test_tf32_is_off_unless_it_is_asked_for(cupy):
    core, linalg = cupy._core, cupy._core._routines_linalg
    core.set_compute_type(np.float32, linalg.COMPUTE_TYPE_TF32)  # as CUPY_TF32=1 sets it
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


def test_every_switch_is_given_by_name():
    with pytest.raises(TypeError, match="positional"), settings(False):
        pass
    assert Settings() == CURRENT


TRAINED = """
import sys
import numpy as np
import npseq as ns
model = ns.LanguageModel(5, "gru", 4, rng=0)
model.step(np.zeros((3, 2), int), np.zeros((3, 2), int), None, ns.SGD(0.1))
print(*[name for name in sys.modules if name.startswith(("npseq.gpu", "cupy", "npseq.gpu.graph"))])
"""


def test_training_on_a_cpu_loads_nothing_of_npseq_gpu():
    assert subprocess.run([sys.executable, "-c", TRAINED], capture_output=True, text=True, check=True).stdout == "\n"


def test_parameters_in_a_file_are_on_the_host(tmp_path):
    """A memmap is no cupy array, and parameters may be views of one."""
    model = ns.LanguageModel(5, "gru", 4, dtype=np.float64, rng=0)
    other = ns.LanguageModel(5, "gru", 4, dtype=np.float64, rng=0)
    flat = np.memmap(tmp_path / "flat", np.float64, "w+", shape=model.params.flat.shape)
    flat[:] = model.params.flat
    model._bind(model.params.like(flat))
    ids = np.zeros((3, 2), int)
    for one in (model, other):
        one.step(ids, ids, None, ns.SGD(0.1))
    np.testing.assert_allclose(flat, other.params.flat, rtol=1e-14)
