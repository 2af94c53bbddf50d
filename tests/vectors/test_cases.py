"""The cases cover what they promise, and their numbers are the same for ever and exact in narrow types."""

from itertools import product

import numpy as np
import pytest

from npseq.vectors.cases import VARIANTS, cases, computed, problem

BY_NAME = {case.name: case for case in cases()}


def test_every_variant_has_every_combination():
    for words in product(VARIANTS, ("", "two-layers"), ("", "bidirectional"), ("", "ragged"), ("", "states")):
        case = BY_NAME["-".join(filter(None, words))]
        layer = problem(case).layer
        assert (layer.num_layers == 2, layer.directions == 2) == (bool(words[1]), bool(words[2]))
        assert (bool(case.lengths), case.states) == (bool(words[3]), bool(words[4]))
        assert case.options.items() >= VARIANTS[words[0]].items()


def test_names_are_unique_and_edges_are_there():
    assert len(BY_NAME) == len(cases()) == 139
    assert sum(bool(case.truncated) for case in cases()) == 14
    assert {case.steps for case in cases()} == {1, 5}
    assert {case.batch for case in cases()} == {1, 4}
    assert any(0 in case.lengths for case in cases())
    assert any(not problem(case).layer.bias for case in cases(["rnn", "gru", "lstm"]) if "no-bias" in case.name)


def test_the_numbers_are_drawn_from_the_name():
    given = problem(BY_NAME["lstm-ragged-states"])
    assert given.inputs["x"][0].tolist() == [
        [-0.5625, 0.859375], [0.609375, 0.6875], [-0.25, -0.671875], [0.90625, 0.921875]
    ]  # fmt: skip
    assert given.layer.params["W_xo"].tolist() == problem(BY_NAME["lstm-ragged-states"]).layer.params["W_xo"].tolist()


@pytest.mark.parametrize("name", ["gru-states", "lstm-peepholes-two-layers-bidirectional-ragged-states"])
def test_narrow_types_hold_every_number(name):
    given = problem(BY_NAME[name])
    for array in (*given.inputs.values(), given.layer.params.flat):
        assert np.array_equal(array, array.astype(np.float16))
        assert np.array_equal(array * 64, np.round(array * 64))


def test_without_states_they_are_zero_and_otherwise_not():
    for name, zero in (("lstm", True), ("lstm-states", False)):
        inputs = problem(BY_NAME[name]).inputs
        assert all((np.abs(inputs[of]).max() == 0) == zero for of in ("h0", "c0", "dh", "dc"))
    assert problem(BY_NAME["gru"]).inputs.keys() == {"x", "lengths", "dy", "h0", "dh"}


def test_computed_has_outputs_states_and_every_derivative():
    given = problem(BY_NAME["lstm-bidirectional"])
    assert computed(given).keys() == {"y", "h", "c", "dx", "dh0", "dc0", *given.layer.params}


def test_an_unknown_cell_is_refused():
    with pytest.raises(ValueError, match="cell must be one of 'rnn', 'gru', 'lstm', got 'elman'"):
        cases(["elman"])
