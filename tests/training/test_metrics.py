import json
import math

import numpy as np

from npseq.training import EpochMetrics
from npseq.training.metrics import as_array, from_array, table

ONE = EpochMetrics(3, 1.25, math.exp(1.25), 0.1, 12345.678)


def test_a_line_holds_what_the_contract_names():
    content = json.loads(ONE.line())
    assert list(content) == ["epoch", "loss", "perplexity", "grad_norm", "tokens_per_second"]
    assert content == {
        "epoch": 3,
        "loss": 1.25,
        "perplexity": math.exp(1.25),
        "grad_norm": 0.1,
        "tokens_per_second": 12345.678,
    }
    assert isinstance(content["epoch"], int)


def test_a_table_has_what_was_measured():
    names, *rows = table([ONE, ONE._replace(epoch=12)])
    assert " ".join(names.split()) == "epoch loss perplexity grad norm tokens per second"
    assert [row.split() for row in rows] == [[epoch, "1.25", "3.4903", "0.1", "12346"] for epoch in ("3", "12")]
    assert table([]) == []


def test_an_evaluation_is_one_more_number():
    assert json.loads(ONE._replace(evaluation_perplexity=2.5).line())["evaluation_perplexity"] == 2.5


def test_an_infinite_perplexity_is_null_because_json_has_no_infinity():
    assert json.loads(ONE._replace(perplexity=math.inf).line())["perplexity"] is None


def test_arrays_carry_the_same_lines():
    rows = [ONE, ONE._replace(epoch=4, perplexity=math.inf), ONE._replace(epoch=5, evaluation_perplexity=1 / 3)]
    again = from_array(as_array(rows))
    assert [m.line() for m in again] == [m.line() for m in rows]
    assert all(isinstance(m.epoch, int) for m in again)
    assert from_array(as_array([])) == []
    assert as_array([]).dtype == np.float64
