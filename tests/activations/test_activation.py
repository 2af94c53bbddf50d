"""ns.Activation: a name and numbers, and its text."""

import pickle

import numpy as np
import pytest

import npseq as ns
from npseq.activations.activation import activation_of


@pytest.mark.parametrize(
    ("activation", "text"),
    [
        (ns.Activation("tanh"), "tanh"),
        (ns.Activation("elu", alpha=1.0), "elu"),
        (ns.Activation("elu", 0.1), "elu(alpha=0.1)"),
        (ns.Activation("hard_sigmoid", beta=1 / 3, clip=2), "hard_sigmoid(beta=0.3333333333333333, clip=2.0)"),
    ],
)
def test_its_text_is_it_again(activation, text):
    assert str(activation) == text
    assert activation_of("activation", text) == activation
    assert activation_of("activation", activation) is activation
    assert pickle.loads(pickle.dumps(activation)) == activation


def test_the_usual_numbers_are_those_that_are_left_out():
    assert ns.Activation("elu") == ns.Activation("elu", alpha=1)
    assert str(activation_of("activation", "elu( alpha = 1.0 )")) == "elu"
    assert ns.Activation("tanh", clip=1) != ns.Activation("tanh")


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (lambda: ns.Activation("softmin"), ValueError, "name must be one of 'linear', .*, got 'softmin'"),
        (lambda: ns.Activation(3), (TypeError, ValueError), "name must be"),
        (lambda: ns.Activation("tanh", alpha=1.0), ValueError, "tanh must have no alpha, got 1.0; leave it out"),
        (lambda: ns.Activation("elu", beta=1.0), ValueError, "elu must have no beta"),
        (lambda: ns.Activation("elu", alpha=np.inf), ValueError, "alpha must be"),
        (lambda: ns.Activation("celu", alpha=0.0), ValueError, "celu's alpha must be above 0, got 0.0"),
        (lambda: ns.Activation("tanh", clip=0.0), ValueError, "clip must be above 0, or None for no bound, got 0.0"),
        (lambda: activation_of("activation", 1), TypeError, "activation must be the name of an activation, or"),
        (lambda: activation_of("activation", "elu(1)"), ValueError, "activation must be an activation such as 'elu"),
        (lambda: activation_of("activation", "elu(a=1)"), ValueError, r"such as 'elu.* got 'elu\(a=1\)'"),
        (lambda: activation_of("activation", "elu(alpha=x)"), ValueError, "such as 'elu"),
        (lambda: activation_of("activation", "exp(alpha=1)"), ValueError, "activation must be one of 'linear'"),
    ],
)
def test_what_is_none_is_refused(given, error, message):
    with pytest.raises(error, match=message):
        given()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_it_keeps_the_type_and_leaves_its_argument(dtype):
    x = np.array([-1.5, 0.0, 2.5], dtype)
    for activation in (ns.Activation("elu"), ns.Activation("leaky_relu", clip=1.0), ns.Activation("sigmoid")):
        assert activation(x).dtype == activation.derivative(x).dtype == dtype
    np.testing.assert_array_equal(x, np.array([-1.5, 0.0, 2.5], dtype))
