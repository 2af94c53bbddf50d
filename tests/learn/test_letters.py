"""The same exercise in other letters: rows become columns, names become others, the numbers stay."""

import numpy as np
import pytest

from npseq.learn import letters
from npseq.learn.choice import TASKS, letters_of

BY_NAME = {(task.topic, task.number): task for task in TASKS}


@pytest.mark.parametrize(
    ("exercise", "text", "d2l", "ng"),
    [
        (("rnn", 2), "da @ W_hh.T", "dA @ W_hh.T", "Waa.T @ dtanh"),
        (("rnn", 3), "x.T @ da", "X.T @ dA", "dtanh @ xt.T"),
        (("rnn", 3), "da.sum(axis=0)", "dA.sum(axis=0)", "dtanh.sum(axis=1, keepdims=True)"),
        (("lstm", 5), "da_f @ W_hf.T", "dA_f @ W_hf.T", "Wf[:, :n_a].T @ dft"),
        (("gru", 4), "dh_new * z + n * (1 - z)", "dH * Z + H_tilde * (1 - Z)", "dc_next * (1 - Gu) + cct * Gu"),
    ],
)
def test_expressions_in_both_letters(exercise, text, d2l, ng):
    assert letters.expression(text, BY_NAME[exercise], "d2l") == d2l
    assert letters.expression(text, BY_NAME[exercise], "ng") == ng


def test_names_in_backticks_are_translated_in_prose():
    assert letters.prose("the state `h` has a batch", BY_NAME["rnn", 1], "ng") == "the state a_prev has a batch"


def test_ngs_arrays_are_the_transposes_and_his_matrices_hold_both_parts():
    task = BY_NAME["lstm", 5]
    base = task.numbers()
    found = letters.arrays(base, task, "ng")
    np.testing.assert_array_equal(found["dft"], base["da_f"].T)
    np.testing.assert_array_equal(found["Wf"][:, :4], base["W_hf"].T)
    np.testing.assert_array_equal(found["Wf[:, n_a:]"], base["W_xf"].T)
    np.testing.assert_array_equal(found["bf"], base["b_f"][:, None])


def test_ngs_update_gate_is_turned_round():
    task = BY_NAME["gru", 4]
    base = task.numbers()
    found = letters.arrays(base, task, "ng")
    np.testing.assert_array_equal(found["Gu"], 1 - base["z"].T)
    np.testing.assert_array_equal(found["Wu"], -np.concatenate([base["W_hz"], base["W_xz"]]).T)
    np.testing.assert_array_equal(found["dau"], -base["da_z"].T)


@pytest.mark.parametrize("task", [task for task in TASKS if task.whole], ids=lambda task: task.topic)
def test_gradients_of_a_loop_come_back_from_any_letters(task):
    from npseq.learn.wholes import right

    base = right(*task.whole())
    for name in letters_of(task):
        found = letters.back(letters.whole(base, task, name), task, name)
        assert {f"d{key}" for key in found} == {line.name for line in task.lines}
        for key, value in found.items():
            np.testing.assert_array_equal(np.squeeze(value), np.squeeze(base[f"d{key}"]))


def test_a_diagnosis_is_said_in_d2ls_letters_and_words_stay_words():
    words = "a term dh_{t+1} of f too many: da_i = dc_all i (1 - i) g; right: dc_all is a sum"
    found = letters.said(words, BY_NAME["lstm", 8], "d2l")
    assert found == "a term dH_{t+1} of f too many: dA_i = dC_all I (1 - I) C_tilde; right: dC_all is a sum"
    assert letters.said(words, BY_NAME["lstm", 8], "ng").endswith(
        "(in the letters of docs/derivations, a batch in rows)"
    )
