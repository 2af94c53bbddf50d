"""Random calls of everything public end in a right answer, or in a clear error whose remedy works."""

from __future__ import annotations

import inspect
import resource
import signal
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from foreign_arrays import kinds
from public_names import METHODS, THINGS
from robustness import odd_arguments
from robustness.judgement import call, judge, meant
from robustness.public_api_calls import cases

SECONDS, MEMORY = 60, 2 << 30  # that a call may take; bytes, that 20,000 of them may
CASES = cases()
USUAL = [case for case in CASES if not case.seldom]
WITHOUT_CASE = {  # what is public and takes arguments, and why no case calls it
    "plan": "of a truncation: backward calls it, after Truncation.check",
    "check": "of a truncation: backward and every training step call it",
    "Cell.forward": "npseq calls it with its own numbers",
    "Cell.local_derivatives": "npseq calls it with its own numbers",
    "Cell.backward": "npseq calls it with its own numbers",
    "Cell.vector_gradients": "npseq calls it with its own numbers",
    "Cell.initial": "npseq calls it with its own numbers",
    "Recurrent.weights": "a piece of the engine, which calls it with its own numbers",
    "Recurrent.input_adjoints": "a piece of the engine, which calls it with its own numbers",
    "Model.loss": "each model has its own, with a case",
    "training.Run": "Run.begin and Run.resume make one, and have cases",
    "load_co2": "it reads a file of the folder that NPSEQ_DATA names; tests/data/test_series.py calls it",
    "torch.module": "it needs PyTorch; tests/interop/test_torch_module.py calls it",
    "onnx.function": "it needs onnxruntime; tests/interop/onnx/test_running.py calls it",
    "learn.Exercise": "learn.exercise makes one",
    "Exercise.check": "it takes a function of each exercise's own; tests/learn/test_exercise.py hands it wrong ones",
    "Exercise.hint": "it takes a number of three; tests/learn/test_exercise.py",
    "learn.Marks": "it holds what it is given",
    "learn.Mark": "it holds what it is given",
    "Page.save": "it takes a path alone; tests/inspect/test_page.py calls it",
    "learn.grade": "it takes a path alone; tests/learn/test_grading.py calls it",
    "data.load_labelled": "it takes tables of many kinds; tests/data/test_labelled.py hands it wrong ones",
    "data.load_tagged": "it takes sentences of two kinds; tests/data/test_labelled.py hands it wrong ones",
    "data.read_series": "it takes tables of many kinds; tests/data/test_timeseries.py hands it wrong ones",
    "Labelled.of": "it takes what indexes an array",
    "TextFitting.fit": "it takes data of many kinds; tests/models/test_text_fitting.py hands it wrong ones",
    "TextFitting.score": "it takes what fit takes",
    "Fitting.evaluate": "it takes what fit takes",
    "LabelModel.score": "it takes what fit takes",
    "Translating.predict": "it takes texts; tests/models/test_translating.py hands it wrong ones",
    "Translating.score": "it takes what fit takes",
    "SeriesForecaster.fit": "it takes data of many kinds; tests/models/test_series_forecaster.py hands it wrong ones",
    "SeriesForecaster.loss": "fit calls it with its own numbers",
    "SeriesForecaster.predict": "it takes what fit takes",
    "SeriesForecaster.score": "it takes what fit takes",
    "SeriesForecaster.compare": "it takes what fit takes",
    "onnx.read": "it takes a path alone; tests/interop/onnx/test_reading.py calls it",
}
if not find_spec("onnx"):
    WITHOUT_CASE["onnx.export"] = "it needs the extra onnx"


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@contextmanager
def in_time():
    """Raises TimeoutError in a call that takes longer than SECONDS."""

    def stop(number, frame):
        raise TimeoutError(f"no end after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def in_little_memory():
    """Within this context the process cannot take MEMORY more than it has."""
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def unclear(count, seed, every_fiftieth=CASES):
    """What random calls did that they may not do: [(case, seed of the call, what)]."""
    found = []
    for k in range(count):
        case = USUAL[k % len(USUAL)] if k % 50 else every_fiftieth[k // 50 % len(every_fiftieth)]
        with in_time():
            happened = judge(case, [seed, k])
        if happened:
            found.append((case.name, [seed, k], happened))
    return found


def function_of(thing):
    """The function of a method, by which it is the same however it is reached."""
    return getattr(thing, "__func__", thing)


def takes_arguments(thing):
    return bool(set(inspect.signature(thing).parameters) - {"self", "cls"})


def holds_what_it_is_given(thing):
    """Whether it is a NamedTuple or an exception, which are checked where they are taken."""
    return inspect.isclass(thing) and (hasattr(thing, "_fields") or issubclass(thing, BaseException))


def is_excused(name, excuse):
    """Of Cell.forward, also MGUCell.forward."""
    return name.endswith(excuse if excuse.startswith("Cell.") else f".{excuse}")


def test_everything_public_has_a_case():
    called = {id(function_of(case.covers or case.function)) for case in CASES}
    missing = [
        name
        for name, thing in [*THINGS, *METHODS]
        if id(function_of(thing)) not in called and not holds_what_it_is_given(thing) and takes_arguments(thing)
    ]
    unexcused = [name for name in missing if not any(is_excused(name, excuse) for excuse in WITHOUT_CASE)]
    assert unexcused == []
    assert all(any(is_excused(name, excuse) for name in missing) for excuse in WITHOUT_CASE)


def slow(case):
    return pytest.param(case, marks=pytest.mark.long) if case.seldom else case


@pytest.mark.parametrize("case", [*map(slow, CASES)], ids=[case.name for case in CASES])
def test_good_arguments_are_accepted(case):
    for seed in range(3):
        result = call(case, case.good(np.random.default_rng(seed)))
        assert not isinstance(result, Exception), result


def test_some_random_calls_end_well():
    found = unclear(1500, 1, USUAL)
    assert not found, "\n".join(map(str, found))


@pytest.mark.long
def test_an_error_is_short_whatever_is_given():
    found, given = [], odd_arguments.LENGTHY
    for case in USUAL:
        good = case.good(np.random.default_rng(0))
        for name in set(good) - {"self", *case.left_out}:
            for value in given:
                result = call(case, {**case.good(np.random.default_rng(0)), name: value})
                if isinstance(result, Exception) and "too long" in (what := meant(result)):
                    found.append((case.name, name, what))
    assert not found, "\n".join(map(str, found))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(5))
def test_twenty_thousand_random_calls_end_well(seed, monkeypatch):
    monkeypatch.setattr(odd_arguments, "LIBRARIES", True)
    for make in kinds(1).values():  # loads the libraries, which takes seconds and memory
        make(np.ones(2))
    with in_little_memory():
        found = unclear(20_000, seed)
    assert not found, f"{len(found)} of 20,000:\n" + "\n".join(map(str, found[:50]))
