"""The prefixes of samples are those given, those of the corpus, or the beginning of the text."""

import pytest

from npseq.data import Vocabulary
from npseq.training import TrainingConfig
from npseq.training.samples import check_prefix, missing, prefixes_of

TEXT = "the time traveller for so it will be convenient"
CHARACTERS = Vocabulary(list(TEXT))
WORDS = Vocabulary(TEXT.split(), token="word")


def test_prefixes_are_those_given():
    config = TrainingConfig(corpus="time-machine", sample_prefix=("so it", "for"))
    assert prefixes_of(config, CHARACTERS, CHARACTERS.encode(TEXT)) == ("so it", "for")


def test_prefixes_of_a_known_corpus_are_its_own_if_its_vocabulary_has_them():
    config = TrainingConfig(corpus="time-machine")
    assert prefixes_of(config, CHARACTERS, CHARACTERS.encode(TEXT)) == ("time traveller", "traveller")
    few = Vocabulary(list("the time"))
    assert prefixes_of(config, few, few.encode("the time")) == ("the time",)


def test_prefixes_of_any_other_text_are_its_beginning():
    config = TrainingConfig(corpus="a file")
    assert prefixes_of(config, CHARACTERS, CHARACTERS.encode(TEXT)) == ("the time t",)
    assert prefixes_of(TrainingConfig(corpus="a file", token="word"), WORDS, WORDS.encode(TEXT)) == ("the time",)


def test_the_missing_tokens_are_named_once_in_order():
    assert missing("zebra the zoo", CHARACTERS) == ["z"]
    assert missing("zebra the zoo zebra", WORDS) == ["zebra", "zoo"]
    assert missing(TEXT, WORDS) == []


def test_a_prefix_must_be_made_of_the_tokens_of_the_text():
    check_prefix("it will", CHARACTERS)
    with pytest.raises(ValueError, match=r"own tokens \(' abcef.*'\), got 'It' with \['I'\], which would be <unk>"):
        check_prefix("It", CHARACTERS)
    with pytest.raises(ValueError, match=r"own tokens \('10 words'\), got 'zoo' with \['zoo'\]"):
        check_prefix("zoo", WORDS)
    with pytest.raises(ValueError, match="a prefix must hold at least one token, got '  '"):
        check_prefix("  ", WORDS)
