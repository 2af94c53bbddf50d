"""How losses are worded."""

import math

import pytest

from npseq.commands.measured import bits, unit_of
from npseq.training import TrainingConfig


def test_bits_are_nats_by_another_base():
    assert bits(math.log(8)) == pytest.approx(3)


@pytest.mark.parametrize(("token", "unit"), [("char", "character"), ("word", "word"), ("jieba", "word")])
def test_a_token_is_named_as_the_run_splits_its_text(token, unit):
    assert unit_of(TrainingConfig(token=token)) == unit
    assert unit_of(None) == "token"
