"""The derivatives that people write for each other: each is a slip with its words."""

import numpy as np

from npseq.learn.expressions import Lines
from npseq.learn.slopes import Slopes


def words_of(text, wrong):
    lines = Lines()
    node, other = lines.read(text), lines.read(wrong)
    slopes = Slopes(lines, {"y": np.ones((5, 4)), "z": np.ones((5, 4))})
    method = getattr(slopes, f"_of_{lines.nodes[node].op}")
    return [slip.words for slip in method(node) if slip.node == other]


def test_a_tanhs_derivative():
    assert words_of("1 - y**2", "1 - y") == ["the derivative is (1 - y**2): y is not squared"]
    assert words_of("1 - y**2", "1 - tanh(y)**2")[0].endswith("tanh was taken once more")
    assert words_of("1 - y**2", "y * (1 - y)")[0].endswith("that is the derivative of a sigmoid; this is a tanh")
    assert words_of("1 - tanh(y)**2", "1 - y**2")[0].endswith("the tanh of y is missing")


def test_a_sigmoids_derivative():
    assert words_of("y * (1 - y)", "y")[0].endswith("the factor (1 - y) is missing")
    assert words_of("y * (1 - y)", "y * (1 - z)")[0].endswith("of one and the same gate")
    assert words_of("y * (1 - y)", "1 - y**2")[0].endswith("that is the derivative of a tanh; this is a sigmoid")


def test_a_tanh_itself():
    assert words_of("tanh(y)", "y") == ["the tanh of y is missing"]
