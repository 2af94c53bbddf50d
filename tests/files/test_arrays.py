"""Files of arrays: what was written is read again, what was damaged is refused, and a crash leaves a whole file."""

import errno
import os

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from npseq.files import VERSION, Content, damage_in, digest, read_content, write_content

FORM = "npseq test"
TENSORS = {"a": np.arange(6.0).reshape(2, 3).T, "part.b": np.arange(40, dtype=np.float32), "none": np.zeros((0, 3))}
CONTENT = Content(TENSORS, {"format": FORM, "version": VERSION, "words": "abc"})


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "m.safetensors"
    write_content(CONTENT, path)
    return path


def test_what_is_read_is_what_was_written(saved):
    found = read_content(str(saved), FORM)
    assert found.metadata == CONTENT.metadata
    assert found.tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert found.tensors[name].dtype == tensor.dtype
        np.testing.assert_array_equal(found.tensors[name], tensor)


def test_the_file_is_plain_safetensors(saved):
    np.testing.assert_array_equal(load_file(saved)["a"], TENSORS["a"])
    with safe_open(saved, framework="numpy") as file:
        assert file.metadata() == {**CONTENT.metadata, "sha256": digest(CONTENT)}


@pytest.mark.parametrize(
    "other",
    [
        CONTENT._replace(metadata={**CONTENT.metadata, "words": "abd"}),
        CONTENT._replace(tensors={**TENSORS, "a": TENSORS["a"].T}),
        CONTENT._replace(tensors={**TENSORS, "a": TENSORS["a"].view(np.int64)}),
        CONTENT._replace(tensors={"c" if name == "a" else name: value for name, value in TENSORS.items()}),
    ],
)
def test_the_digest_is_of_names_values_shapes_and_dtypes(other):
    whole = [Content({k: np.ascontiguousarray(v) for k, v in c.tensors.items()}, c.metadata) for c in (CONTENT, other)]
    assert digest(whole[0]) != digest(whole[1])
    assert digest(whole[0]) == digest(whole[0]._replace(tensors=dict(reversed(whole[0].tensors.items()))))


@pytest.mark.parametrize("kept", [9, 100, 0.5, 0.99, -1])
def test_a_truncated_file_is_refused(saved, kept):
    raw = saved.read_bytes()
    saved.write_bytes(raw[: int(kept * len(raw)) if isinstance(kept, float) else kept])
    with pytest.raises(ValueError, match=r"m.safetensors' is damaged \(.*\); restore it from a copy, or train again"):
        read_content(saved, FORM)


@pytest.mark.parametrize("kept", [0, 1, 7, 8])
def test_so_few_bytes_could_be_anything(saved, kept):
    saved.write_bytes(saved.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"m.safetensors' is no model of npseq, it does not begin as a safetensors"):
        read_content(saved, FORM)


def test_every_kind_of_changed_byte_is_refused(saved):
    raw = saved.read_bytes()
    header = 8 + int.from_bytes(raw[:8], "little")
    names = [b'"part.b', b"words", b"abc"]
    assert all(name in raw for name in names)
    for place in [header, header + 33, len(raw) - 1, *(raw.find(name) + 1 for name in names)]:
        saved.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
        with pytest.raises(ValueError, match="damaged"):
            read_content(saved, FORM)


def test_changed_metadata_is_refused(saved):
    raw = saved.read_bytes()
    assert raw.count(b"abc") == 1
    saved.write_bytes(raw.replace(b"abc", b"abd"))
    with pytest.raises(ValueError, match="its content does not match its SHA-256"):
        read_content(saved, FORM)


def test_other_files_are_refused(tmp_path, saved):
    with pytest.raises(FileNotFoundError, match=r"must be an existing file, found none at .*nothing'; check the path"):
        read_content(tmp_path / "nothing", FORM)
    with pytest.raises(FileNotFoundError, match=r"a model must be a file, .* is a folder; name the file in it"):
        read_content(tmp_path, FORM)
    with pytest.raises(TypeError, match="path must be a path, a str or a PathLike, got 3"):
        read_content(3, FORM)
    (tmp_path / "text").write_text("It was the best of times, it was the worst of times.")
    with pytest.raises(
        ValueError, match=r"text' is no model of npseq, .*; name the folder of a run, or a file that npseq"
    ):
        read_content(tmp_path / "text", FORM)
    save_file({"a": np.zeros(3)}, tmp_path / "foreign")
    with pytest.raises(ValueError, match=f"must be in the format '{FORM}' that npseq saved, its format is None; weig"):
        read_content(tmp_path / "foreign", FORM)
    with pytest.raises(ValueError, match=f"must be in the format 'another' that npseq saved, its format is '{FORM}'"):
        read_content(saved, "another")
    with safe_open(saved, framework="numpy") as file:
        metadata = file.metadata()
    save_file(load_file(saved), tmp_path / "later", {**metadata, "version": "2"})
    with pytest.raises(ValueError, match="must have version 1 of the format, it has '2'; load it with the npseq that"):
        read_content(tmp_path / "later", FORM)


@pytest.mark.parametrize("name", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_an_interrupted_write_leaves_the_old_file_whole(saved, monkeypatch, name, error):
    old = saved.read_bytes()

    def fail(*arguments):
        raise error

    monkeypatch.setattr(os, name, fail)
    with pytest.raises(type(error)):
        write_content(CONTENT._replace(tensors={}), saved)
    monkeypatch.undo()
    assert saved.read_bytes() == old
    assert os.listdir(saved.parent) == [saved.name]
    assert read_content(saved, FORM).metadata == CONTENT.metadata


def test_saving_where_there_is_no_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no/m' must be writable: No such file or directory; make its folder"):
        write_content(CONTENT, tmp_path / "no" / "m")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (KeyError("config"), "it lacks 'config'"),
        (ValueError("two\n  lines"), "two lines"),
        (RecursionError("deep"), "deep"),
        (ZeroDivisionError("by zero"), "by zero"),
    ],
)
def test_an_error_in_a_content_names_its_file(error, reason):
    with pytest.raises(ValueError, match=rf"'m' is damaged \({reason}\)") as raised, damage_in("m"):
        raise error
    assert raised.value.__cause__ is error


def test_other_errors_pass():
    with pytest.raises(OSError, match="disk"), damage_in("m"):
        raise OSError("disk")
