"""Tables in memory, of every usual kind, have the same rows; what is none is refused with what makes rows of it."""

import io
from types import SimpleNamespace

import numpy as np
import pytest

from npseq.data import load_pairs
from npseq.data.rows import is_missing, rows_of

ROWS = [["a", "b"], ["c", None]]
POLARS = SimpleNamespace(columns=["x", "y"], iter_rows=lambda: iter([("a", "b"), ("c", None)]))
PANDAS = SimpleNamespace(columns=["x", "y"], itertuples=lambda index: iter([("a", "b"), ("c", float("nan"))]))
LAZY = SimpleNamespace(columns=["x", "y"], collect=None)
COLUMN = SimpleNamespace(to_frame=None, reset_index=None, __iter__=None)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (ROWS, None),
        (tuple(map(tuple, ROWS)), None),
        (zip("ac", ["b", None], strict=True), None),
        ((row for row in ROWS), None),
        (np.array(ROWS, object), None),
        ([{"x": "a", "y": "b"}, {"x": "c"}], ("x", "y")),
        (iter([{"x": "a", "y": "b"}, {"x": "c"}]), ("x", "y")),
        (PANDAS, ("x", "y")),
        (POLARS, ("x", "y")),
    ],
)
def test_rows_are_those_of_every_kind_of_table(given, names):
    found = rows_of(given, "a table")
    assert (found.names, found.cells) == (names, ROWS)
    assert found.source == ("the data frame" if hasattr(given, "columns") else "the list")


@pytest.mark.parametrize(
    ("given", "way"),
    [
        ({"a": "b"}, r"of a dict, list\(data.items\(\)\) makes rows"),
        ({"x": ["a", "c"], "y": ["b", "d"]}, r"of a dict, list\(zip\(\*data.values\(\)\)\) makes rows of its columns"),
        (
            {"bye": ["a"], "hi": ["b", "d"]},
            r"\[\(cell, name\) for name, cells in data.items\(\) for cell in cells\] of texts",
        ),
        ({"version": 1, "intents": [{"x": "a", "y": "b"}]}, r"of a dict, data\['intents'\] has the rows"),
        ({"x": {"0": "a"}, "y": {"0": "b"}}, r"of a dict of dicts, list\(data.values\(\)\) makes rows, or pandas.Data"),
        (["a\tb", "c\td"], r"of lines, \[line.split\('\\t'\) for line in lines\] makes rows; of columns, list\(zip"),
        ([("a", "b"), 7], "row 2 is 7"),
        (COLUMN, r"of a column with an index, column.reset_index\(\) makes a data frame"),
        (b"ab", r"b'ab'; of columns"),
        (io.StringIO("a,b"), "give the path of a file, or what csv.reader makes of an open one"),
        (LAZY, r"of a lazy frame, frame.collect\(\) makes a data frame"),
        (7, r"7; of columns, list\(zip\(first, second\)\) makes rows"),
        (iter("ab"), r"\['a', 'b'\]; of lines"),
    ],
)
def test_what_is_no_table_is_refused_with_what_makes_one(given, way):
    with pytest.raises(TypeError, match=f"a table must be a path, a list of rows or a data frame, got .*{way}"):
        rows_of(given, "a table")


def test_two_columns_are_no_rows():
    with pytest.raises(TypeError, match=r"must be a list of rows, got two of 21 cells; list\(zip\(\*data\)\)"):
        rows_of([["a"] * 21, ["b"] * 21], "a table")


def test_a_text_is_never_missing():
    assert is_missing(np.float64("nan"))
    assert not is_missing("")
    assert not is_missing("nan")  # of a menu
    assert load_pairs([("nan", "Brot"), (None, "x"), ("a", "b")], missing="drop").source.shape[1] == 2
