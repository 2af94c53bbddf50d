"""Slips are wrong expressions, each with its kind and words; none of them is the right one."""

import numpy as np

from npseq.learn.expressions import Lines, Values
from npseq.learn.slips import Slips, is_step


def slips_of(text, adjoints=("da", "dh_new"), **shapes):
    rng = np.random.default_rng(0)
    arrays = {name: rng.uniform(0.1, 0.9, size=shape) for name, shape in shapes.items()}
    lines = Lines()
    node = lines.read(text)
    slips = list(Slips(lines, arrays, set(adjoints), {"the number of sequences": 5}).of(node))
    return lines, node, slips, Values(lines, arrays)


def test_every_kind_of_slip_of_a_sum_of_paths_is_made():
    lines, node, slips, _ = slips_of("dh_new * z + da @ W.T", dh_new=(5, 4), z=(5, 4), da=(5, 4), W=(4, 4), h=(5, 4))
    found = {(slip.kind, lines.text(slip.node)) for slip in slips}
    assert ("path", "da @ W.T") in found
    assert ("sign", "dh_new * z - da @ W.T") in found
    assert ("shape", "dh_new * z + da @ W") in found
    assert ("factor", "dh_new + da @ W.T") in found
    assert node not in {slip.node for slip in slips}


def test_a_slip_is_told_in_words():
    _, _, slips, _ = slips_of("dh_new * (1 - h_new**2)", dh_new=(5, 4), h_new=(5, 4), h=(5, 4))
    words = {slip.words for slip in slips}
    assert "the factor (1 - h_new**2) is missing" in words
    assert "h is the wrong step: h_new belongs here" in words
    assert "the sign is wrong" in words


def test_sums_over_the_wrong_axis_and_means_are_made():
    _, _, slips, values = slips_of("da.sum(axis=0)", da=(5, 4))
    shapes = {np.shape(values.of(slip.node)) for slip in slips if slip.kind == "sum"}
    assert shapes >= {(5, 4), (5,), (), (4,)}


def test_states_at_other_steps_are_known():
    assert is_step("h", "h_new")
    assert is_step("C_prev", "C")
    assert is_step("dy_1", "dy_2")
    assert not is_step("i", "f")
