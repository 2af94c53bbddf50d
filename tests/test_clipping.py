"""Clipping by norm and by value equals its formula, and changes nothing that it need not change."""

import math

import numpy as np
import pytest

from npseq.clipping import clip_grad_norm, clip_grad_value
from npseq.parameters import Parameters, simple_layout

SHAPES = {"W_xh": (3, 4), "W_hh": (4, 4), "b_h": (4,)}


def draw(seed, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=shape).astype(dtype) for name, shape in SHAPES.items()}


def as_parameters(arrays):
    flat = np.concatenate([array.ravel() for array in arrays.values()])
    return Parameters(simple_layout({name: array.shape for name, array in arrays.items()}), flat)


@pytest.mark.parametrize("wrap", [dict, as_parameters])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_norm_over_everything_and_the_direction_kept(wrap, dtype):
    grads, before = wrap(draw(3, dtype)), draw(3, dtype)
    everything = np.concatenate([array.ravel() for array in before.values()]).astype(float)
    expected = math.sqrt(math.fsum(everything**2))
    norm = clip_grad_norm(grads, 1.0)
    assert type(norm) is float
    tolerance = 8 * float(np.finfo(dtype).eps)
    assert norm == pytest.approx(expected, rel=tolerance)
    for name, array in before.items():
        assert grads[name].dtype == dtype
        np.testing.assert_allclose(grads[name], array / expected, rtol=2 * tolerance)
    assert clip_grad_norm(grads, 1.0) == pytest.approx(1.0, rel=2 * tolerance)


def test_small_gradients_and_measuring_alone_change_nothing():
    grads = draw(3)
    norm = clip_grad_norm(grads, math.inf)
    assert clip_grad_norm(grads, norm) == norm
    assert clip_grad_norm({name: 0 * array for name, array in grads.items()}, 1.0) == 0
    assert clip_grad_norm({}, 1.0) == clip_grad_norm({"w": np.ones((0, 3))}, 1.0) == 0
    for name, array in draw(3).items():
        np.testing.assert_array_equal(grads[name], array)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_norm_that_is_not_finite_leaves_gradients_as_they_are(bad):
    grads = {"a": np.array([3.0, bad]), "b": np.array([5.0])}
    norm = clip_grad_norm(grads, 1.0)
    assert math.isnan(norm) if math.isnan(bad) else norm == math.inf
    np.testing.assert_array_equal(grads["a"], [3.0, bad])
    np.testing.assert_array_equal(grads["b"], [5.0])


def test_an_exploded_float32_gradient_is_clipped_though_its_square_overflows():
    grads = {"a": np.array([3e30, 0], np.float32), "b": np.array([-4e30], np.float32)}
    assert clip_grad_norm(grads, 1.0) == pytest.approx(5e30, rel=1e-6)
    np.testing.assert_allclose(grads["a"], [0.6, 0], rtol=1e-6)
    np.testing.assert_allclose(grads["b"], [-0.8], rtol=1e-6)


TINY32, MAX32 = 1e-45, 3e38


@pytest.mark.parametrize(
    ("dtype", "size", "max_norm"),
    [
        (np.float32, 3e38, 1.0),  # the norm is beyond float32
        (np.float32, 3e38, 1e38),
        (np.float32, 1e-30, 1e-33),  # every square is 0 in float32
        (np.float32, 3e-20, 1e-20),  # every square is subnormal
        (np.float32, 1e15, 1e-27),  # max_norm / norm is subnormal
        (np.float64, 1.5e308, 1.0),  # the norm is beyond float64
        (np.float64, 1e200, 1e-150),
        (np.float64, 1e-200, 1e-210),
        (np.complex64, 3e38, 1.0),
        (np.complex128, 1e-300, 1e-301),
    ],
)
def test_norms_far_beyond_the_squares_of_a_dtype(dtype, size, max_norm):
    """Of 5, 4 by 1 arrays of +-size: the norm is 3 size, and every entry becomes max_norm / 3 of its sign."""
    signs = {"a": np.array([1, -1, 1, -1, 1]), "b": np.array([[1], [1], [-1], [1]])}
    grads = {name: (sign * size).astype(dtype) for name, sign in signs.items()}
    norm = clip_grad_norm(grads, max_norm)
    assert norm == pytest.approx(3 * size, rel=1e-6) if size < 1e308 else norm == math.inf
    for name, sign in signs.items():
        np.testing.assert_allclose(grads[name], sign * max_norm / 3, rtol=1e-6)


