"""An answer is text, or one line of JSON in which null stands for nan and infinities."""

import json
import math

import numpy as np

from npseq.commands.answers import answer


def test_an_answer_is_the_text_or_the_content_as_one_line(capsys):
    answer("two\nlines", {"a": [1, 2.5, "x", None]}, as_json=False)
    assert capsys.readouterr().out == "two\nlines\n"
    answer("two\nlines", {"a": [1, 2.5, "x", None]}, as_json=True)
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert json.loads(out) == {"a": [1, 2.5, "x", None]}


def test_null_stands_for_nan_and_infinities_however_deep(capsys):
    content = {"a": math.nan, "b": [1.0, (math.inf, {"c": -np.float64("inf")})], "d": 1e308}
    answer("", content, as_json=True)
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [1.0, [None, {"c": None}]], "d": 1e308}
