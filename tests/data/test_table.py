"""Tables of files, lists and data frames have the same cells."""

from types import SimpleNamespace

import pytest

from npseq.data.table import read_table


def test_dicts_are_rows():
    table = read_table([{"a": 1, "b": 2}, {"b": 4, "a": 3}, {"a": 5}])
    assert (table.names, table.rows) == (("a", "b"), [[1, 2], [3, 4], [5, None]])


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
        (
            lambda: read_table([["a", "b"], ["c"]]),
            ValueError,
            "must have 2 cells in each row, row 2 of the list has 1; an empty",
        ),
        (lambda: read_table(7), TypeError, "a table must be a path, a list of rows or a data frame, got 7"),
        (
            lambda: read_table((["a"] * 3, ["b"] * 3)),
            TypeError,
            r"got two of 3 cells; list\(zip\(\*data\)\) makes",
        ),
        (
            lambda: read_table([["a"]], delimiter=";"),
            ValueError,
            "delimiter belongs to a file, the list has cells",
        ),
        (
            lambda: read_table([{"a": 1}], header=False),
            ValueError,
            "header belongs to rows without names",
        ),
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


def test_what_is_wrong_in_a_file_is_named_by_its_line(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('n,t\n\n1,"a\nb"\n2,c\n3\n')
    with pytest.raises(ValueError, match=r"must have 2 cells in each row, line 6 of the file .* has 1; name the"):
        read_table(path)
    for content, wrong in (
        ("# two\n1\ta\n2\tb\n", "the first of .* has 1, '# two'"),
        ("# a\nc\td\n" * 2, "line 1 .* has 1"),
    ):
        path.with_suffix(".txt").write_text(content + "e\tf\n")
        with pytest.raises(ValueError, match=rf"must have 2 cells in each row, {wrong}; .* lines that are no rows"):
            read_table(path.with_suffix(".txt"), delimiter="\t")
    table = read_table(path, ragged=True, delimiter="\t")
    assert table.rows[-1] == ["3"]
    path.write_text('a,b\nc,"d\ne,f\n')
    with pytest.raises(
        ValueError, match=r"must have quotes closed, .*in the row that begins in line 2; a list of rows .*; if another"
    ):
        read_table(path)
    assert read_table(path, delimiter=",c").rows == [["a,b"], ['c,"d'], ["e,f"]]
    path.with_suffix(".json").write_text("[]")
    with pytest.raises(ValueError, match=r"must be columns of text, got .*; a list of dicts does: json.load\(file\)"):
        read_table(path.with_suffix(".json"))
    path.with_suffix(".jsonl").write_text("{}")
    with pytest.raises(ValueError, match=r"a list of dicts does: \[json.loads\(line\) for line in file\]"):
        read_table(path.with_suffix(".jsonl"))
    for name, text in (("a.txt", '{"a": 1}\n{"a": 2}\n'), ("a.ndjson", "\n"), ("a.jsonl.gz", '{"a": 1}')):
        path.with_name(name).write_text(text)
        with pytest.raises(ValueError, match=r"of JSON; a list of dicts does: \[json.loads\(line\) for line in file\]"):
            read_table(path.with_name(name))
    for text in ('[\n  {"a": 1}\n]\n', '[{"a": 1}]', '{"a": [1]}', "[{\n"):
        path.with_suffix(".txt").write_text(text)
        with pytest.raises(ValueError, match=r"of JSON; a list of dicts does: json.load\(file\)"):
            read_table(path.with_suffix(".txt"))
    with pytest.raises(ValueError, match="delimiter must be a character, or several, got ''"):
        read_table(path, delimiter="")


def test_a_list_is_no_text():
    with pytest.raises(TypeError, match=r"a text must be one string, row 2 of the list has \['a', 'b'\]; ' '.join"):
        read_table([("a b", "x"), (["a", "b"], "y")]).filled({"text": 0, "label": 1}, "drop")
    with pytest.raises(TypeError, match=r"a text must be one string, row 1 of the list has b'a'; decode\(\) it"):
        read_table([(b"a", "x"), (b"b", "y")]).filled({"text": 0, "label": 1}, "drop")
    with pytest.raises(
        TypeError, match=r"a label must be one string, row 1 of the list has \('x',\); fit\(texts, targ"
    ):
        read_table([("a b", ("x",)), ("c", "y")]).filled({"text": 0, "label": 1}, "refuse")


def test_a_cell_of_several_texts_becomes_as_many_rows():
    dicts = [{"tag": "hi", "said": ["hi"]}, {"tag": "bye", "said": ["see you"]}]
    for rows in (dicts, [[*row.values()] for row in dicts]):
        with pytest.raises(TypeError, match=r"row 1 of the list has \['hi'\]; .* makes a row for each text") as found:
            read_table(rows).filled({"text": 1, "label": 0}, "refuse")
        way = str(found.value).split("; ")[1].removesuffix(" makes a row for each text")
        assert eval(way, {"data": rows}) == [("hi", "hi"), ("see you", "bye")]
    frame = SimpleNamespace(columns=["said", "tag"], itertuples=lambda index: iter([(["see you"], "bye")]))
    with pytest.raises(TypeError, match=r"frame.explode\('said'\) makes a row for each text"):
        read_table(frame).filled({"text": 0, "label": 1}, "refuse")


def test_rows_without_a_cell_are_refused_or_left_out(tmp_path):
    (tmp_path / "a.tsv").write_text("a\tb\nc\t \n\ne\tf\n")
    table = read_table(tmp_path / "a.tsv")
    assert table.filled({"first": 0}, "refuse") == table
    assert table.filled({"first": 0, "second": 1}, "drop").rows == [["a", "b"], ["e", "f"]]
    assert table.filled({"second": 1}, "drop").at(1) == f"line 4 of {table.source}"
    with pytest.raises(ValueError, match=r"a row must have a second, line 2 of .* has none; leave out all such"):
        table.filled({"second": 1}, "refuse")
    with pytest.raises(ValueError, match="a row must have a first and a second, the list has none"):
        read_table([["a", ""], [None, "b"]]).filled({"first": 0, "second": 1}, "drop")
