"""Every entry of a model's gradients against a complex step of 1e-20, which has no rounding of its own."""

import numpy as np

STEP = 1e-20


def check(model, loss, gradients, **inputs):
    """loss(model, **inputs) -> scalar, gradients(model, **inputs) -> {name: array} of all params and inputs."""
    found = gradients(model, **inputs)
    copy, given = model.astype(np.complex128), {name: x.astype(complex) for name, x in inputs.items()}
    arrays = {**{name: copy.params[name] for name in copy.params}, **given}
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        numeric = np.empty(array.shape)
        for entry in np.ndindex(array.shape):
            array[entry] += 1j * STEP
            numeric[entry] = loss(copy, **given).imag / STEP
            array[entry] = array[entry].real
        np.testing.assert_allclose(found[name], numeric, rtol=0, atol=1e-12 * abs(numeric).max(), err_msg=name)


def check_loss(model, *batch, **options):
    """Every parameter of model.loss(*batch, **options)."""
    check(model, lambda copy: value(copy, *batch, **options), lambda copy: copy.loss(*batch, **options)[1])


def value(copy, *batch, **options):
    """The loss alone, without the backward pass, which takes most of the time."""
    copy.backward = lambda dlogits, tape, **buffers: (None, None)
    return copy.loss(*batch, **options)[0]
