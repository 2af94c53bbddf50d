"""A series is read in the order of its dates, and missing values are what was asked for."""

from datetime import datetime
from types import SimpleNamespace

import numpy as np
import pytest

from npseq.data import read_series

ROWS = [["03.01.2024", "1.002,5"], ["01.01.2024", "7"], ["02.01.2024", "8,25"]]


@pytest.mark.parametrize(
    ("dates", "first"),
    [
        (["2024-01-03", "2024-01-01", "2024-01-02"], "2024-01-01"),
        (["03.01.2024", "01.01.2024", "02.01.2024"], "2024-01-01"),
        (["2024/03", "2024/01", "2024/02"], "2024-01-01"),
        (["2024/01/03 00:00", "2024/01/01 12:00", "2024/01/02 00:00"], "2024-01-01T12:00:00"),
        (["Jan 3 2024", "Jan 1 2024", "Jan 2 2024"], "2024-01-01"),
        (["20240103", "20240101", "20240102"], "2024-01-01"),
        (["2024-01-03 12:00:00", "2024-01-01 12:00:00", "2024-01-02 12:00:00"], "2024-01-01T12:00:00"),
        (["2024-01-03T12:00:00.5Z", "2024-01-01T13:00:00.5+01:00", "2024-01-02T12:00Z"], "2024-01-01T12:00:00.500000"),
        (["2024-Q3", "2024Q1", "2024 Q2"], "2024-01-01"),
        (["3", "1", "2"], "1.0"),
    ],
)
def test_dates_are_put_in_order(dates, first):
    series = read_series([[day, str(k)] for k, day in enumerate(dates)])
    assert series.values.tolist() == [1, 2, 0]
    assert str(series.time[0]) == first


def test_decimal_signs_and_dates_of_another_form():
    assert read_series(ROWS, decimal=",").values.tolist() == [7, 8.25, 1002.5]
    assert read_series([["1", "1,5"], ["2", "2"]]).values.tolist() == [1.5, 2]
    assert read_series([["1", "1,005.5"], ["2", "2"]]).values.tolist() == [1005.5, 2]
    rows = [["12/31/2023", "1"], ["01/02/2024", "2"]]
    assert read_series(rows, date_format="%m/%d/%Y").time.astype(str).tolist() == ["2023-12-31", "2024-01-02"]


def test_commas_that_part_thousands_are_no_decimal_signs():
    assert read_series([["1", "1,234,567"], ["2", "1,000"]]).values.tolist() == [1234567, 1000]
    rows = [["1", "1,234"], ["2", "999"]]
    with pytest.raises(ValueError, match=r"decimal sign or part thousands, the list has '1,234'; say decimal=','"):
        read_series(rows)
    assert read_series(rows, decimal=".").values.tolist() == [1234, 999]
    assert read_series(rows, decimal=",").values.tolist() == [1.234, 999]


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["1.005,5", "7,5"], [1005.5, 7.5]),
        (["1,005.5", "7.5"], [1005.5, 7.5]),
        (["1.234.567", "5,6"], [1234567, 5.6]),
        (["1 234,5", "-12\u202f345\u202f678"], [1234.5, -12345678]),
        (["1'234.5", "1e3", "+.5"], [1234.5, 1000, 0.5]),
    ],
)
def test_the_decimal_sign_is_the_one_by_which_all_cells_are_numbers(cells, numbers):
    assert read_series([[str(k), cell] for k, cell in enumerate(cells)]).values.tolist() == numbers


@pytest.mark.parametrize(
    ("cells", "decimal", "bad"),
    [(["1,5", "2.5"], None, "1,5"), (["1,5"], ".", "1,5"), (["1.5"], ",", "1.5"), (["1,2345"], ".", "1,2345")],
)
def test_a_number_of_another_form_is_refused(cells, decimal, bad):
    with pytest.raises(
        ValueError, match=f"must hold numbers, row 1 of the list has '{bad}'; name the column, or the dec"
    ):
        read_series([[str(k), cell] for k, cell in enumerate(cells)], decimal=decimal)
    with pytest.raises(ValueError, match="decimal must be one of"):
        read_series([["1", "2"]], decimal=";")


def test_the_columns_are_found_where_they_can_be_no_others(tmp_path):
    (tmp_path / "a.csv").write_text("symbol,day,note,price\nA,2024-01-02,x,3\nA,2024-01-01,y,2\n")
    series = read_series(tmp_path / "a.csv")
    assert series.values.tolist() == [2, 3]
    assert str(series.time[0]) == "2024-01-01"
    (tmp_path / "b.csv").write_text("year,jan,feb\n2023,1,2\n2024,3,4\n")
    with pytest.raises(ValueError, match=r"column must be named, .* has several of numbers: 'jan', 'feb'"):
        read_series(tmp_path / "b.csv")
    assert read_series([[datetime(2024, 1, 2), 5], [datetime(2024, 1, 1), 4]]).time.dtype == "datetime64[D]"


def test_values_are_never_their_own_dates(tmp_path):
    (tmp_path / "a.csv").write_text("sold,seen\n3,0\n1,0\n2,1\n")
    with pytest.raises(ValueError, match=r"date must be named .* 'seen', does not rise; .* date=False if the rows are"):
        read_series(tmp_path / "a.csv", column="sold")
    assert read_series(tmp_path / "a.csv", column="sold", date=False).values.tolist() == [3, 1, 2]


def test_an_index_without_a_name(tmp_path):
    (tmp_path / "a.csv").write_text('"","time","n"\n"1",1949.08,5\n"2",1949.17,6\n')
    assert read_series(tmp_path / "a.csv", column="n").values.tolist() == [5, 6]
    assert read_series(tmp_path / "a.csv", column="n", date="time").time.tolist() == [1949.08, 1949.17]


