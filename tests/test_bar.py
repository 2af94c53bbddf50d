"""The bar of a training: it draws seldom, and a drawing has the numbers of the last epoch, or those so far."""

import math
from contextlib import closing

import pytest

from npseq.bar import SELDOM, EpochBar


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on by as many seconds as its list's last entry says whenever the bar looks at it."""
    now = [0.0]
    monkeypatch.setattr("tqdm.std.time", lambda: now[0])
    return now


def shown_after(clock, bar, seconds, losses, capsys):
    capsys.readouterr()
    for loss in losses:
        clock[0] += seconds
        bar.step(loss)
    return [text for text in capsys.readouterr().err.split("\r") if text.strip()]


def test_the_mean_so_far_is_shown_a_few_times_a_second(clock, capsys):
    written = []
    bar = EpochBar(2, 1000, lambda loss: written.append(loss) or f"loss {loss}", disable=False)
    with closing(bar.bar):
        shown = shown_after(clock, bar, SELDOM / 10, range(100), capsys)
        assert 8 <= len(shown) <= 11
        assert len(written) == len(shown)  # no text is made for the steps between
        assert "epoch 0/2" in shown[-1]
        assert any(f"loss {k} so far" in shown[-1] for k in range(70, 100))


def test_the_numbers_of_an_epoch_stay_until_a_long_one_follows(clock, capsys):
    bar = EpochBar(3, 4, "loss {}".format, disable=False)
    with closing(bar.bar):
        shown_after(clock, bar, 0.0, [1, 2, 3], capsys)
        bar.epoch(1, "loss 7")
        assert bar.bar.n == 4  # one update fewer than its usual number
        assert "epoch 1/3" in (shown := shown_after(clock, bar, SELDOM, [9], capsys))[-1]
        assert "loss 7" in shown[-1]
        assert "loss 9 so far" in shown_after(clock, bar, SELDOM, [8], capsys)[-1]


def test_what_is_not_known_is_not_shown(clock, capsys):
    bar = EpochBar(1, 9, "loss {}".format, disable=False)
    with closing(bar.bar):
        assert "so far" not in "".join(shown_after(clock, bar, SELDOM, [math.nan] * 3, capsys))


def test_without_a_terminal_nothing_is_shown(capsys):
    bar = EpochBar(1, 2, str)
    bar.step(1.0)
    bar.epoch(1, "done")
    assert capsys.readouterr().err == ""
