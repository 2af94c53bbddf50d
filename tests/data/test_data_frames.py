"""Tables of pandas, the real ones: the same numbers, dates, gaps, texts and labels as pandas itself has."""

import numpy as np
import pytest

from npseq.data import load_labelled, load_pairs, load_tagged, read_series
from npseq.models import Classifier, SeriesForecaster

pandas = pytest.importorskip("pandas")
DAYS = pandas.to_datetime(["2024-01-03", "2024-01-01", "2024-01-02"])


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("day,sold\n2024-01-03,5\n2024-01-01,7.5\n", {}),
        ("day;sold\n03.01.2024;1.005,5\n01.01.2024;7,5\n", {"sep": ";", "decimal": ",", "thousands": "."}),
        ("sold\tnote\tday\n5\tx\t2024-01-03 10:00\nNA\ty\t2024-01-01 11:30\n#N/A\tz\t2024-01-02\n", {"sep": "\t"}),
        ('day,name,sold\n2024-02-01,"a, b","1,234,567"\n2024-01-01,c,\n', {"thousands": ","}),
    ],
)
def test_a_file_has_the_numbers_that_pandas_reads(tmp_path, text, given):
    (tmp_path / "a.csv").write_text(text)
    series = read_series(tmp_path / "a.csv", column="sold", date="day", missing="mask")
    frame = pandas.read_csv(tmp_path / "a.csv", dtype={"day": str}, **given)
    frame["day"] = pandas.to_datetime(frame["day"], format="mixed", dayfirst="." in frame["day"][0])
    expected = frame.set_index("day")["sold"].sort_index()
    np.testing.assert_array_equal(series.values, expected.to_numpy(float))
    np.testing.assert_array_equal(series.time, expected.index.to_numpy())
    again = read_series(frame, column="sold", date="day", missing="mask")
    np.testing.assert_array_equal(again.values, series.values)
    np.testing.assert_array_equal(again.time, series.time)


@pytest.mark.parametrize(
    "index",
    [
        DAYS,
        DAYS.tz_localize("Europe/Paris").tz_convert("UTC"),
        DAYS.to_period("D"),
        pandas.Index(DAYS.date),
        pandas.Index(["2024-01-03", "2024-01-01", "2024-01-02"]),
    ],
    ids=lambda index: str(index.dtype),
)
def test_the_index_has_the_dates_of_a_series_and_of_a_frame(index):
    column = pandas.Series([3.0, 1.0, 2.0], index=index, name="sold")
    frame = pandas.DataFrame({"sold": column, "shop": 7})
    for series in (read_series(column), read_series(frame, column="sold"), read_series(frame[["sold"]])):
        assert series.values.tolist() == [1, 2, 3]
        assert str(series.time[1]).startswith("2024-01-0")
    assert read_series(frame, column="sold", where={"shop": 7}).values.tolist() == [1, 2, 3]


def test_an_index_that_counts_is_that_of_a_series_and_none_of_a_frame():
    assert read_series(pandas.Series([3, 1], index=[5, 6])).time.tolist() == [5, 6]
    assert read_series(pandas.DataFrame({"day": ["2024-01-02", "2024-01-01"], "v": [3, 1]})).values.tolist() == [1, 3]
    assert read_series(pandas.DataFrame({"v": [3, 1]})).values.tolist() == [3, 1]
    with pytest.raises(ValueError, match="must have one value a date, the data frame has 2024-01-01 twice"):
        read_series(pandas.Series([1, 2], index=DAYS[[1, 1]]))


@pytest.mark.parametrize("dtype", ["float64", "Float64", "object", "string"])
def test_a_gap_of_every_dtype_is_one(dtype):
    column = pandas.Series(["3", None, "2"] if dtype == "string" else [3.0, None, 2.0], index=DAYS, dtype=dtype)
    with pytest.raises(ValueError, match="has none at 2024-01-01 and 1 in all; say what becomes of them"):
        read_series(column)
    assert read_series(column, missing="drop").values.tolist() == [2, 3]
    assert read_series(column, missing="mask").missing.tolist() == [True, False, False]
    days = pandas.Series([*DAYS[:2], pandas.NaT])
    with pytest.raises(ValueError, match="must have a date in each row, row 3 of the data frame has none"):
        read_series(pandas.DataFrame({"day": days, "v": [1, 2, 3]}))


