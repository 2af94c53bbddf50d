import numpy as np
import pytest

import npseq as ns
from npseq.models.window import Window

IDS = np.zeros((6, 2), int)
LAYER, BOTH = ns.RNN(3, 2), ns.RNN(3, 2, bidirectional=True)


@pytest.mark.parametrize(
    ("window", "targets"),
    [(Window(), IDS), (Window(None, 2), IDS[2:]), (Window(None, 5, 0), IDS[5:]), (Window(None, 0, 6), IDS)],
)
def test_what_fits_passes(window, targets):
    assert window.check(IDS, targets, LAYER) is None


@pytest.mark.parametrize("context", [6, 7, -1])
def test_a_context_must_leave_a_step(context):
    with pytest.raises(ValueError, match=rf"context must leave some of the steps .*, got {context} of \(6, 2\)"):
        Window(None, context).check(IDS, IDS, LAYER)


def test_targets_are_those_of_the_steps_after_the_context():
    with pytest.raises(ValueError, match=r"one shape \(T, B\), got \(6, 2\) and \(5, 2\)"):
        Window().check(IDS, IDS[1:], LAYER)
    with pytest.raises(ValueError, match=r"the first 2 steps of ids left out, got \(6, 2\) and \(6, 2\)"):
        Window(None, 2).check(IDS, IDS, LAYER)
    with pytest.raises(TypeError, match=r"ids must be a NumPy or CuPy array of numbers, got list; pass numpy.asarray"):
        Window().check([1, 2], IDS, LAYER)


@pytest.mark.parametrize(("layer", "step"), [(LAYER, 7), (LAYER, -1), (BOTH, 3)])
def test_a_state_is_that_before_a_step_of_one_direction(layer, step):
    with pytest.raises(
        ValueError, match=rf"state_at must be a step in \[0, 6\] of a model of one direction.*got {step}"
    ):
        Window(None, 0, step).check(IDS, IDS, layer)


def test_equal_windows_are_one_key():
    assert {Window(None, 2, 3): 1}[Window(context=2, state_at=3)] == 1
