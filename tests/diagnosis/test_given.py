"""What was given is compared relative to its tensor; nan is equal to nan."""

import numpy as np
import pytest

from npseq.diagnosis.given import Given

RIGHT = np.array([[1.0, -2.0], [0.0, 1e-3]])


def test_fits_to_the_tensors_own_scale():
    given = Given(RIGHT, 1e-9)
    rows = np.stack([RIGHT, RIGHT + 1e-9, RIGHT + 3e-9, RIGHT * 1.001])
    assert given.scale == 2
    assert given.fits(rows).tolist() == [True, True, False, False]


def test_not_a_number_is_where_it_is():
    holed = np.array([np.nan, 1.0, np.inf])
    rows = np.array([[np.nan, 1.0, np.inf], [1.0, np.nan, np.inf], [np.nan, 1.0, -np.inf], [np.nan, 1.0, 2.0]])
    assert Given(holed, 1e-9).fits(rows).tolist() == [True, False, False, False]


def test_a_factor():
    rows = np.stack([RIGHT / 3, -RIGHT, RIGHT + 0.1, 0 * RIGHT])
    factors = Given(RIGHT, 1e-9).factor(rows)
    assert factors[:2].tolist() == pytest.approx([3, -1])
    assert np.isnan(factors[2:]).all()


def test_a_tensor_of_zeros_is_only_zeros():
    assert Given(np.zeros(3), 1e-9).fits(np.array([[0.0, 0, 0], [1e-300, 0, 0]])).tolist() == [True, False]