@pytest.mark.parametrize(
    ("header", "rows", "days"),
    [
        ("year,quarter,n", ["1959,2,6", "1959.0,1,5", "1959,3,7"], ["1959-01-01", "1959-04-01", "1959-07-01"]),
        ("year,month,n", ["1959,2,6", "1959,1,5", "1959,12,7"], ["1959-01-01", "1959-02-01", "1959-12-01"]),
        ("y,m,d,n", ["1959,2,3,6", "1959,2,1,5", "1960,1,1,7"], ["1959-02-01", "1959-02-03", "1960-01-01"]),
        ("month,year,n", ["Feb,1959,6", "Jan,1959,5", "Mar,1959,7"], ["1959-01-01", "1959-02-01", "1959-03-01"]),
        (
            "day;time;n",
            ["31.12.1959;23:00;6", "31.12.1959;22:00;5", "01.01.1960;00:00;7"],
            ["1959-12-31T22:00:00", "1959-12-31T23:00:00", "1960-01-01T00:00:00"],
        ),
    ],
)
def test_dates_in_several_columns(tmp_path, header, rows, days):
    (tmp_path / "a.csv").write_text("\n".join([header, *rows]) + "\n")
    columns = header.replace(";", ",").split(",")[:-1]
    series = read_series(tmp_path / "a.csv", column="n", date=columns)
    assert (series.values.tolist(), series.time.astype(str).tolist()) == ([5, 6, 7], days)
    for column, date in ((["n"], columns), ("n", [["year"]]), (True, columns)):
        with pytest.raises(TypeError, match="must be the name or the place of one column of the file"):
            read_series(tmp_path / "a.csv", column=column, date=date)


def test_one_series_of_a_table_of_many(tmp_path):
    (tmp_path / "a.csv").write_text("day,shop,sold\n2024-01-01,1,5\n2024-01-01,2,7\n2024-01-02,2,8\n")
    assert read_series(tmp_path / "a.csv", column="sold", date="day", where={"shop": 2}).values.tolist() == [7, 8]
    with pytest.raises(ValueError, match=r"must leave a row of .*, 'shop' is never 3; it has '1', '2'"):
        read_series(tmp_path / "a.csv", column="sold", date="day", where={"shop": 3})


def test_a_file_a_frame_and_values_alone(tmp_path):
    (tmp_path / "a.csv").write_text("day;sales;note\n2024-01-02;5,5;x\n2024-01-01;4;y\n")
    series = read_series(tmp_path / "a.csv", column="sales", date="day")
    assert series.values.tolist() == [4, 5.5]
    frame = SimpleNamespace(columns=["t", "v"], itertuples=lambda index: iter([(1, 2.5), (2, None)]))
    assert read_series(frame, missing="mask").missing.tolist() == [False, True]
    assert read_series(np.array([1.0, np.nan]), missing="drop").values.tolist() == [1]
    assert read_series([1, None, 3], missing="mask").missing.tolist() == [False, True, False]
    assert read_series([["1"], ["4"]]).values.tolist() == read_series([1, 4.0]).values.tolist() == [1, 4]


@pytest.mark.parametrize("gap", ["", "NA", "nan", " - ", "null", "#N/A", None, np.nan])
def test_missing_values_are_refused_dropped_or_masked(gap):
    rows = [["1", "5"], ["2", gap], ["3", "6"]]
    with pytest.raises(ValueError, match=r"has none at 2\.0 and 1 in all; say what becomes of them: missing='drop' or"):
        read_series(rows)
    assert read_series(rows, missing="drop").values.tolist() == [5, 6]
    masked = read_series(rows, missing="mask")
    assert np.isnan(masked.values).tolist() == masked.missing.tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: read_series([["1", "x"]]),
            "must hold numbers, row 1 of the list has 'x'; name the column, or the dec",
        ),
        (lambda: read_series([["1", "inf"]]), "must hold finite numbers, row 1 of the list has 'inf'"),
        (
            lambda: read_series([["May the 4th", "1"]]),
            "dates must be of one form, .* has 'May the 4th'; give date_format",
        ),
        (lambda: read_series([["1", "2"], ["", "3"]]), "must have a date in each row, row 2 of the list has none"),
        (
            lambda: read_series([["1", "2"], ["1", "3"]], date=0),
            r"must have one value a date, the list has 1\.0 twice; leave the rows of one",
        ),
        (
            lambda: read_series([["2024-01", "1"], ["Total", "1"]]),
            "row 2 of the list has 'Total'; give date_format, .* date=False if the rows are in order$",
        ),
        (
            lambda: read_series([["Tag", "1 EUR"], ["2024-01", "2 EUR"]]),
            "order, header=True if the first row names the",
        ),
        (
            lambda: read_series([["20241301", "1"]], date_format="%Y%m%d"),
            "dates must be of one form, %Y%m%d, row 1 of the list has",
        ),
        (lambda: read_series([["1", "2"]], missing="zero"), "missing must be"),
        (lambda: read_series(np.array([1, np.inf])), "must hold finite numbers, row 2 of the list has inf"),
        (lambda: read_series(np.array([1, 2j])), "must hold numbers, row 1 of the list has"),
        (lambda: read_series(np.array(["2024-01-01"], "M8[D]")), "must hold numbers, row 1 of the list has"),
        (lambda: read_series(np.array([])), "must hold at least one row, the list has none"),
        (lambda: read_series(np.ones(3), date=1), "date must be one of the 1 columns of the list, got 1"),
        (
            lambda: read_series([["5.5", "1"], ["5.25", "2"]]),
            "date must be named where no column holds dates, of the list the first other one, 0, does not rise; give",
        ),
    ],
)
def test_what_is_no_series_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
