"""What every loader does alike: it refuses an option that cannot be, or has no effect, before it reads anything."""

from functools import partial

import pytest

from npseq.data import load_labelled, load_pairs, load_tagged, read_series

NO_FILE = "/no/such/file"


@pytest.mark.parametrize(
    ("load", "options", "error", "message"),
    [
        (load_labelled, {"token": "line"}, ValueError, "token must be one of"),
        (load_labelled, {"lower": "no"}, TypeError, "lower must be True or False, got 'no'"),
        (load_labelled, {"min_freq": "2"}, TypeError, "min_freq must be a number"),
        (load_labelled, {"max_size": 0}, ValueError, "max_size must be"),
        (load_labelled, {"max_steps": 0}, ValueError, "max_steps must be a positive integer, got 0"),
        (load_labelled, {"missing": "mask"}, ValueError, "missing must be one of 'refuse', 'drop'"),
        (load_labelled, {"like": 3}, TypeError, "like must be"),
        (load_pairs, {"clean": "letters"}, ValueError, "clean must be one of 'd2l', 'none'"),
        (load_pairs, {"missing": "mask"}, ValueError, "missing must be one of 'refuse', 'drop'"),
        (load_pairs, {"like": 3}, TypeError, "like must be"),
        (load_tagged, {"lower": 2}, TypeError, "lower must be True or False, got 2"),
        (load_tagged, {"min_freq": -1}, ValueError, "min_freq must be an integer of at least 0"),
        (load_tagged, {"form": "xml"}, ValueError, "form must be one of"),
        (load_tagged, {"like": 3}, TypeError, "like must be"),
        (read_series, {"decimal": "'"}, ValueError, "decimal must be one of"),
        (read_series, {"missing": "zero"}, ValueError, "missing must be one of"),
    ],
)
def test_an_option_that_cannot_be_is_refused_before_the_file_is_looked_for(load, options, error, message):
    with pytest.raises(error, match=message):
        load(NO_FILE, **options)


SENTENCES = [[("the", "D"), ("cat", "N")]]


@pytest.mark.parametrize(
    ("load", "options", "message"),
    [
        *((load_pairs, {name: 0}, "belongs to pairs that are read, got it") for name in ("source", "target")),
        (load_pairs, {"clean": "d2l"}, "clean belongs to pairs that are read"),
        (load_pairs, {"delimiter": ";"}, "delimiter belongs to pairs that are read"),
        (load_pairs, {"header": False}, "header belongs to pairs that are read"),
        (load_pairs, {"distinct_sources": True}, "distinct_sources belongs to pairs that are read"),
        *(
            (
                partial(load_tagged, SENTENCES),
                {name: value},
                f"{name} belongs to a file or a table, got",
            )
            for name, value in {"token": 1, "tag": 0, "sentence": 0, "form": "slash", "delimiter": ","}.items()
        ),
        (
            partial(load_labelled, [("a", "b"), ("c", "d")]),
            {"delimiter": ";"},
            "delimiter belongs to a file",
        ),
    ],
)
def test_an_option_without_effect_is_refused(load, options, message):
    with pytest.raises(ValueError, match=message):
        load(**options)
