"""What may stand in a node's place."""

import pytest
from diagnosis.cases import CASES

from npseq.diagnosis.alternatives import Alternatives


def texts(name, equation):
    (strand,) = CASES[name]().problem.strands
    made = Alternatives(strand)
    node = made.equations.parse(equation)
    return {made.graph.text(edit.other, node): edit.words for edit in made.of_node(node)}


@pytest.mark.parametrize(
    ("name", "node", "other"),
    [
        ("lstm, ragged", "dc_all * f", "dc_all"),
        ("lstm, ragged", "dc_all * f", "-dc_all * f"),
        ("lstm, ragged", "dc_all * f", "dc_all * f * f"),
        ("lstm, ragged", "f", "i"),
        ("lstm, ragged", "c", "c_new"),
        ("lstm, ragged", "f", "f.before"),
        ("lstm, ragged", "o", "tanh(c_new)"),
        ("lstm, ragged", "dtanh(g)", "1 - g"),
        ("lstm, ragged", "dsigmoid(f)", "1 - f"),
        ("lstm, ragged", "W_hf(da_f)", "W_hf_T(da_f)"),
        ("lstm, ragged", "W_hf(da_f)", "W_hi(da_f)"),
        ("rnn relu", "drelu(h_new)", "dtanh(h_new)"),
        ("gru after", "h - n", "h + n"),
    ],
)
def test_an_alternative(name, node, other):
    assert other in texts(name, node)


def test_a_bracket_left_out():
    found = texts("lstm, ragged", "dc_all * f")
    text = "dc_new * f + dh_new * dtanh(tanh(c_new)) * o"
    assert {"".join(sorted(key)) for key in found} >= {"".join(sorted(text))}
    assert any("as without the bracket" in words for words in found.values())


def test_only_what_has_the_same_size_is_confused():
    found = texts("lstm, peepholes and projection", "h")
    assert "h_new" in found
    assert "c" not in found  # 4 units, not 3
