"""Every exercise has a task, three hints, labels that exist, and reads only what stands before it."""

import re
from pathlib import Path

import numpy as np
import pytest

from npseq.learn.choice import TASKS
from npseq.learn.content import drawn

PAGES = Path(__file__).parents[2] / "docs" / "derivations"
LABELS = set(re.findall(r"\(([A-Z]\d+)\)", "".join(page.read_text("utf-8") for page in PAGES.glob("*.md"))))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{task.topic} {task.number}")
def test_an_exercise_is_whole(task):
    assert all(task.hints)
    assert {line.label for line in task.lines} <= LABELS
    known = set(task.given.split()) | {"tanh", "sum", "T", "axis"}
    for line in task.lines:
        assert set(re.findall(r"[A-Za-z_]\w*", line.right)) <= known, line
        known.add(line.name)


def test_there_are_24():
    numbers = {topic: sum(task.topic == topic for task in TASKS) for topic in dict.fromkeys(t.topic for t in TASKS)}
    assert numbers == {"softmax": 1, "rnn": 5, "gru": 7, "lstm": 8, "truncation": 3}


def test_drawn_numbers_are_the_same_every_time():
    np.testing.assert_array_equal(drawn(1, x=(2, 3))["x"], drawn(1, x=(2, 3))["x"])
