"""Two processes in one folder, three times; `python -m benchmarks.two_processes` does it a hundred times."""

import numpy as np
import pytest

from benchmarks import two_processes

IN_USE = "npseq: error: the folder 'x' must not be in use, but another process is training in it; wait\n"


def test_one_trains_and_the_other_says_so(tmp_path):
    found = two_processes.times(3, np.random.default_rng(0), tmp_path)
    assert found["wrong"] == []
    assert sum(found["refused"].values()) == found["times"] == 3


@pytest.mark.parametrize(
    "found",
    [
        [(0, ""), (0, "")],
        [(2, IN_USE), (2, IN_USE)],
        [(0, ""), (1, IN_USE)],
        [(0, ""), (2, "Traceback\n" + IN_USE)],
        [(0, ""), (2, "npseq: error: no room\n")],
        [(0, ""), (-9, "")],
    ],
)
def test_anything_else_is_wrong(found):
    assert two_processes.judged([(0, ""), (2, IN_USE)]) == two_processes.judged([(2, IN_USE), (0, "")]) == "is in use"
    assert two_processes.judged(found).startswith("wrong: ")
