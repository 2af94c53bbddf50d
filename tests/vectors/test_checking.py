"""Programs that are right, wrong, silent or choosy, without a process."""

import json

import numpy as np
import pytest

from npseq.vectors.cases import cases, problem
from npseq.vectors.checking import check, named_mistake, reasons, verdict
from npseq.vectors.messages import as_json, expected
from npseq.vectors.port import PortError

BY_NAME = {case.name: case for case in cases()}
SOME = [BY_NAME[name] for name in ("rnn", "gru-two-layers", "lstm-ragged-states")]


class Answers:
    """Answers a question by a function of its case and the right answer."""

    def __init__(self, reply):
        self.reply = reply

    def ask(self, question):
        asked = json.loads(question)
        case = BY_NAME[asked["case"]]
        return self.reply(case, expected(problem(case), asked["layout"]))


def run(reply, layout="torch", **given):
    return list(check(Answers(reply), SOME, layout, json=True, **given))


@pytest.mark.parametrize("layout", ["npseq", "torch", "keras", "onnx", "cudnn"])
def test_the_right_answer_passes(layout):
    results = run(lambda case, right: as_json(right), layout)
    assert [result.status for result in results] == ["pass"] * 3
    assert verdict(results) == "3 cases: 3 right, 0 wrong, 0 without an answer, 0 skipped"
    assert str(results[0]).split() == ["rnn", "pass", f"{results[0].of}", "of", f"{results[0].of}", "0.0e+00"]


def test_a_part_of_it_is_compared_too():
    (result, *_) = run(lambda case, right: as_json({"y": right["y"] * (1 + 1e-6)}))
    assert (result.status, result.answered, result.of) == ("fail", 1, 8)
    assert "y[" in result.text
    assert run(lambda case, right: as_json({"y": right["y"] * (1 + 1e-6)}), rtol=1e-5)[0].status == "pass"


def test_one_wrong_entry_of_one_tensor_is_found():
    def reply(case, right):
        right["dx"][0, 1, 1] *= -1
        return as_json(right)

    for result in run(reply):
        assert result.status == "fail"
        assert result.text.startswith("dx[0, 1, 1] is ")


def test_skipped_failed_and_unreadable_answers_are_told_apart():
    def reply(case, right):
        if case.cell == "gru":
            return '{"skip": "no GRU"}'
        if case.cell == "rnn":
            raise PortError("it ended with status -11")
        return as_json({name: np.append(value, 1.0) for name, value in right.items()})

    results = run(reply)
    assert [result.status for result in results] == ["error", "skip", "error"]
    assert "rnn" in str(results[0])
    assert "it ended with status -11" in str(results[0])
    assert "must have shape" in results[2].text
    assert list(reasons(results)) == ["skipped 1: no GRU"]
    assert verdict(results) == "3 cases: 0 right, 0 wrong, 2 without an answer, 1 skipped"


def test_a_layout_without_the_layer_is_skipped_and_not_asked():
    asked = []
    (result,) = check(Answers(lambda *given: asked.append(1)), [BY_NAME["lstm-peepholes"]], "torch", json=True)
    assert (result.status, result.text, asked) == ("skip", "the layout torch has no such layer", [])


def test_the_mistake_is_named_once_from_the_gradients():
    def transposed(case, right):
        if case.cell == "rnn":
            right["dweight_hh_l0"] = right["dweight_hh_l0"].T
        return as_json(right)

    text = named_mistake(run(transposed), SOME, "torch")
    assert text.startswith("rnn: This looks like: ")
    assert "transpose" in text


@pytest.mark.parametrize("tensors", [(), ("y", "dx")])
def test_no_mistake_is_named_where_all_is_right_or_an_output_is_wrong(tensors):
    """A wrong output is told before a gradient that is further off."""

    def reply(case, right):
        return as_json(right | {name: right[name] * factor for name, factor in zip(tensors, (1.01, 9), strict=False)})

    results = run(reply)
    assert named_mistake(results, SOME, "torch") == ""
    assert {result.text.partition("[")[0] for result in results if result.status == "fail"} == set(tensors[:1])


def test_numbers_that_no_mistake_has_are_said_to_be_unknown():
    noise = np.random.default_rng(0).normal(size=(12, 3))
    results = run(lambda case, right: as_json({"dweight_hh_l0": noise[: len(right["dweight_hh_l0"])]}))
    assert "No known mistake has these numbers; wrong: W_hh" in named_mistake(results, SOME, "torch")
