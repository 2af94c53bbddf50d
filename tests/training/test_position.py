"""A position survives its file, draws the same windows again, and is checked against model and text."""

import json

import numpy as np
import pytest

from npseq.models import LanguageModel
from npseq.training import Epoch, Position, TrainingConfig
from npseq.training.position import check_within, copied, from_content, to_content

CONFIG = TrainingConfig(cell="lstm", hidden_size=3, num_layers=2, batch_size=2, steps=4, bptt_every=2, dtype="float64")
IDS = np.arange(40) % 5


def model(**options):
    return LanguageModel(5, **(CONFIG.model_options() | options), rng=0)


def position(step=3, **changes):
    rng = np.random.default_rng(7)
    state = tuple(rng.normal(size=(2, 2, 3)) for _ in "hc")
    return Position(step, rng.bit_generator.state, state, total=1.5, largest_norm=2.5, seconds=0.5)._replace(**changes)


def test_a_position_comes_back_through_json_and_tensors():
    content, tensors = to_content(position())
    assert sorted(tensors) == ["position/c", "position/h"]
    found = from_content(json.loads(json.dumps(content)), tensors, model(), CONFIG)
    assert found._replace(state=None) == position()._replace(state=None)
    for one, other in zip(found.state, position().state, strict=True):
        assert one.tobytes() == other.tobytes()


def test_without_a_position_there_is_none():
    assert from_content(None, {"recurrent.W_xh": np.ones(3)}, model(), CONFIG) is None


def test_windows_are_drawn_again_from_the_beginning_of_the_epoch():
    epoch, rng = Epoch(batch_size=2, steps=4, sampling="random"), np.random.default_rng(3)
    begin = Position(0, rng.bit_generator.state)
    first = list(begin.windows(IDS, epoch, rng))
    moved_on = rng.bit_generator.state
    again = list(begin._replace(step=2).windows(IDS, epoch, rng))
    assert rng.bit_generator.state == moved_on
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_change_of_the_state_reaches_every_array():
    doubled = position().with_state(lambda array: 2 * array)
    assert isinstance(doubled.state, tuple)
    np.testing.assert_array_equal(doubled.state, 2 * np.array(position().state))
    assert position(state=np.ones((1, 2, 3))).with_state(np.sum).state == 6
    assert position(state=None).with_state(np.sum).state is None


def test_a_copy_of_a_state_is_not_written_over():
    state = (np.ones(3), np.zeros(3))
    kept = copied(state)
    state[0][...] = 7
    assert kept[0].tolist() == [1, 1, 1]
    assert copied(None) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"step": 0}, "its position must be after a whole number of steps, got 0"),
        ({"total": float("nan")}, "its position's total must be a finite number"),
        ({"seconds": -1.0}, "its position's seconds must be a finite number, not below 0"),
        ({"state": np.zeros((2, 2, 3))}, "its position's state must be .*'c'"),
        ({"state": (np.full((2, 2, 3), np.inf), np.zeros((2, 2, 3)))}, "its position's state must be finite"),
    ],
)
def test_a_position_that_no_run_can_have_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        from_content(*to_content(position(**changes)), model(), CONFIG)


def test_a_position_must_lie_within_an_epoch_of_its_text():
    epoch = list(CONFIG.one_epoch().windows(IDS, np.random.default_rng(7)))
    last = 2 * len(epoch)  # two updates a window
    drawn = np.random.default_rng(7).bit_generator.state
    check_within(position(last - 1, drawn=drawn), IDS, CONFIG)
    with pytest.raises(ValueError, match=f"its position must lie within an epoch of its text, got step {last}"):
        check_within(position(last, drawn=drawn), IDS, CONFIG)
