"""The descent over a stack: its adjoints make backward, its hooks see every strand, an axis keeps losses apart."""

import numpy as np
import pytest
from layers.recurrent_cases import assert_same_bits, both_directions, every_cell, given, make, outcome, parts

from npseq.bptt.workspace import Workspace
from npseq.layers.adjoints import adjoints_of, row_adjoints

T, B = 4, 3
LENGTHS = np.array([2, 4, 0])
ragged = pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "ragged"])


def upper(layer, tape, data):
    """dy as (T, P, B) a direction, zero past each length."""
    dy = data.dy if tape.strands[0][0].mask is None else data.dy * (np.arange(T)[:, None] < LENGTHS)[..., None]
    return [dy.swapaxes(1, 2)[:, d * layer.state_size :][:, : layer.state_size] for d in range(layer.directions)]


def last(data):
    """dh and dc of every strand, features first."""
    dh, *dc = ([part.T for part in of_strands] for of_strands in parts(data.dstate))
    return dh, dc[0] if dc else [None] * len(dh)


def descent(layer, tape, data, **hooks):
    return adjoints_of(layer, tape, upper(layer, tape, data), *last(data), **hooks)


def arrays(rows):
    return {
        (l, d, name): value
        for l, row in enumerate(rows)
        for d, adjoints in enumerate(row)
        for name, value in adjoints._asdict().items()
        if value is not None
    }


@ragged
@both_directions
@every_cell
def test_adjoints_and_gradients_are_the_two_halves_of_backward(cell, bidirectional, lengths):
    layer = make(cell, bidirectional=bidirectional)
    data = given(layer, T, B)
    y, state, tape = layer.forward(data.x, data.state, lengths)
    whole = outcome(y, state, *layer.backward(data.dy, tape, data.dstate))
    rows = layer.adjoints(data.dy, tape, data.dstate)
    assert [len(row) for row in rows] == [layer.directions] * 2
    assert_same_bits(outcome(y, state, *layer.gradients(rows, tape)), whole)
    assert_same_bits(arrays(descent(layer, tape, data)), arrays(rows))


@both_directions
@every_cell
def test_dropout_masks_lie_between_the_layers(cell, bidirectional):
    layer = make(cell, bidirectional=bidirectional, dropout=0.5)
    data = given(layer, T, B)
    y, state, tape = layer.forward(data.x, data.state, training=True)
    rows = layer.adjoints(data.dy, tape, data.dstate)
    whole = outcome(y, state, *layer.backward(data.dy, tape, data.dstate))
    assert_same_bits(outcome(y, state, *layer.gradients(rows, tape)), whole)
    undropped = tape._replace(dropout=(None, None))
    assert not np.array_equal(layer.adjoints(data.dy, undropped, data.dstate)[0][0].da, rows[0][0].da)


@both_directions
def test_a_workspace_holds_the_adjoints_and_changes_no_bit(bidirectional):
    layer, workspace = make("lstm both", bidirectional=bidirectional), Workspace()
    data = given(layer, T, B)
    _, _, tape = layer.forward(data.x, data.state)
    expected = {key: value.copy() for key, value in arrays(descent(layer, tape, data)).items()}
    for _ in range(2):
        rows = descent(layer, tape, data, workspace=workspace)
        assert_same_bits(arrays(rows), expected)
    for l, row in enumerate(rows):
        for d, adjoints in enumerate(row):
            assert any(np.shares_memory(adjoints.da, memory) for memory in workspace.child((l, d)).arrays())


@both_directions
@every_cell
def test_record_is_asked_for_by_strand_and_receives_its_steps_from_the_last(cell, bidirectional):
    layer, seen = make(cell, bidirectional=bidirectional), []
    data = given(layer, T, B)
    _, _, tape = layer.forward(data.x, data.state)

    def record(strand):
        return lambda t, dh, dc: seen.append((strand, t, dh.copy()))

    rows = descent(layer, tape, data, record=record)
    strands = [2, 3, 0, 1] if bidirectional else [1, 0]
    assert [(strand, t) for strand, t, _ in seen] == [(k, t) for k in strands for t in (3, 2, 1, 0)]
    assert_same_bits(arrays(rows), arrays(descent(layer, tape, data)))
    ends = {strand: dh for strand, t, dh in seen if t == T - 1}
    for d, strand in enumerate(
        strands[: layer.directions]
    ):  # the last state's own gradient, and that of y at the strand's last step
        step = 0 if d else T - 1
        own = data.dy[step, :, d * layer.state_size : (d + 1) * layer.state_size]
        np.testing.assert_array_equal(ends[strand], (parts(data.dstate)[0][strand] + own).T)


@both_directions
@every_cell
def test_edge_is_asked_for_by_strand(cell, bidirectional):
    """Blocked in strand 0 alone: the layer above sees nothing of it, the initial state of strand 0 no gradient."""
    layer = make(cell, bidirectional=bidirectional)
    data = given(layer, T, B)
    _, _, tape = layer.forward(data.x, data.state)

    def edge(strand):
        return None if strand else lambda dh, dc, t: (0 * dh, None if dc is None else 0 * dc)

    rows, whole = descent(layer, tape, data, edge=edge), descent(layer, tape, data)
    for d in range(layer.directions):
        np.testing.assert_array_equal(rows[1][d].da, whole[1][d].da)
    np.testing.assert_array_equal(rows[0][0].dh, 0)
    assert not np.array_equal(rows[0][0].da, whole[0][0].da)
    if bidirectional:
        np.testing.assert_array_equal(rows[0][1].da, whole[0][1].da)


@ragged
@both_directions
@every_cell
def test_an_axis_before_the_batch_keeps_losses_apart(cell, bidirectional, lengths):
    """K losses in one descent are K descents."""
    layer = make(cell, bidirectional=bidirectional)
    one, other = (given(layer, T, B, seed=seed) for seed in (0, 1))
    _, _, tape = layer.forward(one.x, one.state, lengths)
    features = [np.stack(both, axis=2) for both in zip(upper(layer, tape, one), upper(layer, tape, other), strict=True)]
    dh, dc = (
        [None if both[0] is None else np.stack(both, axis=1) for both in zip(*of_both, strict=True)]
        for of_both in zip(last(one), last(other), strict=True)
    )
    found = arrays(adjoints_of(layer, tape, features, dh, dc))
    for k, data in enumerate((one, other)):
        for key, expected in arrays(descent(layer, tape, data)).items():
            np.testing.assert_allclose(found[key][..., k, :], expected, rtol=0, atol=1e-14, err_msg=str(key))


@both_directions
def test_one_row_alone_needs_no_layers_below(bidirectional):
    layer = make("gru after", bidirectional=bidirectional)
    data = given(layer, T, B)
    _, _, tape = layer.forward(data.x, data.state)
    whole = descent(layer, tape, data)
    row = row_adjoints(layer, 1, tape, upper(layer, tape, data), *last(data))
    assert_same_bits(arrays([row]), arrays([whole[1]]))


@every_cell
def test_without_outputs_gradients_the_last_state_is_all(cell):
    layer = make(cell)
    data = given(layer, T, B)
    _, _, tape = layer.forward(data.x, data.state)
    rows = adjoints_of(layer, tape, None, *last(data))
    assert_same_bits(arrays(rows), arrays(layer.adjoints(None, tape, data.dstate)))
