"""Files of a token a line, and of word/tag, are sentences; what is none is refused by its line."""

import pytest

from npseq.data import load_tagged


def texts_of(data):
    return [" ".join(data.vocab.to_tokens(data.ids[:end, k])) for k, end in enumerate(data.lengths)]


def test_tags_of_conll_u_are_those_of_words(tmp_path):
    words = ("1-2 vámonos _", "1 vamos VERB", "2 nos PRON", "3 a~la NOUN", "3.1 mar _")
    rows = ["\t".join([at, word, word, tag, *"______"]) for at, word, tag in map(str.split, words)]
    (tmp_path / "a").write_text("# text = vámonos\n" + "\n".join(rows).replace("~", " ") + "\n", encoding="utf-8")
    data = load_tagged(tmp_path / "a", token=1, tag=3, min_freq=1)
    assert data.vocab.to_tokens(data.ids[:, 0]) == ["vamos", "nos", "a la"]
    assert [data.labels[k] for k in data.targets[:, 0]] == ["VERB", "PRON", "NOUN"]


def test_words_with_their_tags_behind_a_slash(tmp_path):
    (tmp_path / "a").write_text("The/DT 1/2/CD\n\n//SYM\n")
    data = load_tagged(tmp_path / "a", form="slash", min_freq=1)
    assert texts_of(data) == ["The 1/2", "/"]
    assert data.labels == ("CD", "DT", "SYM")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "a\tX\n\tY\n\nb\tX\n", "must hold something and have a tag, line 2 of .* has '' and 'Y'"),
        (
            "a.txt",
            "Wort Klasse\na X\nb Y\n\na X\nb Y\n",
            r"header must be given: the first line of .*, \['Wort', 'Klasse'\], has a tag of its own; say header=True",
        ),
        (
            "a.txt",
            "a,X\nb,Y\n",
            "a line must hold a token and its tag, line 1 of .* has one column, 'a,X'; name the del",
        ),
        ("a.txt", "a\tX\nb\t\n", "must hold something and have a tag, line 2 .* has 'b' and ''; mend"),
        ("a.txt", "\n\n\tThe/at dog/nn\n\n\tA/at cat/nn\n", "line 3 .* has '' and 'The/at dog/nn'; .* another form"),
        (
            "a.conllu",
            "# 1\n1\tthe\tDET\t_\n2\tcat\tNOUN\tA=1\n\n1\tcats\tNOUN\t_\n",
            "tokens must be words, line 2 of .* has '1', and each sentence numbers them; name their column, of C",
        ),
        (
            "a.jsonl",
            '{"tokens": ["a"], "tags": ["X"]}\n',
            r"a list of dicts does: \[json.loads\(line\) for li",
        ),
    ],
)
def test_lines_that_hold_no_token_are_refused(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        load_tagged(tmp_path / name)


def test_blanks_part_columns_and_other_spaces_are_part_of_a_token(tmp_path):
    (tmp_path / "a").write_text('10\xa0000  NUM \n"\tX\n\nb NUM\n', encoding="utf-8")
    for sign in (None, " "):
        (tmp_path / "b").write_text('10\xa0000 NUM\n" X\n\nb NUM\n', encoding="utf-8")
        data = load_tagged(tmp_path / ("b" if sign else "a"), delimiter=sign, min_freq=1)
        assert data.vocab.to_tokens(data.ids[:, 0]) == ["10\xa0000", '"']
        assert [data.labels[k] for k in data.targets[:, 0]] == ["NUM", "X"]


def test_a_first_line_of_its_own_tag_is_a_token_if_it_is_said(tmp_path):
    (tmp_path / "a").write_text("Wort Klasse\na X\nb Y\n\na X\nb Y\n")
    assert load_tagged(tmp_path / "a", header=False).labels == ("Klasse", "X", "Y")
    (tmp_path / "b").write_text("a Z\na X\nb Y\n\nb W\na X\nb Y\n")
    assert load_tagged(tmp_path / "b").labels == ("W", "X", "Y", "Z")
    (tmp_path / "c").write_text("Wort Klasse\n" + "a X\nb Y\n\n" * 5 + "a Z\n")
    with pytest.raises(ValueError, match="header must be given"):
        load_tagged(tmp_path / "c")


def test_rows_of_a_csv_without_a_cell_are_empty_lines_and_another_sign_parts_words_from_tags(tmp_path):
    (tmp_path / "a.csv").write_text("word,tag\nThe,D\ncats,N\n,\nsleep,V\n")
    assert texts_of(load_tagged(tmp_path / "a.csv", min_freq=1)) == ["The cats", "sleep"]
    (tmp_path / "a").write_text("The_D big_cat_N\nsleep_V\n")
    assert texts_of(load_tagged(tmp_path / "a", form="slash", delimiter="_", min_freq=1)) == ["The big_cat", "sleep"]


def test_of_a_sentence_a_row_it_is_said_what_makes_lists(tmp_path):
    (tmp_path / "a.csv").write_text("text,labels\na b,X Y\nc d e,X X Y\n")
    with pytest.raises(
        ValueError, match=r"; of a sentence a row, \[list\(zip\(words.split\(\), tags.split\(\)\)\) for"
    ):
        load_tagged(tmp_path / "a.csv")


def test_a_table_without_empty_lines_asks_for_its_sentences(tmp_path):
    (tmp_path / "a.csv").write_text("n,w,t\n1,a,X\n1,b,Y\n")
    (tmp_path / "a.tsv").write_text("word\ttag\na\tX\nb\tY\n")
    (tmp_path / "a.txt").write_text("a/X b/Y\nc/X d/Y\n")
    (tmp_path / "long").write_text("a X\nb Y\n" * 101)
    for name, first in (("a.csv", "'n', 'w', 't'"), ("a.tsv", "'word'"), ("a.txt", "'a/X'"), ("long", "'a', 'X'")):
        with pytest.raises(
            ValueError, match=rf"empty lines must part sentences, .* has none, and the columns .{first}"
        ):
            load_tagged(tmp_path / name)


def test_words_with_two_tags_are_refused(tmp_path):
    (tmp_path / "a").write_text("The|DT|O cats|NNS|B\n\nsleep|V|O\n")
    with pytest.raises(ValueError, match=r"each of .* has more of '\|', as .The\|DT'; give a list, \[\[part.spl"):
        load_tagged(tmp_path / "a", form="slash", delimiter="|")