def test_subnormal_gradients_have_a_norm():
    grads = {"w": np.full(4, TINY32, np.float32)}
    assert clip_grad_norm(grads, 1.0) == 2 * float(np.float32(TINY32))


def test_a_limit_beyond_the_dtype_clamps_nothing():
    grads = {"w": np.array([MAX32, -MAX32, 1], np.float32)}
    for limit in (1e300, math.inf):
        clip_grad_value(grads, limit)
        np.testing.assert_array_equal(grads["w"], np.array([MAX32, -MAX32, 1], np.float32))
    grads["w"][0] = math.inf
    clip_grad_value(grads, 1e300)
    assert grads["w"][0] == np.finfo(np.float32).max


def test_clipping_is_differentiable_by_a_complex_step():
    def clipped(bump):
        grads = {"w": np.array([3.0 + bump, -4.0])}
        clip_grad_norm(grads, 1.0)
        clip_grad_value(grads, 0.7)
        return grads["w"]

    np.testing.assert_allclose(clipped(1e-30j).imag / 1e-30, [0.2 - 9 / 125, 0.0], rtol=1e-14)


@pytest.mark.parametrize("wrap", [dict, as_parameters])
def test_clipping_by_value(wrap):
    grads = wrap(draw(3))
    grads["b_h"][0] = np.nan
    clip_grad_value(grads, 0.5)
    for name, array in draw(3).items():
        expected = np.minimum(np.maximum(array, -0.5), 0.5)
        if name == "b_h":
            expected[0] = np.nan
        np.testing.assert_array_equal(grads[name], expected)


def test_strided_gradients_are_clipped_in_place():
    block = np.full((4, 6), 2.0)
    norm = clip_grad_norm({"a": block[:, ::2].T, "b": block[:, 1::2]}, 1.0)
    assert norm == pytest.approx(2 * math.sqrt(24), rel=1e-15)
    np.testing.assert_allclose(block, 1 / math.sqrt(24), rtol=1e-15)


@pytest.mark.parametrize(
    ("clip", "bound", "text"),
    [
        (clip_grad_norm, -1, "max_norm must not be negative, got -1; inf is no limit"),
        (clip_grad_norm, math.nan, "max_norm must not be negative, got nan"),
        (clip_grad_value, -1, "limit must not be negative, got -1"),
        (clip_grad_value, math.nan, "limit must not be negative, got nan"),
    ],
)
def test_a_bound_that_makes_no_sense_is_refused(clip, bound, text):
    with pytest.raises(ValueError, match=text):
        clip({}, bound)


@pytest.mark.parametrize("clip", [clip_grad_norm, clip_grad_value])
@pytest.mark.parametrize(
    ("grads", "error", "text"),
    [
        ([np.ones(2)], TypeError, "grads must map names to arrays, got list"),
        ({"w": np.array([3, 4])}, TypeError, r"grads\[.*\] must be floating or complex, got int64"),
        ({"w": np.ones(2, np.float16)}, TypeError, r"grads\[.*\] must have 32 bits or more, got float16"),
        ({"w": np.full(2, 3.0), "v": np.full(2, 1j)}, TypeError, "all real or all complex, got both"),
        ({"w": np.broadcast_to(3.0, 4)}, ValueError, "grads must be writable, one of them is read-only"),
    ],
)
def test_gradients_that_cannot_be_clipped_are_refused(clip, grads, error, text):
    with pytest.raises(error, match=text):
        clip(grads, 0.5)


def test_the_norm_of_very_many_entries_keeps_its_digits():
    """One running sum of 2^24 equal squares in float32 is off by more than 1e-4."""
    grads = {"w": np.full(1 << 24, 1.1, np.float32)}
    assert clip_grad_norm(grads, math.inf) == pytest.approx(4096 * float(np.float32(1.1)), rel=1e-6)


@pytest.mark.parametrize("wrap", [dict, as_parameters])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_an_error_where_that_is_asked_for(wrap, bad):
    arrays = draw(3)
    arrays["W_hh"][2, 1] = bad
    grads = wrap(arrays)
    before = {name: array.copy() for name, array in grads.items()}
    text = rf"grads\['W_hh'\] must be finite, got {bad} at \[2, 1\]; npseq.inspect.first_nonfinite"
    with pytest.raises(FloatingPointError, match=text):
        clip_grad_norm(grads, 1e-3, error_if_nonfinite=True)
    for name, array in grads.items():
        np.testing.assert_array_equal(array, before[name])
    assert not math.isfinite(clip_grad_norm(grads, 1e-3))
    assert clip_grad_norm(draw(3), 1.0, error_if_nonfinite=True) == clip_grad_norm(draw(3), 1.0)
