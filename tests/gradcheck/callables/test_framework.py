import numpy as np
import pytest

from npseq.gradcheck.callables.framework import Framework


class Small(Framework):
    remedy = "make it wider"

    def is_array(self, leaf):
        return isinstance(leaf, np.ndarray)

    def array(self, value, like):
        return value


def test_ids_flags_and_numbers_do_not_move_and_float32_is_refused():
    small = Small()
    assert [small.moves("x", leaf) for leaf in (np.ones(2), np.ones(2, int), True, 2.0, None)] == [True] + 4 * [False]
    with pytest.raises(
        TypeError, match="x must be float64, in which differences have digits, got float32; make it wider"
    ):
        small.moves("x", np.ones(2, np.float32))


def test_a_scalar_stays_and_arrays_are_summed_with_weights_of_the_seed():
    small, leaves = Small(), {"x": np.arange(3.0)}
    assert small.projected(lambda named: named["x"].sum(), leaves, 0)(leaves) == 3
    f = small.projected(lambda named: (named["x"], {"ids": np.ones(2, int), "y": named["x"] ** 2}), leaves, 7)
    draw = np.random.default_rng(7)
    first, second = draw.standard_normal(3), draw.standard_normal(3)
    assert f(leaves) == pytest.approx(first @ [0, 1, 2] + second @ [0, 1, 4], rel=1e-15)
