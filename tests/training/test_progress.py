"""The progress bar shows how far a run is, and prints some lines of its epochs."""

import pytest
from training.plain_runs import PLAIN

from npseq.training import Run, TrainingConfig
from npseq.training.progress import LINES, ProgressBar


@pytest.fixture
def run(tmp_path, text_file, no_figure):
    config = TrainingConfig(
        **PLAIN, corpus=str(text_file), hidden_size=4, epochs=25, batch_size=2, steps=6, bptt_every=3
    )
    return Run.begin(config, tmp_path / "run")


def on_a_terminal(monkeypatch, run):
    """The bar of a run, as if stderr were a terminal, drawn at every update."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    bar = ProgressBar(run)
    bar.bar.mininterval, bar.bar.miniters, bar.bar.dynamic_miniters = 0, 1, False
    return bar


def test_the_bar_counts_updates_and_is_corrected_at_the_end_of_an_epoch(run, monkeypatch):
    with on_a_terminal(monkeypatch, run) as bar:
        batches = 2 * ((len(run.ids) - 1) // 12)
        assert bar.bar.total == 25 * batches
        metrics = next(run.epochs(on_step=bar.step))
        assert bar.bar.n in (batches, batches - 2)  # an epoch may have a window fewer
        bar.step(1.0)
        bar.epoch(metrics)
        assert bar.bar.n == batches


def test_about_ten_lines_go_to_stdout_and_no_bar_where_there_is_no_terminal(run, capsys):
    with ProgressBar(run) as bar:
        for metrics in run.epochs(on_step=bar.step):
            bar.epoch(metrics)
    printed = capsys.readouterr()
    (begun, *lines), first = printed.out.splitlines(), run.metrics[0]
    assert begun.startswith("learning ")
    assert LINES <= len(lines) <= LINES + 3
    assert [int(line.split()[1]) for line in lines] == [1, *range(2, 26, 2)]
    assert lines[0] == f"epoch  1  perplexity {first.perplexity:.3f}, {first.tokens_per_second:,.0f} tokens/s"
    assert printed.err == ""


def test_a_terminal_shows_epoch_perplexity_speed_and_time(run, monkeypatch, capsys):
    with on_a_terminal(monkeypatch, run) as bar:
        for metrics in run.epochs(on_step=bar.step):
            bar.epoch(metrics)
    shown = capsys.readouterr().err.split("\r")
    assert any("100%" not in line and "epoch 2/25" in line and "perplexity" in line for line in shown)
    assert any("tokens/s" in line and "<" in line for line in shown)
    begun = [line for line in shown if "epoch 0/25" in line and "so far" in line]
    assert begun  # a long first epoch shows its perplexity before it has ended


def test_a_resumed_run_starts_where_it_was(run, tmp_path, monkeypatch):
    next(run.epochs())
    with on_a_terminal(monkeypatch, Run.resume(tmp_path / "run")) as bar:
        assert bar.bar.n == 2 * ((len(run.ids) - 1) // 12)
        assert bar.bar.desc.startswith("epoch 1/25")


def test_a_sample_and_the_curve_come_while_training(tmp_path, text_file, capsys):
    config = TrainingConfig(
        **PLAIN,
        corpus=str(text_file),
        hidden_size=4,
        epochs=4,
        batch_size=2,
        steps=6,
        sample_every=2,
        sample_prefix=("the",),
    )
    run, drawn = Run.begin(config, tmp_path / "run"), []
    with ProgressBar(run) as bar:
        for metrics in run.epochs(on_step=bar.step):
            bar.epoch(metrics)
            drawn.append((tmp_path / "run" / "training.png").exists())
    assert drawn == [False, True, True, True]
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["learning", "epoch", "epoch", "sample:", "epoch", "epoch", "sample:"]
    assert lines[-1] == f"sample: {run.samples()[0]}"
