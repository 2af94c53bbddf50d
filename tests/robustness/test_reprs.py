"""What a notebook shows of a layer, a tape, an optimizer, a report: a few lines that say what one wants to know."""

from __future__ import annotations

import numpy as np
import pytest

import npseq as ns

SHOWN = {
    "Adam": (ns.Adam(), r"Adam\(lr=0.001, betas=\(0.9, 0.999\), eps=1e-08, .*\), 0 steps taken"),
    "SGD": (ns.SGD(0.1, momentum=0.9), r"SGD\(lr=0.1, momentum=0.9, .*nesterov=False, .*\), 0 steps taken"),
    "RMSprop": (ns.RMSprop(), r"RMSprop\(lr=0.01, alpha=0.99, .*centered=False\), 0 steps taken"),
    "Adagrad": (ns.Adagrad(), r"Adagrad\(lr=0.01, .*initial_accumulator_value=0.0, .*\), 0 steps taken"),
}


@pytest.mark.parametrize("name", SHOWN)
def test_an_optimizer_shows_its_options_and_its_steps(name):
    import re

    optimizer, pattern = SHOWN[name]
    assert re.fullmatch(pattern, repr(optimizer))
    params = {"w": np.zeros(2)}
    optimizer.step(params, {"w": np.ones(2)})
    assert repr(optimizer).endswith("1 steps taken")


def test_a_tape_shows_its_steps_and_its_memory():
    _, _, tape = ns.LSTM(3, 4, rng=0).forward(np.zeros((5, 2, 3), np.float32))
    first, *rest = repr(tape).splitlines()
    size = sum(array.nbytes for array in tape.strands[0][0] if hasattr(array, "nbytes")) / 1024
    assert first == f"Tape: T = 5, B = 2, {size:.3g} KiB"
    assert any("a: (5, 4, 4, 2) float32" in line for line in rest)
    two = ns.Bidirectional(ns.GRU(3, 4, rng=0), ns.GRU(3, 4, rng=0)).forward(np.zeros((5, 2, 3), np.float32))[2]
    assert repr(two).startswith("forward layer's Tape: T = 5, B = 2")
    assert "\nbackward layer's Tape: T = 5" in repr(two)


def test_a_report_shows_its_table():
    report = ns.gradcheck(lambda at: (at["x"] ** 2).sum(), {"x": np.ones(3)}, {"x": 2 * np.ones(3)})
    assert repr(report) == str(report)
    assert repr(report).startswith("passed: 1 tensor, max error ")


def test_results_show_shapes_and_no_numbers():
    layer, x, dy = ns.LSTM(3, 4, rng=0), np.zeros((5, 2, 3), np.float32), np.zeros((5, 2, 4), np.float32)
    found = repr(ns.checkpointed(layer, x, dy))
    assert "dx: (5, 2, 3) float32" in found
    assert "dstate: (1, 2, 4) float32, (1, 2, 4) float32" in found
    online = repr(ns.rtrl(layer, x, dy))
    assert "y: (5, 2, 4) float32" in online
    assert "array(" not in found + online


def test_a_run_shows_where_it_stands(tmp_path, text_file):
    from npseq.training import Run, TrainingConfig

    run = Run.begin(
        TrainingConfig(corpus=str(text_file), hidden_size=4, epochs=3, batch_size=2, steps=5), tmp_path / "run"
    )
    assert repr(run).startswith(f"Run({str(tmp_path / 'run')!r}, 0 of 3 epochs, LanguageModel(")
