"""The header of a file of arrays is judged before anything else is read."""

import json
import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from safetensors.numpy import save

from npseq.cli import main
from npseq.files.header import DTYPES, header_bytes, parsed
from npseq.models import LanguageModel
from npseq.models.whole import content_of

TENSORS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros((0, 5), np.int64), "c": np.array(2.5)}


def written(path, header, data=b""):
    """A file with this header, a dict or bytes."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(raw).to_bytes(8, "little") + raw + data)
    return path


def of(dtype="F32", shape=(2,), places=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(places)}


def test_what_the_library_wrote_is_read(tmp_path):
    (tmp_path / "m").write_bytes(save(TENSORS, {"word": "x"}))
    with open(tmp_path / "m", "rb") as file:
        header = parsed(header_bytes(file), os.path.getsize(tmp_path / "m"))
        found, outlines = header.tensors(file), header.outlines()
    assert header.metadata == {"word": "x"}
    for name, tensor in TENSORS.items():
        assert (found[name].dtype, found[name].shape) == (outlines[name].dtype, outlines[name].shape)
        assert (found[name].dtype, found[name].shape) == (tensor.dtype, tensor.shape)
        np.testing.assert_array_equal(found[name], tensor)


@pytest.mark.parametrize("dtype", sorted(DTYPES))
def test_every_dtype_that_numpy_has(tmp_path, dtype):
    one = np.array([1, 0, 1]).astype(DTYPES[dtype])
    (tmp_path / "m").write_bytes(save({"x": one}))
    assert f'"dtype":"{dtype}"'.encode() in (tmp_path / "m").read_bytes()
    with open(tmp_path / "m", "rb") as file:
        found = parsed(header_bytes(file), os.path.getsize(tmp_path / "m")).tensors(file)["x"]
    assert found.dtype == one.dtype
    np.testing.assert_array_equal(found, one)


@pytest.mark.parametrize(
    ("header", "data", "message"),
    [
        ({"a": of(shape=(3,))}, 8, "its tensor 'a' has another size than its dtype and shape"),
        ({"a": of(places=(0, 12), shape=(3,))}, 8, "its tensor 'a' must lie in the 8 bytes of the file"),
        ({"a": of(places=(4, 8), shape=(1,))}, 8, "its tensor 'a' must begin at byte 0, it begins at 4"),
        ({"a": of(), "b": of(places=(4, 12))}, 12, "its tensor 'b' must begin at byte 8, it begins at 4"),
        ({"a": of()}, 9, "its tensors must end with the file at byte 9, they end at 8"),
        ({"a": of(places=(8, 0))}, 8, "its tensor 'a' must lie in the 8 bytes"),
        ({"a": of(shape=(0, 2**62), places=(0, 0))}, 0, "its tensor 'a' must lie in the 0 bytes"),
        ({"a": of(shape=(-2, -1))}, 8, "must have a name for dtype, and whole numbers"),
        ({"a": of(shape=(2.0,))}, 8, "whole numbers for the others"),
        ({"a": of(shape=(True, 2))}, 8, "whole numbers for the others"),
        ({"a": of(shape=(1,) * 40 + (2,))}, 8, "whole numbers for the others"),
        ({"a": of(dtype=7)}, 8, "must have a name for dtype"),
        ({"a": of(places=(0, 8, 8))}, 8, "must have a name for dtype"),
        ({"a": 3}, 8, "its tensor 'a' must have a dtype, a shape and data_offsets"),
        ({"a": {**of(), "more": 1}}, 8, "its tensor 'a' must have a dtype, a shape and data_offsets"),
        ({"__metadata__": {"a": 1}}, 0, "its metadata must map names to texts"),
        ({"__metadata__": []}, 0, "its metadata must map names to texts"),
        (b'{"a": [}', 0, "Expecting value"),
        (b'{"\xff": 1}', 0, "invalid start byte"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 0, "recursion"),
    ],
)
def test_a_header_that_cannot_be_is_refused_from_the_library_and_the_command(tmp_path, capsys, header, data, message):
    path = written(tmp_path / "m", header, bytes(data))
    with pytest.raises(ValueError, match=rf"m' is damaged \(.*{message}.*\); restore it from a copy"):
        LanguageModel.load(path)
    assert main(["sample", str(path)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)


@pytest.mark.parametrize("dtype", ["F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "BF16", "F4", "F6_E2M3", "U128", ""])
@pytest.mark.parametrize("command", [["sample"], ["evaluate"], ["inspect"], ["train", "--resume"]])
def test_a_dtype_that_numpy_lacks_is_one_line_with_file_tensor_and_dtype(tmp_path, capsys, dtype, command):
    path = written(tmp_path / "model.safetensors", {"weight": of(dtype)}, bytes(8))
    assert main([*command, str(tmp_path)]) == 2
    told = f"{str(path)!r} is no model of npseq, its tensor 'weight' has the dtype {dtype!r}, which NumPy lacks"
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert told in err


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_model_of_halves_is_refused_and_its_tensors_can_be_copied(tmp_path, dtype):
    torch = pytest.importorskip("torch")
    safetensors = pytest.importorskip("safetensors.torch")
    model = LanguageModel(5, "gru", 4, rng=0)
    content = content_of(model)
    halves = {name: torch.from_numpy(value.copy()).to(getattr(torch, dtype)) for name, value in content.tensors.items()}
    safetensors.save_file(halves, tmp_path / "m", content.metadata)
    told = (
        "its tensor '.*' has the dtype 'BF16'.* copy it into the params of"
        if dtype == "bfloat16"
        else "float32.* first, they are .*float16"
    )
    with pytest.raises(ValueError, match=told):
        LanguageModel.load(tmp_path / "m")
    for name, value in safetensors.load_file(tmp_path / "m").items():
        model.params[name] = value.float().numpy()
        np.testing.assert_array_equal(model.params[name], halves[name].float().numpy())


@pytest.mark.parametrize("size", [6 << 30, 400 << 30])
@pytest.mark.parametrize("head", [b"", b"a text, and zeros", (40).to_bytes(8, "little") + b"{", b"\xff" * 8 + b"{"])
def test_a_large_file_that_is_no_model_takes_no_memory(tmp_path, size, head):
    path = tmp_path / "large"
    with open(path, "wb") as file:
        file.write(head)
        try:
            file.truncate(size)
        except OSError:
            pytest.skip(f"no file of {size >> 30} GiB here, not even an empty one")
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"is no model of npseq|is damaged"):
        LanguageModel.load(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_a_large_tensor_that_the_model_cannot_have_is_not_read(tmp_path):
    """A file of the right format whose configuration has another number of parameters."""
    LanguageModel(5, "rnn", 4, rng=0).save(tmp_path / "small")
    raw = (tmp_path / "small").read_bytes()
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    places = {"weight": of("U8", (1 << 32,), (0, 1 << 32))}
    path = written(tmp_path / "large", {"__metadata__": header["__metadata__"], **places})
    with open(path, "r+b") as file:
        file.truncate(path.stat().st_size + (1 << 32))
    tracemalloc.start()
    with pytest.raises(
        ValueError, match=r"large' is damaged \(its parameters must be .*output.W.* first, they are .*weight.*\)"
    ):
        LanguageModel.load(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")
def test_a_process_that_meets_one_stays_small(tmp_path):
    with open(tmp_path / "large", "wb") as file:
        file.truncate(6 << 30)
    code = (
        "import re, sys; from npseq.cli import main; status = main(['sample', sys.argv[1]]); "
        "print(status, re.search(r'VmHWM:\\s*(\\d+) kB', open('/proc/self/status').read())[1])"  # not the parent's peak
    )
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path / "large")], capture_output=True, text=True)
    assert run.stderr.startswith("npseq: error: ")
    status, most = map(int, run.stdout.split())
    assert status == 2
    assert most < 600_000
