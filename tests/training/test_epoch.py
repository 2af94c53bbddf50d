"""An Epoch says how a text is read, and is checked when it is made."""

import dataclasses

import numpy as np
import pytest

from npseq.data import random_windows, sequential_windows
from npseq.training import Epoch

IDS = np.arange(50)


def test_an_update_comes_with_every_window_and_reaches_over_it_unless_given():
    given = {"batch_size": 3, "steps": 6}
    for options, every, reach in (
        ({}, 6, 6),
        ({"bptt_every": 2}, 2, 2),
        ({"bptt_steps": 9}, 6, 9),
        ({"bptt_every": 3, "bptt_steps": 5}, 3, 5),
    ):
        epoch = Epoch(**given, **options)
        assert (epoch.every, epoch.reach) == (every, reach)


@pytest.mark.parametrize(
    ("sampling", "draw"),
    [("sequential", sequential_windows), ("sequential-reset", sequential_windows), ("random", random_windows)],
)
def test_the_windows_are_those_of_its_sampling(sampling, draw):
    epoch = Epoch(batch_size=3, steps=4, sampling=sampling)
    found, expected = list(epoch.windows(IDS, np.random.default_rng(5))), list(draw(IDS, 3, 4, 5))
    assert len(found) == len(expected) > 0
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_windows_move_the_generator_on():
    rng, epoch = np.random.default_rng(5), Epoch(batch_size=3, steps=4, sampling="random")
    first, second = list(epoch.windows(IDS, rng)), list(epoch.windows(IDS, rng))
    assert any((one[0] != other[0]).any() for one, other in zip(first, second, strict=False))


def test_an_epoch_takes_its_options_by_name_and_is_frozen():
    with pytest.raises(TypeError, match="positional"):
        Epoch(3, 4)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Epoch(batch_size=3, steps=4).steps = 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size must be a positive integer, got 0"),
        ({"steps": 2.0}, r"steps must be a positive integer, got 2\.0"),
        ({"batch_size": True}, "batch_size must be a positive integer, got True"),
        ({"sampling": "fast"}, "sampling must be one of 'sequential', .* got 'fast'"),
        ({"bptt_every": 3}, "bptt_every must divide steps, .* got bptt_every 3 and steps 4"),
        ({"bptt_steps": 1}, "bptt_steps must be at least bptt_every"),
    ],
)
def test_values_that_cannot_be_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Epoch(**{"batch_size": 3, "steps": 4, **options})
