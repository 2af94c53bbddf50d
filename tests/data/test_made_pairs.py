"""Pairs that need no file say the same twice, and repeat with their seed."""

from datetime import date

import numpy as np

from npseq.data import load_pairs
from npseq.data.made_pairs import date_pairs, reversal_pairs


def test_made_dates_say_the_same_twice():
    months = [date(2000, month, 1).strftime("%B").lower() for month in range(1, 13)]
    seen = set()
    for source, target in zip(*date_pairs(60, rng=1), strict=True):
        text, day = "".join(source), date.fromisoformat("".join(target))
        long = {f"{day.day} {months[day.month - 1]} {day.year}", f"{months[day.month - 1]} {day.day}, {day.year}"}
        short = f"{day.day:02d}/{day.month:02d}/{day.year % 100:02d}"
        assert text in long | {short}
        assert 1950 <= day.year < 2050
        seen.add(text == short)
    assert seen == {True, False}


def test_made_pairs_repeat_with_their_seed():
    assert reversal_pairs(5, rng=1) == reversal_pairs(5, rng=1)
    assert reversal_pairs(5, rng=1) != reversal_pairs(5, rng=2)
    np.testing.assert_array_equal(load_pairs("dates", 20).source, load_pairs("dates", 20).source)
