import numpy as np
import pytest

from npseq.bptt.truncation import HDetach, RandomTruncation, RouletteTruncation, Truncated
from npseq.training import Run, TrainingConfig, load_checkpoint
from npseq.training.truncation_spec import read_truncation


def test_each_form_is_read():
    assert read_truncation("full") is None
    truncated = read_truncation("truncated:7")
    assert isinstance(truncated, Truncated)
    assert truncated.steps == 7
    random = read_truncation("random:0.9")
    assert isinstance(random, RandomTruncation)
    assert random.keep == 0.9
    roulette = read_truncation("roulette:0.5")
    assert isinstance(roulette, RouletteTruncation)
    assert [roulette.survival(k) for k in range(4)] == [1, 0.5, 0.25, 0.125]
    detach = read_truncation("h-detach:0.25")
    assert isinstance(detach, HDetach)
    assert detach.probability == 0.25


def test_the_random_numbers_are_the_callers():
    rng = np.random.default_rng(0)
    assert all(read_truncation(text, rng).rng is rng for text in ("random:0.5", "roulette:0.5", "h-detach:0.5"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("half", "got 'half'$"),
        ("truncated", "got 'truncated'$"),
        ("", "got ''$"),
        ("truncated:", "could not convert"),
        ("truncated:2.5", r"steps must be a positive integer, got 2\.5"),
        ("truncated:0", "steps must be a positive integer, got 0"),
        ("truncated:inf", "the number must be finite, got inf"),
        ("random:0", r"keep must be a probability in \(0, 1\]"),
        ("random:nan", "the number must be finite"),
        ("roulette:1.5", r"survival of a step must be a probability in \(0, 1\], got 1\.5"),
        ("h-detach:2", r"probability must be in \[0, 1\]"),
    ],
)
def test_anything_else_is_refused(text, reason):
    with pytest.raises(ValueError, match="truncation must be full, truncated:STEPS, random:KEEP, .*" + reason):
        read_truncation(text)
    with pytest.raises(ValueError, match="truncation must be full"):
        TrainingConfig(truncation=text)


@pytest.mark.usefixtures("no_figure")
@pytest.mark.parametrize("truncation", ["random:0.8", "roulette:0.8"])
def test_a_run_with_random_truncation_resumes_to_the_same_bits(tmp_path, text_file, truncation):
    options = {
        "corpus": str(text_file),
        "hidden_size": 6,
        "batch_size": 2,
        "steps": 6,
        "bptt_every": 3,
        "bptt_steps": 5,
    }
    config = TrainingConfig(**options, truncation=truncation, epochs=3)
    straight = Run.begin(config, tmp_path / "straight")
    list(straight.epochs())
    halted = Run.begin(config, tmp_path / "halted")
    next(halted.epochs())
    list(Run.resume(tmp_path / "halted").epochs())
    one, two = (load_checkpoint(tmp_path / out / "model.safetensors") for out in ("straight", "halted"))
    assert one.model.params.flat.tobytes() == two.model.params.flat.tobytes()
    whole = Run.begin(TrainingConfig(**options, epochs=3), tmp_path / "whole")
    list(whole.epochs())
    assert whole.model.params.flat.tobytes() != one.model.params.flat.tobytes()
