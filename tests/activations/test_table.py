"""Every activation of the table: as a kernel, far from 0, of nan, and in every cell."""

import dataclasses
import sys

import numpy as np
import pytest
from fake_cupy import device_module
from fake_cupy.device_kernels import COMPILER

import npseq as ns
from npseq.activations import KINDS
from npseq.activations.activation import activation_of, derivative_of
from npseq.gpu.kernels import Runner
from npseq.gpu.tracing import CellTrace

every_activation = pytest.mark.parametrize("name", KINDS)
NAMES = list(KINDS)


@pytest.mark.skipif(COMPILER is None, reason="no C compiler: the kernels' text is not run")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_kernel_of_all_functions_and_derivatives_is_what_the_lines_give(dtype, monkeypatch):
    cupy, trace = device_module.make(), CellTrace(dtype)
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    functions = []
    for one in [ns.Activation(name, clip=clip) for name in NAMES for clip in (None, 1.5)]:
        functions += [one.function, derivative_of(one, output=False)]
        functions += [] if one.needs_input else [derivative_of(one, output=True)]
    x, out = trace.array("x"), trace.array("out", len(functions))
    for k, function in enumerate(functions):
        function(x, out=out[k])
    values = np.concatenate([np.linspace(-7.03, 6.97, 57), [-40.0, 40.0]]).astype(dtype)
    arrays = {"x": cupy.asarray(values), "out": cupy.asarray(np.zeros((len(functions), len(values)), dtype))}
    Runner(trace.finish(()), np.dtype(dtype), "activations")(arrays)
    for function, found in zip(functions, arrays["out"].get(), strict=True):
        with np.errstate(over="ignore"):
            expected = function(values, out=np.empty_like(values))
        np.testing.assert_allclose(found, expected, rtol=2e-5 if dtype == np.float32 else 1e-13, atol=1e-7)


@every_activation
def test_it_is_finite_far_from_0_and_nan_of_nan(name):
    activation = ns.Activation(name)
    far = np.array([-1e4, -700.0, -40.0, 0.0, 40.0, 700.0])
    for values in (activation(far), activation.derivative(far)):
        assert np.isfinite(values).all()
    assert np.isnan(activation(np.array([np.nan]))).all()


@every_activation
def test_a_complex_step_is_right_far_from_0(name):
    activation, far = ns.Activation(name), np.array([-300.0, -40.0, -20.3, 20.3, 40.0, 300.0])
    step = activation(far + 1e-30j)
    np.testing.assert_allclose(step.real, activation(far), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(step.imag / 1e-30, activation.derivative(far), rtol=1e-12, atol=1e-300)


def layers(name, other):
    """Each cell with an activation as a gate's and as a state's, and another one."""
    options = {"dtype": np.float64, "rng": 0}
    name, other = (f"{one}(alpha=0.1)" if one in ("thresholded_relu", "hard_shrink") else one for one in (name, other))
    yield ns.RNN(1, 2, nonlinearity=name, bidirectional=True, **options)
    yield ns.GRU(1, 2, gate_activation=name, activation=other, **options)
    yield ns.GRU(1, 2, reset="before", gate_activation=other, activation=name, **options)
    yield ns.LSTM(1, 2, gate_activation=name, activation=other, peepholes=True, **options)
    bounded = dataclasses.replace(activation_of("output_activation", name), clip=0.4)
    yield ns.LSTM(1, 2, activation=other, output_activation=bounded, proj_size=1, **options)


def assert_checked(name, other):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 2, 1))
    for layer in layers(name, other):
        state = rng.normal(size=(layer.directions, 2, layer.state_size))
        state = (state, rng.normal(size=(1, 2, 2))) if layer.c_size else state
        report = ns.gradcheck_layer(layer, x, state, np.array([3, 2]))
        assert report.passed, (layer, report)


@pytest.mark.slow
@every_activation
def test_every_cell_passes_the_check_with_it(name):
    """Its partner is another one of the table, so that every name is checked in every place."""
    assert_checked(name, NAMES[NAMES.index(name) - 7])


@pytest.mark.parametrize(("name", "other"), [("softsign", "hard_sigmoid"), ("relu", "relu"), ("gelu", "silu")])
def test_a_cell_passes_the_check_with_it(name, other):
    assert_checked(name, other)
