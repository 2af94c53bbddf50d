"""A resumed run may change few options, and nothing of its text."""

import hashlib
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from npseq.data import Vocabulary
from npseq.models import LanguageModel
from npseq.training import Checkpoint, Run, TrainingConfig, load_checkpoint, train
from npseq.training.changes import changed_config, check_same_text, digest

pytestmark = pytest.mark.usefixtures("no_figure")
OUT = Path("out")


def config_of(text_file, **options):
    return TrainingConfig(
        **{"corpus": str(text_file), "hidden": 8, "epochs": 4, "batch_size": 4, "steps": 6, "seed": 3, **options}
    )


def checkpoint_of(vocabulary, ids, **options):
    rng = np.random.default_rng(0)
    model = LanguageModel(vocabulary, hidden_size=4, rng=rng)
    return Checkpoint(TrainingConfig(epochs=4, **options), model, {}, rng, [], digest(ids))


def test_the_digest_is_that_of_little_endian_numbers_of_64_bits():
    expected = hashlib.sha256(struct.pack("<3q", 3, 1, 258)).hexdigest()
    for dtype in ("<i8", ">i8", "<i4", "u2"):
        assert digest(np.array([3, 1, 258], dtype)) == expected
    assert digest(np.array([3, 258, 1])) != expected


def test_changes_make_a_new_configuration_and_leave_the_stored_one():
    checkpoint = checkpoint_of(Vocabulary("ab"), np.arange(2))
    assert changed_config(checkpoint, {}, OUT) == checkpoint.config
    changes = {"epochs": 9, "corpus": "moved.txt", "sample_prefix": ("a",), "lr": checkpoint.config.lr}
    assert changed_config(checkpoint, changes, OUT) == replace(checkpoint.config, **changes)
    assert checkpoint.config.epochs == 4


def test_an_epoch_that_has_begun_counts():
    checkpoint = checkpoint_of(Vocabulary("ab"), np.arange(2))
    begun = checkpoint._replace(metrics=[None, None], position=object())
    assert changed_config(begun, {"epochs": 3}, OUT).epochs == 3
    with pytest.raises(ValueError, match="epochs must be at least the 3 that the run in 'out' has begun, got 2"):
        changed_config(begun, {"epochs": 2}, OUT)


def test_the_text_must_have_the_same_ids_and_the_same_tokens():
    vocabulary, ids = Vocabulary("ab"), np.array([1, 2, 1])
    checkpoint = checkpoint_of(vocabulary, ids)
    check_same_text(checkpoint, ids, vocabulary, "text.txt", OUT)
    for other in ((ids[::-1] + 1, vocabulary), (ids, Vocabulary("ax"))):
        with pytest.raises(ValueError, match=r"corpus 'text\.txt' must be the one that the run in 'out' learns"):
            check_same_text(checkpoint, *other, "text.txt", OUT)


def test_a_model_without_a_vocabulary_cannot_be_compared():
    checkpoint, ids = checkpoint_of(3, np.arange(2)), np.arange(2)
    with pytest.raises(ValueError, match="must hold a vocabulary, this one holds its size alone"):
        check_same_text(checkpoint, ids, Vocabulary("ab"), "text.txt", OUT)


def test_what_may_change_on_the_way_and_what_may_not(tmp_path, text_file):
    train(config_of(text_file, epochs=2), tmp_path / "out")
    with pytest.raises(ValueError, match=r"keeps its options: hidden is 8 in .*out', got 16; leave it out, or start a"):
        Run.resume(tmp_path / "out", {"hidden": 16})
    with pytest.raises(ValueError, match=r"keeps its options: lr is 1\.0 in"):
        Run.resume(tmp_path / "out", {"hidden": 8, "lr": 2.0})
    with pytest.raises(ValueError, match=r"epochs must be at least the 2 that the run in .* has had, got 1"):
        Run.resume(tmp_path / "out", {"epochs": 1})
    with pytest.raises(ValueError, match="text's own tokens"):
        Run.resume(tmp_path / "out", {"sample_prefix": ("XYZ",)})
    moved = text_file.rename(text_file.with_name("moved.txt"))
    with pytest.raises(FileNotFoundError, match="there is no file"):
        Run.resume(tmp_path / "out")
    run = Run.resume(tmp_path / "out", {"corpus": str(moved), "hidden": 8, "sample_prefix": ("best",), "epochs": 3})
    list(run.epochs())
    stored = load_checkpoint(tmp_path / "out" / "model.safetensors").config
    assert (stored.corpus, stored.epochs, stored.sample_prefix) == (str(moved), 3, ("best",))
    moved.write_text(moved.read_text().replace("best", "last"))
    with pytest.raises(ValueError, match=r"must be the one that the run in .* learns, it has changed since"):
        Run.resume(tmp_path / "out", {"epochs": 4})


def test_a_vocabulary_that_changed_past_max_tokens_is_noticed(tmp_path, text_file):
    train(config_of(text_file, epochs=2, max_tokens=60), tmp_path / "out")
    text_file.write_text(text_file.read_text() + " zzz")
    with pytest.raises(ValueError, match="it has changed since"):
        Run.resume(tmp_path / "out", {"epochs": 3})
