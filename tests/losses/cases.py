"""What the tests of the losses share: sizes, and the derivative by a complex step."""

import numpy as np

T, B, V = 4, 3, 5


def assert_complex_step(f, at, gradient):
    numeric = np.zeros(at.shape)
    for place in np.ndindex(at.shape):
        moved = at.astype(complex)
        moved[place] += 1e-30j
        numeric[place] = f(moved).imag / 1e-30
    assert abs(numeric - gradient).max() <= 1e-14 * abs(gradient).max()
