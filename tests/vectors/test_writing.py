"""The files hold the exact numbers, twice the same, and replace only what npseq wrote."""

import json
import re

import numpy as np
import pytest
from safetensors import safe_open

from npseq.vectors.cases import cases, computed, problem
from npseq.vectors.writing import write

BY_NAME = {case.name: case for case in cases()}
CASE = BY_NAME["gru-ragged-states"]


def arrays_in(found, path=""):
    for name, value in found.items():
        if isinstance(value, dict):
            yield from arrays_in(value, f"{path}{name}.")
        else:
            yield path + name, value


@pytest.fixture
def folder(tmp_path):
    assert [case.name for case in write(tmp_path / "cases", [CASE])] == [CASE.name]
    return tmp_path / "cases"


def test_json_and_safetensors_hold_the_same(folder):
    found = json.loads((folder / f"{CASE.name}.json").read_text())
    parts = ("inputs", "outputs", "gradients", "layouts")
    arrays = dict(arrays_in({part: found[part] for part in parts}))
    with safe_open(folder / f"{CASE.name}.safetensors", "np") as file:
        assert set(file.keys()) == arrays.keys()
        for name in file.keys():  # noqa: SIM118  it is no dict
            assert np.array_equal(file.get_tensor(name), arrays[name])
        metadata = file.metadata()
    assert json.loads(metadata["options"]) == found["options"]
    assert (metadata["case"], metadata["cell"], metadata["format"]) == (CASE.name, "gru", "npseq vectors")
    assert found["layouts"].keys() == {"npseq", "torch", "keras", "onnx", "cudnn"}


def test_the_numbers_are_npseqs_to_a_few_ulps(folder):
    found = json.loads((folder / f"{CASE.name}.json").read_text())
    answer = computed(problem(CASE))
    written = found["outputs"] | found["gradients"] | found["layouts"]["npseq"]["gradients"]
    assert written.keys() == answer.keys()
    for name, value in written.items():
        np.testing.assert_allclose(answer[name], value, rtol=0, atol=64 * np.finfo(float).eps * np.abs(value).max())


def test_the_readme_names_every_part_of_a_file(folder):
    text = (folder / "README.md").read_text()
    found = json.loads((folder / f"{CASE.name}.json").read_text())
    names = {*found, *found["options"], *found["inputs"], *found["outputs"], *found["gradients"], *found["layouts"]}
    words = set(re.findall(r"\w+", text))
    assert names - words == {"format", "version", "input_size", "hidden_size"} - words
    assert max(map(len, text.splitlines())) <= 120


def test_npseqs_own_are_replaced_and_nothing_else(folder):
    assert len(list(write(folder, [CASE]))) == 1
    for name in ("README.md", f"{CASE.name}.json", f"{CASE.name}.safetensors"):
        before = (folder / name).read_bytes()
        (folder / name).write_text("mine")
        with pytest.raises(FileExistsError, match="npseq did not write it"):
            list(write(folder, [CASE]))
        assert (folder / name).read_text() == "mine"
        (folder / name).write_bytes(before)
