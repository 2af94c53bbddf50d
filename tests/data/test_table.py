"""Tables of files, lists and data frames have the same cells."""

from types import SimpleNamespace

import pytest

from npseq.data.table import read_table


@pytest.mark.parametrize(
    ("name", "content", "rows"),
    [
        ("a.csv", 'a,"b, c"\n"d\ne",f\n', [["a", "b, c"], ["d\ne", "f"]]),
        ("a.csv", "a;1,5\nb;2,5\n", [["a", "1,5"], ["b", "2,5"]]),
        ("a.tsv", 'a\t"b\n\nc\td"\n', [["a", '"b'], ["c", 'd"']]),
        ("a.txt", "a|b\nc|d\n", [["a", "b"], ["c", "d"]]),
    ],
)
def test_cells_of_a_file(tmp_path, name, content, rows):
    (tmp_path / name).write_text(content)
    assert read_table(tmp_path / name).rows == rows


@pytest.mark.parametrize(
    ("content", "names"),
    [("day,sales\n2024-01-01,5\n", ("day", "sales")), ("a,b\nc,d\n", None), ("1,2\n3,4\n", None), ("x,\n1,2\n", None)],
)
def test_a_header_is_found_where_numbers_follow_texts(tmp_path, content, names):
    (tmp_path / "a.csv").write_text(content)
    assert read_table(tmp_path / "a.csv").names == names
    assert read_table(tmp_path / "a.csv", header=True).names is not None


def test_a_data_frame_is_what_has_columns_and_rows():
    frame = SimpleNamespace(columns=["a", "b"], itertuples=lambda index: iter([(1, 2), (3, 4)]))
    table = read_table(frame)
    assert (table.names, table.rows) == (("a", "b"), [[1, 2], [3, 4]])
    assert table.column("b", 0, "column") == [2, 4]
    assert table.column(-1, 0, "column") == [2, 4]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: read_table([]), ValueError, "a table must hold at least one row, the list has none"),
        (lambda: read_table([["a", "b"], ["c"]]), ValueError, "must have 2 cells in each row, row 2 of the list has 1"),
        (lambda: read_table(7), TypeError, "a table must be a path, a list of rows or a data frame, got 7"),
        (lambda: read_table([["a"]]).place("b", 0, "column"), ValueError, "got 'b'; there is no header"),
        (
            lambda: read_table([["a"]]).place(1, 0, "column"),
            ValueError,
            "must be one of the 1 columns of the list, got 1",
        ),
    ],
)
def test_what_is_no_table_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
