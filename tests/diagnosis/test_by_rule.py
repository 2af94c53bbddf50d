"""Mutants by rule of implementations that are not npseq's: they run, and are wrong."""

import numpy as np
import pytest
from diagnosis.foreign.by_rule import BACKWARD, cases, sources
from diagnosis.foreign.runs import RUNS


@pytest.mark.parametrize("name", BACKWARD)
def test_every_mutant_is_another_source(name):
    made = sources(name)
    assert len(set(made)) == len(made) > 10
    assert all(compile(source, name, "exec") for source in made)


def test_a_case_is_wrong_and_finite():
    right = RUNS["gru_after"]()
    for line, wrong in cases("gru_after", 3, np.random.default_rng(0)):
        assert " -> " in line
        assert any(not np.allclose(value, right.grads[key]) for key, value in wrong.grads.items()) or (
            not np.allclose(wrong.dx, right.dx)
        )