def test_a_forecaster_learns_a_column_and_a_classifier_two():
    days = pandas.date_range("2000-01-01", periods=60, freq="MS")
    column = pandas.Series(np.sin(np.arange(60.0)), index=days)
    model = SeriesForecaster("rnn", 3, horizon=2, rng=0).fit(column.sample(frac=1, random_state=0), epochs=1)
    assert model.values_ == column.tolist()
    frame = pandas.DataFrame({"text": ["good film", "bad film"] * 8, "label": ["+", "-"] * 8})
    data = load_labelled(frame, text="text", label="label", min_freq=1)
    one, two = (Classifier("rnn", data.labels, vocab=data.vocab, hidden_size=4, rng=0) for _ in "12")
    one.fit(data, epochs=2)
    two.fit(frame["text"], frame["label"], epochs=2)
    np.testing.assert_array_equal(one.params.flat, two.params.flat)
    assert one.predict(frame["text"]).tolist() == two.predict(frame["text"].tolist()).tolist()
    with pytest.raises(TypeError, match="texts must be strings, or lists of tokens, got nan in place 1"):
        one.predict(pandas.Series(["good", None]))


@pytest.mark.parametrize("gap", [None, np.nan, pandas.NA, ""])
def test_a_row_without_a_text_a_label_or_a_translation_is_named(gap):
    rows = [("a", "x"), ("b", "y"), ("c", "x")]
    for place, what in ((0, "text"), (1, "label")):
        spoiled = pandas.DataFrame(rows, columns=["text", "label"])
        spoiled.iloc[1, place] = gap
        with pytest.raises(ValueError, match=f"a row must have a {what}, row 2 of the data frame has none"):
            load_labelled(spoiled, text="text", label="label")
        what = ("source", "target")[place]
        with pytest.raises(ValueError, match=f"a row must have a {what}, row 2 of the data frame has none"):
            load_pairs(spoiled)
    pairs = load_pairs(pandas.DataFrame(rows, columns=["source", "target"]))
    assert pairs.source_vocab.decode(pairs.source[:, 1]) == "b <eos>"


def test_a_frame_of_a_token_a_row_or_of_lists_is_that_of_sentences():
    given = [[("The", "D"), ("cats", "N")], [("sleep", "V")]]
    rows = [(k, word, tag) for k, sentence in enumerate(given) for word, tag in sentence]
    long = pandas.DataFrame(rows, columns=["sentence", "word", "tag"])
    once = long.assign(sentence=["Sentence: 1", None, "Sentence: 2"])
    lists = pandas.DataFrame({"tokens": [["The", "cats"], ["sleep"]], "tags": [["D", "N"], ["V"]]})
    for data in (
        load_tagged(long, token="word", tag="tag", sentence="sentence", min_freq=1),
        load_tagged(once, token=1, sentence=0, min_freq=1),
        load_tagged(lists, min_freq=1),
        load_tagged(lists.assign(id=["a", "b"])[["id", "tokens", "tags"]], min_freq=1),
    ):
        for found, wanted in zip(data, load_tagged(given, min_freq=1), strict=True):
            assert np.array_equal(found, wanted)
    for frame, options, message in (
        (long, {}, "sentence must name the column .*, got None; the data frame has 'sentence', 'word', 'tag'"),
        (
            long,
            {"sentence": "sentence"},
            "must be three columns, got 0, -1 and 'sentence'; the data frame has",
        ),
        (
            long.assign(word=None),
            {"token": "word", "sentence": 0},
            "row 1 of the data frame has .*keep_default_na=False",
        ),
        (
            lists.assign(tags=[["D"], ["V"]]),
            {},
            "a list of tokens and one of as many tags, row 1 of the data frame",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            load_tagged(frame, **options)


@pytest.mark.parametrize("freq", ["MS", "ME", "QE", "YS", "D", "B", "W-TUE", "h", "15min", "10D", "2MS"])
def test_dates_without_a_row_are_those_of_asfreq(freq):
    whole = pandas.Series(np.arange(60.0), index=pandas.date_range("2000-01-01", periods=60, freq=freq))
    there = np.sort(np.random.default_rng(0).choice(np.arange(1, 59), size=52, replace=False))
    column = whole.iloc[[0, *there, 59]]
    expected = column.asfreq(freq)
    found = read_series(column, missing="mask")
    np.testing.assert_array_equal(found.time, expected.index.to_numpy().astype(found.time.dtype))
    np.testing.assert_array_equal(found.values, expected.to_numpy())
    with pytest.raises(ValueError, match=r"must have a row at every step, .* and 6 in all"):
        read_series(column)
