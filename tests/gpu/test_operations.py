"""Every operation of a kernel computes what NumPy's function of that name computes, and a wrong one is caught."""

from __future__ import annotations

import numpy as np
import pytest
from fake_cupy.device_kernels import COMPILER
from gpu.test_kernels import distance
from scipy import special

from npseq.gpu import cell as fusing
from npseq.gpu import operations
from npseq.gpu.kernels import Runner
from npseq.gpu.tracing import CellTrace

compiled = pytest.mark.skipif(COMPILER is None, reason="no C compiler: the kernels' text is not run")
VALUES = np.array([-2.5, -1.0, -0.0, 0.0, 0.3, 1.0, 7.0, np.inf, -np.inf, np.nan])


@pytest.fixture(autouse=True)
def no_runner_of_another_module(cupy):
    fusing._runner.cache_clear()
    yield
    fusing._runner.cache_clear()


def applied(name, x, y):
    """NumPy's function of this name, or SciPy's, of arrays or symbols."""
    if name == "where":
        return np.where(x > 0.3, x, y)
    truths = operations.OF_TRUTHS.get(name, 0)
    args = [x > 0, y > 0.3][:truths] + [x, y][truths:]
    function = special.erfc if name == "erfc" else getattr(np, name)
    return function(*args[: function.nin])


@compiled
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_operation_is_numpys(dtype, cupy):
    """One kernel computes them all, of every pair of values; a truth is stored as 0 or 1."""
    pairs = [pair.ravel().astype(dtype) for pair in np.meshgrid(VALUES, VALUES)]
    trace, names = CellTrace(dtype), [name for name in operations.OPERATIONS if name != "number"]
    x, y, out = trace.array("x"), trace.array("y"), trace.array("out", len(names))
    for k, name in enumerate(names):
        out[k] = applied(name, x, y)
    host = {"x": pairs[0], "y": pairs[1], "out": np.zeros((len(names), len(pairs[0])), dtype)}
    arrays = {name: cupy.asarray(array) for name, array in host.items()}
    Runner(trace.finish(()), np.dtype(dtype), "every")(arrays)
    for name, found in zip(names, arrays["out"].get(), strict=True):
        with np.errstate(all="ignore"):
            expected = applied(name, *pairs).astype(dtype)
        np.testing.assert_allclose(found, expected, rtol=1e-6 if dtype == np.float32 else 1e-14, err_msg=name)


@compiled
@pytest.mark.parametrize(
    ("operation", "wrong", "name"),
    [
        ("add", "{0} - {1}", "lstm"),
        ("subtract", "{1} - {0}", "gru after"),
        ("subtract", "{0} + {1}", "gru before"),
        ("multiply", "{0}", "lstm peepholes"),
        ("tanh", "{0}", "rnn tanh"),
        ("tanh", "sin{f}({0})", "lstm projection"),
        ("greater", "{0} < {1}", "rnn relu"),
        ("greater", "{0} > (T)0.1", "rnn relu"),
        ("number", "{0} ? (T)2 : (T)0", "rnn relu"),
    ],
)
def test_a_wrong_operation_is_caught(operation, wrong, name, cupy, monkeypatch):
    right = operations.OPERATIONS[operation]
    monkeypatch.setitem(operations.OPERATIONS, operation, right._replace(code=wrong))
    assert distance(name, np.float64, cupy) > 1e-3
