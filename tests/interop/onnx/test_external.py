"""Data beside an ONNX file is read from its folder alone, and as much of it as the file says."""

import os
from types import SimpleNamespace

import pytest

from npseq.interop.onnx.external import external_data


def tensor(**entries):
    return SimpleNamespace(external_data=[SimpleNamespace(key=key, value=value) for key, value in entries.items()])


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "models"
    (folder / "weights").mkdir(parents=True)
    (folder / "weights" / "lstm.data").write_bytes(bytes(range(20)))
    (tmp_path / "secret").write_bytes(b"0123456789")
    return folder


@pytest.mark.parametrize(
    ("entries", "size", "expected"),
    [
        ({}, 20, bytes(range(20))),
        ({"offset": "16"}, 4, bytes(range(16, 20))),
        ({"offset": "4", "length": "2", "checksum": "?"}, 2, b"\x04\x05"),
        ({"offset": "20", "length": "0"}, 0, b""),
    ],
)
def test_a_piece_of_a_file_in_the_folder_or_below(folder, entries, size, expected):
    given = tensor(location="weights/lstm.data", **entries)
    assert external_data(given, "W", folder, size) == expected


@pytest.mark.parametrize(
    ("entries", "size", "message"),
    [
        ({}, 8, r"W must have 8 bytes in 'lstm.data', it says 20 from byte 0 of 20"),
        ({"length": "8"}, 4, "it says 8 from byte 0 of 20"),
        ({"offset": "16", "length": "8"}, 8, "it says 8 from byte 16 of 20"),
        ({"offset": "30"}, 8, "it says -10 from byte 30 of 20"),
        ({"length": str(2**59)}, 2**59, "it says 576460752303423488 from byte 0 of 20"),
        *(
            ({"offset": bad}, 8, "must have its place in another file in bytes, got")
            for bad in ("-4", "x", "1" * 40, "\u0661")
        ),
    ],
)
def test_what_the_file_does_not_hold_is_refused(folder, entries, size, message):
    with pytest.raises(ValueError, match=message):
        external_data(tensor(location="weights/lstm.data", **entries), "W", folder, size)


def test_a_place_that_is_given_twice_is_refused(folder):
    given = tensor(location="weights/lstm.data")
    given.external_data *= 2
    with pytest.raises(ValueError, match="W lies in another file, whose place it gives twice"):
        external_data(given, "W", folder, 20)


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_no_link_leads_out_of_the_folder(folder):
    (folder / "out").symlink_to(folder.parent / "secret")
    (folder / "up").symlink_to(folder.parent)
    (folder / "round").symlink_to(folder / "round")
    (folder / "in").symlink_to(folder / "weights" / "lstm.data")
    for location in ("out", "up/secret"):
        with pytest.raises(
            ValueError, match=f"must be in the folder of the model and no link out of it, got '{location}'"
        ):
            external_data(tensor(location=location), "W", folder, 10)
    with pytest.raises(ValueError, match="lies in 'round', which is not beside the model"):
        external_data(tensor(location="round"), "W", folder, 10)
    assert len(external_data(tensor(location="in"), "W", folder, 20)) == 20


@pytest.mark.skipif(os.name != "posix", reason="there are no pipes elsewhere")
def test_a_pipe_is_not_waited_for(folder):
    os.mkfifo(folder / "pipe")
    with pytest.raises(ValueError, match="lies in 'pipe', which is not beside the model"):
        external_data(tensor(location="pipe"), "W", folder, 10)
