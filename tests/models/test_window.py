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
    checked, signed = window.check(IDS, targets.astype(np.uint8), 3, LAYER)
    assert checked == window
    assert signed.dtype == np.int64
    assert signed.tolist() == targets.tolist()


@pytest.mark.parametrize("context", [6, 7])
def test_a_context_must_leave_a_step(context):
    with pytest.raises(ValueError, match=rf"context must leave some of the steps .*, got {context} of \(6, 2\)"):
        Window(None, context).check(IDS, IDS, 3, LAYER)


def test_targets_are_those_of_the_steps_after_the_context():
    with pytest.raises(ValueError, match=r"one shape \(T, B\), got \(6, 2\) and \(5, 2\)"):
        Window().check(IDS, IDS[1:], 3, LAYER)
    with pytest.raises(ValueError, match=r"the first 2 steps of ids left out, got \(6, 2\) and \(6, 2\)"):
        Window(None, 2).check(IDS, IDS, 3, LAYER)
    with pytest.raises(TypeError, match=r"ids must be a NumPy or CuPy array of numbers, got list; pass numpy.asarray"):
        Window().check([1, 2], IDS, 3, LAYER)


@pytest.mark.parametrize("step", [7, -1, 1.5, "2", True])
def test_a_state_is_that_before_a_step(step):
    with pytest.raises(ValueError, match=rf"state_at must be an integer in \[0, 7\), got {step!r}"):
        Window(None, 0, step).check(IDS, IDS, 3, LAYER)


def test_a_state_before_a_step_is_that_of_one_direction():
    with pytest.raises(ValueError, match="state_at needs a layer of one direction"):
        Window(None, 0, 3).check(IDS, IDS, 3, BOTH)


@pytest.mark.parametrize("context", [-1, 1.0, "1", True])
def test_a_context_is_a_number_of_steps(context):
    with pytest.raises(ValueError, match=rf"context must be an integer of at least 0, got {context!r}"):
        Window(None, context).check(IDS, IDS, 3, LAYER)


def test_targets_are_ids_of_the_vocabulary():
    with pytest.raises(ValueError, match=r"targets must be in \[0, 3\), got 3 at \(0, 0\)"):
        Window().check(IDS, IDS + 3, 3, LAYER)
    with pytest.raises(TypeError, match="targets must be integers, got float64"):
        Window().check(IDS, IDS.astype(float), 3, LAYER)


def test_a_truncation_that_does_not_fit_the_steps_is_refused():
    with pytest.raises(ValueError, match="keep must have a probability for each of 6 steps, got 2"):
        Window(ns.RandomTruncation(np.full(2, 0.5))).check(IDS, IDS, 3, LAYER)
    with pytest.raises(ValueError, match="survival must start at 1"):
        Window(ns.RouletteTruncation(lambda lag: 0.5)).check(IDS, IDS, 3, LAYER)


def test_equal_windows_are_one_key():
    assert {Window(None, 2, 3): 1}[Window(context=2, state_at=3)] == 1
