"""What is held out is the end of a text or another one; it changes nothing that is learnt but when training ends."""

import json
import math
import shutil

import numpy as np
import pytest
from training.plain_runs import PLAIN

from npseq.data import Vocabulary
from npseq.models import LanguageModel
from npseq.training import EpochMetrics, Run, TrainingConfig, load_checkpoint, train
from npseq.training.heldout import READ, best, loss, name_of, over, rows, split, usual_epochs

pytestmark = pytest.mark.usefixtures("no_figure")
IDS, VOCABULARY = np.arange(50) % 3 + 1, Vocabulary("abc")
SMALL = {**PLAIN, "hidden_size": 6, "epochs": 4, "batch_size": 4, "steps": 6, "valid": 0.2, "lr": 0.5}


def metrics_of(*perplexities):
    return [EpochMetrics(k, 1.0, 2.7, 0.1, 1e5, held_out_perplexity=p) for k, p in enumerate(perplexities, 1)]


def test_a_share_is_the_end_of_the_text():
    learnt, held = split(TrainingConfig(valid=0.1), IDS, VOCABULARY)
    assert (learnt.tolist(), held.tolist()) == (IDS[:45].tolist(), IDS[45:].tolist())
    assert split(TrainingConfig(valid=0), IDS, VOCABULARY)[1] is None
    with pytest.raises(ValueError, match=r"valid must hold out at least 2 tokens of the text, 0\.1 of 9 is 1; take a"):
        split(TrainingConfig(valid=0.1), IDS[:9], VOCABULARY)


def test_another_text_is_read_as_that_of_the_run_is(tmp_path):
    (tmp_path / "held").write_text("AbZ\n")
    config = TrainingConfig(valid=str(tmp_path / "held"), clean="letters")
    learnt, held = split(config, IDS, VOCABULARY)
    assert learnt is IDS
    assert held.tolist() == [1, 2, 0]


def test_the_best_epoch_is_the_first_of_the_least_perplexity():
    assert best(metrics_of(3.0, 2.0, 2.0, 5.0)).epoch == 2
    assert best(metrics_of(math.nan)) is None


@pytest.mark.parametrize(
    ("patience", "perplexities", "stops"),
    [(None, (1, 2, 3), False), (2, (1, 2), False), (2, (1, 2, 3), True), (2, (3, 2, 1), False), (1, (), False)],
)
def test_training_is_over_after_so_many_epochs_that_are_not_better(patience, perplexities, stops):
    assert over(metrics_of(*perplexities), patience) is stops


def test_about_as_many_tokens_are_read_of_every_text():
    assert (usual_epochs(1), usual_epochs(READ // 7), usual_epochs(10 * READ)) == (500, 7, 1)


def test_a_long_text_is_measured_in_rows_within_a_thousandth_of_one_row():
    ids = np.random.default_rng(0).integers(0, 4, 30_000)
    model = LanguageModel(4, "gru", 8, rng=0)
    assert (rows(20_000), rows(len(ids))) == (1, 32)
    assert loss(model, ids) == pytest.approx(model.evaluate(ids), rel=1e-3)


def test_what_is_measured_is_named():
    assert name_of(TrainingConfig(corpus="/a/book.txt")) == "the held-out last 0.1 of book.txt"
    assert name_of(TrainingConfig(corpus="/a/book.txt", valid=0)) == "book.txt, the text it learnt"
    assert name_of(TrainingConfig(corpus="/a/book.txt", valid="/b/more.txt")) == "more.txt, held out"


def test_the_best_model_is_kept_beside_the_last_and_the_log_has_each_epoch(tmp_path, text_file):
    run = train(TrainingConfig(corpus=str(text_file), **SMALL), tmp_path / "run")
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    kept = LanguageModel.load(tmp_path / "run" / "best.safetensors")
    least = min(row["held_out_perplexity"] for row in rows)
    assert np.exp(loss(kept, run.held)) == pytest.approx(least)
    assert run.evaluate() == pytest.approx(rows[-1]["held_out_perplexity"])
    assert len(run.ids) + len(run.held) == len(text_file.read_text())
    with pytest.raises(ValueError, match="must be a checkpoint of a training run, it holds a model alone"):
        load_checkpoint(tmp_path / "run" / "best.safetensors")


def test_the_text_itself_is_not_held_out():
    config = TrainingConfig(corpus="-", **{**SMALL, "valid": "-"})
    with pytest.raises(ValueError, match="valid must be another text than the one that is learnt, got '-' for both"):
        split(config, IDS, VOCABULARY)


def test_what_comes_from_the_standard_input_is_named():
    assert name_of(TrainingConfig(corpus="-")) == "the held-out last 0.1 of the standard input"
    assert name_of(TrainingConfig(corpus="a.txt", valid="-")) == "the standard input, held out"


def test_measuring_changes_no_bit_of_what_is_learnt(tmp_path, text_file):
    copy = shutil.copy(text_file, tmp_path / "copy.txt")
    one, two = (
        train(TrainingConfig(corpus=str(text_file), **{**SMALL, "valid": valid}), tmp_path / str(k))
        for k, valid in enumerate((0, str(copy)))
    )
    assert one.held is None
    assert two.held.tolist() == two.ids.tolist()
    assert one.model.params.flat.tobytes() == two.model.params.flat.tobytes()


def test_early_stopping_ends_a_run_and_more_patience_goes_on(tmp_path, text_file):
    config = TrainingConfig(corpus=str(text_file), **{**SMALL, "lr": 1e-30, "epochs": 9}, patience=2)
    run = train(config, tmp_path / "run")
    assert [m.epoch for m in run.metrics] == [1, 2, 3]
    assert run.finished
    again = Run.resume(tmp_path / "run")
    assert list(again.epochs()) == []
    longer = Run.resume(tmp_path / "run", {"patience": 4})
    assert [m.epoch for m in longer.epochs()] == [4, 5]


def test_a_learning_rate_may_change_when_a_run_is_resumed(tmp_path, text_file):
    train(TrainingConfig(corpus=str(text_file), **SMALL), tmp_path / "run")
    before = load_checkpoint(tmp_path / "run" / "model.safetensors").model.params.flat
    run = Run.resume(tmp_path / "run", {"epochs": 5, "lr": 1e-30})
    list(run.epochs())
    np.testing.assert_array_equal(run.model.params.flat, before)
    assert load_checkpoint(tmp_path / "run" / "model.safetensors").config.lr == 1e-30
