"""The columns of texts and labels are found, or asked for, and so is a header."""

import pytest
from data.labelled_texts import TEXTS, check, texts_of

from npseq.data import load_labelled


def test_a_column_of_one_value_is_no_label_and_a_comma_in_a_text_no_delimiter(tmp_path):
    rows = [(text, label, "en") for text, label in TEXTS]
    check(load_labelled(rows, label=1, min_freq=1))
    (tmp_path / "a.csv").write_text("".join(f'"{text}";{label};en\n' for text, label in TEXTS))
    check(load_labelled(tmp_path / "a.csv", min_freq=1))
    (tmp_path / "sms").write_text("".join(f"{label}\t{text}, and, so, on\n" for text, label in TEXTS))
    assert texts_of(load_labelled(tmp_path / "sms", min_freq=1))[1] == "bad, bad film, and, so, on"


def test_a_first_row_of_short_words_whose_label_comes_alone_is_a_header_or_asked_for(tmp_path):
    rows = [("v2", "v1", ""), *[(f"a text of words, {text}", label, "") for text, label in TEXTS * 2]]
    path = tmp_path / "a.csv"
    path.write_text("".join(f'{label},"{text}",{empty}\n' for text, label, empty in rows))
    assert load_labelled(path).labels == ("+", "-")
    names = [("Ng", "zh"), *[("Ivanov", "ru"), ("Rossi", "it")] * 3]
    for first, header, labels in (("Ng", False, ("it", "ru", "zh")), ("surname of", True, ("it", "ru"))):
        given = [(first, "zh"), *names[1:]]
        with pytest.raises(
            ValueError, match=r"header must be given: the first row of the list, .* has a label of its own"
        ):
            load_labelled(given)
        assert load_labelled(given, header=header).labels == labels
    with pytest.raises(ValueError, match="header must be given"):
        load_labelled([*names, ("Li", "cn"), *names[1:] * 9])
    assert len(load_labelled([("good film", 1), ("bad film", 0)] * 3).lengths) == 6
    assert load_labelled([*names, ("Li", "cn")]).labels == ("cn", "it", "ru", "zh")


def test_a_header_above_short_texts_is_asked_for_though_one_label_comes_once(tmp_path):
    towns = (
        "Lima,America\nQuito,America\nBern,Europe\nOslo,Europe\nAccra,Africa\nTunis,Africa\nDelhi,Asia\nSeoul,Asia\n"
    )
    (tmp_path / "towns.csv").write_text(f"city,continent\n{towns}Riga,Europe\nApia,Oceania\n")
    with pytest.raises(
        ValueError, match=r"first row of .*, \['city', 'continent'\], has a label of its own; say header"
    ):
        load_labelled(tmp_path / "towns.csv")
    data = load_labelled(tmp_path / "towns.csv", header=True, token="char")
    assert data.labels == ("Africa", "America", "Asia", "Europe", "Oceania")


def test_a_column_of_one_value_is_no_text_but_may_be_the_label_of_texts_like_others(tmp_path):
    (tmp_path / "a.csv").write_text(
        "".join(f"{label},a long constant cell,{text.replace(',', '')}\n" for text, label in TEXTS)
    )
    data = load_labelled(tmp_path / "a.csv", min_freq=1)
    assert texts_of(data)[0] == "good film"
    (tmp_path / "b.csv").write_text("-,so bad\n-,bad film\n")
    assert load_labelled(tmp_path / "b.csv", like=data).targets.tolist() == [1, 1]


def test_a_label_that_may_be_one_of_two_is_asked_for(tmp_path):
    (tmp_path / "a.csv").write_text("text,toxic,insult\n" + "some words,1,0\nothers here,0,0\nand more,1,1\n" * 2)
    with pytest.raises(ValueError, match=r"label must be named, .* has several columns of 2 values: 'toxic', 'insult'"):
        load_labelled(tmp_path / "a.csv")
    assert load_labelled(tmp_path / "a.csv", label="toxic").targets.tolist() == [1, 0, 1] * 2


def test_usual_names_say_which_columns_are_texts_and_labels(tmp_path):
    rows = "".join(
        f"Mon Apr 06 22:19:{k} 2009,{k % 2},{k % 2},{text.replace(',', '')}\n" for k, (text, _) in enumerate(TEXTS)
    )
    (tmp_path / "a.csv").write_text(f"date,flag,target,text\n{rows}")
    assert texts_of(load_labelled(tmp_path / "a.csv", min_freq=1))[0] == "good film"
    rows = "".join(f"{text.replace(',', '')};{label};{who}\n" for who, (text, label) in zip("abab", TEXTS, strict=True))
    (tmp_path / "b.csv").write_text(f"Tweet;Label;Annotator\n{rows}")
    assert load_labelled(tmp_path / "b.csv", min_freq=1).labels == ("+", "-")
