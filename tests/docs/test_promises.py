"""docs/promises.md: what it names is there, and its counts are those of the last runs."""

import json
import re

from printed import ROOT, text_of

PAGE = text_of("docs/promises.md")


def result(name):
    return json.loads(text_of(f"benchmarks/results/{name}.json"))


def test_every_command_names_what_there_is():
    paths = (
        " ".join(re.findall(r"`python -m pytest (?:-m (?:slow|long) )?([^`]+)`", PAGE))
        .replace("--fake-cupy", "")
        .split()
    )
    assert len(paths) > 5
    assert all((ROOT / path).exists() for path in paths)
    modules = set(re.findall(r"`python -m (benchmarks\.\w+)(?: --save)?`", PAGE))
    assert modules >= {"benchmarks.faults", "benchmarks.fuzz", "benchmarks.soak", "benchmarks.mutants"}
    files = [ROOT / module.replace(".", "/") for module in modules]
    assert all(file.with_suffix(".py").is_file() or (file / "__main__.py").is_file() for file in files)


def test_the_counts_of_faults():
    """Of a run to its end, where one has been kept; else the page says that there is none."""
    if not (ROOT / "benchmarks" / "results" / "faults.json").exists():
        assert "not yet run to its end; 177 of 200 kills" in PAGE
        return
    found = result("faults")
    killed, forged, texts = found["killed"], found["forged checkpoints"], found["damaged texts"]
    assert f"| {killed['kills']} kills, {len(killed['differ'])} different |" in PAGE
    damaged = found["damaged checkpoints"]
    assert f"| {damaged['refused']:,} of {damaged['damages']:,} refused |" in PAGE
    assert f"| {forged['damages']}: {forged['refused']} refused, {forged['lawful']} lawful |" in PAGE
    same = texts["the same tokens"]
    assert f"| {texts['damages']}: {texts['refused']} refused, {same} of the same tokens |" in PAGE
    assert f"{killed['after an interrupt']} of them after a Ctrl-C" in PAGE
    assert not any(found[name]["not refused"] for name in found if name not in ("machine", "killed"))
    assert not killed["differ"]


def test_the_count_of_two_processes():
    found = result("two_processes")
    assert f"| {found['times']} times, {len(found['wrong'])} wrong |" in PAGE
    assert sum(found["refused"].values()) == found["times"]


def test_the_counts_of_the_fuzz():
    kinds = result("fuzz")["kinds"]
    least = {"layers": 24_000, "models": 4_800, "losses": 9_100, "optimizers": 700}
    assert {kind: kinds[kind]["cases"] >= count for kind, count in least.items()} == dict.fromkeys(least, True)
    assert sum(seen["findings"] for seen in kinds.values()) == 0
    assert f"| {sum(seen['entries'] for seen in kinds.values()):,} entries, 0 wrong |" in PAGE


def test_the_counts_of_soak():
    """Of a run to its end, where one has been kept; else the page says that there is none."""
    if not (ROOT / "benchmarks" / "results" / "soak.json").exists():
        assert "not yet run to its end" in PAGE
        return
    training = result("soak")["training"]
    assert f"| {training['steps']:,} steps: " in PAGE
    assert f" at the end, {training['bytes_a_step']:.3f} bytes a step (" in PAGE
    assert training["finite"]


def test_the_number_of_checks():
    from npseq.layercheck.matrix import CELLS, matrix
    from npseq.layercheck.sizes import size_cases

    small, large = len(matrix()), len(size_cases(CELLS))
    assert f"| {small + large} checks |" in PAGE
    assert f"in {small} checks, and {large} times what a training step runs" in " ".join(PAGE.split())
    assert text_of("benchmarks/results/gradcheck_matrix.txt").endswith(f"\n{small + large} checks passed\n")
    scores = result("mutants")["scores"]["complex"]
    assert f"| {scores[0]} of {scores[1]} caught |" in PAGE


def test_the_times_of_checkers_repeat():
    assert "No time differs by more than 20% from one run to the other" in PAGE
    for row in result("hard_gradients")["checkers"].values():
        one, other = row["ms"]
        assert max(one, other) <= 1.2 * min(one, other)


def test_the_counts_of_names():
    counts = result("diagnose")["counts"]
    for name, (named, of, seconds, longest, quick) in counts.items():
        assert f"| {name} | {named} | {of} | {seconds:.2f} | {longest:.2f} | {quick} |" in PAGE
    planted = [counts[f"planted, {group}"] for group in ("tuned", "unseen", "later")]
    assert f"| {sum(row[0] for row in planted)} of {sum(row[1] for row in planted)} planted bugs named" in PAGE
    assert counts["random errors"][:2] == [0, 500]
