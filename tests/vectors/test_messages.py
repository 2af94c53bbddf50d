"""What is asked holds what the layer is; an answer is read, or refused with what must hold."""

import json

import numpy as np
import pytest

from npseq.vectors.cases import cases, computed, problem
from npseq.vectors.messages import (
    Skipped,
    as_json,
    as_text,
    expected,
    from_json,
    from_text,
    question,
)

BY_NAME = {case.name: case for case in cases()}


def test_a_question_as_text():
    given = problem(BY_NAME["gru-before-ragged"])
    text = as_text(question(given, "npseq"))
    head, *lines, last = text.splitlines()
    assert (head, last) == ("case gru-before-ragged gru", "end")
    words = {line.split()[0]: line.split()[1:] for line in lines}
    assert words["T"] == ["0", "5"]
    assert words["reset_after"] == ["0", "0"]
    assert words["lengths"] == ["1", "4", "3", "5", "1", "4"]
    assert words["W_xr"][:3] == ["2", "2", "3"]
    assert list(map(float, words["W_xr"][3:])) == given.layer.params["W_xr"].ravel().tolist()


def test_a_question_as_json():
    given = problem(BY_NAME["lstm-projection-two-layers"])
    text = as_json(question(given, "torch"))
    assert text.count("\n") == 1
    asked = json.loads(text)
    assert asked.keys() == {"case", "cell", "layout", "options", "inputs", "weights"}
    assert asked["options"]["state_size"] == 2
    assert np.array_equal(asked["inputs"]["x"], given.inputs["x"])
    assert "weight_hr_l1" in asked["weights"]


def test_a_layout_without_the_layer_is_skipped():
    with pytest.raises(Skipped, match="the layout keras has no such layer"):
        question(problem(BY_NAME["lstm-peepholes"]), "keras")


def test_what_is_expected_has_d_before_the_names_of_the_layout():
    given = problem(BY_NAME["gru"])
    found = expected(given, "torch")
    assert found.keys() == {"y", "h", "dh0", "dx", *(f"d{name}" for name in question(given, "torch")["weights"])}
    assert found["dweight_ih_l0"][:3].tolist() == computed(given)["W_xr"].T.tolist()


def test_answers_are_read_to_the_last_digit():
    values = {"y": np.array([[1 / 3, -1e-300]]), "dx": np.array(2.5), "h": np.zeros((0, 2))}
    text = "".join(f"{k} {v.ndim} {' '.join(map(repr, [*v.shape, *v.ravel().tolist()]))}\n" for k, v in values.items())
    for found in (from_text(text + "end\n"), from_json(as_json(values | {"h": []}))):
        assert found["y"].tolist() == values["y"].tolist()
        assert found["dx"] == 2.5
        assert found["h"].size == 0


def test_nan_is_a_number_that_a_program_may_write():
    assert np.isnan(from_text("y 1 2 nan -inf\nend")["y"][0])
    assert np.isnan(from_json('{"y": [NaN]}')["y"][0])


@pytest.mark.parametrize(("read", "text"), [(from_text, "skip no GRU\nend\n"), (from_json, '{"skip": "no GRU"}')])
def test_a_program_may_skip(read, text):
    with pytest.raises(Skipped, match=r"^no GRU$"):
        read(text)


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (from_text, "", "must end with the word 'end', its last words are ''"),
        (from_text, "y 1 2 0.5 0.25\n", "must end with the word 'end'"),
        (from_text, "y 1 2 0.5 end", "behind the name 'y'.*could not convert string to float: 'end'"),
        (from_text, "y 1 3 0.5", "behind the name 'y'.*it ends before"),
        (from_text, "y 1 -3 end", "behind the name 'y'.*an axis must not be negative, got -3"),
        (from_text, "y one", "behind the name 'y'.*invalid literal"),
        (from_json, "y", "must be one line of JSON, got 'y'"),
        (from_json, "[1]", "must be an object of arrays"),
        (from_json, '{"y": [[1], [1, 2]]}', "must hold arrays of numbers"),
        (from_json, '{"y": "no"}', "must hold arrays of numbers"),
    ],
)
def test_what_is_no_answer(read, text, message):
    with pytest.raises(ValueError, match=message):
        read(text)
