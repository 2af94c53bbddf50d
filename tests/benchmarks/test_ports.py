"""The adapters of other libraries: each is listed, one runs here, and the page describes all that was wrong."""

import shlex
import sys
from pathlib import Path

import pytest

import benchmarks.ports
from benchmarks.ports.__main__ import LIBRARIES, run
from benchmarks.readme import result
from npseq.vectors import cases
from npseq.vectors.checking import check
from npseq.vectors.port import Port

ROOT = Path(__file__).parents[2]
SHARED = {"__init__", "__main__", "answering", "through_jax"}


def test_every_adapter_is_listed_and_the_other_way_round():
    files = {path.stem for path in Path(benchmarks.ports.__path__[0]).glob("*.py")}
    assert files - SHARED == {library.adapter for library in LIBRARIES}


def test_the_results_are_of_ten_libraries_and_all_cases():
    found = result("ports")
    assert found["cases"] == len(cases.cases())
    assert len({row["title"].split()[0] for row in found["libraries"]}) >= 10
    assert {row["title"] for row in found["libraries"]} <= {library.title for library in LIBRARIES}
    for row in found["libraries"]:
        assert sum(row["statuses"].values()) == found["cases"]
        assert row["statuses"].get("pass", 0) + len(row["wrong"]) > 0


def test_the_page_describes_everything_that_was_wrong():
    text = (ROOT / "docs" / "ports.md").read_text(encoding="utf-8").partition("## What is wrong")[2]
    for row in result("ports")["libraries"]:
        if row["wrong"]:
            name = row["title"].split()[0]
            assert f"**{name} {row['version']}" in text, name


def test_an_adapter_runs(monkeypatch):
    pytest.importorskip("torch")
    few = [case for case in cases.cases() if case.name in ("gru", "lstm-ragged-states", "lstm-two-layers")]
    monkeypatch.setattr("benchmarks.ports.__main__.cases", lambda: few)
    library = next(library for library in LIBRARIES if library.adapter == "torch_cells")
    found = run(library, sys.executable)
    assert found["statuses"] == {"pass": 2, "skip": 1}
    assert found["skipped"] == {"one layer and direction: a cell": 1}
    assert found["worst"] < 1e-13


def test_an_adapter_that_fails_is_an_error(tmp_path):
    path = str(Path(benchmarks.ports.__path__[0]))
    program = f"import sys; sys.path.insert(0, {path!r}); from answering import serve; serve(lambda case: case.nothing)"
    port = Port(shlex.join([sys.executable, "-c", program]), stream=True, by_line=True)
    (found,) = check(port, cases.cases()[:1], json=True)
    port.close()
    assert found.status == "error"
    assert "nothing" in found.text
