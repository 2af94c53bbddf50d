"""What may change when a run is resumed, and what may not."""

from pathlib import Path

import numpy as np
import pytest

from npseq.data import Vocabulary
from npseq.models import LanguageModel
from npseq.training import Checkpoint, EpochMetrics, Position, TrainingConfig
from npseq.training.resumption import changed, check_text, digest

IDS, VOCABULARY, OUT = np.array([1, 2, 1, 3]), Vocabulary("abc"), Path("out")
BEGUN = Position(2, np.random.default_rng(0).bit_generator.state)


def checkpoint(vocabulary=VOCABULARY, epochs=2, position=None):
    config = TrainingConfig(cell="rnn", hidden_size=4, epochs=5, sample_prefix=("a",))
    model = LanguageModel(vocabulary, **config.model_options(), rng=0)
    metrics = [EpochMetrics(k, 1.0, 2.7, 0.1, 1e5) for k in range(1, epochs + 1)]
    return Checkpoint(config, model, {}, np.random.default_rng(0), metrics, digest(IDS), position)


def test_epochs_corpus_and_prefixes_may_change():
    changes = {"epochs": 9, "corpus": "elsewhere.txt", "sample_prefix": ("b",)}
    config = changed(checkpoint(), changes, OUT)
    assert (config.epochs, config.corpus, config.sample_prefix) == (9, "elsewhere.txt", ("b",))
    assert config.hidden_size == 4


def test_an_option_that_is_given_as_it_was_is_no_change():
    assert changed(checkpoint(), {"hidden_size": 4, "cell": "rnn"}, OUT) == checkpoint().config
    with pytest.raises(
        ValueError, match="a resumed run keeps its options: hidden_size is 4 in 'out', got 5; leave it out"
    ):
        changed(checkpoint(), {"hidden_size": 5}, OUT)


@pytest.mark.parametrize(("position", "least", "word"), [(None, 2, "had"), (BEGUN, 3, "begun")])
def test_there_are_no_fewer_epochs_than_a_run_has_begun(position, least, word):
    assert changed(checkpoint(position=position), {"epochs": least}, OUT).epochs == least
    with pytest.raises(ValueError, match=f"epochs must be at least the {least} that .* has {word}, got {least - 1}"):
        changed(checkpoint(position=position), {"epochs": least - 1}, OUT)


def test_the_text_must_have_the_same_ids_and_the_same_vocabulary():
    check_text(checkpoint(), IDS, VOCABULARY, "text", OUT)
    for ids, vocabulary in ((IDS[::-1], VOCABULARY), (IDS, Vocabulary("abcd"))):
        with pytest.raises(ValueError, match=r"the text of corpus 'text' must be the one .* it has changed since"):
            check_text(checkpoint(), ids, vocabulary, "text", OUT)
    with pytest.raises(ValueError, match="must hold a vocabulary, this one holds its size alone"):
        check_text(checkpoint(vocabulary=4), IDS, VOCABULARY, "text", OUT)


def test_a_digest_depends_on_the_ids_and_not_on_their_dtype():
    assert digest(IDS) == digest(IDS.astype(np.int32)) == digest(IDS.astype(">i8"))
    assert digest(IDS) != digest(IDS + 1)
    assert len(digest(IDS)) == 64
