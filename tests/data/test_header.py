"""A first row is one of names where it can be no other."""

import pytest

from npseq.data.table import read_table


@pytest.mark.parametrize(
    ("content", "names"),
    [("day,sales\n2024-01-01,5\n", ("day", "sales")), ("a,b\nc,d\n", None), ("1,2\n3,4\n", None), ("x,\n1,2\n", None)],
)
def test_a_header_is_found_where_numbers_follow_texts(tmp_path, content, names):
    (tmp_path / "a.csv").write_text(content)
    assert read_table(tmp_path / "a.csv").names == names
    assert read_table(tmp_path / "a.csv", header=True).names is not None


def test_a_first_row_of_usual_words_or_a_wanted_name_is_a_header():
    rows = [["Word", "Tag"], ["a", "b"]]
    assert read_table(rows, headings={"word", "tag"}).names == ("Word", "Tag")
    assert read_table(rows, wanted=(0, "Tag")).names == ("Word", "Tag")
    assert read_table(rows, headings={"word", "tag"}, header=False).names is None
    assert read_table(rows).names is None
    with pytest.raises(TypeError, match="header must be True or False, got 'infer'"):
        read_table(rows, header="infer")
    with pytest.raises(ValueError, match="must hold at least one row, the list has none"):
        read_table(rows[:1], headings={"word", "tag"})


def test_two_usual_names_that_come_once_are_enough():
    rows = [["Unit", "Word", "Tag"], ["Unit 1", "a", "b"]]
    assert read_table(rows, headings={"word", "tag"}).names == ("Unit", "Word", "Tag")
    with pytest.raises(ValueError, match="must have 1 cells in each row, row 1 of the list has 0"):
        read_table([[], ["a"], ["b"]])
    assert read_table([["1", "en", "Hi", "de"], ["2", "en", "Go", "de"]], headings={"en", "de"}).names is None
