"""Edits of the right backward, made from any cell's graph."""

import pytest
from diagnosis.cases import CASES

from npseq.diagnosis.edits import Editor


def edits(name):
    (strand,) = CASES[name]().problem.strands
    return {mistake.id: mistake for mistake, _ in Editor(strand).mistakes()}


@pytest.mark.parametrize(
    ("name", "id", "words"),
    [
        ("rnn", "da_h = dh_new", "the factor (1 - h_t^2) is missing: da_h = dh_t"),
        ("rnn", "dh = W_hh_T(da_h)", "W_hh is not transposed back: dh = da_h W_hh"),
        ("gru after", "da_z = dh_new * dsigmoid(z) * h", "the term n is missing: da_z = dh_t z (1 - z) h_{t-1}"),
        ("lstm, ragged", "da_f = dc_all * dsigmoid(f) * c_new", "c_t in place of c_{t-1}: da_f = dc_all f (1 - f) c_t"),
        ("lstm, ragged", "dc = dc_all", "the factor f is missing: dc = dc_all"),
        (
            "a cell of one's own",
            "da_k = dh_new * (u - h)",
            "the factor k (1 - k) is missing: da_k = dh_t (u - h_{t-1})",
        ),
    ],
)
def test_an_edit(name, id, words):
    assert edits(name)[id].what == words


def test_an_edit_tells_what_is_right_and_its_label():
    edit = edits("lstm, ragged")["dc = dc_all"]
    assert (edit.right, edit.equation) == ("dc = dc_all f", "L19")


@pytest.mark.parametrize("name", ["rnn", "gru after", "lstm, ragged", "a cell of one's own"])
def test_an_edit_changes_its_own_equation_alone(name):
    (strand,) = CASES[name]().problem.strands
    editor = Editor(strand)
    for region in editor.regions:
        for edit in editor.of_equation(region):
            for node in editor.lowest(region, edit):
                assert node == editor.graph.names[region] or editor.in_regions[node] == [region]


def test_what_a_sum_may_be_made_of():
    (strand,) = CASES["rnn"]().problem.strands
    assert "dy * dtanh(h_new)" in Editor(strand).side_adjoints()["da_h"]
