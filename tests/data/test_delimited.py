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
        ("a.csv", 'a, "b, c"\nd, e\n', [["a", "b, c"], ["d", "e"]]),
        ("a.csv", "sep=|\na,b|c\nd|e,f\n", [["a,b", "c"], ["d", "e,f"]]),
        ("a.txt", "a | b \nc d | e\n", [["a", "b"], ["c d", "e"]]),
        ("a.tsv", "a \tb\nc\t d\n", [["a", "b"], ["c", "d"]]),
        ("a.csv", "a,b\nc,d,, \n", [["a", "b"], ["c", "d"]]),
        ("a.csv", 'a;b,"c,d\n",e\n' + 'f;g,"h,i\n",j\n' * 40, [["a;b", "c,d\n", "e"], *[["f;g", "h,i\n", "j"]] * 40]),
    ],
)
def test_cells_of_a_file(tmp_path, name, content, rows):
    (tmp_path / name).write_text(content)
    assert read_table(tmp_path / name).rows == rows
