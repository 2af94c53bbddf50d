"""Cells of files are found, whatever parts them."""

import pytest

from npseq.data.table import read_table


@pytest.mark.parametrize(
    ("name", "content", "rows"),
    [
        ("a.csv", 'a,"b, c"\n"d\ne",f\n', [["a", "b, c"], ["d\ne", "f"]]),
        ("a.csv", "a;1,5\nb;2,5\n", [["a", "1,5"], ["b", "2,5"]]),
        ("a.tsv", 'a\t"b\n\nc\td"\n', [["a", '"b'], ["c", 'd"']]),
        ("a.txt", "a|b\nc|d\n", [["a", "b"], ["c", "d"]]),
        ("a.txt", "a, b, c\td\ne\tf\n", [["a, b, c", "d"], ["e", "f"]]),
        ("a.tsv", 'a\t"b\nc"\ne\tf\n', [["a", "b\nc"], ["e", "f"]]),
        ("a.tsv", '"a"\t"b ""c"""\n"d"\tNA\n', [["a", 'b "c"'], ["d", "NA"]]),
        ("a.tsv", '"a"\t"b"\n"c"\td\n', [['"a"', '"b"'], ['"c"', "d"]]),
        ("a.tsv", "1\t2\n3\t\n", [["1", "2"], ["3", ""]]),
        ("a.tsv", '"a"\t"b"\n"1"\t"c \\"d\\""\tTRUE\n"2"\t"e"\t1e-05\n', [["1", 'c "d"', "TRUE"], ["2", "e", "1e-05"]]),
        ("a.txt", 'a\tb\n"c, ""d"""\te\nf\t"g;h"\n', [["a", "b"], ['c, "d"', "e"], ["f", "g;h"]]),
        ("a.txt", 'a\tb\n"c, d"\te\n"f"\tg\n', [["a", "b"], ['"c, d"', "e"], ['"f"', "g"]]),
        ("a.csv", ",a,b\nx,c,d\ny,e,f\n", [["x", "c", "d"], ["y", "e", "f"]]),
        (
            "a.txt",
            "a, b\tc, d, e\nf, g\th, i, j\nk, l\tm\n",
            [["a, b", "c, d, e"], ["f, g", "h, i, j"], ["k, l", "m"]],
        ),
        ("a.csv", 'a, "b, c"\nd, e\n', [["a", "b, c"], ["d", "e"]]),
        ("a.csv", "sep=|\na,b|c\nd|e,f\n", [["a,b", "c"], ["d", "e,f"]]),
        ("a.txt", "a | b \nc d | e\n", [["a", "b"], ["c d", "e"]]),
        ("a.txt", '1 ::: a, "b": c\n2 ::: d, e, f\n', [["1", 'a, "b": c'], ["2", "d, e, f"]]),
        ("a.tsv", "a \tb\nc\t d\n", [["a", "b"], ["c", "d"]]),
        ("a.csv", "a,b\nc,d,, \n", [["a", "b"], ["c", "d"]]),
        ("a.csv", "a,b,,\nc,,,\n", [["a", "b"], ["c", ""]]),
        ("a.csv", 'a;b,"c,d\n",e\n' + 'f;g,"h,i\n",j\n' * 40, [["a;b", "c,d\n", "e"], *[["f;g", "h,i\n", "j"]] * 40]),
    ],
)
def test_cells_of_a_file(tmp_path, name, content, rows):
    (tmp_path / name).write_text(content)
    assert read_table(tmp_path / name).rows == rows


def test_names_of_rows_have_no_name_above_them_in_what_r_writes(tmp_path):
    (tmp_path / "a.tsv").write_text('"text"\t"label"\n"1"\t"a film"\t"good"\n"2"\t"NA film"\tNA\n')
    table = read_table(tmp_path / "a.tsv")
    assert (table.names, table.rows) == (("", "text", "label"), [["1", "a film", "good"], ["2", "NA film", "NA"]])
    (tmp_path / "a.txt").write_text('"text" "label"\n"1" "a film" "good"\n"7" "the film" "bad"\n')
    assert read_table(tmp_path / "a.txt", delimiter=" ").names == ("", "text", "label")


def test_lines_above_a_table_do_not_hide_what_parts_its_columns(tmp_path):
    (tmp_path / "a.csv").write_text("# of a\n# by me\n" + "text,label\n" + "a,b\n" * 3)
    with pytest.raises(ValueError, match=r"2 cells in each row, line 1 of .* has 1; name the delimiter"):
        read_table(tmp_path / "a.csv")
    with pytest.raises(
        ValueError, match=r"2 cells in each row, the first of .*; .* or leave out lines that are no rows"
    ):
        read_table(tmp_path / "a.csv", header=True)
    (tmp_path / "c.csv").write_text("a text,x\na text, with a comma,y\nc,x\n")
    with pytest.raises(ValueError, match=r"line 2 of .* has 3; .*; \[line.rsplit\(',', 1\) for line in file\] cuts"):
        read_table(tmp_path / "c.csv")
    (tmp_path / "b.txt").write_text(";;; by me\nHELLO  HH AH0 L OW1\nWORLD  W ER1 L D\n")
    assert read_table(tmp_path / "b.txt").rows[1:] == [["HELLO  HH AH0 L OW1"], ["WORLD  W ER1 L D"]]
