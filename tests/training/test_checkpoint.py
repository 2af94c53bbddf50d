import numpy as np
import pytest

from npseq.data import Vocabulary
from npseq.models import LanguageModel
from npseq.training import Checkpoint, EpochMetrics, TrainingConfig, load_checkpoint, save_checkpoint
from npseq.training.checkpoint import load_trained
from npseq.training.config import make_optimizer

OPTIMIZERS = ["sgd", "rmsprop", "adam", "adamw", "adagrad"]


def checkpoint(optimizer="adam"):
    config = TrainingConfig(cell="gru", hidden_size=4, epochs=500, optimizer=optimizer, num_layers=2, dropout=0.25)
    rng = np.random.default_rng(5)
    model = LanguageModel(Vocabulary("abcd"), **config.model_options(), rng=rng)
    opt = make_optimizer(config)
    ids = np.random.default_rng(0).integers(0, 5, (2, 7, 3))
    for _ in range(3):
        model.step(ids[0], ids[1], None, opt)
    metrics = [EpochMetrics(k, 1 / k, 2.0, 0.1 * k, 1e5, held_out_perplexity=k / 3) for k in range(1, 4)]
    return Checkpoint(config, model, opt.state_dict(), rng, metrics, "0" * 64)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_everything_comes_back_bit_for_bit(tmp_path, optimizer):
    saved = checkpoint(optimizer)
    save_checkpoint(saved, tmp_path / "c")
    again = load_checkpoint(tmp_path / "c")
    assert again.config == saved.config
    assert again.text_digest == saved.text_digest
    assert [m.line() for m in again.metrics] == [m.line() for m in saved.metrics]
    assert again.rng.bit_generator.state == saved.rng.bit_generator.state
    assert again.model.params.flat.tobytes() == saved.model.params.flat.tobytes()
    assert again.optimizer_state.keys() == saved.optimizer_state.keys()
    for name, value in saved.optimizer_state.items():
        np.testing.assert_array_equal(again.optimizer_state[name], value)
        assert np.asarray(again.optimizer_state[name]).dtype == np.asarray(value).dtype


def test_the_dropout_draws_from_the_generator_that_came_back(tmp_path):
    saved = checkpoint()
    save_checkpoint(saved, tmp_path / "c")
    again = load_checkpoint(tmp_path / "c")
    x = np.ones((3, 4))
    np.testing.assert_array_equal(again.model.recurrent.dropout.draw(x), saved.model.recurrent.dropout.draw(x))
    assert again.rng.bit_generator.state == saved.rng.bit_generator.state


def test_writing_one_changes_nothing(tmp_path):
    saved = checkpoint()
    before = saved.model.params.flat.copy(), saved.rng.bit_generator.state
    save_checkpoint(saved, tmp_path / "c")
    np.testing.assert_array_equal(saved.model.params.flat, before[0])
    assert saved.rng.bit_generator.state == before[1]


def test_a_checkpoint_is_a_model_file_too(tmp_path):
    saved = checkpoint()
    save_checkpoint(saved, tmp_path / "c")
    np.testing.assert_array_equal(LanguageModel.load(tmp_path / "c").params.flat, saved.model.params.flat)
    model, config, text_digest = load_trained(tmp_path / "c")
    assert text_digest == saved.text_digest
    np.testing.assert_array_equal(model.params.flat, saved.model.params.flat)
    assert config == saved.config


def test_a_model_alone_is_no_checkpoint(tmp_path):
    checkpoint().model.save(tmp_path / "m")
    assert load_trained(tmp_path / "m")[1] is None
    with pytest.raises(ValueError, match="must be a checkpoint of a training run, it holds a model alone"):
        load_checkpoint(tmp_path / "m")


def test_a_damaged_one_is_refused(tmp_path):
    save_checkpoint(checkpoint(), tmp_path / "c")
    raw = bytearray((tmp_path / "c").read_bytes())
    raw[-5] ^= 64
    (tmp_path / "c").write_bytes(raw)
    with pytest.raises(ValueError, match=r"c' is damaged .*SHA-256"):
        load_checkpoint(tmp_path / "c")
