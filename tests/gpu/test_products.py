"""Products multiplies matrices of every memory order, with a fake cuBLAS of the real names and arguments."""

from __future__ import annotations

import gc
import itertools

import numpy as np
import pytest
from fake_cupy import device_cublas
from fake_cupy.device_queue import Stream

from npseq.backend import matmul, multiplying_with
from npseq.gpu import products
from npseq.gpu.products import Products

pytestmark = pytest.mark.skipif(device_cublas.library() is None, reason="no C compiler for the fake cuBLAS")
WAYS = {
    "rows": lambda x: x.copy(),
    "columns": lambda x: x.swapaxes(-1, -2).copy().swapaxes(-1, -2),
    "rows of more": lambda x: np.concatenate([x, x + 1], axis=-1)[..., : x.shape[-1]],
    "columns of more": lambda x: (
        np.concatenate([x, x + 1], axis=-2).swapaxes(-1, -2).copy().swapaxes(-1, -2)[..., : x.shape[-2], :]
    ),
    "neither": lambda x: np.repeat(np.repeat(x, 2, axis=-1), 2, axis=-2)[..., ::2, ::2],
    "backwards": lambda x: x[..., ::-1, :].copy()[..., ::-1, :],
}


@pytest.fixture
def own(cupy):
    return Products(cupy, tf32=False).on(Stream(non_blocking=True))


def device(cupy, host):
    """The array with its strides, not a contiguous copy."""
    return cupy.ndarray(host)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sizes", [(3, 4, 5), (1, 4, 5), (3, 1, 5), (3, 4, 1), (1, 1, 1), (3, 0, 5), (0, 4, 5)])
def test_matrices_in_every_memory_order(cupy, own, dtype, sizes):
    M, K, N = sizes
    rng = np.random.default_rng(0)
    a, b, c = (rng.normal(size=shape).astype(dtype) for shape in ((M, K), (K, N), (M, N)))
    for left, right in itertools.product(WAYS.values(), repeat=2):
        found = own.matmul(device(cupy, left(a)), device(cupy, right(b)))
        np.testing.assert_allclose(found.get(), a @ b, rtol=0, atol=1e-5 if dtype == np.float32 else 1e-13)
    for way in WAYS.values():
        out = device(cupy, way(c))
        assert own.matmul(device(cupy, a), device(cupy, b), out) is out
        np.testing.assert_allclose(out.get(), a @ b, rtol=0, atol=1e-5 if dtype == np.float32 else 1e-13)


@pytest.mark.parametrize(("first", "second"), [((6,), (6,)), ((6,), ()), ((), (6,)), ((1,), (6,)), ((1,), (1,))])
def test_batches_of_either_or_both_factors(cupy, own, first, second):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(*first, 3, 4)), rng.normal(size=(*second, 4, 2))
    for left, right in itertools.product(WAYS.values(), repeat=2):
        found = own.matmul(device(cupy, left(a)), device(cupy, right(b)))
        np.testing.assert_allclose(found.get(), np.matmul(a, b), rtol=0, atol=1e-13)
    backwards = own.matmul(device(cupy, a[::-1] if first else a), device(cupy, b))
    np.testing.assert_allclose(backwards.get(), np.matmul(a[::-1] if first else a, b), rtol=0, atol=1e-13)


def test_a_vector_times_a_matrix(cupy, own):
    a, b, out = np.arange(4.0), np.arange(20.0).reshape(4, 5), np.zeros((3, 5))
    np.testing.assert_array_equal(own.matmul(device(cupy, a), device(cupy, b)).get(), a @ b)
    own.matmul(device(cupy, a), device(cupy, b), device(cupy, out)[1])
    np.testing.assert_array_equal(out[1], a @ b)


def test_arrays_that_do_not_fit_are_refused(cupy, own):
    x = cupy.ones((2, 3))
    with pytest.raises(ValueError, match=r"must fit.*\(2, 3\) and \(2, 3\)"):
        own.matmul(x, x)
    with pytest.raises(ValueError, match=r"out must have shape \(2, 2\), got \(2, 3\)"):
        own.matmul(x, x.T, x)
    with pytest.raises(TypeError, match="one dtype"):
        own.matmul(x, x.T.astype(np.float32))
    with pytest.raises(TypeError, match="one dtype"):
        own.matmul(x.astype(complex), x.T.astype(complex))


@pytest.mark.parametrize(("tf32", "mode"), [(False, 0), (True, 3)])
def test_tf32_is_a_mode_of_the_handle(cupy, tf32, mode):
    own = Products(cupy, tf32).on(Stream(non_blocking=True))
    own.matmul(cupy.ones((2, 2)), cupy.ones((2, 2)))
    assert products.ctypes.c_int.in_dll(device_cublas.library(), "last_math").value == mode


def test_an_error_of_cublas_is_raised(cupy, own, monkeypatch):
    monkeypatch.setattr(products, "_operand", lambda array: products.Operand(array.data.ptr, False, 1, 0))
    with pytest.raises(products.CublasError, match="cublasDgemm_v2 returned status 7"):
        own.matmul(cupy.ones((2, 2)), cupy.ones((2, 2)))


def test_another_stream_gets_the_workspace_too(cupy, own):
    """cuBLAS forgets the workspace when its stream is set; without one the fake refuses to multiply."""
    for stream in (Stream(non_blocking=True), Stream.null):
        found = own.on(stream).matmul(cupy.ones((2, 2)), cupy.ones((2, 2)))
        assert found.get().tolist() == [[2, 2], [2, 2]]


def test_a_handle_is_destroyed_with_its_owner(cupy):
    def live():
        return products.ctypes.c_int.in_dll(device_cublas.library(), "live").value

    gc.collect()
    before = live()
    own = Products(cupy, tf32=False).on(Stream(non_blocking=True))
    assert live() == before + 1
    del own
    gc.collect()
    assert live() == before


def test_a_missing_cublas_is_named(cupy, monkeypatch):
    monkeypatch.setattr(cupy.cuda.runtime, "runtimeGetVersion", lambda: 98000)
    with pytest.raises(OSError, match=r"need libcublas\.so\.98"):
        products.load(cupy)


def test_matmul_uses_the_product_that_it_is_given(cupy):
    asked = []

    def product(a, b, out=None):
        asked.append((a.shape, b.shape))
        return cupy.matmul(a, b)

    x = cupy.ones((2, 2))
    with multiplying_with(product):
        matmul(x, x)
        matmul(np.ones((2, 2)), np.ones((2, 2)))
    matmul(x, x)
    assert asked == [((2, 2), (2, 2))]
