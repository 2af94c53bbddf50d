"""Results compared: drift cancels, a regression is named and is exit status 1; tables cut off; paper scaling."""

from __future__ import annotations

import json
from time import sleep

import pytest

from benchmarks import compare, parallel, plots, timing
from benchmarks.record import beside, geometric_mean, ratios, record
from benchmarks.suite import finish
from benchmarks.table import cut, table
from benchmarks.timing import alternate, spread


def row(name: str, npseq: float, **rivals: float) -> dict:
    measured = {n: {"median": v, "low": 0.99 * v, "high": 1.01 * v, "runs": 9} for n, v in rivals.items()}
    own = {"median": npseq, "low": 0.99 * npseq, "high": 1.01 * npseq, "runs": 9}
    case = {"cell": "rnn", "dtype": "float32"}
    return record("training step", name, "ms", {"npseq": own, **measured}, case=case, operations=2e9, peak=400.0)


@pytest.fixture
def compared(tmp_path, capsys):
    def run(old: list[dict], new: list[dict], *flags: str) -> tuple[int, str]:
        paths = [tmp_path / "old.json", tmp_path / "new.json"]
        for path, rows in zip(paths, (old, new), strict=True):
            path.write_text(json.dumps({"records": rows}))
        status = compare.main([*map(str, paths), *flags])
        told = capsys.readouterr()
        return status, told.out + told.err

    return run


def test_a_machine_that_drifts_is_no_regression(compared):
    status, told = compared([row("A", 10, torch=20, jax=15)], [row("A", 17, torch=34, jax=25.5)])
    assert status == 0
    assert "1 cases, ratios 1.000 of what they were; 0 worse, 0 better" in told


def test_a_regression_is_named(compared):
    old, new = [row("A", 10, torch=20), row("B", 10, torch=20)], [row("A", 10, torch=20), row("B", 13, torch=20)]
    status, told = compared(old, new)
    assert status == 1
    assert "worse: 0.77 of what it was  training step: B  (torch 2.00 -> 1.54)" in told
    assert "training step: A" not in told


def test_one_rival_that_became_faster_is_weighed_with_the_others(compared):
    status, _ = compared([row("A", 10, torch=20, jax=20)], [row("A", 10, torch=17, jax=20)])
    assert status == 0
    status, _ = compared([row("A", 10, torch=20, jax=20)], [row("A", 10, torch=17, jax=20)], "--tolerance", "0.05")
    assert status == 1


def test_what_lies_within_the_quartiles_says_so(compared):
    wide = row("A", 12, torch=20)
    wide["measured"]["npseq"].update(low=8, high=15)
    _, told = compared([row("A", 10, torch=20)], [wide])
    assert "within the quartiles" in told


def test_a_case_that_is_gone_is_named(compared):
    status, told = compared([row("A", 10, torch=20), row("B", 10, torch=20)], [row("A", 10, torch=20)])
    assert status == 1
    assert "gone: training step: B" in told


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ([row("B", 10, torch=20)], "the two files must have a case in common"),
        ([row("A", 10, jax=20)], "training step: A must have a rival in both files, got .'torch'. and .'jax'."),
    ],
)
def test_files_that_cannot_be_compared(compared, new, message):
    status, told = compared([row("A", 10, torch=20)], new)
    assert status == 2
    assert pytest.importorskip("re").search(message, told)


def test_a_file_of_another_kind(tmp_path, capsys):
    path = tmp_path / "x.json"
    path.write_text("[]")
    assert compare.main([str(path), str(path)]) == 2
    assert "must be a result that the suite wrote" in capsys.readouterr().err


def test_ratios_and_their_mean():
    assert ratios(row("A", 10, torch=25, jax=5)) == {"torch": 2.5, "jax": 0.5}
    assert geometric_mean([2.0, 0.5, 8.0]) == pytest.approx(2.0)


def test_tables_cut_off():
    assert [cut(1.999), cut(0.9999), cut(2.0), cut(1.56, 1)] == ["1.99", "0.99", "2.00", "1.5"]
    content = {"machine": {"matrix_peak_gflops": {"float32": 400.0}}, "records": [row("A", 10, torch=19.999)]}
    assert "| A | 10 (9.9 to 10.1) | 0.50 | 20 | 1.99 |" in table(content)


def test_a_result_leaves_json_table_and_picture(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("benchmarks.machine.RESULTS", tmp_path)
    options = type("Options", (), {"threads": 1, "save": "tiny"})
    finish([row("A", 10, torch=25, jax=5), row("B", 9, torch=25)], options)
    content = json.loads((tmp_path / "tiny.json").read_text())
    assert content["machine"]["matrix_peak_gflops"] == {"float32": 400.0}
    assert [r["name"] for r in content["records"]] == ["A", "B"]
    assert "| geometric mean |" in (tmp_path / "tiny.md").read_text()
    assert (tmp_path / "tiny_training_step.png").stat().st_size > 1000
    assert "tiny_training_step.png" in capsys.readouterr().out
    plots.grid(content["records"], tmp_path / "grid.png")
    assert (tmp_path / "grid.png").exists()


def test_rivals_take_turns(monkeypatch):
    monkeypatch.setattr(timing, "BURST", 0.0)
    monkeypatch.setattr(timing, "REST", 0.0)
    order = []
    times = alternate({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, budget=0.0, least=4, burst=2)
    assert order == [*"aaaaabbbbb", *"aaabbb", *"aaabbb"]  # warm-up; then bursts, of each the first not counted
    assert [len(found) for found in times.values()] == [4, 4]


def test_a_spread():
    assert spread([3.0, 1.0, 2.0, 4.0, 5.0], 10) == {"median": 30, "low": 15, "high": 45, "runs": 5}
    assert spread([3.0]) == {"median": 3, "low": 3, "high": 3, "runs": 1}


def test_a_case_is_measured_and_held_against_its_rivals():
    from benchmarks.cases import Case
    from benchmarks.record import Settings

    settings = Settings(budget=0.0, threads=1, least=2, rivals=("npseq", "textbook"))
    found = beside("training step", Case("rnn", 3, 2, 5, 4), settings, 0.0)
    assert found["measured"].keys() == {"npseq", "textbook"}
    assert found["agreement"]["textbook"] < 1e-3
    assert found["peak"] > 0


def test_scaling_on_paper_by_hand():
    """1 s a step; 250 MB: two machines send each its bytes once, 0.2 s at 10 Gbit/s, and wait twice 20 us."""
    found = row("A", 10, **{"one process": 1000.0})
    found |= {"parameters": 62_500_000 - 1, "case": {"dtype": "float32"}}
    assert parallel.on_paper(found, 2, 10) == pytest.approx(2 * 1 / (1 + 0.2 + 40e-6))
    assert parallel.on_paper(found, 64, 100) == pytest.approx(64 / (1 + 2 * 63 / 64 * 0.02 + 12 * 20e-6))


def test_the_suite_names_its_parts(monkeypatch, capsys):
    from benchmarks.__main__ import PARTS, main

    assert list(PARTS) == ["training_step", "inference", "generation", "gradcheck", "memory"]
    monkeypatch.setattr("sys.argv", ["benchmarks", "speed"])
    with pytest.raises(SystemExit):
        main()
    assert "no part speed; there are training_step, inference, generation, gradcheck, memory" in capsys.readouterr().err


def test_a_burst_lasts_as_long_as_a_training_loop_takes_to_warm_up(monkeypatch):
    monkeypatch.setattr(timing, "BURST", 0.02)
    times = alternate({"fast": lambda: sleep(0.002)}, budget=0.0, least=1)
    assert 3 < len(times["fast"]) <= 10
